"""A scalar autograd engine for learning."""

from importlib import import_module
from typing import Any

from .engine import Value, dot, label_values, named, sum, topological_order
from .ops import cos, exp, leaky_relu, log, logsumexp, maximum, minimum, relu, sigmoid, sin, softplus, sqrt, tanh

__version__ = "0.1.0"

# Loaded when first asked for, so that `import micrograd_like` stays quick: name -> module.
_LAZY = {
    "gradcheck": "numeric",
    "Module": "nn",
    "Neuron": "nn",
    "Layer": "nn",
    "MLP": "nn",
}

__all__ = [
    "Value",
    "cos",
    "dot",
    "exp",
    "label_values",
    "leaky_relu",
    "log",
    "logsumexp",
    "maximum",
    "minimum",
    "named",
    "relu",
    "sigmoid",
    "sin",
    "softplus",
    "sqrt",
    "sum",
    "tanh",
    "topological_order",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
