"""What surrounds the debugger: the width and letters of a terminal, history, pytest's capture, loops around it."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import CodeType, FrameType
from typing import Any

from ..files import data_folder
from ..pictures.tree import needs_ascii

KEPT = 1000  # commands in the history

_last_call: tuple[CodeType, int] | None = None  # where debug() was called last


class StopDebugging(Exception):  # noqa: N818, it is no error
    """The user asked to leave the loop that calls the debugger."""

    def _render_traceback_(self) -> list[str]:  # in IPython
        return [f"{self}"]


def asks_to_stop(caller: FrameType, read: Callable[[str], str]) -> bool:
    """Return whether the user wants to leave the loop that calls the debugger, if there is one, as well."""
    global _last_call
    here = (caller.f_code, caller.f_lineno)
    again, _last_call = here == _last_call, here
    if not again:
        return False
    with suppress(EOFError, KeyboardInterrupt):
        return read("debug() is called here again and again: stop the program as well? (y/n) ").strip() in ("y", "yes")
    return False


@contextmanager
def history(wanted: bool) -> Iterator[None]:
    """Keep the commands of one session for the next, apart from those of the Python around it."""
    try:
        import readline
    except ImportError:  # on Windows
        wanted = False
    if not wanted:
        yield
        return
    path = data_folder() / "step-history"
    before = [readline.get_history_item(i + 1) for i in range(readline.get_current_history_length())]
    readline.clear_history()
    with suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.set_history_length(KEPT)
            readline.write_history_file(path)
        readline.set_history_length(-1)
        readline.clear_history()
        for line in before:
            readline.add_history(line)


@contextmanager
def seen_by_pytest() -> Iterator[None]:
    """Let the debugger read and write the terminal under pytest without -s, as breakpoint() does."""
    debugging: Any = sys.modules.get("_pytest.debugging")
    plugins = getattr(getattr(debugging, "pytestPDB", None), "_pluginmanager", None)
    capture = plugins and plugins.getplugin("capturemanager")
    if not capture or not capture.is_capturing():
        yield
        return
    capture.suspend(in_=True)
    try:
        yield
    finally:
        capture.resume()


def broken(line: str, width: int) -> str:
    """Return a line that fits into a width, broken between words; what is in columns is left as it is."""
    if not width or _width(line) <= width or line.startswith(("─", "│", "├", "└")):
        return line
    lines, indent = [""], " " * (len(line) - len(line.lstrip()) + 4)
    for word in re.findall(r" *\S+", line):
        if lines[-1].strip() and _width(lines[-1] + word) > width:
            lines.append(indent + word.lstrip())
        else:
            lines[-1] += word
    return "\n".join(lines)


def _width(line: str) -> int:
    from rich.cells import cell_len

    return cell_len(re.sub(r"\x1b\[[\d;]*m", "", line))


def encodable(text: str) -> str:
    """Return the text in ASCII where standard output can encode no more."""
    if not needs_ascii():
        return text
    plain = text.translate({ord("∂"): "d", ord("–"): "-", ord("…"): "...", ord("►"): ">", ord("→"): "->"})
    return plain.encode("ascii", "backslashreplace").decode()
