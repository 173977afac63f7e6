"""The command line, run in this process, and once as a command of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import micrograd_like
from micrograd_like.cli import main
from micrograd_like.nn import storage
from micrograd_like.nn.datasets import read_csv


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    """Return the exit code of a command, whether it returns or exits."""
    try:
        return main(arguments)
    except SystemExit as exit:
        return exit.code


def test_draw_prints_the_graph_and_writes_the_picture(capsys, tmp_path):
    assert run("draw", "tanh(x*w + b)", "x=2", "w=-3", "b=6.5", "-o", "graph.svg") == 0
    out = capsys.readouterr().out
    assert "├─ v1 = x * w  -6        0.7864  1" in out
    assert "wrote graph.svg" in out
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")


def test_training_that_diverges_says_so(capsys):
    assert run("train", "moons", "--optimizer", "sgd", "--lr", "1e200") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("micrograd-like: training diverged in epoch 1; try a smaller lr")
    assert len(last) < 400


def test_a_formula_may_begin_with_a_minus(capsys):
    assert run("draw", "-a*b", "a=2", "b=3") == 0
    assert "-6" in capsys.readouterr().out


def test_draw_without_gradients(capsys):
    assert run("draw", "x*x", "x=3", "--forward-only", "--precision", "2") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["v1", "=", "x", "*", "x", "9", "–"]


def test_frames_of_the_backward_pass(tmp_path):
    assert run("draw", "L = a*b + a", "a=2", "b=-3", "--steps", "frames", "--theme", "print", "-o", "L.png") == 0
    names = sorted(p.name for p in (tmp_path / "frames").iterdir())
    assert names == [f"step-{k:03}.png" for k in range(6)] + ["steps.svg"]
    assert "animation" in (tmp_path / "frames" / "steps.svg").read_text(encoding="utf-8")


def test_a_network_too_large_for_lines_is_trained_and_drawn(tmp_path):
    assert run("train", "moons", "--n", "8", "--layers", "80,80", "--epochs", "1") == 0
    assert "6,400 weights" in (tmp_path / "out" / "network.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "required: COMMAND"),
        (("paint",), "invalid choice: 'paint'"),
        (("draw", "log(x)", "x=-1"), "log is defined for numbers above 0 only\n  log(x)\n  ^"),
        (("draw", "x +", "x=1"), "invalid syntax"),
        (("draw", "x", "x"), "'x' gives no number to a name: write it like x=2"),
        (("draw", "x", "x=two"), "'two' is not a number"),
        (("draw", "x", "x=1", "x=2"), "x is given two numbers, 1 and 2: give it one"),
        (("train", "moons", "--save", "no/m.json"), "there is no folder for no/m.json"),
        (("draw", "x", "x=1", "y=2"), "y is given a number but is not in the formula"),
        (("draw", "sqrt(x)", "x=0"), "no finite derivative"),
        (("draw", "x", "x=1", "-o", "x.gif"), "end the name in .svg, .png, .pdf, .tex or .dot"),
        (("draw", "x", "x=1", "-o", "no/x.svg"), "no/x.svg: cannot write it: No such file or directory"),
        (("draw", "x", "x=1", "--precision", "-1"), "'-1' is not a whole number above 0"),
        (("train", "flowers"), "'flowers' is not a data set: choose from iris, moons"),
        (("train", "none.csv"), "none.csv: No such file or directory"),
        (("train", "iris", "--n", "5"), "--n and --noise are for moons"),
        (("train", "iris", "--features", "9"), "iris has the columns sepal length (cm)"),
        (("train", "moons", "--layers", "4,0"), "'0' is not a whole number above 0"),
        (("train", "moons", "--activation", "step"), "invalid choice: 'step'"),
        (("train", "moons", "--lr", "-1"), "lr must be above 0"),
        (("train", "moons", "--noise", "-1"), "noise"),
        (("train", "moons", "--target", "x"), "--target, --no-header and --drop-missing are for a table in a file"),
        (("train", "moons", "--layers", "10000,10000"), "a network of 100,030,000 weights is too large"),
        (("train", "moons", "--save", "out"), "out cannot be written: save elsewhere"),
        (("train", "moons", "--save", "out/boundary.svg"), "out/boundary.svg is another file's place: save elsewhere"),
        (("exercise", "--format", "otter"), "--format otter takes a new folder, -o FOLDER"),
        (("exercise", "-o", "tests"), "cannot save a sheet as 'tests': end the name in .html, .tex"),
    ],
)
def test_mistakes_are_answered_in_a_line_and_with_exit_code_2(arguments, message, capsys):
    assert run(*arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("micrograd-like: ")
    assert "Traceback" not in err
    assert len(err.splitlines()) == (3 if "^" in err else 1)


def test_train_draws_and_saves(capsys, tmp_path):
    assert (
        run("train", "moons", "--layers", "8", "--epochs", "3", "--n", "40", "--save", "m.json", "-o", "pictures") == 0
    )
    out = capsys.readouterr().out
    assert "moons: 40 samples; features x1 -" in out
    assert "epoch 3: loss" in out
    assert {p.name for p in (tmp_path / "pictures").iterdir()} == {"training.svg", "boundary.svg", "network.svg"}
    assert len(storage.load("m.json").parameters()) == 2 * 8 + 8 + 8 + 1


def test_train_on_a_table_of_three_classes(capsys, tmp_path):
    lines = [f"{i % 3 + 0.1 * (i % 7)},{i % 5},{'abc'[i % 3]}" for i in range(30)]
    (tmp_path / "t.csv").write_text("width,height,kind\n" + "\n".join(lines))
    assert (
        run(
            "train", "t.csv", "--layers", "", "--epochs", "20", "--lr", "0.1", "--standardize", "--features", "1,height"
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "t: 30 samples; features width 0 to 2.6, height 0 to 4; 3 classes a (10), b (10), c (10)" in out
    assert "Network of 2 → 3 units with 9 parameters" in out


def test_one_class_cannot_be_learnt(capsys, tmp_path):
    (tmp_path / "t.csv").write_text("x,kind\n1,a\n2,a\n")
    assert run("train", "t.csv") == 2
    assert "at least two classes" in capsys.readouterr().err


def test_same_seed_same_training(tmp_path):
    for name in ("a", "b"):
        assert run("train", "xor", "--epochs", "2", "--seed", "5", "--save", f"{name}.json", "-o", name) == 0
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()
    for picture in ("training.svg", "boundary.svg", "network.svg"):
        assert (tmp_path / "a" / picture).read_bytes() == (tmp_path / "b" / picture).read_bytes()


def test_demo_shows_a_neuron_and_a_trained_network(capsys, tmp_path):
    assert run("demo") == 0
    out = capsys.readouterr().out
    assert "o = tanh(n) = tanh(0.8814) = 0.7071" in out
    assert "∂o/∂x1 += ∂o/∂v1 * ∂v1/∂x1 = 0.5 * w1 = 0.5 * (-3) = -1.5" in out
    accuracy, _, how = out.rpartition("accuracy ")[2].partition("%")
    assert float(accuracy) > 90
    assert how.startswith(", each batch measured just before its update")  # so the trained model may do otherwise
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "neuron.svg",
        "training.svg",
        "boundary.svg",
        "network.svg",
    }


def test_as_a_module():
    command = [sys.executable, "-m", "micrograd_like", "draw", "x*x", "x=3"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    assert "v1 = x * x     9     1" in done.stdout
    assert done.stderr == ""


def test_terminal_without_unicode_gets_ascii():
    command = [sys.executable, "-m", "micrograd_like", "draw", "x*x", "x=3"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert b"|- x" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT between processes")
def test_ctrl_c_keeps_what_was_learnt(tmp_path):
    command = [sys.executable, "-m", "micrograd_like", "train", "moons", "--epochs", "100000", "--save", "m.json"]
    hears = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # what a shell runs with & does not
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, preexec_fn=hears) as process:
        try:
            process.stdout.readline()
            time.sleep(2)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert b"wrote m.json" in out
    assert json.loads((tmp_path / "m.json").read_text())["layers"]


def test_exercise_and_its_key(capsys):
    assert run("exercise", "--level", "chain", "--operations", "*,+", "--seed", "2") == 0
    sheet = capsys.readouterr().out
    assert "Compute L, then" in sheet
    assert "Key" not in sheet
    assert run("exercise", "karpathy", "--key") == 0
    out = capsys.readouterr().out
    assert "∂L/∂a += ∂L/∂e * ∂e/∂a = -2 * b = -2 * (-3) = 6" in out
    assert re.search(r"\b(\d+) of \d+ mistakes change an answer, \1 each in its own way\.", out)
    assert run("exercise", "--operations", "sin") == 2
    assert "unknown operation 'sin'; choose from +, -, *" in capsys.readouterr().err


# -------------------- files --------------------


def some_table(path, words=("a", "b")):
    """Write 20 rows with features of different size."""
    rows = "".join(f"{i % 7 / 8},{1000 * (i % 3)},{words[i % 2]}\n" for i in range(20))
    path.write_text(f"hue,proline,kind\n{rows}", encoding="utf-8")
    return path


@pytest.mark.parametrize("linked", [False, True])
def test_an_input_is_not_an_output(capsys, tmp_path, linked):
    before = some_table(tmp_path / "d.csv").read_text()
    if linked:
        (tmp_path / "other.csv").symlink_to("d.csv")
    name = "other.csv" if linked else "d.csv"
    assert run("train", "d.csv", "--save", name) == 2
    assert f"{name} is read here, and would be overwritten" in capsys.readouterr().err
    (tmp_path / "k.json").write_text("{}")
    for output in ("k.json", name):
        assert run("grade", "k.json", "d.csv", "-o", output) == 2
        assert f"{output} is read here, and would be overwritten" in capsys.readouterr().err
    assert (tmp_path / "d.csv").read_text() == before


def test_a_folder_of_somebodys_own_is_never_filled(capsys, tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "exercise_1.py").write_text("mine")
    assert run("exercise", "--format", "otter", "-o", "tests") == 2
    assert "tests: cannot write it: it is there already, and not an empty folder" in capsys.readouterr().err
    assert (tmp_path / "tests" / "exercise_1.py").read_text() == "mine"
    assert run("exercise", "--format", "otter", "-o", "new", "--count", "2") == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"exercise_1.py", "exercise_2.py"}


def test_scaling_is_offered_and_kept_in_the_model(capsys, tmp_path):
    some_table(tmp_path / "d.csv")
    for scale in ([], ["--standardize"]):
        assert run("train", "d.csv", "--epochs", "2", "--save", "m.json", *scale) == 0
        said = capsys.readouterr()
        assert "d: 20 samples; features hue 0 to 0.75, proline 0 to 2000; 2 classes a (10), b (10)" in said.out
        offered = "different scales (hue to 0.75 and proline to 2000), which makes training slow or impossible: --stand"
        assert (offered in said.err) is (not scale)
    model, data = storage.load("m.json"), read_csv("d.csv")
    assert model.scaling == data.scaling()
    bare = storage.load("m.json")
    bare.scaling = None
    assert model(data.rows[3]).data == bare(data.scaling()(data.rows[3])).data


def test_the_table_is_understood_as_asked(capsys, tmp_path):
    (tmp_path / "d.data").write_text(
        "".join(f"{'ab'[i % 2]};{i % 5},5;{'?' if i == 4 else i % 3}\n" for i in range(20))
    )
    assert run("train", "d.data") == 2
    options = ["--no-header", "--target", "1", "--features", "x3,2", "--drop-missing", "--epochs", "1"]
    assert run("train", "d.data", *options) == 0
    said = capsys.readouterr()
    assert "d: 19 samples; features x3 0 to 2, x2 0.5 to 4.5; 2 classes a (9), b (10)" in said.out
    assert "micrograd-like: d.data: left out 1 of 20 rows, as cells are missing\n" in said.err


@pytest.mark.parametrize("words", [("$x$", "$\\frac$"), ("_setosa", "<b>"), ("\x1b[2J", "\x07")])
def test_names_do_not_stop_a_training_nor_move_the_cursor(capsys, tmp_path, words):
    some_table(tmp_path / "d.csv", words)
    assert run("train", "d.csv", "--epochs", "1", "--save", "m.json") == 0
    said = capsys.readouterr()
    assert "wrote m.json" in said.out
    assert "wrote out/network.svg" in said.out
    assert not set("\x1b\x07") & set(said.out + said.err)


def test_pictures_that_cannot_be_made_are_said(capsys, tmp_path, monkeypatch):
    def fail(*arguments):
        raise KeyError("a fault of matplotlib's")

    monkeypatch.setattr("micrograd_like.cli.training.plot_training", fail)
    assert run("train", "moons", "--epochs", "1", "--n", "10", "--layers", "200,200", "--save", "m.json") == 0
    said = capsys.readouterr()
    assert "wrote m.json" in said.out
    assert 'training.svg was not drawn: "a fault of matplotlib\'s"' in said.err
    assert "boundary.svg was not drawn: it would take long" in said.err
    assert "wrote out/network.svg" in said.out


# -------------------- stopped --------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals between processes")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "arguments",
    [
        ("draw", "x*w + b", "x=2", "w=3", "b=1", "-o", "graph.svg"),
        ("explain", "x*w + b", "x=2", "w=3", "b=1", "-o", "graph.html"),
        ("exercise", "--count", "9", "-o", "sheet.html"),
        ("exercise", "--class", "roster.csv", "-o", "class"),
        ("train", "iris", "--epochs", "9", "--save", "m.json"),
        ("demo",),
        ("quiz",),
        ("step", "x*w", "x=2", "w=3"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_that_is_stopped_leaves_nothing_half_done(tmp_path, arguments, number, code):
    (tmp_path / "roster.csv").write_text("name\n" + "\n".join(f"S{i}" for i in range(99)))
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    # what Python does with a signal while it starts is its own affair
    code_of_it = "import micrograd_like.cli, micrograd_like.__main__ as it; print('ready', flush=True); exit(it.main())"
    for wait in (0.02, 0.2, 0.6):
        command = [sys.executable, "-c", code_of_it, *arguments]
        with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, env=environment) as process:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(wait)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        assert process.returncode in (0, code, -number), err  # done, stopped, or where Python itself begins or ends
        assert b"Traceback" not in err
        assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]
        if (tmp_path / "class").exists():
            assert len(list((tmp_path / "class").iterdir())) == 99 + 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals between processes")
def test_a_command_that_is_stopped_while_python_ends_prints_no_traceback():
    script = (
        "import atexit, os, signal, sys, micrograd_like.__main__ as it\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "sys.exit(it.main())"
    )
    command = [sys.executable, "-c", script, "explain", "x*w", "x=2", "w=3"]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert b"dL" in ended.stdout or b"\xe2\x88\x82" in ended.stdout
    assert ended.stderr == b""
    assert ended.returncode == -signal.SIGINT


def test_a_recorded_training_is_asked(capsys, tmp_path):
    arguments = ("moons", "--n", "20", "--layers", "4", "--epochs", "2", "--seed", "3", "--record", "run.json")
    assert run("train", *arguments) == 0
    assert "wrote run.json" in capsys.readouterr().out
    assert run("why", "run.json", "w2[3->1]") == 0
    out = capsys.readouterr().out
    assert out.startswith("w2[3→1] moved most in epoch ")
    assert "the sum over 10 samples" in out
    assert run("why", "run.json", "w2[3→1]", "--epoch", "2") == 0
    assert "epoch 2, " in capsys.readouterr().out
    assert run("why", "run.json", "w2[3→1]", "--epoch", "9") == 2
    assert "there are epochs 1 to 2" in capsys.readouterr().err
    assert run("why", "run.json", "w9") == 2
    assert "no parameter is named 'w9'" in capsys.readouterr().err
    assert run("train", *arguments, "--compiled") == 2
    assert "leave out compiled" in capsys.readouterr().err
    assert run("train", *arguments[:-1], "nowhere/run.json") == 2
    assert "there is no folder for nowhere/run.json" in capsys.readouterr().err


def typed(monkeypatch, *lines):
    answers = iter(lines)
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))


def test_steps_of_exact_fractions(capsys, monkeypatch):
    typed(monkeypatch, "c", "p a.grad", "q")
    assert run("step", "a**2/3 + b", "a=1/3", "b=0.1") == 0
    out = capsys.readouterr().out
    assert "v3 = v2 + b = 37/270" in out
    assert "2/9\n" in out
    assert run("draw", "a*2", "a=1/0") == 2
    assert "'1/0' is not a number: write a=2, a=-0.5 or a=1/3" in capsys.readouterr().err


def test_a_program_is_stepped_through(capsys, tmp_path):
    (tmp_path / "lesson.py").write_text(
        "from micrograd_like import Value\nfrom helper import three\na = Value(2.0)\n"
        "for k in range(3):\n    L = a * three()\n    L.backward()\n    print('a.grad', a.grad)\n"
    )
    (tmp_path / "helper.py").write_text("def three():\n    return 3\n")
    command = [sys.executable, "-m", "micrograd_like", "step", "lesson.py"]
    here = {**os.environ, "PYTHONPATH": str(Path(micrograd_like.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
    lines = "s 2\nw\nL.backward()\nq\nq\ny\n"
    done = subprocess.run(command, input=lines, capture_output=True, encoding="utf-8", env=here)
    assert (done.returncode, done.stderr) == (0, "")
    assert "a was made at lesson.py:3: Value(2.0)" in done.stdout
    assert "a.grad 3.0\n" in done.stdout  # the program's own, whatever was typed
    assert "a.grad 6.0" not in done.stdout  # it was left before
    assert run("step", "nowhere.py") == 2
    assert run("step", "lesson.py", "a=2") == 2
    (tmp_path / "wrong.py").write_text("1 / 0\n")
    assert run("step", "wrong.py") == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
