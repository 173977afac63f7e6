"""What one can write to the debugger besides commands: Python, in which the nodes' labels are names.

It is its user's own interpreter: whatever is written is evaluated.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..engine import UNREACHED, Value
from ..graph.steps import BackwardStep
from ..notation.names import show_grad
from ..notation.numbers import show
from ..ops import one_line
from .stepper import Condition, Stepper


class Workspace:
    """The names that Python sees: those of the graph, of the cursor, and of what the user has assigned."""

    def __init__(self, stepper: Stepper, here: Callable[[], Value]) -> None:
        """Keep the cursor, and how to find the node that is looked at."""
        self.stepper = stepper
        self.here = here
        self.variables: dict[str, Any] = {}  # what the user has assigned

    def run(self, line: str) -> Any:
        """Return what a line is worth; a statement is run, and has no result."""
        if line in self.stepper.names.values():
            return self.evaluate(line)
        try:
            code = compile(line, "<typed>", "eval")
        except SyntaxError:
            return self.execute(line)
        return eval(code, self.namespace())

    def evaluate(self, written: str) -> Any:
        """Return what a name or an expression stands for."""
        if written in self.stepper.names.values() and not _is_number(written):
            return self.stepper.find(written)
        return eval(compile(written, "<typed>", "eval"), self.namespace())

    def execute(self, statement: str) -> None:
        """Run a statement, and keep what it assigns, except to a node's name."""
        names = self.namespace()
        before = dict(names)
        exec(compile(statement, "<typed>", "exec"), names)
        for name, x in names.items():
            if name == "__builtins__" or (name in before and before[name] is x):
                continue
            if name in before and name not in self.variables:
                raise ValueError(f"{name} is a name of the graph: write set {name} = {x} to give a leaf another number")
            self.variables[name] = x

    def namespace(self) -> dict[str, Any]:
        """Return the names that Python sees."""
        cursor = {
            "s": self.stepper.current,
            "here": self.here(),
            "nodes": self.stepper.nodes,
            "find": self.stepper.find,
        }
        return {**cursor, **self.variables, **self.names()}

    def names(self) -> dict[str, Value]:
        """Return the nodes whose name is an identifier that no other has."""
        named: dict[str, list[Value]] = {}
        for v, name in self.stepper.names.items():
            named.setdefault(name, []).append(v)
        return {name: vs[0] for name, vs in named.items() if len(vs) == 1 and name.isidentifier()}

    def node(self, written: str) -> Value:
        """Return the node of a name, or of an expression such as `nodes[2]`."""
        if written in self.stepper.names.values() or re.fullmatch(r"\w+", written):
            return self.stepper.find(written)
        x = self.evaluate(written)
        if not isinstance(x, Value):
            raise ValueError(f"{written} is no node of the graph")
        return self.stepper.find(x)

    def written(self, x: Any) -> str:
        """Return how a result is printed; a gradient that was not reached as a dash."""
        if isinstance(x, Value) and x in self.stepper.names:
            return f"{equation(self.stepper, x)}, grad {show_grad(x, None)}"
        return "–" if x is UNREACHED else str(x) if isinstance(x, BackwardStep | Fraction) else repr(x)

    def condition(self, written: str) -> Condition:
        """Return a condition on the step `s` that was written as Python."""
        code, names = compile(written, "<typed>", "eval"), self.namespace()

        def condition(s: BackwardStep) -> Any:
            names["s"] = s
            return eval(code, names)

        return condition

    def is_place(self, written: str) -> bool:
        """Return whether this is a name or an operation of the graph."""
        rows = {v.op for v in self.stepper.nodes if v.operands}
        return written in self.stepper.names.values() or any(written in (row.name, row.symbol) for row in rows)


def equation(stepper: Stepper, v: Value) -> str:
    """Return a node's name, what it is computed from, and its number: `e = a * b = -6`."""
    operands = [stepper.names[x] for x in v.operands]
    parts = [stepper.names[v], *([v.op.write(operands)] if operands else []), show(v.data)]
    return one_line(" = ".join(dict.fromkeys(parts)))


def _is_number(written: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", written, re.IGNORECASE | re.ASCII) is not None
