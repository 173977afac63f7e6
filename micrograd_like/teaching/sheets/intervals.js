// Intervals of numbers, as intervals.py computes with them.

const NOTHING = [NaN, NaN];
const ANYTHING = [-Infinity, Infinity];
const point = (x) => [x, x];
const isEmpty = ([low, high]) => !(low <= high);
const nearest = ([low, high], x) => Math.min(Math.max(x, low), high);
const meet = (a, b) => (isEmpty(a) || isEmpty(b) ? NOTHING : [Math.max(a[0], b[0]), Math.min(a[1], b[1])]);
const widen = ([low, high], by) => [low - by, high + by];
const span = (numbers) => (numbers.some(Number.isNaN) ? ANYTHING : [Math.min(...numbers), Math.max(...numbers)]);

function join(a, b) {
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) ? b : a;
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}

// Return all that a formula may come to: a number, a name, or an operation followed by its operands.
function evaluate(tree, numbers) {
  if (typeof tree === "number") return point(tree);
  if (typeof tree === "string") return numbers[tree];
  const [operation, ...operands] = tree;
  if (operation !== "choose") return apply(operation, operands.map((x) => evaluate(x, numbers)));
  const [condition, yes, no] = operands;
  const [low, high] = evaluate(condition, numbers);
  if (low === high) return evaluate(low ? yes : no, numbers);
  return low <= 0 && 0 <= high ? join(evaluate(yes, numbers), evaluate(no, numbers)) : evaluate(yes, numbers);
}

function apply(operation, operands) {
  if (operands.some(isEmpty)) return NOTHING;
  const x = operands[0];
  const y = operands.at(-1);
  switch (operation) {
    case "add":
      return [x[0] + y[0], x[1] + y[1]];
    case "subtract":
      return [x[0] - y[1], x[1] - y[0]];
    case "negative":
      return [-x[1], -x[0]];
    case "multiply":
      return span(x.flatMap((a) => y.map((b) => a * b)));
    case "divide":
      if (y[0] <= 0 && 0 <= y[1]) return y[0] === y[1] ? NOTHING : ANYTHING;
      return span(x.flatMap((a) => y.map((b) => a / b)));
    case "sum":
      return operands.reduce(([low, high], a) => [low + a[0], high + a[1]], point(0));
    case "dot": {
      const n = Math.floor(operands.length / 2);
      const products = operands.slice(0, n).map((a, i) => apply("multiply", [a, operands[n + i]]));
      return apply("sum", [...products, ...operands.slice(2 * n)]);
    }
    case "logsumexp":
      return span([0, 1].map((end) => compute(operation, operands.map((a) => a[end]))));
    default:
      return sampled(operation, operands);
  }
}

function sampled(operation, operands) {
  if (operands.every(([low, high]) => low === high)) return point(compute(operation, operands.map(([low]) => low)));
  const places = operands.map(([low, high]) => [low, (low + high) / 2, high, ...(low < 0 && 0 < high ? [0] : [])]);
  const all = places.reduce((made, some) => made.flatMap((before) => some.map((x) => [...before, x])), [[]]);
  const found = all.map((numbers) => compute(operation, numbers)).filter((x) => !Number.isNaN(x));
  if (!found.length) return NOTHING;
  const [low, high] = span(found);
  return [">", "<", "=="].includes(operation) ? [low, high] : widen([low, high], (high - low) / 8);
}
