"""What a page for the screen needs in order to grade as `grade` does, without Python: data, and the program to read it.

The data are the lines of an exercise, with the formulas by which they follow and those that mistakes make of them, just
as Python has them; `numbers.js` and `grading.js` read them by the same few rules as `answers.py` and `verdicts.py`.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Any

from ...compiler.spelling import HELPERS, JAVASCRIPT
from ...escape import json_in_html
from ...formulas import Apply, Tree
from ...notation import answers
from ...notation.expressions import functions
from ...notation.numbers import show
from ...ops import Variadic
from ..exercises.exercise import Exercise, Line
from ..grading import verdicts
from ..grading.mistakes import MISTAKES
from ..grading.report import WORDS, ask_about

Data = dict[str, Any]  # for JSON

SCRIPTS = ("numbers.js", "grading.js", "screen.js")


def program(*names: str) -> str:
    """Return scripts with what they need before them; of the page's own, screen.js wants PAPERS too."""
    rules = json_in_html(_rules())
    return f"const RULES = {rules};\n{_functions()}\n{source(*names)}"


@cache
def source(*names: str) -> str:
    """Return the text of files that stand beside this one."""
    return "\n".join((files(__package__) / name).read_text(encoding="utf-8") for name in names)


def _rules() -> Data:
    """Return what all exercises have in common: how answers are read, the mistakes, and what is said of them."""
    patterns = {name: getattr(answers, name.upper()) for name in ("decimal", "mixed", "fraction", "comma", "thousands")}
    return {
        "patterns": patterns,
        "rewritten": [(pattern, re.sub(r"\\(\d)", r"$\1", instead)) for pattern, instead in answers.REWRITTEN],
        "characters": answers.CHARACTERS,
        "raised": answers.RAISED,
        "constants": answers.CONSTANTS,
        "limits": answers.LIMITS,
        "unread": answers.UNREAD,
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


def _functions() -> str:
    """Return in JavaScript the functions that answers may call, with how many operands they take."""
    lines = {
        "sum": "{ least: 1, most: Infinity, compute: (...xs) => xs.reduce((x, y) => x + y) }",
        "logsumexp": "{ least: 1, most: Infinity, compute: logsumexp }",
    }
    for name, row in functions().items():
        if not isinstance(row, Variadic):
            most, least = len(row.operand_names), len(row.operand_names) - (row.default is not None)
            operands = [*row.operand_names[:least], *(f"{x} = {row.default}" for x in row.operand_names[least:])]
            computed = JAVASCRIPT[row.name].format(*row.operand_names)
            lines[name] = f"{{ least: {least}, most: {most}, compute: ({', '.join(operands)}) => {computed} }}"
    table = "".join(f"  {name}: {line},\n" for name, line in lines.items())
    return f"{''.join(HELPERS['javascript'].values())}\nconst FUNCTIONS = {{\n{table}}};\n"


# -------------------- an exercise --------------------


def paper(drawn: Exercise, fade: float = 1.0) -> Data:
    """Return an exercise as the page grades it.

    Args:
        drawn: the exercise.
        fade: how much is left to the student, as in `Exercise.lines`; what is filled in is told like a given number.

    Raises:
        ValueError: as `Exercise.lines` says.
    """
    asked = {(line.kind, line.node): line for line in drawn.lines(fade)}
    truths = drawn.rules.numbers()
    given = {name: float(x) for name, x in drawn.rules.given.items()}
    lines, questions = [], []
    for line in drawn.rules.lines:
        if wanted := asked.get((line.kind, line.node)):
            questions.append({"id": line.id, "name": line.name, **_question(wanted)})
        if wanted and not wanted.is_blank:
            given[line.id] = float(truths[line.id])
        else:
            wrong = {key: [_plain(tree) for tree in trees] for key, trees in line.wrong.items()}
            rules = [_plain(tree) for tree in line.rules]
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


def _plain(tree: Tree) -> Any:
    """Return a formula as plain data: a number, a name, or an operation followed by its operands."""
    if isinstance(tree, Apply):
        return [tree.operation, *map(_plain, tree.operands)]
    return tree if isinstance(tree, str) else float(tree)
