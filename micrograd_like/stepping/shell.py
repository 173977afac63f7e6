"""A debugger for the backward pass in the words of pdb: `debug(loss)`, or `micrograd-like step EXPRESSION a=2`.

What is no command is evaluated as Python, the nodes' labels being variables; it is its user's own interpreter.
"""

import builtins
import cmd
import sys
from collections.abc import Callable
from importlib import import_module
from math import prod
from types import BuiltinFunctionType
from typing import Any

from ..engine import Value, local_derivative
from ..graph.steps import BackwardStep
from ..notation.numbers import show
from ..ops import CONSTANT, one_line
from ..pictures.tree import needs_ascii, text_path
from .prediction import describe_wrong, judge
from .stepper import Condition, Stepper, step
from .workspace import Workspace, equation

# Every command: its name, its other names, its arguments, and its line of help.
_COMMANDS = (
    ("next", "n", "[COUNT]", "do all contributions of one node"),
    ("step", "s", "[COUNT]", "do one contribution: one edge"),
    ("continue", "c cont", "", "go on to a breakpoint, or to the end"),
    ("until", "unt", "[NAME | STEP]", "go on to a node or step; alone: past a layer"),
    ("rn", "", "[COUNT]", "undo one node"),
    ("rs", "back", "[COUNT]", "undo one contribution"),
    ("rc", "", "", "go back to a breakpoint, or to the start"),
    ("restart", "", "", "begin anew, with the graph's present numbers"),
    ("break", "b", "[WHERE[, CONDITION]]", "stop after steps at it; alone: list"),
    ("tbreak", "", "WHERE[, CONDITION]", "the same, but once"),
    ("condition", "", "NUMBER [CONDITION]", "change it: abs(s.local) > 10, s is the step"),
    ("clear", "cl", "[NUMBER ...]", "remove breakpoints, or all"),
    ("where", "w bt", "", "show the path from the output to here"),
    ("up", "u", "", "look at the node above, towards the output"),
    ("down", "d", "[NAME]", "look at an operand of this node"),
    ("list", "l", "[STEP | .]", "list the steps around; again: those after"),
    ("longlist", "ll", "", "show the whole graph, the active edge marked"),
    ("p", "pp", "EXPRESSION", "print a name, here, s (the step), any Python"),
    ("display", "", "[EXPRESSION]", "print it whenever it changes; alone: list"),
    ("undisplay", "", "[EXPRESSION]", "print it no more; alone: none"),
    ("set", "", "LEAF = NUMBER", "what if: recompute, and stay at this step"),
    ("draw", "", "[FILE]", "draw this moment: .svg, .png, .pdf, .tex or .dot"),
    ("explain", "", "[LEAF | all]", "explain the step, a leaf, or the whole pass"),
    ("predict", "", "on | off", "ask for each contribution before showing it"),
    ("help", "h", "[COMMAND]", "show this, or one line of it"),
    ("quit", "q exit", "", "leave, with the graph as it was found"),
)
_PLACES = "WHERE is a name, an operation, a step's number, nan, or a condition such as s.local < 0."
_OTHERWISE = "An empty line repeats the last command; what is no command is Python, labels its names."
_FULL = {short_name: name for name, others, _, _ in _COMMANDS for short_name in (name, *others.split())}
_AROUND = 5  # steps listed on either side
_MOST = 12  # lines that one command prints of many alike

_ANSWERS = "answer by a number, a fraction or an expression (-3/2 * b); empty shows it, q leaves"


def debug(root: Value, *, predict: bool = False, keep: bool = False) -> None:
    """Step through the backward pass of `root` by commands; `h` lists them, `q`, Ctrl-D and Ctrl-C leave.

    Args:
        root: the output that is differentiated.
        predict: whether to ask for each contribution before showing it.
        keep: whether gradients and numbers stay as they are on leaving, instead of as they were found.

    Raises:
        TypeError: `root` is no Value.
        ValueError: a local derivative is infinite or undefined.
    """
    Shell(root, predict=predict, keep=keep).run()


class Shell(cmd.Cmd):
    """The commands, each a method `do_...`, around a cursor."""

    def __init__(self, root: Value, *, predict: bool = False, keep: bool = False) -> None:
        """Put a cursor at the start; `debug` describes the arguments and the errors."""
        super().__init__()
        self.stepper: Stepper = step(root)
        self.keep = keep
        self.predict = predict
        self.asked = self.right = 0
        self.workspace = Workspace(self.stepper, self.here)
        self.displays: dict[str, str] = {}  # expression -> how it was last shown
        self.listed: int | None = None  # the step after the last that `list` has shown
        self.trail: list[tuple[Value, int]] = []  # the edges from the output to the node looked at, and on
        self.depth = 0  # how many of them lie above that node
        typed = sys.stdin.isatty() and sys.stdout.isatty()
        self.echo = not typed and isinstance(
            builtins.input, BuiltinFunctionType
        )  # a notebook has an input() of its own
        self.prompt = f"(0/{len(self.stepper):,}) "

    def run(self) -> bool:
        """Read and carry out commands; return whether the user left without Ctrl-C."""
        root, nodes = self.stepper.root, len(self.stepper.nodes)
        steps = f"{len(self.stepper):,} step{'s' * (len(self.stepper) != 1)}"
        self.say(f"{equation(self.stepper, root)}: {nodes:,} node{'s' * (nodes != 1)}, {steps}. h lists the commands.")
        self.say(self.stepper.graph())
        try:
            self.cmdloop()
        except (EOFError, KeyboardInterrupt) as reason:
            print()
            return isinstance(reason, EOFError)
        finally:
            self.stepper.close(keep=self.keep)
            if self.asked:
                self.say(f"predicted: {self.right} of {self.asked} right")
        return True

    # -------------------- moving --------------------

    def do_next(self, arg: str) -> None:
        """Do all contributions of one node, or of several."""
        self.move(lambda: self.stepper.next("node"), _times(arg))

    def do_step(self, arg: str) -> None:
        """Do one contribution, or several."""
        self.move(lambda: self.stepper.next("edge"), _times(arg))

    def do_rn(self, arg: str) -> None:
        """Undo one node, or several."""
        self.move(lambda: self.stepper.back("node"), _times(arg))

    def do_rs(self, arg: str) -> None:
        """Undo one contribution, or several."""
        self.move(lambda: self.stepper.back("edge"), _times(arg))

    def do_continue(self, arg: str) -> None:
        """Go on to a breakpoint or to the end."""
        _nothing(arg)
        if self.stepper.position == len(self.stepper):
            self.stepper.next()  # says so
        self.move(self.stepper.run, only_last=True)

    def do_rc(self, arg: str) -> None:
        """Go back to a breakpoint or to the start."""
        _nothing(arg)
        if not self.stepper.position:
            self.stepper.back()  # says so
        self.move(lambda: self.stepper.run(backwards=True))

    def do_until(self, arg: str) -> None:
        """Go on to a node, a step, or the end of a layer."""
        if not arg:
            self.move(lambda: self.stepper.next("layer"), only_last=True)
        elif arg.isdecimal():
            if int(arg) <= self.stepper.position:
                raise ValueError(f"step {arg} is done: until goes on to a later one")
            self.move(lambda: self.stepper.goto(int(arg)), only_last=True)
        else:
            self.move(lambda: self.stepper.run_to(self.workspace.node(arg)), only_last=True)

    def do_restart(self, arg: str) -> None:
        """Begin anew."""
        _nothing(arg)
        self.move(self.stepper.restart)

    def move(self, go: Callable[[], Any], times: int = 1, *, only_last: bool = False) -> None:
        """Move the cursor and show what was done."""
        start = self.stepper.position
        self.stepper.stopped_at = None
        for i in range(times):
            try:
                go()
            except IndexError:  # nothing is ahead any more
                if not i:
                    raise
                break
        self.listed, self.trail, self.depth = None, [], 0
        done = self.stepper.steps[start : self.stepper.position]
        if not done:
            self.say(self.stepper.headline())
        left_out = 0 if self.predict else max(0, len(done) - (1 if only_last else _MOST))
        for s in done[-1:] if only_last else done[left_out:]:
            self.show(s)
        if left_out and not only_last:
            self.say(f"and {left_out} before these: l lists them")
        if self.stepper.stopped_at:
            self.say(f"breakpoint {self.stepper.stopped_at}")
        if done and self.stepper.position == len(self.stepper):
            self.say_result()
        self.show_displays()

    def show(self, s: BackwardStep) -> None:
        """Print a step, after asking for its number in predict mode."""
        if self.predict and not s.is_seed and not s.contribution - s.contribution:
            self.ask(s)
        self.say(one_line(str(s)))

    def say_result(self) -> None:
        """Print the gradients of the leaves."""
        names = self.stepper.names
        leaves = [v for v in self.stepper.nodes if not v.operands and v.op is not CONSTANT]
        written = ", ".join(f"∂{names[self.stepper.root]}/∂{names[v]} = {show(v.grad)}" for v in leaves[:_MOST])
        more = f" and {len(leaves) - _MOST:,} more" if len(leaves) > _MOST else ""
        self.say(f"the pass is done{':' if written else ''} {written}{more}".rstrip())

    # -------------------- predicting --------------------

    def do_predict(self, arg: str) -> None:
        """Turn predict mode on or off."""
        if arg not in ("on", "off"):
            raise ValueError("predict takes on or off")
        self.predict = arg == "on"
        self.say(_ANSWERS if self.predict else "no more questions")

    def ask(self, s: BackwardStep) -> None:
        """Ask for a contribution until there is an answer that can be judged, and say whether it is right."""
        names = self.workspace.names()
        numbers = {name: v.data for name, v in names.items()}
        while True:
            written = self.read(f"{one_line(s.symbols)} = ? ").strip()
            if written in ("q", "quit", "exit"):
                raise EOFError
            if not written:
                return
            if written in ("h", "help", "?"):
                self.say(_ANSWERS)
                continue
            try:
                answer, right = judge(written, s.contribution, numbers)
            except ValueError as error:
                self.say(str(error))
                continue
            if right is not None:
                break
            self.say("too few digits to tell: give two that count, or more")
        self.asked += 1
        self.right += right
        verdict = "right: upstream gradient * local derivative" if right else f"wrong: {describe_wrong(s, answer)}"
        self.say(verdict)

    # -------------------- breakpoints --------------------

    def do_break(self, arg: str) -> None:
        """Make a breakpoint, or list them."""
        if arg:
            self.add_breakpoint(arg)
        else:
            self.say(
                "\n".join(map(str, self.stepper.breakpoints.values())) or "there are no breakpoints: b NAME makes one"
            )

    def do_tbreak(self, arg: str) -> None:
        """Make a breakpoint that stops once."""
        if not arg:
            raise ValueError("tbreak takes a place: tbreak NAME")
        self.add_breakpoint(arg, temporary=True)

    def add_breakpoint(self, arg: str, *, temporary: bool = False) -> None:
        """Make a breakpoint at a place, or where a condition on the step holds."""
        where, comma, written = (arg, "", "") if self.workspace.is_place(arg) else map(str.strip, arg.partition(","))
        condition = self.workspace.condition(written) if comma else None
        place: Value | str | int | Condition = where
        if where.isdecimal():
            place = int(where)
        elif not self.workspace.is_place(where) and not where.isidentifier():
            try:
                place = self.workspace.node(where)
            except Exception:  # not an expression such as nodes[2], so a condition; any comma is within it
                place, condition, written = self.workspace.condition(arg), None, arg
        self.say(f"breakpoint {self.stepper.break_at(place, condition, temporary=temporary, written=written)}")

    def do_condition(self, arg: str) -> None:
        """Change the condition of a breakpoint."""
        number, _, written = arg.partition(" ")
        written = written.strip()
        condition = self.workspace.condition(written) if written else None
        self.say(f"breakpoint {self.stepper.change_condition(_whole(number, 'condition'), condition, written)}")

    def do_clear(self, arg: str) -> None:
        """Remove breakpoints."""
        numbers = [_whole(word, "clear") for word in arg.split()] or list(self.stepper.breakpoints)
        for number in numbers:
            self.stepper.clear(number)
        self.say(f"removed: {', '.join(map(str, numbers))}" if numbers else "there are no breakpoints")

    # -------------------- looking --------------------

    def do_where(self, arg: str) -> None:
        """Show the path from the output to the node looked at, and the product along it."""
        _nothing(arg)
        self.follow()
        if not self.trail:
            self.say(self.stepper.headline())
            return
        cut = max(0, len(self.trail) - _MOST)
        if cut:
            self.say(f"{cut:,} nodes above these")
        self.say(text_path(self.trail[cut:], max(0, self.depth - cut), self.stepper.names))
        if len(self.trail) > 1 and not cut:
            locals_ = [local_derivative(v, i, [x.data for x in v.operands]) for v, i in self.trail]
            factors = " * ".join(f"({show(x)})" if x < 0 else show(x) for x in locals_)
            self.say(f"along this path {factors} = {show(prod(locals_))}")

    def do_up(self, arg: str) -> None:
        """Look at the node above."""
        _nothing(arg)
        self.follow()
        if not self.depth:
            raise ValueError("this is the output: no node is above")
        self.depth -= 1
        self.look()

    def do_down(self, arg: str) -> None:
        """Look at an operand: the one on the path, the first, or the one named."""
        self.follow()
        node = self.here()
        operands = [self.stepper.names[x] for x in node.operands]
        if not operands:
            raise ValueError(f"{self.stepper.names[node]} is a leaf: no node is below")
        if arg and arg not in operands:
            raise ValueError(f"{arg!r} is no operand of {self.stepper.names[node]}: there are {', '.join(operands)}")
        if arg or self.depth == len(self.trail):
            self.trail = [*self.trail[: self.depth], (node, operands.index(arg) if arg else 0)]
        self.depth += 1
        self.look()

    def follow(self) -> None:
        """Begin at the node whose gradient the last step has changed, if nothing else is looked at."""
        s = self.stepper.current
        if not self.trail and s is not None and not s.is_seed:
            above = [(t.node, t.position) for t in self.stepper.path(s.node)]
            self.trail = [*above, (s.node, s.position)]
            self.depth = len(self.trail)

    def here(self) -> Value:
        """Return the node looked at."""
        if not self.depth:
            return self.stepper.root
        node, i = self.trail[self.depth - 1]
        return node.operands[i]

    def look(self) -> None:
        """Print the node looked at."""
        self.say(self.workspace.written(self.here()))

    def do_list(self, arg: str) -> None:
        """List steps; those not yet done without their numbers."""
        n = len(self.stepper)
        if arg and arg != ".":
            middle = _whole(arg, "list")
            if not 1 <= middle <= n:
                raise ValueError(f"there are steps 1 to {n:,}, not {arg}")
            first = middle - _AROUND
        elif arg or self.listed is None or self.listed > n:
            first = self.stepper.position - _AROUND
        else:
            first = self.listed
        first = max(1, first)
        self.listed = min(n, first + 2 * _AROUND) + 1
        digits = len(f"{self.listed - 1:,}")
        for k in range(first, self.listed):
            s = self.stepper.steps[k - 1]
            arrow = "->" if k == self.stepper.position else "  "
            self.say(
                f"{arrow} {k:>{digits},}  {one_line(str(s) if k <= self.stepper.position else s.symbols + ' = ?')}"
            )

    def do_longlist(self, arg: str) -> None:
        """Show the graph."""
        _nothing(arg)
        self.say(self.stepper.graph(whole=True))

    def do_p(self, arg: str) -> None:
        """Print a name or an expression."""
        if not arg:
            raise ValueError("p takes a name or an expression: p a.grad")
        self.say(self.workspace.written(self.workspace.evaluate(arg)))

    def do_display(self, arg: str) -> None:
        """Print an expression whenever it changes."""
        if arg:
            self.displays[arg] = self.workspace.written(self.workspace.evaluate(arg))
        shown = [arg] if arg else list(self.displays)
        self.say("\n".join(f"{each}: {self.displays[each]}" for each in shown) or "nothing is displayed")

    def do_undisplay(self, arg: str) -> None:
        """Print an expression no more."""
        if arg and arg not in self.displays:
            raise ValueError(f"{arg} is not displayed")
        for each in [arg] if arg else list(self.displays):
            del self.displays[each]

    def show_displays(self) -> None:
        """Print what is displayed and has changed."""
        for expression, before in self.displays.items():
            try:
                now = self.workspace.written(self.workspace.evaluate(expression))
            except Exception as error:
                now = f"{type(error).__name__}: {error}"
            if now != before:
                self.displays[expression] = now
                self.say(f"{expression}: {now}, was {before}")

    # -------------------- what if, and what for --------------------

    def do_set(self, arg: str) -> None:
        """Give a leaf another number."""
        name, sign, written = map(str.strip, arg.partition("=" if "=" in arg else " "))
        if not sign or not written:
            raise ValueError("set takes a leaf and a number: set a = 3")
        leaf = self.workspace.node(name)
        self.stepper.set(leaf, self.workspace.evaluate(written))
        self.say(f"{equation(self.stepper, self.stepper.root)}\n{self.stepper.headline()}")
        self.show_displays()

    def do_draw(self, arg: str) -> None:
        """Draw the graph into a file."""
        self.say(f"wrote {self.stepper.draw().save(arg or 'graph.svg')}")

    def do_explain(self, arg: str) -> None:
        """Explain the last step, a leaf's gradient or the whole pass."""
        s = self.stepper.current
        if not arg and s is not None:
            self.say(s.text)
            return
        explain = import_module("..teaching.explanation", __package__).explain
        leaf = self.workspace.node(arg) if arg and arg != "all" else None
        self.say(str(explain(self.stepper.root) if leaf is None else explain(self.stepper.root, leaf)))

    # -------------------- how commands are read --------------------

    def default(self, line: str) -> None:
        """Evaluate what is no command."""
        self.lastcmd = line
        line = line.removeprefix("!").strip()
        if line.isidentifier() and line not in self.workspace.namespace() and not hasattr(builtins, line):
            raise ValueError(f"{line} is no command and no name: h lists the commands")
        result = self.workspace.run(line)
        if result is not None:
            self.say(self.workspace.written(result))

    def do_help(self, arg: str) -> None:
        """List the commands, or describe one."""
        if arg and arg not in _FULL:
            raise ValueError(f"{arg} is no command: h lists them")
        for name, others, arguments, line in _COMMANDS:
            if not arg or _FULL[arg] == name:
                usage = ", ".join(sorted((name, *others.split()[:1]), key=len))
                self.say(f"{f'{usage} {arguments}':30} {line}")
        if not arg or _FULL[arg] in ("break", "tbreak"):
            self.say(_PLACES)
        if not arg:
            self.say(_OTHERWISE)

    def do_quit(self, arg: str) -> bool:
        """Leave."""
        _nothing(arg)
        return True

    def do_EOF(self, arg: str) -> bool:  # noqa: N802, the name that cmd gives it
        """Leave at the end of the input."""
        print()
        return True

    def precmd(self, line: str) -> str:
        """Print what was read, where it was not typed into this terminal, so that a transcript has it."""
        if self.echo and line != "EOF":
            self.say(line)
        return line

    def postcmd(self, stop: bool, line: str) -> bool:
        """Let the prompt say where the cursor is."""
        self.prompt = f"({self.stepper.position:,}/{len(self.stepper):,}) "
        return stop

    def parseline(self, line: str) -> tuple[str | None, str | None, str]:
        """Split off the command; `b.grad`, `n + 1` and `c = 3` are none, though b, n and c are commands."""
        command, arg, line = super().parseline(line)
        name = _FULL.get(command or "")
        if line.startswith("!") or not command or (name is None and command != "EOF"):
            return None, None, line
        rest = line[len(command) :]
        attached = rest[:1].strip() or rest.lstrip().startswith("=")
        calculates = rest.lstrip()[:1] in tuple("+-*/%<>!,") and command in self.workspace.names()
        if attached or (calculates and not self.workspace.is_place(rest.strip())):
            return None, None, line
        return name or command, arg, line

    def onecmd(self, line: str) -> bool:
        """Carry out a command; say in one line what is wrong with it."""
        try:
            return bool(super().onecmd(line))
        except EOFError:
            raise
        except SystemExit:  # exit(), typed as Python
            return True
        except KeyboardInterrupt:
            self.say("interrupted")
        except (IndexError, RuntimeError, ValueError, OSError) as error:
            self.say(f"{error}")
        except SyntaxError as error:
            self.say(f"not a command, and not Python: {error.msg}")
        except Exception as error:
            self.say(f"{type(error).__name__}: {error}")
        return False

    def completenames(self, text: str, *ignored: Any) -> list[str]:
        """Complete a command or a name."""
        return [name for name in _FULL if name.startswith(text)] + self.completedefault(text, text, 0, len(text))

    def completedefault(self, text: str, line: str, begidx: int, endidx: int) -> list[str]:
        """Complete the name of a node, or `data` and `grad` after one."""
        owner, dot, attribute = text.rpartition(".")
        if dot:
            return [f"{owner}.{each}" for each in ("data", "grad", "label") if each.startswith(attribute)]
        typed = line[:endidx].lstrip().partition(" ")[2].lstrip() if begidx else text
        labels = dict.fromkeys([*self.stepper.names.values(), *self.workspace.variables])
        before = len(typed) - len(text)
        matches = [name[before:] for name in labels if name.startswith(typed)]
        return matches or [name for name in labels if name.startswith(text)]

    def read(self, question: str) -> str:
        """Read an answer."""
        written = input(_encodable(question))
        if self.echo:
            self.say(written)
        return written

    def say(self, text: str) -> None:
        """Print text."""
        print(_encodable(text))


# -------------------- helpers --------------------


def _times(arg: str) -> int:
    return _whole(arg, "a count") if arg else 1


def _whole(written: str, what: str) -> int:
    if not written.isdecimal() or len(written) > 9:
        raise ValueError(f"{what} takes a whole number" + (f", not {written}" if written else ""))
    return int(written)


def _nothing(arg: str) -> None:
    if arg:
        raise ValueError(f"this command takes nothing after it, not {arg!r}")


def _encodable(text: str) -> str:
    """Return the text in ASCII where standard output can encode no more."""
    if not needs_ascii():
        return text
    plain = text.translate({ord("∂"): "d", ord("–"): "-", ord("…"): "...", ord("►"): ">"})
    return plain.encode("ascii", "backslashreplace").decode()
