"""SmolLM2, the real weights, in the app: from the list of models to accuracy before and after."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from app import (
    APP,
    DEMO_IS_BUILT,
    DONE,
    PATIENCE,
    button,
    choose,
    fill_number,
    go_to,
    headline,
    nodes,
    open_app,
    set_number,
    settled,
    state_is,
    use_first,
)
from playwright.sync_api import Page, expect
from server import end_server, start_server

from explorer.shared.asking import CHANGE_ASKING

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real_model,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
WORD_PROBLEMS = "Word problems (test)"
FIND = re.compile("Find the fix|Find a token that breaks it")


@pytest.fixture(scope="module")
def url(real_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("place")
    environment = {
        "FORK_EXPLORER_HOME": str(place / "home"),
        "FORK_EXPLORER_CACHE": str(real_cache),
    }
    process, address = start_server(APP, environment, place / "log.txt")
    yield address
    end_server(process)


def unfolded(page: Page, title: str) -> None:
    """Unfold a part of a form."""
    page.get_by_text(title).click()
    settled(page)


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("FORK_EXPLORER_PICTURES"):
        page.screenshot(path=f"{folder}/real-{name}.png")


def test_from_the_list_of_models_to_accuracy_before_and_after(page: Page, url: str) -> None:
    open_app(page, url)
    choose(page, "Model", re.compile("SmolLM2-135M"))
    button(page, "Load").click()
    sidebar = page.get_by_test_id("stSidebarUserContent")
    expect(sidebar.get_by_text("134.5 M parameters")).to_be_visible()
    settled(page)

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

    heatmap.locator(".token.fork").first.click()
    use_first(page)
    expect(nodes(page)).to_have_count(2)
    settled(page)
    page.get_by_role("button", name=FIND).click()
    expect(page.locator(".grids table")).to_have_count(2)
    control = page.get_by_text(re.compile("Control: at .* other positions, drawn at random:"))
    expect(control).to_be_visible()
    expect(button(page, "Cancel")).to_have_count(0)
    expect(control).not_to_contain_text("so far")
    settled(page)
    picture(page, "findings")

    go_to(page, "Evaluate")
    choose(page, "Problems from", WORD_PROBLEMS)
    fill_number(page, "Number of problems", 4)
    fill_number(page, "Samples per problem", 2)
    unfolded(page, CHANGE_ASKING)
    choose(page, "Prompt style", "few_shot")
    fill_number(page, "Max new tokens", 60)
    button(page, "Run").click()
    state_is(page, DONE)
    expect(headline(page)).to_contain_text("4 problems, 2 samples each")
    expect(page.locator(".st-key-run_line")).to_contain_text("smollm2")
    expect(page.get_by_test_id("stMain").get_by_text("Teaching model")).to_have_count(0)
    picture(page, "evaluation")

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
