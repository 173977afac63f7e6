"""Everything that the README and the guides say to type is typed, and their pictures are what comes of it."""

import re

import pytest

from . import mistakes
from .guides import GUIDES, INSTALLING, ROOT, blocks, outdated, pictures, run

NAMES = [path.name for path in GUIDES]


@pytest.mark.parametrize("path", GUIDES, ids=NAMES)
@pytest.mark.filterwarnings("default")
def test_what_it_says_to_type_works(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not run(path, tmp_path).failures
    assert not outdated(path, tmp_path), "python -m tests.guides makes these pictures anew"


@pytest.mark.parametrize("path", GUIDES, ids=NAMES)
def test_its_links_lead_somewhere(path):
    written = path.read_text(encoding="utf-8")
    bare = re.sub(r"^```.*?^```$", "", written, flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)]+)\)", bare):
        file, _, place = link.partition("#")
        if "://" not in link:
            target = (path.parent / file).resolve() if file else path
            assert target.exists(), link
            if place:
                headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
                anchors = [re.sub(r"[^\w\- ]", "", words).lower().replace(" ", "-") for words in headings]
                assert place in anchors, link


def test_the_guide_to_mistakes_is_up_to_date():
    assert mistakes.GUIDE.read_text(encoding="utf-8") == mistakes.guide(), "python -m tests.mistakes writes it anew"


def test_every_guide_is_in_the_index():
    index = (ROOT / "demos" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "demos").iterdir():
        if path.suffix in (".md", ".py", ".ipynb") and path.name != "README.md":
            assert f"({path.name})" in index, path.name


def test_every_picture_is_shown_and_described():
    shown = {picture.resolve() for path in GUIDES for picture in pictures(path)}
    assert set((ROOT / "demos").rglob("*.svg")) <= shown
    for path in GUIDES:
        assert not re.findall(r"!\[\s*\]", path.read_text(encoding="utf-8")), "a picture without words"


def test_the_readme_begins_with_the_two_commands_of_the_gate():
    lines = [line for block in blocks(GUIDES[0]) if block.language == "sh" for line in block.text.splitlines()]
    assert [line.startswith(INSTALLING) for line in lines[:2]] == [True, True]


def test_micrograds_own_example_is_there_with_its_numbers():
    written = "".join(path.read_text(encoding="utf-8") for path in GUIDES)
    assert all(number in written for number in ("24.7041", "138.8338", "645.5773"))
