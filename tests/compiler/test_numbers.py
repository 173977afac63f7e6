"""Numbers of every kind are taken or refused alike by all backends; what is not finite is never returned."""

import math
from array import array
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from micrograd_like import Value, ops
from micrograd_like.compiler import compile
from micrograd_like.notation.names import named

ROWS = [[1.0, 2.0], [0.5, -0.25], [3.0, 0.0]]


class Table:
    """What becomes an array without being one, as pandas' DataFrames do."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numbers, dtype=dtype)

    def __len__(self):
        return len(self.numbers)


KINDS = {
    "lists": ROWS,
    "tuples": tuple(map(tuple, ROWS)),
    "a generator": lambda: (row for row in ROWS),
    "generators": lambda: ((x for x in row) for row in ROWS),
    "arrays": [array("d", row) for row in ROWS],
    "a list of NumPy's rows": [np.array(row) for row in ROWS],
    "NumPy's scalars": [[np.float64(x) for x in row] for row in ROWS],
    "single precision": [[np.float32(x) for x in row] for row in ROWS],
    "fractions": [[Fraction(x) for x in row] for row in ROWS],
    "decimals": [[Decimal(x) for x in row] for row in ROWS],
    "an array": np.array(ROWS),
    "single precision in an array": np.array(ROWS, dtype=np.float32),
    "columns first": np.asfortranarray(ROWS),
    "every other row": np.repeat(ROWS, 2, axis=0)[::2],
    "backwards": np.array(ROWS[::-1])[::-1],
    "read only": np.broadcast_to(np.array(ROWS), (3, 2)),
    "a table": Table(ROWS),
    "objects": np.array(ROWS, dtype=object),
}


def program(backend):
    x, y, w, u = named(x=1.0, y=2.0, w=0.5, u=0.25)
    return compile(x * w + (y * u).tanh(), [x, y], [w, u], backend)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_every_kind(backend, kind):
    rows = KINDS[kind]() if callable(KINDS[kind]) else KINDS[kind]
    outputs, gradient = program(backend).value_and_grad(rows)
    wanted = program("python").value_and_grad(ROWS)
    assert list(outputs) == pytest.approx(wanted[0], rel=1e-14)
    assert list(gradient) == pytest.approx(wanted[1], rel=1e-14)
    table = isinstance(rows, Table) or (isinstance(rows, np.ndarray) and rows.dtype != object)
    assert type(outputs) is type(gradient) is (np.ndarray if table else list)
    assert all(type(x) is float for x in [*outputs, *gradient]) or table


def test_whole_numbers_and_truths(backend):
    for rows in [[1, True], [0, False]], np.array([[1, 1], [0, 0]]), np.array([[True, True], [False, False]]):
        assert list(program(backend)(rows)) == pytest.approx([0.5 + math.tanh(0.25), 0.0])


@pytest.mark.parametrize("params", [[1, 2], (1.0, np.float32(2)), array("d", [1, 2]), np.array([1, 2]), Table([1, 2])])
def test_parameters_of_every_kind(backend, params):
    assert list(program(backend)(ROWS, params)) == pytest.approx([x + math.tanh(2 * y) for x, y in ROWS])
    assert list(program(backend)(ROWS, iter([1, Fraction(2)]))) == pytest.approx(
        [x + math.tanh(2 * y) for x, y in ROWS]
    )


def test_what_is_refused(backend):
    f, v = program(backend), Value(1.0)
    for rows, error, message in [
        ([[1.0, 2.0], [1.0, "2"]], TypeError, "row 1 of X: y is '2', which is not a number"),
        ([[1.0, None]], TypeError, "row 0 of X: y is None, which is not a number"),
        ([[1j, 2.0]], TypeError, "row 0 of X: x is 1j, which is not a number"),
        ([[1.0, v]], TypeError, "row 0 of X: y is Value"),
        ([[1.0, 10**400]], TypeError, "row 0 of X: y is 1000.*, which is not a number that a float can hold"),
        ([[1.0, [2.0]]], TypeError, "row 0 of X: y is"),
        (np.array([["a", "b"]]), TypeError, "row 0 of X: x is 'a'"),
        (np.array([[1j, 2.0]]), TypeError, "row 0 of X: x is 1j"),
        ([{"x": 1.0, "y": 2.0}], TypeError, "row 0 of X is a list of 2 numbers, not {'x'"),
        (["ab"], TypeError, "row 0 of X is a list of 2 numbers, not 'ab'"),
        ([1.0, 2.0], TypeError, "row 0 of X is a list of 2 numbers, not 1.0"),
        (3.0, TypeError, "X is rows of 2 numbers, not 3.0"),
        (None, TypeError, "X is rows of 2 numbers, not "),
        ("ab", TypeError, "X is rows of 2 numbers, not "),
        ([[1.0, 2.0], [math.nan, 1.0]], ValueError, "row 1 of X: x is nan, not a finite number"),
        (np.array([[1.0, 2.0], [1.0, -np.inf]]), ValueError, "row 1 of X: y is -inf, not a finite number"),
        (Table([[1.0, np.nan]]), ValueError, "row 0 of X: y is nan, not a finite number"),
        ([[1.0, 2.0], [1.0]], ValueError, "row 1 of X has length 1; the program takes 2: x, y"),
    ]:
        for call in f, f.value_and_grad:
            with pytest.raises(error, match=message):
                call(rows)
    for params, error, message in [
        ([1.0, "2"], TypeError, "the parameter u is '2', which is not a number"),
        ([1.0, math.inf], ValueError, "the parameter u is inf, which is not a finite number"),
        (np.array([np.nan, 1.0]), ValueError, "the parameter w is nan, which is not a finite number"),
        ([1.0], ValueError, "the program has 2 parameters, not 1"),
        (2.0, TypeError, "not 2.0"),
    ]:
        with pytest.raises(error, match=message):
            f.value_and_grad(ROWS, params)


def test_the_determinant_is_zero(backend):
    a, b, c, d = leaves = named(a=0.1, b=0.7, c=0.2, d=0.7)
    f = compile(1 / (a * b - c * d), [], list(leaves), backend)
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        f.value_and_grad(None, [0.1, 0.7, 0.1, 0.7])
    by_rows = compile(1 / (a * b - c * d), list(leaves), [], backend)
    with pytest.raises(ZeroDivisionError, match="division by zero") as raised:
        by_rows([[0.1, 0.7, 0.2, 0.7]] * 40 + [[0.1, 0.7, 0.1, 0.7]])
    assert raised.value.__notes__ == ["in row 40 of X"]


def test_infinite_constants(backend):
    x, w = named(x=2.0, w=3.0)
    for output, wanted in [
        (w.minimum(math.inf) * x, [6.0, 2.0]),
        (x * w + 1 / ops.maximum(w, math.inf), [6.0, 2.0]),
        ((x * w).maximum(-math.inf), [6.0, 2.0]),
    ]:
        f = compile(output, [x], [w], backend)
        assert list(f.value_and_grad([[2.0]])[0]) == [wanted[0]]
    for constant in math.inf, -math.inf:
        f = compile(x * w + constant, [x], [w], backend)
        for call in f, f.value_and_grad:
            with pytest.raises(OverflowError, match=rf"is {constant}, not a finite number") as raised:
                call([[1.0], [2.0]])
            assert raised.value.__notes__ == ["in row 0 of X"]


def test_sums_too_large_for_a_float(backend):
    x, w = named(x=2.0, w=3.0)
    f = compile(x * w, [x], [w], backend)
    with pytest.raises(OverflowError, match="the gradient summed over the rows is too large"):
        f.value_and_grad([[1.5e308]] * 2, [0.5])


def test_many_parameters_and_no_inputs(backend):
    ws = [Value(1.0 + i, f"a rather long label {i}") for i in range(300)]
    output = ops.sum(*ws) * ws[0]
    outputs, gradient = compile(output, [], ws, backend).value_and_grad()
    assert outputs == [output.data]
    assert gradient[1:] == [1.0] * 299


def test_very_long_sums(c_compiler):
    xs = [Value(0.001 * (i % 7), f"x{i}") for i in range(30_000)]
    output = ops.logsumexp(*xs) + ops.sum(*xs) * ops.dot(*xs)
    outputs, gradient = compile(output, [], xs, "c").value_and_grad()
    assert outputs == pytest.approx([output.data], rel=1e-12)
    output.backward()
    assert gradient == pytest.approx([x.grad for x in xs], rel=1e-9)
