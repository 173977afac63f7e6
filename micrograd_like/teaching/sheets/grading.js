// Verdicts on a paper, as verdicts.py gives them, and what is said of them.

const RULES = DATA.rules;
const CHOICE = RULES.choice;
const LEAST_EXACT = 1e-6;

// Return each line's status and what is behind the wrong ones; answers are by the lines' ids, null if missing.
function grade(part, answers) {
  const paper = judge(part, answers);
  const asked = part.questions.filter((question) => !question.filled);
  const grades = asked.map((question) => ({ question, status: paper.status[question.id] }));
  const verdict = conclude(evidence(paper));
  const first = grades.find((g) => g.status === "wrong");
  return { grades, verdict, first, isRight: grades.every((g) => g.status === "right" || g.status === "missing") };
}

function judge(part, answers) {
  const paper = { part, answers, status: {}, carried: {}, computed: {} };
  const slipped = new Set();
  paper.unseen = rounding(part, answers);
  for (const [name, x] of Object.entries(part.given)) paper.carried[name] = point(x);
  for (const { id, rules, truth } of part.lines) {
    const answer = answers[id];
    let computed = follow(rules, paper.carried, answer);
    paper.computed[id] = computed;
    let behind = rules.some((rule) => namesIn(rule).some((name) => slipped.has(name)));
    if (!answer) paper.status[id] = "missing";
    else if (answer.isRight(truth)) {
      paper.status[id] = "right";
      computed = join(computed, point(truth));
      behind = false;
    } else if (fits(answer, computed)) paper.status[id] = behind ? "follow-through" : "right";
    else {
      const coarse = answer.isTooCoarse(truth) || agrees(answer, computed);
      paper.status[id] = coarse ? "too coarse" : "wrong";
      behind = !coarse;
    }
    if (behind) slipped.add(id);
    paper.carried[id] = carry(paper, answer, computed);
  }
  const written = Object.values(answers).filter(Boolean);
  const isConstant = written.length >= CHOICE.same && new Set(written.map((x) => x.number)).size === 1;
  for (const { id } of part.lines) {
    if (paper.status[id] === "follow-through" && (isConstant || !answers[id].number)) paper.status[id] = "trivial";
  }
  return paper;
}

// Return how far numbers may have been rounded that are not shown, by someone who rounds those that are.
function rounding(part, answers) {
  const decimals = part.lines
    .map(({ id, truth }) => ({ answer: answers[id], truth }))
    .filter(({ answer: x }) => x && x.slack && x.trusted === Infinity && x.seen === Infinity);
  const slacks = decimals.filter(({ answer: x, truth }) => x.slack <= CHOICE.least && x.number !== truth);
  const finest = decimals.length ? Math.min(...decimals.map(({ answer: x }) => x.slack)) : 0;
  return Math.max(Math.min(10 * finest, CHOICE.onTheWay), ...slacks.map(({ answer: x }) => x.slack));
}

function carry(paper, answer, computed) {
  if (!answer) {
    const [low, high] = computed;
    const isShort = low === high && Math.abs(low - Math.round(low * 100) / 100) < 1e-12;
    return isShort || isEmpty(computed) ? computed : widen(computed, paper.unseen);
  }
  const shown = point(answer.number);
  const before = meet(computed, answer.interval);
  if (isEmpty(before)) return answer.slack < 0.1 ? answer.interval : shown;
  if (before[0] === before[1] && before[0] === answer.number) return shown;
  return meet(widen(join(before, shown), answer.slack * CHOICE.finer), answer.interval);
}

// Return what rules make of the numbers that are carried: the first one, or the one that fits the answer.
function follow(rules, carried, answer) {
  const [first, ...others] = rules.map((rule) => evaluate(rule, carried));
  if (!answer || fits(answer, first)) return first;
  return others.find((x) => fits(answer, x)) ?? first;
}

function fits(answer, computed, exactly = false) {
  if (isEmpty(computed)) return false;
  const x = nearest(computed, answer.number);
  const isNear = Math.abs(answer.number - x) <= LEAST_EXACT * Math.max(1, Math.abs(x));
  return (!exactly || answer.seen === Infinity || isNear) && answer.isRight(x);
}

const agrees = (answer, computed) => !isEmpty(computed) && answer.agrees(nearest(computed, answer.number));

function namesIn(tree) {
  if (typeof tree === "string") return [tree];
  return Array.isArray(tree) ? tree.slice(1).flatMap(namesIn) : [];
}

// -------------------- what is behind the wrong lines --------------------

function evidence(paper) {
  const { lines } = paper.part;
  const wrong = lines.filter(({ id }) => paper.status[id] === "wrong");
  if (!wrong.length) return { facts: [], against: {} };
  const explained = Object.fromEntries(wrong.map(({ id }) => [id, new Set()]));
  const against = {};
  for (const key of new Set(lines.flatMap((line) => Object.keys(line.wrong)))) {
    const found = attempt(paper, key);
    against[key] = found.against;
    found.explained.forEach((id) => explained[id].add(key));
  }
  if (wrong.every(({ id }) => !explained[id].size) && lines.length <= CHOICE.mostLines) {
    for (const line of lines.filter(({ id }) => paper.status[id] === "missing")) {
      for (const key of Object.keys(line.wrong)) {
        for (const id of attempt(paper, key, line).explained) {
          explained[id].add(key);
          against[key] = Math.max(against[key], 1);
        }
      }
    }
  }
  const facts = wrong.map((line) => ({
    bits: bits(paper, line),
    mistakes: explained[line.id],
    slips: slips(paper, line),
    isSwapped: wrong.some((other) => other !== line && areSwapped(paper, line, other)),
  }));
  return { facts, against };
}

// Return which wrong lines a mistake explains, and how many right ones speak against it.
function attempt(paper, key, only) {
  const { part, answers, status } = paper;
  const carried = Object.fromEntries(Object.entries(part.given).map(([name, x]) => [name, point(x)]));
  const explained = [];
  let against = 0;
  for (const line of part.lines) {
    const { id, rules } = line;
    const answer = answers[id];
    const trees = !only || only === line ? (line.wrong[key] ?? []) : [];
    if (!answer) {
      carried[id] = carry(paper, null, follow(trees.length ? trees.slice(0, 1) : rules, carried));
      continue;
    }
    const found = trees.length ? trees.map((tree) => evaluate(tree, carried)) : [follow(rules, carried, answer)];
    carried[id] = paper.carried[id];
    if (status[id] === "wrong") {
      const fitting = found.find((x) => fits(answer, x, true));
      if (fitting) {
        explained.push(id);
        carried[id] = carry(paper, answer, fitting);
      }
    } else if (status[id] !== "trivial" && !agrees(answer, found[0])) against += 1;
  }
  return { explained, against };
}

function bits(paper, { id }) {
  const [answer, [low, high]] = [paper.answers[id], paper.computed[id]];
  const width = answer.slack ? 2 * answer.slack : denominator(answer.number);
  const more = low <= high && high - low !== Infinity ? high - low : 0;
  const found = Math.log2(1 + (2 * Math.abs(answer.number)) / (width + more));
  return Math.min(Math.max(found, answer.number ? CHOICE.leastBits : 1), CHOICE.mostBits);
}

function denominator(x) {
  for (let n = 1; n <= 64; n += 1) if (Math.abs(x * n - Math.round(x * n)) < 1e-9) return 1 / n;
  return 1 / 64;
}

const SLIPS = {
  sign: (x) => [-x],
  off_by_one: (x) => [x - 1, x + 1],
  doubled: (x) => [2 * x, x / 2],
  point: (x) => [10 * x, x / 10],
};

function slips(paper, { id }) {
  const [answer, computed] = [paper.answers[id], paper.computed[id]];
  if (isEmpty(computed)) return [];
  const images = (make) => make(computed[0]).map((low, i) => span([low, make(computed[1])[i]]));
  return Object.keys(SLIPS).filter((slip) => images(SLIPS[slip]).some((x) => fits(answer, x)));
}

const areSwapped = ({ answers }, line, other) =>
  answers[line.id].isRight(other.truth) && answers[other.id].isRight(line.truth);

const mistakeOf = (key) => key.split("/")[0];
const idsOf = (keys) => [...new Set(keys.map(mistakeOf))];
const sorted = (items) => [...items].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

// Return the simplest that explains all wrong lines: sets of mistakes, or a slip.
function conclude({ facts, against }) {
  if (!facts.length) return { sets: [], slip: "", isSure: false };
  const single = sorted(facts[0].mistakes).filter((key) => facts.every((fact) => fact.mistakes.has(key)));
  const clean = idsOf(single.filter((key) => !against[key]));
  const total = facts.reduce((sum, fact) => sum + fact.bits, 0);
  const enough = Math.log2(Object.keys(RULES.mistakes).length) + CHOICE.sure;
  const isSwapped = facts.length === 2 && facts.every((fact) => fact.isSwapped);
  const penSlips = facts.length === 1 ? facts[0].slips : [];
  const slip = isSwapped ? "swapped" : (sorted(penSlips)[0] ?? "");
  if (clean.length) {
    const isSure = clean.length === 1 && facts.length > 1 && !isSwapped && total > enough;
    return { sets: clean.map((id) => [id]), slip: isSwapped ? slip : "", isSure };
  }
  const somewhere = idsOf(single.sort((a, b) => against[a] - against[b]));
  if (slip) return { sets: somewhere.map((id) => [id]), slip, isSure: false };
  if (single.length) {
    const less = CHOICE.against * Math.min(...single.map((key) => against[key]));
    const isSure = somewhere.length === 1 && facts.length > 2 && total - less > enough;
    return { sets: somewhere.map((id) => [id]), slip: "", isSure };
  }
  return { sets: pairs(facts, against), slip: "", isSure: false };
}

function pairs(facts, against) {
  const keys = sorted(new Set(facts.flatMap((fact) => [...fact.mistakes])));
  const found = new Map();
  keys.forEach((a, i) => {
    for (const b of keys.slice(i + 1)) {
      if (facts.every((fact) => fact.mistakes.has(a) || fact.mistakes.has(b))) {
        const ids = sorted(new Set([mistakeOf(a), mistakeOf(b)]));
        found.set(`${ids}`, Math.min(found.get(`${ids}`) ?? Infinity, against[a] + against[b]));
      }
    }
  });
  const least = Math.min(...found.values());
  return [...found].filter(([, n]) => n === least).map(([ids]) => ids.split(","));
}

// -------------------- what is said of it --------------------

// Return the diagnosis, which gives no number away.
function diagnosis({ grades, verdict, first }) {
  const words = RULES.words;
  if (!first) {
    const missing = grades.filter((g) => g.status === "missing").length;
    if (grades.some((g) => g.status === "too coarse")) return words.digits;
    if (missing && missing === grades.length) return words["nothing yet"];
    return missing ? fill(words["right so far"], { missing }) : words["all right"];
  }
  const named = verdict.sets.map((ids) => ids.map((id) => RULES.mistakes[id].name).join(" and "));
  const isKnown = named.length === 1 && verdict.isSure;
  const slip = words[verdict.slip];
  const mistakes = [...new Set(slip ? [...named, slip] : named)].join("; or ");
  const which = slip && !named.length ? "slip" : isKnown ? "known" : named.length ? "possible" : "unknown";
  const said = [fill(words[which], { mistakes, slip })];
  said.push(fill(words.first, { name: first.question.name }));
  if (named.length && !isKnown) said.push(words.chance);
  return said.join(" ");
}

// Return the lines of help at each of the levels, of which each gives more away than the one before.
function help({ grades, verdict, first }) {
  const mistakes = [...new Set(verdict.sets.flat())].map((id) => RULES.mistakes[id]);
  const open = grades.filter(({ status }) => status === "too coarse" || status === "trivial");
  const shown = first ? [first] : open;
  return {
    hint: mistakes.length ? mistakes.map((m) => m.question) : first ? [first.question.hint] : [],
    rule: mistakes.map((m) => m.sentence),
    step: first ? first.question.working : [],
    answer: shown.map(({ question }) => `${question.question} = ${question.shown}`),
  };
}
