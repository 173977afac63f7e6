"""Many steps at once: what a sample or a layer of a network has contributed, in a line for each layer."""

import math
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from ..engine import Value
from ..graph.steps import BackwardStep
from ..graph.structure import Where
from ..notation.numbers import show
from ..notation.table import table
from ..ops import relu

NOWHERE = Where(None, None)


def summarise(steps: Sequence[BackwardStep], where: dict[Value, Where], grad: Callable[[Value], Any]) -> str:
    """Return a table of the layers that steps go through.

    Args:
        steps: the steps.
        where: to which layer and sample their nodes belong.
        grad: returns the gradient of a node by now, or None; those of a layer's parameters make the norm.
    """
    samples = sorted({w.sample for s in steps if (w := where.get(s.node, NOWHERE)).sample})
    title = f"samples {samples[0]}-{samples[-1]}" if samples[1:] else f"sample {samples[0]}" if samples else ""
    rows: list[tuple[str, ...]] = [(title, "edges", "|gradient|", "smallest", "largest", "dead relus")]
    by_layer: dict[tuple[int, int], list[BackwardStep]] = {}
    for s in steps:
        w = where.get(s.node, NOWHERE)
        by_layer.setdefault((w.network or 1, w.layer or 0), []).append(s)
    parameters: dict[tuple[int, int], list[Any]] = {}
    for v, w in where.items():
        if not v.operands and w.layer and (g := grad(v)) is not None:
            parameters.setdefault((w.network or 1, w.layer), []).append(float(g))
    for key, done in by_layer.items():
        network, layer = key
        name = f"layer {layer}" + f" of network {network}" * (network > 1) if layer else "no layer"
        sizes = [abs(s.contribution) for s in done]
        norm = show(math.hypot(*parameters.get(key, ()))) if layer else ""
        relus = [s for s in done if s.node.op is relu and layer]
        dead = f"{sum(not s.local for s in relus)} of {len(relus)}" if relus else ""
        rows.append((name, f"{len(done):,}", norm, show(float(min(sizes))), show(float(max(sizes))), dead))
    width = shutil.get_terminal_size().columns
    for heading in ("smallest", "largest", "dead relus", "|gradient|"):  # the first to go where all do not fit
        written = table(rows, right=range(1, len(rows[0])))
        if max(map(len, written.split("\n"))) <= width:
            break
        left_out = rows[0].index(heading)
        rows = [row[:left_out] + row[left_out + 1 :] for row in rows]
    return table(rows, right=range(1, len(rows[0])))
