"""Problem files of one's own on every page that asks for problems, at both widths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from app import APP, DEMO_IS_BUILT, button, choose, open_app
from conftest import Serve, settled
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
LONG = 30_000  # milliseconds
SHEET = (
    "prompt,gold,why\n"
    "**How** many is 1 + 1?,2,\\boxed{2}\n"
    ",3,\\boxed{3}\n"
    "<img src=x onerror=alert(1)>How many is 2 + 2?,4,\\boxed{4}\n"
)


@pytest.fixture
def url(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    return serve(APP, {"FORK_EXPLORER_HOME": str(tmp_path_factory.getbasetemp() / "files")})


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
    button(page, "Sampler").click()
    page.locator(".st-key-problem_file input[type=file]").set_input_files(sheet)
    dialog = page.get_by_role("dialog").filter(has_text="Columns of sheet.csv")
    expect(dialog.get_by_role("alert")).to_contain_text("row 3: there is no question", timeout=LONG)
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert dialog.evaluate("each => each.scrollWidth <= each.clientWidth")
    choose(page, "Right answer", re.compile("^why"))
    expect(dialog.get_by_text("gold 2")).to_be_visible(timeout=LONG)
    stands = page.get_by_role("combobox", name="The right answer stands")
    expect(stands).to_have_value("in the last \\boxed{}")
    button(page, "Use 2 problems").click()
    expect(dialog).to_have_count(0, timeout=LONG)
    settled(page)
    page.keyboard.press("Escape")
    choose(page, "Problems from", "sheet.csv")
    expect(page.get_by_text("**How** many is 1 + 1?").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("gold 2", exact=True).first).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)


def test_a_dialog_that_was_closed_can_be_opened_again(page: Page, url: str, sheet: Path) -> None:
    page.goto(f"{url}/evaluate")
    page.get_by_text("Prompt style, length").click()
    page.locator(".st-key-evaluation_file input[type=file]").set_input_files(sheet)
    dialog = page.get_by_role("dialog")
    expect(button(page, "Use 2 problems")).to_be_visible(timeout=LONG)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    settled(page)
    button(page, "Choose its columns").click()
    expect(button(page, "Use 2 problems")).to_be_visible(timeout=LONG)


@pytest.mark.parametrize(
    ("address", "unfold", "key", "field"),
    [
        ("interventions", "Teacher, arms, budgets", "study_file", "Problems from"),
        ("evaluate", "Prompt style, length", "evaluation_file", "Problems from"),
        ("finetune", "All settings of the recipe", "tuning_file", "Learn from"),
    ],
)
def test_every_page_takes_a_sheet(
    page: Page, url: str, sheet: Path, address: str, unfold: str, key: str, field: str
) -> None:
    page.set_viewport_size({"width": 800, "height": 900})
    page.goto(f"{url}/{address}")
    page.get_by_text(unfold).click()
    page.locator(f".st-key-{key} input[type=file]").set_input_files(sheet)
    expect(page.get_by_text("row 3: there is no question")).to_be_visible(timeout=LONG)
    button(page, "Use 2 problems").click()
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=LONG)
    settled(page)
    choose(page, field, "sheet.csv")
    settled(page)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("each => each.scrollWidth <= each.clientWidth")
