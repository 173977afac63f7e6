"""What a bias is for: the weight turns the line y = w*x + b, and the bias moves it.

Look for the cross at the origin: without a bias the line goes through it, whatever the data.
"""

from matplotlib.figure import Figure

from micrograd_like import Neuron
from micrograd_like.nn.training import train

xs = [i / 5 - 1 for i in range(21)]
ys = [0.8 * x + 3 for x in xs]  # a line that misses the origin
rows = [[x] for x in xs]

figure = Figure(figsize=(11, 4), layout="constrained")
axes = [figure.add_subplot(1, 3, k, xlabel="x", ylim=(-5, 6)) for k in (1, 2, 3)]
axes[0].set(title="learnt, with and without a bias", ylabel="y")
axes[0].plot(xs, ys, "ko", markersize=4, label="data: y = 0.8 x + 3")
for bias, color, style in ((False, "#b84f00", "--"), (True, "#0072b2", "-")):
    neuron = Neuron(1, activation="linear", bias=bias, seed=1)
    epochs = list(
        train(neuron, rows, ys, loss="mean_squared_error", optimizer="sgd", lr=0.1, epochs=300, batch_size=None)
    )
    words = f"{'with' if bias else 'without'} bias"
    name = f"y = {neuron.w[0].data:.3f} x" + (f" + {neuron.b.data:.3f}" if neuron.b is not None else "")
    print(f"{words}: {name:20}  mean squared error {epochs[-1].loss:.4f}")
    axes[0].plot(xs, [neuron([x]).data for x in xs], color=color, linestyle=style, label=f"{words}: {name}")

neuron = Neuron(1, activation="linear", seed=1)
w, b = neuron.w[0], neuron.b
for picture, moved, fixed, title in ((axes[1], w, b, "w turns the line"), (axes[2], b, w, "b moves the line")):
    picture.set(title=title)
    fixed.data = 0.8 if fixed is w else 1.0
    for number, color, style in (
        (-1.0, "#b84f00", "--"),
        (0.0, "#5f6368", ":"),
        (1.0, "#0072b2", "-"),
        (2.0, "#000000", "-."),
    ):
        moved.data = number
        label = f"{'w' if moved is w else 'b'} = {number:g}"
        picture.plot(xs, [neuron([x]).data for x in xs], color=color, linestyle=style, label=label)

for picture in axes:
    picture.plot(0, 0, "k+", markersize=12)
    picture.legend(loc="lower right", fontsize="small")
figure.savefig("bias.svg")
print("The weight turns the line, the bias moves it: without one it goes through the origin, whatever the data.")
print("wrote bias.svg")
