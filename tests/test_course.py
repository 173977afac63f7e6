"""The notebooks of the course are what comes of their texts today."""

import re

import nbformat
import pytest

from .course import COURSE, ROOT, TEXTS, build, saved, shown

NAMES = [path.stem for path in TEXTS]


@pytest.fixture(scope="module")
def notebooks():
    return {path: nbformat.read(saved(path), as_version=4) for path in TEXTS}


@pytest.mark.parametrize("path", TEXTS, ids=NAMES)
def test_it_is_what_comes_of_its_text(path, notebooks):
    assert shown(notebooks[path]) == shown(build(path)), f"python -m tests.course {path.stem} makes it anew"


def test_each_text_has_its_notebook_and_a_line_in_the_index():
    assert {path.name for path in COURSE.glob("*.ipynb")} == {saved(path).name for path in TEXTS}
    index = (ROOT / "demos" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\(course/(.*?)\.ipynb\)", index) == NAMES


@pytest.mark.parametrize("path", TEXTS, ids=NAMES)
def test_it_asks_and_grades(path):
    text = path.read_text(encoding="utf-8")
    lesson, exercise = text.split("\n## Exercise\n")
    assert lesson.count("**Question.**") >= 2
    assert len(text.split()) < 1500, "a quarter of an hour"
    wrong, right = exercise.rfind("grade("), exercise.rfind("check(")
    assert 0 < wrong < right, "a wrong answer, diagnosed, and then the right one"


@pytest.mark.parametrize("path", TEXTS, ids=NAMES)
def test_a_forge_shows_its_pictures_and_nothing_of_the_machine(path, notebooks):
    outputs = [output for cell in notebooks[path].cells for output in cell.get("outputs", ())]
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    assert kinds <= {"image/png", "text/plain"}
    assert "error" not in {output.output_type for output in outputs}
    said = str([output.get("text") or output.data.get("text/plain") for output in outputs])
    assert not re.search(r"0x[0-9a-f]{6}|/tmp|/home|\d seconds", said)


def test_a_changed_output_is_noticed(notebooks):
    notebook = nbformat.from_dict(notebooks[TEXTS[0]])
    before = shown(notebook)
    cell = next(cell for cell in notebook.cells if cell.get("outputs"))
    cell.outputs[0].data["text/plain"] = "otherwise"
    assert shown(notebook) != before
