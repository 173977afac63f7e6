"""One neuron by hand: what each step of the forward and the backward pass computes.

The numbers are those of Andrej Karpathy's lecture "The spelled-out intro to neural networks and backpropagation".
"""

from micrograd_like import draw, named, text

x1, x2 = named(x1=2.0, x2=0.0)
w1, w2, b = named(w1=-3.0, w2=1.0, b=6.8813735870195432)

n = x1 * w1 + x2 * w2 + b
o = n.tanh()
n.label, o.label = "n", "o"

# Backwards by hand. We know ∂o/∂o = 1. tanh passes on 1 - o², a sum passes on 1, a product passes on the other factor.
do_dn = 1 - o.data**2
do_dx1 = do_dn * 1 * w1.data
do_dw1 = do_dn * 1 * x1.data
print(f"by hand:      ∂o/∂n = {do_dn:.4f}   ∂o/∂x1 = {do_dx1:.4f}   ∂o/∂w1 = {do_dw1:.4f}")

o.backward()
print(f"by backward:  ∂o/∂n = {n.grad:.4f}   ∂o/∂x1 = {x1.grad:.4f}   ∂o/∂w1 = {w1.grad:.4f}\n")

print(text(o))
print("\nwrote", draw(o).save("neuron.svg"))
