"""Formulas as text."""

import math
from fractions import Fraction

import pytest

from micrograd_like import Value, ops
from micrograd_like.notation.expressions import ExpressionError, functions, parse


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("tanh(x*w + b)", {"x": 2.0, "w": -3.0, "b": 6.5}),
        ("-x**2 + x**-2 - +x", {"x": 1.5}),
        ("2**3**2 - 9/3/2", {}),
        ("exp(x)/(1 + exp(x)) - sin(x)*cos(x)", {"x": 0.3}),
        ("max(x, 0) + min(x, -1) + abs(x) + sqrt(4) + log(2)", {"x": -0.5}),
        ("1e-3 * x + .5", {"x": 7.0}),
        ("sum([x, 2, x])", {"x": 3.0}),
    ],
)
def test_means_what_python_means(text, numbers):
    if text.startswith("sum"):
        assert parse("sum(x, 2, x)", **numbers).data == 8.0
        return
    namespace = {**vars(math), "abs": abs, "max": max, "min": min, **numbers}
    assert parse(text, **numbers).data == pytest.approx(eval(text, namespace), rel=1e-15)


def test_every_function_can_be_written():
    arguments = {1: "0.5", 2: "0.5, 0.25"}
    for name, row in functions().items():
        written = "dot([0.5, 2], [3, 4], 1)" if name == "dot" else f"{name}({arguments[len(row.operand_names)]})"
        assert parse(written).op is row


def test_a_name_is_one_leaf():
    v = parse("x * x", x=3)
    assert v.operands[0] is v.operands[1]
    assert v.operands[0].label == "x"


def test_numbers_are_constants():
    v = parse("x * 2", x=3)
    v.backward()
    assert (v.operands[0].grad, v.operands[1].grad, v.operands[1].op.name) == (2.0, 0.0, "constant")


def test_a_value_can_stand_for_a_name():
    x = Value(3.0)
    parse("y * y", y=x).backward()
    assert x.grad == 6.0


def test_steps_name_what_they_make():
    v = parse("e = a*b; L = (e + c)*f", a=2, b=-3, c=10, f=-2)
    assert (v.label, v.data) == ("L", -8.0)
    assert v.operands[0].operands[0].label == "e"


def test_a_dot_is_a_whole_neuron():
    v = parse("dot([w1, w2], [1, 2], b)", w1=1, w2=2, b=3)
    assert (v.data, len(v.operands)) == (8.0, 5)


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("2 + log(x - 1)", r"log\(0.0\): log is defined for numbers above 0 only", 4),
        ("x / (x - 1)", "division by zero", 5),
        ("9**9**9", "too large", 3),
        ("1 + 1e999", "too large", 4),
        ("1 + y", "y has no number", 4),
        ("x ^ 2", r"write x\*\*2", 4),
        ("x @ 2", "this operator is not known", 4),
        ("tanh + x", r"tanh is a function: write tanh\(x\)", 0),
        ("x + tanh(x, 1)", "takes 1 operand, not 2", 4),
        ("x * foo(2)", "foo is not a known function: there are abs, .*cos", 4),
        ("x + __import__('os')", "not a known function", 4),
        ("x.data", "and nothing else", 0),
        ("x + [1]", "and nothing else", 4),
        ("x if x else 1", "and nothing else", 0),
        ("lambda: x", "and nothing else", 0),
        ("x + True", "and nothing else", 4),
        ("x + 1j", "and nothing else", 4),
        ("x + 'a'", "and nothing else", 4),
        ("import os", "steps like e = a", 0),
        ("x = 2", "x has a meaning already", 0),
        ("y = x; y = 2", "y has a meaning already", 7),
        ("tanh = x", "tanh has a meaning already", 0),
        ("x + sum()", "at least one operand", 4),
        ("dot(x, x)", "dot takes two lists", 0),
        ("dot([x], [x, x])", "one weight for each input", 0),
        ("leaky_relu(x, slope=2)", "no named arguments", 0),
        ("x +", "not a formula", 3),
        ("(x", "not a formula", 0),
        ("ö + log(-x)", "ö has no number", 0),
        ("x + log(-x) + ö", "log is defined", 4),
        ("x + x # ö", "a formula has no comments", 6),
        ("", "empty", 0),
        ("x\0", "null", 0),
    ],
)
def test_errors_point_to_the_place(text, message, column):
    with pytest.raises(ExpressionError, match=message) as caught:
        parse(text, x=1)
    assert str(caught.value).splitlines()[-1] == "  " + " " * column + "^"


def test_caret_counts_characters_not_bytes():
    with pytest.raises(ExpressionError) as caught:
        parse("ö*ö + log(0)", ö=1)
    assert str(caught.value).splitlines()[-1] == "  " + " " * 6 + "^"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * 100_000, id="parentheses"),
        pytest.param("(" * 1000 + "1" + ")" * 1000, id="closed parentheses"),
        pytest.param("-" * 9000 + "1", id="minus signs"),
        pytest.param("**".join(["1"] * 3000), id="powers"),
        pytest.param("tanh(" * 500 + "1" + ")" * 500, id="calls"),
        pytest.param("9" * 5000, id="digits"),
        pytest.param("a" * 20_000, id="letters"),
    ],
)
def test_absurd_sizes_are_refused(text):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert max(map(len, str(caught.value).splitlines())) < 130


def test_any_name_may_stand_in_a_formula():
    assert parse("text * 2", text=3).data == 6.0


def test_a_long_sum_is_fine():
    assert parse(" + ".join(["x"] * 500), x=1).data == 500.0


def test_a_number_nobody_uses_is_a_mistake():
    with pytest.raises(ExpressionError, match="y is given a number but is not in the formula"):
        parse("x + 1", x=1, y=2)


def test_what_a_name_stands_for_must_be_a_number():
    with pytest.raises(TypeError, match="a Value holds one real number"):
        parse("x", x="2")


def test_fractions_keep_the_formulas_numbers_exact():
    v = parse("x**2 / 3 + 0.1", x=Fraction(1, 2))
    assert v.data == Fraction(1, 12) + Fraction(1, 10)
    assert type(parse("x**2", x=0.5).data) is float


def test_fractions_are_told_from_divisions():
    assert ops.divide.write(["9", "1/2"]) == "9 / (1/2)"
    assert ops.power.write(["1/2", "2"]) == "(1/2)**2"
    assert ops.add.write(["1/2", "-3"]) == "1/2 + (-3)"


def test_comments_are_refused():
    for text in "a*2 # <script>alert(1)</script>", "# a\na*2":
        with pytest.raises(ExpressionError, match="a formula has no comments"):
            parse(text, a=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a**9**9**9", "too large"),
        ("a**-(9**9**9)", "too large"),
        ("; ".join(["x0 = a*a", *(f"x{k + 1} = x{k}*x{k}" for k in range(40))]), "more than 3,000 digits"),
        ("; ".join(["x0 = 1/a", *(f"x{k + 1} = x{k}**2" for k in range(40))]), "too large"),
        ("a*1e999", "too large for a float"),
    ],
)
def test_exact_numbers_are_bounded(text, message):
    with pytest.raises(ExpressionError, match=message):
        parse(text, a=Fraction(3))


def test_exact_numbers_of_usual_length_stay_exact():
    assert parse("a**100 / a**99", a=Fraction(7, 3)).data == Fraction(7, 3)
    assert parse("a**1000", a=Fraction(-1)).data == 1
    assert parse("a**(1/2)", a=Fraction(4)).data == 2
