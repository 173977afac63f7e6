"""The quiz: played by a student who knows everything, or who always makes one mistake."""

import json
import os
import subprocess
import sys
from fractions import Fraction

import pytest

from micrograd_like.teaching.exercises import Exercise, exercise
from micrograd_like.teaching.levels import LEVELS
from micrograd_like.teaching.mistakes import gradients
from micrograd_like.teaching.quiz import ENOUGH, Progress, ProgressError, _next, progress_file, quiz


class Student:
    """Answers each question as the pass with one mistake, or none, comes out; keeps what was said."""

    def __init__(self, mistake=None, until=sys.maxsize):
        self.mistake, self.until, self.said, self.asked, self.drawn = mistake, until, [], 0, None

    def say(self, text):
        self.said.append(text)

    def ask(self, question):
        self.asked += 1
        text = "\n".join(self.said)
        formula, _, given = text.rpartition("\n\nGiven ")
        formula = formula.rpartition("\n\n")[2].strip()
        conditions = dict(part.split(" = ") for part in given.partition(".\n")[0].split(", "))
        rounded = {name: Fraction(x.split()[0]) for name, x in conditions.items() if "rounded" in x}
        numbers = {name: Fraction(x) for name, x in conditions.items() if name not in rounded}
        root = Exercise("", "; ".join(formula.splitlines()), numbers, given=rounded).root
        mistake = self.mistake if text.count("Given") <= self.until else None
        found = {v.label: g for v, g in gradients(root, mistake).items()}
        asked = question.removesuffix(" = ")
        if asked.startswith("∂"):
            return str(found[asked.partition("/∂")[2]])
        rate = Fraction(given.partition("learning rate ")[2].partition(",")[0])
        return str(numbers[asked.removesuffix("_new")] - rate * found[asked.removesuffix("_new")])

    @property
    def transcript(self):
        return "\n".join(self.said)


def test_who_knows_everything_rises_through_the_levels(tmp_path):
    student = Student()
    progress = quiz(2 * len(LEVELS), path=tmp_path / "q.json", ask=student.ask, say=student.say)
    assert (progress.done, progress.right, progress.level) == (2 * len(LEVELS), 2 * len(LEVELS), len(LEVELS) - 1)
    assert progress.shaky == {}
    assert "18 of 18 exercises all right" in student.said[-1]
    assert Progress.load(tmp_path / "q.json") == progress


def test_a_mistake_is_named_and_comes_back_until_it_is_right(tmp_path):
    student = Student("factors_not_swapped", until=3)
    start = Progress(level=list(LEVELS).index("neuron"))
    start.save(tmp_path / "q.json")
    progress = quiz(3, path=tmp_path / "q.json", ask=student.ask, say=student.say)
    assert "factors_not_swapped" in progress.shaky
    assert "The mistake: factors not swapped." in student.transcript
    assert "Still shaky: factors not swapped." in student.said[-1]
    drawn, wanted = _next(progress, 99)
    assert wanted == "factors_not_swapped"
    assert wanted in drawn.visible

    learnt = Student()
    progress = quiz(ENOUGH, seed=50, path=tmp_path / "q.json", ask=learnt.ask, say=learnt.say)
    assert "again, with other numbers: factors not swapped" in learnt.transcript
    assert progress.shaky == {}
    assert progress.done == 3 + ENOUGH


def test_what_is_no_number_is_asked_again(tmp_path):
    answers = iter(["what?", "q"])
    said = []
    progress = quiz(1, path=tmp_path / "q.json", ask=lambda question: next(answers), say=said.append)
    assert "'what?' is no number" in "\n".join(said)
    assert progress.done == 0
    assert not (tmp_path / "q.json").exists()


def test_open_answers_are_not_right(tmp_path):
    said = []
    progress = quiz(1, path=tmp_path / "q.json", ask=lambda question: "", say=said.append)
    assert (progress.done, progress.right) == (1, 0)
    assert "missing" in "\n".join(said)


GOOD = {"level": 1, "streak": 0, "done": 3, "right": 1, "shaky": {"overwrite": 2}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON text"),
        ("[]", "no progress of a quiz"),
        (json.dumps({**GOOD, "done": -1}), "done: -1 is no whole number"),
        (json.dumps({**GOOD, "level": 77}), "there is no level 77"),
        (json.dumps({**GOOD, "shaky": {"typo": 1}}), "names no mistakes"),
        (json.dumps({"level": 1}), "no progress of a quiz"),
    ],
)
def test_a_damaged_file_is_said_and_set_aside(tmp_path, content, message):
    path = tmp_path / "q.json"
    path.write_text(content)
    with pytest.raises(ProgressError, match=message):
        Progress.load(path)
    student = Student()
    quiz(1, path=path, ask=student.ask, say=student.say)
    assert message in student.said[0]
    assert "kept as q.damaged.json, and the quiz begins anew" in student.said[0]
    assert (tmp_path / "q.damaged.json").read_text() == content
    assert Progress.load(path).done == 1


def test_good_progress_is_read(tmp_path):
    (tmp_path / "q.json").write_text(json.dumps(GOOD))
    assert Progress.load(tmp_path / "q.json") == Progress(**GOOD)


def test_where_progress_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert progress_file() == tmp_path / "micrograd_like" / "quiz.json"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert progress_file() == tmp_path / ".local" / "share" / "micrograd_like" / "quiz.json"


def test_with_piped_input(tmp_path):
    answers = [str(x) for x in exercise(0, "operation").answers.values()]
    command = [sys.executable, "-m", "micrograd_like", "quiz", "--rounds", "1"]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, input="\n".join(answers) + "\n", capture_output=True, text=True, env=environment, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert "All of it is right." in done.stdout
    assert "1 of 1 exercises all right; 1 of 1 in all." in done.stdout
    again = subprocess.run(command, input="", capture_output=True, text=True, env=environment, encoding="utf-8")
    assert "0 of 0 exercises all right; 1 of 1 in all." in again.stdout
