"""The sources for PyTorch and JAX run there, and come to what the engine comes to; where these are installed."""

import numpy as np
import pytest

from micrograd_like import MLP
from micrograd_like import sum as add_up
from micrograd_like.compiler import compile
from micrograd_like.naming import named

from ..conftest import REQUIRED
from ..graphs import BY_ARITY, SPELLINGS


@pytest.fixture(params=["torch", "jax"])
def library(request):
    """The source's name, and what makes an array of its numbers."""
    if request.param not in REQUIRED:
        pytest.importorskip(request.param, reason=f"{request.param} is not installed; the sources for it are not run")
    if request.param == "torch":
        import torch

        return "torch", lambda numbers: torch.tensor(numbers, dtype=torch.float64)
    import jax

    jax.config.update("jax_enable_x64", True)
    return "jax", lambda numbers: jax.numpy.array(numbers, dtype=float)


def run(source, name="value_and_grad"):
    namespace = {}
    exec(source, namespace)
    return namespace[name]


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
def test_same_numbers(library, make):
    language, array = library
    output, inputs, params, rows = make()
    program = compile(output, inputs, params, "python")
    outputs, gradient = run(program.source(language))(array(rows), array(program.params.tolist()))
    wanted = program.value_and_grad(rows)
    np.testing.assert_allclose(np.asarray(outputs), wanted[0], rtol=1e-12)
    np.testing.assert_allclose(np.asarray(gradient), wanted[1], rtol=1e-12)
    alone, none = run(program.source(language, gradient=False), "value")(array(rows), array(program.params.tolist()))
    np.testing.assert_allclose(np.asarray(alone), wanted[0], rtol=1e-12)
    assert len(none) == 0
