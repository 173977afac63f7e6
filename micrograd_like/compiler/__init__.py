"""Compiled graphs: a recorded graph and its gradient, lowered to instructions that run in C, NumPy or Python.

They are also written as source in these languages, in JavaScript, and for PyTorch and JAX.
"""

from .program import Program, compile
from .spelling import CompilerError, add_spelling

__all__ = ["CompilerError", "Program", "add_spelling", "compile"]
