"""One HTML file that holds all it needs and asks for nothing: how every page is put together, saved and shown.

What a page computes with stands in it as JSON, and comes to its script as `DATA`. Its policy allows this one script and
this one style sheet, known by their hashes, and pictures that stand in the file; so whatever a label contains, it stays
text, and nothing is ever fetched.
"""

import base64
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..escape import html, json_in_html, one_line
from ..files import write_whole

_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""
_POLICY = "default-src 'none'; img-src data:; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'"
_SCRIPT = """(() => {{
"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
{}
}})();"""


@dataclass(frozen=True, repr=False)
class Page:
    """A page in one HTML file; a notebook shows it, `save` writes it."""

    title: str
    html: str
    picture: Callable[[], str] = str  # makes an HTML element for where a notebook shows no page, such as an `<img>`
    height: int = 640  # in pixels, in a notebook

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, whole or not at all, and return its path.

        Raises:
            ValueError: its name does not end in .html.
            OSError: the file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"cannot save a page as {path.name!r}: end the name in .html")
        write_whole(path, self.html.encode())
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the page in a frame; a notebook that is not trusted takes away the frame and leaves the picture."""
        frame = (  # forms check answers and close dialogs; the page's policy does not let them send anything
            f'<iframe title="{html(self.title)}" sandbox="allow-scripts allow-forms" srcdoc="{html(self.html)}"'
            f' width="100%" height="{self.height}" style="border: 0">{self.picture()}</iframe>'
        )
        return {"text/html": frame, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<page of {self.title}: .save('page.html') writes it, .html is its source>"


def document(title: str, body: str, *, styles: Sequence[str], scripts: Sequence[str], data: Any) -> str:
    """Return a page as one HTML file.

    Args:
        title: of the window, as text.
        body: HTML, without styles, scripts or handlers of events.
        styles: sheets in CSS, after those that all pages have in common.
        scripts: in JavaScript, which become one, in strict mode; `DATA` is what was given as data.
        data: for JSON.

    Raises:
        ValueError: a number of the data is infinite or NaN, or a script has in it what would end it.
    """
    style = "\n".join([source(__package__, "pages.css"), *styles])
    script = _SCRIPT.format("\n".join([source(__package__, "pages.js"), *scripts]))
    if end := re.search("</script|<!--", script, re.IGNORECASE):
        raise ValueError(f"a script of a page cannot have {end[0]!r} in it")
    written = json_in_html(data)
    policy = _POLICY.format(_hash(style), _hash(script))
    return _DOCUMENT.format(
        policy=policy, title=html(one_line(title)), style=style, body=body, data=written, script=script
    )


@cache
def source(package: str, *names: str) -> str:
    """Return the text of files that stand in a package."""
    return "\n".join((files(package) / name).read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
