"""The source: every language spells every row, and what is written runs on its own."""

import subprocess
import sys

import pytest

from micrograd_like import MLP
from micrograd_like.compiler import compile
from micrograd_like.compiler.spelling import SPELLINGS
from micrograd_like.notation.names import named
from micrograd_like.ops import OPERATIONS


@pytest.mark.parametrize("language", SPELLINGS)
def test_every_row_is_spelled(language):
    leaves = {"input", "parameter", "constant"}
    missing = OPERATIONS.keys() - leaves - SPELLINGS[language].keys()
    assert not missing, f"SPELLINGS[{language!r}] in spelling.py lacks {', '.join(sorted(missing))}"


@pytest.mark.parametrize("language", ["python", "numpy"])
def test_source_runs_on_its_own(language, tmp_path):
    model = MLP(2, [3, 1], activation="softplus", output="sigmoid", seed=0)
    x = named(x=0.5, y=0.25)
    compiled = compile(model(x), x, model.parameters(), language)
    _, gradient = compiled.value_and_grad([[0.5, 0.25], [1.0, -1.0]])
    path = tmp_path / "program.py"
    call = f"print(value_and_grad([[0.5, 0.25], [1.0, -1.0]], {compiled.params.tolist()})[1][0])"
    path.write_text(f"{compiled.source()}\n{call}\n")
    found = subprocess.run([sys.executable, "-I", path], check=True, capture_output=True, text=True)
    assert float(found.stdout) == pytest.approx(gradient[0], rel=1e-12)
    assert "micrograd" not in compiled.source()
    assert "# neuron 1 of layer 2\n" in compiled.source()


def test_without_gradient():
    x, w = named(x=2.0, w=3.0)
    source = compile(x * w, [x], [w], "python").source("python", gradient=False)
    assert "dw" not in source
    assert "v1 = x * w" in source


def test_unknown_language():
    x, w = named(x=2.0, w=3.0)
    with pytest.raises(ValueError, match="python, numpy, c, javascript, torch, jax, not 'cobol'"):
        compile(x * w, [x], [w], "python").source("cobol")
