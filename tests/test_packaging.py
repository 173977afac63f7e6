"""What the wheel and the sdist contain, and what an import loads."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import micrograd_like

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def sources(folder):
    kept = {".py", ".csv", ".typed", ".html", ".css", ".js", ".md", ".tex"}
    files = (ROOT / folder).rglob("*")
    return {p.relative_to(ROOT).as_posix() for p in files if p.suffix in kept or p.name == "py.typed"}


def test_wheel_has_the_package_and_nothing_else(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(next(n for n in names if n.endswith("METADATA"))).decode()
        entry_points = wheel.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert {n for n in names if ".dist-info/" not in n} == sources("micrograd_like")
    assert {"micrograd_like/py.typed", "micrograd_like/nn/data/iris.csv"} <= names
    assert f"Version: {micrograd_like.__version__}\n" in metadata
    assert "License-Expression: MIT" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "micrograd-like = micrograd_like.__main__:main" in entry_points


def test_sdist_can_be_tested_from(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert sources("micrograd_like") | sources("tests") | sources("demos") <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "demos/neuron.svg"} <= names


def test_the_changelog_has_this_version_or_says_that_it_is_not_released():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## (Unreleased|{re.escape(micrograd_like.__version__)})\b", changelog, re.MULTILINE)
