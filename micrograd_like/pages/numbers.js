// Numbers as people write them, as answers.py reads them.

const READING = DATA.reading;
const LIMITS = READING.limits;
const WRITTEN = Object.fromEntries(
  Object.entries(READING.patterns).map(([name, pattern]) => [name, new RegExp(`^(?:${pattern})$`, "i")]),
);
const REWRITTEN = READING.rewritten.map(([pattern, instead]) => [new RegExp(pattern, "g"), instead]);

class Unread extends Error {}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const unread = (why, values) => new Unread(fill(READING.unread[why], values));

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
  let text = [...written].map((c) => READING.characters[c] ?? c).join("");
  const raised = new RegExp(`[${READING.raised}]`, "g");
  text = text.replace(new RegExp(`([${READING.raised}]+)`, "g"), "**($1)");
  text = text.replace(raised, (c) => "-0123456789"[READING.raised.indexOf(c)]).trim();
  for (const [pattern, instead] of REWRITTEN) text = text.replace(pattern, instead);
  return text.trim();
}

// Return what an answer means, null if there is none; Unread says what to write instead. `names` have numbers.
function readAnswer(written, names = new Map()) {
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
    number = calculate(text, names);
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

const SUMS = new Map([["+", (x, y) => x + y], ["-", (x, y) => x - y]]);
const PRODUCTS = new Map([["*", (x, y) => x * y], ["/", (x, y) => x / y]]);

// Return the number of an expression of numbers, + - * / **, parentheses, constants and functions; an error if it has none.
function calculate(text, names) {
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

  // Return what operators of one rank make of operands, from left to right.
  function chain(operand, operators) {
    let x = operand();
    while (operators.has(tokens[at])) x = finite(operators.get(tokens[at++])(x, operand()));
    return x;
  }
  const sum = () => chain(product, SUMS);
  const product = () => chain(signed, PRODUCTS);
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
    if (names.has(token)) return finite(names.get(token));
    if (Object.hasOwn(READING.constants, token)) return READING.constants[token];
    const row = OPERATIONS.get(token);
    if (!row?.called) {
      expect(/^\.?\d/.test(token));
      return finite(Number(token));
    }
    expect(takes("("));
    const operands = [sum()];
    while (takes(",")) operands.push(sum());
    expect(takes(")") && row.least <= operands.length && operands.length <= row.most);
    return finite(row.compute(...operands));
  }

  const x = sum();
  expect(at === tokens.length);
  return x;
}
