"""Drawings of computation graphs."""

import html
import re
import subprocess
from collections import Counter
from xml.etree import ElementTree

import pytest

from micrograd_like import MLP, Value, draw, named, ops, parse
from micrograd_like.pictures import render

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawing):
    return ElementTree.fromstring(drawing.svg)


def groups(drawing, kind):
    return [g for g in parsed(drawing).iter(f"{SVG}g") if g.get("class") == kind]


def texts(element):
    return ["".join(t.itertext()) for t in element.iter(f"{SVG}text")]


@pytest.fixture
def neuron():
    x1, x2, w1, w2, b = named(x1=2.0, x2=0.0, w1=-3.0, w2=1.0, b=6.8813735870195432)
    for p in (w1, w2, b):
        p.op = ops.PARAMETER
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
    assert height["2.0000"] < height["-1.5000"]  # y grows downwards


def test_gradient_is_a_dash_until_backward_reached_it(neuron):
    assert texts(parsed(draw(neuron))).count("–") == 10
    neuron.backward()
    assert texts(parsed(draw(neuron))).count("–") == 0
    assert texts(parsed(draw(neuron))).count("0.0000") == 4  # x2, v2, w2's gradient, and the derivative of v2 by w2


def test_edges_carry_local_derivatives(neuron):
    shown = Counter(text for g in groups(draw(neuron), "edge") for text in texts(g))
    assert shown == {"1": 4, "-3.0000": 1, "2.0000": 1, "1.0000": 1, "0.0000": 1, "0.5000": 1}
    tips = [g.find(f"{SVG}title").text for g in groups(draw(neuron), "edge")]
    assert "∂o/∂n = 1 - o**2 = 0.5000" in tips


def test_parallel_edges_are_two():
    (a,) = named(a=3.0)
    assert len(groups(draw(a + a), "edge")) == 2 + 1
    assert len(groups(draw(a * a), "edge")) == 2 + 1


def test_kinds_of_nodes_differ_by_outline(neuron):
    dot = draw(neuron * 2).dot

    def outline(label):
        return re.search(rf"<b>{label}</b>.*?\n", dot)[0]

    assert "style=rounded" in outline("x1")
    assert "style=diagonals" in outline("w1")
    assert "style" not in outline("n")
    assert dot.count("shape=plain") == 1  # the constant 2
    assert dot.count("peripheries=2") == 1  # the output


def test_constants_show_neither_gradient_nor_derivative():
    (a,) = named(a=3.0)
    y = a * 2
    y.backward()
    constant = next(g for g in groups(draw(y), "node") if texts(g) == ["2"])
    assert "grad" not in constant.find(f"{SVG}title").text
    assert Counter(text for g in groups(draw(y), "edge") for text in texts(g)) == {"2.0000": 1}


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
    root = parsed(draw(neuron))
    title, description = root[0], root[1]
    assert (root.get("role"), title.tag, description.tag) == ("img", f"{SVG}title", f"{SVG}desc")
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text == "Computation graph of o: 10 nodes"
    assert "o = tanh(n), 0.7071" in description.text
    assert "prefers-color-scheme: dark" in draw(neuron).svg
    used = set(re.findall(r'(?:fill|stroke)="(#\w+)"', draw(neuron).svg))
    assert used <= set(render._DARK)  # every colour has a counterpart in the dark


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
    shown = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in label)
    leaf = next(g for g in groups(drawing, "node") if "–" in texts(g))
    assert "".join(texts(leaf)).startswith(shown.replace("\n", ""))
    assert not list(parsed(drawing).iter(f"{SVG}script"))
    assert any(g.find(f"{SVG}title").text.startswith(shown) for g in groups(drawing, "node"))
    page = drawing._repr_mimebundle_()["text/html"]
    assert "<script" not in page
    assert html.escape(shown) in page


def test_long_labels_are_cut_in_the_box_and_whole_in_the_tooltip():
    drawing = draw(Value(1.0, "x" * 100))
    assert any(text == "x" * 39 + "…" for text in texts(parsed(drawing)))
    assert "x" * 100 in groups(drawing, "node")[0].find(f"{SVG}title").text


def test_options(neuron):
    neuron.backward()
    assert "rankdir=TB" in draw(neuron, rankdir="TB").dot
    assert "0.71" in texts(parsed(draw(neuron, precision=2)))
    assert "0.7071" not in texts(parsed(draw(neuron, data=False)))
    assert "-1.5000" not in texts(parsed(draw(neuron, grad=False)))
    assert not [text for g in groups(draw(neuron, local=False), "edge") for text in texts(g)]
    for wrong in ({"rankdir": "up"}, {"detail": "some"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            draw(neuron, **wrong)
    with pytest.raises(TypeError, match="write draw"):
        draw(3.0)


def test_undefined_derivative_is_said():
    assert "undefined" in texts(parsed(draw(Value(0.0).sqrt())))


def test_larger_graphs_are_drawn_by_neuron():
    out = MLP(2, [16, 16, 1], seed=1)([1.0, 2.0])
    drawing = draw(out)
    assert "369 are drawn within their neurons" in drawing.title
    nodes = groups(drawing, "node")
    assert len(nodes) == (2 + 16 + 16 + 1) + (16 + 16 + 1)
    assert sum("ReLU(dot)" in texts(g) for g in nodes) == 32
    assert len(groups(drawing, "edge")) == 33 + 2 * 16 + 16 * 16 + 16
    assert len(groups(draw(out, detail="full"), "edge")) > 600


def test_too_many_nodes_are_refused():
    v = Value(1.0)
    for _ in range(6000):
        v = v + 1e-9 * v
    with pytest.raises(ValueError, match=r"18,001 nodes, over its limit of 5,000.*limit="):
        draw(v)
    with pytest.raises(ValueError, match="limit of 2"):
        draw(Value(1.0) + 1, limit=2)


# -------------------- files --------------------


def test_save_by_ending(neuron, tmp_path):
    drawing = draw(neuron)
    assert drawing.save(tmp_path / "g.SVG").read_text() == drawing.svg
    assert drawing.save(tmp_path / "g.dot").read_text() == drawing.dot
    assert drawing.save(str(tmp_path / "g.png")).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(ValueError, match=r"end the name in .svg, .png or .dot"):
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


# -------------------- the renderer --------------------


@pytest.fixture
def no_cache():
    render._graphviz.cache_clear()
    yield
    render._graphviz.cache_clear()


def test_bundled_renderer_is_used_without_dot_on_the_path(monkeypatch, no_cache):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "graphviz-pure" in render._graphviz()[0]
    assert b"<svg" in render.render("digraph { a }", "svg")


def test_without_any_renderer_the_source_is_still_there(monkeypatch, no_cache, neuron, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(render.sysconfig, "get_path", lambda _: "/nowhere")
    monkeypatch.setattr(render, "files", lambda _: None)
    with pytest.raises(RuntimeError, match="pip install graphviz-pure"):
        draw(neuron).save(tmp_path / "g.svg")
    assert draw(neuron).save(tmp_path / "g.dot").read_text().startswith("digraph")
    system = tmp_path / "dot"
    system.write_text("#!/bin/sh\nexit 3\n")
    system.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    render._graphviz.cache_clear()
    assert render._graphviz() == (str(system),)


def test_failure_and_time_limit_are_said(monkeypatch):
    with pytest.raises(RuntimeError, match=r"could not draw this: .*syntax error"):
        render.render("digraph {", "svg")

    def slow(*_, timeout, **__):
        raise subprocess.TimeoutExpired("dot", timeout)

    monkeypatch.setattr(render.subprocess, "run", slow)
    with pytest.raises(RuntimeError, match="more than 60 s"):
        render.render("digraph {}", "svg")


# -------------------- notebooks --------------------


def test_notebook_gets_what_survives_an_untrusted_one(neuron):
    neuron.backward()
    shown = draw(neuron)._repr_mimebundle_()
    assert set(shown) == {"text/html", "image/svg+xml", "text/plain"}
    page = ElementTree.fromstring(f"<body>{shown['text/html'].replace('=4.0>', '')}</body>".replace('">', '"/>', 1))
    assert [child.tag for child in page] == ["img", "details"]
    assert page[0].get("alt") == "Computation graph of o: 10 nodes"
    assert page[0].get("src").startswith("data:image/svg+xml;base64,")
    rows = [[cell.text for cell in row] for row in page[1].iter("tr")]
    assert rows[0] == ["node", "data", "grad", "operation"]
    assert rows[-1] == ["o = tanh(n)", "0.7071", "1.0000", "tanh"]
    assert "└─" in shown["text/plain"]


def test_what_is_left_out_is_nowhere_in_the_picture():
    root = parse("u = 123*a; L = u*b", a=457, b=13)
    root.backward()
    drawing = draw(root, data=False, grad=False, local=False)
    assert drawing.svg == draw(parse("u = 123*a; L = u*b", a=-2, b=4), data=False, grad=False, local=False).svg
    assert "123" in drawing.svg  # a constant is part of the formula
    assert "457" not in drawing.svg
    assert "457" in draw(root, grad=False, local=False).svg
