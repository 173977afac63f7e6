import dataclasses
import math
import random
from pathlib import Path
from statistics import fmean, pstdev

import pytest

import micrograd_like
from micrograd_like.nn.datasets import Dataset, circles, iris, moons, read_csv, spirals, xor

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
    for features in ["c", "a"], [2, 0], ["c", 0]:
        selected = SMALL.select(features)
        assert selected.rows == ((5.0, 1.0), (5.0, 3.0))
        assert selected.feature_names == ("c", "a")
        assert (selected.targets, selected.class_names) == (SMALL.targets, SMALL.class_names)


@pytest.mark.parametrize("features", [["d"], [3], [-1], [0.5]])
def test_select_what_is_not_there(features):
    with pytest.raises(ValueError, match=f"small has the features a, b, c, not {features[0]!r}"):
        SMALL.select(features)


def test_select_nothing():
    with pytest.raises(ValueError, match="at least one feature"):
        SMALL.select([])


def test_standardized_features_have_mean_0_and_deviation_1():
    assert SMALL.standardized().rows == ((-1.0, -1.0, 0.0), (1.0, 1.0, 0.0))
    for column in zip(*iris().standardized().rows, strict=True):
        assert (fmean(column), pstdev(column)) == (pytest.approx(0, abs=1e-12), pytest.approx(1))


# -------------------- CSV files --------------------


def read(tmp_path, content):
    path = tmp_path / "points.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path)


def test_read_csv(tmp_path):
    data = read(tmp_path, "x,y,kind\n1,2.5,b\n-3e2, 4 ,a\n1,1,b\n")
    assert data == Dataset("points", ((1.0, 2.5), (-300.0, 4.0), (1.0, 1.0)), (1, 0, 1), ("x", "y"), ("a", "b"))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfx,kind\r\n1,a\r\n2,b\r\n",
        b"x,kind\r1,a\r2,b\r",
        b'# a "comment\n\nx,kind\n1,a\n\n ,\n2,b',
        b'"x","kind"\n"1","a"\n"2","b"\n',
    ],
    ids=["bom and windows", "carriage returns", "comments and blank lines", "quotes"],
)
def test_the_same_in_other_spellings(tmp_path, content):
    data = read(tmp_path, content)
    assert (data.rows, data.targets, data.feature_names) == (((1.0,), (2.0,)), (0, 1), ("x",))


@pytest.mark.parametrize(
    ("labels", "names"),
    [("10 9 9", ("9", "10")), ("1 -1 1", ("-1", "1")), ("b B a", ("B", "a", "b")), ("2 x 10", ("10", "2", "x"))],
)
def test_classes_are_sorted_numbers_by_their_size(tmp_path, labels, names):
    data = read(tmp_path, "x,class\n" + "".join(f"0,{label}\n" for label in labels.split()))
    assert data.class_names == names
    assert [names[target] for target in data.targets] == labels.split()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x,y,kind\n1,2,a\n1,two,b\n", r"points\.csv, line 3: column 'y': 'two' is not a finite number"),
        ("x,y,kind\n1,,a\n", r"line 2: column 'y': '' is not a finite number"),
        ("x,y,kind\n\n# c\n1,nan,a\n", r"line 4: column 'y': 'nan' is not a finite number"),
        ("x,kind\n1e999,a\n", r"line 2: column 'x': '1e999' is not a finite number"),
        ("x,y,kind\n1,2\n", r"line 2: 2 columns instead of 3"),
        ("x,y,kind\r\n1,2,a\r\n1,2,a,b\r\n", r"line 3: 4 columns instead of 3"),
        ("x,kind\n1,a\n2,\n", r"line 3: column 'kind': the class is missing"),
        ("1,2,a\n3,4,b\n", r"line 1: the first line has numbers"),
        ("x;y;kind\n1;2;a\n", r"line 1: one column only"),
        ("x,x,kind\n", r"line 1: each column needs a name of its own"),
        ("x,,kind\n", r"line 1: each column needs a name of its own"),
        ("x,kind\n1,a\n2,a\n", r"points\.csv: samples of at least two classes are needed, found 1"),
        ("x,kind\n", r"at least two classes are needed, found 0"),
        ("", r"at least two classes are needed, found 0"),
        (b"x,kind\n1,\xff\n", r"points\.csv: this is not text in UTF-8"),
        (b"x,kind\n" + b"1" * 200_000 + b",a\n", r"line 2: field larger than field limit"),
    ],
)
def test_a_bad_file_is_named_with_line_and_column(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "none.csv")
