"""The example notebook in a real JupyterLab: cells are run, and their results can be used."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 300  # only a failure takes so long

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab whose folder holds the notebook."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(ROOT / "docs" / "notebook.ipynb", folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = {
        name: str(tmp_path / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    } | {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"), "IPYTHONDIR": str(tmp_path / "ip")}
    settings = tmp_path / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # All cells are on the page, whether or not they are in sight.
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token="]
    command += [
        f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    environment = {**os.environ, **places, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}
    log = tmp_path / "lab.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{address}/api/status", timeout=1):
                    break
            except (urllib.error.URLError, OSError):
                running = server.poll() is None and time.monotonic() < deadline
                assert running, log.read_text(errors="replace")
                time.sleep(0.2)
        yield f"{address}/lab/tree/notebook.ipynb"
    finally:
        server.terminate()
        server.wait(timeout=60)


@pytest.fixture
def notebook(browser: Browser, lab: str) -> Iterator[Page]:
    """The notebook, opened, with every cell run."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.goto(lab)
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(7)
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")
    first = page.locator(".jp-Notebook .jp-CodeCell").first
    first.click()
    page.keyboard.press("Escape")
    prompt = first.locator(".jp-InputPrompt")
    deadline = time.monotonic() + START_SECONDS
    while prompt.inner_text() == "[ ]:":  # the kernel says that it is idle before it takes cells
        assert time.monotonic() < deadline
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(1000)
    expect(prompt).to_have_text("[1]:")
    for _ in range(page.locator(".jp-Notebook .jp-Cell").count() - 3):  # the cells after it
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Control+Enter")
    expect(page.locator(".jp-Notebook iframe")).to_have_count(5)
    yield page
    page.context.close()


def frame(page: Page, number: int) -> FrameLocator:
    """The frame of a result; it is drawn where it is in sight."""
    page.locator(".jp-Notebook iframe").nth(number).scroll_into_view_if_needed()
    return page.locator(".jp-Notebook iframe").nth(number).content_frame


def test_a_chain_and_a_tree_are_read_by_hand_and_by_keys(notebook: Page) -> None:
    address = notebook.url
    errors: list[str] = []
    notebook.on("pageerror", lambda error: errors.append(str(error)))
    chain = frame(notebook, 0)
    tokens = chain.locator(".tokens .token")
    fork = chain.locator(".token.fork").first
    fork.hover()
    expect(chain.locator(".card")).to_be_visible()
    expect(chain.locator(".card .card-row")).not_to_have_count(0)
    fork.click()
    expect(chain.locator("#token")).to_have_text(re.compile(r"^#\d+ "))
    expect(chain.locator("#alternatives tr")).not_to_have_count(0)
    tokens.nth(0).click()
    expect(chain.locator("#token")).to_have_text(re.compile(r"^#0 "))
    chain.locator("body").press("n")
    expect(fork).to_be_focused()
    expect(chain.get_by_text("teaching model").first).to_be_visible()

    tree = frame(notebook, 2)
    nodes = tree.locator("[role=treeitem]")
    expect(nodes).to_have_count(5)
    nodes.nth(1).click()
    expect(nodes.nth(1)).to_have_attribute("aria-selected", "true")
    tree.get_by_role("button", name=re.compile("^b1 · #")).click()
    expect(tree.locator("#token-note")).to_have_text("The strongest fork of this chain.")

    expect(frame(notebook, 3).locator(".token.reranked, .token.shifted")).not_to_have_count(0)
    expect(frame(notebook, 4).get_by_text("95 % interval").first).to_be_visible()
    assert notebook.url == address, "a click on a token leads nowhere else"
    assert errors == []
