"""What is said of a paper: its grades, what is behind the wrong ones, and as much help as is wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...engine import Value, topological_order
from ...escape import one_line
from ...graph.steps import backward_steps, forward_steps
from ...notation.answers import Answer
from ...notation.names import node_names
from ...notation.numbers import show
from ...notation.scripts import TEXT, Script
from ...notation.table import table
from .comparison import gradients
from .kinds import Mistake
from .lines import NEW, Kind
from .verdicts import Evidence, Status

Level = Literal["hint", "rule", "step", "answer"]
LEVELS = ("hint", "rule", "step", "answer")

# What is said of answers, in a terminal and on a page for the screen.
WORDS = {
    "missing": "missing",
    "right": "right",
    "wrong": "wrong",
    "too coarse": "too few digits to be right",
    "follow-through": "right, given the slip before it",
    "trivial": "it follows from the slip before it, but shows nothing",
    "all right": "All of it is right.",
    "nothing yet": "No answers yet.",
    "right so far": "Right so far; {missing} missing.",
    "digits": "What is there is right as far as it goes; write more digits.",
    "known": "The mistake: {mistakes}.",
    "possible": "It may be: {mistakes}.",
    "unknown": "No mistake that is known here gives these numbers.",
    "first": "It first shows at {name}.",
    "chance": "So few numbers may be a coincidence.",
    "slip": "Every rule seems to be known, and there is a slip: {slip}. All else follows from it.",
    "sign": "one number has the wrong sign",
    "off_by_one": "one number is off by 1",
    "doubled": "one number is twice what it should be, or half of it",
    "point": "one number has its decimal point in the wrong place",
    "swapped": "two numbers are swapped",
}


@dataclass(frozen=True)
class NodeGrade:
    """What became of one answer."""

    node: Value
    name: str  # as it is asked for
    kind: Kind
    status: Status  # follow-through: right, given an earlier slip; trivial: so too, but it would be anyhow
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
    grades: tuple[NodeGrade, ...]  # in the order in which the passes come to the nodes
    diagnoses: tuple[Diagnosis, ...]  # all that fit equally well; none if no mistake explains the numbers
    slip: str  # of the pen, that explains them as well: sign, off_by_one, doubled, point or swapped
    evidence: Evidence
    level: Level
    learning_rate: Any = None
    credit: float | Mapping[str, float] = 1.0

    @property
    def is_right(self) -> bool:
        """Whether no answer is wrong or has too few digits; some may be missing."""
        return all(grade.status in ("right", "missing") for grade in self.grades)

    @property
    def first_wrong(self) -> NodeGrade | None:
        """The first answer in the order of the passes that is wrong and does not follow from an earlier one."""
        return next((grade for grade in self.grades if grade.status == "wrong"), None)

    def count(self, status: Status) -> int:
        """Return how many answers have a status."""
        return sum(grade.status == status for grade in self.grades)

    def worth(self, grade: NodeGrade) -> float:
        """Return what an answer earns: 1 if it is right, and the credit if it is right given a slip before it."""
        if grade.status == "follow-through":
            return self.credit.get(grade.name, 0.0) if isinstance(self.credit, Mapping) else self.credit
        return float(grade.status == "right")

    @property
    def points(self) -> float:
        """What all answers earn together, of a point for each number that is asked for."""
        return sum(map(self.worth, self.grades))

    def earned(self, points: float | None) -> float:
        """Return what all answers earn, if together they are worth so many points, or a point each."""
        return self.points if points is None else self.points * points / max(len(self.grades), 1)

    def __str__(self) -> str:
        """Return the grades, the diagnosis, and as much help as the level allows."""
        grades = table([(one_line(grade.name), self._describe(grade)) for grade in self.grades])
        return "\n".join([grades, "", *self.explanation])

    @property
    def explanation(self) -> list[str]:
        """What the wrong answers have in common, and as much help as the level allows, in sentences."""
        if self.first_wrong:
            return [one_line(sentence) for sentence in (self._diagnosis(), *self._help())]
        if self.count("too coarse"):
            return [WORDS["digits"]]
        missing = self.count("missing")
        if missing == len(self.grades) > 0:
            return [WORDS["nothing yet"]]
        return [WORDS["right so far"].format(missing=missing) if missing else WORDS["all right"]]

    def _describe(self, grade: NodeGrade) -> str:
        if grade.answer is None:
            return WORDS["missing"]
        said = f"{grade.answer.written}: {WORDS[grade.status]}"
        return said + (f" ({show(grade.truth)})" if self.level == "answer" and grade.status != "right" else "")

    def _diagnosis(self) -> str:
        named = [" and ".join(m.name for m in diagnosis.mistakes) for diagnosis in self.diagnoses]
        is_known = len(named) == 1 and self.diagnoses[0].confident
        if self.slip and not named:
            said = [WORDS["slip"].format(slip=WORDS[self.slip])]
        else:
            alternatives = "; or ".join(dict.fromkeys([*named, *([WORDS[self.slip]] if self.slip else [])]))
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
            lines = [ask_about(first.name, first.kind)]
        if help_at >= 2 and first:
            lines += self._worked(first)
        return lines

    def _worked(self, first: NodeGrade) -> list[str]:
        """Return the steps of the right pass that make a node's number."""
        v = first.node
        if first.kind == "value":
            return [str(step) for step in forward_steps(self.root) if step.node is v]
        if first.kind == "update":
            return [write_update(v, self.root, self.learning_rate)]
        return [str(step) for step in backward_steps(self.root) if step.operand is v]


def ask_about(name: str, kind: Kind) -> str:
    """Return the question that helps on with a wrong number behind which no mistake is known."""
    if kind == "value":
        return f"What is {name} computed from?"
    if kind == "update":
        return f"From where does the update to {name} start, in which direction, and how far does it go?"
    return f"Which operations use {name}, and what does each contribute?"


def write_update(v: Value, root: Value, learning_rate: Any, to: Script = TEXT) -> str:
    """Return an update in symbols and numbers: `w_new = w - 1/10 * ∂L/∂w = 2 - 1/10 * 18 = 1/5`.

    It goes down against the gradient, or up along it if the learning rate is below 0.
    """
    names, gradient = node_names(topological_order(root)), gradients(root)[v]
    way = "subtract" if learning_rate > 0 else "add"

    def moved(start: str, slope: str) -> str:
        return to.style.spell(way, [start, to.style.product([to.number(abs(learning_rate)), slope])])

    symbols = moved(to.name(names[v]), to.partial(to.name(names[root]), to.name(names[v])))
    numbers = moved(to.number(v.data), to.number(gradient))
    return f"{to.name(names[v] + NEW)} = {symbols} = {numbers} = {to.number(v.data - learning_rate * gradient)}"
