"""The names of a class: read from a roster, each unlike the others."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from ...escape import one_line
from ...tables import read_rows

# Headings, in small letters, by which a roster is known, and the columns of the name.
ROSTERS: tuple[tuple[set[str], tuple[str, ...]], ...] = (
    ({"identifier", "github_username"}, ("identifier",)),  # GitHub Classroom
    ({"name"}, ("name",)),
    ({"first name", "last name"}, ("first name", "last name")),  # Moodle
    ({"first name", "surname"}, ("first name", "surname")),
    ({"student name"}, ("student name",)),
    ({"full name"}, ("full name",)),
    ({"student"}, ("student",)),  # Canvas
)
WANTED = "name, student name, or first name and last name, between commas, semicolons or tabs"
NOBODY = frozenset({"", "points possible", "student, test", "test student"})  # rows of Canvas's own
INVISIBLE = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10))))  # and marks


def read_names(path: str | Path) -> list[str]:
    """Read the names in a roster: a column `name`, or as GitHub Classroom, Canvas or Moodle export it.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has no names, or some in it look the same.
    """
    header, rows = read_rows(path, lambda cells: any(wanted <= {*cells} for wanted, _ in ROSTERS), WANTED)
    header = [cell.casefold() for cell in header]
    columns = next(columns for wanted, columns in ROSTERS if wanted <= {*header})
    places = [header.index(column) for column in columns]
    id_place = header.index("id") if columns == ("student",) and "id" in header else None  # Canvas's own rows lack it
    found: dict[int, str] = {}
    for line, row in rows:
        name = " ".join(row[k] for k in places if k < len(row) and row[k])
        has_id = id_place is None or (id_place < len(row) and row[id_place])
        if has_id and name.casefold() not in NOBODY:
            found[line] = name
    names = [*found.values()]
    refuse_alike(names, path, [*found])
    return names


def refuse_alike(names: Sequence[str], path: str | Path = "", lines: Sequence[int] = ()) -> None:
    """Raise ValueError if two names look the same, printed or in a spreadsheet; perhaps with their file and lines."""
    seen: dict[str, int] = {}
    for k, name in enumerate(names):
        first = seen.setdefault(look(name), k)
        if first != k:
            where = f"{path}, lines {lines[first]} and {lines[k]}: " if lines else ""
            raise ValueError(
                f"{where}{one_line(names[first])!r} and {one_line(name)!r} look the same: "
                "everybody needs a name of their own"
            )


def look(name: str) -> str:
    """Return what can be seen of a name, without the apostrophe that lets a spreadsheet take it for text."""
    seen = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", name) if not _is_invisible(c))
    return " ".join(seen.split()).removeprefix("'")


def _is_invisible(c: str) -> bool:
    return not c.isspace() and (unicodedata.category(c)[0] == "C" or c in INVISIBLE)
