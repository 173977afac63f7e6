"""What stands along the lines between units: arrows, numbers that cover no others, and the legend."""

from collections.abc import Iterable, Sequence
from math import dist, isfinite
from typing import Any

from .scene import SIZE, Item, Mark, Path, Picture, Text, arrowhead, bounds, fitting, rectangle, text_width

RADIUS = 22.0  # of a unit
SMALL = 9.0  # the size of numbers beside connections and units
Point = tuple[float, float]


def largest(numbers: Iterable[float]) -> float:
    """Return the largest size among finite numbers, or 1 if all are 0."""
    return max((abs(x) for x in numbers if isfinite(x)), default=0.0) or 1.0


def direction(x: Any) -> tuple[str, str]:
    """Return the colour and the dashes of a number above, below, or at zero, or of none."""
    if not isfinite(x):
        return "ink", "dotted"
    return ("data", "") if x > 0 else ("negative", "dashed") if x < 0 else ("faint", "dotted")


def strange(x: float) -> str:
    """Return how a number is written that is not finite."""
    return {"nan": "NaN", "inf": "∞", "-inf": "-∞"}[str(float(x))]


def shortened(a: Point, b: Point, by: float) -> Point:
    """Return the point on the way from `a` to `b` that is `by` away from `a`."""
    length = dist(a, b) or 1.0
    return a[0] + (b[0] - a[0]) * by / length, a[1] + (b[1] - a[1]) * by / length


def back(start: Point, end: Point, goal: float, width: float) -> tuple[Mark, ...]:
    """Return an arrow beside a connection, from its end back to `goal`, the share of the way that remains."""
    goal = min(goal, 0.8)
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dist(start, end) or 1.0
    ox, oy = -dy / length * 4.5, dx / length * 4.5
    near, far = goal + 4 / length, 1 - 3 / length
    tip = start[0] + near * dx + ox, start[1] + near * dy + oy
    tail = start[0] + far * dx + ox, start[1] + far * dy + oy
    shaft = shortened(tip, tail, 4.0)
    return Path((tail, shaft), "grad", width=width), arrowhead(tip, tail, "grad", 5.5 + width)


def stack(x: float, y: float, lines: Sequence[tuple[str, str]], room: float) -> list[Text]:
    """Return one line of text in the middle of a shape, or two, the first above the second, as wide as fits."""
    offsets = (3.8,) if len(lines) == 1 else (-1.5, 10.5)
    sizes = [fitting(text, room, 10.5 if len(lines) > 1 else SIZE, bold=k == 0) for k, (text, _) in enumerate(lines)]
    return [
        Text(x, y + dy, text, look, size, bold=k == 0)
        for k, ((text, look), dy, size) in enumerate(zip(lines, offsets, sizes, strict=True))
    ]


def in_a_row(x: float, y: float, parts: Sequence[tuple[str, str]]) -> list[Mark]:
    """Return pieces of text side by side, together in the middle over `x`."""
    widths = [text_width(text, SMALL) + 4 for text, _ in parts]
    left = x - (sum(widths) - 4) / 2
    marks: list[Mark] = [rectangle(x, y - 3, sum(widths), 10, stroke="", fill="ground")]
    for (text, look), width in zip(parts, widths, strict=True):
        marks.append(Text(left, y, text, look, SMALL, "start"))
        left += width
    return marks


def label(x: float, y: float, lines: Sequence[tuple[str, str]]) -> list[Mark]:
    """Return text over a line, on a ground that keeps it readable."""
    width, height = max(text_width(text, SMALL) for text, _ in lines) + 4, 10.5 * len(lines)
    marks: list[Mark] = [rectangle(x, y, width, height, stroke="", fill="ground")]
    for k, (text, look) in enumerate(lines):
        marks.append(Text(x, y - height / 2 + 8.4 + 10.5 * k, text, look, SMALL))
    return marks


def beside(t: float, a: Point, b: Point, lines: Sequence[tuple[str, str]]) -> float:
    """Return the share of the way from `a` to `b` where a line leaves the label that stands at `t`."""
    width = max((text_width(text, SMALL) for text, _ in lines), default=0) / 2 + 7
    height = 5.5 * len(lines) + 8
    return t + min(width / (abs(b[0] - a[0]) or 1), height / (abs(b[1] - a[1]) or 1))


def places(lines: Sequence[tuple[Point, Point]], texts: Sequence[Sequence[tuple[str, str]]]) -> list[float]:
    """Return where along its line each label stands, so that it covers no other label and few other lines."""
    taken: list[tuple[float, float, float, float]] = []
    places = []
    shares = sorted((k / 100 for k in range(20, 81, 3)), key=lambda t: abs(t - 0.5))
    for n, ((a, b), said) in enumerate(zip(lines, texts, strict=True)):
        if not said:
            places.append(0.5)
            continue
        half_width = max(text_width(text, SMALL) for text, _ in said) / 2 + 3
        half_height = 5.5 * len(said) + 1
        best, least = 0.5, float("inf")
        for t in shares:
            x, y = a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
            if abs(x - a[0]) < half_width + 24 or abs(x - b[0]) < half_width + RADIUS + 4:
                continue
            covered = sum(abs(x - p) < half_width + w and abs(y - q) < half_height + h for p, q, w, h in taken)
            crossed = sum(
                abs(c[1] + (x - c[0]) / (d[0] - c[0]) * (d[1] - c[1]) - y) < half_height
                for m, (c, d) in enumerate(lines)
                if m != n
            )
            cost = 10 * covered + crossed + abs(t - 0.5) / 10
            if cost < least:
                best, least = t, cost
        taken.append((a[0] + best * (b[0] - a[0]), a[1] + best * (b[1] - a[1]), half_width, half_height))
        places.append(best)
    return places


def legend(items: Sequence[Item], entries: Sequence[tuple[Sequence[Mark], str]]) -> list[Item]:
    """Return the lines that say what is what, beneath everything else."""
    left, _, right, bottom = bounds(m for item in items for m in item.marks)
    width = max(right - left, 330.0)
    x, y = left, bottom + 24
    marks: list[Mark] = []
    for sign, words in entries:
        room = 34 + text_width(words, SMALL) + 18
        if x > left and x + room > left + width:
            x, y = left, y + 16
        marks += Picture(0, 0, (Item(tuple(sign)),)).moved(x, y)[0].marks
        marks.append(Text(x + 34, y + 3, words, "faint", SMALL, "start"))
        x += room
    return [Item((m,)) for m in marks]
