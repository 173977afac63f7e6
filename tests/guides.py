"""The README and the guides as programs: their Python and their shell lines are run, in order, in one new folder.

A guide's blocks of Python share their names, as in a notebook. Blocks with a file's name after their language are that
file, one after the other. A block of text after a block of Python or of the shell is what was printed. A picture that a
guide shows, and that one of its blocks saves under the same name, must be the one that is shown.

`python -m tests.guides` makes these pictures anew.
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from micrograd_like import Value, cli, ops

ROOT = Path(__file__).parent.parent
GUIDES = [ROOT / "README.md", *sorted((ROOT / "demos").glob("*.md"))]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# Lines of the shell that the gate runs, or that people type elsewhere
INSTALLING = ("python3 -m venv", ". .venv/bin/activate", ".venv/bin/", "pip install")


@dataclass
class Block:
    """A block of code in a guide."""

    language: str
    file: str
    text: str
    line: int
    printed: str | None = None


@dataclass
class Run:
    """What came of a guide's blocks: what failed, and the files that were written."""

    failures: list[str] = field(default_factory=list)
    folder: Path = Path()


def blocks(path: Path) -> list[Block]:
    """Return a guide's blocks of code, those of text with what they are the output of."""
    written = path.read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in re.finditer(r"^```(\w*) ?(\S*)\n(.*?)^```$", written, re.DOTALL | re.MULTILINE):
        language, file, text = match.groups()
        if language in ("", "text") and found and not written[end : match.start()].strip():
            found[-1].printed = text
        else:
            found.append(Block(language, file, text, written.count("\n", 0, match.start()) + 2))
        end = match.end()
    return found


def pictures(path: Path) -> list[Path]:
    """Return the files of the pictures that a guide shows."""
    return [path.parent / name for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", path.read_text(encoding="utf-8"))]


def run(path: Path, folder: Path) -> Run:
    """Run a guide's blocks in a new folder, which is the working directory meanwhile."""
    done = Run(folder=folder)
    (folder / "demos").symlink_to(ROOT / "demos")
    names: dict[str, object] = {"__name__": "__main__"}
    before = dict(ops.OPERATIONS)
    try:
        with patch("sys.path", [str(folder), *sys.path]):
            _run(path, names, done)
    finally:
        for block in blocks(path):
            sys.modules.pop(block.file.removesuffix(".py"), None)
        for name in ops.OPERATIONS.keys() - before.keys():  # those that the guide has made
            del ops.OPERATIONS[name], ops._forwards[name]
            delattr(Value, name)
    return done


def _run(path: Path, names: dict[str, object], done: Run) -> None:
    for block in blocks(path):
        where = f"{path.name}, line {block.line}"
        if block.file:
            with (done.folder / block.file).open("a", encoding="utf-8") as file:
                file.write(block.text)
        elif block.language == "sh":
            done.failures += [f"{where}: {said}" for said in _shell(block)]
        elif block.language == "python" and ">>>" in block.text:
            said = io.StringIO()
            test = doctest.DocTestParser().get_doctest(block.text, names, path.name, str(path), block.line)
            runner = doctest.DocTestRunner(optionflags=FLAGS)
            if runner.run(test, out=said.write, clear_globs=False).failed:
                done.failures.append(f"{where}: {said.getvalue()}")
            names = test.globs
        elif block.language == "python":
            done.failures += [f"{where}: {said}" for said in _script(block, names)]


def _script(block: Block, names: dict[str, object]) -> list[str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(block.text, f"<line {block.line}>", "exec"), names)
    printed = said.getvalue()
    promised = re.findall(r"print\(.*\)  # (-?[\d.]+)", block.text)
    if promised and promised != printed.split()[: len(promised)]:
        return [f"prints {printed}"]
    return _compared(block, printed)


def _shell(block: Block) -> list[str]:
    failures, printed = [], ""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words or line.startswith(INSTALLING):
            continue
        if (
            words[0] == "micrograd-like" and words[1] != "step"
        ):  # which would ask the terminal, past what stands in for it
            said = io.StringIO()
            with contextlib.redirect_stdout(said), patch("sys.stdin", io.StringIO()):
                try:
                    code = cli.main(words[1:])
                except SystemExit as stopped:
                    code = stopped.code
            printed += said.getvalue()
        elif words[0] in ("python", "micrograd-like"):
            rest = words[1:] if words[0] == "python" else ["-m", "micrograd_like", *words[1:]]
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
            ended = subprocess.run(
                [sys.executable, *rest], env=environment, input="", capture_output=True, text=True, encoding="utf-8"
            )
            code, printed = ended.returncode, printed + ended.stdout
        else:
            code = "not a command that these tests know"
        if code:
            failures.append(f"{line}: {code}")
    return failures + _compared(block, printed)


def _compared(block: Block, printed: str) -> list[str]:
    if block.printed is None or doctest.OutputChecker().check_output(block.printed, printed, FLAGS):
        return []
    return [f"prints\n{printed}\nnot\n{block.printed}"]


def outdated(path: Path, folder: Path) -> dict[Path, Path]:
    """Return the pictures that a guide shows and that its blocks have drawn otherwise, with the new ones."""
    made = {picture: folder / picture.name for picture in pictures(path)}
    return {old: new for old, new in made.items() if new.exists() and not (old.exists() and _same(old, new))}


def _same(old: Path, new: Path) -> bool:
    """Tell whether two pictures are equal; of plots their words are, for curves depend on the version of matplotlib."""
    a, b = old.read_text(encoding="utf-8"), new.read_text(encoding="utf-8")
    if "Matplotlib" in a:
        return _words(a) == _words(b)
    return a == b


def _words(plot: str) -> list[str]:
    return sorted(re.findall(r"<!-- (.*?) -->|>([^<>]+)</text>", plot))


if __name__ == "__main__":
    for guide in GUIDES:
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            for problem in run(guide, Path(scratch)).failures:
                print(problem)
            for old, new in outdated(guide, Path(scratch)).items():
                old.parent.mkdir(exist_ok=True)
                old.write_bytes(new.read_bytes())
                print(f"made {old.relative_to(ROOT)} anew")
