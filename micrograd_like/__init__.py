"""A scalar autograd engine for learning: record a graph, compute gradients, and see where each number comes from."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .engine import Value, dot, topological_order
from .engine import sum as sum  # left out of __all__: a star import should not replace Python's own
from .graph import copies as copies  # tells pickle and copy about Values
from .notation.names import label_values, named
from .ops import cos, exp, leaky_relu, log, logsumexp, maximum, minimum, relu, sigmoid, sin, softplus, sqrt, tanh

if TYPE_CHECKING:
    from .compiler import compile as compile
    from .graph.derivatives import grad as grad
    from .graph.derivatives import hessian as hessian
    from .graph.derivatives import jvp as jvp
    from .graph.gradcheck import gradcheck as gradcheck
    from .nn.modules import MLP as MLP
    from .nn.modules import Layer as Layer
    from .nn.modules import Module as Module
    from .nn.modules import Neuron as Neuron
    from .notation.expressions import parse as parse
    from .pictures import draw as draw
    from .pictures import text as text
    from .stepping import debug as debug
    from .stepping import step as step
    from .teaching import explain as explain

__version__ = "0.1.0"

# Loaded when first asked for, so that `import micrograd_like` takes milliseconds: name -> module.
_LAZY = {
    **dict.fromkeys(("MLP", "Layer", "Module", "Neuron"), "nn"),
    **dict.fromkeys(("draw", "text"), "pictures"),
    **dict.fromkeys(("debug", "step"), "stepping"),
    "compile": "compiler",
    "explain": "teaching",
    **dict.fromkeys(("grad", "hessian", "jvp"), "graph.derivatives"),
    **dict.fromkeys(("load_ipython_extension", "unload_ipython_extension"), "stepping.ipython"),
    "gradcheck": "graph.gradcheck",
    "parse": "notation.expressions",
}

__all__ = [
    "MLP",
    "Layer",
    "Module",
    "Neuron",
    "Value",
    "cos",
    "debug",
    "dot",
    "draw",
    "exp",
    "explain",
    "grad",
    "gradcheck",
    "hessian",
    "jvp",
    "label_values",
    "leaky_relu",
    "log",
    "logsumexp",
    "maximum",
    "minimum",
    "named",
    "parse",
    "relu",
    "sigmoid",
    "sin",
    "softplus",
    "sqrt",
    "step",
    "tanh",
    "text",
    "topological_order",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
