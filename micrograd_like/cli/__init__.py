"""The command line: `micrograd-like draw`, `page`, `explain`, `step`, `exercise`, `lesson`, `train` and others."""

import argparse
import contextlib
import io
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import NoReturn

from .. import __version__
from . import exercises, graphs, training
from .common import INTERRUPTED, TERMINATED, complain


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for a mistake in what was asked, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that has no ∂ gets \u2202, and a pipe each line when it is written.
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    # argparse takes -a*b for options; with a space before it, it is a formula
    options = parser.parse_args([f" {x}" if re.match(r"-[^-=]*[*(+]", x) else x for x in given])
    try:
        with _sigterm_as_exit(), warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_: complain(str(message))
            return int(options.run(options))
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except MemoryError:
        parser.fail("there is not enough memory for this: try something smaller")
    except OSError as error:
        parser.fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
        parser.fail(str(error))


@contextlib.contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM end the command like an error does, so that what it began to write is taken away."""

    def leave(*_: object) -> NoReturn:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are short: what is wrong, and no usage lines around it."""

    def error(self, message: str) -> NoReturn:
        self.fail(f"{message} (see {self.prog} --help)")

    def fail(self, message: str) -> NoReturn:
        """Print the message and leave with exit code 2."""
        complain(message)
        self.exit(2)


def _parser() -> _Parser:
    parser = _Parser(prog="micrograd-like", description="A scalar autograd engine for learning.")
    parser.add_argument("--version", action="version", version=f"micrograd_like {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for group in (graphs, exercises, training):
        group.add(commands)
    return parser
