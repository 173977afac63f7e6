"""Teaching backpropagation: exercises, passes explained as at the board, mistakes, and answers graded."""

from .exercises import CLASSICS, Exercise, exercise
from .explanation import Explanation, PassTable, explain, tabulate
from .grading import Grading, check, grade
from .mistakes import MISTAKES, Comparison, Mistake, backprop_with, gradients

__all__ = [
    "CLASSICS",
    "MISTAKES",
    "Comparison",
    "Exercise",
    "Explanation",
    "Grading",
    "Mistake",
    "PassTable",
    "backprop_with",
    "check",
    "exercise",
    "explain",
    "grade",
    "gradients",
    "tabulate",
]
