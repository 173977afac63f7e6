"""Formulas as small trees: parsed once, and then differentiated, compiled, or printed as text or LaTeX.

The language is that of the local derivatives in `ops.py`: numbers, the names of operands, `out` for the result,
`+ - * / **`, operations by name as functions, and `A if condition else B`. A condition is a comparison, or a number,
which is true unless it is 0; the latter kind guards a formula where it has no value, and is not printed.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

# What Python's operators mean, by the names that the module `ast` gives them.
BY_SYNTAX = {
    "Add": "add",
    "Sub": "subtract",
    "Mult": "multiply",
    "Div": "divide",
    "Pow": "power",
    "USub": "negative",
    "UAdd": "positive",
}
COMPARISONS = {"Gt": ">", "Lt": "<", "Eq": "=="}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {">": operator.gt, "<": operator.lt, "==": operator.eq}


class Apply(NamedTuple):
    """An operation on trees, or a comparison, or a choice: "choose" of a condition and two trees.

    The leaves of a tree are numbers, and the names of operands.
    """

    operation: str
    operands: tuple[Any, ...]


Tree = Apply | str | float


def parse(formula: str) -> Tree:
    """Return a formula as a tree; ValueError if it is not in the language of this module."""

    def tree(node: ast.expr) -> Tree:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.Name(id=name):
                return name
            case ast.BinOp(left=left, op=sign, right=right) if type(sign).__name__ in BY_SYNTAX:
                return Apply(BY_SYNTAX[type(sign).__name__], (tree(left), tree(right)))
            case ast.UnaryOp(op=sign, operand=operand) if type(sign).__name__ in BY_SYNTAX:
                return Apply(BY_SYNTAX[type(sign).__name__], (tree(operand),))
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
                return Apply(function, tuple(map(tree, arguments)))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign).__name__ in COMPARISONS:
                return Apply(COMPARISONS[type(sign).__name__], (tree(left), tree(right)))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return Apply("choose", (tree(test), tree(body), tree(orelse)))
        raise ValueError(
            f"{ast.unparse(node)!r} cannot stand in the formula {formula!r}: write it with numbers, operands, out, "
            "+ - * / **, operations by name, and `A if x > y else B`"
        )

    try:
        return tree(ast.parse(formula.strip(), mode="eval").body)
    except SyntaxError as error:
        raise ValueError(f"{formula!r} is not a formula: {error.msg}") from None


def operations_in(tree: Tree) -> set[str]:
    """Return the names of the operations that a tree applies."""
    if not isinstance(tree, Apply):
        return set()
    own = set() if tree.operation in ("choose", *COMPARE) else {tree.operation}
    return own.union(*map(operations_in, tree.operands))


def names_in(tree: Tree) -> set[str]:
    """Return the names of operands that a tree has as leaves."""
    if isinstance(tree, Apply):
        return set().union(*map(names_in, tree.operands))
    return {tree} if isinstance(tree, str) else set()


def fold(
    tree: Tree,
    names: Mapping[str, T],
    number: Callable[[float], T],
    apply: Callable[[str, list[T]], T],
    choose: Callable[[T, Callable[[], T], Callable[[], T]], T],
) -> T:
    """Return what a tree comes to.

    Args:
        tree: the formula.
        names: what its names mean.
        number: what a number means.
        apply: what an operation, or a comparison, makes of its operands.
        choose: what becomes of a condition and two sides, each of which is worked out when it is called.
    """

    def worth(x: Tree) -> T:
        if isinstance(x, str):
            return names[x]
        if not isinstance(x, Apply):
            return number(x)
        if x.operation == "choose":
            condition, a, b = x.operands
            return choose(worth(condition), lambda: worth(a), lambda: worth(b))
        return apply(x.operation, [worth(y) for y in x.operands])

    return worth(tree)


def substitute(tree: Tree, numbers: Mapping[str, float]) -> Tree:
    """Return the tree with numbers in place of some names, made simpler where they allow it.

    Of y * x**(y - 1), with 2 in place of y, 2 * x is left.
    """

    def apply(operation: str, operands: list[Tree]) -> Tree:
        operation, operands = simplify(operation, operands, _number)
        constants = [x for x in map(_number, operands) if x is not None]
        if operation == "positive":
            return operands[0]
        if len(constants) == len(operands) and operation in _ON_NUMBERS:
            return _ON_NUMBERS[operation](*constants)  # type: ignore[no-any-return]
        return Apply(operation, tuple(operands))

    def choose(condition: Tree, a: Callable[[], Tree], b: Callable[[], Tree]) -> Tree:
        if isinstance(condition, bool | int | float):
            return a() if condition else b()
        return a() if a() == b() else Apply("choose", (condition, a(), b()))

    if not numbers:
        return tree
    meanings: dict[str, Tree] = {name: numbers.get(name, name) for name in names_in(tree)}
    return fold(tree, meanings, lambda x: x, apply, choose)


_ON_NUMBERS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "negative": operator.neg,
    **COMPARE,
}


def _number(x: Tree) -> float | None:
    return None if isinstance(x, str | Apply) else x


def simplify(operation: str, operands: Sequence[Any], number: Callable[[Any], Any]) -> tuple[str, list[Any]]:
    """Return an operation and operands that come to the same with less work.

    ("positive", [x]) stands for x itself, where x may be a new number.

    Args:
        operation: the name of a row.
        operands: trees, Values, names of results, …
        number: tells which number an operand is; None if it is not a constant.
    """
    if operation not in ("add", "subtract", "multiply", "divide", "power", "positive"):
        return operation, list(operands)
    x, y = operands[0], operands[-1]
    m, n = number(x), number(y)
    match operation:
        case "add" if m == 0 or n == 0:
            return "positive", [y if m == 0 else x]
        case "subtract" if n == 0:
            return "positive", [x]
        case "subtract" if m == 0:
            return "negative", [y]
        case "multiply" if m == 0 or n == 0:
            return "positive", [0 * m if m == 0 else 0 * n]
        case "multiply" if m in (1, -1):
            return "positive" if m == 1 else "negative", [y]
        case "divide" if m == 0:
            return "positive", [x]
        case "multiply" | "divide" | "power" if n == 1:
            return "positive", [x]
        case "multiply" if n == -1:
            return "negative", [x]
        case "power" if n == 0:
            return "positive", [n**n]  # 1, of the kind that n is
    return operation, list(operands)


# -------------------- printing --------------------

# How tightly a piece of a formula holds together, from loose to tight.
LOOSE, SUM, SIGN, PRODUCT, POWER, ATOM = range(6)
_LEVELS = {"sum": SUM, "sign": SIGN, "product": PRODUCT, "power": POWER, "atom": ATOM}


class Piece(str):
    """A piece of a formula that knows how tightly it holds together.

    `f"{piece:product}"` has parentheses around it unless it is as tight as a product.
    """

    __slots__ = ("level",)
    level: int
    parentheses = "({})"

    def __new__(cls, written: str, level: int = ATOM) -> "Piece":
        """Keep text with its level."""
        self = super().__new__(cls, written)
        self.level = level
        return self

    def __format__(self, least: str) -> str:
        written = str(self)
        return self.parentheses.format(written) if least and self.level < _LEVELS[least] else written

    @classmethod
    def of(cls, written: str) -> "Piece":
        """Return a name or a number as a piece; one with an operator in it is loose, but `w1[3→2]` is not."""
        if isinstance(written, Piece):
            return written
        if number := _NUMBER.fullmatch(written):
            return cls(written, SIGN if number[1] else PRODUCT if number[2] else ATOM)
        return cls(written, LOOSE if _OPERATOR.search(written.replace("->", "→")) else ATOM)


_NUMBER = re.compile(r"(-?)(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|inf|nan)(/\d+)?")
_OPERATOR = re.compile(r"[\s+*/^=<>,-]")


class Style:
    """A way of writing formulas: some operations by templates, all others as functions."""

    def __init__(
        self,
        templates: Mapping[str, tuple[str, int]],
        number: Callable[[Any], str],
        function: Callable[[str, Sequence[str]], str] = lambda name, operands: f"{name}({', '.join(operands)})",
        kind: type[Piece] = Piece,
    ) -> None:
        """Take a template and a level for each operation, how a number is written, and how other functions are."""
        self.templates, self.number, self.function, self.kind = templates, number, function, kind

    def spell(self, operation: str, operands: Iterable[str]) -> Piece:
        """Return an operation on operands that are written already."""
        pieces = [self.kind.of(x) for x in operands]
        if operation == "dot":
            n = len(pieces) // 2
            products = [self.spell("multiply", pair) for pair in zip(pieces[:n], pieces[n:], strict=False)]
            return self.total([*products, *pieces[2 * n :]])
        if operation not in self.templates:
            return self.kind(self.function(operation, pieces))
        template, level = self.templates[operation]
        return self.kind(template.format(*pieces, total=self.total(pieces) if "{total" in template else ""), level)

    def total(self, terms: Iterable[str]) -> Piece:
        """Return a sum of terms."""
        return reduce(lambda x, y: self.spell("add", (x, y)), map(self.kind.of, terms))

    def product(self, factors: Iterable[str]) -> Piece:
        """Return a product of factors."""
        return reduce(lambda x, y: self.spell("multiply", (x, y)), map(self.kind.of, factors))

    def write(self, tree: Tree, names: Mapping[str, str]) -> Piece:
        """Return a tree with other names in place of its own, and without its guards."""

        def choose(condition: Piece, a: Callable[[], Piece], b: Callable[[], Piece]) -> Piece:
            return self.spell("choose", (condition, a(), b()))

        def prune(x: Tree) -> Tree:
            if not isinstance(x, Apply):
                return x
            if x.operation == "choose" and getattr(x.operands[0], "operation", "") not in COMPARE:
                return prune(x.operands[1])
            return Apply(x.operation, tuple(map(prune, x.operands)))

        pieces = {name: self.kind.of(written) for name, written in names.items()}
        return fold(prune(tree), pieces, lambda x: self.kind.of(self.number(x)), self.spell, choose)


def exact(x: Any) -> str:
    """Return a number with all of its digits, up to 12, and no zeros that say nothing: `2`, `0.01`, `1/3`."""
    return f"{x:.12g}" if isinstance(x, float) else f"{x}"


TEXT = Style(
    {
        "add": ("{0:sum} + {1:product}", SUM),
        "subtract": ("{0:sum} - {1:product}", SUM),
        "multiply": ("{0:sign} * {1:power}", PRODUCT),
        "divide": ("{0:sign} / {1:power}", PRODUCT),
        "negative": ("-{0:product}", SIGN),
        "positive": ("+{0:product}", SIGN),
        "power": ("{0:atom}**{1:atom}", POWER),
        "choose": ("{1:sum} if {0} else {2}", LOOSE),
        ">": ("{0:sum} > {1:sum}", LOOSE),
        "<": ("{0:sum} < {1:sum}", LOOSE),
        "==": ("{0:sum} == {1:sum}", LOOSE),
    },
    exact,
)
