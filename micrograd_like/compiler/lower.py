"""Lowering: a recorded graph and its gradient become a list of instructions, one operation each, with readable names.

The backward pass is made from the formulas in `ops.py` and not from the example's numbers, so that a formula's
`if … else 0` is decided for each row when the program runs, and not once when it was recorded.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from .. import ops
from ..checks import describe
from ..engine import Value, topological_order
from ..formulas import COMPARE, Apply, fold, simplify
from ..graph.walk import depending_on, walk
from ..ops import CONSTANT, Operation
from .spelling import reserved

Operand: TypeAlias = str | float  # the name of an input, a parameter or a target; or a number
Pair: TypeAlias = tuple[Operand, Operand]  # upstream gradient and local derivative


_FOREIGN, _OTHERS = re.compile(r"[^\x00-\x7f]"), re.compile("[^0-9A-Za-z]+")


class Internal(Operation):
    """What formulas are made of besides rows; its name is not an identifier, so that no row can have it."""

    operand_names: tuple[str, ...]

    def __init__(self, name: str, forward: Callable[..., Any]) -> None:
        self.name, self.symbol, self.forward, self.domain = name, "", forward, ""
        self.operand_names = forward.__code__.co_varnames


CHOOSE = Internal("one or other", lambda condition, a, b: a if condition else b)
ABOVE = Internal("is above", lambda x, y: 1.0 if x > y else 0.0)
EQUAL = Internal("is equal", lambda x, y: 1.0 if x == y else 0.0)
INTERNAL = CHOOSE, ABOVE, EQUAL

# What is infinite or NaN stays so through these; the operands of every other operation are watched.
TRANSPARENT = (ops.add, ops.subtract, ops.multiply, ops.negative, ops.positive, ops.sum, ops.dot)


class Instruction(NamedTuple):
    """One line of the program: target = op(operands)."""

    target: str
    op: Operation
    operands: tuple[Operand, ...]
    node: Value | None = None  # which it computes, or whose gradient


class Lowered(NamedTuple):
    """A program for one row of inputs."""

    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    names: tuple[str, ...]  # what the outputs are called
    outputs: tuple[Operand, ...]
    forward: tuple[Instruction, ...]
    backward: tuple[Instruction, ...]  # ends in the gradients
    gradients: tuple[
        Operand, ...
    ]  # of the first output, one for each parameter: the target of a single instruction, or 0.0
    nodes: Sequence[Value]  # the graph in topological order

    @property
    def kept(self) -> list[str]:
        """The gradients that are computed, which add up over the rows."""
        return [x for x in self.gradients if isinstance(x, str)]

    def watched(self) -> list[str]:
        """Return the targets whose being infinite or NaN might not show in the results."""
        code = (*self.forward, *self.backward)
        found: dict[Operand, None] = {}
        used = {*self.outputs, *self.gradients}
        for _, op, operands, _ in code:
            used.update(operands)
            if op is ops.divide or op is CHOOSE:
                found.update(dict.fromkeys(operands[1:] if op is ops.divide else operands[:1]))
            elif op not in TRANSPARENT:
                found.update(dict.fromkeys(operands))
        unused = {i.target for i in code if str in map(type, i.operands)} - used  # nothing would be seen
        return [i.target for i in code if i.target in found or i.target in unused]


def lower(outputs: Sequence[Value], inputs: Sequence[Value], params: Sequence[Value]) -> Lowered:
    """Return the program that computes the outputs, and the gradient of the first one with respect to `params`.

    A parameter that the output does not depend on has the gradient 0; an input it does not depend on is ignored.

    Raises:
        TypeError: something is not a Value.
        ValueError: an input or parameter is listed twice or is no leaf, or a leaf of the graph is neither; the text
            names it.
    """
    order = _check(outputs, inputs, params)
    lowering = _Lowering(outputs, order, inputs, params)
    lowering.record_forward(order)
    forward = tuple(lowering.code)
    gradients = lowering.record_backward(topological_order(outputs[0]), params)
    names = lowering.operand
    return Lowered(
        tuple(str(names[x]) for x in inputs),
        tuple(str(names[p]) for p in params),
        tuple(lowering.called[v] for v in outputs),
        tuple(names[v] for v in outputs),
        forward,
        tuple(lowering.code[len(forward) :]),
        gradients,
        order,
    )


def _check(outputs: Sequence[Value], inputs: Sequence[Value], params: Sequence[Value]) -> list[Value]:
    """Return the nodes in topological order."""
    listed: set[Value] = set()
    for kind, values in ("an input", inputs), ("a parameter", params):
        for v in values:
            if not isinstance(v, Value):
                raise TypeError(f"{kind} is a Value of the graph, not {v!r}")
            if v.operands:
                raise ValueError(f"{describe(v)} is computed by the graph and cannot be {kind}: that is a leaf")
            if v in listed:
                raise ValueError(f"{describe(v)} is listed twice among the inputs and params")
            listed.add(v)
    for v in outputs:
        if not isinstance(v, Value):
            raise TypeError(f"what is compiled is a Value, such as the loss for one row, or several, not {v!r}")
    if not outputs:
        raise ValueError("there is nothing to compile: give one Value or several")
    order = list(dict.fromkeys(v for output in outputs for v in topological_order(output)))
    for v in order:
        if not v.operands and v.op is not CONSTANT and v not in listed:
            raise ValueError(
                f"{describe(v)} is a leaf that is neither among the inputs nor among the params: list it in one of"
                " them, or write its number into the graph instead of a Value"
            )
    return order


class _Lowering:
    def __init__(
        self, outputs: Sequence[Value], order: Sequence[Value], inputs: Sequence[Value], params: Sequence[Value]
    ) -> None:
        self.code: list[Instruction] = []
        self.known: dict[tuple[Any, ...], Operand] = {}  # what is computed twice is computed once
        self.comparisons: set[Operand] = set()  # what is 1 or 0
        self.taken: set[str] = set()
        self.reserved = reserved()
        self.counters: dict[str, int] = {}
        self.node: Value = order[-1]
        self.called: dict[Value, str] = {}
        leaves = dict.fromkeys([*inputs, *params])
        for v in [*leaves, *order]:  # labels first, so that no number takes one's name
            if v.label and v not in self.called:
                self.called[v] = self.unique(_identifier(v.label))
        for v in [*leaves, *order]:
            if v not in self.called and (v.op is not CONSTANT or v in outputs or v in leaves):
                self.called[v] = self.numbered("v")
        self.operand: dict[Value, Operand] = {v: self.called[v] for v in leaves}

    def unique(self, name: str) -> str:
        """Return the name, with a number after it if it is taken."""
        return self.numbered(f"{name}_", 2) if name in self.taken or name in self.reserved else self.take(name)

    def numbered(self, prefix: str, start: int = 1) -> str:
        """Return the next free one of v1, v2 and so on."""
        i = self.counters.get(prefix, start)
        while f"{prefix}{i}" in self.taken:
            i += 1
        self.counters[prefix] = i + 1
        return self.take(f"{prefix}{i}")

    def take(self, name: str) -> str:
        self.taken.add(name)
        return name

    # -------------------- instructions --------------------

    def add(self, op: Operation, operands: tuple[Operand, ...]) -> Operand:
        """Return the result of an operation, by a new instruction if it is neither trivial nor known."""
        op, operands = _simplify(op, operands)
        if op is ops.positive:
            return operands[0]
        key = (op, *operands)
        if key not in self.known:
            self.known[key] = self.append(self.numbered("t"), op, operands)
        return self.known[key]

    def append(self, target: str, op: Operation, operands: tuple[Operand, ...]) -> str:
        """Add an instruction."""
        self.code.append(Instruction(target, op, operands, self.node))
        return target

    def record_forward(self, order: Iterable[Value]) -> None:
        """Write the graph as it was recorded; only what is constant is computed now."""
        for v in order:
            if not v.operands:
                self.operand.setdefault(v, float(v.data))
                continue
            operands = tuple(self.operand[x] for x in v.operands)
            if all(isinstance(x, float) for x in operands):
                self.operand[v] = float(v.data)
                continue
            self.node = v
            self.operand[v] = self.append(self.called[v], v.op, operands)
            self.known.setdefault((v.op, *operands), self.operand[v])

    def record_backward(self, order: Sequence[Value], params: Sequence[Value]) -> tuple[Operand, ...]:
        """Write the backward pass, in which each node's gradient is one instruction; return those of the params."""
        gradients: dict[Value, Operand] = {}

        def add_up(v: Value, contributions: list[Pair]) -> Operand:
            self.node = v
            gradients[v] = self.add_up(self.gradient_name(v), contributions, keep=v in parameters)
            return gradients[v]

        def contribute(v: Value, upstream: Operand, positions: list[int]) -> Iterator[Pair]:
            operands = [self.operand[x] for x in v.operands]
            for i in positions:
                local = self.local(v.op, i, self.operand[v], operands)
                yield upstream, local  # even where one of them is 0: what is below may fail

        parameters = set(params)
        seed: Pair = (1.0, 1.0)
        for _ in walk(order, seed, add_up, contribute, depending_on(order, params)):
            pass
        return tuple(gradients.get(p, 0.0) for p in params)

    def gradient_name(self, v: Value) -> str:
        name = self.called[v]
        return self.unique(f"d{name}" if len(name) == 1 else f"d_{name}")

    def add_up(self, target: str, contributions: list[tuple[Operand, Operand]], keep: bool) -> Operand:
        """Write the sum of contributions, upstream * local, as one instruction; in the order in which they came.

        A number is returned as such, unless the name is to be kept.
        """
        single = [_simplify(ops.multiply, pair) for pair in contributions]
        if len(single) == 1:
            op, operands = single[0]
        elif all(op is ops.multiply for op, _ in single):
            op, operands = ops.dot, tuple(x for side in zip(*(pair for _, pair in single), strict=True) for x in side)
        else:
            terms = tuple(self.add(*pair) for pair in single)
            op, operands = _simplify(ops.add, terms) if len(terms) == 2 else (ops.sum, terms)
        self.append(target, op, operands)
        number = op is ops.positive and isinstance(operands[0], float) and not keep
        return operands[0] if number else target

    def local(self, op: Operation, i: int, out: Operand, operands: Sequence[Operand]) -> Operand:
        """Write the local derivative ∂out/∂operand `i`, and return what it is called."""
        tree, meanings = op.bind(i, out, operands)
        if isinstance(tree, str):
            return float(found) if isinstance(found := meanings[tree], int) else found
        return fold(tree, meanings, float, self.apply, self.choose) if isinstance(tree, Apply) else float(tree)

    def apply(self, name: str, operands: Sequence[Operand]) -> Operand:
        """Write an operation, or a comparison, of a formula."""
        if name not in COMPARE:
            return self.add(ops.OPERATIONS[name], tuple(operands))
        found = self.add(EQUAL if name == "==" else ABOVE, tuple(operands[::-1] if name == "<" else operands))
        self.comparisons.add(found)
        return found

    def choose(self, condition: Operand, a: "Callable[[], Operand]", b: "Callable[[], Operand]") -> Operand:
        """Write a choice of a formula."""
        if isinstance(condition, float):
            return a() if condition else b()
        one, other = a(), b()
        if one == other:
            return one
        if condition in self.comparisons and (one, other) == (1.0, 0.0):
            return condition
        return self.add(CHOOSE, (condition, one, other))


def _simplify(op: Operation, operands: tuple[Operand, ...]) -> tuple[Operation, tuple[Operand, ...]]:
    """Return the same with less work; `positive` stands for an operand as it is."""
    kinds = {*map(type, operands)}
    if float not in kinds:
        return op, operands
    if str not in kinds:
        try:
            return ops.positive, (float(op.compute(operands)),)
        except (ValueError, ArithmeticError):
            return op, operands  # every row will say so
    name, simpler = simplify(op.name, operands, lambda x: x if isinstance(x, float) else None)
    return (op if name == op.name else ops.OPERATIONS[name]), tuple(simpler)


def _identifier(label: str) -> str:
    """Return a label as a name in every language: `w1[3→2]` as w1_3_2, `θ` as theta."""
    name = _OTHERS.sub("_", _FOREIGN.sub(_in_letters, label)).strip("_")[:60].rstrip("_")
    return name if name[:1].isalpha() else f"v_{name}".rstrip("_")


def _in_letters(found: re.Match[str]) -> str:
    return unicodedata.name(c, "_").split()[-1].lower() if (c := found[0]).isalpha() else "_"
