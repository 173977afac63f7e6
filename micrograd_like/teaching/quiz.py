"""A quiz in the terminal: it asks, says which mistake it was, and brings back what was missed with new numbers."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..answers import read_answer
from ..files import write_whole
from .exercises import Exercise, exercise
from .levels import LEVELS
from .mistakes import MISTAKES, find

ENOUGH = 2  # exercises in a row that are all right lead to the next level; a mistake is forgotten after as many
HELP = "Answer by 4, -3/2, 1.25 or sqrt(2)/2; nothing leaves it open, q ends the quiz."


class ProgressError(ValueError):
    """A file holds no progress of a quiz."""


@dataclass
class Progress:
    """What is known of somebody: kept between quizzes."""

    level: int = 0  # of LEVELS
    streak: int = 0  # exercises all right in a row, at this level
    done: int = 0  # exercises
    right: int = 0  # of them
    shaky: dict[str, int] = field(default_factory=dict)  # mistake -> exercises still to be right in which it shows

    def note(self, drawn: Exercise, mistakes: set[str], is_right: bool) -> None:
        """Take down how an exercise went."""
        self.done += 1
        self.right += is_right
        for mistake_id in mistakes:
            self.shaky[mistake_id] = ENOUGH
        if not is_right:
            self.streak = 0
            return
        for mistake_id in [m for m in self.shaky if m in drawn.visible]:
            self.shaky[mistake_id] -= 1
            if not self.shaky[mistake_id]:
                del self.shaky[mistake_id]
        self.streak += 1
        if self.streak >= ENOUGH and self.level < len(LEVELS) - 1:
            self.level, self.streak = self.level + 1, 0

    def save(self, path: Path) -> None:
        """Write it to a file, as a whole or not at all; OSError if that fails."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> "Progress":
        """Read a file that `save` wrote; ProgressError, naming what is wrong, if it is none."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ProgressError(f"{path}: this is no JSON text: {error}") from None
        new = cls()
        if not isinstance(found, dict) or set(found) != set(asdict(new)):
            raise ProgressError(f"{path}: this is no progress of a quiz")
        for name in ("level", "streak", "done", "right"):
            if type(found[name]) is not int or found[name] < 0:
                raise ProgressError(f"{path}: {name}: {found[name]!r} is no whole number from 0")
            setattr(new, name, found[name])
        shaky, known = found["shaky"], {mistake.id for mistake in MISTAKES}
        if not isinstance(shaky, dict) or not all(k in known and n in range(1, ENOUGH + 1) for k, n in shaky.items()):
            raise ProgressError(f"{path}: shaky: this names no mistakes that are known")
        if new.level >= len(LEVELS):
            raise ProgressError(f"{path}: level: there is no level {new.level}")
        new.shaky = dict(shaky)
        return new


def progress_file() -> Path:
    """Return where progress is kept: in the user's data directory, as XDG and Windows say."""
    if os.name == "nt" and "APPDATA" in os.environ:
        return Path(os.environ["APPDATA"]) / "micrograd_like" / "quiz.json"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "micrograd_like" / "quiz.json"


def quiz(
    rounds: int | None = None,
    seed: int = 0,
    path: Path | None = None,
    ask: Callable[[str], str] = input,
    say: Callable[[str], None] = print,
) -> Progress:
    """Ask exercises until `rounds` are done, or until q or the end of the input; keep the progress in a file.

    Args:
        rounds: how many exercises; None for no end.
        seed: which exercises.
        path: the file; None for the one in the user's data directory.
        ask: how an answer is asked for.
        say: how anything else is said.

    Raises:
        OSError: the progress cannot be kept.
    """
    path = path or progress_file()
    progress = _open(path, say)
    before = progress.done, progress.right
    say(HELP)
    try:
        for k in range(progress.done, sys.maxsize if rounds is None else progress.done + rounds):
            drawn, wanted = _next(progress, seed + k)
            say(f"\n{k + 1}. Level: {list(LEVELS)[progress.level]}")
            if wanted:
                say(f"   again, with other numbers: {find(wanted).name}")
            say(f"\n{drawn}\n")
            result = drawn.grade(_answers(drawn, ask, say))
            say(f"\n{result}")
            everything = all(g.status == "right" for g in result.grades)
            named = {m for d in result.diagnoses for m in d.ids} if len(result.diagnoses) == 1 else set()
            progress.note(drawn, named, everything)
            progress.save(path)
    except (EOFError, KeyboardInterrupt):
        say("")
    say(_summary(progress, progress.done - before[0], progress.right - before[1]))
    return progress


def _open(path: Path, say: Callable[[str], None]) -> Progress:
    """Return the progress so far; what cannot be read is set aside, and said."""
    if not path.exists():
        return Progress()
    try:
        return Progress.load(path)
    except ProgressError as error:
        aside = path.with_suffix(".damaged.json")
        os.replace(path, aside)
        say(f"{error}. It is kept as {aside.name}, and the quiz begins anew.")
        return Progress()


def _next(progress: Progress, seed: int) -> tuple[Exercise, str]:
    """Return an exercise, and the mistake for which it was chosen, if there is one that should show."""
    level = list(LEVELS)[progress.level]
    for mistake_id in progress.shaky:
        for at in (level, *list(LEVELS)[progress.level + 1 :]):
            for k in range(10):
                drawn = exercise(1000 * seed + k, at)
                if mistake_id in drawn.visible:
                    return drawn, mistake_id
    return exercise(1000 * seed, level), ""


def _answers(drawn: Exercise, ask: Callable[[str], str], say: Callable[[str], None]) -> dict[str, Any]:
    """Ask for each number; ask again where an answer is no number."""
    answers: dict[str, Any] = {}
    for name in drawn.answers:
        while True:
            written = ask(f"{drawn.question(name)} = ").strip()
            if written.lower() in ("q", "quit"):
                raise EOFError
            try:
                answers[name] = read_answer(written) and written if written else None
                break
            except ValueError as error:
                say(f"{error}; {HELP}")
    return answers


def _summary(progress: Progress, done: int, right: int) -> str:
    lines = [f"{right} of {done} exercises all right; {progress.right} of {progress.done} in all."]
    if progress.shaky:
        lines.append("Still shaky: " + "; ".join(find(mistake_id).name for mistake_id in progress.shaky) + ".")
    lines.append(f"You are at level {progress.level + 1} of {len(LEVELS)}: {list(LEVELS)[progress.level]}.")
    return "\n".join(lines)
