"""A sheet of exercises for print or as Markdown: blanks to fill in, and the key on a page of its own."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...files import write_whole
from ...pictures.graph import draw_graph
from ...steps import short
from ..exercises import Exercise
from ..mistakes import find
from .moodle import moodle_xml


@dataclass(frozen=True)
class Sheet:
    """Exercises under a title, perhaps for somebody by name."""

    exercises: Sequence[Exercise]
    title: str = "Backpropagation by hand"
    student: str = ""
    fade: float = 1.0  # how much is left to the student, as in `Exercise.lines`

    def html(self, key: bool = True) -> str:
        """Return a page for print, black on white, with a box for each answer; the key follows on its own page."""
        return str(_template("sheet.html").render(sheet=self, parts=self._parts(picture=True), key=key))

    def markdown(self, key: bool = True) -> str:
        """Return the sheet as Markdown, with an empty cell for each answer."""
        return str(_template("sheet.md").render(sheet=self, parts=self._parts(picture=False), key=key))

    def save(self, path: str | Path, key: bool = True) -> Path:
        """Write the sheet to a file, whole or not at all; its ending says the format: .html, .md, or .xml for Moodle.

        Raises:
            ValueError: the name has another ending.
            RuntimeError: jinja2 is not installed, or there is no Graphviz for the pictures of a page.
            OSError: the file cannot be written.
        """
        path = Path(path)
        formats = {
            ".html": lambda: self.html(key),
            ".md": lambda: self.markdown(key),
            ".xml": lambda: moodle_xml(self.exercises, self.title),
        }
        if path.suffix.lower() not in formats:
            raise ValueError(f"cannot save a sheet as {path.name!r}: end the name in {', '.join(formats)}")
        write_whole(path, formats[path.suffix.lower()]().encode())
        return path

    def _parts(self, *, picture: bool) -> list[dict[str, Any]]:
        """Return what the templates show of each exercise."""
        parts = []
        for drawn in self.exercises:
            telling = [
                (
                    find(mistake_id).name,
                    ", ".join(
                        f"{name} = {short(x)}"
                        for (name, right), x in zip(drawn.answers.items(), wrong, strict=True)
                        if x != right
                    ),
                )
                for mistake_id, wrong in drawn.visible.items()
            ]
            parts.append(
                {
                    "steps": drawn.formula.split("; "),
                    "given": drawn.conditions,
                    "task": drawn.task,
                    "lines": [
                        {"question": x.question, "answer": short(x.answer), "blank": x.is_blank, "working": x.working}
                        for x in drawn.lines(self.fade)
                    ],
                    "picture": _picture(drawn) if picture else "",
                    "telling": telling,
                }
            )
        return parts


_PICTURES: dict[tuple[str, tuple[str, ...]], str] = {}


def _picture(drawn: Exercise) -> str:
    """Return the graph without numbers, as SVG in base64; a class with one formula needs Graphviz once."""
    shape = drawn.formula, drawn.parameters
    if shape not in _PICTURES:
        svg = draw_graph(drawn.root, data=False, grad=False, local=False).svg
        _PICTURES[shape] = base64.b64encode(svg.encode()).decode()
    return _PICTURES[shape]


@cache
def _template(name: str) -> Any:
    try:
        from jinja2 import Environment, PackageLoader
    except ImportError:
        raise RuntimeError("sheets need jinja2: run `pip install jinja2`") from None
    loader = PackageLoader("micrograd_like", "teaching/export")
    environment = Environment(
        loader=loader,
        autoescape=name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template(name)


def _cell(written: str) -> str:
    """Quote text for Markdown, where a bar ends a cell, and a star, an underscore or a `<` would be markup."""
    for character in "\\`*_|<>#[]":
        written = written.replace(character, f"\\{character}")
    return " ".join(written.split())
