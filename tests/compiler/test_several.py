"""Several outputs of one program: products of upstream gradients with their Jacobian; and programs saved as files."""

import ctypes
import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from random import Random

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from micrograd_like import MLP, Value
from micrograd_like.compiler import compile
from micrograd_like.notation.names import named

ODD = ["a b", 'say "x"', "</script>", "\\", "*/", "{0}", "\x1b[2J\n", "变量", "goto", "upstream_y1", "parameters", "y1"]


def network(backend, **options):
    """Return a program of three outputs, and its network."""
    model, x = MLP(2, [4, 3], activation="tanh", seed=1), named(p=0.5, q=-0.25)
    outputs = model(x)
    outputs[0].label = "y1"
    return compile(outputs, x, model.parameters(), backend, **options), model


def rows_of(count, width, seed=0):
    rng = Random(seed)
    return [[rng.uniform(-1, 1) for _ in range(width)] for _ in range(count)]


@pytest.mark.parametrize("count", [1, 3, 8, 37])
def test_a_product_is_what_autograd_says(backend, count):
    program, model = network(backend)
    rows, upstream = rows_of(count, 2), rows_of(count, 3, seed=1)

    def weighted(numbers):
        numbers = iter(numbers)
        x = anp.array(rows)
        for layer in model.layers:
            n = len(layer.neurons[0].w)
            table = [[next(numbers) for _ in range(n + 1)] for _ in layer.neurons]
            x = anp.stack([sum(x[:, i] * neuron[i] for i in range(n)) + neuron[n] for neuron in table], axis=1)
            if layer is not model.layers[-1]:
                x = anp.tanh(x)
        return anp.sum(x * anp.array(upstream))

    names = [v.label for v in model.parameters()]
    assert names[:3] == ["w1[1→1]", "w1[2→1]", "b1[1]"]  # weights, then the bias
    wanted = autograd.grad(weighted)(anp.array(program.params.tolist()))
    assert program.vjp(rows, upstream) == pytest.approx(list(wanted), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("kind", [list, np.array, iter])
def test_one_output_chosen_is_the_gradient_of_that_output_bit_for_bit(backend, kind):
    program, model = network(backend, reduction="mean")  # which a product never is
    x = named(p=0.5, q=-0.25)
    rows = rows_of(5, 2)
    for k, output in enumerate(model(x)):
        chosen = [[float(j == k) for j in range(3)]] * 5
        alone = compile(output, x, model.parameters(), backend)
        found = program.vjp(kind(rows), kind(chosen))
        assert isinstance(found, np.ndarray) == (kind is np.array)
        assert list(found) == alone.value_and_grad(rows)[1]
        assert list(program.vjp(rows, np.array(chosen))) == list(program.vjp(np.array(rows), chosen)) == list(found)


def test_outputs_of_every_kind(backend):
    x, w, u = named(x=3.0, w=2.0, u=5.0)
    y = w * x
    program = compile([y, y, w, x, 0 * u + 7.0, u**2 * x], [x], [w, u, *named(unused=1.0)], backend)
    upstream = [[1.0, 10.0, 100.0, 1e3, 1e4, 1e5], [2.0, 0.5, 0.25, 1.0, 1.0, 1.0]]
    wanted = [11 * 3 + 100 + 2.5 * 4 + 0.25, 1e5 * 2 * 5 * 3 + 2 * 5 * 4, 0.0]
    assert program.vjp([[3.0], [4.0]], upstream) == wanted
    assert program.vjp([[3.0], [4.0]], upstream, [1.0, 1.0, 1.0])[1] == 1e5 * 2 * 3 + 2 * 4
    program.params[1] = 1.0
    assert program.vjp([[3.0]], [[0, 0, 0, 0, 0, Fraction(1, 2)]]) == [0.0, 3.0, 0.0]


def test_one_output_and_no_inputs(backend):
    w, u = named(w=2.0, u=5.0)
    program = compile(w * u, [], [w, u], backend)
    assert program.vjp(None, [[3.0]]) == program.vjp([[]], [[3]]) == [15.0, 6.0]


def test_huge_outputs_and_threads(c_compiler):
    w, x = named(w=1e200, x=1e108)
    program = compile([w * x, w * x * x.relu() ** 0], [x], [w], "c", threads=2)
    rows = [[1.0 + i] for i in range(10_000)]
    assert program.vjp(rows, [[1.0, 2.0]] * 10_000) == [3.0 * sum(range(1, 10_001))]


@pytest.mark.parametrize(
    ("rows", "upstream", "kind", "said"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0]], ValueError, "row 0 of upstream has length 2; the program takes 3: y1, v"),
        ([[1.0, 2.0]], np.ones((1, 4)), ValueError, "row 0 of upstream has length 4"),
        ([[1.0, 2.0]], np.ones(3), ValueError, "upstream is rows of 3 numbers, an array of two dimensions, not of 1"),
        ([[1.0, 2.0]], [1.0, 2.0, 3.0], TypeError, "row 0 of upstream is a list of 3 numbers, not 1.0"),
        ([[1.0, 2.0]], None, TypeError, "upstream is rows of 3 numbers, not None"),
        ([[1.0, 2.0]], [], ValueError, "upstream has no rows"),
        ([[1.0, 2.0]], [[1.0, 2.0, "3"]], TypeError, "row 0 of upstream: v.* is '3'"),
        ([[1.0, 2.0]], [[1.0, 2.0, 3.0]] * 2, ValueError, "upstream has 2 rows and X has 1"),
        ([[1.0, 2.0]] * 2, [[1.0, 2.0, 3.0], [float("nan"), 0, 0]], ValueError, "row 1 of X: upstream_y1 is nan"),
        ([[1.0]], [[1.0, 2.0, 3.0]], ValueError, "row 0 of X has length 1; the program takes 2: p, q"),
        (None, [[1.0, 2.0, 3.0]], TypeError, "X is rows of 2 numbers, not None"),
    ],
)
def test_errors_name_what_is_wrong(backend, rows, upstream, kind, said):
    program, _ = network(backend)
    with pytest.raises(kind, match=said):
        program.vjp(rows, upstream)
    assert program.vjp([[1.0, 2.0]], [[0, 0, 0]]) == [0.0] * len(program.params)


def test_a_row_that_fails_is_named(backend):
    x, w = named(x=2.0, w=3.0)
    program = compile([w * x, w / x], [x], [w], backend)
    with pytest.raises(ZeroDivisionError) as raised:
        program.vjp([[1.0], [0.0]], [[1.0, 0.0]] * 2)
    assert raised.value.__notes__ == ["in row 1 of X"]


def test_odd_labels(backend):
    leaves = [Value(0.5 + i, label) for i, label in enumerate(ODD)]
    outputs = [(leaves[i] * leaves[i - 1]).tanh() for i in range(len(leaves))]
    for output, label in zip(outputs, ODD, strict=True):
        output.label = label
    program = compile(outputs, leaves[:3], leaves[3:], backend)
    new = [Value(v.data) for v in leaves]
    same = [(new[i] * new[i - 1]).tanh() for i in range(len(new))]
    plain = compile(same, new[:3], new[3:], backend)
    row, upstream = [v.data for v in leaves[:3]], rows_of(1, len(ODD))
    assert program.vjp([row], upstream) == plain.vjp([row], upstream) != [0.0] * 9


# -------------------- files --------------------


def programs():
    """Return programs of every shape, by name."""
    leaves = [Value(0.25 * i - 1, label) for i, label in enumerate(ODD)]
    odd = leaves[0] * leaves[1]
    for v in leaves[2:]:
        odd = (odd + v).tanh()
        odd.label = "*/ " + v.label
    w, u, x = named(w=2.0, u=-0.5, x=1e-300)
    model, inputs = MLP(40, [9, 2], seed=0), [Value(0.1 * i, f"x{i}") for i in range(40)]
    return {
        "odd": compile(odd, leaves[:5], leaves[5:], "python"),
        "no_inputs": compile(w * u, [], [w, u], "python"),
        "no_parameters": compile(x.exp(), [x], [], "python"),
        "several": compile([w * x, x * u, w], [x], [w, u], "python"),
        "large": compile(model(inputs), inputs, model.parameters(), "python"),
    }


@pytest.fixture(params=["odd", "no_inputs", "no_parameters", "several", "large"])
def saved(request):
    return programs()[request.param]


def wanted(program):
    """Return what the example of a saved program is to come to, each in one list."""
    row = [float(v.data) for v in program._inputs]
    outputs, gradient = program.value_and_grad([row] if row else None)
    return [*np.ravel(outputs)], list(gradient)


def example(path):
    """Return the lines of the example that stands at the top of a file."""
    head, rest = re.match(r"(?s)((?:(?:#|//) [^\n]*\n)+)\n(.*)", path.read_text()).groups()
    title, *lines = (line.split(" ", 1)[1] for line in head.splitlines())
    assert title.startswith("Usage, after ")
    assert "micrograd" not in rest
    return "\n".join(lines)


@pytest.mark.parametrize("gradient", [True, False])
def test_the_example_at_the_top_of_a_file_of_python(saved, gradient, tmp_path):
    saved.save(tmp_path / "model.py", gradient)
    run = f"from model import *\n{example(tmp_path / 'model.py')}\nprint(outputs, gradient, sep=';')"
    (tmp_path / "main.py").write_text(run)
    said = subprocess.run([sys.executable, "main.py"], cwd=tmp_path, check=True, capture_output=True, text=True)
    outputs, grads = map(json.loads, said.stdout.split(";"))
    assert [*np.ravel(outputs)] == pytest.approx(wanted(saved)[0], rel=1e-12)
    assert grads == (pytest.approx(wanted(saved)[1], rel=1e-12) if gradient else [])


@pytest.mark.parametrize("gradient", [True, False])
@pytest.mark.parametrize("ending", ["js", "mjs"])
def test_the_example_at_the_top_of_a_file_of_javascript(saved, gradient, ending, tmp_path, node):
    (tmp_path / "package.json").write_text('{"type": "module"}')
    path = tmp_path / f"my model.{ending}"
    saved.save(str(path), gradient)
    names = "parameters, valueAndGrad" if gradient else "parameters, value"
    run = f'import {{ {names} }} from "./{path.name}";\n{example(path)}\n'
    (tmp_path / "main.js").write_text(f"{run}console.log(JSON.stringify([outputs.flat(), gradient]));")
    said = subprocess.run([node, "main.js"], cwd=tmp_path, check=True, capture_output=True, text=True)
    outputs, grads = json.loads(said.stdout)
    assert outputs == pytest.approx(wanted(saved)[0], rel=1e-12)
    assert grads == (pytest.approx(wanted(saved)[1], rel=1e-12) if gradient else [])


@pytest.mark.parametrize("gradient", [True, False])
def test_the_example_at_the_top_of_a_file_of_c(saved, gradient, tmp_path, c_compiler):
    saved.save(tmp_path / "model.c", gradient)
    outputs, grads = wanted(saved)
    shown = [("outputs", len(outputs)), *([("gradient", len(grads))] if gradient else [])]
    loops = "\n".join(f'for (int i = 0; i < {n}; i++) printf("%.17g\\n", {name}[i]);' for name, n in shown)
    text = f"int main(void) {{\n{example(tmp_path / 'model.c')}\n{loops}\nreturn failed;\n}}\n"
    (tmp_path / "main.c").write_text(f'#include <stdio.h>\n#include "model.c"\n{text}')
    command = [*c_compiler[0], "-Wall", "-Werror", "-Wno-unused", "-o", "main", "main.c", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    said = subprocess.run([tmp_path / "main"], check=True, capture_output=True, text=True)
    assert list(map(float, said.stdout.split())) == pytest.approx([*outputs, *(grads if gradient else [])], rel=1e-12)
    subprocess.run([*c_compiler[0], "-shared", "-fPIC", "-o", "model.so", "model.c", "-lm"], cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "model.so"))  # linked, it has the numbers too
    numbers = (ctypes.c_double * len(saved.params)).in_dll(library, "parameters")
    assert list(numbers) == list(saved.params)


def test_a_saved_file_has_the_numbers_that_the_program_has_now(tmp_path):
    x, w = named(x=2.0, w=3.0)
    program = compile(w * x, [x], [w], "python")
    path = tmp_path / "p.py"
    for number in 0.1, -5e-324, 1.7976931348623157e308:
        program.params[0] = number
        program.save(path)
        exec(path.read_text(), space := {})
        assert space["parameters"] == [number]
    assert os.listdir(tmp_path) == ["p.py"]


@pytest.mark.parametrize("name", ["model.cpp", "model", "model.py.txt", ".py", "odd \x1b.html"])
def test_another_ending_is_an_error_and_nothing_is_written(name, tmp_path):
    x, w = named(x=2.0, w=3.0)
    with pytest.raises(ValueError, match=r"a file that ends in \.c, \.py, \.js, \.mjs, not in '.*'") as raised:
        compile(w * x, [x], [w], "python").save(tmp_path / name)
    assert "\x1b" not in str(raised.value)
    assert os.listdir(tmp_path) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    x, w = named(x=2.0, w=3.0)
    with pytest.raises(OSError, match=r"no-folder.m\.py"):
        compile(w * x, [x], [w], "python").save(tmp_path / "no-folder" / "m.py")
