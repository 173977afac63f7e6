"""The cache of compiled programs: what is kept, what is trusted, and two processes at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from micrograd_like.compiler import CompilerError, compile, native
from micrograd_like.notation.names import named

SCRIPT = """
from micrograd_like.compiler import compile
from micrograd_like.notation.names import named
x, w = named(x=2.0, w=3.0)
print(compile(x * w, [x], [w], "c").value_and_grad([[5.0]]))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, c_compiler):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "micrograd_like"


@pytest.fixture
def builds(monkeypatch):
    """Count the runs of the compiler."""
    done = []
    build = native._build
    monkeypatch.setattr(native, "_build", lambda *arguments: (done.append(1), build(*arguments)))
    return done


def run():
    x, w = named(x=2.0, w=3.0)
    return compile(x * w, [x], [w], "c").value_and_grad([[5.0]])


def test_compiled_once(folder, builds):
    for _ in range(3):
        assert run() == ([15.0], [5.0])
    assert len(builds) == 1
    (file,) = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_switched_off(folder, builds, monkeypatch):
    monkeypatch.setenv("MICROGRAD_LIKE_CACHE", "off")
    assert run() == run() == ([15.0], [5.0])
    assert len(builds) == 2
    assert not folder.exists()


def test_not_loaded_if_others_may_write(folder, builds):
    run()
    (file,) = folder.iterdir()
    file.chmod(0o666)
    assert run() == ([15.0], [5.0])
    assert len(builds) == 2
    assert file.stat().st_mode & 0o777 == 0o600  # replaced
    folder.chmod(0o777)
    assert run() == ([15.0], [5.0])
    assert len(builds) == 3


def test_not_loaded_if_it_is_a_link_or_another_owners(folder, builds, monkeypatch, tmp_path):
    run()
    (file,) = folder.iterdir()
    file.rename(tmp_path / "elsewhere.so")
    file.symlink_to(tmp_path / "elsewhere.so")
    run()
    assert len(builds) == 2
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    run()
    assert len(builds) == 3


def test_damaged_file_is_built_anew(folder, builds):
    folder.mkdir(mode=0o700)
    run()
    (file,) = folder.iterdir()
    damaged = folder / "copy"
    damaged.write_bytes(b"not a library")
    damaged.chmod(0o600)
    os.replace(damaged, file)
    assert run() == ([15.0], [5.0])
    assert len(builds) == 2


def test_no_folder_to_write_to(tmp_path, monkeypatch, c_compiler):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert run() == ([15.0], [5.0])


def test_two_processes_at_once(folder):
    processes = [subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [p.communicate()[0] for p in processes] == ["([15.0], [5.0])\n"] * 4
    assert len(list(folder.iterdir())) == 1


def test_compiler_that_fails(folder, monkeypatch):
    monkeypatch.setattr(native, "find_compiler", lambda: (("false",), "1"))
    with pytest.raises(CompilerError, match="false failed"):
        run()


def test_no_compiler(monkeypatch):
    monkeypatch.setattr(native.shutil, "which", lambda name: None)
    with pytest.raises(CompilerError, match=r"install one .*apt install gcc.*or name it in CC"):
        native.find_compiler.__wrapped__()


def test_nothing_is_left_behind(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(native.tempfile, "tempdir", str(tmp_path))
    run()
    assert {p.name for p in tmp_path.iterdir()} == {"micrograd_like"}
    assert [p.suffix for p in Path(folder).iterdir()] == [".so"]
