"""Losses: how far a model's outputs are from what they should be, averaged over the samples.

Each takes the outputs for some samples and their targets, and returns one Value to call `backward()` on. A number of
targets other than that of the outputs, none at all, or a target that does not suit the loss, is a ValueError.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import index
from typing import SupportsIndex, TypeAlias, TypeVar

from .. import engine, ops
from ..engine import Value

Output: TypeAlias = Value | Sequence[Value]  # of a model, for one sample
Loss: TypeAlias = Callable[[Sequence[Output], Sequence[float]], Value]
T = TypeVar("T")


def mean_squared_error(predictions: Sequence[Output], targets: Sequence[float | Value]) -> Value:
    """Return the mean of (prediction - target)²."""
    return _mean([(single(p) - t) ** 2 for p, t in _pairs(predictions, targets)])


def hinge(scores: Sequence[Output], targets: Sequence[float]) -> Value:
    """Return the mean of relu(1 - target * score), the max-margin loss of support vector machines.

    The targets are -1 and +1.
    """
    terms = []
    for i, (score, y) in enumerate(_pairs(scores, targets)):
        if y not in (-1, 1):
            raise ValueError(f"hinge takes the targets -1 and +1, not {y!r} (sample {i})")
        terms.append((1 - single(score) * y).relu())
    return _mean(terms)


def binary_cross_entropy(logits: Sequence[Output], targets: Sequence[float]) -> Value:
    """Return the mean of softplus(z) - target * z, which is -log of the probability that sigmoid(z) gives the target.

    The logits are outputs before a sigmoid, the targets 0 and 1. An output of a sigmoid is a ValueError.
    """
    terms = []
    for i, (z, y) in enumerate(_pairs(logits, targets)):
        if y not in (0, 1):
            raise ValueError(f"binary_cross_entropy takes the targets 0 and 1, not {y!r} (sample {i})")
        z = single(z)
        if z.op is ops.sigmoid:
            raise ValueError("binary_cross_entropy applies the sigmoid itself: leave the model's output linear")
        # softplus(z) - z is softplus(-z), which keeps its digits where the difference cancels: from z = 37 on it is 0
        terms.append((-z if y else z).softplus())
    return _mean(terms)


def cross_entropy(logits: Sequence[Output], targets: Sequence[float]) -> Value:
    """Return the mean of -log of the probability that softmax gives the target.

    Each row z of logits holds one output for each class, before a softmax; the targets t are class numbers from 0. The
    loss of a row, log(Σ exp(z[j])) - z[t], is written as softplus(m - z[t] + logsumexp(z[j] - m)), where j goes through
    all classes except t, and m is the largest z[j]: logits are subtracted from each other before anything is added, so
    that huge ones lose no digits, and neither do small losses.
    """
    terms = []
    for i, (row, y) in enumerate(_pairs(logits, targets)):
        if isinstance(row, Value) or len(row) < 2:
            raise ValueError("cross_entropy takes one output for each class: for one output use binary_cross_entropy")
        if not isinstance(y, SupportsIndex) or not 0 <= index(y) < len(row):
            raise ValueError(f"a target is a class number from 0 to {len(row) - 1}, not {y!r} (sample {i})")
        others = [z for j, z in enumerate(row) if j != index(y)]
        largest = reduce(ops.maximum, others)
        margin = largest - row[index(y)]
        if len(others) > 1:
            margin = margin + ops.logsumexp(*(z - largest for z in others))
        terms.append(margin.softplus())
    return _mean(terms)


LOSSES: dict[str, Loss] = {f.__name__: f for f in (mean_squared_error, hinge, binary_cross_entropy, cross_entropy)}


def _pairs(outputs: Sequence[Output], targets: Sequence[T]) -> list[tuple[Output, T]]:
    if len(outputs) != len(targets):
        raise ValueError(f"a loss takes one target for each output, not {len(targets)} targets for {len(outputs)}")
    if not len(outputs):
        raise ValueError("a loss needs at least one sample")
    return list(zip(outputs, targets, strict=True))


def single(output: Output) -> Value:
    """Return the only output for a sample, which may stand in a list; ValueError if there are several."""
    if not isinstance(output, Sequence):
        return output
    if len(output) != 1:
        raise ValueError(
            f"this loss takes one output for each sample, not {len(output)}: use cross_entropy for classes"
        )
    return output[0]


def _mean(terms: list[Value]) -> Value:
    return engine.sum(terms) / len(terms)
