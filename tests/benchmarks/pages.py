"""A step of training on a page, against TensorFlow.js on its CPU backend, both in Node, in one run.

It takes TensorFlow.js from the folder in which `npm install @tensorflow/tfjs` was run, which MICROGRAD_LIKE_TFJS names.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from micrograd_like import MLP, page
from micrograd_like.nn.datasets import moons

from ..pages.test_network import parts
from .timing import report


def run() -> None:
    """Print the milliseconds of a step for 100 samples and 337 parameters."""
    folder = os.environ.get("MICROGRAD_LIKE_TFJS")
    if not folder:
        print("MICROGRAD_LIKE_TFJS is the folder in which `npm install @tensorflow/tfjs` was run")
        return
    scripts, data = parts(page(MLP(2, [16, 16, 1], seed=1), moons()))
    script = "\n".join([*scripts, Path(__file__).with_name("pages.js").read_text(encoding="utf-8")])
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "pages.js"
        start = '"use strict";\nconst DATA = JSON.parse(require("fs").readFileSync(0, "utf8"));\n'
        path.write_text(start + script, encoding="utf-8")
        module = Path(folder, "node_modules", "@tensorflow", "tfjs").resolve()
        done = subprocess.run(
            ["node", path],
            input=json.dumps(data),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "MICROGRAD_LIKE_TFJS": str(module)},
        )
    found = json.loads(done.stdout[done.stdout.index('{"ours"') :])
    assert found["apart"] < 1e-3, f"both should take the same steps, and differ by {found['apart']}"  # theirs: float32
    measured = f"{found['ours']:.2f} ms, {found['theirs']:.2f} ms: {found['ratio']:.1f} times"
    reached = found["ratio"] >= 1 and found["ours"] <= 3
    report(f"page: a step, TensorFlow.js {found['version']}", measured, "<= 3 ms, >= 1 times", reached)
