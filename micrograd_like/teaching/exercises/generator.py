"""Exercises in backpropagation by hand, with numbers that are nice and that show mistakes.

    print(exercise(seed=1, level="diamond"))

Many draws of small numbers are tried, and the one is kept whose right gradients are nice and in which as many mistakes
as possible change an answer, each in its own way: what a student writes down then says which mistake it was.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain, count, islice
from random import Random
from typing import Any

from ... import ops
from ...engine import Value, topological_order
from ...notation.expressions import parse
from ...ops import CONSTANT
from ..grading.comparison import gradients
from ..grading.lines import NEW, Told
from .exercise import Exercise, Number
from .levels import FIXED, LEVELS, STEPS, letters

# What a seed makes is fixed by this version, which keys store. Draws are compared by these mistakes alone, so that a
# new row in the table of mistakes changes no exercise.
VERSION = 2
COMPARED = frozenset(
    {
        *("overwrite", "paths_multiplied", "stale", "upstream_forgotten", "upstream_added", "value_for_gradient"),
        *("stopped_short", "local_forgotten", "factors_not_swapped", "product_rule_for_sum", "minus_lost"),
        *("division_sign_lost", "power_without_base", "power_without_factor", "exponent_kept", "activation_at_input"),
        *("relu_always_1", "relu_always_0", "uphill", "rate_forgotten", "update_for_number", "gradient_forgotten"),
    }
)

TRIES, DRAWS = 40, 60  # of formulas, and of numbers for each, of which the best is kept
ENOUGH = Fraction(9, 10)  # of the mistakes that show do so each in a way of its own
LARGEST = 60  # a nice number is no larger, and has a denominator of 4 at most
PLACES = 4  # or has so many decimals, where decimals are given
RATES = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 10), Fraction(1, 20))
FRACTIONS = Fraction(1, 6)  # of the numbers: how far apart exercises for a class are in their share of fractions
MISSES = 10_000  # draws in a row after which a formula is taken to have no more numbers
FORMULAS = 8  # of which one is looked for that has numbers for the whole class
OWN = 400  # draws of numbers for a formula of one's own
CLOSED = 0.25  # of the exercises with several paths have a relu that passes nothing on, if they can


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
    wants_closed = rng.random() < CLOSED
    best: tuple[tuple[bool, Fraction, int], Exercise] | None = None
    for _ in range(TRIES):
        formula = LEVELS[level](rng, operations, size)
        for _ in range(DRAWS):
            drawn = _with_numbers(f"{level} {seed}", formula, rng)
            if drawn and level == "descent":
                drawn = replace(drawn, learning_rate=rng.choice(RATES), parameters=("w", "b"))
            if drawn and _is_nice(drawn.root) and _helps(drawn):
                distinct, seen = _telling(drawn)
                is_meant = "relu" not in formula or _is_closed(drawn.root) is wants_closed
                score = is_meant, Fraction(distinct, seen or 1), distinct
                if best is None or score > best[0]:
                    best = score, drawn
        if best and best[0][0] and (best[0][1] >= ENOUGH or level == "operation"):
            break  # of many formulas squares would win, in which most mistakes show
    if best is None:
        raise ValueError(f"no nice numbers were found for level {level!r} with {', '.join(operations)}: allow others")
    return best[1]


def own(formula: str, numbers: Mapping[str, Number] | None = None, ask: Sequence[str] = (), seed: int = 0) -> Exercise:
    """Make an exercise of a formula of one's own.

    Args:
        formula: in the language of `parse`; what is to be asked for has a name: `u = a*b; L = u + c`.
        numbers: of the leaves, exact as Fractions; if there are none, such as tell mistakes apart are looked for.
        ask: the nodes whose gradients are asked for; all that have a name if left out.
        seed: of the numbers that are looked for.

    Raises:
        ValueError: the formula cannot be read, or its numbers do not suit it; there is no node to ask for; or no
            numbers were found for which it is defined.
    """
    formula = _with_result(formula)
    rng, best = Random(f"{seed} {formula}"), None
    if numbers:
        best = (True, 0, 0), Exercise("own", formula, dict(numbers), ask=tuple(ask))
    else:
        leaves = sorted(set(letters(formula)) - {step.partition("=")[0].strip() for step in formula.split(";")})
        parse(formula, **dict.fromkeys(leaves, Fraction(2)))  # says what is wrong with it
    for _ in range(0 if numbers else OWN):
        drawn = _with_numbers("own", formula, rng)
        try:
            if drawn:
                score = (_is_nice(drawn.root), *_telling(drawn))
                best = (score, drawn) if best is None or score > best[0] else best
        except (ArithmeticError, ValueError):
            continue
    if best is None:
        raise ValueError(f"no numbers were found for which {formula} is defined: give it some, such as x=2 w=-3")
    made = replace(best[1], ask=tuple(ask))
    names = [line.name for line in made.rules.lines if line.kind == "gradient" and line.node is not made.root]
    if unknown := [name for name in ask if name not in names]:
        raise ValueError(f"there is no gradient to ask for at {unknown[0]!r}: there are {', '.join(names)}")
    return made


def _with_result(formula: str) -> str:
    """Return a formula whose result has a name, by which it can be asked for."""
    *before, last = (step.strip() for step in formula.split(";"))
    if "=" in last or not last:
        return formula
    taken = set(re.findall(r"\w+", formula))
    name = next(name for name in chain(("L", "y", "z", "out"), (f"L{k}" for k in count())) if name not in taken)
    return "; ".join([*before, f"{name} = {last}"])


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
    distinct, visible = _telling(first)
    share = _fractions(first.root)
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
        drawn = replace(first, numbers=numbers, given={v.label: v.data for v in order if isinstance(v.op, Told)})
        if abs(_fractions(order[-1]) - share) > FRACTIONS or not _helps(drawn):
            continue
        mine = _telling(drawn)
        if mine[0] >= distinct - 1 and mine[1] >= visible - 1:
            misses = 0
            yield drawn


# -------------------- numbers --------------------

_ACTIVATIONS = (ops.tanh, ops.sigmoid)


def _with_numbers(name: str, formula: str, rng: Random) -> Exercise | None:
    """Return an exercise with small numbers for the leaves, and decimals for what is told; None if it has none.

    An operation may be undefined for these numbers.
    """
    leaves = sorted(set(letters(formula)) - {step.partition("=")[0].strip() for step in formula.split(";")})
    drawn = Exercise(name, formula, {leaf: _small(rng) for leaf in leaves})
    try:
        told = [v.label for v in topological_order(drawn.root) if v.op in _ACTIVATIONS]
        if not told:
            return drawn
        rounded = replace(drawn, given=dict.fromkeys(told, Fraction(1, 100)))
        return replace(drawn, given={v.label: v.data for v in topological_order(rounded.root) if v.label in told})
    except (ArithmeticError, ValueError):
        return None


_WHOLE = (-4, -3, -2, 2, 3, 4, 5, 6)  # 1 and -1 hide what was multiplied
_SMALL = (*map(Fraction, _WHOLE), *(Fraction(n, 2) for n in (-3, -1, 1, 3, 5)))


def _small(rng: Random) -> Fraction:
    return rng.choice(_SMALL if rng.random() < 0.25 else _SMALL[: len(_WHOLE)])


def _telling(drawn: Exercise) -> tuple[int, int]:
    """Return how many mistakes show in a way of their own, and how many show at all."""
    seen = [wrong for mistake_id, wrong in drawn.visible.items() if mistake_id in COMPARED]
    return sum(seen.count(each) == 1 for each in seen), len(seen)


def _fractions(root: Value) -> Fraction:
    """Return the share of the numbers, values and gradients, that are not whole."""
    numbers = [Fraction(x) for v, g in gradients(root).items() for x in (v.data, g)]
    return Fraction(sum(x.denominator > 1 for x in numbers), len(numbers))


def _is_closed(root: Value) -> bool:
    return any(v.op is ops.relu and not v.data for v in topological_order(root))


def _compute(order: Sequence[Value], passes_on: Sequence[bool]) -> bool:
    """Compute the nodes of a graph anew, as far as their numbers are small and each relu passes on what it should."""
    relus = iter(passes_on)
    for v in order:
        if v.operands:
            try:
                v.data = v.op.compute([x.data for x in v.operands])
            except (ArithmeticError, ValueError):
                return False
            if abs(v.data) > LARGEST or (v.op is ops.relu and (v.data > 0) is not next(relus)):
                return False
    return True


def _is_nice(root: Value) -> bool:
    """Tell whether all numbers are small, and leaves have gradients, all of them unless a relu is closed."""
    order = [v for v in topological_order(root) if v.op is not CONSTANT]
    inputs = [v.operands[0].data for v in order if isinstance(v.op, Told)]
    places = PLACES if inputs else 0
    if not all(Fraction(1, 2) <= abs(x) <= 2 for x in inputs) or not all(_is_small(v.data, places) for v in order):
        return False
    try:
        found = gradients(root)
    except (ArithmeticError, ValueError):
        return False
    of_leaves = [bool(g) for v, g in found.items() if not v.operands]
    enough = len(of_leaves) / 2 if _is_closed(root) else len(of_leaves)
    return all(_is_small(g, places) for g in found.values()) and sum(of_leaves) >= max(enough, 1)


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
