"""The debugger's commands that look at the graph and change nothing: the path to a node, steps, sources, displays."""

import builtins
import cmd
import linecache
import shutil
import sys
from collections.abc import Mapping
from importlib import import_module
from math import prod
from types import BuiltinFunctionType
from typing import Any

from ..checks import local_derivative, made_at
from ..engine import Value
from ..escape import one_line
from ..graph.steps import BackwardStep
from ..notation.numbers import show
from ..pictures.tree import in_grad_color, text_path
from .stepper import Stepper
from .terminal import broken, encodable
from .workspace import Workspace

AROUND = 5  # steps listed on either side, and lines of a program
MOST = 12  # lines that one command prints of many alike


class Looking(cmd.Cmd):
    """Commands of a shell around a cursor."""

    def __init__(self, stepper: Stepper, variables: Mapping[str, Any]) -> None:
        """Look at the output; `variables` are the caller's."""
        super().__init__()
        self.stepper = stepper
        self.workspace = Workspace(stepper, self.here, variables)
        self.terminal = sys.stdin.isatty() and sys.stdout.isatty()
        own_input = not isinstance(builtins.input, BuiltinFunctionType)  # as a notebook has
        self.echo = not self.terminal and not own_input
        self.displays: dict[str, str] = {}  # expression -> how it was last shown
        self.shows_graph = False
        self.listed: int | None = None  # the step after the last that `list` has shown
        self.trail: list[tuple[Value, int]] = []  # the edges from the output to the node looked at, and on
        self.depth = 0  # how many of them lie above that node

    # -------------------- talking --------------------

    def read(self, question: str) -> str:
        """Read an answer, or a further line."""
        if self.cmdqueue:
            return self.cmdqueue.pop(0)
        written = input(encodable(question))
        if self.echo:
            self.say(written)
        return written

    def say(self, text: str) -> None:
        """Print text, on a terminal in lines that are broken between words."""
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        print("\n".join(broken(line, width) for line in encodable(text).split("\n")))

    # -------------------- the node looked at --------------------

    def _where(self, arg: str) -> None:
        nothing(arg)
        self.follow()
        if not self.trail:
            self.say(self.stepper.headline(in_grad_color))
            return
        cut = max(0, len(self.trail) - MOST)
        if cut:
            self.say(f"{cut:,} nodes above these")
        edges = self.trail[cut:]
        with self.stepper.lent(x for v, i in edges for x in (v, *v.operands)):
            self.say(text_path(edges, max(0, self.depth - cut), dict(self.stepper.names)))
            factors = [local_derivative(v, i, [x.data for x in v.operands]) for v, i in edges]
        if len(self.trail) > 1 and not cut:
            written = " * ".join(f"({show(x)})" if x < 0 else show(x) for x in factors)
            self.say(f"along this path {written} = {show(prod(factors))}")
        self.say_source(self.here())

    def _up(self, arg: str) -> None:
        self.follow()
        if not self.depth:
            raise ValueError("this is the output: no node is above")
        self.depth = max(0, self.depth - count(arg))
        self.look()

    def _down(self, arg: str) -> None:
        self.follow()
        names = self.stepper.names
        named = arg and (not arg.isdecimal() or self.stepper.has(arg))
        for _ in range(1 if named else count(arg)):
            node = self.here()
            if not node.operands:
                raise ValueError(f"{one_line(names[node])} is a leaf: no node is below")
            if named:
                operand = self.workspace.node(arg)
                if operand not in node.operands:
                    there = one_line(", ".join(names[x] for x in node.operands[:MOST]))
                    raise ValueError(f"{arg!r} is not an operand of {one_line(names[node])}: there are {there}")
                self.trail = [*self.trail[: self.depth], (node, node.operands.index(operand))]
            elif self.depth == len(self.trail):
                self.trail = [*self.trail, (node, 0)]
            self.depth += 1
        self.look()

    def follow(self) -> None:
        """Begin at the node whose gradient the last step has changed, if nothing else is looked at."""
        s = self.stepper.current
        if not self.trail and s is not None and not s.is_seed:
            above = [(t.node, t.position) for t in self.stepper.path(s.node)]
            self.trail = [*above, (s.node, s.position)]
            self.depth = len(self.trail)

    def here(self) -> Value:
        """Return the node looked at."""
        if not self.depth:
            return self.stepper.root
        node, i = self.trail[self.depth - 1]
        return node.operands[i]

    def look(self) -> None:
        """Print the node looked at."""
        self.say(self.workspace.written(self.here()))

    def _args(self, arg: str) -> None:
        nothing(arg)
        self.follow()
        operands = list(dict.fromkeys(self.here().operands))
        for x in operands[:MOST]:
            self.say(self.workspace.written(x))
        if not operands or len(operands) > MOST:
            self.say(f"and {len(operands) - MOST:,} more" if operands else "a leaf has no operands")

    # -------------------- steps --------------------

    def _list(self, arg: str) -> None:
        n, position = len(self.stepper), self.stepper.position
        start, _, end = (word.strip() for word in arg.removeprefix(".").partition(","))
        if start:
            first = whole(start, "list")
            if not 1 <= first <= n:
                raise ValueError(f"there are steps 1 to {n:,}, not {arg}")
        elif arg or self.listed is None or self.listed > n:
            first = position
        else:
            first = self.listed + AROUND
        if end:
            last = whole(end, "list")
            last += first if last < first else 0  # a count, as in pdb
        else:
            first = max(1, first - AROUND)
            last = first + 2 * AROUND
        last = min(n, last)
        self.listed = last + 1
        self.say_steps(range(first, last + 1))
        if (s := self.stepper.current) is not None and first <= position <= last:
            self.say_source(s.node)

    def say_steps(self, numbers: range | list[int]) -> None:
        """Print steps, those not yet done without their numbers."""
        digits = len(f"{max(numbers, default=0):,}")
        for k in numbers:
            s = self.stepper.steps[k - 1]
            arrow = "->" if k == self.stepper.position else "  "
            written = s.written(in_grad_color) if k <= self.stepper.position else f"{s.symbols} = ?"
            self.say(f"{arrow} {k:>{digits},}  {written}")

    def _longlist(self, arg: str) -> None:
        nothing(arg)
        self.say(self.stepper.graph(whole=True))

    def _history(self, arg: str) -> None:
        node = self.workspace.node(arg) if arg else self.here()
        numbers = self.stepper.contributions(node)
        self.say_steps(numbers[:MOST])
        if len(numbers) > MOST:
            self.say(f"and {len(numbers) - MOST:,} more, the last at step {numbers[-1]:,}")
        done = sum(k <= self.stepper.position for k in numbers)
        self.say(f"{self.workspace.written(node)}, {done:,} of {len(numbers):,} contributions")

    # -------------------- where nodes were made --------------------

    def say_source(self, node: Value) -> None:
        """Print where a node was made, if that was recorded."""
        if where := made_at(node):
            self.say(f"{one_line(self.stepper.names[node])} was {one_line(where)}")

    def _source(self, arg: str) -> None:
        node = self.workspace.node(arg) if arg else self.here()
        source = getattr(node, "source", None)
        if source is None:
            raise ValueError("where nodes are made is recorded within `with record_sources():`")
        self.say_source(node)
        for number in range(max(1, source.line - AROUND), source.line + AROUND + 1):
            if line := linecache.getline(source.file, number).rstrip():
                self.say(f"{'->' if number == source.line else '  '} {number:4}  {one_line(line)}")

    # -------------------- numbers and pictures --------------------

    def _p(self, arg: str) -> None:
        if not arg:
            raise ValueError("p takes a name or an expression: p a.grad")
        self.say(self.workspace.written(self.workspace.evaluate(arg)))

    def _whatis(self, arg: str) -> None:
        x = self.workspace.evaluate(arg)
        if not isinstance(x, Value):
            self.say(f"{type(x)}")
            return
        kind = f"made by {x.op.name}" if x.operands else f"a leaf: {x.op.name}"
        self.say(f"a Value, {kind}" if x in self.stepper.names else f"a Value, {kind}, not of this graph")
        if x in self.stepper.names:
            self.say_source(x)

    def _display(self, arg: str) -> None:
        if arg == "graph" and not self.stepper.has(arg):
            self.shows_graph = True
            self.show_graph()
            return
        if arg:
            self.displays[arg] = self.workspace.written(self.workspace.evaluate(arg))
        shown = [arg] if arg else list(self.displays)
        self.say("\n".join(f"{each}: {self.displays[each]}" for each in shown) or "nothing is displayed")

    def _undisplay(self, arg: str) -> None:
        if arg and arg not in self.displays and not (arg == "graph" and self.shows_graph):
            raise ValueError(f"{arg} is not displayed")
        self.shows_graph = self.shows_graph and arg not in ("", "graph")
        for each in [arg] if arg in self.displays else list(self.displays) if not arg else []:
            del self.displays[each]

    def show_displays(self) -> None:
        """Print what is displayed and has changed."""
        for expression, before in self.displays.items():
            try:
                now = self.workspace.written(self.workspace.evaluate(expression))
            except Exception as error:
                now = f"{type(error).__name__}: {error}"
            if now != before:
                self.displays[expression] = now
                self.say(f"{expression}: {now}, was {before}")

    def show_graph(self) -> None:
        """Print the graph with the active edge marked, the node it is at if that leaves no room for the rest."""
        room = shutil.get_terminal_size().lines - 4
        whole = self.stepper.graph()
        self.say(whole if whole.count("\n") < room else self.stepper.graph(whole=False))

    def _draw(self, arg: str) -> None:
        self.say(f"wrote {self.stepper.draw().save(arg or 'graph.svg')}")

    def _explain(self, arg: str) -> None:
        s: BackwardStep | None = self.stepper.current
        if not arg and s is not None:
            self.say(s.text)
            return
        explain = import_module("..teaching.explanation", __package__).explain
        leaf = [self.workspace.node(arg)] if arg and arg != "all" else []
        with self.stepper.lent():
            written = str(explain(self.stepper.root, *leaf))
        self.say(written)


# -------------------- what commands take --------------------


def count(arg: str) -> int:
    """Return a number of times; 1 if none is given."""
    return whole(arg, "a count") if arg else 1


def whole(written: str, what: str) -> int:
    """Return a whole number; ValueError if it is none."""
    if not written.isdecimal() or len(written) > 9:
        raise ValueError(f"{what} takes a whole number" + (f", not {written}" if written else ""))
    return int(written)


def nothing(arg: str) -> None:
    """Raise ValueError where something was given to a command that takes nothing."""
    if arg:
        raise ValueError(f"this command takes nothing after it, not {arg!r}")
