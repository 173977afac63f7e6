"""Laying out source in lines, in whatever language."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from .. import ops
from .lower import Instruction, Lowered, Operand

WIDTH = 110
LONGEST = 32  # terms of a sum in one line; what is longer takes several, for parsers dislike deep expressions


def write_code(program: Lowered, write: Callable[[Instruction], str], comment: str) -> list[str]:
    """Return a line for each instruction, with comments where a pass or another neuron begins."""
    lines = []
    for title, code in ("forward", program.forward), ("backward", program.backward):
        place = ""
        lines += [comment.format(title)] if code else []
        for instruction in code:
            if instruction.place not in ("", place):
                place = instruction.place
                lines.append(comment.format(place))
            lines.append(write(instruction))
    return lines


def cut_sums(program: Lowered) -> Lowered:
    """Return the program with its long sums as several instructions each."""
    code = (*program.forward, *program.backward)
    taken = {*program.inputs, *program.parameters, *(instruction.target for instruction in code)}
    passes = ((x for line in code for x in cut_sum(line, taken)) for code in (program.forward, program.backward))
    forward, backward = map(tuple, passes)
    return program._replace(forward=forward, backward=backward)


def cut_sum(instruction: Instruction, taken: set[str]) -> Iterator[Instruction]:
    """Yield the instruction, or those that add up what it adds up; names that are taken are not given, and noted."""
    target, op, operands, place = instruction
    if op not in (ops.sum, ops.dot) or len(operands) <= 2 * LONGEST:
        yield instruction
        return
    terms: list[tuple[Operand, ...]] = [(x,) for x in operands]
    start: tuple[Operand, ...] = ()
    if op is ops.dot:
        half = len(operands) // 2
        terms, start = list(zip(operands[:half], operands[half:], strict=False)), operands[2 * half :]
    number = 1
    for i in range(0, len(terms), LONGEST):
        last = i + LONGEST >= len(terms)
        while not last and f"{target}_{number}" in taken:
            number += 1
        name = target if last else f"{target}_{number}"
        taken.add(name)
        columns = zip(*terms[i : i + LONGEST], strict=True)
        yield Instruction(name, op, (*(x for column in columns for x in column), *start), place)
        start = (name,)


def listed(items: Sequence[str], opening: str, closing: str) -> list[str]:
    """Return items with commas between them, in lines that are not too long."""
    lines, line = [], opening
    for item in items:
        if len(line) + len(item) > WIDTH:
            lines.append(line.rstrip())
            line = "    "
        line += f"{item}, "
    return [*lines, line.removesuffix(", ") + closing]


def sums_of_zeros(names: Sequence[str]) -> list[str]:
    """Return sums that are 0 if all of the names are finite, and NaN otherwise."""
    return [" + ".join(f"({x} - {x})" for x in names[i : i + 6]) for i in range(0, len(names), 6)]


def indented(lines: Iterable[str]) -> list[str]:
    """Return the lines one level further in."""
    return [f"    {line}" for line in lines]
