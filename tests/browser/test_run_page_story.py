"""One page for a run, played: Run, the folded form, progress, the sentence, warnings, Edit, CLI."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from app import (
    DEMO_IS_BUILT,
    DONE,
    RUNNING,
    assert_nothing_is_cut_off,
    button,
    fill_number,
    number,
    paused,
    runs_in,
    settled,
    state_is,
)
from playwright.sync_api import Page, expect

from core.cli.command_line import run_command

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


def test_a_run_is_on_screen_at_once_and_its_settings_come_back(
    page: Page, url: str, home: Path
) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{url}/evaluate")
    fill_number(page, "Number of problems", 6)
    button(page, "Run").click()
    with paused(home) as run:
        state_is(page, RUNNING)
        expect(number(page, "Number of problems")).to_have_count(0)  # the form is folded
        for found in (page.locator(".st-key-run_line"), button(page, "Cancel")):
            box = found.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < 800
        expect(page.locator(".st-key-run_line")).to_contain_text("Demo problems (6)")
    state_is(page, DONE)
    expect(page.get_by_text(re.compile(r"correct on average \(6 problems"))).to_be_visible()
    expect(page.get_by_text("Only 6 problems")).to_be_visible()
    for width in (1280, 800, 390):
        page.set_viewport_size({"width": width, "height": 800})
        settled(page)
        assert_nothing_is_cut_off(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    button(page, "Edit").click()
    expect(number(page, "Number of problems")).to_have_value("6")
    button(page, "Close").click()
    expect(number(page, "Number of problems")).to_have_count(0)
    page.get_by_role("button", name=re.compile("CLI")).click()
    shown = page.get_by_test_id("stCode").first.inner_text()
    assert shlex.split(shown) == shlex.split(run_command(run).text)
    assert [each.id for each in runs_in(home)] == [run.id]
