"""Initialisation: how the weights of a layer are drawn before training.

Each initialiser draws one weight for a layer of `fan_out` neurons with `fan_in` inputs each; biases do not count, and
start at 0. For another gain or mode hand over a function, as in `MLP(2, [8, 1], init=partial(he_normal, gain=1.0))`.
"""

import math
from collections.abc import Callable
from random import Random
from typing import TypeAlias

Initializer: TypeAlias = Callable[[int, int, Random], float]


def xavier_uniform(fan_in: int, fan_out: int, rng: Random, gain: float = 1.0) -> float:
    """Draw from U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out)).

    The variance is a compromise between signals of one size in the forward pass and in the backward pass. X. Glorot and
    Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010), equation 16.
    """
    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound)


def xavier_normal(fan_in: int, fan_out: int, rng: Random, gain: float = 1.0) -> float:
    """Draw from the normal distribution of mean 0 and standard deviation gain * sqrt(2 / (fan_in + fan_out))."""
    return rng.gauss(0.0, gain * math.sqrt(2 / (fan_in + fan_out)))


def he_uniform(fan_in: int, fan_out: int, rng: Random, gain: float = math.sqrt(2), mode: str = "fan_in") -> float:
    """Draw from U(-a, a) with a = gain * sqrt(3 / fan); `mode` says which fan, as in `he_normal`."""
    bound = gain * math.sqrt(3 / _fan(fan_in, fan_out, mode))
    return rng.uniform(-bound, bound)


def he_normal(fan_in: int, fan_out: int, rng: Random, gain: float = math.sqrt(2), mode: str = "fan_in") -> float:
    """Draw from the normal distribution of mean 0 and standard deviation gain / sqrt(fan), so of variance 2 / fan_in.

    K. He et al., "Delving deep into rectifiers" (2015), equations 10 and 14.

    Args:
        fan_in: how many inputs each neuron of the layer has.
        fan_out: how many neurons the layer has.
        rng: where the randomness comes from.
        gain: sqrt(2) in front of a relu; `gain()` has the others.
        mode: "fan_in" keeps the size of the signals in the forward pass, "fan_out" in the backward pass.

    Raises:
        ValueError: an unknown mode.
    """
    return rng.gauss(0.0, gain / math.sqrt(_fan(fan_in, fan_out, mode)))


def uniform(fan_in: int, fan_out: int, rng: Random) -> float:
    """Draw from U(-1, 1) whatever the layer's size, as micrograd does: signals grow from layer to layer."""
    return rng.uniform(-1.0, 1.0)


def zeros(fan_in: int, fan_out: int, rng: Random) -> float:
    """Return 0.0: the neurons of a layer stay equal for ever, for they get equal gradients."""
    return 0.0


glorot_uniform, glorot_normal = xavier_uniform, xavier_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal

INITIALIZERS: dict[str, Initializer] = {
    **{f.__name__: f for f in (xavier_uniform, xavier_normal, he_uniform, he_normal, uniform, zeros)},
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "kaiming_uniform": kaiming_uniform,
    "kaiming_normal": kaiming_normal,
}


def initializer(init: str | Initializer | None, activation: str) -> Initializer:
    """Return the initialiser of this name, or the one that suits the activation if it is None.

    That is He normal in front of a relu and its like, and Xavier uniform in front of the others.

    Raises:
        ValueError: an unknown name.
    """
    if init is None:
        return he_normal if activation in ("relu", "leaky_relu", "softplus") else xavier_uniform
    if isinstance(init, str) and init in INITIALIZERS:
        return INITIALIZERS[init]
    if not callable(init):
        names = ", ".join(INITIALIZERS)
        raise ValueError(f"unknown init {init!r}; choose from {names}, or pass a function of (fan_in, fan_out, rng)")
    return init


def gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much weights in front of a nonlinearity are to be larger, as PyTorch's `calculate_gain` does.

    Args:
        nonlinearity: "linear", "sigmoid", "tanh", "relu" or "leaky_relu".
        param: the slope of leaky_relu, 0.01 if it is left out.

    Raises:
        ValueError: another nonlinearity, or a `param` for one that takes none.
    """
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2)}
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in gains:
        raise ValueError(f"unknown nonlinearity {nonlinearity!r}; choose from {', '.join(gains)}, leaky_relu")
    if param is not None:
        raise ValueError(f"{nonlinearity} takes no param; only leaky_relu does, its slope")
    return gains[nonlinearity]


def _fan(fan_in: int, fan_out: int, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"unknown mode {mode!r}; choose from fan_in, fan_out")
    return fan_in if mode == "fan_in" else fan_out
