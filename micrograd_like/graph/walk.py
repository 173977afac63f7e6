"""The backward pass as one walk: from the output down, and at each node what it contributes to its operands.

Steps, derivatives, mistakes and programs are this walk, each with its own meaning of a contribution: a number, a Value,
what a wrong rule makes of it, an instruction. `Value.backward()` is the same walk again, written out to be fast.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any, TypeVar

from ..checks import local_derivative
from ..engine import Value
from ..ops import CONSTANT

C = TypeVar("C")  # a contribution
G = TypeVar("G")  # a gradient


def walk(
    order: Sequence[Value],
    seed: C,
    add_up: Callable[[Value, list[C]], G],
    contribute: Callable[[Value, G, list[int]], Iterable[C | None]],
    within: Collection[Value] | None = None,
) -> Iterator[tuple[Value, G, list[tuple[int, C]]]]:
    """Yield each node that gradients reach, its gradient, and what it contributes to which operands.

    Args:
        order: the nodes in topological order; the last one is the output.
        seed: the only contribution to the output.
        add_up: makes a node's gradient of the contributions to it, in the order in which they came.
        contribute: makes of a node, its gradient, and the positions of operands a contribution to each of these
            operands; None for none.
        within: the nodes that take gradients; if None, all but constants.
    """
    waiting = {order[-1]: [seed]}
    for v in reversed(order):
        if v not in waiting:
            continue
        gradient = add_up(v, waiting.pop(v))
        positions = [i for i, x in enumerate(v.operands) if (x.op is not CONSTANT if within is None else x in within)]
        made: list[tuple[int, C]] = []
        for i, contribution in zip(positions, contribute(v, gradient, positions) if positions else (), strict=True):
            if contribution is not None:
                made.append((i, contribution))
                waiting.setdefault(v.operands[i], []).append(contribution)
        yield v, gradient, made


def contributions(v: Value, upstream: Any, positions: Sequence[int]) -> list[Any]:
    """Return what a node contributes to its operands, as numbers: upstream gradient * local derivative."""
    numbers = [x.data for x in v.operands]
    return [upstream * local_derivative(v, i, numbers) for i in positions]


def total(v: Value, contributions: Sequence[Any]) -> Any:
    """Return a gradient, added up as backward() does; from Python 3.12 on, sum() rounds in another way."""
    return reduce(add, contributions)


def depending_on(order: Iterable[Value], nodes: Iterable[Value]) -> set[Value]:
    """Return the nodes, and every node in a topological order that is computed from one of them."""
    found = set(nodes)
    for v in order:
        if not found.isdisjoint(v.operands):
            found.add(v)
    return found
