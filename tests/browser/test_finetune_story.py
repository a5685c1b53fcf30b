"""Fine-tune in a real browser: one click to a verdict, and everything that may come between."""

from __future__ import annotations

import io
import re
import time
import zipfile
from pathlib import Path

import pytest
from app import (
    CANCELLED,
    DEMO_IS_BUILT,
    DONE,
    PATIENCE,
    RUNNING,
    assert_nothing_is_cut_off,
    button,
    choose_in_menu,
    fill_number,
    go_to,
    opens,
    paused,
    put_into,
    runs_in,
    settled,
    state_is,
    use_first,
)
from made_once import MadeOnce
from playwright.sync_api import Page, expect
from small_runs import fine_tune_recipe, make_rollouts, prepare_fine_tune

from core.lora.run_files import training_history
from core.problems.problem_sets import demo_problems, demo_training_problems, write_problems
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import run_recipe
from core.runs import problem_units
from core.runs.run import Run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


@pytest.fixture(scope="session")
def rollouts(made_once: MadeOnce) -> Path:
    """The folder of finished rollouts in units of the app's own size."""
    size = problem_units.PROBLEMS_A_UNIT
    return made_once("rollouts for the app", lambda to: make_rollouts(to, size)) / "rollouts"


def prepared(home: Path, recipe: Recipe) -> Run:
    run = prepare_fine_tune(home / "runs", recipe)
    run.rename("<b>small</b>")
    return run


def fill_first_number(page: Page, label: str, value: float) -> None:
    """Of several fields with this label, the first one."""
    fill_number(page, f"^{label}", value)


def choose_when_there(page: Page, label: str, option: str) -> None:
    """Choose an option that appears once its file is read: an open list knows nothing of it."""
    wanted = page.get_by_role("option", name=option)
    deadline = time.monotonic() + PATIENCE
    page.get_by_role("combobox", name=re.compile(label)).click()
    while not wanted.is_visible() and time.monotonic() < deadline:
        page.keyboard.press("Escape")
        page.wait_for_timeout(200)
        page.get_by_role("combobox", name=re.compile(label)).click()
    wanted.click()
    settled(page)


def test_from_one_click_to_before_and_after_and_on_into_explore(
    page: Page, url: str, home: Path, tmp_path: Path
) -> None:
    page.goto(f"{url}/finetune")
    expect(page.get_by_text(re.compile("in one run"))).to_be_visible()
    sets = [demo_training_problems()[::28], demo_problems()[::60]]
    page.get_by_text("All settings of the recipe").click()
    for name, field, problems in zip(
        ("learn", "measure"), ("Learn from", "Measure on"), sets, strict=True
    ):
        file = tmp_path / f"{name}.jsonl"
        write_problems(file, problems)
        choose_when_there(page, field, "Upload…")
        page.locator(".st-key-tuning_file input[type=file]").set_input_files(file)
        expect(page.get_by_role("combobox", name=re.compile(field))).to_have_value(file.name)
        settled(page)
    fill_first_number(page, "Rollouts per problem", 4)
    button(page, "Run all steps").click()
    with paused(home):
        state_is(page, RUNNING)
        expect(page.get_by_text("1 run in progress")).to_be_visible()
        page.reload()
        settled(page)
        go_to(page, "Explore")
        go_to(page, "Fine-tune")
        state_is(page, RUNNING)
    state_is(page, DONE)
    verdict = re.compile(f"Paired over {len(sets[1])} problems that were not trained on")
    expect(page.get_by_text(verdict)).to_be_visible()
    word = re.compile("▲ better|▼ worse|= no measurable difference")
    expect(page.get_by_text(word).first).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_text("Teaching model").first).to_be_visible()
    expect(page.locator(".heatmap")).to_have_count(2)
    page.get_by_text(re.compile("3 · Train")).click()
    expect(page.get_by_text("Accuracy on held-out problems", exact=True)).to_be_visible()

    with page.expect_download() as download:
        button(page, "Download the adapter").click()
    (run,) = runs_in(home)
    archive = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
    files = {Path(name).name for name in archive.namelist()}
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md"} <= files

    after = page.locator(".heatmap").nth(1).locator(".token").count()
    button(page, "Load the adapter into Explore").click()
    expect(page.locator(".st-key-inspector")).to_be_visible()
    expect(page.locator(".heatmap .token")).to_have_count(after)
    page.get_by_text("Adapter, device, precision").click()
    expect(page.get_by_label("LoRA adapter folder")).to_have_value(
        str((run.folder / "adapter").resolve())
    )
    page.locator(".token.fork").last.click()
    use_first(page)
    expect(page.locator(".tree .node")).to_have_count(2)


def test_cancel_keeps_what_was_done_and_resume_ends_with_the_verdict(
    page: Page, url: str, home: Path
) -> None:
    run = prepared(home, fine_tune_recipe(**{"training.epochs": 40}))
    page.goto(f"{url}/finetune?run={run.id}")
    expect(page.get_by_text("<b>small</b>")).to_be_visible()
    button(page, "Start").click()
    training = page.get_by_text(re.compile(r"3 of 4: training · [1-9]\d* of"))
    with paused(home, trains):
        expect(training).to_be_visible()
        expect(page.get_by_text("Accuracy on held-out problems", exact=True)).to_be_visible()
        page.reload()
        expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
        button(page, "Cancel").click()
        settled(page)
    state_is(page, CANCELLED)
    kept = run.units()
    assert sum(key.startswith("rollouts/") for key in kept) == 1
    assert sum(key.startswith("before/") for key in kept) == 1
    steps = len(training_history(run))
    go_to(page, "Runs")
    choose_in_menu(page, opens(page), "Resume")
    state_is(page, RUNNING)
    with paused(home, lambda run: len(training_history(run)) > steps and trains(run)):
        opens(page).click()
        expect(page.get_by_role("heading", name="Fine-tune")).to_be_visible()
        expect(training).to_be_visible()
        assert {key: run.units()[key] for key in kept} == kept
        button(page, "Cancel").click()
        settled(page)
    state_is(page, CANCELLED)


def trains(run: Run) -> bool:
    """Whether a run says that some steps of its training are done, and has logged them."""
    status = run.status()
    return status.unit == "steps" and status.done >= 1 and len(training_history(run)) > 1


def is_past_its_rollouts(run: Run) -> bool:
    return re.match("[234] of 4", run.status().what or "") is not None


def test_rollouts_then_the_gate_by_hand_then_training(
    page: Page, url: str, home: Path, rollouts: Path
) -> None:
    source = put_into(home, rollouts, "Rollouts of some")
    address = f"{url}/finetune?run={source.id}"
    page.goto(address)
    expect(page.get_by_text("8 problems, 4 rollouts each").first).to_be_visible()
    expect(page.locator(".heatmap")).to_have_count(2)
    slider = page.get_by_role("slider", name=re.compile("Threshold"))
    forks = page.locator(".heatmap").first.locator(".token.fork")
    before = forks.count()
    train = button(page, "Train from these rollouts")
    forks.first.hover()
    card = page.locator(".heatmap .card").first
    expect(card).to_contain_text("entropy")
    expect(card).not_to_contain_text("rank")  # of rollouts, only entropies are kept
    slider.press("Home")
    expect(page.get_by_text(re.compile("takes every token"))).to_be_visible()
    expect(forks).not_to_have_count(before)
    expect(train).to_be_disabled()
    slider.press("End")
    expect(page.get_by_text(re.compile("takes no token"))).to_be_visible()
    expect(forks).to_have_count(0)
    page.goto(address)
    for _ in range(8):
        slider.press("ArrowLeft")
    expect(page.get_by_text("τ = 0.92 nats")).to_be_visible()
    expect(train).to_be_enabled()
    train.click()
    expect(page.get_by_text("Fine-tune on some")).to_be_visible()
    with paused(home, is_past_its_rollouts) as new:
        assert run_recipe(new).gate.tau == pytest.approx(0.92)
        expect(page.get_by_text(re.compile("[234] of 4: [at]")).first).to_be_visible()
        button(page, "Cancel").click()
        settled(page)
    state_is(page, CANCELLED)
    page.reload()
    again = button(page, "Train again with this τ")
    page.get_by_text("2 · The gate").first.click()  # folded away once it is passed
    expect(again).to_be_disabled()  # it is the run's own
    slider.press("ArrowRight")
    expect(again).to_be_enabled()
    again.click()
    expect(button(page, "Cancel")).to_be_visible()
    newest = runs_in(home)[0]
    assert run_recipe(newest).gate.tau > 0.92
    assert newest.config.inputs["rollouts_from"] == str(new.folder)
    button(page, "Cancel").click()
    state_is(page, CANCELLED)


def test_nothing_is_cut_off_at_either_width(page: Page, url: str) -> None:
    page.goto(f"{url}/finetune")
    expect(button(page, "Run all steps")).to_be_visible()
    main = page.get_by_test_id("stMain")
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        settled(page)
        assert_nothing_is_cut_off(page)
        for label in main.get_by_role("button").locator("p").all():
            assert label.evaluate("each => each.scrollWidth <= each.clientWidth")
