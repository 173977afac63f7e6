import math
import re
from fractions import Fraction
from itertools import cycle

import pytest

from micrograd_like import MLP, Value, dot, gradcheck, maximum, named
from micrograd_like.engine import UNREACHED


def wrong_square(x):
    """Return a node whose derivative is x instead of 2x."""
    return x * Value(x.data)


def test_right_gradients_pass_and_are_printed_in_columns(capsys):
    gradcheck(lambda a, bias: (a * bias).tanh() + a / bias, {"a": 2.0, "bias": -3.0})
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["input", "analytic", "numeric", "error"]
    assert [row.split()[0] for row in rows] == ["a", "bias"]
    assert len({len(row) for row in (header, *rows)}) == 1
    expected = 1 / -3 - 3 * (1 - math.tanh(-6) ** 2)
    assert [float(x) for x in rows[0].split()[1:3]] == pytest.approx([expected, expected], rel=1e-6)
    assert float(rows[0].split()[3]) < 1e-9


def test_a_sequence_is_handed_over_in_order(capsys):
    gradcheck(lambda a, b, c: dot([a, b], [b, c], a), [2, Fraction(1, 2), -3.0])
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [(row.split()[0], float(row.split()[1])) for row in rows] == [("x[0]", 1.5), ("x[1]", -1.0), ("x[2]", 0.5)]


def test_an_input_that_is_not_used_has_gradient_0(capsys):
    gradcheck(lambda a, b: a * 1, [2.0, 3.0])
    assert float(capsys.readouterr().out.splitlines()[2].split()[1]) == 0.0


def test_a_mismatch_names_the_worst_input(capsys):
    message = "the gradient with respect to 'b' is 3 by backward(), but 6 by central differences"
    with pytest.raises(AssertionError, match=re.escape(message)):
        gradcheck(lambda a, b, c: wrong_square(a) + wrong_square(b) + c * 2, {"a": 2.0, "b": 3.0, "c": 1.0})
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.endswith("<- differs") for row in rows] == [True, True, False]


def test_a_kink_is_called_one(capsys):
    gradcheck(Value.relu, [0.0])
    assert "a kink: the slope is 0 to the left and 1 to the right" in capsys.readouterr().out
    gradcheck(lambda a, b: maximum(a, b), [3.0, 3.0])


def test_xor_with_biases_of_0():
    gradcheck(MLP(2, [4, 1], seed=0), [0.0, 0.0])


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (Value.log, 1e-7),
        (lambda x: 1 / x, 1e-5),
        (lambda x: x**-2, 3e-4),
        (lambda x: x + 1, 1e-7),
        (Value.sqrt, 1e-10),
        (Value.sin, 1e-7),
        (lambda x: (x - 1).log(), 1 + 1e-5),
    ],
)
def test_small_inputs_stay_inside_the_domain(f, x):
    gradcheck(f, [x])


def test_a_models_own_parameters_are_checked(capsys):
    model = MLP(2, [2, 1], activation="tanh", seed=1)
    before = [p.data for p in model.parameters()]
    gradcheck(model, [1.0, -2.0])
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["x[0]", "x[1]", *(p.label for p in model.parameters())]
    assert [p.data for p in model.parameters()] == before
    assert all(p.grad is UNREACHED for p in model.parameters())


def test_a_function_that_leaves_the_graph_is_warned_about():
    with pytest.warns(UserWarning, match="is not computed from its inputs"), pytest.raises(AssertionError):
        gradcheck(lambda x: Value(x.data) * 2, [3.0])


def test_tolerances_decide():
    gradcheck(lambda x: x * 1.0 + Value(x.data * 1e-3), [1.0], rtol=1e-2)
    with pytest.raises(AssertionError):
        gradcheck(lambda x: x * 1.0 + Value(x.data * 1e-3), [1.0], rtol=1e-4, atol=0.0)


def test_steps_grow_with_large_inputs():
    gradcheck(lambda x: x**2, [1e9])


def test_nothing_outside_is_changed():
    w, x = named(w=2.0, x=3.0)
    hidden = w * 5
    hidden.backward()
    inputs = [x]
    gradcheck(lambda x: hidden * x, inputs)
    assert (w.grad, hidden.grad, x.grad, hidden.data, inputs) == (5.0, 1.0, 0.0, 10.0, [x])


@pytest.mark.parametrize(
    ("f", "inputs", "error", "message"),
    [
        (lambda x: 3.0, [1.0], TypeError, r"f must return one Value, not 3\.0"),
        (lambda x: [x], [1.0], TypeError, r"f must return one Value, not \["),
        (lambda x: x * math.inf, [1.0], ValueError, r"f is inf at x\[0\] = 1\.0"),
        (lambda x: x, [math.nan], ValueError, r"the input 'x\[0\]' is nan"),
        (lambda a: a, {"a": math.inf}, ValueError, r"the input 'a' is inf"),
        (lambda: Value(1.0), [], ValueError, r"at least one input"),
        (lambda x: x, 3.0, TypeError, r"inputs are a sequence or a dict of numbers, not 3\.0: write \[3\.0\]"),
        (lambda x: x, ["3"], TypeError, r"a Value holds one real number, not '3'"),
        (lambda x: x.sqrt(), [0.0], ValueError, r"sqrt\(x\[0\]\) .* has no finite derivative"),
    ],
)
def test_bad_input(f, inputs, error, message):
    with pytest.raises(error, match=message):
        gradcheck(f, inputs)


@pytest.mark.parametrize("option", ["eps", "rtol", "atol"])
@pytest.mark.parametrize("x", [-1e-6, math.nan, 2.0])
def test_options_out_of_range(option, x):
    with pytest.raises(ValueError, match=f"{option} must be from"):
        gradcheck(Value.exp, [1.0], **{option: x})


@pytest.mark.parametrize("eps", [0.0, 1e-300])
def test_eps_must_be_a_step(eps):
    with pytest.raises(ValueError, match="eps must be from 1e-12 to below 1"):
        gradcheck(Value.exp, [1.0], eps=eps)


NOISE = cycle([0.0, 1.0, 0.3])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + next(NOISE),
        lambda x: x + 1 if x.data >= 0 else x,
    ],
)
def test_what_does_not_settle_is_not_called_a_kink(f):
    with pytest.raises(ValueError, match="f cannot be checked at 0"):
        gradcheck(f, [0.0])


def test_a_steep_function_is_checked_closely():
    gradcheck(lambda x: (x * 1e9).sigmoid(), [0.0])
