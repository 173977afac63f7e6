// The page of a network: it learns while one watches, stops, goes back, and changes what one likes.

const { sizes, parameters, features, classNames, rows, classes, threshold } = DATA;
const FRAME = 8; // milliseconds of a frame in which the network learns; the rest is for drawing
const DRAWING = 120; // milliseconds from picture to picture: nobody reads numbers that change faster
const KEPT = 3000; // epochs that one can go back to
const SAID = 12000; // milliseconds between what is said while it plays

const classed = (k) => (/^-?\d/.test(classNames[k]) ? `class ${classNames[k].replace("-", "−")}` : classNames[k]);

const training = new Training(DATA, DATA);
const picture = new NetworkPicture(find("network"), { ...DATA, classNames: classNames.map((_, k) => classed(k)) }, (p) => choose(p));
const state = { view: "forward", reach: Infinity, walking: false, walked: -1, sample: 0, parameter: 0, picked: -1, activation: "", init: "given", seed: 0, bias: DATA.biased };
let playing = 0; // the time at which the next update is due
let known; // loss, results, gradient and accuracy of all samples, with the parameters of now
let heard = 0; // when something was said, and
let drawn = 0; // drawn, while it plays

const choices = Object.keys(DATA.activations);
const program = () => PROGRAMS.get(state.activation);
const activations = () => DATA.activations[state.activation];
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const percent = (x) => `${(100 * x).toFixed((100 * x) % 1 ? 1 : 0)} %`;
const className = (i) => classed(classes[i]);

// -------------------- what is computed --------------------

// Return a list of one number for each unit as lists of layers.
function layered(numbers) {
  let start = 0;
  return sizes.slice(1).map((n) => numbers.slice(start, (start += n)));
}

// Return all numbers of both passes of one sample: the gradient of a unit's output is the sum of what comes back to it.
function passOf(sample, at) {
  const { results, gradient } = training.compute([sample], at);
  const [loss, ...rest] = results[0];
  const outs = sizes.at(-1);
  const units = (rest.length - outs) / 2;
  const [outputs, sums] = [layered(rest.slice(outs, outs + units)), layered(rest.slice(outs + units))];
  const sumGradients = layered(gradient.filter((_, p) => parameters[p][1] < 0));
  const gradients = outputs.map((column) => column.map(() => 0));
  gradients[gradients.length - 1] = LOSSES[DATA.kinds[sample]]([DATA.numbers[sample]], rest.slice(0, outs))[1];
  parameters.forEach(([layer, i, j], p) => {
    if (i >= 0 && layer > 1) gradients[layer - 2][i] += at[p] * sumGradients[layer - 1][j];
  });
  return { loss, inputs: DATA.numbers[sample].slice(0, 2), outputs, sums, sumGradients, gradients, gradient };
}

const unitOutputs = (results, k) => {
  const start = 1 + sizes.at(-1) + sizes.slice(1, k).reduce((a, b) => a + b, 0);
  return results.map((result) => result.slice(start, start + sizes[k]));
};

// Return the units, as "layer unit", that give 0 for all samples.
function deadUnits() {
  const found = new Set();
  activations().forEach((names, k) => {
    const outputs = unitOutputs(known.results, k + 1);
    names.forEach((name, j) => name === "relu" && outputs.every((out) => out[j] === 0) && found.add(`${k + 1} ${j}`));
  });
  return found;
}

// -------------------- learning --------------------

function attempt(learn) {
  try {
    learn();
    find("trouble").textContent = "";
    return true;
  } catch (error) {
    if (!(error instanceof Diverged)) throw error;
    pause();
    find("trouble").textContent = `Training diverged: ${error.message}. The weights are those before this update; try a smaller learning rate.`;
    return false;
  }
}

// Make updates at once, and show the latest.
function learn(count, words) {
  pause();
  stopWalking();
  if (!attempt(() => count(training))) return;
  if (training.last.samples.length === 1) state.sample = training.last.samples[0];
  state.view = "update";
  refresh();
  say(`${words} ${standing()}`);
}

function play() {
  if (playing) return pause();
  stopWalking();
  playing = performance.now();
  heard = drawn = playing;
  find("play").textContent = "Pause";
  say("Training.");
  requestAnimationFrame(frame);
  return undefined;
}

function pause() {
  if (!playing) return;
  playing = 0;
  find("play").textContent = "Play";
  refresh();
  say(`Paused. ${standing()}`);
}

function frame(now) {
  if (!playing) return;
  const pace = 1000 / Number(find("speed").value);
  const end = performance.now() + FRAME;
  if (now - playing > 250) playing = now - 250; // so that what could not be done is not done later
  let count = 0;
  while (playing && playing <= now && performance.now() < end && training.epoch < KEPT) {
    if (!attempt(() => training.update())) return;
    playing += pace;
    count += 1;
  }
  if (training.epoch >= KEPT) {
    pause();
    find("trouble").textContent = `It stopped, for ${KEPT.toLocaleString("en")} epochs are as many as the page keeps: go back, or start again.`;
    return;
  }
  if (count && now - drawn > DRAWING) {
    refresh(true);
    drawn = now;
  } else paint();
  if (now - heard > SAID) {
    heard = now;
    say(standing());
  }
  requestAnimationFrame(frame);
}

// -------------------- one update, slowly --------------------

// What a walk stops at: each layer of the forward pass, the loss, each layer of the backward pass, the update.
const REACHES = [...sizes.keys(), sizes.length];
const STOPS = [
  ...REACHES.map((reach) => ({ view: "forward", reach })),
  ...REACHES.slice(1).reverse().map((reach) => ({ view: "backward", reach })),
  { view: "update", reach: Infinity },
];

function walk(by) {
  pause();
  const walked = (state.walked + by) % STOPS.length;
  if (walked < 0 || (by < 0 && state.walked === STOPS.length - 1)) return; // an update is made; epochs can be taken back
  const stop = STOPS[walked];
  if (stop.view === "update" && !attempt(() => training.update(1))) return;
  if (walked === 0) state.sample = training.order[training.at];
  Object.assign(state, stop, { walked, walking: stop.view !== "update" });
  refresh();
  say(`${find("caption").textContent} ${spell(stop)}`);
}

// Return the numbers of a stop in words, for who does not see the picture.
function spell({ view, reach }) {
  if (view === "update") {
    const { before, after } = training.last;
    const moves = after.map((x, p) => Math.abs(x - before[p]));
    const most = moves.indexOf(Math.max(...moves));
    return `${DATA.names[most]} moves furthest, from ${brief(before[most])} ${moved(before[most], after[most]).replace("→", "to")}.`;
  }
  const pass = passOf(state.sample, training.parameters);
  if (reach === sizes.length) return view === "forward" ? `It is ${brief(pass.loss)}.` : "";
  if (reach === 0) return `${features[0]} is ${brief(pass.inputs[0])}, ${features[1]} is ${brief(pass.inputs[1])}.`;
  const numbers = (view === "forward" ? pass.outputs : pass.gradients)[reach - 1].map(brief);
  return `${view === "forward" ? "Outputs" : "Gradients of its outputs"}: ${numbers.join("; ")}.`;
}

function stopWalking() {
  Object.assign(state, { walking: false, walked: -1, reach: state.view === "backward" ? 0 : Infinity });
}

// -------------------- what is shown --------------------

const standing = () => `Epoch ${training.epoch}: loss ${brief(known.loss)}, accuracy ${percent(known.accuracy)}.`;

function caption() {
  const { view, reach, walking, sample } = state;
  const who = `sample ${sample + 1} (${className(sample)})`;
  const { last } = training;
  const last_ = sizes.length - 1;
  if (view === "update") {
    const of = last ?? training.next();
    const samples = of.samples.length === 1 ? `sample ${of.samples[0] + 1}` : `${of.samples.length} samples`;
    const rule = `w − ${training.learningRate} × ∂L/∂w`;
    return last
      ? `Gradient descent has moved each weight, w → ${rule}, after ${samples}.`
      : `The next update will move each weight, w → ${rule}, after ${samples}.`;
  }
  if (view === "forward") {
    if (!walking) return `Forward pass of ${who}: numbers flow through the weighted connections, layer by layer.`;
    if (reach === 0) return `Forward pass: the features of ${who} come in.`;
    if (reach > last_) return `The loss says how far the output is from the target.`;
    return `Layer ${reach} takes the weighted sum of what comes in, adds its bias, and applies ${[...new Set(activations()[reach - 1])].join(", ")}.`;
  }
  if (!walking) return `Backward pass of ${who}: errors come back along the same connections; beneath each number its gradient.`;
  if (reach > last_) return "Backward pass: it begins at the loss, whose gradient is 1.";
  const back = reach === 1 ? "" : ", and errors go on, each times the weight, to the layer before";
  return `Layer ${reach}: each unit adds up what comes back to it; the weights into it get their gradients${back}.`;
}

// Draw all that has changed; while it plays, of the ground only a part.
function refresh(isPlaying = false) {
  known = training.judge();
  known.dead = deadUnits();
  renderNetwork();
  renderCourse();
  renderPoints();
  renderSpread();
  renderChosen();
  if (isPlaying) return;
  paint(Infinity);
  keep(remember);
}

function renderNetwork() {
  const { view } = state;
  if (view === "backward" && !state.walking) state.reach = 0;
  if (view === "forward" && !state.walking) state.reach = Infinity;
  const update = view === "update" ? (training.last ?? training.next()) : null;
  const at = update ? update.before : training.parameters;
  const pass = passOf(state.sample, at);
  picture.show({
    ...state,
    pass,
    loss: update ? update.loss : pass.loss,
    before: at,
    after: update?.after,
    picked: state.picked,
    dead: known.dead,
    activations: activations(),
    target: update ? `of ${plural(update.samples.length, "sample")}` : `target: ${className(state.sample)}`.slice(0, 26),
  });
  const words = caption();
  if (find("caption").textContent !== words) find("caption").textContent = words;
  for (const radio of document.querySelectorAll('input[name="view"]')) radio.checked = radio.value === view;
  find("back").disabled = state.walked < 1 || state.walked === STOPS.length - 1;
  if (find("signs").dataset.view !== view) renderSigns(view);
}

const sign = (...marks) => {
  const svg = draw("svg", { viewBox: "0 0 30 14", "aria-hidden": "true" });
  svg.append(...marks);
  return svg;
};
const stroke = (look) => draw("path", { d: "M0 7h30", class: `line ${look}`, "stroke-width": 2.5 });
const arrowSign = () => sign(draw("path", { d: "M28 7h-20", class: "flow return", "stroke-width": 2 }), draw("path", { d: "M0 7l10 -5v10z", class: "tip return" }));

function renderSigns(view) {
  const signs = find("signs");
  signs.dataset.view = view;
  const compact = !picture.written;
  const said = {
    forward: [[sign(stroke("up")), "weight above 0, the wider the larger"], [sign(stroke("down")), "weight below 0"], [null, `in a unit: its output${compact ? "" : "; beneath it the weighted sum"}`]],
    backward: [[arrowSign(), "what flows back, the wider the larger"], [null, compact ? "in a unit: ∂L/∂output" : "number above, ∂L/∂number below"], [sign(stroke("up")), "weight above 0"], [sign(stroke("down")), "below 0"]],
    update: [[sign(stroke("up")), "moves up, the wider the further"], [sign(stroke("down")), "moves down"], [null, "before → after; + or −: a change too small for that"]],
  }[view];
  if (compact) said.push([null, "a click on a connection writes its numbers"]);
  signs.replaceChildren(...said.map(([mark, words]) => element("li", "", ...(mark ? [mark] : []), words)));
}
