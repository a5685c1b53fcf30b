"""Compare in a real browser: three classes, both models' top five, and a token of the teacher's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from app import (
    DEMO_IS_BUILT,
    DONE,
    assert_nothing_is_cut_off,
    button,
    fill_number,
    put_into,
    runs_in,
    settled,
    state_is,
)
from made_once import MadeOnce
from playwright.sync_api import Page, expect

from core.disagreement.task import COMPARE, plan_comparison
from core.disagreement.token_classes import TokenClass
from core.models.spec import DEMO_TEACHER, DEMO_TEACHER_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs.context import DONE as DONE_CODE
from core.runs.context import carry_out
from core.runs.run import Run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
    pytest.mark.skipif(not DEMO_TEACHER_FOLDER.is_dir(), reason="no demo teacher trained"),
]


@pytest.fixture(scope="session")
def comparison(made_once: MadeOnce) -> Path:
    """The folder of a finished run of 24 problems."""

    def make(folder: Path) -> None:
        plan = plan_comparison(ModelSpec(), demo_problems(), {}, teachers=[DEMO_TEACHER], sample=24)
        run = Run.create(folder, COMPARE.name, plan)
        assert carry_out(run, COMPARE.carry_out, bar=False) == DONE_CODE
        run.folder.rename(folder / "comparison")

    return made_once("comparison", make) / "comparison"


def test_a_token_of_the_teacher_is_forced_and_lands_in_explore(
    page: Page, url: str, home: Path
) -> None:
    page.goto(f"{url}/compare")
    expect(page.get_by_text("Choose problems and a teacher")).to_be_visible()
    expect(page.get_by_text("demo teacher (GRPO)")).to_be_visible()
    fill_number(page, "Number of problems", 8)
    button(page, "Compare").click()
    state_is(page, DONE)
    expect(page.get_by_text(re.compile("of tokens changed"))).to_be_visible()
    settled(page)
    page.get_by_text("All figures, beside").click()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_text("Teaching model").first).to_be_visible()

    (run,) = runs_in(home)
    record = max(COMPARE.records_of(run), key=lambda each: len(each.changes(0)))
    tokens = page.locator(".heatmap .token")
    expect(tokens).to_have_count(len(record.token_ids))
    classes = record.classes(0)
    for kind in TokenClass:
        expect(page.locator(f".heatmap .token.{kind}")).to_have_count(classes.count(kind))
    expect(page.locator(".legend-marks")).to_contain_text(f"{classes.count('shifted')} shifted")

    reranked = page.locator(".heatmap .token.reranked").first
    reranked.hover()
    card = page.locator(".heatmap .card")
    expect(card).to_contain_text("reranked")
    expect(card.locator(".card-table")).to_have_count(2)
    expect(card.locator(".card-title").nth(0)).to_have_text("base")
    expect(card.locator(".card-title").nth(1)).to_contain_text("demo teacher")
    expect(card.locator(".card-table").nth(1).locator(".card-row")).to_have_count(5)
    choice = card.locator(".card-table").nth(1).locator(".row-token").first.inner_text()

    reranked.click()
    inspector = page.locator(".st-key-inspector")
    expect(inspector).to_contain_text("reranked")
    inspector.get_by_role("button", name=re.compile("^Force")).click()
    expect(page.get_by_text("Undo", exact=True)).to_be_visible()
    expect(page.locator(".tree .node")).to_have_count(2)
    forced = page.locator(".heatmap .token.forced")
    expect(forced).to_have_count(1)
    assert forced.inner_text().strip() == choice.strip("␣").strip()


def test_a_chain_can_be_chosen_and_nothing_is_cut_off(
    page: Page, url: str, home: Path, comparison: Path
) -> None:
    run = put_into(home, comparison)
    page.goto(f"{url}/compare?run={run.id}")
    expect(page.locator(".heatmap .token").first).to_be_visible()
    settled(page)
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        settled(page)
        assert_nothing_is_cut_off(page)
    chosen = page.get_by_role("combobox", name=re.compile("Problem$"))
    chosen.click()
    chosen.fill("0 changes")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The teacher writes exactly this chain.")).to_be_visible()
