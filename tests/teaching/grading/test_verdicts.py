"""How often verdicts are right, measured with students who share no code with the table of mistakes.

Each test prints its table; `pytest -s` shows them. The numbers of papers are those that run in seconds; with
MICROGRAD_LIKE_PAPERS=10 there are ten times as many.
"""

import ast
import math
import os
from collections import Counter
from fractions import Fraction
from random import Random

import pytest

from micrograd_like import parse
from micrograd_like.notation.answers import read_answer
from micrograd_like.teaching import MISTAKES, Exercise, gradients
from micrograd_like.teaching.grading.grade import diagnose
from micrograd_like.teaching.grading.mistakes import find

from .students import FUNCTIONS, MISTAKEN, Student, papers, wrong

TIMES = int(os.environ.get("MICROGRAD_LIKE_PAPERS", "1"))

# A statement has one operation, so that a student has as many numbers to write as a graph has nodes.
FORMULAS = [
    "u = a*b; v = u/a; w = u - c; L = v*w",
    "p = x1*w1; q = x2*w2; s = p + q; n = s + b; o = relu(n); e = o - y; L = e**2",
    "u = a - b; v = exp(u); w = c*v; L = w + u",
    "u = a*b; v = tanh(u); w = v*c; e = w - y; L = e**2",
    "z = a*x; n = z + b; s = sigmoid(n); t = v*s; e = t - y; q = e**2; L = q/2",
    "u = a/b; v = u**3; w = v + a; z = w*2; L = z - b",
    "u = max(a, b); v = u*c; w = max(v, d); L = w - a",
    "m1 = w1*x; n1 = m1 + b1; h1 = tanh(n1); m2 = w2*h1; n2 = m2 + b2; h2 = sigmoid(n2); p = v*h2; e = p - y; L = e**2",
    "u = a*a; v = u + b; r = sqrt(v); s = r*c; t = log(v); L = s + t",
    "u = sin(a); v = cos(b); w = u*v; e = w - c; L = abs(e)",
    "p1 = w*x1; e1 = p1 - y1; s1 = e1**2; p2 = w*x2; e2 = p2 - y2; s2 = e2**2; t = s1 + s2; L = t/2",
    "m1 = w1*x; n1 = m1 + b1; h1 = relu(n1); m2 = w2*x; n2 = m2 + b2; h2 = relu(n2); p1 = v1*h1; p2 = v2*h2; "
    "o = p1 + p2; e = o - y; L = e**2",
]
RATE = Fraction(1, 10)


def grade_shown(root_or_drawn, shown):
    values = {name: x for (kind, name), x in shown.items() if kind == "value"}
    others = {name: x for (kind, name), x in shown.items() if kind != "value"}
    return root_or_drawn.grade(others, values=values)


# -------------------- rounding --------------------


@pytest.mark.parametrize("split", [True, False], ids=["a line for each node", "lines with several operations"])
@pytest.mark.parametrize("of", ["values and gradients", "gradients"])
def test_a_faultless_paper_is_never_called_wrong(split, of):
    found = Counter()
    for way, formula, numbers, shown, _ in papers(105 * TIMES, seed=1, split=split):
        if of == "gradients":
            shown = {key: x for key, x in shown.items() if key[0] != "value"}
        grading = grade_shown(Exercise("", formula, numbers), shown)
        found[way, "papers"] += 1
        found[way, "called wrong"] += any(g.status in ("wrong", "follow-through", "trivial") for g in grading.grades)
        found[way, "too few digits"] += grading.count("too coarse")
        found[way, "diagnosed"] += bool(grading.diagnoses)
    print(f"\nfaultless papers, {of}, {'one operation' if split else 'several operations'} a line", dict(found))
    assert not any(n for (_, what), n in found.items() if what != "papers")


def test_a_slip_is_marked_and_what_follows_is_marked_as_following():
    right = tried = confident = 0
    for split in (True, False):
        for _, formula, numbers, shown, slip in papers(140 * TIMES, seed=2, slip=True, split=split):
            grading = grade_shown(Exercise("", formula, numbers), shown)
            marked = [(g.kind, g.name) for g in grading.grades if g.status == "wrong"]
            confident += any(d.confident for d in grading.diagnoses)
            tried += 1
            right += marked == [slip]
    print(
        f"\none slip in a rounded paper: exactly it is marked in {right} of {tried}; confident diagnoses: {confident}"
    )
    assert right / tried >= 0.995
    assert confident == 0


# -------------------- mistakes --------------------


def leaves(formula):
    names = {x.id for x in ast.walk(ast.parse(formula)) if isinstance(x, ast.Name)}
    return sorted(names - {statement.split(" = ")[0] for statement in formula.split("; ")} - set(FUNCTIONS) - {"max"})


def exercises(count, rng):
    """Yield random numbers for the formulas, with a student who is right; no two numbers in one exercise are equal."""
    made = 0
    while made < count:
        formula = rng.choice(FORMULAS)
        names = leaves(formula)
        numbers = {name: Fraction(rng.choice([-4, -3, -2, 2, 3, 4, 5, 6]), rng.choice([1, 1, 2])) for name in names}
        if rng.random() < 0.15:
            numbers[rng.choice(names)] = Fraction(0)
        if "max" in formula and len(set(numbers.values())) < len(numbers):
            continue
        parameters = tuple(name for name in names if name[0] in "wbv") or (names[0],)
        try:
            paper = Student(formula, numbers, rate=RATE, parameters=parameters).paper()
            if max(abs(float(x)) for part in paper for x in part.values()) > 1e4:
                continue
        except (ArithmeticError, ValueError):
            continue
        made += 1
        yield Exercise("", formula, numbers, learning_rate=RATE, parameters=parameters), paper


def paper_of(kind, drawn):
    try:
        paper = kind(drawn.formula, drawn.numbers, rate=drawn.learning_rate, parameters=drawn.parameters).paper()
        return paper if all(abs(float(x)) < 1e6 for part in paper for x in part.values()) else None
    except (ArithmeticError, ValueError):
        return None


def flat(paper):
    return [*paper[0].values(), *paper[1].values()]


def write(x, places):
    if places is not None:
        return f"{float(x):.{places}f}"
    return str(Fraction(x)) if isinstance(x, int | Fraction) else repr(float(x))


@pytest.mark.parametrize("places", [None, 4, 3, 2], ids=["exact", "4 decimals", "3 decimals", "2 decimals"])
def test_mistakes_are_named_right_and_alone_where_they_can_be_told_apart(places):
    rng, found = Random(f"{places}"), Counter()
    for drawn, right in exercises(25 * TIMES, rng):
        everybody = {key: paper for key, kind in MISTAKEN.items() if (paper := paper_of(kind, drawn))}
        for key, paper in everybody.items():
            written = [write(x, places) for x in flat(paper)]
            readable = [read_answer(x) for x in written]

            def alike(other, readable=readable):  # to two units of the last place: all of it may be rounded
                return all(
                    x.is_right(y) or (places and abs(x.number - y) <= 2 / 10**places)
                    for x, y in zip(readable, flat(other), strict=True)
                )

            if alike(right):
                continue
            mistake_id = key.partition("/")[0]
            others = {k.partition("/")[0] for k, other in everybody.items() if alike(other)} - {mistake_id}
            values = {name: write(x, places) for name, x in paper[0].items()}
            grading = drawn.grade({name: write(x, places) for name, x in paper[1].items()}, values=values)
            named = [d.ids for d in grading.diagnoses]
            sure = [set(d.ids) for d in grading.diagnoses if d.confident]
            found["papers"] += 1
            found["falsely confident"] += bool(sure) and not sure[0] <= {mistake_id, *others}
            if not others:
                found["can be told"] += 1
                found["named alone"] += named == [{mistake_id}]
                found["confidently"] += sure == [{mistake_id}]
    print(f"\npapers with one mistake throughout, {places or 'all'} decimals: {dict(found)}")
    assert found["can be told"] > 400
    assert found["named alone"] / found["can be told"] >= 0.99
    assert found["confidently"] / found["can be told"] > 0.25
    assert not found["falsely confident"]


# Rules that nobody has, and the table neither.
ODD = [
    wrong(pass_on=lambda s, n, u, p: s.gradient(u) * s.slope(s.statements[u], p, u) ** 2),
    wrong(pass_on=lambda s, n, u, p: s.gradient(u) - s.slope(s.statements[u], p, u)),
    wrong(pass_on=lambda s, n, u, p: -s.gradient(u) * s.slope(s.statements[u], p, u)),
    wrong(of_mult=lambda s, k, a, b, c, e: (a if k else b) ** 2),
    wrong(of_mult=lambda s, k, a, b, c, e: 1 / (a if k else b)),
    wrong(add_up=lambda s, n, xs: sum(xs) / len(xs)),
    wrong(of_sub=lambda s, k, a, b, c, e: 0 if k else 1),
]


def noisy(drawn, paper, rng, places):
    """Yield papers that no mistake explains: a kind, values, and gradients."""
    right = [{name: write(x, places) for name, x in part.items()} for part in paper]
    lines = [(k, name) for k, part in enumerate(paper) for name in part]
    odd = rng.choice([-1, 1]) * Fraction(rng.randint(2, 40), rng.choice([1, 1, 2, 4]))

    def changed(changes):
        made = [dict(part) for part in right]
        for (k, name), x in changes.items():
            made[k][name] = x
        return made

    def slip(line):
        x = paper[line[0]][line[1]]
        return rng.choice([-x, x + 1, x - 1, 2 * x, x / 2, 10 * x, rng.randint(-20, 20)])

    line, other = rng.sample(lines, 2)
    same = rng.choice([0, 1])
    one, two = rng.sample(list(paper[same]), 2)
    yield "a random number", changed({line: write(odd, places)})
    yield "one number off by one", changed({line: write(paper[line[0]][line[1]] + 1, places)})
    yield "one sign", changed({line: write(-paper[line[0]][line[1]], places)})
    yield "one number doubled", changed({line: write(2 * paper[line[0]][line[1]], places)})
    yield "two answers swapped", changed({(same, one): right[same][two], (same, two): right[same][one]})
    yield "three slips", changed({each: write(slip(each), places) for each in rng.sample(lines, 3)})
    yield "random throughout", changed({each: write(Fraction(rng.randint(-40, 40), 2), places) for each in lines})
    half = {each: "" if rng.random() < 0.5 else write(slip(each), places) for each in lines if rng.random() < 0.8}
    yield "half filled, with slips", changed(half)
    yield (
        "two random gradients alone",
        [{}, {other[1]: write(odd, places), line[1]: "3"} if 0 not in (line[0], other[0]) else {}],
    )
    text = right[line[0]][line[1]]
    if (
        k := next((k for k in range(len(text) - 1) if text[k : k + 2].isdigit() and text[k] != text[k + 1]), None)
    ) is not None:
        yield "two digits transposed", changed({line: text[:k] + text[k + 1] + text[k] + text[k + 2 :]})
    if strange := paper_of(rng.choice(ODD), drawn):
        yield "an unknown rule", [{name: write(x, places) for name, x in part.items()} for part in strange]


def test_noise_gets_no_confident_diagnosis():
    rng, tried, confident, perhaps = Random(7), Counter(), Counter(), Counter()
    for drawn, paper in exercises(120 * TIMES, rng):
        for kind, (values, others) in noisy(drawn, paper, rng, rng.choice([None, 2, 3, 4])):
            grading = drawn.grade(others, values=values)
            tried[kind] += 1
            confident[kind] += any(d.confident for d in grading.diagnoses)
            perhaps[kind] += bool(grading.diagnoses)
    for kind, n in tried.items():
        print(f"{kind:30} {n:6} papers  {confident[kind]} confident  {perhaps[kind]} perhaps")
    assert sum(tried.values()) > 1000
    assert sum(confident.values()) <= 0.0005 * sum(tried.values())


def test_a_constant_in_every_box_earns_what_is_right_by_itself():
    for drawn, paper in exercises(60, Random(8)):
        for constant in (0, 1):
            grading = drawn.grade(dict.fromkeys(paper[1], constant), values=dict.fromkeys(paper[0], constant))
            assert grading.points == grading.count("right")
            assert grading.points <= 1 + sum(abs(float(x) - constant) < 0.01 for x in flat(paper))
            assert not any(d.confident for d in grading.diagnoses)


def test_several_exercises_of_one_student_are_judged_together():
    """One wrong number in each of five exercises, each time by the same mistake, is evidence."""
    rng, together, alone, tried = Random(9), 0, 0, 0
    for mistake_id in ("minus_lost", "power_without_base", "activation_at_input", "exponent_kept"):
        evidence, sure = None, 0
        for drawn, _ in exercises(400, rng):
            paper = paper_of(MISTAKEN[mistake_id], drawn)
            if not paper or mistake_id not in drawn.visible:
                continue
            grading = drawn.grade({k: write(x, None) for k, x in paper[1].items()}, values=paper[0])
            if grading.count("wrong") != 1:
                continue
            sure += any(d.confident for d in grading.diagnoses)
            evidence = grading.evidence if evidence is None else evidence + grading.evidence
            if len(evidence.facts) == 5:
                break
        diagnoses, _ = diagnose(evidence)
        tried += 1
        alone += sure
        together += [(d.ids, d.confident) for d in diagnoses] == [({mistake_id}, True)]
    assert (together, alone) == (tried, 0)


def test_the_table_and_the_students_make_the_same_numbers():
    """Each first rule of the table, made everywhere, gives what the student of the same id computes."""
    rng, compared = Random(10), Counter()
    for drawn, _ in exercises(60, rng):
        for mistake in MISTAKES:
            if mistake.kind not in ("gradient", "pass") or not (paper := paper_of(MISTAKEN[mistake.id], drawn)):
                continue
            if mistake.id == "updated_weight":
                found = dict(zip(drawn.answers, drawn.visible.get(mistake.id, drawn.answers.values()), strict=True))
            else:
                try:
                    found = {v.label: g for v, g in gradients(drawn.root, mistake).items()}
                except ValueError:
                    continue
            of_student = {name: float(x) for name, x in paper[1].items() if not name.endswith("_new")}
            assert {name: float(found[name]) for name in of_student} == pytest.approx(of_student), (
                mistake.id,
                str(drawn),
            )
            compared[mistake.id] += found != drawn.answers
    assert {m.id for m in MISTAKES if m.kind in ("gradient", "pass")} <= set(compared)
    assert {find(key.partition("/")[0]).id for key in MISTAKEN} == {m.id for m in MISTAKES}


# -------------------- sound intervals --------------------


@pytest.mark.parametrize(
    "formula", ["tanh(x*y)", "x/y + exp(x)", "x**2 - y**2", "cos(x)*y", "abs(x - y)", "sqrt(x*x + y)"]
)
def test_an_interval_holds_every_number_that_rounds_to_its_ends(formula):
    from micrograd_like.notation.intervals import Interval, evaluate
    from micrograd_like.teaching.grading.lines import lines_of

    rng = Random(formula)
    for _ in range(200):
        x, y = rng.uniform(-2, 2), rng.uniform(0.5, 3)
        width = 10 ** rng.uniform(-4, -1)
        root = parse(f"L = {formula}", x=x, y=y)
        lines = lines_of(root)
        known = {name: Interval(n - width, n + width) for name, n in lines.given.items()}
        for line in lines.lines:
            known[line.id] = evaluate(line.rules[0], known)
        for _ in range(20):
            a, b = x + rng.uniform(-width, width), y + rng.uniform(-width, width)
            try:
                twin = parse(f"L = {formula}", x=a, y=b)
                found = lines_of(twin).numbers()
            except ValueError:
                continue
            for line in lines.lines:
                low, high = known[line.id]
                assert low - 1e-9 <= found[line.id] <= high + 1e-9 or math.isnan(low), (formula, line.name, width)
