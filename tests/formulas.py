"""Renders LaTeX: with matplotlib's mathtext wherever the tests run, and with KaTeX itself where that is at hand."""

import json
import os
import re
import subprocess
from collections.abc import Iterable

from matplotlib.mathtext import MathTextParser

# A folder in which `npm install katex` was run; the gate sets it, since KaTeX needs Node and the tests only Python.
KATEX = "MICROGRAD_LIKE_KATEX"

_SCRIPT = """
const katex = require("katex");
const foreign = ["unknownSymbol", "symbolNotInFont"];  // letters that its fonts do not have are shown in others
const strict = code => foreign.includes(code) ? "ignore" : "error";
for (const formula of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
  try {
    katex.renderToString(formula, { throwOnError: true, strict });
  } catch (error) {
    console.log(formula + ": " + error.message);
  }
}
"""


def in_markdown(markdown: str) -> list[str]:
    """Return the formulas between dollar signs."""
    return [a or b for a, b in re.findall(r"\$\$(.+?)(?<!\\)\$\$|\$(.+?)(?<!\\)\$", markdown)]


def assert_renders(formulas: Iterable[str]) -> None:
    formulas = list(dict.fromkeys(formulas))
    assert formulas
    mathtext = MathTextParser("path")
    for formula in formulas:
        shown = formula.replace(r"\mathrel{+}", "{+}")  # the one command it does not have
        assert mathtext.parse(f"${shown}$").width > 0, formula
    if KATEX in os.environ:
        folder = os.environ[KATEX]
        try:
            done = subprocess.run(
                ["node", "-e", _SCRIPT], cwd=folder, input=json.dumps(formulas), capture_output=True, text=True
            )
        except OSError as error:
            raise AssertionError(
                f"{error}: install Node, run `npm install katex` in {folder!r}, or unset {KATEX}"
            ) from None
        assert done.returncode == 0, f"{done.stderr}\nrun `npm install katex` in {folder!r}, or unset {KATEX}"
        assert done.stdout == "", done.stdout
