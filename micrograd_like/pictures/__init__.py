"""Pictures of computation graphs and of networks, as SVG, PNG, DOT and text."""

from typing import Any

from ..engine import Value
from ..nn.modules import Module
from .drawing import Drawing
from .graph import draw_graph
from .network import draw_network
from .tree import text

__all__ = ["Drawing", "draw", "text"]


def draw(thing: Value | Module, **options: Any) -> Drawing:
    """Draw the computation graph under a Value, or the neurons and connections of a network.

    A notebook shows the drawing; `.save("graph.svg")` writes it; `.svg` and `.dot` are its source.

    Args:
        thing: a Value, an MLP, a Layer or a Neuron.
        options: for both, `precision`: how many decimals, and `limit`: how many nodes or connections at most. For a
            Value also `rankdir`: "LR" from left to right, "TB" downwards; `data`, `grad`, `local`: whether to show the
            numbers, the gradients, and the local derivatives on the edges; `detail`: "full" for every node, "neurons"
            to leave out the weights and biases of neurons, "auto" for "full" up to 200 nodes.

    Raises:
        TypeError: `thing` is something else.
        ValueError: the picture would be larger than `limit`, or an option has a value it cannot have.
    """
    if isinstance(thing, Value):
        return draw_graph(thing, **options)
    if isinstance(thing, Module):
        if unknown := [option for option in options if option not in ("precision", "limit")]:
            raise TypeError(f"the picture of a network has the options precision and limit, not {unknown[0]}")
        return draw_network(thing, **options)
    raise TypeError(f"draw() takes a Value or a network, not {thing!r}: write draw(loss) or draw(model)")
