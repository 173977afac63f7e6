"""A computation graph as DOT: a box for each value, a circle for each operation, local derivatives on the edges.

In a box the data stands above and the gradient below, as in the circuit diagrams of Stanford's CS231n. The outline
says what a node is: rounded an input, cut corners a parameter, none a constant, double the output.
"""

from collections.abc import Collection, Sequence

import graphviz

from ..engine import Value, made_at, topological_order
from ..notation.names import node_names, show_grad
from ..notation.numbers import exact, show
from ..ops import CONSTANT, INPUT, PARAMETER, dot
from .drawing import Drawing
from .render import DATA, FAINT, GRAD, GROUND, INK, escape
from .tree import describe_local, local_number, text

FULL = 200  # nodes; from there on text is about 5 px high when the picture is fitted to a screen
LARGEST = 5_000  # nodes; from some 10,000 on the layout takes minutes
LONGEST = 40  # characters of a label that are shown; the tooltip has the rest

_GRAPH = {"bgcolor": GROUND, "nodesep": "0.15", "pad": "0.15"}
_NODE = {
    "shape": "box",
    "height": "0",
    "width": "0",
    "margin": "0.07,0.03",
    "color": FAINT,
    "fontcolor": INK,
    "fontname": "Helvetica",
    "fontsize": "11",
}
_EDGE = {"color": FAINT, "fontcolor": FAINT, "arrowsize": "0.6", "fontname": "Helvetica", "fontsize": "9"}
_ACTIVE = {"color": GRAD, "fontcolor": GRAD, "penwidth": "3"}  # the edge, and where its contribution arrives
_OUTLINES = {
    INPUT: {"style": "rounded"},
    PARAMETER: {"style": "diagonals", "margin": "0.14,0.05"},
    CONSTANT: {"shape": "plain"},
}


def draw_graph(
    root: Value,
    *,
    rankdir: str = "LR",
    precision: int | None = None,
    data: bool = True,
    grad: bool = True,
    local: bool = True,
    detail: str = "auto",
    limit: int = LARGEST,
    active: tuple[Value, int] | None = None,
    marked: Collection[Value] = (),
) -> Drawing:
    """Draw the graph under `root`; `draw` describes the other arguments and the errors.

    `active` marks an edge, given by its node and the position of its operand; position -1 marks the node. `marked`
    are nodes to mark.
    """
    if rankdir not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"rankdir is the direction of the graph: 'LR', 'TB', 'RL' or 'BT', not {rankdir!r}")
    if detail not in ("auto", "full", "neurons"):
        raise ValueError(f"detail is 'auto', 'full' or 'neurons', not {detail!r}")
    order = topological_order(root)
    names = {v: _printable(name) for v, name in node_names(order).items()}
    by_neurons = detail == "neurons" or (detail == "auto" and len(order) > FULL)
    weights, sums = _within_neurons(order) if by_neurons else (set(), set())
    drawn = [v for v in order if v not in weights and v not in sums]
    if len(drawn) > limit:
        raise ValueError(
            f"the picture would have {len(drawn):,} nodes, over its limit of {limit:,}: draw a part of the graph "
            "(draw(v) for a node v further down) or the network itself (draw(model)), or raise limit="
        )

    ranksep = "1" if by_neurons else "0.3"  # inches; layers of neurons have many edges between them
    source = graphviz.Digraph(
        graph_attr={**_GRAPH, "rankdir": rankdir, "ranksep": ranksep}, node_attr=_NODE, edge_attr=_EDGE
    )
    ids = {v: f"v{i}" for i, v in enumerate(order)}
    arrival = None if active is None else active[0].operands[active[1]] if active[1] >= 0 else active[0]
    for v in drawn:
        constant = v.op is CONSTANT
        label = _box(
            names[v] if v.label or not constant else "",
            exact(v.data) if constant else show(v.data, precision) if data or constant else "",
            show_grad(v, precision) if grad and not constant else "",
            faint=not v.label,
        )
        outline = {**_OUTLINES.get(v.op, {}), **({"peripheries": "2"} if v is root else {})}
        if v is arrival or v in marked:
            outline = {**_ACTIVE, **outline}
        source.node(ids[v], label, tooltip=_tooltip(v, names, data=data, grad=grad), **outline)
        if not v.operands:
            continue
        circle, symbol, made_from, equation = f"{ids[v]}op", v.op.symbol, v, _derivation(v, names)
        if v.operands[0] in sums:  # an activation: its neuron's weighted sum is drawn with it
            made_from = v.operands[0]
            symbol, equation = f"{symbol}(dot)", f"{equation}\n{_derivation(made_from, names)}"
        within = active is not None and active[0] is made_from and arrival in weights  # the edge itself is not drawn
        source.node(circle, symbol, shape="ellipse", tooltip=escape(equation), **(_ACTIVE if within else {}))
        source.edge(circle, ids[v], tooltip=escape(equation))
        for i, x in enumerate(made_from.operands):
            if x not in weights:
                number, tooltip = _local(made_from, i, names, precision) if local else ("", "")
                look = _ACTIVE if active == (made_from, i) else {}
                label = number if look or not by_neurons else ""
                source.edge(ids[x], circle, label=label, tooltip=tooltip, **look)

    title = f"Computation graph of {names[root]}: {len(order)} nodes"
    if len(drawn) < len(order):
        title += f", of which {len(order) - len(drawn)} are drawn within their neurons"
    rows = [
        (
            _derivation(v, names),
            show(v.data, precision) if data or v.op is CONSTANT else "",
            show_grad(v, precision) if grad else "",
            v.op.name,
        )
        for v in order
    ]
    written = text(root, precision=precision, active=active)
    return Drawing(source.source, title, written, ("node", "data", "grad", "operation"), rows)


def _within_neurons(order: Sequence[Value]) -> tuple[set[Value], set[Value]]:
    """Return what is not drawn beside a neuron: parameters that only `dot` uses, and the `dot` under a function."""
    users: dict[Value, list[Value]] = {v: [] for v in order}
    for v in order:
        for x in v.operands:
            users[x].append(v)
    weights = {v for v in order if v.op is PARAMETER and all(user.op is dot for user in users[v])}
    sums = {v for v in order if v.op is dot and [len(user.operands) for user in users[v]] == [1]}
    return weights, sums


def _derivation(v: Value, names: dict[Value, str]) -> str:
    """Return the equation of a node, such as `e = a * b`; of a leaf its name."""
    return f"{names[v]} = {v.op.write([names[x] for x in v.operands])}" if v.operands else names[v]


def _tooltip(v: Value, names: dict[Value, str], *, data: bool, grad: bool) -> str:
    lines = [_derivation(v, names)]
    if data or v.op is CONSTANT:
        lines.append(f"data = {exact(v.data)}")
    if grad and v.op is not CONSTANT:
        lines.append(f"grad = {show_grad(v, 12)}")
    if where := made_at(v):
        lines.append(_printable(where))
    return escape("\n".join(lines))


def _local(v: Value, i: int, names: dict[Value, str], precision: int | None) -> tuple[str, str]:
    """Return what the edge from operand `i` says: the local derivative's number, and a tooltip with its formula."""
    x = v.operands[i]
    if x.op is CONSTANT:
        return "", f"{names[x]} is a constant"
    tooltip = f"∂{names[v]}/∂{names[x]} = {describe_local(v, i, names, precision)}"
    return local_number(v, i, precision), escape(tooltip)


def _box(name: str, data: str, grad: str, *, faint: bool) -> str:
    """Return the HTML-like label of a node: its name, and beside it data above gradient."""
    gap = "&#160;" if name else ""
    numbers = [(data, DATA), (grad, GRAD)]
    cells = [f'<td align="right">{gap}<font color="{color}">{text}</font></td>' for text, color in numbers if text]
    if name:
        shown = escape(name if len(name) <= LONGEST else name[: LONGEST - 1] + "…").replace("&#10;", "<br/>")
        shown = f'<font color="{FAINT}"><i>{shown}</i></font>' if faint else f"<b>{shown}</b>"
        cells[:1] = [f'<td rowspan="{max(len(cells), 1)}">{shown}</td>' + (cells[0] if cells else "")]
    rows = "".join(f"<tr>{cell}</tr>" for cell in cells)
    return f'<<table border="0" cellborder="0" cellspacing="2" cellpadding="0">{rows}</table>>'


def _printable(name: str) -> str:
    """Replace the control characters, which XML cannot hold, other than newlines."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in name)
