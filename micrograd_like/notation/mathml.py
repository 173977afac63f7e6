"""LaTeX of the kind that `latex.py` writes, as MathML: browsers show it without a script, screen readers speak it."""

import re

from ..escape import html

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
        return f"<{tag}>{html(_ESCAPED.sub(lambda match: match[1], written))}</{tag}>"
    if token in _IDENTIFIERS or token.isalpha():
        return f"<mi>{_IDENTIFIERS.get(token, token)}</mi>"
    return f"<mn>{token}</mn>" if token[0].isdigit() else f"<mo>{html(_SYMBOLS.get(token, token))}</mo>"
