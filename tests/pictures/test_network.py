"""Drawings of networks."""

from xml.etree import ElementTree

import pytest

from micrograd_like import MLP, Layer, Module, Neuron, draw
from micrograd_like.pictures.render import DATA, GRAD

SVG = "{http://www.w3.org/2000/svg}"


def tips(drawing):
    return {title.text for title in ElementTree.fromstring(drawing.svg).iter(f"{SVG}title")}


def groups(drawing, kind):
    return [g for g in ElementTree.fromstring(drawing.svg).iter(f"{SVG}g") if g.get("class") == kind]


@pytest.fixture
def model():
    return MLP(2, [4, 3, 1], seed=1)


def test_a_circle_for_each_neuron_and_a_line_for_each_connection(model):
    drawing = draw(model)
    assert len([g for g in groups(drawing, "node") if g.find(f"{SVG}ellipse") is not None]) == 8
    assert len(groups(drawing, "edge")) == 2 * 4 + 4 * 3 + 3
    assert drawing.title == "Network of 2 → 4 → 3 → 1 units with 31 parameters"


def test_layers_are_columns(model):
    places = [g.find(f"{SVG}ellipse") for g in groups(draw(model), "node")]
    columns = [round(float(p.get("cx"))) for p in places if p is not None]
    assert sorted(columns.count(x) for x in set(columns)) == [1, 3, 4]


def test_color_dashes_and_width_tell_the_weight(model):
    w = model.layers[0].neurons[0].w
    w[0].data, w[1].data = -10.0, 0.5
    lines = {g.find(f"{SVG}title").text.split(" ")[0]: g.find(f"{SVG}path") for g in groups(draw(model), "edge")}
    assert lines["w1[1→1]"].get("stroke") == GRAD
    assert lines["w1[1→1]"].get("stroke-dasharray") is not None
    assert lines["w1[2→1]"].get("stroke") == DATA
    assert lines["w1[2→1]"].get("stroke-dasharray") is None
    widths = {name: float(line.get("stroke-width", 1)) for name, line in lines.items()}
    assert max(widths, key=widths.__getitem__) == "w1[1→1]"


def test_tooltips_have_data_and_gradient(model):
    model([1.0, 2.0]).backward()
    shown = tips(draw(model))
    for _, p in model.named_parameters():
        assert f"{p.label} = {p.data:.12g}\ngrad = {p.grad:.12g}" in shown


def test_without_bias_the_circle_is_empty():
    drawing = draw(Neuron(2, bias=False))
    assert "neuron 1 of layer 1, without a bias" in tips(drawing)
    assert len(drawing.rows) == 2


def test_a_layer_and_a_neuron_can_be_drawn():
    assert draw(Layer(3, 2)).title.startswith("Network of 3 → 2 units")
    assert draw(Neuron(3)).title.startswith("Network of 3 → 1 units")
    with pytest.raises(TypeError, match="draw its parts"):
        draw(Module())


def test_all_weights_zero_is_drawn():
    assert len(groups(draw(MLP(2, [2, 1], init="zeros")), "edge")) == 6


def test_too_many_connections_are_refused(model):
    with pytest.raises(ValueError, match=r"23 connections, over its limit of 10.*limit="):
        draw(model, limit=10)


def test_same_network_gives_the_same_bytes(model):
    assert draw(model).svg == draw(MLP(2, [4, 3, 1], seed=1)).svg
