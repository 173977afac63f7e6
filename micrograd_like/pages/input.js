// What a person does: buttons, keys, and the pointer on the picture.

const on = (id, event, does) => find(id).addEventListener(event, does);

for (const unit of ["edge", ...Object.keys(units)]) find("unit").append(new Option(unit));
DATA.views.forEach(({ name }, k) => find("view").append(new Option(name, k)));
mistakes.forEach(({ name }, k) => find("mistake").append(new Option(name, k)));
find("views").hidden = views.length < 2;
find("mistakes").hidden = !mistakes.length;
find("passes").append(new Option("the backward pass", start));
find("names").append(...[...new Set(names)].map((name) => new Option(name)));

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
  rerun();
  sayMistake();
});
on("reset", "click", () => {
  for (const v of leaves) numbers[v] = graph.leaves[v];
  rerun();
  say(`All numbers are as they were, ${names[root]} is ${typed(pass.data[root])}.`);
});
on("search", "change", () => {
  const wanted = find("search").value.trim().replace("->", "→");
  const v = names.indexOf(wanted);
  if (v >= 0) {
    choose(v);
    say(described(v));
  } else if (wanted) say(`No node is named ${wanted}.`);
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
  v: () => {
    setView((state.view + 1) % views.length);
    say(`View: ${DATA.views[state.view].name}.`);
  },
  p: () => find("predict").click(),
  "?": () => find("keys").showModal(),
};

listen(KEYS, { next: "ArrowRight", back: "ArrowLeft", start: "Home", end: "End", play: " ", larger: "+", smaller: "-", fit: "f", help: "?" });

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
find("stage").addEventListener(
  "wheel",
  (event) => {
    if (!event.ctrlKey) return; // a pinch, or a wheel with Ctrl; else the page scrolls
    event.preventDefault();
    view().zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
  },
  { passive: false },
);
for (const { frame } of views) {
  frame.addEventListener("focusin", (event) => {
    const v = Number(event.target.closest("[data-chosen]")?.dataset.chosen ?? -1);
    if (v >= 0 && v !== state.chosen) choose(v);
  });
}
window.addEventListener("hashchange", recall);
new ResizeObserver(() => view().follow(view().lit, true)).observe(find("stage"));
recall();
