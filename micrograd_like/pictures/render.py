"""DOT source to SVG or PNG by Graphviz, and what an SVG needs beyond what Graphviz writes."""

import contextlib
import functools
import html
import os
import shutil
import subprocess
import sysconfig
import zlib
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from xml.etree import ElementTree

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_BACKSLASH = "\N{FULLWIDTH REVERSE SOLIDUS}"

# The colours that the DOT source uses (Okabe and Ito's, darkened for a contrast of 4.5:1 on white), each with its
# counterpart on a dark ground.
INK, FAINT, DATA, GRAD, GROUND = "#1a1a1a", "#5f6368", "#0072b2", "#b84f00", "#ffffff"
_DARK = {INK: "#e8e8e8", FAINT: "#a8adb3", DATA: "#56b4e9", GRAD: "#e69f00", GROUND: "#1e1e1e"}


def render(dot: str, kind: str, timeout: float = 60.0) -> bytes:
    """Return the picture that Graphviz makes of DOT source, as "svg" or "png".

    Raises:
        RuntimeError: there is no Graphviz, it failed, or it took more than `timeout` seconds.
    """
    command = [*_graphviz(), f"-T{kind}"]
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
def _graphviz() -> tuple[str, ...]:
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


def escape(written: str) -> str:
    """Quote text for DOT, whose attributes and HTML-like labels know entities, and backslashes that mean something.

    How often Graphviz takes backslashes away differs between nodes and edges; so another character stands for them in
    the source until `finish_svg` puts them back.
    """
    return html.escape(written).replace("\\", _BACKSLASH).replace("\n", "&#10;")


def finish_svg(svg: bytes, title: str, description: str) -> str:
    """Return Graphviz's SVG with a title and description for screen readers, tooltips, and colours for dark mode.

    Graphviz puts a tooltip in a link without a target and an internal name in the title that browsers show; here the
    tooltip becomes the title.
    """
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(svg.replace(_BACKSLASH.encode(), b"\\"))
    for group in root.iter(f"{{{_SVG}}}g"):
        heading = group.find(f"{{{_SVG}}}title")
        if heading is None:
            continue
        group.remove(heading)
        for inner in list(group):
            link = inner.find(f"{{{_SVG}}}a")
            if link is not None:  # a node's or an edge's, whose shapes it holds
                place = list(group).index(inner)
                group.remove(inner)
                for k, child in enumerate(link):
                    group.insert(place + k, child)
                tooltip = ElementTree.Element(f"{{{_SVG}}}title")
                tooltip.text = link.get(f"{{{_XLINK}}}title")
                group.insert(0, tooltip)
    name = f"micrograd-like-{zlib.crc32(svg):08x}"  # so that two pictures on one page do not share an id
    root.set("class", "micrograd-like")
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    heads = []
    for tag, content in (("title", title), ("desc", description)):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = content
        heads.append(element)
    style = ElementTree.Element(f"{{{_SVG}}}style")
    style.text = "@media (prefers-color-scheme: dark) {" + "".join(
        f' .micrograd-like [{attribute}="{light}"] {{ {attribute}: {dark} }}'
        for light, dark in _DARK.items()
        for attribute in ("fill", "stroke")
    )
    style.text += " }"
    for k, element in enumerate((*heads, style)):
        root.insert(k, element)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
