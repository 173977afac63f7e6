"""Everything that is timed: `python -m tests.benchmarks` from the top folder, after `pip install -e .[benchmarks]`.

Each line is a median of runs that take turns with what they are compared with, on this machine, and what is wanted.
`python -m tests.benchmarks compiler training` runs some of it.
"""

import sys

from . import compiler, digits, engine, pages, stepping, training

BENCHMARKS = {
    "engine": engine,
    "stepping": stepping,
    "compiler": compiler,
    "training": training,
    "digits": digits,
    "pages": pages,
}

for name in sys.argv[1:] or BENCHMARKS:
    if name not in BENCHMARKS:
        sys.exit(f"there are {', '.join(BENCHMARKS)}, not {name!r}")
    BENCHMARKS[name].run()
