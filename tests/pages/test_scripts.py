"""The scripts of all pages, as they stand in them: eslint finds no name that is not there, and none without a use."""

import re
import subprocess

import pytest

from micrograd_like import page, parse
from micrograd_like.nn import MLP
from micrograd_like.nn.datasets import moons
from micrograd_like.teaching import CLASSICS
from micrograd_like.teaching.sheets import Sheet

from ..conftest import npm_package

PAGES = {
    "graph": lambda: page(parse("L = tanh(a)*b + a", a=2, b=3)).html,
    "network": lambda: page(MLP(2, [3, 2], seed=1), moons(4)).html,
    "exercise": lambda: Sheet([CLASSICS["twice"]]).screen(),
}
CONFIG = """
const browser = ["document", "window", "location", "history", "navigator", "setTimeout", "clearTimeout", "setInterval",
  "clearInterval", "URL", "URLSearchParams", "Blob", "Option", "ResizeObserver",
  "requestAnimationFrame", "performance"];
const rules = ["no-undef", "no-redeclare", "no-const-assign", "no-dupe-keys", "no-dupe-else-if", "no-unreachable",
  "no-self-assign", "no-fallthrough", "no-cond-assign", "no-constant-condition", "eqeqeq", "no-var", "prefer-const",
  "no-eval", "no-implied-eval", "no-new-func", "no-unsafe-optional-chaining", "no-useless-escape"];
module.exports = [{
  languageOptions: { sourceType: "script", globals: Object.fromEntries(browser.map((name) => [name, "readonly"])) },
  rules: {
    ...Object.fromEntries(rules.map((name) => [name, "error"])),
    "no-unused-vars": ["error", { args: "none", varsIgnorePattern: "^(compute|find|partner)$" }],
  },
}];
"""


@pytest.mark.parametrize("name", PAGES)
def test_scripts_are_clean(node, tmp_path, name):
    (tmp_path / "eslint.config.cjs").write_text(CONFIG, encoding="utf-8")
    script = re.search("<script>(.*?)</script>", PAGES[name](), re.DOTALL)[1]
    (tmp_path / "page.js").write_text(script, encoding="utf-8")
    command = [node, npm_package("eslint") / "bin" / "eslint.js", "page.js"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
