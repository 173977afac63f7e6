"""A network as DOT: a circle for each neuron, a line for each connection, as wide as its weight is large.

Solid blue lines are positive weights, dashed orange ones negative; the number in a neuron is its bias. Every line and
circle has a tooltip with the parameter's name, data and gradient.
"""

import graphviz

from ..engine import Value
from ..nn.modules import MLP, Layer, Module, Neuron
from ..notation.names import show_grad
from ..notation.numbers import show
from .drawing import Drawing
from .render import DATA, FAINT, GRAD, GROUND, INK, escape

LARGEST = 5_000  # connections; there the lines have long become one surface

_COLUMN, _ROW, _DIAMETER = 150, 48, 36  # points

_GRAPH = {"layout": "nop2", "splines": "line", "bgcolor": GROUND, "pad": "0.15", "outputorder": "edgesfirst"}
_NODE = {
    "shape": "circle",
    "fixedsize": "true",
    "width": f"{_DIAMETER / 72}",
    "style": "filled",
    "fillcolor": GROUND,
    "color": FAINT,
    "fontcolor": INK,
    "fontname": "Helvetica",
    "fontsize": "10",
}


def draw_network(model: Module, *, precision: int = 2, limit: int = LARGEST) -> Drawing:
    """Draw the neurons and connections of a model; `draw` describes the arguments and the errors."""
    layers = _layers(model)
    connections = sum(len(neuron.w) for neurons in layers for neuron in neurons)
    if connections > limit:
        raise ValueError(
            f"the picture would have {connections:,} connections, over its limit of {limit:,}: "
            "draw one layer (draw(model.layers[0])), or raise limit="
        )
    largest = max((abs(w.data) for neurons in layers for neuron in neurons for w in neuron.w), default=0) or 1
    sizes = [len(layers[0][0].w), *map(len, layers)]

    source = graphviz.Digraph(graph_attr=_GRAPH, node_attr=_NODE, edge_attr={"arrowhead": "none"})
    rows = []

    def place(column: int, row: int) -> str:
        return f"{column * _COLUMN},{(sizes[column] - 1) * _ROW / 2 - row * _ROW:g}"

    def caption(column: int, written: str) -> None:
        at = {"pos": f"{column * _COLUMN},{(max(sizes) + 0.5) * _ROW / 2:g}", "shape": "plain", "fixedsize": "false"}
        source.node(f"caption{column}", written, fontcolor=FAINT, **at)

    caption(0, "inputs")
    for i in range(sizes[0]):
        box = {"shape": "box", "style": "rounded,filled", "height": "0.35"}
        source.node(f"n0_{i}", f"x{i + 1}", pos=place(0, i), tooltip=f"input {i + 1}", **box)
    for k, neurons in enumerate(layers, 1):
        caption(k, f"layer {k}\\n{neurons[0].activation}" if len(layers) > 1 else neurons[0].activation)
        for j, neuron in enumerate(neurons):
            shown, tooltip = "", f"neuron {j + 1} of layer {k}, without a bias"
            if neuron.b is not None:
                shown, tooltip = show(neuron.b.data, precision), _words(neuron.b)
                rows.append(_row(neuron.b))
            source.node(f"n{k}_{j}", shown, pos=place(k, j), tooltip=tooltip)
            for i, w in enumerate(neuron.w):
                source.edge(
                    f"n{k - 1}_{i}",
                    f"n{k}_{j}",
                    color=DATA if w.data >= 0 else GRAD,
                    style="solid" if w.data >= 0 else "dashed",
                    penwidth=f"{0.3 + 3.7 * abs(w.data) / largest:.2f}",
                    tooltip=_words(w),
                )
                rows.append(_row(w))
    title = f"Network of {' → '.join(map(str, sizes))} units with {len(rows)} parameters"
    return Drawing(source.source, title, repr(model), ("parameter", "data", "grad"), rows)


def _layers(model: Module) -> list[list[Neuron]]:
    if isinstance(model, MLP):
        return [list(layer.neurons) for layer in model.layers]
    if isinstance(model, Layer):
        return [list(model.neurons)]
    if isinstance(model, Neuron):
        return [[model]]
    raise TypeError(f"draw() knows a Neuron, a Layer and an MLP, not a {type(model).__name__}: draw its parts")


def _row(p: Value) -> tuple[str, str, str]:
    return p.label, show(p.data), show_grad(p, None)


def _words(p: Value) -> str:
    name, data, grad = _row(p)
    return escape(f"{name} = {data}\ngrad = {grad}")
