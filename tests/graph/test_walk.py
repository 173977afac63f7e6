"""The one walk: whatever a contribution is, a node comes with all contributions to it, as in Value.backward()."""

from functools import reduce
from itertools import chain

import pytest
from hypothesis import given

from micrograd_like import Value, named, topological_order
from micrograd_like.graph.walk import depending_on, walk

from ..graphs import programs


@given(recorded=programs())
def test_with_numbers_it_is_backward(recorded):
    nodes = recorded.nodes()
    order = topological_order(nodes[-1])

    def contribute(v, gradient, positions):
        numbers = [x.data for x in v.operands]
        return [gradient * v.op.local(i, v.data, numbers) for i in positions]

    found = {v: g for v, g, _ in walk(order, 1.0, lambda v, cs: reduce(float.__add__, map(float, cs)), contribute)}
    nodes[-1].backward()
    for v in order:
        assert found.get(v, 0.0) == pytest.approx(v.grad, rel=1e-12, abs=1e-12)


@given(recorded=programs())
def test_with_strings_it_lists_every_path(recorded):
    """A contribution is a list of paths; there are as many as a naive count finds."""
    order = topological_order(recorded.nodes()[-1])

    def contribute(v, paths, positions):
        return [[f"{path}.{i}" for path in paths] for i in positions]

    def count(v):
        users = [user for user in order if v in user.operands]
        return sum(count(user) * user.operands.count(v) for user in users) + (v is order[-1])

    found = {v: paths for v, paths, _ in walk(order, ["L"], lambda v, lists: list(chain(*lists)), contribute)}
    for v in order:
        if v in found and count(v) < 500:
            assert len(set(found[v])) == len(found[v]) == count(v)


def test_what_lies_outside_or_is_none_is_not_walked():
    a, b, c = named(a=2.0, b=3.0, c=4.0)
    e, f = a * b, b * c
    root = e + f
    order = topological_order(root)
    within = depending_on(order, [a])
    assert within == {a, e, root}
    visited = [v for v, _, _ in walk(order, 1, lambda v, cs: cs, lambda v, g, positions: [1] * len(positions), within)]
    assert visited == [root, e, a]
    visited = [v for v, _, _ in walk(order, 1, lambda v, cs: cs, lambda v, g, positions: [None] * len(positions))]
    assert visited == [root]


def test_positions_tell_uses_of_one_operand_apart():
    a = Value(3.0)
    root = a * a
    (_, _, made), *_ = walk(topological_order(root), 1, lambda v, cs: sum(cs), lambda v, g, positions: positions)
    assert made == [(0, 0), (1, 1)]


def test_a_deep_graph_is_no_recursion():
    v = Value(1.0)
    for _ in range(100_000):
        v = v + 1.0
    assert sum(1 for _ in walk(topological_order(v), 1, lambda v, cs: cs[0], lambda v, g, i: [g] * len(i))) == 100_001
