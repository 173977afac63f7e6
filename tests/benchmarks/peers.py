"""The step of the moons as others do it: the loss of 100 samples and the gradient of all 337 parameters.

Each function takes the network, and returns a step that returns losses and gradient. PyTorch, JAX and CasADi are
there where they are installed.
"""

import gc
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import micrograd.engine
import micrograd.nn
import numpy as np

from micrograd_like import MLP

Step = Callable[[], Any]
CASADI_FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


def matrices(model: MLP) -> list[np.ndarray]:
    """Return the weights (one row for each neuron) and biases of the layers in turn."""
    layers = [layer.neurons for layer in model.layers]
    pairs = [([[w.data for w in n.w] for n in neurons], [n.b.data for n in neurons]) for neurons in layers]
    return [np.array(x) for pair in pairs for x in pair]


def by_micrograd(model: MLP, rows: np.ndarray) -> Step:
    """Return the step of micrograd."""
    theirs = micrograd.nn.MLP(2, [16, 16, 1])
    for p, q in zip(model.parameters(), theirs.parameters(), strict=True):
        q.data = p.data
    number = micrograd.engine.Value
    samples = rows.tolist()

    def step() -> tuple[float, list[float]]:
        theirs.zero_grad()
        scores = [(y, theirs([number(x1), number(x2)])) for x1, x2, y in samples]
        loss = sum((1 + -y * score).relu() for y, score in scores)
        loss.backward()
        return loss.data, [p.grad for p in theirs.parameters()]

    return step


def by_micrograd_alone(model: MLP, rows: np.ndarray) -> Step:
    """Return the step of micrograd with the garbage collector switched off."""
    with_collector = by_micrograd(model, rows)

    def step() -> tuple[float, list[float]]:
        gc.disable()
        try:
            return with_collector()
        finally:
            gc.enable()

    return step


def by_numpy(model: MLP, rows: np.ndarray) -> Step:
    """Return the step as one writes it by hand with matrices."""
    w1, b1, w2, b2, w3, b3 = matrices(model)
    x, y = np.ascontiguousarray(rows[:, :2]), np.ascontiguousarray(rows[:, 2:])

    def step() -> tuple[np.ndarray, np.ndarray]:
        h1 = np.maximum(x @ w1.T + b1, 0.0)
        h2 = np.maximum(h1 @ w2.T + b2, 0.0)
        loss = np.maximum(1.0 - y * (h2 @ w3.T + b3), 0.0)
        d3 = -y * (loss > 0)
        d2 = (d3 @ w3) * (h2 > 0)
        d1 = (d2 @ w2) * (h1 > 0)
        parts = d1.T @ x, d1.sum(axis=0), d2.T @ h1, d2.sum(axis=0), d3.T @ h2, d3.sum(axis=0)
        return loss, np.concatenate([part.ravel() for part in parts])

    return step


def by_torch(model: MLP, rows: np.ndarray) -> Step:
    """Return the step of PyTorch, eager, on one thread."""
    import torch

    torch.set_num_threads(1)
    w1, b1, w2, b2, w3, b3 = params = [torch.tensor(m, requires_grad=True) for m in matrices(model)]
    x, y = torch.tensor(rows[:, :2]), torch.tensor(rows[:, 2:])
    linear = torch.nn.functional.linear

    def step() -> tuple[Any, Any]:
        hidden = linear(linear(x, w1, b1).relu(), w2, b2).relu()
        loss = (1.0 - y * linear(hidden, w3, b3)).relu()
        return loss, _Flat(torch.autograd.grad(loss.sum(), params))

    return step


def by_jax(model: MLP, rows: np.ndarray) -> Step:
    """Return the step of JAX, compiled."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    params = [jnp.asarray(m) for m in matrices(model)]
    x, y = jnp.asarray(rows[:, :2]), jnp.asarray(rows[:, 2:])

    def total(params: list[Any]) -> Any:
        w1, b1, w2, b2, w3, b3 = params
        hidden = jnp.maximum(jnp.maximum(x @ w1.T + b1, 0.0) @ w2.T + b2, 0.0)
        return jnp.maximum(1.0 - y * (hidden @ w3.T + b3), 0.0).sum()

    compiled = jax.jit(jax.value_and_grad(total))

    def step() -> tuple[Any, Any]:
        loss, gradient = jax.block_until_ready(compiled(params))
        return loss, _Flat(gradient)

    return step


def by_casadi(model: MLP, rows: np.ndarray) -> Step:
    """Return the step of CasADi, in its virtual machine."""
    return _call_casadi(_casadi_function(model, len(rows)), model, rows)


def by_casadi_in_c(model: MLP, rows: np.ndarray) -> Step:
    """Return the step of CasADi, from the C that it generates."""
    import casadi

    with tempfile.TemporaryDirectory() as folder:
        generator = casadi.CodeGenerator("step.c")
        generator.add(_casadi_function(model, len(rows)))
        generator.generate(f"{folder}/")
        source, library = Path(folder, "step.c"), Path(folder, "step.so")
        subprocess.run(["gcc", *CASADI_FLAGS, "-o", library, source, "-lm"], check=True)
        return _call_casadi(casadi.external("step", str(library)), model, rows)


def _casadi_function(model: MLP, samples: int) -> Any:
    """Return CasADi's function of all samples, one in each column, and of the parameters."""
    import casadi

    x, p = casadi.SX.sym("x", 3), casadi.SX.sym("p", len(model.parameters()))
    parameters = iter(casadi.vertsplit(p))
    out = [x[0], x[1]]
    for layer in model.layers:
        out = [sum(next(parameters) * x for x in out) + next(parameters) for _ in layer.neurons]
        if layer is not model.layers[-1]:
            out = [casadi.fmax(z, 0) for z in out]
    loss = casadi.fmax(1 - x[2] * out[0], 0)
    one = casadi.Function("one", [x, p], [loss, casadi.gradient(loss, p)])
    xs, ps = casadi.MX.sym("xs", 3, samples), casadi.MX.sym("ps", len(model.parameters()))
    losses, gradients = one.map(samples)(xs, casadi.repmat(ps, 1, samples))
    return casadi.Function("step", [xs, ps], [losses, casadi.sum2(gradients)])


def _call_casadi(function: Any, model: MLP, rows: np.ndarray) -> Step:
    """Return the step through CasADi's buffers, which spare it the conversion of its matrices."""
    x, p = np.ascontiguousarray(rows).ravel(), np.array([p.data for p in model.parameters()])
    losses, gradient = np.zeros(len(rows)), np.zeros(len(p))
    buffer, evaluate = function.buffer()
    for i, array in enumerate((x, p)):
        buffer.set_arg(i, memoryview(array))
    for i, array in enumerate((losses, gradient)):
        buffer.set_res(i, memoryview(array))

    def step(kept: Any = (function, buffer, x, p)) -> tuple[np.ndarray, np.ndarray]:
        evaluate()
        return losses, gradient

    return step


class _Flat:
    """A gradient that is taken apart only where it is looked at, and not while time is measured."""

    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[float]:
        return (float(g) for part in self.parts for g in part.ravel())


def squares_by_numpy(model: MLP, rows: np.ndarray) -> Step:
    """Return a step of any network with relu: the sum of its squared outputs for each row, and the gradient."""
    found = matrices(model)
    weights, biases = found[::2], found[1::2]

    def step() -> tuple[np.ndarray, np.ndarray]:
        layers = [rows]
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = layers[-1] @ w.T + b
            layers.append(z if i == len(weights) - 1 else np.maximum(z, 0.0))
        d, parts = 2 * layers[-1], []
        for i in reversed(range(len(weights))):
            parts += [d.T @ layers[i], d.sum(axis=0)]
            if i:
                d = (d @ weights[i]) * (layers[i] > 0)
        return (layers[-1] ** 2).sum(axis=1), np.concatenate([part.ravel() for part in parts])

    return step


def squares_by_torch(model: MLP, rows: np.ndarray) -> Step:
    """Return the same in PyTorch, eager, on one thread."""
    import torch

    torch.set_num_threads(1)
    params = [torch.tensor(m, requires_grad=True) for m in matrices(model)]
    x = torch.tensor(rows)

    def step() -> tuple[Any, Any]:
        z = x
        for i in range(0, len(params), 2):
            z = torch.nn.functional.linear(z.relu() if i else z, params[i], params[i + 1])
        loss = (z * z).sum(dim=1)
        return loss.detach(), _Flat(torch.autograd.grad(loss.sum(), params))

    return step


SQUARES: dict[str, Callable[[MLP, np.ndarray], Step]] = {"NumPy": squares_by_numpy}
PEERS: dict[str, Callable[[MLP, np.ndarray], Step]] = {
    "micrograd": by_micrograd,  # first: with the others' objects in memory the collector makes it many times slower
    "micrograd, collector off": by_micrograd_alone,
    "NumPy by hand": by_numpy,
}
if find_spec("torch"):
    PEERS["PyTorch"] = by_torch
    SQUARES["PyTorch"] = squares_by_torch
if find_spec("jax"):
    PEERS["JAX"] = by_jax
if find_spec("casadi"):
    PEERS |= {"CasADi": by_casadi, "CasADi in C": by_casadi_in_c}
