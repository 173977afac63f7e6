"""A debugger for the backward pass in the words of pdb: `debug(loss)`, or `micrograd-like step EXPRESSION a=2`.

What is no command is evaluated as Python, the nodes' names being variables; it is its user's own interpreter.
"""

import re
import sys
from codeop import compile_command
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from runpy import run_path
from types import FrameType
from typing import Any

from ..engine import Value
from ..escape import one_line
from ..graph.sources import record_sources
from ..graph.steps import forward_steps
from .commands import FULL, INSTEAD, describe, overview
from .looking import MOST, nothing
from .moving import Moving
from .naming import variables_in
from .prediction import ANSWERS
from .stepper import Stepper
from .terminal import StopDebugging, asks_to_stop, history, seen_by_pytest
from .workspace import equation


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
    _debug(root, sys._getframe(1), predict)


def debug_program(path: str | PathLike[str]) -> None:
    """Run a program, and step through the backward pass before each `backward()` in it.

    Raises:
        OSError: the file cannot be read.
        StopDebugging: the user left it by q.
    """
    backward = Value.backward

    def stepped(self: Value) -> None:
        Value.backward = backward  # type: ignore[method-assign]  # what is typed at the prompt is not stepped through
        try:
            _debug(self, sys._getframe(1))
        finally:
            Value.backward = stepped  # type: ignore[method-assign]
        backward(self)

    Value.backward = stepped  # type: ignore[method-assign]
    arguments, sys.argv = sys.argv, [str(path)]
    sys.path.insert(0, str(Path(path).parent.resolve()))
    try:
        with record_sources():
            run_path(str(path), run_name="__main__")
    finally:
        sys.path.pop(0)
        sys.argv = arguments
        Value.backward = backward  # type: ignore[method-assign]


def _debug(root: Value, caller: FrameType, predict: bool = False) -> None:
    with seen_by_pytest():
        shell = Shell(root, predict=predict, variables=variables_in(caller))
        shell.run()
        if shell.quit and asks_to_stop(caller, shell.read):
            raise StopDebugging("left by q")


class Shell(Moving):
    """A loop of commands around a cursor: the command `next` is the method `_next`."""

    def __init__(self, root: Value, *, predict: bool = False, variables: Mapping[str, Any] | None = None) -> None:
        """Put a cursor at the start; `debug` describes the arguments and the errors."""
        super().__init__(Stepper(root, variables=variables), variables or {})
        self.predict = predict
        self.aliases: dict[str, str] = {}
        self.quit = False  # whether the user left by q
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
                    if not self.terminal:
                        raise
                    self.cmdqueue.clear()
                    self.say("\nq or Ctrl-D leaves")
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

    # -------------------- Python, aliases, help --------------------

    def default(self, line: str) -> None:
        """Evaluate what is no command, once it is whole."""
        line = line.removeprefix("!").strip()
        word = line.partition(" ")[0]
        if word in INSTEAD and not self.workspace.knows(word):
            raise ValueError(f"{word} is not a command here: {INSTEAD[word]}")
        if line.isidentifier() and not self.workspace.knows(line) and not self.stepper.has(line):
            raise ValueError(f"{line} is not a command and not a name: h lists the commands")
        while not self.workspace.is_name(line) and compile_command(self.workspace.translate(line)) is None:
            try:
                line += "\n" + self.read("... ")
            except EOFError:
                break  # it will be said what is missing
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

    def _predict(self, arg: str) -> None:
        if arg not in ("on", "off"):
            raise ValueError("predict takes on or off")
        self.predict = arg == "on"
        self.say(ANSWERS if self.predict else "no more questions")

    def _help(self, arg: str) -> None:
        self.say(describe(arg) if arg else f"{overview()}\nh WORD says more, on a topic or a command")

    def _quit(self, arg: str) -> bool:
        nothing(arg)
        self.quit = True
        return True

    def _EOF(self, arg: str) -> bool:  # noqa: N802, what cmd reads at the end of the input
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
        return bool(self.attempt(lambda: self.dispatch(line)))

    def dispatch(self, line: str) -> Any:
        """Carry out a command, or evaluate what is none; return whether to leave."""
        name, arg, line = self.parseline(line)
        if not line:
            return self.emptyline()
        self.lastcmd = "" if name == "EOF" else line
        return self.default(line) if name is None else getattr(self, f"_{name}")(arg)

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
