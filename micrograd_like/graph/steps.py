"""The forward and the backward pass as sequences of small steps, each with the rule and the numbers it was applied to.

    for step in backward_steps(loss):
        print(step)

Whatever walks a person through a pass reads these steps. They are computed apart from the graph, whose gradients stay
as they are, but in the very order and with the very arithmetic of `Value.backward()`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ..checks import check_data, local_derivative, made_at
from ..engine import Value, topological_order
from ..escape import one_line
from ..notation.names import node_names, partial
from ..notation.numbers import show
from ..notation.scripts import LATEX, TEXT, Script
from ..ops import CONSTANT, INPUT
from .walk import depending_on, total, walk


class _Step:
    """How a step shows itself in IPython and in a notebook."""

    @property
    def latex(self) -> str:
        """The step as an equation in LaTeX, without dollar signs."""
        raise NotImplementedError

    def _repr_latex_(self) -> str:
        return f"${self.latex}$"


def _pretty(step: _Step, printer: Any, cycle: bool) -> None:
    printer.text(str(step))


@dataclass(frozen=True)
class ForwardStep(_Step):
    """One node computed from its operands; of a leaf, its number."""

    node: Value
    name: str
    operands: tuple[str, ...]  # their names, in order
    numbers: tuple[Any, ...]  # their data
    result: Any
    _repr_pretty_ = _pretty  # beside the repr that dataclasses write, which IPython would take

    @property
    def operation(self) -> str:
        """The name of the operation in `ops`, of a leaf its kind."""
        return self.node.op.name

    def sides(self, to: Script = TEXT) -> list[str]:
        """Return the sides of the equation: the name; with operands, these by name and as numbers; and the result."""
        written = [[to.name(x) for x in self.operands], [to.number(x) for x in self.numbers]] if self.operands else []
        return [to.name(self.name), *(self.node.op.write(x, to.style) for x in written), to.number(self.result)]

    def __str__(self) -> str:
        """Return the step in one line: `e = a * b = 2 * (-3) = -6`."""
        return " = ".join(self.sides())

    @property
    def text(self) -> str:
        """The step in a few lines, with where the node was made if `record_sources` was on."""
        article = "an" if self.node.op is INPUT else "a"
        kind = f"made by {self.operation}" if self.operands else f"{article} {self.operation}"
        return _lines(f"{self.name} is {kind}:", f"    {self}", _indented(made_at(self.node)))

    @property
    def latex(self) -> str:
        """The step as an equation in LaTeX, without dollar signs."""
        return " = ".join(self.sides(LATEX))


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
    _repr_pretty_ = _pretty

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
        return "1" if self.is_seed else self.write_local(TEXT)

    def write_local(self, to: Script, *, filled_in: bool = False) -> str:
        """Return how the local derivative is written, with the nodes' names, or filled in with their numbers."""
        if filled_in:
            out, *operands = [to.number(x) for x in (self.node.data, *self.numbers)]
        else:
            out, *operands = [to.name(x) for x in (self.name, *self.operands)]
        each = zip(self.node.operands, self.numbers, strict=True)
        known = [n if x.op is CONSTANT and not x.label else None for x, n in each]  # as they were then
        return self.node.op.formula(self.position, out, operands, known, to.style)

    @property
    def symbols(self) -> str:
        """What the step does, in one line and without numbers: `∂L/∂a += ∂L/∂e * ∂e/∂a`."""
        return self._symbols()

    def _symbols(self, grad: Callable[[str], str] = str) -> str:
        def of(output: str, x: str) -> str:
            return one_line(partial(output, x))

        x, out = self.operand_name, self.output
        if self.is_seed:
            return grad(of(out, out))
        return f"{grad(of(out, x))} += {grad(of(out, self.name))} * {of(self.name, x)}"

    def __str__(self) -> str:
        """Return the step in one line: `∂L/∂a += ∂L/∂e * ∂e/∂a = -2 * b = -2 * (-3) = 6`, and the sum if it adds up."""
        return self.written()

    def written(self, grad: Callable[[str], str] = str) -> str:
        """Return the step in one line, `grad` applied to what is a gradient, or a contribution to one."""
        if self.is_seed:
            return f"{self._symbols(grad)} = {grad('1')}"
        upstream, contribution = show(self.upstream), show(self.contribution)
        factors = [TEXT.style.product([upstream, factor]) for factor in dict.fromkeys([self.formula, show(self.local)])]
        products = [f"{grad(first)} * {second}" for first, _, second in (one_line(x).partition(" * ") for x in factors)]
        line = " = ".join([self._symbols(grad), *products, grad(contribution)])
        if self.before:
            line += f", so {TEXT.style.total([show(self.before), contribution])} = {grad(show(self.after))}"
        return line

    @property
    def text(self) -> str:
        """The step in a few lines: the rule, the numbers put into it, and what the gradient comes to."""
        out, name, x = self.output, self.name, self.operand_name
        upstream, local, contribution = show(self.upstream), show(self.local), show(self.contribution)
        if self.is_seed:
            return _lines("The pass begins at the output:", f"    {self}, for {out} changes as much as itself.")
        return _lines(
            f"{name} = {self.node.op.write(self.operands)}, so {x} acts on {out} through {name}:",
            f"    upstream gradient  {partial(out, name)} = {upstream}",
            f"    local derivative   {partial(name, x)} = {' = '.join(dict.fromkeys([self.formula, local]))}",
            f"    contribution       {TEXT.style.product([upstream, local])} = {contribution}",
            f"    {partial(out, x)} was {show(self.before)} and is now {show(self.after)}",
            _indented(made_at(self.node)),
        )

    @property
    def latex(self) -> str:
        """The step as an equation in LaTeX, without dollar signs."""
        output, name, x = [LATEX.name(written) for written in (self.output, self.name, self.operand_name)]
        if self.is_seed:
            return f"{LATEX.partial(output, output)} = 1"
        chain = LATEX.style.product([LATEX.partial(output, name), LATEX.partial(name, x)])
        factors = dict.fromkeys([self.write_local(LATEX), LATEX.number(self.local)])
        products = [LATEX.style.product([LATEX.number(self.upstream), factor]) for factor in factors]
        symbols = rf"{LATEX.partial(output, x)} \mathrel{{+}}= {chain}"
        return " = ".join([symbols, *products, LATEX.number(self.contribution)])


@dataclass(frozen=True)
class Path:
    """One way from a leaf to the output, and the product of the local derivatives along it."""

    nodes: tuple[Value, ...]  # from the output down to the leaf
    names: tuple[str, ...]
    locals: tuple[Any, ...]  # the local derivative of each node with respect to the next
    product: Any

    def __str__(self) -> str:
        """Return the path in one line: `L <- e <- a: 1 * (-3) = -3`."""
        sides = dict.fromkeys([TEXT.style.product([show(x) for x in self.locals] or ["1"]), show(self.product)])
        return one_line(f"{' <- '.join(self.names)}: {' = '.join(sides)}")


def forward_steps(root: Value) -> Iterator[ForwardStep]:
    """Yield a step for every node under `root`, operands before the nodes made from them; constants are left out.

    Raises:
        ValueError: a node's data does not follow from its operands'; the text names it.
    """
    order = topological_order(root)
    check_data(order)
    names = node_names(order)
    for v in order:
        if v.op is not CONSTANT:
            operands, numbers = tuple([names[x] for x in v.operands]), tuple([x.data for x in v.operands])
            yield ForwardStep(v, names[v], operands, numbers, v.data)


def backward_steps(root: Value) -> Iterator[BackwardStep]:
    """Return the seed step and then a step for every edge, in the order in which `root.backward()` works.

    Gradients start from zero, whatever the graph's nodes hold; constants take none.

    Raises:
        ValueError: a local derivative is infinite or undefined, or a node's data does not follow from its operands';
            the text names the node.
    """
    order = topological_order(root)
    check_data(order)
    names = node_names(order)
    return iter(list(_backward_steps(order, names)))  # with the numbers of this moment, whatever is changed meanwhile


def _backward_steps(order: Sequence[Value], names: Mapping[Value, str]) -> Iterator[BackwardStep]:
    root = order[-1]
    output, one = names[root], type(root.data)(1)
    so_far = dict.fromkeys(order, one - one)
    so_far[root] = one
    yield BackwardStep(root, output, output, -1, root, (), (), one, one, one, one - one, one)
    for v, upstream, made in walk(order, (one, one), _sum_of_products, _local_and_product):
        operands, numbers = tuple([names[x] for x in v.operands]), tuple([x.data for x in v.operands])
        for i, (local, contribution) in made:
            x = v.operands[i]
            before = so_far[x]
            so_far[x] = after = before + contribution
            yield BackwardStep(
                v, names[v], output, i, x, operands, numbers, upstream, local, contribution, before, after
            )


def _local_and_product(v: Value, upstream: Any, positions: list[int]) -> Iterator[tuple[Any, Any]]:
    numbers = [x.data for x in v.operands]
    for i in positions:
        local = local_derivative(v, i, numbers)
        yield local, upstream * local


def _sum_of_products(v: Value, made: list[tuple[Any, Any]]) -> Any:
    return total(v, [contribution for _, contribution in made])


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
    on_a_path = depending_on(order, [leaf])
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


def _lines(*lines: str) -> str:
    return "\n".join(one_line(line) for line in lines if line)


def _indented(line: str) -> str:
    return line and f"    {line}"
