"""The compiler: a training step of the moons against others, a whole training, and its own costs.

Everything runs on one thread; set OPENBLAS_NUM_THREADS=1 and
XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" to hold NumPy and JAX to it.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np

from micrograd_like import MLP, Value, ops
from micrograd_like.compiler import Program, compile, native, tape
from micrograd_like.nn.datasets import moons
from micrograd_like.notation.names import named

from .peers import PEERS, SQUARES
from .timing import paired, plot, report, seconds

POINTS = moons(100, seed=0)
ROWS = [[*point, 2.0 * label - 1.0] for point, label in zip(POINTS.rows, POINTS.targets, strict=True)]
ARRAY = np.array(ROWS)

# How many times faster than others the step is to be.
OF_MICROGRAD = {"c": 2000.0, "numpy": 80.0, "python": 15.0, "eager": 8.0}
WANTED = {
    "micrograd": OF_MICROGRAD,
    "micrograd, collector off": OF_MICROGRAD | {"eager": 2.5},
    "NumPy by hand": {"c": 1.2},
    "PyTorch": {"c": 4.0},
    "JAX": {"c": 1.2},
    "CasADi": {"c": 10.0},
    "CasADi in C": {"c": 3.0},
}


def run() -> None:
    """Print every measurement."""
    compare()
    time_compiling()
    time_rows()
    time_layers()
    time_peak()
    time_threads()


def network(hidden: int = 16) -> tuple[MLP, Value, tuple[Value, ...]]:
    """Return a network, the max-margin loss of one row, and its inputs."""
    model, inputs = MLP(2, [hidden, hidden, 1], seed=0), named(x1=0.5, x2=0.2, y=1.0)
    *x, y = inputs
    return model, (1 - y * model(x)).relu(), inputs


def compare() -> None:
    """Time the step: the loss of 100 samples and the gradient of 337 parameters. Draw it in out/step.svg."""
    model, loss, inputs = network()
    programs = {name: compile(loss, inputs, model.parameters(), name) for name in ("c", "numpy", "python")}

    def step(name: str) -> Callable[[], Any]:
        rows = ROWS if name == "python" else ARRAY
        return lambda: programs[name].value_and_grad(rows)

    wanted = sorted(programs["python"].value_and_grad(ROWS)[1])
    ours = {**{name: step(name) for name in programs}, "eager": eagerly(model)}
    times: dict[str, list[float]] = {}
    for name, make in PEERS.items():
        theirs = make(model, ARRAY)
        for f in *ours.values(), theirs:  # all compute the same
            assert np.allclose(sorted(f()[1]), wanted, rtol=1e-9, atol=1e-9), name
        for mine, floor in WANTED[name].items():
            slow = name.startswith("micrograd")
            # Caches that micrograd has emptied cost the first call much: a training loop would not feel it.
            calls = {"c": 200, "numpy": 10, "python": 5}.get(mine, 1) if slow else 1
            f, g, ratio = paired(_repeated(ours[mine], calls), theirs, 15 if slow else 501, collect=slow)
            times.setdefault(f"here, {mine}", []).append(f / calls)
            times.setdefault(name, []).append(g)
            ratio *= calls
            measured = f"{1e6 * f / calls:.1f} µs, {name} {1e6 * g:.1f} µs: {ratio:.1f} times"
            report(f"{mine}: MLP(2, [16, 16, 1]), 100 points, a step", measured, f">= {floor:g} times", ratio >= floor)
    plot({name: median(found) for name, found in times.items()}, Path("out/step.svg"))


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


def chain(nodes: int) -> tuple[Value, list[Value], list[Value]]:
    """Return the last node of a chain, its input and its ten parameters."""
    rng = Random(0)
    x, params = Value(0.5, "x"), [Value(rng.random(), f"w{i}") for i in range(10)]
    y = x
    for i in range(nodes // 2):
        y = y * params[i % 10] + x
    return y, [x], params


@contextmanager
def no_cache() -> Iterator[None]:
    """Let C be compiled anew, as for the first program of all."""
    tape._evaluator.cache_clear()
    with patch.dict(os.environ, MICROGRAD_LIKE_CACHE="off"):
        yield


def time_compiling() -> None:
    """Time how long chains of 100 to 100,000 nodes, and networks of 10 to 90,000 parameters, take to compile."""
    model, loss, inputs = network()
    with no_cache():
        first = seconds(lambda: compile(loss, inputs, model.parameters(), "c"))
    report("c: the first program, with the evaluator", f"{first:.2f} s", "<= 2 s", first <= 2)
    for backend in "python", "numpy", "c":
        times = []
        for n in 100, 1_000, 10_000, 100_000:
            y, inputs, params = chain(n)
            times.append(seconds(lambda: compile(y, inputs, params, backend)))  # noqa: B023
        measured = " ".join(f"{t:.3f}" for t in times) + f" s: {times[-1] / times[-2] / 10:.2f} times a node"
        wanted = backend != "c" or (times[-2] <= 1 and times[-1] <= 8)
        report(f"{backend}: compiling chains of 10^2 to 10^5 nodes", measured, "c: 10^4 <= 1 s, 10^5 <= 8 s", wanted)
    y, inputs, params = chain(37_512)
    start = seconds(lambda: compile(y, inputs, params, "c"))
    program = compile(y, inputs, params, "c")
    one = median(seconds(lambda: program.value_and_grad([[0.5]])) for _ in range(51))
    fine = start <= 1 and one <= 0.5e-3
    measured = f"ready in {start:.2f} s, {1e3 * one:.2f} ms a pass"
    report("c: 37,512 nodes, one row", measured, "<= 1 s, <= 0.5 ms", fine)
    times, sizes = [], []
    for hidden in 8, 30, 96, 300:
        model, loss, inputs = network(hidden)
        sizes.append(len(model.parameters()))
        times.append(seconds(lambda: compile(loss, inputs, model.parameters(), "c")))  # noqa: B023
    ratio = times[-1] / times[-2] / (sizes[-1] / sizes[-2])
    measured = " ".join(f"{t:.2f}" for t in times) + f" s: {ratio:.2f} times a parameter"
    report(f"c: compiling networks of {sizes[0]} to {sizes[-1]} parameters", measured, "<= 2 times", ratio <= 2)


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


def time_layers() -> None:
    """Time steps of networks of several sizes, for batches of several, against PyTorch and NumPy."""
    rng = np.random.default_rng(0)
    for size, layers in (2, [4, 1]), (2, [16, 16, 1]), (32, [32, 32, 10]), (784, [50, 10]), (784, [128, 64, 10]):
        model, x = MLP(size, layers, seed=0), [Value(0.5, f"x{i}") for i in range(size)]
        outputs = model(x)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        start = perf_counter()
        program = compile(ops.dot(*outputs, *outputs), x, model.parameters(), "c")
        print(f"MLP({size}, {layers}): compiled in {perf_counter() - start:.2f} s")
        for n in 1, 10, 64, 1_000, 10_000:
            rows = rng.normal(size=(n, size))

            def ours(rows: Any = rows) -> Any:
                return program.value_and_grad(rows)  # noqa: B023

            for name, make in SQUARES.items():
                theirs = make(model, rows)
                for f, g in zip(ours(), theirs(), strict=True):
                    assert np.allclose(sorted(f), sorted(g), rtol=1e-9, atol=1e-9), name
                f, g, ratio = paired(ours, theirs, max(5, min(301, int(2e8 / n / len(program.params)))))
                floor = 1.0 if name == "PyTorch" else 0.8
                measured = f"{1e6 * f:.0f} µs, {name} {1e6 * g:.0f} µs: {ratio:.2f} times"
                report(f"c: MLP({size}, {layers}), {n} rows", measured, f">= {floor:g} times", ratio >= floor)


PEAK = """
#ifdef __AVX512F__
#define LANES 8
#else
#define LANES 4
#endif
typedef double vec __attribute__((vector_size(8 * LANES)));
double run(long n, double a, double b) {
    vec sum[12] = {0};
    for (; n; n--) _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++)
        for (int k = 0; k < LANES; k++) sum[i][k] = __builtin_fma(sum[i][k], a, b);
    double all = 0;
    for (int i = 0; i < 12; i++) for (int k = 0; k < LANES; k++) all += sum[i][k];
    return all;
}
int lanes(void) { return LANES; }
"""


def time_peak() -> None:
    """Time the step of 800 points, in C, against multiply-adds that wait for nothing, the most that one core does."""
    library, rounds = native.load(PEAK), 1_000_000
    library.run.argtypes, library.run.restype = (ctypes.c_long, ctypes.c_double, ctypes.c_double), ctypes.c_double
    model, loss, inputs = network()
    program = compile(loss, inputs, model.parameters(), "c")
    rows, results = np.resize(ARRAY, (800, 3)), np.zeros(800 + len(program.params))
    x, p, outputs = rows.ctypes.data, program.params.buffer_info()[0], results.ctypes.data
    places = program.tape.address, 800, x, 3, None, p, outputs, outputs + 8 * 800
    f, g, _ = paired(lambda: program.tape.library.evaluate(*places), lambda: library.run(rounds, 0.5, 0.5), 101)
    layers = [(len(layer.neurons[0].w), len(layer.neurons)) for layer in model.layers]
    # Forward and for the weights a multiply-add for each weight, and one for what comes back into hidden units.
    adds = sum(3 * n * m for n, m in layers) - layers[0][0] * layers[0][1]
    peak = 24 * library.lanes() * rounds / g
    share = 800 * 2 * adds / f / peak
    measured = f"{1e6 * f:.1f} µs, {share:.0%} of {1e-9 * peak:.0f} GFLOP/s"
    report("c: MLP(2, [16, 16, 1]), 800 points, without the call", measured, ">= 30 %", share >= 0.3)


def time_threads() -> None:
    """Time 100,000 rows on one thread and on two."""
    model, loss, inputs = network()
    one, two = (compile(loss, inputs, model.parameters(), "c", threads=n) for n in (1, 2))
    rows = np.resize(ARRAY, (100_000, 3))
    f, g, ratio = paired(lambda: two.value_and_grad(rows), lambda: one.value_and_grad(rows))
    measured = f"{1e3 * f:.1f} ms, one {1e3 * g:.1f} ms: {ratio:.2f} times"
    report("c: 10^5 rows on two threads", measured, ">= 1.5 times", ratio >= 1.5)
