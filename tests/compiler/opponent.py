"""Random graphs over all operations, on rows that lead into errors too: every backend against the engine.

`python -m tests.compiler.opponent 50000` runs as many cases, and a tenth as many of layers; the suite runs a sample.
"""

import sys
from contextlib import contextmanager
from math import isfinite
from random import Random

from micrograd_like import Value, ops
from micrograd_like.compiler import compile
from micrograd_like.engine import topological_order
from micrograd_like.graph.derivatives import grad

from ..graphs import SPELLINGS
from .test_layers import check_layers

LEAVES = ("input", "parameter", "constant")
ROWS = [op for name, op in ops.OPERATIONS.items() if name not in LEAVES]
# Rounded correctly everywhere, so that results and gradients are the same to the last bit. The engine and Python's
# program call the same library, and add up in the same order: they agree to the last bit in all operations.
BITS = {"add", "subtract", "multiply", "divide", "negative", "positive", "sqrt", "relu", "leaky_relu", "abs"}
BITS |= {"maximum", "minimum"}
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -2.0, 0.1, 0.7, 1e-9, -1e-9, 40.0, 710.0, -746.0, 1e155, -1e155, 1e-160]


def number(rng):
    return rng.choice(EDGES) if rng.random() < 0.25 else rng.uniform(-3, 3)


def draw(rng):
    """Return a graph as steps, how many leaves it has, and rows of numbers for them."""
    leaves = rng.randint(1, 5)
    steps = []
    for _ in range(rng.randint(1, 9)):
        op = rng.choice(ROWS)
        count = rng.randint(1, 6) if isinstance(op, ops.Variadic) else len(op.operand_names)
        if isinstance(op, ops.Dot):
            count = max(count, 2)
        there = leaves + len(steps)
        operands = [rng.randrange(max(0, there - rng.choice([2, 4, 20])), there) for _ in range(count)]
        if count == 2 and rng.random() < 0.3:
            operands[rng.randrange(2)] = number(rng)
        steps.append((op.name, operands))
    rows = [[number(rng) for _ in range(leaves)] for _ in range(rng.choice([1, 1, 2, 3, 9, 40]))]
    return prune(steps, leaves), leaves, rows


def prune(steps, leaves):
    """Return only the steps that the last one depends on."""
    needed, kept = {leaves + len(steps) - 1}, []
    for i in range(len(steps) - 1, -1, -1):
        if leaves + i in needed:
            needed.update(x for x in steps[i][1] if isinstance(x, int))
            kept.append(i)
    places = {leaves + i: leaves + k for k, i in enumerate(reversed(kept))}
    return [(steps[i][0], [places.get(x, x) if isinstance(x, int) else x for x in steps[i][1]]) for i in reversed(kept)]


def record(steps, numbers):
    """Return the leaves, and every node."""
    nodes = [Value(x, f"x{i}") for i, x in enumerate(numbers)]
    leaves = list(nodes)
    for name, operands in steps:
        nodes.append(SPELLINGS[name](*(nodes[x] if isinstance(x, int) else x for x in operands)))
    return leaves, nodes


@contextmanager
def other_libraries(rng):
    """Let functions of the mathematical library round otherwise, as they do in NumPy."""
    rows = [op for op in ROWS if op.name not in {*BITS, "sum", "dot"}]
    forwards = [op.forward for op in rows]
    for op, f in zip(rows, forwards, strict=True):
        op.forward = lambda *xs, f=f: f(*xs) * (1 + rng.choice([-4e-16, 4e-16]))
    try:
        yield
    finally:
        for op, f in zip(rows, forwards, strict=True):
            op.forward = f


def eagerly(steps, rows, split, fixed):
    """Return outputs, the gradient, and the largest number on the way; or the error."""
    outputs, total, largest = [], [0.0] * len(fixed), 1.0
    for row in rows:
        try:
            leaves, nodes = record(steps, [*row[:split], *fixed])
            gradient = grad(nodes[-1], leaves[split:])
            if not all(map(isfinite, gradient)):
                nodes[-1].backward()
        except (ValueError, ArithmeticError) as error:
            return error
        outputs.append(nodes[-1].data)
        total = [t + g for t, g in zip(total, gradient, strict=True)]
        largest = max([largest, *(abs(v.data) for v in nodes), *map(abs, gradient)])
    if not all(map(isfinite, total)):
        return OverflowError("the gradient summed over the rows is too large for a float")
    return outputs, total, largest


def play(seed, backends):
    """Compare one case; return what was wrong with it, in words, or nothing."""
    rng = Random(seed)
    while True:
        steps, leaves, rows = draw(rng)
        split = rng.randint(0, leaves)
        try:
            values, nodes = record(steps, [rng.uniform(0.3, 2) for _ in range(leaves)])
            break
        except (ValueError, ArithmeticError):  # this cannot be recorded
            continue
    fixed = rows[0][split:]
    places = {v: i for i, v in enumerate(nodes)}
    order = [places[v] for v in topological_order(nodes[-1]) if v in places and v.operands]
    places = {
        old: leaves + new for new, old in enumerate(order)
    }  # of two errors the engine finds the first in this order
    steps = [
        (steps[i - leaves][0], [places.get(x, x) if isinstance(x, int) else x for x in steps[i - leaves][1]])
        for i in order
    ]
    values, nodes = record(steps, [v.data for v in values])
    wanted = eagerly(steps, rows, split, fixed)
    exact = len(rows) == 1 and {name for name, _ in steps} <= BITS
    same_library = len(rows) == 1 and sys.version_info < (3, 12)  # from then on sum() makes up for what it rounds

    def differ(found, tolerance):
        if isinstance(found, Exception) or isinstance(wanted, Exception):
            return (type(found), str(found)) != (type(wanted), str(wanted))
        pairs = zip([*found[0], *found[1]], [*wanted[0], *wanted[1]], strict=True)
        return any(abs(x - y) > tolerance * wanted[2] for x, y in pairs)

    def is_sensitive():
        """Tell whether the result, or an error, hangs on the last digits of a function, as sin(exp(40)) does."""
        with other_libraries(rng):
            return any(differ(eagerly(steps, rows, split, fixed), 1e-13) for _ in range(30))

    for backend in backends:
        program = compile(nodes[-1], values[:split], values[split:], backend)
        try:
            found = program.value_and_grad([row[:split] for row in rows], fixed)
        except (ValueError, ArithmeticError) as error:
            found = error
        to_the_bit = exact or (same_library and backend == "python")
        if differ(found, 0.0 if to_the_bit else 1e-12) and not (
            backend != "python" and not to_the_bit and is_sensitive()
        ):
            return f"{backend}: {found!r} instead of {wanted!r} for {steps}, {split}, {rows}"
    return ""


if __name__ == "__main__":
    first, count = (int(x) for x in (*sys.argv[1:], "0")[:2][::-1])
    wrong = 0
    for seed in range(first, first + count):
        if said := play(seed, ("python", "numpy", "c")):
            wrong += 1
            print(seed, said, flush=True)
        if seed % 10 == 0:
            try:
                check_layers(seed)
            except AssertionError as error:
                wrong += 1
                print(seed, error, flush=True)
    print(f"{count} cases, {wrong} wrong")
