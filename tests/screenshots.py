"""The pictures of pages in the guides: `python -m tests.screenshots` makes them anew, with Playwright and Chromium."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from micrograd_like import MLP, named, page, parameter
from micrograd_like.nn.datasets import moons

PICTURES = Path(__file__).parent.parent / "demos" / "pictures"


def neuron() -> Any:
    """Return the lecture's neuron."""
    x1, x2 = named(x1=2.0, x2=0.0)
    w1, w2, b = parameter(-3.0, "w1"), parameter(1.0, "w2"), parameter(6.8813735870195432, "b")
    n = x1 * w1 + x2 * w2 + b
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    return o


def step(shown: Page) -> None:
    """Go to the last step but one of the backward pass."""
    shown.keyboard.press("End")
    shown.keyboard.press("ArrowLeft")


def learn(shown: Page) -> None:
    """Learn for some seconds."""
    shown.click("text=Play")
    shown.wait_for_timeout(4000)
    shown.click("text=Pause")
    shown.click("text=Backward")


SHOTS: dict[str, tuple[Callable[[Path], Any], Callable[[Page], None], tuple[int, int]]] = {
    "page-graph": (lambda path: page(neuron()).save(path), step, (1280, 760)),
    "page-network": (
        lambda path: page(MLP(2, [4, 4, 1], activation="tanh", seed=1), moons()).save(path),
        learn,
        (1280, 1120),
    ),
}


def main() -> None:
    """Make every picture."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (save, act, (width, height)) in SHOTS.items():
            path = Path(scratch, f"{name}.html")
            save(path)
            shown = chromium.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
            shown.goto(path.as_uri())
            act(shown)
            shown.wait_for_timeout(300)
            shown.screenshot(path=PICTURES / f"{name}.png")
            print(f"made demos/pictures/{name}.png anew")


if __name__ == "__main__":
    main()
