"""A network as a picture: units in columns, connections with their weights, and what flows along them.

Forward, a unit shows its output, with the weighted sum beneath it and the bias above; backward, arrows in the colour of
gradients point the way that errors take. Beyond what can be read each layer is drawn as the heat map and the histogram
of its weights.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, sqrt
from typing import Any

from ..engine import Value
from ..nn.datasets import Dataset
from ..nn.modules import Module
from ..notation.names import show_grad
from ..notation.numbers import show as written_as
from ..ops import one_line
from .drawing import Drawing
from .passes import Pass, find, gradient, layers_of, parameters_of, run
from .scene import (
    SIZE,
    Cells,
    Edge,
    Ellipse,
    Item,
    Label,
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

SHOWS = ("weights", "forward", "backward", "update", "steps")
WRITTEN = 16  # connections between two layers; of more, their numbers would cover the lines
LINES = 150  # connections between two layers, and
UNITS = 24  # units in a layer, that are drawn one by one; with more the lines become one surface

_RADIUS = 22.0
_SMALL = 9.0  # the size of numbers beside connections and units
_FINEST = 48  # cells of a heat map along a side


def draw_network(
    model: Module,
    of: Any = None,
    *,
    show: str = "auto",
    sample: int = 1,
    before: Iterable[float] | None = None,
    lr: float | None = None,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    weights: bool | None = None,
    legend: bool = True,
    precision: int = 2,
    **look: Any,
) -> Drawing:
    """Draw a model, alone or with one of its passes; `draw` describes the arguments and the errors."""
    layers = layers_of(model)
    if isinstance(of, Dataset):
        inputs = inputs or of.feature_names
        outputs = outputs or _class_names(of, len(layers[-1]))
        if not 1 <= sample <= len(of):
            raise ValueError(f"{of.name} has {len(of)} samples: sample={sample} is none of them")
        of, sample = of.rows[sample - 1], 1
    pass_ = None if of is None or show == "weights" else _pass(model, of, sample)
    parameters = list(dict.fromkeys(p for layer in layers for neuron in layer for p in parameters_of(neuron)))
    changes = _changes(parameters, model, before, lr)
    reached = pass_ is not None and any(gradient(p) is not None for p in parameters)
    if show == "auto":
        known = pass_ is not None and any(gradient(u.out) is not None for u in pass_.units.values())
        show = "update" if changes else "backward" if known else "forward" if pass_ else "weights"
    if show not in SHOWS:
        raise ValueError(f"unknown show {show!r}; choose from {', '.join(SHOWS)}")
    if show in ("forward", "backward", "steps") and pass_ is None:
        raise ValueError(f"show={show!r} needs a pass: write draw(model, inputs) or draw(model, loss)")
    if show in ("backward", "steps") and not reached:
        raise ValueError(f"show={show!r} needs gradients: call loss.backward() first, then draw(model, loss)")
    if show in ("update", "steps") and not changes:
        raise ValueError(
            f"show={show!r} needs two numbers of each parameter: pass before=[p.data for p in model.parameters()], "
            "taken before the update, or lr= to see the update that gradient descent would make"
        )
    sizes = [len(layers[0][0].w), *map(len, layers)]
    names = _names("inputs", inputs, sizes[0]), _names("outputs", outputs, sizes[-1])
    most = max(a * b for a, b in pairwise(sizes))
    written = most <= WRITTEN if weights is None else weights
    sketch = _Sketch(layers, sizes, pass_, changes, names, written, legend, precision)
    single = most <= LINES and max(sizes) <= UNITS
    make = sketch.units if single or (weights and most <= 400) else sketch.blocks
    steps = ("forward", "backward", "update") if show == "steps" else (show,)

    title = f"Network of {' → '.join(map(str, sizes))} units with {len(parameters)} parameters"
    if show != "weights":
        title += {"steps": ", forward, backward and update"}.get(show, f", {show}")
    columns = ("parameter", "data", "grad")
    rows = [(p.label, written_as(p.data), show_grad(p)) for p in parameters]
    if changes:
        columns = ("parameter", "before", "after")
        rows = [(p.label, written_as(old), written_as(new)) for p, (old, new) in changes.items()]
    return Drawing(lambda: framed(*map(make, steps)), title, repr(model), columns, rows, **look)


def _pass(model: Module, of: Any, sample: int) -> Pass:
    if isinstance(of, Value) and of.operands:
        return find(model, [of], sample)
    if isinstance(of, Value):
        of = [of]
    of = list(of)
    if of and all(isinstance(v, Value) and v.operands for v in of):
        try:
            return find(model, of, sample)
        except ValueError:  # a graph that goes on beneath the network
            return run(model, of)
    return run(model, of)


def _changes(
    parameters: Sequence[Value], model: Module, before: Iterable[float] | None, lr: float | None
) -> dict[Value, tuple[Any, Any]]:
    """Return each parameter's number before and after an update."""
    if before is not None:
        numbers, known = list(before), model.parameters()
        if len(numbers) != len(known):
            raise ValueError(f"before has {len(numbers)} numbers, and the model has {len(known)} parameters")
        earlier = dict(zip(known, numbers, strict=True))
        return {p: (earlier.get(p, p.data), p.data) for p in parameters}
    if lr is not None:
        return {p: (p.data, p.data - lr * (gradient(p) or 0)) for p in parameters}
    return {}


def _class_names(data: Dataset, count: int) -> tuple[str, ...]:
    if count == len(data.class_names):
        return data.class_names
    return (f"above 0: {data.class_names[1]}",) if count == 1 and len(data.class_names) == 2 else ()


def _names(what: str, names: Sequence[str], count: int) -> list[str]:
    if names and len(names) != count:
        raise ValueError(f"{what} has {len(names)} names, and the network has {count} {what}")
    return [_short(name) for name in names]


def _short(name: str, longest: int = 24) -> str:
    name = one_line(name)
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


@dataclass
class _Sketch:
    layers: list[list[Any]]
    sizes: list[int]
    pass_: Pass | None
    changes: dict[Value, tuple[Any, Any]]
    names: tuple[list[str], list[str]]
    written: bool
    legend: bool
    precision: int

    # -------------------- unit by unit --------------------

    def units(self, show: str) -> list[Item]:
        """Return the picture with a circle for each unit and a line for each connection."""
        self.row = 84.0 if self.pass_ or self.changes else 60.0
        widest = 210.0 if self.changes else 180.0
        self.column = widest if self.written else 140.0
        items: list[Item] = [*self._captions(show)]
        edges, labels = self._connections(show)
        nodes = self._nodes(show)
        items += edges + labels + nodes
        if self.legend:
            items += self._legend(items, _explain(show, self))
        return items

    def _at(self, column: int, row: int) -> tuple[float, float]:
        return column * self.column, (row - (self.sizes[column] - 1) / 2) * self.row

    def _captions(self, show: str) -> list[Item]:
        y = -(max(self.sizes) - 1) / 2 * self.row - 54
        texts = [Text(0, y, "inputs", "faint")]
        for k, layer in enumerate(self.layers, 1):
            kinds = list(dict.fromkeys(str(getattr(neuron, "activation", "")) for neuron in layer))
            name = f"layer {k} · " if len(self.layers) > 1 else ""
            texts.append(Text(k * self.column, y, name + ", ".join(filter(None, kinds)), "faint"))
        heading = {"weights": "", "forward": "Forward pass", "backward": "Backward pass", "update": "Update"}[show]
        left = -30.0
        if heading:
            texts.append(Text(left, y - 20, heading, anchor="start", size=13, bold=True))
        if self.pass_ and self.pass_.samples > 1:
            said = f"a sample of {self.pass_.samples}"
            if show == "backward":
                said += "; the gradients of weights and biases are sums over all of them"
            texts.append(Text(left + text_width(heading, 13, bold=True) + 8, y - 20, said, "faint", anchor="start"))
        return [Item((t,)) for t in texts]

    def _connections(self, show: str) -> tuple[list[Item], list[Item]]:
        weights = [w for layer in self.layers for neuron in layer for w in neuron.w]
        scale = _largest(self._strength(w, show) for w in weights)
        flows = [
            self._flow(unit.sum, w)
            for (k, j), unit in (self.pass_.units.items() if self.pass_ else ())
            for w in self.layers[k][j].w
        ]
        widest_flow = _largest(flows)
        lines: list[Item] = []
        arrows: list[Item] = []
        labels: list[Item] = []
        for k, layer in enumerate(self.layers, 1):
            ends = [
                (self._at(k - 1, i), self._at(k, j), w, i, j)
                for j, neuron in enumerate(layer)
                for i, w in enumerate(neuron.w)
            ]
            texts = [self._said(w, show) for _, _, w, _, _ in ends] if self.written else [[]] * len(ends)
            texts = [
                t or ([(_strange(w.data), "ink")] if not isfinite(w.data) else [])
                for t, (_, _, w, _, _) in zip(texts, ends, strict=True)
            ]
            places = label_places([(a, b) for a, b, *_ in ends], texts)
            for (a, b, w, i, j), said, t in zip(ends, texts, places, strict=True):
                start, end = shortened(a, b, 0 if k == 1 else _RADIUS), shortened(b, a, _RADIUS)
                look, dash = _direction(self._signed(w, show))
                width = 0.5 + 3.0 * min(self._strength(w, show) / scale, 1) if isfinite(w.data) else 2.5
                if show == "backward":  # the weights stay in sight behind what flows back
                    width = min(width, 1.0)
                marks: list[Mark] = [Path((start, end), look, width=width, dash=dash)]
                unit = self.pass_.units.get((k - 1, j)) if self.pass_ else None
                tooltip = self._tooltip(w)
                if show == "backward" and unit and gradient(unit.sum) is not None:
                    source = unit.inputs.get(i)
                    flow = self._flow(unit.sum, w)
                    goal = 0.0 if source is not None and gradient(source) is not None else _beside(t, a, b, said)
                    arrow = _back(start, end, goal, 0.8 + 2.2 * (flow / widest_flow if isfinite(flow) else 1))
                    arrows.append(Item(arrow, self._backward_words(unit.sum, w, source)))
                tail, head = f"n{k - 1}-{i + 1}", f"n{k}-{j + 1}"
                lines.append(Edge(tuple(marks), tooltip, tail, head, labels=tuple(said), at=t))
                if said:
                    x, y = a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
                    labels.append(Label(tuple(_label(x, y, said)), tooltip))
        return lines + arrows, labels

    def _signed(self, w: Value, show: str) -> float:
        return float(self.changes[w][1] - self.changes[w][0] if show == "update" else w.data)

    def _strength(self, w: Value, show: str) -> float:
        return abs(self._signed(w, show))

    @staticmethod
    def _flow(total: Value, w: Value) -> float:
        g = gradient(total)
        return 0.0 if g is None else abs(float(g) * float(w.data))

    def _number(self, x: Any) -> str:
        return _strange(x) if isinstance(x, float) and not isfinite(x) else written_as(x, self.precision)

    def _said(self, p: Value, show: str) -> list[tuple[str, str]]:
        """Return what stands beside a parameter: its number, and the gradient below it; or before → after."""
        if show == "update":
            old, new = self.changes[p]
            return [(f"{self._number(old)} → {self._number(new)}", _direction(new - old)[0])]
        if show in ("forward", "backward") and p in self.changes:
            number = self._number(self.changes[p][0])  # the one that the pass was computed with
        else:
            number = self._number(p.data)
        said = [(number, "data")]
        if show == "backward":
            g = gradient(p)
            said.append(("–" if g is None else self._number(g), "grad"))
        return said

    def _tooltip(self, p: Value) -> str:
        words = f"{p.label or 'a weight'} = {written_as(p.data)}\ngrad = {show_grad(p, None)}"
        if p in self.changes:
            old, new = self.changes[p]
            words += f"\nupdate: {written_as(old)} → {written_as(new)}"
        return words

    @staticmethod
    def _backward_words(total: Value, w: Value, source: Value | None) -> str:
        g = written_as(gradient(total))
        x = "" if source is None else f"\n∂L/∂{w.label or 'w'} gets {g} × {written_as(source.data)}"
        return f"back along {w.label or 'the connection'}: {g} × {written_as(w.data)}{x}"

    def _nodes(self, show: str) -> list[Item]:
        items: list[Item] = []
        for i in range(self.sizes[0]):
            x, y = self._at(0, i)
            v = self.pass_.inputs.get(i) if self.pass_ else None
            name = self.names[0][i] if self.names[0] else f"x{i + 1}"
            numbers = [] if v is None else [(self._number(v.data), "data")]
            if v is not None and show == "backward" and gradient(v) is not None:
                numbers.append((self._number(gradient(v)), "grad"))
            inside = numbers or [(name, "ink")]
            width = max(34.0, *(text_width(text) + 12 for text, _ in inside))
            texts = _stack(x, y, inside, width - 8)
            marks: list[Mark] = [rounded(x, y, width, 30, stroke="faint", fill="ground"), *texts]
            if numbers:
                marks.append(Text(x - width / 2 - 5, y + 4, name, anchor="end", italic=True))
            items.append(Node(tuple(marks), f"input {name}", f"n0-{i + 1}", "input", x, y, name))
        for k, layer in enumerate(self.layers, 1):
            for j, neuron in enumerate(layer):
                items.append(self._unit(k, j, neuron, show))
        if self.pass_ and self.pass_.root is not None:
            items[:0] = self._loss(show)
        return items

    def _unit(self, k: int, j: int, neuron: Any, show: str) -> Node:
        x, y = self._at(k, j)
        unit = self.pass_.units.get((k - 1, j)) if self.pass_ else None
        activation = str(getattr(neuron, "activation", ""))
        tooltip = f"neuron {j + 1} of layer {k}"
        marks: list[Mark] = [Ellipse(x, y, _RADIUS, _RADIUS, "ink", "ground")]
        if unit:
            numbers = [(self._number(unit.out.data), "data")]
            total = written_as(unit.sum.data)
            tooltip += f"\nweighted sum = {total}\noutput = {activation}({total}) = {written_as(unit.out.data)}"
            if show == "backward":
                g = gradient(unit.out)
                numbers.append(("–" if g is None else self._number(g), "grad"))
                tooltip += f"\n∂L/∂output = {show_grad(unit.out, None)}\n∂L/∂sum = {show_grad(unit.sum, None)}"
            marks += _stack(x, y, numbers, 2 * _RADIUS - 7)
            beneath = f"{activation}({self._number(unit.sum.data)})" if unit.out is not unit.sum else "sum"
            marks += _label(x, y + _RADIUS + 7, [(beneath, "faint")])
        elif activation:
            marks.append(Text(x, y + 3.5, activation, "faint", fitting(activation, 2 * _RADIUS - 8, _SMALL)))
        if neuron.b is None:
            tooltip += "\nwithout a bias"
        else:
            tooltip += f"\n{self._tooltip(neuron.b)}"
            said = [("b ", "faint"), *self._said(neuron.b, show)]
            marks += _in_a_row(x, y - _RADIUS - 5, said)
        if k == len(self.layers) and self.names[1]:
            above = self.pass_ is not None and self.pass_.root is not None
            marks.append(Text(x + _RADIUS + 6, y + (-9 if above else 4), self.names[1][j], anchor="start", italic=True))
        return Node(tuple(marks), tooltip, f"n{k}-{j + 1}", "unit", x, y)

    def _loss(self, show: str) -> list[Item]:
        """Return the loss to the right of the outputs, where the backward pass starts."""
        assert self.pass_ is not None
        root, k = self.pass_.root, len(self.layers)
        assert root is not None
        x, y = (k + 0.75) * self.column, 0.0
        name = _short(root.label or "loss", 12)
        numbers = [(self._number(root.data), "data")]
        if show == "backward":
            numbers.append((self._number(root.grad), "grad"))
        width = max(44.0, *(text_width(text) + 14 for text, _ in numbers))
        items: list[Item] = []
        for j in range(self.sizes[-1]):
            a, b = self._at(k, j), (x - width / 2, y)
            start = shortened(a, b, _RADIUS)
            items.append(Edge((Path((start, b), "faint", width=1),), "", f"n{k}-{j + 1}", "loss"))
            if show == "backward":
                items.append(Item(_back(start, b, 0.0, 1.5), f"∂{name}/∂output {j + 1}"))
        texts: list[Mark] = list(_stack(x, y, numbers, width - 8))
        heading = Text(x, y - 21, name, italic=True)
        box = rectangle(x, y, width, 32, stroke="ink", fill="ground")
        return [*items, Node((box, *texts, heading), f"{name} = {written_as(root.data)}", "loss", "value", x, y, name)]

    # -------------------- layer by layer --------------------

    def blocks(self, show: str) -> list[Item]:
        """Return the picture with the heat map and the histogram of each layer's weights."""
        items: list[Item] = []
        x, finite_all = 0.0, True
        for k, layer in enumerate(self.layers, 1):
            numbers = [[self._quantity(w, show) for w in neuron.w] for neuron in layer]
            flat = [v for line in numbers for v in line]
            finite = [v for v in flat if isfinite(v)]
            largest = _largest(map(abs, finite))
            heading = f"layer {k} · {getattr(layer[0], 'activation', '')} · {self.sizes[k - 1]} → {self.sizes[k]}"
            cells, width, height, note = _heat_map(numbers, largest, x, 0.0)
            marks: list[Mark] = [*cells, Path(((x, 0), (x + width, 0), (x + width, height), (x, height)), closed=True)]
            marks.append(Text(x, -8, heading, anchor="start", bold=True))
            marks.append(Text(x, height + 13, f"from {self.sizes[k - 1]} units →", "faint", _SMALL, "start"))
            said = [note, f"{len(flat):,} {_QUANTITY[show]}"]
            if finite:
                mean = sum(finite) / len(finite)
                spread = sqrt(sum((v - mean) ** 2 for v in finite) / len(finite))
                said.append(f"mean {mean:.2g}, standard deviation {spread:.2g}")
                said.append(f"from {min(finite):.2g} to {max(finite):.2g}")
            if strange := len(flat) - len(finite):
                finite_all = False
                said.append(f"{strange:,} NaN or infinite")
            said += self._summary(k, show)
            for n, line in enumerate(filter(None, said)):
                marks.append(Text(x, height + 27 + 12 * n, line, "ink", _SMALL, "start"))
            bars = _histogram(finite, largest, x, height + 40 + 12 * len(said))
            items.append(Item((*marks, *bars), f"{heading}: " + ", ".join(filter(None, said))))
            x = max(x + width, bounds([*marks, *bars])[2]) + 34
        if self.legend:
            items += self._legend(items, _explain_blocks(show, finite_all))
        return items

    def _quantity(self, w: Value, show: str) -> float:
        if show == "backward":
            return float(gradient(w) or 0.0)
        return self._signed(w, show)

    def _summary(self, k: int, show: str) -> list[str]:
        """Return what a layer's outputs, or their gradients, are on the whole."""
        if not self.pass_ or show not in ("forward", "backward"):
            return []
        found = [u for (layer, _), u in self.pass_.units.items() if layer == k - 1]
        said, numbers = [], [float(u.out.data) for u in found]
        if numbers:
            said.append(f"outputs from {min(numbers):.2g} to {max(numbers):.2g}, {numbers.count(0)} of them 0")
        if show == "backward" and (back := [float(g) for u in found if (g := gradient(u.out)) is not None]):
            said.append(f"∂L/∂output from {min(back):.2g} to {max(back):.2g}")
        return said

    def _legend(self, items: Sequence[Item], entries: Sequence[tuple[Sequence[Mark], str]]) -> list[Item]:
        """Return the lines that say what is what, beneath everything else."""
        left, _, right, bottom = bounds(m for item in items for m in item.marks)
        width = max(right - left, 330.0)
        x, y = left, bottom + 24
        marks: list[Mark] = []
        for sign, words in entries:
            room = 34 + text_width(words, _SMALL) + 18
            if x > left and x + room > left + width:
                x, y = left, y + 16
            marks += Picture(0, 0, (Item(tuple(sign)),)).moved(x, y)[0].marks
            marks.append(Text(x + 34, y + 3, words, "faint", _SMALL, "start"))
            x += room
        return [Item((m,)) for m in marks]


_QUANTITY = {"weights": "weights", "forward": "weights", "backward": "gradients ∂L/∂w", "update": "changes of weights"}


def _explain(show: str, sketch: _Sketch) -> list[tuple[Sequence[Mark], str]]:
    """Return what the signs of a picture unit by unit mean."""

    def line(look: str, dash: str = "", width: float = 2.0) -> Path:
        return Path(((0, 0), (28, 0)), look, width=width, dash=dash)

    said: list[tuple[Sequence[Mark], str]] = []
    weights = [w for layer in sketch.layers for neuron in layer for w in neuron.w]
    if show == "update":
        widest = _largest(sketch._strength(w, show) for w in weights)
        said += [
            ([line("data")], f"moved up; the wider, the further (at most {sketch._number(widest)})"),
            ([line("negative", "dashed")], "moved down"),
            ([Text(14, 3, "w → w′", "data", _SMALL)], "before → after; b: the bias"),
        ]
    else:
        widest = _largest(abs(w.data) for w in weights)
        size = "" if show == "backward" else f", the wider the larger (at most {sketch._number(widest)})"
        said += [
            ([line("data")], f"weight above 0{size}"),
            ([line("negative", "dashed")], "weight below 0"),
        ]
    if any(not sketch._signed(w, show) for w in weights):
        said.append(([line("faint", "dotted", 1)], "unchanged" if show == "update" else "weight 0"))
    if any(not isfinite(w.data) for w in weights):
        said.append(([line("ink", "dotted", 2.5)], "not a finite number"))
    if show == "backward":
        said.append((_back((0, 0), (28, 0), 0.0, 1.5), "what flows back; the wider the larger"))
        said.append(([Text(14, -1, "0.5", "data", 8), Text(14, 8, "0.1", "grad", 8)], "number above, ∂L/∂number below"))
    if show in ("forward", "backward"):
        said.append(([Ellipse(14, 0, 8, 8, "ink")], "output; beneath it the weighted sum, before the activation"))
    if show != "update" and any(neuron.b is not None for layer in sketch.layers for neuron in layer):
        said.append(([Text(14, 3, "b", "faint", _SMALL)], "bias"))
    return said


def _explain_blocks(show: str, finite: bool) -> list[tuple[Sequence[Mark], str]]:
    def square(look: str, opacity: float = 1.0) -> Cells:
        return Cells(((8, -6, 12, 12),), look, opacity)

    what = {"backward": "∂L/∂w", "update": "change"}.get(show, "weight")
    return [
        ([square("data")], f"{what} above 0, the stronger the larger"),
        ([square("negative")], f"{what} below 0"),
        *([] if finite else [([square("ink")], "not a finite number")]),
        ([rectangle(14, 0, 12, 12, stroke="faint")], "a row for each unit; its columns are the units it listens to"),
    ]


# -------------------- parts --------------------


def _largest(numbers: Iterable[float]) -> float:
    return max((abs(x) for x in numbers if isfinite(x)), default=0.0) or 1.0


def _direction(x: Any) -> tuple[str, str]:
    """Return the colour and the dashes of a number above, below, or at zero, or of none."""
    if not isfinite(x):
        return "ink", "dotted"
    return ("data", "") if x > 0 else ("negative", "dashed") if x < 0 else ("faint", "dotted")


def _strange(x: float) -> str:
    return {"nan": "NaN", "inf": "∞", "-inf": "-∞"}[str(float(x))]


def shortened(a: tuple[float, float], b: tuple[float, float], by: float) -> tuple[float, float]:
    """Return the point on the way from `a` to `b` that is `by` away from `a`."""
    length = sqrt((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) or 1.0
    return a[0] + (b[0] - a[0]) * by / length, a[1] + (b[1] - a[1]) * by / length


def _back(start: tuple[float, float], end: tuple[float, float], goal: float, width: float) -> tuple[Mark, ...]:
    """Return an arrow beside a connection, from its end back to `goal`, the share of the way that remains."""
    goal = min(goal, 0.8)
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = sqrt(dx * dx + dy * dy) or 1.0
    ox, oy = -dy / length * 4.5, dx / length * 4.5
    near, far = goal + 4 / length, 1 - 3 / length
    tip = start[0] + near * dx + ox, start[1] + near * dy + oy
    tail = start[0] + far * dx + ox, start[1] + far * dy + oy
    shaft = shortened(tip, tail, 4.0)
    return Path((tail, shaft), "grad", width=width), arrowhead(tip, tail, "grad", 5.5 + width)


def _stack(x: float, y: float, lines: Sequence[tuple[str, str]], room: float) -> list[Text]:
    """Return one line of text in the middle of a shape, or two, the first above the second, as wide as fits."""
    offsets = (3.8,) if len(lines) == 1 else (-1.5, 10.5)
    sizes = [fitting(text, room, 10.5 if len(lines) > 1 else SIZE, bold=k == 0) for k, (text, _) in enumerate(lines)]
    return [
        Text(x, y + dy, text, look, size, bold=k == 0)
        for k, ((text, look), dy, size) in enumerate(zip(lines, offsets, sizes, strict=True))
    ]


def _in_a_row(x: float, y: float, parts: Sequence[tuple[str, str]]) -> list[Mark]:
    """Return pieces of text side by side, together in the middle over `x`."""
    widths = [text_width(text, _SMALL) + 4 for text, _ in parts]
    left = x - (sum(widths) - 4) / 2
    marks: list[Mark] = [rectangle(x, y - 3, sum(widths), 10, stroke="", fill="ground")]
    for (text, look), width in zip(parts, widths, strict=True):
        marks.append(Text(left, y, text, look, _SMALL, "start"))
        left += width
    return marks


def _label(x: float, y: float, lines: Sequence[tuple[str, str]]) -> list[Mark]:
    """Return text over a line, on a ground that keeps it readable."""
    width, height = max(text_width(text, _SMALL) for text, _ in lines) + 4, 10.5 * len(lines)
    marks: list[Mark] = [rectangle(x, y, width, height, stroke="", fill="ground")]
    for k, (text, look) in enumerate(lines):
        marks.append(Text(x, y - height / 2 + 8.4 + 10.5 * k, text, look, _SMALL))
    return marks


def _beside(t: float, a: tuple[float, float], b: tuple[float, float], lines: Sequence[tuple[str, str]]) -> float:
    """Return the share of the way from `a` to `b` where a line leaves the label that stands at `t`."""
    width = max((text_width(text, _SMALL) for text, _ in lines), default=0) / 2 + 7
    height = 5.5 * len(lines) + 8
    return t + min(width / (abs(b[0] - a[0]) or 1), height / (abs(b[1] - a[1]) or 1))


def label_places(
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]], texts: Sequence[Sequence[tuple[str, str]]]
) -> list[float]:
    """Return where along its line each label stands, so that it covers no other label and few other lines."""
    taken: list[tuple[float, float, float, float]] = []
    places = []
    shares = [0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8]
    for n, ((a, b), said) in enumerate(zip(lines, texts, strict=True)):
        if not said:
            places.append(0.5)
            continue
        half_width = max(text_width(text, _SMALL) for text, _ in said) / 2 + 3
        half_height = 5.5 * len(said) + 1
        best, least = 0.5, float("inf")
        for t in shares:
            x, y = a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
            if abs(x - a[0]) < half_width + 24 or abs(x - b[0]) < half_width + _RADIUS + 4:
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


def _heat_map(
    numbers: Sequence[Sequence[float]], largest: float, x: float, y: float
) -> tuple[list[Mark], float, float, str]:
    """Return a matrix as squares, in at most 48 rows and columns, with its size and a word about what was merged."""
    across, down = -(-len(numbers[0]) // _FINEST), -(-len(numbers) // _FINEST)
    rows = [numbers[r : r + down] for r in range(0, len(numbers), down)]
    columns = range(0, len(numbers[0]), across)
    side = max(3.0, min(10.0, 190 / max(len(columns), len(rows))))
    found: dict[tuple[str, float], list[tuple[float, float, float, float]]] = {}
    for r, lines in enumerate(rows):
        for c, start in enumerate(columns):
            group = [v for line in lines for v in line[start : start + across]]
            if all(map(isfinite, group)):
                value = max(group, key=abs)
                look, opacity = _direction(value)[0], -(-abs(value) / largest * 8 // 1) / 8
            else:
                look, opacity = "ink", 1.0
            if opacity:
                found.setdefault((look, opacity), []).append((x + c * side, y + r * side, side, side))
    cells: list[Mark] = [Cells(tuple(places), look, share) for (look, share), places in sorted(found.items())]
    note = f"a square for {down} × {across} weights, the largest of them" if across * down > 1 else ""
    return cells, len(columns) * side, len(rows) * side, note


def _histogram(numbers: Sequence[float], largest: float, x: float, y: float) -> list[Mark]:
    """Return how often numbers of each size occur, from -largest to largest in 21 bars."""
    bins, width, height = 21, 7.0, 46.0
    counts = [0] * bins
    for v in numbers:
        counts[min(int((v / largest + 1) / 2 * bins), bins - 1)] += 1
    most = max(counts) or 1
    marks: list[Mark] = []
    for look, chosen in (("negative", range(bins // 2)), ("faint", range(10, 11)), ("data", range(11, bins))):
        tops = {b: height * counts[b] / most for b in chosen}
        bars = [(x + b * width, y + height - top, width - 1, top) for b, top in tops.items()]
        if any(bar[3] for bar in bars):
            marks.append(Cells(tuple(bar for bar in bars if bar[3]), look))
    end = x + bins * width
    marks.append(Path(((x, y + height), (end, y + height)), "faint"))
    for at, text in ((x, f"{-largest:.2g}"), ((x + end) / 2, "0"), (end, f"{largest:.2g}")):
        marks.append(Text(at, y + height + 10, text, "faint", 8))
    return marks
