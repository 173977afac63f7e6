"""Fisher's irises: three species told apart by four measurements; trained on 120 flowers, tried on 30 others.

Look for the closest call: which two species are hard to tell apart? The picture shows two of the four measurements, the
others held at their mean, so a flower may lie on another's ground and be right all the same.
"""

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


def scores(row):
    return [score.data for score in model(row)]


def margin(k):
    first, second, _ = sorted(scores(try_out.rows[k]), reverse=True)
    return first - second


closest = min(range(len(try_out)), key=margin)
said = ", ".join(f"{name} {s:.2f}" for name, s in zip(data.class_names, scores(try_out.rows[closest]), strict=True))
print(f"the closest call is a {data.class_names[try_out.targets[closest]]} of {try_out.rows[closest]} cm: {said}")
print("wrote", plot_boundary(model, try_out, "iris-boundary.svg", features=(2, 3)))
