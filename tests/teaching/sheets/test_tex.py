"""Sheets in LaTeX, compiled by a real pdflatex where there is one."""

import re
import subprocess
from fractions import Fraction

import pytest

from micrograd_like.escape import latex as escape
from micrograd_like.teaching import CLASSICS, Exercise, exercise
from micrograd_like.teaching.exercises.levels import LEVELS
from micrograd_like.teaching.sheets import Sheet
from micrograd_like.teaching.sheets.tex import typeset
from tests.conftest import need
from tests.formulas import assert_renders

EVERYTHING = [*(exercise(seed, level) for level in LEVELS for seed in (0, 1)), *CLASSICS.values()]
ODD = r"""Zoë & Łukasz #1_~^\{}%$ "x" 'y', `z` -- <a>!`?` ∂ [2] =cmd() \input{x}"""


@pytest.fixture
def compile_tex(tmp_path):
    """Return a function that typesets a file and returns what TeX logged and the text of the pages."""
    pdflatex, pdftotext = need("tex", "pdflatex"), need("tex", "pdftotext")

    def run(path):
        command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", path.name]
        done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, errors="replace", timeout=60)
        assert done.returncode == 0, done.stdout[-1000:]
        text = subprocess.run([pdftotext, "-layout", path.with_suffix(".pdf"), "-"], capture_output=True, text=True)
        return path.with_suffix(".log").read_text(errors="replace"), text.stdout

    return run


@pytest.mark.parametrize("key", [True, False])
def test_every_level_and_every_classic_compiles(key, compile_tex, tmp_path):
    log, text = compile_tex(Sheet(EVERYTHING).save(tmp_path / "sheet.tex", key=key))
    too_wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert max(too_wide, default=0) < 3, too_wide
    assert "Missing character" not in log
    assert text.count("Exercise ") == len(EVERYTHING) * (1 + key)
    assert text.count("What wrong answers tell") == (len(EVERYTHING) if key else 0)
    pages = text.split("\f")
    first = next((k for k, page in enumerate(pages) if "Key" in page), None)
    assert (first is not None) == key
    assert not key or pages[first].split()[0] == "Key"  # on a page of its own


@pytest.mark.parametrize("name", [ODD, "%", "\\", "a\x00b\nc", "=cmd()"])
def test_names_are_typeset_as_they_are(name, compile_tex, tmp_path):
    _, text = compile_tex(Sheet([CLASSICS["twice"]], title=name, student=name).save(tmp_path / "sheet.tex"))
    shown = "".join(name.replace("\x00", "").split())
    assert "".join(text.replace("’", "'").split()).count(shown) == 2


def test_a_letter_that_the_fonts_lack_is_shown_as_its_number(compile_tex, tmp_path):
    _, text = compile_tex(Sheet([CLASSICS["twice"]], student="李 ✓").save(tmp_path / "sheet.tex"))
    assert "674E" in text
    assert "2713" in text


def test_text_is_escaped():
    assert escape("50% & #1_{a}") == r"50\% \& \#1\_\{a\}"
    assert escape("~^\\") == r"\textasciitilde{}\textasciicircum{}\textbackslash{}"
    assert escape("Zoë\n\x07x") == "Zoë x"


def test_the_student_version_has_blanks_and_no_answers():
    for drawn in EVERYTHING:
        sheet = Sheet([drawn])
        student, teacher = sheet.tex(key=False), sheet.tex()
        assert teacher.startswith(student.removesuffix("\\end{document}\n"))
        assert student.count(r"\blank\par") == len(drawn.lines())
        for mark in (r"\mathrel{+}=", r"\boldsymbol", "Key"):
            assert mark not in student
            assert mark in teacher
        for step in drawn.lines():
            assert f" = {step.answer}$" not in student.partition("\\begin{multicols}")[2]


def test_faded_lines_are_filled_in():
    drawn = CLASSICS["karpathy"]
    half = Sheet([drawn], fade=0.5).tex(key=False)
    assert half.count(r"\blank\par") == sum(line.is_blank for line in drawn.lines(0.5)) == 4
    assert r"$\displaystyle e = a \cdot b = {}$$\displaystyle -6$" in half


def test_working_in_symbols_and_numbers():
    shown = typeset(CLASSICS["karpathy"])
    of_a = next(line for line in shown["lines"] if line["question"] == r"\frac{\partial L}{\partial a}")
    assert of_a["answer"] == "6"
    assert of_a["working"] == [
        r"\frac{\partial L}{\partial a} \mathrel{+}= \frac{\partial L}{\partial e} \cdot \frac{\partial e}{\partial a} "
        r"= -2 \cdot b = -2 \cdot \left(-3\right) = 6"
    ]
    twice = typeset(CLASSICS["twice"])["lines"][-1]
    assert twice["working"][-1] == r"\frac{\partial L}{\partial a} = 1 + 1 = 2"


def test_the_step_of_gradient_descent():
    numbers = {"w": Fraction(2), "x": Fraction(3)}
    drawn = Exercise("", "L = w*x", numbers, learning_rate=Fraction(1, 2), parameters=("w",))
    shown = typeset(drawn)
    assert r"with learning rate $\frac{1}{2}$, to $w_{\text{new}}$." in shown["task"]
    assert shown["lines"][-1] == {
        "question": r"w_{\text{new}}",
        "answer": r"\frac{1}{2}",
        "blank": True,
        "working": [
            r"w_{\text{new}} = w - \frac{1}{2} \cdot \frac{\partial L}{\partial w} "
            r"= 2 - \frac{1}{2} \cdot 3 = \frac{1}{2}"
        ],
    }


@pytest.mark.parametrize(
    "drawn", [exercise(1, "descent"), exercise(0, "tanh"), CLASSICS["twice"]], ids=lambda drawn: drawn.name
)
def test_formulas_render_elsewhere_too(drawn):
    shown = typeset(drawn)
    formulas = [*shown["steps"], *(line["question"] for line in shown["lines"])]
    formulas += [step for line in shown["lines"] for step in line["working"]]
    sentences = [*shown["given"], shown["task"], *(x for _, answers in shown["telling"] for x in answers)]
    formulas += [part for sentence in sentences for part in sentence.split("$")[1::2]]
    assert_renders(formulas)
