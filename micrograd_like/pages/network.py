"""The page of a network that learns: its programs in JavaScript, and where its units and connections are drawn.

The compiler writes a program for each activation that can be chosen and for each shape that the loss of a sample takes.
Every program has biases; without them they stay at 0.
"""

from collections.abc import Sequence
from itertools import chain
from math import isfinite
from typing import Any

from ..compiler.emit import emit
from ..compiler.lower import lower
from ..compiler.samples import Samples, nodes_above
from ..engine import Value, record
from ..escape import html, one_line
from ..nn.datasets import Dataset
from ..nn.losses import Loss, binary_cross_entropy, cross_entropy
from ..nn.modules import ACTIVATIONS, MLP, Layer, Neuron
from ..nn.training import BATCH_SIZE, LEARNING_RATES, Task, task
from ..pictures import draw
from ..pictures.lines import RADIUS, Point
from ..pictures.lines import places as label_places
from ..pictures.network import WRITTEN, Grid, most_connections, width_of
from ..pictures.passes import find
from .document import Page, document, source
from .engine import engine, reading

LARGEST = 1_000  # parameters: each is in every program, about 130 characters
WIDEST = 32  # units in a layer
_SCRIPTS = "training", "living", "connections", "network", "samples", "charts", "chosen", "controls"
CHOICES = "relu", "tanh", "sigmoid", "linear"  # for the hidden layers


def network_page(
    model: MLP, data: Dataset, *, loss: str | Loss | None = None, lr: float | None = None, batch_size: int = BATCH_SIZE
) -> Page:
    """Return the page on which a network learns, as `page` describes it."""
    _check(model, data)
    scale = model.scaling or list
    rows: list[Sequence[float]] = [tuple(map(float, scale(row))) for row in data.rows]
    sizes = [2, *(len(layer.neurons) for layer in model.layers)]
    names = [one_line(name) + (" (scaled)" if model.scaling else "") for name in data.feature_names]
    given = [[neuron.activation for neuron in layer.neurons] for layer in model.layers]
    learnt = task(model, data, loss=loss)._replace(rows=rows)
    programs, numbers = _programs(given, sizes, learnt)
    places = [
        (k, i, j) for k, layer in enumerate(given, 1) for j in range(len(layer)) for i in [*range(sizes[k - 1]), -1]
    ]
    title = f"{' → '.join(map(str, sizes))} units learn {one_line(data.name)}"
    measure = getattr(learnt.loss, "__name__", "loss").replace("_", " ")
    facts = {
        "reading": reading(),
        "sizes": sizes,
        "parameters": places,
        "names": [_name(model, *place) for place in places],
        "given": [_given(model, *place) for place in places],
        "biased": any(neuron.b is not None for layer in model.layers for neuron in layer.neurons),
        "activations": {name: _activations(given, name) for name in _choices(given)},
        "features": names,
        "classNames": [one_line(name) for name in data.class_names],
        "rows": rows,
        "classes": data.targets,
        "threshold": learnt.threshold,
        "probable": learnt.loss in (binary_cross_entropy, cross_entropy),
        "loss": measure,
        "learningRate": LEARNING_RATES["sgd"] if lr is None else lr,
        "batchSize": min(batch_size, len(data)),
        **numbers,
        **_geometry(sizes, places),
    }
    note = f"{len(data)} samples, {len(places)} parameters, {measure}."
    body = source(__package__, "network.html").format(title=html(title), note=html(note))
    written = document(
        title,
        body,
        styles=[source(__package__, "living.css", "network.css")],
        scripts=[engine([], derived=False), programs, source(__package__, *(f"{name}.js" for name in _SCRIPTS))],
        data=facts,
    )
    return Page(title, written, lambda: draw(model, data, show="weights").image, height=860)


def _check(model: MLP, data: Dataset) -> None:
    if not isinstance(data, Dataset):
        raise TypeError(f"page(model, data) takes a Dataset, such as moons() or read_csv(path), not {data!r}")
    if len(data.feature_names) != 2:
        raise ValueError(
            f"a page shows two features, and {one_line(data.name)} has {len(data.feature_names)}: "
            "choose two by data.select([...]), or --features"
        )
    for layer in model.layers:
        for neuron in layer.neurons if isinstance(layer, Layer) else [layer]:
            if type(neuron) is not Neuron or type(layer) is not Layer:
                raise TypeError(f"a page trains the layers and neurons of this package, not a {type(neuron).__name__}")
    if len(model.layers[0].neurons[0].w) != 2:
        raise ValueError(
            f"the network takes {len(model.layers[0].neurons[0].w)} inputs, and a page shows 2: write MLP(2, …)"
        )
    for p in model.parameters():
        if not isfinite(p.data):
            raise ValueError(
                f"{one_line(p.label)} is {p.data}, which a page cannot compute with: it takes finite numbers"
            )
    if (most := max(len(layer.neurons) for layer in model.layers)) > WIDEST:
        raise ValueError(f"a layer of {most} units is too large for a page, which shows {WIDEST}")
    if (count := len(model.parameters())) > LARGEST:
        raise ValueError(f"a network of {count:,} parameters is too large for a page, which takes {LARGEST:,}")


def _choices(given: Sequence[Sequence[str]]) -> list[str]:
    """Return what can be chosen for the hidden layers, first what the model has."""
    hidden = {name for layer in given[:-1] for name in layer}
    if not hidden:
        return ["as given"]
    return list(dict.fromkeys([hidden.pop() if len(hidden) == 1 else "as given", *CHOICES]))


def _activations(given: Sequence[Sequence[str]], choice: str) -> list[list[str]]:
    if choice not in ACTIVATIONS:
        return [list(layer) for layer in given]
    return [*([choice] * len(layer) for layer in given[:-1]), list(given[-1])]


def _programs(given: Sequence[Sequence[str]], sizes: Sequence[int], learnt: Task) -> tuple[str, dict[str, list[Any]]]:
    """Return the programs as a script, and for each sample which program it takes, and what numbers."""
    written: list[str] = []
    numbers: dict[str, list[Any]] = {}
    for choice in _choices(given):
        model = MLP(sizes[0], sizes[1:], seed=0)
        for layer, names in zip(model.layers, _activations(given, choice), strict=True):
            for neuron, name in zip(layer.neurons, names, strict=True):
                neuron.activation = name
        samples = Samples(model, learnt.loss, model.parameters(), True, learnt.rows, learnt.targets)
        samples.compare(model, learnt.loss)
        scores = samples.scores
        found = find(model, scores).units
        units = [found[at] for at in sorted(found)]
        inside = [*(unit.out for unit in units), *(unit.sum for unit in units)]
        kinds = []
        for loss, inputs in samples.graphs:
            program = lower([loss, *scores, *inside], inputs, samples.parameters)
            kinds.append(_function(emit(program, "javascript", True), "valueAndGrad"))
        features = samples.graphs[0][1][:2]
        forward = lower(scores, features, samples.parameters)._replace(backward=(), gradients=())
        predict = _function(emit(forward, "javascript", False), "value")
        written.append(f"[{choice!r}, {{ train: [{', '.join(kinds)}], predict: {predict} }}]")
        numbers = {"kinds": samples.kinds, "numbers": [samples.row(i) for i in range(len(samples.rows))]}
    table = ",\n".join(written)
    script = f"const PROGRAMS = new Map([\n{table},\n]);\n{_errors(samples)}"
    return f"/* eslint-disable no-unused-vars, prefer-const */\n{script}/* eslint-enable */\n", numbers


def _errors(samples: Samples) -> str:
    """Return the programs of the loss alone, by shape, for what comes back into the outputs."""
    scores = {v: Value(v.data, f"output{k}") for k, v in enumerate(samples.scores, start=1)}
    functions = []
    for loss, inputs in samples.graphs:
        twins = dict(scores)
        for v in nodes_above(loss, scores):
            twins[v] = record(v.op, [twins[x] for x in v.operands]) if v.operands else v
        program = lower([twins[loss]], inputs, [*scores.values()])
        functions.append(_function(emit(program, "javascript", True), "valueAndGrad"))
    return f"const LOSSES = [{', '.join(functions)}];\n"


def _function(code: str, name: str) -> str:
    """Return an expression for a function of a module; a browser reads it when it is first called."""
    return f"(() => {{\n{code.replace('export function', 'function')}return {name};\n}})()"


def _given(model: MLP, layer: int, i: int, j: int) -> float:
    neuron = model.layers[layer - 1].neurons[j]
    if i < 0:
        return 0.0 if neuron.b is None else float(neuron.b.data)
    return float(neuron.w[i].data)


def _name(model: MLP, layer: int, i: int, j: int) -> str:
    neuron = model.layers[layer - 1].neurons[j]
    p = neuron.b if i < 0 else neuron.w[i]
    return f"b{layer}[{j + 1}]" if p is None else one_line(p.label)


def _geometry(sizes: Sequence[int], parameters: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    """Return where the units stand, and where along each connection its numbers do, if there is room for them."""
    most = most_connections(sizes)
    written = most <= WRITTEN
    row = 100.0 if written else max(24.0, min(60.0, 480 / max(sizes)))
    rows = [row if written else min(64.0, row * max(sizes) / n) for n in sizes]
    grid = Grid(sizes, width_of(190.0, most) if written else 215.0, rows)
    lines: dict[int, list[tuple[Point, Point]]] = {}  # by the layer that they lead to
    for k, i, j in parameters if written else ():
        if i >= 0:
            lines.setdefault(k, []).append((grid.at(k - 1, i), grid.at(k, j)))
    texts = [("→ -0.000", "data")] * 2
    shares = chain.from_iterable(label_places(each, [texts] * len(each)) for each in lines.values())
    return {
        "at": [[grid.at(k, i) for i in range(n)] for k, n in enumerate(sizes)],
        "radius": RADIUS if written else min(20.0, 0.42 * row),
        "places": [0.0 if i < 0 else next(shares) for _, i, _ in parameters] if written else [],
    }
