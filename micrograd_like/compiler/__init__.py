"""Compiled graphs: a recorded graph and its gradient, lowered to straight-line Python, NumPy, C or JavaScript."""

from .native import CompilerError
from .program import Program, compile

__all__ = ["CompilerError", "Program", "compile"]
