"""The tape of a lowered program: what the evaluator in `evaluate.c` runs, and the evaluator itself."""

import ctypes
import platform
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain, repeat
from operator import itemgetter, sub
from typing import Any, TypeAlias

from .. import ops
from ..ops import Operation, Variadic
from . import native
from .lower import ABOVE, INTERNAL, Internal, Lowered, Operand
from .spelling import HELPERS, SPELLINGS, missing

GATE = Internal("if positive", lambda number, x: number * (x > 0))
SUM, DOT, LAYER, OUTER = range(-1, -5, -1)  # as in evaluate.c; the rows of ops.py count from 0

Code: TypeAlias = tuple[str, Operation, tuple[Operand, ...]]  # target, what, operands
Group: TypeAlias = list[tuple[str, tuple[Operand, ...]]]  # targets and operands


class Tape:
    """A program as numbers, which `address` points to."""

    def __init__(self, program: Lowered) -> None:
        """Give constants, parameters, inputs and results places, and write the instructions.

        Raises:
            CompilerError: C lacks an operation of the program, there is no C compiler, or it failed.
        """
        self.library = evaluator()
        parameters: dict[Operand, int] = {x: j for j, x in enumerate(program.parameters)}
        same: dict[Operand, Operand] = {}  # what is another number by another name
        groups, products = _group(program, parameters, same)
        needed: dict[Operand, None] = dict.fromkeys([0.0, 1.0, *(same.get(x, x) for x in program.outputs), *products])
        for (_, kind, *_), group in groups.items():
            for _, operands in group:
                if kind == LAYER:
                    n = len(operands) // 2
                    operands = operands[n : n * 2 + (operands[-1] not in parameters)]
                needed.update(dict.fromkeys(operands))
        needed.update((x, None) for pairs in products.values() for x, _ in pairs)
        constants, copied = [x for x in needed if isinstance(x, float)], [x for x in parameters if x in needed]
        places: dict[Operand, int] = {}
        for x in (*constants, *copied, *program.inputs):
            places.setdefault(x, len(places))
        words, gathered = array("i"), array("i")
        for key in sorted(groups, key=itemgetter(0)):
            _write(words, key, groups[key], places, parameters, gathered)
        places.update((x, places[other]) for x, other in same.items() if other in places)
        alike: dict[tuple[int, ...], list[tuple[int, int]]] = {}  # those with the same local derivatives
        for upstream, pairs in products.items():
            for run, first in _runs(sorted(pairs, key=itemgetter(1))):
                alike.setdefault(tuple(places[x] for x in run), []).append((places[upstream], first))
        for local, rows in alike.items():  # last, for they change what they read where there is no row
            words.extend([OUTER, len(rows), len(local), *chain.from_iterable(zip(*rows, strict=True)), *local])
        watched = array("i")  # where there are relus only, the layer watches
        watched.extend(places[x] for x in (*program.inputs, *program.watched(), *program.outputs) if x in places)
        outputs, copies = array("i", [places[x] for x in program.outputs]), array("i", [parameters[x] for x in copied])
        self.kept = words, watched, copies, array("d", constants), outputs, gathered
        start, *others = (x.buffer_info()[0] for x in self.kept)
        lists: list[Sequence[Any]] = [watched, copied, constants]
        lists += [program.inputs, program.parameters, program.gradients]
        scratch = max((len(group[0][1]) for key, group in groups.items() if len(key) > 2 and key[1] >= 0), default=0)
        counts = *map(len, lists), max(places.values()) + 1, len(outputs), scratch, len(gathered)
        self.struct = array("q", [start, start + len(words) * words.itemsize, *others, *counts])
        self.address, _ = self.struct.buffer_info()
        self.results, self.gradients = len(outputs), len(program.gradients)
        self.work = len(words) + sum(len(group) * len(group[0][1]) for key, group in groups.items() if key[1] == LAYER)


def _group(
    program: Lowered, parameters: Mapping[Operand, int], same: dict[Operand, Operand]
) -> tuple[dict[tuple[Any, ...], Group], dict[Operand, list[tuple[Operand, int]]]]:
    """Return the instructions in groups that can be run at once, and the products that gradients are sums of.

    A group has the level of its instructions (they need results of lower levels), what they do, and what they share;
    the products are, for each upstream gradient, local derivatives and parameters.
    """
    numbers = {op: i for i, op in enumerate(_rows())}
    sums = {x: j for j, x in enumerate(program.gradients) if isinstance(x, str)}
    groups: dict[tuple[Any, ...], Group] = {}
    products: dict[Operand, list[tuple[Operand, int]]] = {}
    levels: dict[Operand, int] = {}
    code, relus = _fused(program)
    for target, op, named in code:
        operands = tuple(map(same.get, named, named))
        if op is ops.power and operands[1] == 2:  # the function takes twenty times as long
            op, operands = ops.multiply, (operands[0], operands[0])
        if op is ops.relu and relus.get(operands[0]) in levels:  # the layer does it
            continue
        if op is ops.positive:
            same[target] = operands[0]
        elif not (target in sums and op is ops.multiply):
            level = levels[target] = 1 + max(map(levels.get, operands, repeat(0)))
            key: tuple[Any, ...]
            if op is ops.dot:
                operands = operands if len(operands) % 2 else (*operands, 0.0)
                n = len(operands) // 2
                first, second, start = operands[:n], operands[n:-1], operands[-1:]
                key = level, DOT, target
                for weights, inputs in (first, second), (second, first):
                    if all(x in parameters for x in weights):
                        step = _step([parameters[x] for x in weights])
                        key, operands = (level, LAYER, inputs, step, target in relus), (*weights, *inputs, *start)
                        target = relus.get(target, target)
                        levels[target] = level
                        break
            elif op is ops.sum:
                key = level, SUM, target
            elif op not in numbers:
                raise missing("c", op.name)
            else:
                key = (level, numbers[op], target) if isinstance(op, Variadic) else (level, numbers[op])
            groups.setdefault(key, []).append((target, operands))
        if target in sums:
            upstream, local = operands if op is ops.multiply else (same.get(target, target), 1.0)
            products.setdefault(upstream, []).append((local, sums[target]))
    return groups, products


def _fused(program: Lowered) -> tuple[list[Code], dict[Operand, str]]:
    """Return fewer instructions, and for each number that is needed for its relu alone that relu.

    Whether a number is positive, in relu's derivative, is asked where something is multiplied by the answer, and asked
    of the relu.
    """
    code = [i[:3] for i in (*program.forward, *program.backward)]
    positive = {x: operands[0] for x, op, operands in code if op is ABOVE and operands[1] == 0.0}
    gradients, factors = set(program.gradients), set[Operand]()
    kept = gradients.union(program.outputs)
    for target, op, operands in code:
        found = [x for x in operands if x in positive]
        alone = len(found) == 1 and op is ops.multiply and target not in gradients
        (factors if alone else kept).update(found)
    factors -= kept
    used, fewer = Counter[Operand]([*program.outputs, *program.gradients]), list[Code]()
    for target, op, operands in code:
        if not factors.isdisjoint(operands):
            number, factor = operands[:: -1 if operands[0] in factors else 1]
            used.update([number])
            fewer.append((target, GATE, (number, positive[str(factor)])))
        elif target not in factors:
            used.update(operands)
            fewer.append((target, op, operands))
    relus = {operands[0]: target for target, op, operands in fewer if op is ops.relu and used[operands[0]] == 1}
    return [
        (target, op, (operands[0], relus.get(operands[1], operands[1])) if op is GATE else operands)
        for target, op, operands in fewer
    ], relus


def _write(
    words: "array[int]",
    key: tuple[Any, ...],
    group: Group,
    places: dict[Operand, int],
    parameters: Mapping[Operand, int],
    gathered: "array[int]",
) -> None:
    """Write the instructions of a group, and give their targets places, one next to the other."""
    kind, out = key[1], len(places)
    if kind == LAYER:
        n, (step, relu) = len(group[0][1]) // 2, key[3:]
        listed = [([parameters[x] for x in operands[:n]], operands[-1], target) for target, operands in group]
        rows = sorted(listed, key=itemgetter(0))
        words.extend([kind, out, len(rows), n, step or 1, relu])
        words.extend([parameters[x] if x in parameters else ~places[x] for _, x, _ in rows])
        for i, (weights, _, target) in enumerate(rows, start=out):
            words.append(weights[0] if step else len(parameters) + len(gathered))
            if not step:
                gathered.extend(weights)
            places[target] = i
        words.extend([places[x] for x in group[0][1][n : 2 * n]])
        return
    if kind == DOT:
        ((target, operands),) = group
        n = len(operands) // 2
        words.extend([kind, out, n, *(places[x] for x in (operands[-1], *operands[n : 2 * n], *operands[:n]))])
        places[target] = out
        return
    if len(key) > 2:  # one, of any number of operands
        ((target, operands),) = group
        words.extend([kind, out, len(operands), *(places[x] for x in operands)])
        places[target] = out
        return
    runs = sorted([([places[x] for x in operands], target) for target, operands in group])
    for i, (_, target) in enumerate(runs, start=out):
        places[target] = i
    first = 0
    while first < len(runs):  # those whose operands are at even distances are one instruction
        start, last = runs[first][0], first + 1
        steps = [1] * len(start)
        if last < len(runs):
            steps = list(map(sub, runs[last][0], start))
            while last < len(runs) and list(map(sub, runs[last][0], runs[last - 1][0])) == steps:
                last += 1
        words.extend([kind, last - first, out + first, *chain.from_iterable(zip(start, steps, strict=True))])
        first = last


def _step(numbers: Sequence[int]) -> int:
    """Return how far apart numbers are if they are evenly spaced, else 0."""
    steps = set(map(sub, numbers[1:], numbers)) or {1}
    return steps.pop() if len(steps) == 1 else 0


def _runs(pairs: Sequence[tuple[Operand, int]]) -> Iterator[tuple[list[Operand], int]]:
    """Yield the local derivatives of parameters that follow each other, and the first of these.

    After eight weights or more a bias, whose local derivative is 1, is by itself: it would take a vector of its own.
    """
    start = 0
    for end, (_, j) in enumerate(pairs, start=1):
        if end == len(pairs) or pairs[end][1] != j + 1 or (pairs[end][0] == 1.0 and end - start >= 8):
            yield [x for x, _ in pairs[start:end]], pairs[start][1]
            start = end


def _rows() -> list[Operation]:
    """Return the operations that have a case of their own in the evaluator; the place in the list is its number."""
    rows = [op for op in (*ops.OPERATIONS.values(), *INTERNAL, GATE) if op.name in SPELLINGS["c"]]
    return [op for op in rows if op not in (ops.sum, ops.dot, ops.positive)]


def _case(number: int, op: Operation) -> str:
    """Return the case of a row: its number, how often, where to, and of each operand where it is and how far the next.

    That of a row that takes any number of operands: its number, where to, how many, and where they are.
    """
    text = SPELLINGS["c"][op.name]
    if isinstance(op, Variadic):
        call = text.replace("(double[]){{{all}}}", "xs").format(n="c[2]")
        gather = "double *xs = V + t->places * W; for (int i = 0; i < c[2]; i++) xs[i] = AT(3 + i)[k];"
        body = f"for (long k = 0; k < W; k++) {{ {gather} AT(1)[k] = {call}; }} c += 3 + c[2];"
    else:
        names = [f"x{i}" for i in range(len(op.operand_names))]
        at = list(zip(names, range(3, 3 + 2 * len(names), 2), strict=True))
        body = f"""
            long times = c[1], rows = W;
            double *restrict out = AT(2);
            const double {", ".join(f"*at_{x} = AT({i})" for x, i in at)};
            if ({" && ".join(f"c[{i + 1}] == 1" for _, i in at)}) rows *= times, times = 1;
            for (; times; times--) {{
                for (long k = 0; k < rows; k++) {{
                    const double {", ".join(f"{x} = at_{x}[k]" for x in names)};
                    out[k] = {text.format(*names, all=", ".join(names))};
                }}
                out += rows, {", ".join(f"at_{x} += c[{i + 1}] * W" for x, i in at)};
            }}
            c += {3 + 2 * len(names)};"""
    return f"        case {number}: {{ /* {op.name} */ {body} break; }}"


def evaluator() -> Any:
    """Return the evaluator with a case for each row that C can spell, compiled now or earlier."""
    return _evaluator(tuple(_rows()), tuple(SPELLINGS["c"].items()), tuple(HELPERS["c"].values()))


@cache
def _evaluator(rows: tuple[Operation, ...], _: object, helpers: tuple[str, ...]) -> Any:
    text = files(__package__).joinpath("evaluate.c").read_text(encoding="utf-8")
    cases = "\n".join(_case(i, op) for i, op in enumerate(rows))
    simd = '__attribute__((simd("notinbranch")))' if _has_libmvec() else ""
    library = native.load(text % {"simd": simd, "functions": "".join(helpers), "cases": cases})
    library.evaluate.argtypes = ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p, ctypes.c_long, *[ctypes.c_void_p] * 4
    return library


def _has_libmvec() -> bool:
    """Tell whether the C library has functions of vectors, all of the six that the evaluator declares."""
    name, version = platform.libc_ver()
    recent = name == "glibc" and tuple(map(int, version.split("."))) >= (2, 35)
    return recent and platform.machine() == "x86_64"
