"""Every operation, one row each: its name, its symbol, how it is computed, and its local derivatives.

A local derivative is written once, as text, after the operand it belongs to: `x="1 - out**2"` says that
∂out/∂x = 1 - out², where `out` is the result. The text is what pictures show and, compiled once, what the backward
pass runs; the functions it names are rows themselves.
"""

import math
import operator
import re
from builtins import sum as add_up
from collections.abc import Callable, Sequence
from typing import Any

TOO_LARGE = "the result is too large for a float"

_forwards: dict[str, Any] = {}  # what the functions in a derivative mean: name -> forward of that row


class Operation:
    """One operation: how it is computed, differentiated and written."""

    __slots__ = ("default", "derivatives", "domain", "formulas", "forward", "name", "parameters", "symbol")

    def __init__(
        self,
        name: str,
        symbol: str,
        forward: Callable[..., Any],
        *,
        domain: str = "",
        default: float | None = None,
        **formulas: str,
    ) -> None:
        """Describe an operation.

        Args:
            name: what the functions, the expression language and a pickle call it.
            symbol: what stands in a picture, and between the operands if it is no word.
            forward: computes the result from the operands' numbers.
            domain: for which operands it is defined, as an error message puts it.
            default: the last operand, where a call leaves it out.
            formulas: for each operand in order, the local derivative of `out` with respect to it.
        """
        self.name, self.symbol, self.forward, self.domain, self.default = name, symbol, forward, domain, default
        self.parameters = tuple(formulas)
        self.formulas = tuple(formulas.values())
        arguments = ", ".join(("out", *formulas))
        self.derivatives = tuple(eval(f"lambda {arguments}: {formula}", _forwards) for formula in self.formulas)
        _forwards[name] = forward

    def __call__(self, *operands: Any) -> Any:
        """Return the result: a number for numbers, a Value if any operand is a Value."""
        operands = self.complete(operands)
        for x in operands:
            if hasattr(type(x), "_record"):
                return type(x)._record(self, operands)
        return self.compute(operands)

    def __repr__(self) -> str:
        """Name the row."""
        return f"<operation {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by name, so that a row stays the one row of its name."""
        return find, (self.name,)

    def complete(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return the operands with a default added; raise TypeError if their number is wrong."""
        wanted = len(self.parameters)
        if self.default is not None and len(operands) == wanted - 1:
            operands = (*operands, self.default)
        if len(operands) != wanted:
            raise TypeError(f"{self.name}({', '.join(self.parameters)}) takes {wanted} operands, not {len(operands)}")
        return tuple(operands)

    def compute(self, numbers: Sequence[Any], names: Sequence[str] = ()) -> Any:
        """Return the result for `numbers`; an error says which operation failed, on what, and why.

        Raises:
            ValueError: the operation is not defined there.
            ZeroDivisionError: a division by zero.
            OverflowError: the result is too large for a float.
        """
        try:
            return self.forward(*numbers)
        except ZeroDivisionError:
            raise ZeroDivisionError(f"{self.example(numbers, names)}: division by zero") from None
        except OverflowError:
            raise OverflowError(f"{self.example(numbers, names)}: {TOO_LARGE}") from None
        except ValueError as error:
            raise ValueError(f"{self.example(numbers, names)}: {self.domain or error}") from None

    def example(self, numbers: Sequence[Any], names: Sequence[str] = ()) -> str:
        """Return the operation written with its operands' names, if they have any, and with their numbers."""
        filled_in = shorten(self.write([f"{x}" for x in numbers]))
        if not any(names):
            return filled_in
        return f"{shorten(self.write([name or f'{x}' for name, x in zip(names, numbers, strict=True)]))} = {filled_in}"

    def local(self, i: int, out: Any, operands: Sequence[Any]) -> Any:
        """Return the local derivative ∂out/∂operand `i`."""
        return self.derivatives[i](out, *operands)

    def formula(self, i: int, out: str, names: Sequence[str]) -> str:
        """Return how the local derivative ∂out/∂operand `i` is written with these names."""
        return substitute(self.formulas[i], dict(zip(self.parameters, names, strict=True), out=out))

    def write(self, names: Sequence[str]) -> str:
        """Return the operation as one writes it: `a * b`, `-a`, `tanh(a)`."""
        if self.symbol[0].isalpha():
            return f"{self.name}({', '.join(names)})"
        first, *rest = map(in_parentheses, names)
        if not rest:
            return self.symbol + first
        if self.symbol != "**" and re.fullmatch(r"-?[\w./]+", names[0]):  # nothing goes before a first number
            first = names[0]
        return f" {self.symbol} ".join([first, *rest])


class Variadic(Operation):
    """An operation on any number of operands, all of which share one formula, in which `x` is the operand."""

    __slots__ = ()

    def complete(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return the operands, of which there must be one at least."""
        if not operands:
            raise ValueError(f"{self.name} needs at least one operand")
        return tuple(operands)

    def local(self, i: int, out: Any, operands: Sequence[Any]) -> Any:
        """Return the local derivative ∂out/∂operand `i`."""
        return self.derivatives[0](out, operands[i])

    def formula(self, i: int, out: str, names: Sequence[str]) -> str:
        """Return how the local derivative ∂out/∂operand `i` is written with these names."""
        return substitute(self.formulas[0], {"x": names[i], "out": out})


class Dot(Variadic):
    """A weighted sum w1*x1 + … + wn*xn (+ b); the operands are w1 … wn, x1 … xn and perhaps b."""

    __slots__ = ()

    @staticmethod
    def partner(i: int, operands: Sequence[Any]) -> Any:
        """Return the factor of operand `i`: its input for a weight, its weight for an input, 1 for the bias."""
        n = len(operands) // 2
        return 1 if i == 2 * n else operands[(i + n) % (2 * n)]

    def local(self, i: int, out: Any, operands: Sequence[Any]) -> Any:
        """Return the local derivative ∂out/∂operand `i`."""
        return self.partner(i, operands)

    def formula(self, i: int, out: str, names: Sequence[str]) -> str:
        """Return how the local derivative ∂out/∂operand `i` is written with these names."""
        return str(self.partner(i, names))

    def write(self, names: Sequence[str]) -> str:
        """Return the weighted sum as one writes it: `w1 * x1 + w2 * x2 + b`."""
        n = len(names) // 2
        return " + ".join([*map(multiply.write, zip(names[:n], names[n:], strict=False)), *names[2 * n :]])


# -------------------- how the less simple ones are computed --------------------


def _power(x: Any, y: Any) -> Any:
    if x < 0 and y % 1:
        raise ValueError  # Python would answer with a complex number
    return x**y


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return math.exp(x) / (1 + math.exp(x))  # exp(-x) would overflow below x = -709


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))  # log(1 + exp(x)) would overflow above x = 709


def _relu(x: Any) -> Any:
    return type(x)() if x <= 0 else x  # the zero of its kind: 0.0 or Fraction(0)


def _sign(x: Any) -> Any:
    return type(x)((x > 0) - (x < 0))


def _heaviside(x: Any, at_zero: Any) -> Any:
    if isinstance(x, int):  # data that somebody has set: int(0.5) would be 0
        x = float(x)
    return type(x)(x > 0 if x else at_zero)


def _logsumexp(*xs: float) -> float:
    largest = max(xs)
    return largest + math.log(add_up(math.exp(x - largest) for x in xs))  # so that no exp overflows


def _dot(*xs: Any) -> Any:
    n = len(xs) // 2
    return add_up(map(operator.mul, xs[:n], xs[n:]), *xs[2 * n :])


# -------------------- the rows --------------------
# An operand whose derivative ends in `if … else 0` says where the formula before it has no value but 0 is right.

# fmt: off
add        = Operation("add", "+", operator.add, x="1", y="1")
subtract   = Operation("subtract", "-", operator.sub, x="1", y="-1")
multiply   = Operation("multiply", "*", operator.mul, x="y", y="x")
divide     = Operation("divide", "/", operator.truediv, x="1 / y", y="-x / y**2")
negative   = Operation("negative", "-", operator.neg, x="-1")
positive   = Operation("positive", "+", operator.pos, x="1")
power      = Operation("power", "**", _power, x="y * x**(y - 1) if y else 0", y="out * log(x) if out else 0",
                       domain="a negative number has only whole powers")

exp        = Operation("exp", "exp", math.exp, x="out")
log        = Operation("log", "log", math.log, x="1 / x", domain="log is defined for numbers above 0 only")
sqrt       = Operation("sqrt", "sqrt", math.sqrt, x="1 / (2 * out)", domain="sqrt is defined from 0 upwards only")
sin        = Operation("sin", "sin", math.sin, x="cos(x)", domain="sin is defined for finite numbers only")
cos        = Operation("cos", "cos", math.cos, x="-sin(x)", domain="cos is defined for finite numbers only")

tanh       = Operation("tanh", "tanh", math.tanh, x="1 - out**2")
sigmoid    = Operation("sigmoid", "sigmoid", _sigmoid, x="out * (1 - out)")
relu       = Operation("relu", "ReLU", _relu, x="heaviside(x, 0)")
leaky_relu = Operation("leaky_relu", "leaky_relu", lambda x, slope: x if x > 0 else slope * x, default=0.01,
                       x="slope + (1 - slope) * heaviside(x, 0)", slope="minimum(x, 0)")
softplus   = Operation("softplus", "softplus", _softplus, x="sigmoid(x)")

absolute   = Operation("abs", "abs", operator.abs, x="sign(x)")
maximum    = Operation("maximum", "maximum", lambda x, y: x if x > y or x != x else y,  # x != x: keep a NaN
                       x="heaviside(x - y, 0.5)", y="heaviside(y - x, 0.5)")
minimum    = Operation("minimum", "minimum", lambda x, y: x if x < y or x != x else y,
                       x="heaviside(y - x, 0.5)", y="heaviside(x - y, 0.5)")
sign       = Operation("sign", "sign", _sign, x="0")
heaviside  = Operation("heaviside", "heaviside", _heaviside, x="0", at_zero="1 - abs(sign(x))")

sum        = Variadic("sum", "sum", lambda *xs: add_up(xs), x="1")
logsumexp  = Variadic("logsumexp", "logsumexp", _logsumexp, x="exp(x - out)")
dot        = Dot("dot", "dot", _dot, x="y")

# Leaves are made by no operation; these say what kind of leaf. All but constants keep a gradient.
INPUT      = Operation("input", "", lambda: None)      # what the graph is asked about
PARAMETER  = Operation("parameter", "", lambda: None)  # what training changes
CONSTANT   = Operation("constant", "", lambda: None)   # a number written in an expression
# fmt: on

# What Python's operators mean, by the names that the module `ast` gives them.
BY_SYNTAX = {
    "Add": add,
    "Sub": subtract,
    "Mult": multiply,
    "Div": divide,
    "Pow": power,
    "USub": negative,
    "UAdd": positive,
}

OPERATIONS = {row.name: row for row in list(globals().values()) if isinstance(row, Operation)}


def find(name: str) -> Operation:
    """Return the row of this name."""
    return OPERATIONS[name]


def shorten(written: str, longest: int = 120) -> str:
    """Return text for a message; the middle of a long one is left out."""
    return written if len(written) <= longest else f"{written[: longest // 2]} … {written[-longest // 2 :]}"


def in_parentheses(name: str) -> str:
    """Return a name or a number as it stands beside an operator: a compound one in parentheses."""
    return f"({name})" if re.search(r"[\s/*]|(?<!\de)[+-](?!>)", name) else name  # but 1e-5 and w1[3->2] are not


def substitute(formula: str, names: dict[str, str]) -> str:
    """Return the formula with other names, or numbers, in place of its own; without its `if … else 0`."""
    formula = formula.partition(" if ")[0]

    def replacement(match: re.Match[str]) -> str:
        name = names.get(match[0], match[0])
        plain = match[0] == formula or re.fullmatch(r"[\w.\[\]]+", name)
        return name if plain else f"({name})"

    return re.sub(r"[a-z_]\w*", replacement, formula)
