"""Grading: which of somebody's gradients are right, and which mistake is behind the others.

    print(grade(loss, {"a": 4, "b": "-3/2", "c": "1.25"}))

A mistake is named if the pass with that mistake gives all the numbers that were answered, right and wrong. With a
learning rate, the numbers after a step of gradient descent are graded too: `{"w_new": "1/5"}`. Values of the forward
pass are graded one node at a time, and a slip is named if it makes the wrong number of those before it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from math import inf
from numbers import Real
from typing import Any, Literal, NamedTuple

from ...engine import Value, topological_order
from ...formulas import TEXT
from ...graph.steps import backward_steps, forward_steps
from ...notation.answers import Answer, read_answer
from ...notation.names import find as find_node
from ...notation.names import node_names, partial
from ...notation.numbers import show
from ...ops import CONSTANT, PARAMETER
from .mistakes import MISTAKES, Mistake, Passes, confined, find, gradients, updates
from .slips import SLIPS, slips_at

Level = Literal["hint", "rule", "step", "answer"]
LEVELS = ("hint", "rule", "step", "answer")
MOST_NODES = 60  # where pairs of mistakes are no longer tried: a pass for each takes too long
NEW = "_new"  # after a leaf's name: its number after the step

# What is said of answers, in a terminal and on a page for the screen.
WORDS = {
    "missing": "missing",
    "right": "right",
    "wrong": "wrong",
    "too coarse": "wrong, for it has too few digits",
    "follow-through": "right, given the slip before it",
    "all right": "All of it is right.",
    "right so far": "Right so far; {missing} missing.",
    "known": "The mistake: {mistakes}.",
    "possible": "It may be: {mistakes}.",
    "unknown": "No mistake that is known here gives these numbers.",
    "first": "It first shows at {name}.",
    "chance": "So few numbers may also be chance.",
}


@dataclass(frozen=True)
class NodeGrade:
    """What became of one answer."""

    node: Value
    name: str
    status: Literal["right", "follow-through", "wrong", "missing"]  # follow-through: right, given an earlier slip
    answer: Answer | None
    truth: Any
    of_step: bool = False  # whether it is the node's number after the step


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
    learning_rate: Any = None

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
            said = WORDS["right so far"].format(missing=missing) if missing else WORDS["all right"]
            return "\n".join([*lines, "", said])
        return "\n".join([*lines, "", *self.explanation])

    @property
    def explanation(self) -> list[str]:
        """What the wrong answers have in common, and as much help as the level allows, in sentences."""
        return [] if self.is_right else [self._diagnosis(), *self._help()]

    def _describe(self, grade: NodeGrade) -> str:
        if grade.answer is None:
            return WORDS["missing"]
        too_coarse = grade.status == "wrong" and grade.answer.is_too_coarse(grade.truth)
        said = f"{grade.answer.written}: {WORDS['too coarse' if too_coarse else grade.status]}"
        return said + (f" ({show(grade.truth)})" if self.level == "answer" and grade.status != "right" else "")

    def _diagnosis(self) -> str:
        named = [" and ".join(m.name for m in diagnosis.mistakes) for diagnosis in self.diagnoses]
        is_known = len(named) == 1 and self.diagnoses[0].confident
        alternatives = "; or ".join(dict.fromkeys(named))
        said = [WORDS["known" if is_known else "possible" if named else "unknown"].format(mistakes=alternatives)]
        if self.first_wrong:
            said.append(WORDS["first"].format(name=self.first_wrong.name))
        if named and not is_known:
            said.append(WORDS["chance"])
        return " ".join(said)

    def _help(self) -> list[str]:
        first = self.first_wrong
        mistakes = {m.id: m for diagnosis in self.diagnoses for m in diagnosis.mistakes}.values()
        help_at = LEVELS.index(self.level)
        lines = [m.question if help_at == 0 else m.sentence for m in mistakes]
        if not lines and first and help_at == 0:
            lines = [ask_about(first.name, of_values=self.of_values, of_step=first.of_step)]
        if help_at >= 2 and first:
            lines += self._worked(first)
        return lines

    def _worked(self, first: NodeGrade) -> list[str]:
        """Return the steps of the right pass that make a node's number."""
        v = first.node
        if self.of_values:
            return [str(step) for step in forward_steps(self.root) if step.node is v]
        steps = [step for step in backward_steps(self.root) if step.operand is v]
        return [describe_step(v, self.root, self.learning_rate)] if first.of_step else [str(step) for step in steps]


def ask_about(name: str, *, of_values: bool = False, of_step: bool = False) -> str:
    """Return the question that helps on with a wrong number behind which no mistake is known."""
    if of_values:
        return f"What is {name} computed from?"
    if of_step:
        return f"From where does the step to {name} start, in which direction, and how far does it go?"
    return f"Which operations use {name}, and what does each contribute?"


def describe_step(v: Value, root: Value, learning_rate: Any) -> str:
    """Return a step of gradient descent in symbols and numbers: `w_new = w - 1/10 * ∂L/∂w = 2 - 1/10 * 18 = 1/5`."""
    names = node_names(topological_order(root))
    gradient, rate = gradients(root)[v], show(learning_rate)
    gradients_written = partial(names[root], names[v]), show(gradient)
    symbols, numbers = (
        TEXT.spell("subtract", [start, TEXT.product([rate, written])])
        for start, written in zip((names[v], show(v.data)), gradients_written, strict=True)
    )
    return f"{names[v]}{NEW} = {symbols} = {numbers} = {show(v.data - learning_rate * gradient)}"


def grade(
    root: Value,
    answers: Mapping[Any, Any],
    *,
    values: bool = False,
    level: Level = "hint",
    learning_rate: Any = None,
) -> Grading:
    """Grade gradients of `root` that somebody computed by hand, and find the mistakes behind the wrong ones.

    Args:
        root: the output.
        answers: for some or all nodes, by label or node, a number or text such as "-3/2", "1.25" or "sqrt(2)/2"; what
            is None or empty counts as missing.
        values: whether the answers are the nodes' values in the forward pass, not their gradients.
        level: how much the text gives away: a question as "hint", the "rule", the worked "step", or the "answer".
        learning_rate: of a step of gradient descent; then a leaf's label with `_new` after it stands for its number
            after the step, which is asked of every parameter.

    Raises:
        ValueError: no node, or more than one, has that label; an answer is no number; or an unknown level or rate.
    """
    if not isinstance(root, Value):
        raise TypeError(f"grade() takes the output as a Value, not {root!r}")
    if level not in LEVELS:
        raise ValueError(f"a level is {', '.join(LEVELS)}, not {level!r}")
    if not (learning_rate is None or (isinstance(learning_rate, Real) and 0 < float(learning_rate) < inf)):
        raise ValueError(f"a learning rate is a number above 0, such as 0.1, not {learning_rate!r}")
    order = [v for v in topological_order(root) if v.op is not CONSTANT]
    names = node_names(topological_order(root))
    steps = {} if learning_rate is None or values else _steps(order, names)
    read = dict(_read(order, names, {key: x for key, x in answers.items() if key not in steps}))
    moved = dict(_read_steps(steps, answers))
    truth = {v: v.data for v in order} if values else gradients(root)
    attempt = _Attempt(_answered(read), _answered(moved), learning_rate)
    given = _numbers(attempt.gradients)
    consistent = _values_given(order, given) if values else gradients(root, given=given)
    known = {root} if not values else {v for v in order if not v.operands}  # before one begins
    asked = [v for v in (order if values else reversed(order)) if v in read or (v.label and v not in known)]
    grades = [_grade(v, names[v], read.get(v), truth[v], consistent[v]) for v in asked]
    if steps:
        right, follows = (updates(root, found, learning_rate) for found in (truth, consistent | given))
        grades += [
            replace(_grade(v, name, moved.get(v), right[v], follows[v]), of_step=True)
            for name, v in steps.items()
            if v in moved or v.op is PARAMETER
        ]
    diagnoses: tuple[Diagnosis, ...] = ()
    if any(g.status in ("wrong", "follow-through") for g in grades):
        diagnoses = _diagnose_values(grades, consistent | given) if values else _diagnose(root, attempt, grades)
    return Grading(root, tuple(grades), diagnoses, values, level, learning_rate)


def check(
    root: Value,
    answers: Mapping[Any, Any] | None = None,
    /,
    *,
    level: Level = "hint",
    values: bool = False,
    learning_rate: Any = None,
    **named: Any,
) -> None:
    """Raise an AssertionError with the diagnosis unless all these answers are right; for graders and tests.

    Answers are given by name, as in `check(L, a=4)`, or as a dict, which `grade` describes with the other arguments.

    Raises:
        AssertionError: an answer is wrong or missing.
        ValueError: as `grade` says.
    """
    given = {**(answers or {}), **named}
    result = grade(root, given, values=values, level=level, learning_rate=learning_rate)
    if not all(g.status == "right" for g in result.grades if g.name in given or (g.node in given and not g.of_step)):
        raise AssertionError(f"\n{result}")


# -------------------- reading and grading --------------------


def _read(
    order: Sequence[Value], names: Mapping[Value, str], answers: Mapping[Any, Any]
) -> Iterator[tuple[Value, Answer | None]]:
    nodes = {v: names[v] for v in order}
    for key, written in answers.items():
        v = find_node(key, nodes)
        yield v, _read_one(names[v], written)


def _steps(order: Sequence[Value], names: Mapping[Value, str]) -> dict[str, Value]:
    """Return what the leaves are called after a step."""
    taken = set(names.values())
    return {name: v for v in order if not v.operands and v.label and (name := f"{v.label}{NEW}") not in taken}


def _read_steps(steps: Mapping[str, Value], answers: Mapping[Any, Any]) -> Iterator[tuple[Value, Answer | None]]:
    for name, v in steps.items():
        if name in answers:
            yield v, _read_one(name, answers[name])


def _read_one(name: str, written: Any) -> Answer | None:
    if written is None or (isinstance(written, str) and not written.strip()):
        return None
    try:
        return read_answer(written)
    except ValueError as error:
        raise ValueError(f"the answer for {name}: {error}") from None


def _grade(v: Value, name: str, answer: Answer | None, truth: Any, consistent: Any) -> NodeGrade:
    if answer is None:
        return NodeGrade(v, name, "missing", None, truth)
    if answer.is_right(truth):
        return NodeGrade(v, name, "right", answer, truth)
    return NodeGrade(v, name, "follow-through" if answer.is_right(consistent) else "wrong", answer, truth)


def _numbers(answered: Mapping[Value, Answer]) -> dict[Value, Fraction]:
    """Return what somebody goes on with."""
    return {v: answer.number for v, answer in answered.items()}


def _answered(read: Mapping[Value, Answer | None]) -> dict[Value, Answer]:
    return {v: answer for v, answer in read.items() if answer is not None}


def _values_given(order: Sequence[Value], given: Mapping[Value, Any]) -> dict[Value, Any]:
    """Return each node's value as computed from the values that were answered for its operands."""
    found: dict[Value, Any] = {}
    for v in order:
        numbers = [given.get(x, found.get(x, x.data)) for x in v.operands]
        try:
            found[v] = v.op.compute([float(x) for x in numbers]) if v.operands else v.data
        except (ArithmeticError, ValueError):
            found[v] = v.data
    return found


# -------------------- finding the mistakes --------------------


class _Attempt(NamedTuple):
    """What was answered: gradients, and numbers after a step."""

    gradients: Mapping[Value, Answer]
    steps: Mapping[Value, Answer]
    learning_rate: Any

    @property
    def rules(self) -> list[Mistake]:
        """The mistakes that can be made."""
        return [m for m in MISTAKES if self.steps or not m.update]


def _diagnose(root: Value, attempt: _Attempt, grades: Sequence[NodeGrade]) -> tuple[Diagnosis, ...]:
    """Return the simplest sets of mistakes that give all the answers: one everywhere, one at a node, or two."""
    wrong, passes = [g for g in grades if g.status == "wrong"], Passes(root)
    for candidates, enough in STAGES:
        fitting = [mistakes for mistakes in candidates(root, attempt.rules) if _fits(passes, mistakes, attempt)]
        distinct = {frozenset(m.id for m in mistakes): mistakes for mistakes in reversed(fitting)}
        if distinct:
            is_sure = len(wrong) >= enough and len(distinct) == 1
            return tuple(Diagnosis(m, is_sure) for m in reversed(distinct.values()))
    return tuple(Diagnosis(mistakes, confident=False) for mistakes in _slip_by_slip(passes, attempt, wrong))


def _slip_by_slip(passes: Passes, attempt: _Attempt, wrong: Sequence[NodeGrade]) -> list[tuple[Mistake, ...]]:
    """Return the mistakes, one or two, that explain each wrong answer if one goes on with the answers before it."""
    given = _numbers(attempt.gradients)
    explained = [
        {m.id for m in attempt.rules if m.in_order and _explains(passes, m, g, given, attempt.learning_rate)}
        for g in wrong
    ]
    return [tuple(find(mistake_id) for mistake_id in chosen) for chosen in _fewest(explained)]


def _fewest(explained: Sequence[set[str]]) -> list[tuple[str, ...]]:
    """Return the ids, one or else two, that together explain each wrong answer, of which there are those for each."""
    ids = sorted(set().union(*explained))
    for count in (1, 2):
        sets = [
            chosen for chosen in combinations(ids, count) if all(not found.isdisjoint(chosen) for found in explained)
        ]
        if sets:
            return sets
    return []


def _diagnose_values(grades: Sequence[NodeGrade], numbers: Mapping[Value, Any]) -> tuple[Diagnosis, ...]:
    """Return the slips that make each wrong value of the numbers that somebody has for its operands."""
    explained = []
    for g in grades:
        if g.status == "wrong" and g.answer:
            operands = [float(numbers.get(x, x.data)) for x in g.node.operands]
            explained.append({slip.id for slip, x in slips_at(g.node, operands) if g.answer.is_right(x)})
    by_id, fewest = {slip.id: slip for slip in SLIPS}, _fewest(explained)
    is_sure = len(explained) > 1 and len(fewest) == 1 == len(fewest[0])
    return tuple(Diagnosis(tuple(by_id[slip_id] for slip_id in chosen), is_sure) for chosen in fewest)


def _explains(
    passes: Passes, mistake: Mistake, wrong: NodeGrade, given: Mapping[Value, Any], learning_rate: Any
) -> bool:
    """Return whether a mistake made at this place only gives a wrong answer, all other answers being gone on with."""
    x, answer = wrong.node, wrong.answer
    assert answer
    if wrong.of_step:
        found = {**passes.gradients(given=given), **given}
        return answer.is_right(updates(passes.root, found, learning_rate, mistake)[x])
    others = {v: number for v, number in given.items() if v is not x}
    for place in [x, *(v for v in passes.order if x in v.operands)]:
        try:
            gradient = passes.gradients(confined(mistake, place), given=others)[x]
        except (ArithmeticError, ValueError):
            continue
        if answer.is_right(gradient):
            return True
    return False


def _everywhere(root: Value, rules: Sequence[Mistake]) -> Iterator[tuple[Mistake, ...]]:
    for mistake in rules:
        yield (mistake,)


def _at_one_node(root: Value, rules: Sequence[Mistake]) -> Iterator[tuple[Mistake, ...]]:
    for v in reversed(topological_order(root)):
        if v.op is not CONSTANT:
            for mistake in rules:
                if mistake.in_order:
                    yield (confined(mistake, v),)


def _pairs(root: Value, rules: Sequence[Mistake]) -> Iterator[tuple[Mistake, ...]]:
    if len(topological_order(root)) <= MOST_NODES:
        yield from combinations([mistake for mistake in rules if mistake.in_order], 2)


# What is tried, the simplest first, and how many wrong answers it has to explain to be sure: the more was tried, the
# more is chance.
STAGES = ((_everywhere, 2), (_at_one_node, 3), (_pairs, 3))


def _fits(passes: Passes, mistakes: tuple[Mistake, ...], attempt: _Attempt) -> bool:
    """Return whether the pass, and the step, with these mistakes give every number that was answered."""
    try:
        found = passes.gradients(*mistakes)
        moved = updates(passes.root, found, attempt.learning_rate, *mistakes) if attempt.steps else {}
    except (ArithmeticError, ValueError):
        return False
    answered = [(attempt.gradients, found), (attempt.steps, moved)]
    return all(answer.is_right(numbers[v]) for some, numbers in answered for v, answer in some.items())
