r"""Names, numbers and formulas as LaTeX.

Only what KaTeX, MathJax and matplotlib's mathtext all know is used: no environments, and nothing that Markdown would
take for its own. An operation that is not written like a function has a row in `LATEX`.
"""

import re
from typing import Any

from ..escape import one_line
from ..formulas import ATOM, LOOSE, POWER, PRODUCT, SIGN, SUM, Piece, Style, exact
from .numbers import NUMBER, show

# -------------------- names and numbers --------------------

# What has a meaning in \text{…}, or in the Markdown around it -> how it is written there, or after it where it is math.
_IN_TEXT = {c: rf"\{c}" for c in "#$%&_{}"} | {"`": "‘"}
_IN_MATH = {"\\": r"\backslash", "~": r"\sim", "^": r"\wedge", "|": r"\vert", "<": "<", ">": ">", "*": r"\ast"}
_NAME = re.compile(r"([A-Za-z]+)(?:(\d*)\[([^][]+)\]|_?(\d+)|_([A-Za-z]+))?", re.ASCII)


def name(label: str) -> Piece:
    r"""Return a node's name: `x1` as `x_{1}`, `w1[3→2]` as `w^{(1)}_{3 \to 2}`, anything unusual as `\text{…}`."""
    if NUMBER.fullmatch(label):  # of a constant
        return _written(label)
    parts = _NAME.fullmatch(label)
    if not parts:
        return Latex(_text(label), Piece.of(label).level)
    word, layer, index, *rest = parts.groups()
    word = word if len(word) == 1 else rf"\text{{{word}}}"
    if index and layer:
        return Latex(f"{word}^{{({layer})}}_{{{_index(index)}}}", POWER)
    if index:
        return Latex(f"{word}_{{{_index(index)}}}")
    digits, tail = rest
    return Latex(f"{word}_{{{digits or _index(tail)}}}" if digits or tail else word)


def _index(written: str) -> str:
    ends = re.split("->|→", written)
    return r" \to ".join(x if re.fullmatch(r"\d+|[A-Za-z]", x) else _text(x) for x in ends)


def _text(label: str) -> str:
    r"""Return text in `\text{…}`, and outside of it the characters that only math mode knows everywhere."""
    # and between ] and ( as Markdown would see a link or a picture there
    runs = [run for run in re.split(r"([\\~^|<>*])|(?<=\])(?=[(:\[])", one_line(label)) if run] or [""]
    written = [_IN_MATH.get(run) or rf"\text{{{''.join(_IN_TEXT.get(c, c) for c in run)}}}" for run in runs]
    return written[0] if len(written) == 1 else f"{{{' '.join(written)}}}"


def number(x: Any) -> Piece:
    r"""Return a number as `show` does, a Fraction as `\frac{a}{b}`, an exponent as a power of ten."""
    return _written(show(x))


def _exact(x: Any) -> Piece:
    return _written(exact(x))


def _written(shown: str) -> Piece:
    sign, size = ("-", shown[1:]) if shown.startswith("-") else ("", shown)
    level = SIGN if sign else ATOM
    if size in ("inf", "nan"):
        return Latex(rf"{sign}\infty" if size == "inf" else r"\text{NaN}", level)
    if "/" in size:
        return Latex(r"{}\frac{{{}}}{{{}}}".format(sign, *size.split("/")), level if sign else POWER)
    digits, _, exponent = size.partition("e")
    if exponent:
        return Latex(rf"{sign}{digits} \cdot 10^{{{int(exponent)}}}", level if sign else PRODUCT)
    return Latex(shown, level)


def partial(of: str, by: str) -> Piece:
    r"""Return a derivative: `\frac{\partial L}{\partial a}`."""
    return Latex(rf"\frac{{\partial {Latex.of(of):atom}}}{{\partial {Latex.of(by):atom}}}", ATOM)


# -------------------- formulas --------------------


class Latex(Piece):
    """A piece of LaTeX."""

    __slots__ = ()
    parentheses = r"\left({}\right)"

    @classmethod
    def of(cls, written: str) -> Piece:
        """Return LaTeX as a piece; what is none yet holds together, unless it is a number."""
        return written if isinstance(written, Piece) else cls(written, SIGN if written.startswith("-") else ATOM)


def _function(written: str) -> tuple[str, int]:
    return rf"{written}\left({{0}}\right)", ATOM


def _function_of_two(written: str) -> tuple[str, int]:
    return rf"{written}\left({{0}}, {{1}}\right)", ATOM


LATEX = Style(
    {
        "add": ("{0:sum} + {1:product}", SUM),
        "subtract": ("{0:sum} - {1:product}", SUM),
        "multiply": (r"{0:sign} \cdot {1:product}", PRODUCT),
        "divide": (r"\frac{{{0}}}{{{1}}}", POWER),
        "negative": ("-{0:product}", SIGN),
        "positive": ("+{0:product}", SIGN),
        "power": ("{0:atom}^{{{1}}}", POWER),
        "sum": ("{total}", SUM),
        "sqrt": (r"\sqrt{{{0}}}", ATOM),
        "abs": (r"\left\vert {0}\right\vert", ATOM),  # a plain | would end a cell of a table in Markdown
        **{word: _function(rf"\{word}") for word in ("exp", "log", "sin", "cos", "tanh")},
        "sigmoid": _function(r"\sigma"),
        "relu": _function(r"\operatorname{{ReLU}}"),
        "leaky_relu": _function_of_two(r"\operatorname{{LeakyReLU}}"),
        "maximum": _function_of_two(r"\max"),
        "minimum": _function_of_two(r"\min"),
        "choose": (r"{1:sum} \text{{ if }} {0} \text{{ else }} {2}", LOOSE),
        ">": ("{0:sum} > {1:sum}", LOOSE),
        "<": ("{0:sum} < {1:sum}", LOOSE),
        "==": ("{0:sum} = {1:sum}", LOOSE),
    },
    _exact,
    lambda name, operands: rf"\operatorname{{{_text(name)[6:-1]}}}\left({', '.join(operands)}\right)",
    kind=Latex,
)
