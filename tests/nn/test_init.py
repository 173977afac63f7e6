import math
import random
from functools import partial
from statistics import fmean, pvariance

import pytest

from micrograd_like.nn import MLP, Layer, init
from micrograd_like.nn.init import INITIALIZERS, gain, he_normal, he_uniform, initializer, xavier_normal, xavier_uniform

N = 20_000
FAN_IN, FAN_OUT = 30, 50
SQRT2 = math.sqrt(2)

# Initialiser -> the variance it is defined by, and the kurtosis of its distribution: 3 for normal, 1.8 for uniform.
VARIANCES = {
    "xavier_uniform": (xavier_uniform, 2 / (FAN_IN + FAN_OUT), 1.8),
    "xavier_normal": (xavier_normal, 2 / (FAN_IN + FAN_OUT), 3),
    "xavier_uniform, gain": (partial(xavier_uniform, gain=5 / 3), 25 / 9 * 2 / (FAN_IN + FAN_OUT), 1.8),
    "xavier_normal, gain": (partial(xavier_normal, gain=5 / 3), 25 / 9 * 2 / (FAN_IN + FAN_OUT), 3),
    "he_uniform": (he_uniform, 2 / FAN_IN, 1.8),
    "he_normal": (he_normal, 2 / FAN_IN, 3),
    "he_uniform, fan_out": (partial(he_uniform, mode="fan_out"), 2 / FAN_OUT, 1.8),
    "he_normal, fan_out": (partial(he_normal, mode="fan_out"), 2 / FAN_OUT, 3),
    "he_uniform, gain": (partial(he_uniform, gain=1.0), 1 / FAN_IN, 1.8),
    "he_normal, gain": (partial(he_normal, gain=1.0), 1 / FAN_IN, 3),
    "uniform": (init.uniform, 1 / 3, 1.8),
}


def normal_cdf(x, variance):
    return (1 + math.erf(x / math.sqrt(2 * variance))) / 2


def uniform_cdf(x, variance):
    bound = math.sqrt(3 * variance)
    return min(max((x + bound) / (2 * bound), 0), 1)


@pytest.mark.parametrize(("draw", "variance", "kurtosis"), VARIANCES.values(), ids=VARIANCES)
def test_mean_variance_and_shape(draw, variance, kurtosis):
    rng = random.Random(1)
    xs = sorted(draw(FAN_IN, FAN_OUT, rng) for _ in range(N))
    # five standard errors: by chance one such check in 1.7 million fails, and the seed is fixed
    assert abs(fmean(xs)) < 5 * math.sqrt(variance / N)
    assert abs(pvariance(xs) - variance) < 5 * variance * math.sqrt((kurtosis - 1) / N)
    # Kolmogorov and Smirnov: a distance above 1.95 / sqrt(N) has a probability of 0.001
    cdf = normal_cdf if kurtosis == 3 else uniform_cdf
    assert max(abs(cdf(x, variance) - (i + 0.5) / N) for i, x in enumerate(xs)) < 1.95 / math.sqrt(N)


@pytest.mark.parametrize(
    ("draw", "bound"),
    [
        (xavier_uniform, math.sqrt(6) / math.sqrt(FAN_IN + FAN_OUT)),
        (partial(xavier_uniform, gain=2.0), 2 * math.sqrt(6) / math.sqrt(FAN_IN + FAN_OUT)),
        (he_uniform, math.sqrt(6 / FAN_IN)),
        (partial(he_uniform, mode="fan_out"), math.sqrt(6 / FAN_OUT)),
        (init.uniform, 1.0),
    ],
)
def test_uniform_draws_reach_their_bounds_and_stay_within(draw, bound):
    rng = random.Random(2)
    xs = [draw(FAN_IN, FAN_OUT, rng) for _ in range(N)]
    assert 0.999 * bound < max(xs) <= bound  # the chance that all 20,000 stay below is 5e-5
    assert -bound <= min(xs) < -0.999 * bound


@pytest.mark.parametrize(
    ("nonlinearity", "param", "expected"),
    [
        ("linear", None, 1.0),
        ("sigmoid", None, 1.0),
        ("tanh", None, 1.6666666666666667),
        ("relu", None, 1.4142135623730951),
        ("leaky_relu", None, 1.4141428569978354),  # as PyTorch's calculate_gain prints it
        ("leaky_relu", 1.0, 1.0),
        ("leaky_relu", 0.0, 1.4142135623730951),
    ],
)
def test_gain_is_pytorchs(nonlinearity, param, expected):
    assert gain(nonlinearity, param) == pytest.approx(expected, rel=1e-15)


def test_gain_refuses_what_has_none():
    with pytest.raises(ValueError, match=r"unknown nonlinearity 'softmax'; choose from linear, .*tanh"):
        gain("softmax")
    with pytest.raises(ValueError, match="relu takes no param"):
        gain("relu", 0.1)


def test_mode_is_checked():
    with pytest.raises(ValueError, match="unknown mode 'fan_avg'; choose from fan_in, fan_out"):
        he_normal(3, 4, random.Random(0), mode="fan_avg")


def test_both_names_draw_the_same():
    for name, other in ("xavier", "glorot"), ("he", "kaiming"):
        for shape in "uniform", "normal":
            assert INITIALIZERS[f"{name}_{shape}"] is INITIALIZERS[f"{other}_{shape}"]
            assert getattr(init, f"{name}_{shape}") is getattr(init, f"{other}_{shape}")


def test_zeros_need_no_randomness():
    assert init.zeros(3, 4, None) == 0.0


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "softplus"])
def test_he_normal_is_the_default_in_front_of_a_relu(activation):
    assert initializer(None, activation) is he_normal


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "linear"])
def test_xavier_uniform_is_the_default_in_front_of_the_others(activation):
    assert initializer(None, activation) is xavier_uniform


def test_an_unknown_name_is_answered_with_the_names():
    with pytest.raises(ValueError, match=r"unknown init 'lecun'; choose from .*he_normal"):
        MLP(2, [3, 1], init="lecun")
    with pytest.raises(ValueError, match="unknown init 5"):
        MLP(2, [3, 1], init=5)


def test_a_layer_hands_over_its_fans():
    fans = []

    def record_fans(fan_in, fan_out, rng):
        fans.append((fan_in, fan_out))
        return 0.0

    MLP(3, [5, 2], init=record_fans)
    assert fans == [(3, 5)] * 15 + [(5, 2)] * 10


def test_a_layers_weights_have_the_variance_of_its_initialiser():
    ws = [w.data for neuron in Layer(100, 80, activation="relu", seed=3).neurons for w in neuron.w]
    assert abs(pvariance(ws) - 2 / 100) < 5 * 2 / 100 * math.sqrt(2 / 8000)
    ws = [w.data for neuron in Layer(100, 80, activation="tanh", seed=3).neurons for w in neuron.w]
    assert abs(pvariance(ws) - 2 / 180) < 5 * 2 / 180 * math.sqrt(0.8 / 8000)
    assert max(map(abs, ws)) <= math.sqrt(6 / 180)


def test_he_keeps_the_size_of_a_signal_through_relu_layers_and_micrograds_uniform_does_not():
    def last_mean_square(init):
        rng = random.Random(4)
        layers = MLP(32, [32] * 8, output="relu", init=init, seed=4)
        squares = [y.data**2 for _ in range(10) for y in layers([rng.gauss(0, 1) for _ in range(32)])]
        return fmean(squares)

    # with weights of variance v a relu layer of 32 multiplies the mean square by 32 * v / 2: 1 for He, 5.3 for U(-1, 1)
    assert 0.1 < last_mean_square("he_normal") < 10
    assert 0.1 < last_mean_square("uniform") / (32 / 6) ** 8 < 10
    assert last_mean_square("zeros") == 0
