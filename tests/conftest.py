"""What all tests share, and what some need besides Python and pip's packages.

MICROGRAD_LIKE_TESTS names what must be there: with MICROGRAD_LIKE_TESTS=c,node a missing C compiler or Node is a
failure. Without it the C backend is tested where a compiler is found, and what needs another program is not. There are
also `tex`, `graders`: nbgrader and otter-grader, in an environment that has this package too, and `pyodide`: a folder
in which `npm install pyodide` was run, which MICROGRAD_LIKE_PYODIDE names.
"""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run; `pytest --hypothesis-profile=default` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# Whether lines of programs that the tests start come at once must not depend on where the tests are run.
os.environ.pop("PYTHONUNBUFFERED", None)

REQUIRED = os.environ.get("MICROGRAD_LIKE_TESTS", "").split(",")


def need(name, *commands):
    """Return the path of the first of these commands that is there; skip the test unless it is asked for by name."""
    if name not in REQUIRED:
        pytest.skip(f"MICROGRAD_LIKE_TESTS={name} runs what needs {commands[0]}")
    found = next(filter(None, map(shutil.which, commands)), None)
    assert found, f"MICROGRAD_LIKE_TESTS asks for {name}, and there is no {' or '.join(commands)}"
    return found


@pytest.fixture(scope="session")
def c_compiler():
    from micrograd_like.compiler import CompilerError, native

    try:
        return native.find_compiler()
    except CompilerError:
        if "c" in REQUIRED:
            raise
        pytest.skip("no C compiler; MICROGRAD_LIKE_TESTS=c makes this a failure")


@pytest.fixture(scope="session")
def node():
    return need("node", "node")


@pytest.fixture(scope="session")
def browser():
    """Return Chromium, driven by Playwright, which makes no requests of its own."""
    command = need("browser", "chromium", "chromium-browser", "google-chrome")
    from playwright.sync_api import sync_playwright

    quiet = ("quic", "background-networking", "component-update", "sync", "gpu")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)]
        chromium = playwright.chromium.launch(executable_path=command, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Return a function that opens a file offline; at the end nothing may have been said, asked for or fetched."""
    requests, troubles, contexts = [], [], []

    def open_page(path, fragment="", **options):
        contexts.append(browser.new_context(offline=True, reduced_motion="reduce", **options))
        page = contexts[-1].new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message) or dialog.dismiss())
        page.goto(path.as_uri() + fragment)
        return page

    yield open_page
    assert troubles == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    for context in contexts:
        context.close()


def npm_package(name):
    """Return the folder of a package of npm; skip the test where it is not installed, unless the gate is to have it."""
    folder = os.environ.get("MICROGRAD_LIKE_NPM")
    if not folder:
        assert "browser" not in REQUIRED, f"run `npm install {name}`, and name node_modules in MICROGRAD_LIKE_NPM"
        pytest.skip(f"MICROGRAD_LIKE_NPM is the folder node_modules with {name} in it")
    return Path(folder, name)


def inaccessible(page):
    """Return what axe-core finds wrong with a page as it is."""
    page.evaluate((npm_package("axe-core") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    return [(x["id"], x["help"], [node["html"][:200] for node in x["nodes"]]) for x in found]
