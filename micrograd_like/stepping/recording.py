"""A recorded training, which can be asked later why a parameter is what it is.

    run = Recording(model)
    fit(model, data, watch=run)
    print(run.why("w2[3→1]"))

Kept are the parameters before and after each update. The graph of an update is made again from them when it is asked
for, with the very same numbers.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from ..checks import made_at
from ..engine import Value, topological_order
from ..escape import one_line
from ..files import read_json, write_whole
from ..formulas import TEXT
from ..graph.sources import record_sources
from ..graph.steps import BackwardStep
from ..nn.losses import LOSSES, Loss
from ..nn.storage import build, check_number, describe
from ..nn.training import Batch, Model
from ..notation.names import find
from ..notation.numbers import show
from .stepper import Stepper

FORMAT, VERSION = "micrograd_like.Recording", 1
MOST = 3  # samples that an answer names


class Update(NamedTuple):
    """One move of gradient descent: which samples made it, and the parameters before and after."""

    epoch: int  # from 1
    batch: int  # from 1 in each epoch
    samples: list[int]  # their positions in the data, from 0
    before: tuple[Any, ...]
    after: tuple[Any, ...]


@dataclass(frozen=True)
class Why:
    """How a parameter moved in one update, and which samples moved it along which paths."""

    name: str
    update: Update
    number: int  # of the update, from 1
    of: int  # how many updates there are
    before: Any
    after: Any
    gradient: Any
    samples: list[tuple[int, Any]]  # position in the data and contribution, the largest first
    shared: Any  # what came through nodes that are of no single sample, such as a penalty on the weights
    path: list[BackwardStep]  # from the loss to the parameter, the largest product of the first sample's
    product: Any  # along the path

    def __str__(self) -> str:
        """Return the answer in a few lines."""
        u = self.update
        lines = [
            f"{one_line(self.name)} moved most in epoch {u.epoch}, batch {u.batch}, update {self.number} of {self.of}: "
            f"from {show(self.before)} by {show(self.after - self.before)} to {show(self.after)}",
            f"its gradient there was {show(self.gradient)}, the sum over {len(u.samples)} samples:",
        ]
        lines += [f"    sample {i}: {show(x)}" for i, x in self.samples[:MOST]]
        if rest := self.samples[MOST:]:
            lines.append(f"    and {show(sum(x for _, x in rest))} from the other {len(rest)}")
        if self.shared:
            lines.append(f"    and {show(self.shared)} through what is of no single sample")
        if self.path:
            lines.append(f"of sample {self.samples[0][0]} most came along")
            names = [self.path[0].output, *(s.operand_name for s in self.path)]
            lines.append(f"    {' <- '.join(map(one_line, names))}")
            lines.append(f"    {TEXT.product([show(s.local) for s in self.path])} = {show(self.product)}")
            made = ((one_line(s.name), made_at(s.node)) for s in self.path)
            lines += dict.fromkeys(f"    {name} was {where}" for name, where in made if where)
        return "\n".join(lines)


class Recording:
    """The updates of a training: `run = Recording(model)`, and `fit(model, data, watch=run)`.

    Where a second training of the model on the same data goes on, its epochs are counted on.
    """

    def __init__(self, model: Model) -> None:
        """Keep a copy of the model; the parameters it has then do not matter."""
        self._model, self.parameters = model, model.parameters()
        self.updates: list[Update] = []
        self._kept = deepcopy(model)
        self._data: dict[int, tuple[Sequence[float], float]] = {}  # position -> row and target
        self._loss: Loss | None = None
        self._earlier = 0  # epochs of the trainings before this one

    @contextmanager
    def __call__(self, batch: Batch) -> Iterator[None]:
        """Record an update, which is made within this context; one that fails is not recorded.

        Raises:
            ValueError: it is of another model, loss or data than those before; nothing is recorded.
        """
        samples = dict(zip(batch.samples, zip(batch.rows, batch.targets, strict=True), strict=True))
        known = {i: self._data[i] for i in samples.keys() & self._data.keys()}
        other = {
            "another model": batch.model is not self._model,
            "another loss": self._loss not in (None, batch.loss),
            "other data": any((*row, y) != (*samples[i][0], samples[i][1]) for i, (row, y) in known.items()),
        }
        if found := [what for what, is_so in other.items() if is_so]:
            raise ValueError(f"this recording is of {found[0]}: make another Recording(model) for this training")
        before = tuple([p.data for p in self.parameters])
        yield
        after = tuple([p.data for p in self.parameters])
        last = self.updates[-1] if self.updates else None
        if last and (self._earlier + batch.epoch, batch.number) <= (last.epoch, last.batch):  # another training
            self._earlier = last.epoch
        epoch = self._earlier + batch.epoch
        self.updates.append(Update(epoch, batch.number, list(batch.samples), before, after))
        self._data.update(samples)
        self._loss = batch.loss

    # -------------------- asking --------------------

    def goto(self, epoch: int, batch: int = 1) -> Stepper:
        """Return a cursor over the backward pass of an update, on a graph that is made again with the same numbers.

        Raises:
            ValueError: there was no such update.
        """
        return self._replay(self._find(epoch, batch))[0]

    def why(self, parameter: str | Value, epoch: int | None = None) -> Why:
        """Return which update moved a parameter most, in all or in one epoch, and what made it do so.

        Raises:
            ValueError: there is no such parameter, or there was no such epoch.
        """
        names = {p: p.label or f"parameter {i}" for i, p in enumerate(self.parameters)}
        place = self.parameters.index(find(parameter, names, what="parameter"))
        if epoch is not None:
            self._find(epoch, 1)
        asked = [k for k, u in enumerate(self.updates) if epoch in (None, u.epoch)]
        if not asked:
            raise ValueError("no update was recorded: fit(model, data, watch=run) records them")
        k = max(asked, key=lambda k: abs(self.updates[k].after[place] - self.updates[k].before[place]))
        update = self.updates[k]
        s, leaves, owner = self._replay(k)
        leaf = leaves[place]
        steps = [s.steps[i - 1] for i in s.contributions(leaf)] if leaf in s.names else []
        by_sample: dict[int | None, list[BackwardStep]] = {}
        for each in steps:
            by_sample.setdefault(owner.get(each.node), []).append(each)
        shared = sum(each.contribution for each in by_sample.pop(None, ()))
        samples = [(i, sum(each.contribution for each in made)) for i, made in by_sample.items() if i is not None]
        samples.sort(key=lambda pair: -abs(pair[1]))
        path: list[BackwardStep] = []
        if samples:
            path = strongest_path(s, max(by_sample[samples[0][0]], key=lambda each: abs(each.contribution)))
        return Why(
            name=names[self.parameters[place]],
            update=update,
            number=k + 1,
            of=len(self.updates),
            before=update.before[place],
            after=update.after[place],
            gradient=steps[-1].after if steps else 0.0,
            samples=samples,
            shared=shared,
            path=path,
            product=prod([each.local for each in path]),
        )

    def _find(self, epoch: int, batch: int) -> int:
        for k, update in enumerate(self.updates):
            if (update.epoch, update.batch) == (epoch, batch):
                return k
        last = self.updates[-1] if self.updates else None
        there = f"epochs 1 to {last.epoch}, batches 1 to {max(u.batch for u in self.updates)}" if last else "none"
        raise ValueError(f"no update was recorded as batch {batch} of epoch {epoch}: there are {there}")

    def _replay(self, k: int) -> tuple[Stepper, list[Value], dict[Value, int | None]]:
        """Return a cursor over the graph of an update, its parameters, and the sample of each node that is of one."""
        update, model = self.updates[k], deepcopy(self._kept)
        for p, x in zip(model.parameters(), update.before, strict=True):
            p.data = x
        rows, targets = zip(*(self._data[i] for i in update.samples), strict=True)
        assert self._loss is not None
        with record_sources():
            outputs = [model(row) for row in rows]
            loss = self._loss(outputs, list(targets))
        here = loss.source
        loss.label = loss.label or "loss"
        s = Stepper(loss)
        for v in s.nodes:
            if getattr(v, "source", None) == here:  # this package's, not somebody's own model or loss
                del v.source
        owner: dict[Value, int | None] = {}
        for i, output in zip(update.samples, outputs, strict=True):
            tops = [output] if isinstance(output, Value) else output
            for v in {v for top in tops for v in topological_order(top)}:
                owner[v] = None if v in owner else i
        return s, model.parameters(), owner

    # -------------------- files --------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write the recording to a file, which is replaced as a whole.

        Raises:
            TypeError: the model is not an MLP.
            ValueError: the loss is a function of somebody's own, or nothing was recorded.
            OSError: the file cannot be written.
        """
        loss = next((name for name, function in LOSSES.items() if function is self._loss), None)
        if loss is None:
            raise ValueError(f"a recording is saved with a loss that has a name: {', '.join(LOSSES)}")
        document = {
            "format": FORMAT,
            "version": VERSION,
            "model": describe(self._kept),  # type: ignore[arg-type]
            "loss": loss,
            "data": [[i, list(row), target] for i, (row, target) in sorted(self._data.items())],
            "updates": [update._asdict() for update in self.updates],
        }
        write_whole(Path(path), (json.dumps(document, allow_nan=False) + "\n").encode())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Recording":
        """Read a recording that `save` wrote.

        Raises:
            OSError: the file cannot be read.
            ValueError: it holds no recording, or a damaged one.
        """
        document = read_json(path)
        try:
            if not isinstance(document, dict) or document.get("format") != FORMAT or document.get("version") != VERSION:
                raise ValueError(f"it does not say {FORMAT!r}, version {VERSION}")
            model = build(document["model"], Path(path))
            run = cls(model)
            run._loss = LOSSES[document["loss"]]
            for k, (i, row, target) in enumerate(document["data"]):
                if type(i) is not int or not isinstance(row, list) or len(row) != len(model.layers[0].neurons[0].w):
                    raise ValueError(f"data.{k} does not fit the model")
                for x in (*row, target):
                    check_number(x, f"data.{k}")
                run._data[i] = row, target
            count = len(run.parameters)
            for k, fields in enumerate(document["updates"]):
                update = Update(**{**fields, "before": tuple(fields["before"]), "after": tuple(fields["after"])})
                for x in (*update.before, *update.after):
                    check_number(x, f"updates.{k}")
                fits = (
                    len(update.before) == len(update.after) == count and type(update.epoch) is type(update.batch) is int
                )
                if not fits or not update.samples or not run._data.keys() >= {*update.samples}:
                    raise ValueError(f"updates.{k} does not fit the model or the data")
                run.updates.append(update)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path}: this is not a recorded training: {one_line(str(error))[:500]}") from None
        return run


def strongest_path(s: Stepper, last: BackwardStep) -> list[BackwardStep]:
    """Return the steps from the output to `last` along which the product of local derivatives is largest."""
    best: dict[Value, tuple[Any, BackwardStep | None]] = {s.root: (1, None)}
    for each in s.steps[1:]:
        product = best[each.node][0] * each.local
        if each.operand not in best or abs(product) > abs(best[each.operand][0]):
            best[each.operand] = product, each
    path = [last]
    while (before := best[path[-1].node][1]) is not None:
        path.append(before)
    return path[::-1]
