"""Which nodes of a graph are a neuron, a layer, or a sample together, read off the graph itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..engine import Value
from ..ops import CONSTANT, PARAMETER, dot

DEPTHS = ("value", "neuron", "layer", "sample")
READABLE = 60  # boxes on a screen; with more, text is smaller than one reads


@dataclass
class Group:
    """Nodes that are drawn as one box, or with a line around them."""

    name: str
    outputs: list[Value]  # those that other nodes use
    members: list[Value]
    merged: bool = True
    symbol: str = ""  # of the operation, for a neuron

    @property
    def output(self) -> Value:
        """The last of the outputs."""
        return self.outputs[-1]


@dataclass
class _Neuron:
    """A weighted sum with parameters for weights, and the activation of it."""

    sum: Value
    out: Value
    layer: int  # from 1, counted from the inputs
    number: int = 0  # from 1, within its layer
    sample: int = 0  # from 1
    parameters: list[Value] = field(default_factory=list)


def group(order: Sequence[Value], depth: str) -> tuple[list[Group], set[Value], str]:
    """Return the groups at a depth, the parameters that several of them hold, and the depth.

    With the depth "auto" it is the first at which the picture can be read on a screen.
    """
    neurons, samples = _neurons(order)
    if not neurons:
        return [], set(), "value"
    for chosen in DEPTHS if depth == "auto" else (depth,):
        groups, hidden = _at(chosen, order, neurons, samples)
        inside = sum(len(g.members) - 1 for g in groups if g.merged)
        if len(order) - inside - len(hidden) <= READABLE:
            break
    return groups, hidden, chosen


def _neurons(order: Sequence[Value]) -> tuple[list[_Neuron], dict[Value, int]]:
    """Return the neurons, and of each node the one sample that it belongs to, if it is one."""
    users: dict[Value, list[Value]] = {}
    layers: dict[Value, int] = {}
    samples: dict[Value, int] = {}
    kinds: dict[tuple[Value, ...], list[_Neuron]] = {}  # by their weights
    found: list[_Neuron] = []
    for v in order:
        for x in dict.fromkeys(v.operands):
            users.setdefault(x, []).append(v)
        layers[v] = max((layers[x] for x in v.operands), default=0)
        n = len(v.operands) // 2
        if v.op is dot and all(w.op is PARAMETER for w in v.operands[:n]):
            layers[v] += 1
            same = kinds.setdefault(v.operands[:n], [])
            neuron = _Neuron(v, v, layers[v], sample=len(same) + 1)
            neuron.parameters = [p for p in (*v.operands[:n], *v.operands[2 * n :]) if p.op is PARAMETER]
            same.append(neuron)
            found.append(neuron)
            samples[v] = neuron.sample
        else:
            inside = {samples[x] for x in v.operands if x in samples}
            if inside:
                samples[v] = inside.pop() if len(inside) == 1 else 0  # of several
    counts: dict[int, int] = {}
    for same in kinds.values():
        counts[same[0].layer] = counts.get(same[0].layer, 0) + 1
        for neuron in same:
            neuron.number = counts[same[0].layer]
            used = users.get(neuron.sum, [])
            if (
                len(used) == 1
                and used[0].op.is_function
                and [x for x in used[0].operands if x.op is not CONSTANT] == [neuron.sum]
            ):
                neuron.out = used[0]
    return found, samples


def _at(
    depth: str, order: Sequence[Value], neurons: Sequence[_Neuron], samples: dict[Value, int]
) -> tuple[list[Group], set[Value]]:
    several = any(neuron.sample > 1 for neuron in neurons)
    layers = max(neuron.layer for neuron in neurons)
    users: dict[Value, list[Value]] = {}
    for v in order:
        for x in v.operands:
            users.setdefault(x, []).append(v)
    owner: dict[Value, tuple[object, ...]] = {}  # what each node is drawn within
    names: dict[tuple[object, ...], str] = {}
    symbols: dict[tuple[object, ...], str] = {}
    for neuron in neurons:
        sample = f", sample {neuron.sample}" if several else ""
        if depth in ("value", "neuron"):
            key: tuple[object, ...] = (neuron.layer, neuron.number, neuron.sample)
            names[key] = f"neuron {neuron.number} of layer {neuron.layer}{sample}"
            if neuron.out is not neuron.sum:
                symbols[key] = neuron.out.op.symbol
        elif depth == "layer":
            key = (neuron.layer, neuron.sample)
            names[key] = (f"layer {neuron.layer}" if layers > 1 else "layer") + sample
        else:
            key = (neuron.sample,)
            names[key] = f"sample {neuron.sample}" if several else "network"
        if depth == "neuron" and not symbols.get(key):
            symbols[key] = "dot"
        owner[neuron.sum] = owner[neuron.out] = key
    if depth == "sample":
        owner.update({v: (number,) for v, number in samples.items() if number})
        for v in order:
            if v.op is CONSTANT and len(owners := {owner.get(u) for u in users[v]}) == 1 and None not in owners:
                owner[v] = owners.pop()  # type: ignore[assignment]
    hidden: set[Value] = set()  # parameters of several samples, which would tie everything together
    for neuron in neurons:
        for p in neuron.parameters:
            owners = {owner.get(u) for u in users[p]}
            if len(owners) == 1:
                owner[p] = owner[neuron.sum]
            elif depth != "value" and None not in owners:
                hidden.add(p)
    members: dict[tuple[object, ...], list[Value]] = {}
    for v in order:
        if v in owner:
            members.setdefault(owner[v], []).append(v)
    groups = []
    for key, inside in members.items():
        own = set(inside)
        outputs = [v for v in inside if v.operands and (v not in users or any(u not in own for u in users[v]))]
        groups.append(Group(names[key], outputs or inside[-1:], inside, depth != "value", symbols.get(key, "")))
    return groups, hidden
