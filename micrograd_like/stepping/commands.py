"""The debugger's commands: their names, which are pdb's, what they take, and their help by topics."""

from shutil import get_terminal_size
from textwrap import fill, indent
from typing import NamedTuple


class Command(NamedTuple):
    """A command, its other names, what it takes, and its line of help."""

    name: str
    others: str
    arguments: str
    help: str


TOPICS: dict[str, tuple[Command, ...]] = {
    "moving": (
        Command("next", "n", "[COUNT]", "do all contributions of one node"),
        Command("step", "s", "[COUNT]", "do one contribution: one edge"),
        Command("continue", "c cont", "", "go on to a breakpoint, or to the end"),
        Command("until", "unt", "[WHERE | UNIT [COUNT]]", "go on to a node or step, or past a layer"),
        Command("return", "r", "[NAME]", "go on until its gradient is complete"),
        Command("jump", "j", "STEP", "go to where so many steps are done, or back"),
        Command("rn", "", "[COUNT]", "undo one node"),
        Command("rs", "back", "[COUNT]", "undo one contribution"),
        Command("rc", "", "", "go back to a breakpoint, or to the start"),
        Command("restart", "", "", "begin anew, with the graph's own numbers"),
    ),
    "breakpoints": (
        Command("break", "b", "[WHERE [if CONDITION]]", "stop after steps at it; alone: list"),
        Command("tbreak", "", "WHERE [if CONDITION]", "the same, but once"),
        Command("condition", "", "NUMBER [CONDITION]", "change it: abs(s.local) > 10, or a.grad > 5"),
        Command("ignore", "", "NUMBER [COUNT]", "pass it so many times"),
        Command("commands", "", "NUMBER", "do the lines up to `end` whenever it stops"),
        Command("enable", "", "[NUMBER ...]", "let it stop again, or all"),
        Command("disable", "", "[NUMBER ...]", "let it not stop, or all"),
        Command("clear", "cl", "[NUMBER ...]", "remove breakpoints, or all"),
    ),
    "looking": (
        Command("where", "w bt", "", "show the path from the output to here"),
        Command("up", "u", "[COUNT]", "look at the node above, towards the output"),
        Command("down", "d", "[COUNT | NAME]", "look at an operand of this node"),
        Command("args", "a", "", "show the operands of the node looked at"),
        Command("list", "l", "[STEP[, STEP] | .]", "list steps around, or from one to another"),
        Command("longlist", "ll", "", "show the whole graph, the edge marked"),
        Command("history", "", "[NAME]", "list every contribution to a gradient"),
        Command("source", "", "[NAME]", "show where in the program a node was made"),
        Command("draw", "", "[FILE]", "draw this moment: .svg, .png, .pdf, .tex, .dot"),
        Command("explain", "", "[LEAF | all]", "explain the step, a leaf, or the whole pass"),
    ),
    "python": (
        Command("p", "pp", "EXPRESSION", "print a name, here, s (the step), any Python"),
        Command("whatis", "", "EXPRESSION", "say what kind of thing it is"),
        Command("display", "", "[EXPRESSION | graph]", "print it when it changes; graph: always"),
        Command("undisplay", "", "[EXPRESSION]", "print it no more; alone: none"),
        Command("set", "", "LEAF = NUMBER", "what if: compute anew, and stay at this step"),
        Command("interact", "", "", "write Python only, until Ctrl-D"),
        Command("alias", "", "[NAME COMMAND]", "name a command, %1 and %* its arguments"),
        Command("unalias", "", "NAME", "take it back"),
        Command("predict", "", "on | off", "ask for each contribution before showing it"),
        Command("help", "h ?", "[COMMAND | TOPIC]", "show this, or more of it"),
        Command("quit", "q exit", "", "leave; the graph is as it was"),
    ),
}
NOTES = {
    "moving": "UNIT is edge, node, neuron, layer or sample; unt sample 5 does five. "
    "An empty line repeats the last command; ;; joins commands.",
    "breakpoints": "WHERE is a name, an operation, a step's number, nan, or a condition on step s, "
    "such as s.local < 0. Gradients in it are those right after each step: "
    "b a.grad > 5, or b a if s.before * s.after < 0, where a's changes its sign.",
    "looking": "NAME is any name that is shown, -> for →; nodes[2] is the third node.",
    "python": "What is no command is Python, with the names shown and the caller's variables.",
}
COMMANDS = [command for commands in TOPICS.values() for command in commands]
FULL = {short: command.name for command in COMMANDS for short in (command.name, *command.others.split())}

# What pdb has and a backward pass does not.
INSTEAD = {
    "run": "restart begins the pass anew",
    "retval": "p here.grad shows the gradient of the node looked at",
    "rv": "p here.grad shows the gradient of the node looked at",
    "debug": "set a = 3 asks what if, and interact runs Python",
    "exceptions": "an operation that is not defined is said when the cursor is made",
    "skip": "b and c choose where to stop",
}


def overview() -> str:
    """Return all commands in few lines, by topics."""
    lines, width = [], min(76, get_terminal_size().columns)
    for topic, commands in TOPICS.items():
        words = ", ".join(" ".join(sorted((c.name, *c.others.split()[:1]), key=len)) for c in commands)
        lines.append(fill(words, width, initial_indent=f"{topic:13}", subsequent_indent=" " * 13))
    return "\n".join(lines)


def describe(word: str) -> str:
    """Return the help on a topic or a command; ValueError if there is none of that name."""
    if word in TOPICS:
        commands, room = TOPICS[word], get_terminal_size().columns
        width = max(len(_usage(c)) for c in commands) + 2
        if width + max(len(c.help) for c in commands) <= room:
            lines = [f"{_usage(c):{width}}{c.help}" for c in commands]
        else:  # each command's help stands below it
            lines = [f"{_usage(c)}\n{indent(fill(c.help, room - 4), ' ' * 4)}" for c in commands]
        return "\n".join([*lines, fill(NOTES[word], min(80, room))])
    if word in INSTEAD and word not in FULL:
        return INSTEAD[word]
    if word not in FULL:
        raise ValueError(f"{word} is not a command: h lists them; topics are {', '.join(TOPICS)}")
    command = next(c for c in COMMANDS if c.name == FULL[word])
    notes = NOTES["breakpoints"] if command.name in ("break", "tbreak", "condition") else ""
    return "\n".join(filter(None, (f"{_usage(command)}   {command.help}", notes)))


def _usage(command: Command) -> str:
    names = ", ".join(sorted((command.name, *command.others.split()[:1]), key=len))
    return f"{names} {command.arguments}".strip()
