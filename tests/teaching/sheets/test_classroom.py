"""Sets of sheets for a class, and its answers graded."""

import csv
import errno
import io
import json
import os
import re
from pathlib import Path

import pytest

from micrograd_like.cli import main
from micrograd_like.notation import latex
from micrograd_like.notation.mathml import mathml
from micrograd_like.tables import TableWarning
from micrograd_like.teaching import Exercise, alike
from micrograd_like.teaching.exercises.generator import VERSION as GENERATOR
from micrograd_like.teaching.sheets import grade_class, write_class
from micrograd_like.teaching.sheets.classroom import ClassGrading
from micrograd_like.teaching.sheets.rosters import read_names

NAMES = ["Ada", "Bob, Jr.", 'Eve "the" Third', "=cmd()", "<script>alert(1)</script>", "Zoë", "ADA", "x" * 300]


def table(content):
    """Return the cells of a CSV file as a spreadsheet reads it."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def drawn_from(folder):
    """Return everybody's exercises from the key."""
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    return {name: [Exercise.from_document("", part) for part in parts] for name, parts in key["students"].items()}


def answers_file(path, rows, *, delimiter=",", encoding="utf-8-sig"):
    with path.open("w", newline="", encoding=encoding) as file:  # as spreadsheets write it
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(("name", "exercise", "node", "answer"))
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    """Two exercises for each of NAMES, in a folder that no test changes."""
    folder = tmp_path_factory.mktemp("class") / "sheets"
    write_class(NAMES, folder, "shared", count=2)
    return folder


@pytest.fixture
def one(tmp_path):
    """The key of a class of one, with `L = a*b`."""
    return write_class(["Ada"], tmp_path / "one", "operation", operations=["*"]).key


# -------------------- the sheets --------------------


def test_everybody_gets_a_sheet(sheets):
    pages = sorted(path.name for path in sheets.glob("0*.html"))
    assert pages == [
        *("001-Ada.html", "002-Bob-Jr.html", "003-Eve-the-Third.html", "004-cmd.html"),
        *("005-script-alert-1-script.html", "006-Zoë.html", "007-ADA.html", f"008-{'x' * 40}.html"),
    ]
    assert len({page.casefold() for page in pages}) == len(pages)  # on a disk that ignores case too
    assert len({(sheets / page).read_bytes() for page in pages}) == len(NAMES)
    assert {path.name for path in sheets.iterdir()} == {
        *pages,
        "all.html",
        "key.html",
        "key.json",
        "key.csv",
        "answers.csv",
    }
    drawn = drawn_from(sheets)
    assert list(drawn) == NAMES
    for exercises in zip(*drawn.values(), strict=True):
        assert len({each.formula for each in exercises}) == 1
        assert len({tuple(each.numbers.values()) for each in exercises}) == len(NAMES)
    everything = (sheets / "all.html").read_text(encoding="utf-8")
    for page, (first, second) in zip(pages, drawn.values(), strict=True):
        written = (sheets / page).read_text(encoding="utf-8")
        for each in (first, second):
            assert all(mathml(f"{name} = {latex.number(x)}") in written for name, x in each.numbers.items())
        assert "<script" not in written
        assert "Key" not in written
        assert written.partition("<article")[2].partition("</article")[0] in everything
    assert everything.count('class="sheet"') == len(NAMES)
    assert "Key" not in everything


def test_the_key_and_the_form_for_answers(sheets):
    form, key = (table((sheets / file).read_bytes()) for file in ("answers.csv", "key.csv"))
    assert [row[:3] for row in form] == [row[:3] for row in key]
    assert {row[3] for row in form[1:]} == {""}
    drawn = drawn_from(sheets)
    for name, number, node, answer in key[1:]:
        (truth,) = (
            line.answer for line in drawn[name.removeprefix("'")][int(number) - 1].lines() if line.asked == node
        )
        assert float(answer) == pytest.approx(float(truth), rel=1e-5)
    for cell in {cell for row in key for cell in row}:  # no formula, and none after a semicolon either
        assert not re.match(r"[=+@\t\r-]", cell) or float(cell) < 0
    assert all(line.startswith('"') for line in (sheets / "key.csv").read_text(encoding="utf-8-sig").splitlines())
    assert grade_class(sheets / "key.json", sheets / "key.csv").students["=cmd()"].right > 0
    assert not any(
        student.answered for student in grade_class(sheets / "key.json", sheets / "answers.csv").students.values()
    )


def test_the_same_seed_writes_the_same_class(sheets, tmp_path):
    written = write_class(NAMES, tmp_path / "again", "shared", count=2)
    assert [path.read_bytes() for path in written.sheets] == [
        (sheets / path.name).read_bytes() for path in written.sheets
    ]
    assert written.key.read_bytes() == (sheets / "key.json").read_bytes()
    other = write_class(NAMES, tmp_path / "other", "shared", count=2, seed=1)
    assert other.key.read_bytes() != written.key.read_bytes()


def test_nobody_and_doubles(tmp_path):
    with pytest.raises(ValueError, match="the class has nobody in it"):
        write_class([], tmp_path / "x")
    with pytest.raises(ValueError, match="'Ada' and 'Ada' look the same: everybody needs a name of their own"):
        write_class(["Ada", "Bob", " Ada"], tmp_path / "x")
    with pytest.raises(ValueError, match="a name is empty"):
        write_class(["Ada", " "], tmp_path / "x")
    with pytest.raises(ValueError, match="unknown level 'hard'; choose from operation, "):
        write_class(["Ada"], tmp_path / "x", "hard")
    assert list(tmp_path.iterdir()) == []


def test_many_names(tmp_path, monkeypatch):
    monkeypatch.setattr("micrograd_like.teaching.sheets.classroom.Sheet.html", lambda sheet, show: sheet.student)
    monkeypatch.setattr("micrograd_like.teaching.sheets.classroom.printed", lambda sheets, show="": "")
    names = [f"Student {i}" for i in range(1001)]
    written = write_class(names, tmp_path / "many", "tanh")
    assert written.different == 1001
    assert [path.name for path in written.sheets][:: len(names) - 1] == [
        "0001-Student-0.html",
        "1001-Student-1000.html",
    ]
    assert [path.read_text() for path in written.sheets] == names


@pytest.mark.parametrize("make", [lambda folder: (folder / "mine.txt").write_text("mine"), lambda folder: None])
def test_a_folder_is_filled_if_it_is_empty(tmp_path, make):
    folder = tmp_path / "a" / "sheets"
    folder.mkdir(parents=True)
    if make(folder):
        with pytest.raises(FileExistsError, match="it is there already, and not an empty folder: name a new one"):
            write_class(["Ada"], folder)
        assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    else:
        assert write_class(["Ada"], folder).key == folder / "key.json"
    assert [path.name for path in folder.parent.iterdir()] == ["sheets"]


def test_where_no_folder_can_be(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="it is there already, and not an empty folder"):
        write_class(["Ada"], tmp_path / "file")
    with pytest.raises(OSError, match=r"cannot write it: .*: '.*sheets'"):
        write_class(["Ada"], tmp_path / "file" / "sheets")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_class_is_written_wholly_or_not_at_all(tmp_path, monkeypatch, stop):
    count, fsync = iter(range(10)), os.fsync

    def full(descriptor):
        if next(count) == 3:
            raise stop
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(type(stop), match="cannot write it: No space left" if isinstance(stop, OSError) else "^$"):
        write_class(["Ada", "Bob", "Eve"], tmp_path / "sheets")
    assert list(tmp_path.iterdir()) == []


# -------------------- grading --------------------


def test_a_class_is_graded(sheets, tmp_path):
    rows, drawn = [], drawn_from(sheets)
    for i, name in enumerate(NAMES[:7]):  # the last one hands in nothing
        for number, each in enumerate(drawn[name], start=1):
            answers = each.visible["local_forgotten"] if i == 1 else each.answers.values()
            rows += [[name, number, line.asked, line.answer] for line in each.lines() if line.kind == "value"]
            rows += [[name, number, each.question(node), x] for node, x in zip(each.answers, answers, strict=True)]
    slip = next(row for row in rows if row[0] == "Zoë" and "∂" in row[2])
    slip[3] = 17
    scribble = next(row for row in rows if row[0] == "ADA")
    scribble[3] = "=2+\x1b[2J"
    rows = [row for row in rows if row[:2] != ["Ada", 2]]
    result = grade_class(sheets / "key.json", answers_file(tmp_path / "a.csv", rows))
    assert list(result.students) == NAMES
    asked = result.students["Ada"].asked
    assert (result.students["Ada"].right, result.students["Ada"].answered) == (len(drawn["Ada"][0].lines()),) * 2
    assert result.students["=cmd()"].right == asked
    assert result.students[NAMES[-1]].remarks == "no answers"
    assert result.students["Bob, Jr."].mistakes == ("local_forgotten",)
    assert result.mistakes["local_forgotten"] == (1, 0)
    assert result.students["Zoë"].remarks.startswith(("perhaps", "no known mistake: from "))
    assert result.students["ADA"].right == asked - 1
    said = str(result)
    assert "local derivative forgotten" in said
    assert f"not a number: {scribble[2]} = =2+\\x1b[2J" in said
    assert "\x1b" not in said
    assert [row[0] for row in table(result.csv())][1:] == [("'" * (name == "=cmd()")) + name for name in NAMES]


def test_on_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("roster.csv").write_text("id;Name\r\n1;Ada\r\n2;Bob\r\n;\r\n", encoding="utf-8-sig", newline="")
    assert main(["exercise", "--class", "roster.csv", "--level", "chain", "--size", "3", "-o", "sheets"]) == 0
    assert "wrote 2 sheets, the key, and answers.csv to fill in" in capsys.readouterr().out
    assert main(["grade", "sheets/key.json", "sheets/key.csv", "-o", "grades.csv"]) == 0
    assert "no mistakes were named" in capsys.readouterr().out
    assert [row[0] for row in table(Path("grades.csv").read_bytes())] == ["name", "Ada", "Bob"]
    Path("many.csv").write_text("name\n" + "\n".join(f"S{i}" for i in range(20)))
    assert main(["exercise", "--class", "many.csv", "--level", "operation", "--operations", "**", "-o", "s2"]) == 0
    assert re.search(r"there are only \d+ sets of numbers for this formula", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--class", "r.csv"], "--class takes a folder"),
        (["--class", "r.csv", "-o", "s", "--key"], "--class takes a folder"),
        (["--class", "r.csv", "-o", "s"], "r.csv: No such file or directory"),
        (["karpathy", "--class", "r.csv", "-o", "s"], "karpathy has its own numbers"),
        (["karpathy", "--level", "chain"], "karpathy has its own numbers"),
        (["karpathy", "--seed", "0"], "karpathy has its own numbers"),
        (["karpathy", "--count", "2"], "karpathy has its own numbers"),
        (["--size", "3"], "--size is for --level chain"),
        (["--fade", "0.5"], "--fade is for a sheet"),
        (["--fade", "2", "-o", "s.html"], "fade is between 0"),
        (["--level", "neuron", "--operations", "*"], "has its own operations"),
        (["--level", "typo"], "invalid choice: 'typo'"),
    ],
)
def test_what_goes_not_together_is_said(arguments, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["exercise", *arguments])
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# -------------------- files as they come --------------------


RIGHT = {"a": "b", "b": "a"}  # ∂L/∂a of L = a*b


def right_answers(key):
    numbers = drawn_from(key.parent)["Ada"][0].numbers
    return [("Ada", 1, node, numbers[other]) for node, other in RIGHT.items()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_tables_of_any_kind_are_read(one, tmp_path, delimiter, encoding, ends):
    lines = [delimiter.join(map(str, row)) for row in right_answers(one)]
    written = ["Name", " EXERCISE", "note", "node", "answer"]
    lines = [
        delimiter.join([name, number, "", node, x]) for name, number, node, x in (r.split(delimiter) for r in lines)
    ]
    content = ends.join([delimiter.join(written), *lines, delimiter * 4, "", ""])
    (tmp_path / "a.csv").write_bytes(content.encode(encoding))
    student = grade_class(one, tmp_path / "a.csv").students["Ada"]
    assert (student.right, student.asked) == (2, 3)  # with the value of L, which is missing


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_decimals_may_have_a_comma(one, tmp_path, delimiter):
    rows = [(*row, f"{float(x):.2f}".replace(".", ",")) for *row, x in right_answers(one)]
    assert "," in rows[0][3]
    assert grade_class(one, answers_file(tmp_path / "a.csv", rows, delimiter=delimiter)).students["Ada"].right == 2


@pytest.mark.parametrize("written", ["two", "3. Feb", "1/0", "__import__('os')", "9**9**9", "1" * 5000, "<b>", "NaN"])
def test_what_is_no_number_is_not_right_and_shown(one, tmp_path, written):
    rows = right_answers(one)
    rows[0] = (*rows[0][:3], written)
    student = grade_class(one, answers_file(tmp_path / "a.csv", rows)).students["Ada"]
    assert (student.right, student.answered, student.asked) == (1, 2, 3)
    if written != "1" * 5000:
        assert student.remarks == f"not a number: ∂L/∂a = {written}"


@pytest.mark.parametrize("asked", ["a", "∂L/∂a", "dL/da", " a "])
def test_a_gradient_may_be_named_in_other_ways(one, tmp_path, asked):
    rows = [("Ada", 1, asked, right_answers(one)[0][3]), ("Ada", 1, "L", 0)]
    student = grade_class(one, answers_file(tmp_path / "a.csv", rows)).students["Ada"]
    assert (student.right, student.answered) == (1, 2)


def test_what_follows_has_its_own_column(tmp_path):
    key = write_class(["Ada"], tmp_path / "set", "neuron").key
    (drawn,) = drawn_from(key.parent)["Ada"]
    x = drawn.numbers
    p, q = x["x1"] * x["w1"] + 1, x["x2"] * x["w2"]  # a slip at p, and all else follows from it
    n = p + q + x["b"]
    o = max(n, 0)
    e = o - x["y"]
    g = 2 * e * (n > 0)
    rows = {
        "p": p,
        "q": q,
        "s": p + q,
        "n": n,
        "o": o,
        "e": e,
        "L": e * e,
        "∂L/∂e": 2 * e,
        "∂L/∂y": -2 * e,
        "∂L/∂o": 2 * e,
    }
    rows |= {f"∂L/∂{name}": g for name in "nspqb"} | {"w1": g * x["x1"], "w2": g * x["x2"]}
    rows |= {"x1": g * x["w1"], "x2": g * x["w2"]}
    assert g
    table = answers_file(tmp_path / "a.csv", [("Ada", 1, name, number) for name, number in rows.items()])
    full, none = (grade_class(key, table, credit=credit).students["Ada"] for credit in (1, 0))
    assert (full.right, full.following, full.asked, full.answered) == (1, len(rows) - 2, len(rows), len(rows))
    assert (full.points, none.points) == (len(rows) - 1, 1)
    assert "following" in str(grade_class(key, table))
    assert b'"following","points"' in grade_class(key, table).csv()
    assert json.loads(key.read_text(encoding="utf-8"))["generator"] == GENERATOR


def test_short_rows_and_empty_answers_are_no_answers(one, tmp_path):
    (tmp_path / "a.csv").write_text("name,exercise,node,answer\nAda,1,a\nAda,1,b,  \n\n,,,\n")
    student = grade_class(one, tmp_path / "a.csv").students["Ada"]
    assert (student.right, student.answered, student.remarks) == (0, 0, "no answers")
    (tmp_path / "a.csv").write_text("name,exercise,node,answer\n")
    assert grade_class(one, tmp_path / "a.csv").students["Ada"].remarks == "no answers"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("Bob", 1, "a", 1), "row 2: 'Bob' is not in the key"),
        (("", 1, "a", 1), "row 2: '' is not in the key"),
        (("Ada", 7, "a", 1), "row 2: there are exercises 1 to 1, not '7'"),
        (("Ada", 0, "a", 1), "not '0'"),
        (("Ada", -1, "a", 1), "not '-1'"),
        (("Ada", "²", "a", 1), "not '²'"),
        (("Ada", "9" * 5000, "a", 1), "there are exercises 1 to 1"),
        (("Ada", 1, "zz", 1), "row 2: in exercise 1 'zz' is not asked for: there are L, ∂L/∂b, ∂L/∂a"),
    ],
)
def test_a_row_that_belongs_to_nothing_is_an_error(one, tmp_path, row, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        grade_class(one, answers_file(tmp_path / "a.csv", [row]))


def test_an_answer_given_twice_is_an_error(one, tmp_path):
    rows = [("Ada", 1, "a", 1), ("Ada", 1, "a", ""), ("Ada", 1, "a", 2)]
    with pytest.raises(ValueError, match="row 4: Ada has answered for ∂L/∂a in exercise 1 before"):
        grade_class(one, answers_file(tmp_path / "a.csv", rows))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a column is missing: the first line must name name, exercise, node, answer"),
        (b"name,exercise,answer\r\nAda,1,2\r\n", "a column is missing"),
        (b"Ada,1,a,2\r\n", "a column is missing"),
        (b"PK\x03\x04", "this is not text: save the table as CSV in UTF-8"),
        (
            b'name,exercise,node,answer\nAda,1,a,"' + b"1" * 200_000 + b'"\n',
            "after line 1: this is not a table: field larger",
        ),
    ],
)
def test_what_is_no_table_is_named(one, tmp_path, content, said):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=f"a.csv.* {said}"):
        grade_class(one, tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda key: "{", "this is not JSON"),
        (lambda key: "[" * 100_000, "this is not JSON"),
        (lambda key: {}, "this is no key of a class: it is the file key.json"),
        (lambda key: [1], "this is no key of a class"),
        (lambda key: key | {"version": 1}, "the key has version 1, and only 2 can be read"),
        (lambda key: key | {"students": None}, "the key is damaged"),
        (lambda key: key | {"students": {"Ada": [{}]}}, "the key is damaged"),
        (lambda key: key | {"students": {"Ada": [{**key["students"]["Ada"][0], "formula": "L = a*"}]}}, "damaged"),
        (lambda key: key | {"students": {"Ada": [{**key["students"]["Ada"][0], "numbers": {"a": "1/0"}}]}}, "damaged"),
        (lambda key: key | {"students": {"Ada": [{**key["students"]["Ada"][0], "parameters": ["z"]}]}}, "damaged"),
        (lambda key: key | {"students": {"Ada": [{**key["students"]["Ada"][0], "learning_rate": "0"}]}}, "damaged"),
    ],
)
def test_a_damaged_key_is_named(one, tmp_path, change, said):
    changed = change(json.loads(one.read_text()))
    (tmp_path / "k.json").write_text(changed if isinstance(changed, str) else json.dumps(changed))
    with pytest.raises(ValueError, match=f"k.json: .*{said}"):
        grade_class(tmp_path / "k.json", one.parent / "answers.csv")


def test_files_that_are_not_there(one, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        grade_class(one, tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        grade_class(tmp_path / "none.json", one)
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        read_names(tmp_path / "none.csv")


@pytest.mark.parametrize("heading", ["name", "Student"])
def test_a_roster_of_names_alone_keeps_them_whole(tmp_path, heading):
    for names in (["Ada Lovelace", "Ada Byron"], ["Lovelace, Ada", "Byron, Ada"], ["Ada", "Bob"], ["A; B", "C|D"]):
        (tmp_path / "r.csv").write_text("\n".join([heading, *names, ""]))
        assert read_names(tmp_path / "r.csv") == names


def test_a_roster(tmp_path):
    for content in ("id,name\n1,Ada\n2,Bob\n", "\ufeffNAME;id\r\nAda;1\r\nBob;2\r\n", "name\nAda\n\n  Bob  \n"):
        (tmp_path / "r.csv").write_text(content, newline="", encoding="utf-8")
        assert read_names(tmp_path / "r.csv") == ["Ada", "Bob"]
    (tmp_path / "r.csv").write_text("first,last\nAda,L\n")
    with pytest.raises(ValueError, match="a column is missing: the first line must name name"):
        read_names(tmp_path / "r.csv")


def test_a_class_of_nobody_is_printed():
    assert str(ClassGrading({})) == "name  right  following  points  mistakes\n\nno mistakes were named"


def test_the_first_student_has_the_exercise_of_the_seed(sheets):
    first = drawn_from(sheets)["Ada"]
    assert [each.formula for each in first] == [alike(len(NAMES), k, "shared")[0].formula for k in range(2)]


ALIKE = [
    ("=A", "'=A"),
    ("Ada", "A\u200bda"),
    ("Ada", "Ada\ufe0f"),
    ("Zo\u00eb", "Zoe\u0308"),
    ("Ada L", "Ada\u00a0 L"),
    ("\x1b[2JBob", "[2JBob"),
    ("Ada", "A\u00adda"),
    ("Ada", "Ada\u3164"),
]


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_names_that_look_the_same_are_refused_with_both_lines(tmp_path, first, second):
    (tmp_path / "r.csv").write_text(f'name\nEve\n"{first}"\nBob\n"{second}"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"r\.csv, lines 3 and 5: .* and .* look the same: everybody needs") as caught:
        read_names(tmp_path / "r.csv")
    assert str(caught.value).isprintable()
    with pytest.raises(ValueError, match="look the same"):
        write_class([first, second], tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_key_with_names_that_look_the_same_is_refused(one, tmp_path):
    key = json.loads(one.read_text())
    key["students"]["A\u200bda"] = key["students"]["Ada"]
    (tmp_path / "k.json").write_text(json.dumps(key))
    with pytest.raises(ValueError, match=r"the key is damaged: .*look the same"):
        grade_class(tmp_path / "k.json", one.parent / "answers.csv")


def test_names_are_found_as_spreadsheets_change_them(tmp_path):
    names = ["=cmd()", "Zo\u00eb", "Ada L"]
    key = write_class(names, tmp_path / "c", "operation", operations=["*"]).key
    number = drawn_from(key.parent)
    rows = [
        (written, 1, "a", number[name][0].numbers["b"])
        for name, written in zip(names, ["'=cmd()", "Zoe\u0308", "Ada\u00a0L"], strict=True)
    ]
    graded = grade_class(key, answers_file(tmp_path / "a.csv", rows)).students
    assert [graded[name].right for name in names] == [1, 1, 1]


def test_latin_1_and_utf_16_answers_are_read(tmp_path):
    key = write_class(["Zoë"], tmp_path / "c", "operation", operations=["*"]).key
    rows = [("Zoë", 1, "a", drawn_from(key.parent)["Zoë"][0].numbers["b"])]
    assert grade_class(key, answers_file(tmp_path / "a.csv", rows, encoding="utf-16")).students["Zoë"].right == 1
    with pytest.warns(TableWarning, match="read as Latin-1"):
        assert grade_class(key, answers_file(tmp_path / "a.csv", rows, encoding="latin-1")).students["Zoë"].right == 1


# -------------------- a row for each student, rosters, feedback --------------------


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The key of a class of two, with two exercises of different levels, 10 points for each."""
    folder = tmp_path_factory.mktemp("pair") / "sheets"
    heading = {"title": "Test", "course": "ML <1>", "date": "1 December", "points": 10.0}
    return write_class(["Ada", "Bob"], folder, ["operation", "descent"], heading=heading).key


def wide(key, change=lambda name, number, line: show_all(line.answer)):
    """Return the headings and the rows of a table with a row for each student."""
    drawn = drawn_from(key.parent)
    lines = [(k, line.asked) for k, each in enumerate(drawn["Ada"], start=1) for line in each.lines()]
    rows = [
        [name, *(change(name, k, line) for k, each in enumerate(parts, start=1) for line in each.lines())]
        for name, parts in drawn.items()
    ]
    return ["Name", *(f"{k} {asked}" for k, asked in lines)], rows


def show_all(x):
    return f"{float(x):.6f}"


def test_a_row_for_each_student_is_graded_as_a_row_for_each_answer(pair, tmp_path):
    header, rows = wide(pair)
    long = [
        (row[0], head.split()[0], head.split()[1], x)
        for row in rows
        for head, x in zip(header[1:], row[1:], strict=True)
    ]
    answers_file(tmp_path / "long.csv", long)
    written = ["# a remark", "Test of 1 December", "", ";".join([*header, "group"])]
    (tmp_path / "wide.csv").write_text("\n".join([*written, *(";".join([*row, "A"]) for row in rows)]), "utf-16")
    with pytest.warns(TableWarning, match="left out the columns 'group', in which nothing is asked"):
        found = grade_class(pair, tmp_path / "wide.csv")
    assert found.csv() == grade_class(pair, tmp_path / "long.csv").csv()
    assert [s.points for s in found.students.values()] == [20, 20]
    assert all(s.right == s.asked for s in found.students.values())


def test_headings_in_other_words(pair, tmp_path):
    header, rows = wide(pair)
    for change in (lambda h: h.replace(" ", ": "), lambda h: h.replace("∂", "d"), lambda h: h.replace(" ", ".")):
        lines = [["Student", *map(change, header[1:])], *rows]
        (tmp_path / "w.csv").write_text("\n".join(map(",".join, lines)), "utf-8")
        assert [s.points for s in grade_class(pair, tmp_path / "w.csv").students.values()] == [20, 20]
    (tmp_path / "w.csv").write_text("name,group\nAda,1\n")
    with pytest.raises(ValueError, match="or name, and then what is asked, such as '1 ∂L/∂a'"):
        grade_class(pair, tmp_path / "w.csv")


def test_all_that_belongs_to_nothing_is_listed_at_once(pair, tmp_path):
    rows = [("Eve", 1, "a", 1), ("Ada", "1.0", "L", 1), ("Ada", 7, "a", 1), ("Ada", 1, "L", 2), ("Bob", 2, "zz", 1)]
    with pytest.raises(ValueError, match=r"row 2: 'Eve' is not in the key; ") as error:
        grade_class(pair, answers_file(tmp_path / "a.csv", rows))
    for said in (
        "row 4: there are exercises 1 to 2, not '7'",
        "row 5: Ada has answered for L in exercise 1 before",
        "row 6: in exercise 2 'zz' is not asked for",
    ):
        assert said in str(error.value)
    many = [(f"Eve {k}", 1, "a", 1) for k in range(30)]
    with pytest.raises(ValueError, match="; and 20 more"):
        grade_class(pair, answers_file(tmp_path / "a.csv", many))


def test_several_tables_are_put_together(pair, tmp_path):
    header, rows = wide(pair)
    paths = []
    for row in rows:  # as pages for the screen save them
        cells = [(row[0], *head.split(), x) for head, x in zip(header[1:], row[1:], strict=True)]
        paths.append(answers_file(tmp_path / f"{row[0]}.csv", cells))
    assert [s.points for s in grade_class(pair, paths).students.values()] == [20, 20]
    with pytest.raises(ValueError, match="Ada has answered for"):
        grade_class(pair, [paths[0], paths[0]])


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("identifier,github_username,github_id,name\nAda L,ada,1,\nBob,,,\n", ["Ada L", "Bob"]),
        (
            "Student,ID,SIS User ID,SIS Login ID,Section,Quiz 1 (12)\n    Points Possible,,,,,10.0\n"
            '"Lovelace, Ada",7,,ada,A,\n"Student, Test",9,,x,A,\n',
            ["Lovelace, Ada"],
        ),
        ("\ufeffFirst name,Last name,Email address,Groups\nAda,Lovelace,a@b,\nBob,,b@b,\n", ["Ada Lovelace", "Bob"]),
        ("First name,Surname,ID number\nAda,Lovelace,1\n", ["Ada Lovelace"]),
    ],
)
def test_rosters_as_they_are_exported(tmp_path, written, names):
    (tmp_path / "r.csv").write_text(written, encoding="utf-8")
    assert read_names(tmp_path / "r.csv") == names


def test_feedback_says_of_how_many_points(tmp_path):
    write_class(["Ada"], tmp_path / "s")  # where no points are named, each answer is worth one
    found = grade_class(tmp_path / "s" / "key.json", tmp_path / "s" / "key.csv")
    assert re.findall(r"[^>]*points", found.feedback()) == ["{0} of {0} points".format(found.students["Ada"].asked)]


def test_a_sheet_of_feedback_for_everybody(pair, tmp_path):
    def change(name, k, line):
        wrong = (name, k, line.asked) == ("Bob", 2, "∂L/∂e")
        return "zero" if (name, k) == ("Ada", 1) else show_all(line.answer * (3 if wrong else 1))

    header, rows = wide(pair, change)
    (tmp_path / "w.csv").write_text("\n".join(map(",".join, [header, *rows])), "utf-8")
    found = grade_class(pair, tmp_path / "w.csv")
    assert found.students["Ada"].points == 10
    asked = len(drawn_from(pair.parent)["Bob"][1].lines())
    assert found.students["Bob"].points == pytest.approx(20 - 10 / asked)
    page = found.feedback()
    ada, bob = page.split("<article")[1:]
    assert page.count("ML &lt;1&gt; · 1 December") == 2
    assert "0 of 10 points" in ada
    assert ada.count("not a number") == len(drawn_from(pair.parent)["Ada"][0].lines())
    assert bob.count(">wrong<") == 1
    assert "It first shows at e." in bob
    assert "All of it is right." in ada
    assert main(["grade", str(pair), str(tmp_path / "w.csv"), "--feedback", str(tmp_path / "f.html")]) == 0
    assert (tmp_path / "f.html").read_text(encoding="utf-8") == page


def test_the_answers_of_all_stand_on_one_page(pair):
    page = (pair.parent / "key.html").read_text(encoding="utf-8")
    for drawn in drawn_from(pair.parent).values():
        for line in (line for each in drawn for line in each.lines()):
            assert mathml(latex.number(line.answer)) in page
    assert "<img" not in page
    assert "data:image" not in page


def test_a_heading_of_a_key_must_be_one(pair, tmp_path):
    document = json.loads(pair.read_text(encoding="utf-8"))
    for heading in ({"colour": 1}, {"points": "ten"}, 3):
        (tmp_path / "k.json").write_text(json.dumps(document | {"heading": heading}))
        with pytest.raises(ValueError, match="the key is damaged"):
            grade_class(tmp_path / "k.json", pair.parent / "answers.csv")


@pytest.mark.parametrize("heading", ["student name", "Full Name", "student", "name"])
@pytest.mark.parametrize("separator", [";", "\t", ",", "|"])
def test_names_with_spaces_are_whole(heading, separator, tmp_path):
    roster = tmp_path / "roster.csv"
    for rows in (
        [heading, "Ada Lee", "Bob Lee"],
        [f"{heading}{separator}id", f"Ada Lee{separator}1", f"Bob Lee{separator}2"],
    ):
        roster.write_text("\n".join(rows))
        assert read_names(roster) == ["Ada Lee", "Bob Lee"]
    roster.write_text(f"{heading} id\nAda Lee 1\nBob Lee 2\n")
    with pytest.raises(ValueError, match="between commas, semicolons or tabs"):
        read_names(roster)
