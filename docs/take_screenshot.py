"""Take the README's screenshot of a running app: `make run`, then

.venv/bin/python docs/take_screenshot.py http://localhost:8501
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

TARGET = Path(__file__).parent / "explore.png"


def main(address: str) -> None:
    """Force a token that makes the answer of the welcome chain correct, and take the screenshot."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860}, device_scale_factor=1.5)
        page.goto(address)
        page.locator(".token.fork").last.click(timeout=60_000)
        page.get_by_role("button", name="Try all five").click()
        rows = page.locator(".alternatives tbody tr")
        expect(rows.locator(".leads .value")).to_have_count(5, timeout=60_000)
        rows.filter(has_text="✓").first.press("Enter")
        expect(page.locator(".tree .node.correct")).to_have_count(1)
        page.mouse.move(0, 0)
        expect(page.locator(".card")).to_be_hidden()
        page.screenshot(path=TARGET)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
