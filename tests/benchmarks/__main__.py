"""Everything that is timed: `python -m tests.benchmarks` from the top folder, after `pip install -e .[benchmarks]`.

Each line is a median of runs that take turns with what they are compared with, on this machine, and what is wanted.
"""

from . import compiler, engine, stepping

for benchmark in (engine, stepping, compiler):
    benchmark.run()
