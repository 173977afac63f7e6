"""What a node may hold, whether that is still true, and what errors say of it."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import TYPE_CHECKING, Any

from .escape import one_line

if TYPE_CHECKING:
    from .engine import Value

OWN_OPERATION = (
    "write cube = Operation('cube', 'cube', lambda x: x**3, x='3 * x**2'), with Operation from micrograd_like, "
    "and then cube(v) or v.cube()"
)


def not_a_label(label: Any) -> str:
    """Return what to say of a label that is not a string."""
    if isinstance(label, tuple | set | list):
        return f"operations make nodes, and Value(data, label) only leaves. For one of your own {OWN_OPERATION}"
    return f"a label is a string, not {label!r}: write label={str(label)!r}"


def as_number(x: Any) -> Any:
    """Return what a Value holds for `x`: a float, or the fraction itself."""
    if hasattr(x, "operands"):
        raise TypeError(f"{x!r} is a Value already: use it as it is, or write Value(v.data) for a new leaf")
    if type(x) is int or is_real(x):
        if type(x) is not int and isinstance(x, Rational) and not isinstance(x, Integral):
            return x
        try:
            return float(x)
        except OverflowError:
            raise OverflowError(f"an integer of {x.bit_length()} bits is too large for a float") from None
    if isinstance(x, str):
        hint = "write Value(3.0), or Value(float(text)) for a number in a string"
    elif isinstance(x, complex):
        hint = "write Value(z.real) and Value(z.imag) for the two parts of z"
    elif getattr(x, "size", None) == 1 and hasattr(x, "item"):
        hint = "write Value(x.item())"
    elif hasattr(x, "__iter__"):
        hint = "write [Value(x) for x in numbers] for a list of Values"
    else:
        hint = "write Value(2.0), or Value(Fraction(1, 2)) for an exact fraction"
    raise TypeError(f"a Value holds one real number, not {x!r} ({type(x).__name__}): {hint}")


def is_real(x: Any) -> bool:
    """Tell whether `x` is a real number, or one of NumPy's truth values."""
    return isinstance(x, Real) or (type(x).__module__ == "numpy" and type(x).__name__ in ("bool", "bool_"))


# -------------------- a graph's numbers --------------------


def is_true(v: "Value", numbers: Sequence[Any]) -> bool:
    """Tell whether a node's data is what its operation makes of these numbers."""
    try:
        data = v.op.forward(*numbers)
    except (ValueError, ArithmeticError):
        return False
    return bool(data == v.data or data != data)


def stale(order: Iterable["Value"]) -> list["Value"]:
    """Return the nodes whose data does not follow from the data below them, which was changed since the forward pass.

    Operands come before what was made of them. It costs as much as the forward pass did; of a graph that nobody has
    changed the list is empty.
    """
    old: dict[Value, None] = {}
    for v in order:
        is_above = bool(old) and any(x in old for x in v.operands)
        if is_above or (v.operands and not is_true(v, [x.data for x in v.operands])):
            old[v] = None
    return [*old]


def check_data(order: Sequence["Value"]) -> None:
    """Raise ValueError if a node of a graph is stale or NaN; the text says which, and what to do."""
    for v in order:
        if v.data != v.data:
            raise ValueError(f"{describe(v)} is not a number (NaN): find out where it came from")
        if v.operands and not is_true(v, [x.data for x in v.operands]):
            example = v.op.example([x.data for x in v.operands], [x.label for x in v.operands])
            name = f"{one_line(v.label)} = " if v.label else "the node "
            raise ValueError(
                f"{name}{example} holds {v.data}: numbers were changed after the forward pass. "
                "Write the formula again with the new numbers, or call recompute() on the output"
            )


def local_derivative(v: "Value", i: int, numbers: Sequence[Any]) -> Any:
    """Return ∂v/∂operand `i`, the operands' data being `numbers`; ValueError, naming both, if it is not finite."""
    try:
        local = v.op.local(i, v.data, numbers)
    except (ValueError, ArithmeticError):
        local = float("nan")
    if local.__class__ is float and isinstance(v.data, Fraction) and (2 * local).is_integer():
        local = Fraction(local)  # a formula's 0.5 is exact, but a logarithm is not
    if local - local:  # not 0: infinite or NaN
        place = ("first", "second", "third")[i] if i < 3 else f"{i + 1}th"
        name = one_line(v.operands[i].label) or f"its {place} operand"
        example = v.op.example(numbers, [x.label for x in v.operands])
        where = f" ({made_at(v)})" if hasattr(v, "source") else ""
        raise ValueError(f"{example} = {v.data} has no finite derivative with respect to {name}{where}")
    return local


# -------------------- what nodes are called in messages --------------------


def describe(v: "Value") -> str:
    """Return a node's name and number for a message: `'e' (-6.0)`, or `a * b = -6.0` where it has no label."""
    if v.label:
        said = f"{v.label!r} ({v.data})"
    elif v.operands:
        said = f"{v.op.example([x.data for x in v.operands], [x.label for x in v.operands])} = {v.data}"
    else:
        said = f"the {v.op.name} {v.data}"
    return f"{said}, {made_at(v)}" if hasattr(v, "source") else said


def made_at(v: "Value") -> str:
    """Return where in a program a node was made, or nothing if that was not recorded."""
    return f"made at {v.source}" if hasattr(v, "source") else ""
