"""How nodes and numbers are called wherever a person reads them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Rational
from typing import Any

from ..engine import UNREACHED, Value
from ..ops import CONSTANT


def named(**numbers: float | Rational) -> tuple[Value, ...]:
    """Make a leaf of each number, labelled with its name, as in `a, b = named(a=2.0, b=-3.0)`."""
    return tuple(Value(number, label) for label, number in numbers.items())


def label_values(namespace: Mapping[str, Any]) -> None:
    """Label each Value in `namespace` that has no label after its variable: `label_values(globals())`.

    Values in a list or tuple `x` become `x[0]`, `x[1]`, …; names that begin with an underscore are passed over.
    """
    for name, x in list(namespace.items()):
        if name.startswith("_"):
            continue
        if isinstance(x, Value):
            x.label = x.label or name
        elif isinstance(x, list | tuple):
            for i, v in enumerate(x):
                if isinstance(v, Value):
                    v.label = v.label or f"{name}[{i}]"


def node_names(order: Sequence[Value]) -> dict[Value, str]:
    """Return a name for each node: its label, the number of a constant, else v1, v2, … in the order given."""
    taken = {v.label for v in order}
    numbered = (name for i in range(1, len(order) + len(taken) + 1) if (name := f"v{i}") not in taken)
    return {v: v.label or (format_number(v.data) if v.op is CONSTANT else next(numbered)) for v in order}


def format_number(x: Any, precision: int | None = None) -> str:
    """Return a number as it is shown: with `precision` decimals, or as short as it is exact if that is None.

    Fractions stay fractions, but hundredths and the like become decimals; what would round to zero or be too long to
    read is written with an exponent.
    """
    if not isinstance(x, float):
        return str(Decimal(x.numerator) / x.denominator) if is_decimal(x) else str(x)
    if precision is None or precision < 0:
        return f"{x:.12g}"
    if x and not 0.5 * 10**-precision <= abs(x) < 10**7:
        return f"{x:.{max(precision - 1, 0)}e}"
    return f"{x:.{precision}f}"


def is_decimal(x: int | Fraction) -> bool:
    """Tell whether a fraction is easier to read as a decimal: 23/50 is, as 0.46, but 1/2, 1/10 and 1/16 are not."""
    short = 10 < x.denominator <= 10**6 and x.denominator % 5 == 0 and 10**6 % x.denominator == 0
    return short and abs(x.numerator) < 10**15


def format_grad(v: Value, precision: int | None, none: str = "–") -> str:
    """Return the gradient as it is shown: a dash where backward() has not been."""
    return none if v.grad is UNREACHED else format_number(v.grad, precision)
