"""Keep an MLP in a JSON file and get it back, to the last bit of each parameter.

How its inputs are scaled, `model.scaling`, is part of the file: a loaded model takes the numbers as they were measured.
"""

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

from ..files import read_json, write_whole
from .datasets import Scaling
from .modules import ACTIVATIONS, MLP, Layer, Module, Neuron

FORMAT, VERSION = "micrograd_like.MLP", 1


def save(model: MLP, path: str | PathLike[str]) -> None:
    """Write the model to a file, which is replaced as a whole or, if anything goes wrong, left as it was.

    Raises:
        TypeError: the model is not an MLP, or a part of it computes its output in a way of its own.
        ValueError: a parameter is not a finite float, or the layers do not fit together; the text names which.
        OSError: the file cannot be written.
    """
    path = Path(path)
    document = describe(model)
    build(document, path)  # what would not load is not saved
    write_whole(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())


def load(path: str | PathLike[str]) -> MLP:
    """Read a model that `save` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no model, or a damaged one; the text names the file and the field.
    """
    path = Path(path)
    return build(read_json(path), path)


def describe(model: MLP) -> dict[str, Any]:
    """Return what a file holds of a model; TypeError if that is not all of it."""
    if not isinstance(model, MLP) or not isinstance(model.scaling, Scaling | None):
        raise TypeError(f"only an MLP can be saved, not {model!r}")
    _check_kind(model, MLP, "the model")
    for i, layer in enumerate(model.layers):
        _check_kind(layer, Layer, f"layers.{i}")
        for j, neuron in enumerate(layer.neurons):
            _check_kind(neuron, Neuron, f"layers.{i}.neurons.{j}")
    layers = [{"neurons": [_describe(neuron) for neuron in layer.neurons]} for layer in model.layers]
    scaling = model.scaling and {name: [*numbers] for name, numbers in asdict(model.scaling).items()}
    return {"format": FORMAT, "version": VERSION, "scaling": scaling, "layers": layers}


def _check_kind(module: object, kind: type[Module], name: str) -> None:
    if not isinstance(module, kind) or type(module).__call__ is not kind.__call__:
        raise TypeError(
            f"{name} is {module!r}, which computes its output in a way of its own, and a file holds numbers only: "
            "save the numbers of its parameters() yourself"
        )


def _describe(neuron: Neuron) -> dict[str, Any]:
    bias = None if neuron.b is None else _plain(neuron.b.data)
    return {"activation": neuron.activation, "w": [_plain(w.data) for w in neuron.w], "b": bias}


def _plain(x: Any) -> Any:
    """Return a number as a float if that is the same number, so NumPy's float32 too; anything else as it is."""
    with suppress(OverflowError):
        if isinstance(x, Real) and float(x) == x:
            return float(x)
    return x


def build(document: Any, path: Path) -> MLP:
    """Return the model a document describes; a message names fields as `named_parameters()` does."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{path}: format: this is not a model, for it does not say {FORMAT!r}")
    if document.get("version") != VERSION:
        raise ValueError(f"{path}: version: this program reads {VERSION}, not {document.get('version')!r:.40}")
    layers: list[list[dict[str, Any]]] = []
    nin = 0  # how many weights each neuron must have; the first one tells for its layer
    for i, layer in enumerate(_list_in(document, "layers", f"{path}: ")):
        neurons = _list_in(layer, "neurons", f"{path}: layers.{i}.")
        for j, neuron in enumerate(neurons):
            where = f"{path}: layers.{i}.neurons.{j}."
            weights = _list_in(neuron, "w", where)
            nin = nin or len(weights)
            if len(weights) != nin:
                raise ValueError(f"{where}w: {len(weights)} weights for {nin} inputs")
            for k, x in enumerate(weights):
                check_number(x, f"{where}w.{k}")
            if "b" not in neuron or neuron["b"] is not None:
                check_number(neuron.get("b"), f"{where}b")
            if not isinstance(neuron.get("activation"), str) or neuron["activation"] not in ACTIVATIONS:
                raise ValueError(
                    f"{where}activation: unknown activation {neuron.get('activation')!r:.40}; "
                    f"choose from {', '.join(ACTIVATIONS)}"
                )
        layers.append(neurons)
        nin = len(neurons)

    model = MLP(len(layers[0][0]["w"]), [len(neurons) for neurons in layers], init="zeros")
    if (scaling := document.get("scaling")) is not None:
        parts = [_list_in(scaling, name, f"{path}: scaling.") for name in ("means", "deviations")]
        for name, part in zip(("means", "deviations"), parts, strict=True):
            if len(part) != len(layers[0][0]["w"]):
                raise ValueError(f"{path}: scaling.{name}: {len(part)} numbers for {len(layers[0][0]['w'])} inputs")
            for k, x in enumerate(part):
                check_number(x, f"{path}: scaling.{name}.{k}")
                if name == "deviations" and not x > 0:
                    raise ValueError(f"{path}: scaling.{name}.{k}: {x!r:.40} is not above 0")
        model.scaling = Scaling(*(tuple(map(float, part)) for part in parts))
    for layer, neurons in zip(model.layers, layers, strict=True):
        for neuron, fields in zip(layer.neurons, neurons, strict=True):
            neuron.activation = fields["activation"]
            if fields["b"] is None:
                neuron.b = None
            numbers = [x for x in (*fields["w"], fields["b"]) if x is not None]
            for p, x in zip(neuron.parameters(), numbers, strict=True):
                p.data = float(x)
    return model


def _list_in(x: Any, name: str, where: str) -> list[Any]:
    if not isinstance(x, dict) or not isinstance(x.get(name), list) or not x[name]:
        raise ValueError(f"{where}{name}: a list with something in it is wanted")
    return x[name]  # type: ignore[no-any-return]


def check_number(x: Any, where: str) -> None:
    """Raise ValueError, naming the place, unless this is a number that a float can hold."""
    if not isinstance(x, int | float) or isinstance(x, bool) or not abs(x) <= sys.float_info.max:
        raise ValueError(f"{where}: {x!r:.40} is not a finite float")
