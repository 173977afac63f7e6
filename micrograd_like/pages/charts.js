// Loss and accuracy over the epochs, and how large outputs and gradients are in each layer.

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

const rough = (x) => brief(Number(x.toPrecision(2)));

// Return a drawing over an axis with words at some places.
function overAxis(track, words) {
  const texts = words.map(([x, text, anchor]) => draw("text", { x, y: 35, "text-anchor": anchor, class: "faint" }, text));
  return draw("svg", { viewBox: "0 0 180 40", "aria-hidden": "true" }, draw("path", { d: track, class: "track" }), ...texts);
}

const FAR = 100; // times the median of another layer's gradients
const quantile = (sorted, q) => sorted[Math.round(q * (sorted.length - 1))];

function renderSpread() {
  const { dead } = known;
  const gradients = activations().map((_, k) => known.gradient.filter((_g, p) => parameters[p][0] === k + 1 && parameters[p][1] >= 0).map(Math.abs).sort((a, b) => a - b));
  const last = quantile(gradients.at(-1), 0.5);
  find("spread").replaceChildren(...activations().map((names, k) => {
    const outputs = unitOutputs(known.results, k + 1).flat();
    return element("tr", "", element("td", "", `${k + 1}`), outputCell(outputs, new Set(names)), gradientCell(gradients[k], last));
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
  const width = (right - left) / bins;
  const bar = (tall, b) => draw("rect", { x: left + b * width, y: low - tall, width: width - 1, height: tall, class: "data" });
  const svg = overAxis(`M${left} ${low}H${right}`, [[left, rough(-largest), "start"], [(left + right) / 2, "0", "middle"], [right, rough(largest), "end"]]);
  svg.prepend(...counts.map((n, b) => bar((22 * n) / most, b)));
  const average = mean(numbers);
  const deviation = Math.sqrt(mean(numbers.map((x) => (x - average) ** 2)));
  const share = (test) => percent(mean(numbers.map((x) => Number(test(x)))));
  const words = [`mean ${rough(average)}, standard deviation ${rough(deviation)}`];
  if (kinds.has("relu")) words.push(`${share((x) => x === 0)} are 0`);
  if (kinds.has("tanh")) words.push(`${share((x) => Math.abs(x) > 0.97)} beyond ±0.97`);
  if (kinds.has("sigmoid")) words.push(`${share((x) => Math.abs(x - 0.5) > 0.47)} near 0 or 1`);
  return element("td", "", svg, words.join("; "));
}

// Sizes from 1e-8 to 100, each power of ten as far from the next: what vanishes goes to the left, what explodes to the right.
function gradientCell(found, last) {
  const x = (n) => 4 + (172 * (Math.min(Math.max(Math.log10(n), -8), 2) + 8)) / 10;
  const svg = overAxis("M4 24H176M4 21v6M73 21v6M142 21v6M176 21v6", [[4, "1e−08", "start"], [73, "1e−04", "middle"], [142, "1", "middle"], [176, "100", "end"]]);
  const [low, middle, high] = [0.1, 0.5, 0.9].map((q) => quantile(found, q));
  const start = x(low);
  svg.append(draw("rect", { x: start, y: 9, width: Math.max(x(high) - start, 2), height: 11, class: "spread" }), draw("path", { d: `M${x(middle).toFixed(1)} 6V23`, class: "middle" }));
  const zero = found.filter((n) => n === 0).length;
  const [times, part] = [middle / last, last / middle].map((ratio) => ratio >= FAR && ratio < Infinity && Number(ratio.toPrecision(2)).toLocaleString("en"));
  const far = part ? `; vanishing: 1/${part} of the last layer's` : times ? `; exploding: ${times} times the last layer's` : "";
  const warning = middle === 0 ? "; half are 0" : far || (zero ? `; ${zero} of ${found.length} are 0` : "");
  return element("td", "", svg, `half below ${rough(middle)}, largest ${rough(found.at(-1))}${warning}`);
}
