"""The samples of a compiled training: programs of the loss of one sample, and what each sample gives its program.

What a target chooses is part of the graph. Graphs that differ only in numbers, or in which nodes they take, become one,
so that most often there is one program.
"""

import sys
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

from ..engine import Value, dot, record, topological_order
from ..ops import CONSTANT
from .program import Program

Rows = Sequence[Sequence[float]]
Loss = Callable[[Sequence[Any], Sequence[Any]], Value]
RECORDING = threading.RLock()  # for it changes what all Values do, until it ends


class Samples:
    """The samples, the programs for them, and which program each sample takes."""

    def __init__(
        self, model: Any, loss: Loss, parameters: list[Value], scored: bool, rows: Rows, targets: Sequence[float]
    ) -> None:
        self.rows, self.targets, self.parameters = rows, targets, parameters
        for i, (row, target) in enumerate(zip(rows, targets, strict=True)):  # before the loss is asked about a target
            self._check(i, [*row, target])
        x = [Value(number, f"x{i}") for i, number in enumerate(rows[0], start=1)]
        names = list(map(repr, targets))  # 0.0 and -0.0 are equal, and 1 and True
        with RECORDING, _unseen():
            output = model(x)
            graphs = {name: loss([output], [target]) for name, target in dict(zip(names, targets, strict=True)).items()}
        self.scores = scores = output if isinstance(output, list | tuple) else [output]
        known = {v: v for v in [*x, *parameters, *(v for score in scores for v in topological_order(score))]}
        given = {*x, *parameters}
        self.held = held = [v for v in known if not v.operands and v.op is not CONSTANT and v not in given]
        known |= _in_all(list(graphs.values()), known)
        reach: dict[frozenset[Value], frozenset[Value]] = {}
        shapes: dict[Any, dict[str, _Above]] = {}
        for name, graph in graphs.items():
            above = _Above(graph, known)
            nodes = frozenset(above.referred)
            if nodes not in reach:  # a sample moves the parameters that its loss reaches, and no others
                reach[nodes] = frozenset(v for node in nodes for v in topological_order(node) if v in given)
            shapes.setdefault((above.shape, reach[nodes]), {})[name] = above
        self.programs: list[Program] = []
        self.graphs: list[tuple[Value, list[Value]]] = []  # what each program computes: the loss, from which inputs
        self.reached: list[bytes] = []  # for each program, which of the parameters are in its graph
        ends: dict[str, tuple[int, Sequence[float]]] = {}  # of each target: its program, and the end of its rows
        for kind, alike in enumerate(shapes.values()):
            graph, added, columns = _merged(list(alike.values()))
            ends.update((name, (kind, numbers)) for name, *numbers in zip(alike, *columns, strict=True))
            inputs = [*x, *held, *added]
            self.graphs.append((graph, inputs))
            program = Program([graph, *scores] if scored else [graph], inputs, parameters)
            self.programs.append(program)
            self.reached.append(bytes(isinstance(g, str) for g in program.lowered.gradients))
        self.middle = middle = [float(v.data) for v in held]
        self.kinds = [ends[name][0] for name in names]
        self.width = max(len(inputs) for _, inputs in self.graphs)
        self.numbers = array("d")  # of each sample `width`: what its program takes, and zeros
        for i, (row, name) in enumerate(zip(rows, names, strict=True)):
            more = [*middle, *ends[name][1]]
            self._check(i, more)
            self.numbers.fromlist([*row, *more, *[0.0] * (self.width - len(row) - len(more))])

    def _check(self, i: int, numbers: list[float]) -> None:
        """Raise ValueError if a number of a sample is not finite, or an integer too large for a float."""
        try:
            if isfinite(sum(numbers, 0.0)) or all(map(isfinite, numbers)):  # the sum alone takes a third of the time
                return
        except OverflowError:
            pass
        raise ValueError(f"sample {i} has a number or a target that is not finite, or too large for a float")

    def look_again(self) -> None:
        """Take the numbers of leaves that this training does not change, for another or the user may have."""
        middle, start = [float(v.data) for v in self.held], len(self.rows[0])
        if middle != self.middle:
            self.middle = middle
            for i in range(start, len(self.numbers), self.width):
                self.numbers[i : i + len(middle)] = array("d", middle)

    def row(self, i: int) -> list[float]:
        """Return what the program of a sample takes."""
        start = i * self.width
        return self.numbers[start : start + len(self.graphs[self.kinds[i]][1])].tolist()

    def compute(self, batch: Sequence[int]) -> Iterator[tuple[list[int], Any, Any, bytes]]:
        """Yield, for each program that samples of a batch take: which, outputs, gradient, and the parameters it has."""
        numbers = array("d", [p.data for p in self.parameters])
        for kind, program in enumerate(self.programs):
            some = [i for i in batch if self.kinds[i] == kind]
            if some:
                outputs, gradient = program.value_and_grad([self.row(i) for i in some], numbers)
                yield some, outputs, gradient, self.reached[kind]

    def compare(self, model: Any, loss: Loss) -> None:
        """Raise ValueError unless the loss of some samples is the mean of their losses."""
        few = range(min(len(self.rows), 4))
        try:
            eager = loss([model(self.rows[i]) for i in few], [self.targets[i] for i in few]).data
            compiled = sum(out[0] for _, outputs, *_ in self.compute(few) for out in outputs) / len(few)
        except OverflowError:
            return  # training finds out whether its batches are too large too, and in which epoch
        if abs(eager - compiled) > 1e-9 * max(1.0, abs(eager)):
            raise ValueError(
                f"this loss is {eager:.6g} for {len(few)} samples but {compiled:.6g} as the mean over them: only a "
                "mean over the samples can be compiled"
            )


def nodes_above(graph: Value, known: Container[Value]) -> Iterator[Value]:
    """Yield a graph's nodes that are neither known nor under known ones, operands before what is made from them."""
    seen = set[Value]()
    stack = [graph] if graph not in known else []
    while stack:
        v = stack[-1]
        rest = [x for x in v.operands if x not in known and x not in seen]
        stack += rest[:1]
        if not rest:
            stack.pop()
            seen.add(v)
            yield v


def _in_all(graphs: list[Value], known: Container[Value]) -> dict[Value, Value]:
    """Return the nodes that all graphs have alike, such as each score's exponential, and for each that of the first.

    None of them is above a leaf that is not known, whose number becomes part of a row.
    """
    firsts: dict[Any, Value] = {}
    same: dict[Value, Value] = {}
    count = Counter[Value]()
    for graph in graphs:
        found = set()
        for v in nodes_above(graph, known):
            if v.op is CONSTANT or (v.operands and all(x in same or x in known for x in v.operands)):
                key = (v.op, *(same.get(x, x) for x in v.operands)) if v.operands else repr(v.data)  # 0.0 equals -0.0
                same[v] = firsts.setdefault(key, v)
                found.add(same[v])
        count.update(found)
    return {v: first for v, first in same.items() if v.operands and count[first] == len(graphs)}


class _Above:
    """What a graph computes of known nodes; `shape` tells what, whatever the numbers and whichever the nodes are."""

    def __init__(self, graph: Value, known: Mapping[Value, Value]) -> None:
        self.nodes = list(nodes_above(graph, known))
        own = {v: i for i, v in enumerate(self.nodes)}
        self.shape = tuple((v.op.name, *map(own.get, v.operands)) for v in self.nodes)
        referred = (x for v in self.nodes for x in v.operands if x in known) if self.nodes else [graph]
        self.referred = [known[x] for x in referred]  # as its nodes take them one after the other


def _merged(alike: list[_Above]) -> tuple[Value, list[Value], list[Sequence[float]]]:
    """Return a graph that computes what each of several does, the inputs that it adds, and their numbers for each.

    Where they take different ones of the known nodes, such as the score of the target's class, it takes their sum
    weighted by inputs, of which one is 1 and the others are 0.
    """
    first, inputs, columns = alike[0], list[Value](), list[Sequence[float]]()
    for leaves in zip(*([v for v in above.nodes if not v.operands] for above in alike), strict=True):
        numbers = [v.data for v in leaves]
        if leaves[0].op is not CONSTANT or len(set(numbers)) > 1:
            inputs.append(leaves[0])
            columns.append(numbers)
    referred = list(zip(*(above.referred for above in alike), strict=True))
    taken: dict[tuple[Value, ...], Value] = {}
    for nodes in dict.fromkeys(referred):
        choices = list(dict.fromkeys(nodes))
        taken[nodes] = nodes[0]
        if len(choices) > 1:
            ones = [[float(v is choice) for v in nodes] for choice in choices]
            flags = [Value(one[0]) for one in ones]
            taken[nodes] = dot(flags, choices)
            inputs += flags
            columns += ones
    operands = iter([taken[nodes] for nodes in referred])
    own: dict[Value, Value] = {}
    for v in first.nodes:
        own[v] = record(v.op, [own[x] if x in own else next(operands) for x in v.operands]) if v.operands else v
    return own[first.nodes[-1]] if own else next(operands), inputs, columns


@contextmanager
def _unseen() -> Iterator[None]:
    """Raise ValueError where code outside this package looks at a number, or compares, while a graph is recorded.

    What it decides then would be decided for all samples, and for good.
    """
    package, thread = __name__.partition(".")[0], threading.get_ident()
    slot = vars(Value)["data"]
    changed = {name: vars(Value).get(name) for name in ("__lt__", "__le__", "__gt__", "__ge__", "__bool__")}

    def look() -> None:
        frame = sys._getframe(2)  # where the number is looked at, under the property or the comparison
        name = frame.f_globals.get("__name__", "")
        if name.partition(".")[0] != package and threading.get_ident() == thread:
            raise ValueError(
                f"the model or its loss looks at a number in line {frame.f_lineno} of {frame.f_code.co_filename}: "
                "if it decides by it, its graph is not the same for every row, so it cannot be compiled. Train without "
                "compiled=True, or choose by maximum() or relu() and not by an `if`"
            )

    def data(v: Value) -> Any:
        look()
        return slot.__get__(v)

    def wrap(method: Any) -> Any:
        def looked(*operands: Any) -> Any:
            look()
            return method(*operands)

        return looked

    try:
        Value.data = property(data, slot.__set__)
        for name, method in changed.items():
            setattr(Value, name, wrap(method))
        Value.__eq__ = wrap(object.__eq__)  # type: ignore[method-assign]
        Value.__hash__ = object.__hash__  # type: ignore[method-assign]
        yield
    finally:
        Value.data = slot
        for name, method in changed.items():
            setattr(Value, name, method)
        del Value.__eq__, Value.__hash__
