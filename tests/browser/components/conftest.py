"""The harness's pages of one heatmap."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from harness_page import Open, rest
from playwright.sync_api import Page, expect

APP = Path(__file__).with_name("harness_app.py")


@pytest.fixture
def opened(serve: Callable[..., str], page: Page) -> Open:
    """`opened("case=story")` shows that case and waits until it stands still."""

    def go(query: str) -> Page:
        page.goto(f"{serve(APP)}/?{query}")
        expect(page.locator(".token:visible").first).to_be_visible()
        rest(page)
        return page

    return go
