// Settings, the address that keeps them, keys and buttons; then the page starts.

function start() {
  playing = 0;
  find("play").textContent = "Play";
  Object.assign(state, { view: "forward" });
  stopWalking();
  const { activation, init, seed, bias } = state;
  const begin = (numbers) => attempt(() => training.begin(PROGRAMS.get(activation).train, numbers, { bias, seed }));
  if (!begin(init === "given" ? DATA.given : training.drawn(init, seed))) {
    training.begin(program().train, training.drawn("zeros", seed), { bias, seed });
  }
  find("formula").textContent = init === "given" ? "The weights are those that the model had; biases too." : `${INITIALIZERS[init].name}: ${INITIALIZERS[init].formula}; biases start at 0.`;
  refresh();
  say(standing());
}

// Read a setting; what cannot be one is put back.
function setting(id, read, isFit) {
  find(id).addEventListener("change", () => {
    const x = Number(find(id).value);
    const isRead = find(id).value.trim() !== "" && isFit(x);
    if (isRead) read(x);
    showSettings();
    refresh();
    if (!isRead) say(`That cannot be: it stays at ${find(id).value}.`);
  });
}

function showSettings() {
  find("lr").value = training.learningRate;
  find("size").value = training.batchSize;
  for (const id of ["activation", "init", "seed"]) find(id).value = state[id];
  find("bias").checked = state.bias;
}

function remember() {
  const { activation, init, seed, bias, view, sample, parameter } = state;
  return { activation, init, seed, bias: Number(bias), lr: training.learningRate, batch: training.batchSize, view, sample: sample + 1, parameter };
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  const whole = (name, low, high, otherwise) => {
    const x = Number(kept.get(name) ?? NaN);
    return Number.isInteger(x) && x >= low && x <= high ? x : otherwise;
  };
  state.activation = choices.includes(kept.get("activation")) ? kept.get("activation") : choices[0];
  state.init = Object.hasOwn(INITIALIZERS, kept.get("init")) ? kept.get("init") : "given";
  state.seed = whole("seed", 0, 1e9, 0);
  state.bias = Boolean(whole("bias", 0, 1, Number(DATA.biased)));
  state.sample = whole("sample", 1, rows.length, 1) - 1;
  state.parameter = whole("parameter", 0, parameters.length - 1, 0);
  training.batchSize = whole("batch", 1, rows.length, DATA.batchSize);
  const lr = Number(kept.get("lr") ?? NaN);
  if (lr > 0 && Number.isFinite(lr)) training.learningRate = lr;
  return ["backward", "update"].find((view) => view === kept.get("view")) ?? "forward";
}

// -------------------- keys and buttons --------------------

function setView(view) {
  pause();
  state.view = view;
  stopWalking();
  refresh();
  say(caption());
}

const goTo = (epoch) => {
  pause();
  if (!training.history[epoch]) return;
  training.goTo(epoch);
  stopWalking();
  refresh();
  say(standing());
};
const isAtEnd = () => training.parameters === training.history[training.epoch].parameters; // of an epoch, as it was kept

const KEYS = {
  " ": play,
  ArrowRight: () => walk(1),
  ArrowLeft: () => walk(-1),
  s: () => learn((t) => t.update(1), "One sample."),
  b: () => learn((t) => t.update(), "One batch."),
  e: () => learn((t) => t.runEpoch(), ""),
  1: () => setView("forward"),
  2: () => setView("backward"),
  3: () => setView("update"),
  "[": () => goTo(training.epoch - Number(isAtEnd())),
  "]": () => goTo(training.epoch + 1),
  r: start,
  "?": () => find("keys").showModal(),
};

listen(KEYS, { play: " ", step: "ArrowRight", back: "ArrowLeft", one: "s", batch: "b", epoch: "e", restart: "r", help: "?" });
for (const radio of document.querySelectorAll('input[name="view"]')) radio.addEventListener("change", () => setView(radio.value));
find("epochs").addEventListener("input", (event) => goTo(Number(event.target.value)));
for (const id of ["activation", "init"]) find(id).addEventListener("change", (event) => ((state[id] = event.target.value), start()));
find("bias").addEventListener("change", (event) => ((state.bias = event.target.checked), start()));
setting("lr", (x) => (training.learningRate = x), (x) => x > 0 && Number.isFinite(x));
setting("size", (x) => (training.batchSize = x), (x) => Number.isInteger(x) && x >= 1 && x <= rows.length);
setting("seed", (x) => ((state.seed = x), start()), (x) => Number.isInteger(x) && x >= 0);

find("activation").append(...choices.map((name) => new Option(name)));
find("init").append(new Option("as given", "given"), ...Object.entries(INITIALIZERS).map(([id, { name }]) => new Option(name, id)));
find("parameter").append(...DATA.names.map((name, p) => new Option(name, p)));
find("size").max = rows.length;
const view = recall();
showSettings();
start();
if (view !== "forward") setView(view);
