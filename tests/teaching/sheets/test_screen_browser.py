"""The page for the screen in a browser, offline: typed numbers are answered, and help comes one click at a time."""

import json
import re
from fractions import Fraction

import pytest

from micrograd_like.cli import main
from micrograd_like.teaching import CLASSICS, Exercise, exercise
from micrograd_like.teaching.exercises.levels import LEVELS
from micrograd_like.teaching.grading.mistakes import find
from micrograd_like.teaching.sheets import Sheet, grade_class, write_class


@pytest.fixture
def show(open_page, tmp_path):
    """Return a function that opens a sheet."""
    return lambda sheet, **options: open_page(sheet.save(tmp_path / "sheet.html", screen=True), **options)


def type_in(form, drawn, answers):
    for name, answer in answers.items():
        form.get_by_label(f"{drawn.question(name)} =", exact=True).fill(str(answer))


def status(form):
    return form.get_by_role("status").inner_text()


def test_a_mistake_is_named_and_help_comes_click_by_click(show):
    drawn = Exercise("", "b = a*a; c = a + b; L = b*c", {"a": Fraction(2)})
    page = show(Sheet([drawn], student="Ada"))
    form = page.locator("form")
    type_in(form, drawn, {"c": "4.0", "b": "8/2", "a": "sqrt(64)"})
    assert status(form) == ""
    form.get_by_role("button", name="Check").click()
    assert status(form) == (
        "It may be: only one of the paths was kept. It first shows at b. So few numbers may be a coincidence."
    )
    assert form.locator(".gradients .mark").all_inner_texts() == ["✓ right", "✗ wrong", "✗ wrong"]
    assert form.locator(".values .mark").all_inner_texts() == ["– missing"] * 3
    assert form.locator("[aria-invalid=true]").count() == 2

    box = form.get_by_label("∂L/∂b =", exact=True)  # focused, with a ring around it
    ring = "b => { const s = getComputedStyle(b); return parseFloat(s.outlineWidth) + parseFloat(s.outlineOffset) }"
    below = form.locator(".mark", has_text="wrong").first.bounding_box()["y"]
    assert below >= box.bounding_box()["y"] + box.bounding_box()["height"] + box.evaluate(ring) > 0

    right = "∂L/∂b = 10"
    row = find("overwrite")
    for button, said in (
        ("Give me a hint", f"Hint{row.question}"),
        ("Tell me the rule", f"Rule{row.sentence}"),
        ("Show me the step", " = ?"),
        ("Show me the answer", f"Answer{right}"),
    ):
        assert said not in status(form)
        assert right not in status(form)
        form.get_by_role("button", name=button).click()
        assert said in status(form)
    assert form.get_by_role("button").all_inner_texts() == ["Check"]  # there is no more help
    assert form.get_by_label("∂L/∂b =").evaluate("box => box === document.activeElement")

    type_in(form, drawn, drawn.answers)
    for label, x in (("b = a * a", 4), ("c = a + b", 6), ("L = b * c", 24)):
        form.get_by_label(f"{label} =", exact=True).fill(str(x))
    assert set(form.locator(".mark").all_inner_texts()) == {""}
    form.get_by_role("button", name="Check").click()
    assert status(form) == "All of it is right."


def test_follow_through_missing_and_unread_answers_by_keyboard(show):
    drawn = CLASSICS["karpathy"]
    page = show(Sheet([drawn]))
    form = page.locator("form")
    page.get_by_label("∂L/∂f =").focus()
    for typed in ("4", "\u22125", "-5", "1,500"):  # f, d, c, e; Enter goes on
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "g1"  # b
    page.keyboard.press("Enter")  # into an empty box: it checks
    assert "Not everything could be read" in status(form)
    assert form.locator(".gradients .mark").all_inner_texts()[3] == (
        "! '1,500' may be 1.500 or 1500: write it without the comma"
    )
    assert page.get_by_label("∂L/∂e =").evaluate("box => box === document.activeElement")
    page.get_by_label("∂L/∂e =").fill("-10/2")
    form.get_by_role("button", name="Check").press("Enter")
    slip = "↳ right, given the slip before it"
    marks = form.locator(".gradients .mark").all_inner_texts()
    assert marks == ["✓ right", "✗ wrong", slip, slip, "– missing", "– missing"]
    assert status(form) == "No mistake that is known here gives these numbers. It first shows at d."
    form.get_by_role("button", name="Give me a hint").click()
    assert "Which operations use d, and what does each contribute?" in status(form)
    assert form.get_by_role("button", name="Show me the step").is_visible()  # there is no rule to tell


def test_the_forward_pass_is_checked_too(show):
    page = show(Sheet([CLASSICS["karpathy"]]))
    form = page.locator("form")
    for label, typed in (("e = a * b =", "6"), ("d = e + c =", "16"), ("L = d * f =", "2**2 - 12")):
        form.get_by_label(label, exact=True).fill(typed)
    form.get_by_role("button", name="Check").click()
    marks = form.locator(".values .mark").all_inner_texts()
    assert marks == ["✗ wrong", "↳ right, given the slip before it", "✓ right"]
    assert "one number has the wrong sign" in status(form)
    form.get_by_label("∂L/∂f =", exact=True).fill("16")  # of the d that was written
    form.get_by_role("button", name="Check").click()
    assert form.locator(".gradients .mark").first.inner_text() == "↳ right, given the slip before it"
    while (more := form.locator(".more")).is_visible():
        more.click()
    assert re.findall("e = a .*", status(form)) == ["e = a * b = 2 * (-3) = ?", "e = a * b = -6"]


def test_what_was_typed_is_saved_as_a_table_that_is_graded(show, tmp_path):
    name = 'Zoë "Z", the 1st'
    key = write_class([name], tmp_path / "set", "diamond", count=2).key
    students = json.loads(key.read_text(encoding="utf-8"))["students"]
    drawn = [Exercise.from_document("", part) for part in students[name]]
    page = show(Sheet(drawn, student=name))
    for form, each in zip(page.locator("form").all(), drawn, strict=True):
        type_in(form, each, each.answers)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save my answers").click()
    saved.value.save_as(tmp_path / "answers.csv")
    student = grade_class(key, tmp_path / "answers.csv").students[name]
    assert student.right == student.answered == sum(len(each.answers) for each in drawn)
    assert "hand this file in" in page.locator("#saved").inner_text()


def test_names_are_text_and_what_is_filled_in_needs_no_box(show):
    name = "</script><script>alert(1)</script>"
    drawn = [CLASSICS["cs231n"], exercise(2, "descent")]
    page = show(Sheet(drawn, title="<b>Backprop</b>", student=name, fade=0.5))
    assert page.locator(".name").inner_text() == name
    assert page.get_by_role("heading", level=1).inner_text() == "<b>Backprop</b>"
    assert page.locator("input").count() == sum(line.is_blank for each in drawn for line in each.lines(0.5))
    assert page.locator("form").count() == 2
    type_in(page.locator(".exercise").nth(1), drawn[1], {"w_new": drawn[1].answers["w_new"]})
    forms = [page.locator(".exercise").nth(k).locator("form") for k in (0, 1)]
    for form in forms:
        form.get_by_role("button", name="Check").click()
    assert status(forms[0]) == "No answers yet."
    assert "Right so far" in status(forms[1])


def test_every_level_fits_a_phone_and_can_be_read(show):
    drawn = [exercise(1, level) for level in LEVELS]
    page = show(Sheet(drawn), viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("img").evaluate_all("pictures => pictures.every(p => p.naturalWidth > 50 && p.alt)")
    for form, each in zip(page.locator("form").all(), drawn, strict=True):
        wrong = next(iter(each.visible.values()))
        type_in(form, each, dict(zip(each.answers, wrong, strict=True)))
        form.get_by_role("button", name="Check").click()
        form.get_by_role("button", name="Give me a hint").click()
        assert "It first shows at" in status(form)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert min(page.evaluate(CONTRASTS)) >= 4.5
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
    page.emulate_media(media="print")
    assert not page.locator("button, .mark, .report").evaluate_all("all => all.some(x => x.checkVisibility())")
    assert set(page.locator("input").evaluate_all("all => all.map(x => getComputedStyle(x).border)")) == {
        "1px solid rgb(0, 0, 0)"
    }


# Of all text the contrast with what is behind it, as WCAG 2 defines it.
CONTRASTS = """() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = color => channels(color).slice(0, 3).map(x => x / 255)
    .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = x => {
    const color = getComputedStyle(x).backgroundColor;
    return channels(color)[3] === 0 ? ground(x.parentElement) : color;
  };
  return [...document.querySelectorAll("body *")].filter(x => x.checkVisibility() && x.innerText?.trim()).map(x => {
    const [one, other] = [luminance(getComputedStyle(x).color), luminance(ground(x))];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  });
}"""


def test_the_command_line_writes_pages(browser, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "roster.csv").write_text("name\nAda\nBob\n")
    assert main(["exercise", "--level", "operation", "--screen", "-o", "one.html"]) == 0
    assert main(["exercise", "--level", "operation", "--screen", "--class", "roster.csv", "-o", "class"]) == 0
    for path in (tmp_path / "one.html", *(tmp_path / "class").glob("0*.html")):
        page = browser.new_page()
        page.goto(path.as_uri())
        page.locator("form").get_by_role("button", name="Check").click()
        assert status(page.locator("form")) == "No answers yet."
        page.close()
    assert "wrote 2 sheets" in capsys.readouterr().out
