"""Steps that the app's browser tests share."""

from __future__ import annotations

import re
from pathlib import Path

from conftest import ROOT, settled
from playwright.sync_api import Locator, Page, expect

APP = ROOT / "explorer" / "app.py"
DEMO_IS_BUILT = (ROOT / "sample_data/demo_model/config.json").is_file()


def open_app(page: Page, address: str) -> Locator:
    """The app with its first chain on screen; returns the chain's tokens."""
    page.goto(address)
    tokens = page.locator(".heatmap .token")
    expect(tokens.first).to_be_visible(timeout=60_000)
    settled(page)
    return tokens


def button(page: Page, name: str) -> Locator:
    """A button by its whole name."""
    return page.get_by_role("button", name=name, exact=True)


def choose(page: Page, label: str, option: str | re.Pattern[str]) -> None:
    """Choose an option of a select box."""
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option).click()
    settled(page)


def set_number(page: Page, label: str, value: float) -> None:
    """Set a number in the sampler's popover."""
    button(page, "Sampler").click()
    field = page.get_by_label(label, exact=True).first
    field.fill(str(value))
    field.press("Enter")
    settled(page)
    page.keyboard.press("Escape")


def load_other_model(page: Page, folder: Path | str) -> None:
    """Ask for a model other than the demo."""
    if page.get_by_label("Folder or hub id").count() == 0:
        choose(page, "Model", "another model")
    field = page.get_by_label("Folder or hub id")
    field.fill(str(folder))
    field.press("Enter")
    button(page, "Load").click()
