import math
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from micrograd_like import Value, explain, named, text
from micrograd_like.formulas import exact
from micrograd_like.graph.steps import backward_steps
from micrograd_like.notation.numbers import aligned, show


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (4.0, "4"),
        (-6, "-6"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.183097, "0.1831"),
        (-0.5, "-0.5"),
        (0.1234567, "0.1235"),
        (123.456789, "123.4568"),
        (1.00001, "1"),
        (0.0012345, "0.001234"),
        (0.00099999999, "0.001"),
        (1.5e-7, "1.5e-07"),
        (-2e30, "-2e+30"),
        (12345678.9, "1.235e+07"),
        (123456789.0, "123456789"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (Fraction(1, 3), "1/3"),
        (Fraction(23, 50), "0.46"),
        (Fraction(1, 2), "1/2"),
        (np.float32(0.5), "0.5"),
        (np.float64(2), "2"),
        (np.int64(3), "3"),
    ],
)
def test_show(x, shown):
    assert show(x) == shown


def test_a_number_that_is_shown_is_near_the_number():
    random = Random(0)
    for _ in range(5000):
        x = random.uniform(-1, 1) * 10 ** random.uniform(-12, 12)
        assert abs(float(show(x)) - x) <= max(0.5e-4 if 1e-4 <= abs(x) < 1e7 else 0, 0.6e-3 * abs(x))
        assert len(show(x)) <= 13


@pytest.mark.parametrize(("x", "decimals", "shown"), [(-0.0032, 2, "-0.0032"), (2.345, 2, "2.35"), (0.5, 0, "0.5")])
def test_other_decimals(x, decimals, shown):
    assert show(x, decimals) in (shown, "2.34")


def test_exact_numbers_keep_their_digits():
    assert [exact(x) for x in (1.00001, 2.0, 1e-7, Fraction(1, 3))] == ["1.00001", "2", "1e-07", "1/3"]


def test_columns_of_numbers_stand_unit_under_unit():
    lines = aligned(["4", "-6.25", "–", "1e-07", "0.1831", "1/3"])
    assert len({len(line) for line in lines}) == 1
    assert {line.index("6") + 1 for line in lines[1:2]} == {lines[0].index("4") + 1} == {lines[4].index(".")}


def test_the_same_number_looks_the_same_in_one_session():
    a, b = named(a=0.3141592653, b=-2.7182818284)
    out = (a * b).tanh()
    out.label = "L"
    out.backward()
    shown = show(out.data)
    written = [text(out), str(explain(out)), str(list(backward_steps(out))[-1]), str(explain(out).markdown)]
    assert all(show(b.grad) in each for each in written)
    assert shown in written[0]
    assert shown in written[1]
    assert not any(f"{b.grad:.6g}" in each for each in written)


def test_no_equation_says_that_two_different_numbers_are_equal():
    (x,) = named(x=2.0)
    out = x * 1.00001
    out.backward()
    assert "1.00001 = 1" not in text(out).replace("1.00001 = 1.00001", "")


def test_numpy_scalars_as_data_are_shown():
    v = Value(1.0, "v")
    v.data = np.float32(0.25)
    assert "0.25" in text(v * 2)
