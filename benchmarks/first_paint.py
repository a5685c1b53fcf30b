"""A cold server: how long until a browser shows a chain, and until the page can be used?

    python -m benchmarks.first_paint [--root FOLDER] [--times 3]

Every time a new server with an empty home; the browser is running. Seconds since the server's
process was started, so that the server's own start is among them. `--root` measures another
checkout, to compare with.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from benchmarks.served_app import served_app
from core.system.project_root import project_root

_MOST = 180.0  # seconds
_PHASES = ("server answers", "first words", "chain is drawn", "page can be used")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, default=project_root())
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        found = [_once(browser, given.root.resolve()) for _ in range(given.times)]
        browser.close()
    print(f"{given.root}: seconds since the start of the process, {given.times} cold servers")
    for phase, *times in zip(_PHASES, *found, strict=True):
        every = ", ".join(f"{each:.1f}" for each in times)
        print(f"  {phase:<18} {median(times):5.1f}   ({every})")


def _once(browser: Browser, root: Path) -> list[float]:
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(_MOST * 1000)
    with tempfile.TemporaryDirectory() as home, served_app(Path(home), root) as (url, began):
        times = [time.monotonic() - began]
        page.goto(url, wait_until="commit")
        page.get_by_text("Decision Fork Explorer").first.wait_for()
        times.append(time.monotonic() - began)
        page.locator(".heatmap .token").first.wait_for()
        times.append(time.monotonic() - began)
        page.get_by_role("button", name="Generate", exact=True).wait_for()
        page.locator("[data-test-script-state='notRunning']").wait_for()
        times.append(time.monotonic() - began)
        page.close()
    return times


if __name__ == "__main__":
    main()
