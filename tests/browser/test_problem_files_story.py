"""Problem files of one's own on every page that asks for problems, at both widths."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from app import DEMO_IS_BUILT, button, choose, open_app, settled
from playwright.sync_api import Locator, Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
SHEET = (
    "prompt,gold,why\n"
    "**How** many is 1 + 1?,2,\\boxed{2}\n"
    ",3,\\boxed{3}\n"
    "<img src=x onerror=alert(1)>How many is 2 + 2?,4,\\boxed{4}\n"
)


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    (tmp_path / "sheet.csv").write_text(SHEET)
    return tmp_path / "sheet.csv"


@pytest.mark.parametrize("width", [800, 1280])
def test_a_sheet_is_looked_at_changed_and_explored(
    page: Page, url: str, sheet: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    open_app(page, url)
    choose(page, "Problems from", "Upload…")
    page.locator(".st-key-problem_file input[type=file]").set_input_files(sheet)
    dialog = page.get_by_role("dialog").filter(has_text="Columns of sheet.csv")
    expect(dialog.get_by_role("alert")).to_contain_text("row 3: the question is missing")
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert dialog.evaluate("each => each.scrollWidth <= each.clientWidth")
    choose(page, "Correct answer", re.compile("^why"))
    expect(dialog.get_by_text("Correct answer: 2")).to_be_visible()
    stands = page.get_by_role("combobox", name="The correct answer is")
    expect(stands).to_have_value("in the last \\boxed{}")
    use_both(page, dialog, "sheet.csv")
    expect(page.get_by_text("**How** many is 1 + 1?").first).to_be_visible()
    expect(page.get_by_text("Correct answer: 2", exact=True).first).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)


def test_a_dialog_that_was_closed_can_be_opened_again(page: Page, url: str, sheet: Path) -> None:
    page.goto(f"{url}/evaluate")
    choose(page, "Problems from", "Upload…")
    page.locator(".st-key-evaluation_file input[type=file]").set_input_files(sheet)
    dialog = page.get_by_role("dialog")
    expect(button(page, "Use 2 problems")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    settled(page)
    button(page, "Map columns").click()
    expect(button(page, "Use 2 problems")).to_be_visible()


def use_both(page: Page, dialog: Locator, name: str) -> None:
    """Take the two problems of a file, which are then on screen."""
    button(page, "Use 2 problems").click()
    expect(dialog).to_have_count(0)
    settled(page)
    expect(page.get_by_role("combobox", name="Problems from")).to_have_value(name)
    expect(page.get_by_test_id("stToast")).to_contain_text(f"2 problems of {name}")


def upload(page: Page, url: str, file: Path) -> Locator:
    """The dialog about the columns of a file that was uploaded in Explore."""
    open_app(page, url)
    choose(page, "Problems from", "Upload…")
    page.locator(".st-key-problem_file input[type=file]").set_input_files(file)
    dialog = page.get_by_role("dialog").filter(has_text=f"Columns of {file.name}")
    expect(dialog).to_be_visible()
    settled(page)
    return dialog


def add(page: Page, label: str, text: str) -> None:
    """Type into a box that takes several columns; Enter takes what is typed or found."""
    box = page.get_by_role("combobox", name=re.compile(f"^{label}"))
    box.click()
    box.fill(text)
    box.press("Enter")
    settled(page)
    page.keyboard.press("Tab")
    settled(page)


def test_columns_are_joined_and_nested_ones_named(page: Page, url: str, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 1000})
    rows = [
        {"tale": "Ann has 5 pens.", "ask": {"last": f"How many are {n} fewer?"},
         "check": {"told": [{"gold": str(5 - n)}]}}
        for n in (1, 2)
    ]  # fmt: skip
    file = tmp_path / "tales.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    dialog = upload(page, url, file)
    expect(dialog.get_by_role("alert")).to_contain_text("looks like a question")
    add(page, "Question", "tale")
    preview = dialog.locator("p").filter(
        has_text=re.compile("^Ann has 5 pens. Correct answer: none")
    )
    expect(preview.first).to_be_visible()
    add(page, "Question", "ask.last")
    whole = dialog.get_by_text("Ann has 5 pens. How many are 1 fewer?")
    expect(whole.first).to_be_visible()
    choose(page, "Joined by", "a blank line")
    answer = page.get_by_role("combobox", name=re.compile("^Correct answer"))
    answer.click()
    answer.fill("check.told[0].gold")
    answer.press("Enter")
    expect(dialog.get_by_text("Correct answer: 4", exact=True)).to_be_visible()
    expect(dialog.get_by_text("Correct answer: 3", exact=True)).to_be_visible()
    assert dialog.evaluate("each => each.scrollWidth <= each.clientWidth")
    use_both(page, dialog, "tales.jsonl")
    expect(page.get_by_text("How many are 1 fewer?").first).to_be_visible()
    expect(page.get_by_text("Correct answer: 4", exact=True).first).to_be_visible()


@pytest.mark.parametrize("width", [800, 1280])
def test_choices_stand_on_lines_of_their_own(
    page: Page, url: str, tmp_path: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    row = {"question": "Which is prime?", "choices": ["4", "<b>7</b>", "9"], "answer": 1}
    file = tmp_path / "quiz.jsonl"
    file.write_text(f"{json.dumps(row)}\n{json.dumps({**row, 'answer': 0})}")
    dialog = upload(page, url, file)
    shown = dialog.locator("p").filter(has_text=re.compile("^Which is prime")).first
    expect(shown).to_be_visible()
    lines = [line.strip() for line in shown.inner_text().split("\n") if line.strip()]
    assert lines[:3] == ["Which is prime?", "A. 4", "B. <b>7</b>"]
    expect(dialog.get_by_text("B. <b>7</b>").first).to_be_visible()
    expect(dialog.get_by_text("Correct answer: B", exact=True)).to_be_visible()
    assert dialog.evaluate("each => each.scrollWidth <= each.clientWidth")
    use_both(page, dialog, "quiz.jsonl")
    asked = page.get_by_test_id("stMain").locator(".problem .question")
    expect(asked).to_be_visible()
    asked.click()  # two of its lines are shown
    assert "\nA. 4\nB. <b>7</b>\n" in asked.inner_text()
    expect(page.get_by_text("Correct answer: B", exact=True).first).to_be_visible()


@pytest.mark.parametrize(
    ("address", "key", "field"),
    [
        ("interventions", "study_file", "Problems from"),
        ("compare", "compare_file", "Problems from"),
        ("evaluate", "evaluation_file", "Problems from"),
        ("finetune", "tuning_file", "Learn from"),
    ],
)
def test_every_page_takes_a_sheet(
    page: Page, url: str, sheet: Path, address: str, key: str, field: str
) -> None:
    page.set_viewport_size({"width": 800, "height": 900})
    page.goto(f"{url}/{address}")
    choose(page, field, "Upload…")
    page.locator(f".st-key-{key} input[type=file]").set_input_files(sheet)
    expect(page.get_by_text("row 3: the question is missing")).to_be_visible()
    button(page, "Use 2 problems").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    settled(page)
    expect(page.get_by_role("combobox", name=re.compile(field))).to_have_value("sheet.csv")
    main = page.get_by_test_id("stMain")
    assert main.evaluate("each => each.scrollWidth <= each.clientWidth")
