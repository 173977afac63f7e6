"""What one can write to the debugger besides commands: Python, in which nodes go by the names that are shown.

It is its user's own interpreter: whatever is written is evaluated.
"""

import builtins
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from ..engine import UNREACHED, Value
from ..escape import one_line
from ..graph.steps import BackwardStep
from ..notation.names import NO_GRADIENT
from ..notation.numbers import show
from .breakpoints import Condition
from .naming import typed
from .stepper import Stepper

_STRING = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
_ELEMENT = r"(?<![\w.])[^\W\d][\w.]*(?:\[[^][]*\])+(?:_\d+)?"  # such as w2[3→1], layer.w[2], xs[0]_1
_NUMBER = r"[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d{1,3})?"
_GRADIENTS = "gradients are those of the pass here: backward(), zero_grad() and assignments to .grad change nothing"


class Workspace:
    """The names that Python sees: of the graph, the cursor, what the user has assigned, and the caller's variables."""

    def __init__(self, stepper: Stepper, here: Callable[[], Value], outer: Mapping[str, Any]) -> None:
        """Keep the cursor, how to find the node that is looked at, and the caller's variables."""
        self.stepper = stepper
        self.here = here
        self.outer = outer
        self.variables: dict[str, Any] = {}  # what the user has assigned

    def run(self, written: str) -> tuple[Any, str]:
        """Return what an expression is worth, None for statements, and what there is to say about their effects."""
        if self.is_name(written):
            return self.stepper.find(written), ""
        try:
            code, names = self._compile(written, "eval"), self.namespace()
        except SyntaxError:
            return self._execute(written)
        return self._within(lambda: eval(code, names))

    def evaluate(self, written: str) -> Any:
        """Return what a name or an expression stands for."""
        if self.is_name(written):
            return self.stepper.find(written)
        code, names = self._compile(written, "eval"), self.namespace()
        with self.stepper.lent():
            return self._named(lambda: eval(code, names))

    def is_name(self, written: str) -> bool:
        """Tell whether this is a node's name, also in words, not a number."""
        if re.fullmatch(_NUMBER, written, re.IGNORECASE | re.ASCII):
            return False
        return written.startswith("neuron ") or self.stepper.has(written)

    def is_place(self, written: str) -> bool:
        """Tell whether this is a name or an operation of the graph."""
        rows = {v.op for v in self.stepper.nodes if v.operands}
        return self.is_name(written) or any(written in (row.name, row.symbol) for row in rows)

    def node(self, written: str) -> Value:
        """Return the node of a name, or of an expression such as `nodes[2]`."""
        if self.is_name(written) or re.fullmatch(r"\w+|\w+\[[^]]*(->|→)[^]]*\]", written):
            return self.stepper.find(written)
        x = self.evaluate(written)
        if not isinstance(x, Value):
            raise ValueError(f"{written} is not a node of the graph")
        return self.stepper.find(x)

    def condition(self, written: str) -> Condition:
        """Return a condition that was written as Python: on the step `s`, and on nodes as they are right after it."""
        code, names = self._compile(written, "eval"), self.namespace()
        words = {"s", "step"} - self.names().keys()

        def condition(s: BackwardStep) -> Any:
            names.update({**self.variables, **dict.fromkeys(words, s)})
            return eval(code, names)

        return condition

    def written(self, x: Any) -> str:
        """Return how a result is printed; a gradient that was not reached as a dash."""
        if isinstance(x, Value) and x in self.stepper.names:
            grad = self.stepper.grad(x)
            written = f"{equation(self.stepper, x)}, grad {NO_GRADIENT if grad is None else show(grad)}"
            return f"{written}, {where}" if (where := str(self.stepper.where.get(x, ""))) else written
        if x is UNREACHED:
            return NO_GRADIENT
        with self.stepper.lent():
            return str(x) if isinstance(x, BackwardStep | Fraction) else repr(x)

    # -------------------- names --------------------

    def namespace(self) -> dict[str, Any]:
        """Return the names that Python sees, in which names that are not identifiers have one."""
        cursor = {
            "s": self.stepper.current,
            "step": self.stepper.current,
            "here": self.here(),
            "nodes": self.stepper.nodes,
            "find": self.stepper.find,
        }
        nodes = {_identifier(i): v for i, v in enumerate(self.stepper.nodes)}
        return {**self.outer, **nodes, **cursor, **self.variables, **self.names()}

    def names(self) -> dict[str, Value]:
        """Return the nodes whose name is an identifier."""
        return {name: v for v, name in self.stepper.names.items() if name.isidentifier()}

    def translate(self, written: str) -> str:
        """Return Python in which nodes' names such as w2[3→1] are identifiers."""
        places = {typed(name): i for i, name in enumerate(self.stepper.names.values()) if not name.isidentifier()}
        # what Python can read means what Python means by it, but for elements
        odd = sorted((name for name in places if re.match(r"[^\W\d]", name) and not _is_python(name)), key=len)
        spelled = "".join(rf"|(?<![\w.]){re.escape(name)}(?!\w)" for name in reversed(odd))

        def identifier(match: re.Match[str]) -> str:
            name = typed(match[0])
            return _identifier(places[name]) if name in places else match[0]

        return re.sub(f"{_STRING}{spelled}|{_ELEMENT}", identifier, typed(written))

    # -------------------- effects --------------------

    def _compile(self, written: str, mode: str) -> Any:
        return compile(self.translate(written), "<typed>", mode)

    def _execute(self, statements: str) -> tuple[None, str]:
        """Run statements, and keep what they assign, except to a node's name."""
        code, names = self._compile(statements, "exec"), self.namespace()
        before = {**names, "__builtins__": None}
        assigned: dict[str, Any] = {}

        def act() -> None:
            exec(code, names)
            assigned.update({name: x for name, x in names.items() if name not in before or before[name] is not x})
            del assigned["__builtins__"]
            for name in assigned.keys() & self.names().keys():
                x = assigned[name]
                raise ValueError(f"{name} is a name of the graph: write set {name} = {x} to give a leaf another number")

        _, note = self._within(act)
        self.variables.update(assigned)
        return None, note

    def _within(self, act: Callable[[], Any]) -> tuple[Any, str]:
        """Act where the graph has this moment's numbers; take new numbers of leaves for a `set`, and new labels over.

        Raises:
            ValueError: the number of a computed node was changed, or a new number does not do; nothing has changed.
        """
        stepper = self.stepper
        with stepper.lent():
            before = [(v.data, v.grad, v.label) for v in stepper.nodes]
            result = self._named(act)
            after = [(v.data, v.grad, v.label) for v in stepper.nodes]
        changes = [(v, old, new) for v, old, new in zip(stepper.nodes, before, after, strict=True) if old != new]
        data = {v: new[0] for v, old, new in changes if old[0] != new[0]}
        leaves = {v: x for v, x in data.items() if not v.operands}
        note = _GRADIENTS if any(old[1] != new[1] for _, old, new in changes) else ""
        if data:
            stepper.set_all(leaves or data)
            said = ", ".join(equation(stepper, v) for v in [*leaves, stepper.root])
            note = "\n".join(filter(None, (f"{said}: computed anew, as by set", note)))
        for v, old, new in changes:
            if old[2] != new[2]:
                v.label = new[2]
        return result, note

    def _named(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except NameError as error:
            if error.name and self.stepper.has(error.name):
                self.stepper.find(error.name)  # says which there are
            raise

    def knows(self, name: str) -> bool:
        """Tell whether an identifier means something."""
        return name in self.namespace() or hasattr(builtins, name)


def equation(stepper: Stepper, v: Value) -> str:
    """Return a node's name, what it is computed from, and its number: `e = a * b = -6`."""
    names = stepper.names
    operands = [names[x] for x in v.operands]
    parts = [names[v], *([v.op.write(operands)] if operands else []), show(stepper.data(v))]
    return one_line(" = ".join(dict.fromkeys(parts)))


def _identifier(place: int) -> str:
    return f"_node_{place}"


def _is_python(name: str) -> bool:
    try:
        compile(name, "", "eval")
    except (SyntaxError, ValueError):
        return name.isidentifier()  # a keyword
    return True
