"""Build a page on which anybody can use this package in a browser, with nothing to install.

python demos/lite/build.py out/lite
python -m http.server --directory out/lite

It needs pip and, for Pyodide, npm. What it builds, some 20 MB, makes no request to any other server.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYODIDE = "pyodide@314.0.7"  # the release that the tests ran
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json", "python_stdlib.zip")


def build(folder: Path, pyodide: Path | None = None) -> None:
    """Build the page in a folder; `pyodide` is where npm has installed it, if it has."""
    with tempfile.TemporaryDirectory() as scratch:
        if pyodide is None:
            subprocess.run(["npm", "install", "--silent", "--prefix", scratch, PYODIDE], check=True)
            pyodide = Path(scratch, "node_modules", "pyodide")
        wheels = Path(scratch, "wheels")
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--wheel-dir", wheels, ROOT], check=True)
        folder.mkdir(parents=True, exist_ok=True)
        pure = sorted(wheels.glob("*-none-any.whl"))  # without Graphviz, which is not Python
        for file in [*(pyodide / name for name in RUNTIME), *pure, HERE / "index.html", HERE / "lite.js"]:
            shutil.copy(file, folder)
    content = {"wheels": [wheel.name for wheel in pure], "cells": cells((ROOT / "README.md").read_text("utf-8"))}
    (folder / "lite.json").write_text(json.dumps(content), "utf-8")


def cells(guide: str) -> list[str]:
    """Return a guide's session as cells, each of which ends where something is shown."""
    session = re.search(r"^```python\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
    found = [""]
    for line in session[1].splitlines(keepends=True) if session else ():
        if ".save(" not in line:  # there is no folder to open the file in
            found[-1] += line
            if line.startswith("print("):
                found.append("")
    return [*filter(None, found), "draw(L)", "from micrograd_like import step\ns = step(L).goto(3)\ns.draw()"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pyodide", type=Path, help="the folder of npm's package, if it is installed already")
    options = parser.parse_args()
    build(options.folder, options.pyodide)
