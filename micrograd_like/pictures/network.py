"""A network as a picture: units in columns, connections with their weights, and what flows along them.

Forward, a unit shows its output, with the weighted sum beneath it and the bias above; backward, arrows in the colour of
gradients point the way that errors take. Beyond what can be read each layer is drawn as the heat map and the histogram
of its weights (`blocks`).
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple

from ..engine import Value
from ..escape import one_line
from ..nn.datasets import Dataset
from ..nn.modules import Module
from ..notation.names import NO_GRADIENT, show_grad
from ..notation.numbers import show as written_as
from .blocks import blocks
from .drawing import Drawing
from .lines import (
    RADIUS,
    SMALL,
    Point,
    back,
    beside,
    direction,
    in_a_row,
    label,
    largest,
    legend,
    places,
    shortened,
    stack,
    strange,
)
from .passes import Pass, find, gradient, layers_of, parameters_of, run
from .scene import (
    Circle,
    Edge,
    Item,
    Label,
    Mark,
    Node,
    Path,
    Text,
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


class Grid(NamedTuple):
    """Where units stand: each layer in a column, and its units in rows around the middle."""

    sizes: Sequence[int]
    column: float
    rows: Sequence[float]  # how far apart the units of each layer are

    def at(self, layer: int, unit: int) -> Point:
        """Return where a unit stands; layer 0 are the inputs."""
        return layer * self.column, (unit - (self.sizes[layer] - 1) / 2) * self.rows[layer]


def width_of(column: float, most: int) -> float:
    """Return the width of a column, wider where the numbers of many connections have to find room."""
    return column + 6 * max(0, most - 8)


def most_connections(sizes: Sequence[int]) -> int:
    """Return how many connections there are between two layers, at most."""
    return max(a * b for a, b in pairwise(sizes))


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
    most = most_connections(sizes)
    written = most <= WRITTEN if weights is None else weights
    column = width_of(210.0 if changes else 180.0, most) if written else 140.0
    grid = Grid(sizes, column, [84.0 if pass_ or changes else 60.0] * len(sizes))
    sketch = _Sketch(layers, grid, pass_, changes, names, written, legend, precision)
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
    of = [of] if isinstance(of, Value) else list(of)
    if of and all(isinstance(v, Value) and v.operands for v in of):
        with suppress(ValueError):  # a graph that goes on beneath the network
            return find(model, of, sample)
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
    grid: Grid
    pass_: Pass | None
    changes: dict[Value, tuple[Any, Any]]
    names: tuple[list[str], list[str]]
    written: bool
    legend: bool
    precision: int

    # -------------------- unit by unit --------------------

    def units(self, show: str) -> list[Item]:
        """Return the picture with a circle for each unit and a line for each connection."""
        items = self._captions(show) + self._connections(show) + self._nodes(show)
        if self.legend:
            items += legend(items, _explain(show, self))
        return items

    def _captions(self, show: str) -> list[Item]:
        y = min(self.grid.at(k, 0)[1] for k in range(len(self.grid.sizes))) - 54
        texts = [Text(0, y, "inputs", "faint")]
        for k, layer in enumerate(self.layers, 1):
            kinds = list(dict.fromkeys(str(getattr(neuron, "activation", "")) for neuron in layer))
            name = f"layer {k} · " if len(self.layers) > 1 else ""
            texts.append(Text(k * self.grid.column, y, name + ", ".join(filter(None, kinds)), "faint"))
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

    def _connections(self, show: str) -> list[Item]:
        weights = [w for layer in self.layers for neuron in layer for w in neuron.w]
        scale = largest(self._signed(w, show) for w in weights)
        flows = [
            self._flow(unit.sum, w)
            for (k, j), unit in (self.pass_.units.items() if self.pass_ else ())
            for w in self.layers[k][j].w
        ]
        widest_flow = largest(flows)
        lines: list[Item] = []
        arrows: list[Item] = []
        labels: list[Item] = []
        for k, layer in enumerate(self.layers, 1):
            into = [(w, i, j) for j, neuron in enumerate(layer) for i, w in enumerate(neuron.w)]
            ends = [(self.grid.at(k - 1, i), self.grid.at(k, j)) for _, i, j in into]
            texts = [self._beside(w, show) for w, _, _ in into]
            shares = places(ends, texts)
            for (a, b), (w, i, j), said, t in zip(ends, into, texts, shares, strict=True):
                start, end = shortened(a, b, 0 if k == 1 else RADIUS), shortened(b, a, RADIUS)
                look, dash = direction(self._signed(w, show))
                width = 0.5 + 3.0 * min(abs(self._signed(w, show)) / scale, 1) if isfinite(w.data) else 2.5
                if show == "backward":  # the weights stay in sight behind what flows back
                    width = min(width, 1.0)
                marks: list[Mark] = [Path((start, end), look, width=width, dash=dash)]
                unit = self.pass_.units.get((k - 1, j)) if self.pass_ else None
                tooltip = self._tooltip(w)
                if show == "backward" and unit and gradient(unit.sum) is not None:
                    source = unit.inputs.get(i)
                    flow = self._flow(unit.sum, w)
                    goal = 0.0 if source is not None and gradient(source) is not None else beside(t, a, b, said)
                    arrow = back(start, end, goal, 0.8 + 2.2 * (flow / widest_flow if isfinite(flow) else 1))
                    arrows.append(Item(arrow, self._backward_words(unit.sum, w, source)))
                tail, head = f"n{k - 1}-{i + 1}", f"n{k}-{j + 1}"
                lines.append(Edge(tuple(marks), tooltip, tail, head, labels=tuple(said), at=t))
                if said:
                    x, y = a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
                    labels.append(Label(tuple(label(x, y, said)), tooltip))
        return lines + arrows + labels

    def blocks(self, show: str) -> list[Item]:
        """Return the picture layer by layer."""

        def quantity(w: Value) -> float:
            return float(gradient(w) or 0.0) if show == "backward" else self._signed(w, show)

        return blocks(self.layers, self.pass_, show, quantity, explained=self.legend)

    def _signed(self, w: Value, show: str) -> float:
        return float(self.changes[w][1] - self.changes[w][0] if show == "update" else w.data)

    @staticmethod
    def _flow(total: Value, w: Value) -> float:
        g = gradient(total)
        return 0.0 if g is None else abs(float(g) * float(w.data))

    def _number(self, x: Any) -> str:
        return strange(x) if isinstance(x, float) and not isfinite(x) else written_as(x, self.precision)

    def _gradient(self, v: Value) -> tuple[str, str]:
        g = gradient(v)
        return NO_GRADIENT if g is None else self._number(g), "grad"

    def _beside(self, w: Value, show: str) -> list[tuple[str, str]]:
        """Return what stands on a connection."""
        if self.written:
            return self._said(w, show)
        return [] if isfinite(w.data) else [(strange(w.data), "ink")]

    def _said(self, p: Value, show: str) -> list[tuple[str, str]]:
        """Return what stands beside a parameter: its number, and the gradient below it; or before → after."""
        if show == "update":
            old, new = self.changes[p]
            return [(f"{self._number(old)} → {self._number(new)}", direction(new - old)[0])]
        of_the_pass = show in ("forward", "backward") and p in self.changes
        number = self._number(self.changes[p][0] if of_the_pass else p.data)
        return [(number, "data"), self._gradient(p)] if show == "backward" else [(number, "data")]

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
        for i in range(self.grid.sizes[0]):
            x, y = self.grid.at(0, i)
            v = self.pass_.inputs.get(i) if self.pass_ else None
            name = self.names[0][i] if self.names[0] else f"x{i + 1}"
            numbers = [] if v is None else [(self._number(v.data), "data")]
            if v is not None and show == "backward" and gradient(v) is not None:
                numbers.append(self._gradient(v))
            inside = numbers or [(name, "ink")]
            width = max(34.0, *(text_width(text) + 12 for text, _ in inside))
            texts = stack(x, y, inside, width - 8)
            marks: list[Mark] = [rounded(x, y, width, 30, stroke="faint", fill="ground"), *texts]
            if numbers:
                marks.append(Text(x - width / 2 - 5, y + 4, name, anchor="end", italic=True))
            items.append(Node(tuple(marks), f"input {name}", f"n0-{i + 1}", "input", x, y, name))
        for k, layer in enumerate(self.layers, 1):
            items += [self._unit(k, j, neuron, show) for j, neuron in enumerate(layer)]
        root = self.pass_.root if self.pass_ else None
        return items if root is None else [*self._loss(root, show), *items]

    def _unit(self, k: int, j: int, neuron: Any, show: str) -> Node:
        x, y = self.grid.at(k, j)
        unit = self.pass_.units.get((k - 1, j)) if self.pass_ else None
        activation = str(getattr(neuron, "activation", ""))
        tooltip = f"neuron {j + 1} of layer {k}"
        marks: list[Mark] = [Circle(x, y, RADIUS, "ink", "ground")]
        if unit:
            numbers = [(self._number(unit.out.data), "data")]
            total = written_as(unit.sum.data)
            tooltip += f"\nweighted sum = {total}\noutput = {activation}({total}) = {written_as(unit.out.data)}"
            if show == "backward":
                numbers.append(self._gradient(unit.out))
                tooltip += f"\n∂L/∂output = {show_grad(unit.out, None)}\n∂L/∂sum = {show_grad(unit.sum, None)}"
            marks += stack(x, y, numbers, 2 * RADIUS - 7)
            beneath = f"{activation}({self._number(unit.sum.data)})" if unit.out is not unit.sum else "sum"
            marks += label(x, y + RADIUS + 7, [(beneath, "faint")])
        elif activation:
            marks.append(Text(x, y + 3.5, activation, "faint", fitting(activation, 2 * RADIUS - 8, SMALL)))
        if neuron.b is None:
            tooltip += "\nwithout a bias"
        else:
            tooltip += f"\n{self._tooltip(neuron.b)}"
            said = [("b ", "faint"), *self._said(neuron.b, show)]
            marks += in_a_row(x, y - RADIUS - 5, said)
        if k == len(self.layers) and self.names[1]:
            above = self.pass_ is not None and self.pass_.root is not None
            marks.append(Text(x + RADIUS + 6, y + (-9 if above else 4), self.names[1][j], anchor="start", italic=True))
        return Node(tuple(marks), tooltip, f"n{k}-{j + 1}", "unit", x, y)

    def _loss(self, root: Value, show: str) -> list[Item]:
        """Return the loss to the right of the outputs, where the backward pass starts."""
        k = len(self.layers)
        x, y = (k + 0.75) * self.grid.column, 0.0
        name = _short(root.label or "loss", 12)
        numbers = [(self._number(root.data), "data")]
        if show == "backward":
            numbers.append((self._number(root.grad), "grad"))
        width = max(44.0, *(text_width(text) + 14 for text, _ in numbers))
        items: list[Item] = []
        for j in range(self.grid.sizes[-1]):
            a, b = self.grid.at(k, j), (x - width / 2, y)
            start = shortened(a, b, RADIUS)
            items.append(Edge((Path((start, b), "faint", width=1),), "", f"n{k}-{j + 1}", "loss"))
            if show == "backward":
                items.append(Item(back(start, b, 0.0, 1.5), f"∂{name}/∂output {j + 1}"))
        texts: list[Mark] = list(stack(x, y, numbers, width - 8))
        heading = Text(x, y - 21, name, italic=True)
        box = rectangle(x, y, width, 32, stroke="ink", fill="ground")
        return [*items, Node((box, *texts, heading), f"{name} = {written_as(root.data)}", "loss", "value", x, y, name)]


def _explain(show: str, sketch: _Sketch) -> list[tuple[Sequence[Mark], str]]:
    """Return what the signs of a picture unit by unit mean."""

    def line(look: str, dash: str = "", width: float = 2.0) -> Path:
        return Path(((0, 0), (28, 0)), look, width=width, dash=dash)

    said: list[tuple[Sequence[Mark], str]] = []
    weights = [w for layer in sketch.layers for neuron in layer for w in neuron.w]
    if show == "update":
        widest = largest(sketch._signed(w, show) for w in weights)
        said += [
            ([line("data")], f"moved up; the wider, the further (at most {sketch._number(widest)})"),
            ([line("negative", "dashed")], "moved down"),
            ([Text(14, 3, "w → w′", "data", SMALL)], "before → after; b: the bias"),
        ]
    else:
        widest = largest(w.data for w in weights)
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
        said.append((back((0, 0), (28, 0), 0.0, 1.5), "what flows back; the wider the larger"))
        said.append(([Text(14, -1, "0.5", "data", 8), Text(14, 8, "0.1", "grad", 8)], "number above, ∂L/∂number below"))
    if show in ("forward", "backward"):
        said.append(([Circle(14, 0, 8, "ink")], "output; beneath it the weighted sum, before the activation"))
    if show != "update" and any(neuron.b is not None for layer in sketch.layers for neuron in layer):
        said.append(([Text(14, 3, "b", "faint", SMALL)], "bias"))
    return said
