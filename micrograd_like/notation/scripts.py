"""Two scripts in which the same can be written: text for a terminal, and LaTeX."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import formulas
from ..escape import one_line
from . import latex
from .names import partial
from .numbers import show


@dataclass(frozen=True)
class Script:
    """How names, numbers, derivatives and formulas are written."""

    name: Callable[[str], str]
    number: Callable[[Any], str]
    partial: Callable[[str, str], str]  # of two names that are written already
    style: formulas.Style


TEXT = Script(one_line, show, partial, formulas.TEXT)
LATEX = Script(latex.name, latex.number, latex.partial, latex.LATEX)
