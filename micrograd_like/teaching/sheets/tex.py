"""Exercises as LaTeX: what the template of a sheet typesets.

The sheet compiles with a plain pdflatex; Debian's packages texlive-latex-base and lmodern have all that it needs.
"""

from collections.abc import Iterator
from typing import Any

from ...graph.steps import BackwardStep, ForwardStep, forward_steps
from ...notation import latex
from ...notation.latex import LATEX
from ..exercises.exercise import Exercise, Line


def foreign(written: str) -> list[tuple[str, str]]:
    """Return the characters for which LaTeX's fonts may have no letter, each with its number in Unicode."""
    return [(c, f"{ord(c):04X}") for c in sorted(set(written)) if not c.isascii() and c.isprintable()]


def typeset(drawn: Exercise, fade: float = 1.0) -> dict[str, Any]:
    """Return what a template shows of an exercise: formulas without dollar signs, sentences with them."""
    return {
        "steps": [_equation(step) for step in forward_steps(drawn.root) if step.operands],
        "given": [
            *(f"${_equals(name, x)}$" for name, x in drawn.numbers.items()),
            *(f"${_equals(name, x)}$ (rounded)" for name, x in drawn.given.items()),
        ],
        "task": drawn.write_task(
            f"${latex.name(drawn.root.label)}$",
            lambda name: f"${asked(drawn, name)}$",
            lambda rate: f"${latex.number(rate)}$",
        ),
        "lines": [
            {
                "question": _question(drawn, line),
                "answer": latex.number(line.answer),
                "blank": line.is_blank,
                "working": list(_working(drawn, line)),
            }
            for line in drawn.lines(fade)
        ],
        "telling": [
            (mistake.name, [f"${_equals(name, x)}$" for name, x in wrong.items()])
            for mistake, wrong in drawn.telling(fade)
        ],
    }


def asked(drawn: Exercise, name: str) -> str:
    """Return what is asked by the name of an answer, in LaTeX, as `Exercise.question` does in text."""
    return latex.name(name) if drawn.is_updated(name) else latex.partial(latex.name(drawn.root.label), latex.name(name))


def _equals(name: str, x: Any) -> str:
    return f"{latex.name(name)} = {latex.number(x)}"


def _equation(step: ForwardStep) -> str:
    return f"{latex.name(step.name)} = {step.node.op.write([latex.name(x) for x in step.operands], LATEX)}"


def _question(drawn: Exercise, line: Line) -> str:
    step = line.steps[0] if line.steps else None
    return _equation(step) if isinstance(step, ForwardStep) else asked(drawn, line.name)


def _working(drawn: Exercise, line: Line) -> Iterator[str]:
    """Yield the equations that lead to an answer."""
    yield from (step.latex for step in line.steps)
    contributions = [latex.number(step.contribution) for step in line.steps if isinstance(step, BackwardStep)]
    if len(contributions) > 1:
        yield f"{_question(drawn, line)} = {LATEX.total(contributions)} = {latex.number(line.answer)}"
    if not line.steps:
        v, rate = line.node, latex.number(drawn.learning_rate)
        symbols, numbers = (
            LATEX.spell("subtract", [x, LATEX.product([rate, gradient])])
            for x, gradient in (
                (latex.name(v.label), asked(drawn, v.label)),
                (latex.number(v.data), latex.number(drawn.answers[v.label])),
            )
        )
        yield f"{_question(drawn, line)} = {symbols} = {numbers} = {latex.number(line.answer)}"
