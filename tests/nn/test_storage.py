import json
import math
import os
from fractions import Fraction

import pytest

from micrograd_like import Value
from micrograd_like.nn import MLP, Neuron
from micrograd_like.nn.storage import load, save


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.json"


def describe(model):
    return [
        (n.activation, [w.data for w in n.w], None if n.b is None else n.b.data)
        for layer in model.layers
        for n in layer.neurons
    ]


@pytest.mark.parametrize(
    "model",
    [
        MLP(3, [4, 2], seed=0),
        MLP(1, [1], output="sigmoid", seed=1),
        MLP(2, [5, 5, 3], activation="leaky_relu", output="softplus", bias=False, seed=2),
    ],
    ids=str,
)
def test_a_model_comes_back_to_the_last_bit(path, model):
    save(model, path)
    other = load(str(path))
    assert describe(other) == describe(model)
    assert [p.label for p in other.parameters()] == [p.label for p in model.parameters()]
    assert repr(other) == repr(model)


def test_awkward_numbers_come_back(path):
    model = MLP(4, [1], output="tanh")
    numbers = [5e-324, -1.7976931348623157e308, 0.1 + 0.2, -0.0]
    for w, x in zip(model.layers[0].neurons[0].w, numbers, strict=True):
        w.data = x
    save(model, path)
    assert [w.data.hex() for w in load(path).layers[0].neurons[0].w] == [x.hex() for x in numbers]


def test_neurons_changed_by_hand_come_back(path):
    model = MLP(2, [3, 1])
    neuron = model.layers[0].neurons[1]
    neuron.activation, neuron.b, neuron.w[0] = "tanh", None, Value(7)
    save(model, path)
    assert describe(load(path)) == describe(model)


def test_the_loaded_model_computes_and_learns(path):
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    save(model, path)
    other = load(path)
    out = other([0.5, -1.0])
    assert out.data == model([0.5, -1.0]).data
    out.backward()
    assert all(p.grad for p in other.parameters())


# -------------------- saving --------------------


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, Fraction(1, 3), "0.5"])
def test_what_is_no_finite_float_is_refused_and_the_file_left_as_it_was(path, number):
    model = MLP(3, [4, 1])
    save(model, path)
    before = path.read_bytes()
    model.layers[0].neurons[1].w[2].data = number
    with pytest.raises(ValueError, match=r"model\.json: layers\.0\.neurons\.1\.w\.2: .* is not a finite float"):
        save(model, path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.json"]


def test_layers_that_do_not_fit_are_refused(path):
    model = MLP(2, [3, 1])
    model.layers[1].neurons[0].w.pop()
    with pytest.raises(ValueError, match=r"layers\.1\.neurons\.0\.w: 2 weights for 3 inputs"):
        save(model, path)


def test_only_an_mlp_is_saved(path):
    with pytest.raises(TypeError, match="only an MLP can be saved, not Neuron"):
        save(Neuron(2), path)


def test_what_computes_in_a_way_of_its_own_is_not_saved(path):
    class Cubic(Neuron):
        def __call__(self, x):
            return super().__call__(x) ** 3

    class Scaled(MLP):
        def __call__(self, x):
            return 2 * super().__call__(x)

    class Frozen(MLP):
        def parameters(self):
            return []

    model = MLP(2, [2, 1])
    model.layers[0].neurons[1] = Cubic(2)
    with pytest.raises(TypeError, match=r"layers\.0\.neurons\.1 is Cubic\(2\), which computes its output in"):
        save(model, path)
    model.layers.insert(1, len)
    model.layers[0].neurons[1] = Neuron(2)
    with pytest.raises(TypeError, match=r"layers\.1 is <built-in function len>"):
        save(model, path)
    with pytest.raises(TypeError, match="the model is Scaled of "):
        save(Scaled(2, [1]), path)
    assert not path.exists()
    save(Frozen(2, [1]), path)
    assert describe(load(path)) != []


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["full", "interrupt"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path, monkeypatch, function, error):
    save(MLP(2, [3, 1], seed=0), path)
    before = path.read_bytes()

    def fail(*arguments):
        raise error

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(type(error)):
        save(MLP(2, [3, 1], seed=1), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.json"]


def test_a_link_stays_a_link(path):
    link = path.with_name("link.json")
    try:
        link.symlink_to(path)
    except OSError:
        link = path  # not allowed here, as on some Windows machines: then the plain file is written
    save(MLP(2, [1], seed=0), link)
    assert describe(load(path)) == describe(MLP(2, [1], seed=0))
    assert link == path or link.is_symlink()


# -------------------- damaged and foreign files --------------------


def damage(path, change):
    save(MLP(2, [3, 1], seed=0), path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def neuron(document):
    return document["layers"][0]["neurons"][1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("format"), "format: this is not a model"),
        (lambda d: d.update(format="other"), "format: this is not a model"),
        (lambda d: d.update(version=2), "version: this program reads 1, not 2"),
        (lambda d: d.pop("layers"), "layers: a list"),
        (lambda d: d.update(layers=[]), "layers: a list with something in it"),
        (lambda d: d.update(layers=[5]), r"layers\.0\.neurons: a list"),
        (lambda d: d["layers"][0].update(neurons={}), r"layers\.0\.neurons: a list"),
        (lambda d: d["layers"][0]["neurons"].pop(), r"layers\.1\.neurons\.0\.w: 3 weights for 2 inputs"),
        (lambda d: d["layers"][0]["neurons"].append(None), r"layers\.0\.neurons\.3\.w: a list"),
        (lambda d: neuron(d).pop("w"), r"layers\.0\.neurons\.1\.w: a list"),
        (lambda d: neuron(d)["w"].append(1.0), r"layers\.0\.neurons\.1\.w: 3 weights for 2 inputs"),
        (lambda d: neuron(d).update(w=[1.0, "2"]), r"layers\.0\.neurons\.1\.w\.1: '2' is not a finite float"),
        (lambda d: neuron(d).update(w=[True, 1]), r"layers\.0\.neurons\.1\.w\.0: True is not a finite float"),
        (lambda d: neuron(d).update(w=[math.nan, 1]), r"layers\.0\.neurons\.1\.w\.0: nan is not a finite float"),
        (lambda d: neuron(d).update(w=[10**400, 1]), r"layers\.0\.neurons\.1\.w\.0: 10{39} is not a finite float"),
        (lambda d: neuron(d).update(b=-math.inf), r"layers\.0\.neurons\.1\.b: -inf is not a finite float"),
        (lambda d: neuron(d).pop("b"), r"layers\.0\.neurons\.1\.b: None is not a finite float"),
        (
            lambda d: neuron(d).pop("activation"),
            r"layers\.0\.neurons\.1\.activation: unknown activation None; choose from linear, relu",
        ),
        (
            lambda d: neuron(d).update(activation="swish"),
            r"layers\.0\.neurons\.1\.activation: unknown activation 'swish'; choose from",
        ),
        (
            lambda d: neuron(d).update(activation=["relu"]),
            r"layers\.0\.neurons\.1\.activation: unknown activation \['relu'\]; choose from",
        ),
    ],
)
def test_a_damaged_file_is_named_with_the_field(path, change, message):
    damage(path, change)
    with pytest.raises(ValueError, match=r"model\.json: " + message):
        load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"PK\x03\x04"])
def test_a_file_that_is_no_json(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.json: this is not JSON"):
        load(path)


@pytest.mark.parametrize("content", [b"[]", b"null", b'"micrograd_like.MLP"', b'{"format": 1}'])
def test_json_of_another_kind(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.json: format: this is not a model"):
        load(path)


def test_every_truncation_is_refused(path):
    save(MLP(2, [2, 1], seed=0), path)
    content = path.read_bytes()
    for length in range(len(content) - 2):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="this is not JSON"):
            load(path)


def test_a_small_file_cannot_ask_for_a_large_model(path):
    # the first neuron has 20,000 weights and 20,000 others say nothing: 400 million weights, if they were believed
    first = {"activation": "relu", "w": [0] * 20_000, "b": 0}
    layers = [{"neurons": [first, *[{}] * 20_000]}]
    path.write_text(json.dumps({"format": "micrograd_like.MLP", "version": 1, "layers": layers}))
    with pytest.raises(ValueError, match=r"layers\.0\.neurons\.1\.w"):
        load(path)


def test_a_missing_file(path):
    with pytest.raises(FileNotFoundError):
        load(path)
