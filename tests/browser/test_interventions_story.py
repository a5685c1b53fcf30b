"""Interventions and Runs in a real browser: start, leave, cancel, resume, repeat, open a flip."""

from __future__ import annotations

import re
from pathlib import Path

import peft
import pytest
from app import (
    APP,
    CANCELLED,
    DEMO_IS_BUILT,
    DONE,
    FAILED,
    INTERRUPTED,
    PATIENCE,
    RUNNING,
    alternatives,
    button,
    choose_in_menu,
    fill_number,
    go_to,
    has_some,
    nodes,
    number,
    open_app,
    opens,
    paused,
    process_of,
    runs_in,
    settled,
    state_is,
    until,
    use_first,
)
from made_once import MadeOnce
from models import save_tiny_model
from playwright.sync_api import Browser, Page, expect
from server import end_server, start_server

from core.interventions.task import INTERVENTIONS, plan_interventions
from core.models.language_model import load_language_model
from core.models.spec import ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs.context import DONE as DONE_CODE
from core.runs.context import carry_out
from core.runs.run import Run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


@pytest.fixture(scope="session")
def study(made_once: MadeOnce) -> Path:
    """The folder of a finished run of two problems."""

    def make(folder: Path) -> None:
        plan = plan_interventions(ModelSpec(), demo_problems(), {}, sample=2)
        run = Run.create(folder, INTERVENTIONS.name, plan)
        assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == DONE_CODE
        run.folder.rename(folder / "study")

    return made_once("study", make) / "study"


def start(page: Page, url: str, problems: int) -> None:
    page.goto(f"{url}/interventions")
    fill_number(page, "Number of problems", problems)
    button(page, "Run").click()


def test_a_run_survives_refresh_and_page_switch_and_its_flips_open_in_explore(
    page: Page, url: str, home: Path
) -> None:
    start(page, url, 8)
    with paused(home, lambda run: run.status().total == 8):
        state_is(page, RUNNING)
        expect(page.get_by_text("1 run in progress")).to_be_visible()
        page.reload()
        button(page, "New run").click()
        fill_number(page, "Number of problems", 7)
        go_to(page, "Explore")
        go_to(page, "Interventions")
        expect(number(page, "Number of problems")).to_have_value("7")
        expect(page.get_by_text(re.compile(r"of 8 problems")).first).to_be_visible()
    state_is(page, DONE)
    expect(page.get_by_text("1 run in progress")).to_have_count(0)
    expect(page.get_by_text("Teaching model").first).to_be_visible()
    expect(page.get_by_text("Replacing one token at an uncertain position")).to_be_visible()
    page.get_by_text("Accuracy of every arm").click()
    page.get_by_text("Single replacements in wrong answers").click()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    expect(page.get_by_text("compare the rates per replacement")).to_be_visible()

    page.locator(".row-table .filter").filter(has_text="now correct").click()
    panel = page.locator("[class*='st-key-chain_panel']")
    expect(panel).to_contain_text(re.compile(r"at #(\d+)"))
    position = re.search(r"at #(\d+)", panel.inner_text())
    assert position is not None
    button(page, "Open in Explore where the chains differ").click()
    expect(nodes(page)).to_have_count(2)
    expect(page.locator(".tree .node.correct[aria-selected='true']")).to_have_count(1)
    expect(page.locator(".tree .node.wrong")).to_have_count(1)
    expect(page.locator(".st-key-inspector")).to_contain_text(f"#{position.group(1)}")
    expect(page.locator(".token.forced")).to_have_count(1)
    expect(alternatives(page).first).to_have_attribute("aria-disabled", "false")


def test_cancelled_and_killed_a_run_keeps_what_was_done_and_ends_as_if_nothing_had_been(
    page: Page, url: str, home: Path
) -> None:
    start(page, url, 36)
    with paused(home, has_some) as run:
        expect(page.get_by_text(re.compile(r"So far: \d+ of 36 problems"))).to_be_visible()
        button(page, "Cancel").click()
        settled(page)
    state_is(page, CANCELLED)
    kept = run.units()
    assert 0 < len(kept) < 3
    starts = run.log.path.read_text().count('"started"')
    button(page, "Resume").click()
    state_is(page, RUNNING)
    until(lambda: run.log.path.read_text().count('"started"') > starts, "the start of the run")
    with paused(home):
        process_of(run).kill()
    state_is(page, INTERRUPTED)
    button(page, "Resume").click()
    state_is(page, DONE)
    assert {key: run.units()[key] for key in kept} == kept
    assert len(run.units()) == 3


def test_a_run_outlives_its_server(page: Page, tmp_path: Path) -> None:
    environment = {"FORK_EXPLORER_HOME": str(tmp_path)}
    server, url = start_server(APP, environment, tmp_path / "log.txt")
    start(page, url, 8)
    with paused(tmp_path) as run:
        state_is(page, RUNNING)
        server.kill()
        server.wait()
        server, url = start_server(APP, environment, tmp_path / "log.txt")
        page.goto(f"{url}/interventions")
        state_is(page, RUNNING)
    state_is(page, DONE)
    assert sum(len(unit) for unit in run.units().values()) == 8
    end_server(server)


def test_a_teacher_brings_its_arms_and_one_of_another_vocabulary_is_refused(
    page: Page, url: str, tmp_path: Path
) -> None:
    page.goto(f"{url}/interventions")
    page.get_by_text("Options", exact=True).click()
    field = page.get_by_role("combobox", name=re.compile("Teacher$"))
    field.fill(str(save_tiny_model(tmp_path / "other")))
    field.press("Enter")
    expect(page.get_by_text("oracle", exact=True).first).to_be_visible()
    settled(page)
    button(page, "Run").click()
    expect(page.get_by_text(re.compile("has another vocabulary"))).to_be_visible()
    state_is(page, FAILED)


def test_the_oracle_of_an_adapter_equals_the_teacher(
    page: Page, url: str, tmp_path: Path, home: Path
) -> None:
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model = load_language_model(ModelSpec()).model
    peft.get_peft_model(model, config).save_pretrained(tmp_path / "adapter")
    page.goto(f"{url}/interventions")
    page.get_by_text("Options", exact=True).click()
    field = page.get_by_role("combobox", name=re.compile("Teacher$"))
    field.fill(str(tmp_path / "adapter"))
    field.press("Enter")
    settled(page)
    fill_number(page, "Number of problems", 2)
    button(page, "Run").click()
    state_is(page, DONE)
    (run,) = runs_in(home)
    for unit in run.units().values():
        for record in unit:
            chains = {chain["arm"]: chain["token_ids"] for chain in record["chains"]}
            assert chains["oracle"] == chains["teacher"]
            assert chains["no_op"] == chains["base"]
    page.get_by_text("How to read these results").click()
    expect(page.get_by_text("Why does the oracle equal")).to_be_visible()


def test_two_sessions_see_only_their_own_while_a_run_works(
    page: Page, browser: Browser, url: str, home: Path
) -> None:
    start(page, url, 8)
    with paused(home):
        state_is(page, RUNNING)
        other = browser.new_context(viewport={"width": 1280, "height": 900})
        other.set_default_timeout(1000 * PATIENCE)
        explorer = other.new_page()
        open_app(explorer, url)
        explorer.locator(".token.fork").last.click()
        use_first(explorer)
        expect(nodes(explorer)).to_have_count(2)
        go_to(page, "Explore")
        expect(nodes(page)).to_have_count(1)
        expect(page.get_by_text("Select a token")).to_be_visible()
        go_to(explorer, "Runs")
        choose_in_menu(explorer, opens(explorer), "Cancel")
        settled(explorer)
    state_is(explorer, CANCELLED)
    other.close()
