"""A model from a hub on localhost in the real app: seen coming, cancelled, and refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from app import (
    APP,
    DEMO_IS_BUILT,
    button,
    expect_loaded,
    load_other_model,
    open_app,
)
from hub_server import Hub, running_hub
from models import save_tiny_model
from playwright.sync_api import Page, expect
from server import end_server, start_server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def url(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("place")
    environment = {
        "FORK_EXPLORER_HOME": str(place / "home"),
        "HF_HOME": str(place / "huggingface"),
        "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_TOKEN": "",
    }
    process, address = start_server(APP, environment, place / "log.txt")
    yield address
    end_server(process)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ten megabytes with a card."""
    folder = save_tiny_model(tmp_path_factory.mktemp("model"), padding=40_000)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model")
    return folder


def test_a_model_is_seen_coming_and_then_in_use(
    page: Page, url: str, hub: Hub, folder: Path
) -> None:
    hub.add("owner/model", folder)
    hub.bytes_a_second = 1.5 * MEGABYTE
    open_app(page, url)
    load_other_model(page, "owner/model")
    sidebar = page.get_by_test_id("stSidebarUserContent")
    seen = sidebar.get_by_text(re.compile(r"Downloading: \d+(\.\d)? [kM]B of 10\.\d MB, about"))
    expect(seen).to_be_visible()
    page.get_by_role("link", name="Runs").click()  # it goes on, whatever page is on screen
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    expect(seen).to_be_visible()
    hub.bytes_a_second = None
    expect_loaded(page, "owner/model", "vocabulary · 40,320")
    for fact in ("model · owner/model", "licence · apache-2.0", "layers · 2 of width 32"):
        expect(sidebar.get_by_text(fact, exact=True)).to_be_visible()
    expect(sidebar.get_by_text(re.compile("weights 10.4 MB, keys and values"))).to_be_visible()


def test_a_cancelled_download_leaves_the_old_model(
    page: Page, url: str, hub: Hub, folder: Path
) -> None:
    hub.add("owner/slow", folder)
    hub.bytes_a_second = MEGABYTE
    open_app(page, url)
    load_other_model(page, "owner/slow")
    button(page, "Cancel").click()
    sidebar = page.get_by_test_id("stSidebarUserContent")
    expect(sidebar.get_by_text("The download of owner/slow was stopped.")).to_be_visible()
    expect_loaded(page, "demo", "vocabulary · 960")
    hub.bytes_a_second = None
    button(page, "Load").click()
    expect_loaded(page, "owner/slow", "vocabulary · 40,320")


def test_what_the_hub_refuses_is_explained_in_the_page(page: Page, url: str) -> None:
    open_app(page, url)
    load_other_model(page, "owner/nothing")
    alert = page.get_by_test_id("stSidebarUserContent").get_by_role("alert")
    expect(alert).to_contain_text("has no public model owner/nothing")
    expect(alert).to_contain_text("HF_TOKEN")
