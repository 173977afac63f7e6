"""A computation graph as a picture: a box for each value, a circle for each operation, local derivatives on the edges.

In a box the data stands above and the gradient below, as in the circuit diagrams of Stanford's CS231n. The outline
says what a node is: round corners an input, cut corners a parameter, none a constant, double the output.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..engine import UNREACHED, Value, made_at, stale, topological_order
from ..notation.names import NO_GRADIENT, find, node_names, partial, show_grad
from ..notation.numbers import exact, show
from ..ops import CONSTANT, INPUT, PARAMETER, Operation, add, dot, logsumexp, maximum, minimum, multiply, one_line
from ..ops import sum as add_up
from .drawing import Drawing
from .groups import DEPTHS, Group, group
from .layout import Place, Points, lay_out
from .scene import (
    SIZE,
    Edge,
    Ellipse,
    Item,
    Mark,
    Node,
    Path,
    Picture,
    Text,
    arrowhead,
    fitting,
    framed,
    rectangle,
    rounded,
    text_width,
)
from .tree import describe_local, local_number, text

LARGEST = 5_000  # boxes; laying out more takes longer than one waits
LONGEST = 40  # characters of a label that are shown; the tooltip has the rest
DETAILED = 300  # boxes; of more the local derivatives are in the tooltips only
_UNORDERED: Collection[Operation] = {add, multiply, add_up, logsumexp, maximum, minimum, dot}

_OP, _GAP, _LINE, _SMALL = 22.0, 12.0, 12.5, 9.0  # a circle's width, the arrow after it, a line of text, small text


@dataclass
class _Box:
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
    edges: list["_Wire"] = field(default_factory=list)  # that lead to it

    def __post_init__(self) -> None:
        shown = self.name if len(self.name) <= LONGEST else f"{self.name[: LONGEST - 1]}…"
        self.shown = shown
        self.name_width = text_width(shown, bold=not self.faint) if shown else 0.0
        numbers = max((text_width(t) for t, _ in self.numbers), default=0.0)
        self.numbers_width = max(numbers, 36.0) if self.hidden else numbers
        gap = 6 if shown and self.numbers else 0
        self.width = self.name_width + gap + self.numbers_width + (18 if self.kind == "parameter" else 11)
        self.height = max(len(self.numbers), 1) * _LINE + 6


@dataclass(frozen=True)
class _Wire:
    """An edge from a box to the operation of another one."""

    tail: str
    label: str
    tooltip: str
    order: str  # "1", "2", … where the order of the operands matters
    active: bool = False
    beyond: str = ""  # of an edge that was broken, where it goes on


def draw_graph(
    root: Value,
    *,
    rankdir: str = "LR",
    precision: int | None = None,
    data: bool = True,
    grad: bool = True,
    local: bool = True,
    depth: str = "auto",
    around: Value | str | None = None,
    radius: int = 2,
    blank: Collection[Value | str] = (),
    limit: int = LARGEST,
    active: tuple[Value, int] | None = None,
    right: Mapping[Value, Any] | None = None,
    **look: Any,
) -> Drawing:
    """Draw the graph under `root`; `draw` describes the other arguments and the errors.

    `active` marks an edge, given by its node and the position of its operand; position -1 marks the node. `right` has,
    for each node whose gradient is wrong, what it should be.
    """
    if rankdir not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"rankdir is the direction of the graph: 'LR', 'TB', 'RL' or 'BT', not {rankdir!r}")
    if depth not in ("auto", *DEPTHS):
        raise ValueError(f"unknown depth {depth!r}; choose from auto, {', '.join(DEPTHS)}")
    order = topological_order(root)
    names = node_names(order)
    shown = {v: one_line(name) for v, name in names.items()}
    near = set(order) if around is None else _near(find(around, names), order, radius)
    empty = {find(b, names) for b in blank}
    groups, held, depth = group(order, depth)
    drawing = _Builder(order, shown, precision, data, grad, local, active, right or {}, empty, set(stale(order)), root)
    boxes = drawing.boxes(groups, near - held)
    drawn = list({box.key: box for box in boxes.values()}.values())
    if len(drawn) > limit:
        raise ValueError(
            f"the picture would have {len(drawn):,} nodes, over its limit of {limit:,}: draw a part of the graph "
            "(around=v with radius=2, or draw(v) for a node v further down), or the network itself (draw(model)), "
            "or raise limit="
        )
    title = f"Computation graph of {shown[root]}: {len(order)} nodes"
    if around is not None:
        title += f", of which {len(near)} are drawn"
    elif len(drawn) < len(order):
        title += f", drawn as {len(drawn)}: one for each {depth}"
    rows = [
        (
            drawing.equation(v),
            drawing.data_of(v) if (data and v not in empty) or v.op is CONSTANT else "",
            drawing.grad_of(v) if grad and v not in empty else "",
            v.op.name,
        )
        for v in order
    ]
    framed_ = ((g.name, [boxes[v].key for v in g.members if v in boxes]) for g in groups if not g.merged)
    outlines = {name: keys for name, keys in framed_ if keys}
    written = title if empty else text(root, precision=precision, active=active)
    return Drawing(
        lambda: [_picture(drawn, outlines, rankdir)],
        title,
        written,
        ("node", "data", "grad", "operation"),
        rows,
        _dot(drawn, outlines, rankdir),
        **look,
    )


def _near(v: Value, order: Sequence[Value], radius: int) -> set[Value]:
    """Return the nodes at most `radius` edges away."""
    if radius < 0:
        raise ValueError(f"radius is a number of edges from 0, not {radius}")
    users: dict[Value, list[Value]] = {}
    for u in order:
        for x in u.operands:
            users.setdefault(x, []).append(u)
    found, ring = {v}, [v]
    for _ in range(radius):
        ring = [w for u in ring for w in (*u.operands, *users.get(u, ())) if w not in found]
        found.update(ring)
    return found


@dataclass
class _Builder:
    order: Sequence[Value]
    names: dict[Value, str]
    precision: int | None
    data: bool
    grad: bool
    local: bool
    active: tuple[Value, int] | None
    right: Mapping[Value, Any]
    empty: set[Value]
    outdated: set[Value]
    root: Value

    def boxes(self, groups: Sequence[Group], near: Collection[Value]) -> dict[Value, _Box]:
        """Return the box of each node that is drawn, which nodes of a merged group have together."""
        merged = {v: g for g in groups if g.merged for v in g.members}
        keys = {v: f"v{i}" for i, v in enumerate(self.order)}
        boxes: dict[Value, _Box] = {}
        first: dict[int, _Box] = {}
        for v in self.order:
            if v not in near:
                continue
            if v in merged:
                g = merged[v]
                if id(g) not in first:
                    first[id(g)] = self._merged(g, keys[g.output])
                boxes[v] = first[id(g)]
            else:
                boxes[v] = self._box(v, keys[v])
        arrival = None
        if self.active is not None:
            v, i = self.active
            arrival = v.operands[i] if i >= 0 else v
            if arrival in boxes:
                boxes[arrival].active = True
        detailed = len(first) + len(boxes) <= DETAILED
        seen: set[tuple[str, str]] = set()
        for v, box in boxes.items():
            for i, x in enumerate(v.operands):
                if x not in boxes or boxes[x] is box:
                    continue
                inside = v in merged
                if inside and (boxes[x].key, box.key) in seen:
                    continue
                seen.add((boxes[x].key, box.key))
                box.edges.append(self._wire(v, i, boxes[x].key, labelled=detailed and not inside and x not in merged))
        return boxes

    def equation(self, v: Value) -> str:
        """Return the equation of a node, such as `e = a * b`; of a leaf its name."""
        return f"{self.names[v]} = {v.op.write([self.names[x] for x in v.operands])}" if v.operands else self.names[v]

    def data_of(self, v: Value) -> str:
        return exact(v.data) if v.op is CONSTANT else show(v.data, self.precision)

    def grad_of(self, v: Value) -> str:
        return show_grad(v, self.precision)

    def _box(self, v: Value, key: str) -> _Box:
        constant = v.op is CONSTANT
        numbers = [(self.data_of(v), "data")] if self.data or constant else []
        if self.grad and not constant:
            numbers.append((self.grad_of(v), "grad"))
        said = [self.equation(v)]
        if self.data or constant:
            said.append(f"data = {exact(v.data)}")
        if self.grad and not constant:
            said.append(f"grad = {show_grad(v, 12)}")
        if v in self.right:
            right = show(self.right[v], self.precision)
            numbers[-1:] = [(f"wrong: {self.grad_of(v)}", "grad"), (f"right: {right}", "ink")]
            said.append(f"this gradient is wrong; the right one is {show(self.right[v])}")
        if v in self.outdated:
            numbers[0] = (f"{self.data_of(v)} (stale)", "data") if self.data else numbers[0]
            said.append("its data does not follow from its operands: they were changed after the forward pass")
        if where := made_at(v):
            said.append(one_line(where))
        if v in self.empty and not constant:
            numbers, said = [("", look) for _, look in numbers], [self.equation(v)]
        kind = {INPUT: "input", PARAMETER: "parameter", CONSTANT: "constant"}.get(v.op, "value")
        name = self.names[v] if v.label or not constant else ""
        box = _Box(key, kind, name, numbers, "\n".join(said), faint=not v.label, hidden=v in self.empty)
        box.output = v is self.root
        if v.operands:
            box.symbol, box.equation = v.op.symbol, self.equation(v)
        return box

    def _merged(self, g: Group, key: str) -> _Box:
        out = g.outputs
        numbers = []
        if self.data:
            numbers.append((_range([v.data for v in out], self.precision), "data"))
        if self.grad:
            reached = [v.grad for v in out if v.grad is not UNREACHED]
            numbers.append((_range(reached, self.precision) if reached else NO_GRADIENT, "grad"))
        words = f"{g.name}: {len(g.members)} nodes"
        box = _Box(key, "value", g.name, numbers, words, output=self.root in out)
        if g.symbol:
            box.symbol, box.equation = g.symbol, self.equation(g.output)
        return box

    def _wire(self, v: Value, i: int, tail: str, *, labelled: bool) -> _Wire:
        x = v.operands[i]
        order = str(i + 1) if v.op not in _UNORDERED and len(v.operands) > 1 else ""
        active = self.active == (v, i)
        if x.op is CONSTANT:
            return _Wire(tail, "", f"{self.names[x]} is a constant", order, active)
        if not self.local or v in self.empty:
            return _Wire(tail, "", "", order, active)
        derivative = partial(self.names[v], self.names[x])
        tooltip = f"{derivative} = {describe_local(v, i, self.names, self.precision)}"
        label = local_number(v, i, self.precision) if labelled or active else ""
        return _Wire(tail, label, tooltip, order, active)


def _range(numbers: Sequence[Any], precision: int | None) -> str:
    low, high = show(min(numbers), precision), show(max(numbers), precision)
    return low if low == high else f"{low} … {high}"


# -------------------- DOT --------------------


def _dot(boxes: Sequence[_Box], outlines: Mapping[str, Sequence[str]], rankdir: str) -> str:
    """Return the graph in Graphviz's language, for other programs to lay out."""

    def quoted(written: str) -> str:
        return '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = [
        "digraph {",
        f"  graph [rankdir={rankdir}]",
        '  node [shape=box, fontname="Helvetica", fontsize=11, height=0.3]',
        '  edge [fontname="Helvetica", fontsize=9, color="#5f6368", fontcolor="#5f6368"]',
    ]
    styles = {"input": "style=rounded", "parameter": "style=diagonals", "constant": "shape=plain", "value": ""}
    for box in boxes:
        name = f"{box.symbol} → {box.shown}" if box.symbol else box.shown
        label = "\n".join(filter(None, [name, *(number for number, _ in box.numbers)]))
        look = [f"label={quoted(label)}".replace("\n", "\\n"), f"tooltip={quoted(box.tooltip)}".replace("\n", "\\n")]
        look += [styles[box.kind]] if styles[box.kind] else []
        look += ["peripheries=2"] if box.output else []
        lines.append(f"  {box.key} [{', '.join(look)}]")
    for box in boxes:
        for wire in box.edges:
            label = f"{wire.order}: {wire.label}" if wire.order else wire.label
            active = ', color="#b84f00", penwidth=3' if wire.active else ""
            lines.append(f"  {wire.tail} -> {box.key} [label={quoted(label)}{active}]")
    for k, (name, keys) in enumerate(outlines.items()):
        lines.append(f"  subgraph cluster{k} {{ label={quoted(name)} {' '.join(keys)} }}")
    return "\n".join([*lines, "}", ""])


# -------------------- the picture --------------------


def _picture(boxes: Sequence[_Box], outlines: Mapping[str, Sequence[str]], rankdir: str) -> Picture:
    places, curves, frames = lay_out(
        {box.key: _size(box, rankdir) for box in boxes},
        [(wire.tail, box.key) for box in boxes for wire in box.edges],
        {box.key for box in boxes if any(wire.order for wire in box.edges)},
        {box.key for box in boxes if box.symbol},
        outlines,
        rankdir,
        labels=max((text_width(w.label, _SMALL) for box in boxes for w in box.edges), default=0.0),
    )
    edges, start = [], 0
    for box in boxes:
        own = curves[start : start + len(box.edges)]
        start += len(own)
        marked = not _in_order(own, rankdir)
        edges += [(w if marked else replace(w, order=""), box.key, c) for w, c in zip(box.edges, own, strict=True)]
    length = _band(places.values()) if rankdir == "LR" and not frames else 0
    if length:
        places, edges = _folded(places, edges, length, {box.key: box.shown for box in boxes})
    items: list[Item] = [_frame(name, at) for name, at in frames.items()]
    nodes = [item for box in boxes for item in _draw_box(box, places[box.key], rankdir)]
    for (wire, head, curve), at in zip(edges, _label_places(edges, nodes), strict=True):
        items.append(_draw_wire(wire, head, curve, at))
    return framed([*items, *nodes])


def _in_order(curves: Sequence[Points], rankdir: str) -> bool:
    """Tell whether edges arrive from top to bottom, or from left to right, in the order of the operands."""
    across = 1 if rankdir in ("LR", "RL") else 0
    ways = [along(curve) for curve in curves]
    seen = [way[-min(len(way), 5)][across] for way in ways]
    return seen == sorted(seen)


def _band(places: Iterable[Place]) -> float:
    """Return at which length a long and low picture is broken, as text is into lines; 0 for never."""
    sides = [(x - w / 2, x + w / 2, y - h / 2, y + h / 2) for x, y, w, h in places]
    left, right, top, bottom = zip(*sides, strict=True)
    width, height = max(right) - min(left), max(bottom) - min(top)
    return max(1000.0, (width * (height + 30)) ** 0.5) if width > 1400 and width > 8 * height else 0.0


def _folded(
    places: Mapping[str, Place], edges: Sequence[tuple[_Wire, str, Points]], length: float, names: Mapping[str, str]
) -> tuple[dict[str, Place], list[tuple[_Wire, str, Points]]]:
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


def _size(box: _Box, rankdir: str) -> Place:
    extra = _OP + _GAP if box.symbol else 0.0
    if rankdir in ("LR", "RL"):
        return 0, 0, box.width + extra, max(box.height, _OP * bool(box.symbol))
    return 0, 0, max(box.width, _OP), box.height + extra


def _draw_box(box: _Box, place: Place, rankdir: str) -> list[Item]:
    """Return a node's box, and before it the circle of the operation that made it."""
    x, y, width, height = place
    along = {"LR": (1, 0), "RL": (-1, 0), "TB": (0, 1), "BT": (0, -1)}[rankdir]
    items: list[Item] = []
    if box.symbol:
        reach = (width if along[0] else height) / 2
        ox, oy = x - along[0] * (reach - _OP / 2), y - along[1] * (reach - _OP / 2)
        x, y = x + along[0] * (_OP + _GAP) / 2, y + along[1] * (_OP + _GAP) / 2
        symbol = {"*": "×", "-": "−", "**": "xʸ"}.get(box.symbol, box.symbol)
        circle = Ellipse(ox, oy, _OP / 2, _OP / 2, stroke="faint", fill="ground")
        size = fitting(symbol, _OP - 5, 12 if len(symbol) == 1 else 9)
        sign = Text(ox, oy + 0.35 * size, symbol, size=size)
        items.append(Node((circle, sign), box.equation, f"{box.key}op", "operation", ox, oy, symbol))
        start = ox + along[0] * _OP / 2, oy + along[1] * _OP / 2
        end = ox + along[0] * (_OP / 2 + _GAP), oy + along[1] * (_OP / 2 + _GAP)
        arrow = Path((start, (end[0] - 4 * along[0], end[1] - 4 * along[1]))), arrowhead(end, start, size=5)
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
    right = x + box.width / 2 - margin
    for k, (number, color) in enumerate(box.numbers):
        baseline = y + (k - (len(box.numbers) - 1) / 2) * _LINE + 4
        if box.hidden:
            marks.append(rectangle(right - 18, baseline - 4, 36, 10.5, stroke=color, width=0.7))
        else:
            marks.append(Text(right, baseline, number, color, anchor="end"))
    numbers = tuple(number for number, _ in box.numbers)
    items.append(Node(tuple(marks), box.tooltip, box.key, box.kind, x, y, box.shown, numbers, box.active))
    return items


def _draw_wire(wire: _Wire, head: str, curve: Sequence[tuple[float, float]], at: tuple[float, float] | None) -> Edge:
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
        marks.append(Text(tip[0] + 4, tip[1] + 3, wire.beyond, "faint", _SMALL, "start", italic=True))
    elif wire.beyond:
        marks.append(Text(curve[0][0] - 3, curve[0][1] + 3, wire.beyond, "faint", _SMALL, "end", italic=True))
    if at is not None:
        marks.append(Text(*at, wire.label, "grad" if wire.active else "faint", _SMALL))
    return Edge(tuple(marks), wire.tooltip, wire.tail, head, "edge", wire.label)


def _frame(name: str, place: Place) -> Item:
    x, y, width, height = place
    outline = rounded(x, y, width, height, stroke="faint", width=0.6, dash="dotted")
    return Item((outline, Text(x - width / 2 + 6, y - height / 2 + 10, name, "faint", _SMALL, "start")))


# -------------------- where labels stand --------------------


def _label_places(
    edges: Sequence[tuple[_Wire, str, Points]], nodes: Sequence[Item]
) -> list[tuple[float, float] | None]:
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
            if (isinstance(m, Path) and m.closed) or isinstance(m, Ellipse):
                left, top, right, bottom = _extent(m)
                for i in range(int(left // 6), int(right // 6) + 2):
                    for j in range(int(top // 6), int(bottom // 6) + 2):
                        put(-1, min(max(6.0 * i, left), right), min(max(6.0 * j, top), bottom))
    found: list[tuple[float, float] | None] = []
    for k, (wire, _, _) in enumerate(edges):
        if not wire.label:
            found.append(None)
            continue
        half = text_width(wire.label, _SMALL) / 2
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


def _extent(m: Path | Ellipse) -> tuple[float, float, float, float]:
    if isinstance(m, Ellipse):
        return m.x - m.rx, m.y - m.ry, m.x + m.rx, m.y + m.ry
    xs, ys = [x for x, _ in m.points], [y for _, y in m.points]
    return min(xs), min(ys), max(xs), max(ys)
