"""How a number is shown: the same everywhere, in a line of arithmetic, in a box and in a table."""

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ..escape import one_line

DECIMALS = 4
NUMBER = re.compile(r"-?\d{1,300}(/[1-9]\d{,300}|(\.\d*)?(e[+-]?\d+)?)|-?inf|nan", re.ASCII)  # as it is shown


def show(x: Any, decimals: int | None = None) -> str:
    """Return a number with 4 decimals, fewer where they would be zeros, and more where the number is small.

    Small numbers keep 4 digits that count; what is still longer gets an exponent. Fractions stay fractions, but
    hundredths and the like become decimals. `decimals` is another number in place of both 4s.
    """
    if not isinstance(x, float | int | Fraction):
        try:
            x = float(x)  # a scalar of NumPy's
        except (TypeError, ValueError):
            return one_line(str(x))  # somebody has set data or grad to what is not a number, and is to see it
    if not isinstance(x, float):
        return str(Decimal(x.numerator) / x.denominator) if is_decimal(x) else str(x)
    if not x or x - x:
        return f"{x:g}".removeprefix("-" if not x else "")  # 0, inf, -inf or nan
    if x.is_integer() and abs(x) < 1e15:
        return str(int(x))
    n = DECIMALS if decimals is None else decimals
    if not 1e-4 <= abs(x) < 1e7:
        digits, _, exponent = f"{x:.{max(n - 1, 0)}e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}e{exponent}"
    places = max(n, max(n, 1) - 1 - math.floor(math.log10(abs(x))))
    shown = f"{x:.{places}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def check_decimals(decimals: int | None) -> None:
    """Raise ValueError unless it is a number of decimals, or None."""
    if decimals is not None and not (isinstance(decimals, int) and 0 <= decimals <= 100):
        raise ValueError(f"precision is how many decimals are shown, from 0 to 100, not {decimals!r}")


def is_decimal(x: int | Fraction) -> bool:
    """Tell whether a fraction is easier to read as a decimal: 23/50 is, as 0.46, but 1/2, 1/10 and 1/16 are not."""
    short = 10 < x.denominator <= 10**6 and x.denominator % 5 == 0 and 10**6 % x.denominator == 0
    return short and abs(x.numerator) < 10**15


def aligned(numbers: Sequence[str]) -> list[str]:
    """Return numbers padded so that in a column their units stand under one another."""
    tails = [len(x) - len(x.partition(".")[0].partition("e")[0].partition("/")[0]) for x in numbers]
    padded = [x + " " * (max(tails, default=0) - tail) for x, tail in zip(numbers, tails, strict=True)]
    width = max(map(len, padded), default=0)
    return [x.rjust(width) for x in padded]
