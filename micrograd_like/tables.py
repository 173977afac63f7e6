"""One reader for every table: CSV as spreadsheets, statistics programs and people write it."""

import codecs
import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path

from .escape import one_line

MOST = 1_000_000  # lines of a file, and characters of its first line
LARGEST = 20_000_000  # bytes of a file, from which Python makes about 20 times as many
MISSING = frozenset({"", "?", "na", "n/a", "#n/a", "nan", "null", "none"})  # in small letters
SAMPLE = 100  # rows that tell what separates the cells
LISTED = 10  # places that a message names, of more
SHOWN = 500  # characters of each

_DELIMITERS = "\t;|, "  # an earlier one is preferred: in a table with semicolons a comma is part of a number
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII)  # 1,234 or 1,234.5
_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)?,\d+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)  # 1,5 or 1.234,5
_SPACED = re.compile(r"(?<=\d)[ '\u2019\u00a0\u202f](?=\d{3}(?!\d))", re.ASCII)  # 1 234 or 1'234


class TableWarning(UserWarning):
    """Says what was understood of a table that might have been meant in another way."""


@dataclass(frozen=True)
class Table:
    """The cells of a table as text, without the spaces around them."""

    path: Path
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # each as long as `names`
    lines: tuple[int, ...]  # of the file, where each row ends
    separator: str

    def decimal_mark(self, columns: Iterable[int]) -> str:
        """Return what stands before the decimals in some columns, a point or a comma.

        Raises:
            ValueError: there is both, or 1,234 could mean either.
        """
        cells = [_SPACED.sub("", row[k]) for k in columns for row in self.rows]
        commas = [cell for cell in cells if _COMMA.fullmatch(cell) or _GROUPED.fullmatch(cell)]
        comma = [cell for cell in commas if not _GROUPED.fullmatch(cell)]
        point = [cell for cell in commas if not _COMMA.fullmatch(cell)]
        point += [x for x in cells if "." in x and _PLAIN.fullmatch(x) and not re.fullmatch(r"\d{1,3}\.\d{3}", x)]
        if comma and point:
            raise ValueError(
                f"{self.path}: {comma[0]} has a decimal comma and {point[0]} a decimal point: use one of them"
            )
        if commas and not comma and not point and self.separator != ",":
            raise ValueError(
                f"{self.path}: {commas[0]} may have a decimal comma or be a whole number: leave out the comma"
            )
        return "," if comma else "."


def read_number(cell: str, mark: str = ".") -> float | None:
    """Return the number that a cell holds, with decimals behind a mark; None if it holds no finite number."""
    cell = _SPACED.sub("", cell.replace("\N{MINUS SIGN}", "-"))
    if mark == "," and _COMMA.fullmatch(cell):
        cell = cell.replace(".", "").replace(",", ".")
    elif mark == "," and re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+", cell):
        cell = cell.replace(".", "")
    elif mark == "." and _GROUPED.fullmatch(cell):
        cell = cell.replace(",", "")
    x = float(cell) if _PLAIN.fullmatch(cell) else None
    return x if x is not None and x - x == 0 else None


def is_missing(cell: str) -> bool:
    """Tell whether a cell says that it has nothing: it is empty, ?, NA, nan or the like."""
    return cell.casefold() in MISSING


def read_table(path: str | PathLike[str], header: bool = True) -> Table:
    """Read a table whose cells are separated by commas, semicolons, tabs, bars or spaces.

    The text is UTF-8, UTF-16 or, which a TableWarning says, Latin-1. Blank lines and lines that begin with `#` are
    passed over; `sep=;` as the first line names the separator. scikit-learn's first line, numbers of rows and features
    and the names of the classes, is understood too.

    Args:
        path: the file.
        header: whether the first line names the columns; if not, they are x1, x2, …

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a table of two columns at least; the text names the file and the lines.
    """
    path = Path(path)
    text, delimiter = _open(path)
    lines, rows = _records(path, text, delimiter)
    if not rows:
        raise ValueError(f"{path}: this table is empty")
    first, names = lines[0], rows[0] if header else [f"x{k}" for k in range(1, len(rows[0]) + 1)]
    if header:
        lines, rows = lines[1:], rows[1:]
        if counted := _counted(names, rows):
            return Table(path, *counted, tuple(lines), delimiter)
        if rows and len(names) > 1 and all(len(row) == len(names) + 1 and row[-1] for row in rows):
            names = ["", *names]  # as R writes it: the rows are named, and their column is not
    if all(not any(row[len(names) - 1 :]) for row in (*rows, names)):
        names = names[:-1]  # each line ends in a separator
    rows = [row if any(row[len(names) :]) else row[: len(names)] for row in rows]
    if len(names) < 2:
        raise ValueError(
            f"{path}: line {first} has one column only: the names of the features and the class are wanted"
        )
    if ragged := [
        f"line {line} has {len(row)}" for line, row in zip(lines, rows, strict=True) if len(row) != len(names)
    ]:
        raise ValueError(f"{path}: line {first} has {len(names)} columns, but {listed(ragged)}")
    table = Table(path, tuple(names), tuple(map(tuple, rows)), tuple(lines), delimiter)
    if header:
        _check_names(table, first)
    return table


def read_rows(
    path: str | PathLike[str], is_header: Callable[[list[str]], bool], wanted: str
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the headings, and below them the rows with their lines; a row may be short.

    Args:
        path: the file.
        is_header: tells by cells in small letters whether they are the headings; what stands above is left out.
        wanted: what the headings must be, for the error.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a table, or has no such headings.
    """
    path = Path(path)

    def heads(row: list[str]) -> bool:
        return is_header([cell.casefold() for cell in row])

    text, delimiter = _open(path, heads)
    lines, rows = _records(path, text, delimiter)
    first = next((k for k, row in enumerate(rows[:SAMPLE]) if heads(row)), None)
    if first is None:
        raise ValueError(f"{path}: a column is missing: the first line must name {wanted}")
    below = slice(first + 1, None)
    return rows[first], list(zip(lines[below], rows[below], strict=True))


# -------------------- from bytes to cells --------------------


def _open(path: Path, is_header: Callable[[list[str]], bool] | None = None) -> tuple[str, str]:
    """Return the text of a table, and what separates its cells."""
    text = _text(path)
    if said := re.match(r'"?sep=(.)"?[ \t]*(?=[\r\n])', text):
        return text[said.end() :], said[1]
    found: list[tuple[float, str]] = []
    is_list = False
    for delimiter in _DELIMITERS[:-1] if is_header else _DELIMITERS:  # names of people have spaces
        try:
            rows = [row for _, row in islice(_rows(text, delimiter), SAMPLE)]
        except csv.Error:
            continue
        if is_header and any(len(row) > 1 and is_header(row) for row in rows):
            return text, delimiter
        is_list = is_list or (is_header is not None and any(map(is_header, rows)))
        width, times = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        if width > 1:
            found.append((times / len(rows), delimiter))
    if is_list:  # of one column, in which commas and spaces are a part of a name
        return text, "\t"
    return text, max(found, key=lambda each: each[0])[1] if found else ","


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"{path}: this file has more than {LARGEST // 10**6} MB: take a part of its rows")
    wide = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encoding = next((name for mark, name in wide.items() if content.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and 0 in content[:2]:
        encoding = "utf-16-le" if content[0] else "utf-16-be"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if b"\0" not in content:
            warnings.warn(
                f"{path} is not UTF-8; it was read as Latin-1: see whether é and ü are right", TableWarning, 4
            )
        text = content.decode("cp1252", "replace")
    if "\0" in text or text.startswith("PK\x03\x04"):
        raise ValueError(f"{path}: this is not text: save the table as CSV in UTF-8")
    if text.count("\n") + text.count("\r") > MOST:
        raise ValueError(f"{path}: this table has more than {MOST:,} lines: take a part of them")
    if len(text) > MOST and "\n" not in text[:MOST] and "\r" not in text[:MOST]:
        raise ValueError(f"{path}: this is not a table: its first line has more than {MOST:,} characters")
    if re.match(r"\s*<(!doctype|html)", text[:200], re.IGNORECASE):
        raise ValueError(f"{path}: this is a web page and not a table: download the file itself")
    return text


def _records(path: Path, text: str, delimiter: str) -> tuple[list[int], list[list[str]]]:
    """Return all rows that are not empty, and the line where each ends; a comment between them is said."""
    lines, rows = list[int](), list[list[str]]()
    try:
        for line, row in _rows(text, delimiter):
            lines.append(line)
            rows.append(row)
    except csv.Error as error:
        after = f"after line {lines[-1]}" if lines else "line 1"
        raise ValueError(f"{path}, {after}: this is not a table: {one_line(str(error))}") from None
    comments = [n for n, (_, is_comment) in enumerate(_lines(text), start=1) if is_comment]
    if between := [f"line {n}" for n in comments if lines and lines[0] < n < lines[-1]]:
        warnings.warn(f"{path}: left out what begins with #: {listed(between)}", TableWarning, 4)
    return lines, rows


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    # a comment becomes a blank line, so that it is counted and quotes in it mean nothing
    read = ("\n" if is_comment else line for line, is_comment in _lines(text))
    reader = csv.reader(read, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)
    for row in reader:
        cells = [cell.strip() for cell in row]
        if delimiter == " ":
            cells = [cell for cell in cells if cell]
        if any(cells):
            yield reader.line_num, cells


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the lines, and whether each is a comment; in quotes nothing is one."""
    quoted = 0
    for line in io.StringIO(text, newline=""):
        is_comment = not quoted and _is_comment(line)
        quoted ^= line.count('"') & 1 and not is_comment
        yield line, is_comment


def _is_comment(line: str) -> bool:
    return line.startswith("#") and line[1:2] not in tuple(_DELIMITERS[:-1])  # a column may be called #


# -------------------- the first line --------------------


def _counted(names: list[str], rows: list[list[str]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]] | None:
    """Return names and rows if the first line is scikit-learn's: rows, features, and the classes that 0, 1, … are."""
    if not all(cell.isdecimal() and len(cell) < 10 for cell in names[:2]) or len(names) < 4:
        return None
    (n, features), classes = map(int, names[:2]), names[2:]
    numbers = {str(k): name for k, name in enumerate(classes)}
    if n != len(rows) or any(len(row) != features + 1 or row[-1] not in numbers for row in rows):
        return None
    named = (*(f"x{k}" for k in range(1, features + 1)), "class")
    return named, tuple((*row[:-1], numbers[row[-1]]) for row in rows)


def _check_names(table: Table, line: int) -> None:
    """Raise ValueError if the first line has no names, but what looks like the row below."""
    names, samples = table.names, [[row[k] for row in table.rows[:SAMPLE]] for k in range(len(table.names))]
    of_numbers = [
        name
        for name, cells in zip(names, samples, strict=True)
        if all(_looks_like_a_number(cell) or is_missing(cell) for cell in cells) and not all(map(is_missing, cells))
    ]
    numbers = [name for name in of_numbers if _looks_like_a_number(name)]
    if len(numbers) > 1 or (numbers and numbers == of_numbers):
        raise ValueError(
            f"{table.path}, line {line}: the first line has numbers where the columns' names are wanted: "
            "say --no-header (in Python header=False) if it is a row like the others"
        )
    unnamed = [k for k, name in enumerate(names, start=1) if not name and k > 1]  # the first numbers or names the rows
    if unnamed or len(set(names)) < len(names):
        twice = [repr(name) for name, n in Counter(names).items() if n > 1 and name]
        which = f"{twice[0]} is there twice" if twice else f"column {unnamed[0]} has none"
        raise ValueError(f"{table.path}, line {line}: each column needs a name of its own: {which}")


def _looks_like_a_number(cell: str) -> bool:
    return any(read_number(cell, mark) is not None for mark in ".,")


def listed(items: Sequence[str], separator: str = ", ") -> str:
    """Return the first ten of some items in a line, and how many there are more."""
    shown = separator.join(one_line(item)[:SHOWN] for item in items[:LISTED])
    return f"{shown}{separator}and {len(items) - LISTED:,} more" if len(items) > LISTED else shown
