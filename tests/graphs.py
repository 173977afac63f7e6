"""Random graphs as programs that any implementation can run, and what each operation means according to mpmath."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
from hypothesis import strategies as st

import micrograd_like
from micrograd_like import Value
from micrograd_like.ops import OPERATIONS


def _dot(*xs: Any) -> Any:
    n = len(xs) // 2
    return mpmath.fdot(xs[:n], xs[n : 2 * n]) + mpmath.fsum(xs[2 * n :])


def _neuron(*xs: Any) -> Value:
    n = len(xs) // 2
    return micrograd_like.dot(xs[:n], xs[n : 2 * n], *xs[2 * n :])


# Name of the operation -> its definition, on mpmath's numbers; the arithmetic ones work on Fractions too.
MEANINGS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg,
    "positive": operator.pos,
    "power": operator.pow,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sqrt": mpmath.sqrt,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "leaky_relu": lambda x, slope: max(x, 0) + slope * min(x, 0),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "abs": operator.abs,
    "maximum": max,
    "minimum": min,
    "sum": lambda *xs: mpmath.fsum(xs),
    "logsumexp": lambda *xs: mpmath.log(mpmath.fsum(map(mpmath.exp, xs))),
    "dot": _dot,
}

# How a reader writes the operations on Values; the others are called by their name.
SPELLINGS: dict[str, Callable[..., Any]] = {
    **OPERATIONS,
    **{name: MEANINGS[name] for name in ("add", "subtract", "multiply", "divide", "negative", "positive", "power")},
    "abs": abs,
    "sum": lambda *xs: micrograd_like.sum(xs),
    "dot": _neuron,
}

SIGNS = ["positive", "negative"]
BY_ARITY = {
    1: ["exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu", "softplus", "abs", *SIGNS],
    2: ["add", "multiply", "subtract", "divide", "power", "maximum", "minimum", "leaky_relu"],
    3: ["sum", "dot", "logsumexp"],  # of any number
}
EXACT = ["add", "multiply", "subtract", "divide", "power", *SIGNS]  # these keep Fractions exact

# Where an operation is drawn: away from poles and kinks, where implementations may differ.
DOMAINS: dict[str, Callable[..., bool]] = {
    "divide": lambda x, y: abs(y) > 0.25,
    "power": lambda x, y: x > 0.25 and abs(y) < 4,
    "exp": lambda x: x < 3,
    "log": lambda x: x > 0.25,
    "sqrt": lambda x: x > 0.25,
    "maximum": lambda x, y: abs(x - y) > 0.01,
    "minimum": lambda x, y: abs(x - y) > 0.01,
    "dot": lambda *xs: len(xs) > 1,
    **dict.fromkeys(["relu", "abs"], lambda x: abs(x) > 0.01),
    "leaky_relu": lambda x, y: abs(x) > 0.01,
}


@dataclass(frozen=True)
class Program:
    """Leaves, then steps (operation, operands); an operand is the index of an earlier number, or a constant."""

    leaves: tuple[Any, ...]
    steps: tuple[tuple[str, tuple[Any, ...]], ...]

    def run(self, functions: Mapping[str, Callable[..., Any]], leaves: Sequence[Any]) -> list[Any]:
        """Return the leaves and the result of every step, computed by `functions`; the last one is the output."""
        results = list(leaves)
        for name, operands in self.steps:
            results.append(functions[name](*fill_in(operands, results)))
        return results

    def nodes(self) -> list[Value]:
        """Return the program as a graph of Values."""
        return self.run(SPELLINGS, [Value(x, f"x{i}") for i, x in enumerate(self.leaves)])


def fill_in(operands: Sequence[Any], results: Sequence[Any]) -> list[Any]:
    """Return the operands with results in place of indices."""
    return [results[x] if isinstance(x, int) else x for x in operands]


def is_inside(name: str, operands: Sequence[Any], numbers: Sequence[Any]) -> bool:
    """Tell whether the operation is drawn for these operands: inside its domain, with a result that is not large."""
    if name == "power" and not isinstance(operands[1], int) and operands[1] % 1 == 0:
        inside = abs(numbers[0]) > 0.25  # a whole constant exponent goes with a negative base
    else:
        inside = DOMAINS.get(name, lambda *_: True)(*numbers)
    return inside and abs(MEANINGS[name](*numbers)) < 20


@st.composite
def programs(draw: st.DrawFn, *, exact: bool = False, most_steps: int = 8) -> Program:
    """Draw a program over all operations, whose numbers share operands; if exact, one on Fractions."""
    if exact:
        number = st.fractions(-3, 3, max_denominator=12)
        constant = st.sampled_from([Fraction(n) for n in (2, 3, -1, 0)])
    else:
        number = st.floats(-3, 3)
        constant = st.sampled_from([2.0, 3.0, -1.0, 0.5])
    leaves = draw(st.lists(number, min_size=1, max_size=4))
    results, steps = list(leaves), []
    for _ in range(draw(st.integers(1, most_steps))):
        arity = draw(st.sampled_from([2, 1, 2] if exact else [2, 1, 3]))
        index = st.sampled_from(range(len(results))[::-1])  # shrinks towards a chain
        if arity < 3:
            operands = [draw(index), *(draw(index | constant) for _ in range(arity - 1))]
            if draw(st.booleans()):
                operands.reverse()
        else:
            operands = draw(st.lists(index, min_size=1, max_size=5))
        numbers = fill_in(operands, results)
        names = [x for x in BY_ARITY[arity] if not (exact and x not in EXACT) and is_inside(x, operands, numbers)]
        if exact and isinstance(operands[-1], int):
            names = [name for name in names if name != "power"]  # a fraction to a fraction is none
        if names:
            name = draw(st.sampled_from(names))
            steps.append((name, tuple(operands)))
            results.append(MEANINGS[name](*numbers) if exact else float(MEANINGS[name](*numbers)))
    return _needed(leaves, steps)


def _needed(leaves: Sequence[Any], steps: Sequence[tuple[str, tuple[Any, ...]]]) -> Program:
    """Return the program without the steps that its output does not depend on, as a recorded graph has none."""
    n, needed = len(leaves), {len(leaves) + len(steps) - 1}
    for i in range(len(steps) - 1, -1, -1):
        if n + i in needed:
            needed |= {x for x in steps[i][1] if isinstance(x, int)}
    kept = [i for i in range(len(steps)) if n + i in needed]
    place = {**{i: i for i in range(n)}, **{n + i: n + k for k, i in enumerate(kept)}}
    return Program(
        tuple(leaves),
        tuple((steps[i][0], tuple(place[x] if isinstance(x, int) else x for x in steps[i][1])) for i in kept),
    )


def differentiate(name: str, i: int, numbers: Sequence[Any]) -> Any:
    """Return the local derivative with respect to operand `i` as mpmath finds it: numerically, at its precision."""
    numbers = [mpmath.mpf(x) for x in numbers]
    return mpmath.diff(lambda x: MEANINGS[name](*numbers[:i], x, *numbers[i + 1 :]), numbers[i])
