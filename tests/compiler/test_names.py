"""No label collides with anything in generated text: whatever it holds, and every word of a language, as a label."""

import builtins
import json
import keyword
import math
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from micrograd_like import Value, ops
from micrograd_like.compiler import compile
from micrograd_like.compiler.spelling import SPELLINGS
from micrograd_like.graph.derivatives import grad

from ..conftest import REQUIRED, need

# The languages' standards, and what GNU C, its headers and the platforms define.
JAVASCRIPT = """
abstract arguments as async await boolean break byte case catch char class const continue debugger default delete do
double else enum eval export extends false final finally float for from function get goto if implements import in
instanceof int interface let long meta native new null of package private protected public return set short static super
switch synchronized target this throw throws transient true try typeof undefined var void volatile while with yield
Array Function Infinity Map Math NaN Number Object Promise Proxy Reflect String Symbol console globalThis isFinite isNaN
parseFloat process require module exports constructor prototype RangeError
"""
C = """
alignas alignof and and_eq asm atomic_bool auto bitand bitor bool break case char char8_t class compl complex const
constexpr continue decltype default do double dynamic_cast else enum explicit export extern false fenv_t float for
friend goto i386 if imaginary inline int int32_t linux long main mutable namespace new noreturn not not_eq nullptr
operator or or_eq ptrdiff_t register reinterpret_cast restrict return short signed size_t sizeof static static_assert
struct switch template this thread_local throw true try typedef typeid typename typeof typeof_unqual union unix unsigned
using virtual void volatile vec wchar_t while xor xor_eq
BUFSIZ CHAR_BIT DBL_MAX DOMAIN EDOM EOF ERANGE HUGE_VAL I INFINITY INT_MAX M_E M_PI NAN NULL OVERFLOW RAND_MAX SING
aligned_alloc errno exit free isinf isnan j0 j1 jn y0 y1 yn gamma lgamma signgam printf malloc stdin stdout
V P G W AT EACH ACROSS INLINE LANES
"""


def build(labels):
    """Return a graph with these labels for its input, its parameter, a node within and its output."""
    x, w, u = Value(0.5, labels[0]), Value(0.75, labels[1]), Value(2.0)
    v = x * w
    v.label = labels[2]
    terms = [
        op(v) for name, op in ops.OPERATIONS.items() if op.is_function and len(getattr(op, "operand_names", ())) == 1
    ]
    terms += [v**x, u**v, v**3, v / u, -v, +v, v.maximum(x), v.minimum(w), v.leaky_relu(), ops.logsumexp(v, x, w)]
    output = ops.sum(*terms) * ops.dot(v, x, w, u, 1.0)
    output.label = labels[3]
    return output, x, w, u


def compiled(labels):
    output, x, w, u = build(labels)
    return compile(output, [x], [w, u], "python")


def words():
    """Return every word of the languages, and every identifier in the text of a program."""
    program = compiled(["x", "w", "v", "y"])
    texts = [program.source(language, gradient) for language in SPELLINGS for gradient in (True, False)]
    found = {word for text in texts for word in re.findall(r"[A-Za-z_]\w*", text)}
    return sorted({*found, *keyword.kwlist, *keyword.softkwlist, *dir(builtins), *JAVASCRIPT.split(), *C.split()})


@pytest.fixture(scope="module")
def programs():
    """Return programs in which each word is a label in each role."""
    found = words()
    assert len(found) > 400
    n = len(found)
    return [compiled([found[(i + 7 * role) % n] for role in range(4)]) for i in range(n)]


@pytest.fixture(scope="module")
def wanted():
    output, _, w, u = build(["", "", "", ""])
    return [output.data, *grad(output, [w, u])]


def check(results, wanted, programs):
    assert len(results) == len(programs)
    for result, program in zip(results, programs, strict=True):
        assert all(map(math.isfinite, result)), program.source()
        assert result == pytest.approx(wanted, rel=1e-12), program.source()


@pytest.mark.parametrize("language", ["python", "numpy"])
def test_python_and_numpy(programs, wanted, language):
    results = []
    for program in programs:
        exec(program.source(language), space := {})
        (output,), gradient = space["value_and_grad"]([[0.5]], [0.75, 2.0])
        results.append([output, *gradient])
    check(results, wanted, programs)


def test_javascript(programs, wanted, tmp_path):
    node = need("node", "node")
    for i, program in enumerate(programs):
        (tmp_path / f"p{i}.mjs").write_text(program.source("javascript"))
    call = "const {valueAndGrad} = await import(`./p${i}.mjs`); const [o, g] = valueAndGrad([[0.5]], [0.75, 2]);"
    lines = [
        "const results = [];",
        f"for (let i = 0; i < {len(programs)}; i++) {{ {call} results.push([...o, ...g]); }}",
    ]
    (tmp_path / "all.mjs").write_text("\n".join([*lines, "console.log(JSON.stringify(results));"]))
    done = subprocess.run([node, tmp_path / "all.mjs"], check=True, capture_output=True, text=True)
    check(json.loads(done.stdout), wanted, programs)


@pytest.mark.parametrize("standard", ["c11", "gnu17"])
def test_c(programs, wanted, c_compiler, tmp_path, standard):
    head, _, _ = programs[0].source("c").partition("/* Return")
    functions = [program.source("c").partition("/* Return")[2] for program in programs]
    lines = [f"/*{text.replace('int value_and_grad(', f'int f{i}(')}" for i, text in enumerate(functions)]
    lines += ["int printf(const char *, ...);", "int main(void) {", "double x = 0.5, p[] = {0.75, 2}, o, g[2];"]
    lines += [f'f{i}(1, &x, p, &o, g); printf("%.17g %.17g %.17g\\n", o, g[0], g[1]);' for i in range(len(programs))]
    (tmp_path / "all.c").write_text("\n".join([head, *lines, "}"]))
    command = [*c_compiler[0], f"-std={standard}", "-w", "-O0", "-o", tmp_path / "all", tmp_path / "all.c", "-lm"]
    built = subprocess.run(command, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[:3000]
    done = subprocess.run([tmp_path / "all"], check=True, capture_output=True, text=True)
    check([[float(x) for x in line.split()] for line in done.stdout.splitlines()], wanted, programs)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_libraries(programs, wanted, library, tmp_path):
    if library not in REQUIRED and not find_spec(library):
        pytest.skip(f"{library} is not installed; MICROGRAD_LIKE_TESTS={library} makes this a failure")
    array = {
        "torch": "import torch; array = lambda numbers: torch.tensor(numbers, dtype=torch.float64)",
        "jax": "import jax, jax.numpy; jax.config.update('jax_enable_x64', True); array = jax.numpy.array",
    }[library]
    (tmp_path / "sources.json").write_text(json.dumps([program.source(library) for program in programs]))
    lines = [array, "import json, sys", "results = []", "for source in json.load(open(sys.argv[1])):"]
    lines += ["    exec(source, space := {})", "    o, g = space['value_and_grad'](array([[0.5]]), array([0.75, 2.0]))"]
    lines += ["    results.append([*o.tolist(), *g.tolist()])", "print(json.dumps(results))"]
    (tmp_path / "run.py").write_text("\n".join(lines))
    command = [sys.executable, "-I", tmp_path / "run.py", tmp_path / "sources.json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    check(json.loads(done.stdout), wanted, programs)


ODD = [
    "",
    " ",
    "a b",
    "w1[3→2]",
    "w1[3->2]",
    '"',
    "'",
    "\\",
    "\n",
    "\0",
    "</script>",
    "*/",
    "//",
    "#",
    "{0}",
    "%s",
    "权重",
]
ODD += [
    "é",
    "θ",
    "2nd",
    "_",
    "__",
    "x_",
    "_x",
    "x" * 300,
    "x" * 59 + " y",
    "if",
    "if_2",
    "if 2",
    "d_if",
    "check_",
    "rows_",
]


def test_labels_of_any_kind(wanted, c_compiler, tmp_path):
    for i in range(len(ODD)):
        program = compiled([ODD[(i + 5 * role) % len(ODD)] for role in range(4)])
        for language in SPELLINGS:
            text = program.source(language)
            assert text.isprintable() or "\0" not in text
        exec(program.source("python"), space := {})
        (output,), gradient = space["value_and_grad"]([[0.5]], [0.75, 2.0])
        assert [output, *gradient] == pytest.approx(wanted, rel=1e-12)
    x, w = Value(2.0, "rows"), Value(3.0, "parameters")
    text = compile(x * w, [x], [w], "python").source()
    assert "v1 = rows * parameters" in text  # ordinary labels stay as they are
