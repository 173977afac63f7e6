"""The engine: against micrograd, by the node, and how long its import takes."""

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

import micrograd.engine
import micrograd.nn

from micrograd_like import MLP, Value
from micrograd_like.nn.datasets import moons

from .timing import paired, report, seconds


def run() -> None:
    """Print every measurement."""
    compare_with_micrograd()
    count_bytes()
    time_nodes()
    time_import()


def compare_with_micrograd() -> None:
    """Time the max-margin loss of MLP(2, [16, 16, 1]) on 20 points of the moons, forward and backward."""
    points = moons(20, seed=0)
    signs = [2 * label - 1 for label in points.targets]
    ours, theirs = MLP(2, [16, 16, 1], seed=0), micrograd.nn.MLP(2, [16, 16, 1])
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        q.data = p.data

    def step(model: Any, number: Callable[[float], Any]) -> float:  # the same lines for both
        inputs = [list(map(number, point)) for point in points.rows]
        scores = list(map(model, inputs))
        losses = [(1 + -sign * score).relu() for sign, score in zip(signs, scores, strict=True)]
        loss = sum(losses) * (1.0 / len(losses))
        model.zero_grad()
        loss.backward()
        return float(loss.data)

    assert abs(step(ours, Value) - step(theirs, micrograd.engine.Value)) < 1e-12
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert abs(p.grad - q.grad) < 1e-12
    f, g, ratio = paired(lambda: step(ours, Value), lambda: step(theirs, micrograd.engine.Value))
    measured = f"{1e3 * f:.1f} ms, micrograd {1e3 * g:.1f} ms: {ratio:.1f} times"
    report("MLP(2, [16, 16, 1]), 20 points, a step", measured, ">= 8 times", ratio >= 8)


def chain(nodes: int) -> Value:
    """Return the last of a chain of binary operations."""
    x = y = Value(0.5)
    for _ in range(nodes // 2):
        y = (y + x) * x
    return y


def count_bytes() -> None:
    """Measure the memory of one binary operation."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    y = chain(10_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = (after - before) / 10_000
    assert y.operands
    report("a node of two operands", f"{size:.0f} bytes", "<= 250 bytes", size <= 250)


def time_nodes() -> None:
    """Time a node's making, backward pass and freeing in small and large graphs, with the collector and without.

    A graph holds no cycles, so nothing is lost with the collector off. While it is on, it goes through all nodes
    whenever their number has grown by a quarter: nothing at 10^4 nodes, half of the time at 10^6.
    """
    sizes = (10_000, 100_000, 1_000_000)
    for collector, switch in (("on, its default", gc.enable), ("off", gc.disable)):
        per_node: dict[int, list[float]] = {n: [] for n in sizes}
        switch()
        for _ in range(5):
            for n in sizes:
                per_node[n] += [seconds(lambda n=n: chain(n).backward()) / n for _ in range(max(1, 200_000 // n))]
        gc.enable()
        times = [median(per_node[n]) for n in sizes]
        ratio = max(times) / min(times)
        measured = " ".join(f"{1e6 * t:.2f}" for t in times) + f" µs: {ratio:.2f} times"
        report(f"a node of 10^4, 10^5, 10^6, collector {collector}", measured, "<= 1.5 times", ratio <= 1.5)


def time_import() -> None:
    """Time `import micrograd_like` in an interpreter of its own, less a bare one."""

    def interpreter(code: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    bare, whole, _ = paired(interpreter("pass"), interpreter("import micrograd_like"), rounds=21)
    measured = f"{1e3 * (whole - bare):.0f} ms, with the interpreter {1e3 * whole:.0f} ms"
    report("import micrograd_like", measured, "<= 60 ms", whole <= 0.060)
