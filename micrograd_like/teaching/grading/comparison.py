"""A mistake beside the right pass: the gradients that it leads to, as a table and as a picture.

    gradients(loss, "overwrite")

gives every node the gradient that somebody finds who makes that mistake wherever it can be made. Nothing here touches
the graph.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...checks import check_data
from ...engine import Value, topological_order
from ...escape import one_line
from ...graph.walk import contributions, total, walk
from ...notation.names import node_names
from ...notation.numbers import show
from ...notation.table import table
from .kinds import Mistake
from .lines import lines_of
from .mistakes import MISTAKES, find

if TYPE_CHECKING:
    from ...pictures.drawing import Drawing


IN_THE_PASS = ("gradient", "pass")  # the kinds of mistakes that change gradients


def gradients(root: Value, mistake: str | Mistake | None = None) -> dict[Value, Any]:
    """Return the gradient of `root` with respect to every node but constants, operands first, as a mistake makes it.

    Args:
        root: the output.
        mistake: the id of a row of MISTAKES, or the row; None for the right gradients.

    Raises:
        ValueError: there is no mistake of that id; a local derivative is infinite or undefined; or the mistake leads
            to no numbers, as a division by zero does.
    """
    order = topological_order(root)
    check_data(order)
    if mistake is None:
        one = type(root.data)(1)
        found = {v: gradient for v, gradient, _ in walk(order, one, total, contributions)}
    else:
        rule = find(mistake) if isinstance(mistake, str) else mistake
        lines = lines_of(root, [rule])
        try:
            numbers = lines.numbers(rule.id)
        except ArithmeticError as error:
            raise ValueError(f"{rule.id} leads to no numbers here: {error}") from None
        found = {v: numbers[line.id] for v, line in lines.find("gradient").items()}
    return {v: found[v] for v in order if v in found}


@dataclass(frozen=True)
class Comparison:
    """The right gradients of a graph beside those that a mistake leads to."""

    root: Value
    mistake: Mistake
    right: dict[Value, Any]
    wrong: dict[Value, Any]

    @property
    def differing(self) -> list[Value]:
        """The nodes whose gradient the mistake changes, in the order in which the pass comes to them."""
        return [v for v in reversed(self.right) if is_other(self.wrong[v], self.right[v])]

    def __str__(self) -> str:
        """Return a table: each node with both gradients, and a mark where they differ."""
        names = node_names(topological_order(self.root))
        differing = set(self.differing)
        rows = [("node", "right", "wrong", "")]
        for v, right in reversed(self.right.items()):
            mark = "<- differs" if v in differing else ""
            rows.append((one_line(names[v]), show(right), show(self.wrong[v]), mark))
        return f"{self.mistake.name}: {self.mistake.sentence}\n\n{table(rows, right=(1, 2))}"

    def draw(self, **options: Any) -> "Drawing":
        """Draw the graph with the wrong gradients, the right ones beside them; the options are those of `draw`."""
        from ...pictures.graph import draw_graph  # which loads graphviz

        twin = deepcopy(self.root)
        twins = dict(zip(topological_order(self.root), topological_order(twin), strict=True))
        for v, gradient in self.wrong.items():
            twins[v].grad = gradient
        drawing = draw_graph(twin, right={twins[v]: self.right[v] for v in self.differing}, **options)
        return replace(drawing, title=f"{drawing.title}; {self.mistake.name}")


def backprop_with(root: Value, mistake: str | Mistake) -> Comparison:
    """Return the right pass and the one with a mistake side by side, to be printed or drawn.

    Raises:
        ValueError: as `gradients` says, or it is not a mistake of the backward pass.
    """
    rule = find(mistake) if isinstance(mistake, str) else mistake
    if rule.kind not in IN_THE_PASS:
        raise ValueError(f"{rule.id} is not a mistake of the backward pass: it changes no gradient")
    return Comparison(root, rule, gradients(root), gradients(root, rule))


def applicable(root: Value) -> list[Mistake]:
    """Return the mistakes of the backward pass that change a gradient of this graph."""
    right = gradients(root)
    found = []
    for mistake in MISTAKES:
        if mistake.kind not in IN_THE_PASS:
            continue
        try:
            wrong = gradients(root, mistake)
        except (ArithmeticError, ValueError):
            continue
        if any(is_other(wrong[v], g) for v, g in right.items()):
            found.append(mistake)
    return found


def is_other(found: Any, right: Any) -> bool:
    """Tell whether two gradients differ by more than rounding."""
    return bool(found != right and abs(found - right) > 1e-9 * max(1, abs(right)))
