"""Rollouts of another program: uploaded, scored, sorted, opened in Explore, and there again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from app import DEMO_IS_BUILT, button, go_to, rows, settled
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Two answers of a problem in verl's form, the second wrong and rewarded; a third row that is
    damaged."""
    path = tmp_path / "120.jsonl"
    answers = [("2 + 3 = 5. The answer is \\boxed{5}.", 0.0), ("The answer is \\boxed{6}.", 1.0)]
    rows = [
        {"input": "Question: 2 + 3?\nAnswer:", "output": each, "gts": "5", "score": reward,
         "step": 120}
        for each, reward in answers
    ]  # fmt: skip
    path.write_text("".join(json.dumps(each) + "\n" for each in rows) + '{"input": "x"\n')
    return path


def test_an_upload_is_scored_and_walked_through(page: Page, url: str, dump: Path) -> None:
    page.goto(f"{url}/rollouts")
    page.locator("input[type=file]").set_input_files(dump)
    expect(page.get_by_text("2 rollouts of 1 problem")).to_be_visible()
    expect(rows(page)).to_have_count(2)
    button(page, "Score all").click()
    expect(page.get_by_text("2 rollouts of 1 problem scored")).to_be_visible()
    expect(rows(page).nth(1)).to_contain_text("✗ wrong")
    page.locator(".row-table .filter").filter(has_text="reward and check differ").click()
    expect(rows(page).filter(visible=True)).to_have_count(2)

    page.reload()  # what was uploaded and scored is on the disk
    expect(page.get_by_text("2 rollouts of 1 problem scored")).to_be_visible()
    rows(page).nth(1).click()
    panel = page.locator(".st-key-rollout_panel")
    expect(panel).to_contain_text("row 2")
    expect(panel).to_contain_text("reward 1")
    expect(panel.locator(".heatmap .token").first).to_be_visible()
    expect(panel.locator(".heatmap")).to_contain_text("6")

    page.get_by_text("How the file was read").click()
    expect(page.get_by_text("1 line not read")).to_be_visible()
    settled(page)

    button(page, "Open in Explore at the first fork").click()
    expect(button(page, "Generate")).to_be_visible()
    expect(page.locator(".st-key-chain_card .heatmap .token").first).to_be_visible()
    expect(page.get_by_text("row 2, reward 1").first).to_be_visible()
    go_to(page, "Rollouts")
    expect(panel).to_contain_text("row 2")
