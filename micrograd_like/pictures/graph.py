"""A computation graph as a picture: a box for each value, a circle for each operation, local derivatives on the edges.

In a box the data stands above and the gradient below, as in the circuit diagrams of Stanford's CS231n. The outline
says what a node is: round corners an input, cut corners a parameter, none a constant, double the output.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import escape
from ..checks import made_at, stale
from ..engine import Value, is_unreached, topological_order
from ..escape import one_line
from ..formulas import exact
from ..graph.steps import backward_steps
from ..notation.names import NO_GRADIENT, find, node_names, partial
from ..notation.numbers import check_decimals, show
from ..ops import CONSTANT, INPUT, PARAMETER, Operation, add, dot, logsumexp, maximum, minimum, multiply
from ..ops import sum as add_up
from .boxes import Box, Wire, arrange
from .drawing import Drawing
from .groups import DEPTHS, Group, group, users_of
from .tree import describe_local, local_number, text

DIRECTIONS = ("LR", "TB")
LARGEST = 5_000  # boxes; laying out more takes longer than one waits
STEPPED = 150  # boxes of a picture with a frame for each step
DETAILED = 300  # boxes; of more the local derivatives are in the tooltips only
_UNORDERED: Collection[Operation] = {add, multiply, add_up, logsumexp, maximum, minimum, dot}


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
    gradients: Mapping[Value, Any] | None = None,
    steps: bool = False,
    room: float = 0.0,
    **look: Any,
) -> Drawing:
    """Draw the graph under `root`; `draw` describes the other arguments and the errors.

    `active` marks an edge, given by its node and the position of its operand; position -1 marks the node. `right` has,
    for each node whose gradient is wrong, what it should be; `gradients`, those to show in place of the nodes' own.
    `room` is the least width for numbers, where others will be filled in.
    """
    if rankdir not in DIRECTIONS:
        raise ValueError(f"unknown rankdir {rankdir!r}; choose from {', '.join(DIRECTIONS)}")
    if depth not in ("auto", *DEPTHS):
        raise ValueError(f"unknown depth {depth!r}; choose from auto, {', '.join(DEPTHS)}")
    order = topological_order(root)
    names = node_names(order)
    check_decimals(precision)
    shown = {v: one_line(name) for v, name in names.items()}
    near = set(order) if around is None else _near(find(around, names), order, radius)
    empty = {find(b, names) for b in blank}
    groups, held, depth = group(order, "value" if steps else depth)
    near = near - held
    outdated = set(stale(order))
    if gradients is None:
        gradients = {v: v.grad for v in order if not is_unreached(v.grad)}
    builder = _Builder(
        order, shown, precision, data, grad, local, active, right or {}, empty, outdated, root, gradients
    )
    boxes = builder.boxes(groups, near)
    drawn = _distinct(boxes)
    for box in drawn:
        box.width += max(room - box.numbers_width, 0.0) if box.numbers and room else 0.0
    most = min(limit, STEPPED) if steps else limit
    if len(drawn) > most or _crowding(drawn) > 80 * limit:
        raise ValueError(
            f"the picture would have {len(drawn):,} nodes"
            + (f", over its limit of {most:,}" if len(drawn) > most else ", and edges that take minutes to lay out")
            + ": draw a part of the graph (around=v with radius=2, or draw(v) for a node v further down), "
            "fewer boxes (depth='sample'), or the network itself (draw(model))" + ("" if steps else "; or raise limit=")
        )
    title = f"Computation graph of {shown[root]}: {len(order)} nodes"
    if around is not None:
        title += f", of which {len(near)} are drawn"
    elif len(drawn) < len(order):
        title += f", drawn as {len(drawn)}: one for each {depth}"
    rows = [
        (
            builder.equation(v),
            builder.data_of(v) if (data and v not in empty) or v.op is CONSTANT else "",
            builder.grad_of(v) if grad and v not in empty else "",
            v.op.name,
        )
        for v in order
    ]
    around_neurons = ((g.name, [boxes[v].key for v in g.members if v in boxes]) for g in groups if not g.merged)
    outlines = {name: keys for name, keys in around_neurons if keys and len(drawn) <= DETAILED}  # else it takes minutes
    frames, captions = [drawn], [""]
    if steps:
        title += ", its backward pass step by step"
        known: dict[Value, Any] = {}
        frames, captions = [], []
        for step in (None, *backward_steps(root)):
            if step is not None:
                known = {**known, step.operand: step.after}
            moment = replace(builder, active=(step.node, step.position) if step else None, gradients=known)
            frames.append(_distinct(moment.boxes(groups, near)))
            captions.append(f"{len(captions)}. {step}" if step else "after the forward pass")
    return Drawing(
        lambda: arrange(frames, outlines, rankdir, captions),
        title,
        title if empty else text(root, precision=precision, active=active),
        ("node", "data", "grad", "operation"),
        rows,
        _dot(drawn, outlines, rankdir),
        **look,
    )


def _crowding(boxes: Sequence[Box]) -> float:
    """Return how much there is to untangle: over all ranks, the edges that pass it to the power of 1.5.

    Measured with the bundled Graphviz: 3 s at 350,000, for 100 samples of a small network, and 16 s at 630,000, for a
    network of 60 + 60 neurons.
    """
    ranks: dict[str, int] = {}
    first: dict[str, int] = {}  # of the boxes that use it
    for box in boxes:
        ranks[box.key] = 1 + max((ranks.get(wire.tail, 0) for wire in box.edges), default=-1)
        for wire in box.edges:
            first[wire.tail] = min(first.get(wire.tail, ranks[box.key]), ranks[box.key])
    passing: dict[int, int] = {}
    for box in boxes:
        for wire in box.edges:
            for rank in range(max(ranks[wire.tail], first[wire.tail] - 1), ranks[box.key]):
                passing[rank] = passing.get(rank, 0) + 1
    return float(sum(n**1.5 for n in passing.values()))


def _distinct(boxes: Mapping[Value, Box]) -> list[Box]:
    return list({box.key: box for box in boxes.values()}.values())


def _near(v: Value, order: Sequence[Value], radius: int) -> set[Value]:
    """Return the nodes at most `radius` edges away."""
    if radius < 0:
        raise ValueError(f"radius is a number of edges from 0, not {radius}")
    users = users_of(order)
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
    gradients: Mapping[Value, Any]  # as far as the pass has come

    def boxes(self, groups: Sequence[Group], near: Collection[Value]) -> dict[Value, Box]:
        """Return the box of each node that is drawn, which nodes of a merged group have together."""
        merged = {v: g for g in groups if g.merged for v in g.members}
        keys = {v: f"v{i}" for i, v in enumerate(self.order)}
        boxes: dict[Value, Box] = {}
        first: dict[int, Box] = {}
        for v in self.order:
            if v not in near:
                continue
            if v in merged:
                g = merged[v]
                if id(g) not in first:
                    first[id(g)] = self._merged(g, keys[g.outputs[-1]])
                boxes[v] = first[id(g)]
            else:
                boxes[v] = self._box(v, keys[v])
        arrival = None
        if self.active is not None:
            v, i = self.active
            arrival = v.operands[i] if i >= 0 else v
            if box := boxes.get(arrival, boxes.get(v)):  # where the edge itself is drawn within a neuron, the neuron
                box.active = True
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

    def grad_of(self, v: Value, precision: int | None = None) -> str:
        return show(self.gradients[v], precision or self.precision) if v in self.gradients else NO_GRADIENT

    def _box(self, v: Value, key: str) -> Box:
        constant = v.op is CONSTANT
        numbers = [(self.data_of(v), "data")] if self.data or constant else []
        if self.grad and not constant:
            numbers.append((self.grad_of(v), "grad"))
        said = [self.equation(v)]
        if self.data or constant:
            said.append(f"data = {exact(v.data)}")
        if self.grad and not constant:
            said.append(f"grad = {self.grad_of(v, 12)}")
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
        box = Box(key, kind, name, numbers, "\n".join(said), faint=not v.label, hidden=v in self.empty)
        box.output = v is self.root
        if v.operands:
            box.symbol, box.equation = v.op.symbol, self.equation(v)
        return box

    def _merged(self, g: Group, key: str) -> Box:
        out = g.outputs
        numbers = []
        if self.data:
            numbers.append((_range([v.data for v in out], self.precision), "data"))
        if self.grad:
            reached = [self.gradients[v] for v in out if v in self.gradients]
            numbers.append((_range(reached, self.precision) if reached else NO_GRADIENT, "grad"))
        words = f"{g.name}: {len(g.members)} nodes"
        box = Box(key, "value", g.name, numbers, words, output=self.root in out)
        if len(out) == 1 and out[0].op.is_function:
            box.symbol, box.equation = out[0].op.symbol, self.equation(out[0])
        return box

    def _wire(self, v: Value, i: int, tail: str, *, labelled: bool) -> Wire:
        x = v.operands[i]
        order = str(i + 1) if v.op not in _UNORDERED and len(v.operands) > 1 else ""
        active = self.active == (v, i)
        if x.op is CONSTANT:
            return Wire(tail, "", f"{self.names[x]} is a constant", order, active)
        if not self.local or v in self.empty:
            return Wire(tail, "", "", order, active)
        derivative = partial(self.names[v], self.names[x])
        tooltip = f"{derivative} = {describe_local(v, i, self.names, self.precision)}"
        label = local_number(v, i, self.precision) if labelled or active else ""
        return Wire(tail, label, tooltip, order, active)


def _range(numbers: Sequence[Any], precision: int | None) -> str:
    low, high = show(min(numbers), precision), show(max(numbers), precision)
    return low if low == high else f"{low} … {high}"


# -------------------- DOT --------------------


def _dot(boxes: Sequence[Box], outlines: Mapping[str, Sequence[str]], rankdir: str) -> str:
    """Return the graph in Graphviz's language, for other programs to lay out."""
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
        look = [f"label={escape.dot(label)}", f"tooltip={escape.dot(box.tooltip)}"]
        look += [styles[box.kind]] if styles[box.kind] else []
        look += ["peripheries=2"] if box.output else []
        look += ['color="#b84f00"', "penwidth=3"] if box.active else []
        lines.append(f"  {box.key} [{', '.join(look)}]")
    for box in boxes:
        for wire in box.edges:
            label = f"{wire.order}: {wire.label}" if wire.order else wire.label
            active = ', color="#b84f00", penwidth=3' if wire.active else ""
            lines.append(f"  {wire.tail} -> {box.key} [label={escape.dot(label)}{active}]")
    for k, (name, keys) in enumerate(outlines.items()):
        lines.append(f"  subgraph cluster{k} {{ label={escape.dot(name)} {' '.join(keys)} }}")
    return "\n".join([*lines, "}", ""])
