"""Check gradients: what the backward pass computes against what small steps of the inputs show."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Any

from ..engine import Value, topological_order


def gradcheck(
    f: Callable[..., Value],
    inputs: Sequence[Any] | Mapping[str, Any],
    eps: float = 1e-6,
    rtol: float = 1e-4,
    atol: float = 1e-6,
) -> None:
    """Print each gradient of `f` as backward() computes it beside the central difference (f(x+h) - f(x-h)) / 2h.

    A sequence of numbers is handed to `f` as positional arguments, a dict as keyword arguments, each number as a new
    leaf. The step h is eps, times |x| where that is above 1. No gradient outside is changed.

    Raises:
        AssertionError: an error is above atol + rtol * |gradient|; the text names the input that is furthest off.
        TypeError: an input is not a number, or `f` returns no Value.
        ValueError: there are no inputs, eps is not above 0, or an input or the result is not finite.
    """
    if isinstance(inputs, Real | Value):
        raise TypeError(f"inputs are a sequence or a dict of numbers, not {inputs!r}: write [{inputs}]")
    by_name = isinstance(inputs, Mapping)
    given = dict(inputs) if isinstance(inputs, Mapping) else {f"x[{i}]": x for i, x in enumerate(inputs)}
    names, numbers = list(given), [_finite(x, name) for name, x in given.items()]
    if not numbers:
        raise ValueError("gradcheck needs at least one input")
    if not eps > 0:
        raise ValueError(f"eps is the size of a step and must be above 0, not {eps}")

    def call(numbers: list[float]) -> tuple[Value, list[Value]]:
        leaves = [Value(x, name) for name, x in zip(names, numbers, strict=True)]
        out = f(**dict(zip(names, leaves, strict=True))) if by_name else f(*leaves)
        if not isinstance(out, Value):
            raise TypeError(f"f must return one Value, not {out!r}")
        if not isfinite(out.data):
            raise ValueError(f"f is {out.data} at {', '.join(f'{v.label} = {v.data}' for v in leaves)}")
        return out, leaves

    def difference(i: int) -> float:
        h = eps * max(1.0, abs(numbers[i]))
        above, below = numbers[i] + h, numbers[i] - h
        ends = [call([*numbers[:i], x, *numbers[i + 1 :]])[0].data for x in (above, below)]
        return float((ends[0] - ends[1]) / (above - below))

    analytic = _gradients(*call(numbers))
    numeric = [difference(i) for i in range(len(numbers))]
    errors = [abs(a - n) for a, n in zip(analytic, numeric, strict=True)]
    allowed = [atol + rtol * abs(a) for a in analytic]

    width = max(len("input"), *map(len, names))
    print(f"{'input':{width}}  {'analytic':>14}  {'numeric':>14}  {'error':>8}")
    for name, a, n, error, limit in zip(names, analytic, numeric, errors, allowed, strict=True):
        print(f"{name:{width}}  {a:14.7g}  {n:14.7g}  {error:8.1e}" + ("" if error <= limit else "  <- differs"))

    worst = max(range(len(names)), key=lambda i: errors[i] - allowed[i])
    if errors[worst] > allowed[worst]:
        raise AssertionError(
            f"the gradient with respect to {names[worst]!r} is {analytic[worst]:.7g} by backward(), "
            f"but {numeric[worst]:.7g} by central differences"
        )


def _finite(x: Any, name: str) -> float:
    """Return an input as a float; the number of a Value, if it is one."""
    number = float(x.data if isinstance(x, Value) else Value(x).data)
    if not isfinite(number):
        raise ValueError(f"the input {name!r} is {number}: gradients are checked at finite numbers")
    return number


def _gradients(out: Value, leaves: list[Value]) -> list[float]:
    """Run backward() and return the leaves' gradients, with every other gradient put back as it was."""
    order = topological_order(out)
    before = [v.grad for v in order]
    out.backward()
    gradients = [float(v.grad) for v in leaves]
    for v, grad in zip(order, before, strict=True):
        v.grad = grad
    return gradients
