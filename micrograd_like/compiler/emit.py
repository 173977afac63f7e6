"""Writing a lowered program out as source that runs on its own."""

import re
from typing import NamedTuple

from .. import ops
from .emit_c import write_c
from .lower import Instruction, Lowered
from .spelling import SPELLINGS, helpers, number, spell
from .writing import cut_sums, indented, listed, sums_of_zeros, write_code

MATH = ("exp", "log", "log1p", "pow", "sqrt", "sin", "cos", "tanh")  # of Python's module math


class Arrays(NamedTuple):
    """How a library of arrays begins, takes rows and parameters apart, and puts results together."""

    imports: str
    parameters: str
    inputs: str
    outputs: str
    gradient: str  # of a list of the gradients
    no_gradient: str


ARRAYS = {
    "numpy": Arrays(
        "import numpy as np",
        "np.asarray(parameters).tolist()",
        "np.asarray(rows, dtype=float).T.copy()",
        "np.full(count, {}, dtype=float)",
        "np.array(gradient, dtype=float)",
        "np.zeros(0)",
    ),
    "torch": Arrays(
        "import torch",
        "parameters.unbind()",
        "rows.unbind(dim=1)",
        "rows.new_zeros(count) + {}",
        "torch.stack([rows.new_zeros(()) + g for g in gradient])",
        "rows.new_zeros(0)",
    ),
    "jax": Arrays(
        "import jax\nimport jax.numpy as jnp",
        "jnp.asarray(parameters)",
        "jnp.asarray(rows).T",
        "jnp.broadcast_to({}, count)",
        "jnp.array(gradient)",
        "jnp.zeros(0)",
    ),
}


def emit(program: Lowered, language: str, gradient: bool = True) -> str:
    """Return the program's source, which computes the outputs and, if asked for, the gradient.

    Raises:
        ValueError: an unknown language; the text has the names.
    """
    if language not in SPELLINGS:
        raise ValueError(f"a program is written in {', '.join(SPELLINGS)}, not {language!r}")
    if not gradient:
        program = program._replace(backward=(), gradients=())
    if language == "c":
        return write_c(program, gradient)
    program = cut_sums(program)
    if language in ARRAYS:
        return _arrays(program, gradient, language)
    return _javascript(program, gradient) if language == "javascript" else _python(program, gradient)


def _python(program: Lowered, gradient: bool) -> str:
    functions = helpers((*program.forward, *program.backward), "python")
    checks = sums_of_zeros(program.watched())
    check = ["if check:", '    raise OverflowError("a number is too large for a float")'] if checks else []
    start = ["check = 0.0  # becomes NaN where a number is infinite and might not show"] if checks else []
    grads = listed([number(x) for x in program.gradients], "[", "]")
    total = program.kept if program.inputs else []  # without inputs there is but one row

    def write(i: Instruction) -> str:
        return f"{i.target} {'+=' if i.target in total else '='} {spell(i, 'python')}"

    row = [*write_code(program, write, "# {}"), *(f"check += {x}" for x in checks)]
    name = "value_and_grad" if gradient else "value"
    if program.inputs:
        head = f"def {name}(rows, parameters):"
        comma = "," if len(program.inputs) == 1 else ""
        body = _unpacked(program.parameters, "parameters")
        body += [*start, *(f"{x} = 0.0" for x in program.kept), "outputs = []"]
        body += [*listed(program.inputs, "for (", f"{comma}) in rows:"), *indented(row)]
        body += [f"    outputs.append({number(program.output)})", *check, f"return outputs, {grads[0]}", *grads[1:]]
    else:
        head, *more = listed(program.parameters, f"def {name}(", "):")
        body = [*more, *start, *row, *check, f"return {number(program.output)}, {grads[0]}", *grads[1:]]
    text = "\n".join([head, *indented([_docstring(program, gradient, "rows"), *body])])
    used = [x for x in MATH if re.search(rf"\b{x}\(", functions + text)]
    imports = f"from math import {', '.join(used)}\n" if used else ""
    return f"{imports}{_spaced(functions)}{_gap(imports + functions)}{text}\n"


def _arrays(program: Lowered, gradient: bool, language: str) -> str:
    """Write for NumPy or a library like it: a name holds an array of one number for each row, or one number."""
    words, kept = ARRAYS[language], set(program.kept)
    varying = set(program.inputs)  # names that hold an array

    def write(i: Instruction) -> str:
        right = spell(i, language)
        here = [x for x in i.operands if x in varying]
        if i.target not in kept:
            varying.update([i.target] if here else [])
            return f"{i.target} = {right}"
        if not here:
            return f"{i.target} = count * ({right})"
        if i.op is ops.multiply and len(here) == 2:
            return f"{i.target} = {i.operands[0]} @ {i.operands[1]}"
        return f"{i.target} = {right if right.isidentifier() else f'({right})'}.sum()"

    row = write_code(program, write, "# {}")
    body = ["count = len(rows)", *_unpacked(program.parameters, words.parameters)]
    body += [*_unpacked(program.inputs, words.inputs), *row]
    checks = [f"np.sum({x})" for x in sums_of_zeros(program.watched())]
    if checks and language == "numpy":
        body += [*listed(checks, "if sum([", "]):  # NaN where a number is infinite and might not show")]
        body += ['    raise OverflowError("a number is too large for a float")']
    if program.gradients:
        body += listed([number(x) for x in program.gradients], "gradient = [", "]")
    total = words.gradient if program.gradients else words.no_gradient
    body += [f"return {words.outputs.format(number(program.output))}, {total}"]
    head = f"def {'value_and_grad' if gradient else 'value'}(rows, parameters):"
    text = "\n".join([head, *indented([_docstring(program, gradient, "array"), *body])])
    functions = _spaced(helpers((*program.forward, *program.backward), language))
    return f"{words.imports}\n{functions}\n\n{text}\n"


def _javascript(program: Lowered, gradient: bool) -> str:
    kept = set(program.kept)

    def write(i: Instruction) -> str:
        right = spell(i, "javascript")
        return f"{i.target} += {right};" if i.target in kept else f"const {i.target} = {right};"

    row = [*write_code(program, write, "// {}"), *(f"check += {x};" for x in sums_of_zeros(program.watched()))]
    body = listed(program.parameters, "const [", "] = parameters;")
    body += [*(f"let {x} = 0;" for x in program.kept), "const outputs = [];"]
    body += ["let check = 0;  // becomes NaN where a number is infinite and might not show"]
    body += [*listed(program.inputs, "for (const [", "] of rows) {"), *indented(row)]
    body += [f"    outputs.push({number(program.output)});", "}"]
    body += ['if (check !== 0) throw new RangeError("a number is too large for a double");']
    grads = listed([number(x) for x in program.gradients], "[", "]];")
    body += [f"return [outputs, {grads[0]}", *grads[1:]]
    name = "valueAndGrad" if gradient else "value"
    lines = [f"export function {name}(rows, parameters) {{", *indented(body), "}"]
    doc = f"// {_docstring(program, gradient, 'rows')[3:-3]}\n"
    functions = helpers((*program.forward, *program.backward), "javascript").lstrip()
    return functions + doc + "\n".join(lines) + "\n"


def _docstring(program: Lowered, gradient: bool, kind: str) -> str:
    if not program.inputs and kind == "rows":
        what = f"{program.name} and its gradient" if gradient else f"{program.name}, and no gradient"
        return f'"""Return {what}."""'
    what = "the sum over rows of its gradient" if gradient else "no gradient"
    return f'"""Return {program.name} for each row of inputs, and {what}."""'


def _unpacked(names: tuple[str, ...], what: str) -> list[str]:
    """Return the assignment of a sequence to names."""
    return listed(names, "(", f"{',' if len(names) == 1 else ''}) = {what}") if names else []


def _spaced(functions: str) -> str:
    return functions.replace("\ndef", "\n\ndef")


def _gap(above: str) -> str:
    return "\n\n" if above else ""
