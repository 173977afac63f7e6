"""What neurons have in common is computed at once, in blocks of rows: the numbers are those of one row at a time."""

import math
import platform
from pathlib import Path
from random import Random

import pytest

from micrograd_like import MLP, Value, ops
from micrograd_like.compiler import compile, native, tape
from micrograd_like.graph.derivatives import grad

NEEDED = {"x86-64": [], "haswell": ["avx2", "fma"], "skylake-avx512": ["avx512f", "avx512dq", "avx512vl"]}
ROWS = [*range(1, 41), 56, 100, 127, 128, 129, 300]


def network(rng, functions=("relu", "tanh")):
    """Return outputs, inputs and parameters of layers whose neurons look at anything, with parameters in any order."""
    widest = rng.choice([3, 11, 19, 40])
    inputs = [Value(rng.uniform(-1, 1), f"x{i}") for i in range(rng.randint(1, widest))]
    parameters, below = [], list(inputs)
    sharing, order = rng.choice([0.0, 0.0, 0.01, 0.1]), rng.choice(["in turn", "in turn", "reversed", "shuffled"])
    for _ in range(rng.randint(1, 3)):
        seen = rng.sample(below, rng.randint(1, len(below)))
        layer = []
        for _ in range(rng.randint(1, widest)):
            weights = [Value(rng.uniform(-1, 1)) for _ in seen]
            parameters += weights
            if parameters and rng.random() < sharing:
                weights[0] = rng.choice(parameters)  # shared
            bias = [Value(rng.uniform(-1, 1))]
            start = rng.choice([bias, bias, [], [rng.choice(below)], [rng.choice(parameters)]])
            parameters += [x for x in start if not x.operands and x not in inputs and x not in parameters]
            sides = [weights, seen] if rng.random() < 0.8 else [seen, weights]
            out = ops.dot(*sides[0], *sides[1], *start)
            others = [out, out * out, out.relu() - 2 * out, out.relu() * out, out.relu() + out.relu() * 0.5]
            layer.append(rng.choice([*(getattr(out, name)() for name in functions for _ in range(3)), *others]))
        below = layer + rng.sample(below, rng.randint(0, min(3, len(below))))
    if order == "reversed":
        parameters.reverse()
    elif order == "shuffled":
        rng.shuffle(parameters)
    return [ops.dot(*below, *below), below[0]], inputs, parameters


def one_by_one(outputs, inputs, parameters, rows):
    """Return outputs for each row, and the gradient added up exactly."""
    found, gradients = [], []
    for row in rows:
        twins = {v: Value(x) for v, x in zip(inputs, row, strict=True)} | {p: Value(p.data) for p in parameters}

        def twin(v, twins=twins):
            if v not in twins:
                twins[v] = v.op(*map(twin, v.operands)) if v.operands else v
            return twins[v]

        found.append([twin(v).data for v in outputs])
        gradients.append(grad(twin(outputs[0]), [twins[p] for p in parameters]))
    return found, [math.fsum(column) for column in zip(*gradients, strict=True)]


def check_layers(seed):
    """Compare outputs and gradient of random layers with the engine's."""
    rng = Random(seed)
    outputs, inputs, parameters = network(rng)
    program = compile(outputs, inputs, parameters, "c")
    rows = [[rng.uniform(-2, 2) for _ in inputs] for _ in range(rng.choice(ROWS))]
    found, gradient = program.value_and_grad(rows)
    wanted, total = one_by_one(outputs, inputs, parameters, rows)
    for column, others in zip(zip(*found, strict=True), zip(*wanted, strict=True), strict=True):
        assert column == pytest.approx(others, rel=1e-12, abs=1e-12 * max(map(abs, others)))
    scale = max(map(abs, total), default=1.0)
    assert gradient == pytest.approx(total, rel=1e-12, abs=1e-12 * scale)


@pytest.mark.parametrize("seed", range(30))
def test_random_layers(c_compiler, seed):
    check_layers(seed)


@pytest.mark.parametrize("processor", ["x86-64", "haswell", "skylake-avx512"])  # vectors of 2, 4 and 8 numbers
def test_vectors_of_other_processors(c_compiler, processor, monkeypatch):
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("these flags are for x86")
    here = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if any(needed not in here for needed in NEEDED[processor]):
        pytest.skip(f"this machine cannot run programs for {processor}")
    monkeypatch.setattr(native, "FLAGS", [x.replace("native", processor) for x in native.FLAGS])
    tape._evaluator.cache_clear()
    try:
        for seed in range(200, 215):
            check_layers(seed)
    finally:
        tape._evaluator.cache_clear()


@pytest.mark.parametrize("seed", range(100, 120))
def test_one_row_to_the_last_bit(c_compiler, seed):
    rng = Random(seed)
    outputs, inputs, parameters = network(rng, functions=["relu", "abs"])
    rows = [[rng.uniform(-2, 2) for _ in inputs]]
    by_c, by_python = (compile(outputs, inputs, parameters, backend) for backend in ("c", "python"))
    assert by_c.value_and_grad(rows) == by_python.value_and_grad(rows)


def test_neurons_that_differ_in_where_they_start(c_compiler):
    x, y, w, v, b = (Value(number, name) for number, name in zip((1.0, 2.0, 3.0, 5.0, 7.0), "xywvb", strict=True))
    neurons = [*(ops.dot(w, v, x, y, *start) for start in ([], [b], [w], [x])), ops.dot(w, v, x, y) + 11]
    program = compile([ops.sum(*neurons), *neurons], [x, y], [w, v, b], "c")
    outputs, gradient = program.value_and_grad([[1.0, 2.0]] * 3)
    assert outputs == [[13 * 5 + 7 + 3 + 1 + 11.0, 13.0, 20.0, 16.0, 14.0, 24.0]] * 3
    assert gradient == [3 * 6.0, 3 * 10.0, 3.0]


def test_every_number_of_rows(c_compiler):
    model, x = MLP(3, [5, 1], activation="tanh", seed=1), [Value(0.1, name) for name in "abc"]
    program = compile(model(x), x, model.parameters(), "c")
    rng = Random(0)
    rows = [[rng.uniform(-1, 1) for _ in x] for _ in range(270)]
    outputs = [program([row])[0] for row in rows]
    before = [0.0] * len(model.parameters())
    for n in range(1, len(rows) + 1):
        before = [g + h for g, h in zip(before, program.value_and_grad(rows[n - 1 : n])[1], strict=True)]
        found, gradient = program.value_and_grad(rows[:n])
        assert found == pytest.approx(outputs[:n], rel=1e-13, abs=1e-15)
        assert gradient == pytest.approx(before, rel=1e-12, abs=1e-12)


def test_a_program_that_does_not_fit_into_the_cache(c_compiler):
    model, x = MLP(40, [900, 5], seed=1), [Value(0.1, f"x{i}") for i in range(40)]
    outputs = model(x)
    loss = ops.dot(*outputs, *outputs)
    program = compile(loss, x, model.parameters(), "c")
    rng = Random(0)
    rows = [[rng.uniform(-1, 1) for _ in x] for _ in range(21)]
    found, gradient = program.value_and_grad(rows)
    wanted, total = one_by_one([loss], x, model.parameters(), rows)
    assert found == pytest.approx([out for (out,) in wanted], rel=1e-12)
    assert gradient == pytest.approx(total, rel=1e-12, abs=1e-10)


def test_a_row_that_fails_among_many(c_compiler):
    x, w, b = (Value(1.0, name) for name in "xwb")
    program = compile(ops.dot(w, b, x, x).log(), [x], [w, b], "c")
    for n in 1, 8, 40, 129:
        rows = [[1.0 + i] for i in range(n)]
        assert program(rows) == pytest.approx([math.log(2 * row[0]) for row in rows])
        for at in {0, n // 2, n - 1}:
            wrong = [*rows[:at], [-1.0], *rows[at + 1 :]]
            with pytest.raises(ValueError, match="log") as raised:
                program.value_and_grad(wrong)
            assert raised.value.__notes__ == [f"in row {at} of X"]


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_relu_hides_no_infinite_sum(c_compiler, side):
    x, y = Value(1.0, "x"), Value(1.0, "y")
    weights = [Value(0.1 * i, f"w{i}") for i in range(38)]
    neurons = [ops.dot(w, v, x, y).relu() for w, v in zip(weights[::2], weights[1::2], strict=True)]
    for outputs in neurons, [ops.minimum(ops.sum(*neurons), 1.0)]:
        program = compile(outputs, [x, y], weights, "c")
        for n in 1, 8, 40, 129:
            rows = [[0.5, 0.25 * i] for i in range(n)]
            program.value_and_grad(rows)
            for at in {0, n // 2, n - 1}:
                wrong = [*rows[:at], [side * 1e308, side * 1e308], *rows[at + 1 :]]
                with pytest.raises(OverflowError, match="too large for a float"):
                    program.value_and_grad(wrong)
