"""A drawing: DOT source together with what it says in words, shown, rendered and saved."""

import base64
import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..files import write_whole
from .render import finish_svg, render


@dataclass(frozen=True)
class Drawing:
    """A picture of a graph or a network; a notebook shows it, `save` writes it to a file."""

    dot: str  # its source in Graphviz's language
    title: str  # what it shows, in a line
    text: str  # the same for a terminal
    columns: tuple[str, ...]  # of the table that says in words what the picture shows
    rows: Sequence[tuple[str, ...]]

    @cached_property
    def svg(self) -> str:
        """The picture as SVG; RuntimeError if there is no Graphviz to lay it out."""
        sentences = [", ".join(cell for cell in row if cell) for row in self.rows[:20]]
        if len(self.rows) > 20:
            sentences.append(f"and {len(self.rows) - 20} more")
        return finish_svg(render(self.dot, "svg"), self.title, "; ".join(sentences))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file, in the format that the name's ending says: .svg, .png or .dot.

        The file appears whole or not at all.

        Raises:
            ValueError: the name has another ending.
            OSError: the file cannot be written.
            RuntimeError: there is no Graphviz to lay it out.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending == ".svg":
            content = self.svg.encode()
        elif ending == ".png":
            content = render(self.dot, "png")
        elif ending == ".dot":
            content = self.dot.encode()
        else:
            raise ValueError(f"cannot save a picture as {path.name!r}: end the name in .svg, .png or .dot")
        write_whole(path, content)
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the picture in a notebook, also in one that is not trusted, where inline SVG would be dropped."""
        source = base64.b64encode(self.svg.encode()).decode()
        head = "".join(f"<th>{html.escape(column)}</th>" for column in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in self.rows)
        return {
            "text/html": f'<img alt="{html.escape(self.title)}" src="data:image/svg+xml;base64,{source}">'
            f"<details><summary>{html.escape(self.title)}, as a table</summary>"
            f"<table><tr>{head}</tr>{body}</table></details>",
            "image/svg+xml": self.svg,
            "text/plain": self.text,
        }

    def __repr__(self) -> str:
        return f"<drawing of {self.title}: .save('graph.svg') writes it, .svg and .dot are its source>"
