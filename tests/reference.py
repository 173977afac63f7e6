"""The reference, made of the docstrings: `python -m tests.reference` writes it into out/reference.

Names that a package loads when they are first asked for are asked for here, so that they are found.
"""

import pkgutil
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pdoc
import pdoc.render

import micrograd_like


def build(folder: Path) -> None:
    """Write a page for each module; a warning is an error."""
    found = [m.name for m in pkgutil.walk_packages(micrograd_like.__path__, "micrograd_like.")]
    names = ["micrograd_like", *(name for name in found if not name.endswith("__main__"))]
    for module in map(import_module, names):
        for name in getattr(module, "__all__", ()):
            setattr(module, name, getattr(module, name))
    pdoc.render.configure(docformat="google", footer_text=f"micrograd_like {micrograd_like.__version__}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "The module specification")  # of a module that a package lists itself
        warnings.filterwarnings("ignore", ".*array.array. is not subscriptable")  # before Python 3.12
        pdoc.pdoc(*names, output_directory=folder)


if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "out/reference")
    build(out)
    print(f"wrote {out / 'index.html'}")
