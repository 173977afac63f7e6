"""Files and folders: whole or not at all, whoever writes at the same time and whenever it is stopped."""

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from micrograd_like.files import refuse_to_overwrite, write_folder, write_whole

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these permissions nor these files")


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


# -------------------- one file --------------------


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.txt"
    for content in b"first", b"", b"x" * 10**6:
        write_whole(path, content)
        assert path.read_bytes() == content
    assert listing(tmp_path) == ["a.txt"]


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_permissions_are_kept(tmp_path, mode):
    path = tmp_path / "a.txt"
    path.write_text("mine")
    path.chmod(mode)
    write_whole(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@POSIX
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_new_files_and_folders_follow_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a.txt", b"new")
        write_folder(tmp_path / "folder", {"b.txt": b"new"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o777 & ~umask
    assert stat.S_IMODE((tmp_path / "folder" / "b.txt").stat().st_mode) == 0o666 & ~umask


def test_a_read_only_file_is_not_replaced(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("mine")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=r"cannot write it: the file is read-only: '.*a\.txt'"):
        write_whole(path, b"new")
    assert path.read_text() == "mine"
    assert listing(tmp_path) == ["a.txt"]
    path.chmod(0o644)  # so that Windows can remove it


@POSIX
def test_links_stay_links(tmp_path):
    (tmp_path / "deep").mkdir()
    for name, target in ("one", "two"), ("two", "deep/three"), ("self", "self"):
        (tmp_path / name).symlink_to(target)
    for content in b"new", b"newer":  # at first nothing is there
        write_whole(tmp_path / "one", content)
        assert (tmp_path / "deep" / "three").read_bytes() == content
        assert (tmp_path / "one").is_symlink()
        assert (tmp_path / "two").is_symlink()
    with pytest.raises(OSError, match=r"cannot write it: .*: '.*self'"):
        write_whole(tmp_path / "self", b"new")
    assert listing(tmp_path) == ["deep", "one", "self", "two"]
    assert listing(tmp_path / "deep") == ["three"]


@POSIX
def test_a_pipe_is_written_to(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(path.read_bytes)
        write_whole(path, b"content")
        assert read.result(timeout=10) == b"content"
    assert stat.S_ISFIFO(path.stat().st_mode)


@POSIX
@pytest.mark.parametrize("redirected", [False, True], ids=["pipe", "file"])
def test_standard_output_is_written_to_in_order(tmp_path, redirected):
    code = (
        "from micrograd_like.files import write_whole; print('before');"
        "write_whole('/dev/stdout', b'content\\n'); print('after')"
    )
    log = tmp_path / "log"
    with log.open("wb") as file:
        done = subprocess.run([sys.executable, "-c", code], stdout=file if redirected else subprocess.PIPE, check=True)
    assert (log.read_bytes() if redirected else done.stdout) == b"before\ncontent\nafter\n"


@POSIX
def test_devices_are_left_alone_and_a_full_one_is_said():
    write_whole("/dev/null", b"content")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    if os.path.exists("/dev/full"):
        with pytest.raises(OSError, match="cannot write it: No space left on device: '/dev/full'"):
            write_whole("/dev/full", b"content")


@POSIX
@pytest.mark.parametrize("name", ["x" * 255, "é" * 127 + "x"], ids=len)
def test_names_as_long_as_they_may_be(tmp_path, name):
    for content in b"new", b"newer":
        write_whole(tmp_path / name, content)
        assert (tmp_path / name).read_bytes() == content
    with pytest.raises(OSError, match="cannot write it: File name too long"):
        write_whole(tmp_path / f"{name}x", b"new")
    assert listing(tmp_path) == [name]


@pytest.mark.parametrize("place", ["none/a.txt", "file/a.txt", "folder"])
def test_where_no_file_can_be(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=f"cannot write it: .*{place.partition('/')[0]}") as caught:
        write_whole(tmp_path / place, b"new")
    assert caught.value.filename == str(tmp_path / place)
    assert listing(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("content", [b"new", {"a": b"new", "b/c": b"new"}], ids=["file", "folder"])
def test_what_fails_leaves_everything_as_it_was(tmp_path, monkeypatch, function, stop, content):
    path = tmp_path / "a"
    if isinstance(content, bytes):
        path.write_text("mine")
    (tmp_path / ".a.tmp").write_text("somebody else's")

    def fail(*arguments):
        raise stop

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(type(stop)):
        (write_whole if isinstance(content, bytes) else write_folder)(path, content)
    assert listing(tmp_path) == [".a.tmp", "a"][: 1 + isinstance(content, bytes)]
    if isinstance(content, bytes):
        assert path.read_text() == "mine"


# -------------------- a folder --------------------


def test_a_folder_is_new_or_empty(tmp_path):
    assert write_folder(tmp_path / "deep" / "new", {"a": b"1", "b/c": b"2"}) == tmp_path / "deep" / "new"
    assert (tmp_path / "deep" / "new" / "b" / "c").read_bytes() == b"2"
    (tmp_path / "empty").mkdir(mode=0o750)
    write_folder(tmp_path / "empty", {"a": b"1"})
    assert listing(tmp_path / "empty") == ["a"]
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "empty").stat().st_mode) == 0o750
    (tmp_path / "file").write_text("mine")
    for name in "empty", "file":
        with pytest.raises(FileExistsError, match="it is there already, and not an empty folder: name a new one"):
            write_folder(tmp_path / name, {"b": b"2"})
    assert listing(tmp_path / "empty") == ["a"]
    assert listing(tmp_path) == ["deep", "empty", "file"]


def test_the_folder_one_is_in_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileExistsError, match="it is the folder you are in"):
        write_folder(".", {"a": b"1"})


@POSIX
def test_a_folder_that_is_filled_meanwhile_is_left_alone(tmp_path):
    class Files(dict):
        def items(self):
            yield "a", b"ours"
            (tmp_path / "folder").mkdir()
            (tmp_path / "folder" / "b").write_text("theirs")

    with pytest.raises(OSError, match="cannot write it: Directory not empty"):
        write_folder(tmp_path / "folder", Files())
    assert listing(tmp_path) == ["folder"]
    assert listing(tmp_path / "folder") == ["b"]


# -------------------- inputs are not outputs --------------------


def test_an_input_is_not_an_output(tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    refuse_to_overwrite(tmp_path / "b.csv", tmp_path / "a.csv", tmp_path / "none.csv")
    names = [tmp_path / "a.csv", tmp_path / "." / "x" / ".." / "a.csv"]
    (tmp_path / "x").mkdir()
    if os.name != "nt":
        (tmp_path / "link").symlink_to("a.csv")
        os.link(tmp_path / "a.csv", tmp_path / "hard")
        names += [tmp_path / "link", tmp_path / "hard"]
    for name in names:
        with pytest.raises(ValueError, match="is read here, and would be overwritten: write to another file"):
            refuse_to_overwrite(name, tmp_path / "other.csv", tmp_path / "a.csv")
    refuse_to_overwrite(os.devnull, os.devnull)


# -------------------- at the same time, and stopped --------------------

WRITER = """
import sys
from micrograd_like.files import write_whole
letter, path, times = sys.argv[1].encode(), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
for k in range(times):
    write_whole(path, letter * (50_000 + 1_000 * (k % 50)))
"""


def whole(content):
    return len(content) >= 50_000 and len(set(content)) == 1


def test_many_writers_and_readers_of_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # which is most of the time
    path, stop, torn, reads = tmp_path / "shared", threading.Event(), [], [0]
    write_whole(path, b"z" * 50_000)

    def read():
        while not stop.is_set():
            content = path.read_bytes()
            reads[0] += 1
            if not whole(content):
                torn.append(len(content))

    def write(letter):
        for k in range(100):
            write_whole(path, letter * (50_000 + 1_000 * (k % 50)))

    processes = [subprocess.Popen([sys.executable, "-c", WRITER, x, path, "50"], stdout=-1) for x in "cd"]
    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writers = [pool.submit(write, letter) for letter in (b"a", b"b", b"e", b"f")]
        try:
            for writer in writers:
                writer.result()
            for process in processes:
                process.communicate()
                assert process.returncode == 0
        finally:
            stop.set()
        for reader in readers:
            reader.result()
    assert torn == []
    assert reads[0] > 0
    assert listing(tmp_path) == ["shared"]


@POSIX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path, number):
    path, rng = tmp_path / "shared", random.Random(number)
    write_whole(path, b"z" * 50_000)
    for letter in "abcdefgh":
        with subprocess.Popen([sys.executable, "-c", WRITER, letter, path, "1000000"], stdout=-1) as process:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(rng.uniform(0, 0.05))
            process.send_signal(number)
            process.wait()
        assert whole(path.read_bytes())
