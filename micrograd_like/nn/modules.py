"""A small neural network library: neurons, layers of neurons, and the multi-layer perceptron."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from numbers import Rational
from operator import index
from random import Random, random
from typing import Any, TypeAlias, TypedDict, Unpack, cast

from .. import ops
from ..engine import UNREACHED, Value, dot
from ..graph.structure import Place, Unit
from ..notation.names import constant, parameter
from .init import Initializer, initializer

Inputs: TypeAlias = Iterable[Value | float | Rational]  # Values where the graph goes on beneath the network
Outputs: TypeAlias = Value | list[Value]

ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "linear": lambda v: v,
    "relu": ops.relu,
    "leaky_relu": ops.leaky_relu,
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "softplus": ops.softplus,
}


class Module:
    """Something with parameters; they are found in its attributes, and in the lists and modules among them.

    A module whose parameters are others overrides `parameters()`; this counts wherever the module is a part.
    """

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yield each of the parameters with its path from here, such as `layers.0.neurons.1.w.2`.

        What an overridden `parameters()` adds to those in the attributes is called `parameters.0`, by its position.
        """
        found = self._found()
        if getattr(self.parameters, "__func__", None) is Module.parameters:
            yield from found
            return
        left = {p: f"parameters.{i}" for i, p in enumerate(self.parameters())}
        yield from (named := [(path, p) for path, p in found if p in left])
        known = {p for _, p in named}
        yield from ((path, p) for p, path in left.items() if p not in known)

    def parameters(self) -> list[Value]:
        """Return all parameters in the order of `named_parameters()`, each once even if neurons share it."""
        return list(dict.fromkeys(p for _, p in self._found()))

    def zero_grad(self) -> None:
        """Reset the gradients of all parameters."""
        for p in self.parameters():
            p.grad = UNREACHED

    _bare = True  # whether Values that are attributes themselves, or in lists there, are parameters too

    def _found(self) -> Iterator[tuple[str, Value]]:
        for name, attribute in vars(self).items():
            yield from _find_parameters(name, attribute, self._bare)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # in a notebook
        from ..pictures.display import bundle

        return bundle(self)


class Options(TypedDict, total=False):
    """The options of a neuron, which a layer hands on."""

    nonlin: bool
    activation: str | None
    init: str | Initializer | None
    bias: bool
    seed: int | Random | None


class Neuron(Module):
    """A neuron: activation(w1*x1 + … + wn*xn + b).

    Its parameters are `w` and `b`; a class of your own with further ones overrides `parameters()`, as in micrograd.
    """

    w: list[Value]
    b: Value | None  # None: the neuron passes through the origin
    _unit = Unit(activation="relu")  # each has its own as soon as it has an activation of its own

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: str | None = None,
        init: str | Initializer | None = None,
        bias: bool = True,
        seed: int | Random | None = None,
        fan_out: int = 1,
    ) -> None:
        """Draw the weights; the bias starts at 0.

        Args:
            nin: how many inputs it has.
            nonlin: False makes it linear, as in micrograd.
            activation: a name in ACTIVATIONS; None takes relu, or linear for nonlin=False.
            init: a name in `init.INITIALIZERS` or a function like those; None takes what suits the activation.
            bias: whether there is one.
            seed: the same seed draws the same weights; None draws from the module `random`, whose seed then counts.
            fan_out: how many neurons its layer has.

        Raises:
            ValueError: no inputs, an unknown activation or init, or two activations; the text has the names.
            TypeError: `nin` is not an integer, or `nonlin` is a word.
        """
        if isinstance(nonlin, str):
            raise TypeError(f"nonlin is True or False, not {nonlin!r}: write activation={nonlin!r}")
        if not nonlin and activation not in (None, "linear"):
            raise ValueError(f"nonlin=False makes a linear neuron: leave it out for activation={activation!r}")
        activation = activation or ("relu" if nonlin else "linear")
        check_activation(activation)
        rng, draw = _random(seed), initializer(init, activation)
        self.w = [parameter(draw(nin, fan_out, rng), f"w[{i}]") for i in range(1, _count("nin", nin) + 1)]
        self.b = parameter(0.0, "b") if bias else None
        self.activation = activation
        for i, p in _weights(self):
            p.place = Place(self._unit, i)

    @property
    def activation(self) -> str:
        """The name of the activation; another may be set."""
        return self._unit.activation

    @activation.setter
    def activation(self, name: str) -> None:
        vars(self).setdefault("_unit", Unit()).activation = name

    @property
    def nonlin(self) -> bool:
        """Whether the activation is another than "linear", as micrograd asks; to set it chooses relu or linear."""
        return self.activation != "linear"

    @nonlin.setter
    def nonlin(self, nonlin: bool) -> None:
        if bool(nonlin) != self.nonlin or not nonlin:
            self.activation = "relu" if nonlin else "linear"

    def __call__(self, x: Inputs) -> Value:
        """Return the output for the inputs `x`; ValueError if they are not one for each weight."""
        values, weights, name = x if type(x) is _Values else as_values(x), self.w, self._unit.activation
        if len(values) != len(weights):
            raise ValueError(f"expected {len(weights)} input{'s' * (len(weights) != 1)}, got {len(values)}")
        if name not in ACTIVATIONS:
            check_activation(name)
        return ACTIVATIONS[name](dot(weights, values, self.b))

    def _found(self) -> Iterator[tuple[str, Value]]:
        for name in "w", "b":
            yield from _find_parameters(name, getattr(self, name, None))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.w)}{self.options()})"

    def options(self) -> str:
        """Return the options in which it differs from the default, as they are written in a call."""
        activation = "" if self.activation == "relu" else f", activation={self.activation!r}"
        return activation + ("" if self.b is not None else ", bias=False")


class Layer(Module):
    """Neurons side by side, which all have the same inputs; a neuron may be whatever can be called with them."""

    neurons: list[Neuron]
    _bare = False

    def __init__(self, nin: int, nout: int, **options: Unpack[Options]) -> None:
        """Make `nout` neurons of `nin` inputs each; the options and the errors are those of Neuron."""
        options["seed"] = _random(options.get("seed"))
        self.neurons = [Neuron(nin, fan_out=nout, **options) for _ in range(_count("nout", nout))]

    def __setattr__(self, name: str, x: object) -> None:
        super().__setattr__(name, x)
        if name == "neurons":
            self._settle(*vars(self).get("_at", (object(), 1, "")))

    def __call__(self, x: Inputs) -> Outputs:
        """Return the neurons' outputs for the inputs `x` as a list; as one Value if there is one neuron.

        Numbers among the inputs become constants labelled x1, x2, …; Values are taken as they are.

        Raises:
            ValueError: not as many inputs as the neurons take.
        """
        values = as_values(x)
        outputs = [neuron(values) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def _settle(self, network: object, number: int, written: str) -> None:
        """Place the neurons, and label the weight from unit 3 to neuron 2 of layer 1 `w1[3→2]`, its bias `b1[2]`."""
        self._at = network, number, written
        for j, neuron in enumerate(self.neurons, start=1):
            unit = getattr(neuron, "__dict__", {}).get("_unit") or Unit()
            unit.network, unit.layer, unit.neuron = network, number, j
            for i, p in _weights(neuron):
                p.place = Place(unit, i)
                p.label = f"b{written}[{j}]" if i is None else f"w{written}[{i}→{j}]"

    def __repr__(self) -> str:
        first, name = self.neurons[0], type(self).__name__
        if any(type(n) is not Neuron or repr(n) != repr(first) for n in self.neurons):
            return f"{name} of [{_list(self.neurons)}]"
        return f"{name}({len(first.w)}, {len(self.neurons)}{first.options()})"


class MLP(Module):
    """A multi-layer perceptron: each layer's outputs are the inputs of the next."""

    layers: list[Layer]
    scaling: Callable[[Inputs], Inputs] | None = None  # applied to what the network is given, as `Dataset.scaling` says
    _bare = False

    def __init__(
        self,
        nin: int,
        nouts: Iterable[int],
        *,
        activation: str = "relu",
        output: str = "linear",
        init: str | Initializer | None = None,
        bias: bool = True,
        seed: int | Random | None = None,
    ) -> None:
        """Make one layer for each number in `nouts`: MLP(2, [16, 16, 1]) has two hidden layers and one output.

        Args:
            nin: how many inputs it has.
            nouts: how many neurons each layer has; the last number is that of the outputs.
            activation: what the hidden layers use, a name in ACTIVATIONS.
            output: what the last layer uses.
            init: as for a Neuron, and so are `bias`, `seed` and the errors; None takes what suits each activation.
            bias: whether the neurons have one.
            seed: the same seed draws the same weights.
        """
        if isinstance(nouts, str) or not isinstance(nouts, Iterable):
            raise TypeError(f"nouts is a list such as [16, 16, 1], not {nouts!r}")
        sizes, rng = [nin, *nouts], _random(seed)
        if len(sizes) == 1:
            raise ValueError("nouts names no layer: write one number of neurons for each, such as [16, 16, 1]")
        check_activation(activation)  # no layer looks at it where there is only one
        names = [activation] * (len(sizes) - 2) + [output]
        self.layers = [
            Layer(a, b, activation=name, init=init, bias=bias, seed=rng)
            for a, b, name in zip(sizes, sizes[1:], names, strict=False)
        ]

    def __setattr__(self, name: str, x: object) -> None:
        super().__setattr__(name, x)
        if name == "layers":
            network = object()
            for number, layer in enumerate((x for x in self.layers if isinstance(x, Layer)), start=1):
                layer._settle(network, number, str(number))

    def __call__(self, x: Inputs) -> Outputs:
        """Return the output for the inputs `x`, as the last layer does; inputs and errors are as for a Layer."""
        out: Outputs = as_values(x if self.scaling is None else self.scaling(x))
        for layer in self.layers:
            out = layer([out] if isinstance(out, Value) else out)
        return out

    def __repr__(self) -> str:
        return f"{type(self).__name__} of [{_list(self.layers)}]"


def as_values(x: Inputs) -> list[Value]:
    """Return inputs as Values; a number becomes a constant labelled x1, x2, and so on.

    Raises:
        TypeError: they are not a list of numbers or Values.
    """
    if type(x) is _Values:
        return x
    if type(x) is list and {*map(type, x)} == {Value}:  # as between layers
        return _Values(x)
    if isinstance(x, Value | str) or not isinstance(x, Iterable):
        raise TypeError(f"the inputs are a list, such as [1.0, 2.0], not {x!r}")
    return _Values(v if isinstance(v, Value) else constant(v, f"x{i}") for i, v in enumerate(x, start=1))


def check_activation(name: str) -> None:
    """Raise ValueError unless there is an activation of this name."""
    if name not in ACTIVATIONS:
        raise ValueError(f"unknown activation {name!r}; choose from {', '.join(ACTIVATIONS)}")


# -------------------- helpers --------------------


class _Values(list[Value]):
    """Inputs that were looked through already, so that not every neuron of a layer does it again."""


def _weights(neuron: object) -> list[tuple[int | None, Value]]:
    """Return the weights, numbered from 1, and the bias of whatever is used as a neuron, if it has them."""
    w, b = getattr(neuron, "w", None), getattr(neuron, "b", None)
    numbered = [*enumerate(w, start=1), (None, b)] if isinstance(w, list | tuple) else [(None, b)]
    return [(i, p) for i, p in numbered if isinstance(p, Value)]


def _find_parameters(path: str, x: object, bare: bool = True) -> Iterator[tuple[str, Value]]:
    """Yield the parameters of the modules in an attribute, and the leaves there if `bare`."""
    if isinstance(x, Value):
        if bare and not x.operands and x.op is not ops.CONSTANT:
            yield path, x
    elif isinstance(x, Module):
        for name, p in x.named_parameters():
            yield f"{path}.{name}", p
    elif isinstance(x, list | tuple):
        for i, item in enumerate(x):
            yield from _find_parameters(f"{path}.{i}", item, bare)
    elif callable(parameters := getattr(x, "parameters", None)) and not isinstance(x, type):
        for i, p in enumerate(parameters()):
            yield from _find_parameters(f"{path}.parameters.{i}", p)


def _count(name: str, n: Any) -> int:
    if not hasattr(n, "__index__") or isinstance(n, bool):
        raise TypeError(f"{name} is a whole number, not {n!r}")
    if n < 1:
        raise ValueError(f"{name} must be at least 1, not {n}")
    return index(n)


def _random(seed: int | Random | None) -> Random:
    if seed is None:
        return cast(Random, random.__self__)  # type: ignore[attr-defined]  # what random.seed(7) sets
    return seed if isinstance(seed, Random) else Random(index(seed) if hasattr(seed, "__index__") else seed)


def _list(modules: Iterable[object]) -> str:
    """Write out a list of modules, with `16 x` in front of what comes 16 times in a row."""
    runs = [(text, len(list(run))) for text, run in groupby(map(repr, modules))]
    return ", ".join(f"{n} x {text}" if n > 1 else text for text, n in runs)
