"""Where in a program each node was made: file, line and the expression itself.

with record_sources():
    loss = (model(x) - y) ** 2
print(loss.source)
"""

import linecache
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from .. import engine
from ..engine import Value

_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


class Source(NamedTuple):
    """A place in a program."""

    file: str
    line: int
    text: str  # the expression that made the node; empty if there is no such file

    def __str__(self) -> str:
        """Return the place in one line: `lesson.py:3: a * b`."""
        return f"{self.where}" + (f": {self.text}" if self.text else "")

    @property
    def where(self) -> str:
        """The file and the line: `lesson.py:3`, or `Cell In[5], line 3` in a notebook."""
        shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
        name = getattr(getattr(shell, "compile", None), "format_code_name", lambda file: None)(self.file)
        return f"{' '.join(name)}, line {self.line}" if name else f"{Path(self.file).name}:{self.line}"


@contextmanager
def record_sources() -> Iterator[None]:
    """Give every Value that is made in this block a `source`.

    Outside of such a block nothing is recorded, and nothing is slower for it.
    """
    make, init = engine._node, Value.__init__

    def make_with_source(*arguments: Any) -> Value:
        v = make(*arguments)
        v.source = _caller()
        return v

    def init_with_source(self: Value, *arguments: Any, **keywords: Any) -> None:
        init(self, *arguments, **keywords)
        self.source = _caller()

    engine._node, Value.__init__ = make_with_source, init_with_source  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        engine._node, Value.__init__ = make, init  # type: ignore[method-assign]


def _caller() -> Source | None:
    """Return the place outside of this package that the program is at."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:
        return None
    code = frame.f_code
    first, last, begin, end = list(code.co_positions())[frame.f_lasti // 2]
    line = first or frame.f_lineno
    # Under the name "<string>" Python 3.13 keeps what follows `python -c`, but all that eval() runs is called so.
    file = code.co_filename if code.co_filename != "<string>" else ""
    lines = [linecache.getline(file, n).encode() for n in range(line, (last or line) + 1)]
    if begin is not None and end is not None:  # the columns count bytes
        lines[-1] = lines[-1][:end]
        lines[0] = lines[0][begin:]
    text = " ".join(part for x in lines if (part := x.decode(errors="replace").strip()))
    return Source(code.co_filename, line, text)
