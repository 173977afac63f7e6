"""The whole pass written out as a person would at the board: `print(explain(loss))`.

A forward table, then for each node the chain rule with symbols and with numbers, the contributions added up where a
node is used more than once, and the gradients. What there is to say is read from `steps`; `_explanation` puts it in
order, and each of the three `writers` says it in its own way: text, Markdown with LaTeX, and HTML.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from ..engine import Value, topological_order
from ..graph.steps import BackwardStep, ForwardStep, Path, backward_steps, count_paths, forward_steps, paths
from ..graph.structure import Where, structure
from ..notation.names import find
from ..pictures.graph import draw_graph
from .writers import AS_TEXT, Document, Writer

LARGEST = 200  # nodes that are explained unless `limit` says otherwise
LONGEST = 1_000  # rows of a table of the pass, likewise
MOST_PATHS = 20  # paths that are listed
MOST_TERMS = 8  # of a sum that is written in a line
SCREENFUL = 30  # nodes above one that are explained one by one; of more the rest is counted and added up
MOST_SHOWN = 6  # contributions and paths of those


@dataclass(frozen=True, repr=False)
class Explanation(Document):
    """The forward and the backward pass of a graph, explained; `print` shows it, `save` writes it to a file."""

    root: Value  # what is differentiated
    of: Value | None  # the one node asked about; None if all are
    forward: tuple[ForwardStep, ...]
    given: frozenset[Value]  # nodes in the forward table whose own operands are left out
    backward: tuple[tuple[BackwardStep, ...], ...]  # the contributions to each gradient; gradients in order of the pass
    path_count: int  # from the node asked about to the output; 0 if all are
    paths: tuple[Path, ...]  # these paths, where there are at least 2 and at most 20; of a summary the largest
    is_summary: bool = False  # whether the rest is only counted

    @cached_property
    def names(self) -> dict[Value, str]:
        """The name of each node that is spoken of."""
        return {step.node: step.name for step in self.forward}

    @cached_property
    def gradients(self) -> dict[Value, Any]:
        """The gradient of each node that is differentiated with respect to."""
        return {steps[-1].operand: steps[-1].after for steps in self.backward}

    @property
    def title(self) -> str:
        """What is explained, in a line."""
        return _title(self, AS_TEXT)

    def write(self, to: Writer) -> str:
        """Return the explanation in the way of writing `to`."""
        return _summary(self, to) if self.is_summary else _explanation(self, to)

    def figure(self) -> str:
        """Return the picture of the graph, unless that is too large."""
        try:
            return f"<h2>The graph</h2>\n{draw_graph(self.root, gradients=self.gradients).image}\n"
        except (RuntimeError, ValueError):
            return ""


@dataclass(frozen=True, repr=False)
class PassTable(Document):
    """The backward pass as a table, one row for each edge."""

    steps: tuple[BackwardStep, ...]

    @property
    def title(self) -> str:
        """What is tabulated, in a line."""
        return f"The backward pass from {self.steps[0].output}"

    def write(self, to: Writer) -> str:
        """Return the table in the way of writing `to`."""
        return to.table(
            ("gradient", "node", "upstream", "local derivative", "contribution", "grad"),
            [_backward_row(step, to) for step in self.steps],
        )


def explain(
    root: Value, of: Value | str | None = None, *, limit: int | None = LARGEST, summary: bool | None = None
) -> Explanation:
    """Explain how the gradients of `root` come about.

    Args:
        root: the output, which is differentiated.
        of: a node, or its name: explain only what leads to its gradient. None explains all of them.
        limit: how many nodes to explain at most; None for all, however many there are.
        summary: with `of`, whether to give the contributions and the paths that are the largest, and to count the rest;
            if None, where more than 30 nodes lead to it.

    Raises:
        TypeError: `root` is not a Value.
        ValueError: no node, or more than one, has the name `of`; there are more nodes than `limit`; or a local
            derivative is infinite or undefined. The text says which, and what to write.
    """
    if not isinstance(root, Value):
        raise TypeError(f"explain() takes a Value, not {root!r}: write explain(loss)")
    forward = list(forward_steps(root))
    target = None if of is None else find(of, {step.node: step.name for step in forward}, what="node with a gradient")
    if target is None:
        _check_size(len(forward), limit)
    backward = list(backward_steps(root))
    given: frozenset[Value] = frozenset()
    if target is not None:
        reached = {target}
        for step in reversed(backward):  # operands come before the nodes made from them
            if step.operand in reached:
                reached.add(step.node)
        backward = [step for step in backward if step.operand in reached]
        shown = reached.union(*(step.node.operands for step in backward if not step.is_seed))
        given = frozenset(shown - reached) | {target}
        forward = [step for step in forward if step.node in shown]
        summary = len(forward) > SCREENFUL if summary is None else summary
        if not summary:
            _check_size(len(forward), limit)
    count = 0 if target is None else count_paths(root, target)
    listed = paths(root, target) if target is not None and 2 <= count <= MOST_PATHS else []
    if summary and target is not None:
        listed = _largest_paths(root, target, backward)
    contributions: dict[Value, list[BackwardStep]] = {}
    for step in backward:
        steps = contributions[step.operand] = contributions.pop(step.operand, [])  # at the end, until it is complete
        steps.append(step)
    gradients = tuple(map(tuple, contributions.values()))
    return Explanation(root, target, tuple(forward), given, gradients, count, tuple(listed), bool(summary))


def _largest_paths(root: Value, of: Value, backward: Sequence[BackwardStep]) -> list[Path]:
    """Return the paths whose products of local derivatives are the largest, those first; not all paths are walked."""
    best: dict[Value, list[tuple[Any, tuple[Value, ...], tuple[str, ...], tuple[Any, ...]]]] = {}
    for step in backward:
        if step.is_seed:
            best[root] = [(step.after, (root,), (step.output,), ())]
            continue
        longer = [
            (product * step.local, (*nodes, step.operand), (*names, step.operand_name), (*locals_, step.local))
            for product, nodes, names, locals_ in best[step.node]
        ]
        found = best.get(step.operand, []) + longer
        best[step.operand] = heapq.nlargest(MOST_SHOWN, found, key=lambda path: abs(path[0]))
    return [Path(nodes, names, locals_, product) for product, nodes, names, locals_ in best[of]]


def tabulate(root: Value, *, limit: int | None = LONGEST) -> PassTable:
    """Return the backward pass from `root` as a table: for each edge upstream gradient, local derivative, contribution.

    Raises:
        TypeError: `root` is not a Value.
        ValueError: it has more than `limit` steps, or a local derivative is infinite or undefined.
    """
    if not isinstance(root, Value):
        raise TypeError(f"tabulate() takes a Value, not {root!r}: write tabulate(loss)")
    steps = tuple(backward_steps(root))
    if limit is not None and len(steps) > limit:
        raise ValueError(f"the pass has {len(steps):,} steps, more than {limit:,}: write tabulate(v, limit=None)")
    return PassTable(steps)


def _check_size(count: int, limit: int | None) -> None:
    if limit is not None and count > limit:
        raise ValueError(
            f"{count:,} nodes are more than the {limit:,} that are explained at once: "
            "name one leaf with `of` to see only what leads to it, or raise `limit`"
        )


# -------------------- what is said, and in which order --------------------


def _title(explanation: Explanation, to: Writer) -> str:
    root, of, names = explanation.root, explanation.of, explanation.names
    output = to.name(names[root])
    if of is None:
        return f"The gradients of {to.math(output)}"
    return f"How {to.math(to.partial(output, to.name(names[of])))} is found"


def _explanation(explanation: Explanation, to: Writer) -> str:
    """Return what is said of both passes, equation by equation."""
    root, of, names = explanation.root, explanation.of, explanation.names
    blocks = [
        to.title(_title(explanation, to)),
        to.heading("Forward pass"),
        to.table(
            ("node", "rule", "with numbers", "data"),
            [_forward_row(step, step.node in explanation.given, to) for step in explanation.forward],
        ),
        to.heading("Backward pass"),
        to.paragraph(
            "Each contribution is upstream gradient times local derivative; a gradient is the sum of its contributions."
        ),
    ]
    for used_once, gradients in groupby(explanation.backward, key=lambda steps: len(steps) == 1):
        if used_once:
            blocks.append(to.equations([_chain_rule(steps[0], root, to) for steps in gradients]))
        else:
            for steps in gradients:
                blocks += [to.paragraph(_uses(steps, to)), to.equations(_sum_of_contributions(steps, root, to))]
    if of is not None and explanation.path_count > 1:
        blocks += _along_paths(explanation, to.name(names[root]), to.name(names[of]), to)
    grads = explanation.gradients
    asked = [step for step in explanation.forward if (not step.operands if of is None else step.node is of)]
    rows = [[to.math(x) for x in (to.name(s.name), to.number(s.result), to.number(grads[s.node]))] for s in asked]
    blocks += [to.heading("Gradients"), to.table(("node", "data", "grad"), rows)]
    return to.between_blocks.join(blocks)


def _summary(explanation: Explanation, to: Writer) -> str:
    """Return what a gradient is made of, in a screenful: by sample, by path, and by layer."""
    root, of, names = explanation.root, explanation.of, explanation.names
    assert of is not None
    output, asked = to.name(names[root]), to.name(names[of])
    steps = explanation.backward[-1]  # the contributions to the gradient that was asked for
    gradient = to.partial(output, asked)
    where = structure(topological_order(root))
    largest = heapq.nlargest(MOST_SHOWN, steps, key=lambda step: abs(step.contribution))
    rows = []
    for step in sorted(largest, key=steps.index):
        place, node = where.get(step.node), to.name(step.name)
        local = f"{to.partial(node, asked)} = {to.number(step.local)}"
        upstream = f"{to.partial(output, node)} = {to.number(step.upstream)}"
        rows.append([str(place or ""), *map(to.math, (upstream, local, to.number(step.contribution)))])
    rest = [step.contribution for step in steps if step not in largest]
    if rest:
        rows.append([f"{len(rest):,} others", "", "", to.math(to.number(sum(rest)))])
    blocks = [
        to.title(_title(explanation, to)),
        to.equations([[gradient, to.number(steps[-1].after)]]),
        to.paragraph(
            f"It is the sum of {len(steps):,} contribution{'s' * (len(steps) > 1)}, upstream gradient times local "
            f"derivative, one for each use of {to.math(asked)}:"
        ),
        to.table(("where", "upstream gradient", "local derivative", "contribution"), rows),
        to.heading("The paths that matter"),
        to.paragraph(
            f"From {to.math(asked)} to {to.math(output)} there are {explanation.path_count:,} paths, each with the "
            "product of the local derivatives along it, those other than 1 written out. The largest are:"
        ),
    ]
    lines = []
    for path in explanation.paths:
        sample = next((place.sample for v in path.nodes if (place := where.get(v)) and place.sample), None)
        route = to.arrow.join(_at_most([to.name(x) for x in _stations(path, where)], to.dots))
        product = to.style.product(_at_most([to.number(x) for x in path.locals if x != 1] or ["1"], to.dots))
        said = f"sample {sample}" if sample else ""
        lines.append([said, to.math(route), to.math(product), to.math(to.number(path.product))])
    if left := explanation.path_count - len(lines):
        others = steps[-1].after - sum(path.product for path in explanation.paths)
        lines.append([f"{left:,} others", "", "", to.math(to.number(others))])
    blocks.append(to.table(("where", "path", "local derivatives", "product"), lines))
    layers: dict[str, list[Any]] = {}
    for contributions in explanation.backward:
        v, place = contributions[-1].operand, where.get(contributions[-1].operand)
        if place and place.neuron and v.operands:
            layers.setdefault(f"layer {place.layer}", []).append(contributions[-1].after)
    if layers:
        found = [[name, f"{len(g):,}", *(to.math(to.number(f(g))) for f in (min, max))] for name, g in layers.items()]
        blocks += [
            to.heading("How the error comes back, layer by layer"),
            to.table(("on the way", "gradients", "smallest", "largest"), found),
        ]
    return to.between_blocks.join(blocks)


def _stations(path: Path, where: Mapping[Value, Where]) -> list[str]:
    """Return the names along a path; in a network the output, the neurons, and the leaf."""
    if not any(place.neuron and v.operands for v, place in where.items()):
        return list(path.names)
    neurons = [str(where[v]._replace(sample=None)) for v in path.nodes if v.operands and v in where and where[v].neuron]
    return [path.names[0], *dict.fromkeys(neurons), path.names[-1]]


def _forward_row(step: ForwardStep, given: bool, to: Writer) -> list[str]:
    name, *written, data = map(to.math, step.sides(to))
    if given or not step.operands:
        written = ["given" if step.operands else step.operation, ""]
    return [name, *written, data]


def _chain_rule(step: BackwardStep, root: Value, to: Writer) -> list[str]:
    """Return the sides of the equation for a gradient that is one contribution."""
    left = to.partial(to.name(step.output), to.name(step.operand_name))
    return [left, "1"] if step.is_seed else [left, *_contribution(step, root, to)]


def _sum_of_contributions(steps: Sequence[BackwardStep], root: Value, to: Writer) -> list[list[str]]:
    """Return the sides of the equations for a gradient that is a sum: with symbols, each contribution, with numbers."""
    written = [_contribution(step, root, to) for step in steps]
    left = to.partial(to.name(steps[0].output), to.name(steps[0].operand_name))
    each = dict.fromkeys(tuple(sides) for sides in written if len(sides) > 1)  # a * a has the same one twice
    numbers = [to.number(step.contribution) for step in steps]
    return [
        [left, to.style.total(_at_most([sides[0] for sides in written], to.dots))],
        *map(list, each),
        [left, to.style.total(_at_most(numbers, to.dots)), to.number(steps[-1].after)],
    ]


def _contribution(step: BackwardStep, root: Value, to: Writer) -> list[str]:
    """Return the contribution with symbols, with the formula, with numbers, and what it comes to."""
    forms = [step.write_local(to), step.write_local(to, filled_in=True), to.number(step.local)]
    if step.node is root:  # its upstream gradient is 1
        sides = forms
    else:
        name, is_twice = to.name(step.name), step.operands.count(step.operand_name) > 1
        symbols = to.partial(to.name(step.output), name)
        by_symbol = forms[0] if is_twice else to.partial(name, to.name(step.operand_name))
        products = [to.style.product([to.number(step.upstream), factor]) for factor in forms]
        sides = [to.style.product([symbols, by_symbol]), *products, to.number(step.contribution)]
    return [side for side, _ in groupby(sides)]


def _backward_row(step: BackwardStep, to: Writer) -> list[str]:
    output, name, operand = to.name(step.output), to.name(step.name), to.name(step.operand_name)
    grad = [to.partial(output, operand), to.number(step.after)]
    if step.is_seed:
        return [to.math(grad[0]), "", "", "", "", to.math(grad[1])]
    equation = f"{name} = {step.node.op.write([to.name(x) for x in step.operands], to.style)}"
    local = " = ".join(dict.fromkeys([to.partial(name, operand), step.write_local(to), to.number(step.local)]))
    upstream, contribution = to.number(step.upstream), to.number(step.contribution)
    return [to.math(x) for x in (grad[0], equation, upstream, local, contribution, grad[1])]


def _uses(steps: Sequence[BackwardStep], to: Writer) -> str:
    """Return the sentence that says where a node is used."""
    users = _at_most(list(dict.fromkeys(to.math(to.name(step.name)) for step in steps)), "…")
    listed = " and ".join([", ".join(users[:-1]), users[-1]] if len(users) > 1 else users)
    return (
        f"{to.math(to.name(steps[0].operand_name))} is used {len(steps)} times, in {listed}; its contributions add up."
    )


def _along_paths(explanation: Explanation, output: str, of: str, to: Writer) -> list[str]:
    """Return the blocks that say the same as a sum over paths."""
    blocks = [to.heading("The same as a sum over paths")]
    lead = f"From {to.math(of)} to {to.math(output)} there are {explanation.path_count:,} paths"
    if not explanation.paths:
        return [*blocks, to.paragraph(f"{lead}; the contributions above add them up without walking each of them.")]
    rows = []
    for path in explanation.paths:
        names, factors = [to.name(x) for x in path.names], [to.number(x) for x in path.locals]
        rows.append([to.math(x) for x in (to.arrow.join(names), to.style.product(factors), to.number(path.product))])
    total = to.style.total([to.number(path.product) for path in explanation.paths])
    return [
        *blocks,
        to.paragraph(f"{lead}, each with the product of the local derivatives along it."),
        to.table(("path", "local derivatives", "product"), rows),
        to.equations([[to.partial(output, of), total, to.number(explanation.backward[-1][-1].after)]]),
    ]


def _at_most(items: list[str], dots: str) -> list[str]:
    """Return the items, those in the middle of many left out."""
    return items if len(items) <= MOST_TERMS else [*items[: MOST_TERMS - 2], dots, items[-1]]
