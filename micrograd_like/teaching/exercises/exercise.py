"""An exercise in backpropagation by hand: a formula with numbers, what is asked, and how it is worked out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ...engine import Value, recompute, topological_order
from ...graph.steps import BackwardStep, ForwardStep, backward_steps, forward_steps
from ...notation.expressions import parse
from ...notation.names import parameter
from ...notation.numbers import show
from ...notation.scripts import TEXT, Script
from ..grading.comparison import is_other
from ..grading.grade import check_rate, grade_lines, truths_of
from ..grading.kinds import Mistake
from ..grading.lines import NEW, Kind, Lines, Told, lines_of
from ..grading.lines import Line as Rule
from ..grading.mistakes import MISTAKES, find
from ..grading.report import Grading, Level, write_update

LONGEST = 1_000  # characters of a formula, of some 60 nodes

Number = Fraction | float  # a float where a fraction would be unreadable


@dataclass(frozen=True)
class Line:
    """One line of a worked solution: what is asked, and the answer, which is left blank or filled in."""

    id: str  # of the line of its rules
    kind: Kind
    name: str  # what the answer is called: the node's name, or that of its number after the update
    node: Value
    question: str  # such as `∂L/∂a`, or `e = a * b`
    answer: Any
    is_blank: bool
    working: str  # how one comes to the answer
    steps: tuple[ForwardStep | BackwardStep, ...]  # of the pass that lead to it; none of an update

    @property
    def asked(self) -> str:
        """What stands before the box for the answer, without the formula: `e`, `∂L/∂e` or `w_new`."""
        return self.name if self.kind == "value" else self.question


@dataclass(frozen=True)
class Exercise:
    """A formula with numbers: what to compute, and what the numbers tell about mistakes."""

    name: str
    formula: str  # in the language of `parse`
    numbers: Mapping[str, Number]
    source: str = ""  # of a classic example
    given: Mapping[str, Number] = field(default_factory=dict)  # results that are decimals: of tanh and sigmoid
    learning_rate: Fraction | None = None  # of an update after the pass; below 0 of one that goes up, to maximise
    parameters: tuple[str, ...] = ()  # what the update changes
    ask: tuple[str, ...] = ()  # the nodes whose gradients are asked for; if empty, all that have a name
    forward: bool = True  # whether the values of the forward pass are asked for; they are given if not

    @cached_property
    def root(self) -> Value:
        """The output, at the end of a graph of exact fractions."""
        changed = {name: parameter(self.numbers[name], name) for name in self.parameters}
        root = parse(self.formula, **{**self.numbers, **changed})
        if not self.given:
            return root
        for v in topological_order(root):
            if v.label in self.given:
                v.op = Told(v.op, _places(self.given[v.label]))
        return recompute(root)

    @cached_property
    def rules(self) -> Lines:
        """The lines of both passes and of the update, with the rules by which they follow, right and mistaken."""
        check_rate(self.learning_rate)
        return lines_of(self.root, MISTAKES, self.learning_rate)

    @cached_property
    def _truths(self) -> dict[str, Any]:
        """The right number of each line, by its id."""
        return truths_of(self.rules)

    @cached_property
    def _asked(self) -> dict[str, str]:
        """What is asked for in the backward pass and the update, by name, with the ids of the lines."""
        return {line.name: line.id for line in self.rules.lines if line.kind != "value" and self._is_asked(line)}

    def _is_asked(self, line: Rule) -> bool:
        if line.kind == "value":
            return self.forward
        if line.kind == "update":
            return line.node.label in self.parameters
        return line.node is not self.root and (line.name in self.ask if self.ask else bool(line.node.label))

    @cached_property
    def answers(self) -> dict[str, Any]:
        """The right answers by what is asked: the gradients, in the order of the pass, and then the updated numbers."""
        numbers = self.rules.numbers()
        return {name: numbers[line] for name, line in self._asked.items()}

    @cached_property
    def visible(self) -> dict[str, tuple[Any, ...]]:
        """The answers that each mistake of the backward pass and the update leads to, by its id, if it changes any."""
        return self.wrong_answers(self.rules)

    def wrong_answers(self, rules: Lines, told: Mapping[str, Any] = MappingProxyType({})) -> dict[str, tuple[Any, ...]]:
        """Return the answers that each mistake of these rules leads to, by its id, if it changes any.

        Args:
            rules: with all of the mistakes or some.
            told: the numbers of lines that are filled in, with which one goes on.
        """
        lines = [line for line in rules.lines if line.kind != "value"]
        asked = [line.id for line in lines if self._is_asked(line)]
        possible = {key for line in lines for key in line.wrong}
        numbers, seen = rules.numbers(), dict[str, tuple[Any, ...]]()
        right = tuple(numbers[line] for line in asked)
        for mistake in MISTAKES:
            if mistake.id in possible:
                try:
                    numbers = rules.numbers(mistake.id, told)
                except (ArithmeticError, ValueError):
                    continue
                wrong = tuple(numbers[line] for line in asked)
                if any(map(is_other, wrong, right)):
                    seen[mistake.id] = wrong
        return seen

    def telling(self, fade: float = 1.0) -> list[tuple[Mistake, dict[str, Any]]]:
        """Return the visible mistakes, each with the answers that it changes."""
        right, told = self.answers, {line.id: line.answer for line in self.lines(fade) if not line.is_blank}
        return [
            (find(mistake_id), {name: x for name, x in zip(right, wrong, strict=True) if is_other(x, right[name])})
            for mistake_id, wrong in self.wrong_answers(self.rules, told).items()
        ]

    def question(self, name: str, to: Script = TEXT) -> str:
        """Return what is asked by the name of an answer: `∂L/∂a` by `a`, and `w_new` by that."""
        return to.name(name) if self.is_updated(name) else to.partial(to.name(self.root.label), to.name(name))

    def is_updated(self, name: str) -> bool:
        """Tell whether an answer is a number after the update, and not a gradient."""
        return name.removesuffix(NEW) in self.parameters and name.endswith(NEW)

    @property
    def conditions(self) -> list[str]:
        """What is given: `a = 2` and so on."""
        return [f"{name} = {show(x)}" + " (rounded)" * is_rounded for name, x, is_rounded in self.told]

    @property
    def told(self) -> list[tuple[str, Any, bool]]:
        """What is given: names, numbers, and whether these are rounded; values of the forward pass if not asked for."""
        own = [(name, x, _is_shortened(x)) for name, x in self.numbers.items()]
        values = [] if self.forward else [(s.name, s.result) for s in forward_steps(self.root) if s.operands]
        return [
            *own,
            *((name, x, True) for name, x in self.given.items()),
            *((name, x, _is_shortened(x)) for name, x in values if name not in self.given),
        ]

    @property
    def task(self) -> str:
        """What is to be done, in a sentence."""
        return self.write_task()

    def write_task(self, to: Script = TEXT, math: Callable[[str], str] = str) -> str:
        """Return the task in a script, `math` applied to what is a formula."""
        root = math(to.name(self.root.label))
        gradients, updates = list[str](), list[str]()
        for name in self.answers:
            (updates if self.is_updated(name) else gradients).append(math(self.question(name, to)))
        first = "" if self.root.label in self.given or not self.forward else f"{root}, then "
        task = f"Compute {first}{', '.join(gradients)}."
        if self.learning_rate is None:
            return task
        way = "by gradient descent" if self.learning_rate > 0 else f"to make {root} larger, by gradient ascent"
        rate = math(to.number(abs(self.learning_rate)))
        return f"{task} Then update once {way} with learning rate {rate}, to {', '.join(updates)}."

    @property
    def distinct(self) -> int:
        """How many of the visible mistakes lead to answers that no other one leads to."""
        wrong = list(self.visible.values())
        return sum(wrong.count(each) == 1 for each in wrong)

    def grade(
        self,
        answers: Mapping[str, Any],
        level: Level = "hint",
        values: Mapping[str, Any] | None = None,
        credit: float | Mapping[str, float] = 1.0,
    ) -> Grading:
        """Return what `grade` says of these answers, and of values of the forward pass."""
        asked = {*self._asked.values(), *(line.id for line in self.rules.lines if line.kind == "value")}
        return grade_lines(self.rules, self._truths, answers, values or {}, asked, level, self.learning_rate, credit)

    @cached_property
    def _names(self) -> dict[str, None]:
        """What is asked for, in order, as `Line.asked` says it."""
        return dict.fromkeys(line.asked for line in self.lines())

    def find(self, written: str) -> str:
        """Return which number is meant, as `Line.asked` says it: `dL/de` too, and by the name of a leaf its gradient.

        Raises:
            ValueError: it is not asked for; the text says what is.
        """
        meant = re.sub(r"^d([^\s/]+)/d([^\s/]+)$", r"∂\1/∂\2", written.strip())
        if meant in self._names:
            return meant
        if (of_leaf := self.question(meant)) in self._names:
            return of_leaf
        raise ValueError(f"{written!r} is not asked for: there are {', '.join(self._names)}")

    def grade_asked(self, answers: Mapping[str, Any], credit: float | Mapping[str, float] = 1.0) -> Grading:
        """Return what `grade` says of answers by what is asked, values of the forward pass among them."""
        parts: dict[bool, dict[str, Any]] = {True: {}, False: {}}  # whether they are values
        for line in self.lines():
            parts[line.kind == "value"][line.name] = answers.get(line.asked)
        return self.grade(parts[False], values=parts[True], credit=credit)

    def as_document(self) -> dict[str, Any]:
        """Return it as plain data, for JSON."""
        return {
            "formula": self.formula,
            "numbers": {name: str(x) for name, x in self.numbers.items()},
            "given": {name: str(x) for name, x in self.given.items()},
            "learning_rate": None if self.learning_rate is None else str(self.learning_rate),
            "parameters": list(self.parameters),
            "ask": list(self.ask),
            "forward": self.forward,
        }

    @classmethod
    def from_document(cls, name: str, document: Mapping[str, Any]) -> "Exercise":
        """Return the exercise of such data.

        Raises:
            AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError: it is no such data.
        """
        rate = document["learning_rate"]
        if len(document["formula"]) > LONGEST:
            raise ValueError(f"the formula of an exercise has at most {LONGEST:,} characters")
        if unknown := set(document["parameters"]) - set(document["numbers"]):
            raise ValueError(f"there is no number for the parameter {min(unknown)!r}")
        return cls(
            name,
            document["formula"],
            {letter: _read(x) for letter, x in document["numbers"].items()},
            given={letter: _read(x) for letter, x in document["given"].items()},
            learning_rate=None if rate is None else Fraction(rate if set(rate).isdisjoint("eE") else float(rate)),
            parameters=tuple(document["parameters"]),
            ask=tuple(document["ask"]),
            forward=bool(document.get("forward", True)),
        )

    def lines(self, fade: float = 1.0) -> list[Line]:
        """Return the worked solution as lines, of which some are blank.

        Args:
            fade: how much is left to the student, from 0, nothing, to 1, all of it; the last lines first.

        Raises:
            ValueError: fade is not between 0 and 1.
        """
        if not 0 <= fade <= 1:
            raise ValueError(f"fade is between 0, all is filled in, and 1, all is blank, not {fade}")
        asked, numbers = [rule for rule in self.rules.lines if self._is_asked(rule)], self.rules.numbers()
        shown = len(asked) - round(fade * len(asked))
        return [self._line(rule, numbers[rule.id], is_blank=k >= shown) for k, rule in enumerate(asked)]

    def _line(self, rule: Rule, answer: Any, is_blank: bool) -> Line:
        steps = self._steps.get((rule.kind, rule.node), [])
        question = " = ".join(steps[0].sides()[:2]) if rule.kind == "value" else self.question(rule.name)
        working = "; ".join(map(str, steps)) or write_update(rule.node, self.root, self.learning_rate)
        return Line(rule.id, rule.kind, rule.name, rule.node, question, answer, is_blank, working, tuple(steps))

    @cached_property
    def _steps(self) -> dict[tuple[Kind, Value], list[Any]]:
        """The steps of both passes that lead to a node's value, and to its gradient."""
        found: dict[tuple[Kind, Value], list[Any]] = {("value", s.node): [s] for s in forward_steps(self.root)}
        for step in backward_steps(self.root):
            found.setdefault(("gradient", step.operand), []).append(step)
        return found

    def __str__(self) -> str:
        """Return the exercise as a student gets it."""
        return f"{self.formula.replace('; ', chr(10))}\n\nGiven {', '.join(self.conditions)}.\n{self.task}"


def _is_shortened(x: Number) -> bool:
    return isinstance(x, float) and float(show(x)) != x


def _places(number: Number) -> int:
    """Return to how many decimals a number is rounded; all of a float's."""
    if isinstance(number, float):
        return 15
    return next(n for n in range(16) if 10**n % Fraction(number).denominator == 0 or n == 15)


def _read(number: str) -> Number:
    """Return a number of a document; only floats have a point, or an exponent."""
    return Fraction(number) if set(number).isdisjoint(".eE") else float(number)
