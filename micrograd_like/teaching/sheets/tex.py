"""Exercises as LaTeX: what the template of a sheet typesets.

The sheet compiles with a plain pdflatex; Debian's packages texlive-latex-base, texlive-pictures and lmodern have all
that it needs.
"""

from collections.abc import Iterator
from typing import Any

from ...graph.steps import BackwardStep, ForwardStep, forward_steps
from ...notation.scripts import LATEX
from ..exercises.exercise import Exercise, Line
from ..grading.report import write_update


def foreign(written: str) -> list[tuple[str, str]]:
    """Return the characters for which LaTeX's fonts may have no letter, each with its number in Unicode."""
    return [(c, f"{ord(c):04X}") for c in sorted(set(written)) if not c.isascii() and c.isprintable()]


def typeset(drawn: Exercise, fade: float = 1.0) -> dict[str, Any]:
    """Return what a template shows of an exercise: formulas without dollar signs, sentences with them."""
    return {
        "steps": [_equation(step) for step in forward_steps(drawn.root) if step.operands],
        "given": [_equals(name, x) + " (rounded)" * is_rounded for name, x, is_rounded in drawn.told],
        "task": drawn.write_task(LATEX, "${}$".format),
        "lines": [
            {
                "question": _question(drawn, line),
                "answer": LATEX.number(line.answer),
                "blank": line.is_blank,
                "working": list(_working(drawn, line)),
            }
            for line in drawn.lines(fade)
        ],
        "telling": [
            (mistake.name, [_equals(name, x) for name, x in wrong.items()]) for mistake, wrong in drawn.telling(fade)
        ],
    }


def _equals(name: str, x: Any) -> str:
    return f"${LATEX.name(name)} = {LATEX.number(x)}$"


def _equation(step: ForwardStep) -> str:
    return " = ".join(step.sides(LATEX)[:2])


def _question(drawn: Exercise, line: Line) -> str:
    first = next(iter(line.steps), None)
    return _equation(first) if isinstance(first, ForwardStep) else drawn.question(line.name, LATEX)


def _working(drawn: Exercise, line: Line) -> Iterator[str]:
    """Yield the equations that lead to an answer."""
    yield from (step.latex for step in line.steps)
    contributions = [LATEX.number(step.contribution) for step in line.steps if isinstance(step, BackwardStep)]
    if len(contributions) > 1:
        yield f"{_question(drawn, line)} = {LATEX.style.total(contributions)} = {LATEX.number(line.answer)}"
    if not line.steps:
        yield write_update(line.node, drawn.root, drawn.learning_rate, LATEX)
