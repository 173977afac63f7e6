"""A graph is a program: the board's example as Python, then a network trained eagerly, and compiled.

Look for the two losses, which are the same, and the two times, which are not. `python demos/compiling.py numpy`
compiles to NumPy, and without a name to the best that works here.
"""

import sys
from time import perf_counter

from micrograd_like import MLP, compile, named
from micrograd_like.nn.datasets import moons

a, b, c, f = named(a=2.0, b=-3.0, c=10.0, f=-2.0)
backend = sys.argv[1] if len(sys.argv) > 1 else "auto"
L = (a * b + c) * f
L.label = "L"
print("L = (a*b + c)*f, forward and backward, with numbers for a and b in rows:\n")
print(compile(L, inputs=[a, b], params=[c, f], backend="python").source())

data = moons(100, noise=0.1, seed=1)
rows = [[*row, 2.0 * label - 1.0] for row, label in zip(data.rows, data.targets, strict=True)]
STEPS, LEARNING_RATE = 20, 0.5


def loss_of(model: MLP, x1, x2, y):  # of one sample; at least 1 if the score is on the wrong side of 0
    return (1 - y * model([x1, x2])).relu()


model = MLP(2, [16, 16, 1], seed=1)
start = perf_counter()
for _ in range(STEPS):
    losses = [loss_of(model, *row) for row in rows]
    for p in model.parameters():
        p.grad = 0.0
    for loss in losses:
        loss.backward()  # gradients add up
    for p in model.parameters():
        p.data -= LEARNING_RATE * p.grad / len(rows)
print(f"eager: {STEPS} steps in {perf_counter() - start:.3f} s, loss {sum(v.data for v in losses) / len(rows):.6f}")

model = MLP(2, [16, 16, 1], seed=1)
inputs = named(x1=0.0, x2=0.0, y=1.0)
start = perf_counter()
program = compile(loss_of(model, *inputs), inputs, model.parameters(), backend, reduction="mean")
print(f"{program} after {perf_counter() - start:.3f} s")
start = perf_counter()
for _ in range(STEPS):
    outputs, gradient = program.value_and_grad(rows)
    for i, g in enumerate(gradient):
        program.params[i] -= LEARNING_RATE * g
print(f"compiled: {STEPS} steps in {perf_counter() - start:.3f} s, loss {sum(outputs) / len(rows):.6f}")
program.push()  # the model has the numbers now
print(
    "The program is backpropagation by hand, written out; so it comes to the same loss, without building a graph again."
)
