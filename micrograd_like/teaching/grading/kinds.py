"""The kinds of mistakes: of the backward pass, of the update, of a value in the forward pass, and of the whole pass."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...engine import Value
from .lines import Edge, Term

Contribute = Callable[[Edge], Any]
AddUp = Callable[[Value, Sequence[Term]], Any]


@dataclass(frozen=True)
class Mistake:
    """One mistake, and what to say to a student who makes it."""

    kind: ClassVar[str]
    id: str
    name: str
    sentence: str  # to the student, when it is named
    question: str  # a hint that does not give it away

    def __str__(self) -> str:
        """Return its name."""
        return self.name


@dataclass(frozen=True)
class BackwardMistake(Mistake):
    """A mistake of the backward pass: a wrong contribution, or a sum of contributions that differs.

    A rule returns None where the mistake cannot be made; one that makes a sum may return a list, of which any may be
    found. Of several rules, a student is taken to keep to one.
    """

    kind = "gradient"
    contribute: tuple[Contribute, ...] = ()
    add_up: tuple[AddUp, ...] = ()

    @property
    def versions(self) -> list[tuple[str, Callable[..., Any], bool]]:
        """Its rules, each with a key of its own, and whether it makes a sum."""
        rules: list[tuple[Callable[..., Any], bool]] = [(rule, False) for rule in self.contribute]
        rules += [(rule, True) for rule in self.add_up]
        return [(f"{self.id}{SEPARATOR}{k}" if k else self.id, *rule) for k, rule in enumerate(rules)]


@dataclass(frozen=True)
class UpdateMistake(Mistake):
    """A mistake of the update: another number for a parameter, of its number, its gradient and the learning rate."""

    kind = "update"
    update: Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class ForwardMistake(Mistake):
    """A mistake of the forward pass: other values for a node, of the values of its operands."""

    kind = "value"
    values: Callable[[Value, Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True)
class PassMistake(Mistake):
    """A mistake that is no variation of a rule: all gradients of a graph as it makes them, none where it cannot."""

    kind = "pass"
    numbers: Callable[[Value], Mapping[Value, Any]]


SEPARATOR = "/"  # between a mistake's id and the number of its rule


def mistake_of(key: str) -> str:
    """Return the id of the mistake to which a rule belongs."""
    return key.partition(SEPARATOR)[0]
