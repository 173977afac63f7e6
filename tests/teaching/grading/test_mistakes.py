"""Mistakes as variations of the pass; each wrong gradient here was computed by hand."""

import math

import pytest
from hypothesis import assume, given

from micrograd_like import Value, named, parse, topological_order
from micrograd_like.engine import UNREACHED
from micrograd_like.ops import CONSTANT
from micrograd_like.teaching.grading.mistakes import (
    MISTAKES,
    applicable,
    backprop_with,
    confined,
    find,
    gradients,
    updates,
)

from ...graphs import programs


def found(root, mistake=None):
    """Return the gradients by label."""
    return {v.label: g for v, g in gradients(root, mistake).items() if v.label}


# L = x*x + 3*x + y at x = 2, y = 5: x acts on L by three edges, contributing 2, 2 and 3.
def thrice():
    return parse("s = x*x; t = 3*x; u = s + t; L = u + y", x=2, y=5)


# L = (w*x)**2 at w = 2, x = 3: ∂L/∂w = 36, ∂L/∂x = 24; a step with learning rate 1/4 leads to w = -7, x = -3.
STEPS = {
    None: {"w": -7, "x": -3},
    "uphill": {"w": 11, "x": 9},
    "rate_forgotten": {"w": -34, "x": -21},
    "step_for_number": {"w": -9, "x": -6},
    "gradient_forgotten": {"w": 1.75, "x": 2.75},
}


@pytest.mark.parametrize("mistake", STEPS)
def test_steps_by_hand(mistake):
    root = parse("p = w*x; L = p**2", w=2, x=3)
    assert found(root, mistake) == found(root) == {"w": 36, "x": 24, "p": 12, "L": 1}
    moved = updates(root, gradients(root), 0.25, mistake)
    assert {v.label: number for v, number in moved.items()} == STEPS[mistake]
    if mistake:
        with pytest.raises(ValueError, match=f"{mistake} is a mistake of the step after the pass"):
            backprop_with(root, mistake)
        w = next(v for v in moved if v.label == "w")
        confined_to_w = updates(root, gradients(root), 0.25, confined(find(mistake), w))
        assert {v.label: number for v, number in confined_to_w.items()} == {"w": STEPS[mistake]["w"], "x": -3}


E1, E2 = math.tanh(0.5), 1 / (1 + math.exp(-0.5))

BY_HAND = {
    "right": (thrice, {"x": 7, "y": 1, "s": 1, "t": 1, "u": 1, "L": 1}),
    "overwrite": (thrice, {"x": 2, "y": 1}),  # the pass comes to t before s, whose second edge is the last
    "first_path_only": (thrice, {"x": 3, "y": 1}),
    "paths_multiplied": (thrice, {"x": 12, "y": 1}),
    "upstream_forgotten": (lambda: parse("e = a*b; L = e*c", a=2, b=3, c=5), {"a": 3, "b": 2, "c": 6, "e": 5}),
    "upstream_added": (
        lambda: parse("e = a*b; L = e*c", a=2, b=3, c=5),
        {"e": 1 + 5, "c": 1 + 6, "a": 6 + 3, "b": 6 + 2},
    ),
    "factors_not_swapped": (lambda: parse("e = a*b; L = e*c", a=2, b=3, c=5), {"e": 6, "c": 5, "a": 12, "b": 18}),
    "product_rule_for_sum": (lambda: parse("L = a + b", a=2, b=3), {"a": 3, "b": 2}),
    "minus_lost": (lambda: parse("n = -c; e = a - b; L = e + n", a=2, b=3, c=4), {"a": 1, "b": 1, "c": 1}),
    "division_sign_lost": (lambda: parse("L = a/b", a=3, b=2), {"a": 0.5, "b": 0.75}),
    "activation_at_input": (
        lambda: parse("t = tanh(a); s = sigmoid(b); L = t + s", a=0.5, b=0.5),
        {"a": 1 - 0.5**2, "b": 0.5 * (1 - 0.5)},
    ),
    "relu_always_1": (lambda: parse("r = relu(a); L = r*3 + b", a=-2, b=1), {"a": 3}),
    "relu_always_0": (lambda: parse("r = relu(a); L = r*3 + b", a=2, b=1), {"a": 0, "b": 1}),
    "power_without_base": (lambda: parse("L = a**3", a=2), {"a": 3}),
    "exponent_kept": (lambda: parse("L = a**3", a=2), {"a": 24}),
    "stopped_short": (lambda: parse("e = a*b; L = e*c", a=2, b=3, c=5), {"e": 5, "c": 1, "a": 5, "b": 5}),
    "local_forgotten": (lambda: parse("e = a*b; L = e*c", a=2, b=3, c=5), {"e": 1, "c": 1, "a": 1, "b": 1}),
    "no_order": (lambda: parse("b = a + a; L = b + b", a=3), {"b": 2, "a": 6}),
    "stale": (thrice, {"x": 14, "y": 2, "s": 1}),
    "value_for_gradient": (lambda: parse("e = a*b; L = e*c", a=2, b=3, c=5), {"e": 5, "c": 6, "a": 18, "b": 12}),
    "rounded_early": (lambda: parse("e = a*b; L = e*c", a=2, b=3, c=0.46), {"e": 0.5, "a": 1.5, "b": 1.0, "c": 6}),
}


def test_every_mistake_was_computed_by_hand():
    assert {"right", *(mistake.id for mistake in MISTAKES)} == {*BY_HAND, *STEPS} - {None}


@pytest.mark.parametrize("mistake", BY_HAND)
def test_by_hand(mistake):
    make, expected = BY_HAND[mistake]
    root = make()
    got = found(root, None if mistake == "right" else mistake)
    assert {name: got[name] for name in expected} == pytest.approx(expected)
    if mistake != "right":
        assert find(mistake) in applicable(root)
        assert got != pytest.approx(found(root))


@given(programs())
def test_without_a_mistake_it_is_backward(program):
    root = program.nodes()[-1]
    try:
        got = gradients(root)
        root.backward()
    except (ValueError, OverflowError):
        assume(False)
    expected = {v: v.grad for v in topological_order(root) if v.op is not CONSTANT}
    assert got == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert list(got) == list(expected)


@given(programs())
def test_no_mistake_touches_the_graph_or_fails_unsaid(program):
    root = program.nodes()[-1]
    order = topological_order(root)
    before = [v.data for v in order]
    try:
        gradients(root)
    except (ValueError, OverflowError):
        assume(False)
    for mistake in applicable(root):
        assert set(gradients(root, mistake)) == {v for v in order if v.op is not CONSTANT}
    assert [v.data for v in order] == before
    assert all(v.grad is UNREACHED for v in order)


def test_a_chain_of_ones_hides_every_mistake_but_a_few():
    (a,) = named(a=1.0)
    assert {m.id for m in applicable(a * 1)} == {"upstream_added", "stale"}


def test_confined_to_one_node():
    root = parse("e = a*b; L = e*c", a=2, b=3, c=5)
    e = root.operands[0]
    got = found(root, confined(find("factors_not_swapped"), e))
    assert (got["e"], got["c"], got["a"], got["b"]) == (5, 6, 10, 15)
    with pytest.raises(ValueError, match="no_order is a mistake of the whole pass"):
        confined(find("no_order"), e)


def test_no_order_is_refused_on_too_many_paths():
    (a,) = named(a=1.0)
    v = a
    for _ in range(40):
        v = v * 0.5 + v * 0.5
    with pytest.raises(ValueError, match="visits of its nodes: too many"):
        gradients(v, "no_order")
    assert find("no_order") not in applicable(v)


def test_unknown_mistake():
    with pytest.raises(ValueError, match="there is no mistake 'typo': there are overwrite, first_path_only"):
        gradients(Value(1.0), "typo")


def test_texts_are_there():
    for mistake in MISTAKES:
        assert mistake.name
        assert mistake.sentence.endswith(".")
        assert mistake.question.endswith("?")
    assert len({m.id for m in MISTAKES}) == len({m.name for m in MISTAKES}) == len(MISTAKES)


def test_side_by_side():
    comparison = backprop_with(thrice(), "overwrite")
    assert str(comparison).splitlines()[2:] == [
        "node  right  wrong",
        "L         1      1",
        "y         1      1",
        "u         1      1",
        "t         1      1",
        "s         1      1",
        "x         7      2  <- differs",
    ]
    assert [v.label for v in comparison.differing] == ["x"]
    drawing = comparison.draw()
    assert "penwidth=3" not in drawing.dot  # which is how the step that one is at looks
    assert "overwritten instead of added" in drawing.title
    assert ">wrong: 2<" in drawing.svg
    assert ">right: 7<" in drawing.svg
    assert all(v.grad is UNREACHED for v in topological_order(comparison.root))
