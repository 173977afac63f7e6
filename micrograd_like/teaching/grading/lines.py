"""What somebody who computes both passes writes down, line by line, and by which rule each line follows.

A line is a node's value, a node's gradient, or a parameter's number after the update. Its rule is a formula of lines
before it, and so is what each mistake would make of it. Grading in Python and on a page for the screen reads nothing
else: a page gets these lines as they are.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ... import ops
from ...engine import Value, topological_order
from ...formulas import COMPARE, Apply, Tree, fold, names_in, substitute
from ...graph.walk import walk
from ...notation.names import constants, node_names
from ...ops import CONSTANT, Operation

MANY = 9  # contributions to a node, of which it is no longer tried whether one alone was mistaken, or is missing
NEW = "_new"  # after a leaf's name: its number after the update

Kind = Literal["value", "gradient", "update"]


def _operator(row: Operation, *, reflected: bool = False) -> Callable[["Term", Any], "Term"]:
    """Return the method of Term that an operator calls; reflected where a number stands before it."""
    return lambda term, other: Term._record(row, (other, term) if reflected else (term, other))


class Term:
    """A formula that is made by computing with it, as a rule does that takes it for a number."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    __add__, __radd__ = _operator(ops.add), _operator(ops.add, reflected=True)
    __sub__, __rsub__ = _operator(ops.subtract), _operator(ops.subtract, reflected=True)
    __mul__, __rmul__ = _operator(ops.multiply), _operator(ops.multiply, reflected=True)
    __truediv__, __rtruediv__ = _operator(ops.divide), _operator(ops.divide, reflected=True)
    __pow__ = _operator(ops.power)

    def __neg__(self) -> "Term":
        return self._record(ops.negative, (self,))

    @staticmethod
    def _record(op: Operation, operands: Iterable[Any]) -> "Term":
        """Let a row of ops.py be called with Terms."""
        return Term(Apply(op.name, tuple(tree_of(x) for x in operands)))


def tree_of(x: Any) -> Tree:
    """Return the formula of a Term; a number is one already."""
    return x.tree if isinstance(x, Term) else x


class Edge(NamedTuple):
    """One step of the backward pass: what a rule, right or wrong, makes a contribution of."""

    node: Value
    position: int  # of the operand
    xs: tuple[Term, ...]  # the operands' values
    out: Term  # the node's value
    upstream: Term
    local: Term
    terms: Mapping[Value, Term]  # the values of all nodes
    is_root: bool  # whether the node is the output
    learning_rate: Any  # of the update; None if there is none

    @property
    def op(self) -> Operation:
        """The node's operation."""
        return self.node.op

    @property
    def operand(self) -> Value:
        """What the contribution goes to."""
        return self.node.operands[self.position]

    @property
    def x(self) -> Term:
        """The operand's value."""
        return self.xs[self.position]

    @property
    def other(self) -> int | None:
        """The position of the other factor in a product or a weighted sum; None if there is none."""
        n = len(self.xs) // 2
        if self.op is ops.multiply or (self.op is ops.dot and self.position < 2 * n):
            return (self.position + n) % (2 * n)
        return None


@dataclass(frozen=True)
class Line:
    """A number that somebody computes, and the formula by which it follows from those before it."""

    id: str
    name: str
    kind: Kind
    node: Value
    # One is as right as the other: a derivative may take a node's value as it was written, or compute it once more.
    rules: tuple[Tree, ...]
    # For each mistake by which it may come out otherwise, the formulas: first if it is made wherever it can be, then if
    # it is made in one place only.
    wrong: dict[str, tuple[Tree, ...]] = field(default_factory=dict)

    @cached_property
    def uses(self) -> set[str]:
        """The ids of the lines, and of the given numbers, from which it follows."""
        return set().union(*map(names_in, self.rules))


@dataclass(frozen=True)
class Lines:
    """All lines of both passes in the order in which they are computed, and what is given before."""

    root: Value
    names: dict[Value, str]
    given: dict[str, Any]  # numbers: of leaves, and of results that are told
    lines: tuple[Line, ...]
    _right: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # numbers that were computed before

    def find(self, kind: Kind) -> dict[Value, Line]:
        """Return the lines of one kind by their node."""
        return {line.node: line for line in self.lines if line.kind == kind}

    def with_given(self, ids: Collection[str]) -> "Lines":
        """Return the same with lines for some of the numbers that are given, which somebody has written down too."""
        own = [
            Line(f"v{k}", name, "value", v, (self.given[f"v{k}"],))
            for k, (v, name) in enumerate(self.names.items())
            if f"v{k}" in ids and f"v{k}" in self.given
        ]
        return replace(self, lines=(*own, *self.lines))

    def numbers(self, mistake: str = "", told: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """Return what each line comes to, by its id; exact where the graph is, and as a mistake makes it.

        What is told of some lines is gone on with, mistake or not.

        Raises:
            ValueError, ArithmeticError: a line is not defined.
        """
        kind = type(self.root.data)
        found = {**self.given, **told}
        changed = set(told)
        for line in self.lines:
            if line.id in told:
                continue
            is_right = mistake not in line.wrong and changed.isdisjoint(line.uses)
            if is_right and line.id in self._right:
                found[line.id] = self._right[line.id]
                continue
            tree = line.wrong[mistake][0] if mistake in line.wrong else line.rules[0]
            number = fold(tree, found, kind, _compute, lambda condition, a, b: a() if condition else b())
            if not isinstance(number, float) and ops.is_too_long(number):  # a mistake may square again and again
                raise OverflowError("the exact number has more than 3,000 digits")
            found[line.id] = number
            if is_right:
                self._right[line.id] = number
            else:
                changed.add(line.id)
        return found


def _compute(operation: str, operands: Sequence[Any]) -> Any:
    return COMPARE[operation](*operands) if operation in COMPARE else ops.OPERATIONS[operation].compute(operands)


class Told(Operation):
    """An operation whose result is told to the student, rounded: it bears the name and the formulas of a row."""

    def __init__(self, row: Operation, places: int) -> None:
        """Take a row, and to how many decimals its result is rounded."""
        self.__dict__.update(row.__dict__)
        self.row, self.places = row, places

        def forward(*numbers: Any) -> Any:
            found = row.forward(*numbers)
            is_exact = not any(isinstance(x, float) for x in numbers)
            return type(numbers[0])(f"{found:.{places}f}") if is_exact else round(found, places)

        self.forward = forward

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy it as what it is made of."""
        return Told, (self.row, self.places)


def lines_of(root: Value, mistakes: Iterable[Any] = (), learning_rate: Any = None) -> Lines:
    """Return the lines of both passes over a graph, and of the update if there is a learning rate.

    Args:
        root: the output.
        mistakes: rows of the table of mistakes, which are tried at each line.
        learning_rate: of the update; below 0 if it goes up.
    """
    order = topological_order(root)
    names = node_names(order)
    terms = {v: Term(v.data if v.op is CONSTANT else f"v{k}") for k, v in enumerate(order)}
    is_given = {v: not v.operands or isinstance(v.op, Told) for v in order}
    given = {f"v{k}": v.data for k, v in enumerate(order) if is_given[v] and v.op is not CONSTANT}
    by_kind: dict[str, list[Any]] = {"value": [], "gradient": [], "update": [], "pass": []}
    for mistake in mistakes:
        by_kind[mistake.kind].append(mistake)
    lines = [
        Line(f"v{k}", names[v], "value", v, *_value(v, [terms[x] for x in v.operands], by_kind["value"]))
        for k, v in enumerate(order)
        if not is_given[v]
    ]
    place = {v: k for k, v in enumerate(order)}
    gradients = {v: Term(f"g{k}") for v, k in place.items()}
    backward = _Backward(terms, gradients, by_kind["gradient"], root, learning_rate)
    passes = [(m.id, m.numbers(root)) for m in by_kind["pass"]] if any(count > 1 for count in _uses(order)) else []
    for v, (rules, wrong), _ in walk(order, Made(Term(1), Term(1), {}), backward.total, backward.contributions):
        wrong |= {mistake_id: (found[v],) for mistake_id, found in passes if v in found}
        lines.append(Line(f"g{place[v]}", names[v], "gradient", v, rules, wrong))
    taken = set(names.values())
    for k, v in enumerate(order if learning_rate is not None else ()):
        if not v.operands and v.op is not CONSTANT and v.label and (name := f"{v.label}{NEW}") not in taken:
            x, g = terms[v], gradients[v]
            found = {m.id: m.update(x, g, learning_rate) for m in by_kind["update"]}
            wrong = {mistake_id: (tree_of(made),) for mistake_id, made in found.items() if made is not None}
            lines.append(Line(f"n{k}", name, "update", v, ((x - learning_rate * g).tree,), wrong))
    return Lines(root, names, given, tuple(lines))


def _uses(order: Sequence[Value]) -> list[int]:
    """Return how often each node is used that is not a constant."""
    return list(Counter(x for v in order for x in v.operands if x.op is not CONSTANT).values())


def _value(v: Value, xs: Sequence[Term], mistakes: Iterable[Any]) -> tuple[tuple[Tree], dict[str, tuple[Tree, ...]]]:
    right = (Apply(v.op.name, tuple(x.tree for x in xs)),)
    wrong = {m.id: tuple(map(tree_of, m.values(v, xs))) for m in mistakes}
    return right, {mistake_id: trees for mistake_id, trees in wrong.items() if trees}


class _Backward:
    """The walk of contributions in which a contribution is a formula, beside those that mistakes make instead."""

    def __init__(
        self,
        terms: Mapping[Value, Term],
        gradients: Mapping[Value, Term],
        mistakes: Iterable[Any],
        root: Value,
        learning_rate: Any,
    ) -> None:
        self.terms, self.gradients, self.root, self.learning_rate = terms, gradients, root, learning_rate
        versions = [version for mistake in mistakes for version in mistake.versions]
        self.contribute = [(key, rule) for key, rule, is_total in versions if not is_total]
        self.add_up = [(key, rule) for key, rule, is_total in versions if is_total]

    def contributions(self, v: Value, _: Any, positions: Sequence[int]) -> Iterator["Made"]:
        xs, out, upstream = tuple([self.terms[x] for x in v.operands]), self.terms[v], self.gradients[v]
        again = out if isinstance(v.op, Told) else Term(Apply(v.op.name, tuple(x.tree for x in xs)))
        for i in positions:
            local = local_term(v, i, xs, out)
            edge = Edge(v, i, xs, out, upstream, local, self.terms, v is self.root, self.learning_rate)
            made = {key: rule(edge) for key, rule in self.contribute}
            wrong = {key: Term(tree_of(x)) for key, x in made.items() if x is not None}
            yield Made(upstream * local, upstream * local_term(v, i, xs, again), wrong)

    def total(self, v: Value, made: Sequence["Made"]) -> tuple[tuple[Tree, ...], dict[str, tuple[Tree, ...]]]:
        right = [x.right for x in made]
        wrong: dict[str, tuple[Tree, ...]] = {}
        for key, _ in self.contribute:
            places = [k for k, x in enumerate(made) if key in x.wrong]
            if places:
                everywhere = [x.wrong.get(key, x.right) for x in made]
                alone = (
                    [[*right[:k], made[k].wrong[key], *right[k + 1 :]] for k in places] if 1 < len(right) < MANY else []
                )
                wrong[key] = tuple(add_up(terms).tree for terms in [everywhere, *alone])
        for key, rule in self.add_up:
            if (x := rule(v, right)) is not None:
                wrong[key] = tuple(map(tree_of, x if isinstance(x, list) else [x]))
        rules = tuple(dict.fromkeys([add_up(right).tree, add_up([x.again for x in made]).tree]))
        different = {
            key: tuple(tree for tree in dict.fromkeys(trees) if tree not in rules) for key, trees in wrong.items()
        }
        return rules, {key: trees for key, trees in different.items() if trees}


class Made(NamedTuple):
    """A contribution: the right one, the same with the node's value computed once more, and those of mistakes."""

    right: Term
    again: Term
    wrong: dict[str, Term]


def add_up(terms: Sequence[Term]) -> Term:
    """Return the sum of contributions."""
    return reduce(lambda x, y: x + y, terms)


def local_term(v: Value, i: int, xs: Sequence[Term], out: Term) -> Term:
    """Return the local derivative ∂v/∂operand `i` as a formula of the values of the operands and of the node."""
    tree, meanings = v.op.bind(i, out.tree, [x.tree for x in xs])
    known = v.op.bind(i, None, constants(v.operands))[1]
    tree = substitute(tree, {name: x for name, x in known.items() if x is not None})

    def choose(condition: Tree, yes: Any, no: Any) -> Tree:
        return Apply("choose", (condition, yes(), no()))

    return Term(fold(tree, meanings, lambda x: x, lambda operation, xs: Apply(operation, tuple(xs)), choose))
