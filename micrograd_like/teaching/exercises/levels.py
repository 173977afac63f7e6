"""The formulas of exercises: what a level has, from one operation to two neurons and a loss."""

from collections.abc import Callable, Iterator
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


def _neuron(rng: Random, operations: list[str], size: int) -> str:
    return "p = x1*w1; q = x2*w2; s = p + q; n = s + b; o = relu(n); e = o - y; L = e**2"


def _tanh_neuron(rng: Random, operations: list[str], size: int) -> str:
    return "p = x1*w1; q = x2*w2; s = p + q; n = s + b; o = tanh(n); L = v*o"


def _sigmoid_neuron(rng: Random, operations: list[str], size: int) -> str:
    return "p = x1*w1; q = x2*w2; s = p + q; n = s + b; o = sigmoid(n); L = v*o"


def _two_neurons(rng: Random, operations: list[str], size: int) -> str:
    return (
        "m1 = w1*x; n1 = m1 + b1; h1 = relu(n1); m2 = w2*x; n2 = m2 + b2; h2 = relu(n2); "
        "p1 = v1*h1; p2 = v2*h2; o = p1 + p2; e = o - y; L = e**2"
    )


def _descent(rng: Random, operations: list[str], size: int) -> str:
    return "p = w*x; s = p + b; e = s - y; L = e**2"


LEVELS: dict[str, Callable[[Random, list[str], int], str]] = {
    "operation": _one_operation,
    "chain": _chain,
    "shared": _used_twice,
    "diamond": _diamond,
    "neuron": _neuron,
    "tanh": _tanh_neuron,
    "sigmoid": _sigmoid_neuron,
    "network": _two_neurons,
    "descent": _descent,
}
ABOUT = {
    "operation": "one operation",
    "chain": "operations one after another",
    "shared": "a node that is used twice",
    "diamond": "paths that part and meet again",
    "neuron": "a neuron with relu, and its loss",
    "tanh": "a neuron with tanh",
    "sigmoid": "a neuron with sigmoid",
    "network": "two neurons and a loss",
    "descent": "an update by gradient descent",
}
FIXED = (_neuron, _tanh_neuron, _sigmoid_neuron, _two_neurons, _descent)  # whatever operations are wanted


def letters(formula: str) -> Iterator[str]:
    """Yield the names in a formula."""
    for word in "".join(c if c.isalnum() else " " for c in formula).split():
        if word[0].isalpha() and word not in functions():
            yield word
