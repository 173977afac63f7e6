"""A formula as text to a Value: `parse("tanh(x*w + b)", x=2, w=-3, b=1)`.

The text is read by Python's own parser and only what is listed here is computed; nothing is ever executed.
"""

import ast
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .. import ops
from ..engine import Value, dot, record, topological_order
from ..escape import one_line
from ..formulas import BY_SYNTAX
from ..ops import CONSTANT, Operation
from .names import constant

LONGEST = 10_000  # characters

_SHORT = {"max": ops.maximum, "min": ops.minimum}
_USE_INSTEAD = {ast.BitXor: "write x**2 for a power", ast.FloorDiv: "write / for a division"}


def functions() -> dict[str, Operation]:
    """Return every function that a formula can call, by its name; a row that was made just now is among them."""
    return {row.name: row for row in ops.OPERATIONS.values() if row.is_function} | _SHORT


def _row(syntax: ast.AST) -> Operation | None:
    """Return what one of Python's operators means."""
    name = BY_SYNTAX.get(type(syntax).__name__)
    return ops.OPERATIONS[name] if name else None


class ExpressionError(ValueError):
    """Says what is wrong with a formula, with a caret under the place."""

    def __init__(self, message: str, text: str, column: int = 0) -> None:
        """Point at a column, counted from 0, of a line of the formula."""
        start = max(0, column - 60)  # a long line is shown around the place
        shown = "…" * bool(start) + one_line(text[start : start + 100]) + "…" * (len(text) > start + 100)
        self.reason = one_line(message[:500])
        super().__init__(f"{self.reason}\n  {shown}\n  {' ' * (len(one_line(text[start:column])) + bool(start))}^")


def parse(text: str, /, **numbers: Any) -> Value:
    """Return the Value of a formula, its names being the labels of the leaves.

    A formula is made of numbers, names, `+ - * / **`, parentheses, the functions of this package
    (`tanh(x)`, `max(x, 0)`, `dot([w1, w2], [x1, x2], b)`, …) and, if wanted, steps with names of their own, separated
    by semicolons: `e = a*b; L = (e + c)*f`. The last step is the result.

    Args:
        text: the formula.
        numbers: the number, or the Value, that each name stands for; if all are Fractions, the formula's own numbers
            are exact too.

    Raises:
        ExpressionError: the text is no formula, a name has no number, or the result is not defined; with a caret.
        TypeError: what a name stands for is not a number.
    """
    return _Parser(text, numbers).parse()


class _Parser:
    def __init__(self, text: str, numbers: dict[str, Any]) -> None:
        if len(text) > LONGEST:
            raise ExpressionError(f"a formula has at most {LONGEST:,} characters, this one {len(text):,}", text)
        if "#" in text:  # what nobody computes would be carried into pages and sheets
            raise ExpressionError("a formula has no comments: leave out what follows the #", text, text.index("#"))
        self.text, self.functions = text, functions()
        self.lines = text.splitlines() or [""]
        self.leaves = {name: x if isinstance(x, Value) else Value(x, name) for name, x in numbers.items()}
        self.exact = bool(self.leaves) and all(isinstance(v.data, Fraction) for v in self.leaves.values())
        self.names = dict(self.leaves)
        self.used: set[str] = set()

    def parse(self) -> Value:
        try:
            with warnings.catch_warnings(action="ignore"):
                statements = ast.parse(self.text.strip()).body
                self.lines = self.text.strip().splitlines() or [""]
        except SyntaxError as error:
            line = self.lines[min(error.lineno or 1, len(self.lines)) - 1]
            raise ExpressionError(f"not a formula: {error.msg[:60]}", line, max((error.offset or 1) - 1, 0)) from None
        except (RecursionError, MemoryError):
            raise ExpressionError("this formula is too long or nested too deeply", self.lines[0]) from None
        except ValueError as error:  # a null character, say
            raise ExpressionError(f"not a formula: {error}", self.lines[0]) from None
        if not statements:
            raise ExpressionError("the formula is empty: write for example tanh(x*w + b)", self.lines[0])
        try:
            results = [self.statement(statement) for statement in statements]
            for step in statements[:-1]:
                if isinstance(step, ast.Expr):
                    raise self.error(step, "this step has no name, so nothing can use it: write e = … in front of it")
        except RecursionError:
            raise ExpressionError("this formula is too long or nested too deeply", self.lines[0]) from None
        if unused := [name for name in self.leaves if name not in self.used]:
            raise ExpressionError(f"{unused[0]} is given a number but is not in the formula", self.lines[0])
        return results[-1]

    def statement(self, statement: ast.stmt) -> Value:
        if isinstance(statement, ast.Expr):
            return self.value(statement.value)
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            raise self.error(statement, "a formula has steps like e = a*b, and nothing else")
        name = statement.targets[0].id
        if name in self.names or name in self.functions or len(statement.targets) > 1:
            raise self.error(statement, f"{name} has a meaning already: give the step a name of its own")
        v = self.value(statement.value)
        if v.operands and not v.label:
            v.label = name
        self.names[name] = v
        return v

    def value(self, node: ast.expr) -> Value:
        """Return the Value of an expression; a sum of many terms is walked without recursion."""
        rest: list[ast.BinOp] = []
        while isinstance(node, ast.BinOp):
            rest.append(node)
            node = node.left
        v = self.operand(node)
        for binary in reversed(rest):
            row = _row(binary.op)
            if row is None:
                hint = _USE_INSTEAD.get(type(binary.op), "a formula has + - * / **")
                raise self.error(binary.right, f"this operator is not known: {hint}")
            right = self.value(binary.right)
            if row is ops.power and all(x.op is CONSTANT for x in topological_order(right) if not x.operands):
                right = constant(right.data)  # so that x**(4/2) is a square
            v = self.apply(binary.right, row, [v, right])
        return v

    def operand(self, node: ast.expr) -> Value:
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, int | float)
            and node.value is not bool(node.value)
        ):
            try:
                if node.value - node.value:
                    raise OverflowError("this number is too large for a float")
                return constant(Fraction(str(node.value)) if self.exact else node.value)
            except OverflowError as error:
                raise self.error(node, str(error)) from None
        if isinstance(node, ast.Name):
            if node.id not in self.names:
                is_function = node.id in self.functions
                raise self.error(
                    node,
                    f"{node.id} is a function: write {node.id}(x)"
                    if is_function
                    else f"{node.id} has no number: give it one, such as {node.id}=2",
                )
            self.used.add(node.id)
            return self.names[node.id]
        if isinstance(node, ast.UnaryOp) and (row := _row(node.op)):
            v = self.value(node.operand)
            if v.op is CONSTANT and not v.label:
                return constant(row.compute([v.data]))  # -2 is a number
            return self.apply(node, row, [v])
        if isinstance(node, ast.Call):
            return self.call(node)
        raise self.error(node, "a formula has numbers, names, + - * / **, parentheses and functions, and nothing else")

    def call(self, node: ast.Call) -> Value:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in self.functions:
            known = ", ".join(sorted(self.functions))
            raise self.error(node, f"{name or 'this'} is not a known function: there are {known}")
        if node.keywords:
            raise self.error(node, f"{name} takes no named arguments: write their values alone")
        if name == "dot":
            if len(node.args) not in (2, 3) or not all(isinstance(x, ast.List) for x in node.args[:2]):
                raise self.error(node, "dot takes two lists and perhaps a bias: dot([w1, w2], [x1, x2], b)")
            ws, xs = ([self.value(x) for x in lst.elts] for lst in node.args[:2] if isinstance(lst, ast.List))
            bias = self.value(node.args[2]) if len(node.args) == 3 else None
            return self.attempt(node, lambda: dot(ws, xs, bias))
        return self.apply(node, self.functions[name], [self.value(x) for x in node.args])

    def apply(self, node: ast.expr, row: Operation, operands: list[Value]) -> Value:
        return self.attempt(node, lambda: record(row, row.complete(operands)))

    def attempt(self, node: ast.expr, make: Callable[[], Value]) -> Value:
        try:
            return make()
        except (ArithmeticError, TypeError, ValueError) as error:
            raise self.error(node, str(error)) from None

    def error(self, node: ast.AST, message: str) -> ExpressionError:
        line = self.lines[getattr(node, "lineno", 1) - 1]
        column = len(line.encode()[: getattr(node, "col_offset", 0)].decode(errors="replace"))  # it counts bytes
        return ExpressionError(message, line, column)
