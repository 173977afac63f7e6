"""Common mistakes in backpropagation by hand: what each makes of the gradients, and how a grader tells which it was.

Look for the number of mistakes that change a gradient here: each in its own way, or the grader names more than one.
"""

from micrograd_like import parse
from micrograd_like.teaching import MISTAKES, backprop_with, grade
from micrograd_like.teaching.grading.comparison import applicable

# b acts on L by two edges, and a by three.
L = parse("b = a*a; c = a + b; L = b*c", a=2)

comparison = backprop_with(L, "overwrite")
print(comparison)
print("\nwrote", comparison.draw().save("overwrite.svg"))
print(f"\n{len(applicable(L))} of the {len(MISTAKES)} mistakes known here change a gradient of this graph.")

for level in ("hint", "rule", "step"):
    print(f"\nA student answers c = 4, b = 4, a = 8; the grader's {level}:\n")
    print(grade(L, {"c": 4, "b": 4, "a": 8}, level=level))

print("\nAnother answers c = 4, b = 9, a = 40; the slip at b is no known mistake, and a follows from it:\n")
print(grade(L, {"c": 4, "b": 9, "a": 40}))
print("\nSo a number says more than right or wrong: it says which rule was broken, or that only the arithmetic was.")
