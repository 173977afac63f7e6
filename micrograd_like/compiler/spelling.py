"""How each language spells the rows of `ops.py`: one table for each language, and what a spelling calls."""

from collections.abc import Callable, Iterable

from .. import ops
from .lower import Instruction, Operand

# How a row is written, its operands being {0}, {1} …; {terms} joins them by +, {products} as a weighted sum, {all} by
# commas. "whole power" is a power whose exponent is a whole number in the text.
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
    "sum": "{terms}",
    "logsumexp": "logsumexp({all})",
    "dot": "{products}",
    "above": "1.0 if {0} > {1} else 0.0",
    "equal": "1.0 if {0} == {1} else 0.0",
    "choose": "{1} if {0} else {2}",
}
NUMPY = PYTHON | {
    "power": "np.power({0}, {1})",
    **{
        name: f"np.{name}({{0}})"
        for name in (
            "exp",
            "log",
            "sqrt",
            "sin",
            "cos",
            "tanh",
            "abs",
        )
    },
    "relu": "np.maximum({0}, 0.0)",
    "leaky_relu": "np.where({0} > 0, {0}, {1} * {0})",
    "maximum": "np.maximum({0}, {1})",
    "minimum": "np.minimum({0}, {1})",
    "above": "np.where({0} > {1}, 1.0, 0.0)",
    "equal": "np.where({0} == {1}, 1.0, 0.0)",
    "choose": "np.where({0} != 0, {1}, {2})",
}
C = PYTHON | {
    **{row.name: f"{row.name}_rows({{all}})" for row in ops.OPERATIONS.values()},
    **{name: PYTHON[name] for name in ("add", "subtract", "multiply", "divide", "negative", "positive", "sum", "dot")},
    "whole power": "power_rows({all})",
    "logsumexp": "logsumexp_rows({n}, (rows[]){{{all}}})",
    **{name: f"{name}_rows({{all}})" for name in ("above", "equal", "choose")},
}
JAVASCRIPT = PYTHON | {
    **{
        name: f"Math.{name}({{0}})"
        for name in (
            "exp",
            "log",
            "sqrt",
            "sin",
            "cos",
            "tanh",
            "abs",
        )
    },
    "power": "{0} ** {1}",
    "relu": "{0} <= 0 ? 0 : {0}",
    "leaky_relu": "{0} > 0 ? {0} : {1} * {0}",
    "maximum": "Math.max({0}, {1})",
    "minimum": "Math.min({0}, {1})",
    "above": "{0} > {1} ? 1 : 0",
    "equal": "{0} === {1} ? 1 : 0",
    "choose": "{0} ? {1} : {2}",
}
TORCH = PYTHON | {
    **{name: f"torch.{name}({{0}})" for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu")},
    **{name: f"torch.{name}({{0}})" for name in ("abs",)},
    "power": "torch.pow({0}, {1})",
    "leaky_relu": "torch.where({0} > 0, {0}, {1} * {0})",
    "maximum": "torch.where({0} > {1}, {0}, {1})",
    "minimum": "torch.where({0} < {1}, {0}, {1})",
    "above": "above({0}, {1})",
    "equal": "equal({0}, {1})",
    "choose": "choose({0}, {1}, {2})",
}
JAX = {
    row: spelling.replace("np.", "jnp.")
    for row, spelling in {**NUMPY, "sigmoid": "jax.nn.sigmoid({0})", "softplus": "jax.nn.softplus({0})"}.items()
}
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
        "above": """
def above(x, y):
    return (torch.as_tensor(x) > y).to(torch.float64)
""",
        "equal": """
def equal(x, y):
    return (torch.as_tensor(x) == y).to(torch.float64)
""",
        "choose": """
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
    "above": _select("above", "xy", "select_rows(x > y, all(1.0), all(0.0))"),
    "equal": _select("equal", "xy", "select_rows(x == y, all(1.0), all(0.0))"),
    "choose": _select("choose", "xyz", "select_rows(x != 0, y, z)"),
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


def spell(instruction: Instruction, language: str, wrap: Callable[[Operand], str] | None = None) -> str:
    """Return the right-hand side of an instruction; KeyError if the language's table lacks the row."""
    _, op, operands, _ = instruction
    name, last = op.name, operands[-1]
    if op is ops.power and isinstance(last, float) and last.is_integer():
        name = "whole power"
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


def helpers(code: Iterable[Instruction], language: str) -> str:
    """Return the functions that the spellings of these instructions call."""
    used = {instruction.op.name for instruction in code}
    found = "".join(text for name, text in HELPERS[language].items() if name in used)
    return _SELECT + found if "select_rows(" in found else found
