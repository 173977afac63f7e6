"""Exercises in backpropagation by hand, with numbers that are nice and that show mistakes.

    print(exercise(seed=1, level="diamond"))

Many draws of small numbers are tried, and the one is kept whose right gradients are nice and in which as many mistakes
as possible change an answer, each in its own way: what a student writes down then says which mistake it was.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from random import Random
from typing import Any

from ... import ops
from ...engine import Value, topological_order
from ...graph.steps import BackwardStep, ForwardStep, backward_steps, forward_steps
from ...notation.expressions import parse
from ...notation.numbers import show
from ...ops import CONSTANT, PARAMETER
from ..grading.grade import NEW, Grading, Level, describe_step, grade
from ..grading.mistakes import MISTAKES, Mistake, Passes, find, gradients, is_other, updates
from .levels import FIXED, LEVELS, STEPS, letters

DRAWS = 60  # of numbers, of which the best is kept
LARGEST = 60  # a nice number is no larger, and has a denominator of 4 at most
PLACES = 4  # or has so many decimals, where decimals are given
RATES = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 10), Fraction(1, 20))
FRACTIONS = Fraction(1, 6)  # of the numbers: how far apart exercises for a class are in their share of fractions
MISSES = 10_000  # draws in a row after which a formula is taken to have no more numbers
FORMULAS = 8  # of which one is looked for that has numbers for the whole class

Number = Fraction | float  # a float where a fraction would be unreadable


@dataclass(frozen=True)
class Line:
    """One line of a worked solution: what is asked, and the answer, which is left blank or filled in."""

    question: str  # such as `∂L/∂a`, or `e = a * b`
    answer: Any
    is_blank: bool
    node: Value
    working: str  # how one comes to the answer
    steps: tuple[ForwardStep | BackwardStep, ...]  # of the pass that lead to it; none of a step of gradient descent

    @property
    def is_value(self) -> bool:
        """Whether it is a node's value in the forward pass; else it is a gradient, or a number after a step."""
        return bool(self.steps) and isinstance(self.steps[0], ForwardStep)

    @property
    def name(self) -> str:
        """What the answer is called: the node's name, or that of its number after a step."""
        if not self.steps:
            return self.question
        return self.steps[0].name if isinstance(self.steps[0], ForwardStep) else self.node.label

    @property
    def operations(self) -> set[str]:
        """The names of the operations that it practises."""
        return {step.operation for step in self.steps} or {"step"}


@dataclass(frozen=True)
class Exercise:
    """A formula with numbers: what to compute, and what the numbers tell about mistakes."""

    name: str
    formula: str  # in the language of `parse`
    numbers: Mapping[str, Number]
    source: str = ""  # of a classic example
    given: Mapping[str, Number] = field(default_factory=dict)  # results that are decimals: of tanh and sigmoid
    learning_rate: Fraction | None = None  # of a step of gradient descent after the pass
    parameters: tuple[str, ...] = ()  # what the step changes

    @cached_property
    def root(self) -> Value:
        """The output, at the end of a graph of exact fractions."""
        leaves = {name: Value(number, name) for name, number in self.numbers.items()}
        for name in self.parameters:
            leaves[name].op = PARAMETER
        root = parse(self.formula, **leaves)
        for v in topological_order(root) if self.given else ():
            if v.operands:
                v.data = self.given[v.label] if v.label in self.given else v.op.compute([x.data for x in v.operands])
        return root

    @cached_property
    def _passes(self) -> Passes:
        return Passes(self.root)

    @cached_property
    def answers(self) -> dict[str, Any]:
        """The right answers by what is asked: the gradients, in the order of the pass, and then the step's numbers."""
        return self.answers_under()

    @cached_property
    def visible(self) -> dict[str, tuple[Any, ...]]:
        """The answers that each mistake leads to, by its id, if it changes any."""
        return self.visible_after(())

    def visible_after(self, shown: Collection[str]) -> dict[str, tuple[Any, ...]]:
        """Return the same if the gradients of some nodes are given, and one goes on with these."""
        right, seen = tuple(self.answers.values()), {}
        given = {v: g for v, g in self._passes.right.items() if v.label in shown}
        for mistake in MISTAKES:
            try:
                wrong = tuple(self.answers_under(mistake, given=given).values())
            except (ArithmeticError, ValueError):
                continue
            if wrong != right and any(map(is_other, wrong, right)):
                seen[mistake.id] = wrong
        return seen

    @property
    def telling(self) -> list[tuple[Mistake, dict[str, Any]]]:
        """The visible mistakes, each with the answers that it changes."""
        right = self.answers
        return [
            (find(mistake_id), {name: x for name, x in zip(right, wrong, strict=True) if is_other(x, right[name])})
            for mistake_id, wrong in self.visible.items()
        ]

    def answers_under(self, *mistakes: Mistake, given: Mapping[Value, Any] | None = None) -> dict[str, Any]:
        """Return the answers that these mistakes together lead to; arguments and errors are those of `gradients`."""
        found = {**self._passes.gradients(*mistakes, given=given), **(given or {})}
        answers = {v.label: g for v, g in reversed(found.items()) if v.label and v is not self.root}
        if self.learning_rate is not None:
            moved = {v.label: x for v, x in updates(self.root, found, self.learning_rate, *mistakes).items()}
            answers |= {f"{name}{NEW}": moved[name] for name in self.parameters}
        return answers

    def question(self, name: str) -> str:
        """Return what is asked by the name of an answer: `∂L/∂a` by `a`, and `w_new` by that."""
        return name if self.is_of_step(name) else f"∂{self.root.label}/∂{name}"

    def is_of_step(self, name: str) -> bool:
        """Tell whether an answer is a number after the step, and no gradient."""
        return name.removesuffix(NEW) in self.parameters and name.endswith(NEW)

    @property
    def conditions(self) -> list[str]:
        """What is given: `a = 2` and so on."""
        own = [f"{name} = {show(x)}" + " (rounded)" * _is_shortened(x) for name, x in self.numbers.items()]
        return [*own, *(f"{name} = {show(x)} (rounded)" for name, x in self.given.items())]

    @property
    def task(self) -> str:
        """What is to be done, in a sentence."""
        return self.write_task(self.root.label, self.question, str)

    def write_task(self, root: str, question: Callable[[str], str], number: Callable[[Any], str]) -> str:
        """Return the task with its names and numbers written in some other way, such as LaTeX."""
        asked = [question(name) for name in self.answers if not self.is_of_step(name)]
        first = "" if self.root.label in self.given else f"{root}, then "
        task = f"Compute {first}{', '.join(asked)}."
        if self.learning_rate is None:
            return task
        names, rate = [question(name) for name in self.answers if self.is_of_step(name)], number(self.learning_rate)
        return f"{task} Then take one step of gradient descent with learning rate {rate}, to {', '.join(names)}."

    @property
    def distinct(self) -> int:
        """How many of the visible mistakes lead to answers that no other one leads to."""
        wrong = list(self.visible.values())
        return sum(wrong.count(each) == 1 for each in wrong)

    @property
    def fractions(self) -> Fraction:
        """The share of the numbers, values and gradients, that are not whole."""
        numbers = [Fraction(x) for v, g in self._passes.right.items() for x in (v.data, g)]
        return Fraction(sum(x.denominator > 1 for x in numbers), len(numbers))

    def grade(self, answers: dict[str, Any], level: Level = "hint") -> Grading:
        """Return what `grade` says of these answers."""
        return grade(self.root, answers, level=level, learning_rate=self.learning_rate)

    def as_document(self) -> dict[str, Any]:
        """Return it as plain data, for JSON."""
        return {
            "formula": self.formula,
            "numbers": {name: str(x) for name, x in self.numbers.items()},
            "given": {name: str(x) for name, x in self.given.items()},
            "learning_rate": None if self.learning_rate is None else str(self.learning_rate),
            "parameters": list(self.parameters),
        }

    @classmethod
    def from_document(cls, name: str, document: Mapping[str, Any]) -> "Exercise":
        """Return the exercise of such data.

        Raises:
            AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError: it is no such data.
        """
        rate = document["learning_rate"]
        return cls(
            name,
            document["formula"],
            {letter: _read(x) for letter, x in document["numbers"].items()},
            given={letter: _read(x) for letter, x in document["given"].items()},
            learning_rate=None if rate is None else Fraction(rate if set(rate).isdisjoint("eE") else float(rate)),
            parameters=tuple(document["parameters"]),
        )

    def lines(self, fade: float = 1.0, rule: str = "") -> list[Line]:
        """Return the worked solution as lines, of which some are blank.

        Args:
            fade: how much is left to the student, from 0, nothing, to 1, all of it; the last lines first.
            rule: the name of an operation whose lines are to be practised: these are blank, and no others.

        Raises:
            ValueError: fade is not between 0 and 1, or the exercise has no such operation.
        """
        if not 0 <= fade <= 1:
            raise ValueError(f"fade is between 0, all is filled in, and 1, all is blank, not {fade}")
        forward = [s for s in self._forward() if s.name not in self.given]
        made = [Line(f"{s.name} = {s.equation}", s.result, True, s.node, str(s), (s,)) for s in forward]
        everything = [*made, *self._backward(), *self._descent()]
        if rule and not any(rule in line.operations for line in everything):
            raise ValueError(f"{rule!r} is no operation of this exercise")
        shown = len(everything) - round(fade * len(everything))
        return [
            replace(line, is_blank=rule in line.operations if rule else k >= shown) for k, line in enumerate(everything)
        ]

    def _forward(self) -> Iterator[ForwardStep]:
        return (step for step in forward_steps(self.root) if step.operands)

    def _backward(self) -> Iterator[Line]:
        """Yield a line for each named node's gradient."""
        found, steps = self._passes.right, list(backward_steps(self.root))
        for v in reversed(found):
            if v is not self.root and v.label:
                own = tuple(step for step in steps if step.operand is v)
                yield Line(self.question(v.label), found[v], True, v, "; ".join(map(str, own)), own)

    def _descent(self) -> Iterator[Line]:
        """Yield a line for each parameter's number after the step."""
        leaves = {v.label: v for v in topological_order(self.root) if v.op is PARAMETER}
        for name, answer in self.answers.items():
            if self.is_of_step(name):
                v = leaves[name.removesuffix(NEW)]
                yield Line(name, answer, True, v, describe_step(v, self.root, self.learning_rate), ())

    def __str__(self) -> str:
        """Return the exercise as a student gets it."""
        return f"{self.formula.replace('; ', chr(10))}\n\nGiven {', '.join(self.conditions)}.\n{self.task}"


def _is_shortened(x: Number) -> bool:
    return isinstance(x, float) and float(show(x)) != x


def _read(number: str) -> Number:
    """Return a number of a document; only floats have a point, or an exponent."""
    return Fraction(number) if set(number).isdisjoint(".eE") else float(number)


def exercise(seed: int = 0, level: str = "diamond", operations: Sequence[str] = (), size: int = 4) -> Exercise:
    """Make an exercise; the same seed makes the same, on every platform and Python version.

    Args:
        seed: which exercise.
        level: a name in LEVELS, from one operation to two neurons and a loss.
        operations: what to practise, of "+", "-", "*", "/", "**" and "relu"; all that suit the level if left out.
        size: how many operations a chain has.

    Raises:
        ValueError: an unknown level or operation, a size out of range, or nothing nice was found.
    """
    if level not in LEVELS:
        raise ValueError(f"a level is {', '.join(LEVELS)}, not {level!r}")
    if unknown := [op for op in operations if op not in STEPS]:
        raise ValueError(f"operations are {', '.join(STEPS)}, not {unknown[0]!r}")
    if operations and LEVELS[level] in FIXED:
        raise ValueError(f"the level {level!r} has its own operations: leave them out, or take another level")
    if not 2 <= size <= 12:
        raise ValueError(f"size is from 2 to 12 operations, not {size}")
    rng = Random(f"{seed} {level} {' '.join(operations)} {size}")
    operations = list(operations) or list(STEPS)
    if level == "operation":
        operations = [rng.choice(operations)]  # else it would always be the square, in which most mistakes show
    best: tuple[int, int, Exercise] | None = None
    for k in range(40 * DRAWS):
        formula = LEVELS[level](rng, operations, size)
        drawn = _with_numbers(f"{level} {seed}", formula, rng)
        if drawn and level == "descent":
            drawn = replace(drawn, learning_rate=rng.choice(RATES), parameters=("w", "b"))
        if drawn and _is_nice(drawn.root) and _helps(drawn):
            score = (drawn.distinct, len(drawn.visible))
            if best is None or score > best[:2]:
                best = (*score, drawn)
        if best is not None and k >= DRAWS:
            break
    if best is None:
        raise ValueError(f"no nice numbers were found for level {level!r} with {', '.join(operations)}: allow others")
    return best[2]


def alike(
    count: int, seed: int = 0, level: str = "diamond", operations: Sequence[str] = (), size: int = 4
) -> list[Exercise]:
    """Make exercises of equal difficulty, one for everybody in a class.

    They have the same formula and different numbers, with which about as many mistakes show, and about as many numbers
    are fractions. Where too few such numbers exist, they are given out again from the first: a class of 30 needs three
    letters or more. The other arguments, and the errors, are those of `exercise`.
    """
    most: list[Exercise] = []
    for k in range(FORMULAS):
        first = exercise(seed + 10**9 * k, level, operations, size)
        found = list(islice(_alike(first), count))
        if len(found) == count:
            return found
        most = max(most, found, key=len)
    return [most[i % len(most)] for i in range(count)]


def _alike(first: Exercise) -> Iterator[Exercise]:
    """Yield an exercise and others that are as difficult, as long as there are more."""
    yield first
    rng = Random(f"{first.name} {first.formula}")
    order = topological_order(replace(first).root)  # one graph, in which all numbers are tried
    leaves = {v.label: v for v in order if v.label in first.numbers}
    passes_on = [v.data > 0 for v in order if v.op is ops.relu]
    tried, misses = {tuple(map(_SMALL.index, first.numbers.values()))}, 0
    while misses < MISSES:
        misses += 1
        places = tuple(rng.choices(range(len(_SMALL)), k=len(leaves)))
        if places in tried:
            continue
        tried.add(places)
        numbers = {name: _SMALL[k] for name, k in zip(first.numbers, places, strict=True)}
        for name, number in numbers.items():
            leaves[name].data = number
        if not _compute(order, passes_on) or not _is_nice(order[-1]):
            continue
        drawn = replace(first, numbers=numbers, given={v.label: v.data for v in order if v.op in _ACTIVATIONS})
        if abs(drawn.fractions - first.fractions) > FRACTIONS or not _helps(drawn):
            continue
        if len(drawn.visible) >= len(first.visible) - 1 and drawn.distinct >= first.distinct - 1:
            misses = 0
            yield drawn


# -------------------- numbers --------------------

_ACTIVATIONS = (ops.tanh, ops.sigmoid)


def _with_numbers(name: str, formula: str, rng: Random) -> Exercise | None:
    """Return an exercise with small numbers for the leaves, and decimals for what is no fraction; None if it has none.

    An operation may be undefined for these numbers.
    """
    leaves = sorted({v for v in letters(formula) if f"{v} =" not in formula})
    drawn = Exercise(name, formula, {leaf: _small(rng) for leaf in leaves})
    try:
        order = topological_order(drawn.root)
    except ValueError:
        return None
    return replace(drawn, given={v.label: _rounded(v) for v in order if v.op in _ACTIVATIONS})


_SMALL = tuple(Fraction(n, d) for d in (1, 2) for n in (-4, -3, -2, -1, 1, 2, 3, 4, 5, 6) if d == 1 or n % 2)


def _small(rng: Random) -> Fraction:
    return Fraction(rng.choice((-4, -3, -2, -1, 1, 2, 3, 4, 5, 6)), rng.choice((1, 1, 1, 2)))


def _compute(order: Sequence[Value], passes_on: Sequence[bool]) -> bool:
    """Compute the nodes of a graph anew, as far as their numbers are small and each relu passes on what it should."""
    relus = iter(passes_on)
    for v in order:
        if v.operands:
            try:
                v.data = _rounded(v) if v.op in _ACTIVATIONS else v.op.compute([x.data for x in v.operands])
            except (ArithmeticError, ValueError):
                return False
            if abs(v.data) > LARGEST or (v.op is ops.relu and (v.data > 0) is not next(relus)):
                return False
    return True


def _rounded(v: Value) -> Fraction:
    """Return the result of tanh or sigmoid as it is given."""
    return Fraction(f"{v.op.compute([x.data for x in v.operands]):.2f}")


def _is_nice(root: Value) -> bool:
    """Tell whether all numbers are small and no leaf's gradient is 0."""
    order = [v for v in topological_order(root) if v.op is not CONSTANT]
    inputs = [v.operands[0].data for v in order if v.op in _ACTIVATIONS]
    places = PLACES if inputs else 0
    if not all(Fraction(1, 2) <= abs(x) <= 2 for x in inputs) or not all(_is_small(v.data, places) for v in order):
        return False
    try:
        found = gradients(root)
    except (ArithmeticError, ValueError):
        return False
    return all(_is_small(g, places) and (g or v.operands) for v, g in found.items())


def _is_small(x: Any, places: int) -> bool:
    return abs(x) <= LARGEST and _is_short(Fraction(x), places)


def _is_short(x: Fraction, places: int) -> bool:
    return x.denominator <= 4 or 10**places % x.denominator == 0


def _helps(drawn: Exercise) -> bool:
    """Tell whether the step of an exercise, if it has one, ends at small numbers and a smaller loss."""
    if drawn.learning_rate is None:
        return True
    moved = {name: drawn.answers[f"{name}{NEW}"] for name in drawn.parameters}
    after = replace(drawn, numbers={**drawn.numbers, **moved})
    return after.root.data < drawn.root.data and all(abs(x) <= LARGEST and _is_short(x, 2) for x in moved.values())
