"""What a cursor calls the nodes: by label, else by variable or by place in a network, each by a name of its own.

The graph's labels stay as they are.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import count, islice
from types import FrameType
from typing import Any

from .. import ops
from ..engine import Value
from ..graph.structure import Where
from ..nn.modules import Module
from ..ops import CONSTANT

_SUMS = (ops.dot, ops.sum, ops.add, ops.multiply)

EACH, MOST = 5_000, 100_000  # things in one list or dict, and at one depth, so that large data costs no time


def variables_in(frame: FrameType) -> dict[str, Any]:
    """Return the variables that can be seen from a frame, its own first."""
    own = dict(frame.f_locals)
    return {**own, **{name: x for name, x in frame.f_globals.items() if name not in own}}


def name_by_variables(nodes: Sequence[Value], variables: Mapping[str, Any]) -> dict[Value, str]:
    """Return how a program writes those of the nodes that it can reach: `a`, `xs[0]`, `d['k']`, `layer.w[2]`.

    A variable of its own comes before an element; names that begin with an underscore are passed over.
    """
    wanted = {v for v in nodes if v.op is not CONSTANT or v.label}
    found: dict[Value, str] = {}
    seen: set[int] = set()
    level = [(name, x) for name, x in variables.items() if not name.startswith("_")]
    while level:
        below: list[tuple[str, Any]] = []
        for written, x in level:
            if isinstance(x, Value):
                if x in wanted:
                    found.setdefault(x, written)
            elif isinstance(x, list | tuple | dict | Module) and id(x) not in seen:
                seen.add(id(x))
                below += islice(_elements(written, x), min(EACH, MOST - len(below)))
        level = below
    return found


def _elements(written: str, x: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(x, dict):
        yield from ((f"{written}[{key!r}]", y) for key, y in x.items() if isinstance(key, str | int))
    elif isinstance(x, Module):
        yield from ((f"{written}.{name}", y) for name, y in vars(x).items() if not name.startswith("_"))
    else:
        yield from ((f"{written}[{i}]", y) for i, y in enumerate(x))


def name_by_places(where: Mapping[Value, Where]) -> dict[Value, str]:
    """Return what computed nodes of neurons are called: `z1[2]` a weighted sum, `a1[2]` its activation.

    In sample 3 they are `z1[2]_3` and `a1[2]_3`; parts of a sum have no name.
    """
    found: dict[str, Value] = {}  # so that the last node of a sum has the name
    for v, place in where.items():
        if v.operands and place.neuron:
            network = "" if place.network in (None, 1) else f"net{place.network}."
            letter = "z" if v.op in _SUMS else "a"
            name = f"{network}{letter}{place.layer}[{place.neuron}]"
            found[f"{name}_{place.sample}" if place.sample else name] = v
    return {v: name for name, v in found.items()}


def find_in_words(written: str, where: Mapping[Value, Where]) -> Value | str:
    """Return the output of a neuron that is described in words; whatever else is written as it is.

    Raises:
        ValueError: there is no such neuron.
    """
    if not re.fullmatch(r"neuron \d+ of layer \d+.*", written):
        return written
    found = {str(place): v for v, place in where.items() if v.operands}  # the last is the activation
    if written not in found:
        near = get_close_matches(written, found, 4, 0) or ["none"]
        raise ValueError(f"there is no {written}: there are {'; '.join(near)}")
    return found[written]


def tell_apart(labels: Sequence[str], samples: Sequence[int | None]) -> list[str]:
    """Return the labels, those that several nodes have with a number, the sample's if that does: `a_1`, `a_2`.

    Nodes without a label have none here either.
    """
    times = Counter(labels)
    with_sample = [f"{label}_{sample}" if sample else "" for label, sample in zip(labels, samples, strict=True)]
    taken = set(times)
    once = {name for name, n in Counter(with_sample).items() if n == 1} - taken
    numbers: dict[str, Iterator[int]] = {}
    found = []
    for label, name in zip(labels, with_sample, strict=True):
        if not label or times[label] == 1:
            name = label
        elif name not in once:
            numbered = (f"{label}_{i}" for i in numbers.setdefault(label, count(1)))
            name = next(name for name in numbered if name not in taken and name not in once)
        found.append(name)
    return found


def typed(written: str) -> str:
    """Return a name as a keyboard writes it: `w2[3->1]` for `w2[3→1]`."""
    return written.replace("→", "->")
