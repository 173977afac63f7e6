"""Exercises as question folders for PrairieLearn, whose grade() says which mistake is behind wrong answers.

The format is that of its documentation under "Questions": info.json, question.html and server.py. PrairieLearn's Python
needs no micrograd_like: server.py reads from exercise.json, beside it, which numbers each mistake leads to, and what
`grade` says of these.
"""

import json
import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from ..exercises import Exercise, Line
from ..grading import ask_about
from ..mistakes import find
from .moodle import TOLERANCE
from .tex import typeset

SERVER = Path(__file__).with_name("prairielearn_server.py")


def question_folders(
    exercises: Sequence[Exercise], title: str, fade: float, key: bool, render: Callable[..., str]
) -> dict[str, str]:
    """Return the content of each file, by its path in a course's folder `questions`.

    Args:
        exercises: what is asked, each in a folder of its own.
        title: of all questions.
        fade: how much is left to the student, as in `Exercise.lines`.
        key: whether the answer panel shows the working.
        render: what fills in the template of question.html.
    """
    files: dict[str, str] = {}
    for drawn in exercises:
        unique = UUID(bytes=sha256(json.dumps([drawn.as_document(), fade]).encode()).digest()[:16], version=4)
        folder = "-".join([*re.findall(r"\w+", drawn.name, re.ASCII), str(unique)[:8]])
        info = {
            "uuid": str(unique),
            "title": f"{title}: {drawn.name}",
            "topic": "Backpropagation",
            "type": "v3",
            "singleVariant": True,
            "showCorrectAnswer": key,
        }
        lines = {_key(line): line for line in drawn.lines(fade)}
        part = typeset(drawn, fade)
        part["lines"] = [{**shown, "name": name} for name, shown in zip(lines, part["lines"], strict=True)]
        files |= {
            f"{folder}/info.json": _json(info),
            f"{folder}/question.html": render(part=part, tolerance=TOLERANCE, key=key).replace("{{\\", "{ {\\"),
            f"{folder}/server.py": SERVER.read_text(encoding="utf-8"),
            f"{folder}/exercise.json": _json(_grading(drawn, lines)),
        }
    return files


def _key(line: Line) -> str:
    """Return the name by which PrairieLearn keeps an answer."""
    return line.name if not line.steps else f"{'value' if line.is_value else 'gradient'}_{line.name}"


def _grading(drawn: Exercise, lines: dict[str, Line]) -> dict[str, Any]:
    """Return what server.py has to know: the right answers, what to say, and where each mistake leads."""
    asked = {name: line for name, line in lines.items() if line.is_blank}
    of_answers = [name for name, line in lines.items() if not line.is_value]  # in the order of drawn.answers
    shown = [lines[name].name for name in of_answers if name not in asked and lines[name].steps]
    mistakes = []
    for mistake_id, wrong in drawn.visible_after(shown).items():
        numbers = {name: float(x) for name, x in zip(of_answers, wrong, strict=True) if name in asked}
        if any(abs(numbers[name] - asked[name].answer) > 2 * TOLERANCE for name in numbers):
            mistake, grading = find(mistake_id), drawn.grade(dict(zip(drawn.answers, wrong, strict=True)))
            said = " ".join(grading.explanation)
            mistakes.append({"name": mistake.name, "question": mistake.question, "said": said, "answers": numbers})
    return {
        "tolerance": TOLERANCE,
        "correct_answers": {name: float(line.answer) for name, line in asked.items()},
        "asked": {name: _asked(line) for name, line in asked.items()},
        "mistakes": mistakes,
    }


def _asked(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "of_values": line.is_value,
        "hint": ask_about(line.name, of_values=line.is_value, of_step=not line.steps),
    }


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
