"""Programs as people write them for micrograd: each runs here and there, and both give the same numbers."""

import math
import random
import types

import micrograd.engine
import micrograd.nn
import numpy as np
import pytest

import micrograd_like.engine
import micrograd_like.nn
from micrograd_like.nn.optim import SGD, Adam
from micrograd_like.nn.training import train

XS = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
YS = [1.0, -1.0, -1.0, 1.0]


def library(package):
    """Return what a program imports, under one roof, with classes of its own that it may patch."""
    copies = {name: type(name, (getattr(package.nn, name),), {}) for name in ("Neuron", "Layer", "MLP")}
    return types.SimpleNamespace(Value=package.engine.Value, Module=package.nn.Module, **copies)


def equal_start(model, seed=0):
    """Give parameters numbers that do not depend on how each library draws them."""
    rng = random.Random(seed)
    for p in model.parameters():
        p.data = rng.uniform(-1, 1)
    return model


def numbers(model):
    return [p.data for p in model.parameters()] + [float(p.grad) for p in model.parameters()]


def squared(lib, model):
    return sum((out - y) ** 2 for y, out in zip(YS, map(model, XS), strict=True))


# -------------------- programs --------------------


def lecture(lib):
    model = equal_start(lib.MLP(3, [4, 4, 1]))
    for _ in range(20):
        loss = squared(lib, model)
        for p in model.parameters():
            p.grad = 0.0
        loss.backward()
        for p in model.parameters():
            p.data += -0.01 * p.grad
    return [*numbers(model), loss.data]


def max_margin_with_regularisation(lib):
    model = equal_start(lib.MLP(3, [8, 8, 1]))
    for k in range(5):
        scores = list(map(model, [list(map(lib.Value, row)) for row in XS]))
        data_loss = sum((1 + -y * s).relu() for y, s in zip(YS, scores, strict=True)) * (1.0 / len(scores))
        loss = data_loss + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (0.1 - 0.09 * k / 100) * p.grad
    hits = [(y > 0) == (s.data > 0) for y, s in zip(YS, scores, strict=True)]
    return [*numbers(model), loss.data, *map(float, hits)]


def momentum_on_the_parameters(lib):
    model = equal_start(lib.MLP(3, [4, 1]))
    for p in model.parameters():
        p.m = 0.0
    for _ in range(5):
        loss = squared(lib, model)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.m = 0.9 * p.m + p.grad
            p.data -= 0.01 * p.m
    return numbers(model)


def adam_in_dictionaries(lib):
    model = equal_start(lib.MLP(3, [4, 1]))
    m, v = dict.fromkeys(model.parameters(), 0.0), dict.fromkeys(model.parameters(), 0.0)
    for t in range(1, 6):
        loss = squared(lib, model)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            m[p] = 0.9 * m[p] + 0.1 * p.grad
            v[p] = 0.999 * v[p] + 0.001 * p.grad**2
            p.data -= 0.01 * m[p] / (1 - 0.9**t) / (math.sqrt(v[p] / (1 - 0.999**t)) + 1e-8)
    return numbers(model)


def mini_batches_from_random(lib):
    model, rng = equal_start(lib.MLP(3, [4, 1])), random.Random(3)
    for _ in range(5):
        batch = rng.sample(range(4), 2)
        loss = sum((model(XS[i]) - YS[i]) ** 2 for i in batch) / 2
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.05 * p.grad
    return numbers(model)


def gradients_that_accumulate(lib):
    model = equal_start(lib.MLP(3, [4, 1]))
    for x, y in zip(XS, YS, strict=True):
        ((model(x) - y) ** 2).backward()
    return numbers(model)


def a_neuron_of_its_own(lib):
    class Cubic(lib.Neuron):
        def __call__(self, x):
            return sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b) ** 3

    layer = lib.Layer(3, 2)
    layer.neurons = [Cubic(3) for _ in range(2)]
    model = lib.MLP(3, [2, 1])
    model.layers[0] = layer
    equal_start(model)
    squared(lib, model).backward()
    return numbers(model)


def a_layer_that_makes_its_own_neurons(lib):
    class Leaky(lib.Neuron):
        def __call__(self, x):
            act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
            return act.relu() - 0.1 * (-act).relu() if self.nonlin else act

    class Net(lib.MLP):
        def __init__(self, nin, nouts):
            super().__init__(nin, nouts)
            for i, layer in enumerate(self.layers):
                n = len(layer.neurons[0].w)
                layer.neurons = [Leaky(n, nonlin=i != len(nouts) - 1) for _ in layer.neurons]

    model = equal_start(Net(3, [4, 4, 1]))
    squared(lib, model).backward()
    return [*numbers(model), model(XS[0]).data]


def a_neuron_with_everything_of_its_own(lib):
    class Own(lib.Neuron):
        def __init__(self, nin, nonlin=True):
            self.w = [lib.Value(0.1 * i) for i in range(1, nin + 1)]
            self.b = lib.Value(0.5)
            self.scale = lib.Value(2.0)
            self.nonlin = nonlin

        def __call__(self, x):
            act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b) * self.scale
            return act.relu() if self.nonlin else act

        def parameters(self):
            return [*self.w, self.b, self.scale]

    layer = lib.Layer(3, 2)
    layer.neurons = [Own(3), Own(3, False)]
    out = layer(XS[0])
    (out[0] * out[1]).backward()
    return numbers(layer)


def a_patched_class(lib):
    def call(self, x):
        return sum((wi * xi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)

    neuron = lib.MLP(3, [2, 1]).layers[0].neurons[0]
    original = type(neuron).__call__
    type(neuron).__call__ = call
    try:
        model = equal_start(lib.MLP(3, [2, 1]))
        squared(lib, model).backward()
        return [*numbers(model), model(XS[1]).data]
    finally:
        type(neuron).__call__ = original


def a_patched_layer(lib):
    kind = type(lib.MLP(3, [2, 1]).layers[0])
    original = kind.__call__
    kind.__call__ = lambda self, x: [2 * n(x) for n in self.neurons]
    try:
        model = equal_start(lib.MLP(3, [2, 1]))
        out = model(XS[0])
        out[0].backward()
        return [*numbers(model), float(len(out))]
    finally:
        kind.__call__ = original


def a_frozen_layer(lib):
    class Frozen(lib.Layer):
        def parameters(self):
            return []

    model = lib.MLP(3, [4, 4, 1])
    equal_start(model)
    model.layers[0].__class__ = Frozen
    before = [p.data for n in model.layers[0].neurons for p in n.parameters()]
    for _ in range(3):
        loss = squared(lib, model)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.01 * p.grad
    assert [p.data for n in model.layers[0].neurons for p in n.parameters()] == before
    assert len(model.parameters()) == 4 * 5 + 5
    return numbers(model)


def an_inserted_module(lib):
    class Scale(lib.Module):
        def __init__(self):
            self.gain = lib.Value(0.5)

        def __call__(self, xs):
            return [x * self.gain for x in xs]

        def parameters(self):
            return [self.gain]

    model = lib.MLP(3, [4, 2])
    model.layers.insert(1, Scale())
    equal_start(model)
    a, b = model(XS[0])
    (a * b).backward()
    return numbers(model)


def a_module_that_is_no_module(lib):
    class Plain:
        def __init__(self):
            self.w = lib.Value(0.3)

        def __call__(self, x):
            return x[0] * self.w

        def parameters(self):
            return [self.w]

    layer = lib.Layer(3, 2)
    layer.neurons.append(Plain())
    equal_start(layer)
    a, b, c = layer(XS[0])
    (a + b + c * c).backward()
    return numbers(layer)


def a_neuron_that_keeps_its_inputs(lib):
    class Keeping(lib.Neuron):
        def __call__(self, x):
            self.x = list(x)
            self.out = super().__call__(x)
            return self.out

    layer = lib.Layer(2, 2)
    layer.neurons = [Keeping(2), Keeping(2)]
    inputs = [lib.Value(1.5), lib.Value(-2.0)]
    equal_start(layer)
    a, b = layer(inputs)
    (a * b + a).backward()
    for p in layer.parameters():
        p.data -= 0.1 * p.grad
    assert [x.data for x in inputs] == [1.5, -2.0]
    return numbers(layer)


def a_neuron_by_position(lib):
    a, b = equal_start(lib.Neuron(2, False)), equal_start(lib.Neuron(2, nonlin=True))
    return [a([-1.0, -5.0]).data, b([-1.0, -5.0]).data, float(a.nonlin), float(b.nonlin)]


def a_linear_layer(lib):
    layer = equal_start(lib.Layer(2, 3, nonlin=False))
    return [v.data for v in layer([1.0, -5.0])]


def a_layer_of_one(lib):
    layer = equal_start(lib.Layer(2, 1))
    out = layer([1.0, 2.0])
    out.backward()
    return [out.data, *numbers(layer)]


def an_own_loop_over_layers(lib):
    model = equal_start(lib.MLP(3, [4, 2]))
    x, sizes = XS[0], []
    for layer in model.layers:
        x = layer(x)
        sizes.append(float(len(x)))
    return [*sizes, *(v.data for v in x), *(v.data for v in model(XS[0]))]


def inputs_from_numpy(lib):
    model = equal_start(lib.MLP(3, [4, 1]))
    x = np.array(XS)
    loss = sum((model(row) - y) ** 2 for row, y in zip(x.tolist(), YS, strict=True)) * (1.0 / x.shape[0])
    loss.backward()
    return [*numbers(model), *(float(model(list(map(lib.Value, row))).data) for row in x)]


def learning_rates_from_numpy(lib):
    model = equal_start(lib.MLP(3, [4, 1]))
    for lr in np.linspace(0.05, 0.01, 4):
        loss = squared(lib, model)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data = p.data - lr * p.grad
    return [float(x) for x in numbers(model)]


def parameters_saved_and_set(lib):
    model = equal_start(lib.MLP(3, [4, 1]))
    saved = [p.data for p in model.parameters()]
    other = lib.MLP(3, [4, 1])
    for p, number in zip(other.parameters(), saved, strict=True):
        p.data = number
    squared(lib, other).backward()
    return numbers(other)


def clipped_gradients(lib):
    model = equal_start(lib.MLP(3, [4, 1]))
    (100 * squared(lib, model)).backward()
    norm = math.sqrt(sum(p.grad**2 for p in model.parameters()))
    for p in model.parameters():
        p.grad *= min(1.0, 5.0 / norm)
        p.data -= 0.1 * p.grad
    return numbers(model)


def weight_decay_and_schedules(lib):
    model = equal_start(lib.MLP(3, [4, 1]))
    for step in range(4):
        loss = squared(lib, model) + 0.5 * 0.01 * sum(p**2 for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.05 * 0.9**step * p.grad
    return [*numbers(model), loss.data]


def two_networks(lib):
    teacher, student = equal_start(lib.MLP(3, [4, 1])), equal_start(lib.MLP(3, [2, 1]), seed=1)
    loss = sum((student(x) - teacher(x).data) ** 2 for x in XS)
    loss.backward()
    return numbers(student) + numbers(teacher)


PROGRAMS = [
    lecture,
    max_margin_with_regularisation,
    momentum_on_the_parameters,
    adam_in_dictionaries,
    mini_batches_from_random,
    gradients_that_accumulate,
    a_neuron_of_its_own,
    a_layer_that_makes_its_own_neurons,
    a_neuron_with_everything_of_its_own,
    a_patched_class,
    a_patched_layer,
    a_frozen_layer,
    an_inserted_module,
    a_module_that_is_no_module,
    a_neuron_that_keeps_its_inputs,
    a_neuron_by_position,
    a_linear_layer,
    a_layer_of_one,
    an_own_loop_over_layers,
    inputs_from_numpy,
    learning_rates_from_numpy,
    parameters_saved_and_set,
    clipped_gradients,
    weight_decay_and_schedules,
    two_networks,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_a_program_gives_the_same_numbers_in_both(program):
    theirs, ours = program(library(micrograd)), program(library(micrograd_like))
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    assert len(ours) > 1
    assert any(ours)


# -------------------- what micrograd has no counterpart of --------------------


@pytest.mark.parametrize("make", ["MLP(2, [4, 4, 1])", "Layer(3, 2)", "Neuron(3)"])
def test_a_seed_of_the_module_random_gives_micrograds_weights(make):
    drawn = []
    for namespace in vars(micrograd.nn), vars(micrograd_like.nn):
        random.seed(7)
        drawn.append([p.data for p in eval(make, dict(namespace)).parameters()])
    sizes = [len(numbers) for numbers in drawn]
    assert sizes[0] == sizes[1]
    random.seed(7)
    ours = eval(make.replace(")", ", init='uniform')"), dict(vars(micrograd_like.nn)))
    assert [p.data for p in ours.parameters()] == drawn[0]


def test_an_overridden_parameters_counts_for_paths_optimisers_and_compiled_training():
    class Frozen(micrograd_like.nn.Layer):
        def parameters(self):
            return []

    def frozen():
        model = micrograd_like.nn.MLP(2, [3, 1], activation="tanh", seed=0)
        model.layers[0].__class__ = Frozen
        return model

    model = frozen()
    before = [p.data for n in model.layers[0].neurons for p in n.parameters()]
    assert [path for path, _ in model.named_parameters()] == [
        f"layers.1.neurons.0.{x}" for x in ("w.0", "w.1", "w.2", "b")
    ]
    assert [p for _, p in model.named_parameters()] == model.parameters() == Adam(model.parameters()).parameters
    model([1.0, 2.0]).backward()
    model.zero_grad()
    assert all(p.grad == 0 for p in model.parameters())
    assert any(p.grad for p in model.layers[0].neurons[0].parameters())
    rows, targets = [[0.0, 1.0], [1.0, 0.5], [0.2, 0.1], [0.9, 0.3]], [0, 1, 1, 0]
    losses = [
        [e.loss for e in train(m, rows, targets, epochs=3, compiled=c)]
        for m, c in ((frozen(), False), (frozen(), True))
    ]
    assert losses[0] == pytest.approx(losses[1])
    list(train(model, rows, targets, epochs=2))
    assert [p.data for n in model.layers[0].neurons for p in n.parameters()] == before


def test_added_parameters_get_a_path():
    class Scaled(micrograd_like.nn.Neuron):
        def __init__(self, nin):
            super().__init__(nin)
            self.scale = micrograd_like.Value(2.0)

        def parameters(self):
            return [*super().parameters(), self.scale]

    layer = micrograd_like.nn.Layer(1, 1)
    layer.neurons = [Scaled(1)]
    assert dict(layer.named_parameters()) == {
        "neurons.0.w.0": layer.neurons[0].w[0],
        "neurons.0.b": layer.neurons[0].b,
        "neurons.0.parameters.2": layer.neurons[0].scale,
    }
    assert layer.parameters() == list(dict(layer.named_parameters()).values())


def test_a_layer_frozen_by_an_attribute():
    model = micrograd_like.nn.MLP(2, [2, 1])
    model.layers[0].parameters = list
    assert len(model.parameters()) == 3
    assert len(dict(model.named_parameters())) == 3


def test_layers_of_one_neuron_in_a_row():
    model = micrograd_like.nn.MLP(2, [4, 1, 1], activation="tanh", seed=0)
    out = model([1.0, 2.0])
    assert isinstance(out, micrograd_like.Value)
    first, second, third = model.layers
    h = [math.tanh(n.w[0].data + 2 * n.w[1].data) for n in first.neurons]
    (last,), (n,) = third.neurons, second.neurons
    inner = math.tanh(sum(w.data * x for w, x in zip(n.w, h, strict=True)))
    assert out.data == pytest.approx(last.w[0].data * inner)
    out.backward()
    assert [w.grad for w in n.w] == pytest.approx([last.w[0].data * (1 - inner**2) * x for x in h])


# -------------------- numbers of NumPy's --------------------


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.int64])
def test_numbers_of_numpy_as_data_gradients_and_settings(kind, tmp_path):
    from micrograd_like.nn.storage import load, save

    model = micrograd_like.nn.MLP(2, [2, 1], seed=0)
    for p in model.parameters():
        p.data = kind(3 * p.data)
    save(model, tmp_path / "model.json")
    assert [p.data for p in load(tmp_path / "model.json").parameters()] == [float(p.data) for p in model.parameters()]
    for make in (
        lambda ps, lr: SGD(ps, lr, momentum=np.float32(0.5), weight_decay=np.float32(0.25)),
        lambda ps, lr: Adam(ps, lr, betas=(np.float32(0.5), np.float64(0.75)), eps=np.float32(0.125)),
    ):
        mine, plain = (micrograd_like.Value(float(kind(3))) for _ in range(2))
        mine.data = kind(3)
        mine.grad, plain.grad = np.float32(0.1), float(np.float32(0.1))
        first, second = make([mine], np.float32(0.1)), make([plain], float(np.float32(0.1)))
        for optimizer in first, second, first, second:
            optimizer.step()
        assert mine.data == plain.data
        assert type(mine.data) is float
        first.lr = np.float32(0.3)
        assert type(first.lr) is float


def test_sizes_of_numpys():
    x = np.zeros((5, 2))
    model = micrograd_like.nn.MLP(np.int64(x.shape[1]), np.array([3, 1]), seed=np.int64(3))
    assert repr(model) == repr(micrograd_like.nn.MLP(2, [3, 1]))
    losses = [e.loss for e in train(model, x, [0, 1, 0, 1, 1], epochs=np.int64(2), batch_size=np.int64(5))]
    assert len(losses) == 2
