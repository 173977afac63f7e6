// Cells of Python, run by Pyodide, with what they print and show under them.
import { loadPyodide } from "./pyodide.mjs";

const RUN = `
import contextlib, html, io, linecache, traceback
from pyodide.code import eval_code

def run(source, number, names):
    name, said, shown = f"<cell {number}>", io.StringIO(), ""
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            value = eval_code(source, names, filename=name)
            if hasattr(value, "_repr_mimebundle_"):
                bundle = value._repr_mimebundle_()
                shown = bundle.get("text/html") or f"<pre>{html.escape(bundle['text/plain'])}</pre>"
            elif value is not None:
                print(repr(value))
        except BaseException as error:
            place = error.__traceback__
            while place and place.tb_frame.f_code.co_filename != name:
                place = place.tb_next
            shown = "".join(traceback.format_exception(error.with_traceback(place)))
            shown = f'<pre class="error">{html.escape(shown)}</pre>'
    printed = said.getvalue()
    return (f"<pre>{html.escape(printed)}</pre>" if printed else "") + shown
`;

const status = document.querySelector("#status");
const main = document.querySelector("main");
let run; // Python's function
let names;

function addCell(source) {
  const number = main.children.length + 1;
  const cell = document.createElement("section");
  const button = document.createElement("button");
  const editor = document.createElement("textarea");
  const output = document.createElement("div");
  button.textContent = "Run";
  button.setAttribute("aria-label", `Run cell ${number}`);
  editor.setAttribute("aria-label", `Cell ${number}`);
  editor.spellcheck = false;
  editor.value = source;
  editor.setSelectionRange(0, 0); // a narrow screen shows how lines begin
  output.setAttribute("aria-live", "polite");
  const fit = () => { editor.rows = editor.value.split("\n").length; };
  const start = () => {
    output.innerHTML = run(editor.value, number, names);
    if (cell === main.lastChild) addCell("");
    cell.nextSibling.querySelector("textarea").focus();
  };
  editor.addEventListener("input", fit);
  editor.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      if (!button.disabled) start();
    }
  });
  button.addEventListener("click", start);
  button.disabled = !run;
  fit();
  cell.append(button, editor, output);
  main.append(cell);
}

try {
  const content = await (await fetch("lite.json")).json();
  content.cells.forEach((source) => addCell(source.trimEnd()));
  const pyodide = await loadPyodide();
  for (const name of content.wheels) {
    pyodide.unpackArchive(new Uint8Array(await (await fetch(name)).arrayBuffer()), "wheel");
  }
  names = pyodide.runPython("{'__name__': '__main__'}", { globals: pyodide.toPy({}) });
  pyodide.runPython(`${RUN}\nfrom micrograd_like import *\nimport micrograd_like`);
  run = pyodide.globals.get("run");
  run("from micrograd_like import *", 0, names);
  for (const button of main.querySelectorAll("button")) button.disabled = false;
  status.textContent = `Ready: Python ${pyodide.runPython("import sys; sys.version.split()[0]")}, micrograd_like ` +
    pyodide.runPython("micrograd_like.__version__");
} catch (error) {
  status.textContent = `Python could not be loaded: ${error.message}`;
}
