"""A debugger for the backward pass in the words of pdb: `debug(loss)`, or `micrograd-like step EXPRESSION a=2`.

What is no command is evaluated as Python, the nodes' names being variables; it is its user's own interpreter.
"""

import builtins
import cmd
import os
import re
import sys
from codeop import compile_command
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType
from typing import Any

from ..engine import Value
from ..graph.steps import forward_steps
from ..notation.numbers import show
from ..ops import CONSTANT, one_line
from ..pictures.tree import needs_ascii
from .breakpoints import Breakpoint, Condition
from .commands import FULL, INSTEAD, describe, overview
from .looking import MOST, Looking, count, nothing, whole
from .naming import variables_of_caller
from .prediction import ANSWERS, Predictions
from .stepper import UNITS, Stepper
from .terminal import StopDebugging, asks_to_stop, history, seen_by_pytest
from .workspace import Workspace, equation


def debug(root: Value, *, predict: bool = False) -> None:
    """Step through the backward pass of `root` by commands; `h` lists them, `q` and Ctrl-D leave.

    The graph keeps its own numbers, whatever is done; unlabelled nodes go by the caller's variables.

    Args:
        root: the output that is differentiated.
        predict: whether to ask for each contribution before showing it.

    Raises:
        TypeError: `root` is not a Value.
        ValueError: a local derivative is infinite or undefined, or numbers were changed after the forward pass.
        StopDebugging: the user left a loop around it.
    """
    variables = variables_of_caller()
    with seen_by_pytest():
        shell = Shell(root, predict=predict, variables=variables)
        shell.run()
        if shell.quit and asks_to_stop(sys._getframe(1), shell.read):
            raise StopDebugging("left by q")


class Shell(Looking, cmd.Cmd):
    """The commands, each a method `do_...`, around a cursor."""

    def __init__(self, root: Value, *, predict: bool = False, variables: Mapping[str, Any] | None = None) -> None:
        """Put a cursor at the start; `debug` describes the arguments and the errors."""
        cmd.Cmd.__init__(self)
        Looking.__init__(self)
        self.stepper = Stepper(root, variables=variables)
        self.workspace = Workspace(self.stepper, self.here, variables or {})
        self.predict = predict
        self.predictions = Predictions(self.read, self.say)
        self.aliases: dict[str, str] = {}
        self.quit = False  # whether the user left by q
        self.terminal = sys.stdin.isatty() and sys.stdout.isatty()
        own_input = not isinstance(builtins.input, BuiltinFunctionType)  # as a notebook has
        self.echo = not self.terminal and not own_input
        self.prompt = f"(0/{len(self.stepper):,}) "

    def run(self) -> None:
        """Read and carry out commands until the user leaves."""
        root, n, steps = self.stepper.root, len(self.stepper.nodes), len(self.stepper)
        self.say(
            f"{equation(self.stepper, root)}: {n:,} node{'s' * (n != 1)}, {steps:,} step{'s' * (steps != 1)}. "
            "h lists the commands."
        )
        self.say(self.forward_pass() if self.predict else self.stepper.graph())
        names = self.workspace.names()
        if hidden := [name for name in names if name in FULL and name != "a"]:
            said = "are names of commands too" if len(hidden) > 1 else "is the name of a command too"
            self.say(f"{', '.join(hidden)} {said}: write p {hidden[0]} for the node.")
        with history(self.terminal):
            while True:
                try:
                    self.cmdloop()
                except KeyboardInterrupt:
                    self.cmdqueue.clear()
                    self.say("\nq or Ctrl-D leaves")
                    if self.terminal:
                        continue
                except EOFError:
                    print()
                break
        if self.predictions.asked:
            self.say(f"predicted: {self.predictions.right} of {self.predictions.asked} right")

    def forward_pass(self) -> str:
        """Return the numbers of the forward pass, without the local derivatives that are to be predicted."""
        with self.stepper.lent():
            lines = [one_line(str(s)) for s in forward_steps(self.stepper.root)]
        more = [f"and {len(lines) - MOST:,} more"] if len(lines) > MOST else []
        return "\n".join([*lines[:MOST], *more])

    # -------------------- moving --------------------

    def _next(self, arg: str) -> None:
        self.move(lambda: self.stepper.next("node"), count(arg))

    def _step(self, arg: str) -> None:
        self.move(lambda: self.stepper.next("edge"), count(arg))

    def _rn(self, arg: str) -> None:
        self.move(lambda: self.stepper.back("node"), count(arg))

    def _rs(self, arg: str) -> None:
        self.move(lambda: self.stepper.back("edge"), count(arg))

    def _continue(self, arg: str) -> None:
        nothing(arg)
        if self.stepper.upcoming is None:
            self.stepper.next()  # says so
        self.move(self.stepper.run, only_last=True)

    def _rc(self, arg: str) -> None:
        nothing(arg)
        if not self.stepper.position:
            self.stepper.back()  # says so
        self.move(lambda: self.stepper.run(backwards=True))

    def _until(self, arg: str) -> None:
        if not arg or (arg in UNITS and not self.stepper.has(arg)):
            self.move(lambda: self.stepper.next(arg or "layer"), only_last=True)
        elif arg.isdecimal():
            if int(arg) <= self.stepper.position:
                raise ValueError(f"step {arg} is done: until goes on to a later one")
            self.move(lambda: self.stepper.goto(int(arg)), only_last=True)
        else:
            self.move(lambda: self.stepper.run_to(self.workspace.node(arg)), only_last=True)

    def _return(self, arg: str) -> None:
        node = self.workspace.node(arg) if arg else self.here()
        last = (self.stepper.contributions(node) or [0])[-1]
        if last <= self.stepper.position:
            raise ValueError(f"no step ahead adds to the gradient of {one_line(self.stepper.names[node])}")
        self.move(lambda: self.stepper.goto(last), only_last=True)

    def _jump(self, arg: str) -> None:
        self.move(lambda: self.stepper.goto(whole(arg, "jump")), only_last=True)

    def _restart(self, arg: str) -> None:
        nothing(arg)
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
        if self.shows_graph:
            if self.terminal and os.environ.get("TERM") != "dumb":
                print("\x1b[H\x1b[2J", end="")
            self.show_graph()
        if not done:
            self.say(self.stepper.headline())
        asks = self.predict and not only_last
        left_out = 0 if asks else max(0, len(done) - (1 if only_last else MOST))
        for s in done[left_out:]:
            if asks:
                self.predictions.ask(s, {name: self.stepper.data(v) for name, v in self.workspace.names().items()})
            self.say(one_line(str(s)))
        if left_out and not only_last:
            self.say(f"and {left_out} before these: l lists them")
        if self.predict and only_last and len(done) > 1:
            self.say(f"{len(done):,} steps without a question: n and s ask")
        if self.stepper.stopped_at:
            self.say(f"breakpoint {self.stepper.stopped_at}")
            self.cmdqueue[:0] = self.stepper.stopped_at.commands
        if done and self.stepper.upcoming is None:
            self.say_result()
        self.show_displays()

    def say_result(self) -> None:
        """Print the gradients of the leaves."""
        names = self.stepper.names
        leaves = [v for v in self.stepper.nodes if not v.operands and v.op is not CONSTANT]
        root = names[self.stepper.root]
        written = ", ".join(f"∂{root}/∂{names[v]} = {show(self.stepper.grad(v) or 0.0)}" for v in leaves[:MOST])
        more = f" and {len(leaves) - MOST:,} more" if len(leaves) > MOST else ""
        self.say(one_line(f"the pass is done{':' if written else ''} {written}{more}".rstrip()))

    def _predict(self, arg: str) -> None:
        if arg not in ("on", "off"):
            raise ValueError("predict takes on or off")
        self.predict = arg == "on"
        self.say(ANSWERS if self.predict else "no more questions")

    def _set(self, arg: str) -> None:
        name, sign, written = map(str.strip, arg.partition("=" if "=" in arg else " "))
        if not sign or not written:
            raise ValueError("set takes a leaf and a number: set a = 3")
        leaf = self.workspace.node(name)
        self.stepper.set(leaf, self.workspace.evaluate(written))
        self.say(f"{equation(self.stepper, self.stepper.root)}\n{self.stepper.headline()}")
        self.show_displays()

    # -------------------- breakpoints --------------------

    def _break(self, arg: str) -> None:
        if arg:
            self.add_breakpoint(arg)
        else:
            points = "\n".join(map(str, self.stepper.breakpoints.values()))
            self.say(points or "there are no breakpoints: b NAME makes one")

    def _tbreak(self, arg: str) -> None:
        if not arg:
            raise ValueError("tbreak takes a place: tbreak NAME")
        self.add_breakpoint(arg, temporary=True)

    def add_breakpoint(self, arg: str, *, temporary: bool = False) -> None:
        """Make a breakpoint at a place, or where a condition holds."""
        where, sign, written = arg, "", ""
        if not self.workspace.is_place(arg):
            where, sign, written = map(str.strip, arg.partition(" if " if " if " in arg else ","))
        condition = None
        place: Value | str | int | Condition = where
        if where.isdecimal() and not self.stepper.has(where):
            place = int(where)
        elif not self.workspace.is_place(where) and not where.isidentifier():
            try:
                place = self.workspace.node(where)
            except Exception:  # not an expression such as nodes[2], so a condition; any comma is within it
                place, sign, written = self.workspace.condition(arg), "", arg
        if sign:
            condition = self.workspace.condition(written)
        self.say(f"breakpoint {self.stepper.break_at(place, condition, temporary=temporary, written=written)}")

    def _condition(self, arg: str) -> None:
        number, _, written = map(str.strip, arg.partition(" "))
        point = self.stepper.breakpoint(whole(number, "condition"))
        point.condition = self.workspace.condition(written) if written else None
        point.written = written
        self.say(f"breakpoint {point}")

    def _ignore(self, arg: str) -> None:
        number, _, times = map(str.strip, arg.partition(" "))
        point = self.stepper.breakpoint(whole(number, "ignore"))
        point.ignored = count(times)
        self.say(f"breakpoint {point}")

    def _commands(self, arg: str) -> None:
        point = self.stepper.breakpoint(whole(arg, "commands"))
        lines: list[str] = []
        while (line := self.read("(commands) ").strip()) != "end":
            lines.append(line)
        point.commands = lines
        self.say(f"breakpoint {point}")

    def _enable(self, arg: str) -> None:
        for point in self.points(arg, "enable"):
            point.enabled = True
            self.say(f"breakpoint {point}")

    def _disable(self, arg: str) -> None:
        for point in self.points(arg, "disable"):
            point.enabled = False
            self.say(f"breakpoint {point}")

    def _clear(self, arg: str) -> None:
        points = self.points(arg, "clear")
        for point in points:
            self.stepper.clear(point.number)
        removed = ", ".join(str(point.number) for point in points)
        self.say(f"removed: {removed}" if points else "there are no breakpoints")

    def points(self, arg: str, what: str) -> list[Breakpoint]:
        """Return the breakpoints of some numbers, or all."""
        numbers = [whole(word, what) for word in arg.split()] or list(self.stepper.breakpoints)
        return [self.stepper.breakpoint(number) for number in numbers]

    # -------------------- Python, aliases, help --------------------

    def default(self, line: str) -> None:
        """Evaluate what is no command, once it is whole."""
        self.lastcmd = line
        line = line.removeprefix("!").strip()
        word = line.partition(" ")[0]
        if word in INSTEAD and not self.workspace.knows(word):
            raise ValueError(f"{word} is not a command here: {INSTEAD[word]}")
        if line.isidentifier() and not self.workspace.knows(line) and not self.stepper.has(line):
            raise ValueError(f"{line} is not a command and not a name: h lists the commands")
        while not self.workspace.is_name(line) and compile_command(self.workspace.translate(line)) is None:
            line += "\n" + self.read("... ")
        result, note = self.workspace.run(line)
        if note:
            self.say(note)
        if result is not None:
            self.say(self.workspace.written(result))

    def _interact(self, arg: str) -> None:
        nothing(arg)
        self.say("Python, until Ctrl-D")
        try:
            while True:
                line = self.read(">>> ")
                if line.strip():
                    self.attempt(lambda line=line: self.default(f"!{line}"))  # type: ignore[misc]
        except EOFError:
            self.say("\nback among the commands")

    def _alias(self, arg: str) -> None:
        name, _, command = map(str.strip, arg.partition(" "))
        if command:
            self.aliases[name] = command
        shown = [name] if name else list(self.aliases)
        if name and name not in self.aliases:
            raise ValueError(f"{name} is not an alias: alias {name} COMMAND makes it one")
        self.say("\n".join(f"{each} = {self.aliases[each]}" for each in shown) or "there are no aliases")

    def _unalias(self, arg: str) -> None:
        if self.aliases.pop(arg, None) is None:
            raise ValueError(f"{arg} is not an alias")

    def _help(self, arg: str) -> None:
        self.say(describe(arg) if arg else f"{overview()}\nh WORD says more, on a topic or a command")

    def _quit(self, arg: str) -> bool:
        nothing(arg)
        self.quit = True
        return True

    def _EOF(self, arg: str) -> bool:  # noqa: N802, the name that cmd gives it
        print()
        return True

    # -------------------- how commands are read --------------------

    def precmd(self, line: str) -> str:
        """Print what was not typed into this terminal, so that a transcript has it; take it apart at ;; and aliases."""
        if self.echo and line != "EOF":
            self.say(line)
        word, _, rest = line.strip().partition(" ")
        if word in self.aliases:
            words = rest.split()
            line = re.sub(r"%(\d)", lambda m: "".join(words[int(m[1]) - 1 : int(m[1])]), self.aliases[word])
            line = line.replace("%*", rest)
        if word not in ("alias", "EOF") and ";;" in line:
            line, _, later = line.partition(";;")
            self.cmdqueue.insert(0, later.strip())
        return line

    def postcmd(self, stop: bool, line: str) -> bool:
        """Let the prompt say where the cursor is."""
        self.prompt = f"({self.stepper.position:,}/{len(self.stepper):,}) "
        return stop

    def parseline(self, line: str) -> tuple[str | None, str | None, str]:
        """Split off the command; `b.grad`, `n + 1` and `c = 3` are none, though b, n and c are commands."""
        command, arg, line = super().parseline(line)
        name = FULL.get(command or "")
        if line.startswith("!") or not command or (name is None and command != "EOF"):
            return None, None, line
        if line == "a" in self.workspace.names():  # args, in full, is the command
            return None, None, line
        rest = line[len(command) :]
        attached = rest[:1].strip() or rest.lstrip().startswith("=")
        calculates = rest.lstrip()[:1] in tuple("+-*/%<>!,") and command in self.workspace.names()
        if attached or (calculates and not self.workspace.is_place(rest.strip())):
            return None, None, line
        return name or command, arg, line

    def onecmd(self, line: str) -> bool:
        """Carry out a command; say in one line what is wrong with it."""
        return bool(self.attempt(lambda: cmd.Cmd.onecmd(self, line)))

    def attempt(self, act: Callable[[], Any]) -> Any:
        """Do something; say in one line what went wrong."""
        try:
            return act()
        except EOFError:
            raise
        except SystemExit:  # exit(), typed as Python
            return True
        except KeyboardInterrupt:
            self.say("interrupted")
        except (IndexError, RuntimeError, ValueError, OSError) as error:
            self.say(f"{error}".replace("; restart() begins", "; restart begins"))
        except SyntaxError as error:
            self.say(f"not a command, and not Python: {error.msg}")
        except Exception as error:
            self.say(f"{type(error).__name__}: {error}")
        return False

    def completenames(self, text: str, *ignored: Any) -> list[str]:
        """Complete a command or a name."""
        return [name for name in FULL if name.startswith(text)] + self.completedefault(text, text, 0, len(text))

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
        """Read an answer, or a further line."""
        if self.cmdqueue:
            return self.cmdqueue.pop(0)
        written = input(encodable(question))
        if self.echo:
            self.say(written)
        return written

    def say(self, text: str) -> None:
        """Print text."""
        print(encodable(text))


def encodable(text: str) -> str:
    """Return the text in ASCII where standard output can encode no more."""
    if not needs_ascii():
        return text
    plain = text.translate({ord("∂"): "d", ord("–"): "-", ord("…"): "...", ord("►"): ">", ord("→"): "->"})
    return plain.encode("ascii", "backslashreplace").decode()
