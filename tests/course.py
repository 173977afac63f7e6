"""The course: each notebook is written as Markdown in demos/course/text, run here, and saved with what it shows.

A block of Python is a cell. Pictures are saved as PNG, which every preview of notebooks shows; a person who runs a cell
sees them as SVG.

`python -m tests.course` makes the notebooks anew, `python -m tests.course 03` the third.
"""

import os
import re
import sys
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from nbformat import v4

from micrograd_like.files import write_whole

ROOT = Path(__file__).parent.parent
COURSE = ROOT / "demos" / "course"
TEXTS = sorted((COURSE / "text").glob("*.md"))

HOW_TO_RUN = """\
<details><summary>How to run this notebook</summary>

* In a clone of the repository: `pip install ".[plots]" jupyterlab`, then `jupyter lab demos/course`.
* In Colab: add a cell above this one with `%pip install "micrograd_like[plots] @ git+ADDRESS"`, where ADDRESS is the
  address of the repository in which you found the notebook.
* In JupyterLite: run `pip wheel --no-deps .` in a clone, drop the wheel onto the list of files, and add a cell above
  this one with `%pip install emfs:NAME.whl matplotlib`, where NAME.whl is the wheel.

</details>"""

DPI = 120  # of the pictures, which a preview shows at the size that they have in 96

# Run before the first cell, and not saved; previews show no pages, so a cursor is saved as the picture that it also has
AS_PNG = f"""
from micrograd_like.pictures import Drawing
from micrograd_like.stepping.stepper import Stepper

def bundle(drawing, include=None, exclude=None):
    import base64, os, tempfile
    with tempfile.TemporaryDirectory() as folder:
        png = drawing.save(os.path.join(folder, "picture.png"), dpi={DPI}).read_bytes()
    return {{"image/png": base64.b64encode(png).decode(), "text/plain": drawing.text}}

def at_cursor(cursor, include=None, exclude=None, bundle=bundle):
    return {{**bundle(cursor.draw()), "text/plain": repr(cursor)}}

Drawing._repr_mimebundle_, Stepper._repr_mimebundle_ = bundle, at_cursor
del Drawing, Stepper, bundle, at_cursor
"""


def cells(path: Path) -> list[Any]:
    """Return a text as the cells of a notebook, not run yet."""
    title, rest = path.read_text(encoding="utf-8").split("\n\n", 1)
    parts = re.split(r"^```python\n(.*?)\n```$", rest, flags=re.DOTALL | re.MULTILINE)
    parts[0] = f"{title}\n\n{HOW_TO_RUN}\n\n{parts[0].strip()}"
    made = [
        v4.new_code_cell(part) if k % 2 else v4.new_markdown_cell(part.strip())
        for k, part in enumerate(parts)
        if part.strip()
    ]
    for k, cell in enumerate(made, start=1):
        cell.id = f"cell-{k}"
    return made


def build(path: Path) -> Any:
    """Return the notebook of a text, run in a new kernel and a new folder."""
    notebook = v4.new_notebook(cells=[v4.new_code_cell(AS_PNG), *cells(path)])
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", coalesce_streams=True)
        client.execute(cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"})
    notebook.cells = notebook.cells[1:]
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
        cell.metadata = {}
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
            if "image/png" in output.get("data", ()) and not output.data["text/plain"].startswith("<"):
                width = int.from_bytes(b64decode(output.data["image/png"])[16:20], "big")
                output.metadata = {"image/png": {"width": round(width * 96 / DPI)}}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(notebook)
    return notebook


def saved(path: Path) -> Path:
    """Return where the notebook of a text is."""
    return COURSE / f"{path.stem}.ipynb"


def shown(notebook: Any) -> list[tuple[str, list[Any]]]:
    """Return the cells with what they show: text as it is, of pictures that there are some."""
    return [(cell.source, [_said(output) for output in cell.get("outputs", ())]) for cell in notebook.cells]


def _said(output: Any) -> Any:
    if output.output_type == "stream":
        return output.name, output.text
    return {kind: "a picture" if kind == "image/png" else data for kind, data in output.data.items()}


if __name__ == "__main__":
    for text in TEXTS:
        if not sys.argv[1:] or text.name.startswith(tuple(sys.argv[1:])):
            write_whole(saved(text), f"{nbformat.writes(build(text))}\n".encode())
            print(f"made {saved(text).relative_to(ROOT)} anew")
