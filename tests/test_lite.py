"""The package in Pyodide, where neither processes nor threads can be started, and the page that demos/lite builds."""

import functools
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from .conftest import need

ROOT = Path(__file__).parent.parent
PYODIDE = "MICROGRAD_LIKE_PYODIDE"  # a folder in which `npm install pyodide` was run; the gate sets it

SCRIPT = """
const fs = require("node:fs");
const [folder, root] = process.argv.slice(-2);
import(folder + "/pyodide.mjs").then(async ({ loadPyodide }) => {
  const pyodide = await loadPyodide();
  for (const name of JSON.parse(fs.readFileSync(folder + "/lite.json", "utf8")).wheels)
    pyodide.unpackArchive(new Uint8Array(fs.readFileSync(folder + "/" + name)), "wheel");
  pyodide.mountNodeFS("/repository", root);
  pyodide.runPython(fs.readFileSync(0, "utf8"));
});
"""


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    need("pyodide", "node")
    assert PYODIDE in os.environ, f"run `npm install pyodide` in a folder, and name it in {PYODIDE}"
    package = Path(os.environ[PYODIDE], "node_modules", "pyodide")
    folder = tmp_path_factory.mktemp("lite")
    command = [sys.executable, str(ROOT / "demos" / "lite" / "build.py"), str(folder), "--pyodide", str(package)]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture
def pyodide(lite):
    def run(source):
        command = ["node", "-e", SCRIPT, str(lite), str(ROOT)]
        done = subprocess.run(command, input=source, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_build_has_pure_wheels_only_and_all_of_them(lite):
    wheels = json.loads((lite / "lite.json").read_text("utf-8"))["wheels"]
    assert {name.partition("-")[0] for name in wheels} == {
        "markdown_it_py",
        "mdurl",
        "micrograd_like",
        "pygments",
        "rich",
    }
    assert sum(file.stat().st_size for file in lite.iterdir()) < 20e6


# The guides that need neither matplotlib, jinja2 nor other programs.
def test_the_guides_run_in_pyodide(pyodide):
    said = pyodide("""
import os, sys, tempfile
from pathlib import Path

sys.path.append("/repository")
import micrograd_like
from tests import guides

assert sys.platform == "emscripten" and not micrograd_like.__file__.startswith("/repository")
for guide in guides.GUIDES:
    if guide.stem in ("README", "lecture", "compiling", "how-it-works"):
        folder = Path(tempfile.mkdtemp())
        os.chdir(folder)
        print(guide.stem, guides.run(guide, folder).failures)
""")
    found = [line for line in said.splitlines() if line.endswith("[]")]
    assert len(found) == 5, said  # with the index of demos/


def test_commands_run_in_pyodide(pyodide):
    said = pyodide("""
from pathlib import Path
from micrograd_like import MLP, compile, draw, parse, step, text
from micrograd_like.cli import main
from micrograd_like.teaching import grade

def run(*words):
    print(f"exit {main(words)}", flush=True)

run("draw", "e = a*b; L = e + c*a", "a=2", "b=-3", "c=10", "-o", "L.svg", "--steps", "steps")
run("explain", "tanh(w*x + b)", "w=2", "x=0.5", "b=-1", "-o", "explanation.html")
assert "<img" in Path("explanation.html").read_text()
run("exercise", "--seed", "3", "--key")
run("train", "xor", "--layers", "4", "--epochs", "3", "--save", "xor.json", "-o", "trained")
print(sorted(path.name for path in Path("trained").iterdir()))

squares = parse("b = a*a; c = a + b; L = b*c", a=2)
print(text(squares))
print(grade(squares, {"c": "4", "b": "4", "a": "8"}))

model = MLP(2, [4, 4, 1], seed=1)
loss = (model([1.0, 2.0]) - 1) ** 2
loss.backward()
for depth in "value", "neuron", "layer":
    assert "<svg" in draw(loss, depth=depth).svg
program = compile(loss, inputs=[], params=model.parameters())
assert program.backend in ("python", "numpy"), program.backend
print(program.backend)
run("page", "e = a*b; L = e + c*a", "a=2", "b=-3", "c=10", "-o", "page.html")
s = step(loss)
s.next()
assert "<img" in s._repr_mimebundle_()["text/html"]
""")
    assert said.count("exit 0") == 5, said
    assert "only one of the paths was kept" in said


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_runs_the_first_session(lite, browser, scheme):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=lite))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page(color_scheme=scheme)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    page.get_by_text("Ready: Python").wait_for(timeout=120_000)
    cells, editors = page.locator("section"), page.locator("textarea")
    count = cells.count()
    for k in range(count):
        page.keyboard.press("Shift+Enter") if k else editors.first.press("Shift+Enter")
    results = page.locator("section > div")
    assert results.nth(0).inner_text().strip() == "7.0"
    assert "so 10 + (-3) = 7" in results.nth(2).inner_text()
    assert page.locator("img[alt^='Computation graph of L']").count() == 2
    assert page.locator("img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert not page.locator(".error").count()
    assert cells.count() == count + 1  # a new cell
    editors.last.fill("x = Value(1.0, '<i>x')\nx/0")
    page.keyboard.press("Shift+Enter")
    failed = page.locator(".error").inner_text()
    assert 'File "<cell 6>", line 2' in failed
    assert "(<i>x) / 0.0" in failed
    assert not said
    assert all(re.match(rf"data:|http://127.0.0.1:{server.server_port}/", url) for url in asked)
    page.close()
    server.shutdown()
    server.server_close()
