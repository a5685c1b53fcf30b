"""A Streamlit server and a browser for the tests that need to see a real page."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("FORK_EXPLORER_CHROMIUM") or shutil.which("chromium")
START_SECONDS = 90
Serve = Callable[..., str]

expect.set_options(timeout=60_000)  # only a failure takes so long: a busy machine must not fail


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """`serve(app_path, env)` starts the app (once a session) and returns its address."""
    servers: dict[tuple[str, ...], tuple[subprocess.Popen[bytes], str]] = {}

    def start(app_path: Path | str, env: dict[str, str] | None = None) -> str:
        key = (str(app_path), *sorted(f"{name}={value}" for name, value in (env or {}).items()))
        if key not in servers:
            log = tmp_path_factory.mktemp("server") / "log.txt"
            servers[key] = start_server(Path(app_path), env or {}, log)
        return servers[key][1]

    yield start
    for process, _ in servers.values():
        process.terminate()
    for process, _ in servers.values():
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def start_server(app: Path, env: dict[str, str], log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A server of one's own, to be ended by who asked for it; returns it with its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(app)]
    command += ["--server.port", str(port), "--server.headless", "true"]
    command += ["--server.fileWatcherType", "none", "--server.address", "127.0.0.1"]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **env}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT / "explorer",  # whose settings hold for the test pages too
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return process, url
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"The server did not start:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH; set FORK_EXPLORER_CHROMIUM to its executable")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def scheme() -> Literal["light", "dark"]:
    """Light, unless a test is parametrized with another scheme."""
    return "light"


@pytest.fixture
def page(browser: Browser, scheme: Literal["light", "dark"]) -> Iterator[Page]:
    """A fresh page; an error thrown by any script on it fails the test."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    tab = context.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    exceptions = tab.get_by_test_id("stException").all_inner_texts()
    context.close()
    assert errors == []
    assert exceptions == [], "a traceback box is on the page"


def settled(page: Page) -> Locator:
    """Wait until the script run has ended; returns the app's element."""
    app = page.locator("[data-test-script-state='notRunning']")
    expect(app).to_be_visible()
    return app
