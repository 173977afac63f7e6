"""The README's Python is run, and its picture is what `draw` makes."""

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest

from micrograd_like import Value, draw, ops, parse

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = dict(ops.OPERATIONS)
    yield
    for name in ops.OPERATIONS.keys() - before.keys():  # those that the README makes
        del ops.OPERATIONS[name], ops._forwards[name]
        delattr(Value, name)


def test_sessions_print_what_they_say():
    session = "\n".join(block for block in BLOCKS if ">>>" in block)
    test = doctest.DocTestParser().get_doctest(session, {}, "README.md", "README.md", 0)
    said = io.StringIO()
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.write)
    assert result.attempted > 10
    assert result.failed == 0, said.getvalue()


@pytest.mark.parametrize("block", [block for block in BLOCKS if ">>>" not in block])
def test_scripts_print_what_their_comments_say(block):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(block, {})
    printed = said.getvalue().split()
    promised = re.findall(r"print\(.*\)  # (-?[\d.]+)", block)
    assert printed
    assert promised == printed[: len(promised)]


def test_micrograds_numbers_are_promised():
    assert all(number in "".join(BLOCKS) for number in ("24.7041", "138.8338", "645.5773"))


def test_picture_is_up_to_date():
    o = parse("n = x1*w1 + x2*w2 + b; o = tanh(n)", x1=2, x2=0, w1=-3, w2=1, b=6.8813735870195432)
    o.backward()
    for p in {x for v in (o.operands[0], *o.operands[0].operands[0].operands) for x in v.operands}:
        if p.label in ("w1", "w2", "b"):
            p.op = ops.PARAMETER
    assert draw(o).svg == (ROOT / "demos" / "neuron.svg").read_text(encoding="utf-8")
