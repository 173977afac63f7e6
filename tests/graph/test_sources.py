"""Where nodes were made."""

import re
import subprocess
import sys

import pytest

from micrograd_like import MLP, Value, draw, named
from micrograd_like.engine import recompute
from micrograd_like.graph.sources import record_sources
from micrograd_like.graph.steps import backward_steps


def test_expression_and_line_are_recorded():
    with record_sources():
        a, b = named(a=2.0, b=3.0)
        c = a * b + a.tanh()
    assert (c.source.text, c.operands[0].source.text, a.source.text) == (
        "a * b + a.tanh()",
        "a * b",
        "named(a=2.0, b=3.0)",
    )
    assert c.source.line == a.source.line + 1
    assert c.source.file == __file__
    assert re.fullmatch(r"test_sources.py:\d+: a \* b \+ a.tanh\(\)", str(c.source))


def test_the_users_line_is_recorded_not_the_packages():
    with record_sources():
        out = MLP(2, [2, 1], seed=1)([0.5, 1.0])
    assert out.source.text == "MLP(2, [2, 1], seed=1)([0.5, 1.0])"
    assert out.operands[0].source.text == "MLP(2, [2, 1], seed=1)"  # a weight


def test_outside_nothing_is_recorded():
    with record_sources(), record_sources():
        pass
    with pytest.raises(RuntimeError, match="mine"), record_sources():
        raise RuntimeError("mine")
    v = Value(1.0) * 2
    assert not hasattr(v, "source")
    assert not hasattr(v.operands[0], "source")


def test_columns_count_characters():
    with record_sources():
        ö = Value(2.0)
        ä = (ö + ö) * ö
    assert ä.operands[0].source.text == "ö + ö"


def test_lines_without_a_file():
    with record_sources():
        v = eval("Value(1.0) * 2", {"Value": Value})
    assert (v.source.file, v.source.text) == ("<string>", "")
    assert str(v.source) == "<string>:1"


def test_a_program_in_the_command_line_is_not_taken_for_what_eval_runs():
    code = (
        "import micrograd_like as m\n"
        "with m.record_sources():\n"
        "    v = eval('m.Value(1.0) * 2')\n"
        "print(repr(v.source.text))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"''"


def test_errors_steps_and_pictures_say_it():
    with record_sources():
        (x,) = named(x=0.0)
        y = x.sqrt() * 3
    made = rf"made at test_sources.py:{y.source.line}: x.sqrt\(\)"
    with pytest.raises(ValueError, match=rf"with respect to x \({made}\)"):
        y.backward()
    x.data = 4.0
    recompute(y)
    assert re.search(made, list(backward_steps(y))[-1].text)
    assert re.search(made, draw(y).svg)
    y.operands[0].data = float("nan")
    with pytest.raises(ValueError, match=made):
        y.backward()
