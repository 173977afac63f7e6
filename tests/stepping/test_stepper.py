"""The cursor: where it stands, what it makes of the gradients, and what it refuses."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_like import MLP, Value, named, parse, topological_order
from micrograd_like.engine import UNREACHED
from micrograd_like.graph.steps import backward_steps
from micrograd_like.ops import CONSTANT
from micrograd_like.stepping import GraphChangedError, step
from tests.graphs import Program, programs


@pytest.fixture
def graph() -> dict[str, Value]:
    a, b, c = named(a=2.0, b=-3.0, c=10.0)
    e = a * b
    root = e + c * a
    e.label, root.label = "e", "L"
    return {"a": a, "b": b, "c": c, "e": e, "L": root}


def shown(root):
    """Return what a picture would show of each gradient: nothing, or its very bits."""
    return [None if v.grad is UNREACHED else str(v.grad) for v in topological_order(root)]


def state_after(root, k):
    """Return the same, after `k` steps, computed from the steps alone."""
    grads = {}
    for s in list(backward_steps(root))[:k]:
        if s.operand.op is not CONSTANT:
            grads[s.operand] = str(s.after)
    return [grads.get(v) for v in topological_order(root)]


# -------------------- moving --------------------


@given(programs())
def test_the_end_is_what_backward_computes(program: Program):
    root = program.nodes()[-1]
    step(root).finish().close(keep=True)
    fresh = program.nodes()[-1]
    fresh.backward()
    assert shown(root) == shown(fresh)


@given(programs(exact=True))
def test_the_end_is_what_backward_computes_exactly(program: Program):
    root = program.nodes()[-1]
    step(root).finish().close(keep=True)
    fresh = program.nodes()[-1]
    fresh.backward()
    assert [v.grad for v in topological_order(root)] == [v.grad for v in topological_order(fresh)]


@given(programs(), st.lists(st.tuples(st.sampled_from(["next", "back", "goto"]), st.integers(0, 40)), max_size=12))
def test_any_way_to_a_position_leads_to_the_same_gradients(program, moves):
    root = program.nodes()[-1]
    before = shown(root)
    with step(root) as s:
        for move, k in moves:
            unit = ("edge", "node")[k % 2]
            if move == "goto":
                s.goto(k % (len(s) + 1))
            elif move == "next" and s.upcoming:
                s.next(unit)
            elif move == "back" and s.current:
                s.back(unit)
            assert shown(root) == state_after(root, s.position)
    assert shown(root) == before


def test_positions_count_steps(graph):
    with step(graph["L"]) as s:
        assert (s.position, len(s), s.current, str(s.upcoming)) == (0, 7, None, "∂L/∂L = 1")
        assert all(v.grad is UNREACHED for v in s.nodes)
        s.next().next()
        assert str(s.current) == "∂L/∂e += ∂L/∂L * ∂L/∂e = 1 * 1 = 1"
        assert graph["e"].grad == 1
        assert graph["a"].grad is UNREACHED
        assert s.finish().upcoming is None


def test_units(graph):
    with step(graph["L"], unit="node") as s:
        positions = [s.next().position for _ in range(4)]
        assert positions == [1, 3, 5, 7]  # the seed, then the two edges of L, v1 and e
        assert [s.back().position for _ in range(4)] == [5, 3, 1, 0]
        assert s.next("edge").next("edge").next().position == 3  # what is left of the node
        assert s.back("edge").back().position == 1  # what was done of it


def test_layers_of_a_network():
    output = MLP(2, [3, 2, 1], seed=1)([1.0, 2.0])
    loss = (output - 1.0) ** 2
    with step(loss, unit="layer") as s:
        layers = []
        while s.upcoming:
            start = s.position
            labels = [x.operand.label for x in s.next().steps[start : s.position]]
            layers.append({label[1] for label in labels if label.startswith("w")})
    assert layers == [set(), set(), {"3"}, {"2"}, {"1"}]  # seed, loss, layers


def test_layers_need_a_network(graph):
    with step(graph["L"]) as s, pytest.raises(ValueError, match="no layers"):
        s.next("layer")


def test_run_to_a_name_a_node_and_a_condition(graph):
    with step(graph["L"]) as s:
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
    with step(graph["L"]) as s:
        assert [x.operand_name for x in s.path("b")] == ["e", "b"]
        assert s.path("L") == []


@pytest.mark.parametrize("position", [-1, 8, 10**20])
def test_goto_out_of_range(graph, position):
    with step(graph["L"]) as s:
        s.goto(3)
        with pytest.raises(IndexError, match="there are positions 0 to 7, not"):
            s.goto(position)
        assert s.position == 3


def test_neither_beyond_the_end_nor_before_the_start(graph):
    with step(graph["L"]) as s:
        with pytest.raises(IndexError, match="this is the start of the pass"):
            s.back()
        s.finish()
        with pytest.raises(IndexError, match="the pass is done: all 7 steps are behind"):
            s.next()


def test_names_that_are_not_there(graph):
    with step(graph["L"]) as s:
        with pytest.raises(ValueError, match="no node is named 'x': there are L, c, e, b, a"):
            s.run_to("x")
        with pytest.raises(ValueError, match="is no node of this graph"):
            s.run_to(Value(1.0))


def test_a_name_that_two_nodes_have():
    first, second = Value(2.0, "a"), Value(5.0, "a")
    with step(first * second) as s:
        message = r"2 nodes are named 'a': pass the node itself, nodes\[0\] \(data 2.0\) or nodes\[1\] \(data 5.0\)"
        for do in (s.run_to, s.break_at, lambda name: s.set(name, 3.0)):
            with pytest.raises(ValueError, match=message):
                do("a")
        s.set(s.nodes[1], 3.0)
        assert (second.data, s.root.data) == (3.0, 6.0)


@pytest.mark.parametrize("thing", [2.0, "L", None])
def test_only_values_have_steps(thing):
    with pytest.raises(TypeError, match="step\\(\\) takes a Value"):
        step(thing)


def test_unknown_units(graph):
    with pytest.raises(ValueError, match="a unit is edge, node, layer, not 'line'"):
        step(graph["L"], "line")
    with step(graph["L"]) as s, pytest.raises(ValueError, match="a unit is"):
        s.next("line")


def test_a_graph_without_gradient_is_left_alone():
    root = parse("sqrt(x)", x=0)
    with pytest.raises(ValueError, match="no finite derivative"):
        step(root)
    assert root.grad is UNREACHED


# -------------------- the end --------------------


def test_closing_puts_everything_back(graph):
    graph["L"].backward()
    before = shown(graph["L"])
    with step(graph["L"]) as s:
        s.goto(4).set("a", 7.0)
        assert graph["L"].data == 49
    assert shown(graph["L"]) == before
    assert [graph[name].data for name in "aeL"] == [2, -6, 14]
    with pytest.raises(ValueError, match="this cursor is closed"):
        s.next()
    assert repr(s).startswith("a closed cursor over 7 steps")


def test_closing_can_keep(graph):
    s = step(graph["L"]).set("a", 3.0).finish()
    s.close(keep=True)
    assert (graph["L"].data, graph["b"].grad) == (21, 3)


def test_a_move_that_is_interrupted_is_undone(graph, monkeypatch):
    with step(graph["L"]) as s:
        s.goto(2)
        monkeypatch.setattr(s, "_after", [*s._after[:4]])  # the fifth step cannot be taken
        with pytest.raises(IndexError):
            s.goto(6)
        assert s.position == 2
        assert shown(graph["L"]) == state_after(graph["L"], 2)


# -------------------- what others change --------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: setattr(g["c"], "data", 4.0), "the data of c is 4.0 and was 10.0"),
        (lambda g: setattr(g["e"], "grad", 0.5), "the grad of e is 0.5 and was 1.0"),
        (lambda g: setattr(g["a"], "grad", 0.0), "the grad of a is 0.0 and was blank"),
        (lambda g: g["L"].zero_grad(), "the grad of e is blank and was 1.0"),
        (lambda g: step(g["L"]), "the grad of e is blank and was 1.0"),
    ],
)
@pytest.mark.parametrize("move", ["next", "back", "finish"])
def test_changes_behind_the_cursor_are_said(graph, change, message, move):
    s = step(graph["L"]).goto(2)
    change(graph)
    with pytest.raises(GraphChangedError, match=message):
        getattr(s, move)()
    assert s.position == 2


def test_what_others_change_is_kept(graph):
    with step(graph["L"]) as s:
        s.goto(3)
        graph["c"].data = 4.0
        graph["b"].grad = 0.5
        with pytest.raises(GraphChangedError):
            s.next()
        s.restart().finish()
        assert graph["a"].grad == 4 - 3  # the graph as it is now
    assert (graph["c"].data, graph["b"].grad, graph["a"].grad) == (4.0, 0.5, 0.0)


def test_the_same_numbers_again_are_no_change(graph):
    with step(graph["L"]) as s:
        s.goto(2)
        graph["c"].data, graph["e"].grad = float("10"), 1
        assert s.next().position == 3


def test_changes_in_a_large_graph_are_found_in_turn():
    x = y = Value(1.0, "x")
    for _ in range(2500):
        y = y + 0.0
    with step(y) as s:
        s.goto(10)
        s.nodes[2000].data = 5.0
        refused = 0
        for _ in range(5):
            try:
                s.next()
            except GraphChangedError:
                refused += 1
        assert refused
        s.restart().goto(10)
        s.upcoming.node.grad = 7.0
        with pytest.raises(GraphChangedError):
            s.next()
        assert x.grad is UNREACHED


# -------------------- what if --------------------


@given(programs(), st.floats(-3, 3), st.data())
def test_set_makes_the_graph_that_one_would_have_built(program, number, data):
    k = data.draw(st.integers(0, len(program.leaves) - 1))
    nodes = program.nodes()
    root = nodes[-1]
    with step(root) as s:
        s.goto(len(s) // 2)
        if nodes[k] not in s.nodes:
            return
        before = [str(v.data) for v in s.nodes], shown(root)
        try:
            s.set(f"x{k}", number)
        except (ValueError, ArithmeticError):
            assert ([str(v.data) for v in s.nodes], shown(root)) == before
        else:
            leaves = [number if i == k else x for i, x in enumerate(program.leaves)]
            other = Program(tuple(leaves), program.steps).nodes()[-1]
            assert [str(v.data) for v in s.nodes] == [str(v.data) for v in topological_order(other)]
            assert s.position == len(s) // 2
            assert shown(root) == state_after(other, s.position)


def test_set_refuses(graph):
    with step(graph["L"]) as s:
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
    with step(root) as s:
        s.goto(2)
        with pytest.raises(ValueError, match="log is defined for numbers above 0 only"):
            s.set("x", -1.0)
        assert (root.data, s.position, s.find("x").data) == (before, 2, 2.0)
        assert s.next().position == 3


def test_set_keeps_fractions_exact():
    x = Value(Fraction(1, 3), "x")
    with step(x * x) as s:
        s.set("x", 2).finish()
        assert (s.root.data, x.grad) == (Fraction(4), Fraction(4))
        assert isinstance(x.grad, Fraction)


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
    with step(graph["L"]) as s:
        s.break_at(where)
        there, back = positions(s)
        assert [k for k in there if k != len(s)] == stops
        assert back == [*stops[::-1], 0]


def test_breakpoints_on_a_condition_besides(graph):
    with step(graph["L"]) as s:
        point = s.break_at(graph["a"], lambda x: x.contribution < 0, written="s.contribution < 0")
        assert str(point) == "1: at a, if s.contribution < 0"
        assert positions(s) == ([6, 7], [6, 0])
        s.change_condition(1, None)
        assert positions(s) == ([5, 6, 7], [6, 5, 0])


def test_temporary_breakpoints_and_clearing(graph):
    with step(graph["L"]) as s:
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
    with step(z) as s:
        s.break_at("nan")
        assert s.run().current.contribution == math.inf
        assert s.stopped_at is not None


def test_breakpoints_that_are_nowhere(graph):
    with step(graph["L"]) as s:
        with pytest.raises(ValueError, match="no node and no operation is named 'tanh'"):
            s.break_at("tanh")
        with pytest.raises(IndexError, match="there are steps 1 to 7, not 8"):
            s.break_at(8)
        with pytest.raises(TypeError, match="a breakpoint is at a node"):
            s.break_at(1.5)
        assert not s.breakpoints


def test_a_condition_that_raises(graph):
    with step(graph["L"]) as s:
        s.next()
        s.break_at(lambda x: 1 / (x.contribution - 10) > 0, written="mine")
        for move in (s.run, lambda: s.run_to(lambda x: 1 / 0)):
            with pytest.raises(ValueError, match=r"the condition.* failed at step .*ZeroDivisionError"):
                move()
            assert s.position == 1


# -------------------- how it looks --------------------


def test_dashboard(graph):
    with step(graph["L"]) as s:
        assert repr(s).startswith("at the start of 7 steps: next comes ∂L/∂L\n")
        assert repr(s.goto(6)).splitlines() == [
            "step 6 of 7: ∂L/∂a += ∂L/∂e * ∂e/∂a = 1 * b = 1 * (-3) = -3, so 10 + (-3) = 7",
            "",
            "                    data    grad  ∂parent/∂node",
            "  L = e + v1     14.0000  1.0000",
            "  ├─ e = a * b   -6.0000  1.0000  1",
            "► │  ├─ a         2.0000  7.0000  b = -3.0000",
            "  │  └─ b        -3.0000       –  a = 2.0000",
            "  └─ v1 = c * a  20.0000  1.0000  1",
            "     ├─ c        10.0000  2.0000  a = 2.0000",
            "     └─ a ↑                       c = 10.0000",
        ]


def test_dashboard_of_a_large_graph_shows_the_node_it_is_at():
    output = MLP(40, [8, 1], seed=1)([0.1] * 40)
    with step(output) as s:
        lines = repr(s.run_to("w1[20→3]")).splitlines()
        assert len(lines) <= 18
        assert next(line for line in lines if line.startswith("►")).split()[2] == "w1[20→3]"
        assert lines[-1] == "… and 69 more operands"


def test_picture_marks_the_active_edge_by_colour_and_width(graph):
    with step(graph["L"]) as s:
        bundle = s.goto(6)._repr_mimebundle_()
        assert {"text/html", "text/plain"} == set(bundle)
        assert "step 6 of 7" in bundle["text/html"]
        marked = [line for line in s.draw().dot.splitlines() if "penwidth=3 " in f"{line} ".replace("]", " ")]
        assert len(marked) == 2  # the edge and the box that it comes from
        assert all("#b84f00" in line for line in marked)
        assert sum("->" in line for line in marked) == 1
        assert 'stroke-width="3"' in s.draw().svg
        assert "penwidth" not in s.goto(0).draw().dot


def test_picture_marks_an_edge_that_a_neuron_hides():
    output = MLP(2, [3, 1], seed=1)([1.0, 2.0])
    with step(output) as s:
        s.run_to("w1[1→2]")
        assert s.draw(depth="neuron").dot.count("penwidth=3") == 1
        assert s.draw(depth="value").dot.count("penwidth=3") == 2


def test_where_there_can_be_no_picture_there_is_text(graph, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("no Graphviz")

    monkeypatch.setattr("micrograd_like.pictures.layout.graphviz", fail)
    with step(graph["L"]) as s:
        assert s._repr_mimebundle_() == {"text/plain": repr(s)}


def test_a_large_graph_is_shown_as_text():
    y = Value(1.0)
    for _ in range(2000):
        y = y + 1.0
    with step(y) as s:
        assert s._repr_mimebundle_() == {"text/plain": repr(s)}
