"""Optimisers: how a step changes the parameters, given their gradients.

`step()` takes effect as a whole or not at all: if it raises, or Ctrl-C comes in the middle, parameters and optimiser
are as before. A parameter that backward() has not reached stays as it is, as in PyTorch. An optimiser holds the Values
it was given: after replacing any of them, make a new one. `lr` and its other settings may be changed between steps.
"""

import math
from collections.abc import Callable, Iterable
from numbers import Rational, Real
from typing import Any

from ..checks import describe
from ..engine import UNREACHED, Value, is_unreached

_RANGES: dict[str, Callable[[float], bool]] = {
    "above 0": lambda x: 0 < x < math.inf,
    "0 or more": lambda x: 0 <= x < math.inf,
    "from 0 to below 1": lambda x: 0 <= x < 1,
}
_SETTINGS = {
    "lr": "above 0",
    "eps": "above 0",
    "weight_decay": "0 or more",
    "momentum": "from 0 to below 1",
    "betas": "from 0 to below 1",
}


class Optimizer:
    """What optimisers share: the parameters, the state of each, and the step."""

    parameters: list[Value]
    state: list[Any]  # of each parameter, what the optimiser remembers from step to step
    lr: Any
    weight_decay: Any

    def __init__(self, parameters: Iterable[Value], lr: float, weight_decay: float, start: Any) -> None:
        """Hold the parameters, and `start` as the state of each.

        Raises:
            ValueError: there are no parameters, one is listed twice or is not a leaf, or a setting is out of range.
            TypeError: a parameter is not a Value, or a setting is not a number.
        """
        if not isinstance(parameters, Iterable):
            raise TypeError(f"an optimiser takes a list of parameters, such as model.parameters(), not {parameters!r}")
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("there are no parameters to change")
        seen = set()
        for p in self.parameters:
            if not isinstance(p, Value):
                raise TypeError(f"a parameter is a Value, not {p!r}")
            if p.operands:
                raise ValueError(f"{describe(p)} is the result of an operation: only leaves can be changed")
            if p in seen:
                raise ValueError(f"{describe(p)} is listed twice: it would be changed twice in a step")
            seen.add(p)
        self.lr, self.weight_decay = lr, weight_decay
        self.state = [start] * len(self.parameters)

    def __setattr__(self, name: str, x: Any) -> None:
        if wanted := _SETTINGS.get(name):
            several = name == "betas"
            x = tuple(_setting("each of the betas", y, wanted) for y in x) if several else _setting(name, x, wanted)
        super().__setattr__(name, x)

    def update(self, x: Any, gradient: Any, state: Any) -> tuple[Any, Any]:
        """Return a parameter's new number and new state."""
        raise NotImplementedError

    def step(self) -> None:
        """Change every parameter once.

        Raises:
            OverflowError: a parameter would become infinite or NaN.
        """
        data, state = [x if type(x := p.data) is float else _plain(x) for p in self.parameters], self.state
        new_data, new_state = data.copy(), state.copy()
        update = self.update
        for i, p in enumerate(self.parameters):
            grad = p.grad
            if is_unreached(grad):
                continue
            x, new_state[i] = update(data[i], grad if type(grad) is float else _plain(grad), state[i])
            if x - x:  # not 0: infinite or NaN
                raise OverflowError(f"the step would change {describe(p)} to {x}: try a smaller lr than {self.lr}")
            new_data[i] = x
        try:
            self.state = new_state
            for p, x in zip(self.parameters, new_data, strict=True):
                p.data = x
        except BaseException:
            self.state = state
            for p, x in zip(self.parameters, data, strict=True):
                p.data = x
            raise

    def zero_grad(self) -> None:
        """Reset the gradients of the parameters."""
        for p in self.parameters:
            p.grad = UNREACHED


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked for; the formulas are those of PyTorch's SGD.

    g = gradient + weight_decay*x; velocity = momentum*velocity + g; x = x - lr*velocity.
    """

    momentum: Any

    def __init__(
        self, parameters: Iterable[Value], lr: float, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        """Hold the parameters and the settings: lr above 0, momentum from 0 and below 1, weight_decay from 0."""
        super().__init__(parameters, lr, weight_decay, start=0)
        self.momentum = momentum

    def update(self, x: Any, gradient: Any, state: Any) -> tuple[Any, Any]:
        """Return a parameter's new number and its velocity."""
        velocity = gradient + self.weight_decay * x if self.weight_decay else gradient
        if self.momentum:
            velocity += self.momentum * state
        return x - self.lr * velocity, velocity


class Adam(Optimizer):
    """Adam: steps of about lr in size, whatever the size of the gradients.

    g = gradient + weight_decay*x; m = β1*m + (1 - β1)*g; v = β2*v + (1 - β2)*g²;
    x = x - lr * (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + eps) in step t = 1, 2, …
    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1; weight decay is PyTorch's.
    """

    betas: tuple[Any, Any]
    eps: Any

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """Hold the parameters and the settings: lr and eps above 0, betas from 0 and below 1, weight_decay from 0."""
        super().__init__(parameters, lr, weight_decay, start=(0.0, 0.0, 0))
        self.betas, self.eps = betas, eps

    def update(self, x: Any, gradient: Any, state: Any) -> tuple[Any, Any]:
        """Return a parameter's new number and (m, v, t)."""
        (beta1, beta2), (m, v, t) = self.betas, state
        g = gradient + self.weight_decay * x
        t += 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        step = m / (1 - beta1**t) / (math.sqrt(v / (1 - beta2**t)) + self.eps)
        return x - self.lr * step, (m, v, t)


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam}


def _setting(name: str, x: Any, wanted: str) -> Any:
    if not isinstance(x, Real) or isinstance(x, bool):
        raise TypeError(f"{name} must be a number, not {x!r}")
    if not _RANGES[wanted](x):  # type: ignore[arg-type]
        raise ValueError(f"{name} must be {wanted}, not {x}")
    return _plain(x)


def _plain(x: Any) -> Any:
    """Return a number as Python's own: what it is multiplied with would otherwise be rounded to NumPy's float32."""
    return x if isinstance(x, Rational) and not hasattr(x, "dtype") else float(x)
