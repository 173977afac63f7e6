"""What pictures are saved as: PNG, PDF, LaTeX, frames, side by side."""

import re
import shutil
import struct
import subprocess
import sys
import threading
import zlib

import pytest

from micrograd_like import MLP, Value, draw, parse
from micrograd_like.pictures import paint, scene
from tests.conftest import need


@pytest.fixture
def loss():
    root = parse("e = a*b; L = (e - c)/f", a=2.0, b=-3.0, c=10.0, f=-2.0)
    root.backward()
    return root


@pytest.fixture
def network():
    model = MLP(2, [3, 1], activation="tanh", seed=3)
    out = (model([1.0, -2.0]) - 1) ** 2
    out.label = "L"
    out.backward()
    return model, out


def pixels(content):
    """Return the width, the height and the rows of a PNG of 8 bits in RGBA or RGB."""
    width, height, depth, kind = struct.unpack(">IIBB", content[16:26])
    assert (depth, kind) in ((8, 6), (8, 2))
    data, at = b"", 8
    while at < len(content):
        size, name = struct.unpack(">I4s", content[at : at + 8])
        data += content[at + 8 : at + 8 + size] if name == b"IDAT" else b""
        at += size + 12
    channels, raw, rows = 4 if kind == 6 else 3, zlib.decompress(data), []
    stride, before = width * channels, bytes(width * channels)
    for r in range(height):
        method, line = raw[r * (stride + 1)], bytearray(raw[r * (stride + 1) + 1 : (r + 1) * (stride + 1)])
        for i in range(stride):
            a = line[i - channels] if i >= channels else 0
            b, c = before[i], before[i - channels] if i >= channels else 0
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[method]) % 256
        before = bytes(line)
        rows.append([tuple(line[i : i + channels]) for i in range(0, stride, channels)])
    return width, height, rows


# -------------------- PNG --------------------


@pytest.mark.parametrize("dpi", [72, 144, 300])
def test_png_has_the_resolution_that_was_asked_for(loss, tmp_path, dpi):
    drawing = draw(loss)
    width, height, _ = pixels(drawing.save(tmp_path / "g.png", dpi=dpi).read_bytes())
    picture = drawing.pictures[0]
    assert (width, height) == pytest.approx((picture.width * dpi / 72, picture.height * dpi / 72), rel=0.01, abs=2)
    with pytest.raises(ValueError, match="dpi must be above 0"):
        drawing.save(tmp_path / "g.png", dpi=0)


def test_png_shows_the_colors_of_its_theme(loss, tmp_path):
    for theme in ("light", "dark", "print"):
        _, _, rows = pixels(draw(loss, theme=theme).save(tmp_path / "g.png").read_bytes())
        found = {pixel[:3] for row in rows for pixel in row}
        for look in ("data", "grad", "ink", "ground"):
            color = scene.THEMES[theme][look]
            wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
            assert any(sum(abs(a - b) for a, b in zip(wanted, pixel, strict=True)) < 24 for pixel in found), look
    _, _, rows = pixels(draw(loss, transparent=True).save(tmp_path / "g.png").read_bytes())
    assert rows[1][1][3] == 0


@pytest.mark.parametrize("label", ["Вес", "∂L", "градиент → ½", "Ünïcödé"])
def test_png_has_letters_beyond_ascii(label, tmp_path):
    paths = (draw(Value(1.0, name) + 1).save(tmp_path / f"{k}.png") for k, name in enumerate((label, "\u0378" * 3)))
    one, other = (path.read_bytes() for path in paths)
    assert one != other
    assert paint._has_letters(label)


def test_png_says_what_it_cannot_show(tmp_path, recwarn):
    if all(ord(c) in paint._known() for c in "重み"):
        pytest.skip("this machine has a font for them")
    drawing = draw(Value(1.0, "重み") + 1)
    tall = pixels(drawing.save(tmp_path / "a.png").read_bytes())[1]
    plain = pixels(draw(Value(1.0, "WW") + 1).save(tmp_path / "b.png").read_bytes())[1]
    assert tall > plain + 20  # a line of text
    assert not list(recwarn)


# -------------------- PDF --------------------


def test_pdf_has_text_and_fonts(loss, tmp_path):
    path = draw(loss).save(tmp_path / "g.pdf")
    content = path.read_bytes()
    assert content.startswith(b"%PDF")
    assert b"FontFile2" in content
    assert b"/Image" not in content.replace(b"/ImageC", b"").replace(b"/ImageB", b"").replace(b"/ImageI", b"")
    assert draw(loss).save(tmp_path / "h.pdf").read_bytes() == content
    if pdftotext := shutil.which("pdftotext"):
        shown = subprocess.run([pdftotext, path, "-"], capture_output=True, text=True, check=True).stdout
        assert {"L", "e", "8", "-0.5", "×"} <= set(shown.split())


def test_pdf_has_a_page_for_each_frame(network, tmp_path):
    content = draw(*network, show="steps", lr=0.1).save(tmp_path / "g.pdf").read_bytes()
    assert re.search(rb"/Count 3\b", content)


def test_without_matplotlib_it_is_said(loss, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RuntimeError, match=r"need matplotlib: run `pip install matplotlib`, or save an \.svg"):
        draw(loss).save(tmp_path / "g.pdf")
    assert draw(loss).save(tmp_path / "g.png").exists()


# -------------------- LaTeX --------------------


def test_tikz_is_what_one_would_write(loss):
    source = draw(loss).tikz
    head, _, body = source.partition(r"\begin{tikzpicture}")
    assert r"\tikzset{" in head
    assert "HTML" not in body  # colours and styles are defined at the top
    for line in (
        r"\node[input] (a) at \(\d+,\d+\) {\\named{\$a\$}{\\data{2}\\\\\\grad{1.5}}};",
        r"\node[operation] (e-op) at \(\d+,\d+\) {\$\\times\$};",
        r"\node[output] (L) at \(\d+,\d+\) {\\named{\$L\$}{\\data{8}\\\\\\grad{1}}};",
        r"\draw[edge] (a) to[out=0, in=180] node[local] {\$-3\$} (e-op);",
    ):
        pattern = re.escape(line).replace(re.escape(r"\(\d+,\d+\)"), r"\(\d+,\d+\)")
        pattern = pattern.replace(r"\\\\", r"\\").replace(r"\\\$", r"\$")
        assert re.search(pattern, body), line


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_edges_go_around_nodes_in_tikz(rankdir):
    root = parse("u = a*b; v = u/a; w = u*c; L = v*w", a=4.0, b=-1.5, c=-4.0)
    root.backward()
    source = draw(root, rankdir=rankdir).tikz
    places = {
        name: (int(x), int(y)) for name, x, y in re.findall(r"\\node\[.*?\] \((.+?)\) at \((.+?),(.+?)\)", source)
    }
    (way,) = re.findall(r"\\draw\[edge\] \(a\)(.*) \(v-op\);", source)
    points = [places["a"], *((int(x), int(y)) for x, y in re.findall(r"\((-?\d+),(-?\d+)\)", way)), places["v-op"]]
    assert len(points) >= 7
    (x, y), nearest = places["u"], []
    for k in range(0, len(points) - 1, 3):
        for t in (n / 20 for n in range(21)):
            shares = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            at = [sum(s * p[i] for s, p in zip(shares, points[k : k + 4], strict=True)) for i in (0, 1)]
            nearest.append(max(abs(at[0] - x), abs(at[1] - y)))
    assert min(nearest) > 15  # half of the box of u, which the straight way would cross


def test_tikz_has_the_numbers_of_the_picture(network):
    drawing = draw(*network)
    shown = {m.text for item in drawing.pictures[0].items for m in item.marks if isinstance(m, scene.Text)}
    source = drawing.tikz.replace("$-$", "-")
    for number in (t for t in shown if re.fullmatch(r"-?\d+\.\d+", t)):
        assert number in source


def test_blanks_and_steps_in_tikz(loss):
    blank = draw(loss, blank=["L"]).tikz
    assert r"\fbox" in blank
    assert r"\data{8}" not in blank
    steps = draw(loss, steps=True)
    assert len(steps.pictures) == 1 + 7  # the forward pass, the seed, and six edges
    assert r"\only<1-7>" in steps.tikz
    assert "tikzpicture" in steps.tikz


HOSTILE = [
    "50% & #1_{x}^2 ~$",
    "\\input{/etc/passwd}",
    "a\\b",
    "漢字",
    "<|>",
    '"q"',
    "v1-op",
    "x" * 50,
    "Ünïcödé ß",
    "é→∂",
]


@pytest.mark.parametrize("engine", ["pdflatex", "lualatex"])
def test_latex_compiles(engine, loss, network, tmp_path):
    command = need("tex", engine)
    labelled = Value(0.5, HOSTILE[0])
    for label in HOSTILE[1:]:
        labelled = labelled * Value(1.5, label)
        labelled.label = f"{label} again"
    drawings = {
        "graph": draw(loss),
        "down": draw(loss, rankdir="TB", blank=["e"]),
        "steps": draw(loss, steps=True),
        "network": draw(*network),
        "moves": draw(*network, show="steps", lr=0.1),
        "blocks": draw(MLP(64, [32, 10], seed=1)),
        "hostile": draw(labelled),
        "names": draw(MLP(len(HOSTILE), [1], seed=1), inputs=HOSTILE),
        "both": draw(loss).beside(draw(loss, theme="print"), "right & true", "wrong_"),
    }
    pages = {}
    for name, drawing in drawings.items():
        drawing.save(tmp_path / f"{name}.tex")
        run = subprocess.run(
            [command, "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"], cwd=tmp_path, capture_output=True
        )
        assert run.returncode == 0, f"{name}: {run.stdout.decode(errors='replace')[-1500:]}"
        pages[name] = int(re.search(rb"Output written on .*?\((\d+) page", run.stdout)[1])
    assert pages == dict.fromkeys(drawings, 1) | {"steps": 8, "moves": 3}
    (tmp_path / "figure.tex").write_text(drawings["graph"].tikz, encoding="utf-8")
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{amsmath}\usepackage{tikz}\usetikzlibrary{shapes.misc}"
        r"\begin{document}A figure: \input{figure}\end{document}"
    )
    subprocess.run([command, "-halt-on-error", "paper.tex"], cwd=tmp_path, check=True, capture_output=True)


# -------------------- several --------------------


def test_steps_of_a_graph(loss, tmp_path):
    drawing = draw(loss, steps=True)
    first, *_, last = drawing.pictures
    assert len({(p.width, p.height) for p in drawing.pictures}) == 1

    def shown(picture):
        return [m.text for item in picture.items for m in item.marks if isinstance(m, scene.Text)]

    assert shown(first).count("–") == 7
    assert "–" not in shown(last)
    captions = [shown(p)[-1] for p in drawing.pictures]
    assert captions[1] == "1. ∂L/∂L = 1"
    assert captions[2].startswith("2. ∂L/∂v1 += ∂L/∂L * ∂L/∂v1")
    active = [sum(isinstance(i, scene.Edge) and i.marks[0].stroke == "grad" for i in p.items) for p in drawing.pictures]
    assert active == [0, 0, 1, 1, 1, 1, 1, 1]
    for k, frame in enumerate(drawing.frames):
        frame.save(tmp_path / f"{k}.svg")
    with pytest.raises(ValueError, match="limit of 150"):
        draw(MLP(8, [8, 8, 1])([0.0] * 8), steps=True)


def test_side_by_side(loss):
    from micrograd_like.teaching import backprop_with

    both = draw(loss).beside(backprop_with(loss, "overwrite").draw(), "right", "wrong")
    one = draw(loss).pictures[0]
    assert both.pictures[0].width >= 2 * one.width - 1
    assert both.title == "right beside wrong"
    keys = [item.key for item in both.pictures[0].items if isinstance(item, scene.Node)]
    assert len(keys) == len(set(keys))
    assert len(both.rows) == 2 * len(draw(loss).rows)
    with pytest.raises(ValueError, match="two titles"):
        draw(loss).beside(draw(loss), "one")


def test_bytes_do_not_depend_on_the_hash_seed():
    program = (
        "import hashlib; from micrograd_like import MLP, draw, parse\n"
        "r = parse('L = (a - b/a)*(b + a)', a=2.0, b=3.0); r.backward()\n"
        "m = MLP(2, [4, 1], activation='tanh', seed=1); l = sum(((m([i, 1]) - 1)**2 for i in range(3)), m([1, 1]))\n"
        "l.backward()\n"
        "made = [draw(r).svg, draw(r).tikz, draw(r).dot, draw(l).svg, draw(l, depth='sample').svg,"
        " draw(m, l, show='steps', lr=0.1).svg, draw(r, steps=True).svg]\n"
        "print([hashlib.sha256(x.encode()).hexdigest() for x in made])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(found) == 1


def test_saving_from_several_threads(loss, tmp_path):
    path, failed = tmp_path / "g.svg", []

    def work():
        for _ in range(10):
            try:
                draw(loss).save(path)
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert path.read_text(encoding="utf-8") == draw(loss).svg
    assert [p.name for p in tmp_path.iterdir()] == ["g.svg"]
