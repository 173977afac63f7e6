"""What the compiler's tests need besides Python and pip's packages.

MICROGRAD_LIKE_TESTS names what must be there: with MICROGRAD_LIKE_TESTS=c,node a missing C compiler or Node is a
failure. Without it the C backend is tested where a compiler is found, and JavaScript not at all.
"""

import os
import shutil

import pytest

from micrograd_like.compiler import CompilerError, native

REQUIRED = os.environ.get("MICROGRAD_LIKE_TESTS", "").split(",")


@pytest.fixture(scope="session")
def c_compiler():
    try:
        return native.find_compiler()
    except CompilerError:
        if "c" in REQUIRED:
            raise
        pytest.skip("no C compiler; MICROGRAD_LIKE_TESTS=c makes this a failure")


@pytest.fixture(scope="session")
def node():
    if "node" not in REQUIRED:
        pytest.skip("MICROGRAD_LIKE_TESTS=node runs the JavaScript")
    found = shutil.which("node")
    assert found, "MICROGRAD_LIKE_TESTS asks for node, and it is not installed"
    return found


@pytest.fixture(params=["python", "numpy", "c"])
def backend(request):
    if request.param == "c":
        request.getfixturevalue("c_compiler")
    return request.param


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.delenv("MICROGRAD_LIKE_CACHE", raising=False)
