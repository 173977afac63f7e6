"""Which neuron, layer and sample a node of a graph belongs to.

A module gives each of its parameters a `place` when it is built; nothing is recorded for the nodes that are computed.
`structure` finds them from the places of the parameters they are computed from, whatever any of them is labelled.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from .. import ops
from ..engine import Value


@dataclass(slots=True, eq=False)
class Unit:
    """A neuron, as its parameters know it; layers and neurons are counted from 1."""

    layer: int = 1
    neuron: int = 1
    network: object = field(default_factory=object)  # the same object for all neurons of a network
    activation: str = ""  # "linear" if what is done to the weighted sum is no longer the neuron's


class Place(NamedTuple):
    """Where a parameter belongs: to which neuron, and to which of its inputs, counted from 1."""

    unit: Unit
    input: int | None  # None for a bias

    @property
    def layer(self) -> int:
        """The number of its layer."""
        return self.unit.layer

    @property
    def neuron(self) -> int:
        """The number of its neuron in the layer."""
        return self.unit.neuron

    def __repr__(self) -> str:
        return f"Place(layer={self.layer}, neuron={self.neuron}, input={self.input})"


class Where(NamedTuple):
    """Where a node belongs, counted from 1; None where that does not apply."""

    layer: int | None
    neuron: int | None
    sample: int | None = None  # where its network ran several times
    network: int | None = None  # where there are several

    def __str__(self) -> str:
        """Return it in words: `neuron 2 of layer 1, sample 3`."""
        of = f" of network {self.network}" if self.network else ""
        neuron = f"neuron {self.neuron} of layer {self.layer}{of}" if self.neuron else ""
        return ", ".join(filter(None, (neuron, f"sample {self.sample}" if self.sample else "")))


_Samples: TypeAlias = dict[object, int]  # network -> which of its samples a node was computed from


def structure(order: Sequence[Value]) -> dict[Value, Where]:
    """Return where the nodes of a topological order belong; a node that belongs nowhere is left out.

    To a neuron belong its parameters, its weighted sum, written as one `dot` or as products and sums, and its
    activation: a function of the weighted sum that is applied in every run of the neuron, unless the neuron is linear.
    A loss belongs to none. Where a network ran several times, whatever was computed from one run alone, and the inputs
    of that run, belong to a sample; runs with the very same inputs are one sample.
    """
    places: dict[Value, Place] = {}
    for v in order:
        if not v.operands and isinstance(place := getattr(v, "place", None), Place):
            places[v] = place
    sums = _find_sums(order, places)
    _find_activations(sums)
    units = [*(s.unit for s in sums), *(place.unit for place in places.values())]
    networks = {network: i for i, network in enumerate(dict.fromkeys(unit.network for unit in units), start=1)}
    owners = {v: s for s in sums for v in s.nodes}
    samples, repeated = _number_samples(order, owners, places)

    found = {}
    for v in order:
        numbers = {n for network, n in samples.get(v, {}).items() if network in repeated}
        sample = numbers.pop() if len(numbers) == 1 else None
        if v in owners or v in places:
            unit = owners[v].unit if v in owners else places[v].unit
            network = networks[unit.network] if len(networks) > 1 else None
            found[v] = Where(unit.layer, unit.neuron, sample, network)
        elif sample:
            found[v] = Where(None, None, sample)
    return found


# -------------------- weighted sums --------------------


class _Sum:
    """One run of a neuron: its nodes in order, the parameters and inputs of its weighted sum."""

    def __init__(self, nodes: list[Value], parameters: dict[Value, Place], inputs: list[Value]) -> None:
        self.nodes, self.parameters, self.inputs = nodes, parameters, inputs
        self.top = nodes[-1]  # the weighted sum
        self.functions: list[Value] = []  # of the weighted sum alone
        self.unit = next(iter(parameters.values())).unit
        self.is_tied = any(place.unit is not self.unit for place in parameters.values())


def _find_sums(order: Iterable[Value], places: dict[Value, Place]) -> list[_Sum]:
    found: dict[Value, _Sum] = {}  # by the last node of each
    for v in order:
        s = None
        if v.op is ops.dot or v.op is ops.multiply:
            s = _pairs(v, found, places)
        elif v.op is ops.add or v.op is ops.sum:
            s = _add_up(v, found, places)
        elif v.op.is_function:
            first, *others = sorted(v.operands, key=lambda x: x.op is ops.CONSTANT)
            if first in found and all(x.op is ops.CONSTANT for x in others):
                found[first].functions.append(v)
        if s is not None:
            found[v] = s
    sizes = Counter(place.unit for place in places.values())
    # a lone product, as in a penalty on the weights, is no neuron
    sums = [
        s
        for v, s in found.items()
        if v.op is not ops.multiply or s.functions or len(s.parameters) == sizes[s.unit] or len(s.nodes) > 1
    ]
    _settle_shared(sums)
    return sums


def _pairs(v: Value, found: dict[Value, _Sum], places: dict[Value, Place]) -> _Sum | None:
    """Return the sum that a dot or a product is, if it is one of weights and inputs."""
    n = len(v.operands) // 2
    parameters, inputs = {}, []
    for w, x in zip(v.operands[:n], v.operands[n : 2 * n], strict=True):
        if x in places:
            w, x = x, w
        if x in places or (x in found and x.op is ops.multiply and w in found[x].parameters):
            return None  # a product of parameters, also as 0.1 * w * w
        if w in places:
            parameters[w] = places[w]
        inputs.append(x)
    if not parameters or any(place.input is None for place in parameters.values()):
        return None
    parameters |= {bias: places[bias] for bias in v.operands[2 * n :] if bias in places}
    return _Sum([v], parameters, inputs)


def _add_up(v: Value, found: dict[Value, _Sum], places: dict[Value, Place]) -> _Sum | None:
    """Return the sum that goes on with this node: parts of one neuron's sum, perhaps its bias, or the 0 before them."""
    parts = sorted((x for x in v.operands if x in found), key=lambda x: -len(found[x].nodes))
    others = [x for x in v.operands if x not in found]
    if not parts or len(set(parts)) < len(parts):
        return None
    first, taken = found[parts[0]], set[Value]()
    for part in (found[x] for x in parts[1:]):
        if part.unit is not first.unit or part.is_tied or first.is_tied or not taken.isdisjoint(part.parameters):
            return None  # of another neuron
        if not first.parameters.keys().isdisjoint(part.parameters):
            return None  # of another run
        if len(parts) > 2:
            taken |= part.parameters.keys()
    for x in others:
        if x in places:
            unit = places[x].unit
            beside = (unit.network, unit.layer) == (first.unit.network, first.unit.layer)
            if places[x].input is not None or x in first.parameters or not beside:
                return None
        elif x.op is not ops.CONSTANT or x.data or parts[0].op is not ops.multiply:
            return None
    del found[parts[0]]
    for x in parts[1:]:
        part = found.pop(x)
        first.nodes += part.nodes
        first.inputs += part.inputs
        first.parameters |= part.parameters
    first.parameters.update((x, places[x]) for x in others if x in places)
    first.nodes.append(v)
    first.top = v
    return first


def _settle_shared(sums: Sequence[_Sum]) -> None:
    """Find the neuron of a sum some of whose parameters are another's: of that one, there are sums of its own."""
    counts = [Counter(place.unit for place in s.parameters.values()) for s in sums]
    whole = {s.unit for s, units in zip(sums, counts, strict=True) if len(units) == 1}
    for s, units in zip(sums, counts, strict=True):
        if len(units) > 1:
            s.unit = max([unit for unit in units if unit not in whole] or units, key=units.__getitem__)


def _find_activations(sums: Iterable[_Sum]) -> None:
    """Add its activation to the nodes of each sum that has one, which all runs of a neuron have in common.

    A neuron that says it is linear is believed, unless somebody has written its sum as products and the other neurons
    of its network have this activation too: then they have written one activation for all.
    """
    neurons: dict[Unit, list[_Sum]] = {}
    for s in sums:
        neurons.setdefault(s.unit, []).append(s)
    used: set[tuple[object, ops.Operation]] = set()
    for unit, runs in sorted(neurons.items(), key=lambda pair: pair[0].activation == "linear"):
        found = ([v for v in s.functions if len(s.functions) == 1 or v.op.name == unit.activation] for s in runs)
        activations = [functions[0] for functions in found if functions]
        rows = {(unit.network, v.op) for v in activations}
        if len(activations) < len(runs) or len(rows) > 1:
            continue
        if unit.activation != "linear":
            used |= rows
        elif runs[0].top.op is ops.dot or rows.isdisjoint(used):
            continue
        for s, v in zip(runs, activations, strict=True):
            s.nodes.append(v)


# -------------------- samples --------------------

_MIXED: _Samples = {}  # of a node that was computed from several samples


def _number_samples(
    order: Iterable[Value], owners: dict[Value, _Sum], places: dict[Value, Place]
) -> tuple[dict[Value, _Samples], set[object]]:
    """Return the samples of each node, and the networks that have several."""
    samples: dict[Value, _Samples] = {}
    runs: dict[tuple[object, ...], int] = {}  # network and inputs -> sample
    counts = Counter[Unit]()  # how many samples a neuron has
    for v in order:
        s, leaves = owners.get(v), [x for x in v.operands if not x.operands and x not in places]
        if s is None:
            if found := [samples[x] for x in v.operands if x.operands and x in samples]:
                samples[v] = _agreed(found)
        elif v is s.top:
            network = s.unit.network
            before = {samples[x][network] for x in s.inputs if x.operands and network in samples.get(x, ())}
            n = before.pop() if len(before) == 1 else runs.setdefault((network, *s.inputs), counts[s.unit] + 1)
            counts[s.unit] = max(counts[s.unit], n)
            run = {network: n}
            samples.update((x, run) for x in s.nodes)
            leaves = [x for x in s.inputs if not x.operands]
        if v in samples:
            samples.update((x, _agreed([samples.get(x, samples[v]), samples[v]])) for x in leaves)
    return samples, {unit.network for unit, n in counts.items() if n > 1}


def _agreed(found: list[_Samples]) -> _Samples:
    """Return what samples of several networks have in common; two samples of one network have nothing."""
    first = found[0]
    for other in found[1:]:
        if other is first or other == first:
            continue
        if not (first and other) or any(first.get(network, n) != n for network, n in other.items()):
            return _MIXED
        first = {**first, **other}
    return first
