import copy
import itertools
import math
import pickle
from fractions import Fraction

import mpmath
import pytest

import micrograd_like
from micrograd_like import Value, grad, hessian, maximum, minimum, named, ops
from micrograd_like.ops import OPERATIONS

from .graphs import BY_ARITY, MEANINGS, differentiate

# Where each operation is compared with mpmath; the kinks have tests of their own.
POINTS = {
    "add": [(2.0, -3.0), (1e10, 1e-10)],
    "subtract": [(2.0, -3.0), (1.0, 1.0)],
    "multiply": [(2.0, -3.0), (0.0, 5.0), (1e-200, 1e150)],
    "divide": [(2.0, -3.0), (0.0, 5.0), (-7.0, 1e-3), (1.0, 1e100)],
    "negative": [(2.0,), (-0.5,)],
    "positive": [(2.0,), (-0.5,)],
    "power": [(2.0, 3.0), (2.0, -1.5), (0.3, 0.5), (9.0, 0.0), (1e-3, 2.0), (1.0, 100.0)],
    "exp": [(-700.0,), (-1.0,), (0.0,), (3.0,), (700.0,)],
    "log": [(1e-10,), (0.5,), (1.0,), (1e300,)],
    "sqrt": [(1e-10,), (2.0,), (1e300,)],
    "sin": [(-3.0,), (0.0,), (1.0,), (1e6,)],
    "cos": [(-3.0,), (0.0,), (1.0,), (1e6,)],
    "tanh": [(-1000.0,), (-20.0,), (-1.5,), (0.0,), (1e-9,), (0.8814,), (1000.0,)],
    "sigmoid": [(-1000.0,), (-700.0,), (-1.5,), (0.0,), (2.0,), (40.0,), (1000.0,)],
    "relu": [(-1000.0,), (-1e-9,), (1e-9,), (3.0,)],
    "leaky_relu": [(-2.0, 0.01), (-2.0, -0.5), (2.0, 0.01), (3.0, 0.0)],
    "softplus": [(-1000.0,), (-700.0,), (-1.5,), (0.0,), (2.0,), (40.0,), (1000.0,)],
    "abs": [(-2.0,), (1e-9,), (3.0,)],
    "maximum": [(2.0, -3.0), (-3.0, 2.0), (1.0, 1.0 + 1e-9)],
    "minimum": [(2.0, -3.0), (-3.0, 2.0), (1.0, 1.0 + 1e-9)],
    "sum": [(4.0,), (1.0, -2.0, 3.5), (1.0, 1.0)],
    "logsumexp": [(4.0,), (1.0, -2.0, 3.5), (1000.0, 999.0), (-1000.0, -1000.0), (1000.0, -1000.0)],
    "dot": [(2.0, 3.0), (2.0, 3.0, 5.0), (1.0, -2.0, 3.0, 0.5), (1.0, -2.0, 3.0, 0.5, -7.0)],
}
EVERY_POINT = [(name, point) for name, points in POINTS.items() for point in points]
EVERY_OPERAND = [(name, point, i) for name, point in EVERY_POINT for i in range(len(point))]


@pytest.fixture(autouse=True)
def _fifty_digits():
    with mpmath.workdps(50):
        yield


def test_no_row_is_left_out():
    rows = {name for name, row in OPERATIONS.items() if row.operand_names}
    assert rows == set(POINTS) == set(MEANINGS) == {name for names in BY_ARITY.values() for name in names}


@pytest.mark.parametrize(("name", "point"), EVERY_POINT)
def test_forward_is_mpmaths(name, point):
    expected = float(MEANINGS[name](*map(mpmath.mpf, point)))
    assert OPERATIONS[name](*point) == pytest.approx(expected, rel=1e-14, abs=0)


@pytest.mark.parametrize(("name", "point", "i"), EVERY_OPERAND)
def test_local_derivative_is_mpmaths(name, point, i):
    row = OPERATIONS[name]
    expected = float(differentiate(name, i, point))
    assert float(row.local(i, row(*point), point)) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("name", "point", "i"), EVERY_OPERAND)
def test_formula_that_is_shown_is_the_derivative(name, point, i):
    names = [f"p{j}" for j in range(len(point))]
    numbers = dict(zip(names, map(mpmath.mpf, point), strict=True))
    out = MEANINGS[name](*numbers.values())
    shown = eval(OPERATIONS[name].formula(i, "out", names), {**MEANINGS, **numbers, "out": out})
    assert mpmath.almosteq(shown, differentiate(name, i, point), rel_eps=1e-30, abs_eps=1e-30)


@pytest.mark.parametrize(("name", "point", "i"), EVERY_OPERAND)
def test_formula_filled_in_with_numbers_is_the_derivative(name, point, i):
    row = OPERATIONS[name]
    out = row(*point)
    shown = eval(row.formula(i, repr(out), [repr(x) for x in point]), dict(MEANINGS))
    assert float(shown) == pytest.approx(float(differentiate(name, i, point)), rel=1e-12, abs=1e-15)


# -------------------- over magnitudes --------------------

MAGNITUDES = [s * m for m in (1e-300, 1e-160, 1e-8, 1.0, 2.5, 30.0, 1e8, 1e160, 1e300) for s in (1, -1)]
SMALLER = {"exp", "sin", "cos", "tanh", "sigmoid", "softplus", "logsumexp"}  # than 1e9: their digits end there
BY_RESULT = {"tanh", "sigmoid", "softplus", "logsumexp"}  # their derivatives are as exact as the result is


def slope(f, i):
    """Return ∂f/∂operand `i` as a function: a central difference, relative to the operand, of an error of 1e-80."""
    h = mpmath.mpf(10) ** -40

    def difference(*point):
        above, below = list(point), list(point)
        above[i], below[i] = point[i] * (1 + h), point[i] * (1 - h)
        return (f(*above) - f(*below)) / (2 * h * point[i])

    return difference


def close(found, truth, name, operands):
    slack = 1e-12 * abs(truth) + 1e-300
    if name in BY_RESULT:
        slack += 4e-16 * max(1, *map(abs, operands))
    return abs(mpmath.mpf(found) - truth) <= slack


@pytest.mark.parametrize(
    "name", ["multiply", "divide", "power", "exp", "log", "sqrt", "sin", "tanh", "sigmoid", "softplus"]
)
def test_first_and_second_derivatives_over_magnitudes(name):
    """Where the truth and what leads to it can be held by a float, the gradient is right; elsewhere it raises."""
    row, tried = OPERATIONS[name], 0
    for point in itertools.product(MAGNITUDES, repeat=len(row.operand_names)):
        if (name in SMALLER and max(map(abs, point)) > 1e9) or (
            name == "power" and (point[0] < 0 or abs(point[1]) > 30)
        ):
            continue
        try:
            leaves = [Value(x) for x in point]
            out = row(*leaves)
        except (ValueError, ArithmeticError):
            continue
        if abs(out.data) < 1e-290:  # it has lost digits
            continue
        for i, j in itertools.product(range(len(point)), (None, *range(len(point)))):
            try:
                found = grad(out, [leaves[i]], create_graph=j is not None)[0]
                found = found if j is None else grad(found, [leaves[j]])[0]
            except (ValueError, ArithmeticError):
                continue  # it says so
            with mpmath.workdps(1200):  # 900 for what is left of 1/2 in the slope of sigmoid at 1e-300, and 80 for h²
                first = slope(MEANINGS[name], i)
                truth = (first if j is None else slope(first, j))(*map(mpmath.mpf, point))
            tried += 1
            assert close(found, truth, name, point), (point, i, j, found, float(truth))
    assert tried > 10


@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (lambda x, y: x / y, (1.0, 1e200), (1e-200, 0.0)),
        (lambda x, y: x / y, (1e-200, 1e-200), (1e200, -1e200)),
        (lambda x, slope: ops.leaky_relu(x, slope), (2.0, 1e20), (1.0, 0.0)),
        (lambda x, slope: ops.leaky_relu(x, slope), (-2.0, 1e20), (1e20, -2.0)),
    ],
)
def test_nothing_is_lost_to_overflow_or_cancellation(f, at, expected):
    leaves = [Value(x) for x in at]
    assert grad(f(*leaves), leaves) == list(expected)


@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (lambda x, y: x**y, (2.0, 0.0), [[0.0, 0.5], [0.5, math.log(2) ** 2]]),  # d²/dxdy = x**(y-1) * (1 + y*log(x))
        (lambda x, y: x**y, (0.0, 3.0), [[0.0, 0.0], [0.0, 0.0]]),
        (ops.leaky_relu, (0.0, 0.1), [[0.0, 1.0], [1.0, 0.0]]),
        (ops.leaky_relu, (-2.0, 0.1), [[0.0, 1.0], [1.0, 0.0]]),
        (ops.leaky_relu, (2.0, 0.1), [[0.0, 0.0], [0.0, 0.0]]),
    ],
)
def test_second_derivatives_at_guards_and_kinks(f, at, expected):
    leaves = [Value(x) for x in at]
    assert hessian(f(*leaves), leaves) == expected


def test_two_infinities_share_the_gradient():
    leaves = [Value(math.inf), Value(math.inf)]
    out = maximum(*leaves)
    assert [out.op.local(i, out.data, [math.inf, math.inf]) for i in (0, 1)] == [0.5, 0.5]


# -------------------- at kinks, edges and poles --------------------


@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (lambda x: x.relu(), [0.0], [0.0]),
        (lambda x: x.relu(), [-0.0], [0.0]),
        (lambda x: x.leaky_relu(), [0.0], [0.01]),
        (abs, [0.0], [0.0]),
        (maximum, [3.0, 3.0], [0.5, 0.5]),
        (minimum, [3.0, 3.0], [0.5, 0.5]),
        (lambda x: maximum(x, x), [3.0], [1.0]),
        (lambda x: x**0, [0.0], [0.0]),
        (lambda x: x**0, [-2.0], [0.0]),
        (lambda x: x**1, [0.0], [1.0]),
        (lambda x: x**2, [0.0], [0.0]),
        (lambda x, y: x**y, [2.0, 0.0], [0.0, math.log(2)]),
        (lambda x, y: x**y, [0.0, 2.0], [0.0, 0.0]),
        (lambda y: 0**y, [2.0], [0.0]),
    ],
)
def test_derivative_at_an_edge(f, at, expected):
    leaves = [Value(x) for x in at]
    f(*leaves).backward()
    assert [v.grad for v in leaves] == expected


@pytest.mark.parametrize("x", [-1000.0, 1000.0])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus"])
def test_saturated_functions_are_exact(name, x):
    v = Value(x)
    out = OPERATIONS[name](v)
    out.backward()
    assert out.data == float(MEANINGS[name](mpmath.mpf(x)))
    assert v.grad == float(differentiate(name, 0, [x]))


@pytest.mark.parametrize(
    ("f", "at", "message"),
    [
        (lambda x: x.sqrt(), 0.0, r"sqrt\(x\) = sqrt\(0\.0\) = 0\.0 has no finite derivative with respect to x"),
        (lambda x: (-2) ** x, 2.0, r"\(-2\.0\)\*\*x = .* = 4\.0 has no finite derivative with respect to x"),
        (lambda x: x**0.5, 0.0, r"x\*\*0\.5 = 0\.0\*\*0\.5 = 0\.0 has no finite derivative with respect to x"),
        (lambda x: 1 / x, 1e-200, r"1\.0 / x = .* has no finite derivative with respect to x"),
    ],
)
def test_backward_names_the_node_without_a_derivative_and_changes_nothing(f, at, message):
    x = Value(at, "x")
    y = f(x)
    out = 3 * y + x
    (2 * x).backward()
    with pytest.raises(ValueError, match=message):
        out.backward()
    assert [v.grad for v in micrograd_like.topological_order(out)] == [
        2.0 if v is x else 0.0 for v in micrograd_like.topological_order(out)
    ]


def test_where_no_derivative_is_asked_for_none_is_missed():
    x = Value(-2.0)
    y = x**3
    y.backward()
    assert (y.data, x.grad) == (-8.0, 12.0)


def test_a_nan_stays_a_nan():
    nan = float("nan")
    assert all(math.isnan(row(x, y)) for row in (ops.maximum, ops.minimum) for x, y in [(nan, 1.0), (1.0, nan)])


# -------------------- errors of the rows --------------------


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda a: a.log(), ValueError, r"log\(a\) = log\(-8\.0\): log is defined for numbers above 0 only"),
        (lambda a: (0 * a).log(), ValueError, r"log\(-0\.0\): log is defined for numbers above 0 only"),
        (lambda a: a.sqrt(), ValueError, r"sqrt\(a\) = sqrt\(-8\.0\): sqrt is defined from 0 upwards only"),
        (lambda a: a ** (1 / 3), ValueError, r"a\*\*0\.333.*: a negative number has only whole powers"),
        (lambda a: a / 0, ZeroDivisionError, r"a / 0\.0 = -8\.0 / 0\.0: division by zero"),
        (lambda a: 1 / (a + 8), ZeroDivisionError, r"1\.0 / 0\.0: division by zero"),
        (lambda a: (a * 0) ** -1, ZeroDivisionError, r"division by zero"),
        (lambda a: (a * -100).exp(), OverflowError, r"exp\(800\.0\): the result is too large for a float"),
        (lambda a: a**401, OverflowError, r"a\*\*401\.0 = .*: the result is too large for a float"),
        (lambda a: a * 1e308, OverflowError, r"a \* 1e\+308 = .*: the result is too large for a float"),
        (lambda a: a - 1.7e308 - 1.7e308, OverflowError, r"too large for a float"),
        (lambda a: (a * math.inf).sin(), ValueError, r"sin\(-inf\): sin is defined for finite numbers only"),
    ],
)
def test_undefined_operations_raise_at_once(f, error, message):
    with pytest.raises(error, match=message):
        f(Value(-8.0, "a"))


def test_wrong_number_of_operands():
    with pytest.raises(TypeError, match=r"maximum\(x, y\) takes 2 operands, not 1"):
        maximum(Value(1.0))
    with pytest.raises(ValueError, match="logsumexp needs at least one operand"):
        ops.logsumexp()


# -------------------- how rows are called, written and pickled --------------------


def test_a_row_called_with_numbers_returns_a_number():
    assert micrograd_like.relu(-3) == 0
    assert micrograd_like.leaky_relu(-3.0) == -0.03
    assert maximum(2.0, 5.0) == 5.0
    assert micrograd_like.tanh(0.0) == 0.0


def test_a_row_called_with_a_value_records_a_node():
    x = Value(2.0)
    y = maximum(1, x)
    assert (y.data, y.op) == (2.0, ops.maximum)
    assert y.operands[1] is x


@pytest.mark.parametrize(
    ("name", "operands", "expected"),
    [
        ("add", ["a", "b"], "a + b"),
        ("multiply", ["a", "b"], "a * b"),
        ("subtract", ["2", "-3"], "2 - (-3)"),
        ("power", ["-2", "b"], "(-2)**b"),
        ("negative", ["a"], "-a"),
        ("negative", ["-3"], "-(-3)"),
        ("tanh", ["a"], "tanh(a)"),
        ("relu", ["-3"], "relu(-3)"),
        ("leaky_relu", ["a", "0.01"], "leaky_relu(a, 0.01)"),
        ("sum", ["a", "b", "c"], "sum(a, b, c)"),
        ("dot", ["w1", "w2", "x1", "x2"], "w1 * x1 + w2 * x2"),
        ("dot", ["w1", "w2", "x1", "-3", "b"], "w1 * x1 + w2 * (-3) + b"),
    ],
)
def test_write(name, operands, expected):
    assert OPERATIONS[name].write(operands) == expected


@pytest.mark.parametrize(
    ("name", "i", "operands", "expected"),
    [
        ("add", 0, ["a", "b"], "1"),
        ("multiply", 0, ["a", "b"], "b"),
        ("multiply", 1, ["a + 1", "b"], "a + 1"),
        ("divide", 1, ["a", "b"], "-c / b"),
        ("divide", 1, ["a", "-3.0"], "-c / (-3.0)"),
        ("power", 0, ["a", "n"], "n * a**(n - 1)"),
        ("relu", 0, ["a"], "1 if a > 0 else 0"),
        ("maximum", 1, ["a", "b"], "1 if b > a else 0.5 if a == b else 0"),
        ("power", 1, ["a", "b"], "c * log(a)"),
        ("tanh", 0, ["a"], "1 - c**2"),
        ("sigmoid", 0, ["x[0]"], "c * (1 - c)"),
        ("sin", 0, ["x[0]"], "cos(x[0])"),
        ("logsumexp", 1, ["a", "b"], "exp(b - c)"),
        ("dot", 0, ["w1", "w2", "x1", "x2", "b"], "x1"),
        ("dot", 3, ["w1", "w2", "x1", "x2", "b"], "w2"),
        ("dot", 4, ["w1", "w2", "x1", "x2", "b"], "1"),
    ],
)
def test_formula(name, i, operands, expected):
    assert OPERATIONS[name].formula(i, "c", operands) == expected


def test_a_row_is_copied_and_pickled_as_itself():
    assert copy.deepcopy(ops.dot) is ops.dot
    assert pickle.loads(pickle.dumps(ops.tanh)) is ops.tanh
    assert repr(ops.tanh) == "<operation tanh>"


def test_exact_rows_keep_fractions():
    half, third = Fraction(1, 2), Fraction(1, 3)
    results = [ops.relu(half), ops.relu(-half), abs(-third), maximum(half, third), ops.dot(half, third, half)]
    assert results == [half, 0, third, half, Fraction(2, 3)]
    assert all(type(x) is Fraction for x in results)


def test_methods_and_functions_record_the_same():
    (x,) = named(x=0.5)
    for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu", "leaky_relu", "softplus"):
        method, function = getattr(Value, name)(x), getattr(micrograd_like, name)(x)
        assert method.op is function.op is OPERATIONS[name]
        assert method.data == function.data
