"""Writing a lowered program out as source that runs on its own; how names are kept apart stands in `spelling.py`."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isfinite
from pathlib import PurePath
from typing import NamedTuple

from .. import escape, ops
from ..engine import Value
from ..graph.structure import Where, structure
from .lower import CHOOSE, Instruction, Lowered, Operand
from .spelling import FUNCTIONS, MORE, MORE_OF_TWO, check_language, helpers, number, spell

WIDTH = 110
LONGEST = 32  # terms of a sum in one line; what is longer takes several, for parsers dislike deep expressions
MATH = (*FUNCTIONS, *MORE, *MORE_OF_TWO, "pow")  # of Python's module math

FINITE = """
def finite_(check):
    if check != 0:
        raise OverflowError("a number is too large for a float")
"""
FILES = {".c": "c", ".py": "python", ".js": "javascript", ".mjs": "javascript"}
LAYOUTS = {  # of these files
    "c": """// Usage, after #include of this file:
// double outputs[{outputs}], gradient[{count}];
// int failed = {function}(1, (double[]){row}, parameters, outputs, gradient);

{source}
const double parameters[{count}] = {parameters};
""",
    "python": """# Usage, after an import of this file's names:
# outputs, gradient = {function}({arguments})

{source}

parameters = {parameters}
""",
    "javascript": """// Usage, after an import of this file's names:
// const [outputs, gradient] = {function}({arguments});

{source}
export const parameters = {parameters};
""",
}
COMMENT = "becomes NaN where a number is infinite and might not show"


class Arrays(NamedTuple):
    """How a library of arrays begins, takes rows and parameters apart, and puts results together."""

    imports: str
    rows: str  # as an array
    parameters: str
    inputs: str
    outputs: str
    several: str  # outputs
    gradient: str  # of a list of the gradients
    no_gradient: str


ARRAYS = {
    "numpy": Arrays(
        "import numpy as np",
        "np.asarray(rows_, dtype=np.float64)",
        "np.asarray(parameters_).tolist()",
        "rows_.T.copy()",
        "np.full(count_, {}, dtype=np.float64)",
        "np.stack([{}], axis=1)",
        "np.array(gradient_, dtype=np.float64)",
        "np.zeros(0)",
    ),
    "torch": Arrays(
        "import torch",
        "rows_",
        "parameters_.unbind()",
        "rows_.unbind(dim=1)",
        "rows_.new_zeros(count_) + {}",
        "torch.stack([{}], dim=1)",
        "torch.stack([rows_.new_zeros(()) + g_ for g_ in gradient_])",
        "rows_.new_zeros(0)",
    ),
    "jax": Arrays(
        "import jax\nimport jax.numpy as jnp",
        "jnp.asarray(rows_)",
        "jnp.asarray(parameters_)",
        "rows_.T",
        "jnp.broadcast_to({}, count_)",
        "jnp.stack([{}], axis=1)",
        "jnp.array(gradient_)",
        "jnp.zeros(0)",
    ),
}


def emit(program: Lowered, language: str, gradient: bool = True, by_name: bool = False) -> str:
    """Return the program's source, which computes the outputs and, if asked for, the gradient.

    What a language lacks is an error or, `by_name`, the call of a function of that name.

    Raises:
        ValueError: an unknown language; the text has the names.
        CompilerError: the language lacks an operation; the text says how to add it.
    """
    check_language(language)
    if not gradient:
        program = program._replace(backward=(), gradients=())
    program = _cut_sums(program)
    if language in ARRAYS:
        return _arrays(program, gradient, language, by_name)
    return _python(program, gradient, by_name) if language == "python" else BRACES[language](program, gradient)


def emit_file(program: Lowered, path: str, row: Sequence[float], params: Sequence[float], gradient: bool) -> str:
    """Return what `Program.save` writes to a file of this name; the example has one row of inputs."""
    if (ending := PurePath(path).suffix) not in FILES:
        raise ValueError(f"a program is saved in a file that ends in {', '.join(FILES)}, not in {path!r}")
    language = FILES[ending]
    lists = [[repr(float(x)) if isfinite(x) else number(x, language) for x in numbers] for numbers in (row, params)]
    inputs, numbers = (_listed(written, *("{}" if language == "c" else "[]")) for written in lists)
    example = ("\n# " if language == "python" else "\n// ").join(inputs)
    return LAYOUTS[language].format(
        function=("valueAndGrad" if language == "javascript" else "value_and_grad") if gradient else "value",
        row=example,
        arguments="*parameters" if language == "python" and not row else f"[{example}], parameters",
        outputs=len(program.outputs),
        count=len(params),
        source=emit(program, language, gradient),
        parameters="\n".join(numbers),
    )


# -------------------- one function for each kind of language --------------------


def _python(program: Lowered, gradient: bool, by_name: bool) -> str:
    program = _guard(program, by_name)
    functions = helpers(_code(program), "python")
    checks = _sums_of_zeros(program.watched())
    functions += FINITE if checks else ""
    check = ["finite_(check_)"] if checks else []
    start = [f"check_ = 0.0  # {COMMENT}"] if checks else []
    grads = _listed([number(x) for x in program.gradients], "[", "]")
    total = program.kept if program.inputs else []  # without inputs there is but one row

    def write(i: Instruction) -> str:
        return f"{i.target} {'+=' if i.target in total else '='} {spell(i, 'python', by_name)}"

    row = [*_write_code(program, write, "# {}"), *(f"check_ += {x}" for x in checks)]
    name = "value_and_grad" if gradient else "value"
    if program.inputs:
        head = [f"def {name}(rows_, parameters_):"]
        comma = "," if len(program.inputs) == 1 else ""
        body = _unpacked(program.parameters, "parameters_")
        body += [*start, *(f"{x} = 0.0" for x in program.kept), "outputs_ = []"]
        body += [*_listed(program.inputs, "for (", f"{comma}) in rows_:"), *_indented(row)]
        body += [
            f"    outputs_.append({_results(program, 'python')})",
            *check,
            f"return outputs_, {grads[0]}",
            *grads[1:],
        ]
    else:
        head = _listed(program.parameters, f"def {name}(", "):")
        body = [*start, *row, *check, f"return {_results(program, 'python')}, {grads[0]}", *grads[1:]]
    text = "\n".join([*head, *_indented([_docstring(program, gradient, "rows"), *body])])
    used = [x for x in MATH if re.search(rf"\b{x}\(", functions + text)]
    imports = f"from math import {', '.join(used)}\n" if used else ""
    gap = "\n\n" if imports or functions else ""
    return f"{imports}{_spaced(functions)}{gap}{text}\n"


def _arrays(program: Lowered, gradient: bool, language: str, by_name: bool) -> str:
    """Write for NumPy or a library like it: a name holds an array of one number for each row, or one number."""
    words, kept = ARRAYS[language], set(program.kept)
    varying = set(program.inputs)  # names that hold an array

    def write(i: Instruction) -> str:
        right = spell(i, language, by_name)
        here = [x for x in i.operands if x in varying]
        if i.target not in kept:
            varying.update([i.target] if here else [])
            return f"{i.target} = {right}"
        if not here:
            return f"{i.target} = count_ * ({right})"
        if i.op is ops.multiply and len(here) == 2:
            return f"{i.target} = {i.operands[0]} @ {i.operands[1]}"
        return f"{i.target} = {right if right.isidentifier() else f'({right})'}.sum()"

    row = _write_code(program, write, "# {}")
    body = [] if words.rows == "rows_" else [f"rows_ = {words.rows}"]
    body += ["count_ = rows_.shape[0]", *_unpacked(program.parameters, words.parameters)]
    body += [*_unpacked(program.inputs, words.inputs), *row]
    functions = helpers(_code(program), language)
    checks = [f"np.sum({x})" for x in _sums_of_zeros(program.watched())]
    if checks and language == "numpy":
        functions += FINITE
        body += [f"check_ = 0.0  # {COMMENT}", *(f"check_ += {x}" for x in checks), "finite_(check_)"]
    if program.gradients:
        body += _listed([number(x, language) for x in program.gradients], "gradient_ = [", "]")
    total = words.gradient if program.gradients else words.no_gradient
    outputs = [words.outputs.format(number(x, language)) for x in program.outputs]
    body += [f"return {outputs[0] if len(outputs) == 1 else words.several.format(', '.join(outputs))}, {total}"]
    head = f"def {'value_and_grad' if gradient else 'value'}(rows_, parameters_):"
    text = "\n".join([head, *_indented([_docstring(program, gradient, "array"), *body])])
    text = f'@np.errstate(all="ignore")\n{text}' if language == "numpy" else text
    return f"{words.imports}\n{_spaced(functions)}\n\n{text}\n"


def _javascript(program: Lowered, gradient: bool) -> str:
    kept = set(program.kept)

    def write(i: Instruction) -> str:
        right = spell(i, "javascript")
        return f"{i.target} += {right};" if i.target in kept else f"const {i.target} = {right};"

    row = [*_write_code(program, write, "// {}"), *(f"check_ += {x};" for x in _sums_of_zeros(program.watched()))]
    body = _listed(program.parameters, "const [", "] = parameters_;")
    body += [*(f"let {x} = 0;" for x in program.kept), "const outputs_ = [];", f"let check_ = 0;  // {COMMENT}"]
    body += [*_listed(program.inputs, "for (const [", "] of rows_) {"), *_indented(row)]
    body += [f"    outputs_.push({_results(program, 'javascript')});", "}", "finite_(check_);"]
    grads = _listed([number(x, "javascript") for x in program.gradients], "[", "]];")
    body += [f"return [outputs_, {grads[0]}", *grads[1:]]
    name = "valueAndGrad" if gradient else "value"
    lines = [f"export function {name}(rows_, parameters_) {{", *_indented(body), "}"]
    finite = (
        'function finite_(check) {\n    if (check !== 0) throw new RangeError("a number is too large for a double");\n}'
    )
    doc = f"// {_docstring(program, gradient, 'rows')[3:-3]}"
    functions = helpers(_code(program), "javascript").lstrip()
    return functions + "\n".join([finite, "", doc, *lines]) + "\n"


def _c(program: Lowered, gradient: bool) -> str:
    kept = set(program.kept)

    def write(i: Instruction) -> str:
        right = spell(i, "c")
        return f"{i.target} += {right};" if i.target in kept else f"const double {i.target} = {right};"

    def read(names: Sequence[str], source: str) -> list[str]:
        return [f"const double {x} = {source}[{j}];" for j, x in enumerate(names)]

    checks = _sums_of_zeros(list(dict.fromkeys([*program.watched(), *(number(x, "c") for x in program.outputs)])))
    row = [*read(program.inputs, "rows_"), *_write_code(program, write, "/* {} */")]
    row += [*(f"check_ += {x};" for x in checks), *(f"*outputs_++ = {number(x, 'c')};" for x in program.outputs)]
    body = [*read(program.parameters, "parameters_"), *(f"double {x} = 0;" for x in program.kept)]
    body += [f"double check_ = 0;  /* {COMMENT} */"]
    body += [f"for (; count_ > 0; count_--, rows_ += {len(program.inputs)}) {{", *_indented(row), "}"]
    body += [f"check_ += {x};" for x in _sums_of_zeros(program.kept)]
    body += [f"gradient_[{j}] = {number(x, 'c')};" for j, x in enumerate(program.gradients)]
    lines = [
        *(f"/* {_docstring(program, gradient, 'array')[3:-3]}", "   The rows lie one after the other. Return 0, or 1"),
        f"int {'value_and_grad' if gradient else 'value'}(long count_, const double *rows_, const double *parameters_,",
        "                   double *outputs_, double *gradient_) {",
        *_indented([*body, "return check_ != 0;"]),
        "}",
    ]
    lines[1] += " if a number was infinite or not a number. */"
    return helpers(_code(program), "c") + "\n" + "\n".join(lines) + "\n"


def _guard(program: Lowered, by_name: bool) -> Lowered:
    """Return the program with both sides of each choice written into it, for Python would raise where one is undefined.

    What is watched, or used elsewhere too, stays a line of its own.
    """
    code = _code(program)
    made = {i.target: i for i in code}
    used = {x for i in code for x in i.operands}
    outside = {*program.watched(), *program.outputs, *program.gradients, *(made.keys() - used)}  # whatever is chosen
    for i in reversed(code):
        if i.op is CHOOSE:
            outside.add(i.operands[0])
        if i.op is not CHOOSE and i.target in outside:
            outside.update(i.operands)

    def side(x: Operand) -> Operand:
        if not isinstance(x, str) or x not in made or x in outside:
            return x
        return f"({spell(made[x]._replace(operands=tuple(map(side, made[x].operands))), 'python', by_name)})"

    for i in code:
        if i.op is CHOOSE and i.target in outside:
            made[i.target] = i._replace(operands=(i.operands[0], *map(side, i.operands[1:])))
    forward, backward = (
        tuple(made[i.target] for i in part if i.target in outside) for part in (program.forward, program.backward)
    )
    return program._replace(forward=forward, backward=backward)


BRACES = {"javascript": _javascript, "c": _c}


# -------------------- lines --------------------


def _code(program: Lowered) -> tuple[Instruction, ...]:
    return (*program.forward, *program.backward)


def _results(program: Lowered, language: str) -> str:
    """Return the output, or a list of several."""
    outputs = [number(x, language) for x in program.outputs]
    return outputs[0] if len(outputs) == 1 else f"[{', '.join(outputs)}]"


def _docstring(program: Lowered, gradient: bool, kind: str) -> str:
    names = ", ".join(program.names)
    of = "its gradient" if len(program.names) == 1 else f"the gradient of {program.names[0]}"
    if not program.inputs and kind == "rows":
        return f'"""Return {names} and {of}."""' if gradient else f'"""Return {names}, and no gradient."""'
    what = f"the sum over rows of {of}" if gradient else "no gradient"
    return f'"""Return {names} for each row of inputs, and {what}."""'


def _write_code(program: Lowered, write: Callable[[Instruction], str], comment: str) -> list[str]:
    """Return a line for each instruction, with comments where a pass or another neuron begins."""
    lines: list[str] = []
    places: dict[Value | None, Where] = dict(structure(program.nodes).items())
    for title, code in ("forward", program.forward), ("backward", program.backward):
        place = None
        lines += [comment.format(title)] if code else []
        for instruction in code:
            if (found := places.get(instruction.node, place)) != place:
                place = found
                lines.append(comment.format(escape.comment(str(place))))
            lines.append(write(instruction))
    return lines


def _cut_sums(program: Lowered) -> Lowered:
    """Return the program with its long sums as several instructions each."""
    code = _code(program)
    taken = {*program.inputs, *program.parameters, *(instruction.target for instruction in code)}
    passes = ((x for line in code for x in _cut_sum(line, taken)) for code in (program.forward, program.backward))
    forward, backward = map(tuple, passes)
    return program._replace(forward=forward, backward=backward)


def _cut_sum(instruction: Instruction, taken: set[str]) -> Iterator[Instruction]:
    """Yield the instruction, or those that add up what it adds up; names that are taken are not given, and noted."""
    target, op, operands, node = instruction
    if op not in (ops.sum, ops.dot) or len(operands) <= 2 * LONGEST:
        yield instruction
        return
    terms: list[tuple[Operand, ...]] = [(x,) for x in operands]
    start: tuple[Operand, ...] = ()
    if op is ops.dot:
        half = len(operands) // 2
        terms, start = list(zip(operands[:half], operands[half:], strict=False)), operands[2 * half :]
    number = 1
    for i in range(0, len(terms), LONGEST):
        last = i + LONGEST >= len(terms)
        while not last and f"{target}_{number}" in taken:
            number += 1
        name = target if last else f"{target}_{number}"
        taken.add(name)
        columns = zip(*terms[i : i + LONGEST], strict=True)
        yield Instruction(name, op, (*(x for column in columns for x in column), *start), node)
        start = (name,)


def _sums_of_zeros(names: Sequence[str]) -> list[str]:
    """Return sums that are 0 if all of the names are finite, and NaN otherwise."""
    return [" + ".join(f"({x} - {x})" for x in names[i : i + 6]) for i in range(0, len(names), 6)]


def _listed(items: Sequence[str], opening: str, closing: str) -> list[str]:
    """Return items with commas between them, in lines that are not too long."""
    lines, line = [], opening
    for item in items:
        if len(line) + len(item) > WIDTH:
            lines.append(line.rstrip())
            line = "    "
        line += f"{item}, "
    return [*lines, line.removesuffix(", ") + closing]


def _unpacked(names: tuple[str, ...], what: str) -> list[str]:
    """Return the assignment of a sequence to names."""
    return _listed(names, "(", f"{',' if len(names) == 1 else ''}) = {what}") if names else []


def _indented(lines: Iterable[str]) -> list[str]:
    """Return the lines one level further in."""
    return [f"    {line}" for line in lines]


def _spaced(functions: str) -> str:
    return functions.replace("\ndef", "\n\ndef")
