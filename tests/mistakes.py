"""The guide to mistakes, made of the rows that name them: `python -m tests.mistakes` writes demos/mistakes.md anew."""

from fractions import Fraction
from pathlib import Path

from micrograd_like import parse, topological_order
from micrograd_like.engine import Value
from micrograd_like.notation.numbers import show
from micrograd_like.ops import CONSTANT
from micrograd_like.teaching import MISTAKES, gradients
from micrograd_like.teaching.grading.kinds import ForwardMistake, Mistake, UpdateMistake
from micrograd_like.teaching.grading.lines import lines_of

GUIDE = Path(__file__).parent.parent / "demos" / "mistakes.md"
HEAD = """# Mistakes in backpropagation by hand

What `grade` knows by its numbers, and what a [page](stepping.md#a-page-to-click-through) lets you try: each
mistake with a small example that shows it, the right numbers and the wrong ones, and a question that leads on.
`backprop_with(L, "overwrite")` shows one on a graph of your own.
"""

# From small to large; each mistake takes the first that shows it.
EXAMPLES: tuple[tuple[str, dict[str, str]], ...] = (
    ("L = a*b", {"a": "3", "b": "5"}),
    ("L = a - b", {"a": "5", "b": "3"}),
    ("L = a/b", {"a": "3", "b": "2"}),
    ("L = a**3", {"a": "2"}),
    ("L = 3*a", {"a": "2"}),
    ("e = a*b; f = a*c; L = e + f", {"a": "2", "b": "3", "c": "5"}),
    ("s = a + b; L = s*c", {"a": "2", "b": "0", "c": "4"}),
    ("L = exp(x)", {"x": "2"}),
    ("L = log(x)", {"x": "3"}),
    ("L = sqrt(x)", {"x": "4"}),
    ("L = sin(x)", {"x": "1"}),
    ("L = abs(x)", {"x": "-2"}),
    ("L = max(a, b)", {"a": "2", "b": "3"}),
    ("L = tanh(x)", {"x": "0.5"}),
    ("L = sigmoid(x)", {"x": "2"}),
    ("z = w*x; L = relu(z)", {"w": "-2", "x": "3"}),
    ("z = w*x; L = relu(z)", {"w": "2", "x": "3"}),
    ("b = a*a; c = a + b; L = b*c", {"a": "2"}),
    ("z = w*x; a = tanh(z); L = v*a", {"w": "0.5", "x": "1", "v": "3"}),
)
RATE = Fraction(1, 10)


def guide() -> str:
    """Return the guide's text."""
    groups = {
        "gradient": "In the backward pass",
        "pass": "In the order of the pass",
        "update": "In the update",
        "value": "In the forward pass",
    }
    parts = [HEAD]
    for kind, title in groups.items():
        rows = [mistake for mistake in MISTAKES if mistake.kind == kind]
        parts += [f"## {title}\n", *map(_section, rows)]
    return "\n".join(parts)


def _section(mistake: Mistake) -> str:
    example = _update(mistake) if isinstance(mistake, UpdateMistake) else _example(mistake)
    return f"### {mistake.name}\n\n`{mistake.id}`. {mistake.sentence}\n\n{example}\n\n*{mistake.question}*\n"


def _update(mistake: UpdateMistake) -> str:
    rate = -RATE if mistake.id == "downhill" else RATE  # an update that is to go up
    root = parse("L = w*x", w=Fraction(3), x=Fraction(4))
    lines = lines_of(root, [mistake], rate)
    line = next(line for v, line in lines.find("update").items() if v.label == "w")
    right, wrong = (_number(lines.numbers(key)[line.id]) for key in (None, mistake.id))
    up = ", and L is to become larger" if rate < 0 else ""
    said = f"A weight of 3, its gradient 4, a learning rate of {show(float(RATE))}{up}:"
    return f"{said}\n\n| | w after the update |\n|---|---|\n| right | {right} |\n| with the mistake | {wrong} |"


def _example(mistake: Mistake) -> str:
    for formula, numbers in EXAMPLES:
        root = parse(formula, **{name: Fraction(x) if "." not in x else float(x) for name, x in numbers.items()})
        found = _values(mistake, root) if isinstance(mistake, ForwardMistake) else _gradients(mistake, root)
        if found:
            columns, right, wrong = zip(*found, strict=True)
            given = ", ".join(f"{name} = {x}" for name, x in numbers.items())
            if mistake.id == "updated_weight":
                given += f", and a learning rate of {show(float(RATE))}"
            rows = [("", *columns), ("---",) * (1 + len(columns)), ("right", *right), ("with the mistake", *wrong)]
            return f"`{formula}` with {given}:\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)
    raise LookupError(f"no example shows {mistake.id}: add one to EXAMPLES")


def _gradients(mistake: Mistake, root: Value) -> list[tuple[str, str, str]]:
    try:
        right = gradients(root)
        numbers = lines_of(root, [mistake], RATE).numbers(mistake.id)
        wrong = {v: numbers[line.id] for v, line in lines_of(root, [mistake], RATE).find("gradient").items()}
    except (ValueError, ArithmeticError):
        return []
    nodes = [v for v in reversed(topological_order(root)) if v.op is not CONSTANT and v is not root and v.label]
    if all(_number(right[v]) == _number(wrong[v]) for v in nodes):
        return []
    return [(f"∂L/∂{v.label}", _number(right[v]), _number(wrong[v])) for v in nodes]


def _values(mistake: ForwardMistake, root: Value) -> list[tuple[str, str, str]]:
    for v in topological_order(root):
        for wrong in mistake.values(v, [x.data for x in v.operands]) if v.operands else ():
            if v.label and _number(wrong) != _number(v.data):
                return [(v.label, _number(v.data), _number(wrong))]
    return []


def _number(x: object) -> str:
    return show(float(x))  # type: ignore[arg-type]


if __name__ == "__main__":
    GUIDE.write_text(guide(), encoding="utf-8")
    print(f"wrote {GUIDE}")
