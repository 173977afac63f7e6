"""How the benchmarks measure and print."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any


def seconds(f: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = perf_counter()
    f()
    return perf_counter() - start


def paired(f: Callable[[], Any], g: Callable[[], Any], rounds: int = 15) -> tuple[float, float, float]:
    """Return the median seconds of `f` and of `g`, and the median of g/f over rounds that run one after the other.

    The two take turns at going first: what slows the machine down for a while slows both.
    """
    f(), g()
    pairs = []
    for i in range(rounds):
        if i % 2:
            pairs.append((seconds(f), seconds(g)))
        else:
            pairs.append((seconds(g), seconds(f))[::-1])
    return median(a for a, _ in pairs), median(b for _, b in pairs), median(b / a for a, b in pairs)


def report(what: str, measured: str, wanted: str, reached: bool) -> None:
    """Print one line: what was measured, and whether it is what is wanted."""
    print(f"{what:50}  {measured:>40}  wanted {wanted:12}  {'reached' if reached else 'MISSED'}", flush=True)
