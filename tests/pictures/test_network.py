"""Drawings of networks."""

import math
import re
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from micrograd_like import MLP, Layer, Module, Neuron, Value, draw
from micrograd_like.nn import datasets
from micrograd_like.nn.optim import SGD
from micrograd_like.notation.numbers import show
from micrograd_like.pictures.passes import find
from micrograd_like.pictures.scene import Cells, Circle, Edge, Node, Path, Text, bounds

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def model():
    model = MLP(2, [3, 1], activation="tanh", seed=3)
    for k, p in enumerate(model.parameters()):
        if p.label.startswith("b"):
            p.data = 0.1 * (k + 1)
    return model


@pytest.fixture
def loss(model):
    loss = (model([1.0, -2.0]) - 1) ** 2
    loss.label = "L"
    loss.backward()
    return loss


def texts(drawing):
    return [m.text for item in drawing.pictures[-1].items for m in item.marks if isinstance(m, Text)]


def nodes(drawing, kind="unit"):
    return {item.key: item for item in drawing.pictures[-1].items if isinstance(item, Node) and item.kind == kind}


def lines(drawing):
    return {(e.tail, e.head): e for e in drawing.pictures[-1].items if isinstance(e, Edge)}


def said_in(item):
    return [m.text for m in item.marks if isinstance(m, Text)]


def arrows(drawing):
    """Return (tail, tip) of each arrow."""
    found = []
    for item in drawing.pictures[-1].items:
        heads = [m for m in item.marks if isinstance(m, Path) and m.fill == "grad"]
        if len(heads) == 1 and isinstance(item.marks[0], Path) and len(item.marks) == 2:
            found.append((item.marks[0].points[0], heads[0].points[0]))
    return found


# -------------------- the network alone --------------------


def test_a_circle_for_each_unit_and_a_line_for_each_connection():
    drawing = draw(MLP(2, [4, 3, 1], seed=1))
    assert len(nodes(drawing)) == 8
    assert len(nodes(drawing, "input")) == 2
    assert len(lines(drawing)) == 2 * 4 + 4 * 3 + 3
    assert drawing.title == "Network of 2 → 4 → 3 → 1 units with 31 parameters"
    places = [round(item.x) for item in nodes(drawing).values()]
    assert sorted(places.count(x) for x in set(places)) == [1, 3, 4]
    assert {"layer 1 · relu", "layer 2 · relu", "layer 3 · linear"} < set(texts(drawing))


def test_connections_carry_their_weights(model):
    shown = texts(draw(model))
    for p in model.parameters():
        assert show(p.data, 2) in shown
    assert "linear" in said_in(nodes(draw(model))["n2-1"])


def test_the_numbers_at_connections_can_be_asked_for(model):
    wide = MLP(4, [5, 2], seed=1)
    number = show(wide.layers[0].neurons[3].w[2].data, 2)
    assert number not in texts(draw(wide))
    assert number in texts(draw(wide, weights=True))
    assert show(model.layers[0].neurons[1].w[1].data, 2) not in texts(draw(model, weights=False))


def test_color_dashes_and_width_tell_the_weight(model):
    w = [neuron.w[0] for neuron in model.layers[0].neurons]
    w[0].data, w[1].data, w[2].data = -10.0, 0.5, 0.0
    found = [lines(draw(model))["n0-1", f"n1-{j}"].marks[0] for j in (1, 2, 3)]
    assert [(line.stroke, line.dash) for line in found] == [("negative", "dashed"), ("data", ""), ("faint", "dotted")]
    assert found[0].width > 3 > 1 > found[1].width > found[2].width


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
def test_a_weight_that_is_not_finite_stands_out_and_spoils_nothing(model, strange):
    whole = {key: line.marks[0] for key, line in lines(draw(model)).items()}
    small = min(model.layers[1].neurons[0].w, key=lambda w: abs(w.data))
    i = model.layers[1].neurons[0].w.index(small) + 1
    small.data = strange
    found = {key: line.marks[0] for key, line in lines(draw(model)).items()}
    odd = found.pop((f"n1-{i}", "n2-1"))
    assert (odd.stroke, odd.dash) == ("ink", "dotted")
    assert found == {key: whole[key] for key in found}
    assert {"nan": "NaN", "inf": "∞", "-inf": "-∞"}[str(strange)] in texts(draw(model, weights=False))
    assert "not a finite number" in texts(draw(model))


def test_all_weights_zero():
    drawing = draw(MLP(2, [2, 1], init="zeros"))
    assert {line.marks[0].stroke for line in lines(drawing).values()} == {"faint"}
    assert "weight 0" in texts(drawing)


def test_tooltips_have_data_and_gradient(model, loss):
    tips = {t.text for t in ElementTree.fromstring(draw(model).svg).iter(f"{SVG}title")}
    for _, p in model.named_parameters():
        assert any(f"{p.label} = {show(p.data)}\ngrad = {show(p.grad)}" in tip for tip in tips)


@pytest.mark.parametrize("number", [-3.2e-3, 1e-9, -123456.789, 1e300, 0.0, -0.07])
def test_no_number_leaves_its_circle(number):
    neuron = Neuron(1, activation="linear")
    neuron.w[0].data, neuron.b.data = number, number
    out = neuron([1.0])
    out.backward()
    for drawing in (draw(neuron, [1.0]), draw(neuron, out)):
        unit = nodes(drawing)["n1-1"]
        circle = next(m for m in unit.marks if isinstance(m, Circle))
        inside = [m.box for m in unit.marks if isinstance(m, Text) and abs(m.y - circle.y) < circle.radius - 5]
        assert inside
        for left, top, right, bottom in inside:
            for x in (left, right):
                for y in (top, bottom):
                    assert math.hypot(x - circle.x, y - circle.y) < circle.radius + 1.5


def test_a_layer_a_neuron_and_parts_without_bias():
    assert draw(Layer(3, 2)).title.startswith("Network of 3 → 2 units")
    drawing = draw(Neuron(3, bias=False), [1, 2, 3])
    assert "without a bias" in nodes(drawing)["n1-1"].tooltip
    assert "bias" not in " ".join(texts(drawing))
    with pytest.raises(TypeError, match="draw its parts"):
        draw(Module())


# -------------------- forward --------------------


def test_forward_shows_what_each_unit_computes(model):
    drawing = draw(model, [1.0, -2.0])
    x = [1.0, -2.0]
    for k, layer in enumerate(model.layers, 1):
        sums = [sum(w.data * v for w, v in zip(n.w, x, strict=True)) + n.b.data for n in layer.neurons]
        x = [math.tanh(s) for s in sums] if k == 1 else sums
        for j, (total, out) in enumerate(zip(sums, x, strict=True), 1):
            said = said_in(nodes(drawing)[f"n{k}-{j}"])
            assert show(out, 2) in said
            assert (f"tanh({show(total, 2)})" if k == 1 else "sum") in said
    assert {"1", "x1", "-2", "x2"} <= {t for item in nodes(drawing, "input").values() for t in said_in(item)}
    assert "Forward pass" in texts(drawing)
    assert not arrows(drawing)


def test_neurons_written_out_by_hand_are_found_too():
    class Mine(Neuron):
        def __call__(self, x):
            total = self.b
            for w, v in zip(self.w, x, strict=True):
                total = total + v * w
            return total.sin()

    mine = MLP(2, [2, 1], seed=2)
    for layer in mine.layers:
        layer.neurons = [Mine(len(n.w), seed=j) for j, n in enumerate(layer.neurons)]
    out = mine([0.5, -1.0])
    out.backward()
    found = find(mine, [out])
    assert len(found.units) == 3
    for (_, j), unit in found.units.items():
        assert unit.out.op.name == "sin" or (j, unit.out) == (0, unit.sum)
    hidden = math.sin(sum(w.data * v for w, v in zip(mine.layers[0].neurons[1].w, [0.5, -1.0], strict=True)))
    assert show(hidden, 2) in said_in(nodes(draw(mine, out))["n1-2"])


def test_a_subclass_and_values_as_inputs(model):
    class Named(MLP):
        pass

    x = [Value(1.0, "a"), Value(-2.0, "b")]
    named = Named(2, [3, 1], activation="tanh", seed=3)
    out = named(x)
    out.backward()
    said = said_in(nodes(draw(named, out), "input")["n0-1"])
    assert show(x[0].grad, 2) in said  # a leaf that is not a constant takes a gradient


def test_names_of_a_dataset():
    iris = datasets.iris()
    shown = texts(draw(MLP(4, [3, 3], activation="tanh", seed=1), iris))
    assert set(iris.feature_names + iris.class_names) < set(shown)
    assert show(iris.rows[0][0], 2) in shown
    moons = datasets.moons(10)
    assert "above 0: 1" in texts(draw(MLP(2, [1]), moons))
    assert {"height", "weight", "score"} < set(texts(draw(MLP(2, [1]), inputs=["height", "weight"], outputs=["score"])))
    with pytest.raises(ValueError, match="inputs has 3 names, and the network has 2 inputs"):
        draw(MLP(2, [1]), inputs=["a", "b", "c"])


def test_what_cannot_be_drawn_is_said():
    class Odd:
        def __call__(self, x):
            return x[0]

    layer = Layer(2, 2)
    layer.neurons = [Odd(), Odd()]
    with pytest.raises(TypeError, match="asks a neuron for w and b; a Odd lacks them"):
        draw(layer)
    with pytest.raises(ValueError, match="moons has 10 samples: sample=11 is none of them"):
        draw(MLP(2, [1]), datasets.moons(10), sample=11)
    assert draw(MLP(2, [1]), datasets.moons(10), sample=10).svg
    with pytest.raises(ValueError, match="expected 2 inputs, got 3"):
        draw(MLP(2, [1]), [1, 2, 3])


def test_shared_weights_and_exact_numbers():
    model = MLP(2, [2, 1], activation="linear", seed=1)
    first, second = model.layers[0].neurons
    second.w = first.w
    for k, p in enumerate(model.parameters()):
        p.data = Fraction(k + 1, 4)
    out = model([Value(Fraction(1, 2)), Value(Fraction(2))])
    out.backward()
    drawing = draw(model, out, show="backward")
    assert show(first.w[0].grad, 2) in texts(drawing)
    assert len(lines(drawing)) == 6


# -------------------- backward --------------------


def test_backward_shows_every_gradient(model, loss):
    drawing = draw(model, loss)
    shown = texts(drawing)
    for p in model.parameters():
        assert show(p.grad, 2) in shown
    for (k, j), unit in find(model, [loss]).units.items():
        assert show(unit.out.grad, 2) in said_in(nodes(drawing)[f"n{k + 1}-{j + 1}"])
    assert said_in(nodes(drawing, "value")["loss"]) == [show(loss.data, 2), "1", "L"]
    assert "Backward pass" in shown


def test_arrows_point_back(model, loss):
    drawing = draw(model, loss)
    found = arrows(drawing)
    assert len(found) == 6 + 3 + 1  # connections, and from the loss
    assert all(tip[0] < tail[0] for tail, tip in found)
    left = min(item.x for item in nodes(drawing, "input").values()) + 30
    assert all(tip[0] > left for _, tip in found[:6])  # numbers as inputs take no gradient


def test_one_of_several_samples(model):
    rows = [[1.0, -2.0], [0.5, 0.25], [3.0, 1.0]]
    loss = sum(((model(row) - 1) ** 2 for row in rows), Value(0.0))
    loss.backward()
    for n, row in enumerate(rows, 1):
        drawing = draw(model, loss, sample=n)
        out = find(model, [loss], n).units[1, 0].out
        assert show(model(row).data, 2) in said_in(nodes(drawing)["n2-1"])
        assert show(out.grad, 2) in said_in(nodes(drawing)["n2-1"])
        assert any(t.startswith("a sample of 3") for t in texts(drawing))
    with pytest.raises(ValueError, match="the graph has 3 samples: sample=4"):
        draw(model, loss, sample=4)


def test_a_pass_of_another_model_is_refused(model):
    with pytest.raises(ValueError, match="was not computed by this model"):
        draw(model, MLP(2, [1])([1.0, 2.0]) * 2)


# -------------------- update --------------------


def test_update_shows_before_and_after(model, loss):
    before = [p.data for p in model.parameters()]
    SGD(model.parameters(), lr=0.1).step()
    drawing = draw(model, loss, before=before)
    moved = {f"{show(old, 2)} → {show(p.data, 2)}" for old, p in zip(before, model.parameters(), strict=True)}
    assert moved < set(texts(drawing))
    for (_, head), line in lines(drawing).items():
        if head != "loss":
            old, new = re.search(r"update: (\S+) → (\S+)", line.tooltip).groups()
            assert line.marks[0].stroke == ("data" if float(new) > float(old) else "negative")
    planned = draw(model, before=before)
    assert moved < set(texts(planned))


def test_the_update_to_come_is_that_of_gradient_descent(model, loss):
    planned = {t for t in texts(draw(model, loss, lr=0.1)) if "→" in t}
    before = [p.data for p in model.parameters()]
    SGD(model.parameters(), lr=0.1).step()
    assert planned == {t for t in texts(draw(model, loss, before=before)) if "→" in t}


def test_what_is_not_known_cannot_be_shown(model):
    for show_, missing in (("forward", "a pass"), ("backward", "a pass"), ("update", "two numbers")):
        with pytest.raises(ValueError, match=f"needs {missing}"):
            draw(model, show=show_)
    with pytest.raises(ValueError, match=r"needs gradients: call loss.backward\(\)"):
        draw(model, [1, 2], show="backward")
    with pytest.raises(ValueError, match="unknown show 'all'; choose from weights, forward"):
        draw(model, show="all")
    with pytest.raises(ValueError, match="before has 1 numbers, and the model has 13 parameters"):
        draw(model, before=[1.0])
    with pytest.raises(TypeError, match="the picture of a network has the options show,"):
        draw(model, rankdir="TB")


# -------------------- the three one after the other --------------------


def test_steps_are_an_animation_that_can_be_stopped(model, loss, tmp_path):
    drawing = draw(model, loss, show="steps", lr=0.1)
    assert [
        t for frame in drawing.frames for t in texts(frame) if t in ("Forward pass", "Backward pass", "Update")
    ] == [
        "Forward pass",
        "Backward pass",
        "Update",
    ]
    root = ElementTree.fromstring(drawing.svg)
    style = root.find(f"{SVG}style").text
    still, _, moving = style.partition("@media screen and (prefers-reduced-motion:no-preference)")
    assert "animation:" in moving
    assert "animation:" not in still
    seen = [g for g in root.iter(f"{SVG}g") if "last" in g.get("class", "").split()]
    words = {"".join(t.itertext()) for g in seen for t in g.iter(f"{SVG}text")}
    assert "Update" in words
    assert "Backward pass" not in words
    assert len(drawing.svg) < sum(len(frame.svg) for frame in drawing.frames)
    assert drawing.frames[1].save(tmp_path / "two.png").stat().st_size > 10_000


def test_frames_stand_still_where_nothing_changes(model, loss):
    places = [
        {key: (round(node.x, 1), round(node.y, 1)) for key, node in nodes(frame).items()}
        for frame in draw(model, loss, show="steps", lr=0.1).frames
    ]
    assert places[0] == places[1] == places[2]


def test_the_browser_plays_it(browser, model, loss, tmp_path):
    path = draw(model, loss, show="steps", lr=0.1).save(tmp_path / "steps.svg")

    def heading(page):
        return page.evaluate(
            "[...document.querySelectorAll('text')].filter(t => /pass$|^Update$/.test(t.textContent)"
            " && getComputedStyle(t).visibility == 'visible').map(t => t.textContent)"
        )

    page = browser.new_page(reduced_motion="no-preference")
    page.goto(path.as_uri())
    for at, expected in ((500, "Forward pass"), (2500, "Backward pass"), (4500, "Update")):
        page.evaluate(f"document.getAnimations().forEach(a => {{ a.pause(); a.currentTime = {at} }})")
        assert heading(page) == [expected]
    page.emulate_media(reduced_motion="reduce")
    assert heading(page) == ["Update"]
    page.emulate_media(reduced_motion="no-preference", media="print")
    assert heading(page) == ["Update"]
    page.close()


# -------------------- large networks --------------------


@pytest.mark.parametrize(("nin", "nouts"), [(64, [32, 10]), (784, [50, 10]), (10, [20, 20, 5]), (2, [80, 80, 1])])
def test_large_networks_are_drawn_layer_by_layer(nin, nouts):
    model = MLP(nin, nouts, seed=1)
    drawing = draw(model)
    shown = texts(drawing)
    for k, (a, b) in enumerate(zip([nin, *nouts], nouts, strict=False), 1):
        weights = [w.data for neuron in model.layers[k - 1].neurons for w in neuron.w]
        assert f"{a * b:,} weights" in shown
        assert f"from {min(weights):.2g} to {max(weights):.2g}" in shown
    assert len(drawing.svg) < 200_000
    assert drawing.pictures[0].width < 1200


def test_the_histogram_counts_every_weight_and_the_map_shows_where_it_is():
    model = Layer(40, 30, seed=1)
    for neuron in model.neurons:
        for w in neuron.w:
            w.data = 0.0
    model.neurons[4].w[7].data = 2.0
    model.neurons[29].w[0].data = -1.0
    model.neurons[0].w[39].data = math.nan
    item = draw(model).pictures[0].items[0]
    frame = bounds([m for m in item.marks if isinstance(m, Path)][:1])
    squares = {m.fill: m for m in item.marks if isinstance(m, Cells) and m.rectangles[0][1] < frame[3]}
    side = (frame[2] - frame[0]) / 40

    def where(look):
        x, y, *_ = squares[look].rectangles[0]
        return round((x - frame[0]) / side), round((y - frame[1]) / side)

    assert {look: len(m.rectangles) for look, m in squares.items()} == {"data": 1, "negative": 1, "ink": 1}
    assert (where("data"), where("negative"), where("ink")) == ((7, 4), (0, 29), (39, 0))
    assert squares["data"].opacity == 1.0
    assert squares["negative"].opacity == 0.5
    assert "1 NaN or infinite" in texts(draw(model))
    bars = [m for m in item.marks if isinstance(m, Cells) and m.rectangles[0][1] > frame[3]]
    assert [m.fill for m in bars] == ["negative", "faint", "data"]
    assert [m.text for m in item.marks if isinstance(m, Text)][-3:] == ["-2", "0", "2"]


def test_large_networks_forward_and_backward():
    model = MLP(30, [20, 2], seed=1)
    out = model([0.1 * i for i in range(30)])
    loss = out[0] ** 2 + out[1] ** 2
    loss.backward()
    shown = texts(draw(model, loss))
    grads = [w.grad for neuron in model.layers[0].neurons for w in neuron.w]
    assert f"from {min(grads):.2g} to {max(grads):.2g}" in shown
    assert "600 gradients ∂L/∂w" in shown
    assert any(t.startswith("∂L/∂output from") for t in shown)


# -------------------- all of them --------------------


def test_same_network_gives_the_same_bytes(model, loss):
    again = MLP(2, [3, 1], activation="tanh", seed=3)
    for p, q in zip(model.parameters(), again.parameters(), strict=True):
        q.data = p.data
    other = (again([1.0, -2.0]) - 1) ** 2
    other.label = "L"
    other.backward()
    one, two = (draw(m, v, show="steps", lr=0.1) for m, v in ((model, loss), (again, other)))
    assert one.svg == two.svg


def test_the_legend_says_what_is_what_and_can_be_left_out(model, loss):
    full = draw(model, loss)
    for words in ("weight above 0", "weight below 0", "what flows back", "number above, ∂L/∂number below"):
        assert any(t.startswith(words) for t in texts(full))
    bare = draw(model, loss, legend=False)
    assert not any(t.startswith("weight") for t in texts(bare))
    assert bare.pictures[0].height < full.pictures[0].height


@pytest.mark.parametrize("hostile", ["</svg><script>alert(1)</script>", 'a"b\\c', "\x1b[31m", "漢字の重み", "&amp;"])
def test_names_come_out_as_text(hostile):
    root = ElementTree.fromstring(draw(MLP(1, [1]), inputs=[hostile]).svg)
    shown = ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]
    assert any(t.startswith(hostile[:3].replace("\x1b", "\\x1b")) for t in shown)
    assert not list(root.iter(f"{SVG}script"))
