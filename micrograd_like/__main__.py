"""`python -m micrograd_like` is the command `micrograd-like`."""

import sys

from .cli import main

sys.exit(main())
