// One connection: its weight, which can be typed, its gradient, and the samples that contribute most to it.

function choose(p) {
  state.parameter = state.picked = p;
  renderNetwork();
  renderChosen();
  keep(remember);
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
  const most = fixed ? [] : training.contributions(p).slice(0, 5).filter(({ amount }) => amount);
  const facts = [`∂L/∂${DATA.names[p]} = ${brief(g)}, the mean over all ${rows.length} samples`];
  if (g) facts.push(`: gradient descent moves it ${g > 0 ? "down" : "up"}, by ${brief(training.learningRate)} × ${brief(Math.abs(g))}`);
  facts.push(most.length ? ". The samples that contribute most to it, for or against:" : ".");
  find("facts").textContent = fixed ? "Biases are off: this one stays at 0." : facts.join("");
  find("contributions").replaceChildren(...most.map(({ sample, amount }) => {
    const button = element("button", "", `sample ${sample + 1}`);
    button.addEventListener("click", () => chooseSample(sample));
    return element("li", "", button, ` ${className(sample)}: contributes ${brief(amount)}`);
  }));
}

function typeWeight() {
  const x = readField(find("weight"), find("wrong"))?.number;
  if (x === undefined) return;
  pause();
  stopWalking();
  const before = training.parameters[state.parameter];
  training.set(state.parameter, x);
  if (!attempt(() => training.judge())) training.set(state.parameter, before);
  if (state.view === "update") state.view = "forward";
  refresh();
  say(`${DATA.names[state.parameter]} is now ${brief(x)}. ${standing()}`);
}

find("parameter").addEventListener("change", (event) => {
  choose(Number(event.target.value));
  say([find("facts"), ...find("contributions").children].map(({ textContent }) => textContent).join(" "));
});
find("weight").addEventListener("change", typeWeight);
