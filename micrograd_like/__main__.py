"""`python -m micrograd_like` is the command `micrograd-like`."""

import sys


def main() -> int:
    """Run the command; Ctrl-C ends it quietly also while its modules are loaded."""
    try:
        from .cli import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
