"""The quiz: played by a student who knows everything, or who always makes one mistake."""

import errno
import json
import os
import subprocess
import sys
from fractions import Fraction

import pexpect
import pytest

from micrograd_like.notation.numbers import show
from micrograd_like.teaching.exercises.generator import Exercise, exercise
from micrograd_like.teaching.exercises.levels import LEVELS
from micrograd_like.teaching.grading.comparison import gradients
from micrograd_like.teaching.grading.mistakes import find
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
        rate = -rate if "larger" in given else rate
        return str(numbers[asked.removesuffix("_new")] - rate * found[asked.removesuffix("_new")])

    @property
    def transcript(self):
        return "\n".join(self.said)


def test_who_knows_everything_rises_through_the_levels(tmp_path):
    student = Student()
    progress = quiz(2 * len(LEVELS), path=tmp_path / "q.json", ask=student.ask, say=student.say)
    assert (progress.done, progress.right, progress.level) == (2 * len(LEVELS), 2 * len(LEVELS), len(LEVELS) - 1)
    assert progress.shaky == {}
    assert f"{2 * len(LEVELS)} of {2 * len(LEVELS)} exercises all right at once" in student.said[-1]
    assert all(level.about in student.said[-1] for level in LEVELS.values())
    assert student.transcript.count("On to level") == len(LEVELS) - 1
    assert Progress.load(tmp_path / "q.json") == progress


def test_a_mistake_is_named_and_comes_back_until_it_is_right(tmp_path):
    student = Student("factors_not_swapped", until=3)
    start = Progress(level=list(LEVELS).index("neuron"))
    start.save(tmp_path / "q.json")
    progress = quiz(3, path=tmp_path / "q.json", ask=student.ask, say=student.say)
    assert "factors_not_swapped" in progress.shaky
    assert "The mistake: factors not swapped." in student.transcript
    assert "Still shaky: factors not swapped." in student.said[-1]
    drawn, level, wanted = _next(progress, 99)
    assert level == "neuron"
    assert wanted == "factors_not_swapped"
    assert wanted in drawn.visible

    learnt = Student()
    progress = quiz(ENOUGH, seed=50, path=tmp_path / "q.json", ask=learnt.ask, say=learnt.say)
    assert "whether you still make this mistake: factors not swapped" in learnt.transcript
    assert "Got over: factors not swapped." in learnt.said[-1]
    assert progress.shaky == {}
    assert progress.done == 3 + ENOUGH


def test_what_is_no_number_is_asked_again(tmp_path):
    answers = iter(["what?", "q"])
    said = []
    progress = quiz(1, path=tmp_path / "q.json", ask=lambda question: next(answers), say=said.append)
    assert "'what?' is not a number" in "\n".join(said)
    assert progress.done == 0
    assert not (tmp_path / "q.json").exists()


def test_open_answers_are_not_right(tmp_path):
    said = []
    progress = quiz(1, path=tmp_path / "q.json", ask=lambda question: "", say=said.append)
    assert (progress.done, progress.right) == (1, 0)
    assert "missing" in "\n".join(said)
    drawn = exercise(0, "operation")
    assert said[said.index("\nThis is how it is done:") + 1 : -1] == [
        f"    {line.working}" for line in drawn.lines() if line.question.startswith("∂")
    ]


def play(path, *answers, rounds=1):
    """Return the progress and the lines of a quiz in which these answers are given, and then q."""
    said, given = [], iter(answers)
    progress = quiz(rounds, path=path, ask=lambda question: next(given, "q"), say=said.append)
    return progress, "\n".join(said)


@pytest.fixture
def chain(tmp_path):
    """A file with which the quiz begins at the second level, and its first exercise."""
    Progress(level=1).save(tmp_path / "q.json")
    return tmp_path / "q.json", exercise(0, "chain")


def test_what_is_wrong_is_asked_again_with_more_help(chain):
    path, drawn = chain
    right = [str(x) for x in drawn.answers.values()]
    wrong = [str(x) for x in drawn.visible["local_forgotten"]]
    again = [x for x, y in zip(right, wrong, strict=True) if x != y]
    progress, said = play(path, *wrong, *again)
    assert said.count("Once more") == 1
    assert find("local_forgotten").question in said
    assert find("local_forgotten").sentence not in said  # which comes with the second attempt
    assert said.count("All of it is right.") == 1
    assert (progress.done, progress.right, progress.shaky) == (1, 0, {"local_forgotten": ENOUGH})


def test_three_attempts_and_then_the_solution(chain):
    path, drawn = chain
    wrong = ["17/3"] * 3 * len(drawn.answers)
    progress, said = play(path, *wrong)
    assert said.count("Once more") == 2
    solution = said.partition("This is how it is done:")[2]
    assert all(line.working in solution for line in drawn.lines() if line.question.startswith("∂"))
    assert (progress.done, progress.right) == (1, 0)


def test_help_gives_more_each_time_and_what_was_helped_with_does_not_count(chain):
    path, drawn = chain
    name, *_ = drawn.answers
    working = next(line.working for line in drawn.lines() if line.question == f"∂L/∂{name}")
    progress, said = play(path, "h", "help", "?", "h", *map(str, drawn.answers.values()))
    hints = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    assert hints[0] == f"Which operations use {name}, and what does each contribute?"
    assert hints[1].startswith("∂L/∂L * ∂L/∂")
    assert hints[1].split(" = ")[-1] != show(drawn.answers[name])
    assert hints[2:] == [working, "There is no more help for this one."]
    assert "All of it is right." in said
    assert (progress.done, progress.right, progress.streak) == (1, 0, 0)


def test_help_with_a_step_of_gradient_descent(tmp_path):
    Progress(level=list(LEVELS).index("descent")).save(tmp_path / "q.json")
    drawn = exercise(0, "descent")
    gradients = [str(x) for name, x in drawn.answers.items() if not drawn.is_updated(name)]
    _, said = play(tmp_path / "q.json", *gradients, "h", "h", "h")
    hints = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    assert "subtracts learning rate * gradient" in hints[1]
    assert hints[2].startswith("w_new = w - ")


def test_a_node_used_twice_is_helped_with_as_a_sum(tmp_path):
    Progress(level=2).save(tmp_path / "q.json")
    drawn = exercise(0, "shared")
    assert drawn.formula == "u = relu(a); v = u*c; L = v*u"
    names = list(drawn.answers)
    before = [str(drawn.answers[name]) for name in names[: names.index("u")]]
    _, said = play(tmp_path / "q.json", *before, "h", "h")
    assert "∂L/∂L * ∂L/∂u plus ∂L/∂v * ∂v/∂u, where ∂L/∂u = v and ∂v/∂u = c" in said


def test_what_cannot_be_kept_is_said_and_the_quiz_goes_on(tmp_path):
    (tmp_path / "file").write_text("mine")
    student = Student()
    progress = quiz(2, path=tmp_path / "file" / "q.json", ask=student.ask, say=student.say)
    assert progress.done == 2
    assert student.transcript.count("Your progress cannot be read, and will not be kept: ") == 1
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "q.json").mkdir()
    student = Student()
    assert quiz(1, path=tmp_path / "q.json", ask=student.ask, say=student.say).done == 1
    assert "Your progress cannot be read" in student.transcript


def test_a_disk_that_becomes_full(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("micrograd_like.teaching.quiz.write_whole", full)
    student = Student()
    assert quiz(3, path=tmp_path / "q.json", ask=student.ask, say=student.say).done == 3
    assert student.transcript.count("Your progress cannot be kept: [Errno 28] No space left") == 1


def test_two_quizzes_at_once_add_up(tmp_path):
    path = tmp_path / "q.json"
    outer = Student()

    def ask(question):
        if outer.asked == 0:
            inner = Student()
            quiz(2, seed=70, path=path, ask=inner.ask, say=inner.say)
        return outer.ask(question)

    progress = quiz(1, path=path, ask=ask, say=outer.say)
    assert (progress.done, progress.right) == (3, 3)
    assert Progress.load(path) == progress


GOOD = {"version": 1, "level": 1, "streak": 0, "done": 3, "right": 1, "shaky": {"overwrite": 2}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "this is not JSON"),
        ("[]", "this is not the progress of a quiz"),
        (json.dumps({**GOOD, "done": -1}), "done: -1 is no whole number"),
        (json.dumps({**GOOD, "level": 77}), "there is no level 77"),
        (json.dumps({**GOOD, "shaky": {"typo": 1}}), "names no mistakes"),
        (json.dumps({"version": 1, "level": 1}), "this is not the progress of a quiz"),
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
    assert "kept as q.damaged-1.json, and the quiz begins anew" in student.said[0]
    assert (tmp_path / "q.damaged-1.json").read_text() == content
    assert Progress.load(path).done == 1


def test_damaged_files_are_all_kept(tmp_path):
    path = tmp_path / "q.json"
    for k in range(1, 4):
        path.write_text(f"damaged {k}")
        play(path, rounds=1)
    assert [(tmp_path / f"q.damaged-{k}.json").read_text() for k in range(1, 4)] == [
        f"damaged {k}" for k in range(1, 4)
    ]


def test_the_file_of_a_newer_release_is_left_alone(tmp_path):
    path, student = tmp_path / "q.json", Student()
    content = json.dumps({**GOOD, "version": 2, "colour": "blue"})
    path.write_text(content)
    assert quiz(1, path=path, ask=student.ask, say=student.say).done == 1
    assert "will not be kept: " in student.said[0]
    assert "a newer release of this program keeps your progress there" in student.said[0]
    assert path.read_text() == content
    assert [each.name for each in tmp_path.iterdir()] == ["q.json"]


def test_ctrl_c_ends_with_the_summary_and_reaches_the_caller(tmp_path):
    said = []

    def ask(question):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quiz(1, path=tmp_path / "q.json", ask=ask, say=said.append)
    assert said[-1].startswith("0 of 0 exercises all right at once")


def test_good_progress_is_read(tmp_path):
    (tmp_path / "q.json").write_text(json.dumps(GOOD))
    assert Progress.load(tmp_path / "q.json") == Progress(**{name: x for name, x in GOOD.items() if name != "version"})


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
    assert "1 of 1 exercises all right at once; 1 of 1 in all." in done.stdout
    again = subprocess.run(command, input="", capture_output=True, text=True, env=environment, encoding="utf-8")
    assert "0 of 0 exercises all right at once; 1 of 1 in all." in again.stdout
    assert again.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("end", ["c", "d"])
def test_in_a_terminal_ctrl_c_and_ctrl_d_end_it_with_a_summary(tmp_path, end):
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8", "TERM": "dumb"}
    arguments = ["-m", "micrograd_like", "quiz"]
    child = pexpect.spawn(sys.executable, arguments, env=environment, encoding="utf-8", timeout=30)
    for answer in exercise(0, "operation").answers.values():
        child.expect(r"∂L/∂\w = ")
        child.sendline(str(answer))
    child.expect("All of it is right.")
    child.expect(r"∂L/∂\w = ")
    for _ in range(10):  # between the prompt and the reading, Python does not notice Ctrl-C
        child.sendcontrol(end)
        if child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=3) == 0:
            break
    child.close()
    assert "1 of 1 exercises all right at once; 1 of 1 in all." in child.before
    assert "Practised: one operation." in child.before
    assert "Traceback" not in child.before
    assert child.exitstatus == (130 if end == "c" else 0)
