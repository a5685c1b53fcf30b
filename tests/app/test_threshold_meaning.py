"""Beside every threshold: what it means for the model, shares to choose from, measuring."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from small_runs import UNIT
from streamlit.testing.v1 import AppTest

from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems, demo_training_problems
from core.reasonmaxxer.recipe import recipe_of
from core.reasonmaxxer.rollouts import rollout_entropies, rollout_threshold_settings
from core.records import Problem
from core.runs import jobs, problem_units
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.thresholds.measurement import EntropyMeasurement, measured_on
from core.thresholds.settings import ThresholdSettings
from core.thresholds.store import keep_measurement, kept_measurement, measured, measurement_path
from explorer.state import BrowserState

ROOT = Path(__file__).resolve().parents[2]
APP = str(ROOT / "explorer" / "app.py")
SHORT = 24  # new tokens
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


@pytest.fixture
def app() -> AppTest:
    app = AppTest.from_file(APP, default_timeout=300)
    app.run()
    state(app).opened.load(ModelSpec())
    return app


@pytest.fixture
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the shared runs."""
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)


def state(app: AppTest) -> BrowserState:
    found: BrowserState = app.session_state["browser_state"]
    return found


def on(app: AppTest, page: str) -> AppTest:
    app.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    assert not app.exception
    return app


def meaning(app: AppTest) -> str | None:
    return next((each.value for each in app.caption if each.value.startswith("τ = ")), None)


def keys(app: AppTest) -> set[str]:
    return {each.key for each in app.button if each.key}


def measure(app: AppTest, key: str) -> None:
    """Press the button, and wait for the end."""
    app.button(key=key).click().run()
    assert not app.exception
    task = state(app).opened.task
    assert task is not None
    assert task.wait(300)
    assert task.error is None, task.error
    app.run()
    assert not app.exception


def made(
    app: AppTest, problems: list[Problem], name: str, settings: ThresholdSettings
) -> EntropyMeasurement:
    lm = state(app).opened.load(ModelSpec())
    found = measured(lm, problems, name, settings)
    assert found is not None
    return found


def test_the_demo_s_threshold_is_what_it_was_and_nothing_is_measured_unasked(app: AppTest) -> None:
    assert state(app).tau == 1.4
    app.run()
    assert meaning(app) is None
    assert "tau measure" in keys(app)
    assert any(
        "has not been measured with this prompt and sampler: 30 chains on Demo problems"
        in each.value
        for each in app.caption
    )
    assert not state(app).opened.busy


def test_explore_measures_and_says_what_the_threshold_means(app: AppTest) -> None:
    app.number_input(key="max_new_tokens").set_value(SHORT).run()
    measure(app, "tau measure")
    lm = state(app).opened.load(ModelSpec())
    settings = ThresholdSettings(max_new_tokens=SHORT)
    found = kept_measurement(measured_on(lm, demo_problems(), "Demo problems", settings))
    assert found is not None
    share = found.share_above(1.4)
    assert meaning(app) == (
        f"τ = 1.40 nats: top {100 * share.value:.1f} % of this model's tokens on Demo problems "
        f"(n = {found.tokens:,} tokens of 30 chains; 95 % interval "
        f"{100 * share.low:.1f}–{100 * share.high:.1f} %)"
    )
    assert state(app).tau == 1.4
    assert "tau measure" not in keys(app)

    # A share sets the threshold to exactly its nats, and the slider follows.
    two = found.threshold(0.02).tau.value
    button = app.button(key="tau top 2")
    assert button.label == f"top 2 % · {two:.2f}"
    button.click().run()
    assert not app.exception
    assert state(app).tau == two
    assert app.slider(key="tau in nats").value == round(two, 2)
    share = found.share_above(two)
    assert meaning(app).startswith(
        f"τ = {two:.2f} nats: top {100 * share.value:.1f} % of this model's"
    )

    # Another number in the slider has another meaning, without measuring again.
    app.slider(key="tau in nats").set_value(0.5).run()
    assert f"top {100 * found.share_above(0.5).value:.1f} % of" in (meaning(app) or "")

    # Another sampler is another measurement, and the first one is still there.
    app.number_input(key="temperature").set_value(1.0).run()
    assert meaning(app) is None
    assert "tau measure" in keys(app)
    app.number_input(key="temperature").set_value(0.0).run()
    assert meaning(app) is not None


def test_bits_are_shown_where_bits_are_chosen(app: AppTest) -> None:
    settings = ThresholdSettings(max_new_tokens=SHORT)
    found = made(app, demo_problems(), "x", settings)
    app.number_input(key="max_new_tokens").set_value(SHORT).run()
    state(app).unit = "bits"
    app.run()
    assert (meaning(app) or "").startswith("τ = 2.02 bits: top ")
    two = found.threshold(0.02).tau.value / 0.6931471805599453
    assert app.button(key="tau top 2").label == f"top 2 % · {two:.2f}"
    app.button(key="tau top 2").click().run()
    assert state(app).tau == found.threshold(0.02).tau.value


def test_a_damaged_measurement_is_said_and_can_be_made_again(app: AppTest) -> None:
    found = made(app, demo_problems(), "x", ThresholdSettings(max_new_tokens=SHORT))
    path = measurement_path(found.on)
    path.write_bytes(path.read_bytes()[:100])
    app.number_input(key="max_new_tokens").set_value(SHORT).run()
    assert any("is damaged" in each.value for each in app.error)
    measure(app, "tau measure")
    assert meaning(app) is not None
    assert not app.error


def test_an_own_question_is_measured_on_the_demo_s_problems(app: AppTest) -> None:
    app.selectbox(key="problem_set").set_value("My own question").run()
    assert any("30 chains on Demo problems" in each.value for each in app.caption)


@pytest.mark.parametrize(
    ("page", "field", "start", "name"),
    [
        ("interventions", "study tau", "Run", "tau"),
        ("compare", "compare tau", "Compare", "tau"),
        ("finetune", "tuning demo gate.tau", "Run all steps", "gate.tau"),
        ("finetune", "tuning demo gate.tau", "Sample rollouts", "gate.tau"),
    ],
)
def test_a_form_measures_offers_shares_and_the_run_says_which(
    page: str,
    field: str,
    start: str,
    name: str,
    app: AppTest,
    user_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "start", lambda *_, **__: None)
    on(app, page)
    default = app.number_input(key=field).value
    if page == "finetune":
        length = "tuning demo max_new_tokens"
        recipe = recipe_of("demo").model_copy(update={"max_new_tokens": SHORT})
        problems, how = demo_training_problems(), rollout_threshold_settings(recipe)
    else:
        length = field.replace("tau", "max_new_tokens")
        problems, how = demo_problems(), ThresholdSettings(max_new_tokens=SHORT)
    app.number_input(key=length).set_value(SHORT).run()
    assert meaning(app) is None
    measure(app, f"{field} measure")
    assert app.number_input(key=field).value == default
    lm = state(app).opened.load(ModelSpec())
    found = kept_measurement(measured_on(lm, problems, "x", how))
    assert found is not None
    assert f"top {100 * found.share_above(default).value:.1f} % of" in (meaning(app) or "")

    five = found.threshold(0.05).tau.value
    app.button(key=f"{field} top 5").click().run()
    assert app.number_input(key=field).value == five
    assert (meaning(app) or "").startswith(f"τ = {five:.2f} nats")
    next(each for each in app.button if each.label == start).click().run()
    assert not app.exception
    (run,) = RunsFolder(user_folder / "runs").list()
    settings = run.config.settings
    for place in name.split("."):
        settings = settings[place]
    assert settings == five
    origin = run.config.thresholds[name]
    assert (origin["share"], origin["nats"]) == (0.05, five)
    assert origin["measurement"]["tokens"] == found.tokens


def test_a_temperature_that_nothing_can_be_drawn_with_is_no_traceback(app: AppTest) -> None:
    on(app, "finetune")
    app.number_input(key="tuning demo rollouts.temperature").set_value(0.0005).run()
    assert not app.exception
    assert meaning(app) is None


def test_a_threshold_of_one_s_own_has_no_share_in_the_run(
    app: AppTest, user_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "start", lambda *_, **__: None)
    found = made(app, demo_problems(), "x", ThresholdSettings(max_new_tokens=SHORT))
    keep_measurement(found)
    on(app, "interventions")
    app.number_input(key="study max_new_tokens").set_value(SHORT).run()
    next(each for each in app.button if each.label == "Run").click().run()
    (run,) = RunsFolder(user_folder / "runs").list()
    assert run.config.settings["tau"] == 1.2
    assert run.config.thresholds == {}


def test_a_measurement_can_be_cancelled(app: AppTest) -> None:
    on(app, "interventions")
    app.button(key="study tau measure").click().run()
    task = state(app).opened.task
    assert task is not None
    state(app).opened.cancel()
    assert task.wait(300)
    app.run()
    assert not app.exception
    # It may have been too late to stop it; then it is kept like any other.
    assert ("study tau measure" in keys(app)) == (meaning(app) is None)


@pytest.mark.usefixtures("small_units")
def test_the_gate_of_rollouts_offers_shares_of_these_rollouts(
    app: AppTest, rollouts_folder: Path, user_folder: Path
) -> None:
    shutil.copytree(rollouts_folder / "rollouts", user_folder / "runs" / "rollouts")
    run = Run.open(user_folder / "runs" / "rollouts")
    found = rollout_entropies(run)
    on(app, "finetune")
    key = f"tau of {run.id}"
    for share in (2, 5, 10, 20):
        assert f"{key} top {share}" in keys(app)
    twenty = found.threshold(0.20).tau.value
    app.button(key=f"{key} top 20").click().run()
    assert not app.exception
    above = sum(int((each > twenty).sum()) for each in found.entropies)
    line = next(each.value for each in app.markdown if "sampled tokens are above τ" in each.value)
    assert line.startswith(
        f"**{100 * above / found.tokens:.1f} %** of {found.tokens:,} sampled tokens"
    )
    assert re.search(rf"τ = {twenty:.2f} nats", line)
