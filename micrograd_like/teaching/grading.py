"""Grading: which of somebody's gradients are right, and which mistake is behind the others.

    print(grade(loss, {"a": 4, "b": "-3/2", "c": "1.25"}))

A mistake is named if the pass with that mistake gives all the numbers that were answered, right and wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from typing import Any, Literal

from ..answers import Answer, read_answer
from ..engine import Value, topological_order
from ..naming import node_names
from ..ops import CONSTANT
from ..steps import backward_steps, forward_steps, short
from .mistakes import MISTAKES, Mistake, confined, find, gradients

Level = Literal["hint", "rule", "step", "answer"]
LEVELS = ("hint", "rule", "step", "answer")
MOST_NODES = 60  # where pairs of mistakes are no longer tried: a pass for each takes too long


@dataclass(frozen=True)
class NodeGrade:
    """What became of one answer."""

    node: Value
    name: str
    status: Literal["right", "follow-through", "wrong", "missing"]  # follow-through: right, given an earlier slip
    answer: Answer | None
    truth: Any


@dataclass(frozen=True)
class Diagnosis:
    """Mistakes that together give all the answers."""

    mistakes: tuple[Mistake, ...]
    confident: bool  # whether more than one number speaks for it, and nothing as simple explains them too

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the mistakes."""
        return frozenset(mistake.id for mistake in self.mistakes)


@dataclass(frozen=True)
class Grading:
    """The grades of a set of answers, and what they have in common; printed, it says so without giving numbers away."""

    root: Value
    grades: tuple[NodeGrade, ...]  # in the order in which the pass comes to the nodes
    diagnoses: tuple[Diagnosis, ...]  # all that fit equally well; none if no mistake explains the numbers
    of_values: bool
    level: Level

    @property
    def is_right(self) -> bool:
        """Whether no answer is wrong; some may be missing."""
        return all(grade.status in ("right", "missing") for grade in self.grades)

    @property
    def first_wrong(self) -> NodeGrade | None:
        """The first answer in the order of the pass that is wrong and does not follow from an earlier one."""
        return next((grade for grade in self.grades if grade.status == "wrong"), None)

    def __str__(self) -> str:
        """Return the grades, the diagnosis, and as much help as the level allows."""
        width = max((len(grade.name) for grade in self.grades), default=0)
        lines = [f"{grade.name:{width}}  {self._describe(grade)}" for grade in self.grades]
        if self.is_right:
            missing = sum(grade.status == "missing" for grade in self.grades)
            lines += ["", "All of it is right." if not missing else f"Right so far; {missing} missing."]
            return "\n".join(lines)
        return "\n".join([*lines, "", *self._diagnosis(), *self._help()])

    def _describe(self, grade: NodeGrade) -> str:
        if grade.answer is None:
            return "missing"
        said = f"{grade.answer.written}: {grade.status}"
        if grade.status == "wrong" and grade.answer.is_too_coarse(grade.truth):
            said += ", for it has too few digits"
        if grade.status == "follow-through":
            said = f"{grade.answer.written}: right, given the slip before it"
        return said + (f" ({short(grade.truth)})" if self.level == "answer" and grade.status != "right" else "")

    def _diagnosis(self) -> list[str]:
        first = self.first_wrong
        where = f"It first shows at {first.name}." if first else ""
        if not self.diagnoses:
            return [f"No mistake that is known here gives these numbers. {where}".rstrip()]
        named = [" and ".join(m.name for m in diagnosis.mistakes) for diagnosis in self.diagnoses]
        if len(named) == 1 and self.diagnoses[0].confident:
            return [f"The mistake: {named[0]}. {where}".rstrip()]
        alternatives = "; or ".join(dict.fromkeys(named))
        return [f"It may be: {alternatives}. {where} So few numbers may also be chance.".replace("  ", " ")]

    def _help(self) -> list[str]:
        first = self.first_wrong
        mistakes = {m.id: m for diagnosis in self.diagnoses for m in diagnosis.mistakes}.values()
        help_at = LEVELS.index(self.level)
        lines = [m.question if help_at == 0 else m.sentence for m in mistakes]
        if not lines and first and help_at == 0:
            lines = [f"Which operations use {first.name}, and what does each contribute?"]
            if self.of_values:
                lines = [f"What is {first.name} computed from?"]
        if help_at >= 2 and first:
            lines += _worked(self.root, first.node, self.of_values)
        return lines


def grade(root: Value, answers: Mapping[Any, Any], *, values: bool = False, level: Level = "hint") -> Grading:
    """Grade gradients of `root` that somebody computed by hand, and find the mistakes behind the wrong ones.

    Args:
        root: the output.
        answers: for some or all nodes, by label or node, a number or text such as "-3/2", "1.25" or "sqrt(2)/2"; what
            is None or empty counts as missing.
        values: whether the answers are the nodes' values in the forward pass, not their gradients.
        level: how much the text gives away: a question as "hint", the "rule", the worked "step", or the "answer".

    Raises:
        ValueError: no node, or more than one, has that label; an answer is no number; or an unknown level.
    """
    if not isinstance(root, Value):
        raise TypeError(f"grade() takes the output as a Value, not {root!r}")
    if level not in LEVELS:
        raise ValueError(f"a level is {', '.join(LEVELS)}, not {level!r}")
    order = [v for v in topological_order(root) if v.op is not CONSTANT]
    names = node_names(topological_order(root))
    read = dict(_read(order, names, answers))
    truth = {v: v.data for v in order} if values else gradients(root)
    answered = {v: answer for v, answer in read.items() if answer is not None}
    consistent = _values_given(order, answered) if values else gradients(root, given=_numbers(answered))
    given = {root} if not values else {v for v in order if not v.operands}  # known before one begins
    asked = [v for v in (order if values else reversed(order)) if v in read or (v.label and v not in given)]
    grades = tuple(_grade(v, names[v], read.get(v), truth[v], consistent[v]) for v in asked)
    is_wrong = any(g.status in ("wrong", "follow-through") for g in grades)
    diagnoses = _diagnose(root, answered, grades) if is_wrong and not values else ()
    return Grading(root, grades, diagnoses, values, level)


def check(
    root: Value,
    answers: Mapping[Any, Any] | None = None,
    /,
    *,
    level: Level = "hint",
    values: bool = False,
    **named: Any,
) -> None:
    """Raise an AssertionError with the diagnosis unless all these answers are right; for graders and tests.

    Answers are given by name, as in `check(L, a=4)`, or as a dict, which `grade` describes with the other arguments.

    Raises:
        AssertionError: an answer is wrong or missing.
        ValueError: as `grade` says.
    """
    given = {**(answers or {}), **named}
    result = grade(root, given, values=values, level=level)
    if not all(g.status == "right" for g in result.grades if g.name in given or g.node in given):
        raise AssertionError(f"\n{result}")


# -------------------- reading and grading --------------------


def _read(
    order: Sequence[Value], names: Mapping[Value, str], answers: Mapping[Any, Any]
) -> Iterator[tuple[Value, Answer | None]]:
    for key, written in answers.items():
        found = [v for v in order if v is key or names[v] == key]
        if len(found) != 1:
            label = names.get(key, repr(key)) if isinstance(key, Value) else repr(key)
            if found:
                raise ValueError(f"{len(found)} nodes are named {label}: give the answer to the node itself")
            near = get_close_matches(str(key), names.values(), 3, 0.4) or [v.label for v in order if v.label][:8]
            raise ValueError(f"no node is named {label}: there are {', '.join(near)}")
        try:
            blank = written is None or (isinstance(written, str) and not written.strip())
            yield found[0], None if blank else read_answer(written)
        except ValueError as error:
            raise ValueError(f"the answer for {names[found[0]]}: {error}") from None


def _grade(v: Value, name: str, answer: Answer | None, truth: Any, consistent: Any) -> NodeGrade:
    if answer is None:
        return NodeGrade(v, name, "missing", None, truth)
    if answer.is_right(truth):
        return NodeGrade(v, name, "right", answer, truth)
    return NodeGrade(v, name, "follow-through" if answer.is_right(consistent) else "wrong", answer, truth)


def _numbers(answered: Mapping[Value, Answer]) -> dict[Value, Any]:
    """Return what somebody goes on with: fractions as they are, decimals as floats."""
    return {v: answer.number if answer.slack == 0 else float(answer.number) for v, answer in answered.items()}


def _values_given(order: Sequence[Value], answered: Mapping[Value, Answer]) -> dict[Value, Any]:
    """Return each node's value as computed from the values that were answered for its operands."""
    given = _numbers(answered)
    found: dict[Value, Any] = {}
    for v in order:
        numbers = [given.get(x, found.get(x, x.data)) for x in v.operands]
        try:
            found[v] = v.op.compute([float(x) for x in numbers]) if v.operands else v.data
        except (ArithmeticError, ValueError):
            found[v] = v.data
    return found


# -------------------- finding the mistakes --------------------


def _diagnose(root: Value, answered: Mapping[Value, Answer], grades: Sequence[NodeGrade]) -> tuple[Diagnosis, ...]:
    """Return the simplest sets of mistakes that give all the answers: one everywhere, one at a node, or two."""
    wrong = [g.node for g in grades if g.status == "wrong"]
    for candidates in (_everywhere, _at_one_node, _pairs):
        fitting = [mistakes for mistakes in candidates(root) if _fits(root, mistakes, answered)]
        distinct = {frozenset(m.id for m in mistakes): mistakes for mistakes in reversed(fitting)}
        if distinct:
            enough = len(wrong) >= (2 if candidates is _everywhere else 3)  # the more was tried, the more is chance
            return tuple(Diagnosis(m, enough and len(distinct) == 1) for m in reversed(distinct.values()))
    return tuple(Diagnosis(mistakes, confident=False) for mistakes in _slip_by_slip(root, answered, wrong))


def _slip_by_slip(root: Value, answered: Mapping[Value, Answer], wrong: Sequence[Value]) -> list[tuple[Mistake, ...]]:
    """Return the mistakes, one or two, that explain each wrong answer if one goes on with the answers before it."""
    numbers = _numbers(answered)
    explained = []
    for x in wrong:
        places = [x, *(v for v in topological_order(root) if x in v.operands)]
        others = {v: number for v, number in numbers.items() if v is not x}
        explained.append({m.id for m in MISTAKES if m.in_order and _explains(root, m, places, others, x, answered[x])})
    ids = sorted(set().union(*explained))
    for count in (1, 2):
        sets = [
            chosen for chosen in combinations(ids, count) if all(not found.isdisjoint(chosen) for found in explained)
        ]
        if sets:
            return [tuple(find(mistake_id) for mistake_id in chosen) for chosen in sets]
    return []


def _explains(
    root: Value, mistake: Mistake, places: Sequence[Value], others: Mapping[Value, Any], x: Value, answer: Answer
) -> bool:
    """Return whether a mistake at one of these nodes gives the answer for `x`, all other answers being gone on with."""
    for place in places:
        try:
            found = gradients(root, confined(mistake, place), given=others)[x]
        except (ArithmeticError, ValueError):
            continue
        if answer.is_right(found):
            return True
    return False


def _everywhere(root: Value) -> Iterator[tuple[Mistake, ...]]:
    for mistake in MISTAKES:
        yield (mistake,)


def _at_one_node(root: Value) -> Iterator[tuple[Mistake, ...]]:
    for v in reversed(topological_order(root)):
        if v.op is not CONSTANT:
            for mistake in MISTAKES:
                if mistake.in_order:
                    yield (confined(mistake, v),)


def _pairs(root: Value) -> Iterator[tuple[Mistake, ...]]:
    if len(topological_order(root)) <= MOST_NODES:
        yield from combinations([mistake for mistake in MISTAKES if mistake.in_order], 2)


def _fits(root: Value, mistakes: tuple[Mistake, ...], answered: Mapping[Value, Answer]) -> bool:
    """Return whether the pass with these mistakes gives every number that was answered."""
    try:
        found = gradients(root, *mistakes)
    except (ArithmeticError, ValueError):
        return False
    return all(answer.is_right(found[v]) for v, answer in answered.items())


def _worked(root: Value, node: Value, of_values: bool) -> list[str]:
    """Return the steps of the right pass that make a node's number."""
    if of_values:
        return [str(step) for step in forward_steps(root) if step.node is node]
    return [str(step) for step in backward_steps(root) if step.operand is node]
