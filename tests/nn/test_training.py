import gc
import math
import subprocess
import sys
import weakref

import pytest

from micrograd_like import Value
from micrograd_like.nn import MLP, Module, losses
from micrograd_like.nn.datasets import circles, iris, moons, spirals, xor
from micrograd_like.nn.optim import SGD, Adam
from micrograd_like.nn.training import accuracy, class_of, fit, threshold_for, train

LINE = [[-1.0], [0.0], [1.0], [2.0]]


def numbers(model):
    return [p.data for p in model.parameters()]


# -------------------- it learns --------------------


@pytest.mark.parametrize(
    ("data", "sizes", "right"),
    [
        (moons(), [16, 16, 1], 1.0),
        (circles(), [8, 8, 1], 1.0),
        (xor(), [8, 1], 1.0),
        (iris(), [8, 3], 0.95),
        (iris().select(["petal length (cm)", "petal width (cm)"]), [8, 3], 0.94),
        (spirals(150, classes=3), [16, 16, 3], 0.85),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_it_learns_every_dataset_with_the_defaults(data, sizes, right):
    model = MLP(len(data.feature_names), sizes, seed=0)
    epochs = list(train(model, data))
    assert [e.epoch for e in epochs] == list(range(1, 51))
    assert epochs[-1].loss < epochs[0].loss / 2
    assert accuracy([model(row) for row in data.rows], data.targets) >= right


def test_three_lines():
    model = MLP(2, [8, 1], seed=0)
    for epoch, loss, share in train(model, moons(), epochs=20):
        last = epoch, loss, share
    assert last[0] == 20
    assert last[1] < 0.3
    assert last[2] > 0.85


# -------------------- one epoch, computed by hand --------------------


def test_a_full_batch_with_sgd_is_gradient_descent():
    model = MLP(1, [1], seed=0)
    w, b, lr = model.layers[0].neurons[0].w[0].data, 0.0, 0.1
    ys = [3.0, 1.0, -1.0, -3.5]
    for epoch in train(model, LINE, ys, optimizer="sgd", lr=lr, batch_size=None, epochs=20):
        errors = [w * x + b - y for (x,), y in zip(LINE, ys, strict=True)]
        assert epoch.loss == pytest.approx(sum(e * e for e in errors) / 4)  # before the step
        assert epoch.accuracy is None
        w -= lr * sum(2 * e * x for e, (x,) in zip(errors, LINE, strict=True)) / 4
        b -= lr * sum(2 * e for e in errors) / 4
        assert numbers(model) == pytest.approx([w, b])


def record_batches(rows, **options):
    """Return the targets of each batch, as the loss sees them."""
    batches = []

    def loss(outputs, targets):
        batches.append(list(targets))
        return losses.mean_squared_error(outputs, targets)

    list(train(MLP(1, [1], seed=0), rows, [row[0] for row in rows], loss=loss, **options))
    return batches


def test_each_epoch_sees_each_sample_once_in_a_new_order():
    rows = [[float(i)] for i in range(20)]
    batches = record_batches(rows, batch_size=8, epochs=2, lr=1e-6)
    assert [len(batch) for batch in batches] == [8, 8, 4] * 2
    for epoch in batches[:3], batches[3:]:
        assert sorted(y for batch in epoch for y in batch) == list(range(20))
    assert batches[:3] != batches[3:]
    assert batches == record_batches(rows, batch_size=8, epochs=2, lr=1e-6)
    assert batches != record_batches(rows, batch_size=8, epochs=2, lr=1e-6, seed=1)


def test_the_loss_of_an_epoch_is_the_mean_over_samples_not_batches():
    rows, ys = [[0.0]] * 5, [0.0, 0.0, 0.0, 0.0, 5.0]
    model = MLP(1, [1], seed=0)
    first = next(train(model, rows, ys, optimizer="sgd", lr=1e-12, batch_size=4))
    assert first.loss == pytest.approx(5.0)


def test_seeds_reproduce_training():
    runs = [list(train(MLP(2, [4, 1], seed=1), moons(30), epochs=3, seed=2)) for _ in range(2)]
    assert runs[0] == runs[1] != list(train(MLP(2, [4, 1], seed=1), moons(30), epochs=3, seed=3))


# -------------------- losses, optimisers, accuracy --------------------


@pytest.mark.parametrize(
    ("sizes", "output", "targets", "expected", "meant"),
    [
        ([1], "linear", [0, 1, 1, 0], losses.binary_cross_entropy, [0, 1, 1, 0]),
        ([1], "linear", [-1, 1, 1, -1], losses.hinge, [-1, 1, 1, -1]),
        ([1], "linear", [0.5, 1, 1, 2], losses.mean_squared_error, [0.5, 1, 1, 2]),
        ([1], "sigmoid", [0, 1, 1, 0], losses.mean_squared_error, [0, 1, 1, 0]),
        ([3], "linear", [0, 2, 1, 0], losses.cross_entropy, [0, 2, 1, 0]),
    ],
)
def test_the_default_loss_suits_outputs_and_targets(sizes, output, targets, expected, meant):
    model = MLP(1, sizes, output=output, seed=0)
    loss = expected([model(row) for row in LINE], meant).data
    assert next(train(model, LINE, targets)).loss == pytest.approx(loss)


def test_hinge_takes_classes_0_and_1_for_its_labels():
    model = MLP(1, [1], seed=0)
    loss = losses.hinge([model(row) for row in LINE], [-1, 1, 1, -1]).data
    first = next(train(model, LINE, [0, 1, 1, 0], loss="hinge", optimizer="sgd"))
    assert first.loss == pytest.approx(loss)


def test_a_name_and_a_function_are_the_same_loss():
    runs = [list(train(MLP(2, [4, 1], seed=0), moons(20), epochs=3, loss=x)) for x in ("hinge", losses.hinge)]
    assert runs[0] == runs[1]


def test_an_optimiser_of_ones_own():
    a, b = MLP(2, [4, 1], seed=0), MLP(2, [4, 1], seed=0)
    list(train(a, moons(20), epochs=2, optimizer="sgd", lr=0.05))
    list(train(b, moons(20), epochs=2, optimizer=SGD(b.parameters(), 0.05)))
    assert numbers(a) == numbers(b)
    list(train(a, moons(20), epochs=2))
    list(train(b, moons(20), epochs=2, optimizer=Adam(b.parameters(), 0.01)))
    assert numbers(a) == numbers(b)


def test_a_model_of_ones_own():
    class Line(Module):
        def __init__(self):
            self.slope = Value(0.0)

        def __call__(self, row):
            return self.slope * row[0]

    line = Line()
    list(train(line, LINE, [-3.0, 0.0, 3.0, 6.0], lr=0.1, epochs=200))
    assert line.slope.data == pytest.approx(3, abs=1e-3)


def test_accuracy_by_hand():
    one = [Value(x) for x in (-1.0, 0.0, 0.2, 3.0)]
    assert accuracy(one, [0, 1, 1, 0]) == 0.5
    assert accuracy(one, [-1, -1, 1, 1]) == 1
    assert accuracy(one, [0, 0, 0, 1], threshold=0.5) == 1
    several = [[Value(1.0), Value(3.0), Value(2.0)], [Value(0.0), Value(0.0), Value(-1.0)]]
    assert accuracy(several, [1, 0]) == 1
    assert accuracy(several, [2, 0]) == 0.5
    with pytest.raises(ValueError, match="2 targets for 4"):
        accuracy(one, [0, 1])
    assert [class_of(x, 0.5) for x in (0.5, Value(0.51), [Value(0.6)], several[0], [1.0, 3.0])] == [0, 1, 1, 1, 1]


def test_accuracy_of_an_epoch_is_the_share_before_its_steps():
    model = MLP(2, [8, 1], seed=3)
    data = moons()
    before = accuracy([model(row) for row in data.rows], data.targets)
    assert next(train(model, data, batch_size=None)).accuracy == before
    sigmoid = MLP(2, [8, 1], output="sigmoid", seed=2)
    before = accuracy([sigmoid(row) for row in data.rows], data.targets)
    assert before != 0.5  # what a threshold of 0 would give
    assert next(train(sigmoid, data, batch_size=None)).accuracy == before


def test_accuracy_is_the_share_before_the_step_also_where_an_output_is_a_parameter():
    class Bare:
        w = Value(0.5)

        def __call__(self, row):
            return self.w

        def parameters(self):
            return [self.w]

    assert next(train(Bare(), [[0.0]], [0], optimizer="sgd", lr=5.0)).accuracy == 0  # the step makes it negative


@pytest.mark.parametrize(
    ("output", "loss", "targets", "threshold"),
    [
        ("linear", None, [0, 1], 0.0),
        ("linear", "hinge", [0, 1], 0.0),
        ("linear", "mean_squared_error", [0, 1], 0.5),
        ("linear", losses.mean_squared_error, [0, 1], 0.5),
        ("linear", "mean_squared_error", [-1, 1], 0.0),
        ("tanh", "mean_squared_error", [-1, 1], 0.0),
        ("sigmoid", None, [0, 1], 0.5),
        ("sigmoid", lambda outputs, ys: losses.mean_squared_error(outputs, ys), [0, 1], 0.5),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_one_place_decides_the_class_of_an_output(output, loss, targets, threshold, compiled, monkeypatch, tmp_path):
    data = moons(40, noise=0.3)
    ys = [targets[y] for y in data.targets]
    model = MLP(2, [4, 1], output=output, activation="tanh", seed=2)
    outputs = [model(row) for row in data.rows]
    assert threshold_for(outputs[0], loss, ys) == threshold
    right = sum((out.data > threshold) == (y == 1) for out, y in zip(outputs, ys, strict=True)) / len(ys)
    other = 0.5 - threshold
    assert right != sum((out.data > other) == (y == 1) for out, y in zip(outputs, ys, strict=True)) / len(ys)
    assert accuracy(outputs, ys, threshold) == right
    first = next(train(model, data.rows, ys, loss=loss, batch_size=None, optimizer="sgd", compiled=compiled))
    assert first.accuracy == right


@pytest.mark.parametrize(("output", "loss"), [("sigmoid", None), ("linear", "mean_squared_error"), ("linear", None)])
def test_the_boundary_is_drawn_where_training_judges(output, loss, monkeypatch, tmp_path):
    from matplotlib.axes import Axes

    from micrograd_like.pictures.plots import plot_boundary

    data = moons(40)
    model = MLP(2, [4, 1], output=output, activation="tanh", seed=2)
    share = list(train(model, data, loss=loss, epochs=30, batch_size=None, lr=0.05))[-1].accuracy
    outputs = [model(row) for row in data.rows]
    assert abs(share - accuracy(outputs, data.targets, threshold_for(outputs[0], loss))) < 2 / 40  # one update later
    ringed, shown = [], []
    scatter, contourf = Axes.scatter, Axes.contourf

    def watched_scatter(self, x, y, **options):
        ringed.extend(x if options.get("facecolor") == "none" else [])
        return scatter(self, x, y, **options)

    def watched_contourf(self, *seen, **options):
        shown.extend(options["colors"])
        return contourf(self, *seen, **options)

    monkeypatch.setattr(Axes, "scatter", watched_scatter)
    monkeypatch.setattr(Axes, "contourf", watched_contourf)
    plot_boundary(model, data, tmp_path / "boundary.svg", loss=loss)
    threshold = 0.0 if loss is None and output == "linear" else 0.5
    samples = zip(data.rows, data.targets, outputs, strict=True)
    wrong = [row[0] for row, y, out in samples if (out.data > threshold) != y]
    assert sorted(ringed) == sorted(wrong)
    assert len(set(shown)) == 2


# -------------------- interruptions --------------------


@pytest.mark.parametrize("calls", [1, 3, 4, 5])
def test_ctrl_c_keeps_the_last_whole_step_and_fit_returns_the_whole_epochs(calls, capsys):
    model, snapshots = MLP(2, [4, 1], seed=0), []

    def loss(outputs, targets):
        snapshots.append(numbers(model))
        if len(snapshots) == calls:
            raise KeyboardInterrupt
        return losses.binary_cross_entropy(outputs, targets)

    epochs = fit(model, moons(20), loss=loss, epochs=5)  # two batches of ten in each epoch
    assert len(epochs) == (calls - 1) // 2
    assert numbers(model) == snapshots[-1]
    assert f"Stopped after {len(epochs)} of 5 epochs" in capsys.readouterr().err


def test_ctrl_c_in_a_step_of_the_optimiser(capsys):
    class Interrupted(SGD):
        def update(self, x, gradient, state):
            if x == last:
                raise KeyboardInterrupt
            return super().update(x, gradient, state)

    model = MLP(2, [4, 1], seed=0)
    before, last = numbers(model), numbers(model)[-2]
    assert fit(model, moons(20), optimizer=Interrupted(model.parameters(), 0.1)) == []
    assert numbers(model) == before
    assert "Stopped after 0 of 50" in capsys.readouterr().err


def test_train_itself_lets_ctrl_c_through():
    def loss(outputs, targets):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(train(MLP(2, [1]), moons(20), loss=loss))


def test_training_that_diverges_says_so_and_keeps_the_last_step():
    model = MLP(1, [1], seed=0)
    epochs = train(model, LINE, [1.0, 2.0, 3.0, 5.0], optimizer="sgd", lr=1e30)
    snapshots = []
    with pytest.raises(OverflowError):
        snapshots.extend(numbers(model) for _ in epochs)
    assert numbers(model) == snapshots[-1]
    assert all(map(math.isfinite, numbers(model)))


# -------------------- the progress bar, memory and imports --------------------


def test_fit_shows_progress_and_returns_what_train_yields(capsys):
    epochs = fit(MLP(2, [4, 1], seed=0), moons(20), epochs=3)
    assert epochs == list(train(MLP(2, [4, 1], seed=0), moons(20), epochs=3))
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err
    assert f"loss {epochs[-1].loss:.4f}" in err
    assert f"accuracy {epochs[-1].accuracy:.1%}" in err


def test_fit_without_classes_shows_no_accuracy(capsys):
    fit(MLP(1, [1]), LINE, [0.5, 1.0, 2.0, 3.0], epochs=2)
    assert "accuracy" not in capsys.readouterr().err


def test_a_batchs_graph_is_freed_before_the_next_one_is_made():
    class Held(list):
        """A list that can be watched."""

    watched = []

    def loss(outputs, targets):
        assert all(watch() is None for watch in watched)
        held = Held(outputs)
        watched.append(weakref.ref(held))
        return losses.binary_cross_entropy(held, targets)

    gc.disable()
    try:
        list(train(MLP(2, [4, 1], seed=0), moons(40), loss=loss, epochs=2))
    finally:
        gc.enable()
    assert len(watched) == 8


def test_the_modules_load_neither_numpy_nor_rich_nor_graphviz():
    code = (
        "import sys; from micrograd_like.nn import init, modules, losses, optim, datasets, training, storage; "
        "print({'numpy', 'rich', 'graphviz'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# -------------------- wrong input: said when train() is called, before anything is changed --------------------


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((LINE,), {}, "targets are missing"),
        ((LINE, [1, 0]), {}, "not 2 for 4"),
        (([], []), {}, "at least one row"),
        (([[1.0], [1.0, 2.0]], [0, 1]), {}, "row 1 has length 2, row 0 has 1"),
        (([[1.0, 2.0]], [1]), {}, "expected 1 inputs?, got 2"),
        ((LINE, [0, 1, 1, 0]), {"loss": "mse"}, "unknown loss 'mse'; choose from mean_squared_error, hinge"),
        ((LINE, [0, 1, 1, 0]), {"optimizer": "rmsprop"}, "unknown optimizer 'rmsprop'; choose from sgd, adam"),
        ((LINE, [0, 1, 1, 0]), {"epochs": 0}, "epochs must be a whole number from 1, not 0"),
        ((LINE, [0, 1, 1, 0]), {"batch_size": 2.5}, "batch_size must be a whole number from 1, not 2.5"),
        ((LINE, [0, 1, 1, 0]), {"lr": -1}, "lr must be above 0"),
        ((LINE, [0, 1, 2, 0]), {"loss": "hinge"}, r"not 0 \(sample 0\)"),
        ((LINE, [0, 1, 1, 2]), {"loss": "binary_cross_entropy"}, r"not 2 \(sample 3\)"),
        ((LINE, [0, 1, 1, 0]), {"loss": "cross_entropy"}, "for one output use binary_cross_entropy"),
        ((iris().select([0]),), {}, "iris has 3 classes, so the model needs as many outputs"),
        ((iris().select([0]), [1] * 150), {}, "a Dataset brings its own targets"),
    ],
)
def test_wrong_input(arguments, options, message):
    model = MLP(1, [1], seed=0)
    before = numbers(model)
    with pytest.raises(ValueError, match=message):
        train(model, *arguments, **options)
    assert numbers(model) == before


def test_a_made_optimiser_has_its_lr_already():
    model = MLP(2, [1])
    with pytest.raises(ValueError, match="has its lr already"):
        train(model, moons(10), optimizer=SGD(model.parameters(), 0.1), lr=0.2)


def test_a_class_number_beyond_the_outputs_is_named_by_its_place_in_the_data():
    with pytest.raises(ValueError, match=r"from 0 to 1, not 2 \(sample 3\)"):
        train(MLP(1, [2]), LINE, [0, 1, 1, 2])


def test_a_loss_must_return_a_value():
    with pytest.raises(TypeError, match=r"a loss returns one Value, not 1\.0"):
        next(train(MLP(1, [1]), LINE, [0, 1, 1, 0], loss=lambda outputs, targets: 1.0))
