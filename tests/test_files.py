"""Files appear whole or not at all, whoever else writes them."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from micrograd_like import files
from micrograd_like.files import refuse_to_overwrite, write_folder, write_whole


def leftovers(folder):
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


def test_writers_and_readers_in_several_threads(tmp_path):
    path, sizes = tmp_path / "shared.bin", (10, 200_000, 1_000_000)
    write_whole(path, b"0" * 10)
    done = threading.Event()

    def write(k):
        for i in range(25):
            write_whole(path, bytes([65 + k]) * sizes[(i + k) % 3])

    def read():
        torn = 0
        while not done.is_set():
            content = path.read_bytes()
            torn += len(content) not in sizes or len(set(content)) != 1
        return torn

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writers = [pool.submit(write, k) for k in range(4)]
        for each in writers:
            each.result()
        done.set()
        assert [each.result() for each in readers] == [0, 0]
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "state.bin"
    write_whole(path, b"a" * 300_000)
    code = (
        "import sys; from micrograd_like.files import write_whole\n"
        "print('ready', flush=True)\n"
        "while True:\n    for c in b'ab': write_whole(sys.argv[1], bytes([c]) * 300_000)\n"
    )
    for k in range(10):
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(0.003 * k)
            process.send_signal(signal.SIGKILL if k % 2 else signal.SIGTERM)
        content = path.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_kept_and_new_files_get_the_usual_ones(tmp_path):
    path = tmp_path / "private"
    path.write_bytes(b"old")
    path.chmod(0o600)
    write_whole(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "fresh", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_read_only_file_is_not_replaced(tmp_path):
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=r"cannot write it: the file is read-only.*kept"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"through")
    reader.join(10)
    assert read == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_long_name_can_be_written(tmp_path):
    write_whole(tmp_path / ("x" * 255), b"new")
    assert os.listdir(tmp_path) == ["x" * 255]
    with pytest.raises(OSError, match=r"cannot write it: .*yyyy"):
        write_whole(tmp_path / ("y" * 256), b"new")


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_an_error_names_the_file_and_leaves_the_old_one(tmp_path, monkeypatch, fails):
    def full(*_):
        raise OSError(28, "No space left on device")

    path = tmp_path / "kept"
    path.write_bytes(b"old")
    monkeypatch.setattr(files.os, fails, full)
    with pytest.raises(OSError, match=r"cannot write it: No space left on device: .*kept'"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["kept"]


def test_a_missing_folder_and_a_folder_are_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_whole(tmp_path / "nowhere" / "file", b"")
    with pytest.raises(IsADirectoryError, match="cannot write it"):
        write_whole(tmp_path, b"")


# -------------------- folders --------------------


def test_a_folder_is_new_or_empty(tmp_path):
    files_ = {"a.txt": b"1", "sub/b.txt": b"2"}
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty", "deep/er"):
        folder = write_folder(tmp_path / name, files_)
        assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.txt")} == files_
    for there in ("new", "new/a.txt"):
        with pytest.raises(FileExistsError, match="is there already: name a new folder"):
            write_folder(tmp_path / there, {"c.txt": b"3"})
    assert not (tmp_path / "new" / "c.txt").exists()


def test_a_folder_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"cannot write it: No space left on device: .*class'"):
        write_folder(tmp_path / "class", {"a": b"1"})
    assert os.listdir(tmp_path) == []


# -------------------- outputs that are inputs --------------------


def test_an_output_that_is_an_input_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "link.csv").symlink_to("a.csv")
    os.link(tmp_path / "a.csv", tmp_path / "hard.csv")
    for name in ("a.csv", "link.csv", "hard.csv", "../" + tmp_path.name + "/a.csv"):
        with pytest.raises(ValueError, match="is read here, and would be overwritten"):
            refuse_to_overwrite(tmp_path / name, tmp_path / "b.csv", tmp_path / "a.csv")
    refuse_to_overwrite(tmp_path / "new.csv", tmp_path / "a.csv")
