"""Teaching backpropagation: exercises, passes explained as at the board, mistakes, and answers graded."""

from .exercises.classics import CLASSICS
from .exercises.generator import Exercise, alike, exercise
from .explanation import Explanation, PassTable, explain, tabulate
from .grading.grade import Grading, check, grade
from .grading.mistakes import MISTAKES, Comparison, Mistake, backprop_with, gradients

__all__ = [
    "CLASSICS",
    "MISTAKES",
    "Comparison",
    "Exercise",
    "Explanation",
    "Grading",
    "Mistake",
    "PassTable",
    "alike",
    "backprop_with",
    "check",
    "exercise",
    "explain",
    "grade",
    "gradients",
    "tabulate",
]
