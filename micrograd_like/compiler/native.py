"""C: find a compiler, build a shared library or take it from the cache, and load it."""

import contextlib
import ctypes
import hashlib
import itertools
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ..files import write_whole
from .spelling import CompilerError

# No -ffast-math: it would let the compiler assume that nothing is infinite or NaN, which is what the program watches
# for. No contraction but in the sums of layers, which ask for it: a*b - c*d fused is not 0 where the engine finds 0.
FLAGS = (
    *("-std=c11", "-O3", "-march=native", "-shared", "-fPIC", "-w", "-pipe"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
    *(["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else []),
)
TIMEOUT = 600  # seconds
MOST_KEPT = 8  # libraries in the cache: one for each compiler, processor, version and set of operations
CHECKSUM = hashlib.sha256().digest_size  # bytes, which stand behind the library in its file

_slashes = itertools.count(1)


def find_compiler() -> tuple[tuple[str, ...], str]:
    """Return the command of a C compiler, and its version.

    The first that is there of $CC, what this Python was built with, cc, gcc and clang.

    Raises:
        CompilerError: there is none; the text says what to install.
    """
    return _find_compiler(os.environ.get("CC"), os.environ.get("PATH"))


@cache
def _find_compiler(chosen: str | None, path: str | None) -> tuple[tuple[str, ...], str]:
    if os.name == "posix":
        for command in (chosen, sysconfig.get_config_var("CC"), "cc", "gcc", "clang"):
            try:
                words = shlex.split(command or "")
            except ValueError:
                raise CompilerError(f"CC is {command!r}, in which a quotation mark is left open") from None
            if words and shutil.which(words[0], path=path):
                found = _run([*words, "--version"], os.environ)
                return tuple(words), found.stdout.partition("\n")[0]
    raise CompilerError(
        "the C backend needs GCC or Clang: install one (Debian and Ubuntu: `apt install gcc`; macOS:"
        " `xcode-select --install`) or name it in CC, or use backend='numpy' or 'python'"
    )


def load(source: str) -> ctypes.CDLL:
    """Return the library of a C source, compiled now or earlier.

    Raises:
        CompilerError: there is no compiler, it failed, or there is no place to work in; the text says so.
    """
    from .. import __version__  # which the package sets after it imports this module

    command, version = find_compiler()
    key = "\0".join((source, *command, version, *FLAGS, _processor(), __version__))
    folder = _cache_folder()
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.so" if folder else None
    content = _read(path) if path else None
    try:
        if content is not None:
            with contextlib.suppress(OSError):  # the checksum is right, but not what it loads: build it anew
                return _load(content)
        content = _build(command, source, folder)
        if path:
            with contextlib.suppress(OSError):  # a full disk costs the next run its time, and nothing now
                _keep(path, content)
        return _load(content)
    except OSError as error:
        raise CompilerError(f"the C backend has no place to work in: {error}") from None


def _build(command: tuple[str, ...], source: str, folder: Path | None) -> bytes:
    """Return a source as a library."""
    with _scratch(folder) as scratch:
        text, library = scratch / "program.c", scratch / "program.so"
        text.write_text(source, encoding="utf-8")
        words = [*command, *FLAGS, "-o", str(library), str(text), "-lm"]
        found = _run(words, {**os.environ, "TMPDIR": str(scratch)})
        if found.returncode or not library.is_file():
            raise CompilerError(f"{command[0]} failed:\n{found.stderr.strip()[:2000]}")
        return library.read_bytes()


@contextlib.contextmanager
def _scratch(folder: Path | None) -> Iterator[Path]:
    """Yield a folder to work in for a while: a temporary one, or where there is no place for it one in the cache."""
    try:
        made = tempfile.TemporaryDirectory(prefix="micrograd_like-")
    except OSError:
        if not folder:
            raise
        made = tempfile.TemporaryDirectory(prefix=".scratch-", dir=folder)
    with made:
        yield Path(made.name)


def _run(command: list[str], environment: "os._Environ[str] | dict[str, str]") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False, env=environment
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CompilerError(f"{command[0]} cannot be run: {error}") from None


def _load(content: bytes) -> ctypes.CDLL:
    """Load this very copy: from memory, if that can be, for then nobody can change it and no folder is noexec."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("micrograd_like", os.MFD_CLOEXEC), "wb") as file:
            file.write(content)
            file.flush()
            with contextlib.suppress(OSError):  # a system that runs no code from memory, or has no /proc
                # The linker takes a path for the library that it loaded from there before, so each has other slashes.
                return ctypes.CDLL(f"/proc/self/fd{'/' * next(_slashes)}{file.fileno()}")
    with _scratch(None) as scratch:
        (scratch / "program.so").write_bytes(content)
        return ctypes.CDLL(str(scratch / "program.so"))


# -------------------- the cache --------------------


def _cache_folder() -> Path | None:
    """Return the folder of compiled programs, made if need be; None if there is none that only we can write to."""
    if os.name != "posix" or os.environ.get("MICROGRAD_LIKE_CACHE", "").lower() in ("off", "0", "no"):
        return None
    try:
        chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
        base = chosen if chosen.is_absolute() else Path.home() / ".cache"  # as the XDG specification has it
        folder = Path(os.path.realpath(base)) / "micrograd_like"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if all(map(_is_safe, [folder, *folder.parents])) and not folder.stat().st_mode & 0o077 else None
    except (OSError, RuntimeError):  # no home, or not ours to write to
        return None


def _is_safe(folder: Path) -> bool:
    """Tell whether nobody but us and root can put something else in the place of what is in a folder."""
    info = folder.lstat()
    others_may_write = info.st_mode & 0o022 and not info.st_mode & stat.S_ISVTX
    return stat.S_ISDIR(info.st_mode) and info.st_uid in (0, os.getuid()) and not others_may_write


def _read(path: Path) -> bytes | None:
    """Return a library from the cache; None if it is not there, damaged, or somebody else could have written it."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o022:
                return None
            content = file.read()
    except OSError:
        return None
    content, checksum = content[:-CHECKSUM], content[-CHECKSUM:]
    return content if hashlib.sha256(content).digest() == checksum else None


def _keep(path: Path, content: bytes) -> None:
    """Put a library into the cache, and its checksum behind it; remove the oldest ones."""
    if path.is_symlink() or (path.exists() and not path.is_file()):  # a link, or a pipe that would wait for a reader
        path.unlink()
    write_whole(path, content + hashlib.sha256(content).digest())
    path.chmod(0o600)
    found = sorted(path.parent.glob("*.so"), key=lambda x: x.lstat().st_mtime, reverse=True)
    for old in found[MOST_KEPT:]:
        old.unlink(missing_ok=True)


@cache
def _processor() -> str:
    """Return what -march=native depends on, for a home directory may be shared by several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return f"{platform.machine()} {platform.processor()}"
