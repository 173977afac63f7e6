import copy
import pickle
from random import Random

import graphviz
import pytest

import micrograd_like
from micrograd_like import Value, topological_order
from micrograd_like.graph.structure import Place, Unit, Where, structure
from micrograd_like.nn import MLP, Layer, Module, Neuron
from micrograd_like.pictures import layout
from micrograd_like.stepping import step


class Written(Neuron):
    """A neuron as people write one of their own."""

    def __call__(self, x):
        return sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b).tanh()


def of(root):
    return structure(topological_order(root))


def neurons(root, op):
    """Return where the nodes of an operation belong, in order."""
    where = of(root)
    return [str(where.get(v, "")) for v in topological_order(root) if v.op.name == op]


def expect(model, outputs, loss):
    """Return where every node belongs, found from the network itself: neuron by neuron, sample by sample.

    `outputs` are the outputs for each sample; below each, a network of dot and activation is walked as it was built.
    """
    expected = {p: (p.place.layer, p.place.neuron, None) for p in model.parameters()}
    for n, output in enumerate(outputs, start=1):
        sample = n if len(outputs) > 1 else None
        heads = [(output, len(model.layers), 1)]
        while heads:
            v, layer, neuron = heads.pop()
            if v in expected or not v.operands:
                continue
            expected[v] = layer, neuron, sample
            if v.op.name != "dot":
                v = v.operands[0]
                expected[v] = layer, neuron, sample
            k = len(v.operands) // 2
            heads += [(x, layer - 1, i) for i, x in enumerate(v.operands[k : 2 * k], start=1)]
    return expected


# -------------------- parameters --------------------


def test_a_parameter_says_its_place_whatever_it_is_called():
    model = MLP(3, [4, 2])
    for p in model.parameters():
        p.label = "same"
    w, b = model.layers[0].neurons[1].w[2], model.layers[1].neurons[0].b
    assert (w.place.layer, w.place.neuron, w.place.input) == (1, 2, 3)
    assert (b.place.layer, b.place.neuron, b.place.input) == (2, 1, None)
    assert repr(w.place) == "Place(layer=1, neuron=2, input=3)"


def test_a_layer_and_a_neuron_alone_are_layer_1():
    layer, neuron = Layer(2, 3), Neuron(2)
    assert [(n.b.place.layer, n.b.place.neuron) for n in layer.neurons] == [(1, 1), (1, 2), (1, 3)]
    assert (neuron.w[1].place.layer, neuron.w[1].place.neuron, neuron.w[1].place.input) == (1, 1, 2)


def test_neurons_and_layers_of_ones_own_are_placed_when_they_are_put_in():
    model = MLP(2, [3, 1])
    model.layers[0].neurons = [Written(2) for _ in range(3)]
    assert [n.w[0].label for n in model.layers[0].neurons] == ["w1[1→1]", "w1[1→2]", "w1[1→3]"]
    assert neurons(model([1.0, 2.0]), "tanh") == [f"neuron {j} of layer 1" for j in (1, 2, 3)]

    class Deep(MLP):
        def __init__(self):
            self.layers = [Layer(2, 3, activation="tanh"), Layer(3, 1, nonlin=False)]

    assert neurons(Deep()([1.0, 2.0]), "dot") == [*(f"neuron {j} of layer 1" for j in (1, 2, 3)), "neuron 1 of layer 2"]


def test_places_survive_copies_and_pickles_and_belong_to_the_copy():
    model = MLP(2, [3, 1], seed=0)
    for other in copy.deepcopy(model), pickle.loads(pickle.dumps(model)):
        assert [repr(p.place) for p in other.parameters()] == [repr(p.place) for p in model.parameters()]
        both = of(model([1.0, 2.0]) + other([1.0, 2.0]))
        assert {where.network for where in both.values()} == {1, 2}
        assert {where.sample for where in both.values()} == {None}
        other.layers[0].neurons[0].activation = "linear"
        assert model.layers[0].neurons[0].activation == "relu"
        assert neurons(other([1.0, 2.0]).tanh(), "relu") == ["neuron 2 of layer 1", "neuron 3 of layer 1"]


def test_attributes_of_ones_own_survive_too_also_in_cycles_and_deep_graphs():
    a = Value(2.0, "a")
    a.m, a.color, a.me = 0.5, "red", a
    root = a
    for _ in range(20_000):
        root = root + 1
    root.note = {"depth": 20_000}
    for other in copy.deepcopy(root), pickle.loads(pickle.dumps(root)):
        leaf = next(v for v in topological_order(other) if v.label == "a")
        assert (leaf.m, leaf.color) == (0.5, "red")
        assert leaf.me is leaf is not a
        assert other.note == {"depth": 20_000}


def test_a_place_made_by_hand():
    w, x = Value(2.0), Value(3.0)
    w.place = Place(Unit(layer=2, neuron=5), 1)
    assert str(of((w * x).relu())[w]) == "neuron 5 of layer 2"
    assert neurons((w * x).relu(), "relu") == ["neuron 5 of layer 2"]


# -------------------- neurons and layers --------------------


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "softplus", "linear"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("count", [1, 20])
def test_every_node_of_a_batch(activation, bias, count):
    model = MLP(2, [3, 2, 1], activation=activation, bias=bias, seed=1)
    rng = Random(0)
    outputs = [model([rng.random(), rng.random()]) for _ in range(count)]
    loss = micrograd_like.sum([(1 - y * out).relu() for y, out in zip([1, -1] * 10, outputs, strict=False)]) / count
    where, expected = of(loss), expect(model, outputs, loss)
    assert {v: (w.layer, w.neuron, w.sample) for v, w in where.items() if w.neuron} == expected
    in_samples = [v for v in topological_order(loss) if v in where and not where[v].neuron and v.operands]
    assert len(in_samples) == (3 * count if count > 1 else 0)  # y * out, 1 - …, relu: of no neuron, but of a sample
    assert loss not in where


def test_samples_whatever_the_order_in_which_the_loss_takes_them():
    model = MLP(2, [3, 2], activation="tanh", seed=1)
    first, second = model([1.0, 2.0]), model([3.0, 4.0])
    where = of(first[0] + second[1] + first[1] * second[0])
    assert [where[v].sample for v in (*first, *second)] == [1, 1, 2, 2]


def test_one_input_given_to_several_samples_belongs_to_none():
    model, shared = Layer(2, 1, activation="tanh", seed=1), Value(1.0)
    outputs = [model([shared, Value(x)]) for x in (1.0, 2.0, 3.0)]
    where = of(micrograd_like.sum(outputs))
    assert [where[out].sample for out in outputs] == [1, 2, 3]
    assert shared not in where


def test_a_neuron_written_as_products_and_sums():
    model = MLP(2, [2, 1], seed=0)
    for layer in model.layers:
        layer.neurons = [Written(len(n.w)) for n in layer.neurons]
    loss = micrograd_like.sum([(model([x, 1.0]) - 1) ** 2 for x in (1.0, 2.0)])
    where = of(loss)
    names = [(v.op.name, str(where.get(v, ""))) for v in topological_order(loss) if v.operands]
    for sample in 1, 2:
        for neuron in 1, 2:
            place = f"neuron {neuron} of layer 1, sample {sample}"
            assert [op for op, said in names if said == place] == ["multiply", "add", "multiply", "add", "tanh"]
        place = f"neuron 1 of layer 2, sample {sample}"
        assert [op for op, said in names if said == place] == ["multiply", "add", "multiply", "add", "tanh"]
        assert [op for op, said in names if said == f"sample {sample}"] == ["subtract", "power"]
    assert names[-1] == ("sum", "")


@pytest.mark.parametrize(
    "call",
    [
        lambda n, x: sum(wi * xi for wi, xi in zip(n.w, x, strict=True)) + n.b,
        lambda n, x: n.b + sum(xi * wi for wi, xi in zip(n.w, x, strict=True)),
        lambda n, x: micrograd_like.sum([*(wi * xi for wi, xi in zip(n.w, x, strict=True)), n.b]),
        lambda n, x: micrograd_like.dot(n.w, x) + n.b,
        lambda n, x: micrograd_like.dot(x, n.w, n.b),
        lambda n, x: (n.w[0] * x[0] + n.w[1] * x[1]) + (n.w[2] * x[2] + n.b),
    ],
)
def test_ways_to_write_a_weighted_sum(call):
    class Own(Neuron):
        def __call__(self, x):
            return call(self, x).sin()

    layer = Layer(3, 2)
    layer.neurons = [Own(3), Own(3)]
    a, b = layer([1.0, 2.0, 3.0])
    where = of(a * b)
    computed = [v for v in topological_order(a * b)[:-1] if v.operands]
    half = len(computed) // 2
    assert [str(where.get(v)) for v in computed] == ["neuron 1 of layer 1"] * half + ["neuron 2 of layer 1"] * half


@pytest.mark.parametrize(
    "loss",
    [
        lambda out, y: (1 - y * out).relu(),
        lambda out, y: (-out).softplus(),
        lambda out, y: out.softplus(),
        lambda out, y: out.sigmoid().log(),
        lambda out, y: (out - y) ** 2,
        lambda out, y: out + 1,
        lambda out, y: abs(out),
        lambda out, y: micrograd_like.maximum(out, 0),
    ],
)
def test_a_loss_on_a_linear_output_belongs_to_no_neuron(loss):
    model = MLP(2, [3, 1], activation="softplus", seed=0)
    out = model([1.0, 2.0])
    root = loss(out, 1)
    where = of(root)
    assert where[out] == Where(2, 1)
    above = set(topological_order(root)) - set(topological_order(out))
    assert above
    assert above.isdisjoint(where)


def test_functions_of_one_sum():
    class Swish(Neuron):
        def __call__(self, x):
            z = micrograd_like.dot(self.w, x, self.b)
            return z * z.sigmoid() * z.sigmoid() * z.tanh()

    for activation, known in ("sigmoid", ["sigmoid"]), ("tanh", ["tanh"]), ("relu", []), ("linear", []):
        root = Swish(2, activation=activation)([1.0, 2.0])
        assert [v.op.name for v in of(root) if v.operands] == ["dot", *known]


def test_scores_that_are_added_up_are_no_weighted_sum():
    for make in lambda: Layer(3, 1, nonlin=False), lambda: Layer(3, 1, nonlin=False, bias=False):
        layer = make()
        scores = [layer([float(i), 1.0, 2.0]) for i in range(4)]
        for total in sum(scores), micrograd_like.sum(scores), scores[0] + scores[1] + layer.neurons[0].w[0]:
            where = of(total)
            assert not any(w.neuron for v, w in where.items() if v.op.name in ("add", "sum"))


def test_penalties_on_the_weights_belong_to_no_neuron():
    model = MLP(2, [3, 1], seed=0)
    out = model([1.0, 2.0])
    ps = model.parameters()
    for penalty in sum(p * p for p in ps), sum(p**2 for p in ps), sum(0.1 * p * p for p in ps), sum(abs(p) for p in ps):
        root = out**2 + penalty
        where = of(root)
        inside = set(topological_order(out))
        assert not [v for v in where if v.operands and v not in inside]
        assert sum(1 for v in where if v.operands) == 3 * 2 + 1


# -------------------- shared weights, several networks --------------------


def test_two_networks_in_one_graph():
    generator, critic = MLP(1, [2, 2], activation="tanh", seed=0), MLP(2, [2, 1], activation="tanh", seed=1)
    made = [generator([z]) for z in (0.1, 0.2)]
    root = micrograd_like.sum([*(critic(x) for x in made), critic([1.0, 2.0])])
    where = of(root)
    assert {str(where[v]) for pair in made for v in pair} == {
        f"neuron {j} of layer 2 of network 1, sample {k}" for j in (1, 2) for k in (1, 2)
    }
    assert [str(where[v]) for v in root.operands] == [
        f"neuron 1 of layer 2 of network 2, sample {k}" for k in (1, 2, 3)
    ]


def test_weights_shared_by_two_neurons():
    layer = Layer(2, 3, activation="tanh", seed=0)
    layer.neurons[1].w = layer.neurons[0].w
    layer.neurons[2].b = layer.neurons[0].b
    root = micrograd_like.sum(layer([1.0, 2.0]))
    assert neurons(root, "tanh") == [f"neuron {j} of layer 1" for j in (1, 2, 3)]
    assert {w.sample for w in of(root).values()} == {None}


def test_a_layer_used_twice_in_a_row_is_one_sample():
    model = MLP(2, [2, 2, 1], activation="tanh", seed=0)
    model.layers[1].neurons = model.layers[0].neurons
    outputs = [model([x, 1.0]) for x in (1.0, 2.0)]
    assert neurons(micrograd_like.sum(outputs), "tanh") == [
        f"neuron {j} of layer 2, sample {k}" for k in (1, 2) for j in (1, 2, 1, 2)
    ]


def test_a_recurrent_network_runs_for_one_sample():
    cell = Layer(2, 1, activation="tanh", seed=0)

    def run(xs):
        h = Value(0.0)
        for x in xs:
            h = cell([x, h])
        return h

    assert neurons(run([1.0, 2.0, 3.0]), "tanh") == ["neuron 1 of layer 1"] * 3
    both = neurons(run([1.0, 2.0, 3.0]) + run([4.0, 5.0]), "tanh")
    assert both == ["neuron 1 of layer 1, sample 1"] * 3 + ["neuron 1 of layer 1, sample 2"] * 2


def test_tied_weights_of_an_autoencoder():
    model = MLP(3, [2, 3], activation="tanh", seed=0)
    for i, decoder in enumerate(model.layers[1].neurons):
        decoder.w = [encoder.w[i] for encoder in model.layers[0].neurons]
    root = micrograd_like.sum(model([1.0, 2.0, 3.0]))
    assert neurons(root, "dot") == [f"neuron {j} of layer {k}" for k, n in ((1, 2), (2, 3)) for j in range(1, n + 1)]


def test_replaced_parameters_leave_the_neuron_known_by_the_others():
    model = MLP(2, [2, 1], activation="tanh", seed=0)
    neuron = model.layers[0].neurons[1]
    neuron.w[0] = Value(3.0)
    assert neurons(model([1.0, 2.0]), "dot") == ["neuron 1 of layer 1", "neuron 2 of layer 1", "neuron 1 of layer 2"]


def test_layers_that_no_mlp_numbers_are_told_apart():
    class Net(Module):
        def __init__(self):
            self.first, self.second = Layer(2, 2, activation="tanh"), Layer(2, 1, nonlin=False)

        def __call__(self, x):
            return self.second(self.first(x))

    root = Net()([1.0, 2.0])
    assert neurons(root, "dot")[-1] == "neuron 1 of layer 1 of network 2"
    s = step(root, unit="layer").next().next()
    assert s.current.node is root  # the seed, then the last layer alone
    assert s.next().position == len(s)


def test_a_graph_without_a_network():
    a, b = Value(1.0), Value(2.0)
    assert of((a * b + a).tanh()) == {}
    assert structure([]) == {}


def test_a_deep_graph():
    neuron = Neuron(1, activation="tanh", seed=0)
    h = Value(0.5)
    for _ in range(100_000):
        h = neuron([h])
    where = of(h)
    assert len(where) == 2 * 100_000 + 2
    assert set(map(str, where.values())) == {"neuron 1 of layer 1"}
    wide = Neuron(20_000, nonlin=False, seed=0)
    products = [w * 1.0 for w in wide.w]
    assert str(of(sum(products, wide.b))[products[-1]]) == "neuron 1 of layer 1"


def test_a_backward_pass_by_layers_goes_sample_by_sample():
    model = MLP(2, [2, 1], seed=0)
    for p in model.parameters():
        p.label = ""
    loss = micrograd_like.sum([(model([x, 1.0]) - 1) ** 2 for x in (1.0, 2.0)])
    s = step(loss, unit="layer")
    stops = []
    while s.position < len(s):
        s.next()
        where = of(loss).get(s.current.node)
        stops.append((where.layer, where.sample) if where else None)
    assert stops[:4] == [None, None, (None, 2), (2, 2)]  # the seed, the sum, and then sample 2
    assert stops[4:] == [(1, 2), (None, 1), (2, 1), (1, 1)]


# -------------------- labels in pictures made by others --------------------


def lectures_draw_dot(root):
    """Draw a graph as micrograd's notebook does: each node a record of label, data and grad."""
    dot = graphviz.Digraph(format="svg", graph_attr={"rankdir": "LR"})
    for n in topological_order(root):
        dot.node(name=str(id(n)), label=f"{{ {n.label} | data {n.data:.4f} | grad {n.grad:.4f} }}", shape="record")
        if n._op:
            dot.node(name=str(id(n)) + n._op, label=n._op)
            dot.edge(str(id(n)) + n._op, str(id(n)))
        for child in n._prev:
            dot.edge(str(id(child)), str(id(n)) + n._op)
    return dot


def test_labels_survive_the_lectures_record_labels():
    model = MLP(3, [2, 1], seed=0)
    for parameters in model.parameters(), Layer(2, 2).parameters(), Neuron(2).parameters():
        root = micrograd_like.sum(parameters)
        svg = layout.graphviz(lectures_draw_dot(root).source, "svg").decode()
        assert all(f">{p.label}<" in svg for p in parameters)


def test_an_arrow_in_ascii_would_not_have_survived():
    with pytest.raises(RuntimeError, match="bad label format"):
        layout.graphviz(lectures_draw_dot(Value(1.0, "w1[3->2]") + 1).source, "svg")
