"""The table of runs in a real browser: find, tag, repeat, put side by side, delete, open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from app import (
    CANCELLED,
    DEMO_IS_BUILT,
    DONE,
    button,
    choose_in_menu,
    has_some,
    paused,
    put_into,
    rows,
    runs_in,
    settled,
    state_is,
    tick,
)
from made_once import MadeOnce
from playwright.sync_api import Page, expect

from core.evaluation.task import EVALUATE, plan_evaluation
from core.models.spec import ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs import jobs
from core.runs.context import DONE as DONE_CODE
from core.runs.context import carry_out
from core.runs.run import Run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


@pytest.fixture(scope="session")
def evaluations(made_once: MadeOnce) -> Path:
    """A folder of two finished runs, a and b, of the same 6 problems with another seed."""

    def make(folder: Path) -> None:
        for seed, name in enumerate("ab"):
            settings = {"samples": 2, "seed": seed}
            plan = plan_evaluation(ModelSpec(), demo_problems()[:6], settings)
            run = Run.create(folder, EVALUATE.name, plan)
            assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE_CODE
            run.folder.rename(folder / name)

    return made_once("two evaluations", make)


def test_runs_are_found_tagged_put_side_by_side_repeated_and_deleted(
    page: Page, url: str, home: Path, evaluations: Path
) -> None:
    put_into(home, evaluations / "a", "first <b>try</b>")
    put_into(home, evaluations / "b", "second")
    page.goto(f"{url}/runs")
    expect(page.get_by_text(DONE, exact=True)).to_have_count(2)
    expect(page.get_by_text("first <b>try</b>")).to_be_visible()
    settled(page)

    # A tag, a note and another name.
    first = rows(page).filter(has_text="first")
    choose_in_menu(page, first, "Name, tags, notes")
    dialog = page.get_by_role("dialog")
    tags = dialog.get_by_role("combobox", name="Tags")
    tags.fill("base <i>")
    expect(page.get_by_role("option").filter(has_text="base <i>")).to_be_visible()
    tags.press("Enter")
    settled(page)
    dialog.get_by_label("Notes").fill("half the budget")
    dialog.get_by_label("Name").click()
    settled(page)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("#base <i>")).to_be_visible()
    (tagged,) = [run for run in runs_in(home) if run.config.tags]
    assert (tagged.config.tags, tagged.config.notes) == (("base <i>",), "half the budget")

    # Search looks through notes; a choice by column; the view is kept on another page.
    search = page.get_by_role("searchbox")
    search.fill("budget")
    expect(rows(page)).to_have_count(1)
    search.fill("")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Status", exact=True).select_option(DONE)
    expect(rows(page)).to_have_count(2)
    page.get_by_role("columnheader", name="Run").get_by_role("button").click()

    # Side by side: paired, since the problems are the same.
    tick(page, "first", "second")
    button(page, "Side by side").click()
    beside = page.locator(".st-key-runs_side_by_side")
    expect(beside).to_contain_text("2 runs side by side")
    expect(beside).to_contain_text(re.compile(r"points \(95 % interval .* to .*\)"))
    button(page, "Close").click()
    expect(beside).to_have_count(0)

    # The command, and the same once more.
    choose_in_menu(page, rows(page).filter(has_text="second"), "Copy the command")
    expect(page.get_by_role("dialog")).to_contain_text("fork-explorer evaluate")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    choose_in_menu(page, rows(page).filter(has_text="second"), "Run again")
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_text(DONE, exact=True)).to_have_count(3)
    again, old = (run for run in runs_in(home) if run.config.name == "second")
    results = [(run.folder / "results.json").read_bytes() for run in (again, old)]
    assert results[0] == results[1]

    # By keyboard: to the row, its menu, Delete; then asked first.
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    page.keyboard.press("m")
    page.get_by_role("menuitem", name="Delete").press("Enter")
    expect(page.get_by_text("Deletes the folder and all results permanently.")).to_be_visible()
    button(page, "Keep").click()
    expect(rows(page)).to_have_count(3)
    choose_in_menu(page, rows(page).filter(has_text="first"), "Delete")
    button(page, "Delete permanently").click()
    expect(rows(page)).to_have_count(2)
    assert {run.id for run in runs_in(home)} == {again.id, old.id}

    # A click opens.
    settled(page)
    rows(page).locator(".text").first.click()
    expect(page.get_by_role("heading", name="Evaluate")).to_be_visible()
    expect(page).to_have_url(re.compile("run="))


def test_a_live_run_shows_its_progress_in_its_row_and_is_cancelled_and_resumed_there(
    page: Page, url: str, home: Path
) -> None:
    plan = plan_evaluation(ModelSpec(), demo_problems(), {"samples": 2}, sample=36)
    run = Run.create(home / "runs", EVALUATE.name, plan, name="long one")
    page.goto(f"{url}/runs")
    expect(page.get_by_text("○ not started", exact=True)).to_be_visible()
    jobs.start(run)
    page.reload()
    with paused(home, has_some):
        row = rows(page).filter(has_text="long one")
        expect(row.locator(".bar")).to_be_visible()
        expect(row).to_contain_text(re.compile(r"\d+.%"))
        place = row.bounding_box()
        choose_in_menu(page, row, "Cancel")
        settled(page)
        expect(row).to_be_visible()
        assert row.bounding_box() == place, "progress and cancelling move nothing"
    state_is(page, CANCELLED)
    choose_in_menu(page, rows(page), "Resume")
    state_is(page, DONE)
    assert len(EVALUATE.records_of(run)) == 36


def test_with_no_run_the_page_links_to_the_pages_that_start_one(page: Page, url: str) -> None:
    page.goto(f"{url}/runs")
    links = page.locator(".st-key-links_to_run_pages").get_by_role("link")
    expect(links).to_have_count(4)
    links.filter(has_text="Evaluate").click()
    expect(page.get_by_role("heading", name="Evaluate", exact=True)).to_be_visible()


def test_nothing_is_cut_off(page: Page, url: str, home: Path, evaluations: Path) -> None:
    put_into(home, evaluations / "a", "x" * 150)
    page.goto(f"{url}/runs")
    for width in (390, 800, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        expect(rows(page)).to_have_count(1)
        settled(page)
        table = page.locator(".row-table .scroller")
        assert table.evaluate("each => each.scrollWidth <= each.clientWidth"), width
        expect(rows(page).get_by_text(re.compile("^[0-9]+ % "))).to_be_visible()
