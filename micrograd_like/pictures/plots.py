"""What training did and what the model learnt, as plots by matplotlib."""

import io
import os
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import exp
from pathlib import Path
from typing import Any

from ..engine import Value
from ..escape import html, one_line
from ..files import write_whole
from ..nn.datasets import Dataset
from ..nn.losses import Loss, binary_cross_entropy, cross_entropy, single
from ..nn.training import Epoch, class_of, threshold_for
from ..ops import shorten, sigmoid
from .paint import families
from .scene import DARK, THEMES

# Okabe and Ito's colours, each class with a marker of its own, for readers who do not see the colours.
_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f")
_MARKERS = "os^DvPX*"
_GRID = 60  # points along each side at which the model is asked; the contours between them are smooth


def plot_training(epochs: Sequence[Epoch], path: str | os.PathLike[str], theme: str = "auto") -> Path:
    """Draw loss and accuracy over the epochs into a file; its ending says the format: .svg, .png or .pdf.

    Raises:
        ValueError: there are no epochs, or there is no such theme or format.
        RuntimeError: matplotlib is not installed.
    """
    if not epochs:
        raise ValueError("there is no epoch to draw: train for one at least")
    with _figure(6.0, 3.6, theme) as figure:
        axes = figure.add_subplot()
        numbers = [e.epoch for e in epochs]
        lines = axes.plot(numbers, [e.loss for e in epochs], color=_COLORS[0], label="loss")
        axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        axes.xaxis.get_major_locator().set_params(integer=True)
        words = f"Training over {len(epochs)} epochs: the loss went from {epochs[0].loss:.4g} to {epochs[-1].loss:.4g}"
        shares = [100 * e.accuracy for e in epochs if e.accuracy is not None]
        if len(shares) == len(epochs):
            right = axes.twinx()
            lines += right.plot(numbers, shares, color=_COLORS[5], linestyle="--", label="accuracy")
            right.set(ylabel="accuracy (%)", ylim=(0, 103))
            words += f", the accuracy from {shares[0]:.1f} % to {shares[-1]:.1f} %"
        axes.legend(handles=lines, loc="center right")
        return _save(figure, path, words, theme)


def plot_boundary(
    model: Callable[[Any], Any],
    data: Dataset,
    path: str | os.PathLike[str],
    features: tuple[int, int] = (0, 1),
    loss: str | Loss | None = None,
    theme: str = "auto",
) -> Path:
    """Draw which class the model sees where, over two features, with the samples on top.

    The other features are held at their mean. Where the outputs stand for probabilities, because of the loss or of a
    sigmoid, the surer the model is, the stronger the colour of the background. Ringed samples are those that the model
    gets wrong, all of their own features taken.

    Args:
        model: turns a row into a Value or into a list with one Value for each class.
        data: the samples as the model gets them.
        path: the file; its ending says the format: .svg, .png or .pdf.
        features: the two columns, counted from 0.
        loss: what the model was trained with, as in `train`; mean squared error puts the boundary at 0.5.
        theme: "light", "dark", "print", or "auto" for an SVG that is as the reader's system is.

    Raises:
        ValueError: the data has fewer than two features, or there is no such theme or format.
        RuntimeError: matplotlib is not installed.
    """
    if len(data.feature_names) < 2:
        raise ValueError(f"a decision boundary is drawn over two features; {data.name} has {len(data.feature_names)}")
    colors = [_COLORS[k % len(_COLORS)] for k in range(len(data.class_names))]
    means = [sum(column) / len(data) for column in zip(*data.rows, strict=True)]
    sides = [_side([row[k] for row in data.rows]) for k in features]
    first = model(data.rows[0])
    threshold = threshold_for(first, loss, data.targets)
    # what training takes where no loss is named is one of these, too
    logits = loss in (None, "binary_cross_entropy", "cross_entropy", binary_cross_entropy, cross_entropy)
    out = _only(first)
    probable = logits or (out is not None and out.op is sigmoid)
    guesses = [class_of(model(row), threshold) for row in data.rows]
    seen = []
    for at_y in sides[1]:
        places = [{features[0]: at_x, features[1]: at_y} for at_x in sides[0]]
        asked = [[at.get(k, mean) for k, mean in enumerate(means)] for at in places]
        seen.append([_shares(model(row), threshold, logits=logits) for row in asked])
    with _figure(5.6, 4.6, theme) as figure:
        axes = figure.add_subplot()
        for k, color in enumerate(colors[: len(seen[0][0])]):  # a class rules where its share is above all others
            margin = [[cell[k] - max(x for j, x in enumerate(cell) if j != k) for cell in row] for row in seen]
            top = max(map(max, margin))
            if top <= 0:
                continue
            levels = [0, 0.25, 0.5, 0.75, 1.0001] if probable else [0, top + 1]
            axes.contour(*sides, margin, levels=[0], colors=[color], linewidths=1)
            for n, low in enumerate(levels[:-1]):
                if low < top:
                    opacity = 0.12 + 0.09 * n if probable else 0.25
                    axes.contourf(*sides, margin, levels=[low, levels[n + 1]], colors=[color], alpha=opacity)
        handles = []
        for k, color in enumerate(colors):
            rows = [row for row, target in zip(data.rows, data.targets, strict=True) if target == k]
            x, y = ([row[feature] for row in rows] for feature in features)
            look = {"marker": _MARKERS[k % len(_MARKERS)], "color": color, "edgecolor": "white", "linewidth": 0.6}
            handles.append(axes.scatter(x, y, s=24, **look))
        names = list(data.class_names)
        wrong = [row for row, guess, target in zip(data.rows, guesses, data.targets, strict=True) if guess != target]
        if wrong:
            x, y = ([row[feature] for row in wrong] for feature in features)
            ring = {"facecolor": "none", "edgecolor": THEMES[theme]["ink"], "linewidth": 1.2}
            handles.append(axes.scatter(x, y, s=90, **ring))
            names.append("wrong" if len(means) == 2 else "wrong, all its features taken")
        title = _shown(data.name)
        if len(means) > 2:
            title += "; background: the other features at their mean"
        if probable:
            title += "; the stronger the colour, the surer"
        labels = [_shown(data.feature_names[k]) for k in features]
        said = [axes.set_title(textwrap.fill(title, 54), fontsize="medium")]
        said += [axes.set_xlabel(textwrap.fill(labels[0], 60)), axes.set_ylabel(textwrap.fill(labels[1], 44))]
        legend = axes.legend(handles, [str(k) for k in range(len(names))], fontsize="small", framealpha=0.9)
        for text, name in zip(legend.get_texts(), names, strict=True):
            text.set_text(_shown(name))  # now, as matplotlib would leave names out that begin with _
        for text in (*said, *legend.get_texts()):
            text.set_parse_math(False)  # a $ is a $
        words = (
            f"Which class a model sees where in {title}: {labels[0]} and {labels[1]}; {len(wrong)} of {len(data)} wrong"
        )
        return _save(figure, path, words, theme)


def _shares(output: Any, threshold: float, *, logits: bool) -> list[float]:
    """Return of each class its probability, or a number that is the larger the more the model is for it."""
    out = _only(output)
    if out is None:
        numbers = [float(v.data) for v in output]
        weights = [exp(x - max(numbers)) for x in numbers]
        return [w / sum(weights) for w in weights] if logits else numbers
    x = float(out.data)
    if out.op is sigmoid or logits:
        share = x if out.op is sigmoid else sigmoid(x)
        return [1 - share, share]
    return [threshold - x, x - threshold]


def _only(output: Any) -> Value | None:
    """Return the one output of a model; None if it has several."""
    return None if isinstance(output, Sequence) and len(output) > 1 else single(output)


def _shown(name: str) -> str:
    return shorten(one_line(name), 100)  # of longer ones the plot itself would be crowded out


def _side(column: Sequence[float]) -> list[float]:
    margin = 0.1 * (max(column) - min(column)) or 1.0
    low, high = min(column) - margin, max(column) + margin
    return [low + (high - low) * i / (_GRID - 1) for i in range(_GRID)]


@contextmanager
def _figure(width: float, height: float, theme: str) -> Iterator[Any]:
    """Give a figure in the colours of the theme."""
    if theme not in THEMES:
        raise ValueError(f"unknown theme {theme!r}; choose from {', '.join(THEMES)}")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise RuntimeError("plots need matplotlib: run `pip install matplotlib`") from None
    ink, ground = THEMES[theme]["ink"], THEMES[theme]["ground"]
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    look: Any = dict.fromkeys(inked, ink) | dict.fromkeys(("figure.facecolor", "axes.facecolor"), ground)
    look |= {"svg.hashsalt": "micrograd_like", "svg.fonttype": "none", "pdf.fonttype": 42, "font.family": families()}
    with rc_context(look), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a browser has the letters of an SVG
        yield Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: str | os.PathLike[str], words: str, theme: str) -> Path:
    """Write the figure, the same bytes for the same data; `words` say what it shows."""
    path, content = Path(path), io.BytesIO()
    ending = path.suffix.lower().lstrip(".")
    if ending not in ("svg", "png", "pdf"):
        raise ValueError(f"cannot save a plot as {path.name!r}: end the name in .svg, .png or .pdf")
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": None}
    figure.savefig(content, format=ending, dpi=150, metadata=dates[ending])
    written = content.getvalue()
    if ending == "svg":
        said = html(words)
        head = f' class="micrograd-like" role="img" aria-label="{said}">\n <title>{said}</title>'
        if theme == "auto":
            swapped = (
                (THEMES["light"][name], DARK[name], kind) for name in ("ink", "ground") for kind in ("fill", "stroke")
            )
            rules = "".join(f'svg:root [style*="{k}: {old}"]{{{k}:{new}!important}}' for old, new, k in swapped)
            text = f"svg:root text{{fill:{DARK['ink']}!important}}"
            head += f"\n <style>@media (prefers-color-scheme:dark){{{rules}{text}}}</style>"
        start = written.index(b">", written.index(b"<svg"))
        written = written[:start] + head.encode() + written[start + 1 :]
    write_whole(path, written)
    return path
