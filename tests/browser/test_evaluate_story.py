"""Evaluate in a real browser: start, leave, come back, compare, open a chain."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from app import (
    DEMO_IS_BUILT,
    DONE,
    FAILED,
    RUNNING,
    assert_nothing_is_cut_off,
    button,
    choose,
    figures,
    fill_number,
    go_to,
    headline,
    number,
    opens,
    paused,
    put_into,
    rows,
    runs_in,
    settled,
    state_is,
    unfold,
)
from made_once import MadeOnce
from playwright.sync_api import Locator, Page, expect

from core.evaluation.records import ProblemSamples
from core.evaluation.task import EVALUATE, plan_evaluation
from core.models.spec import ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs.context import DONE as DONE_CODE
from core.runs.context import carry_out
from core.runs.run import Run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
SAMPLED = (re.compile("pass@\u2060?4"), "majority of 4", "boxed", "cut", "mean length")
"""Figures of an evaluation with four samples."""


@pytest.fixture(scope="session")
def evaluation(made_once: MadeOnce) -> Path:
    """The folder of a finished run: 12 problems, 2 samples each."""

    def make(folder: Path) -> None:
        plan = plan_evaluation(ModelSpec(), demo_problems(), {"samples": 2}, sample=12)
        run = Run.create(folder, EVALUATE.name, plan)
        assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE_CODE
        run.folder.rename(folder / "evaluation")

    return made_once("evaluation", make) / "evaluation"


def start(page: Page, url: str, problems: int, samples: int) -> None:
    page.goto(f"{url}/evaluate")
    fill_number(page, "Number of problems", problems)
    fill_number(page, "Samples per problem", samples)
    button(page, "Run").click()


def test_an_evaluation_survives_refresh_and_page_switch_and_its_chains_open_in_explore(
    page: Page, url: str, home: Path
) -> None:
    page.goto(f"{url}/evaluate")
    expect(page.get_by_text(re.compile("how many samples of each, then press"))).to_be_visible()
    start(page, url, 8, 4)
    with paused(home):
        state_is(page, RUNNING)
        page.reload()
        button(page, "New run").click()
        fill_number(page, "Number of problems", 7)
        go_to(page, "Explore")
        go_to(page, "Evaluate")
        expect(number(page, "Number of problems")).to_have_value("7")
        state_is(page, RUNNING)
    state_is(page, DONE)
    expect(headline(page)).to_contain_text(re.compile(r"\d+ % \(\d+[-–]\d+\)"))
    expect(headline(page)).to_contain_text("8 problems, 4 samples each")
    for name in SAMPLED:
        expect(figures(page)).to_contain_text(name)
    expect(page.locator(".st-key-run_line")).to_contain_text("demo")
    expect(page.get_by_test_id("stMain").get_by_text("Teaching model")).to_be_visible()
    for chart in ("Curve of pass@k", "By family"):
        unfold(page, chart)
    expect(page.locator(".js-plotly-plot")).to_have_count(2)

    (run,) = runs_in(home)
    records = EVALUATE.records_of(run)
    expect(rows(page)).to_have_count(8)
    play_the_table(page, records)

    first = next(each for each in records if 0 < each.correct < each.n)
    wrong = next(i for i, each in enumerate(first.samples) if not each.correct)
    table_filter(page, "sometimes").click()
    row_of(page, first).locator(".text").first.click()
    expect(sample(page, wrong)).to_have_attribute("aria-checked", "true")
    page.keyboard.press("Enter")
    tokens = page.locator(".heatmap .token")
    expect(tokens.first).to_be_visible()
    expect(page.locator(".tree .node.wrong[aria-selected='true']")).to_have_count(1)
    shown = len(first.samples[wrong].token_ids)
    expect(tokens).to_have_count(shown)
    fork = page.locator(".heatmap .token.fork").first
    expect(fork).to_have_attribute("aria-selected", "true")
    go_to(page, "Evaluate")
    expect(row_of(page, first)).to_have_attribute("aria-selected", "true")


def row_of(page: Page, record: ProblemSamples) -> Locator:
    return page.locator(f".row-table .row[data-id='{record.problem_id}']")


def table_filter(page: Page, name: str) -> Locator:
    return page.locator(".row-table .filter").filter(has_text=name)


def sample(page: Page, number: int) -> Locator:
    """The switch to a sample, by its number from 0."""
    panel = page.locator("[class*='st-key-chain_panel']")
    return panel.get_by_role("radio").nth(number)


def place_in_page(element: Locator) -> object:
    """Where an element is and how large, wherever the page is scrolled to."""
    return element.evaluate(
        "each => { const box = each.getBoundingClientRect();"
        " const main = document.querySelector('[data-testid=stMain]');"
        " return [box.x, Math.round(box.y + main.scrollTop), box.width, box.height]; }"
    )


def play_the_table(page: Page, records: list[ProblemSamples]) -> None:
    """Filter, search, sort, keys: the chain beside the table follows, and nothing moves."""
    table, grid = page.locator(".row-table"), page.get_by_role("grid")
    panel = page.locator("[class*='st-key-chain_panel']")
    settled(page)
    place = place_in_page(table)

    groups = {
        "always correct": [each for each in records if each.correct == each.n],
        "sometimes": [each for each in records if 0 < each.correct < each.n],
        "never": [each for each in records if not each.correct],
    }
    for name, found in groups.items():
        if not found:
            expect(table_filter(page, name)).to_have_count(0)
            continue
        expect(table_filter(page, name)).to_contain_text(str(len(found)))
        table_filter(page, name).click()
        expect(rows(page).filter(visible=True)).to_have_count(len(found))
    table_filter(page, "all").first.click()
    expect(rows(page)).to_have_count(8)

    problems = {each.id: each for each in demo_problems()}
    wanted = problems[records[3].problem_id]
    page.get_by_role("searchbox").fill(wanted.question[-40:])
    expect(rows(page).filter(has_text=wanted.question[:30])).to_have_count(1)
    expect(table.get_by_text(" of 8")).to_be_visible()
    page.get_by_role("searchbox").fill("")

    page.get_by_role("columnheader", name="Tokens").get_by_role("button").click()
    longest = max(records, key=lambda each: each.mean_length)
    grid.focus()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    expect(row_of(page, longest)).to_have_attribute("aria-selected", "true")
    expect(row_of(page, longest)).to_have_attribute("aria-rowindex", "2")
    expect(panel).to_contain_text(problems[longest.problem_id].question[:30])
    expect(sample(page, 3)).to_be_visible()
    settled(page)
    chosen = sample(page, 3).get_attribute("aria-checked")
    assert chosen == "false"
    for _ in range(3):  # faster than the page follows
        page.keyboard.press("ArrowRight")
    expect(sample(page, 3)).to_have_attribute("aria-checked", "true")
    last = longest.samples[3]
    expect(panel).to_contain_text(f"{len(last.token_ids)} tokens")
    expect(panel.locator(".heatmap .token")).to_have_count(len(last.token_ids))
    page.keyboard.press("ArrowDown")
    expect(row_of(page, longest)).to_have_attribute("aria-selected", "false")
    settled(page)
    assert place_in_page(table) == place, "a selection moves nothing"
    page.get_by_role("columnheader", name="Tokens").get_by_role("button").click()
    page.get_by_role("columnheader", name="Tokens").get_by_role("button").click()


def test_a_second_evaluation_is_compared_with_the_first_and_stands_alone(
    page: Page, url: str, home: Path, evaluation: Path
) -> None:
    put_into(home, evaluation, "Evaluation on Demo problems")
    page.goto(f"{url}/evaluate")
    button(page, "New run").click()
    fill_number(page, "Number of problems", 12)
    fill_number(page, "Samples per problem", 3)
    choose(page, "Compare with", re.compile("Evaluation on Demo problems"))
    button(page, "Run").click()
    state_is(page, DONE)
    expect(headline(page)).to_contain_text("12 problems, 3 samples each")
    expect(headline(page)).to_contain_text("Against the earlier evaluation")
    against = page.get_by_test_id("stExpander").filter(has_text="Against Evaluation on Demo")
    expect(against).to_contain_text(re.compile("no measurable difference|better|worse"))
    unfold(page, "Against Evaluation on Demo problems")
    expect(page.get_by_text("paired over 12 problems")).to_be_visible()
    new, old = runs_in(home)
    old.delete()
    page.reload()
    unfold(page, "Against Evaluation on Demo problems")
    expect(page.get_by_text("paired over 12 problems")).to_be_visible()
    go_to(page, "Runs")
    opens(page).click()
    expect(page.get_by_role("heading", name="Evaluate")).to_be_visible()
    expect(page).to_have_url(re.compile(f"run={new.id}"))
    expect(headline(page)).to_contain_text("12 problems, 3 samples each")
    go_to(page, "Interventions")
    expect(page.get_by_text("Choose problems and arms")).to_be_visible()


def test_problems_without_a_gold_answer_are_refused_by_name(
    page: Page, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [{"id": "a", "question": "1+1?", "answer": "2"}, {"id": "b<b>", "question": "Why?"}]
    file.write_text("\n".join(map(json.dumps, rows)))
    page.goto(f"{url}/evaluate")
    choose(page, "Problems from", "Upload…")
    page.locator(".st-key-evaluation_file input[type=file]").set_input_files(file)
    expect(page.get_by_role("combobox", name=re.compile("Problems from"))).to_have_value(
        "mine.jsonl"
    )
    settled(page)
    button(page, "Run").click()
    refusal = page.get_by_role("alert").filter(has_text="without a gold answer")
    expect(refusal).to_contain_text("1 of 2 (b<b>)")
    state_is(page, FAILED)


def test_nothing_is_cut_off_at_either_width(
    page: Page, url: str, home: Path, evaluation: Path
) -> None:
    run = put_into(home, evaluation)
    page.goto(f"{url}/evaluate?run={run.id}")
    for width in (390, 800, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        expect(figures(page)).to_contain_text("mean length")
        table = page.locator(".row-table .scroller")
        assert table.evaluate("each => each.scrollWidth <= each.clientWidth"), width
        settled(page)
        assert_nothing_is_cut_off(page)
        for shown in (headline(page), figures(page), page.locator(".st-key-run_line")):
            expect(shown).to_be_visible()
            for text in shown.locator("p").all():
                assert text.evaluate("each => each.scrollWidth <= each.clientWidth"), width
