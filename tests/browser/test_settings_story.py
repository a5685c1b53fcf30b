"""In a real browser: what a person set is there again after a visit elsewhere and a refresh."""

from __future__ import annotations

import re

import pytest
from app import DEMO_IS_BUILT, button, choose, go_to, open_app, set_number, settled
from playwright.sync_api import Page, expect

from explorer.shared.asking import CHANGE_ASKING

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
QUESTION = "Max saws a log into 4 pieces. Each cut takes 3 minutes. How long does it take?"
_PRESS = 120  # ms between pressing and letting go, as people need
NUMBERS = {"Temperature": "0.70", "Top-p": "0.90", "Max new tokens": "77", "Seed": "12"}


def expect_settings(page: Page) -> None:
    """The sampler, the prompt and the own question are as they were set."""
    expect(page.get_by_role("textbox", name="Question")).to_have_value(QUESTION)
    expect(page.get_by_role("textbox", name="Correct answer")).to_have_value("9")
    button(page, "Sampler").click()
    for label, value in NUMBERS.items():
        expect(page.get_by_role("spinbutton", name=label, exact=True)).to_have_value(value)
    page.keyboard.press("Escape")
    button(page, "Prompt").click()
    expect(page.get_by_role("textbox", name="Template")).to_have_value("Q: {problem}\nA:")
    page.keyboard.press("Escape")


def test_settings_and_own_question_survive_page_switch_and_refresh(page: Page, url: str) -> None:
    open_app(page, url)
    for label, value in NUMBERS.items():
        set_number(page, label, float(value))
    choose(page, "Problems from", "My own question")
    button(page, "Prompt").click()
    choose(page, "Prompt style", "plain")
    template = page.get_by_role("textbox", name="Template")
    template.fill("Q: {problem}\nA:")
    template.press("Control+Enter")
    settled(page)
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Correct answer").fill("9")
    # The last field is left by the click that goes to another page.
    page.get_by_role("textbox", name="Question").fill(QUESTION)
    go_to(page, "Runs", _PRESS)
    go_to(page, "Explore")
    expect_settings(page)
    page.reload()
    expect(button(page, "Generate")).to_be_visible()
    settled(page)
    expect_settings(page)

    # A chain is on screen with its own question, during the work and after it.
    button(page, "Generate").click()
    go_to(page, "Runs", _PRESS)
    go_to(page, "Explore")
    expect(page.get_by_role("textbox", name="Question")).to_have_value(QUESTION)
    expect(button(page, "Generate")).to_be_enabled()
    expect(page.locator(".heatmap .token").first).to_be_visible()
    expect(page.locator(".tree .node")).to_have_count(1)
    page.reload()
    expect(button(page, "Generate")).to_be_visible()
    settled(page)
    expect_settings(page)
    expect(page.locator(".tree .node")).to_have_count(1)


def test_the_forms_of_other_pages_survive_page_switch_and_refresh(page: Page, url: str) -> None:
    open_app(page, url)
    go_to(page, "Evaluate", _PRESS)
    field = page.get_by_role("spinbutton", name="Samples per problem")
    field.fill("9")
    field.press("Enter")
    settled(page)
    go_to(page, "Interventions", _PRESS)
    page.get_by_text(CHANGE_ASKING).click()
    limit = page.get_by_role("spinbutton", name="Max new tokens")
    limit.fill("33")
    limit.press("Enter")
    settled(page)
    go_to(page, "Evaluate", _PRESS)
    expect(page).to_have_url(re.compile("session="))
    expect(field).to_have_value("9")
    page.reload()
    expect(field).to_have_value("9")
    settled(page)
    go_to(page, "Interventions", _PRESS)
    page.reload()
    expect(page.get_by_text(CHANGE_ASKING)).to_be_visible()
    page.get_by_text(CHANGE_ASKING).click()
    expect(limit).to_have_value("33")
