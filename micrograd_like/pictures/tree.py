"""A graph as text for the terminal: a tree from the output down, each node once."""

import os
import re
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ..checks import local_derivative, stale
from ..engine import Value, topological_order
from ..escape import one_line
from ..notation.names import constants, node_names, show_grad
from ..notation.numbers import aligned, check_decimals, show
from ..ops import CONSTANT

_GLYPHS = ("branch", "last", "down", "above", "below", "none", "more", "d", "active")
_UNICODE = dict(zip(_GLYPHS, ("├─ ", "└─ ", "│  ", " ↑", " ↓", "–", "…", "∂", "►"), strict=True))
_ASCII = dict(zip(_GLYPHS, ("|- ", "`- ", "|  ", " ^", " v", "-", "...", "d", ">"), strict=True))
AROUND = 12  # operands of one node that are shown
STALE = "(stale): a number it was computed from has changed since; recompute(root) computes the graph anew"
_BLUE, _ORANGE, _DIM, _PLAIN = "\x1b[38;5;32m", "\x1b[38;5;172m", "\x1b[2m", "\x1b[0m"


@dataclass
class _Line:
    """One edge of the graph, or the output itself."""

    indent: str
    value: Value
    parent: Value | None
    position: int  # of the value among the parent's operands
    mark: str  # "above" or "below" if the node stands there, else ""


def text(
    value: Value,
    *,
    precision: int | None = None,
    limit: int | None = 200,
    width: int | None = None,
    active: tuple[Value, int] | None = None,
) -> str:
    """Return the graph under `value` as a tree with columns for data, gradient and local derivative.

    A node used more than once is written out where it first appears; elsewhere an arrow points to it. A terminal gets
    colours, unless NO_COLOR is set; where standard output cannot encode the signs, they are ASCII.

    Args:
        value: the output, which becomes the first line.
        precision: how many decimals numbers get at most; 4 if it is left out.
        limit: how many lines at most; None for all.
        width: of the terminal, in columns; asked from it if None.
        active: an edge to mark, as its node and the position of its operand; position -1 marks the output's line.
    """
    if not isinstance(value, Value):
        raise TypeError(f"text() takes a Value, not {value!r}: write text(loss)")
    order = topological_order(value)
    names, old = node_names(order), set(stale(order))
    check_decimals(precision)
    glyphs = _glyphs()
    width = width or shutil.get_terminal_size().columns
    walked = _walk(value, glyphs, deepest=max(4, width // 8))
    lines = list(islice(walked, limit))
    left_out = sum(1 for _ in walked)
    more = f"\n{glyphs['more']} and {left_out} more lines: text(value, limit=None) shows all of them"
    return _table(lines, names, active, precision, width, old) + more * bool(left_out)


def text_around(active: tuple[Value, int], names: dict[Value, str]) -> str:
    """Return the lines of `text` for one node and its operands alone, some of them around the active one.

    However large the graph is, this looks at nothing else of it.
    """
    glyphs = _glyphs()
    node, position = active
    last = len(node.operands) - 1
    start = max(0, min(position - AROUND // 2, last + 1 - AROUND))
    lines = [_Line("", node, None, 0, "")]
    for i, x in list(enumerate(node.operands))[start : start + AROUND]:
        lines.append(_Line(glyphs["branch" if i < last else "last"], x, node, i, ""))
    left_out = last + 2 - len(lines)
    more = f"\n{glyphs['more']} and {left_out} more operands" if left_out else ""
    return _table(lines, names, active) + more


def text_path(edges: Sequence[tuple[Value, int]], marked: int, names: dict[Value, str]) -> str:
    """Return a path from the output down, one line for its first node and one for each edge; mark one of the lines."""
    root = edges[0][0]
    lines = [_Line("", root, None, 0, "")]
    lines += [_Line("", v.operands[i], v, i, "") for v, i in edges if i >= 0]
    active = edges[marked - 1] if marked else (root, -1)
    return _table(lines, names, active)


def _table(
    lines: list[_Line],
    names: dict[Value, str],
    active: tuple[Value, int] | None,
    precision: int | None = None,
    width: int | None = None,
    old: Collection[Value] | None = None,
) -> str:
    """Return the lines with their numbers in columns, the active edge marked at the left."""
    glyphs = _glyphs()
    old = stale([line.value for line in reversed(lines)]) if old is None else old
    cells = [("", "data", "grad", f"{glyphs['d']}parent/{glyphs['d']}node")]
    for line in lines:
        v, operands = line.value, [names[x] for x in line.value.operands]
        edge = (v, -1) if line.parent is None else (line.parent, line.position)
        marker = "" if active is None else f"{glyphs['active']} " if edge == active else "  "
        written = f"{names[v]} = {v.op.write(operands)}" if operands and not line.mark else names[v]
        written += " (stale)" if v in old else ""
        derivative = ""
        if line.parent is not None and v.op is not CONSTANT:
            derivative = describe_local(line.parent, line.position, names, precision)
        cells.append(
            (
                marker + line.indent + one_line(written) + glyphs.get(line.mark, ""),
                "" if line.mark else show(v.data, precision),
                "" if line.mark or v.op is CONSTANT else show_grad(v, precision, glyphs["none"]),
                one_line(derivative),
            )
        )
    width = width or shutil.get_terminal_size().columns
    table = _columns(cells, width, glyphs["more"])
    table += f"\n{STALE}" if old else ""
    return table if glyphs is _UNICODE else table.encode("ascii", "backslashreplace").decode()


def describe_local(v: Value, i: int, names: dict[Value, str], precision: int | None) -> str:
    """Return the local derivative ∂v/∂operand `i` as formula and number: `w = -3.0000`, or `1` if that says it all."""
    formula = v.op.formula(i, names[v], [names[x] for x in v.operands], constants(v.operands))
    shown = local_number(v, i, precision)
    return formula if re.fullmatch(r"-?[\d.]+", formula) else f"{formula} = {shown}"


def local_number(v: Value, i: int, precision: int | None) -> str:
    """Return the local derivative ∂v/∂operand `i` as a number, or that it is undefined, or unknown."""
    if stale([v]):
        return "?"
    try:
        return show(local_derivative(v, i, [x.data for x in v.operands]), precision)
    except ValueError:
        return "undefined"


def _walk(root: Value, glyphs: dict[str, str], deepest: int) -> Iterator[_Line]:
    """Yield the lines of the tree; what lies deeper than `deepest` follows below, in a tree of its own."""
    shown: set[Value] = set()
    roots = [root]
    for top in roots:  # grows while it is walked
        if top in shown:
            continue
        stack: list[tuple[Value, Value | None, int, str, str, int]] = [(top, None, 0, "", "", 0)]
        while stack:
            v, parent, position, indent, below, depth = stack.pop()
            if v in shown and v.op is not CONSTANT:
                yield _Line(indent, v, parent, position, "above")
                continue
            if depth >= deepest and v.operands:
                roots.append(v)
                yield _Line(indent, v, parent, position, "below")
                continue
            shown.add(v)
            yield _Line(indent, v, parent, position, "")
            last = len(v.operands) - 1
            for i in range(last, -1, -1):
                branch, down = (glyphs["branch"], glyphs["down"]) if i < last else (glyphs["last"], "   ")
                stack.append((v.operands[i], v, i, below + branch, below + down, depth + 1))


def _columns(cells: list[tuple[str, str, str, str]], width: int, more: str) -> str:
    """Lay the cells out in columns; what is too wide loses its end first in the last column, then in the first."""
    from rich.cells import cell_len

    def fit(cell: str, room: int) -> str:
        if cell_len(cell) <= room:
            return cell
        cell = cell[: 4 * room]  # of a label of a million characters the rest need not be measured
        while cell and cell_len(cell) > room - len(more):
            cell = cell[:-1]
        return cell + more

    numbers = ([cells[0][i], *aligned([row[i] for row in cells[1:]])] for i in (1, 2))
    cells = [(row[0], x, g, row[3]) for row, x, g in zip(cells, *numbers, strict=True)]
    widths = [max(cell_len(row[i]) for row in cells) for i in range(4)]
    room = max(width - widths[1] - widths[2] - 6, 16)
    first = min(widths[0], max(room - widths[3], room // 2))
    last = room - first if room - first >= 6 else 0
    lines = []
    for row in cells:
        name, data, grad, derivative = fit(row[0], first), row[1], row[2], fit(row[3], last) if last else ""
        data, grad = data.rjust(widths[1]), grad.rjust(widths[2])
        if _wants_color():
            data, grad = f"{_BLUE}{data}{_PLAIN}", f"{_ORANGE}{grad}{_PLAIN}"
            derivative = f"{_DIM}{derivative}{_PLAIN}" if derivative else ""
        lines.append(f"{name}{' ' * (first - cell_len(name))}  {data}  {grad}  {derivative}".rstrip())
    return "\n".join(lines)


def in_grad_color(written: str) -> str:
    """Return text in the colour of gradients, as it is where standard output has no colours."""
    return f"{_ORANGE}{written}{_PLAIN}" if _wants_color() else written


def _wants_color() -> bool:
    return getattr(sys.stdout, "isatty", bool)() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _glyphs() -> dict[str, str]:
    return _ASCII if needs_ascii() else _UNICODE


def needs_ascii() -> bool:
    """Tell whether standard output cannot encode the signs that trees and steps are drawn with."""
    try:
        "├└│↑↓∂…–►".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return True
    return False
