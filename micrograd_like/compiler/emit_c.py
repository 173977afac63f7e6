"""Writing a lowered program out as C, for GCC and Clang.

Eight rows are computed side by side, each name being a vector with a number for each of them. Long sums, and the
gradients of their weights, are loops: their operands lie in memory at even distances.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from .. import ops
from .lower import Instruction, Lowered, Operand
from .spelling import C, helpers, number, spell
from .writing import cut_sum, indented, sums_of_zeros

LOOP = 8  # terms of a sum, or gradients in turn, from which on they are a loop
SHORT = 32  # turns of a loop up to which it is written out; a loop left as it is takes 2 to 3 times as long
PART = 250  # operands in one C function; with 500, GCC takes three times as long for a chain of 10,000 nodes

HEAD = """\
#include <math.h>
#include <stddef.h>

#define LANES 8                                                        /* rows that are computed side by side */
typedef double rows __attribute__((vector_size(LANES * sizeof(double))));  /* a number for each of them */
typedef long long mask __attribute__((vector_size(LANES * sizeof(long long))));

static inline rows all(double x) {
    return (rows){x, x, x, x, x, x, x, x};
}
"""

BLOCK = """\
/* One block of rows: P holds the parameters, G adds up their gradients, V keeps values for loops and other parts. */
static void block(const rows *restrict inputs, const double *restrict P, rows *restrict G, rows *restrict V,
                  rows *restrict output, rows *restrict check) {
%s
}
"""

PART_OF_BLOCK = """\
static __attribute__((noinline)) void part%d(const rows *restrict inputs, const double *restrict P, rows *restrict G,
                  rows *restrict V, rows *restrict output, rows *restrict check) {
%s
}
"""

KERNEL = """\
/* Compute the outputs of n rows X, and the sum over rows of the gradient with respect to the parameters P.
   Return 0, or 1 if any number was infinite or not a number. */
int %(name)s(ptrdiff_t n, const double *X, const double *P, double *outputs, double *gradient) {
    enum { INPUTS = %(inputs)d, PARAMETERS = %(parameters)d, VALUES = %(values)d };
    static _Thread_local rows G[PARAMETERS + 1], last[PARAMETERS + 1], V[VALUES + 1], x[INPUTS + 1];
    rows check = all(0.0), output;
    for (int j = 0; j < PARAMETERS; j++) G[j] = last[j] = all(0.0);
    for (ptrdiff_t r = 0; r < n; r += LANES) {
        int lanes = n - r < LANES ? (int)(n - r) : LANES;
        for (int i = 0; i < LANES; i++)
            for (int j = 0; j < INPUTS; j++)
                x[j][i] = X[(r + (i < lanes ? i : lanes - 1)) * INPUTS + j];  /* the last row fills up the block */
        for (int j = 0; j < INPUTS; j++) check += x[j] - x[j];
        block(x, P, lanes == LANES ? G : last, V, &output, &check);
        check += output - output;
        for (int i = 0; i < lanes; i++) outputs[r + i] = output[i];
    }
    rows counts = all(0.0);  /* 1 for each row of the last block, and 0 where it was only filled up */
    for (int i = 0; i < n %% LANES; i++) counts[i] = 1.0;
    double bad = 0;
    for (int i = 0; i < LANES; i++) bad += check[i];
    for (int j = 0; j < PARAMETERS; j++) {
        rows g = G[j] + last[j] * counts;
        gradient[j] = ((g[0] + g[1]) + (g[2] + g[3])) + ((g[4] + g[5]) + (g[6] + g[7]));
        bad += gradient[j] - gradient[j];
    }
    return bad != 0;
}
"""


Place: TypeAlias = tuple[str, int]  # an array and an index
Code: TypeAlias = Sequence[Instruction]


class Statement(NamedTuple):
    """Some lines of C, for one instruction or, as a loop, for several."""

    text: str
    target: str  # the variable that they make; "" for gradients, which are added up in G
    uses: tuple[Operand, ...]  # what they need as variables, and numbers
    place: str
    is_loop: bool = False


def write_c(program: Lowered, gradient: bool) -> str:
    """Return the program's source; `gradient` says what its function is called."""
    writer = _Writer(program)
    texts = writer.parts()
    calls = "\n".join(f"    part{i}(inputs, P, G, V, output, check);" for i in range(1, len(texts) + 1))
    functions = [PART_OF_BLOCK % (i, text) for i, text in enumerate(texts, start=1)] if len(texts) > 1 else []
    kernel = KERNEL % {
        "name": "value_and_grad" if gradient else "value",
        "inputs": len(program.inputs),
        "parameters": len(program.gradients),
        "values": writer.values,
    }
    head = HEAD + helpers((*program.forward, *program.backward), "c")
    return "\n".join([head, *functions, BLOCK % (calls if functions else texts[0]), kernel])


class _Writer:
    def __init__(self, program: Lowered) -> None:
        self.program = program
        self.kept = set(program.kept)
        self.made = {i.target for i in (*program.forward, *program.backward)} - self.kept
        self.values = 0  # how many places there are in V
        self.places: dict[Operand, Place] = {}
        for array, names in ("P", program.parameters), ("inputs", program.inputs), ("G", program.gradients):
            self.places |= {x: (array, j) for j, x in enumerate(names) if isinstance(x, str)}

    def put(self, names: Iterable[Operand]) -> None:
        """Give names places in V, side by side."""
        for x in names:
            self.places[x] = "V", self.values
            self.values += 1

    # -------------------- loops --------------------

    def in_loop(self, names: Sequence[Operand]) -> str:
        """Return what stands for these names in a loop over i, such as `P[40 - 17 * i]`; nothing if they lie unevenly.

        Names that are made here and have no places yet get some.
        """
        if self.made.issuperset(names) and self.places.keys().isdisjoint(names) and len(set(names)) == len(names):
            self.put(names)
        places = [self.places[x] for x in names if x in self.places]
        if len(places) < len(names):
            return ""
        (array, start), (_, second) = places[:2]
        step = second - start
        if step == 0 or places != [(array, start + step * i) for i in range(len(places))]:
            return ""
        i = "i" if abs(step) == 1 else f"{abs(step)} * i"
        return f"{array}[{i}]" if start == 0 and step > 0 else f"{array}[{start} {'+' if step > 0 else '-'} {i}]"

    def terms(self, instruction: Instruction) -> str:
        """Return the terms of a long sum in a loop over i; nothing if there is no loop."""
        _, op, operands, _ = instruction
        if op is ops.sum and len(operands) >= LOOP:
            return self.in_loop(operands)
        if op is ops.dot and len(operands) >= 2 * LOOP:
            n = len(operands) // 2
            factors = self.in_loop(operands[:n]), self.in_loop(operands[n : 2 * n])
            return " * ".join(factors) if all(factors) else ""
        return ""

    def sum(self, instruction: Instruction) -> Statement | None:
        """Return a long sum as a loop, if that can be."""
        target, op, operands, place = instruction
        terms = self.terms(instruction)
        if not terms or target in self.kept:
            return None
        count = len(operands) // 2 if op is ops.dot else len(operands)
        start = operands[2 * count :] if op is ops.dot else ()
        text = f"rows {target} = {self.vector(start[0] if start else 0.0)};\n"
        text += _loop(count, f"{target} += {terms};")
        return Statement(text, target, start, place, is_loop=True)

    def run(self, code: Code, i: int) -> Code:
        """Return instruction `i`, with those after it if they are the gradients of one neuron's many weights."""
        for position in 0, 1:
            end = i
            while end < len(code) and code[end].target in self.kept and code[end].op is ops.multiply:
                if code[end].operands[position] != code[i].operands[position]:
                    break
                end += 1
            if end - i >= LOOP:
                return code[i:end]
        return code[i : i + 1]

    def gradients(self, run: Code) -> Statement | None:
        """Return the gradients of a neuron's weights, upstream gradient times input, as a loop, if that can be."""
        first, last = run[0], run[-1]
        if first is last:
            return None
        position = 0 if first.operands[0] == last.operands[0] else 1
        upstream = first.operands[position]
        targets, inputs = self.in_loop([x.target for x in run]), self.in_loop([x.operands[1 - position] for x in run])
        if not targets or not inputs:
            return None
        text = _loop(len(run), f"{targets} += {self.vector(upstream)} * {inputs};")
        return Statement(f"{text}  /* {first.target} … {last.target} */", "", (upstream,), first.place, is_loop=True)

    # -------------------- statements --------------------

    def vector(self, x: Operand) -> str:
        """Return an operand as a vector."""
        return f"all({number(x)})" if isinstance(x, float) or self.places.get(x, "")[:1] == ("P",) else x

    def one(self, instruction: Instruction) -> Statement:
        """Return the statement of one instruction."""
        target, op, operands, place = instruction
        varying = any(self.vector(x) == x for x in operands)
        infix = "(" not in C[op.name] and op is not ops.power
        right = spell(instruction, "c", None if varying and infix else self.vector)
        if target in self.kept:
            return Statement(f"G[{self.places[target][1]}] += {right};  /* {target} */", "", operands, place)
        return Statement(f"const rows {target} = {right};", target, operands, place)

    def statements(self, code: Code) -> Iterator[Statement]:
        """Yield a pass as statements."""
        taken = {str(x) for x in self.places} | self.made
        i = 0
        while i < len(code):
            run = self.run(code, i)
            i += len(run)
            if loop := self.gradients(run):
                yield loop
                continue
            for instruction in run:
                if loop := self.sum(instruction):
                    yield loop
                else:
                    yield from map(self.one, cut_sum(instruction, taken))

    # -------------------- parts --------------------

    def parts(self) -> list[str]:
        """Return the bodies of the functions that compute one block of rows."""
        for instruction in self.program.forward:  # gradients look for what these put in memory
            self.terms(instruction)
        passes = ("forward", self.program.forward), ("backward", self.program.backward)
        parts = _cut([(title, statement) for title, code in passes for statement in self.statements(code)])
        made_in = {statement.target: i for i, part in enumerate(parts) for _, statement in part}
        needed = dict.fromkeys(
            x for i, part in enumerate(parts) for _, s in part for x in s.uses if made_in.get(str(x), i) != i
        )
        self.put(x for x in needed if x not in self.places)
        watched = set(self.program.watched())
        last = made_in.get(str(self.program.output), len(parts) - 1)
        return [
            "\n".join(indented([*self.body(part, watched), *(self.output() if i == last else [])]))
            for i, part in enumerate(parts)
        ]

    def body(self, part: Sequence[tuple[str, Statement]], watched: set[str]) -> list[str]:
        """Return the lines of one function."""
        here = {statement.target for _, statement in part}
        used = dict.fromkeys(x for _, s in part for x in s.uses if isinstance(x, str) and x not in here)
        lines = [self.variable(x) for x in used]
        title = place = ""
        for new_title, statement in part:
            if new_title != title:
                title, place = new_title, ""
                lines.append(f"/* {title} */")
            if statement.place not in ("", place):
                place = statement.place
                lines.append(f"/* {place} */")
            lines += statement.text.split("\n")
            if statement.target in self.places:
                lines.append(f"V[{self.places[statement.target][1]}] = {statement.target};")
        checks = sums_of_zeros([s.target for _, s in part if s.target in watched])
        return lines + [f"*check += {x};" for x in checks]

    def variable(self, x: Operand) -> str:
        """Return the declaration of a variable that is read from memory."""
        array, j = self.places[x]
        return f"const {'double' if array == 'P' else 'rows'} {x} = {array}[{j}];"

    def output(self) -> list[str]:
        """Return the lines that hand over the output."""
        name = self.program.output
        made = name in self.made
        return [*([] if made or isinstance(name, float) else [self.variable(name)]), f"*output = {self.vector(name)};"]


def _cut(statements: Sequence[tuple[str, Statement]]) -> list[list[tuple[str, Statement]]]:
    """Return the statements in parts with about as many operands each."""
    parts: list[list[tuple[str, Statement]]] = [[]]
    size = 0
    for each in statements:
        if size > PART:
            parts.append([])
            size = 0
        parts[-1].append(each)
        size += len(each[1].uses) + (LOOP if each[1].is_loop else 0)
    return parts


def _loop(count: int, body: str) -> str:
    """Return a loop that the compiler writes out if it is short; of the others it would make too much code."""
    return f'_Pragma("GCC unroll {count if count <= SHORT else 8}") for (int i = 0; i < {count}; i++) {body}'
