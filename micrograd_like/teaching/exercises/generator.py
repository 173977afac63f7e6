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
from ..grading.lines import NEW, Told, lines_of
from ..grading.mistakes import find
from .exercise import Exercise, Number
from .levels import LEVELS, STEPS, leaves

# What a seed makes is fixed by this version, which keys store. Draws are compared by these mistakes alone, so that a
# new row in the table of mistakes changes no exercise.
VERSION = 3
COMPARED = frozenset(
    {
        *("overwrite", "paths_multiplied", "stale", "upstream_forgotten", "upstream_added", "value_for_gradient"),
        *("stopped_short", "local_forgotten", "factors_not_swapped", "product_rule_for_sum", "minus_lost"),
        *("division_sign_lost", "power_without_base", "power_without_factor", "exponent_kept", "activation_at_input"),
        *("relu_always_1", "relu_always_0", "uphill", "downhill", "rate_forgotten", "update_for_number"),
        "gradient_forgotten",
    }
)

TRIES, DRAWS = 40, 60  # of formulas, and of numbers for each, of which the best is kept
ENOUGH = Fraction(9, 10)  # of the mistakes that show do so each in a way of its own
LARGEST = 60  # a nice number is no larger, and has a denominator of 4 at most
LEAST = 0.05  # of decimals that take a calculator: two places are to say something
PLACES = 4  # or has so many decimals, where decimals are given
RATES = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 10), Fraction(1, 20))
FRACTIONS = Fraction(1, 6)  # of the numbers: how far apart exercises for a class are in their share of fractions
MISSES = 10_000  # draws in a row after which a formula is taken to have no more numbers
FORMULAS = 8  # of which one is looked for that has numbers for the whole class
OWN = 400  # draws of numbers for a formula of one's own
CLOSED = 0.25  # of the exercises with a relu have one that passes nothing on, if they can


def exercise(
    seed: int = 0,
    level: str = "diamond",
    operations: Sequence[str] = (),
    size: int = 4,
    *,
    whole: bool = False,
    ask: Sequence[str] = (),
    forward: bool = True,
) -> Exercise:
    """Make an exercise; the same seed makes the same, on every platform and Python version.

    Args:
        seed: which exercise.
        level: a name in LEVELS, from one operation to softmax and cross-entropy.
        operations: what to practise, of "+", "-", "*", "/", "**" and "relu"; all that suit the level if left out.
        size: how many operations a chain has.
        whole: whether all numbers are whole, values and gradients, and no value is 1 or -1.
        ask: the nodes whose gradients are asked for; "leaves" for all leaves, and "parameters" for those that are
            updated, or else whose name does not begin with x or y, as samples do; all that have a name if left out.
        forward: whether the values of the forward pass are asked for; they are given if not.

    Raises:
        ValueError: an unknown level, operation or node, a size out of range, or nothing nice was found.
    """
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}; choose from {', '.join(LEVELS)}")
    kind = LEVELS[level]
    if unknown := [op for op in operations if op not in STEPS]:
        raise ValueError(f"unknown operation {unknown[0]!r}; choose from {', '.join(STEPS)}")
    if operations and kind.formulas:
        raise ValueError(f"the level {level!r} has its own operations: leave them out, or take another level")
    if not 2 <= size <= 12:
        raise ValueError(f"size is from 2 to 12 operations, not {size}")
    rng = Random(f"{seed} {level} {' '.join(operations)} {size}{' whole' * whole}")
    operations = list(operations) or list(STEPS)
    if level == "operation":
        operations = [rng.choice(operations)]  # else it would always be the square, in which most mistakes show
    wants_closed = rng.random() < CLOSED
    best: tuple[tuple[bool, Fraction, int], Exercise] | None = None
    for _ in range(TRIES):
        formula = kind.formula(rng, operations, size)
        for _ in range(DRAWS):
            drawn = _with_numbers(f"{level} {seed}", formula, rng, decimals=kind.decimals)
            if drawn and kind.parameters:
                rate = rng.choice(RATES[:1] if whole else RATES)
                drawn = replace(drawn, learning_rate=-rate if kind.maximise else rate, parameters=kind.parameters)
            if not drawn:
                continue
            is_meant = "relu" not in formula or _is_closed(drawn.root) is wants_closed
            may_be_best = best is None or is_meant >= best[0][0]
            if may_be_best and _is_nice(drawn.root, whole) and _helps(drawn):
                distinct, seen = _telling(drawn)
                score = is_meant, Fraction(distinct, seen or 1), distinct
                if best is None or score > best[0]:
                    best = score, drawn
        # Of many formulas squares would win, in which most mistakes show; behind a closed relu few do.
        if best and best[0][0] and (best[0][1] >= ENOUGH or level == "operation" or _is_closed(best[1].root)):
            break
    if best is None:
        allowed = "fractions" if whole else f"other operations than {', '.join(operations)}"
        raise ValueError(f"no nice numbers were found for level {level!r}: allow {allowed}")
    return asking(best[1], ask, forward)


def asking(drawn: Exercise, ask: Sequence[str], forward: bool) -> Exercise:
    """Return an exercise that asks for these gradients, and for values of the forward pass or not."""
    groups = {
        "leaves": [*drawn.numbers],
        "parameters": drawn.parameters or [name for name in drawn.numbers if not name.startswith(("x", "y"))],
    }
    wanted = tuple(dict.fromkeys(name for written in ask for name in groups.get(written, [written])))
    names = [line.name for line in drawn.rules.lines if line.kind == "gradient" and line.node is not drawn.root]
    if unknown := [name for name in wanted if name not in names]:
        raise ValueError(f"there is no gradient to ask for at {unknown[0]!r}: there are {', '.join(names)}")
    return replace(drawn, ask=wanted, forward=forward)


def own(
    formula: str,
    numbers: Mapping[str, Number] | None = None,
    ask: Sequence[str] = (),
    seed: int = 0,
    *,
    whole: bool = False,
    forward: bool = True,
) -> Exercise:
    """Make an exercise of a formula of one's own.

    Args:
        formula: in the language of `parse`; what is to be asked for has a name: `u = a*b; L = u + c`.
        numbers: of the leaves, exact as Fractions; if there are none, such as tell mistakes apart are looked for.
        ask: what is asked for, as in `exercise`.
        seed: of the numbers that are looked for.
        whole: whether all numbers are whole, as in `exercise`.
        forward: whether values are asked for.

    Raises:
        ValueError: the formula cannot be read, or its numbers do not suit it; there is no node to ask for; or no
            numbers were found for which it is defined.
    """
    formula = _with_result(formula)
    rng, best = Random(f"{seed} {formula}"), None
    if numbers:
        best = (True, 0, 0), Exercise("own", formula, dict(numbers))
    else:
        parse(formula, **dict.fromkeys(leaves(formula), Fraction(2)))  # says what is wrong with it
    for _ in range(0 if numbers else OWN):
        drawn = _with_numbers("own", formula, rng)
        try:
            if drawn:
                score = (_is_nice(drawn.root, whole), *_telling(drawn))
                best = (score, drawn) if best is None or score > best[0] else best
        except (ArithmeticError, ValueError):
            continue
    if best is None:
        raise ValueError(f"no numbers were found for which {formula} is defined: give it some, such as x=2 w=-3")
    if whole and not best[0][0]:
        raise ValueError(f"no whole numbers were found for {formula}: allow fractions")
    return asking(best[1], ask, forward)


def _with_result(formula: str) -> str:
    """Return a formula whose result has a name, by which it can be asked for."""
    *before, last = (step.strip() for step in formula.split(";"))
    if "=" in last or not last:
        return formula
    taken = set(re.findall(r"\w+", formula))
    name = next(name for name in chain(("L", "y", "z", "out"), (f"L{k}" for k in count())) if name not in taken)
    return "; ".join([*before, f"{name} = {last}"])


def alike(
    count: int,
    seed: int = 0,
    level: str = "diamond",
    operations: Sequence[str] = (),
    size: int = 4,
    *,
    expression: str = "",
    **options: Any,
) -> list[Exercise]:
    """Make exercises of equal difficulty, one for everybody in a class.

    They have the same formula and different numbers, with which about as many mistakes show, and about as many numbers
    are fractions. Where too few such numbers exist, they are given out again from the first: a class of 30 needs three
    letters or more. The formula is `expression`, or of a level; the other arguments, and the errors, are those of
    `exercise`.
    """
    most: list[Exercise] = []
    for k in range(FORMULAS):
        first = (
            own(expression, seed=seed, **options)
            if expression
            else exercise(seed + 10**9 * k, level, operations, size, **options)
        )
        found = list(islice(_alike(first, bool(options.get("whole"))), count))
        most = max(most, found, key=len)
        if len(found) == count or expression:
            break
    return [most[i % len(most)] for i in range(count)]


def _alike(first: Exercise, whole: bool) -> Iterator[Exercise]:
    """Yield an exercise and others that are as difficult, as long as there are more."""
    yield first
    distinct, visible = _telling(first)
    share = _fractions(first.root)
    rng = Random(f"{first.name} {first.formula}")
    order = topological_order(replace(first).root)  # one graph, in which all numbers are tried
    nodes = {v.label: v for v in order if v.label in first.numbers}
    passes_on = [v.data > 0 for v in order if v.op is ops.relu]
    kind = type(first.root.data)
    tried, misses = set[tuple[int, ...]](), 0
    if set(first.numbers.values()) <= set(_SMALL):
        tried.add(tuple(_SMALL.index(Fraction(x)) for x in first.numbers.values()))
    while misses < MISSES:
        misses += 1
        places = tuple(rng.choices(range(len(_SMALL)), k=len(nodes)))
        if places in tried:
            continue
        tried.add(places)
        numbers = {name: kind(_SMALL[k]) for name, k in zip(first.numbers, places, strict=True)}
        for name, number in numbers.items():
            nodes[name].data = number
        if not _compute(order, passes_on) or not _is_nice(order[-1], whole):
            continue
        drawn = replace(first, numbers=numbers, given={v.label: v.data for v in order if isinstance(v.op, Told)})
        if abs(_fractions(order[-1]) - share) > FRACTIONS or not _helps(drawn):
            continue
        mine = _telling(drawn)
        if mine[0] >= distinct - 1 and mine[1] >= visible - 1:
            misses = 0
            yield drawn


# -------------------- numbers --------------------

_TOLD = (ops.tanh, ops.sigmoid, ops.exp, ops.log)


def _with_numbers(name: str, formula: str, rng: Random, decimals: bool = False) -> Exercise | None:
    """Return an exercise with small numbers for the leaves, and decimals for what is told; None if it has none.

    An operation may be undefined for these numbers. With decimals nothing is told: all is computed with a calculator.
    """
    drawn = Exercise(name, formula, {leaf: (float if decimals else Fraction)(_small(rng)) for leaf in leaves(formula)})
    try:
        told = [v.label for v in topological_order(drawn.root) if v.op in _TOLD]
        if decimals or not told:
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
    rules = lines_of(drawn.root, map(find, sorted(COMPARED)), drawn.learning_rate)
    seen = list(drawn.wrong_answers(rules).values())
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


def _is_nice(root: Value, whole: bool = False) -> bool:
    """Tell whether all numbers are small, and leaves have gradients: all, unless a relu is closed or one is the max."""
    order = [v for v in topological_order(root) if v.op is not CONSTANT]
    inputs = [v.operands[0].data for v in order if isinstance(v.op, Told)]
    places = PLACES if inputs else 0
    if not all(Fraction(1, 2) <= abs(x) <= 2 for x in inputs) or not all(_is_small(v.data, places) for v in order):
        return False
    if any(v.op is ops.relu and not v.operands[0].data for v in order) or any(
        v.op is ops.maximum and v.operands[0].data == v.operands[1].data for v in order
    ):
        return False  # there the derivative is a convention
    if whole and not all(abs(v.data) != 1 and v.data == int(v.data) for v in order):
        return False
    try:
        found = gradients(root)
    except (ArithmeticError, ValueError):
        return False
    of_leaves = [bool(g) for v, g in found.items() if not v.operands]
    some_are_0 = _is_closed(root) or any(v.op is ops.maximum for v in order)
    enough = min(len(of_leaves) - 1, 1) if some_are_0 else len(of_leaves)
    return all(_is_small(g, places) and (not whole or g == int(g)) for g in found.values()) and sum(of_leaves) >= enough


def _is_small(x: Any, places: int) -> bool:
    if isinstance(x, float):
        return not x or LEAST <= abs(x) <= LARGEST
    return abs(x) <= LARGEST and _is_short(x, places)


def _is_short(x: Fraction, places: int) -> bool:
    return x.denominator <= 4 or 10**places % x.denominator == 0


def _helps(drawn: Exercise) -> bool:
    """Tell whether an update, if there is one, ends at small numbers and a smaller loss, or a larger score."""
    if drawn.learning_rate is None:
        return True
    moved = {name: drawn.answers[f"{name}{NEW}"] for name in drawn.parameters}
    after = replace(drawn, numbers={**drawn.numbers, **moved})
    better = after.root.data < drawn.root.data if drawn.learning_rate > 0 else after.root.data > drawn.root.data
    return better and all(abs(x) <= LARGEST and _is_short(x, 2) for x in moved.values())
