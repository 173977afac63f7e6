// What operations make of numbers: OPERATIONS, made of the rows of ops.py, has each of them.

const dot = (...xs) => {
  const n = Math.floor(xs.length / 2);
  return xs.slice(0, n).reduce((sum, w, i) => sum + w * xs[n + i], xs[2 * n] ?? 0);
};

const COMPARISONS = new Map([
  [">", (x, y) => Number(x > y)],
  ["<", (x, y) => Number(x < y)],
  ["==", (x, y) => Number(x === y)],
]);

// Return what an operation, or a comparison, makes of numbers; NaN where it is not defined, or too large.
function compute(operation, numbers) {
  const number = (COMPARISONS.get(operation) ?? OPERATIONS.get(operation).compute)(...numbers);
  return Number.isFinite(number) ? number : NaN;
}
