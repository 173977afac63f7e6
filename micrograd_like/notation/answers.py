"""Numbers as people write them: `4`, `-3/2`, `1.25`, `sqrt(2)/2`; nothing is ever executed.

How exact an answer is meant can be read off it: a decimal is right if it is the truth rounded to the digits given, a
whole number or a fraction if it is the truth.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from numbers import Real
from typing import Any

from .expressions import ExpressionError, parse

LONGEST = 1_000  # characters of an answer

DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)
WHOLE = re.compile(r"[+-]?\d+(\.0)?", re.ASCII)  # str(4.0) too: whole numbers are meant exactly
FRACTION = re.compile(r"([+-]?\d{1,50})\s*/\s*(\d{1,50})", re.ASCII)
COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)

ROUNDING = Fraction(1, 10**9)  # a truth of 3e-17 is meant to be 0
PRECISION = Fraction(1, 10**5)  # of the truth: numbers are shown with 6 digits, so no answer can be more exact
COARSE = Fraction(1, 20)  # of the truth; an answer that is further off, though rightly rounded, tells nothing
EXPRESSION = Fraction(1, 1000)  # of the truth: so far may it be from an expression
EDGE = Fraction(1_000_001, 1_000_000)  # times the last digit's slack, so that a half is not lost to rounding

NO_NUMBER = "{written} is no number: write 4, -3/2, 1.25 or sqrt(2)/2"
HAS_COMMA = "{written} has a comma: write {instead}"


@dataclass(frozen=True)
class Answer:
    """An answer: what was written, its number, and how far the truth may be from it."""

    written: str
    number: Fraction
    slack: Fraction  # absolute
    relative_slack: Fraction = Fraction(0)

    def agrees(self, truth: Any) -> bool:
        """Return whether the answer can stand for this number."""
        if isinstance(truth, float) and not isfinite(truth):
            return False
        exact = Fraction(truth)
        slack = max(self.slack * EDGE, abs(exact) * self.relative_slack)
        return abs(self.number - exact) <= max(slack, abs(exact) * PRECISION, ROUNDING)

    def is_right(self, truth: Any) -> bool:
        """Return whether the answer is right: it agrees, and has digits enough to say so."""
        return self.agrees(truth) and not self.is_too_coarse(truth)

    def is_too_coarse(self, truth: Any) -> bool:
        """Return whether it agrees only since it has so few digits, as 0 does with 0.3."""
        return self.agrees(truth) and abs(self.number - Fraction(truth)) > max(abs(Fraction(truth)) * COARSE, ROUNDING)


def read_answer(written: Any, names: Mapping[str, Any] | None = None) -> Answer:
    """Return what an answer means.

    Args:
        written: a number, or text: a whole number, a decimal, a fraction, or an expression such as `sqrt(2)/2`.
        names: what names in an expression stand for.

    Raises:
        ValueError: it is no number; the text says what to write.
    """
    if isinstance(written, Real) and not isinstance(written, int | float | Fraction):
        written = float(written)  # one of NumPy's
    if isinstance(written, bool) or not isinstance(written, str | int | float | Fraction):
        raise ValueError(NO_NUMBER.format(written=repr(written)))
    if len(str(written)) > LONGEST:
        raise ValueError(NO_NUMBER.format(written=f"{str(written)[:40]!r}…"))
    text = str(written).strip().replace("\N{MINUS SIGN}", "-")
    if not text.isprintable():  # a line of its own would be a statement of its own
        raise ValueError(NO_NUMBER.format(written=repr(text)))
    if DECIMAL.fullmatch(text):
        decimal = Decimal(text)
        last_place = Fraction(10) ** int(decimal.as_tuple().exponent)
        return Answer(text, Fraction(decimal), Fraction(0) if WHOLE.fullmatch(text) else last_place / 2)
    if (fraction := FRACTION.fullmatch(text)) and int(fraction[2]):
        return Answer(text, Fraction(int(fraction[1]), int(fraction[2])), Fraction(0))
    if COMMA.fullmatch(text):
        raise ValueError(HAS_COMMA.format(written=repr(text), instead=text.replace(",", ".")))
    if re.search("[;=]", text):  # `parse` takes several statements
        raise ValueError(NO_NUMBER.format(written=repr(text)))
    used = {name: names[name] for name in re.findall(r"[^\W\d]\w*", text) if name in names} if names else {}
    try:
        return Answer(text, Fraction(parse(text, **used).data), Fraction(0), EXPRESSION)
    except (ExpressionError, OverflowError, TypeError):
        raise ValueError(NO_NUMBER.format(written=repr(text))) from None
