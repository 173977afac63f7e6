"""How Values and networks show themselves in IPython and in notebooks, where a display must not fail."""

import sys
from typing import Any

from ..engine import Value
from ..nn.modules import Module
from . import draw, text

LARGEST_DRAWN = 1_000  # nodes: a picture of more takes longer than one waits for what one did not ask for
MOST_PARAMETERS = 100_000
LARGEST_WRITTEN = 40  # nodes whose tree is shown in a terminal


def bundle(thing: Value | Module) -> dict[str, str]:
    """Return the picture for a notebook; nothing, so that its text is taken, if it has none that can be drawn."""
    drawable = (
        _is_graph(thing, LARGEST_DRAWN) if isinstance(thing, Value) else len(thing.parameters()) <= MOST_PARAMETERS
    )
    if not drawable or in_terminal():
        return {}
    try:
        return draw(thing)._repr_mimebundle_()
    except (OSError, RuntimeError, ValueError):  # too large for it
        return {}


def pretty(v: Value, printer: Any) -> None:
    """Print a small graph as a tree with IPython's pretty-printer; others, and one within a list, as their repr."""
    alone = len(printer.stack) == 1
    printer.text(text(v) if alone and _is_graph(v, LARGEST_WRITTEN) else repr(v))


def in_terminal() -> bool:
    """Tell whether this is IPython in a terminal, which shows text only."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and not hasattr(shell, "kernel")


def _is_graph(v: Value, largest: int) -> bool:
    """Tell whether there is something under `v`, and no more than `largest` nodes; looks at no more than that."""
    seen, stack = {v}, [v]
    while stack and len(seen) <= largest:
        new = [x for x in stack.pop().operands if x not in seen]
        seen.update(new)
        stack += new
    return 1 < len(seen) <= largest
