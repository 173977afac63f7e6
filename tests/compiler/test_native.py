"""Building, keeping and loading libraries: what is trusted, what is built anew, and what goes wrong without a trace."""

import errno
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pytest

from micrograd_like import MLP, Value
from micrograd_like.compiler import CompilerError, compile, native, program, tape
from micrograd_like.notation.names import named

SOURCE = "int answer(void) { return %d; }"

SCRIPT = """
from micrograd_like.compiler import compile
from micrograd_like.notation.names import named
x, w = named(x=2.0, w=3.0)
print(compile(x * w, [x], [w], "c").value_and_grad([[5.0]]))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, c_compiler):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "micrograd_like"


@pytest.fixture
def builds(monkeypatch):
    """Count the runs of the compiler."""
    done = []
    build = native._build
    monkeypatch.setattr(native, "_build", lambda *arguments: (done.append(1), build(*arguments))[1])
    return done


def answer(number=42):
    return native.load(SOURCE % number).answer()


def step():
    x, w = named(x=2.0, w=3.0)
    compiled = compile(x * w, [x], [w])
    assert compiled.value_and_grad([[5.0]]) == ([15.0], [5.0])
    return compiled.backend


@pytest.fixture
def anew(monkeypatch):
    """Load the evaluator anew, and say again what is said once."""
    monkeypatch.setattr(program, "_warned", set())
    tape._evaluator.cache_clear()
    yield
    tape._evaluator.cache_clear()


# -------------------- the cache --------------------


def test_compiled_once(folder, builds):
    assert [answer() for _ in range(3)] == [42] * 3
    assert len(builds) == 1
    (file,) = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_switched_off(folder, builds, monkeypatch):
    monkeypatch.setenv("MICROGRAD_LIKE_CACHE", "off")
    assert answer() == answer() == 42
    assert len(builds) == 2
    assert not folder.exists()


def damages():
    """Yield what may have happened to a file in the cache, by name."""
    foreign = b"\x7fELF" + bytes(100)
    return {
        "truncated": lambda file: file.write_bytes(file.read_bytes()[:-1000]),
        "cut to a page": lambda file: file.write_bytes(file.read_bytes()[:4096]),
        "empty": lambda file: file.write_bytes(b""),
        "one bit": lambda file: file.write_bytes(bytes([*file.read_bytes()[:-50], 1]) + file.read_bytes()[-49:]),
        "foreign": lambda file: file.write_bytes(foreign),
        "no library, with its checksum": lambda file: native._keep(file, b"not a library"),
        "others may write": lambda file: file.chmod(0o666),
        "a folder": lambda file: (file.unlink(), file.mkdir()),
        "a pipe": lambda file: (file.unlink(), os.mkfifo(file, 0o600)),
        "a link": lambda file: (file.rename(file.parent.parent / "x.so"), file.symlink_to(file.parent.parent / "x.so")),
    }


@pytest.mark.parametrize("damage", damages())
def test_what_is_not_as_we_left_it_is_built_anew(folder, builds, damage):
    answer()
    (file,) = folder.glob("*.so")
    damages()[damage](file)
    assert answer() == 42
    assert len(builds) == 2
    if damage != "a folder":
        assert answer() == 42
        assert len(builds) == 2  # it was replaced
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_no_harm_to_who_has_loaded_it(folder):
    library = native.load(SOURCE % 7)
    (file,) = folder.glob("*.so")
    os.truncate(file, 0)
    assert library.answer() == 7


@pytest.mark.parametrize("above", [0, 1, 2])
def test_not_kept_where_others_may_write(folder, builds, above):
    answer()
    other = [folder, *folder.parents][above]
    other.chmod(0o777)
    assert answer() == 42
    other.chmod(0o1777)  # with the sticky bit, as /tmp has it, others cannot replace what is ours
    assert answer() == 42
    assert len(builds) == (3 if above == 0 else 2)
    other.chmod(0o700)


def test_not_kept_in_the_folder_of_another_owner(folder, builds, monkeypatch):
    answer()
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    if mine:
        assert answer() == 42
        assert len(builds) == 2
    assert native._read(next(folder.glob("*.so"))) is None


def test_a_relative_folder_is_ignored(tmp_path, monkeypatch, c_compiler):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert answer() == 42
    assert [p.name for p in tmp_path.iterdir()] == ["home"]
    assert len(list((tmp_path / "home" / ".cache" / "micrograd_like").iterdir())) == 1


def test_old_ones_are_removed(folder, monkeypatch):
    monkeypatch.setattr(native, "MOST_KEPT", 3)
    for number in range(5):
        answer(number)
        for i, file in enumerate(sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)):
            os.utime(file, (i, i))
    assert len(list(folder.iterdir())) == 3


def test_no_folder_to_write_to(tmp_path, monkeypatch, c_compiler):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert answer() == 42


def test_two_processes_at_once(folder):
    processes = [subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [p.communicate()[0] for p in processes] == ["([15.0], [5.0])\n"] * 3
    assert len(list(folder.iterdir())) == 1


def test_nothing_is_left_behind(folder, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    answer()
    monkeypatch.delattr(os, "memfd_create")
    assert answer() == 42
    assert not list((tmp_path / "tmp").iterdir())
    assert [p.suffix for p in folder.iterdir()] == [".so"]


# -------------------- "auto" says what it does instead --------------------


@pytest.mark.parametrize("command", ["false", "true", "cat", "'", "/nowhere/cc -O1", "sh -c 'exit 3'", ""])
def test_whatever_cc_is(folder, anew, monkeypatch, command):
    monkeypatch.setenv("CC", command)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        backend = step()
        assert step() == backend
    if command in ("", "/nowhere/cc -O1"):  # the next compiler is taken
        assert (backend, said) == ("c", [])
    else:
        assert backend == "numpy"
        assert len(said) == 1
        assert str(said[0].message).startswith("compiled to numpy, for ")


def test_no_compiler(monkeypatch):
    monkeypatch.setattr(native.shutil, "which", lambda name, path: None)
    native._find_compiler.cache_clear()
    with pytest.raises(CompilerError, match=r"install one .*apt install gcc.*or name it in CC"):
        native.find_compiler()


def test_no_temporary_folder(folder, anew, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert step() == "c"  # built in the folder of the cache
    tape._evaluator.cache_clear()
    monkeypatch.setenv("MICROGRAD_LIKE_CACHE", "off")
    with pytest.warns(RuntimeWarning, match="compiled to numpy, for the C backend has no place to work in"):
        assert step() == "numpy"


def test_full_disk(folder, anew, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(native, "write_whole", full)
    assert step() == "c"  # what cannot be kept is used all the same
    tape._evaluator.cache_clear()
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.warns(RuntimeWarning, match="No space left on device"):
        assert step() == "numpy"


def test_where_nothing_may_be_run(folder, anew, monkeypatch):
    def refuse(path):
        raise OSError(f"{path}: failed to map segment from shared object: Operation not permitted")

    monkeypatch.setattr(native.ctypes, "CDLL", refuse)
    with pytest.warns(RuntimeWarning, match="Operation not permitted"):
        assert step() == "numpy"


# -------------------- many programs, and several processes --------------------


def test_many_programs_take_no_mappings(c_compiler):
    def mappings():
        return len(Path("/proc/self/maps").read_text().splitlines())

    x, w = named(x=2.0, w=3.0)
    step()
    before = mappings()
    kept = [compile(x * w + i, [x], [w], "c") for i in range(500)]
    assert [p([[5.0]]) for p in kept] == [[15.0 + i] for i in range(500)]
    assert mappings() < before + 50


def test_threads_after_a_fork(c_compiler, monkeypatch):
    monkeypatch.setattr(program, "ROWS_PER_THREAD", 5)
    model, inputs = MLP(2, [4, 1], seed=1), [Value(0.5, "a"), Value(0.2, "b")]
    compiled = compile(model(inputs), inputs, model.parameters(), "c", threads=2)
    rows = [[0.1 * i, 0.2] for i in range(20)]
    wanted = compiled.value_and_grad(rows)
    child = os.fork()
    if not child:
        os._exit(0 if compiled.value_and_grad(rows) == wanted else 1)
    for _ in range(500):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.02)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    assert status == 0
