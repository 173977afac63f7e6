"""The page for the screen: its program, run by Node, grades every set of answers as `grade` does."""

import json
import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from random import Random

import pytest

from micrograd_like.engine import topological_order
from micrograd_like.notation.answers import read_answer
from micrograd_like.ops import CONSTANT
from micrograd_like.teaching import CLASSICS, Exercise, exercise, grade, gradients
from micrograd_like.teaching.exercises.levels import LEVELS
from micrograd_like.teaching.grading.mistakes import MISTAKES, Mistake, confined
from micrograd_like.teaching.sheets.screen import is_blank, parts, program

HARNESS = """
const { parts, cases } = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([k, typed]) => {
  try {
    const part = parts[k];
    const result = grade(part, typed.map(readAnswer));
    return {
      statuses: result.grades.map(g => g.status),
      described: result.grades.map(describe),
      diagnoses: result.diagnoses.map(d => [d.mistakes.map(m => RULES.mistakes[m].id).sort(), d.isSure]),
      said: diagnosis(result),
      help: help(part, result),
    };
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    return { unread: error.message };
  }
})));
"""

EXERCISES = [
    *(exercise(seed, level) for seed, level in enumerate(LEVELS)),
    *CLASSICS.values(),
    Exercise("floats", "n = a*b; t = tanh(n); L = t/(b + 2)", {"a": Fraction(1, 2), "b": Fraction(5, 4)}),
    Exercise("thrice", "u = a*a; v = u*a + a; L = 3 - v/2", {"a": Fraction(2)}),
    Exercise(
        "dot", "u = dot([a, b], [b, c]); v = sum(u, a, a); L = -v",
        {"a": Fraction(2), "b": Fraction(3), "c": Fraction(-4)},
    ),
    Exercise(
        "step", "u = a*b; L = (u - 1)**3", {"a": Fraction(2), "b": Fraction(3, 2)}, learning_rate=Fraction(1, 10),
        parameters=("a", "b"),
    ),
]  # fmt: skip


class Oracle:
    """The parts of all exercises, and what Python's `grade` makes of typed answers."""

    def __init__(self):
        self.parts, self.drawn = [], []
        for i, drawn in enumerate(EXERCISES):
            for fade in (1.0,) if i % 3 else (1.0, 0.5):
                for part in filter(is_blank, parts(drawn, fade)):
                    self.parts.append(json.loads(json.dumps(part)))
                    self.drawn.append(drawn)

    def __call__(self, k, typed):
        part, drawn = self.parts[k], self.drawn[k]
        answers = dict(part.get("given", {}))
        for asked, written in zip(part["asked"], typed, strict=True):
            answers[asked["name"]] = asked["truth"] if asked["filled"] else written
        of_values = part["of"] == "values"
        rate = None if of_values else drawn.learning_rate
        return grade(drawn.root, answers, values=of_values, learning_rate=rate)


@pytest.fixture(scope="module")
def oracle():
    return Oracle()


@pytest.fixture(scope="module")
def page(node, oracle, tmp_path_factory):
    script = tmp_path_factory.mktemp("screen") / "grade.js"
    script.write_text(program("numbers.js", "grading.js") + HARNESS, encoding="utf-8")

    def run(cases):
        given = json.dumps({"parts": oracle.parts, "cases": cases})
        done = subprocess.run([node, script], input=given, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def agree(page, oracle, cases):
    """Assert that the page and `grade` say the same of each case, and return the gradings."""
    gradings = []
    for (k, typed), found in zip(cases, page(cases), strict=True):
        asked, grading = oracle.parts[k]["asked"], oracle(k, typed)
        where = f"{oracle.drawn[k]}\n{dict(zip([q['name'] for q in asked], typed, strict=True))}\n{grading}"
        by_name = {g.name: g for g in grading.grades}
        expected = [by_name.get(q["name"]) for q in asked]  # None: a missing one without a label
        assert found["statuses"] == [g.status if g else "missing" for g in expected], where
        assert found["diagnoses"] == [[sorted(d.ids), d.confident] for d in grading.diagnoses], where
        marks, (said, *hint) = told(grading, "hint")
        for described, g in zip(found["described"], expected, strict=True):
            written = f"{g.answer.written}: " if g and g.answer else ""
            assert not g or marks[g.name] == f"{written}{described}", where
        if not (grading.is_right and None in expected):
            assert found["said"] == said, where
        if not grading.is_right:
            help_at = found["help"]
            assert help_at["hint"] == hint, where
            assert help_at["rule"] == told(grading, "rule")[1][1:], where
            assert [line.rpartition(" = ")[0] for line in [*help_at["rule"], *help_at["step"]][-1:]] == [
                line.rpartition(" = ")[0] for line in told(grading, "step")[1][1:][-1:]
            ], where
            shown = [
                f"{q['question']} = {q['shown']}"
                for q in asked
                if q["name"] == getattr(grading.first_wrong, "name", "")
            ]
            assert not grading.first_wrong or help_at["answer"] == shown, where
        gradings.append(grading)
    return gradings


def told(grading, level):
    """Return what is said at a level of help: of each answer, and the lines below."""
    lines = str(replace(grading, level=level)).splitlines()
    marks = dict(line.split(maxsplit=1) for line in lines[: lines.index("")])
    return marks, lines[lines.index("") + 1 :]


def written(x, rng=None):
    """Return a number as somebody may write it."""
    if x == 0 or (isinstance(x, float) and not rng):
        return str(x)
    ways = [str(Fraction(x)), f"{float(x):.10g}", f"{float(x):.3f}", f"{float(x):.2f}", f"2*{float(x) / 2!r}"]
    return rng.choice(ways[:2] * 3 + ways) if rng else ways[0]


def everything(oracle, k, numbers, rng=None):
    """Return what is typed by somebody who comes to these numbers, given by name."""
    return ["" if q["filled"] else written(numbers[q["name"]], rng) for q in oracle.parts[k]["asked"]]


def of(oracle, kind):
    return [k for k, part in enumerate(oracle.parts) if part["of"] == kind]


def right(oracle, k):
    return {q["name"]: Fraction(q["truth"]) for q in oracle.parts[k]["asked"]}


def under(oracle, k, *mistakes):
    try:
        return oracle.drawn[k].answers_under(*mistakes)
    except (ArithmeticError, ValueError):
        return None


def test_right_answers(page, oracle):
    cases = [(k, everything(oracle, k, right(oracle, k))) for k in range(len(oracle.parts))]
    assert all(grading.is_right for grading in agree(page, oracle, cases))


def test_each_mistake_everywhere_and_at_one_node(page, oracle):
    cases = []
    for k in of(oracle, "gradients"):
        nodes = [v for v in topological_order(oracle.drawn[k].root) if v.op is not CONSTANT]
        rng = Random(k)
        wrong = [(m,) for m in MISTAKES] + [(confined(m, v),) for m in MISTAKES if m.in_order for v in nodes]
        outcomes = [under(oracle, k, *mistakes) for mistakes in rng.sample(wrong, 30)]
        cases += [(k, everything(oracle, k, numbers, rng)) for numbers in outcomes if numbers]
    gradings = agree(page, oracle, cases)
    assert sum(d.confident for g in gradings for d in g.diagnoses) > 30


def test_pairs_of_mistakes(page, oracle):
    cases = []
    for k in of(oracle, "gradients"):
        pairs = list(combinations([m for m in MISTAKES if m.in_order], 2))
        outcomes = [under(oracle, k, *pair) for pair in Random(k).sample(pairs, 12)]
        cases += [(k, everything(oracle, k, numbers)) for numbers in outcomes if numbers]
    gradings = agree(page, oracle, cases)
    assert sum(len(d.mistakes) == 2 for g in gradings for d in g.diagnoses) > 40


def test_slips_in_some_places_from_which_one_goes_on(page, oracle):
    cases = []
    for k in of(oracle, "gradients"):
        rng, drawn = Random(k), oracle.drawn[k]
        nodes = [v for v in topological_order(drawn.root) if v.op is not CONSTANT and v is not drawn.root]
        for count in (1, 2, 2, 2, 2, 2, 3):
            slips = [confined(m, rng.choice(nodes)) for m in rng.sample([m for m in MISTAKES if m.in_order], count)]
            given = {rng.choice(nodes): Fraction(rng.randint(-20, 20), rng.choice((1, 2, 10)))} if count == 1 else {}
            try:
                found = gradients(drawn.root, *slips, given=given) | given
            except (ArithmeticError, ValueError):
                continue
            typed = everything(oracle, k, right(oracle, k) | {v.label: x for v, x in found.items()}, rng)
            cases.append((k, typed if count < 3 else [rng.choice((x, x, "")) for x in typed]))
    gradings = agree(page, oracle, cases)
    assert sum(g.status == "follow-through" for each in gradings for g in each.grades) > 50
    assert sum(bool(each.diagnoses) and not each.diagnoses[0].confident for each in gradings) > 30


def test_random_numbers_and_missing_ones(page, oracle):
    cases = []
    for k, part in enumerate(oracle.parts):
        rng = Random(k)
        truth = right(oracle, k)
        for _ in range(4):
            typed = everything(oracle, k, truth, rng)
            for i in rng.sample(range(len(typed)), rng.randint(1, len(typed))):
                if not part["asked"][i]["filled"]:
                    number = rng.choice((rng.randint(-9, 9), round(rng.uniform(-9, 9), 2), *truth.values()))
                    typed[i] = rng.choice(("", " ", written(number), written(number, rng)))
            cases.append((k, typed))
    gradings = agree(page, oracle, cases)
    statuses = [g.status for each in gradings for g in each.grades]
    assert {"right", "wrong", "missing", "follow-through"} == set(statuses)


def test_numbers_near_the_truth(page, oracle):
    cases = []
    for k in range(len(oracle.parts)):
        rng = Random(k)
        truth = right(oracle, k)
        for _ in range(2):
            typed = everything(oracle, k, truth)
            for i, (q, x) in enumerate(zip(oracle.parts[k]["asked"], truth.values(), strict=True)):
                if not q["filled"]:
                    off = rng.choice((0, 1e-10, 2e-9, 0.0004, 0.004, 0.04, 0.4))
                    typed[i] = f"{float(x) + off:.{rng.randint(0, 10)}f}"
            cases.append((k, typed))
    agree(page, oracle, cases)


TEXTS = [
    *("4", "+4", "-4.0", "4.", ".5", "-.5e1", "1e-3", "1E2", "12e999", "-3/2", "+6/4", "7 / 2", "1/0", "0/5"),
    *("\u22121.5", "1,5", "-1,25", "1,000.5", "six", "2 +", "2 3", "sqrt(2)/2", "tanh(0.5)", "1 - tanh(0.5)**2"),
    *("-2**2", "2**-1", "2**3**2", "(1 + 2)*3", "2*(3", "--3", "-(3)", "sqrt(2,3)", "sqrt()", "sqrt", "relu(-2)"),
    *("leaky_relu(-2)", "leaky_relu(-2, 0.5)", "max(1, 2)", "min(1)", "sum(1, 2, 3)", "abs(-3)", "exp(1)"),
    *("log(0)", "sqrt(-1)", "9**9**9", "__import__('os')", "constructor", "toString(1)", "a", "1/(1/0)", "0**-1"),
    *("(-8)**(1/3)", "1e400*1", "0.1 + 0.2", "sigmoid(-800)", "softplus(2)", "logsumexp(1, 2)", "sign(-3)"),
    *("heaviside(0, 0.5)", "1e-320", "2^3", "½", ")"),
]  # fmt: skip


def trouble(text):
    """Return why a text is no number, or nothing."""
    try:
        read_answer(text)
    except ValueError as error:
        return str(error)
    return ""


def test_texts_are_read_alike(page, oracle):
    k = next(
        k for k, drawn in enumerate(oracle.drawn) if drawn.name == "twice" and oracle.parts[k]["of"] == "gradients"
    )
    troubles = {text: trouble(text) for text in TEXTS}
    for text, found in zip(TEXTS, page([(k, [text]) for text in TEXTS]), strict=True):
        assert re.sub("[\"']", "", found.get("unread", "")) == re.sub("[\"']", "", troubles[text])
    read = [(k, [text]) for text in TEXTS if not troubles[text]]
    agree(page, oracle, read)
    assert len(read) > 30


def test_help_gives_the_number_away_last(oracle):
    for drawn in EXERCISES:
        for part in parts(drawn):
            for asked in part["asked"]:
                assert asked["working"][-1].endswith(" = ?")
                assert float(Fraction(asked["shown"])) == pytest.approx(float(Fraction(asked["truth"])), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"contribute": lambda upstream, local, v, x, root: upstream * upstream}, "is not linear in it"),
        ({"combine": lambda contributions: max(contributions)}, "does not take in one contribution after the other"),
        ({"finish": lambda v, gradient: gradient**3}, "is not linear in it"),
        ({"update": lambda x, gradient, rate: x - abs(gradient - 1)}, "is not linear in it"),
    ],
)
def test_a_mistake_that_the_page_cannot_follow_is_refused(change, said, monkeypatch):
    mistake = Mistake("new", "a new one", "", "", **change)
    monkeypatch.setattr("micrograd_like.teaching.sheets.screen.MISTAKES", (*MISTAKES, mistake))
    with pytest.raises(NotImplementedError, match=f"new {said}|what new makes of a gradient {said}"):
        parts(exercise(0, "descent"))
