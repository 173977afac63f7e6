"""What a page for the screen needs in order to grade as `grade` does, without Python: data, and the program to read it.

Python makes every mistake beforehand. For mistakes in all places, at one node and in pairs the page gets the answers
that they lead to, in the order in which `grade` tries them. A slip in one place, after which somebody goes on with the
numbers that were written down, depends on these; the page gets what each node passes on then, as a*upstream + b, and
how contributions become a gradient, and runs the pass itself. All numbers are exact, as text such as "-3/2"; only where
a graph holds floats may the two differ, for an answer that lies as near to a limit as a float is rounded.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache, reduce
from importlib.resources import files
from typing import Any

from ...compiler.spelling import HELPERS, JAVASCRIPT
from ...engine import Value, topological_order
from ...graph.steps import forward_steps
from ...notation import answers
from ...notation.expressions import functions
from ...notation.names import node_names
from ...notation.numbers import show
from ...ops import CONSTANT, Variadic
from ..exercises.generator import Exercise, Line
from ..grading.grade import STAGES, WORDS, ask_about
from ..grading.mistakes import MISTAKES, Mistake, Passes, confined
from ..grading.slips import SLIPS, slips_at

Data = dict[str, Any]  # for JSON

SCRIPTS = ("numbers.js", "grading.js", "screen.js")


def program(*names: str) -> str:
    """Return scripts with what they need before them; of the page's own, screen.js wants PARTS too."""
    rules = json.dumps(_rules(), ensure_ascii=False).replace("<", "\\u003c")  # which might end the script
    return f"const RULES = {rules};\n{_functions()}\n{source(*names)}"


@cache
def source(*names: str) -> str:
    """Return the text of files that stand beside this one."""
    return "\n".join((files(__package__) / name).read_text(encoding="utf-8") for name in names)


def _rules() -> Data:
    """Return what all exercises have in common: how answers are read, the mistakes, and what is said of them."""
    return {
        "patterns": {
            name: getattr(answers, name.upper()).pattern for name in ("decimal", "whole", "fraction", "comma")
        },
        "limits": {
            name: str(getattr(answers, name.upper()))
            for name in ("rounding", "precision", "coarse", "expression", "edge")
        },
        "unread": {"number": answers.NO_NUMBER, "comma": answers.HAS_COMMA},
        "words": WORDS,
        "mistakes": [
            {"id": m.id, "name": m.name, "sentence": m.sentence, "question": m.question, "update": bool(m.update)}
            for m in (*MISTAKES, *SLIPS)
        ],
    }


def _functions() -> str:
    """Return in JavaScript the functions that answers may call, with how many operands they take."""
    lines = {
        "sum": "{ least: 1, most: Infinity, compute: (...xs) => xs.reduce((x, y) => x + y) }",
        "logsumexp": "{ least: 1, most: Infinity, compute: logsumexp }",
    }
    for name, row in functions().items():
        if not isinstance(row, Variadic):
            most, least = len(row.operand_names), len(row.operand_names) - (row.default is not None)
            operands = [*row.operand_names[:least], *(f"{x} = {row.default}" for x in row.operand_names[least:])]
            computed = JAVASCRIPT[row.name].format(*row.operand_names)
            lines[name] = f"{{ least: {least}, most: {most}, compute: ({', '.join(operands)}) => {computed} }}"
    table = "".join(f"  {name}: {line},\n" for name, line in lines.items())
    return f"{''.join(HELPERS['javascript'].values())}\nconst FUNCTIONS = {{\n{table}}};\n"


# -------------------- an exercise --------------------


def parts(drawn: Exercise, fade: float = 1.0) -> list[Data]:
    """Return an exercise as the page grades it: the values of the forward pass, and the gradients with the step.

    Args:
        drawn: the exercise.
        fade: how much is left to the student, as in `Exercise.lines`; what is filled in counts as answered.

    Raises:
        ValueError: as `Exercise.lines` says.
        NotImplementedError: there is a mistake of a kind that the page cannot follow.
    """
    asked = {drawn.question(name): name for name in drawn.answers}
    lines = drawn.lines(fade)
    return [
        _values(drawn, [line for line in lines if line.question not in asked]),
        _gradients(drawn, {asked[line.question]: line for line in lines if line.question in asked}),
    ]


def is_blank(part: Data) -> bool:
    """Tell whether anything of a part is left to the student."""
    return not all(asked["filled"] for asked in part["asked"])


def _values(drawn: Exercise, lines: Sequence[Line]) -> Data:
    names = node_names(topological_order(drawn.root))
    return {
        "of": "values",
        "asked": [
            _asked(names[x.node], x, ask_about(names[x.node], of_values=True)) | {"slips": list(_slips(x.node, names))}
            for x in lines
        ],
        "given": {name: _exact(x) for name, x in drawn.given.items()},
        "nodes": [[step.name, step.equation, _exact(step.result)] for step in forward_steps(drawn.root)],
    }


def _gradients(drawn: Exercise, lines: dict[str, Line]) -> Data:
    order = [v for v in reversed(topological_order(drawn.root)) if v.op is not CONSTANT]
    place = {v: k for k, v in enumerate(order)}
    passes = Passes(drawn.root)
    asked = []
    for name, line in lines.items():
        of_step = drawn.is_of_step(name)
        asked.append(_asked(name, line, ask_about(name, of_step=of_step)) | {"node": place[line.node]})
        if of_step:
            x, rate = line.node.data, drawn.learning_rate
            slips = [[k, *_step_slip(m, m.update, x, rate)] for k, m in enumerate(MISTAKES) if m.update]
            asked[-1] |= {"from": _exact(x), "slips": slips}
    return {
        "of": "gradients",
        "asked": asked,
        "rate": None if drawn.learning_rate is None else str(drawn.learning_rate),
        "nodes": [[[place[x], _exact(local)] for x, local in passes.contributions(v, 1)] for v in order],
        "stages": list(_stages(drawn, lines)),
        "slips": [
            {"mistake": k, "place": place[v], **form}
            for k, m in enumerate(MISTAKES)
            if m.in_order and not m.update
            for v in order
            if (form := _slip(m, v, passes))
        ],
    }


def _asked(name: str, line: Line, question: str) -> Data:
    """Return one answer: what is asked, the truth, and what helps; the working comes without its result."""
    *before, last = line.working.split("; ")
    return {
        "name": name,
        "question": line.question,
        "filled": not line.is_blank,
        "truth": _exact(line.answer),
        "shown": show(line.answer),
        "hint": question,
        "working": [*before, last.rpartition(" = ")[0] + " = ?"],
    }


def _exact(x: Any) -> str:
    return str(Fraction(x))


# -------------------- mistakes and the answers that they lead to --------------------


def _stages(drawn: Exercise, lines: dict[str, Line]) -> Iterator[Data]:
    """Yield for each of STAGES the sets of mistakes to be told apart, each with the answers in the blanks.

    Left out is what cannot fit wrong answers: the right answers, other ones where an answer is filled in, and those of
    an earlier stage.
    """
    possible = [m for m in MISTAKES if drawn.learning_rate is not None or not m.update]
    place = {m.id: k for k, m in enumerate(MISTAKES)}
    blank = [name for name, line in lines.items() if line.is_blank]
    filled = {name: answers.read_answer(_exact(line.answer)) for name, line in lines.items() if not line.is_blank}
    told = {" ".join(_exact(drawn.answers[name]) for name in blank)}
    for candidates, enough in STAGES:
        found: dict[tuple[tuple[int, ...], str], None] = {}
        for mistakes in candidates(drawn.root, possible):
            try:
                answered = drawn.answers_under(*mistakes)
                numbers = " ".join(_exact(answered[name]) for name in blank)
            except (ArithmeticError, ValueError):
                continue
            if numbers not in told and all(answer.is_right(answered[name]) for name, answer in filled.items()):
                candidate = tuple(place[m.id] for m in mistakes), numbers
                found.pop(candidate, None)  # the last one counts: `grade` names those that fit in that order
                found[candidate] = None
        told |= {numbers for _, numbers in found}
        yield {"enough": enough, "candidates": list(found)}


def _slips(v: Value, names: Mapping[Value, str]) -> Iterator[tuple[int, str]]:
    """Yield the slips of the forward pass at a node, each as an expression of the operands' names."""
    place = {m.id: len(MISTAKES) + k for k, m in enumerate(SLIPS)}
    # Any numbers will do that every operation is defined for.
    operands = [x.data if x.op is CONSTANT else Value(1.5 + k, names[x]) for k, x in enumerate(v.operands)]
    for slip, made in slips_at(v, operands):
        yield place[slip.id], _written(made)


def _written(x: Any) -> str:
    """Return what a slip makes as an expression."""
    if not isinstance(x, Value):
        return str(float(x))
    return x.op.write([_written(y) for y in x.operands]) if x.operands else x.label or str(float(x.data))


def _slip(mistake: Mistake, v: Value, passes: Passes) -> Data:
    """Return how a mistake at one node changes what the page computes there; empty if it changes nothing or fails."""
    here = [confined(mistake, v)]
    try:
        edges = _linear(mistake, lambda upstream: [x for _, x in passes.contributions(v, upstream, here)])
    except (ArithmeticError, ValueError):
        return {}
    form: Data = {}
    if edges != _linear(mistake, lambda upstream: [x for _, x in passes.contributions(v, upstream)]):
        form["edges"] = edges
    if mistake.combine and v is not passes.root:
        form["combine"] = _bilinear(mistake, mistake.combine)
    if mistake.finish and v is not passes.root:
        form |= _finish(mistake, mistake.finish, v)
    return form


def _step_slip(mistake: Mistake, update: Callable[[Any, Any, Any], Any], x: Any, learning_rate: Any) -> list[str]:
    """Return the a and b of a*gradient + b, the number that a mistake of the step makes of a leaf's."""
    (form,) = _linear(mistake, lambda gradient: [update(x, gradient, learning_rate)])
    return form


def _linear(mistake: Mistake, compute: Callable[[Fraction], Sequence[Any]]) -> list[list[str]]:
    """Return the a and b of each a*x + b that is computed from x."""
    at_0, at_1, at_3 = (compute(Fraction(x)) for x in (0, 1, 3))
    for x, y, z in zip(at_0, at_1, at_3, strict=True):
        if abs(3 * (y - x) + x - z) > answers.ROUNDING * (1 + abs(z)):
            raise NotImplementedError(
                f"what {mistake.id} makes of a gradient is not linear in it, as the page takes it"
            )
    return [[_exact(y - x), _exact(x)] for x, y in zip(at_0, at_1, strict=True)]


def _bilinear(mistake: Mistake, combine: Callable[[Sequence[Any]], Any]) -> list[str]:
    """Return the a, b, c and d of a + b*x + c*y + d*x*y, by which one contribution after the other is taken in."""
    a, c, b, all_of_it = (combine([Fraction(x), Fraction(y)]) for x in (0, 1) for y in (0, 1))
    b, c = b - a, c - a
    d = all_of_it - a - b - c
    three = [Fraction(x) for x in (2, 3, 5)]
    if reduce(lambda x, y: a + b * x + c * y + d * x * y, three) != combine(three):
        raise NotImplementedError(f"{mistake.id} does not take in one contribution after the other, as the page does")
    return [_exact(x) for x in (a, b, c, d)]


def _finish(mistake: Mistake, finish: Callable[[Value, Any], Any], v: Value) -> Data:
    """Return what is taken for a gradient at a node: it rounded to some decimals, or a*gradient + b."""
    third = Fraction(1, 3)
    for decimals in range(4):
        if finish(v, third) == round(third, decimals):
            return {"decimals": decimals}
    (form,) = _linear(mistake, lambda gradient: [finish(v, gradient)])
    return {} if form == ["1", "0"] else {"finish": form}
