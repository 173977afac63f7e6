// Numbers as people write them, as answers.py reads them, and intervals of numbers, as intervals.py computes with them.

const LIMITS = RULES.limits;
const WRITTEN = Object.fromEntries(
  Object.entries(RULES.patterns).map(([name, pattern]) => [name, new RegExp(`^(?:${pattern})$`, "i")]),
);
const REWRITTEN = RULES.rewritten.map(([pattern, instead]) => [new RegExp(pattern, "g"), instead]);

class Unread extends Error {}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const unread = (why, values) => new Unread(fill(RULES.unread[why], values));

class Answer {
  constructor(number, slack, trusted, seen = Infinity) {
    Object.assign(this, { number, slack, trusted, seen });
  }

  get interval() {
    const by = Math.max(this.slack * (1 + LIMITS.edge), Math.abs(this.number) * LIMITS.precision, LIMITS.rounding);
    return [this.number - by, this.number + by];
  }

  agrees(truth) {
    if (!Number.isFinite(truth)) return false;
    const least = Math.max(Math.abs(truth) * LIMITS.precision, LIMITS.rounding);
    const most = Number.isFinite(this.seen) ? Math.abs(truth) * this.seen : Infinity;
    return Math.abs(this.number - truth) <= Math.max(Math.min(this.slack * (1 + LIMITS.edge), most), least);
  }

  isRight(truth) {
    return this.agrees(truth) && !this.isTooCoarse(truth);
  }

  isTooCoarse(truth) {
    if (!this.agrees(truth) || !Number.isFinite(this.trusted)) return false;
    const limit = Math.max(Math.abs(truth) * Math.max(this.trusted, LIMITS.precision), LIMITS.rounding);
    return Math.abs(this.number - truth) > limit;
  }
}

function plain(written) {
  let text = [...written].map((c) => RULES.characters[c] ?? c).join("");
  const raised = new RegExp(`[${RULES.raised}]`, "g");
  text = text.replace(new RegExp(`([${RULES.raised}]+)`, "g"), "**($1)");
  text = text.replace(raised, (c) => "-0123456789"[RULES.raised.indexOf(c)]).trim();
  for (const [pattern, instead] of REWRITTEN) text = text.replace(pattern, instead);
  return text.trim();
}

// Return what an answer means, null if there is none; Unread says what to write instead.
function readAnswer(written) {
  if (!written.trim()) return null;
  const shown = `'${written.trim().slice(0, 60)}'`;
  let text = plain(written.trim());
  const comma = WRITTEN.comma.exec(text);
  if (comma) {
    const instead = { written: shown, decimal: text.replace(",", "."), whole: text.replace(",", "") };
    if (WRITTEN.thousands.test(text)) throw unread("comma", instead);
    text = `${comma[1]}${comma[2]}.${comma[3]}`;
  }
  if (WRITTEN.decimal.test(text)) return decimal(text, shown);
  const mixed = WRITTEN.mixed.exec(text);
  if (mixed && Number(mixed[4])) {
    const number = Number(mixed[2]) + Number(mixed[3]) / Number(mixed[4]);
    return new Answer(mixed[1] === "-" ? -number : number, 0, Infinity);
  }
  const fraction = WRITTEN.fraction.exec(text);
  if (fraction && Number(fraction[2])) return new Answer(Number(fraction[1]) / Number(fraction[2]), 0, Infinity);
  let number;
  try {
    number = calculate(text);
  } catch {
    throw unread("number", { written: shown });
  }
  if (!(Math.abs(number) <= LIMITS.largest)) throw unread("large", { written: shown });
  return new Answer(number, Math.abs(number) * LIMITS.expression, Infinity);
}

function decimal(text, shown) {
  const number = Number(text);
  if (!(Math.abs(number) <= LIMITS.largest)) throw unread("large", { written: shown });
  const [mantissa, exponent = ""] = text.toLowerCase().split("e");
  const places = (mantissa.split(".")[1] ?? "").length;
  const power = Number(exponent || "0");
  if (!places && power >= 0) return new Answer(number, 0.5 * 10 ** power, LIMITS.whole, LIMITS.few);
  const digits = exponent ? mantissa.replace(/^[-+0.]+/, "").replace(".", "").length : places;
  return new Answer(number, 0.5 * 10 ** (power - places), digits >= LIMITS.places ? Infinity : LIMITS.few);
}

// Return the number of an expression of numbers, + - * / **, parentheses, constants and FUNCTIONS; an error if it has none.
function calculate(text) {
  const tokens = text.match(/(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[\p{L}_][\p{L}\p{N}_]*|\*\*|\S/giu) ?? [];
  let at = 0;
  const takes = (token) => tokens[at] === token && ++at;
  const expect = (condition) => {
    if (!condition) throw new Unread(text);
  };
  const finite = (x) => {
    expect(Number.isFinite(x));
    return x;
  };

  function sum() {
    let x = product();
    for (;;) {
      if (takes("+")) x = finite(x + product());
      else if (takes("-")) x = finite(x - product());
      else return x;
    }
  }
  function product() {
    let x = signed();
    for (;;) {
      if (takes("*")) x = finite(x * signed());
      else if (takes("/")) x = finite(x / signed());
      else return x;
    }
  }
  function signed() {
    if (takes("-")) return -signed();
    return takes("+") ? signed() : power();
  }
  function power() {
    const x = operand();
    return takes("**") ? finite(x ** signed()) : x;
  }
  function operand() {
    const token = tokens[at++] ?? "";
    if (token === "(") {
      const x = sum();
      expect(takes(")"));
      return x;
    }
    if (Object.hasOwn(RULES.constants, token)) return RULES.constants[token];
    if (!Object.hasOwn(FUNCTIONS, token)) {
      expect(/^\.?\d/.test(token));
      return finite(Number(token));
    }
    expect(takes("("));
    const operands = [sum()];
    while (takes(",")) operands.push(sum());
    const { least, most, compute } = FUNCTIONS[token];
    expect(takes(")") && least <= operands.length && operands.length <= most);
    return finite(compute(...operands));
  }

  const x = sum();
  expect(at === tokens.length);
  return x;
}

// -------------------- intervals --------------------

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

function compute(operation, [x, y, ...others]) {
  if (operation === ">") return Number(x > y);
  if (operation === "<") return Number(x < y);
  if (operation === "==") return Number(x === y);
  const number =
    operation === "power" ? x ** y : operation === "positive" ? x : FUNCTIONS[operation].compute(x, y, ...others);
  return Number.isFinite(number) ? number : NaN;
}
