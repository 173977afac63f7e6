"""Drawings of computation graphs."""

import html
import re
import subprocess
from collections import Counter
from xml.etree import ElementTree

import pytest

from micrograd_like import MLP, Value, draw, named, parse
from micrograd_like.escape import one_line
from micrograd_like.notation.names import parameter
from micrograd_like.pictures import layout, scene
from micrograd_like.pictures.boxes import along

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawing):
    return ElementTree.fromstring(drawing.svg)


def groups(drawing, kind):
    return [g for g in parsed(drawing).iter(f"{SVG}g") if g.get("class") == kind]


def texts(element):
    return ["".join(t.itertext()) for t in element.iter(f"{SVG}text")]


def nodes_of(drawing):
    return [item for item in drawing.pictures[0].items if isinstance(item, scene.Node) and item.kind != "operation"]


@pytest.fixture
def neuron():
    x1, x2 = named(x1=2.0, x2=0.0)
    w1, w2, b = parameter(-3.0, "w1"), parameter(1.0, "w2"), parameter(6.8813735870195432, "b")
    n = x1 * w1 + x2 * w2 + b
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    return o


def test_every_value_and_operation_and_edge_is_drawn(neuron):
    drawing = draw(neuron)
    assert len(groups(drawing, "node")) == 10 + 5  # values and operations
    assert len(groups(drawing, "edge")) == 9 + 5


def test_data_stands_above_gradient(neuron):
    neuron.backward()
    box = next(g for g in groups(draw(neuron), "node") if "x1" in texts(g))
    height = {"".join(t.itertext()): float(t.get("y")) for t in box.iter(f"{SVG}text")}
    assert height["2"] < height["-1.5"]  # y grows downwards


def test_gradient_is_a_dash_until_backward_reached_it(neuron):
    assert texts(parsed(draw(neuron))).count("–") == 10
    neuron.backward()
    assert texts(parsed(draw(neuron))).count("–") == 0
    assert texts(parsed(draw(neuron))).count("0") == 4  # x2, v2, w2's gradient, and the derivative of v2 by w2


def test_edges_carry_local_derivatives(neuron):
    shown = Counter(text for g in groups(draw(neuron), "edge") for text in texts(g))
    assert shown == {"1": 5, "-3": 1, "2": 1, "0": 1, "0.5": 1}
    tips = [g.find(f"{SVG}title").text for g in groups(draw(neuron), "edge")]
    assert "∂o/∂n = 1 - o**2 = 0.5" in tips


def test_parallel_edges_are_two():
    (a,) = named(a=3.0)
    assert len(groups(draw(a + a), "edge")) == 2 + 1
    assert len(groups(draw(a * a), "edge")) == 2 + 1


def test_kinds_of_nodes_differ_by_outline(neuron):
    drawing = draw(neuron * 2)
    outlines = {item.name: [m for m in item.marks if isinstance(m, scene.Path)] for item in nodes_of(drawing)}
    assert outlines["x1"][0].curve
    assert len(outlines["w1"][0].points) == 8
    assert len(outlines["n"][0].points) == 4
    assert outlines[""] == []  # the constant 2
    assert len(outlines["v4"]) == 2  # the output


def test_constants_show_neither_gradient_nor_derivative():
    (a,) = named(a=3.0)
    y = a * 2
    y.backward()
    constant = next(g for g in groups(draw(y), "node") if texts(g) == ["2"])
    assert "grad" not in constant.find(f"{SVG}title").text
    assert Counter(text for g in groups(draw(y), "edge") for text in texts(g)) == {"2": 1}


def test_same_graph_gives_the_same_bytes():
    def build():
        a, b = named(a=2.0, b=-3.0)
        c = (a * b + a).tanh()
        c.backward()
        return draw(c)

    one, other = build(), build()
    assert one.dot == other.dot
    assert one.svg == other.svg


def test_svg_is_accessible(neuron):
    neuron.backward()
    root = parsed(draw(neuron))
    title, description = root[0], root[1]
    assert (root.get("role"), title.tag, description.tag) == ("img", f"{SVG}title", f"{SVG}desc")
    assert root.get("aria-label") == title.text == "Computation graph of o: 10 nodes"
    assert "o = tanh(n), data 0.7071, grad 1, operation tanh" in description.text


@pytest.mark.parametrize("kind", ["graph", "network"])
def test_pictures_in_one_page_share_nothing(neuron, kind):
    things = [neuron, neuron * 2] if kind == "graph" else [MLP(2, [2, 1], seed=s) for s in (1, 2)]
    roots = [parsed(draw(thing)) for thing in things]
    assert not [e for root in roots for e in root.iter() if e.get("id")]
    one, other = (set(root.get("class").split()) - {"micrograd-like"} for root in roots)
    assert one != other
    style = roots[0].find(f"{SVG}style").text
    for selector in re.findall(r"([^{}]+)\{[^{}]*\}", style):
        assert f".{min(one)}" in selector, selector


def test_colors_do_not_depend_on_capitals(neuron):
    classes = set(re.findall(r'class="([^"]+)"', draw(neuron).svg))
    assert all(c == c.lower() for c in classes)  # a page without a doctype does not tell .d from .D


def test_themes(neuron):
    auto, light, dark = (draw(neuron, theme=theme).svg for theme in ("auto", "light", "dark"))
    assert "prefers-color-scheme:dark" in auto
    assert ":root" in auto  # only of a file of its own: pasted into a white page it stays light
    assert "prefers" not in light + dark
    assert scene.THEMES["light"]["data"] in light
    assert scene.THEMES["dark"]["data"] in dark
    assert scene.THEMES["light"]["data"] not in dark
    ground = '<path class="oo" d="M0 0h'
    assert ground in dark
    assert ground not in draw(neuron, theme="dark", transparent=True).svg
    with pytest.raises(ValueError, match="unknown theme 'blue'; choose from auto, light, dark, print"):
        draw(neuron, theme="blue")


@pytest.mark.parametrize(("theme", "ground"), [("light", "ground"), ("dark", "ground"), ("print", "ground")])
def test_colors_are_readable(theme, ground):
    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    colors = scene.THEMES[theme]
    for name, color in colors.items():
        if name != ground:
            light, dark = sorted((luminance(color), luminance(colors[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, name


NASTY = [
    "<b>&amp;",
    "a|b{c}",
    "q\"uo'te",
    "line\nbreak",
    "\\N \\l \\",
    "😀",
    "</svg><script>alert(1)</script>",
    "]]>",
    "\x00\x1b",
]


@pytest.mark.parametrize("label", NASTY)
def test_labels_come_out_as_text(label):
    v = Value(1.0, label)
    drawing = draw(v + 1)
    shown = one_line(label)
    leaf = next(g for g in groups(drawing, "node") if "–" in texts(g))
    assert texts(leaf)[0] == shown
    assert shown.replace("\\", "\\\\").replace('"', '\\"') in drawing.dot
    assert not list(parsed(drawing).iter(f"{SVG}script"))
    assert any(g.find(f"{SVG}title").text.startswith(shown) for g in groups(drawing, "node"))
    page = drawing._repr_mimebundle_()["text/html"]
    assert "<script" not in page
    assert html.escape(shown) in page


def test_long_labels_are_cut_in_the_box_and_whole_in_the_tooltip():
    drawing = draw(Value(1.0, "x" * 100))
    assert any(text == "x" * 39 + "…" for text in texts(parsed(drawing)))
    assert "x" * 100 in groups(drawing, "node")[0].find(f"{SVG}title").text


def test_a_label_of_a_million_characters_is_drawn():
    drawing = draw(Value(1.0, "x" * 1_000_000) + 1)
    assert drawing.pictures[0].width < 600
    assert len(drawing.text) < 1_000


def test_options(neuron):
    neuron.backward()
    assert "rankdir=TB" in draw(neuron, rankdir="TB").dot
    assert "0.71" in texts(parsed(draw(neuron, precision=2)))
    assert "0.7071" not in texts(parsed(draw(neuron, data=False)))
    assert "-1.5" not in texts(parsed(draw(neuron, grad=False)))
    assert not [text for g in groups(draw(neuron, local=False), "edge") for text in texts(g)]
    for wrong in ({"rankdir": "up"}, {"depth": "some"}, {"radius": -1, "around": "n"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            draw(neuron, **wrong)
    with pytest.raises(TypeError, match="write draw"):
        draw(3.0)


def test_undefined_derivative_is_said():
    assert "undefined" in texts(parsed(draw(Value(0.0).sqrt())))


def test_larger_graphs_are_drawn_by_neuron():
    drawing = draw(MLP(2, [16, 16, 1], seed=1)([1.0, 2.0]))
    assert drawing.title.endswith("404 nodes, drawn as 35: one for each neuron")
    shown = [g for g in groups(drawing, "node") if "ReLU" in texts(g)]
    assert len(shown) == 32
    assert len(groups(drawing, "edge")) == 2 * 16 + 16 * 16 + 16 + 33  # connections, and an arrow in each neuron


@pytest.fixture
def batch():
    model = MLP(2, [4, 1], activation="tanh", seed=1)
    loss = Value(0.0, "start")
    for i in range(4):
        loss = loss + (model([float(i), 1.0]) - 1) ** 2
    loss.label = "L"
    loss.backward()
    return loss


@pytest.mark.parametrize(("depth", "boxes"), [("value", 82), ("neuron", 49), ("layer", 37), ("sample", 7)])
def test_depths(batch, depth, boxes):
    drawing = draw(batch, depth=depth)
    assert len(nodes_of(drawing)) == boxes
    names = {item.name for item in nodes_of(drawing)}
    if depth != "value":
        expected = {"neuron": "neuron 4 of layer 1, sample 3", "layer": "layer 1, sample 3", "sample": "sample 3"}
        assert expected[depth] in names


def test_a_group_shows_what_comes_out_of_it(batch):
    sample = next(item for item in nodes_of(draw(batch, depth="sample")) if item.name == "sample 2")
    out = batch.operands[0].operands[0].operands[1]  # the second of the four squares
    assert sample.numbers == (f"{out.data:.4f}", "1")


def test_frames_stand_around_their_neurons_only():
    picture = draw(MLP(2, [3, 1], activation="tanh", seed=1)([1.0, 2.0]), depth="value").pictures[0]
    places = {item.key: (item.x, item.y) for item in picture.items if isinstance(item, scene.Node)}
    bare = [item for item in picture.items if type(item) is scene.Item]
    frames = [scene.bounds(item.marks) for item in bare if len(item.marks) == 1]
    headings = [(m.text, m.x, m.y) for item in bare for m in item.marks if isinstance(m, scene.Text)]
    assert sorted(name for name, *_ in headings) == [
        "neuron 1 of layer 1",
        "neuron 1 of layer 2",
        "neuron 2 of layer 1",
        "neuron 3 of layer 1",
    ]
    for left, top, right, bottom in frames:
        inside = [key for key, (x, y) in places.items() if left < x < right and top < y < bottom]
        assert len([key for key in inside if not key.endswith("op")]) == 5
        assert len([name for name, x, y in headings if left < x < right and top < y < bottom]) == 1
    drawn = [type(item) for item in picture.items if type(item) is scene.Edge or len(item.marks) == 2]
    assert drawn.index(scene.Item) > drawn.index(scene.Edge)  # a heading covers the edges that cross it


def test_around_a_node(batch):
    order = batch.operands[0]
    drawing = draw(batch, around=order, radius=1, depth="value")
    assert len(nodes_of(drawing)) == 4  # itself, its two operands, and what it is used for
    assert "82 nodes, of which 4 are drawn" in drawing.title
    with pytest.raises(ValueError, match="no node is named 'M'"):
        draw(batch, around="M")


def test_a_long_chain_is_broken_into_lines():
    (v,) = named(x=0.5)
    for _ in range(30):
        v = (v * 1.1).tanh()
    picture = draw(v).pictures[0]
    assert picture.width < 1300
    assert picture.width / picture.height < 6
    places = [scene.bounds(item.marks) for item in picture.items if isinstance(item, scene.Node)]
    for i, (a, b, c, d) in enumerate(places):
        for e, f, g, h in places[i + 1 :]:
            assert a >= g or e >= c or b >= h or f >= d  # they do not overlap


def test_too_many_nodes_are_refused():
    v = Value(1.0)
    for _ in range(6000):
        v = v + 1e-9 * v
    with pytest.raises(ValueError, match=r"18,001 nodes, over its limit of 5,000.*limit="):
        draw(v)
    with pytest.raises(ValueError, match="limit of 2"):
        draw(Value(1.0) + 1, limit=2)


def test_what_would_take_minutes_is_refused_at_once():
    model = MLP(2, [60, 60, 1], seed=1)
    with pytest.raises(ValueError, match=r"4,144 nodes, and edges that take minutes to lay out.*depth='sample'"):
        draw(model([1.0, 2.0]), depth="value")
    assert len(nodes_of(draw(model([1.0, 2.0])))) < 10  # which is what it does unless it is told how


# -------------------- files --------------------


def test_save_by_ending(neuron, tmp_path):
    drawing = draw(neuron)
    assert drawing.save(tmp_path / "g.SVG").read_text() == drawing.svg
    assert drawing.save(tmp_path / "g.dot").read_text() == drawing.dot
    assert drawing.save(str(tmp_path / "g.png")).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(ValueError, match=r"end the name in .svg, .png, .pdf, .tex or .dot"):
        drawing.save(tmp_path / "g.jpeg2000")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.SVG", "g.dot", "g.png"]


def test_save_is_whole_or_not_at_all(neuron, tmp_path, monkeypatch):
    path = tmp_path / "g.dot"
    path.write_text("precious")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr("os.fsync", full)
        with pytest.raises(OSError, match=r"cannot write it: No space left.*g\.dot"):
            draw(neuron).save(path)
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["g.dot"]
    with pytest.raises(FileNotFoundError, match=r"missing.g\.dot"):
        draw(neuron).save(tmp_path / "missing" / "g.dot")


# -------------------- Graphviz --------------------


def test_bundled_graphviz_is_used_without_dot_on_the_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "graphviz-pure" in layout.command()[0]
    assert b"<svg" in layout.graphviz("digraph { a }", "svg")


def test_without_the_bundled_graphviz_the_systems_is_used_or_none(monkeypatch, neuron, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(layout.sysconfig, "get_path", lambda _: "/nowhere")
    monkeypatch.setattr(layout, "files", lambda _: None)
    monkeypatch.setattr(layout.subprocess, "run", None)
    assert layout.command() == []
    drawing = draw(neuron)
    assert drawing.svg.startswith("<svg")
    assert drawing.save(tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")  # by matplotlib
    system = tmp_path / "dot"
    system.write_text("#!/bin/sh\nexit 3\n")
    system.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert layout.command() == [str(system)]


def test_failure_and_time_limit_are_said(monkeypatch):
    with pytest.raises(RuntimeError, match=r"could not draw this: .*syntax error"):
        layout.graphviz("digraph {", "svg")

    def slow(*_, timeout, **__):
        raise subprocess.TimeoutExpired("dot", timeout)

    monkeypatch.setattr(layout.subprocess, "run", slow)
    with pytest.raises(RuntimeError, match="more than 60 s"):
        layout.graphviz("digraph {}", "svg")


def test_the_dot_source_can_be_drawn_by_graphviz(batch):
    root = ElementTree.fromstring(layout.graphviz(draw(batch, depth="value").dot, "svg"))
    nodes = [g for g in root.iter(f"{SVG}g") if g.get("class") == "node"]
    assert len(nodes) == 82


# -------------------- what is right, and readable --------------------


@pytest.mark.parametrize(
    "formula", ["x/w", "w/x", "x - w", "x**w", "(a - b)/(b + a)", "L = (a - b/a)*(b - a/b)", "a - (b - (a - b))"]
)
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_operands_stand_in_their_order_or_are_numbered(formula, rankdir):
    root = parse(formula, **{name: 2.0 + k for k, name in enumerate(sorted(set("xwab") & set(formula)))})
    picture = draw(root, rankdir=rankdir).pictures[0]
    arrivals = {}
    marked = {item.key.removesuffix("op") for item in picture.items if getattr(item, "name", "") in ("−", "/", "xʸ")}
    for edge in (item for item in picture.items if isinstance(item, scene.Edge) and item.kind == "edge"):
        if edge.head not in marked:
            continue
        curve = next(m for m in edge.marks if isinstance(m, scene.Path) and m.curve)
        numbered = [m.text for m in edge.marks if isinstance(m, scene.Text) and m.text in ("1st", "2nd")]
        arrivals.setdefault(edge.head, []).append((along(curve.points)[-5][rankdir == "LR"], numbered))
    assert arrivals
    for (first, number), (second, other) in arrivals.values():
        assert first <= second or (number, other) == (["1st"], ["2nd"])


def test_wrong_gradients_say_so(neuron):
    from micrograd_like.teaching import backprop_with

    neuron.backward()
    drawing = backprop_with(neuron, "overwrite").draw()
    assert not [t for t in texts(parsed(drawing)) if "wrong" in t]  # this graph uses nothing twice
    a = Value(3.0, "a")
    y = a * a
    y.backward()
    shown = texts(parsed(backprop_with(y, "overwrite").draw()))
    assert [t for t in shown if t.startswith(("wrong", "right"))] == ["wrong: 3", "right: 6"]


def test_stale_numbers_say_so(neuron):
    neuron.operands[0].operands[1].data = 5.0  # b, after the forward pass
    shown = texts(parsed(draw(neuron)))
    assert [t for t in shown if "stale" in t] == ["0.8814 (stale)", "0.7071 (stale)"]


@pytest.mark.parametrize(("grad", "shown"), [(None, "–"), ("text", "text"), (float("nan"), "nan")])
def test_whatever_somebody_sets_as_gradient_is_shown(neuron, grad, shown):
    neuron.grad = grad
    assert shown in texts(parsed(draw(neuron)))


def test_blanks_hide_the_numbers_everywhere(neuron):
    neuron.backward()
    drawing = draw(neuron, blank=["o", "n"])
    assert "0.7071" not in drawing.svg + drawing.dot + drawing._repr_mimebundle_()["text/html"] + drawing.text
    assert (
        len([m for item in nodes_of(drawing) if item.name in "on" for m in item.marks if isinstance(m, scene.Path)])
        == 7
    )
    with pytest.raises(ValueError, match="no node is named 'L'"):
        draw(neuron, blank=["L"])


# Widths of Helvetica from Adobe's metrics, by which browsers and PDF readers set Arial and Liberation Sans too.
def test_text_takes_the_room_that_it_needs():
    assert scene.text_width("-0.7071", 10) == pytest.approx((333 + 5 * 556 + 278) / 100, rel=1e-9)
    assert scene.text_width("漢字", 10) == 20
    assert scene.text_width("Жюри✓", 10) > 25
    for label in ("重みの勾配", "Производная", "مجموع", "✓✓✓", "WWWWW", "x" * 60):
        item = next(i for i in nodes_of(draw(Value(1.0, label) + 1)) if i.name and i.numbers and i.kind == "input")
        left, _, right, _ = scene.bounds(m for m in item.marks if isinstance(m, scene.Path))
        name, *numbers = (m.box for m in item.marks if isinstance(m, scene.Text))
        assert left <= name[0]
        assert all(name[2] <= n[0] for n in numbers)
        assert all(n[2] <= right for n in numbers)


FORMULAS = [
    "tanh(x1*w1 + x2*w2 + b)",
    "(a + b)*(a - b)",
    "a*b + b*c + c*a",
    "((a + b) + (c + d))*e",
    "a/(1 + exp(-b))",
    "(a - b)**2 + (c - d)**2",
    "log(a)*sqrt(b) - sin(c)",
    "a*a*a",
    "e = a*b; L = (e + c)*f",
    "maximum(a, b) + minimum(a, b)",
]


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_edge_labels_stand_at_their_own_edge_and_on_nothing_else(formula, rankdir):
    names = sorted(set(re.findall(r"\b(?!e\b\s*=)[a-z]\d?\b", formula)) - {"L"} - set(re.findall(r"(\w+) =", formula)))
    root = parse(formula, **{name: 0.3 + 0.7 * k for k, name in enumerate(names, 1)})
    picture = draw(root, rankdir=rankdir).pictures[0]
    edges = [item for item in picture.items if isinstance(item, scene.Edge) and item.kind == "edge"]
    curves = {
        id(e): along(next(m for m in e.marks if isinstance(m, scene.Path) and m.curve).points, 1.0) for e in edges
    }
    boxes = [scene.bounds(item.marks) for item in picture.items if isinstance(item, scene.Node)]
    labels = [
        (e, next(m for m in e.marks if isinstance(m, scene.Text) and m.text == e.label)) for e in edges if e.label
    ]
    assert labels
    for edge, label in labels:
        left, top, right, bottom = label.box

        def gap(points, box=(left, top, right, bottom)):
            return min(max(box[0] - x, x - box[2], 0) ** 2 + max(box[1] - y, y - box[3], 0) ** 2 for x, y in points)

        own = gap(curves[id(edge)])
        others = [gap(curves[id(e)]) for e in edges if e is not edge]
        assert all(own < other for other in others), f"{label.text} stands nearer to another edge"
        for a, b, c, d in boxes:
            assert right <= a or c <= left or bottom <= b or d <= top, f"{label.text} stands on a node"
        for _, other in labels:
            if other is not label:
                a, b, c, d = other.box
                assert right <= a or c <= left or bottom <= b + 1 or d <= top + 1, "labels overlap"


def test_the_svg_is_lean():
    drawing = draw(MLP(2, [8, 8, 1], activation="tanh", seed=1)([1.0, 2.0]), depth="value")
    bare = re.sub(r"<title>.*?</title>", "", drawing.svg)
    assert len(bare.encode()) / len(groups(drawing, "node")) <= 774  # what the leanest of the peers needs


# -------------------- notebooks --------------------


def test_notebook_gets_what_survives_an_untrusted_one(neuron):
    neuron.backward()
    shown = draw(neuron)._repr_mimebundle_()
    assert set(shown) == {"text/html", "text/plain"}
    page = ElementTree.fromstring(f"<body>{shown['text/html'].replace('=4.0>', '')}</body>".replace('">', '"/>', 1))
    assert [child.tag for child in page] == ["img", "details"]
    assert page[0].get("alt") == "Computation graph of o: 10 nodes"
    assert page[0].get("src").startswith("data:image/svg+xml;base64,")
    rows = [[cell.text for cell in row] for row in page[1].iter("tr")]
    assert rows[0] == ["node", "data", "grad", "operation"]
    assert rows[-1] == ["o = tanh(n)", "0.7071", "1", "tanh"]
    assert "└─" in shown["text/plain"]


def test_what_is_left_out_is_nowhere_in_the_picture():
    root = parse("u = 123*a; L = u*b", a=457, b=13)
    root.backward()
    drawing = draw(root, data=False, grad=False, local=False)
    assert drawing.svg == draw(parse("u = 123*a; L = u*b", a=-2, b=4), data=False, grad=False, local=False).svg
    assert "123" in drawing.svg  # a constant is part of the formula
    assert "457" not in drawing.svg
    assert "457" in draw(root, grad=False, local=False).svg
