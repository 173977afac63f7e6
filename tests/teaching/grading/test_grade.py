"""What is said of answers; how often it is right is measured in test_verdicts.py."""

import subprocess
import sys
from fractions import Fraction

import pytest

from micrograd_like import Value, named, parse, topological_order
from micrograd_like.engine import UNREACHED
from micrograd_like.teaching import check, grade, gradients
from micrograd_like.teaching.grading.mistakes import find


def named_ids(grading):
    return [diagnosis.ids for diagnosis in grading.diagnoses]


def statuses(grading):
    return {g.name: g.status for g in grading.grades if g.answer}


def test_importing_the_grader_loads_neither_graphviz_nor_rich():
    code = "import sys, micrograd_like.teaching.grading.grade as g; print({'graphviz', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


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
    assert (
        "It may be: only one of the paths was kept. It first shows at b. So few numbers may be a coincidence." in said
    )
    assert "How many edges lead away from this node, and what does each of them give it?" in said
    assert str(gradients(root)[root.operands[1]]) not in said


@pytest.mark.parametrize("gradient", [3 + 5, 3 + 11, 5 + 11])
def test_any_one_of_three_paths_may_be_forgotten(gradient):
    root = parse("p = x*y; q = x*z; r = x*w; s = p + q; L = s + r", x=2, y=3, z=5, w=11)
    grading = grade(root, {"p": 1, "q": 1, "r": 1, "s": 1, "y": 2, "z": 2, "w": 2, "x": gradient})
    assert named_ids(grading) == [{"path_forgotten"}]
    assert not grading.diagnoses[0].confident


def test_an_edge_of_a_square_may_be_forgotten():
    root = parse("b = a*a; c = a + b; L = b*c", a=3)
    assert named_ids(grade(root, {"c": 9, "b": 21, "a": 9 + 63})) == [{"path_forgotten"}]
    assert named_ids(grade(root, {"c": 9, "b": 21, "a": 63})) == [{"overwrite"}]


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
    with pytest.raises(ValueError, match="unknown level 'all'; choose from hint, rule, step, answer"):
        grade(lecture, answers, level="all")


def test_missing_and_partial_answers(lecture):
    grading = grade(lecture, {"a": 6, "b": None, "c": " "})
    assert {g.name: g.status for g in grading.grades} == {
        **dict.fromkeys("fdecb", "missing"),
        "a": "right",
    }
    assert "Right so far; 5 missing." in str(grading)
    assert grade(lecture, {}).explanation == ["No answers yet."]


def test_decimals_are_judged_by_their_digits():
    root = parse("o = tanh(a*b)", a=0.5, b=1)
    assert grade(root, {"a": "0.786", "b": "0.39"}).is_right
    said = str(grade(parse("L = a*b", a=0.5, b=1 / 3), {"a": "0.3", "b": 0.5}))
    assert "a  0.3: too few digits to be right" in said
    assert "What is there is right as far as it goes; write more digits." in said


def test_expressions_are_read_and_not_executed():
    root = parse("o = tanh(a)", a=0.5)
    assert grade(root, {"a": "1 - tanh(0.5)**2"}).is_right
    with pytest.raises(ValueError, match=r"the answer for a: .* is not a number"):
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
    ("v = x*y", {"x": -2, "y": 5}, 3, "other_operation"),
    ("v = x - y", {"x": 2, "y": -5}, -3, "other_operation"),
    ("v = x + y", {"x": 3, "y": 5}, 3, "operand_left_out"),
    ("v = x**3", {"x": 2}, 6, "times_exponent"),
    ("v = relu(x)", {"x": -4}, -4, "relu_passed_on"),
    ("v = tanh(x)", {"x": 0.7}, "0.7", "function_left_out"),
]


@pytest.mark.parametrize(("formula", "numbers", "answer", "slip"), SLIPPED)
def test_slips_of_the_forward_pass(formula, numbers, answer, slip):
    grading = grade(parse(formula, **numbers), {"v": answer}, values=True)
    assert named_ids(grading) == [{slip}]
    assert not grading.diagnoses[0].confident
    assert grading.diagnoses[0].mistakes[0].question in str(grading)


def test_one_slip_twice_is_named_with_what_follows_from_it():
    root = parse("u = a*b; v = u - c; w = v*d; L = w + f", a=2, b=-3, c=4, d=5, f=1)
    grading = grade(root, {"u": -1, "v": -5, "w": 0, "L": 1}, values=True)  # 2 + (-3), and -5 + 5
    assert [g.status for g in grading.grades] == ["wrong", "follow-through", "wrong", "follow-through"]
    assert "It may be: another operation. It first shows at u." in str(grading)
    two = grade(root, {"u": -1, "v": 5, "w": 25, "L": 26}, values=True)
    assert named_ids(two) == [{"other_operation", "operands_swapped"}]
    assert "It may be: operands swapped and another operation." in str(two)
    none = grade(root, {"u": 17}, values=True)
    assert "No mistake that is known here gives these numbers. It first shows at u.\nWhat is u computed from?" in str(
        none
    )


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
    with pytest.raises(ValueError, match="the answer for a: 'six' is not a number: write 4, -3/2"):
        grade(lecture, {"a": "six"})
    with pytest.raises(ValueError, match="is not a node of this graph"):
        grade(lecture, {Value(1.0): 1})
    (a,) = named(a=1.0)
    other = Value(2.0, "a")
    with pytest.raises(ValueError, match="2 nodes are named 'a'"):
        grade(a * other, {"a": 1})
    assert grade(a * other, {a: 2, other: 1}).is_right


def test_find_names_what_there_is():
    assert find("stale").name == "gradients of an earlier pass kept"


# -------------------- rounding --------------------


@pytest.fixture
def neuron():
    return parse(
        "z = w1*x1 + w2*x2 + b; p = sigmoid(z); d = p - y; L = d**2/2", x1=1, x2=2, w1=0.5, w2=-0.4, b=0.1, y=1
    )


def test_right_work_rounded_on_the_way_is_right(neuron):
    answers = {"w1": "-0.1360", "w2": "-0.2720", "b": "-0.1360"}  # by -0.55 * 0.2475, say; exactly it is -0.13609
    assert statuses(grade(neuron, answers)) == dict.fromkeys(answers, "right")
    assert "wrong" in statuses(grade(neuron, answers | {"w1": "-0.1460"})).values()


def test_one_goes_on_with_the_number_as_it_is_shown_or_as_it_was():
    root = parse("v = a/b; u = 4*v; w = 28*v; L = u + w", a=Fraction(2), b=Fraction(3))
    for w in ("18.67", "18.76"):  # 28 * 2/3, and 28 * 0.67
        assert grade(root, {"v": "0.67", "u": "2.67", "w": w}, values=True).is_right
    assert statuses(grade(root, {"v": "0.67", "u": "2.67", "w": "18.9"}, values=True))["w"] == "wrong"
    slipped = grade(root, {"v": "0.76", "u": "3.04", "w": "21.28"}, values=True)
    assert statuses(slipped) == {"v": "wrong", "u": "follow-through", "w": "follow-through"}


def test_how_many_digits_are_enough():
    root = parse("L = a*b", a=1.02, b=5.32)
    assert statuses(grade(root, {"b": "1.0", "a": "5.3"})) == {"b": "right", "a": "right"}
    root = parse("L = a*b", a=Fraction(53, 4), b=Fraction(209, 10))
    coarse = grade(root, {"b": "13", "a": "2e1"})
    assert statuses(coarse) == {"b": "too coarse", "a": "too coarse"}
    assert "No mistake" not in str(coarse)
    assert (coarse.points, coarse.is_right) == (0, False)
    with pytest.raises(AssertionError, match="too few digits"):
        check(root, b="13")


def test_a_wrong_leaf_is_gone_on_with():
    root = parse("u = a*b; L = u + a", a=2, b=3)
    assert statuses(grade(root, {"a": 4, "u": 12, "L": 16}, values=True)) == {
        "a": "wrong",
        "u": "follow-through",
        "L": "follow-through",
    }
    assert statuses(grade(root, {"a": 2, "b": 3}, values=True)) == {"a": "right", "b": "right"}


# -------------------- credit --------------------


def test_trivial_consistency_earns_nothing():
    root = parse("u = a*b; v = u*c; w = v*d; L = w*f", a=2, b=3, c=4, d=5, f=7)
    asked = [v.label for v in topological_order(root) if v.label != "L"]
    for constant in (0, 1):
        grading = grade(root, dict.fromkeys(asked, constant), values=dict.fromkeys("uvwL", constant))
        assert grading.points == 0
        assert not any(diagnosis.confident for diagnosis in grading.diagnoses)
    after_zero = grade(root, {"f": 120, "w": 0, "v": 0, "d": 0, "u": 0, "c": 0, "a": 0, "b": 0})
    assert [g.status for g in after_zero.grades] == ["right", "wrong", *["trivial"] * 6]
    assert after_zero.points == 1
    assert "it follows from the slip before it, but shows nothing" in str(after_zero)


def test_credit_is_the_teachers_to_give(lecture):
    answers = {"f": 4, "d": 5, "e": 5, "c": 5, "a": -15, "b": 10}  # a slip at d
    assert grade(lecture, answers).points == 5
    assert grade(lecture, answers, credit=0).points == 1
    assert grade(lecture, answers, credit=0.5).points == 3
    assert grade(lecture, answers, credit={"a": 1, "b": 0.25}).points == 2.25
    with pytest.raises(AssertionError, match="right, given the slip before it"):
        check(lecture, a=-15, d=5)
    with pytest.raises(AssertionError, match="d  5: wrong"):
        check(lecture, answers, credit=1)
    for credit in (-1, 2, "all", float("nan")):
        with pytest.raises(ValueError, match="credit is a share of a point, from 0 to 1"):
            grade(lecture, answers, credit=credit)


def test_check_may_pass_what_follows_from_an_earlier_slip(lecture):
    values = {"e": 6, "d": 16, "L": -32}
    with pytest.raises(AssertionError, match="e  6: wrong"):
        check(lecture, values, values=True, credit=1)
    with pytest.raises(AssertionError, match="f  16: right, given the slip before it"):
        check(lecture, f=16, values={"e": 6})
    with pytest.raises(AssertionError, match="e  6: wrong"):  # the slip itself is still asked for
        check(lecture, f=16, values={"e": 6, "d": 16}, credit=1)


def test_forward_slips_carry_into_the_backward_pass(lecture):
    grading = grade(lecture, {"f": 16, "d": -2, "c": -2, "e": -2, "a": 6, "b": -4}, values={"e": 6, "d": 16, "L": -32})
    assert [(g.kind, g.name, g.status) for g in grading.grades][:4] == [
        ("value", "e", "wrong"),
        ("value", "d", "follow-through"),
        ("value", "L", "follow-through"),
        ("gradient", "f", "follow-through"),
    ]
    assert grading.count("right") == 5
    assert grading.slip == "sign"
    assert "there is a slip: one number has the wrong sign" in str(grading)


def test_two_numbers_swapped_are_no_mistake(lecture):
    grading = grade(lecture, {"f": -2, "d": 4, "c": -2, "e": -2, "a": 6, "b": -4})
    assert not any(diagnosis.confident for diagnosis in grading.diagnoses)
    grading = grade(lecture, {"f": 4, "d": -2, "c": 6, "e": -2, "a": -2, "b": -4})
    assert grading.slip == "swapped"
    assert "two numbers are swapped" in str(grading)


def test_a_division_may_be_differentiated_by_its_result_or_anew():
    root = parse("u = a/b; L = u*c", a=6, b=3, c=5)
    for b in ("-20/3", "-10/3"):  # u = 4 by a slip: -u/b * 5, or -a/b² * 5
        grading = grade(root, {"u": 5, "c": 4, "a": "5/3", "b": b}, values={"u": 4, "L": 20})
        assert grading.count("wrong") == 1
        assert statuses(grading)["b"] in ("follow-through", "right")


# -------------------- the update after the pass --------------------


@pytest.fixture
def line():
    return parse("p = w*x; e = p - y; L = e**2", w=2, x=3, y=2)  # e = 4, ∂L/∂e = 8, ∂L/∂w = 24


def test_an_update_is_graded_with_the_gradients(line):
    right = {"e": 8, "p": 8, "w": 24, "w_new": "-2/5"}
    assert grade(line, right, learning_rate=Fraction(1, 10)).is_right
    assert grade(line, right, learning_rate=0.1).is_right
    uphill = grade(line, {**right, "w_new": "4.4"}, learning_rate=0.1)
    assert statuses(uphill) == {"e": "right", "p": "right", "w": "right", "w_new": "wrong"}
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
    assert "From where does the update to w_new start" in str(grade(line, {"w_new": 8}, learning_rate=0.1))


def test_an_update_follows_from_a_wrong_gradient(line):
    grading = grade(line, {"e": 8, "p": 8, "w": 16, "w_new": "0.4"}, learning_rate=0.1)  # factors not swapped, w = 2
    assert list(statuses(grading).values()) == ["right", "right", "wrong", "follow-through"]
    assert {"factors_not_swapped"} in named_ids(grading)
    both = grade(line, {"e": 8, "p": 8, "w": 16, "x": 24, "w_new": "3.6", "x_new": "5.4"}, learning_rate=0.1)
    assert {"factors_not_swapped", "uphill"} in named_ids(both)
    slips = grade(line, {"e": 5, "p": 5, "w": 15, "w_new": "-13"}, learning_rate=0.1)  # e is no known mistake
    assert list(statuses(slips).values()) == ["wrong", "follow-through", "follow-through", "wrong"]


def test_a_node_of_that_name_is_the_node():
    root = parse("w_new = w*x; L = w_new**2", w=2, x=3)
    assert grade(root, {"w_new": 12, "w": 36}, learning_rate=0.1).is_right


@pytest.mark.parametrize("rate", ["0.1", 0, float("nan"), float("inf")])
def test_a_learning_rate_is_a_number_other_than_0(line, rate):
    with pytest.raises(
        ValueError, match=r"a learning rate is a number such as 0\.1, or -0\.1 for an update up, and not"
    ):
        grade(line, {"w": 24}, learning_rate=rate)


def test_stale_numbers_are_refused(lecture):
    leaf = next(v for v in topological_order(lecture) if v.label == "a")
    leaf.data = 7.0
    with pytest.raises(ValueError, match="numbers were changed after the forward pass"):
        grade(lecture, {"a": 1})


def test_nothing_in_the_graph_is_touched(lecture):
    grade(lecture, {"a": 1, "b": 2}, values={"e": 3})
    assert all(v.grad is UNREACHED for v in topological_order(lecture))


def test_a_check_that_passes_says_nothing(line, capsys):
    assert check(line, w=24) is None
    assert capsys.readouterr().out == ""
