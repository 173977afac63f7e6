"""Pictures of computation graphs and of networks, as SVG, PNG, PDF, LaTeX, DOT and text."""

from typing import Any

from ..engine import Value
from ..nn.modules import Module
from .drawing import Drawing
from .network import draw_network
from .tree import text

__all__ = ["Drawing", "draw", "text"]


def draw(thing: Value | Module, of: Any = None, **options: Any) -> Drawing:
    if isinstance(thing, Value):
        from .graph import draw_graph
        return draw_graph(thing, **options)
    if isinstance(thing, Module):
        return draw_network(thing, of, **options)
    raise TypeError(f"draw() takes a Value or a network, not {thing!r}: write draw(loss) or draw(model)")
