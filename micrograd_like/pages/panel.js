// What stands beside the picture: the chosen node, the numbers that a person changes, and what a mistake makes of them.

const ROWS = 16; // of numbers to change
const LISTED = 40; // nodes in a list

const code = (look, text) => element("span", `code ${look}`, text);

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
  const number = isKnown(v) ? typed(pass.data[v]) : NONE;
  const sum = isLeaf || !isKnown(v) ? number : `${filledIn(v)} = ${number}`;
  row("data", error ? code("failed", `undefined: ${error}`) : code("data", sum));
  if (!isConstant[v]) row("gradient", code("grad", typed(gradients[v])));
  const came = pass.steps
    .slice(0, Math.max(state.position - start, 0))
    .filter((step) => step.operand === v && step.position >= 0 && !Number.isNaN(step.contribution));
  if (came.length) {
    const items = came.map(({ node, upstream, local, contribution }) =>
      element("li", "code", nodeButton(node), `: ${typed(upstream)} × ${bracketed(local)} = ${typed(contribution)}`),
    );
    row(came.length > 1 ? "contributions" : "contribution", element("ul", "", ...items));
  }
  if (came.length > 1) {
    const added = came.map((step, k) => (k ? bracketed : typed)(step.contribution)).join(" + ");
    row("their sum", code("grad", `${added} = ${typed(came.at(-1).after)}`));
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
  const field = Object.assign(element("input"), { type: "text", maxLength: 40 });
  const slider = Object.assign(element("input"), { type: "range", min: -magnitude(v), max: magnitude(v), step: "any" });
  const nudge = element("button", "", "Nudge");
  const output = element("output", "code");
  field.setAttribute("aria-label", names[v]);
  slider.setAttribute("aria-label", `${names[v]}, slider`);
  nudge.setAttribute("aria-label", `Nudge ${names[v]} by 0.001`);
  nudge.title = `What becomes of ${names[root]} if ${names[v]} grows by 0.001?`;
  const change = (x) => {
    numbers[v] = x;
    rerun();
    const error = [...pass.errors][0];
    say(
      error
        ? `${names[error[0]]} is undefined: ${error[1]}.`
        : `${names[v]} is ${typed(x)}, ${names[root]} is ${typed(pass.data[root])}.`,
    );
  };
  field.addEventListener("change", () => {
    const read = readField(field, output);
    if (read !== undefined) change(read ? read.number : graph.leaves[v]);
  });
  slider.addEventListener("input", () => change(Number(Number(slider.value).toPrecision(3))));
  slider.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (!by) return;
    event.preventDefault();
    change(Number((numbers[v] + (by * magnitude(v)) / 100).toPrecision(12)));
  });
  for (const each of [slider, field]) each.addEventListener("dblclick", () => change(graph.leaves[v]));
  nudge.addEventListener("click", () => {
    const nudged = numbers.map((x, k) => (k === v ? x + 0.001 : x));
    const { data } = forwardPass(graph, nudged);
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
    if (document.activeElement !== field || field.getAttribute("aria-invalid") !== "true")
      field.value = `${numbers[v]}`;
    slider.max = Math.max(slider.max, Math.abs(numbers[v]));
    slider.min = -slider.max;
    slider.value = numbers[v];
    if (made[k].pass !== pass && field.getAttribute("aria-invalid") !== "true") output.textContent = "";
    made[k].pass = pass;
    made[k].classList.toggle("chosen", v === state.chosen);
  });
  const list = find("leaves");
  if (made.some((row, k) => list.children[k] !== row) || list.children.length !== made.length)
    list.replaceChildren(...made);
  find("numbers").hidden = !leaves.length;
  find("others").textContent =
    leaves.length > ROWS ? `These are ${ROWS} of ${leaves.length} numbers; a leaf that is chosen joins them.` : "";
  find("reset").hidden = leaves.every((v) => numbers[v] === graph.leaves[v]);
}

// -------------------- mistakes --------------------

const mistaken = () => names.map((_, v) => v).filter((v) => isMistaken(v)).reverse();
const UNCHANGED = "With these numbers it changes no gradient.";

function sayMistake() {
  const mistake = mistakes[state.mistake];
  const told = mistaken().slice(0, LISTED).map((v) => `${partial(v)} is ${defined(wrong[v])} instead of ${typed(pass.gradients[v])}.`);
  say(mistake ? [mistake.sentence, ...(told.length ? told : [UNCHANGED])].join(" ") : "All gradients are right.");
}

function renderMistake() {
  const mistake = mistakes[state.mistake];
  if (!mistake) return find("wrong").replaceChildren();
  const changed = mistaken();
  const rows = changed.map((v) => {
    const name = Object.assign(element("th", "code", nodeButton(v, partial(v))), { scope: "row" });
    const made = element("td", "code failed", `✗ ${defined(wrong[v])}`);
    return element("tr", "", name, made, element("td", "code grad", typed(pass.gradients[v])));
  });
  const head = ["gradient", "wrong", "right"].map((text) => Object.assign(element("th", "", text), { scope: "col" }));
  const table = element("table", "", element("thead", "", element("tr", "", ...head)), element("tbody", "", ...rows));
  const none = element("p", "", UNCHANGED);
  return find("wrong").replaceChildren(element("p", "", mistake.sentence), changed.length ? table : none);
}
