// Predictions: the next number is asked for before it is shown.

// Return what is asked before the next step: how, and the answer; null if nothing is.
function question() {
  const next = state.predict && state.position < total ? stepAt(state.position + 1) : null;
  if (!next || next.position === -1) return null;
  const truth = next.pass === "forward" ? pass.data[next.node] : next.contribution;
  if (Number.isNaN(truth)) return null;
  const { node, operand } = next;
  const asked =
    next.pass === "forward"
      ? `${names[node]} = ${written(graph.equations[node])}`
      : `${partial(operand)} += ${partial(node)} × ${localPartial(node, operand)}`;
  return { next, truth, asked: `${asked} =` };
}

function verdict(status, text) {
  find("verdict").dataset.status = status;
  find("verdict").replaceChildren(...(text ? [element("span", "", SYMBOLS[status] ?? ""), ` ${text}`] : []));
  find("answer").setAttribute("aria-invalid", `${status === "unread"}`);
}

function answer() {
  const asked = question();
  let given;
  try {
    given = readAnswer(find("answer").value, new Map(names.map((name, v) => [name, isKnown(v) ? pass.data[v] : NaN])));
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    return verdict("unread", error.message);
  }
  if (!given) return verdict("missing", "Write a number, a fraction or an expression, such as -3/2.");
  if (given.isTooCoarse(asked.truth)) return verdict("too coarse", `${DATA.words["too coarse"]}: write more of them.`);
  const status = given.agrees(asked.truth) ? "right" : "wrong";
  state.asked += 1;
  state.right += status === "right";
  const score = `${state.right} of ${state.asked} right.`;
  const text =
    status === "right"
      ? `${DATA.words.right}. ${score}`
      : `${DATA.words.wrong}: ${correct(asked, given.number)}. ${score}`;
  return done(status, text);
}

function done(status, text) {
  find("answer").value = "";
  goTo(state.position + 1);
  verdict(status, text);
  if (question()) find("answer").focus();
  else find("next").focus();
}

// Return what is right, and what was answered instead, where that can be told.
function correct({ next, truth }, given) {
  if (next.pass === "forward") return `it is ${filledIn(next.node)} = ${typed(truth)}`;
  const { rule, mistaken } = DATA.answers;
  const found = Object.keys(mistaken).find((which) => {
    const number = which === "negative" ? -truth : next[which];
    return number !== truth && Math.abs(given - number) <= Math.abs(number) / 200;
  });
  return `${written(rule)}, ${typed(truth)}${found ? `; yours is ${mistaken[found]}` : ""}`;
}
