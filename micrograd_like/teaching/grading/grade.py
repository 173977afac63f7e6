"""Grading: which of somebody's numbers are right, which follow from a slip, and which mistake is behind the others.

    print(grade(loss, {"a": 4, "b": "-3/2", "c": "1.25"}))

Gradients are graded, values of the forward pass, or both; with a learning rate also the numbers after an update by
gradient descent: `{"w_new": "1/5"}`. A line is judged by what follows from the lines before it, as `verdicts` says.
"""

from collections.abc import Collection, Iterator, Mapping
from math import fsum, inf
from numbers import Real
from typing import Any

from ...checks import check_data
from ...engine import Value, topological_order
from ...notation.answers import Answer, read_answer
from ...notation.names import find as find_node
from ...ops import CONSTANT, PARAMETER
from .comparison import gradients
from .lines import Line, Lines, lines_of
from .mistakes import MISTAKES, find
from .report import LEVELS, Diagnosis, Grading, Level, NodeGrade
from .verdicts import Evidence, Judged, Paper, conclude


def grade(
    root: Value,
    answers: Mapping[Any, Any],
    *,
    values: bool | Mapping[Any, Any] = False,
    level: Level = "hint",
    learning_rate: Any = None,
    credit: float | Mapping[str, float] = 1.0,
) -> Grading:
    """Grade gradients of `root` that somebody computed by hand, and find the mistakes behind the wrong ones.

    Args:
        root: the output.
        answers: for some or all nodes, by label or node, a number or text such as "-3/2", "1.25" or "sqrt(2)/2"; what
            is None or empty counts as missing.
        values: answers to the nodes' values in the forward pass, in the same way; gradients may then follow from these.
            True says that `answers` are values, and no gradients are graded.
        level: how much the text gives away: a question as "hint", the "rule", the worked "step", or the "answer".
        learning_rate: of an update by gradient descent, or below 0 of an update up, to maximise; then a leaf's label
            with `_new` after it stands for its number after the update, which is asked of every parameter.
        credit: how much of a point an answer earns that is right given an earlier slip; or how much by its name.

    Raises:
        ValueError: no node, or more than one, has that label; an answer is not a number; an unknown level; a learning
            rate or a credit out of range; or a graph that holds stale numbers.
    """
    if not isinstance(root, Value):
        raise TypeError(f"grade() takes the output as a Value, not {root!r}")
    check_rate(learning_rate)
    check_data(topological_order(root))
    written, values = ({}, answers) if values is True else (answers, values or {})
    lines = lines_of(root, MISTAKES, learning_rate)
    asked = {line.id for line in lines.lines if is_asked(line, root)}
    return grade_lines(lines, truths_of(lines), written, values, asked, level, learning_rate, credit)


def check_rate(learning_rate: Any) -> None:
    """Raise ValueError unless it is a learning rate, or None."""
    if not (learning_rate is None or (isinstance(learning_rate, Real) and 0 < abs(float(learning_rate)) < inf)):
        raise ValueError(
            f"a learning rate is a number such as 0.1, or -0.1 for an update up, and not {learning_rate!r}"
        )


def grade_lines(
    lines: Lines,
    truths: Mapping[str, Any],
    written: Mapping[Any, Any],
    values: Mapping[Any, Any],
    wanted: Collection[str],
    level: Level = "hint",
    learning_rate: Any = None,
    credit: float | Mapping[str, float] = 1.0,
) -> Grading:
    """Return what `grade` says, of lines that were made before, the right number of each, and which are asked for."""
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}; choose from {', '.join(LEVELS)}")
    for share in credit.values() if isinstance(credit, Mapping) else [credit]:
        if not (isinstance(share, Real) and 0 <= float(share) <= 1):
            raise ValueError(f"credit is a share of a point, from 0 to 1, not {share!r}")
    root = lines.root
    updates = {line.name: line.id for line in lines.lines if line.kind == "update"}
    read = dict(_read(lines, "value", values))
    read |= _read(lines, "gradient", {key: x for key, x in written.items() if key not in updates})
    read |= {updates[key]: _read_one(key, x) for key, x in written.items() if key in updates}
    lines = lines.with_given(read)
    truths = {**truths, **lines.given}
    paper = judge(lines, truths, {key: x for key, x in read.items() if x is not None})
    kinds = ("value",) * bool(values) + ("gradient", "update") * (not values or bool(written))
    asked = [
        NodeGrade(line.node, line.name, line.kind, paper.status[line.id], read.get(line.id), truths[line.id])
        for line in lines.lines
        if line.id in read or (line.kind in kinds and line.id in wanted)
    ]
    evidence = paper.evidence()
    diagnoses, slip = diagnose(evidence)
    return Grading(root, tuple(asked), diagnoses, slip, evidence, level, learning_rate, credit)


def is_asked(line: Line, root: Value) -> bool:
    """Tell whether a line is asked for, answered or not: those of nodes with a name, and the update of parameters."""
    if line.kind == "update":
        return line.node.op is PARAMETER
    return bool(line.node.label) and (line.kind == "value" or line.node is not root)


def truths_of(lines: Lines) -> dict[str, Any]:
    """Return the right number of each line by its id; ValueError if a local derivative is infinite or undefined."""
    right = gradients(lines.root)
    found = {line.id: right[line.node] if line.kind == "gradient" else line.node.data for line in lines.lines}
    if any(line.kind == "update" for line in lines.lines):
        found |= {k: x for k, x in lines.numbers().items() if k.startswith("n")}
    return found


def judge(lines: Lines, truths: Mapping[str, Any], answers: Mapping[str, Answer]) -> Paper:
    """Return the paper with these answers, by the lines' ids, judged."""
    judged = [Judged(line.id, line.rules, float(truths[line.id]), line.wrong) for line in lines.lines]
    return Paper({key: float(x) for key, x in lines.given.items()}, judged, answers)


def diagnose(evidence: Evidence) -> tuple[tuple[Diagnosis, ...], str]:
    """Return the mistakes that explain all wrong lines of one paper or of several, or else the slip that does."""
    verdict = conclude(evidence, len(MISTAKES))
    return tuple(Diagnosis(tuple(map(find, ids)), verdict.is_sure) for ids in verdict.sets), verdict.slip


def check(
    root: Value,
    answers: Mapping[Any, Any] | None = None,
    /,
    *,
    level: Level = "hint",
    values: bool | Mapping[Any, Any] = False,
    learning_rate: Any = None,
    credit: float = 0.0,
    partial: Collection[str] = (),
    **named: Any,
) -> float | None:
    """Raise an AssertionError with the diagnosis unless all these answers are right; for graders and tests.

    Answers are given by name, as in `check(L, a=4)`, or as a dict, which `grade` describes with the other arguments.
    With `credit=1` an answer also passes that is right given an earlier slip. With names as `partial` nothing is
    raised: the diagnosis is printed, and what these answers are worth is returned, a point each, as nbgrader takes it.

    Raises:
        AssertionError: an answer is wrong or missing.
        ValueError: as `grade` says.
    """
    given = {**(answers or {}), **named}
    result = grade(root, given, values=values, level=level, learning_rate=learning_rate, credit=credit)
    wanted = [given] if isinstance(values, bool) else [given, values]
    mine = [
        g for g in result.grades if any(g.name in some or (g.node in some and g.kind != "update") for some in wanted)
    ]
    if not all(result.worth(g) == 1 for g in mine):
        if not partial:
            raise AssertionError(f"\n{result}")
        print(result)
    return fsum(result.worth(g) for g in mine if g.name in partial) if partial else None  # nbgrader counts any number


# -------------------- reading --------------------


def _read(lines: Lines, kind: str, written: Mapping[Any, Any]) -> Iterator[tuple[str, Answer | None]]:
    """Yield the id of each line that is answered, with the answer."""
    names = {v: name for v, name in lines.names.items() if v.op is not CONSTANT}
    place = {v: k for k, v in enumerate(lines.names)}
    for key, x in written.items():
        v = find_node(key, names)
        yield f"{kind[0]}{place[v]}", _read_one(names[v], x)


def _read_one(name: str, written: Any) -> Answer | None:
    if written is None or (isinstance(written, str) and not written.strip()):
        return None
    try:
        return read_answer(written)
    except ValueError as error:
        raise ValueError(f"the answer for {name}: {error}") from None
