"""Where the boxes, the edges and the labels of a graph stand, and what they look like."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .layers import Place, Points
from .layout import lay_out
from .scene import (
    SIZE,
    Circle,
    Edge,
    Item,
    Mark,
    Node,
    Path,
    Picture,
    Text,
    arrowhead,
    bounds,
    fitting,
    framed,
    rectangle,
    rounded,
    text_width,
)

LONGEST = 40  # characters of a label that are shown; the tooltip has the rest
OP, GAP, LINE, SMALL = 22.0, 12.0, 12.5, 9.0  # a circle's width, the arrow after it, a line of text, small text


@dataclass
class Box:
    """What is drawn for a node, or for several that are drawn as one."""

    key: str
    kind: str
    name: str
    numbers: list[tuple[str, str]]  # (text, look), one below the other
    tooltip: str
    symbol: str = ""  # of the operation, in its circle
    equation: str = ""
    faint: bool = False  # a name that is not a label
    active: bool = False
    hidden: bool = False  # whether its numbers are left to be filled in
    output: bool = False
    edges: list["Wire"] = field(default_factory=list)  # that lead to it

    def __post_init__(self) -> None:
        shown = self.name if len(self.name) <= LONGEST else f"{self.name[: LONGEST - 1]}…"
        self.shown = shown
        self.name_width = text_width(shown, bold=not self.faint) if shown else 0.0
        numbers = max((text_width(t) for t, _ in self.numbers), default=0.0)
        self.numbers_width = max(numbers, 36.0) if self.hidden else numbers
        gap = 6 if shown and self.numbers else 0
        self.width = self.name_width + gap + self.numbers_width + (18 if self.kind == "parameter" else 11)
        self.height = max(len(self.numbers), 1) * LINE + 6


@dataclass(frozen=True)
class Wire:
    """An edge from a box to the operation of another one."""

    tail: str
    label: str
    tooltip: str
    order: str  # "1", "2", … where the order of the operands matters
    active: bool = False
    beyond: str = ""  # of an edge that was broken, where it goes on


# -------------------- the picture --------------------


def arrange(
    frames: Sequence[Sequence[Box]], outlines: Mapping[str, Sequence[str]], rankdir: str, captions: Sequence[str]
) -> list[Picture]:
    """Return the picture of each frame; the frames have the same boxes and edges, which stay where they are.

    Args:
        frames: the boxes, in topological order.
        outlines: what has a line around it: a name, and keys of boxes.
        rankdir: the direction of the edges, as Graphviz names it.
        captions: what stands beneath each frame.
    """
    for versions in zip(*frames, strict=True):
        widest = max(box.numbers_width for box in versions)
        for box in versions:
            box.width += widest - box.numbers_width
    boxes = frames[0]
    places, curves, outlined = lay_out(
        {box.key: _size(box, rankdir) for box in boxes},
        [(wire.tail, box.key) for box in boxes for wire in box.edges],
        {box.key for box in boxes if any(wire.order for wire in box.edges)},
        {box.key for box in boxes if box.symbol},
        outlines,
        rankdir,
        labels=max((text_width(w.label, SMALL) for box in boxes for w in box.edges), default=0.0),
    )
    straight = places, curves
    drawn, labels = [], None
    for boxes, caption in zip(frames, captions, strict=True):
        places, curves = straight
        edges, start = [], 0
        for box in boxes:
            own = curves[start : start + len(box.edges)]
            start += len(own)
            marked = not _in_order(own, rankdir)
            edges += [(w if marked else replace(w, order=""), box.key, c) for w, c in zip(box.edges, own, strict=True)]
        length = _band(places.values()) if rankdir == "LR" and not outlines else 0
        if length:
            bands = len({x // length for x, _, _, _ in places.values()})
            folded = _folded(places, edges, length, {box.key: box.shown for box in boxes})
            if len(folded[1]) - len(edges) <= 3 * (bands - 1):  # else too many edges would have to say where they go on
                places, edges = folded
        nodes = [item for box in boxes for item in _draw_box(box, places[box.key], rankdir)]
        labels = labels or _label_places(edges, nodes)
        items: list[Item] = [_outline(at) for at in outlined.values()]
        items += [_draw_wire(*edge, at) for edge, at in zip(edges, labels, strict=True)]
        items += [_heading(name, at) for name, at in outlined.items()]  # above the edges that cross them
        items += nodes
        if caption:
            left, _, _, bottom = bounds(m for item in items for m in item.marks)
            items.append(Item((Text(left, bottom + 22, caption, anchor="start"),)))
        drawn.append(items)
    return framed(*drawn)


def _in_order(curves: Sequence[Points], rankdir: str) -> bool:
    """Tell whether edges arrive from top to bottom, or from left to right, in the order of the operands."""
    ways = [along(curve) for curve in curves]
    seen = [way[-min(len(way), 5)][rankdir == "LR"] for way in ways]
    return seen == sorted(seen)


def _band(places: Iterable[Place]) -> float:
    """Return at which length a long and low picture is broken, as text is into lines; 0 for never."""
    sides = [(x - w / 2, x + w / 2, y - h / 2, y + h / 2) for x, y, w, h in places]
    left, right, top, bottom = zip(*sides, strict=True)
    width, height = max(right) - min(left), max(bottom) - min(top)
    return max(1000.0, (width * (height + 30)) ** 0.5) if width > 1400 and width > 8 * height else 0.0


def _folded(
    places: Mapping[str, Place], edges: Sequence[tuple[Wire, str, Points]], length: float, names: Mapping[str, str]
) -> tuple[dict[str, Place], list[tuple[Wire, str, Points]]]:
    """Break a long picture into bands; an edge from one band to another says in each where it goes on."""
    band = {key: int(x // length) for key, (x, _, _, _) in places.items()}
    inner = {head for _, head, _ in edges}
    band |= {wire.tail: band[head] for wire, head, _ in reversed(edges) if wire.tail not in inner}  # leaves go along
    shifts, bottom = {}, 0.0
    for k in sorted(set(band.values())):
        rows = [(y - h / 2, y + h / 2) for key, (_, y, _, h) in places.items() if band[key] == k]
        shifts[k] = bottom - min(top for top, _ in rows)
        bottom += max(low for _, low in rows) - min(top for top, _ in rows) + 40

    def moved(points: Points, k: int) -> Points:
        return tuple((x - k * length, y + shifts[k]) for x, y in points)

    found = {key: (x - band[key] * length, y + shifts[band[key]], w, h) for key, (x, y, w, h) in places.items()}
    parts = []
    for wire, head, curve in edges:
        one, other = band[wire.tail], band[head]
        if one == other:
            parts.append((wire, head, moved(curve, one)))
            continue
        (x, y), (u, v) = curve[0], curve[-1]
        out = (x, y), (x + 10, y), (x + 20, y), (x + 30, y)
        back = (u - 30, v), (u - 20, v), (u - 10, v), (u, v)
        parts.append((replace(wire, label="", order="", beyond=f"to {names[head]}"), head, moved(out, one)))
        parts.append((replace(wire, beyond=f"from {names[wire.tail]}"), head, moved(back, other)))
    return found, parts


def _size(box: Box, rankdir: str) -> Place:
    extra = OP + GAP if box.symbol else 0.0
    if rankdir == "LR":
        return 0, 0, box.width + extra, max(box.height, OP * bool(box.symbol))
    return 0, 0, max(box.width, OP), box.height + extra


def _draw_box(box: Box, place: Place, rankdir: str) -> list[Item]:
    """Return a node's box, and before it the circle of the operation that made it."""
    x, y, width, height = place
    right, down = (1, 0) if rankdir == "LR" else (0, 1)
    items: list[Item] = []
    if box.symbol:
        ox, oy = x - right * (width - OP) / 2, y - down * (height - OP) / 2
        x, y = x + right * (OP + GAP) / 2, y + down * (OP + GAP) / 2
        symbol = {"*": "×", "-": "−", "**": "xʸ"}.get(box.symbol, box.symbol)
        circle = Circle(ox, oy, OP / 2, stroke="faint", fill="ground")
        size = fitting(symbol, OP - 5, 12 if len(symbol) == 1 else 9)
        sign = Text(ox, oy + 0.35 * size, symbol, size=size)
        items.append(Node((circle, sign), box.equation, f"{box.key}op", "operation", ox, oy, symbol))
        start = ox + right * OP / 2, oy + down * OP / 2
        end = start[0] + right * GAP, start[1] + down * GAP
        arrow = Path((start, (end[0] - 4 * right, end[1] - 4 * down))), arrowhead(end, start, size=5)
        items.append(Edge(arrow, box.equation, f"{box.key}op", box.key, "flow"))
    look = {"stroke": "grad", "width": 3.0} if box.active else {"stroke": "faint"}
    marks: list[Mark] = []
    if box.output:
        marks.append(rectangle(x, y, box.width + 5, box.height + 5, **look))
    if box.kind == "input":
        marks.append(rounded(x, y, box.width, box.height, fill="ground", **look))
    elif box.kind == "parameter":
        marks.append(rectangle(x, y, box.width, box.height, cut=6, fill="ground", **look))
    elif box.kind == "value" or box.active:
        marks.append(rectangle(x, y, box.width, box.height, fill="ground", **look))
    margin = 9.0 if box.kind == "parameter" else 5.5
    if box.shown:
        left = x - box.width / 2 + margin
        color = "faint" if box.faint else "ink"
        marks.append(Text(left, y + 4, box.shown, color, SIZE, "start", bold=not box.faint, italic=box.faint))
    end_x = x + box.width / 2 - margin
    for k, (number, color) in enumerate(box.numbers):
        baseline = y + (k - (len(box.numbers) - 1) / 2) * LINE + 4
        if box.hidden:
            marks.append(rectangle(end_x - 18, baseline - 4, 36, 10.5, stroke=color, width=0.7))
        else:
            marks.append(Text(end_x, baseline, number, color, anchor="end"))
    numbers = tuple(number for number, _ in box.numbers)
    items.append(Node(tuple(marks), box.tooltip, box.key, box.kind, x, y, box.shown, numbers, box.active))
    return items


def _draw_wire(wire: Wire, head: str, curve: Sequence[tuple[float, float]], at: tuple[float, float] | None) -> Edge:
    look, width = ("grad", 3.0) if wire.active else ("faint", 1.0)
    tip, back = curve[-1], curve[-2] if curve[-2] != curve[-1] else curve[0]
    head_mark = arrowhead(tip, back, look, 6 + width)
    (x1, y1), (x2, y2) = head_mark.points[1:]
    marks: list[Mark] = [Path((*curve[:-1], ((x1 + x2) / 2, (y1 + y2) / 2)), look, width=width, curve=True), head_mark]
    if wire.order:  # where the edges that meet here are still apart
        samples = along(curve)
        x, y = samples[-min(len(samples), 5)]
        n = {"1": "1st", "2": "2nd", "3": "3rd"}.get(wire.order, f"{wire.order}th")
        marks.append(Text(x, y + (-3 if curve[0][1] <= tip[1] else 8), n, "faint", 7.5, italic=True))
    if wire.beyond.startswith("to"):
        marks.append(Text(tip[0] + 4, tip[1] + 3, wire.beyond, "faint", SMALL, "start", italic=True))
    elif wire.beyond:
        marks.append(Text(curve[0][0] - 3, curve[0][1] + 3, wire.beyond, "faint", SMALL, "end", italic=True))
    if at is not None:
        marks.append(Text(*at, wire.label, "grad" if wire.active else "faint", SMALL))
    return Edge(tuple(marks), wire.tooltip, wire.tail, head, "edge", wire.label)


def _outline(place: Place) -> Item:
    return Item((rounded(*place, stroke="faint", width=0.6, dash="dotted"),))


def _heading(name: str, place: Place) -> Item:
    x, y, width, height = place
    left, base, room = x - width / 2 + 6, y - height / 2 + 10, text_width(name, SMALL)
    ground = rectangle(left + room / 2, base - 3, room + 4, 10, stroke="", fill="ground")
    return Item((ground, Text(left, base, name, "faint", SMALL, "start")))


# -------------------- where labels stand --------------------


def _label_places(edges: Sequence[tuple[Wire, str, Points]], nodes: Sequence[Item]) -> list[tuple[float, float] | None]:
    """Return where the label of each edge stands: beside it, nearer to it than to any other, and on nothing else."""
    cell = 24.0
    near: dict[tuple[int, int], list[tuple[int, float, float]]] = {}
    curves = [along(curve) for _, _, curve in edges] if any(wire.label for wire, _, _ in edges) else []

    def put(k: int, x: float, y: float) -> None:
        near.setdefault((int(x // cell), int(y // cell)), []).append((k, x, y))

    for k, samples in enumerate(curves):
        for x, y in samples:
            put(k, x, y)
    for item in nodes:
        for m in item.marks:
            if (isinstance(m, Path) and m.closed) or isinstance(m, Circle):
                left, top, right, bottom = bounds([m])
                for i in range(int(left // 6), int(right // 6) + 2):
                    for j in range(int(top // 6), int(bottom // 6) + 2):
                        put(-1, min(max(6.0 * i, left), right), min(max(6.0 * j, top), bottom))
    found: list[tuple[float, float] | None] = []
    for k, (wire, _, _) in enumerate(edges):
        if not wire.label:
            found.append(None)
            continue
        half = text_width(wire.label, SMALL) / 2
        samples = curves[k]
        best, least = (0.0, 0.0), float("inf")
        for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82):
            x, y = samples[round(share * (len(samples) - 1))]
            for dx, dy in ((0, -5.5), (0, 5.5), (half + 3, -3), (half + 3, 3), (-half - 3, -3), (-half - 3, 3)):
                cx, cy = x + dx, y + dy  # the middle of the label
                cost = abs(share - 0.5)
                own, other = float("inf"), float("inf")
                for i in range(int((cx - half - 8) // cell), int((cx + half + 8) // cell) + 1):
                    for j in range(int((cy - 12) // cell), int((cy + 12) // cell) + 1):
                        for n, px, py in near.get((i, j), ()):
                            gap = max(abs(px - cx) - half, 0.0) ** 2 + max(abs(py - cy) - 3.2, 0.0) ** 2
                            if n == k:
                                own = min(own, gap)
                            else:
                                other = min(other, gap)
                cost += 8 * (own < 1) + 20 * (other < 1) + 6 * (other <= own) + max(0.0, 5 - other**0.5) / 2
                if cost < least:
                    best, least = (cx, cy), cost
        for dx in range(-int(half), int(half) + 1, 5):  # so that the next ones keep off it
            put(-1, best[0] + dx, best[1] - 3.5)
            put(-1, best[0] + dx, best[1] + 3.5)
        found.append((best[0], best[1] + 3.1))
    return found


def along(curve: Sequence[tuple[float, float]], spacing: float = 5.0) -> list[tuple[float, float]]:
    """Return points on a chain of Bézier curves, about `spacing` apart."""
    points = []
    for k in range(0, len(curve) - 1, 3):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = curve[k : k + 4]
        n = max(2, int((abs(x3 - x0) + abs(y3 - y0)) / spacing))
        for i in range(n):
            t = i / n
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            points.append((a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3))
    return [*points, curve[-1]]
