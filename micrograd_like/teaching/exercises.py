"""Exercises in backpropagation by hand, with numbers that are nice and that show mistakes.

    print(exercise(seed=1, level="diamond"))

Many draws of small numbers are tried, and the one is kept whose right gradients are nice and in which as many mistakes
as possible change an answer, each in its own way: what a student writes down then says which mistake it was.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any

from .. import ops
from ..engine import Value, topological_order
from ..expression import FUNCTIONS, parse
from ..ops import CONSTANT, PARAMETER
from ..steps import BackwardStep, ForwardStep, backward_steps, forward_steps, short
from .grading import NEW, Grading, Level, describe_step, grade
from .mistakes import MISTAKES, Mistake, find, gradients, updates

DRAWS = 60  # of numbers, of which the best is kept
LARGEST = 60  # a nice number is no larger, and has a denominator of 4 at most
PLACES = 4  # or has so many decimals, where decimals are given

Numbers = dict[str, Fraction]


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
    numbers: Numbers
    source: str = ""  # of a classic example
    given: Numbers = field(default_factory=dict)  # results that are given as decimals: those of tanh and sigmoid
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
        given = {v: g for v, g in gradients(self.root).items() if v.label in shown}
        for mistake in MISTAKES:
            try:
                wrong = tuple(self.answers_under(mistake, given=given).values())
            except (ArithmeticError, ValueError):
                continue
            if wrong != right:
                seen[mistake.id] = wrong
        return seen

    @property
    def telling(self) -> list[tuple[Mistake, dict[str, Any]]]:
        """The visible mistakes, each with the answers that it changes."""
        right = self.answers
        return [
            (find(mistake_id), {name: x for name, x in zip(right, wrong, strict=True) if x != right[name]})
            for mistake_id, wrong in self.visible.items()
        ]

    def answers_under(self, *mistakes: Mistake, given: Mapping[Value, Any] | None = None) -> dict[str, Any]:
        """Return the answers that these mistakes together lead to; arguments and errors are those of `gradients`."""
        found = {**gradients(self.root, *mistakes, given=given), **(given or {})}
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
        given = [f"{name} = {short(number)} (rounded)" for name, number in self.given.items()]
        return [*(f"{name} = {short(number)}" for name, number in self.numbers.items()), *given]

    @property
    def task(self) -> str:
        """What is to be done, in a sentence."""
        return self.write_task(self.root.label, self.question, str)

    def write_task(self, root: str, question: Callable[[str], str], number: Callable[[Any], str]) -> str:
        """Return the task with its names and numbers written in some other way, such as LaTeX."""
        asked = [question(name) for name in self.answers if not self.is_of_step(name)]
        task = f"Compute {root}, then {', '.join(asked)}."
        if self.learning_rate is None:
            return task
        names, rate = [question(name) for name in self.answers if self.is_of_step(name)], number(self.learning_rate)
        return f"{task} Then take one step of gradient descent with learning rate {rate}, to {', '.join(names)}."

    @property
    def distinct(self) -> int:
        """How many of the visible mistakes lead to answers that no other one leads to."""
        wrong = list(self.visible.values())
        return sum(wrong.count(each) == 1 for each in wrong)

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
            {letter: Fraction(x) for letter, x in document["numbers"].items()},
            given={letter: Fraction(x) for letter, x in document["given"].items()},
            learning_rate=None if rate is None else Fraction(rate),
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
        found, steps = gradients(self.root), list(backward_steps(self.root))
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
    if operations and LEVELS[level] in _FIXED:
        raise ValueError(f"the level {level!r} has its own operations: leave them out, or take another level")
    if not 2 <= size <= 12:
        raise ValueError(f"size is from 2 to 12 operations, not {size}")
    rng = Random(f"{seed} {level} {' '.join(operations)} {size}")
    best: tuple[int, int, Exercise] | None = None
    for k in range(40 * DRAWS):
        formula = LEVELS[level](rng, list(operations) or list(_STEPS), size)
        drawn = _with_numbers(f"{level} {seed}", formula, rng)
        if level == "descent":
            drawn = replace(drawn, learning_rate=rng.choice(RATES), parameters=("w", "b"))
        if _is_nice(drawn):
            score = (drawn.distinct, len(drawn.visible))
            if best is None or score > best[:2]:
                best = (*score, drawn)
        if best is not None and k >= DRAWS:
            break
    if best is None:
        raise ValueError(f"no nice numbers were found for level {level!r} with {', '.join(operations)}: allow others")
    return best[2]


def _with_numbers(name: str, formula: str, rng: Random) -> Exercise:
    """Return an exercise with small numbers for the leaves, and decimals for what is no fraction."""
    letters = sorted({v for v in _letters(formula) if f"{v} =" not in formula})
    drawn = Exercise(name, formula, {letter: _small(rng) for letter in letters})
    try:
        order = topological_order(drawn.root)
    except ValueError:
        return drawn  # which is not nice
    return replace(drawn, given={v.label: Fraction(f"{v.data:.2f}") for v in order if v.op in (ops.tanh, ops.sigmoid)})


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


def _tanh_neuron(rng: Random, operations: list[str], size: int) -> str:
    return "p = x1*w1; q = x2*w2; s = p + q; n = s + b; o = tanh(n); L = v*o"


def _sigmoid_neuron(rng: Random, operations: list[str], size: int) -> str:
    return "p = x1*w1; q = x2*w2; s = p + q; n = s + b; o = sigmoid(n); L = v*o"


def _two_neurons(rng: Random, operations: list[str], size: int) -> str:
    return (
        "m1 = w1*x; n1 = m1 + b1; h1 = relu(n1); m2 = w2*x; n2 = m2 + b2; h2 = relu(n2); "
        "p1 = v1*h1; p2 = v2*h2; o = p1 + p2; e = o - y; L = e**2"
    )


def _descent(rng: Random, operations: list[str], size: int) -> str:
    return "p = w*x; s = p + b; e = s - y; L = e**2"


RATES = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 10), Fraction(1, 20))

LEVELS: dict[str, Callable[[Random, list[str], int], str]] = {
    "operation": _one_operation,
    "chain": _chain,
    "shared": _used_twice,
    "diamond": _diamond,
    "neuron": _neuron,
    "tanh": _tanh_neuron,
    "sigmoid": _sigmoid_neuron,
    "network": _two_neurons,
    "descent": _descent,
}
_FIXED = (_neuron, _tanh_neuron, _sigmoid_neuron, _two_neurons, _descent)  # whatever operations are wanted


def _letters(formula: str) -> Iterator[str]:
    """Yield the names in a formula."""
    for word in "".join(c if c.isalnum() else " " for c in formula).split():
        if word[0].isalpha() and word not in FUNCTIONS:
            yield word


def _small(rng: Random) -> Fraction:
    return Fraction(rng.choice((-4, -3, -2, -1, 1, 2, 3, 4, 5, 6)), rng.choice((1, 1, 1, 2)))


def _is_nice(drawn: Exercise) -> bool:
    """Tell whether all numbers are small, no leaf's gradient is 0, and a step of gradient descent helps."""
    try:
        order = [v for v in topological_order(drawn.root) if v.op is not CONSTANT]
        found = gradients(drawn.root)
    except (ArithmeticError, ValueError):
        return False
    numbers = [Fraction(x) for v in order for x in (v.data, found[v])]
    if any(abs(x) > LARGEST or not _is_short(x, PLACES if drawn.given else 0) for x in numbers):
        return False
    if any(v.op in (ops.tanh, ops.sigmoid) and not Fraction(1, 2) <= abs(v.operands[0].data) <= 2 for v in order):
        return False
    return all(found[v] for v in order if not v.operands) and _helps(drawn)


def _is_short(x: Fraction, places: int) -> bool:
    return x.denominator <= 4 or 10**places % x.denominator == 0


def _helps(drawn: Exercise) -> bool:
    """Tell whether the step of an exercise, if it has one, ends at small numbers and a smaller loss."""
    if drawn.learning_rate is None:
        return True
    moved = {name: drawn.answers[f"{name}{NEW}"] for name in drawn.parameters}
    after = replace(drawn, numbers={**drawn.numbers, **moved})
    return after.root.data < drawn.root.data and all(abs(x) <= LARGEST and _is_short(x, 2) for x in moved.values())


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
