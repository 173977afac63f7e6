"""The cursor: where it stands, what it says of the gradients, and what it refuses."""

import gc
import json
import math
import re
import threading
import weakref
from fractions import Fraction
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_like import MLP, Layer, Value, named, parse, topological_order
from micrograd_like.engine import UNREACHED, recompute
from micrograd_like.graph.steps import backward_steps
from micrograd_like.graph.structure import Where
from micrograd_like.nn import datasets, losses
from micrograd_like.ops import CONSTANT
from micrograd_like.stepping import step
from tests.graphs import Program, programs


@pytest.fixture
def graph() -> dict[str, Value]:
    a, b, c = named(a=2.0, b=-3.0, c=10.0)
    e = a * b
    root = e + c * a
    e.label, root.label = "e", "L"
    return {"a": a, "b": b, "c": c, "e": e, "L": root}


def state(root):
    """Return what the graph holds of each node."""
    nodes = topological_order(root)
    return [(str(v.data), None if v.grad is UNREACHED else str(v.grad), v.label) for v in nodes]


def grads(s):
    """Return what the cursor says of each gradient."""
    return [None if s.grad(v) is None else str(s.grad(v)) for v in s.nodes]


def grads_after(root, k):
    """Return the same, after `k` steps, computed from the steps alone."""
    found = {}
    for s in list(backward_steps(root))[:k]:
        if s.operand.op is not CONSTANT:
            found[s.operand] = str(s.after)
    return [found.get(v) for v in topological_order(root)]


# -------------------- moving --------------------


@given(programs())
def test_the_end_is_what_backward_computes(program: Program):
    root = program.nodes()[-1]
    s = step(root).finish()
    assert all(v.grad is UNREACHED for v in s.nodes)
    root.backward()
    assert grads(s) == [None if v.op is CONSTANT or v.grad is UNREACHED else str(v.grad) for v in s.nodes]


@given(programs(exact=True))
def test_the_end_is_what_backward_computes_exactly(program: Program):
    root = program.nodes()[-1]
    s = step(root).finish()
    root.backward()
    for v in s.nodes:
        assert s.grad(v) == (None if v.op is CONSTANT else v.grad)


@given(programs(), st.lists(st.tuples(st.sampled_from(["next", "back", "goto"]), st.integers(0, 40)), max_size=12))
def test_any_way_to_a_position_leads_to_the_same_gradients(program, moves):
    root = program.nodes()[-1]
    before = state(root)
    s = step(root)
    for move, k in moves:
        unit = ("edge", "node")[k % 2]
        if move == "goto":
            s.goto(k % (len(s) + 1))
        elif move == "next" and s.upcoming:
            s.next(unit)
        elif move == "back" and s.current:
            s.back(unit)
        assert grads(s) == grads_after(root, s.position)
        assert state(root) == before


def test_positions_count_steps(graph):
    s = step(graph["L"])
    assert (s.position, len(s), s.current, str(s.upcoming)) == (0, 7, None, "∂L/∂L = 1")
    assert all(v.grad is UNREACHED for v in s.nodes)
    s.next().next()
    assert str(s.current) == "∂L/∂e += ∂L/∂L * ∂L/∂e = 1 * 1 = 1"
    assert s.grad("e") == 1
    assert s.grad("a") is None
    assert s.finish().upcoming is None


def test_units(graph):
    s = step(graph["L"], unit="node")
    positions = [s.next().position for _ in range(4)]
    assert positions == [1, 3, 5, 7]  # the seed, then the two edges of L, v1 and e
    assert [s.back().position for _ in range(4)] == [5, 3, 1, 0]
    assert s.next("edge").next("edge").next().position == 3  # what is left of the node
    assert s.back("edge").back().position == 1  # what was done of it


def test_layers_of_a_network():
    output = MLP(2, [3, 2, 1], seed=1)([1.0, 2.0])
    loss = (output - 1.0) ** 2
    s = step(loss, unit="layer")
    layers = []
    while s.upcoming:
        start = s.position
        labels = [x.operand.label for x in s.next().steps[start : s.position]]
        layers.append({label[1] for label in labels if label.startswith("w")})
    assert layers == [set(), set(), {"3"}, {"2"}, {"1"}]  # seed, loss, layers


def test_layers_need_a_network(graph):
    s = step(graph["L"])
    with pytest.raises(ValueError, match="no layers"):
        s.next("layer")


def test_run_to_a_name_a_node_and_a_condition(graph):
    s = step(graph["L"])
    assert s.run_to("a").current.operand is graph["a"]
    assert s.position == 5
    assert s.run_to(graph["a"]).position == 6  # its second contribution
    with pytest.raises(ValueError, match="no step after step 6 adds to the gradient of 'a'"):
        s.run_to("a")
    assert s.goto(0).run_to(lambda x: x.local < 0).current.local == -3
    with pytest.raises(ValueError, match="no step after step 6 fulfils the condition"):
        s.run_to(lambda x: x.local > 100)
    assert s.position == 6


def test_path_by_which_a_gradient_comes(graph):
    s = step(graph["L"])
    assert [x.operand_name for x in s.path("b")] == ["e", "b"]
    assert s.path("L") == []


@pytest.mark.parametrize("position", [-1, 8, 10**20])
def test_goto_out_of_range(graph, position):
    s = step(graph["L"])
    s.goto(3)
    with pytest.raises(IndexError, match="there are positions 0 to 7, not"):
        s.goto(position)
    assert s.position == 3


def test_neither_beyond_the_end_nor_before_the_start(graph):
    s = step(graph["L"])
    with pytest.raises(IndexError, match="this is the start of the pass"):
        s.back()
    s.finish()
    with pytest.raises(IndexError, match="the pass is done: all 7 steps are behind"):
        s.next()


def test_names_that_are_not_there(graph):
    s = step(graph["L"])
    with pytest.raises(ValueError, match="no node is named 'x': there are L, c, e, b, a"):
        s.run_to("x")
    with pytest.raises(ValueError, match="is not a node of this graph"):
        s.run_to(Value(1.0))


@pytest.mark.parametrize("thing", [2.0, "L", None])
def test_only_values_have_steps(thing):
    with pytest.raises(TypeError, match="step\\(\\) takes a Value"):
        step(thing)


def test_unknown_units(graph):
    with pytest.raises(ValueError, match="unknown unit 'line'; choose from edge, node, neuron, layer, sample"):
        step(graph["L"], "line")
    s = step(graph["L"])
    with pytest.raises(ValueError, match="unknown unit"):
        s.next("line")


def test_a_graph_without_gradient_is_left_alone():
    root = parse("sqrt(x)", x=0)
    with pytest.raises(ValueError, match="no finite derivative"):
        step(root)
    assert root.grad is UNREACHED


# -------------------- the graph stays as it is --------------------


def test_nothing_the_cursor_does_changes_the_graph(graph):
    graph["L"].backward()
    before = state(graph["L"])
    s = step(graph["L"]).goto(4).set("a", 7.0)
    s.break_at(lambda x: graph["a"].grad > 5)
    for do in (
        s.run,
        s.finish,
        s.draw,
        s._repr_mimebundle_,
        lambda: repr(s),
        lambda: step(graph["L"]).next(),
        s.restart,
    ):
        do()
        assert state(graph["L"]) == before
    assert graph["L"].data == 14


def test_cursors_that_are_left_open_do_not_spoil_gradients(graph):
    s = step(graph["L"])
    s.finish()
    t = step(graph["L"]).goto(3)
    graph["L"].backward()
    assert [graph[name].grad for name in "abc"] == [7.0, 2.0, 2.0]
    assert (s.grad("a"), t.grad("a")) == (7.0, None)
    graph["L"].backward()  # leaves add up, whatever cursors there are
    assert graph["a"].grad == 14.0


def test_a_cursor_that_nobody_holds_is_freed(graph):
    s = step(graph["L"])
    seen = weakref.ref(s)
    del s
    gc.collect()
    assert seen() is None


def test_what_raises_in_a_condition_leaves_nothing_behind(graph):
    before = state(graph["L"])
    s = step(graph["L"]).goto(2)

    def spoil(error):
        graph["a"].grad = graph["a"].data = 99.0
        graph["a"].label = "spoilt"
        raise error

    for error in (ZeroDivisionError, KeyboardInterrupt):
        with pytest.raises((ValueError, KeyboardInterrupt)):
            s.run_to(lambda x, error=error: spoil(error))
        assert state(graph["L"]) == before
        assert s.position == 2


def test_two_threads_see_their_own_moments(graph):
    cursors = [step(graph["L"]).goto(k) for k in (2, 6)]
    expected = [repr(s) for s in cursors]
    wrong = []

    def look(s, picture):
        wrong.extend(1 for _ in range(200) if repr(s) != picture)

    threads = [threading.Thread(target=look, args=pair) for pair in zip(cursors, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert graph["a"].grad is UNREACHED


# -------------------- what others change --------------------


def test_numbers_that_were_changed_are_said_and_not_mixed(graph):
    s = step(graph["L"]).goto(2)
    graph["a"].data = 5.0
    said = "the graph has changed: a is 5.0 now, and was 2.0 when this pass was recorded"
    assert repr(s).endswith(said)
    assert s.next().headline() == "step 3 of 7: ∂L/∂v1 += ∂L/∂L * ∂L/∂v1 = 1 * 1 = 1"  # the pass as it was recorded
    with pytest.raises(ValueError, match=said):
        s.set("b", 1.0)
    for do in (s.restart, lambda: step(graph["L"])):
        with pytest.raises(ValueError, match=r"numbers were changed after the forward pass.*recompute"):
            do()
    assert s.position == 3
    recompute(graph["L"])
    assert (s.restart().position, s.data("L")) == (0, 35.0)
    assert "changed" not in repr(s)
    assert s.finish().grad("a") == 7.0


def test_labels_that_were_given_meanwhile_are_known(graph):
    a = graph["a"]
    root = graph["L"]
    s = step(root).goto(3)
    with pytest.raises(ValueError, match="no node is named 'product'"):
        s.run_to("product")
    root.operands[1].label = "product"
    assert s.run_to("a").headline() == ("step 5 of 7: ∂L/∂a += ∂L/∂product * ∂product/∂a = 1 * c = 1 * 10 = 10")
    a.label = "alpha"
    assert s.goto(4).run_to("alpha").position == 5
    assert "alpha" in repr(s)


# -------------------- names --------------------


def test_unlabelled_nodes_are_called_by_the_callers_variables():
    xs = [Value(2.0), Value(3.0)]
    weights = {"slope": Value(4.0), 0: Value(1.0)}
    layer = Layer(1, 1, activation="linear", seed=1)
    layer.scale = Value(0.5)
    e = xs[0] * weights["slope"] + xs[1] * weights[0]
    root = e * layer.scale
    before = state(root)
    s = step(root)
    for name, node in {
        "xs[0]": xs[0],
        "xs[1]": xs[1],
        "weights['slope']": weights["slope"],
        "weights[0]": weights[0],
        "layer.scale": layer.scale,
        "e": e,
        "root": root,
    }.items():
        assert s.names[node] == name
        assert s.find(name) is node
    assert s.run_to("xs[0]").current.operand_name == "xs[0]"
    assert "xs[0]" in repr(s)
    assert state(root) == before


def test_a_local_variable_comes_before_an_element_and_labels_before_both():
    xs = [Value(2.0), Value(3.0, "mine")]
    first = xs[0]
    s = step(first * xs[1])
    assert list(s.names.values()) == ["first", "mine", "v1"]


def test_a_list_that_contains_itself_is_looked_at_once():
    loop = [Value(2.0)]
    loop.append(loop)
    s = step(loop[0] * 2.0)
    assert s.names[loop[0]] == "loop[0]"


def test_equal_numbers_in_a_formula_are_pointed_at():
    a = Value(2.0, "a")
    s = step(a * 3 + a**3)
    with pytest.raises(ValueError, match=r"2 nodes are labelled '3': say nodes\[1\] \(data 3.0\), nodes\[3\]"):
        s.set("3", 4.0)
    assert s.set(s.nodes[1], 4.0).data(s.root) == 16.0


def test_large_data_among_the_variables_is_not_walked_to_its_end():
    class Endless(list):
        def __iter__(self):
            for _ in range(30_000):
                yield 0.0
            raise AssertionError

    rows = Endless()
    weights = [Value(2.0)]
    assert step(weights[0] * 3).names[weights[0]] == "weights[0]"
    assert not rows


def test_nodes_of_one_label_are_told_apart():
    first, second, other = Value(2.0, "a"), Value(5.0, "a"), Value(7.0, "a_1")
    s = step(first * second + other)
    assert [s.names[v] for v in (first, second, other)] == ["a_2", "a_3", "a_1"]
    assert "a_2 * a_3" in repr(s)
    for do in (s.run_to, s.break_at, lambda name: s.set(name, 3.0)):
        with pytest.raises(ValueError, match=r"2 nodes are labelled 'a': say a_2 \(data 2.0\), a_3 \(data 5.0\)"):
            do("a")
    s.set("a_3", 3.0)
    assert (second.data, s.data("a_3"), s.data(s.root)) == (5.0, 3.0, 13.0)


@pytest.mark.parametrize("label", ["two words", 'a"b', "a\\nb", "\x1b[31m", "名前", "lambda", "2", "a*b", "→", "  "])
def test_odd_labels(label):
    x, y = Value(2.0, label), Value(3.0, "y")
    s = step(x * y).run_to(label)
    assert s.find(label) is x
    assert all(line.isprintable() for line in repr(s).splitlines())
    assert s.draw().dot


def test_nodes_of_a_network_are_called_by_their_place():
    model = MLP(2, [3, 1], seed=1)
    losses = [(model(row) - y) ** 2 for row, y in [((1.0, 2.0), 1.0), ((0.5, -1.0), -1.0), ((2.0, 0.0), 1.0)]]
    root = losses[0] + losses[1] + losses[2]
    s = step(root)
    assert {"z1[2]_3", "a1[2]_3", "z2[1]_1", "w1[2→3]", "x2_3", "b1[3]"} <= set(s.names.values())
    names = [name for v, name in s.names.items() if v.label or v.op is not CONSTANT]
    assert len(set(names)) == len(names)
    assert s.find("neuron 2 of layer 1, sample 3") is s.find("a1[2]_3")
    assert s.find("w1[2->3]") is s.find("w1[2→3]") is model.layers[0].neurons[2].w[1]
    assert s.run_to("a1[2]_3").headline().startswith(f"step {s.position} of {len(s)} (neuron 1 of layer 2, sample 3): ")
    with pytest.raises(ValueError, match="there is no neuron 9 of layer 1, sample 3: there are neuron"):
        s.find("neuron 9 of layer 1, sample 3")


# -------------------- what if --------------------


@given(programs(), st.floats(-3, 3), st.data())
def test_set_makes_the_graph_that_one_would_have_built(program, number, data):
    k = data.draw(st.integers(0, len(program.leaves) - 1))
    nodes = program.nodes()
    root = nodes[-1]
    before = state(root)
    s = step(root)
    s.goto(len(s) // 2)
    if nodes[k] not in s.nodes:
        return
    moment = grads(s)
    try:
        s.set(f"x{k}", number)
    except (ValueError, ArithmeticError):
        assert grads(s) == moment
        assert [s.data(v) for v in s.nodes] == [v.data for v in s.nodes]
    else:
        leaves = [number if i == k else x for i, x in enumerate(program.leaves)]
        other = Program(tuple(leaves), program.steps).nodes()[-1]
        assert [str(s.data(v)) for v in s.nodes] == [str(v.data) for v in topological_order(other)]
        assert s.position == len(s) // 2
        assert grads(s) == grads_after(other, s.position)
    assert state(root) == before


def test_set_changes_the_formula_of_a_literal_exponent():
    x = Value(3.0, "x")
    s = step(x**2).finish()
    assert "(2 * x)" in str(s.steps[1])
    s.set("2", 3.0)
    assert "(3 * x**2)" in str(s.steps[1])
    assert str(s.steps[1]).endswith("= 27")


def test_set_refuses(graph):
    s = step(graph["L"])
    s.goto(3)
    for leaf, number, error, message in [
        ("e", 3.0, ValueError, r"e = a \* b is computed: set one of the leaves"),
        ("q", 3.0, ValueError, "no node is named 'q'"),
        ("a", "3", TypeError, "a Value holds one real number"),
    ]:
        with pytest.raises(error, match=message):
            s.set(leaf, number)
    assert (s.position, graph["L"].data) == (3, 14)


def test_set_to_where_an_operation_is_undefined():
    root = parse("log(x) * y", x=2, y=3)
    before = root.data
    s = step(root)
    s.goto(2)
    with pytest.raises(ValueError, match="log is defined for numbers above 0 only"):
        s.set("x", -1.0)
    assert (root.data, s.position, s.find("x").data) == (before, 2, 2.0)
    assert s.next().position == 3


def test_set_keeps_fractions_exact():
    x = Value(Fraction(1, 3), "x")
    s = step(x * x)
    s.set("x", 2).finish()
    assert (s.data(s.root), s.grad(x), s.root.data) == (Fraction(4), Fraction(4), Fraction(1, 9))
    assert isinstance(s.grad(x), Fraction)


# -------------------- breakpoints --------------------


def positions(s):
    """Return where run() stops on the way to the end, and on the way back."""
    there, back = [], []
    while s.position < len(s):
        there.append(s.run().position)
    while s.position:
        back.append(s.run(backwards=True).position)
    return there, back


@pytest.mark.parametrize(
    ("where", "stops"),
    [
        ("a", [5, 6]),
        ("*", [4, 5, 6]),
        ("multiply", [4, 5, 6]),
        (3, [3]),
        ("nan", []),
        (lambda s: s.contribution > 5, [5]),
    ],
)
def test_breakpoints(graph, where, stops):
    s = step(graph["L"])
    s.break_at(where)
    there, back = positions(s)
    assert [k for k in there if k != len(s)] == stops
    assert back == [*stops[::-1], 0]


def test_breakpoints_on_a_condition_besides(graph):
    s = step(graph["L"])
    point = s.break_at(graph["a"], lambda x: x.contribution < 0, written="s.contribution < 0")
    assert str(point) == "1: at a, if s.contribution < 0"
    assert positions(s) == ([6, 7], [6, 0])
    s.breakpoint(1).condition = None
    assert positions(s) == ([5, 6, 7], [6, 5, 0])


def test_temporary_breakpoints_and_clearing(graph):
    s = step(graph["L"])
    point = s.break_at("a", temporary=True)
    assert s.run().stopped_at == point
    assert s.run().position == 7
    assert s.stopped_at is None
    s.break_at("b")
    s.break_at("c")
    s.clear(2)
    assert list(s.breakpoints) == [3]
    s.clear()
    with pytest.raises(ValueError, match="there is no breakpoint 3"):
        s.clear(3)


def test_breakpoints_on_infinity():
    x = Value(1e-250, "x")
    y = x * 1e200
    y.label = "y"
    z = y * 1e200
    s = step(z)
    s.break_at("nan")
    assert s.run().current.contribution == math.inf
    assert s.stopped_at is not None


def test_breakpoints_that_are_nowhere(graph):
    s = step(graph["L"])
    with pytest.raises(ValueError, match="no node and no operation is named 'tanh'"):
        s.break_at("tanh")
    with pytest.raises(IndexError, match="there are steps 1 to 7, not 8"):
        s.break_at(8)
    with pytest.raises(TypeError, match="a breakpoint is at a node"):
        s.break_at(1.5)
    assert not s.breakpoints


def test_a_condition_that_raises(graph):
    s = step(graph["L"])
    s.next()
    s.break_at(lambda x: 1 / (x.contribution - 10) > 0, written="mine")
    for move in (s.run, lambda: s.run_to(lambda x: 1 / 0)):
        with pytest.raises(ValueError, match=r"the condition.* failed at step .*ZeroDivisionError"):
            move()
        assert s.position == 1


# -------------------- how it looks --------------------


def test_dashboard(graph):
    s = step(graph["L"])
    assert repr(s).startswith("at the start of 7 steps\n\n")
    assert repr(s).endswith("\n\nnext() does ∂L/∂L")
    assert repr(s.goto(6)).splitlines() == [
        "step 6 of 7: ∂L/∂a += ∂L/∂e * ∂e/∂a = 1 * b = 1 * (-3) = -3, so 10 + (-3) = 7",
        "",
        "                 data  grad  ∂parent/∂node",
        "  L = e + v1       14     1",
        "  ├─ e = a * b     -6     1  1",
        "► │  ├─ a           2     7  b = -3",
        "  │  └─ b          -3     –  a = 2",
        "  └─ v1 = c * a    20     1  1",
        "     ├─ c          10     2  a = 2",
        "     └─ a ↑                  c = 10",
        "",
        "next() does ∂L/∂b += ∂L/∂e * ∂e/∂b; back() undoes the last step",
    ]


def test_dashboard_of_a_large_graph_shows_the_node_it_is_at():
    output = MLP(40, [8, 1], seed=1)([0.1] * 40)
    s = step(output)
    lines = repr(s.run_to("w1[20→3]")).splitlines()
    assert len(lines) <= 19
    assert next(line for line in lines if line.startswith("►")).split()[2] == "w1[20→3]"
    assert lines[-3] == "… and 69 more operands"


def test_picture_marks_the_active_edge_by_colour_and_width(graph):
    s = step(graph["L"])
    assert "step 6 of 7" in s.goto(6).draw()._repr_mimebundle_()["text/html"]
    marked = [line for line in s.draw().dot.splitlines() if "penwidth=3 " in f"{line} ".replace("]", " ")]
    assert len(marked) == 2  # the edge and the box that it comes from
    assert all("#b84f00" in line for line in marked)
    assert sum("->" in line for line in marked) == 1
    assert 'stroke-width="3"' in s.draw().svg
    assert "penwidth" not in s.goto(0).draw().dot


def test_picture_marks_an_edge_that_a_neuron_hides():
    output = MLP(2, [3, 1], seed=1)([1.0, 2.0])
    s = step(output)
    s.run_to("w1[1→2]")
    assert s.draw(depth="neuron").dot.count("penwidth=3") == 1
    assert s.draw(depth="value").dot.count("penwidth=3") == 2


def test_a_notebook_shows_the_page_of_a_small_graph_and_the_marked_picture_if_not_trusted(graph):
    s = step(graph["L"]).goto(6).set("a", 7.0)
    bundle = s._repr_mimebundle_()
    assert bundle["text/plain"] == repr(s)
    assert bundle["text/html"].startswith("<iframe")
    data = json.loads(re.search(r'id="data">(.*?)</script>', unescape(bundle["text/html"]))[1])
    assert data["position"] == 6
    assert dict(zip(data["graph"]["names"], data["graph"]["leaves"], strict=True))["a"] == 7.0
    assert s.draw().image in bundle["text/html"]


def test_a_notebook_shows_a_picture_where_there_can_be_no_page():
    _, loss = moons_loss()
    for s in (step(loss), step(Value(math.inf) + 1.0)):
        assert s._repr_mimebundle_() == {**s.draw()._repr_mimebundle_(), "text/plain": repr(s)}


def test_where_there_can_be_no_picture_there_is_text(graph, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("no Graphviz")

    monkeypatch.setattr("micrograd_like.pictures.layout.graphviz", fail)
    s = step(graph["L"])
    assert s._repr_mimebundle_() == {"text/plain": repr(s)}


def test_a_large_graph_is_shown_as_text():
    y = Value(1.0)
    for _ in range(2000):
        y = y + 1.0
    s = step(y)
    assert s._repr_mimebundle_() == {"text/plain": repr(s)}


# -------------------- units of a network --------------------


def moons_loss(n=4, hidden=(3, 2)):
    data = datasets.moons(n=n, seed=1)
    model = MLP(2, [*hidden, 1], seed=1)
    outputs = [model(row) for row in data.rows]
    return model, losses.hinge(outputs, [2 * y - 1 for y in data.targets])


@pytest.mark.parametrize("unit", ["neuron", "layer", "sample"])
def test_units_of_a_network_take_in_all_steps_of_one(unit):
    _, loss = moons_loss()
    s = step(loss, unit=unit)
    seen = []
    while s.upcoming:
        start = s.position
        s.next()
        where = {s.where.get(x.node, Where(None, None)) for x in s.steps[start : s.position]}
        parts = {(w.sample, w.layer, w.neuron)[: {"sample": 1, "layer": 2, "neuron": 3}[unit]] for w in where}
        assert len(parts) == 1
        seen.append(parts.pop())
    assert len(seen) == len(set(seen)) + 1  # the seed and the sum are of no sample; nothing is visited twice
    assert [s.back().position for _ in seen] == sorted({0, *s._stops(unit)[:-1]}, reverse=True)


def test_a_stop_is_summed_up():
    model, loss = moons_loss(hidden=(16, 16))
    s = step(loss, unit="sample").next().next().next()
    written = s.summary(s._stops("sample")[2])
    lines = written.splitlines()
    assert lines[0].split() == ["sample", "4", "edges", "|gradient|", "smallest", "largest", "dead", "relus"]
    assert [line.split()[:2] for line in lines[1:]] == [["no", "layer"], ["layer", "3"], ["layer", "2"], ["layer", "1"]]
    done = s.steps[s._stops("sample")[2] : s.position]
    for line, layer in zip(lines[2:], (3, 2, 1), strict=True):
        steps = [x for x in done if s.where.get(x.node, Where(None, None)).layer == layer]
        parameters = model.layers[layer - 1].parameters()
        norm = math.sqrt(sum((s.grad(p) or 0.0) ** 2 for p in parameters))
        dead = sum(x.node.op.name == "relu" and x.local == 0 for x in steps)
        sizes = sorted(abs(x.contribution) for x in steps)
        count, *cells = line.split()[2:]
        assert int(count) == len(steps)
        assert [float(x) for x in cells[:3]] == pytest.approx([norm, sizes[0], sizes[-1]], rel=5e-4, abs=5e-5)
        assert cells[3:] == ([f"{dead}", "of", "16"] if layer < 3 else [])
