"""A backward pass as it was recorded: its steps, and numbers and names of its own for the nodes of the graph.

The graph's data, gradients and labels stay as they are. Where a picture is made or a condition tested, the graph is
lent the numbers of a moment for as long as that takes.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from numbers import Rational
from threading import RLock
from typing import Any, Self

from ..engine import UNREACHED, Value, is_unreached, record, topological_order
from ..escape import one_line
from ..graph.steps import BackwardStep, backward_steps
from ..graph.structure import structure
from ..graph.walk import depending_on
from ..notation.names import find, node_names
from ..ops import CONSTANT
from .naming import find_in_words, name_by_places, name_by_variables, tell_apart, typed
from .summary import NOWHERE

_lock = RLock()  # one cursor at a time lends a graph its numbers
_lent: list[Any] = []  # what is lent now, in this thread


class RecordedPass:
    """The backward pass from an output, and the moment after `position` of its steps."""

    position: int
    steps: list[BackwardStep]

    def __init__(self, root: Value, variables: Mapping[str, Any] | None = None) -> None:
        """Record the steps; unlabelled nodes are called by those of the variables that hold them."""
        self.root = root
        self.position = 0  # how many steps are done: 0 at the start, len(self) at the end
        self.nodes = topological_order(root)  # operands before the nodes made from them
        self._places = {v: i for i, v in enumerate(self.nodes)}
        self.where = structure(self.nodes)  # neuron, layer and sample
        self._unlabelled = {**name_by_places(self.where), **name_by_variables(self.nodes, variables or {})}
        self._found = self._data = [v.data for v in self.nodes]  # the graph's numbers, and those of set()
        self._name()
        self._record(self._data)

    def __len__(self) -> int:
        return len(self.steps)

    # -------------------- numbers and names --------------------

    def grad(self, node: Value | str) -> Any:
        """Return the gradient that a node has by now; None if the pass has not reached it."""
        grad = self._grad(self._places[self.find(node)], self.position)
        return None if is_unreached(grad) else grad

    def data(self, node: Value | str) -> Any:
        """Return a node's number: the graph's, or what `set` has made of it."""
        return self._data[self._places[self.find(node)]]

    @property
    def names(self) -> Mapping[Value, str]:
        """Every node's name, which no other has: its label, or the caller's variable, or v1, v2, …."""
        self._keep_up()
        return self._names

    def has(self, name: str) -> bool:
        """Tell whether a node is called so, or several are labelled so."""
        self._keep_up()
        return typed(name) in self._known

    def find(self, node: Value | str, *, what: str = "node") -> Value:
        """Return the node of a name; `what` is what a message says there is none of.

        Raises:
            ValueError: there is none, or more than one; the text says how to pick one.
        """
        names = self.names
        if isinstance(node, str):
            node = find_in_words(node, self.where)
        if isinstance(node, str) and (found := self._known.get(typed(node))):
            if len(found) == 1:
                return found[0]
            places = [self._places[v] for v in found[:4]]
            own = [f"nodes[{i}]" if names[self.nodes[i]] == node else one_line(names[self.nodes[i]]) for i in places]
            which = ", ".join(f"{name} (data {self._data[i]})" for name, i in zip(own, places, strict=True))
            raise ValueError(f"{len(found)} nodes are labelled {node!r}: say {which}{', …' * (len(found) > 4)}")
        return find(node, names, what=what)

    def contributions(self, node: Value | str) -> list[int]:
        """Return the numbers of the steps that add to a node's gradient."""
        return self._arrivals[self._places[self.find(node)]]

    # -------------------- what if --------------------

    def set(self, leaf: Value | str, number: Any) -> Self:
        """Ask what if a leaf were another number: compute all that depends on it anew, and stay at this position.

        The graph itself keeps its numbers; `restart` comes back to them.

        Raises:
            ValueError: it is not a leaf, there is no node of that name, or more than one, or the graph's numbers were
                changed since the pass was recorded.
            ValueError, ArithmeticError: an operation or a local derivative is not defined then; nothing changes.
            TypeError: that is not a number.
        """
        return self.set_all({self.find(leaf): number})

    def set_all(self, numbers: Mapping[Value, Any]) -> Self:
        """Do the same for several leaves at once."""
        if changed := self.changed():
            raise ValueError(f"{changed}; restart() begins anew with the numbers that the graph has now")
        data = list(self._data)
        for v, number in numbers.items():
            if v.operands:
                equation = one_line(v.op.write([self.names[x] for x in v.operands]))
                raise ValueError(f"{self.names[v]} = {equation} is computed: set one of the leaves it is computed from")
            new, old = Value(number).data, data[self._places[v]]
            exact = isinstance(number, Rational) and type(old) is not float  # an exact graph stays exact
            data[self._places[v]] = type(old)(number) if exact else new
        after = depending_on(self.nodes, numbers)
        with self.lent(data=data):
            for v in self.nodes:
                if v in after and v.operands:
                    v.data = record(v.op, v.operands).data
            data = [v.data for v in self.nodes]
        self._record(data)
        return self

    def restart(self) -> Self:
        """Go back to the start and record the pass anew, with the numbers and labels that the graph has now.

        Raises:
            ValueError: a number in between does not follow from the leaves, which were changed since; nothing moves.
        """
        self._record([v.data for v in self.nodes])
        self._found, self.position = self._data, 0
        return self

    def changed(self) -> str:
        """Return what somebody has changed in the graph since the pass was recorded, or nothing."""
        for v, found in zip(self.nodes, self._found, strict=True):
            if v.data is not found and v.data != found:
                name = one_line(self.names[v])
                return f"the graph has changed: {name} is {v.data} now, and was {found} when this pass was recorded"
        return ""

    # -------------------- how it works --------------------

    @contextmanager
    def lent(self, nodes: Iterable[Value] | None = None, *, data: Sequence[Any] | None = None) -> Iterator[None]:
        """Give nodes, or all, this moment's data, gradients and names while the block lasts, and then their own again.

        Whatever the block itself does to them is undone with that.
        """
        self._keep_up()
        nodes = self.nodes if nodes is None else list(dict.fromkeys(nodes))
        places = [self._places[v] for v in nodes]
        data = [(self._data if data is None else data)[i] for i in places]
        grads = [self._grad(i, self.position) for i in places]
        with lending(nodes, data=data, grad=grads, label=[self._own_labels[i] for i in places]):
            yield

    def _grad(self, i: int, position: int) -> Any:
        """Return the gradient of the node at place `i` after `position` steps."""
        done = bisect_right(self._arrivals[i], position)
        return self.steps[self._arrivals[i][done - 1] - 1].after if done else UNREACHED

    def _record(self, data: list[Any]) -> None:
        """Record the steps for these numbers, and of each node by which of them its gradient grows."""
        with lending(self.nodes, data=data, label=self._own_labels):
            steps = list(backward_steps(self.root))
        self.steps, self._data = steps, data
        self._targets = [self._places[s.operand] for s in steps]
        self._arrivals: list[list[int]] = [[] for _ in self.nodes]
        for k, (i, s) in enumerate(zip(self._targets, steps, strict=True), start=1):
            if s.operand.op is not CONSTANT:
                self._arrivals[i].append(k)

    def _name(self) -> None:
        """Give every node a name of its own."""
        self._seen_labels = [v.label for v in self.nodes]
        self._labels = [v.label or self._unlabelled.get(v, "") for v in self.nodes]
        self._own_labels = tell_apart(self._labels, [self.where.get(v, NOWHERE).sample for v in self.nodes])
        with lending(self.nodes, label=self._own_labels):
            self._names = node_names(self.nodes)
        self._known: dict[str, list[Value]] = {}  # what may be typed -> the nodes it means
        for v, label in zip(self.nodes, self._labels, strict=True):
            self._known.setdefault(typed(label or self._names[v]), []).append(v)
        self._known.update({typed(name): [v] for v, name in self._names.items() if self._own_labels[self._places[v]]})

    def _keep_up(self) -> None:
        """Take over the labels that nodes were given since."""
        with _lock:
            if not _lent and [v.label for v in self.nodes] != self._seen_labels:
                self._name()
                self._record(self._data)


@contextmanager
def lending(nodes: Sequence[Value], **attributes: Sequence[Any]) -> Iterator[None]:
    """Give nodes other attributes while the block lasts; where one has these, no other cursor can lend any."""
    with _lock:
        own = {name: [getattr(v, name) for v in nodes] for name in attributes}
        _lent.append(nodes)
        try:
            _give(nodes, attributes)
            yield
        finally:
            _give(nodes, own)
            _lent.pop()


def _give(nodes: Sequence[Value], attributes: Mapping[str, Sequence[Any]]) -> None:
    for name, own in attributes.items():
        deque(map(setattr, nodes, repeat(name), own), maxlen=0)  # a loop that Ctrl-C does not break off halfway
