"""The check of an engine that somebody wrote: which bug it has, and the smallest graph that shows it."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

from ... import engine as true_engine
from ...escape import one_line
from ...notation.numbers import show
from .bugs import BUGS, STYLES, Bug, Change, engine
from .probes import CAN_FORK, FUNCTIONS, HABITS, PATIENCE, PROBES, STOPPED, Outcome, Probe, are_equal, run, run_here

MOST = 1_000_000  # bytes of a file
SURFACE = "Value(2.0), the operators + - * / **, .data, .grad and .backward()"


@dataclass(frozen=True)
class Finding:
    """What is wrong: a bug that explains it, or None; and the smallest program that shows it."""

    bug: Bug | None
    others: tuple[Bug, ...]  # that explain it as well
    probe: Probe
    got: Outcome
    expected: Outcome
    engine: str  # the name of the class

    @property
    def name(self) -> str:
        """What is wrong, in one sentence."""
        if self.bug is not None:
            return " or ".join(bug.name for bug in (self.bug, *self.others[:2]))
        if self.got.get("error") in STOPPED:
            return str(self.got["said"])
        if "error" in self.got:
            return f"it raises {self.got['error']}: {self.got['said']}"
        wrong = [k for k in self.expected if not are_equal({k: self.got.get(k)}, {k: self.expected[k]})]
        return "a wrong value of the forward pass" if "L" in wrong else f"a wrong gradient of {', '.join(wrong)}"

    def __str__(self) -> str:
        """Return what is wrong, the program, and its numbers beside the right ones."""
        lines = [self.name, f"    {self.probe}".replace("Value(", f"{self.engine}(")]
        if "error" in self.got:
            lines.append(f"    {self.got['error']}: {self.got['said']}")
        else:
            for k, right in self.expected.items():
                name = "L.data" if k == "L" else f"{k}.grad"
                if not are_equal({k: self.got[k]}, {k: right}):
                    lines.append(f"    {name} is {show(self.got[k])}, and should be {show(right)}")
        if self.bug is not None:
            lines.append(f"    {self.bug.question}")
        return "\n".join(lines)


@dataclass(frozen=True)
class EngineReport:
    """What the check of an engine found; print it."""

    name: str
    bugs: list[Finding]
    missing: list[str]  # operations that the engine does not have
    habits: list[str] = field(default_factory=list)  # where engines differ, and none is wrong
    tried: int = 0

    @property
    def ok(self) -> bool:
        """Whether all that the engine has is right."""
        return not self.bugs

    def __str__(self) -> str:
        """Return all of it as text."""
        count = f"{len(self.bugs)} bug{'s' * (len(self.bugs) != 1)}" if self.bugs else "no bug"
        parts = [f"{self.name}: {count} in {self.tried} small programs", *map(str, self.bugs)]
        if self.bugs:
            parts.append("Mend this and check again: one bug can hide another.")
        if self.missing:
            parts.append(f"It has no {', '.join(self.missing)}; what needs it was left out.")
        if self.habits:
            parts.append("\n".join(["Worth knowing:", *(f"    {said}" for said in self.habits)]))
        return "\n\n".join(parts)

    __repr__ = __str__

    def check(self) -> None:
        """Raise AssertionError with the report if there is a bug, for pytest, nbgrader and the like."""
        if not self.ok:
            raise AssertionError(str(self))

    def json(self, points: float = 1.0) -> str:
        """Return the report as Gradescope reads results: a test for all, and one for each bug that was found."""
        share = points if self.ok else 0.0
        tests: list[dict[str, Any]] = [{"name": "no bug", "score": share, "max_score": points, "output": str(self)}]
        tests += [{"name": bug.name, "status": "failed", "output": str(bug)} for bug in self.bugs]
        return json.dumps({"score": share, "tests": tests}, ensure_ascii=False, indent=1)


def check_engine(engine_class: type[Any], *, patience: float = PATIENCE) -> EngineReport:
    """Check a Value class: run small programs with it, and name the bugs behind wrong numbers.

    Args:
        engine_class: a class with the surface of micrograd's Value: Value(2.0), the operators + - * / **, .data, .grad
            and .backward(); functions such as .tanh() if it has them. What is missing is reported and left out.
        patience: how many seconds one program may take. Programs run in a process of their own, where the system can
            fork one, so that code that never ends is stopped.

    Raises:
        TypeError: this is not a class, or Value(2.0) fails.
        ValueError: `patience` is not above 0.
    """
    if not isinstance(engine_class, type):
        raise TypeError(f"check_engine() takes a class, such as Value, not {engine_class!r}")
    return _check(engine_class.__name__, lambda: engine_class, patience)


def check_file(path: str, name: str = "Value", *, patience: float = PATIENCE) -> EngineReport:
    """Check a class in a file, which is run in a process of its own only; `check_engine` says the rest.

    Raises:
        OSError: the file cannot be read.
        TypeError: running it fails, it has no class of that name, or Value(2.0) fails.
        ValueError: it is too large to be an engine.
    """
    with open(path, "rb") as file:
        text = file.read(MOST + 1)
    if len(text) > MOST:
        raise ValueError(f"{path}: this file has more than {MOST:,} bytes, and an engine has a few thousand")

    def load() -> type[Any]:
        names: dict[str, Any] = {"__name__": Path(path).stem, "__file__": path}
        sys.path.insert(0, str(Path(path).parent))
        exec(compile(text, path, "exec"), names)
        if not isinstance(names.get(name), type):
            raise TypeError(f"{path} has no class {name}")
        found: type[Any] = names[name]
        return found

    return _check(name, load, patience)


def _check(name: str, load: Callable[[], type[Any]], patience: float) -> EngineReport:
    if not 0 < patience < inf:
        raise ValueError(f"patience is a number of seconds above 0, not {patience!r}")
    name = one_line(name)
    (first,) = run(load, [Probe("L = a", "")], patience)
    if "error" in first:
        raise TypeError(f"{name} cannot be checked: {first['error']}: {first['said']}. A checked class has {SURFACE}")
    habits_tried = HABITS if CAN_FORK else HABITS[:-1]  # recursion too deep would end Pyodide
    outcomes = run(load, [*PROBES, *habits_tried], patience)
    found, habits = outcomes[: len(PROBES)], outcomes[len(PROBES) :]
    missing, left_out = _missing(found)
    tried = [k for k in range(len(PROBES)) if k not in left_out]
    return EngineReport(name, _diagnose(name, found, tried), missing, _habits(habits), len(tried))


# -------------------- what an engine does not have --------------------


def _missing(found: Sequence[Outcome]) -> tuple[list[str], set[int]]:
    """Return the operations that the engine lacks, and the programs that cannot run for that."""
    missing, left_out = [], set()
    for text, said in (*_ALONE.items(), *((f"L = h.{f}()", f) for f in FUNCTIONS)):
        k = next(i for i, probe in enumerate(PROBES) if probe.text == text)
        if _is_absent(found[k], said):
            missing.append(said)
            uses = _USES.get(said, f".{said}(")
            left_out |= {i for i, probe in enumerate(PROBES) if uses in probe.text and "error" in found[i]}
    return missing, left_out


_ALONE = {"L = a + b": "+", "L = a * b": "*", "L = a - b": "-", "L = a / b": "/", "L = a ** 3": "**", "L = -a": "-a"}
_USES = {"+": " + ", "*": " * ", "-": " - ", "/": " / ", "**": " ** ", "-a": "= -"}


def _is_absent(outcome: Outcome, operation: str) -> bool:
    error, said = outcome.get("error"), outcome.get("said", "")
    if error == "TypeError":
        return "unsupported operand" in said or "bad operand type" in said
    return error == "NotImplementedError" or (error == "AttributeError" and f"'{operation}'" in said)


# -------------------- which bugs --------------------


@cache
def _right() -> tuple[Outcome, ...]:
    return tuple(run_here(true_engine.Value, probe) for probe in PROBES)


@cache
def _predicted(bug: Bug, style: tuple[Change, ...]) -> tuple[Outcome, ...]:
    """Return what the programs come to in an engine with a bug."""
    made = engine(bug.id, style)
    return tuple(run_here(made, probe) for probe in PROBES)


def _diagnose(name: str, found: Sequence[Outcome], tried: Sequence[int]) -> list[Finding]:
    """Return what is wrong, from the smallest program on; what a bug explains is not looked at again."""
    right = _right()
    wrong = [k for k in tried if not are_equal(found[k], right[k])]
    findings: list[Finding] = []
    while wrong:
        k = wrong[0]
        ranks = {
            (bug, style): rank
            for bug in BUGS
            for style in STYLES
            if (rank := _explains(_predicted(bug, style), k, found, tried, wrong)) is not None
        }
        if ranks:
            best = [pair for pair in ranks if ranks[pair] == max(ranks.values())]
            best.sort(key=lambda pair: len(pair[0].changes))  # of several bugs the simplest first
            first, *others = dict.fromkeys(bug for bug, _ in best)
            if all(first is not finding.bug for finding in findings):
                findings.append(Finding(first, tuple(others), PROBES[k], found[k], right[k], name))
            affected = _predicted(*best[0])
            explained = {i for i in wrong if not are_equal(affected[i], right[i])}
        else:
            findings.append(Finding(None, (), PROBES[k], found[k], right[k], name))
            explained = {i for i in wrong if _operations(PROBES[k]) <= _operations(PROBES[i])}
            if found[k].get("error") in STOPPED:
                explained = {i for i in wrong if found[i].get("error") == found[k]["error"]}
        wrong = [i for i in wrong if i not in explained and i != k]
    return findings


def _explains(
    made: Sequence[Outcome], k: int, found: Sequence[Outcome], tried: Sequence[int], wrong: Sequence[int]
) -> int | None:
    """Return how well outcomes that a bug makes explain those that were found; None if not that of program k.

    What the bug would make wrong, and what is right, counts against it three times: numbers seldom agree by accident.
    """
    if not are_equal(made[k], found[k]):
        return None
    right = _right()
    same = sum(are_equal(made[i], found[i]) for i in wrong)
    against = sum(not are_equal(made[i], right[i]) and are_equal(found[i], right[i]) for i in tried)
    return same - 3 * against


def _operations(probe: Probe) -> set[str]:
    """Return what a program's graph is made with."""
    found = {f for f in FUNCTIONS if f".{f}(" in probe.text}
    return found | {
        symbol for symbol in (" + ", " * ", " - ", " / ", " ** ", "-a", "-e", "sum") if symbol in probe.text
    }


# -------------------- what engines may do in one way or another --------------------


def _habits(found: Sequence[Outcome]) -> list[str]:
    """Return where the engine differs from others, and none is wrong."""
    once, twice, leaves, *rest = found
    deep = rest[0] if rest else {}
    said = []
    if "error" not in once and "error" not in twice and once["a"]:
        times = twice["a"] / once["a"]  # not of the right gradient, which an engine with a bug may not find
        if abs(times - 2) > 1e-3:
            words = "the same gradients as once" if abs(times - 1) < 1e-3 else f"{show(times)} times those of one"
            said.append(
                f"Two calls of L.backward() give leaves {words}. In PyTorch, and here, they give twice those: "
                "gradients of leaves add up, those of nodes in between start anew."
            )
    if "error" not in leaves and abs(leaves["a"] - 5.0) < 1e-3:
        said.append(
            "backward() resets gradients, so that those of several losses do not add up, as they do in PyTorch."
        )
    if deep.get("error") == "RecursionError":
        said.append("A graph 5,000 nodes deep ends in a RecursionError: an order without recursion would not.")
    elif "error" in deep:
        said.append(f"A graph 5,000 nodes deep ends in {deep['error']}: {deep['said']}.")
    return said
