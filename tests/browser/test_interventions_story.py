"""Interventions and Runs in a real browser: start, leave, cancel, resume, repeat, open a flip."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import peft
import pytest
from app import APP, DEMO_IS_BUILT, button, open_app
from conftest import Serve, settled, start_server
from models import save_tiny_model
from playwright.sync_api import Browser, Locator, Page, expect

from core.runs import jobs
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
LONG = 90_000  # milliseconds; a child loads torch before it works
ALL = 333  # the demo's test problems: a run that is still at work when its test cancels it


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "interventions"


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


def how_many(page: Page) -> Locator:
    return page.get_by_role("spinbutton", name=re.compile("Number of problems"))


def start(page: Page, url: str, problems: int) -> None:
    page.goto(f"{url}/interventions")
    expect(how_many(page)).to_be_visible()
    settled(page)  # what is typed into a page that still draws itself is lost
    how_many(page).fill(str(problems))
    how_many(page).press("Enter")
    settled(page)
    expect(how_many(page)).to_have_value(str(problems))
    button(page, "Run").click()


def state_is(page: Page, state: str) -> None:
    expect(page.get_by_text(state, exact=True).first).to_be_visible(timeout=LONG)


def nodes(page: Page) -> Locator:
    return page.locator(".tree .node")


def opens(page: Page) -> Locator:
    # A selectbox of the sidebar has an arrow that is called Open, too.
    return page.get_by_test_id("stMain").get_by_role("button", name="Open", exact=True)


def test_a_run_survives_refresh_and_page_switch_and_its_flips_open_in_explore(
    page: Page, url: str
) -> None:
    start(page, url, 128)
    state_is(page, "▶ running")
    expect(page.get_by_text("1 run in progress")).to_be_visible(timeout=LONG)
    page.reload()
    how_many(page).fill("7")
    how_many(page).press("Enter")
    settled(page)
    go_to(page, "Explore")
    go_to(page, "Interventions")
    expect(how_many(page)).to_have_value("7")
    expect(page.get_by_text(re.compile(r"of 128 problems")).first).to_be_visible(timeout=LONG)
    state_is(page, "✓ done")
    expect(page.get_by_text("1 run in progress")).to_have_count(0)
    expect(page.get_by_text("Teaching model").first).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    expect(page.get_by_text("A token forced at a highest-entropy position")).to_be_visible()
    expect(page.get_by_text(re.compile(r"per token is the fair comparison"))).to_be_visible()

    chosen = page.get_by_role("combobox", name=re.compile(r"Problem \("))
    position = re.search(r"at #(\d+)", chosen.input_value())
    assert position is not None
    button(page, "Open in Explore").click()
    expect(nodes(page)).to_have_count(2, timeout=30_000)
    expect(page.locator(".tree .node.correct[aria-selected='true']")).to_have_count(1)
    expect(page.locator(".tree .node.wrong")).to_have_count(1)
    expect(page.locator(".st-key-inspector")).to_contain_text(f"#{position.group(1)}")
    expect(page.locator(".token.forced")).to_have_count(1)
    expect(button(page, "Use this").first).to_be_enabled()


def test_cancel_keeps_what_was_done_and_resume_ends_as_if_nothing_had_been(
    page: Page, url: str, home: Path
) -> None:
    start(page, url, 80)
    so_far = page.get_by_text(re.compile(r"So far: \d+ of 80 problems"))
    expect(so_far).to_be_visible(timeout=LONG)
    button(page, "Cancel").click()
    state_is(page, "■ cancelled")
    (run,) = runs_in(home)
    kept = run.units()
    assert 0 < len(kept) < 5
    button(page, "Resume").click()
    state_is(page, "✓ done")
    assert {key: run.units()[key] for key in kept} == kept
    assert len(run.units()) == 5


def test_a_run_whose_process_died_is_interrupted_and_resumes(
    page: Page, url: str, home: Path
) -> None:
    start(page, url, 64)
    expect(page.get_by_text(re.compile(r"So far: \d+ of 64 problems"))).to_be_visible(timeout=LONG)
    (run,) = runs_in(home)
    events = [json.loads(line) for line in run.log.path.read_text().splitlines()]
    os.kill(next(each["pid"] for each in events if each["event"] == "started"), signal.SIGKILL)
    state_is(page, "! interrupted")
    button(page, "Resume").click()
    state_is(page, "✓ done")


def test_a_run_outlives_its_server(page: Page, tmp_path: Path) -> None:
    environment = {"FORK_EXPLORER_HOME": str(tmp_path)}
    server, url = start_server(APP, environment, tmp_path / "log.txt")
    start(page, url, 64)
    state_is(page, "▶ running")
    server.kill()
    server.wait()
    server, url = start_server(APP, environment, tmp_path / "log.txt")
    page.goto(f"{url}/interventions")
    state_is(page, "✓ done")
    (run,) = runs_in(tmp_path)
    assert sum(len(unit) for unit in run.units().values()) == 64
    server.terminate()
    server.wait()


def test_runs_are_opened_repeated_renamed_and_deleted(page: Page, url: str, home: Path) -> None:
    start(page, url, 2)
    state_is(page, "✓ done")
    go_to(page, "Runs")
    button(page, "Rename").click()
    page.get_by_label("Name of this run").fill("first <b>try</b>")
    page.keyboard.press("Enter")
    expect(page.get_by_text("first <b>try</b>")).to_be_visible()
    page.keyboard.press("Escape")
    button(page, "Repeat").click()
    expect(opens(page)).to_have_count(2)
    expect(page.get_by_text("✓ done", exact=True)).to_have_count(2, timeout=LONG)
    new, old = runs_in(home)
    results = [(run.folder / "results.json").read_bytes() for run in (new, old)]
    assert results[0] == results[1]

    button(page, "Delete").first.click()
    button(page, "Delete this run").click()
    expect(opens(page)).to_have_count(1)
    assert [run.id for run in runs_in(home)] == [old.id]
    expect(page.locator(f".st-key-open-{new.id}")).to_have_count(0)
    settled(page)
    opens(page).click()
    expect(page.get_by_role("heading", name="Interventions")).to_be_visible()
    expect(page).to_have_url(re.compile(f"run={old.id}"))
    state_is(page, "✓ done")


def test_a_teacher_brings_its_arms_and_one_of_another_vocabulary_is_refused(
    page: Page, url: str, tmp_path: Path
) -> None:
    page.goto(f"{url}/interventions")
    page.get_by_text("Teacher, arms, budgets").click()
    field = page.get_by_role("combobox", name=re.compile("Teacher$"))
    field.fill(str(save_tiny_model(tmp_path / "other")))
    field.press("Enter")
    expect(page.get_by_text("oracle", exact=True).first).to_be_visible()
    settled(page)
    button(page, "Run").click()
    expect(page.get_by_text(re.compile("has another vocabulary"))).to_be_visible(timeout=LONG)
    state_is(page, "✗ failed")


def test_problems_without_a_gold_answer_are_refused_by_name(
    page: Page, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [{"id": "a", "question": "1+1?", "answer": "2"}, {"id": "b<b>", "question": "Why?"}]
    file.write_text("\n".join(map(json.dumps, rows)))
    page.goto(f"{url}/interventions")
    page.get_by_text("Teacher, arms, budgets").click()
    page.locator(".st-key-study_file input[type=file]").set_input_files(file)
    page.get_by_role("combobox", name=re.compile("Problems from")).click()
    page.get_by_role("option", name="mine.jsonl").click()
    settled(page)
    button(page, "Run").click()
    refusal = page.get_by_role("alert").filter(has_text="without a gold answer")
    expect(refusal).to_contain_text("1 of 2 (b<b>)", timeout=LONG)


def test_the_oracle_of_an_adapter_equals_the_teacher(
    page: Page, url: str, tmp_path: Path, home: Path
) -> None:
    from core.models.language_model import load_language_model
    from core.models.spec import ModelSpec

    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model = load_language_model(ModelSpec()).model
    peft.get_peft_model(model, config).save_pretrained(tmp_path / "adapter")
    page.goto(f"{url}/interventions")
    page.get_by_text("Teacher, arms, budgets").click()
    field = page.get_by_role("combobox", name=re.compile("Teacher$"))
    field.fill(str(tmp_path / "adapter"))
    field.press("Enter")
    settled(page)
    how_many(page).fill("4")
    how_many(page).press("Enter")
    settled(page)
    button(page, "Run").click()
    state_is(page, "✓ done")
    (run,) = runs_in(home)
    for unit in run.units().values():
        for record in unit:
            chains = {chain["arm"]: chain["token_ids"] for chain in record["chains"]}
            assert chains["oracle"] == chains["teacher"]
            assert chains["no_op"] == chains["base"]
    page.get_by_text("What a reader will ask").click()
    expect(page.get_by_text("Why does the oracle equal")).to_be_visible()


def test_two_sessions_see_only_their_own_while_a_run_works(
    page: Page, browser: Browser, url: str
) -> None:
    start(page, url, ALL)
    state_is(page, "▶ running")
    other = browser.new_context(viewport={"width": 1280, "height": 900})
    explorer = other.new_page()
    open_app(explorer, url)
    explorer.locator(".token.fork").last.click()
    button(explorer, "Use this").first.click()
    expect(nodes(explorer)).to_have_count(2, timeout=30_000)
    go_to(page, "Explore")
    expect(nodes(page)).to_have_count(1)
    expect(page.get_by_text("Select a token")).to_be_visible()
    go_to(explorer, "Runs")
    button(explorer, "Cancel").click()
    expect(explorer.get_by_text("■ cancelled", exact=True)).to_be_visible(timeout=LONG)
    other.close()
