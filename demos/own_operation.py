"""An operation of your own is one row: here atan, and what the package can do with it at once.

Look for the local derivative, 1 / (1 + x**2): it is written once, and shown, checked, differentiated and compiled.
"""

import math

from micrograd_like import Operation, backward_steps, compile, grad, gradcheck, named, text

atan = Operation("atan", "atan", math.atan, x="1 / (1 + x**2)")

x, w = named(x=0.5, w=-2.0)
y = (x * w).atan()
y.label = "y"
y.backward()
print(text(y))
print()
for step in backward_steps(y):
    print(step)

print("\nThe same by differences:")
gradcheck(lambda x, w: atan(x * w), {"x": 0.5, "w": -2.0})

(slope,) = grad(y, [x], create_graph=True)
print(f"\nThe second derivative with respect to x is {grad(slope, [x])[0]:.4f}.")

print("\nAs a program:\n")
print(compile(y, inputs=[x], params=[w], backend="python").source())
print("\nOne row was written; everything above follows from it.")
