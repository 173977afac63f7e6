"""Trees of formulas: printed and read by Python they have the value that the tree has, whatever is nested in what."""

import math
import operator
from random import Random

import pytest

from micrograd_like import Value, parse
from micrograd_like.formulas import TEXT, Apply, Piece, fold, operations_in, simplify, substitute
from micrograd_like.formulas import parse as parse_formula
from micrograd_like.notation.latex import LATEX

MEANINGS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "negative": operator.neg,
    "positive": operator.pos,
    "exp": math.exp,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}


def value(tree, **names):
    return fold(
        tree,
        names,
        lambda x: x,
        lambda name, operands: MEANINGS[name](*operands),
        lambda condition, a, b: a() if condition else b(),
    )


def random_tree(random, depth):
    if not depth or random.random() < 0.2:
        return random.choice(["x", "y", "z", 2, 0.5, -3, 1])
    name = random.choice(["add", "subtract", "multiply", "divide", "negative", "positive", "choose"])
    if name == "choose":
        condition = Apply(random.choice("<>"), (random_tree(random, 1), random_tree(random, 1)))
        return Apply(name, (condition, random_tree(random, depth - 1), random_tree(random, depth - 1)))
    count = 1 if name in ("negative", "positive") else 2
    return Apply(name, tuple(random_tree(random, depth - 1) for _ in range(count)))


NAMES = {"x": 1.7, "y": -0.3, "z": 4.1}


def test_what_is_printed_means_the_same_to_python():
    random, tried = Random(1), 0
    for _ in range(2000):
        tree = random_tree(random, 4)
        try:
            wanted = value(tree, **NAMES)
        except ZeroDivisionError:
            continue
        written = TEXT.write(tree, dict(zip(NAMES, NAMES, strict=True)))
        assert eval(written, dict(NAMES)) == pytest.approx(wanted, rel=1e-9), written
        assert value(parse_formula(written), **NAMES) == pytest.approx(wanted, rel=1e-9)
        filled_in = TEXT.write(tree, {name: f"{x}" for name, x in NAMES.items()})
        assert eval(filled_in) == pytest.approx(wanted, rel=1e-9), filled_in
        tried += 1
    assert tried > 1500


def test_substituted_numbers_change_nothing_but_the_work():
    random = Random(2)
    for _ in range(1000):
        tree = random_tree(random, 4)
        try:
            wanted = value(tree, x=1.7, y=0, z=1)
        except ZeroDivisionError:
            continue
        assert value(substitute(tree, {"y": 0, "z": 1}), x=1.7) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("formula", "numbers", "written"),
    [
        ("y * x**(y - 1)", {"y": 2}, "2 * x"),
        ("y * x**(y - 1)", {"y": 1}, "1"),
        ("y * x**(y - 1)", {"y": 3.0}, "3 * x**2"),
        ("y * x**(y - 1)", {"y": -1}, "-x**(-2)"),
        ("y * x**(y - 1) if y else 0", {"y": 0}, "0"),
        ("1 if x > 0 else y", {"y": 1}, "1"),
        ("1 if x > y else 0", {"x": 2, "y": 1}, "1"),
        ("x + 0 * y", {}, "x + 0 * y"),
        ("(x + 1) * (y - 1)", {"y": 2}, "x + 1"),
        ("exp(x) / y", {"y": 1}, "exp(x)"),
        ("-(x - y)", {"y": 0}, "-x"),
    ],
)
def test_constants_make_formulas_simple(formula, numbers, written):
    names = {"x": "x", "y": "y"}
    assert TEXT.write(substitute(parse_formula(formula), numbers), names) == written


def test_guards_are_not_printed_and_choices_are():
    assert TEXT.write(parse_formula("out * log(x) if x else out"), {"x": "a", "out": "L"}) == "L * log(a)"
    assert TEXT.write(parse_formula("2 * (1 if x > 0 else y)"), {"x": "a", "y": "b"}) == "2 * (1 if a > 0 else b)"
    assert LATEX.write(parse_formula("1 if x > 0 else 0"), {"x": "a"}) == r"1 \text{ if } a > 0 \text{ else } 0"


@pytest.mark.parametrize("label", ["a + b", "a*b", "a-b", "x, y", "a = b", "two words", "a/b"])
def test_a_name_with_an_operator_in_it_gets_parentheses(label):
    assert TEXT.spell("multiply", [label, "c"]) == f"({label}) * c"


@pytest.mark.parametrize("label", ["w1[3→2]", "w1[3->2]", "x[0]", "θ", "x_1", "1e-05", "日本", "w2[10→3]"])
def test_other_names_get_none(label):
    assert TEXT.spell("multiply", ["c", label]) == f"c * {label}"
    assert TEXT.spell("power", [label, "2"]) == f"{label}**2"


def test_a_piece_keeps_its_parentheses_where_they_are_needed():
    sum_ = TEXT.spell("add", ["a", "b"])
    assert f"{sum_:product}" == "(a + b)"
    assert f"{sum_}" == "a + b"
    assert isinstance(sum_, Piece)
    assert TEXT.total(["a", "-3", sum_]) == "a + (-3) + (a + b)"
    assert TEXT.product(["-2", "-3", "1/2"]) == "-2 * (-3) * (1/2)"


@pytest.mark.parametrize(
    "formula", ["x >= 0", "x and y", "f(x=1)", "x[0]", "[x]", "lambda: x", "'x'", "x if y", "", "1j"]
)
def test_what_is_not_in_the_language_is_refused(formula):
    with pytest.raises(ValueError, match=r"cannot stand in the formula|is not a formula"):
        parse_formula(formula)


def test_operations_of_a_tree():
    assert operations_in(parse_formula("-sin(x)**2 if x > 0 else 1")) == {"negative", "sin", "power"}


@pytest.mark.parametrize("number", [0, 1, -1, 3])
def test_the_one_simplifier_is_right_for_every_operation(number):
    for name in ("add", "subtract", "multiply", "divide", "power", "positive"):
        for operands in ([number, 1.7], [1.7, number]):
            if (name == "divide" and operands[1] == 0) or (name == "power" and operands[0] < 0):
                continue
            if name == "power" and operands[0] == 0:
                continue
            operands = operands[:1] if name == "positive" else operands
            simpler, left = simplify(name, operands, lambda x: x if isinstance(x, int) else None)
            assert MEANINGS[simpler](*left) == pytest.approx(MEANINGS[name](*operands))


def test_a_formula_can_be_read_by_parse_where_it_chooses_nothing():
    leaves = {"x": 0.5, "out": 2.0}
    v = parse("out * (1 - out) + exp(x)", **leaves)
    assert isinstance(v, Value)
    assert v.data == pytest.approx(-2 + math.exp(0.5))
