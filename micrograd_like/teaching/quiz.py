"""A quiz in the terminal: it asks, says which mistake it was, and brings back what was missed with new numbers.

What is wrong is asked again, each time with more help; what was right without any help counts.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from ..escape import one_line
from ..files import data_folder, read_json, write_whole
from ..graph.steps import backward_steps
from ..notation.answers import read_answer
from ..notation.names import partial
from .exercises.exercise import Exercise
from .exercises.generator import exercise
from .exercises.levels import LEVELS
from .grading.mistakes import MISTAKES, find
from .grading.report import Level, ask_about

ATTEMPTS: tuple[Level, ...] = ("hint", "rule", "step")  # at an exercise, and the help with each
ENOUGH = 2  # exercises in a row that are all right lead to the next level; a mistake is forgotten after as many
HELP = "Type numbers such as 4, -3/2, 1.25 or sqrt(2)/2. Enter alone leaves one open, h helps, q ends the quiz."


VERSION = 1  # of the file that keeps progress


class ProgressError(ValueError):
    """A file holds no progress of a quiz."""


class NewerError(ValueError):
    """A file was written by a newer release of this program."""


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
        write_whole(path, (json.dumps({"version": VERSION, **asdict(self)}, indent=1) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> "Progress":
        """Read a file that `save` wrote; ProgressError, naming what is wrong, if it did not, and NewerError."""
        try:
            found = read_json(path)
        except ValueError as error:
            raise ProgressError(str(error)) from None
        new = cls()
        version = found.pop("version", None) if isinstance(found, dict) else None
        if type(version) is int and version > VERSION:
            raise NewerError(f"{path}: a newer release of this program keeps your progress there")
        if version != VERSION or set(found) != set(asdict(new)):
            raise ProgressError(f"{path}: this is not the progress of a quiz")
        for name in ("level", "streak", "done", "right"):
            if type(found[name]) is not int or found[name] < 0:
                raise ProgressError(f"{path}: {name}: {found[name]!r:.40} is no whole number from 0")
            setattr(new, name, found[name])
        shaky, known = found["shaky"], {mistake.id for mistake in MISTAKES}
        if not isinstance(shaky, dict) or not all(k in known and n in range(1, ENOUGH + 1) for k, n in shaky.items()):
            raise ProgressError(f"{path}: shaky: this names no mistakes that are known")
        if new.level >= len(LEVELS):
            raise ProgressError(f"{path}: level: there is no level {new.level!r:.40}")
        new.shaky = dict(shaky)
        return new


def progress_file() -> Path:
    """Return where progress is kept."""
    return data_folder() / "quiz.json"


def quiz(
    rounds: int | None = None,
    seed: int = 0,
    path: Path | None = None,
    ask: Callable[[str], str] = input,
    say: Callable[[str], None] = print,
) -> Progress:
    """Ask exercises until `rounds` are done, or until q or the end of the input; keep the progress in a file.

    Ctrl-C ends it too, with the summary, and is then left to the caller.

    Progress that cannot be kept is said, and the quiz goes on. Quizzes at the same time add up in one file.

    Args:
        rounds: how many exercises; None for no end.
        seed: which exercises.
        path: the file; None for the one in the user's data directory.
        ask: how an answer is asked for.
        say: how anything else is said.
    """
    progress, kept_at = _open(path or progress_file(), say)
    start, done, right = progress.done, 0, 0
    practised, met = dict[str, None](), dict.fromkeys(progress.shaky)
    say(HELP)
    try:
        for k in range(start, sys.maxsize if rounds is None else start + rounds):
            drawn, level, wanted = _next(progress, seed + k)
            say(f"\nExercise {k + 1}, level {list(LEVELS).index(level) + 1} of {len(LEVELS)}: {LEVELS[level].about}")
            if wanted:
                say(f"Here it shows whether you still make this mistake: {find(wanted).name}.")
            say(f"\n{drawn}\n")
            mistakes, is_right = _work(drawn, ask, say)
            before = progress.level
            if kept_at:
                progress, kept_at = _open(kept_at, say)  # another quiz may have gone on meanwhile
            progress.note(drawn, mistakes, is_right)
            kept_at = kept_at and _keep(progress, kept_at, say)
            done, right = done + 1, right + is_right
            practised[LEVELS[level].about] = None
            met |= dict.fromkeys(mistakes)
            if progress.level > before:
                say(f"\nOn to level {progress.level + 1} of {len(LEVELS)}.")
    except EOFError:
        say("")
    except KeyboardInterrupt:
        say("")
        say(_summary(progress, done, right, list(practised), list(met)))
        raise
    say(_summary(progress, done, right, list(practised), list(met)))
    return progress


def _open(path: Path, say: Callable[[str], None]) -> tuple[Progress, Path | None]:
    """Return the progress so far, and where to keep it; what cannot be read is set aside, and said."""
    try:
        try:
            return Progress.load(path), path
        except FileNotFoundError:
            return Progress(), path
        except ProgressError as error:
            aside = _unused(path)
            os.replace(path, aside)
            say(f"{one_line(str(error))}. It is kept as {aside.name}, and the quiz begins anew.")
            return Progress(), path
    except (OSError, NewerError) as error:
        say(f"Your progress cannot be read, and will not be kept: {one_line(str(error))}")
        return Progress(), None


def _unused(path: Path) -> Path:
    """Return a name for a damaged file that nothing has; the file made there is replaced by it."""
    for k in count(1):
        aside = path.with_suffix(f".damaged-{k}.json")
        with suppress(FileExistsError):
            aside.touch(exist_ok=False)
            break
    return aside


def _keep(progress: Progress, path: Path, say: Callable[[str], None]) -> Path | None:
    """Save progress; return where it is kept, None if that is not possible, which is said."""
    try:
        progress.save(path)
    except OSError as error:
        say(f"\nYour progress cannot be kept: {error}")
        return None
    return path


def _next(progress: Progress, seed: int) -> tuple[Exercise, str, str]:
    """Return an exercise, its level, and the mistake for which it was chosen, if there is one that should show."""
    levels = list(LEVELS)[progress.level :]
    for mistake_id in progress.shaky:
        for level in levels:
            for k in range(10):
                drawn = exercise(1000 * seed + k, level)
                if mistake_id in drawn.visible:
                    return drawn, level, mistake_id
    return exercise(1000 * seed, levels[0]), levels[0], ""


def _work(drawn: Exercise, ask: Callable[[str], str], say: Callable[[str], None]) -> tuple[set[str], bool]:
    """Ask for each number, and once more for what is not right; return the mistakes, and if all was right at once."""
    answers: dict[str, Any] = {}
    wrong, helped, mistakes = list(drawn.answers), False, set[str]()
    for attempt, level in enumerate(ATTEMPTS):
        if attempt:
            say("\nOnce more; Enter alone at all of them shows how it is done.\n")
        given, with_help = _answers(drawn, wrong, ask, say)
        answers |= given
        helped |= with_help
        if attempt and not any(given.values()):
            break
        result = drawn.grade(answers, level)
        say(f"\n{result}")
        if not attempt and len(result.diagnoses) == 1:
            mistakes = set(result.diagnoses[0].ids)
        wrong = [g.name for g in result.grades if g.status != "right" and g.name in drawn.answers]
        if not wrong:
            return mistakes, not attempt and not helped
    say("\nThis is how it is done:")
    for name in wrong:
        say(f"    {_working(drawn, name)}")
    return mistakes, False


def _answers(
    drawn: Exercise, names: Sequence[str], ask: Callable[[str], str], say: Callable[[str], None]
) -> tuple[dict[str, Any], bool]:
    """Return what is answered, and whether help was asked for; what is not a number is asked again."""
    answers: dict[str, Any] = {}
    helped = False
    for name in names:
        hints = _hints(drawn, name)
        while name not in answers:
            written = ask(f"{drawn.question(name)} = ").strip()
            if written.lower() in ("q", "quit"):
                raise EOFError
            if written.lower() in ("h", "help", "?"):
                helped = True
                say(f"    {next(hints, 'There is no more help for this one.')}")
                continue
            try:
                answers[name] = read_answer(written) and written if written else None
            except ValueError as error:
                say(f"    {error}; h helps, q ends the quiz")
    return answers, helped


def _hints(drawn: Exercise, name: str) -> Iterator[str]:
    """Yield help with a number: a question, then the rule in symbols, then all of the step."""
    if drawn.is_updated(name):
        yield ask_about(name, "update")
        up = drawn.learning_rate is not None and drawn.learning_rate < 0
        way = "adds learning rate * gradient to" if up else "subtracts learning rate * gradient from"
        yield f"The update {way} the number."
    else:
        own = [step for step in backward_steps(drawn.root) if step.operand_name == name and not step.is_seed]
        yield ask_about(name, "gradient")
        yield (
            " plus ".join(s.symbols.partition(" += ")[2] for s in own)
            + ", where "
            + " and ".join(dict.fromkeys(f"{partial(s.name, name)} = {s.formula}" for s in own))
        )
    yield _working(drawn, name)


def _working(drawn: Exercise, name: str) -> str:
    question = drawn.question(name)
    return next(line.working for line in drawn.lines() if line.question == question)


def _summary(progress: Progress, done: int, right: int, practised: Sequence[str], met: Sequence[str]) -> str:
    lines = [f"{right} of {done} exercises all right at once; {progress.right} of {progress.done} in all."]
    if practised:
        lines.append(f"Practised: {'; '.join(practised)}.")
    if over := [mistake_id for mistake_id in met if mistake_id not in progress.shaky]:
        lines.append(f"Got over: {_named(over)}.")
    if progress.shaky:
        lines.append(f"Still shaky: {_named(progress.shaky)}.")
    level = list(LEVELS)[progress.level]
    lines.append(f"You are at level {progress.level + 1} of {len(LEVELS)}: {LEVELS[level].about}.")
    return "\n".join(lines)


def _named(mistake_ids: Iterable[str]) -> str:
    return "; ".join(find(mistake_id).name for mistake_id in mistake_ids)
