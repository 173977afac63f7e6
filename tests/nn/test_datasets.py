import dataclasses
import math
import random
from pathlib import Path
from statistics import fmean, pstdev

import pytest

import micrograd_like
from micrograd_like.nn.datasets import Dataset, circles, iris, moons, read_csv, spirals, xor
from micrograd_like.tables import TableWarning

PATTERNS = [moons, circles, spirals, xor]


# -------------------- iris --------------------


def test_iris_has_fishers_numbers():
    data = iris()
    assert len(data) == 150
    assert data.class_names == ("setosa", "versicolor", "virginica")
    assert data.targets == (0,) * 50 + (1,) * 50 + (2,) * 50
    assert data.feature_names == ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
    # the means of the three species in Fisher's table II
    means = [[round(fmean(column), 3) for column in zip(*data.rows[i : i + 50], strict=True)] for i in (0, 50, 100)]
    assert means == [[5.006, 3.428, 1.462, 0.246], [5.936, 2.77, 4.26, 1.326], [6.588, 2.974, 5.552, 2.026]]
    # the two samples that are wrong in many copies, and the first and last
    assert (data.rows[34], data.rows[37]) == ((4.9, 3.1, 1.5, 0.2), (4.9, 3.6, 1.4, 0.1))
    assert (data.rows[0], data.rows[-1]) == ((5.1, 3.5, 1.4, 0.2), (5.9, 3.0, 5.1, 1.8))


def test_the_csv_file_names_its_source():
    text = (Path(micrograd_like.__file__).parent / "nn" / "data" / "iris.csv").read_text()
    assert "The use of multiple measurements in taxonomic problems" in text.partition("sepal")[0]


# -------------------- patterns --------------------


@pytest.mark.parametrize("make", PATTERNS)
def test_a_seed_reproduces_a_pattern_whatever_the_global_state(make):
    random.seed(1)
    first = make(50, seed=7)
    before = random.getstate()
    assert make(50, seed=7) == first
    assert random.getstate() == before
    assert make(50, seed=8).rows != first.rows


@pytest.mark.parametrize("make", PATTERNS)
@pytest.mark.parametrize("n", [2, 7, 100])
def test_every_pattern_has_n_samples_of_two_classes(make, n):
    data = make(n)
    assert len(data) == len(data.rows) == len(data.targets) == n
    assert set(data.targets) == {0, 1}
    assert data.name == make.__name__
    assert (len(data.class_names), len(data.feature_names), {len(row) for row in data.rows}) == (2, 2, {2})
    if make is not xor:
        assert data.targets.count(0) == n // 2


def test_patterns_stay_the_same_from_release_to_release():
    first_rows = [(0.835925, 0.852051), (0.128818, 1.144945), (0.064409, 0.397472), (0.128818, 0.144945)]
    assert [make(4, seed=1).rows[0] for make in PATTERNS] == first_rows


def test_moons_without_noise_are_half_circles():
    for (x, y), label in zip(*samples(moons(40, noise=0)), strict=True):
        centre_x, centre_y, up = (1, 0.5, -1) if label else (0, 0, 1)
        assert math.hypot(x - centre_x, y - centre_y) == pytest.approx(1, abs=1e-5)
        assert up * (y - centre_y) > 0


def test_circles_without_noise_have_radius_1_and_a_half():
    for (x, y), label in zip(*samples(circles(40, noise=0)), strict=True):
        assert math.hypot(x, y) == pytest.approx(0.5 if label else 1, abs=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_spirals_without_noise_turn_once_while_the_radius_grows(classes):
    for (x, y), label in zip(*samples(spirals(60, noise=0, classes=classes)), strict=True):
        turn = (math.hypot(x, y) - 0.1) / 0.9
        angle = 2 * math.pi * (turn + label / classes)
        assert math.cos(angle - math.atan2(y, x)) == pytest.approx(1)
        assert 0 < turn < 1


def test_xor_without_noise_is_the_truth_table():
    data = xor(4, noise=0)
    assert dict(zip(*samples(data), strict=True)) == {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0}


@pytest.mark.parametrize("make", PATTERNS)
def test_noise_is_a_standard_deviation(make):
    clean, noisy = make(2000, noise=0), make(2000, noise=0.3)
    errors = [b - a for p, q in zip(clean.rows, noisy.rows, strict=True) for a, b in zip(p, q, strict=True)]
    assert abs(fmean(errors)) < 5 * 0.3 / math.sqrt(4000)  # five standard errors
    assert abs(pstdev(errors) - 0.3) < 5 * 0.3 / math.sqrt(2 * 4000)


@pytest.mark.parametrize("make", PATTERNS)
def test_impossible_patterns(make):
    with pytest.raises(ValueError, match="not 1 samples"):
        make(1)
    for noise in -0.1, math.nan, math.inf:
        with pytest.raises(ValueError, match="noise is a standard deviation"):
            make(10, noise=noise)
    with pytest.raises(ValueError, match="of 1 classes"):
        spirals(10, classes=1)


def samples(data):
    return data.rows, data.targets


# -------------------- datasets --------------------

SMALL = Dataset("small", ((1.0, 10.0, 5.0), (3.0, 30.0, 5.0)), (0, 1), ("a", "b", "c"), ("no", "yes"))


def test_a_dataset_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SMALL.name = "other"


def test_select_by_name_and_by_position():
    for features in ["c", "a"], [2, 0], ["c", 0], ["3", "1"]:
        selected = SMALL.select(features)
        assert selected.rows == ((5.0, 1.0), (5.0, 3.0))
        assert selected.feature_names == ("c", "a")
        assert (selected.targets, selected.class_names) == (SMALL.targets, SMALL.class_names)


@pytest.mark.parametrize("features", [["d"], [3], [-1], [0.5], ["0"], ["4"]])
def test_select_what_is_not_there(features):
    with pytest.raises(ValueError, match=f"small has the columns a, b, c, not {features[0]!r}"):
        SMALL.select(features)


@pytest.mark.parametrize("features", [["a", "a"], ["b", "a", 0], ["1", 0]])
def test_a_feature_is_selected_once(features, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,kind\n1,2,x\n3,4,y\n")
    for select in SMALL.select, lambda features: read_csv(path, features=features):
        with pytest.raises(ValueError, match="the feature 'a' is named twice: name it once"):
            select(features)


def test_select_nothing():
    with pytest.raises(ValueError, match="at least one feature"):
        SMALL.select([])


def test_scaled_features_have_mean_0_and_deviation_1():
    assert [SMALL.scaling()(row) for row in SMALL.rows] == [[-1.0, -1.0, 0.0], [1.0, 1.0, 0.0]]
    data = iris()
    for column in zip(*map(data.scaling(), data.rows), strict=True):
        assert (fmean(column), pstdev(column)) == (pytest.approx(0, abs=1e-12), pytest.approx(1))
    with pytest.raises(ValueError, match="expected 3 inputs, got 1"):
        SMALL.scaling()([1.0])


def test_a_summary_is_one_line():
    assert SMALL.summary() == "small: 2 samples; features a 1 to 3, b 10 to 30, c 5 to 5; 2 classes no (1), yes (1)"
    assert "3 classes setosa (50), versicolor (50), virginica (50)" in iris().summary()
    many = Dataset("many", ((1.0,) * 30,) * 2, (0, 1), tuple(f"f{k}" for k in range(30)), ("a", "b"))
    assert "f9 1 to 1, and 20 more; 2 classes" in many.summary()


def test_different_scales_are_noticed():
    assert iris().unscaled() == ""
    assert SMALL.select(["a", "c"]).unscaled() == ""
    large = Dataset("large", ((0.5, 1000.0), (0.25, 0.0)), (0, 1), ("hue", "proline"), ("a", "b"))
    assert large.unscaled() == "the features are on different scales (hue to 0.5 and proline to 1000)"
    assert large.select(["proline"]).unscaled() == "the features are on different scales (proline to 1000)"
    assert large.select(["hue"]).unscaled() == ""


# -------------------- tables: which column is what --------------------


def read(tmp_path, content, **options):
    path = tmp_path / "points.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path, **options)


def table(*columns, n=12, sep=","):
    """Return a table with a header of columns that are given as (name, function of the row's number)."""
    lines = [[name for name, _ in columns], *([str(f(i)) for _, f in columns] for i in range(n))]
    return "".join(sep.join(line) + "\n" for line in lines)


U, V = ("u", lambda i: 1.25 + 0.75 * i), ("v", lambda i: i * 37 % 11)
KIND, NUMBER = ("kind", lambda i: "ab"[i % 2]), ("count", lambda i: i % 3)


def test_read_csv(tmp_path):
    data = read(tmp_path, "x,y,kind\n1,2.5,b\n-3e2, 4 ,a\n1,1,b\n")
    assert data == Dataset("points", ((1.0, 2.5), (-300.0, 4.0), (1.0, 1.0)), (1, 0, 1), ("x", "y"), ("a", "b"))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ("10 9 9", ("9", "10")),
        ("1 -1 1", ("-1", "1")),
        ("b B a", ("B", "a", "b")),
        ("2 x 10", ("10", "2", "x")),
        ("1 1.0 2 2.00 01 2e0", ("1", "2")),
        ("0.5 1.50 0.50", ("0.5", "1.5")),
    ],
)
def test_classes_are_sorted_numbers_by_their_size(tmp_path, labels, names):
    data = read(tmp_path, "x,class\n" + "".join(f"0,{label}\n" for label in labels.split()))
    assert data.class_names == names
    if labels.split()[0] in names:
        assert names[data.targets[0]] == labels.split()[0]


@pytest.mark.parametrize("target", ["class", 0, "1"])
def test_the_class_may_stand_anywhere(tmp_path, target):
    content = table(("class", KIND[1]), U, V)
    with pytest.raises(
        ValueError, match=r"v has 11 values in 12 rows.*; class has 2 values in 12 rows: --target class\?"
    ):
        read(tmp_path, content)
    data = read(tmp_path, content, target=target)
    assert (data.feature_names, data.class_names, data.targets[:3]) == (("u", "v"), ("a", "b"), (0, 1, 0))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((V, NUMBER, U), "u has 12 values with decimals, so it is measured.*only classes are learnt here; say which"),
        ((U, ("colour", KIND[1]), NUMBER), r"count is the last column, but another.*--target colour or count\?"),
        ((("y", NUMBER[1]), U, ("group", NUMBER[1])), r"--target y or group\?"),
        ((U, ("age", lambda i: 30 + i)), "age has 12 values in 12 rows, so it is not a class"),
    ],
)
def test_what_cannot_be_the_class_is_asked_about(tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, table(*columns))


def test_a_class_that_says_so_is_not_asked_about(tmp_path):
    assert read(tmp_path, table(U, ("colour", KIND[1]), ("Outcome", NUMBER[1])), features=["u"]).class_names[0] == "0"
    assert len(read(tmp_path, table(U, ("colour", KIND[1]), NUMBER), features=["u"], target="count").class_names) == 3
    with pytest.raises(ValueError, match="so it is measured"):  # also if it is asked for
        read(tmp_path, table(U, V, KIND), target="u")


@pytest.mark.parametrize(
    ("column", "left_out"),
    [
        (("Id", lambda i: 100 - i), "'Id', which numbers the rows"),
        (("", lambda i: f"row {i}"), "a column without a name, which numbers the rows"),
        (("day", lambda i: i + 1), "'day', which numbers the rows"),
        (("#", lambda i: i), "'#', which numbers the rows"),
    ],
)
def test_what_numbers_the_rows_is_left_out_and_said(tmp_path, column, left_out):
    with pytest.warns(TableWarning, match=f"points.csv: left out {left_out}"):
        assert read(tmp_path, table(column, U, KIND)).feature_names == ("u",)


def test_what_numbers_the_rows_can_be_asked_for(tmp_path):
    assert read(tmp_path, table(("Id", int), U, KIND), features=["Id", "u"]).feature_names == ("Id", "u")
    assert read(tmp_path, table(("Id", int), KIND)).feature_names == ("Id",)  # there is nothing else


def test_only_what_is_used_needs_to_be_numbers(tmp_path):
    content = table(U, ("sex", lambda i: "mf"[i % 2]), V, KIND)
    with pytest.raises(
        ValueError, match=r"there are words in sex: leave them out \(--features u,v\), or give the words"
    ):
        read(tmp_path, content)
    assert read(tmp_path, content, features=["u", 2]).feature_names == ("u", "v")
    for features in (["kind"], []):
        with pytest.raises(ValueError, match="other than 'kind', the class"):
            read(tmp_path, content, features=features)


@pytest.mark.parametrize("missing", ["", "NA", "?", "nan", "N/A", "NULL"])
def test_missing_cells_are_listed_or_dropped_together(tmp_path, missing):
    rows = [
        ("u", "v", "kind"),
        *((missing if i % 5 == 0 else i, 1, missing if i == 7 else "ab"[i % 2]) for i in range(90)),
    ]
    content = "\n".join(",".join(map(str, row)) for row in rows)
    with pytest.raises(
        ValueError, match=r"line 2, u; line 7, u; line 9, kind; .*line 42, u; and 9 more\. Say --drop-missing"
    ):
        read(tmp_path, content)
    with pytest.warns(TableWarning, match="left out 19 of 90 rows"):
        assert len(read(tmp_path, content, drop_missing=True)) == 71
    with pytest.raises(ValueError, match="no rows are left"):
        read(tmp_path, f"u,kind\n{missing or '?'},a\n{missing or '?'},b\n", drop_missing=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "x,y,kind\n1,2,a\n1,two,b\n1,2,b\n1,3,b\n1,1e999,a",
            "not finite numbers: line 3, y: 'two'; line 6, y: '1e999'",
        ),
        ("x,kind\n1,a\n2,a\n", r"points\.csv: samples of at least two classes are needed, found 1"),
        ("x,kind\n", r"points\.csv: there are no rows"),
    ],
)
def test_a_bad_file_is_named_with_line_and_column(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


def test_names_that_would_move_the_cursor_are_written_out(tmp_path):
    data = read(tmp_path, "a\x1b[2J,kind\n1,p\x07\n2,q\n")
    assert (data.feature_names, data.class_names) == (("a\\x1b[2J",), ("p\\x07", "q"))


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "none.csv")
