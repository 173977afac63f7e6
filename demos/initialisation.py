"""What initialisation does: signals and gradients in a deep network, layer by layer, before any training.

A signal that grows or shrinks in every layer is gone, or beyond all bounds, after a few. Xavier's and He's
initialisations are made so that its size stays. Standard deviations over 20 random inputs are printed and drawn.
"""

from random import Random
from statistics import pstdev

from matplotlib.figure import Figure

from micrograd_like import MLP, Value
from micrograd_like import sum as add_up

DEPTH, WIDTH, SAMPLES = 10, 20, 20
INITS = {"zeros": "zeros", "U(-1, 1)": "uniform", "Xavier": "xavier_normal", "He": "he_normal"}


def spread(activation: str, init: str) -> tuple[list[float], list[float]]:
    """Return the standard deviation of each layer's activations, and of the gradients with respect to them."""
    model = MLP(WIDTH, [WIDTH] * DEPTH, activation=activation, output=activation, init=init, seed=1)
    rng = Random(2)
    layers: list[list[Value]] = [[] for _ in range(DEPTH)]
    outputs = []
    for _ in range(SAMPLES):
        signal = [Value(rng.gauss(0, 1)) for _ in range(WIDTH)]
        for k, layer in enumerate(model.layers):
            signal = layer(signal)
            layers[k] += signal
        outputs += [out * rng.gauss(0, 1) for out in signal]  # a loss without a preference
    add_up(outputs).backward()
    return [pstdev(v.data for v in layer) for layer in layers], [pstdev(v.grad for v in layer) for layer in layers]


figure = Figure(figsize=(9, 6), layout="constrained")
for column, activation in enumerate(("tanh", "relu")):
    results = {name: spread(activation, init) for name, init in INITS.items()}
    for row, what in enumerate(("activations", "gradients")):
        print(f"\n{activation}: standard deviation of {what}")
        print(f"{'layer':>8}" + "".join(f"{k:>9}" for k in range(1, DEPTH + 1)))
        axes = figure.add_subplot(2, 2, 1 + column + 2 * row)
        axes.set(
            title=f"{activation}: {what}", xlabel="layer", ylabel="standard deviation", yscale="log", ylim=(1e-3, 2e3)
        )
        for (name, stds), color, marker in zip(
            results.items(), ("#000000", "#B84F00", "#0072B2", "#009E73"), "sox^", strict=True
        ):
            print(f"{name:>8}" + "".join(f"{x:9.2g}" for x in stds[row]))
            shown = [x or float("nan") for x in stds[row]]  # a logarithmic axis has no zero
            axes.plot(range(1, DEPTH + 1), shown, color=color, marker=marker, label=name)
        if not row and not column:
            axes.legend(loc="lower left")
figure.savefig("initialisation.svg")
print("\nwrote initialisation.svg")
