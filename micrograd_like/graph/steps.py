"""The forward and the backward pass as sequences of small steps, each with the rule and the numbers it was applied to.

    for step in backward_steps(loss):
        print(step)

Whatever walks a person through a pass reads these steps. They are computed apart from the graph, whose gradients stay
as they are, but in the very order and with the very arithmetic of `Value.backward()`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from ..engine import Value, local_derivative, made_at, topological_order
from ..notation.names import format_number, node_names
from ..ops import CONSTANT, in_parentheses


class _Step:
    """How a step shows itself in IPython and in a notebook."""

    @property
    def latex(self) -> str:
        """The step as an equation in LaTeX, without dollar signs."""
        raise NotImplementedError

    def _repr_latex_(self) -> str:
        return f"${self.latex}$"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


@dataclass(frozen=True)
class ForwardStep(_Step):
    """One node computed from its operands; of a leaf, its number."""

    node: Value
    name: str
    operands: tuple[str, ...]  # their names, in order
    numbers: tuple[Any, ...]  # their data
    result: Any

    @property
    def operation(self) -> str:
        """The name of the operation in `ops`, of a leaf its kind."""
        return self.node.op.name

    @property
    def equation(self) -> str:
        """The node written with its operands' names, such as `a * b`; empty for a leaf."""
        return self.node.op.write(self.operands) if self.operands else ""

    @property
    def filled_in(self) -> str:
        """The node written with its operands' numbers, such as `2 * (-3)`; empty for a leaf."""
        return self.node.op.write([short(x) for x in self.numbers]) if self.operands else ""

    def __str__(self) -> str:
        """Return the step in one line: `e = a * b = 2 * (-3) = -6`."""
        return " = ".join(part for part in (self.name, self.equation, self.filled_in, short(self.result)) if part)

    @property
    def text(self) -> str:
        """The step in a few lines, with where the node was made if `record_sources` was on."""
        kind = f"{self.name} is made by {self.operation}:" if self.operands else f"{self.name} is an {self.operation}:"
        return _lines(kind.replace("an parameter", "a parameter"), f"    {self}", _indented(made_at(self.node)))

    @property
    def latex(self) -> str:
        """The step as an equation in LaTeX, without dollar signs."""
        from ..notation import latex

        parts = [latex.name(self.name)]
        if self.operands:
            parts.append(latex.operation(self.node.op, [latex.name(name) for name in self.operands]))
            parts.append(latex.operation(self.node.op, [latex.number(x) for x in self.numbers]))
        return " = ".join([*parts, latex.number(self.result)])

    def as_dict(self) -> dict[str, Any]:
        """Return the step as plain data for JSON; fractions become text."""
        return {
            "name": self.name,
            "operation": self.operation,
            "operands": list(self.operands),
            "numbers": [_plain(x) for x in self.numbers],
            "result": _plain(self.result),
            "equation": self.equation,
        }


@dataclass(frozen=True)
class BackwardStep(_Step):
    """One edge of the graph: an operand's gradient grows by upstream gradient times local derivative.

    The first step has no edge: it seeds the output with ∂output/∂output = 1.
    """

    node: Value
    name: str  # of the node
    output: str  # the name of what is differentiated
    position: int  # of the operand among the node's; -1 in the seed step
    operand: Value  # whose gradient grows; the output itself in the seed step
    operands: tuple[str, ...]  # the names of the node's operands, in order
    numbers: tuple[Any, ...]  # their data
    upstream: Any  # ∂output/∂node
    local: Any  # ∂node/∂operand
    contribution: Any  # upstream * local
    before: Any  # the operand's gradient before this step
    after: Any  # and after it

    @property
    def is_seed(self) -> bool:
        """Whether this is the first step of the pass."""
        return self.position < 0

    @property
    def operation(self) -> str:
        """The name of the node's operation in `ops`."""
        return self.node.op.name

    @property
    def operand_name(self) -> str:
        """The name of the operand whose gradient grows."""
        return self.output if self.is_seed else self.operands[self.position]

    @property
    def formula(self) -> str:
        """How the local derivative is written, with the nodes' names: `b` for ∂e/∂a of e = a * b."""
        return "1" if self.is_seed else self.node.op.formula(self.position, self.name, self.operands)

    def __str__(self) -> str:
        """Return the step in one line: `∂L/∂a += ∂L/∂e * ∂e/∂a = -2 * b = -2 * (-3) = 6`, and the sum if it adds up."""
        if self.is_seed:
            return f"∂{self.output}/∂{self.output} = 1"
        name, out, local = self.operand_name, self.output, short(self.local)
        upstream, contribution = short(self.upstream), short(self.contribution)
        factors = [self.formula, local] if self.formula != local else [local]
        products = [f"{upstream} * {in_parentheses(factor)}" for factor in factors]
        x, v, out = map(in_parentheses, (name, self.name, out))
        symbols = f"∂{out}/∂{x} += ∂{out}/∂{v} * ∂{v}/∂{x}"
        line = " = ".join([symbols, *products, contribution])
        if not self.before:
            return line
        return f"{line}, so {short(self.before)} + {in_parentheses(contribution)} = {short(self.after)}"

    @property
    def text(self) -> str:
        """The step in a few lines: the rule, the numbers put into it, and what the gradient comes to."""
        out, name, x = self.output, self.name, self.operand_name
        if self.is_seed:
            return f"The pass begins at the output:\n    ∂{out}/∂{out} = 1, for {out} changes as much as itself."
        return _lines(
            f"{name} = {self.node.op.write(self.operands)}, so {x} acts on {out} through {name}:",
            f"    upstream gradient  ∂{out}/∂{name} = {short(self.upstream)}",
            f"    local derivative   ∂{name}/∂{x} = " + _equal(self.formula, short(self.local)),
            f"    contribution       {short(self.upstream)} * {in_parentheses(short(self.local))}"
            f" = {short(self.contribution)}",
            f"    ∂{out}/∂{x} was {short(self.before)} and is now {short(self.after)}",
            _indented(made_at(self.node)),
        )

    @property
    def latex(self) -> str:
        """The step as an equation in LaTeX, without dollar signs."""
        from ..notation import latex

        def partial(of: str, by: str) -> str:
            return rf"\frac{{\partial {latex.name(of)}}}{{\partial {latex.name(by)}}}"

        if self.is_seed:
            return f"{partial(self.output, self.output)} = 1"
        x, operands = self.operand_name, [latex.name(name) for name in self.operands]
        local = latex.local(self.node.op, self.position, latex.name(self.name), operands)
        upstream, number = latex.number(self.upstream), latex.number(self.local)
        symbols = (
            rf"{partial(self.output, x)} \mathrel{{+}}= {partial(self.output, self.name)} \cdot {partial(self.name, x)}"
        )
        factors = [local, number] if local != number else [number]
        products = [rf"{upstream} \cdot {latex.in_product(factor)}" for factor in factors]
        return " = ".join([symbols, *products, latex.number(self.contribution)])

    def as_dict(self) -> dict[str, Any]:
        """Return the step as plain data for JSON; fractions become text."""
        return {
            "output": self.output,
            "node": self.name,
            "operation": self.operation,
            "operand": self.operand_name,
            "position": self.position,
            "formula": self.formula,
            **{key: _plain(getattr(self, key)) for key in ("upstream", "local", "contribution", "before", "after")},
        }


@dataclass(frozen=True)
class Path:
    """One way from a leaf to the output, and the product of the local derivatives along it."""

    nodes: tuple[Value, ...]  # from the output down to the leaf
    names: tuple[str, ...]
    locals: tuple[Any, ...]  # the local derivative of each node with respect to the next
    product: Any

    def __str__(self) -> str:
        """Return the path in one line: `L <- e <- a: 1 * (-3) = -3`."""
        first, *rest = [short(x) for x in self.locals] or ["1"]
        factors = " * ".join([first, *map(in_parentheses, rest)])
        return f"{' <- '.join(self.names)}: {factors}" + (f" = {short(self.product)}" if rest else "")


def forward_steps(root: Value) -> Iterator[ForwardStep]:
    """Yield a step for every node under `root`, operands before the nodes made from them; constants are left out."""
    order = topological_order(root)
    names = node_names(order)
    for v in order:
        if v.op is not CONSTANT:
            operands, numbers = tuple([names[x] for x in v.operands]), tuple([x.data for x in v.operands])
            yield ForwardStep(v, names[v], operands, numbers, v.data)


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
    yield BackwardStep(root, output, output, -1, root, (), (), one, one, one, one - one, one)
    for v in reversed(order):
        upstream = grads[v]
        operands, numbers = tuple([names[x] for x in v.operands]), tuple([x.data for x in v.operands])
        for i, x in enumerate(v.operands):
            if x.op is CONSTANT:
                continue
            local = local_derivative(v, i, numbers)
            before, contribution = grads[x], upstream * local
            grads[x] = after = before + contribution
            yield BackwardStep(
                v, names[v], output, i, x, operands, numbers, upstream, local, contribution, before, after
            )


def count_paths(root: Value, leaf: Value) -> int:
    """Return the number of paths from `leaf` to `root`, without walking each of them; 0 if there is none."""
    counts: dict[Value, int] = {}
    for v in topological_order(root):
        counts[v] = int(v is leaf) or sum(counts[x] for x in v.operands)
    return counts[root]


def paths(root: Value, leaf: Value, limit: int = 1000) -> list[Path]:
    """Return every path from `leaf` to `root`; their products add up to the gradient of `root` with respect to `leaf`.

    A node that uses an operand twice has a path for each use.

    Raises:
        ValueError: there are more than `limit` paths, or a local derivative is infinite or undefined.
    """
    order = topological_order(root)
    if (count := count_paths(root, leaf)) > limit:
        raise ValueError(f"there are {count:,} paths, more than {limit:,}: raise limit=, or take a graph with fewer")
    names = node_names(order)
    on_a_path = {leaf}  # the nodes through which it goes on to the leaf
    for v in order:
        if any(x in on_a_path for x in v.operands):
            on_a_path.add(v)
    found = []
    stack: list[tuple[tuple[Value, ...], tuple[Any, ...]]] = [((root,), ())] if root in on_a_path else []
    while stack:
        nodes, factors = stack.pop()
        v = nodes[-1]
        if v is leaf:
            product = prod(factors, start=type(root.data)(1))
            found.append(Path(nodes, tuple([names[x] for x in nodes]), factors, product))
            continue
        numbers = [x.data for x in v.operands]
        stack += [
            ((*nodes, x), (*factors, local_derivative(v, i, numbers)))
            for i, x in reversed(list(enumerate(v.operands)))
            if x in on_a_path
        ]
    return found


# -------------------- how steps are written --------------------


def short(x: Any) -> str:
    """Return a number as it stands in a line of arithmetic: 6 significant digits, fractions exact."""
    return f"{x:.6g}" if isinstance(x, float) else format_number(x)


def _equal(formula: str, number: str) -> str:
    return number if formula == number else f"{formula} = {number}"


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def _indented(line: str) -> str:
    return line and f"    {line}"


def _plain(x: Any) -> Any:
    return str(x) if isinstance(x, Fraction) else x
