"""Where the nodes and edges of a graph go: Graphviz is found and asked, or else `layers` does it."""

import contextlib
import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from . import layers
from .layers import Place, Points

PATIENCE = 60  # seconds for a picture
LARGE = 400  # nodes; from here on a quicker way of ordering them is as good


def lay_out(
    sizes: Mapping[str, Place],
    edges: Sequence[tuple[str, str]],
    ordered: Collection[str],
    inner: Collection[str],
    frames: Mapping[str, Sequence[str]],
    rankdir: str,
    *,
    labels: float,
) -> tuple[dict[str, Place], list[Points], dict[str, Place]]:
    """Return the place of each node, the Bézier curve of each edge, and the place of each frame around nodes.

    Graphviz is told sizes only, so no label can upset it. `ordered` are nodes whose edges should arrive in
    their order, `inner` those that are computed;
    `labels` is how wide the widest label of an edge is. Without Graphviz there are no frames.

    Raises:
        RuntimeError: Graphviz takes too long.
    """
    across = rankdir == "LR"
    start, end = ("e", "w") if across else ("s", "n")
    ranksep = 22 + labels if across else 34
    if len(edges) > 3 * len(sizes):  # bundles, whose single edges are told apart where they are long
        ranksep = 80
    nodesep = 10 if across else 14.4
    if not command():
        return *layers.lay_out(sizes, edges, inner, rankdir, ranksep, nodesep + 4), {}
    crowded = len(sizes) > LARGE
    lines = [
        f"digraph {{ rankdir={rankdir}; ranksep={ranksep / 72:.3f}; nodesep={nodesep / 72:.2f};",
        'node [shape=box, fixedsize=true, label=""]; edge [dir=none]; ',
    ]
    if crowded:  # measured: 20 s without, 3 s with it, on 5,000 nodes
        lines.append("newrank=true; mclimit=0.1; nslimit=1; nslimit1=1; ")
    for key, (_, _, width, height) in sizes.items():
        order = ", ordering=in" if key in ordered and not crowded else ""
        lines.append(f"{key} [width={width / 72:.4f}, height={height / 72:.4f}{order}];")
    for k, (tail, head) in enumerate(edges):
        weight = ", weight=4" if tail in inner else ""  # so that chains are straight, and leaves stand beside them
        lines.append(f"{tail}:{start} -> {head}:{end} [id={k}{weight}];")
    for k, keys in enumerate(frames.values()):
        lines.append(f'subgraph cluster{k} {{ margin=7; label=" "; fontsize=10; labeljust=l; {" ".join(keys)} }}')
    lines.append("}")
    found = json.loads(graphviz("\n".join(lines), "json0"))
    height = float(found["bb"].split(",")[3])

    def point(written: str) -> tuple[float, float]:
        x, y = written.split(",")
        return float(x), height - float(y)

    places: dict[str, Place] = {}
    outlines: dict[str, Place] = {}
    titles = list(frames)
    for thing in found["objects"]:
        if thing["name"] in sizes:
            places[thing["name"]] = (*point(thing["pos"]), *sizes[thing["name"]][2:])
        else:
            x1, y1, x2, y2 = map(float, thing["bb"].split(","))
            outlines[titles[int(thing["name"].removeprefix("cluster"))]] = (
                (x1 + x2) / 2,
                height - (y1 + y2) / 2,
                x2 - x1,
                y2 - y1,
            )
    curves: list[Points] = [()] * len(edges)
    for edge in found.get("edges", ()):
        curves[int(edge["id"])] = tuple(point(p) for p in edge["pos"].split())
    return places, curves, outlines


def graphviz(dot: str, kind: str) -> bytes:
    """Return what Graphviz makes of DOT source, in the format `kind`.

    Raises:
        RuntimeError: Graphviz failed, or took more than a minute.
    """
    try:
        run = subprocess.run([*command(), f"-T{kind}"], input=dot.encode(), capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"laying out the picture took more than {PATIENCE} s: draw a smaller graph, "
            "or save the .dot and lay it out by other means"
        ) from None
    if run.returncode or not run.stdout:
        raise RuntimeError(f"Graphviz could not draw this: {run.stderr.decode(errors='replace').strip()}")
    return run.stdout


def command() -> list[str]:
    """Return the command of the bundled Graphviz, or else of the system's; nothing where there is none."""
    suffix = ".exe" if os.name == "nt" else ""
    candidates = [Path(sysconfig.get_path("scripts")) / f"graphviz-pure{suffix}"]
    with contextlib.suppress(PackageNotFoundError):  # where pip put it with --user or --prefix
        candidates += [
            Path(str(file.locate())) for file in files("graphviz-pure") or () if file.stem == "graphviz-pure"
        ]
    for path in candidates:
        if path.is_file() and os.access(path, os.X_OK):
            return [str(path)]
    system = shutil.which("dot")
    return [system] if system else []
