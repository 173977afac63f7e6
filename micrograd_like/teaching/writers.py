"""The ways in which an explanation is written: as text, as Markdown with LaTeX, and as a web page."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from ..escape import html
from ..files import write_whole
from ..notation.mathml import mathml
from ..notation.scripts import LATEX, TEXT, Script
from ..notation.table import table


@dataclass(frozen=True)
class Writer(Script):
    """A way of writing: how formulas are written, what stands around each block, and between them."""

    dots: str
    arrow: str  # between the nodes of a path, the output first
    math: Callable[[str], str]
    title: Callable[[str], str]
    heading: Callable[[str], str]
    paragraph: Callable[[str], str]
    equation: Callable[[str], str]
    around: str  # the equations that belong together
    between_equations: str
    between_blocks: str
    table: Callable[[Sequence[str], Sequence[Sequence[str]]], str]

    def equations(self, equations: Sequence[Sequence[str]]) -> str:
        """Return equations one below the other, each given by its sides."""
        return self.around.format(self.between_equations.join(self.equation(" = ".join(x)) for x in equations))


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, ["---"] * len(columns), *rows])


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    cells = ((f'<td class="{column}">{x}</td>' for column, x in zip(columns, row, strict=True)) for row in rows)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


# Plain text, formulas as in Python.
AS_TEXT = Writer(
    **vars(TEXT),
    dots="…",
    arrow=" <- ",
    math=str,
    title=lambda written: f"{written}\n{'=' * cell_len(written)}",
    heading=lambda written: f"{written}\n{'-' * len(written)}",
    paragraph=str,
    equation=lambda written: f"    {written}",
    around="{}",
    between_equations="\n",
    between_blocks="\n\n",
    table=lambda columns, rows: table([columns, *rows], indent="    "),
)
# Markdown with LaTeX between dollar signs, one equation to a line: no environments are needed.
AS_MARKDOWN = Writer(
    **vars(LATEX),
    dots=r"\ldots",
    arrow=r" \leftarrow ",
    math="${}$".format,
    title="# {}".format,
    heading="## {}".format,
    paragraph=str,
    equation="$${}$$".format,
    around="{}",
    between_equations="\n\n",
    between_blocks="\n\n",
    table=_markdown_table,
)
# The body of a web page; MathML is LaTeX's own structure, so that nothing has to be typeset by a script.
AS_HTML = replace(
    AS_MARKDOWN,
    math=mathml,
    title="<h1>{}</h1>".format,
    heading="<h2>{}</h2>".format,
    paragraph="<p>{}</p>".format,
    equation=lambda written: f"<p>{mathml(written)}</p>",
    around='<div class="equations">\n{}\n</div>',
    between_equations="\n",
    between_blocks="\n",
    table=_html_table,
)


_STYLE = """
:root { color-scheme: light dark; --data: #0072b2; --grad: #b84f00 }
@media (prefers-color-scheme: dark) { :root { --data: #56b4e9; --grad: #e69f00 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
math { font-size: 1.1em; math-style: normal }
table { border-collapse: collapse }
th, td { padding: 0.3rem 1.2rem 0.3rem 0; text-align: left; border-bottom: 1px solid #8886 }
.data { color: var(--data) }
.grad { color: var(--grad) }
.equations { margin: 1.6rem 1.5rem }
.equations p { margin: 0.2rem 0; padding: 0.3rem 0; overflow: auto hidden }
img { max-width: 100% }
"""


class Document:
    """Something that can be written as text, as Markdown and as a web page."""

    @property
    def title(self) -> str:
        """What it is about, in a line."""
        raise NotImplementedError

    def write(self, to: Writer) -> str:
        """Return what it says, in the way of writing `to`."""
        raise NotImplementedError

    def __str__(self) -> str:
        """Return what it says as text."""
        return self.write(AS_TEXT)

    __repr__ = __str__

    @property
    def markdown(self) -> str:
        """What it says as Markdown, the formulas in LaTeX between dollar signs."""
        return self.write(AS_MARKDOWN) + "\n"

    @property
    def html(self) -> str:
        """What it says as a web page of its own, the formulas in MathML, which browsers show without a script."""
        head = f'<meta charset="utf-8">\n<title>{html(self.title)}</title>\n<style>{_STYLE}</style>'
        body = f"{self.write(AS_HTML)}\n{self.figure()}"
        return f'<!doctype html>\n<html lang="en">\n{head}\n<body>\n{body}</body>\n</html>\n'

    def figure(self) -> str:
        """Return the picture that belongs to a web page, or nothing."""
        return ""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, in the format that the name's ending says: .txt, .md or .html.

        Raises:
            ValueError: the name has another ending.
            OSError: the file cannot be written.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending not in (".txt", ".md", ".html"):
            raise ValueError(f"cannot save an explanation as {path.name!r}: end the name in .txt, .md or .html")
        content = self.html if ending == ".html" else self.markdown if ending == ".md" else f"{self}\n"
        write_whole(path, content.encode())
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show it in a notebook as Markdown, whose formulas are shown also where the notebook is not trusted."""
        return {"text/markdown": self.markdown, "text/plain": str(self)}
