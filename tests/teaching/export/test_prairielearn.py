"""Question folders for PrairieLearn, held against what its documentation and its schema infoQuestion say."""

import json
import re
import runpy
import subprocess
import sys
from copy import deepcopy
from fractions import Fraction
from html.parser import HTMLParser

import pytest

from micrograd_like.teaching import CLASSICS, Exercise, exercise
from micrograd_like.teaching.export import Sheet
from micrograd_like.teaching.levels import LEVELS
from micrograd_like.teaching.mistakes import find
from tests.formulas import assert_renders

UNUSUAL = Exercise(
    "<x> {{y}}", "größe = -a*b + 1; L = abs(größe)/2 + max(a, b)", {"a": Fraction(1, 2), "b": Fraction(-3)}
)
EVERYTHING = [*(exercise(0, level) for level in LEVELS), *CLASSICS.values(), UNUSUAL]

# From the documentation: what grade() gets, and what each function may change.
KEYS = ("params", "correct_answers", "submitted_answers", "raw_submitted_answers", "format_errors", "partial_scores")
MAY_CHANGE = {
    "generate": {"correct_answers", "params"},
    "grade": {"correct_answers", "feedback", "format_errors", "params", "partial_scores", "score"}
    | {"submitted_answers"},
}
INFO = {
    *("uuid", "type", "title", "topic", "tags", "authors", "gradingMethod", "singleVariant", "showCorrectAnswer"),
    *("partialCredit", "comment", "dependencies", "sharePublicly", "shareSourcePublicly", "sharingSets"),
}
NUMBER_INPUT = {"answers-name", "label", "comparison", "rtol", "atol"}


class Question(HTMLParser):
    """What is in a question.html: the elements, and the text of each panel."""

    def __init__(self, page):
        super().__init__()
        self.inputs, self.panels, self.open = {}, {}, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "pl-number-input":
            assert not self.open or self.open == ["p"]
            assert set(dict(attributes)) <= NUMBER_INPUT
            self.inputs[dict(attributes)["answers-name"]] = dict(attributes)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open:
            self.panels[self.open[0]] = self.panels.get(self.open[0], "") + text


class Course:
    """A question as PrairieLearn runs it: the elements of question.html first, then server.py."""

    def __init__(self, folder):
        self.folder = folder
        self.server = runpy.run_path(str(folder / "server.py"))
        self.question = Question((folder / "question.html").read_text(encoding="utf-8"))
        self.data = {key: {} for key in (*KEYS, "feedback")} | {"score": 0, "options": {"question_path": str(folder)}}
        self.call("generate")

    def call(self, function):
        before = deepcopy(self.data)
        self.server[function](self.data)
        assert {key for key in self.data if self.data[key] != before.get(key)} <= MAY_CHANGE[function]
        json.dumps(self.data)

    def submit(self, answers):
        """Grade what a student wrote and return the score and the diagnosis."""
        self.data["raw_submitted_answers"] = {name: str(x) for name, x in answers.items()}
        self.data["submitted_answers"] = {name: float(Fraction(x)) for name, x in answers.items()}
        self.data["partial_scores"], self.data["feedback"] = {}, {}
        for name, attributes in self.question.inputs.items():
            assert (attributes["comparison"], attributes["rtol"]) == ("relabs", "0")
            right = self.data["correct_answers"][name]
            is_right = abs(self.data["submitted_answers"][name] - right) <= float(attributes["atol"])
            self.data["partial_scores"][name] = {"score": 1.0 if is_right else 0.0, "weight": 1}
        scores = [part["score"] for part in self.data["partial_scores"].values()]
        self.data["score"] = sum(scores) / len(scores)
        self.call("grade")
        return self.data["score"], self.data["feedback"].get("diagnosis")


def save(drawn, folder, **options):
    """Save an exercise and return its one question."""
    sheet = Sheet([drawn], **{name: x for name, x in options.items() if name != "key"})
    (question,) = sheet.save(folder / "questions", key=options.get("key", True)).iterdir()
    return question


def answers(drawn, mistake_id=None, shown=()):
    """Return what a student answers who makes a mistake in the gradients."""
    lines = [line for line in drawn.lines() if line.name not in shown or line.is_value]
    found = dict(zip(drawn.answers, drawn.visible_after(shown)[mistake_id], strict=True)) if mistake_id else {}
    return {
        f"value_{line.name}" if line.is_value else f"gradient_{line.name}" if line.steps else line.name: (
            line.answer if line.is_value else found.get(line.name, line.answer)
        )
        for line in lines
    }


@pytest.mark.parametrize("drawn", EVERYTHING, ids=lambda drawn: drawn.name)
def test_every_mistake_gets_its_feedback(drawn, tmp_path):
    course = Course(save(drawn, tmp_path))
    assert course.submit(answers(drawn)) == (1, None)
    for mistake_id, wrong in drawn.visible.items():
        score, said = course.submit(answers(drawn, mistake_id))
        grading = drawn.grade({name: str(x) for name, x in zip(drawn.answers, wrong, strict=True)})
        assert score < 1
        assert said == str(grading).partition("\n\n")[2].replace("\n", " ")
        assert find(mistake_id).name in said or len(grading.diagnoses) > 1


def test_what_a_student_reads(tmp_path):
    drawn = CLASSICS["karpathy"]
    course = Course(save(drawn, tmp_path))
    _, said = course.submit(answers(drawn, "factors_not_swapped"))
    assert said == (
        "The mistake: factors not swapped. It first shows at f. If x grows by 1, by how much does x*y grow?"
    )
    _, said = course.submit(answers(drawn) | {"gradient_a": "-3"})
    assert said.startswith("It may be: upstream gradient forgotten; or ")
    _, said = course.submit(answers(drawn) | {"gradient_a": "1/7"})
    assert said == (
        "No mistake that is known here gives these numbers. It first shows at a. "
        "Which operations use a, and what does each contribute?"
    )
    _, said = course.submit(answers(drawn) | {"value_e": "6"})
    assert said == "What is e computed from?"


def test_a_step_of_gradient_descent(tmp_path):
    drawn = exercise(1, "descent")
    course = Course(save(drawn, tmp_path))
    _, said = course.submit(answers(drawn, "uphill"))
    assert said.startswith("The mistake: step uphill. It first shows at w_new.")
    _, said = course.submit(answers(drawn) | {"b_new": "99"})
    assert "From where does the step to b_new start" in said


def test_faded_lines_are_shown_and_gone_on_with(tmp_path):
    drawn = CLASSICS["karpathy"]
    course = Course(save(drawn, tmp_path, fade=0.5))
    assert list(course.question.inputs) == ["gradient_c", "gradient_e", "gradient_b", "gradient_a"]
    assert r"\frac{\partial L}{\partial d} = -2" in course.question.panels["pl-question-panel"]
    asked = {name: x for name, x in answers(drawn, "factors_not_swapped", ("f", "d")).items() if "gradient" in name}
    assert asked == {"gradient_c": -2, "gradient_e": -2, "gradient_b": 6, "gradient_a": -4}  # ∂L/∂d = -2 is right
    assert course.submit(asked)[1].startswith("It may be: factors not swapped. It first shows at b.")


@pytest.mark.parametrize("drawn", EVERYTHING, ids=lambda drawn: drawn.name)
def test_the_question_says_what_the_sheet_says(drawn, tmp_path):
    folder = save(drawn, tmp_path)
    page = (folder / "question.html").read_text(encoding="utf-8")
    assert re.findall(r"\{\{.*?\}\}", page) == ["{{feedback.diagnosis}}"]
    question = Question(page)
    assert question.open == []
    assert list(question.inputs) == list(answers(drawn))
    assert "{{feedback.diagnosis}}" in question.panels["pl-submission-panel"]
    labels = [attributes["label"] for attributes in question.inputs.values()]
    assert_renders(label.strip("$").removesuffix(" =") for label in labels)
    assert_renders(question.panels["pl-question-panel"].split("$")[1::2])
    assert r"\mathrel{+}=" in question.panels["pl-answer-panel"]


def test_without_the_key_the_answer_panel_is_not_shown(tmp_path):
    folder = save(CLASSICS["karpathy"], tmp_path, key=False)
    assert "pl-answer-panel" not in (folder / "question.html").read_text(encoding="utf-8")
    assert json.loads((folder / "info.json").read_text(encoding="utf-8"))["showCorrectAnswer"] is False


def test_info_keeps_to_the_schema_and_the_same_exercise_has_the_same_id(tmp_path):
    Sheet(EVERYTHING, title="Week 1").save(tmp_path / "questions")
    Sheet(EVERYTHING, title="Week 1").save(tmp_path / "questions")
    folders = sorted((tmp_path / "questions").iterdir())
    assert len(folders) == len(EVERYTHING)
    infos = [json.loads((folder / "info.json").read_text(encoding="utf-8")) for folder in folders]
    for info in infos:
        assert {"uuid", "type", "title", "topic"} <= set(info) <= INFO
        assert info["type"] == "v3"
        assert info["singleVariant"] is True
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", info["uuid"])
        assert info["title"].startswith("Week 1: ")
    assert len({info["uuid"] for info in infos}) == len(infos)
    assert all(folder.name.endswith(info["uuid"][:8]) for folder, info in zip(folders, infos, strict=True))


def test_the_server_needs_nothing_but_python(tmp_path):
    folder = save(CLASSICS["karpathy"], tmp_path)
    program = f"""
import runpy
server = runpy.run_path({str(folder / "server.py")!r})
data = {{"correct_answers": {{}}, "options": {{"question_path": {str(folder)!r}}}}}
server["generate"](data)
print(data["correct_answers"]["gradient_a"])
try:
    import micrograd_like
except ImportError:
    print("alone")
"""
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["6.0", "alone"], done.stderr
