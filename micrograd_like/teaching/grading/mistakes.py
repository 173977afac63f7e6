"""The mistakes that people make in backpropagation by hand, each as a small variation of a rule.

There are three kinds: of the backward pass, of the update, and of a value in the forward pass. A rule computes with
formulas as if they were numbers, so that it says once what it makes of any graph. Only one mistake is no variation of
a rule: passing a gradient on before it is complete.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import mul
from typing import Any

from ... import ops
from ...checks import local_derivative
from ...engine import Value, topological_order
from ...ops import CONSTANT, Operation
from .kinds import AddUp, BackwardMistake, Contribute, ForwardMistake, Mistake, PassMistake, UpdateMistake
from .lines import MANY, Edge, Term, add_up

MANY_VISITS = 10_000  # of nodes by the recursion without an order, which comes to each on every path to it


def find(mistake_id: str) -> Mistake:
    """Return the row of MISTAKES of this id; ValueError, with the ids there are, if there is none."""
    for mistake in MISTAKES:
        if mistake.id == mistake_id:
            return mistake
    raise ValueError(f"there is no mistake {mistake_id!r}: choose from {', '.join(mistake.id for mistake in MISTAKES)}")


def without_order(root: Value) -> dict[Value, Any]:
    """Return the gradients that a recursion finds which gives each operand its contribution and goes on there at once.

    There are none if it would come to nodes too often, or if a local derivative is infinite.
    """
    order = topological_order(root)
    edges: dict[Value, list[tuple[Value, Any]]] = {}
    visits = dict.fromkeys(order, 0)
    visits[root] = 1
    for v in reversed(order):
        numbers = [x.data for x in v.operands]
        operands = [(i, x) for i, x in enumerate(v.operands) if x.op is not CONSTANT]
        try:
            edges[v] = [(x, local_derivative(v, i, numbers)) for i, x in operands]
        except ValueError:
            return {}
        for _, x in operands:
            visits[x] += visits[v]
    if sum(visits.values()) > MANY_VISITS:
        return {}
    one = type(root.data)(1)
    found = dict.fromkeys([v for v in order if v.op is not CONSTANT], one - one)
    found[root] = one
    stack = [(root, iter(edges[root]))]
    while stack:
        v, rest = stack[-1]
        edge = next(rest, None)
        if edge is None:
            stack.pop()
        else:
            x, local = edge
            found[x] += found[v] * local
            stack.append((x, iter(edges[x])))
    return found


# -------------------- how the wrong rules come about --------------------


def _at(*rows: Operation, wrong: Callable[[Edge], Any]) -> Contribute:
    """Return a rule that is upstream * a wrong local derivative at nodes of some operations."""

    def contribute(e: Edge) -> Any:
        name_is_known = any(e.op.name == row.name for row in rows)
        return None if not name_is_known or (local := wrong(e)) is None else e.upstream * local

    return contribute


def _second(*rows: Operation, wrong: Callable[[Edge], Any]) -> Contribute:
    """Return such a rule for the second operand."""
    return _at(*rows, wrong=lambda e: wrong(e) if e.position else None)


def _power(wrong: Callable[[Any, Any], Any]) -> Contribute:
    return _at(ops.power, wrong=lambda e: None if e.position else wrong(*e.xs))


def _activation(tanh: Callable[[Edge], Any], sigmoid: Callable[[Edge], Any]) -> Contribute:
    both = {ops.tanh.name: tanh, ops.sigmoid.name: sigmoid}
    return lambda e: both[e.op.name](e) if e.op.name in both else None


def _input_of_activation(e: Edge) -> Any:
    """Return the product's other factor as it was before an activation."""
    if e.other is None or (h := e.node.operands[e.other]).op.name not in ACTIVATIONS:
        return None
    return e.upstream * e.terms[h.operands[0]]


ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu", "softplus", "atan")


def _updated(e: Edge) -> Any:
    """Return the contribution with the other factor, a parameter that is used here only, after its update."""
    if e.learning_rate is None or e.other is None or not e.operand.operands:
        return None
    weight = e.node.operands[e.other]
    if weight.operands or weight.op is CONSTANT:
        return None
    w, x = e.xs[e.other], e.x
    return e.upstream * (w - e.learning_rate * (e.upstream * x))


def _constant_factor(e: Edge) -> Any:
    is_constant = [x.op is CONSTANT for x in e.node.operands]
    factor = e.op is ops.multiply and is_constant[1 - e.position]
    return e.upstream if factor or (e.op is ops.divide and not e.position and is_constant[1]) else None


def _swapped(v: Value, xs: Sequence[Any]) -> Iterator[Any]:
    if v.op in (ops.subtract, ops.divide, ops.power):
        yield v.op(*xs[::-1])


def _other_operation(v: Value, xs: Sequence[Any]) -> Iterator[Any]:
    for other in OTHERS.get(v.op, ()):
        yield other(*xs)


OTHERS = {
    ops.add: (ops.multiply, ops.subtract),
    ops.subtract: (ops.add,),
    ops.multiply: (ops.add, ops.divide),
    ops.divide: (ops.multiply, ops.subtract),
}


def _when(wanted: Callable[[Value], bool], *values: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """Return a rule that gives other values at some nodes."""
    return lambda v, xs: (value(*xs) for value in values if wanted(v))


def _is(*rows: Operation) -> Callable[[Value], bool]:
    return lambda v: v.op in rows


def _of_several(make: Callable[[Sequence[Term]], Term]) -> AddUp:
    """Return a rule that makes something else than the sum of contributions, if there are several."""
    return lambda v, contributions: make(contributions) if len(contributions) > 1 else None


def _one_missing(v: Value, contributions: Sequence[Term]) -> list[Term] | None:
    """Return the sums that lack one contribution; of two, the other one alone is the mistake of another row."""
    n = len(contributions)
    return [add_up([*contributions[:k], *contributions[k + 1 :]]) for k in range(n)] if 2 < n < MANY else None


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    # ---------- contributions and their sum
    BackwardMistake("overwrite", "only one of the paths was kept",
        "A node that is used more than once gets a contribution from each use, and they are added; here only one of "
        "them was kept.", "How many edges lead away from this node, and what does each of them give it?",
        add_up=(_of_several(lambda xs: xs[-1]), _of_several(lambda xs: xs[0]))),
    BackwardMistake("path_forgotten", "one of the paths was forgotten",
        "A node that is used more than once gets a contribution from each use, and they are added; here one of them is "
        "missing.", "How many edges lead away from this node, and what does each of them give it?",
        add_up=(_one_missing,)),
    BackwardMistake("paths_multiplied", "paths multiplied",
        "Contributions along one path are multiplied, but those of different paths are added.",
        "What happens to the contributions of different paths?", add_up=(_of_several(lambda xs: reduce(mul, xs)),)),
    BackwardMistake("stale", "gradients of an earlier pass kept",
        "The gradients of an earlier backward pass were not reset, and this one was added to them.",
        "What were the gradients before the pass began?",
        add_up=(lambda v, xs: None if v.operands else 2 * add_up(xs),)),
    PassMistake("no_order", "passed on too early",
        "A node may pass its gradient on when all contributions to it are in; here it went on with a part, and then "
        "again.", "Had this node all its contributions when it passed them on?", without_order),
    BackwardMistake("upstream_forgotten", "upstream gradient forgotten",
        "The local derivative has to be multiplied by the upstream gradient.",
        "How does the node above act on the output?", (lambda e: None if e.is_root else e.local,)),
    BackwardMistake("upstream_added", "upstream gradient added",
        "By the chain rule, upstream gradient and local derivative are multiplied, not added.",
        "What does the chain rule do with the two factors?", (lambda e: e.upstream + e.local,)),
    BackwardMistake("value_for_gradient", "value taken for the gradient",
        "The upstream gradient goes into the product, not the value that the node has in the forward pass.",
        "Which of the two numbers of the node above is its gradient?",
        (lambda e: None if e.is_root else e.out * e.local,)),
    BackwardMistake("seed_is_value", "the pass started from the output's value",
        "The backward pass starts from 1, the derivative of the output with respect to itself, not from the output's "
        "value.", "If L grows by 1, by how much does L grow?", (lambda e: e.out * e.local if e.is_root else None,)),
    BackwardMistake("stopped_short", "chain one link short",
        "The last link of the chain is missing: the gradient of the node above was taken over as it is.",
        "Which operation stands between this node and the one above?",
        (lambda e: None if e.operand.operands else e.upstream,)),
    BackwardMistake("local_forgotten", "local derivative forgotten",
        "The upstream gradient was passed on without the local derivative of the operation.",
        "What is the local derivative here?", (lambda e: e.upstream,)),
    # ---------- sums, products, quotients
    BackwardMistake("factors_not_swapped", "factors not swapped",
        "The derivative of x*y with respect to x is y, the other factor; here it was x itself.",
        "If x grows by 1, by how much does x*y grow?",
        (lambda e: None if e.other is None else e.upstream * e.x,)),
    BackwardMistake("product_rule_for_sum", "the rule of × used for +",
        "A sum passes its gradient on as it is: the derivative of x + y with respect to x is 1, not y.",
        "If x grows by 1, by how much does x + y grow?", (_at(ops.add, wrong=lambda e: e.xs[1 - e.position]),)),
    BackwardMistake("zero_bias", "zero taken to have no gradient",
        "A number that is 0 acts on the output all the same: if it grows by 1, so does the sum.",
        "If the number that is 0 grew a little, would the output stay?",
        (lambda e: Term(0) if e.op in (ops.add, ops.sum, ops.dot) and e.other is None
            and not e.operand.operands and not e.operand.data else None,)),
    BackwardMistake("minus_lost", "sign lost in −",
        "What is subtracted has the derivative -1.", "If y grows by 1, do x - y and -y grow or shrink?",
        (_at(ops.negative, ops.subtract, wrong=lambda e: 1 if e.op is ops.negative or e.position else None),)),
    BackwardMistake("minus_swapped", "plus and minus swapped in −",
        "In x - y it is y whose derivative is -1; that of x is 1.", "Which of the two is subtracted?",
        (_at(ops.subtract, wrong=lambda e: 1 if e.position else -1),)),
    BackwardMistake("division_sign_lost", "sign lost in /",
        "The derivative of x/y with respect to y is -x/y², with a minus.",
        "If y grows, does x/y grow or shrink?", (_second(ops.divide, wrong=lambda e: e.xs[0] / e.xs[1] ** 2),)),
    BackwardMistake("quotient_without_square", "quotient rule without the square",
        "The derivative of x/y with respect to y is -x/y²; y was not squared.", "What is the derivative of 1/y?",
        (_second(ops.divide, wrong=lambda e: -e.xs[0] / e.xs[1]),)),
    BackwardMistake("quotient_without_numerator", "quotient rule without the numerator",
        "The derivative of x/y with respect to y is -x/y²; x was left out.", "Is 3/y steeper than 1/y?",
        (_second(ops.divide, wrong=lambda e: -1 / e.xs[1] ** 2),)),
    BackwardMistake("quotient_swapped", "quotient rule with the roles swapped",
        "In x/y the derivative with respect to x is 1/y, and that with respect to y is -x/y²; numerator and "
        "denominator were swapped.", "Which of the two stands below the line?",
        (_at(ops.divide, wrong=lambda e: 1 / e.xs[0] if e.position else -e.xs[1] / e.xs[0] ** 2),
         _at(ops.divide, wrong=lambda e: 1 / e.xs[1] if e.position else -e.xs[0] / e.xs[1] ** 2))),
    BackwardMistake("constant_forgotten", "constant factor forgotten",
        "The derivative of 3*x is 3, and that of x/n is 1/n; the constant was left out.",
        "If x grows by 1, by how much does 3*x grow?", (_constant_factor,)),
    # ---------- powers and functions
    BackwardMistake("power_without_base", "power rule without the base",
        "The derivative of x**n is n * x**(n - 1); the base was left out.", "What is the derivative of x²?",
        (_power(lambda x, n: n),)),
    BackwardMistake("power_without_factor", "power rule without the factor",
        "The derivative of x**n is n * x**(n - 1); the factor n was forgotten, such as the 2 of a square.",
        "Is x² steeper than x, and how much?", (_power(lambda x, n: x ** (n - 1)),)),
    BackwardMistake("exponent_kept", "power rule with the old exponent",
        "The derivative of x**n is n * x**(n - 1); the exponent was not lowered.", "What is the derivative of x³?",
        (_power(lambda x, n: n * x**n),)),
    BackwardMistake("exp_as_power", "exp by the power rule",
        "The derivative of exp(x) is exp(x) itself; the power rule is for x**n, where the base varies.",
        "What varies in exp(x), the base or the exponent?",
        (_at(ops.exp, wrong=lambda e: e.x * e.out / Term(2.718281828459045)),
         _at(ops.exp, wrong=lambda e: e.x * e.out))),
    BackwardMistake("log_at_output", "derivative of log at its result",
        "The derivative of log(x) is 1/x, of what goes in; not of what comes out.",
        "Which number goes into 1/x: what goes into log, or what comes out?",
        (_at(ops.log, wrong=lambda e: 1 / e.out),)),
    BackwardMistake("root_without_half", "square root without the half",
        "The derivative of sqrt(x) is 1 / (2 * sqrt(x)); the 2 was forgotten.",
        "What does the power rule say of x to the power 1/2?", (_at(ops.sqrt, wrong=lambda e: 1 / e.out),)),
    BackwardMistake("sine_sign", "sign of sine and cosine",
        "The derivative of sin is cos, and that of cos is -sin.", "Which of the two falls at first, sin or cos?",
        (_at(ops.sin, ops.cos, wrong=lambda e: -e.local),)),
    BackwardMistake("abs_as_itself", "abs differentiated as its operand",
        "The derivative of |x| is 1 or -1, the sign of x.", "If x is below 0 and grows, does |x| grow or shrink?",
        (_at(ops.absolute, wrong=lambda e: 1), _at(ops.absolute, wrong=lambda e: e.x))),
    BackwardMistake("wrong_winner", "gradient given to the other operand of max",
        "Of two numbers the larger one alone makes max(x, y), and it gets the whole gradient; min goes by the smaller "
        "one.", "Which of the two numbers does the result follow?",
        (_at(ops.maximum, ops.minimum, wrong=lambda e: 1 - e.local),)),
    BackwardMistake("shared_winner", "gradient of max given to both operands",
        "Only the operand that max(x, y) takes gets a gradient; the other one gets 0.",
        "If the smaller number grew a little, would max change?", (_at(ops.maximum, ops.minimum, wrong=lambda e: 1),)),
    # ---------- activations
    BackwardMistake("activation_forgotten", "derivative of the activation forgotten",
        "The gradient was passed through the activation as if it were not there.",
        "How steep is the activation at this place?",
        (_at(ops.tanh, ops.sigmoid, ops.exp, ops.softplus, wrong=lambda e: 1),)),
    BackwardMistake("activation_at_input", "derivative of the activation at its input",
        "The rules 1 - t² of tanh and s(1 - s) of sigmoid want the function's result, not its input.",
        "Which number goes into 1 - t²: what goes into tanh, or what comes out?",
        (_activation(lambda e: e.upstream * (1 - e.x**2), lambda e: e.upstream * (e.x * (1 - e.x))),)),
    BackwardMistake("activation_twice", "activation applied twice",
        "t and s in 1 - t² and s(1 - s) are the results already; the function was applied to them once more.",
        "Is the number that you have what goes into the activation, or what comes out?",
        (_activation(lambda e: e.upstream * (1 - ops.tanh(e.out) ** 2),
                     lambda e: e.upstream * (ops.sigmoid(e.out) * (1 - ops.sigmoid(e.out)))),)),
    BackwardMistake("activation_at_gradient", "derivative of the activation at the gradient",
        "The rules 1 - t² and s(1 - s) want the function's result from the forward pass, not the upstream gradient.",
        "Which number of the forward pass goes into the rule?",
        (_activation(lambda e: e.upstream * (1 - e.upstream**2),
                     lambda e: e.upstream * (e.upstream * (1 - e.upstream))),)),
    BackwardMistake("other_activation", "the rule of another activation",
        "1 - t² is the rule of tanh, and s(1 - s) that of sigmoid.", "Which activation stands here?",
        (_activation(lambda e: e.upstream * (e.out * (1 - e.out)), lambda e: e.upstream * (1 - e.out**2)),)),
    BackwardMistake("tanh_without_square", "tanh without the square",
        "The derivative of tanh is 1 - t², with a square.", "What is the slope of tanh at 0, and far below 0?",
        (_at(ops.tanh, wrong=lambda e: 1 - e.out), _at(ops.tanh, wrong=lambda e: 1 + e.out**2))),
    BackwardMistake("sigmoid_rule", "the rule of sigmoid misremembered",
        "The derivative of sigmoid is s(1 - s).", "How steep is sigmoid where it is nearly 1?",
        (_at(ops.sigmoid, wrong=lambda e: e.out * (1 + e.out)), _at(ops.sigmoid, wrong=lambda e: 1 - e.out),
         _at(ops.sigmoid, wrong=lambda e: e.out))),
    BackwardMistake("relu_always_1", "relu always passes on",
        "relu passes nothing on where its input is negative.", "Was the input of relu above 0?",
        (_at(ops.relu, wrong=lambda e: 1),)),
    BackwardMistake("relu_always_0", "relu never passes on",
        "relu passes the gradient on unchanged where its input is above 0.", "Was the input of relu above 0?",
        (_at(ops.relu, wrong=lambda e: 0),)),
    BackwardMistake("activation_left_out", "pre-activation in place of the activation",
        "The derivative with respect to a weight is the number that the weight is multiplied by: what comes out of the "
        "activation before it, not what goes in.", "Which number is this weight multiplied by in the forward pass?",
        (_input_of_activation,)),
    BackwardMistake("updated_weight", "the updated weight used in the pass",
        "The backward pass uses the weights with which the forward pass was computed; all of them are updated "
        "afterwards.",
        "Which weights made the loss that is differentiated?", (_updated,)),
    # ---------- the update
    UpdateMistake("uphill", "update uphill",
        "The gradient says where the loss grows; an update against it subtracts learning rate * gradient, and does not "
        "add it.", "If the gradient is above 0, should the number grow or shrink for the loss to fall?",
        lambda x, gradient, rate: x + rate * gradient if rate > 0 else None),
    UpdateMistake("downhill", "update downhill",
        "Here the output is to become larger: an update along the gradient adds learning rate * gradient, and does not "
        "subtract it.", "If the gradient is above 0, should the number grow or shrink for the output to become larger?",
        lambda x, gradient, rate: x + rate * gradient if rate < 0 else None),
    UpdateMistake("rate_forgotten", "learning rate forgotten",
        "The gradient is multiplied by the learning rate before the number is changed by it.",
        "How far does the update go for each unit of the gradient?",
        lambda x, gradient, rate: x - gradient if rate > 0 else x + gradient),
    UpdateMistake("update_for_number", "only the change",
        "This is the change itself, learning rate * gradient with its sign; it is still to be added to the number.",
        "From where does the update start?", lambda x, gradient, rate: -rate * gradient),
    UpdateMistake("gradient_forgotten", "gradient forgotten in the update",
        "The change is learning rate * gradient, not the learning rate alone.",
        "Does every parameter change by the same amount?", lambda x, gradient, rate: x - Term(rate)),
    # ---------- the forward pass
    ForwardMistake("operands_swapped", "operands swapped",
        "In x - y, x/y and x**y it matters which number stands first.",
        "Which of the two numbers is subtracted, divided by, or the exponent?", _swapped),
    ForwardMistake("other_operation", "another operation",
        "The numbers were put together by another operation than the one that is meant.",
        "Which operation stands between the two?", _other_operation),
    ForwardMistake("operand_left_out", "one number of a sum left out",
        "A sum has more than one number; one of them was left out.", "Which numbers are added here?",
        _when(_is(ops.add), lambda x, y: x, lambda x, y: y)),
    ForwardMistake("times_exponent", "multiplied by the exponent",
        "x**n is x multiplied by itself, n times; it is not n*x.", "What is 3**2, written as a product?",
        _when(_is(ops.power), lambda x, n: x * n)),
    ForwardMistake("relu_passed_on", "relu passed a negative number on", "relu makes 0 of everything below 0.",
        "Is what goes into relu above 0?", _when(_is(ops.relu), lambda x: x, lambda x: ops.absolute(x))),
    ForwardMistake("function_left_out", "function left out",
        "The function was not applied: what goes into it was taken over.", "What does the function make of its input?",
        _when(_is(ops.tanh, ops.sigmoid, ops.exp, ops.log, ops.sqrt), lambda x: x)),
)
# fmt: on
