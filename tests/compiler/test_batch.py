"""Training on compiled programs comes to what eager training comes to."""

import pytest

from micrograd_like import MLP
from micrograd_like import sum as add_up
from micrograd_like.cli import main
from micrograd_like.nn.datasets import iris, moons, xor
from micrograd_like.nn.optim import SGD
from micrograd_like.nn.training import train

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
