"""Pictures of computation graphs and of networks, as SVG, PNG, PDF, LaTeX, DOT and text."""

from collections.abc import Callable, Collection
from inspect import signature
from typing import Any

from ..engine import Value
from ..nn.modules import Module
from .drawing import Drawing
from .graph import draw_graph
from .network import draw_network
from .tree import text

__all__ = ["Drawing", "draw", "text"]

_LOOK = ("theme", "transparent")


def draw(thing: Value | Module, of: Any = None, **options: Any) -> Drawing:
    """Draw the computation graph under a Value, or the units and connections of a network.

    A notebook shows the drawing; `.save("graph.svg")` writes it, also as .png, .pdf, .tex or .dot.

    Args:
        thing: a Value, an MLP, a Layer or a Neuron.
        of: for a network, what it computes: its inputs, a Dataset (its first sample, and its names), or a Value that
            it has computed, such as the loss after `loss.backward()`.
        options: for both, `precision`: how many decimals; `theme`: "light", "dark", "print", or "auto" for light or
            dark as the reader's system is; `transparent`: whether to leave the ground out.
            For a Value also `rankdir`: "LR" from left to right, "TB" downwards; `data`, `grad`, `local`: whether to
            show the numbers, the gradients, and the local derivatives on the edges; `depth`: "value" for every node,
            "neuron", "layer" or "sample" for a box for each of these, "auto" for the first that can be read;
            `around` and `radius`: only the nodes at most so many edges away from one; `blank`: names of nodes whose
            numbers are left to be filled in; `limit`: how many boxes at most.
            For a network `show`: "weights", "forward", "backward", "update", or "steps" for the last three one after
            the other; "auto" takes the last that is known. `before`: the parameters' numbers before an update, or `lr`:
            the learning rate of one to come. `sample`: which one, from 1, if the loss is of several. `inputs`,
            `outputs`: names. `weights`: whether numbers stand at the connections, which else depends on whether there
            are at most 16 between two layers. `legend`: whether there is one.

    Raises:
        TypeError: `thing` is something else, or there is no such option.
        ValueError: the picture would be larger than `limit`, or an option has a value it cannot have.
    """
    if isinstance(thing, Value):
        _check("graph", draw_graph, options)
        if of is not None:
            raise TypeError("the picture of a graph takes a Value alone: write draw(loss), or draw(model, loss)")
        return draw_graph(thing, **options)
    if isinstance(thing, Module):
        _check("network", draw_network, options)
        return draw_network(thing, of, **options)
    raise TypeError(f"draw() takes a Value or a network, not {thing!r}: write draw(loss) or draw(model)")


def _check(kind: str, drawer: Callable[..., Drawing], options: Collection[str]) -> None:
    known = [p.name for p in signature(drawer).parameters.values() if p.kind is p.KEYWORD_ONLY] + list(_LOOK)
    if unknown := [option for option in options if option not in known]:
        raise TypeError(f"the picture of a {kind} has the options {', '.join(known)}, not {unknown[0]}")
