"""Training on compiled programs: the same epochs as eager training, whole epochs at a time in C where that can be."""

import copyreg
import ctypes
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from random import Random
from typing import Any

from ..engine import UNREACHED, Value
from ..nn.optim import SGD, Adam, Optimizer
from ..nn.training import Epoch
from .samples import Loss, Rows, Samples

DATA, GRAD, CLASS = vars(Value)["data"], vars(Value)["grad"], vars(object)["__class__"]
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

    The arguments are those of `train`, as it understood them. Parameters that the optimiser does not have stay as they
    are; above the threshold one output means class 1, and it is None where the targets are no classes; `step` does the
    same for one batch eagerly, where the programs fail.

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


class _InPython:
    """Training in which only losses and gradients are compiled."""

    given = True  # whether parameters and optimiser have what the steps so far came to

    def __init__(
        self, samples: Samples, optimizer: Optimizer, threshold: float, batch_size: int, seed: int, step: Any
    ) -> None:
        self.samples, self.optimizer, self.threshold, self.step = samples, optimizer, threshold, step
        self.batch_size, self.rng, self.order = batch_size, Random(seed), list(range(len(samples.rows)))

    def epochs(self, count: int, scored: bool) -> Iterator[Epoch]:
        n = len(self.order)
        try:
            for epoch in range(1, count + 1):
                if self.samples.held:
                    self.samples.look_again()
                try:
                    loss, right = self.run()
                except OverflowError as error:
                    raise OverflowError(f"training diverged in epoch {epoch}; try a smaller lr: {error}") from None
                yield Epoch(epoch, loss / n, right / n if scored else None)
        finally:
            if not self.given:
                self.give()

    def give(self) -> None:
        """Give parameters and optimiser what the steps so far came to: here they have it."""

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
        self.arrays: dict[str, Any] = {
            "tapes": array("q", [tape.address for tape in tapes]),
            "reached": array("b", b"".join(samples.reached)),
            "kinds": array("i", samples.kinds),
            "X": samples.numbers,
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
        self.settings_of = attrgetter("lr", "weight_decay", *(["betas", "eps"] if self.adam else ["momentum"]))
        self.settings: tuple[Any, ...] = ()  # those that the array has
        counts = len(tapes), samples.width, n, min(batch_size, n), m, self.adam, 0  # the last is how many were right
        self.struct = array("q", [*addresses, *counts])
        self.address = ctypes.c_void_p(self.struct.buffer_info()[0])
        self.train, self.tapes = tapes[0].library.train, tapes
        self.batches = -(-n // batch_size)
        self.at_once = max(1, AT_ONCE // (batch_size * max(1, *(tape.work for tape in tapes))))
        self.given, self.lock = True, threading.RLock()
        self.objects = [*samples.parameters, optimizer]
        self.home = [*[Value] * m, type(optimizer)]
        value, other = _until_seen(Value, self.give, "data", "grad"), _until_seen(type(optimizer), self.give, "state")
        self.away = [*[value] * m, other]

    def take(self) -> bool:
        """Take the optimiser's settings, and parameters and state if they were given: then they may have changed."""
        optimizer, arrays, given = self.optimizer, self.arrays, self.given
        if given:
            arrays["P"][:] = array("d", [p.data for p in self.samples.parameters])
            columns = zip(*optimizer.state, strict=True) if self.adam else [optimizer.state]
            for name, column in zip(("first", "second", "times"), columns, strict=False):
                arrays[name][:] = array(arrays[name].typecode, column)
        if (settings := self.settings_of(optimizer)) != self.settings:
            lr, decay, *own = settings
            own = [*own[0], own[1]] if self.adam else [*own, 0.0, 0.0]
            arrays["settings"][:5] = array("d", [lr, decay, *own])
            self.settings = settings
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
        taken, loss, right = 0, 0.0, 0
        while taken < self.batches:
            given, to = self.take(), min(self.batches, taken + self.at_once)
            with self.lock:  # whoever looks at a number now waits
                if self.given and not given:  # somebody was quicker
                    continue
                if given:
                    deque(map(CLASS.__set__, self.objects, self.away), 0)
                    self.given = False
                taken = self.train(self.address, taken, to)
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
