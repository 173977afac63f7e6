"""A sheet of exercises, for print or the screen, in LaTeX or Markdown, or for others' programs: blanks, and a key."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ... import escape
from ...files import write_folder, write_whole
from ...notation.mathml import mathml
from ...notation.numbers import show
from ...pictures.graph import draw_graph
from ..exercises.exercise import Exercise
from .moodle import moodle_xml
from .notebook import notebook, otter_tests
from .screen import paper, screen
from .tex import foreign, typeset


@dataclass(frozen=True)
class Sheet:
    """Exercises under a title, perhaps for somebody by name."""

    exercises: Sequence[Exercise]
    title: str = "Backpropagation by hand"
    student: str = ""
    fade: float = 1.0  # how much is left to the student, as in `Exercise.lines`

    def html(self, key: bool = True) -> str:
        """Return a page for print, black on white, with a box for each answer; the key follows on its own page."""
        return printed([self], key)

    def screen(self) -> str:
        """Return a page for the screen that checks what is typed into it, in one file that needs no network.

        It names the mistakes behind wrong answers as `grade` does, and helps one click at a time. It does not show the
        answers before it is asked to, but a page that checks itself carries them: do not hand it out as an exam.
        """
        exercises = [
            part | {"paper": paper(drawn, self.fade) | {"exercise": number}}
            for number, (part, drawn) in enumerate(zip(self._parts(picture=True), self.exercises, strict=True), start=1)
        ]
        body = _template("screen.html").render(sheet=self, exercises=exercises)
        papers = [each["paper"] for each in exercises if _is_blank(each["paper"])]
        return screen(self._full_title, body, self.exercises, papers, self.student)

    def markdown(self, key: bool = True) -> str:
        """Return the sheet as Markdown, with an empty cell for each answer."""
        return str(_template("sheet.md").render(sheet=self, parts=self._parts(picture=False), key=key))

    def tex(self, key: bool = True) -> str:
        """Return the sheet as a LaTeX document, with a box for each answer; the key follows on its own page."""
        parts = [typeset(drawn, self.fade) for drawn in self.exercises]
        letters = foreign(f"{self.title} {self.student} {parts}")
        return str(_template("sheet.tex").render(sheet=self, parts=parts, foreign=letters, key=key))

    def notebook(self, key: bool = True) -> str:
        """Return the sheet as a Jupyter notebook that checks itself, as the module `notebook` describes it."""
        return notebook(
            self.exercises,
            f"# {escape.markdown(self.title)}\n\n{escape.markdown(self.student)}".strip(),
            self.fade,
            key,
        )

    def save(self, path: str | Path, key: bool = True, screen: bool = False, otter: bool = False) -> Path:
        """Write the sheet in the format that its name says, whole or not at all.

        The ending is .html for print, .tex for LaTeX, .md for Markdown, .ipynb for a notebook, or .xml for Moodle.

        Args:
            path: the file.
            key: whether the key goes with it.
            screen: whether a page is for the screen, not for print.
            otter: whether to write, instead of the sheet, a new folder with otter-grader's tests of the notebook.

        Raises:
            ValueError: it has another name.
            RuntimeError: jinja2 or nbformat is not installed.
            OSError: a file cannot be written.
        """
        path = Path(path)
        formats: dict[str, Callable[[], str]] = {
            ".html": lambda: self.screen() if screen else self.html(key),
            ".tex": lambda: self.tex(key),
            ".md": lambda: self.markdown(key),
            ".ipynb": lambda: self.notebook(key),
            ".xml": lambda: moodle_xml(self.exercises, _picture, self.title),
        }
        if screen and path.suffix.lower() != ".html":
            raise ValueError(f"a sheet for the screen is a page: end its name in .html, not as {path.name!r}")
        if otter:
            tests = otter_tests(self.exercises, self.fade)
            write_folder(path, {f"{name}.py": test.encode() for name, test in tests.items()})
        elif path.suffix.lower() in formats:
            write_whole(path, formats[path.suffix.lower()]().encode())
        else:
            raise ValueError(f"cannot save a sheet as {path.name!r}: end the name in {', '.join(formats)}")
        return path

    @property
    def _full_title(self) -> str:
        return " – ".join(filter(None, [self.title, self.student]))

    def _parts(self, *, picture: bool) -> list[dict[str, Any]]:
        """Return what the templates show of each exercise."""
        parts = []
        for drawn in self.exercises:
            telling = [
                (mistake.name, ", ".join(f"{name} = {show(x)}" for name, x in wrong.items()))
                for mistake, wrong in drawn.telling(self.fade)
            ]
            parts.append(
                {
                    "steps": drawn.formula.split("; "),
                    "given": drawn.conditions,
                    "task": drawn.task,
                    "lines": [
                        {"question": x.question, "answer": show(x.answer), "blank": x.is_blank, "working": x.working}
                        for x in drawn.lines(self.fade)
                    ],
                    "picture": _picture(drawn) if picture else "",
                    "telling": telling,
                }
            )
        return parts


def printed(sheets: Sequence[Sheet], key: bool = False) -> str:
    """Return sheets as one page for print, each of which begins on a new page; as in `Sheet.html`."""
    parts = [
        (sheet, [typeset(drawn, sheet.fade) | {"picture": _picture(drawn)} for drawn in sheet.exercises])
        for sheet in sheets
    ]
    title = sheets[0]._full_title if len(sheets) == 1 else sheets[0].title
    return str(_template("sheet.html").render(sheets=parts, title=title, key=key))


_PICTURES: dict[tuple[str, tuple[str, ...]], str] = {}


def _picture(drawn: Exercise) -> str:
    """Return the graph without numbers, as SVG in base64; a class with one formula needs Graphviz once."""
    shape = drawn.formula, drawn.parameters
    if shape not in _PICTURES:
        svg = draw_graph(drawn.root, data=False, grad=False, local=False).svg
        _PICTURES[shape] = base64.b64encode(svg.encode()).decode()
    return _PICTURES[shape]


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
        "tex": escape.latex,
        "math": _math,
        "prose": _prose,
        "json": _json,
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


def _json(data: Any) -> Any:
    from markupsafe import Markup

    return Markup(escape.json_in_html(data))


def _prose(written: str) -> Any:
    """Return a sentence with formulas between dollar signs, these as MathML."""
    from markupsafe import Markup

    parts = re.split(r"\$(.+?)\$", written)
    return Markup("").join(_math(part) if k % 2 else _html(part) for k, part in enumerate(parts))
