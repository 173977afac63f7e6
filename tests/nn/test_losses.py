import autograd
import autograd.numpy as np
import mpmath
import pytest

from micrograd_like import Value
from micrograd_like.nn import MLP
from micrograd_like.nn.losses import LOSSES, binary_cross_entropy, cross_entropy, hinge, mean_squared_error

LOGITS = [-1000.0, -40.0, -1.5, 0.25, 3.0, 40.0, 1000.0]


def differentiate(loss, numbers, targets):
    """Return a loss and its gradients; rows of numbers make rows of Values."""
    if isinstance(numbers[0], list):
        rows = [[Value(x) for x in row] for row in numbers]
        flat = [v for row in rows for v in row]
    else:
        rows = flat = [Value(x) for x in numbers]
    result = loss(rows, targets)
    result.backward()
    return result.data, [v.grad for v in flat]


def test_mean_squared_error_by_hand():
    assert differentiate(mean_squared_error, [1.0, 5.0], [4.0, 4.0]) == (5.0, [-3.0, 1.0])


def test_mean_squared_error_is_autograds():
    ps, ts = [0.5, -1.25, 1000.0, 3.0], [0.25, 2.0, -1000.0, 3.0]
    loss, gradients = differentiate(mean_squared_error, ps, ts)
    f = lambda p: np.mean((p - np.array(ts)) ** 2)  # noqa: E731
    assert loss == pytest.approx(f(np.array(ps)))
    assert gradients == pytest.approx(list(autograd.grad(f)(np.array(ps))))


def test_mean_squared_error_takes_values_as_targets():
    target = Value(2.0)
    mean_squared_error([Value(5.0)], [target]).backward()
    assert target.grad == -6


def test_hinge_by_hand():
    # margins 1 - y*score: 0.5, 3, -1, 1001, -999
    loss, gradients = differentiate(hinge, [0.5, -2.0, -2.0, -1000.0, 1000.0], [1, 1, -1, 1, 1])
    assert loss == (0.5 + 3 + 1001) / 5
    assert gradients == [-0.2, -0.2, 0, -0.2, 0]


@pytest.mark.parametrize("z", LOGITS)
@pytest.mark.parametrize("y", [0, 1])
def test_binary_cross_entropy_is_mpmaths_to_the_last_digits(z, y):
    with mpmath.workdps(1000):
        p = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
        loss, gradient = -mpmath.log(p if y else 1 - p), p - y
    assert differentiate(binary_cross_entropy, [z], [y]) == (
        pytest.approx(float(loss), rel=1e-14),
        [pytest.approx(float(gradient), rel=1e-14)],
    )


def test_binary_cross_entropy_is_the_mean():
    losses = [differentiate(binary_cross_entropy, [z], [y])[0] for z, y in [(0.5, 1), (-2.0, 1), (3.0, 0)]]
    assert differentiate(binary_cross_entropy, [0.5, -2.0, 3.0], [1, 1, 0])[0] == pytest.approx(sum(losses) / 3)


ROWS = [
    [0.5, -1.0, 2.0],
    [1000.0, -1000.0, 0.0],
    [-1000.0, -1000.0, -1000.0],
    [1000.0, 1000.0, 999.0],
    [-1000.0, 1000.0, 1000.0],
]


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("target", [0, 1, 2])
def test_cross_entropy_is_mpmaths(row, target):
    with mpmath.workdps(1000):
        exps = [mpmath.exp(x) for x in row]
        ps = [e / mpmath.fsum(exps) for e in exps]
        loss, expected = -mpmath.log(ps[target]), [p - (i == target) for i, p in enumerate(ps)]
    # absolute: a sum of logits up to 1000 has steps of 1e-13
    assert differentiate(cross_entropy, [row], [target]) == (
        pytest.approx(float(loss), rel=1e-13, abs=1e-12),
        pytest.approx([float(g) for g in expected], rel=1e-12, abs=1e-12),
    )


def exactly(x):
    """Return what comes out of exact numbers, rounded once."""
    return pytest.approx(float(x), rel=1e-13, abs=1e-300)


MAGNITUDES = [0.0, 1e-300, 1e-20, 1e-8, 0.3, 1.0, 20.0, 700.0, 1e8, 1e16, 1e100, 1e300]


@pytest.mark.parametrize("size", MAGNITUDES)
@pytest.mark.parametrize("gap", [0.0, 1e-9, 1.0, 20.0, 36.9, 40.0, 700.0, 1e5])
def test_cross_entropy_keeps_its_digits_at_every_magnitude(size, gap):
    for row in [size, size - gap], [size, size, size - gap], [-size, gap - size, -size], [size, -size, gap, 0.5]:
        with mpmath.workdps(700):
            for target in range(len(row)):
                rest = mpmath.fsum(mpmath.exp(mpmath.mpf(z) - row[target]) for j, z in enumerate(row) if j != target)
                loss = mpmath.log1p(rest)
                ps = [mpmath.exp(mpmath.mpf(z) - row[target]) / (1 + rest) for z in row]
                ps[target] = -rest / (1 + rest)
                found, gradients = differentiate(cross_entropy, [row], [target])
                # an error in the last digit of a difference is one of as many digits in its exponential as it is large
                spread = min(max(row) - min(row), 745)
                assert found == pytest.approx(float(loss), rel=1e-15 * (10 + spread), abs=5e-324)
                for gradient, p in zip(gradients, ps, strict=True):
                    assert gradient == pytest.approx(float(p), rel=1e-15 * (10 + spread), abs=1e-320)


def test_cross_entropy_of_huge_equal_logits_is_the_log_of_their_number():
    for size in 1e8, 1e16, 1e300, -1e300:
        loss, gradients = differentiate(cross_entropy, [[size] * 4], [2])
        assert loss == exactly(mpmath.log(4))
        assert gradients == [0.25, 0.25, -0.75, 0.25]


@pytest.mark.parametrize("size", MAGNITUDES)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("y", [0, 1])
def test_binary_cross_entropy_keeps_its_digits_at_every_magnitude(size, sign, y):
    z = sign * size
    with mpmath.workdps(700):
        signed = mpmath.mpf(-z if y else z)
        loss = mpmath.log1p(mpmath.exp(signed)) if size < 1e5 else max(signed, mpmath.mpf(0))
        gradient = (-1 if y else 1) / (1 + mpmath.exp(-signed)) if size < 1e5 else (-1 if y else 1) * (signed > 0)
    found, (slope,) = differentiate(binary_cross_entropy, [z], [y])
    assert found == exactly(loss)
    assert slope == exactly(gradient)


@pytest.mark.parametrize("size", [1e-300, 1e-8, 1.0, 1e8, 1e100])
def test_the_other_losses_at_every_magnitude(size):
    loss, gradients = differentiate(mean_squared_error, [size, -size], [0.5, 0.25])
    with mpmath.workdps(700):
        errors = [mpmath.mpf(size) - 0.5, mpmath.mpf(-size) - 0.25]
        assert loss == exactly(mpmath.fsum(e * e for e in errors) / 2)
    assert gradients == [exactly(e) for e in errors]
    loss, gradients = differentiate(hinge, [size, -size], [-1, -1])
    with mpmath.workdps(700):
        margins = [max(mpmath.mpf(1) + z, mpmath.mpf(0)) for z in (mpmath.mpf(size), mpmath.mpf(-size))]
        assert loss == exactly(mpmath.fsum(margins) / 2)
    assert gradients == [0.5, 0.5 if size < 1 else 0]


def test_an_output_may_stand_in_a_list_of_one():
    for loss in mean_squared_error, hinge, binary_cross_entropy:
        assert loss([[Value(0.5)]], [1]).data == loss([Value(0.5)], [1]).data


def test_cross_entropy_is_autograds():
    rows, targets = [[0.5, -1.0, 2.0], [0.1, 0.2, -0.3]], [2, 0]

    def f(z):
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(2), targets])

    loss, gradients = differentiate(cross_entropy, rows, targets)
    assert loss == pytest.approx(f(np.array(rows)))
    assert gradients == pytest.approx(list(autograd.grad(f)(np.array(rows)).ravel()))


def test_cross_entropy_of_two_classes_is_binary_cross_entropy():
    for z, y in (0.7, 1), (-3.0, 1), (2.0, 0):
        binary = differentiate(binary_cross_entropy, [z], [y])[0]
        assert differentiate(cross_entropy, [[0.0, z]], [y])[0] == pytest.approx(binary)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_outputs_and_targets_must_match(loss):
    outputs = [[Value(1.0), Value(2.0)]] * 2 if loss is cross_entropy else [Value(1.0)] * 2
    with pytest.raises(ValueError, match="one target for each output, not 3 targets for 2"):
        loss(outputs, [1, 1, 1])
    with pytest.raises(ValueError, match="at least one sample"):
        loss([], [])


@pytest.mark.parametrize(
    ("loss", "target", "message"),
    [
        (hinge, 0, r"-1 and \+1, not 0 \(sample 1\)"),
        (hinge, 0.5, r"not 0.5 \(sample 1\)"),
        (binary_cross_entropy, -1, r"0 and 1, not -1 \(sample 1\)"),
        (binary_cross_entropy, "1", r"not '1' \(sample 1\)"),
    ],
)
def test_a_bad_label_is_named(loss, target, message):
    with pytest.raises(ValueError, match=message):
        loss([Value(1.0), Value(2.0)], [1, target])


@pytest.mark.parametrize("target", [3, -1, 1.0, "1", None])
def test_a_bad_class_number_is_named(target):
    row = [Value(1.0), Value(2.0), Value(3.0)]
    with pytest.raises(ValueError, match=rf"from 0 to 2, not {target!r} \(sample 1\)"):
        cross_entropy([row, row], [0, target])


def test_a_model_with_the_wrong_number_of_outputs():
    one, three = MLP(2, [1])([1.0, 2.0]), MLP(2, [3])([1.0, 2.0])
    with pytest.raises(ValueError, match="for one output use binary_cross_entropy"):
        cross_entropy([one], [0])
    for loss in mean_squared_error, hinge, binary_cross_entropy:
        with pytest.raises(ValueError, match="one output for each sample, not 3"):
            loss([three], [1])


def test_a_sigmoid_before_binary_cross_entropy_is_refused():
    with pytest.raises(ValueError, match="applies the sigmoid itself"):
        binary_cross_entropy([Value(0.5).sigmoid()], [1])
