"""Sets of sheets for a class: different numbers for everybody, one key, and one table of how it went.

What a teacher fills in and reads are CSV files, as spreadsheets write and open them.
"""

import csv
import io
import json
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ...escape import csv_cell, one_line
from ...files import read_json, write_folder
from ...notation.answers import read_answer
from ...notation.numbers import show
from ...notation.table import table
from ...tables import TableWarning, listed, read_rows
from ..exercises.exercise import Exercise
from ..exercises.generator import VERSION as GENERATOR
from ..exercises.generator import alike
from ..grading.grade import diagnose
from ..grading.mistakes import find
from ..grading.report import WORDS, Grading
from .rosters import look, refuse_alike
from .sheet import Sheet, printed

FORMAT, VERSION = "micrograd_like.key", 2
COLUMNS = ("name", "exercise", "node", "answer")
CALLED = {
    "name": ("student", "student name", "full name"),
    "exercise": ("task", "no", "no."),
    "node": ("asked", "question", "variable"),
    "answer": ("value", "response", "result", "number"),
}
MOST = 100_000_000  # for all formulas of a key the squares of their lengths: a class of 10,000 has as much
LONGEST = 40  # characters of a name in a file's name


# -------------------- the sheets --------------------


@dataclass(frozen=True)
class ClassSet:
    """What was written for a class."""

    sheets: tuple[Path, ...]
    key: Path
    different: int  # sheets; fewer than there are, where a formula has too few numbers for everybody


def write_class(
    names: Sequence[str],
    folder: str | Path,
    level: str | Sequence[str] = "diamond",
    count: int = 1,
    seed: int = 0,
    *,
    heading: Mapping[str, Any] = MappingProxyType({}),
    screen: bool = False,
    **options: Any,
) -> ClassSet:
    """Write a sheet for everybody, with numbers of their own as `alike` finds them, and the key.

    Beside the sheets stand `all.html`, all of them to be printed in one go, `key.json`, which `grade_class` reads,
    the right answers as `key.html` to be printed and as `key.csv`, and `answers.csv`, a form to fill in. The folder
    appears when all of it is written, or not at all. The sheets are for print, without the key, or for the screen,
    where they check what is typed into them; these are not in one file.

    Args:
        names: of everybody.
        folder: a new or an empty one.
        level: of the exercises; of several, each has as many.
        count: how many exercises of each level.
        seed: which exercises.
        heading: what `Sheet` calls title, course, date, instructions and points.
        screen: whether the sheets are for the screen.
        options: what else `alike` takes: operations, size, whole, ask, forward, expression.

    Raises:
        ValueError: there are no names, one is empty or given twice, or as `exercise` says.
        FileExistsError: the folder is there already, and not empty.
        OSError: the folder or a file cannot be written.
        RuntimeError: as `Sheet.save` says.
    """
    names = [" ".join(name.split()) for name in names]
    if not names:
        raise ValueError("the class has nobody in it: give one name at least")
    if not all(map(look, names)):
        raise ValueError("a name is empty: everybody needs a name of their own")
    refuse_alike(names)
    folder = Path(folder)
    wanted = [each for each in ([level] if isinstance(level, str) else level) for _ in range(count)]
    exercises = [alike(len(names), 1000 * seed + k, each, **options) for k, each in enumerate(wanted)]
    everybody = dict(zip(names, zip(*exercises, strict=True), strict=True))
    width = max(3, len(str(len(names))))  # the number tells names apart that are spelled alike
    files = [f"{number:0{width}}-{_slug(name)}.html" for number, name in enumerate(names, start=1)]
    sheets = [Sheet(drawn, student=name, **heading) for name, drawn in everybody.items()]
    write_folder(folder, dict(_files(dict(zip(files, sheets, strict=True)), heading, screen)))
    different = {tuple(tuple(each.numbers.values()) for each in drawn) for drawn in everybody.values()}
    return ClassSet(tuple(folder / file for file in files), folder / "key.json", len(different))


def _files(sheets: dict[str, Sheet], heading: Mapping[str, Any], screen: bool) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file of a class."""
    for file, sheet in sheets.items():
        yield file, (sheet.screen() if screen else sheet.html("sheet")).encode()
    if not screen:
        yield "all.html", printed([*sheets.values()]).encode()
    yield "key.html", printed([*sheets.values()], "answers").encode()
    asked = [
        (sheet.student, number, line.asked, line.answer)
        for sheet in sheets.values()
        for number, each in enumerate(sheet.exercises, start=1)
        for line in each.lines()
    ]
    students = {sheet.student: [each.as_document() for each in sheet.exercises] for sheet in sheets.values()}
    key = {"format": FORMAT, "version": VERSION, "generator": GENERATOR, "heading": {**heading}, "students": students}
    yield "answers.csv", _table([COLUMNS, *((*row, "") for *row, _ in asked)])
    yield "key.csv", _table([COLUMNS, *((*row, show(float(answer), 6)) for *row, answer in asked)])  # 1/2 may be a date
    yield "key.json", f"{json.dumps(key, indent=1, ensure_ascii=False)}\n".encode()


def _slug(name: str) -> str:
    """Return a name as part of a file's name: letters and digits only."""
    return re.sub(r"[^\w]+", "-", name[:LONGEST]).strip("-") or "sheet"


# -------------------- the answers --------------------


class Graded(NamedTuple):
    """An exercise of somebody, graded, and what was written there that is not a number, by what is asked."""

    exercise: Exercise
    grading: Grading
    unread: dict[str, str]


@dataclass(frozen=True)
class StudentGrading:
    """How somebody did."""

    asked: int
    answered: int
    right: int
    following: int  # right, given an earlier slip
    points: float  # with the credit that the teacher gives for these
    mistakes: tuple[str, ...]  # the ids of those that are behind the wrong answers
    perhaps: tuple[str, ...]  # and of those that explain too few answers to be sure of
    unknown: tuple[str, ...]  # what is said of wrong answers that no one mistake explains, and where they begin
    work: tuple[Graded, ...] = ()

    @property
    def unread(self) -> list[str]:
        """Answers that are not numbers."""
        return [f"{asked} = {answer}" for each in self.work for asked, answer in each.unread.items()]

    @property
    def remarks(self) -> str:
        """The mistakes by name, and what could not be read."""
        named = [find(mistake_id).name for mistake_id in self.mistakes]
        named += [f"perhaps {find(mistake_id).name}" for mistake_id in self.perhaps]
        named += self.unknown
        named += [f"not a number: {one_line(answer)[:LONGEST]}" for answer in self.unread]
        return "; ".join(named) if self.answered else "no answers"


@dataclass(frozen=True)
class ClassGrading:
    """How a class did: for each student what was right, and which mistakes were made."""

    students: dict[str, StudentGrading]
    heading: Mapping[str, Any] = field(default_factory=dict)  # of the sheets

    @property
    def mistakes(self) -> dict[str, tuple[int, int]]:
        """How many students made each mistake, surely and perhaps; the most frequent first."""
        sure = Counter(mistake_id for student in self.students.values() for mistake_id in student.mistakes)
        perhaps = Counter(mistake_id for student in self.students.values() for mistake_id in student.perhaps)
        return {mistake_id: (sure[mistake_id], perhaps[mistake_id]) for mistake_id, _ in (sure + perhaps).most_common()}

    def csv(self) -> bytes:
        """Return a table for a spreadsheet, in which no name is taken for a formula."""
        rows = [
            (name, s.right, s.following, show(s.points, 2), s.asked, s.answered, s.remarks)
            for name, s in self.students.items()
        ]
        return _table([("name", "right", "following", "points", "asked", "answered", "mistakes"), *rows])

    def feedback(self) -> str:
        """Return a page for print with a sheet for everybody: each answer, what became of it, and a hint."""
        sheets = [
            Sheet([g.exercise for g in s.work], student=name, **self.heading) for name, s in self.students.items()
        ]
        return printed(sheets, "feedback", [[(g.grading, g.unread) for g in s.work] for s in self.students.values()])

    def __str__(self) -> str:
        """Return the table of students, and that of mistakes."""
        rows = [("name", "right", "following", "points", "mistakes")]
        for name, s in self.students.items():
            rows.append((one_line(name), f"{s.right}/{s.asked}", f"{s.following}", show(s.points, 2), s.remarks))
        students = table(rows, right=(1, 2, 3))
        if not self.mistakes:
            return f"{students}\n\nno mistakes were named"
        counts = [("students", "perhaps", f"mistake, of a class of {len(self.students)}")]
        for mistake_id, (sure, perhaps) in self.mistakes.items():
            counts.append((f"{sure}", f"{perhaps or ''}", find(mistake_id).name))
        return f"{students}\n\n{table(counts, right=(0, 1))}"


def grade_class(key: str | Path, answers: str | Path | Sequence[str | Path], credit: float = 1.0) -> ClassGrading:
    """Grade the answers of a class, CSV files with a row for each answer or for each student.

    A row for an answer stands under name, exercise, node and answer; one for a student under name and then under what
    is asked, as in `2 ∂L/∂w`, in exercise 2. Exercises are counted from 1. Everybody in the key is listed, with or
    without answers; what is not a number is not right. All exercises of a student are evidence for the same mistakes.

    Args:
        key: the file that stands beside the sheets.
        answers: the table, or those that pages for the screen have saved.
        credit: how much of a point an answer earns that is right given an earlier slip.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not such a file, or names, exercises or nodes are unknown or there twice: the text lists
            these with their rows.
    """
    everybody, heading = _read_key(Path(key))
    given: dict[tuple[str, int], dict[str, str]] = {}
    problems: list[str] = []
    for path in [answers] if isinstance(answers, str | Path) else answers:
        _read_answers(Path(path), everybody, given, problems)
    if problems:
        raise ValueError(listed(problems, "; "))
    points = heading.get("points")
    return ClassGrading(
        {
            name: _grade_student(
                [(each, given.get((name, k), {})) for k, each in enumerate(drawn, start=1)], credit, points
            )
            for name, drawn in everybody.items()
        },
        heading,
    )


def _grade_student(
    work: Sequence[tuple[Exercise, dict[str, str]]], credit: float, points: float | None
) -> StudentGrading:
    mistakes, perhaps, unknown = dict[str, None](), dict[str, None](), list[str]()
    graded = []
    for number, (drawn, written) in enumerate(work, start=1):
        readable = {node: answer for node, answer in written.items() if _is_number(answer)}
        result = drawn.grade_asked(readable, credit)
        graded.append(Graded(drawn, result, {node: x for node, x in written.items() if node not in readable}))
        if len(result.diagnoses) == 1:
            of_these = mistakes if result.diagnoses[0].confident else perhaps
            of_these |= dict.fromkeys(m.id for m in result.diagnoses[0].mistakes)
        elif first := result.first_wrong:
            said = (
                f"a slip, {WORDS[result.slip]}:" if result.slip and not result.diagnoses else "no known mistake: from"
            )
            asked = first.name if first.kind == "value" else drawn.question(first.name)
            unknown.append(f"{said} {asked} in exercise {number}")
    gradings = [each.grading for each in graded]
    together, _ = diagnose(reduce(add, (result.evidence for result in gradings)))
    if len(together) == 1 and together[0].confident:
        mistakes |= dict.fromkeys(m.id for m in together[0].mistakes)
    return StudentGrading(
        asked=sum(len(result.grades) for result in gradings),
        answered=sum(len(written) for _, written in work),
        right=sum(result.count("right") for result in gradings),
        following=sum(result.count("follow-through") for result in gradings),
        points=math.fsum(result.earned(points) for result in gradings),
        mistakes=tuple(mistakes),
        perhaps=tuple(mistake_id for mistake_id in perhaps if mistake_id not in mistakes),
        unknown=tuple(unknown),
        work=tuple(graded),
    )


def _is_number(written: str) -> bool:
    try:
        read_answer(written)
    except ValueError:
        return False
    return True


# -------------------- reading and writing files --------------------


def _read_key(path: Path) -> tuple[dict[str, list[Exercise]], dict[str, Any]]:
    """Return everybody's exercises, and the heading of their sheets."""
    document = read_json(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{path}: this is no key of a class: it is the file key.json beside the sheets")
    if document.get("version") != VERSION:
        raise ValueError(f"{path}: the key has version {document.get('version')!r:.40}, and only {VERSION} can be read")
    try:
        everybody = {
            name: [Exercise.from_document(f"{name} {k}", part) for k, part in enumerate(parts, start=1)]
            for name, parts in document["students"].items()
        }
        heading = dict(document.get("heading", {}))
        Sheet([], **heading).worth.strip()  # whether it is one
        work = sum(len(each.formula) ** 2 for drawn in everybody.values() for each in drawn)
        if work > MOST:
            raise ValueError(
                "its formulas are too many and too long, and would take many minutes: grade parts of the class"
            )
        if (seconds := work // 300_000) >= 10:  # 2 to 6 µs were measured
            warnings.warn(f"{path}: grading takes a while, some {seconds} seconds", stacklevel=3)
        refuse_alike([*everybody])
        for drawn in everybody.values():
            for each in drawn:
                each.grade({})  # whether that is possible
    except (AttributeError, KeyError, TypeError):
        raise ValueError(f"{path}: the key is damaged: take the file as it was written beside the sheets") from None
    except (ArithmeticError, ValueError) as error:
        raise ValueError(f"{path}: the key is damaged: {error!s:.500}") from None
    return everybody, heading


def _read_answers(
    path: Path,
    everybody: dict[str, list[Exercise]],
    found: dict[tuple[str, int], dict[str, str]],
    problems: list[str],
) -> None:
    """Take down what was answered by name and exercise, without what is left empty, and what belongs to nothing."""
    header, rows = read_rows(path, lambda cells: any(_meant(cell) == "name" for cell in cells), ", ".join(COLUMNS))
    meant = [_meant(cell) for cell in header]
    if twice := [name for name in COLUMNS if meant.count(name) > 1]:
        raise ValueError(f"{path}: the column {twice[0]} is there twice")
    each = {*COLUMNS} <= {*meant}  # whether there is a row for each answer
    if not each and {"node", "answer"} & {*meant}:
        raise ValueError(f"{path}: a column is missing: the first line must name {', '.join(COLUMNS)}")
    columns = {} if each else _asked_columns(path, header, meant, next(iter(everybody.values()), []))
    names = {look(name): name for name in everybody}
    cell_of = {name: k for k, name in enumerate(meant)}
    for line, row in rows:
        cells = [*row, *[""] * (len(header) - len(row))]
        written = cells[cell_of["name"]]
        if look(written) not in names:
            problems.append(f"{path}: row {line}: {written!r} is not in the key")
            continue
        name = names[look(written)]
        asked = [tuple(cells[cell_of[column]] for column in COLUMNS[1:])] if each else []
        asked += [(number, node, cells[k]) for k, (number, node) in columns.items() if cells[k]]
        for number, node, answer in asked:
            try:
                k, question = _find(number, node, everybody[name])
                answers = found.setdefault((name, k), {})
                if answer and question in answers:
                    raise ValueError(f"{name} has answered for {question} in exercise {k} before")
                if answer:
                    answers[question] = answer
            except ValueError as error:
                problems.append(f"{path}: row {line}: {error}")


def _find(number: str, node: str, drawn: Sequence[Exercise]) -> tuple[int, str]:
    """Return which exercise is meant, and which number in it; ValueError if there is none."""
    whole = re.fullmatch(r"0*([1-9][0-9]{0,5})(?:\.0*)?", number)  # 1.0, as spreadsheets may have it
    if not whole or int(whole[1]) > len(drawn):
        raise ValueError(f"there are exercises 1 to {len(drawn)}, not {number[:LONGEST]!r}")
    k = int(whole[1])
    try:
        return k, drawn[k - 1].find(node)
    except ValueError as error:
        raise ValueError(f"in exercise {k} {error}") from None


def _meant(cell: str) -> str:
    """Return which of COLUMNS a heading means; the heading itself if it is none of them."""
    return next((name for name, others in CALLED.items() if cell.strip().casefold() in (name, *others)), cell)


def _asked_columns(
    path: Path, header: Sequence[str], meant: Sequence[str], drawn: Sequence[Exercise]
) -> dict[int, tuple[str, str]]:
    """Return exercise and node of columns: `2 ∂L/∂w`, `2: w`, or `w` in exercise 1; a warning says what is left out."""
    found, others = dict[int, tuple[str, str]](), list[str]()
    for k, cell in enumerate(header):
        parts = re.fullmatch(r"(\d{1,6})(?:\s*[.:)]|\s)\s*(\S.*)", cell)
        number, node = (parts[1], parts[2]) if parts else ("1", cell)
        try:
            _find(number, node, drawn)
            found[k] = number, node
        except ValueError:
            others += [repr(cell)] * (cell != "" and meant[k] != "name")
    if not found:
        raise ValueError(
            f"{path}: a column is missing: the first line must name {', '.join(COLUMNS)}; or name, and then what is "
            "asked, such as '1 ∂L/∂a'"
        )
    if others:
        warnings.warn(f"{path}: left out the columns {listed(others)}, in which nothing is asked", TableWarning, 4)
    return found


def _table(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return a CSV file that spreadsheets take for text in UTF-8, and no cell for a formula."""
    written = io.StringIO()
    # in quotes, for where a semicolon begins a new cell
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([map(csv_cell, map(str, row)) for row in rows])
    return written.getvalue().encode("utf-8-sig")
