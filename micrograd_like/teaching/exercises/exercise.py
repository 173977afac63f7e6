"""An exercise in backpropagation by hand: a formula with numbers, what is asked, and how it is worked out."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from ...engine import Value, recompute, topological_order
from ...graph.steps import BackwardStep, ForwardStep, backward_steps, forward_steps
from ...notation.expressions import parse
from ...notation.names import partial
from ...notation.numbers import show
from ...ops import PARAMETER
from ..grading.comparison import is_other
from ..grading.grade import check_rate, grade_lines, truths_of
from ..grading.kinds import Mistake
from ..grading.lines import NEW, Kind, Lines, Told, lines_of
from ..grading.lines import Line as Rule
from ..grading.mistakes import MISTAKES, find
from ..grading.report import Grading, Level, describe_update

LONGEST = 1_000  # characters of a formula, of some 60 nodes

Number = Fraction | float  # a float where a fraction would be unreadable


@dataclass(frozen=True)
class Line:
    """One line of a worked solution: what is asked, and the answer, which is left blank or filled in."""

    question: str  # such as `∂L/∂a`, or `e = a * b`
    answer: Any
    is_blank: bool
    node: Value
    working: str  # how one comes to the answer
    steps: tuple[ForwardStep | BackwardStep, ...]  # of the pass that lead to it; none of an update

    @property
    def kind(self) -> Kind:
        """Whether it is a node's value in the forward pass, its gradient, or its number after the update."""
        if not self.steps:
            return "update"
        return "value" if isinstance(self.steps[0], ForwardStep) else "gradient"

    @property
    def name(self) -> str:
        """What the answer is called: the node's name, or that of its number after a step."""
        if not self.steps:
            return self.question
        return self.steps[0].name if isinstance(self.steps[0], ForwardStep) else self.node.label

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
        leaves = {name: Value(number, name) for name, number in self.numbers.items()}
        for name in self.parameters:
            leaves[name].op = PARAMETER
        root = parse(self.formula, **leaves)
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
    def _nodes(self) -> dict[str, Value]:
        return {line.id: line.node for line in self.rules.lines}

    @cached_property
    def _asked(self) -> dict[str, str]:
        """What is asked for in the backward pass and the update, by name, with the ids of the lines."""
        return {line.name: line.id for line in self.rules.lines if self._is_asked(line)}

    def _is_asked(self, line: Rule) -> bool:
        if line.kind == "update":
            return line.node.label in self.parameters
        is_wanted = line.name in self.ask if self.ask else bool(line.node.label)
        return line.kind == "gradient" and is_wanted and line.node is not self.root

    @cached_property
    def answers(self) -> dict[str, Any]:
        """The right answers by what is asked: the gradients, in the order of the pass, and then the updated numbers."""
        numbers = self.rules.numbers()
        return {name: numbers[line] for name, line in self._asked.items()}

    @cached_property
    def visible(self) -> dict[str, tuple[Any, ...]]:
        """The answers that each mistake of the backward pass and the update leads to, by its id, if it changes any."""
        return self.visible_after(1.0)

    def visible_after(self, fade: float) -> dict[str, tuple[Any, ...]]:
        """Return the same if some lines are filled in, as in `lines`, and one goes on with these."""
        right, seen = tuple(self.answers.values()), dict[str, tuple[Any, ...]]()
        told = {} if fade == 1 else self._filled_in(fade)
        possible = {key for line in self.rules.lines if line.kind != "value" for key in line.wrong}
        for mistake in MISTAKES:
            if mistake.id in possible:
                try:
                    numbers = self.rules.numbers(mistake.id, told)
                except (ArithmeticError, ValueError):
                    continue
                wrong = tuple(numbers[line] for line in self._asked.values())
                if any(map(is_other, wrong, right)):
                    seen[mistake.id] = wrong
        return seen

    def _filled_in(self, fade: float) -> dict[str, Any]:
        filled = {(line.kind, line.node): line.answer for line in self.lines(fade) if not line.is_blank}
        return {line.id: filled[line.kind, line.node] for line in self.rules.lines if (line.kind, line.node) in filled}

    def telling(self, fade: float = 1.0) -> list[tuple[Mistake, dict[str, Any]]]:
        """Return the visible mistakes, each with the answers that it changes."""
        right = self.answers
        return [
            (find(mistake_id), {name: x for name, x in zip(right, wrong, strict=True) if is_other(x, right[name])})
            for mistake_id, wrong in self.visible_after(fade).items()
        ]

    def question(self, name: str) -> str:
        """Return what is asked by the name of an answer: `∂L/∂a` by `a`, and `w_new` by that."""
        return name if self.is_updated(name) else partial(self.root.label, name)

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
        values = [] if self.forward else [(step.name, step.result) for step in self._forward()]
        return [
            *own,
            *((name, x, True) for name, x in self.given.items()),
            *((name, x, _is_shortened(x)) for name, x in values if name not in self.given),
        ]

    @property
    def task(self) -> str:
        """What is to be done, in a sentence."""
        return self.write_task(self.root.label, self.question, str)

    def write_task(self, root: str, question: Callable[[str], str], number: Callable[[Any], str]) -> str:
        """Return the task with its names and numbers written in some other way, such as LaTeX."""
        asked = [question(name) for name in self.answers if not self.is_updated(name)]
        first = "" if self.root.label in self.given or not self.forward else f"{root}, then "
        task = f"Compute {first}{', '.join(asked)}."
        if self.learning_rate is None:
            return task
        names, rate = (
            [question(name) for name in self.answers if self.is_updated(name)],
            number(abs(self.learning_rate)),
        )
        way = "by gradient descent" if self.learning_rate > 0 else f"to make {root} larger, by gradient ascent"
        return f"{task} Then update once {way} with learning rate {rate}, to {', '.join(names)}."

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
        forward = [s for s in self._forward() if self.forward and s.name not in self.given]
        made = [Line(f"{s.name} = {s.equation}", s.result, True, s.node, str(s), (s,)) for s in forward]
        everything = [*made, *self._backward(), *self._descent()]
        shown = len(everything) - round(fade * len(everything))
        return [replace(line, is_blank=k >= shown) for k, line in enumerate(everything)]

    def _forward(self) -> Iterator[ForwardStep]:
        return (step for step in forward_steps(self.root) if step.operands)

    def _backward(self) -> Iterator[Line]:
        """Yield a line for each named node's gradient."""
        steps = list(backward_steps(self.root))
        for name, line in self._asked.items():
            if not self.is_updated(name):
                v = self._nodes[line]
                own = tuple(step for step in steps if step.operand is v)
                yield Line(self.question(name), self.answers[name], True, v, "; ".join(map(str, own)), own)

    def _descent(self) -> Iterator[Line]:
        """Yield a line for each parameter's number after the update."""
        for name, line in self._asked.items():
            if self.is_updated(name):
                v = self._nodes[line]
                working = describe_update(v, self.root, self.learning_rate)
                yield Line(name, self.answers[name], True, v, working, ())

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
