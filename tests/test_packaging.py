"""What the wheel and the sdist contain, and what an import loads."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import micrograd_like

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def sources(folder):
    kept = {".c", ".py", ".csv", ".typed", ".html", ".css", ".js", ".md", ".tex"}
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
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "demos/pictures/neuron.svg"} <= names


def test_the_changelog_has_this_version_or_says_that_it_is_not_released():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## (Unreleased|{re.escape(micrograd_like.__version__)})\b", changelog, re.MULTILINE)


@pytest.mark.parametrize(
    ("system", "machines"),
    [
        ("linux", {"x86_64": 1, "aarch64": 1, "armv7l": 0, "i686": 0, "riscv64": 0, "ppc64le": 0, "s390x": 0}),
        ("darwin", {"x86_64": 1, "arm64": 1}),
        ("win32", {"AMD64": 1, "ARM64": 1, "x86": 0}),
        ("emscripten", {"wasm32": 0}),
        ("freebsd14", {"amd64": 0}),
    ],
)
def test_graphviz_is_bundled_where_there_is_a_wheel(system, machines):
    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    marker = next(r.marker for r in map(Requirement, found) if r.name == "graphviz-pure")
    for machine, is_there in machines.items():
        place = {"implementation_name": "cpython", "sys_platform": system, "platform_machine": machine}
        assert marker.evaluate(place) == bool(is_there), machine
        assert not marker.evaluate({**place, "implementation_name": "pypy"})
