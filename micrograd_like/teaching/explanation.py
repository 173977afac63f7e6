"""The whole pass written out as a person would at the board: `print(explain(loss))`.

A forward table, then for each node the chain rule with symbols and with numbers, the contributions added up where a
node is used more than once, and the gradients. What there is to say is read from `steps`; `_explanation` puts it in
order, and each of the three writers says it in its own way: text, Markdown with LaTeX, and HTML.
"""

import heapq
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path as FilePath
from typing import Any, TypeAlias

from rich.cells import cell_len

from ..engine import Value, topological_order
from ..escape import html, one_line
from ..files import write_whole
from ..formulas import TEXT
from ..graph.steps import BackwardStep, ForwardStep, Path, backward_steps, count_paths, forward_steps, paths
from ..graph.structure import Where, structure
from ..notation import latex
from ..notation.mathml import mathml
from ..notation.names import constants, find, partial
from ..notation.numbers import show
from ..pictures.graph import draw_graph

LARGEST = 200  # nodes that are explained unless `limit` says otherwise
LONGEST = 1_000  # rows of a table of the pass, likewise
MOST_PATHS = 20  # paths that are listed
MOST_TERMS = 8  # of a sum that is written in a line
SCREENFUL = 30  # nodes above one that are explained one by one; of more the rest is counted and added up
MOST_SHOWN = 6  # contributions and paths of those


class _Document:
    """Something that can be written as text, as Markdown and as a web page."""

    @property
    def title(self) -> str:
        """What it is about, in a line."""
        raise NotImplementedError

    def _write(self, to: "_Writer") -> str:
        """Return what it says, in the way of writing `to`."""
        raise NotImplementedError

    def __str__(self) -> str:
        """Return what it says as text."""
        return self._write(_Text())

    __repr__ = __str__

    @property
    def markdown(self) -> str:
        """What it says as Markdown, the formulas in LaTeX between dollar signs."""
        return self._write(_Markdown()) + "\n"

    @property
    def html(self) -> str:
        """What it says as a web page of its own, the formulas in MathML, which browsers show without a script."""
        head = f'<meta charset="utf-8">\n<title>{html(self.title)}</title>\n<style>{_STYLE}</style>'
        body = f"{self._write(_Html())}\n{self._figure()}"
        return f'<!doctype html>\n<html lang="en">\n{head}\n<body>\n{body}</body>\n</html>\n'

    def _figure(self) -> str:
        """Return the picture that belongs to a web page, or nothing."""
        return ""

    def save(self, path: str | os.PathLike[str]) -> FilePath:
        """Write it to a file, in the format that the name's ending says: .txt, .md or .html.

        Raises:
            ValueError: the name has another ending.
            OSError: the file cannot be written.
        """
        path = FilePath(path)
        ending = path.suffix.lower()
        if ending not in (".txt", ".md", ".html"):
            raise ValueError(f"cannot save an explanation as {path.name!r}: end the name in .txt, .md or .html")
        content = self.html if ending == ".html" else self.markdown if ending == ".md" else f"{self}\n"
        write_whole(path, content.encode())
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show it in a notebook as Markdown, whose formulas are shown also where the notebook is not trusted."""
        return {"text/markdown": self.markdown, "text/plain": str(self)}


@dataclass(frozen=True, repr=False)
class Explanation(_Document):
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

    @property
    def title(self) -> str:
        """What is explained, in a line."""
        output = self.names[self.root]
        return (
            f"The gradients of {output}" if self.of is None else f"How {partial(output, self.names[self.of])} is found"
        )

    def _write(self, to: "_Writer") -> str:
        return _explanation(self, to)

    def _figure(self) -> str:
        try:
            gradients = {steps[-1].operand: steps[-1].after for steps in self.backward}
            return f"<h2>The graph</h2>\n{draw_graph(self.root, gradients=gradients).image}\n"
        except (RuntimeError, ValueError):  # it is too large
            return ""


@dataclass(frozen=True, repr=False)
class PassTable(_Document):
    """The backward pass as a table, one row for each edge."""

    steps: tuple[BackwardStep, ...]

    @property
    def title(self) -> str:
        """What is tabulated, in a line."""
        return f"The backward pass from {self.steps[0].output}"

    def _write(self, to: "_Writer") -> str:
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


def _explanation(explanation: Explanation, to: "_Writer") -> str:
    root, of, names = explanation.root, explanation.of, explanation.names
    if explanation.is_summary:
        return _summary(explanation, to)
    output = to.name(names[root])
    title = f"The gradients of {to.math(output)}"
    if of is not None:
        title = f"How {to.math(to.partial(output, to.name(names[of])))} is found"
    blocks = [
        to.title(title),
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
        blocks += _along_paths(explanation, output, to.name(names[of]), to)
    grads = {steps[-1].operand: steps[-1].after for steps in explanation.backward}
    asked = [step for step in explanation.forward if (not step.operands if of is None else step.node is of)]
    rows = [[to.math(x) for x in (to.name(s.name), to.number(s.result), to.number(grads[s.node]))] for s in asked]
    blocks += [to.heading("Gradients"), to.table(("node", "data", "grad"), rows)]
    return to.join(blocks)


def _summary(explanation: Explanation, to: "_Writer") -> str:
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
        to.title(f"How {to.math(gradient)} is found"),
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
        route = to.path(_at_most([to.name(x) for x in _stations(path, where)], to.dots))
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
    return to.join(blocks)


def _stations(path: Path, where: Mapping[Value, Where]) -> list[str]:
    """Return the names along a path; in a network the output, the neurons, and the leaf."""
    if not any(place.neuron and v.operands for v, place in where.items()):
        return list(path.names)
    neurons = [str(where[v]._replace(sample=None)) for v in path.nodes if v.operands and v in where and where[v].neuron]
    return [path.names[0], *dict.fromkeys(neurons), path.names[-1]]


def _forward_row(step: ForwardStep, given: bool, to: "_Writer") -> list[str]:
    name, data = to.math(to.name(step.name)), to.math(to.number(step.result))
    if given or not step.operands:
        return [name, "given" if step.operands else step.operation, "", data]
    written = [[to.name(x) for x in step.operands], [to.number(x) for x in step.numbers]]
    return [name, *(to.math(step.node.op.write(operands, to.style)) for operands in written), data]


def _chain_rule(step: BackwardStep, root: Value, to: "_Writer") -> list[str]:
    """Return the sides of the equation for a gradient that is one contribution."""
    left = to.partial(to.name(step.output), to.name(step.operand_name))
    return [left, "1"] if step.is_seed else [left, *_contribution(step, root, to)]


def _sum_of_contributions(steps: Sequence[BackwardStep], root: Value, to: "_Writer") -> list[list[str]]:
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


def _contribution(step: BackwardStep, root: Value, to: "_Writer") -> list[str]:
    """Return the contribution with symbols, with the formula, with numbers, and what it comes to."""
    op, i = step.node.op, step.position
    name, operands = to.name(step.name), [to.name(x) for x in step.operands]
    numbers = constants(step.node.operands)
    formula = op.formula(i, name, operands, numbers, to.style)
    filled_in = op.formula(i, to.number(step.node.data), [to.number(x) for x in step.numbers], numbers, to.style)
    forms = [formula, filled_in, to.number(step.local)]
    if step.node is root:  # its upstream gradient is 1
        sides = forms
    else:
        symbols = to.partial(to.name(step.output), name)
        by_symbol = formula if step.operands.count(step.operand_name) > 1 else to.partial(name, operands[i])
        products = [to.style.product([to.number(step.upstream), factor]) for factor in forms]
        sides = [to.style.product([symbols, by_symbol]), *products, to.number(step.contribution)]
    return [side for side, _ in groupby(sides)]


def _backward_row(step: BackwardStep, to: "_Writer") -> list[str]:
    output, name, operand = to.name(step.output), to.name(step.name), to.name(step.operand_name)
    grad = [to.partial(output, operand), to.number(step.after)]
    if step.is_seed:
        return [to.math(grad[0]), "", "", "", "", to.math(grad[1])]
    operands = [to.name(x) for x in step.operands]
    op, numbers = step.node.op, constants(step.node.operands)
    forms = [op.formula(step.position, name, operands, numbers, to.style), to.number(step.local)]
    local = " = ".join([to.partial(name, operand), *(form for form, _ in groupby(forms))])
    equation = f"{name} = {op.write(operands, to.style)}"
    return [
        to.math(x) for x in (grad[0], equation, to.number(step.upstream), local, to.number(step.contribution), grad[1])
    ]


def _uses(steps: Sequence[BackwardStep], to: "_Writer") -> str:
    """Return the sentence that says where a node is used."""
    users = _at_most(list(dict.fromkeys(to.math(to.name(step.name)) for step in steps)), "…")
    listed = " and ".join([", ".join(users[:-1]), users[-1]] if len(users) > 1 else users)
    return (
        f"{to.math(to.name(steps[0].operand_name))} is used {len(steps)} times, in {listed}; its contributions add up."
    )


def _along_paths(explanation: Explanation, output: str, of: str, to: "_Writer") -> list[str]:
    """Return the blocks that say the same as a sum over paths."""
    blocks = [to.heading("The same as a sum over paths")]
    lead = f"From {to.math(of)} to {to.math(output)} there are {explanation.path_count:,} paths"
    if not explanation.paths:
        return [*blocks, to.paragraph(f"{lead}; the contributions above add them up without walking each of them.")]
    rows = []
    for path in explanation.paths:
        names, factors = [to.name(x) for x in path.names], [to.number(x) for x in path.locals]
        rows.append([to.math(x) for x in (to.path(names), to.style.product(factors), to.number(path.product))])
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


# -------------------- the ways of writing --------------------


class _Text:
    """Plain text, formulas as in Python."""

    dots = "…"
    style = TEXT
    partial = staticmethod(partial)

    def name(self, label: str) -> str:
        return one_line(label)

    def number(self, x: Any) -> str:
        return show(x)

    def path(self, names: Sequence[str]) -> str:
        return " <- ".join(names)

    def math(self, formula: str) -> str:
        return formula

    def title(self, written: str) -> str:
        return f"{written}\n{'=' * cell_len(written)}"

    def heading(self, written: str) -> str:
        return f"{written}\n{'-' * len(written)}"

    def paragraph(self, written: str) -> str:
        return written

    def equations(self, equations: Sequence[Sequence[str]]) -> str:
        return "\n".join(f"    {' = '.join(sides)}" for sides in equations)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
        lines = [zip(row, widths, strict=True) for row in (columns, *rows)]
        return "\n".join(("    " + "  ".join(x + " " * (w - cell_len(x)) for x, w in line)).rstrip() for line in lines)

    def join(self, blocks: Sequence[str]) -> str:
        return "\n\n".join(blocks)


class _Markdown:
    """Markdown with LaTeX between dollar signs, one equation to a line: no environments are needed."""

    dots = r"\ldots"
    style = latex.LATEX

    name = staticmethod(latex.name)
    number = staticmethod(latex.number)
    partial = staticmethod(latex.partial)

    def path(self, names: Sequence[str]) -> str:
        return r" \leftarrow ".join(names)

    def math(self, formula: str) -> str:
        return f"${formula}$"

    def title(self, written: str) -> str:
        return f"# {written}"

    def heading(self, written: str) -> str:
        return f"## {written}"

    def paragraph(self, written: str) -> str:
        return written

    def equations(self, equations: Sequence[Sequence[str]]) -> str:
        return "\n\n".join(f"$${' = '.join(sides)}$$" for sides in equations)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        head = [columns, ["---"] * len(columns)]
        return "\n".join(f"| {' | '.join(row)} |" for row in [*head, *rows])

    def join(self, blocks: Sequence[str]) -> str:
        return "\n\n".join(blocks)


class _Html(_Markdown):
    """The body of a web page; MathML is LaTeX's own structure, so that nothing has to be typeset by a script."""

    def math(self, formula: str) -> str:
        return mathml(formula)

    def title(self, written: str) -> str:
        return f"<h1>{written}</h1>"

    def heading(self, written: str) -> str:
        return f"<h2>{written}</h2>"

    def paragraph(self, written: str) -> str:
        return f"<p>{written}</p>"

    def equations(self, equations: Sequence[Sequence[str]]) -> str:
        lines = "\n".join(f"<p>{self.math(' = '.join(sides))}</p>" for sides in equations)
        return f'<div class="equations">\n{lines}\n</div>'

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        head = "".join(f'<th scope="col">{column}</th>' for column in columns)
        body = "\n".join(
            "<tr>" + "".join(f'<td class="{column}">{x}</td>' for column, x in zip(columns, row, strict=True)) + "</tr>"
            for row in rows
        )
        return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"

    def join(self, blocks: Sequence[str]) -> str:
        return "\n".join(blocks)


_Writer: TypeAlias = _Text | _Markdown

_STYLE = """
:root { color-scheme: light dark; --data: #0072b2; --grad: #b84f00 }
@media (prefers-color-scheme: dark) { :root { --data: #56b4e9; --grad: #e69f00 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
math { font-size: 1.1em; math-style: normal }
table { border-collapse: collapse }
th, td { padding: 0.3rem 1.2rem 0.3rem 0; text-align: left; border-bottom: 1px solid #8886 }
.data { color: var(--data) }
.grad { color: var(--grad) }
.equations { margin: 1.6rem 1.5rem }
.equations p { margin: 0.2rem 0; padding: 0.3rem 0; overflow: auto hidden }
img { max-width: 100% }
"""
