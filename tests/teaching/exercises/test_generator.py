"""Exercises: nice numbers, the same for the same seed, and mistakes that show."""

import ast
import json
import math
import re
from fractions import Fraction

import pytest

from micrograd_like import parse, topological_order
from micrograd_like.notation.numbers import show
from micrograd_like.ops import maximum, relu
from micrograd_like.teaching import Exercise, alike, exercise
from micrograd_like.teaching.exercises.classics import CLASSICS
from micrograd_like.teaching.exercises.generator import COMPARED, LARGEST, own
from micrograd_like.teaching.exercises.levels import LEVELS
from micrograd_like.teaching.grading.comparison import gradients
from micrograd_like.teaching.grading.kinds import BackwardMistake, Mistake
from micrograd_like.teaching.grading.mistakes import MISTAKES


@pytest.mark.parametrize(
    "level",
    [x for x, kind in LEVELS.items() if not (kind.parameters or kind.decimals or x in ("tanh", "sigmoid", "exp"))],
)
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
    closed = any((v.op is relu and not v.data) or v.op is maximum for v in topological_order(drawn.root))
    assert sum(bool(drawn.answers[name]) for name in drawn.numbers) >= (0 if closed else len(drawn.numbers))


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
def test_an_update_by_gradient_descent(seed):
    drawn = exercise(seed, "descent")
    x, rate = drawn.numbers, drawn.learning_rate
    e = x["w"] * x["x"] + x["b"] - x["y"]
    w, b = x["w"] - rate * 2 * e * x["x"], x["b"] - rate * 2 * e
    assert (drawn.answers["w_new"], drawn.answers["b_new"]) == (w, b)
    assert (w * x["x"] + b - x["y"]) ** 2 < e**2
    assert list(drawn.answers)[-2:] == ["w_new", "b_new"]
    assert f"learning rate {show(rate)}, to w_new, b_new." in drawn.task
    assert drawn.lines()[-2].working.endswith(f" = {show(w)}")
    assert {"uphill", "rate_forgotten", "overwrite"} & set(drawn.visible) == {"uphill", "rate_forgotten"}
    assert drawn.visible["uphill"] == (*list(drawn.answers.values())[:-2], 2 * x["w"] - w, 2 * x["b"] - b)


@pytest.mark.parametrize("level", ["diamond", "tanh", "descent"])
def test_as_a_document_and_back(level):
    drawn = exercise(3, level)
    again = Exercise.from_document(drawn.name, json.loads(json.dumps(drawn.as_document())))
    assert again == drawn
    assert again.answers == drawn.answers


# The level and the seed -> what was made of them when this was written.
RECORDED = {
    ("operation", 0): "L = relu(a); a = 4",
    ("operation", 7): "L = relu(a); a = 4",
    ("operation", 123456): "L = a + b; a = 5, b = -1/2",
    ("chain", 0): "u = a*b; v = c/u; w = v**2; L = w*d; a = -3, b = -2, c = -3, d = 3",
    ("chain", 7): "u = relu(a); v = b/u; w = c/v; L = w/d; a = 6, b = 2, c = 2, d = -3",
    ("chain", 123456): "u = b - a; v = c/u; w = v*d; L = relu(w); a = 3, b = 4, c = 6, d = 5/2",
    ("shared", 3): "u = relu(a); v = u/c; L = v*u; a = 2, c = -4",
    ("shared", 7): "u = a**2; v = u/c; L = v - u; a = -3, c = -3/2",
    ("shared", 123456): "u = a + b; v = u*c; L = v*u; a = -3/2, b = 4, c = 3",
    ("diamond", 0): "u = a*b; v = u*a; w = u + c; L = v + w; a = 3/2, b = 5, c = 2",
    ("diamond", 7): "u = a/b; v = u*a; w = u*c; L = v + w; a = 3, b = -2, c = 2",
    ("diamond", 123456): "u = a + b; v = u*a; w = u + c; L = v + w; a = -2, b = -3, c = 4",
    ("neuron", 7): "b = -4, w1 = 5, w2 = 2, x1 = 4, x2 = -3, y = 6",
    ("neuron", 123456): "b = 5, w1 = -2, w2 = -3, x1 = 3/2, x2 = -3, y = 5",
    ("tanh", 7): "b = 3, v = 5, w1 = 4, w2 = 2, x1 = -2, x2 = 2, o = -0.76 (rounded)",
    ("tanh", 123456): "b = 2, v = -1/2, w1 = 4, w2 = 3, x1 = 2, x2 = -3, o = 0.76 (rounded)",
    ("sigmoid", 7): "b = 3, v = 3, w1 = 4, w2 = 4, x1 = -3, x2 = 2, o = 0.27 (rounded)",
    ("sigmoid", 123456): "b = 5, v = 5, w1 = -2, w2 = 2, x1 = 5, x2 = 2, o = 0.27 (rounded)",
    ("network", 7): "b1 = -2, b2 = 5, v1 = 4, v2 = 6, w1 = -4, w2 = -2, x = 4, y = -3",
    ("network", 123456): "b1 = 3, b2 = 5, v1 = -4, v2 = 4, w1 = -2, w2 = -3/2, x = -3, y = 4",
    ("descent", 7): "b = 1/2, w = 3, x = -2, y = -4",
    ("descent", 123456): "b = 2, w = -2, x = 1/2, y = 3",
    ("ascent", 7): "b = -3, c = 4, w = 6, x = 1/2, y = -3",
    ("max", 7): "a = -3, b = 4, c = -2, d = -4",
    ("exp", 7): "k = -2, t = -1/2, y = 2, v = 2.72 (rounded)",
    ("batch", 7): "b = -3, w = -1/2, x1 = -2, x2 = -4, y1 = 3, y2 = -3",
    ("hidden", 7): "b1 = 6, b2 = 6, v1 = -3, v2 = -2, w1 = -1.5, w2 = -3, x = 3, y = 4",
    ("softmax", 7): "w1 = -2, w2 = -4, x = 0.5",
}


@pytest.mark.parametrize(
    ("formula", "asked"),
    [
        ("a*b + c", "L"),
        ("u = a*b; u + L", "y"),
        ("L + y*z", "out"),
        ("out*L + y*z", "L0"),
        ("L = a*b", "L"),
        ("o = a*b;", "o"),
    ],
)
def test_a_result_without_a_name_gets_one(formula, asked):
    drawn = own(formula, seed=1)
    assert drawn.root.label == asked
    assert drawn.task.startswith(f"Compute {asked}, then ∂{asked}/∂")


def test_the_same_seed_makes_the_same_everywhere():
    for (level, seed), recorded in RECORDED.items():
        drawn = exercise(seed, level)
        assert f"{drawn.formula}; {', '.join(drawn.conditions)}".endswith(recorded)
        assert exercise(seed, level) == drawn
    assert (
        str(exercise(2, "chain", ["*", "**", "-"], size=6)).splitlines()[:8]
        == """u = a**2
v = b - u
w = v**2
x = w**2
y = c - x
L = y*d

Given a = -2, b = 3, c = 6, d = 2.""".splitlines()
    )
    assert [", ".join(alike(3, 5, level)[2].conditions) for level in ("shared", "tanh", "network")] == [
        "a = 1/2, c = 1/2",
        "b = -2, v = 6, w1 = 1/2, w2 = 3/2, x1 = 3/2, x2 = 2, o = 0.94 (rounded)",
        "b1 = 1/2, b2 = 2, v1 = -3, v2 = 3/2, w1 = -3, w2 = -4, x = -1/2, y = -2",
    ]


@pytest.mark.parametrize("level", ["operation", "chain", "shared", "diamond"])
def test_another_seed_makes_another(level):
    formulas = {exercise(seed, level).formula for seed in range(40)}
    assert len(formulas) == 6 if level == "operation" else len(formulas) > 10


# -------------------- for a class --------------------


@pytest.mark.parametrize("level", LEVELS)
def test_a_class_gets_equal_difficulty_and_different_numbers(level):
    drawn = alike(30, 1, level)
    first = drawn[0]
    assert first == exercise(1, level) or level in ("operation", "shared")  # where the first has too few numbers
    most = count_by_hand(first)
    assert len({tuple(each.numbers.items()) for each in drawn}) == 30
    for each in drawn[1:]:
        assert (each.formula, each.learning_rate) == (first.formula, first.learning_rate)
        visible, distinct = count_by_hand(each)
        assert (visible >= most[0] - 1, distinct >= most[1] - 1) == (True, True)
        numbers = [x for v, g in gradients(each.root).items() for x in (v.data, g)]
        of_first = [x for v, g in gradients(first.root).items() for x in (v.data, g)]
        fractions, of_most = (sum(Fraction(x).denominator > 1 for x in some) for some in (numbers, of_first))
        assert abs(fractions - of_most) <= len(numbers) / 6
        assert all(abs(x) <= LARGEST for x in numbers)
        for before, v in zip(topological_order(first.root), topological_order(each.root), strict=True):
            if v.op is relu:
                assert (v.data > 0) == (before.data > 0)


def test_a_class_grows_at_its_end():
    assert alike(12, 3, "diamond")[:5] == alike(5, 3, "diamond")


def test_numbers_come_again_where_there_are_no_more():
    drawn = alike(60, 4, "operation", ["**"])  # a**2 has 15 numbers at most
    different = {each.numbers["a"] for each in drawn}
    assert 5 < len(different) <= 15
    assert drawn[len(different)] == drawn[0]
    assert [list(alike(60, 4, "operation", ["**"])[k].numbers.values()) for k in (0, 59)] == [
        list(drawn[k].numbers.values()) for k in (0, 59)
    ]


def test_another_formula_is_taken_for_a_class_for_which_the_first_has_too_few_numbers():
    seed = next(seed for seed in range(40) if len(exercise(seed, "diamond").numbers) == 2)
    drawn = alike(200, seed, "diamond")
    assert drawn[0] != exercise(seed, "diamond")
    assert len({tuple(each.numbers.items()) for each in drawn}) == 200
    assert {each.formula for each in drawn} == {drawn[0].formula}


def count_by_hand(drawn):
    """Return how many of the mistakes that count change an answer, and how many do so in a way of their own."""
    right = list(drawn.answers.values())
    wrong = []
    for mistake in MISTAKES:
        if mistake.id not in COMPARED:
            continue
        try:
            found = {
                v.label: g for v, g in gradients(drawn.root, mistake if mistake.kind == "gradient" else None).items()
            }
        except (ArithmeticError, ValueError):
            continue
        if drawn.learning_rate is not None:
            for name in drawn.parameters:
                x, g, rate = drawn.numbers[name], found[name], drawn.learning_rate
                way = 1 if rate > 0 else -1
                moves = {"rate_forgotten": x - way * g, "update_for_number": -rate * g}
                moves["uphill" if rate > 0 else "downhill"] = x + rate * g
                found[f"{name}_new"] = {**moves, "gradient_forgotten": x - rate}.get(mistake.id, x - rate * g)
        answers = [found[name] for name in drawn.answers]
        if answers != right:
            wrong.append(answers)
    return len(wrong), sum(sum(a == b for b in wrong) == 1 for a in wrong)


@pytest.mark.parametrize("level", ["neuron", "network"])
def test_a_relu_is_closed_in_a_quarter(level):
    closed = sum(
        any(v.op is relu and not v.data for v in topological_order(exercise(seed, level).root)) for seed in range(60)
    )
    assert 6 <= closed <= 27


def test_squares_are_no_more_frequent_than_other_operations():
    formulas = [exercise(seed, "diamond").formula for seed in range(40)]
    assert sum("**" in formula for formula in formulas) <= 14
    assert all(any(sign in formula for formula in formulas) for sign in "+-*/r")


def test_a_new_mistake_changes_no_exercise(monkeypatch):
    before = [exercise(seed, level) for level in ("diamond", "network", "descent") for seed in range(3)]
    odd = BackwardMistake("odd", "odd", "Odd.", "Odd?", (lambda e: e.upstream + 7,))
    more: tuple[Mistake, ...] = (odd, *MISTAKES)
    for module in ("exercises.exercise", "grading.mistakes"):
        monkeypatch.setattr(f"micrograd_like.teaching.{module}.MISTAKES", more)
    again = [exercise(seed, level) for level in ("diamond", "network", "descent") for seed in range(3)]
    assert again == before
    assert all("odd" in drawn.visible for drawn in again)
    assert {m.id for m in MISTAKES} >= COMPARED


def test_mistakes_show_and_can_be_told_apart():
    told = {level: [] for level in LEVELS}
    for level in LEVELS:
        for seed in range(10):
            drawn = exercise(seed, level)
            visible, distinct = count_by_hand(drawn)
            assert len(set(drawn.visible) & COMPARED) == visible
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
        ("fork", -6, {"a": -3, "b": -8, "d": 1, "e": -6}),
        ("relu", 2, {"x": 2, "w": 1, "u": 1}),
    ],
)
def test_classics_have_their_published_numbers(name, output, expected):
    assert CLASSICS[name].root.data == output
    assert CLASSICS[name].answers == expected
    assert CLASSICS[name].source


@pytest.mark.parametrize(
    ("name", "published"),
    [  # as they are printed where they come from
        ("karpathy-neuron", {"n": "0.5", "x1": "-1.5", "w1": "1.0", "x2": "0.5", "w2": "0.0", "b": "0.5000"}),
        ("cs231n-neuron", {"n": "0.20", "w0": "-0.20", "x0": "0.39", "w1": "-0.39", "x1": "-0.59", "w2": "0.20"}),
    ],
)
def test_neurons_have_their_published_numbers(name, published):
    drawn = CLASSICS[name]
    grading = drawn.grade(published)
    assert [g.name for g in grading.grades if g.status == "right"] == [n for n in drawn.answers if n in published]
    assert not drawn.grade({**published, "n": "0.25"}).is_right
    assert Exercise.from_document(name, json.loads(json.dumps(drawn.as_document()))).answers == drawn.answers


def test_what_is_computed_from_what_was_shown_rounded_is_right():
    drawn = CLASSICS["karpathy-neuron"]
    assert "b = 6.8814 (rounded), o = 0.7071 (rounded)." in str(drawn)
    assert "Compute ∂o/∂n, ∂o/∂b" in str(drawn)  # o is given
    assert drawn.grade({"n": 1 - 0.707107**2, "x1": -3 * (1 - 0.707107**2)}).is_right
    assert drawn.grade({"n": f"{1 - 0.7071**2:.4f}"}).is_right


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
    with pytest.raises(ValueError, match="fade is between 0"):
        CLASSICS["karpathy"].lines(fade=2)


def test_a_formula_of_ones_own():
    numbers = {"w": Fraction(1, 2), "x": Fraction(2), "b": Fraction(-1, 10), "y": Fraction(1)}
    drawn = own("p = w*x; o = tanh(p + b); L = (o - y)**2", numbers, ["w", "b"])
    t = math.tanh(0.9)
    slope = 2 * (t - 1) * (1 - t * t)
    assert drawn.answers == pytest.approx({"b": slope, "w": 2 * slope})
    assert str(drawn).endswith("Compute L, then ∂L/∂b, ∂L/∂w.")
    assert drawn.grade({"w": f"{2 * slope:.3f}", "b": f"{slope:.3f}"}).is_right
    assert Exercise.from_document("own", json.loads(json.dumps(drawn.as_document()))).answers == drawn.answers


def test_numbers_are_looked_for_that_tell_mistakes_apart():
    drawn = own("u = a*b; v = u - c; L = v**2", seed=3)
    assert own("u = a*b; v = u - c; L = v**2", seed=3) == drawn != own("u = a*b; v = u - c; L = v**2", seed=4)
    assert drawn.distinct == len(drawn.visible)
    assert all(drawn.answers.values())
    assert own("u = exp(a)*b; L = u + log(a)").answers["a"]  # where no numbers are nice, some that are defined
    assert own("p = w*x; o = tanh(p); L = o*3").given["o"]  # rounded, as at the level tanh


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("L = a*",), "not a formula"),
        (("L = a*b", {"a": Fraction(1)}), "b has no number"),
        (("L = a*b", {}, ["q"]), "there is no gradient to ask for at 'q': there are b, a"),
        (("L = log(-a*a)",), "log is defined for numbers above 0 only"),
    ],
)
def test_a_formula_that_makes_no_exercise(arguments, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        own(*arguments)


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
    with pytest.raises(ValueError, match=r"unknown level 'hard'; choose from operation, .*, descent, "):
        exercise(1, "hard")
    with pytest.raises(ValueError, match=r"unknown operation 'sin'; choose from \+, "):
        exercise(1, operations=["sin"])
    with pytest.raises(ValueError, match="size is from 2 to 12"):
        exercise(1, "chain", size=1)
    assert isinstance(exercise(1, "chain", size=12), Exercise)


def test_what_tells_a_mistake_is_no_rounding():
    for drawn in CLASSICS.values():
        for mistake, wrong in drawn.telling():
            assert all(abs(x - drawn.answers[name]) > 1e-9 for name, x in wrong.items()), (drawn.name, mistake.id)


# -------------------- what is asked, and how --------------------


MAPS = {
    "exp": math.exp,
    "log": math.log,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "relu": lambda x: max(x, 0),
    "maximum": max,
}
SLOPES = {  # of the operand and of the result, which may be rounded
    "exp": lambda x, out: out,
    "log": lambda x, out: 1 / x,
    "tanh": lambda x, out: 1 - out**2,
    "sigmoid": lambda x, out: out * (1 - out),
    "relu": lambda x, out: float(x > 0),
}
TWO = {  # of two operands: the result, and both slopes
    ast.Add: lambda x, y: (x + y, 1, 1),
    ast.Sub: lambda x, y: (x - y, 1, -1),
    ast.Mult: lambda x, y: (x * y, y, x),
    ast.Div: lambda x, y: (x / y, 1 / y, -x / y**2),
    ast.Pow: lambda x, y: (x**y, y * x ** (y - 1), 0),
}


class ByPaths(ast.NodeVisitor):
    """The derivatives of the last step as sums over all paths, on Python's own trees of the steps."""

    def __init__(self, formula, numbers):
        pairs = [step.split("=") for step in formula.split(";")]
        self.steps = {name.strip(): ast.parse(right.strip(), mode="eval").body for name, right in pairs}
        self.numbers, self.found = numbers, {}
        self.go(ast.Name([*self.steps][-1]), 1)

    def value(self, tree):
        match tree:
            case ast.Name(name):
                return self.numbers[name] if name in self.numbers else self.value(self.steps[name])
            case ast.Constant(x):
                return x
            case ast.UnaryOp():
                return -self.value(tree.operand)
            case ast.Call():
                return MAPS[tree.func.id](*map(self.value, tree.args))
        return TWO[type(tree.op)](self.value(tree.left), self.value(tree.right))[0]

    def go(self, tree, factor, out=None):
        """Take the path on into a tree, whose value is `out` if it has been told."""
        match tree:
            case ast.Name(name):
                self.found[name] = self.found.get(name, 0) + factor
                if name in self.steps:
                    self.go(self.steps[name], factor, self.value(tree))
            case ast.UnaryOp():
                self.go(tree.operand, -factor)
            case ast.Call(ast.Name("maximum")):
                xs = [self.value(x) for x in tree.args]
                for x, operand in zip(xs, tree.args, strict=True):
                    self.go(operand, factor * (x == max(xs)))
            case ast.Call():
                self.go(tree.args[0], factor * SLOPES[tree.func.id](self.value(tree.args[0]), out))
            case ast.BinOp():
                _, left, right = TWO[type(tree.op)](self.value(tree.left), self.value(tree.right))
                self.go(tree.left, factor * left)
                self.go(tree.right, factor * right)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(4))
def test_answers_are_the_sums_over_all_paths(level, seed):
    drawn = exercise(seed, level)
    numbers = {name: float(x) for name, x in drawn.numbers.items()}
    told = {name: float(x) for name, x in drawn.given.items()}
    for name, x in told.items():
        assert abs(value_of(drawn.formula, numbers, name) - x) <= 0.005
    found = ByPaths(drawn.formula, numbers | told).found
    for name, answer in drawn.answers.items():
        leaf, rate = name.removesuffix("_new"), float(abs(drawn.learning_rate or 0))
        if drawn.is_updated(name):
            assert float(answer) == pytest.approx(numbers[leaf] + (rate if level == "ascent" else -rate) * found[leaf])
        else:
            assert float(answer) == pytest.approx(found[name], abs=1e-12)
    assert (not drawn.learning_rate) == (level not in ("descent", "ascent", "batch"))


def value_of(formula, numbers, name):
    """Return the number of a step, computed from the leaves alone."""
    steps = [step.split("=") for step in formula.split(";")]
    upto = next(k for k, (left, _) in enumerate(steps) if left.strip() == name)
    return ByPaths("; ".join("=".join(step) for step in steps[: upto + 1]), numbers).value(ast.Name(name))


def test_an_update_upwards_makes_the_output_larger():
    drawn = exercise(1, "ascent")
    x, rate = drawn.numbers, -drawn.learning_rate
    e = x["w"] * x["x"] + x["b"] - x["y"]
    w, b = x["w"] - rate * 2 * e * x["x"], x["b"] - rate * 2 * e
    assert (drawn.answers["w_new"], drawn.answers["b_new"]) == (w, b)
    assert x["c"] - (w * x["x"] + b - x["y"]) ** 2 > drawn.root.data
    assert "to make J larger, by gradient ascent" in drawn.task
    assert "downhill" in drawn.visible
    assert "uphill" not in drawn.visible
    answers = dict(zip(drawn.answers, drawn.visible["downhill"], strict=True))
    said = drawn.grade(answers)
    assert [d.ids for d in said.diagnoses] == [{"downhill"}]
    assert not drawn.grade({**answers, "w_new": w, "b_new": b}).first_wrong
    assert drawn.lines()[-1].working.startswith("b_new = b + ")


@pytest.mark.parametrize("level", ["diamond", "neuron", "network", "max"])
def test_whole_numbers_only(level):
    drawn = exercise(5, level, whole=True)
    assert all(Fraction(line.answer).denominator == 1 for line in drawn.lines() if line.kind != "update")
    values = [*drawn.numbers.values(), *(line.answer for line in drawn.lines() if line.kind == "value")]
    assert all(abs(x) != 1 for x in values)
    assert all(Fraction(x).denominator == 1 for x in values)
    for each in alike(5, 2, level, whole=True):
        assert all(Fraction(line.answer).denominator == 1 for line in each.lines() if line.kind == "gradient")


def test_what_is_asked_changes_no_number():
    every = exercise(3, "network")
    few = exercise(3, "network", ask=["parameters"], forward=False)
    assert few.numbers == every.numbers
    assert set(few.answers) == {"w1", "w2", "b1", "b2", "v1", "v2"}
    assert {name: every.answers[name] for name in few.answers} == few.answers
    assert [line.kind for line in few.lines()] == ["gradient"] * 6
    assert set(exercise(3, "network", ask=["leaves"]).answers) == set(every.numbers)
    assert set(exercise(3, "ascent", ask=["parameters"]).answers) == {"w", "b", "w_new", "b_new"}
    told = {line.name: show(line.answer) for line in every.lines() if line.kind == "value"}
    assert told.items() <= dict(c.split(" = ") for c in few.conditions).items()
    assert few.task.startswith("Compute ∂L/∂")
    result = few.grade_asked({line.asked: line.answer for line in few.lines()})
    assert (len(result.grades), result.is_right, result.points) == (6, True, 6)
    assert Exercise.from_document("", few.as_document()).lines()[0].asked == few.lines()[0].asked
    with pytest.raises(ValueError, match="there is no gradient to ask for at 'zz': there are "):
        exercise(3, "network", ask=["zz"])


def test_a_class_has_numbers_of_its_own_for_a_formula_of_ones_own():
    drawn = alike(6, expression="u = a*b; v = u + c; L = v**2", ask=("a", "b"))
    assert len({tuple(each.numbers.values()) for each in drawn}) == 6
    assert {each.formula for each in drawn} == {"u = a*b; v = u + c; L = v**2"}
    assert all(set(each.answers) == {"a", "b"} for each in drawn)


def test_a_gradient_is_found_as_it_is_typed():
    drawn = own("d = a*b; dd = d + c; L = dd*d", {"a": 2, "b": 3, "c": 4})
    for name in ("d", "dd", "a"):
        assert drawn.find(f" dL/d{name} ") == drawn.find(f"∂L/∂{name}") == f"∂L/∂{name}"
