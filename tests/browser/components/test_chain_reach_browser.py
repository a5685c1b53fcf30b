"""What can be reached in a chain: the card by pointer, the keys from the whole page, a finger."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import APP
from harness_page import Open, faint_texts, focused, press, rest, token
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


def test_a_click_on_a_row_of_the_card_forces_that_token(opened: Open) -> None:
    page = opened("case=story")
    token(page, 8).hover()
    expect(page.locator(".card.reachable")).to_be_visible()
    rows = page.locator(".card-row:visible")
    rows.nth(1).click()  # the chain's own token: nothing to force
    rows.nth(2).click()
    expect(page.get_by_text("last force Force(chain='root', i=8, rank=3)")).to_be_visible()
    expect(page.get_by_text("1 selections, 1 forces")).to_be_visible()
    expect(page.locator(".card")).to_be_hidden()
    expect(token(page, 8)).to_have_attribute("aria-selected", "true")


def test_the_way_from_the_token_to_its_card_does_not_lose_it(opened: Open) -> None:
    page = opened("case=story")
    token(page, 8).hover()
    expect(page.locator(".card.reachable")).to_be_visible()
    start, end = token(page, 8).bounding_box(), page.locator(".card-row").nth(3).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(end["x"] + 20, end["y"] + 10, steps=12)
    expect(page.locator(".card-place")).to_have_text("#8")
    page.evaluate("new Promise((done) => setTimeout(done, 300))")  # past the delay of hiding
    expect(page.locator(".card")).to_be_visible()
    page.mouse.move(1200, 880)
    expect(page.locator(".card")).to_be_hidden()


def test_a_passing_pointer_goes_through_the_card_to_the_tokens_below(opened: Open) -> None:
    page = opened("case=long&size=300")
    page.locator(".tokens").evaluate(  # the moment before the pointer has rested
        "e => e.addEventListener('pointerover', () => "
        "{ window.passes = getComputedStyle(e.parentElement.querySelector('.card'))"
        ".pointerEvents; })"
    )
    token(page, 3).hover()
    assert page.evaluate("window.passes") == "none"


def test_the_card_follows_the_keys_and_not_a_pointer_that_rests(opened: Open) -> None:
    page = opened("case=story")
    token(page, 0).hover()
    expect(page.locator(".card-place")).to_have_text("#0")
    token(page, 0).focus()
    page.keyboard.press("n")
    expect(page.locator(".card-place")).to_have_text("#8")
    page.keyboard.press("Enter")
    expect(page.get_by_text("here 8", exact=True)).to_be_visible()
    page.evaluate("new Promise((done) => setTimeout(done, 400))")
    press_without_pointer(page, "Other chain")
    expect(page.locator(".token.shared")).to_have_count(9)
    page.evaluate("new Promise((done) => setTimeout(done, 400))")
    expect(page.locator(".card-place")).to_have_text("#8")
    focused(page, 8)


def test_what_a_long_chain_has_not_drawn_yet_is_reached_by_keys_and_search(opened: Open) -> None:
    page = opened("case=long&size=3000")
    expect(page.locator(".token")).to_have_count(3000)
    page.evaluate("window.requestAnimationFrame = () => 1")  # no frame: nothing is drawn later
    press_without_pointer(page, "Other chain")
    expect(page.locator(".token.forced")).to_have_count(1)
    drawn = page.locator(".token").count()
    assert 600 < drawn < 700
    token(page, 20).click()
    field = page.get_by_role("searchbox")
    field.fill("times8=7")
    expect(page.locator(".tools-count")).to_have_text(re.compile(r"1 of \d\d"))
    page.keyboard.press("Shift+Enter")  # the last match
    expect(page.locator(".found-here").first).to_be_in_viewport()
    assert page.locator(".token").count() > 2900
    page.locator(".strip-plot").focus()
    page.keyboard.press("End")
    expect(page.get_by_text("here 2999", exact=True)).to_be_visible()
    expect(page.locator(".token")).to_have_count(3000)


def press_without_pointer(page: Page, button: str) -> None:
    """A click by script: the pointer stays where it rests."""
    page.get_by_role("button", name=button).evaluate("e => e.click()")


def test_keys_work_from_the_whole_page_but_not_where_something_is_typed(opened: Open) -> None:
    page = opened("case=strip")
    page.mouse.click(5, 400)  # the focus leaves the chain
    page.keyboard.press("3")  # no token is selected yet
    page.keyboard.press("n")
    focused(page, 8)
    page.keyboard.press("Enter")
    expect(page.get_by_text("here 8", exact=True)).to_be_visible()
    page.mouse.click(5, 400)  # the focus leaves the chain
    page.keyboard.press("3")
    expect(page.get_by_text("last force Force(chain='root', i=8, rank=3)")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("commands ['undo']")).to_be_visible()
    page.keyboard.press("Control+Shift+z")
    expect(page.get_by_text("commands ['undo', 'redo']")).to_be_visible()
    field = page.get_by_label("Anything")
    field.click()
    page.keyboard.type("pun 13/")
    expect(field).to_have_value("pun 13/")
    page.keyboard.press("Enter")
    rest(page)
    expect(page.get_by_text("commands ['undo', 'redo']")).to_be_visible()
    expect(page.get_by_text("1 selections, 1 forces")).to_be_visible()


def test_keys_are_not_taken_while_a_dialog_is_open(opened: Open) -> None:
    page = opened("case=strip")
    page.evaluate(
        "() => { const d = document.createElement('div'); d.setAttribute('aria-modal', 'true');"
        " document.body.append(d); }"
    )
    page.keyboard.press("n")
    expect(token(page, 8)).not_to_be_focused()


def test_the_selection_stays_when_the_heatmap_is_mounted_elsewhere(opened: Open) -> None:
    page = opened("case=strip")
    token(page, 11).click()
    expect(page.get_by_text("here 11", exact=True)).to_be_visible()
    page.get_by_text("Elsewhere").click()
    rest(page)
    expect(page.locator(".heatmap")).to_have_count(1)
    expect(token(page, 11)).to_have_attribute("aria-selected", "true")
    press(page, "Other chain")
    expect(page.locator(".token.shared")).to_have_count(9)
    press(page, "Other chain")
    expect(page.locator(".token.shared")).to_have_count(0)


def test_the_page_survives_runs_that_overtake_each_other(opened: Open) -> None:
    page = opened("case=strip")
    token(page, 11).click()
    for _ in range(10):
        page.get_by_text("Elsewhere").click()
        press(page, "Other chain")
    rest(page)
    expect(page.locator(".heatmap")).to_have_count(1)
    expect(page.get_by_text("here 11", exact=True)).to_be_visible()


def test_a_finger_selects_and_no_card_covers_the_chain(
    serve: Callable[..., str], browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(f"{serve(APP)}/?case=strip")
    token(page, 8).tap()
    expect(page.get_by_text("here 8", exact=True)).to_be_visible()
    page.evaluate("new Promise((done) => setTimeout(done, 400))")
    expect(page.locator(".card")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= 390")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(opened: Open, scheme: str) -> None:
    page = opened("case=thinking")
    page.locator(".tools-field").fill("no such words")
    token(page, 1010).hover()
    expect(page.locator(".card")).to_be_visible()
    assert scheme == page.locator(".heatmap").get_attribute("data-scheme")
    assert len(page.locator(".legend *, .strip *, .tools *, .card *, .fold *").all()) > 40
    for part in (".legend", ".strip", ".tools", ".fold", ".card"):
        assert faint_texts(page, part) == []
