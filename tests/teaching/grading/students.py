"""Students who compute by hand, to be graded: plain recursion over a formula as text, in fractions or floats.

They share nothing with the package: a formula is read by Python's own parser, a derivative is taken of each statement
with respect to each name in it, and a gradient is the sum over the statements that use a name.
"""

import ast
import math
from dataclasses import dataclass
from fractions import Fraction
from random import Random

FUNCTIONS = {
    "tanh": (math.tanh, lambda x, t: 1 - t * t),
    "sigmoid": (lambda x: 1 / (1 + math.exp(-x)), lambda x, s: s * (1 - s)),
    "relu": (lambda x: max(x, 0 * x), lambda x, r: 1 if x > 0 else 0),
    "exp": (math.exp, lambda x, e: e),
    "log": (math.log, lambda x, y: 1 / x),
    "sqrt": (math.sqrt, lambda x, r: 1 / (2 * r)),
    "sin": (math.sin, lambda x, y: math.cos(x)),
    "cos": (math.cos, lambda x, y: -math.sin(x)),
    "abs": (abs, lambda x, y: 1 if x > 0 else -1),
}


class Student:
    """Computes a formula like `u = a*b; L = u + a` right, and keeps every number that is written down."""

    rate = None

    def __init__(self, formula, numbers, given=None, rate=None, parameters=()):
        self.statements = {}
        for statement in ast.parse(formula).body:
            self.statements[statement.targets[0].id] = statement.value
        self.output = list(self.statements)[-1]
        self.numbers, self.given, self.rate, self.parameters = dict(numbers), dict(given or {}), rate, parameters
        self.values, self.gradients = {}, {}

    # what is written of a number, and with what one goes on
    def keep(self, kind, name, number):
        return number

    # -------------------- forward --------------------

    def value(self, name):
        if name not in self.values:
            if name in self.given:
                self.values[name] = self.given[name]
            elif name in self.statements:
                self.values[name] = self.keep("value", name, self.worth(self.statements[name]))
            else:
                self.values[name] = self.numbers[name]
        return self.values[name]

    def worth(self, e):
        match e:
            case ast.Name(id=name):
                return self.value(name)
            case ast.Constant(value=number):
                return Fraction(str(number)) if self.is_exact else number
            case ast.UnaryOp(operand=x):
                return -self.worth(x)
            case ast.Call(func=ast.Name(id="max"), args=[x, y]):
                return max(self.worth(x), self.worth(y))
            case ast.Call(func=ast.Name(id=f), args=[x]):
                return self.function(f, self.worth(x))
            case ast.BinOp(left=x, op=op, right=y):
                return self.combine(type(op).__name__, self.worth(x), self.worth(y))

    def function(self, f, x):
        return FUNCTIONS[f][0](x)

    def combine(self, op, x, y):
        return {"Add": lambda: x + y, "Sub": lambda: x - y, "Mult": lambda: x * y, "Div": lambda: x / y,
                "Pow": lambda: x**y}[op]()  # fmt: skip

    @property
    def is_exact(self):
        return all(isinstance(x, Fraction) for x in self.numbers.values())

    # -------------------- backward --------------------

    def gradient(self, name):
        if name not in self.gradients:
            if name == self.output:
                self.gradients[name] = self.seed()
            else:
                self.gradients[name] = self.keep("gradient", name, self.collect(name))
        return self.gradients[name]

    def seed(self):
        return 1

    def uses(self, name):
        """The statements in which a name stands, the last first, once for each place."""
        for user, e in reversed(self.statements.items()):
            for place in ast.walk(e):
                if isinstance(place, ast.Name) and place.id == name and self.reaches(user):
                    yield user, place

    def reaches(self, name):
        return name == self.output or any(
            isinstance(x, ast.Name) and x.id == name and self.reaches(user)
            for user, e in self.statements.items()
            for x in ast.walk(e)
        )

    def collect(self, name):
        return self.add_up(name, [self.pass_on(name, user, place) for user, place in self.uses(name)])

    def add_up(self, name, contributions):
        return sum(contributions)

    def pass_on(self, name, user, place):
        return self.gradient(user) * self.slope(self.statements[user], place, user)

    def slope(self, e, place, user):
        """The derivative of an expression with respect to one place in it; `user` if it is all of that statement."""
        if e is place:
            return 1
        match e:
            case ast.UnaryOp(operand=x):
                return self.of_minus() * self.slope(x, place, None)
            case ast.Call(func=ast.Name(id="max"), args=[x, y]):
                mine, other = (x, y) if self.holds(x, place) else (y, x)
                return self.of_max(self.worth(mine), self.worth(other)) * self.slope(mine, place, None)
            case ast.Call(func=ast.Name(id=f), args=[x]):
                z = self.worth(x)
                out = self.value(user) if user else self.function(f, z)
                return self.of_function(f, z, out, user) * self.slope(x, place, None)
            case ast.BinOp(left=x, op=op, right=y):
                k = 0 if self.holds(x, place) else 1
                a, b = self.worth(x), self.worth(y)
                rule = getattr(self, f"of_{type(op).__name__.lower()}")
                is_constant = [isinstance(side, ast.Constant) for side in (x, y)]
                return rule(k, a, b, is_constant, (x, y)) * self.slope((x, y)[k], place, None)

    def holds(self, e, place):
        return any(x is place for x in ast.walk(e))

    # the rules, each to be got wrong
    def of_minus(self):
        return -1

    def of_add(self, k, a, b, constant, sides):
        return 1

    def of_sub(self, k, a, b, constant, sides):
        return -1 if k else 1

    def of_mult(self, k, a, b, constant, sides):
        return a if k else b

    def of_div(self, k, a, b, constant, sides):
        return -a / b**2 if k else 1 / b

    def of_pow(self, k, a, b, constant, sides):
        return b * a ** (b - 1)

    def of_function(self, f, x, out, user):
        return FUNCTIONS[f][1](x, out)

    def of_max(self, mine, other):
        return 1 if mine > other else 0

    # -------------------- the update --------------------

    def updated(self, name):
        return self.keep("update", name, self.move(self.numbers[name], self.gradient(name)))

    def move(self, x, g):
        return x - self.rate * g

    # -------------------- the paper --------------------

    def paper(self):
        """All that is asked: values, gradients and updated numbers."""
        values = {name: self.value(name) for name in self.statements if name not in self.given}
        names = [*reversed(self.statements), *self.numbers]
        gradients = {name: self.gradient(name) for name in names if name != self.output}
        gradients |= {f"{name}_new": self.updated(name) for name in self.parameters}
        return values, gradients


class Rounding(Student):
    """Writes decimals, and goes on with what is written, or with the number as it was, or now so and now so.

    At one line, if it is named, something goes wrong.
    """

    def __init__(self, *arguments, places, carry, rng, slip=None, **more):
        super().__init__(*arguments, **more)
        self.places, self.carry, self.rng, self.slip, self.shown = places, carry, rng, slip, {}

    def keep(self, kind, name, number):
        if self.slip and (kind, name) == self.slip[:2]:
            number = self.slip[2](number)
        places = self.places(self.rng)
        shown = f"{float(number):.{places}f}"
        self.shown[kind, name] = shown
        goes_on = self.carry(self.rng)
        return Fraction(shown) if goes_on and self.is_exact else float(shown) if goes_on else number


def network(rng, split=True):
    """Return a random small network with a loss as a formula, and its numbers: decimals, as a sheet has them."""
    inputs = [f"x{i}" for i in range(1, rng.randint(2, 3))]
    hidden = rng.randint(1, 2)
    f = rng.choice(["tanh", "sigmoid", "relu"])
    lines, numbers = [], {}
    for j in range(1, hidden + 1):
        products = [f"w{j}{i}*{x}" for i, x in enumerate(inputs, start=1)]
        if split:
            names = [f"m{j}{i}" for i in range(1, len(products) + 1)]
            lines += [f"{name} = {product}" for name, product in zip(names, products, strict=True)]
            products = names
        lines += [f"n{j} = {' + '.join([*products, f'b{j}'])}", f"h{j} = {f}(n{j})"]
    lines.append(f"o = {' + '.join(f'v{j}*h{j}' for j in range(1, hidden + 1))} + c")
    if rng.random() < 0.5:
        lines.append("p = sigmoid(o)")
        lines.append("e = p - y")
    else:
        lines.append("e = o - y")
    lines.append(rng.choice(["L = e**2", "L = e**2/2"]))
    formula = "; ".join(lines)
    leaves = sorted({x.id for x in ast.walk(ast.parse(formula)) if isinstance(x, ast.Name)}
                    - {line.split(" = ")[0] for line in lines} - set(FUNCTIONS))  # fmt: skip
    for name in leaves:
        numbers[name] = float(
            rng.choice([f"{rng.uniform(-2, 2):.1f}", f"{rng.uniform(-1, 1):.2f}", "0.5", "-1.5", "2"])
        )
    return formula, numbers


@dataclass(frozen=True)
class Way:
    """How somebody rounds."""

    name: str
    places: object
    carry: object


WAYS = [
    *(Way(f"{n} decimals", lambda rng, n=n: n, lambda rng: True) for n in (2, 3, 4)),
    *(Way(f"full precision, {n} shown", lambda rng, n=n: n, lambda rng: False) for n in (2, 3, 4)),
    Way("a mixture", lambda rng: rng.choice([2, 3, 4]), lambda rng: rng.random() < 0.5),
]


def papers(count, seed=0, slip=False, split=True):
    """Yield papers: the way of rounding, the formula, its numbers, what is written, and the line of the slip."""
    rng = Random(seed)
    made = 0
    while made < count:
        way, (formula, numbers) = WAYS[made % len(WAYS)], network(rng, split)
        honest = Student(formula, numbers)
        try:
            values, gradients = honest.paper()
        except (ArithmeticError, ValueError):
            continue
        if max(map(abs, [*values.values(), *gradients.values()])) > 1e4:
            continue
        place = None
        if slip:
            kind, name = rng.choice([*(("value", x) for x in values), *(("gradient", x) for x in gradients)])
            delta = rng.choice([-1, 1]) * rng.uniform(0.2, 3)
            place = (kind, name, rng.choice([lambda x, d=delta: x + d, lambda x: -x if abs(x) > 0.1 else x + 0.7]))
        student = Rounding(formula, numbers, places=way.places, carry=way.carry, rng=rng, slip=place)
        student.paper()
        made += 1
        yield way.name, formula, numbers, student.shown, place and place[:2]


# -------------------- students who get one rule wrong, always --------------------


def wrong(**rules):
    """Return a kind of student with other rules."""
    return type("Mistaken", (Student,), rules)


def at_function(name, rule):
    """Return a rule for one function, in which `up` is the gradient of the statement it makes."""

    def of_function(self, f, x, out, user):
        return rule(self, x, out, user) if f == name else Student.of_function(self, f, x, out, user)

    return of_function


def of_activations(tanh, sigmoid):
    def of_function(self, f, x, out, user):
        rules = {"tanh": tanh, "sigmoid": sigmoid}
        return rules[f](self, x, out, user) if f in rules else Student.of_function(self, f, x, out, user)

    return of_function


def leaf_only(rule):
    def pass_on(self, name, user, place):
        if name in self.statements:
            return Student.pass_on(self, name, user, place)
        return rule(self, name, user, place)

    return pass_on


def not_at_output(rule):
    def pass_on(self, name, user, place):
        if user == self.output:
            return Student.pass_on(self, name, user, place)
        return rule(self, self.slope(self.statements[user], place, user), user)

    return pass_on


def product(numbers):
    return math.prod(numbers)


def sigma(x):
    return 1 / (1 + math.exp(-x))


class TooEarly(Student):
    """Gives every operand its share at once, and goes on there."""

    def collect(self, name):
        if not hasattr(self, "found"):
            self.found = {}
            self.visit(self.output, self.found)
        return self.found.get(name, 0)

    def visit(self, user, found):
        found.setdefault(user, 1 if user == self.output else 0)
        if user in self.statements:
            for place in ast.walk(self.statements[user]):
                if isinstance(place, ast.Name) and place.id not in (*FUNCTIONS, "max"):
                    share = found[user] * self.slope(self.statements[user], place, user)
                    found[place.id] = found.get(place.id, 0) + share
                    self.visit(place.id, found)


class PreActivation(Student):
    def of_mult(self, k, a, b, constant, sides):
        other = sides[1 - k]
        if isinstance(other, ast.Name) and isinstance(e := self.statements.get(other.id), ast.Call):
            if e.func.id not in ("tanh", "sigmoid", "relu"):
                return a if k else b
            return self.worth(e.args[0])
        return a if k else b


class UpdatedWeight(Student):
    def pass_on(self, name, user, place):
        e = self.statements[user]
        if self.rate and name in self.statements and isinstance(e, ast.BinOp) and isinstance(e.op, ast.Mult):
            other = e.right if e.left is place else e.left
            if isinstance(other, ast.Name) and other.id in self.numbers:
                w = self.numbers[other.id]
                return self.gradient(user) * (w - self.rate * self.gradient(user) * self.value(name))
        return Student.pass_on(self, name, user, place)


def swapped_values(self, op, x, y):
    return Student.combine(self, op, y, x) if op in ("Sub", "Div", "Pow") else Student.combine(self, op, x, y)


MISTAKEN = {
    "overwrite": wrong(add_up=lambda s, name, xs: xs[-1]),
    "overwrite/1": wrong(add_up=lambda s, name, xs: xs[0]),
    "path_forgotten": wrong(add_up=lambda s, name, xs: sum(xs[1:] if len(xs) > 2 else xs)),
    "paths_multiplied": wrong(add_up=lambda s, name, xs: product(xs)),
    "stale": wrong(add_up=lambda s, name, xs: sum(xs) * (1 if name in s.statements else 2)),
    "no_order": TooEarly,
    "upstream_forgotten": wrong(pass_on=not_at_output(lambda s, slope, user: slope)),
    "upstream_added": wrong(pass_on=lambda s, name, u, p: s.gradient(u) + s.slope(s.statements[u], p, u)),
    "value_for_gradient": wrong(pass_on=not_at_output(lambda s, slope, user: s.value(user) * slope)),
    "seed_is_value": wrong(seed=lambda s: s.value(s.output)),
    "stopped_short": wrong(pass_on=leaf_only(lambda s, name, user, place: s.gradient(user))),
    "local_forgotten": wrong(pass_on=lambda s, name, user, place: s.gradient(user)),
    "factors_not_swapped": wrong(of_mult=lambda s, k, a, b, c, e: b if k else a),
    "product_rule_for_sum": wrong(of_add=lambda s, k, a, b, c, e: a if k else b),
    "minus_lost": wrong(of_sub=lambda s, k, a, b, c, e: 1, of_minus=lambda s: 1),
    "minus_swapped": wrong(of_sub=lambda s, k, a, b, c, e: 1 if k else -1),
    "division_sign_lost": wrong(of_div=lambda s, k, a, b, c, e: a / b**2 if k else 1 / b),
    "quotient_without_square": wrong(of_div=lambda s, k, a, b, c, e: -a / b if k else 1 / b),
    "quotient_without_numerator": wrong(of_div=lambda s, k, a, b, c, e: -1 / b**2 if k else 1 / b),
    "quotient_swapped": wrong(of_div=lambda s, k, a, b, c, e: 1 / a if k else -b / a**2),
    "quotient_swapped/1": wrong(of_div=lambda s, k, a, b, c, e: 1 / b if k else -a / b**2),
    "constant_forgotten": wrong(
        of_mult=lambda s, k, a, b, c, e: 1 if c[1 - k] else (a if k else b),
        of_div=lambda s, k, a, b, c, e: 1 if c[1] else Student.of_div(s, k, a, b, c, e),
    ),
    "power_without_base": wrong(of_pow=lambda s, k, a, b, c, e: b),
    "power_without_factor": wrong(of_pow=lambda s, k, a, b, c, e: a ** (b - 1)),
    "exponent_kept": wrong(of_pow=lambda s, k, a, b, c, e: b * a**b),
    "exp_as_power/1": wrong(of_function=at_function("exp", lambda s, x, e, u: x * e)),
    "exp_as_power": wrong(of_function=at_function("exp", lambda s, x, e, u: x * math.exp(x - 1))),
    "log_at_output": wrong(of_function=at_function("log", lambda s, x, y, u: 1 / y)),
    "root_without_half": wrong(of_function=at_function("sqrt", lambda s, x, r, u: 1 / r)),
    "sine_sign": wrong(of_function=lambda s, f, x, y, u: (-1 if f in ("sin", "cos") else 1) * FUNCTIONS[f][1](x, y)),
    "abs_as_itself": wrong(of_function=at_function("abs", lambda s, x, y, u: 1)),
    "abs_as_itself/1": wrong(of_function=at_function("abs", lambda s, x, y, u: x)),
    "wrong_winner": wrong(of_max=lambda s, mine, other: 0 if mine > other else 1),
    "shared_winner": wrong(of_max=lambda s, mine, other: 1),
    "activation_forgotten": wrong(
        of_function=lambda s, f, x, y, u: 1 if f in ("tanh", "sigmoid", "exp") else FUNCTIONS[f][1](x, y)
    ),
    "activation_at_input": wrong(
        of_function=of_activations(lambda s, x, t, u: 1 - x * x, lambda s, x, t, u: x * (1 - x))
    ),
    "activation_twice": wrong(
        of_function=of_activations(
            lambda s, x, t, u: 1 - math.tanh(t) ** 2, lambda s, x, t, u: sigma(t) * (1 - sigma(t))
        )
    ),
    "activation_at_gradient": wrong(
        of_function=of_activations(
            lambda s, x, t, u: 1 - s.gradient(u) ** 2, lambda s, x, t, u: s.gradient(u) * (1 - s.gradient(u))
        )
    ),
    "other_activation": wrong(of_function=of_activations(lambda s, x, t, u: t * (1 - t), lambda s, x, t, u: 1 - t * t)),
    "tanh_without_square": wrong(of_function=at_function("tanh", lambda s, x, t, u: 1 - t)),
    "tanh_without_square/1": wrong(of_function=at_function("tanh", lambda s, x, t, u: 1 + t * t)),
    "sigmoid_rule/1": wrong(of_function=at_function("sigmoid", lambda s, x, t, u: 1 - t)),
    "sigmoid_rule/2": wrong(of_function=at_function("sigmoid", lambda s, x, t, u: t)),
    "sigmoid_rule": wrong(of_function=at_function("sigmoid", lambda s, x, t, u: t * (1 + t))),
    "relu_always_1": wrong(of_function=at_function("relu", lambda s, x, t, u: 1)),
    "relu_always_0": wrong(of_function=at_function("relu", lambda s, x, t, u: 0)),
    "activation_left_out": PreActivation,
    "updated_weight": UpdatedWeight,
    "zero_bias": wrong(
        of_add=lambda s, k, a, b, c, e: 0 if isinstance(e[k], ast.Name) and s.numbers.get(e[k].id, 1) == 0 else 1
    ),
    "uphill": wrong(move=lambda s, x, g: x + abs(s.rate) * g),
    "downhill": wrong(move=lambda s, x, g: x - abs(s.rate) * g),
    "rate_forgotten": wrong(move=lambda s, x, g: x - g if s.rate > 0 else x + g),
    "update_for_number": wrong(move=lambda s, x, g: -s.rate * g),
    "gradient_forgotten": wrong(move=lambda s, x, g: x - s.rate),
    "operands_swapped": wrong(combine=swapped_values),
    "other_operation": wrong(
        combine=lambda s, op, x, y: Student.combine(
            s, {"Add": "Mult", "Mult": "Add", "Sub": "Add", "Div": "Mult"}.get(op, op), x, y
        )
    ),
    "other_operation/1": wrong(
        combine=lambda s, op, x, y: Student.combine(s, {"Add": "Sub", "Mult": "Div", "Div": "Sub"}.get(op, op), x, y)
    ),
    "operand_left_out/1": wrong(combine=lambda s, op, x, y: y if op == "Add" else Student.combine(s, op, x, y)),
    "operand_left_out": wrong(combine=lambda s, op, x, y: x if op == "Add" else Student.combine(s, op, x, y)),
    "times_exponent": wrong(combine=lambda s, op, x, y: x * y if op == "Pow" else Student.combine(s, op, x, y)),
    "relu_passed_on": wrong(function=lambda s, f, x: x if f == "relu" else Student.function(s, f, x)),
    "function_left_out": wrong(
        function=lambda s, f, x: x if f in ("tanh", "sigmoid", "exp", "log", "sqrt") else Student.function(s, f, x)
    ),
}
