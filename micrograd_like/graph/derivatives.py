"""Gradients that leave the graph as it is, gradients as graphs, and what follows: second derivatives and directions.

A gradient as a graph is made by the same rows of `ops.py` as any other, run on Values instead of numbers; so it can be
drawn, stepped through, and differentiated again.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from .. import ops
from ..engine import Value, local_derivative, record, topological_order
from ..ops import CONSTANT, OPERATIONS, Operation


def grad(output: Value, inputs: Sequence[Value], create_graph: bool = False) -> list[Any]:
    """Return the gradient of `output` with respect to each of the inputs; no node's `grad` changes.

    An input that the output does not depend on has the gradient 0.

    Args:
        output: what is differentiated.
        inputs: any nodes, leaves or not.
        create_graph: whether to return Values, which can be differentiated in turn, instead of numbers.

    Raises:
        TypeError: the output or an input is no Value.
        ValueError: a local derivative is infinite or undefined; the text names the node and the operand.
    """
    _check(output, inputs)
    one = type(output.data)(1)  # 1.0, or Fraction(1) in an exact graph
    if not create_graph:
        return _backward(output, inputs, one, one - one, local_derivative)
    gradients = _backward(output, inputs, _constant(one), _constant(one - one), _local_value)
    return simplify(gradients, keep=topological_order(output))


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
    zero = type(output.data)(0)
    tangents: dict[Value, Any] = {}
    for x, d in zip(inputs, direction, strict=True):
        tangents[x] = tangents.get(x, zero) + d
    for v in topological_order(output):
        moved = [(i, tangents[x]) for i, x in enumerate(v.operands) if x in tangents]
        if moved:
            numbers = [x.data for x in v.operands]
            total = sum((local_derivative(v, i, numbers) * tangent for i, tangent in moved), start=zero)
            tangents[v] = tangents[v] + total if v in tangents else total
    return tangents.get(output, zero)


# -------------------- the backward pass, on numbers or on Values --------------------


def _backward(
    output: Value, inputs: Sequence[Value], one: Any, zero: Any, local: Callable[[Value, int, Sequence[Any]], Any]
) -> list[Any]:
    order = topological_order(output)
    wanted = set(inputs)  # and the nodes through which the output depends on them
    for v in order:
        if not wanted.isdisjoint(v.operands):
            wanted.add(v)
    grads = {output: one}
    for v in reversed(order):
        if v in grads and v in wanted:
            numbers = [x.data for x in v.operands]
            for i, x in enumerate(v.operands):
                if x in wanted:
                    contribution = grads[v] * local(v, i, numbers)
                    grads[x] = grads[x] + contribution if x in grads else contribution
    return [grads.get(x, zero) for x in inputs]


def _local_value(v: Value, i: int, numbers: Sequence[Any]) -> Any:
    """Return ∂v/∂operand `i` as a Value, or as a number where it does not depend on anything."""
    local_derivative(v, i, numbers)  # says so where it is infinite or undefined
    return _on_values(v.op).local(i, v, v.operands)


@cache
def _on_values(op: Operation) -> Operation:
    """Return the row with derivatives in which `cos(x)` means the row cos, and not a function of numbers."""
    twin = object.__new__(type(op))
    arguments = ", ".join(("out", *op.parameters))
    twin.derivatives = tuple(eval(f"lambda {arguments}: {formula}", dict(OPERATIONS)) for formula in op.formulas)
    return twin


def _check(output: Any, inputs: Any) -> None:
    if isinstance(inputs, Value):
        raise TypeError("the inputs are a list of Values: write grad(output, [x])")
    for v in (output, *inputs):
        if not isinstance(v, Value):
            raise TypeError(f"{v!r} is no Value: gradients are taken of a Value, with respect to Values")


# -------------------- simplification --------------------


def simplify(values: Sequence[Any], keep: Sequence[Value] = ()) -> list[Value]:
    """Return graphs with the same results and fewer nodes.

    What adds 0, multiplies by 1 or 0, or has nothing but constants is left out, and what is computed twice is computed
    once. Leaves stay what they are, and so do the nodes in `keep`, which must come operands first.
    """
    roots = [v if isinstance(v, Value) else _constant(v) for v in values]
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
    op, number = v.op, type(v.data)
    if all(x.op is CONSTANT for x in operands):
        return _constant(op.compute([x.data for x in operands]))
    x, y = operands[0], operands[-1]
    if op is ops.add:
        return y if _is(x, 0) else x if _is(y, 0) else None
    if op is ops.subtract:
        return x if _is(y, 0) else record(ops.negative, (y,)) if _is(x, 0) else None
    if op is ops.multiply:
        return _constant(number(0)) if _is(x, 0) or _is(y, 0) else y if _is(x, 1) else x if _is(y, 1) else None
    if op is ops.divide:
        return x if _is(y, 1) or _is(x, 0) else None
    if op is ops.power:
        return x if _is(y, 1) else _constant(number(1)) if _is(y, 0) else None
    if op is ops.negative and x.op is ops.negative:
        return x.operands[0]
    return x if op is ops.positive else None


def _is(x: Value, number: int) -> bool:
    return x.op is CONSTANT and x.data == number


def _constant(number: Any) -> Value:
    v = Value(number)
    v.op = CONSTANT
    return v
