// The page of a graph: where both passes stand, what a person changes, and what is shown and said of it.

const { graph, units, mistakes } = DATA;
const { names, operations, operands, isConstant } = graph;
const NONE = "–";
const ROWS = 16; // of numbers to change
const LISTED = 40; // nodes in a list

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
  wrong = !mistake
    ? null
    : mistake.wrong
      ? backwardPass(graph, data, new Map(Object.entries(mistake.wrong).map(([v, tree]) => [Number(v), tree]))).gradients
      : withoutOrder(graph, data);
}

// Return the gradients as far as the backward pass has come, NaN where it has not been.
function gradientsAt(position) {
  const found = names.map(() => NaN);
  pass.steps.slice(0, Math.max(position - start, 0)).forEach(({ operand, after }) => (found[operand] = after));
  return found;
}

const isKnown = (v) => !operands[v].length || rank.get(v) < state.position;
const differs = (x, y) => Math.abs(x - y) > 1e-9 * Math.max(1, Math.abs(x), Math.abs(y));

// Return the step that leads to a position: of the forward pass a node, of the backward pass an edge.
function stepAt(position) {
  if (position < 1) return null;
  return position <= start ? { pass: "forward", node: computed[position - 1] } : { pass: "backward", ...pass.steps[position - start - 1] };
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
  if (by > 0 && question()) return find("answer").focus();
  return goTo(next);
}

function goTo(position) {
  state.position = Math.min(Math.max(position, 0), total);
  if (state.position === total) pause();
  render();
  say(sentence());
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

// -------------------- what is said --------------------

const say = (text) => (find("said").textContent = text);
const spoken = (x) => (Number.isNaN(x) ? "not known" : show(x).replaceAll("-", "minus "));
const typed = (x) => (Number.isNaN(x) ? NONE : show(x).replace("-", "−"));
const bracketed = (x) => (x < 0 ? `(${typed(x)})` : typed(x));
const partial = (v) => `∂${graph.atoms[root]}/∂${graph.atoms[v]}`;
const localPartial = (v, x) => `∂${graph.atoms[v]}/∂${graph.atoms[x]}`;
const raised = (digits) => [...digits].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
const written = (formula) =>
  formula.replaceAll(" * ", " × ").replace(/\*\*(\d+)(?![\d.])/g, (_, n) => raised(n)).replaceAll("**", "^").replace(/(^|[\s(])-/g, "$1−");

// Return an operation with numbers in place of its operands.
function filledIn(v) {
  const xs = operands[v].map((x) => pass.data[x]);
  const slots = written(graph.slots[`${operations[v]} ${xs.length}`]);
  return slots.replace(/⟨\{(\d+)\}⟩/g, (_, i) => bracketed(xs[i])).replace(/\{(\d+)\}/g, (_, i) => typed(xs[i]));
}

function sentence() {
  const step = stepAt(state.position);
  const where = `Step ${state.position} of ${total}`;
  if (!step) return "The start: only the numbers of the leaves are known.";
  if (step.pass === "forward") {
    const error = pass.errors.get(step.node);
    const number = error ? `no number: ${error}` : spoken(pass.data[step.node]);
    return `${where}, forward pass: ${names[step.node]} is ${graph.equations[step.node]}, which is ${number}.`;
  }
  if (Number.isNaN(step.contribution)) return `${where}, backward pass: ${trouble(step)}`;
  if (step.position < 0) return `${where}: the backward pass begins at the output ${names[root]}, whose gradient is 1.`;
  const [node, operand] = [names[step.node], names[step.operand]];
  const product = `${spoken(step.upstream)} times ${spoken(step.local)}`;
  const before = step.before ? `was ${spoken(step.before)} and ` : "";
  return (
    `${where}, backward pass: ${operand} acts through ${node}. Upstream gradient times local derivative is ${product}, ` +
    `the contribution ${spoken(step.contribution)}. The gradient of ${operand} ${before}is now ${spoken(step.after)}.`
  );
}

function trouble(step) {
  if (Number.isNaN(pass.data[root])) return `${names[root]} has no number, so there are no gradients.`;
  if (Number.isNaN(step.upstream)) return `${names[step.node]} has no gradient to pass on.`;
  return `${names[step.node]} has no finite derivative with respect to ${names[step.operand]}.`;
}

// -------------------- the equation --------------------

function term(symbol, number, caption, look = "") {
  return element("span", `term ${look}${number.length > 24 ? " long" : ""}`, element("span", "symbol", symbol), element("span", "number", number), element("span", "caption", caption));
}

const shortened = (text) => (text.length > 120 ? `${text.slice(0, 80)} … ${text.slice(-30)}` : text);
const sign = (text) => term("", text, "", "sign");

function equation(step) {
  if (!step) {
    return [element("span", "begin", start ? "Go on to compute the first node." : "There is nothing to compute.")];
  }
  if (step.pass === "forward") {
    const v = step.node;
    const error = pass.errors.get(v);
    return [
      term(shortened(written(graph.equations[v])), shortened(filledIn(v)), operations[v], "data"),
      sign("="),
      term(names[v], error ? "undefined" : typed(pass.data[v]), error ?? "data", error ? "failed" : "data result"),
    ];
  }
  if (Number.isNaN(step.contribution)) return [element("span", "begin failed", trouble(step))];
  if (step.position < 0) return [term(partial(root), "1", "the output changes as much as itself", "grad result")];
  const { node, operand, position } = step;
  const formula = written(graph.formulas[node][position]);
  const local = localPartial(node, operand);
  const shown = [
    term(partial(node), typed(step.upstream), "upstream gradient", "grad"),
    sign("×"),
    term(formula === typed(step.local) ? local : `${local} = ${formula}`, bracketed(step.local), "local derivative", "data"),
    sign("="),
    term("", typed(step.contribution), "contribution", "grad result"),
  ];
  const sum = step.before ? `${typed(step.before)} + ${bracketed(step.contribution)} = ${typed(step.after)}` : typed(step.after);
  return [...shown, sign("→"), term(partial(operand), sum, step.before ? "gradient, the sum so far" : "gradient so far", "grad")];
}

// -------------------- predictions --------------------

// Return what is asked before the next step: how, and the answer; null if nothing is.
function question() {
  const next = state.predict && state.position < total ? stepAt(state.position + 1) : null;
  if (!next || next.position === -1) return null;
  const truth = next.pass === "forward" ? pass.data[next.node] : next.contribution;
  if (Number.isNaN(truth)) return null;
  const { node, operand } = next;
  const asked =
    next.pass === "forward"
      ? `${names[node]} = ${written(graph.equations[node])}`
      : `${partial(operand)} += ${partial(node)} × ${localPartial(node, operand)}`;
  return { next, truth, asked: `${asked} =` };
}

function verdict(status, text) {
  find("verdict").dataset.status = status;
  find("verdict").replaceChildren(...(text ? [element("span", "", SYMBOLS[status] ?? ""), ` ${text}`] : []));
  find("answer").setAttribute("aria-invalid", `${status === "unread"}`);
}

function answer() {
  const asked = question();
  let given;
  try {
    given = readAnswer(find("answer").value, new Map(names.map((name, v) => [name, isKnown(v) ? pass.data[v] : NaN])));
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    return verdict("unread", error.message);
  }
  if (!given) return verdict("missing", "Write a number, a fraction or an expression, such as -3/2.");
  if (given.isTooCoarse(asked.truth)) return verdict("too coarse", `${DATA.words["too coarse"]}: write more of them.`);
  const status = given.agrees(asked.truth) ? "right" : "wrong";
  state.asked += 1;
  state.right += status === "right";
  const score = `${state.right} of ${state.asked} right.`;
  const text = status === "right" ? `${DATA.words.right}. ${score}` : `${DATA.words.wrong}: ${correct(asked, given.number)}. ${score}`;
  return done(status, text);
}

function done(status, text) {
  find("answer").value = "";
  goTo(state.position + 1);
  verdict(status, text);
  if (question()) find("answer").focus();
  else find("next").focus();
}

// Return what is right, and what was answered instead, where that can be told.
function correct({ next, truth }, given) {
  if (next.pass === "forward") return `it is ${filledIn(next.node)} = ${typed(truth)}`;
  const { rule, mistaken } = DATA.answers;
  const found = Object.keys(mistaken).find((which) => {
    const number = which === "negative" ? -truth : next[which];
    return number !== truth && Math.abs(given - number) <= Math.abs(number) / 200;
  });
  return `${written(rule)}, ${typed(truth)}${found ? `; yours is ${mistaken[found]}` : ""}`;
}

// -------------------- showing --------------------

const view = () => views[state.view];

function render(isNew = false) {
  const gradients = gradientsAt(state.position);
  const isWrong = (v) => wrong !== null && !Number.isNaN(gradients[v]) && differs(wrong[v], gradients[v]);
  const shown = gradients.map((x, v) => (isWrong(v) ? wrong[v] : x));
  view().write(pass.data.map((x, v) => (isKnown(v) ? x : NaN)), shown, pass.errors, isWrong);
  const step = stepAt(state.position);
  const lit = step ? groupsOf(step) : [];
  view().light(lit, step?.pass);
  renderEdges();
  view().follow(lit, isNew);

  find("where").replaceChildren(
    step ? `Step ${state.position} of ${total}` : `Start of ${total} steps`,
    step ? ` · ${step.pass} pass` : "",
  );
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
  remember();
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
  view().wired ??= pass.steps.map(({ node, position }) => (position < 0 ? [] : view().wires(operands[node], node, position)));
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

function nodeButton(v, text = names[v]) {
  const button = element("button", "link code", text);
  button.addEventListener("click", () => choose(v));
  return button;
}

function listed(nodes) {
  const shown = nodes.slice(0, LISTED).map((v) => nodeButton(v));
  return nodes.length > LISTED ? [...shown, ` and ${nodes.length - LISTED} more`] : shown;
}

function renderPanel(gradients) {
  const v = state.chosen;
  if (v < 0) {
    const hint = "Click on a node, or press ↓, to see its rule, its numbers and every contribution to its gradient.";
    return find("panel").replaceChildren(element("p", "hint", hint));
  }
  const rows = [];
  const row = (name, ...content) => rows.push(element("dt", "", name), element("dd", "", ...content));
  const isLeaf = !operands[v].length;
  row("kind", operations[v]);
  if (!isLeaf) row("rule", element("span", "code", written(`${names[v]} = ${graph.equations[v]}`)));
  const error = isKnown(v) && pass.errors.get(v);
  const sum = isLeaf || !isKnown(v) || error ? "" : `${filledIn(v)} = `;
  row("data", element("span", error ? "code failed" : "code data", error ? `undefined: ${error}` : `${sum}${isKnown(v) ? typed(pass.data[v]) : NONE}`));
  if (!isConstant[v]) row("gradient", element("span", "code grad", typed(gradients[v])));
  const came = pass.steps.filter((step, k) => step.operand === v && start + k < state.position && step.position >= 0 && !Number.isNaN(step.contribution));
  if (came.length) {
    const items = came.map((step) => element("li", "code", nodeButton(step.node), `: ${typed(step.upstream)} × ${bracketed(step.local)} = ${typed(step.contribution)}`));
    row(came.length > 1 ? "contributions" : "contribution", element("ul", "", ...items));
    if (came.length > 1) row("their sum", element("span", "code grad", `${came.map((s, k) => (k ? bracketed : typed)(s.contribution)).join(" + ")} = ${typed(came.at(-1).after)}`));
  }
  if (!isLeaf) row("operands", ...listed(operands[v]));
  if (users[v].length) row("used by", ...listed(users[v]));
  if (graph.sources[v]) row("where", element("span", "code", graph.sources[v]));
  const box = view().boxes[v];
  if (view().outputs[box]) {
    const finer = element("button", "", "Show its nodes");
    finer.addEventListener("click", () => expand(box));
    row(view().titles[box], ...listed(view().inside.get(box)), ...(state.view ? [finer] : []));
  }
  return find("panel").replaceChildren(element("h2", "code", names[v]), element("dl", "", ...rows));
}

// -------------------- numbers that a person changes --------------------

const rows = new Map(); // the row of each leaf that has been shown

function magnitude(v) {
  const size = Math.abs(graph.leaves[v]);
  return size ? 2 * size : 2;
}

function leafRow(v) {
  if (rows.has(v)) return rows.get(v);
  const [field, slider, nudge, output] = [element("input"), element("input"), element("button", "", "Nudge"), element("output", "code")];
  field.type = "text";
  field.inputMode = "decimal";
  field.maxLength = 40;
  field.setAttribute("aria-label", names[v]);
  Object.assign(slider, { type: "range", min: -magnitude(v), max: magnitude(v), step: "any" });
  slider.setAttribute("aria-label", `${names[v]}, slider`);
  nudge.title = `What becomes of ${names[root]} if ${names[v]} grows by 0.001?`;
  nudge.setAttribute("aria-label", `Nudge ${names[v]} by 0.001`);
  const change = (x) => {
    numbers[v] = x;
    run();
    render();
    const error = [...pass.errors][0];
    say(error ? `${names[error[0]]} is undefined: ${error[1]}.` : `${names[v]} is ${spoken(x)}, ${names[root]} is ${spoken(pass.data[root])}.`);
  };
  field.addEventListener("change", () => {
    try {
      const read = readAnswer(field.value);
      field.setAttribute("aria-invalid", "false");
      output.textContent = "";
      change(read ? read.number : graph.leaves[v]);
    } catch (error) {
      if (!(error instanceof Unread)) throw error;
      field.setAttribute("aria-invalid", "true");
      output.textContent = error.message;
    }
  });
  slider.addEventListener("input", () => change(Number(Number(slider.value).toPrecision(3))));
  slider.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (!by) return;
    event.preventDefault();
    change(Number((numbers[v] + (by * magnitude(v)) / 100).toPrecision(12)));
  });
  slider.addEventListener("dblclick", () => change(graph.leaves[v]));
  field.addEventListener("dblclick", () => change(graph.leaves[v]));
  nudge.addEventListener("click", () => {
    const { data } = forwardPass(graph, numbers.map((x, k) => (k === v ? x + 0.001 : x)));
    const gradient = gradientsAt(state.position)[v];
    const product = Number.isNaN(gradient) ? `${NONE}, the pass has not been here` : typed(gradient * 0.001);
    output.textContent = `Δ${names[root]} = ${typed(data[root] - pass.data[root])} · gradient × 0.001 = ${product}`;
  });
  const row = element("div", "leaf", element("span", "code name", names[v]), field, slider, nudge, output);
  rows.set(v, Object.assign(row, { field, slider, output }));
  return row;
}

function renderLeaves() {
  const isFar = leaves.indexOf(state.chosen) >= ROWS; // then it stands first
  const shown = [...(isFar ? [state.chosen] : []), ...leaves.slice(0, ROWS)];
  const made = shown.map(leafRow);
  shown.forEach((v, k) => {
    const { field, slider, output } = made[k];
    if (document.activeElement !== field || field.getAttribute("aria-invalid") !== "true") field.value = `${numbers[v]}`;
    slider.max = Math.max(slider.max, Math.abs(numbers[v]));
    slider.min = -slider.max;
    slider.value = numbers[v];
    if (made[k].pass !== pass && field.getAttribute("aria-invalid") !== "true") output.textContent = "";
    made[k].pass = pass;
    made[k].classList.toggle("chosen", v === state.chosen);
  });
  const list = find("leaves");
  if (made.some((row, k) => list.children[k] !== row) || list.children.length !== made.length) list.replaceChildren(...made);
  find("numbers").hidden = !leaves.length;
  find("others").textContent = leaves.length > ROWS ? `These are ${ROWS} of ${leaves.length} numbers; a leaf that is chosen joins them.` : "";
  find("reset").hidden = leaves.every((v) => numbers[v] === graph.leaves[v]);
}

// -------------------- mistakes --------------------

function renderMistake() {
  const mistake = mistakes[state.mistake];
  if (!mistake) return find("wrong").replaceChildren();
  const changed = names.map((_, v) => v).filter((v) => !isConstant[v] && differs(wrong[v], pass.gradients[v])).reverse();
  const cell = (tag, text, look = "") => element(tag, look, text);
  const rows = changed.map((v) => {
    const name = element("th", "code", nodeButton(v, partial(v)));
    name.scope = "row";
    return element("tr", "", name, cell("td", `✗ ${typed(wrong[v])}`, "code failed"), cell("td", typed(pass.gradients[v]), "code grad"));
  });
  const head = ["gradient", "wrong", "right"].map((text) => Object.assign(cell("th", text), { scope: "col" }));
  const table = element("table", "", element("thead", "", element("tr", "", ...head)), element("tbody", "", ...rows));
  const none = element("p", "", "With these numbers it changes no gradient.");
  return find("wrong").replaceChildren(element("p", "", mistake.sentence), changed.length ? table : none);
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
  const data = isKnown(v) ? spoken(pass.data[v]) : "not computed yet";
  const gradient = isConstant[v] ? "" : `, gradient ${spoken(gradientsAt(state.position)[v])}`;
  return `${names[v]}, ${operations[v]}, data ${data}${gradient}`;
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
  const next = { user: users[v][0], operand: operands[v][0], sibling: siblings[(siblings.indexOf(v) + 1) % siblings.length] }[to];
  return next === undefined ? say(to === "user" ? "This is the output." : "This is a leaf.") : choose(next, true);
}

// -------------------- the address: #step=7&a=2.5 --------------------

let remembering = 0;

function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const kept = new URLSearchParams({ step: state.position, unit: state.unit, view: view().depth });
    if (state.chosen >= 0) kept.set("node", state.chosen);
    if (state.predict) kept.set("predict", 1);
    if (state.mistake >= 0) kept.set("mistake", mistakes[state.mistake].id);
    for (const v of leaves) if (numbers[v] !== graph.leaves[v]) kept.set(`x${v}`, numbers[v]);
    try {
      history.replaceState(null, "", `#${kept}`);
    } catch {
      // in a notebook's frame there is no address
    }
  }, 300);
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  for (const v of leaves) {
    const x = Number(kept.get(`x${v}`) ?? NaN);
    numbers[v] = Number.isFinite(x) ? x : graph.leaves[v];
  }
  state.unit = kept.get("unit") in units ? kept.get("unit") : "edge";
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

// -------------------- what a person does --------------------

const on = (id, event, does) => find(id).addEventListener(event, does);

for (const unit of ["edge", ...Object.keys(units)]) find("unit").append(new Option(unit));
views.forEach(({ depth, titles }, k) => find("view").append(new Option(Object.keys(titles).length ? `a box for each ${depth}` : "every node", k)));
mistakes.forEach(({ name }, k) => find("mistake").append(new Option(name, k)));
find("views").hidden = views.length < 2;
find("mistakes").hidden = !mistakes.length;
find("passes").append(new Option("the backward pass", start));
find("names").append(...[...new Set(names)].map((name) => new Option(name, name)));

on("next", "click", () => move(1));
on("back", "click", () => move(-1));
on("start", "click", () => goTo(0));
on("end", "click", () => goTo(total));
on("play", "click", play);
on("speed", "change", () => playing && (pause(), play()));
on("slider", "input", () => goTo(Number(find("slider").value)));
on("unit", "change", () => ((state.unit = find("unit").value), render()));
on("view", "change", () => setView(Number(find("view").value)));
on("predict", "change", () => {
  state.predict = find("predict").checked;
  if (state.predict) Object.assign(state, { unit: "edge", asked: 0, right: 0 });
  find("unit").value = state.unit;
  pause();
  render();
  if (question()) find("answer").focus();
});
on("question", "submit", (event) => (event.preventDefault(), answer()));
on("reveal", "click", () => done("missing", `It is ${typed(question().truth)}.`));
on("mistake", "change", () => {
  state.mistake = find("mistake").value === "" ? -1 : Number(find("mistake").value);
  run();
  render();
});
on("reset", "click", () => {
  for (const v of leaves) numbers[v] = graph.leaves[v];
  run();
  render();
});
on("fit", "click", () => view().fit());
on("larger", "click", () => view().zoom(1.3));
on("smaller", "click", () => view().zoom(1 / 1.3));
on("help", "click", () => find("keys").showModal());
on("search", "change", () => {
  const wanted = find("search").value.trim().replace("->", "→");
  const v = names.indexOf(wanted);
  if (v >= 0) choose(v);
  else if (wanted) say(`No node is named ${wanted}.`);
  find("search").setAttribute("aria-invalid", `${v < 0 && wanted !== ""}`);
});

const KEYS = {
  ArrowRight: () => move(1),
  ArrowLeft: () => move(-1),
  Home: () => goTo(0),
  End: () => goTo(total),
  " ": () => state.predict || play(),
  ArrowUp: () => walk("user"),
  ArrowDown: () => walk("operand"),
  s: () => walk("sibling"),
  g: () => {
    const step = stepAt(state.position);
    if (step) choose(step.operand ?? step.node, true);
  },
  "/": () => find("search").focus(),
  "+": () => view().zoom(1.3),
  "-": () => view().zoom(1 / 1.3),
  f: () => view().fit(),
  v: () => setView((state.view + 1) % views.length),
  p: () => find("predict").click(),
  "?": () => find("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  const isTaken = target.closest("input:not([type=checkbox]), select, dialog") || (key === " " && target.closest("button, input"));
  if (isTaken || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  KEYS[key]();
});

// A click chooses a node, a second one opens a box; dragging moves the picture.
let dragged = null;
on("stage", "pointerdown", (event) => (dragged = { x: event.clientX, y: event.clientY, far: 0 }));
window.addEventListener("pointermove", (event) => {
  if (!dragged || !event.buttons) return;
  const [dx, dy] = [event.clientX - dragged.x, event.clientY - dragged.y];
  dragged = { x: event.clientX, y: event.clientY, far: dragged.far + Math.abs(dx) + Math.abs(dy) };
  view().pan(dx, dy);
});
on("stage", "click", (event) => {
  const group = event.target.closest("[data-chosen]");
  if (group && (dragged?.far ?? 0) < 6) choose(Number(group.dataset.chosen), true);
});
on("stage", "dblclick", (event) => {
  const box = event.target.closest("[data-node]")?.dataset.node;
  if (state.view && view().outputs[box]) expand(box);
});
find("stage").addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return; // a pinch, or a wheel with Ctrl; else the page scrolls
  event.preventDefault();
  view().zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
}, { passive: false });
for (const { frame } of views) {
  frame.addEventListener("focusin", (event) => {
    const v = Number(event.target.closest("[data-chosen]")?.dataset.chosen ?? -1);
    if (v >= 0 && v !== state.chosen) choose(v);
  });
}
window.addEventListener("hashchange", recall);
new ResizeObserver(() => view().follow(view().lit, true)).observe(find("stage"));
recall();
