"""The compiler: a training step of the moons against micrograd, NumPy by hand, PyTorch and JAX; and its own costs.

PyTorch and JAX are measured where they are installed. Everything runs on one thread; set OPENBLAS_NUM_THREADS=1 and
XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" to hold NumPy and JAX to it.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from random import Random
from statistics import median
from typing import Any

import micrograd.engine
import micrograd.nn
import numpy as np

from micrograd_like import MLP, Value
from micrograd_like.compiler import Program, compile
from micrograd_like.datasets import moons
from micrograd_like.naming import named

from .timing import paired, report, seconds

POINTS = moons(100, seed=0)
ROWS = [[*point, 2.0 * label - 1.0] for point, label in zip(POINTS.rows, POINTS.targets, strict=True)]
ARRAY = np.array(ROWS)


def run() -> None:
    """Print every measurement."""
    compare()
    time_compiling()
    time_rows()


def network(hidden: int = 16) -> tuple[MLP, Value, tuple[Value, ...]]:
    """Return a network, the max-margin loss of one row, and its inputs."""
    model, inputs = MLP(2, [hidden, hidden, 1], seed=0), named(x1=0.5, x2=0.2, y=1.0)
    *x, y = inputs
    return model, (1 - y * model(x)).relu(), inputs


def compare() -> None:
    """Time the step: the loss of 100 samples and the gradient of 337 parameters."""
    model, loss, inputs = network()
    programs = {name: compile(loss, inputs, model.parameters(), name) for name in ("c", "numpy", "python")}

    def step(name: str) -> Callable[[], Any]:
        rows = ROWS if name == "python" else ARRAY
        return lambda: programs[name].value_and_grad(rows)

    wanted = programs["python"].value_and_grad(ROWS)[1]
    everyone = {**{name: step(name) for name in programs}, "eager": eagerly(model)}
    peers = {"micrograd": by_micrograd, "NumPy by hand": by_numpy}
    peers |= {"torch": by_torch} if find_spec("torch") else {}
    peers |= {"jax.jit": by_jax} if find_spec("jax") else {}
    floors = {  # micrograd first: with the others' objects in memory the collector makes it many times slower
        "micrograd": {"c": 2000.0, "numpy": 80.0, "python": 15.0, "eager": 8.0},
        "NumPy by hand": {"c": 1.2},
        "torch": {"c": 4.0},
        "jax.jit": {"c": 1.2},
    }
    for theirs, make in peers.items():
        everyone[theirs] = make(model)
        for name, f in everyone.items():  # all compute the same
            assert np.allclose(sorted(f()[1]), sorted(wanted), rtol=1e-9, atol=1e-9), name
        for ours, floor in floors[theirs].items():
            slow = theirs == "micrograd"
            times = (
                {"c": 200, "numpy": 10, "python": 5}.get(ours, 1) if slow else 1
            )  # for caches that theirs emptied cost the first call much
            f, g, ratio = paired(_repeated(everyone[ours], times), everyone[theirs], rounds=15 if slow else 501)
            measured = f"{1e6 * f / times:.1f} µs, {theirs} {1e6 * g:.1f} µs: {ratio * times:.1f} times"
            what = f"{ours}: MLP(2, [16, 16, 1]), 100 points, a step"
            report(what, measured, f">= {floor:g} times", ratio * times >= floor)


def _repeated(f: Callable[[], Any], times: int) -> Callable[[], Any]:
    return f if times == 1 else lambda: [f() for _ in range(times)]


def eagerly(model: MLP) -> Callable[[], Any]:
    """Return the step on Values."""

    def step() -> tuple[float, list[float]]:
        for p in model.parameters():
            p.grad = 0.0
        loss = sum(((1 - y * model([x1, x2])).relu() for x1, x2, y in ROWS), start=Value(0.0))
        loss.backward()
        return loss.data, [p.grad for p in model.parameters()]

    return step


def by_micrograd(model: MLP) -> Callable[[], Any]:
    """Return the step of micrograd."""
    theirs = micrograd.nn.MLP(2, [16, 16, 1])
    for p, q in zip(model.parameters(), theirs.parameters(), strict=True):
        q.data = p.data
    number = micrograd.engine.Value

    def step() -> tuple[float, list[float]]:
        theirs.zero_grad()
        scores = [(y, theirs([number(x1), number(x2)])) for x1, x2, y in ROWS]
        loss = sum((1 + -y * score).relu() for y, score in scores)
        loss.backward()
        return loss.data, [p.grad for p in theirs.parameters()]

    return step


def matrices(model: MLP) -> list[np.ndarray]:
    """Return the weights (one row for each neuron) and biases of the layers in turn."""
    layers = [layer.neurons for layer in model.layers]
    pairs = [([[w.data for w in n.w] for n in neurons], [n.b.data for n in neurons]) for neurons in layers]
    return [np.array(x) for pair in pairs for x in pair]


def by_numpy(model: MLP) -> Callable[[], Any]:
    """Return the step as one writes it by hand with matrices."""
    w1, b1, w2, b2, w3, b3 = matrices(model)
    x, y = np.ascontiguousarray(ARRAY[:, :2]), np.ascontiguousarray(ARRAY[:, 2:])

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


def by_torch(model: MLP) -> Callable[[], Any]:
    """Return the step of PyTorch, eager."""
    import torch

    torch.set_num_threads(1)
    w1, b1, w2, b2, w3, b3 = params = [torch.tensor(m, requires_grad=True) for m in matrices(model)]
    x, y = torch.tensor(ARRAY[:, :2]), torch.tensor(ARRAY[:, 2:])
    linear = torch.nn.functional.linear

    def step() -> tuple[Any, Any]:
        hidden = linear(linear(x, w1, b1).relu(), w2, b2).relu()
        loss = (1.0 - y * linear(hidden, w3, b3)).relu()
        gradient = torch.autograd.grad(loss.sum(), params)
        return loss, _Lazily(lambda: [float(g) for part in gradient for g in part.ravel()])

    return step


def by_jax(model: MLP) -> Callable[[], Any]:
    """Return the step of JAX, compiled."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    params = [jnp.asarray(m) for m in matrices(model)]
    x, y = jnp.asarray(ARRAY[:, :2]), jnp.asarray(ARRAY[:, 2:])

    def total(params: list[Any]) -> Any:
        w1, b1, w2, b2, w3, b3 = params
        hidden = jnp.maximum(jnp.maximum(x @ w1.T + b1, 0.0) @ w2.T + b2, 0.0)
        return jnp.maximum(1.0 - y * (hidden @ w3.T + b3), 0.0).sum()

    compiled = jax.jit(jax.value_and_grad(total))

    def step() -> tuple[Any, Any]:
        loss, gradient = jax.block_until_ready(compiled(params))
        return loss, _Lazily(lambda: [float(g) for part in gradient for g in part.ravel()])

    return step


class _Lazily:
    """A gradient that is taken apart only where it is looked at, and not while time is measured."""

    def __init__(self, make: Callable[[], list[float]]) -> None:
        self.make = make

    def __iter__(self) -> Any:
        return iter(self.make())


def chain(nodes: int) -> tuple[Value, Value, list[Value]]:
    """Return the last node of a chain, its input and its ten parameters."""
    rng = Random(0)
    x, params = Value(0.5, "x"), [Value(rng.random(), f"w{i}") for i in range(10)]
    y = x
    for i in range(nodes // 2):
        y = y * params[i % 10] + x
    return y, x, params


def time_compiling() -> None:
    """Time how long graphs of 100 to 100,000 nodes take to compile, nothing being cached.

    The collector, which goes through all the nodes and instructions again and again, makes the last step the dearest.
    """
    before = os.environ.get("MICROGRAD_LIKE_CACHE")
    os.environ["MICROGRAD_LIKE_CACHE"] = "off"
    sizes = (100, 1_000, 10_000, 100_000)
    for backend in "python", "numpy", "c":
        times = []
        for n in sizes:
            y, x, params = chain(n)
            times.append(seconds(lambda: compile(y, [x], params, backend)))  # noqa: B023
        ratio = times[-1] / times[-2] / 10
        measured = " ".join(f"{t:.2f}" for t in times) + f" s: {ratio:.2f} times a node"
        report(f"{backend}: compiling 10^2 to 10^5 nodes", measured, "<= 2 times", ratio <= 2)
    os.environ.pop("MICROGRAD_LIKE_CACHE")
    if before is not None:
        os.environ["MICROGRAD_LIKE_CACHE"] = before


def time_rows() -> None:
    """Time calls with 1 to 100,000 rows."""
    model, loss, inputs = network()
    program: Program = compile(loss, inputs, model.parameters(), "c")
    one = median(seconds(lambda: program.value_and_grad(ARRAY[:1])) for _ in range(501))
    report("c: one call at 1 row", f"{1e6 * one:.1f} µs", "<= 10 µs", one <= 10e-6)
    per_row = []
    for n in 1_000, 10_000, 100_000:
        rows = np.resize(ARRAY, (n, 3))
        per_row.append(median(seconds(lambda rows=rows: program.value_and_grad(rows)) for _ in range(15)) / n)
    ratio = max(per_row) / min(per_row)
    measured = " ".join(f"{1e9 * t:.0f}" for t in per_row) + f" ns: {ratio:.2f} times"
    report("c: a row of 10^3, 10^4, 10^5", measured, "<= 1.5 times", ratio <= 1.5)
