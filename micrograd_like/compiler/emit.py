"""Writing a lowered program out as source that runs on its own: one table of spellings for each language."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from .. import ops
from .lower import Instruction, Lowered, Operand

# How a row is written, its operands being {0}, {1} …; {terms} joins them by +, {products} as a weighted sum, {all} by
# commas. "whole power" is a power whose exponent is a whole number in the text, "heaviside 0" the derivative of relu.
PYTHON = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "power": "pow({0}, {1})",
    "whole power": "{0} ** {1}",
    "exp": "exp({0})",
    "log": "log({0})",
    "sqrt": "sqrt({0})",
    "sin": "sin({0})",
    "cos": "cos({0})",
    "tanh": "tanh({0})",
    "sigmoid": "sigmoid({0})",
    "relu": "0.0 if {0} <= 0 else {0}",
    "leaky_relu": "{0} if {0} > 0 else {1} * {0}",
    "softplus": "softplus({0})",
    "abs": "abs({0})",
    "maximum": "{0} if {0} > {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} < {1} or {0} != {0} else {1}",
    "sign": "float(({0} > 0) - ({0} < 0))",
    "heaviside": "1.0 if {0} > 0 else 0.0 if {0} else {1}",
    "heaviside 0": "1.0 if {0} > 0 else 0.0",
    "sum": "{terms}",
    "logsumexp": "logsumexp({all})",
    "dot": "{products}",
    "choose": "{1} if {0} else 0.0",
}
NUMPY = PYTHON | {
    "power": "np.power({0}, {1})",
    **{name: f"np.{name}({{0}})" for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs", "sign")},
    "relu": "np.maximum({0}, 0.0)",
    "leaky_relu": "np.where({0} > 0, {0}, {1} * {0})",
    "maximum": "np.maximum({0}, {1})",
    "minimum": "np.minimum({0}, {1})",
    "heaviside": "np.heaviside({0}, {1})",
    "heaviside 0": "np.heaviside({0}, 0.0)",
    "choose": "np.where({0} != 0, {1}, 0.0)",
}
C = PYTHON | {
    **{row.name: f"{row.name}_rows({{all}})" for row in ops.OPERATIONS.values()},
    **{name: PYTHON[name] for name in ("add", "subtract", "multiply", "divide", "negative", "positive", "sum", "dot")},
    "whole power": "power_rows({all})",
    "heaviside 0": "heaviside_rows({all})",
    "logsumexp": "logsumexp_rows({n}, (rows[]){{{all}}})",
    "choose": "choose_rows({all})",
}
JAVASCRIPT = PYTHON | {
    **{name: f"Math.{name}({{0}})" for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs", "sign")},
    "power": "{0} ** {1}",
    "relu": "{0} <= 0 ? 0 : {0}",
    "leaky_relu": "{0} > 0 ? {0} : {1} * {0}",
    "maximum": "Math.max({0}, {1})",
    "minimum": "Math.min({0}, {1})",
    "heaviside": "{0} > 0 ? 1 : {0} ? 0 : {1}",
    "heaviside 0": "{0} > 0 ? 1 : 0",
    "choose": "{0} ? {1} : 0",
}
SPELLINGS = {"python": PYTHON, "numpy": NUMPY, "c": C, "javascript": JAVASCRIPT}

# What a spelling calls, for each row that needs it.
HELPERS: dict[str, dict[str, str]] = {
    "python": {
        "sigmoid": """
def sigmoid(x):
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))  # so that exp cannot overflow
""",
        "softplus": """
def softplus(x):
    return max(x, 0.0) + log1p(exp(-abs(x)))
""",
        "logsumexp": """
def logsumexp(*xs):
    largest = max(xs)
    return largest + log(sum(exp(x - largest) for x in xs))
""",
    },
    "numpy": {
        "sigmoid": """
def sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)
""",
        "softplus": """
def softplus(x):
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))
""",
        "logsumexp": """
def logsumexp(*xs):
    xs = np.array(np.broadcast_arrays(*xs))
    largest = xs.max(axis=0)
    return largest + np.log(np.exp(xs - largest).sum(axis=0))
""",
    },
    "javascript": {
        "sigmoid": """
const sigmoid = x => x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
""",
        "softplus": """
const softplus = x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
""",
        "logsumexp": """
function logsumexp(...xs) {
  const largest = Math.max(...xs);
  return largest + Math.log(xs.reduce((sum, x) => sum + Math.exp(x - largest), 0));
}
""",
    },
    "c": {},  # below
}


def _lanes(name: str, arguments: str, expression: str) -> str:
    """Return a C function that computes an expression for each row of a block."""
    parameters = ", ".join(f"rows {x.upper()}" for x in arguments)
    numbers = " ".join(f"double {x} = {x.upper()}[i];" for x in arguments)
    return f"""
static inline rows {name}_rows({parameters}) {{
    rows out;
    for (int i = 0; i < LANES; i++) {{ {numbers} out[i] = {expression}; }}
    return out;
}}
"""


# Selections are made with masks, all bits of a comparison being set where it is true: GCC makes of them one or two
# instructions for all rows, where a loop over the rows would be taken apart into scalars.
_SELECT = """
static inline rows select_rows(mask condition, rows a, rows b) {
    return (rows)((condition & (mask)a) | (~condition & (mask)b));
}
"""


def _select(name: str, arguments: str, body: str) -> str:
    parameters = ", ".join(f"rows {x}" for x in arguments)
    return f"\nstatic inline rows {name}_rows({parameters}) {{\n    return {body};\n}}\n"


HELPERS["c"] = {
    "power": _lanes("power", "xy", "pow(x, y)"),
    **{name: _lanes(name, "x", f"{name}(x)") for name in ("exp", "log", "sqrt", "sin", "cos", "tanh")},
    "abs": _lanes("abs", "x", "fabs(x)"),
    "sigmoid": _lanes("sigmoid", "x", "x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))"),
    "softplus": _lanes("softplus", "x", "(x > 0 ? x : 0) + log1p(exp(-fabs(x)))"),
    "relu": _select("relu", "x", "select_rows(x <= 0, all(0.0), x)"),
    "leaky_relu": _select("leaky_relu", "xy", "select_rows(x > 0, x, y * x)"),
    "maximum": _select("maximum", "xy", "select_rows((x > y) | (x != x), x, y)"),
    "minimum": _select("minimum", "xy", "select_rows((x < y) | (x != x), x, y)"),
    "sign": _select("sign", "x", "select_rows(x > 0, all(1.0), select_rows(x < 0, all(-1.0), all(0.0)))"),
    "heaviside": _select("heaviside", "xy", "select_rows(x > 0, all(1.0), select_rows(x == 0, y, all(0.0)))"),
    "choose": _select("choose", "xy", "select_rows(x != 0, y, all(0.0))"),
    "logsumexp": """
static rows logsumexp_rows(int n, const rows *xs) {
    rows out;
    for (int i = 0; i < LANES; i++) {
        double largest = xs[0][i], sum = 0;
        for (int j = 1; j < n; j++) if (xs[j][i] > largest) largest = xs[j][i];
        for (int j = 0; j < n; j++) sum += exp(xs[j][i] - largest);
        out[i] = largest + log(sum);
    }
    return out;
}
""",
}

MATH = ("exp", "log", "log1p", "pow", "sqrt", "sin", "cos", "tanh")  # of Python's module math
PART = 500  # operands in one C function: GCC's time grows faster than a function's length
WIDTH = 110


def emit(program: Lowered, language: str, gradient: bool = True) -> str:
    """Return the program's source, which computes the outputs and, if asked for, the gradient.

    Raises:
        ValueError: an unknown language; the text has the names.
    """
    if language not in SPELLINGS:
        raise ValueError(f"a program is written in {', '.join(SPELLINGS)}, not {language!r}")
    return {"python": _python, "numpy": _numpy, "c": _c, "javascript": _javascript}[language](program, gradient)


def spell(instruction: Instruction, language: str, wrap: Callable[[Operand], str] | None = None) -> str:
    """Return the right-hand side of an instruction; KeyError if the language's table lacks the row."""
    _, op, operands, _ = instruction
    name, last = op.name, operands[-1]
    if isinstance(last, float):
        if op is ops.power and last.is_integer():
            name = "whole power"
        elif op is ops.heaviside and last == 0:
            name = "heaviside 0"
    template = SPELLINGS[language][name]
    names = [wrap(x) if wrap else number(x) for x in operands]
    if "{products}" in template:
        n = len(names) // 2
        products = [f"{w} * {x}" for w, x in zip(names[:n], names[n:], strict=False)]
        return template.format(products=" + ".join([*products, *names[2 * n :]]))
    return template.format(*names, all=", ".join(names), terms=" + ".join(names), n=len(names))


def number(x: Operand) -> str:
    """Return an operand as every language writes it."""
    return x if isinstance(x, str) else f"({x!r})" if x < 0 else repr(x)


def _helpers(program: Lowered, language: str, gradient: bool) -> str:
    used = {i.op.name for i in (program.forward + program.backward if gradient else program.forward)}
    found = "".join(text for name, text in HELPERS[language].items() if name in used)
    return _SELECT + found if "select_rows(" in found else found


def _lines(code: Sequence[Instruction], write: Callable[[Instruction], str], comment: str, title: str) -> Iterator[str]:
    """Yield one line for each instruction, and a comment where another neuron begins."""
    place = ""
    for i, instruction in enumerate(code):
        if not i:
            yield comment.format(title)
        if instruction.place != place and instruction.place:
            place = instruction.place
            yield comment.format(place)
        yield write(instruction)


def _listed(items: Sequence[str], opening: str, closing: str) -> list[str]:
    """Return items with commas between them, in lines that are not too long."""
    lines, line = [], opening
    for item in items:
        if len(line) + len(item) > WIDTH:
            lines.append(line.rstrip())
            line = "    "
        line += f"{item}, "
    return [*lines, line.removesuffix(", ") + closing]


def _unpacked(names: Sequence[str], what: str) -> list[str]:
    """Return the assignment of a sequence to names."""
    return _listed(names, "(", f"{',' if len(names) == 1 else ''}) = {what}") if names else []


def _sums(names: Sequence[str]) -> list[str]:
    """Return sums that are 0 if all of the names are finite, and NaN otherwise."""
    return [" + ".join(f"({x} - {x})" for x in names[i : i + 6]) for i in range(0, len(names), 6)]


def _indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    return ["    " * levels + line for line in lines]


def _kept(program: Lowered, gradient: bool) -> list[str]:
    """Return the gradients that are computed, which add up over the rows."""
    return [x for x in program.gradients if isinstance(x, str)] if gradient else []


def _code(program: Lowered, gradient: bool, write: Callable[[Instruction], str], comment: str = "# {}") -> list[str]:
    lines = list(_lines(program.forward, write, comment, "forward"))
    return [*lines, *_lines(program.backward, write, comment, "backward")] if gradient else lines


# -------------------- the languages --------------------


def _python(program: Lowered, gradient: bool) -> str:
    helpers = _helpers(program, "python", gradient)
    kept = _kept(program, gradient)
    checks = _sums(program.watched(gradient))
    check = ["if check:", '    raise OverflowError("a number is too large for a float")'] if checks else []
    start = ["check = 0.0  # becomes NaN where a number is infinite and might not show"] if checks else []
    grads = _listed([number(x) for x in program.gradients] if gradient else [], "[", "]")
    total = set(kept) if program.inputs else set()  # without inputs there is but one row

    def write(i: Instruction) -> str:
        return f"{i.target} {'+=' if i.target in total else '='} {spell(i, 'python')}"

    row = [*_code(program, gradient, write), *(f"check += {x}" for x in checks)]
    name = "value_and_grad" if gradient else "value"
    if program.inputs:
        head = f"def {name}(rows, parameters):"
        comma = "," if len(program.inputs) == 1 else ""
        body = _unpacked(program.parameters, "parameters")
        body += [*start, *(f"{x} = 0.0" for x in kept), "outputs = []"]
        body += [*_listed(program.inputs, "for (", f"{comma}) in rows:"), *_indented(row)]
        body += [f"    outputs.append({number(program.output)})", *check, f"return outputs, {grads[0]}", *grads[1:]]
    else:
        head, *more = _listed(program.parameters, f"def {name}(", "):")
        body = [*more, *start, *row, *check, f"return {number(program.output)}, {grads[0]}", *grads[1:]]
    lines = [head, *_indented([_docstring(program, gradient, "rows"), *body])]
    text = "\n".join(lines)
    used = [x for x in MATH if re.search(rf"\b{x}\(", helpers + text)]
    imports = f"from math import {', '.join(used)}\n" if used else ""
    return f"{imports}{_spaced(helpers)}{_gap(imports + helpers)}{text}\n"


def _numpy(program: Lowered, gradient: bool) -> str:
    kept = set(_kept(program, gradient))
    varying = set(program.inputs)  # names that hold an array with one number for each row

    def write(i: Instruction) -> str:
        right = spell(i, "numpy")
        here = [x for x in i.operands if x in varying]
        if i.target not in kept:
            varying.update([i.target] if here else [])
            return f"{i.target} = {right}"
        if not here:
            return f"{i.target} = count * ({right})"
        if i.op is ops.multiply and len(here) == 2:
            return f"{i.target} = {i.operands[0]} @ {i.operands[1]}"
        return f"{i.target} = ({right}).sum()"

    row = _code(program, gradient, write)
    body = ["count = len(rows)", *_unpacked(program.parameters, "np.asarray(parameters).tolist()")]
    body += [*_unpacked(program.inputs, "np.asarray(rows, dtype=float).T.copy()"), *row]
    checks = [f"np.sum({x})" for x in _sums(program.watched(gradient))]
    if checks:
        body += [*_listed(checks, "if sum([", "]):  # NaN where a number is infinite and might not show")]
        body += ['    raise OverflowError("a number is too large for a float")']
    grads = _listed([number(x) for x in program.gradients] if gradient else [], "np.array([", "], dtype=float)")
    body += [f"return np.full(count, {number(program.output)}, dtype=float), {grads[0]}", *grads[1:]]
    head = f"def {'value_and_grad' if gradient else 'value'}(rows, parameters):"
    lines = [head, *_indented([_docstring(program, gradient, "array"), *body])]
    return "import numpy as np\n" + _spaced(_helpers(program, "numpy", gradient)) + "\n\n" + "\n".join(lines) + "\n"


def _javascript(program: Lowered, gradient: bool) -> str:
    kept = set(_kept(program, gradient))

    def write(i: Instruction) -> str:
        return (
            f"{i.target} += {spell(i, 'javascript')};"
            if i.target in kept
            else (f"const {i.target} = {spell(i, 'javascript')};")
        )

    row = [*_code(program, gradient, write, "// {}"), *(f"check += {x};" for x in _sums(program.watched(gradient)))]
    body = _listed(program.parameters, "const [", "] = parameters;")
    body += [*(f"let {x} = 0;" for x in program.gradients if x in kept), "const outputs = [];"]
    body += ["let check = 0;  // becomes NaN where a number is infinite and might not show"]
    body += [*_listed(program.inputs, "for (const [", "] of rows) {"), *_indented(row)]
    body += [f"    outputs.push({number(program.output)});", "}"]
    body += ['if (check !== 0) throw new RangeError("a number is too large for a double");']
    grads = _listed([number(x) for x in program.gradients] if gradient else [], "[", "]];")
    body += [f"return [outputs, {grads[0]}", *grads[1:]]
    name = "valueAndGrad" if gradient else "value"
    lines = [f"export function {name}(rows, parameters) {{", *_indented(body), "}"]
    doc = f"// {_docstring(program, gradient, 'rows')[3:-3]}\n"
    return _helpers(program, "javascript", gradient).lstrip() + doc + "\n".join(lines) + "\n"


def _docstring(program: Lowered, gradient: bool, kind: str) -> str:
    if not program.inputs and kind == "rows":
        what = f"{program.name} and its gradient" if gradient else f"{program.name}, and no gradient"
        return f'"""Return {what}."""'
    what = "the sum over rows of its gradient" if gradient else "no gradient"
    return f'"""Return {program.name} for each row of inputs, and {what}."""'


def _spaced(helpers: str) -> str:
    return helpers.replace("\ndef", "\n\ndef")


def _gap(above: str) -> str:
    return "\n\n" if above else ""


# -------------------- C --------------------

_C_HEAD = """\
#include <math.h>
#include <stddef.h>

#define LANES 8                                                        /* rows that are computed side by side */
typedef double rows __attribute__((vector_size(LANES * sizeof(double))));  /* a number for each of them */
typedef long long mask __attribute__((vector_size(LANES * sizeof(long long))));

static inline rows all(double x) {
    return (rows){x, x, x, x, x, x, x, x};
}
"""

_C_BLOCK = """\
/* One block of rows: P holds the parameters, G adds up their gradients, shared is what parts share. */
static void block(const rows *restrict inputs, const double *restrict P, rows *restrict G, rows *restrict shared,
                  rows *restrict output, rows *restrict check) {
%s
}
"""

_C_KERNEL = """\
/* Compute the outputs of n rows X, and the sum over rows of the gradient with respect to the parameters P.
   Return 0, or 1 if any number was infinite or not a number. */
int %(name)s(ptrdiff_t n, const double *X, const double *P, double *outputs, double *gradient) {
    enum { INPUTS = %(inputs)d, PARAMETERS = %(parameters)d, SHARED = %(shared)d };
    static _Thread_local rows G[PARAMETERS + 1], last[PARAMETERS + 1], v[SHARED + 1], x[INPUTS + 1];
    rows check = all(0.0), output;
    for (int j = 0; j < PARAMETERS; j++) G[j] = last[j] = all(0.0);
    for (ptrdiff_t r = 0; r < n; r += LANES) {
        int lanes = n - r < LANES ? (int)(n - r) : LANES;
        for (int i = 0; i < LANES; i++)
            for (int j = 0; j < INPUTS; j++)
                x[j][i] = X[(r + (i < lanes ? i : lanes - 1)) * INPUTS + j];  /* the last row fills up the block */
        for (int j = 0; j < INPUTS; j++) check += x[j] - x[j];
        block(x, P, lanes == LANES ? G : last, v, &output, &check);
        check += output - output;
        for (int i = 0; i < lanes; i++) outputs[r + i] = output[i];
    }
    rows counts = all(0.0);  /* 1 for each row of the last block, and 0 where it was only filled up */
    for (int i = 0; i < n %% LANES; i++) counts[i] = 1.0;
    double bad = 0;
    for (int i = 0; i < LANES; i++) bad += check[i];
    for (int j = 0; j < PARAMETERS; j++) {
        rows g = G[j] + last[j] * counts;
        gradient[j] = ((g[0] + g[1]) + (g[2] + g[3])) + ((g[4] + g[5]) + (g[6] + g[7]));
        bad += gradient[j] - gradient[j];
    }
    return bad != 0;
}
"""


def _cut(code: Sequence[Instruction]) -> list[list[Instruction]]:
    """Return the instructions in parts with about as many operands each."""
    parts: list[list[Instruction]] = [[]]
    size = 0
    for instruction in code:
        if size > PART:
            parts.append([])
            size = 0
        parts[-1].append(instruction)
        size += len(instruction.operands)
    return parts


def _c(program: Lowered, gradient: bool) -> str:
    code = [*program.forward, *(program.backward if gradient else ())]
    places = {x: j for j, x in enumerate(program.gradients) if isinstance(x, str)} if gradient else {}
    checks = program.watched(gradient)
    parts = _cut(code)
    made_in = {instruction.target: i for i, part in enumerate(parts) for instruction in part}
    scalars = {x: f"P[{j}]" for j, x in enumerate(program.parameters)}
    inputs = {x: f"inputs[{j}]" for j, x in enumerate(program.inputs)}
    shared: dict[str, int] = {}  # what one part makes and another needs -> its place in the array
    for i, part in enumerate(parts):
        for x in (x for instruction in part for x in instruction.operands):
            if isinstance(x, str) and made_in.get(x, i) != i:
                shared.setdefault(x, len(shared))

    def wrap(x: Operand) -> str:  # a vector
        return f"all({number(x)})" if isinstance(x, float) or x in scalars else x

    def write(instruction: Instruction) -> str:
        varying = any(isinstance(x, str) and x not in scalars for x in instruction.operands)
        infix = "(" not in C[instruction.op.name] and instruction.op is not ops.power
        right = spell(instruction, "c", None if varying and infix else wrap)
        target = instruction.target
        if target in places:
            return f"G[{places[target]}] += {right};  /* {target} */"
        return f"const rows {target} = {right};"

    texts, left = [], len(program.forward)
    for i, part in enumerate(parts):
        used = dict.fromkeys(x for line in part for x in line.operands if isinstance(x, str))
        here = {line.target for line in part}
        lines = [f"const double {x} = {scalars[x]};" for x in used if x in scalars]
        lines += [f"const rows {x} = {inputs[x]};" for x in used if x in inputs]
        lines += [f"const rows {x} = shared[{shared[x]}];" for x in used if x in shared and x not in here]
        end, left = min(left, len(part)), max(left - len(part), 0)  # where the forward pass ends in this part
        lines += [*_lines(part[:end], write, "/* {} */", "forward"), *_lines(part[end:], write, "/* {} */", "backward")]
        lines += [f"shared[{shared[x]}] = {x};" for x in shared if x in here]
        lines += [f"*check += {x};" for x in _sums([x for x in checks if x in here])]
        if program.output in here or (i == len(parts) - 1 and program.output not in made_in):
            out = inputs.get(program.output) if isinstance(program.output, str) else None
            if program.output in scalars:
                out = f"all({scalars[str(program.output)]})"
            lines.append(f"*output = {out or wrap(program.output)};")
        texts.append("\n".join(_indented(lines)))
    arguments = "const rows *restrict inputs, const double *restrict P, rows *restrict G, rows *restrict shared,\n"
    if len(texts) == 1:
        block = _C_BLOCK % texts[0]
    else:
        functions = [
            f"static __attribute__((noinline)) void part{i}({arguments}                  rows *restrict output,"
            f" rows *restrict check) {{\n{text}\n}}\n"
            for i, text in enumerate(texts, start=1)
        ]
        calls = "\n".join(f"    part{i}(inputs, P, G, shared, output, check);" for i in range(1, len(texts) + 1))
        block = "\n".join([*functions, _C_BLOCK % calls])
    kernel = _C_KERNEL % {
        "name": "value_and_grad" if gradient else "value",
        "inputs": len(program.inputs),
        "parameters": len(program.parameters) if gradient else 0,
        "shared": len(shared),
    }
    return "\n".join([_C_HEAD + _helpers(program, "c", gradient), block, kernel])
