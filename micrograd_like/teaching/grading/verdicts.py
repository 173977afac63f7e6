"""Verdicts on a paper: which of its lines are right, which follow from an earlier slip, and which mistake is behind it.

Every line is judged by what follows from the lines that were written before it, and a number that was written stands
for all that it may have been before it was rounded. So a line is wrong only if no reading makes it right. A page for
the screen does the very same, in grading.js.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import inf, log2
from typing import Any, Literal, NamedTuple

from ...formulas import Tree, names_in
from ...notation.answers import Answer
from ...notation.intervals import Interval, evaluate, point
from .kinds import mistake_of

Status = Literal["right", "follow-through", "trivial", "too coarse", "wrong", "missing"]

FINER = 0.1  # of half the last place: as far off is a number of which one more digit is kept than is shown
ON_THE_WAY = 0.0005  # so far is a number rounded that is not shown, by someone who shows more than three decimals
LEAST = 0.005  # half the last place of two decimals, to which at most numbers are rounded that are not shown
SAME = 3  # answers that are all alike, of which those that only follow say nothing
SURE = 6  # bits of evidence beyond those that choosing among the mistakes takes: one in 64 by chance for random numbers
LEAST_BITS, MOST_BITS = 2.4, 8  # of evidence that a number other than 0 may be, however few digits it has, or many
AGAINST = 5  # bits that each line takes off at which a mistake was not made that could have been
MOST_LINES = 400  # where a mistake at a line that is not shown is no longer looked for

# What a slip of the pen makes of a number.
SLIPS: dict[str, Callable[[float], Sequence[float]]] = {
    "sign": lambda x: (-x,),
    "off_by_one": lambda x: (x - 1, x + 1),
    "doubled": lambda x: (2 * x, x / 2),
    "point": lambda x: (10 * x, x / 10),
}


class Judged(NamedTuple):
    """What is known of a line beforehand: all that is needed to judge an answer to it."""

    id: str
    rules: Sequence[Tree]  # each as right as the other
    truth: float
    wrong: Mapping[str, Sequence[Tree]]  # for each mistake: made everywhere, and then made in one place


@dataclass
class Paper:
    """What was written, line by line, and what is found out about it."""

    given: Mapping[str, float]
    lines: Sequence[Judged]
    answers: Mapping[str, Answer]
    status: dict[str, Status] = field(default_factory=dict)
    carried: dict[str, Interval] = field(default_factory=dict)  # with which somebody goes on
    computed: dict[str, Interval] = field(default_factory=dict)  # by the rule, from what was carried

    def __post_init__(self) -> None:
        self.unseen = self._rounding()
        self.uses = {line.id: set().union(*map(names_in, line.rules)) for line in self.lines}  # from what each follows
        self._judge()

    def _rounding(self) -> float:
        """Return how far numbers may have been rounded that are not shown, by someone who rounds those that are."""
        truths = {line.id: line.truth for line in self.lines}
        decimals = {name: x for name, x in self.answers.items() if x.slack and x.trusted == x.seen == inf}
        slacks = [x.slack for name, x in decimals.items() if x.slack <= LEAST and x.number != truths[name]]
        finest = min((x.slack for x in decimals.values()), default=0.0)
        return max([min(10 * finest, ON_THE_WAY), *slacks])

    # -------------------- one line after the other --------------------

    def _judge(self) -> None:
        slipped: set[str] = set()
        self.carried = {name: point(x) for name, x in self.given.items()}
        for line in self.lines:
            answer = self.answers.get(line.id)
            computed = self.computed[line.id] = _follow(line.rules, self.carried, answer)
            behind = not slipped.isdisjoint(self.uses[line.id])
            if answer is None:
                self.status[line.id] = "missing"
            elif answer.is_right(line.truth):
                self.status[line.id] = "right"
                computed, behind = computed.join(point(line.truth)), False
            elif fits(answer, computed):
                self.status[line.id] = "follow-through" if behind else "right"
            else:
                coarse = answer.is_too_coarse(line.truth) or agrees(answer, computed)
                self.status[line.id] = "too coarse" if coarse else "wrong"
                behind = not coarse
            if behind:
                slipped.add(line.id)
            self.carried[line.id] = self._carry(answer, computed)
        numbers = {x.number for x in self.answers.values()}
        is_constant = len(self.answers) >= SAME and len(numbers) == 1
        for line in self.lines:
            if self.status[line.id] == "follow-through" and (is_constant or not self.answers[line.id].number):
                self.status[line.id] = "trivial"

    def _carry(self, answer: Answer | None, computed: Interval) -> Interval:
        """Return the numbers with which somebody may go on who has written this answer, or nothing."""
        if answer is None:
            is_short = computed.low == computed.high and abs(computed.low - round(computed.low, 2)) < 1e-12
            return computed if is_short or computed.is_empty else computed.widen(self.unseen)
        shown = point(answer.number)
        before = computed.meet(answer.interval)  # what it may have been before it was rounded
        if before.is_empty:
            return answer.interval if answer.slack < 0.1 else shown
        all_of_it = before.join(shown)
        return all_of_it if before == shown else all_of_it.widen(answer.slack * FINER).meet(answer.interval)

    # -------------------- what is behind the wrong lines --------------------

    @property
    def wrong(self) -> list[Judged]:
        """The lines that are wrong."""
        return [line for line in self.lines if self.status[line.id] == "wrong"]

    def evidence(self) -> "Evidence":
        """Return what the wrong lines say for and against each mistake."""
        if not self.wrong:
            return Evidence([], {})
        keys = dict.fromkeys(key for line in self.lines for key in line.wrong)
        explained: dict[str, set[str]] = {line.id: set() for line in self.wrong}
        against: dict[str, int] = {}
        for key in keys:
            found, against[key] = self._try(key)
            for name in found:
                explained[name].add(key)
        if not any(explained.values()):
            for name, key in self._tried_where_nothing_is_shown():
                explained[name].add(key)
                against[key] = max(against[key], 1)
        facts = [
            Fact(self._bits(line), frozenset(explained[line.id]), self._slips(line), self._swaps(line))
            for line in self.wrong
        ]
        return Evidence(facts, against)

    def _try(self, key: str, only: Judged | None = None) -> tuple[list[str], int]:
        """Return which wrong lines a mistake explains, and how many right ones speak against it.

        It is made wherever nothing is shown, or at one line only.
        """
        carried, changed = dict(self.carried), set[str]()  # which lines go on with other numbers than before
        explained, against = [], 0
        for line in self.lines:
            answer, status = self.answers.get(line.id), self.status[line.id]
            trees = line.wrong.get(key, ()) if only is None or only is line else ()
            is_new = bool(trees) or not changed.isdisjoint(self.uses[line.id])
            if answer is None:
                if is_new:
                    carried[line.id] = self._carry(None, _follow(trees[:1] or line.rules, carried))
                    changed.add(line.id)
                continue
            found = [self.computed[line.id]]
            if is_new:
                found = [evaluate(tree, carried) for tree in trees] or [_follow(line.rules, carried, answer)]
            if status == "wrong":
                fitting = next((x for x in found if fits(answer, x, exactly=True)), None)
                if fitting is not None:
                    explained.append(line.id)
                    carried[line.id] = self._carry(answer, fitting)
                    changed.add(line.id)
            else:
                against += status != "trivial" and not agrees(answer, found[0])
        return explained, against

    def _tried_where_nothing_is_shown(self) -> list[tuple[str, str]]:
        """Return what is explained by a mistake at one line that is not shown, as pairs of a line and the mistake."""
        hidden = [line for line in self.lines if self.status[line.id] == "missing" and line.wrong]
        if len(self.lines) > MOST_LINES:
            return []
        return [(name, key) for line in hidden for key in line.wrong for name in self._try(key, line)[0]]

    def _bits(self, line: Judged) -> float:
        """Return how unlikely it is to meet this number by chance: the logarithm of how many there are like it."""
        answer, computed = self.answers[line.id], self.computed[line.id]
        width = 2 * answer.slack if answer.slack else denominator(answer.number)
        width += 0 if computed.is_empty or computed.high - computed.low == inf else computed.high - computed.low
        return min(max(log2(1 + 2 * abs(answer.number) / width), LEAST_BITS if answer.number else 1), MOST_BITS)

    def _slips(self, line: Judged) -> frozenset[str]:
        answer, computed = self.answers[line.id], self.computed[line.id]
        if computed.is_empty:
            return frozenset()
        return frozenset(
            slip for slip, make in SLIPS.items() if any(fits(answer, made) for made in _images(make, computed))
        )

    def _swaps(self, line: Judged) -> frozenset[str]:
        """Return the line whose answer was swapped with this one's, if there is one."""
        mine = self.answers[line.id]
        return frozenset(
            other.id
            for other in self.wrong
            if other is not line and mine.is_right(other.truth) and self.answers[other.id].is_right(line.truth)
        )


def _images(make: Callable[[float], Sequence[float]], x: Interval) -> list[Interval]:
    return [Interval(min(pair), max(pair)) for pair in zip(make(x.low), make(x.high), strict=True)]


def _follow(rules: Sequence[Tree], carried: Mapping[str, Interval], answer: Answer | None = None) -> Interval:
    """Return what rules make of the numbers that are carried: the first one, or the one that fits the answer."""
    first, *others = (evaluate(rule, carried) for rule in rules)
    if answer is None or fits(answer, first):
        return first
    return next((x for x in others if fits(answer, x)), first)


def fits(answer: Answer, computed: Interval, *, exactly: bool = False) -> bool:
    """Tell whether an answer is right, if this is what is to be computed; if exactly, a whole number is not rounded."""
    if computed.is_empty:
        return False
    nearest = computed.nearest(answer.number)
    near_enough = not exactly or answer.seen == inf or abs(answer.number - nearest) <= 1e-6 * max(1, abs(nearest))
    return near_enough and answer.is_right(nearest)


def agrees(answer: Answer, computed: Interval) -> bool:
    """Tell whether an answer may stand for what is to be computed, however few digits it has."""
    return not computed.is_empty and answer.agrees(computed.nearest(answer.number))


def denominator(x: float) -> float:
    """Return 1/n for the smallest n, up to 64, by which a number times n is whole."""
    return next((1 / n for n in range(1, 65) if abs(x * n - round(x * n)) < 1e-9), 1 / 64)


# -------------------- from the evidence to a diagnosis --------------------


class Fact(NamedTuple):
    """A wrong line: how much its number says, and what explains it."""

    bits: float
    mistakes: frozenset[str]  # keys
    slips: frozenset[str]
    swapped: frozenset[str]  # ids of lines


class Evidence(NamedTuple):
    """What a paper says for and against mistakes; that of several papers is put together by `+`."""

    facts: list[Fact]
    against: dict[str, int]  # by key: right lines that the mistake would have changed

    def __add__(self, other: Any) -> "Evidence":
        keys = self.against.keys() | other.against.keys()
        against = {key: self.against.get(key, 0) + other.against.get(key, 0) for key in keys}
        return Evidence([*self.facts, *other.facts], against)


class Verdict(NamedTuple):
    """What may be behind the wrong lines."""

    sets: list[tuple[str, ...]]  # mistakes that together explain all of them, each set alone
    slip: str  # of SLIPS, or "swapped", that explains them as well
    is_sure: bool


def conclude(evidence: Evidence, count: int) -> Verdict:
    """Return the simplest that explains all wrong lines.

    Args:
        evidence: of one paper, or of several by one student.
        count: how many mistakes were tried.
    """
    facts, against = evidence
    if not facts:
        return Verdict([], "", is_sure=False)
    single = frozenset.intersection(*(fact.mistakes for fact in facts))
    clean = _ids([key for key in sorted(single) if not against[key]])
    bits = sum(fact.bits for fact in facts)
    swapped = len(facts) == 2 and all(fact.swapped for fact in facts)
    slips = facts[0].slips if len(facts) == 1 else frozenset()
    slip = "swapped" if swapped else min(slips, default="")  # made here only, or a slip of the pen
    if clean:
        is_sure = len(clean) == 1 and len(facts) > 1 and not swapped and bits > log2(count) + SURE
        return Verdict([(x,) for x in clean], "swapped" if swapped else "", is_sure)
    somewhere = _ids(sorted(single, key=lambda key: (against[key], key)))
    if slip:
        return Verdict([(x,) for x in somewhere], slip, is_sure=False)
    if somewhere:
        bits -= AGAINST * min(against[key] for key in single)
        is_sure = len(somewhere) == 1 and len(facts) > 2 and bits > log2(count) + SURE
        return Verdict([(x,) for x in somewhere], "", is_sure)
    return Verdict(_pairs(facts, against), "", is_sure=False)


def _ids(keys: Collection[str]) -> list[str]:
    return list(dict.fromkeys(map(mistake_of, keys)))


def _pairs(facts: Sequence[Fact], against: Mapping[str, int]) -> list[tuple[str, ...]]:
    """Return the pairs of mistakes that explain each line, of which those with the least against them."""
    keys = sorted(set().union(*(fact.mistakes for fact in facts)))
    found: dict[tuple[str, ...], int] = {}
    for pair in combinations(keys, 2):
        if all(not fact.mistakes.isdisjoint(pair) for fact in facts):
            ids = tuple(sorted(set(map(mistake_of, pair))))
            found[ids] = min(found.get(ids, 10**9), against[pair[0]] + against[pair[1]])
    return [ids for ids, n in found.items() if n == min(found.values())]
