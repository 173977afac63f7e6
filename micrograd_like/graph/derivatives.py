"""Gradients that leave the graph as it is, gradients as graphs, and what follows: second derivatives and directions.

A gradient as a graph is made by the same rows of `ops.py` as any other, run on Values instead of numbers; so it can be
drawn, stepped through, and differentiated again.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

from .. import ops
from ..checks import check_data, describe, local_derivative
from ..engine import Value, record, topological_order
from ..formulas import COMPARE, fold
from ..formulas import simplify as simpler
from ..notation.names import constant
from ..ops import CONSTANT, OPERATIONS, Operation
from .walk import contributions, depending_on, total, walk


def grad(output: Value, inputs: Sequence[Value], create_graph: bool = False) -> list[Any]:
    """Return the gradient of `output` with respect to each of the inputs; no node's `grad` changes.

    An input that the output does not depend on has the gradient 0.

    Args:
        output: what is differentiated.
        inputs: any nodes, leaves or not.
        create_graph: whether to return Values, which can be differentiated in turn, instead of numbers.

    Raises:
        TypeError: the output or an input is not a Value.
        ValueError: a local derivative is infinite or undefined; the text names the node and the operand.
    """
    _check(output, inputs)
    order = topological_order(output)
    check_data(order)
    one = type(output.data)(1)  # 1.0, or Fraction(1) in an exact graph
    within = depending_on(order, inputs)
    seed: Any = constant(one) if create_graph else one
    found = {v: g for v, g, _ in walk(order, seed, total, _values if create_graph else contributions, within)}
    gradients = [found.get(x, one - one) for x in inputs]
    if create_graph:
        return simplify(gradients, keep=order)
    for x, g in zip(inputs, gradients, strict=True):
        if g - g:  # not 0: infinite or NaN
            raise OverflowError(f"the gradient of {describe(x)} came to {g}, beyond what a float can hold")
    return gradients


def hessian(output: Value, inputs: Sequence[Value]) -> list[list[Any]]:
    """Return the matrix of second derivatives, ∂²output/∂inputs[i]∂inputs[j] in row i, column j; errors as `grad`."""
    return [grad(row, inputs) for row in grad(output, inputs, create_graph=True)]


def jvp(output: Value, inputs: Sequence[Value], direction: Sequence[float]) -> Any:
    """Return the derivative of `output` as the inputs move in a direction, in one pass forwards through the graph.

    It is the sum of the gradient's elements, each times its element of the direction.

    Raises:
        ValueError: not one number of the direction for each input, or as `grad` says.
    """
    _check(output, inputs)
    if len(direction) != len(inputs):
        raise ValueError(f"a direction has a number for each input, not {len(direction)} for {len(inputs)} inputs")
    order = topological_order(output)
    check_data(order)
    zero = type(output.data)(0)
    tangents: dict[Value, Any] = {}
    for x, d in zip(inputs, direction, strict=True):
        tangents[x] = tangents.get(x, zero) + d
    for v in order:
        moved = [(i, tangents[x]) for i, x in enumerate(v.operands) if x in tangents]
        if moved:
            numbers = [x.data for x in v.operands]
            change = reduce(add, [local_derivative(v, i, numbers) * tangent for i, tangent in moved])
            tangents[v] = tangents[v] + change if v in tangents else change
    moved_by = tangents.get(output, zero)
    if moved_by - moved_by:  # not 0: infinite or NaN
        raise OverflowError(f"the derivative of {describe(output)} came to {moved_by}, beyond what a float can hold")
    return moved_by


# -------------------- contributions, as numbers or as Values --------------------


def _values(v: Value, upstream: Value, positions: list[int]) -> list[Any]:
    numbers = [x.data for x in v.operands]
    for i in positions:
        local_derivative(v, i, numbers)  # says so where it is infinite or undefined
    return [upstream * _local_value(v, i) for i in positions]


def _local_value(v: Value, i: int) -> Any:
    """Return ∂v/∂operand `i` as a Value, or as a number where it does not depend on anything."""

    def apply(name: str, operands: list[Any]) -> Any:
        if name in COMPARE:
            return COMPARE[name](*(x.data if isinstance(x, Value) else x for x in operands))
        return OPERATIONS[name](*operands)

    tree, meanings = v.op.bind(i, v, v.operands)
    return fold(tree, meanings, lambda x: x, apply, lambda condition, a, b: a() if condition else b())


def _check(output: Any, inputs: Any) -> None:
    if isinstance(inputs, Value):
        raise TypeError("the inputs are a list of Values: write grad(output, [x])")
    for v in (output, *inputs):
        if not isinstance(v, Value):
            raise TypeError(f"{v!r} is not a Value: gradients are taken of a Value, with respect to Values")


# -------------------- simplification --------------------


def simplify(values: Sequence[Any], keep: Sequence[Value] = ()) -> list[Value]:
    """Return graphs with the same results and fewer nodes.

    What adds 0, multiplies by 1 or 0, or has nothing but constants is left out, and what is computed twice is computed
    once. Leaves stay what they are, and so do the nodes in `keep`, which must come operands first.
    """
    roots = [v if isinstance(v, Value) else constant(v) for v in values]
    simple: dict[Value, Value] = {v: v for v in keep}
    known = {_key(v.op, v.operands): v for v in keep if v.operands}
    for v in _order_of_all(roots):
        if v in simple:
            continue
        operands = tuple([simple[x] for x in v.operands])
        replacement = _rewrite(v, operands) if operands else v
        if replacement is None:
            key = _key(v.op, operands)
            if key not in known:
                known[key] = v if operands == v.operands else record(v.op, operands)
            replacement = known[key]
        simple[v] = replacement
    return [simple[v] for v in roots]


def _order_of_all(roots: list[Value]) -> Iterator[Value]:
    """Yield every node under the roots, operands first."""
    everything = Value(0.0)
    everything.operands = tuple(roots)
    yield from topological_order(everything)[:-1]


def _key(op: Operation, operands: tuple[Value, ...]) -> tuple[Any, ...]:
    """Return what two nodes have in common that compute the same: constants count by their number."""
    names = [(type(x.data), x.data) if x.op is CONSTANT else (Value, id(x)) for x in operands]
    return op, *(sorted(names, key=repr) if op in (ops.add, ops.multiply) else names)


def _rewrite(v: Value, operands: tuple[Value, ...]) -> Value | None:
    """Return something simpler than the operation of `v` on these operands, or None."""
    if all(x.op is CONSTANT for x in operands):
        return constant(v.op.compute([x.data for x in operands]))
    if v.op is ops.negative and operands[0].op is ops.negative:
        return operands[0].operands[0]
    name, left = simpler(v.op.name, operands, lambda x: x.data if x.op is CONSTANT else None)
    if name == "positive":
        return left[0] if isinstance(left[0], Value) else constant(left[0])
    return None if name == v.op.name else record(OPERATIONS[name], left)
