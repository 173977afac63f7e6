"""Mistakes as variations of the pass; each wrong gradient here was computed by hand."""

import math
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given

from micrograd_like import Value, named, parse, topological_order
from micrograd_like.engine import UNREACHED
from micrograd_like.ops import CONSTANT
from micrograd_like.teaching import Exercise
from micrograd_like.teaching.grading.comparison import applicable, backprop_with, gradients
from micrograd_like.teaching.grading.mistakes import MISTAKES, find, without_order

from ...graphs import programs


def found(root, mistake=None):
    """Return the gradients by label."""
    return {v.label: g for v, g in gradients(root, mistake).items() if v.label}


# L = x*x + 3*x + y at x = 2, y = 5: x acts on L by three edges, contributing 2, 2 and 3.
def thrice():
    return parse("s = x*x; t = 3*x; u = s + t; L = u + y", x=2, y=5)


# L = (w*x)**2 at w = 2, x = 3: ∂L/∂w = 36, ∂L/∂x = 24; an update with learning rate 1/4 leads to w = -7, x = -3.
UPDATES = {
    "uphill": {"w_new": 11, "x_new": 9},
    "rate_forgotten": {"w_new": -34, "x_new": -21},
    "update_for_number": {"w_new": -9, "x_new": -6},
    "gradient_forgotten": {"w_new": 1.75, "x_new": 2.75},
}
# The same to make L larger: it leads to w = 11, x = 9.
UPWARDS = {
    "downhill": {"w_new": -7, "x_new": -3},
    "rate_forgotten": {"w_new": 38, "x_new": 27},
    "update_for_number": {"w_new": 9, "x_new": 6},
    "gradient_forgotten": {"w_new": 2.25, "x_new": 3.25},
}


@pytest.mark.parametrize("mistake", UPWARDS)
def test_updates_upwards_by_hand(mistake):
    numbers = {"w": Fraction(2), "x": Fraction(3)}
    drawn = Exercise("", "p = w*x; L = p**2", numbers, learning_rate=Fraction(-1, 4), parameters=("w", "x"))
    assert drawn.answers == {"p": 12, "w": 36, "x": 24, "w_new": 11, "x_new": 9}
    assert dict(zip(drawn.answers, drawn.visible[mistake], strict=True)) == drawn.answers | UPWARDS[mistake]
    assert "uphill" not in drawn.visible


@pytest.mark.parametrize("mistake", UPDATES)
def test_updates_by_hand(mistake):
    numbers = {"w": Fraction(2), "x": Fraction(3)}
    drawn = Exercise("", "p = w*x; L = p**2", numbers, learning_rate=Fraction(1, 4), parameters=("w", "x"))
    assert drawn.answers == {"p": 12, "w": 36, "x": 24, "w_new": -7, "x_new": -3}
    assert dict(zip(drawn.answers, drawn.visible[mistake], strict=True)) == drawn.answers | UPDATES[mistake]
    with pytest.raises(ValueError, match=f"{mistake} is not a mistake of the backward pass"):
        backprop_with(drawn.root, mistake)


# The values that wrong rules of the forward pass make of u = x - y and the like, at x = 2, y = 3.
VALUES = {
    "operands_swapped": ("u = x - y", 1),
    "other_operation": ("u = x + y", 6),
    "operand_left_out": ("u = x + y", 2),
    "times_exponent": ("u = x**3", 6),
    "relu_passed_on": ("u = relu(y)", -3),
    "function_left_out": ("u = sigmoid(y)", -3),
}


@pytest.mark.parametrize("mistake", VALUES)
def test_values_by_hand(mistake):
    formula, wrong = VALUES[mistake]
    numbers = {name: Fraction(x) for name, x in (("x", 2), ("y", -3 if wrong == -3 else 3)) if name in formula}
    drawn = Exercise("", f"{formula}; L = u*z", {**numbers, "z": Fraction(7)})
    grading = drawn.grade({"z": str(wrong)}, values={"u": str(wrong), "L": str(7 * wrong)})
    assert {frozenset([mistake])} <= {d.ids for d in grading.diagnoses} or grading.slip == "sign"
    assert [g.status for g in grading.grades if g.answer] == ["wrong", "follow-through", "follow-through"]


E1, E2 = math.tanh(0.5), 1 / (1 + math.exp(-0.5))

BY_HAND = {
    "right": (thrice, {"x": 7, "y": 1, "s": 1, "t": 1, "u": 1, "L": 1}),
    "overwrite": (thrice, {"x": 2, "y": 1}),  # the pass comes to t before s, whose second edge is the last
    "path_forgotten": (thrice, {"x": 4, "y": 1}),  # t's, which comes first
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
    "seed_is_value": (lambda: parse("e = a*b; L = e*c", a=2, b=3, c=5), {"e": 150, "c": 180, "a": 450, "b": 300}),
    "zero_bias": (lambda: parse("e = a*b; L = e + c", a=2, b=3, c=0), {"a": 3, "b": 2, "c": 0}),
    "minus_swapped": (lambda: parse("L = a - b", a=2, b=3), {"a": -1, "b": 1}),
    "quotient_without_square": (lambda: parse("L = a/b", a=3, b=2), {"a": 0.5, "b": -1.5}),
    "quotient_without_numerator": (lambda: parse("L = a/b", a=3, b=2), {"a": 0.5, "b": -0.25}),
    "quotient_swapped": (lambda: parse("L = a/b", a=3, b=2), {"a": -2 / 9, "b": 1 / 3}),
    "constant_forgotten": (lambda: parse("u = 3*a; v = b/4; L = u + v", a=2, b=5), {"a": 1, "b": 1}),
    "power_without_factor": (lambda: parse("L = a**3", a=2), {"a": 4}),
    "exp_as_power": (lambda: parse("L = exp(a)", a=2), {"a": 2 * math.e}),
    "log_at_output": (lambda: parse("L = log(a)", a=math.e**2), {"a": 0.5}),
    "root_without_half": (lambda: parse("L = sqrt(a)", a=4), {"a": 0.5}),
    "sine_sign": (lambda: parse("u = sin(a); v = cos(b); L = u + v", a=0, b=math.pi / 2), {"a": -1, "b": 1}),
    "abs_as_itself": (lambda: parse("L = abs(a)", a=-3), {"a": 1}),
    "wrong_winner": (lambda: parse("L = max(a, b)", a=2, b=3), {"a": 1, "b": 0}),
    "shared_winner": (lambda: parse("L = max(a, b)", a=2, b=3), {"a": 1, "b": 1}),
    "activation_forgotten": (lambda: parse("t = tanh(a); L = t*b", a=0.5, b=3), {"a": 3, "t": 3}),
    "activation_twice": (
        lambda: parse("t = tanh(a); s = sigmoid(b); L = t + s", a=0.5, b=0.5),
        {"a": 1 - math.tanh(E1) ** 2, "b": math.exp(-E2) / (1 + math.exp(-E2)) ** 2},
    ),
    "activation_at_gradient": (
        lambda: parse("t = tanh(a); s = sigmoid(b); u = 3*t; v = 4*s; L = u + v", a=0.5, b=0.5),
        {"a": 3 * (1 - 9), "b": 4 * (4 * (1 - 4))},
    ),
    "other_activation": (
        lambda: parse("t = tanh(a); s = sigmoid(b); L = t + s", a=0.5, b=0.5),
        {"a": E1 * (1 - E1), "b": 1 - E2**2},
    ),
    "tanh_without_square": (lambda: parse("L = tanh(a)", a=0.5), {"a": 1 - E1}),
    "sigmoid_rule": (lambda: parse("L = sigmoid(a)", a=0.5), {"a": E2 * (1 + E2)}),
    "activation_left_out": (lambda: parse("h = tanh(a); L = w*h", a=0.5, w=3), {"w": 0.5, "h": 3}),
    "stale": (thrice, {"x": 14, "y": 2, "s": 1}),
    "value_for_gradient": (lambda: parse("e = a*b; L = e*c", a=2, b=3, c=5), {"e": 5, "c": 6, "a": 18, "b": 12}),
}


def test_every_mistake_was_computed_by_hand():
    assert {"right", *(mistake.id for mistake in MISTAKES)} == {*BY_HAND, *UPDATES, *UPWARDS, *VALUES, "updated_weight"}


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


def test_the_updated_weight_is_used_in_the_layer_below():
    numbers = {"x": Fraction(2), "w1": Fraction(3), "w2": Fraction(5)}
    drawn = Exercise("", "h = w1*x; L = w2*h", numbers, learning_rate=Fraction(1, 10), parameters=("w1", "w2"))
    assert drawn.answers["h"] == 5
    wrong = dict(zip(drawn.answers, drawn.visible["updated_weight"], strict=True))
    assert (wrong["w2"], wrong["w2_new"], wrong["h"]) == (6, Fraction(22, 5), Fraction(22, 5))
    assert wrong["w1"] == 2 * Fraction(22, 5)


def test_no_order_is_given_up_on_too_many_paths():
    (a,) = named(a=1.0)
    v = a
    for _ in range(40):
        v = v * 0.5 + v * 0.5
    assert without_order(v) == {}
    assert find("no_order") not in applicable(v)


def test_unknown_mistake():
    with pytest.raises(ValueError, match="there is no mistake 'typo': choose from overwrite, path_forgotten"):
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
    assert "only one of the paths was kept" in drawing.title
    assert ">wrong: 2<" in drawing.svg
    assert ">right: 7<" in drawing.svg
    assert all(v.grad is UNREACHED for v in topological_order(comparison.root))


def test_right_gradients_are_those_of_backward_to_the_last_bit():
    rng = Random(4)
    for _ in range(50):
        leaves = [Value(rng.uniform(-1, 1), name) for name in "abc"]
        nodes = [*leaves]
        for _ in range(25):
            x, y = rng.choices(nodes[-8:], k=2)
            nodes.append(x * y if rng.random() < 0.5 else x + y * 0.1)
        out = sum(nodes[1:], nodes[0])
        found = gradients(out)
        for x in leaves:
            x.grad = 0.0
        out.backward()
        assert {v: v.grad for v in found} == found
