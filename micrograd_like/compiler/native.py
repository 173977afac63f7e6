"""The C backend: find a compiler, build a shared library or take it from the cache, and load it."""

import contextlib
import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ..files import write_whole

# No -ffast-math: it would let the compiler assume that nothing is infinite or NaN, which is what the program watches
# for. Without the second line GCC may not use masks in place of branches, nor multiply and add in one instruction.
FLAGS = (
    *("-std=gnu11", "-O2", "-march=native", "-shared", "-fPIC", "-w"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
)
TIMEOUT = 600  # seconds


class CompilerError(RuntimeError):
    """There is no C compiler here, or it failed."""


@cache
def find_compiler() -> tuple[tuple[str, ...], str]:
    """Return the command of a C compiler, and its version.

    The first that is there of $CC, what this Python was built with, cc, gcc and clang.

    Raises:
        CompilerError: there is none; the text says what to install.
    """
    if os.name == "posix":
        for command in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang"):
            words = shlex.split(command or "")
            if words and shutil.which(words[0]):
                found = _run([words[0], "--version"])
                return tuple(words), found.stdout.partition("\n")[0]
    raise CompilerError(
        "the C backend needs GCC or Clang: install one (Debian and Ubuntu: `apt install gcc`; macOS:"
        " `xcode-select --install`) or name it in CC, or use backend='numpy' or 'python'"
    )


def load(source: str, name: str) -> Callable[..., int]:
    """Return the function `name` of a C source, compiled now or earlier.

    Raises:
        CompilerError: there is no compiler, or it failed; the text is its own.
    """
    from .. import __version__  # which the package sets after it imports this module

    command, version = find_compiler()
    key = "\0".join((source, *command, version, *FLAGS, _processor(), __version__))
    file_name = f"{hashlib.sha256(key.encode()).hexdigest()}.so"
    folder = _cache_folder()
    if folder and _is_ours(folder / file_name):
        with contextlib.suppress(OSError):  # damaged: build it anew
            return _function(folder / file_name, name)
    with tempfile.TemporaryDirectory(prefix="micrograd_like-") as scratch:
        built = Path(scratch) / file_name
        _build(command, source, built)
        if folder:
            with contextlib.suppress(OSError):  # a full disk costs the next run its time, and nothing now
                write_whole(folder / file_name, built.read_bytes())
                (folder / file_name).chmod(0o600)
        return _function(built, name)


def _build(command: tuple[str, ...], source: str, target: Path) -> None:
    text = target.with_suffix(".c")
    text.write_text(source, encoding="utf-8")
    found = _run([*command, *FLAGS, "-o", str(target), str(text), "-lm"])
    if found.returncode:
        raise CompilerError(f"{command[0]} failed:\n{found.stderr.strip()[:2000]}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise CompilerError(f"{command[0]} cannot be run: {error}") from None


def _function(path: Path, name: str) -> Callable[..., int]:
    function: Any = getattr(ctypes.CDLL(str(path)), name)
    function.argtypes = ctypes.c_ssize_t, *[ctypes.c_void_p] * 4
    function.restype = ctypes.c_int
    return function  # type: ignore[no-any-return]


# -------------------- the cache --------------------


def _cache_folder() -> Path | None:
    """Return the folder of compiled programs, made if need be; None if there is none that only we can write to."""
    if os.environ.get("MICROGRAD_LIKE_CACHE", "").lower() in ("off", "0", "no"):
        return None
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = base / "micrograd_like"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.lstat()
    except (OSError, RuntimeError):  # no home, or not ours to write to
        return None
    private = stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and not info.st_mode & 0o077
    return folder if private else None


def _is_ours(path: Path) -> bool:
    """Tell whether a compiled program is a plain file that nobody else could have written."""
    try:
        info = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(info.st_mode) and info.st_uid == os.getuid() and not info.st_mode & 0o022


@cache
def _processor() -> str:
    """Return what -march=native depends on, for a home directory may be shared by several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return f"{platform.machine()} {platform.processor()}"
