"""Sets of sheets for a class: different numbers for everybody, one key, and one table of how it went."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...files import write_whole
from ..exercises import Exercise, exercise
from ..mistakes import find
from .sheet import Sheet

FORMAT = "micrograd_like.key"


@dataclass(frozen=True)
class ClassGrading:
    """How a class did: for each student what was right, and which mistakes were made."""

    students: dict[str, tuple[int, int, tuple[str, ...]]]  # name -> right, asked, ids of the mistakes

    @property
    def mistakes(self) -> Counter[str]:
        """How many students made each mistake."""
        return Counter(mistake_id for _, _, ids in self.students.values() for mistake_id in ids)

    def csv(self) -> str:
        """Return a table for a spreadsheet, in which no name is taken for a formula."""
        written = io.StringIO()
        table = csv.writer(written)
        table.writerow(("name", "right", "asked", "mistakes"))
        for name, (right, asked, ids) in self.students.items():
            table.writerow((_harmless(name), right, asked, "; ".join(find(mistake_id).name for mistake_id in ids)))
        return written.getvalue()

    def __str__(self) -> str:
        """Return the table of students, and that of mistakes."""
        width = max((len(name) for name in self.students), default=4)
        lines = [f"{'name':{width}}  right  mistakes"]
        for name, (right, asked, ids) in self.students.items():
            lines.append(f"{name:{width}}  {right:>2}/{asked:<2}  {', '.join(find(m).name for m in ids)}".rstrip())
        lines += ["", "mistakes in the class:"]
        lines += [f"{count:>4}  {find(mistake_id).name}" for mistake_id, count in self.mistakes.most_common()]
        return "\n".join(lines if self.mistakes else [*lines[:-1], "no mistakes were named"])


def write_class(
    names: Sequence[str],
    folder: str | Path,
    level: str = "diamond",
    count: int = 1,
    seed: int = 0,
    screen: bool = False,
) -> list[Path]:
    """Write a sheet for everybody, each with numbers of its own, and `key.json`; return the files.

    The sheets are for print, without the key, or for the screen, where they check what is typed into them.

    Raises:
        ValueError: there are no names, one is empty or given twice, or as `exercise` says.
        FileExistsError: the folder is there already, and not empty.
        OSError: a file cannot be written.
        RuntimeError: as `Sheet.save` says.
    """
    if not names:
        raise ValueError("the class has nobody in it: give one name at least")
    if repeated := [name for name, n in Counter(names).items() if n > 1 or not name.strip()]:
        raise ValueError(f"the name {repeated[0]!r} is empty or given twice: everybody needs a name of their own")
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"the folder {folder} is not empty: name a new one, so that nothing is overwritten")
    folder.mkdir(parents=True, exist_ok=True)
    files, key = [], {}
    for i, name in enumerate(names):
        drawn = [exercise(1000 * (seed + i) + k, level) for k in range(count)]
        page = folder / f"{i + 1:03d}-{_slug(name)}.html"
        files.append(Sheet(drawn, student=name).save(page, key=False, screen=screen))
        key[name] = [each.as_document() for each in drawn]
    document = {"format": FORMAT, "version": 1, "students": key}
    write_whole(folder / "key.json", (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
    return [*files, folder / "key.json"]


def read_names(path: str | Path) -> list[str]:
    """Read the column `name` of a CSV file, in UTF-8 with or without a mark at its beginning.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has no such column.
    """
    return [row["name"].strip() for row in _rows(Path(path), ("name",))]


def grade_class(key: str | Path, answers: str | Path) -> ClassGrading:
    """Grade the answers of a class, a CSV file with the columns name, exercise, node and answer.

    Exercises are counted from 1. Everybody in the key is listed, with or without answers.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not such a file; a name, an exercise or a node is unknown; or an answer is no number.
    """
    exercises = _read_key(Path(key))
    given: dict[tuple[str, int], dict[str, str]] = {}
    path = Path(answers)
    for line, row in enumerate(_rows(path, ("name", "exercise", "node", "answer")), start=2):
        name, number = row["name"].strip(), row["exercise"].strip()
        if name not in exercises:
            raise ValueError(f"{path}: row {line}: {name!r} is not in the key")
        if not number.isdecimal() or not 1 <= int(number) <= len(exercises[name]):
            raise ValueError(f"{path}: row {line}: there are exercises 1 to {len(exercises[name])}, not {number!r}")
        given.setdefault((name, int(number)), {})[row["node"].strip()] = row["answer"]
    students = {}
    for name, drawn in exercises.items():
        right, asked = 0, 0
        ids: list[str] = []
        for k, each in enumerate(drawn, start=1):
            try:
                result = each.grade(given.get((name, k), {}))
            except ValueError as error:
                raise ValueError(f"{path}: {name}, exercise {k}: {error}") from None
            asked += len(each.answers)
            right += sum(g.status in ("right", "follow-through") and g.name in each.answers for g in result.grades)
            if len(result.diagnoses) == 1:
                ids += [m.id for m in result.diagnoses[0].mistakes]
        students[name] = (right, asked, tuple(dict.fromkeys(ids)))
    return ClassGrading(students)


def _read_key(path: Path) -> dict[str, list[Exercise]]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: this is no JSON text: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{path}: this is no key of a class")
    try:
        return {
            name: [Exercise.from_document(f"{name} {k}", part) for k, part in enumerate(parts, start=1)]
            for name, parts in document["students"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{path}: the key is damaged: {error!r}") from None


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
            raise ValueError(
                f"{path}: there is no column {missing[0]!r}; its first line must name {', '.join(columns)}"
            )
        return [{column: row[column] or "" for column in columns} for row in reader]


def _slug(name: str) -> str:
    """Return a name as part of a file's name: letters and digits only."""
    return re.sub(r"[^\w]+", "-", name).strip("-")[:40] or "sheet"


def _harmless(name: str) -> str:
    """Return a name that a spreadsheet takes for text, also if it begins like a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
