"""What a picture consists of: nodes, edges and plain marks, each of lines and text with a place.

Lengths are points of 1/72 inch, x to the right and y downwards. Colours are called by what they mean; a theme says
what they are.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import hypot
from typing import TypeVar

T = TypeVar("T")

# Okabe and Ito's colours, darkened for a contrast of 4.5:1 on white, and their counterparts on a dark ground.
_LIGHT = {
    "ink": "#1a1a1a",
    "faint": "#5f6368",
    "data": "#0072b2",
    "grad": "#b84f00",
    "negative": "#8f3f77",  # what is below zero, or moves down; `data` is the colour of its opposite
    "ground": "#ffffff",
}
DARK = {
    "ink": "#e8e8e8",
    "faint": "#a8adb3",
    "data": "#56b4e9",
    "grad": "#e69f00",
    "negative": "#d98fbb",
    "ground": "#1e1e1e",
}
_PRINT = {**_LIGHT, "ink": "#000000", "faint": "#3c3c3c"}  # grey hairlines fade on paper
THEMES = {"auto": _LIGHT, "light": _LIGHT, "dark": DARK, "print": _PRINT}

SIZE = 11.0  # of text

# -------------------- marks --------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; `y` is its baseline."""

    x: float
    y: float
    text: str
    look: str = "ink"
    size: float = SIZE
    anchor: str = "middle"  # or "start", "end": what of it stands at `x`
    bold: bool = False
    italic: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Its left, top, right and bottom, as wide as Helvetica is."""
        width = text_width(self.text, self.size, bold=self.bold)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return left, self.y - 0.74 * self.size, left + width, self.y + 0.22 * self.size


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points, or an area bounded by it; of a curve two of three points are Bézier's control points."""

    points: tuple[tuple[float, float], ...]
    stroke: str = "faint"  # "" for none
    fill: str = ""
    width: float = 1.0
    dash: str = ""  # or "dashed", "dotted"
    curve: bool = False
    closed: bool = False
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Rectangles of one size and colour, as of a histogram or of a heat map: (x, y, width, height) of each."""

    rectangles: tuple[tuple[float, float, float, float], ...]
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle around (x, y)."""

    x: float
    y: float
    radius: float
    stroke: str = "faint"
    fill: str = ""
    width: float = 1.0


Mark = Text | Path | Cells | Circle


@dataclass(frozen=True)
class Item:
    """Marks that belong together, and what a pointer over them is told."""

    marks: tuple[Mark, ...]
    tooltip: str = ""


@dataclass(frozen=True)
class Node(Item):
    """A value, an operation, an input or a unit; what it says stands here once more for LaTeX."""

    key: str = ""
    kind: str = ""  # the name of its style: "input", "parameter", "constant", "value", "operation" or "unit"
    x: float = 0.0
    y: float = 0.0
    name: str = ""
    numbers: tuple[str, ...] = ()  # data, then gradient
    active: bool = False

    def covers(self, m: Text) -> bool:
        """Tell whether text stands within the node, rather than beside it."""
        shape = next((s for s in self.marks if not isinstance(s, Text)), m)
        left, top, right, bottom = bounds([shape])
        return left <= m.x <= right and top <= m.y <= bottom


@dataclass(frozen=True)
class Edge(Item):
    """A line from one node to another, with what stands beside it."""

    tail: str = ""
    head: str = ""
    kind: str = ""  # "edge" or "flow" in a graph, else a connection
    label: str = ""  # the local derivative
    labels: tuple[tuple[str, str], ...] = ()  # what stands on a connection, each with its colour
    at: float = 0.5  # and where


@dataclass(frozen=True)
class Label(Item):
    """What stands on a connection, drawn above all lines."""


@dataclass(frozen=True)
class Picture:
    """All that is drawn, the lowest first."""

    width: float
    height: float
    items: tuple[Item, ...]

    def moved(self, dx: float, dy: float) -> tuple[Item, ...]:
        """Return the items at another place."""
        return tuple(_moved(item, dx, dy) for item in self.items)


def _moved(item: Item, dx: float, dy: float) -> Item:
    marks: list[Mark] = []
    for m in item.marks:
        if isinstance(m, Path):
            marks.append(replace(m, points=tuple((x + dx, y + dy) for x, y in m.points)))
        elif isinstance(m, Cells):
            marks.append(replace(m, rectangles=tuple((x + dx, y + dy, w, h) for x, y, w, h in m.rectangles)))
        else:
            marks.append(replace(m, x=m.x + dx, y=m.y + dy))
    if isinstance(item, Node):
        return replace(item, marks=tuple(marks), x=item.x + dx, y=item.y + dy)
    return replace(item, marks=tuple(marks))


def lasting(frames: Sequence[Sequence[T]], join: Callable[[Sequence[T]], T]) -> Iterator[tuple[int, int, T]]:
    """Yield what stays as it is in consecutive frames: from which to which, the end excluded, and what it is.

    Frames have the same parts in the same order; else the parts of each are joined, and it is shown whole.
    """
    if len({len(parts) for parts in frames}) > 1:
        frames = [[join(parts)] for parts in frames]
    for versions in zip(*frames, strict=True):
        changes = [k for k in range(1, len(versions)) if versions[k] != versions[k - 1]]
        for start, end in pairwise([0, *changes, len(versions)]):
            yield start, end, versions[start]


# -------------------- shapes --------------------


def rectangle(x: float, y: float, width: float, height: float, /, *, cut: float = 0, **look: object) -> Path:
    """Return a rectangle around (x, y); `cut` is how much its corners are cut off."""
    a, b = width / 2, height / 2
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    points = []
    for k, (sx, sy) in enumerate(corners):
        if cut:
            one, other = (x + sx * a, y + sy * (b - cut)), (x + sx * (a - cut), y + sy * b)
            points += [one, other] if k % 2 == 0 else [other, one]
        else:
            points.append((x + sx * a, y + sy * b))
    return Path(tuple(points), closed=True, **look)  # type: ignore[arg-type]


def rounded(x: float, y: float, width: float, height: float, /, *, radius: float = 5, **look: object) -> Path:
    """Return a rectangle around (x, y) with round corners."""
    a, b, k = width / 2, height / 2, 0.45 * radius
    points = [(x - a + radius, y - b)]
    for sx, sy in ((1, -1), (1, 1), (-1, 1), (-1, -1)):
        across, down = (x + sx * a, y + sy * (b - radius)), (x + sx * (a - radius), y + sy * b)
        soft = (x + sx * a, y + sy * (b - k)), (x + sx * (a - k), y + sy * b)
        start, end = (down, across) if sx * sy < 0 else (across, down)
        controls = soft[::-1] if sx * sy < 0 else soft
        points += [points[-1], start, start, *controls, end]
    points += [points[-1], points[0], points[0]]
    return Path(tuple(points), curve=True, closed=True, **look)  # type: ignore[arg-type]


def arrowhead(tip: tuple[float, float], back: tuple[float, float], look: str = "faint", size: float = 6) -> Path:
    """Return a filled arrowhead that points to `tip`, coming from `back`."""
    dx, dy = tip[0] - back[0], tip[1] - back[1]
    length = hypot(dx, dy) or 1.0
    dx, dy, half = dx / length * size, dy / length * size, 0.38
    left = tip[0] - dx - half * dy, tip[1] - dy + half * dx
    right = tip[0] - dx + half * dy, tip[1] - dy - half * dx
    return Path((tip, left, right), stroke=look, fill=look, closed=True)


# -------------------- text --------------------

# Helvetica's widths in thousandths of the size, from Adobe's metrics; Arial and Liberation Sans have the same.
_WIDTHS = {
    c: width
    for width, letters in {
        222: "'`ijl",
        260: "|",
        278: " !,./:;I[\\]ft",
        333: "()-r{}",
        389: '"*',
        500: "Jckvsxyz",
        584: "+<=>^~",
        611: "FTZ",
        667: "&ABEKPSVXY",
        722: "CDHNRUw",
        778: "GOQ",
        833: "Mm",
        944: "%W",
        1015: "@",
    }.items()
    for c in letters
}


def text_width(text: str, size: float = SIZE, *, bold: bool = False) -> float:
    """Return the width that text takes in Helvetica, or the room to leave for characters that it does not have."""
    total = 0
    for c in text:
        if c < "\x7f":
            total += _WIDTHS.get(c, 556)
        elif not unicodedata.combining(c):
            total += 1000 if unicodedata.east_asian_width(c) in "WF" or c in "→←↑↓…▲▼" else 667
    return total * size / 1000 * (1.08 if bold else 1.0)


def fitting(text: str, room: float, size: float = SIZE, *, bold: bool = False) -> float:
    """Return `size`, or the smaller size at which the text is no wider than `room`."""
    return min(size, size * room / (text_width(text, size, bold=bold) or 1.0))


def bounds(marks: Iterable[Mark]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of all marks together."""
    boxes = []
    for m in marks:
        if isinstance(m, Text):
            boxes.append(m.box)
        elif isinstance(m, Circle):
            boxes.append((m.x - m.radius, m.y - m.radius, m.x + m.radius, m.y + m.radius))
        elif isinstance(m, Cells):
            boxes += [(x, y, x + w, y + h) for x, y, w, h in m.rectangles]
        else:
            xs, ys = [x for x, _ in m.points], [y for _, y in m.points]
            boxes.append((min(xs), min(ys), max(xs), max(ys)))
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def framed(*frames: Sequence[Item], margin: float = 11) -> list[Picture]:
    """Return a picture of each of these lists of items, all of one size, just large enough."""
    left, top, right, bottom = bounds(m for items in frames for item in items for m in item.marks)
    pictures = [Picture(right - left + 2 * margin, bottom - top + 2 * margin, tuple(items)) for items in frames]
    return [replace(picture, items=picture.moved(margin - left, margin - top)) for picture in pictures]


def side_by_side(left: Picture, right: Picture, *titles: str) -> Picture:
    """Return two pictures as one, each with its title above."""
    start = max(left.width, text_width(titles[0], 12, bold=True) + 22)
    width = start + max(right.width, text_width(titles[1], 12, bold=True) + 22)
    items: list[Item] = []
    for side, (picture, dx, title) in enumerate(((left, 0.0, titles[0]), (right, start, titles[1]))):
        items.append(Item((Text(dx + 11, 18, title, size=12, anchor="start", bold=True),)))
        for item in picture.moved(dx, 22):
            if isinstance(item, Node):
                item = replace(item, key=f"{'ab'[side]}{item.key}")
            elif isinstance(item, Edge):
                item = replace(item, tail=f"{'ab'[side]}{item.tail}", head=f"{'ab'[side]}{item.head}")
            items.append(item)
    return Picture(width, max(left.height, right.height) + 22, tuple(items))
