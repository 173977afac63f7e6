"""The debugger, driven as a person drives it: typed at a terminal, or piped."""

import os
import re
import signal
import subprocess
import sys
from functools import partial
from itertools import takewhile

import pexpect
import pytest

from micrograd_like import MLP, Value, named
from micrograd_like.engine import UNREACHED
from micrograd_like.stepping import debug
from micrograd_like.stepping.commands import TOPICS
from micrograd_like.stepping.prediction import judge
from micrograd_like.stepping.shell import Shell

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
    assert "└─ v1 = c * a    20     –  1" in t.before
    assert "b, c are names of commands too: write p b for the node." in t.before
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
    assert "\x1b[38" not in piped("ll", "n 5", NO_COLOR="")


def test_an_equation_shows_gradients_in_colour_and_breaks_between_words(terminal):
    t = terminal(NO_COLOR="", COLUMNS="40")
    t.expect(r"\(0/7\) ")
    lines = typed(t, "j 6").split("\n")
    assert "".join(lines).count("\x1b[38;5;172m") == 6
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines] == [
        "∂L/∂a += ∂L/∂e * ∂e/∂a = 1 * b = 1 *",
        "    (-3) = -3, so 10 + (-3) = 7",
    ]


def test_a_displayed_graph_shows_what_set_has_changed():
    assert "L = e + v1       35" in answers("display graph", "set a = 5")[1]


def test_leaving_by_a_key(terminal):
    t = terminal()
    t.expect(r"\(0/7\) ")
    typed(t, "n")
    t.send("p 1 +")
    t.expect(r"p 1 \+")
    for _ in range(6):  # Python's readline loses a signal that comes while it draws a key
        t.sendcontrol("c")  # clears the line, and stays
        if t.expect([r"q or Ctrl-D leaves\r\n.*\(1/7\) ", pexpect.TIMEOUT], timeout=5) == 0:
            break
    assert typed(t, "s").startswith("∂L/∂e")
    t.sendcontrol("d")
    t.expect(pexpect.EOF)
    assert "Traceback" not in t.before
    t.close()
    assert t.exitstatus == 0


def test_debug_in_python_leaves_the_graph_as_it_was():
    t = start("-q")
    t.expect(">>> ")
    for line in (
        "from micrograd_like import Value",
        "from micrograd_like.stepping import debug",
        "xs = [Value(2.0), Value(3.0)]; y = xs[0] * xs[1]; y.backward()",
    ):
        typed(t, line, ">>> ")
    assert "y = xs[0] * xs[1] = 6" in typed(t, "debug(y)")
    typed(t, "n")
    typed(t, "set xs[0] = 5")
    assert typed(t, "p xs[0].grad, xs[0].data, y.grad") == "(0.0, 5.0, 1.0)"
    assert typed(t, "xs[1].data = 4") == "xs[1] = 4, y = xs[0] * xs[1] = 20: computed anew, as by set"
    t.sendcontrol("d")
    t.expect(">>> ")
    assert "Traceback" not in t.before
    assert typed(t, "xs[0].data, y.data, xs[0].grad, y.grad, y.label", ">>> ") == "(2.0, 6.0, 3.0, 1.0, '')"
    assert typed(t, "\x1b[A", ">>> ").startswith("(2.0, 6.0")  # the history of Python itself
    t.close(force=True)


def test_leaving_a_loop_asks():
    t = start("-q")
    t.expect(">>> ")
    for line in ("from micrograd_like import Value, debug", "a = Value(2.0)"):
        typed(t, line, ">>> ")
    t.send("for i in range(9): debug(a * i)\n\n")
    t.expect(r"\(0/2\) ")
    t.sendline("q")
    t.expect(r"\(0/2\) ")
    t.sendline("q")
    t.expect(r"stop the program as well\? \(y/n\) ")
    t.sendline("n")
    t.expect(r"\(0/2\) ")
    t.sendline("q")
    t.expect(r"stop the program as well\? \(y/n\) ")
    t.sendline("y")
    t.expect("StopDebugging.*>>> ")
    t.close(force=True)


def test_history_is_kept_for_the_next_session(terminal, tmp_path):
    t = terminal(XDG_DATA_HOME=str(tmp_path))
    t.expect(r"\(0/7\) ")
    typed(t, "p 6 * 7")
    t.sendline("q")
    t.expect(pexpect.EOF)
    t = terminal(XDG_DATA_HOME=str(tmp_path))
    t.expect(r"\(0/7\) ")
    assert typed(t, "\x1b[A\x1b[A") == "42"


def test_the_displayed_graph_stays_in_place(terminal):
    t = terminal()
    t.expect(r"\(0/7\) ")
    typed(t, "display graph")
    shown = typed(t, "s")
    assert shown.startswith("\x1b[H\x1b[2J")
    assert "► L = e + v1" in shown
    assert shown.endswith("∂L/∂L = 1")
    assert len(shown.splitlines()) <= 24
    assert "\x1b" not in typed(terminal_again(t, "undisplay graph"), "s")


def terminal_again(t, line):
    typed(t, line)
    return t


def test_under_pytest_as_breakpoint_does(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "from micrograd_like import Value, debug\n\ndef test_it():\n    a = Value(2.0)\n    debug(a * 3)\n"
    )
    t = start("-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path), PYTEST_ADDOPTS="")
    t.expect(r"\(0/2\) ")
    assert typed(t, "c").endswith("the pass is done: ∂v1/∂a = 3")
    t.sendline("q")
    t.expect("1 passed")
    t.close(force=True)


def test_a_question_is_not_lost_and_not_answered_before(terminal):
    t = terminal(*NEURON, "--predict")
    t.expect(r"\(0/6\) ")
    assert "o = tanh(n) = tanh(0.5) = 0.4621" in t.before  # the forward pass, and no local derivative
    assert "∂parent/∂node" not in t.before
    typed(t, "s")
    t.sendline("s")
    t.expect(r"= \? ")
    assert "too large" in typed(t, "1e400", r"= \? ")
    assert "wrong" in typed(t, "7")
    t.sendline("s")
    t.expect(r"∂o/∂v1 .*= \? ")
    t.sendcontrol("c")
    t.expect(r"empty shows it, q leaves\r\n.*∂o/∂v1 .*= \? ")
    assert "right" in typed(t, "0.786")
    assert "without a question: n and s ask" in typed(t, "c")


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
    assert typed(t, "oops", r"= \? ").startswith("'oops' is not a number: write 4, -3/2")
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


def test_help_fits_and_knows_every_command():
    lines = piped("h").partition(") h\n")[2].splitlines()
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    assert answers("h c") == ["c, continue   go on to a breakpoint, or to the end"]
    assert answers("h retval") == ["p here.grad shows the gradient of the node looked at"]
    words = set(re.findall(r"[a-z]+", " ".join(lines)))
    for topic in TOPICS:
        shown = answers(f"h {topic}")[0]
        assert len(shown.splitlines()) <= 22
        assert all(len(line) <= 80 for line in shown.splitlines())
        assert topic in words
        for command in TOPICS[topic]:
            assert command.name in words
            assert command.help in shown
            assert hasattr(Shell, f"_{command.name}")


def test_help_stands_below_the_commands_where_they_leave_no_room():
    for topic in TOPICS:
        lines = answers(f"h {topic}", COLUMNS="40")[0].splitlines()
        assert all(len(line) <= 40 for line in lines)
        for command in TOPICS[topic]:
            at = next(k for k, line in enumerate(lines) if re.match(rf"(\w+, )?{command.name}\b", line))
            below = " ".join(line.strip() for line in takewhile(lambda line: line[:4] == "    ", lines[at + 1 :]))
            assert below == command.help


def test_moving():
    there = answers("n 4", "rs", "rn", "rc", "unt a", "until 6", "unt 6", "rs 99", "rs")
    assert there[1] == "step 6 of 7: ∂L/∂a += ∂L/∂e * ∂e/∂a = 1 * b = 1 * (-3) = -3, so 10 + (-3) = 7"
    assert there[2].startswith("step 5 of 7")
    assert there[3] == "at the start of 7 steps"
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
        "              data  grad  ∂parent/∂node",
        "  L = e + v1    14     1",
        "  e = a * b     -6     1  1",
        "► b             -3     2  a = 2",
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
        ("foo", "foo is not a command and not a name: h lists the commands"),
        ("retval", "retval is not a command here: p here.grad shows the gradient of the node looked at"),
        ("1/0", "ZeroDivisionError: division by zero"),
        ("n x", "a count takes a whole number, not x"),
        ("c 3", "this command takes nothing after it, not '3'"),
        ("set e = 3", "e = a * b is computed: set one of the leaves it is computed from"),
        ("set q = 3", "no node is named 'q': there are L, c, e, b, a"),
        ("set a", "set takes a leaf and a number: set a = 3"),
        ("set a = inf", "NameError: name 'inf' is not defined"),
        ("unt q", "no node is named 'q': there are L, c, e, b, a"),
        ("unt", "this graph has no layers: they are those of a network"),
        ("b tanh", "no node and no operation is named 'tanh': there are L, c, e, b, a"),
        ("b 8", "there are steps 1 to 7, not 8"),
        ("b a +", "not a command, and not Python: invalid syntax"),
        ("tbreak", "tbreak takes a place: tbreak NAME"),
        ("condition", "this command takes a whole number"),
        ("cl 4", "there is no breakpoint 4; there are: none"),
        ("p", "p takes a name or an expression: p a.grad"),
        ("predict maybe", "predict takes on or off"),
        ("draw x.gif", "cannot save a picture as 'x.gif': end the name in .svg, .png, .pdf, .tex or .dot"),
        ("h foo", "foo is not a command: h lists them; topics are moving, breakpoints, looking, python"),
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
    assert "2 nodes are labelled 'a': say a_1 (data 2.0), a_2 (data 5.0)" in done.stdout
    assert "v1 = a_1 * a_2 = 6" in done.stdout
    assert "breakpoint 1: at a_1" in done.stdout


def test_assignments_to_nodes_are_what_ifs_or_refused():
    there = answers(
        "c", "a.data = 5", "p a.grad, L.data", "e.data = 3", "a.grad = 9", "L.backward()", "p a.grad", "restart"
    )
    assert there[1] == "a = 5, L = e + v1 = 35: computed anew, as by set"
    assert there[2] == "(7.0, 35.0)"
    assert there[3] == "e = a * b is computed: set one of the leaves it is computed from"
    said = "gradients are those of the pass here: backward(), zero_grad() and assignments to .grad change nothing"
    assert there[4:7] == [said, said, "7.0"]
    assert there[7] == "at the start of 7 steps"


def test_statements_take_effect_as_a_whole_or_not_at_all():
    there = answers(
        "a.data = 5; c = 3", "p a.data, L.data", "x = 1; a.data = 6", "p x, L.data", "a.data = 7; 1 / 0", "p L.data"
    )
    assert there == [
        "c is a name of the graph: write set c = 3 to give a leaf another number",
        "(2.0, 14.0)",
        "a = 6, L = e + v1 = 42: computed anew, as by set",
        "(1, 42.0)",
        "ZeroDivisionError: division by zero",
        "42.0",
    ]


def test_a_path_to_a_constant():
    there = answers("s 2", "d 3", "w", arguments=["(a * 3) ** 2", "a=2"])
    assert there[1] == "3, grad –"
    assert "► 3" in there[2]
    assert there[2].endswith("along this path 12 * 2 = 24")


def test_a_new_label_is_a_new_name():
    there = answers("find('v1').label = 'product'", "unt product", "p product")
    assert there == ["", "∂L/∂product += ∂L/∂L * ∂L/∂product = 1 * 1 = 1", "product = c * a = 20, grad 1"]


def test_conditions_on_gradients_hold_at_the_step_that_is_scanned():
    there = answers("b a.grad > 5", "c", "c", "rc", "cl", "tbreak e.grad == 1 and a.grad > 9", "rs 4", "c")
    assert there[1].startswith("∂L/∂a += ∂L/∂v1 * ∂v1/∂a = 1 * c = 1 * 10 = 10\nbreakpoint 1: where a.grad > 5")
    assert there[2].startswith("∂L/∂a += ∂L/∂e")
    assert there[3].startswith("step 5 of 7")
    assert "10 = 10\nbreakpoint 2: where e.grad == 1 and a.grad > 9, once" in there[7]


def test_pdb_has_more_words():
    there = answers(
        "j 5", "a", "u 2", "d 2", "r b", "l 3,4", "l 3,2", "b a if s.local < 0", "ignore 1 2", "disable 1", "enable",
        "whatis e", "whatis 1 + 1", "history a", "s ;; s", "alias x2 p %1 * 2", "x2 3", "alias", "unalias x2",
    )  # fmt: skip
    assert there[0] == "step 5 of 7: ∂L/∂a += ∂L/∂v1 * ∂v1/∂a = 1 * c = 1 * 10 = 10" or there[0].startswith("∂L/∂a")
    assert there[1] == "a = 2, grad 10"  # a node's name comes first
    assert there[2] == "L = e + v1 = 14, grad 1"
    assert there[3] == "a = 2, grad 10"
    assert there[4].startswith("∂L/∂b += ")
    assert [line.split()[0] for line in there[5].splitlines()] == ["3", "4"]
    assert [line.split()[0] for line in there[6].splitlines()] == ["3", "4", "5"]
    assert there[7] == "breakpoint 1: at a, if s.local < 0"
    assert there[8] == "breakpoint 1: at a, if s.local < 0, passed 2 times more"
    assert there[9] == "breakpoint 1: at a, if s.local < 0, passed 2 times more, disabled"
    assert there[10] == there[8]
    assert there[11:13] == ["a Value, made by multiply", "<class 'int'>"]
    assert there[13].endswith("\na = 2, grad 7, 2 of 2 contributions")
    assert there[16:] == ["p 3 * 2\n6", "x2 = p %1 * 2", ""] or there[16].endswith("6")


def test_commands_of_a_breakpoint():
    shown = piped("b a", "commands 1", "p a.grad", "w", "end", "c", "c")
    assert "breakpoint 1: at a, then p a.grad; w" in shown
    assert shown.count("\np a.grad\n10.0\nw\n") == 1
    assert shown.count("\np a.grad\n7.0\nw\n") == 1
    assert "along this path 1 * 10 = 10" in shown


def test_breakpoints_are_passed_as_often_as_was_said():
    there = answers("b a", "ignore 1 1", "c", "b")
    assert there[2].startswith("∂L/∂a += ∂L/∂e")
    assert there[3] == "1: at a"


def test_several_lines_of_python():
    there = piped("for x in (a, b):", "    print(x.data * 2)", "", "p 1")
    assert "4.0\n-6.0\n" in there
    assert "\n1\n" in there
    assert "'(' was never closed" in piped("print((1)")


def test_where_nodes_were_made(tmp_path):
    program = tmp_path / "lesson.py"
    program.write_text(
        "from micrograd_like import debug, named, record_sources\n"
        "a, b = named(a=2.0, b=3.0)\n"
        "with record_sources():\n"
        "    L = (\n        a * b\n        + a\n    )\n"
        "debug(L)\n"
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        input="s 4\nw\nl\nsource\nsource L\n",
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.stderr == ""
    assert "v1 was made at lesson.py:5: a * b" in done.stdout
    assert "->    5          a * b" in done.stdout
    assert "L was made at lesson.py:5: a * b + a" in done.stdout


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


@pytest.mark.parametrize(
    "label", ["two words", "w2[3→1]", "x[0]", "it's", "λ", "lambda", "s", "b", "graph", "a.b", "m[1,2]", "p=q"]
)
def test_every_name_can_be_typed(label, capsys, monkeypatch):
    x, y = Value(2.0, label), Value(3.0, "y")
    shell = Shell(x * y)

    def answer(line):
        shell.onecmd(line)
        return capsys.readouterr().out.strip()

    typed = label.replace("→", "->")
    assert answer(f"unt {typed}").startswith(f"∂v1/∂{label}" if label.isidentifier() else "∂v1/∂")
    assert answer(f"p {typed}") == f"{label} = 2, grad 3"
    assert answer(f"tbreak {typed} if s.local > 0").startswith(f"breakpoint 1: at {label}, if s.local > 0")
    answer("cl")
    assert answer(f"set {typed} = 4").startswith(f"v1 = {shell.workspace.stepper.root.op.write([label, 'y'])} = 12")
    if label not in ("a.b", "lambda", "p=q"):  # Python reads these in its own way
        assert answer(f"p {typed}.grad + 1") == "4.0"
        assert answer(f"b {typed}.grad > 1").startswith("breakpoint 2: where")
        answer("rs")
        assert "breakpoint 2" in answer("c")
    assert x.data == 2.0


def test_names_of_the_caller_in_expressions(capsys):
    xs, table = [Value(2.0), Value(3.0)], {"k": Value(4.0)}
    model = MLP(1, [1], seed=1)
    threshold = 1
    shell = Shell(xs[0] * xs[1] * table["k"] * model.layers[0].neurons[0].w[0], variables=locals())
    for line, answer in {
        "j 7": None,
        "p xs[0].grad == sum(x.grad for x in xs[:1])": "True",
        "p table['k'].data + xs[1].data": "7.0",
        "p model.parameters()[0].data == w1[1->1].data": "True",
        "b xs[0].grad > threshold - 99": "breakpoint 1: where xs[0].grad > threshold - 99",
        "p 'xs[0]'": "'xs[0]'",
    }.items():
        shell.onecmd(line)
        shown = capsys.readouterr().out.strip()
        assert answer is None or shown == answer


def test_where_output_can_be_ascii_only():
    out = piped("n 3", "ll", "l", "p a", PYTHONIOENCODING="ascii")
    assert out.isascii()
    assert "dL/dc += dL/dv1 * dv1/dc = 1 * a = 1 * 2 = 2" in out
    assert "> |  " not in out
    assert "   `- a ^" in out


@pytest.mark.parametrize("written", ["x.grad\nraise KeyError('k')", "(x * 'two').backward()", "def f(:"])
def test_a_program_that_raises_is_shown_without_the_frames_of_what_runs_it(tmp_path, written):
    program = tmp_path / "lesson.py"
    program.write_text(f"from micrograd_like import Value\nx = Value(2.0)\n{written}\n")
    command = [sys.executable, "-m", "micrograd_like", "step", str(program)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 1
    first = next(line for line in done.stderr.splitlines() if line.startswith("  File"))
    assert first.startswith(f'  File "{program}", line ')
    assert "debug_program" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT between processes")
def test_ctrl_c_ends_a_session_whose_input_is_no_terminal():
    command = [sys.executable, "-m", "micrograd_like", "step", *EXPRESSION]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    hears = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # what a shell runs with & does not
    with subprocess.Popen(command, **pipes, env=environment(PYTHONUNBUFFERED="1"), preexec_fn=hears) as process:
        for line in process.stdout:
            if b"write p b for the node" in line:
                break
        process.stdout.read(len("(0/7) "))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err.splitlines()) == (130, [b"interrupted"])


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
