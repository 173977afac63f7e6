"""Teaching backpropagation: a pass explained as at the board, the mistakes people make, and answers graded."""

from .explanation import Explanation, PassTable, explain, tabulate
from .grading import Grading, check, grade
from .mistakes import MISTAKES, Comparison, Mistake, backprop_with, gradients

__all__ = [
    "MISTAKES",
    "Comparison",
    "Explanation",
    "Grading",
    "Mistake",
    "PassTable",
    "backprop_with",
    "check",
    "explain",
    "grade",
    "gradients",
    "tabulate",
]
