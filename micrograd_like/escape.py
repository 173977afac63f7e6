r"""Text made safe for the place where it is put, one function for each kind of place.

A label, a name or an answer may hold anything. Whatever writes one comes through here, or for mathematics through
`notation/latex.py`, so that it stays text: no markup, no code, and nothing that moves a terminal's cursor.
"""

import re
from typing import Any

# What XML cannot hold and no reader sees: control characters but for tab and newline, those that turn the direction of
# writing, halves of a pair, and what is no character.
_HIDDEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # so they begin, to a spreadsheet
_LATEX = {
    **{c: rf"\{c}" for c in "&%$#_{}"},
    **{c: f"{{{c}}}" for c in "-',?!["},  # two of them would be drawn as one, and [ may begin an option
    **{c: f"${c}$" for c in "<>|"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "`": r"\textasciigrave{}",
    '"': r"\char34{}",
    "…": r"\ldots{}",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "²": "$^2$",
    "∂": r"$\partial$",
    "σ": r"$\sigma$",
    "→": r"$\to$",
    "∞": r"$\infty$",
    "′": "$'$",
}


def one_line(written: str) -> str:
    """Return text for a terminal, in one line: newlines, escapes and whatever else is not seen are written out."""
    return written if written.isprintable() else "".join(c if c.isprintable() else _written_out(c) for c in written)


def _written_out(c: str) -> str:
    return c.encode("unicode_escape").decode()


def html(written: str) -> str:
    """Return text for HTML, SVG and other XML, between tags or in the quotes of an attribute."""
    return visible(written).translate(_MARKUP)


def visible(written: str) -> str:
    """Return text that XML can hold: what it cannot is written out."""
    return _HIDDEN.sub(lambda match: _written_out(match[0]), written)


def json_in_html(data: Any) -> str:
    """Return data as JSON that nothing ends a script in, and that a document in UTF-8 can hold."""
    import json  # which costs everybody else 2 ms

    written = re.sub(
        "[<>&\u2028\u2029]", _numbered, json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    )
    return _HIDDEN.sub(_numbered, written)


def _numbered(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def markdown(written: str) -> str:
    """Return text for a paragraph or a cell of a table in Markdown, with or without formulas between dollar signs."""
    line = re.sub(r"[\\`*_|<>#\[\]$~&]|(?<=:)(?=//)|(?<=www)(?=\.)", r"\\\g<0>", " ".join(visible(written).split()))
    return re.sub(r"^(\d*)([-+.)=])(?=[-= ]|$)", r"\1\\\2", line)  # or it would begin a list, or underline a heading


def latex(written: str) -> str:
    """Return text for LaTeX outside of mathematics; what cannot be printed is left out."""
    return "".join(_LATEX.get(c, c) for c in " ".join(written.split()) if c.isprintable())


def dot(written: str) -> str:
    """Return a string of Graphviz's language, quotes and all, in which no entity or escape of its own is read."""
    quoted = visible(written).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return '"{}"'.format(quoted.replace("\n", "\\n"))


def csv_cell(written: str) -> str:
    """Return a cell that a spreadsheet takes for text, also if it begins like a formula; numbers stay numbers."""
    is_number = re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", written)
    return f"'{written}" if written.startswith(_FORMULAS) and not is_number else written.replace("\0", "")


def comment(written: str) -> str:
    """Return text for a comment in Python, C, JavaScript or LaTeX, which ends where its own line or mark does."""
    return one_line(written).replace("*/", "* /")


def python(written: str) -> str:
    """Return a string of Python."""
    return f'"{written}"' if written.isprintable() and not {'"', "\\"} & {*written} else repr(written)
