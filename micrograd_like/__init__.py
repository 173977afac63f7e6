"""A scalar autograd engine for learning: record a graph, compute gradients, and see where each number comes from."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import pickling as pickling  # tells pickle and copy about Values
from .engine import Value, dot, topological_order
from .engine import sum as sum  # left out of __all__: a star import should not replace Python's own
from .naming import label_values, named
from .ops import cos, exp, leaky_relu, log, logsumexp, maximum, minimum, relu, sigmoid, sin, softplus, sqrt, tanh

if TYPE_CHECKING:
    from .compiler import compile as compile
    from .derivatives import grad as grad
    from .derivatives import hessian as hessian
    from .derivatives import jvp as jvp
    from .expression import parse as parse
    from .nn import MLP as MLP
    from .nn import Layer as Layer
    from .nn import Module as Module
    from .nn import Neuron as Neuron
    from .numeric import gradcheck as gradcheck
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
    **dict.fromkeys(("grad", "hessian", "jvp"), "derivatives"),
    **dict.fromkeys(("load_ipython_extension", "unload_ipython_extension"), "stepping.ipython"),
    "gradcheck": "numeric",
    "parse": "expression",
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
