"""The page of a graph: what it holds, and in a browser, offline, that one can step, change, predict, and go wrong."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from fractions import Fraction
from html.parser import HTMLParser

import pytest

from micrograd_like import Value, named, page, parse, step
from micrograd_like.cli import main
from micrograd_like.compiler import CompilerError
from micrograd_like.graph.sources import record_sources
from micrograd_like.graph.steps import backward_steps
from micrograd_like.nn import MLP
from micrograd_like.notation.numbers import show
from micrograd_like.ops import Operation
from micrograd_like.pages.document import document
from micrograd_like.teaching.grading.comparison import gradients as right_gradients
from micrograd_like.teaching.grading.lines import lines_of
from micrograd_like.teaching.grading.mistakes import find

from ..conftest import inaccessible
from ..test_rows import forget


def lecture():
    return parse("e = a*b; d = e + c; L = d*f", a=2, b=-3, c=10, f=-2)


def neuron():
    return parse("n = x1*w1 + x2*w2 + b; o = tanh(n)", x1=2, x2=0, w1=-3, w2=1, b=6.8813735870195432)


def network():
    model = MLP(2, [3, 1], seed=1)
    loss = (model([Value(0.5, "x1"), Value(-1.0, "x2")]) - 1) ** 2
    loss.label = "L"
    return loss


@pytest.fixture
def show_page(open_page, tmp_path):
    """Return a function that opens the page of a graph."""

    def show_page(root, fragment="", viewport=None, **options):
        size = viewport or {"width": 1280, "height": 800}
        return open_page(page(root, **options).save(tmp_path / "L.html"), fragment, viewport=size)

    return show_page


def said(shown):
    return shown.locator("#said").inner_text()


def numbers_in(shown, name):
    """Return what stands in the box of a node: its data, and its gradient."""
    box = shown.locator(".view:not([hidden]) [data-chosen]").filter(
        has=shown.locator("text", has_text=re.compile(f"^{re.escape(name)}$"))
    )
    return [t.replace("−", "-") for t in box.locator("text").all_text_contents()[1:]]


# -------------------- the document --------------------


class Parts(HTMLParser):
    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts = [], {}
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, text):
        self.texts.setdefault(self.tags[-1][0] if self.tags else "", []).append(text)


def test_the_policy_allows_what_is_there_and_nothing_else():
    html = page(neuron()).html
    parts = Parts(html)
    policy = next(x["content"] for tag, x in parts.tags if x.get("http-equiv") == "Content-Security-Policy")
    hashes = re.findall(r"'sha256-([^']+)'", policy)
    script, style = (
        re.search(pattern, html, re.DOTALL)[1] for pattern in ("<script>(.*?)</script>", "<style>(.*?)</style>")
    )
    assert hashes == [base64.b64encode(hashlib.sha256(x.encode()).digest()).decode() for x in (style, script)]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    assert not re.search(r"\bon\w+=|javascript:|https?://|innerHTML|\beval\b|\bfetch\b|(?<!-)\bstyle=", html)
    assert {tag for tag, _ in parts.tags}.isdisjoint({"link", "iframe", "object", "img"})
    assert len(html.encode()) <= 150_000


def test_data_and_titles_are_text():
    evil = "</script><!--<script>\u2028\u2029&amp;"
    html = document(evil, "", styles=[], scripts=[], data={evil: evil})
    data = re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1]
    assert json.loads(data) == {evil: evil}
    assert not re.search("[<\u2028\u2029]", data)
    with pytest.raises(ValueError, match="cannot have '</script'"):
        document("", "", styles=[], scripts=["'</script>'"], data=None)
    with pytest.raises(ValueError, match="JSON"):
        document("", "", styles=[], scripts=[], data=float("nan"))


def test_a_page_is_saved_and_shown_in_a_notebook(tmp_path):
    made = page(lecture())
    path = made.save(str(tmp_path / "L.html"))
    assert path.read_text(encoding="utf-8") == made.html
    with pytest.raises(ValueError, match=r"'L.pdf': end the name in \.html"):
        made.save("L.pdf")
    bundle = made._repr_mimebundle_()
    (tag, frame), (image, picture) = Parts(bundle["text/html"]).tags
    assert (tag, image) == ("iframe", "img")
    assert frame["sandbox"] == "allow-scripts allow-forms"
    assert frame["srcdoc"] == made.html
    assert "Computation graph of L" in picture["alt"]
    assert (
        bundle["text/plain"] == repr(made) == "<page of L = d * f: .save('page.html') writes it, .html is its source>"
    )


def test_the_graph_stays_as_it_is_and_the_stepper_gives_its_place(tmp_path):
    loss = lecture()
    cursor = step(loss).goto(3)
    made = cursor.page()
    assert '"position":3' in made.html
    assert [v.grad for v in loss.operands] == [0.0, 0.0]


def test_what_a_page_cannot_do_is_said():
    with pytest.raises(TypeError, match=r"page\(\) takes a Value or an MLP, not 3"):
        page(3)
    with pytest.raises(TypeError, match=r"write page\(loss\)"):
        page(lecture(), [1])
    a = named(a=2.0)[0]
    b = a * 3
    a.data = 5.0
    with pytest.raises(ValueError, match="numbers were changed after the forward pass"):
        page(b)
    with pytest.raises(ValueError, match="x is inf, which a page cannot compute with"):
        page(Value(float("inf"), "x") * 1)
    with pytest.raises(ValueError, match=r"x is 10{400}, which a page cannot compute with"):
        page(Value(Fraction(10**400), "x") * 1)
    row = Operation("of_a_page", "own", lambda x: x, x="1")
    try:
        with pytest.raises(CompilerError, match=r"'of_a_page'.*add_spelling"):
            page(row(a))
    finally:
        forget(row)


def test_an_import_of_the_package_loads_no_pages():
    code = "import sys, micrograd_like; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "micrograd_like.engine" in loaded
    assert not [m for m in loaded if m.startswith(("micrograd_like.pages", "micrograd_like.compiler"))]


def test_the_command_line_writes_pages(tmp_path, capsys):
    target = tmp_path / "L.html"
    assert main(["page", "e = a*b; L = e + c", "a=2", "b=-3", "c=1/3", "-o", str(target)]) == 0
    assert capsys.readouterr().out == f"wrote {target}\n"
    assert "<title>L = e + c: step, change, predict</title>" in target.read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["page", "L = a", "a=2", "-o", str(tmp_path / "L.svg")])
    assert "end the name in .html" in capsys.readouterr().err


# -------------------- in the browser --------------------


def test_both_passes_by_keyboard_to_the_end(show_page):
    loss = lecture()
    shown = show_page(loss)
    steps = list(backward_steps(loss))
    assert numbers_in(shown, "L") == ["-8", "–"]
    for k, s in enumerate(steps, start=4):
        shown.keyboard.press("ArrowRight")
        assert f"Step {k} of {3 + len(steps)}" in said(shown)
        assert numbers_in(shown, s.operand_name)[1] == show(s.after)
        if not s.is_seed:
            assert f"the contribution {show(s.contribution).replace('-', 'minus ')}" in said(shown)
    assert shown.get_by_role("button", name="Next").is_disabled()
    shown.keyboard.press("Home")
    assert numbers_in(shown, "L") == ["–", "–"]
    assert numbers_in(shown, "a") == ["2", "–"]
    shown.keyboard.press("ArrowRight")
    assert said(shown) == "Step 1 of 10, forward pass: e is a × b, which is minus 6."
    assert [x for x in shown.locator("#equation .number").all_inner_texts() if x] == ["2 × (−3)", "=", "−6"]
    shown.keyboard.press("End")
    loss.backward()
    for v in (loss, *loss.operands):
        assert numbers_in(shown, v.label) == [show(v.data), show(v.grad)]


def test_units_are_those_of_the_stepper(show_page):
    loss = network()
    cursor = step(loss)
    shown = show_page(loss)
    for unit in ("node", "neuron", "layer"):
        shown.select_option("#unit", unit)
        offset = int(shown.locator("#slider").get_attribute("max")) - len(cursor)
        shown.locator("#slider").fill(str(offset))
        shown.locator("#slider").blur()
        positions, cursor.unit = [], unit
        cursor.goto(0)
        while cursor.position < len(cursor):
            shown.keyboard.press("ArrowRight")
            positions.append(int(shown.locator("#slider").input_value()) - offset)
            assert positions[-1] == cursor.next().position
        for position in [*positions[-2::-1], 0]:
            shown.keyboard.press("ArrowLeft")
            assert int(shown.locator("#slider").input_value()) - offset == position


def test_numbers_are_changed_and_the_position_stays(show_page):
    shown = show_page(lecture(), "#step=6")
    assert numbers_in(shown, "d") == ["4", "-2"]
    shown.get_by_label("a", exact=True).fill("7/2")
    shown.get_by_label("a", exact=True).press("Enter")
    assert numbers_in(shown, "e") == ["-10.5", "–"]
    assert numbers_in(shown, "L") == ["1", "1"]
    assert "Step 6 of 10" in shown.locator("#where").inner_text()
    shown.locator("h1").click()
    shown.keyboard.press("End")
    shown.get_by_role("button", name="Nudge a by 0.001").click()
    assert "ΔL = 0.006 · gradient × 0.001 = 0.006" in shown.locator("#leaves").inner_text().replace("\n", " ")
    slider = shown.get_by_label("a, slider")
    slider.focus()
    shown.keyboard.press("ArrowRight")
    assert numbers_in(shown, "a")[0] == "3.54"
    slider.dblclick()
    assert numbers_in(shown, "a")[0] == "2"
    shown.get_by_label("b", exact=True).fill("1,500")
    shown.get_by_label("b", exact=True).press("Enter")
    assert "may be 1.500 or 1500" in shown.locator("#leaves").inner_text()
    assert numbers_in(shown, "b")[0] == "-3"


def test_where_an_operation_is_not_defined_the_node_says_so_and_the_page_goes_on(show_page):
    shown = show_page(parse("u = log(a); L = u*b", a=2, b=3), "#step=6")
    shown.get_by_label("a", exact=True).fill("0")
    shown.get_by_label("a", exact=True).press("Enter")
    assert numbers_in(shown, "u") == ["undefined", "–"]
    assert said(shown) == "u is undefined: log is defined for numbers above 0 only."
    shown.locator("[data-node=v1]").click()
    assert "undefined: log is defined" in shown.locator("#panel").inner_text()
    shown.get_by_role("button", name="Reset all numbers").click()
    assert numbers_in(shown, "L") == ["2.0794", "1"]


def test_predictions_are_judged_in_the_words_of_elsewhere(show_page):
    shown = show_page(lecture(), "#step=0")
    shown.keyboard.press("p")
    verdict, asked, box = shown.locator("#verdict"), shown.locator("#asked"), shown.locator("#answer")
    assert asked.inner_text() == "e = a × b ="
    box.fill("a*b")
    box.press("Enter")
    assert verdict.inner_text() == "✓ right. 1 of 1 right."
    box.fill("nonsense")
    box.press("Enter")
    assert "! 'nonsense' is not a number" in verdict.inner_text()
    box.fill("3")
    box.press("Enter")
    assert verdict.inner_text() == "✗ wrong: it is −6 + 10 = 4. 1 of 2 right."
    shown.get_by_role("button", name="Show it").click()
    assert numbers_in(shown, "L") == ["-8", "–"]
    shown.keyboard.press("Enter")  # the step that seeds the output asks for nothing
    assert asked.inner_text() == "∂L/∂d += ∂L/∂L × ∂L/∂d ="
    assert said(shown).endswith("whose gradient is 1. ∂L/∂d += ∂L/∂L × ∂L/∂d =")
    box.fill("-4/2")
    box.press("Enter")
    box.fill("4.0")
    box.press("Enter")
    assert verdict.inner_text() == "✓ right. 3 of 4 right."
    box.fill("2")
    box.press("Enter")
    assert "yours is the sign the other way round" in verdict.inner_text()
    assert box.evaluate("box => box === document.activeElement")


@pytest.mark.parametrize(
    "mistake", ["overwrite", "no_order", "upstream_forgotten", "factors_not_swapped", "seed_is_value"]
)
def test_a_mistake_shows_the_wrong_gradients_beside_the_right_ones(show_page, mistake):
    row, root = find(mistake), parse("d = a*b; e = d*d + a; f = d*e; L = f - e/b", a=-2, b=3)
    lines = lines_of(root, [row])
    key = next(key for line in lines.lines for key in line.wrong)
    wrong = lines.numbers(key)
    right = right_gradients(root)
    expected = {
        f"∂L/∂{line.name}": (show(float(wrong[line.id])), show(float(right[line.node])))
        for line in lines.lines
        if line.kind == "gradient" and wrong[line.id] != right[line.node]
    }
    shown = show_page(root, "#step=99")
    shown.select_option("#mistake", label=row.name)
    heard = said(shown)
    cells = [r.locator("th, td").all_inner_texts() for r in shown.locator("#wrong tbody tr").all()]
    found = {name: (w.replace("✗ ", "").replace("−", "-"), r.replace("−", "-")) for name, w, r in cells}
    assert found == expected
    assert row.sentence in shown.locator("#wrong").inner_text()
    wait = {f"∂L/∂{s.operand_name}": k for k, s in enumerate(backward_steps(root), start=5)}
    for k in range(4, 5 + len(wait)):  # a node used more than once is not marked before its gradient is whole
        shown.locator("#slider").fill(str(k))
        for name in ("a", "b", "d"):
            mark = numbers_in(shown, name)[1].startswith("✗")
            assert mark == (f"∂L/∂{name}" in expected and k >= wait[f"∂L/∂{name}"]), (k, name)
    shown.locator("#slider").fill("99")
    name, (w, _) = next(iter(expected.items()))
    assert f"{name} is {w.replace('-', 'minus ')} instead of" in heard
    assert numbers_in(shown, name.removeprefix("∂L/∂"))[1] == f"✗ {w}"


def test_the_address_holds_the_state(show_page):
    shown = show_page(lecture(), "#step=7&unit=node&x0=5&node=2")
    assert "Step 7 of 10" in shown.locator("#where").inner_text()
    assert shown.locator("#unit").input_value() == "node"
    assert numbers_in(shown, "e") == ["-15", "-2"]
    assert shown.locator("#panel h2").inner_text() == "e"
    shown.keyboard.press("ArrowRight")
    shown.wait_for_timeout(400)
    assert "step=8" in shown.evaluate("location.hash")
    again = shown.evaluate("location.hash")
    assert "x0=5" in again
    for strange in ("#step=-1&unit=constructor&x0=abc&node=99", "#%", "#step=1e9&view=__proto__&mistake=x"):
        shown = show_page(lecture(), strange)
        assert numbers_in(shown, "a")[0] == "2"
        assert shown.locator("#unit").input_value() == "edge"


def test_boxes_of_a_network_collapse_and_expand(show_page):
    shown = show_page(network())
    assert shown.locator("#view option").all_inner_texts() == [
        "every node",
        "a box for each neuron",
        "a box for each layer",
    ]
    shown.select_option("#view", label="a box for each neuron")
    boxes = shown.locator(".view:not([hidden]) [data-chosen]")
    before = boxes.count()
    box = boxes.filter(has_text="neuron 2 of layer 1")
    box.click()
    panel = shown.locator("#panel").inner_text()
    assert "neuron 2 of layer 1" in panel
    assert "w1[1→2]" in panel
    shown.keyboard.press("End")
    assert not box.locator("text").last.text_content().startswith("–")
    shown.get_by_role("button", name="Show its nodes").click()
    assert shown.locator("#view").input_value() == "0"
    assert boxes.count() > before
    shown.keyboard.press("v")
    assert boxes.count() == before


def test_above_a_size_the_page_shows_boxes_and_says_so(show_page, monkeypatch):
    monkeypatch.setattr("micrograd_like.pages.graph.LARGEST", 20)
    monkeypatch.setattr("micrograd_like.pages.graph.MISTAKEN_NODES", 20)
    shown = show_page(network())
    assert (
        "nodes are more than 20 to be drawn one by one: here a box stands for several"
        in shown.locator("header").inner_text()
    )
    assert shown.locator("#view option").first.text_content() == "a box for each neuron"
    assert not shown.locator("#mistakes").is_visible()
    shown.keyboard.press("End")
    assert numbers_in(shown, "L")[1] == "1"
    with pytest.raises(ValueError, match="the picture would have"):
        page(sum(named(**{f"x{k}": k for k in range(30)})))


def test_where_a_derivative_is_infinite_the_step_says_so(show_page):
    shown = show_page(parse("r = sqrt(a); L = r*b + a*b", a=0, b=3))
    shown.keyboard.press("End")
    assert numbers_in(shown, "a") == ["0", "–"]
    assert numbers_in(shown, "b") == ["3", "0"]
    shown.select_option("#unit", "node")
    shown.locator("h1").click()
    shown.keyboard.press("ArrowLeft")
    shown.keyboard.press("ArrowRight")
    assert said(shown).endswith("r has no finite derivative with respect to a.")


def test_nodes_by_keyboard_and_by_name(show_page):
    shown = show_page(lecture())
    heading = shown.locator("#panel h2")
    for key, name in (
        ("ArrowDown", "L"),
        ("ArrowDown", "d"),
        ("s", "f"),
        ("s", "d"),
        ("ArrowDown", "e"),
        ("ArrowUp", "d"),
    ):
        shown.keyboard.press(key)
        assert heading.inner_text() == name
        assert shown.evaluate("document.activeElement.getAttribute('aria-label')").startswith(f"{name}, ")
    shown.keyboard.press("/")
    shown.keyboard.type("c")
    shown.keyboard.press("Enter")
    assert heading.inner_text() == "c"
    shown.locator("h1").click()
    shown.keyboard.press("?")
    assert shown.get_by_role("dialog", name="Keys").is_visible()
    shown.keyboard.press("Escape")
    assert not shown.get_by_role("dialog").is_visible()


def test_minus_signs_are_alike_and_are_heard(show_page):
    a, b = named(a=-2.0, b=3.0)
    root = ((a * -1.5 + b**-2) * (a - 3)).tanh() * -1e-7 + (-a) * 1e-9 + (b - -2) ** -1.5 + a.leaky_relu(-0.5)
    shown = show_page(root, "#step=0")
    read = """() => [...document.querySelectorAll("#stage text, #now, #panel")].map((x) => x.textContent)"""
    last = int(shown.locator("#slider").get_attribute("max"))
    for k in range(last):
        shown.keyboard.press("ArrowRight")
        if k > last - 12:
            shown.keyboard.press("s" if k % 3 else "ArrowDown")
        assert [x for x in shown.evaluate(read) if re.search(r"(^|\W)-[\d.a-z(]|e-\d|\^-", x)] == []
        assert "−" not in said(shown)
    assert "times ten to the minus" in said(shown)


def test_where_a_node_was_made_is_told_if_that_was_recorded(show_page):
    with record_sources():
        a = Value(2.0, "a")
        b = a * a
    b.label = "b"
    shown = show_page(b)
    shown.keyboard.press("ArrowDown")
    assert "test_graph.py" in shown.locator("#panel").inner_text()


def test_fractions_and_a_lone_leaf_have_pages(show_page):
    shown = show_page(parse("L = a/b", a=Fraction(1), b=Fraction(3)))
    assert numbers_in(shown, "L")[0] == "0.3333"
    shown = show_page(Value(3.0, "x"))
    shown.keyboard.press("ArrowRight")
    assert numbers_in(shown, "x") == ["3", "1"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(open_page, tmp_path, scheme):
    path = page(network()).save(tmp_path / "L.html")
    for width in (360, 1280, 1920):
        shown = open_page(path, "#step=20&node=3", color_scheme=scheme, viewport={"width": width, "height": 740})
        shown.select_option("#mistake", index=1)
        assert inaccessible(shown) == []
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        shown.locator("#help").click()
        assert inaccessible(shown) == []
        shown.keyboard.press("Escape")
        shown.locator("#predict").check()
        assert inaccessible(shown) == []


def test_the_frame_of_a_notebook_works_without_an_address(open_page, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8>{page(lecture())._repr_mimebundle_()['text/html']}", encoding="utf-8"
    )
    shown = open_page(path)
    frame = shown.frame_locator("iframe")
    for _ in range(3):
        frame.get_by_role("button", name="Next").click()
    shown.wait_for_timeout(400)  # after which the state would have been written into the address
    assert "Step 6 of 10" in frame.locator("#where").inner_text()
    assert shown.locator("img").count() == 0
    frame.locator("#predict").check()
    frame.locator("#answer").fill("-2")
    frame.locator("#answer").press("Enter")
    assert frame.locator("#verdict").inner_text() == "✓ right. 1 of 1 right."
    frame.locator("#help").click()
    frame.get_by_role("button", name="Close").click()
    assert frame.get_by_role("dialog").count() == 0
