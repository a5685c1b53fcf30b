"""The two screens as they were drawn, played with the demo and with SmolLM2's real weights.

Explore: a table per token that fills, a preview, branches, a phrase, the fix. Evaluate: one page
for a run. Nothing but cells changes its place while work runs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from app import (
    DEMO_IS_BUILT,
    DONE,
    RUNNING,
    alternatives,
    assert_nothing_is_cut_off,
    button,
    choose,
    figures,
    fill_number,
    headline,
    load_real_model,
    nodes,
    number,
    open_app,
    paused,
    real_app,
    rows,
    runs_in,
    set_number,
    settled,
    state_is,
    unfold,
)
from playwright.sync_api import Page, expect
from stillness import still

from core.cli.command_line import run_command
from core.evaluation.task import EVALUATE
from explorer.shared.asking import CHANGE_ASKING

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
FIND = re.compile("Find the fix|Find a token that (breaks|changes) it")


@dataclass(frozen=True)
class Place:
    """Where a story is played.

    Args:
        model: as the run line names it.
        home: the app's folder.
        phrase: of several tokens.
    """

    model: str
    address: str
    home: Path
    phrase: str

    @property
    def real(self) -> bool:
        return self.model != "demo"


@pytest.fixture(scope="module")
def real_place(real_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = tmp_path_factory.mktemp("place")
    with real_app(real_cache, place) as address:
        yield Place("smollm2", address, place / "home", " because he sold")


@pytest.fixture(
    params=["demo", pytest.param("smollm2", marks=[pytest.mark.slow, pytest.mark.real_model])]
)
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "demo":
        home: Path = request.getfixturevalue("home")
        return Place("demo", request.getfixturevalue("url"), home, "Cuts it")
    real: Place = request.getfixturevalue("real_place")
    return real


def leave_the_tour(page: Page, place: Place) -> None:
    """It moves nothing, and is not shown again to this browser, whichever session it opens."""
    tour = page.locator(".st-key-tour")
    with still(page):
        expect(tour).to_contain_text("1 of 6")
        page.keyboard.press("t")
        expect(tour).to_contain_text("2 of 6")
        settled(page)
        button(page, "Skip").click()
        expect(tour).to_have_count(0)
        settled(page)
    open_app(page, place.address)
    expect(tour).to_have_count(0)


def generate(page: Page, place: Place) -> None:
    """Write a chain that has a fork."""
    open_app(page, place.address)
    if place.real:
        button(page, "Skip").click()
        load_real_model(page)
        choose(page, "Problems from", "Word problems (test)")
        button(page, "Prompt").click()
        choose(page, "Prompt style", "few_shot")
        page.keyboard.press("Escape")
        set_number(page, "Max new tokens", 60)
    else:
        leave_the_tour(page, place)
        page.get_by_role("combobox", name="Problem", exact=True).click()
        page.keyboard.type("saw-002")
        page.get_by_role("option", name="test-saw-002").click()
    expect(page.get_by_text("No chain yet")).to_be_visible()
    button(page, "Generate").click()
    card = page.locator(".st-key-chain_card")
    expect(card).to_be_visible()
    begun = card.bounding_box()
    expect(page.locator(".heatmap:not(.live) .token.fork").first).to_be_visible()
    expect(button(page, "Cancel")).to_have_count(0)
    settled(page)
    head = page.locator(".st-key-headline")
    expect(head).to_contain_text(place.model)
    if place.real:
        expect(head).to_contain_text("ended by a stop string")
    ended = card.bounding_box()
    assert begun is not None
    assert ended is not None
    assert [begun[side] for side in ("x", "y", "width")] == [
        ended[side] for side in ("x", "y", "width")
    ], "a chain is as wide while it is written as it is later"


def test_explore_as_drawn(page: Page, place: Place) -> None:
    generate(page, place)
    selected = page.locator(".heatmap .token[aria-selected='true']")
    button(page, "Next fork").click()
    expect(selected).to_have_class(re.compile(r"\bfork\b"))
    page.keyboard.press("n")
    page.keyboard.press("p")
    expect(selected).to_have_count(1)
    table = alternatives(page)
    expect(table).to_have_count(5)
    expect(table.first).to_have_attribute("aria-disabled", "false")
    settled(page)

    other = page.locator(".alternatives tbody tr:not(.chosen)").first
    with still(page):
        other.click()  # a preview below the chain
        line = page.locator(".st-key-preview")
        expect(line).to_contain_text(re.compile("→ [✓✗?–] "))
        expect(nodes(page)).to_have_count(1)
        button(page, "Try all five").click()  # the column fills
        expect(table.locator(".leads .value")).to_have_count(5)
        expect(page.locator(".alternatives .busy")).to_have_count(0)
        settled(page)
    answer = other.locator(".leads .value").inner_text()
    other.press("Enter")
    expect(nodes(page)).to_have_count(2)
    expect(page.locator(".heatmap .token.forced")).to_have_count(1)
    expect(page.locator(".st-key-headline")).to_contain_text(answer.rstrip("…"))

    nodes(page).first.click()
    expect(page.locator(".heatmap .token.forced")).to_have_count(0)
    button(page, "Next fork").click()
    expect(selected).to_have_count(1)
    settled(page)
    field = page.get_by_role("textbox", name="Another token")
    field.fill(place.phrase)
    field.press("Enter")
    typed = page.locator(".alternatives tr.typed").filter(has_text=re.compile(r"\d tokens")).first
    expect(typed).to_have_attribute("aria-disabled", "false")
    settled(page)
    typed.press("Enter")  # a phrase is forced, token by token
    expect(nodes(page)).to_have_count(3)
    expect(button(page, "Cancel")).to_have_count(0)
    settled(page)
    assert page.locator(".heatmap .token.forced").count() > 1

    nodes(page).first.click()
    expect(page.locator(".heatmap .token.forced")).to_have_count(0)
    button(page, "Next fork").click()
    expect(selected).to_have_count(1)
    settled(page)
    with still(page):
        page.get_by_role("button", name=FIND).click()
        expect(page.locator(".st-key-fix_panel")).to_contain_text("95 % interval")
        expect(button(page, "Cancel")).to_have_count(0)
        settled(page)
    found = page.locator(".heatmap .token.fix-hit, .heatmap .token.fix-tried")
    expect(found).not_to_have_count(0)
    sentences = page.locator(".st-key-fix_panel").get_by_test_id("stMarkdown")
    expect(sentences.filter(has_text=re.compile(r"\d+ of \d+ replacements"))).to_have_count(2)
    expect(page.locator(".grids")).to_have_count(0)  # folded
    goes = page.locator(".st-key-fix_panel").get_by_role("button", name="Go to branch")
    if goes.count():
        goes.first.click()
        expect(page.locator(".heatmap .token.forced").first).to_be_visible()


def start_evaluation(page: Page, place: Place) -> None:
    """Six problems, two samples each."""
    page.goto(f"{place.address}/evaluate")
    expect(number(page, "Number of problems")).to_be_visible()
    settled(page)
    if place.real:
        load_real_model(page)
        choose(page, "Problems from", "Word problems (test)")
        page.get_by_text(CHANGE_ASKING).click()
        settled(page)
        choose(page, "Prompt style", "few_shot")
        fill_number(page, "Max new tokens", 60)
    fill_number(page, "Number of problems", 6)
    fill_number(page, "Samples per problem", 2)
    button(page, "Run").click()


def test_a_run_as_drawn(page: Page, place: Place) -> None:
    start_evaluation(page, place)
    line = page.locator(".st-key-run_line")
    parts = (".st-key-run_card", ".st-key-run_line")
    with paused(place.home) as run:
        state_is(page, RUNNING)
        expect(line).to_contain_text(place.model)
        expect(line).to_contain_text("(6)")
        expect(line).to_contain_text("2 samples")
        expect(number(page, "Number of problems")).to_have_count(0)  # the form is folded
        settled(page)
        for each in (line, button(page, "Cancel")):
            box = each.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < 900, "what it is and how far it is are on screen"
        before = [page.locator(part).bounding_box() for part in parts]
    state_is(page, DONE)
    expect(headline(page)).to_contain_text("6 problems, 2 samples each")
    assert [page.locator(part).bounding_box() for part in parts] == before
    expect(figures(page)).to_contain_text(re.compile("pass@\u2060?2"))
    expect(page.get_by_text("Only 6 problems")).to_be_visible()
    for width in (390, 800, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        settled(page)
        assert_nothing_is_cut_off(page)
    teaching = page.get_by_test_id("stMain").get_by_text("Teaching model")
    expect(teaching).to_have_count(0 if place.real else 1)

    # The table of problems: search, sort, keys; the chain beside it.
    records = EVALUATE.records_of(run)
    problems = {each.id: each for each in run.problems()}
    expect(rows(page)).to_have_count(6)
    wanted = problems[records[2].problem_id].question
    page.get_by_role("searchbox").fill(wanted[-30:])
    expect(rows(page)).to_have_count(1)
    page.get_by_role("searchbox").fill("")
    expect(rows(page)).to_have_count(6)
    page.get_by_role("columnheader", name="Tokens").get_by_role("button").click()
    longest = max(records, key=lambda each: each.mean_length)
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    row = page.locator(f".row-table .row[data-id='{longest.problem_id}']")
    expect(row).to_have_attribute("aria-selected", "true")
    panel = page.locator("[class*='st-key-chain_panel']")
    expect(panel).to_contain_text(f"{len(longest.samples[0].token_ids)} tokens")
    expect(panel.locator(".heatmap .token")).to_have_count(len(longest.samples[0].token_ids))

    # Charts are folded until they are asked for.
    expect(page.locator(".js-plotly-plot")).to_have_count(0)
    unfold(page, "Curve of pass@k")
    expect(page.locator(".js-plotly-plot")).to_have_count(1)

    # The command, and the form of a link: this run's settings.
    button(page, "CLI").click()
    shown = page.get_by_test_id("stCode").first.inner_text()
    assert shlex.split(shown) == shlex.split(run_command(run).text)
    assert [each.id for each in runs_in(place.home)] == [run.id]
    page.goto(f"{place.address}/evaluate?run={run.id}")
    expect(headline(page)).to_contain_text("6 problems, 2 samples each")
    button(page, "Edit").click()
    expect(number(page, "Number of problems")).to_have_value("6")
    expect(number(page, "Samples per problem")).to_have_value("2")
    button(page, "Close").click()
    expect(number(page, "Number of problems")).to_have_count(0)
