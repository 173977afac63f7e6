"""The mistakes that people make in backpropagation by hand, each as a small variation of the pass.

    gradients(loss, "overwrite")

gives every node the gradient that somebody finds who makes that mistake wherever it can be made; `confined` makes it in
one place only, and `updates` goes on to a step of gradient descent. Nothing here touches the graph.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

from ... import ops
from ...engine import Value, local_derivative, topological_order
from ...notation.names import node_names
from ...notation.numbers import show
from ...ops import CONSTANT, Operation
from ...pictures.drawing import Drawing
from ...pictures.graph import draw_graph

MANY_VISITS = 100_000  # of nodes by the recursion without an order, which comes to each on every path to it

Local = Callable[[Value, int, Sequence[Any]], Any]


@dataclass(frozen=True)
class Mistake:
    """One mistake: what to say to a student who makes it, and how the pass goes then."""

    id: str
    name: str
    sentence: str  # to the student, when it is named
    question: str  # a hint that does not give it away
    local: Local | None = None  # (node, operand's position, numbers) -> ∂node/∂operand; None from it: as ever
    contribute: Callable[[Any, Any, Value, Value, Value], Any] | None = None  # (upstream, local, node, operand, root)
    combine: Callable[[Sequence[Any]], Any] | None = None  # a gradient from its contributions
    finish: Callable[[Value, Any], Any] | None = None  # (node, gradient) -> what is taken for it
    in_order: bool = True  # whether a node waits for all its contributions
    update: Callable[[Any, Any, Any], Any] | None = None  # (number, gradient, learning rate) -> the number after a step
    slip: Callable[[Value, Sequence[Any]], Iterator[Any]] | None = None  # (node, numbers) -> wrong values of it
    place: Value | None = None  # the one node at which it is made; None for everywhere

    def __str__(self) -> str:
        """Return its name."""
        return self.name


def gradients(
    root: Value, *mistakes: str | Mistake | None, given: Mapping[Value, Any] | None = None
) -> dict[Value, Any]:
    """Return the gradient of `root` with respect to every node but constants, operands first, as mistakes make it.

    Args:
        root: the output.
        mistakes: ids of rows of MISTAKES, or Mistakes; none, or None, for the right gradients.
        given: gradients that somebody goes on with, whatever the pass comes to at these nodes.

    Raises:
        ValueError: there is no mistake of that id; a local derivative is infinite or undefined; or a recursion without
            an order is combined with another mistake, or would have to come to nodes too often.
    """
    return Passes(root).gradients(*mistakes, given=given)


class Passes:
    """The backward pass over one graph, to be tried with many mistakes: what they share is worked out once."""

    def __init__(self, root: Value) -> None:
        self.root = root
        self.order = [v for v in topological_order(root) if v.op is not CONSTANT]
        self.numbers = {v: [x.data for x in v.operands] for v in self.order}
        self.edges = {  # each operand that takes a gradient, with its position and the local derivative
            v: [
                (i, x, local_derivative(v, i, self.numbers[v]))
                for i, x in enumerate(v.operands)
                if x.op is not CONSTANT
            ]
            for v in self.order
        }

    def gradients(self, *mistakes: str | Mistake | None, given: Mapping[Value, Any] | None = None) -> dict[Value, Any]:
        """Return what `gradients` describes."""
        rules = [find(m) if isinstance(m, str) else m for m in mistakes if m is not None]
        if not all(rule.in_order for rule in rules):
            if len(rules) > 1 or given:
                raise ValueError("a pass without an order is not combined with other mistakes")
            return self._without_order()
        if not given and not any(map(self._matters, rules)):
            return dict(self.right)
        return self._in_order(rules, given or {})

    @cached_property
    def right(self) -> dict[Value, Any]:
        """The right gradients."""
        return self._in_order((), {})

    def _matters(self, rule: Mistake) -> bool:
        """Tell whether a rule can change a gradient: one of another operation, or of the step, cannot."""
        if rule.local:
            return any(rule.local(v, i, self.numbers[v]) is not None for v in self.order for i, _, _ in self.edges[v])
        return not rule.update

    def _in_order(self, rules: Sequence[Mistake], given: Mapping[Value, Any]) -> dict[Value, Any]:
        found: dict[Value, Any] = {}
        contributions: dict[Value, list[Any]] = {v: [] for v in self.order}
        for v in reversed(self.order):
            here = [rule for rule in rules if rule.place is None or rule.place is v]
            if v is self.root:
                found[v] = type(v.data)(1)
            else:
                combine = next((rule.combine for rule in here if rule.combine), _add_up)
                found[v] = combine(contributions[v])
                for rule in here:
                    found[v] = rule.finish(v, found[v]) if rule.finish else found[v]
            for x, contribution in self.contributions(v, given.get(v, found[v]), here):
                contributions[x].append(contribution)
        return {v: found[v] for v in self.order}

    def contributions(self, v: Value, upstream: Any, rules: Sequence[Mistake] = ()) -> Iterator[tuple[Value, Any]]:
        """Yield each operand that takes a gradient, with what the node contributes to it as mistakes make it."""
        numbers = self.numbers[v]
        wrong_locals = [rule.local for rule in rules if rule.local]
        contribute = next((rule.contribute for rule in rules if rule.contribute), None)
        for i, x, local in self.edges[v]:
            for wrong_local in wrong_locals:
                if (wrong := wrong_local(v, i, numbers)) is not None:
                    local = wrong
                    break
            yield x, contribute(upstream, local, v, x, self.root) if contribute else upstream * local

    def _without_order(self) -> dict[Value, Any]:
        """Give each operand its contribution and go on there at once, as a recursion does that waits for nothing."""
        visits = dict.fromkeys(self.order, 0)
        visits[self.root] = 1
        for v in reversed(self.order):
            for _, x, _ in self.edges[v]:
                visits[x] += visits[v]
        if sum(visits.values()) > MANY_VISITS:
            raise ValueError(
                f"without an order, this graph takes {sum(visits.values()):,} visits of its nodes: too many"
            )
        one = type(self.root.data)(1)
        found = dict.fromkeys(self.order, one - one)
        found[self.root] = one
        stack = [(self.root, iter(self.edges[self.root]))]
        while stack:
            v, rest = stack[-1]
            edge = next(rest, None)
            if edge is None:
                stack.pop()
            else:
                _, x, local = edge
                found[x] += found[v] * local
                stack.append((x, iter(self.edges[x])))
        return found


def _add_up(contributions: Sequence[Any]) -> Any:
    first, *others = contributions
    return sum(others, first)


def updates(
    root: Value, found: Mapping[Value, Any], learning_rate: Any, *mistakes: str | Mistake | None
) -> dict[Value, Any]:
    """Return every leaf's number after a step of gradient descent, x - learning_rate * gradient, as mistakes make it.

    Args:
        root: the output.
        found: the gradients with which somebody takes the step, such as those of `gradients`.
        learning_rate: how far the step goes.
        mistakes: as in `gradients`.

    Raises:
        ValueError: there is no mistake of that id.
    """
    rules = [find(m) if isinstance(m, str) else m for m in mistakes if m is not None]
    moved = {}
    for v in topological_order(root):
        if not v.operands and v.op is not CONSTANT:
            here = (rule.update for rule in rules if rule.update and (rule.place is None or rule.place is v))
            moved[v] = next(here, _descend)(v.data, found[v], learning_rate)
    return moved


def _descend(x: Any, gradient: Any, learning_rate: Any) -> Any:
    return x - learning_rate * gradient


def confined(mistake: Mistake, place: Value) -> Mistake:
    """Return the mistake as it is made at one node only."""
    if not mistake.in_order:
        raise ValueError(f"{mistake.id} is a mistake of the whole pass and cannot be confined to a node")
    return replace(mistake, place=place)


@dataclass(frozen=True)
class Comparison:
    """The right gradients of a graph beside those that a mistake leads to."""

    root: Value
    mistake: Mistake
    right: dict[Value, Any]
    wrong: dict[Value, Any]

    @property
    def differing(self) -> list[Value]:
        """The nodes whose gradient the mistake changes, in the order in which the pass comes to them."""
        return [v for v in reversed(self.right) if is_other(self.wrong[v], self.right[v])]

    def __str__(self) -> str:
        """Return a table: each node with both gradients, and a mark where they differ."""
        names = node_names(topological_order(self.root))
        differing = {names[v] for v in self.differing}
        table = [("node", "right", "wrong")]
        table += [(names[v], show(g), show(self.wrong[v])) for v, g in reversed(self.right.items())]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [f"{self.mistake.name}: {self.mistake.sentence}", ""]
        for name, right, wrong in table:
            mark = "  <- differs" if name in differing else ""
            lines.append(f"{name:{widths[0]}}  {right:>{widths[1]}}  {wrong:>{widths[2]}}{mark}")
        return "\n".join(lines)

    def draw(self, **options: Any) -> Drawing:
        """Draw the graph with the wrong gradients, the right ones beside them; the options are those of `draw`."""
        twin = deepcopy(self.root)
        twins = dict(zip(topological_order(self.root), topological_order(twin), strict=True))
        for v, gradient in self.wrong.items():
            twins[v].grad = gradient
        drawing = draw_graph(twin, right={twins[v]: self.right[v] for v in self.differing}, **options)
        return replace(drawing, title=f"{drawing.title}; {self.mistake.name}")


def backprop_with(root: Value, mistake: str | Mistake) -> Comparison:
    """Return the right pass and the one with a mistake side by side, to be printed or drawn.

    Raises:
        ValueError: as `gradients` says, or it is a mistake of the step after the pass.
    """
    rule = find(mistake) if isinstance(mistake, str) else mistake
    if rule.update:
        raise ValueError(f"{rule.id} is a mistake of the step after the pass: it changes no gradient")
    return Comparison(root, rule, gradients(root), gradients(root, rule))


def applicable(root: Value) -> list[Mistake]:
    """Return the rows of MISTAKES that change a gradient of this graph."""
    right, found = gradients(root), {mistake.id: _attempt(root, mistake) for mistake in MISTAKES}
    return [m for m in MISTAKES if (wrong := found[m.id]) and any(is_other(wrong[v], g) for v, g in right.items())]


def find(mistake_id: str) -> Mistake:
    """Return the row of MISTAKES of this id; ValueError, with the ids there are, if there is none."""
    for mistake in MISTAKES:
        if mistake.id == mistake_id:
            return mistake
    raise ValueError(f"there is no mistake {mistake_id!r}: there are {', '.join(mistake.id for mistake in MISTAKES)}")


def _attempt(root: Value, mistake: Mistake) -> dict[Value, Any] | None:
    """Return the gradients under a mistake, or None if it leads to none: to a division by zero, say."""
    try:
        return gradients(root, mistake)
    except (ArithmeticError, ValueError):
        return None


def is_other(found: Any, right: Any) -> bool:
    """Tell whether two gradients differ by more than rounding."""
    return bool(abs(found - right) > 1e-9 * max(1, abs(right)))


# -------------------- how the wrong local derivatives come about --------------------


def _at(op: Operation, wrong: Callable[[int, Sequence[Any], Value], Any]) -> Local:
    """Return a rule that is `wrong` at nodes of one operation, and right elsewhere."""
    return lambda v, i, numbers: wrong(i, numbers, v) if v.op is op else None


def _own_factor(v: Value, i: int, numbers: Sequence[Any]) -> Any:
    return numbers[i] if v.op is ops.multiply or (v.op is ops.dot and i < len(numbers) // 2 * 2) else None


def _without_sign(v: Value, i: int, numbers: Sequence[Any]) -> Any:
    return 1 if v.op is ops.negative or (v.op is ops.subtract and i) else None


def _at_input(v: Value, i: int, numbers: Sequence[Any]) -> Any:
    x = numbers[0]
    return {ops.tanh: 1 - x * x, ops.sigmoid: x * (1 - x)}.get(v.op)


def _power(change: Callable[[Any, Any], Any]) -> Local:
    return _at(ops.power, lambda i, numbers, v: None if i else change(*numbers))


# fmt: off
MISTAKES = (
    Mistake("overwrite", "overwritten instead of added",
        "A node that is used more than once gets a contribution from each use, and they are added; only the last one "
        "was kept.", "How many edges lead away from this node, and what does each of them give it?",
        combine=lambda contributions: contributions[-1]),
    Mistake("first_path_only", "only the first path",
        "A node that is used more than once gets a contribution from each use; only the first one was taken.",
        "By how many paths does this node act on the output?", combine=lambda contributions: contributions[0]),
    Mistake("paths_multiplied", "paths multiplied",
        "Contributions along one path are multiplied, but those of different paths are added.",
        "What happens to the contributions of different paths?", combine=prod),
    Mistake("upstream_forgotten", "upstream gradient forgotten",
        "The local derivative has to be multiplied by the upstream gradient.",
        "How does the node above act on the output?", contribute=lambda up, local, v, x, root: local),
    Mistake("upstream_added", "upstream gradient added",
        "By the chain rule, upstream gradient and local derivative are multiplied, not added.",
        "What does the chain rule do with the two factors?", contribute=lambda up, local, v, x, root: up + local),
    Mistake("factors_not_swapped", "factors not swapped",
        "The derivative of x*y with respect to x is y, the other factor; here it was x itself.",
        "If x grows by 1, by how much does x*y grow?", local=_own_factor),
    Mistake("product_rule_for_sum", "the rule of × used for +",
        "A sum passes its gradient on as it is: the derivative of x + y with respect to x is 1, not y.",
        "If x grows by 1, by how much does x + y grow?", local=_at(ops.add, lambda i, numbers, v: numbers[1 - i])),
    Mistake("minus_lost", "sign lost in −",
        "What is subtracted has the derivative -1.", "If y grows by 1, does x - y grow or shrink?",
        local=_without_sign),
    Mistake("division_sign_lost", "sign lost in /",
        "The derivative of x/y with respect to y is -x/y², with a minus.",
        "If y grows, does x/y grow or shrink?",
        local=_at(ops.divide, lambda i, numbers, v: numbers[0] / numbers[1] ** 2 if i else None)),
    Mistake("activation_at_input", "derivative of the activation at its input",
        "The rules 1 - t² of tanh and s(1 - s) of sigmoid want the function's result, not its input.",
        "Which number goes into 1 - t²: what goes into tanh, or what comes out?", local=_at_input),
    Mistake("relu_always_1", "relu always passes on",
        "relu passes nothing on where its input is negative.", "Was the input of relu above 0?",
        local=_at(ops.relu, lambda i, numbers, v: 1)),
    Mistake("relu_always_0", "relu never passes on",
        "relu passes the gradient on unchanged where its input is above 0.", "Was the input of relu above 0?",
        local=_at(ops.relu, lambda i, numbers, v: 0)),
    Mistake("power_without_base", "power rule without the base",
        "The derivative of x**n is n * x**(n - 1); the base was left out.", "What is the derivative of x²?",
        local=_power(lambda x, n: n)),
    Mistake("exponent_kept", "power rule with the old exponent",
        "The derivative of x**n is n * x**(n - 1); the exponent was not lowered.", "What is the derivative of x³?",
        local=_power(lambda x, n: n * x**n)),
    Mistake("stopped_short", "chain one link short",
        "The last link of the chain is missing: the gradient of the node above was taken over as it is.",
        "Which operation stands between this node and the one above?",
        contribute=lambda up, local, v, x, root: up * local if x.operands else up),
    Mistake("local_forgotten", "local derivative forgotten",
        "The upstream gradient was passed on without the local derivative of the operation.",
        "What is the local derivative here?", local=lambda v, i, numbers: 1),
    Mistake("no_order", "passed on too early",
        "A node may pass its gradient on when all contributions to it are in; here it went on with a part, and then "
        "again.", "Had this node all its contributions when it passed them on?", in_order=False),
    Mistake("stale", "gradients of an earlier pass kept",
        "The gradients of an earlier backward pass were not cleared, and this one was added to them.",
        "What were the gradients before the pass began?",
        finish=lambda v, gradient: gradient if v.operands else 2 * gradient),
    Mistake("value_for_gradient", "value taken for the gradient",
        "The upstream gradient goes into the product, not the value that the node has in the forward pass.",
        "Which of the two numbers of the node above is its gradient?",
        contribute=lambda up, local, v, x, root: (up if v is root else v.data) * local),
    Mistake("rounded_early", "rounded too early",
        "A gradient on the way was rounded to one decimal; keep more digits, and round at the end.",
        "With how many digits did you go on?",
        finish=lambda v, gradient: round(gradient, 1) if v.operands else gradient),
    Mistake("uphill", "step uphill",
        "The gradient says where the loss grows; a step against it subtracts learning rate * gradient, and does not "
        "add it.", "If the gradient is above 0, should the number grow or shrink for the loss to fall?",
        update=lambda x, gradient, rate: x + rate * gradient),
    Mistake("rate_forgotten", "learning rate forgotten",
        "The gradient is multiplied by the learning rate before it is subtracted.",
        "How far does the step go for each unit of the gradient?", update=lambda x, gradient, rate: x - gradient),
    Mistake("step_for_number", "only the step",
        "This is the step itself, -learning rate * gradient; it has to be added to the number as it was.",
        "From where does the step start?", update=lambda x, gradient, rate: -rate * gradient),
    Mistake("gradient_forgotten", "gradient forgotten in the step",
        "A step is learning rate * gradient long, not the learning rate alone.",
        "Is the step of every parameter equally long?", update=lambda x, gradient, rate: x - rate),
)
# fmt: on
