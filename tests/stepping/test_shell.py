"""The debugger, driven as a person drives it: typed at a terminal, or piped."""

import os
import re
import subprocess
import sys

import pexpect
import pytest

from micrograd_like import named
from micrograd_like.engine import UNREACHED
from micrograd_like.stepping import debug
from micrograd_like.stepping.prediction import judge

EXPRESSION = ["e = a*b; L = e + c*a", "a=2", "b=-3", "c=10"]
NEURON = ["n = x*w + b; o = tanh(n)", "x=2", "w=-3", "b=6.5"]


def environment(**more):
    return {
        **os.environ,
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "utf-8",
        "TERM": "xterm",
        "PYTHON_BASIC_REPL": "1",
        **more,
    }


def start(*command, **more):
    """Start a command in a pseudo-terminal of 100 columns."""
    terminal = pexpect.spawn(
        sys.executable, list(command), env=environment(**more), encoding="utf-8", dimensions=(40, 100), timeout=30
    )
    terminal.delaybeforesend = None
    return terminal


@pytest.fixture
def terminal():
    started = []

    def open_one(*arguments, **more):
        started.append(start("-m", "micrograd_like", "step", *(arguments or EXPRESSION), **{"NO_COLOR": "1", **more}))
        return started[-1]

    yield open_one
    for one in started:
        one.close(force=True)


def typed(terminal, line, prompt=r"\(\d+/\d+\) "):
    """Type a line at the prompt, and return what appears before the next one."""
    terminal.sendline(line)
    terminal.expect(prompt)
    shown = terminal.before.replace("\r\n", "\n").replace("\x1b[?2004l\r", "").replace("\x1b[?2004h", "")
    return shown.partition("\n")[2].strip("\n")  # what was typed is echoed first


def piped(*lines, arguments=EXPRESSION, **more):
    """Return what the command prints when the lines are piped into it."""
    done = subprocess.run(
        [sys.executable, "-m", "micrograd_like", "step", *arguments],
        input="".join(f"{line}\n" for line in lines),
        env=environment(**more),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


def answers(*lines, **more):
    """Return what each of the lines is answered when they are piped."""
    shown = piped(*lines, **more)
    found = []
    for line in lines:
        _, _, shown = shown.partition(f") {line}\n")
        found.append(re.split(r"^\(\d+/\d+\) ", shown, maxsplit=1, flags=re.MULTILINE)[0].strip("\n"))
    return found


pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")  # pytest-xdist has threads


# -------------------- at a terminal --------------------


def test_a_session(terminal):
    t = terminal()
    t.expect(r"\(0/7\) ")
    assert "L = e + v1 = 14: 6 nodes, 7 steps. h lists the commands." in t.before
    assert "└─ v1 = c * a  20.0000     –  1" in t.before
    assert typed(t, "n") == "∂L/∂L = 1"
    assert typed(t, "") == "∂L/∂e += ∂L/∂L * ∂L/∂e = 1 * 1 = 1\n∂L/∂v1 += ∂L/∂L * ∂L/∂v1 = 1 * 1 = 1"  # repeats
    assert typed(t, "s") == "∂L/∂c += ∂L/∂v1 * ∂v1/∂c = 1 * a = 1 * 2 = 2"
    assert typed(t, "p e.grad") == "1.0"
    assert typed(t, "a.grad") == "–"
    assert typed(t, "set a = 3") == ("L = e + v1 = 21\nstep 4 of 7: ∂L/∂c += ∂L/∂v1 * ∂v1/∂c = 1 * a = 1 * 3 = 3")
    assert typed(t, "c").splitlines()[-1] == "the pass is done: ∂L/∂a = 7, ∂L/∂b = 3, ∂L/∂c = 3"
    t.sendline("q")
    t.expect(pexpect.EOF)
    t.close()
    assert t.exitstatus == 0


def test_tab_completes_commands_names_and_attributes(terminal):
    t = terminal("hidden = a*b; L = hidden + 1", "a=2", "b=3")
    t.expect(r"\(0/\d\) ")
    assert typed(t, "tbr\t hid\t").startswith("breakpoint 1: at hidden, once")
    assert typed(t, "p hidden.gr\t") == "–"


def test_the_arrow_key_brings_back_history(terminal):
    t = terminal()
    t.expect(r"\(0/7\) ")
    typed(t, "s")
    typed(t, "p 6 * 7")
    assert typed(t, "\x1b[A\x1b[A") == "∂L/∂e += ∂L/∂L * ∂L/∂e = 1 * 1 = 1"


def test_colour_is_for_terminals_that_want_it(terminal):
    t = terminal(NO_COLOR="")
    t.expect(r"\(0/7\) ")
    assert "\x1b[38;5;32m" in t.before
    t = terminal()
    t.expect(r"\(0/7\) ")
    assert "\x1b[38" not in t.before
    assert "\x1b[38" not in piped("ll", NO_COLOR="")


@pytest.mark.parametrize(("key", "status"), [("c", 130), ("d", 0)])
def test_leaving_by_a_key(terminal, key, status):
    t = terminal()
    t.expect(r"\(0/7\) ")
    typed(t, "n")
    t.sendcontrol(key)
    t.expect(pexpect.EOF)
    assert "Traceback" not in t.before
    t.close()
    assert t.exitstatus == status


@pytest.mark.parametrize("key", ["c", "d"])
def test_debug_in_python_leaves_the_graph_as_it_was(key):
    t = start("-q")
    t.expect(">>> ")
    for line in (
        "from micrograd_like import named",
        "from micrograd_like.stepping import debug",
        "a, b = named(a=2.0, b=3.0); y = a * b; y.backward()",
    ):
        typed(t, line, ">>> ")
    typed(t, "debug(y)")
    typed(t, "n")
    typed(t, "set a = 5")
    t.sendcontrol(key)
    t.expect(">>> ")
    assert "Traceback" not in t.before
    assert typed(t, "a.data, y.data, a.grad, y.grad", ">>> ") == "(2.0, 6.0, 3.0, 1.0)"
    t.close(force=True)


def test_predicting_at_a_terminal(terminal):
    t = terminal(*NEURON, "--predict")
    t.expect(r"\(0/6\) ")
    assert typed(t, "s") == "∂o/∂o = 1"
    t.sendline("s")
    t.expect(r"∂o/∂n \+= ∂o/∂o \* ∂o/∂n = \? ")
    assert "0.786" not in t.before
    assert typed(t, "0.79").startswith("right: upstream gradient * local derivative")
    t.sendline("n")
    t.expect(r"= \? ")
    assert typed(t, "oops", r"= \? ").startswith("'oops' is no number: write 4, -3/2")
    assert typed(t, "3", r"= \? ").startswith("wrong")
    t.sendline("q")
    t.expect(pexpect.EOF)
    assert "predicted: 1 of 2 right" in t.before


# -------------------- piped --------------------


def test_a_transcript_shows_the_commands():
    lines = piped("n", "q").splitlines()
    assert lines[-3:] == ["(0/7) n", "∂L/∂L = 1", "(1/7) q"]


def test_the_end_of_the_input_leaves():
    assert piped("n").endswith("(1/7) \n")


def test_every_command_has_a_line_of_help_that_fits():
    lines = piped("h").partition(") h\n")[2].splitlines()
    assert len(lines) == 26 + 3
    assert all(len(line) <= 90 for line in lines)
    assert answers("h c") == ["c, continue                    go on to a breakpoint, or to the end"]


def test_moving():
    there = answers("n 4", "rs", "rn", "rc", "unt a", "until 6", "unt 6", "rs 99", "rs")
    assert there[1] == "step 6 of 7: ∂L/∂a += ∂L/∂e * ∂e/∂a = 1 * b = 1 * (-3) = -3, so 10 + (-3) = 7"
    assert there[2].startswith("step 5 of 7")
    assert there[3] == "at the start of 7 steps: next comes ∂L/∂L"
    assert there[4].startswith("∂L/∂a += ∂L/∂v1")
    assert there[5].startswith("∂L/∂a += ∂L/∂e")
    assert there[6] == "step 6 is done: until goes on to a later one"
    assert there[7] == there[3]  # as far as there is anything to undo
    assert there[8] == "this is the start of the pass: no step is behind"


def test_breakpoints():
    there = answers(
        "b *", "tbreak b", "b a, s.local < 0", "b s.upstream > 5", "b", "c", "cl 1", "c", "c", "rc", "cl", "b"
    )
    assert there[:4] == [
        "breakpoint 1: at every *",
        "breakpoint 2: at b, once",
        "breakpoint 3: at a, if s.local < 0",
        "breakpoint 4: where s.upstream > 5",
    ]
    assert len(there[4].splitlines()) == 4
    assert there[5].endswith("= 2\nbreakpoint 1: at every *")
    assert there[7].endswith("breakpoint 3: at a, if s.local < 0")
    assert "breakpoint 2: at b, once" in there[8]
    assert there[9].startswith("step 6 of 7")
    assert there[10:] == ["removed: 3, 4", "there are no breakpoints: b NAME makes one"]


def test_conditions():
    there = answers("b a", "condition 1 s.local < 0", "c", "condition 1 s.nothing", "rc", "condition 1", "condition 9")
    assert there[1] == "breakpoint 1: at a, if s.local < 0"
    assert "-3, so 10 + (-3) = 7" in there[2]
    assert there[4].startswith("the condition s.nothing failed at step 5, ∂L/∂a += ∂L/∂v1 * ∂v1/∂a: AttributeError")
    assert there[5] == "breakpoint 1: at a"
    assert there[6] == "there is no breakpoint 9; there are: 1"


def test_looking():
    there = answers("unt b", "w", "u", "p here", "u", "u", "d v1", "d a", "d")
    assert there[1].splitlines() == [
        "                 data    grad  ∂parent/∂node",
        "  L = e + v1  14.0000  1.0000",
        "  e = a * b   -6.0000  1.0000  1",
        "► b           -3.0000  2.0000  a = 2.0000",
        "along this path 1 * 2 = 2",
    ]
    assert there[2:4] == ["e = a * b = -6, grad 1"] * 2
    assert there[4:8] == [
        "L = e + v1 = 14, grad 1",
        "this is the output: no node is above",
        "v1 = c * a = 20, grad 1",
        "a = 2, grad 7",
    ]
    assert there[8] == "a is a leaf: no node is below"


def test_listing_steps_does_not_show_what_is_not_done():
    there = answers("s 5", "l", "l 1", "l 9")
    assert there[1].splitlines()[4:] == [
        "-> 5  ∂L/∂a += ∂L/∂v1 * ∂v1/∂a = 1 * c = 1 * 10 = 10",
        "   6  ∂L/∂a += ∂L/∂e * ∂e/∂a = ?",
        "   7  ∂L/∂b += ∂L/∂e * ∂e/∂b = ?",
    ]
    assert there[2].startswith("   1  ")
    assert there[3] == "there are steps 1 to 7, not 9"


def test_displays():
    there = answers("display a.grad", "s 5", "s", "display", "undisplay a.grad", "s", "undisplay q")
    assert there[0] == "a.grad: –"
    assert there[1].endswith("a.grad: 10.0, was –")
    assert there[2].endswith("a.grad: 7.0, was 10.0")
    assert there[3] == "a.grad: 7.0"
    assert "a.grad:" not in there[5]
    assert there[6] == "q is not displayed"


def test_python():
    there = answers("x = a.data + 1", "x * 2", "!b", "b * 2", "b.data", "c = 3", "import math", "math.pi")
    assert there == [
        "",
        "6.0",
        "b = -3, grad –",
        "Value(data=-6.0, grad=0.0, op='*')",
        "-3.0",
        "c is a name of the graph: write set c = 3 to give a leaf another number",
        "",
        "3.141592653589793",
    ]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("foo", "foo is no command and no name: h lists the commands"),
        ("n(", "not a command, and not Python: '(' was never closed"),
        ("1/0", "ZeroDivisionError: division by zero"),
        ("n x", "a count takes a whole number, not x"),
        ("c 3", "this command takes nothing after it, not '3'"),
        ("set e = 3", "e = a * b is computed: set one of the leaves it is computed from"),
        ("set q = 3", "no node is named 'q': there are L, c, e, b, a"),
        ("set a", "set takes a leaf and a number: set a = 3"),
        ("set a = inf", "NameError: name 'inf' is not defined"),
        ("unt q", "no node is named 'q': there are L, c, e, b, a"),
        ("unt", "this graph has no layers: none of it was made by an MLP, a Layer or a Neuron"),
        ("b tanh", "no node and no operation is named 'tanh': there are L, c, e, b, a"),
        ("b 8", "there are steps 1 to 7, not 8"),
        ("b a +", "not a command, and not Python: invalid syntax"),
        ("tbreak", "tbreak takes a place: tbreak NAME"),
        ("condition", "condition takes a whole number"),
        ("cl 4", "there is no breakpoint 4; there are: none"),
        ("p", "p takes a name or an expression: p a.grad"),
        ("predict maybe", "predict takes on or off"),
        ("draw x.gif", "cannot save a picture as 'x.gif': end the name in .svg, .png, .pdf, .tex or .dot"),
        ("h foo", "foo is no command: h lists them"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(line, answer):
    assert answers(line, "s") == [answer, "∂L/∂L = 1"]


def test_two_nodes_of_one_name():
    code = "from micrograd_like import Value; from micrograd_like.stepping import debug\n"
    code += "debug(Value(2, 'a') * Value(5, 'a'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="set a = 3\nset nodes[1] = 3\nb nodes[0]\n",
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert "2 nodes are named 'a': pass the node itself, nodes[0] (data 2.0) or nodes[1] (data 5.0)" in done.stdout
    assert "v1 = a * a = 6" in done.stdout
    assert "breakpoint 1: at a" in done.stdout


def test_a_graph_changed_behind_the_cursor():
    there = answers("s", "a.data = 7", "s", "restart", "s")
    assert there[2] == (
        "the graph was changed behind the cursor: the data of a is 7 and was 2.0; "
        "restart() begins anew with it, set() would have kept up"
    )
    assert there[4] == "∂L/∂L = 1"


def test_drawing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = named(a=2.0)[0] ** 2
    lines = iter(["n", "draw step.svg", "draw", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    debug(root)
    assert {path.name for path in tmp_path.iterdir()} == {"step.svg", "graph.svg"}
    assert 'stroke-width="3"' in (tmp_path / "step.svg").read_text(encoding="utf-8")
    assert root.grad is UNREACHED


def test_explaining():
    there = answers("s 5", "explain", "explain a", "explain e.x")
    assert "local derivative   ∂v1/∂a = c = 10" in there[1]
    assert "∂L/∂a" in there[2]
    assert there[3] == "AttributeError: 'Value' object has no attribute 'x'"


def test_debug_keeps_if_asked(monkeypatch, capsys):
    a, b = named(a=2.0, b=3.0)
    monkeypatch.setattr("builtins.input", lambda prompt: "c" if "0/3" in prompt else "q")
    debug(a * b, keep=True)
    assert (a.grad, b.grad) == (3.0, 2.0)


def test_where_output_can_be_ascii_only():
    out = piped("n 3", "ll", "l", "p a", PYTHONIOENCODING="ascii")
    assert out.isascii()
    assert "dL/dc += dL/dv1 * dv1/dc = 1 * a = 1 * 2 = 2" in out
    assert "> |  " not in out
    assert "   `- a ^" in out


def test_output_that_nobody_reads_any_more():
    done = subprocess.run(
        [sys.executable, "-m", "micrograd_like", "step", *EXPRESSION],
        input="n\n",
        stdout=os.open(os.devnull, os.O_WRONLY),
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_stepping_into_a_large_node_prints_some_of_it():
    weights = " + ".join(f"a{i}" for i in range(30))
    numbers = [f"a{i}=1" for i in range(30)]
    there = answers("n 40", "c", arguments=[weights.replace("a0 +", "a0 *", 1), *numbers])
    assert len(there[0].splitlines()) <= 16
    assert "before these: l lists them" in there[0]


# -------------------- answers --------------------


@pytest.mark.parametrize(
    ("written", "truth", "right"),
    [
        ("-3", -3.0, True),
        ("\N{MINUS SIGN}3", -3.0, True),
        ("-3/2", -1.5, True),
        ("1.5e0", 1.5, True),
        ("0.79", 0.7864477, True),
        ("0.7864", 0.7864477, True),
        ("0.7865", 0.7864477, False),
        ("0.8", 0.7864477, True),
        ("0.7", 0.7451, None),
        ("1", 0.7864477, False),
        ("0", 0.3, False),
        ("0", 0.0, True),
        ("1 - o**2", 0.7864477, True),
        ("1 - 0.4621**2", 0.7864477, True),
        ("2 * -3", -6.0, True),
        ("2 * 3", -6.0, False),
        ("3", -3.0, False),
        ("0.333", 1 / 3, True),
        ("1/3", 1 / 3, True),
    ],
)
def test_answers_are_judged_by_the_digits_given(written, truth, right):
    assert judge(written, truth, {"o": 0.46211715726})[1] is right


def test_what_was_mistaken_is_named():
    there = piped("c", "rs 2", "predict on", "s", "-3", "s", "1", "q")
    assert "predicted: " in there
    there = piped("s 5", "predict on", "s", "7", "q")
    assert "wrong: it is upstream gradient * local derivative; yours is the gradient after the step" in there
    there = piped("s 5", "predict on", "s", "3", "q")
    assert "yours is the sign the other way round" in there
