// Both passes over a graph, step by step as steps.py has them; operands stand before the nodes made from them.

// Return the factor of an operand of `dot`: its input for a weight, its weight for an input, 1 for the bias.
const partner = (i, out, xs) => {
  const n = Math.floor(xs.length / 2);
  return i === 2 * n ? 1 : xs[(i + n) % (2 * n)];
};

// Return what a formula comes to: a number, a name, or an operation followed by its operands.
function worth(tree, numbers) {
  if (typeof tree === "number") return tree;
  if (typeof tree === "string") return numbers[tree];
  const [operation, ...operands] = tree;
  if (operation === "choose") return worth(operands[worth(operands[0], numbers) ? 1 : 2], numbers);
  return compute(
    operation,
    operands.map((x) => worth(x, numbers)),
  );
}

// Return the number of each node, NaN where there is none, and by node what went wrong.
function forwardPass({ operations, operands }, leaves) {
  const data = [];
  const errors = new Map();
  operands.forEach((places, v) => {
    const numbers = places.map((x) => data[x]);
    data[v] = places.length ? compute(operations[v], numbers) : leaves[v];
    if (Number.isNaN(data[v]) && !numbers.some(Number.isNaN)) errors.set(v, reason(operations[v], numbers));
  });
  return { data, errors };
}

// Return why an operation has no result, as Python says it.
function reason(operation, numbers) {
  const { compute: run, domain } = OPERATIONS.get(operation);
  const isZero = numbers.includes(0);
  const found = run(...numbers);
  if (isZero && (operation === "divide" || (operation === "power" && !Number.isNaN(found)))) return "division by zero";
  if (Number.isNaN(found) || isZero) return domain || "it is not defined there";
  return "the result is too large for a float";
}

// Return the steps of the backward pass, first that which seeds the output, and the gradients it ends with. NaN is no
// number. `wrong` has formulas of values v0, v1, … and gradients g0, g1, … for gradients that a mistake makes of others.
function backwardPass({ operations, operands, isConstant }, data, wrong = new Map()) {
  const last = operands.length - 1;
  const gradients = data.map(() => 0);
  const numbers = Object.create(null);
  if (wrong.size) data.forEach((x, v) => (numbers[`v${v}`] = x));
  const steps = [];
  const step = (node, position, operand, upstream, slope) => {
    const local = Number.isFinite(slope) ? slope : NaN;
    const contribution = upstream * local;
    const before = gradients[operand];
    gradients[operand] = before + contribution;
    steps.push({ node, position, operand, upstream, local, contribution, before, after: gradients[operand] });
  };
  step(last, -1, last, Number.isNaN(data[last]) ? NaN : 1, 1);
  for (let v = last; v >= 0; v -= 1) {
    if (wrong.has(v)) gradients[v] = worth(wrong.get(v), numbers);
    if (wrong.size) numbers[`g${v}`] = gradients[v];
    const xs = operands[v].map((x) => data[x]);
    operands[v].forEach((x, i) => {
      if (!isConstant[x]) step(v, i, x, gradients[v], OPERATIONS.get(operations[v]).local(i, data[v], xs));
    });
  }
  return { steps, gradients };
}

// Return the gradients that a recursion finds which goes on at each operand at once, before all of its gradient is there.
function withoutOrder({ operations, operands, isConstant }, data) {
  const gradients = data.map(() => 0);
  const visit = (v) => {
    const xs = operands[v].map((x) => data[x]);
    operands[v].forEach((x, i) => {
      if (isConstant[x]) return;
      gradients[x] += gradients[v] * OPERATIONS.get(operations[v]).local(i, data[v], xs);
      visit(x);
    });
  };
  gradients[gradients.length - 1] = 1;
  visit(gradients.length - 1);
  return gradients;
}
