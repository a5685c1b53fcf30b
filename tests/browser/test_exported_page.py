"""An exported file, opened from disk with the network off: hover, keys, clicks, themes, print."""

from __future__ import annotations

from pathlib import Path

import pytest
from export_cases import CORRECT, HOSTILE, WORDS, chain_of, pair_of, tree_of
from playwright.sync_api import Browser, Page, Route, expect

from core.export.files import Form, exported
from core.export.of_chains import chain_handout, comparison_handout, tree_handout

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(14, 17, 23)"


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> object:
    """Opens a handout's file where every request, and every error of a script, is a failure."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme="light", reduced_motion="reduce"
    )
    context.set_offline(True)
    asked: list[str] = []
    said: list[str] = []

    def refuse(route: Route) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
            return
        asked.append(route.request.url)
        route.abort()

    context.route("**/*", refuse)
    page = context.new_page()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))

    def go(handout: object, fragment: str = "") -> Page:
        path = tmp_path / "exported.html"
        path.write_bytes(exported(handout, Form.HTML))  # type: ignore[arg-type]
        page.goto(f"{path.as_uri()}{fragment}")
        return page

    yield go
    files = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
    context.close()
    assert asked == files == []
    assert said == []


def test_a_chain_is_read_by_hand_and_by_keys(opened: object) -> None:
    page: Page = opened(chain_handout(chain_of(WORDS), CORRECT))  # type: ignore[operator]
    tokens, card = page.locator(".tokens .token"), page.locator(".card")
    expect(tokens).to_have_count(len(WORDS))
    expect(page.locator(".token.fork")).to_have_count(2)
    tokens.nth(3).hover()
    expect(card).to_be_visible()
    expect(card).to_contain_text("alt4")
    expect(card).to_contain_text("1.50 nats")
    expect(card.locator(".card-keys")).to_be_hidden()  # tokens can't be forced in a file
    tokens.nth(3).click()
    expect(page.locator("#token")).to_have_text("#3 ␣there")
    expect(page.locator("#alternatives tr")).to_have_count(5)
    expect(page.locator("#alternatives tr").first).to_contain_text("␣there (here)")
    expect(page.locator("#alternatives tr").first).to_contain_text("50.0 %")
    assert page.url.endswith("#b1.3")
    page.keyboard.press("n")
    expect(tokens.nth(7)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#token")).to_have_text("#7 .")
    page.keyboard.press("p")
    expect(tokens.nth(3)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tokens.nth(4)).to_be_focused()
    expect(page.get_by_role("listbox", name="Tokens of the chain")).to_be_visible()
    expect(page.locator(".spoken")).to_contain_text("token 4 of 10")


def test_colours_follow_the_system_and_the_button_and_print_is_light(opened: object) -> None:
    page: Page = opened(chain_handout(chain_of(WORDS), CORRECT), "#b1.7")  # type: ignore[operator]
    body, heatmap = page.locator("body"), page.locator(".heatmap")
    expect(page.locator("#token")).to_have_text("#7 .")  # the link reopens the token
    expect(body).to_have_css("background-color", LIGHT)
    page.emulate_media(color_scheme="dark")
    expect(body).to_have_css("background-color", DARK)
    expect(heatmap).to_have_attribute("data-scheme", "dark")
    page.get_by_role("button", name="Show in light colours").click()
    expect(body).to_have_css("background-color", LIGHT)
    expect(heatmap).to_have_attribute("data-scheme", "light")
    page.get_by_role("button", name="Show in dark colours").click()
    expect(heatmap).to_have_attribute("data-scheme", "dark")
    expect(page.locator(".tokens .token").nth(7)).to_have_attribute("aria-selected", "true")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(body).to_have_css("background-color", LIGHT)
    page.emulate_media(media="print")
    expect(page.get_by_role("button")).to_have_count(0)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(body).to_have_css("background-color", DARK)


def test_a_tree_shows_the_chain_of_the_branch_that_is_clicked(opened: object) -> None:
    """The third branch holds hostile tokens, which are drawn as text."""
    page: Page = opened(tree_handout(tree_of()))  # type: ignore[operator]
    nodes = page.locator("[role=treeitem]")
    expect(nodes).to_have_count(3)
    expect(page.locator(".token.fix-hit")).to_have_count(1)
    page.locator("#here").get_by_role("button", name="␣were → 64").click()
    expect(page.locator("#head")).to_contain_text("✓ 64")
    expect(page.locator(".token.shared")).to_have_count(3)
    expect(nodes.nth(1)).to_have_attribute("aria-selected", "true")
    nodes.nth(2).click()
    expect(page.locator("#head")).to_contain_text("✗ 72")
    expect(page.locator(".tokens .token")).to_have_count(7 + len(HOSTILE))
    hostile = page.locator(".tokens .token", has_text="alert(1)")
    expect(hostile).to_have_text("<script>alert(1)</script>")
    hostile.click()
    expect(page.locator("#token")).to_contain_text("<script>alert(1)</script>")
    expect(page.locator("img, iframe, object, embed")).to_have_count(0)
    expect(page.locator("script")).to_have_count(2)


def test_a_pair_shows_both_models_on_one_card(opened: object) -> None:
    page: Page = opened(comparison_handout(pair_of(), CORRECT, "teacher"))  # type: ignore[operator]
    expect(page.locator(".token.reranked")).to_have_count(1)
    expect(page.locator(".token.shifted")).to_have_count(1)
    page.locator(".tokens .token").nth(7).hover()
    expect(page.locator(".card .card-title")).to_have_text(["base", "teacher"])
    expect(page.locator(".card")).to_contain_text("<b>!</b>")
    page.locator(".tokens .token").nth(7).click()
    expect(page.locator("#alternatives tr")).to_have_count(10)


def test_notes_are_marked_read_and_gone_to(opened: object) -> None:
    """A note on a token is a sign, words for a screen reader, and a line of the card."""
    tree = tree_of()
    tree.write_note("b2", "<img src=x onerror=alert(1)>\nhere", 5)
    tree.write_note("b1", "The wrong chain.")
    tree.write_note("b1", "first", 1)
    page: Page = opened(tree_handout(tree))  # type: ignore[operator]
    token = page.locator(".token.noted")
    expect(token).to_have_count(1)
    expect(token).to_have_attribute("aria-description", "has a note")
    assert token.evaluate("each => getComputedStyle(each, '::after').content") == '"✎" / ""'
    expect(page.locator(".legend")).to_contain_text("1 note")
    expect(page.locator("#chain-note")).to_have_text("The wrong chain.")
    page.get_by_role("button", name="b2 · #5 ␣9").click()
    expect(page.locator("#head")).to_contain_text("✓ 64")
    expect(page.locator("#token")).to_have_text("#5 ␣9")
    expect(page.locator("#token-note")).to_have_text("<img src=x onerror=alert(1)>\nhere")
    expect(page.locator("#chain-note")).to_be_hidden()
    expect(page.locator(".token.noted")).to_have_count(2)  # the token 1 is shared
    page.get_by_role("button", name="b1 · #1 ␣start").click()
    expect(page.locator("#token")).to_have_text("#1 ␣start")
    page.locator(".tokens .token").nth(2).click()
    expect(page.locator("#token-note")).to_be_hidden()
    page.get_by_role("button", name="b1 · #1 ␣start").click()  # of the chain on screen
    expect(page.locator(".tokens .token").nth(1)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#token-note")).to_have_text("first")
    page.locator(".tokens .token").nth(1).hover()
    expect(page.locator(".card .card-note")).to_have_text("first")
    page.locator(".tokens .token").nth(2).click()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".spoken")).to_contain_text("Note: first")
    expect(page.locator("img")).to_have_count(0)
