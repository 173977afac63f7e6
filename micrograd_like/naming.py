"""How nodes and numbers are called wherever a person reads them."""

from collections.abc import Sequence
from typing import Any

from .engine import UNREACHED, Value
from .ops import CONSTANT


def node_names(order: Sequence[Value]) -> dict[Value, str]:
    """Return a name for each node: its label, the number of a constant, else v1, v2, … in the order given."""
    taken = {v.label for v in order}
    numbered = (name for i in range(1, len(order) + len(taken) + 1) if (name := f"v{i}") not in taken)
    return {v: v.label or (format_number(v.data) if v.op is CONSTANT else next(numbered)) for v in order}


def format_number(x: Any, precision: int | None = None) -> str:
    """Return a number as it is shown: with `precision` decimals, or as short as it is exact if that is None.

    Fractions stay fractions; what would round to zero or be too long to read is written with an exponent.
    """
    if not isinstance(x, float):
        return str(x)
    if precision is None:
        return f"{x:.12g}"
    if x and not 0.5 * 10**-precision <= abs(x) < 10**7:
        return f"{x:.{max(precision - 1, 0)}e}"
    return f"{x:.{precision}f}"


def format_grad(v: Value, precision: int | None, none: str = "–") -> str:
    """Return the gradient as it is shown: a dash where backward() has not been."""
    return none if v.grad is UNREACHED else format_number(v.grad, precision)
