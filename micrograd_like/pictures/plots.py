"""What training did and what the model learnt, as plots by matplotlib."""

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..files import write_whole
from ..nn.datasets import Dataset
from ..nn.losses import Loss
from ..nn.training import Epoch, class_of, threshold_for

# Okabe and Ito's colours, each class with a marker of its own, for readers who do not see the colours.
_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
_MARKERS = "os^DvPX*"
_GRID = 100  # points along each side at which the model is asked


def plot_training(epochs: Sequence[Epoch], path: str | os.PathLike[str]) -> Path:
    """Draw loss and accuracy over the epochs into a file; its ending says the format: .svg, .png or .pdf.

    Raises:
        ValueError: there are no epochs, or matplotlib does not know the ending.
        RuntimeError: matplotlib is not installed.
    """
    if not epochs:
        raise ValueError("there is no epoch to draw: train for one at least")
    figure = _figure(6.0, 3.6)
    axes = figure.add_subplot()
    numbers = [e.epoch for e in epochs]
    lines = axes.plot(numbers, [e.loss for e in epochs], color=_COLORS[0], label="loss")
    axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)
    shares = [100 * e.accuracy for e in epochs if e.accuracy is not None]
    if len(shares) == len(epochs):
        right = axes.twinx()
        lines += right.plot(numbers, shares, color=_COLORS[5], linestyle="--", label="accuracy")
        right.set(ylabel="accuracy (%)", ylim=(0, 103))
    axes.legend(handles=lines, loc="center right")
    return _save(figure, path)


def plot_boundary(
    model: Callable[[Any], Any],
    data: Dataset,
    path: str | os.PathLike[str],
    features: tuple[int, int] = (0, 1),
    loss: str | Loss | None = None,
) -> Path:
    """Draw which class the model sees where, over two features, with the samples on top.

    The other features are held at their mean. Ringed samples are those the model gets wrong, their own features taken.

    Args:
        model: turns a row into a Value or into a list with one Value for each class.
        data: the samples as the model gets them.
        path: the file; its ending says the format: .svg, .png or .pdf.
        features: the two columns, counted from 0.
        loss: what the model was trained with, as in `train`; mean squared error puts the boundary at 0.5.

    Raises:
        ValueError: the data has fewer than two features, or matplotlib does not know the ending.
        RuntimeError: matplotlib is not installed.
    """
    if len(data.feature_names) < 2:
        raise ValueError(f"a decision boundary is drawn over two features; {data.name} has {len(data.feature_names)}")
    figure = _figure(5.6, 4.6)
    from matplotlib.colors import ListedColormap  # known to be there by now

    axes = figure.add_subplot()
    means = [sum(column) / len(data) for column in zip(*data.rows, strict=True)]
    sides = []
    for k in features:
        column = [row[k] for row in data.rows]
        margin = 0.1 * (max(column) - min(column)) or 1.0
        low, high = min(column) - margin, max(column) + margin
        sides.append([low + (high - low) * i / (_GRID - 1) for i in range(_GRID)])
    threshold = threshold_for(model(data.rows[0]), loss)
    seen = []
    for at_y in sides[1]:
        rows = [
            [{features[0]: at_x, features[1]: at_y}.get(k, mean) for k, mean in enumerate(means)] for at_x in sides[0]
        ]
        seen.append([class_of(model(row), threshold) for row in rows])
    colors = [_COLORS[k % len(_COLORS)] for k in range(len(data.class_names))]
    axes.imshow(
        seen,
        extent=(sides[0][0], sides[0][-1], sides[1][0], sides[1][-1]),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        alpha=0.25,
        cmap=ListedColormap(colors),
        vmin=-0.5,
        vmax=len(colors) - 0.5,
    )
    wrong = [
        row for row, target in zip(data.rows, data.targets, strict=True) if class_of(model(row), threshold) != target
    ]
    for k, name in enumerate(data.class_names):
        rows = [list(row) for row, target in zip(data.rows, data.targets, strict=True) if target == k]
        x, y = ([row[feature] for row in rows] for feature in features)
        marker = _MARKERS[k % len(_MARKERS)]
        axes.scatter(x, y, s=24, color=colors[k], marker=marker, edgecolor="white", linewidth=0.6, label=name)
    if wrong:
        x, y = ([row[feature] for row in wrong] for feature in features)
        axes.scatter(x, y, s=90, facecolor="none", edgecolor="black", linewidth=1.2, label="wrong")
    title = data.name
    if len(means) > 2:
        title += "; the other features at their mean"
    axes.set(xlabel=data.feature_names[features[0]], ylabel=data.feature_names[features[1]], title=title)
    axes.legend(fontsize="small", framealpha=0.9)
    return _save(figure, path)


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise RuntimeError("plots need matplotlib: run `pip install matplotlib`") from None
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: str | os.PathLike[str]) -> Path:
    """Write the figure, the same bytes for the same data."""
    from matplotlib import rc_context

    path, content = Path(path), io.BytesIO()
    ending = path.suffix.lower().lstrip(".")
    if ending not in ("svg", "png", "pdf"):
        raise ValueError(f"cannot save a plot as {path.name!r}: end the name in .svg, .png or .pdf")
    with rc_context({"svg.hashsalt": "micrograd_like"}):
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": None}
        figure.savefig(content, format=ending, dpi=150, metadata=dates[ending])
    write_whole(path, content.getvalue())
    return path
