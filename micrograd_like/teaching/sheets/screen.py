"""What a page for the screen needs in order to grade as `grade` does, without Python: data, and the program to read it.

The data are the lines of an exercise, with the formulas by which they follow and those that mistakes make of them, just
as Python has them; `intervals.js` and `grading.js` read them by the same few rules as `intervals.py` and `verdicts.py`.
"""

from collections.abc import Iterable
from typing import Any

from ...engine import topological_order
from ...notation.numbers import show
from ...pages.document import document, source
from ...pages.engine import engine, plain, reading
from ..exercises.exercise import Exercise, Line
from ..grading import verdicts
from ..grading.mistakes import MISTAKES
from ..grading.report import WORDS, ask_about

Data = dict[str, Any]  # for JSON


def screen(title: str, body: str, exercises: Iterable[Exercise], papers: Iterable[Data], student: str) -> str:
    """Return the page of exercises as one HTML file, of which `body` has a form for each paper."""
    return document(
        title,
        body,
        styles=[source(__package__, "screen.css")],
        scripts=[*program(exercises), source(__package__, "screen.js")],
        data={**rules(), "papers": list(papers), "student": student},
    )


def program(exercises: Iterable[Exercise]) -> list[str]:
    """Return the scripts that grade; `DATA` is to have what `rules` returns.

    Raises:
        CompilerError: JavaScript has no spelling for an operation of one's own; the text says how to add it.
    """
    used = {v.op for drawn in exercises for v in topological_order(drawn.rules.root)}
    return [engine(used, derived=False), source(__package__, "intervals.js", "grading.js")]


def rules() -> Data:
    """Return what all exercises have in common: how answers are read, the mistakes, and what is said of them."""
    said = {
        "choice": {
            "finer": verdicts.FINER,
            "onTheWay": verdicts.ON_THE_WAY,
            "least": verdicts.LEAST,
            "same": verdicts.SAME,
            "sure": verdicts.SURE,
            "against": verdicts.AGAINST,
            "leastBits": verdicts.LEAST_BITS,
            "mostBits": verdicts.MOST_BITS,
            "mostLines": verdicts.MOST_LINES,
        },
        "words": WORDS,
        "mistakes": {m.id: {"name": m.name, "sentence": m.sentence, "question": m.question} for m in MISTAKES},
    }
    return {"reading": reading(), "rules": said}


# -------------------- an exercise --------------------


def paper(drawn: Exercise, fade: float = 1.0) -> Data:
    """Return an exercise as the page grades it.

    Args:
        drawn: the exercise.
        fade: how much is left to the student, as in `Exercise.lines`; what is filled in is told like a given number.

    Raises:
        ValueError: as `Exercise.lines` says.
    """
    asked = {line.id: line for line in drawn.lines(fade)}
    truths = drawn.rules.numbers()
    given = {name: float(x) for name, x in drawn.rules.given.items()}
    lines, questions = [], []
    for line in drawn.rules.lines:
        if wanted := asked.get(line.id):
            questions.append({"id": line.id, "name": line.name, **_question(wanted)})
        if wanted and not wanted.is_blank:
            given[line.id] = float(truths[line.id])
        else:
            wrong = {key: [plain(tree) for tree in trees] for key, trees in line.wrong.items()}
            rules = [plain(tree) for tree in line.rules]
            lines.append({"id": line.id, "rules": rules, "truth": float(truths[line.id]), "wrong": wrong})
    return {"given": given, "lines": lines, "questions": questions}


def _question(line: Line) -> Data:
    """Return how a line is asked for, and what helps; the working comes without its result."""
    *before, last = line.working.split("; ")
    return {
        "kind": line.kind,
        "asked": line.asked,
        "filled": not line.is_blank,
        "question": line.question,
        "shown": show(line.answer),
        "hint": ask_about(line.name, line.kind),
        "working": [*before, last.rpartition(" = ")[0] + " = ?"],
    }
