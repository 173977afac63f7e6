"""Sheets for print and as Markdown, and questions for Moodle."""

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from micrograd_like import topological_order
from micrograd_like.cli import main
from micrograd_like.notation import latex
from micrograd_like.notation.answers import read_answer
from micrograd_like.notation.mathml import mathml
from micrograd_like.ops import CONSTANT
from micrograd_like.teaching import CLASSICS, exercise
from micrograd_like.teaching.exercises.levels import LEVELS
from micrograd_like.teaching.sheets import Sheet
from micrograd_like.teaching.sheets.moodle import moodle_xml
from micrograd_like.teaching.sheets.sheet import picture
from micrograd_like.teaching.sheets.tex import typeset


class Page(HTMLParser):
    """What a browser finds on a page: tags, and the text of the part before the key and of the key."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.sheet, self.key, self.in_key = [], [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.in_key = self.in_key or ("class", "key") in attributes

    def handle_data(self, data):
        (self.key if self.in_key else self.sheet).append(data)


@pytest.fixture
def sheet():
    return Sheet([CLASSICS["karpathy"], exercise(1, "diamond")], student="Ada")


def test_a_page_has_a_box_for_each_answer_and_the_key_apart(sheet):
    page = Page(sheet.html())
    asked = sum(len(drawn.lines()) for drawn in sheet.exercises)
    assert page.tags.count(("span", {"class": "box"})) == asked
    assert sum(tag == "img" for tag, _ in page.tags) == 2
    assert mathml(r"\frac{\partial L}{\partial a} =") in sheet.html()
    working = next(line for line in typeset(sheet.exercises[0])["lines"] if line["answer"] == "6")["working"]
    assert all(mathml(step) in sheet.html().partition("Key")[2] for step in working)
    assert "Ada" in page.sheet
    assert not any("+=" in text for text in page.sheet)
    assert "upstream gradient forgotten" in page.key


def test_no_line_begins_with_a_comma():
    html = Sheet([exercise(4, "network")]).html("sheet")
    task = html[html.index("Compute ") : html.index("<img")]
    assert task.count('<span class="whole"><math>') == 19
    assert not re.findall(r"</math>(?![,.]?</span>)", task)
    assert re.search(r"\.whole \{[^}]*nowrap", html)


def test_without_the_key_nothing_is_given_away(sheet):
    page = Page(sheet.html("sheet"))
    assert page.key == []
    assert "-8" not in page.sheet
    assert "Key" not in sheet.markdown("sheet")


def test_faded_lines_are_filled_in(sheet):
    half = Sheet(sheet.exercises, fade=0.5)
    boxes = Page(half.html()).tags.count(("span", {"class": "box"}))
    assert boxes == sum(line.is_blank for drawn in half.exercises for line in drawn.lines(0.5))
    assert 0 < boxes < sum(len(drawn.lines()) for drawn in half.exercises)


def test_markdown_tables_have_whole_rows(sheet):
    for line in sheet.markdown().splitlines():
        if line.startswith("|"):
            assert len(line.replace("\\|", "").split("|")) in (4, 5)
    assert "| $e = a \\cdot b$ |  |" in sheet.markdown()


def test_save_by_ending(sheet, tmp_path):
    assert sheet.save(tmp_path / "s.html").read_text(encoding="utf-8") == sheet.html()
    assert sheet.save(tmp_path / "s.md", show="sheet").read_text(encoding="utf-8") == sheet.markdown("sheet")
    with pytest.raises(ValueError, match=r"end the name in \.html, "):
        sheet.save(tmp_path / "s.docx")


def test_names_are_text(tmp_path):
    page = Page(Sheet([CLASSICS["twice"]], title="<b>&", student="<script>x</script>").html())
    assert not any(tag in ("script", "b") for tag, _ in page.tags if tag == "script")
    assert "<script>x</script>" in page.sheet
    assert "\\<script\\>" in Sheet([CLASSICS["twice"]], student="<script>").markdown()


def test_a_page_for_the_screen_is_whole_and_shows_no_answer(sheet, tmp_path):
    written = sheet.save(tmp_path / "s.html", screen=True).read_text(encoding="utf-8")
    page = Page(written)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("input") == sum(len(drawn.lines()) for drawn in sheet.exercises)
    assert tags.count("form") == 2
    assert tags.count("script") == 2  # the data, and what reads them
    assert "link" not in tags
    assert all(attributes["src"].startswith("data:") for _, attributes in page.tags if "src" in attributes)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {attributes["for"] for tag, attributes in page.tags if tag == "label"} <= set(ids)
    shown = "".join(page.sheet).partition('{"reading"')[0]
    assert "∂L/∂a" in shown
    assert "-8" not in shown
    evil = Page(Sheet(sheet.exercises[:1], title="<b>", student="</script><script>alert(1)").screen())
    assert [tag for tag, _ in evil.tags].count("script") == 2
    assert "</script><script>alert(1)" in evil.sheet
    assert len(written) < 120_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--screen"], "--screen takes a file for the page, -o FILE.html"),
        (["--screen", "-o", "s.md"], "a sheet for the screen is a page: end its name in .html"),
        (["--no-key"], "--no-key is for a sheet"),
        (["--no-key", "--screen", "-o", "s.html"], "a page for the screen needs its own"),
        (["--key", "-o", "s.html"], "--key prints the solution"),
    ],
)
def test_options_that_do_not_go_together(options, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["exercise", *options])
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# -------------------- Moodle --------------------


CLOZE = re.compile(r"\{1:NUMERICAL:((?:[^}\\]|\\.)*)\}")


def blanks(question):
    """Return for each embedded answer the numbers, grades and feedback, as Moodle's documentation says it is read."""
    found = []
    for blank in CLOZE.findall(question.findtext("questiontext/text")):
        answers = []
        for part in re.split(r"(?<!\\)~", blank):
            grade, number, tolerance, said = re.fullmatch(r"(=|%0%|)([-\d.e+]+|\*)(?::([\d.]+))?#(.*)", part).groups()
            answers.append((grade, number, tolerance, re.sub(r"\\(.)", r"\1", said)))
        found.append(answers)
    return found


def test_moodle_asks_an_exercise_in_one_question_with_its_picture(sheet, tmp_path):
    quiz = ElementTree.fromstring(sheet.save(tmp_path / "s.xml").read_text(encoding="utf-8"))
    assert [q.get("type") for q in quiz] == ["category", "cloze", "cloze"]
    first = quiz[1]
    assert first.findtext("name/text").startswith("Exercise 1: ")
    assert "L = d*f" in first.findtext("questiontext/text")
    assert "as a decimal" in first.findtext("questiontext/text")
    assert "@@PLUGINFILE@@/graph.svg" in first.findtext("questiontext/text")
    assert b"<svg" in base64.b64decode(first.findtext("questiontext/file"))
    lines = sheet.exercises[0].lines()
    assert len(blanks(first)) == len(lines)
    of_a = {number: (grade, said) for grade, number, _, said in blanks(first)[-1]}
    assert lines[-1].question == "∂L/∂a"
    assert of_a["6"] == ("=", "Right.")
    assert "upstream gradient" in of_a["-3"][1]
    assert "the other factor" in of_a["8"][1]  # -2 * 2, from f = -2 not swapped at L: 4 * 2
    assert all(
        said.startswith("One number may be chance, but perhaps: ") for grade, said in of_a.values() if grade == "%0%"
    )
    assert list(of_a.items())[-1] == ("*", ("", "Which operations use a, and what does each contribute?"))
    assert "= -2 * (-3) = 6" in first.findtext("generalfeedback/text")


@pytest.mark.parametrize("drawn", [*(exercise(0, level) for level in LEVELS), *CLASSICS.values()])
def test_moodle_questions_keep_to_its_rules(drawn):
    (question,) = ElementTree.fromstring(moodle_xml([drawn], lambda drawn: "")).findall("question[@type='cloze']")
    for line, answers in zip(drawn.lines(), blanks(question), strict=True):
        *numbered, rest = answers
        assert numbered[0][0] == "="
        assert {grade for grade, *_ in numbered} <= {"=", "%0%"}
        assert rest[:3] == ("", "*", None)
        room = [float(tolerance) for _, _, tolerance, _ in numbered]
        assert room[0] == 0.005
        numbers = [float(number) for _, number, *_ in numbered]
        assert numbers[0] == pytest.approx(float(line.answer))
        assert all(  # no two overlap
            abs(x - y) > room[k] + room[j] for k, x in enumerate(numbers) for j, y in enumerate(numbers[:k])
        )


def moodle_says(answers, written):
    """Return whether an answer is right: the first number that is near enough says so, as Moodle does it."""
    for grade, number, tolerance, _ in answers:
        if number == "*" or abs(float(written) - float(number)) <= float(tolerance) * (1 + 1e-9):
            return grade == "="
    raise AssertionError("nothing matches")


def test_moodle_judges_decimals_as_all_else_does():
    drawn = [exercise(seed, level) for seed in range(3) for level in ("chain", "tanh", "softmax", "exp", "descent")]
    questions = ElementTree.fromstring(moodle_xml(drawn, lambda drawn: "")).findall("question[@type='cloze']")
    tried = coarse = 0
    for each, question in zip(drawn, questions, strict=True):
        for line, answers in zip(each.lines(), blanks(question), strict=True):
            truth = float(line.answer)
            for places in range(5):
                for off in (0, 1, -1, 0.3, -0.3, 5, -5):
                    written = f"{truth + off * 10**-places:.{places}f}"
                    judged = read_answer(written)
                    same = [f"{float(written):.{n}f}" for n in range(5)]
                    if len({read_answer(x).is_right(truth) for x in same if float(x) == float(written)}) > 1:
                        continue  # nor can it tell 0.4 from 0.40
                    if judged.agrees(truth) or abs(judged.number - truth) > 0.005 + 1e-9:  # else Moodle cannot tell
                        assert moodle_says(answers, written) is judged.is_right(truth), (written, truth)
                        tried += 1
                        coarse += judged.is_too_coarse(truth)
    assert tried > 2000
    assert coarse > 50


def test_a_title_makes_one_category():
    quiz = ElementTree.fromstring(moodle_xml([CLASSICS["twice"]], lambda drawn: "", "/Week 1/2: \x07<b>&"))
    assert quiz.findtext("question/category/text") == r"$course$/Week 1//2: \x07<b>&"


def test_the_command_line_writes_a_sheet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["exercise", "--level", "chain", "--count", "2", "-o", "s.html"]) == 0
    assert (tmp_path / "s.html").read_text(encoding="utf-8").count('class="exercise"') == 2
    assert main(["exercise", "karpathy", "--fade", "0", "-o", "s.html"]) == 0
    assert 'class="box"' not in (tmp_path / "s.html").read_text(encoding="utf-8")
    for name in ("s.tex", "s.md", "s.ipynb", "s.html"):
        assert main(["exercise", "karpathy", "--no-key", "-o", name]) == 0
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert "upstream gradient forgotten" not in written
        assert "BEGIN SOLUTION" not in written


HEADING = [
    "--title",
    "Test <1>",
    "--course",
    "ML & AI",
    "--date",
    "1 May",
    "--instructions",
    "No 100% guesses.",
    "--points",
    "10",
]


@pytest.mark.parametrize("ending", ["html", "tex", "md"])
def test_a_mixed_sheet_under_the_teachers_heading(ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    levels = ["--level", "operation", "--level", "max", "--level", "softmax"]
    assert main(["exercise", *levels, *HEADING, "--no-key", "-o", f"s.{ending}"]) == 0
    written = (tmp_path / f"s.{ending}").read_text(encoding="utf-8")
    plain = re.sub(r"&amp;|\\&", "&", re.sub(r"\\%", "%", written))
    for said in ("ML & AI", "1 May", "No 100% guesses.", "round a decimal to two places or more"):
        assert said in plain
    assert written.count("10 points") == 3
    if ending == "html":
        assert main(["exercise", *levels, *HEADING, "--screen", "-o", "p.html"]) == 0
        page = (tmp_path / "p.html").read_text(encoding="utf-8")
        assert page.count("(10 points)") == 3
        assert all(said in page for said in ("<h1>Test &lt;1&gt;</h1>", "ML &amp; AI · 1 May", "No 100% guesses."))
    assert sum(f"Exercise {k}" in written for k in range(1, 5)) == 3
    assert main(["exercise", *levels, "--answers-only", "-o", f"a.{ending}"]) == 0
    answers = (tmp_path / f"a.{ending}").read_text(encoding="utf-8")
    for k, level in enumerate(("operation", "max", "softmax")):
        for line in exercise(k, level).lines():
            number = latex.number(line.answer)
            assert (mathml(number) if ending == "html" else number) in answers
    assert "data:image" not in answers
    assert "tikzpicture" not in answers
    assert "upstream gradient forgotten" not in answers


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--points", "10"], "--points is for a sheet"),
        (["--answers-only"], "--answers-only is for a sheet"),
        (["--answers-only", "-o", "s.xml"], "the answers alone are a sheet to read"),
        (["--level", "chain", "--level", "max", "--size", "3"], "--size is for --level chain"),
        (["--points", "-1", "-o", "s.html"], "'-1' is not a number of points above 0"),
        (["--whole", "--level", "batch"], "allow fractions"),
        (["--ask", "zz"], "there is no gradient to ask for at 'zz'"),
    ],
)
def test_what_a_sheet_cannot_be_is_said(options, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["exercise", *options])
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_graph_has_a_box_for_each_number_on_paper():
    drawn = exercise(2, "diamond")
    svg = base64.b64decode(picture(drawn, boxes=True)).decode()
    tikz = Sheet([drawn]).tex("sheet")
    nodes = sum(v.op is not CONSTANT for v in topological_order(drawn.root))
    assert tikz.count(r"\fbox{\phantom{0.000}}") == 2 * nodes  # data and gradient
    assert str(drawn.root.data) not in re.findall(r">([^<>]+)<", svg)
