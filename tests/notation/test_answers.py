"""Numbers as people write them."""

from fractions import Fraction
from math import e, inf, nan, pi, sqrt, tanh

import numpy as np
import pytest

from micrograd_like.notation.answers import read_answer


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        *(("4", 4), (4, 4), (4.0, 4), ("-3/2", Fraction(-3, 2)), (Fraction(-3, 2), -1.5), ("1.25", 1.25)),
        *(("1.2", 1.2345), ("1.23", 1.2345), (".7071", sqrt(0.5)), (0.7071, sqrt(0.5)), ("1e-3", 0.001)),
        *(("7.1e-1", 0.707), ("sqrt(2)/2", sqrt(2) / 2), ("1 - tanh(0.5)**2", 1 - tanh(0.5) ** 2), ("1/3", 1 / 3)),
        *(("0", 0.0), ("0.33", 1 / 3), ("1.0", 1.02), ("5.3", 5.32), ("137", 137.2), ("0.03", 0.0345)),
    ],
)
def test_right(written, truth):
    answer = read_answer(written)
    assert answer.agrees(truth)
    assert answer.is_right(truth)


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        *(("4", 4.6), ("-3/2", 1.5), ("1.2", 1.26), ("1.23", 1.2361), ("1/3", 0.3333), ("1e-3", 0.002)),
        *(("sqrt(2)", 1.5), (0.5, -0.5), ("0", 0.3), ("4", 3.5), ("200", 201), ("0.33", 0.34)),
    ],
)
def test_wrong(written, truth):
    assert not read_answer(written).agrees(truth)


@pytest.mark.parametrize(
    ("written", "truth"), [("0.3", 1 / 3), ("13", 53 / 4), ("2e1", 20.9), (13.0, 53 / 4), (10, 10.4), ("1e-3", 0.0014)]
)
def test_too_few_digits(written, truth):
    answer = read_answer(written)
    assert answer.is_too_coarse(truth)
    assert not answer.is_right(truth)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        *(("–4", -4), ("−4", -4), ("- 4", -4), ("½", 0.5), ("-½", -0.5), ("2 1/2", 2.5), ("-2 1/2", -2.5), ("2½", 2.5)),
        *(
            ("1,5", 1.5),
            ("-0,125", -0.125),
            ("1,2345", 1.2345),
            ("≈0.7", 0.7),
            ("= 4", 4),
            ("~ 4", 4),
            ("√2/2", 0.5**0.5),
        ),
        *(("2^3", 8), ("10^-4", 1e-4), ("10⁻⁴", 1e-4), ("1.2×10⁻⁴", 1.2e-4), ("1.2 · 10^(-4)", 1.2e-4), ("3·2", 6)),
        *(("6÷4", 1.5), ("e^2", e * e), ("2*π", 2 * pi), ("2²", 4), ("3/-2", -1.5), ("0." + "3" * 400, 1 / 3)),
    ],
)
def test_numbers_as_people_write_them(written, number):
    assert read_answer(written).number == pytest.approx(number)


def test_a_power_of_ten_is_a_decimal():
    assert read_answer("1.2×10⁻⁴").slack == pytest.approx(read_answer("0.00012").slack)


@pytest.mark.parametrize("written", ["1,234", "-12,345", "999,000"])
def test_what_may_be_two_numbers_is_asked_back(written):
    decimal, whole = written.replace(",", "."), written.replace(",", "")
    with pytest.raises(ValueError, match=f"may be {decimal} or {whole}: write it without the comma"):
        read_answer(written)


@pytest.mark.parametrize("written", ["1e400", "9" * 400, 10**400, "1e301", "10**301"])
def test_too_large(written):
    with pytest.raises(ValueError, match="is too large to be computed with"):
        read_answer(written)


def test_rounding_noise_is_zero():
    assert read_answer("0").is_right(2.8e-17)
    assert read_answer(5.5e-17).is_right(0.0)


@pytest.mark.parametrize("truth", [inf, -inf, nan])
def test_infinite_truths_agree_with_nothing(truth):
    assert not read_answer("3").agrees(truth)


def test_numpys_numbers():
    assert read_answer(np.int64(3)).is_right(3)
    assert read_answer(np.float32(0.1)).is_right(0.1)


def test_names_stand_for_numbers():
    assert read_answer("-2*b", {"b": 3.0, "c": 1.0}).number == -6
    assert read_answer("e + 1", {"e": 3.0}).number == 4  # a node's name goes before the constant


@pytest.mark.parametrize(
    "written",
    [
        *("", "abc", "1,000.5", "2 +", "__import__('os')", "1/0", "1;2", "a = 2", None, True, [1], 1j, nan, inf, "nan"),
        *(
            "inf",
            "0x10",
            "1_000",
            "0b11",
            "1 2",
            "5%",
            "[1]",
            "(1,5)",
            "1 if 1 else 2",
            "4 = 4",
            "not 1",
            "…",
            "=",
            "--",
        ),
    ],
)
def test_not_a_number(written):
    with pytest.raises(ValueError, match=r"is not a number: write 4, -3/2, 1\.25"):
        read_answer(written)
