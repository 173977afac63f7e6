"""Exercises: nice numbers, the same for the same seed, and mistakes that show."""

from fractions import Fraction

import pytest

from micrograd_like import parse
from micrograd_like.teaching.exercises import CLASSICS, LARGEST, LEVELS, Exercise, exercise
from micrograd_like.teaching.mistakes import MISTAKES, gradients


@pytest.mark.parametrize("level", LEVELS)
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
    for level in ("chain", "shared", "diamond", "neuron", "network"):
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
        "Given a = 2, b = 1: compute L, then ∂L/∂d, ∂L/∂c, ∂L/∂b, ∂L/∂a.",
    ]


def test_bad_input():
    with pytest.raises(ValueError, match="a level is operation, chain, shared, diamond, neuron, network, not 'hard'"):
        exercise(1, "hard")
    with pytest.raises(ValueError, match=r"operations are .*, not 'sin'"):
        exercise(1, operations=["sin"])
    with pytest.raises(ValueError, match="size is from 2 to 12"):
        exercise(1, "chain", size=1)
    assert isinstance(exercise(1, "chain", size=12), Exercise)
