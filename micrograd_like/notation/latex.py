r"""Names, numbers, operations and local derivatives as LaTeX, and LaTeX of that kind as MathML.

Only what KaTeX, MathJax and matplotlib's mathtext all know is used: no environments, and nothing that Markdown would
take for its own. An operation that is not written between its operands has a row in `_SPELLINGS`.
"""

import ast
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from html import escape
from typing import Any

from .. import ops
from ..ops import Dot, Operation, Variadic
from .names import format_number, is_decimal

# -------------------- names and numbers --------------------

# What has a meaning in \text{…}, or in the Markdown around it -> how it is written there, or after it where it is math.
_IN_TEXT = {c: rf"\{c}" for c in "#$%&_{}"} | {"`": "‘"}
_IN_MATH = {"\\": r"\backslash", "~": r"\sim", "^": r"\wedge", "|": r"\vert", "<": "<", ">": ">", "*": r"\ast"}
_NUMBER = re.compile(r"-?\d{1,300}(/[1-9]\d{,300}|(\.\d*)?(e[+-]?\d+)?)|-?inf|nan", re.ASCII)
_NAME = re.compile(r"([A-Za-z]+)(?:(\d*)\[([^][]+)\]|_?(\d+)|_([A-Za-z]+))?", re.ASCII)


def name(label: str) -> str:
    r"""Return a node's name: `x1` as `x_{1}`, `w1[3->2]` as `w^{(1)}_{3 \to 2}`, anything unusual as `\text{…}`."""
    if _NUMBER.fullmatch(label):  # of a constant
        return number(Fraction(label) if "/" in label else float(label))
    parts = _NAME.fullmatch(label)
    if not parts:
        return _text(label)
    word, layer, index, *rest = parts.groups()
    word = word if len(word) == 1 else rf"\text{{{word}}}"
    if index:
        return f"{word}^{{({layer})}}_{{{_index(index)}}}" if layer else f"{word}_{{{_index(index)}}}"
    digits, tail = rest
    return f"{word}_{{{digits or _index(tail)}}}" if digits or tail else word


def _index(written: str) -> str:
    ends = written.split("->")
    return r" \to ".join(x if re.fullmatch(r"\d+|[A-Za-z]", x) else _text(x) for x in ends)


def _text(label: str) -> str:
    r"""Return text in `\text{…}`, and outside of it the characters that only math mode knows everywhere."""
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in label)
    runs = [run for run in re.split(r"([\\~^|<>*])", printable) if run] or [""]
    written = [_IN_MATH.get(run) or rf"\text{{{''.join(_IN_TEXT.get(c, c) for c in run)}}}" for run in runs]
    return written[0] if len(written) == 1 else f"{{{' '.join(written)}}}"


def number(x: Any) -> str:
    r"""Return a number with six significant digits, or a Fraction as `\frac{a}{b}`; exponents are powers of ten."""
    if not isinstance(x, float):
        x = Fraction(x)
        if is_decimal(x):
            return format_number(x)
        written = str(abs(x.numerator)) if x.denominator == 1 else rf"\frac{{{abs(x.numerator)}}}{{{x.denominator}}}"
        return f"-{written}" if x < 0 else written
    written = f"{x:.6g}"
    if "inf" in written:
        return written.replace("inf", r"\infty")
    if "nan" in written:
        return r"\text{NaN}"
    digits, _, exponent = written.partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits


# -------------------- parentheses --------------------
# What holds a piece of LaTeX together at its outermost level, from loose to tight.
_SUM, _SIGN, _PRODUCT, _POWER, _ATOM = range(5)


def _level(latex: str) -> int:
    """Return how tightly a piece of LaTeX holds together, to know where it needs parentheses."""
    depth, outside = 0, ""
    for token in re.findall(r"\\(?:left|right)(?![a-z])|\\[a-z]+|\\.|.", latex):
        if token in ("{", r"\left"):
            depth += 1
        elif token in ("}", r"\right"):
            depth -= 1
        elif not depth:
            outside += token
    if " + " in outside or " - " in outside:
        return _SUM
    if outside.startswith(("-", "+")):
        return _SIGN
    if r"\cdot" in outside:
        return _PRODUCT
    return _POWER if "^" in outside or r"\frac" in outside else _ATOM


def _parenthesise(latex: str) -> str:
    return rf"\left({latex}\right)"


def _tight(latex: str, level: int) -> str:
    """Return it with parentheses unless it holds together as tightly as `level`."""
    return latex if _level(latex) >= level else _parenthesise(latex)


def partial(of: str, by: str) -> str:
    r"""Return a derivative: `\frac{\partial L}{\partial a}`."""
    return rf"\frac{{\partial {of}}}{{\partial {by}}}"


def _unsigned(latex: str) -> str:
    """Return it with parentheses if it starts with a sign, which cannot follow another one."""
    return _parenthesise(latex) if latex.startswith(("-", "+")) else latex


def total(terms: Sequence[str]) -> str:
    """Return a sum of terms, negative ones in parentheses."""
    return " + ".join([*terms[:1], *map(_unsigned, terms[1:])])


def in_product(factor: str) -> str:
    """Return a factor as it stands after another one: a sum or a negative one in parentheses."""
    return _tight(factor, _PRODUCT)


def product(factors: Sequence[str]) -> str:
    """Return a product of factors, sums and negative ones in parentheses."""
    first, *rest = factors
    return r" \cdot ".join([_tight(first, _SIGN), *map(in_product, rest)])


def _difference(x: str, y: str) -> str:
    return f"{x} - {_parenthesise(y) if _level(y) <= _SIGN else y}"


def _power(x: str, y: str) -> str:
    return f"{_tight(x, _ATOM)}^{{{y}}}"


def _fraction(x: str, y: str) -> str:
    return rf"\frac{{{x}}}{{{y}}}"


# -------------------- operations --------------------


def _function(written: str) -> Callable[..., str]:
    return lambda *operands: rf"{written}\left({', '.join(operands)}\right)"


def _step(x: str, y: str, at_zero: str) -> str:
    """Return heaviside(x - y, at_zero) as Iverson brackets, which are 1 where what they say is true and 0 elsewhere."""
    step, weight = rf"\left[{x} > {y}\right]", number(Fraction(at_zero))
    return step if at_zero == "0" else rf"{step} + {weight} \cdot \left[{x} = {y}\right]"


_SPELLINGS: dict[str, Callable[..., str]] = {
    "add": lambda *terms: total(terms),
    "subtract": _difference,
    "multiply": lambda *factors: product(factors),
    "divide": _fraction,
    "negative": lambda x: f"-{_tight(x, _PRODUCT)}",
    "positive": lambda x: f"+{_tight(x, _PRODUCT)}",
    "power": _power,
    **{word: _function(rf"\{word}") for word in ("exp", "log", "sin", "cos", "tanh")},
    "sqrt": lambda x: rf"\sqrt{{{x}}}",
    "sigmoid": _function(r"\sigma"),
    "relu": _function(r"\operatorname{ReLU}"),
    "leaky_relu": _function(r"\operatorname{LeakyReLU}"),
    "abs": lambda x: rf"\left\vert {x}\right\vert",  # a plain | would end a cell of a table in Markdown
    "maximum": _function(r"\max"),
    "minimum": _function(r"\min"),
    "sum": lambda *terms: total(terms),
}


def operation(op: Operation, operands: Sequence[str]) -> str:
    r"""Return an operation written with its operands' LaTeX: `a \cdot b`, `\tanh\left(n\right)`."""
    if isinstance(op, Dot):
        n = len(operands) // 2
        return total([*map(product, zip(operands[:n], operands[n:], strict=False)), *operands[2 * n :]])
    spell = _SPELLINGS.get(op.name) or _function(rf"\operatorname{{{op.name}}}".replace("_", r"\_"))
    return spell(*operands)


def local(op: Operation, i: int, out: str, operands: Sequence[str]) -> str:
    """Return the formula of the local derivative ∂out/∂operand `i`, in LaTeX like `out` and the operands."""
    if isinstance(op, Dot):
        return str(op.partner(i, operands))
    if isinstance(op, Variadic):
        return _formula(op.formulas[0], {"x": operands[i], "out": out})
    return _formula(op.formulas[i], dict(zip(op.parameters, operands, strict=True), out=out))


def _formula(formula: str, names: dict[str, str]) -> str:
    """Return a formula of ops.py as LaTeX, with names in place of its own; without its `if … else 0`."""

    def write(node: ast.expr) -> str:
        match node:
            case ast.IfExp(body=body):
                return write(body)
            case ast.BinOp(left=ast.UnaryOp(op=ast.USub(), operand=left), op=ast.Div(), right=right):
                return operation(ops.negative, [_fraction(write(left), write(right))])
            case ast.BinOp(left=left, op=sign, right=right):
                return operation(ops.BY_SYNTAX[type(sign).__name__], [write(left), write(right)])
            case ast.UnaryOp(op=sign, operand=operand):
                return operation(ops.BY_SYNTAX[type(sign).__name__], [write(operand)])
            case ast.Call(
                func=ast.Name(id="heaviside"),
                args=[ast.BinOp(left=x, op=ast.Sub(), right=y), ast.Constant(value=at_zero)],
            ):
                return _step(write(x), write(y), str(at_zero))
            case ast.Call(func=ast.Name(id="heaviside"), args=[x, ast.Constant(value=at_zero)]):
                return _step(write(x), "0", str(at_zero))
            case ast.Call(func=ast.Name(id=function), args=arguments):
                return operation(ops.OPERATIONS[function], [write(x) for x in arguments])
            case ast.Name(id=known):
                return names[known]
        return ast.unparse(node)

    return write(ast.parse(formula, mode="eval").body)


# -------------------- MathML --------------------
# Browsers show it without any script, and screen readers speak it.

_TOKEN = re.compile(r"\\(?:text|operatorname)\{(?:\\.|[^\\}])*\}|\\[A-Za-z]+|\d+(?:\.\d*)?|\S")
_ESCAPED = re.compile(r"\\(.)")
_SYMBOLS = {
    r"\cdot": "·",
    r"\partial": "∂",
    r"\to": "→",
    r"\leftarrow": "←",
    r"\ldots": "…",
    r"\vert": "|",
    r"\backslash": "\\",
    r"\sim": "~",
    r"\wedge": "^",
    r"\ast": "*",
    "-": "−",
}
_IDENTIFIERS = {
    r"\sigma": "σ",
    r"\infty": "∞",
    **{rf"\{word}": word for word in ["exp", "log", "sin", "cos", "tanh", "max", "min"]},
}
_MINUS, _SIGNED = "<mo>−</mo>", '<mo form="prefix">−</mo>'


def mathml(latex: str) -> str:
    """Return LaTeX, as this module writes it, as a MathML element: browsers show it, and screen readers speak it."""
    tokens = _TOKEN.findall(latex)[::-1]  # the next one last
    return f"<math>{_row(tokens, '')}</math>"


def _row(tokens: list[str], end: str) -> str:
    """Take the tokens up to `end` and return their MathML as one element."""
    items: list[str] = []
    while tokens and tokens[-1] != end:
        base, scripts = _item(tokens), {}
        while tokens and tokens[-1] in ("_", "^"):
            kind = tokens.pop()
            scripts[kind] = _item(tokens)
        if base == _MINUS and (not items or items[-1].startswith("<mo")):
            base = _SIGNED  # or it would be spaced like a difference
        tag = {"_": "msub", "^": "msup", "_^": "msubsup"}.get("".join(sorted(scripts, reverse=True)), "")
        parts = "".join([base, *(scripts[kind] for kind in "_^" if kind in scripts)])
        items.append(f"<{tag}>{parts}</{tag}>" if tag else base)
    if tokens:
        tokens.pop()
    return items[0] if len(items) == 1 else f"<mrow>{''.join(items)}</mrow>"


def _item(tokens: list[str]) -> str:
    """Take one token, with the groups that belong to it, and return its MathML."""
    token = tokens.pop()
    if token == "{":
        return _row(tokens, "}")
    if token == r"\left":
        opening, inside, closing = _item(tokens), _row(tokens, r"\right"), _item(tokens)
        return f"<mrow>{opening}{inside}{closing}</mrow>"
    if token == r"\mathrel":
        return _item(tokens)
    if token == r"\frac":
        return f"<mfrac>{_item(tokens)}{_item(tokens)}</mfrac>"
    if token == r"\sqrt":
        return f"<msqrt>{_item(tokens)}</msqrt>"
    if token.startswith((r"\text{", r"\operatorname{")):
        command, _, written = token[1:-1].partition("{")
        tag = "mtext" if command == "text" else "mi"
        return f"<{tag}>{escape(_ESCAPED.sub(lambda match: match[1], written))}</{tag}>"
    if token in _IDENTIFIERS or token.isalpha():
        return f"<mi>{_IDENTIFIERS.get(token, token)}</mi>"
    return f"<mn>{token}</mn>" if token[0].isdigit() else f"<mo>{escape(_SYMBOLS.get(token, token))}</mo>"
