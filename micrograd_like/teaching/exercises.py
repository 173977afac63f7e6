"""Exercises in backpropagation by hand, with numbers that are nice and that show mistakes.

    print(exercise(seed=1, level="diamond"))

Many draws of small numbers are tried, and the one is kept whose right gradients are nice and in which as many mistakes
as possible change an answer, each in its own way: what a student writes down then says which mistake it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any

from ..engine import Value, topological_order
from ..expression import parse
from ..ops import CONSTANT
from ..steps import BackwardStep, ForwardStep, backward_steps, forward_steps, short
from .grading import Grading, Level, grade
from .mistakes import MISTAKES, gradients

DRAWS = 60  # of numbers, of which the best is kept
LARGEST = 60  # a nice number is no larger, and has a denominator of 4 at most

Numbers = dict[str, Fraction]


@dataclass(frozen=True)
class Line:
    """One line of a worked solution: what is asked, and the answer, which is left blank or filled in."""

    question: str  # such as `∂L/∂a`, or `e = a * b`
    answer: Any
    is_blank: bool
    node: Value
    working: str  # how one comes to the answer


@dataclass(frozen=True)
class Exercise:
    """A formula with numbers: what to compute, and what the numbers tell about mistakes."""

    name: str
    formula: str  # in the language of `parse`
    numbers: Numbers
    source: str = ""  # of a classic example

    @cached_property
    def root(self) -> Value:
        """The output, at the end of a graph of exact fractions."""
        return parse(self.formula, **{name: Value(number, name) for name, number in self.numbers.items()})

    @cached_property
    def answers(self) -> dict[str, Any]:
        """The right gradient of every named node but the output, in the order in which the pass comes to them."""
        found = gradients(self.root)
        return {v.label: g for v, g in reversed(found.items()) if v.label and v is not self.root}

    @cached_property
    def visible(self) -> dict[str, tuple[Any, ...]]:
        """The answers that each mistake leads to, by its id, if it changes any."""
        right, seen = tuple(self.answers.values()), {}
        for mistake in MISTAKES:
            try:
                found = gradients(self.root, mistake)
            except (ArithmeticError, ValueError):
                continue
            wrong = tuple(g for v, g in reversed(found.items()) if v.label in self.answers)
            if wrong != right:
                seen[mistake.id] = wrong
        return seen

    @property
    def distinct(self) -> int:
        """How many of the visible mistakes lead to answers that no other one leads to."""
        wrong = list(self.visible.values())
        return sum(wrong.count(each) == 1 for each in wrong)

    def grade(self, answers: dict[str, Any], level: Level = "hint") -> Grading:
        """Return what `grade` says of these answers."""
        return grade(self.root, answers, level=level)

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
        made = [(s.name + " = " + s.equation, s.result, s.node, str(s), s.operation) for s in self._forward()]
        back = [(q, answer, v, working, used) for q, answer, v, working, used in self._backward()]
        everything = [*made, *back]
        if rule and not any(rule in used.split() for *_, used in everything):
            raise ValueError(f"{rule!r} is no operation of this exercise")
        shown = len(everything) - round(fade * len(everything))
        return [
            Line(question, answer, rule in used.split() if rule else k >= shown, v, working)
            for k, (question, answer, v, working, used) in enumerate(everything)
        ]

    def _forward(self) -> Iterator[ForwardStep]:
        return (step for step in forward_steps(self.root) if step.operands)

    def _backward(self) -> Iterator[tuple[str, Any, Value, str, str]]:
        """Yield for each named node what is asked, the gradient, the node, the working and the operations used."""
        found, steps = gradients(self.root), list(backward_steps(self.root))
        output = steps[0].output
        for v in reversed(found):
            if v is not self.root and v.label:
                own: list[BackwardStep] = [step for step in steps if step.operand is v]
                used = " ".join(step.operation for step in own)
                yield f"∂{output}/∂{v.label}", found[v], v, "; ".join(map(str, own)), used

    def __str__(self) -> str:
        """Return the exercise as a student gets it."""
        given = ", ".join(f"{name} = {short(number)}" for name, number in self.numbers.items())
        asked = ", ".join(f"∂{self.root.label}/∂{name}" for name in self.answers)
        return f"{self.formula.replace('; ', chr(10))}\n\nGiven {given}: compute {self.root.label}, then {asked}."


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
    if unknown := [op for op in operations if op not in _STEPS]:
        raise ValueError(f"operations are {', '.join(_STEPS)}, not {unknown[0]!r}")
    if operations and level in ("neuron", "network"):
        raise ValueError(f"the level {level!r} has its own operations: leave them out, or take another level")
    if not 2 <= size <= 12:
        raise ValueError(f"size is from 2 to 12 operations, not {size}")
    rng = Random(f"{seed} {level} {' '.join(operations)} {size}")
    best: tuple[int, int, Exercise] | None = None
    for k in range(40 * DRAWS):
        formula = LEVELS[level](rng, list(operations) or list(_STEPS), size)
        names = sorted({v for v in _letters(formula) if f"{v} =" not in formula})
        drawn = Exercise(f"{level} {seed}", formula, {name: _small(rng) for name in names})
        if _is_nice(drawn):
            score = (drawn.distinct, len(drawn.visible))
            if best is None or score > best[:2]:
                best = (*score, drawn)
        if best is not None and k >= DRAWS:
            break
    if best is None:
        raise ValueError(f"no nice numbers were found for level {level!r} with {', '.join(operations)}: allow others")
    return best[2]


# -------------------- formulas --------------------

_STEPS: dict[str, Callable[[str, str], str]] = {
    "+": lambda x, y: f"{x} + {y}",
    "-": lambda x, y: f"{x} - {y}",
    "*": lambda x, y: f"{x}*{y}",
    "/": lambda x, y: f"{x}/{y}",
    "**": lambda x, y: f"{x}**2",
    "relu": lambda x, y: f"relu({x})",
}


def _one_operation(rng: Random, operations: list[str], size: int) -> str:
    return f"L = {_STEPS[rng.choice(operations)]('a', 'b')}"


def _chain(rng: Random, operations: list[str], size: int) -> str:
    """Return steps each of which goes on from the one before, most with a new letter."""
    leaves, inner = iter("abcdfghkmpqrs"), "uvwxyztonlij"
    steps, last = [], next(leaves)
    for k in range(size):
        name = "L" if k == size - 1 else inner[k]
        op = rng.choice(operations)
        new = "" if op in ("**", "relu") else next(leaves)
        steps.append(f"{name} = {_STEPS[op](*rng.sample([last, new], 2) if new else (last, ''))}")
        last = name
    return "; ".join(steps)


def _used_twice(rng: Random, operations: list[str], size: int) -> str:
    binary = [op for op in operations if op not in ("**", "relu")] or ["*"]
    first, last = rng.choice(operations), rng.choice(binary)
    return f"u = {_STEPS[first]('a', 'b')}; v = {_STEPS[rng.choice(binary)]('u', 'c')}; L = {_STEPS[last]('v', 'u')}"


def _diamond(rng: Random, operations: list[str], size: int) -> str:
    binary = [op for op in operations if op not in ("**", "relu")] or ["*"]
    one, other = rng.choice(binary), rng.choice(binary)
    return (
        f"u = {_STEPS[rng.choice(binary)]('a', 'b')}; v = {_STEPS[one]('u', 'a')}; "
        f"w = {_STEPS[rng.choice(operations)]('u', 'c')}; L = {_STEPS[other]('v', 'w')}"
    )


def _neuron(rng: Random, operations: list[str], size: int) -> str:
    return "p = x1*w1; q = x2*w2; s = p + q; n = s + b; o = relu(n); e = o - y; L = e**2"


def _two_neurons(rng: Random, operations: list[str], size: int) -> str:
    return (
        "n1 = w1*x + b1; h1 = relu(n1); n2 = w2*x + b2; h2 = relu(n2); "
        "p1 = v1*h1; p2 = v2*h2; o = p1 + p2; e = o - y; L = e**2"
    )


LEVELS: dict[str, Callable[[Random, list[str], int], str]] = {
    "operation": _one_operation,
    "chain": _chain,
    "shared": _used_twice,
    "diamond": _diamond,
    "neuron": _neuron,
    "network": _two_neurons,
}


def _letters(formula: str) -> Iterator[str]:
    """Yield the names in a formula."""
    for word in "".join(c if c.isalnum() else " " for c in formula).split():
        if word[0].isalpha() and word != "relu":
            yield word


def _small(rng: Random) -> Fraction:
    return Fraction(rng.choice((-4, -3, -2, -1, 1, 2, 3, 4, 5, 6)), rng.choice((1, 1, 1, 2)))


def _is_nice(drawn: Exercise) -> bool:
    """Tell whether all numbers of both passes are small, and none of the gradients is 0 throughout."""
    try:
        order = [v for v in topological_order(drawn.root) if v.op is not CONSTANT]
        found = gradients(drawn.root)
    except (ArithmeticError, ValueError):
        return False
    numbers = [Fraction(x) for v in order for x in (v.data, found[v])]
    if any(abs(x) > LARGEST or x.denominator > 4 for x in numbers):
        return False
    return all(found[v] for v in order if not v.operands)


# -------------------- classics --------------------


def _classic(name: str, formula: str, source: str, **numbers: Any) -> Exercise:
    return Exercise(name, formula, {letter: Fraction(x) for letter, x in numbers.items()}, source)


CLASSICS = {
    example.name: example
    for example in (
        _classic("cs231n", "q = x + y; L = q*z", "Stanford CS231n, Backpropagation, Intuitions", x=-2, y=5, z=-4),
        _classic(
            "karpathy", "e = a*b; d = e + c; L = d*f", "A. Karpathy, The spelled-out intro to neural networks and "
            "backpropagation", a=2, b=-3, c=10, f=-2,
        ),
        _classic("colah", "c = a + b; d = b + 1; L = c*d", "C. Olah, Calculus on Computational Graphs", a=2, b=1),
        _classic("twice", "L = a + a", "A. Karpathy, the same lecture: one node used twice", a=3),
        _classic("square", "u = 3*w; v = 2 + u; L = v**2", "the chain of (2 + 3w)**2", w=3),
    )
}  # fmt: skip
