"""Step through a graph where two paths lead to one number: a scripted session with the cursor.

For a session of your own: `micrograd-like step "e = a*b; L = e + c*a" a=2 b=-3 c=10`, and then `h`.
"""

from micrograd_like import named
from micrograd_like.stepping import step

a, b, c = named(a=2.0, b=-3.0, c=10.0)
e = a * b
L = e + c * a
e.label, L.label = "e", "L"

s = step(L)
print("Every move is one edge: upstream gradient * local derivative is added to the operand's gradient.\n")
print(s.next())
print("\nUntil a's gradient grows for the first time, through c * a:\n")
print(s.run_to("a"))
print("\nIt is not yet ∂L/∂a: a second path leads to a, through e.\n")
print(s.run_to("a"))
s.back()
print("\nBack by one step, and the second contribution is gone:", s.grad("a"))

print("\nWhat if b were 4? Everything is computed anew, and the cursor stays where it is:\n")
s.set("b", 4.0).next()
print(s)

s.restart().break_at(lambda step: a.grad > 5)
print("\nFrom the start to where a's gradient is over 5:", s.run().current)
print("wrote", s.draw().save("step.svg"))

L.backward()
print("\nThe graph itself has kept its numbers: b is", b.data, "and after L.backward() ∂L/∂a is", a.grad)
