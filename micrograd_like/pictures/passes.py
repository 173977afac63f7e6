"""What a model computed in one forward pass: each unit's weighted sum and output, found in the recorded graph."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine import UNREACHED, Value, topological_order
from ..nn.modules import MLP, Layer, Module, Neuron
from ..ops import CONSTANT, OPERATIONS, dot, multiply


@dataclass
class Unit:
    """A neuron in one sample's pass."""

    sum: Value  # w1*x1 + … + b
    out: Value  # the activation of it
    inputs: dict[int, Value]  # what each weight was multiplied by, by position


@dataclass
class Pass:
    """A forward pass, for one of the samples in a graph."""

    root: Value | None  # the loss, if the graph goes on above the outputs
    samples: int  # in the graph
    units: dict[tuple[int, int], Unit] = field(default_factory=dict)  # by layer and position, both from 0
    inputs: dict[int, Value] = field(default_factory=dict)


def layers_of(model: Module) -> list[list[Neuron]]:
    """Return the neurons of each layer."""
    if isinstance(model, MLP):
        return [list(layer.neurons) for layer in model.layers]
    if isinstance(model, Layer):
        return [list(model.neurons)]
    if isinstance(model, Neuron):
        return [[model]]
    raise TypeError(f"draw() knows a Neuron, a Layer and an MLP, not a {type(model).__name__}: draw its parts")


def run(model: Any, inputs: Iterable[Any], sample: int = 1) -> Pass:
    """Return the pass in which the model computes its outputs from numbers or from leaves."""
    out = model(list(inputs))
    return find(model, [out] if isinstance(out, Value) else list(out), sample)


def find(model: Module, roots: Sequence[Value], sample: int = 1) -> Pass:
    """Return the pass of the sample with this number, from 1, in the graph under the outputs or the loss.

    A neuron's weighted sum is the node in which all its parameters have come together, whether it is one `dot` or
    written out with `*` and `+`. Its output is the activation of that.

    Raises:
        ValueError: the graph was not computed by this model, or it has no such sample.
    """
    layers = layers_of(model)
    order = list(dict.fromkeys(v for root in roots for v in topological_order(root)))
    neurons = {(k, j): neuron for k, layer in enumerate(layers) for j, neuron in enumerate(layer)}
    place = {p: where for where, neuron in neurons.items() for p in parameters_of(neuron)}
    position = {w: i for neuron in neurons.values() for i, w in enumerate(neuron.w)}
    users: dict[Value, list[Value]] = {}
    parts: dict[Value, tuple[tuple[int, int], int, dict[int, Value]]] = {}  # of sums that are not yet whole
    sums: dict[tuple[int, int], list[Unit]] = {}
    units: dict[Value, tuple[tuple[int, int], Unit]] = {}  # by their sum
    for v in order:
        count, inputs, where = 0, {}, None
        for i, x in enumerate(v.operands):
            users.setdefault(x, []).append(v)
            if x in place:
                where, count = place[x], count + 1
                if x in position and v.op in (dot, multiply):
                    inputs[position[x]] = v.operands[i + len(v.operands) // 2 if v.op is dot else 1 - i]
            elif x in parts:
                where, count, inputs = parts[x][0], count + parts[x][1], {**inputs, **parts[x][2]}
        if where is None:
            continue
        if count < len(parameters_of(neurons[where])):
            parts[v] = where, count, inputs
        else:
            unit = Unit(v, v, inputs)
            sums.setdefault(where, []).append(unit)
            units[v] = where, unit
    last = len(layers) - 1
    ends = [found for (k, _), found in sums.items() if k == last]
    if not ends:
        raise ValueError("this graph was not computed by this model: draw(model, loss) takes a Value that it computed")
    samples = max(map(len, ends))
    if not 1 <= sample <= samples:
        raise ValueError(f"the graph has {samples} sample{'s' * (samples > 1)}: sample={sample} is none of them")
    result = Pass(None, samples)
    for (k, j), found in sums.items():
        if k == last and len(found) >= sample:
            result.units[k, j] = unit = found[sample - 1]
            activation = OPERATIONS.get(getattr(neurons[k, j], "activation", ""))
            unit.out = next((u for u in users.get(unit.sum, []) if u.op is activation), unit.sum)
    if not {unit.out for unit in result.units.values()}.intersection(roots):
        result.root = roots[0]
    for k in range(last, -1, -1):  # and what those were computed from
        for j in range(len(layers[k])):
            for i, x in result.units[k, j].inputs.items() if (k, j) in result.units else ():
                if not k:
                    result.inputs[i] = x
                elif found_below := units.get(_beneath(x, units)):
                    where, unit = found_below
                    unit.out = x
                    result.units[where] = unit
    return result


def _beneath(x: Value, units: Collection[Value]) -> Value:
    """Return the weighted sum that `x` is a function of."""
    while x not in units and len(varying := [v for v in x.operands if v.op is not CONSTANT]) == 1:
        x = varying[0]
    return x


def gradient(v: Value | None) -> Any:
    """Return the gradient of a node if backward() has reached it."""
    return None if v is None or v.op is CONSTANT or v.grad is UNREACHED else v.grad


def parameters_of(neuron: Neuron) -> list[Value]:
    """Return the weights of a neuron, and its bias if it has one."""
    return [*neuron.w] if neuron.b is None else [*neuron.w, neuron.b]
