"""Teaching backpropagation: exercises, passes explained as at the board, mistakes, and answers graded."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engines.bugs import BUGS as BUGS
    from .engines.bugs import broken_engine as broken_engine
    from .engines.check import check_engine as check_engine
    from .exercises.classics import CLASSICS as CLASSICS
    from .exercises.exercise import Exercise as Exercise
    from .exercises.generator import alike as alike
    from .exercises.generator import exercise as exercise
    from .explanation import Explanation as Explanation
    from .explanation import PassTable as PassTable
    from .explanation import explain as explain
    from .explanation import tabulate as tabulate
    from .grading.comparison import Comparison as Comparison
    from .grading.comparison import backprop_with as backprop_with
    from .grading.comparison import gradients as gradients
    from .grading.grade import check as check
    from .grading.grade import grade as grade
    from .grading.kinds import Mistake as Mistake
    from .grading.mistakes import MISTAKES as MISTAKES
    from .grading.report import Grading as Grading

# Loaded when first asked for, so that a grader loads neither rich nor graphviz: name -> module.
_LAZY = {
    **dict.fromkeys(("BUGS", "broken_engine"), "engines.bugs"),
    "check_engine": "engines.check",
    "CLASSICS": "exercises.classics",
    "Exercise": "exercises.exercise",
    **dict.fromkeys(("alike", "exercise"), "exercises.generator"),
    **dict.fromkeys(("Explanation", "PassTable", "explain", "tabulate"), "explanation"),
    **dict.fromkeys(("Comparison", "backprop_with", "gradients"), "grading.comparison"),
    **dict.fromkeys(("check", "grade"), "grading.grade"),
    "MISTAKES": "grading.mistakes",
    "Mistake": "grading.kinds",
    "Grading": "grading.report",
}

__all__ = sorted(_LAZY)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
