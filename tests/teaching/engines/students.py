"""Engines as students write them, in three ways, and bugs that are planted in them, each with the bug to be named."""

# Operations note local derivatives; the pass multiplies.
LOCALS = """
import math

class Value:
    __slots__ = ("data", "grad", "children", "local_grads")

    def __init__(self, data, children=(), local_grads=()):
        self.data = data
        self.grad = 0
        self.children = children
        self.local_grads = local_grads

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n): return Value(self.data**n, (self,), (n * self.data**(n-1),))
    def log(self): return Value(math.log(self.data), (self,), (1/self.data,))
    def exp(self): return Value(math.exp(self.data), (self,), (math.exp(self.data),))
    def relu(self): return Value(max(0, self.data), (self,), (float(self.data > 0),))
    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t * t,))
    def __neg__(self): return self * -1
    def __radd__(self, other): return self + other
    def __sub__(self, other): return self + (-other)
    def __rsub__(self, other): return other + (-self)
    def __rmul__(self, other): return self * other
    def __truediv__(self, other): return self * other**-1
    def __rtruediv__(self, other): return other * self**-1

    def backward(self):
        topo = []
        visited = set()
        def build_topo(v):
            if v not in visited:
                visited.add(v)
                for child in v.children:
                    build_topo(child)
                topo.append(v)
        build_topo(self)
        self.grad = 1
        for v in reversed(topo):
            for child, local_grad in zip(v.children, v.local_grads):
                child.grad += local_grad * v.grad
"""
LOCAL_BUGS = [
    ("overwrite", "child.grad += local", "child.grad = local"),
    ("upstream", "local_grad * v.grad", "local_grad"),
    ("edges lost", "zip(v.children, v.local_grads)", "dict(zip(v.children, v.local_grads)).items()"),
    ("no seed", "        self.grad = 1\n", ""),
    ("seed is value", "self.grad = 1\n", "self.grad = self.data\n"),
    ("one level", "reversed(topo)", "topo"),
    ("visited", "if v not in visited", "if 1"),
    ("no order", "                topo.append(v)\n", "                pass\n", "visited.add(v)\n",
     "visited.add(v)\n                topo.insert(0, v)\n"),
    ("*: factors_not_swapped", "(other.data, self.data)", "(self.data, other.data)"),
    ("+: product_rule_for_sum", "(self, other), (1, 1)", "(self, other), (other.data, self.data)"),
    ("*: other forgotten", "(self, other), (other.data, self.data)", "(self,), (other.data,)"),
    ("+: self forgotten", "(self, other), (1, 1)", "(other,), (1,)"),
    ("**: power_without_factor", "(n * self.data**(n-1),)", "(self.data**(n-1),)"),
    ("**: exponent_kept", "(n * self.data**(n-1),)", "(n * self.data**n,)"),
    ("**: power_without_base", "(n * self.data**(n-1),)", "(n,)"),
    ("log: log_at_output", "(1/self.data,)", "(1/math.log(self.data),)"),
    ("log: input", "(1/self.data,)", "(self.data,)"),
    ("exp: input", "(math.exp(self.data),)", "(self.data,)"),
    ("exp: activation_forgotten", "(math.exp(self.data),)", "(1,)"),
    ("relu: relu_always_1", "(float(self.data > 0),)", "(1.0,)"),
    ("relu: nothing", "(float(self.data > 0),)", "(0.0,)"),
    ("relu: forward", "max(0, self.data)", "self.data"),
    ("tanh: tanh_without_square", "1 - t * t", "1 - t"),
    ("tanh: activation_at_input", "1 - t * t", "1 - self.data ** 2"),
    ("tanh: activation_twice", "1 - t * t", "1 - math.tanh(t) ** 2"),
    ("no __radd__", "    def __radd__(self, other): return self + other\n", ""),
    ("no __rmul__", "    def __rmul__(self, other): return self * other\n", ""),
    ("no __rtruediv__", "    def __rtruediv__(self, other): return other * self**-1\n", ""),
    ("rsub swapped", "return other + (-self)", "return self + (-other)"),
    ("int", "self.data = data", "self.data = int(data)"),
    ("log: nothing", "(self,), (1/self.data,)", "(), ()"),
]  # fmt: skip

# One table of operations, and graphs as rows of numbers: nothing like the engine that bugs are made with.
TABLE = """
from math import exp, log, tanh

OPS = {
    "add": (lambda x, y: x + y, lambda x, y, z: (1.0, 1.0)),
    "sub": (lambda x, y: x - y, lambda x, y, z: (1.0, -1.0)),
    "mul": (lambda x, y: x * y, lambda x, y, z: (y, x)),
    "div": (lambda x, y: x / y, lambda x, y, z: (1 / y, -x / y**2)),
    "pow": (lambda x, y: x**y, lambda x, y, z: (y * x ** (y - 1), 0.0)),
    "neg": (lambda x: -x, lambda x, z: (-1.0,)),
    "exp": (exp, lambda x, z: (z,)),
    "log": (log, lambda x, z: (1 / x,)),
    "tanh": (tanh, lambda x, z: (1 - z**2,)),
    "sigmoid": (lambda x: 1 / (1 + exp(-x)), lambda x, z: (z * (1 - z),)),
    "relu": (lambda x: x if x > 0 else 0.0, lambda x, z: (1.0 if x > 0 else 0.0,)),
}


class Scalar:
    count = 0

    def __init__(self, data, op=None, inputs=()):
        self.data, self.op, self.inputs, self.grad = data, op, inputs, None
        Scalar.count += 1
        self.number = Scalar.count

    @staticmethod
    def apply(op, *xs):
        xs = tuple(x if isinstance(x, Scalar) else Scalar(x) for x in xs)
        return Scalar(OPS[op][0](*(x.data for x in xs)), op, xs)

    def __add__(self, y): return Scalar.apply("add", self, y)
    def __radd__(self, y): return Scalar.apply("add", y, self)
    def __sub__(self, y): return Scalar.apply("sub", self, y)
    def __rsub__(self, y): return Scalar.apply("sub", y, self)
    def __mul__(self, y): return Scalar.apply("mul", self, y)
    def __rmul__(self, y): return Scalar.apply("mul", y, self)
    def __truediv__(self, y): return Scalar.apply("div", self, y)
    def __rtruediv__(self, y): return Scalar.apply("div", y, self)
    def __pow__(self, y): return Scalar.apply("pow", self, y)
    def __neg__(self): return Scalar.apply("neg", self)
    def exp(self): return Scalar.apply("exp", self)
    def log(self): return Scalar.apply("log", self)
    def tanh(self): return Scalar.apply("tanh", self)
    def sigmoid(self): return Scalar.apply("sigmoid", self)
    def relu(self): return Scalar.apply("relu", self)

    def backward(self):
        found, todo = {}, [self]
        while todo:
            x = todo.pop()
            if x.number not in found:
                found[x.number] = x
                todo += x.inputs
        for x in found.values():
            if x.grad is None or x.op:
                x.grad = 0.0
        self.grad = 1.0
        for number in sorted(found, reverse=True):  # later ones were made from earlier ones
            x = found[number]
            if x.op:
                for y, slope in zip(x.inputs, OPS[x.op][1](*(y.data for y in x.inputs), x.data)):
                    y.grad += slope * x.grad
"""
TABLE_BUGS = [
    ("overwrite", "y.grad += slope", "y.grad = slope"),
    ("upstream", "slope * x.grad", "slope"),
    ("no seed", "self.grad = 1.0", "pass"),
    ("seed is value", "self.grad = 1.0", "self.grad = self.data"),
    ("one level", "reverse=True", "reverse=False"),
    ("-: minus_lost", '"sub": (lambda x, y: x - y, lambda x, y, z: (1.0, -1.0))',
     '"sub": (lambda x, y: x - y, lambda x, y, z: (1.0, 1.0))'),
    ("-: minus_swapped", "(1.0, -1.0)", "(-1.0, 1.0)"),
    ("-a: minus_lost", "(-1.0,)", "(1.0,)"),
    ("/: division_sign_lost", "-x / y**2", "x / y**2"),
    ("/: quotient_without_square", "-x / y**2", "-x / y"),
    ("/: quotient_without_numerator", "-x / y**2", "-1 / y**2"),
    ("*: factors_not_swapped", "(y, x)),", "(x, y)),"),
    ("*: other forgotten", "(y, x)),", "(y, 0.0)),"),
    ("+: product_rule_for_sum", "(1.0, 1.0)", "(y, x)"),
    ("**: power_without_factor", "(y * x ** (y - 1), 0.0)", "(x ** (y - 1), 0.0)"),
    ("**: exponent_kept", "x ** (y - 1)", "x ** y"),
    ("exp: input", "lambda x, z: (z,)", "lambda x, z: (x,)"),
    ("exp: power", "lambda x, z: (z,)", "lambda x, z: (x * exp(x - 1),)"),
    ("log: log_at_output", "(1 / x,)", "(1 / z,)"),
    ("tanh: activation_at_input", "1 - z**2", "1 - x**2"),
    ("tanh: tanh_without_square", "1 - z**2", "1 - z"),
    ("tanh: other_activation", "(1 - z**2,)", "(z * (1 - z),)"),
    ("sigmoid: activation_at_input", "(z * (1 - z),)", "(x * (1 - x),)"),
    ("sigmoid: sigmoid_rule", "(z * (1 - z),)", "(z * (1 + z),)"),
    ("relu: relu_always_1", "(1.0 if x > 0 else 0.0,)", "(1.0,)"),
    ("relu: value", "(1.0 if x > 0 else 0.0,)", "(x if x > 0 else 0.0,)"),
    ("relu: abs", "x if x > 0 else 0.0, lambda", "abs(x), lambda"),
    ("rsub swapped", 'Scalar.apply("sub", y, self)', 'Scalar.apply("sub", self, y)'),
    ("rtruediv swapped", 'Scalar.apply("div", y, self)', 'Scalar.apply("div", self, y)'),
    ("no __radd__", '    def __radd__(self, y): return Scalar.apply("add", y, self)\n', ""),
    ("edges lost", "in zip(x.inputs, OPS", "in dict(zip(x.inputs, OPS", "x.data)):", "x.data))).items():"),
]  # fmt: skip

# Closures, as in the lecture, made by one helper; operations in terms of others where they can be.
CLOSURES = """
import math

class Value:
    def __init__(self, data, children=()):
        self.data = float(data)
        self.grad = 0.0
        self.children = set(children)
        self.push = lambda: None

    def __add__(self, other):
        other = as_value(other)
        out = Value(self.data + other.data, (self, other))
        def push():
            self.grad += out.grad
            other.grad += out.grad
        out.push = push
        return out

    def __mul__(self, other):
        other = as_value(other)
        out = Value(self.data * other.data, (self, other))
        def push():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out.push = push
        return out

    def __pow__(self, k):
        return unary(self, self.data ** k, lambda out: k * self.data ** (k - 1))

    def exp(self): return unary(self, math.exp(self.data), lambda out: out)
    def log(self): return unary(self, math.log(self.data), lambda out: 1 / self.data)
    def tanh(self): return unary(self, math.tanh(self.data), lambda out: 1 - out ** 2)
    def relu(self): return unary(self, max(self.data, 0.0), lambda out: out > 0)
    def __neg__(self): return -1 * self
    def __sub__(self, other): return self + -as_value(other)
    def __truediv__(self, other): return self * as_value(other) ** -1
    __radd__ = __add__
    __rmul__ = __mul__
    def __rsub__(self, other): return as_value(other) - self
    def __rtruediv__(self, other): return as_value(other) / self

    def backward(self):
        order, seen = [], set()
        def visit(v):
            if v in seen:
                return
            seen.add(v)
            for child in v.children:
                visit(child)
            order.append(v)
        visit(self)
        self.grad = 1.0
        while order:
            order.pop().push()

def as_value(x):
    return x if isinstance(x, Value) else Value(x)

def unary(x, number, slope):
    out = Value(number, (x,))
    def push():
        x.grad += slope(out.data) * out.grad
    out.push = push
    return out
"""
CLOSURE_BUGS = [
    ("*: overwrite other", "other.grad += self.data", "other.grad = self.data"),
    ("+: overwrite other", "other.grad += out.grad", "other.grad = out.grad"),
    ("*: overwrite", "self.grad += other.data", "self.grad = other.data", "other.grad += self.data",
     "other.grad = self.data"),
    ("+: overwrite", "self.grad += out", "self.grad = out", "other.grad += out", "other.grad = out"),
    ("*: upstream", "other.data * out.grad", "other.data", "self.data * out.grad", "self.data"),
    ("+: upstream", "self.grad += out.grad", "self.grad += 1", "other.grad += out.grad", "other.grad += 1"),
    ("+: nothing", "            other.grad += out.grad\n        out.push = push\n",
     "            other.grad += out.grad\n"),
    ("*: nothing", "            other.grad += self.data * out.grad\n        out.push = push\n",
     "            other.grad += self.data * out.grad\n"),
    ("*: children", "Value(self.data * other.data, (self, other))", "Value(self.data * other.data)"),
    ("+: children", "Value(self.data + other.data, (self, other))", "Value(self.data + other.data)"),
    ("edges lost", "            other.grad += out.grad", "            if other is not self: other.grad += out.grad",
     "            other.grad += self.data", "            if other is not self: other.grad += self.data"),
    ("*: factors_not_swapped", "self.grad += other.data", "self.grad += self.data", "other.grad += self.data",
     "other.grad += other.data"),
    ("*: self forgotten", "            self.grad += other.data * out.grad\n", ""),
    ("**: exponent_kept", "self.data ** (k - 1)", "self.data ** k"),
    ("**: power_without_factor", "k * self.data ** (k - 1)", "self.data ** (k - 1)"),
    ("exp: activation_forgotten", "lambda out: out)", "lambda out: 1)"),
    ("log: log_at_output", "1 / self.data)", "1 / out)"),
    ("tanh: activation_at_input", "1 - out ** 2", "1 - self.data ** 2"),
    ("tanh: tanh_without_square", "1 - out ** 2", "1 - out"),
    ("relu: relu_always_1", "lambda out: out > 0", "lambda out: 1"),
    ("no seed", "        self.grad = 1.0\n", ""),
    ("one level", "order.pop().push()", "order.pop(0).push()"),
    ("no __radd__", "    __radd__ = __add__\n", ""),
    ("no __rmul__", "    __rmul__ = __mul__\n    def", "    def", "return -1 * self", "return self * -1"),
    ("rsub swapped", "return as_value(other) - self", "return self - as_value(other)"),
    ("*: nothing", "self.grad += other.data * out.grad", "self.grad += other.data * g",
     "other.grad += self.data * out.grad", "other.grad += self.data * g", "        out = Value(self.data * ",
     "        g = 0.0\n        out = Value(self.data * "),
    ("int", "float(data)", "int(data)"),
]  # fmt: skip
