"""What surrounds the debugger: the history of commands, pytest's capture, and loops that call it again and again."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import CodeType, FrameType
from typing import Any

from ..files import data_folder

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
