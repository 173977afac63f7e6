"""Grading, and how often the mistake behind the numbers is found."""

from fractions import Fraction
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_like import Value, named, parse, topological_order
from micrograd_like.engine import UNREACHED
from micrograd_like.notation.answers import read_answer
from micrograd_like.ops import CONSTANT
from micrograd_like.teaching import check, grade
from micrograd_like.teaching.grading.mistakes import MISTAKES, applicable, confined, find, gradients
from micrograd_like.teaching.grading.slips import SLIPS

# -------------------- random exercises --------------------


STEPS = (
    *(lambda x, y: x * y, lambda x, y: x * y, lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x / y),
    *(lambda x, y: x**2, lambda x, y: x.relu(), lambda x, y: (x * 0.25).tanh(), lambda x, y: -x),
)


def exercise(seed):
    """Return a random graph with shared nodes over small numbers, labelled throughout."""
    rng = Random(seed)
    while True:
        nodes = [Value(rng.choice([-3.0, -2.0, -1.5, 0.5, 2.0, 3.0, 4.0]), name) for name in "abcd"]
        try:
            for i in range(rng.randint(4, 8)):
                v = rng.choice(STEPS)(rng.choice(nodes[-4:]), rng.choice(nodes))
                v.label = f"n{i}"
                nodes.append(v)
            right = gradients(nodes[-1])
        except (ArithmeticError, ValueError):
            continue
        if len(right) > 6 and all(abs(g) < 1e4 for g in right.values()) and len(applicable(nodes[-1])) > 5:
            return nodes[-1]


def answers_under(root, *mistakes):
    """Return everything that somebody answers who makes these mistakes."""
    return {v: float(g) for v, g in gradients(root, *mistakes).items()}


def tell_apart(answers, others):
    """Return whether answers differ from other numbers by more than the digits given leave open."""
    return not all(read_answer(answer).is_right(others[v]) for v, answer in answers.items())


def named_ids(grading):
    return [diagnosis.ids for diagnosis in grading.diagnoses]


def attempt(root, *mistakes):
    try:
        return answers_under(root, *mistakes)
    except (ArithmeticError, ValueError):
        return None


def test_one_mistake_is_named_whenever_its_numbers_differ_from_every_other_rules():
    told = 0
    for seed in range(40):
        root = exercise(seed)
        everyone = {m.id: attempt(root, m) for m in MISTAKES}
        for mistake in applicable(root):
            answers = everyone[mistake.id]
            if not tell_apart(answers, answers_under(root)):
                continue  # rounded early, but right to the digits given
            alike = {other for other, a in everyone.items() if a and not tell_apart(answers, a)}
            found = named_ids(grade(root, answers))
            assert {frozenset([other]) for other in alike} == set(found)
            told += len(alike) == 1
    assert told > 300


def test_a_mistake_at_one_node_is_among_those_named():
    for seed in range(12):
        root = exercise(seed)
        right = answers_under(root)
        for v in topological_order(root):
            for mistake in MISTAKES:
                if mistake.in_order and v.op is not CONSTANT:
                    answers = attempt(root, confined(mistake, v))
                    if answers and tell_apart(answers, right):
                        grading = grade(root, answers)
                        ids = set().union(*named_ids(grading))
                        simpler = any(not tell_apart(answers, a) for m in MISTAKES if (a := attempt(root, m)))
                        assert mistake.id in ids or simpler


def test_two_mistakes_are_found_in_four_of_five_cases():
    found = tried = 0
    for seed in range(25):
        root = exercise(seed)
        singles = [a for m in MISTAKES if (a := attempt(root, m))]
        pairs = list(combinations([m for m in applicable(root) if m.in_order], 2))
        for one, other in Random(seed).sample(pairs, min(4, len(pairs))):
            answers = attempt(root, one, other)
            if answers is None or not all(tell_apart(answers, a) for a in (answers_under(root), *singles)):
                continue  # not to be told from one mistake, or none
            tried += 1
            found += frozenset([one.id, other.id]) in named_ids(grade(root, answers))
    assert tried > 60
    assert found / tried >= 0.8


@given(st.integers(0, 60), st.floats(-50, 50).map(lambda x: round(x, 3)), st.integers(0, 100))
def test_a_random_wrong_number_gets_no_confident_diagnosis(seed, number, which):
    root = exercise(seed)
    answers = answers_under(root)
    v = list(answers)[which % (len(answers) - 1)]
    answers[v] = number
    assert not any(diagnosis.confident for diagnosis in grade(root, answers).diagnoses)


@given(st.integers(0, 60), st.randoms(use_true_random=False))
def test_random_numbers_throughout_get_no_confident_diagnosis(seed, rng):
    root = exercise(seed)
    answers = {v: round(rng.uniform(-9, 9), 2) for v in answers_under(root) if v is not root}
    assert not any(diagnosis.confident for diagnosis in grade(root, answers).diagnoses)


@given(st.integers(0, 60))
def test_right_answers_are_right(seed):
    root = exercise(seed)
    grading = grade(root, answers_under(root))
    assert grading.is_right
    assert {g.status for g in grading.grades} == {"right"}
    assert grading.diagnoses == ()
    assert all(v.grad is UNREACHED for v in topological_order(root))


# -------------------- what a student sees --------------------


@pytest.fixture
def lecture():
    return parse("e = a*b; d = e + c; L = d*f", a=2, b=-3, c=10, f=-2)


def test_all_right(lecture):
    assert str(
        grade(lecture, {"a": 6, "b": "-4", "c": "-2.0", "d": -2, "e": Fraction(-2), "f": "8/2"})
    ).splitlines() == [
        "f  8/2: right",
        "d  -2: right",
        "c  -2.0: right",
        "e  -2: right",
        "b  -4: right",
        "a  6: right",
        "",
        "All of it is right.",
    ]


def test_overwriting_is_named_without_the_numbers():
    root = parse("b = a*a; c = a + b; d = b*c; L = d + a", a=2)
    wrong = gradients(root, "overwrite")
    assert len({v for v, g in gradients(root).items() if g != wrong[v]}) >= 2
    said = str(grade(root, {v: g for v, g in wrong.items() if v is not root}))
    assert "The mistake: overwritten instead of added. It first shows at b." in said
    assert "How many edges lead away from this node, and what does each of them give it?" in said
    assert str(gradients(root)[root.operands[1]]) not in said


def test_follow_through(lecture):
    grading = grade(lecture, {"d": 5, "e": 5, "c": 5, "a": -15, "b": 10, "f": 4})
    assert {g.name: g.status for g in grading.grades} == {
        "d": "wrong",
        "e": "follow-through",
        "c": "follow-through",
        "a": "follow-through",
        "b": "follow-through",
        "f": "right",
    }
    assert grading.first_wrong.name == "d"
    assert "No mistake that is known here gives these numbers. It first shows at d." in str(grading)
    assert "e  5: right, given the slip before it" in str(grading)


def test_two_slips_in_two_places(lecture):
    # the sum's rule taken for a product's at d, and the factors not swapped at e, each only once
    answers = {"d": -2, "f": 4, "e": "-20", "c": "-2", "a": "-40", "b": "60"}
    ids = named_ids(grade(lecture, answers))
    assert frozenset(["factors_not_swapped", "product_rule_for_sum"]) in ids


def test_levels_give_more_and_more_away(lecture):
    answers = {"a": -4, "b": 6, "c": -2, "d": -2, "e": -2, "f": 4}  # the factors of e not swapped
    hint, rule, step, answer = (
        str(grade(lecture, answers, level=level)) for level in ("hint", "rule", "step", "answer")
    )
    assert "If x grows by 1, by how much does x*y grow?" in hint
    assert "the other factor" in rule
    assert "∂L/∂b += ∂L/∂e * ∂e/∂b = -2 * a = -2 * 2 = -4" in step
    assert "∂L" not in rule
    assert "a  -4: wrong (6)" in answer
    assert "(6)" not in step
    with pytest.raises(ValueError, match="a level is hint, rule, step, answer, not 'all'"):
        grade(lecture, answers, level="all")


def test_missing_and_partial_answers(lecture):
    grading = grade(lecture, {"a": 6, "b": None, "c": " "})
    assert {g.name: g.status for g in grading.grades} == {
        **dict.fromkeys("fdecb", "missing"),
        "a": "right",
    }
    assert "Right so far; 5 missing." in str(grading)


def test_decimals_are_judged_by_their_digits():
    root = parse("o = tanh(a*b)", a=0.5, b=1)
    assert grade(root, {"a": "0.786", "b": "0.39"}).is_right
    said = str(grade(parse("L = a*b", a=0.5, b=0.0345), {"a": "0.03", "b": 0.5}))
    assert "a  0.03: wrong, for it has too few digits" in said


def test_expressions_are_read_and_not_executed():
    root = parse("o = tanh(a)", a=0.5)
    assert grade(root, {"a": "1 - tanh(0.5)**2"}).is_right
    with pytest.raises(ValueError, match=r"the answer for a: .* is no number"):
        grade(root, {"a": "__import__('os')"})


def test_values_of_the_forward_pass(lecture):
    grading = grade(lecture, {"e": 6, "d": 16, "L": -30}, values=True, level="answer")
    assert [(g.name, g.status) for g in grading.grades] == [("e", "wrong"), ("d", "follow-through"), ("L", "wrong")]
    assert "e = a * b = 2 * (-3) = -6" in str(grading)
    assert grade(lecture, {"e": -6, "d": 4, "L": -8}, values=True).is_right


# v = f(x, y), its numbers, what somebody answers, and the slip; each wrong value was computed by hand.
SLIPPED = [
    ("v = x - y", {"x": 2, "y": 5}, 3, "operands_swapped"),
    ("v = x/y", {"x": 2, "y": 5}, "2.5", "operands_swapped"),
    ("v = x**3", {"x": 2}, 9, "operands_swapped"),
    ("v = x*y", {"x": -2, "y": 5}, 10, "sign_wrong"),
    ("v = x + y", {"x": -7, "y": 5}, 2, "sign_wrong"),
    ("v = x*y", {"x": -2, "y": 5}, 3, "other_operation"),
    ("v = x - y", {"x": 2, "y": -5}, -3, "other_operation"),
    ("v = x + y", {"x": 3, "y": 5}, 3, "operand_left_out"),
    ("v = x**3", {"x": 2}, 6, "times_exponent"),
    ("v = relu(x)", {"x": -4}, -4, "relu_passed_on"),
    ("v = tanh(x)", {"x": 0.5}, "0.5", "function_left_out"),
]


@pytest.mark.parametrize(("formula", "numbers", "answer", "slip"), SLIPPED)
def test_slips_of_the_forward_pass(formula, numbers, answer, slip):
    grading = grade(parse(formula, **numbers), {"v": answer}, values=True)
    assert named_ids(grading) == [{slip}]
    assert not grading.diagnoses[0].confident
    assert grading.diagnoses[0].mistakes[0].question in str(grading)


def test_every_slip_was_computed_by_hand():
    assert {slip for *_, slip in SLIPPED} == {slip.id for slip in SLIPS}
    assert not {slip.id for slip in SLIPS} & {mistake.id for mistake in MISTAKES}


def test_one_slip_twice_is_named_with_what_follows_from_it():
    root = parse("u = a*b; v = u - c; w = v*d; L = w + f", a=2, b=-3, c=4, d=5, f=1)
    grading = grade(root, {"u": -1, "v": -5, "w": 0, "L": 1}, values=True)  # 2 + (-3), and -5 + 5
    assert [g.status for g in grading.grades] == ["wrong", "follow-through", "wrong", "follow-through"]
    assert "The mistake: another operation. It first shows at u." in str(grading)
    two = grade(root, {"u": -1, "v": 5, "w": 25, "L": 26}, values=True)
    assert named_ids(two) == [{"other_operation", "operands_swapped"}]
    assert "It may be: operands swapped and another operation." in str(two)
    none = grade(root, {"u": 17}, values=True)
    assert "No mistake that is known here gives these numbers. It first shows at u.\nWhat is u computed from?" in str(
        none
    )


@given(st.integers(0, 60), st.floats(-50, 50).map(lambda x: round(x, 3)), st.integers(0, 100))
def test_a_random_wrong_value_gets_no_confident_diagnosis(seed, number, which):
    root = exercise(seed)
    order = [v for v in topological_order(root) if v.operands]
    answers = {v: v.data for v in order} | {order[which % len(order)]: number}
    assert not any(diagnosis.confident for diagnosis in grade(root, answers, values=True).diagnoses)


def test_check_raises_the_diagnosis(lecture):
    check(lecture, a=6, b=-4)
    check(lecture, values=True, e=-6)
    root = parse("e = a - b; L = e*c", a=1, b=2, c=6)
    with pytest.raises(AssertionError, match=r"b  6: wrong[\s\S]*It may be: .*sign"):
        check(root, e=6, a=6, b=6)
    with pytest.raises(AssertionError, match="b  missing"):
        check(lecture, b="")


def test_bad_input(lecture):
    with pytest.raises(ValueError, match="no node is named 'z': there are"):
        grade(lecture, {"z": 1})
    with pytest.raises(ValueError, match="no node is named 'f1': there are f"):
        grade(lecture, {"f1": 1})
    with pytest.raises(ValueError, match="the answer for a: 'six' is no number: write 4, -3/2"):
        grade(lecture, {"a": "six"})
    with pytest.raises(ValueError, match="no node is named"):
        grade(lecture, {Value(1.0): 1})
    (a,) = named(a=1.0)
    other = Value(2.0, "a")
    with pytest.raises(ValueError, match="2 nodes are named 'a': give the answer to the node itself"):
        grade(a * other, {"a": 1})
    assert grade(a * other, {a: 2, other: 1}).is_right


def test_find_names_what_there_is():
    assert find("stale").name == "gradients of an earlier pass kept"


# -------------------- the step after the pass --------------------


@pytest.fixture
def line():
    return parse("p = w*x; e = p - y; L = e**2", w=2, x=3, y=2)  # e = 4, ∂L/∂e = 8, ∂L/∂w = 24


def test_a_step_is_graded_with_the_gradients(line):
    right = {"e": 8, "p": 8, "w": 24, "w_new": "-2/5"}
    assert grade(line, right, learning_rate=Fraction(1, 10)).is_right
    assert grade(line, right, learning_rate=0.1).is_right
    uphill = grade(line, {**right, "w_new": "4.4"}, learning_rate=0.1)
    assert [(g.name, g.status) for g in uphill.grades if g.answer] == [
        *(("e", "right"), ("p", "right"), ("w", "right"), ("w_new", "wrong")),
    ]
    assert named_ids(uphill) == [{"uphill"}]
    assert "should the number grow or shrink" in str(uphill)
    step = grade(line, {**right, "w_new": "4.4"}, learning_rate=Fraction(1, 10), level="step")
    assert "w_new = w - 1/10 * ∂L/∂w = 2 - 1/10 * 24 = -0.4" in str(step)
    with pytest.raises(ValueError, match="no node is named 'w_new'"):
        grade(line, right)
    with pytest.raises(AssertionError, match=r"w_new  4\.4: wrong"):
        check(line, w_new="4.4", learning_rate=0.1)
    check(line, w_new="-0.4", w=24, learning_rate=0.1)
    assert named_ids(grade(line, {**right, "w_new": 7}, learning_rate=0.1)) == []
    assert "From where does the step to w_new start" in str(grade(line, {"w_new": 7}, learning_rate=0.1))


def test_a_step_follows_from_a_wrong_gradient(line):
    grading = grade(line, {"e": 8, "p": 8, "w": 16, "w_new": "0.4"}, learning_rate=0.1)  # factors not swapped, w = 2
    assert [g.status for g in grading.grades if g.answer] == ["right", "right", "wrong", "follow-through"]
    assert {"factors_not_swapped"} in named_ids(grading)
    both = grade(line, {"e": 8, "p": 8, "w": 16, "x": 24, "w_new": "3.6", "x_new": "5.4"}, learning_rate=0.1)
    assert {"factors_not_swapped", "uphill"} in named_ids(both)
    slips = grade(line, {"e": 5, "p": 5, "w": 15, "w_new": "-13"}, learning_rate=0.1)  # e is no known mistake
    assert [g.status for g in slips.grades if g.answer] == ["wrong", "follow-through", "follow-through", "wrong"]


def test_a_node_of_that_name_is_the_node():
    root = parse("w_new = w*x; L = w_new**2", w=2, x=3)
    assert grade(root, {"w_new": 12, "w": 36}, learning_rate=0.1).is_right


@pytest.mark.parametrize("rate", ["0.1", 0, -0.1, float("nan"), float("inf")])
def test_a_learning_rate_is_a_number_above_0(line, rate):
    with pytest.raises(ValueError, match=r"a learning rate is a number above 0, such as 0\.1, not"):
        grade(line, {"w": 24}, learning_rate=rate)
