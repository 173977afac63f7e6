"""Random graphs over all operations against three oracles: HIPS autograd, sums over all paths, exact fractions."""

import operator
from collections import Counter
from fractions import Fraction

import autograd
import autograd.numpy as anp
import mpmath
import pytest
from hypothesis import HealthCheck, given, settings

from .graphs import BY_ARITY, EXACT, MEANINGS, differentiate, fill_in, programs

# The operations as functions of HIPS autograd, which differentiates each in its own way. It warns where an output does
# not depend on the input; hence the 0 * x.
HIPS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg,
    "positive": lambda x: x,
    "power": anp.power,
    "exp": anp.exp,
    "log": anp.log,
    "sqrt": anp.sqrt,
    "sin": anp.sin,
    "cos": anp.cos,
    "tanh": anp.tanh,
    "sigmoid": lambda x: 1 / (1 + anp.exp(-x)),
    "relu": lambda x: anp.maximum(x, 0.0),
    "leaky_relu": lambda x, slope: anp.where(x > 0, x, slope * x),
    "softplus": lambda x: anp.logaddexp(0.0, x),
    "abs": anp.abs,
    "maximum": anp.maximum,
    "minimum": anp.minimum,
    "sum": lambda *xs: anp.sum(anp.array(xs)),
    "logsumexp": lambda *xs: anp.log(anp.sum(anp.exp(anp.array(xs)))),
    "dot": lambda *xs: anp.dot(*anp.array(xs)[: len(xs) // 2 * 2].reshape(2, -1)) + anp.sum(xs[len(xs) // 2 * 2 :]),
}

# The local derivatives of exact operations, all operands' at once.
EXACT_LOCALS = {
    "add": lambda x, y: (1, 1),
    "subtract": lambda x, y: (1, -1),
    "multiply": lambda x, y: (y, x),
    "divide": lambda x, y: (1 / y, -x / y / y),
    "power": lambda x, n: (n * x ** (n - 1) if n else 0, None),  # n is a constant
    "positive": lambda x: (1,),
    "negative": lambda x: (-1,),
}


def sum_over_paths(program, locals_of_steps):
    """Return ∂output/∂each number as the sum, over all paths to it, of the product of the local derivatives on it.

    Beside it, the same sum over 1 + |local derivative|: a rounding error on the paths grows no larger than with that.
    """
    last = len(program.leaves) + len(program.steps) - 1
    totals, sizes = [0] * (last + 1), [0] * (last + 1)

    def follow(i, product, size):
        totals[i] += product
        sizes[i] += size
        if i >= len(program.leaves):
            step = i - len(program.leaves)
            for operand, local in zip(program.steps[step][1], locals_of_steps[step], strict=True):
                if isinstance(operand, int):
                    follow(operand, product * local, size * (1 + abs(local)))

    follow(last, 1, 1)
    return totals, sizes


def many(number):
    """Try so many examples; they are large, and that is meant."""
    return settings(max_examples=number, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def test_the_oracles_know_every_operation():
    assert set(HIPS) == {name for names in BY_ARITY.values() for name in names}
    assert set(EXACT_LOCALS) == set(EXACT)


def test_random_programs_use_every_operation_and_share_operands():
    used, shared = Counter(), 0

    @many(600)
    @given(programs())
    def draw(program):
        nonlocal shared
        used.update(name for name, _ in program.steps)
        indices = Counter(x for _, operands in program.steps for x in operands if isinstance(x, int))
        shared += any(count > 1 for count in indices.values())

    draw()
    assert set(used) == set(HIPS)
    assert shared > 300


@many(600)
@given(programs())
def test_forward_and_leaf_gradients_are_hips_autograds(program):
    nodes = program.nodes()
    nodes[-1].backward()
    expected = program.run(HIPS, program.leaves)
    leaves = anp.array(program.leaves)
    gradients = autograd.grad(lambda xs: program.run(HIPS, [xs[i] for i in range(len(leaves))])[-1])(leaves)
    largest = max(abs(v.grad) for v in nodes)
    assert [v.data for v in nodes] == pytest.approx([float(x) for x in expected], rel=1e-9, abs=1e-9)
    assert [v.grad for v in nodes[: len(leaves)]] == pytest.approx(gradients.tolist(), rel=1e-8, abs=1e-8 * largest)


@many(400)
@given(programs(most_steps=7))
def test_every_gradient_is_the_sum_over_all_paths(program):
    nodes = program.nodes()
    nodes[-1].backward()
    numbers = [v.data for v in nodes]
    with mpmath.workdps(30):
        local = [
            [differentiate(name, i, fill_in(operands, numbers)) for i in range(len(operands))]
            for name, operands in program.steps
        ]
        totals, sizes = sum_over_paths(program, local)
    for v, total, size in zip(nodes, totals, sizes, strict=True):
        assert v.grad == pytest.approx(float(total), rel=1e-12, abs=1e-13 * float(size))


@many(600)
@given(programs(exact=True))
def test_fractions_give_exactly_the_sum_over_all_paths(program):
    nodes = program.nodes()
    nodes[-1].backward()
    numbers = [v.data for v in nodes]
    local = [EXACT_LOCALS[name](*fill_in(operands, numbers)) for name, operands in program.steps]
    assert all(type(x) is Fraction for x in numbers)
    assert numbers == program.run(MEANINGS, program.leaves)
    assert [v.grad for v in nodes] == sum_over_paths(program, local)[0]


@many(200)
@given(programs(exact=True))
def test_backward_twice_doubles_leaves_and_sets_the_other_nodes_anew(program):
    nodes, n = program.nodes(), len(program.leaves)
    nodes[-1].backward()
    once = [v.grad for v in nodes]
    nodes[-1].backward()
    assert [v.grad for v in nodes] == [2 * grad for grad in once[:n]] + once[n:]


@many(200)
@given(programs())
def test_zero_grad_lets_backward_start_afresh(program):
    nodes = program.nodes()
    nodes[-1].backward()
    once = [v.grad for v in nodes]
    nodes[-1].zero_grad()
    assert all(v.grad == 0 for v in nodes)
    nodes[-1].backward()
    assert [v.grad for v in nodes] == once
