"""A training step whose losses, gradients and scores come from compiled programs instead of recorded graphs."""

from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..engine import Value, topological_order
from ..ops import CONSTANT
from .program import Program, compile

MOST_TARGETS = 20  # distinct targets, each of which has a program of its own; with more, the target is an input

Step = Callable[[Sequence[Sequence[float]], Sequence[float]], tuple[float, list[bool]]]


def compile_step(
    model: Any,
    loss: Callable[[Sequence[Any], Sequence[Any]], Value],
    optimizer: Any,
    are_right: Callable[[Sequence[Any], Sequence[float]], list[bool]] | None,
    rows: Sequence[Sequence[float]],
    targets: Sequence[float],
) -> Step:
    """Return a step that does for a batch what the eager one does: gradients, the optimiser's step, loss and hits.

    The loss is compiled for one sample, once for each target, since what a target chooses is part of the graph.

    Args:
        model: turns a row of Values into a Value or a list of them, and has `parameters()`.
        loss: the mean over the samples of something that depends on one sample each.
        optimizer: takes the gradients from the parameters.
        are_right: tells from outputs and targets which samples are right; None where the targets are no classes.
        rows: the samples.
        targets: theirs.

    Raises:
        ValueError: two samples with the same target give graphs of different shape, or the loss is no such mean.
    """
    parameters = model.parameters()
    x = [Value(number, f"x{i}") for i, number in enumerate(rows[0], start=1)]
    distinct = sorted(set(targets))
    fixed = len(distinct) <= MOST_TARGETS
    y = Value(float(targets[0]), "y")

    def of_one(row: Sequence[Any], target: Any) -> Value:
        return loss([model(row)], [target])

    graphs: dict[float, Value] = {}
    for target in distinct if fixed else distinct[:1]:
        graphs[target] = of_one(x, target if fixed else y)
        like = [row for row, t in zip(rows, targets, strict=True) if t == target or not fixed][1:2]
        other = [of_one([Value(number) for number in row], target if fixed else Value(y.data)) for row in like]
        if any(_shape(graph) != _shape(graphs[target]) for graph in other):
            raise ValueError(
                "the graph of this model's loss is not the same for every row, so it cannot be compiled: train without "
                "compiled=True, or choose by maximum() or relu() and not by an `if` on .data"
            )
    leaves = dict.fromkeys(v for graph in graphs.values() for v in topological_order(graph) if not v.operands)
    known = {*x, y, *parameters}
    held = [v for v in leaves if v.op is not CONSTANT and v not in known]  # frozen weights, and the like
    numbered = [*parameters, *held]
    outputs = model(x) if are_right else []
    several = not isinstance(outputs, Value)
    with ThreadPoolExecutor() as pool:  # C compilers run side by side
        inputs = x if fixed else [*x, y]
        found = pool.map(lambda graph: compile(graph, inputs, numbered), graphs.values())
        programs = dict(zip(graphs, found, strict=True))
        values = outputs if several else [outputs]
        scores = list(pool.map(lambda v: Program(v, x, numbered, "auto", "sum", gradient=False), values))

    def measure(rows: Sequence[Any], targets: Sequence[float], numbers: Any) -> tuple[float, list[float]]:
        total, sums = 0.0, []
        for target, program in programs.items():
            if fixed:
                some: list[Any] = [row for row, t in zip(rows, targets, strict=True) if t == target]
            else:
                some = [(*row, t) for row, t in zip(rows, targets, strict=True)]
            if some:
                losses, grads = program.value_and_grad(some, numbers)
                total += sum(losses)
                sums.append(grads)
        return total / len(rows), [sum(column) / len(rows) for column in zip(*sums, strict=True)]

    def step(rows: Sequence[Any], targets: Sequence[float]) -> tuple[float, list[bool]]:
        numbers = array("d", [p.data for p in numbered])
        value, gradient = measure(rows, targets, numbers)
        right: list[bool] = []
        if are_right:
            columns = [program(rows, numbers) for program in scores]
            right = are_right([*map(list, zip(*columns, strict=True))] if several else columns[0], targets)
        optimizer.zero_grad()
        for p, g in zip(parameters, gradient, strict=False):
            p.grad = g
        optimizer.step()
        return value, right

    few = slice(0, 10)
    eager = loss([model(row) for row in rows[few]], list(targets[few])).data
    compiled, _ = measure(rows[few], targets[few], array("d", [p.data for p in numbered]))
    if abs(eager - compiled) > 1e-9 * max(1.0, abs(eager)):
        raise ValueError(
            f"this loss is {eager:.6g} for {len(rows[few])} samples but {compiled:.6g} as the mean over them: only a "
            "mean over the samples can be compiled"
        )
    return step


def _shape(root: Value) -> list[Any]:
    """Return what a graph computes, whatever its numbers."""
    order = topological_order(root)
    places = {v: i for i, v in enumerate(order)}
    return [(v.op.name, *(places[x] for x in v.operands)) for v in order]
