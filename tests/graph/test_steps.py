"""The forward and backward pass as steps."""

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import assume, given

from micrograd_like import MLP, Value, named, parse, topological_order
from micrograd_like.engine import UNREACHED
from micrograd_like.graph.steps import BackwardStep, backward_steps, count_paths, forward_steps, paths
from micrograd_like.ops import CONSTANT

from ..graphs import programs


@pytest.fixture
def lecture() -> Value:
    """Return the first example of Karpathy's lecture: L = (a*b + c)*f."""
    return parse("e = a*b; d = e + c; L = d*f", a=2, b=-3, c=10, f=-2)


def differentiated(program):
    """Return the nodes of a random graph, and its output, with gradients."""
    nodes = program.nodes()
    try:
        nodes[-1].backward()
    except (ValueError, OverflowError):
        assume(False)
    return nodes, nodes[-1]


@given(programs())
def test_steps_do_what_backward_does(program):
    _, root = differentiated(program)
    order = topological_order(root)
    expected = {v: v.grad for v in order if v.op is not CONSTANT}
    root.zero_grad()

    grads = dict.fromkeys(expected, 0.0)
    for step in backward_steps(root):
        assert step.before == grads[step.operand]
        assert step.contribution == step.upstream * step.local
        assert step.after == step.before + step.contribution
        assert step.is_seed or step.upstream == expected[step.node]  # complete before it is passed on
        grads[step.operand] = step.after
    assert grads == expected  # bit for bit
    assert all(v.grad is UNREACHED for v in order)


@given(programs())
def test_paths_add_up_to_the_gradient(program):
    nodes, root = differentiated(program)
    for v in nodes[: len(program.leaves)]:
        count = count_paths(root, v)
        assume(count <= 300)
        found = paths(root, v)
        assert len(found) == count
        assert len({(path.nodes, path.locals) for path in found}) <= count
        gradient = sum(path.product for path in found)
        size = sum(abs(path.product) for path in found)
        assert gradient == pytest.approx(v.grad, rel=1e-12, abs=1e-12 * size)


def test_lecture_step_by_step(lecture):
    assert [str(step) for step in forward_steps(lecture)] == [
        "a = 2",
        "b = -3",
        "e = a * b = 2 * (-3) = -6",
        "c = 10",
        "d = e + c = -6 + 10 = 4",
        "f = -2",
        "L = d * f = 4 * (-2) = -8",
    ]
    assert [str(step) for step in backward_steps(lecture)] == [
        "∂L/∂L = 1",
        "∂L/∂d += ∂L/∂L * ∂L/∂d = 1 * f = 1 * (-2) = -2",
        "∂L/∂f += ∂L/∂L * ∂L/∂f = 1 * d = 1 * 4 = 4",
        "∂L/∂e += ∂L/∂d * ∂d/∂e = -2 * 1 = -2",
        "∂L/∂c += ∂L/∂d * ∂d/∂c = -2 * 1 = -2",
        "∂L/∂a += ∂L/∂e * ∂e/∂a = -2 * b = -2 * (-3) = 6",
        "∂L/∂b += ∂L/∂e * ∂e/∂b = -2 * a = -2 * 2 = -4",
    ]


def test_a_second_contribution_is_added():
    (a,) = named(a=3.0)
    lines = [str(step) for step in backward_steps(a + a)]
    assert lines[1:] == [
        "∂v1/∂a += ∂v1/∂v1 * ∂v1/∂a = 1 * 1 = 1",
        "∂v1/∂a += ∂v1/∂v1 * ∂v1/∂a = 1 * 1 = 1, so 1 + 1 = 2",
    ]


def test_gradients_in_a_line_can_be_marked(lecture):
    for step in backward_steps(lecture):
        assert step.written(str) == str(step)
    (a,) = named(a=3.0)
    steps = list(backward_steps(a * -a))
    assert steps[0].written("<{}>".format) == "<∂v2/∂v2> = <1>"
    assert [s.written("<{}>".format) for s in steps if s.operand is a] == [
        "<∂v2/∂a> += <∂v2/∂v2> * ∂v2/∂a = <1> * v1 = <1> * (-3) = <-3>",
        "<∂v2/∂a> += <∂v2/∂v1> * ∂v1/∂a = <3> * (-1) = <-3>, so -3 + (-3) = <-6>",
    ]


def test_long_text(lecture):
    step = next(s for s in backward_steps(lecture) if s.operand_name == "a")
    assert step.text.splitlines() == [
        "e = a * b, so a acts on L through e:",
        "    upstream gradient  ∂L/∂e = -2",
        "    local derivative   ∂e/∂a = b = -3",
        "    contribution       -2 * (-3) = 6",
        "    ∂L/∂a was 0 and is now 6",
    ]
    assert "begins at the output" in next(backward_steps(lecture)).text
    assert [s.text.splitlines()[0] for s in forward_steps(lecture)][:3] == [
        "a is an input:",
        "b is an input:",
        "e is made by multiply:",
    ]


def test_labels_that_are_sums_get_parentheses():
    a, b, c = named(a=1.0, b=2.0, c=3.0)
    s = a + b
    s.label = "a + b"
    product = s * c
    product.label = "L"
    assert [str(step) for step in forward_steps(product)][-1] == "L = (a + b) * c = 3 * 3 = 9"
    assert "∂L/∂a += ∂L/∂(a + b) * ∂(a + b)/∂a = 3 * 1 = 3" in [str(step) for step in backward_steps(product)]


def test_fractions_stay_exact():
    x = Value(Fraction(1, 3), "x")
    y = x * x / 2 + 1
    last = list(backward_steps(y))[-1]
    assert (last.after, str(last.after)) == (Fraction(1, 3), "1/3")


def test_constants_have_no_step():
    steps = list(backward_steps(parse("2*x + 1", x=3)))
    assert [s.operand_name for s in steps[1:]] == ["v1", "x"]
    assert "2" not in [s.name for s in forward_steps(parse("2*x", x=3))]


def test_steps_are_frozen(lecture):
    step = next(backward_steps(lecture))
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.after = 2.0


def test_undefined_derivative_is_said():
    (a,) = named(a=0.0)
    with pytest.raises(ValueError, match=r"sqrt\(a\) = sqrt\(0.0\) = 0.0 has no finite derivative with respect to a"):
        list(backward_steps(a.sqrt()))


def test_steps_of_a_network_have_formulas():
    out = MLP(2, [2, 1], seed=1)([0.5, -1.0])
    formulas = {(s.name, s.operand_name): s.formula for s in backward_steps(out) if isinstance(s, BackwardStep)}
    assert formulas["v5", "w2[1→1]"] == "v2"
    assert formulas["v1", "w1[2→1]"] == "x2"
    assert formulas["v1", "b1[1]"] == "1"


def test_paths_are_written_with_their_factors():
    (a,) = named(a=2.0)
    b = a * a
    b.label = "b"
    c = b + 3 * a
    c.label = "c"
    assert [str(path) for path in paths(c, a)] == [
        "c <- b <- a: 1 * 2 = 2",
        "c <- b <- a: 1 * 2 = 2",
        "c <- v1 <- a: 1 * 3 = 3",
    ]
    assert str(paths(a, a)[0]) == "a: 1"


def test_paths_are_counted_without_listing_them():
    (a,) = named(a=1.0)
    v = a
    for _ in range(100):
        v = v * 0.5 + v * 0.5
    assert count_paths(v, a) == 2**100
    with pytest.raises(ValueError, match=r"1,267,650,600,228,229,401,496,703,205,376 paths, more than 1,000"):
        paths(v, a)
    assert count_paths(v, Value(1.0)) == 0
    assert paths(v, Value(1.0)) == []


def test_paths_to_a_node_in_between():
    (a,) = named(a=2.0)
    b = a * 3
    c = b * b
    assert sum(path.product for path in paths(c, b)) == 12.0
