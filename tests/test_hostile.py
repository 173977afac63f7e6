"""Hostile labels, names and titles in everything that is written, and what is written run, opened or compiled.

Each label tries to break out of one target or another. If one does, a file `pwned` appears, a dialog opens, a title
changes, a request goes out, or a control character reaches the terminal.
"""

import ast
import contextlib
import copy
import csv
import io
import json
import math
import pickle
import re
import subprocess
import sys
import warnings
from fractions import Fraction
from functools import reduce
from xml.etree import ElementTree

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from micrograd_like import (
    MLP,
    Value,
    compile,
    draw,
    escape,
    explain,
    files,
    grad,
    gradcheck,
    hessian,
    parse,
    step,
    text,
)
from micrograd_like.cli import main
from micrograd_like.graph.steps import backward_steps, count_paths, forward_steps, paths
from micrograd_like.nn.datasets import Dataset, read_csv
from micrograd_like.nn.storage import load, save
from micrograd_like.nn.training import fit
from micrograd_like.notation import latex
from micrograd_like.notation.answers import read_answer
from micrograd_like.notation.mathml import mathml
from micrograd_like.notation.names import find, node_names
from micrograd_like.pictures.layout import graphviz
from micrograd_like.pictures.plots import plot_boundary
from micrograd_like.stepping.recording import Recording
from micrograd_like.stepping.shell import Shell
from micrograd_like.tables import TableWarning, read_number
from micrograd_like.teaching import CLASSICS, Exercise, grade
from micrograd_like.teaching.exercises.generator import exercise
from micrograd_like.teaching.explanation import tabulate
from micrograd_like.teaching.grading.comparison import applicable, backprop_with
from micrograd_like.teaching.quiz import Progress
from micrograd_like.teaching.sheets import Sheet, grade_class, write_class
from micrograd_like.teaching.sheets.rosters import read_names
from tests.conftest import need

LABELS = [
    # HTML, SVG, and scripts in them
    "<script>alert(1)</script>",
    "</script><script>document.title='pwned'</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)' x='",
    "</title></style></textarea><img src=https://evil.invalid/a.png>",
    "<!-- --><iframe src=https://evil.invalid></iframe>",
    "]]><script>alert(1)</script><![CDATA[",
    "&lt;img src=x&gt;&amp;&#60;b&#62;",
    "<math><mtext></math><img src=x onerror=alert(1)>",
    "${alert(1)}`;alert(1)//",
    "{{ 7*7 }}{% include 'x' %}<< 7*7 >>",
    "javascript:alert(1)",
    # Markdown
    "![x](https://evil.invalid/x.png)",
    "[x](javascript:alert(1)) <https://evil.invalid>",
    "$</span><img src=x onerror=alert(1)>$ \\(x\\)",
    "`` ` ``` ~~~\n# pwned | a | b |",
    "- 1. > [x]: https://evil.invalid/x.png",
    # Python, C, JavaScript
    "'+open('pwned', 'w').write('')+'",
    '"""\n__import__("os").system("touch pwned")\n"""',
    "x\n__import__('os').system('touch pwned')\n#",
    "x\ropen('pwned', 'w')\r#",
    "x\u2028open('pwned', 'w')\u2029\x0b\x0c\x85open('pwned', 'w')",
    "{open('pwned', 'w')}%s%n{0}",
    "\\",
    "\\'+open('pwned','w').write('')#",
    "*/ ; int pwned = system(\"touch pwned\"); /*",
    "??/\n#include \"/etc/passwd\"",
    "__builtins__",
    "__proto__",
    "constructor",
    # LaTeX
    "\\immediate\\write18{touch pwned}",
    "\\newwrite\\f\\immediate\\openout\\f=pwned.tex",
    "\\input{/etc/passwd}^^5cinput{/etc/passwd}",
    "}}\\end{tikzpicture}\\end{document}",
    "%$$&#_^~{ -- `` '' [!`?`",
    # spreadsheets
    "=cmd|'/C touch pwned'!A0",
    "+HYPERLINK(\"https://evil.invalid\")",
    "-1+1;=1+1,\t=1+1\n=1+1",
    "@SUM(1)",
    # Graphviz
    "\"]; a -> b [URL=\"https://evil.invalid\"",
    "\\N \\G \\l &lt;b&gt; <b>",
    # terminals
    "\x1b]0;pwned\x07\x1b[2J",
    "\x9b2J\x90pwned\x9c",
    "\b\b\b\rpwned?\0",
    "\u202epwned\u2066\u200b",
    # what reads as something else
    "2",
    "-1e5",
    "nan",
    "権重 😀 é́",
    "\ufffe\udc80",
    "x" * 3000,
]  # fmt: skip
TITLES = [label for label in LABELS if "\udc80" not in label]  # what a file in UTF-8 could bring
SHORT = [label for label in TITLES if len(label) < 100]


def shown(label):
    return " ".join(escape.one_line(label).split())


@pytest.fixture(scope="module")
def root():
    leaves = [Value(k / 8, label) for k, label in enumerate(LABELS, start=1)]
    total = leaves[0] * leaves[1]
    for k, leaf in enumerate(leaves[2:]):
        total = total + leaf * leaves[k]
        total.label = f"{LABELS[k]}+" if k % 3 else ""
    total.label = "</script>\x1b[2J"
    total.backward()
    return total


@pytest.fixture(scope="module")
def small():
    """Return a graph in which each label stands at a place of its own, for what is slow or short."""

    def make(label):
        a, b = Value(2.0, label), Value(3.0, f"{label}2")
        out = (a * b + a).tanh()
        out.label = f"{label}'"
        return out

    return make


@pytest.fixture
def empty(tmp_path):
    """Return an empty folder, in which nothing may be but what the test writes."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


# -------------------- terminals --------------------


def assert_plain(written):
    assert all(c.isprintable() or c == "\n" for c in written), re.findall(r"[^\n -~]+", written)[:5]
    assert "\u202e" not in written


@pytest.mark.parametrize("label", LABELS)
def test_nothing_moves_the_cursor(label, small, capsys, monkeypatch):
    out = small(label)
    out.backward()
    names = node_names([*out.operands[0].operands[0].operands, out])
    for each in (text(out), explain(out), tabulate(out), draw(out).text, draw(out), out, step(out).next()):
        assert_plain(f"{each!r}" if isinstance(each, Value) else str(each))
    assert_plain("\n".join(map(str, [*forward_steps(out), *backward_steps(out)])))
    assert_plain(str(grade(out, {names[v]: "7" for v in names})))
    assert_plain(str(backprop_with(out, "overwrite")))
    for wrong in ("nobody", label + "x\x1b[2J"):
        with pytest.raises(ValueError, match="no node") as error:
            find(wrong, names)
        assert_plain(str(error.value))
    with pytest.raises(ValueError, match="is not a number"):
        parse("a", a=float("nan")).backward()
    commands = ["ll", "w", "s", "s", "w", "s", "history 1", "p 1", "display graph", "restart", "l", "predict on", "q"]
    monkeypatch.setattr("builtins.input", lambda *_: commands.pop(0))
    Shell(out).run()
    gradcheck(lambda a: a * 2, [Value(2.0, label)])
    said = capsys.readouterr()
    assert_plain(said.out + said.err)


def test_a_command_says_nothing_that_moves_the_cursor(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for label in LABELS:
        if "\0" in label:
            continue
        for arguments in (
            ["draw", label, f"{label}=2"],
            ["draw", "a*2", "a=2", "-o", f"{label}.svg"],
            ["explain", "a*2", f"a={label}"],
            ["explain", "a*2", "a=2", "--of", label],
            ["train", label],
            ["train", "xor", "--features", label],
            ["grade", label, label],
            ["exercise", label],
            ["exercise", "-o", label],
            ["why", label, label],
            ["step", f"{label}.py"],
        ):
            try:
                assert main(arguments) == 0
            except SystemExit as stop:
                assert stop.code == 2, arguments  # noqa: PT017
    said = capsys.readouterr()
    assert_plain(said.out + said.err)


# -------------------- pages and pictures --------------------


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that opens files in Chromium: no dialog, no other title, and no request but for the file."""
    context = browser.new_context()
    page = context.new_page()
    troubles = []
    page.on("dialog", lambda dialog: troubles.append(dialog.message) or dialog.dismiss())
    page.on("request", lambda request: troubles.append(request.url) if request.url.split(":")[0] != "data" else None)

    def open_(content, ending=".html"):
        path = tmp_path / f"page{ending}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        page.goto(path.as_uri())
        page.mouse.move(200, 200)
        page.wait_for_timeout(30)
        assert troubles == [path.as_uri()]
        troubles.clear()
        if ending == ".html":
            assert page.title() != "pwned"
            for element in page.locator("a, iframe, [onerror], [onload], [onmouseover]").all():
                raise AssertionError(element.evaluate("x => x.outerHTML"))
            for source in page.locator("img").all():
                assert source.get_attribute("src").startswith("data:image/svg+xml;base64,")
        return page

    yield open_
    context.close()


def test_explanations_and_drawings_open_quietly(root, opened):
    page = opened(explain(root, limit=None).html)
    told = page.locator("body").inner_text()
    for label in LABELS:
        if label.isascii() and label.isalnum():
            assert (f"'{label}'" if label in ("2", "nan") else label) in told
    for drawing in (draw(root), draw(MLP(3, [2, 1]), inputs=SHORT[:3])):
        opened(drawing._repr_mimebundle_()["text/html"])
        opened(drawing.svg, ".svg")
    for k in range(0, len(SHORT) - 2, 2):
        opened(draw(MLP(2, [1]), inputs=SHORT[k : k + 2]).svg, ".svg")


def test_labels_are_shown_as_they_are(root):
    picture = ElementTree.fromstring(draw(root).svg)
    seen = [t.text for t in picture.iter("{http://www.w3.org/2000/svg}title")]
    for label in LABELS:
        assert any(escape.one_line(label) in t for t in seen), label


@pytest.mark.parametrize("title", TITLES)
def test_sheets_open_quietly(title, opened):
    drawn = Exercise(title, "c = a*b; L = c + a", {"a": Fraction(2), "b": Fraction(3)}, source=title)
    sheet = Sheet([drawn], title=title, student=title)
    for written in (sheet.html(), sheet.screen()):
        page = opened(written)
        heading = page.locator("h1").first.text_content()
        assert heading == escape.visible(title).replace("\r", "\n")
        name = " ".join(page.title().split())
        assert name.startswith((" ".join(heading.split()), " ".join(escape.one_line(title).split())))


@pytest.mark.parametrize("title", TITLES)
def test_markdown_stays_text(title, opened, small):
    drawn = Exercise(title, "c = a*b; L = c + a", {"a": Fraction(2), "b": Fraction(3)})
    sheet = Sheet([drawn], title=title, student=title)
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    rendered = reader.render(sheet.markdown())
    for tag in ("<img", "<script", "<a ", "<iframe", "<svg", "<s>", "<blockquote", "<ol", "<ul"):
        assert tag not in rendered, tag
    assert rendered.count("<h1>") == 2
    page = opened(rendered)
    assert page.locator("h1").first.text_content() == " ".join(escape.visible(title).split())
    opened(reader.render(explain(small(title)).markdown))


@pytest.mark.parametrize("title", TITLES)
def test_plots_open_quietly(title, opened, tmp_path):
    rows = ((0.0, 1.0), (1.0, 0.0), (0.5, 0.25))
    data = Dataset(title, rows, (0, 1, 0), (title, f"{title} 2"), (title, f"{title}2"))
    path = plot_boundary(MLP(2, [1]), data, tmp_path / "plot.svg", (0, 1), "hinge")
    ElementTree.parse(path)
    opened(path.read_bytes(), ".svg")


def test_moodle_gets_text():
    from micrograd_like.teaching.sheets.moodle import moodle_xml

    for title in TITLES:
        quiz = ElementTree.fromstring(moodle_xml([CLASSICS["twice"]], lambda drawn: "", title))
        category = quiz.findtext("question/category/text")
        assert category.removeprefix("$course$/").strip("/") == escape.visible(
            title.strip().strip("/").replace("/", "//")
        ).replace("\r", "\n")


def test_graphviz_reads_labels_as_text(root):
    found = json.loads(graphviz(draw(root).dot, "json0"))
    svg = graphviz(draw(root).dot, "svg").decode()
    assert "evil.invalid" not in re.findall(r'href="([^"]*)"', svg)
    tips = [t.text for t in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert len(found["objects"]) >= len(LABELS)
    for label in SHORT:
        if len(escape.one_line(label)) < 38:
            assert any(escape.one_line(label) in (t or "") for t in tips), label


def test_mathematics_stays_text(opened):
    opened("".join(f"<p>{mathml(latex.name(label))}</p>" for label in LABELS))


def test_pictures_are_painted(root, tmp_path):
    for ending in ("png", "pdf"):
        assert draw(root).save(tmp_path / f"picture.{ending}").stat().st_size > 1000


# -------------------- programs --------------------


def run(folder, *sources):
    """Run sources in a new process each, in an empty folder, in which nothing may appear."""
    for source in sources:
        done = subprocess.run([sys.executable, "-c", source], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    assert [path.name for path in folder.iterdir()] == []


def test_notebooks_and_tests_of_them_run(empty):
    sources = []
    for title in TITLES:
        drawn = Exercise(title, "c = a*b; L = c + a", {"a": Fraction(2), "b": Fraction(3)}, source=title)
        sheet = Sheet([drawn], title=title, student=title)
        cells = [cell.source for cell in nbformat.reads(sheet.notebook(), 4).cells if cell.cell_type == "code"]
        tests = nbformat.reads(sheet.notebook(), 4).metadata["otter"]["tests"]["exercise_1"]
        sources += ["\n".join(cells), f"gradients_1 = values_1 = {{}}\n{tests}"]
    stub = "import sys, types; m = sys.modules['otter.test_files'] = types.ModuleType('t'); sys.modules['otter'] = m\n"
    stub += "m.test_case = lambda **_: lambda f: f\n"
    run(empty, stub + "\n".join(f"exec({source!r}, {{}})" for source in sources))


def test_sources_of_all_languages_run(empty, c_compiler, tmp_path):
    leaves = [Value(k / 8, label) for k, label in enumerate(LABELS, start=1)]
    program = compile_of(Value(0.5, "*/\n#pwned"), leaves)
    wanted = 0.5 + 0.5 * sum(leaf.data for leaf in leaves)
    numbers = [leaf.data for leaf in leaves]
    for language, call in (("python", f"[[0.5]], {numbers}"), ("numpy", f"np.array([[0.5]]), np.array({numbers})")):
        check = f"\nassert abs(float(value_and_grad({call})[0][0]) - {wanted}) < 1e-9"
        run(empty, f"import numpy as np\n{program.source(language)}{check}")
    for language in ("torch", "jax"):
        assert ast.parse(program.source(language)).body
    (tmp_path / "p.c").write_text(
        f"{program.source('c')}\nint printf(const char *, ...);\nint main(void) {{ double x = 0.5, o,"
        f" p[] = {{{str(numbers)[1:-1]}}}, g[{len(leaves)}];"
        f' value_and_grad(1, &x, p, &o, g); printf("%.17g", o); return 0; }}'
    )
    command = [*c_compiler[0], "-std=c11", "-w", "-trigraphs", "-o", tmp_path / "p", tmp_path / "p.c", "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    done = subprocess.run([tmp_path / "p"], cwd=empty, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(wanted)
    assert not list(empty.iterdir())


def compile_of(x, leaves):
    out = x
    for k, leaf in enumerate(leaves):
        out = out + leaf * x
        out.label = f"{LABELS[k]}!"
    return compile(out, [x], leaves, "python")


def test_javascript_runs(node, empty, tmp_path):
    leaves = [Value(k / 8, label) for k, label in enumerate(LABELS, start=1)]
    program = compile_of(Value(0.5, "*/\nalert(1)"), leaves)
    (tmp_path / "p.mjs").write_text(
        f"{program.source('javascript')}\nconsole.log(valueAndGrad([[0.5]], {[leaf.data for leaf in leaves]})[0][0]);"
    )
    done = subprocess.run([node, tmp_path / "p.mjs"], cwd=empty, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(0.5 + 0.5 * sum(leaf.data for leaf in leaves))
    assert not list(empty.iterdir())


# -------------------- LaTeX --------------------


@pytest.fixture
def typesets(tmp_path):
    pdflatex, pdftotext = need("tex", "pdflatex"), need("tex", "pdftotext")

    def typeset(source):
        (tmp_path / "file.tex").write_text(source)
        command = [pdflatex, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "file.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
        assert done.returncode == 0, done.stdout[-1500:]
        assert {path.stem for path in tmp_path.iterdir()} == {"file"}
        read = subprocess.run([pdftotext, "-layout", tmp_path / "file.pdf", "-"], capture_output=True, text=True).stdout
        assert "root:x:" not in read
        return read

    return typeset


def test_pictures_in_latex_compile(root, typesets, small):
    from micrograd_like.pictures import tikz

    typesets(tikz.document(draw(root).pictures, "\\input{/etc/passwd}\n\\input{/etc/passwd}"))
    typesets(tikz.document(draw(MLP(4, [1]), inputs=SHORT[30:34]).pictures, SHORT[31]))


@pytest.mark.parametrize("k", range(0, len(SHORT), 12))
def test_sheets_in_latex_compile(k, typesets):
    for title in (" ".join(SHORT[k : k + 12]), SHORT[k]):
        drawn = Exercise(title, "c = a*b; L = c + a", {"a": Fraction(2), "b": Fraction(3)})
        typesets(Sheet([drawn], title=title, student=title).tex())


# -------------------- tables and files --------------------


def test_spreadsheets_find_no_formula(tmp_path):
    names = [title for title in dict.fromkeys(TITLES) if title.strip()]
    written = write_class(names, tmp_path / "class", screen=True)
    with_answers = tmp_path / "class" / "answers.csv"
    result = grade_class(written.key, with_answers)
    assert [*result.students] == [" ".join(name.split()) for name in names]
    assert_plain(str(result))
    for content in (with_answers.read_bytes(), (tmp_path / "class" / "key.csv").read_bytes(), result.csv()):
        for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
            for cell in row:
                assert not cell.startswith(("=", "+", "@", "\t", "\r", "\n")), cell
                assert not cell.startswith("-") or re.fullmatch(r"-\d+(\.\d+)?", cell), cell
    names_of_files = [path.name for path in (tmp_path / "class").iterdir()]
    assert all(name.isprintable() and not set(name) & set('<>:"|?*\\') for name in names_of_files)


@pytest.mark.parametrize("label", TITLES)
def test_models_and_recordings_keep_names(label, tmp_path):
    data = Dataset(label, ((0.0, 1.0), (1.0, 0.0)), (0, 1), (label, "b"), (label, "q"))
    model = MLP(2, [1])
    run_ = Recording(model)
    fit(model, data, epochs=1, watch=run_)
    assert_plain(str(run_.why(model.parameters()[0].label)))
    assert_plain(data.summary())
    save(model, tmp_path / "m.json")
    assert [p.data for p in load(tmp_path / "m.json").parameters()] == [p.data for p in model.parameters()]


def test_the_list_is_long_and_each_is_there_once():
    assert len({*LABELS}) == len(LABELS) >= 50
    assert exercise(1).root.label


# -------------------- what is too much --------------------


def diamonds(levels, kind=float):
    """Return a leaf, and an output to which 2**levels paths lead from it."""
    leaf = v = Value(kind(1) / 2, "a")
    for k in range(levels):
        v = v.tanh() + v / 2 if kind is float and k % 7 == 0 else v * kind(1) + v / 2
        v.label = f"v{k}_"
    return leaf, v


@pytest.mark.parametrize("kind", [float, Fraction])
def test_graphs_with_more_paths_than_anybody_can_walk(kind):
    leaf, out = diamonds(60, kind)
    out.backward()
    for each in (text(out, limit=None), explain(out, limit=None), explain(out, "a"), tabulate(out), draw(out).dot):
        assert len(str(each)) > 1000
    assert count_paths(out, leaf) >= 2**60
    with pytest.raises(ValueError, match="more than 1,000"):
        paths(out, leaf)
    assert not grade(out, {"a": "7", "v1_": "3"}).is_right
    assert not grade(out, {"v1_": "3"}, values=True).is_right
    for mistake in applicable(out)[:: 1 if kind is float else 9]:
        assert str(backprop_with(out, mistake))
    for twin in (pickle.loads(pickle.dumps(out)), copy.deepcopy(out)):
        assert twin.data == out.data
    assert grad(out, [leaf])[0] == pytest.approx(leaf.grad)
    second = grad(grad(out, [leaf], create_graph=True)[0], [leaf])[0] if kind is float else 0
    assert hessian(out, [leaf])[0][0] == pytest.approx(second)
    stepper = step(out).finish()
    assert stepper.position == len(stepper)
    if kind is float:
        program = compile(out, [], [leaf], "python")
        assert program.value_and_grad()[1][0] == pytest.approx(leaf.grad)
        assert all(len(program.source(language)) < 50_000 for language in ("c", "javascript", "numpy"))


def test_a_mistake_that_squares_again_and_again_stays_bounded():
    _, out = diamonds(60, Fraction)
    with pytest.raises(ValueError, match="paths_multiplied leads to no numbers here"):
        backprop_with(out, "paths_multiplied")


# Ten million bytes of each kind; what can be read from a file at all says what is wrong with it.
FLOODS = {
    "brackets": b"[" * 10**7,
    "lists": b"[" + b"[]," * 3_333_332 + b"[]]",
    "numbers": b"[" + b"1," * 4_999_999 + b"1]",
    "digits": b"9" * 10**7,
    "zeros": b"\0" * 10**7,
    "text": b'"' + b"x" * 10**7 + b'"',
    "quotes": b'"' * 10**7,
    "commas": b"," * 10**7,
    "lines": b"\n" * 10**7,
    "rows": b"name,kind\n" + b"1,2\n" * 2_500_000,
}


@pytest.mark.parametrize("kind", FLOODS)
def test_files_of_ten_million_bytes_are_refused(kind, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(FLOODS[kind])
    warnings.simplefilter("ignore", TableWarning)
    for read in (load, Recording.load, Progress.load, read_csv, read_names, lambda path: grade_class(path, path)):
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read(path)


def test_what_is_larger_is_not_read_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 1000)
    (tmp_path / "m.json").write_text("[" + " " * 1000 + "]")
    with pytest.raises(ValueError, match="this file has more than 0 MB"):
        load(tmp_path / "m.json")


def test_keys_that_are_too_much_work_are_refused(tmp_path):
    written = write_class(["Ada"], tmp_path / "class", screen=True)
    key = json.loads(written.key.read_text())
    (part,) = key["students"]["Ada"]

    def refused(match, **changes):
        key["students"]["Ada"] = [part | changes] * changes.pop("times", 1)
        written.key.write_text(json.dumps(key))
        with pytest.raises(ValueError, match=match):
            grade_class(written.key, tmp_path / "class" / "answers.csv")

    refused("at most 1,000 characters", formula="L = a*b" + "+a" * 500)
    refused("no number for the parameter 'w'", parameters=["w"])
    long = "v0 = a*b; L = v0 + c" + " + 1" * 200
    key["students"]["Ada"] = [part | {"formula": long, "numbers": {"a": "1", "b": "2", "c": "3"}}] * 2500
    written.key.write_text(json.dumps(key))
    with pytest.raises(ValueError, match="too many and too long"):
        grade_class(written.key, tmp_path / "class" / "answers.csv")


def test_a_table_of_many_answers_is_read_in_seconds(tmp_path):
    key = write_class(["Ada"], tmp_path / "class").key
    (tmp_path / "rows.csv").write_text("name,exercise,node,answer\n" + "Ada,1,L,3\n" * 50_000)
    (tmp_path / "columns.csv").write_text(f"name{',1 a' * 20_000}\nAda{',1' * 20_000}\n")
    for file in ("rows.csv", "columns.csv"):
        with pytest.raises(ValueError, match=r"answered for .* before"):
            grade_class(key, tmp_path / file)


def test_much_work_is_announced(tmp_path, monkeypatch, capsys):
    written = write_class(["Ada"], tmp_path / "class")
    (tmp_path / "a.csv").write_text("name,exercise,node,answer\nAda,1,L,3\n")
    command = ["grade", str(written.key), str(tmp_path / "a.csv")]
    assert main(command) == 0
    assert capsys.readouterr().err == ""
    key = json.loads(written.key.read_text())
    (part,) = key["students"]["Ada"]
    key["students"]["Ada"] = [part | {"formula": "v0 = a*b; L = v0 + c" + " + 1" * 200}] * 5
    written.key.write_text(json.dumps(key))
    assert main(command) == 0
    assert "takes a while, some 11 seconds" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["train", "xor", "--epochs", "1"], ["demo"]])
@pytest.mark.parametrize("name", ["network.svg", "training.svg"])
def test_pictures_of_others_are_not_overwritten(command, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    mine = tmp_path / "out" / name
    mine.write_text("<svg>my own</svg>")
    with pytest.raises(SystemExit):
        main(command)
    assert f"{name} is there, and no picture of this program" in capsys.readouterr().err
    assert mine.read_text() == "<svg>my own</svg>"
    mine.unlink()
    assert main(command) == main(command) == 0  # its own are replaced


@pytest.mark.parametrize("piece", ["a", "1", "12/", "1.5*", "2 ", "√(", "-", "e1"])
def test_patterns_do_not_try_all_ways_to_read_an_answer(piece):
    """A pattern that reads a word in more than one way takes hours to refuse this."""
    with pytest.raises(ValueError, match="is not a number"):
        read_answer((piece * 999)[:998] + "!")


def test_patterns_do_not_try_all_ways_to_read_a_cell(tmp_path):
    long = 120_000
    assert all(
        read_number(piece * (long // len(piece)) + "x", mark) is None for mark in ".," for piece in ("1", " 111")
    )
    drawn = exercise(1)
    for node in ("d" + "/d" * (long // 2) + " x", "d" * long, "x" * long):
        with pytest.raises(ValueError, match="is not asked for"):
            drawn.find(node)
    written = write_class(["Ada"], tmp_path / "class")
    for heading in ("1" + " " * long + "x\ny", "1" * long + "\ny", "1" + ")" * long + "\n"):
        (tmp_path / "a.csv").write_text(f'name,"{heading}"\nAda,3\n')
        with pytest.raises(ValueError, match="a column is missing"):
            grade_class(written.key, tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text(f"name,exercise,node,answer\nAda,1,{'x' * long},3\n{'y' * long},1,a,3\n")
    with pytest.raises(ValueError, match=r"row 2: in exercise 1 'xx.*; .*row 3: 'yy") as error:
        grade_class(written.key, tmp_path / "a.csv")
    assert len(str(error.value)) < 3000


# -------------------- what nobody thought of --------------------

PIECES = re.findall(
    r"\S+",
    "a b x1 nan 1 -2 0.5 1e308 1e-308 9**9 + - * / ** ( ) , ; = tanh( exp( log( sqrt( sum( [ ] . ' # ∞ ½ ² − i 1/0 0x1f"
    " __import__('os') 1_000 ٣ １ sqrt(2)/2 3,5 1'000",
)
PIECES += ["L = ", " ", "\n", "\x00", "lambda: 0", *SHORT[:20:3]]
soup = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=30)
many = settings(max_examples=1500, suppress_health_check=list(HealthCheck))


@many
@given(soup)
def test_any_formula_is_read_or_refused(written):
    numbers = {name: x for name, x in {"a": 2.0, "b": Fraction(1, 3), "x1": -1.5}.items() if name in written}
    try:
        parse(written, **numbers)
    except ValueError as error:  # also for a formula that is none
        assert_plain(str(error))


@many
@given(soup, soup)
def test_any_answer_is_read_or_refused(one, other):
    a, b = Value(Fraction(2), "a"), Value(Fraction(3), "b")
    out = a * b + a
    out.label = "L"
    try:
        answer = read_answer(one)
    except ValueError as error:
        assert_plain(str(error))
    else:
        assert answer.number == answer.number
    with contextlib.suppress(ValueError):  # what is not a number
        assert_plain(str(grade(out, {"a": one, "b": other})))


def ask(path):
    """Read a recording, and ask it why."""
    run_ = Recording.load(path)
    for name in [p.label for p in run_.parameters][:2]:
        assert_plain(str(run_.why(name)))


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """Return the content of one file of each kind, and what reads it."""
    folder = tmp_path_factory.mktemp("documents")
    model = MLP(2, [2, 1], seed=1)
    run_ = Recording(model)
    fit(model, Dataset("xor", ((0.0, 1.0), (1.0, 0.0)), (0, 1), ("u", "v"), ("p", "q")), epochs=2, watch=run_)
    run_.save(folder / "run.json")
    save(model, folder / "model.json")
    Progress().save(folder / "quiz.json")
    written = write_class(["Ada", "Bob"], folder / "class", screen=True)
    answers = folder / "class" / "answers.csv"
    return folder / "file", {
        "run": ((folder / "run.json").read_bytes(), ask),
        "model": ((folder / "model.json").read_bytes(), lambda path: load(path)([0.5, 1.0])),
        "progress": ((folder / "quiz.json").read_bytes(), Progress.load),
        "key": (written.key.read_bytes(), lambda path: grade_class(path, answers)),
        "answers": (answers.read_bytes().replace(b'""', b'"3"'), lambda path: grade_class(written.key, path)),
        "roster": (b'name;age\nAda;3\n"Bob, Jr.";4\n', read_names),
        "table": (b"u,v,kind\n1,2.5,p\n3,-4,q\n5,6e1,p\n7,8,q\n", read_csv),
    }


@pytest.mark.parametrize("kind", ["run", "model", "progress", "key", "answers", "roster", "table"])
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_to_a_file_is_said(kind, documents, data):
    path, kinds = documents
    content, read = kinds[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = start + data.draw(st.sampled_from([0, 0, 1, 2, 5, 40]))
        others = [b"", b"null", b"-1", b"1e999", b"{}", b"[]", b'"', b",", b"\n", b"\xff", b"\0", b"true", b"0.5"]
        other = st.sampled_from(others)
        content = content[:start] + data.draw(other | st.binary(max_size=4)) + content[end:]
    path.write_bytes(content)
    try_to(read, path)


def try_to(read, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = ""
        try:
            read(path)
        except (ValueError, OverflowError) as error:
            said = str(error)
    assert_plain(said)
    assert len(said) < 5000


def places(document, path=()):
    """Yield the way to each part of a document."""
    for k in document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ():
        yield (*path, k)
        yield from places(document[k], (*path, k))


ODD = [
    None,
    True,
    -1,
    0,
    1e308,
    10**400,
    math.nan,
    "",
    "a",
    "1/0",
    "9" * 5000,
    "1e999",
    "\x1b[2J",
    [],
    {},
    [None],
    [[]],
    {"a": 1},
]


@pytest.mark.parametrize("kind", ["run", "model", "progress", "key"])
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_odd_part_of_a_document_is_said(kind, documents, data):
    path, kinds = documents
    content, read = kinds[kind]
    document = json.loads(content)
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from([*places(document)] or [("format",)]))
        part = reduce(lambda whole, k: whole[k], way, document)
        if data.draw(st.booleans()):
            part[last] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
        elif isinstance(part, dict):
            part[data.draw(st.sampled_from(["", "a", "\x1b", *document]))] = part.pop(last)
        else:
            part.insert(last, copy.deepcopy(part[last]))
    path.write_text(json.dumps(document))
    try_to(read, path)
