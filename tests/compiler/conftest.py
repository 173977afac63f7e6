"""What the compiler's tests need."""

import pytest

from micrograd_like.compiler import CompilerError, native

from ..conftest import REQUIRED


@pytest.fixture(scope="session")
def c_compiler():
    try:
        return native.find_compiler()
    except CompilerError:
        if "c" in REQUIRED:
            raise
        pytest.skip("no C compiler; MICROGRAD_LIKE_TESTS=c makes this a failure")


@pytest.fixture(params=["python", "numpy", "c"])
def backend(request):
    if request.param == "c":
        request.getfixturevalue("c_compiler")
    return request.param


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.delenv("MICROGRAD_LIKE_CACHE", raising=False)
