"""Why backpropagation needs a topological order.

It is tempting to walk from the output down: give each operand its contribution, and go on there at once. For a node
that is used twice this goes on too early, with the first contribution only, and then once more with both.
"""

from micrograd_like import Value, named
from micrograd_like.engine import local_derivative

(a,) = named(a=3.0)
b = a + a
c = b + b
b.label, c.label = "b", "c"


def naive_backward(v: Value) -> None:
    """Add v's contributions to its operands, and go on with each operand right away."""
    numbers = [x.data for x in v.operands]
    for i, x in enumerate(v.operands):
        x.grad += v.grad * local_derivative(v, i, numbers)
        print(f"    {v.label} gives {x.label} its contribution: {x.label}.grad = {x.grad}")
        naive_backward(x)


print("c = b + b and b = a + a, so c = 4a and ∂c/∂a = 4.\n")
print("Without an order:")
c.zero_grad()
c.grad = 1.0
naive_backward(c)
wrong = a.grad

print("\nIn topological order, a node passes its gradient on when all contributions to it are in:")
c.zero_grad()
c.grad = 1.0
for v in (c, b):
    v._backward()
    print(f"    {v.label} gives its contributions: a.grad = {a.grad}, b.grad = {b.grad}")

print(f"\nwithout an order: ∂c/∂a = {wrong}, which is wrong; in topological order: ∂c/∂a = {a.grad}")
