"""Hostile names on living pages in a browser: they are text, nothing happens, and the numbers are right."""

from micrograd_like import Value, page
from micrograd_like.engine import topological_order
from micrograd_like.escape import one_line
from micrograd_like.nn import MLP
from micrograd_like.nn.datasets import Dataset
from micrograd_like.notation.names import node_names
from micrograd_like.notation.numbers import show

from ..test_hostile import LABELS

NAMES = [*LABELS, "toString", "__defineGetter__", "{0}⟨{1}⟩", "x*y"]
ELEMENTS = "document.querySelectorAll('script, iframe, img, b, math, link').length"


def words(text):
    return " ".join(text.split())


def test_the_labels_of_a_graph(open_page, tmp_path):
    leaves = [Value(k / 8, label) for k, label in enumerate(NAMES, start=1)]
    root = leaves[0] * leaves[1]
    for k, leaf in enumerate(leaves[2:]):
        root = root * 0.5 + leaf * leaves[k]
        root.label = f"{NAMES[k]}+" if k % 3 else ""
    root.label = NAMES[1]
    shown = open_page(page(root).save(tmp_path / "L.html"), "#step=9999")
    title = shown.title()
    assert one_line(NAMES[1]) in title
    order = topological_order(root)
    names = node_names(order)
    root.backward()
    for k, v in enumerate(order):
        if v in leaves:
            shown.evaluate(f"location.hash = '#step=9999&node={k}'")
            wanted = [words(one_line(names[v])), show(v.grad).replace("-", "−")]
            read = "['h2', 'dd .grad'].map((x) => document.querySelector(`#panel ${x}`)?.textContent)"
            shown.wait_for_function(f"number => ({read})[1] === number", arg=wanted[1])
            assert words(shown.evaluate(read)[0]) == wanted[0]
    assert (shown.title(), shown.evaluate(ELEMENTS)) == (title, 2)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 1280


def test_the_names_of_a_network_and_its_data(open_page, tmp_path):
    for start in range(0, len(NAMES), 12):
        some = (NAMES[start:] + NAMES)[:12]
        rows = (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (-1.0, -0.5)
        data = Dataset(some[0], rows, (0, 1, 2, 0), tuple(some[1:3]), tuple(some[3:6]))
        model = MLP(2, [1, 3], seed=1)
        for p, label in zip(model.parameters(), some[3:] + some, strict=False):
            p.label = label
        shown = open_page(page(model, data).save(tmp_path / "network.html"))
        for key in (*["ArrowRight"] * 8, "e", "1", "2"):
            shown.locator("body").press(key)
        classes = shown.locator("#classes li").all_text_contents()
        assert all(
            words(one_line(name)) in words(text.replace("−", "-"))
            for name, text in zip(some[3:6], classes, strict=False)
        )
        options = shown.locator("#parameter option").all_text_contents()
        assert [words(x) for x in options] == [words(one_line(p.label)) for p in model.parameters()]
        assert shown.evaluate(ELEMENTS) == 2
        assert words(one_line(some[0])) in words(shown.title())
        assert shown.evaluate("document.documentElement.scrollWidth") <= 1280
