"""Which neuron, layer and sample a node of a graph belongs to.

A module gives each of its parameters a `place` when it is built; nothing is recorded for the nodes that are computed.
`structure` finds them from the places of the parameters they are computed from, whatever any of them is labelled.
"""

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
    places = {v: place for v in order if (place := place_of(v)) is not None}
    networks = {network: i for i, network in enumerate(dict.fromkeys(p.unit.network for p in places.values()), start=1)}
    sums = _find_sums(order, places)
    _find_activations(sums)
    owners = {v: s for s in sums for v in s.nodes}
    samples, counts = _number_samples(order, owners, places)

    found = {}
    for v in order:
        numbers = {n for network, n in samples.get(v, {}).items() if counts[network] > 1}
        sample = numbers.pop() if len(numbers) == 1 else None
        if v in owners or v in places:
            unit = owners[v].unit if v in owners else places[v].unit
            network = networks[unit.network] if len(networks) > 1 else None
            found[v] = Where(unit.layer, unit.neuron, sample, network)
        elif sample:
            found[v] = Where(None, None, sample)
    return found


def place_of(v: Value) -> Place | None:
    """Return the place of a parameter, and None for every other node."""
    place = None if v.operands else getattr(v, "place", None)
    return place if isinstance(place, Place) else None


# -------------------- weighted sums --------------------


class _Sum:
    """One run of a neuron: its nodes in order, the parameters and inputs of its weighted sum."""

    def __init__(self, nodes: list[Value], parameters: dict[Value, Place], inputs: list[Value]) -> None:
        self.nodes, self.parameters, self.inputs = nodes, parameters, inputs
        self.top = nodes[-1]  # the weighted sum
        self.functions: list[Value] = []  # of the weighted sum alone
        self.unit = next(iter(parameters.values())).unit


def _find_sums(order: Iterable[Value], places: dict[Value, Place]) -> list[_Sum]:
    found: dict[Value, _Sum] = {}  # by the last node of each
    for v in order:
        s = None
        if v.op is ops.dot or v.op is ops.multiply:
            s = _pairs(v, places)
        elif v.op is ops.add or v.op is ops.sum:
            s = _add_up(v, found, places)
        elif v.op.is_function:
            first, *others = sorted(v.operands, key=lambda x: x.op is ops.CONSTANT)
            if first in found and all(x.op is ops.CONSTANT for x in others):
                found[first].functions.append(v)
        if s is not None:
            found[v] = s
    sizes: dict[Unit, int] = {}
    for place in places.values():
        sizes[place.unit] = sizes.get(place.unit, 0) + 1
    # a lone product, as in a penalty on the weights, is no neuron
    sums = [
        s
        for v, s in found.items()
        if v.op is not ops.multiply or s.functions or len(s.parameters) == sizes[s.unit] or len(s.nodes) > 1
    ]
    _settle_shared(sums)
    return sums


def _pairs(v: Value, places: dict[Value, Place]) -> _Sum | None:
    """Return the sum that a dot or a product is, if it is one of weights and inputs."""
    n = len(v.operands) // 2
    parameters, inputs = {}, []
    for w, x in zip(v.operands[:n], v.operands[n : 2 * n], strict=True):
        if x in places:
            w, x = x, w
        if x in places:
            return None  # a product of parameters
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
        if part.unit != first.unit or not taken.isdisjoint(part.parameters):
            return None  # of another neuron
        if not first.parameters.keys().isdisjoint(part.parameters):
            return None  # of another run
        if len(parts) > 2:
            taken |= part.parameters.keys()
    for x in others:
        if x in places:
            if places[x].input is not None or x in first.parameters or not _are_beside(places[x].unit, first.unit):
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


def _are_beside(a: Unit, b: Unit) -> bool:
    return a.network is b.network and a.layer == b.layer


def _settle_shared(sums: list[_Sum]) -> None:
    """Find the neuron of a sum some of whose parameters are another's: of that one, there are sums of its own."""
    mixed, whole = [], set()
    for s in sums:
        if len({place.unit for place in s.parameters.values()}) > 1:
            mixed.append(s)
        else:
            whole.add(s.unit)
    for s in mixed:
        counts: dict[Unit, int] = {}
        for place in s.parameters.values():
            counts[place.unit] = counts.get(place.unit, 0) + 1
        own = [unit for unit in counts if unit not in whole] or list(counts)
        s.unit = max(own, key=counts.__getitem__)


def _find_activations(sums: list[_Sum]) -> None:
    """Add the activation to the nodes of each sum that has one."""
    of_neuron: dict[Unit, list[_Sum]] = {}
    for s in sums:
        of_neuron.setdefault(s.unit, []).append(s)
    used: dict[object, set[ops.Operation]] = {}  # network -> activations of its neurons
    later: list[tuple[list[_Sum], list[Value]]] = []
    for unit, runs in of_neuron.items():
        activations = [_activation(s) for s in runs]
        rows = {v.op for v in activations if v is not None}
        if None in activations or len(rows) > 1:
            continue
        known = [v for v in activations if v is not None]
        if unit.activation != "linear":
            used.setdefault(unit.network, set()).update(rows)
            _take(runs, known)
        elif runs[0].top.op is not ops.dot:
            later.append((runs, known))
    # A neuron that says it is linear, in a network whose neurons all compute what somebody has written for them, has an
    # activation all the same if the others have this one.
    for runs, known in later:
        if known[0].op in used.get(runs[0].unit.network, ()):
            _take(runs, known)


def _take(runs: Iterable[_Sum], activations: Iterable[Value]) -> None:
    for s, v in zip(runs, activations, strict=True):
        s.nodes.append(v)


def _activation(s: _Sum) -> Value | None:
    named = [v for v in s.functions if v.op.name == s.unit.activation]
    found = named or s.functions
    return found[0] if len(found) == 1 else None


# -------------------- samples --------------------

_MIXED: _Samples = {}  # of a node that was computed from several samples


def _number_samples(
    order: Iterable[Value], owners: dict[Value, _Sum], places: dict[Value, Place]
) -> tuple[dict[Value, _Samples], _Samples]:
    """Return the samples of each node, and how many each network has."""
    samples: dict[Value, _Samples] = {}
    runs: dict[tuple[object, ...], int] = {}  # network and inputs -> sample
    counts: dict[Unit, int] = {}  # neuron -> how many it has
    for v in order:
        s, leaves = owners.get(v), [x for x in v.operands if not x.operands and x not in places]
        if s is None:
            if found := [samples[x] for x in v.operands if x.operands and x in samples]:
                samples[v] = _agreed(found)
        elif v is s.top:
            network = s.unit.network
            before = {samples[x][network] for x in s.inputs if x.operands and network in samples.get(x, ())}
            count = counts.get(s.unit, 0)
            n = before.pop() if len(before) == 1 else runs.setdefault((network, *s.inputs), count + 1)
            counts[s.unit] = max(count, n)
            run = {network: n}
            samples.update((x, run) for x in s.nodes)
            leaves = [x for x in s.inputs if not x.operands]
        if v in samples:
            samples.update((x, _agreed([samples.get(x, samples[v]), samples[v]])) for x in leaves)
    most: _Samples = {}
    for unit, n in counts.items():
        most[unit.network] = max(most.get(unit.network, 0), n)
    return samples, most


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
