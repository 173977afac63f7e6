"""The tape of a lowered program: what the evaluator in `evaluate.c` runs, and the evaluator itself."""

import ctypes
from array import array
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from .. import ops
from ..ops import Operation, Variadic
from . import native
from .lower import INTERNAL, Instruction, Lowered, Operand
from .spelling import HELPERS, SPELLINGS, missing

SUM, DOT, WEIGH, GRADIENT, GRADIENTS = range(-1, -6, -1)  # as in evaluate.c; the rows of ops.py count from 0


class Tape:
    """A program as numbers, which `address` points to."""

    def __init__(self, program: Lowered) -> None:
        """Give constants, parameters, inputs and results places, and write the instructions.

        Raises:
            CompilerError: C lacks an operation of the program, there is no C compiler, or it failed.
        """
        self.library = evaluator()
        parameters: dict[Operand, int] = {x: j for j, x in enumerate(program.parameters)}
        code = (*program.forward, *program.backward)
        sums = {x: j for j, x in enumerate(program.gradients) if isinstance(x, str)}
        weighed = {i.target: sides for i in code if i.op is ops.dot and (sides := _weighed(i.operands, parameters))}
        needed: dict[Operand, None] = dict.fromkeys([0.0, *program.outputs])
        for target, _, operands, _ in code:
            needed.update(dict.fromkeys(weighed.get(target, (operands, operands))[1]))
        constants, copied = [x for x in needed if isinstance(x, float)], [x for x in needed if x in parameters]
        places: dict[Operand, int] = {}
        for x in (*constants, *copied, *program.inputs):
            places.setdefault(x, len(places))
        count = len(places)
        for target, op, operands, _ in code:
            if op is ops.positive:
                places[target] = places[operands[0]]
            elif not (target in sums and op is ops.multiply):
                places[target] = count
                count += 1
        watched = array("i", [places[x] for x in (*program.inputs, *program.watched())])
        words = self._write(code, sums, places, parameters, weighed)
        outputs = array("i", [places[x] for x in program.outputs])
        self.kept = words, watched, array("i", [parameters[x] for x in copied]), array("d", constants), outputs
        start, *others = (x.buffer_info()[0] for x in self.kept)
        lists: list[Sequence[Any]] = [watched, copied, constants]
        lists += [program.inputs, program.parameters, program.gradients]
        scratch = max((len(i.operands) for i in code if isinstance(i.op, Variadic)), default=0)
        counts = *map(len, lists), count, len(outputs), scratch
        self.struct = array("q", [start, start + len(words) * words.itemsize, *others, *counts])
        self.address, _ = self.struct.buffer_info()
        self.results, self.gradients, self.words = len(outputs), len(program.gradients), len(words)

    @staticmethod
    def _write(
        code: Sequence[Instruction],
        sums: Mapping[str, int],
        places: Mapping[Operand, int],
        parameters: Mapping[Operand, int],
        weighed: Mapping[str, tuple[Sequence[Operand], Sequence[Operand]]],
    ) -> "array[int]":
        numbers = {op: i for i, op in enumerate(_rows())}
        products: dict[Operand, list[tuple[int, int]]] = {}  # upstream gradient -> parameters and local derivatives
        words = array("i")
        for target, op, operands, _ in code:
            if target in sums and op is ops.multiply:
                products.setdefault(operands[0], []).append((sums[target], places[operands[1]]))
                continue
            where, n = places[target], len(operands) // 2
            if op is ops.positive:
                pass  # the same place
            elif op is ops.dot:
                start = places[operands[2 * n] if len(operands) % 2 else 0.0]
                if target in weighed:
                    weights, inputs = weighed[target]
                    first, second = [parameters[x] for x in weights], [places[x] for x in inputs[:n]]
                else:
                    first, second = [places[x] for x in operands[:n]], [places[x] for x in operands[n : 2 * n]]
                words.extend([WEIGH if target in weighed else DOT, where, n, start, *first, *second])
            elif op is ops.sum:
                words.extend([SUM, where, len(operands), *(places[x] for x in operands)])
            elif op not in numbers:
                raise missing("c", op.name)
            elif isinstance(op, Variadic):
                words.extend([numbers[op], where, len(operands), *(places[x] for x in operands)])
            else:
                words.extend([numbers[op], where, *(places[x] for x in operands)])
            if target in sums:
                words.extend([GRADIENT, where, sums[target]])
        for upstream, pairs in products.items():
            words.extend([GRADIENTS, places[upstream], len(pairs), *(j for j, _ in pairs), *(x for _, x in pairs)])
        return words


def _weighed(
    operands: tuple[Operand, ...], parameters: Mapping[Operand, int]
) -> tuple[Sequence[Operand], Sequence[Operand]] | None:
    """Return the parameters and the other factors (and the start) of a dot one side of which is all parameters."""
    n = len(operands) // 2
    first, second = list(operands[:n]), list(operands[n : 2 * n])
    for weights, inputs in (first, second), (second, first):
        if all(x in parameters for x in weights):
            return weights, [*inputs, *operands[2 * n :]]
    return None


def _rows() -> list[Operation]:
    """Return the operations that have a case of their own in the evaluator; the place in the list is its number."""
    rows = [op for op in (*ops.OPERATIONS.values(), *INTERNAL) if op.name in SPELLINGS["c"]]
    return [op for op in rows if op not in (ops.sum, ops.dot, ops.positive)]


def _case(number: int, op: Operation) -> str:
    text = SPELLINGS["c"][op.name]
    if isinstance(op, Variadic):
        call = text.replace("(double[]){{{all}}}", "xs").format(n="c[2]")
        gather = "double *xs = V + t->places * W; for (int i = 0; i < c[2]; i++) xs[i] = AT(3 + i)[k];"
        body = f"EACH {{ {gather} out[k] = {call}; }}"
        return f"        case {number}: {{ {body} c += 3 + c[2]; break; }} /* {op.name} */"
    names = [f"x{i}" for i in range(len(op.operand_names))]
    operands = ", ".join(f"{x} = AT({i})[k]" for i, x in enumerate(names, start=2))
    body = f"EACH {{ const double {operands}; out[k] = {text.format(*names, all=', '.join(names))}; }}"
    return f"        case {number}: {{ {body} c += {2 + len(names)}; break; }} /* {op.name} */"


def evaluator() -> Any:
    """Return the evaluator with a case for each row that C can spell, compiled now or earlier."""
    return _evaluator(tuple(_rows()), tuple(SPELLINGS["c"].items()), tuple(HELPERS["c"].values()))


@cache
def _evaluator(rows: tuple[Operation, ...], _: object, helpers: tuple[str, ...]) -> Any:
    text = files(__package__).joinpath("evaluate.c").read_text(encoding="utf-8")
    cases = "\n".join(_case(i, op) for i, op in enumerate(rows))
    library = native.load(text % {"functions": "".join(helpers), "cases": cases})
    library.evaluate.argtypes = ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p, ctypes.c_long, *[ctypes.c_void_p] * 4
    library.train.argtypes, library.train.restype = (ctypes.c_void_p, ctypes.c_long, ctypes.c_long), ctypes.c_long
    return library
