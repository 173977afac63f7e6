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


def test_neuron(tmp_path):
    out = run("neuron", tmp_path)
    by_hand, by_backward = (line.partition(":")[2].split() for line in out.splitlines()[:2])
    assert by_hand == by_backward
    assert "-1.5000" in by_hand


def test_topological_order(tmp_path):
    assert "without an order: ∂c/∂a = 6.0, which is wrong; in topological order: ∂c/∂a = 4.0" in run(
        "topological_order", tmp_path
    )


def test_bias(tmp_path):
    errors = [float(x) for x in re.findall(r"mean squared error ([\d.]+)", run("bias", tmp_path))]
    assert errors[0] == pytest.approx(9.0, abs=0.5)  # the data misses the origin by 3
    assert errors[1] < 0.01


def test_moons(tmp_path):
    assert float(re.search(r"accuracy ([\d.]+)%", run("moons", tmp_path))[1]) >= 99


def test_iris(tmp_path):
    assert int(re.search(r"not seen, (\d+) are right", run("iris", tmp_path))[1]) >= 27


def test_initialisation(tmp_path):
    rows = re.findall(r"^ *(zeros|U\(-1, 1\)|Xavier|He) +(.*)$", run("initialisation", tmp_path), re.MULTILINE)
    assert len(rows) == 4 * 4
    last = {k: float(numbers.split()[-1]) for k, (_, numbers) in enumerate(rows)}
    first = {k: float(numbers.split()[0]) for k, (_, numbers) in enumerate(rows)}
    tanh, tanh_grad, relu, relu_grad = range(0, 16, 4)  # each: zeros, U(-1, 1), Xavier, He
    assert last[tanh] == first[tanh_grad] == last[relu] == 0  # with zeros nothing comes through
    assert last[relu + 1] > 100 * first[relu + 1]  # U(-1, 1) explodes under relu
    assert last[relu + 2] < first[relu + 2] / 20  # Xavier shrinks under relu, He keeps the size
    assert last[relu + 3] > first[relu + 3] / 5
    assert first[relu_grad + 2] < 0.1 < first[relu_grad + 3]
    assert first[tanh_grad + 1] > 3 > first[tanh_grad + 2]  # U(-1, 1) grows backwards under tanh


def test_stepping(tmp_path):
    out = run("stepping", tmp_path)
    assert "so 10 + (-3) = 7" in out
    assert "► │  ├─ a            2     7  b = -3" in out
    assert "and the second contribution is gone: 10.0" in out
    assert "so 10 + 4 = 14" in out
    assert "first contribution over 5: ∂L/∂a += ∂L/∂v1 * ∂v1/∂a = 1 * c = 1 * 10 = 10" in out
    assert "Closed: b is -3.0 again, and no gradient is left behind." in out


def test_newton(tmp_path):
    out = run("newton", tmp_path)
    assert "f(1.000000, 1.000000)" in out
    assert len(re.findall(r"^  step", out, re.MULTILINE)) <= 8
    assert int(re.search(r"needs (\d+) to come", out)[1]) > 1000


def test_mistakes(tmp_path):
    out = run("mistakes", tmp_path)
    assert "The mistake: overwritten instead of added. It first shows at b." in out
    assert "a  40: right, given the slip before it" in out


def test_compiling(tmp_path):
    out = run("compiling", tmp_path, "numpy")
    assert "        df += v2\n" in out
    eager, compiled = re.findall(r"^(?:eager|compiled): 20 steps in .* s, loss ([\d.]+)$", out, re.MULTILINE)
    assert eager == compiled
