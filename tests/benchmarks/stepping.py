"""Stepping through a graph of 100,000 edges: recording it, running to its end, and single moves anywhere in it."""

import contextlib
import io
import sys
from statistics import median

from micrograd_like.stepping import Stepper, step
from micrograd_like.stepping.shell import Shell

from .engine import chain
from .timing import report, seconds

EDGES = 100_000


def run() -> None:
    """Print every measurement."""
    root = chain(EDGES // 2)
    opened = median(seconds(lambda: step(root)) for _ in range(5))
    report(f"open a cursor over {EDGES:,} edges", f"{opened:.2f} s", "<= 2 s", opened <= 2)
    ran = time_commands(root)
    report("micrograd-like step, then c to the end", f"{ran:.2f} s", "<= 5 s", ran <= 5)
    s = step(root)
    assert len(s) == EDGES + 1
    slowest = max(time_moves(s, k) for k in (1, EDGES // 4, EDGES // 2, EDGES - 100))
    report("next() or back(), at the slowest position", f"{1e3 * slowest:.3f} ms", "<= 1 ms", slowest <= 1e-3)
    s.goto(0).break_at(lambda x: x.contribution > 1e9)
    ran = seconds(s.run)
    report("run() with a condition at every step", f"{ran:.2f} s", "<= 2 s", ran <= 2)
    shown = median(seconds(lambda: repr(s)) for _ in range(21))
    report("the dashboard", f"{1e3 * shown:.2f} ms", "<= 20 ms", shown <= 0.020)


def time_moves(s: Stepper, position: int) -> float:
    """Return the median seconds of a move at a position, the slower of next() and back()."""
    s.goto(position)
    forward = median(seconds(s.next) for _ in range(99))
    backward = median(seconds(s.back) for _ in range(99))
    return max(forward, backward)


def time_commands(root: object) -> float:
    """Return the seconds of a whole session of the debugger: open, `c`, `q`."""
    stdin, sys.stdin = sys.stdin, io.StringIO("c\nq\n")
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            ran = seconds(lambda: Shell(root).run())  # type: ignore[arg-type]
    finally:
        sys.stdin = stdin
    assert "the pass is done" in out.getvalue()
    return ran
