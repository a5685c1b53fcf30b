"""The strip below a chain, and what long chains have: search, sentences, folds, one scroll bar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness_data import STORY
from harness_page import Open, focused, press, rest, token
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import FloatRect, Page, expect
from wire import Wire

pytestmark = pytest.mark.browser
SEARCH = Path("core/components/token_heatmap/text_search.js")
PEAKS = Path("core/components/entropy_strip/column_peaks.js")
ROOT = Path(__file__).resolve().parents[3]


def plot(page: Page) -> FloatRect:
    """The strip's place on the page."""
    box = page.locator(".strip-plot").bounding_box()
    assert box is not None
    return box


def above(page: Page, i: int, size: int) -> tuple[float, float]:
    """A point of the strip above token i, near its lower edge."""
    box = plot(page)
    return box["x"] + box["width"] * (i + 0.5) / size, box["y"] + box["height"] - 8


@pytest.mark.parametrize("width", [1280, 800, 390])
def test_the_strip_is_as_wide_as_its_chain_at_every_size(opened: Open, width: int) -> None:
    page = opened("case=strip")
    page.set_viewport_size({"width": width, "height": 900})
    rest(page)
    chain = page.locator(".tokens").bounding_box()
    assert chain is not None
    page.wait_for_function(
        "() => { const c = document.querySelector('.strip-plot canvas') ?? [...document"
        ".querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('.strip-plot canvas'))"
        ".find(Boolean); return c.width === Math.floor(c.clientWidth * devicePixelRatio); }"
    )
    assert plot(page)["width"] >= chain["width"] - 14


def test_pointing_names_the_token_and_a_click_goes_to_it(opened: Open) -> None:
    page = opened("case=strip")
    page.mouse.move(*above(page, 11, len(STORY)))
    expect(page.locator(".strip-tip")).to_have_text("#11 ␣needs · 1.47 nats · fork")
    page.mouse.move(*above(page, 40, len(STORY)))
    expect(page.locator(".strip-tip")).to_have_text(
        re.compile(r"#40 \. · 0\.\d\d nats · after the answer")
    )
    page.mouse.click(*above(page, 11, len(STORY)))
    expect(page.get_by_text("here 11", exact=True)).to_be_visible()
    expect(token(page, 11)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".strip-plot")).to_have_attribute("aria-valuenow", "11")
    token(page, 8).click()
    expect(page.locator(".strip-plot")).to_have_attribute("aria-valuenow", "8")


def test_the_line_can_be_dragged_and_moved_by_keys(opened: Open) -> None:
    page = opened("case=strip")
    forks = page.locator(".token.fork")
    expect(forks).to_have_count(4)
    grip = page.locator(".strip-grip").bounding_box()
    assert grip is not None
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 16, steps=5)
    expect(page.locator(".strip-tip")).to_have_text(
        re.compile(r"τ 0\.\d\d nats · 5 forks, 13\.2 %")
    )
    expect(forks).to_have_count(4)
    page.mouse.up()
    expect(forks).to_have_count(5)
    shown = page.locator(".strip-grip").inner_text().removeprefix("τ ")
    expect(page.get_by_text(f"tau {shown},")).to_be_visible()
    page.locator(".strip-grip").focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_text(f"tau {float(shown) + 0.01:.2f},")).to_be_visible()
    page.keyboard.press("PageDown")
    expect(page.get_by_text(f"tau {float(shown) - 0.09:.2f},")).to_be_visible()
    expect(page.get_by_text("0 selections")).to_be_visible()


def test_a_line_that_is_being_moved_stays_whatever_is_drawn_meanwhile(opened: Open) -> None:
    page = opened("case=strip")
    grip = page.locator(".strip-grip")
    expect(grip).to_have_text("τ 1.40")
    again = page.get_by_role("button", name="Rerun")
    grip.focus()
    for _ in range(12):  # some are pressed before the page has drawn the one before, some after
        page.keyboard.press("ArrowDown")
        again.evaluate("e => e.click()")
        page.wait_for_timeout(70)
        page.keyboard.press("PageUp")
        page.keyboard.press("PageDown")
        again.evaluate("e => e.click()")
        page.wait_for_timeout(330)
    expect(page.get_by_text("tau 1.28,")).to_be_visible()
    expect(grip).to_have_text("τ 1.28")
    box = grip.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 12, steps=3)
    moved = grip.inner_text()
    again.evaluate("e => e.click()")
    rest(page)
    expect(grip).to_have_text(moved)
    page.mouse.up()
    expect(page.get_by_text(f"tau {moved.removeprefix('τ ')},")).to_be_visible()


def test_an_answer_to_an_earlier_move_is_not_taken_for_one_to_the_last(
    page: Page, opened: Open
) -> None:
    wire = Wire(page)
    opened("case=strip")
    grip = page.locator(".strip-grip")
    grip.focus()
    wire.stop("down")
    page.keyboard.press("ArrowDown")
    wire.wait("down", b"tau 1.39")
    wire.stop("up")
    page.keyboard.press("ArrowDown")
    wire.wait("up", b"threshold")
    wire.release("down")
    expect(page.get_by_text("tau 1.39,")).to_be_visible()
    expect(grip).to_have_text("τ 1.38")
    page.keyboard.press("ArrowDown")
    wire.release("up")
    expect(page.get_by_text("tau 1.37,")).to_be_visible()
    expect(grip).to_have_text("τ 1.37")


def test_the_strip_is_worked_and_read_without_a_pointer(opened: Open) -> None:
    page = opened("case=strip&select=8")
    strip = page.get_by_role("slider", name="Entropy by token")
    strip.focus()
    page.keyboard.press("ArrowRight")
    expect(strip).to_have_attribute("aria-valuetext", re.compile(r"^#9 ␣Every · 0\.\d\d nats$"))
    expect(page.get_by_text("here 9", exact=True)).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_text("here 41", exact=True)).to_be_visible()
    picture = page.get_by_role("img", name="Entropy of 42 tokens")
    expect(picture).to_have_attribute(
        "aria-label",
        "Entropy of 42 tokens: highest 2.95 nats at #37 7; 4 forks above 1.40 nats",
    )


def test_a_long_chain_has_one_scroll_bar_and_shows_where_one_is(opened: Open) -> None:
    page = opened("case=long&size=3000")
    expect(page.locator(".token")).to_have_count(3000)
    box = page.locator(".tokens")
    assert box.evaluate("e => e.scrollHeight > 3 * e.clientHeight")
    left = "e => parseFloat(e.style.left)"
    sight = page.locator(".strip-sight")
    expect(sight).to_be_visible()
    assert sight.evaluate(left) == 0
    page.mouse.click(*above(page, 2400, 3000))
    expect(page.locator("[aria-selected='true']")).to_be_in_viewport()
    page.wait_for_function("() => true")
    expect(sight).not_to_have_attribute("style", re.compile(r"left: 0%"))
    assert 60 < sight.evaluate(left) < 85
    short = opened("case=story")
    assert short.locator(".tokens").evaluate("e => e.scrollHeight <= e.clientHeight")


def test_search_goes_over_the_borders_of_tokens(opened: Open) -> None:
    page = opened("case=long&size=1200")
    field = page.get_by_role("searchbox")
    field.fill("times8=7")
    count = page.locator(".tools-count")
    whole = "".join((STORY * 40)[:1200]).count("times8=7")
    expect(count).to_have_text(f"1 of {whole}")
    expect(page.locator(".found-here")).to_have_count(4)  # \times, 8, =, 7
    page.keyboard.press("Enter")
    expect(count).to_have_text(f"2 of {whole}")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(count).to_have_text(f"{whole} of {whole}")
    expect(page.locator(".found-here").first).to_be_in_viewport()
    field.fill("no such words")
    expect(count).to_have_text("no match")
    page.keyboard.press("Escape")
    expect(page.locator(".found")).to_have_count(0)
    expect(page.get_by_text("0 selections, 0 forces")).to_be_visible()


def test_search_finds_what_python_finds(page: Page) -> None:
    page.goto("about:blank")
    page.add_script_tag(content=(ROOT / SEARCH).read_text() + "\nwindow.ChainText = ChainText;")

    some_text = st.text("aAb é🧮\n", max_size=4)

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(some_text, max_size=12), some_text)
    def check(tokens: list[str], query: str) -> None:
        found = page.evaluate(
            "([tokens, query]) => new window.ChainText(tokens).matches(query)", [tokens, query]
        )
        assert found == python_matches(tokens, query)

    check()


def python_matches(tokens: list[str], query: str) -> list[list[int]]:
    """First and last token of every match of str.find in the joined text, without overlaps."""
    text = "".join(tokens)
    if query == query.lower():
        text = text.lower()  # of these letters, each is one character in both cases
    owner = [i for i, token in enumerate(tokens) for _ in token]
    found = []
    at = text.find(query) if query else -1
    while at >= 0:
        found.append([owner[at], owner[at + len(query) - 1]])
        at = text.find(query, at + len(query))
    return found


def test_each_column_of_pixels_shows_its_highest_token(page: Page) -> None:
    page.goto("about:blank")
    page.add_script_tag(content=(ROOT / PEAKS).read_text() + "\nwindow.peaks = columnPeaks;")
    peaks = "([values, width]) => [...window.peaks((i) => values[i], values.length, width)]"
    assert page.evaluate(peaks, [[1, 5, 2, 7, 3, 0], 3]) == [1, 3, 4]
    assert page.evaluate(peaks, [[1, 2], 6]) == [0, 0, 0, 1, 1, 1]
    assert page.evaluate(peaks, [[4, 9, 1, 1, 8], 2]) == [1, 4]


def test_a_sentence_has_the_colour_and_the_place_of_its_highest_token(opened: Open) -> None:
    page = opened("case=long&size=1200")
    heat = "all => all.slice(0, 12).map(e => parseFloat(e.style.getPropertyValue('--e')))"
    single = page.locator(".token").evaluate_all(heat)
    press(page, "By sentence")
    whole = page.locator(".token").evaluate_all(heat)
    assert len(set(single)) > 6
    assert whole[:9] == [max(single[:9])] * 9  # "To start, there are 9 pieces."
    expect(page.locator(".legend")).to_contain_text("entropy of the sentence")
    token(page, 0).focus()
    page.keyboard.press("ArrowRight")
    focused(page, 11)  # " needs", the highest of the second sentence
    page.keyboard.press("ArrowLeft")
    focused(page, 8)


def test_thinking_and_what_is_after_the_answer_are_folded(opened: Open) -> None:
    page = opened("case=thinking")
    thinking = page.get_by_role("button", name="Thinking · 1,000 tokens, 4 forks")
    after = page.get_by_role("button", name="After the answer: not searched · 100 tokens")
    expect(thinking).to_have_attribute("aria-expanded", "false")
    expect(after).to_have_attribute("aria-expanded", "false")
    expect(token(page, 999)).to_be_hidden()
    expect(token(page, 1000)).to_be_visible()
    expect(token(page, 1500)).to_be_hidden()
    token(page, 1000).focus()
    page.keyboard.press("ArrowLeft")  # what is folded is passed over
    focused(page, 1000)
    thinking.click()
    expect(token(page, 0)).to_be_visible()
    thinking.click()
    expect(token(page, 0)).to_be_hidden()
    page.mouse.click(*above(page, 1550, 1600))  # to a place that is folded
    expect(after).to_have_attribute("aria-expanded", "true")
    expect(page.locator("[aria-selected='true']")).to_be_in_viewport()
    expect(page.locator(".legend")).to_contain_text("of 1500 tokens up to the answer")


def test_the_legend_says_which_scale_the_colours_have(opened: Open) -> None:
    page = opened("case=scale")
    legend = page.locator(".legend")
    expect(legend).to_contain_text("low 1")
    expect(legend).to_contain_text("2+ nats high")
    expect(legend).to_contain_text("median to top 5 % of this chain")
    heat = "e => parseFloat(e.style.getPropertyValue('--e'))"
    assert token(page, 22).evaluate(heat) == 0  # .9 nats
    assert token(page, 11).evaluate(heat) == 47  # 1.47 nats
    assert token(page, 37).evaluate(heat) == 100  # 2.95 nats
