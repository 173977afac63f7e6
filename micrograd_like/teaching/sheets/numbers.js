// Numbers as people write them, as answers.py reads them; and exact fractions, in which they are compared.

class Rational {
  constructor(numerator, denominator = 1n) {
    let [a, b] = [numerator, denominator];
    while (b) [a, b] = [b, a % b];
    if (a < 0n === denominator > 0n) a = -a; // so that the denominator is above 0
    this.numerator = numerator / a;
    this.denominator = denominator / a;
  }

  // "-3/2"
  static of(text) {
    const [numerator, denominator = "1"] = text.split("/");
    return new Rational(BigInt(numerator), BigInt(denominator));
  }

  // A float is a fraction whose denominator is a power of 2.
  static ofFloat(x) {
    let denominator = 1n;
    for (; !Number.isInteger(x); x *= 2) denominator *= 2n;
    return new Rational(BigInt(x), denominator);
  }

  plus(other) {
    return new Rational(
      this.numerator * other.denominator + other.numerator * this.denominator,
      this.denominator * other.denominator,
    );
  }

  times(other) {
    return new Rational(this.numerator * other.numerator, this.denominator * other.denominator);
  }

  minus(other) {
    return this.plus(other.times(MINUS_ONE));
  }

  abs() {
    return this.numerator < 0n ? this.times(MINUS_ONE) : this;
  }

  exceeds(other) {
    return this.numerator * other.denominator > other.numerator * this.denominator;
  }

  // Half to even, as Python rounds.
  rounded(decimals) {
    const scale = 10n ** BigInt(decimals);
    const [n, d] = [2n * this.numerator * scale + this.denominator, 2n * this.denominator];
    let whole = n / d - (n % d < 0n ? 1n : 0n); // the floor of x + 1/2
    if (n % d === 0n && whole % 2n !== 0n) whole -= 1n;
    return new Rational(whole, scale);
  }

  toNumber() {
    return Number(this.numerator) / Number(this.denominator);
  }
}

const [ZERO, ONE, MINUS_ONE] = ["0", "1", "-1"].map(Rational.of);
const LIMITS = Object.fromEntries(Object.entries(RULES.limits).map(([name, text]) => [name, Rational.of(text)]));
const PATTERNS = Object.fromEntries(
  Object.entries(RULES.patterns).map(([name, pattern]) => [name, new RegExp(`^(?:${pattern})$`, "i")]),
);

const largest = (...xs) => xs.reduce((x, y) => (y.exceeds(x) ? y : x));

// Replace each {name} in one of Python's sentences.
const fill = (sentence, names) => sentence.replace(/\{(\w+)\}/g, (_, name) => names[name]);

class Answer {
  constructor(number, slack = ZERO, relativeSlack = ZERO) {
    Object.assign(this, { number, slack, relativeSlack });
  }

  agrees(truth) {
    const size = truth.abs();
    const slack = largest(this.slack.times(LIMITS.edge), size.times(this.relativeSlack));
    return !this.number.minus(truth).abs().exceeds(largest(slack, size.times(LIMITS.precision), LIMITS.rounding));
  }

  isTooCoarse(truth) {
    const far = largest(truth.abs().times(LIMITS.coarse), LIMITS.rounding);
    return this.agrees(truth) && this.number.minus(truth).abs().exceeds(far);
  }

  isRight(truth) {
    return this.agrees(truth) && !this.isTooCoarse(truth);
  }
}

class Unread extends Error {}

// Return what an answer means, null if there is none; Unread says what to write instead.
function readAnswer(written) {
  const text = written.trim().replaceAll("\u2212", "-");
  if (!text) return null;
  if (PATTERNS.decimal.test(text)) {
    const [digits, exponent = "0"] = text.toLowerCase().split("e");
    const [whole, decimals = ""] = digits.split(".");
    const lastPlace = powerOf10(Number(exponent) - decimals.length);
    const number = new Rational(BigInt(`${whole}${decimals}`.replace("+", ""))).times(lastPlace);
    return new Answer(number, PATTERNS.whole.test(text) ? ZERO : lastPlace.times(Rational.of("1/2")));
  }
  const fraction = PATTERNS.fraction.exec(text);
  if (fraction && BigInt(fraction[2])) {
    return new Answer(new Rational(BigInt(fraction[1].replace("+", "")), BigInt(fraction[2])));
  }
  if (PATTERNS.comma.test(text)) {
    throw new Unread(fill(RULES.unread.comma, { written: `'${text}'`, instead: text.replaceAll(",", ".") }));
  }
  try {
    return new Answer(Rational.ofFloat(evaluate(text)), ZERO, LIMITS.expression);
  } catch {
    throw new Unread(fill(RULES.unread.number, { written: `'${text}'` }));
  }
}

function powerOf10(exponent) {
  const power = 10n ** BigInt(Math.abs(exponent));
  return exponent < 0 ? new Rational(1n, power) : new Rational(power);
}

// Return the number of an expression of numbers, names, + - * / **, parentheses and FUNCTIONS; Unread if it has none.
function evaluate(text, names = {}) {
  const tokens = text.match(/(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[\p{L}_][\p{L}\p{N}_]*|\*\*|\S/giu) ?? [];
  let at = 0;
  const takes = (token) => tokens[at] === token && ++at;
  const finite = (x) => {
    if (!Number.isFinite(x)) throw new Unread(text);
    return x;
  };
  const expect = (condition) => condition || finite(NaN);

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
    if (Object.hasOwn(names, token)) return finite(names[token]);
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
