"""An epoch of data of the size of MNIST: 60,000 rows of 784 numbers, ten classes, minibatches of 64.

The data is made up by a seed, with numbers k/255 as pixels have. Everything runs on one thread in float64, from the
same start and in the same order, with plain gradient descent. Set OPENBLAS_NUM_THREADS=1 to hold NumPy to it. It takes
about 3 GB of memory and some minutes.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from micrograd_like import MLP, Value
from micrograd_like.nn.losses import cross_entropy
from micrograd_like.nn.training import train

from .peers import matrices
from .timing import report

ROWS, WIDTH, CLASSES, BATCH, LEARNING_RATE, ROUNDS = 60_000, 784, 10, 64, 0.01, 3


def squared_error(outputs: Sequence[Any], targets: Sequence[float]) -> Value:
    """Return the mean over samples of the squared distance from 1 for the class and 0 for the others."""
    terms = [(z - float(k == y)) ** 2 for row, y in zip(outputs, targets, strict=True) for k, z in enumerate(row)]
    return sum(terms[1:], start=terms[0]) / len(outputs)


def run() -> None:
    """Print how long an epoch takes, after compiling and in turn with PyTorch and NumPy; all come to the same loss."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(ROWS, WIDTH), dtype=np.uint8)
    rows = pixels / 255.0
    labels = ((rows - 0.5) @ rng.normal(size=(WIDTH, CLASSES))).argmax(axis=1)
    levels = [k / 255 for k in range(256)]  # the lists share them, which spares 1 GB
    lists = [[levels[k] for k in row] for row in pixels.tolist()]
    for loss in squared_error, cross_entropy:
        start = perf_counter()
        options = {"loss": loss, "optimizer": "sgd", "lr": LEARNING_RATE, "batch_size": BATCH, "epochs": ROUNDS}
        epochs = train(network(), lists, labels.tolist(), compiled=True, **options)
        print(f"{loss.__name__}: compiled and set up in {perf_counter() - start:.1f} s")
        runs: dict[str, Iterator[float]] = {"compiled": (epoch.loss for epoch in epochs)}
        runs["NumPy"] = by_numpy(rows, labels, loss is cross_entropy)
        if find_spec("torch"):
            runs["PyTorch"] = by_torch(rows, labels, loss is cross_entropy)
        times: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            found = []
            for name, each in runs.items():
                start = perf_counter()
                found.append(next(each))
                times[name].append(perf_counter() - start)
            assert np.allclose(found, found[0], rtol=1e-6), found
        for name in [*runs][1:]:
            ratio = median(g / f for f, g in zip(times["compiled"], times[name], strict=True))
            f, g = median(times["compiled"]), median(times[name])
            what = f"MLP(784, [50, 10]), an epoch of {ROWS}, {loss.__name__}"
            floor = 1.0 if name == "PyTorch" else 0.7
            report(what, f"{f:.2f} s, {name} {g:.2f} s: {ratio:.2f} times", f">= {floor:g} times", ratio >= floor)


def network() -> MLP:
    """Return the network at its start."""
    return MLP(WIDTH, [50, CLASSES], seed=0)


def batches(rng: Random, order: list[int]) -> Iterator[np.ndarray]:
    """Yield the samples of each batch of an epoch, in the order that `train` takes."""
    rng.shuffle(order)
    for start in range(0, len(order), BATCH):
        yield np.array(order[start : start + BATCH])


def by_numpy(rows: np.ndarray, labels: np.ndarray, logs: bool) -> Iterator[float]:
    """Yield the loss of each epoch of a training as one writes it by hand with matrices."""
    w1, b1, w2, b2 = matrices(network())
    order, rng, wanted = list(range(len(rows))), Random(0), np.eye(CLASSES)[labels]
    while True:
        total = 0.0
        for batch in batches(rng, order):
            x, y = rows[batch], wanted[batch]
            h = np.maximum(x @ w1.T + b1, 0.0)
            z = h @ w2.T + b2
            if logs:
                e = np.exp(z - z.max(axis=1, keepdims=True))
                p = e / e.sum(axis=1, keepdims=True)
                total -= np.log(p[y == 1]).sum()
                d2 = (p - y) / len(x)
            else:
                total += ((z - y) ** 2).sum()
                d2 = 2 * (z - y) / len(x)
            d1 = (d2 @ w2) * (h > 0)
            w2 -= LEARNING_RATE * (d2.T @ h)
            b2 -= LEARNING_RATE * d2.sum(axis=0)
            w1 -= LEARNING_RATE * (d1.T @ x)
            b1 -= LEARNING_RATE * d1.sum(axis=0)
        yield total / len(rows)


def by_torch(rows: np.ndarray, labels: np.ndarray, logs: bool) -> Iterator[float]:
    """Yield the loss of each epoch of a training in PyTorch."""
    import torch

    torch.set_num_threads(1)
    layers = [torch.nn.Linear(n, m, dtype=torch.float64) for n, m in ((WIDTH, 50), (50, CLASSES))]
    for parameter, start in zip((p for layer in layers for p in layer.parameters()), matrices(network()), strict=True):
        parameter.data = torch.tensor(start)
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    measure: Callable[[Any, Any], Any] = torch.nn.functional.cross_entropy
    data, wanted = torch.tensor(rows), torch.tensor(labels) if logs else torch.eye(CLASSES, dtype=torch.float64)[labels]
    order, rng = list(range(len(rows))), Random(0)
    while True:
        total = 0.0
        for batch in map(torch.from_numpy, batches(rng, order)):
            z, y = model(data[batch]), wanted[batch]
            loss = measure(z, y) if logs else ((z - y) ** 2).sum() / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        yield total / len(rows)
