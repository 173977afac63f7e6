"""Every backend computes what the engine computes, and fails where and as it fails."""

import json
import math
import subprocess
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import micrograd_like
from micrograd_like import MLP, Value, ops
from micrograd_like.compiler import CompilerError, compile, native, program, tape
from micrograd_like.engine import topological_order
from micrograd_like.graph.derivatives import grad
from micrograd_like.notation.names import named
from tests.graphs import SPELLINGS, programs


def close(numbers, wanted):
    assert len(numbers) == len(wanted)
    for x, y in zip(numbers, wanted, strict=True):
        assert math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-12), (list(numbers), list(wanted))


def moons_step():
    """One row's max-margin loss of a network, which has twelve rows."""
    model = MLP(2, [4, 3, 1], seed=1)
    x1, x2, y = named(x1=0.5, x2=0.2, y=1.0)
    rows = [[math.sin(i), math.cos(3 * i), (-1.0) ** i] for i in range(12)]
    return model, (1 - y * model([x1, x2])).relu(), [x1, x2, y], rows


def eagerly(model, rows):
    outputs = [(1 - y * model([x1, x2])).relu() for x1, x2, y in rows]
    return [v.data for v in outputs], grad(sum(outputs, start=Value(0.0)), model.parameters())


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_random_programs(backend, data):
    recorded = data.draw(programs())
    nodes, n = recorded.nodes(), len(recorded.leaves)
    split = data.draw(st.integers(0, n))
    number = st.floats(-3, 3)
    rows = [recorded.leaves[:split], *data.draw(st.lists(st.tuples(*[number] * split), max_size=3))]
    compiled = compile(nodes[-1], nodes[:split], nodes[split:n], backend)
    values, total, error = [], [0.0] * (n - split), None
    try:
        for row in rows:
            leaves = [Value(x, f"x{i}") for i, x in enumerate([*row, *recorded.leaves[split:]])]
            output = recorded.run(SPELLINGS, leaves)[-1]
            values.append(output.data)
            total = [t + g for t, g in zip(total, grad(output, leaves[split:]), strict=True)]
    except (ValueError, ArithmeticError) as e:
        error = e
    if error is None:
        outputs, gradient = compiled.value_and_grad(rows)
        scale = max([1.0, *map(abs, values), *map(abs, total)])
        close([x / scale for x in outputs], [x / scale for x in values])
        close([x / scale for x in gradient], [x / scale for x in total])
    else:
        with pytest.raises(type(error)) as raised:
            compiled.value_and_grad(rows)
        assert str(raised.value) == str(error)


def test_network(backend):
    model, loss, inputs, rows = moons_step()
    compiled = compile(loss, inputs, model.parameters(), backend)
    wanted, gradient = eagerly(model, rows)
    for given_rows in rows, np.array(rows), [tuple(row) for row in rows]:
        outputs, found = compiled.value_and_grad(given_rows)
        close(outputs, wanted)
        close(found, gradient)
        close(compiled(given_rows), wanted)
        assert type(outputs) is type(found) is (np.ndarray if isinstance(given_rows, np.ndarray) else list)
    for n in 1, 7, 8, 9:  # blocks of 8 rows
        close(compiled.value_and_grad(rows[:n])[1], eagerly(model, rows[:n])[1])
    mean = compile(loss, inputs, model.parameters(), backend, reduction="mean")
    close(mean.value_and_grad(rows)[1], [g / 12 for g in gradient])


def test_numbers_are_exchanged_by_explicit_calls(backend):
    model, loss, inputs, rows = moons_step()
    compiled = compile(loss, inputs, model.parameters(), backend)
    before = compiled(rows)
    for p in model.parameters():
        p.data *= 2
    assert compiled(rows) == before
    compiled.pull()
    close(compiled(rows), eagerly(model, rows)[0])
    assert np.shares_memory(np.asarray(compiled.params), compiled.params)
    np.asarray(compiled.params)[:] /= 4
    compiled.push()
    close(compiled(rows), eagerly(model, rows)[0])
    ones = [1.0] * len(compiled.params)
    close(compiled.value_and_grad(rows, np.array(ones))[0], compiled.value_and_grad(rows, ones)[0])
    with pytest.raises(ValueError, match="parameters, not 1"):
        compiled.value_and_grad(rows, [1.0])


def test_backward_accumulates(backend):
    model, loss, inputs, rows = moons_step()
    compiled = compile(loss, inputs, model.parameters(), backend)
    for p in model.parameters():
        p.data += 0.125  # backward() looks at the Values
    for times in 1, 2:
        close(compiled.backward(rows), eagerly(model, rows)[0])
        close([p.grad for p in model.parameters()], [times * g for g in eagerly(model, rows)[1]])


def test_errors_are_the_engines(backend):
    x, w = named(x=2.0, w=3.0)
    compiled = compile((x * w).log() + 0.0, [x], [w], backend)
    with pytest.raises(ValueError, match=r"log\(0.0\): log is defined for numbers above 0 only") as raised:
        compiled.value_and_grad([[1.0], [0.0]])
    assert raised.value.__notes__ == ["in row 1 of X"]
    compiled = compile(1 / (x * w).exp(), [x], [w], backend)  # 1 / infinity would be a fine 0
    for call in compiled, compiled.value_and_grad:
        with pytest.raises(OverflowError, match="too large"):
            call([[1000.0]])
    compiled = compile((x * w).tanh(), [x], [w], backend)
    with pytest.raises(OverflowError, match=r"x \* w"):
        compiled(np.array([[1e308]]))


def test_guards_are_decided_for_each_row(backend):
    x, y = named(x=2.0, y=0.0)  # y = 0 when the graph is recorded: the derivative y * x**(y - 1) is then 0
    compiled = compile(x**y, [y], [x], backend)
    close(compiled.value_and_grad([[0.0]])[1], [0.0])
    close(compiled.value_and_grad([[3.0]])[1], [12.0])
    compiled = compile(x**y, [x], [y], backend)
    close(compiled.value_and_grad([[0.0], [2.0]], [2.0])[1], [4 * math.log(2)])  # 0 ** 2 adds nothing


def test_bad_rows(backend):
    x, w = named(x=2.0, w=3.0)
    compiled = compile(x * w, [x], [w], backend)
    for bad, message in [
        ([], "X has no rows"),
        (np.zeros((0, 1)), "X has no rows"),
        ([[1.0], [1.0, 2.0]], "row 1 of X has length 2; the program takes 1: x"),
        (np.zeros((3, 2)), "row 0 of X has length 2"),
        (np.zeros(3), "two dimensions, not of 1"),
        ([[1.0], [math.nan]], "row 1 of X: x is nan, not a finite number"),
        (np.array([[math.inf]]), "row 0 of X: x is inf"),
    ]:
        with pytest.raises(ValueError, match=message):
            compiled.value_and_grad(bad)


def test_leaves_and_unused(backend):
    x, w, u = named(x=2.0, w=3.0, u=5.0)
    assert compile(w, [x], [w, u], backend).value_and_grad([[1.0], [2.0]]) == ([3.0, 3.0], [2.0, 0.0])
    assert compile(x, [x], [w], backend).value_and_grad([[1.0], [2.0]]) == ([1.0, 2.0], [0.0])
    assert compile(w * w, [], [w], backend).value_and_grad() == ([9.0], [6.0])
    assert compile(w * w, [], [w], backend).value_and_grad(np.zeros((3, 0)))[1] == [18.0]
    assert compile(x * 2, [x], [], backend).value_and_grad([[1.0]]) == ([2.0], [])


def test_long_sums_and_deep_graphs(backend):
    x, *ws = [Value(0.5, f"x{i}") for i in range(301)]
    y = x
    for w in ws:
        y = y * w + x
    output = y + micrograd_like.dot(ws, ws[::-1], x) + micrograd_like.sum([*ws, x])
    outputs, gradient = compile(output, [x], ws, backend).value_and_grad([[0.5]])
    close(outputs, [output.data])
    close(gradient, grad(output, ws))


@pytest.mark.parametrize("n", [1, 2, 8, 9, 31, 32, 33, 71])
def test_wide_layers_in_blocks_of_rows(backend, n):
    model = MLP(9, [12, 20, 2], activation="tanh", seed=1)

    def loss(inputs):
        a, b = model(inputs)
        hidden = [v for v in topological_order(a) if v.op is ops.tanh]
        return a * b + micrograd_like.sum(hidden[:12]) * micrograd_like.sum(inputs)

    inputs = [Value(0.1 * i, f"x{i}") for i in range(9)]
    compiled = compile(loss(inputs), inputs, model.parameters(), backend)
    rows = [[math.sin(i * j + 1) for j in range(9)] for i in range(n)]
    losses = [loss([Value(x) for x in row]) for row in rows]
    outputs, gradient = compiled.value_and_grad(rows)
    close(outputs, [v.data for v in losses])
    close(gradient, grad(micrograd_like.sum(losses), model.parameters()))


def test_threads(c_compiler, monkeypatch):
    monkeypatch.setattr(program, "ROWS_PER_THREAD", 5)
    model, loss, inputs, rows = moons_step()
    compiled = compile(loss, inputs, model.parameters(), "c", threads=3)
    for n in 12, 10, 4:  # in two parts, in two and in one
        for some in rows[:n], np.array(rows[:n]):
            outputs, gradient = compiled.value_and_grad(some)
            close(outputs, eagerly(model, rows[:n])[0])
            close(gradient, eagerly(model, rows[:n])[1])
    x, w = named(x=2.0, w=3.0)
    compiled = compile((x * w).log(), [x], [w], "c", threads=2)
    with pytest.raises(ValueError, match=r"log\(-3.0\)") as raised:
        compiled.value_and_grad([[1.0]] * 9 + [[-1.0]])
    assert raised.value.__notes__ == ["in row 9 of X"]
    for bad in 0, 1.5:
        with pytest.raises(ValueError, match="threads is a whole number from 1, not"):
            compile(x * w, [x], [w], threads=bad)


def test_without_a_compiler(monkeypatch):
    def missing():
        raise CompilerError("the C backend needs GCC or Clang")

    monkeypatch.setattr(native, "find_compiler", missing)
    monkeypatch.setattr(program, "_warned", set())
    tape._evaluator.cache_clear()
    x, w = named(x=2.0, w=3.0)
    with pytest.warns(RuntimeWarning, match="compiled to numpy, for the C backend needs GCC or Clang"):
        assert compile(x * w, [x], [w]).backend == "numpy"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compile(x * w, [x], [w]).backend == "numpy"  # said once
    monkeypatch.setattr(program, "find_spec", lambda name: None)
    with pytest.warns(RuntimeWarning, match="compiled to python"):
        assert compile(x * w, [x], [w]).backend == "python"
    with pytest.raises(CompilerError, match="needs GCC or Clang"):
        compile(x * w, [x], [w], "c")


def test_auto_takes_c(c_compiler):
    x, w = named(x=2.0, w=3.0)
    compiled = compile(x * w, [x], [w])
    assert compiled.backend == "c"
    assert repr(compiled) == "<program of 3 instructions: v1 of 1 input and 1 parameters, in c>"


def test_unknown_names():
    x, w = named(x=2.0, w=3.0)
    for arguments, message in ({"backend": "fortran"}, "auto, c, numpy, python"), ({"reduction": "max"}, "sum or mean"):
        with pytest.raises(ValueError, match=message):
            compile(x * w, [x], [w], **arguments)


def in_javascript(node, folder, compiled, rows):
    (folder / "program.mjs").write_text(compiled.source("javascript"))
    call = f"console.log(JSON.stringify(valueAndGrad({rows}, {compiled.params.tolist()})))"
    (folder / "run.mjs").write_text(f'import {{ valueAndGrad }} from "./program.mjs"; {call}')
    found = subprocess.run([node, folder / "run.mjs"], check=True, capture_output=True, text=True)
    return json.loads(found.stdout)


@given(recorded=programs(), split=st.integers(0, 4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_programs_in_javascript(node, tmp_path, recorded, split):
    nodes, n = recorded.nodes(), len(recorded.leaves)
    split = min(split, n)
    compiled = compile(nodes[-1], nodes[:split], nodes[split:n], "python")
    outputs, gradient = in_javascript(node, tmp_path, compiled, [list(recorded.leaves[:split])])
    wanted = grad(nodes[-1], nodes[split:n])
    scale = max([1.0, *map(abs, wanted)])
    close(outputs, [nodes[-1].data])
    close([x / scale for x in gradient], [x / scale for x in wanted])


def test_a_network_in_javascript(node, tmp_path):
    model, loss, inputs, rows = moons_step()
    compiled = compile(loss, inputs, model.parameters(), "python")
    for ours, theirs in zip(eagerly(model, rows), in_javascript(node, tmp_path, compiled, rows), strict=True):
        close(ours, theirs)
