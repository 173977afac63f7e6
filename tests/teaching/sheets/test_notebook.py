"""Sheets as notebooks: run, and graded by nbgrader and otter-grader themselves where they are."""

import csv
import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from micrograd_like.teaching import CLASSICS, Exercise, exercise
from micrograd_like.teaching.exercises.levels import LEVELS
from micrograd_like.teaching.sheets import Sheet
from micrograd_like.teaching.sheets.notebook import otter_tests
from tests.conftest import need

SHEET = Sheet([CLASSICS["karpathy"], exercise(1, "descent")], student="Zoë")
UNUSUAL = Exercise("'\n#", "größe = -a*b + 1; L = abs(größe)/2 + max(a, b)", {"a": Fraction(1, 2), "b": Fraction(-3)})
NOT_SWAPPED = {"f": -2, "d": 4, "c": 4, "e": 4, "b": -12, "a": "8"}  # of karpathy: 0 right
DIAGNOSIS = "The mistake: factors not swapped. It first shows at f."
HINT = "If x grows by 1, by how much does x*y grow?"
WORKED = "∂L/∂f += ∂L/∂L * ∂L/∂f = 1 * d = 1 * 4 = 4"


def read(sheet, key=True):
    return nbformat.reads(sheet.notebook(key), as_version=4)


def fill_in(notebook, mistaken=False):
    """Answer both exercises, the gradients of the first perhaps with a mistake; what generated the blanks stays."""
    for cell in notebook.cells:
        if match := re.fullmatch(r"answers-(\d)", cell.id):
            n = int(match[1])
            drawn = SHEET.exercises[n - 1]
            values = {line.name: str(line.answer) for line in drawn.lines() if line.kind == "value"}
            gradients = NOT_SWAPPED if mistaken and n == 1 else {name: str(x) for name, x in drawn.answers.items()}
            cell.source += f"\nvalues_{n} = {values!r}\ngradients_{n} = {gradients!r}"
            cell.source = cell.source.replace("raise NotImplementedError()", "")
    return notebook


def run(notebook, folder):
    return NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.mark.parametrize("drawn", [*(exercise(0, level) for level in LEVELS), *CLASSICS.values(), UNUSUAL])
@pytest.mark.parametrize("fade", [0.5, 1.0])
def test_the_checks_pass_with_the_key_and_fail_with_blanks(drawn, fade):
    for key in (True, False):
        notebook = read(Sheet([drawn], fade=fade), key)
        nbformat.validate(notebook)
        space = {}
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            if not key and cell.metadata.nbgrader.grade:
                with pytest.raises(AssertionError, match="missing"):
                    exec(cell.source, space)
            else:
                exec(cell.source, space)


def test_it_runs_in_a_kernel(tmp_path):
    done = run(read(SHEET), tmp_path)
    pictures = [
        output.data["text/html"]
        for cell in done.cells
        for output in cell.get("outputs", [])
        if "<img" in output.get("data", {}).get("text/html", "")
    ]
    assert len(pictures) == 2
    assert "data:image/svg+xml" in pictures[0]


def test_a_wrong_answer_stops_it_with_the_diagnosis(tmp_path):
    with pytest.raises(CellExecutionError) as stopped:
        run(fill_in(read(SHEET, key=False), mistaken=True), tmp_path)
    assert DIAGNOSIS in str(stopped.value)
    assert HINT in str(stopped.value)
    assert WORKED not in str(stopped.value)  # a hint does not give it away


def test_cells_are_marked_for_nbgrader_and_have_ids():
    cells = read(SHEET).cells
    ids = [cell.id for cell in cells]
    assert ids == [
        *("heading", "imports"),
        *("exercise-1", "graph-1", "answers-1", "values-1", "gradients-1"),
        *("exercise-2", "graph-2", "answers-2", "values-2", "gradients-2"),
    ]
    assert SHEET.notebook() == SHEET.notebook()
    by_id = {cell.id: cell for cell in cells}
    marks = {"task": False, "schema_version": 3}
    answers = {"grade": False, "grade_id": "answers_1", "locked": False, "solution": True}
    check = {"grade": True, "grade_id": "gradients_2", "locked": True, "solution": False, "points": 1}
    assert by_id["answers-1"].metadata.nbgrader == answers | marks
    assert by_id["gradients-2"].metadata.nbgrader == check | marks
    assert by_id["graph-1"].metadata.nbgrader.locked
    assert r"$e = a \cdot b$" in by_id["exercise-1"].source
    assert by_id["heading"].source.startswith("# Backpropagation by hand\n\nZoë\n")


def test_the_student_version_has_blanks_and_no_answers():
    student = SHEET.notebook(key=False)
    for mark in ("SOLUTION", "HIDDEN", "level=", "+=", "NotImplemented"):
        assert mark not in student
        assert mark in SHEET.notebook()
    answers = next(cell.source for cell in read(SHEET, key=False).cells if cell.id == "answers-1")
    space = {}
    exec(answers, space)
    assert space["values_1"] == dict.fromkeys("edL")
    assert space["gradients_1"] == dict.fromkeys("fdceba")


def test_faded_lines_are_filled_in_and_what_is_all_filled_in_is_not_checked():
    cells = {cell.id: cell.source for cell in read(Sheet([CLASSICS["karpathy"]], fade=0.5), key=False).cells}
    space = {}
    exec(cells["answers-1"], space)
    assert space["values_1"] == {"e": "-6", "d": "4", "L": "-8"}
    assert space["gradients_1"] == {"f": "4", "d": "-2", "c": None, "e": None, "b": None, "a": None}
    assert "gradients-1" in cells
    assert "values-1" not in cells


def test_with_credit_each_answer_has_a_point_of_its_own(tmp_path):
    sheet = Sheet(SHEET.exercises, credit=0.5)
    made = fill_in(read(sheet), mistaken=True)
    answers = next(cell for cell in made.cells if cell.id == "answers-2")
    slipped = sheet.exercises[1].answers["e"] * 3
    answers.source += f"\ngradients_2['e'] = '{slipped}'\nvalues_2['L'] = None"
    points = {}
    for cell in run(made, tmp_path).cells:
        found = [
            output.data["text/plain"] for output in cell.get("outputs", []) if output.output_type == "execute_result"
        ]
        if cell.cell_type == "code" and cell.metadata.nbgrader.grade:
            points[cell.id] = float(found[-1]), cell.metadata.nbgrader.points
    last = sheet.exercises[1]
    gradients = len(last.answers)
    values = sum(line.kind == "value" for line in last.lines())
    by_hand = sheet.exercises[0].grade(NOT_SWAPPED, credit=0.5).points  # only what follows from the slip
    assert points == {
        "values-1": (3, 3),
        "gradients-1": (by_hand, 6),
        "values-2": (values - 1, values),
        "gradients-2": (gradients - 1, gradients),
    }


def test_what_is_filled_in_earns_nothing():
    cells = {c.id: c for c in read(Sheet([CLASSICS["karpathy"]], fade=0.5, credit=0.5)).cells}
    cell, space = cells["gradients-1"], {}
    assert cell.metadata.nbgrader.points == 4
    for name in ("imports", "graph-1", "answers-1"):
        exec(cells[name].source, space)
    assert eval(cell.source, space) == 4
    space["gradients_1"]["a"] = 99
    assert eval(cell.source, space) == 3


def test_an_emptied_dict_is_not_enough():
    cells = {cell.id: cell.source for cell in read(SHEET, key=False).cells}
    space = {"values_1": {}, "gradients_1": {}}
    exec(f"{cells['imports']}\n{cells['graph-1']}", space)
    for name in ("values-1", "gradients-1"):
        with pytest.raises(AssertionError, match="missing"):
            exec(cells[name], space)


def test_without_nbformat_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nbformat", None)
    with pytest.raises(RuntimeError, match="notebooks need nbformat: run `pip install nbformat`"):
        SHEET.notebook()


# -------------------- the graders themselves --------------------


def grader(name, command):
    """Return a function that runs a grader's commands in a folder, with the programs beside it."""
    path = Path(need(name, command))
    environment = {**os.environ, "PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}"}

    def run(*arguments, cwd):
        command = [str(path), *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize(("credit", "wanted"), [(None, (4, 3, 0)), (0.5, (22, 17, 0))])
def test_nbgrader_makes_the_student_version_and_grades_it(credit, wanted, tmp_path):
    nbgrader = grader("graders", "nbgrader")
    source = tmp_path / "source" / "week1"
    source.mkdir(parents=True)
    Sheet(SHEET.exercises, credit=credit).save(source / "sheet.ipynb")
    course = "--CourseDirectory.course_id=test"
    nbgrader("generate_assignment", "week1", course, cwd=tmp_path)
    released = (tmp_path / "release" / "week1" / "sheet.ipynb").read_text(encoding="utf-8")
    for mark in ("SOLUTION", "HIDDEN", "+="):
        assert mark not in released
    assert "raise NotImplementedError()" in released

    for name, mistaken in (("right", False), ("wrong", True), ("empty", None)):
        submitted = nbformat.reads(released, as_version=4)
        folder = tmp_path / "submitted" / name / "week1"
        folder.mkdir(parents=True)
        nbformat.write(submitted if mistaken is None else fill_in(submitted, mistaken), folder / "sheet.ipynb")
    nbgrader("autograde", "week1", course, cwd=tmp_path)
    nbgrader("export", course, cwd=tmp_path)
    with (tmp_path / "grades.csv").open(newline="") as file:
        scores = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert scores == {
        name: (points, wanted[0]) for name, points in zip(("right", "wrong", "empty"), wanted, strict=True)
    }
    if credit is not None:
        return

    graded = nbformat.read(tmp_path / "autograded" / "wrong" / "week1" / "sheet.ipynb", as_version=4)
    errors = {cell.id: o.evalue for cell in graded.cells for o in cell.get("outputs", []) if o.output_type == "error"}
    assert list(errors) == ["gradients-1"]
    assert DIAGNOSIS in errors["gradients-1"]
    assert WORKED in errors["gradients-1"]  # the hidden test tells it, after handing in


def test_otter_grades_with_the_tests_in_a_folder(tmp_path):
    otter = grader("graders", "otter")
    SHEET.save(tmp_path / "tests", otter=True)
    assert sorted(path.name for path in (tmp_path / "tests").iterdir()) == ["exercise_1.py", "exercise_2.py"]
    nbformat.write(fill_in(read(SHEET, key=False), mistaken=True), tmp_path / "sheet.ipynb")
    otter("generate", "-t", "tests", "-o", "autograder.zip", "--no-environment", cwd=tmp_path)
    otter("run", "sheet.ipynb", "-a", "autograder.zip", cwd=tmp_path)
    first, second = json.loads((tmp_path / "results.json").read_text())["tests"][1:]
    assert (first["score"], first["max_score"]) == (1, 2)
    assert (second["score"], second["max_score"]) == (2, 2)
    assert DIAGNOSIS in first["output"]
    assert HINT in first["output"]


def test_otter_checks_in_the_notebook_with_the_tests_that_it_carries(tmp_path):
    python = Path(need("graders", "otter")).with_name("python")
    SHEET.save(tmp_path / "sheet.ipynb", show="sheet")
    values = {line.name: str(line.answer) for line in SHEET.exercises[0].lines() if line.kind == "value"}
    program = f"""
import otter
values_1, gradients_1 = {values!r}, {NOT_SWAPPED!r}
print(repr(otter.Notebook("sheet.ipynb").check("exercise_1", globals())))
"""
    done = subprocess.run([python, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "exercise_1 - 1 result:\n        ✅ Test case passed" in done.stdout, done.stderr
    assert DIAGNOSIS in done.stdout


def test_otters_tests_have_its_documented_parts():
    for name, source in otter_tests(SHEET.exercises).items():
        assert f'\nOK_FORMAT = False\n\nname = "{name}"\n' in source
        assert re.findall(r"@test_case\(points=1\)\ndef (\w+)\((\w+)\):", source) == [
            ("test_values", f"values_{name[-1]}"),
            ("test_gradients", f"gradients_{name[-1]}"),
        ]
    assert read(SHEET).metadata.otter == {"OK_FORMAT": False, "tests": otter_tests(SHEET.exercises)}
