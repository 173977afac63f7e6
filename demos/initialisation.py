"""What initialisation does: signals and gradients in a deep network, layer by layer, and how well it then trains.

A signal that grows or shrinks in every layer is gone, or beyond all bounds, after a few. Xavier draws weights from
U(-a, a) with a = sqrt(6 / (fan_in + fan_out)), He from a normal distribution of variance 2 / fan_in: made so that the
size stays. tanh itself shrinks what it is given, which a gain of 5/3 makes up for. Standard deviations over 20 random
inputs are printed and drawn, and beside them the loss while networks of 6 layers learn two moons.
"""

from functools import partial
from random import Random
from statistics import pstdev

from matplotlib.figure import Figure

from micrograd_like import MLP, Value
from micrograd_like import sum as add_up
from micrograd_like.nn.datasets import moons
from micrograd_like.nn.init import he_normal, uniform, xavier_uniform, zeros
from micrograd_like.nn.training import train

DEPTH, WIDTH, SAMPLES = 10, 20, 20
XAVIER_5_3 = partial(xavier_uniform, gain=5 / 3)
INITS = {"zeros": zeros, "U(-1, 1)": uniform, "Xavier": xavier_uniform, "Xavier*5/3": XAVIER_5_3, "He": he_normal}
LOOKS = (
    ("#000000", "v", ":"),
    ("#b84f00", "s", "-"),
    ("#0072b2", "o", "-"),
    ("#56b4e9", "D", "--"),
    ("#009e73", "^", "-"),
)


def spread(activation: str, init) -> tuple[list[float], list[float]]:
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


def losses(activation: str, init) -> list[float]:
    """Return the loss in each epoch of training; a training that diverges ends early."""
    model, found = MLP(2, [8] * 5 + [1], activation=activation, init=init, seed=1), []
    try:
        found.extend(epoch.loss for epoch in train(model, moons(40), optimizer="sgd", lr=0.05, epochs=40, seed=1))
    except (ArithmeticError, ValueError):
        print(f"    {activation}: training diverges after {len(found)} epochs")
    return found


figure = Figure(figsize=(12, 7), layout="constrained")
for row, activation in enumerate(("tanh", "relu")):
    results = {name: (*spread(activation, init), losses(activation, init)) for name, init in INITS.items()}
    for column, what in enumerate(("activations", "gradients", "loss")):
        axes = figure.add_subplot(2, 3, 1 + 3 * row + column)
        if what == "loss":
            axes.set(title=f"{activation}: training", xlabel="epoch", ylabel="loss", ylim=(0, 1.2))
        else:
            axes.set(title=f"{activation}: {what}", xlabel="layer", ylabel="standard deviation")
            axes.set_yscale("symlog", linthresh=1e-3)  # a logarithmic axis with a zero
            axes.set_ylim(-2e-4, 2e3)
            print(f"\n{activation}: standard deviation of {what}")
            print(f"{'layer':>10}" + "".join(f"{k:>9}" for k in range(1, DEPTH + 1)))
        for (name, found), (color, marker, dash) in zip(results.items(), LOOKS, strict=True):
            if what != "loss":
                print(f"{name:>10}" + "".join(f"{x:9.2g}" for x in found[column]))
            numbers = range(1, len(found[column]) + 1)
            every = 1 if what != "loss" else 8
            axes.plot(
                numbers, found[column], dash, color=color, marker=marker, markersize=4, markevery=every, label=name
            )
    left = ", ".join(f"{f[0][-1] / f[0][0]:.2g} under {n}" for n, f in results.items() if f[0][0])
    print(f"\n{activation}: the signal of the last layer is, as a share of the first one's, {left}.")
    ends = ", ".join(f"{f[2][-1]:.2f} under {n}" for n, f in results.items() if f[2])
    print(f"{activation}: after training the loss is {ends}.")
figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(INITS))
figure.savefig("initialisation.svg")
print("\nwrote initialisation.svg")
