"""Breakpoints: where a run through the backward pass stops, and under which condition."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ..engine import Value
from ..escape import one_line
from ..graph.steps import BackwardStep

if TYPE_CHECKING:
    from .stepper import Stepper

Condition: TypeAlias = Callable[[BackwardStep], Any]
Match: TypeAlias = Callable[[int, BackwardStep], bool]  # of a step's number and the step


@dataclass
class Breakpoint:
    """A place to stop: right after a step that matches, if the condition holds there."""

    number: int
    where: str
    matches: Match
    condition: Condition | None = None
    written: str = ""  # the condition as text
    temporary: bool = False  # gone once it was reached
    enabled: bool = True
    ignored: int = 0  # how often to pass it still
    commands: list[str] = field(default_factory=list)  # what the debugger does there

    def stops(self, k: int, s: BackwardStep) -> bool:
        """Return whether to stop after step `k`; ValueError if the condition raises."""
        return self.matches(k, s) and (self.condition is None or holds(self.condition, k, s, self.written))

    def __str__(self) -> str:
        """Return it in one line: `1: at a, if abs(s.contribution) > 10`."""
        condition = f", if {self.written or '…'}" if self.condition else ""
        further = [", once"] * self.temporary + [f", passed {self.ignored} times more"] * bool(self.ignored)
        further += [f", then {'; '.join(self.commands)}"] * bool(self.commands) + [", disabled"] * (not self.enabled)
        return f"{self.number}: {self.where}{condition}{''.join(further)}"


def matcher(stepper: "Stepper", where: Value | str | int | Condition, written: str = "") -> tuple[Match, str]:
    """Return what tells whether a step matches, and how that is said; `Stepper.break_at` describes the errors."""
    if isinstance(where, int):
        if not 1 <= where <= len(stepper):
            raise IndexError(f"there are steps 1 to {len(stepper):,}, not {where:,}")
        return lambda k, s: k == where, f"at step {where}"
    if isinstance(where, str) and not stepper.has(where):
        if where.lower() in ("nan", "inf"):
            return lambda k, s: s.contribution - s.contribution != 0 or s.after - s.after != 0, "at NaN or infinity"
        rows = {v.op for v in stepper.nodes if v.operands and where.lower() in (v.op.name, v.op.symbol.lower())}
        if rows:
            return lambda k, s: s.node.op in rows and not s.is_seed, f"at every {where}"
    if isinstance(where, Value | str):
        node = stepper.find(where, what="node and no operation" if isinstance(where, str) else "node")
        return lambda k, s: s.operand is node, f"at {one_line(stepper.names[node])}"
    if not callable(where):
        raise TypeError(f"a breakpoint is at a node, a name, a step's number or a condition, not {where!r}")
    condition = where
    return lambda k, s: holds(condition, k, s, written), f"where {written or 'the condition holds'}"


def holds(condition: Condition, k: int, s: BackwardStep, written: str = "") -> bool:
    """Return whether a condition is true of step `k`; ValueError, naming the step, if it raises."""
    try:
        return bool(condition(s))
    except Exception as error:
        said = " ".join(("the condition", written)).strip()
        raise ValueError(f"{said} failed at step {k:,}, {s.symbols}: {type(error).__name__}: {error}") from error
