// The samples, and what the network sees where: points over a ground that is painted a part at a time.

const SHAPES = [
  (x, y) => `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z`,
  (x, y) => `M${x - 3.6} ${y - 3.6}h7.2v7.2h-7.2z`,
  (x, y) => `M${x} ${y - 4.8}l4.6 8h-9.2z`,
  (x, y) => `M${x} ${y - 5}l4.4 5l-4.4 5l-4.4 -5z`,
];
const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b7ab00", "#7f7f7f"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const [WIDTH, HEIGHT] = [340, 240];
const PAINTING = 4; // and in which the ground is painted

let row = 0; // of the ground that is painted next

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

find("points").addEventListener("keydown", (event) => {
  if (!ARROWS[event.key]) return;
  event.preventDefault();
  chooseSample(neighbour(...ARROWS[event.key]));
});
find("sample").addEventListener("input", (event) => event.target.value && chooseSample(Math.round(Number(event.target.value)) - 1));
find("sample").max = rows.length;
find("points").setAttribute("aria-valuemax", rows.length);
points.forEach((point, i) => point.addEventListener("click", () => chooseSample(i)));
const mark = (k, kind) => draw("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, draw("path", { d: SHAPES[k % SHAPES.length](7, 7), class: kind }));
const axis = (x, y, words, anchor) => draw("text", { x, y, class: "faint", "text-anchor": anchor, "font-size": 10 }, words.slice(0, 30));
find("points").append(...points, ring, axis(WIDTH - 5, HEIGHT - 5, `${features[0]} →`, "end"), axis(5, 12, `↑ ${features[1]}`, "start"));
find("classes").append(
  ...classNames.map((name, k) => element("li", "", mark(k, look(k)), classed(k))),
  element("li", "", mark(0, "point c0 missed"), "hollow: wrong"),
  element("li", "", "background: the class seen there; the stronger the colour, the surer"),
);
