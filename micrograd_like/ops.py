"""Every operation, one row each: its name, its symbol, how it is computed, and its local derivatives.

A local derivative is written once, as text, after the operand it belongs to: `x="1 - out**2"` says that
∂out/∂x = 1 - out², where `out` is the result. The text is what the backward pass runs, and what pictures show, programs
compute and graders vary; the functions it names are rows themselves. A row is all that an operation needs, also in a
program of your own: `cube = Operation("cube", "cube", lambda x: x**3, x="3 * x**2")` makes `cube(v)` and `v.cube()`.
"""

import math
import operator
import sys
from builtins import sum as add_up
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from keyword import iskeyword
from numbers import Rational
from typing import Any

from .escape import one_line
from .formulas import TEXT, Piece, Style, Tree, names_in, operations_in, parse, substitute

TOO_LARGE = "the result is too large for a float"
LONGEST = 10_000  # bits of an exact number above or below its line, some 3,000 digits

OPERATIONS: dict[str, "Operation"] = {}  # every row by its name
_forwards: dict[str, Any] = {}  # what the functions in a derivative mean: name -> forward of that row
_classes: list[type] = []  # those whose instances have each function as a method


class Operation:
    """One operation: how it is computed, differentiated and written."""

    def __init__(
        self,
        name: str,
        symbol: str,
        forward: Callable[..., Any],
        *,
        domain: str = "",
        default: float | None = None,
        about: str = "",
        **formulas: str,
    ) -> None:
        """Make a row.

        Args:
            name: what functions, methods, the expression language and a pickle call it.
            symbol: what stands in a picture, and between the operands unless it is a word.
            forward: computes the result from the operands' numbers.
            domain: for which operands it is defined, as an error message puts it.
            default: the last operand, where a call leaves it out.
            about: what it returns, as its documentation puts it.
            formulas: for each operand in order, the local derivative of `out` with respect to it, in the language of
                `formulas.py`.

        Raises:
            ValueError: the name is taken, or a formula uses what it cannot; the text says what.
        """
        if name in (*OPERATIONS, "max", "min"):
            raise ValueError(f"there is an operation {name!r} already: choose another name")
        if not str(name).isidentifier() or iskeyword(name) or any(hasattr(cls, name) for cls in _classes):
            raise ValueError(f"{name!r} cannot be the name of an operation: choose another, such as cube")
        self.name, self.symbol, self.forward, self.domain, self.default = name, symbol, forward, domain, default
        self.about = about
        self.operand_names = tuple(formulas)
        self.formulas = tuple(formulas.values())
        self.module = sys._getframe(1).f_globals.get("__name__", "")
        if self.module != __name__:  # the rows below may name rows further down
            self._check()
        arguments = ", ".join(("out", *formulas))
        self.derivatives = tuple(eval(f"lambda {arguments}: {formula}", _forwards) for formula in self.formulas)
        _forwards[name] = forward
        OPERATIONS[name] = self
        for cls in _classes:
            self._give(cls)

    def _check(self) -> None:
        """Raise ValueError unless the formulas make sense."""
        if not self.operand_names or not all(isinstance(formula, str) for formula in self.formulas):
            raise ValueError(f"{self.name} needs a formula for each operand, such as x='3 * x**2'")
        if not isinstance(self.symbol, str) or not self.symbol.strip().isprintable() or not self.symbol.strip():
            raise ValueError(
                f"the symbol of {self.name} must be a short text, such as {self.name!r}, not {self.symbol!r}"
            )
        if not callable(self.forward):
            raise ValueError(f"the forward of {self.name} must be a function of its operands, not {self.forward!r}")
        if unfit := [x for x in self.operand_names if not x.isidentifier() or iskeyword(x) or x == "out"]:
            raise ValueError(f"{unfit[0]!r} cannot be the name of an operand of {self.name}: choose another, such as x")
        for name, formula, tree in zip(self.operand_names, self.formulas, self.trees, strict=True):
            where = f"the derivative of {self.name} with respect to {name}, {formula!r},"
            if unknown := names_in(tree) - {*self.operand_names, "out"}:
                raise ValueError(f"{where} uses {min(unknown)}, but has only {', '.join(self.operand_names)} and out")
            if unknown := operations_in(tree) - {*OPERATIONS, self.name}:
                raise ValueError(f"{where} uses {min(unknown)}, which is not an operation")

    def _give(self, cls: type) -> None:
        """Make a method of a class out of this row."""
        if self.is_function and not isinstance(self, Variadic) and not hasattr(cls, self.name):
            record, count = cls._record, len(self.operand_names)  # type: ignore[attr-defined]

            def method(x: Any, *others: Any) -> Any:
                operands = (x, *others)
                return record(self, operands if len(operands) == count else self.complete(operands))

            method.__name__ = method.__qualname__ = self.name
            method.__doc__ = f"Return {self.about or f'{self.name} of self'}."
            setattr(cls, self.name, method)

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
        return find, (self.name, self.module)

    @property
    def is_function(self) -> bool:
        """Whether it is called by its name, and not written as an operator; leaves are neither."""
        return self.symbol[:1].isalpha()

    def complete(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return the operands with a default added; raise TypeError if their number is wrong."""
        wanted = len(self.operand_names)
        if self.default is not None and len(operands) == wanted - 1:
            operands = (*operands, self.default)
        if len(operands) != wanted:
            raise TypeError(
                f"{self.name}({', '.join(self.operand_names)}) takes {wanted} operand{'s' * (wanted != 1)}, "
                f"not {len(operands)}"
            )
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

    # -------------------- local derivatives --------------------

    def local(self, i: int, out: Any, operands: Sequence[Any]) -> Any:
        """Return the local derivative ∂out/∂operand `i` as a number."""
        return self.derivatives[i](out, *operands)

    @cached_property
    def trees(self) -> tuple[Tree, ...]:
        """The formulas as trees."""
        return tuple(map(parse, self.formulas))

    def bind(self, i: int, out: Any, operands: Sequence[Any]) -> tuple[Tree, dict[str, Any]]:
        """Return the tree of ∂out/∂operand `i`, and which of `out` and the operands each of its names means."""
        return self.trees[i], dict(zip(self.operand_names, operands, strict=True), out=out)

    # -------------------- how it is written --------------------

    def write(self, names: Sequence[str], style: Style = TEXT) -> Piece:
        """Return the operation as one writes it: `a * b`, `-a`, `tanh(a)`."""
        return style.spell(self.name, names)

    def formula(
        self, i: int, out: str, names: Sequence[str], constants: Sequence[Any] = (), style: Style = TEXT
    ) -> Piece:
        """Return how the local derivative ∂out/∂operand `i` is written with these names.

        `constants` are the numbers of the operands that are constants, and None for the others; with them a formula
        is made simpler: the derivative of x**2 is 2 * x.
        """
        tree, meanings = self.bind(i, out, names)
        known = self.bind(i, None, constants)[1] if constants else {}
        return style.write(substitute(tree, {name: x for name, x in known.items() if x is not None}), meanings)

    def example(self, numbers: Sequence[Any], names: Sequence[str] = ()) -> str:
        """Return the operation written with its operands' names, if they have any, and with their numbers."""
        filled_in = shorten(self.write([f"{x}" for x in numbers]))
        if not any(names):
            return filled_in
        named = self.write([one_line(name) or f"{x}" for name, x in zip(names, numbers, strict=True)])
        return f"{shorten(named)} = {filled_in}"


class Variadic(Operation):
    """An operation on any number of operands, all of which share one formula, in which `x` is the operand."""

    def complete(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return the operands, of which there must be one at least."""
        if not operands:
            raise ValueError(f"{self.name} needs at least one operand")
        if isinstance(operands[0], list | tuple):
            raise TypeError(f"{self.name} takes its operands one by one: write {self.name}(*values)")
        return tuple(operands)

    def local(self, i: int, out: Any, operands: Sequence[Any]) -> Any:
        """Return the local derivative ∂out/∂operand `i` as a number."""
        return self.derivatives[0](out, operands[i])

    def bind(self, i: int, out: Any, operands: Sequence[Any]) -> tuple[Tree, dict[str, Any]]:
        """Return the tree of ∂out/∂operand `i`, and what its names mean."""
        return self.trees[0], {"x": operands[i], "out": out}


class Dot(Variadic):
    """A weighted sum w1*x1 + … + wn*xn (+ b); the operands are w1 … wn, x1 … xn and perhaps b."""

    def local(self, i: int, out: Any, operands: Sequence[Any]) -> Any:
        """Return the local derivative ∂out/∂operand `i` as a number."""
        tree, meanings = self.bind(i, out, operands)
        return meanings.get("partner", tree)

    def bind(self, i: int, out: Any, operands: Sequence[Any]) -> tuple[Tree, dict[str, Any]]:
        """Return the factor of operand `i`: its input for a weight, its weight for an input, 1 for the bias."""
        n = len(operands) // 2
        return (1, {}) if i == 2 * n else ("partner", {"partner": operands[(i + n) % (2 * n)]})


def methods_on(cls: type) -> None:
    """Make each function a method of a class, and so each row that is made later."""
    for row in OPERATIONS.values():
        row._give(cls)
    _classes.append(cls)


def find(name: str, module: str = "") -> Operation:
    """Return the row of this name; if there is none yet, after importing the module that makes it.

    Raises:
        LookupError: there is none.
    """
    if name not in OPERATIONS and module:
        with suppress(ImportError):
            import_module(module)
    if name not in OPERATIONS:
        hint = f": import {module} first, which makes it" if module else ""
        raise LookupError(f"there is no operation {name!r}{hint}")
    return OPERATIONS[name]


def shorten(written: str, longest: int = 120) -> str:
    """Return text for a message; the middle of a long one is left out."""
    return written if len(written) <= longest else f"{written[: longest // 2]} … {written[-longest // 2 :]}"


# -------------------- how the less simple ones are computed --------------------


def _power(x: Any, y: Any) -> Any:
    if x < 0 and y % 1:
        raise ValueError  # Python would answer with a complex number
    exact = type(x) is not float and isinstance(x, Rational) and isinstance(y, Rational)
    if exact and not y % 1 and is_too_long(x, abs(y)):
        raise OverflowError
    return x**y


def is_too_long(x: Any, power: Any = 1) -> bool:
    """Tell whether an exact number, or its power, has more digits than anybody would wait for or read."""
    bits: int = max(x.numerator.bit_length(), x.denominator.bit_length())
    return bool(bits > 1 and bits * power > LONGEST)


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return math.exp(x) / (1 + math.exp(x))  # exp(-x) would overflow below x = -709


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))  # log(1 + exp(x)) would overflow above x = 709


def _relu(x: Any) -> Any:
    return type(x)() if x <= 0 else x  # the zero of its kind: 0.0 or Fraction(0)


def _logsumexp(*xs: float) -> float:
    largest = max(xs)
    if largest - largest:  # infinite or NaN
        return largest
    return largest + math.log(add_up(math.exp(x - largest) for x in xs))  # so that no exp overflows


def _dot(*xs: Any) -> Any:
    n = len(xs) // 2
    return add_up(map(operator.mul, xs[:n], xs[n:]), *xs[2 * n :])


# -------------------- the rows --------------------
# `A if y else B`, without a comparison, guards a derivative where A has no value; only A is shown. At x = 0 the
# derivative of x**y with respect to y is 0, and so is x**y, which has the right derivatives in its turn. Those that are
# written with `out`, as everybody writes them, are as exact as `out` is: 1 - out**2 is 0 from x = 19 on.

# fmt: off
add        = Operation("add", "+", operator.add, x="1", y="1")
subtract   = Operation("subtract", "-", operator.sub, x="1", y="-1")
multiply   = Operation("multiply", "*", operator.mul, x="y", y="x")
divide     = Operation("divide", "/", operator.truediv, x="1 / y", y="-out / y")
negative   = Operation("negative", "-", operator.neg, x="-1")
positive   = Operation("positive", "+", operator.pos, x="1")
power      = Operation("power", "**", _power,
                       x="y * x**(y - 1) if x else y * x**(y - 1) if y else 0",
                       y="out * log(x) if x else out if y else log(x)",
                       domain="a negative number has only whole powers")

exp        = Operation("exp", "exp", math.exp, x="out", about="e to the power of self; OverflowError above 709")
log        = Operation("log", "log", math.log, x="1 / x", domain="log is defined for numbers above 0 only",
                       about="the natural logarithm of self; ValueError at 0 and below")
sqrt       = Operation("sqrt", "sqrt", math.sqrt, x="1 / (2 * out)", domain="sqrt is defined from 0 upwards only",
                       about="the square root of self; ValueError below 0")
sin        = Operation("sin", "sin", math.sin, x="cos(x)", domain="sin is defined for finite numbers only",
                       about="the sine of self, in radians")
cos        = Operation("cos", "cos", math.cos, x="-sin(x)", domain="cos is defined for finite numbers only",
                       about="the cosine of self, in radians")

tanh       = Operation("tanh", "tanh", math.tanh, x="1 - out**2",
                       about="the hyperbolic tangent of self, between -1 and 1")
sigmoid    = Operation("sigmoid", "sigmoid", _sigmoid, x="out * (1 - out)", about="1 / (1 + exp(-self)), from 0 to 1")
relu       = Operation("relu", "ReLU", _relu, x="1 if x > 0 else 0",
                       about="self above 0, and 0 elsewhere; its derivative at 0 is 0")
leaky_relu = Operation("leaky_relu", "leaky_relu", lambda x, slope: x if x > 0 else slope * x, default=0.01,
                       x="1 if x > 0 else slope", slope="0 if x > 0 else x",
                       about="self above 0, and slope * self elsewhere; its derivative at 0 is the slope")
softplus   = Operation("softplus", "softplus", _softplus, x="sigmoid(x)", about="log(1 + exp(self)), a smooth relu")

absolute   = Operation("abs", "abs", operator.abs, x="1 if x > 0 else -1 if x < 0 else 0",
                       about="the absolute value of self; its derivative at 0 is 0")
maximum    = Operation("maximum", "maximum", lambda x, y: x if x > y or x != x else y,  # x != x: keep a NaN
                       x="1 if x > y else 0.5 if x == y else 0", y="1 if y > x else 0.5 if x == y else 0",
                       about="the larger of self and another; if they are equal, each gets half of the gradient")
minimum    = Operation("minimum", "minimum", lambda x, y: x if x < y or x != x else y,
                       x="1 if x < y else 0.5 if x == y else 0", y="1 if y < x else 0.5 if x == y else 0",
                       about="the smaller of self and another; if they are equal, each gets half of the gradient")

sum        = Variadic("sum", "sum", lambda *xs: add_up(xs), x="1", about="the sum of self and others, as one node")
logsumexp  = Variadic("logsumexp", "logsumexp", _logsumexp, x="exp(x - out)",
                      about="log(exp(self) + exp(other) + …), without overflow")
dot        = Dot("dot", "dot", _dot, x="partner")

# Leaves are made by no operation; these say what kind of leaf. All but constants keep a gradient.
INPUT      = Operation("input", "", lambda: None)      # what the graph is asked about
PARAMETER  = Operation("parameter", "", lambda: None)  # what training changes
CONSTANT   = Operation("constant", "", lambda: None)   # a number written in an expression
# fmt: on
