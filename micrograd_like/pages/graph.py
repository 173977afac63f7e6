"""The page of a graph: its picture, its numbers, and the engine that runs both passes over it, one step at a time.

The picture is laid out when the page is made, at each depth at which it can be looked at; the script fills in the
numbers, which are floats. Steps come in the order of `steps.py`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from sys import float_info
from typing import Any

from ..checks import check_data, made_at
from ..engine import Value, topological_order
from ..escape import html, one_line
from ..formulas import SIGN, TEXT, Piece
from ..graph.steps import backward_steps
from ..graph.structure import structure
from ..notation.names import constants, node_names
from ..ops import CONSTANT
from ..pictures import Drawing, svg
from ..pictures.graph import draw_graph
from ..pictures.groups import DEPTHS, Group, group
from ..pictures.scene import text_width
from ..stepping.prediction import MISTAKEN, RULE
from ..stepping.stepper import UNITS, parts_of
from ..teaching.grading.comparison import IN_THE_PASS
from ..teaching.grading.kinds import mistake_of
from ..teaching.grading.lines import lines_of
from ..teaching.grading.mistakes import MISTAKES
from ..teaching.grading.report import WORDS
from .document import Page, document, source
from .engine import engine, plain, reading

LARGEST = 3_000  # boxes of one picture, which takes a second to lay out, and a browser another one to show
LARGEST_GRAPH = 20_000  # nodes
MISTAKEN_NODES = 150  # of a larger graph, the formulas of all mistakes would take megabytes
LARGEST_NUMBER = float_info.max
READABLE = 40  # boxes of the picture that is shown first
_SCRIPTS = "living.js", "picture.js", "graph.js", "words.js", "predict.js", "panel.js", "input.js"
ROOM = text_width("-12.3456")


def graph_page(root: Value, *, position: int = 0, rankdir: str = "LR") -> Page:
    """Return the page of the graph under `root`, as `page` describes it."""
    order = topological_order(root)
    if len(order) > LARGEST_GRAPH:
        raise ValueError(
            f"a graph of {len(order):,} nodes is too large for a page, which takes {LARGEST_GRAPH:,}: "
            "make one of a node further down, or of the loss of fewer samples"
        )
    check_data(order)
    names = {v: one_line(name) for v, name in node_names(order).items()}
    for v in order:
        if not -LARGEST_NUMBER <= v.data <= LARGEST_NUMBER:
            raise ValueError(f"{names[v]} is {v.data}, which a page cannot compute with: it takes finite floats")
    views, drawings = _views(root, order, rankdir)
    shown = next((k for k, view in enumerate(views) if view["count"] <= READABLE), len(views) - 1)
    title = f"{names[root]} = {one_line(root.op.write([names[x] for x in root.operands]))}" if root.operands else ""
    title = title if 0 < len(title) <= 60 else f"The graph of {names[root]}"
    data = {
        "reading": reading(),
        "words": {verdict: WORDS[verdict] for verdict in ("right", "wrong", "too coarse")},
        "answers": {"rule": RULE, "mistaken": MISTAKEN},
        "graph": _graph(order, names),
        "units": _units(order),
        "views": views,
        "shown": shown,
        "mistakes": _mistakes(root) if len(order) <= MISTAKEN_NODES else [],
        "position": position,
    }
    inlined = [
        svg.inline(drawing.pictures[0], f"Graph: {view['name']}") for view, drawing in zip(views, drawings, strict=True)
    ]
    pictures = "".join(f'<div class="view" hidden>{picture}</div>' for picture, _ in inlined)
    note = html(_note(views, order))
    body = source(__package__, "graph.html").format(title=html(title), pictures=pictures, note=note)
    written = document(
        f"{title}: step, change, predict",
        body,
        styles=[inlined[-1][1], source(__package__, "living.css", "graph.css")],
        scripts=[engine({v.op for v in order}, derived=True), source(__package__, *_SCRIPTS)],
        data=data,
    )
    return Page(title, written, lambda: drawings[shown].image, height=680)


def _graph(order: Sequence[Value], names: Mapping[Value, str]) -> dict[str, Any]:
    """Return the graph as lists, with a place for each node: what the engine computes with, and how it is written."""
    place = {v: k for k, v in enumerate(order)}
    operands = {v: [names[x] for x in v.operands] for v in order}
    return {
        "names": [names[v].replace("-", "−") if v.op is CONSTANT else names[v] for v in order],
        "atoms": [f"{TEXT.kind.of(names[v]):atom}" for v in order],  # as they stand in ∂L/∂a
        "operations": [v.op.name for v in order],
        "operands": [[place[x] for x in v.operands] for v in order],
        "isConstant": [v.op is CONSTANT for v in order],
        "leaves": [None if v.operands else float(v.data) for v in order],
        "equations": [v.op.write(operands[v]) if v.operands else "" for v in order],
        "slots": {f"{v.op.name} {len(v.operands)}": _slots(v) for v in order if v.operands},
        "formulas": [
            [
                "" if x.op is CONSTANT else v.op.formula(i, names[v], operands[v], constants(v.operands))
                for i, x in enumerate(v.operands)
            ]
            for v in order
        ],
        "sources": {place[v]: one_line(where) for v in order if (where := made_at(v))},
    }


class _Slot(Piece):
    """The place of a number, in brackets if a negative number gets parentheses there."""

    __slots__ = ()
    parentheses = "⟨{}⟩"


def _slots(v: Value) -> str:
    """Return how the operation is written with numbers, such as `{0} * ⟨{1}⟩`."""
    return str(v.op.write([_Slot(f"{{{i}}}", SIGN) for i in range(len(v.operands))]))


def _units(order: Sequence[Value]) -> dict[str, list[int]]:
    """Return for each unit of steps, other than an edge, which part of the graph a node belongs to."""
    where = structure(order)
    found: dict[str, list[int]] = {}
    for unit in UNITS[1:]:
        with suppress(ValueError):  # there are none
            parts: dict[Any, int] = {}
            found[unit] = [parts.setdefault(part, len(parts)) for part in parts_of(unit, order, where)]
    return found


def _views(root: Value, order: Sequence[Value], rankdir: str) -> tuple[list[dict[str, Any]], list[Drawing]]:
    """Return the pictures of the graph from the finest to the coarsest, as data, and with all gradients there are."""
    views: list[dict[str, Any]] = []
    drawings: list[Drawing] = []
    gradients = {}
    with suppress(ValueError):  # a derivative that is not defined
        gradients = {s.operand: s.after for s in backward_steps(root)}
    place = {v: k for k, v in enumerate(order)}
    too_large = ValueError("there is nothing to draw")
    runs_once = all(not w.sample for w in structure(order).values())
    for depth in DEPTHS:
        groups, held, _ = group(order, depth)
        boxes = _boxes(order, groups, held)
        count = len(set(boxes) - {""})
        if depth != "value" and (not groups or (views and count >= views[-1]["count"])):
            continue
        if views and depth == "sample" and runs_once:
            continue
        name = f"a box for each {depth}" if groups and depth != "value" else "every node"
        try:
            drawing = draw_graph(root, depth=depth, rankdir=rankdir, gradients=gradients, room=ROOM, limit=LARGEST)
        except ValueError as error:
            too_large = error
            continue
        drawings.append(drawing)
        merged = {f"v{place[g.outputs[-1]]}": g for g in groups if g.merged}
        outputs = {key: [place[v] for v in g.outputs] for key, g in merged.items()}
        titles = {key: g.name for key, g in merged.items()}
        views.append(
            {"depth": depth, "name": name, "count": count, "boxes": boxes, "outputs": outputs, "titles": titles}
        )
    if not views:
        raise too_large
    return views, drawings


def _boxes(order: Sequence[Value], groups: Sequence[Group], held: set[Value]) -> list[str]:
    """Return for each node the key of the box that shows it, or nothing."""
    place = {v: k for k, v in enumerate(order)}
    shown = {v: place[g.outputs[-1]] for g in groups if g.merged for v in g.members}
    return ["" if v in held else f"v{shown.get(v, k)}" for k, v in enumerate(order)]


def _note(views: Sequence[Mapping[str, Any]], order: Sequence[Value]) -> str:
    if views[0]["depth"] == "value":
        return ""
    limit = f"more than {LARGEST:,}" if len(order) > LARGEST else "too entangled"
    return f"{len(order):,} nodes are {limit} to be drawn one by one: here a box stands for several."


def _mistakes(root: Value) -> list[dict[str, Any]]:
    """Return the mistakes that can be made in this backward pass, with the formulas of the gradients they change."""
    rows = [mistake for mistake in MISTAKES if mistake.kind in IN_THE_PASS]
    gradients = lines_of(root, rows).find("gradient")
    found = []
    for mistake in rows:
        keys = (key for line in gradients.values() for key in line.wrong)
        key = next((key for key in keys if mistake_of(key) == mistake.id), None)
        if key is None:
            continue
        wrong = {line.id[1:]: plain(line.wrong[key][0]) for line in gradients.values() if key in line.wrong}
        is_pass = mistake.kind == "pass"
        found.append(
            {"id": mistake.id, "name": mistake.name, "sentence": mistake.sentence, "wrong": None if is_pass else wrong}
        )
    return found
