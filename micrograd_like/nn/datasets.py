"""Data to learn from: Fisher's irises, patterns made from a seed, and CSV files. No downloads."""

import csv
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from random import Random


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
        """Return the same samples with these features only, by name or by position from 0, in this order.

        Raises:
            ValueError: there is no such feature, or none is named.
        """
        columns = []
        for feature in features:
            if feature in self.feature_names:
                columns.append(self.feature_names.index(str(feature)))
            elif isinstance(feature, int) and 0 <= feature < len(self.feature_names):
                columns.append(feature)
            else:
                raise ValueError(f"{self.name} has the features {', '.join(self.feature_names)}, not {feature!r}")
        if not columns:
            raise ValueError(f"name at least one feature of {', '.join(self.feature_names)}")
        rows = tuple(tuple(row[i] for i in columns) for row in self.rows)
        return replace(self, rows=rows, feature_names=tuple(self.feature_names[i] for i in columns))

    def standardized(self) -> "Dataset":
        """Return the same samples with each feature shifted to mean 0 and scaled to standard deviation 1.

        The standard deviation is that of all samples, with n in the denominator. A feature that is the same in all
        samples becomes 0. The features' names say that they were standardized.
        """
        columns = [_standardized(column) for column in zip(*self.rows, strict=True)]
        names = tuple(f"{name}, standardized" for name in self.feature_names)
        return replace(self, rows=tuple(zip(*columns, strict=True)), feature_names=names)


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


def read_csv(path: str | PathLike[str]) -> Dataset:
    """Read a CSV file in UTF-8: a line that names the columns, then numbers, with the class in the last column.

    Classes may be words or numbers; they are numbered in sorted order. Blank lines, and lines that begin with `#`, are
    passed over.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not such a file; the text names the file, the line and the column.
    """
    path = Path(path)
    names: list[str] = []
    rows, labels = [], []
    with path.open(encoding="utf-8-sig", newline="") as file:
        # a comment becomes a blank line, so that it is counted and quotes in it mean nothing
        reader = csv.reader("\n" if line.startswith("#") else line for line in file)
        try:
            for cells in reader:
                cells = [cell.strip() for cell in cells]
                if not any(cells):
                    continue
                if not names:
                    names = _column_names(cells)
                    continue
                if len(cells) != len(names):
                    raise ValueError(f"{len(cells)} columns instead of {len(names)}")
                rows.append(tuple(map(_measurement, cells[:-1], names)))
                labels.append(cells[-1])
                if not cells[-1]:
                    raise ValueError(f"column {names[-1]!r}: the class is missing")
        except UnicodeDecodeError:
            raise ValueError(f"{path}: this is not text in UTF-8") from None
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path}, line {reader.line_num}: {error}") from None
    class_names = _sorted_classes(set(labels))
    if len(class_names) < 2:
        raise ValueError(f"{path}: samples of at least two classes are needed, found {len(class_names)}")
    targets = tuple(class_names.index(label) for label in labels)
    return Dataset(path.stem, tuple(rows), targets, tuple(names[:-1]), tuple(class_names))


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


def _check(n: int, noise: float, classes: int) -> None:
    if classes < 2 or n < classes:
        raise ValueError(f"at least two classes and a sample of each are needed, not {n} samples of {classes} classes")
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise is a standard deviation from 0 upwards, not {noise}")


def _standardized(column: tuple[float, ...]) -> list[float]:
    mean = math.fsum(column) / len(column)
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in column) / len(column))
    return [(x - mean) / deviation if deviation else 0.0 for x in column]


def _column_names(cells: list[str]) -> list[str]:
    if len(cells) < 2:
        raise ValueError("one column only: features and, last, the class are wanted, with commas between them")
    if not all(cells) or len(set(cells)) < len(cells):
        raise ValueError("each column needs a name of its own")
    if all(map(_is_number, cells[:-1])):
        raise ValueError("the first line has numbers where the columns' names are wanted")
    return cells


def _measurement(cell: str, name: str) -> float:
    if not _is_number(cell):
        raise ValueError(f"column {name!r}: {cell!r} is not a finite number")
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _sorted_classes(labels: set[str]) -> list[str]:
    by_number = all(map(_is_number, labels))
    return sorted(labels, key=lambda label: (float(label) if by_number else 0.0, label))
