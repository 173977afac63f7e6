"""A sample of the random graphs; `python -m tests.compiler.opponent 50000` runs more."""

import pytest

from .opponent import play


@pytest.mark.parametrize("first", range(0, 900, 100))
def test_random_graphs(c_compiler, first):
    said = [play(seed, ("python", "numpy", "c")) for seed in range(first, first + 100)]
    assert not list(filter(None, said))
