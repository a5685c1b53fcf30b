"""Find the fix and pivotality in a real browser: marks, control, a click that makes a branch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from app import DEMO_IS_BUILT, button, open_app, places_of, settled
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


def test_find_the_fix_shows_forks_beside_their_control_and_a_click_makes_a_branch(
    page: Page, url: str, tmp_path: Path
) -> None:
    open_app(page, url)
    page.locator(".token.fork").last.click()
    expect(button(page, "Try all five")).to_be_enabled()
    settled(page)
    before = places_of(page)
    button(page, "Find the fix").click()
    expect(page.locator(".st-key-fix_panel").get_by_text("Show all attempts")).to_be_visible()
    sentences = page.locator(".st-key-fix_panel").get_by_test_id("stMarkdown")
    ended = sentences.filter(has_text=re.compile(r"\d+ of 20 replacements fix the answer"))
    expect(ended).to_have_count(2)
    settled(page)
    assert places_of(page) == before, "what was found stands below everything else"
    expect(page.locator(".token[aria-selected='true']")).to_have_count(1)
    expect(page.locator(".token.fix-hit")).not_to_have_count(0)
    expect(page.locator(".alternatives .leads .value")).to_have_count(5)
    forks, control = ended.all_inner_texts()
    assert "Control: at 5 other positions" in control
    for each in (forks, control):
        assert re.search(r"95 % interval \d+–\d+ %", each)

    page.get_by_text("Show all attempts").click()
    tables = page.locator(".grids table")
    expect(tables).to_have_count(2)
    for table in tables.all():
        expect(table.locator("tr")).to_have_count(5)
        expect(table.locator("button")).to_have_count(20)
        expect(table.locator(".chosen")).to_have_count(5)
    summaries = page.locator(".grids .summary").all_inner_texts()
    for summary, table in zip(summaries, tables.all(), strict=True):
        fixing = table.locator("button.turned.correct").count()
        assert summary.startswith(f"{fixing} of 20 replacements"), summary
    hits = (
        page.locator(".st-key-fix_panel").get_by_test_id("stButton").filter(has_text="Go to branch")
    )
    assert hits.count() == page.locator(".grids button.turned.correct").count()

    fix = tables.first.locator("button.turned.correct").first
    answer = fix.locator(".answer").inner_text()
    fix.click()
    expect(page.locator(".tree .node")).to_have_count(2)
    expect(page.locator(".tree .node.correct")).to_have_count(1)
    expect(page.locator(".tree .node.correct")).to_contain_text(answer)
    expect(page.get_by_text("forced #")).to_be_visible()

    # The new branch is right: its mirror image is offered. What was found stays with its branch.
    expect(button(page, "Find a token that breaks it")).to_be_enabled()
    expect(page.locator(".st-key-fix_panel")).to_have_count(0)
    page.locator(".tree .node.wrong").click()
    expect(page.locator(".st-key-fix_panel")).to_have_count(1)
    settled(page)
    page.reload()
    expect(page.locator(".st-key-fix_panel")).to_contain_text("of 20 replacements fix the answer")


def test_pivotality_is_measured_and_colours_the_chain(page: Page, url: str) -> None:
    open_app(page, url)
    page.locator(".token.fork").last.click()
    page.get_by_text("How much does this token decide?").click()
    forks = page.locator(".heatmap .token.fork").count()
    button(page, "Measure the only fork" if forks == 1 else f"Measure all {forks} forks").click()
    expect(page.get_by_text(re.compile("The choice at this token explains"))).to_be_visible()
    sampled = page.locator(".alternatives .sampled .value")
    expect(sampled).to_have_count(5)
    expect(page.locator(".alternatives .busy")).to_have_count(0)
    shares = [each.inner_text() for each in sampled.all()]
    assert set(shares) == {"16/16", "0/16"}, "this fork settles the answer"

    expect(page.locator(".token.measured")).to_have_count(0)
    page.get_by_role("radio", name="pivotality").click()
    expect(page.locator(".token.measured")).to_have_count(forks)
    expect(page.locator(".legend")).to_contain_text("pivotality")
    expect(page.locator(".legend")).to_contain_text(f"{forks} of ")
    page.get_by_role("radio", name="entropy").click()
    expect(page.locator(".token.measured")).to_have_count(0)
