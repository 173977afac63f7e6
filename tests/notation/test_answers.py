"""Numbers as people write them."""

from fractions import Fraction
from math import sqrt, tanh

import numpy as np
import pytest

from micrograd_like.notation.answers import read_answer


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ("4", 4),
        (4, 4),
        (4.0, 4),
        ("-3/2", Fraction(-3, 2)),
        (Fraction(-3, 2), -1.5),
        (" \N{MINUS SIGN}1.5 ", -1.5),
        ("1.25", 1.25),
        ("1.2", 1.2345),
        ("1.23", 1.2345),
        (".7071", sqrt(0.5)),
        (0.7071, sqrt(0.5)),
        ("1e-3", 0.001),
        ("7.1e-1", 0.707),
        ("sqrt(2)/2", sqrt(2) / 2),
        ("1 - tanh(0.5)**2", 1 - tanh(0.5) ** 2),
        ("1/3", 1 / 3),
        ("0", 0.0),
    ],
)
def test_right(written, truth):
    answer = read_answer(written)
    assert answer.agrees(truth)
    assert not answer.is_too_coarse(truth)


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ("4", 4.6),
        ("-3/2", 1.5),
        ("1.2", 1.26),
        ("1.23", 1.2361),
        ("1/3", 0.3333),
        ("1e-3", 0.002),
        ("sqrt(2)", 1.5),
        (0.5, -0.5),
    ],
)
def test_wrong(written, truth):
    assert not read_answer(written).agrees(truth)


def test_too_few_digits_tell_nothing():
    assert not read_answer("0").agrees(0.3)  # whole numbers are meant exactly
    assert read_answer("0.0345").is_right(0.0345)
    assert read_answer("0.3").is_too_coarse(0.333)
    assert not read_answer("0.33").is_too_coarse(0.333)
    assert not read_answer("5").is_too_coarse(0.3)  # wrong, not coarse


def test_whole_numbers_are_exact():
    assert not read_answer("10").agrees(Fraction(21, 2))
    assert not read_answer("-8").agrees(Fraction(-25, 3))
    assert read_answer(3.0).agrees(3)


def test_rounding_noise_is_zero():
    assert read_answer("0").is_right(2.8e-17)
    assert read_answer(5.5e-17).is_right(0.0)


def test_infinite_truths_agree_with_nothing():
    assert not read_answer("3").agrees(float("inf"))


def test_numpys_numbers():
    assert read_answer(np.int64(3)).agrees(3)
    assert read_answer(np.float32(0.5)).agrees(0.5)


def test_names_stand_for_numbers():
    assert read_answer("-2*b", {"b": 3.0, "c": 1.0}).number == -6


@pytest.mark.parametrize(
    "written", ["", "abc", "1,000.5", "2 +", "__import__('os')", "1/0", "9**9**9", "1;2", "a = 2", None, True, [1], 1j]
)
def test_no_number(written):
    with pytest.raises(ValueError, match=r"is no number: write 4, -3/2, 1\.25"):
        read_answer(written)


@pytest.mark.parametrize("written", [float("nan"), float("inf"), "nan", "inf"])
def test_not_finite(written):
    with pytest.raises(ValueError, match="is no number"):
        read_answer(written)


def test_a_comma_is_explained():
    with pytest.raises(ValueError, match=r"'1,5' has a comma: write 1\.5"):
        read_answer("1,5")


@pytest.mark.parametrize(
    "written", ["4\r5", "4\n5", "4\x0c5", "4\x855", "4\u20285", "4 # 8", "(4\n+1)", "4\x1b[2J", "4;5", "1" * 131_000]
)
def test_what_spans_lines_or_pages_is_not_a_number(written):
    with pytest.raises(ValueError, match=r"is no number|is not a number") as caught:
        read_answer(written)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("written", ["1E99999999", "9**9**9", "a**9**9", "a**-(9**9**9)", "1" * 131_000 + "/3"])
def test_numbers_nobody_could_write_out_are_refused_at_once(written):
    with pytest.raises(ValueError, match="number"):
        read_answer(written, {"a": Fraction(7)})
