"""A picture as PNG or PDF.

Graphviz paints PNG, as its library can be drawn with directly; where there is none, text that it has no letters for,
and PDF, are painted by matplotlib.
"""

import io
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

from . import layout
from .scene import THEMES, Cells, Circle, Item, Picture, Text, text_width

FONTS = (
    *("Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"),
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Arial Unicode MS"),
)


def png(picture: Picture, *, theme: str = "auto", transparent: bool = False, dpi: float = 144) -> bytes:
    """Return the picture as PNG with `dpi` pixels per inch.

    Raises:
        RuntimeError: there is no Graphviz, or there are characters that it cannot paint; and matplotlib is missing.
    """
    if not layout.command() or any(
        not _has_letters(m.text) for item in picture.items for m in item.marks if isinstance(m, Text)
    ):
        return _paint([picture], "png", theme, transparent, dpi)
    return layout.graphviz(_xdot(picture, THEMES[theme], transparent, dpi), "png")


def pdf(pictures: Sequence[Picture], *, theme: str = "auto", transparent: bool = False) -> bytes:
    """Return the pictures as the pages of a PDF, with lines as lines and text as text, its fonts embedded.

    Raises:
        RuntimeError: matplotlib is not installed.
    """
    return _paint(pictures, "pdf", theme, transparent, 72)


# -------------------- Graphviz --------------------


def _has_letters(text: str) -> bool:
    """Tell whether the bundled Graphviz has a glyph for each character: Latin, Greek, Cyrillic and common signs."""
    return all(c < "\u0530" or "\u1e00" <= c < "\u2070" or c in "→←↑↓↔−∂∑√∞≈≠≤≥₁₂₃₄₅₆₇₈₉₀▲▼►◄" for c in text)


def _xdot(picture: Picture, colors: dict[str, str], transparent: bool, dpi: float) -> str:
    """Return DOT whose background is the picture, in the drawing language of Graphviz's own output."""
    height = picture.height
    out: list[str] = []

    def quoted(text: str) -> str:
        return f"{len(text.encode())} -{text}"

    def pair(x: float, y: float) -> str:
        return f"{x:.2f} {height - y:.2f}"

    def color(look: str, opacity: float) -> str:
        return colors[look] + (f"{round(255 * opacity):02x}" if opacity < 1 else "")

    for m in (m for item in picture.items for m in item.marks):
        if isinstance(m, Text):
            style = 1 * m.bold + 2 * m.italic
            align = {"start": -1, "middle": 0, "end": 1}[m.anchor]
            width = text_width(m.text, m.size, bold=m.bold)
            out.append(
                f"F {m.size:.2f} {quoted('Helvetica')} t {style} c {quoted(colors[m.look])} "
                f"T {pair(m.x, m.y)} {align} {width:.1f} {quoted(m.text)}"
            )
        elif isinstance(m, Cells):
            out.append(f"c 9 -#00000000 C {quoted(color(m.fill, m.opacity))}")
            for x, y, w, h in m.rectangles:
                outline = ((x, y), (x + w, y), (x + w, y + h), (x, y + h))
                out.append("P 4 " + " ".join(pair(*corner) for corner in outline))
        else:
            opacity, dash = (1.0, "") if isinstance(m, Circle) else (m.opacity, m.dash)
            stroke = color(m.stroke, opacity) if m.stroke else "#00000000"
            out.append(f"c {quoted(stroke)} S {quoted(f'setlinewidth({m.width:.2f})')} S {quoted(dash or 'solid')}")
            if m.fill:
                out.append(f"C {quoted(color(m.fill, opacity))}")
            if isinstance(m, Circle):
                out.append(f"{'E' if m.fill else 'e'} {pair(m.x, m.y)} {m.radius:.2f} {m.radius:.2f}")
            else:
                letter = ("b" if m.fill else "B") if m.curve else ("P" if m.fill else "p") if m.closed else "L"
                out.append(f"{letter} {len(m.points)} " + " ".join(pair(x, y) for x, y in m.points))
    drawn = " ".join(out).replace("\\", "\\\\").replace('"', '\\"')
    ground = "transparent" if transparent else colors["ground"]
    corners = f'a [pos="0,0"]; b [pos="{picture.width:.2f},{height:.2f}"];'
    return (
        f'digraph {{ graph [layout=nop2, pad=0, dpi={dpi:g}, bgcolor="{ground}", _background="{drawn}"];'
        f' node [style=invis, shape=point, width=0.001, height=0.001, fixedsize=true, label=""]; {corners} }}'
    )


# -------------------- matplotlib --------------------


def _paint(pictures: Sequence[Picture], kind: str, theme: str, transparent: bool, dpi: float) -> bytes:
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_pdf import PdfPages
        from matplotlib.figure import Figure
    except ImportError:
        raise RuntimeError(
            "PDF, and PNG without Graphviz or of text beyond Latin, Greek and Cyrillic letters, need matplotlib: run "
            "`pip install matplotlib`, or save an .svg"
        ) from None
    colors, content = THEMES[theme], io.BytesIO()
    pictures = [_with_note(picture) for picture in pictures]
    with rc_context({"pdf.fonttype": 42}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the note says it
        figures = []
        for picture in pictures:
            ground = "none" if transparent else colors["ground"]
            figure = Figure(figsize=(picture.width / 72, picture.height / 72), facecolor=ground)
            axes = figure.add_axes((0, 0, 1, 1), xlim=(0, picture.width), ylim=(picture.height, 0))
            axes.axis("off")
            for item in picture.items:
                for m in item.marks:
                    _add(axes, m, colors)
            figures.append(figure)
        if kind == "pdf":
            with PdfPages(content, metadata={"CreationDate": None}) as pages:
                for figure in figures:
                    pages.savefig(figure, facecolor=figure.get_facecolor())
        else:
            figures[0].savefig(content, format=kind, dpi=dpi, facecolor=figures[0].get_facecolor())
    return content.getvalue()


def _add(axes: Any, m: Any, colors: dict[str, str]) -> None:
    """Add a mark to matplotlib's axes."""
    from matplotlib import patches
    from matplotlib.path import Path as Outline

    if isinstance(m, Text):
        style: dict[str, Any] = {"family": families(), "fontsize": m.size}
        style |= {"fontweight": "bold" if m.bold else "normal", "fontstyle": "italic" if m.italic else "normal"}
        align = {"start": "left", "middle": "center", "end": "right"}[m.anchor]
        drawn = axes.text(m.x, m.y, m.text, color=colors[m.look], ha=align, va="baseline", **style)
        drawn.set_parse_math(False)  # a $ is a $
        return
    if isinstance(m, Cells):
        for x, y, w, h in m.rectangles:
            axes.add_patch(patches.Rectangle((x, y), w, h, facecolor=colors[m.fill], alpha=m.opacity, linewidth=0))
        return
    look: dict[str, Any] = {
        "edgecolor": colors[m.stroke] if m.stroke else "none",
        "facecolor": colors[m.fill] if m.fill else "none",
        "linewidth": m.width if m.stroke else 0,
    }
    if isinstance(m, Circle):
        axes.add_patch(patches.Circle((m.x, m.y), m.radius, **look))
        return
    dash = {"": "solid", "dashed": (0, (5 / m.width, 2.5 / m.width)), "dotted": (0, (1 / m.width, 3 / m.width))}[m.dash]
    codes = [Outline.MOVETO] + [Outline.CURVE4 if m.curve else Outline.LINETO] * (len(m.points) - 1)
    points = list(m.points)
    if m.closed:
        codes.append(Outline.CLOSEPOLY)
        points.append(points[0])
    outline = Outline(points, codes)
    axes.add_patch(patches.PathPatch(outline, linestyle=dash, alpha=m.opacity, capstyle="butt", **look))


def _with_note(picture: Picture) -> Picture:
    """Return the picture, with a line about characters that no font on this machine has."""
    texts = [m.text for item in picture.items for m in item.marks if isinstance(m, Text)]
    missing = sorted({c for text in texts for c in text if ord(c) > 126 and ord(c) not in _known()})
    if not missing:
        return picture
    codes = ", ".join(f"U+{ord(c):04X}" for c in missing[:8]) + ", …" * (len(missing) > 8)
    note = Text(11, picture.height + 4, f"no font here has {codes}: the .svg shows them", "faint", 8, "start")
    width = max(picture.width, text_width(note.text, 8) + 22)
    return Picture(width, picture.height + 14, (*picture.items, Item((note,))))


@cache
def _known() -> frozenset[int]:
    """Return the characters that matplotlib's fonts have."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    paths = [findfont(FontProperties(family=family)) for family in families()]
    return frozenset(code for path in paths for code in get_font(path).get_charmap())


@cache
def families() -> list[str]:
    """Return the fonts that are there, those with Helvetica's widths first, then those with the most letters."""
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return [name for name in FONTS if name in known]
