"""How each language spells the rows of `ops.py`: one table for each language, and what a spelling calls.

Names: whatever a label becomes begins with a letter and does not end in `_`, and is none of the words of `reserved()`.
So what is neither a label nor in these tables ends in `_` wherever a program's names can be seen.
"""

from __future__ import annotations

import keyword
import re
from functools import cache
from typing import TYPE_CHECKING

from .. import ops

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .lower import Instruction, Operand


class CompilerError(RuntimeError):
    """A program cannot be made: there is no C compiler here, it failed, or a language lacks an operation."""


# What the languages themselves keep, and GNU C defines; Python's own list is in the module `keyword`.
KEYWORDS = """
alignas alignof arguments asm auto await bool break case catch char class const constexpr continue debugger default
delete do double else enum eval export extends extern false finally float for function goto i386 if implements import
in inline instanceof int interface let linux long new null nullptr package private protected public register restrict
return short signed sizeof static static_assert struct super switch this thread_local throw true try typedef typeof
typeof_unqual union unix unsigned var void volatile while with yield
"""

FUNCTIONS = "exp", "log", "sqrt", "sin", "cos", "tanh"  # which the languages' own libraries have

# What those libraries have besides, for rows that may be made; the tables say what a language lacks.
MORE = (
    *("tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"),
    *("expm1", "log1p", "log2", "log10", "cbrt", "erf", "erfc"),
)
MORE_OF_TWO = "atan2", "hypot"

# How a row is written, its operands being {0}, {1} …; {terms} joins them by +, {products} as a weighted sum, {all} by
# commas. "whole power" is a power whose exponent is a whole number in the text; "an infinity" the number.
PYTHON = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "power": "pow({0}, {1})",
    "whole power": "{0} ** {1}",
    **{name: f"{name}({{0}})" for name in (*FUNCTIONS, "abs", "sigmoid", "softplus")},
    "relu": "0.0 if {0} <= 0 else {0}",
    "leaky_relu": "{0} if {0} > 0 else {1} * {0}",
    "maximum": "{0} if {0} > {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} < {1} or {0} != {0} else {1}",
    "sum": "{terms}",
    "logsumexp": "logsumexp({all})",
    "dot": "{products}",
    "is above": "1.0 if {0} > {1} else 0.0",
    "is equal": "1.0 if {0} == {1} else 0.0",
    "one or other": "{1} if {0} else {2}",
    "an infinity": "float('inf')",
    **{name: f"{name}({{all}})" for name in (*MORE, *MORE_OF_TWO)},
}


def _calls(prefix: str, **others: str) -> dict[str, str]:
    """Return the calls of a library's functions, some of which have other names there."""
    return {name: f"{prefix}{others.get(name, name)}({{all}})" for name in (*MORE, *MORE_OF_TWO)}


_ARC = {f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")}  # NumPy's names
NUMPY = PYTHON | {
    "power": "np.power({0}, {1})",
    **{name: f"np.{name}({{0}})" for name in (*FUNCTIONS, "abs")},
    "relu": "np.maximum({0}, 0.0)",
    "leaky_relu": "np.where({0} > 0, {0}, {1} * {0})",
    "maximum": "np.maximum({0}, {1})",
    "minimum": "np.minimum({0}, {1})",
    "is above": "np.where({0} > {1}, 1.0, 0.0)",
    "is equal": "np.where({0} == {1}, 1.0, 0.0)",
    "one or other": "np.where({0} != 0, {1}, {2})",
    "an infinity": "np.inf",
    **_calls("np.", **_ARC),
}
for lacking in "erf", "erfc":
    del NUMPY[lacking]
JAVASCRIPT = PYTHON | {
    **{name: f"Math.{name}({{0}})" for name in (*FUNCTIONS, "abs")},
    "power": "{0} ** {1}",
    "relu": "{0} <= 0 ? 0 : {0}",
    "leaky_relu": "{0} > 0 ? {0} : {1} * {0}",
    "maximum": "Math.max({0}, {1})",
    "minimum": "Math.min({0}, {1})",
    "is above": "{0} > {1} ? 1 : 0",
    "is equal": "{0} == {1} ? 1 : 0",
    "one or other": "{0} ? {1} : {2}",
    "an infinity": "Infinity",
    **_calls("Math."),
}
for lacking in "erf", "erfc":
    del JAVASCRIPT[lacking]
C = JAVASCRIPT | {
    **{name: f"{name}({{0}})" for name in FUNCTIONS},
    **dict.fromkeys(["power", "whole power"], "pow({0}, {1})"),
    "abs": "fabs({0})",
    "if positive": "{1} > 0 ? {0} : 0 * {0}",
    "maximum": "{0} > {1} || {0} != {0} ? {0} : {1}",
    "minimum": "{0} < {1} || {0} != {0} ? {0} : {1}",
    "logsumexp": "logsumexp({n}, (double[]){{{all}}})",
    "an infinity": "__builtin_inf()",
    **_calls(""),
}
TORCH = PYTHON | {
    **{name: f"torch.{name}({{0}})" for name in (*FUNCTIONS, "abs", "sigmoid", "relu")},
    "power": "torch.pow({0}, {1})",
    "leaky_relu": "torch.where({0} > 0, {0}, {1} * {0})",
    "maximum": "torch.where({0} > {1}, {0}, {1})",
    "minimum": "torch.where({0} < {1}, {0}, {1})",
    "is above": "above({0}, {1})",
    "is equal": "equal({0}, {1})",
    "one or other": "choose({0}, {1}, {2})",
    "an infinity": "torch.inf",
    **_calls("torch."),
}
del TORCH["cbrt"]
JAX = {
    row: spelling.replace("np.", "jnp.")
    for row, spelling in {**NUMPY, "sigmoid": "jax.nn.sigmoid({0})", "softplus": "jax.nn.softplus({0})"}.items()
} | {name: f"jax.scipy.special.{name}({{0}})" for name in ("erf", "erfc")}
SPELLINGS = {"python": PYTHON, "numpy": NUMPY, "c": C, "javascript": JAVASCRIPT, "torch": TORCH, "jax": JAX}

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
    "torch": {
        "softplus": """
def softplus(x):
    return torch.clamp(x, min=0.0) + torch.log1p(torch.exp(-torch.abs(x)))
""",
        "logsumexp": """
def logsumexp(*xs):
    return torch.stack(torch.broadcast_tensors(*(x + torch.zeros_like(sum(xs)) for x in xs))).logsumexp(dim=0)
""",
        "is above": """
def above(x, y):
    return (torch.as_tensor(x) > y).to(torch.float64)
""",
        "is equal": """
def equal(x, y):
    return (torch.as_tensor(x) == y).to(torch.float64)
""",
        "one or other": """
def choose(condition, x, y):
    x, y = (torch.as_tensor(side, dtype=condition.dtype) for side in (x, y))
    return torch.where(condition != 0, x, y)
""",
    },
    "jax": {
        "logsumexp": """
def logsumexp(*xs):
    return jax.nn.logsumexp(jnp.array(jnp.broadcast_arrays(*xs)), axis=0)
""",
    },
    "c": {
        **{name: f"double {name}(double);\n" for name in (*FUNCTIONS, *MORE)},
        **{name: f"double {name}(double, double);\n" for name in MORE_OF_TWO},
        "power": "double pow(double, double);\n",
        "abs": "double fabs(double);\n",
        "sigmoid": """
double exp(double);
static double sigmoid(double x) {
    const double small = exp(x >= 0 ? -x : x);  // so that it cannot overflow
    return (x >= 0 ? 1 : small) / (1 + small);
}
""",
        "softplus": """
double exp(double), log1p(double), fabs(double);
static double softplus(double x) {
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}
""",
        "logsumexp": """
double exp(double), log(double);
static double logsumexp(int n, const double *xs) {
    double largest = xs[0], sum = 0;
    for (int i = 1; i < n; i++) if (xs[i] > largest) largest = xs[i];
    for (int i = 0; i < n; i++) sum += exp(xs[i] - largest);
    return largest + log(sum);
}
""",
    },
}


def add_spelling(language: str, operation: str, text: str, helper: str = "") -> None:
    """Say how a language writes an operation of your own; Python and NumPy need it only for `Program.source`.

    `add_spelling("c", "erf", "erf({0})", "double erf(double);")`

    Args:
        language: "python", "numpy", "c", "javascript", "torch" or "jax".
        operation: the name of its row.
        text: an expression in which {0}, {1} … stand for the operands, and {all} for all of them with commas between.
        helper: what is to stand above the program, such as the definition of a function that the text calls.

    Raises:
        ValueError: an unknown language or operation.
    """
    check_language(language)
    if operation not in ops.OPERATIONS:
        raise ValueError(f"there is no operation {operation!r}: make it first, by Operation({operation!r}, …)")
    SPELLINGS[language][operation] = text
    HELPERS[language][operation] = f"{helper}\n" if helper else ""
    _words.cache_clear()


def check_language(language: str) -> None:
    """Raise ValueError for an unknown language; the text has the names."""
    if language not in SPELLINGS:
        raise ValueError(f"a program is written in {', '.join(SPELLINGS)}, not {language!r}")


def reserved() -> frozenset[str]:
    """Return the words that are not names in one of the languages, or that a spelling uses."""
    return _words(tuple(ops.OPERATIONS))


@cache
def _words(operations: tuple[str, ...]) -> frozenset[str]:
    texts = " ".join(text for table in SPELLINGS.values() for text in table.values())
    return frozenset([*KEYWORDS.split(), *keyword.kwlist, *operations, *re.findall(r"[A-Za-z]\w*", texts)])


def spell(instruction: Instruction, language: str, by_name: bool = False) -> str:
    """Return the right-hand side of an instruction.

    What the language's table lacks is a CompilerError or, `by_name`, the call of a function of that name.
    """
    _, op, operands, _ = instruction
    row, last = op.name, operands[-1]
    if op is ops.power and isinstance(last, float) and last.is_integer():
        row = "whole power"
    if row not in SPELLINGS[language] and not by_name:
        raise missing(language, row)
    template = SPELLINGS[language].get(row, f"{row}({{all}})")
    names = [number(x, language) for x in operands]
    if "{products}" in template:
        n = len(names) // 2
        products = [f"{w} * {x}" for w, x in zip(names[:n], names[n:], strict=False)]
        return template.format(products=" + ".join([*names[2 * n :], *products]))  # in the engine's order
    return template.format(*names, all=", ".join(names), terms=" + ".join(names), n=len(names))


def missing(language: str, row: str) -> CompilerError:
    """Return the error for an operation that a language lacks."""
    return CompilerError(
        f"the table of {language} in compiler/spelling.py has no entry {row!r}: add it there, or for an operation of"
        f" your own write compiler.add_spelling({language!r}, {row!r}, '{row}({{0}})')"
    )


def number(x: Operand, language: str = "python") -> str:
    """Return an operand as a language writes it."""
    if isinstance(x, str):
        return x
    if x - x:  # infinite or NaN
        infinity = SPELLINGS[language]["an infinity"]
        return infinity if x > 0 else f"(-{infinity})" if x < 0 else f"({infinity} - {infinity})"
    return f"({x!r})" if x < 0 else repr(x)


def helpers(code: Iterable[Instruction], language: str) -> str:
    """Return the functions that the spellings of these instructions call."""
    used = {instruction.op.name for instruction in code}
    return "".join(text for name, text in HELPERS[language].items() if name in used)
