"""Living pages: a graph or a network as one HTML file that works offline, and in a notebook."""

from typing import Any

from ..engine import Value
from ..nn.modules import MLP
from .document import Page

__all__ = ["Page", "page"]


def page(thing: Any, data: Any = None, **options: Any) -> Page:
    """Make a page of a graph, to step through and to change, or of a network that learns while one watches.

    A notebook shows the page; `.save("L.html")` writes it to a file that needs no network.

    Args:
        thing: a Value, the output of a graph; or an MLP of two inputs.
        data: none for a graph; for an MLP a Dataset of two features, which it learns.
        options: of a graph, `position`: how many steps of the backward pass are done when the page opens; `rankdir`:
            "LR" from left to right, "TB" downwards. Of a network, `loss` as in `train`, and the learning rate `lr` and
            `batch_size` with which the page opens.

    Raises:
        TypeError: `thing` is something else.
        ValueError: the graph or network cannot be computed on the page; the text says why.
        RuntimeError: laying out the graph takes too long.
    """
    if isinstance(thing, Value):
        if data is not None:
            raise TypeError("the page of a graph takes a Value alone: write page(loss)")
        from .graph import graph_page

        return graph_page(thing, **options)
    if isinstance(thing, MLP):
        from .network import network_page

        return network_page(thing, data, **options)
    raise TypeError(f"page() takes a Value or an MLP, not {thing!r}: write page(loss) or page(model, data)")
