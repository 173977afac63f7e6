// The page of a network: it learns while one watches, stops, goes back, and changes what one likes.

const { sizes, parameters, features, classNames, rows, classes, threshold } = DATA;
const SHAPES = [
  (x, y) => `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z`,
  (x, y) => `M${x - 3.6} ${y - 3.6}h7.2v7.2h-7.2z`,
  (x, y) => `M${x} ${y - 4.8}l4.6 8h-9.2z`,
  (x, y) => `M${x} ${y - 5}l4.4 5l-4.4 5l-4.4 -5z`,
];
const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b7ab00", "#7f7f7f"];
const FRAME = 8; // milliseconds of a frame in which the network learns; the rest is for drawing
const PAINTING = 4; // and in which the ground is painted
const DRAWING = 120; // milliseconds from picture to picture: nobody reads numbers that change faster
const KEPT = 3000; // epochs that one can go back to
const SAID = 12000; // milliseconds between what is said while it plays
const [WIDTH, HEIGHT] = [340, 240];

const classed = (k) => (/^-?\d/.test(classNames[k]) ? `class ${classNames[k]}` : classNames[k]);

const training = new Training(DATA, DATA);
const picture = new NetworkPicture(find("network"), { ...DATA, classNames: classNames.map((_, k) => classed(k)) }, (p) => choose(p));
const state = { view: "forward", reach: Infinity, walking: false, walked: -1, sample: 0, parameter: 0, picked: -1, activation: "", init: "given", seed: 0, bias: DATA.biased };
let playing = 0; // the time at which the next update is due
let known; // loss, results, gradient and accuracy of all samples, with the parameters of now
let spoken = 0; // when something was said, and
let drawn = 0; // drawn, while it plays
let remembered = 0; // a timer
let row = 0; // of the ground that is painted next

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
  const sumGradients = layered(parameters.map(([, from], p) => (from < 0 ? gradient[p] : NaN)).filter((x) => !Number.isNaN(x)));
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
  spoken = drawn = playing;
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
  if (now - spoken > SAID) {
    spoken = now;
    say(standing());
  }
  requestAnimationFrame(frame);
}

// -------------------- one update, slowly --------------------

// What a walk stops at: each layer of the forward pass, the loss, each layer of the backward pass, the update.
const layersOf = sizes.map((_, k) => k);
const STOPS = [
  ...layersOf.map((reach) => ({ view: "forward", reach })),
  { view: "forward", reach: sizes.length },
  { view: "backward", reach: sizes.length },
  ...layersOf.slice(1).reverse().map((reach) => ({ view: "backward", reach })),
  { view: "update", reach: Infinity },
];

function walk(by) {
  pause();
  const next = state.walked + by;
  if (next < 0 || (by < 0 && state.walked === STOPS.length - 1)) return; // an update is made; epochs can be taken back
  if (next === 0 || next === STOPS.length) {
    state.walked = 0;
    state.sample = training.order[training.at];
  } else state.walked = next;
  const stop = STOPS[state.walked];
  Object.assign(state, stop, { walking: stop.view !== "update" });
  if (stop.view === "update" && !attempt(() => training.update(1))) return;
  refresh();
  say(`${find("caption").textContent} ${spell(stop)}`);
}

// Return the numbers of a stop in words, for who does not see the picture.
function spell({ view, reach }) {
  if (view === "update") {
    const { before, after } = training.last;
    const moves = after.map((x, p) => Math.abs(x - before[p]));
    const most = moves.indexOf(Math.max(...moves));
    return `${DATA.names[most]} moves furthest, from ${brief(before[most])} to ${brief(after[most])}.`;
  }
  const pass = passOf(state.sample, training.parameters);
  if (reach > layersOf.length - 1) return view === "forward" ? `It is ${brief(pass.loss)}.` : "";
  if (reach === 0) return `${features[0]} is ${brief(pass.inputs[0])}, ${features[1]} is ${brief(pass.inputs[1])}.`;
  const numbers = (view === "forward" ? pass.outputs : pass.gradients)[reach - 1].map(brief);
  return `${view === "forward" ? "Outputs" : "Gradients of its outputs"}: ${numbers.join("; ")}.`;
}

function stopWalking() {
  Object.assign(state, { walking: false, walked: -1, reach: state.view === "backward" ? 0 : Infinity });
}

// -------------------- what is shown --------------------

const say = (text) => (find("said").textContent = text.replaceAll("−", "minus "));
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
  remember();
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
    update: [[sign(stroke("up")), "moves up, the wider the further"], [sign(stroke("down")), "moves down"], [null, "before → after"]],
  }[view];
  if (compact) said.push([null, "a click on a connection writes its numbers"]);
  signs.replaceChildren(...said.map(([mark, words]) => element("li", "", ...(mark ? [mark] : []), words)));
}

// -------------------- samples and ground --------------------

const bounds = [0, 1].map((k) => {
  const column = rows.map((x) => x[k]);
  const [low, high] = [Math.min(...column), Math.max(...column)];
  const margin = 0.1 * (high - low) || 1;
  return [low - margin, high + margin];
});
const placeOf = ([x, y]) => [(WIDTH * (x - bounds[0][0])) / (bounds[0][1] - bounds[0][0]), HEIGHT * (1 - (y - bounds[1][0]) / (bounds[1][1] - bounds[1][0]))];
const places = rows.map(placeOf);
const look = (k) => `c${k % COLORS.length}`;
const points = rows.map((_, i) => draw("path", { d: SHAPES[classes[i] % SHAPES.length](...places[i]) }));
const ring = draw("circle", { r: 8.5, class: "ring" });
const rgb = COLORS.map((color) => [1, 3, 5].map((k) => parseInt(color.slice(k, k + 2), 16)));
const ground = find("ground");
const canvas = ground.getContext("2d");

// Return how sure the network is of its class: from 0 at the boundary to 1.
function surety(scores) {
  if (scores.length > 1) {
    const top = Math.max(...scores);
    const shares = DATA.probable ? scores.map((x) => Math.exp(x - top)) : [1];
    const share = DATA.probable ? 1 / shares.reduce((a, b) => a + b, 0) : 1;
    return Math.max(0, (share - 1 / scores.length) / (1 - 1 / scores.length));
  }
  const by = Math.abs(scores[0] - threshold);
  return DATA.probable ? 2 / (1 + Math.exp(-by)) - 1 : Math.min(1, by * (threshold ? 2 : 1));
}

// Paint some rows of the ground, as many as there is time for; what is not yet painted shows an earlier moment.
function paint(time = PAINTING) {
  const end = performance.now() + time;
  const n = ground.width;
  const image = canvas.createImageData(n, 1);
  for (let count = 0; count < ground.height && (!count || performance.now() < end); count++) {
    const y = bounds[1][1] - ((row + 0.5) * (bounds[1][1] - bounds[1][0])) / ground.height;
    const asked = Array.from({ length: n }, (_, k) => [bounds[0][0] + ((k + 0.5) * (bounds[0][1] - bounds[0][0])) / n, y]);
    let outputs;
    try {
      [outputs] = program().predict(asked, training.parameters);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return; // numbers that are too large far from the samples
    }
    outputs.forEach((out, k) => {
      const scores = [out].flat();
      const [r, g, b] = rgb[training.classOf(scores) % rgb.length];
      image.data.set([r, g, b, Math.round(255 * (0.1 + 0.45 * surety(scores)))], 4 * k);
    });
    canvas.putImageData(image, 0, row);
    row = (row + 1) % ground.height;
  }
}

function renderPoints() {
  known.right.forEach((right, i) => points[i].setAttribute("class", `point ${look(classes[i])}${right ? "" : " missed"}`));
  const { sample } = state;
  [ring.cx.baseVal.value, ring.cy.baseVal.value] = places[sample];
  const guess = classed(training.classOf(training.scores(known.results[sample])));
  const words = `${className(sample)}, seen as ${guess} ${SYMBOLS[known.right[sample] ? "right" : "wrong"]}; loss ${brief(known.results[sample][0])}`;
  find("guess").textContent = words;
  if (document.activeElement !== find("sample")) find("sample").value = sample + 1;
  find("points").setAttribute("aria-valuenow", sample + 1);
  find("points").setAttribute("aria-valuetext", `sample ${sample + 1}, ${words}`);
}

function chooseSample(i) {
  stopWalking();
  state.sample = Math.min(Math.max(i, 0), rows.length - 1);
  if (state.view === "update") state.view = "forward";
  refresh();
}

// Return the sample that is nearest in a direction, else the one chosen.
function neighbour(dx, dy) {
  const [x, y] = places[state.sample];
  let [best, least] = [state.sample, Infinity];
  places.forEach(([a, b], i) => {
    const along = (a - x) * dx + (b - y) * dy;
    const across = Math.abs((a - x) * dy) + Math.abs((b - y) * dx);
    if (along > 0 && along + 2 * across < least) [best, least] = [i, along + 2 * across];
  });
  return best;
}

// -------------------- loss, accuracy, layers --------------------

function renderCourse() {
  const { history: epochs, epoch } = training;
  const [left, right, top, low] = [34, 306, 8, 108];
  const largest = Math.max(...epochs.map(({ loss }) => loss)) || 1;
  const x = (k) => left + ((right - left) * k) / Math.max(epochs.length - 1, 1);
  const skip = Math.ceil(epochs.length / 400);
  const path = (from, to, y) => {
    const chosen = epochs.map((_, k) => k).filter((k) => k >= from && k <= to && (k % skip === 0 || k === to));
    return chosen.length ? `M${chosen.map((k) => `${x(k).toFixed(1)} ${y(epochs[k]).toFixed(1)}`).join("L")}` : "";
  };
  const [height, share] = [({ loss }) => low - ((low - top) * loss) / largest, ({ accuracy }) => low - (low - top) * accuracy];
  const text = (a, b, words, anchor, kind = "") => draw("text", { x: a, y: b, "text-anchor": anchor, class: kind }, words);
  const end = epochs.length - 1;
  find("curve").replaceChildren(
    draw("g", { class: "axis" }, draw("path", { d: `M${left} ${top}V${low}H${right}V${top}` }), text(left, low + 13, "0", "middle"), text(right, low + 13, `epoch ${end}`, "middle")),
    text(left - 4, top + 4, brief(largest), "end", "data"), text(left - 4, low, "0", "end", "data"),
    text(right + 3, top + 4, "100 %", "start", "grad"), text(right + 3, low, "0 %", "start", "grad"),
    draw("path", { d: `M100 ${low + 9}h22`, class: "loss" }), text(126, low + 13, "loss", "start", "data"), draw("path", { d: `M164 ${low + 9}h22`, class: "share" }), text(190, low + 13, "accuracy", "start", "grad"),
    draw("path", { d: path(0, epoch, height), class: "loss" }), draw("path", { d: path(0, epoch, share), class: "share" }),
    draw("path", { d: path(epoch, end, height), class: "loss later" }), draw("path", { d: path(epoch, end, share), class: "share later" }),
    draw("path", { d: `M${x(epoch).toFixed(1)} ${top}V${low}`, class: "here" }),
  );
  const slider = find("epochs");
  slider.max = end;
  slider.value = epoch;
  slider.setAttribute("aria-valuetext", `epoch ${epoch} of ${end}`);
  const part = training.at ? `, ${training.at} of ${rows.length} samples into the next` : "";
  find("standing").textContent = `Epoch ${epoch}${part}: loss ${brief(known.loss)}, accuracy ${percent(known.accuracy)}`;
}

const quantile = (sorted, q) => sorted[Math.round(q * (sorted.length - 1))];

function renderSpread() {
  const { dead } = known;
  find("spread").replaceChildren(...activations().map((names, k) => {
    const outputs = unitOutputs(known.results, k + 1).flat();
    const gradients = known.gradient.filter((_, p) => parameters[p][0] === k + 1 && parameters[p][1] >= 0);
    return element("tr", "", element("td", "", `${k + 1}`), outputCell(outputs, new Set(names)), gradientCell(gradients.map(Math.abs).sort((a, b) => a - b)));
  }));
  const named = [...dead].map((key) => key.split(" ")).map(([layer, j]) => `unit ${Number(j) + 1} of layer ${layer}`);
  const listed = named.length > 6 ? `${named.slice(0, 6).join(", ")} and ${named.length - 6} more` : named.join(", ");
  find("dead").textContent = named.length ? `Dead: ${listed}: 0 for all ${rows.length} samples, so no error flows back through.` : "";
}

function outputCell(numbers, kinds) {
  const largest = kinds.size === 1 && (kinds.has("tanh") || kinds.has("sigmoid")) ? 1 : Math.max(...numbers.map(Math.abs)) || 1;
  const [bins, left, right, low] = [21, 4, 176, 24];
  const counts = new Array(bins).fill(0);
  for (const x of numbers) counts[Math.min(bins - 1, Math.floor(((x / largest + 1) / 2) * bins))] += 1;
  const most = Math.max(...counts);
  const svg = draw("svg", { viewBox: "0 0 180 40", "aria-hidden": "true" });
  const width = (right - left) / bins;
  counts.forEach((n, b) => {
    const tall = (22 * n) / most;
    svg.append(draw("rect", { x: left + b * width, y: low - tall, width: width - 1, height: tall, class: "data" }));
  });
  svg.append(draw("path", { d: `M${left} ${low}H${right}`, class: "track" }));
  [[left, -largest, "start"], [(left + right) / 2, 0, "middle"], [right, largest, "end"]].forEach(([x, n, anchor]) => svg.append(draw("text", { x, y: 35, "text-anchor": anchor, class: "faint" }, brief(Number(n.toPrecision(2))))));
  const average = mean(numbers);
  const deviation = Math.sqrt(mean(numbers.map((x) => (x - average) ** 2)));
  const share = (test) => percent(mean(numbers.map((x) => Number(test(x)))));
  const words = [`mean ${brief(Number(average.toPrecision(2)))}, standard deviation ${brief(Number(deviation.toPrecision(2)))}`];
  if (kinds.has("relu")) words.push(`${share((x) => x === 0)} are 0`);
  if (kinds.has("tanh")) words.push(`${share((x) => Math.abs(x) > 0.97)} beyond ±0.97`);
  if (kinds.has("sigmoid")) words.push(`${share((x) => Math.abs(x - 0.5) > 0.47)} near 0 or 1`);
  return element("td", "", svg, words.join("; "));
}

// Sizes from 1e-8 to 100, each power of ten as far from the next: what vanishes goes to the left, what explodes to the right.
function gradientCell(sizes_) {
  const x = (n) => 4 + (172 * (Math.min(Math.max(Math.log10(n), -8), 2) + 8)) / 10;
  const svg = draw("svg", { viewBox: "0 0 180 40", "aria-hidden": "true" });
  svg.append(draw("path", { d: "M4 24H176M4 21v6M73 21v6M142 21v6M176 21v6", class: "track" }));
  for (const [at, words] of [[4, "1e−8"], [73, "1e−4"], [142, "1"], [176, "100"]]) svg.append(draw("text", { x: at, y: 36, "text-anchor": at === 4 ? "start" : at === 176 ? "end" : "middle", class: "faint" }, words));
  const [low, middle, high] = [0.1, 0.5, 0.9].map((q) => quantile(sizes_, q));
  const start = x(low);
  svg.append(draw("rect", { x: start, y: 9, width: Math.max(x(high) - start, 2), height: 11, class: "spread" }), draw("path", { d: `M${x(middle).toFixed(1)} 6V23`, class: "middle" }));
  const size = (n) => (n === 0 ? "0" : brief(Number(n.toPrecision(2))));
  const zero = sizes_.filter((n) => n === 0).length;
  const warning = middle === 0 ? "; half are 0" : middle < 1e-6 ? "; vanishing" : middle > 10 ? "; exploding" : zero ? `; ${zero} of ${sizes_.length} are 0` : "";
  return element("td", "", svg, `half below ${size(middle)}, largest ${size(sizes_.at(-1))}${warning}`);
}

// -------------------- one connection --------------------

function choose(p) {
  state.parameter = state.picked = p;
  renderNetwork();
  renderChosen();
  remember();
}

function renderChosen() {
  const p = state.parameter;
  const weight = find("weight");
  find("parameter").value = p;
  if (document.activeElement !== weight) {
    weight.value = Number(training.parameters[p].toPrecision(6));
    weight.removeAttribute("aria-invalid");
    find("wrong").textContent = "";
  }
  const fixed = !state.bias && parameters[p][1] < 0;
  weight.disabled = fixed;
  const g = known.gradient[p];
  const down = g > 0 ? "down" : "up";
  const name = DATA.names[p];
  find("facts").textContent = fixed
    ? "Biases are off: this one stays at 0."
    : `∂L/∂${name} = ${brief(g)}, the mean over all ${rows.length} samples${g ? `: gradient descent moves it ${down}, by ${training.learningRate} × ${brief(Math.abs(g))}` : ""}. Most of it comes from:`;
  const most = fixed ? [] : training.contributions(p).slice(0, 5).filter(({ amount }) => amount);
  find("contributions").replaceChildren(...most.map(({ sample, amount }) => {
    const button = element("button", "", `sample ${sample + 1}`);
    button.addEventListener("click", () => chooseSample(sample));
    return element("li", "", button, ` ${className(sample)}: contributes ${brief(amount)}`);
  }));
}

function typeWeight() {
  const written = find("weight").value.trim().replace("−", "-");
  const x = Number(written);
  const isNumber = written !== "" && Number.isFinite(x);
  find("weight").setAttribute("aria-invalid", String(!isNumber));
  find("wrong").textContent = isNumber ? "" : `'${written.slice(0, 20)}' is not a number: write one such as -0.5`;
  if (!isNumber) return;
  pause();
  stopWalking();
  const before = training.parameters[state.parameter];
  training.set(state.parameter, x);
  if (!attempt(() => training.judge())) training.set(state.parameter, before);
  if (state.view === "update") state.view = "forward";
  refresh();
  say(`${DATA.names[state.parameter]} is now ${x}. ${standing()}`);
}

// -------------------- settings --------------------

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
}

// Read a setting; what cannot be one is put back.
function setting(id, read, isFit) {
  find(id).addEventListener("change", () => {
    const x = Number(find(id).value);
    if (find(id).value.trim() !== "" && isFit(x)) read(x);
    show();
    refresh();
  });
}

function show() {
  find("lr").value = training.learningRate;
  find("size").value = training.batchSize;
  for (const id of ["activation", "init", "seed"]) find(id).value = state[id];
  find("bias").checked = state.bias;
}

function remember() {
  const { activation, init, seed, bias, view, sample, parameter } = state;
  const kept = new URLSearchParams({ activation, init, seed, bias: Number(bias), lr: training.learningRate, batch: training.batchSize, view, sample: sample + 1, parameter });
  clearTimeout(remembered); // browsers stop who changes the address hundreds of times
  remembered = setTimeout(() => {
    try {
      history.replaceState(null, "", `#${kept}`);
    } catch {
      // in a notebook's frame there is no address
    }
  }, 300);
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

// -------------------- the page --------------------

function setView(view) {
  pause();
  state.view = view;
  stopWalking();
  refresh();
}

const goTo = (epoch) => {
  pause();
  if (!training.history[epoch]) return;
  training.goTo(epoch);
  stopWalking();
  refresh();
  say(standing());
};
const sample = () => learn((t) => t.update(1), "One sample.");
const batch = () => learn((t) => t.update(), "One batch.");
const epoch = () => learn((t) => t.runEpoch(), "");

const KEYS = {
  " ": play, ArrowRight: () => walk(1), ArrowLeft: () => walk(-1), s: sample, b: batch, e: epoch, r: start,
  1: () => setView("forward"), 2: () => setView("backward"), 3: () => setView("update"),
  "[": () => goTo(training.epoch - 1), "]": () => goTo(training.epoch + 1), "?": () => find("keys").showModal(),
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || find("keys").open) return;
  if (event.target.closest("input, select, #points, #stage") && !(event.target.id === "stage" && !event.key.startsWith("Arrow"))) return;
  if (event.key === " " && event.target.closest("button")) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
find("points").addEventListener("keydown", (event) => {
  if (!ARROWS[event.key]) return;
  event.preventDefault();
  chooseSample(neighbour(...ARROWS[event.key]));
});
for (const [id, act] of Object.entries({ play, step: () => walk(1), back: () => walk(-1), one: sample, batch, epoch, restart: start, help: KEYS["?"] })) find(id).addEventListener("click", act);
for (const radio of document.querySelectorAll('input[name="view"]')) radio.addEventListener("change", () => setView(radio.value));
find("epochs").addEventListener("input", (event) => goTo(Number(event.target.value)));
find("sample").addEventListener("input", (event) => event.target.value && chooseSample(Math.round(Number(event.target.value)) - 1));
find("parameter").addEventListener("change", (event) => choose(Number(event.target.value)));
find("weight").addEventListener("change", typeWeight);
for (const id of ["activation", "init"]) find(id).addEventListener("change", (event) => ((state[id] = event.target.value), start()));
find("bias").addEventListener("change", (event) => ((state.bias = event.target.checked), start()));
setting("lr", (x) => (training.learningRate = x), (x) => x > 0 && Number.isFinite(x));
setting("size", (x) => (training.batchSize = x), (x) => Number.isInteger(x) && x >= 1 && x <= rows.length);
setting("seed", (x) => ((state.seed = x), start()), (x) => Number.isInteger(x) && x >= 0);

const option = (value, words) => {
  const made = element("option", "", words);
  made.value = value;
  return made;
};
find("activation").append(...choices.map((name) => option(name, name)));
find("init").append(option("given", "as given"), ...Object.entries(INITIALIZERS).map(([id, { name }]) => option(id, name)));
find("parameter").append(...DATA.names.map((name, p) => option(p, name)));
find("sample").max = rows.length;
find("size").max = rows.length;
find("points").setAttribute("aria-valuemax", rows.length);
points.forEach((point, i) => point.addEventListener("click", () => chooseSample(i)));
const dot = (k, kind) => draw("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, draw("path", { d: SHAPES[k % SHAPES.length](7, 7), class: kind }));
const axis = (x, y, words, anchor) => draw("text", { x, y, class: "faint", "text-anchor": anchor, "font-size": 10 }, words.slice(0, 30));
find("points").append(...points, ring, axis(WIDTH - 5, HEIGHT - 5, `${features[0]} →`, "end"), axis(5, 12, `↑ ${features[1]}`, "start"));
find("classes").append(
  ...classNames.map((name, k) => element("li", "", dot(k, look(k)), classed(k))),
  element("li", "", dot(0, "point c0 missed"), "hollow: wrong"),
  element("li", "", "ground: the class seen there, the stronger the surer"),
);
const view = recall();
show();
start();
if (view !== "forward") setView(view);
