"""How the benchmarks measure and print."""

import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any


def seconds(f: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = perf_counter()
    f()
    return perf_counter() - start


def paired(
    f: Callable[[], Any], g: Callable[[], Any], rounds: int = 15, collect: bool = False
) -> tuple[float, float, float]:
    """Return the median seconds of `f` and of `g`, and the median of g/f over rounds that run one after the other.

    The two take turns at going first: what slows the machine down for a while slows both. If asked to, the garbage
    that one has left is collected before the other begins.
    """
    f(), g()
    pairs = []
    for i in range(rounds):
        times = {}
        for each in (f, g) if i % 2 else (g, f):
            if collect:
                gc.collect()
            times[each] = seconds(each)
        pairs.append((times[f], times[g]))
    return median(a for a, _ in pairs), median(b for _, b in pairs), median(b / a for a, b in pairs)


def report(what: str, measured: str, wanted: str, reached: bool) -> None:
    """Print one line: what was measured, and whether it is what is wanted."""
    print(f"{what:50}  {measured:>40}  wanted {wanted:12}  {'reached' if reached else 'MISSED'}", flush=True)


def plot(times: Mapping[str, float], path: Path) -> None:
    """Draw bars of times in seconds, the shortest first, on a logarithmic axis."""
    from matplotlib.figure import Figure

    names = sorted(times, key=times.__getitem__, reverse=True)
    figure = Figure(figsize=(7, 0.36 * len(names) + 0.7), layout="constrained")
    axes = figure.add_subplot()
    colours = ["#0072B2" if name.startswith("here") else "#999999" for name in names]
    bars = axes.barh(names, [1e6 * times[name] for name in names], color=colours)
    axes.bar_label(bars, [_microseconds(times[name]) for name in names], padding=4)
    axes.set_xscale("log")
    axes.set_xlabel("one step of training, in µs")
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    print("wrote", path)


def _microseconds(time: float) -> str:
    return f"{1e6 * time:,.0f}" if time >= 1e-4 else f"{1e6 * time:.2g}"
