"""What a bias is for: y = w*x goes through the origin, y = w*x + b need not."""

from matplotlib.figure import Figure

from micrograd_like import Neuron
from micrograd_like.nn.training import train

xs = [i / 5 - 2 for i in range(21)]
ys = [0.5 * x + 3 for x in xs]  # a line that misses the origin
rows = [[x] for x in xs]

figure = Figure(figsize=(6, 4), layout="constrained")
axes = figure.add_subplot(title="a neuron with and without a bias", xlabel="x", ylabel="y")
axes.plot(xs, ys, "ko", markersize=4, label="data: y = 0.5 x + 3")

for bias, color, style in ((False, "#B84F00", "--"), (True, "#0072B2", "-")):
    neuron = Neuron(1, activation="linear", bias=bias, seed=1)
    epochs = list(
        train(neuron, rows, ys, loss="mean_squared_error", optimizer="sgd", lr=0.1, epochs=200, batch_size=None)
    )
    b = neuron.b.data if neuron.b is not None else 0.0
    name = f"y = {neuron.w[0].data:.3f} x" + (f" + {b:.3f}" if bias else "")
    print(f"{'with' if bias else 'without'} bias: {name:20}  mean squared error {epochs[-1].loss:.4f}")
    axes.plot(xs, [neuron([x]).data for x in xs], color=color, linestyle=style, label=name)

axes.plot(0, 0, "k+", markersize=12)
axes.legend()
figure.savefig("bias.svg")
print("wrote bias.svg")
