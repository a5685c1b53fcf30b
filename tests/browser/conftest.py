"""One server and one browser for all tests of a process, a page of its own for each.

Nothing here waits for a time: what is waited for is a state, and the limit is so high that only a
failure reaches it, on a machine that is busy with other things, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from app import APP, PATIENCE, delete_runs
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from server import end_server, start_server

CHROMIUM = (
    os.environ.get("FORK_EXPLORER_CHROMIUM")
    or shutil.which("chromium-headless-shell")  # without windows it needs a fifth less time
    or shutil.which("chromium")
)
Serve = Callable[..., str]

expect.set_options(timeout=1000 * PATIENCE)

LONGEST = ("test_real_model_story", "test_drawn_screens", "test_finetune_story")
"""Begun first, so that no process is left alone with them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = dict(zip(LONGEST, range(len(LONGEST)), strict=True))
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """`serve(app_path, env)` starts the app (once a session) and returns its address."""
    servers: dict[tuple[str, ...], tuple[subprocess.Popen[bytes], str]] = {}

    def start(app_path: Path | str, env: dict[str, str] | None = None) -> str:
        key = (str(app_path), *sorted(f"{name}={value}" for name, value in (env or {}).items()))
        if key not in servers:
            log = tmp_path_factory.mktemp("server") / "log.txt"
            servers[key] = start_server(Path(app_path), env or {}, log, forked_runs=True)
        return servers[key][1]

    yield start
    for process, _ in servers.values():
        end_server(process)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app of these tests keeps sessions and runs."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def url(serve: Serve, home: Path) -> str:
    """The address of the app, whose folder holds no run."""
    delete_runs(home)
    return serve(APP, {"FORK_EXPLORER_HOME": str(home)})


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH; set FORK_EXPLORER_CHROMIUM to its executable")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for the pages of all tests: what a page was compiled to serves the next one, a quarter of
    the time of opening it."""
    shared = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme="light", reduced_motion="reduce"
    )
    shared.set_default_timeout(1000 * PATIENCE)
    yield shared
    shared.close()


@pytest.fixture
def scheme() -> Literal["light", "dark"]:
    """Light, unless a test is parametrized with another scheme."""
    return "light"


@pytest.fixture
def page(context: BrowserContext, scheme: Literal["light", "dark"]) -> Iterator[Page]:
    """A fresh page, which finds nothing that another has stored; an error thrown by any script on
    it fails the test."""
    tab = context.new_page()
    tab.emulate_media(color_scheme=scheme)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    exceptions = tab.get_by_test_id("stException").all_inner_texts()
    if tab.url.startswith("http"):
        tab.evaluate("localStorage.clear()")
    context.clear_cookies()
    for each in context.pages:
        each.close()
    assert errors == []
    assert exceptions == [], "a traceback box is on the page"
