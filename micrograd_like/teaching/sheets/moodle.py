"""Exercises as questions for Moodle: one numerical question for each gradient, with feedback for each known mistake.

The format is Moodle XML, as its documentation describes it under "Moodle XML format" and "Numerical question type": the
first answer that matches gives the grade and the feedback, `*` matches any other, and a fraction is no number.
"""

from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..exercises.exercise import Exercise
from ..grading.mistakes import find
from ..grading.report import ask_about

TOLERANCE = 0.005  # of the right answer and of a mistake's: half of the last place of two decimals


def moodle_xml(exercises: Sequence[Exercise], category: str = "Backpropagation by hand") -> str:
    """Return the questions, in a category of the question bank."""
    quiz = Element("quiz")
    question = SubElement(quiz, "question", type="category")
    name = category.strip().strip("/").replace("/", "//")  # where a single one would begin a category in it
    _text(question, "category", f"$course$/{name}")
    for number, drawn in enumerate(exercises, start=1):
        for name in drawn.answers:
            quiz.append(_question(drawn, number, name))
    indent(quiz)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(quiz, encoding="unicode") + "\n"


def _question(drawn: Exercise, number: int, name: str) -> Element:
    question = Element("question", type="numerical")
    asked = drawn.question(name)
    _text(question, "name", f"Exercise {number}: {asked}")
    steps = drawn.formula.replace("; ", "\n")
    text = f"{steps}\n\nGiven {', '.join(drawn.conditions)}: what is {asked}?"
    if drawn.is_updated(name):
        text += f" It is the number after an update by gradient descent with learning rate {drawn.learning_rate}."
    text += " Write it as a decimal such as -0.75, rounded to two places or more."
    _text(question, "questiontext", text, format="plain_text")
    SubElement(question, "defaultgrade").text = "1"
    right = drawn.answers[name]
    _answer(question, right, 100, "Right.")
    for wrong, mistakes in _wrong_answers(drawn, name).items():
        said = " Or: ".join(find(mistake_id).sentence for mistake_id in mistakes)
        _answer(question, wrong, 0, f"One number alone may be chance; it may be: {said}")
    _answer(question, "*", 0, ask_about(name, "update" if drawn.is_updated(name) else "gradient"))
    working = next(line.working for line in drawn.lines() if line.question == asked)
    _text(question, "generalfeedback", working, format="plain_text")
    return question


def _wrong_answers(drawn: Exercise, name: str) -> dict[float, list[str]]:
    """Return the wrong answers that mistakes lead to, each with the ids of these; what is nearly right is left out."""
    place, found = list(drawn.answers).index(name), dict[float, list[str]]()
    for mistake_id, answers in drawn.visible.items():
        wrong = float(answers[place])
        if abs(wrong - drawn.answers[name]) > 2 * TOLERANCE:
            same = next((x for x in found if abs(x - wrong) <= 2 * TOLERANCE), wrong)
            found.setdefault(same, []).append(mistake_id)
    return found


def _answer(question: Element, number: Any, fraction: int, feedback: str) -> None:
    answer = SubElement(question, "answer", fraction=f"{fraction}", format="moodle_auto_format")
    SubElement(answer, "text").text = number if isinstance(number, str) else f"{float(number):.10g}"
    SubElement(answer, "tolerance").text = f"{TOLERANCE}"
    _text(answer, "feedback", feedback, format="plain_text")


def _text(parent: Element, tag: str, written: str, **attributes: str) -> None:
    """Add text, but for the control characters that XML does not have."""
    shown = "".join(c for c in written if c.isprintable() or c == "\n")
    SubElement(SubElement(parent, tag, attributes), "text").text = shown
