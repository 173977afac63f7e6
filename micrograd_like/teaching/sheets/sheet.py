"""A sheet of exercises, for print or the screen, in LaTeX or Markdown, or for others' programs: blanks, and a key.

What print, LaTeX, Markdown and notebooks show of an exercise is typeset once, by `tex.typeset`.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ... import escape
from ...engine import topological_order
from ...files import write_folder, write_whole
from ...notation.mathml import mathml
from ...ops import CONSTANT
from ...pictures.drawing import Drawing
from ...pictures.graph import draw_graph
from ..exercises.exercise import Exercise
from ..grading.report import WORDS, Grading
from .moodle import moodle_xml
from .notebook import notebook, otter_tests
from .screen import paper, screen
from .tex import foreign, typeset

ROUNDING = "Whole numbers and fractions are meant exactly; round a decimal to two places or more."


Show = Literal["sheet", "key", "answers"]  # without the key, with it on pages of its own, or the answers alone


@dataclass(frozen=True)
class Sheet:
    """Exercises under a title, perhaps for somebody by name."""

    exercises: Sequence[Exercise]
    title: str = "Backpropagation by hand"
    student: str = ""
    fade: float = 1.0  # how much is left to the student, as in `Exercise.lines`
    course: str = ""
    date: str = ""
    instructions: str = ""
    points: float | None = None  # for each exercise
    credit: float | None = None  # in a notebook, where each answer then has a point of its own: see `notebook`

    @property
    def head(self) -> str:
        """The course and the date, in a line."""
        return " · ".join(filter(None, [self.course, self.date]))

    @property
    def rules(self) -> str:
        """What is to be done with numbers, after the teacher's own instructions."""
        return f"{self.instructions} {ROUNDING}".strip()

    @property
    def worth(self) -> str:
        """How many points an exercise has, as text; empty if that is not said."""
        return "" if self.points is None else f"{self.points:g}"

    def html(self, show: Show = "key") -> str:
        """Return a page for print, black on white, with a box for each answer, in the graph too."""
        return printed([self], show)

    def screen(self) -> str:
        """Return a page for the screen that checks what is typed into it, in one file that needs no network.

        It names the mistakes behind wrong answers as `grade` does, and helps one click at a time. It does not show the
        answers before it is asked to, but a page that checks itself carries them: do not hand it out as an exam.
        """
        exercises: list[dict[str, Any]] = [
            {
                "steps": drawn.formula.split("; "),
                "given": drawn.conditions,
                "task": drawn.task,
                "picture": picture(drawn),
                "paper": paper(drawn, self.fade) | {"exercise": number},
            }
            for number, drawn in enumerate(self.exercises, start=1)
        ]
        body = _template("screen.html").render(sheet=self, exercises=exercises)
        papers = [each["paper"] for each in exercises if _is_blank(each["paper"])]
        return screen(self._full_title, body, self.exercises, papers, self.student)

    def markdown(self, show: Show = "key") -> str:
        """Return the sheet as Markdown with formulas in LaTeX, and an empty cell for each answer."""
        return self._typeset("sheet.md", show)

    def tex(self, show: Show = "key") -> str:
        """Return the sheet as a LaTeX document, with a box for each answer, in the graph too."""
        return self._typeset("sheet.tex", show, tikz=show != "answers")

    def _typeset(self, template: str, show: Show, *, tikz: bool = False) -> str:
        parts = [typeset(drawn, self.fade) | ({"tikz": _graph(drawn).tikz} if tikz else {}) for drawn in self.exercises]
        letters = foreign(f"{self.title} {self.student} {self.head} {self.instructions} {parts}")
        return str(_template(template).render(sheet=self, parts=parts, foreign=letters, show=show))

    def notebook(self, key: bool = True) -> str:
        """Return the sheet as a Jupyter notebook that checks itself, as the module `notebook` describes it."""
        said = [
            f"# {escape.markdown(self.title)}",
            *map(escape.markdown, filter(None, [self.student, self.head, self.instructions])),
        ]
        return notebook(self.exercises, "\n\n".join(said), self.fade, key, self.credit)

    def save(self, path: str | Path, show: Show = "key", screen: bool = False, otter: bool = False) -> Path:
        """Write the sheet in the format that its name says, whole or not at all.

        The ending is .html for print, .tex for LaTeX, .md for Markdown, .ipynb for a notebook, or .xml for Moodle.

        Args:
            path: the file.
            show: "sheet" without the key, "key" with it, or "answers" for these alone, which a notebook cannot be.
            screen: whether a page is for the screen, not for print.
            otter: whether to write, instead of the sheet, a new folder with otter-grader's tests of the notebook.

        Raises:
            ValueError: it has another name.
            RuntimeError: jinja2 or nbformat is not installed.
            OSError: a file cannot be written.
        """
        path = Path(path)
        formats: dict[str, Callable[[], str]] = {
            ".html": lambda: self.screen() if screen else self.html(show),
            ".tex": lambda: self.tex(show),
            ".md": lambda: self.markdown(show),
            ".ipynb": lambda: self.notebook(show != "sheet"),
            ".xml": lambda: moodle_xml(self.exercises, picture, self.title),
        }
        if screen and path.suffix.lower() != ".html":
            raise ValueError(f"a sheet for the screen is a page: end its name in .html, not as {path.name!r}")
        if show == "answers" and path.suffix.lower() not in (".html", ".tex", ".md"):
            raise ValueError(
                f"the answers alone are a sheet to read: end its name in .html, .tex or .md, not {path.name!r}"
            )
        if otter:
            tests = otter_tests(self.exercises, self.fade, self.credit)
            write_folder(path, {f"{name}.py": test.encode() for name, test in tests.items()})
        elif path.suffix.lower() in formats:
            write_whole(path, formats[path.suffix.lower()]().encode())
        else:
            raise ValueError(f"cannot save a sheet as {path.name!r}: end the name in {', '.join(formats)}")
        return path

    @property
    def _full_title(self) -> str:
        return " – ".join(filter(None, [self.title, self.student]))


def printed(
    sheets: Sequence[Sheet],
    show: Show | Literal["feedback"] = "sheet",
    feedback: Sequence[Sequence[tuple[Grading, Mapping[str, str]]]] = (),
) -> str:
    """Return sheets as one page for print, each of which begins on a new page; only answers follow one another.

    For "feedback" these are, for each sheet and each exercise, its Grading, and what was not a number by what is asked.
    """
    parts = []
    for k, sheet in enumerate(sheets):
        shown = [typeset(drawn, sheet.fade) for drawn in sheet.exercises]
        for n, (part, drawn) in enumerate(zip(shown, sheet.exercises, strict=True)):
            if show == "feedback":
                result, unread = feedback[k][n]
                part["lines"] = list(_graded(drawn, part["lines"], result, unread))
                worth = sheet.worth or len(result.grades)  # a point for each answer
                part |= {"remarks": result.explanation, "earned": f"{result.earned(sheet.points):.3g} of {worth}"}
            elif show != "answers":
                part["picture"] = picture(drawn, boxes=True)
        parts.append((sheet, shown))
    title = sheets[0]._full_title if len(sheets) == 1 else sheets[0].title
    return str(_template("sheet.html").render(sheets=parts, title=title, show=show))


def _graded(
    drawn: Exercise, lines: Sequence[dict[str, Any]], result: Grading, unread: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield an exercise's lines with what was answered, and what is said of it."""
    grades = {(grade.kind, grade.node): grade for grade in result.grades}
    for line, asked in zip(lines, drawn.lines(), strict=True):
        grade = grades[asked.kind, asked.node]
        written = grade.answer.written if grade.answer else unread.get(asked.asked, "")
        yield {
            **line,
            "written": written,
            "said": "not a number" if written and not grade.answer else WORDS[grade.status],
        }


_PICTURES: dict[tuple[Any, ...], str] = {}
_SIZES = 660, 460  # units of a picture, at most, that are not made smaller on paper


def picture(drawn: Exercise, *, boxes: bool = False) -> str:
    """Return the graph without numbers, as SVG in base64, perhaps with boxes for them.

    A class with one formula needs Graphviz once.
    """
    shape = drawn.formula, drawn.parameters, boxes
    if shape not in _PICTURES:
        made = _graph(drawn) if boxes else draw_graph(drawn.root, data=False, grad=False, local=False)
        _PICTURES[shape] = base64.b64encode(made.svg.encode()).decode()
    return _PICTURES[shape]


def _graph(drawn: Exercise) -> Drawing:
    """Return the graph with boxes to write into, in the direction in which they are larger on paper."""
    blank = [v for v in topological_order(drawn.root) if v.op is not CONSTANT]
    found = [draw_graph(drawn.root, local=False, blank=blank, rankdir=way) for way in ("LR", "TB")]
    return max(found, key=lambda made: min(1.0, *(most / x for most, x in zip(_SIZES, _size(made.svg), strict=True))))


def _size(svg: str) -> tuple[float, float]:
    found = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg)
    assert found
    return float(found[1]), float(found[2])


# In place of Jinja's own braces, which LaTeX needs for itself.
_DELIMITERS: dict[str, Any] = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


@cache
def _template(name: str) -> Any:
    try:
        from jinja2 import Environment, PackageLoader
    except ImportError:
        raise RuntimeError("sheets need jinja2: run `pip install jinja2`") from None
    loader = PackageLoader("micrograd_like", "teaching/sheets")
    environment = Environment(
        loader=loader,
        **(_DELIMITERS if name == "sheet.tex" else {}),
        autoescape=name.endswith(".html"),
        finalize=_html if name.endswith(".html") else None,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "markdown": escape.markdown,
        "bar": lambda formula: formula.replace("|", r"\vert "),  # which would end a Markdown cell
        "tex": escape.latex,
        "math": _math,
        "prose": _prose,
    }
    environment.tests["blank"] = _is_blank
    return environment.get_template(name)


def _is_blank(data: dict[str, Any]) -> bool:
    """Tell whether anything of a paper is left to the student."""
    return not all(question["filled"] for question in data["questions"])


def _html(written: Any) -> Any:
    """Return what a template shows as HTML; what is HTML already stays as it is."""
    from markupsafe import Markup

    return written if isinstance(written, Markup) else Markup(escape.html(str(written)))


def _math(latex: str) -> Any:
    """Return a formula in LaTeX as MathML, which a template takes as it is."""
    from markupsafe import Markup

    return Markup(mathml(latex))


def _prose(written: str) -> Any:
    """Return a sentence with formulas between dollar signs, these as MathML; no line begins with a comma after one."""
    from markupsafe import Markup

    parts = re.split(r"\$(.+?)\$([,.]?)", written)
    made = [_html(parts[0])]
    for formula, sign, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        made += [Markup('<span class="whole">{}{}</span>').format(_math(formula), sign), _html(rest)]
    return Markup("").join(made)
