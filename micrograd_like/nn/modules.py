"""A small neural network library: neurons, layers of neurons, and the multi-layer perceptron."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from random import Random
from typing import Any, TypeAlias

from .. import ops
from ..engine import UNREACHED, Value, dot
from .init import Initializer, initializer

Inputs: TypeAlias = Iterable[Any]  # numbers, or Values where the graph goes on beneath the network

ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "linear": lambda v: v,
    "relu": ops.relu,
    "leaky_relu": ops.leaky_relu,
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "softplus": ops.softplus,
}


class Module:
    """Something with parameters; they are found in its attributes, and in the lists and Modules among them."""

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yield each parameter with its path from here, such as `layers.0.neurons.1.w.2`."""
        for name, attribute in vars(self).items():
            yield from _find_parameters(name, attribute)

    def parameters(self) -> list[Value]:
        """Return all parameters in the order of `named_parameters()`, each once even if neurons share it."""
        return list(dict.fromkeys(p for _, p in self.named_parameters()))

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.parameters():
            p.grad = UNREACHED

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # in a notebook
        from ..pictures.display import bundle

        return bundle(self)


class Neuron(Module):
    """A neuron: activation(w1*x1 + … + wn*xn + b)."""

    w: list[Value]
    b: Value | None  # None: the neuron passes through the origin
    activation: str

    def __init__(
        self,
        nin: int,
        activation: str = "relu",
        init: str | Initializer | None = None,
        bias: bool = True,
        seed: int | Random | None = None,
        fan_out: int = 1,
    ) -> None:
        """Draw the weights; the bias starts at 0.

        Args:
            nin: how many inputs it has.
            activation: a name in ACTIVATIONS.
            init: a name in `init.INITIALIZERS` or a function like those; None takes what suits the activation.
            bias: whether there is one.
            seed: the same seed draws the same weights, whatever the state of the module `random`.
            fan_out: how many neurons its layer has.

        Raises:
            ValueError: no inputs, or an unknown activation or init; the text has the names.
            TypeError: `nin` is no integer.
        """
        _check_activation(activation)
        rng, draw = _random(seed), initializer(init, activation)
        self.w = [_leaf(ops.PARAMETER, draw(nin, fan_out, rng), f"w[{i}]") for i in range(1, _count("nin", nin) + 1)]
        self.b = _leaf(ops.PARAMETER, 0.0, "b") if bias else None
        self.activation = activation

    def __call__(self, x: Inputs) -> Value:
        """Return the output for the inputs `x`; ValueError if they are not one for each weight."""
        return self.forward(_inputs(x, len(self.w)))

    def forward(self, x: list[Value]) -> Value:
        """Return the output as a call does, for inputs that are Values all."""
        return ACTIVATIONS[self.activation](dot(self.w, x, self.b))

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}, {self.activation!r}{', bias=False' if self.b is None else ''})"


class Layer(Module):
    """Neurons side by side, which all have the same inputs."""

    neurons: list[Neuron]

    def __init__(
        self,
        nin: int,
        nout: int,
        activation: str = "relu",
        init: str | Initializer | None = None,
        bias: bool = True,
        seed: int | Random | None = None,
    ) -> None:
        """Make `nout` neurons of `nin` inputs each; the other arguments and the errors are those of Neuron."""
        rng = _random(seed)
        self.neurons = [Neuron(nin, activation, init, bias, rng, nout) for _ in range(_count("nout", nout))]
        _label_connections(self)

    def __call__(self, x: Inputs) -> list[Value]:
        """Return each neuron's output for the inputs `x`; ValueError if they are not as many as its neurons take."""
        return self.forward(_inputs(x, len(self.neurons[0].w)))

    def forward(self, x: list[Value]) -> list[Value]:
        """Return the outputs as a call does, for inputs that are Values all."""
        return [neuron.forward(x) for neuron in self.neurons]

    def __repr__(self) -> str:
        return f"Layer of [{_list(self.neurons)}]"


class MLP(Module):
    """A multi-layer perceptron: each layer's outputs are the inputs of the next."""

    layers: list[Layer]

    def __init__(
        self,
        nin: int,
        nouts: Iterable[int],
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
            init: a name in `init.INITIALIZERS` or a function like those; None takes what suits each layer's activation.
            bias: whether the neurons have one.
            seed: the same seed draws the same weights, whatever the state of the module `random`.

        Raises:
            ValueError: no inputs, no layers, an empty layer, or an unknown activation or init; the text has the names.
            TypeError: `nin` is no integer, or `nouts` no list of integers.
        """
        if isinstance(nouts, str) or not isinstance(nouts, Iterable):
            raise TypeError(f"nouts is a list such as [16, 16, 1], not {nouts!r}")
        sizes, rng = [nin, *nouts], _random(seed)
        if len(sizes) == 1:
            raise ValueError("nouts names no layer: write one number of neurons for each, such as [16, 16, 1]")
        _check_activation(activation)  # no layer looks at it where there is only one
        names = [activation] * (len(sizes) - 2) + [output]
        self.layers = [Layer(a, b, name, init, bias, rng) for a, b, name in zip(sizes, sizes[1:], names, strict=False)]
        for number, layer in enumerate(self.layers, start=1):
            _label_connections(layer, str(number))

    def __call__(self, x: Inputs) -> Any:
        """Return the output for the inputs `x`: one Value if the last layer is one neuron, else a list of them.

        Numbers among the inputs become constants labelled x1, x2, …; Values are taken as they are.

        Raises:
            ValueError: not as many inputs as the first layer takes.
        """
        return self.forward(_inputs(x, len(self.layers[0].neurons[0].w)))

    def forward(self, x: list[Value]) -> Any:
        """Return the output as a call does, for inputs that are Values all."""
        for layer in self.layers:
            x = layer.forward(x)
        return x[0] if len(x) == 1 else x

    def __repr__(self) -> str:
        return f"MLP of [{_list(self.layers)}]"


# -------------------- helpers --------------------


def _leaf(op: ops.Operation, number: Any, label: str) -> Value:
    v = Value(number, label)
    v.op = op
    return v


def _find_parameters(path: str, x: Any) -> Iterator[tuple[str, Value]]:
    if isinstance(x, Value):
        if not x.operands and x.op is not ops.CONSTANT:
            yield path, x
    elif isinstance(x, Module):
        for name, p in x.named_parameters():
            yield f"{path}.{name}", p
    elif isinstance(x, list | tuple):
        for i, item in enumerate(x):
            yield from _find_parameters(f"{path}.{i}", item)


def _label_connections(layer: Layer, number: str = "") -> None:
    """Label the weight from unit 3 to neuron 2 of the first layer `w1[3->2]`, and that neuron's bias `b1[2]`."""
    for j, neuron in enumerate(layer.neurons, start=1):
        for i, w in enumerate(neuron.w, start=1):
            w.label = f"w{number}[{i}->{j}]"
        if neuron.b is not None:
            neuron.b.label = f"b{number}[{j}]"


def _inputs(x: Inputs, nin: int) -> list[Value]:
    """Return the inputs as Values; a number becomes a constant labelled x1, x2, and so on."""
    if isinstance(x, Value) or not isinstance(x, Iterable):
        raise TypeError(f"the inputs are a list of {nin}, not {x!r}")
    values = [v if isinstance(v, Value) else _leaf(ops.CONSTANT, v, f"x{i}") for i, v in enumerate(x, start=1)]
    if len(values) != nin:
        raise ValueError(f"expected {nin} input{'s' * (nin != 1)}, got {len(values)}")
    return values


def _check_activation(name: str) -> None:
    if name not in ACTIVATIONS:
        raise ValueError(f"an activation is {', '.join(ACTIVATIONS)}, not {name!r}")


def _count(name: str, n: Any) -> int:
    if not isinstance(n, int) or isinstance(n, bool):
        raise TypeError(f"{name} is a whole number, not {n!r}")
    if n < 1:
        raise ValueError(f"{name} must be at least 1, not {n}")
    return n


def _random(seed: int | Random | None) -> Random:
    return seed if isinstance(seed, Random) else Random(seed)


def _list(modules: Iterable[Module]) -> str:
    """Write out a list of modules, with `16 x` in front of what comes 16 times in a row."""
    runs = [(text, len(list(run))) for text, run in groupby(map(repr, modules))]
    return ", ".join(f"{n} x {text}" if n > 1 else text for text, n in runs)
