"""The engine: against micrograd, by the node, and how long its import takes."""

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import nullcontext
from random import Random
from statistics import median
from typing import Any

import micrograd.engine
import micrograd.nn

from micrograd_like import MLP, Value, many_nodes
from micrograd_like.nn.datasets import moons

from ..teaching.engines.students import LOCALS
from .timing import paired, report, seconds


def run() -> None:
    """Print every measurement."""
    compare_with_micrograd()
    compare_operations()
    compare_with_local_derivatives()
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


def compare_operations() -> None:
    """Time the recording of single operations, also with plain numbers, in both libraries."""
    for expression in "a + b", "a * b", "a * 2.0", "1 + a", "a - b", "a / b", "a**2", "-a", "a.relu()":
        code = compile(f"[{expression} for _ in range(1000)]", "operation", "eval")

        def recorded(kind: Any, code: Any = code) -> Callable[[], Any]:
            names = {"a": kind(1.5), "b": kind(2.5)}
            return lambda: eval(code, names)

        f, g, ratio = paired(recorded(Value), recorded(micrograd.engine.Value))
        measured = f"{1e6 * f:.0f} ns, micrograd {1e6 * g:.0f} ns: {ratio:.1f} times as fast"
        report(f"recording {expression}", measured, ">= 1 times", ratio >= 1)


def chain(nodes: int) -> Value:
    """Return the last of a chain of binary operations."""
    x = y = Value(0.5)
    for _ in range(nodes // 2):
        y = (y + x) * x
    return y


def compare_with_local_derivatives() -> None:
    """Time a graph of small operations, as of a language model, against an engine that notes its local derivatives.

    It has slots and a recursion for the order, as the fastest of the small engines do, and checks nothing.
    """
    names: dict[str, Any] = {}
    exec(LOCALS, names)
    sys.setrecursionlimit(20_000)
    rng = Random(1)
    shapes = (24, 16), (48, 24), (27, 48)
    numbers = [[[rng.gauss(0, 0.3) for _ in range(m)] for _ in range(n)] for n, m in shapes]
    rows = [([rng.gauss(0, 1) for _ in range(16)], rng.randrange(27)) for _ in range(9)]

    def step(kind: Any, weights: list[Any]) -> float:  # the same lines for both
        losses = []
        for row, target in rows:
            h = [kind(x) for x in row]
            for k, matrix in enumerate(weights):
                h = [sum(w * x for w, x in zip(line, h, strict=True)) for line in matrix]
                if k == 0:
                    scale = (sum(x * x for x in h) / len(h) + 1e-5) ** -0.5
                    h = [x * scale for x in h]
                elif k == 1:
                    h = [x.relu() for x in h]
            exps = [(x - max(v.data for v in h)).exp() for x in h]
            losses.append(-(exps[target] / sum(exps)).log())
        loss = sum(losses) / len(losses)
        for p in (p for matrix in weights for line in matrix for p in line):
            p.grad = 0.0
        loss.backward()
        return float(loss.data)

    def made(kind: Any) -> list[Any]:
        return [[[kind(x) for x in line] for line in matrix] for matrix in numbers]

    theirs = names["Value"]
    ours_weights, their_weights = made(Value), made(theirs)
    assert abs(step(Value, ours_weights) - step(theirs, their_weights)) < 1e-12

    def ours(context: Any) -> float:
        with context:
            return step(Value, ours_weights)

    cases: dict[str, tuple[Callable[[], Any], bool, float]] = {
        "collector on": (lambda: ours(nullcontext()), True, 1.2),
        "collector on, ours within many_nodes()": (lambda: ours(many_nodes()), True, 1.2),
        "collector off": (lambda: ours(nullcontext()), False, 1.0),
    }
    for name, (run_ours, is_on, goal) in cases.items():
        gc.collect()
        if not is_on:
            gc.disable()
        f, g, ratio = paired(run_ours, lambda: step(theirs, their_weights))
        gc.enable()
        measured = f"{1e3 * f:.0f} ms, an engine that notes derivatives {1e3 * g:.0f} ms: {ratio:.2f} times as fast"
        report(f"57,000 small operations, {name}", measured, f">= {goal} times", ratio >= goal)


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
