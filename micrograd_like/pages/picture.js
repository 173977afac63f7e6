// The pictures of a graph: what stands in their boxes and on their edges, which are lit, and what part is looked at.

const LARGEST_SCALE = 2.4; // of a small picture; text is 11 high at 1
const LEAST_SCALE = 0.6; // below which a picture is not shown whole at first
const LONGEST = 8; // characters for which a box has room

class View {
  constructor(frame, { depth, boxes, outputs, titles }) {
    Object.assign(this, { frame, depth, boxes, outputs, titles });
    this.svg = frame.querySelector("svg");
    const { width, height } = this.svg.viewBox.baseVal;
    this.whole = { x: 0, y: 0, w: width, h: height };
    this.box = null; // the part that is looked at
    this.nodes = new Map();
    this.edges = new Map();
    this.lit = [];
    for (const group of this.svg.querySelectorAll("[data-node]")) {
      const [data, grad] = [".dd", ".gg"].map((look) => group.querySelector(look));
      this.nodes.set(group.dataset.node, { group, data, grad });
    }
    for (const group of this.svg.querySelectorAll("[data-edge]")) {
      const label = group.querySelector("text:not([font-style])");
      const key = group.dataset.edge;
      this.edges.set(key, [...(this.edges.get(key) ?? []), { group, label }]);
      group.setAttribute("aria-hidden", "true"); // the steps say what flows there
    }
    this.inside = new Map(); // the nodes in each box
    boxes.forEach((key, v) => key && this.inside.set(key, [...(this.inside.get(key) ?? []), v]));
    for (const [key, inside] of this.inside) {
      const { group } = this.nodes.get(key);
      group.setAttribute("role", "button");
      group.setAttribute("tabindex", "-1");
      group.dataset.chosen = outputs[key]?.at(-1) ?? inside[0];
    }
  }

  // Return what is drawn for a node from its operation on: the circle and the arrow from there.
  origin(v) {
    const key = this.boxes[v];
    return [this.nodes.get(`${key}op`), ...(this.edges.get(`${key}op ${key}`) ?? [])].filter(Boolean);
  }

  // Return what is drawn for the edge to an operand: the line, or the two parts of one that is broken.
  wires(operands, node, position) {
    const key = `${this.boxes[operands[position]]} ${this.boxes[node]}`;
    const found = this.edges.get(key) ?? [];
    const before = operands.slice(0, position).filter((x) => x === operands[position]).length;
    const same = before + operands.slice(position).filter((x) => x === operands[position]).length;
    return found.length === same ? [found[before]] : found;
  }

  // Write the numbers of each box, where they have changed; of a box for several nodes, from the least to the greatest.
  write(data, gradients, isUndefined, isWrong) {
    for (const [key, box] of this.nodes) {
      const inside = this.outputs[key] ?? this.inside.get(key);
      if (!inside) continue;
      const failed = inside.some(isUndefined);
      fillRange(box.data, inside, data, failed ? "undefined" : "");
      fillRange(box.grad, inside, gradients, inside.some(isWrong) ? "✗ " : "");
      if (failed !== box.group.classList.contains("failed")) box.group.classList.toggle("failed", failed);
    }
  }

  light(groups, pass) {
    for (const group of this.lit) group.classList.remove("lit", "ahead");
    this.lit = groups;
    for (const group of groups) {
      group.classList.add("lit", ...(pass === "forward" ? ["ahead"] : []));
      if (group.dataset.edge) this.svg.append(group); // above all others
    }
  }

  // -------------------- what is looked at --------------------

  look(box) {
    this.box = box;
    this.svg.setAttribute("viewBox", `${box.x} ${box.y} ${box.w} ${box.h}`);
  }

  get room() {
    return { width: this.frame.clientWidth || 1, height: this.frame.clientHeight || 1 };
  }

  // Show a rectangle at a scale, in the middle of the room.
  center({ x, y, w, h }, scale) {
    const { width, height } = this.room;
    const box = { w: width / scale, h: height / scale };
    this.look({ ...box, x: x + w / 2 - box.w / 2, y: y + h / 2 - box.h / 2 });
  }

  scaleFor({ w, h }) {
    return Math.min(this.room.width / w, this.room.height / h, LARGEST_SCALE);
  }

  fit(part = this.whole) {
    this.center(part, this.scaleFor(part));
  }

  zoom(by) {
    const scale = Math.min(Math.max((this.room.width / this.box.w) * by, this.scaleFor(this.whole) / 2), 8);
    this.center(this.box, scale);
  }

  pan(dx, dy) {
    const scale = this.box.w / this.room.width;
    this.look({ ...this.box, x: this.box.x - dx * scale, y: this.box.y - dy * scale });
  }

  // See that something is in sight; a picture that is too large to be read is not shown whole.
  follow(groups, isNew = false) {
    const part = around(groups);
    if (isNew && this.scaleFor(this.whole) >= LEAST_SCALE) return this.fit();
    if (isNew) return this.center(part ?? this.whole, part ? 1 : LEAST_SCALE);
    if (!part) return undefined;
    const { x, y, w, h } = this.box;
    const isSeen = part.x >= x && part.y >= y && part.x + part.w <= x + w && part.y + part.h <= y + h;
    return isSeen ? undefined : this.center(part, Math.min(this.room.width / w, this.scaleFor(part)));
  }
}

function fillIn(place, written) {
  if (!place || place.textContent === written) return;
  place.room ??= { most: Math.max(place.textContent.length, LONGEST), size: place.getAttribute("font-size") ?? 11 };
  place.textContent = written;
  place.setAttribute("font-size", place.room.size * Math.min(1, place.room.most / written.length));
}

// Write the range of the numbers of some nodes, after a mark; "undefined" stands in place of it.
function fillRange(place, nodes, numbers, mark) {
  if (!place) return;
  let [low, high] = [numbers[nodes[0]], numbers[nodes[0]]];
  for (const v of nodes) {
    if (!(numbers[v] >= low)) low = Number.isNaN(numbers[v]) ? low : numbers[v];
    if (!(numbers[v] <= high)) high = Number.isNaN(numbers[v]) ? high : numbers[v];
  }
  if (Object.is(place.low, low) && Object.is(place.high, high) && place.mark === mark) return;
  Object.assign(place, { low, high, mark });
  place.classList.toggle("wrong", mark !== "");
  const written = low === high || Number.isNaN(low) ? (mark ? defined : typed)(low) : `${typed(low)} … ${typed(high)}`;
  fillIn(place, mark === "undefined" ? mark : `${mark}${written}`);
}

// Return the rectangle around groups of an SVG.
function around(groups) {
  if (!groups.length) return null;
  const boxes = groups.map((group) => group.getBBox());
  const [x, y] = [Math.min(...boxes.map((b) => b.x)), Math.min(...boxes.map((b) => b.y))];
  const [right, low] = [Math.max(...boxes.map((b) => b.x + b.width)), Math.max(...boxes.map((b) => b.y + b.height))];
  return { x, y, w: right - x, h: low - y };
}
