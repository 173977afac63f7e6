"""Teaching backpropagation: the whole pass explained as at the board."""

from .explanation import Explanation, PassTable, explain, tabulate

__all__ = ["Explanation", "PassTable", "explain", "tabulate"]
