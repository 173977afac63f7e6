"""The explanation says what a person would, its numbers are those of backward(), and each form of it is sound."""

import base64
import re
from fractions import Fraction
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from micrograd_like import MLP, Value, named, parse
from micrograd_like.cli import main
from micrograd_like.engine import topological_order
from micrograd_like.graph.steps import paths
from micrograd_like.notation.numbers import show
from micrograd_like.teaching import explain, tabulate
from tests.formulas import assert_renders, in_markdown
from tests.graphs import programs

TEXT = """\
The gradients of L
==================

Forward pass
------------

    node  rule   with numbers  data
    a     input                2
    b     input                -3
    e     a * b  2 * (-3)      -6
    d     e + a  -6 + 2        -4
    f     input                -2
    L     d * f  -4 * (-2)     8

Backward pass
-------------

Each contribution is upstream gradient times local derivative; a gradient is the sum of its contributions.

    ∂L/∂L = 1
    ∂L/∂d = f = -2
    ∂L/∂f = d = -4
    ∂L/∂e = ∂L/∂d * ∂d/∂e = -2 * 1 = -2

a is used 2 times, in d and e; its contributions add up.

    ∂L/∂a = ∂L/∂d * ∂d/∂a + ∂L/∂e * ∂e/∂a
    ∂L/∂d * ∂d/∂a = -2 * 1 = -2
    ∂L/∂e * ∂e/∂a = -2 * b = -2 * (-3) = 6
    ∂L/∂a = -2 + 6 = 4

    ∂L/∂b = ∂L/∂e * ∂e/∂b = -2 * a = -2 * 2 = -4

Gradients
---------

    node  data  grad
    a     2     4
    b     -3    -4
    f     -2    -4"""


def example():
    root = parse("e = a*b; d = e + a; d*f", a=2, b=-3, f=-2)
    root.label = "L"
    return root


def test_text():
    assert str(explain(example())) == TEXT
    assert repr(explain(example())) == TEXT  # what a terminal shows


def test_the_graph_is_left_as_it_was():
    root = example()
    explain(root)
    assert all(repr(v.grad) == "0.0" for v in topological_order(root))


def test_of_one_leaf_leaves_the_rest_out():
    written = str(explain(example(), "b"))
    assert "How ∂L/∂b is found" in written
    assert "∂L/∂b = ∂L/∂e * ∂e/∂b = -2 * a = -2 * 2 = -4" in written
    assert "∂L/∂f" not in written
    assert "∂L/∂a" not in written
    assert "paths" not in written  # there is one only
    assert written.endswith("    node  data  grad\n    b     -3    -4")


def test_of_a_node_that_is_no_leaf_takes_it_as_given():
    root = example()
    for of in ("e", root.operands[0].operands[0]):
        written = str(explain(root, of))
        assert re.search(r"^    e +given +-6$", written, re.MULTILINE)
        assert "∂L/∂e = ∂L/∂d * ∂d/∂e = -2 * 1 = -2" in written
        assert "∂L/∂b" not in written


def test_of_the_output_itself():
    assert "∂L/∂L = 1" in str(explain(example(), "L"))


def test_paths_add_up_to_the_gradient():
    written = str(explain(example(), "a"))
    assert "From a to L there are 2 paths, each with the product of the local derivatives along it." in written
    assert "L <- d <- e <- a  -2 * 1 * (-3)" in written
    assert "∂L/∂a = 6 + (-2) = 4" in written


def test_many_paths_are_counted_and_not_listed():
    v = Value(1.0, "a")
    for _ in range(50):
        v = v + v
    assert f"From a to v50 there are {2**50:,} paths; the contributions above" in str(explain(v, "a", summary=False))
    assert f"{2**50 - 6:,} others" in str(explain(v, "a"))


def test_operand_used_twice_by_one_node_is_told_apart_by_its_formula():
    (a,) = named(a=3.0)
    square = a * a
    square.label = "s"
    root = square * 2
    root.label = "L"
    written = str(explain(root))
    assert "a is used 2 times, in s; its contributions add up." in written
    assert "∂L/∂a = ∂L/∂s * a + ∂L/∂s * a\n" in written
    assert written.count("∂L/∂s * a = 2 * a = 2 * 3 = 6") == 1
    assert "∂L/∂a = 6 + 6 = 12" in written


def test_numbers_are_put_into_the_local_derivative():
    root = parse("n = x*w; o = tanh(n); o*2", x=0.5, w=-1)
    assert "2 * (1 - o**2) = 2 * (1 - (-0.4621)**2) = 2 * 0.7864 = 1.5729" in str(explain(root))


def test_long_sums_are_shortened_in_the_middle():
    (a,) = named(a=1.0)
    terms = [a * k for k in range(1, 31)]
    written = str(explain(sum(terms[1:], terms[0])))
    assert "a is used 30 times" in written
    assert "= 30 + 29 + 28 + 27 + 26 + 25 + … + 1 = 465" in written
    assert max(map(len, written.splitlines())) < 200


def test_fractions_stay_exact():
    a, b = named(a=Fraction(1, 3), b=Fraction(-2, 5))
    root = a * b + a
    explanation = explain(root)
    assert "= 1 + (-2/5) = 3/5" in str(explanation)
    assert r"\frac{3}{5}" in explanation.markdown


def test_a_leaf_alone():
    assert "∂a/∂a = 1" in str(explain(Value(2.0, "a")))


@given(programs())
@settings(max_examples=60)
def test_gradients_are_those_of_backward(program):
    root = program.nodes()[-1]
    written = str(explain(root))
    names = {v: v.label for v in topological_order(root) if v.label}
    root.backward()
    table = {line.split()[0]: line.split()[2] for line in written.rpartition("Gradients\n")[2].splitlines()[3:]}
    assert table == {names[v]: show(v.grad) for v in names if not v.operands}


@given(programs(most_steps=4))
@settings(max_examples=8)
def test_every_form_of_random_graphs_is_sound(program):
    root = program.nodes()[-1]
    explanation = explain(root, "x0") if any(v.label == "x0" for v in topological_order(root)) else explain(root)
    assert_renders(in_markdown(explanation.markdown))
    assert_well_formed(explanation.html)


# -------------------- Markdown and HTML --------------------


def test_markdown():
    markdown = explain(example(), "b").markdown
    assert markdown.startswith(
        "# How $\\frac{\\partial L}{\\partial b}$ is found\n\n## Forward pass\n\n| node | rule |"
    )
    assert "| $e$ | $a \\cdot b$ | $2 \\cdot \\left(-3\\right)$ | $-6$ |" in markdown
    assert (
        r"$$\frac{\partial L}{\partial b} = \frac{\partial L}{\partial e} \cdot \frac{\partial e}{\partial b}"
        r" = -2 \cdot a = -2 \cdot 2 = -4$$"
    ) in markdown
    assert "begin{" not in markdown
    assert_renders(in_markdown(markdown))


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], set(), ""

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        harmless = {"src": "data:image/svg+xml;base64,"}  # all else would be fetched or run
        assert not [
            name
            for name, value in attributes
            if name.startswith("on") or (name in ("src", "href") and not value.startswith(harmless.get(name, "none")))
        ]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def assert_well_formed(page):
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    assert not reader.tags & {"script", "link", "iframe"}
    return reader.text


def test_html_is_a_page_of_its_own_without_scripts():
    page = explain(example(), "b").html
    assert page.startswith('<!doctype html>\n<html lang="en">')
    text = assert_well_formed(page)
    assert "∂L∂b=∂L∂e·∂e∂b=−2·a=−2·2=−4" in text
    assert "http" not in page


def test_labels_do_no_harm():
    evil = '<img src=x onerror="alert(1)">|$`\n#'
    a, b = Value(2.0, evil), Value(3.0, "</title><script>")
    root = a * b
    root.label = "</script>"
    for explanation in (explain(root), explain(root, a), tabulate(root)):
        text = assert_well_formed(explanation.html)
        assert "onerror" in text
        assert "<img" not in explanation.markdown
        assert "</" not in explanation.markdown.replace("< /", "")
        rows = [line for line in explanation.markdown.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows[:3]}) == 1
        assert_renders(in_markdown(explanation.markdown))
        assert "\\n" in str(explanation)


def test_notebook_shows_markdown():
    bundle = explain(example())._repr_mimebundle_()
    assert bundle == {"text/markdown": explain(example()).markdown, "text/plain": TEXT}


@pytest.mark.parametrize(("name", "start"), [("e.txt", "The gradients"), ("e.md", "# The"), ("e.html", "<!doctype")])
def test_save(name, start, tmp_path):
    path = explain(example()).save(tmp_path / name)
    assert path.read_text(encoding="utf-8").startswith(start)


def test_save_elsewhere(tmp_path):
    with pytest.raises(ValueError, match=r"end the name in \.txt, \.md or \.html"):
        explain(example()).save(tmp_path / "e.pdf")
    assert list(tmp_path.iterdir()) == []


# -------------------- what cannot be explained --------------------


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ("q", "no node with a gradient is named 'q': there are L, f, d, e, b, a"),
        ("ee", "no node with a gradient is named 'ee': there are e"),
        (Value(1.0), "this Value (data 1.0) is not a node with a gradient of this graph"),
    ],
)
def test_unknown_nodes(of, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        explain(example(), of)


def test_ambiguous_name_is_solved_by_the_node_itself():
    first, second = Value(2.0, "a"), Value(5.0, "a")
    root = first * second
    with pytest.raises(ValueError, match=r"2 nodes are named 'a' \(data 2, 5\): give each a label of its own, or pass"):
        explain(root, "a")
    assert str(explain(root, second)).endswith("    a     5     2")


def test_large_graph():
    model = MLP(4, [16, 16, 1], seed=0)
    root = model([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(
        ValueError, match="nodes are more than the 200 that are explained at once: name one leaf with `of`"
    ):
        explain(root)
    assert "b3[1]" in str(explain(root, "b3[1]"))
    assert "∂v" in str(explain(root, limit=None))
    with pytest.raises(ValueError, match="raise `limit`"):
        explain(root, "w1[1→1]", limit=20, summary=False)


@pytest.fixture
def batch():
    model = MLP(3, [4, 4, 1], activation="tanh", output="tanh", seed=1)
    rows = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    loss = Value(0.0)
    for row, target in zip(rows, (1.0, -1.0, -1.0, 1.0), strict=True):
        loss = loss + (model(row) - target) ** 2
    loss.label = "L"
    return loss


def test_why_a_gradient_of_a_batch_is_what_it_is_fits_on_a_screen(batch):
    w = next(v for v in topological_order(batch) if v.label == "w1[2→3]")
    written = str(explain(batch, w))
    assert len(written.splitlines()) <= 40
    assert len(written) < 4_000
    batch.backward()
    assert f"∂L/∂w1[2→3] = {show(w.grad)}" in written
    rows = re.findall(r"neuron 3 of layer 1, sample (\d) .* (-?[\d.e-]+)$", written, re.MULTILINE)
    assert sorted(sample for sample, _ in rows) == ["1", "2", "3", "4"]
    assert sum(float(x) for _, x in rows) == pytest.approx(w.grad, rel=1e-3)


def test_the_paths_of_a_summary_are_the_largest_and_add_up(batch):
    w = next(v for v in topological_order(batch) if v.label == "w1[2→3]")
    every = sorted(paths(batch, w), key=lambda path: -abs(path.product))
    found = explain(batch, w).paths
    assert [path.product for path in found] == pytest.approx([path.product for path in every[:6]])
    written = str(explain(batch, w))
    assert f"there are {len(every)} paths" in written
    rest = re.search(r"10 others +(-?[\d.e-]+)$", written, re.MULTILINE)[1]
    assert float(rest) == pytest.approx(sum(path.product for path in every[6:]), rel=1e-2)
    assert "L <- neuron 1 of layer 3 <- neuron 4 of layer 2 <- neuron 3 of layer 1 <- w1[2→3]" in written


def test_a_summary_can_be_asked_for_and_declined(batch):
    assert "The paths that matter" not in str(explain(batch, "w1[2→3]", summary=False))
    a, b = named(a=2.0, b=-3.0)
    small = str(explain(a * b + a, "a", summary=True))
    assert "there are 2 paths" in small
    assert "layer" not in small
    for form in (explain(batch, "w1[2→3]").markdown, explain(batch, "w1[2→3]").html):
        assert "sample 3" in form


def test_the_page_shows_the_graph(monkeypatch):
    a, b = named(a=2.0, b=-3.0)
    page = explain(a * b).html
    assert '<img alt="Computation graph of v1: 3 nodes" src="data:image/svg+xml;base64,' in page
    shown = base64.b64decode(re.search(r"base64,([^\"]+)", page)[1]).decode()
    assert shown.count(">–<") == 0  # the gradients are those of the explanation

    def fail(*_, **__):
        raise RuntimeError("no Graphviz")

    monkeypatch.setattr("micrograd_like.pictures.layout.graphviz", fail)
    assert "<img" not in explain(a * b).html


def test_equations_have_no_scroll_bars_beside_them(browser):
    page = browser.new_page(viewport={"width": 900, "height": 700})
    x, w, b = named(x=2.0, w=-3.0, b=6.5)
    page.set_content(explain((x * w + b).tanh() / x).html)
    bars = page.evaluate(
        "[...document.querySelectorAll('.equations p')].map(e => [e.scrollHeight > e.clientHeight, "
        "e.offsetWidth - e.clientWidth, getComputedStyle(e).overflowY])"
    )
    assert bars
    assert {(width, overflow) for _, width, overflow in bars} == {(0, "hidden")}
    page.close()


def test_not_a_value():
    with pytest.raises(TypeError, match=r"explain\(\) takes a Value, not 3: write explain\(loss\)"):
        explain(3)
    with pytest.raises(TypeError, match=r"write tabulate\(loss\)"):
        tabulate([Value(1.0)])


def test_infinite_derivative():
    with pytest.raises(ValueError, match="no finite derivative"):
        explain(Value(0.0, "a").sqrt())


# -------------------- the table of the pass --------------------


def test_table_of_the_pass():
    lines = str(tabulate(example())).splitlines()
    assert lines[0].split() == ["gradient", "node", "upstream", "local", "derivative", "contribution", "grad"]
    assert lines[1].split() == ["∂L/∂L", "1"]
    assert re.split("  +", lines[-1].strip()) == ["∂L/∂b", "e = a * b", "-2", "∂e/∂b = a = 2", "-4", "-4"]
    assert len(lines) == 1 + 1 + 6
    markdown = tabulate(example()).markdown
    assert r"| $\frac{\partial L}{\partial b}$ | $e = a \cdot b$ | $-2$ |" in markdown
    assert_renders(in_markdown(markdown))


def test_table_of_a_long_pass():
    v = Value(1.0)
    for _ in range(1500):
        v = v + 1
    with pytest.raises(ValueError, match=r"1,501 steps, more than 1,000: write tabulate\(v, limit=None\)"):
        tabulate(v)
    assert len(tabulate(v, limit=None).steps) == 1501


# -------------------- the command --------------------


def run(*arguments):
    try:
        return main(["explain", *arguments])
    except SystemExit as exit:
        return exit.code


def test_command(capsys, tmp_path):
    formula = ("e = a*b; L = e + a", "a=2", "b=-3")
    assert run(*formula) == 0
    assert "a is used 2 times" in capsys.readouterr().out
    assert run(*formula, "--of", "b") == 0
    assert "is used 2 times" not in capsys.readouterr().out
    assert run(*formula, "--markdown") == 0
    assert capsys.readouterr().out.startswith("# The gradients of $L$")
    assert run(*formula, "--html") == 0
    assert_well_formed(capsys.readouterr().out)
    assert run(*formula, "-o", str(tmp_path / "e.html")) == 0
    assert capsys.readouterr().out.startswith("wrote ")
    assert_well_formed((tmp_path / "e.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a*b", "a=1", "b=2", "--of", "c"), "no node with a gradient is named 'c': there are b, a"),
        (("a*b", "a=1", "b=2", "--limit", "2"), "3 nodes are more than the 2 that are explained at once"),
        (("a*b", "a=1", "b=2", "-o", "x.pdf"), "end the name in .txt, .md or .html"),
        (("a*b", "a=1", "b=2", "--html", "--markdown"), "not allowed with argument"),
        (("sqrt(a)", "a=0"), "no finite derivative"),
    ],
)
def test_mistakes_in_the_command(arguments, message, capsys):
    assert run(*arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_command_in_a_terminal_without_unicode(capsys, monkeypatch):
    monkeypatch.setattr("micrograd_like.cli.graphs.needs_ascii", lambda: True)
    assert run("a*a", "a=3") == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert "dv1/da = 3 + 3 = 6" in out
