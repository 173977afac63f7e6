"""Commands about one graph: `draw`, `page`, `explain` and `step`."""

import argparse
import tempfile
import traceback
from pathlib import Path

from ..files import write_folder
from ..notation.expressions import functions
from ..pages import page
from ..pictures import draw, text
from ..pictures.graph import DIRECTIONS
from ..pictures.groups import DEPTHS
from ..pictures.scene import THEMES
from ..pictures.tree import needs_ascii
from ..stepping import StopDebugging
from ..stepping.shell import Shell, debug_program
from ..teaching import explain
from ..teaching.explanation import LARGEST
from .common import Commands, add_command, count, root, take_formula, wrote


def _draw(options: argparse.Namespace) -> int:
    graph = root(options)
    if not options.forward_only:
        graph.backward()
    print(text(graph, precision=options.precision))
    look = {"rankdir": options.rankdir, "precision": options.precision, "theme": options.theme}
    if options.output:
        wrote(draw(graph, depth=options.depth, **look).save(options.output))
    if options.steps:
        drawing = draw(graph, steps=True, **look)
        ending = Path(options.output).suffix if options.output else ".svg"
        with tempfile.TemporaryDirectory() as scratch:
            for k, frame in enumerate(drawing.frames):
                frame.save(Path(scratch, f"step-{k:03}{ending}"))
            drawing.save(Path(scratch, "steps.svg"))
            files = {path.name: path.read_bytes() for path in sorted(Path(scratch).iterdir())}
        wrote(f"{len(drawing.frames)} frames and steps.svg into {write_folder(options.steps, files)}")
    return 0


def _page(options: argparse.Namespace) -> int:
    wrote(page(root(options), rankdir=options.rankdir).save(options.output))
    return 0


def _explain(options: argparse.Namespace) -> int:
    explanation = explain(root(options), options.of, limit=options.limit)
    if options.output:
        wrote(explanation.save(options.output))
        return 0
    written = explanation.html if options.html else explanation.markdown if options.markdown else str(explanation)
    if needs_ascii():
        written = written if options.html else written.replace("∂", "d")
        written = written.encode("ascii", "xmlcharrefreplace" if options.html else "backslashreplace").decode()
    print(written.rstrip("\n"))
    return 0


def _step(options: argparse.Namespace) -> int:
    if not options.expression.endswith(".py"):
        Shell(root(options), predict=options.predict).run()
        return 0
    if options.numbers or options.predict:
        raise ValueError("a program is given neither numbers nor --predict: micrograd-like step lesson.py")
    try:
        debug_program(options.expression)
    except StopDebugging:
        return 0
    except Exception as error:
        if not Path(options.expression).is_file():
            raise
        frames = error.__traceback__
        while frames and frames.tb_frame.f_code.co_filename != options.expression:  # those before it are this package's
            frames = frames.tb_next
        traceback.print_exception(error.with_traceback(frames))
        return 1
    return 0


def add(commands: Commands) -> None:
    """Add these commands to the parser."""
    command = add_command(
        commands,
        "draw",
        "compute a formula and its gradients, and draw the graph",
        epilog=f"functions: {', '.join(sorted(functions()))}",
    )
    take_formula(command, "'tanh(x*w + b)', or 'e = a*b; L = (e + c)*f'")
    command.add_argument("-o", "--output", metavar="FILE", help="where to draw it: .svg, .png, .pdf, .tex or .dot")
    command.add_argument("--rankdir", choices=DIRECTIONS, default="LR", help="direction (default LR)")
    command.add_argument("--precision", type=count, default=4, help="decimals (default 4)")
    command.add_argument("--depth", choices=("auto", *DEPTHS), default="auto", help="what a box shows (default auto)")
    command.add_argument(
        "--theme", choices=tuple(THEMES), default="auto", help="colours (default: as the reader's system)"
    )
    command.add_argument(
        "--steps", metavar="FOLDER", help="draw the backward pass step by step: frames, and an animation"
    )
    command.add_argument("--forward-only", action="store_true", help="do not compute gradients")
    command.set_defaults(run=_draw)

    command = add_command(commands, "page", "write a page to step through both passes, offline")
    take_formula(command, "'e = a*b; L = e + c'")
    command.add_argument("-o", "--output", metavar="FILE", required=True, help="where to write it: .html")
    command.add_argument("--rankdir", choices=DIRECTIONS, default="LR", help="direction (default LR)")
    command.set_defaults(run=_page)

    command = add_command(commands, "explain", "write out both passes of a formula, as at the board")
    take_formula(command, "'tanh(x*w + b)'")
    command.add_argument("--of", metavar="NAME", help="explain the gradient of this node only")
    command.add_argument("--limit", type=count, default=LARGEST, help=f"nodes at most (default {LARGEST})")
    formats = command.add_mutually_exclusive_group()
    formats.add_argument("--markdown", action="store_true", help="print Markdown, with formulas in LaTeX")
    formats.add_argument("--html", action="store_true", help="print a web page")
    formats.add_argument("-o", "--output", metavar="FILE", help="where to write it instead: .txt, .md or .html")
    command.set_defaults(run=_explain)

    command = add_command(commands, "step", "step through the backward pass of a formula, as in a debugger")
    take_formula(command, "'tanh(x*w + b)', or a program, lesson.py")
    command.add_argument("--predict", action="store_true", help="ask for each contribution before showing it")
    command.set_defaults(run=_step)
