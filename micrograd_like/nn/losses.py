"""Losses: how far a model's outputs are from what they should be, averaged over the samples.

Each takes the outputs for some samples and their targets, and returns one Value to call `backward()` on. A number of
targets other than that of the outputs, none at all, or a target that does not suit the loss, is a ValueError.
"""

from collections.abc import Callable, Sequence
from operator import index
from typing import Any, TypeAlias

from .. import engine, ops
from ..engine import Value

Loss: TypeAlias = Callable[[Sequence[Any], Sequence[Any]], Value]


def mean_squared_error(predictions: Sequence[Value], targets: Sequence[float]) -> Value:
    """Return the mean of (prediction - target)²."""
    return _mean([(_single(p) - t) ** 2 for p, t in _pairs(predictions, targets)])


def hinge(scores: Sequence[Value], targets: Sequence[int]) -> Value:
    """Return the mean of relu(1 - target * score), the max-margin loss of support vector machines.

    The targets are -1 and +1.
    """
    terms = []
    for i, (score, y) in enumerate(_pairs(scores, targets)):
        if y not in (-1, 1):
            raise ValueError(f"hinge takes the targets -1 and +1, not {y!r} (sample {i})")
        terms.append((1 - _single(score) * y).relu())
    return _mean(terms)


def binary_cross_entropy(logits: Sequence[Value], targets: Sequence[int]) -> Value:
    """Return the mean of softplus(z) - target * z, which is -log of the probability that sigmoid(z) gives the target.

    The logits are outputs before a sigmoid, the targets 0 and 1. An output of a sigmoid is a ValueError.
    """
    terms = []
    for i, (z, y) in enumerate(_pairs(logits, targets)):
        if y not in (0, 1):
            raise ValueError(f"binary_cross_entropy takes the targets 0 and 1, not {y!r} (sample {i})")
        if isinstance(z, Value) and z.op is ops.sigmoid:
            raise ValueError("binary_cross_entropy applies the sigmoid itself: leave the model's output linear")
        # softplus(z) - z is softplus(-z), which keeps its digits where the difference cancels: from z = 37 on it is 0
        terms.append((-_single(z) if y else _single(z)).softplus())
    return _mean(terms)


def cross_entropy(logits: Sequence[Sequence[Value]], targets: Sequence[int]) -> Value:
    """Return the mean of logsumexp(row) - row[target], which is -log of the probability that softmax gives the target.

    Each row of logits holds one output for each class, before a softmax; the targets are class numbers from 0.
    """
    terms = []
    for i, (row, y) in enumerate(_pairs(logits, targets)):
        if isinstance(row, Value) or len(row) < 2:
            raise ValueError("cross_entropy takes one output for each class: for one output use binary_cross_entropy")
        if not hasattr(y, "__index__") or not 0 <= y < len(row):
            raise ValueError(f"a target is a class number from 0 to {len(row) - 1}, not {y!r} (sample {i})")
        terms.append(ops.logsumexp(*row) - row[index(y)])
    return _mean(terms)


LOSSES: dict[str, Loss] = {
    "mean_squared_error": mean_squared_error,
    "hinge": hinge,
    "binary_cross_entropy": binary_cross_entropy,
    "cross_entropy": cross_entropy,
}


def _pairs(outputs: Sequence[Any], targets: Sequence[Any]) -> list[tuple[Any, Any]]:
    if len(outputs) != len(targets):
        raise ValueError(f"a loss takes one target for each output, not {len(targets)} targets for {len(outputs)}")
    if not len(outputs):
        raise ValueError("a loss needs at least one sample")
    return list(zip(outputs, targets, strict=True))


def _single(output: Any) -> Any:
    if isinstance(output, list | tuple):
        raise ValueError(
            f"this loss takes one output for each sample, not {len(output)}: use cross_entropy for classes"
        )
    return output


def _mean(terms: list[Value]) -> Value:
    return engine.sum(terms) / len(terms)
