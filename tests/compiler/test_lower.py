"""The instructions: their names, what is simplified, and what is refused."""

import pytest

from micrograd_like import MLP, Value
from micrograd_like.compiler import compile
from micrograd_like.compiler.lower import lower
from micrograd_like.graph.structure import structure
from micrograd_like.notation.names import named
from micrograd_like.ops import CONSTANT


def test_board():
    a, b, c, f = named(a=2.0, b=-3.0, c=10.0, f=-2.0)
    output = (a * b + c) * f
    output.label = "L"
    wanted = '''\
def value_and_grad(a, b, c, f):
    """Return L and its gradient."""
    # forward
    v1 = a * b
    v2 = v1 + c
    L = v2 * f
    # backward
    dL = 1.0
    df = v2
    d_v2 = f
    dc = d_v2
    d_v1 = d_v2
    db = d_v1 * a
    da = d_v1 * b
    return L, [da, db, dc, df]
'''
    assert compile(output, [], [a, b, c, f], "python").source() == wanted


def test_names():
    labels = ["w1[3->2]", "w1 3 2", "θ", "if", "exp", "2nd", "", "->", "d_v1", "x" * 200, "G"]
    leaves = [Value(1.0, label) for label in labels]
    lowered = lower([leaves[0]], leaves, [])
    assert lowered.inputs[:9] == ("w1_3_2", "w1_3_2_2", "theta", "if_2", "exp_2", "v_2nd", "v1", "v", "d_v1")
    assert lowered.inputs[10] == "G"
    assert len(set(lowered.inputs)) == len(labels)
    assert all(name.isidentifier() and len(name) <= 60 for name in lowered.inputs)


def test_each_gradient_is_one_instruction():
    model = MLP(2, [3, 1], seed=0)
    x = named(x=0.5, y=0.25)
    lowered = lower([model(x)], x, model.parameters())
    targets = [instruction.target for instruction in (*lowered.forward, *lowered.backward)]
    assert len(targets) == len(set(targets))
    assert all(targets.count(gradient) == 1 for gradient in lowered.gradients)
    places = structure(lowered.nodes)
    assert {str(places[i.node]) for i in lowered.forward} == {
        "neuron 1 of layer 1",
        "neuron 2 of layer 1",
        "neuron 3 of layer 1",
        "neuron 1 of layer 2",
    }


def test_what_is_trivial_is_left_out():
    x, w = named(x=2.0, w=3.0)
    backward = lower([(x * w).tanh() + 1.0 * w], [x], [w]).backward
    lines = [(i.target, i.op.name, i.operands) for i in backward]
    assert lines == [
        ("d_v4", "positive", (1.0,)),
        ("d_v3", "positive", (1.0,)),
        ("d_v2", "positive", (1.0,)),
        ("t1", "power", ("v2", 2.0)),
        ("t2", "subtract", (1.0, "t1")),
        ("d_v1", "positive", ("t2",)),
        ("t3", "multiply", ("d_v1", "x")),
        ("dw", "add", (1.0, "t3")),
    ]


def test_constants_become_numbers():
    x, three = named(x=2.0, three=3.0)
    three.op = CONSTANT
    (line,) = lower([x * three**2], [x], []).forward
    assert line.operands == ("x", 9.0)


def test_what_is_refused():
    x, w, u = named(x=2.0, w=3.0, u=4.0)
    y = x * w
    for arguments, error, message in [
        ((y, [x], []), ValueError, r"'w' \(3.0\) is a leaf that is neither among the inputs nor among the params"),
        ((y, [x, x], [w]), ValueError, "'x' .* listed twice"),
        ((y, [x], [w, w]), ValueError, "'w' .* listed twice"),
        ((y, [x, w], [w]), ValueError, "'w' .* listed twice"),
        ((y + 1, [y, x], [w]), ValueError, "computed by the graph and cannot be an input"),
        ((y, [2.0], [w]), TypeError, "an input is a Value of the graph, not 2.0"),
        ((2.0, [x], [w]), TypeError, "what is compiled is a Value"),
    ]:
        with pytest.raises(error, match=message):
            lower([arguments[0]], *arguments[1:])
    assert lower([y], [x, u], [w]).inputs == ("x", "u")  # an input that the output does not depend on


def test_a_leaf_as_output():
    w, x = named(w=2.0, x=1.0)
    lowered = lower([w], [x], [w])
    assert (lowered.forward, lowered.outputs, lowered.gradients) == ((), ("w",), ("dw",))
