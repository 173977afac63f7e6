"""A picture as SVG: text that is text, tooltips, a description for screen readers, colours for light and dark."""

import re
import zlib
from collections.abc import Sequence

from ..escape import html
from .scene import DARK, SIZE, THEMES, Cells, Circle, Edge, Item, Mark, Node, Picture, Text, lasting

FONT = "Helvetica,Arial,sans-serif"
SECONDS = 2.0  # that a frame is shown


def svg(
    frames: Sequence[Picture],
    title: str,
    description: str,
    *,
    theme: str = "auto",
    transparent: bool = False,
) -> str:
    """Return one picture as SVG, or several as an animation that runs over and over.

    Who has asked the system for less motion, and paper, gets the last frame. Without ids, several can stand in one
    page; the dark colours of the theme "auto" are for a picture that is a file of its own, also in an `<img>`, because
    a page into which it was pasted may well be white in a dark system.
    """
    width, height = _number(max(p.width for p in frames)), _number(max(p.height for p in frames))
    body, style = _animated(frames)
    if not transparent:
        body = f'<path class="{2 * _LETTERS["ground"]}" d="M0 0h{width}v{height}h-{width}z"/>{body}'
    name = f"m{zlib.crc32((body + theme).encode()):08x}"  # so that no picture's rules touch another
    rules = _rules(body, name, THEMES[theme])
    if theme == "auto":
        rules += f"@media (prefers-color-scheme:dark){{{_rules(body, f'{name}:root', DARK)}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="micrograd-like {name}" role="img" aria-label="{html(title)}"'
        f' width="{width}pt" height="{height}pt" viewBox="0 0 {width} {height}"'
        f' font-family="{FONT}" font-size="{SIZE:g}" text-anchor="middle" fill="none">'
        f"<title>{html(title)}</title><desc>{html(description)}</desc>"
        f"<style>{rules}{style.replace('NAME', name)}</style>{body}</svg>\n"
    )


def inline(picture: Picture, name: str) -> tuple[str, str]:
    """Return a picture for a page whose script fills it in, and the rules for its colours, which are `var(--data)` etc.

    A node has its key as `data-node`, an edge `data-edge`, its tail and its head; there are no tooltips.
    """
    width, height = _number(picture.width), _number(picture.height)
    body = "".join(_item(item, keyed=True) for item in picture.items)
    return (
        f'<svg role="group" aria-label="{html(name)}" viewBox="0 0 {width} {height}" font-family="{FONT}"'
        f' font-size="{SIZE:g}" text-anchor="middle" fill="none">{body}</svg>'
    ), _rules(body, "picture", {look: f"var(--{look})" for look in DARK})


# The class of a colour is one letter for a stroke, two for what is filled; not a capital, which is no other letter in a
# page without a doctype.
_LETTERS = {name: "o" if name == "ground" else name[0] for name in DARK}


def _rules(body: str, scope: str, colors: dict[str, str]) -> str:
    """Return the rules for the colours that are there."""
    used = set(" ".join(re.findall(r'class="([a-z]{1,2}(?: [a-z]{2})?)"', body)).split())
    rules = ""
    for name, letter in _LETTERS.items():
        for written, attribute in ((letter, "stroke"), (2 * letter, "fill")):
            if written in used:
                rules += f".{scope} .{written}{{{attribute}:{colors[name]}}}"
    return rules


def _class(stroke: str, fill: str) -> str:
    return f' class="{" ".join(filter(None, (_LETTERS.get(stroke, ""), 2 * _LETTERS.get(fill, ""))))}"'


def _animated(frames: Sequence[Picture]) -> tuple[str, str]:
    """Return what the frames consist of, and the rules that show each part at its time.

    What is the same in all frames, as everything of a single one, is there once.
    """
    n = len(frames)
    parts, shown = [], set()
    for start, end, part in lasting([list(map(_item, frame.items)) for frame in frames], "".join):
        if (start, end) == (0, n):
            parts.append(part)
        elif part:
            parts.append(f'<g class="t t{start}-{end}{" last" if end == n else ""}">{part}</g>')
            shown.add((start, end))
    if not shown:
        return "".join(parts), ""
    style = ".NAME .t{visibility:hidden}.NAME .last{visibility:visible}"
    moving = ""
    for start, end in sorted(shown):
        keys = [(0, "visible" if start == 0 else "hidden"), (start / n, "visible"), (end / n, "hidden")]
        stops = "".join(f"{100 * at:.4g}%{{visibility:{state}}}" for at, state in keys if at < 1)
        style += f"@keyframes NAME-{start}-{end}{{{stops}}}"
        moving += f".NAME .t{start}-{end}{{animation:NAME-{start}-{end} {n * SECONDS:g}s step-end infinite}}"
    return "".join(parts), f"{style}@media screen and (prefers-reduced-motion:no-preference){{{moving}}}"


def _item(item: Item, *, keyed: bool = False) -> str:
    marks = "".join(map(_mark, item.marks))
    if not marks:
        return ""
    kind = ' class="node"' if isinstance(item, Node) else ' class="edge"' if isinstance(item, Edge) else ""
    if keyed and isinstance(item, Node | Edge):
        kind += f' data-node="{item.key}"' if isinstance(item, Node) else f' data-edge="{item.tail} {item.head}"'
    tooltip = f"<title>{html(item.tooltip)}</title>" if item.tooltip and not keyed else ""
    return f"<g{kind}>{tooltip}{marks}</g>" if kind or tooltip else marks


def _mark(m: Mark) -> str:
    if isinstance(m, Text):
        extra = f' text-anchor="{m.anchor}"' if m.anchor != "middle" else ""
        extra += f' font-size="{_number(m.size)}"' if m.size != SIZE else ""
        extra += ' font-weight="bold"' if m.bold else ""
        extra += ' font-style="italic"' if m.italic else ""
        return f'<text{_class("", m.look)} x="{_number(m.x)}" y="{_number(m.y)}"{extra}>{html(m.text)}</text>'
    if isinstance(m, Cells):
        cells = (f"M{_number(x)} {_number(y)}h{_number(w)}v{_number(h)}h{_number(-w)}z" for x, y, w, h in m.rectangles)
        opacity = f' opacity="{_number(m.opacity, 2)}"' if m.opacity < 1 else ""
        return f'<path{_class("", m.fill)}{opacity} d="{"".join(cells)}"/>'
    extra = f' stroke-width="{_number(m.width, 2)}"' if m.width != 1 and m.stroke else ""
    if isinstance(m, Circle):
        at = f'cx="{_number(m.x)}" cy="{_number(m.y)}"'
        return f'<circle r="{_number(m.radius)}"{_class(m.stroke, m.fill)} {at}{extra}/>'
    if m.dash:
        extra += f' stroke-dasharray="{"5 2.5" if m.dash == "dashed" else "1 3"}"'
    extra += f' opacity="{_number(m.opacity, 2)}"' if m.opacity < 1 else ""
    first, *rest = (f"{_number(x)} {_number(y)}" for x, y in m.points)
    path = f"M{first}{'C' if m.curve else 'L'}{' '.join(rest)}{'z' if m.closed else ''}"
    return f'<path{_class(m.stroke, m.fill)}{extra} d="{path}"/>'


def _number(x: float, decimals: int = 1) -> str:
    """Return a length as short as it can be written."""
    written = f"{x:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written
