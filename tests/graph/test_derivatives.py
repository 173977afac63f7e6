"""Gradients as graphs, second derivatives, directions."""

from fractions import Fraction

import autograd
import autograd.numpy as anp
import mpmath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_like import MLP, Value, named, parse, text, topological_order
from micrograd_like.engine import UNREACHED
from micrograd_like.graph.derivatives import grad, hessian, jvp, simplify

from ..graphs import MEANINGS, programs
from ..test_gradients import HIPS, many


def run(program):
    nodes = program.nodes()
    leaves, root = nodes[: len(program.leaves)], nodes[-1]
    try:
        gradients = grad(root, leaves)
    except (ValueError, OverflowError):
        assume(False)
    return root, leaves, gradients


@many(150)
@given(programs())
def test_numbers_and_values_agree_with_backward(program):
    root, leaves, gradients = run(program)
    values = grad(root, leaves, create_graph=True)
    assert all(v.grad is UNREACHED for v in topological_order(root))
    root.backward()
    assert gradients == [v.grad for v in leaves]
    assert [v.data for v in values] == pytest.approx(gradients, rel=1e-12, abs=1e-12)


@many(100)
@given(programs(most_steps=6))
def test_hessians_against_autograd(program):
    root, leaves, _ = run(program)
    try:
        second = hessian(root, leaves)
    except (ValueError, OverflowError):
        assume(False)

    def bowl(x):  # adds 1 on the diagonal; autograd warns where a gradient does not depend on x
        return program.run(HIPS, list(x))[-1] + anp.sum(x**2) / 2

    expected = autograd.hessian(bowl)(anp.array(program.leaves)) - anp.eye(len(leaves))
    size = max(1.0, abs(expected).max())
    for row, wanted in zip(second, expected, strict=True):
        assert row == pytest.approx(list(wanted), rel=1e-9, abs=1e-9 * size)


@many(60)
@given(programs(most_steps=5), st.integers(2, 3))
def test_higher_derivatives_against_mpmath(program, order):
    root, leaves, _ = run(program)
    v = root
    try:
        for _ in range(order):
            (v,) = grad(v, leaves[:1], create_graph=True)
    except (ValueError, OverflowError):
        assume(False)
    numbers = [mpmath.mpf(x) for x in program.leaves]
    with mpmath.workdps(60):
        expected = mpmath.diff(lambda x: program.run(MEANINGS, [x, *numbers[1:]])[-1], numbers[0], order)
    assume(abs(expected) < 1e8)
    assert v.data == pytest.approx(float(expected), rel=1e-7, abs=1e-7)


@many(100)
@given(programs(), st.lists(st.floats(-2, 2), min_size=4, max_size=4))
def test_a_direction_forwards_is_the_gradient_backwards(program, direction):
    root, leaves, gradients = run(program)
    direction = direction[: len(leaves)]
    terms = [g * d for g, d in zip(gradients, direction, strict=True)]
    size = sum(map(abs, terms))
    assert jvp(root, leaves, direction) == pytest.approx(sum(terms), rel=1e-9, abs=1e-12 + 1e-9 * size)


def test_hessian_times_a_vector_in_both_ways():
    x, y, z = leaves = named(x=0.3, y=-0.7, z=1.2)
    f = (x * y).tanh() * z.exp() + (x + z) ** 3
    direction = [0.5, -1.0, 2.0]
    rows = hessian(f, leaves)
    by_rows = [sum(a * d for a, d in zip(row, direction, strict=True)) for row in rows]
    assert [jvp(g, leaves, direction) for g in grad(f, leaves, create_graph=True)] == pytest.approx(by_rows)
    assert rows == [pytest.approx(column) for column in zip(*rows, strict=True)]  # it is symmetric


def test_a_gradient_is_written_as_one_would():
    (x,) = named(x=2.0)
    (first,) = grad(x**3, [x], create_graph=True)
    (second,) = grad(first, [x], create_graph=True)
    (third,) = grad(second, [x], create_graph=True)
    assert [line.split("  ")[0] for line in text(first).splitlines()[1:4]] == ["v2 = 3 * v1", "├─ 3", "└─ v1 = x**2"]
    assert (first.data, second.data, third.data, third.op.name) == (12.0, 12.0, 6.0, "constant")


def test_simplification_saves_nodes():
    model = MLP(2, [4, 4, 1], activation="tanh", seed=1)
    loss = (model([0.5, -1.0]) - 1) ** 2
    parameters = model.parameters()
    before = grad(loss, parameters, create_graph=True)
    assert all(isinstance(v, Value) for v in before)

    def nodes(values):
        return len(set().union(*map(topological_order, values)))

    def doubled(v):  # the same, computed anew and with detours
        return (v + 0) * 1 - 0 + v * 0

    detours = [doubled(v) for v in before]
    assert nodes(detours) > nodes(before) + 5 * len(before)
    assert nodes(simplify(detours)) == nodes(before)
    assert [v.data for v in simplify(detours)] == [v.data for v in before]
    assert nodes(before) < 3 * len(topological_order(loss))


@pytest.mark.parametrize(
    ("written", "simple"),
    [
        ("x + 0", "x"),
        ("0 + x", "x"),
        ("x - 0", "x"),
        ("0 - x", "-x"),
        ("x * 1", "x"),
        ("1 * x", "x"),
        ("x * 0", "0"),
        ("x / 1", "x"),
        ("0 / x", "0"),
        ("x ** 1", "x"),
        ("x ** 0", "1"),
        ("--x", "x"),
        ("+x", "x"),
        ("2 * 3 + x", "6 + x"),
        ("tanh(0) + x * y - y * x", "x * y - x * y"),
    ],
)
def test_rules(written, simple):
    x, y = named(x=2.0, y=3.0)

    def tree(formula):
        return parse(formula, **{v.label: v for v in (x, y) if v.label in formula.replace("tanh", "")})

    (v,) = simplify([tree(written)])
    assert text(v) == text(simplify([tree(simple)])[0])
    assert v.data == tree(written).data
    assert len(topological_order(v)) <= len(topological_order(tree(simple)))


def test_what_is_computed_twice_is_computed_once():
    x, y = named(x=2.0, y=3.0)
    a, b = simplify([(x * y).tanh() + 1, (y * x).tanh() + 1])
    assert a is b


def test_the_graph_itself_is_not_copied():
    x, y = named(x=2.0, y=3.0)
    e = (x * y + 2).exp()
    (g,) = grad(e, [x], create_graph=True)
    assert e in topological_order(g)


def test_fractions_stay_exact():
    x = Value(Fraction(1, 3), "x")
    f = x**3 / 2 + x
    (first,) = grad(f, [x], create_graph=True)
    assert first.data == Fraction(3, 2) / 9 + 1
    assert grad(f, [x]) == [first.data]
    y = Value(Fraction(1, 3), "y")
    assert grad(x**1 + x * y, [x], create_graph=True)[0].data == Fraction(4, 3)
    assert hessian(f, [x]) == [[Fraction(1)]]
    assert jvp(f, [x], [Fraction(1, 7)]) == first.data / 7


def test_with_respect_to_nodes_in_between():
    (x,) = named(x=2.0)
    e = x * 3
    f = e * e + x
    assert grad(f, [e, x, f]) == [12.0, 37.0, 1.0]
    assert jvp(f, [e], [1.0]) == 12.0


def test_what_it_does_not_depend_on_has_gradient_0():
    x, y = named(x=2.0, y=3.0)
    assert grad(x * 2, [x, y]) == [2.0, 0.0]
    assert [v.data for v in grad(x * 2, [x, y], create_graph=True)] == [2.0, 0.0]
    assert hessian(x * 2, [x, y]) == [[0.0, 0.0], [0.0, 0.0]]
    assert jvp(x * 2, [y], [1.0]) == 0.0


def test_bad_input():
    x, y = named(x=0.0, y=1.0)
    with pytest.raises(TypeError, match=r"write grad\(output, \[x\]\)"):
        grad(y, x)
    with pytest.raises(TypeError, match=r"2\.0 is not a Value"):
        grad(y, [2.0])
    with pytest.raises(TypeError, match="is not a Value"):
        hessian(3.0, [x])
    with pytest.raises(ValueError, match="2 for 1 inputs"):
        jvp(y, [x], [1.0, 2.0])
    for create_graph in (False, True):
        with pytest.raises(ValueError, match=r"sqrt\(x\) = sqrt\(0.0\) = 0.0 has no finite derivative"):
            grad(x.sqrt(), [x], create_graph=create_graph)
