"""Exercises as sheets to hand out, with their keys, and as sets for a class."""

from .classroom import grade_class, write_class
from .sheet import Sheet, Show

__all__ = ["Sheet", "Show", "grade_class", "write_class"]
