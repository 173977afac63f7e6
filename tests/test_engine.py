import contextlib
import copy
import gc
import io
import math
import pickle
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

import micrograd_like
from micrograd_like import Value, dot, label_values, many_nodes, maximum, named, text, topological_order
from micrograd_like import sum as sum_values
from micrograd_like.nn.optim import SGD
from micrograd_like.ops import CONSTANT, INPUT, PARAMETER


@pytest.fixture
def collector_off():
    """Leave nothing for the garbage collector before a test, and keep it from running in it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# -------------------- the examples everyone knows --------------------


def test_micrograd_readme():
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert f"{g.data:.4f}" == "24.7041"
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


@pytest.mark.parametrize(
    "squash",
    [
        lambda n: n.tanh(),
        lambda n: ((2 * n).exp() - 1) / ((2 * n).exp() + 1),
        lambda n: 2 * (2 * n).sigmoid() - 1,
    ],
)
def test_neuron_of_the_lecture(squash):
    x1, x2, w1, w2, b = named(x1=2.0, x2=0.0, w1=-3.0, w2=1.0, b=6.8813735870195432)
    o = squash(x1 * w1 + x2 * w2 + b)
    o.backward()
    assert o.data == pytest.approx(math.sqrt(0.5))
    assert [v.grad for v in (x1, w1, x2, w2)] == pytest.approx([-1.5, 1.0, 0.5, 0.0])


def test_backward_by_hand_node_by_node():
    x, w = Value(3.0), Value(-2.0)
    h = x * w
    o = h.tanh()
    o.grad = 1.0
    o._backward()
    assert h.grad == 1 - math.tanh(-6.0) ** 2
    assert (x.grad, w.grad) == (0.0, 0.0)
    h._backward()
    assert (x.grad, w.grad) == (h.grad * -2.0, h.grad * 3.0)


def test_prev_and_op_read_as_in_micrograd():
    a, b = Value(2.0), Value(3.0)
    symbols = [v._op for v in (a, a + b, a - b, a * b, a / b, -a, a**2, a**0.5, a**b, a.relu(), a.tanh(), a.exp())]
    assert symbols == ["", "+", "-", "*", "/", "-", "**2", "**0.5", "**", "ReLU", "tanh", "exp"]
    assert (a * b)._prev == (a, b)
    assert (a + a)._prev == (a, a)
    assert a._prev == ()


# -------------------- one node for each operation --------------------


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda v: v + 2, 5.0),
        (lambda v: 2 + v, 5.0),
        (lambda v: v - 2, 1.0),
        (lambda v: 2 - v, -1.0),
        (lambda v: v * 2, 6.0),
        (lambda v: 2 * v, 6.0),
        (lambda v: v / 2, 1.5),
        (lambda v: 2 / v, 2 / 3),
        (lambda v: v**2, 9.0),
        (lambda v: 2**v, 8.0),
    ],
)
def test_a_number_on_either_side_becomes_a_constant(f, expected):
    v = Value(3.0)
    out = f(v)
    (constant,) = [x for x in out.operands if x is not v]
    out.backward()
    assert out.data == expected
    assert (constant.data, constant.op, constant.grad) == (2.0, CONSTANT, 0.0)


def test_operations_are_one_node_each():
    a, b = Value(2.0), Value(3.0)
    nodes = [a + b, a - b, a * b, a / b, a**b, -a, +a, abs(a), a.sigmoid(), maximum(a, b), sum_values([a, b])]
    assert all(set(out.operands) <= {a, b} for out in nodes)


def test_sum_and_dot():
    x, y, w, v, b = named(x=2.0, y=-3.0, w=5.0, v=7.0, b=1.0)
    total = sum_values([x, y, x, 10])
    neuron = dot([w, v], [x, y], b)
    (total + neuron).backward()
    assert (total.data, neuron.data) == (11.0, -10.0)
    assert [p.grad for p in (x, y, w, v, b)] == [7.0, 8.0, 2.0, -3.0, 1.0]
    assert dot([w], [x]).data == 10.0
    assert dot([1.0, 2.0], [x, y]).data == -4.0


def test_dot_of_a_vector_with_itself():
    x, y = Value(2.0), Value(-3.0)
    dot([x, y], [x, y]).backward()
    assert (x.grad, y.grad) == (4.0, -6.0)


def test_sum_of_a_generator():
    assert sum_values(Value(x) for x in (1.0, 2.0)).data == 3.0


# -------------------- gradients accumulate, or not --------------------


def test_an_operand_used_twice():
    a = Value(3.0)
    (a + a).backward()
    assert a.grad == 2.0


def test_topological_order_matters():
    a = Value(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert (a.grad, b.grad) == (4.0, 2.0)


def test_backward_again_adds_to_leaves_only():
    x = Value(3.0)
    h = x * x
    y = h * x
    y.backward()
    assert (x.grad, h.grad) == (27.0, 3.0)
    x.grad = 0.0
    y.backward()
    assert (x.grad, h.grad) == (27.0, 3.0)
    y.backward()
    assert (x.grad, h.grad) == (54.0, 3.0)


def test_backward_of_two_outputs_adds_up():
    x = Value(2.0)
    y = x * x
    y.backward()
    (3 * y).backward()
    assert x.grad == 16.0
    assert y.grad == 3.0


def test_backward_of_a_leaf():
    x = Value(2.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0


def test_zero_grad_clears_the_whole_graph():
    x = Value(2.0)
    y = x * x
    z = y + 1
    z.backward()
    z.zero_grad()
    assert [v.grad for v in topological_order(z)] == [0.0, 0.0, 0.0, 0.0]
    z.backward()
    assert x.grad == 4.0


def test_nodes_outside_the_graph_are_left_alone():
    x = Value(2.0)
    other = x * 5
    other.backward()
    (x * 3).backward()
    assert (x.grad, other.grad) == (8.0, 1.0)


# -------------------- deep graphs, and what is left of them --------------------


def chain(depth):
    x = Value(0.5)
    y = x
    for _ in range(depth // 2):
        y = (y + x) * x
    return x, y


def test_a_million_nodes_deep():
    x, y = chain(1_000_000)
    y.backward()
    assert y.data == pytest.approx(0.5)  # the y for which y = (y + x) * x
    assert x.grad == pytest.approx(3.0)  # the y' for which y' = (y' + 1) * x + (y + x)
    assert len(topological_order(y)) == 1_000_001
    y.zero_grad()
    assert x.grad == 0.0
    del y  # would overflow the stack if it were freed by recursion


@pytest.mark.usefixtures("collector_off")
def test_graphs_are_freed_by_reference_counting():
    x, y = chain(1000)
    z = maximum(dot([x, y], [y, x], 1.0), y.tanh())
    z.backward()
    z.zero_grad()
    pickle.loads(pickle.dumps(z)).backward()
    copy.deepcopy(z).backward()
    repr(z)
    del x, y, z
    assert gc.collect() == 0


@pytest.mark.usefixtures("collector_off")
def test_errors_leave_no_cycles_behind():
    def provoke():
        x = Value(0.0)
        h, n = x.sqrt() * 2, x * 1
        n.data = math.nan
        failures = [h.backward, (n + x).backward, x.log, lambda: 1 / x, lambda: x + "a", lambda: Value("3")]
        failures += [lambda: Value(1e4).exp(), lambda: math.exp(x), lambda: dot([x], []), lambda: sum_values([])]
        for fail in failures:
            with contextlib.suppress(ValueError, ArithmeticError, TypeError):
                fail()
                pytest.fail("nothing was raised")

    provoke()
    assert gc.collect() == 0


def test_memory_of_a_node():
    x = Value(0.5)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    y = x
    for _ in range(10_000):
        y = y * x
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / 10_000 <= 250


# -------------------- topological order --------------------


def test_topological_order():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    d = c + a
    assert topological_order(d) == [a, b, c, d]
    assert topological_order(a) == [a]


def test_what_is_no_value_has_no_graph():
    for use in topological_order, micrograd_like.recompute, micrograd_like.backward_steps:
        for thing in 3, None, [Value(1.0)]:
            with pytest.raises(TypeError, match="is not a Value: give the output of a graph"):
                use(thing)


# -------------------- pickle and copy --------------------

COPIES = [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]


@pytest.mark.parametrize("duplicate", COPIES)
def test_a_copy_is_an_independent_graph(duplicate):
    x = Value(3.0, "x")
    y = (x * x + 1).tanh()
    y.label = "y"
    y.backward()
    twin = duplicate(y)
    ours, theirs = topological_order(y), topological_order(twin)
    assert not set(ours) & set(theirs)
    assert [(v.data, v.grad, v.label, v.op) for v in ours] == [(v.data, v.grad, v.label, v.op) for v in theirs]
    twin.backward()
    assert theirs[0].grad == 2 * ours[0].grad


@pytest.mark.parametrize("duplicate", COPIES)
def test_copied_together_nodes_stay_shared(duplicate):
    weights = [Value(1.0, "w"), Value(2.0, "b")]
    weights[0].op = PARAMETER
    h = weights[0] * 3 + weights[1]
    loss = h * h
    model, twin, hidden = duplicate((weights, loss, h))
    assert hidden is twin.operands[0] is twin.operands[1]
    assert hidden.operands[1] is model[1]
    assert hidden.operands[0].operands[0] is model[0]
    assert model[0].op is PARAMETER
    twin.backward()
    assert [v.grad for v in model] == [30.0, 10.0]
    assert [v.grad for v in weights] == [0.0, 0.0]


@pytest.mark.parametrize("duplicate", COPIES)
def test_deep_graphs_are_copied_without_recursion(duplicate):
    x, y = chain(100_000)
    leaves, twin = duplicate(([x], y))
    y.backward()
    twin.backward()
    assert (twin.data, leaves[0].grad) == (y.data, x.grad)
    assert leaves[0] is not x


def test_a_deep_graph_is_pickled_twice():
    _, y = chain(100_000)
    pickle.dumps(y)
    assert pickle.loads(pickle.dumps(y.operands[0])).data == y.operands[0].data


def test_copy_copy_keeps_the_operands():
    x = Value(3.0)
    y = x * x
    twin = copy.copy(y)
    assert twin is not y
    assert twin.operands == (x, x)
    twin.backward()
    assert (x.grad, y.grad) == (6.0, 0.0)
    assert copy.deepcopy([y])[0].operands[0] is not x


# -------------------- exact fractions --------------------


def test_fractions_stay_exact():
    a, b = named(a=Fraction(1, 3), b=Fraction(-2, 7))
    y = (a + 1) / b - 2 * a**3 + b**-2 / 5 - (-a)
    y.backward()
    third, b_ = Fraction(1, 3), Fraction(-2, 7)
    assert y.data == Fraction(4, 3) / b_ - Fraction(2, 27) + 1 / (5 * b_ * b_) + third
    assert a.grad == 1 / b_ - Fraction(2, 3) + 1
    assert b.grad == -Fraction(4, 3) / b_**2 - Fraction(2, 5) / b_**3
    assert all(type(x) is Fraction for x in (y.data, a.grad, b.grad))


def test_fractions_stay_exact_in_sum_dot_relu_and_maximum():
    a, b = named(a=Fraction(1, 3), b=Fraction(-2, 7))
    y = sum_values([dot([a, 2], [b, a], 1), abs(b), b.relu(), maximum(a, b), 3])
    y.backward()
    assert (y.data, a.grad, b.grad) == (Fraction(109, 21), Fraction(19, 7), Fraction(-2, 3))
    assert all(type(x) is Fraction for x in (y.data, a.grad, b.grad))


def test_a_fraction_beside_a_float_becomes_a_float():
    a = Value(Fraction(1, 2))
    assert (a * 0.5).data == 0.25
    assert type((a * 0.5).data) is float
    assert type((Value(0.5) * Fraction(1, 2)).data) is float
    assert a.tanh().data == math.tanh(0.5)


def test_a_fraction_is_shown_and_formatted():
    a = Value(Fraction(1, 2), "a")
    assert repr(a**2) == "Value(data=1/4, grad=0.0, op='**2')"
    assert f"{a:.3f}" == "0.500"


# -------------------- names, and how a Value is shown --------------------


def test_named():
    a, b = named(a=2, b=-3.0)
    assert [(v.data, v.label, v.op) for v in (a, b)] == [(2.0, "a", INPUT), (-3.0, "b", INPUT)]


def test_label_values():
    a, b, c = Value(1.0), Value(2.0, "bias"), Value(3.0)
    xs = [Value(0.0), "no Value", Value(1.0)]
    label_values({"a": a, "b": b, "_": c, "xs": xs, "n": 3, "again": a})
    assert (a.label, b.label, c.label) == ("a", "bias", "")
    assert (xs[0].label, xs[2].label) == ("xs[0]", "xs[2]")


def test_repr():
    x = Value(2, "x")
    y = x * 3
    y.backward()
    assert repr(x) == "Value(data=2.0, grad=3.0, label='x')"
    assert repr(y) == "Value(data=6.0, grad=1.0, op='*')"
    assert f"{y}" == repr(y)


def test_format():
    v = Value(math.pi)
    assert f"{v:.4f}" == "3.1416"
    assert f"{v:8.2e}" == "3.14e+00"


def test_order_truth_and_identity():
    a, b, twin = Value(1.0), Value(2.0), Value(1.0)
    assert a < b
    assert a <= twin
    assert b > a
    assert b >= 2
    assert b > 1.5
    assert not a > np.float64(1.0)
    assert sorted([b, a]) == [a, b]
    assert max(a, b) is b
    assert a != twin
    assert len({a, twin}) == 2
    assert a
    assert not Value(0.0)


# -------------------- NumPy --------------------


@pytest.mark.parametrize("name", ["tanh", "exp", "log", "sqrt", "sin", "cos", "abs"])
def test_numpy_functions_work_on_arrays_of_values(name):
    numbers = np.array([0.5, 2.0])
    array = np.array([Value(x) for x in numbers])
    results = getattr(np, name)(array)
    assert [v.data for v in results] == pytest.approx(getattr(np, name)(numbers).tolist(), rel=1e-15)
    assert [v.operands[0] for v in results] == list(array)


@pytest.mark.parametrize("scalar", [np.float64(2), np.float32(2), np.int64(2), np.uint8(2)])
def test_numpy_scalars_on_either_side(scalar):
    v = Value(3.0)
    results = [v + scalar, scalar + v, v - scalar, scalar - v, v * scalar, scalar * v, v / scalar, scalar / v]
    results += [v**scalar, scalar**v]
    assert all(type(out) is Value for out in results)
    assert [out.data for out in results] == [5, 5, 1, -1, 6, 6, 1.5, 2 / 3, 9, 8]
    assert all(type(x.data) is float for out in results for x in out.operands)


def test_an_array_beside_a_value_is_taken_element_by_element():
    v = Value(3.0)
    for results in (v * np.array([1.0, 2.0]), np.array([1.0, 2.0]) * v):
        assert type(results) is np.ndarray
        assert [out.data for out in results] == [3.0, 6.0]
    results = np.array([v, v]) @ np.array([[1.0, 2.0], [3.0, 4.0]])
    assert [out.data for out in results] == [12.0, 18.0]


@pytest.mark.parametrize("x", [True, 1, np.bool_(True), np.float32(1), np.float64(1), np.int8(1)])
def test_real_numbers_become_floats(x):
    assert Value(x).data == 1.0
    assert type(Value(x).data) is float
    assert (Value(2.0) + x).data == 3.0


# -------------------- bad input --------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ("3", r"not '3' \(str\): write Value\(3\.0\), or Value\(float\(text\)\)"),
        (b"3", r"not b'3' \(bytes\): write"),
        (1j, r"not 1j \(complex\): write Value\(z\.real\)"),
        ([1], r"not \[1\] \(list\): write \[Value\(x\) for x in numbers\]"),
        (np.array([1, 2]), r"not array\(\[1, 2\]\) \(ndarray\): write \[Value\(x\) for x in numbers\]"),
        (None, r"not None \(NoneType\): write Value\(2\.0\)"),
        (Value(1), r"is a Value already: use it as it is, or write Value\(v\.data\)"),
    ],
)
def test_a_value_holds_one_real_number(x, message):
    with pytest.raises(TypeError, match=message):
        Value(x)


def test_an_integer_too_large_for_a_float():
    with pytest.raises(OverflowError, match="an integer of 3322 bits is too large for a float"):
        Value(10**1000 - 1)


def test_a_label_is_a_string():
    with pytest.raises(TypeError, match=r"a label is a string, not 3: write label='3'"):
        Value(1.0, 3)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda v: v + "a", r"cannot be combined with 'a': write a number or a Value"),
        (lambda v: "a" + v, r"cannot be combined with 'a'|can only concatenate str"),
        (lambda v: v * [1, 2], r"cannot be combined with \[1, 2\]"),
        (lambda v: v - None, r"cannot be combined with None"),
        (lambda v: v**1j, r"cannot be combined with 1j"),
        (lambda v: v / object(), r"unsupported operand"),
        (lambda v: v < "a", r"compared with a Value or a number, not with 'a'"),
        (math.exp, r"write v\.exp\(\) or v\.tanh\(\) instead of math\.exp\(v\).*v\.data for the number alone"),
        (float, r"its graph would be lost: .*v\.data for the number alone"),
        (lambda v: maximum(v, "a"), r"cannot be combined with 'a'"),
        (lambda v: maximum(v, np.array([1.0])), r"is no operand: write a number or a Value"),
        (lambda v: sum_values([1, 2]), r"sum of plain numbers: make at least one of them a Value"),
        (lambda v: dot([1], [2]), r"dot of plain numbers"),
        (lambda v: sum_values([v, "a"]), r"cannot be combined with 'a'"),
    ],
)
def test_wrong_types_are_type_errors_that_say_what_to_write(f, message):
    with pytest.raises(TypeError, match=message):
        f(Value(2.0))


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda v: (v - 2).log(), ValueError, r"log\(0\.0\): log is defined for numbers above 0 only"),
        (lambda v: (-v).log(), ValueError, r"log\(-2\.0\): log is defined for numbers above 0 only"),
        (lambda v: v / 0, ZeroDivisionError, r"v / 0\.0 = 2\.0 / 0\.0: division by zero"),
        (lambda v: Value(-8.0) ** (1 / 3), ValueError, r"a negative number has only whole powers"),
        (lambda v: (v * 1000).exp(), OverflowError, r"exp\(2000\.0\): the result is too large for a float"),
        (lambda v: v**5000, OverflowError, r"v\*\*5000\.0 = .*: the result is too large for a float"),
        (lambda v: dot([v, v], [v]), ValueError, r"one weight for each input, not 2 weights for 1 inputs"),
        (lambda v: dot([], []), ValueError, r"dot needs at least one weight and one input"),
        (lambda v: sum_values([]), ValueError, r"sum needs at least one operand"),
    ],
)
def test_impossible_operations_say_where_and_why(f, error, message):
    with pytest.raises(error, match=message):
        f(Value(2.0, "v"))


def test_backward_names_the_first_node_that_is_nan():
    a, b = named(a=2.0, b=3.0)
    c = a * b
    d = c + 1
    c.data = d.data = math.nan
    (2 * a).backward()
    with pytest.raises(ValueError, match=r"a \* b = 2\.0 \* 3\.0 = nan is not a number"):
        d.backward()
    c.label = "c"
    with pytest.raises(ValueError, match=r"'c' \(nan\) is not a number"):
        d.backward()
    assert (a.grad, b.grad, d.grad) == (2.0, 0.0, 0.0)


def test_a_gradient_too_large_for_a_float():
    a = Value(1e-200, "a")
    y = a * 1e200 * 1e200
    with pytest.raises(OverflowError, match=r"the gradient of 'a' \(1e-200\) came to inf"):
        y.backward()
    assert [v.grad for v in topological_order(y)] == [0.0] * 5


def test_none_resets_a_gradient_as_in_pytorch():
    a, b = Value(2.0, "a"), Value(3.0, "b")
    y = a * b
    y.backward()
    for v in a, b, y:
        v.grad = None
    assert text(y).count("–") == 3
    optimizer = SGD([a, b], lr=1.0)
    optimizer.step()
    assert (a.data, b.data) == (2.0, 3.0)
    y.backward()
    assert (a.grad, b.grad, pickle.loads(pickle.dumps(y)).grad) == (3.0, 2.0, 1.0)


# -------------------- what an import brings along --------------------


def modules_loaded_by(statement):
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_import_loads_the_engine_and_little_else():
    assert {name for name in modules_loaded_by("import micrograd_like") if name.startswith("micrograd_like")} == {
        "micrograd_like",
        "micrograd_like.checks",
        "micrograd_like.engine",
        "micrograd_like.notation",
        "micrograd_like.notation.names",
        "micrograd_like.notation.numbers",
        "micrograd_like.escape",
        "micrograd_like.formulas",
        "micrograd_like.ops",
        "micrograd_like.graph",
        "micrograd_like.graph.copies",
    }


def test_import_loads_no_other_package():
    loaded = modules_loaded_by("import micrograd_like")
    assert not loaded & {"numpy", "rich", "graphviz", "matplotlib", "autograd"}


def test_public_names():
    assert all(hasattr(micrograd_like, name) for name in micrograd_like.__all__)
    assert {"Value", "dot", "gradcheck", "label_values", "named", "relu", "topological_order"} <= set(
        dir(micrograd_like)
    )
    assert micrograd_like.sum is sum_values
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        micrograd_like.nothing


# -------------------- what once went wrong --------------------


def test_what_comes_to_a_constant_does_not_matter():
    y = Value(1e200)
    w = (y * 1e-300) * 1e250  # towards the constants, the gradient is beyond all floats
    w.backward()
    assert y.grad == pytest.approx(1e-50)
    x = Value(math.inf)
    (x * 2).backward()
    assert x.grad == 2.0


def test_threads_copy_side_by_side():
    _, y = chain(6000)
    with ThreadPoolExecutor(4) as pool:
        copies = list(pool.map(lambda _: copy.deepcopy(y), range(4)))
    assert [len(topological_order(c)) for c in copies] == [len(topological_order(y))] * 4


def test_a_failed_pickle_leaves_nothing_behind():
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    _, y = chain(40_000)
    with pytest.raises(OSError, match="No space left"):
        pickle.Pickler(Full()).dump(y)
    assert copy.deepcopy(y.operands[0]).data == y.operands[0].data


def test_integers_set_as_data_keep_ties_half_and_half():
    a, b = Value(1.0), Value(1.0)
    a.data = b.data = 2
    maximum(a, b).backward()
    assert (a.grad, b.grad) == (0.5, 0.5)


def test_numpys_integers_beside_fractions_do_not_overflow():
    v = Value(Fraction(1, 3)) * np.int64(2**62) * np.int64(8)
    assert v.data == Fraction(2**65, 3)


def test_many_nodes_leaves_the_collector_as_it_was():
    assert gc.isenabled()
    with many_nodes():
        with many_nodes():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), many_nodes():
        Value(1.0) / 0.0
    assert gc.isenabled()
    gc.disable()
    try:
        with many_nodes():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
