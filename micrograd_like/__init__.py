"""A scalar autograd engine for learning: record a graph, compute gradients, and see where each number comes from."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .engine import Value, dot, many_nodes, recompute, topological_order
from .engine import sum as sum  # left out of __all__: a star import should not replace Python's own
from .graph import copies as copies  # tells pickle and copy about Values
from .notation.names import label_values, named, parameter
from .ops import OPERATIONS, Operation

if TYPE_CHECKING:
    from .compiler import compile as compile
    from .graph.derivatives import grad as grad
    from .graph.derivatives import hessian as hessian
    from .graph.derivatives import jvp as jvp
    from .graph.gradcheck import gradcheck as gradcheck
    from .graph.sources import record_sources as record_sources
    from .graph.steps import backward_steps as backward_steps
    from .graph.steps import forward_steps as forward_steps
    from .nn import MLP as MLP
    from .nn import Layer as Layer
    from .nn import Module as Module
    from .nn import Neuron as Neuron
    from .notation.expressions import parse as parse
    from .pages import page as page
    from .pictures import draw as draw
    from .pictures import text as text
    from .stepping import debug as debug
    from .stepping import step as step
    from .stepping.recording import Recording as Recording
    from .teaching import explain as explain

__version__ = "0.1.0"

# Loaded when first asked for, so that `import micrograd_like` takes milliseconds: name -> module.
_LAZY = {
    "compile": "compiler",
    **dict.fromkeys(("grad", "hessian", "jvp"), "graph.derivatives"),
    "gradcheck": "graph.gradcheck",
    "record_sources": "graph.sources",
    **dict.fromkeys(("backward_steps", "forward_steps"), "graph.steps"),
    **dict.fromkeys(("MLP", "Layer", "Module", "Neuron"), "nn"),
    "parse": "notation.expressions",
    "page": "pages",
    **dict.fromkeys(("draw", "text"), "pictures"),
    **dict.fromkeys(("debug", "step"), "stepping"),
    "Recording": "stepping.recording",
    **dict.fromkeys(("load_ipython_extension", "unload_ipython_extension"), "stepping.ipython"),
    "explain": "teaching",
}
_FUNCTIONS = [name for name, row in OPERATIONS.items() if row.is_function]

__all__ = [
    "Operation",
    "Value",
    "dot",
    "label_values",
    "many_nodes",
    "named",
    "parameter",
    "recompute",
    "topological_order",
    *sorted(name for name in _LAZY if not name.endswith("extension")),
    *sorted(set(_FUNCTIONS) - {"abs", "dot", "sum"}),  # a star import should not replace Python's own
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    if name in OPERATIONS and OPERATIONS[name].is_function:  # tanh, log, …, and rows that were made elsewhere
        return OPERATIONS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_FUNCTIONS})
