"""The engine of pages in Node against Python: the same numbers, steps and words, on graphs of all operations."""

import math
from random import Random

import pytest
from hypothesis import given, settings

import micrograd_like
from micrograd_like import Operation, Value, logsumexp, named
from micrograd_like.compiler import CompilerError, add_spelling
from micrograd_like.compiler.spelling import HELPERS, SPELLINGS
from micrograd_like.engine import topological_order
from micrograd_like.graph.steps import backward_steps
from micrograd_like.notation.numbers import show
from micrograd_like.ops import CONSTANT
from micrograd_like.pages.document import source
from micrograd_like.pages.engine import engine, reading

from ..graphs import BY_ARITY, programs
from ..test_rows import forget

PASSES = """DATA.graphs.map((graph) => {
  const { data, errors } = forwardPass(graph, graph.leaves);
  const { steps } = backwardPass(graph, data);
  return { data, errors: [...errors.values()], steps: steps.map(Object.values) };
})"""


def plain(root):
    order = topological_order(root)
    place = {v: k for k, v in enumerate(order)}
    return (
        {
            "operations": [v.op.name for v in order],
            "operands": [[place[x] for x in v.operands] for v in order],
            "isConstant": [v.op is CONSTANT for v in order],
            "leaves": [None if v.operands else v.data for v in order],
        },
        order,
        place,
    )


@pytest.fixture(scope="module")
def run(run_script):
    def run(roots, graphs=None):
        """Return both passes over graphs, in Node."""
        graphs = graphs or [plain(root)[0] for root in roots]
        used = {v.op for root in roots for v in topological_order(root)}
        return run_script([engine(used, derived=True)], {"reading": reading(), "graphs": graphs}, PASSES)

    return run


def close(found, wanted):
    return math.isclose(found, wanted, rel_tol=1e-12, abs_tol=1e-12)  # what cancels leaves the last bits of its terms


def assert_agrees(root, found):
    _, order, place = plain(root)
    for v, x in zip(order, found["data"], strict=True):
        assert close(x, v.data), (v, x)
    steps = list(backward_steps(root))
    assert [s[:3] for s in found["steps"]] == [[place[s.node], s.position, place[s.operand]] for s in steps]
    for s, numbers in zip(steps, found["steps"], strict=True):
        for x, wanted in zip(numbers[3:], (s.upstream, s.local, s.contribution, s.before, s.after), strict=True):
            assert close(x, wanted), (str(s), x, wanted)


def test_random_graphs_over_all_operations(run):
    roots = []

    @settings(max_examples=400)
    @given(programs(most_steps=12))
    def draw(program):
        roots.append(program.nodes()[-1])

    draw()
    roots = [root for root in roots if is_differentiable(root)]
    assert {v.op.name for root in roots for v in topological_order(root)} >= {
        name for x in BY_ARITY.values() for name in x
    }
    for root, found in zip(roots, run(roots), strict=True):
        assert_agrees(root, found)
        assert found["errors"] == []


def is_differentiable(root):
    try:
        return bool(list(backward_steps(root)))
    except ValueError:
        return False


def test_an_operand_twice_constants_and_edges(run):
    a, b = named(a=2.0, b=-3.0)
    roots = [
        *(a + a, a * a * a, 2 * a - a / 4, (a * 0 + b) ** 2, (a * b + a) * (b + a) + b * 1),
        *(b**3, a**b, a.relu() + b.relu(), (a * 0).relu(), a.maximum(a) + a.minimum(b), (a - 2).abs(), 0.5**a),
        *((a - 2) ** 2, (b + 3) ** 1, micrograd_like.sum([a, a, b]), micrograd_like.dot([a, a], [b, a], b)),
        *(b.leaky_relu(), b.leaky_relu(0.5), b.leaky_relu(a), logsumexp(a, a, b), (a - 2).leaky_relu(), Value(1.0) * 1),
    ]
    for root, found in zip(roots, run(roots), strict=True):
        assert_agrees(root, found)


def test_what_is_not_defined_is_said_as_python_says_it(run):
    a = named(a=2.0)[0]
    makers = {
        "log": (lambda a: a.log(), -1.0), "log of 0": (lambda a: a.log(), 0.0), "root": (lambda a: a.sqrt(), -4.0),
        "division": (lambda a: 3 / a, 0.0), "none": (lambda a: a / a, 0.0), "power": (lambda a: a**-1, 0.0),
        "root of -1": (lambda a: a**0.5, -1.0), "exp": (lambda a: a.exp() * 2, 1000.0), "x*x": (lambda a: a * a, 1e200),
        "powers": (lambda a: a**400, 10.0),
    }  # fmt: skip
    roots = [make(a) for make, _ in makers.values()]
    graphs = []
    for root, (_, x) in zip(roots, makers.values(), strict=True):
        graph, _, place = plain(root)
        graph["leaves"][place[a]] = x
        graphs.append(graph)
    found = run(roots, graphs)
    for (name, (make, x)), result in zip(makers.items(), found, strict=True):
        with pytest.raises((ValueError, ArithmeticError)) as said:
            make(Value(x))
        assert len(result["errors"]) == 1, name
        assert str(said.value).endswith(result["errors"][0]), name
        assert result["data"][-1] is None
        assert result["steps"][0][3] is None


def test_operations_of_ones_own_work_or_are_refused_by_name(run):
    cube = Operation(
        "cube_of_a_page", "cube", lambda x: x**3, x="3 * x**2 if x > 1 else cube_of_a_page(x) / x + 2 * x**2"
    )
    a = named(a=2.0)[0]
    try:
        with pytest.raises(CompilerError, match=r"javascript.*'cube_of_a_page'.*add_spelling"):
            engine([cube], derived=True)
        add_spelling("javascript", cube.name, "cubed({0})", "const cubed = (x) => x * x * x;")
        roots = [cube(a) * a, cube(a / 4)]
        for root, found in zip(roots, run(roots), strict=True):
            assert_agrees(root, found)
    finally:
        forget(cube)
        SPELLINGS["javascript"].pop(cube.name, None)
        HELPERS["javascript"].pop(cube.name, None)


def test_numbers_are_shown_alike(run_script):
    rng = Random(1)
    numbers = [
        *(
            0.0,
            -0.0,
            1.0,
            -3.0,
            1e15,
            1e16,
            -1e22,
            0.1,
            1 / 3,
            -2 / 3,
            1e-5,
            0.00012344,
            9.99996,
            0.99999,
            1e7,
            12345678.9,
        )
    ]
    numbers += [k / 32 for k in range(-99, 99)] + [k / 4096 + 7 for k in range(99)] + [1e-300, 2**-30, 5e6 + 1 / 32]
    numbers += [rng.uniform(-1, 1) * 10.0 ** rng.randint(-12, 18) for _ in range(3000)]
    found = run_script([source("micrograd_like.pages", "living.js")], numbers, "DATA.map((x) => [show(x), show(x, 2)])")
    for x, shown in zip(numbers, found, strict=True):
        assert shown == [show(x), show(x, 2)], x
