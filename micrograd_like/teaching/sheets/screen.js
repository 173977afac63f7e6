// The page itself: what is typed is read and graded, and help comes one click at a time.

const HELP = {
  hint: ["Give me a hint", "Hint"],
  rule: ["Tell me the rule", "Rule"],
  step: ["Show me the step", "Step"],
  answer: ["Show me the answer", "Answer"],
};

function mark(box, status = "", said = "") {
  const place = document.getElementById(box.getAttribute("aria-describedby"));
  const symbol = element("span", "", SYMBOLS[status] ?? "");
  symbol.setAttribute("aria-hidden", "true");
  place.replaceChildren(symbol, said && ` ${said}`);
  place.dataset.status = status;
  box.setAttribute("aria-invalid", `${status === "wrong" || status === "unread"}`);
}

function start(form, part) {
  const blank = part.questions.filter((question) => !question.filled);
  const boxes = blank.map(({ id }) => form.elements.namedItem(id));
  const [report, more] = [form.querySelector(".report"), form.querySelector(".more")];
  let levels = []; // of help that are still to come
  let wrong = boxes[0]; // the first one

  function check() {
    const typed = {};
    const unread = boxes.filter((box, k) => {
      try {
        typed[blank[k].id] = readAnswer(box.value);
        mark(box);
        return false;
      } catch (error) {
        if (!(error instanceof Unread)) throw error;
        mark(box, "unread", error.message);
        return true;
      }
    });
    levels = [];
    if (unread.length) {
      report.replaceChildren(element("p", "diagnosis", "Not everything could be read, so nothing is checked yet."));
      unread[0].focus();
    } else {
      const result = grade(part, typed);
      result.grades.forEach(({ status }, k) => mark(boxes[k], status, RULES.words[status]));
      report.replaceChildren(element("p", "diagnosis", diagnosis(result)));
      wrong = boxes[blank.indexOf(result.first?.question)] ?? boxes[0];
      if (!result.isRight) levels = Object.entries(help(result)).filter(([, lines]) => lines.length);
    }
    offer();
  }

  function offer() {
    more.hidden = !levels.length;
    if (levels.length) [more.textContent] = HELP[levels[0][0]];
  }

  more.addEventListener("click", () => {
    const [level, lines] = levels.shift();
    report.append(...lines.map((line) => element("p", level, element("span", "level", HELP[level][1]), line)));
    offer();
    if (more.hidden) wrong.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    check();
  });
  boxes.forEach((box, k) => {
    box.addEventListener("input", () => mark(box));
    box.addEventListener("keydown", (event) => {
      const next = [...boxes.slice(k + 1), ...boxes.slice(0, k)].find((other) => !other.value.trim());
      if (event.key !== "Enter" || event.isComposing || !box.value.trim() || !next) return; // or else it checks
      event.preventDefault();
      next.focus();
    });
  });
}

document.querySelectorAll("form").forEach((form, k) => start(form, DATA.papers[k]));

// What was typed becomes a table, as `micrograd-like grade` reads it.
document.getElementById("save").addEventListener("click", () => {
  const rows = [["name", "exercise", "node", "answer"]];
  document.querySelectorAll("form").forEach((form, k) => {
    for (const { id, asked, filled } of DATA.papers[k].questions) {
      if (!filled) rows.push([DATA.student, DATA.papers[k].exercise, asked, form.elements.namedItem(id).value.trim()]);
    }
  });
  const quoted = rows.map((row) => row.map((cell) => `"${`${cell}`.replaceAll('"', '""')}"`).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`\ufeff${quoted.join("\r\n")}\r\n`], { type: "text/csv" }));
  link.download = "answers.csv";
  link.click();
  navigator.clipboard?.writeText(quoted.join("\n")).catch(() => {});
  document.getElementById("saved").textContent = "Saved as answers.csv: hand this file in.";
});
