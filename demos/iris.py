"""Fisher's irises: three species told apart by four measurements; trained on 120 flowers, tried on 30 others."""

from dataclasses import replace
from random import Random

from micrograd_like import MLP
from micrograd_like.nn.datasets import iris
from micrograd_like.nn.training import class_of, fit
from micrograd_like.pictures.plots import plot_boundary

data = iris()
order = list(range(len(data)))
Random(3).shuffle(order)


def subset(indices):
    """Return some of the flowers."""
    return replace(data, rows=tuple(data.rows[i] for i in indices), targets=tuple(data.targets[i] for i in indices))


learn, try_out = subset(order[:120]), subset(order[120:])

model = MLP(4, [8, 3], activation="tanh", seed=1)
epochs = fit(model, learn, epochs=80)
right = sum(class_of(model(row)) == target for row, target in zip(try_out.rows, try_out.targets, strict=True))
print(f"learnt from {len(learn)} flowers: accuracy {epochs[-1].accuracy:.1%}")
print(f"of {len(try_out)} flowers it had not seen, {right} are right")

flower = try_out.rows[0]
scores = [score.data for score in model(flower)]
print(f"\na flower of {flower} cm: {', '.join(f'{n} {s:.2f}' for n, s in zip(data.class_names, scores, strict=True))}")
print("wrote", plot_boundary(model, try_out, "iris-boundary.svg", features=(2, 3)))
