"""A cursor over the backward pass: it moves one edge, node or layer at a time, forwards and backwards.

    with step(loss) as s:
        s.next()

The steps are recorded once. Wherever the cursor stands, the graph's gradients are what the pass has made of them by
then, so every picture of the graph shows that moment; a node that the pass has not reached has none.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from numbers import Rational
from typing import Any

from ..engine import UNREACHED, Value, record, topological_order
from ..graph.steps import BackwardStep, backward_steps
from ..graph.structure import structure
from ..notation.names import find, node_names
from ..ops import CONSTANT, one_line
from ..pictures import Drawing, draw
from ..pictures.tree import text, text_around

UNITS = ("edge", "node", "layer")
WHOLE = 30  # nodes of a graph that the cursor shows as a whole; of a larger one it shows the node it is at
DRAWN = 1_500  # nodes of a graph of which a notebook shows a picture; it takes some 0.2 s at every move
CHECKED = 1_000  # nodes that a single move looks at, in turn, for changes made by others

Condition = Callable[[BackwardStep], Any]


class GraphChangedError(RuntimeError):
    """Something other than the cursor changed the graph's numbers while the cursor stood in it."""


@dataclass(frozen=True)
class Breakpoint:
    """A place to stop: right after a step that matches, if the condition holds there."""

    number: int
    where: str
    matches: Callable[[int, BackwardStep], bool]  # the step's number and the step
    condition: Condition | None = None
    written: str = ""  # the condition as text
    temporary: bool = False

    def stops(self, k: int, s: BackwardStep) -> bool:
        """Return whether to stop after step `k`; ValueError if the condition raises."""
        return self.matches(k, s) and (self.condition is None or holds(self.condition, k, s, self.written))

    def __str__(self) -> str:
        """Return it in one line: `1: at a, if abs(s.contribution) > 10`."""
        return (
            f"{self.number}: {self.where}"
            + (f", if {self.written}" if self.written else "")
            + (", once" if self.temporary else "")
        )


def step(root: Value, unit: str = "edge") -> "Stepper":
    """Return a cursor at the start of the backward pass of `root`, all of whose gradients are blank there.

    Args:
        root: the output that is differentiated.
        unit: how far `next()` and `back()` go: an "edge", a "node" with all its edges, or a "layer" of a network.

    Raises:
        TypeError: `root` is no Value.
        ValueError: a local derivative is infinite or undefined, or the unit is none of these.
    """
    return Stepper(root, unit)


class Stepper:
    """A cursor over the steps of a backward pass; `position` is how many of them are done."""

    def __init__(self, root: Value, unit: str = "edge") -> None:
        """Start before the first step; `step` describes the arguments and the errors."""
        if not isinstance(root, Value):
            raise TypeError(f"step() takes a Value, not {root!r}: write step(loss)")
        if unit not in UNITS:
            raise ValueError(f"a unit is {', '.join(UNITS)}, not {unit!r}")
        self.root = root
        self.unit = unit
        self.breakpoints: dict[int, Breakpoint] = {}
        self.stopped_at: Breakpoint | None = None  # where the last run() ended, if at a breakpoint
        self._made = 0  # breakpoints
        self._position = 0
        self._closed = False
        self._checked = 0  # the node from which the next move looks for changes
        self._stops_of: dict[str, list[int]] = {}  # unit -> the positions where it stops
        self.nodes = topological_order(root)  # operands before the nodes made from them
        self._places = {v: i for i, v in enumerate(self.nodes)}
        self._found = [(v.data, v.grad) for v in self.nodes]  # what close() puts back
        self._record()
        self._place(0)

    # -------------------- where it is --------------------

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def position(self) -> int:
        """How many steps are done: 0 at the start, len(self) at the end."""
        return self._position

    @property
    def current(self) -> BackwardStep | None:
        """The step just done; None at the start."""
        return self.steps[self._position - 1] if self._position else None

    @property
    def upcoming(self) -> BackwardStep | None:
        """The step that comes next; None at the end."""
        return self.steps[self._position] if self._position < len(self) else None

    def find(self, node: Value | str, *, what: str = "node") -> Value:
        """Return the node of a name; `what` is what a message says there is none of.

        Raises:
            ValueError: there is none, or more than one; the text says how to pick one.
        """
        return find(node, self.names, what=what)

    def path(self, node: Value | str) -> list[BackwardStep]:
        """Return the steps by which the first contribution travels from the output to a node."""
        v, steps = self.find(node), []
        while (k := self._first.get(v)) is not None and (s := self.steps[k]) and not s.is_seed:
            steps.append(s)
            v = s.node
        return steps[::-1]

    # -------------------- moving --------------------

    def next(self, unit: str | None = None) -> "Stepper":
        """Do the next edge, or what is left of the node or layer; IndexError at the end."""
        if self._position == len(self):
            raise IndexError(f"the pass is done: all {len(self):,} steps are behind")
        stops = self._stops(unit or self.unit)
        return self.goto(self._position + 1 if stops is None else stops[bisect_right(stops, self._position)])

    def back(self, unit: str | None = None) -> "Stepper":
        """Undo the last edge, or what was done of the node or layer; IndexError at the start."""
        if not self._position:
            raise IndexError("this is the start of the pass: no step is behind")
        stops = self._stops(unit or self.unit)
        return self.goto(self._position - 1 if stops is None else stops[bisect_left(stops, self._position) - 1])

    def goto(self, position: int) -> "Stepper":
        """Go to where `position` steps are done.

        Raises:
            IndexError: there are not as many.
            GraphChangedError: the graph's numbers are not as the cursor left them.
        """
        if not isinstance(position, int):
            raise TypeError(f"a position is a whole number, not {position!r}")
        if not 0 <= position <= len(self):
            raise IndexError(f"there are positions 0 to {len(self):,}, not {position:,}")
        start = self._position
        self._check(everything=abs(position - start) > CHECKED)
        try:
            for k in range(start, position):
                self._set(self._targets[k], self._after[k])
            for k in range(start - 1, position - 1, -1):
                self._set(self._targets[k], self._before[k])
        except BaseException:  # Ctrl-C, say
            self._place(start)
            raise
        self._position = position
        return self

    def run_to(self, target: Value | str | Condition) -> "Stepper":
        """Go on until a node's gradient grows, or until a condition on the step is true: `lambda s: s.local < 0`.

        Raises:
            ValueError: that does not happen any more, no node is named so, or the condition raises; nothing moves.
        """
        if isinstance(target, Value | str):
            node = self.find(target)
            condition: Condition = lambda s: s.operand is node  # noqa: E731
            what = f"adds to the gradient of {self.names[node]!r}"
        else:
            condition, what = target, "fulfils the condition"
        for k in range(self._position, len(self)):
            if holds(condition, k + 1, self.steps[k]):
                return self.goto(k + 1)
        raise ValueError(f"no step after step {self._position:,} {what}")

    def run(self, *, backwards: bool = False) -> "Stepper":
        """Go on, or back, to the nearest breakpoint, or else to the end, or the start; `stopped_at` says which.

        Raises:
            ValueError: the condition of a breakpoint raises; nothing moves.
        """
        active = list(self.breakpoints.values())
        ahead = range(self._position - 1, 0, -1) if backwards else range(self._position + 1, len(self) + 1)
        hits = ((k, b) for k in ahead for b in active if b.stops(k, self.steps[k - 1])) if active else iter(())
        end = 0 if backwards else len(self)
        position, stopped_at = next(hits, (end, None))
        self.goto(position)
        self.stopped_at = stopped_at
        if stopped_at is not None and stopped_at.temporary:
            del self.breakpoints[stopped_at.number]
        return self

    def finish(self) -> "Stepper":
        """Go to the end, past all breakpoints."""
        return self.goto(len(self))

    def restart(self) -> "Stepper":
        """Go back to the start and record the pass anew, with the numbers that the graph has now."""
        self._open()
        self._adopt()
        self._record()
        self._place(0)
        return self

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
                condition on the step, such as `lambda s: abs(s.contribution) > 10`.
            condition: a condition to be fulfilled besides.
            temporary: whether it is gone once it was reached.
            written: the condition as text, for messages.

        Raises:
            ValueError: there is no such node or operation, or more than one node.
            IndexError: there is no step of that number.
        """
        matches, said = self._matcher(where, written)
        self._made += 1
        if callable(where):
            condition, written = None, ""
        new = Breakpoint(self._made, said, matches, condition, written or ("…" if condition else ""), temporary)
        self.breakpoints[new.number] = new
        return new

    def change_condition(self, number: int, condition: Condition | None, written: str = "") -> Breakpoint:
        """Give a breakpoint another condition, or none; ValueError if there is no breakpoint of that number."""
        self._known(number)
        changed = replace(self.breakpoints[number], condition=condition, written=written or ("…" if condition else ""))
        self.breakpoints[number] = changed
        return changed

    def clear(self, number: int | None = None) -> None:
        """Remove a breakpoint, or all; ValueError if there is none of that number."""
        if number is None:
            self.breakpoints.clear()
        else:
            self._known(number)
            del self.breakpoints[number]

    def _known(self, number: int) -> None:
        if number not in self.breakpoints:
            there = ", ".join(map(str, self.breakpoints)) or "none"
            raise ValueError(f"there is no breakpoint {number}; there are: {there}")

    def _matcher(
        self, where: Value | str | int | Condition, written: str
    ) -> tuple[Callable[[int, BackwardStep], bool], str]:
        """Return what tells whether a step matches, and how that is said."""
        if isinstance(where, int):
            if not 1 <= where <= len(self):
                raise IndexError(f"there are steps 1 to {len(self):,}, not {where:,}")
            return lambda k, s: k == where, f"at step {where}"
        if isinstance(where, Value) or (isinstance(where, str) and where in self.names.values()):
            node = self.find(where)
            return lambda k, s: s.operand is node, f"at {one_line(self.names[node])}"
        if isinstance(where, str):
            if where.lower() in ("nan", "inf"):
                return lambda k, s: s.contribution - s.contribution != 0 or s.after - s.after != 0, "at NaN or infinity"
            rows = {v.op for v in self.nodes if v.operands and where.lower() in (v.op.name, v.op.symbol.lower())}
            if rows:
                return lambda k, s: s.node.op in rows and not s.is_seed, f"at every {where}"
            self.find(where, what="node and no operation")  # says what there is
        if not callable(where):
            raise TypeError(f"a breakpoint is at a node, a name, a step's number or a condition, not {where!r}")
        condition = where
        return lambda k, s: holds(condition, k, s, written), f"where {written or 'the condition holds'}"

    # -------------------- what if --------------------

    def set(self, leaf: Value | str, number: Any) -> "Stepper":
        """Give a leaf another number, compute all that depends on it anew, and stay at this position.

        Raises:
            ValueError: it is no leaf, there is no node of that name, or more than one.
            ValueError, ArithmeticError: an operation or a local derivative is not defined then; nothing changes.
            TypeError: that is no number.
        """
        v = self.find(leaf)
        if v.operands:
            equation = v.op.write([self.names[x] for x in v.operands])
            raise ValueError(f"{self.names[v]} = {equation} is computed: set one of the leaves it is computed from")
        self._check(everything=True)
        data = Value(number).data
        if isinstance(number, Rational) and type(v.data) is not float:
            data = type(v.data)(number)  # an exact graph stays exact
        try:
            v.data = data
            changed = {v}
            for node in self.nodes:
                if not changed.isdisjoint(node.operands):
                    node.data = record(node.op, node.operands).data
                    changed.add(node)
            self._record()
        except BaseException:
            for node, before in zip(self.nodes, self._data, strict=True):
                node.data = before
            raise
        self._place(self._position)
        return self

    # -------------------- the end --------------------

    def close(self, *, keep: bool = False) -> None:
        """Put back the gradients, and the numbers that set() changed, unless they are to be kept.

        What others have changed meanwhile stays.
        """
        if not self._closed and not keep:
            self._adopt()
            for v, (data, grad) in zip(self.nodes, self._found, strict=True):
                v.data, v.grad = data, grad
        self._closed = True

    def __enter__(self) -> "Stepper":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -------------------- how it looks --------------------

    def __repr__(self) -> str:
        return "\n".join((self.headline(), "", self.graph()))

    def headline(self) -> str:
        """Return the position, and the step just done with its arithmetic."""
        if self._closed:
            return f"a closed cursor over {len(self):,} steps"
        if self.current is None:
            return f"at the start of {len(self):,} steps: next comes {self.steps[0].symbols}"
        return f"step {self._position:,} of {len(self):,}: {one_line(str(self.current))}"

    def graph(self, whole: bool = False) -> str:
        """Return the graph as text with the active edge marked; of a large one only the node the cursor is at."""
        if whole or len(self.nodes) <= WHOLE:
            return text(self.root, active=self._active)
        return text_around(self._active or (self.root, -1), self.names)

    def draw(self, **options: Any) -> Drawing:
        """Draw the graph with the active edge marked; the options are those of `draw`."""
        picture = draw(self.root, active=self._active, **options)
        return replace(picture, title=f"{picture.title}, {self.headline()}")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the picture in a notebook; where there can be none, the text."""
        bundle = {}
        if len(self.nodes) <= DRAWN:
            with suppress(RuntimeError):  # there is no Graphviz
                bundle = self.draw()._repr_mimebundle_()
        return {**bundle, "text/plain": repr(self)}

    @property
    def _active(self) -> tuple[Value, int] | None:
        s = self.current
        return None if s is None else (s.node, s.position)

    # -------------------- how it works --------------------

    def _record(self) -> None:
        """Record the steps, and of each what it does to which node."""
        self.steps = list(backward_steps(self.root))
        self.names = node_names(self.nodes)  # every node's name, as pictures show it
        self._data = [v.data for v in self.nodes]
        self._first: dict[Value, int] = {}  # the step that reaches a node
        for k, s in enumerate(self.steps):
            self._first.setdefault(s.operand, k)
        self._targets = [self._places[s.operand] for s in self.steps]
        self._before = [UNREACHED if self._first[s.operand] == k else s.before for k, s in enumerate(self.steps)]
        self._after = [UNREACHED if s.operand.op is CONSTANT else s.after for s in self.steps]

    def _place(self, position: int) -> None:
        """Make all gradients what they are after `position` steps."""
        self._position = position
        self._grads = [UNREACHED] * len(self.nodes)
        for i, after in zip(self._targets[:position], self._after, strict=False):
            self._grads[i] = after
        for v, grad in zip(self.nodes, self._grads, strict=True):
            v.grad = grad

    def _set(self, i: int, grad: Any) -> None:
        self._grads[i] = self.nodes[i].grad = grad

    def _open(self) -> None:
        if self._closed:
            raise ValueError("this cursor is closed: step(root) makes another")

    def _check(self, *, everything: bool) -> None:
        """Raise GraphChangedError if a number is not as the cursor left it; look at a part of a large graph in turn."""
        self._open()
        n = len(self.nodes)
        start, stop = (0, n) if everything or n <= CHECKED else (self._checked, min(self._checked + CHECKED, n))
        self._checked = stop % n
        changed = next(self._changes(range(start, stop)), None)
        if changed is None and stop - start < n:  # and, whatever the turn, at what the next moves use
            near = (s for s in (self.current, self.upcoming) if s is not None)
            changed = next(self._changes([self._places[v] for s in near for v in (s.node, s.operand)]), None)
        if changed is not None:
            i, what, now, before = changed
            raise GraphChangedError(
                f"the graph was changed behind the cursor: the {what} of {one_line(self.names[self.nodes[i]])} is "
                f"{_written(now)} and was {_written(before)}; restart() begins anew with it, set() would have kept up"
            )

    def _changes(self, places: Iterable[int]) -> Iterator[tuple[int, str, Any, Any]]:
        """Yield each number that is not as the cursor left it: its place, "data" or "grad", now, and before."""
        nodes, data, grads = self.nodes, self._data, self._grads
        for i in places:
            v = nodes[i]
            if v.data is not data[i] and not _is_as_left(v.data, data[i]):
                yield i, "data", v.data, data[i]
            if v.grad is not grads[i] and not _is_as_left(v.grad, grads[i]):
                yield i, "grad", v.grad, grads[i]

    def _adopt(self) -> None:
        """Take what others have changed as found, so that close() leaves it."""
        for i, what, now, _ in self._changes(range(len(self.nodes))):
            data, grad = self._found[i]
            self._found[i] = (now, grad) if what == "data" else (data, now)

    def _stops(self, unit: str) -> list[int] | None:
        """Return the positions where a unit begins and ends; None if that is all of them."""
        if unit == "edge":
            return None
        if unit not in UNITS:
            raise ValueError(f"a unit is {', '.join(UNITS)}, not {unit!r}")
        if unit not in self._stops_of:
            places: dict[Value, Any] = dict(self._places)
            if unit == "layer":
                known = structure(self.nodes)
                if not any(where.layer for where in known.values()) and len(self.nodes) > 1:
                    raise ValueError("this graph has no layers: none of it was made by an MLP, a Layer or a Neuron")
                places = {v: where._replace(neuron=None) for v, where in known.items()}
            runs = groupby(self.steps, lambda s: (s.is_seed, places.get(s.node)))
            self._stops_of[unit] = list(accumulate((len(list(run)) for _, run in runs), initial=0))
        return self._stops_of[unit]


# -------------------- about a step --------------------


def holds(condition: Condition, k: int, s: BackwardStep, written: str = "") -> bool:
    """Return whether a condition is true of step `k`; ValueError, naming the step, if it raises."""
    try:
        return bool(condition(s))
    except Exception as error:
        said = " ".join(("the condition", written)).strip()
        raise ValueError(f"{said} failed at step {k:,}, {s.symbols}: {type(error).__name__}: {error}") from error


def _is_as_left(now: Any, left: Any) -> bool:
    """Return whether a number is the one that was left; a computed zero is not a blank."""
    return now is left or (now == left and now is not UNREACHED and left is not UNREACHED)


def _written(x: Any) -> str:
    return "blank" if x is UNREACHED else f"{x}"
