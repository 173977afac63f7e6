// Grading, as grading.py grades: a part of an exercise, the answers to it, and what is said of them.

// Return the grade of each answer, the diagnoses, and which answer is the first wrong one; an answer is null if missing.
function grade(part, typed) {
  const answers = part.asked.map((q, i) => (q.filled ? new Answer(Rational.of(q.truth)) : typed[i]));
  const ofValues = part.of === "values";
  const { found, gone } = ofValues ? valuesGiven(part, answers) : {};
  const consistent = ofValues ? part.asked.map((q) => found[q.name]) : gradientsGiven(part, answers);
  const grades = part.asked.map((q, i) => {
    const [truth, answer] = [Rational.of(q.truth), answers[i]];
    const grade = { name: q.name, status: "wrong", answer, isTooCoarse: false };
    if (!answer) grade.status = "missing";
    else if (answer.isRight(truth)) grade.status = "right";
    else if (answer.isRight(consistent[i])) grade.status = "follow-through";
    else grade.isTooCoarse = answer.isTooCoarse(truth);
    return grade;
  });
  const isRight = grades.every((g) => g.status === "right" || g.status === "missing");
  const diagnoses = isRight ? [] : ofValues ? diagnoseValues(part, grades, gone) : diagnose(part, grades);
  return { grades, diagnoses, isRight, first: grades.findIndex((g) => g.status === "wrong") };
}

// -------------------- what follows from the answers before --------------------

// Return each node's value as computed from those that were answered for the operands, and the one that is gone on with.
function valuesGiven(part, answers) {
  const given = new Map(Object.entries(part.given).map(([name, text]) => [name, Rational.of(text)]));
  part.asked.forEach((q, i) => answers[i] && given.set(q.name, answers[i].number));
  const [found, gone] = [{}, {}];
  for (const [name, equation, number] of part.nodes) {
    found[name] = Rational.of(number);
    try {
      if (equation) found[name] = Rational.ofFloat(evaluate(equation, gone));
    } catch (error) {
      if (!(error instanceof Unread)) throw error;
    }
    gone[name] = (given.get(name) ?? found[name]).toNumber();
  }
  return { found, gone };
}

// Return each gradient, and each number after the step, as they follow from the gradients that were answered.
function gradientsGiven(part, answers) {
  const given = numbersGiven(part, answers);
  const found = backward(part, given);
  return part.asked.map((q) => {
    if (!q.slips) return found[q.node];
    const gradient = given.get(q.node) ?? found[q.node];
    return Rational.of(q.from).minus(gradient.times(Rational.of(part.rate)));
  });
}

function numbersGiven(part, answers) {
  const given = new Map();
  part.asked.forEach((q, i) => answers[i] && !q.slips && given.set(q.node, answers[i].number));
  return given;
}

const linear = ([a, b], x) => x.times(Rational.of(a)).plus(Rational.of(b));

// Return the gradient of each node, going on with those given; a slip is a mistake at one node.
function backward(part, given, slip = {}) {
  const [found, contributions] = [[], part.nodes.map(() => [])];
  part.nodes.forEach((edges, v) => {
    const here = slip.place === v ? slip : {};
    found[v] = v ? contributions[v].reduce((x, y) => combine(here.combine, x, y)) : ONE;
    if (here.finish) found[v] = linear(here.finish, found[v]);
    if (here.decimals !== undefined) found[v] = found[v].rounded(here.decimals);
    const upstream = given.get(v) ?? found[v];
    edges.forEach(([x, local], i) => contributions[x].push(linear(here.edges?.[i] ?? [local, "0"], upstream)));
  });
  return found;
}

function combine(form, x, y) {
  if (!form) return x.plus(y);
  const [a, b, c, d] = form.map(Rational.of);
  return a.plus(b.times(x)).plus(c.times(y)).plus(d.times(x).times(y));
}

// -------------------- finding the mistakes --------------------

// Return the simplest sets of mistakes that give all the answers, as places in RULES.mistakes.
function diagnose(part, grades) {
  const wrong = grades.filter((g) => g.status === "wrong").length;
  const isStepAnswered = part.asked.some((q, i) => q.slips && grades[i].answer);
  const blank = grades.filter((g, i) => !part.asked[i].filled);
  const fits = ([mistakes, numbers]) =>
    mistakes.every((m) => isStepAnswered || !RULES.mistakes[m].update) &&
    numbers.split(" ").every((number, i) => !blank[i].answer || blank[i].answer.isRight(Rational.of(number)));
  for (const { enough, candidates } of part.stages) {
    const distinct = new Map();
    for (const [mistakes] of candidates.filter(fits).reverse()) distinct.set(`${mistakes}`, mistakes);
    if (distinct.size) {
      const isSure = wrong >= enough && distinct.size === 1;
      return [...distinct.values()].reverse().map((mistakes) => ({ mistakes, isSure }));
    }
  }
  return slipBySlip(part, grades).map((mistakes) => ({ mistakes, isSure: false }));
}

// Return the mistakes, one or two, that explain each wrong answer if one goes on with the answers before it.
function slipBySlip(part, grades) {
  const answers = grades.map((g) => g.answer);
  const explained = grades.flatMap((g, i) => (g.status === "wrong" ? [explanations(part, answers, i)] : []));
  return fewest(explained);
}

// Return the mistakes, one or else two, that together explain each wrong answer, of which there are those for each.
function fewest(explained) {
  const byId = (m) => RULES.mistakes[m].id;
  const all = [...new Set(explained.flat())].sort((m, n) => (byId(m) < byId(n) ? -1 : 1));
  const single = all.map((m) => [m]);
  const pairs = all.flatMap((m, k) => all.slice(k + 1).map((n) => [m, n]));
  for (const sets of [single, pairs]) {
    const fitting = sets.filter((chosen) => explained.every((found) => found.some((m) => chosen.includes(m))));
    if (fitting.length) return fitting;
  }
  return [];
}

// Return the slips that make each wrong value of the numbers that somebody has for its operands.
function diagnoseValues(part, grades, gone) {
  const makes = (text, answer) => {
    try {
      return answer.isRight(Rational.ofFloat(evaluate(text, gone)));
    } catch (error) {
      if (!(error instanceof Unread)) throw error;
      return false;
    }
  };
  const explained = grades.flatMap(({ status, answer }, i) =>
    status === "wrong" ? [part.asked[i].slips.filter(([, text]) => makes(text, answer)).map(([slip]) => slip)] : [],
  );
  const found = fewest(explained);
  const isSure = explained.length > 1 && found.length === 1 && found[0].length === 1;
  return found.map((mistakes) => ({ mistakes, isSure }));
}

// Return the mistakes that, made at this place only, give a wrong answer, all other answers being gone on with.
function explanations(part, answers, i) {
  const given = numbersGiven(part, answers);
  const { node, slips, from } = part.asked[i];
  if (slips) {
    const gradient = given.get(node) ?? backward(part, given)[node];
    return slips.filter(([, ...form]) => answers[i].isRight(linear(form, gradient))).map(([m]) => m);
  }
  given.delete(node);
  const places = part.nodes.map((edges, v) => v === node || edges.some(([x]) => x === node));
  const found = part.slips.filter((s) => places[s.place] && answers[i].isRight(backward(part, given, s)[node]));
  return [...new Set(found.map((s) => s.mistake))];
}

// -------------------- what is said of it --------------------

// Return what is said of one answer, beside it.
function describe({ status, isTooCoarse }) {
  return RULES.words[isTooCoarse ? "too coarse" : status];
}

// Return the diagnosis, which gives no number away.
function diagnosis(result) {
  const words = RULES.words;
  const missing = result.grades.filter((g) => g.status === "missing").length;
  if (result.isRight) return fill(missing ? words["right so far"] : words["all right"], { missing });
  const named = result.diagnoses.map((d) => d.mistakes.map((m) => RULES.mistakes[m].name).join(" and "));
  const isKnown = named.length === 1 && result.diagnoses[0].isSure;
  const mistakes = [...new Set(named)].join("; or ");
  const said = [fill(words[isKnown ? "known" : named.length ? "possible" : "unknown"], { mistakes })];
  if (result.first >= 0) said.push(fill(words.first, result.grades[result.first]));
  if (named.length && !isKnown) said.push(words.chance);
  return said.join(" ");
}

// Return the lines of help at each of the levels, of which each gives more away than the one before.
function help(part, result) {
  const mistakes = [...new Set(result.diagnoses.flatMap((d) => d.mistakes))].map((m) => RULES.mistakes[m]);
  const first = part.asked[result.first];
  const open = part.asked.filter((q, i) => q === first || (!first && result.grades[i].status === "follow-through"));
  return {
    hint: mistakes.length ? mistakes.map((m) => m.question) : first ? [first.hint] : [],
    rule: mistakes.map((m) => m.sentence),
    step: first ? first.working : [],
    answer: open.map((q) => `${q.question} = ${q.shown}`),
  };
}
