"""Numbers as people write them: `4`, `-3/2`, `2 1/2`, `1.25`, `1,5`, `√2/2`, `1.2×10⁻⁴`; nothing is ever executed.

How exact an answer is meant can be read off it: a decimal stands for every number that rounds to it, a fraction for
itself. What is right, and what has too few digits, is said in one table, LIMITS, for every place where answers are
judged; a page for the screen reads it too.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any

from .expressions import ExpressionError, parse
from .intervals import Interval

LONGEST = 1_000  # characters of an answer

LIMITS = {
    "rounding": 1e-9,  # a truth of 3e-17 is meant to be 0
    "precision": 1e-6,  # of the truth: no answer can be more exact
    "edge": 1e-6,  # of half the last place, so that a half is not lost to rounding
    "whole": 0.005,  # of the truth: so far off may a whole number be, which has no decimals, if it is rounded: 137
    "few": 0.05,  # of the truth: so far off may a number be with fewer than `places` decimals
    "places": 2,
    "expression": 1e-3,  # of the truth: so far may it be from an expression, which may hold rounded numbers
    "largest": 1e300,
}

# What people write, and what is read instead; first single characters, and then patterns.
CHARACTERS = {
    **dict(zip("−–—‒×·⋅∙÷^：", ["-"] * 4 + ["*"] * 4 + ["/", "**", "/"], strict=True)),
    **dict.fromkeys("\u00a0\u2009\u202f", " "),
    **{c: f" {n}/{d}" for c, n, d in zip("½⅓⅔¼¾⅕⅖⅗⅘⅙⅛⅜⅝⅞", "11213123411357", "23344555568888", strict=True)},
}
RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
REWRITTEN = (
    (r"^\s*(?:[=≈~]|=\s*≈)\s*", ""),
    (r"√\s*(\d+(?:\.\d*)?)", r"sqrt(\1)"),
    (r"√\s*\(", "sqrt("),
    (r"(\d)\s*\*\s*10\s*\*\*\s*\(?\s*([+-]?\d+)\s*\)?$", r"\1e\2"),
    (r"^([+-]?)\s+(?=\d)", r"\1"),
)
DECIMAL = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?"
MIXED = r"([+-]?)(\d{1,15})\s+(\d{1,15})\s*/\s*(\d{1,15})"
FRACTION = r"([+-]?\d{1,15})\s*/\s*([+-]?\d{1,15})"
COMMA = r"([+-]?)(\d*),(\d+)"
THOUSANDS = r"[+-]?[1-9]\d{0,2},\d{3}"
EXPRESSION = r"(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?(?![\w.])|[^\W\d]\w*(?!\w)|[-+*/(), ])+"
CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e}

UNREAD = {
    "number": "{written} is not a number: write 4, -3/2, 1.25 or sqrt(2)/2",
    "comma": "{written} may be {decimal} or {whole}: write it without the comma",
    "large": "{written} is too large to be computed with",
}


@dataclass(frozen=True)
class Answer:
    """An answer: what was written, its number, and how far off the truth may be."""

    written: str
    number: float
    slack: float  # half of the last place: the numbers that round to it are as near as this
    trusted: float  # of the truth: if it is further off than this it has too few digits; infinite for no limit
    seen: float = math.inf  # of the truth: if it is further off than this, it is not meant to be rounded

    @property
    def interval(self) -> Interval:
        """All numbers that it may stand for."""
        by = max(self.slack * (1 + LIMITS["edge"]), abs(self.number) * LIMITS["precision"], LIMITS["rounding"])
        return Interval(self.number - by, self.number + by)

    def agrees(self, truth: Any) -> bool:
        """Return whether the answer can stand for this number."""
        exact = float(truth)
        if exact - exact:  # not 0: infinite or NaN
            return False
        least = max(abs(exact) * LIMITS["precision"], LIMITS["rounding"])
        most = math.inf if self.seen == math.inf else abs(exact) * self.seen
        return abs(self.number - exact) <= max(min(self.slack * (1 + LIMITS["edge"]), most), least)

    def is_right(self, truth: Any) -> bool:
        """Return whether the answer is right: it agrees, and has digits enough to say so."""
        return self.agrees(truth) and not self.is_too_coarse(truth)

    def is_too_coarse(self, truth: Any) -> bool:
        """Return whether it agrees only since it has so few digits, as 0.3 does with 1/3."""
        exact = float(truth)
        if not self.agrees(exact) or self.trusted == math.inf:
            return False
        return abs(self.number - exact) > max(abs(exact) * max(self.trusted, LIMITS["precision"]), LIMITS["rounding"])


def read_answer(written: Any, names: Mapping[str, Any] | None = None) -> Answer:
    """Return what an answer means.

    Args:
        written: a number, or text: a whole number, a decimal, a fraction, or an expression such as `sqrt(2)/2`.
        names: what names in an expression stand for.

    Raises:
        ValueError: it is not a number; the text says what to write.
    """
    if isinstance(written, bool) or not isinstance(written, str | Real):
        raise _unread("number", repr(written))
    if isinstance(written, str):
        if len(written) > LONGEST or not written.strip().isprintable():
            raise _unread("number", repr(written[:40]))
        return _read(written.strip(), names or {})
    try:
        number = float(written)
    except OverflowError:
        number = math.inf
    if number - number or number > LIMITS["largest"]:
        raise _unread("number" if isinstance(written, float) and number - number else "large", repr(written)[:60])
    if isinstance(written, float) and not number.is_integer():
        return _decimal(repr(written), repr(written))
    return _whole(str(written), number) if number.is_integer() else Answer(str(written), number, 0.0, math.inf)


def plain(written: str) -> str:
    """Return what was written in the characters of Python's own formulas."""
    text = "".join(CHARACTERS.get(c, c) for c in written)
    text = re.sub(f"([{RAISED}]+)", r"**(\1)", text).translate(str.maketrans(RAISED, "-0123456789")).strip()
    for pattern, instead in REWRITTEN:
        text = re.sub(pattern, instead, text, flags=re.ASCII)
    return text.strip()


def _read(written: str, names: Mapping[str, Any]) -> Answer:
    text, shown = plain(written), repr(written if len(written) <= 60 else f"{written[:60]}…")
    if comma := re.fullmatch(COMMA, text, re.ASCII):
        if re.fullmatch(THOUSANDS, text, re.ASCII):
            raise _unread("comma", shown, decimal=text.replace(",", "."), whole=text.replace(",", ""))
        text = f"{comma[1]}{comma[2]}.{comma[3]}"
    if re.fullmatch(DECIMAL, text, re.ASCII | re.IGNORECASE):
        return _decimal(written, text, shown)
    if (parts := re.fullmatch(MIXED, text, re.ASCII)) and int(parts[4]):
        number = float(int(parts[2]) + Fraction(int(parts[3]), int(parts[4])))
        return Answer(written, -number if parts[1] == "-" else number, 0.0, math.inf)
    if (parts := re.fullmatch(FRACTION, text, re.ASCII)) and int(parts[2]):
        return Answer(written, int(parts[1]) / int(parts[2]), 0.0, math.inf)
    if not re.fullmatch(EXPRESSION, text, re.IGNORECASE):
        raise _unread("number", shown)
    known = {**CONSTANTS, **names}
    used = {name: known[name] for name in re.findall(r"[^\W\d]\w*", text) if name in known}
    try:
        number = float(parse(text, **used).data)
    except (ExpressionError, OverflowError, TypeError):
        raise _unread("number", shown) from None
    if not abs(number) <= LIMITS["largest"]:
        raise _unread("large", shown)
    return Answer(written, number, abs(number) * LIMITS["expression"], math.inf)


def _decimal(written: str, text: str, shown: str = "") -> Answer:
    decimal = Decimal(text)
    if abs(decimal) > Decimal(LIMITS["largest"]):
        raise _unread("large", shown)
    mantissa, _, exponent = text.lower().partition("e")
    places = len(mantissa.partition(".")[2])
    if not places and int(exponent or 0) >= 0:
        return _whole(written, float(decimal), 0.5 * 10.0 ** int(exponent or 0))
    digits = places if not exponent else len(mantissa.lstrip("+-0.").replace(".", ""))
    trusted = math.inf if digits >= LIMITS["places"] else LIMITS["few"]
    return Answer(written, float(decimal), 0.5 * 10.0 ** (int(exponent or 0) - places), trusted)


def _whole(written: str, number: float, slack: float = 0.5) -> Answer:
    return Answer(written, number, slack, LIMITS["whole"], LIMITS["few"])


def _unread(why: str, written: str, **instead: str) -> ValueError:
    return ValueError(UNREAD[why].format(written=written, **instead))
