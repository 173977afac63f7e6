"""The slips that people make in the forward pass, each as other numbers that a node may be given.

A slip is told apart at one node: from the numbers that somebody has for its operands, right or wrong. Made of Values in
place of numbers, it is a graph, which can be written out.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ... import ops
from ...engine import Value
from .mistakes import Mistake

_OTHERS = {
    ops.add: (ops.multiply, ops.subtract),
    ops.subtract: (ops.add,),
    ops.multiply: (ops.add, ops.divide),
    ops.divide: (ops.multiply, ops.subtract),
}


def _swapped(v: Value, numbers: Sequence[Any]) -> Iterator[Any]:
    if v.op in (ops.subtract, ops.divide, ops.power):
        yield v.op(*numbers[::-1])


def _negated(v: Value, numbers: Sequence[Any]) -> Iterator[Any]:
    if v.op is not ops.subtract:  # where it is the operands that were swapped
        yield -v.op(*numbers)


def _other_operation(v: Value, numbers: Sequence[Any]) -> Iterator[Any]:
    for other in _OTHERS.get(v.op, ()):
        yield other(*numbers)


def _left_out(v: Value, numbers: Sequence[Any]) -> Iterator[Any]:
    if v.op is ops.add:
        yield from numbers


def _times_exponent(v: Value, numbers: Sequence[Any]) -> Iterator[Any]:
    if v.op is ops.power:
        yield numbers[0] * numbers[1]


def _passed_on(v: Value, numbers: Sequence[Any]) -> Iterator[Any]:
    if v.op is ops.relu:
        yield from (numbers[0], abs(numbers[0]))


def _function_left_out(v: Value, numbers: Sequence[Any]) -> Iterator[Any]:
    if v.op in (ops.tanh, ops.sigmoid, ops.exp):
        yield numbers[0]


# fmt: off
SLIPS = (
    Mistake("operands_swapped", "operands swapped",
        "In x - y, x/y and x**y it matters which number stands first.",
        "Which of the two numbers is subtracted, divided by, or the exponent?", slip=_swapped),
    Mistake("sign_wrong", "sign wrong", "The size is right, and the sign is not.",
        "Is the result above 0 or below?", slip=_negated),
    Mistake("other_operation", "another operation",
        "The numbers were put together by another operation than the one that is meant.",
        "Which operation stands between the two?", slip=_other_operation),
    Mistake("operand_left_out", "one number of a sum left out", "A sum has two numbers; only one of them was taken.",
        "Which two numbers are added here?", slip=_left_out),
    Mistake("times_exponent", "multiplied by the exponent", "x**n is x multiplied by itself, n times; it is not n*x.",
        "What is 3**2, written as a product?", slip=_times_exponent),
    Mistake("relu_passed_on", "relu passed a negative number on", "relu makes 0 of everything below 0.",
        "Is what goes into relu above 0?", slip=_passed_on),
    Mistake("function_left_out", "function left out", "The function was not applied: what goes into it was taken over.",
        "What does the function make of its input?", slip=_function_left_out),
)
# fmt: on


def slips_at(v: Value, numbers: Sequence[Any]) -> Iterator[tuple[Mistake, Any]]:
    """Yield each slip that can be made at a node, and what it makes of the numbers of the operands."""
    for mistake in SLIPS:
        assert mistake.slip
        try:
            for number in mistake.slip(v, numbers):
                yield mistake, number
        except (ArithmeticError, ValueError):
            continue
