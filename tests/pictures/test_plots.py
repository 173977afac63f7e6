"""Plots: smooth boundaries, probabilities, names of all kinds, themes."""

import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from micrograd_like import MLP, Value
from micrograd_like.nn import datasets
from micrograd_like.nn.training import Epoch, train
from micrograd_like.pictures.plots import _shares, plot_boundary, plot_training
from micrograd_like.pictures.scene import THEMES

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def iris():
    return datasets.iris()


@pytest.fixture(scope="module")
def model(iris):
    model = MLP(4, [3, 3], activation="tanh", seed=1)
    list(train(model, iris.rows, iris.targets, loss="cross_entropy", epochs=3, seed=1))
    return model


def circle(row):
    """A model whose boundary is known: the circle of radius 1."""
    return Value(1.0 - row[0] ** 2 - row[1] ** 2)


@pytest.fixture
def around():
    angles = [2 * math.pi * k / 24 for k in range(24)]
    rows = tuple((r * math.cos(a), r * math.sin(a)) for r in (0.6, 1.4) for a in angles)
    return datasets.Dataset("rings", rows, (1,) * 24 + (0,) * 24, ("x", "y"), ("out", "in"))


def texts(path):
    return ["".join(t.itertext()) for t in ElementTree.parse(path).iter(f"{SVG}text")]


def test_the_boundary_is_smooth(around, tmp_path):
    root = ElementTree.parse(plot_boundary(circle, around, tmp_path / "b.svg", loss="hinge")).getroot()
    assert not list(root.iter(f"{SVG}image"))
    lines = [p for p in root.iter(f"{SVG}path") if "fill: none" in p.get("style", "") and len(p.get("d", "")) > 800]
    assert lines
    for line in lines:
        points = [tuple(map(float, xy)) for xy in re.findall(r"[ML]\s*(-?[\d.]+) (-?[\d.]+)", line.get("d"))]
        x, y = ([p[i] for p in points] for i in (0, 1))
        middle, radii = ((min(x) + max(x)) / 2, (min(y) + max(y)) / 2), ((max(x) - min(x)) / 2, (max(y) - min(y)) / 2)
        away = [math.hypot((a - middle[0]) / radii[0], (b - middle[1]) / radii[1]) for a, b in points]
        assert max(away) - min(away) < 0.02  # a circle, drawn as an ellipse


def test_probabilities_shade_the_ground(around, tmp_path):
    plain = plot_boundary(circle, around, tmp_path / "p.svg", loss="hinge").read_text(encoding="utf-8")
    shaded = plot_boundary(circle, around, tmp_path / "s.svg", loss="binary_cross_entropy").read_text(encoding="utf-8")
    opacities = [set(re.findall(r"fill-opacity: ([\d.]+)", svg)) for svg in (plain, shaded)]
    assert opacities[0] == {"0.25"}
    assert len(opacities[1]) >= 3
    assert "the stronger the colour, the surer" in shaded
    assert "surer" not in plain


def test_shares_are_probabilities_where_they_can_be():
    soft = _shares([Value(1.0), Value(3.0), Value(-2.0)], 0.0, logits=True)
    exact = [math.exp(x) / sum(map(math.exp, (1, 3, -2))) for x in (1, 3, -2)]
    assert soft == pytest.approx(exact)
    assert _shares([Value(2000.0), Value(-2000.0)], 0.0, logits=True) == [1.0, 0.0]
    assert _shares([Value(2.0), Value(-3.0)], 0.0, logits=False) == [2.0, -3.0]
    sure = 1 / (1 + math.exp(-2))
    for certain in (
        _shares(Value(2.0), 0.0, logits=True),
        *(_shares(Value(2.0).sigmoid(), 0.5, logits=x) for x in (0, 1)),
    ):
        assert certain == pytest.approx([1 - sure, sure])
    assert _shares([Value(0.75)], 0.5, logits=False) == [-0.25, 0.25]


def test_a_sigmoid_gives_probabilities_whatever_the_loss(around, tmp_path):
    path = plot_boundary(lambda row: circle(row).sigmoid(), around, tmp_path / "s.svg", loss="mean_squared_error")
    assert "the stronger the colour, the surer" in path.read_text(encoding="utf-8")


def test_rings_are_the_samples_that_the_model_gets_wrong(model, iris, tmp_path):
    path = plot_boundary(model, iris, tmp_path / "b.svg", (2, 3))
    shown = texts(path)
    assert "wrong, all its features taken" in shown
    assert any("the other features at their mean" in t for t in shown)
    wrong = sum(
        max(range(3), key=lambda k: model(row)[k].data) != target
        for row, target in zip(iris.rows, iris.targets, strict=True)
    )
    assert f"{wrong} of 150 wrong" in ElementTree.parse(path).getroot().get("aria-label")


def test_names_of_all_kinds(model, iris, tmp_path):
    names = ("_x", "$a$ & <b>", "花びらの長さ", "_w $")
    strange = replace(iris, feature_names=names, class_names=("_setosa", "$\\frac{1}$", "重み"), name="_iris$ " * 20)
    for pair in ((0, 1), (2, 3)):
        shown = texts(plot_boundary(model, strange, tmp_path / "b.svg", pair))
        assert {names[k] for k in pair} < set(shown)
        assert set(strange.class_names) < set(shown)
    for ending in ("png", "pdf"):
        assert plot_boundary(model, strange, tmp_path / f"b.{ending}").stat().st_size > 10_000


def test_text_is_text_and_says_what_is_shown(tmp_path):
    epochs = [Epoch(k, 1.0 / k, 0.5 + 0.1 * k) for k in (1, 2, 3)]
    root = ElementTree.parse(plot_training(epochs, tmp_path / "t.svg")).getroot()
    assert {"epoch", "loss", "accuracy (%)", "accuracy"} <= {"".join(t.itertext()) for t in root.iter(f"{SVG}text")}
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.find(f"{SVG}title").text
    assert "loss went from 1 to 0.3333, the accuracy from 60.0 % to 80.0 %" in root.get("aria-label")
    with pytest.raises(ValueError, match="no epoch to draw"):
        plot_training([], tmp_path / "t.svg")


def test_themes(around, tmp_path):
    auto, light, dark = (
        plot_boundary(circle, around, tmp_path / f"{theme}.svg", theme=theme).read_text(encoding="utf-8")
        for theme in ("auto", "light", "dark")
    )
    assert "prefers-color-scheme:dark" in auto
    assert "prefers" not in light + dark
    assert THEMES["dark"]["ground"] in dark
    assert THEMES["dark"]["ground"] not in light
    with pytest.raises(ValueError, match="unknown theme 'pink'"):
        plot_boundary(circle, around, tmp_path / "b.svg", theme="pink")
    with pytest.raises(ValueError, match="end the name in"):
        plot_boundary(circle, around, tmp_path / "b.gif")


def test_same_data_gives_the_same_bytes(around, tmp_path):
    for ending in ("svg", "pdf", "png"):
        one, other = (plot_boundary(circle, around, tmp_path / f"{k}.{ending}").read_bytes() for k in "ab")
        assert one == other


def test_pdf_embeds_its_fonts(around, tmp_path):
    path = plot_boundary(circle, around, tmp_path / "b.pdf")
    assert b"FontFile2" in path.read_bytes()
    if command := shutil.which("pdftotext"):
        shown = subprocess.run([command, path, "-"], capture_output=True, text=True, check=True).stdout
        assert "rings" in shown


def test_without_matplotlib_it_is_said(around, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RuntimeError, match="plots need matplotlib"):
        plot_boundary(circle, around, tmp_path / "b.svg")
