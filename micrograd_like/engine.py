"""The engine: a Value is a number that remembers how it was made, so that its gradient can be computed.

Read it from top to bottom: a leaf, the operators that record a graph, the backward pass over it, and then how a
graph is walked and its nodes are made. The operations and their derivatives are the rows of `ops.py`.
"""

import gc
from builtins import sum as add_up
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from numbers import Integral, Rational
from operator import mul
from typing import TYPE_CHECKING, Any

from . import ops
from .checks import OWN_OPERATION, as_number, check_data, describe, is_real, is_true, local_derivative, not_a_label
from .ops import CONSTANT, INPUT, Operation

# The `grad` of a node that backward() has not reached: an ordinary 0.0, told from a computed zero by identity.
UNREACHED = float("0")


def is_unreached(grad: Any) -> bool:
    """Tell whether no backward() has set a gradient since it was reset, be it by None as in PyTorch."""
    return grad is UNREACHED or grad is None


class Value:
    """A number in a computation graph, and the gradient of the graph's output with respect to it."""

    __slots__ = ("__dict__", "data", "grad", "label", "op", "operands")

    data: Any  # the number: a float, or a Fraction, which stays exact
    grad: Any  # ∂output/∂self, once backward() was called on the output
    label: str  # its name in pictures and messages
    op: Operation  # the row of ops.py that made it; for a leaf INPUT, PARAMETER or CONSTANT
    operands: tuple["Value", ...]  # what it was made from, in order and with repeats: (a, a) for a + a

    def __init__(self, data: float | Rational, label: str = "", *_: Any) -> None:
        """Make a leaf from a number.

        Raises:
            TypeError: `data` is not a real number, or `label` is not a string.
        """
        if _ or not isinstance(label, str):
            raise TypeError(not_a_label(label))
        self.data = data if type(data) is float else as_number(data)
        self.grad = UNREACHED
        self.label = label
        self.op = INPUT
        self.operands = ()

    # -------------------- operators: each one records one node --------------------

    def __add__(self, other: Any) -> "Value":  # self + other
        if other.__class__ is not Value:
            return _infix(ops.add, self, other)
        return _node(ops.add, self.data + other.data, (self, other))

    def __mul__(self, other: Any) -> "Value":  # self * other
        if other.__class__ is not Value:
            return _infix(ops.multiply, self, other)
        return _node(ops.multiply, self.data * other.data, (self, other))

    def __sub__(self, other: Any) -> "Value":  # self - other
        return _infix(ops.subtract, self, other)

    def __truediv__(self, other: Any) -> "Value":  # self / other
        return _infix(ops.divide, self, other)

    def __pow__(self, other: Any) -> "Value":  # self ** other
        return _infix(ops.power, self, other)

    def __radd__(self, other: Any) -> "Value":  # other + self
        return _infix(ops.add, self, other, reflected=True)

    def __rmul__(self, other: Any) -> "Value":  # other * self
        return _infix(ops.multiply, self, other, reflected=True)

    def __rsub__(self, other: Any) -> "Value":  # other - self
        return _infix(ops.subtract, self, other, reflected=True)

    def __rtruediv__(self, other: Any) -> "Value":  # other / self
        return _infix(ops.divide, self, other, reflected=True)

    def __rpow__(self, other: Any) -> "Value":  # other ** self
        return _infix(ops.power, self, other, reflected=True)

    def __neg__(self) -> "Value":  # -self
        return _apply(ops.negative, (self,))

    def __pos__(self) -> "Value":  # +self
        return _apply(ops.positive, (self,))

    def __abs__(self) -> "Value":  # abs(self)
        return _apply(ops.absolute, (self,))

    # Functions, such as v.tanh() and v.log(), are added below: one for each row of ops.py. They have NumPy's names, so
    # np.tanh works on an array of Values.
    if TYPE_CHECKING:
        source: Any  # where in a program it was made, if that was recorded (graph/sources.py)
        place: Any  # where a parameter of a network belongs (graph/structure.py)

        def __getattr__(self, name: str) -> Any: ...

    # -------------------- the backward pass --------------------

    def backward(self) -> None:
        """Compute the gradient of self with respect to every node under it.

        Leaves add it to the gradient they had, as in PyTorch; nodes in between are set anew. Constants take none.
        Where it raises, every gradient is left as it was.

        Raises:
            ValueError: a node's data is NaN, or does not follow from its operands' data, which were changed since; or
                a local derivative is infinite or undefined. The text says where.
            OverflowError: a gradient is too large for a float.
        """
        order = topological_order(self)
        before = [v.grad for v in order]
        one = type(self.data)(1)  # 1.0, or Fraction(1) in an exact graph
        zero = one - one
        try:
            for v in order:
                if v.operands or v.grad is UNREACHED or v.grad is None:
                    v.grad = zero
            self.grad += one
            for v in reversed(order):
                op, grad = v.op, v.grad
                if op is CONSTANT:  # whatever came to it
                    v.grad = UNREACHED
                    continue
                if grad - grad:  # not 0: infinite or NaN
                    check_data(order)
                    raise OverflowError(f"the gradient of {describe(v)} came to {grad}, beyond what a float can hold")
                # The three most frequent rows are written out. With contribute() for all, the pass takes twice as long
                # on a network of 16 + 16 neurons, and 2.5 times on a chain of sums and products.
                if op is ops.add:
                    x, y = v.operands
                    if x.data + y.data != v.data:
                        check_data(order)
                    x.grad += grad
                    y.grad += grad
                elif op is ops.multiply:
                    x, y = v.operands
                    a, b = x.data, y.data
                    if a * b != v.data:
                        check_data(order)
                    x.grad += grad * b
                    y.grad += grad * a
                elif op is ops.dot:
                    if grad:  # behind a relu it often is 0
                        operands = v.operands
                        numbers = [x.data for x in operands]
                        n = len(numbers) // 2
                        weights, inputs = numbers[:n], numbers[n : 2 * n]
                        if add_up(map(mul, weights, inputs), *numbers[2 * n :]) != v.data:
                            check_data(order)
                        for w, number in zip(operands, inputs, strict=False):
                            w.grad += grad * number
                        for x, number in zip(operands[n:], weights, strict=False):
                            x.grad += grad * number
                        for bias in operands[2 * n :]:
                            bias.grad += grad
                elif v.operands:
                    if not v.contribute():
                        check_data(order)
                elif v.data != v.data:
                    check_data(order)
        except BaseException:
            for v, grad in zip(order, before, strict=True):
                v.grad = grad
            raise

    def contribute(self) -> bool:
        """Add upstream gradient * local derivative to each operand's gradient; return False if the data is stale."""
        numbers = [operand.data for operand in self.operands]
        if not is_true(self, numbers):
            return False
        for i, operand in enumerate(self.operands):
            if operand.op is not CONSTANT:
                contribution, before = self.grad * local_derivative(self, i, numbers), operand.grad
                operand.grad = contribution if before is UNREACHED or before is None else before + contribution
        return True

    def zero_grad(self) -> None:
        """Reset the gradients of self and of every node under it."""
        for v in topological_order(self):
            v.grad = UNREACHED

    # -------------------- being a number, and showing it --------------------

    def __lt__(self, other: Any) -> bool:
        return bool(self.data < _data(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.data <= _data(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.data > _data(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.data >= _data(other))

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        raise TypeError(
            "a Value is not turned into a float, for its graph would be lost: "
            "write v.exp() or v.tanh() instead of math.exp(v) or math.tanh(v), and v.data for the number alone"
        )

    def __format__(self, spec: str) -> str:
        return format(float(self.data), spec) if spec else repr(self)  # Fraction takes no spec before Python 3.12

    def __repr__(self) -> str:
        parts = [f"data={self.data}", f"grad={self.grad}"]
        if self.label:
            parts.append(f"label={self.label!r}")
        if self._op:
            parts.append(f"op={self._op!r}")
        return f"Value({', '.join(parts)})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # in a notebook
        from .pictures.display import bundle

        return bundle(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # in IPython
        from .pictures.display import pretty

        pretty(self, printer)

    @property
    def _prev(self) -> "_Operands":
        """The operands, under micrograd's name; also equal to the set that micrograd has there."""
        return _Operands(self.operands)

    @property
    def _backward(self) -> Callable[[], Any]:
        """What the backward pass does at this node, under micrograd's name."""
        return self.contribute

    @_backward.setter
    def _backward(self, function: Any) -> None:
        raise TypeError(f"a node's derivatives are those of its operation: {OWN_OPERATION}")

    @property
    def _op(self) -> str:
        """The operation's symbol as in micrograd: '+', '**2', 'ReLU', and '' for a leaf."""
        if self.op is ops.power and self.operands[1].op is CONSTANT:
            return f"**{self.operands[1]:g}"
        return self.op.symbol

    @staticmethod
    def _record(op: Operation, operands: Sequence[Any]) -> "Value":
        """Let a row of ops.py be called with Values."""
        return record(op, operands)


ops.methods_on(Value)


class _Operands(tuple[Value, ...]):
    """Operands in order, which equal a set of the same nodes."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return set(self) == other if isinstance(other, set | frozenset) else tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__


# -------------------- walking a graph --------------------


def recompute(root: Value) -> Value:
    """Compute every node under `root` anew from the leaves' data, reset their gradients, and return `root`.

    Raises:
        ValueError, ZeroDivisionError, OverflowError: an operation is not defined for the new numbers; the text names
            it, and every node is left as it was.
    """
    order = topological_order(root)
    before = [v.data for v in order]
    try:
        for v in order:
            if v.operands:
                v.data = record(v.op, v.operands).data
    except BaseException:
        for v, data in zip(order, before, strict=True):
            v.data = data
        raise
    for v in order:
        if v.operands:
            v.grad = UNREACHED
    return root


def topological_order(root: Value) -> list[Value]:
    """Return `root` and every node under it, each once, operands before the nodes made from them."""
    if not isinstance(root, Value):
        raise TypeError(f"{root!r} is not a Value: give the output of a graph, such as a loss")
    order: list[Value] = []
    seen: set[Value] = set()
    stack: list[Value | None] = [root]
    push, pop = stack.append, stack.pop
    while stack:
        v = pop()
        if v is None:  # all that the node below on the stack is made from is in `order` by now
            order.append(pop())  # type: ignore[arg-type]
        elif v not in seen:
            seen.add(v)
            operands = v.operands
            if not operands:
                order.append(v)
                continue
            push(v)
            push(None)
            if len(operands) == 2:  # most nodes; the loop below would take twice as long
                x, y = operands
                if y not in seen:
                    push(y)
                if x not in seen:
                    push(x)
            else:
                stack += [operand for operand in reversed(operands) if operand not in seen]
    return order


@contextmanager
def many_nodes() -> Iterator[None]:
    """Keep the garbage collector from walking large graphs while they grow; it is as it was afterwards.

        with many_nodes():
            loss = model(...)
            loss.backward()

    A graph has no cycles, and is freed by reference counting as soon as nothing refers to it. The collector would walk
    all of it again whenever it has grown by a quarter, and find nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# -------------------- making nodes --------------------


def record(op: Operation, operands: Sequence[Any]) -> Value:
    """Return the node of an operation on Values and numbers, at least one a Value; numbers become constants.

    Raises:
        TypeError: an operand is neither a Value nor a real number, or their number is wrong.
        ValueError, ZeroDivisionError, OverflowError: as `Operation.compute` says, naming the operands.
    """
    for x in operands:
        if x.__class__ is not Value:
            operands = _as_values(op.complete(operands))
            break
    return _apply(op, tuple(operands))


def _apply(op: Operation, operands: tuple[Value, ...]) -> Value:
    """Return the node of an operation on Values; errors are those of `record`."""
    numbers = [v.data for v in operands]
    try:
        data = op.forward(*numbers)
    except (ValueError, ArithmeticError):
        data = op.compute(numbers, [v.label for v in operands])  # says what went wrong
    return _node(op, data, operands)


def _infix(op: Operation, x: Value, other: Any, *, reflected: bool = False) -> Value:
    """Record `x op other`, or `other op x` if reflected; leave types that are not ours to their own operators."""
    y = _as_operand(other, x)
    if y is NotImplemented:
        return y  # type: ignore[no-any-return]
    return _apply(op, (y, x) if reflected else (x, y))


def _node(op: Operation, data: Any, operands: tuple[Value, ...]) -> Value:
    """Make the node; this is where every result passes through."""
    if data.__class__ is not float:  # an exact fraction, or what NumPy's scalars and integers made
        data = as_number(data)
        if data.__class__ is not float and ops.is_too_long(data):
            name = op.example([v.label or "…" for v in operands])
            raise OverflowError(
                f"{name}: the exact result has more than 3,000 digits: take floats instead of fractions"
            )
    if data - data and not any(v.data - v.data for v in operands):  # infinite, though no operand was
        reason = ops.TOO_LARGE if data == data else "the result is not a number (NaN), or too large for a float"
        raise OverflowError(f"{op.example([v.data for v in operands], [v.label for v in operands])}: {reason}")
    v = _new(Value)
    v.data = data
    v.grad = UNREACHED
    v.label = ""
    v.op = op
    v.operands = operands
    return v


_new = object.__new__


def _as_values(operands: Sequence[Any]) -> list[Value]:
    """Return the operands as Values."""
    like = next(x for x in operands if isinstance(x, Value))
    values = [_as_operand(x, like) for x in operands]
    for x, v in zip(operands, values, strict=True):
        if v is NotImplemented:
            raise TypeError(f"{x!r} is no operand: write a number or a Value")
    return values


def _as_operand(x: Any, like: Value) -> Any:
    """Return `x` as an operand beside the Value `like`: a number becomes a constant, exact if `like` is exact."""
    if isinstance(x, Value):
        return x
    if type(x) is not float and type(x) is not int:  # asking these too would take 5 µs, the rest 0.8
        if isinstance(x, str | bytes | complex | list | tuple | set | dict | None):
            raise TypeError(f"a Value cannot be combined with {x!r}: write a number or a Value")
        if not is_real(x):
            return NotImplemented  # an array of NumPy's, say, applies the operator to each of its elements
    v = Value(x)
    if like.data.__class__ is not float and isinstance(like.data, Fraction) and isinstance(x, Rational):
        v.data = Fraction(int(x) if isinstance(x, Integral) else x)  # NumPy's integers would overflow in it
    v.op = CONSTANT
    return v


def _data(x: Any) -> Any:
    """Return the number to compare with."""
    if isinstance(x, Value):
        return x.data
    if is_real(x):
        return x
    raise TypeError(f"a Value is compared with a Value or a number, not with {x!r}")


# -------------------- functions of several Values --------------------


def sum(values: Iterable[Any]) -> Value:
    """Return the sum of Values and numbers as one node.

    Raises:
        ValueError: there are none.
        TypeError: none of them is a Value.
    """
    return _call(ops.sum, list(values))


def dot(weights: Iterable[Any], inputs: Iterable[Any], bias: Any = None) -> Value:
    """Return the weighted sum w1*x1 + … + wn*xn (+ bias), a whole neuron, as one node.

    Raises:
        ValueError: there are no weights, or not as many as inputs.
        TypeError: none of the operands is a Value.
    """
    weights, inputs = list(weights), list(inputs)
    if len(weights) != len(inputs):
        raise ValueError(f"dot takes one weight for each input, not {len(weights)} weights for {len(inputs)} inputs")
    if not weights:
        raise ValueError("dot needs at least one weight and one input")
    operands = weights + inputs
    if bias is not None:
        operands.append(bias)
    return _call(ops.dot, operands)


def _call(op: Operation, operands: list[Any]) -> Value:
    for x in operands:
        if isinstance(x, Value):
            return record(op, operands)
    op.complete(operands)
    raise TypeError(f"{op.name} of plain numbers: make at least one of them a Value")
