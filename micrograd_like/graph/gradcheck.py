"""Check gradients: what the backward pass computes against what small moves of the inputs show."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Any

from ..engine import UNREACHED, Value, topological_order
from ..notation.numbers import show
from ..notation.table import table


def gradcheck(
    f: Callable[..., Any],
    inputs: Sequence[Any] | Mapping[str, Any],
    eps: float = 1e-6,
    rtol: float = 1e-4,
    atol: float = 1e-6,
) -> None:
    """Print each gradient of `f` as backward() computes it beside the central difference (f(x+h) - f(x-h)) / 2h.

    A sequence of numbers is handed to `f` as positional arguments, a dict as keyword arguments, each number as a new
    leaf. If `f` is a model, the inputs are one row, and the model's parameters are checked too. The step h is eps,
    times |x| where that is above 1; where `f` bends more sharply, or ends, it is smaller. At a kink, where the slopes
    to the left and to the right differ, there is no one gradient: that is said, and is not an error. No gradient
    outside is changed.

    Raises:
        AssertionError: an error is above atol + rtol * |gradient|; the text names the input that is furthest off.
        TypeError: an input is not a number, or `f` does not return one Value.
        ValueError: there are no inputs, a tolerance or eps is out of range, or an input or the result is not finite.
    """
    if isinstance(inputs, Real | Value):
        raise TypeError(f"inputs are a sequence or a dict of numbers, not {inputs!r}: write [{inputs}]")
    for name, x, least in ("eps", eps, 1e-12), ("rtol", rtol, 0), ("atol", atol, 0):
        if not least <= x < 1:
            raise ValueError(f"{name} must be from {least} to below 1, not {x}")
    by_name = isinstance(inputs, Mapping)
    given = dict(inputs) if isinstance(inputs, Mapping) else {f"x[{i}]": x for i, x in enumerate(inputs)}
    names, numbers = list(given), [_finite(x, name) for name, x in given.items()]
    parameters: list[Value] = list(f.parameters()) if hasattr(f, "parameters") else []
    if not numbers:
        raise ValueError("gradcheck needs at least one input")

    def call(numbers: Sequence[float]) -> tuple[Any, list[Value]]:
        leaves = [Value(x, name) for name, x in zip(names, numbers, strict=True)]
        if parameters:
            return f(leaves), leaves
        return (f(**dict(zip(names, leaves, strict=True))) if by_name else f(*leaves)), leaves

    out, leaves = call(numbers)
    if not isinstance(out, Value):
        raise TypeError(f"f must return one Value, not {out!r}")
    if not isfinite(out.data):
        raise ValueError(f"f is {out.data} at {', '.join(f'{v.label} = {v.data}' for v in leaves)}")
    if set(topological_order(out)).isdisjoint(leaves + parameters):
        warnings.warn("what f returns is not computed from its inputs by Values: nothing is checked", stacklevel=2)

    def nudged(i: int) -> Callable[[float], float]:
        """Return the result as a function of one input, or of one parameter, alone."""

        def result(x: float) -> float:
            if i < len(numbers):
                return float(call([*numbers[:i], x, *numbers[i + 1 :]])[0].data)
            p = parameters[i - len(numbers)]
            kept, p.data = p.data, x
            try:
                return float(call(numbers)[0].data)
            finally:
                p.data = kept

        return result

    rows, worst, excess = [("input", "analytic", "numeric", "error", "")], "", 0.0
    every = [*leaves, *parameters]
    for i, (v, a) in enumerate(zip(every, _gradients(out, every), strict=True)):
        name = v.label or f"parameter {i - len(numbers) + 1}"
        limit = atol + rtol * abs(a)
        numeric, said = _compare(nudged(i), float(v.data), a, limit, eps)
        error = 0.0 if said.startswith("a kink") else abs(a - numeric)
        rows.append((name, show(a, 7), show(numeric, 7), f"{error:.1e}", said))
        if error - limit > excess:
            excess, worst = (
                error - limit,
                f"{name!r} is {show(a, 7)} by backward(), but {show(numeric, 7)} by central differences",
            )
    print(table(rows, right=(1, 2, 3)))
    if worst:
        raise AssertionError(f"the gradient with respect to {worst}")


def _gradients(out: Value, leaves: list[Value]) -> list[float]:
    """Run backward() and return the leaves' gradients, with every gradient put back as it was."""
    nodes = list(dict.fromkeys([*topological_order(out), *leaves]))
    before = [v.grad for v in nodes]
    for v in nodes:
        v.grad = UNREACHED
    try:
        out.backward()
        return [float(v.grad) + 0.0 for v in leaves]  # -0.0 becomes 0.0
    finally:
        for v, grad in zip(nodes, before, strict=True):
            v.grad = grad


def _compare(f: Callable[[float], float], x: float, a: float, limit: float, eps: float) -> tuple[float, str]:
    """Return the central difference that is nearest to a gradient, and what there is to say about it."""
    found = []
    usual, small = eps * max(1.0, abs(x)), eps * (abs(x) or 1.0)
    for h in dict.fromkeys((usual, 1e-2 * usual, eps * math.sqrt(abs(x) or 1.0), small, 1e-4 * small, 1e-6 * small)):
        slopes = _slopes(f, x, h)
        if slopes:
            found.append((h, slopes))
            if abs(a - slopes[1]) <= limit:
                return slopes[1], ""
    if not found:
        raise ValueError(f"f is not defined on both sides of {x:g}: there is no central difference")
    h, (left, mean, right) = found[0]
    closer = _slopes(f, x, h / 10)
    if closer is None:
        return mean, "<- differs"
    # As h shrinks, the slopes to the left and to the right settle: at one number where f is smooth, at two at a kink.
    settled = max(abs(closer[0] - left), abs(closer[2] - right)) <= 0.2 * (abs(left) + abs(right)) + limit
    if not settled:
        raise ValueError(f"f cannot be checked at {x:g}: it jumps there, is random, or changes faster than eps shows")
    if abs(closer[2] - closer[0]) > 0.5 * abs(right - left) > limit:
        return mean, f"a kink: the slope is {show(left)} to the left and {show(right)} to the right"
    return mean, "<- differs"


def _slopes(f: Callable[[float], float], x: float, h: float) -> tuple[float, float, float] | None:
    """Return the slope to the left of x, the mean slope, and that to the right; None where f is not defined."""
    above, below = x + h, x - h
    try:
        left, here, right = f(below), f(x), f(above)
    except (ValueError, ArithmeticError):
        return None
    if not all(map(isfinite, (left, here, right))):
        return None
    return (here - left) / (x - below), (right - left) / (above - below), (right - here) / (above - x)


def _finite(x: Any, name: str) -> float:
    """Return an input as a float; the number of a Value, if it is one."""
    number = float(x.data if isinstance(x, Value) else Value(x).data)
    if not isfinite(number):
        raise ValueError(f"the input {name!r} is {number}: gradients are checked at finite numbers")
    return number
