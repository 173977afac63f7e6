"""Sets of sheets for a class: different numbers for everybody, one key, and one table of how it went.

What a teacher fills in and reads are CSV files, as spreadsheets write and open them.
"""

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...escape import csv_cell, one_line
from ...files import read_json, write_folder
from ...notation.answers import read_answer
from ...notation.numbers import show
from ...notation.table import table
from ...tables import read_columns
from ..exercises.exercise import Exercise
from ..exercises.generator import VERSION as GENERATOR
from ..exercises.generator import alike
from ..grading.grade import diagnose
from ..grading.mistakes import find
from ..grading.verdicts import Evidence
from .sheet import Sheet, printed

FORMAT, VERSION = "micrograd_like.key", 2
COLUMNS = ("name", "exercise", "node", "answer")
SAME = "{!r} and {!r} look the same: everybody needs a name of their own"
INVISIBLE = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10))))  # and marks
MOST = 1_000_000  # characters of formulas in a key, which a class of 10,000 has
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
    level: str = "diamond",
    count: int = 1,
    seed: int = 0,
    operations: Sequence[str] = (),
    size: int = 4,
    screen: bool = False,
) -> ClassSet:
    """Write a sheet for everybody, with numbers of their own as `alike` finds them, and the key.

    Beside the sheets stand `all.html`, all of them to be printed in one go, `key.json`, which `grade_class` reads,
    `key.csv` with the right answers, and `answers.csv`, a form to fill in. The folder appears when all of it is
    written, or not at all. The sheets are for print, without the key, or for the screen, where they check what is
    typed into them; these are not in one file.

    Raises:
        ValueError: there are no names, one is empty or given twice, or as `exercise` says.
        FileExistsError: the folder is there already, and not empty.
        OSError: the folder or a file cannot be written.
        RuntimeError: as `Sheet.save` says.
    """
    names = [" ".join(name.split()) for name in names]
    if not names:
        raise ValueError("the class has nobody in it: give one name at least")
    if not all(map(_look, names)):
        raise ValueError("a name is empty: everybody needs a name of their own")
    if alike_names := _first_alike(names):
        raise ValueError(SAME.format(*map(one_line, alike_names)))
    folder = Path(folder)
    exercises = [alike(len(names), 1000 * seed + k, level, operations, size) for k in range(count)]
    everybody = dict(zip(names, zip(*exercises, strict=True), strict=True))
    width = max(3, len(str(len(names))))  # the number tells names apart that are spelled alike
    sheets = {f"{number:0{width}}-{_slug(name)}.html": name for number, name in enumerate(names, start=1)}
    write_folder(folder, dict(_files(everybody, sheets, screen)))
    different = {tuple(tuple(each.numbers.values()) for each in drawn) for drawn in everybody.values()}
    return ClassSet(tuple(folder / sheet for sheet in sheets), folder / "key.json", len(different))


def _files(
    everybody: dict[str, tuple[Exercise, ...]], sheets: dict[str, str], screen: bool
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file of a class."""
    made = {file: Sheet(everybody[name], student=name) for file, name in sheets.items()}
    for file, sheet in made.items():
        yield file, (sheet.screen() if screen else sheet.html(key=False)).encode()
    if not screen:
        yield "all.html", printed(list(made.values())).encode()
    asked = [
        (name, number, line.asked, line.answer)
        for name, drawn in everybody.items()
        for number, each in enumerate(drawn, start=1)
        for line in each.lines()
    ]
    students = {name: [each.as_document() for each in drawn] for name, drawn in everybody.items()}
    document = {"format": FORMAT, "version": VERSION, "generator": GENERATOR, "students": students}
    yield "answers.csv", _table([COLUMNS, *((*row, "") for *row, _ in asked)])
    yield "key.csv", _table([COLUMNS, *((*row, show(float(answer), 6)) for *row, answer in asked)])  # 1/2 may be a date
    yield "key.json", f"{json.dumps(document, indent=1, ensure_ascii=False)}\n".encode()


def _slug(name: str) -> str:
    """Return a name as part of a file's name: letters and digits only."""
    return re.sub(r"[^\w]+", "-", name[:LONGEST]).strip("-") or "sheet"


# -------------------- the answers --------------------


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
    unknown: tuple[str, ...]  # where wrong answers begin that no one mistake explains
    unread: tuple[str, ...]  # answers that are not numbers

    @property
    def remarks(self) -> str:
        """The mistakes by name, and what could not be read."""
        named = [find(mistake_id).name for mistake_id in self.mistakes]
        named += [f"perhaps {find(mistake_id).name}" for mistake_id in self.perhaps]
        named += [f"no known mistake: {where}" for where in self.unknown]
        named += [f"not a number: {one_line(answer)[:LONGEST]}" for answer in self.unread]
        return "; ".join(named) if self.answered else "no answers"


@dataclass(frozen=True)
class ClassGrading:
    """How a class did: for each student what was right, and which mistakes were made."""

    students: dict[str, StudentGrading]

    @property
    def mistakes(self) -> dict[str, tuple[int, int]]:
        """How many students made each mistake, surely and perhaps; the most frequent first."""
        sure = Counter(mistake_id for student in self.students.values() for mistake_id in student.mistakes)
        perhaps = Counter(mistake_id for student in self.students.values() for mistake_id in student.perhaps)
        return {mistake_id: (sure[mistake_id], perhaps[mistake_id]) for mistake_id, _ in (sure + perhaps).most_common()}

    def csv(self) -> bytes:
        """Return a table for a spreadsheet, in which no name is taken for a formula."""
        rows = [
            (name, s.right, s.following, f"{s.points:g}", s.asked, s.answered, s.remarks)
            for name, s in self.students.items()
        ]
        return _table([("name", "right", "following", "points", "asked", "answered", "mistakes"), *rows])

    def __str__(self) -> str:
        """Return the table of students, and that of mistakes."""
        rows = [("name", "right", "following", "points", "mistakes")]
        for name, s in self.students.items():
            rows.append((one_line(name), f"{s.right}/{s.asked}", f"{s.following}", f"{s.points:g}", s.remarks))
        students = table(rows, right=(1, 2, 3))
        if not self.mistakes:
            return f"{students}\n\nno mistakes were named"
        counts = [("students", "perhaps", f"mistake, of a class of {len(self.students)}")]
        for mistake_id, (sure, perhaps) in self.mistakes.items():
            counts.append((f"{sure}", f"{perhaps or ''}", find(mistake_id).name))
        return f"{students}\n\n{table(counts, right=(0, 1))}"


def grade_class(key: str | Path, answers: str | Path, credit: float = 1.0) -> ClassGrading:
    """Grade the answers of a class, a CSV file with the columns name, exercise, node and answer.

    Exercises are counted from 1. Everybody in the key is listed, with or without answers; what is not a number is not
    right. All exercises of a student are evidence for the same mistakes.

    Args:
        key: the file that stands beside the sheets.
        answers: the table.
        credit: how much of a point an answer earns that is right given an earlier slip.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not such a file, or a name, an exercise or a node is unknown or there twice.
    """
    everybody = _read_key(Path(key))
    given = _read_answers(Path(answers), everybody)
    return ClassGrading(
        {
            name: _grade_student([(each, given.get((name, k), {})) for k, each in enumerate(drawn, start=1)], credit)
            for name, drawn in everybody.items()
        }
    )


def _grade_student(work: Sequence[tuple[Exercise, dict[str, str]]], credit: float) -> StudentGrading:
    mistakes, perhaps = dict[str, None](), dict[str, None]()
    gradings, unknown, unread = [], [], []
    for number, (drawn, written) in enumerate(work, start=1):
        readable = {node: answer for node, answer in written.items() if _is_number(answer)}
        unread += [f"{node} = {answer}" for node, answer in written.items() if node not in readable]
        result = drawn.grade_asked(readable, credit)
        gradings.append(result)
        if len(result.diagnoses) == 1:
            of_these = mistakes if result.diagnoses[0].confident else perhaps
            of_these |= dict.fromkeys(m.id for m in result.diagnoses[0].mistakes)
        elif result.first_wrong:
            unknown.append(f"from {result.first_wrong.name} in exercise {number}")
    together, _ = diagnose(sum((result.evidence for result in gradings), Evidence([], {})))
    if len(together) == 1 and together[0].confident:
        mistakes |= dict.fromkeys(m.id for m in together[0].mistakes)
    return StudentGrading(
        asked=sum(len(result.grades) for result in gradings),
        answered=sum(len(written) for _, written in work),
        right=sum(result.count("right") for result in gradings),
        following=sum(result.count("follow-through") for result in gradings),
        points=sum(result.points for result in gradings),
        mistakes=tuple(mistakes),
        perhaps=tuple(mistake_id for mistake_id in perhaps if mistake_id not in mistakes),
        unknown=tuple(unknown),
        unread=tuple(unread),
    )


def _is_number(written: str) -> bool:
    try:
        read_answer(written)
    except ValueError:
        return False
    return True


# -------------------- reading and writing files --------------------


def read_names(path: str | Path) -> list[str]:
    """Read the column `name` of a table, as `tables.read_columns` understands tables.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has no such column, or two names in it look the same.
    """
    rows = read_columns(path, ["name"])
    names = [name for _, (name,) in rows]
    if alike := _first_alike(names):
        first, second = alike
        where = f"lines {rows[names.index(first)][0]} and {rows[len(names) - 1 - names[::-1].index(second)][0]}"
        raise ValueError(f"{path}, {where}: {SAME.format(one_line(first), one_line(second))}")
    return names


def _first_alike(names: Sequence[str]) -> tuple[str, str] | None:
    """Return the first two names that are the same, or look the same once they are printed or in a spreadsheet."""
    seen: dict[str, str] = {}
    for name in names:
        looks = _look(name)
        if looks in seen:
            return seen[looks], name
        seen[looks] = name
    return None


def _look(name: str) -> str:
    """Return what can be seen of a name, without the apostrophe that lets a spreadsheet take it for text."""
    seen = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", name) if not _is_invisible(c))
    return " ".join(seen.split()).removeprefix("'")


def _is_invisible(c: str) -> bool:
    return not c.isspace() and (unicodedata.category(c)[0] == "C" or c in INVISIBLE)


def _read_key(path: Path) -> dict[str, list[Exercise]]:
    document = read_json(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{path}: this is no key of a class: it is the file key.json beside the sheets")
    if document.get("version") != VERSION:
        raise ValueError(f"{path}: the key has version {document.get('version')!r}, and only {VERSION} can be read")
    try:
        everybody = {
            name: [Exercise.from_document(f"{name} {k}", part) for k, part in enumerate(parts, start=1)]
            for name, parts in document["students"].items()
        }
        if sum(len(each.formula) for drawn in everybody.values() for each in drawn) > MOST:
            raise ValueError(f"its formulas have more than {MOST:,} characters together: grade parts of the class")
        if alike_names := _first_alike([*everybody]):
            raise ValueError(SAME.format(*map(one_line, alike_names)))
        for drawn in everybody.values():
            for each in drawn:
                each.grade({})  # whether that is possible
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the key is damaged: {error!r}") from None
    return everybody


def _read_answers(path: Path, everybody: dict[str, list[Exercise]]) -> dict[tuple[str, int], dict[str, str]]:
    """Return what was answered by name and exercise; what is left empty is left out."""
    names = {_look(name): name for name in everybody}
    found: dict[tuple[str, int], dict[str, str]] = {}
    for line, (written, number, node, answer) in read_columns(path, COLUMNS):
        row, name = f"{path}: row {line}", _look(written)
        if name not in names:
            raise ValueError(f"{row}: {written!r} is not in the key")
        drawn = {str(k): each for k, each in enumerate(everybody[names[name]], start=1)}
        if number not in drawn:
            raise ValueError(f"{row}: there are exercises 1 to {len(drawn)}, not {number[:LONGEST]!r}")
        try:
            asked = drawn[number].find(node)
        except ValueError as error:
            raise ValueError(f"{row}: in exercise {number} {error}") from None
        answers = found.setdefault((names[name], int(number)), {})
        if answer and asked in answers:
            raise ValueError(f"{row}: {name} has answered for {asked} in exercise {number} before")
        if answer:
            answers[asked] = answer
    return found


def _table(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return a CSV file that spreadsheets take for text in UTF-8, and no cell for a formula."""
    written = io.StringIO()
    # in quotes, for where a semicolon begins a new cell
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([map(csv_cell, map(str, row)) for row in rows])
    return written.getvalue().encode("utf-8-sig")
