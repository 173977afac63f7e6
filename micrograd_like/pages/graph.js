// The page of a graph: where both passes stand, and what follows from that in the picture.

const { graph, units, mistakes } = DATA;
const { names, operations, operands, isConstant } = graph;

const root = names.length - 1;
const computed = names.map((_, v) => v).filter((v) => operands[v].length);
const leaves = ["input", "parameter"].flatMap((kind) => names.map((_, v) => v).filter((v) => operations[v] === kind));
const rank = new Map(computed.map((v, k) => [v, k])); // in the forward pass
const start = computed.length; // the position at which the backward pass begins
const users = names.map(() => []);
operands.forEach((xs, v) => xs.forEach((x) => users[x].at(-1) === v || users[x].push(v)));

const views = [...document.querySelectorAll(".view")].map((frame, k) => new View(frame, DATA.views[k]));
const numbers = [...graph.leaves]; // those of the leaves, as they are now
const state = { position: 0, unit: "edge", view: 0, chosen: -1, predict: false, mistake: -1, asked: 0, right: 0 };
let pass; // what the engine computed
let wrong = null; // the gradients that a mistake makes
let total = 0;
let playing = 0; // a timer

// -------------------- computing --------------------

function run() {
  const { data, errors } = forwardPass(graph, numbers);
  pass = { data, errors, ...backwardPass(graph, data) };
  total = start + pass.steps.length;
  const mistake = mistakes[state.mistake];
  const formulas = mistake?.wrong && new Map(Object.entries(mistake.wrong).map(([v, tree]) => [Number(v), tree]));
  wrong = mistake ? (formulas ? backwardPass(graph, data, formulas).gradients : withoutOrder(graph, data)) : null;
}

const rerun = () => (run(), render());

// Return the gradients as far as the backward pass has come, NaN where it has not been.
function gradientsAt(position) {
  const found = names.map(() => NaN);
  pass.steps.slice(0, Math.max(position - start, 0)).forEach(({ operand, after }) => (found[operand] = after));
  return found;
}

const isKnown = (v) => !operands[v].length || rank.get(v) < state.position;
const differs = (x, y) => !(Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(x), Math.abs(y)));

// Tell whether a mistake changes the gradient of a node, of those that are there once all their contributions are.
const isMistaken = (v, gradients = pass.gradients) =>
  wrong !== null && !isConstant[v] && gradients[v] === pass.gradients[v] && differs(wrong[v], gradients[v]);

// Return the step that leads to a position: of the forward pass a node, of the backward pass an edge.
function stepAt(position) {
  if (position < 1) return null;
  return position <= start
    ? { pass: "forward", node: computed[position - 1] }
    : { pass: "backward", ...pass.steps[position - start - 1] };
}

// Return the positions at which a unit ends.
function stops() {
  const part = units[state.unit];
  if (stops.unit === state.unit) return stops.found;
  const key = (position) => {
    const step = stepAt(position);
    return !part ? position : step.position === -1 ? "seed" : `${step.pass} ${part[step.node]}`;
  };
  const all = Array.from({ length: total }, (_, k) => k + 1);
  stops.unit = state.unit; // whatever the numbers are
  stops.found = [0, ...all.filter((k) => k === total || key(k) !== key(k + 1))];
  return stops.found;
}

// -------------------- moving --------------------

function move(by) {
  const all = stops();
  const next = by > 0 ? all.find((k) => k > state.position) : all.findLast((k) => k < state.position);
  if (next === undefined) return pause();
  if (by < 0 || !question()) goTo(next);
  if (by > 0 && question()) find("answer").focus();
  return undefined;
}

function goTo(position) {
  state.position = Math.min(Math.max(position, 0), total);
  if (state.position === total) pause();
  render();
  say([sentence(), question()?.asked].filter(Boolean).join(" "));
}

function play() {
  if (playing) return pause();
  if (state.position === total) goTo(0);
  playing = setInterval(() => move(1), 1000 / Number(find("speed").value));
  find("play").textContent = "Pause";
  return undefined;
}

function pause() {
  clearInterval(playing);
  playing = 0;
  find("play").textContent = "Play";
}

// -------------------- showing --------------------

const view = () => views[state.view];

function render(isNew = false) {
  const gradients = gradientsAt(state.position);
  const isWrong = (v) => isMistaken(v, gradients);
  const shown = gradients.map((x, v) => (isWrong(v) ? wrong[v] : x));
  view().write(
    pass.data.map((x, v) => (isKnown(v) ? x : NaN)),
    shown,
    (v) => isKnown(v) && pass.errors.has(v),
    isWrong,
  );
  const step = stepAt(state.position);
  const lit = step ? groupsOf(step) : [];
  view().light(lit, step?.pass);
  renderEdges();
  view().follow(lit, isNew);

  const where = step ? `Step ${state.position} of ${total} · ${step.pass} pass` : `Start of ${total} steps`;
  find("where").textContent = where;
  find("equation").replaceChildren(...equation(step));
  const asked = question();
  find("question").hidden = !asked;
  find("asked").textContent = asked?.asked ?? "";
  verdict("", state.predict && state.asked ? `${state.right} of ${state.asked} right.` : "");
  const slider = find("slider");
  slider.max = total;
  slider.value = state.position;
  slider.setAttribute("aria-valuetext", `step ${state.position} of ${total}${step ? `, ${step.pass} pass` : ""}`);
  find("back").disabled = find("start").disabled = state.position === 0;
  find("next").disabled = find("end").disabled = state.position === total;
  find("play").disabled = find("unit").disabled = state.predict;
  renderChosen();
  renderPanel(gradients);
  renderLeaves();
  renderMistake();
  keep(remember);
}

// Return what is lit in the picture for a step.
function groupsOf({ pass: which, node, position, operand }) {
  const places = which === "forward" ? operands[node].map((_, i) => i) : position < 0 ? [] : [position];
  const wires = places.flatMap((i) => view().wires(operands[node], node, i));
  const own = view().nodes.get(view().boxes[which === "forward" ? node : operand]);
  return [own, ...(wires.length ? view().origin(node) : []), ...wires].filter(Boolean).map(({ group }) => group);
}

// Write the local derivatives beside the edges, and mark those that the pass has been through.
function renderEdges() {
  const wires = ({ node, position }) => (position < 0 ? [] : view().wires(operands[node], node, position));
  view().wired ??= pass.steps.map(wires);
  pass.steps.forEach(({ node, local, contribution }, k) => {
    const isDone = start + k < state.position && !Number.isNaN(contribution);
    const number = isKnown(node) && (isDone || !state.predict) ? local : null;
    for (const wire of view().wired[k]) {
      if (wire.isDone !== isDone) wire.group.classList.toggle("done", isDone);
      if (wire.label && !Object.is(wire.number, number)) fillIn(wire.label, number === null ? "" : typed(number));
      Object.assign(wire, { isDone, number });
    }
  });
}

// -------------------- nodes and views --------------------

function choose(v, isFocused = false) {
  state.chosen = v;
  render();
  const box = view().nodes.get(view().boxes[v])?.group;
  if (!box) return;
  view().follow([box]);
  if (isFocused) box.focus({ preventScroll: true });
}

// Mark the chosen box, which says more of itself, and is the one to which Tab goes.
function renderChosen() {
  const { nodes, boxes, titles, marked } = view();
  const chosen = nodes.get(boxes[state.chosen])?.group;
  for (const group of [marked, chosen ?? nodes.get(boxes[root]).group]) {
    if (!group) continue;
    group.setAttribute("aria-pressed", `${group === chosen}`);
    group.setAttribute("tabindex", group === marked ? "-1" : "0");
    group.classList.toggle("chosen", group === chosen);
    group.removeAttribute("aria-label");
    view().marked = group;
  }
  view().marked.setAttribute("tabindex", "0");
  chosen?.setAttribute("aria-label", [titles[boxes[state.chosen]], described(state.chosen)].filter(Boolean).join(": "));
}

function described(v) {
  const data = isKnown(v) ? typed(pass.data[v]) : "not computed yet";
  const gradients = gradientsAt(state.position);
  const right = isConstant[v] ? "" : `, gradient ${typed(gradients[v])}`;
  const gradient = isMistaken(v, gradients) ? `${right}, with the mistake ${defined(wrong[v])}` : right;
  const kind = operands[v].length ? written(graph.equations[v]) : operations[v];
  return spoken(`${names[v]}, ${kind}, data ${data}${gradient}`);
}

function expand(box) {
  const inside = view().inside.get(box);
  setView(state.view - 1);
  const groups = [...new Set(inside.map((v) => view().nodes.get(view().boxes[v])?.group))].filter(Boolean);
  if (groups.length) view().fit(around(groups));
}

function setView(k) {
  state.view = k;
  views.forEach(({ frame }, i) => (frame.hidden = i !== k));
  find("view").value = k;
  render(true);
  if (state.chosen >= 0) choose(state.chosen);
}

// Go from the chosen node to one that uses it, to an operand, or to the next operand of the same node.
function walk(to) {
  const v = state.chosen;
  if (v < 0) return choose(root, true);
  const siblings = users[v].length ? [...new Set(operands[users[v][0]])] : [v];
  const next = {
    user: users[v][0],
    operand: operands[v][0],
    sibling: siblings[(siblings.indexOf(v) + 1) % siblings.length],
  }[to];
  return next === undefined ? say(to === "user" ? "This is the output." : "This is a leaf.") : choose(next, true);
}

// -------------------- the address: #step=7&a=2.5 --------------------

function remember() {
  const kept = { step: state.position, unit: state.unit, view: view().depth };
  if (state.chosen >= 0) kept.node = state.chosen;
  if (state.predict) kept.predict = 1;
  if (state.mistake >= 0) kept.mistake = mistakes[state.mistake].id;
  for (const v of leaves) if (numbers[v] !== graph.leaves[v]) kept[`x${v}`] = numbers[v];
  return kept;
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  for (const v of leaves) {
    const x = Number(kept.get(`x${v}`) ?? NaN);
    numbers[v] = Number.isFinite(x) ? x : graph.leaves[v];
  }
  state.unit = Object.hasOwn(units, kept.get("unit")) ? kept.get("unit") : "edge";
  state.predict = kept.has("predict");
  state.mistake = mistakes.findIndex(({ id }) => id === kept.get("mistake"));
  const node = Number(kept.get("node") ?? -1);
  state.chosen = names[node] === undefined ? -1 : node;
  run();
  const step = Number(kept.get("step") ?? start + DATA.position);
  state.position = Number.isInteger(step) ? Math.min(Math.max(step, 0), total) : start;
  find("unit").value = state.unit;
  find("predict").checked = state.predict;
  find("mistake").value = state.mistake < 0 ? "" : state.mistake;
  const asked = views.findIndex(({ depth }) => depth === kept.get("view"));
  setView(asked < 0 ? DATA.shown : asked);
}
