// The picture of a network: what flows along its connections, and how each weight moves.

function draw(tag, attributes = {}, ...content) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...content);
  return made;
}

const brief = (x) => typed(x, 2);
const SMALL = 10; // numbers beside connections and units
// Return where a number moves to; how far, if both would be written alike.
function moved(before, after) {
  const change = brief(after - before);
  if (brief(before) !== brief(after)) return `→ ${brief(after)}`;
  return after > before ? `+${change}` : change;
}

const direction = (x) => (x > 0 ? "up" : x < 0 ? "down" : "still");
const mix = ([a, b], [c, d], t) => [a + t * (c - a), b + t * (d - b)];
const line = (a, b) => `M${a.map((x) => x.toFixed(1))}L${b.map((x) => x.toFixed(1))}`;

// Return the lines of an arrow beside a connection, and its tip.
function arrow(from, to, width) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const along = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
  const [ox, oy] = [-along[1] * 4.5, along[0] * 4.5];
  const at = (t, by = 0) => [from[0] + along[0] * t + ox - along[1] * by, from[1] + along[1] * t + oy + along[0] * by];
  const half = 2.2 + width;
  const tip = [at(length - 4), at(length - 10 - width, half), at(length - 10 - width, -half)];
  return { shaft: line(at(3), at(length - 8 - width)), tip: `M${tip.map((p) => p.map((x) => x.toFixed(1))).join("L")}z` };
}

class NetworkPicture {
  constructor(svg, { sizes, at, radius, places, parameters, features, classNames, threshold }, pick) {
    Object.assign(this, { svg, sizes, at, radius, places, parameters });
    this.written = places.length > 0; // whether numbers stand on the connections
    this.last = sizes.length - 1;
    const height = Math.max(...sizes.map((n, k) => Math.abs(at[k][0][1])));
    const right = at[this.last][0][0];
    const width = right + (this.written ? 215 : 190);
    const top = height + (this.written ? 66 : 46);
    this.captions = sizes.map((_, k) => {
      const text = draw("text", { x: at[k][0][0], y: -top + 12, class: "faint" });
      svg.append(text);
      return text;
    });
    this.connections = parameters.map((place, p) => (place[1] < 0 ? null : this.connect(place, p, pick)));
    for (const part of ["group", "flows", "label"]) svg.append(...this.connections.filter(Boolean).map((c) => c[part]));
    this.loss = this.output(right + 130);
    this.inputs = features.map((name, i) => this.input(i, name));
    const left = Math.max(66, ...this.inputs.map(({ title }) => 30 + title.getComputedTextLength()));
    svg.setAttribute("viewBox", `${-left} ${-top} ${width + left} ${2 * top - 12}`);
    this.units = at.slice(1).map((column, k) => column.map((place, j) => this.unit(k + 1, j, place)));
    this.name(sizes[this.last] > 1 ? classNames : [`above ${threshold}: ${classNames[1]}`]);
  }

  text(x, y, look, size = 11, more = {}) {
    return draw("text", { x, y, class: look, "font-size": size, ...more });
  }

  connect([layer, i, j], p, pick) {
    const [from, to] = [this.at[layer - 1][i], this.at[layer][j]];
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    const [start, end] = [mix(from, to, (layer === 1 ? 17 : this.radius) / length), mix(to, from, this.radius / length)];
    const stroke = draw("path", { d: line(start, end), class: "line" });
    const group = draw("g", { class: "connection" }, draw("path", { d: line(start, end), class: "hit" }), stroke);
    group.addEventListener("click", () => pick(p));
    const [shaft, tip] = [draw("path", { class: "flow" }), draw("path", { class: "tip" })];
    const flows = draw("g", {}, shaft, tip);
    const [x, y] = mix(from, to, this.places[p] || 0.5);
    const goal = layer === 1 ? mix([x, y], end, this.written ? Math.min(0.6, 26 / Math.abs(end[0] - x)) : 0) : start; // to a weight, or to the unit before
    const plate = draw("rect", { class: "plate", rx: 2 });
    const texts = [this.text(x, 0, "data", SMALL), this.text(x, 0, "grad", SMALL)];
    return { layer, i, j, start, end, goal, group, stroke, flows, shaft, tip, x, y, plate, texts, label: draw("g", {}, plate, ...texts) };
  }

  input(i, name) {
    const [x, y] = this.at[0][i];
    const number = this.text(x, y + 4, "data bold");
    const short = name.length > 9 ? `${name.slice(0, 8)}…` : name;
    const box = draw("rect", { x: x - 21, y: y - 14, width: 42, height: 28, rx: 5, class: "input" });
    const title = this.text(x - 26, y + 4, "italic", 11, { "text-anchor": "end" });
    title.append(short);
    const group = draw("g", {}, box, number, title);
    this.svg.append(group);
    return { group, number, title };
  }

  unit(layer, j, [x, y]) {
    const [r, small] = [this.radius, !this.written];
    const numbers = small
      ? [this.text(x, y + r * 0.25, "data bold", Math.min(r * 0.72, 10))]
      : [this.text(x, y - 1.5, "data bold", 10.5), this.text(x, y + 10.5, "grad", 10.5)];
    const [cause, bias] = [this.text(x, y + r + 12, "faint cause", SMALL), this.text(x, y - r - 4, "", SMALL)];
    const plates = small ? [] : [y + r + 3, y - r - 13].map((top) => draw("rect", { x: x - 30, y: top, width: 60, height: 11, class: "plate" }));
    const group = draw("g", {}, ...plates, draw("circle", { cx: x, cy: y, r, class: "unit" }), ...numbers);
    if (!small) group.append(cause, bias);
    this.svg.append(group);
    return { group, numbers, cause, bias, small, x };
  }

  output(x) {
    const half = 26;
    const flows = this.at[this.last].map(([a, b]) => {
      const [start, end] = [[a + this.radius, b], [x - half, 0]];
      const { shaft, tip } = arrow(end, start, 1.2);
      const back = [draw("path", { d: shaft, class: "flow return", "stroke-width": 1.4 }), draw("path", { d: tip, class: "tip return" })];
      const flow = draw("g", {}, ...back);
      this.svg.append(draw("path", { d: line(start, end), class: "aside" }), flow);
      return flow;
    });
    const [number, gradient] = [this.text(x, -1, "data bold"), this.text(x, 12, "grad")];
    const [title, target] = [this.text(x, -23, "italic"), this.text(x, 32, "faint", 10)];
    title.append("loss");
    const group = draw("g", {}, draw("rect", { x: x - half, y: -17, width: 2 * half, height: 34, class: "box" }), number, gradient, title, target);
    this.svg.append(group);
    return { group, number, gradient, target, flows };
  }

  name(outputs) {
    outputs.forEach((name, j) => {
      const [x, y] = this.at[this.last][j];
      const text = this.text(x, y + this.radius + (this.written ? 25 : 12), "italic", 10);
      text.append(name.length > 24 ? `${name.slice(0, 23)}…` : name);
      this.svg.append(text);
    });
  }

  // Fill everything in. `reach` is the layer that a pass has come to: those beyond it are not known yet; layer 0 are the
  // inputs, and the loss comes after the last one.
  show({ view, reach, walking, pass, loss, before, after, picked, dead, bias, activations, target }) {
    const [isBack, isUpdate] = [view === "backward", view === "update"];
    const change = (p) => (isUpdate ? after[p] - before[p] : before[p]);
    const sizes = this.parameters.map(([, from], p) => (from < 0 ? 0 : Math.abs(change(p))));
    const largest = Math.max(...sizes.filter(Number.isFinite)) || 1;
    const flows = this.parameters.map(([layer, i, j], p) => {
      if (i < 0 || isUpdate) return 0;
      const other = isBack ? pass.sumGradients[layer - 1][j] : layer === 1 ? pass.inputs[i] : pass.outputs[layer - 2][i];
      return Math.abs(before[p] * other);
    });
    const strongest = Math.max(...flows) || 1;
    this.captions.forEach((text, k) => {
      const kinds = k ? [...new Set(activations[k - 1])].join(", ") : "";
      text.textContent = k ? `layer ${k} · ${kinds}` : "inputs";
    });
    this.connections.forEach((c, p) => {
      if (!c) return;
      const x = change(p);
      c.stroke.setAttribute("class", `line ${direction(x)}`);
      c.stroke.setAttribute("stroke-width", isBack ? 0.5 + Math.min(1, (1.5 * sizes[p]) / largest) : 0.5 + (3 * sizes[p]) / largest);
      c.group.setAttribute("class", p === picked ? "connection picked" : "connection");
      const isKnown = isBack ? c.layer >= reach : c.layer <= reach;
      const isMoving = walking && c.layer === reach;
      const hasFlow = (isBack && isKnown) || (view === "forward" && isMoving);
      c.flows.setAttribute("visibility", hasFlow && flows[p] > 0 ? "visible" : "hidden");
      if (hasFlow) {
        const width = 0.6 + (2.2 * flows[p]) / strongest;
        const { shaft, tip } = isBack ? arrow(c.end, c.goal, width) : arrow(c.start, c.end, width);
        c.shaft.setAttribute("d", shaft);
        c.tip.setAttribute("d", tip);
        c.shaft.setAttribute("stroke-width", width);
        c.shaft.setAttribute("class", `flow${isBack ? " return" : ""}${isMoving ? " moving" : ""}`);
        c.tip.setAttribute("class", `tip${isBack ? " return" : ""}`);
      }
      const isShown = this.written || p === picked;
      c.label.setAttribute("visibility", isShown ? "visible" : "hidden");
      if (!isShown) return;
      const words = [brief(before[p])];
      if (isBack) words.push(isKnown ? brief(pass.gradient[p]) : "–");
      if (isUpdate) words.push(moved(before[p], after[p]));
      this.write(c, words, isUpdate ? ["faint", x < 0 ? "negative" : "data"] : ["data", "grad"]);
    });
    this.inputs.forEach(({ group, number }, i) => {
      number.textContent = isUpdate ? "" : brief(pass.inputs[i]);
      group.setAttribute("class", walking && view === "forward" && reach === 0 ? "lit" : "");
    });
    this.units.forEach((column, k) =>
      column.forEach((unit, j) => {
        const layer = k + 1;
        const isKnown = view !== "forward" || layer <= reach;
        const isLit = walking && layer === reach;
        const isDead = dead.has(`${layer} ${j}`);
        unit.group.setAttribute("class", `${isLit ? "lit" : ""}${isDead ? " dead" : ""}`);
        const kind = activations[k][j];
        const out = isUpdate ? kind : isKnown ? brief(pass.outputs[k][j]) : "–";
        const gradient = layer >= reach ? brief(pass.gradients[k][j]) : "–";
        if (unit.small) {
          fit(unit.numbers[0], isBack ? gradient : out, 2 * this.radius - 4, Math.min(this.radius * 0.72, 10));
          unit.numbers[0].setAttribute("class", isUpdate ? "faint" : isBack ? "grad" : "data bold");
          return;
        }
        fit(unit.numbers[0], out, 36, isBack ? 10.5 : 11.5);
        unit.numbers[0].setAttribute("class", isUpdate ? "faint" : "data bold");
        unit.numbers[0].setAttribute("y", this.at[layer][j][1] + (isBack ? -1.5 : 4));
        fit(unit.numbers[1], isBack ? gradient : "", 36, 10.5);
        const sum = isKnown ? brief(pass.sums[k][j]) : "–";
        unit.cause.textContent = isDead ? "dead: always 0" : isUpdate ? "" : kind === "linear" ? "sum" : `${kind}(${sum})`;
        const p = this.parameters.findIndex(([l, from, to]) => l === layer && from < 0 && to === j);
        const number = brief(before[p]) + (isUpdate ? ` ${moved(before[p], after[p])}` : "");
        const spans = [draw("tspan", { class: "faint" }, "b "), draw("tspan", { class: "data" }, number)];
        if (isBack) spans.push(draw("tspan", { class: "grad" }, ` ${layer >= reach ? brief(pass.gradient[p]) : "–"}`));
        unit.bias.replaceChildren(...(bias ? spans : []));
      }),
    );
    const { group, number, gradient, target: wanted, flows: fromLoss } = this.loss;
    const isDone = view !== "forward" || reach > this.last;
    number.textContent = isDone ? brief(loss) : "–";
    number.setAttribute("y", isBack ? -1 : 4);
    gradient.textContent = isBack ? "1" : "";
    wanted.textContent = target;
    group.setAttribute("class", walking && reach > this.last ? "lit" : "");
    for (const flow of fromLoss) flow.setAttribute("visibility", isBack && reach <= this.last ? "visible" : "hidden");
  }

  write({ x, y, plate, texts }, words, looks) {
    const width = Math.max(...words.map((word) => word.length)) * 5.5 + 3;
    const height = 11 * words.length;
    for (const [name, value] of Object.entries({ x: x - width / 2, y: y - height / 2, width, height })) plate.setAttribute(name, value);
    texts.forEach((text, k) => {
      text.textContent = words[k] ?? "";
      text.setAttribute("y", y - height / 2 + 8.8 + 11 * k);
      text.setAttribute("class", looks[k]);
    });
  }
}

// Write a number so small that there is room for it.
function fit(text, written, room, size) {
  if (text.textContent === written) return;
  text.textContent = written;
  text.setAttribute("font-size", Math.min(size, room / Math.max(written.length * 0.56, 1)).toFixed(1));
}
