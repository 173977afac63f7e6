r"""A picture as LaTeX: TikZ that a person can read and change, its styles in one block at the top.

It compiles with pdfLaTeX and with LuaLaTeX. Several pictures become the overlays of one Beamer slide.
"""

import re
from collections.abc import Sequence

from .. import escape
from ..notation import latex
from .scene import THEMES, Cells, Circle, Edge, Item, Label, Mark, Node, Path, Picture, Text, lasting

_NEWLINE = r"\\"
_SYMBOLS = {"×": r"\times", "−": "-", "+": "+", "/": "/", "xʸ": "x^y"}

_STYLES = r"""\tikzset{
  every picture/.append style={x=1bp, y=-1bp, font=\small, >=stealth},
  box/.style={draw=faint, fill=ground, inner sep=3pt, text=ink, align=center},
  input/.style={box, rounded corners=4pt},
  parameter/.style={box, chamfered rectangle, chamfered rectangle xsep=2pt},
  value/.style={box},
  output/.style={box, double, double distance=1pt},
  constant/.style={inner sep=2pt},
  operation/.style={circle, draw=faint, fill=ground, minimum size=21pt, inner sep=0pt, font=\footnotesize},
  unit/.style={circle, draw=ink, fill=ground, minimum size=44pt, inner sep=0pt, font=\footnotesize, align=center},
  edge/.style={->, draw=faint},
  flow/.style={->, draw=faint},
  active/.style={draw=grad, line width=2pt},
  local/.style={font=\scriptsize, text=faint, auto, inner sep=1.5pt, near start},
  weight/.style={font=\scriptsize, fill=ground, inner sep=1pt, align=center},
  said/.style={inner sep=0pt, font=\footnotesize},
}
% A node's name, and its data above its gradient.
\providecommand\named[2]{#1\ifx\relax#2\relax\else\;\begin{tabular}{@{}r@{}}#2\end{tabular}\fi}
\providecommand\data[1]{\textcolor{data}{$#1$}}
\providecommand\grad[1]{\textcolor{grad}{$#1$}}
% A character that not every engine and font has.
\providecommand\unicode[1]{\ifdefined\directlua\symbol{"#1}\else\texttt{U+#1}\fi}
"""
_USED = r"""\usepackage{amsmath}
\usepackage{tikz}
\usetikzlibrary{shapes.misc}
"""


def tikz(pictures: Sequence[Picture], title: str, theme: str = "auto") -> str:
    r"""Return the picture by itself, to be put into a document with `\input`; several need Beamer, and a preamble."""
    return f"{_head(title, theme)}{_body(pictures)}"


def document(pictures: Sequence[Picture], title: str, theme: str = "auto") -> str:
    """Return a document with the picture alone, or a Beamer presentation that shows several one after the other."""
    width, height = pictures[0].width, pictures[0].height
    if len(pictures) > 1:
        scaled = r"\resizebox{\textwidth}{!}{%" if width > 1.4 * height else r"\resizebox{!}{0.8\textheight}{%"
        opened, closed = f"\\begin{{frame}}\n\\centering\n{scaled}\n", "}\n\\end{frame}\n"
        page = "\\documentclass{beamer}\n\\setbeamertemplate{navigation symbols}{}\n"
    else:
        opened = closed = ""
        page = (
            "\\documentclass{article}\n\\pagestyle{empty}\n\\parindent=0pt\n"
            f"\\usepackage[paperwidth={width:.0f}bp, paperheight={height:.0f}bp, margin=0pt]{{geometry}}\n"
        )
    body = f"\\begin{{document}}\n{opened}{_body(pictures)}{closed}\\end{{document}}\n"
    return f"{page}{_USED}{_head(title, theme)}{body}"


def _head(title: str, theme: str) -> str:
    """Return the colours, the styles and the macros."""
    colors = "".join(
        rf"\definecolor{{{name}}}{{HTML}}{{{color[1:].upper()}}}" + "\n" for name, color in THEMES[theme].items()
    )
    return f"% {escape.comment(title)}.\n% It needs: {_USED.strip().replace(chr(10), ' ')}\n{colors}{_STYLES}"


def _body(pictures: Sequence[Picture]) -> str:
    last = pictures[-1]
    lines = [rf"\path[use as bounding box] (0,0) rectangle ({last.width:.0f},{last.height:.0f});"]
    names = _names(last.items)
    frames = [_written(p.items, names) for p in pictures]
    for start, end, item in lasting(frames, lambda items: [line for each in items for line in each]):
        if (start, end) == (0, len(frames)):
            lines += item
        else:
            slides = f"{start + 1}" if end == start + 1 else f"{start + 1}-{end}"
            lines += [rf"\only<{slides}>{{{line}}}" for line in item]
    inside = "".join(f"  {line}\n" for line in lines)
    return f"\\begin{{tikzpicture}}\n{inside}\\end{{tikzpicture}}\n"


def _names(items: Sequence[Item]) -> dict[str, str]:
    """Return what each node is called in the source: its label where that is a plain word, else its key."""
    found, taken = {}, set()
    for item in items:
        if isinstance(item, Node):
            base, operation = item.key.removesuffix("op"), item.key.endswith("op")
            named = next(i.name for i in items if isinstance(i, Node) and i.key == base) if operation else item.name
            name = named if re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", named) and item.kind != "unit" else base
            name = f"{name}-op" if operation else name
            found[item.key] = name if name not in taken else item.key
            taken.add(found[item.key])
    return found


def _written(items: Sequence[Item], names: dict[str, str]) -> list[list[str]]:
    """Return the lines of each item: first the nodes, which edges refer to, though edges are drawn below them."""
    order = sorted(items, key=lambda item: 0 if isinstance(item, Node) else 2 if isinstance(item, Edge) else 1)
    return [_item(item, names) for item in order]


def _item(item: Item, names: dict[str, str]) -> list[str]:
    if isinstance(item, Label):
        return []
    if isinstance(item, Edge) and item.tail in names and item.head in names:
        return [_edge(item, names)]
    if isinstance(item, Node):
        return _node(item, names[item.key])
    return [_mark(m) for m in item.marks]


def _node(item: Node, name: str) -> list[str]:
    at = f"({name}) at ({item.x:.0f},{item.y:.0f})"
    looks = [item.kind] + ["active"] * item.active
    if item.kind == "operation":
        symbol = _SYMBOLS.get(item.name) or rf"\mathrm{{{item.name}}}"
        return [rf"\node[operation] {at} {{${symbol}$}};"]
    inside = [m for m in item.marks if isinstance(m, Text) and item.covers(m)]
    around = [_mark(m) for m in item.marks if isinstance(m, Text) and not item.covers(m)]
    if item.kind == "unit" or not item.numbers:
        lines = [_text(m.text) if m.look not in ("data", "grad") else _number(m) for m in inside]
        return [rf"\node[{', '.join(looks)}] {at} {{{_NEWLINE.join(lines)}}};", *around]
    if sum(isinstance(m, Path) for m in item.marks) == 2:
        looks[0] = "output"
    numbers = [_number(m) for m in inside if m.anchor == "end"]
    blanks = [m for m in item.marks if isinstance(m, Path) and m.width < 1]
    numbers += [r"\fbox{\phantom{0.000}}"] * len(blanks)
    called = f"${latex.name(item.name)}$" if item.name else ""
    called = _safe(called)
    return [rf"\node[{', '.join(looks)}] {at} {{\named{{{called}}}{{{_NEWLINE.join(numbers)}}}}};"]


def _edge(item: Edge, names: dict[str, str]) -> str:
    tail, head = names[item.tail], names[item.head]
    if item.kind == "edge":
        head = names.get(f"{item.head}op", head)
    if item.kind == "flow":
        return rf"\draw[flow] ({tail}) -- ({head});"
    line = next(m for m in item.marks if isinstance(m, Path))
    if item.kind == "edge":
        (x, y), (u, v) = line.points[0], item.marks[1].points[0]  # type: ignore[union-attr]
        (a, b), (c, d) = line.points[1], line.points[-2]
        out, into = ("0", "180") if abs(a - x) > abs(b - y) or abs(u - c) > abs(v - d) else ("-90", "90")
        active = ", active" if line.stroke == "grad" else ""
        label = f" node[local] {{${latex.name(item.label)}$}}" if item.label else ""
        order = next((m.text for m in item.marks if isinstance(m, Text) and m.text != item.label), "")
        order = f" node[local, near end, swap] {{{_text(order)}}}" if order else ""
        if len(line.points) > 4:  # it goes around something
            corners = [f"({x:.0f},{y:.0f})" for x, y in line.points[1:-1]]
            firsts, seconds, ends = corners[0::3], corners[1::3], [*corners[2::3], f"({head})"]
            ways = [f" .. controls {a} and {b} .." for a, b in zip(firsts, seconds, strict=True)]
            marks = [label, *[""] * (len(ways) - 2), order]
            route = "".join(f"{way}{mark} {end}" for way, mark, end in zip(ways, marks, ends, strict=True))
            return rf"\draw[edge{active}] ({tail}){route};"
        return rf"\draw[edge{active}] ({tail}) to[out={out}, in={into}]{label}{order} ({head});"
    dash = f", {line.dash}" if line.dash else ""
    lines = _NEWLINE.join(_number(Text(0, 0, text, look)) for text, look in item.labels)
    label = f" node[weight, pos={item.at:.2f}] {{{lines}}}" if lines else ""
    return rf"\draw[draw={line.stroke}, line width={line.width:.2g}pt{dash}] ({tail}) --{label} ({head});"


def _number(m: Text) -> str:
    r"""Return a number in its colour, with a true minus; what is more than a number as text."""
    words = m.text.split(" ")
    if len(words) == 1:
        macro = {"data": r"\data", "grad": r"\grad"}.get(m.look)
        number = _safe(str(latex.name(m.text))) if m.text != "–" else r"\text{--}"
        return f"{macro}{{{number}}}" if macro else rf"\textcolor{{{m.look}}}{{${number}$}}"
    return rf"\textcolor{{{m.look}}}{{{_text(m.text)}}}"


def _mark(m: Mark) -> str:
    if isinstance(m, Text):
        anchor = {"start": "base west", "middle": "base", "end": "base east"}[m.anchor]
        style = r"\bfseries " * m.bold + r"\itshape " * m.italic
        style += r"\scriptsize " if m.size < 9.5 else r"\normalsize " if m.size > 12 else ""
        color = "" if m.look == "ink" else f", text={m.look}"
        return rf"\node[said, anchor={anchor}{color}] at ({m.x:.1f},{m.y:.1f}) {{{style}{_text(m.text)}}};"
    if isinstance(m, Cells):
        opacity = f", opacity={m.opacity:.3g}" if m.opacity < 1 else ""
        boxes = " ".join(f"({x:.1f},{y:.1f}) rectangle +({w:.1f},{h:.1f})" for x, y, w, h in m.rectangles)
        return rf"\fill[{m.fill}{opacity}] {boxes};"
    look = [f"draw={m.stroke}"] if m.stroke else []
    look += [f"fill={m.fill}"] if m.fill else []
    look += [f"line width={m.width:.2g}pt"] if m.stroke and m.width != 1 else []
    if isinstance(m, Circle):
        return rf"\path[{', '.join(look)}] ({m.x:.1f},{m.y:.1f}) circle [radius={m.radius:.1f}];"
    look += [m.dash] if m.dash else []
    places = [f"({x:.1f},{y:.1f})" for x, y in m.points]
    if m.curve:
        thirds = zip(places[1::3], places[2::3], places[3::3], strict=True)
        controls = (f" .. controls {a} and {b} .. {c}" for a, b, c in thirds)
        way = places[0] + "".join(controls)
    else:
        way = " -- ".join(places)
    return rf"\path[{', '.join(look)}] {way}{' -- cycle' if m.closed else ''};"


def _text(text: str) -> str:
    """Return text outside of mathematics."""
    return re.sub(r"(?<![\w.])\{-\}(?=\d)", "$-$", _safe(escape.latex(text)))


def _safe(written: str) -> str:
    """Return LaTeX in which letters that pdfLaTeX cannot set are asked for by their number."""
    return "".join(c if c < "\x7f" or "\xa1" <= c < "\u0180" else rf"\unicode{{{ord(c):04X}}}" for c in written)
