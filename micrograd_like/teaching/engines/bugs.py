"""The bugs that engines have, each as a change to `plain.py`.

So a bug is one row: what is wrong, a question that leads on, and which words of which method are replaced by which. The
same rows make engines for a bug hunt and say what a bug does to numbers, by which it is known in an engine that is
written in another way. What goes wrong by hand too is said in the words of `grading/mistakes.py`.
"""

import random
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ..grading.mistakes import find as find_mistake

Change = tuple[str, str, str]  # a method, words in it, and what stands there instead; "" for the words: all of it


@dataclass(frozen=True)
class Bug:
    """A bug: what is wrong, a question, and the changes that make it."""

    id: str
    name: str
    question: str
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    @property
    def methods(self) -> set[str]:
        """The methods that have it."""
        return {method for method, _, _ in self.changes}


def _by_hand(mistake: str, operation: str, *changes: Change, also: str = "") -> Bug:
    """Return the bug that is a mistake people make by hand too, in one operation."""
    row = find_mistake(mistake)
    where = f" ({also})" if also else ""
    return Bug(f"{operation}: {mistake}{where}", f"{operation}: {row.name}{where}", row.question, changes)


def _missing(method: str, written: str, works: str) -> Bug:
    name = f"{method} is missing: {written} fails, while {works} works"
    return Bug(f"no {method}", name, f"What does Python call for {written}, when the number does not know how?",
               ((method, "", ""),))  # fmt: skip


_SYMBOLS = {
    "__add__": "+", "__mul__": "*", "__neg__": "-a", "__sub__": "-", "__truediv__": "/", "__pow__": "**",
    "exp": "exp", "log": "log", "tanh": "tanh", "sigmoid": "sigmoid", "relu": "relu",
}  # fmt: skip
_BINARY = ("__add__", "__mul__", "__sub__", "__truediv__")


def _overwritten() -> list[Bug]:
    """Return the bugs of = in place of +=, everywhere, in one operation, and for one of two operands."""
    row = find_mistake("overwrite")
    everywhere = tuple((method, "grad += ", "grad = ") for method in _SYMBOLS)
    found = [Bug("overwrite", "gradients are overwritten: = stands where += should", row.question, everywhere)]
    for method, symbol in _SYMBOLS.items():
        name = f"{symbol} overwrites the gradients of its operands: = stands where += should"
        found.append(Bug(f"{symbol}: overwrite", name, row.question, ((method, "grad += ", "grad = "),)))
    for method in _BINARY:
        for operand in ("self", "other"):
            name = f"{_SYMBOLS[method]} overwrites {operand}.grad: = stands where += should"
            change = (method, f"{operand}.grad += ", f"{operand}.grad = ")
            found.append(Bug(f"{_SYMBOLS[method]}: overwrite {operand}", name, row.question, (change,)))
    return found


def _without_upstream(method: str) -> tuple[Change, ...]:
    return ((method, "out.grad", "1.0"),)


def _for_each_operation() -> list[Bug]:
    """Return the bugs that any operation can have."""
    upstream, early = find_mistake("upstream_forgotten"), "Which number is out.grad when the operation is recorded?"
    found = [
        Bug("early", "gradients are passed on when the graph is recorded, when out.grad is still 0", early,
            tuple((m, "        def _back", "        g = out.grad\n\n        def _back") for m in _SYMBOLS)
            + tuple((m, "out.grad\n", "g\n") for m in _SYMBOLS)
            + tuple((m, "g = g\n", "g = out.grad\n") for m in _SYMBOLS)),
    ]  # fmt: skip
    found.append(Bug("upstream", f"everywhere: {upstream.name}", upstream.question,
                     tuple(change for method in _SYMBOLS for change in _without_upstream(method))))  # fmt: skip
    for method, symbol in _SYMBOLS.items():
        found.append(Bug(f"{symbol}: upstream", f"{symbol}: {upstream.name}", upstream.question,
                         _without_upstream(method)))  # fmt: skip
        found.append(Bug(f"{symbol}: nothing", f"{symbol} passes no gradient on: its _backward is not called, or empty",
                         "What is called for this node in the backward pass?",
                         ((method, "        out._backward = _backward\n", ""),)))  # fmt: skip
        found.append(Bug(f"{symbol}: children", f"{symbol} does not remember its operands, so the pass ends there",
                         "How does the pass come from this node to its operands?",
                         ((method, "(self, other), ", "(), "), (method, "(self,), ", "(), "))))  # fmt: skip
    for method in _BINARY:
        for operand, other in (("self", "other"), ("other", "self")):
            found.append(Bug(f"{_SYMBOLS[method]}: {operand} forgotten",
                             f"{_SYMBOLS[method]} gives a gradient to {other} only",
                             "Which operands does the result depend on?",
                             ((method, f"            {operand}.grad +=", "            _ ="),)))  # fmt: skip
    return found


# fmt: off
BUGS: tuple[Bug, ...] = (
    *_overwritten(),
    *_for_each_operation(),
    # ---------- derivatives
    _by_hand("factors_not_swapped", "*", ("__mul__", "self.grad += other.data", "self.grad += self.data"),
             ("__mul__", "other.grad += self.data", "other.grad += other.data")),
    Bug("*: grad for data", "*: the other factor's .grad stands where its .data should",
        find_mistake("factors_not_swapped").question,
        (("__mul__", "+= other.data", "+= other.grad"), ("__mul__", "+= self.data", "+= self.grad"))),
    _by_hand("product_rule_for_sum", "+", ("__add__", "self.grad += ", "self.grad += other.data * "),
             ("__add__", "other.grad += ", "other.grad += self.data * ")),
    _by_hand("minus_lost", "-", ("__sub__", "-out.grad", "out.grad")),
    _by_hand("minus_lost", "-a", ("__neg__", "-out.grad", "out.grad")),
    _by_hand("minus_swapped", "-", ("__sub__", "-out.grad", "OUT"), ("__sub__", "+= out.grad", "+= -out.grad"),
             ("__sub__", "OUT", "out.grad")),
    _by_hand("division_sign_lost", "/", ("__truediv__", "-self.data / other.data**2", "self.data / other.data**2")),
    _by_hand("quotient_without_square", "/", ("__truediv__", "other.data**2", "other.data")),
    _by_hand("quotient_without_numerator", "/", ("__truediv__", "-self.data / other.data**2", "-1 / other.data**2")),
    _by_hand("power_without_factor", "**", ("__pow__", "n * self.data", "self.data")),
    _by_hand("power_without_base", "**", ("__pow__", "n * self.data ** (n - 1)", "n")),
    _by_hand("exponent_kept", "**", ("__pow__", "(n - 1)", "n")),
    _by_hand("activation_forgotten", "exp", ("exp", "out.data * out.grad", "out.grad")),
    Bug("exp: input", "exp: the derivative of exp(x) is exp(x), and not x", find_mistake("exp_as_power").question,
        (("exp", "out.data * out.grad", "self.data * out.grad"),)),
    Bug("exp: power", "exp: exp by the power rule", find_mistake("exp_as_power").question,
        (("exp", "out.data * out.grad", "self.data * math.exp(self.data - 1) * out.grad"),)),
    _by_hand("log_at_output", "log", ("log", "1 / self.data", "1 / out.data")),
    Bug("log: input", "log: the derivative of log(x) is 1/x, and not x", find_mistake("log_at_output").question,
        (("log", "1 / self.data", "self.data"),)),
    _by_hand("activation_at_input", "tanh", ("tanh", "out.data**2", "self.data**2")),
    _by_hand("activation_twice", "tanh", ("tanh", "out.data**2", "math.tanh(out.data)**2")),
    _by_hand("tanh_without_square", "tanh", ("tanh", "out.data**2", "out.data")),
    _by_hand("tanh_without_square", "tanh", ("tanh", "1 - out.data**2", "1 + out.data**2"), also="1 + t²"),
    _by_hand("activation_forgotten", "tanh", ("tanh", "(1 - out.data**2) * ", "")),
    _by_hand("other_activation", "tanh", ("tanh", "1 - out.data**2", "out.data * (1 - out.data)")),
    _by_hand("activation_at_input", "sigmoid", ("sigmoid", "out.data * (1 - out.data)", "self.data * (1 - self.data)")),
    _by_hand("sigmoid_rule", "sigmoid", ("sigmoid", "out.data * (1 - out.data)", "out.data * (1 + out.data)")),
    _by_hand("sigmoid_rule", "sigmoid", ("sigmoid", "out.data * (1 - out.data)", "(1 - out.data)"), also="1 - s"),
    _by_hand("other_activation", "sigmoid", ("sigmoid", "out.data * (1 - out.data)", "(1 - out.data**2)")),
    _by_hand("activation_forgotten", "sigmoid", ("sigmoid", "out.data * (1 - out.data) * ", "")),
    _by_hand("relu_always_1", "relu", ("relu", "(out.data > 0) * ", "")),
    Bug("relu: value", "relu: its result stands where its derivative, 0 or 1, should",
        "How steep is relu above 0?", (("relu", "(out.data > 0)", "out.data"),)),
    # ---------- values of the forward pass
    Bug("rsub swapped", "1 - a computes a - 1: __rsub__ has its operands the wrong way round",
        "Which of the two is self in __rsub__?", (("__rsub__", "Value(other) - self", "self - other"),)),
    Bug("rtruediv swapped", "1 / a computes a / 1: __rtruediv__ has its operands the wrong way round",
        "Which of the two is self in __rtruediv__?", (("__rtruediv__", "Value(other) / self", "self / other"),)),
    Bug("relu: forward", "relu lets negative numbers through", "What does relu make of -3?",
        (("relu", "max(self.data, 0.0)", "self.data"),)),
    Bug("relu: abs", "relu makes a negative number positive", "What does relu make of -3?",
        (("relu", "max(self.data, 0.0)", "abs(self.data)"),)),
    Bug("int", "numbers are cut to whole ones", "What becomes of Value(0.5)?",
        (("__init__", "self.data = data", "self.data = int(data)"),)),
    _missing("__radd__", "2.5 + a", "a + 2.5"),
    _missing("__rmul__", "2.5 * a", "a * 2.5"),
    _missing("__rsub__", "2.5 - a", "a - 2.5"),
    _missing("__rtruediv__", "2.5 / a", "a / 2.5"),
    *(Bug(f"{_SYMBOLS[m]}: numbers", f"{_SYMBOLS[m]} does not take a number as its second operand",
          "What is other.data, if other is 2.5?",
          ((m, "other = other if isinstance(other, Value) else Value(other)\n", "pass\n"),)) for m in _BINARY),
    # ---------- the order of the pass
    Bug("edges lost", "a + a loses an edge: a node that is used twice by one operation gets one contribution",
        "How many edges lead from a to a + a?",
        tuple((m, "            other.grad", "            if other is not self: other.grad") for m in _BINARY)),
    Bug("no order", "no topological order: a node passes its gradient on before it has all of it",
        find_mistake("no_order").question,
        (("backward", "                order.append(v)\n", ""),
         ("backward", "                for x in", "                order.insert(0, v)\n                for x in"))),
    Bug("breadth first", "no topological order: nodes are visited by their distance from the output",
        find_mistake("no_order").question,
        (("backward", "        build(self)\n",
          "        order = [self]\n        for v in order:\n"
          "            order += [x for x in dict.fromkeys(v._prev) if x not in order]\n        order.reverse()\n"),)),
    Bug("recursion", "no topological order: each node passes on what it has every time that a contribution comes to it",
        find_mistake("no_order").question,
        (("backward", "        for v in reversed(order):\n            v._backward()\n",
          "        def visit(v):\n            v._backward()\n            for x in v._prev:\n                visit(x)\n"
          "\n        visit(self)\n"),)),
    Bug("visited", "a node that is used twice passes its gradient on twice: nothing notes which nodes were visited",
        "How often is a node in the order that is used twice?",
        (("backward", "if v not in visited:", "if True:"),)),
    Bug("no seed", "the output's own gradient is not set to 1, so all gradients are 0",
        "If L grows by 1, by how much does L grow?", (("backward", "        self.grad = 1.0\n", ""),)),
    Bug("seed is value", "the pass starts from the output's value and not from 1",
        find_mistake("seed_is_value").question, (("backward", "self.grad = 1.0", "self.grad = self.data"),)),
    Bug("one level", "the pass ends after the output's own operands: it goes from the leaves to the output "
        "(reversed() is missing), or nobody calls _backward further down", "Which node knows its gradient first?",
        (("backward", "reversed(order)", "order"),)),
    Bug("loop variable", "only the last operand gets gradients: closures share a loop's variable",
        "Which operand does a function that was made in a loop see, once the loop is over?",
        tuple((m, "            self.grad", "            other.grad") for m in _BINARY)),
)
# fmt: on


# Other ways in which right engines are written, as changes to `plain.py`: a bug makes other numbers in each.
_RELU: Change = ("relu", "out.data > 0", "self.data > 0")
# as a set may be, whose order hangs on addresses
_REVERSED: Change = ("__init__", "self._prev = _prev", "self._prev = tuple(dict.fromkeys(_prev[::-1]))")
_DERIVED: tuple[Change, ...] = (
    ("__neg__", 'out = Value(-self.data, (self,), "neg")', "return self * -1"),
    ("__sub__", 'out = Value(self.data - other.data, (self, other), "-")', "return self + -other"),
    ("__truediv__", 'out = Value(self.data / other.data, (self, other), "/")', "return self * other**-1"),
)
STYLES: tuple[tuple[Change, ...], ...] = ((), (*_DERIVED, _RELU), _DERIVED[1:], (_REVERSED,), (*_DERIVED, _REVERSED))


@cache
def source(bug: str = "", style: tuple[Change, ...] = ()) -> str:
    """Return the engine's source, with a bug, or in another of STYLES.

    Raises:
        ValueError: there is no such bug.
    """
    parts = re.split(r"(?m)^(?=    def )", (files(__package__) / "plain.py").read_text(encoding="utf-8"))
    for method, words, instead in (*style, *(find(bug).changes if bug else ())):
        i = next((k for k, part in enumerate(parts) if part.startswith(f"    def {method}(")), None)
        if i is not None:
            parts[i] = parts[i].replace(words, instead) if words else ""
    return "".join(parts)


def find(bug: str) -> Bug:
    """Return the row of BUGS of this id; ValueError, with the ids there are, if there is none."""
    for row in BUGS:
        if row.id == bug:
            return row
    raise ValueError(f"there is no bug {bug!r}: choose from {', '.join(row.id for row in BUGS)}")


def broken_engine(bug: str | None = None, seed: int | None = None) -> type[Any]:
    """Return a Value class with a bug, for others to find.

    Args:
        bug: the id of a row of BUGS; if None, one is drawn.
        seed: for the draw; the same seed draws the same bug.

    Its source is the class's attribute `source`, and the bug its attribute `bug`.

    Raises:
        ValueError: there is no such bug.
    """
    row = find(bug) if bug is not None else random.Random(seed).choice(BUGS)
    found = engine(row.id)
    found.source, found.bug = source(row.id), row
    return found


def engine(bug: str = "", style: tuple[Change, ...] = ()) -> type[Any]:
    """Return the Value class with a bug, or without one, in one of STYLES."""
    names: dict[str, Any] = {"__name__": "engine"}
    exec(source(bug, style), names)  # the package's own text
    found: type[Any] = names["Value"]
    return found
