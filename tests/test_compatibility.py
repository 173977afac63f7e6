"""What people do to micrograd's Values works here too, and numbers that are no longer true are never used unsaid."""

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_like import MLP, Value, draw, explain, grad, jvp, named, recompute, step, text, topological_order
from micrograd_like.checks import stale
from micrograd_like.engine import UNREACHED
from micrograd_like.graph.steps import backward_steps
from micrograd_like.teaching import grade

from .graphs import SPELLINGS, programs


def test_attributes_of_ones_own():
    p = Value(1.0, "p")
    p.m, p._vis_color, p.color = 0.0, "red", "blue"
    assert (p.m, p._vis_color, p.color) == (0.0, "red", "blue")
    twin = copy.deepcopy(p)
    assert twin.m == 0.0
    assert pickle.loads(pickle.dumps(p * 2)).operands[0].color == "blue"
    with pytest.raises(AttributeError):
        Value(1.0).m  # no other Value has it


def test_momentum_as_many_write_it():
    model = MLP(2, [3, 1], seed=0)
    for p in model.parameters():
        p.velocity = 0.0
    for _ in range(3):
        loss = (model([1.0, -1.0]) - 2) ** 2
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.velocity = 0.5 * p.velocity - 0.01 * p.grad
            p.data += p.velocity
    assert (model([1.0, -1.0]).data - 2) ** 2 < loss.data


def test_prev_equals_the_set_that_micrograd_has():
    a, b = named(a=2.0, b=3.0)
    e = a * b
    assert e._prev == {a, b}
    assert {a, b} == e._prev
    assert e._prev == (a, b)
    assert e._prev != {a}
    assert a._prev == set()
    assert (a + a)._prev == {a}
    assert len((a + a)._prev) == 2
    assert [x.label for x in e._prev] == ["a", "b"]
    assert hash(e._prev) == hash((a, b))
    e._backward()  # adds to the operands' gradients, as micrograd's does
    assert (a.grad, b.grad) == (0.0, 0.0)


@pytest.mark.parametrize("x", [np.array([1.5]), np.array([[1.5]]), np.array(1.5)])
def test_an_array_of_one_element_is_answered_with_item(x):
    with pytest.raises(TypeError, match=r"write Value\(x\.item\(\)\)"):
        Value(x)


@pytest.mark.parametrize("number", [np.float64(2), np.float32(2), np.int64(2), 2, True])
def test_numbers_of_other_kinds_set_later_behave_as_numbers(number):
    a, b = Value(1.0, "a"), Value(3.0, "b")
    a.data = number
    for v in (a * b, b / a, a.tanh(), a + 1, -a, a**2):
        assert type(v.data) is float
        v.backward()
        assert "a" in text(v)
    wanted = Value(float(number)) * 3.0
    assert (a * b).data == wanted.data
    assert draw(a * b).svg


def test_an_overflow_of_numpys_raises_too():
    a = Value(1.0)
    a.data = np.float64(1e200)
    with pytest.raises(OverflowError), np.errstate(all="ignore"):
        a * a


def test_an_int_set_as_data_times_a_fraction_is_not_truncated():
    a = Value(1.0, "a")
    a.data = 3
    assert (a * Fraction(1, 2)).data == Fraction(3, 2)
    assert (a.relu() * Fraction(1, 2)).data == 1.5


# -------------------- stale numbers --------------------


@pytest.fixture
def changed():
    a, b, c = named(a=2.0, b=-3.0, c=10.0)
    e = a * b
    L = e + c  # noqa: N806
    e.label, L.label = "e", "L"
    L.backward()
    a.data = 5.0
    return L


@pytest.mark.parametrize(
    "use",
    [
        Value.backward,
        step,
        explain,
        lambda v: list(backward_steps(v)),
        lambda v: grad(v, [topological_order(v)[0]]),
        lambda v: grad(v, [topological_order(v)[0]], create_graph=True),
        lambda v: jvp(v, [topological_order(v)[0]], [1.0]),
        lambda v: grade(v, {"a": -3}),
    ],
)
def test_nothing_computes_from_a_mixture(changed, use):
    before = [(v.data, v.grad) for v in topological_order(changed)]
    message = r"e = a \* b = 5\.0 \* \(-3\.0\) holds -6\.0: numbers were changed after the forward pass"
    with pytest.raises(ValueError, match=message):
        use(changed)
    assert [(v.data, v.grad) for v in topological_order(changed)] == before


def test_text_marks_them(changed):
    written = text(changed)
    assert "e = a * b (stale)" in written
    assert "L = e + c (stale)" in written  # it follows from e and c, but e is stale
    assert written.count("(stale) ") == 2
    assert written.splitlines()[-1].startswith("(stale): ")
    assert "(stale)" not in text(recompute(changed))


def test_recompute_makes_them_true(changed):
    assert recompute(changed) is changed
    assert changed.data == 5.0 * -3.0 + 10.0
    assert [v.grad is UNREACHED for v in topological_order(changed) if v.operands] == [True, True]
    changed.backward()
    assert stale(topological_order(changed)) == []


def test_recompute_is_whole_or_not_at_all():
    a = Value(2.0, "a")
    out = (a * 2).log() + a
    before = [v.data for v in topological_order(out)]
    a.data = -1.0
    with pytest.raises(ValueError, match="log is defined for numbers above 0 only"):
        recompute(out)
    assert [v.data for v in topological_order(out)] == [-1.0, *before[1:]]


def test_a_node_that_somebody_overwrites_is_noticed():
    a, b = named(a=2.0, b=-3.0)
    e = a * b
    out = e.tanh() + 1
    e.data = 0.5
    with pytest.raises(ValueError, match=r"holds 0\.5: numbers were changed"):
        out.backward()


def test_training_loops_are_not_bothered():
    model = MLP(2, [4, 1], seed=0)
    for _ in range(5):
        loss = (model([1.0, 2.0]) - 1) ** 2
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.01 * p.grad


def test_nan_is_told_from_stale():
    a, b = Value(float("inf"), "a"), Value(0.0, "b")
    with pytest.raises(ValueError, match="is not a number"):
        (a * b + 1).backward()


@given(programs(), st.data())
def test_a_changed_leaf_is_noticed_or_does_not_matter(recorded, data):
    nodes = recorded.nodes()
    out = nodes[-1]
    i = data.draw(st.integers(0, len(recorded.leaves) - 1))
    nodes[i].data = data.draw(st.floats(-3, 3))
    leaves = nodes[: len(recorded.leaves)]
    try:
        gradients = grad(out, leaves)
    except (ValueError, ArithmeticError):
        return
    again = recorded.run(SPELLINGS, [Value(v.data) for v in leaves])  # nothing depends on the number
    assert out.data == again[-1].data
    twins = [Value(v.data) for v in leaves]
    assert gradients == grad(recorded.run(SPELLINGS, twins)[-1], twins)
