"""Writing files and folders so that nothing is lost or half-written, and reading JSON: all of it comes through here."""

import contextlib
import errno
import json
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

LARGEST = 200_000_000  # bytes of a file, of which a network of 2,000,000 parameters takes about half


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file under a temporary name beside its own, then rename it, so that nobody sees half of it.

    A file that is there keeps its permissions. A link stays a link, and what it leads to is replaced. What is not a
    regular file, such as a pipe or /dev/stdout, is written to as it is.

    Raises:
        OSError: the file cannot be written; the text names it, and what was there before is still there.
    """
    with _naming(path):
        try:
            before = os.stat(path)
        except FileNotFoundError:
            before = None
        if before and (descriptor := _already_open(before)):
            with open(os.dup(descriptor), "wb") as file:
                file.write(content)
            return
        if before and not stat.S_ISREG(before.st_mode):
            with open(path, "wb") as file:  # a folder says so
                file.write(content)
            return
        if before and not (before.st_mode & 0o222 and os.access(path, os.W_OK)):
            raise PermissionError(errno.EACCES, "the file is read-only")
        target = Path(os.path.realpath(path))
        temporary = _beside(target)
        try:
            _fill(temporary, content, 0o600 if before else 0o666)
            if before:
                if hasattr(os, "chown"):
                    with contextlib.suppress(OSError):  # only an administrator gives files to others
                        os.chown(temporary, before.st_uid, before.st_gid)
                temporary.chmod(before.st_mode & 0o777)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def write_folder(path: str | os.PathLike[str], files: Mapping[str, bytes]) -> Path:
    """Write a new folder with these files, by their names, or nothing at all; return its path.

    Raises:
        FileExistsError: something is there already, other than an empty folder.
        OSError: the folder cannot be written; nothing is left behind.
    """
    target = Path(os.path.realpath(path))
    with _naming(path):
        if os.path.lexists(target):
            if not target.is_dir() or any(target.iterdir()):
                raise FileExistsError(errno.EEXIST, "it is there already, and not an empty folder: name a new one")
            if target.samefile("."):
                raise FileExistsError(errno.EEXIST, "it is the folder you are in: name a new one")
        temporary = _beside(target)
        try:
            temporary.mkdir(parents=True)
            for name, content in files.items():
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                _fill(temporary / name, content)
            if target.exists():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
                if os.name == "nt":
                    target.rmdir()
            os.replace(temporary, target)  # fails if somebody has filled it meanwhile
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Path(path)


def refuse_to_overwrite(output: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Raise ValueError if a file that is to be written is one of those that are read, also by another name."""
    for each in inputs:
        with contextlib.suppress(OSError):
            if os.path.samefile(output, each) and stat.S_ISREG(os.stat(each).st_mode):
                raise ValueError(f"{os.fspath(output)} is read here, and would be overwritten: write to another file")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Return the data of a file in JSON.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large, or no JSON; the text names it.
    """
    with open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"{os.fspath(path)}: this file has more than {LARGEST // 10**6} MB")
    try:
        return json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)}: this is not JSON: {error}") from None


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let an error name the file that was asked for, and not a temporary one."""
    try:
        yield
    except OSError as error:
        reason = f"cannot write it: {error.strerror or error}"
        raise type(error)(error.errno, reason, os.fspath(path)) from None


def _beside(target: Path) -> Path:
    """Return a name in the same folder that nobody else has; it is short, for names have 255 bytes at most."""
    return target.with_name(f".{secrets.token_hex(12)}.tmp")


def _fill(path: Path, content: bytes, mode: int = 0o666) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _already_open(info: os.stat_result) -> int | None:
    """Return the descriptor of standard output or error that goes to this file: replaced, it would lose the rest."""
    for stream, descriptor in (sys.stdout, 1), (sys.stderr, 2):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if os.path.samestat(os.fstat(descriptor), info):
                stream.flush()
                return descriptor
    return None


def data_folder() -> Path:
    """Return the folder for what is kept between sessions: in the user's data directory, as XDG and Windows say."""
    if os.name == "nt" and "APPDATA" in os.environ:
        return Path(os.environ["APPDATA"]) / "micrograd_like"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "micrograd_like"
