"""Which nodes of a graph are drawn as one box: a neuron's, a layer's, a sample's."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..engine import Value
from ..graph.structure import Where, structure
from ..ops import CONSTANT

DEPTHS = ("value", "neuron", "layer", "sample")
READABLE = 60  # boxes on a screen; with more, text is smaller than one reads


@dataclass
class Group:
    """Nodes that are drawn as one box, or with a line around them."""

    name: str
    outputs: list[Value]  # those that other nodes use
    members: list[Value]
    merged: bool


def group(order: Sequence[Value], depth: str) -> tuple[list[Group], set[Value], str]:
    """Return the groups at a depth, the parameters that several of them hold, and the depth.

    With the depth "auto" it is the first at which the picture can be read on a screen.
    """
    where = structure(order)
    if not any(w.neuron for w in where.values()):
        return [], set(), "value"
    users = users_of(order)
    for chosen in DEPTHS if depth == "auto" else (depth,):
        groups, held = _at(chosen, order, where, users)
        inside = sum(len(g.members) - 1 for g in groups if g.merged)
        if len(order) - inside - len(held) <= READABLE:
            break
    return groups, held, chosen


def users_of(order: Sequence[Value]) -> dict[Value, list[Value]]:
    """Return for each node that has any the nodes that are computed from it."""
    users: dict[Value, list[Value]] = {}
    for v in order:
        for x in v.operands:
            users.setdefault(x, []).append(v)
    return users


def _at(
    depth: str, order: Sequence[Value], where: dict[Value, Where], users: dict[Value, list[Value]]
) -> tuple[list[Group], set[Value]]:
    names = {v: name for v, w in where.items() if (v.operands or not w.neuron) and (name := _name(w, depth))}
    if depth == "sample":  # with the numbers that nothing else uses
        names |= _inside([v for v in order if v.op is CONSTANT], names, users)
    parameters = [v for v, w in where.items() if w.neuron and not v.operands and v in users]
    own = _inside(parameters, names, users)
    held = {v for v in parameters if depth != "value" and v not in own and all(u in names for u in users[v])}
    names |= own
    members: dict[str, list[Value]] = {}
    for v in order:
        if v in names:
            members.setdefault(names[v], []).append(v)
    groups = []
    for name, inside in members.items():
        outputs = [v for v in inside if v.operands and (v not in users or any(names.get(u) != name for u in users[v]))]
        groups.append(Group(name, outputs or inside[-1:], inside, depth != "value"))
    return groups, held


def _name(w: Where, depth: str) -> str:
    """Return what a node is a part of at this depth, or nothing."""
    if depth == "sample":
        return str(w._replace(neuron=None)) or ("network" if w.neuron else "")
    if not w.neuron:
        return ""
    return str(w) if depth != "layer" else str(w).removeprefix(f"neuron {w.neuron} of ")


def _inside(leaves: Sequence[Value], names: dict[Value, str], users: dict[Value, list[Value]]) -> dict[Value, str]:
    """Return which group a leaf belongs to, if it is used there alone."""
    found = {}
    for v in leaves:
        of = {names.get(u, "") for u in users.get(v, ())}
        if len(of) == 1 and (name := of.pop()):
            found[v] = name
    return found
