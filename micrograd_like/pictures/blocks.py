"""A network layer by layer: the heat map of each layer's weights, and how often weights of each size occur."""

from collections.abc import Callable, Sequence
from math import isfinite, sqrt
from typing import Any

from ..engine import Value
from .lines import SMALL, direction, largest, legend
from .passes import Pass, gradient
from .scene import Cells, Item, Mark, Path, Text, bounds, rectangle

FINEST = 48  # cells of a heat map along a side

_QUANTITY = {"weights": "weights", "forward": "weights", "backward": "gradients ∂L/∂w", "update": "changes of weights"}


def blocks(
    layers: Sequence[Sequence[Any]],
    pass_: Pass | None,
    show: str,
    quantity: Callable[[Value], float],
    *,
    explained: bool,
) -> list[Item]:
    """Return the heat map and the histogram of what each layer's weights have to show, with a legend."""
    items: list[Item] = []
    x, finite_all = 0.0, True
    for k, layer in enumerate(layers, 1):
        fan_in = len(layer[0].w)
        numbers = [[quantity(w) for w in neuron.w] for neuron in layer]
        flat = [v for line in numbers for v in line]
        finite = [v for v in flat if isfinite(v)]
        top = largest(finite)
        heading = f"layer {k} · {getattr(layer[0], 'activation', '')} · {fan_in} → {len(layer)}"
        cells, width, height, note = _heat_map(numbers, top, x, 0.0)
        marks: list[Mark] = [*cells, Path(((x, 0), (x + width, 0), (x + width, height), (x, height)), closed=True)]
        marks.append(Text(x, -8, heading, anchor="start", bold=True))
        marks.append(Text(x, height + 13, f"from {fan_in} units →", "faint", SMALL, "start"))
        said = [note, f"{len(flat):,} {_QUANTITY[show]}"]
        if finite:
            mean = sum(finite) / len(finite)
            spread = sqrt(sum((v - mean) ** 2 for v in finite) / len(finite))
            said.append(f"mean {mean:.2g}, standard deviation {spread:.2g}")
            said.append(f"from {min(finite):.2g} to {max(finite):.2g}")
        if strange := len(flat) - len(finite):
            finite_all = False
            said.append(f"{strange:,} NaN or infinite")
        said += _summary(k, pass_, show)
        for n, line in enumerate(filter(None, said)):
            marks.append(Text(x, height + 27 + 12 * n, line, "ink", SMALL, "start"))
        bars = _histogram(finite, top, x, height + 40 + 12 * len(said))
        items.append(Item((*marks, *bars), f"{heading}: " + ", ".join(filter(None, said))))
        x = max(x + width, bounds([*marks, *bars])[2]) + 34
    if explained:
        items += legend(items, _explain(show, finite_all))
    return items


def _summary(k: int, pass_: Pass | None, show: str) -> list[str]:
    """Return what a layer's outputs, or their gradients, are on the whole."""
    if not pass_ or show not in ("forward", "backward"):
        return []
    found = [u for (layer, _), u in pass_.units.items() if layer == k - 1]
    outputs = [float(u.out.data) for u in found]
    said = [_range("output", "outputs", outputs) + (f", {outputs.count(0)} of them 0" if len(outputs) > 1 else "")]
    if show == "backward" and (back := [float(g) for u in found if (g := gradient(u.out)) is not None]):
        said.append(_range("∂L/∂output", "∂L/∂output", back))
    return said


def _range(one: str, several: str, numbers: Sequence[float]) -> str:
    if not numbers:
        return ""
    low, high = f"{min(numbers):.2g}", f"{max(numbers):.2g}"
    return f"{several} from {low} to {high}" if len(numbers) > 1 else f"{one} {low}"


def _explain(show: str, finite: bool) -> list[tuple[Sequence[Mark], str]]:
    def square(look: str) -> Cells:
        return Cells(((8, -6, 12, 12),), look)

    what = {"backward": "∂L/∂w", "update": "change"}.get(show, "weight")
    return [
        ([square("data")], f"{what} above 0, the stronger the larger"),
        ([square("negative")], f"{what} below 0"),
        *([] if finite else [([square("ink")], "not a finite number")]),
        ([rectangle(14, 0, 12, 12, stroke="faint")], "a row for each unit; its columns are the units it listens to"),
    ]


def _heat_map(
    numbers: Sequence[Sequence[float]], most: float, x: float, y: float
) -> tuple[list[Mark], float, float, str]:
    """Return a matrix as squares, in at most 48 rows and columns, with its size and a word about what was merged."""
    across, down = -(-len(numbers[0]) // FINEST), -(-len(numbers) // FINEST)
    rows = [numbers[r : r + down] for r in range(0, len(numbers), down)]
    columns = range(0, len(numbers[0]), across)
    side = max(3.0, min(10.0, 190 / max(len(columns), len(rows))))
    found: dict[tuple[str, float], list[tuple[float, float, float, float]]] = {}
    for r, lines in enumerate(rows):
        for c, start in enumerate(columns):
            group = [v for line in lines for v in line[start : start + across]]
            if all(map(isfinite, group)):
                value = max(group, key=abs)
                look, opacity = direction(value)[0], -(-abs(value) / most * 8 // 1) / 8
            else:
                look, opacity = "ink", 1.0
            if opacity:
                found.setdefault((look, opacity), []).append((x + c * side, y + r * side, side, side))
    cells: list[Mark] = [Cells(tuple(places), look, share) for (look, share), places in sorted(found.items())]
    note = f"a square for {down} × {across} weights, the largest of them" if across * down > 1 else ""
    return cells, len(columns) * side, len(rows) * side, note


def _histogram(numbers: Sequence[float], reach: float, x: float, y: float) -> list[Mark]:
    """Return how often numbers of each size occur, from -reach to reach in 21 bars."""
    bins, width, height = 21, 7.0, 46.0
    counts = [0] * bins
    for v in numbers:
        counts[min(int((v / reach + 1) / 2 * bins), bins - 1)] += 1
    most = max(counts) or 1
    marks: list[Mark] = []
    for look, chosen in (("negative", range(bins // 2)), ("faint", range(10, 11)), ("data", range(11, bins))):
        tops = {b: height * counts[b] / most for b in chosen}
        bars = [(x + b * width, y + height - top, width - 1, top) for b, top in tops.items()]
        if any(bar[3] for bar in bars):
            marks.append(Cells(tuple(bar for bar in bars if bar[3]), look))
    end = x + bins * width
    marks.append(Path(((x, y + height), (end, y + height)), "faint"))
    for at, text in ((x, f"{-reach:.2g}"), ((x + end) / 2, "0"), (end, f"{reach:.2g}")):
        marks.append(Text(at, y + height + 10, text, "faint", 8))
    return marks
