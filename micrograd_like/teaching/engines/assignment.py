"""An assignment: an engine without its derivatives, and tests that say which bug an answer has."""

import re
from collections.abc import Mapping

from .bugs import source

_TEST = '''"""Run `pytest`: what is wrong is named, with the smallest graph that shows it."""

from engine import Value

from micrograd_like.teaching import check_engine


def test_engine():
    check_engine(Value).check()
'''
_TEXT = """# Write the backward pass

`engine.py` records graphs and computes numbers. What is left to you stands at each `TODO`:

1. In every operation, `_backward` gives each operand its contribution: upstream gradient, `out.grad`, times the local
   derivative. Contributions add up.
2. `backward()` sets the output's gradient to 1 and calls `_backward` of every node under it, each one after all nodes
   that use it.

    pip install micrograd_like pytest
    pytest

The tests name the bug behind a wrong number. So does `micrograd-like check-engine engine.py:Value`.
"""


def assignment() -> Mapping[str, bytes]:
    """Return the files of an assignment by name: the engine to complete, its tests, and what is asked."""
    files = {"engine.py": emptied(), "test_engine.py": _TEST, "README.md": _TEXT}
    return {name: text.encode() for name, text in files.items()}


def emptied() -> str:
    """Return the engine without what the backward pass does."""
    text = re.sub(
        r"(        def _backward\(\):\n)(?:            .*\n)+",
        r"\1            pass  # TODO: what does each operand get?\n",
        source(),
    )
    head, start, rest = text.partition("        order = []\n")
    rest = rest[rest.index("            v._backward()\n") + len("            v._backward()\n") :]
    return (
        f"{head}        pass  # TODO: set the gradients of self and of every node under it\n{rest}" if start else text
    )
