"""The whole story in a real browser: read a chain, force a token, undo, try all, save, open."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from app import (
    DEMO_IS_BUILT,
    alternatives,
    button,
    expect_loaded,
    load_other_model,
    nodes,
    open_app,
    places_of,
    set_number,
    settled,
    use_first,
)
from models import save_tiny_model
from playwright.sync_api import Locator, Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


def chosen_fork(page: Page) -> Locator:
    """The strongest fork of the welcome chain, clicked."""
    fork = page.locator(".token.fork").last
    fork.click()
    expect(button(page, "Try all five")).to_be_enabled()
    return fork


def force_first(page: Page) -> None:
    use_first(page)
    expect(page.locator(".tree .node")).to_have_count(2)


def test_open_hover_force_undo_redo_and_force_by_keyboard(page: Page, url: str) -> None:
    open_app(page, url)
    assert page.locator(".tree .node").count() == 1
    expect(page.get_by_text("Select a token")).to_be_visible()
    expect(page.get_by_text("Teaching model")).to_be_visible()

    fork = page.locator(".token.fork").last
    fork.hover()
    expect(page.locator(".card-row")).to_have_count(5)
    shown = [float(p.replace("%", "")) for p in page.locator(".row-p").all_inner_texts()]
    assert len(shown) == 5
    assert 0 < sum(shown) <= 100

    before = page.locator(".heatmap .tokens").inner_text()
    chosen_fork(page)
    force_first(page)
    expect(page.get_by_text(re.compile(r"[✓✗] .* · (correct|wrong)")).first).to_be_visible()
    expect(page.get_by_text("forced #")).to_be_visible()
    expect(page.locator(".token.forced")).to_have_count(1)
    assert page.locator(".heatmap .tokens").inner_text() != before

    button(page, "Undo").click()
    expect(page.locator(".tree .node")).to_have_count(1)
    assert page.locator(".heatmap .tokens").inner_text() == before
    button(page, "Redo").click()
    expect(page.locator(".tree .node")).to_have_count(2)
    button(page, "Undo").click()
    expect(page.locator(".tree .node")).to_have_count(1)
    settled(page)

    page.locator(".heatmap .tokens .token").first.click()
    expect(page.locator(".st-key-inspector")).to_contain_text("#0")
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    expect(page.locator(".token.fork[aria-selected='true']")).to_have_count(1)
    expect(button(page, "Try all five")).to_be_enabled()
    settled(page)
    page.keyboard.press("2")
    expect(page.locator(".tree .node")).to_have_count(2)


def test_the_table_says_where_each_alternative_leads_and_a_row_becomes_a_branch(
    page: Page, url: str
) -> None:
    open_app(page, url)
    chosen_fork(page)
    rows = alternatives(page)
    expect(rows).to_have_count(5)
    before = places_of(page)

    # A click previews below the chain; nothing else changes.
    row = page.locator(".alternatives tbody tr:not(.chosen)").nth(1)
    token = row.locator(".text").inner_text()
    row.click()
    line = page.locator(".st-key-preview")
    expect(line).to_contain_text(re.compile(f"^{re.escape(token)}: .* → [✓✗] "))
    expect(row).to_have_attribute("aria-selected", "true")
    expect(row.locator(".leads .value")).not_to_be_empty()
    expect(nodes(page)).to_have_count(1)
    assert places_of(page) == before

    button(page, "Try all five").click()
    expect(rows.locator(".leads .value")).to_have_count(5)
    settled(page)
    assert places_of(page) == before
    verdicts = [each.inner_text() for each in rows.locator(".leads .sign").all()]
    assert len(verdicts) == 5
    assert {"✓", "✗"} <= set(verdicts), "the welcome chain's fork decides its answer"
    expect(nodes(page)).to_have_count(1)

    # A second click on the previewed row makes the branch.
    correct = rows.nth(verdicts.index("✓"))
    correct.dblclick()
    expect(nodes(page)).to_have_count(2)
    expect(page.locator(".tree .node.correct")).to_have_count(1)
    expect(rows.locator(".leads .value")).to_have_count(5)
    expect(correct).to_have_attribute("aria-label", re.compile("in the chain"))
    assert correct.locator("xpath=.").get_attribute("class") == "chosen"


def test_the_table_by_keyboard(page: Page, url: str) -> None:
    open_app(page, url)
    button(page, "Next fork").click()
    expect(page.locator(".token[aria-selected='true']")).to_have_count(1)
    rows = alternatives(page)
    expect(rows.first).to_have_attribute("aria-disabled", "false")
    settled(page)
    own = page.locator(".alternatives tr.chosen")
    own.focus()
    page.keyboard.press("End")
    expect(rows.last).to_be_focused()
    page.keyboard.press(" ")
    expect(page.locator(".st-key-preview")).to_contain_text("→")
    expect(rows.last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(nodes(page)).to_have_count(2)
    expect(rows.nth(1)).to_have_class("chosen")


def test_save_reload_and_open_give_the_same_tree_and_selection(
    page: Page, url: str, tmp_path: Path
) -> None:
    open_app(page, url)
    chosen_fork(page)
    force_first(page)
    later = page.locator(".heatmap .token").nth(9)
    later.click()
    expect(page.locator(".st-key-inspector")).to_contain_text("#9")
    expect(page).to_have_url(re.compile("branch=b2&token=9"))
    text = page.locator(".heatmap .tokens").inner_text()

    settled(page)
    with page.expect_download() as download:
        button(page, "Save").click()
    saved = tmp_path / "session.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text())["trees"][0]["selected"] == {"branch": "b2", "position": 9}

    page.reload()
    expect(page.locator(".tree .node")).to_have_count(2)
    expect(page.locator(".st-key-inspector")).to_contain_text("#9")
    assert page.locator(".heatmap .tokens").inner_text() == text

    open_app(page, url)
    expect(page.locator(".tree .node")).to_have_count(1)
    open_file(page, saved)
    expect(page.locator(".tree .node")).to_have_count(2)
    expect(page.locator(".st-key-inspector")).to_contain_text("#9")
    expect(page.locator(".token[aria-selected='true']")).to_have_count(1)
    assert page.locator(".heatmap .tokens").inner_text() == text


def open_file(page: Page, file: Path) -> None:
    button(page, "Open file").click()
    page.locator(".st-key-session_file input[type=file]").set_input_files(file)


def test_two_branches_side_by_side_and_a_name(page: Page, url: str) -> None:
    open_app(page, url)
    chosen_fork(page)
    force_first(page)
    button(page, "Side by side").click()
    page.get_by_text("from the prompt").click()
    expect(page.locator(".heatmap")).to_have_count(2)
    expect(page.locator(".first-difference").first).to_be_visible()
    expect(page.locator(".token[aria-selected='true']")).to_have_count(1)
    page.keyboard.press("Escape")
    settled(page)
    left, right = (each.bounding_box() for each in page.locator(".heatmap").all())
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"], "their first lines are at the same height"
    assert left["width"] == right["width"]
    page.set_viewport_size({"width": 390, "height": 900})
    heads = page.locator(".st-key-headline"), page.locator(".st-key-headline_beside")
    chains = page.locator(".heatmap").all()
    order = [heads[0], chains[0], heads[1], chains[1]]
    tops = [each.evaluate("element => element.getBoundingClientRect().top") for each in order]
    assert tops == sorted(tops), "on a phone, each answer stands above its own chain"
    page.set_viewport_size({"width": 1280, "height": 900})
    button(page, "Close").click()
    expect(page.locator(".heatmap")).to_have_count(1)
    expect(page.locator(".token[aria-selected='true']")).to_have_count(1)
    button(page, "Name").click()
    page.get_by_label("Name of this branch").fill("the <b>other</b> way")
    page.keyboard.press("Enter")
    expect(page.locator(".tree .name")).to_have_text("the <b>other</b> way")


def test_threshold_unit_and_fork_table(page: Page, url: str) -> None:
    open_app(page, url)
    forks = page.locator(".heatmap .token.fork")
    few = forks.count()
    slider = page.get_by_test_id("stSlider").get_by_role("slider").first
    slider.focus()
    for _ in range(100):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("above 0.40 nats").first).to_be_visible()
    assert forks.count() > few
    page.get_by_role("radio", name="bits").click()
    expect(page.locator(".legend")).to_contain_text("bits")
    expect(page.get_by_text("above 0.58 bits").first).to_be_visible()


@pytest.fixture(scope="module")
def endless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never stops by itself, with room for 30,000 tokens."""
    folder = save_tiny_model(tmp_path_factory.mktemp("endless"))
    for name in ("config.json", "generation_config.json"):
        settings = json.loads((folder / name).read_text())
        settings["eos_token_id"] = None
        if name == "config.json":
            settings["max_position_embeddings"] = 30_000
        (folder / name).write_text(json.dumps(settings))
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer["eos_token"] = None
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder


def open_with_endless_model(page: Page, url: str, folder: Path) -> None:
    open_app(page, url)
    load_other_model(page, folder)
    expect_loaded(page, folder.name, "context · 30,000 tokens")
    set_number(page, "Max new tokens", 20_000)


def test_generate_refresh_cancel_midway_and_the_partial_chain_stays(
    page: Page, url: str, endless_model: Path
) -> None:
    open_with_endless_model(page, url, endless_model)
    for unit in ("bits", "nats"):  # their widgets leave the screen while the chain is written
        page.get_by_role("radio", name=unit).click()
        expect(page.locator(".legend")).to_contain_text(unit)
    button(page, "Generate").click()
    expect(page.locator(".heatmap.live .token").nth(5)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    line = page.get_by_text(re.compile(r"Generating · .* / 20000 tokens · .* tokens/s · about"))
    expect(line).to_be_visible()
    assert page.locator(".st-key-inspector").is_visible()
    expect(page.locator(".st-key-headline")).to_contain_text("being written")
    assert nodes(page).count() == 1, "the tree stays"
    page.reload()  # a refresh loses nothing of what is being written
    expect(page.locator(".heatmap.live .token").nth(5)).to_be_visible()
    button(page, "Cancel").click()
    expect(button(page, "Cancel")).to_have_count(0)
    expect(page.get_by_text("cancelled").first).to_be_visible()
    headline = page.locator(".st-key-headline")
    expect(headline).to_contain_text(re.compile(r"\d tokens · .* · cancelled"))
    partial = int(headline.inner_text().split(" tokens")[0].split()[-1].replace(",", ""))
    assert 5 < partial < 20_000
    expect(page.locator(".heatmap .token")).to_have_count(partial)
    expect(page.locator(".tree .node")).to_have_count(2)
    page.reload()
    expect(page.locator(".heatmap .token")).to_have_count(partial)


def test_nothing_moves_and_another_token_can_be_read_while_work_runs(
    page: Page, url: str, endless_model: Path
) -> None:
    open_with_endless_model(page, url, endless_model)
    # A short chain whose continuations don't end.
    button(page, "Generate").click()
    expect(page.locator(".heatmap.live .token").nth(60)).to_be_visible()
    button(page, "Cancel").click()
    expect(button(page, "Cancel")).to_have_count(0)
    settled(page)
    tokens = page.locator(".heatmap .token")
    tokens.nth(3).click()
    expect(page.locator(".st-key-inspector")).to_contain_text("#3")
    settled(page)
    before = places_of(page)

    button(page, "Try all five").click()
    expect(
        page.get_by_text(re.compile("Trying 4 alternatives · 0 of 4 done · step "))
    ).to_be_visible()
    expect(page.locator(".alternatives .busy")).to_have_count(4)
    expect(page.locator(".token[aria-selected='true']")).to_have_count(1)
    assert places_of(page) == before
    tokens.nth(5).click()
    expect(page.locator(".st-key-inspector")).to_contain_text("#5")
    expect(page.locator(".alternatives .busy")).to_have_count(0)
    expect(alternatives(page).last).to_have_attribute("aria-disabled", "true")
    expect(button(page, "Try all five")).to_be_disabled()
    tokens.nth(3).click()
    expect(page.locator(".alternatives .busy")).to_have_count(4)
    expect(page.locator(".token[aria-selected='true']")).to_have_count(1)
    assert places_of(page) == before
    button(page, "Cancel").click()
    expect(button(page, "Cancel")).to_have_count(0)
    expect(button(page, "Try all five")).to_be_enabled()
    expect(page.locator(".alternatives .busy")).to_have_count(0)
    settled(page)
    assert places_of(page) == before
