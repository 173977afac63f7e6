"""Training: run through the data again and again, and let an optimiser follow the gradient of the loss.

model = MLP(2, [16, 16, 1])
for epoch, loss, accuracy in train(model, moons()):
    print(epoch, loss, accuracy)
"""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from random import Random
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, TypedDict, Unpack

from .. import ops
from ..engine import Value
from . import losses
from .datasets import Dataset
from .losses import LOSSES, Loss, Output
from .optim import OPTIMIZERS, Optimizer

Rows: TypeAlias = Sequence[Sequence[float]]
Judge: TypeAlias = Callable[[Sequence[Output | float], Sequence[float]], list[bool]]
Step: TypeAlias = Callable[[Rows, Sequence[float]], tuple[float, list[bool]]]

EPOCHS = 50
BATCH_SIZE = 10
AS_LONG_AS_COMPILING = 40  # samples, trained eagerly; 27 to 42 were measured, for 17 to 2,442 parameters
LEARNING_RATES = {"sgd": 0.1, "adam": 0.01}


class Model(Protocol):
    """What can be trained: it turns a row of features into a Value or a list of them, and has parameters."""

    def __call__(self, row: Any, /) -> Output:
        """Return the output for a row."""

    def parameters(self) -> list[Value]:
        """Return what training changes."""


class Epoch(NamedTuple):
    """What one run through the data came to, measured on each batch just before its step."""

    epoch: int  # from 1
    loss: float  # the mean over all samples
    accuracy: float | None  # the share of samples whose class was right; None where the targets are no classes


class Batch(NamedTuple):
    """What makes one update."""

    model: Model
    epoch: int  # from 1
    number: int  # in the epoch, from 1
    samples: list[int]  # their positions in the data
    rows: list[Sequence[float]]
    targets: list[float]  # as the loss takes them
    loss: Loss


Watch: TypeAlias = Callable[[Batch], AbstractContextManager[object]]


class Options(TypedDict, total=False):
    """The options of `train` and `fit`."""

    loss: str | Loss | None
    optimizer: str | Optimizer
    lr: float | None
    epochs: int
    batch_size: int | None
    seed: int
    compiled: bool | Literal["auto"]
    watch: Watch | None


def train(
    model: Model,
    data: Dataset | Rows,
    targets: Sequence[float] | None = None,
    *,
    loss: str | Loss | None = None,
    optimizer: str | Optimizer = "adam",
    lr: float | None = None,
    epochs: int = EPOCHS,
    batch_size: int | None = BATCH_SIZE,
    seed: int = 0,
    compiled: bool | Literal["auto"] = False,
    watch: Watch | None = None,
) -> Iterator[Epoch]:
    """Train the model, and yield what each epoch came to.

    The generator may be left at any point, also by Ctrl-C: the model keeps the parameters of the last whole step.
    Whether a class is right, `class_of` says, with the threshold that `threshold_for` finds.

    Args:
        model: an MLP, or whatever else turns a row into a Value or a list of Values and has `parameters()`.
        data: a Dataset, or rows of features.
        targets: class numbers from 0, -1 and +1, or numbers to come close to; left out for a Dataset.
        loss: a name in LOSSES, or a function of the outputs and targets of a batch that returns one Value. None takes
            cross-entropy for several outputs; for one output binary cross-entropy for targets 0 and 1, hinge for -1
            and +1, and mean squared error for others or behind a sigmoid. "hinge" takes targets 0 for -1.
        optimizer: "adam", "sgd", or one made from the model's parameters.
        lr: the learning rate; None takes 0.01 for adam and 0.1 for sgd.
        epochs: how often to run through the data.
        batch_size: how many samples make one step; None takes all of them.
        seed: for the order of the samples, which are shuffled in each epoch.
        compiled: whether to compile the loss first, and then train with that: the same losses, but for rounding,
            hundreds to thousands of times faster. To compile takes as long as forty samples do otherwise, and once on a
            machine a second or two for C. The loss must be a mean over the samples. "auto" compiles where it pays,
            and warns where it would but cannot be done.
        watch: a Recording, which keeps every update, or what else returns a context in which a batch's update is made.

    Raises:
        ValueError: an unknown name, no samples, rows of unequal length, unfit targets, or an option out of range.
        OverflowError: training diverged; the model is as before that step.
    """
    rows, wanted, measure, threshold = task(model, data, targets, loss)
    judge: Judge | None = None if threshold is None else partial(_are_right, threshold=threshold)
    batch_size = len(rows) if batch_size is None else batch_size
    for name, count in ("epochs", epochs), ("batch_size", batch_size):
        if not hasattr(count, "__index__") or count < 1:
            raise ValueError(f"{name} must be a whole number from 1, not {count!r}")
    found = _find_optimizer(optimizer, model, lr)
    step: Step = partial(_step, model, measure, found, judge)
    if compiled not in (True, False, "auto"):
        raise ValueError(f"compiled must be True, False or 'auto', not {compiled!r}")
    pays = watch is None and epochs * len(rows) > AS_LONG_AS_COMPILING
    if compiled and (compiled != "auto" or pays):
        if watch is not None:
            raise ValueError("a compiled training does not stop at each update to be watched: leave out compiled")
        from ..compiler.batch import compiled_epochs

        try:
            return compiled_epochs(model, measure, found, threshold, rows, wanted, epochs, batch_size, seed, step)
        except (TypeError, ValueError) as error:
            if compiled != "auto":
                raise
            warnings.warn(f"this training is not compiled: {error}", RuntimeWarning, stacklevel=2)
    return _epochs(step, rows, wanted, epochs, batch_size, Random(seed), watch, model, measure)


class Task(NamedTuple):
    """What is to be learnt, as training understands it."""

    rows: list[Sequence[float]]
    targets: list[float]  # as the loss takes them
    loss: Loss
    threshold: float | None  # above it one output means class 1; None where the targets are no classes


def task(
    model: Model, data: Dataset | Rows, targets: Sequence[float] | None = None, loss: str | Loss | None = None
) -> Task:
    """Return what a model learns from data; arguments and errors are those of `train`."""
    rows, wanted = _samples(data, targets)
    output = model(rows[0])
    outputs = len(output) if isinstance(output, Sequence) else 1
    if loss is None and isinstance(data, Dataset) and max(outputs, 2) != len(data.class_names):
        raise ValueError(f"{data.name} has {len(data.class_names)} classes, so the model needs as many outputs")
    labelled = _are_labels(wanted, outputs)
    measure = _find_loss(loss, output, labelled, -1 in wanted)
    if measure is losses.hinge and labelled:
        wanted = [1 if y == 1 else -1 for y in wanted]
    if measure in LOSSES.values():  # an unfit target is found now
        different = list(dict.fromkeys(wanted))
        try:
            measure([output] * len(different), different)
        except ValueError:
            measure([output] * len(rows), wanted)  # which says its place in the data
            raise
    return Task(rows, wanted, measure, threshold_for(output, measure, wanted) if labelled else None)


def fit(
    model: Model, data: Dataset | Rows, targets: Sequence[float] | None = None, **options: Unpack[Options]
) -> list[Epoch]:
    """Train the model with a progress bar on standard error, and return the epochs.

    Arguments and errors are those of `train`. Ctrl-C ends it quietly: the whole epochs so far are returned, and the
    model keeps the parameters of the last whole step.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    epochs, done = train(model, data, targets, **options), []
    total = options.get("epochs", EPOCHS)
    columns = "epoch", BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn()
    console = Console(stderr=True)
    try:
        threads = sys.platform != "emscripten"  # in a browser there are none to move the bar with
        with Progress(*columns, console=console, auto_refresh=threads) as progress:
            task = progress.add_task("", total=total)
            for epoch in epochs:
                done.append(epoch)
                share = "" if epoch.accuracy is None else f"  accuracy {epoch.accuracy:.1%}"
                progress.update(task, advance=1, description=f"loss {epoch.loss:.4f}{share}")
    except KeyboardInterrupt:
        console.print(
            f"Stopped after {len(done)} of {total} epochs; the model keeps its last whole step.", highlight=False
        )
    return done


def class_of(output: Output | float, threshold: float = 0.0) -> int:
    """Return the class that an output stands for: the place of the largest of several, or 1 above the threshold."""
    if isinstance(output, Sequence) and len(output) > 1:
        return max(range(len(output)), key=output.__getitem__)
    return int(losses.single(output) > threshold)  # type: ignore[arg-type]


def threshold_for(output: Output | float, loss: str | Loss | None = None, targets: Sequence[float] = (0, 1)) -> float:
    """Return above which number the one output of a model stands for class 1.

    It is 0.5 for an output of a sigmoid, and for one that is trained with mean squared error to come close to 0 and 1;
    for all others 0.

    Args:
        output: what the model returns for some row.
        loss: what it was trained with, as in `train`.
        targets: of all samples.
    """
    if isinstance(output, Sequence) and len(output) > 1:
        return 0.0
    single = losses.single(output)  # type: ignore[arg-type]
    squared = loss in ("mean_squared_error", losses.mean_squared_error) and -1 not in targets
    return 0.5 if squared or (isinstance(single, Value) and single.op is ops.sigmoid) else 0.0


def accuracy(outputs: Sequence[Output | float], targets: Sequence[float], threshold: float | None = None) -> float:
    """Return the share of outputs that give the class of their target, from 0 to 1.

    An output is a list with one Value for each class, of which the largest counts, or one Value, which is right if it
    and the target are on the same side of the threshold; None takes 0.5 for outputs of a sigmoid, else 0.

    Raises:
        ValueError: not as many targets as outputs, or none.
    """
    if not outputs or len(outputs) != len(targets):
        raise ValueError(f"a target for each output is needed, not {len(targets)} targets for {len(outputs)}")
    if threshold is None:
        threshold = threshold_for(outputs[0])
    return sum(_are_right(outputs, targets, threshold)) / len(outputs)


# -------------------- helpers --------------------


def _epochs(
    step: Step,
    rows: Rows,
    targets: Sequence[float],
    epochs: int,
    batch_size: int,
    rng: Random,
    watch: Watch | None,
    model: Model,
    loss_function: Loss,
) -> Iterator[Epoch]:
    order = list(range(len(rows)))
    for epoch in range(1, epochs + 1):
        rng.shuffle(order)
        loss_sum, right = 0.0, []
        for number, start in enumerate(range(0, len(order), batch_size), start=1):
            batch = order[start : start + batch_size]
            batch_rows, batch_targets = [rows[i] for i in batch], [targets[i] for i in batch]
            watched = watch and watch(Batch(model, epoch, number, batch, batch_rows, batch_targets, loss_function))
            try:
                with watched or nullcontext():
                    loss, batch_right = step(batch_rows, batch_targets)
            except OverflowError as error:
                raise OverflowError(f"training diverged in epoch {epoch}; try a smaller lr: {error}") from None
            loss_sum += loss * len(batch)
            right += batch_right
        yield Epoch(epoch, loss_sum / len(rows), sum(right) / len(right) if right else None)


def _step(
    model: Model, loss: Loss, optimizer: Optimizer, judge: Judge | None, rows: Rows, targets: Sequence[float]
) -> tuple[float, list[bool]]:
    """Take one step; return the loss before it and whether each sample's class was right. Its graph is freed then."""
    outputs = [model(row) for row in rows]
    value = loss(outputs, targets)
    if not isinstance(value, Value):
        raise TypeError(f"a loss returns one Value, not {value!r}")
    optimizer.zero_grad()
    value.backward()
    before = value.data, judge(outputs, targets) if judge else []  # for an output may be a parameter itself
    optimizer.step()
    return before


def _are_right(outputs: Sequence[Output | float], targets: Sequence[float], threshold: float) -> list[bool]:
    """Return whether each output, a Value or number or a list of them, gives the class of its target."""
    return [
        class_of(output, threshold) == (y if isinstance(output, Sequence) and len(output) > 1 else y > threshold)
        for output, y in zip(outputs, targets, strict=True)
    ]


def _samples(data: Dataset | Rows, targets: Sequence[float] | None) -> tuple[list[Sequence[float]], list[float]]:
    if isinstance(data, Dataset):
        if targets is not None:
            raise ValueError("a Dataset brings its own targets")
        return list(data.rows), list(data.targets)
    if targets is None:
        raise ValueError("the targets are missing: write train(model, rows, targets) or train(model, dataset)")
    rows = list(data)
    if not rows or len(rows) != len(targets):
        raise ValueError(f"a target for each row and at least one row are needed, not {len(targets)} for {len(rows)}")
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"row {i} has length {len(row)}, row 0 has {len(rows[0])}")
    return rows, list(targets)


def _are_labels(targets: Sequence[float], outputs: int) -> bool:
    kinds: list[Sequence[int]] = [range(outputs)] if outputs > 1 else [(0, 1), (-1, 1)]
    return any(all(y in kind for y in targets) for kind in kinds)


def _find_loss(loss: str | Loss | None, output: Output, labelled: bool, signed: bool) -> Loss:
    if callable(loss):
        return loss
    if loss is None:
        if isinstance(output, Sequence) and len(output) > 1:
            return losses.cross_entropy
        if not labelled or losses.single(output).op is ops.sigmoid:
            return losses.mean_squared_error
        return losses.hinge if signed else losses.binary_cross_entropy
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}; choose from {', '.join(LOSSES)}, or pass a function")
    return LOSSES[loss]


def _find_optimizer(optimizer: str | Optimizer, model: Model, lr: float | None) -> Optimizer:
    if isinstance(optimizer, Optimizer):
        if lr is not None:
            raise ValueError("the optimiser has its lr already: leave lr out, or name the optimiser")
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"unknown optimizer {optimizer!r}; choose from {', '.join(OPTIMIZERS)}, or pass one you made")
    return OPTIMIZERS[optimizer](model.parameters(), LEARNING_RATES[optimizer] if lr is None else lr)
