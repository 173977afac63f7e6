"""The three steps of learning in one network: numbers flow forward, errors flow back, and each weight moves.

Look for one connection, and follow it through the three pictures: its weight, the gradient of it, and how far it moves.
"""

from micrograd_like import MLP, draw

model = MLP(2, [3, 1], activation="tanh", seed=3)
loss = (model([1.0, -2.0]) - 1) ** 2
loss.label = "L"
loss.backward()

picture = draw(model, loss, show="steps", lr=0.1, inputs=["height", "weight"], outputs=["guess"])
for name, p in zip(("forward", "backward", "update"), picture.frames, strict=True):
    print("wrote", p.save(f"network-{name}.svg"))
print("wrote", picture.save("network.svg"))
print("in which the three take turns; less motion, or paper, shows the last")
print("\nA gradient above 0 moves its weight down, one below 0 moves it up: each against its gradient.")
