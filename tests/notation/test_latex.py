"""LaTeX says what is meant: it renders, and read back as arithmetic it has the values that ops.py computes."""

import builtins
import math
import re
from fractions import Fraction
from random import Random
from xml.etree import ElementTree

import pytest

from micrograd_like import Value
from micrograd_like.graph.steps import backward_steps, forward_steps
from micrograd_like.notation import latex
from micrograd_like.notation.mathml import mathml
from micrograd_like.ops import OPERATIONS
from tests.formulas import assert_renders
from tests.graphs import SPELLINGS

ROWS = {name: row for name, row in OPERATIONS.items() if row.formulas}
NAMES = {
    "a": "a",
    "x1": "x_{1}",
    "x_1": "x_{1}",
    "w1[3->2]": r"w^{(1)}_{3 \to 2}",
    "w1[3→2]": r"w^{(1)}_{3 \to 2}",
    "b1[2]": "b^{(1)}_{2}",
    "w[1]": "w_{1}",
    "x[i]": "x_{i}",
    "loss": r"\text{loss}",
    "d_loss": r"d_{\text{loss}}",
    "total1": r"\text{total}_{1}",
    "-3": "-3",
    "0.5": "0.5",
    "1e-07": r"1 \cdot 10^{-7}",
    "-1/2": r"-\frac{1}{2}",
    "inf": r"\infty",
    "1e5/3": r"\text{1e5/3}",
    "1/0": r"\text{1/0}",
    "2.5.1": r"\text{2.5.1}",
    "x٣": r"\text{x٣}",
    "a_b_c": r"\text{a\_b\_c}",
    "50% of $x$ #1 {a} & b": r"\text{50\% of \$x\$ \#1 \{a\} \& b}",
    "x^2": r"{\text{x} \wedge \text{2}}",
    "~\\": r"{\sim \backslash}",
    "<script>": r"{< \text{script} >}",
    "a|b": r"{\text{a} \vert \text{b}}",
    "`c`*": r"{\text{‘c‘} \ast}",
    "a\nb\x1b[0m": r"{\text{a} \backslash \text{nb} \backslash \text{x1b[0m}}",
    "Größe": r"\text{Größe}",
    " ": r"\text{ }",
    "": r"\text{}",
}


def operands_of(name):
    """Return names for the operands of an operation."""
    return {"dot": list("uvxyb"), "sum": list("xyz"), "logsumexp": list("xyz")}.get(name, list("xy"))[
        : len(ROWS[name].operand_names) if name not in ("dot", "sum", "logsumexp") else None
    ]


@pytest.mark.parametrize(("label", "written"), NAMES.items())
def test_names(label, written):
    assert latex.name(label) == written


def test_no_label_leaves_its_math_or_breaks_markdown():
    random = Random(0)
    for _ in range(300):
        label = "".join(random.choices("ab1 _^~\\$%&#{}<>|`*[]-/\n\t\"'é", k=random.randint(1, 8)))
        written = latex.name(label)
        plain = re.sub(r"\\.", "", written)
        assert not set("$%#&~`|") & set(plain), label
        assert not re.search("<[A-Za-z/!?]", written), label
        assert plain.count("{") == plain.count("}"), label


@pytest.mark.parametrize(
    ("x", "written"),
    [
        (2.0, "2"),
        (-0.25, "-0.25"),
        (0.123456789, "0.1235"),
        (1.5e-7, r"1.5 \cdot 10^{-7}"),
        (-2e30, r"-2 \cdot 10^{30}"),
        (math.inf, r"\infty"),
        (-math.inf, r"-\infty"),
        (math.nan, r"\text{NaN}"),
        (Fraction(3, 4), r"\frac{3}{4}"),
        (Fraction(-3, 4), r"-\frac{3}{4}"),
        (Fraction(5), "5"),
        (3, "3"),
    ],
)
def test_numbers(x, written):
    assert latex.number(x) == written


@pytest.mark.parametrize(
    ("operation", "operands", "written"),
    [
        ("add", ["a", "-3"], r"a + \left(-3\right)"),
        ("subtract", ["-2", "-3"], r"-2 - \left(-3\right)"),
        ("multiply", ["2", "-3"], r"2 \cdot \left(-3\right)"),
        ("divide", ["a", "b"], r"\frac{a}{b}"),
        ("negative", ["-3"], r"-\left(-3\right)"),
        ("power", [latex.name("w1[2]"), "2"], r"\left(w^{(1)}_{2}\right)^{2}"),
        ("power", ["-2", "3"], r"\left(-2\right)^{3}"),
        ("power", [latex.number(1e-7), "3"], r"\left(1 \cdot 10^{-7}\right)^{3}"),
        ("tanh", ["n"], r"\tanh\left(n\right)"),
        ("sqrt", ["a"], r"\sqrt{a}"),
        ("abs", ["a"], r"\left\vert a\right\vert"),
        ("maximum", ["a", "b"], r"\max\left(a, b\right)"),
        ("leaky_relu", ["a", "0.1"], r"\operatorname{LeakyReLU}\left(a, 0.1\right)"),
        ("dot", ["w_{1}", "w_{2}", "x_{1}", "x_{2}", "b"], r"w_{1} \cdot x_{1} + w_{2} \cdot x_{2} + b"),
        ("sum", ["a", "b", "-1"], r"a + b + \left(-1\right)"),
    ],
)
def test_operations(operation, operands, written):
    assert OPERATIONS[operation].write(operands, latex.LATEX) == written


@pytest.mark.parametrize(
    ("operation", "i", "written"),
    [
        ("divide", 1, r"\frac{-o}{y}"),
        ("power", 0, r"y \cdot x^{y - 1}"),
        ("power", 1, r"o \cdot \log\left(x\right)"),
        ("sqrt", 0, r"\frac{1}{2 \cdot o}"),
        ("tanh", 0, "1 - o^{2}"),
        ("sigmoid", 0, r"o \cdot \left(1 - o\right)"),
        ("relu", 0, r"1 \text{ if } x > 0 \text{ else } 0"),
        ("maximum", 0, r"1 \text{ if } x > y \text{ else } 0.5 \text{ if } x = y \text{ else } 0"),
        ("logsumexp", 1, r"\exp\left(y - o\right)"),
        ("dot", 0, "x"),
        ("dot", 3, "v"),
        ("dot", 4, "1"),
    ],
)
def test_local_derivatives(operation, i, written):
    assert ROWS[operation].formula(i, "o", operands_of(operation), style=latex.LATEX) == written


def test_a_constant_exponent_makes_a_power_simple():
    assert ROWS["power"].formula(0, "o", ["v_{4}", "2"], [None, 2.0], latex.LATEX) == r"2 \cdot v_{4}"
    assert ROWS["power"].formula(0, "o", ["v_{4}", "1"], [None, 1.0], latex.LATEX) == "1"
    assert ROWS["power"].formula(0, "o", ["v_{4}", "3"], [None, Fraction(3)], latex.LATEX) == r"3 \cdot v_{4}^{2}"


# -------------------- read back --------------------

FUNCTIONS = {
    **{name: getattr(math, name) for name in ("exp", "log", "sin", "cos", "tanh", "sqrt")},
    **{word: getattr(builtins, word) for word in ("abs", "max", "min")},
    **{name: ROWS[name].forward for name in ("softplus", "logsumexp")},
    "sigma": ROWS["sigmoid"].forward,
    "ReLU": ROWS["relu"].forward,
    "LeakyReLU": ROWS["leaky_relu"].forward,
}


def evaluate(written, **numbers):
    """Return the value of LaTeX, turned into Python by replacing one thing after another."""
    for _ in range(4):  # fractions and powers within each other
        written = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", written)
        written = re.sub(r"\^\{([^{}]*)\}", r"**(\1)", written)
    written = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", written)
    written = re.sub(r"\\operatorname\{(\w+)\}", r"\1", written)
    written = re.sub(r"\\left\\vert (.*?)\\right\\vert", r"abs(\1)", written)
    written = re.sub(r"\\text\{( if | else )\}", r"\1", written).replace(" = ", " == ")
    written = written.replace(r"\cdot", "*").replace(r"\left", "").replace(r"\right", "").replace("\\", "")
    return eval(written, {**FUNCTIONS, **numbers})


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("sign", [1, -1])
def test_read_back_every_operation_and_derivative_has_the_right_value(name, sign):
    row, names, random = ROWS[name], operands_of(name), Random(name)
    for k in range(20):
        numbers = [random.choice([0.5, 1.5, 2.0, 3.25]) for _ in names]
        if sign < 0 and name not in ("log", "sqrt"):
            numbers = [-x for x in numbers]
            if name == "power":
                numbers[1] = float(round(numbers[1]))
        out = row.compute(numbers)
        by_name = dict(zip(names, numbers, strict=True))
        filled_in = [latex.number(x) for x in numbers]
        assert evaluate(row.write(names, latex.LATEX), **by_name) == pytest.approx(out), k
        assert evaluate(row.write(filled_in, latex.LATEX)) == pytest.approx(out)
        for i in range(len(names)):
            if name == "power" and i == 1 and sign < 0:
                continue  # the logarithm of a negative number
            local = pytest.approx(row.local(i, out, numbers), rel=2e-3, abs=1e-4)
            assert evaluate(row.formula(i, "out", names, style=latex.LATEX), out=out, **by_name) == local
            assert evaluate(row.formula(i, latex.number(out), filled_in, style=latex.LATEX)) == local


# -------------------- rendered --------------------


def everything():
    """Yield every kind of LaTeX there is."""
    yield from map(latex.name, filter(None, NAMES))
    for name, row in ROWS.items():
        for names in (operands_of(name), [latex.name("w1[3→2]")] * 5, ["-2"] * 5, [latex.number(Fraction(-1, 2))] * 5):
            operands = names[: len(operands_of(name))]
            yield row.write(operands, latex.LATEX)
            yield from (row.formula(i, "o", operands, style=latex.LATEX) for i in range(len(operands)))
    for name in ROWS:
        v = SPELLINGS[name](*[Value(1.5, f"w1[{i}->2]") for i in range(len(operands_of(name)))])
        yield from (step.latex for step in (*forward_steps(v), *backward_steps(v)))


def test_everything_renders():
    assert_renders(everything())


def test_everything_is_mathml_too():
    for formula in everything():
        ElementTree.fromstring(mathml(formula))
        assert "\\" not in re.sub("<mo>.</mo>", "", mathml(formula)), formula


def test_mathml():
    written = mathml(r"\frac{\partial L}{\partial w^{(1)}_{3 \to 2}} = -2 \cdot \left(a_{1} - \sqrt{b}\right)^{2}")
    root = ElementTree.fromstring(written)
    assert "".join(root.itertext()) == "∂L∂w3→2(1)=−2·(a1−b)2"
    assert [e.tag for e in root.iter() if e.tag not in ("mi", "mo", "mn", "mrow")] == [
        "math",
        "mfrac",
        "msubsup",
        "msup",
        "msub",
        "msqrt",
    ]
    assert [e.get("form") for e in root.iter("mo") if e.text == "−"] == ["prefix", None]


def test_mathml_of_a_label_is_text():
    assert mathml(latex.name('<img src=x onerror="alert(1)"> & \\')).count("<img") == 0
    assert "".join(ElementTree.fromstring(mathml(latex.name("a {b} & \\c <d>"))).itertext()) == "a {b} & \\c <d>"
