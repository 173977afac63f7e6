"""What a cursor calls the nodes: by their labels, else by the variables that hold them, each node by a name of its own.

The graph's labels stay as they are.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from ..engine import Value
from ..nn.modules import Module
from ..ops import CONSTANT, one_line

LOOKED_AT = 20_000  # things in a caller's lists and dicts, so that a large data set costs no time


def variables_of_caller(depth: int = 1) -> dict[str, Any]:
    """Return the variables that can be seen where a function of this package was called, `depth` calls further up."""
    frame = sys._getframe(depth + 1)
    mine = dict(frame.f_locals)
    return {**mine, **{name: x for name, x in frame.f_globals.items() if name not in mine}}


def name_by_variables(nodes: Sequence[Value], variables: Mapping[str, Any]) -> dict[Value, str]:
    """Return how a program writes those of the nodes that it can reach: `a`, `xs[0]`, `d['k']`, `layer.w[2]`.

    A variable of its own comes before an element; names that begin with an underscore are passed over.
    """
    wanted = {v for v in nodes if v.op is not CONSTANT or v.label}
    found: dict[Value, str] = {}
    seen: set[int] = set()
    level = [(name, x) for name, x in variables.items() if not name.startswith("_")]
    looked_at = 0
    while level:
        below: list[tuple[str, Any]] = []
        for written, x in level:
            looked_at += 1
            if looked_at > LOOKED_AT:
                return found
            if isinstance(x, Value):
                if x in wanted:
                    found.setdefault(x, written)
            elif isinstance(x, list | tuple | dict | Module) and id(x) not in seen:
                seen.add(id(x))
                below += _elements(written, x)
        level = below
    return found


def _elements(written: str, x: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(x, dict):
        yield from ((f"{written}[{key!r}]", y) for key, y in x.items() if isinstance(key, str | int))
    elif isinstance(x, Module):
        yield from ((f"{written}.{name}", y) for name, y in vars(x).items() if not name.startswith("_"))
    else:
        yield from ((f"{written}[{i}]", y) for i, y in enumerate(x))


def tell_apart(labels: Sequence[str]) -> list[str]:
    """Return the labels, those that several nodes have with a number: `a_1`, `a_2`; a literal in a formula keeps none.

    Nodes without a label have none here either.
    """
    times: dict[str, int] = {}
    for label in labels:
        times[label] = times.get(label, 0) + 1
    numbers: dict[str, Iterator[int]] = {label: count(1) for label, n in times.items() if n > 1}
    found = []
    for label in labels:
        name = label
        while label and label in numbers and (name == label or name in times):
            name = f"{label}_{next(numbers[label])}"
        found.append(name)
    return found


def say_which(name: str, found: Mapping[Value, str], data: Mapping[Value, Any]) -> str:
    """Return what to write instead of a name that several nodes have."""
    which = ", ".join(f"{one_line(own)} (data {data[v]})" for v, own in list(found.items())[:4])
    return f"{len(found)} nodes are labelled {name!r}: say {which}{', …' * (len(found) > 4)}"
