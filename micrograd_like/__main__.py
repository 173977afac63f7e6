"""`python -m micrograd_like` is the command `micrograd-like`."""

import signal
import sys


def main() -> int:
    """Run the command; Ctrl-C ends it quietly, also while its modules are loaded and while Python ends."""
    try:
        try:
            from .cli import main

            return main()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python itself would print a traceback from now on
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
