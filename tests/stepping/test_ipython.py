"""What a person sees in a real IPython and in a real Jupyter kernel."""

import re
import subprocess
import sys

import nbclient
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from micrograd_like import MLP, Value, draw
from micrograd_like import sum as add_up
from micrograd_like.pictures import display


@pytest.fixture
def ipython(tmp_path):
    """Return a function that runs cells in IPython in a terminal and returns what it shows."""

    def run(*cells):
        command = [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
        # A process of its own, so that the first import, the event loop and the settings are a person's.
        environment = {
            "IPYTHONDIR": str(tmp_path),
            "PYTHONIOENCODING": "utf-8",
            "HOME": str(tmp_path),
            "COLUMNS": "100",
        }
        done = subprocess.run(
            command, input="\n".join(cells) + "\n", env=environment, capture_output=True, text=True, encoding="utf-8"
        )
        assert "Traceback" not in done.stdout + done.stderr
        return re.sub(r"In \[\d+\]: ", "", done.stdout + done.stderr)

    return run


LOAD = ("from micrograd_like import *", "%load_ext micrograd_like", "a, b = Value(2.0), Value(-3.0)")


def test_values_are_labelled_after_their_variables(ipython):
    out = ipython(*LOAD, "e = a * b; e")
    assert "e = a * b    -6     –\n├─ a          2     –  b = -3\n└─ b         -3     –  a = 2" in out


def test_given_labels_stay_and_ipythons_own_names_are_not_taken(ipython):
    out = ipython(*LOAD, "c = Value(1.0, 'mine'); d = c", "a * 2", "[_, c]", "print([_5.label, c.label, a.label])")
    assert "['', 'mine', 'a']" in out


def test_small_graph_is_shown_as_a_tree_and_the_rest_as_its_repr(ipython):
    out = ipython(
        "from micrograd_like import *",
        "a = Value(2.0, 'a')",
        "a",
        "[a * 3]",
        "a * 3",
        "sum([a * 1 for _ in range(99)], a)",
    )
    assert "Out[3]: Value(data=2.0, grad=0.0, label='a')" in out
    assert "Out[4]: [Value(data=6.0, grad=0.0, op='*')]" in out
    assert "Out[5]: \n" in out
    assert "v1 = a * 3     6     –\n├─ a           2     –  3\n└─ 3           3" in out
    assert "Out[6]: Value(data=200.0, grad=0.0, op='+')" in out


def test_graph_in_a_terminal_is_text(ipython):
    out = ipython(*LOAD, "e = a * b", "%graph e", "%graph MLP(2, [1], seed=1)", "%graph (a + b)")
    assert "e = a * b    -6     –\n├─ a" in out
    assert "MLP of [Layer(2, 1, activation='linear')]" in out
    assert "v1 = a + b" in out
    assert "Out[" not in out


def test_step_gives_a_cursor(ipython):
    out = ipython(*LOAD, "e = a * b", "s = %step e", "s.next(); s.next()", "s.current", "s.finish().next()")
    assert "step 2 of 3: ∂e/∂a += ∂e/∂e * ∂e/∂a = 1 * b = 1 * (-3) = -3" in out
    assert "Out[7]: ∂e/∂a += ∂e/∂e * ∂e/∂a = 1 * b = 1 * (-3) = -3\n" in out
    assert "the pass is done: all 3 steps are behind\n" in out


def test_a_cell_that_is_run_again_spoils_nothing(ipython):
    cells = ("e = a * b", "e.backward()", "s = step(e)", "s = step(e)", "%step e", "s.finish(); e.backward()")
    out = ipython(*LOAD, *cells, "[a.grad, b.grad, e.grad, s.grad('a')]")
    assert "[-6.0, 4.0, 1.0, -3.0]" in out


def test_what_a_variable_held_before_is_told_apart(ipython):
    out = ipython(
        *LOAD,
        "L = a * b",
        "L = L + a",
        "L = L + a; L",
        "M = a * a",
        "a = Value(7.0)",
        "M",
        "keep = b; b = Value(9.0)",
        "L.operands[1].label, keep.label, b.label",
    )
    assert "L = L_2 + a " in out
    assert "L_2 = L_1 + a" in out
    assert "L_1 = a * b" in out
    assert "M = a_1 * a_1     4" in out
    assert "('a_1', 'b_1', 'b')" in out


def test_a_cell_is_named_where_nodes_were_made(ipython):
    out = ipython(*LOAD, "with record_sources(): e = a * b", "[e.source.where]")
    assert "['Cell In[4], line 1']" in out


def test_backprop_is_a_table(ipython):
    out = ipython(*LOAD, "e = a * b", "%backprop e", "a.grad")
    lines = [re.split("  +", line.strip()) for line in out.splitlines() if "∂" in line]
    assert lines == [
        ["∂e/∂e", "1"],
        ["∂e/∂a", "e = a * b", "1", "∂e/∂a = b = -3", "-3", "-3"],
        ["∂e/∂b", "e = a * b", "1", "∂e/∂b = a = 2", "2", "2"],
    ]
    assert "Out[6]: 0.0" in out  # the graph is as it was


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%graph", "%graph takes a Value or a network: write %graph loss, for example"),
        ("%graph q", "%graph q: NameError: name 'q' is not defined"),
        ("%graph 3", "%graph takes a Value or a network; 3 is of type int: write %graph loss, for example"),
        ("%step MLP(1, [1])", "%step takes a Value; MLP(1, [1]) is of type MLP: write %step loss, for example"),
        ("%backprop a +", "%backprop a +: SyntaxError: invalid syntax"),
        ("%backprop sqrt(a - 2)", "= 0.0 has no finite derivative with respect to its first operand"),
        ("%step sqrt(a - 2)", "= 0.0 has no finite derivative with respect to its first operand"),
    ],
)
def test_mistakes_are_answered_in_a_line(ipython, line, message):
    out = ipython(*LOAD, line)
    (answer,) = [x for x in out.splitlines() if x.startswith("UsageError: ")]
    assert message in answer


def test_unload_and_reload(ipython):
    out = ipython(
        *LOAD,
        "%reload_ext micrograd_like",
        "%graph a * b",
        "%unload_ext micrograd_like",
        "z = a + b",
        "z.label",
        "%graph z",
    )
    assert "v1 = a * b" in out
    assert "Out[8]: ''" in out
    assert "Line magic function `%graph` not found" in out


def test_unload_restores_what_was_there(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell.instance(warn_venv=False)
    try:
        shell.register_magic_function(lambda line: f"theirs {line}", "line", "step")
        magics = shell.magics_manager.magics["line"]
        before, theirs = set(magics), magics["step"]
        hooks = list(shell.events.callbacks["post_run_cell"])
        shell.run_line_magic("load_ext", "micrograd_like")
        assert set(magics) - before == {"graph", "backprop"}
        assert magics["step"] is not theirs
        shell.run_cell("from micrograd_like import Value\nv = Value(1.0)")
        assert shell.user_ns["v"].label == "v"
        shell.run_line_magic("unload_ext", "micrograd_like")
        assert set(magics) == before
        assert magics["step"] is theirs
        assert shell.events.callbacks["post_run_cell"] == hooks
        assert shell.run_line_magic("step", "on") == "theirs on"
        shell.run_cell("w = Value(1.0)")
        assert shell.user_ns["w"].label == ""
    finally:
        InteractiveShell.clear_instance()


def test_import_loads_none_of_it():
    code = (
        "import sys, micrograd_like; print([m for m in ('IPython', 'rich', 'numpy', 'graphviz') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -------------------- in a notebook --------------------


def execute(*cells):
    """Return the outputs of each cell, run in a Jupyter kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True).execute()
    return [cell.outputs for cell in notebook.cells]


def shown(output):
    """Return the data of an output, in which no picture depends on scripts or on being trusted."""
    page = output.data.get("text/html", "")
    assert "<script" not in page
    assert "<svg" not in page
    return output.data


def test_a_notebook():
    outputs = execute(
        "from micrograd_like import MLP, Value, explain, tanh\n%load_ext micrograd_like",
        "x1, x2, w1, w2, b = map(Value, (2.0, 0.0, -3.0, 1.0, 6.8813735870195432))\n"
        "n = x1 * w1 + x2 * w2 + b\no = tanh(n)\no",
        "o.backward()\n%graph o",
        "%backprop o",
        'explain(o, "w1")',
        "s = %step o\ns.next()\ns.next()",
        's.run_to("w1")',
        's.back().grad("w1"), w1.grad',
        "MLP(2, [4, 1], seed=1)",
    )
    load, forward, backward, table, board, first, run_to, closed, network = (list(map(shown, each)) for each in outputs)
    assert load == []
    for (page,) in (first, run_to):
        assert page["text/html"].startswith("<iframe")
    for (picture,) in (forward, backward, network):
        assert picture["text/html"].startswith('<img alt="')
        assert 'src="data:image/svg+xml;base64,' in picture["text/html"]
        assert "<details>" in picture["text/html"]
    assert forward[0]["text/plain"].splitlines()[1].split() == ["o", "=", "tanh(n)", "0.7071", "–"]
    assert backward[0]["text/plain"].splitlines()[1].split() == ["o", "=", "tanh(n)", "0.7071", "1"]
    assert r"| $\frac{\partial o}{\partial w_{1}}$ | $v_{1} = x_{1} \cdot w_{1}$ | $0.5$ |" in table[0]["text/markdown"]
    assert board[0]["text/markdown"].startswith(r"# How $\frac{\partial o}{\partial w_{1}}$ is found")
    assert "= 0.5 * x1 = 0.5 * 2 = 1" in board[0]["text/plain"]
    assert run_to[0]["text/plain"].startswith("step 10 of 10: ∂o/∂w1 += ")
    before, own = eval(closed[0]["text/plain"])
    assert before is None
    assert own == pytest.approx(1)
    assert "Network of 2 → 4 → 1 units" in network[0]["text/html"]


def test_what_is_not_a_picture_in_a_notebook():
    imports, leaf, large, magic, wrong, many = execute(
        "from micrograd_like import *\n%load_ext micrograd_like",
        "a = Value(2.0); a",
        "sum([a * 1 for _ in range(2000)], a)",
        "%graph sum([a * 1 for _ in range(20000)], a)",
        "%graph q",
        "[a, a * 2]",
    )
    assert imports == []
    assert leaf[0].data == {"text/plain": "Value(data=2.0, grad=0.0, label='a')"}
    assert large[0].data == {"text/plain": "Value(data=4002.0, grad=0.0, op='+')"}
    assert "UsageError: " in magic[0].text
    assert "limit" in magic[0].text
    assert wrong[0].text == "UsageError: %graph q: NameError: name 'q' is not defined\n"
    assert many[0].data["text/plain"].startswith("[Value(data=2.0, grad=0.0, label='a'), Value(")


# -------------------- without IPython --------------------


def test_bundle_of_a_graph_and_of_a_network():
    v = Value(2.0, '<img src=x onerror="alert(1)">') * 3
    for bundle in (v._repr_mimebundle_(), MLP(2, [1], seed=0)._repr_mimebundle_()):
        assert set(bundle) == {"text/html", "text/plain"}
        assert bundle["text/html"].count("<img") == 1
    assert Value(1.0)._repr_mimebundle_() == {}
    assert MLP(400, [300, 1], seed=0)._repr_mimebundle_() == {}


def test_a_drawing_is_text_where_there_is_no_graphviz(monkeypatch):
    def fail(*_):
        raise RuntimeError("no Graphviz")

    monkeypatch.setattr("micrograd_like.pictures.layout.graphviz", fail)
    drawing = draw(Value(2.0, "a") * 3)
    assert drawing._repr_mimebundle_() == {"text/plain": drawing.text}
    assert "a * 3" in drawing.text
    with pytest.raises(RuntimeError):
        drawing.save("a.svg")


def test_display_never_fails(monkeypatch):
    def draw(thing):
        raise RuntimeError("drawing needs Graphviz")

    monkeypatch.setattr(display, "draw", draw)
    assert (Value(1.0) + 1)._repr_mimebundle_() == {}


def test_display_looks_at_no_more_of_a_graph_than_it_shows():
    a = Value(1.0)
    wide = add_up([a + 1 for _ in range(5000)])
    deep = a
    for _ in range(100_000):
        deep = deep + 1
    assert wide._repr_mimebundle_() == deep._repr_mimebundle_() == {}
