"""The examples that courses and lectures compute by hand, with their numbers, as exercises by name."""

from collections.abc import Mapping
from fractions import Fraction

from .exercise import Exercise, Number

_LECTURE = "A. Karpathy, The spelled-out intro to neural networks and backpropagation"


def _classic(
    name: str, formula: str, source: str, given: Mapping[str, float | str] | None = None, **numbers: float
) -> Exercise:
    """Return an exercise; whole numbers, and decimals as text, are taken exactly, floats as they are."""
    return Exercise(name, formula, _numbers(numbers), source, _numbers(given or {}))


def _numbers(written: Mapping[str, float | str]) -> dict[str, Number]:
    return {name: x if isinstance(x, float) else Fraction(x) for name, x in written.items()}


# fmt: off
CLASSICS = {
    example.name: example
    for example in (
        _classic("cs231n", "q = x + y; L = q*z", "Stanford CS231n, Backpropagation, Intuitions", x=-2, y=5, z=-4),
        _classic("cs231n-neuron", "p = w0*x0; q = w1*x1; s = p + q; n = s + w2; f = sigmoid(n)",
            "Stanford CS231n, Backpropagation, Intuitions: the sigmoid example", {"f": "0.73"},
            w0=2, x0=-1, w1=-3, x1=-2, w2=-3),
        _classic("karpathy", "e = a*b; d = e + c; L = d*f", _LECTURE, a=2, b=-3, c=10, f=-2),
        _classic("karpathy-neuron", "p = x1*w1; q = x2*w2; s = p + q; n = s + b; o = tanh(n)",
            f"{_LECTURE}: a bias with which the gradients are round", {"o": 0.5**0.5},
            x1=2, x2=0, w1=-3, w2=1, b=6.8813735870195432),
        _classic("twice", "L = a + a", f"{_LECTURE}: one node used twice", a=3),
        _classic("fork", "d = a*b; e = a + b; f = d*e", f"{_LECTURE}: two nodes used twice", a=-2, b=3),
        _classic("colah", "c = a + b; d = b + 1; L = c*d", "C. Olah, Calculus on Computational Graphs", a=2, b=1),
        _classic("square", "u = 3*w; v = 2 + u; L = v**2",
            "A. Ng and others, Advanced Learning Algorithms, the lab on back propagation using a computation graph",
            w=3),
        _classic("relu", "u = x*w; z = relu(u)", "J. Meidanis, Unicamp MO810, test of 17 April 2018", x=1, w=2),
    )
}
