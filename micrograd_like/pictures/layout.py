"""Where Graphviz is found and asked."""

import contextlib
import functools
import os
import shutil
import subprocess
import sysconfig
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path


def graphviz(dot: str, kind: str, timeout: float = 60.0) -> bytes:
    """Return what Graphviz makes of DOT source, in the format `kind`.

    Raises:
        RuntimeError: there is no Graphviz, it failed, or it took more than `timeout` seconds.
    """
    command = [*_command(), f"-T{kind}"]
    try:
        run = subprocess.run(command, input=dot.encode(), capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"laying out the picture took more than {timeout:g} s: draw a smaller graph, "
            "or save the .dot and lay it out by other means"
        ) from None
    if run.returncode or not run.stdout:
        raise RuntimeError(f"Graphviz could not draw this: {run.stderr.decode(errors='replace').strip()}")
    return run.stdout


@functools.cache
def _command() -> tuple[str, ...]:
    """Return the command that lays out graphs: the bundled Graphviz, or else a `dot` of the system."""
    suffix = ".exe" if os.name == "nt" else ""
    candidates = [Path(sysconfig.get_path("scripts")) / f"graphviz-pure{suffix}"]
    with contextlib.suppress(PackageNotFoundError):  # where pip put it with --user or --prefix
        candidates += [
            Path(str(file.locate())) for file in files("graphviz-pure") or () if file.stem == "graphviz-pure"
        ]
    for path in candidates:
        if path.is_file() and os.access(path, os.X_OK):
            return (str(path),)
    if system := shutil.which("dot"):
        return (system,)
    raise RuntimeError(
        "drawing needs Graphviz: run `pip install graphviz-pure`, or install Graphviz so that `dot` is found. "
        "The DOT source can be had without it: drawing.dot, or drawing.save('graph.dot')"
    )
