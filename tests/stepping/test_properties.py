"""Random graphs under random moves, what-ifs, edits and labels, against a list of steps and a dict of gradients.

`python -m tests.stepping.test_properties 10000` plays so many sequences.
"""

import contextlib
import io
import sys
from random import Random

import pytest

from micrograd_like import Value
from micrograd_like.checks import stale
from micrograd_like.engine import UNREACHED, recompute, topological_order
from micrograd_like.graph.steps import backward_steps
from micrograd_like.stepping import Stepper
from micrograd_like.stepping.shell import Shell

UNARY = [Value.tanh, Value.relu, Value.exp, lambda v: -v, lambda v: v**2, lambda v: v * 3]
BINARY = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b]


class Recipe:
    """A random graph, which can be built again from other leaves."""

    def __init__(self, rng):
        self.leaves = [round(rng.uniform(-2, 2), 2) for _ in range(rng.randint(1, 3))]
        self.made = []
        for n in range(len(self.leaves), len(self.leaves) + rng.randint(1, 6)):
            if rng.random() < 0.6:
                self.made.append((rng.randrange(3), (rng.randrange(n), n - 1)))
            else:
                self.made.append((rng.randrange(6), (rng.choice([n - 1, rng.randrange(n)]),)))

    def build(self, leaves):
        nodes = [Value(x, f"x{i}") for i, x in enumerate(leaves)]
        for which, operands in self.made:
            row = UNARY if len(operands) == 1 else BINARY
            nodes.append(row[which](*(nodes[i] for i in operands)))
        return nodes[-1]


class Naive:
    """What a cursor should show: the steps of a graph of its own, and the gradients as a dict."""

    def __init__(self, recipe, leaves, labels):
        self.recipe, self.leaves = recipe, list(leaves)
        self.order = topological_order(recipe.build(self.leaves))
        for v, label in zip(self.order, labels, strict=True):
            v.label = label
        places = {v: i for i, v in enumerate(self.order)}
        self.steps = list(backward_steps(self.order[-1]))
        self.operands = [places[s.operand] for s in self.steps]
        self.makers = [(s.is_seed, places[s.node]) for s in self.steps]

    def grads(self, position):
        grads = {}
        for i, s in zip(self.operands[:position], self.steps, strict=False):
            grads[i] = grads.get(i, 0.0) + s.contribution
        return grads

    def after_node(self, position):
        stop = position + 1
        while stop < len(self.steps) and self.makers[stop] == self.makers[position]:
            stop += 1
        return stop

    def before_node(self, position):
        start = position - 1
        while start and self.makers[start - 1] == self.makers[position - 1]:
            start -= 1
        return start


def state(order):
    return [(repr(v.data), "blank" if v.grad is UNREACHED else repr(v.grad), v.label) for v in order]


class Play:
    """One graph under a cursor, the same graph without one, and the naive model; either in Python or by commands."""

    def __init__(self, seed):
        self.rng = rng = Random(seed)
        self.recipe = None
        while self.recipe is None:
            self.recipe = Recipe(rng)
            try:
                self.mirror = topological_order(self.recipe.build(self.recipe.leaves))
                Naive(self.recipe, self.recipe.leaves, [v.label for v in self.mirror])
            except (OverflowError, ValueError):
                self.recipe = None
        self.order = topological_order(self.recipe.build(self.recipe.leaves))
        self.root = self.order[-1]
        self.log = []
        self.commands = rng.random() < 0.5
        self.cursors = []
        self.open()

    def open(self):
        """Open a further cursor, and leave the others open."""
        shell = Shell(self.root) if self.commands else None
        cursor = shell.stepper if shell else Stepper(self.root)
        naive = Naive(self.recipe, self.now(), [v.label for v in self.mirror])
        self.cursors.append([cursor, naive, 0, shell, [v.data for v in self.mirror]])

    def now(self):
        """Return the numbers of the recipe's leaves; those that the graph does not use keep theirs."""
        named = {v.label.split("~")[0]: v.data for v in self.mirror if not v.operands and v.label}
        return [named.get(f"x{i}", x) for i, x in enumerate(self.recipe.leaves)]

    def user(self, act):
        """Do to both graphs what a user does."""
        for order in (self.order, self.mirror):
            act(order)

    def check(self):
        assert state(self.order) == state(self.mirror), self.log
        for cursor, naive, position, _, found in self.cursors:
            assert cursor.position == position, self.log
            grads = naive.grads(position)
            for i, v in enumerate(cursor.nodes):
                assert cursor.data(v) == naive.order[i].data, self.log
                expected = grads.get(i)
                assert cursor.grad(v) == expected, (self.log, i)
            for v, label in zip(naive.order, [v.label for v in self.mirror], strict=True):
                v.label = label
            shown = [str(s) for s in backward_steps(naive.order[-1])]
            assert ("the graph has changed" in repr(cursor)) == any(
                v.data != x for v, x in zip(self.mirror, found, strict=True)
            ), self.log
            assert [str(s) for s in cursor.steps] == shown, self.log
        assert state(self.order) == state(self.mirror), self.log

    def turn(self):
        rng = self.rng
        entry = rng.choice(self.cursors)
        cursor, naive, position, shell, found = entry
        n, steps = len(naive.steps), naive.steps
        k, i = rng.randint(0, n), rng.randrange(len(self.order))
        v, bound = self.order[i], round(rng.uniform(-3, 3), 1)
        name = cursor.names[v]
        ahead = range(position + 1, n + 1)

        def holds(k):
            return naive.grads(k).get(i, 0.0) > bound

        def do(command, act):
            self.log.append(command)
            if shell is None:
                with contextlib.suppress(ValueError, IndexError, OverflowError):
                    act()
                return ""
            with contextlib.redirect_stdout(io.StringIO()) as out:
                shell.onecmd(command)
            return out.getvalue()

        chosen = rng.randrange(14)
        if chosen == 0:
            do("s", lambda: cursor.next("edge"))
            entry[2] = min(n, position + 1)
        elif chosen == 1:
            do("n", lambda: cursor.next("node"))
            entry[2] = naive.after_node(position) if position < n else n
        elif chosen == 2:
            do("rs", lambda: cursor.back("edge"))
            entry[2] = max(0, position - 1)
        elif chosen == 3:
            do("rn", lambda: cursor.back("node"))
            entry[2] = naive.before_node(position) if position else 0
        elif chosen == 4:
            do(f"j {k}", lambda: cursor.goto(k))
            entry[2] = k
        elif chosen == 5 and v.op.name != "constant":
            do(f"unt {name}", lambda: cursor.run_to(v))
            entry[2] = next((k for k in ahead if naive.operands[k - 1] == i), position)
        elif chosen in (6, 7):  # a condition on a gradient, at the step being scanned
            backwards = rng.random() < 0.5 and position > 0
            forwards = not backwards and position < n
            written = f"nodes[{i}].grad > {bound} and s.local == s.local"
            do(f"b {written}", lambda: cursor.break_at(lambda s: v.grad > bound and s.local == s.local))
            do("rc" if backwards else "c", lambda: (backwards or forwards) and cursor.run(backwards=backwards))
            do("cl", cursor.clear)
            if backwards:
                entry[2] = next((k for k in range(position - 1, 0, -1) if holds(k)), 0)
            elif forwards:
                entry[2] = next((k for k in ahead if holds(k)), n)
        elif chosen == 8:  # a condition that raises, or breaks off
            do("tbreak 1 / (nodes[0].grad - nodes[0].grad) > 1", lambda: cursor.run_to(lambda s: 1 / 0))
            if position < n:
                do("c", lambda: None)
            do("cl", cursor.clear)
            with contextlib.suppress(KeyboardInterrupt, ValueError):
                cursor.run_to(lambda s: interrupt(v))
        elif chosen == 9:  # what if
            leaves = [x for x in range(len(naive.leaves)) if any(y.label.split("~")[0] == f"x{x}" for y in self.order)]
            which = rng.choice(leaves)
            leaf = next(y for y in self.order if y.label.split("~")[0] == f"x{which}")
            line = rng.choice([f"set {leaf.label} = {bound}", f"find({leaf.label!r}).data = {bound}"])
            do(line, lambda: cursor.set(leaf, bound))
            if found == [y.data for y in self.mirror]:
                with contextlib.suppress(ValueError, OverflowError):
                    new = [bound if x == which else y for x, y in enumerate(naive.leaves)]
                    entry[1] = Naive(self.recipe, new, [y.label for y in self.mirror])
        elif chosen == 10:  # edits behind the cursor
            leaf = rng.choice([j for j, y in enumerate(self.order) if not y.operands])
            if self.order[leaf].label:
                self.user(lambda order: setattr(order[leaf], "data", bound))
                if rng.random() < 0.5:
                    with contextlib.suppress(ValueError, OverflowError):
                        self.user(lambda order: recompute(order[-1]))
                self.log.append(f"{self.order[leaf].label}.data = {bound}")
        elif chosen == 11:
            do("restart", cursor.restart)
            if not stale(self.order):
                with contextlib.suppress(ValueError, OverflowError):
                    entry[1] = Naive(self.recipe, self.now(), [y.label for y in self.mirror])
                    entry[2], entry[4] = 0, [y.data for y in self.mirror]
        elif chosen == 12:  # labels
            label = f"{v.label.split('~')[0]}~{rng.randrange(99)}" if not v.operands and v.label else f"y{i} {k}"
            if v.operands or v.label:
                self.user(lambda order: setattr(order[i], "label", label))
                self.log.append(f"nodes[{i}].label = {label!r}")
                assert cursor.find(label) is v
        elif rng.random() < 0.5 and not stale(self.order):
            with contextlib.suppress(ValueError, OverflowError):
                self.user(lambda order: order[-1].backward())
            self.log.append("root.backward()")
        elif not stale(self.order) and len(self.cursors) < 3:
            with contextlib.suppress(ValueError, OverflowError):
                self.open()
            self.log.append("another cursor")
        if shell is not None and shell.stepper.position == entry[2]:
            written = do(f"p nodes[{i}].grad", None).strip()
            grad = entry[1].grads(entry[2]).get(i)
            assert written == "–" if grad is None else float(written) == grad, self.log
            do(f"x = nodes[{i}].grad; nodes[{i}].grad = 5.0; nodes[-1].zero_grad()", None)
        self.check()
        assert steps is naive.steps


def interrupt(v):
    v.grad, v.data, v.label = 99.0, 99.0, "lost"
    raise KeyboardInterrupt


def play(seed, turns=12):
    game = Play(seed)
    for _ in range(turns):
        game.turn()


@pytest.mark.parametrize("block", range(20))
def test_any_sequence_shows_what_the_naive_model_has_and_leaves_the_graph_alone(block):
    for seed in range(20 * block, 20 * block + 20):
        play(seed)


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        play(number, 15)
    print(f"{sys.argv[1]} sequences: no difference")
