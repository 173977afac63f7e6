"""How graphs are pickled and deep-copied, whatever their depth.

Both pickle and copy.deepcopy descend by recursion. So the first node they meet hands them all nodes beneath it,
operands first: each of these finds its operands done already, and depth costs no recursion.
"""

import copyreg
from typing import Any

from .engine import UNREACHED, Value, topological_order
from .ops import Operation

_handed_over: set[int] = set()  # ids of the nodes on such a list


class _End:
    """Stands at the end of such a list and closes it when it is pickled or copied in turn."""

    def __reduce__(self) -> tuple[Any, ...]:
        _handed_over.clear()
        return _End, ()


def _reduce(v: Value) -> tuple[Any, ...]:
    """Return how to make the node again, and from what."""
    grad = None if v.grad is UNREACHED else v.grad
    return _restore, (_beneath(v), v.data, grad, v.label, v.op, v.operands)


def _beneath(v: Value) -> list[Any]:
    if id(v) in _handed_over or not v.operands:
        return []
    nodes = topological_order(v)[:-1]
    _handed_over.update(map(id, nodes))
    return [*nodes, _End()]


def _restore(beneath: list[Any], data: Any, grad: Any, label: str, op: Operation, operands: tuple[Value, ...]) -> Value:
    if beneath:
        _handed_over.clear()  # copy.copy() does not look into the list
    v = Value(0.0, label)
    v.data, v.grad, v.op, v.operands = data, UNREACHED if grad is None else grad, op, operands
    return v


copyreg.pickle(Value, _reduce)
