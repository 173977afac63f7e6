"""What commands have in common: what they say, and the arguments that they take."""

import argparse
import csv
import math
import sys
from fractions import Fraction
from typing import Any, TypeAlias

from ..engine import Value
from ..escape import one_line
from ..notation.expressions import parse

INTERRUPTED, TERMINATED = 130, 143  # the exit codes that shells give programs stopped by Ctrl-C and by SIGTERM

Commands: TypeAlias = Any  # what add_subparsers() returns, whose class is private


def complain(message: str) -> None:
    """Say something on standard error, without what would move a terminal's cursor."""
    print("micrograd-like:", "\n".join(map(one_line, message.split("\n"))), file=sys.stderr)


def wrote(path: object) -> None:
    """Say what was written."""
    print("wrote", one_line(str(path)))


def add_command(commands: Commands, name: str, says: str, epilog: str = "") -> argparse.ArgumentParser:
    """Add a command; what it does is said in the list of commands and in its own help."""
    description = f"{says[0].upper()}{says[1:]}."
    command: argparse.ArgumentParser = commands.add_parser(name, help=says, description=description, epilog=epilog)
    return command


# -------------------- a formula and its numbers --------------------


def take_formula(command: argparse.ArgumentParser, example: str) -> None:
    """Let a command take a formula, such as this one, and its numbers."""
    command.add_argument("expression", metavar="EXPRESSION", help=f"such as {example}")
    command.add_argument("numbers", metavar="NAME=NUMBER", nargs="*", type=assignment, help="such as x=2 w=-3 b=1/2")


def root(options: argparse.Namespace) -> Value:
    """Return the Value of the formula and the numbers that were given."""
    numbers = dict[str, str]()
    for name, number in options.numbers:
        if name in numbers:
            raise ValueError(f"{name} is given two numbers, {numbers[name]} and {number}: give it one")
        numbers[name] = number
    kind = Fraction if any("/" in number for number in numbers.values()) else float  # fractions stay exact
    return parse(options.expression, **{name: kind(number) for name, number in numbers.items()})


# -------------------- arguments --------------------


def assignment(written: str) -> tuple[str, str]:
    """Return the name and the number of `x=2`."""
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


def count(written: str) -> int:
    """Return a whole number above 0."""
    if not written.isdecimal() or not 0 < int(written) < 10**9:
        raise argparse.ArgumentTypeError(f"{written!r} is not a whole number above 0")
    return int(written)


def points(written: str) -> float:
    """Return a number of points above 0."""
    number = _float(written)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{written!r} is not a number of points above 0")
    return number


def share(written: str) -> float:
    """Return a number from 0 to 1."""
    number = _float(written)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{written!r} is not a share of a point: write a number from 0 to 1")
    return number


def counts(written: str) -> tuple[int, ...]:
    """Return whole numbers above 0 that commas separate."""
    return tuple(count(part.strip()) for part in written.split(",")) if written else ()


def names(written: str) -> list[str]:
    """Return names that commas separate, as in a line of CSV."""
    try:
        return [part.strip() for part in next(csv.reader([written], skipinitialspace=True), [])]
    except csv.Error as error:
        raise argparse.ArgumentTypeError(f"{written!r} does not name columns: {error}") from None


def _float(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        return math.nan
