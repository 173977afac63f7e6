"""Sheets for print and as Markdown, and questions for Moodle."""

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from micrograd_like.cli import main
from micrograd_like.teaching import CLASSICS, exercise
from micrograd_like.teaching.export import Sheet
from micrograd_like.teaching.export.moodle import moodle_xml


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
    assert "∂L/∂a += ∂L/∂e * ∂e/∂a = -2 * b = -2 * (-3) = 6" in page.key
    assert "Ada" in page.sheet
    assert not any("+=" in text for text in page.sheet)
    assert "upstream gradient forgotten" in page.key


def test_without_the_key_nothing_is_given_away(sheet):
    page = Page(sheet.html(key=False))
    assert page.key == []
    assert "-8" not in page.sheet
    assert "Key" not in sheet.markdown(key=False)


def test_faded_lines_are_filled_in(sheet):
    half = Sheet(sheet.exercises, fade=0.5)
    boxes = Page(half.html()).tags.count(("span", {"class": "box"}))
    assert boxes == sum(line.is_blank for drawn in half.exercises for line in drawn.lines(0.5))
    assert 0 < boxes < sum(len(drawn.lines()) for drawn in half.exercises)


def test_markdown_tables_have_whole_rows(sheet):
    for line in sheet.markdown().splitlines():
        if line.startswith("|"):
            assert len(line.replace("\\|", "").split("|")) in (4, 5)
    assert "| e = a \\* b |  |" in sheet.markdown()


def test_save_by_ending(sheet, tmp_path):
    assert sheet.save(tmp_path / "s.html").read_text(encoding="utf-8") == sheet.html()
    assert sheet.save(tmp_path / "s.md", key=False).read_text(encoding="utf-8") == sheet.markdown(key=False)
    with pytest.raises(ValueError, match=r"end the name in \.html, \.md, \.xml"):
        sheet.save(tmp_path / "s.docx")


def test_names_are_text(tmp_path):
    page = Page(Sheet([CLASSICS["twice"]], title="<b>&", student="<script>x</script>").html())
    assert not any(tag in ("script", "b") for tag, _ in page.tags if tag == "script")
    assert "<script>x</script>" in page.sheet
    assert "\\<script\\>" in Sheet([CLASSICS["twice"]], student="<script>").markdown()


# -------------------- Moodle --------------------


def test_moodle_questions_have_feedback_for_each_mistake(sheet, tmp_path):
    quiz = ElementTree.fromstring(sheet.save(tmp_path / "s.xml").read_text(encoding="utf-8"))
    assert [q.get("type") for q in quiz][:2] == ["category", "numerical"]
    questions = quiz.findall("question[@type='numerical']")
    assert len(questions) == sum(len(drawn.answers) for drawn in sheet.exercises)
    of_a = next(q for q in questions if q.findtext("name/text") == "Exercise 1: ∂L/∂a")
    assert "L = d*f" in of_a.findtext("questiontext/text")
    answers = {float(a.findtext("text")): (a.get("fraction"), a.findtext("feedback/text")) for a in of_a.iter("answer")}
    assert answers[6.0] == ("100", "Right.")
    assert answers[-3.0][0] == "0"
    assert "upstream gradient" in answers[-3.0][1]
    assert "the other factor" in answers[8.0][1]  # -2 * 2, from f = -2 not swapped at L: 4 * 2
    assert "= -2 * (-3) = 6" in of_a.findtext("generalfeedback/text")


@pytest.mark.parametrize("seed", range(5))
def test_moodle_never_calls_a_right_answer_wrong(seed):
    drawn = exercise(seed, "diamond")
    for question in ElementTree.fromstring(moodle_xml([drawn])).findall("question[@type='numerical']"):
        numbers = [float(a.findtext("text")) for a in question.iter("answer")]
        assert question.find("answer").get("fraction") == "100"
        assert float(drawn.answers[question.findtext("name/text").rpartition("∂")[2]]) == pytest.approx(numbers[0])
        gaps = [abs(x - y) for k, x in enumerate(numbers) for y in numbers[:k]]
        assert all(gap > 0.002 for gap in gaps)  # no two answers overlap


def test_the_command_line_writes_a_sheet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["exercise", "--level", "chain", "--count", "2", "-o", "s.html"]) == 0
    assert (tmp_path / "s.html").read_text(encoding="utf-8").count('class="exercise"') == 2
    assert main(["exercise", "karpathy", "--fade", "0", "-o", "s.html"]) == 0
    assert 'class="box"' not in (tmp_path / "s.html").read_text(encoding="utf-8")
