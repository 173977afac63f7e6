"""Exercises: nice numbers, the same for the same seed, and mistakes that show."""

import json
import math
from fractions import Fraction

import pytest

from micrograd_like import parse
from micrograd_like.steps import short
from micrograd_like.teaching.exercises import CLASSICS, LARGEST, LEVELS, Exercise, exercise
from micrograd_like.teaching.mistakes import MISTAKES, gradients, updates


@pytest.mark.parametrize("level", [x for x in LEVELS if x not in ("tanh", "sigmoid", "descent")])
@pytest.mark.parametrize("seed", range(8))
def test_numbers_are_nice_and_gradients_right(level, seed):
    drawn = exercise(seed, level)
    floats = parse(drawn.formula, **{name: float(x) for name, x in drawn.numbers.items()})
    floats.backward()
    leaves = {v.label: v.grad for v in gradients(floats) if v.label in drawn.answers}
    assert drawn.answers == pytest.approx(leaves)
    for number in (*drawn.numbers.values(), *drawn.answers.values(), drawn.root.data):
        assert isinstance(number, Fraction)
        assert abs(number) <= LARGEST
        assert number.denominator <= 4
    assert all(drawn.answers[name] for name in drawn.numbers)


@pytest.mark.parametrize("level", ["tanh", "sigmoid"])
@pytest.mark.parametrize("seed", range(8))
def test_an_activation_is_given_with_two_decimals(level, seed):
    drawn = exercise(seed, level)
    x, o = drawn.numbers, drawn.given["o"]
    n = x["x1"] * x["w1"] + x["x2"] * x["w2"] + x["b"]
    assert abs(o - Fraction(math.tanh(n) if level == "tanh" else 1 / (1 + math.exp(-n)))) <= Fraction(1, 200)
    assert f"o = {float(o):.2g} (rounded)" in str(drawn)
    local = x["v"] * (1 - o * o if level == "tanh" else o * (1 - o))  # exact, in what was given
    by_hand = {"v": o, "o": x["v"], "b": local, "w1": local * x["x1"], "x2": local * x["w2"]}
    assert {name: drawn.answers[name] for name in by_hand} == by_hand
    assert all(10**4 % Fraction(answer).denominator == 0 for answer in drawn.answers.values())
    assert "o = tanh(n)" not in [line.question for line in drawn.lines()]
    assert drawn.root.data == x["v"] * o


@pytest.mark.parametrize("seed", range(8))
def test_a_step_of_gradient_descent(seed):
    drawn = exercise(seed, "descent")
    x, rate = drawn.numbers, drawn.learning_rate
    e = x["w"] * x["x"] + x["b"] - x["y"]
    w, b = x["w"] - rate * 2 * e * x["x"], x["b"] - rate * 2 * e
    assert (drawn.answers["w_new"], drawn.answers["b_new"]) == (w, b)
    assert (w * x["x"] + b - x["y"]) ** 2 < e**2
    assert list(drawn.answers)[-2:] == ["w_new", "b_new"]
    assert f"learning rate {rate}, to w_new, b_new." in drawn.task
    assert drawn.lines()[-2].working.endswith(f" = {short(w)}")
    assert {"uphill", "rate_forgotten", "overwrite"} & set(drawn.visible) == {"uphill", "rate_forgotten"}
    assert drawn.visible["uphill"] == (*list(drawn.answers.values())[:-2], 2 * x["w"] - w, 2 * x["b"] - b)


@pytest.mark.parametrize("level", ["diamond", "tanh", "descent"])
def test_as_a_document_and_back(level):
    drawn = exercise(3, level)
    again = Exercise.from_document(drawn.name, json.loads(json.dumps(drawn.as_document())))
    assert again == drawn
    assert again.answers == drawn.answers


def test_the_same_seed_makes_the_same_everywhere():
    drawn = exercise(3, "shared")
    assert (drawn.formula, {name: str(x) for name, x in drawn.numbers.items()}) == EXPECTED
    assert exercise(3, "shared") == drawn
    assert len({exercise(seed, "chain").formula for seed in range(20)}) > 10


EXPECTED = ("u = a*b; v = u - c; L = v/u", {"a": "-1", "b": "-1/2", "c": "-3/2"})


def count_by_hand(drawn):
    """Return how many mistakes change an answer, and how many do so in a way of their own."""
    right = list(drawn.answers.values())
    wrong = []
    for mistake in MISTAKES:
        try:
            found = {v.label: g for v, g in gradients(drawn.root, mistake).items()}
        except (ArithmeticError, ValueError):
            continue
        if drawn.learning_rate is not None:
            moved = updates(drawn.root, gradients(drawn.root, mistake), drawn.learning_rate, mistake)
            found |= {f"{v.label}_new": x for v, x in moved.items()}
        answers = [found[name] for name in drawn.answers]
        if answers != right:
            wrong.append(answers)
    return len(wrong), sum(sum(a == b for b in wrong) == 1 for a in wrong)


def test_mistakes_show_and_can_be_told_apart():
    told = {level: [] for level in LEVELS}
    for level in LEVELS:
        for seed in range(10):
            drawn = exercise(seed, level)
            visible, distinct = count_by_hand(drawn)
            assert (len(drawn.visible), drawn.distinct) == (visible, distinct)
            told[level].append(distinct / visible)
    for level in ("chain", "shared", "diamond", "neuron", "tanh", "sigmoid", "network", "descent"):
        assert sum(told[level]) / 10 > 0.9
    assert len(exercise(1, "diamond").visible) > len(CLASSICS["cs231n"].visible)


def test_a_mistake_made_in_an_exercise_is_named():
    drawn = exercise(1, "diamond")
    for mistake_id, wrong in drawn.visible.items():
        said = drawn.grade(dict(zip(drawn.answers, wrong, strict=True)))
        assert mistake_id in {m.id for d in said.diagnoses for m in d.mistakes}


@pytest.mark.parametrize(
    ("name", "output", "expected"),
    [
        ("cs231n", -12, {"x": -4, "y": -4, "z": 3, "q": -4}),
        ("karpathy", -8, {"a": 6, "b": -4, "c": -2, "d": -2, "e": -2, "f": 4}),
        ("colah", 6, {"a": 2, "b": 5, "c": 2, "d": 3}),
        ("twice", 6, {"a": 2}),
        ("square", 121, {"w": 66, "u": 22, "v": 22}),
    ],
)
def test_classics_have_their_published_numbers(name, output, expected):
    assert CLASSICS[name].root.data == output
    assert CLASSICS[name].answers == expected
    assert CLASSICS[name].source


def test_operations_can_be_chosen():
    for seed in range(5):
        formula = exercise(seed, "chain", operations=["*", "**"], size=5).formula
        assert len(formula.split("; ")) == 5
        assert not set(formula) & set("/+-r")


def test_lines_fade():
    drawn = CLASSICS["karpathy"]
    lines = drawn.lines()
    assert [line.question for line in lines][:4] == ["e = a * b", "d = e + c", "L = d * f", "∂L/∂f"]
    assert all(line.is_blank for line in lines)
    assert not any(line.is_blank for line in drawn.lines(fade=0))
    half = [line.is_blank for line in drawn.lines(fade=0.5)]
    assert half == sorted(half)
    assert abs(sum(half) - len(half) / 2) <= 0.5
    assert next(line for line in lines if line.question == "∂L/∂a").answer == 6
    assert "∂L/∂a += ∂L/∂e * ∂e/∂a = -2 * b = -2 * (-3) = 6" in [line.working for line in lines]


def test_lines_of_one_rule():
    blank = [line.question for line in CLASSICS["karpathy"].lines(rule="add") if line.is_blank]
    assert blank == ["d = e + c", "∂L/∂c", "∂L/∂e"]
    with pytest.raises(ValueError, match="'tanh' is no operation of this exercise"):
        CLASSICS["karpathy"].lines(rule="tanh")
    with pytest.raises(ValueError, match="fade is between 0"):
        CLASSICS["karpathy"].lines(fade=2)


def test_what_a_student_gets():
    assert str(CLASSICS["colah"]).splitlines() == [
        "c = a + b",
        "d = b + 1",
        "L = c*d",
        "",
        "Given a = 2, b = 1.",
        "Compute L, then ∂L/∂d, ∂L/∂c, ∂L/∂b, ∂L/∂a.",
    ]


def test_bad_input():
    with pytest.raises(ValueError, match=r"a level is operation, .*, descent, not 'hard'"):
        exercise(1, "hard")
    with pytest.raises(ValueError, match=r"operations are .*, not 'sin'"):
        exercise(1, operations=["sin"])
    with pytest.raises(ValueError, match="size is from 2 to 12"):
        exercise(1, "chain", size=1)
    assert isinstance(exercise(1, "chain", size=12), Exercise)
