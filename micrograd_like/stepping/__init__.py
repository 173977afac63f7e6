"""Stepping through the backward pass of a graph: a cursor that moves both ways, and a debugger around it."""

from .breakpoints import Breakpoint
from .shell import debug
from .stepper import EndOfPassError, Stepper, step
from .terminal import StopDebugging

__all__ = ["Breakpoint", "EndOfPassError", "Stepper", "StopDebugging", "debug", "step"]
