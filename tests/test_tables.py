"""Tables as they come: one table of three rows in every spelling, and what is not a table."""

import pytest

from micrograd_like.tables import LARGEST, TableWarning, read_number, read_rows, read_table

NAMES, ROWS = ("length, mm", "größe", "kind"), (("1.5", "20", "a"), ("2.5", "-3", "b c"), ("0.25", "4e1", "a"))


def spell(sep=",", end="\n", rows=ROWS, quote=False):
    cells = [[f'"{x}"' if quote or sep in x or set(x) & set(", ") else x for x in row] for row in (NAMES, *rows)]
    return "".join(sep.join(row) + end for row in cells)


def read(tmp_path, content, **options):
    (tmp_path / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(tmp_path / "t.csv", **options)


SPELLINGS = {
    "commas": spell(),
    "semicolons": spell(";"),
    "tabs": spell("\t"),
    "bars": spell("|"),
    "spaces": spell(" "),
    "aligned by spaces": "  " + spell("    ").replace("\n", "   \n  "),
    "after commas": spell(", "),
    "quotes": spell(quote=True),
    "Windows": spell(end="\r\n"),
    "old Macs": spell(end="\r"),
    "no end": spell().rstrip(),
    "BOM": spell().encode("utf-8-sig"),
    "UTF-16": spell("\t", "\r\n").encode("utf-16"),
    "UTF-16 without BOM": spell().encode("utf-16-le"),
    "UTF-16 big-endian": spell().encode("utf-16-be"),
    "UTF-32": spell().encode("utf-32"),
    "sep": "sep=;\r\n" + spell(";", "\r\n"),
    "comments": '# a "comment\n#\n\n' + spell() + "\n# at the end",
    "empty rows": spell().replace("\n", "\n,,\n"),
    "a separator at the end": spell().replace("\n", ",\n"),
    "a separator at the end of rows": spell().replace("a\n", "a,\n"),
}


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS)
def test_the_same_table_in_every_spelling(tmp_path, content):
    table = read(tmp_path, content)
    assert (table.names, table.rows) == (NAMES, ROWS)


def test_latin_1_is_said(tmp_path):
    with pytest.warns(TableWarning, match="t.csv is not UTF-8; it was read as Latin-1"):
        assert read(tmp_path, spell().encode("latin-1")).names == NAMES


def test_comments_between_rows_are_said(tmp_path):
    with pytest.warns(TableWarning, match="left out what begins with #: line 3, line 5"):
        table = read(tmp_path, "u,v\n1,2\n#3,4\n5,6\n# x\n7,8\n# y\n")
    assert (table.rows, table.lines) == ((("1", "2"), ("5", "6"), ("7", "8")), (2, 4, 6))


def test_without_a_header(tmp_path):
    content = "0,1,1\n1,0,1\n1,1,0\n"
    with pytest.raises(ValueError, match=r"t\.csv, line 1: the first line has numbers where .*: say --no-header"):
        read(tmp_path, content)
    table = read(tmp_path, content, header=False)
    assert (table.names, len(table.rows), table.lines) == (("x1", "x2", "x3"), 3, (1, 2, 3))
    with pytest.raises(ValueError, match="--no-header"):
        read(tmp_path, "5.1,3.5,setosa\n4.9,3.0,setosa\n")


def test_headers_of_other_programs(tmp_path):
    learn = read(tmp_path, "3,2,setosa,versicolor\n5.1,3.5,0\n4.9,3.0,1\n4.7,3.2,0\n")
    assert learn.names == ("x1", "x2", "class")
    assert [row[-1] for row in learn.rows] == ["setosa", "versicolor", "setosa"]
    for damaged in ("4,2,setosa,versicolor", "3,2,setosa", "3,3,setosa,versicolor"):
        with pytest.raises(ValueError, match=r"t\.csv"):
            read(tmp_path, f"{damaged}\n5.1,3.5,0\n4.9,3.0,1\n4.7,3.2,0\n")
    r = read(tmp_path, '"u","v"\n"1",5,"a"\n"2",6,"b"\n')
    assert (r.names, r.rows[0]) == (("", "u", "v"), ("1", "5", "a"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "this table is empty"),
        ("# only\n\n", "this table is empty"),
        ("u\n1\n2\n", "line 1 has one column only"),
        ("Title of it\n\nu,v\n1,2\n", "line 1 has one column only"),
        ("u,v\n1,2\n1\n" + "1,2,3\n" * 12, r"line 1 has 2 columns, but line 3 has 1, .*line 12 has 3, and 3 more"),
        ("u,u\n1,a\n", "line 1: each column needs a name of its own: 'u' is there twice"),
        ("u,,v\n1,2,a\n", "line 1: each column needs a name of its own: column 2 has none"),
        ('u,v\n1,"a\n2,b\n', "after line 1: this is not a table: unexpected end"),
        ("u,v\n1," + "1" * 200_000, "after line 1: this is not a table: field larger"),
        (b"PK\x03\x04 a spreadsheet", "this is not text: save the table as CSV"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "this is not text"),
        (b"\xff\xfe\x00", "this is not text"),
        ("<!DOCTYPE html>\n<html>", "this is a web page and not a table"),
        (b"u,v\n" + b"1,2\n" * (LARGEST // 4), "this file has more than 20 MB"),
    ],
)
def test_what_is_not_a_table_is_named(tmp_path, content, message):
    with pytest.raises(ValueError, match=rf"t\.csv.*{message}"):
        read(tmp_path, content)


def column(tmp_path, cells, sep):
    table = read(tmp_path, f"u{sep}v\n" + "".join(f'"{cell}"{sep}a\n' for cell in cells))
    mark = table.decimal_mark([0])
    return [read_number(cell, mark) for cell, _ in table.rows]


@pytest.mark.parametrize(
    ("cells", "sep", "numbers"),
    [
        (["1,5", "-0,25", "1000"], ";", [1.5, -0.25, 1000]),
        (["1,5", "1,250"], ",", [1.5, 1.25]),
        (["1.234,5", "1.234", "7"], ";", [1234.5, 1234, 7]),
        (["1,234", "12"], ",", [1234, 12]),
        (["1,234,567", "0.5"], ";", [1234567, 0.5]),
        (["1,234.5", "1,234"], ";", [1234.5, 1234]),
        (["1 234,5", "1\u202f234", "1'234"], ";", [1234.5, 1234, 1234]),
        (["\N{MINUS SIGN}1.5", "1e3", ".5", "5."], ",", [-1.5, 1000, 0.5, 5]),
        (["1_000", "0x1", "inf", "nan", "1e999", "two", "١٢", "1,2,3", "--1", "1 2"], ",", [None] * 10),
    ],
)
def test_numbers_as_people_write_them(tmp_path, cells, sep, numbers):
    assert column(tmp_path, cells, sep) == numbers


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1,5", "2.5"], "1,5 has a decimal comma and 2.5 a decimal point"),
        (["1,234", "5"], "1,234 may have a decimal comma or be a whole number"),
    ],
)
def test_numbers_that_could_mean_two_things_are_refused(tmp_path, cells, message):
    with pytest.raises(ValueError, match=message):
        column(tmp_path, cells, ";")


def test_rows_below_headings(tmp_path):
    def heads(cells):
        return {"name", "mark"} <= {*cells}

    (tmp_path / "t.csv").write_text("Test of 1 December\n\nNAME;x; Mark\nAda;1;2\n\nBob\n")
    found = read_rows(tmp_path / "t.csv", heads, "name, mark")
    assert found == (["NAME", "x", "Mark"], [(4, ["Ada", "1", "2"]), (6, ["Bob"])])
    (tmp_path / "t.csv").write_text("name;x\nAda;1\n")
    with pytest.raises(ValueError, match="a column is missing: the first line must name name, mark"):
        read_rows(tmp_path / "t.csv", heads, "name, mark")
