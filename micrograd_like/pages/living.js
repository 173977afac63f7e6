// What living pages have in common: numbers as they are shown and said, and the address that keeps where one stands.

const NONE = "–"; // where a pass has not been

// Return a number with 4 decimals, or so many, fewer where they would be zeros, and more where it is small, as numbers.py.
function show(x, decimals = 4) {
  if (!x || !Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x ? (x > 0 ? "inf" : "-inf") : "0";
  const size = Math.abs(x);
  if (Number.isInteger(x) && size < 1e15) return `${x}`;
  if (size < 1e-4 || size >= 1e7) {
    const [digits, exponent] = x.toExponential(decimals - 1).split("e");
    return `${trim(digits)}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  const places = Math.max(decimals, decimals - 1 - Math.floor(Math.log10(size)));
  const isTie = (size * 2 ** (places + 1)) % 2 === 1; // between two decimals, of which Python takes the even one
  const [up, down] = [x.toFixed(places), (x * (1 - 2 ** -50)).toFixed(places)];
  return trim(isTie && Number(up.at(-1)) % 2 ? down : up);
}

const trim = (digits) => (digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits);
const typed = (x, decimals) => (Number.isNaN(x) ? NONE : show(x, decimals).replaceAll("-", "−").replace("inf", "∞"));

// Return a text for who hears it: synthesizers are silent at these signs, or spell them.
const spoken = (text) =>
  text
    .replace(/(\d)e([+−])0*(\d+)/g, (_, digit, sign, power) => `${digit} times ten to the ${sign === "+" ? "" : sign}${power}`)
    .replace(/− ?/g, "minus ")
    .replace(/(^| )–(?=$|[.,;])/g, "$1not known");
const say = (text) => (find("said").textContent = spoken(text.trim()));

// Return what is written in a field, as readAnswer does; where that is not a number, say so beside it and return undefined.
function readField(field, beside) {
  let read;
  beside.textContent = "";
  try {
    read = readAnswer(field.value);
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    beside.textContent = error.message;
  }
  field.setAttribute("aria-invalid", `${read === undefined}`);
  return read;
}

// Let keys act, where what has the focus does not take them, and let each button do what its key does.
function listen(keys, buttons) {
  for (const [id, key] of Object.entries(buttons)) find(id).addEventListener("click", keys[key]);
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const isTaken =
      target.closest("input:not([type=checkbox]), select, dialog, [role=slider]") ||
      (key === " " && target.closest("button, input")) ||
      (target.id === "stage" && key.startsWith("Arrow")); // it scrolls
    const name = key.length === 1 ? key.toLowerCase() : key;
    if (isTaken || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, name)) return;
    event.preventDefault();
    keys[name]();
  });
}

let keeping = 0; // a timer: browsers stop who changes the address hundreds of times

// Keep in the address what `state` returns for it.
function keep(state) {
  clearTimeout(keeping);
  keeping = setTimeout(() => {
    try {
      history.replaceState(null, "", `#${new URLSearchParams(state())}`);
    } catch {
      // in a notebook's frame there is no address
    }
  }, 300);
}
