"""Two interleaving half moons, told apart by a network of two hidden layers: micrograd's own demonstration."""

from micrograd_like import MLP, draw
from micrograd_like.nn.datasets import moons
from micrograd_like.nn.training import fit
from micrograd_like.pictures.plots import plot_boundary, plot_training

data = moons(100, noise=0.1, seed=1)
model = MLP(2, [16, 16, 1], seed=1)
print(f"{len(model.parameters())} parameters")

epochs = fit(model, data, loss="hinge", epochs=50)
print(f"after {len(epochs)} epochs: loss {epochs[-1].loss:.4f}, accuracy {epochs[-1].accuracy:.1%}")
for picture in (
    plot_training(epochs, "moons-training.svg"),
    plot_boundary(model, data, "moons-boundary.svg"),
    draw(model).save("moons-network.svg"),
):
    print("wrote", picture)
