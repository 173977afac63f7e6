"""The graph as text."""

import os
import sys

import pytest

from micrograd_like import Value, named, text
from micrograd_like.pictures import tree


@pytest.fixture
def neuron() -> Value:
    x, w, b = named(x=2.0, w=-3.0, b=6.5)
    n = x * w + b
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    return o


def test_tree_before_backward(neuron):
    assert text(neuron, width=80).splitlines() == [
        "                     data  grad  ∂parent/∂node",
        "o = tanh(n)        0.4621     –",
        "└─ n = v1 + b      0.5        –  1 - o**2 = 0.7864",
        "   ├─ v1 = x * w  -6          –  1",
        "   │  ├─ x         2          –  w = -3",
        "   │  └─ w        -3          –  x = 2",
        "   └─ b            6.5        –  1",
    ]


def test_tree_after_backward_shows_gradients(neuron):
    neuron.backward()
    lines = text(neuron, width=80, precision=2).splitlines()
    assert lines[1].split()[-2:] == ["0.46", "1"]
    assert lines[4].split() == ["│", "├─", "x", "2", "-2.36", "w", "=", "-3"]


def test_computed_zero_differs_from_not_computed():
    x, w = named(x=0.0, w=3.0)
    y = x * w
    assert text(y).count("–") == 3
    y.backward()
    assert "–" not in text(y)
    assert text(y).splitlines()[-1].split()[:4] == ["└─", "w", "3", "0"]


def test_shared_node_is_written_out_once_and_pointed_to():
    (a,) = named(a=3.0)
    b = a + a
    lines = text(b * a).splitlines()
    assert [line.split("  ")[0].rstrip() for line in lines[1:]] == [
        "v2 = v1 * a",
        "├─ v1 = a + a",
        "│",
        "│",
        "└─ a ↑",
    ]
    assert sum("a ↑" in line for line in lines) == 2


def test_constants_have_neither_gradient_nor_derivative():
    (a,) = named(a=3.0)
    y = a * 2
    y.backward()
    assert text(y).splitlines()[-1].split() == ["└─", "2", "2"]


def test_undefined_derivative_is_said():
    (a,) = named(a=0.0)
    assert text(a.sqrt()).splitlines()[-1].endswith("1 / (2 * v1) = undefined")


def test_deep_graph_goes_on_below_and_stays_narrow():
    (a,) = named(a=1.0)
    v = a
    for _ in range(300):
        v = v + a
    lines = text(v, limit=None, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    for i in range(2, 301):  # every node is written out exactly once
        assert sum(f"v{i} = " in line for line in lines) == 1


def test_limit_says_how_many_lines_are_left_out():
    (a,) = named(a=1.0)
    v = a
    for _ in range(100):
        v = v + a
    left_out = len(text(v, limit=None).splitlines()) - 1 - 10
    assert text(v, limit=10).splitlines()[-1].startswith(f"… and {left_out} more lines: text(value, limit=None)")


@pytest.mark.parametrize("width", [30, 40, 60, 120])
def test_width_is_kept(neuron, width):
    neuron.label = "an output with a very long name indeed, longer than thirty columns"
    assert max(map(len, text(neuron, width=width).splitlines())) <= max(width, 42)


def test_ascii_only(neuron, monkeypatch):
    monkeypatch.setattr(tree, "needs_ascii", lambda: True)
    neuron.label = "ö"
    neuron.backward()
    written = text(neuron)
    assert written.isascii()
    assert "|- " in written
    assert "\\xf6 = tanh(n)" in written


def test_color_only_where_wanted(neuron, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in text(neuron)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in text(neuron)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in text(neuron)
    assert "NO_COLOR" not in os.environ


def test_labels_cannot_move_the_cursor(neuron):
    neuron.label = "a\nb\x1b[31m"
    assert "a\\nb\\x1b[31m = tanh(n)" in text(neuron)
    assert "\x1b" not in text(neuron)


def test_wide_characters_keep_the_columns():
    (a,) = named(a=1.0)
    y = a + 1
    y.label = "出力"  # two cells each
    lines = text(y, width=80).splitlines()
    assert lines[1].index("2 ") + 2 == lines[2].index("1 ")
