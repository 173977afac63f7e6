"""The page of a network: in Node it trains as Python does; in a browser one can step, go back, change and look."""

import math
import re

import pytest

from micrograd_like import page
from micrograd_like.cli import main
from micrograd_like.nn import MLP, Neuron
from micrograd_like.nn.datasets import Dataset, circles, iris, moons, spirals, xor
from micrograd_like.nn.init import xavier_uniform
from micrograd_like.nn.training import task, train
from micrograd_like.notation.numbers import show
from micrograd_like.pages.document import source
from micrograd_like.pages.network import network_page
from micrograd_like.pictures.passes import find

from ..conftest import inaccessible
from .test_graph import Parts


def parts(made):
    """Return the scripts of a page that need no browser, and its data."""
    import json

    script = re.search(r"<script>(.*?)</script>", made.html, re.DOTALL)[1]
    programs = script[script.index("const PROGRAMS") : script.index("// Gradient descent on the programs")]
    data = json.loads(re.search(r'id="data">(.*?)</script>', made.html, re.DOTALL)[1])
    return [programs, source("micrograd_like.pages", "training.js")], data


@pytest.fixture
def run(run_script):
    def run(made, code):
        scripts, data = parts(made)
        set_up = """
const choice = Object.keys(DATA.activations)[0];
const training = new Training(DATA, DATA);
const begin = (numbers, options) => training.begin(PROGRAMS.get(choice).train, numbers, options);
begin(DATA.given, { bias: DATA.biased });
"""
        return run_script([*scripts, set_up], data, code)

    return run


CASES = [
    (MLP(2, [4, 4, 1], seed=1), moons(30), None),
    (MLP(2, [5, 1], activation="tanh", seed=2), circles(20), "hinge"),
    (MLP(2, [3, 1], activation="sigmoid", output="sigmoid", seed=3), xor(12), None),
    (MLP(2, [6, 1], activation="leaky_relu", bias=False, seed=4), moons(20), "mean_squared_error"),
    (MLP(2, [8, 3], activation="softplus", seed=5), spirals(30, classes=3), None),
    (MLP(2, [1], seed=6), moons(10), None),
    (MLP(2, [4, 2], activation="tanh", seed=7), moons(16), "cross_entropy"),
]


@pytest.mark.parametrize(("model", "data", "loss"), CASES, ids=lambda x: getattr(x, "name", None))
def test_training_gives_the_losses_and_weights_of_python(run, model, data, loss):
    made = page(model, data, loss=loss, lr=0.3, batch_size=len(data))
    found = run(
        made, "[Array.from({ length: 25 }, () => training.update().loss), training.parameters, training.history]"
    )
    twin = MLP(2, [1])
    twin.layers = model.layers
    before = [p.data for p in model.parameters()]
    try:
        epochs = [*train(model, data, loss=loss, optimizer="sgd", lr=0.3, epochs=26, batch_size=None)]
        losses, parameters, history = found
        assert losses == pytest.approx([e.loss for e in epochs[:25]], rel=1e-9, abs=1e-12)
        assert [h["loss"] for h in history] == pytest.approx([e.loss for e in epochs], rel=1e-9, abs=1e-12)
        assert [h["accuracy"] for h in history] == [e.accuracy for e in epochs]
    finally:
        for p, x in zip(model.parameters(), before, strict=True):
            p.data = x
    [*train(model, data, loss=loss, optimizer="sgd", lr=0.3, epochs=25, batch_size=None)]
    named = dict(zip(parts(made)[1]["names"], parameters, strict=True))
    assert {p.label: p.data for p in model.parameters()} == pytest.approx(
        {p.label: named[p.label] for p in model.parameters()}, rel=1e-9, abs=1e-12
    )
    for p, x in zip(model.parameters(), before, strict=True):
        p.data = x


def test_the_numbers_of_one_sample_are_those_of_the_graph(run):
    model, data = MLP(2, [3, 3, 1], activation="tanh", seed=4), moons(10)
    loss, gradient, contributions = run(
        page(model, data), "[...Object.values(training.compute([7])).slice(1).reverse(), training.contributions(5)]"
    )
    learnt = task(model, data)

    def graph(i):
        model.zero_grad()
        value = learnt.loss([model(data.rows[i])], [data.targets[i]])
        value.backward()
        return value, [p.grad for p in model.parameters()]

    value, gradients = graph(7)
    assert loss == pytest.approx(value.data, rel=1e-12)
    assert gradient == pytest.approx(gradients, rel=1e-12)
    wanted = {i: graph(i)[1][5] / 10 for i in range(10)}
    assert {c["sample"]: c["amount"] for c in contributions} == pytest.approx(wanted, rel=1e-12)
    sizes = [abs(c["amount"]) for c in contributions]
    assert sizes == sorted(sizes, reverse=True)


def test_going_back_gives_the_same_weights_and_the_same_way_on(run):
    made = page(MLP(2, [4, 1], seed=1), moons(23), batch_size=5)
    first, middle, again, epochs, left = run(
        made,
        """(() => {
  const losses = () => training.history.map(({ loss }) => loss);
  for (let k = 0; k < 6; k++) training.runEpoch();
  const first = losses();
  training.goTo(2);
  const middle = [training.parameters, training.judge().loss, training.history[2].parameters];
  for (let k = 0; k < 7; k++) training.update(3);
  training.goTo(2);
  for (let k = 0; k < 4; k++) training.runEpoch();
  return [first, middle, losses(), training.epoch, training.at];
})()""",
    )
    assert first == again
    assert middle[1] == first[2]
    assert middle[0] == middle[2]
    assert (epochs, left) == (6, 0)


def test_each_epoch_takes_every_sample_once_and_orders_differ(run):
    made = page(MLP(2, [2, 1], seed=1), moons(11), batch_size=4)
    orders = run(
        made,
        "Array.from({ length: 5 }, () => { const seen = [];"
        " do seen.push(...training.update().samples); while (training.at); return seen; })",
    )
    assert all(sorted(order) == list(range(11)) for order in orders)
    assert len({tuple(order) for order in orders}) == 5


def test_biases_stay_at_zero_when_they_are_off(run):
    model = MLP(2, [4, 1], activation="tanh", seed=1)
    for layer in model.layers:
        for neuron in layer.neurons:
            neuron.b.data = 0.5
    data, places = run(
        page(model, moons(20)),
        "[(begin(DATA.given, { bias: false }), training.runEpoch(), training.parameters), DATA.parameters]",
    )
    assert [x for x, (_, i, _) in zip(data, places, strict=True) if i < 0] == [0.0] * 5
    start = [p.data for p in model.parameters()]
    assert all(x != y for x, y, (_, i, _) in zip(data, start, places, strict=True) if i >= 0)


def test_initialisers_have_the_variance_of_their_formula(run):
    made = page(MLP(2, [30, 28, 1], seed=1), moons(4))
    drawn, places = run(
        made,
        "[['zeros', 'uniform', 'xavier', 'he'].map((x) => [1, 2, 3].map((seed) => training.drawn(x, seed))),"
        " DATA.parameters]",
    )
    wanted = 0.0, 1 / 3, 2 / (30 + 28), 2 / 30
    for tries, variance in zip(drawn, wanted, strict=True):
        inner = [x for one in tries for x, (layer, i, _) in zip(one, places, strict=True) if layer == 2 and i >= 0]
        assert sum(x * x for x in inner) / len(inner) == pytest.approx(variance, rel=0.1)
        assert abs(sum(inner) / len(inner)) <= 3 * math.sqrt(variance / len(inner))
        assert all(x == 0 for one in tries for x, (_, i, _) in zip(one, places, strict=True) if i < 0)
    xavier = [x for x, (layer, i, _) in zip(drawn[2][0], places, strict=True) if layer == 2 and i >= 0]
    assert max(map(abs, xavier)) <= math.sqrt(6 / 58)
    assert drawn[3][0] != drawn[3][1]
    assert xavier_uniform.__doc__.startswith("Draw from U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out))")


def test_a_training_that_diverges_says_so_and_keeps_the_weights(run):
    made = page(MLP(2, [4, 1], seed=1), moons(20), loss="mean_squared_error", lr=1e200)
    said, before, after = run(
        made,
        """(() => {
  let before;
  try {
    for (let k = 0; k < 50; k++) { before = training.parameters; training.update(); }
  } catch (error) {
    return [error instanceof Diverged && error.message, before, training.parameters];
  }
  return [];
})()""",
    )
    assert "too large for a double" in said
    assert before == after


@pytest.mark.parametrize(
    ("model", "data", "error", "words"),
    [
        (MLP(2, [2, 1]), [[1, 2]], TypeError, r"takes a Dataset, such as moons\(\)"),
        (MLP(4, [2, 3]), iris(), ValueError, "a page shows two features, and iris has 4"),
        (MLP(3, [2, 1]), moons(4), ValueError, r"takes 3 inputs, and a page shows 2: write MLP\(2, …\)"),
        (MLP(2, [40, 1]), moons(4), ValueError, "a layer of 40 units is too large"),
        (MLP(2, [32, 32, 1]), moons(4), ValueError, "1,185 parameters is too large for a page, which takes 1,000"),
        (MLP(2, [2, 1]), spirals(9, classes=3), ValueError, "spirals has 3 classes"),
    ],
)
def test_what_a_page_cannot_show_is_said(model, data, error, words):
    with pytest.raises(error, match=words):
        page(model, data)


def test_other_neurons_and_numbers_that_are_not_finite_are_refused():
    model = MLP(2, [2, 1])

    class Odd(Neuron):
        pass

    model.layers[0].neurons[1] = Odd(2)
    with pytest.raises(TypeError, match="not a Odd"):
        page(model, moons(4))
    model = MLP(2, [2, 1])
    model.parameters()[1].data = math.inf
    with pytest.raises(ValueError, match=r"w1\[2→1\] is inf, which a page cannot compute with"):
        page(model, moons(4))


def test_the_model_stays_as_it_is_and_labels_are_text():
    model = MLP(2, [3, 1], seed=1)
    evil = '</script><img src=x onerror=alert(1)>"\\\u2028'
    data = Dataset(evil, ((0.0, 1.0), (1.0, 0.0)), (0, 1), (evil, "名前"), ("<b>", evil))
    before = [(p.data, p.grad) for p in model.parameters()]
    html = page(model, data).html
    assert [(p.data, p.grad) for p in model.parameters()] == before
    assert {tag for tag, _ in Parts(html).tags}.isdisjoint({"img", "b", "link", "iframe", "object"})
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|innerHTML|\beval\b|\bfetch\b|(?<!-)\bstyle=", html)


# -------------------- in a browser --------------------


@pytest.fixture
def show_page(open_page, tmp_path):
    def show_page(model, data, fragment="", width=1280, **options):
        path = page(model, data, **options).save(tmp_path / "network.html")
        return open_page(path, fragment, viewport={"width": width, "height": 800})

    return show_page


def standing(shown):
    return shown.locator("#standing").inner_text()


def typed(x):
    return show(x, 2).replace("-", "−")


def test_it_learns_the_moons_and_one_can_go_back(show_page):
    shown = show_page(MLP(2, [4, 4, 1], activation="tanh", seed=3), moons())
    start = standing(shown)
    shown.locator("#speed").select_option("100000")
    shown.keyboard.press("Escape")
    shown.locator("body").press("Space")
    shown.wait_for_function(
        "() => /accuracy 100 %/.test(document.querySelector('#standing').textContent)", timeout=60_000
    )
    shown.locator("#play").click()
    assert shown.locator("#said").inner_text().startswith("Paused. Epoch ")
    last = int(shown.locator("#epochs").input_value())
    shown.locator("#epochs").fill("1")
    earlier = standing(shown)
    assert earlier.startswith("Epoch 1: loss ")
    shown.locator("#epochs").fill("0")
    assert standing(shown) == start
    shown.locator("#epochs").fill("1")
    assert standing(shown) == earlier
    assert shown.locator("#epochs").get_attribute("max") == str(last)
    shown.locator("#epoch").click()
    assert shown.locator("#epochs").get_attribute("max") == "2"


def test_a_sample_goes_forward_back_and_moves_the_weights_by_keyboard(show_page):
    model, data = MLP(2, [2, 1], activation="tanh", seed=2), moons(8)
    shown = show_page(model, data, lr=0.5)
    body = shown.locator("body")
    body.press("ArrowRight")
    sample = int(shown.locator("#sample").input_value()) - 1
    loss = task(model, data).loss([model(data.rows[sample])], [data.targets[sample]])
    loss.backward()
    units = find(model, [loss]).units
    texts = "[...document.querySelectorAll('#network text')].map((t) => t.textContent)"
    assert typed(loss.data) not in shown.evaluate(texts)
    for _ in range(3):
        body.press("ArrowRight")
    said = shown.evaluate(texts)
    assert typed(loss.data) in said
    assert {typed(unit.out.data) for unit in units.values()} <= set(said)
    assert {f"tanh({typed(units[0, j].sum.data)})" for j in (0, 1)} <= set(said)
    body.press("ArrowRight")
    assert "begins at the loss" in shown.locator("#caption").inner_text()
    for _ in range(2):
        body.press("ArrowRight")
    said = shown.evaluate(texts)
    assert {typed(p.grad) for p in model.parameters() if "w" in p.label} <= set(said)
    assert {typed(unit.out.grad) for unit in units.values()} <= set(said)
    heard = "; ".join(typed(units[0, j].out.grad).replace("−", "minus ") for j in (0, 1))
    assert shown.locator("#said").inner_text().endswith(f"Gradients of its outputs: {heard}.")
    body.press("ArrowRight")
    said = shown.evaluate(texts)
    assert {f"→ {typed(p.data - 0.5 * p.grad)}" for p in model.parameters() if "w" in p.label} <= set(said)
    assert "has moved each weight" in shown.locator("#caption").inner_text()


@pytest.mark.parametrize("names", [("x1", "x2"), ("bitterness", "acidity (scaled)"), ("W" * 9, "花瓣的长度和宽度啊")])
def test_the_names_of_the_inputs_are_not_cut_off(show_page, names):
    data = moons(10)
    shown = show_page(MLP(2, [3, 1], seed=1), Dataset(data.name, data.rows, data.targets, names, data.class_names))
    left = shown.locator("svg").first.bounding_box()["x"]
    for name in names:
        text = shown.locator("svg text.italic", has_text=name[:8])
        assert text.bounding_box()["x"] >= left


def test_a_weight_is_typed_and_what_is_not_a_number_is_said(show_page):
    model, data = MLP(2, [3, 1], activation="tanh", seed=2), moons(20)
    shown = show_page(model, data)
    shown.locator("#parameter").select_option(label="w1[2→3]")
    weight = shown.locator("#weight")
    for strange in ("NaN", "0x1", "-1e999"):
        weight.fill(strange)
        weight.press("Enter")
        assert shown.locator("#wrong").inner_text().startswith(f"'{strange}' is ")
        assert weight.get_attribute("aria-invalid") == "true"
    weight.fill("-3/4")
    weight.press("Enter")
    assert shown.locator("#wrong").inner_text() == ""
    p = next(p for p in model.parameters() if p.label == "w1[2→3]")
    p.data = -0.75
    model.zero_grad()
    loss = task(model, data).loss([model(row) for row in data.rows], data.targets)
    loss.backward()
    assert f"loss {typed(loss.data)}," in standing(shown)
    assert f"∂L/∂w1[2→3] = {typed(p.grad)}," in shown.locator("#facts").inner_text()
    assert shown.locator("#contributions li").count() == 5
    typed_in = standing(shown)
    shown.locator("#parameter").select_option(label="b2[1]")
    facts = shown.locator("#facts, #contributions li").all_text_contents()
    assert shown.locator("#said").inner_text() == " ".join(facts).replace("−", "minus ")
    shown.locator("h1").click()
    seen = []
    for key in "[es[[":  # back to the epoch as it was; on, into the next, and back by halves
        shown.keyboard.press(key)
        seen.append(standing(shown))
    start, first, within, again, last = seen
    assert typed_in != start == last
    assert within != first == again


def test_dead_relus_and_what_vanishes_are_said(show_page):
    model = MLP(2, [3, 1], seed=2)
    model.layers[0].neurons[1].b.data = -50.0
    shown = show_page(model, moons(20))
    assert shown.locator("#dead").inner_text().startswith("Dead: unit 2 of layer 1: 0 for all 20 samples")
    assert shown.locator("#network").get_by_text("dead: always 0").count() == 1
    shown.locator("#activation").select_option("tanh")
    assert shown.locator("#dead").inner_text() == ""
    shown.locator("#init").select_option("zeros")
    assert "half are 0" in shown.locator("#spread").inner_text()
    assert "all weights 0" in shown.locator("#formula").inner_text()


def test_what_vanishes_towards_the_first_layer_is_said(show_page):
    shown = show_page(MLP(2, [6, 6, 6, 6, 1], activation="sigmoid", seed=3), circles(40))
    rows = [row.inner_text() for row in shown.locator("#spread tr").all()]
    assert "vanishing: 1/" in rows[0]
    assert "vanishing" not in rows[-1]


def test_settings_and_position_are_in_the_address(show_page):
    shown = show_page(
        MLP(2, [3, 1], seed=2), moons(20), "#activation=tanh&init=he&seed=4&lr=0.25&batch=7&view=backward"
    )
    chosen = {id: shown.locator(f"#{id}").input_value() for id in ("activation", "init", "seed", "lr", "size")}
    assert chosen == {"activation": "tanh", "init": "he", "seed": "4", "lr": "0.25", "size": "7"}
    assert shown.locator("input[name=view]:checked").get_attribute("value") == "backward"
    shown.locator("#sample").fill("5")
    shown.wait_for_function("() => location.hash.includes('sample=5&')")
    assert "sample 5," in shown.locator("#points").get_attribute("aria-valuetext")
    shown.locator("#points").press("ArrowRight")
    assert "sample 5," not in shown.locator("#points").get_attribute("aria-valuetext")


def test_a_nonsense_address_and_learning_rates_that_diverge_leave_the_page_whole(show_page):
    shown = show_page(
        MLP(2, [3, 1], seed=2), moons(20), "#activation=x&seed=-1&lr=nan&batch=1e9&sample=99&parameter=z", loss="hinge"
    )
    assert shown.locator("#lr").input_value() == "0.1"
    shown.locator("#lr").fill("-3")
    shown.locator("#lr").press("Enter")
    assert shown.locator("#lr").input_value() == "0.1"
    shown.locator("#lr").fill("1e300")
    shown.locator("#lr").press("Enter")
    for _ in range(3):
        shown.locator("#epoch").click()
    assert shown.locator("#trouble").inner_text().startswith("Training diverged: ")
    assert "NaN" not in shown.locator("body").inner_text()
    shown.locator("#restart").click()
    assert shown.locator("#trouble").inner_text() == ""


@pytest.mark.parametrize("width", [360, 1280])
def test_everybody_can_use_it(show_page, width):
    shown = show_page(MLP(2, [4, 3], activation="tanh", seed=2), spirals(30, classes=3), width=width)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    for view in "forward", "backward", "update":
        shown.locator(f"input[value={view}]").focus()
        shown.locator("body").press(str(("forward", "backward", "update").index(view) + 1))
    assert inaccessible(shown) == []


def test_the_command_writes_it_with_the_weights_from_before(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "moons", "--layers", "3", "--epochs", "1", "--page", "moons.html"]) == 0
    assert "wrote moons.html" in capsys.readouterr().out
    given = parts(network_page(MLP(2, [3, 1], seed=0), moons()))[1]["given"]
    assert f'"given":[{given[0]}' in (tmp_path / "moons.html").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["train", "moons", "--save", "a.html", "--page", "a.html"])
    assert "a.html is another file's place" in capsys.readouterr().err
