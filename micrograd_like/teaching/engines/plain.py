"""A scalar autograd engine: a Value remembers how it was made, and backward() computes gradients by the chain rule."""

import math


class Value:
    """A number, and the gradient of the output with respect to it."""

    def __init__(self, data, _prev=(), _op=""):
        """Make a leaf, or a node out of those in `_prev`."""
        self.data = data
        self.grad = 0.0
        self._prev = _prev
        self._op = _op
        self._backward = lambda: None  # gives the nodes in `_prev` what this node contributes to their gradients

    def __add__(self, other):
        """Return self + other."""
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other), "+")

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        """Return self * other."""
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other), "*")

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __neg__(self):
        """Return -self."""
        out = Value(-self.data, (self,), "neg")

        def _backward():
            self.grad += -out.grad

        out._backward = _backward
        return out

    def __sub__(self, other):
        """Return self - other."""
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data - other.data, (self, other), "-")

        def _backward():
            self.grad += out.grad
            other.grad += -out.grad

        out._backward = _backward
        return out

    def __truediv__(self, other):
        """Return self / other."""
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data / other.data, (self, other), "/")

        def _backward():
            self.grad += 1 / other.data * out.grad
            other.grad += -self.data / other.data**2 * out.grad

        out._backward = _backward
        return out

    def __pow__(self, n):
        """Return self to the power of a number."""
        out = Value(self.data**n, (self,), f"**{n}")

        def _backward():
            self.grad += n * self.data ** (n - 1) * out.grad

        out._backward = _backward
        return out

    def exp(self):
        """Return e to the power of self."""
        out = Value(math.exp(self.data), (self,), "exp")

        def _backward():
            self.grad += out.data * out.grad

        out._backward = _backward
        return out

    def log(self):
        """Return the natural logarithm."""
        out = Value(math.log(self.data), (self,), "log")

        def _backward():
            self.grad += 1 / self.data * out.grad

        out._backward = _backward
        return out

    def tanh(self):
        """Return the hyperbolic tangent."""
        out = Value(math.tanh(self.data), (self,), "tanh")

        def _backward():
            self.grad += (1 - out.data**2) * out.grad

        out._backward = _backward
        return out

    def sigmoid(self):
        """Return 1 / (1 + exp(-self))."""
        out = Value(1 / (1 + math.exp(-self.data)), (self,), "sigmoid")

        def _backward():
            self.grad += out.data * (1 - out.data) * out.grad

        out._backward = _backward
        return out

    def relu(self):
        """Return self if it is above 0, else 0."""
        out = Value(max(self.data, 0.0), (self,), "relu")

        def _backward():
            self.grad += (out.data > 0) * out.grad

        out._backward = _backward
        return out

    def backward(self):
        """Compute the gradient of self with respect to every node that it was made from."""
        order = []
        visited = set()

        def build(v):
            if v not in visited:
                visited.add(v)
                for x in v._prev:
                    build(x)
                order.append(v)

        build(self)
        self.grad = 1.0
        for v in reversed(order):
            v._backward()

    def __radd__(self, other):
        """Return other + self, where other is a number."""
        return self + other

    def __rmul__(self, other):
        """Return other * self, where other is a number."""
        return self * other

    def __rsub__(self, other):
        """Return other - self, where other is a number."""
        return Value(other) - self

    def __rtruediv__(self, other):
        """Return other / self, where other is a number."""
        return Value(other) / self

    def __repr__(self):
        """Return how it is shown."""
        return f"Value(data={self.data}, grad={self.grad})"
