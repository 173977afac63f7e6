"""The sources for PyTorch and JAX run there, and come to what the engine comes to; where these are installed.

Each runs in a process of its own: JAX starts threads, after which a test could not fork safely.
"""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from micrograd_like import MLP
from micrograd_like import sum as add_up
from micrograd_like.compiler import compile
from micrograd_like.notation.names import named

from ..conftest import REQUIRED
from ..graphs import BY_ARITY, SPELLINGS

ARRAYS = {
    "torch": "array = lambda numbers: torch.tensor(numbers, dtype=torch.float64)",
    "jax": "jax.config.update('jax_enable_x64', True); array = jnp.array",
}


@pytest.fixture(params=ARRAYS)
def library(request):
    if request.param not in REQUIRED and not find_spec(request.param):
        pytest.skip(f"{request.param} is not installed; MICROGRAD_LIKE_TESTS={request.param} makes this a failure")
    return request.param


def run(program, language, rows, gradient, folder):
    """Return what the source computes, run without this package."""
    name = "value_and_grad" if gradient else "value"
    call = f"{name}(array({rows}), array({program.params.tolist()}))"
    lines = [program.source(language, gradient), ARRAYS[language], "import json"]
    lines.append(f"print(json.dumps([numbers.tolist() for numbers in {call}]))")
    (folder / "program.py").write_text("\n".join(lines))
    done = subprocess.run([sys.executable, "-I", folder / "program.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def every_row():
    """One graph with every operation, some of them on constants, and all on numbers that leave them defined."""
    x, w, u = named(x=0.5, w=0.75, u=2.0)
    terms = [SPELLINGS[name](x * w) for name in BY_ARITY[1]]
    terms += [SPELLINGS[name](*pair) for name in BY_ARITY[2] for pair in ((w, x + u), (u, w), (x, 3.0))]
    terms += [SPELLINGS[name](x, w, u) for name in BY_ARITY[3]] + [x**3, 2.0**w, (w - 1).relu(), 0.0 * u + w**0.0]
    return add_up(terms), [x], [w, u], [[0.25], [1.5], [2.5]]


def network():
    model = MLP(2, [5, 3, 1], activation="tanh", output="sigmoid", seed=1)
    x, y, t = inputs = named(x=0.5, y=0.25, t=1.0)
    return (model([x, y]) - t) ** 2, list(inputs), model.parameters(), [[0.1, 0.2, 0.0], [-1.0, 2.0, 1.0]]


@pytest.mark.parametrize("make", [every_row, network])
def test_same_numbers(library, make, tmp_path):
    output, inputs, params, rows = make()
    program = compile(output, inputs, params, "python")
    wanted = [pytest.approx(numbers, rel=1e-12) for numbers in program.value_and_grad(rows)]
    assert run(program, library, rows, True, tmp_path) == wanted
    assert run(program, library, rows, False, tmp_path) == [wanted[0], []]
