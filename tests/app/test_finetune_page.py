"""Fine-tune without a browser: presets, the gate's messages, and damaged files that are said."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_runs import UNIT, fine_tune_recipe
from streamlit.testing.v1 import AppTest

from core.evaluation.headline import comparison_word
from core.lora.run_files import HISTORY
from core.models.spec import DEMO_FOLDER, DEMO_NOTICE, ModelSpec
from core.reasonmaxxer.recipe import ABOUT, recipe_of
from core.reasonmaxxer.results import ROLLOUTS_TASK, TRAIN_TASK, run_recipe
from core.reasonmaxxer.task import TRAIN
from core.runs import jobs, problem_units
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.settings import changed

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the shared runs."""
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300)


@pytest.fixture
def runs(fine_tune_folder: Path, rollouts_folder: Path, user_folder: Path) -> Path:
    """A folder with a finished fine-tune, named train, and rollouts, named rollouts."""
    for each in (fine_tune_folder / "train", rollouts_folder / "rollouts"):
        shutil.copytree(each, user_folder / "runs" / each.name)
    return user_folder / "runs"


@pytest.fixture
def never_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are prepared, and no process is started for them."""
    monkeypatch.setattr(jobs, "start", lambda run, **_: None)


def opened(app: AppTest, **link: str) -> AppTest:
    app.run()
    app.switch_page("../pages/finetune.py")
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def with_form(app: AppTest) -> AppTest:
    """The page with the form of a new run, which is folded while a run is on screen."""
    opened(app)
    for each in app.button:
        if each.label == "New run":
            each.click().run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.caption, *app.info))


def labelled(elements: Any, label: str) -> Any:
    return next(each for each in elements if each.label.startswith(label))


def button(app: AppTest, label: str) -> Any:
    return labelled(app.button, label)


def tau(app: AppTest) -> Any:
    return labelled(app.slider, "Threshold")


def runs_in(folder: Path) -> list[Run]:
    return RunsFolder(folder).list()


def test_an_empty_page_says_what_to_press_and_presets_bring_their_values(app: AppTest) -> None:
    opened(app)
    assert "Press **Run all steps**" in said(app)
    assert not button(app, "Run all steps").disabled
    assert labelled(app.selectbox, "Preset").value == "demo", "the model is the demo"
    for name in ("paper", "careful", "demo"):
        labelled(app.selectbox, "Preset").set_value(name).run()
        recipe = recipe_of(name)
        assert ABOUT[name] in said(app)
        assert labelled(app.number_input, "Rollouts per problem").value == recipe.rollouts.samples
        rate = labelled(app.number_input, "Learning rate").value
        assert rate == pytest.approx(recipe.training.learning_rate)
        assert tuple(labelled(app.multiselect, "Target").value) == recipe.training.target_modules
        assert labelled(app.number_input, "Problems").value == recipe.problems


@pytest.mark.usefixtures("never_started")
def test_one_click_prepares_a_run_with_every_setting_of_the_form(
    app: AppTest, user_folder: Path
) -> None:
    opened(app)
    labelled(app.number_input, "Rollouts per problem").set_value(5)
    labelled(app.number_input, "Epochs").set_value(2.0)
    labelled(app.selectbox, "Gate").set_value("random")
    labelled(app.checkbox, "Positive only").check()
    labelled(app.number_input, "Problems to keep").set_value(7).run()
    button(app, "Run all steps").click().run()
    assert not app.exception
    assert not app.error
    (run,) = runs_in(user_folder / "runs")
    wanted = {
        "rollouts.samples": 5,
        "training.epochs": 2.0,
        "gate.kind": "random",
        "selection.positive_only": True,
        "selection.max_problems": 7,
    }
    assert run_recipe(run) == changed(recipe_of("demo"), wanted)
    assert run.config.task == TRAIN_TASK
    assert run.config.name == "Fine-tune on Demo training problems"
    assert app.query_params["run"] == run.id


@pytest.mark.usefixtures("never_started")
def test_an_untouched_form_is_the_preset(app: AppTest, user_folder: Path) -> None:
    for preset in ("demo", "paper", "careful"):
        with_form(app)
        labelled(app.selectbox, "Preset").set_value(preset).run()
        button(app, "Sample rollouts").click().run()
        run = runs_in(user_folder / "runs")[0]
        assert run.config.task == ROLLOUTS_TASK
        assert run_recipe(run) == recipe_of(preset)


def test_a_recipe_that_can_t_be_is_said_before_anything_is_made(app: AppTest) -> None:
    opened(app)
    labelled(app.multiselect, "Target").set_value([]).run()
    assert "target_modules" in app.error[0].value.replace("\\", "")
    assert button(app, "Run all steps").disabled
    labelled(app.multiselect, "Target").set_value(["q_proj"]).run()
    assert not app.error
    labelled(app.number_input, "Temperature").set_value(0.0).run()
    assert "all alike" in app.error[0].value
    assert button(app, "Sample rollouts").disabled


def test_a_finished_fine_tune_shows_before_and_after_with_n_and_intervals(
    app: AppTest, runs: Path
) -> None:
    opened(app, run="train")
    results = TRAIN.results_of(Run.open(runs / "train"))
    assert results is not None
    text, found = said(app), results.comparison
    assert r"**\*\*mine\*\*** · Fine\-tune" in text
    assert ":green-badge[✓ done]" in text
    before, after = (f"{100 * each.value:.1f} %" for each in (found.before, found.after))
    plain_text = text.replace("\\", "").replace("\u2060", "")
    assert f"From {before} to {after} correct on {found.n} problems" in plain_text
    assert comparison_word(found) in text
    assert f"Paired over {found.n} problems" in text
    assert "McNemar's exact test" in text
    assert text.count(DEMO_NOTICE) == 2, "in the sidebar, and beside the figures"
    for figure in ("gained", "lost", "boxed after", "mean length after", "took"):
        assert f"{figure} **" in plain_text
    rates = next(each.value for each in app.dataframe if "figure" in each.value)
    assert [name for name in rates["figure"] if "@" not in name] == [
        "boxed", "cut at the token limit", "no answer found", "mean length",
    ]  # fmt: skip
    for cell in (*rates["before"], *rates["after"]):
        assert re.search(r"\[\d+\.\d–\d+\.\d", cell), cell
    charts = "".join(str(each.proto) for each in app.get("plotly_chart"))
    assert "<b>" not in charts.replace("<br>", "")
    assert not button(app, "Load the adapter").disabled
    paper = next(each.value for each in app.dataframe if "GSM8K" in each.value)
    assert len(paper) == 2 + 30, "this run before and after, and the whole table"
    dollars = ["$4", "$5", "$5", "$25", "$8", "$4", "$4", "$4"]
    assert list(paper[paper.method == "ReasonMaxxer"]["training"]) == dollars
    assert list(paper["method"])[:2] == ["this run, before", "this run, after"]
    assert all("[" in each for each in paper["your problems"][:2]), "with their intervals"


def test_the_cost_follows_the_rate(app: AppTest, runs: Path) -> None:
    opened(app, run="train")
    results = TRAIN.results_of(Run.open(runs / "train"))
    assert results is not None
    labelled(app.number_input, "Machine cost").set_value(3600.0).run()
    assert f"${results.cost.total_seconds:,.2f}" in said(app).replace("\\", "")


def test_the_gate_counts_what_it_takes_and_says_when_it_takes_nothing_or_everything(
    app: AppTest, runs: Path
) -> None:
    opened(app, run="rollouts")
    text = said(app)
    assert "8 problems, 4 rollouts each" in text
    assert "95 % interval over 8 problems" in text
    assert "Learned from: **" in text
    assert not button(app, "Train from these rollouts").disabled
    tau(app).set_value(tau(app).max).run()
    assert "takes no token" in app.error[0].value
    assert button(app, "Train from these rollouts").disabled
    tau(app).set_value(0.0).run()
    assert "takes every token" in app.error[0].value
    tau(app).set_value(0.6).run()
    assert not app.error


def test_the_gate_speaks_bits_where_the_app_does(app: AppTest, runs: Path) -> None:
    opened(app, run="rollouts")
    before = said(app)
    app.session_state["browser_state"].unit = "bits"
    app.run()
    assert tau(app).value == pytest.approx(1.44)
    share = next(line for line in before.splitlines() if "sampled tokens" in line)
    assert share.split(" of ")[0] in said(app)
    assert "1.44 bits" in said(app)


@pytest.mark.usefixtures("never_started")
def test_training_from_rollouts_takes_the_threshold_of_the_slider(app: AppTest, runs: Path) -> None:
    opened(app, run="rollouts")
    tau(app).set_value(0.75).run()
    button(app, "Train from these rollouts").click().run()
    assert not app.exception
    assert not app.error
    new = runs_in(runs)[0]
    assert new.config.task == TRAIN_TASK
    assert run_recipe(new).gate.tau == 0.75
    assert run_recipe(new).rollouts == fine_tune_recipe().rollouts, (
        "the rollouts' own, not the form's"
    )
    assert new.config.inputs["rollouts_from"] == str((runs / "rollouts").resolve())


def changed_units(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change every sample of a run's rollouts."""
    lines = [json.loads(line) for line in (folder / "units.jsonl").read_text().splitlines()]
    for line in lines:
        for record in line["result"]:
            for sample in record["samples"]:
                change(sample)
        line.pop("sha256", None)
    (folder / "units.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"verdict": "correct"}, "No problem has both correct and wrong rollouts"),
        ({"stop_reason": "length"}, "were cut off at the limit"),
    ],
)
def test_rollouts_that_teach_nothing_say_why(
    app: AppTest, runs: Path, change: dict[str, str], told: str
) -> None:
    changed_units(runs / "rollouts", lambda sample: sample.update(change))
    opened(app, run="rollouts")
    assert told in app.error[0].value
    assert button(app, "Train from these rollouts").disabled


def test_an_adapter_in_the_sidebar_is_refused(app: AppTest, runs: Path) -> None:
    with_form(app)
    state = app.session_state["browser_state"]
    state.opened.spec = ModelSpec(adapter=str(runs / "train" / "adapter"))
    app.run()
    button(app, "Run all steps").click().run()
    assert "has an adapter already" in app.error[0].value
    assert len(runs_in(runs)) == 2, "nothing was made"


@pytest.mark.parametrize("run", ["train", "rollouts"])
@pytest.mark.parametrize(
    "damage",
    [
        ("results.json", "{"),
        ("results.json", json.dumps({"schema_version": 1})),
        ("results.json", json.dumps({"schema_version": 99})),
        ("side_by_side.json", json.dumps([{"schema_version": 1}])),
        ("side_by_side.json", "5"),
        ("selection.json", json.dumps({"x": 1})),
        ("selection.json", "[]"),
        (HISTORY, "{"),
        (HISTORY, json.dumps([{"step": "x", "loss": None, "kl": "y"}, 5, {"step": 1}])),
        (HISTORY, json.dumps([{"step": 1, "loss": 0.5}, {"step": 2, "eval_accuracy": 0.5}])),
        ("problems.jsonl", "{broken"),
        ("problems_evaluation.jsonl", "{broken"),
        ("config.json", "{"),
        ("units.jsonl", "garbage\n"),
        ("settings", {"gate": 5}),
        ("model", {"model": 5}),
    ],
    ids=lambda damage: f"{damage[0]} {str(damage[1])[:12]}",
)
def test_damaged_files_are_said_never_thrown(
    app: AppTest, runs: Path, damage: tuple[str, Any], run: str
) -> None:
    folder = runs / run
    name, content = damage
    if name in ("settings", "model"):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {name: content}))
    elif run == "rollouts" and not (folder / name).exists():
        pytest.skip("a run of rollouts has no such file")
    else:
        (folder / name).write_text(content)
    opened(app, run=run)
    told = bool(app.error)
    app.session_state[f"gate {run} False"] = app.session_state[f"train {run} True"] = True
    app.run()
    assert not app.exception
    if name in ("results.json", "config.json", "side_by_side.json") and run == "train":
        assert told
    for each in app.button:
        if each.label.startswith("Load the adapter") and not each.disabled and name == "model":
            each.click().run()
            assert not app.exception
            assert app.error


def spoiled(path: Path, spoil: Callable[[Any], object]) -> None:
    """Change the JSON of a file in its place."""
    data = json.loads(path.read_text(encoding="utf-8"))
    spoil(data)
    path.write_text(json.dumps(data), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("results.json", lambda data: data["after"].update(pass_at_k=[])),
        ("results.json", lambda data: data["before"]["pass_at_1"].update(value=math.inf)),
        ("results.json", lambda data: data["before"]["mean_length"].update(low=1e300)),
        ("results.json", lambda data: data["after"].update(n=10**400)),
        ("results.json", lambda data: data["after"]["families"][0].update(family="\ud800")),
        ("results.json", lambda data: data["comparison"].update(mcnemar_p=math.nan)),
        ("results.json", lambda data: data["comparison"]["difference"].update(high=None)),
        ("results.json", lambda data: data["comparison"].update(lost=["\ud800"])),
        ("results.json", lambda data: data["cost"].update(seconds={"training": math.inf})),
        ("results.json", lambda data: data["cost"].update(seconds={"training": -1})),
        ("results.json", lambda data: data["cost"].update(usd_per_hour=-1)),
        ("results.json", lambda data: data["cost"].update(peak_memory_bytes=10**400)),
        ("results.json", lambda data: data["selection"].update(decisions=10**400)),
        ("results.json", lambda data: data["training"].update(parameters=-1)),
        ("side_by_side.json", lambda data: data[0]["after"]["token_ids"].__setitem__(0, 10**30)),
        ("side_by_side.json", lambda data: data[0]["before"]["prompt_ids"].append(2**31)),
        ("side_by_side.json", lambda data: data[0]["after_ranks"].__setitem__(0, math.inf)),
        ("side_by_side.json", lambda data: data[0].update(before_ranks="1")),
        ("side_by_side.json", lambda data: data[0]["after"]["rank"].__setitem__(0, 10**30)),
        ("side_by_side.json", lambda data: data[0]["after"]["problem"].update(id="\ud800")),
        ("side_by_side.json", lambda data: data.append(None)),
    ],
)
def test_numbers_and_texts_that_no_fine_tune_writes_are_said(
    app: AppTest, runs: Path, name: str, spoil: Callable[[Any], object]
) -> None:
    spoiled(runs / "train" / name, spoil)
    opened(app, run="train")
    assert app.error


def test_a_selection_that_no_fine_tune_has_is_no_traceback(app: AppTest, runs: Path) -> None:
    spoiled(
        runs / "train" / "selection.json", lambda data: data.update(decisions=10**400, tokens=1)
    )
    opened(app, run="train")


def test_a_rate_beyond_the_field_is_shown_as_it_was_set(app: AppTest, runs: Path) -> None:
    spoiled(runs / "train" / "results.json", lambda data: data["cost"].update(usd_per_hour=2e6))
    opened(app, run="train")
    assert labelled(app.number_input, "Machine cost").value == 2e6


def test_an_adapter_folder_that_is_a_link_is_none(app: AppTest, runs: Path) -> None:
    folder = runs / "train" / "adapter"
    folder.rename(runs.parent / "elsewhere")
    folder.symlink_to(runs.parent / "elsewhere")
    opened(app, run="train")
    assert "has no adapter" in said(app)


def test_a_missing_adapter_is_said(app: AppTest, runs: Path) -> None:
    shutil.rmtree(runs / "train" / "adapter")
    opened(app, run="train")
    assert button(app, "Load the adapter").disabled
    assert "has no adapter" in said(app)


def test_a_folder_that_can_t_be_read_is_said(app: AppTest, user_folder: Path) -> None:
    user_folder.mkdir(parents=True)
    (user_folder / "runs").write_text("a file")
    opened(app)
    assert app.error
