"""Training on compiled programs: the same epochs as eager training, whole epochs at a time in C where that can be."""

import copyreg
import sys
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from random import Random
from typing import Any

from ..engine import UNREACHED, Value, topological_order
from ..nn.optim import SGD, Adam, Optimizer
from ..nn.training import Epoch
from ..ops import CONSTANT
from .program import Program

Rows = Sequence[Sequence[float]]
Loss = Callable[[Sequence[Any], Sequence[Any]], Value]
DATA, GRAD, CLASS = vars(Value)["data"], vars(Value)["grad"], vars(object)["__class__"]
RECORDING = threading.RLock()  # for it changes what all Values do, until it ends
AT_ONCE = 200_000_000  # instructions and products times rows in one call of C, about 0.1 s, so that Ctrl-C is heard


def compiled_epochs(
    model: Any,
    loss: Loss,
    optimizer: Optimizer,
    threshold: float | None,
    rows: Rows,
    targets: Sequence[float],
    epochs: int,
    batch_size: int,
    seed: int,
    step: Callable[[Rows, Sequence[float]], tuple[float, list[bool]]],
) -> Iterator[Epoch]:
    """Compile the loss of one sample, and return the epochs of a training with it.

    What a target chooses is part of the graph, so there is a program for each shape that the graph takes. The arguments
    are those of `train`, as it understood them. Parameters that the optimiser does not have stay as they are; above the
    threshold one output means class 1, and it is None where the targets are no classes; `step` does the same for one
    batch eagerly, where the programs fail.

    Raises:
        ValueError: the model or the loss looks at a number while it is recorded, the loss is no such mean, or a number
            is not finite.
    """
    samples = Samples(model, loss, optimizer.parameters, threshold is not None, rows, targets)
    samples.compare(model, loss)
    native = type(optimizer) in (SGD, Adam) and "update" not in vars(optimizer)
    native = native and all(type(p) is Value for p in optimizer.parameters)
    kind = _InC if native and all(p.backend == "c" for p in samples.programs) else _InPython
    training = kind(samples, optimizer, threshold or 0.0, batch_size, seed, step)
    return training.epochs(epochs, threshold is not None)


class Samples:
    """The samples, the programs for them, and which program each sample takes."""

    def __init__(
        self, model: Any, loss: Loss, parameters: list[Value], scored: bool, rows: Rows, targets: Sequence[float]
    ) -> None:
        self.rows, self.targets, self.parameters = rows, targets, parameters
        x = [Value(number, f"x{i}") for i, number in enumerate(rows[0], start=1)]
        with RECORDING, _unseen():
            output = model(x)
            graphs = {target: loss([output], [target]) for target in dict.fromkeys(targets)}
        self.scores = scores = output if isinstance(output, list | tuple) else [output]
        known = dict.fromkeys([*x, *parameters, *(v for score in scores for v in topological_order(score))])
        given = {*x, *parameters}
        held = [v for v in known if not v.operands and v.op is not CONSTANT and v not in given]
        places = {v: i for i, v in enumerate(known)}
        shapes: dict[Any, list[tuple[float, Value, list[Value]]]] = {}
        for target, graph in graphs.items():
            shape, leaves = _above(graph, places)
            shapes.setdefault(shape, []).append((target, graph, leaves))
        self.programs: list[Program] = []
        self.graphs: list[tuple[Value, list[Value]]] = []  # what each program computes: the loss, from which inputs
        self.reached: list[bytes] = []  # for each program, which of the parameters are in its graph
        ends: dict[float, tuple[int, Sequence[float]]] = {}  # of each target: its program, and the end of its rows
        for kind, alike in enumerate(shapes.values()):
            columns = list(zip(*([v.data for v in leaves] for _, _, leaves in alike), strict=True))
            _, graph, leaves = alike[0]
            free = [j for j, v in enumerate(leaves) if v.op is not CONSTANT or len(set(columns[j])) > 1]
            for i, (target, *_) in enumerate(alike):
                ends[target] = kind, [columns[j][i] for j in free]
            inputs = [*x, *held, *(leaves[j] for j in free)]
            self.graphs.append((graph, inputs))
            program = Program([graph, *scores] if scored else [graph], inputs, parameters)
            self.programs.append(program)
            self.reached.append(bytes(isinstance(g, str) for g in program.lowered.gradients))
        middle = [float(v.data) for v in held]
        self.kinds = [ends[target][0] for target in targets]
        self.numbers = [[*row, *middle, *ends[y][1]] for row, y in zip(rows, targets, strict=True)]
        for i, numbers in enumerate(self.numbers):
            if not all(map(isfinite, numbers)):
                raise ValueError(f"sample {i} has a number that is not finite, or its target {targets[i]}")

    def compute(self, batch: Sequence[int]) -> Iterator[tuple[list[int], Any, Any, bytes]]:
        """Yield, for each program that samples of a batch take: which, outputs, gradient, and the parameters it has."""
        numbers = array("d", [p.data for p in self.parameters])
        for kind, program in enumerate(self.programs):
            some = [i for i in batch if self.kinds[i] == kind]
            if some:
                outputs, gradient = program.value_and_grad([self.numbers[i] for i in some], numbers)
                yield some, outputs, gradient, self.reached[kind]

    def compare(self, model: Any, loss: Loss) -> None:
        """Raise ValueError unless the loss of some samples is the mean of their losses."""
        few = range(min(len(self.rows), 4))
        eager = loss([model(self.rows[i]) for i in few], [self.targets[i] for i in few]).data
        compiled = sum(out[0] for _, outputs, *_ in self.compute(few) for out in outputs) / len(few)
        if abs(eager - compiled) > 1e-9 * max(1.0, abs(eager)):
            raise ValueError(
                f"this loss is {eager:.6g} for {len(few)} samples but {compiled:.6g} as the mean over them: only a "
                "mean over the samples can be compiled"
            )


class _InPython:
    """Training in which only losses and gradients are compiled."""

    def __init__(
        self, samples: Samples, optimizer: Optimizer, threshold: float, batch_size: int, seed: int, step: Any
    ) -> None:
        self.samples, self.optimizer, self.threshold, self.step = samples, optimizer, threshold, step
        self.batch_size, self.rng, self.order = batch_size, Random(seed), list(range(len(samples.rows)))

    def epochs(self, count: int, scored: bool) -> Iterator[Epoch]:
        n = len(self.order)
        for epoch in range(1, count + 1):
            try:
                loss, right = self.run()
            except OverflowError as error:
                raise OverflowError(f"training diverged in epoch {epoch}; try a smaller lr: {error}") from None
            yield Epoch(epoch, loss / n, right / n if scored else None)

    def run(self) -> tuple[float, int]:
        """Run through the samples once; return the sum of their losses, and how many were right."""
        self.rng.shuffle(self.order)
        loss, right = 0.0, 0
        for start in range(0, len(self.order), self.batch_size):
            batch = self.order[start : start + self.batch_size]
            try:
                losses, hits = self.compiled_step(batch)
            except (ValueError, ArithmeticError):
                losses, hits = self.eager_step(batch)
            loss, right = loss + losses, right + hits
        return loss, right

    def eager_step(self, batch: Sequence[int]) -> tuple[float, int]:
        value, right = self.step([self.samples.rows[i] for i in batch], [self.samples.targets[i] for i in batch])
        return value * len(batch), sum(right)

    def compiled_step(self, batch: Sequence[int]) -> tuple[float, int]:
        loss, right, parameters = 0.0, 0, self.samples.parameters
        gradients: list[float | None] = [None] * len(parameters)
        for some, outputs, gradient, reached in self.samples.compute(batch):
            loss += sum(out[0] for out in outputs)
            right += sum(self.is_right(out[1:], self.samples.targets[i]) for i, out in zip(some, outputs, strict=True))
            for j, g in enumerate(gradient):
                if reached[j]:
                    gradients[j] = (gradients[j] or 0.0) + g
        self.optimizer.zero_grad()
        for p, g in zip(parameters, gradients, strict=True):
            if g is not None:
                p.grad = g / len(batch)
        self.optimizer.step()
        return loss, right

    def is_right(self, scores: list[float], target: float) -> bool:
        if len(scores) > 1:
            return max(range(len(scores)), key=scores.__getitem__) == target
        return bool(scores) and (scores[0] > self.threshold) == (target > self.threshold)


class _InC(_InPython):
    """Training of which whole epochs are run by the evaluator.

    Parameters and state stay there until somebody looks at one: to give them after each epoch, and take them again,
    would last twice as long as an epoch of a hundred samples.
    """

    def __init__(
        self, samples: Samples, optimizer: Optimizer, threshold: float, batch_size: int, seed: int, step: Any
    ) -> None:
        super().__init__(samples, optimizer, threshold, batch_size, seed, step)
        tapes, n, m = [p.tape for p in samples.programs], len(samples.rows), len(samples.parameters)
        width = max(map(len, samples.numbers))
        self.arrays: dict[str, Any] = {
            "tapes": array("q", [tape.address for tape in tapes]),
            "reached": array("b", b"".join(samples.reached)),
            "kinds": array("i", samples.kinds),
            "X": array("d", [x for row in samples.numbers for x in [*row, *[0.0] * (width - len(row))]]),
            "targets": array("d", samples.targets),
            **{name: array("d", bytes(8 * m)) for name in ("P", "first", "second")},
            "times": array("i", bytes(4 * m)),
            "random": array("I", self.rng.getstate()[1]),
            "order": array("i", self.order),
            "chosen": array("i", bytes(4 * n)),
            "there": array("b", bytes(m)),
            "room": array("d", bytes(8 * (6 * m + n * tapes[0].results))),
            "settings": array("d", [0.0, 0.0, 0.0, 0.0, 0.0, threshold, 0.0]),  # the last is the sum of losses
        }
        addresses = [x.buffer_info()[0] for x in self.arrays.values()]
        self.adam = isinstance(optimizer, Adam)
        counts = len(tapes), width, n, min(batch_size, n), m, self.adam, 0  # the last is how many were right
        self.struct = array("q", [*addresses, *counts])
        self.train, self.tapes = tapes[0].library.train, tapes
        self.batches = -(-n // batch_size)
        self.at_once = max(1, AT_ONCE // (batch_size * max(tape.work for tape in tapes)))
        self.given, self.lock = True, threading.RLock()
        self.objects = [*samples.parameters, optimizer]
        self.home = [*[Value] * m, type(optimizer)]
        value, other = _until_seen(Value, self.give, "data", "grad"), _until_seen(type(optimizer), self.give, "state")
        self.away = [*[value] * m, other]

    def epochs(self, count: int, scored: bool) -> Iterator[Epoch]:
        try:
            yield from super().epochs(count, scored)
        finally:
            if not self.given:
                self.give()

    def take(self) -> bool:
        """Take the optimiser's settings, and parameters and state if they were given: then they may have changed."""
        optimizer, arrays, given = self.optimizer, self.arrays, self.given
        if given:
            arrays["P"][:] = array("d", [p.data for p in self.samples.parameters])
            columns = zip(*optimizer.state, strict=True) if self.adam else [optimizer.state]
            for name, column in zip(("first", "second", "times"), columns, strict=False):
                arrays[name][:] = array(arrays[name].typecode, column)
        own = (*optimizer.betas, optimizer.eps) if isinstance(optimizer, Adam) else (optimizer.momentum, 0, 0)  # type: ignore
        arrays["settings"][:5] = array("d", [optimizer.lr, optimizer.weight_decay, *own])
        return given

    def give(self) -> None:
        """Give parameters and optimiser what the steps so far came to; if it is interrupted, the next look does it."""
        arrays = self.arrays
        with self.lock:
            gradient = zip(arrays["room"], arrays["there"], strict=False)  # of the last batch
            deque(map(GRAD.__set__, self.objects, [g if reached else UNREACHED for g, reached in gradient]), 0)
            state = zip(arrays["first"], arrays["second"], arrays["times"], strict=True)
            vars(self.optimizer)["state"] = list(state) if self.adam else arrays["first"].tolist()
            deque(map(DATA.__set__, self.objects, arrays["P"].tolist()), 0)
            self.given = True
            deque(map(CLASS.__set__, self.objects, self.home), 0)

    def run(self) -> tuple[float, int]:
        """Run through the samples once; return the sum of their losses, and how many were right."""
        taken, loss, right, address = 0, 0.0, 0, self.struct.buffer_info()[0]
        while taken < self.batches:
            given, to = self.take(), min(self.batches, taken + self.at_once)
            with self.lock:  # whoever looks at a number now waits
                if self.given and not given:  # somebody was quicker
                    continue
                if given:
                    deque(map(CLASS.__set__, self.objects, self.away), 0)
                    self.given = False
                taken = self.train(address, taken, to)
                if taken < to:  # that batch has no gradient
                    self.arrays["there"][:] = array("b", bytes(len(self.samples.parameters)))
            if taken < to:  # it fails: the engine says why, or does better
                start = taken * self.batch_size
                losses, hits = self.eager_step(self.arrays["order"][start : start + self.batch_size])
                loss, right, taken = loss + losses, right + hits, taken + 1
        return loss + self.arrays["settings"][-1], right + self.struct[-1]


def _until_seen(kind: type, give: Callable[[], None], *names: str) -> type:
    """Return the class of objects whose attributes are elsewhere: to look calls `give`, which makes them `kind`."""

    def attribute(name: str) -> property:
        def get(x: Any) -> Any:
            give()
            return getattr(x, name)

        def put(x: Any, new: Any) -> None:
            give()
            setattr(x, name, new)

        return property(get, put)

    def reduce(x: Any, protocol: Any) -> Any:  # for copy and pickle
        give()
        return copyreg.dispatch_table[kind](x) if kind in copyreg.dispatch_table else x.__reduce_ex__(protocol)

    looked = {name: attribute(name) for name in names}
    return type(kind.__name__, (kind,), {"__slots__": (), **looked, "__reduce_ex__": reduce})


# -------------------- recording --------------------


def _above(graph: Value, places: dict[Value, int]) -> tuple[Any, list[Value]]:
    """Return what a graph computes of nodes that have places, whatever its numbers; and the leaves it adds."""
    own: dict[Value, int] = {}
    shape, stack = [], [graph]
    while stack:
        v = stack[-1]
        rest = [x for x in v.operands if x not in places and x not in own]
        stack += rest[:1]
        if not rest:
            stack.pop()
            if v not in places and v not in own:
                own[v] = len(places) + len(own)
                shape.append((v.op.name, *(own[x] if x in own else places[x] for x in v.operands)))
    return (places.get(graph), *shape), [v for v in own if not v.operands]


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
