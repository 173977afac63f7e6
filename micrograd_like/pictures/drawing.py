"""A drawing: a picture together with what it says in words, shown, rendered and saved."""

import base64
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..escape import html
from ..files import write_whole
from . import paint, svg, tikz
from .scene import THEMES, Picture, side_by_side


@dataclass(frozen=True)
class Drawing:
    """A picture of a graph or a network, or several in a row; a notebook shows it, `save` writes it to a file."""

    lay_out: Callable[[], Sequence[Picture]]  # called when the picture is first asked for
    title: str  # what it shows, in a line
    text: str  # the same for a terminal
    columns: tuple[str, ...]  # of the table that says in words what the picture shows
    rows: Sequence[tuple[str, ...]]
    dot: str = ""  # of a graph: its source in Graphviz's language
    theme: str = "auto"
    transparent: bool = False

    def __post_init__(self) -> None:
        if self.theme not in THEMES:
            raise ValueError(f"unknown theme {self.theme!r}; choose from {', '.join(THEMES)}")

    @cached_property
    def pictures(self) -> Sequence[Picture]:
        """What is drawn where; RuntimeError if laying out a graph takes too long."""
        return self.lay_out()

    @property
    def frames(self) -> "list[Drawing]":
        """A drawing of each picture by itself."""
        return [replace(self, lay_out=partial(list, [picture])) for picture in self.pictures]

    @cached_property
    def svg(self) -> str:
        """The picture as SVG, several as an animation; RuntimeError if laying out a graph takes too long."""
        return svg.svg(self.pictures, self.title, self._words(), theme=self.theme, transparent=self.transparent)

    @property
    def tikz(self) -> str:
        r"""The picture as TikZ without a document around it, to be put into one's own with `\input`."""
        return tikz.tikz(self.pictures, self.title, self.theme)

    def beside(self, other: "Drawing", *titles: str) -> "Drawing":
        """Return this picture with another to its right, such as right and wrong, or before and after.

        Args:
            other: the other picture; where both have several, their frames go side by side.
            titles: what stands above the one and the other; their own titles if there are none.
        """
        names = titles or (self.title, other.title)
        if len(names) != 2:
            raise ValueError(f"two titles are wanted, one for each picture, not {len(names)}")

        def lay_out() -> list[Picture]:
            n = max(len(self.pictures), len(other.pictures))
            both = ([*d.pictures, *[d.pictures[-1]] * (n - len(d.pictures))] for d in (self, other))
            return [side_by_side(*pair, *names) for pair in zip(*both, strict=True)]

        rows = [(f"{name}: {row[0]}", *row[1:]) for name, d in zip(names, (self, other), strict=True) for row in d.rows]
        title, text = f"{names[0]} beside {names[1]}", f"{self.text}\n\n{other.text}"
        return replace(self, lay_out=lay_out, title=title, text=text, rows=rows, dot="")

    @property
    def image(self) -> str:
        """The picture as an HTML element that holds it."""
        source = base64.b64encode(self.svg.encode()).decode()
        return f'<img alt="{html(self.title)}" src="data:image/svg+xml;base64,{source}">'

    def _words(self) -> str:
        sentences = []
        for name, *cells in self.rows[:20]:
            said = (f"{column} {cell}" for column, cell in zip(self.columns[1:], cells, strict=True) if cell)
            sentences.append(", ".join([name, *said]))
        if len(self.rows) > 20:
            sentences.append(f"and {len(self.rows) - 20} more")
        return "; ".join(sentences)

    def save(self, path: str | os.PathLike[str], *, dpi: float = 144) -> Path:
        """Write the picture to a file, in the format that the name's ending says: .svg, .png, .pdf, .tex or .dot.

        The file appears whole or not at all. Of several pictures, SVG is an animation, PDF has a page for each, LaTeX
        is a Beamer slide, and PNG is the last; `frames` has each by itself.

        Args:
            path: the file.
            dpi: for PNG, how many pixels an inch has, of which a picture's text is about 0.15 high.

        Raises:
            ValueError: the name has another ending, or `dpi` is not above 0.
            OSError: the file cannot be written.
            RuntimeError: laying it out takes too long, or there is no matplotlib for PDF.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if not 0 < dpi <= 2400:
            raise ValueError(f"dpi must be above 0 and at most 2400, not {dpi}")
        if ending == ".svg":
            content = self.svg.encode()
        elif ending == ".png":
            content = paint.png(self.pictures[-1], theme=self.theme, transparent=self.transparent, dpi=dpi)
        elif ending == ".pdf":
            content = paint.pdf(self.pictures, theme=self.theme, transparent=self.transparent)
        elif ending == ".tex":
            content = tikz.document(self.pictures, self.title, self.theme).encode()
        elif ending == ".dot" and self.dot:
            content = self.dot.encode()
        else:
            endings = ".svg, .png, .pdf, .tex or .dot" if self.dot else ".svg, .png, .pdf or .tex"
            raise ValueError(f"cannot save a picture as {path.name!r}: end the name in {endings}")
        write_whole(path, content)
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the picture in a notebook, also in one that is not trusted, where inline SVG would be dropped.

        A graph that takes too long to lay out is shown as text.
        """
        try:
            image = self.image
        except RuntimeError:
            return {"text/plain": self.text}
        head = "".join(f"<th>{html(column)}</th>" for column in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{html(c)}</td>" for c in row) + "</tr>" for row in self.rows)
        return {
            "text/html": f"{image}<details><summary>{html(self.title)}, as a table</summary>"
            f"<table><tr>{head}</tr>{body}</table></details>",
            "text/plain": self.text,
        }

    def __repr__(self) -> str:
        return f"<drawing of {self.title}: .save('picture.svg') writes it, .svg is its source>"
