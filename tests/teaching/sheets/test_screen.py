"""The page for the screen: its program, run by Node, says of every paper what `grade` says."""

import csv
import json
import subprocess
from fractions import Fraction
from random import Random

import pytest

from micrograd_like.engine import topological_order
from micrograd_like.notation.answers import read_answer
from micrograd_like.ops import OPERATIONS, Operation
from micrograd_like.teaching import CLASSICS, MISTAKES, Exercise, exercise
from micrograd_like.teaching.exercises.levels import LEVELS
from micrograd_like.teaching.sheets import grade_class, write_class
from micrograd_like.teaching.sheets.screen import paper, program, rules

from ..grading.students import MISTAKEN, Student, papers

HARNESS = """
const { papers, cases } = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([k, typed]) => {
  try {
    const answers = Object.fromEntries(Object.entries(typed).map(([id, written]) => [id, readAnswer(written)]));
    const result = grade(papers[k], answers);
    return {
      statuses: Object.fromEntries(result.grades.map(g => [g.question.id, g.status])),
      sets: result.verdict.sets.map(ids => [...ids].sort()),
      slip: result.verdict.slip,
      isSure: result.verdict.isSure,
      said: diagnosis(result),
      help: help(result),
    };
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    return { unread: error.message };
  }
})));
"""

READING = """
const written = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(written.map(text => {
  try {
    const x = readAnswer(text);
    return x && [x.number, x.slack, x.trusted, x.seen].map(n => n === Infinity ? "inf" : n);
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    return error.message;
  }
})));
"""

EXERCISES = [
    *(exercise(seed, level) for seed, level in enumerate(LEVELS)),
    *CLASSICS.values(),
    Exercise("floats", "n = a*b; t = tanh(n); L = t/(b + 2)", {"a": Fraction(1, 2), "b": Fraction(5, 4)}),
    Exercise("thrice", "u = a*a; v = u*a + a; L = 3 - v/2", {"a": Fraction(2)}),
    Exercise(
        "functions", "u = exp(a); v = sin(b); w = max(u, v); r = sqrt(w); s = log(c); t = r*s; L = abs(t)",
        {"a": Fraction(1, 2), "b": Fraction(2), "c": Fraction(1, 3)},
    ),
    Exercise(
        "dot", "u = dot([a, b], [b, c]); v = sum(u, a, a); L = -v",
        {"a": Fraction(2), "b": Fraction(3), "c": Fraction(-4)},
    ),
    Exercise(
        "update", "u = a*b; L = (u - 1)**3", {"a": Fraction(2), "b": Fraction(3, 2)}, learning_rate=Fraction(1, 10),
        parameters=("a", "b"),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def run(node, tmp_path_factory):
    """Return a function that runs a harness on data."""
    folder = tmp_path_factory.mktemp("screen")

    def run(harness, given):
        script = folder / "program.js"
        data = f"const DATA = {json.dumps(rules())};\n"
        script.write_text(data + "\n".join(program(EXERCISES)) + harness, encoding="utf-8")
        done = subprocess.run([node, script], input=json.dumps(given), capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def agree(run, cases):
    """Assert that the page and `grade` say the same of each case (exercise, typed), and return the gradings."""
    drawn = list({id(each): each for each, _ in cases}.values())
    place = {id(each): k for k, each in enumerate(drawn)}
    data = [paper(each) for each in drawn]
    found = run(HARNESS, {"papers": data, "cases": [[place[id(each)], typed] for each, typed in cases]})
    gradings = []
    for (each, typed), page in zip(cases, found, strict=True):
        questions = {q["id"]: q for q in data[place[id(each)]]["questions"]}
        values = {questions[k]["name"]: x for k, x in typed.items() if k.startswith("v")}
        others = {questions[k]["name"]: x for k, x in typed.items() if not k.startswith("v")}
        grading = each.grade(others, values=values)
        where = f"{each}\n{typed}\n{grading}\n{page}"
        names = {(q["kind"], q["name"]): k for k, q in questions.items()}
        statuses = {names[g.kind, g.name]: g.status for g in grading.grades if (g.kind, g.name) in names}
        assert {k: page["statuses"][k] for k in statuses} == statuses, where
        assert page["sets"] == [sorted(d.ids) for d in grading.diagnoses], where
        assert page["slip"] == grading.slip, where
        assert page["isSure"] == any(d.confident for d in grading.diagnoses), where
        if grading.first_wrong:
            said, *hint = grading.explanation
            assert page["said"] == said, where
            assert page["help"]["hint"] == hint, where
        gradings.append(grading)
    return gradings


def ids_of(drawn):
    return {(q["kind"], q["name"]): q["id"] for q in paper(drawn)["questions"]}


def written(x, rng):
    if isinstance(x, float) or rng.random() < 0.4:
        return f"{float(x):.{rng.choice([1, 2, 3, 4, 6])}f}"
    return str(Fraction(x))


def test_mistaken_and_random_papers(run):
    rng = Random(11)
    cases = []
    for drawn in EXERCISES:
        ids = ids_of(drawn)
        truths = {ids[line.kind, line.name]: line.answer for line in drawn.lines()}
        cases += [(drawn, {}), (drawn, {k: written(x, rng) for k, x in truths.items()})]
        cases += [(drawn, dict.fromkeys(truths, "0")), (drawn, dict.fromkeys(truths, "1"))]
        for wrong in drawn.visible.values():
            by_name = dict(zip(drawn.answers, wrong, strict=True))
            typed = {
                ids[("update" if drawn.is_updated(n) else "gradient"), n]: written(x, rng) for n, x in by_name.items()
            }
            cases.append((drawn, typed))
            cases.append((drawn, {k: x for k, x in typed.items() if rng.random() < 0.5}))
        for _ in range(4):
            noisy = {k: written(x, rng) for k, x in truths.items()}
            for k in rng.sample(list(noisy), min(len(noisy), rng.randint(1, 3))):
                noisy[k] = rng.choice(
                    [str(rng.randint(-9, 9)), written(-truths[k], rng), written(2 * truths[k], rng), ""]
                )
            cases.append((drawn, noisy))
    gradings = agree(run, cases)
    assert len(cases) > 500
    assert sum(bool(g.diagnoses) for g in gradings) > 150
    assert sum(any(d.confident for d in g.diagnoses) for g in gradings) > 50
    assert sum(bool(g.slip) for g in gradings) > 5


def test_papers_of_students(run):
    cases = []
    for slip in (False, True):
        for _, formula, numbers, shown, _ in papers(60, seed=3, slip=slip):
            drawn = Exercise("net", formula, numbers)
            ids = ids_of(drawn)
            cases.append((drawn, {ids[key]: x for key, x in shown.items() if key in ids}))
    agree(run, cases)


SPELLINGS = [
    *("4", "-4", "+4", " 4 ", "4.", ".5", "-.5", "007", "1e3", "1E-3", "2e1", "1.2e-4", "1e400", "1e-400", "9" * 400),
    *(f"0.{'3' * 400}", "–4", "−4", "—4", "‒3/2", "- 4", "1/3", "-3/2", "3/-2", "1 / 3", "1/0", "0/5", "½", "-½", "2½"),
    *("2 1/2", "-2 1/2", "2 1/0", "¾", "1,5", "-1,5", ",5", "0,125", "1,234", "-12,345", "0,234"),
    *("1,2345", "1,234,567"),
    *("1.234,5", "1,234.5", "≈0.7", "≈ 0.7", "= 4", "=4", "~4", "=≈ 4", "√2/2", "√2", "√(2)/2", "2√2"),
    *("2*√2", "sqrt(2)/2"),
    *("2^3", "2**3", "10^-4", "10⁻⁴", "1.2×10⁻⁴", "1.2*10^-4", "1.2 · 10^(-4)", "3·2", "3×2", "6÷2", "6:2"),
    *("e^2", "e", "pi"),
    *("π/2", "2pi", "2²", "exp(1)", "tanh(0.5)", "1 - tanh(0.5)**2", "sigmoid(0)", "max(1, 2)", "max(1,2)", "relu(-1)"),
    *("0x10", "0b11", "0o7", "1_000", "1j", "2j", "True", "None", "nan", "inf", "-inf", "infinity", "NaN", "1e", "e1"),
    *("abc", "1 2", "1,2,3", "(1,5)", "[1]", "{1}", "1;2", "a = 2", "a=2", "4 = 4"),
    *("__import__('os')", "1 if 1 else 2"),
    *("not 1", "lambda: 1", "1 or 2", "1 < 2", "1 == 1", "--4", "+-4", "- -4", "-2**2", "2**-1", "2**3**2", "9**9**9"),
    *("(-8)**(1/3)", "log(0)", "sqrt(-1)", "log(2, 3)", "tanh()", "tanh", "tanh 2", "5!", "5%", "50 %", "$4"),
    *("4€", "4 m"),
    *("(4", "4)", "((4))", "()", "*4", "4*", "4**", "/4", "4//2", "4%2", "4@2", "~4.5", "4..", "1..2"),
    *("1.2.3", "..5", "."),
    *("", " ", "\t", "-", "+", "=", "≈", "…", "∞", "0", "-0", "0.0", "-0.00", "00", "1.0", "4.00"),
    *("0.33", "0.333333333"),
    *("１", "٣", "Ⅳ", "4\u200b", "\u00a04", "4\u202f000", "4'000", "4 000", "1e5", "1.5e+3", "1.5 e3"),
    *("1e1000", "1e-999"),
    *(f"{x:.{d}f}" for x in (3.14159, -0.0625, 1234.5678, 0.0007) for d in range(5)),
    *("dot([1], [2])", "sum(1, 2)", "logsumexp(1, 2)", "abs(-2)", "leaky_relu(-1)", "minimum(1, 2)"),
    *("cos(0)", "foo(1)"),
]  # fmt: skip


def test_numbers_are_read_alike(run):
    assert len(SPELLINGS) > 200
    for text, found in zip(SPELLINGS, run(READING, SPELLINGS), strict=True):
        try:
            x = read_answer(text) if text.strip() else None
            expected = x and [x.number, x.slack, x.trusted, x.seen]
        except ValueError as error:
            expected = str(error)
        if isinstance(expected, str) or isinstance(found, str):
            assert isinstance(found, type(expected)), (text, expected, found)
            assert ("comma" in expected, "too large" in expected) == ("comma" in found, "too large" in found), text
        else:
            if expected:
                found = [float(n) for n in found]
                assert found == pytest.approx(expected, rel=1e-12), text
            assert bool(found) == bool(expected), (text, expected, found)


def test_an_operation_of_ones_own_needs_no_page():
    name = "cube_for_a_page"
    cube = Operation(name, name, lambda x: x**3, x="3 * x**2")
    try:
        drawn = Exercise("own", f"u = {cube.name}(a); L = u*b", {"a": Fraction(2), "b": Fraction(3)})
        assert drawn.answers == {"u": 3, "b": 8, "a": 36}
        assert drawn.grade({"u": "3", "b": "8", "a": "12"}).first_wrong.name == "a"
    finally:
        del OPERATIONS[name]


def test_what_is_filled_in_is_given():
    drawn = CLASSICS["karpathy"]
    data = paper(drawn, fade=0.5)
    filled = {q["id"] for q in data["questions"] if q["filled"]}
    assert filled
    assert filled < {q["id"] for q in data["questions"]}
    assert filled <= data["given"].keys()
    assert filled.isdisjoint(line["id"] for line in data["lines"])


def test_data_are_plain_and_name_every_mistake_once():
    mistakes = rules()["rules"]["mistakes"]
    assert list(mistakes) == [m.id for m in MISTAKES]
    assert set(mistakes) == {key.partition("/")[0] for key in MISTAKEN}
    json.dumps([paper(drawn) for drawn in EXERCISES])


def test_a_student_of_the_oracle_is_right():
    drawn = exercise(5, "diamond")
    values, gradients = Student(drawn.formula, drawn.numbers).paper()
    assert values == {v.label: v.data for v in topological_order(drawn.root) if v.operands}
    assert gradients == drawn.answers


def spelled(x, style, places):
    """Write a number as one of several people would."""
    decimal = f"{float(x):.{places}f}"
    return {
        "decimal": decimal,
        "off": f"{float(x) + 10.0**-places:.{places}f}",
        "comma": decimal.replace(".", ","),
        "minus": decimal.replace("-", "−"),
        "about": f"≈ {decimal}",
        "equals": f"= {decimal}",
        "power": f"{float(x) / 10:.{places}f} × 10",
        "fraction": str(Fraction(x).limit_denominator(1000)),
        "tenfold": f"{10 * float(x):.{places}f}",
    }[style]


def test_every_channel_has_the_same_verdict(run, tmp_path):
    words = "decimal", "off", "comma", "minus", "about", "equals", "fraction", "tenfold", "power"
    styles = [(style, n) for style in words for n in (1, 2, 4)]  # three places after a comma may be thousands
    names = [f"{style} {n}" for style, n in styles]
    key = write_class(names, tmp_path / "set", "tanh", seed=7).key
    students = json.loads(key.read_text(encoding="utf-8"))["students"]
    drawn = {name: Exercise.from_document("", students[name][0]) for name in names}
    typed, cases, rows = {}, [], []
    for name, (style, n) in zip(names, styles, strict=True):
        typed[name] = {line.asked: spelled(line.answer, style, n) for line in drawn[name].lines()}
        ids = {q["asked"]: q["id"] for q in paper(drawn[name])["questions"]}
        cases.append((drawn[name], {ids[asked]: x for asked, x in typed[name].items()}))
        rows += [[name, "1", asked, x] for asked, x in typed[name].items()]
    gradings = agree(run, cases)  # the page, and grade()
    with (tmp_path / "answers.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["name", "exercise", "node", "answer"], *rows])
    in_the_class = grade_class(key, tmp_path / "answers.csv").students
    tried = 0
    for name, grading in zip(names, gradings, strict=True):
        statuses = [grade.status for grade in grading.grades]
        assert in_the_class[name].right == statuses.count("right"), name
        assert in_the_class[name].following == statuses.count("follow-through"), name
        tried += len(statuses)
    assert tried > 300
