"""Stepping through the backward pass of a graph: a cursor that moves both ways, and a debugger around it."""

from .shell import debug
from .stepper import Breakpoint, GraphChangedError, Stepper, step

__all__ = ["Breakpoint", "GraphChangedError", "Stepper", "debug", "step"]
