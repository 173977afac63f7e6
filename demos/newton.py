"""Newton's method: second derivatives say not only which way is down, but how far to go.

Rosenbrock's valley, f(x, y) = (1 - x)² + 100 (y - x²)², has its lowest point at (1, 1). Gradient descent follows the
bent valley in small steps for a long time; Newton's method solves H·step = -gradient and is there after a few.
"""

from micrograd_like import Value, named
from micrograd_like.graph.derivatives import grad, hessian


def rosenbrock(x: Value, y: Value) -> Value:
    """Return the height of the valley at a place."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


x, y = named(x=-1.2, y=1.0)
print("Newton's method")
for step in range(8):
    f = rosenbrock(x, y)
    print(f"  step {step}: f({x:.6f}, {y:.6f}) = {f:.3e}")
    if f.data < 1e-20:
        break
    gx, gy = grad(f, [x, y])
    (a, b), (_, c) = hessian(f, [x, y])
    determinant = a * c - b * b
    x.data -= (c * gx - b * gy) / determinant  # Cramer's rule for H·step = gradient
    y.data -= (a * gy - b * gx) / determinant

x, y = named(x=-1.2, y=1.0)
steps = 0
while rosenbrock(x, y).data > 1e-4 and steps < 20_000:
    gx, gy = grad(rosenbrock(x, y), [x, y])
    x.data -= 0.001 * gx
    y.data -= 0.001 * gy
    steps += 1
print(f"\ngradient descent with steps of 0.001 needs {steps} to come to f = {rosenbrock(x, y):.1e}")
