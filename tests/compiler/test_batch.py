"""Training on compiled programs comes to what eager training comes to."""

import copy
import math
import pickle
import re
import threading
import time
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest

from micrograd_like import MLP, Value
from micrograd_like import sum as add_up
from micrograd_like.cli import main
from micrograd_like.compiler import Program, batch, samples
from micrograd_like.engine import UNREACHED
from micrograd_like.nn.datasets import iris, moons, xor
from micrograd_like.nn.optim import SGD, Adam, Optimizer
from micrograd_like.nn.training import train
from micrograd_like.notation.names import constant

LINE = [[i / 10] for i in range(30)], [0.3 * i + 1 for i in range(30)]


def both(make, *data, **options):
    """Train eagerly and compiled from the same start; return the epochs and parameters of each."""
    results = []
    for compiled in (False, True):
        model = make()
        epochs = list(train(model, *data, epochs=4, compiled=compiled, **options))
        results.append((epochs, [p.data for p in model.parameters()]))
    return results


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize(
    ("data", "outputs", "loss"),
    [
        (moons(40), 1, None),
        (moons(40), 1, "hinge"),
        (moons(40), 1, "mean_squared_error"),
        (xor(30), 2, "cross_entropy"),
        (iris(), 3, None),
    ],
)
def test_same_losses_same_hits_same_parameters(data, outputs, loss, optimizer):
    width = len(data.feature_names)
    (eager, numbers), (compiled, other_numbers) = both(
        lambda: MLP(width, [5, outputs], activation="tanh", seed=1), data, loss=loss, optimizer=optimizer
    )
    assert [e.loss for e in compiled] == pytest.approx([e.loss for e in eager], rel=1e-9)
    assert [e.accuracy for e in compiled] == [e.accuracy for e in eager]
    assert other_numbers == pytest.approx(numbers, rel=1e-9)


def test_numbers_to_come_close_to():
    (eager, _), (compiled, _) = both(lambda: MLP(1, [4, 1], seed=2), *LINE, batch_size=7)
    assert [e.loss for e in compiled] == pytest.approx([e.loss for e in eager], rel=1e-9)
    assert compiled[0].accuracy is None


def test_losses_and_optimisers_of_ones_own():
    def cubic(outputs, targets):
        return add_up([abs(o - t) ** 3 for o, t in zip(outputs, targets, strict=True)]) / len(outputs)

    results = []
    for compiled in (False, True):
        model = MLP(2, [3, 1], activation="tanh", seed=3)
        optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
        epochs = list(train(model, moons(20), loss=cubic, optimizer=optimizer, epochs=3, compiled=compiled))
        results.append([e.loss for e in epochs])
    assert results[0] == pytest.approx(results[1], rel=1e-9)


def test_a_graph_that_depends_on_data_is_refused():
    class Choosy(MLP):
        def __call__(self, x):
            out = super().__call__(x)
            return out * 2 if x[0] > 0 else out

    rows = [[-1.0, 0.5], [1.0, 0.5], [-0.5, 0.1], [0.5, 0.2]]
    with pytest.raises(ValueError, match="not the same for every row, so it cannot be compiled"):
        train(Choosy(2, [3, 1], seed=1), rows, [0, 0, 1, 1], compiled=True)


def test_auto_compiles_where_it_pays(monkeypatch):
    made = []
    monkeypatch.setattr(batch, "compiled_epochs", lambda *arguments: made.append(arguments) or iter(()))
    for n, epochs, watch, compiled in (40, 1, None, 0), (41, 1, None, 1), (5, 9, None, 1), (5, 9, object(), 0):
        made.clear()
        train(MLP(2, [3, 1], seed=1), moons(n), epochs=epochs, compiled="auto", watch=watch)
        assert len(made) == compiled
    made.clear()
    train(MLP(2, [3, 1], seed=1), moons(5), compiled=np.bool_(True))
    assert len(made) == 1
    with pytest.raises(ValueError, match="compiled must be True, False or 'auto', not 'c'"):
        train(MLP(2, [3, 1], seed=1), moons(5), compiled="c")


def test_auto_trains_eagerly_what_cannot_be_compiled():
    def total(outputs, targets):
        return add_up([(o - t) ** 2 for o, t in zip(outputs, targets, strict=True)])

    losses = []
    for compiled in False, "auto":
        with (
            pytest.warns(RuntimeWarning, match="this training is not compiled: .* only a mean")
            if compiled
            else nullcontext()
        ):
            found = train(MLP(2, [3, 1], seed=1), moons(20), loss=total, epochs=3, lr=1e-3, compiled=compiled)
        losses.append([epoch.loss for epoch in found])
    assert losses[0] == losses[1]


def test_a_loss_that_is_no_mean_is_refused():
    def total(outputs, targets):
        return add_up([(o - t) ** 2 for o, t in zip(outputs, targets, strict=True)])

    with pytest.raises(ValueError, match="only a mean over the samples can be compiled"):
        train(MLP(2, [3, 1], seed=1), moons(20), loss=total, compiled=True)


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = []
    for extra in ((), ("--compiled",)):
        assert main(["train", "moons", "--layers", "4", "--epochs", "3", "--n", "30", *extra]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


# -------------------- what differs from sample to sample --------------------


@pytest.fixture(params=["c", "numpy", "python"])
def way(request, monkeypatch):
    """Training in C, and where there is no compiler."""
    if request.param == "c":
        request.getfixturevalue("c_compiler")
    else:
        original = Program.__init__
        monkeypatch.setattr(
            Program, "__init__", lambda self, *arguments: original(self, *arguments[:3], backend=request.param)
        )
    return request.param


def same(make, *data, optimizer=None, **options):
    """Train eagerly and compiled; epochs, parameters, gradients and the optimiser's state must be the same."""
    found = []
    for compiled in (False, True):
        model = make()
        made = optimizer(model.parameters()) if optimizer else "adam"
        for p in model.parameters():
            p.grad = 7.0  # of what was before
        epochs = list(train(model, *data, optimizer=made, compiled=compiled, **{"epochs": 4, **options}))
        trained = made.parameters if optimizer else model.parameters()
        gradients = [math.nan if p.grad is UNREACHED else p.grad for p in trained]
        found.append((epochs, [p.data for p in model.parameters()], gradients, made.state if optimizer else []))
    (eager, numbers, gradients, state), (compiled, others, other_gradients, other_state) = found
    assert other_gradients == pytest.approx(gradients, rel=1e-9, abs=1e-12, nan_ok=True)
    assert [e.loss for e in compiled] == pytest.approx([e.loss for e in eager], rel=1e-9)
    assert [e.accuracy for e in compiled] == [e.accuracy for e in eager]
    assert others == pytest.approx(numbers, rel=1e-9)
    for x, y in zip(other_state, state, strict=True):
        assert x == pytest.approx(y, rel=1e-9, abs=1e-300)
    return eager


OPTIMIZERS = [
    lambda ps: SGD(ps, lr=0.1),
    lambda ps: SGD(ps, lr=0.05, momentum=0.9, weight_decay=0.01),
    lambda ps: Adam(ps, lr=0.02),
    lambda ps: Adam(ps, lr=0.02, betas=(0.5, 0.7), eps=1e-3, weight_decay=0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 7, 8, 10, 33, 40, None])
def test_every_optimiser_and_batch(way, optimizer, batch_size):
    make = partial(MLP, 2, [4, 1], activation="tanh", seed=1)
    same(make, moons(40), optimizer=optimizer, batch_size=batch_size, epochs=3, seed=5)


class Router(MLP):
    """A model of which each target reaches other parameters."""

    def __init__(self, **options):
        super().__init__(2, [3, 2], activation="tanh", **options)
        self.extra = [Value(0.5, "e0"), Value(-0.5, "e1"), Value(1.0, "never")]


def routed(outputs, targets):
    """Reach the parameters that belong to a target only."""
    terms = [(a * model_extra[int(t)] + b - t) ** 2 for (a, b), t in zip(outputs, targets, strict=True)]
    return add_up(terms) / len(terms)


model_extra = []


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_parameters_that_only_some_samples_reach(way, optimizer):
    def make():
        model = Router(seed=2)
        model_extra[:] = model.extra
        return model

    rows = [[0.1 * i, math.sin(i)] for i in range(12)]
    same(make, rows, [0] * 9 + [1] * 3, loss=routed, optimizer=optimizer, batch_size=3)


@pytest.mark.parametrize("targets", [[0.5 * i for i in range(30)], [7] * 30, [i % 3 * 1.0 for i in range(30)]])
def test_targets_of_any_number(way, targets):
    same(partial(MLP, 1, [3, 1], activation="tanh", seed=4), LINE[0], targets, loss="mean_squared_error", batch_size=4)


def margins(z, y):
    return add_up([(other - z[y] + 1).relu() for j, other in enumerate(z) if j != y])


def by_hand(z, y):
    powers = [score.exp() for score in z]
    return -(powers[y] / add_up(powers)).log()


def neighbours(z, y):
    return (z[y] * z[y - 1]) ** 2 - z[y - 2] + 0.0 * z[0] + add_up(z) * 0.1


def only_its_own(z, y):
    return (z[y] - 1) ** 2


def otherwise_for_one(z, y):
    return add_up([score * score for score in z]) - (3 * z[y] if y else z[2].tanh() * z[1])


@pytest.mark.parametrize(
    ("loss", "programs"),
    [(margins, 1), (by_hand, 1), (neighbours, 1), (only_its_own, 4), (otherwise_for_one, 2), (None, 1)],
)
def test_classes_share_a_program_if_they_reach_the_same_parameters(way, monkeypatch, loss, programs):
    def mean(outputs, targets):
        return add_up([loss(z, y) for z, y in zip(outputs, targets, strict=True)]) / len(outputs)

    made = []
    compare = samples.Samples.compare
    monkeypatch.setattr(
        samples.Samples, "compare", lambda self, *args: (made.append(self.programs), compare(self, *args))
    )
    rows = [[math.sin(i), math.cos(3 * i)] for i in range(30)]
    make, optimizer = partial(MLP, 2, [3, 4], activation="tanh", seed=1), partial(SGD, lr=0.05, momentum=0.9)
    same(make, rows, [i % 7 % 4 for i in range(30)], loss=loss and mean, optimizer=optimizer, batch_size=4)
    assert [len(found) for found in made] == [programs]


def test_losses_that_choose_by_the_target(way):
    def pinball(outputs, targets):
        terms = [3 * abs(o - t) if t > 1.5 else (o - t) ** 2 for o, t in zip(outputs, targets, strict=True)]
        return add_up(terms) / len(terms)

    same(partial(MLP, 1, [3, 1], activation="tanh", seed=4), *LINE, loss=pinball, batch_size=4)


@pytest.mark.parametrize("targets", [[0.0] * 5 + [-0.0], [1] * 5 + [True], [1] * 5 + [1.0]])
def test_equal_targets_are_not_always_the_same(way, targets):
    def loss(outputs, targets):
        signs = [math.copysign(1.0, t) + (t is True) + 3 * isinstance(t, float) for t in targets]
        return add_up([(o - sign) ** 2 for o, sign in zip(outputs, signs, strict=True)]) / len(outputs)

    same(partial(MLP, 1, [1], seed=4), [[0.5]] * 6, targets, loss=loss, batch_size=2)


@pytest.mark.parametrize("targets", [[0] * 5 + [1], [0] * 6, [1, 0, 1, 0, 0, 0], [0] * 5 + [2]])
def test_losses_may_use_leaves_that_are_not_trained(way, targets):
    leaves = [Value(1.0), Value(2.0), Value(-0.5)]

    def loss(outputs, targets):
        terms = [(o - leaves[t]) ** 2 + o * leaves[0] ** 2 for o, t in zip(outputs, targets, strict=True)]
        return add_up(terms) / len(outputs)

    same(partial(MLP, 1, [1], seed=4), [[0.5]] * 6, targets, loss=loss, batch_size=2)


def huber(o, t):
    return (o - t) ** 2 if abs((o - t).data) < 1 else abs(o - t)


def compares(o, t):
    return (o - t) ** 2 if o < t else o - t


def is_true(o, t):
    return o * 1 if o else (o - t) ** 2


def equals(o, t):
    return o * 1 if o == 0.5 else (o - t) ** 2


@pytest.mark.parametrize("term", [huber, compares, is_true, equals])
def test_losses_that_choose_by_the_output_are_refused(term):
    def loss(outputs, targets):
        return add_up([term(o, t) for o, t in zip(outputs, targets, strict=True)]) / len(outputs)

    model = MLP(1, [3, 1], seed=4)
    with pytest.raises(ValueError, match=r"looks at a number in line \d+ of .*test_batch.py.* cannot be compiled"):
        train(model, *LINE, loss=loss, compiled=True)
    assert model(LINE[0][0]).data > model(LINE[0][0]).data - 1  # comparisons are what they were
    list(train(model, *LINE, loss=loss, epochs=1))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_targets_that_are_not_finite_are_an_error_before_training(bad):
    model = MLP(1, [3, 1], seed=4)
    before = [p.data for p in model.parameters()]
    for rows, targets in [
        (LINE[0], [*LINE[1][:20], bad, *LINE[1][21:]]),
        ([*LINE[0][:20], [bad], *LINE[0][21:]], LINE[1]),
    ]:
        with pytest.raises(ValueError, match="sample 20"):
            train(model, rows, targets, loss="mean_squared_error", compiled=True)
    assert [p.data for p in model.parameters()] == before


@pytest.mark.parametrize("bad", [math.nan, math.inf, pytest.param(10**5000, id="huge")])
def test_samples_are_looked_at_before_the_loss_is_asked_about_their_targets(bad):
    model = MLP(1, [1], seed=4)
    for rows, targets in ([[1], [2], [3]], [0, 1, bad]), ([[1], [2], [bad]], [0, 1, 2]):
        with pytest.raises(ValueError, match="sample 2 has"):
            train(model, rows, targets, loss=lambda outputs, targets: outputs[0] * int(targets[0]), compiled=True)


def test_integers_of_which_the_sum_alone_is_too_large(way):
    def loss(outputs, targets):
        return add_up([o.tanh() for o in outputs]) / len(outputs)

    make = partial(MLP, 2, [3, 1], activation="tanh", seed=4)
    same(make, [[10**308, 10**308], [1, 2], [-(10**308), 1]], [0, 1, 0], loss=loss)


def test_batches_may_be_small_enough_where_four_samples_are_too_large(way):
    def make():
        model = MLP(1, [1], activation="linear", seed=4)
        for p in model.parameters():
            p.data = 0.0
        return model

    optimizer = partial(SGD, lr=1e-308)
    same(make, [[1e308], [1.5e308], [1e308], [1e308]], [1, 1, 1, 1], loss="hinge", optimizer=optimizer, batch_size=1)


def test_a_loss_without_a_single_operation(way):
    class Bare:
        def __init__(self):
            self.w = Value(0.5, "w")

        def __call__(self, row):
            return self.w

        def parameters(self):
            return [self.w]

    for loss in (lambda outputs, targets: outputs[0]), (lambda outputs, targets: constant(2.0)):
        same(Bare, [[1.0], [2.0]], [0.5, 0.25], loss=loss)


# -------------------- being interrupted, and going wrong --------------------


def test_divergence_is_told_as_eager_training_tells_it(way):
    said = []
    for compiled in (False, True):
        model = MLP(1, [4, 1], activation="linear", seed=1)
        with pytest.raises(OverflowError) as raised:
            list(train(model, *LINE, optimizer="sgd", lr=1e3, epochs=200, batch_size=10, compiled=compiled))
        said.append(
            re.fullmatch(r"(training diverged in epoch \d+; .*?): .*too large for a float", str(raised.value))[1]
        )
        said.append([math.copysign(math.log(abs(p.data) + 1), p.data) for p in model.parameters()])
    assert said[0] == said[2]
    assert said[1] == pytest.approx(said[3], rel=1e-6)


def test_a_batch_of_which_one_program_fails_leaves_no_part_of_a_gradient(way):
    def loss(outputs, targets):  # after an update exp() is too large, where the target is 1
        terms = [(o * o).exp() if t else (o - 1) ** 2 for o, t in zip(outputs, targets, strict=True)]
        return add_up(terms) / len(terms)

    found = []
    for compiled in (False, True):
        model = MLP(1, [1], activation="linear", seed=1)
        rows, targets = [[1.0], [2.0]] * 4, [0, 1] * 4
        with pytest.raises(OverflowError):
            list(train(model, rows, targets, loss=loss, optimizer="sgd", lr=1e3, batch_size=8, compiled=compiled))
        found.append([p.grad for p in model.parameters()])
    for eager, ours in zip(*found, strict=True):
        assert ours is UNREACHED or ours == pytest.approx(eager, rel=1e-9)


def test_a_batch_on_which_the_program_fails_is_left_to_the_engine(way):
    def loss(outputs, targets):
        terms = [(o - t) ** 2 + 1 / (1 + o.maximum(-math.inf) ** 2) for o, t in zip(outputs, targets, strict=True)]
        return add_up([*terms, *[1 / outputs[0].maximum(math.inf)] * 0]) / len(terms)

    same(partial(MLP, 1, [3, 1], activation="tanh", seed=4), *LINE, loss=loss, batch_size=7)


def test_what_is_changed_between_epochs_counts(way):
    found = []
    for compiled in (False, True):
        model = MLP(2, [3, 1], activation="tanh", seed=3)
        optimizer = SGD(model.parameters(), lr=0.1, momentum=0.5)
        losses = []
        for epoch in train(model, moons(20), optimizer=optimizer, epochs=5, compiled=compiled):
            losses.append(epoch.loss)
            optimizer.lr *= 0.5
            model.parameters()[0].data += 0.25
            if epoch.epoch == 3:
                optimizer.state = [0.0] * len(optimizer.state)
        found.append([*losses, *(p.data for p in model.parameters())])
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def looked_at(model, optimizer, epoch):
    return [model([0.5, 0.5]).data, *(p.data for p in model.parameters())]


def state(model, optimizer, epoch):
    return [x for entry in optimizer.state for x in (entry if isinstance(entry, tuple) else [entry])]


def slower(model, optimizer, epoch):
    optimizer.lr /= 2


def moved_unseen(model, optimizer, epoch):
    if epoch % 2:
        model.parameters()[-1].data = 0.125 * epoch


def one_state(model, optimizer, epoch):
    optimizer.state[3] = optimizer.state[0]


def state_unseen(model, optimizer, epoch):
    optimizer.state = [(0.5, 0.25, 2) if isinstance(optimizer, Adam) else 0.5] * 13


def copied(model, optimizer, epoch):
    others = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model), *map(copy.copy, model.parameters())]
    own, pickled = copy.copy(optimizer), pickle.loads(pickle.dumps(optimizer))
    assert {type(v) for v in (*others[0].parameters(), *others[1].parameters(), *others[2:])} == {Value}
    assert type(own) is type(pickled) is type(optimizer)
    assert own.state == pickled.state == optimizer.state
    return [p.data for p in (*others[0].parameters(), *others[1].parameters(), *others[2:], *pickled.parameters)]


def trained_elsewhere(model, optimizer, epoch):
    other = list(train(model, moons(8), optimizer="sgd", epochs=1, batch_size=3, compiled=epoch > 2))
    return [other[0].loss]


def stepped(model, optimizer, epoch):
    optimizer.zero_grad()
    model([0.3, -0.2]).backward()
    optimizer.step()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    "change",
    [looked_at, state, slower, moved_unseen, one_state, state_unseen, copied, trained_elsewhere, stepped],
)
def test_whoever_looks_or_changes_something_between_epochs_finds_what_eager_training_has(way, change, optimizer):
    found = []
    for compiled in (False, True):
        model = MLP(2, [3, 1], activation="tanh", seed=3)
        made = optimizer(model.parameters())
        seen = []
        for epoch, loss, _ in train(model, moons(20), optimizer=made, epochs=6, compiled=compiled):
            seen += [loss, *((epoch > 1 and change(model, made, epoch)) or [])]
        assert {*map(type, model.parameters())} == {Value}
        assert type(made) in (SGD, Adam)
        found.append([*seen, *looked_at(model, made, 0), *state(model, made, 0)])
    assert found[1] == pytest.approx(found[0], rel=1e-9, abs=1e-300)


def test_two_trainings_of_one_model_that_take_turns(way):
    found = []
    for compiled in (False, True):
        model = MLP(2, [3, 1], activation="tanh", seed=3)
        optimizer = Adam(model.parameters(), lr=0.05)
        one, other = (train(model, moons(20), optimizer=optimizer, seed=i, compiled=compiled) for i in range(2))
        losses = [next(each).loss for each in (one, other, other, one, other, one, one)]
        del one, other
        found.append([*losses, *(p.data for p in model.parameters()), *state(model, optimizer, 0)])
    assert found[1] == pytest.approx(found[0], rel=1e-9)


def test_trainings_of_two_parts_of_a_model_take_turns(way):
    found = []
    for compiled in (False, True):
        model = MLP(2, [3, 1], activation="tanh", seed=3)
        parts = [layer.parameters() for layer in model.layers]
        optimizers = [Adam(parts[0], lr=0.05), SGD(parts[1], lr=0.1, momentum=0.5)]
        trainings = [
            train(model, moons(20), optimizer=optimizer, epochs=4, seed=seed, compiled=compiled)
            for seed, optimizer in enumerate(optimizers)
        ]
        losses = [epoch.loss for pair in zip(*trainings, strict=True) for epoch in pair]
        found.append(losses + [p.data for p in model.parameters()])
    assert found[1] == pytest.approx(found[0], rel=1e-9)


@pytest.mark.parametrize("change", [1.0, math.nan])
def test_a_leaf_that_is_not_trained_may_be_changed_between_epochs(way, change):
    found = []
    for compiled in (False, True):
        model = MLP(2, [3, 1], activation="tanh", seed=3)
        first, *rest = model.parameters()
        numbers, said = [], ""
        try:
            for epoch in train(model, moons(20), optimizer=SGD(rest, lr=0.1), epochs=3, compiled=compiled):
                numbers.append(epoch.loss)
                first.data += change
        except ValueError as error:
            said = str(error)
        found.append((numbers + [p.data for p in rest], said))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-9)
    assert found[1][1] == found[0][1]
    assert bool(said) == math.isnan(change)


def test_another_thread_sees_whole_steps_only(c_compiler):
    model = MLP(2, [1], activation="linear", seed=3)
    w1, w2, b = model.parameters()
    w1.data = w2.data = b.data = 0.0
    done, seen = threading.Event(), []

    def watch():
        while not done.is_set():
            seen.append((b.data, w1.data, b.data))
            time.sleep(0)

    def loss(outputs, targets):
        return add_up(outputs) / len(outputs)

    optimizer = SGD(model.parameters(), lr=1.0)  # each step takes 1 from b, and 0.5 from w1; an epoch is 40 steps
    rows = [[0.5, 0.25]] * 400
    thread = threading.Thread(target=watch)
    for epoch in train(model, rows, [0.0] * 400, loss=loss, optimizer=optimizer, epochs=100_000, compiled=True):
        if epoch.epoch == 1:
            thread.start()
        if epoch.epoch > 100 and len(set(seen)) > 3:
            break
    done.set()
    thread.join()
    assert b.data == 2 * w1.data == 4 * w2.data == -40 * epoch.epoch
    assert len(set(seen)) > 3
    for before, middle, after in seen:
        assert before >= 2 * middle >= after
        assert before % 40 == 2 * middle % 40 == after % 40 == 0


def test_only_the_optimisers_parameters_are_trained(way):
    def last(parameters):
        return Adam(parameters[9:], lr=0.1)

    same(partial(MLP, 2, [3, 1], activation="tanh", seed=3), moons(20), optimizer=last)


def test_optimisers_of_ones_own(way):
    class Signs(Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, 0.01, 0.0, start=0)

        def update(self, x, gradient, state):
            return x - self.lr * math.copysign(1.0, gradient), state + 1

    same(partial(MLP, 2, [3, 1], activation="tanh", seed=3), moons(20), optimizer=Signs)


def test_a_generator_that_is_left_keeps_the_last_whole_step(c_compiler):
    model = MLP(2, [3, 1], activation="tanh", seed=3)
    epochs = train(model, moons(20), epochs=100, compiled=True)
    for _ in range(3):
        next(epochs)
    epochs.close()
    other = MLP(2, [3, 1], activation="tanh", seed=3)
    list(train(other, moons(20), epochs=3))
    assert [p.data for p in model.parameters()] == pytest.approx([p.data for p in other.parameters()], rel=1e-9)


def test_ctrl_c_in_the_middle_of_an_epoch_keeps_the_last_whole_step(c_compiler, monkeypatch):
    monkeypatch.setattr(batch, "AT_ONCE", 1)  # one step in each call
    model = MLP(2, [3, 1], activation="tanh", seed=3)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    epochs = train(model, moons(30), optimizer=optimizer, batch_size=10, compiled=True)
    training = epochs.gi_frame.f_locals["self"]
    take, calls = training.train, []

    def interrupted(*arguments):
        calls.append(arguments)
        done = take(*arguments)
        if len(calls) == 5:  # the second step of the second epoch
            raise KeyboardInterrupt
        return done

    training.train = interrupted
    next(epochs)
    with pytest.raises(KeyboardInterrupt):
        next(epochs)
    wanted = after_steps(5)
    assert [p.data for p in model.parameters()] == pytest.approx(wanted[0], rel=1e-9)
    assert optimizer.state == pytest.approx(wanted[1], rel=1e-9)


def after_steps(count):
    """Return parameters and state after so many eager steps of the training above."""

    class EnoughError(Exception):
        pass

    class Counted(SGD):
        taken = 0

        def step(self):
            if self.taken == count:
                raise EnoughError
            self.taken += 1
            super().step()

    model = MLP(2, [3, 1], activation="tanh", seed=3)
    optimizer = Counted(model.parameters(), lr=0.1, momentum=0.9)
    with pytest.raises(EnoughError):
        list(train(model, moons(30), optimizer=optimizer, batch_size=10))
    return [p.data for p in model.parameters()], optimizer.state
