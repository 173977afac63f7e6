"""The layout of graphs where there is no Graphviz."""

import random
from itertools import combinations, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_like import MLP, draw, named, parse
from micrograd_like.pictures import layers, layout, scene
from micrograd_like.pictures.boxes import along

from . import test_graph
from .test_graph import FORMULAS

DIRECTIONS = ("LR", "TB")


@pytest.fixture
def alone(monkeypatch):
    monkeypatch.setattr(layout, "command", list)


@st.composite
def graphs(draw, cycles=False):
    n = draw(st.integers(1, 14))
    keys = [f"n{i}" for i in range(n)]
    sizes = {key: (0, 0, draw(st.floats(5, 120)), draw(st.floats(5, 60))) for key in keys}
    pairs = [(a, b) for a, b in product(keys, keys) if a != b and (cycles or int(a[1:]) < int(b[1:]))]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=24)) if pairs else []
    return sizes, edges


def laid_out(sizes, edges, rankdir="LR"):
    return layers.lay_out(sizes, edges, {head for _, head in edges}, rankdir, 22, 10)


def bounds(place):
    x, y, w, h = place
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


@given(graphs(cycles=True), st.sampled_from(DIRECTIONS))
def test_nodes_and_edges_keep_clear_of_each_other(graph, rankdir):
    sizes, edges = graph
    places, curves = laid_out(sizes, edges, rankdir)
    assert {key: place[2:] for key, place in places.items()} == {key: size[2:] for key, size in sizes.items()}
    for (a, b, c, d), (e, f, g, h) in combinations(map(bounds, places.values()), 2):
        assert c <= e or g <= a or d <= f or h <= b
    for edge, curve in zip(edges, curves, strict=True):
        assert len(curve) % 3 == 1
        for key, place in places.items():
            if key not in edge:
                left, top, right, bottom = bounds(place)
                assert not any(left < x < right and top < y < bottom for x, y in along(curve, 1.0))


@given(graphs(), st.sampled_from(DIRECTIONS))
def test_edges_go_from_side_to_side_in_the_direction_that_was_asked_for(graph, rankdir):
    sizes, edges = graph
    places, curves = laid_out(sizes, edges, rankdir)
    axis = rankdir == "TB"
    for (tail, head), curve in zip(edges, curves, strict=True):
        for key, end, side in (tail, curve[0], 1), (head, curve[-1], -1):
            wanted = list(places[key][:2])
            wanted[axis] += side * places[key][2 + axis] / 2
            assert end == pytest.approx(wanted)
        assert all(b[axis] - a[axis] > -1e-9 for a, b in pairwise(along(curve)))
    assert len(set(curves)) == len(curves)  # parallel edges are two


@given(st.integers(2, 60), st.randoms(use_true_random=False))
def test_no_edges_of_a_tree_cross(n, rng):
    edges = [(f"n{i}", f"n{rng.randrange(i)}") for i in range(n - 1, 0, -1)]
    sizes = {f"n{i}": (0, 0, 30, 20) for i in reversed(range(n))}
    _, curves = laid_out(sizes, edges)
    for one, other in combinations(curves, 2):
        (u, a), (v, b), (w, c), (x, d) = one[0], one[-1], other[0], other[-1]
        assert (u, v) != (w, x) or (a - c) * (b - d) >= 0
    assert len({curve[-1][0] - curve[0][0] for curve in curves}) == 1  # each is between neighbouring layers


@given(st.data(), st.integers(1, 8))
def test_nodes_stand_where_the_sum_of_squares_is_least(data, n):
    keys = [str(i) for i in range(n)]
    wanted = {key: (data.draw(st.floats(-50, 50)), data.draw(st.floats(0.1, 9))) for key in keys}
    wide = {key: data.draw(st.floats(0, 30)) for key in keys}
    found = layers._spread(keys, wanted, wide, 5.0)
    gaps = [(wide[a] + wide[b]) / 2 + 5 for a, b in pairwise(keys)]
    assert all(found[b] - found[a] > gap - 1e-9 for (a, b), gap in zip(pairwise(keys), gaps, strict=True))

    def cost(at):
        return sum(w * (at[key] - y) ** 2 for key, (y, w) in wanted.items())

    rng = random.Random(n)
    for _ in range(40):  # no other arrangement is better: it is a convex problem, so those nearby tell
        other = dict(found)
        for key in rng.sample(keys, rng.randint(1, n)):
            other[key] += rng.uniform(-1, 1)
        for (a, b), gap in zip(pairwise(keys), gaps, strict=True):
            other[b] = max(other[b], other[a] + gap)
        assert cost(other) > cost(found) - 1e-6


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_crossings_are_counted(n, m, data):
    pairs = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, m - 1)), max_size=20))
    links = {f"a{i}": [(f"b{j}", 1.0) for k, j in pairs if k == i] for i in range(n)}
    crossed = sum((i - k) * (j - h) < 0 for (i, j), (k, h) in combinations(pairs, 2))
    assert layers._crossings([f"a{i}" for i in range(n)], [f"b{j}" for j in range(m)], links) == crossed


def test_operands_of_a_chain_stand_beside_it(alone):
    (v,) = named(x=0.5)
    for _ in range(4):
        v = (v * 1.1).tanh()
    heights = [item.y for item in draw(v).pictures[0].items if isinstance(item, scene.Node) and item.kind == "value"]
    assert max(heights) - min(heights) < 12


@pytest.mark.parametrize("rankdir", DIRECTIONS)
def test_whole_pictures(alone, rankdir):
    model = MLP(2, [3, 3, 1], activation="tanh", seed=1)
    loss = (model([1.0, 2.0]) - 1) ** 2 + (model([0.5, -1.0]) + 1) ** 2
    for depth in ("value", "neuron", "layer", "sample"):
        drawing = draw(loss, rankdir=rankdir, depth=depth)
        assert drawing.svg == draw(loss, rankdir=rankdir, depth=depth).svg
        boxes = [scene.bounds(item.marks) for item in drawing.pictures[0].items if isinstance(item, scene.Node)]
        for (a, b, c, d), (e, f, g, h) in combinations(boxes, 2):
            assert c <= e or g <= a or d <= f or h <= b


@pytest.mark.parametrize("formula", FORMULAS)
def test_edge_labels_stand_at_their_own_edge(alone, formula):
    test_graph.test_edge_labels_stand_at_their_own_edge_and_on_nothing_else(formula, "LR")


def test_operands_stand_in_their_order(alone):
    for formula in ("a - b", "tanh(a) - b", "a - tanh(b)", "(a + b) - (a / b)"):
        test_graph.test_operands_stand_in_their_order_or_are_numbered(formula, "LR")
    marks = [m for item in draw(parse("a - b", a=1, b=2)).pictures[0].items for m in item.marks]
    assert not [m.text for m in marks if isinstance(m, scene.Text) and m.text in ("1st", "2nd")]


def test_only_a_chain_is_broken_into_lines(alone):
    rng = random.Random(1)
    values = list(named(a=1.0, b=2.0, c=3.0))
    for _ in range(40):
        values.append(rng.choice(values[-6:]) - rng.choice(values[-6:]))
    picture = draw(values[-1]).pictures[0]
    assert picture.width > 1400
    assert not [m for item in picture.items for m in item.marks if isinstance(m, scene.Text) and "from " in m.text]
