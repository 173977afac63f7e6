"""How graphs are pickled and deep-copied, whatever their depth.

Both pickle and copy.deepcopy descend by recursion. So the first node they meet hands them all nodes beneath it,
operands first: each of these finds its operands done already, and depth costs no recursion.
"""

import copyreg
import threading
from collections.abc import Iterable
from typing import Any
from weakref import ref

from ..engine import UNREACHED, Value, is_unreached, topological_order
from ..ops import Operation


class _End:
    """Stands at the end of such a list, knows the ids of its nodes, and forgets them when it is done in turn.

    It lives as long as the list does; so a pickling or a copy that fails leaves nothing behind.
    """

    __slots__ = ("__weakref__", "ids")

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self.ids = set(ids)

    def __reduce__(self) -> tuple[Any, ...]:
        self.ids.clear()
        return _End, ()


_current = threading.local()  # in each thread, a reference to the end of the list it is at


def _reduce(v: Value) -> tuple[Any, ...]:
    """Return how to make the node again, from what, and the attributes that others have given it."""
    grad = None if is_unreached(v.grad) else v.grad
    return _restore, (_beneath(v), v.data, grad, v.label, v.op, v.operands), vars(v) or None


def _beneath(v: Value) -> list[Any]:
    end = getattr(_current, "end", lambda: None)()
    if not v.operands or (end is not None and id(v) in end.ids):
        return []
    nodes = topological_order(v)[:-1]
    end = _End(map(id, nodes))
    _current.end = ref(end)
    return [*nodes, end]


def _restore(beneath: list[Any], data: Any, grad: Any, label: str, op: Operation, operands: tuple[Value, ...]) -> Value:
    v = Value(0.0, label)
    v.data, v.grad, v.op, v.operands = data, UNREACHED if grad is None else grad, op, operands
    return v


copyreg.pickle(Value, _reduce)
