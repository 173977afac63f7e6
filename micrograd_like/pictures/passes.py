"""What a model computed in one forward pass: each unit's weighted sum and output, found in the recorded graph."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine import Value, is_unreached, topological_order
from ..graph.structure import structure
from ..nn.modules import MLP, Layer, Module, Neuron
from ..ops import CONSTANT, dot, multiply


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
        layers = [list(layer.neurons) for layer in model.layers]
    elif isinstance(model, Layer):
        layers = [list(model.neurons)]
    elif isinstance(model, Neuron):
        layers = [[model]]
    else:
        raise TypeError(f"draw() knows a Neuron, a Layer and an MLP, not a {type(model).__name__}: draw its parts")
    for neuron in (neuron for layer in layers for neuron in layer):
        if not hasattr(neuron, "w") or not hasattr(neuron, "b"):
            raise TypeError(f"draw() asks a neuron for w and b; a {type(neuron).__name__} lacks them")
    return layers


def parameters_of(neuron: Neuron) -> list[Value]:
    """Return the weights of a neuron, and its bias if it has one."""
    return [*neuron.w] if neuron.b is None else [*neuron.w, neuron.b]


def run(model: Any, inputs: Iterable[Any]) -> Pass:
    """Return the pass in which the model computes its outputs from numbers or from leaves."""
    out = model(list(inputs))
    return find(model, [out] if isinstance(out, Value) else list(out))


def find(model: Module, roots: Sequence[Value], sample: int = 1) -> Pass:
    """Return the pass of the sample with this number, from 1, in the graph under the outputs or the loss.

    Raises:
        ValueError: the graph was not computed by this model, or it has no such sample.
    """
    order = list(dict.fromkeys(v for root in roots for v in topological_order(root)))
    where = structure(order)
    neurons = {(k, j): n for k, layer in enumerate(layers_of(model)) for j, n in enumerate(layer)}
    known = {where[p]._replace(sample=None): at for at, n in neurons.items() for p in parameters_of(n) if p in where}
    nodes: dict[tuple[int, int], dict[int, list[Value]]] = {}  # of each unit, by sample
    for v, w in where.items():
        at = known.get(w._replace(sample=None))
        if at is not None and v.operands:
            nodes.setdefault(at, {}).setdefault(w.sample or 1, []).append(v)
    if not nodes:
        raise ValueError("this graph was not computed by this model: draw(model, loss) takes a Value that it computed")
    samples = max(max(found) for found in nodes.values())
    if not 1 <= sample <= samples:
        raise ValueError(f"the graph has {samples} sample{'s' * (samples > 1)}: sample={sample} is none of them")
    result = Pass(None, samples)
    for (k, j), found in nodes.items():
        if sample in found:
            result.units[k, j] = unit = _unit(found[sample], neurons[k, j])
            if k == 0:
                result.inputs |= unit.inputs
    last = max(k for k, _ in neurons)
    outputs = {v for (k, _), found in nodes.items() if k == last for inside in found.values() for v in inside}
    result.root = None if outputs.issuperset(roots) else roots[0]
    return result


def _unit(nodes: Sequence[Value], neuron: Neuron) -> Unit:
    out = total = nodes[-1]
    inner = [x for x in out.operands if x in nodes]
    if out.op.is_function and out.op is not dot and len(inner) == 1:
        total = inner[0]
    inputs = {}
    position = {w: i for i, w in enumerate(neuron.w)}
    for v in nodes:
        if v.op in (dot, multiply):
            half = len(v.operands) // 2
            for i, x in enumerate(v.operands[: 2 * half]):
                if x in position:
                    inputs[position[x]] = v.operands[(i + half) % (2 * half)]
    return Unit(total, out, inputs)


def gradient(v: Value | None) -> Any:
    """Return the gradient of a node if backward() has reached it."""
    return None if v is None or v.op is CONSTANT or is_unreached(v.grad) else v.grad
