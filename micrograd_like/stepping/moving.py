"""The debugger's commands that move the cursor, and its breakpoints."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..engine import Value
from ..escape import one_line
from ..notation.names import partial
from ..notation.numbers import show
from ..ops import CONSTANT
from ..pictures.tree import in_grad_color
from .breakpoints import Breakpoint, Condition
from .looking import MOST, Looking, count, nothing, whole
from .prediction import Predictions
from .stepper import UNITS, Stepper
from .workspace import equation


class Moving(Looking):
    """Commands of a shell around a cursor."""

    def __init__(self, stepper: Stepper, variables: Mapping[str, Any]) -> None:
        """Ask for no predictions."""
        super().__init__(stepper, variables)
        self.predict = False  # whether to ask for each contribution
        self.predictions = Predictions(self.read, self.say)

    # -------------------- moving --------------------

    def _next(self, arg: str) -> None:
        self.move(lambda: self.stepper.next("node"), count(arg))

    def _step(self, arg: str) -> None:
        self.move(lambda: self.stepper.next("edge"), count(arg))

    def _rn(self, arg: str) -> None:
        self.move(lambda: self.stepper.back("node"), count(arg))

    def _rs(self, arg: str) -> None:
        self.move(lambda: self.stepper.back("edge"), count(arg))

    def _continue(self, arg: str) -> None:
        nothing(arg)
        if self.stepper.upcoming is None:
            self.stepper.next()  # says so
        self.move(self.stepper.run, only_last=True)

    def _rc(self, arg: str) -> None:
        nothing(arg)
        if not self.stepper.position:
            self.stepper.back()  # says so
        self.move(lambda: self.stepper.run(backwards=True))

    def _until(self, arg: str) -> None:
        unit, _, times = arg.partition(" ")
        if not arg or (unit in UNITS and not self.stepper.has(arg)):
            start = self.stepper.position
            self.move(lambda: self.stepper.next(unit or "layer"), count(times), only_last=True)
            if self.stepper.where and unit not in ("edge", "node"):
                self.say(self.stepper.summary(start))
        elif arg.isdecimal():
            if int(arg) <= self.stepper.position:
                raise ValueError(f"step {arg} is done: until goes on to a later one")
            self.move(lambda: self.stepper.goto(int(arg)), only_last=True)
        else:
            self.move(lambda: self.stepper.run_to(self.workspace.node(arg)), only_last=True)

    def _return(self, arg: str) -> None:
        node = self.workspace.node(arg) if arg else self.here()
        last = (self.stepper.contributions(node) or [0])[-1]
        if last <= self.stepper.position:
            raise ValueError(f"no step ahead adds to the gradient of {one_line(self.stepper.names[node])}")
        self.move(lambda: self.stepper.goto(last), only_last=True)

    def _jump(self, arg: str) -> None:
        self.move(lambda: self.stepper.goto(whole(arg, "jump")), only_last=True)

    def _restart(self, arg: str) -> None:
        nothing(arg)
        self.move(self.stepper.restart)

    def move(self, go: Callable[[], Any], times: int = 1, *, only_last: bool = False) -> None:
        """Move the cursor and show what was done."""
        start = self.stepper.position
        self.stepper.stopped_at = None
        for i in range(times):
            try:
                go()
            except IndexError:  # nothing is ahead any more
                if not i:
                    raise
                break
        self.listed, self.trail, self.depth = None, [], 0
        done = self.stepper.steps[start : self.stepper.position]
        self.refresh()
        if not done:
            self.say(self.stepper.headline(in_grad_color))
        asks = self.predict and not only_last
        left_out = 0 if asks else max(0, len(done) - (1 if only_last else MOST))
        for s in done[left_out:]:
            if asks:
                self.predictions.ask(s, {name: self.stepper.data(v) for name, v in self.workspace.names().items()})
            self.say(s.written(in_grad_color))
        if left_out and not only_last:
            self.say(f"and {left_out} before these: l lists them")
        if self.predict and only_last and len(done) > 1:
            self.say(f"{len(done):,} steps without a question: n and s ask")
        if self.stepper.stopped_at:
            self.say(f"breakpoint {self.stepper.stopped_at}")
            self.cmdqueue[:0] = self.stepper.stopped_at.commands
        if done and self.stepper.upcoming is None:
            self.say_result()
        self.show_displays()

    def refresh(self) -> None:
        """Print the graph anew if it is displayed, in place where the terminal can."""
        if self.shows_graph:
            if self.terminal and os.environ.get("TERM") != "dumb":
                print("\x1b[H\x1b[2J", end="")
            self.show_graph()

    def say_result(self) -> None:
        """Print the gradients of the leaves."""
        names = self.stepper.names
        leaves = [v for v in self.stepper.nodes if not v.operands and v.op is not CONSTANT]
        root, shown = names[self.stepper.root], leaves[:MOST]
        written = ", ".join(f"{partial(root, names[v])} = {show(self.stepper.grad(v) or 0.0)}" for v in shown)
        more = f" and {len(leaves) - MOST:,} more" if len(leaves) > MOST else ""
        self.say(one_line(f"the pass is done{':' if written else ''} {written}{more}".rstrip()))

    def _set(self, arg: str) -> None:
        name, sign, written = map(str.strip, arg.rpartition("=" if "=" in arg else " "))
        if not sign or not written:
            raise ValueError("set takes a leaf and a number: set a = 3")
        leaf = self.workspace.node(name)
        self.stepper.set(leaf, self.workspace.evaluate(written))
        self.refresh()
        self.say(f"{equation(self.stepper, self.stepper.root)}\n{self.stepper.headline(in_grad_color)}")
        self.show_displays()

    # -------------------- breakpoints --------------------

    def _break(self, arg: str) -> None:
        if arg:
            self.add_breakpoint(arg)
        else:
            points = "\n".join(map(str, self.stepper.breakpoints.values()))
            self.say(points or "there are no breakpoints: b NAME makes one")

    def _tbreak(self, arg: str) -> None:
        if not arg:
            raise ValueError("tbreak takes a place: tbreak NAME")
        self.add_breakpoint(arg, temporary=True)

    def add_breakpoint(self, arg: str, *, temporary: bool = False) -> None:
        """Make a breakpoint at a place, or where a condition holds."""
        is_place = self.workspace.is_place
        cuts = [cut for cut in re.finditer(" if |,", arg) if not is_place(arg) and is_place(arg[: cut.start()].strip())]
        cut = cuts[0] if cuts else None if is_place(arg) else re.search(" if |,", arg)
        where, written = (arg[: cut.start()].strip(), arg[cut.end() :].strip()) if cut else (arg, "")
        place: Value | str | int | Condition = where
        if where.isdecimal() and not self.stepper.has(where):
            place = int(where)
        elif not is_place(where) and not where.isidentifier():
            try:
                place = self.workspace.node(where)
            except Exception:  # not an expression such as nodes[2], so a condition; any comma is within it
                place, cut, written = self.workspace.condition(arg), None, arg
        condition = self.workspace.condition(written) if cut else None
        self.say(f"breakpoint {self.stepper.break_at(place, condition, temporary=temporary, written=written)}")

    def _condition(self, arg: str) -> None:
        point, written = self.point(arg)
        point.condition, point.written = self.workspace.condition(written) if written else None, written
        self.say(f"breakpoint {point}")

    def _ignore(self, arg: str) -> None:
        point, times = self.point(arg)
        point.ignored = count(times)
        self.say(f"breakpoint {point}")

    def _commands(self, arg: str) -> None:
        point, _ = self.point(arg)
        point.commands = list(iter(lambda: self.read("(commands) ").strip(), "end"))
        self.say(f"breakpoint {point}")

    def _enable(self, arg: str, enabled: bool = True) -> None:
        for point in self.points(arg):
            point.enabled = enabled
            self.say(f"breakpoint {point}")

    def _disable(self, arg: str) -> None:
        self._enable(arg, False)

    def _clear(self, arg: str) -> None:
        points = self.points(arg)
        for point in points:
            self.stepper.clear(point.number)
        self.say(f"removed: {', '.join(str(p.number) for p in points)}" if points else "there are no breakpoints")

    def points(self, arg: str) -> list[Breakpoint]:
        """Return the breakpoints of some numbers, or all."""
        numbers = [whole(word, "this command") for word in arg.split()] or list(self.stepper.breakpoints)
        return [self.stepper.breakpoint(number) for number in numbers]

    def point(self, arg: str) -> tuple[Breakpoint, str]:
        """Return the breakpoint that a command begins with, and what follows."""
        number, _, rest = map(str.strip, arg.partition(" "))
        return self.stepper.breakpoint(whole(number, "this command")), rest
