"""Training: the moons told apart, from the same start, by the same steps, until all 100 samples are right."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import Any

import micrograd.engine
import micrograd.nn
import numpy as np

from micrograd_like import MLP
from micrograd_like.compiler import compile
from micrograd_like.nn.datasets import moons
from micrograd_like.nn.training import train
from micrograd_like.notation.names import named

from .compiler import no_cache
from .timing import report

DATA = moons(100, noise=0.1, seed=1)
SIGNS = [2.0 * label - 1.0 for label in DATA.targets]
LEARNING_RATE = 0.5
ROUNDS = 5

# What is compared, and how many times faster than the other the first is to be.
WANTED = [
    ("compiled", "eager", 10.0),
    ("compiled", "micrograd", 100.0),
    ("compiled", "PyTorch", 1.0),
    ("compiled, its epochs alone", "PyTorch", 20.0),
    ("compiled, its epochs alone", "JAX, compiled before", 10.0),
    ("compiled, in a loop of one's own", "PyTorch", 3.0),
    ("compiled anew", "eager", 1.0),
]


def run() -> None:
    """Print how long each takes; all take the same steps of full-batch gradient descent on the max-margin loss."""
    runs = {
        "eager": lambda: by_train(compiled=False),
        "compiled": lambda: by_train(compiled=True),
        "compiled, in a loop of one's own": by_program,
        "compiled anew": compiled_anew,
    }
    if find_spec("torch"):
        import_module("torch")  # is no part of training
        runs["PyTorch"] = by_torch
    if find_spec("jax"):
        runs["JAX, compiled before"] = by_jax
        by_jax()
    by_train(compiled=True), by_program()  # now they are in the cache
    times: dict[str, list[float]] = {name: [] for name in (*runs, "compiled, its epochs alone", "micrograd")}
    steps = set()
    for name in [*ROUNDS * [*runs], "micrograd"]:  # micrograd once: it takes minutes, and slows what comes after it
        start = perf_counter()
        steps.add(by_micrograd() if name == "micrograd" else runs[name]())
        times[name].append(perf_counter() - start)
        if name == "compiled":
            epochs = _train(compiled=True)
            start = perf_counter()
            steps.add(_until_right(epochs))
            times["compiled, its epochs alone"].append(perf_counter() - start)
    assert len(steps) == 1, f"all should take the same steps, and took {steps}"
    for name, other, floor in WANTED:
        if other in times:
            f, g = median(times[name]), median(times[other])
            measured = f"{1e3 * f:.2f} ms, {other} {1e3 * g:.0f} ms: {g / f:.1f} times"
            report(f"{name}: moons to 100 %, {min(steps)} steps", measured, f">= {floor:g} times", g >= floor * f)


def network() -> MLP:
    """Return the network at its start."""
    return MLP(2, [16, 16, 1], seed=1)


def _train(compiled: bool) -> Iterator[tuple[int, float, float]]:
    options = {"loss": "hinge", "optimizer": "sgd", "lr": LEARNING_RATE, "batch_size": None, "epochs": 1000}
    return train(network(), DATA, compiled=compiled, **options)


def _until_right(epochs: Iterator[tuple[int, float, float]]) -> int:
    return next(epoch for epoch, _, accuracy in epochs if accuracy == 1)


def by_train(compiled: bool) -> int:
    """Train as a user does."""
    return _until_right(_train(compiled))


def compiled_anew() -> int:
    """Train, and compile first."""
    with no_cache():
        return by_train(compiled=True)


def by_program() -> int:
    """Train in a loop of one's own, on the compiled loss, with NumPy."""
    model, (x1, x2, y) = network(), named(x1=0.5, x2=0.5, y=1.0)
    loss = (1 - y * model([x1, x2])).relu()
    program = compile(loss, [x1, x2, y], model.parameters(), reduction="mean")
    samples = np.column_stack([DATA.rows, SIGNS])
    parameters = np.asarray(program.params)
    losses, gradient = program.value_and_grad(samples)
    steps = 1
    while losses.max() >= 1:  # a score is on the wrong side of 0
        parameters -= LEARNING_RATE * gradient
        losses, gradient = program.value_and_grad(samples)
        steps += 1
    return steps


def by_micrograd() -> int:
    """Train as micrograd's demonstration does."""
    model, number = micrograd.nn.MLP(2, [16, 16, 1]), micrograd.engine.Value
    for p, q in zip(network().parameters(), model.parameters(), strict=True):
        q.data = p.data
    steps, right = 0, False
    while not right:
        steps += 1
        scores = [model(list(map(number, row))) for row in DATA.rows]
        loss = sum((1 + -y * score).relu() for y, score in zip(SIGNS, scores, strict=True)) * (1.0 / len(scores))
        right = all(y * score.data > 0 for y, score in zip(SIGNS, scores, strict=True))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= LEARNING_RATE * p.grad
    return steps


def by_torch() -> int:
    """Train as one does in PyTorch, on one thread."""
    import torch

    from .peers import matrices

    torch.set_num_threads(1)
    layers = [torch.nn.Linear(n, m, dtype=torch.float64) for n, m in ((2, 16), (16, 16), (16, 1))]
    for parameter, start in zip((p for layer in layers for p in layer.parameters()), matrices(network()), strict=True):
        parameter.data = torch.tensor(start)
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    rows, signs = torch.tensor(DATA.rows, dtype=torch.float64), torch.tensor(SIGNS, dtype=torch.float64)
    steps, right = 0, False
    while not right:
        steps += 1
        scores = model(rows)[:, 0]
        loss = torch.relu(1 - signs * scores).mean()
        right = bool((signs * scores > 0).all())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return steps


def by_jax() -> int:
    """Train with JAX, one call for each update."""
    update, params = _jax()
    steps, right = 0, False
    while not right:
        steps += 1
        params, right = update(params)
    return steps


@cache
def _jax() -> tuple[Any, Any]:
    """Return the update, compiled when it is first called, and the parameters at the start."""
    import jax
    import jax.numpy as jnp

    from .peers import matrices

    jax.config.update("jax_enable_x64", True)
    x, y = jnp.asarray(DATA.rows), jnp.asarray(SIGNS)

    def loss(params: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = params
        hidden = jnp.maximum(jnp.maximum(x @ w1.T + b1, 0.0) @ w2.T + b2, 0.0)
        margins = y * (hidden @ w3.T + b3)[:, 0]
        return jnp.maximum(1.0 - margins, 0.0).mean(), (margins > 0).all()

    def update(params: Any) -> Any:
        (_, right), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        return [p - LEARNING_RATE * g for p, g in zip(params, gradient, strict=True)], right

    return jax.jit(update), [jnp.asarray(m) for m in matrices(network())]
