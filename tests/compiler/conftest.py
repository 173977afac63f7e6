"""What the compiler's tests need."""

import pytest


@pytest.fixture(params=["python", "numpy", "c"])
def backend(request):
    if request.param == "c":
        request.getfixturevalue("c_compiler")
    return request.param


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.delenv("MICROGRAD_LIKE_CACHE", raising=False)
