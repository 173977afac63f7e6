"""Exercises as a Jupyter notebook that checks itself, for nbgrader and for otter-grader too.

What is asked is a None in a cell; the cells after it call `check`, whose AssertionError says which mistake it was. The
teacher's notebook has the key between the marks from which `nbgrader generate_assignment` makes the student's, and
hidden tests, by which the feedback after handing in also tells the step that went wrong. Nothing else in the notebook
knows the answers: the tests compute them from the graph.

For otter-grader the same checks are exception-based tests: in the notebook's metadata, where
`otter.Notebook().check("exercise_1")` finds them, and as files, which `otter generate` takes.
"""

from collections.abc import Sequence
from typing import Any

from ... import escape
from ...notation.numbers import show
from ..exercises.exercise import Exercise, Line
from .tex import typeset

_HOW = (
    'Write a number in place of each `None`, or a text such as `"-3/2"`, `"1.25"` or `"sqrt(2)/2"`. '
    "Then run the cells below it: they say nothing if all is right."
)
_STUB = " Delete the line `raise NotImplementedError()`."
_IMPORTS = "from micrograd_like import draw\nfrom micrograd_like.teaching import Exercise, check"


def notebook(exercises: Sequence[Exercise], heading: str, fade: float = 1.0, key: bool = True) -> str:
    """Return the notebook.

    Args:
        exercises: what is asked.
        heading: its beginning, in Markdown.
        fade: how much is left to the student, as in `Exercise.lines`.
        key: whether it is the teacher's.

    Raises:
        RuntimeError: nbformat is not installed.
    """
    nbformat = _nbformat()
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell(f"{heading}\n\n{_HOW}{_STUB if key else ''}", id="heading"),
        v4.new_code_cell(_IMPORTS, id="imports", metadata=_nbgrader("imports")),
    ]
    for n, drawn in enumerate(exercises, start=1):
        parts = _Parts(drawn, n, fade)
        graph = f"exercise_{n} = {_source(drawn)}\ndraw(exercise_{n}.root, data=False, grad=False, local=False)"
        cells += [
            v4.new_markdown_cell(_task(drawn, n), id=f"exercise-{n}"),
            v4.new_code_cell(graph, id=f"graph-{n}", metadata=_nbgrader(f"graph_{n}")),
            v4.new_code_cell(parts.answers(key), id=f"answers-{n}", metadata=_nbgrader(f"answers_{n}", solution=True)),
        ]
        for name in parts.asked:
            test = parts.test(name, f"exercise_{n}", key)
            cells.append(v4.new_code_cell(test, id=f"{name}-{n}", metadata=_nbgrader(f"{name}_{n}", points=1)))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "otter": {"OK_FORMAT": False, "tests": otter_tests(exercises, fade)},
    }
    made = v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(made)
    return f"{nbformat.writes(made)}\n"


def _nbformat() -> Any:
    try:
        import nbformat
    except ImportError:
        raise RuntimeError("notebooks need nbformat: run `pip install nbformat`") from None
    return nbformat


def otter_tests(exercises: Sequence[Exercise], fade: float = 1.0) -> dict[str, str]:
    """Return the source of a test for each exercise, by its name, in otter-grader's exception-based format."""
    tests = {}
    for n, drawn in enumerate(exercises, start=1):
        parts = _Parts(drawn, n, fade)
        cases = [
            f"@test_case(points=1)\ndef test_{name}({name}_{n}):\n    {parts.check(name, 'exercise')}\n"
            for name in parts.asked
        ]
        tests[f"exercise_{n}"] = "\n\n".join(
            [
                "from micrograd_like.teaching import Exercise, check\nfrom otter.test_files import test_case\n\n"
                f'OK_FORMAT = False\n\nname = "exercise_{n}"\nexercise = {_source(drawn)}\n',
                *cases,
            ]
        )
    return tests


class _Parts:
    """What a student fills in for one exercise: a dict of values, and one of gradients."""

    def __init__(self, drawn: Exercise, n: int, fade: float) -> None:
        self.drawn, self.n = drawn, n
        self.lines: dict[str, dict[str, Line]] = {"values": {}, "gradients": {}}
        for line in drawn.lines(fade):
            self.lines["values" if line.kind == "value" else "gradients"][line.name] = line

    @property
    def asked(self) -> list[str]:
        """The dicts in which something is blank."""
        return [name for name, lines in self.lines.items() if any(line.is_blank for line in lines.values())]

    def answers(self, key: bool) -> str:
        """Return the source of both dicts, with blanks, and then with the key if that is wanted."""
        blank = "\n".join(self._dict(name, solved=False) for name in self.lines)
        if not key:
            return blank
        solved = "\n".join(self._dict(name, solved=True) for name in self.lines)
        return f"{blank}\n### BEGIN SOLUTION\n{solved}\n### END SOLUTION"

    def _dict(self, name: str, solved: bool) -> str:
        entries = [
            f"    {escape.python(label)}: {escape.python(show(line.answer)) if solved or not line.is_blank else None},"
            f"  # {escape.comment(line.working if solved else line.question)}"
            for label, line in self.lines[name].items()
        ]
        return "\n".join([f"{name}_{self.n} = {{", *entries, "}"])

    def test(self, name: str, exercise: str, key: bool) -> str:
        """Return the source of a cell that checks one of the dicts."""
        shown = self.check(name, exercise)
        if not key:
            return shown
        hidden = self.check(name, exercise, level="step")
        return f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS\n{shown}"

    def check(self, name: str, exercise: str, level: str = "hint") -> str:
        """Return the source of a check in which nothing that is asked may be missing."""
        names = ", ".join(map(escape.python, self.lines[name]))
        arguments = [f"{exercise}.root", f"dict.fromkeys([{names}]) | {name}_{self.n}"]
        arguments += ["values=True"] if name == "values" else []
        if name == "gradients" and self.drawn.learning_rate is not None:
            arguments.append(f"learning_rate={exercise}.learning_rate")
        arguments += [f'level="{level}"'] if level != "hint" else []
        return f"check({', '.join(arguments)})"


def _task(drawn: Exercise, n: int) -> str:
    shown = typeset(drawn)
    steps = "  \n".join(f"${step}$" for step in shown["steps"])
    return f"## Exercise {n}\n\n{steps}\n\nGiven {', '.join(shown['given'])}.\n\n{shown['task']}"


def _source(drawn: Exercise) -> str:
    """Return the exercise as an expression in Python."""
    document = "".join(f"    {key!r}: {part!r},\n" for key, part in drawn.as_document().items())
    return f"Exercise.from_document({drawn.name!r}, {{\n{document}}})"


def _nbgrader(grade_id: str, *, solution: bool = False, points: int | None = None) -> dict[str, Any]:
    """Return a cell's metadata for nbgrader: it is locked, or has the student's solution, or is graded."""
    grade = points is not None
    marks = {"grade": grade, "grade_id": grade_id, "locked": not solution, "solution": solution, "task": False}
    return {"nbgrader": {**marks, **({"points": points} if grade else {}), "schema_version": 3}}
