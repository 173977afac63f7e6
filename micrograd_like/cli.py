"""The command line: `micrograd-like draw`, `page`, `explain`, `step`, `exercise`, `lesson`, `train` and others."""

import argparse
import contextlib
import csv
import io
import os
import re
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from . import __version__
from .engine import Value
from .escape import one_line
from .files import refuse_to_overwrite, write_folder, write_whole
from .graph.steps import backward_steps, forward_steps
from .nn import datasets
from .nn.datasets import Dataset
from .nn.init import INITIALIZERS
from .nn.losses import LOSSES
from .nn.modules import ACTIVATIONS, MLP
from .nn.optim import OPTIMIZERS
from .nn.storage import save
from .nn.training import BATCH_SIZE, EPOCHS, Epoch, fit
from .notation.expressions import functions, parse
from .pages import page
from .pictures import draw, text
from .pictures.groups import DEPTHS
from .pictures.plots import plot_boundary, plot_training
from .pictures.scene import THEMES
from .pictures.tree import needs_ascii
from .stepping import StopDebugging
from .stepping.recording import Recording
from .stepping.shell import Shell, debug_program
from .tables import TableWarning
from .teaching import explain
from .teaching.engines.assignment import assignment
from .teaching.engines.check import check_file
from .teaching.engines.probes import PATIENCE
from .teaching.exercises.classics import CLASSICS
from .teaching.exercises.generator import exercise, own
from .teaching.exercises.levels import LEVELS
from .teaching.explanation import LARGEST
from .teaching.grading.mistakes import MISTAKES
from .teaching.lesson import write_lesson
from .teaching.quiz import quiz
from .teaching.sheets import Sheet, grade_class, write_class
from .teaching.sheets.classroom import read_names

PICTURES = "training.svg", "boundary.svg", "network.svg"
_PATTERNS: dict[str, Callable[..., Dataset]] = {
    "moons": datasets.moons,
    "circles": datasets.circles,
    "spirals": datasets.spirals,
    "xor": datasets.xor,
}

LARGEST_NETWORK = 2_000_000  # parameters, of some 200 bytes each
LARGEST_BOUNDARY = 5_000  # parameters of a network that is asked at 10,000 points in some eight seconds
INTERRUPTED, TERMINATED = 130, 143  # the exit codes that shells give programs stopped by Ctrl-C and by SIGTERM


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for a mistake in what was asked, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that has no ∂ gets \u2202
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    # argparse takes -a*b for options; with a space before it, it is a formula
    options = parser.parse_args([f" {x}" if re.match(r"-[^-=]*[*(+]", x) else x for x in given])
    try:
        with _sigterm_as_exit(), warnings.catch_warnings():
            warnings.simplefilter("always", TableWarning)
            warnings.showwarning = lambda message, *_: _complain(str(message))
            return int(options.run(options))
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except MemoryError:
        parser.fail("there is not enough memory for this: try something smaller")
    except OSError as error:
        parser.fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
        parser.fail(str(error))


@contextlib.contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM end the command like an error does, so that what it began to write is taken away."""

    def leave(*_: object) -> NoReturn:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _complain(message: str) -> None:
    """Say something on standard error, without what would move a terminal's cursor."""
    print("micrograd-like:", "\n".join(map(one_line, message.split("\n"))), file=sys.stderr)


def _wrote(path: object) -> None:
    print("wrote", one_line(str(path)))


# -------------------- draw --------------------


def _draw(options: argparse.Namespace) -> int:
    root = _root(options)
    if not options.forward_only:
        root.backward()
    print(text(root, precision=options.precision))
    look = {"rankdir": options.rankdir, "precision": options.precision, "theme": options.theme}
    if options.output:
        _wrote(draw(root, depth=options.depth, **look).save(options.output))
    if options.steps:
        drawing = draw(root, steps=True, **look)
        ending = Path(options.output).suffix if options.output else ".svg"
        with tempfile.TemporaryDirectory() as scratch:
            for k, frame in enumerate(drawing.frames):
                frame.save(Path(scratch, f"step-{k:03}{ending}"))
            drawing.save(Path(scratch, "steps.svg"))
            files = {path.name: path.read_bytes() for path in sorted(Path(scratch).iterdir())}
        _wrote(f"{len(drawing.frames)} frames and steps.svg into {write_folder(options.steps, files)}")
    return 0


def _root(options: argparse.Namespace) -> Value:
    """Return the Value of the formula and the numbers that were given."""
    numbers = dict(options.numbers)
    if len(numbers) < len(options.numbers):
        raise ValueError("a name is given two numbers: give it one")
    kind = Fraction if any("/" in number for number in numbers.values()) else float  # fractions stay exact
    return parse(options.expression, **{name: kind(number) for name, number in numbers.items()})


def _page(options: argparse.Namespace) -> int:
    _wrote(page(_root(options), rankdir=options.rankdir).save(options.output))
    return 0


# -------------------- explain --------------------


def _explain(options: argparse.Namespace) -> int:
    explanation = explain(_root(options), options.of, limit=options.limit)
    if options.output:
        _wrote(explanation.save(options.output))
        return 0
    written = explanation.html if options.html else explanation.markdown if options.markdown else str(explanation)
    if needs_ascii():
        written = written if options.html else written.replace("∂", "d")
        written = written.encode("ascii", "xmlcharrefreplace" if options.html else "backslashreplace").decode()
    print(written.rstrip("\n"))
    return 0


# -------------------- step --------------------


def _step(options: argparse.Namespace) -> int:
    if not options.expression.endswith(".py"):
        Shell(_root(options), predict=options.predict).run()
        return 0
    if options.numbers or options.predict:
        raise ValueError("a program is given neither numbers nor --predict: micrograd-like step lesson.py")
    try:
        debug_program(options.expression)
    except StopDebugging:
        return 0
    except Exception:
        if not Path(options.expression).is_file():
            raise
        traceback.print_exc()  # of somebody's own program
        return 1
    return 0


# -------------------- exercise --------------------


def _exercise(options: argparse.Namespace) -> int:
    if options.format and (not options.output or options.roster or options.screen or options.no_key):
        raise ValueError("--format otter takes a new folder, -o FOLDER, and neither --class, --screen nor --no-key")
    if options.screen and not options.output:
        raise ValueError("--screen takes a file for the page, -o FILE.html")
    if options.no_key and (not options.output or options.roster or options.screen or options.key):
        raise ValueError(
            "--no-key is for a sheet, -o FILE: a class's sheets have no key, and a page for the screen needs its own"
        )
    if options.key and options.output and not options.roster:
        raise ValueError("--key prints the solution; a sheet has its key without it, and with --no-key has none")
    wanted = {key: x for key in ("level", "operations", "size") if (x := getattr(options, key)) is not None}
    count, seed = options.count or 1, options.seed or 0
    if options.name and (wanted or options.count or options.seed is not None or options.roster):
        raise ValueError(f"{options.name} has its own numbers: leave out the name, or what would choose an exercise")
    if options.size and options.level != "chain":
        raise ValueError("--size is for --level chain: the other levels have a size of their own")
    if not options.expression and (options.numbers or options.ask):
        raise ValueError("--numbers and --ask are for a formula of your own, --expression 'u = a*b; L = u + c'")
    if options.expression and (options.name or wanted or options.roster):
        raise ValueError("--expression is an exercise of its own: leave out NAME, --level and --class")
    if options.roster:
        return _class(options, count, seed, wanted)
    if options.fade is not None and not options.output:
        raise ValueError("--fade is for a sheet: say with -o where to write it")
    if options.expression:
        numbers = {name: Fraction(number) for name, number in options.numbers or ()}  # 0.1 is a tenth
        drawn = [own(options.expression, numbers, options.ask or (), 1000 * seed + k) for k in range(count)]
    elif options.name:
        drawn = [CLASSICS[options.name]]
    else:
        drawn = [exercise(1000 * seed + k, **wanted) for k in range(count)]
    if options.output:
        title = {"title": options.title} if options.title else {}
        sheet = Sheet(drawn, fade=1 if options.fade is None else options.fade, **title)
        _wrote(sheet.save(options.output, key=not options.no_key, screen=options.screen, otter=bool(options.format)))
        return 0
    for each in drawn:
        print(each, end="\n\n")
        if options.key:
            print(*(f"    {line.working}" for line in each.lines()), sep="\n")
            print(f"\n{len(each.visible)} of {len(MISTAKES)} mistakes change an answer,", end=" ")
            print(f"{each.distinct} each in its own way.\n")
    return 0


def _class(options: argparse.Namespace, count: int, seed: int, wanted: dict[str, Any]) -> int:
    if not options.output or options.key or options.fade is not None:
        raise ValueError("--class takes a folder, -o FOLDER, for sheets that are all blank and the key, and no --fade")
    names = read_names(options.roster)
    written = write_class(names, options.output, count=count, seed=seed, screen=options.screen, **wanted)
    print(f"wrote {len(names)} sheets, the key, and answers.csv to fill in, to {written.key.parent}")
    if written.different < len(names):
        print(f"there are only {written.different} sets of numbers for this formula, so some are given out again;")
        print("levels with more letters, such as neuron, have more")
    return 0


def _lesson(options: argparse.Namespace) -> int:
    if sum(map(bool, (options.name, options.level, options.expression))) > 1:
        raise ValueError("a lesson is about one graph: give a NAME, a --level or an --expression")
    if options.name and options.seed is not None:
        raise ValueError(f"{options.name} has its own numbers: leave out --seed")
    if not options.expression and (options.numbers or options.ask):
        raise ValueError("--numbers and --ask are for a formula of your own, --expression 'u = a*b; L = u + c'")
    seed = 1000 * (options.seed or 0)  # as of the first exercise of a sheet
    if options.expression:
        numbers = {name: Fraction(number) for name, number in options.numbers or ()}
        drawn = own(options.expression, numbers, options.ask or (), seed)
    else:
        drawn = CLASSICS[options.name] if options.name else exercise(seed, options.level or "diamond")
    title = {"title": options.title} if options.title else {}
    _wrote(f"{write_lesson(drawn, options.output, **title)}; begin with plan.md")
    return 0


def _grade(options: argparse.Namespace) -> int:
    if options.output:
        refuse_to_overwrite(options.output, options.key, options.answers)
    result = grade_class(options.key, options.answers, options.credit)
    print(result)
    if options.output:
        write_whole(Path(options.output), result.csv())
        _wrote(options.output)
    return 0


def _quiz(options: argparse.Namespace) -> int:
    quiz(options.rounds, options.seed, ask=_ask)
    return 0


def _ask(question: str) -> str:
    """Return an answer; one from a file is shown as if it were typed."""
    answer = input(question)
    if not sys.stdin.isatty():
        print(answer)
    return answer


# -------------------- train --------------------


def _train(options: argparse.Namespace) -> int:
    data = _dataset(options)
    classes = len(data.class_names)
    sizes = [len(data.feature_names), *options.layers, 1 if classes == 2 else classes]
    if (size := sum(a * b for a, b in pairwise(sizes))) > LARGEST_NETWORK:
        raise ValueError(f"a network of {size:,} weights is too large for one made of single numbers: --layers 16,16")
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)  # now, not after the training
    taken = [*_places(folder, PICTURES)]
    for file in filter(None, (options.save, options.record, options.page)):
        refuse_to_overwrite(file, options.data)
        _check_place(file, taken)
        taken.append(Path(file))
    model = MLP(
        sizes[0],
        sizes[1:],
        activation=options.activation,
        init=options.init,
        bias=not options.no_bias,
        seed=options.seed,
    )
    print(data.summary())
    if options.standardize:
        model.scaling = data.scaling()
        print("each feature is scaled to mean 0 and deviation 1, which a saved model does too")
    elif unscaled := data.unscaled():
        _complain(f"{unscaled}, which makes training slow or impossible: --standardize scales them")
    print(f"Network of {' → '.join(map(str, sizes))} units with {len(model.parameters()):,} parameters,", end=" ")
    print(options.activation)
    if options.page:  # with the weights from before the training
        lr = options.lr if options.optimizer == "sgd" else None
        made = page(model, data, loss=options.loss, lr=lr, batch_size=options.batch_size)
        _wrote(made.save(options.page))
    recording = Recording(model) if options.record else None
    epochs = fit(
        model,
        data,
        loss=options.loss,
        optimizer=options.optimizer,
        lr=options.lr,
        epochs=options.epochs,
        batch_size=options.batch_size,
        seed=options.seed,
        compiled=options.compiled,
        watch=recording,
    )
    if epochs:
        _say(epochs[-1])
    if options.save:
        save(model, options.save)
        _wrote(options.save)
    if recording and recording.updates:
        recording.save(options.record)
        _wrote(options.record)
    _pictures(model, data, epochs, folder, options.loss)
    return 0 if len(epochs) == options.epochs else INTERRUPTED


def _why(options: argparse.Namespace) -> int:
    print(Recording.load(options.recording).why(options.parameter, options.epoch))
    return 0


def _places(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return where pictures go, each to a new file or over a picture of this program; ValueError if one cannot."""
    paths = [folder / name for name in names]
    for path in paths:
        if path.exists() and not (path.is_file() and b'class="micrograd-like' in path.read_bytes()[:2_000]):
            raise ValueError(f"{path} is there, and no picture of this program: name another folder, -o FOLDER")
    return paths


def _check_engine(options: argparse.Namespace) -> int:
    path, _, name = (options.engine if ".py:" in options.engine else f"{options.engine}:Value").rpartition(":")
    report = check_file(path, name, patience=options.patience)
    print(report.json() if options.json else report)
    return 0 if report.ok else 1


def _assignment_folder(options: argparse.Namespace) -> int:
    _wrote(write_folder(options.output, assignment()))
    return 0


def _check_place(output: str, others: Sequence[Path]) -> None:
    """Raise an error if a file cannot be written beside others, before hours go into what it is to hold."""
    path = Path(os.path.realpath(output))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder for {output}: make it first, or save elsewhere")
    if path in map(Path, map(os.path.realpath, others)):
        raise ValueError(f"{output} is another file's place: save elsewhere")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{output} cannot be written: save elsewhere")


def _dataset(options: argparse.Namespace) -> Dataset:
    name = options.data
    if (name in _PATTERNS or name == "iris") and (options.target or options.no_header or options.drop_missing):
        raise ValueError(f"--target, --no-header and --drop-missing are for a table in a file; {name} has its classes")
    if name not in _PATTERNS and (options.n is not None or options.noise is not None):
        raise ValueError(f"--n and --noise are for {', '.join(_PATTERNS)}; {name} has the samples it has")
    if name in _PATTERNS:
        keywords = {key: getattr(options, key) for key in ("n", "noise") if getattr(options, key) is not None}
        data = _PATTERNS[name](seed=options.seed, **keywords)
    elif name == "iris":
        data = datasets.iris()
    elif Path(name).suffix or os.path.exists(name):
        return datasets.read_csv(
            name,
            target=options.target,
            features=options.features,
            header=not options.no_header,
            drop_missing=options.drop_missing,
        )
    else:
        raise ValueError(f"{name!r} is not a data set: choose from iris, {', '.join(_PATTERNS)}, or name a file")
    return data.select(options.features) if options.features else data


def _say(epoch: Epoch) -> None:
    share = "" if epoch.accuracy is None else f", accuracy {epoch.accuracy:.1%}"
    print(f"epoch {epoch.epoch}: loss {epoch.loss:.4f}{share}")


def _pictures(model: MLP, data: Dataset, epochs: Sequence[Epoch], folder: Path, loss: str | None = None) -> None:
    """Draw what was learnt; a picture that cannot be made is said, and the others are made all the same."""
    two = (len(data.feature_names) - 2, len(data.feature_names) - 1)  # of the irises: the petals, which tell most
    for name in PICTURES:
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if name == "network.svg":
                _wrote(draw(model, data, show="weights").save(path))
            elif name == "training.svg" and epochs:
                _wrote(plot_training(epochs, path))
            elif name == "boundary.svg" and two[0] >= 0:
                if len(model.parameters()) > LARGEST_BOUNDARY:
                    raise ValueError(f"it would take long for a network of more than {LARGEST_BOUNDARY:,} parameters")
                _wrote(plot_boundary(model, data, path, two, loss))
        except Exception as error:  # whatever a name with signs in it does to matplotlib
            _complain(f"{name} was not drawn: {error}")


# -------------------- demo --------------------


def _demo(options: argparse.Namespace) -> int:
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    _places(folder, ["neuron.svg", *PICTURES])
    o = parse("n = x1*w1 + x2*w2 + b; o = tanh(n)", x1=2, x2=0, w1=-3, w2=1, b=6.8813735870195432)
    print("A neuron with two inputs, computed step by step:\n")
    for forward in forward_steps(o):
        print("   ", forward)
    print("\nand back-propagated: each gradient is upstream gradient times local derivative.\n")
    for backward in backward_steps(o):
        print("   ", backward)
    o.backward()
    print("\nThe whole graph:\n")
    print(text(o))
    print()
    _wrote(draw(o).save(folder / "neuron.svg"))

    data = datasets.iris().select(["petal length (cm)", "petal width (cm)"])
    model = MLP(2, [8, 3], activation="tanh", seed=options.seed)
    print(f"\nA network learns Fisher's irises, {len(data)} flowers of 3 species, from the size of their petals:")
    print(f"{draw(model).title}, tanh.\n")
    epochs = fit(model, data, epochs=60, seed=options.seed)
    if epochs:
        _say(epochs[-1])
    _pictures(model, data, epochs, folder)
    return 0 if len(epochs) == 60 else INTERRUPTED


# -------------------- what may be asked --------------------


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are short: what is wrong, and no usage lines around it."""

    def error(self, message: str) -> NoReturn:
        self.fail(f"{message} (see {self.prog} --help)")

    def fail(self, message: str) -> NoReturn:
        """Print the message and leave with exit code 2."""
        _complain(message)
        self.exit(2)


def _parser() -> _Parser:
    parser = _Parser(prog="micrograd-like", description="A scalar autograd engine for learning.")
    parser.add_argument("--version", action="version", version=f"micrograd_like {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    command = commands.add_parser(
        "draw",
        help="compute a formula and its gradients, and draw the graph",
        epilog=f"functions: {', '.join(sorted(functions()))}",
    )
    command.add_argument(
        "expression", metavar="EXPRESSION", help="such as 'tanh(x*w + b)', or 'e = a*b; L = (e + c)*f'"
    )
    command.add_argument("numbers", metavar="NAME=NUMBER", nargs="*", type=_assignment, help="such as x=2 w=-3 b=1")
    command.add_argument("-o", "--output", metavar="FILE", help="where to draw it: .svg, .png, .pdf, .tex or .dot")
    command.add_argument("--rankdir", choices=("LR", "TB", "RL", "BT"), default="LR", help="direction (default LR)")
    command.add_argument("--precision", type=_count, default=4, help="decimals (default 4)")
    command.add_argument("--depth", choices=("auto", *DEPTHS), default="auto", help="what a box is for (default auto)")
    command.add_argument(
        "--theme", choices=tuple(THEMES), default="auto", help="colours (default: as the reader's system)"
    )
    command.add_argument(
        "--steps", metavar="FOLDER", help="draw the backward pass step by step: frames, and an animation"
    )
    command.add_argument("--forward-only", action="store_true", help="do not compute gradients")
    command.set_defaults(run=_draw)

    command = commands.add_parser("page", help="write a page on which one steps through both passes, offline")
    command.add_argument("expression", metavar="EXPRESSION", help="such as 'e = a*b; L = e + c'")
    command.add_argument("numbers", metavar="NAME=NUMBER", nargs="*", type=_assignment, help="such as a=2 b=-3 c=10")
    command.add_argument("-o", "--output", metavar="FILE", required=True, help="where to write it: .html")
    command.add_argument("--rankdir", choices=("LR", "TB", "RL", "BT"), default="LR", help="direction (default LR)")
    command.set_defaults(run=_page)

    command = commands.add_parser("explain", help="write out both passes of a formula, as one does at the board")
    command.add_argument("expression", metavar="EXPRESSION", help="such as 'tanh(x*w + b)'")
    command.add_argument("numbers", metavar="NAME=NUMBER", nargs="*", type=_assignment, help="such as x=2 w=-3 b=1")
    command.add_argument("--of", metavar="NAME", help="explain the gradient of this node only")
    command.add_argument("--limit", type=_count, default=LARGEST, help=f"nodes at most (default {LARGEST})")
    formats = command.add_mutually_exclusive_group()
    formats.add_argument("--markdown", action="store_true", help="print Markdown, its formulas in LaTeX")
    formats.add_argument("--html", action="store_true", help="print a web page")
    formats.add_argument("-o", "--output", metavar="FILE", help="where to write it instead: .txt, .md or .html")
    command.set_defaults(run=_explain)

    command = commands.add_parser("step", help="step through the backward pass of a formula, as in a debugger")
    command.add_argument("expression", metavar="EXPRESSION", help="such as 'tanh(x*w + b)', or a program, lesson.py")
    command.add_argument("numbers", metavar="NAME=NUMBER", nargs="*", type=_assignment, help="such as x=2 w=-3 b=1")
    command.add_argument("--predict", action="store_true", help="ask for each contribution before showing it")
    command.set_defaults(run=_step)

    command = commands.add_parser(
        "exercise",
        help="make exercises in backpropagation by hand, for yourself or for a class",
        epilog="The same level and seed make the same exercise. Sheets need jinja2.",
    )
    command.add_argument(
        "name", nargs="?", choices=sorted(CLASSICS), metavar="NAME", help=f"a classic: {', '.join(CLASSICS)}"
    )
    command.add_argument("--level", choices=LEVELS, metavar="LEVEL", help=f"{', '.join(LEVELS)} (default diamond)")
    command.add_argument("--expression", metavar="FORMULA", help="your own, such as 'u = a*b; L = u + c'")
    command.add_argument(
        "--numbers", metavar="NAME=NUMBER", nargs="+", type=_assignment, help="for it; else some that show mistakes"
    )
    command.add_argument("--ask", type=_names, metavar="NAMES", help="whose gradients it asks for, such as w,b")
    command.add_argument("--title", help="of the sheet")
    command.add_argument("--operations", type=_names, help="what to practise, such as '*,+,relu'")
    command.add_argument("--size", type=_count, help="operations of a chain (default 4)")
    command.add_argument("--seed", type=int, help="which exercise (default 0)")
    command.add_argument("--count", type=_count, help="how many (default 1)")
    command.add_argument("--key", action="store_true", help="print the solution too")
    command.add_argument("--screen", action="store_true", help="a page that checks answers as they are typed in")
    command.add_argument("--no-key", action="store_true", help="leave the solution out of the sheet, for students")
    command.add_argument("--class", dest="roster", metavar="ROSTER.csv", help="a sheet for each in its column name")
    command.add_argument("--fade", type=float, help="share of a sheet's lines to leave blank (default 1, all)")
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="a sheet: .html for print, .tex, .md, .ipynb for Jupyter and nbgrader, .xml for Moodle; for a class a "
        "folder",
    )
    command.add_argument("--format", choices=("otter",), help="in -o FOLDER, otter-grader's tests of the .ipynb")
    command.set_defaults(run=_exercise)

    command = commands.add_parser(
        "lesson",
        help="make all that a lesson of ninety minutes needs, about one graph",
        epilog="Slides, a sheet with its key, a page for homework, a notebook and a plan, with the same numbers in all "
        "of them. It needs jinja2, nbformat and matplotlib.",
    )
    command.add_argument(
        "name", nargs="?", choices=sorted(CLASSICS), metavar="NAME", help="a classic, as in `exercise`"
    )
    command.add_argument("--level", choices=LEVELS, metavar="LEVEL", help="(default diamond)")
    command.add_argument("--expression", metavar="FORMULA", help="your own, such as 'u = a*b; L = u + c'")
    command.add_argument(
        "--numbers", metavar="NAME=NUMBER", nargs="+", type=_assignment, help="for it; else some that show mistakes"
    )
    command.add_argument("--ask", type=_names, metavar="NAMES", help="whose gradients it asks for, such as w,b")
    command.add_argument("--seed", type=int, help="which exercise of that level (default 0)")
    command.add_argument("--title", help="of the sheet and the plan")
    command.add_argument("-o", "--output", metavar="FOLDER", required=True, help="a new folder")
    command.set_defaults(run=_lesson)

    command = commands.add_parser(
        "grade",
        help="grade the answers of a class, and see who made which mistake",
        epilog="ANSWERS.csv has the columns name, exercise, node and answer; the sheets come with one to fill in. What "
        "follows from an earlier slip has a column of its own. A mistake that explains few numbers was made perhaps.",
    )
    command.add_argument("key", metavar="KEY.json", help="the key that `exercise --class` wrote beside the sheets")
    command.add_argument("answers", metavar="ANSWERS.csv", help="what was handed in")
    command.add_argument(
        "--credit", type=float, default=1.0, help="of a point for what follows from an earlier slip (default 1)"
    )
    command.add_argument("-o", "--output", metavar="FILE.csv", help="where to write the table for a spreadsheet")
    command.set_defaults(run=_grade)

    command = commands.add_parser(
        "quiz",
        help="answer exercises, and see what you still get wrong",
        epilog="Two exercises in a row that are all right at once lead to the next level. What is wrong comes back "
        "with other numbers. How far you are is kept for the next time.",
    )
    command.add_argument("--rounds", type=_count, help="exercises (default: until q)")
    command.add_argument("--seed", type=int, default=0, help="which exercises (default 0)")
    command.set_defaults(run=_quiz)

    command = commands.add_parser("train", help="train a network and draw what it learnt")
    command.add_argument(
        "data",
        metavar="DATA",
        help=f"iris, {', '.join(_PATTERNS)}, or a table of numbers and classes, such as FILE.csv",
    )
    command.add_argument(
        "--layers", type=_counts, default=(16, 16), help="neurons of the hidden layers (default 16,16)"
    )
    command.add_argument("--activation", choices=sorted(ACTIVATIONS), default="relu", help="(default relu)")
    command.add_argument("--init", choices=sorted(INITIALIZERS), help="(default: what suits the activation)")
    command.add_argument("--no-bias", action="store_true", help="neurons without a bias")
    command.add_argument("--loss", choices=sorted(LOSSES), help="(default: cross-entropy)")
    command.add_argument("--optimizer", choices=sorted(OPTIMIZERS), default="adam", help="(default adam)")
    command.add_argument("--lr", type=float, help="learning rate (default 0.01 for adam, 0.1 for sgd)")
    command.add_argument("--epochs", type=_count, default=EPOCHS, help=f"(default {EPOCHS})")
    command.add_argument("--batch-size", type=_count, default=BATCH_SIZE, help=f"(default {BATCH_SIZE})")
    command.add_argument("--seed", type=int, default=0, help="of weights, order and patterns (default 0)")
    command.add_argument("--n", type=_count, help="samples of a pattern (default 100)")
    command.add_argument("--noise", type=float, help="of a pattern")
    command.add_argument("--target", metavar="NAME", help="column of the class, by name or number (default: the last)")
    command.add_argument("--features", type=_names, help="columns to use, by name or number from 1: 3,4")
    command.add_argument("--no-header", action="store_true", help="the table's first line names no columns: x1, x2, …")
    command.add_argument("--drop-missing", action="store_true", help="leave out rows of the table with missing cells")
    command.add_argument(
        "--standardize", action="store_true", help="scale each feature to mean 0 and deviation 1, in a saved model too"
    )
    command.add_argument("--compiled", action="store_true", help="compile the loss first; then training is faster")
    command.add_argument("--save", metavar="FILE", help="where to keep the model, as JSON")
    command.add_argument("--record", metavar="FILE", help="where to keep every update, as JSON, for `why`")
    command.add_argument("-o", "--output", metavar="FOLDER", default="out", help="where to draw (default out)")
    command.add_argument("--page", metavar="FILE.html", help="a page on which one sees it learn, offline")
    command.set_defaults(run=_train)

    command = commands.add_parser("why", help="ask a recorded training why a parameter is what it is")
    command.add_argument("recording", metavar="RUN.json", help="what `train --record` wrote")
    command.add_argument("parameter", metavar="NAME", help="such as 'w2[3->1]', the weight from unit 3 of layer 2")
    command.add_argument("--epoch", type=_count, help="ask about one epoch only")
    command.set_defaults(run=_why)

    command = commands.add_parser("check-engine", help="name the bugs of a Value class that somebody wrote")
    command.add_argument("engine", metavar="FILE.py:CLASS", help="such as engine.py:Value; its code is run")
    command.add_argument("--patience", type=float, default=PATIENCE, help=f"seconds a program may take ({PATIENCE:g})")
    command.add_argument("--json", action="store_true", help="print the report as Gradescope reads results")
    command.set_defaults(run=_check_engine)

    command = commands.add_parser("assignment", help="write an engine without its derivatives, with tests, to complete")
    command.add_argument("-o", "--output", metavar="FOLDER", required=True, help="a new folder")
    command.set_defaults(run=_assignment_folder)

    command = commands.add_parser("demo", help="a neuron by hand, its graph, and a network that learns from flowers")
    command.add_argument("-o", "--output", metavar="FOLDER", default="out", help="where to draw (default out)")
    command.add_argument("--seed", type=int, default=0, help="of the weights (default 0)")
    command.set_defaults(run=_demo)
    return parser


def _assignment(written: str) -> tuple[str, str]:
    name, equals, number = written.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{written!r} gives no number to a name: write it like x=2")
    try:
        Value(Fraction(number) if "/" in number else float(number))
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"{number!r} is not a number: write {name}=2, {name}=-0.5 or {name}=1/3"
        ) from None
    return name, number


def _count(written: str) -> int:
    if not written.isdecimal() or not 0 < int(written) < 10**9:
        raise argparse.ArgumentTypeError(f"{written!r} is not a whole number above 0")
    return int(written)


def _counts(written: str) -> tuple[int, ...]:
    return tuple(_count(part.strip()) for part in written.split(",")) if written else ()


def _names(written: str) -> list[str]:
    try:
        return [part.strip() for part in next(csv.reader([written], skipinitialspace=True), [])]
    except csv.Error as error:
        raise argparse.ArgumentTypeError(f"{written!r} does not name columns: {error}") from None
