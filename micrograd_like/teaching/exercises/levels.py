"""The formulas of exercises: what a level has, from one operation to a hidden layer and softmax."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from ...notation.expressions import functions

STEPS: dict[str, Callable[[str, str], str]] = {
    "+": lambda x, y: f"{x} + {y}",
    "-": lambda x, y: f"{x} - {y}",
    "*": lambda x, y: f"{x}*{y}",
    "/": lambda x, y: f"{x}/{y}",
    "**": lambda x, y: f"{x}**2",
    "relu": lambda x, y: f"relu({x})",
}


def _one_operation(rng: Random, operations: list[str], size: int) -> str:
    return f"L = {STEPS[rng.choice(operations)]('a', 'b')}"


def _chain(rng: Random, operations: list[str], size: int) -> str:
    """Return steps each of which goes on from the one before, most with a new letter."""
    leaves, inner = iter("abcdfghkmpqrs"), "uvwxyztonlij"
    steps, last = [], next(leaves)
    for k in range(size):
        name = "L" if k == size - 1 else inner[k]
        op = rng.choice(operations)
        new = "" if op in ("**", "relu") else next(leaves)
        steps.append(f"{name} = {STEPS[op](*rng.sample([last, new], 2) if new else (last, ''))}")
        last = name
    return "; ".join(steps)


def _used_twice(rng: Random, operations: list[str], size: int) -> str:
    binary = [op for op in operations if op not in ("**", "relu")] or ["*"]
    first, last = rng.choice(operations), rng.choice(binary)
    return f"u = {STEPS[first]('a', 'b')}; v = {STEPS[rng.choice(binary)]('u', 'c')}; L = {STEPS[last]('v', 'u')}"


def _diamond(rng: Random, operations: list[str], size: int) -> str:
    binary = [op for op in operations if op not in ("**", "relu")] or ["*"]
    one, other = rng.choice(binary), rng.choice(binary)
    return (
        f"u = {STEPS[rng.choice(binary)]('a', 'b')}; v = {STEPS[one]('u', 'a')}; "
        f"w = {STEPS[rng.choice(operations)]('u', 'c')}; L = {STEPS[other]('v', 'w')}"
    )


_SUM = "p = x1*w1; q = x2*w2; s = p + q; n = s + b"
_ERROR = "p = w*x; s = p + b; e = s - y"


@dataclass(frozen=True)
class Level:
    """What the exercises of a level are about, and how their formulas are made."""

    about: str
    formulas: tuple[str, ...] = ()  # whatever operations are wanted
    make: Callable[[Random, list[str], int], str] | None = None  # of these, if there are no formulas
    parameters: tuple[str, ...] = ()  # that are updated
    maximise: bool = False  # whether the update goes up
    decimals: bool = False  # whether it takes a calculator: no number is made to be round

    def formula(self, rng: Random, operations: list[str], size: int) -> str:
        """Return a formula of this level."""
        if self.make:
            return self.make(rng, operations, size)
        return rng.choice(self.formulas) if len(self.formulas) > 1 else self.formulas[0]


# fmt: off
LEVELS = {
    "operation": Level("one operation", make=_one_operation),
    "chain": Level("operations one after another", make=_chain),
    "shared": Level("a node that is used twice", make=_used_twice),
    "diamond": Level("paths that part and meet again", make=_diamond),
    "neuron": Level("a neuron with relu, and its loss", (f"{_SUM}; o = relu(n); e = o - y; L = e**2",)),
    "tanh": Level("a neuron with tanh", (f"{_SUM}; o = tanh(n); L = v*o",)),
    "sigmoid": Level("a neuron with sigmoid", (f"{_SUM}; o = sigmoid(n); L = v*o",)),
    "network": Level("two neurons and a loss", (
        "m1 = w1*x; n1 = m1 + b1; h1 = relu(n1); m2 = w2*x; n2 = m2 + b2; h2 = relu(n2); "
        "p1 = v1*h1; p2 = v2*h2; o = p1 + p2; e = o - y; L = e**2",)),
    "descent": Level("an update by gradient descent", (f"{_ERROR}; L = e**2",), parameters=("w", "b")),
    "ascent": Level("an update that makes a score larger", (f"{_ERROR}; q = e**2; J = c - q",),
        parameters=("w", "b"), maximise=True),
    "max": Level("the larger of two numbers", (
        "u = a*b; v = c + d; m = maximum(u, v); L = m*f", "u = a - b; v = u*c; m = maximum(u, v); L = m*d")),
    "exp": Level("exp and log", ("u = k*t; v = exp(u); e = v - y; L = e**2", "u = a*b; v = log(u); L = c*v")),
    "batch": Level("an update on the mean over two samples", (
        "p1 = w*x1; s1 = p1 + b; e1 = s1 - y1; l1 = e1**2; p2 = w*x2; s2 = p2 + b; e2 = s2 - y2; l2 = e2**2; "
        "t = l1 + l2; L = t/2",), parameters=("w", "b")),
    "hidden": Level("a hidden layer with tanh, with a calculator", (
        "m1 = w1*x; n1 = m1 + b1; h1 = tanh(n1); m2 = w2*x; n2 = m2 + b2; h2 = tanh(n2); "
        "p1 = v1*h1; p2 = v2*h2; o = p1 + p2; e = o - y; L = e**2",), decimals=True),
    "softmax": Level("softmax and cross-entropy, with a calculator", (
        "z1 = w1*x; z2 = w2*x; e1 = exp(z1); e2 = exp(z2); s = e1 + e2; p = e1/s; q = log(p); L = -q",),
        decimals=True),
}
# fmt: on


def leaves(formula: str) -> list[str]:
    """Return the names in a formula that nothing is assigned to."""
    return sorted(set(letters(formula)) - {step.partition("=")[0].strip() for step in formula.split(";")})


def letters(formula: str) -> Iterator[str]:
    """Yield the names in a formula."""
    known = functions()
    for word in "".join(c if c.isalnum() else " " for c in formula).split():
        if word[0].isalpha() and word not in known:
            yield word
