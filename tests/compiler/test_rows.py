"""Every row of `ops.py` in every language: values and gradients against the engine, at ordinary numbers and at edges.

A row that a language cannot spell fails here with what is missing and where it goes.
"""

import json
import math
import subprocess
import sys
from importlib.util import find_spec

import pytest

from micrograd_like import Value, ops
from micrograd_like.compiler import CompilerError, add_spelling, compile
from micrograd_like.compiler.spelling import HELPERS, MORE, MORE_OF_TWO, SPELLINGS
from micrograd_like.graph.derivatives import grad
from micrograd_like.ops import OPERATIONS, Operation

from ..conftest import REQUIRED, need
from ..graphs import SPELLINGS as CALLS
from ..test_rows import forget

ROWS = [name for name in OPERATIONS if name not in ("input", "parameter", "constant")]
NUMBERS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 0.3, 30.0, -40.0, 700.0, -745.0, 1e-8, -1e-8, 1e200, 1e-200]


def operands_of(op):
    count = 4 if isinstance(op, ops.Variadic) else len(op.operand_names)
    start = 1.75 if op.name == "acosh" else 0.75  # inside its domain
    return [Value(start + 0.5 * i, f"x{i}") for i in range(count)]


def cases_of(op):
    """Return lists of operands."""
    n = len(operands_of(op))
    if n == 1:
        return [[x] for x in NUMBERS]
    cases = [[x, y, *([0.5, -2.0] if n > 2 else [])] for x in NUMBERS for y in NUMBERS]
    return cases + [[x] * n for x in NUMBERS]


def by_the_engine(op, numbers, with_gradient=True):
    """Return the result and its gradient, or what is wrong."""
    operands = [Value(x, f"x{i}") for i, x in enumerate(numbers)]
    try:
        output = CALLS.get(op.name, op)(*operands)
        gradient = grad(output, operands) if with_gradient else []
    except (ValueError, ArithmeticError) as error:
        return error
    return [output.data, *gradient] if all(map(math.isfinite, [output.data, *gradient])) else OverflowError()


def same(found, wanted):
    """Tell whether numbers are the same but for what the libraries' functions differ in."""
    scale = max(1.0, *map(abs, wanted)) if len(wanted) > 3 else 0.0  # sums cancel
    return all(math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-12 * scale) for x, y in zip(found, wanted, strict=True))


@pytest.mark.parametrize("name", ROWS)
def test_backends(backend, name):
    op, operands = OPERATIONS[name], operands_of(OPERATIONS[name])
    program = compile(CALLS.get(name, op)(*operands), [], operands, backend)
    by_rows = compile(CALLS.get(name, op)(*operands), operands, [], backend)
    fine = []
    for numbers in cases_of(op):
        wanted = by_the_engine(op, numbers)
        if isinstance(wanted, Exception):
            with pytest.raises(type(wanted)) as raised:
                program.value_and_grad(None, numbers)
            assert str(raised.value) == str(wanted) or not str(wanted)
        else:
            (output,), gradient = program.value_and_grad(None, numbers)
            assert same([output, *gradient], wanted), (numbers, output, gradient, wanted)
        value = by_the_engine(op, numbers, with_gradient=False)
        if not isinstance(value, Exception):
            fine.append((numbers, value[0]))
    found = by_rows([numbers for numbers, _ in fine])
    for x, (numbers, wanted) in zip(found, fine, strict=True):
        assert same([x, *numbers], [wanted, *numbers]), (numbers, x, wanted)


# -------------------- the sources, run without this package --------------------


def sources(language):
    """Return what every row is in a language, on which parameters, and what it comes to."""
    found = []
    for name in ROWS:
        if name not in SPELLINGS[language]:
            assert name in MORE  # of which a library may lack one
            continue
        op, operands = OPERATIONS[name], operands_of(OPERATIONS[name])
        program = compile(CALLS.get(name, op)(*operands), operands[:1], operands[1:], "python")
        pairs = [(numbers, by_the_engine(op, numbers)) for numbers in cases_of(op)]
        fine = [(numbers, [w[0], *w[2:]]) for numbers, w in pairs if not isinstance(w, Exception)]
        found.append((program.source(language), fine))
    return found


def check(found, cases):
    for (source, fine), results in zip(cases, found, strict=True):
        for (numbers, wanted), result in zip(fine, results, strict=True):
            scale = 1.0 if "logsumexp" in source else 1e-295  # JAX takes denormal numbers for 0
            for x, y in zip(result, wanted, strict=True):
                assert math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-12 * scale), (source, numbers, result, wanted)


def test_python_and_numpy():
    for language in "python", "numpy":
        cases, found = sources(language), []
        for source, fine in cases:
            exec(source, space := {})
            calls = (space["value_and_grad"]([numbers[:1]], numbers[1:]) for numbers, _ in fine)
            found.append([[float(out[0]), *map(float, gradient)] for out, gradient in calls])
        check(found, cases)


def test_javascript(tmp_path):
    node = need("node", "node")
    cases, lines = sources("javascript"), []
    for i, (source, fine) in enumerate(cases):
        (tmp_path / f"row{i}.mjs").write_text(source)
        calls = json.dumps([[[numbers[:1]], numbers[1:]] for numbers, _ in fine])
        lines += [f'import {{ valueAndGrad as f{i} }} from "./row{i}.mjs";']
        lines += [f"results.push({calls}.map(([x, p]) => {{ const [o, g] = f{i}(x, p); return [...o, ...g]; }}));"]
    imports = [line for line in lines if line.startswith("import")]
    text = [*imports, "const results = [];", *(line for line in lines if line not in imports)]
    (tmp_path / "all.mjs").write_text("\n".join([*text, "console.log(JSON.stringify(results));"]))
    done = subprocess.run([node, tmp_path / "all.mjs"], check=True, capture_output=True, text=True)
    check(json.loads(done.stdout), cases)


def test_c(tmp_path, c_compiler):
    cases, main = sources("c"), []
    for i, (source, _) in enumerate(cases):
        (tmp_path / f"row{i}.c").write_text(source.replace("int value_and_grad(", f"int row{i}("))
        main.append(f"int row{i}(long, const double *, const double *, double *, double *);")
    main += ["int printf(const char *, ...);", "int main(void) {", "double o[1], g[9];"]
    for i, (_, fine) in enumerate(cases):
        for numbers, wanted in fine:
            x, *p = (f"{v!r}" for v in numbers)
            main.append(f"row{i}(1, (double[]){{{x}}}, (double[]){{{', '.join(p) or '0'}}}, o, g);")
            parts = ["o[0]", *(f"g[{j}]" for j in range(len(wanted) - 1))]
            main += [f'printf("%.17g ", {part});' for part in parts] + ['printf("\\n");']
    (tmp_path / "main.c").write_text("\n".join([*main, "return 0; }"]))
    files = [tmp_path / "main.c", *(tmp_path / f"row{i}.c" for i in range(len(cases)))]
    command = [*c_compiler[0], "-Wall", "-Wextra", "-ffp-contract=off", "-O0", "-o", tmp_path / "all", *files, "-lm"]
    built = subprocess.run(command, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    said = [line for line in built.stderr.splitlines() if "warning" in line and "unused" not in line]
    assert not said
    done = subprocess.run([tmp_path / "all"], check=True, capture_output=True, text=True)
    lines = iter(done.stdout.splitlines())
    check([[[float(x) for x in next(lines).split()] for _ in fine] for _, fine in cases], cases)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_libraries(library, tmp_path):
    if library not in REQUIRED and not find_spec(library):
        pytest.skip(f"{library} is not installed; MICROGRAD_LIKE_TESTS={library} makes this a failure")
    array = {
        "torch": "import torch; array = lambda numbers: torch.tensor(numbers, dtype=torch.float64)",
        "jax": "import jax, jax.numpy; jax.config.update('jax_enable_x64', True); array = jax.numpy.array",
    }[library]
    cases = sources(library)
    (tmp_path / "cases.json").write_text(json.dumps([[s, [numbers for numbers, _ in fine]] for s, fine in cases]))
    lines = [array, "import json, sys", "results = []", "for source, fine in json.load(open(sys.argv[1])):"]
    lines += ["    exec(source, space := {})", "    f, some = space['value_and_grad'], []", "    for x, *p in fine:"]
    lines += ["        o, g = f(array([[x]]), array(p))", "        some.append([*o.tolist(), *g.tolist()])"]
    lines += ["    results.append(some)", "print(json.dumps(results))"]
    (tmp_path / "run.py").write_text("\n".join(lines))
    command = [sys.executable, "-I", tmp_path / "run.py", tmp_path / "cases.json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    check(json.loads(done.stdout), cases)


# -------------------- rows that are made later, and that the languages' libraries know --------------------


@pytest.fixture
def later(monkeypatch):
    """Make a row of every function that a table knows besides those of ops.py, and let the tests above run them."""
    made = [Operation(name, name, getattr(math, name), x="out") for name in MORE]
    made += [Operation(name, name, getattr(math, name), x="out", y="x") for name in MORE_OF_TWO]
    monkeypatch.setattr(sys.modules[__name__], "ROWS", [op.name for op in made])
    monkeypatch.setattr(sys.modules[__name__], "NUMBERS", [0.25, -0.5, 0.75, 1.5])
    yield
    for op in made:
        del OPERATIONS[op.name], ops._forwards[op.name]
        delattr(Value, op.name)


def test_later_rows_in_python_and_numpy(later):
    test_python_and_numpy()


def test_later_rows_in_javascript(later, tmp_path):
    test_javascript(tmp_path)


def test_later_rows_in_c(later, tmp_path, c_compiler):
    test_c(tmp_path, c_compiler)
    for name in ROWS:
        test_backends("c", name)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_later_rows_in_libraries(later, library, tmp_path):
    test_libraries(library, tmp_path)


# -------------------- what is missing, and operations of one's own --------------------


@pytest.mark.parametrize("language", SPELLINGS)
def test_a_missing_entry_is_named(language, monkeypatch):
    monkeypatch.delitem(SPELLINGS[language], "tanh")
    x = Value(0.5, "x")
    with pytest.raises(CompilerError, match=rf"the table of {language} in compiler/spelling.py has no entry 'tanh'"):
        compile(x.tanh(), [x], [], "python").source(language)


@pytest.fixture
def erf():
    row = Operation("errf", "errf", math.erf, x="1.1283791670955126 * exp(-(x**2))")
    yield row
    del OPERATIONS["errf"], ops._forwards["errf"], Value.errf
    for language in SPELLINGS:
        SPELLINGS[language].pop("errf", None)
        HELPERS[language].pop("errf", None)


def test_an_operation_of_ones_own_runs_in_python_and_numpy(erf):
    x, w = Value(0.5, "x"), Value(2.0, "erf")
    output = erf(x * w).tanh()
    for backend in "python", "numpy":
        outputs, gradient = compile(output, [x], [w], backend).value_and_grad([[0.5], [0.25]])
        assert outputs == pytest.approx([math.tanh(math.erf(1)), math.tanh(math.erf(0.5))], rel=1e-14)
        at = [Value(0.5), Value(0.25)], Value(2.0)
        assert gradient == pytest.approx([sum(grad(erf(x * at[1]).tanh(), [at[1]])[0] for x in at[0])], rel=1e-12)
    program = compile(output, [x], [w], "python")
    for language in SPELLINGS:
        with pytest.raises(CompilerError, match=rf"write compiler.add_spelling\('{language}', 'errf'"):
            program.source(language)
    with pytest.raises(CompilerError, match=r"the table of c .* has no entry 'errf'"):
        compile(output, [x], [w], "c")
    with pytest.warns(RuntimeWarning, match="compiled to numpy, for the table of c"):
        assert compile(output, [x], [w]).backend == "numpy"


@pytest.mark.parametrize("name", ["above", "equal", "choose", "infinity", "gate", "check", "products"])
def test_no_operation_of_ones_own_is_taken_for_what_formulas_are_made_of(backend, name):
    row = Operation(name, name, lambda a, b: 3 * a + b, a="3", b="1 if a > b else 1")
    try:
        x, w = Value(2.0, "x"), Value(-3.0, "w")
        if backend == "c":
            add_spelling("c", name, "3 * {0} + {1}")
        compiled = compile((row(x, w) * w).relu() * w, [x], [w], backend)
        # 3x + w is above 0 but for x = 0.5: there L is (3x + w) * w**2 = 3xw**2 + w**3, and L' is 6xw + 3w**2
        outputs, gradient = compiled.value_and_grad([[2.0], [0.5], [5.0]])
        assert ([*outputs], [*gradient]) == ([0.0, 13.5 - 27.0, 0.0], [-9.0 + 27.0])
    finally:
        forget(row)
        SPELLINGS["c"].pop(name, None)


@pytest.mark.parametrize("language", SPELLINGS)
def test_what_has_no_row_has_a_name_that_no_row_can_have(language):
    for name in SPELLINGS[language].keys() - OPERATIONS.keys() - {*MORE, *MORE_OF_TWO}:
        with pytest.raises(ValueError, match="cannot be the name of an operation"):
            Operation(name, name, lambda a: a, a="1")


def test_an_operation_of_ones_own_is_spelled(erf, c_compiler):
    x, w = Value(0.5, "x"), Value(2.0, "erf")
    add_spelling("c", "errf", "erf({0})", "double erf(double);")
    add_spelling("python", "errf", "erf({0})", "from math import erf")
    output = erf(x * w)
    for backend in "c", "auto":
        program = compile(output, [x], [w], backend)
        assert program.backend == "c"
        assert program([[0.5]]) == [math.erf(1)]
    exec(program.source("python"), space := {})
    assert space["value_and_grad"]([[0.5]], [2.0])[0] == [math.erf(1)]
    with pytest.raises(ValueError, match="there is no operation 'erfc'"):
        add_spelling("c", "erfc", "erfc({0})")
    with pytest.raises(ValueError, match="not 'cobol'"):
        add_spelling("cobol", "errf", "ERF {0}")
