import math
import sys
from fractions import Fraction

import pytest

from micrograd_like import Value
from micrograd_like.nn import MLP
from micrograd_like.nn.optim import SGD, Adam

# The loss everywhere: f(x, y) = (x - 1)² + 10 * (y + 2)², whose gradient is (2x - 2, 20y + 40).


def gradient(x, y):
    return 2 * x - 2, 20 * y + 40


def follow(make, steps, start=(5.0, 3.0)):
    """Return where an optimiser goes from the start, step by step, with gradients from backward()."""
    x, y = (Value(number) for number in start)
    optimizer, path = make([x, y]), []
    for _ in range(steps):
        optimizer.zero_grad()
        ((x - 1) ** 2 + 10 * (y + 2) ** 2).backward()
        optimizer.step()
        path.append((x.data, y.data))
    return path


@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.0, 0.0), (0.9, 0.0), (0.0, 0.1), (0.5, 0.01)])
def test_sgd_is_pytorchs_formula(momentum, weight_decay):
    lr, theta, buffer, path = 0.02, [5.0, 3.0], [None, None], []
    for _ in range(20):
        g = [d + weight_decay * t for d, t in zip(gradient(*theta), theta, strict=True)]
        buffer = [d if b is None else momentum * b + d for b, d in zip(buffer, g, strict=True)]
        theta = [t - lr * b for t, b in zip(theta, buffer, strict=True)]
        path.append(tuple(theta))
    result = follow(lambda ps: SGD(ps, lr, momentum, weight_decay), 20)
    assert [x for point in result for x in point] == pytest.approx([x for point in path for x in point], rel=1e-12)


def test_sgd_on_fractions_is_exact():
    lr = Fraction(1, 100)
    x, y = path = [Fraction(5), Fraction(3)]
    for _ in range(5):
        dx, dy = gradient(x, y)
        x, y = path = [x - lr * dx, y - lr * dy]
    assert list(follow(lambda ps: SGD(ps, lr), 5, (Fraction(5), Fraction(3)))[-1]) == path
    assert x == 1 + 4 * (1 - 2 * lr) ** 5  # the closed form


@pytest.mark.parametrize(("betas", "eps", "weight_decay"), [((0.9, 0.999), 1e-8, 0.0), ((0.5, 0.8), 0.1, 0.02)])
def test_adam_is_the_published_algorithm(betas, eps, weight_decay):
    alpha, (beta1, beta2) = 0.1, betas
    theta, m, v, path = [5.0, 3.0], [0.0, 0.0], [0.0, 0.0], []
    for t in range(1, 21):
        for i in range(2):
            g = gradient(*theta)[i] + weight_decay * theta[i]
            m[i] = beta1 * m[i] + (1 - beta1) * g
            v[i] = beta2 * v[i] + (1 - beta2) * g**2
            # the paper's remark in section 2: the same, with the corrections folded into alpha and eps
            alpha_t = alpha * math.sqrt(1 - beta2**t) / (1 - beta1**t)
            theta[i] -= alpha_t * m[i] / (math.sqrt(v[i]) + eps * math.sqrt(1 - beta2**t))
        path += theta
    result = follow(lambda ps: Adam(ps, alpha, betas, eps, weight_decay), 20)
    assert [x for point in result for x in point] == pytest.approx(path, rel=1e-12)


def test_adams_first_step_is_lr_whatever_the_gradients_size():
    for scale in 1e-3, 1.0, 1e6:
        p = Value(0.0)
        (scale * p).backward()
        Adam([p], lr=0.01).step()
        assert p.data == pytest.approx(-0.01, rel=1e-4)


@pytest.mark.parametrize("make", [lambda ps: SGD(ps, 0.05), lambda ps: SGD(ps, 0.02, 0.9), lambda ps: Adam(ps, 0.3)])
def test_all_find_the_minimum(make):
    assert follow(make, 400)[-1] == pytest.approx((1, -2), abs=1e-3)


@pytest.mark.parametrize("make", [lambda ps: SGD(ps, 0.1, 0.9, 0.1), lambda ps: Adam(ps, weight_decay=0.1)])
def test_a_parameter_that_backward_has_not_reached_stays(make):
    used, unused = Value(1.0), Value(1.0)
    (used * 2).backward()
    make([used, unused]).step()
    assert used.data != 1
    assert unused.data == 1


def test_zero_grad_resets():
    p = Value(3.0)
    optimizer = SGD([p], 0.1)
    (p * p).backward()
    optimizer.zero_grad()
    assert p.grad == 0
    optimizer.step()
    assert p.data == 3


def test_lr_may_change_between_steps():
    p = Value(0.0)
    optimizer = SGD([p], 0.5)
    p.backward()
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert p.data == -0.75


# -------------------- a step is whole or not at all --------------------


def interrupt_at(line, function):
    """Call the function with a KeyboardInterrupt before the line-th line run in step(); return whether it came."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if frame.f_code.co_name != "step":
            return None
        if event == "line":
            count += 1
            if count == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("make", [lambda ps: SGD(ps, 0.5, 0.9), lambda ps: Adam(ps, 0.1)])
def test_an_interrupt_at_any_line_leaves_a_whole_step(make):
    ps = [Value(float(i)) for i in range(4)]
    optimizer = make(ps)
    for p in ps:
        (3 * p).backward()
    optimizer.step()
    line = 0
    came = True
    while came:
        line += 1
        before = [p.data for p in ps], optimizer.state
        came = interrupt_at(line, optimizer.step)
        if came:
            assert ([p.data for p in ps], optimizer.state) == before
    assert line > 20  # every line was tried, those of each loop four times
    assert all(p.data != x for p, x in zip(ps, before[0], strict=True))


class Fragile(Value):
    """A parameter that is interrupted the first time its number is set."""

    __slots__ = ("number", "times")

    def __init__(self, number):
        self.times = -1
        super().__init__(number)

    @property
    def data(self):
        return self.number

    @data.setter
    def data(self, number):
        self.times += 1
        if self.times == 1:
            raise KeyboardInterrupt
        self.number = number


def test_an_interrupt_while_setting_puts_everything_back():
    first, second = Value(1.0), Fragile(2.0)
    optimizer = SGD([first, second], 0.1, momentum=0.9)
    first.grad = second.grad = 1.0
    with pytest.raises(KeyboardInterrupt):
        optimizer.step()
    assert (first.data, second.data) == (1.0, 2.0)
    optimizer.step()
    assert (first.data, second.data) == pytest.approx((0.9, 1.9))  # no momentum came from the step that was not taken


def test_a_step_to_infinity_changes_nothing():
    a, b = Value(1.0, "a"), Value(1e308, "b")
    a.grad, b.grad = 1.0, -1e308
    with pytest.raises(OverflowError, match=r"'b' \(1e\+308\) to inf: try a smaller lr than 10"):
        SGD([a, b], lr=10).step()
    assert (a.data, b.data) == (1.0, 1e308)


# -------------------- wrong input --------------------


@pytest.mark.parametrize("cls", [SGD, Adam])
def test_wrong_parameters(cls):
    p = Value(1.0, "p")
    for parameters, error, message in [
        ([], ValueError, "no parameters"),
        ([p, Value(2.0), p], ValueError, r"'p' \(1.0\) is listed twice"),
        ([p * 2], ValueError, "only leaves"),
        ([1.0], TypeError, "a parameter is a Value, not 1.0"),
        (MLP(2, [1]), TypeError, r"model.parameters\(\)"),
    ]:
        with pytest.raises(error, match=message):
            cls(parameters, lr=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda ps: SGD(ps, lr=0), "lr must be above 0, not 0"),
        (lambda ps: SGD(ps, lr=-0.1), "lr must be above 0"),
        (lambda ps: SGD(ps, lr=math.nan), "lr must be above 0, not nan"),
        (lambda ps: SGD(ps, lr=math.inf), "lr must be above 0, not inf"),
        (lambda ps: SGD(ps, lr=0.1, momentum=1.0), "momentum must be from 0 to below 1"),
        (lambda ps: SGD(ps, lr=0.1, momentum=-0.1), "momentum must be from 0"),
        (lambda ps: SGD(ps, lr=0.1, weight_decay=-1), "weight_decay must be 0 or more"),
        (lambda ps: Adam(ps, betas=(0.9, 1.0)), "each of the betas must be from 0 to below 1, not 1.0"),
        (lambda ps: Adam(ps, betas=(-0.1, 0.9)), "each of the betas"),
        (lambda ps: Adam(ps, eps=0), "eps must be above 0"),
    ],
)
def test_settings_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make([Value(1.0)])


def test_settings_that_are_no_numbers():
    with pytest.raises(TypeError, match=r"lr must be a number, not '0\.1'"):
        SGD([Value(1.0)], lr="0.1")
    with pytest.raises(TypeError, match="momentum must be a number, not True"):
        SGD([Value(1.0)], lr=0.1, momentum=True)
