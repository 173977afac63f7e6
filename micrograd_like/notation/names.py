"""What nodes are called wherever a person reads of them, and how a node is found by its name."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Rational
from typing import Any, NoReturn

from ..checks import not_a_label
from ..engine import Value, is_unreached
from ..escape import one_line
from ..formulas import TEXT, exact
from ..ops import CONSTANT, PARAMETER, Operation
from .numbers import NUMBER, show

NO_GRADIENT = "–"  # where backward() has not been


def named(**numbers: float | Rational) -> tuple[Value, ...]:
    """Make a leaf of each number, labelled with its name, as in `a, b = named(a=2.0, b=-3.0)`."""
    return tuple(Value(number, label) for label, number in numbers.items())


def parameter(number: float | Rational, label: str = "") -> Value:
    """Make a leaf that training changes; pictures draw it with cut corners."""
    return _leaf(PARAMETER, number, label)


def constant(number: float | Rational, label: str = "") -> Value:
    """Make a leaf as for a number that stands in an expression; it takes no gradient."""
    return _leaf(CONSTANT, number, label)


def _leaf(op: Operation, number: float | Rational, label: str) -> Value:
    v = Value(number, label)
    v.op = op
    return v


def label_values(namespace: Mapping[str, Any]) -> None:
    """Label each Value in `namespace` that has no label after its variable: `label_values(globals())`.

    Values in a list or tuple `x` become `x[0]`, `x[1]`, …; names that begin with an underscore are passed over.
    """
    for name, v in held_values(namespace).items():
        v.label = v.label or name


def held_values(namespace: Mapping[str, Any]) -> dict[str, Value]:
    """Return the Values that variables hold, by what `label_values` calls them."""
    found: dict[str, Value] = {}
    for name, x in list(namespace.items()):
        if name.startswith("_"):
            continue
        if isinstance(x, Value):
            found[name] = x
        elif isinstance(x, list | tuple):
            found |= {f"{name}[{i}]": v for i, v in enumerate(x) if isinstance(v, Value)}
    return found


def node_names(order: Sequence[Value]) -> dict[Value, str]:
    """Return a name for each node: its label, the number of a constant, else v1, v2, … in the order given.

    A label that reads as a number stands in quotes.

    Raises:
        TypeError: a label is not a string.
    """
    taken = {v.label if isinstance(v.label, str) else _refuse(v.label) for v in order}
    numbered = (name for i in range(1, len(order) + len(taken) + 1) if (name := f"v{i}") not in taken)
    quoted = {label: f"'{label}'" for label in taken if NUMBER.fullmatch(label)}
    return {v: quoted.get(v.label, v.label) or (exact(v.data) if v.op is CONSTANT else next(numbered)) for v in order}


def _refuse(label: Any) -> NoReturn:
    raise TypeError(not_a_label(label))


def find(name: Any, names: Mapping[Value, str], *, what: str = "node") -> Value:
    """Return the node that is meant by a name, or by the node itself; `w1[3->2]` is `w1[3→2]`.

    Args:
        name: what somebody wrote.
        names: every node there is, with its name.
        what: what a message says there is none of.

    Raises:
        ValueError: there is none, or more than one; the text says which there are.
    """
    if isinstance(name, Value):
        if name not in names:
            raise ValueError(f"{one_line(name.label) or 'this Value'} (data {name.data}) is not a {what} of this graph")
        return name
    found = [v for v, known in names.items() if known == name or v.label == name]
    if not found and isinstance(name, str):
        found = [v for v, known in names.items() if known == name.replace("->", "→")]
    if len(found) == 1:
        return found[0]
    if found:
        data = ", ".join(show(v.data) for v in found[:4]) + ", …" * (len(found) > 4)
        raise ValueError(
            f"{len(found)} nodes are named {name!r} (data {data}): "
            "give each a label of its own, or pass the node itself instead of its name"
        )
    labels = list(dict.fromkeys(v.label for v in reversed(list(names)) if v.label)) or list(names.values())
    known = get_close_matches(str(name), labels, 4, 0.5) or labels[:8]
    more = ", …" * (len(known) < len(labels))
    raise ValueError(f"no {what} is named {name!r}: there are {', '.join(map(one_line, known))}{more}")


def partial(of: str, by: str) -> str:
    """Return how a derivative is written: `∂L/∂a`; names with operators in them get parentheses."""
    return TEXT.kind(f"∂{TEXT.kind.of(of):atom}/∂{TEXT.kind.of(by):atom}")  # which holds together, for all its /


def show_grad(v: Value, decimals: int | None = None, none: str = NO_GRADIENT) -> str:
    """Return the gradient of a node as it is shown: a dash where backward() has not been."""
    return none if is_unreached(v.grad) else show(v.grad, decimals)


def constants(values: Iterable[Value]) -> list[Any]:
    """Return the number of each constant that is called by it, and None for every other node."""
    return [v.data if v.op is CONSTANT and not v.label else None for v in values]
