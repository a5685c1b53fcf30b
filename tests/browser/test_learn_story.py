"""The lesson played through in a real browser: every check wrong, then correct; then on paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from app import DEMO_IS_BUILT, assert_nothing_is_cut_off, button, go_to, settled
from playwright.sync_api import Locator, Page, expect

from core.claims.registry import CLAIMS
from core.lessons.outline import STEPS
from core.lessons.papers import CLAIMED, NOT_CLAIMED
from core.lessons.toy import PRESETS, TOKENS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


def verdict(page: Page) -> Locator:
    """The verdict of the check on screen."""
    return page.locator("[class*='st-key-learn_check'] [data-testid='stAlertContainer']")


def step(page: Page, key: str) -> None:
    number = [each.key for each in STEPS].index(key) + 1
    expect(page.get_by_text(f"{number} of 8 ·")).to_be_visible()
    settled(page)


def next_step(page: Page, key: str) -> None:
    """Go on by the button that a done step makes blue."""
    page.get_by_role("button", name=re.compile("^Next: ")).click()
    step(page, key)


def choose(page: Page, *options: str) -> None:
    """Choose options of the check on screen, and press Check."""
    for option in options:
        page.locator("[class*='st-key-learn_check']").get_by_text(option, exact=True).click()
        settled(page)
    button(page, "Check").click()
    settled(page)


def shows(page: Page, correct: bool, why: str) -> None:
    """The verdict is the one expected, with its reason."""
    expect(verdict(page)).to_contain_text("Correct." if correct else "Wrong.")
    expect(verdict(page)).to_contain_text(why)


def tokens(page: Page) -> Locator:
    return page.locator(".heatmap .token")


def measured(page: Page, name: str, question: str) -> None:
    """Press the button that measures, unless the server has measured it for another session, and
    wait for the question about it."""
    asked = page.get_by_text(question).first
    expect(button(page, name).or_(asked).first).to_be_visible()
    settled(page)
    if button(page, name).count():
        button(page, name).click()
    expect(asked).to_be_visible()
    settled(page)


def test_the_lesson_is_played_through(page: Page, url: str, tmp_path: Path) -> None:
    page.goto(f"{url}/learn")
    step(page, "entropy")

    # 1. The sliders: nearly sure is too low, undecided too high; two of five is one bit.
    page.get_by_text("bits", exact=True).click()
    for name, entropy in zip(
        (name for name, _ in PRESETS), ("0.40 bits", "2.15 bits"), strict=True
    ):
        button(page, name).click()
        expect(page.get_by_test_id("stMetricValue")).to_have_text(entropy)
        button(page, "Check").click()
        shows(page, False, f"The entropy is {entropy}: too {'low' if '0.4' in entropy else 'high'}")
    for token in TOKENS:
        slider = page.get_by_role("slider", name=token)
        slider.press("Home")
        if token in TOKENS[:2]:
            slider.press("End")
        settled(page)
    expect(page.get_by_test_id("stMetricValue")).to_have_text("1.00 bits")
    button(page, "Check").click()
    shows(page, True, "as an even choice between two tokens")
    expect(button(page, "✓ 1")).to_be_visible()
    assert_nothing_is_cut_off(page)

    # 2. The heatmap: a token without colour, then the strongest.
    next_step(page, "heatmap")
    expect(tokens(page).first).to_be_visible()
    tokens(page).nth(1).click()
    shows(page, False, "the model was sure here")
    heats = tokens(page).evaluate_all("all => all.map(each => +each.style.getPropertyValue('--e'))")
    tokens(page).nth(heats.index(max(heats))).click()
    shows(page, True, "bits")

    # 3. The guess: no colour, no card; the truth comes with the correct token.
    next_step(page, "guess")
    expect(tokens(page).first).to_be_visible()
    assert page.locator(".heatmap .token.fork").count() == 0
    tokens(page).nth(1).hover()
    expect(page.locator(".heatmap .card:popover-open")).to_have_count(0)
    tokens(page).nth(1).click()
    shows(page, False, "Try again")
    assert page.locator(".heatmap .token.fork").count() == 0
    button(page, "Show the forks").click()
    expect(page.locator(".heatmap .token.fork").first).to_be_visible()
    page.locator(".heatmap .token.fork").first.click()
    shows(page, True, "bits")

    # 4. Force each token: the branches say which one is correct.
    next_step(page, "force")
    panel = page.locator(".st-key-learn_alternatives")
    options = [each.strip() for each in panel.get_by_role("button").all_inner_texts()]
    ends = {}
    for option in options:
        panel.get_by_role("button", name=option).click()
        label = option.split(" · ")[0]
        row = page.locator("tr").filter(has_text=label)
        expect(row).to_contain_text(re.compile(r"correct|wrong"))
        ends[label] = "correct" in row.inner_text()
    expect(page.locator(".heatmap .token.first-difference")).to_have_count(1)
    assert {True, False} == set(ends.values())
    choose(page, next(label for label, correct in ends.items() if not correct))
    shows(page, False, "wrong")
    choose(page, next(label for label, correct in ends.items() if correct))
    shows(page, True, "correct")

    # What was answered is kept, on another page and after a refresh.
    go_to(page, "Runs")
    go_to(page, "Learn")
    step(page, "force")
    shows(page, True, "correct")
    page.reload()
    step(page, "force")
    expect(page.get_by_text("4 of 8 done")).to_be_visible()

    # 5. The control, measured on 24 problems.
    next_step(page, "control")
    measured(page, "Measure", "Which sentence do these figures allow?")
    choose(page, "Some tries at forks fixed an answer, so forks matter: no control is needed.")
    shows(page, False, "succeed by chance")
    choose(page, "A forced token fixes a wrong answer more often at a fork than elsewhere.")
    shows(page, True, "95 % interval")

    # 6. What training changes.
    next_step(page, "tuning")
    measured(page, "Measure", "At how many of the base's tokens")
    choose(page, "More than half")
    shows(page, False, "Measured: ")
    choose(page, "Up to 5 %")
    shows(page, True, "24 chains")
    expect(page.get_by_text("as a control, as many tokens at random positions")).to_be_visible()
    expect(page.locator(".heatmap .token:is(.reranked, .shifted)").first).to_be_visible()

    # 7. What the papers claim: one sentence too many, then all that are theirs.
    next_step(page, "claims")
    extra, why = NOT_CLAIMED[0]
    choose(page, *(CLAIMS[each].sentence for each in CLAIMED), extra)
    shows(page, False, why)
    choose(page, extra)  # a second click takes it back
    shows(page, True, "is claimed by ReasonMaxxer")

    # 8. The naive reading is wrong; all endings agree, and so do the sampled ones.
    next_step(page, "idle")
    choose(page, "The answer: the entropy is high, so this choice matters.")
    shows(page, False, "end in the same answer")
    button(page, "Try all 5").click()
    settled(page)
    choose(page, "Only the words: the answer stays the same.")
    shows(page, True, "only the words differ")
    measured(page, "Sample 16 each", "This fork explains")
    expect(page.get_by_text("8 of 8 done")).to_be_visible()
    expect(page.get_by_text("All steps are done.")).to_be_visible()

    # On paper, without and with the answers.
    button(page, "Worksheet").click()
    for label, answers in (("Worksheet", False), ("With answers, for the teacher", True)):
        with page.expect_download() as download:
            page.get_by_test_id("stPopoverBody").get_by_role("button", name=label).click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        sheet = page.context.new_page()
        sheet.goto(file.as_uri())
        expect(sheet.locator(".step")).to_have_count(len(STEPS))
        expect(sheet.locator(".answer")).to_have_count(len(STEPS) * answers)
        assert sheet.pdf(format="A4").startswith(b"%PDF")
        sheet.close()
    page.keyboard.press("Escape")

    # For a class: no sidebar, and no verdict until it is asked for.
    button(page, "Projector").click()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(verdict(page)).to_have_count(0)
    button(page, "Show the verdict").click()
    shows(page, True, "only the words differ")
    button(page, "Leave the projector").click()
    expect(page.get_by_test_id("stSidebar")).to_be_visible()

    # From the beginning.
    button(page, "Worksheet").click()
    button(page, "Start the lesson again").click()
    step(page, "entropy")
    expect(page.get_by_text("0 of 8 done")).to_be_visible()
