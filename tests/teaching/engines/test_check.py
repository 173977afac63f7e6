"""The check of engines: on engines that are written otherwise than the one in which bugs are made, and hostile ones."""

import json
import math
import mmap
import os
import re
import sys

import micrograd.engine
import numpy as np
import pytest

import micrograd_like
from micrograd_like.cli import main
from micrograd_like.teaching import BUGS, broken_engine, check_engine
from micrograd_like.teaching.engines.assignment import assignment
from micrograd_like.teaching.engines.bugs import engine, source

from .students import CLOSURE_BUGS, CLOSURES, LOCAL_BUGS, LOCALS, TABLE, TABLE_BUGS

STYLES = {"locals": (LOCALS, LOCAL_BUGS), "table": (TABLE, TABLE_BUGS), "closures": (CLOSURES, CLOSURE_BUGS)}
PLANTED = [(style, *bug) for style, (_, bugs) in STYLES.items() for bug in bugs]


def made(text, name=""):
    names = {}
    exec(text, names)
    return names[name] if name else names.get("Value") or names["Scalar"]


@pytest.mark.parametrize(("style", "bug", "edits"), [(style, bug, edits) for style, bug, *edits in PLANTED])
def test_a_planted_bug_is_named_first(style, bug, edits):
    text = STYLES[style][0]
    for old, new in zip(edits[::2], edits[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    report = check_engine(made(text))
    assert not report.ok
    first = report.bugs[0].bug
    assert first is not None, f"{report}"
    assert first.id == bug, f"{report}"


RIGHT = {
    "locals": made(LOCALS),
    "table": made(TABLE),
    "closures": made(CLOSURES),
    "plain": engine(),
    "micrograd": micrograd.engine.Value,
    "this one": micrograd_like.Value,
}


class Single(micrograd.engine.Value):
    """Numbers of 32 bits."""

    def __init__(self, data, _children=(), _op=""):
        super().__init__(np.float32(data), _children, _op)


@pytest.mark.parametrize("right", [*RIGHT.values(), Single], ids=[*RIGHT, "32 bits"])
def test_a_right_engine_is_never_accused(right):
    report = check_engine(right)
    assert report.ok, f"{report}"
    assert report.tried > 60
    report.check()


def test_what_is_missing_is_said_and_left_out():
    report = check_engine(micrograd.engine.Value)
    assert report.missing == ["exp", "log", "tanh", "sigmoid"]
    text = LOCALS.replace("    def __truediv__(self, other): return self * other**-1\n", "")
    report = check_engine(made(text))
    assert report.ok
    assert report.missing == ["/", "sigmoid"]


def test_habits_are_no_bugs():
    said = check_engine(micrograd.engine.Value).habits
    assert any("3 times" in each for each in said)
    assert any("RecursionError" in each for each in said)
    assert check_engine(micrograd_like.Value).habits == []
    text = LOCALS.replace("        self.grad = 1\n", "        for v in topo: v.grad = 0\n        self.grad = 1\n")
    assert any("resets" in each for each in check_engine(made(text)).habits)


def test_a_bug_does_not_change_the_habits():
    habits = check_engine(engine()).habits
    assert "3 times those of one" in habits[0]
    swapped = check_engine(engine("*: factors_not_swapped"))
    assert not swapped.ok
    assert swapped.habits == habits  # 3 times what this engine finds, which is wrong
    assert check_engine(engine("no seed")).habits == habits[1:]  # all gradients are 0, and so is their multiple


def test_two_bugs_are_both_named():
    text = LOCALS.replace("1 - t * t", "1 - t").replace("n * self.data**(n-1)", "self.data**(n-1)")
    found = [finding.bug.id for finding in check_engine(made(text)).bugs]
    assert {"**: power_without_factor", "tanh: tanh_without_square"} <= set(found)


def test_the_report_shows_the_smallest_graph_and_both_numbers():
    report = check_engine(made(LOCALS.replace("1 - t * t", "1 - t")))
    written = str(report)
    right = 1 - math.tanh(0.5) ** 2
    assert "h = Value(0.5); L = h.tanh(); L.backward()" in written
    assert f"h.grad is {1 - math.tanh(0.5):.4f}, and should be {right:.4f}" in written
    with pytest.raises(AssertionError, match="tanh without the square"):
        report.check()
    read = json.loads(report.json(points=3))
    assert read["score"] == 0.0
    assert [test["max_score"] for test in read["tests"][:1]] == [3]
    assert json.loads(check_engine(engine()).json(points=3))["score"] == 3


HOSTILE = {
    "endless": ("def backward(self):", "def backward(self):\n        while True: pass"),
    "exits": ("def backward(self):", "def backward(self):\n        import os; os._exit(0)"),
    "leaves": ("def backward(self):", "def backward(self):\n        raise SystemExit"),
    "prints": ("def backward(self):", "def backward(self):\n        print('x' * 10**6)"),
    "recursive": ("def backward(self):", "def backward(self):\n        return self.backward()"),
    "text": ("self.data = data", "self.data = str(data)"),
    "nothing": ("self.grad = 0\n", "self.grad = None\n"),
    "interrupts": ("def backward(self):", "def backward(self):\n        raise KeyboardInterrupt"),
    "moves the cursor": (
        "def backward(self):",
        "def backward(self):\n        raise ValueError('\\x1b[2J\\x9b\\n\\u202e')",
    ),
    "is called so": (
        "def backward(self):",
        "def backward(self):\n        raise type('\\x1b[2J' * 9999, (Exception,), {})",
    ),
    "says nothing": (
        "def backward(self):",
        "def backward(self):\n        raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})",
    ),
    "forks": ("def backward(self):", "def backward(self):\n        import os; os.fork()"),
    "closes": ("def backward(self):", "def backward(self):\n        import os; os.closerange(0, 200)"),
    "sends junk": ("def backward(self):", "def backward(self):\n        send(b'junk')"),
    "sends a list": ("def backward(self):", "def backward(self):\n        send(b'[]')"),
    "sends nothing": ("def backward(self):", "def backward(self):\n        send(b'{}')"),
    "sends a name": ("def backward(self):", "def backward(self):\n        send(b'{\"M\": 1.0}')"),
    "sends text": ("def backward(self):", 'def backward(self):\n        send(b\'{"error": "\\\\u001b", "said": ""}\')'),
}
RIGHT_ALL_THE_SAME = ("prints", "forks")  # hostile, and right
SEND = """
import os
def send(line):
    for descriptor in range(3, 99):
        try:
            os.write(descriptor, line + b"\\n")
        except OSError:
            pass
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked")
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_engines_end(kind, capfd):
    hostile = made(SEND + LOCALS.replace(*HOSTILE[kind]))
    if kind == "text":
        with pytest.raises(TypeError, match=r"'2\.0' is not a number"):
            check_engine(hostile)
    else:
        report = check_engine(hostile, patience=5 if kind in RIGHT_ALL_THE_SAME else 0.5)
        assert report.ok == (kind in RIGHT_ALL_THE_SAME)
        assert len(str(report)) < 20_000
        assert all(line.isprintable() for line in str(report).split("\n"))
    assert capfd.readouterr().out == ""


def test_memory_is_counted_from_what_there_is():
    with mmap.mmap(-1, 5 << 30):  # as much as a notebook maps that has imported a large library
        assert check_engine(engine()).ok


@pytest.mark.parametrize(
    "text", [b"raise SystemExit", b"raise KeyboardInterrupt", b"# \xe9", b"\0", b"", b"x" * 10**6 + b"y"]
)
def test_files_without_an_engine_are_refused(text, tmp_path, capsys):
    file = tmp_path / "engine.py"
    file.write_bytes(text)
    with pytest.raises(SystemExit):
        main(["check-engine", str(file)])
    said = capsys.readouterr().err
    assert re.search(r"(SystemExit|Exit|SyntaxError|has no class Value|more than 1,000,000 bytes)", said)
    assert "Traceback" not in said


def test_what_is_no_class_is_refused():
    for thing in (3, "Value", engine()(2.0), None):
        with pytest.raises(TypeError, match="takes a class"):
            check_engine(thing)
    with pytest.raises(TypeError, match=r"Value\(2\.0\)"):
        check_engine(type("Value", (), {}))


def test_the_command(tmp_path, capsys):
    file = tmp_path / "engine.py"
    file.write_text(LOCALS)
    assert main(["check-engine", str(file)]) == 0
    assert "no bug" in capsys.readouterr().out
    file.write_text(LOCALS.replace("1 - t * t", "1 - t"))
    assert main(["check-engine", f"{file}:Value", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["score"] == 0.0
    file.write_text("print('here'); raise SystemError('odd')")
    with pytest.raises(SystemExit):
        main(["check-engine", str(file)])
    said = capsys.readouterr()
    assert "odd" in said.err
    assert "here" not in said.out


def test_every_bug_changes_the_engine_and_has_words():
    assert len({bug.id for bug in BUGS}) == len(BUGS)
    for bug in BUGS:
        assert source(bug.id) != source()
        assert bug.question.endswith("?")


def test_broken_engines_are_broken_and_the_same_for_a_seed():
    drawn = broken_engine(seed=3)
    assert drawn.source == broken_engine(seed=3).source
    assert len({broken_engine(seed=k).bug.id for k in range(30)}) > 15
    found = check_engine(drawn).bugs[0]
    assert drawn.bug in (found.bug, *found.others)
    with pytest.raises(ValueError, match="there is no bug 'x'"):
        broken_engine("x")


def test_the_assignment_is_to_be_completed(tmp_path, capsys):
    assert main(["assignment", "-o", str(tmp_path / "homework")]) == 0
    folder = tmp_path / "homework"
    text = (folder / "engine.py").read_text()
    assert text.count("TODO") == 12
    assert ".grad +=" not in text
    empty = made(text, "Value")
    assert not check_engine(empty).ok
    assert empty(3.0).__mul__(empty(4.0)).data == 12.0
    compile(assignment()["test_engine.py"], "test_engine.py", "exec")
    assert sys.modules.get("engine") is None


@pytest.mark.parametrize("patience", [0, -1.0, math.nan, math.inf])
def test_patience_is_a_time(patience):
    with pytest.raises(ValueError, match="patience is a number of seconds above 0"):
        check_engine(engine(), patience=patience)
