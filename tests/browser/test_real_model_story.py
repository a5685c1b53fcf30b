"""SmolLM2, the real weights, in the app: from the list of models to accuracy before and after.

Explore and Evaluate are played with it in test_drawn_screens.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from app import (
    DEMO_IS_BUILT,
    DONE,
    PATIENCE,
    button,
    choose,
    fill_number,
    go_to,
    headline,
    load_real_model,
    open_app,
    real_app,
    set_number,
    settled,
)
from playwright.sync_api import Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real_model,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
WORD_PROBLEMS = "Word problems (test)"


@pytest.fixture(scope="module")
def url(real_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_app(real_cache, tmp_path_factory.mktemp("place")) as address:
        yield address


def unfolded(page: Page, title: str) -> None:
    """Unfold a part of a form."""
    page.get_by_text(title).click()
    settled(page)


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("FORK_EXPLORER_PICTURES"):
        page.screenshot(path=f"{folder}/real-{name}.png")


def test_from_the_list_of_models_to_accuracy_before_and_after(page: Page, url: str) -> None:
    open_app(page, url)
    load_real_model(page)
    choose(page, "Problems from", WORD_PROBLEMS)
    button(page, "Prompt").click()
    choose(page, "Prompt style", "few_shot")
    expect(page.locator(".prompt-tokens span").first).to_be_visible()
    page.keyboard.press("Escape")
    set_number(page, "Max new tokens", 60)
    button(page, "Generate").click()
    heatmap = page.locator(".heatmap:not(.live)")
    expect(heatmap.locator(".token.fork").first).to_be_visible()
    settled(page)
    expect(page.locator(".st-key-headline")).to_contain_text("ended by a stop string")
    picture(page, "chain")

    go_to(page, "Fine-tune")
    expect(page.get_by_role("combobox", name=re.compile("^Preset"))).to_have_value("quick")
    unfolded(page, "All settings of the recipe")
    fill_number(page, "^Problems$", 8)
    fill_number(page, "Rollouts per problem", 4)
    fill_number(page, "Measured problems", 3)
    button(page, "Run all steps").click()
    done = page.get_by_text(DONE, exact=True).first
    expect(done).to_be_visible(timeout=3 * 1000 * PATIENCE)  # minutes, on a quiet machine
    expect(headline(page)).to_contain_text("3 problems that it was not trained on")
    expect(page.get_by_text(re.compile("Paired over 3 problems"))).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_text("Teaching model")).to_have_count(0)
    picture(page, "fine-tune")
