"""Predictions: asking for the number that somebody expects of a step, and what it is if it is not right."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from ..graph.steps import BackwardStep
from ..notation.answers import read_answer

ANSWERS = "answer by a number, a fraction or an expression (-3/2 * b); empty shows it, q leaves"


class Predictions:
    """The questions so far, and how many were answered rightly."""

    def __init__(self, read: Callable[[str], str], say: Callable[[str], None]) -> None:
        """Keep how to ask and how to speak."""
        self.read, self.say = read, say
        self.asked = self.right = 0

    def ask(self, s: BackwardStep, numbers: Mapping[str, Any]) -> None:
        """Ask for a contribution until there is an answer that can be judged, and say whether it is right.

        Raises:
            EOFError: the user wants to leave.
        """
        if s.is_seed or s.contribution - s.contribution:  # nothing to compute, or infinite
            return
        while True:
            try:
                written = self.read(f"{s.symbols} = ? ").strip()
            except KeyboardInterrupt:
                self.say("\nempty shows it, q leaves")
                continue
            if written in ("q", "quit", "exit"):
                raise EOFError
            if not written:
                return
            if written in ("h", "help", "?"):
                self.say(ANSWERS)
                continue
            try:
                answer, right = judge(written, s.contribution, numbers)
            except ValueError as error:
                self.say(str(error))
                continue
            if right is not None:
                break
            self.say("too few digits to tell: give two that count, or more")
        self.asked += 1
        self.right += right
        self.say("right: upstream gradient * local derivative" if right else f"wrong: {describe_wrong(s, answer)}")


def judge(written: str, truth: Any, numbers: Mapping[str, Any]) -> tuple[float, bool | None]:
    """Return the number that was written, and whether it is right; None if it has too few digits to tell.

    Raises:
        ValueError: it is not a number; names in it stand for `numbers`.
    """
    answer = read_answer(written, numbers)
    return answer.number, None if answer.is_too_coarse(truth) else answer.agrees(truth)


RULE = "it is upstream gradient * local derivative"
MISTAKEN = {  # what may be answered instead of the contribution
    "local": "the local derivative alone",
    "upstream": "the upstream gradient alone",
    "after": "the gradient after the step: asked is what the step adds",
    "negative": "the sign the other way round",
}


def describe_wrong(s: BackwardStep, answer: float) -> str:
    """Return what the contribution is, and what was answered instead, where that can be told."""
    for which, said in MISTAKEN.items():
        number = -s.contribution if which == "negative" else getattr(s, which)
        finite = not number - number
        if finite and number != s.contribution and abs(answer - Fraction(number)) <= abs(Fraction(number)) / 200:
            return f"{RULE}; yours is {said}"
    return RULE
