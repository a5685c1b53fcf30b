"""The token heatmap in a real browser: what is shown, what is said, what comes back."""

from __future__ import annotations

import re

import pytest
from harness_data import HOSTILE, STORY
from harness_page import Open, contrast, focused, press, rest, token
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_hostile_tokens_are_shown_exactly_and_do_nothing(opened: Open) -> None:
    page = opened("case=hostile")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    expect(page.locator(".token")).to_have_count(len(HOSTILE))
    shown = page.locator(".token").evaluate_all(
        "all => all.map(each => (each.gap?.data ?? '') + each.textContent)"  # spaces stand before
    )
    escapes = {"\u200b": "\\u200b", "\u202e": "\\u202e", "\x07": "\\x07", "\n": "", ".\n\n": ".\n"}
    assert shown == [escapes.get(text, text) for text in HOSTILE]
    assert page.locator(".tokens").locator("script, img, b").count() == 0
    token(page, 2).hover()
    expect(page.locator(".card-token")).to_have_text(HOSTILE[2])
    assert page.locator(".card img").count() == 0
    assert dialogs == []


def test_a_split_character_is_shown_once_and_its_rest_can_be_selected(opened: Open) -> None:
    page = opened("case=hostile")
    split = HOSTILE.index("🧮")
    expect(page.get_by_text("🧮", exact=True)).to_have_count(1)
    rest_ = token(page, split + 1)
    assert rest_.evaluate("e => e.getBoundingClientRect().width") >= 4
    rest_.click()
    expect(page.get_by_text(f"here {split + 1}", exact=True)).to_be_visible()


def test_whitespace_is_visible_and_breaks_the_line(opened: Open) -> None:
    page = opened("case=hostile")
    two_spaces = token(page, HOSTILE.index("  "))
    expect(two_spaces.locator(".sign.space")).to_have_count(2)
    for i in (HOSTILE.index(" "), HOSTILE.index("\n"), HOSTILE.index("\t")):
        sign = token(page, i).locator(".sign")
        assert sign.evaluate("e => getComputedStyle(e, '::before').content") in '"␣" "↵" "⇥"'
        assert token(page, i).evaluate("e => e.getBoundingClientRect().width") >= 5
    top = "e => e.getBoundingClientRect().top"
    newline = HOSTILE.index("\n")
    assert token(page, newline + 1).evaluate(top) > token(page, newline).evaluate(top) + 20


def test_the_card_lists_five_alternatives_that_add_up_to_at_most_one(opened: Open) -> None:
    page = opened("case=story")
    page.evaluate("document.fonts.ready")
    places = page.locator(".token").evaluate_all(
        "all => all.map(e => JSON.stringify(e.getBoundingClientRect()))"
    )
    for i in (0, 8, 37):
        token(page, i).hover()
        expect(page.locator(".card")).to_be_visible()
        expect(page.locator(".card-place")).to_have_text(f"#{i}")
        rows = page.locator(".card-row:visible .row-p").all_inner_texts()
        assert len(rows) == 5
        assert sum(float(row.strip("<% ")) for row in rows if "<" not in row) <= 100.0
    expect(page.locator(".card-row.chosen .row-token")).to_have_text("7")
    assert places == page.locator(".token").evaluate_all(
        "all => all.map(e => JSON.stringify(e.getBoundingClientRect()))"
    )
    page.mouse.move(640, 880)
    expect(page.locator(".card")).to_be_hidden()


def test_the_card_stays_inside_the_window(opened: Open) -> None:
    page = opened("case=story")
    page.set_viewport_size({"width": 420, "height": 480})
    for i in range(0, len(STORY), 6):
        token(page, i).hover()
        expect(page.locator(".card-place")).to_have_text(f"#{i}")
        box = page.locator(".card").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 420
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 480


def test_a_click_selects_and_python_hears_it(opened: Open) -> None:
    page = opened("case=story")
    token(page, 11).click()
    expect(token(page, 11)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("here 11", exact=True)).to_be_visible()
    expect(page.get_by_text("1 selections, 0 forces")).to_be_visible()
    token(page, 8).click()
    expect(page.get_by_text("here 8", exact=True)).to_be_visible()
    expect(page.locator("[aria-selected='true']")).to_have_count(1)
    token(page, 8).click()
    expect(page.get_by_text("3 selections, 0 forces")).to_be_visible()


def test_the_same_position_in_another_chain_is_a_new_selection(opened: Open) -> None:
    page = opened("case=story")
    token(page, 11).click()
    expect(page.get_by_text("here 11", exact=True)).to_be_visible()
    press(page, "Other chain")
    expect(token(page, 9)).to_have_text(" Cuts", use_inner_text=False)
    expect(page.get_by_text("here None", exact=True)).to_be_visible()
    token(page, 11).click()
    expect(page.get_by_text("selected Selection(chain='branch', i=11)")).to_be_visible()
    expect(page.get_by_text("here 11", exact=True)).to_be_visible()


def test_a_branch_shows_what_it_shares_and_where_it_leaves(opened: Open) -> None:
    page = opened("case=story")
    press(page, "Other chain")
    expect(page.locator(".token.shared")).to_have_count(9)
    expect(page.locator(".token.forced.first-difference")).to_have_text("Cuts")
    token(page, 9).hover()
    expect(page.locator(".card-flags")).to_have_text("forcedfirst difference")


def test_the_keyboard_moves_selects_and_forces(opened: Open) -> None:
    page = opened("case=story")
    token(page, 0).focus()
    keys = [("ArrowRight", 1), ("ArrowLeft", 0), ("n", 8), ("n", 11), ("p", 8), ("End", 41)]
    for key, i in [*keys, ("Home", 0), ("n", 8)]:
        page.keyboard.press(key)
        focused(page, i)
    spoken = page.locator(".spoken")
    expect(spoken).to_have_text(
        re.compile(r"token 8 of 42, “\.”, entropy 1\.92 nats, fork, rank 2, probability \d+\.\d %")
    )
    expect(page.locator(".card-place")).to_have_text("#8")
    page.evaluate("new Promise((done) => setTimeout(done, 200))")  # past the delay of hiding
    expect(page.locator(".card")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".card")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.get_by_text("here 8", exact=True)).to_be_visible()
    page.keyboard.press("2")
    expect(spoken).to_have_text("This token is already there.")
    page.keyboard.press("3")
    expect(page.get_by_text("last force Force(chain='root', i=8, rank=3)")).to_be_visible()
    expect(page.get_by_text("1 selections, 1 forces")).to_be_visible()
    page.keyboard.press("3")
    expect(page.get_by_text("1 selections, 2 forces")).to_be_visible()
    press(page, "Rerun")
    expect(page.get_by_text("force None", exact=True)).to_be_visible()
    expect(page.get_by_text("1 selections, 2 forces")).to_be_visible()


def test_up_and_down_go_by_visual_line(opened: Open) -> None:
    page = opened("case=long&size=200")
    token(page, 5).click()
    middle = "e => { const r = e.getClientRects()[0]; return [(r.left + r.right) / 2, r.top]; }"
    before = token(page, 5).evaluate(middle)
    page.keyboard.press("ArrowDown")
    after = page.locator(".token:focus").evaluate(middle)
    assert after[1] > before[1] + 20
    assert abs(after[0] - before[0]) < 60
    page.keyboard.press("ArrowUp")
    focused(page, 5)


def test_streaming_keeps_selection_and_scroll_and_redraws_nothing(opened: Open) -> None:
    page = opened("case=stream")
    for count in (55, 70, 85, 100, 115, 130):
        press(page, "More tokens")
        expect(page.locator(".token")).to_have_count(count)
    token(page, 11).click()
    expect(page.get_by_text("here 11", exact=True)).to_be_visible()
    page.locator(".tokens").evaluate("e => { e.scrollTop = 10; window.first = e.firstChild; }")
    press(page, "More tokens")
    expect(page.locator(".token")).to_have_count(145)
    expect(token(page, 11)).to_have_attribute("aria-selected", "true")
    assert page.locator(".tokens").evaluate("e => e.scrollTop") == 10
    assert page.locator(".tokens").evaluate("e => e.firstChild === window.first")
    page.locator(".tokens").evaluate("e => { e.scrollTop = e.scrollHeight; }")
    press(page, "More tokens")
    expect(page.locator(".token")).to_have_count(160)
    gap = "e => e.scrollHeight - e.scrollTop - e.clientHeight"
    assert page.locator(".tokens").evaluate(gap) < 5


def test_python_can_go_to_a_token_more_than_once(opened: Open) -> None:
    page = opened("case=story")
    press(page, "Go to 31")
    expect(token(page, 31)).to_have_attribute("aria-selected", "true")
    token(page, 8).click()
    expect(token(page, 8)).to_have_attribute("aria-selected", "true")
    press(page, "Rerun")
    rest(page)
    expect(token(page, 8)).to_have_attribute("aria-selected", "true")
    press(page, "Go to 31")
    expect(token(page, 31)).to_have_attribute("aria-selected", "true")
    press(page, "Other chain")
    expect(page.locator(".token.shared")).to_have_count(9)
    expect(token(page, 31)).not_to_have_attribute("aria-selected", "true")


def test_a_heatmap_that_was_away_comes_back_with_its_selection(opened: Open) -> None:
    page = opened("case=story")
    for i in (8, 11):
        token(page, i).click()
        expect(page.get_by_text(f"here {i}", exact=True)).to_be_visible()
    hide = page.get_by_text("Hide")
    hide.click()
    expect(page.locator(".token")).to_have_count(0)
    hide.click()
    expect(token(page, 11)).to_have_attribute("aria-selected", "true")


def test_a_chain_opens_with_its_selection_and_says_nothing(opened: Open) -> None:
    page = opened("case=story&select=37")
    expect(token(page, 37)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("0 selections, 0 forces")).to_be_visible()


def test_a_click_does_not_send_the_chain_again(opened: Open) -> None:
    page = opened("case=story")
    page.locator(".legend-forks").evaluate(
        "e => { window.updates = 0; new MutationObserver(() => { window.updates += 1; })"
        ".observe(e, { childList: true }); }"
    )
    for i in (11, 20):
        token(page, i).click()
        expect(page.get_by_text(f"here {i}", exact=True)).to_be_visible()
        rest(page)
    assert page.evaluate("window.updates") == 0
    press(page, "Other chain")
    expect(page.locator(".token.shared")).to_have_count(9)
    assert page.evaluate("window.updates") > 0


def test_bits_are_nats_over_ln_2(opened: Open) -> None:
    page = opened("case=bits")
    token(page, 8).hover()
    expect(page.locator(".card-facts dd").first).to_have_text("2.77 bits")
    expect(page.locator(".legend")).to_contain_text("4 forks above 2.02 bits, 9.5 % of 42 tokens")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_at_every_colour(opened: Open, scheme: str) -> None:
    page = opened("case=story")
    assert page.locator(".heatmap").get_attribute("data-scheme") == scheme
    token(page, 37).evaluate("e => e.style.setProperty('--e', '100')")
    assert contrast(token(page, 37)) >= 4.5
    assert contrast(token(page, 0)) >= 4.5
    press(page, "Other chain")
    expect(page.locator(".token.shared")).to_have_count(9)
    page.locator(".token.shared").nth(8).evaluate("e => e.style.setProperty('--e', '100')")
    assert contrast(page.locator(".token.shared").nth(8)) >= 4.5


def test_eight_thousand_tokens_appear_and_answer(opened: Open) -> None:
    page = opened("case=long&size=8000")
    expect(page.locator(".token")).to_have_count(8000)
    expect(page.locator(".legend")).to_contain_text("of 8000 tokens")
    token(page, 20).click()
    expect(page.get_by_text("here 20", exact=True)).to_be_visible()
    assert page.locator(".tokens").evaluate("e => e.clientHeight") < 900  # the window's
