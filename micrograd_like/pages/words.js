// What is said of a step: numbers and formulas as they are read, a sentence, and an equation.

const defined = (x) => (Number.isNaN(x) ? "undefined" : typed(x));
const bracketed = (x) => (x < 0 ? `(${typed(x)})` : typed(x));
const partial = (v) => `∂${graph.atoms[root]}/∂${graph.atoms[v]}`;
const localPartial = (v, x) => `∂${graph.atoms[v]}/∂${graph.atoms[x]}`;
const raised = (digits) => [...digits].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
const written = (formula) =>
  formula
    .replaceAll(" * ", " × ")
    .replace(/\*\*(\d+)(?![\d.])/g, (_, n) => raised(n))
    .replaceAll("**", "^")
    .replace(/(^|[\s(^]|\de)-/g, "$1−");

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
    const number = error ? `no number: ${error}` : typed(pass.data[step.node]);
    return `${where}, forward pass: ${names[step.node]} is ${written(graph.equations[step.node])}, which is ${number}.`;
  }
  if (Number.isNaN(step.contribution)) return `${where}, backward pass: ${trouble(step)}`;
  if (step.position < 0) return `${where}: the backward pass begins at the output ${names[root]}, whose gradient is 1.`;
  const [node, operand] = [names[step.node], names[step.operand]];
  const formula = written(graph.formulas[step.node][step.position]);
  const local = formula === typed(step.local) ? formula : `${formula}, which is ${typed(step.local)}`;
  const before = step.before ? `was ${typed(step.before)} and ` : "";
  return (
    `${where}, backward pass: ${operand} acts through ${node}. The local derivative is ${local}. ` +
    `The upstream gradient ${typed(step.upstream)} times it is the contribution ${typed(step.contribution)}. ` +
    `The gradient of ${operand} ${before}is now ${typed(step.after)}.`
  );
}

function trouble(step) {
  if (Number.isNaN(pass.data[root])) return `${names[root]} has no number, so there are no gradients.`;
  if (Number.isNaN(step.upstream)) return `${names[step.node]} has no gradient to pass on.`;
  return `${names[step.node]} has no finite derivative with respect to ${names[step.operand]}.`;
}

// -------------------- the equation --------------------

function term(symbol, number, caption, look = "") {
  return element(
    "span",
    `term ${look}${number.length > 24 ? " long" : ""}`,
    element("span", "symbol", symbol),
    element("span", "number", number),
    element("span", "caption", caption),
  );
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
    term(
      formula === typed(step.local) ? local : `${local} = ${formula}`,
      bracketed(step.local),
      "local derivative",
      "data",
    ),
    sign("="),
    term("", typed(step.contribution), "contribution", "grad result"),
  ];
  const sum = step.before
    ? `${typed(step.before)} + ${bracketed(step.contribution)} = ${typed(step.after)}`
    : typed(step.after);
  return [
    ...shown,
    sign("→"),
    term(partial(operand), sum, step.before ? "gradient, the sum so far" : "gradient so far", "grad"),
  ];
}
