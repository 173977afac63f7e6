"""Teaching backpropagation: exercises, passes explained as at the board, mistakes, and answers graded."""

from .exercises.classics import CLASSICS
from .exercises.exercise import Exercise
from .exercises.generator import alike, exercise
from .explanation import Explanation, PassTable, explain, tabulate
from .grading.grade import check, grade
from .grading.comparison import Comparison, backprop_with, gradients
from .grading.mistakes import MISTAKES, Mistake
from .grading.report import Grading

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
