"""A lesson of ninety minutes about one graph: slides, a sheet, its key, a page for homework, a notebook, and a plan.

All of them are made from one exercise, so that they have the same numbers.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from fractions import Fraction
from pathlib import Path

from ..engine import Value, topological_order
from ..escape import markdown
from ..files import write_folder
from ..graph.steps import backward_steps
from ..notation.names import partial
from ..notation.numbers import show
from ..ops import CONSTANT
from ..pictures import draw
from ..pictures.drawing import Drawing
from .exercises.exercise import Exercise
from .sheets import Sheet

TITLE = "Backpropagation by hand"
NUDGE = Fraction(1, 1000)


def write_lesson(drawn: Exercise, folder: str | os.PathLike[str], title: str = TITLE) -> Path:
    """Write a new folder with all that a lesson about this exercise needs, or nothing at all; return its path.

    Args:
        drawn: the graph, its numbers, and what is asked.
        folder: where to; `plan.md` in it says what the other files are for.
        title: of the sheet and the plan.

    Raises:
        FileExistsError: something is there already, other than an empty folder.
        OSError: the folder cannot be written.
        RuntimeError: jinja2, nbformat or matplotlib is missing; the text says how to install it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "figures").mkdir()
        for name, drawing in _figures(drawn).items():
            for ending in ("svg", "pdf", "tex"):
                # compiled, slides.tex becomes slides.pdf, and leaves the pages of steps.pdf as they are
                is_slides = (name, ending) == ("steps", "tex")
                drawing.save(Path(scratch, "slides.tex" if is_slides else f"figures/{name}.{ending}"))
        sheet = Sheet([drawn], title)
        for name in ("sheet.html", "sheet.tex", "notebook.ipynb"):
            sheet.save(Path(scratch, name), show="sheet")
        sheet.save(Path(scratch, "key.html"))
        sheet.save(Path(scratch, "homework.html"), screen=True)
        made = {path.relative_to(scratch).as_posix(): path for path in sorted(Path(scratch).rglob("*.*"))}
        files = {"plan.md": plan(drawn, title).encode(), **{name: path.read_bytes() for name, path in made.items()}}
        return write_folder(folder, files)


def _figures(drawn: Exercise) -> dict[str, Drawing]:
    """Return what is drawn; with light ground, for a projector, whatever the system's theme is."""
    before = deepcopy(drawn.root)
    after = deepcopy(drawn.root)
    after.backward()
    named = [v.label for v in topological_order(before) if v.label and v.op is not CONSTANT]
    return {
        "blank": draw(before, blank=named, local=False, theme="light"),
        "forward": draw(before, grad=False, local=False, theme="light"),
        "backward": draw(after, theme="light"),
        "steps": draw(after, steps=True, theme="light"),
    }


# -------------------- the plan --------------------


def plan(drawn: Exercise, title: str = TITLE) -> str:
    """Return the plan in Markdown: what happens in which minute, what is said, and what to expect of the answers."""
    root = deepcopy(drawn.root)
    root.backward()
    nodes = topological_order(root)
    varied = drawn.parameters or drawn.numbers
    leaf = max((v for v in nodes if v.label in varied), key=lambda v: (abs(v.grad), v.label))
    of_leaf, ratio, moved = partial(root.label, leaf.label), show(leaf.grad), show(float(leaf.grad * NUDGE))
    steps = [step for step in backward_steps(root) if not step.is_seed]
    operations = ", ".join(f"`{symbol}`" for symbol in dict.fromkeys(step.node.op.symbol for step in steps))
    numbers = " ".join(f"{name}={number}" for name, number in drawn.numbers.items())
    worked = "\n".join(f"| {line.asked} | {show(line.answer)} | {_cell(line.working)} |" for line in drawn.lines())
    return f"""\
# {markdown(title)}: ninety minutes

One graph, with the same numbers on the slides, on the sheet and at home: `{drawn.formula}`,
where {", ".join(drawn.conditions)}.

| file | |
|---|---|
| `figures/` | the graph as SVG, PDF and LaTeX: blank, and after the forward and the backward pass |
| `figures/steps` | the backward pass, edge by edge: .svg is an animation, .pdf has a page for each |
| `slides.tex` | the same for Beamer, a click for each |
| `sheet.html`, `sheet.tex` | the exercise, to print and hand out |
| `key.html` | the same with the key, for you |
| `notebook.ipynb` | the same for Jupyter; its cells check themselves |
| `homework.html` | a page that names the mistake as answers are typed in; it needs no network |

## Minute by minute

**0–10 · What is a gradient?** Show `figures/forward`. If {leaf.label} grows by 0.001, what does {root.label} do?
Collect guesses. It changes by about {moved}. The ratio of the two, {ratio}, is {of_leaf}. Leave it on the board.

**10–20 · Forward.** Hand out the sheet. Everybody fills in the forward pass and compares it with a neighbour's.
{root.label} is {show(root.data)}.

**20–35 · Local derivatives.** Take one operation after the other: {operations}. If one of its operands
grows a little, how many times as much does the result grow? Then do the first two edges together, with `figures/steps`:

{"".join(f"* {_cell(str(step))}{chr(10)}" for step in steps[:2])}
**35–60 · Backward.** First alone, then in pairs. {drawn.task}
Walk around with the table of mistakes below. Ask, do not tell.

**60–72 · Together.** Go through `figures/steps`. Before each click somebody says the number. {_shared(nodes)}Compare
{of_leaf} with what has stood on the board since minute 10.

**72–82 · What went wrong?** Show two or three of the wrong numbers, without names. How does one come to them?

**82–90 · The engine.** Let it ask the class for each step:

```sh
micrograd-like step "{drawn.formula}" {numbers} --predict
```

**Homework.** `homework.html`, until all of it is right; or `notebook.ipynb`, for those who have Jupyter.

## The numbers

| | | how |
|---|---|---|
{worked}
{_mistakes(drawn)}"""


def _shared(nodes: Sequence[Value]) -> str:
    """Return what is to be said of nodes that are used more than once, if there are any."""
    uses = Counter(x for v in nodes for x in v.operands)
    names = [v.label for v in nodes if uses[v] > 1 and v.label and v.op is not CONSTANT]
    if not names:
        return ""
    said = f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} used more than once"
    return f"Stop where a second contribution arrives: {said}, and contributions add up. "


def _mistakes(drawn: Exercise) -> str:
    """Return the mistakes that can be made here, as a section with a table."""
    rows = [
        f"| {', '.join(f'{drawn.question(name)} = {show(x)}' for name, x in wrong.items())} "
        f"| {mistake.name} | {_cell(mistake.question)} |\n"
        for mistake, wrong in drawn.telling()
    ]
    head = "\n## Mistakes, and the numbers they lead to\n\n| if you read | it may be | ask |\n|---|---|---|\n"
    return "".join([head, *rows]) if rows else ""


def _cell(written: str) -> str:
    """Return text for Markdown and its tables, each part of it in a line of its own."""
    return markdown(written).replace("; ", "<br>")
