"""Steps that the app's browser tests share."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from playwright.sync_api import Locator, Page, expect
from server import ROOT, end_server, start_server

from core.runs import jobs
from core.runs.kind import SO_FAR
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder

APP = ROOT / "explorer" / "app.py"
DEMO_IS_BUILT = (ROOT / "sample_data/demo_model/config.json").is_file()
RUNNING, DONE, CANCELLED = "▶ running", "✓ done", "■ cancelled"
FAILED, INTERRUPTED = "✗ failed", "! interrupted"
PATIENCE = 300.0  # seconds until a test that waits for a state gives up


def settled(page: Page) -> Locator:
    """Wait until the script run has ended; returns the app's element."""
    app = page.locator("[data-test-script-state='notRunning']")
    expect(app).to_be_visible()
    return app


def open_app(page: Page, address: str) -> Locator:
    """The app with its first chain on screen; returns the chain's tokens."""
    page.goto(address)
    tokens = page.locator(".heatmap .token")
    expect(button(page, "Generate")).to_be_visible()  # a cold server shows a chain to read first
    expect(tokens.first).to_be_visible()
    settled(page)
    return tokens


def generate(page: Page) -> None:
    """Generate a chain in place of the one on screen, and wait for its end."""
    before = page.locator(".heatmap .token").first.element_handle()
    button(page, "Generate").click()
    page.wait_for_function("token => !token.isConnected", arg=before)
    expect(page.locator(".heatmap:not(.live) .token").first).to_be_visible()
    settled(page)


def go_to(page: Page, name: str, delay: float = 0) -> None:
    """Go to another page by the navigation; `delay` ms between pressing and letting go."""
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True)
    link.click(delay=delay)
    heading = page.get_by_role("heading", name=name, exact=True)
    expect(button(page, "Generate") if name == "Explore" else heading).to_be_visible()
    settled(page)


def button(page: Page, name: str) -> Locator:
    """A button by its whole name."""
    return page.get_by_role("button", name=name, exact=True)


def rows(page: Page) -> Locator:
    """The rows of the table on the page that are drawn."""
    return page.locator(".row-table .row")


def opens(page: Page) -> Locator:
    """The runs in the list; a click opens one."""
    return rows(page)


def tick(page: Page, *names: str) -> None:
    """Tick the rows with these texts."""
    for name in names:
        rows(page).filter(has_text=name).locator(".check").click()


def choose_in_menu(page: Page, row: Locator, item: str) -> None:
    """Choose an item of a row's menu."""
    row.locator(".dots").click()
    page.get_by_role("menuitem", name=item).click()


def choose(page: Page, label: str, option: str | re.Pattern[str]) -> None:
    """Choose an option of a select box; a list that closes as the page draws itself is opened
    again."""
    field = page.get_by_role("combobox", name=re.compile(label))
    wanted = page.get_by_role("option", name=option)
    end = time.monotonic() + PATIENCE
    while not wanted.is_visible() and time.monotonic() < end:
        if field.get_attribute("aria-expanded") != "true":
            field.click()
        page.wait_for_timeout(100)
    wanted.click()
    settled(page)


def number(page: Page, label: str) -> Locator:
    """A number field of a form."""
    return page.get_by_role("spinbutton", name=re.compile(label))


def fill_number(page: Page, label: str, value: float) -> None:
    """Set a number field of a form."""
    field = number(page, label)
    expect(field).to_be_visible()
    settled(page)  # what is typed into a page that still draws itself is lost
    field.fill(str(value))
    field.press("Enter")
    settled(page)
    expect(field).to_have_value(str(value))


def set_number(page: Page, label: str, value: float) -> None:
    """Set a number in the sampler's popover."""
    button(page, "Sampler").click()
    # Other panels, folded ones, may have a field of the same name.
    field = page.get_by_label(label, exact=True).filter(visible=True)
    field.fill(str(value))
    field.press("Enter")
    settled(page)
    page.keyboard.press("Escape")


def load_other_model(page: Page, folder: Path | str) -> None:
    """Ask for a model other than the demo."""
    if page.get_by_role("textbox", name="Folder or Hugging Face ID").count() == 0:
        choose(page, "Model", "Load another model…")
    field = page.get_by_role("textbox", name="Folder or Hugging Face ID")
    field.fill(str(folder))
    field.press("Enter")
    button(page, "Load").click()


@contextmanager
def real_app(cache: Path, place: Path) -> Iterator[str]:
    """The address of an app whose cache has SmolLM2; its home is a folder of that place."""
    environment = {
        "FORK_EXPLORER_HOME": str(place / "home"),
        "FORK_EXPLORER_CACHE": str(cache),
    }
    process, address = start_server(APP, environment, place / "log.txt")
    yield address
    end_server(process)


def load_real_model(page: Page) -> None:
    """Choose SmolLM2 in the list of models, and wait until it is there."""
    choose(page, "Model", re.compile("SmolLM2-135M"))
    button(page, "Load").click()
    sidebar = page.get_by_test_id("stSidebarUserContent")
    expect(sidebar.get_by_text("134.5 M parameters")).to_be_visible()
    settled(page)


def expect_loaded(page: Page, name: str, fact: str) -> None:
    """Wait until the sidebar names a model, whose facts say something."""
    sidebar = page.get_by_test_id("stSidebarUserContent")
    chip = sidebar.get_by_test_id("stMarkdown").filter(has_text=name).first
    expect(chip).to_be_visible()
    settled(page)
    sidebar.get_by_text("Facts:").click()
    expect(sidebar.get_by_text(fact)).to_be_visible()


def alternatives(page: Page) -> Locator:
    """The rows of the selected token's table."""
    return page.locator(".alternatives tbody tr")


def use_first(page: Page) -> None:
    """Make a branch with the most probable token that the chain doesn't have."""
    row = page.locator(".alternatives tbody tr:not(.chosen)").first
    expect(row).to_have_attribute("aria-disabled", "false")
    row.press("Enter")


def places_of(page: Page) -> dict[str, tuple[float, ...]]:
    """Where Explore's parts are on the page, however far it is scrolled: left, top, width and
    height of each."""
    parts = {
        "chain card": ".st-key-chain_card",
        "heatmap": ".heatmap",
        "panel": ".st-key-inspector",
        "table": ".alternatives",
        "threshold": ".st-key-threshold",
        "tree": ".tree",
    }
    found = {}
    scrolled = page.locator("[data-testid='stMain']").evaluate("main => main.scrollTop")
    for name, selector in parts.items():
        box = page.locator(selector).first.bounding_box()
        assert box is not None, f"the {name} is not on the page"
        found[name] = (box["x"], box["y"] + scrolled, box["width"], box["height"])
    return found


def nodes(page: Page) -> Locator:
    """The branches of the tree on screen."""
    return page.locator(".tree .node")


def headline(page: Page) -> Locator:
    """The result of the run on screen: its figure and its sentence."""
    return page.locator(".st-key-run_headline")


def figures(page: Page) -> Locator:
    """The few figures below it, each in its own words."""
    return page.locator(".st-key-run_figures")


def unfold(page: Page, label: str | re.Pattern[str]) -> None:
    """Open a part of a page that is folded away."""
    part = page.get_by_test_id("stExpander").filter(has=page.locator("summary", has_text=label))
    part.locator("summary").click()
    expect(part.get_by_test_id("stExpanderDetails")).to_be_visible()
    settled(page)


def assert_nothing_is_cut_off(page: Page) -> None:
    """The page is no wider than the window, once its charts have followed it."""
    page.wait_for_function(
        "() => { const main = document.querySelector('[data-testid=stMain]');"
        " return main.scrollWidth <= main.clientWidth; }"
    )


def state_is(page: Page, state: str) -> None:
    """Wait until a run on the page is in this state."""
    expect(page.get_by_text(state, exact=True).first).to_be_visible()


def runs_in(home: Path) -> list[Run]:
    """The runs of the app, the newest first."""
    return RunsFolder(home / "runs").list()


def delete_runs(home: Path) -> None:
    """Leave no run; one that a failed test left at work is cancelled."""
    for run in runs_in(home):
        while run.status().state.is_live:
            jobs.cancel(run)
            time.sleep(0.2)
        run.delete()


def until(ready: Callable[[], object], what: str) -> None:
    """Wait for something that is not on the page."""
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, f"still waiting for {what}"
        time.sleep(0.02)


def process_of(run: Run) -> psutil.Process:
    """The process that works on a run."""

    def pids() -> list[int]:
        if not run.log.path.exists():  # the run is being made
            return []
        events = [json.loads(line) for line in run.log.path.read_text().splitlines()]
        return [each["pid"] for each in events if each["event"] == "started"]

    until(pids, "the start of the run")
    return psutil.Process(pids()[-1])


@contextmanager
def paused(home: Path, when: Callable[[Run], object] = lambda run: True) -> Iterator[Run]:
    """The newest run, which stands still from the moment that `when` says so: what a test does
    meanwhile meets a run at work, on however slow or fast a machine."""
    until(lambda: runs_in(home), "a run")
    run = runs_in(home)[0]
    process = process_of(run)
    until(lambda: when(run), "the moment to pause the run")
    process.send_signal(signal.SIGSTOP)
    try:
        yield run
    finally:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


def has_some(run: Run) -> bool:
    """Whether results of the problems done so far are there."""
    return (run.folder / SO_FAR).exists()


def put_into(home: Path, folder: Path, name: str = "") -> Run:
    """A copy of a finished run among the app's own."""
    shutil.copytree(folder, home / "runs" / folder.name)
    run = Run.open(home / "runs" / folder.name)
    if name:
        run.rename(name)
    return run
