"""Data to learn from: Fisher's irises, patterns made from a seed, and CSV files. No downloads."""

import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from random import Random
from typing import Any

from ..escape import one_line
from ..tables import Table, TableWarning, is_missing, listed, read_number, read_table


@dataclass(frozen=True)
class Dataset:
    """Samples to classify: row i holds the features of sample i, and target i the number of its class."""

    name: str
    rows: tuple[tuple[float, ...], ...]
    targets: tuple[int, ...]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.rows)

    def select(self, features: Iterable[str | int]) -> "Dataset":
        """Return the same samples with these features only, in this order.

        A feature is given by its name, by its place from 0, or as text by its number from 1.

        Raises:
            ValueError: there is no such feature, none is named, or one twice.
        """
        columns = _columns(self.feature_names, features, self.name)
        if not columns:
            raise ValueError(f"name at least one feature of {', '.join(self.feature_names)}")
        rows = tuple(tuple(row[i] for i in columns) for row in self.rows)
        return replace(self, rows=rows, feature_names=tuple(self.feature_names[i] for i in columns))

    def scaling(self) -> "Scaling":
        """Return what gives each feature mean 0 and standard deviation 1 over these samples.

        The standard deviation is that of all samples, with n in the denominator. A feature that is the same in all
        samples becomes 0.
        """
        columns = [*zip(*self.rows, strict=True)]
        means = [math.fsum(column) / len(column) for column in columns]
        spreads = [math.fsum((x - mean) ** 2 for x in column) for column, mean in zip(columns, means, strict=True)]
        return Scaling(tuple(means), tuple(math.sqrt(spread / len(self)) or 1.0 for spread in spreads))

    def summary(self) -> str:
        """Return in a line what was understood: samples, the range of each feature, and how often each class is."""
        ranges = [
            f"{name} {min(column):g} to {max(column):g}"
            for name, column in zip(self.feature_names, zip(*self.rows, strict=True), strict=True)
        ]
        counts = [f"{name} ({self.targets.count(k)})" for k, name in enumerate(self.class_names)]
        said = f"{self.name}: {len(self)} samples; features {listed(ranges)}; {len(counts)} classes {listed(counts)}"
        return one_line(said)

    def unscaled(self) -> str:
        """Return which features are so much larger or smaller than others that training suffers; "" if none are."""
        sizes = {max(map(abs, column)): k for k, column in enumerate(zip(*self.rows, strict=True))}
        sizes.pop(0.0, None)
        if not sizes or (max(sizes) <= 100 and max(sizes) <= 20 * min(sizes)):
            return ""
        names = [f"{self.feature_names[sizes[size]]} to {size:g}" for size in (min(sizes), max(sizes))]
        return one_line(f"the features are on different scales ({' and '.join(dict.fromkeys(names))})")


@dataclass(frozen=True)
class Scaling:
    """Shift and scale each feature: (x - mean) / deviation; a model whose `scaling` it is does so with its inputs."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def __call__(self, row: Iterable[Any]) -> list[Any]:
        """Return the features scaled, which are numbers or Values; ValueError if they are not as many."""
        row = list(row)
        if len(row) != len(self.means):
            raise ValueError(f"expected {len(self.means)} inputs, got {len(row)}")
        return [(x - mean) / d for x, mean, d in zip(row, self.means, self.deviations, strict=True)]


def iris() -> Dataset:
    """Return Fisher's irises: 150 flowers of three species, four lengths in cm of each.

    R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7 (1936), 179-188.
    """
    return read_csv(Path(__file__).with_name("data") / "iris.csv")


def moons(n: int = 100, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Make two interleaving half circles of radius 1; `noise` is the standard deviation added to each coordinate.

    Raises:
        ValueError: fewer than two samples, or a negative noise. The other patterns raise the same.
    """

    def place(label: int, t: float) -> tuple[float, float]:
        x, y = math.cos(math.pi * t), math.sin(math.pi * t)
        return (1 - x, 0.5 - y) if label else (x, y)

    return _pattern("moons", n, noise, seed, place)


def circles(n: int = 100, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Make a circle of radius 0.5, class 1, within one of radius 1, class 0."""

    def place(label: int, t: float) -> tuple[float, float]:
        radius = 0.5 if label else 1.0
        return radius * math.cos(2 * math.pi * t), radius * math.sin(2 * math.pi * t)

    return _pattern("circles", n, noise, seed, place)


def spirals(n: int = 100, noise: float = 0.05, seed: int = 0, classes: int = 2) -> Dataset:
    """Make spirals that wind once around the origin, one for each class, from radius 0.1 out to radius 1."""

    def place(label: int, t: float) -> tuple[float, float]:
        radius, angle = 0.1 + 0.9 * t, 2 * math.pi * (t + label / classes)
        return radius * math.cos(angle), radius * math.sin(angle)

    return _pattern("spirals", n, noise, seed, place, classes)


def xor(n: int = 100, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Make points around the corners of the unit square, of class 1 where exactly one coordinate is 1.

    The first four, `xor(4, noise=0)`, are the truth table.
    """
    _check(n, noise, 2)
    rng = Random(seed)
    corners = [(i >> 1 & 1, i & 1) for i in range(n)]
    rows = tuple((_near(a, noise, rng), _near(b, noise, rng)) for a, b in corners)
    return Dataset("xor", rows, tuple(a ^ b for a, b in corners), ("x1", "x2"), ("0", "1"))


def read_csv(
    path: str | PathLike[str],
    *,
    target: str | int | None = None,
    features: Iterable[str | int] | None = None,
    header: bool = True,
    drop_missing: bool = False,
) -> Dataset:
    """Read a table of numbers in which one column is the class, as `tables.read_table` understands tables.

    Classes may be words or numbers; they are numbered in sorted order, and 1 and 1.0 are one. Columns are named as in
    `Dataset.select`. A TableWarning says what was left out or may have been misread.

    Args:
        path: the file.
        target: the column of the class; None takes the last one if it can be that.
        features: the columns to learn from; None takes all others but those that number the rows.
        header: whether the first line names the columns; if not, they are x1, x2, …
        drop_missing: whether to leave out rows in which a cell is missing.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not such a table; the text names the file and all lines, or columns, that are not.
    """
    table = read_table(path, header)
    at = len(table.names) - 1 if target is None else find_column(table.names, target, table.path.name)
    if doubt := _doubt(table, at, ask=target is None):
        raise ValueError(f"{table.path}: {doubt}")
    others = [k for k in range(len(table.names)) if k != at]
    if features is None:
        numbering = [k for k in others if _numbers_rows(table, k)]
        used = [k for k in others if k not in numbering] or others
        if len(used) < len(others):
            left_out = ", ".join(
                repr(one_line(table.names[k])) if table.names[k] else "a column without a name" for k in numbering
            )
            warnings.warn(f"{table.path}: left out {left_out}, which numbers the rows", TableWarning, 2)
    else:
        used = _columns(table.names, features, table.path.name)
        if not used or at in used:
            raise ValueError(f"{table.path}: name features to learn from, other than {table.names[at]!r}, the class")
    rows, labels = _numbers(table, used, at, drop_missing)
    class_names = _sorted_classes(set(labels))
    if len(class_names) < 2:
        raise ValueError(f"{table.path}: samples of at least two classes are needed, found {len(class_names)}")
    place = {name: k for k, name in enumerate(class_names)}
    targets = tuple(place[label] for label in labels)
    names = tuple(one_line(table.names[k]) or "row" for k in used)
    return Dataset(table.path.stem, rows, targets, names, tuple(class_names))


def find_column(names: Sequence[str], column: str | int, where: str) -> int:
    """Return the place of a column, given its name, its place from 0, or as text its number from 1.

    Raises:
        ValueError: there is none; the text says which there are in `where`.
    """
    if column in names:
        return names.index(column)
    place = int(column) - 1 if isinstance(column, str) and column.isdecimal() and len(column) < 9 else column
    if isinstance(place, int) and 0 <= place < len(names):
        return place
    raise ValueError(f"{where} has the columns {listed(names)}, not {column!r}")


# -------------------- helpers --------------------


def _pattern(
    name: str,
    n: int,
    noise: float,
    seed: int,
    place: Callable[[int, float], tuple[float, float]],
    classes: int = 2,
) -> Dataset:
    """Spread each class evenly over t from 0 to 1."""
    _check(n, noise, classes)
    rng, rows, targets = Random(seed), [], []
    for label in range(classes):
        count = (n + label) // classes  # the later classes take what is left over
        for i in range(count):
            x, y = place(label, (i + 0.5) / count)
            rows.append((_near(x, noise, rng), _near(y, noise, rng)))
            targets.append(label)
    return Dataset(name, tuple(rows), tuple(targets), ("x1", "x2"), tuple(map(str, range(classes))))


def _near(x: float, noise: float, rng: Random) -> float:
    return round(x + rng.gauss(0.0, noise), 6)  # the last bit of a sine is not the same on every platform


def _columns(names: Sequence[str], features: Iterable[str | int], table: str) -> list[int]:
    columns = [find_column(names, feature, table) for feature in features]
    if len(set(columns)) < len(columns):
        twice = next(names[k] for k in columns if columns.count(k) > 1)
        raise ValueError(f"{table}: the feature {twice!r} is named twice: name it once")
    return columns


def _check(n: int, noise: float, classes: int) -> None:
    if classes < 2 or n < classes:
        raise ValueError(f"at least two classes and a sample of each are needed, not {n} samples of {classes} classes")
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise is a standard deviation from 0 upwards, not {noise}")


# -------------------- tables --------------------

_CLASS = {"class", "label", "target", "species", "y", "category", "type", "kind", "variety", "diagnosis", "outcome"}
_ID = {"", "id", "index", "no", "nr", "#", "number", "row", "unnamed: 0"}


def _doubt(table: Table, at: int, ask: bool) -> str:
    """Return why a column is not the class, or may not be if `ask`, with a guess at what is; "" if it is."""
    name, kinds = table.names[at], {k: _kinds(table, k) for k in range(len(table.names))}
    why = _why_not(len(kinds[at]), len(table.rows), kinds[at])
    if not why and not ask:
        return ""
    likely = [
        k
        for k, found in kinds.items()
        if k != at and not _why_not(len(found), len(table.rows), found) and not _numbers_rows(table, k)
        if table.names[k].casefold() in _CLASS or not all(map(_is_number, found))
    ]
    if not why and (not likely or name.casefold() in _CLASS or not all(map(_is_number, kinds[at]))):
        return ""
    said, name = why or "is the last column, but another may be the class", one_line(name)
    if not likely:
        return f"{name} {said}; say which column is, of {listed(table.names)}: --target NAME"
    guesses = [f"{table.names[k]} has {len(kinds[k])} values in {len(table.rows)} rows" for k in likely]
    return (
        f"{name} {said}; {listed(guesses)}: --target {one_line(table.names[likely[0]])}{'?' if why else f' or {name}?'}"
    )


def _kinds(table: Table, k: int) -> set[str]:
    return {_label(row[k]) for row in table.rows if not is_missing(row[k])}


def _why_not(count: int, rows: int, found: set[str]) -> str:
    """Return why values are not classes, "" if they may be: too many of them, or measured ones."""
    numbers = all(map(_is_number, found))
    if numbers and count > 3 and any(float(x) % 1 for x in found):
        return f"has {count} values with decimals, so it is measured and not a class, and only classes are learnt here"
    if count > min(max(3, rows / 2), 100) or (numbers and count > min(max(10, rows / 5), 50)):
        return f"has {count} values in {rows} rows, so it is not a class"
    return ""


def _numbers_rows(table: Table, k: int) -> bool:
    """Tell whether a column does not measure anything, but numbers or names the rows."""
    name, cells = table.names[k].casefold(), [row[k] for row in table.rows]
    if len(set(cells)) < len(cells) or not cells:
        return False
    if not name:
        return True
    if not all(re.fullmatch(r"\d{1,15}", cell, re.ASCII) for cell in cells):
        return False
    start = int(cells[0])
    in_order = len(cells) >= 10 and start < 2 and [*map(int, cells)] == [*range(start, start + len(cells))]
    return in_order or name in _ID or name.endswith("id")


def _numbers(
    table: Table, used: Sequence[int], at: int, drop_missing: bool
) -> tuple[tuple[tuple[float, ...], ...], list[str]]:
    """Return the features and the class of each row; all cells that are not numbers are refused together."""
    mark = table.decimal_mark(used)
    rows, labels, missing, wrong, words = [], [], [], [], Counter[int]()
    dropped = 0
    for line, row in zip(table.lines, table.rows, strict=True):
        gone = [k for k in (*used, at) if is_missing(row[k])]
        if gone and drop_missing:
            dropped += 1
            continue
        numbers = [read_number(row[k], mark) for k in used]
        missing += [f"line {line}, {table.names[k]}" for k in gone]
        bad = [k for k, x in zip(used, numbers, strict=True) if x is None and k not in gone]
        wrong += [f"line {line}, {table.names[k]}: {row[k][:40]!r}" for k in bad]
        words.update(bad)
        rows.append(tuple(x or 0.0 for x in numbers))
        labels.append(_label(row[at]))
    if of_words := [table.names[k] for k, n in words.items() if n > len(rows) / 2]:
        fit = [table.names[k] for k in used if table.names[k] not in of_words]
        leave = f"leave them out (--features {','.join(map(one_line, fit))}), or " if fit else ""
        raise ValueError(
            f"{table.path}: features are numbers, but there are words in {listed(of_words)}: {leave}give the words "
            "numbers with a spreadsheet or pandas first"
        )
    if wrong:
        raise ValueError(f"{table.path}: not finite numbers: {listed(wrong, '; ')}")
    if missing:
        raise ValueError(
            f"{table.path}: nothing is there for {listed(missing, '; ')}. Say --drop-missing (in Python "
            "drop_missing=True) to leave out their rows, or fill them in with a spreadsheet or pandas first"
        )
    if not rows:
        raise ValueError(
            f"{table.path}: no rows are left, for a cell is missing in each"
            if dropped
            else f"{table.path}: there are no rows"
        )
    if dropped:
        warnings.warn(
            f"{table.path}: left out {dropped} of {len(table.rows)} rows, as cells are missing", TableWarning, 3
        )
    return tuple(rows), labels


def _label(cell: str) -> str:
    """Return a class as it is named: numbers in the shortest way, so that 1 and 1.0 are one."""
    x = read_number(cell)
    return one_line(cell) if x is None else str(int(x)) if x.is_integer() and abs(x) < 1e15 else repr(x)


def _is_number(cell: str) -> bool:
    return read_number(cell) is not None


def _sorted_classes(labels: set[str]) -> list[str]:
    by_number = all(map(_is_number, labels))
    return sorted(labels, key=lambda label: (float(label) if by_number else 0.0, label))
