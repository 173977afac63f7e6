"""Writing files and folders so that nothing is lost or half-written: every writer of the project comes through here."""

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file under a temporary name beside its own, then rename it, so that nobody sees half of it.

    A link stays a link, and a file keeps its permissions. What is not a file, such as a pipe or /dev/stdout, is written
    to as it is.

    Raises:
        OSError: the file cannot be written; the text names it, and what was there before is still there.
    """
    target = Path(os.path.realpath(path))
    with _naming(path):
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and not stat.S_ISREG(mode):
            target.write_bytes(content)  # a folder says so
            return
        if mode is not None and not mode & 0o222:
            raise PermissionError(0, "the file is read-only")
        # named apart from all others: two threads, or two machines that share a folder, may write the same file
        temporary = target.with_name(f".micrograd_like-{secrets.token_hex(8)}.tmp")
        try:
            with open(
                os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), "wb"
            ) as file:
                if mode is not None:
                    os.chmod(temporary, stat.S_IMODE(mode))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def write_folder(path: str | os.PathLike[str], files: Mapping[str, bytes]) -> Path:
    """Write a new folder with these files, by their names, or nothing at all; return its path.

    Raises:
        FileExistsError: something is there already, other than an empty folder.
        OSError: the folder cannot be written; nothing is left behind.
    """
    folder = Path(path).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{path} is there already: name a new folder, so that nothing is overwritten")
    unfinished = folder.with_name(f".micrograd_like-{secrets.token_hex(8)}.tmp")
    with _naming(path):
        try:
            unfinished.mkdir(parents=True)
            for name, content in files.items():
                (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
                (unfinished / name).write_bytes(content)
            if folder.exists():
                folder.rmdir()
            os.replace(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def refuse_to_overwrite(output: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Raise ValueError if a file that is to be written is one of those that are read, also by another name."""
    for each in inputs:
        with contextlib.suppress(OSError):
            if os.path.samefile(output, each):
                raise ValueError(f"{output} is read here, and would be overwritten: write to another file")


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let an error name the file that was asked for, and not a temporary one."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, f"cannot write it: {error.strerror}", str(path)) from None
