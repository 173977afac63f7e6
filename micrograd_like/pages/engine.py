"""The rows of `ops.py` in JavaScript, for pages that compute: what operations make of numbers, and their derivatives.

With this table `engine.js` computes, and `passes.js` runs both passes over a graph; `numbers.js` reads answers, which
may call its functions.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from re import sub
from typing import Any

from ..compiler.lower import ABOVE, EQUAL, Instruction
from ..compiler.spelling import HELPERS, JAVASCRIPT, missing, number, spell
from ..formulas import Tree, fold, operations_in
from ..notation import answers
from ..notation.expressions import functions
from ..ops import OPERATIONS, Dot, Operation, Variadic
from .document import source

_COMPARED = {">": ABOVE, "<": ABOVE, "==": EQUAL}
_OF_ANY_NUMBER = {"sum": "(...xs) => xs.reduce((x, y) => x + y)", "dot": "dot"}  # where there is no call of that name


def engine(used: Iterable[Operation], *, derived: bool) -> str:
    """Return the engine of a page as a script; with `DATA.reading` it reads answers too.

    Args:
        used: the operations of the page's graphs.
        derived: whether their derivatives are wanted, and the passes.

    Raises:
        CompilerError: JavaScript has no spelling for one of them; the text says how to add it.
    """
    rows = {row.name: row for row in used if row.symbol}
    inner = {name for row in rows.values() for tree in row.trees if row.name != "dot" for name in operations_in(tree)}
    for name in (*rows, *inner):
        if name not in JAVASCRIPT:
            raise missing("javascript", name)
    known = {name: row for name, row in OPERATIONS.items() if row.symbol and name in JAVASCRIPT} | rows
    lines = [_row(name, row, derived and name in rows) for name, row in known.items()]
    called = functions()
    lines += [_row(name, row, False) for name, row in called.items() if name != row.name and row.name in known]
    helpers = "".join(text for name, text in HELPERS["javascript"].items() if name in known)
    table = "".join(f"  {line},\n" for line in lines)
    operations = f"const OPERATIONS = (() => {{{helpers}\nreturn new Map([\n{table}]);\n}})();\n"
    scripts = ["engine.js", "passes.js"] if derived else ["engine.js"]
    return source(__package__, *scripts) + operations + source(__package__, "numbers.js")


def reading() -> dict[str, Any]:
    """Return by which rules a page reads answers: the data that `numbers.js` wants as `DATA.reading`."""
    patterns = {name: getattr(answers, name.upper()) for name in ("decimal", "mixed", "fraction", "comma", "thousands")}
    return {
        "patterns": patterns,
        "rewritten": [(pattern, sub(r"\\(\d)", r"$\1", instead)) for pattern, instead in answers.REWRITTEN],
        "characters": answers.CHARACTERS,
        "raised": answers.RAISED,
        "constants": answers.CONSTANTS,
        "limits": answers.LIMITS,
        "unread": answers.UNREAD,
    }


def plain(tree: Tree) -> Any:
    """Return a formula as `worth` in `passes.js` takes it: a number, a name, or an operation and its operands."""
    if isinstance(tree, tuple):
        return [tree.operation, *map(plain, tree.operands)]
    return tree if isinstance(tree, str) else float(tree)


def _row(name: str, row: Operation, derived: bool) -> str:
    is_variadic = isinstance(row, Variadic)
    count = len(row.operand_names)
    names = [f"x{i}" for i in range(count)]
    least = 1 if is_variadic else count - (row.default is not None)
    parts = {"least": f"{least}", "most": "Infinity" if is_variadic else f"{count}"}
    if is_variadic:
        call = f"(...xs) => {JAVASCRIPT[row.name].format(all='...xs')}" if row.name not in _OF_ANY_NUMBER else ""
        parts["compute"] = call or _OF_ANY_NUMBER[row.name]
    else:
        defaults = [*names[:least], *(f"{x} = {row.default}" for x in names[least:])]
        parts["compute"] = f"({', '.join(defaults)}) => {_spell(row, names)}"
    if row.is_function and row.name != "dot":
        parts["called"] = "true"
    if derived:
        parts["domain"] = json.dumps(row.domain)
        parts["local"] = _local(row, names)
    return f"[{json.dumps(name)}, {{ {', '.join(f'{key}: {x}' for key, x in parts.items())} }}]"


def _local(row: Operation, names: list[str]) -> str:
    """Return a function of the operand's position, the result and all operands: the local derivative."""
    if isinstance(row, Dot):
        return "partner"
    if isinstance(row, Variadic):
        return f"(i, out, xs) => {_formula(*row.bind(0, 'out', ['xs[i]']))}"
    chain = [_formula(*row.bind(i, "out", names)) for i in range(len(names))]
    choice = "".join(f"i === {i} ? {formula} : " for i, formula in enumerate(chain[:-1])) + chain[-1]
    return f"(i, out, [{', '.join(names)}]) => {choice}"


def _formula(tree: Tree, names: Mapping[str, str]) -> str:
    def apply(operation: str, operands: list[str]) -> str:
        row = _COMPARED.get(operation) or OPERATIONS[operation]
        return f"({_spell(row, operands[::-1] if operation == '<' else operands)})"

    return fold(tree, names, number, apply, lambda condition, a, b: f"({condition} ? {a()} : {b()})")


def _spell(row: Operation, operands: Collection[str]) -> str:
    return spell(Instruction("", row, tuple(operands)), "javascript")
