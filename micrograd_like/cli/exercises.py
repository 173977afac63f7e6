"""Commands for teaching: `exercise`, `lesson`, `grade`, `quiz`, `check-engine` and `assignment`."""

import argparse
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..files import refuse_to_overwrite, write_folder, write_whole
from ..teaching.engines.assignment import assignment as assignment_files
from ..teaching.engines.check import check_file
from ..teaching.engines.probes import PATIENCE
from ..teaching.exercises.classics import CLASSICS
from ..teaching.exercises.generator import asking, exercise, own
from ..teaching.exercises.levels import LEVELS
from ..teaching.grading.mistakes import MISTAKES
from ..teaching.lesson import write_lesson
from ..teaching.quiz import quiz
from ..teaching.sheets import Sheet, Show, grade_class, write_class
from ..teaching.sheets.rosters import read_names
from .common import Commands, add_command, assignment, count, names, points, share, wrote

HEADING = "title", "course", "date", "instructions", "points"


def _exercise(options: argparse.Namespace) -> int:
    show: Show = "sheet" if options.no_key else "answers" if options.answers_only else "key"
    if options.format and (not options.output or options.roster or options.screen or show != "key"):
        raise ValueError("--format otter takes a new folder, -o FOLDER, and neither --class, --screen nor --no-key")
    if options.screen and not options.output:
        raise ValueError("--screen takes a file for the page, -o FILE.html")
    if show != "key" and (not options.output or options.roster or options.screen or options.key):
        raise ValueError(
            f"--{'no-key' if options.no_key else 'answers-only'} is for a sheet, -o FILE: "
            "a class has its key beside the sheets, and a page for the screen needs its own"
        )
    if options.key and options.output and not options.roster:
        raise ValueError("--key prints the solution; a sheet has its key without it, and with --no-key has none")
    wanted = {key: x for key in ("operations", "size") if (x := getattr(options, key)) is not None}
    chosen = bool(wanted or options.level)
    count, seed = options.count or 1, options.seed or 0
    if options.name and (chosen or options.count or options.seed is not None or options.roster):
        raise ValueError(f"{options.name} has its own numbers: leave out the name, or what would choose an exercise")
    if options.size and options.level != ["chain"]:
        raise ValueError("--size is for --level chain: the other levels have a size of their own")
    if options.numbers and not options.expression:
        raise ValueError("--numbers are for a formula of your own, --expression 'u = a*b; L = u + c'")
    if options.expression and (options.name or chosen or (options.roster and options.numbers)):
        raise ValueError(
            "--expression is an exercise of its own: leave out NAME and --level, and for a class --numbers"
        )
    wanted |= {"whole": options.whole, "ask": options.ask or (), "forward": not options.no_forward}
    levels = options.level or ["diamond"]
    heading = {key: x for key in HEADING if (x := getattr(options, key)) is not None}
    if heading and not options.output:
        raise ValueError(f"--{next(iter(heading))} is for a sheet: say with -o where to write it")
    if options.roster:
        return _class(
            options, levels, count, seed, {"heading": heading, "expression": options.expression or "", **wanted}
        )
    if options.fade is not None and not options.output:
        raise ValueError("--fade is for a sheet: say with -o where to write it")
    if options.expression:
        numbers = {name: Fraction(number) for name, number in options.numbers or ()}  # 0.1 is a tenth
        drawn = [own(options.expression, numbers, seed=1000 * seed + k, **wanted) for k in range(count)]
    elif options.name:
        drawn = [asking(CLASSICS[options.name], wanted["ask"], wanted["forward"])]
    else:
        each = [level for level in levels for _ in range(count)]
        drawn = [exercise(1000 * seed + k, level, **wanted) for k, level in enumerate(each)]
    if options.output:
        sheet = Sheet(drawn, fade=1 if options.fade is None else options.fade, credit=options.credit, **heading)
        wrote(sheet.save(options.output, show=show, screen=options.screen, otter=bool(options.format)))
        return 0
    for each_drawn in drawn:
        print(each_drawn, end="\n\n")
        if options.key:
            print(*(f"    {line.working}" for line in each_drawn.lines()), sep="\n")
            print(f"\n{len(each_drawn.visible)} of {len(MISTAKES)} mistakes change an answer,", end=" ")
            print(f"{each_drawn.distinct} each in its own way.\n")
    return 0


def _class(options: argparse.Namespace, levels: list[str], count: int, seed: int, wanted: dict[str, Any]) -> int:
    if not options.output or options.key or options.fade is not None:
        raise ValueError("--class takes a folder, -o FOLDER, for sheets that are all blank and the key, and no --fade")
    roster = read_names(options.roster)
    written = write_class(roster, options.output, levels, count, seed, screen=options.screen, **wanted)
    print(f"wrote {len(roster)} sheets, the key, and answers.csv to fill in, to {written.key.parent}")
    if written.different < len(roster):
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
    wrote(f"{write_lesson(drawn, options.output, **title)}; begin with plan.md")
    return 0


def _grade(options: argparse.Namespace) -> int:
    outputs = [path for path in (options.output, options.feedback) if path]
    for path in outputs:
        refuse_to_overwrite(path, options.key, *options.answers)
    result = grade_class(options.key, options.answers, options.credit)
    print(result)
    if options.output:
        write_whole(Path(options.output), result.csv())
    if options.feedback:
        write_whole(Path(options.feedback), result.feedback().encode())
    for path in outputs:
        wrote(path)
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


def _check_engine(options: argparse.Namespace) -> int:
    path, _, name = (options.engine if ".py:" in options.engine else f"{options.engine}:Value").rpartition(":")
    report = check_file(path, name, patience=options.patience)
    print(report.json() if options.json else report)
    return 0 if report.ok else 1


def _assignment(options: argparse.Namespace) -> int:
    wrote(write_folder(options.output, assignment_files()))
    return 0


def add(commands: Commands) -> None:
    """Add these commands to the parser."""
    command = add_command(
        commands,
        "exercise",
        "make exercises in backpropagation by hand, for yourself or for a class",
        epilog="The same level and seed make the same exercise: the first of --seed 2 is exercise(2000, level)"
        " in Python, the next exercise(2001, level). Sheets need jinja2.",
    )
    command.add_argument(
        "name", nargs="?", choices=sorted(CLASSICS), metavar="NAME", help=f"a classic: {', '.join(CLASSICS)}"
    )
    command.add_argument(
        "--level",
        choices=LEVELS,
        metavar="LEVEL",
        action="append",
        help=f"{', '.join(LEVELS)} (default diamond); repeat it to mix levels",
    )
    command.add_argument("--expression", metavar="FORMULA", help="your own, such as 'u = a*b; L = u + c'")
    command.add_argument(
        "--numbers", metavar="NAME=NUMBER", nargs="+", type=assignment, help="for it (default: some that show mistakes)"
    )
    command.add_argument(
        "--ask", type=names, metavar="NAMES", help="whose gradients to ask for: such as w,b, or leaves, or parameters"
    )
    command.add_argument("--no-forward", action="store_true", help="give the values of the forward pass")
    command.add_argument("--whole", action="store_true", help="whole numbers only, and no value of 1 or -1")
    command.add_argument("--title", help="of the sheet")
    command.add_argument("--course", help="below the title")
    command.add_argument("--date", help="below the title")
    command.add_argument("--instructions", help="to the students, above the exercises")
    command.add_argument("--points", type=points, help="for each exercise")
    command.add_argument("--operations", type=names, help="what to practise, such as '*,+,relu'")
    command.add_argument("--size", type=count, help="operations of a chain (default 4)")
    command.add_argument("--seed", type=int, help="which exercise (default 0)")
    command.add_argument("--count", type=count, help="how many of each level (default 1)")
    command.add_argument("--key", action="store_true", help="print the solution too")
    command.add_argument("--screen", action="store_true", help="a page that checks answers as they are typed in")
    command.add_argument("--no-key", action="store_true", help="leave the solution out of the sheet, for students")
    command.add_argument("--answers-only", action="store_true", help="the answers alone, for whoever marks")
    command.add_argument(
        "--credit",
        type=share,
        help="in a notebook: a point for each answer, and this share of it if the answer follows from a slip",
    )
    command.add_argument(
        "--class",
        dest="roster",
        metavar="ROSTER.csv",
        help="a sheet for each in its column `name`, or in a roster from GitHub Classroom, Canvas or Moodle",
    )
    command.add_argument("--fade", type=float, help="share of a sheet's lines to leave blank (default 1, all)")
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="where to write the sheet: .html to print, .tex, .md, .ipynb for Jupyter and nbgrader, .xml for Moodle; "
        "for a class a new folder",
    )
    command.add_argument("--format", choices=("otter",), help="write otter-grader's tests of the .ipynb to -o FOLDER")
    command.set_defaults(run=_exercise)

    command = add_command(
        commands,
        "lesson",
        "make everything for a lesson of ninety minutes about one graph",
        epilog="Slides, a sheet with its key, a page for homework, a notebook and a plan, with the same numbers in all "
        "of them. It needs jinja2, nbformat and matplotlib.",
    )
    command.add_argument(
        "name", nargs="?", choices=sorted(CLASSICS), metavar="NAME", help="a classic, as in `exercise`"
    )
    command.add_argument("--level", choices=LEVELS, metavar="LEVEL", help="(default diamond)")
    command.add_argument("--expression", metavar="FORMULA", help="your own, such as 'u = a*b; L = u + c'")
    command.add_argument(
        "--numbers", metavar="NAME=NUMBER", nargs="+", type=assignment, help="for it (default: some that show mistakes)"
    )
    command.add_argument("--ask", type=names, metavar="NAMES", help="whose gradients it asks for, such as w,b")
    command.add_argument("--seed", type=int, help="which exercise of that level (default 0)")
    command.add_argument("--title", help="of the sheet and the plan")
    command.add_argument("-o", "--output", metavar="FOLDER", required=True, help="a new folder")
    command.set_defaults(run=_lesson)

    command = add_command(
        commands,
        "grade",
        "grade the answers of a class, and see who made which mistake",
        epilog="ANSWERS.csv has the columns name, exercise, node and answer, as in the form beside the sheets; or "
        "name, and a column for each number, such as '2 w' for w and '2 ∂L/∂w' for its gradient in exercise 2. What "
        "follows from an earlier slip has a column of its own. A mistake that few numbers speak for is 'perhaps'.",
    )
    command.add_argument("key", metavar="KEY.json", help="the key that `exercise --class` wrote beside the sheets")
    command.add_argument(
        "answers", metavar="ANSWERS.csv", nargs="+", help="what was handed in; also the files that pages have saved"
    )
    command.add_argument(
        "--credit", type=share, default=1.0, help="share of a point for what follows from an earlier slip (default 1)"
    )
    command.add_argument("-o", "--output", metavar="FILE.csv", help="where to write the table for a spreadsheet")
    command.add_argument(
        "--feedback", metavar="FILE.html", help="a sheet to print for each student: what was wrong, and a hint"
    )
    command.set_defaults(run=_grade)

    command = add_command(
        commands,
        "quiz",
        "answer exercises, and see what you still get wrong",
        epilog="Two exercises in a row without a mistake lead to the next level. What you get wrong comes back with "
        "other numbers. Your progress is kept for the next time.",
    )
    command.add_argument("--rounds", type=count, help="how many exercises (default: until q)")
    command.add_argument("--seed", type=int, default=0, help="which exercises (default 0)")
    command.set_defaults(run=_quiz)

    command = add_command(commands, "check-engine", "name the bugs in a Value class that you or others wrote")
    command.add_argument("engine", metavar="FILE.py:CLASS", help="such as engine.py:Value; its code is run")
    command.add_argument("--patience", type=float, default=PATIENCE, help=f"seconds for each program ({PATIENCE:g})")
    command.add_argument("--json", action="store_true", help="print the report as Gradescope reads results")
    command.set_defaults(run=_check_engine)

    command = add_command(commands, "assignment", "write an engine without derivatives to complete, and its tests")
    command.add_argument("-o", "--output", metavar="FOLDER", required=True, help="a new folder")
    command.set_defaults(run=_assignment)
