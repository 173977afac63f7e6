"""Predictions: whether the number that somebody expects of a step is right, and what it is if it is not."""

from collections.abc import Mapping
from typing import Any

from ..graph.steps import BackwardStep
from ..notation.answers import read_answer


def judge(written: str, truth: Any, numbers: Mapping[str, Any]) -> tuple[float, bool | None]:
    """Return the number that was written, and whether it is right; None if it has too few digits to tell.

    Raises:
        ValueError: it is no number; names in it stand for `numbers`.
    """
    answer = read_answer(written, numbers)
    return float(answer.number), None if answer.is_too_coarse(truth) else answer.agrees(truth)


def describe_wrong(s: BackwardStep, answer: float) -> str:
    """Return what the contribution is, and what was answered instead, where that can be told."""
    rule = "it is upstream gradient * local derivative"
    mistakes = (
        (s.local, "the local derivative alone"),
        (s.upstream, "the upstream gradient alone"),
        (s.after, "the gradient after the step: asked is what the step adds"),
        (-s.contribution, "the sign the other way round"),
    )
    for number, said in mistakes:
        if number != s.contribution and abs(answer - number) <= 5e-3 * abs(number):
            return f"{rule}; yours is {said}"
    return rule
