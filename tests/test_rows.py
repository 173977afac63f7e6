"""A row is enough: operations that are added while the tests run can do whatever those of ops.py can."""

import copy
import io
import math
import pickle
import subprocess
import sys
from contextlib import redirect_stdout

import mpmath
import pytest

import micrograd_like
from micrograd_like import Value, draw, explain, grad, gradcheck, named, ops, parse, step, text
from micrograd_like.compiler import CompilerError
from micrograd_like.compiler.spelling import SPELLINGS
from micrograd_like.graph.steps import backward_steps
from micrograd_like.notation.latex import LATEX
from micrograd_like.ops import OPERATIONS, Operation
from micrograd_like.teaching import check, grade

from .formulas import assert_renders

# name -> how it is made, its meaning according to mpmath, and where it is tried
NEW = {
    "atan": (lambda: Operation("atan", "atan", math.atan, x="1 / (1 + x**2)"), mpmath.atan, (0.7,)),
    "erf": (lambda: Operation("erf", "erf", math.erf, x="1.1283791670955126 * exp(-x**2)"), mpmath.erf, (0.4,)),
    "log1p": (lambda: Operation("log1p", "log1p", math.log1p, x="1 / (1 + x)"), mpmath.log1p, (0.3,)),
    "hypot": (lambda: Operation("hypot", "hypot", math.hypot, x="x / out", y="y / out"), mpmath.hypot, (3.0, -4.0)),
    "atan2": (
        lambda: Operation("atan2", "atan2", math.atan2, x="y / (x**2 + y**2)", y="-x / (x**2 + y**2)"),
        mpmath.atan2,
        (1.5, -0.5),
    ),
    "hardtanh": (
        lambda: Operation(
            "hardtanh", "hardtanh", lambda x: max(-1.0, min(x, 1.0)), x="0 if x > 1 else 0 if x < -1 else 1"
        ),
        lambda x: max(mpmath.mpf(-1), min(x, mpmath.mpf(1))),
        (0.25,),
    ),
}


def forget(row):
    """Take a row back, so that other tests do not meet it."""
    OPERATIONS.pop(row.name)
    ops._forwards.pop(row.name)
    if hasattr(Value, row.name):
        delattr(Value, row.name)


@pytest.fixture(params=NEW)
def new(request):
    make, meaning, point = NEW[request.param]
    row = make()
    yield row, meaning, point
    forget(row)


def test_it_is_called_in_every_way(new):
    row, meaning, point = new
    leaves = [Value(x, label) for x, label in zip(point, "ab", strict=False)]
    by_method = getattr(leaves[0], row.name)(*leaves[1:])
    by_name = getattr(micrograd_like, row.name)(*leaves)
    by_text = parse(f"{row.name}({', '.join('ab'[: len(point)])})", **dict(zip("ab", point, strict=False)))
    for v in (row(*leaves), by_method, by_name, by_text):
        assert v.op is row
        assert v.data == pytest.approx(float(meaning(*map(mpmath.mpf, point))), rel=1e-14)
    assert row(*point) == by_name.data


def test_its_gradients_are_right_twice(new):
    row, meaning, point = new
    leaves = [Value(x) for x in point]
    out = row(*leaves)
    out.backward()
    firsts = grad(out, leaves, create_graph=True)
    for i, (leaf, first) in enumerate(zip(leaves, firsts, strict=True)):
        orders = [int(j == i) for j in range(len(point))]
        wanted = float(mpmath.diff(meaning, point, orders) if len(point) > 1 else mpmath.diff(meaning, point[0]))
        assert leaf.grad == pytest.approx(wanted, rel=1e-9)
        assert first.data == pytest.approx(wanted, rel=1e-9)
        twice = [2 * n for n in orders]
        second = float(mpmath.diff(meaning, point, twice) if len(point) > 1 else mpmath.diff(meaning, point[0], 2))
        assert grad(first, [leaf])[0] == pytest.approx(second, rel=1e-6, abs=1e-9)
    gradcheck(row, point)


def test_it_is_drawn_typeset_explained_stepped_and_graded(new):
    row, _, point = new
    names = "ab"[: len(point)]
    leaves = named(**dict(zip(names, point, strict=True)))
    out = row(*leaves) * 3
    out.label = "L"
    out.operands[0].label = "u"
    out.backward()
    assert f"{row.name}({', '.join(names)})" in text(out)
    assert row.symbol in draw(out).svg
    assert row.name in str(explain(out))
    assert row.name in explain(out).html
    formulas = [step.latex for step in backward_steps(out)]
    assert_renders([*formulas, row.write(list(names), LATEX)])
    assert step(out).finish().grad(leaves[0]) == pytest.approx(leaves[0].grad)
    answers = {"u": 3, **{name: f"{leaf.grad:.6f}" for name, leaf in zip(names, leaves, strict=True)}}
    check(out, answers)
    assert not grade(out, {**answers, "a": 17}).is_right


@pytest.mark.parametrize("language", SPELLINGS)
def test_it_compiles_to_every_language_that_knows_it(new, language):
    """Python and NumPy run any row; what the library of another language lacks is said, and where it goes."""
    row, _, point = new
    leaves = [Value(x, label) for x, label in zip(point, "ab", strict=False)]
    out = row(*leaves) * leaves[0]
    program = micrograd_like.compile(out, [], leaves, backend=language if language == "numpy" else "python")
    values, gradient = program.value_and_grad()
    assert values == pytest.approx([out.data], rel=1e-13)
    assert gradient == pytest.approx(grad(out, leaves), rel=1e-12)
    if row.name in SPELLINGS[language]:
        assert f"{row.name.removeprefix('a')}" in program.source(language)
    else:
        with pytest.raises(CompilerError, match=f"the table of {language} .* has no entry '{row.name}'"):
            program.source(language)


@pytest.mark.parametrize("name", ["atan", "log1p", "hypot", "atan2"])
def test_the_libraries_of_all_languages_know_the_usual_functions(name):
    assert all(name in table for table in SPELLINGS.values())


def test_it_runs_in_c(new, c_compiler):
    row, _, point = new
    leaves = [Value(x, label) for x, label in zip(point, "ab", strict=False)]
    out = row(*leaves) * leaves[0]
    if row.name not in SPELLINGS["c"]:
        with pytest.raises(CompilerError, match="has no entry"):
            micrograd_like.compile(out, [], leaves, backend="c")
        return
    values, gradient = micrograd_like.compile(out, [], leaves, backend="c").value_and_grad()
    assert values == pytest.approx([out.data], rel=1e-13)
    assert gradient == pytest.approx(grad(out, leaves), rel=1e-12)


def test_it_is_pickled_and_copied_as_itself(new):
    row, _, point = new
    v = row(*map(Value, point))
    assert copy.deepcopy(v).op is row
    assert pickle.loads(pickle.dumps(v)).op is row


def test_a_pickle_finds_a_row_in_the_module_that_makes_it(tmp_path):
    (tmp_path / "rows.py").write_text(
        "from micrograd_like.ops import Operation\ncube = Operation('cube', 'cube', lambda x: x**3, x='3 * x**2')\n"
    )
    write = "import pickle, rows; from micrograd_like import Value; print(pickle.dumps(Value(2.0).cube()).hex())"
    read = "import pickle; v = pickle.loads(bytes.fromhex('{}')); print(v, v.op)"

    def run(code):
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run(read.format(run(write).strip())) == "Value(data=8.0, grad=0.0, op='cube') <operation cube>\n"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Operation("cos", "cos", math.cos, x="1"), "there is an operation 'cos' already"),
        (lambda: Operation("a b", "ab", abs, x="1"), "'a b' cannot be the name of an operation"),
        (lambda: Operation("lambda", "lambda", abs, x="1"), "'lambda' cannot be the name"),
        (lambda: Operation("new", "new", abs), "new needs a formula for each operand"),
        (lambda: Operation("new", "new", abs, x="3 * z"), "uses z, but has only x and out"),
        (lambda: Operation("new", "new", abs, x="sinh(x)"), "uses sinh, which is not an operation"),
        (lambda: Operation("new", "new", abs, x="math.sin(x)"), "cannot stand in the formula"),
        (lambda: Operation("new", "new", abs, x="3 *"), "'3 \\*' is not a formula"),
        (lambda: Operation("new", "new", abs, x="x if x >= 0 else 0"), "cannot stand in the formula"),
    ],
)
def test_a_bad_row_is_refused_and_leaves_nothing(make, message):
    before = dict(OPERATIONS)
    with pytest.raises(ValueError, match=message):
        make()
    assert before == OPERATIONS
    assert not hasattr(Value, "new")
    assert Value(0.5).sin().data == math.sin(0.5)


def test_another_cos_does_not_change_the_derivative_of_sin():
    with pytest.raises(ValueError, match="already"):
        Operation("cos", "cos", lambda x: 17.0, x="0")
    x = Value(0.5)
    x.sin().backward()
    assert x.grad == math.cos(0.5)


def test_micrograds_way_to_add_one_is_answered_with_this_one():
    x = Value(0.5)
    with pytest.raises(TypeError, match=r"Operation\('cube'"):
        Value(math.tanh(x.data), (x,), "tanh")
    out = x * 2
    with pytest.raises(TypeError, match=r"Operation\('cube'"):
        out._backward = lambda: None


def test_the_one_line_of_the_message_works():
    code = """
from micrograd_like import Operation, Value
cube = Operation('cube', 'cube', lambda x: x**3, x='3 * x**2')
print(cube(Value(2.0)).data, Value(2.0).cube().data)
"""
    with redirect_stdout(io.StringIO()) as out:
        exec(code, {"__name__": "somewhere"})
    forget(OPERATIONS["cube"])
    assert out.getvalue() == "8.0 8.0\n"
