import json
import subprocess

import pytest


@pytest.fixture(scope="session")
def run_script(node, tmp_path_factory):
    """Return a function that runs a page's scripts in Node with its data, then code that prints JSON."""
    folder = tmp_path_factory.mktemp("scripts")

    def run(scripts, data, code):
        path = folder / "script.js"
        written = '"use strict";\nconst DATA = JSON.parse(require("fs").readFileSync(0, "utf8"));\n'
        path.write_text(written + "\n".join(scripts) + f"\nconsole.log(JSON.stringify({code}));", encoding="utf-8")
        done = subprocess.run([node, path], input=json.dumps(data), capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
