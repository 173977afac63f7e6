"""Intervals: what a formula comes to if its numbers are known only roughly, as rounded ones are.

Sums, products and quotients are exact. Any other operation is computed where its operands are least, middling and
greatest, and at 0, where kinks are; what it may reach in between is added, as for a parabola: an eighth of the span.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import inf, nan
from typing import Any, NamedTuple

from .. import ops
from ..formulas import COMPARE, Tree, fold


class Interval(NamedTuple):
    """All numbers from one to another; none if the first is the greater, or not a number."""

    low: float
    high: float

    @property
    def is_empty(self) -> bool:
        """Whether there is no number in it."""
        return not self.low <= self.high

    def nearest(self, x: float) -> float:
        """Return the number in it that is nearest to another one."""
        return min(max(x, self.low), self.high)

    def meet(self, other: "Interval") -> "Interval":
        """Return what both have in common."""
        return Interval(max(self.low, other.low), min(self.high, other.high))

    def join(self, other: "Interval") -> "Interval":
        """Return the least interval that holds both."""
        if self.is_empty or other.is_empty:
            return other if self.is_empty else self
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def widen(self, by: float) -> "Interval":
        """Return it with as much added at both ends."""
        return Interval(self.low - by, self.high + by)


NOTHING = Interval(nan, nan)
ANYTHING = Interval(-inf, inf)


def point(x: Any) -> Interval:
    """Return the interval of one number."""
    return Interval(float(x), float(x))


def evaluate(tree: Tree, numbers: Mapping[str, Interval]) -> Interval:
    """Return all that a formula may come to; NOTHING where it is not defined."""
    return fold(tree, numbers, point, _apply, _choose)


def _choose(condition: Interval, yes: Callable[[], Interval], no: Callable[[], Interval]) -> Interval:
    if condition.low == condition.high:
        return yes() if condition.low else no()
    return yes().join(no()) if condition.low <= 0 <= condition.high else yes()


def _apply(operation: str, operands: Sequence[Interval]) -> Interval:
    if any(x.is_empty for x in operands):
        return NOTHING
    x, y = operands[0], operands[-1]
    match operation:
        case "add":
            return Interval(x.low + y.low, x.high + y.high)
        case "subtract":
            return Interval(x.low - y.high, x.high - y.low)
        case "negative":
            return Interval(-x.high, -x.low)
        case "multiply":
            return _span([a * b for a in x for b in y])
        case "divide":
            if y.low <= 0 <= y.high:
                return NOTHING if y.low == y.high else ANYTHING
            return _span([a / b for a in x for b in y])
        case "sum":
            return Interval(sum(a.low for a in operands), sum(a.high for a in operands))
        case "dot":
            n = len(operands) // 2
            products = [_apply("multiply", pair) for pair in zip(operands[:n], operands[n : 2 * n], strict=True)]
            return _apply("sum", [*products, *operands[2 * n :]])
        case "logsumexp":  # it grows with each operand
            return _span(
                [_compute(operation, [a.low for a in operands]), _compute(operation, [a.high for a in operands])]
            )
    return _sampled(operation, operands)


def _sampled(operation: str, operands: Sequence[Interval]) -> Interval:
    if all(x.low == x.high for x in operands):
        number = _compute(operation, [x.low for x in operands])
        return Interval(number, number)
    places = [(x.low, (x.low + x.high) / 2, x.high, *(0.0,) * (x.low < 0 < x.high)) for x in operands]
    found = [number for numbers in product(*places) if (number := _compute(operation, numbers)) == number]
    if not found:
        return NOTHING
    span = _span(found)
    return span if operation in COMPARE else span.widen((span.high - span.low) / 8)


def _compute(operation: str, numbers: Sequence[float]) -> float:
    """Return a result, or a condition as 1 or 0; NaN where it is not defined."""
    if operation in COMPARE:
        return float(COMPARE[operation](*numbers))
    try:
        number = float(ops.OPERATIONS[operation].forward(*numbers))
    except (ValueError, ArithmeticError):
        return nan
    return nan if number - number else number


def _span(numbers: Sequence[float]) -> Interval:
    if any(x != x for x in numbers):  # 0 times infinity
        return ANYTHING
    return Interval(min(numbers), max(numbers))
