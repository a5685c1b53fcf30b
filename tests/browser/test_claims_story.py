"""From a claim to its run, to a chain, to a token, and back, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from app import (
    DEMO_IS_BUILT,
    assert_nothing_is_cut_off,
    go_to,
    nodes,
    put_into,
    settled,
)
from made_once import MadeOnce
from playwright.sync_api import Page, expect

from core.interventions.task import INTERVENTIONS, plan_interventions
from core.models.spec import DEMO_TEACHER, ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs.context import DONE, carry_out
from core.runs.run import Run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


@pytest.fixture(scope="session")
def study(made_once: MadeOnce) -> Path:
    """The folder of a finished run of six problems with the demo's teacher."""

    def make(folder: Path) -> None:
        arms = ("base", "oracle", "teacher", "random_substitution")
        plan = plan_interventions(
            ModelSpec(), demo_problems(), {"arms": arms}, teacher=DEMO_TEACHER, sample=6
        )
        run = Run.create(folder, INTERVENTIONS.name, plan)
        assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == DONE
        run.folder.rename(folder / "study")

    return made_once("study with the teacher", make) / "study"


def test_a_claim_leads_to_its_run_to_a_chain_to_a_token_and_back(
    page: Page, url: str, home: Path, study: Path
) -> None:
    put_into(home, study, "oracle")
    page.goto(f"{url}/claims")
    claim = page.locator(".st-key-claim_rm-oracle")
    expect(claim).to_contain_text("n = 6 problems")
    expect(claim).to_contain_text("can't tell with this n")
    expect(page.get_by_text("Teaching model").first).to_be_visible()
    settled(page)
    assert_nothing_is_cut_off(page)

    # The run, and in it a problem that the teacher's tokens solve.
    claim.get_by_role("button", name="Open the intervention study").click()
    expect(page.get_by_role("heading", name="Interventions", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("run=study"))
    page.locator(".row-table .filter").filter(has_text="now correct").click()
    panel = page.locator("[class*='st-key-chain_panel']")
    expect(panel).to_contain_text(re.compile(r"at #(\d+)"))
    position = re.search(r"at #(\d+)", panel.inner_text())
    assert position is not None

    # The chain, at the token that changed it, and another token.
    page.get_by_role("button", name="Open in Explore where the chains differ").click()
    expect(nodes(page)).to_have_count(2)
    inspector = page.locator(".st-key-inspector")
    expect(inspector).to_contain_text(f"#{position.group(1)}")
    page.locator(".heatmap .token").nth(1).click()
    expect(inspector).to_contain_text("#1")

    # And back.
    go_to(page, "Claims")
    expect(claim).to_contain_text("n = 6 problems")
