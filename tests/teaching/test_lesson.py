"""A lesson: all of its files have the numbers of one exercise."""

import io
import json
import re
import shlex
import subprocess
from fractions import Fraction
from itertools import pairwise
from unittest.mock import patch

import pytest

from micrograd_like import parse
from micrograd_like.cli import main
from micrograd_like.graph.steps import backward_steps
from micrograd_like.notation.numbers import show
from micrograd_like.teaching import CLASSICS, Exercise, exercise
from micrograd_like.teaching.exercises.generator import own
from micrograd_like.teaching.lesson import plan, write_lesson

from ..conftest import need

LESSONS = {
    "diamond": exercise(0, "diamond"),
    "descent": exercise(1, "descent"),
    "told": CLASSICS["karpathy-neuron"],
    "own": own("p = w*x; o = tanh(p + b); L = (o - y)**2", {"w": 1, "x": 2, "b": -2, "y": 3}, ["w", "b"]),
}
FIGURES = {f"{name}.{end}" for name in ("blank", "forward", "backward") for end in ("svg", "pdf", "tex")}
FIGURES |= {"steps.svg", "steps.pdf"}


@pytest.fixture(scope="module", params=LESSONS.values(), ids=LESSONS)
def lesson(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesson") / "lesson"
    assert write_lesson(request.param, folder, "Lesson | *one*") == folder
    return request.param, folder


def read(folder, name):
    return (folder / name).read_text(encoding="utf-8")


def test_the_folder_is_whole_and_the_plan_says_what_is_in_it(lesson):
    _, folder = lesson
    assert {path.name for path in (folder / "figures").iterdir()} == FIGURES
    pages = {"slides.tex", "sheet.html", "sheet.tex", "key.html", "homework.html", "notebook.ipynb"}
    assert {path.name for path in folder.iterdir()} == pages | {"plan.md", "figures"}
    assert all(f"`{name}`" in read(folder, "plan.md") for name in pages)


def test_every_file_has_the_same_numbers(lesson):
    drawn, folder = lesson
    key = re.sub(r"<mfrac>(?:<mrow>)?(.*?)<mn>(\d+)</mn>(?:</mrow>)?</mfrac>", r"\1/\2", read(folder, "key.html"))
    written, key = read(folder, "plan.md"), re.sub(r"<[^>]*>", "", key).replace("−", "-")
    for line in drawn.lines():
        assert f"| {line.asked} | {show(line.answer)} |" in written
        assert show(line.answer) in key
    cells = json.loads(read(folder, "notebook.ipynb"))["cells"]
    source = next("".join(cell["source"]) for cell in cells if "from_document" in "".join(cell["source"]))
    names = {"Exercise": Exercise, "draw": lambda *_, **__: None}
    exec(source, names)
    assert names["exercise_1"].root.data == drawn.root.data
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', read(folder, "homework.html"))[1]
    shown = [question["shown"] for paper in json.loads(data)["papers"] for question in paper["questions"]]
    assert shown == [show(line.answer) for line in drawn.lines()]


def test_students_get_no_answers(lesson):
    drawn, folder = lesson
    for name in ("sheet.html", "sheet.tex", "notebook.ipynb"):
        written = read(folder, name)
        assert "BEGIN SOLUTION" not in written
        assert not [line.working for line in drawn.lines() if line.working in written]


def test_each_edge_of_the_pass_is_a_slide_and_a_page(lesson):
    drawn, folder = lesson
    steps = len(list(backward_steps(drawn.root))) + 1  # and one before the first
    assert max(map(int, re.findall(r"<(\d+)-?>", read(folder, "slides.tex")))) == steps
    assert (folder / "figures" / "steps.pdf").read_bytes().count(b"/Type /Page ") == steps


def test_ninety_minutes_without_a_gap(lesson):
    times = [tuple(map(int, each)) for each in re.findall(r"^\*\*(\d+)–(\d+) · ", read(lesson[1], "plan.md"), re.M)]
    assert (times[0][0], times[-1][1]) == (0, 90)
    assert all(end == start for (_, end), (start, _) in pairwise(times))


def test_the_nudge_is_what_nudging_gives():
    drawn = LESSONS["diamond"]
    name, moved = re.search(r"If (\w+) grows by 0.001.*?changes by about (\S+)\. The", plan(drawn), re.DOTALL).groups()
    numbers = drawn.numbers | {name: drawn.numbers[name] + Fraction(1, 1000)}
    assert float(parse(drawn.formula, **numbers).data - drawn.root.data) == pytest.approx(float(moved), rel=1e-2)


def test_the_command_in_the_plan_works(lesson, capsys):
    (command,) = re.findall(r"^micrograd-like (.*)$", read(lesson[1], "plan.md"), re.MULTILINE)
    with patch("sys.stdin", io.StringIO("n\n\nq\n")):
        assert main(shlex.split(command)) == 0
    assert " = ? q" in capsys.readouterr().out


def test_shared_nodes_are_named():
    assert "a and u are used more than once" in plan(LESSONS["diamond"])
    assert "more than once" not in plan(LESSONS["told"])


def test_a_title_is_one_line_of_markdown(lesson):
    assert read(lesson[1], "plan.md").startswith("# Lesson \\| \\*one\\*: ninety minutes\n")
    assert plan(LESSONS["diamond"], "a\n# b").startswith("# a \\# b: ninety minutes\n")


def test_what_is_there_is_kept(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        write_lesson(LESSONS["diamond"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["karpathy", "--level", "chain"], "a lesson is about one graph"),
        (["karpathy", "--seed", "1"], "karpathy has its own numbers"),
        (["--ask", "w"], "are for a formula of your own"),
        (["--expression", "a*b", "--level", "chain"], "a lesson is about one graph"),
        (["--expression", "|a|"], "not a formula"),
        ([], "required: -o/--output"),
    ],
)
def test_what_does_not_go_together(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["lesson", *arguments, *(["-o", str(tmp_path / "x")] if "required" not in said else [])])
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_from_the_command_line(tmp_path, capsys):
    formula = ["--expression", "u = a*b; L = u + a", "--numbers", "a=2", "b=-3", "--title", "Mine"]
    assert main(["lesson", *formula, "-o", str(tmp_path / "mine")]) == 0
    assert "begin with plan.md" in capsys.readouterr().out
    written = read(tmp_path / "mine", "plan.md")
    assert written.startswith("# Mine: ninety minutes\n")
    assert "| ∂L/∂a | -2 |" in written


def test_the_slides_compile(lesson):
    _, folder = lesson
    command = [need("tex", "pdflatex"), "-interaction=nonstopmode", "-halt-on-error", "slides.tex"]
    assert subprocess.run(command, cwd=folder, capture_output=True).returncode == 0
