import copy
import gc
import math
import pickle
import random
from fractions import Fraction

import pytest

from micrograd_like import Value, ops, topological_order
from micrograd_like.nn import ACTIVATIONS, MLP, Layer, Module, Neuron, init

# What an activation computes, written with plain floats.
MEANINGS = {
    "linear": lambda x: x,
    "relu": lambda x: max(x, 0.0),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "tanh": lambda x: (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log(1 + math.exp(x)),
}


def compute(model, x):
    """Return an MLP's outputs, computed from its parameters' numbers alone."""
    for layer in model.layers:
        sums = [
            math.fsum(w.data * a for w, a in zip(n.w, x, strict=True)) + (n.b.data if n.b is not None else 0)
            for n in layer.neurons
        ]
        x = [MEANINGS[n.activation](s) for n, s in zip(layer.neurons, sums, strict=True)]
    return x


def shake(model, seed=0):
    """Give the biases numbers too."""
    rng = random.Random(seed)
    for p in model.parameters():
        p.data += rng.gauss(0, 0.3)
    return model


# -------------------- forward and backward --------------------


@pytest.mark.parametrize("activation", MEANINGS)
@pytest.mark.parametrize("bias", [True, False])
def test_forward_is_the_computation_with_plain_floats(activation, bias):
    model = shake(MLP(3, [5, 4, 2], activation=activation, output="tanh", bias=bias, seed=1))
    for x in [0.5, -1.0, 2.0], [0.0, 0.0, 0.0], [-3.0, 0.1, 0.2]:
        assert [y.data for y in model(x)] == pytest.approx(compute(model, x), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("activation", MEANINGS)
def test_gradients_are_differences_of_the_computation_with_plain_floats(activation):
    model, x, h = shake(MLP(2, [3, 3, 1], activation=activation, seed=2)), [0.7, -0.4], 1e-6
    model(x).backward()
    for p in model.parameters():
        number = p.data
        p.data = number + h
        above = compute(model, x)[0]
        p.data = number - h
        below = compute(model, x)[0]
        p.data = number
        assert p.grad == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-8)


def test_every_activation_is_tested():
    assert set(MEANINGS) == set(ACTIVATIONS)


def test_a_neuron_is_one_dot_and_its_activation():
    n = Neuron(3, activation="tanh", seed=0)
    order = topological_order(n([1.0, 2.0, 3.0]))
    assert [v.op for v in order[-2:]] == [ops.dot, ops.tanh]
    assert len(order) == 3 + 3 + 1 + 2


def test_one_output_is_a_value_and_several_are_a_list():
    assert isinstance(MLP(2, [4, 1])([1.0, 2.0]), Value)
    assert isinstance(MLP(2, [4, 1, 1])([1.0, 2.0]), Value)
    assert [type(y) for y in MLP(2, [1, 3])([1.0, 2.0])] == [Value] * 3
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)
    assert [type(y) for y in Layer(2, 2)([1.0, 2.0])] == [Value] * 2


def test_numbers_become_inputs_once_and_values_stay_what_they_are():
    x2 = Value(2.0, "mine")
    out = MLP(2, [4, 4, 1], activation="tanh", seed=0)([1.0, x2])
    leaves = [v for v in topological_order(out) if not v.operands and v.op is not ops.PARAMETER]
    assert [(v.label, v.data, v.op) for v in leaves] == [("x1", 1.0, ops.CONSTANT), ("mine", 2.0, ops.INPUT)]
    assert leaves[1] is x2
    out.backward()
    assert x2.grad != 0
    assert leaves[0].grad == 0


def test_inputs_may_be_any_iterable_of_numbers():
    n = Neuron(3, activation="linear", seed=0)
    expected = n([1.0, 2.0, 3.0]).data
    assert n((1, 2, 3)).data == n(iter([1, 2, 3])).data == n([Fraction(1), 2, True + 2]).data == expected


def test_bias_false_passes_through_the_origin():
    assert Neuron(2, bias=False).b is None
    model = MLP(2, [8, 3], activation="tanh", bias=False)
    assert [y.data for y in model([0.0, 0.0])] == [0, 0, 0]
    assert len(model.parameters()) == 2 * 8 + 8 * 3


def test_a_replaced_parameter_counts_at_once():
    model = MLP(1, [1], seed=0)
    neuron = model.layers[0].neurons[0]
    neuron.w[0], neuron.b = Value(3.0), Value(1.0)
    assert model([2.0]).data == 7
    assert model.parameters() == [neuron.w[0], neuron.b]
    neuron.activation = "tanh"
    assert model([2.0]).data == math.tanh(7)
    neuron.b = None
    assert model([0.1]).data == pytest.approx(math.tanh(0.3))


# -------------------- parameters --------------------


def test_labels_say_which_connection():
    model = MLP(3, [4, 2])
    assert model.layers[0].neurons[1].w[2].label == "w1[3→2]"
    assert model.layers[1].neurons[1].w[3].label == "w2[4→2]"
    assert model.layers[0].neurons[1].b.label == "b1[2]"
    layer = Layer(3, 2)
    assert (layer.neurons[1].w[2].label, layer.neurons[1].b.label) == ("w[3→2]", "b[2]")
    neuron = Neuron(3)
    assert ([w.label for w in neuron.w], neuron.b.label) == (["w[1]", "w[2]", "w[3]"], "b")
    assert len({p.label for p in model.parameters()}) == len(model.parameters()) == 4 * 4 + 5 * 2
    assert {p.op for p in model.parameters()} == {ops.PARAMETER}


def test_named_parameters_are_paths():
    model = MLP(3, [4, 2])
    named = dict(model.named_parameters())
    assert named["layers.0.neurons.1.w.2"] is model.layers[0].neurons[1].w[2]
    assert named["layers.1.neurons.0.b"] is model.layers[1].neurons[0].b
    assert list(named.values()) == model.parameters()


def test_a_shared_parameter_is_listed_once():
    layer = Layer(2, 2)
    layer.neurons[1].w = layer.neurons[0].w
    assert len(layer.parameters()) == 4
    assert len(list(layer.named_parameters())) == 6


def test_a_module_of_ones_own_needs_to_list_nothing():
    class Two(Module):
        def __init__(self):
            self.first, self.rest, self.scale = Neuron(2), (Neuron(2), Layer(1, 1)), Value(2.0)
            self.last_output = self.scale * 3  # no leaf, so no parameter

        def __call__(self, x):
            return self.scale * self.first(x)

    paths = [path for path, _ in Two().named_parameters()]
    assert paths[:3] == ["first.w.0", "first.w.1", "first.b"]
    assert paths[-3:] == ["rest.1.neurons.0.w.0", "rest.1.neurons.0.b", "scale"]
    assert len(paths) == 9


def test_zero_grad_resets_all_gradients():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    model([1.0, 2.0]).backward()
    assert all(p.grad for p in model.parameters())
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0] * 13


def test_biases_start_at_zero():
    assert [n.b.data for layer in MLP(3, [5, 5]).layers for n in layer.neurons] == [0.0] * 10


# -------------------- seeds --------------------


def numbers(model):
    return [p.data for p in model.parameters()]


def test_a_seed_reproduces_the_weights_whatever_the_global_state():
    random.seed(1)
    first = numbers(MLP(3, [4, 1], seed=42))
    random.seed(2)
    before = random.getstate()
    assert numbers(MLP(3, [4, 1], seed=42)) == first
    assert random.getstate() == before
    assert numbers(MLP(3, [4, 1], seed=43)) != first


def test_without_a_seed_the_module_random_draws():
    random.seed(1)
    first = numbers(MLP(3, [4, 1]))
    assert numbers(MLP(3, [4, 1])) != first
    random.seed(1)
    assert numbers(MLP(3, [4, 1])) == first


def test_neurons_of_a_seeded_layer_differ():
    a, b = Layer(3, 2, seed=0).neurons
    assert numbers(a) != numbers(b)


# -------------------- as in micrograd --------------------


def test_micrograds_session_runs():
    n = Neuron(3)
    assert len(n.w) == 3
    assert n.b.data == 0
    expected = max(0, n.w[0].data - 2 * n.w[1].data + 3 * n.w[2].data)
    assert n([1.0, -2.0, 3.0]).data == pytest.approx(expected, abs=1e-12)
    layer = Layer(2, 3)
    assert len(layer.neurons) == len(layer([1.0, 2.0])) == 3

    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    model = MLP(3, [4, 4, 1], seed=5)
    assert [len(layer.neurons) for layer in model.layers] == [4, 4, 1]
    losses = []
    for _ in range(100):
        ypred = [model(x) for x in xs]
        loss = sum((yout - ygt) ** 2 for ygt, yout in zip(ys, ypred, strict=True))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data += -0.02 * p.grad
        losses.append(loss.data)
    assert losses[-1] < 0.01 < losses[0]


def test_repr_is_short_and_says_the_shape():
    assert repr(Neuron(3)) == "Neuron(3)"
    assert repr(Layer(3, 2, nonlin=False)) == "Layer(3, 2, activation='linear')"
    for written in (
        "Neuron(3, activation='tanh', bias=False)",
        "Layer(3, 2, activation='sigmoid')",
        "Layer(3, 1)",
    ):
        assert repr(eval(written)) == written


def test_repr_of_what_no_call_makes_lists_the_parts():
    model = MLP(2, [3, 3, 1])
    model.layers[0].neurons[2].activation = "tanh"
    assert repr(model.layers[0]) == "Layer of [2 x Neuron(2), Neuron(2, activation='tanh')]"
    model = MLP(2, [4, 4, 4, 3], activation="tanh", bias=False)
    assert repr(model) == (
        "MLP of [Layer(2, 4, activation='tanh', bias=False), 2 x Layer(4, 4, activation='tanh', bias=False), "
        "Layer(4, 3, activation='linear', bias=False)]"
    )
    assert repr(MLP(2, [16, 1])) == "MLP of [Layer(2, 16), Layer(16, 1, activation='linear')]"


def test_copies_and_pickles_are_independent_models():
    model = MLP(2, [3, 1], seed=0)
    for other in copy.deepcopy(model), pickle.loads(pickle.dumps(model)):
        assert numbers(other) == numbers(model)
        other.layers[0].neurons[0].w[0].data += 1
        assert numbers(other) != numbers(model)


def test_forward_and_backward_leave_no_garbage():
    model = MLP(2, [4, 1])
    gc.collect()
    gc.disable()
    try:
        model([1.0, 2.0]).backward()
        assert gc.collect() == 0
    finally:
        gc.enable()


# -------------------- wrong input --------------------


@pytest.mark.parametrize("model", [Neuron(2), Layer(2, 3), MLP(2, [3, 1])], ids=["neuron", "layer", "mlp"])
def test_a_wrong_number_of_inputs(model):
    for x in [], [1.0], [1.0, 2.0, 3.0], [Value(1.0)] * 3:
        with pytest.raises(ValueError, match=f"expected 2 inputs, got {len(x)}"):
            model(x)


@pytest.mark.parametrize("model", [Neuron(1), Layer(1, 3), MLP(1, [3, 1])], ids=["neuron", "layer", "mlp"])
def test_inputs_that_are_no_list_of_numbers(model):
    for x in 0.5, Value(0.5), None:
        with pytest.raises(TypeError, match="the inputs are a list, such as"):
            model(x)
    with pytest.raises(TypeError, match="holds one real number"):
        model(["1"])
    with pytest.raises(TypeError, match=r"the inputs are a list, such as .* not '1'"):
        model("1")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Neuron(0), ValueError, "nin must be at least 1, not 0"),
        (lambda: Neuron(-1), ValueError, "nin must be at least 1, not -1"),
        (lambda: Neuron(2.0), TypeError, "nin is a whole number, not 2.0"),
        (lambda: Neuron(True), TypeError, "nin is a whole number, not True"),
        (lambda: Layer(2, 0), ValueError, "nout must be at least 1"),
        (lambda: Layer(2, "3"), TypeError, "nout is a whole number, not '3'"),
        (lambda: MLP(2, []), ValueError, "names no layer"),
        (lambda: MLP(2, [4, 0, 1]), ValueError, "nout must be at least 1"),
        (lambda: MLP(0, [4]), ValueError, "nin must be at least 1"),
        (lambda: MLP(2, [4, 1.5]), TypeError, "nout is a whole number, not 1.5"),
        (lambda: MLP(2, 4), TypeError, r"nouts is a list such as \[16, 16, 1\], not 4"),
        (lambda: MLP(2, "41"), TypeError, "nouts is a list"),
        (lambda: Neuron(2, "tanh"), TypeError, "nonlin is True or False, not 'tanh': write activation='tanh'"),
        (lambda: Neuron(2, False, activation="tanh"), ValueError, "nonlin=False makes a linear neuron"),
        (lambda: Layer(2, 3, activation="swish"), ValueError, "unknown activation 'swish'; choose from linear, relu"),
        (lambda: Neuron(2, activation="ReLU"), ValueError, "unknown activation 'ReLU'; choose from linear, relu"),
        (lambda: MLP(2, [1], activation="swish"), ValueError, "unknown activation 'swish'; choose from .*tanh"),
        (lambda: MLP(2, [4, 1], output="softmax"), ValueError, "unknown activation 'softmax'; choose from .*tanh"),
    ],
)
def test_wrong_shapes_and_names(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_equal_weights_stay_equal():
    model = MLP(2, [3, 1], activation="tanh", init=lambda fan_in, fan_out, rng: 0.5)
    model([1.0, 2.0]).backward()
    assert len({tuple(p.grad for p in n.parameters()) for n in model.layers[0].neurons}) == 1
    model = MLP(2, [3, 1], activation="tanh", init=init.xavier_normal)
    model([1.0, 2.0]).backward()
    assert len({tuple(p.grad for p in n.parameters()) for n in model.layers[0].neurons}) == 3
