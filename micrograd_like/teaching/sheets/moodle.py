"""Exercises as questions for Moodle: one of embedded answers (Cloze) for each exercise, with its picture.

The format is Moodle XML, and in the text of a question `{1:NUMERICAL:=4:0.005#right~%0%-4:0.005#feedback~*#feedback}`
for each answer, as Moodle's documentation describes it under "Embedded Answers (Cloze) question type": the first answer
that matches gives the grade and the feedback, `*` matches any other, and a fraction is not a number.
"""

import re
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ...escape import html, visible
from ..exercises.exercise import Exercise, Line
from ..grading.mistakes import find
from ..grading.report import ask_about

TOLERANCE = 0.005  # of the right answer and of a mistake's: half of the last place of two decimals
_HOW = "Write each answer as a decimal such as -0.75, rounded to two places or more."


def moodle_xml(
    exercises: Sequence[Exercise], picture: Callable[[Exercise], str], category: str = "Backpropagation by hand"
) -> str:
    """Return the questions, in a category of the question bank.

    Args:
        exercises: what is asked.
        picture: draws an exercise as SVG, in base64.
        category: its name.
    """
    quiz = Element("quiz")
    question = SubElement(quiz, "question", type="category")
    name = category.strip().strip("/").replace("/", "//")  # where a single one would begin a category in it
    _text(question, "category", f"$course$/{name}")
    for number, drawn in enumerate(exercises, start=1):
        quiz.append(_question(drawn, number, picture(drawn)))
    indent(quiz)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(quiz, encoding="unicode") + "\n"


def _question(drawn: Exercise, number: int, picture: str) -> Element:
    question = Element("question", type="cloze")
    _text(question, "name", f"Exercise {number}: {drawn.formula}"[:200])
    steps = "<br>".join(map(_html, drawn.formula.split("; ")))
    rows = "".join(
        f"<tr><td>{_html(line.question)} =</td><td>{_blank(drawn, line)}</td></tr>" for line in drawn.lines()
    )
    written = (
        f"<p>{steps}</p><p>Given {_html(', '.join(drawn.conditions))}.</p><p>{_html(drawn.task)} {_HOW}</p>"
        f'<p><img src="@@PLUGINFILE@@/graph.svg" alt="The computation graph"></p><table>{rows}</table>'
    )
    text = _text(question, "questiontext", written, format="html")
    SubElement(text, "file", name="graph.svg", path="/", encoding="base64").text = picture
    working = "".join(f"<li>{_html(line.working)}</li>" for line in drawn.lines())
    _text(question, "generalfeedback", f"<ul>{working}</ul>", format="html")
    return question


def _blank(drawn: Exercise, line: Line) -> str:
    """Return the box for an answer, with the wrong ones that mistakes lead to."""
    right = float(line.answer)
    answers = [f"={right:.10g}:{TOLERANCE}#{_quoted('Right.')}"]
    for wrong, mistakes in _wrong_answers(drawn, line).items():
        said = " Or: ".join(find(mistake_id).sentence for mistake_id in mistakes)
        answers.append(f"%0%{wrong:.10g}:{TOLERANCE}#{_quoted(f'One number may be chance, but perhaps: {said}')}")
    answers.append(f"*#{_quoted(ask_about(line.name, line.kind))}")
    return f"{{1:NUMERICAL:{'~'.join(answers)}}}"


def _wrong_answers(drawn: Exercise, line: Line) -> dict[float, list[str]]:
    """Return the wrong answers that mistakes lead to, each with the ids of these; what is nearly right is left out."""
    found = dict[float, list[str]]()
    if line.kind == "value":
        return found
    place = list(drawn.answers).index(line.name)
    for mistake_id, answers in drawn.visible.items():
        wrong = float(answers[place])
        if abs(wrong - float(line.answer)) > 2 * TOLERANCE:
            same = next((x for x in found if abs(x - wrong) <= 2 * TOLERANCE), wrong)
            found.setdefault(same, []).append(mistake_id)
    return found


def _html(written: str) -> str:
    """Return text for HTML in which nothing begins an embedded answer."""
    return html(written).replace("{", "&#123;").replace("}", "&#125;")


def _quoted(feedback: str) -> str:
    """Return feedback in which no character ends it."""
    return re.sub(r"([}#~/\"\\])", r"\\\1", html(feedback))


def _text(parent: Element, tag: str, written: str, **attributes: str) -> Element:
    """Add text, but for the control characters that XML does not have."""
    made = SubElement(parent, tag, attributes)
    SubElement(made, "text").text = visible(written)
    return made
