"""Each script in demos/ runs and says what it promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMOS = Path(__file__).parent.parent / "demos"


def run(name, folder, *arguments):
    command = [sys.executable, "-W", "error", str(DEMOS / f"{name}.py"), *arguments]
    environment = {"PYTHONPATH": str(DEMOS.parent), "PYTHONIOENCODING": "utf-8", "PATH": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    for picture in re.findall(r"^wrote (.*)$", done.stdout, re.MULTILINE):
        assert (folder / picture).read_text(encoding="utf-8").lstrip().startswith(("<svg", "<?xml"))
    return done.stdout


def test_every_demo_is_tested_here():
    tested = set(re.findall(r'run\(\s*"(\w+)"', Path(__file__).read_text(encoding="utf-8")))
    assert tested == {path.stem for path in DEMOS.glob("*.py")}


def test_bias(tmp_path):
    errors = [float(x) for x in re.findall(r"mean squared error ([\d.]+)", run("bias", tmp_path))]
    xs = [i / 5 - 1 for i in range(21)]
    best = 9 * (1 - sum(xs) ** 2 / (len(xs) * sum(x * x for x in xs)))  # of all lines through the origin
    assert errors == pytest.approx([best, 0.0], abs=1e-3)


def test_iris(tmp_path):
    out = run("iris", tmp_path)
    assert int(re.search(r"not seen, (\d+) are right", out)[1]) >= 27
    assert re.search("the closest call is a (versicolor|virginica)", out)  # setosas lie apart


def test_network(tmp_path):
    assert "less motion" in run("network", tmp_path)
    steps = (tmp_path / "network.svg").read_text(encoding="utf-8")
    assert all(f">{title}</text>" in steps for title in ("Forward pass", "Backward pass", "Update"))
    assert steps == (DEMOS / "pictures" / "network.svg").read_text(encoding="utf-8")  # the README's first picture


def test_initialisation(tmp_path):
    out = run("initialisation", tmp_path)
    rows = re.findall(r"^ *(zeros|U\(-1, 1\)|Xavier|Xavier\*5/3|He) +(\d.*)$", out, re.MULTILINE)
    assert len(rows) == 5 * 4
    last = {k: float(numbers.split()[-1]) for k, (_, numbers) in enumerate(rows)}
    first = {k: float(numbers.split()[0]) for k, (_, numbers) in enumerate(rows)}
    tanh, tanh_grad, relu, _ = range(0, 20, 5)  # each: zeros, U(-1, 1), Xavier, Xavier*5/3, He
    assert last[tanh] == first[tanh_grad] == last[relu] == 0  # with zeros nothing comes through
    assert last[relu + 1] > 100 * first[relu + 1]  # U(-1, 1) explodes under relu
    assert last[relu + 2] < first[relu + 2] / 5  # Xavier shrinks under relu, He keeps the size
    assert last[relu + 4] > first[relu + 4] / 5
    assert last[tanh + 2] < first[tanh + 2] / 2  # tanh shrinks, which a gain of 5/3 makes up for
    assert last[tanh + 3] > 0.8 * first[tanh + 3]
    ends = re.findall(r"the loss is ([\d.]+) under zeros.* ([\d.]+) under Xavier\*5/3", out)
    assert [float(zeros) for zeros, _ in ends] == [0.69, 0.69]  # log 2: nothing was learnt
    assert all(float(end) < 0.3 for _, end in ends)


def test_mistakes(tmp_path):
    out = run("mistakes", tmp_path)
    assert "only one of the paths was kept" in out
    assert "a  40: right, given the slip before it" in out


def test_own_operation(tmp_path):
    out = run("own_operation", tmp_path)
    assert "∂y/∂v1 += ∂y/∂y * ∂y/∂v1 = 1 * (1 / (1 + v1**2)) = 1 * 0.5 = 0.5" in out
    assert "differs" not in out
    # d²/dx² atan(w*x) = -2*w³*x / (1 + (w*x)²)², at x = 1/2 and w = -2
    assert "with respect to x is 2.0000" in out
    assert "from math import atan" in out


def test_compiling(tmp_path):
    out = run("compiling", tmp_path, "numpy")
    assert "        df += v2\n" in out
    eager, compiled = re.findall(r"^(?:eager|compiled): 20 steps in .* s, loss ([\d.]+)$", out, re.MULTILINE)
    assert eager == compiled
