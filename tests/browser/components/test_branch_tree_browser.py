"""The branch tree in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser
APP = Path(__file__).with_name("harness_app.py")
Open = Callable[[int], Page]


@pytest.fixture
def opened(serve: Callable[..., str], page: Page) -> Open:
    """`opened(size)` shows a tree of that many branches."""

    def go(size: int) -> Page:
        page.goto(f"{serve(APP)}/?case=tree&size={size}")
        expect(page.locator(".node").first).to_be_visible()
        expect(page.locator("[data-test-script-state='notRunning']")).to_be_visible()
        return page

    return go


def node(page: Page, name: str) -> Locator:
    """The branch with this id."""
    return page.locator(f"[data-id='{name}']")


def test_signs_answers_and_edges(opened: Open) -> None:
    page = opened(6)
    expect(node(page, "root").locator(".sign")).to_have_text("✗")
    expect(node(page, "a").locator(".sign")).to_have_text("✓")
    expect(node(page, "a").locator(".answer")).to_have_text("64")
    expect(node(page, "b").locator(".name")).to_have_text("no luck")
    expect(page.locator(".edge text").first).to_have_text("#9 ␣Cuts")
    expect(page.locator(".edge text").nth(1)).to_have_text("#31 ↵↵")
    expect(page.get_by_text("#31 ␣<b>As</b>").first).to_be_visible()
    assert page.locator(".tree b").count() == 0
    expect(node(page, "a").locator("title")).to_have_text(
        "answer 64, correct, ␣Cuts forced at #9, 48 tokens, by demo"
    )


def test_a_click_goes_to_a_branch_also_the_second_time(opened: Open) -> None:
    page = opened(6)
    node(page, "c").click()
    expect(node(page, "c")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("branch c, clicked c, 1 clicks")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("branch root, clicked c, 1 clicks")).to_be_visible()
    expect(node(page, "root")).to_have_attribute("aria-selected", "true")
    node(page, "c").click()
    expect(page.get_by_text("branch c, clicked c, 2 clicks")).to_be_visible()


def test_the_keyboard_walks_the_tree(opened: Open) -> None:
    page = opened(6)
    node(page, "root").focus()
    walk = [("ArrowRight", "a"), ("ArrowRight", "c"), ("ArrowDown", "e"), ("ArrowLeft", "a")]
    for key, name in [*walk, ("ArrowDown", "e"), ("End", "d"), ("Home", "root")]:
        page.keyboard.press(key)
        expect(node(page, name)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text("branch a, clicked a, 1 clicks")).to_be_visible()
    expect(node(page, "a")).to_be_focused()


def test_a_big_tree_folds_its_runs_and_unfolds_them(opened: Open) -> None:
    page = opened(60)
    shown = page.locator(".node").count()
    assert shown < 60
    folded = page.locator(".node[aria-expanded='false']").first
    hidden = int(folded.locator(".name").text_content().split()[1])
    folded.click()
    expect(page.locator(".node")).to_have_count(shown + hidden)
    expect(page.get_by_text("branch root, clicked None, 0 clicks")).to_be_visible()


def test_the_selected_branch_is_scrolled_into_view(opened: Open) -> None:
    page = opened(60)
    box = page.locator(".tree").bounding_box()
    node(page, "root").focus()
    page.keyboard.press("End")
    last = page.locator(".node:focus").bounding_box()
    assert box is not None
    assert last is not None
    assert last["y"] + last["height"] <= box["y"] + box["height"] + 1
    assert box["x"] <= last["x"]
    assert last["x"] + last["width"] <= box["x"] + box["width"] + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_draw_the_tree(opened: Open, scheme: str) -> None:
    page = opened(6)
    ink = node(page, "a").locator(".answer").evaluate("e => getComputedStyle(e).fill")
    ground = page.locator(".stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    brightness = [sum(int(c) for c in colour[4:-1].split(",")[:3]) for colour in (ink, ground)]
    assert (brightness[0] < brightness[1]) == (scheme == "light")
