"""Evaluate in a real browser: start, leave, come back, compare, open a chain, cancel, resume."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from app import APP, DEMO_IS_BUILT, button, choose
from conftest import Serve, settled
from playwright.sync_api import Locator, Page, expect

from core.evaluation.task import EVALUATE
from core.runs import jobs
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
LONG = 90_000  # milliseconds; a child loads torch before it works
ALL = 333  # the demo's test problems


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "evaluations"


@pytest.fixture
def url(serve: Serve, home: Path) -> str:
    return serve(APP, {"FORK_EXPLORER_HOME": str(home)})


@pytest.fixture(autouse=True)
def clean(home: Path) -> None:
    for run in runs_in(home):
        while run.status().state.is_live:  # a test that failed may have left one at work
            jobs.cancel(run)
            time.sleep(0.2)
        run.delete()


def runs_in(home: Path) -> list[Run]:
    return RunsFolder(home / "runs").list()


def go_to(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    settled(page)


def number(page: Page, label: str) -> Locator:
    return page.get_by_role("spinbutton", name=re.compile(label))


def set_number(page: Page, label: str, value: int) -> None:
    number(page, label).fill(str(value))
    number(page, label).press("Enter")
    settled(page)
    expect(number(page, label)).to_have_value(str(value))


def start(page: Page, url: str, problems: int, samples: int) -> None:
    page.goto(f"{url}/evaluate")
    expect(number(page, "Number of problems")).to_be_visible()
    settled(page)  # what is typed into a page that still draws itself is lost
    set_number(page, "Number of problems", problems)
    set_number(page, "Samples a problem", samples)
    button(page, "Run").click()


def state_is(page: Page, state: str) -> None:
    expect(page.get_by_text(state, exact=True).first).to_be_visible(timeout=LONG)


def cards(page: Page) -> Locator:
    return page.get_by_test_id("stMetric")


def test_an_evaluation_survives_refresh_and_page_switch_and_its_chains_open_in_explore(
    page: Page, url: str, home: Path
) -> None:
    page.goto(f"{url}/evaluate")
    expect(page.get_by_text(re.compile("how many samples of each, then press"))).to_be_visible()
    start(page, url, 48, 8)
    state_is(page, "▶ running")
    page.reload()
    expect(number(page, "Number of problems")).to_be_visible()
    settled(page)
    set_number(page, "Number of problems", 7)
    go_to(page, "Explore")
    go_to(page, "Evaluate")
    expect(number(page, "Number of problems")).to_have_value("7")
    state_is(page, "✓ done")
    expect(cards(page)).to_have_count(6)
    expect(cards(page).first).to_contain_text(re.compile(r"pass@1.*\d+\.\d%.*–", re.DOTALL))
    expect(page.get_by_text("48 problems, 8 samples each, by demo")).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_text("Teaching model")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)

    (run,) = runs_in(home)
    first = next(each for each in EVALUATE.records_of(run) if 0 < each.correct < each.n)
    wrong = next(i for i, each in enumerate(first.samples) if not each.correct)
    sample = page.get_by_role("combobox", name=re.compile("Sample$"))
    expect(sample).to_have_value(re.compile(rf"#{wrong + 1} ✗"))
    button(page, "Open in Explore").click()
    tokens = page.locator(".heatmap .token")
    expect(tokens.first).to_be_visible(timeout=30_000)
    expect(page.locator(".tree .node.wrong[aria-selected='true']")).to_have_count(1)
    shown = len(first.samples[wrong].token_ids)
    expect(tokens).to_have_count(shown)


def test_a_second_evaluation_is_compared_with_the_first_and_stands_alone(
    page: Page, url: str, home: Path
) -> None:
    start(page, url, 12, 2)
    state_is(page, "✓ done")
    set_number(page, "Number of problems", 12)
    set_number(page, "Samples a problem", 3)
    choose(page, "Compare with", re.compile("Evaluation on Demo problems"))
    button(page, "Run").click()
    expect(page.get_by_text("12 problems, 3 samples each")).to_be_visible(timeout=LONG)
    state_is(page, "✓ done")
    expect(page.get_by_text("Against Evaluation on Demo problems")).to_be_visible()
    expect(
        page.get_by_text(re.compile("no measurable difference|better|worse")).first
    ).to_be_visible()
    expect(page.get_by_text("paired over 12 problems")).to_be_visible()
    new, old = runs_in(home)
    old.delete()
    page.reload()
    expect(page.get_by_text("paired over 12 problems")).to_be_visible(timeout=30_000)
    go_to(page, "Runs")
    opens = page.get_by_test_id("stMain").get_by_role("button", name="Open", exact=True)
    opens.click()
    expect(page.get_by_role("heading", name="Evaluate")).to_be_visible()
    expect(page).to_have_url(re.compile(f"run={new.id}"))
    expect(cards(page)).to_have_count(6)
    go_to(page, "Interventions")
    expect(page.get_by_text("Choose problems and arms")).to_be_visible()


def test_cancel_keeps_what_was_sampled_and_resume_goes_on_after_it(
    page: Page, url: str, home: Path
) -> None:
    start(page, url, ALL, 24)  # minutes of work: still at it whenever it is touched
    expect(page.get_by_text(re.compile(rf"So far: \d+ of {ALL} problems"))).to_be_visible(
        timeout=LONG
    )
    button(page, "Cancel").click()
    state_is(page, "■ cancelled")
    (run,) = runs_in(home)
    kept = run.units()
    assert 0 < len(kept) < ALL / 16
    button(page, "Resume").click()
    state_is(page, "▶ running")
    deadline = time.monotonic() + LONG / 1000
    while len(run.units()) == len(kept):
        assert time.monotonic() < deadline, "nothing more is sampled"
        time.sleep(0.2)
    button(page, "Cancel").click()
    state_is(page, "■ cancelled")
    assert {key: run.units()[key] for key in kept} == kept


def test_problems_without_a_gold_answer_are_refused_by_name(
    page: Page, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [{"id": "a", "question": "1+1?", "answer": "2"}, {"id": "b<b>", "question": "Why?"}]
    file.write_text("\n".join(map(json.dumps, rows)))
    page.goto(f"{url}/evaluate")
    page.get_by_text("Prompt style, length").click()
    page.locator(".st-key-evaluation_file input[type=file]").set_input_files(file)
    choose(page, "Problems from", "mine.jsonl")
    button(page, "Run").click()
    refusal = page.get_by_role("alert").filter(has_text="without a gold answer")
    expect(refusal).to_contain_text("1 of 2 (b<b>)", timeout=LONG)
    state_is(page, "✗ failed")


@pytest.mark.parametrize("width", [800, 1280])
def test_nothing_is_cut_off_at_either_width(page: Page, url: str, width: int) -> None:
    start(page, url, 3, 2)
    state_is(page, "✓ done")
    page.set_viewport_size({"width": width, "height": 900})
    expect(cards(page)).to_have_count(6)
    values = page.locator("[data-testid=stMetricValue] > div")
    for i in range(values.count()):
        expect(values.nth(i)).to_be_visible()
        assert values.nth(i).evaluate("each => each.scrollWidth <= each.clientWidth"), i
    main = page.get_by_test_id("stMain")
    assert main.evaluate("each => each.scrollWidth <= each.clientWidth")
