"""A recorded training: what is made again is what was, and the answers add up."""

import itertools
import json
import math

import pytest

from micrograd_like import MLP, Module, Value
from micrograd_like.nn import datasets, losses
from micrograd_like.nn.optim import SGD
from micrograd_like.nn.training import Batch, train
from micrograd_like.stepping.recording import Recording, strongest_path


class Spy(SGD):
    """Gradient descent that keeps the gradients it was given."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr)
        self.seen = []

    def step(self):
        self.seen.append([p.grad for p in self.parameters])
        super().step()


@pytest.fixture
def trained():
    model, data = MLP(2, [4, 3, 1], seed=2), datasets.moons(n=30, seed=3)
    run, optimizer = Recording(model), Spy(model.parameters(), 0.3)
    list(train(model, data, optimizer=optimizer, epochs=3, batch_size=7, watch=run))
    return model, data, run, optimizer


def test_every_update_is_made_again_with_equal_numbers(trained):
    model, _, run, optimizer = trained
    assert [(u.epoch, u.batch) for u in run.updates] == [(e, b) for e in (1, 2, 3) for b in (1, 2, 3, 4, 5)]
    assert run.updates[-1].after == tuple(p.data for p in model.parameters())
    names = [p.label for p in model.parameters()]
    kept = [p.data for p in model.parameters()], [p.grad for p in model.parameters()]
    for update, seen in zip(run.updates, optimizer.seen, strict=True):
        s = run.goto(update.epoch, update.batch).finish()
        assert [s.grad(name) for name in names] == seen
        assert [s.data(name) for name in names] == list(update.before)
        assert update.after == tuple(x - 0.3 * g for x, g in zip(update.before, seen, strict=True))
    assert kept == ([p.data for p in model.parameters()], [p.grad for p in model.parameters()])


def test_an_answer_adds_up(trained):
    model, data, run, optimizer = trained
    for place, p in enumerate(model.parameters()):
        why = run.why(p.label)
        deltas = [u.after[place] - u.before[place] for u in run.updates]
        assert abs(why.after - why.before) == max(map(abs, deltas))
        assert why.gradient == optimizer.seen[why.number - 1][place]
        assert sum(x for _, x in why.samples) == pytest.approx(why.gradient, abs=1e-12)
        assert {i for i, _ in why.samples} <= set(why.update.samples)
        rows = dict(why.samples)
        for i in why.update.samples:  # of each sample alone, by another derivation
            alone = MLP(2, [4, 3, 1], seed=2)
            for q, x in zip(alone.parameters(), why.update.before, strict=True):
                q.data = x
            loss = losses.binary_cross_entropy([alone(data.rows[i])], [data.targets[i]]) / len(why.update.samples)
            loss.backward()
            assert rows.get(i, 0.0) == pytest.approx(alone.parameters()[place].grad, abs=1e-12)
        assert f"{p.label} moved most in epoch {why.update.epoch}, batch {why.update.batch}" in str(why)


def test_one_epoch_can_be_asked_about(trained):
    model, _, run, _ = trained
    assert run.why("w2[3->1]", epoch=2).update.epoch == 2
    assert run.why(model.parameters()[0]).name == "w1[1→1]"
    for ask, message in [
        (lambda: run.why("w9[1->1]"), "no parameter is named 'w9"),
        (lambda: run.why("b1[1]", epoch=4), "batch 1 of epoch 4: there are epochs 1 to 3, batches 1 to 5"),
        (lambda: run.goto(1, 6), "batch 6 of epoch 1"),
        (lambda: Recording(model).why("b1[1]"), "no update was recorded"),
        (lambda: Recording(model).save("x.json"), "a loss that has a name"),
    ]:
        with pytest.raises(ValueError, match=message):
            ask()


def test_the_path_is_the_strongest(trained):
    _, _, run, _ = trained
    s = run.goto(2)
    for name in ("w1[1→2]", "b1[3]", "w2[2→1]"):
        last = s.steps[s.contributions(name)[-1] - 1]
        path = strongest_path(s, last)
        assert path[0].node is s.root
        assert path[-1] is last
        assert all(a.operand is b.node for a, b in itertools.pairwise(path))

        def products(v, so_far):
            if v is s.root:
                yield so_far
            for k in s.contributions(v):
                if not (each := s.steps[k - 1]).is_seed:
                    yield from products(each.node, so_far * each.local)

        every = list(products(last.node, last.local))
        assert abs(math.prod(each.local for each in path)) == pytest.approx(max(map(abs, every)))
        assert sum(every) == pytest.approx(last.contribution)


class Own(Module):
    """A line with a penalty, which is no MLP."""

    def __init__(self):
        self.w, self.b = Value(0.5, "w"), Value(0.0, "b")

    def __call__(self, row):
        return self.w * row[0] + self.b


def test_models_and_losses_of_ones_own_with_their_source():
    model = Own()
    run = Recording(model)

    def loss(outputs, targets):
        fit = sum((o - y) ** 2 for o, y in zip(outputs, targets, strict=True))
        return fit + model.w**2 * 0 + outputs[0] * 0

    list(train(model, [[1.0], [2.0], [3.0]], [2.0, 4.5, 6.0], loss=loss, epochs=2, batch_size=None, watch=run))
    why = run.why("w")
    assert sorted(i for i, _ in why.samples) == [0, 1, 2]
    assert sum(x for _, x in why.samples) + why.shared == pytest.approx(why.gradient)
    assert "was made at test_recording.py:" in str(why)
    assert "self.w * row[0]" in str(why)
    with pytest.raises(ValueError, match="a loss that has a name"):
        run.save("nowhere.json")


def test_an_update_that_fails_is_not_recorded(trained):
    model, data, run, _ = trained
    n = len(run.updates)
    with (
        pytest.raises(OverflowError),
        run(Batch(model, 4, 1, [0], [data.rows[0]], [data.targets[0]], losses.binary_cross_entropy)),
    ):
        raise OverflowError
    assert len(run.updates) == n


def test_epochs_of_a_training_that_goes_on_are_counted_on(trained):
    model, data, run, _ = trained
    for epochs in (2, 1):
        list(train(model, data, epochs=epochs, batch_size=7, watch=run))
    assert [u.epoch for u in run.updates[::5]] == [1, 2, 3, 4, 5, 6]
    assert len({(u.epoch, u.batch) for u in run.updates}) == len(run.updates) == 30
    for u in run.updates:
        s = run.goto(u.epoch, u.batch)
        assert [s.data(p.label) for p in model.parameters()] == list(u.before)


@pytest.mark.parametrize("ways", [[(1, 10)] * 3, [(1, None)] * 4, [(1, 10), (3, 20)], [(2, None), (1, 5), (1, 20)]])
def test_short_trainings_one_after_the_other_are_told_apart(ways):
    model, data = MLP(2, [2, 1], seed=1), datasets.moons(n=20, seed=1)
    run, expected, done = Recording(model), [], 0
    for epochs, size in ways:
        list(train(model, data, epochs=epochs, batch_size=size, watch=run))
        for epoch in range(done + 1, done + epochs + 1):
            expected += [(epoch, number) for number in range(1, 20 // (size or 20) + 1)]
        done += epochs
    assert [(u.epoch, u.batch) for u in run.updates] == expected
    assert all(sorted(i for u in run.updates if u.epoch == e for i in u.samples) == [*range(20)] for e, _ in expected)


def test_a_recording_is_of_one_model_one_loss_and_the_same_data(trained):
    model, data, run, _ = trained
    other = datasets.moons(n=30, seed=4)
    for match, ways in {
        "another model": (MLP(2, [4, 3, 1], seed=2), data, None),
        "other data": (model, other, None),
        "another loss": (model, data, "mean_squared_error"),
    }.items():
        parameters = [p.data for p in ways[0].parameters()]
        with pytest.raises(ValueError, match=f"{match}: make another Recording"):
            list(train(*ways[:2], loss=ways[2], watch=run))
        assert [p.data for p in ways[0].parameters()] == parameters
        assert len(run.updates) == 15


def test_a_file_answers_the_same(trained, tmp_path):
    model, _, run, _ = trained
    path = tmp_path / "run.json"
    run.save(path)
    other = Recording.load(path)
    for p in model.parameters():
        assert str(other.why(p.label)) == str(run.why(p.label))
    assert repr(other.goto(2, 3).finish()) == repr(run.goto(2, 3).finish())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(format="other"),
        lambda d: d.pop("loss"),
        lambda d: d["updates"][0]["before"].pop(),
        lambda d: d["data"].pop(),
        lambda d: d["model"].pop("layers"),
        lambda d: d["updates"][0].pop("epoch"),
    ],
)
def test_damaged_files_are_refused(trained, tmp_path, spoil):
    path = tmp_path / "run.json"
    trained[2].save(path)
    document = json.loads(path.read_text())
    spoil(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"run.json: this is not a recorded training: "):
        Recording.load(path)
    path.write_text("[1")
    with pytest.raises(ValueError, match="this is not JSON"):
        Recording.load(path)
