"""The forward and the backward pass as sequences of small steps, each with the rule and the numbers it was applied to.

    for step in backward_steps(loss):
        print(step)

Whatever walks a person through a pass reads these steps. They are computed apart from the graph, whose gradients stay
as they are, but in the very order and with the very arithmetic of `Value.backward()`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .engine import Value, local_derivative, topological_order
from .naming import format_number, node_names
from .ops import CONSTANT


@dataclass(frozen=True)
class ForwardStep:
    """One node computed from its operands; of a leaf, its number."""

    node: Value
    name: str
    operation: str  # the name of the row in ops.py, of a leaf its kind
    operands: tuple[str, ...]  # their names, in order
    numbers: tuple[Any, ...]  # their data
    result: Any

    @property
    def equation(self) -> str:
        """The node written with its operands' names, such as `a * b`; empty for a leaf."""
        return self.node.op.write(self.operands) if self.operands else ""

    @property
    def filled_in(self) -> str:
        """The node written with its operands' numbers, such as `2 * (-3)`; empty for a leaf."""
        return self.node.op.write([_short(x) for x in self.numbers]) if self.operands else ""

    def __str__(self) -> str:
        """Return the step in one line: `e = a * b = 2 * (-3) = -6`."""
        return " = ".join(part for part in (self.name, self.equation, self.filled_in, _short(self.result)) if part)


@dataclass(frozen=True)
class BackwardStep:
    """One edge of the graph: an operand's gradient grows by upstream gradient times local derivative.

    The first step has no edge: it seeds the output with ∂output/∂output = 1.
    """

    node: Value
    name: str  # of the node
    output: str  # the name of what is differentiated
    position: int  # of the operand among the node's; -1 in the seed step
    operand: Value  # whose gradient grows; the output itself in the seed step
    operand_name: str
    upstream: Any  # ∂output/∂node
    local: Any  # ∂node/∂operand
    formula: str  # how the local derivative is written, with the nodes' names
    contribution: Any  # upstream * local
    before: Any  # the operand's gradient before this step
    after: Any  # and after it

    @property
    def is_seed(self) -> bool:
        """Whether this is the first step of the pass."""
        return self.position < 0

    def __str__(self) -> str:
        """Return the step in one line: `∂L/∂a += ∂L/∂e * ∂e/∂a = -2 * b = -2 * (-3) = 6`, and the sum if it adds up."""
        if self.is_seed:
            return f"∂{self.output}/∂{self.output} = 1"
        name, out, local = self.operand_name, self.output, _short(self.local)
        symbols = f"∂{out}/∂{self.name} * ∂{self.name}/∂{name}"
        numbers = [_in_product(_short(self.upstream)), _in_product(local)]
        written = [f"{numbers[0]} * {_in_product(self.formula)}"] if self.formula != local else []
        parts = [f"∂{out}/∂{name} += {symbols}", *written, " * ".join(numbers), _short(self.contribution)]
        line = " = ".join(parts)
        return (
            f"{line}, so {_short(self.before)} + {_in_product(_short(self.contribution))} = {_short(self.after)}"
            if (self.before)
            else line
        )


def forward_steps(root: Value) -> Iterator[ForwardStep]:
    """Yield a step for every node under `root`, operands before the nodes made from them; constants are left out."""
    order = topological_order(root)
    names = node_names(order)
    for v in order:
        if v.op is not CONSTANT:
            operands = tuple(names[x] for x in v.operands)
            yield ForwardStep(v, names[v], v.op.name, operands, tuple(x.data for x in v.operands), v.data)


def backward_steps(root: Value) -> Iterator[BackwardStep]:
    """Yield the seed step and then a step for every edge, in the order in which `root.backward()` works.

    Gradients start from zero, whatever the graph's nodes hold; constants take none.

    Raises:
        ValueError: a local derivative is infinite or undefined; the text names the node and the operand.
    """
    order = topological_order(root)
    names = node_names(order)
    output = names[root]
    one = type(root.data)(1)
    grads = dict.fromkeys(order, one - one)
    grads[root] = one
    yield BackwardStep(root, output, output, -1, root, output, one, one, "1", one, one - one, one)
    for v in reversed(order):
        upstream, numbers, operands = grads[v], [x.data for x in v.operands], [names[x] for x in v.operands]
        for i, x in enumerate(v.operands):
            if x.op is CONSTANT:
                continue
            local = local_derivative(v, i, numbers)
            formula = v.op.formula(i, names[v], operands)
            before, contribution = grads[x], upstream * local
            grads[x] = after = before + contribution
            yield BackwardStep(
                v, names[v], output, i, x, names[x], upstream, local, formula, contribution, before, after
            )


def _short(x: Any) -> str:
    """Return a number as it stands in a line of arithmetic."""
    return f"{x:.6g}" if isinstance(x, float) else format_number(x)


def _in_product(written: str) -> str:
    """Put parentheses around what would be misread beside a `*`."""
    return f"({written})" if written.startswith("-") or " " in written else written
