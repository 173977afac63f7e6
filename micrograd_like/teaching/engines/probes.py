"""Small programs that tell engines' bugs apart, and what comes of them with a given Value class.

Programs run in a process of their own, with a limit of time, since they call code that nobody has checked; where no
process can be forked they run in this one.
"""

import io
import json
import math
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from numbers import Real
from pathlib import Path
from typing import Any

from ...escape import one_line

LEAVES = {"a": 2.0, "b": -3.0, "c": 5.0, "h": 0.5}  # of all programs
PATIENCE = 5.0  # seconds for one program
CAN_FORK = hasattr(os, "fork") and sys.platform != "emscripten"
STOPPED = ("TimeoutError", "Exit")
HOPELESS = 3  # programs in a row that do not end, after which no more are tried
LARGEST = 10_000  # characters of what one program comes to
MEMORY = 4 << 30  # bytes that it may map beyond what this process has; NumPy alone maps 3 GB on many cores

Outcome = dict[str, Any]  # numbers by name: L, and gradients; or what was raised, under "error"


@dataclass(frozen=True)
class Probe:
    """A program: what it computes from a, b, c and h, the last line being `L = …`; then L.backward() is called."""

    text: str
    after: str = "L.backward()"

    @property
    def names(self) -> list[str]:
        """The leaves of which it computes gradients."""
        return [x for x in LEAVES if x in self.text.replace("tanh", "").replace("h(", "")]

    def __str__(self) -> str:
        """Return the program as one would type it."""
        made = "; ".join(f"{name} = Value({LEAVES[name]})" for name in self.names)
        return "; ".join(filter(None, (made, self.text, self.after)))


FUNCTIONS = ("exp", "log", "tanh", "sigmoid", "relu")
_OPERATIONS = ("a + b", "a * b", "a - b", "a / b", "a ** 3", "a ** -1", "-a", *(f"h.{f}()" for f in FUNCTIONS))
_NUMBERS = [f"a {op} 2.5" for op in "+*-/"] + [f"2.5 {op} a" for op in "+*-/"]
_TWICE = tuple(f"a {op} a" for op in "+*-/")

PROBES: tuple[Probe, ...] = (
    # one operation alone, then with numbers, with something above it, with something beneath it, and used twice
    *(Probe(f"L = {x}") for x in (*_OPERATIONS, "b.relu()", *_NUMBERS, *_TWICE)),
    *(Probe(f"e = {x}; L = e * c") for x in (*_OPERATIONS, "b.relu()")),
    *(Probe(f"e = {x}; L = c * e") for x in ("a + b", "a - b")),
    *(Probe(f"e = a * b; L = {x}") for x in ("e + c", "c + e", "e - c", "c - e", "e / c", "c / e", "e ** 2", "-e")),
    *(Probe(f"e = h * a; L = e.{f}()") for f in FUNCTIONS),
    *(Probe(f"e = {x}; L = e {op} a") for x, op in product(("a * b", "a + b", "a - b", "a / b"), "+*-/")),
    *(Probe(f"e = b {op} a; L = e * a") for op in "+*-/"),
    *(Probe(f"e = {x}; L = a {op} e") for x, op in product(("a * b", "a + b"), "+*")),
    *(Probe(f"e = a.{f}(); L = e * a") for f in FUNCTIONS),
    Probe("e = a ** 2; L = e * a"),
    Probe("e = -a; L = e * a"),
    # orders: a node that is used both directly and through another one
    Probe("d = a + b; e = d * c; L = d * e"),
    Probe("d = a * b; e = d + c; L = e * d"),
    Probe("d = a * b; e = d + d; L = e * d"),
    Probe("d = a + b; e = d * c; f = e * d; L = f * d + e"),
    Probe("d = a * b; e = d * c; f = d + e; g = f * e; L = g * f"),
    Probe("L = (a * h + b * c + 6.5).tanh() * a"),
    # numbers that an engine should not cut or confuse
    Probe("L = h * h"),
    Probe("L = sum([a, b, c])"),
)

HABITS: tuple[Probe, ...] = (  # what engines may do in one way or another: two passes, two losses, a deep graph
    Probe("e = a * b; L = e * c"),
    Probe("e = a * b; L = e * c", "L.backward(); L.backward()"),
    Probe("L = a * b; M = a * c", "L.backward(); M.backward()"),
    Probe("L = a\nfor _ in range(5000):\n    L = L + b"),
)


def run_here(engine: type[Any], probe: Probe) -> Outcome:
    """Return what a program comes to, in this process: numbers, or what was raised."""
    names: dict[str, Any] = {"Value": engine}
    try:
        names.update((name, engine(LEAVES[name])) for name in probe.names)
        exec(f"{probe.text}\n{probe.after}", names)  # the package's own text; what it calls is the engine's
        found = {"L": _number(names["L"].data)}
        found.update((name, _number(names[name].grad)) for name in probe.names)
    except (Exception, SystemExit) as error:
        return _raised(error)
    return found


def _raised(error: BaseException) -> Outcome:
    """Return what was raised, in one line; its class and its message are the engine's own, and may fail too."""
    try:
        name, said = "".join([type(error).__name__[:60]]), "".join([str(error)[:200]])
    except Exception:
        name, said = "Exception", "its message cannot be read"
    return {"error": one_line(name), "said": one_line(" ".join(said.split()))}


def _number(x: Any) -> float:
    x = 0.0 if x is None else x.item() if hasattr(x, "item") else x
    if not isinstance(x, Real):
        raise TypeError(f"{x!r} is not a number")
    return float(x)


def run(load: Callable[[], type[Any]], probes: Sequence[Probe], patience: float = PATIENCE) -> list[Outcome]:
    """Return what each program comes to, in a process of its own where there can be one.

    Args:
        load: makes the engine, in that process.
        probes: the programs.
        patience: how many seconds one may take, and all together ten times as long; what takes longer has the error
            "TimeoutError", and what ends the process "Exit".
    """
    if not CAN_FORK:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            return list(_outcomes(load, probes))
    found: list[Outcome] = []
    deadline = time.monotonic() + 10 * patience
    while len(found) < len(probes):
        rest = probes[len(found) :]
        found += _forked(partial(_outcomes, load, rest), rest, patience, deadline)
        is_hopeless = len(found) >= HOPELESS and all(x.get("error") in STOPPED for x in found[-HOPELESS:])
        if is_hopeless or time.monotonic() > deadline:
            found += found[-1:] * (len(probes) - len(found))
    return found


def _outcomes(load: Callable[[], type[Any]], probes: Sequence[Probe]) -> Iterator[Outcome]:
    try:
        engine = load()
    except (Exception, SystemExit) as error:
        yield from [_raised(error)] * len(probes)
        return
    for probe in probes:
        yield run_here(engine, probe)


def _forked(
    outcomes: Callable[[], Iterator[Outcome]], probes: Sequence[Probe], patience: float, latest: float
) -> list[Outcome]:
    """Return what a child process finds, up to where it does not end in time, or ends too early."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child calls nothing that waits for one
        child = os.fork()
    if not child:
        _be_the_child(outcomes, writing)
    os.close(writing)
    found: list[Outcome] = []
    text, deadline = b"", time.monotonic() + patience
    try:
        while len(found) < len(probes):
            if not select.select([reading], [], [], max(0.0, min(deadline, latest) - time.monotonic()))[0]:
                return [*found, {"error": "TimeoutError", "said": f"it does not end in {patience:g} s"}]
            more = os.read(reading, 65536)
            *lines, text = (text + more).split(b"\n")
            for line, probe in zip(lines, probes[len(found) :], strict=False):
                outcome = _outcome(line, probe)
                if outcome is None:
                    return [*found, {"error": "Exit", "said": "it wrote where its results are sent"}]
                found.append(outcome)
                deadline = time.monotonic() + patience
            if not more or len(text) > LARGEST:
                return [*found, {"error": "Exit", "said": "it ended the process"}][: len(probes)]
        return found
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _outcome(line: bytes, probe: Probe) -> Outcome | None:
    """Return what a line says; None if it is not what `run_here` returns, for the engine can write there too."""
    found: Any = None
    with suppress(ValueError, RecursionError):
        found = json.loads(line)
    if not isinstance(found, dict):
        return None
    kind = str if found.keys() == {"error", "said"} else float
    right = kind is str or found.keys() == {"L", *probe.names}
    fits = right and all(isinstance(x, kind) and str(x).isprintable() for x in found.values())
    return found if fits and len(line) <= LARGEST else None


def _be_the_child(outcomes: Callable[[], Iterator[Outcome]], writing: int) -> None:
    """Write what is found and end, without anything that this process would do at its end."""
    try:
        with suppress(OSError):
            os.setsid()  # what it starts is stopped with it
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.closerange(3, writing)  # what else this process has open
        os.closerange(writing + 1, 65536)
        sys.stdin = io.StringIO()
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8", errors="replace")  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with suppress(ImportError, ValueError, OSError):
            import resource

            mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
        own = os.getpid()
        with os.fdopen(writing, "w") as out:
            for outcome in outcomes():
                if os.getpid() != own:  # the engine has forked
                    break
                out.write(json.dumps(outcome) + "\n")
                out.flush()
    finally:
        os._exit(0)


def are_equal(x: Outcome, y: Outcome) -> bool:
    """Tell whether two outcomes are the same, up to the rounding of 32-bit floats; of errors it is their kind."""
    if "error" in x or "error" in y:
        return x.get("error") == y.get("error")
    if x.keys() != y.keys():
        return False
    return all(
        x[k] == y[k] or math.isclose(x[k], y[k], rel_tol=1e-4, abs_tol=1e-5) or (x[k] != x[k] and y[k] != y[k])
        for k in x
    )
