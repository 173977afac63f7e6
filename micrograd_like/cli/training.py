"""Commands that train: `train`, `why` and `demo`."""

import argparse
import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from ..files import refuse_to_overwrite
from ..graph.steps import backward_steps, forward_steps
from ..nn import datasets
from ..nn.datasets import Dataset
from ..nn.init import INITIALIZERS
from ..nn.losses import LOSSES
from ..nn.modules import ACTIVATIONS, MLP
from ..nn.optim import OPTIMIZERS
from ..nn.storage import save
from ..nn.training import BATCH_SIZE, EPOCHS, Epoch, fit
from ..notation.expressions import parse
from ..pages import page
from ..pictures import draw, text
from ..pictures.plots import plot_boundary, plot_training
from ..stepping.recording import Recording
from .common import INTERRUPTED, Commands, add_command, complain, count, counts, names, wrote

PICTURES = "training.svg", "boundary.svg", "network.svg"
_PATTERNS: dict[str, Callable[..., Dataset]] = {
    f.__name__: f for f in (datasets.moons, datasets.circles, datasets.spirals, datasets.xor)
}
LARGEST_NETWORK = 2_000_000  # parameters, of some 200 bytes each
LARGEST_BOUNDARY = 5_000  # parameters of a network that is asked at 10,000 points in some eight seconds


def _train(options: argparse.Namespace) -> int:
    data = _dataset(options)
    classes = len(data.class_names)
    sizes = [len(data.feature_names), *options.layers, 1 if classes == 2 else classes]
    if (size := sum(a * b for a, b in pairwise(sizes))) > LARGEST_NETWORK:
        raise ValueError(f"a network of {size:,} weights is too large for one made of single numbers: --layers 16,16")
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)  # now, not after the training
    taken = [*_places(folder, PICTURES)]
    for file in filter(None, (options.save, options.record, options.page)):
        refuse_to_overwrite(file, options.data)
        _check_place(file, taken)
        taken.append(Path(file))
    model = MLP(
        sizes[0],
        sizes[1:],
        activation=options.activation,
        init=options.init,
        bias=not options.no_bias,
        seed=options.seed,
    )
    print(data.summary())
    if options.standardize:
        model.scaling = data.scaling()
        print("each feature is scaled to mean 0 and deviation 1, which a saved model does too")
    elif unscaled := data.unscaled():
        complain(f"{unscaled}, which makes training slow or impossible: --standardize scales them")
    print(f"Network of {' → '.join(map(str, sizes))} units with {len(model.parameters()):,} parameters,", end=" ")
    print(options.activation)
    if options.page:  # with the weights from before the training
        lr = options.lr if options.optimizer == "sgd" else None
        made = page(model, data, loss=options.loss, lr=lr, batch_size=options.batch_size)
        wrote(made.save(options.page))
    recording = Recording(model) if options.record else None
    epochs = fit(
        model,
        data,
        loss=options.loss,
        optimizer=options.optimizer,
        lr=options.lr,
        epochs=options.epochs,
        batch_size=options.batch_size,
        seed=options.seed,
        compiled=options.compiled,
        watch=recording,
    )
    if epochs:
        _say(epochs[-1])
    if options.save:
        save(model, options.save)
        wrote(options.save)
    if recording and recording.updates:
        recording.save(options.record)
        wrote(options.record)
    _pictures(model, data, epochs, folder, options.loss)
    return 0 if len(epochs) == options.epochs else INTERRUPTED


def _why(options: argparse.Namespace) -> int:
    print(Recording.load(options.recording).why(options.parameter, options.epoch))
    return 0


def _demo(options: argparse.Namespace) -> int:
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    _places(folder, ["neuron.svg", *PICTURES])
    o = parse("n = x1*w1 + x2*w2 + b; o = tanh(n)", x1=2, x2=0, w1=-3, w2=1, b=6.8813735870195432)
    print("A neuron with two inputs, computed step by step:\n")
    for forward in forward_steps(o):
        print("   ", forward)
    print("\nand back-propagated: each gradient is upstream gradient times local derivative.\n")
    for backward in backward_steps(o):
        print("   ", backward)
    o.backward()
    print("\nThe whole graph:\n")
    print(text(o))
    print()
    wrote(draw(o).save(folder / "neuron.svg"))

    data = datasets.iris().select(["petal length (cm)", "petal width (cm)"])
    model = MLP(2, [8, 3], activation="tanh", seed=options.seed)
    print(f"\nA network learns Fisher's irises, {len(data)} flowers of 3 species, from the size of their petals:")
    print(f"{draw(model).title}, tanh.\n")
    epochs = fit(model, data, epochs=60, seed=options.seed)
    if epochs:
        _say(epochs[-1])
    _pictures(model, data, epochs, folder)
    return 0 if len(epochs) == 60 else INTERRUPTED


def _dataset(options: argparse.Namespace) -> Dataset:
    name = options.data
    if (name in _PATTERNS or name == "iris") and (options.target or options.no_header or options.drop_missing):
        raise ValueError(f"--target, --no-header and --drop-missing are for a table in a file; {name} has its classes")
    if name not in _PATTERNS and (options.n is not None or options.noise is not None):
        raise ValueError(f"--n and --noise are for {', '.join(_PATTERNS)}; {name} has the samples it has")
    if name in _PATTERNS:
        keywords = {key: getattr(options, key) for key in ("n", "noise") if getattr(options, key) is not None}
        data = _PATTERNS[name](seed=options.seed, **keywords)
    elif name == "iris":
        data = datasets.iris()
    elif Path(name).suffix or os.path.exists(name):
        return datasets.read_csv(
            name,
            target=options.target,
            features=options.features,
            header=not options.no_header,
            drop_missing=options.drop_missing,
        )
    else:
        raise ValueError(f"{name!r} is not a data set: choose from iris, {', '.join(_PATTERNS)}, or name a file")
    return data.select(options.features) if options.features else data


def _say(epoch: Epoch) -> None:
    share = "" if epoch.accuracy is None else f", accuracy {epoch.accuracy:.1%}"
    print(f"epoch {epoch.epoch}: loss {epoch.loss:.4f}{share}, each batch measured just before its update")


def _places(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return where pictures go, each to a new file or over a picture of this program; ValueError if one cannot."""
    paths = [folder / name for name in names]
    for path in paths:
        if path.exists() and not (path.is_file() and b'class="micrograd-like' in path.read_bytes()[:2_000]):
            raise ValueError(f"{path} is there, and no picture of this program: name another folder, -o FOLDER")
    return paths


def _check_place(output: str, others: Sequence[Path]) -> None:
    """Raise an error if a file cannot be written beside others, before hours go into what it is to hold."""
    path = Path(os.path.realpath(output))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder for {output}: make it first, or save elsewhere")
    if path in map(Path, map(os.path.realpath, others)):
        raise ValueError(f"{output} is another file's place: save elsewhere")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{output} cannot be written: save elsewhere")


def _pictures(model: MLP, data: Dataset, epochs: Sequence[Epoch], folder: Path, loss: str | None = None) -> None:
    """Draw what was learnt; a picture that cannot be made is said, and the others are made all the same."""
    two = (len(data.feature_names) - 2, len(data.feature_names) - 1)  # of the irises: the petals, which tell most
    for name in PICTURES:
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if name == "network.svg":
                wrote(draw(model, data, show="weights").save(path))
            elif name == "training.svg" and epochs:
                wrote(plot_training(epochs, path))
            elif name == "boundary.svg" and two[0] >= 0:
                if len(model.parameters()) > LARGEST_BOUNDARY:
                    raise ValueError(f"it would take long for a network of more than {LARGEST_BOUNDARY:,} parameters")
                wrote(plot_boundary(model, data, path, two, loss))
        except Exception as error:  # whatever a name with signs in it does to matplotlib
            complain(f"{name} was not drawn: {error}")


def add(commands: Commands) -> None:
    """Add these commands to the parser."""
    command = add_command(commands, "train", "train a network and draw what it learnt")
    command.add_argument(
        "data",
        metavar="DATA",
        help=f"iris, {', '.join(_PATTERNS)}, or a table of numbers and classes, such as FILE.csv",
    )
    command.add_argument("--layers", type=counts, default=(16, 16), help="neurons of the hidden layers (default 16,16)")
    command.add_argument("--activation", choices=sorted(ACTIVATIONS), default="relu", help="(default relu)")
    command.add_argument("--init", choices=sorted(INITIALIZERS), help="(default: what suits the activation)")
    command.add_argument("--no-bias", action="store_true", help="neurons without a bias")
    command.add_argument("--loss", choices=sorted(LOSSES), help="(default: cross-entropy)")
    command.add_argument("--optimizer", choices=sorted(OPTIMIZERS), default="adam", help="(default adam)")
    command.add_argument("--lr", type=float, help="learning rate (default 0.01 for adam, 0.1 for sgd)")
    command.add_argument("--epochs", type=count, default=EPOCHS, help=f"(default {EPOCHS})")
    command.add_argument("--batch-size", type=count, default=BATCH_SIZE, help=f"(default {BATCH_SIZE})")
    command.add_argument("--seed", type=int, default=0, help="of weights, order and patterns (default 0)")
    command.add_argument("--n", type=count, help="samples of a pattern (default 100)")
    command.add_argument("--noise", type=float, help="of a pattern")
    command.add_argument("--target", metavar="NAME", help="column of the class, by name or number (default: the last)")
    command.add_argument("--features", type=names, help="columns to use, by name or number from 1: 3,4")
    command.add_argument("--no-header", action="store_true", help="the table has no line of names: x1, x2, …")
    command.add_argument("--drop-missing", action="store_true", help="leave out rows of the table with missing cells")
    command.add_argument(
        "--standardize", action="store_true", help="scale each feature to mean 0 and deviation 1, in a saved model too"
    )
    command.add_argument("--compiled", action="store_true", help="compile the loss first; then training is faster")
    command.add_argument("--save", metavar="FILE", help="where to write the model, as JSON")
    command.add_argument("--record", metavar="FILE", help="where to write every update, as JSON, for `why`")
    command.add_argument("-o", "--output", metavar="FOLDER", default="out", help="where to draw (default out)")
    command.add_argument("--page", metavar="FILE.html", help="write a page that shows it learning, offline")
    command.set_defaults(run=_train)

    command = add_command(commands, "why", "ask a recorded training why a parameter is what it is")
    command.add_argument("recording", metavar="RUN.json", help="what `train --record` wrote")
    command.add_argument("parameter", metavar="NAME", help="such as 'w2[3->1]': from unit 3 to neuron 1 of layer 2")
    command.add_argument("--epoch", type=count, help="ask about one epoch only")
    command.set_defaults(run=_why)

    command = add_command(commands, "demo", "show a neuron by hand, its graph, and a network that learns")
    command.add_argument("-o", "--output", metavar="FOLDER", default="out", help="where to draw (default out)")
    command.add_argument("--seed", type=int, default=0, help="of the weights (default 0)")
    command.set_defaults(run=_demo)
