"""A cursor over the backward pass: it moves one edge, node, neuron, layer or sample at a time, forwards and backwards.

    s = step(loss)
    s.next()

However far it goes, and whatever `set` asks, the graph keeps its own data, gradients and labels: there is nothing to
put back.
"""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import accumulate, groupby
from typing import Any, TypeVar

from ..engine import Value
from ..graph.steps import BackwardStep
from ..graph.structure import Where
from ..pictures import Drawing, draw
from ..pictures.display import in_terminal
from ..pictures.tree import in_grad_color, text, text_around
from .breakpoints import Breakpoint, Condition, holds, matcher
from .naming import variables_in
from .recorded import RecordedPass
from .summary import NOWHERE, summarise

UNITS = ("edge", "node", "neuron", "layer", "sample")
WHOLE = 30  # nodes of a graph that the cursor shows as a whole; of a larger one it shows the node it is at
DRAWN = 1_500  # nodes of a graph of which a notebook shows a picture; it takes some 0.2 s at every move, a page more

T = TypeVar("T")


class EndOfPassError(IndexError):
    """Nothing is ahead of the cursor, or nothing behind it."""

    def _render_traceback_(self) -> list[str]:  # in IPython: it is no accident
        return [str(self)]


def step(root: Value, unit: str = "edge") -> "Stepper":
    """Return a cursor at the start of the backward pass of `root`, where no gradient is known yet.

    Nodes without a label are called by the caller's variables: `a`, `xs[0]`, `layer.w[2]`.

    Args:
        root: the output that is differentiated.
        unit: how far `next()` and `back()` go: an "edge", a "node" with all its edges, or, of a network, a "neuron", a
            "layer" or a "sample".

    Raises:
        TypeError: `root` is not a Value.
        ValueError: a local derivative is infinite or undefined, numbers were changed after the forward pass, or the
            unit is none of these.
    """
    return Stepper(root, unit, variables_in(sys._getframe(1)))


class Stepper(RecordedPass):
    """A cursor over the steps of a backward pass; `position` is how many of them are done."""

    def __init__(self, root: Value, unit: str = "edge", variables: Mapping[str, Any] | None = None) -> None:
        """Start before the first step; `step` describes the arguments and the errors."""
        if not isinstance(root, Value):
            raise TypeError(f"step() takes a Value, not {root!r}: write step(loss)")
        _check_unit(unit)
        super().__init__(root, variables)
        self.unit = unit
        self.breakpoints: dict[int, Breakpoint] = {}
        self.stopped_at: Breakpoint | None = None  # where the last run() ended, if at a breakpoint
        self._made = 0  # breakpoints
        self._stops_of: dict[str, list[int]] = {}  # unit -> the positions where it stops

    # -------------------- where it is --------------------

    @property
    def current(self) -> BackwardStep | None:
        """The step just done; None at the start."""
        return self.steps[self.position - 1] if self.position else None

    @property
    def upcoming(self) -> BackwardStep | None:
        """The step that comes next; None at the end."""
        return self.steps[self.position] if self.position < len(self) else None

    def path(self, node: Value | str) -> list[BackwardStep]:
        """Return the steps by which the first contribution travels from the output to a node."""
        i, steps = self._places[self.find(node)], []
        while (arrivals := self._arrivals[i]) and not (s := self.steps[arrivals[0] - 1]).is_seed:
            steps.append(s)
            i = self._places[s.node]
        return steps[::-1]

    # -------------------- moving --------------------

    def next(self, unit: str | None = None) -> "Stepper":
        """Do the next edge, or what is left of the unit; EndOfPassError at the end."""
        if self.position == len(self):
            raise EndOfPassError(f"the pass is done: all {len(self):,} steps are behind")
        stops = self._stops(unit or self.unit)
        return self.goto(self.position + 1 if stops is None else stops[bisect_right(stops, self.position)])

    def back(self, unit: str | None = None) -> "Stepper":
        """Undo the last edge, or what was done of the unit; EndOfPassError at the start."""
        if not self.position:
            raise EndOfPassError("this is the start of the pass: no step is behind")
        stops = self._stops(unit or self.unit)
        return self.goto(self.position - 1 if stops is None else stops[bisect_left(stops, self.position) - 1])

    def goto(self, position: int) -> "Stepper":
        """Go to where `position` steps are done; IndexError if there are not as many."""
        if not isinstance(position, int):
            raise TypeError(f"a position is a whole number, not {position!r}")
        if not 0 <= position <= len(self):
            raise IndexError(f"there are positions 0 to {len(self):,}, not {position:,}")
        self.position = position
        return self

    def run_to(self, target: Value | str | Condition) -> "Stepper":
        """Go on until a node's gradient grows, or until a condition is true: `lambda s: s.local < 0 and a.grad > 5`.

        A condition is given the step, and is tested with all gradients as they are right after it.

        Raises:
            ValueError: that does not happen any more, no node is named so, or the condition raises; nothing moves.
        """
        if isinstance(target, Value | str):
            node = self.find(target)
            what = f"adds to the gradient of {self.names[node]!r}"
            arrivals = self._arrivals[self._places[node]]
            later = arrivals[bisect_right(arrivals, self.position) :]
            found: tuple[int, Any] | None = (later[0], True) if later else None
        else:
            condition, what = target, "fulfils the condition"
            found = self._scan(range(self.position + 1, len(self) + 1), lambda k, s: holds(condition, k, s))
        if found is None:
            raise ValueError(f"no step after step {self.position:,} {what}")
        return self.goto(found[0])

    def run(self, *, backwards: bool = False) -> "Stepper":
        """Go on, or back, to the nearest breakpoint, or else to the end, or the start; `stopped_at` says which.

        Raises:
            ValueError: the condition of a breakpoint raises; nothing moves.
        """
        active = [b for b in self.breakpoints.values() if b.enabled]
        ahead = range(self.position - 1, 0, -1) if backwards else range(self.position + 1, len(self) + 1)
        left = {b.number: b.ignored for b in active}

        def stop(k: int, s: BackwardStep) -> Breakpoint | None:
            hits = [b for b in active if b.stops(k, s)]
            stops = [b for b in hits if not left[b.number]]
            left.update((b.number, left[b.number] - 1) for b in hits if left[b.number])
            return stops[0] if stops else None

        end = 0 if backwards else len(self)
        position, self.stopped_at = (self._scan(ahead, stop) if active else None) or (end, None)
        for b in active:
            b.ignored = left[b.number]
        if self.stopped_at is not None and self.stopped_at.temporary:
            del self.breakpoints[self.stopped_at.number]
        return self.goto(position)

    def finish(self) -> "Stepper":
        """Go to the end, past all breakpoints."""
        return self.goto(len(self))

    # -------------------- breakpoints --------------------

    def break_at(
        self,
        where: Value | str | int | Condition,
        condition: Condition | None = None,
        *,
        temporary: bool = False,
        written: str = "",
    ) -> Breakpoint:
        """Make a breakpoint for `run()`, which stops right after a step that matches.

        Args:
            where: a node or its name, for the steps that add to its gradient; the name or symbol of an operation, for
                the steps through it; the number of a step; "nan", for a number that is infinite or none; or a
                condition, such as `lambda s: abs(s.contribution) > 10` or `lambda s: a.grad > 5`.
            condition: a condition to be fulfilled besides. Conditions are given the step, and are tested with all
                gradients as they are right after it.
            temporary: whether it is gone once it was reached.
            written: the condition as text, for messages.

        Raises:
            ValueError: there is no such node or operation, or more than one node.
            IndexError: there is no step of that number.
        """
        matches, said = matcher(self, where, written)
        self._made += 1
        written = "" if callable(where) else written
        new = Breakpoint(self._made, said, matches, None if callable(where) else condition, written, temporary)
        self.breakpoints[new.number] = new
        return new

    def clear(self, number: int | None = None) -> None:
        """Remove a breakpoint, or all; ValueError if there is none of that number."""
        if number is None:
            self.breakpoints.clear()
        else:
            del self.breakpoints[self.breakpoint(number).number]

    def breakpoint(self, number: int) -> Breakpoint:
        """Return the breakpoint of a number, whose condition and other fields may be changed; ValueError if none."""
        if number not in self.breakpoints:
            there = ", ".join(map(str, self.breakpoints)) or "none"
            raise ValueError(f"there is no breakpoint {number}; there are: {there}")
        return self.breakpoints[number]

    # -------------------- how it looks --------------------

    def __repr__(self) -> str:
        changed = filter(None, [self.changed()])
        return "\n".join((self.headline(in_grad_color), "", self.graph(), "", self._moves(), *changed))

    def headline(self, grad: Callable[[str], str] = str) -> str:
        """Return the position, and the step just done with its arithmetic, `grad` applied to gradients in it."""
        self._keep_up()
        if self.current is None:
            return f"at the start of {len(self):,} steps"
        place = f" ({where})" if (where := self.where.get(self.current.node, NOWHERE)) != NOWHERE else ""
        return f"step {self.position:,} of {len(self):,}{place}: {self.current.written(grad)}"

    def graph(self, whole: bool | None = None) -> str:
        """Return the graph as text with the active edge marked, or the node alone that the cursor is at.

        If `whole` is None, that goes by the graph's size.
        """
        active = self.active or (self.root, -1)
        if len(self.nodes) <= WHOLE if whole is None else whole:
            with self.lent():
                return text(self.root, active=self.active)
        with self.lent([active[0], *active[0].operands]):
            return text_around(active, dict(self.names))

    def summary(self, start: int = 0) -> str:
        """Return what was done since position `start`, a line for each layer of a network.

        Of each: how many edges, the norm of its parameters' gradients by now, the smallest and the largest size of a
        contribution, and how many relus let nothing through.
        """
        return summarise(self.steps[start : self.position], self.where, self.grad)

    def draw(self, **options: Any) -> Drawing:
        """Draw the graph with the active edge marked; the options are those of `draw`."""
        with self.lent():
            picture = draw(self.root, active=self.active, **options)
        return replace(picture, title=f"{picture.title}, {self.headline()}")

    def page(self, **options: Any) -> Any:
        """Return a page that goes on from this position; the options are those of `page`."""
        from ..pages import page

        with self.lent():
            return page(self.root, position=self.position, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show a small graph's page in a notebook, with the picture where it is not trusted; else picture or text."""
        bundle: dict[str, str] = {}
        if len(self.nodes) <= DRAWN and not in_terminal():
            picture = self.draw()
            bundle = picture._repr_mimebundle_()
            with suppress(ValueError, RuntimeError):  # a number that is infinite, or a layout that takes too long
                if len(self.nodes) <= WHOLE:
                    bundle = replace(self.page(), picture=lambda: picture.image)._repr_mimebundle_()
        return {**bundle, "text/plain": repr(self)}

    def _moves(self) -> str:
        if self.upcoming is None:
            return "the pass is done: back(), goto(k) and restart() go back"
        return f"next() does {self.upcoming.symbols}" + "; back() undoes the last step" * bool(self.position)

    @property
    def active(self) -> tuple[Value, int] | None:
        """The edge of the step just done, as its node and the position of the operand; None at the start."""
        s = self.current
        return None if s is None else (s.node, s.position)

    # -------------------- how it works --------------------

    def _scan(self, numbers: Iterable[int], stop: Callable[[int, BackwardStep], T]) -> tuple[int, T] | None:
        """Return the first of some consecutive steps at which `stop` returns something, and what it returns there.

        While it looks, the graph has the gradients right after that step.
        """
        with self.lent():
            for k in numbers:
                # from one side or the other, one gradient differs from that of the step before
                for i in {self._targets[k - 1], self._targets[min(k, len(self) - 1)]}:
                    self.nodes[i].grad = self._grad(i, k)
                if found := stop(k, self.steps[k - 1]):
                    return k, found
        return None

    def _stops(self, unit: str) -> list[int] | None:
        """Return the positions where a unit begins and ends; None if that is all of them."""
        _check_unit(unit)
        if unit == "edge":
            return None
        if unit not in self._stops_of:
            parts = parts_of(unit, self.nodes, self.where)
            runs = groupby(self.steps, lambda s: (s.is_seed, parts[self._places[s.node]]))
            self._stops_of[unit] = list(accumulate((len(list(run)) for _, run in runs), initial=0))
        return self._stops_of[unit]


def parts_of(unit: str, nodes: Sequence[Value], where: Mapping[Value, Where]) -> list[Any]:
    """Return for each node what it is a part of; ValueError if the graph has no such units."""
    if unit == "node":
        return list(nodes)
    which = {"neuron": 3, "layer": 2, "sample": 1}[unit]
    wheres = [where.get(v, NOWHERE) for v in nodes]
    if not any(w.sample if unit == "sample" else w.layer for w in wheres):
        raise ValueError(
            f"this graph has no {unit}s: they are those of a network"
            + ", where it ran more than once" * (unit == "sample")
        )
    return [(w.sample, (w.network, w.layer), w.neuron)[:which] for w in wheres]


def _check_unit(unit: str) -> None:
    if unit not in UNITS:
        raise ValueError(f"unknown unit {unit!r}; choose from {', '.join(UNITS)}")
