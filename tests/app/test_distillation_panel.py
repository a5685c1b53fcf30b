"""How small can the correction be, without a browser: the form, the picture, what is damaged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.distillation.plan import plan_distillation
from core.distillation.recipe import recipe_of
from core.distillation.results import TASK, distillation_recipe, teacher_source
from core.distillation.sizes import size_studies
from core.distillation.task import DISTIL
from core.lora.adapter import attach_adapter
from core.lora.run_files import ADAPTER
from core.models.language_model import load_language_model
from core.models.spec import DEMO, DEMO_FOLDER, DEMO_NOTICE, ModelSpec
from core.problems.problem_sets import demo_problems, demo_training_problems
from core.runs import jobs
from core.runs.context import DONE, carry_out
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.settings import changed

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)
PAGE = """
from explorer.compare.distillation import distillation_panel
from explorer.state import browser_state

distillation_panel(browser_state())
"""
SMALL = {
    "problems": 3,
    "rollouts.samples": 1,
    "max_new_tokens": 80,
    "evaluation.samples": 1,
    "training.epochs": 1,
    "training.batch_size": 1,
    "training.lora_rank": 4,
}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An adapter that makes the demo another model."""
    lm = load_language_model(ModelSpec())
    model = attach_adapter(lm, 2, 4, ("o_proj",))
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.6)
    folder = tmp_path_factory.mktemp("teacher")
    model.save_pretrained(str(folder), save_embedding_layers=False)
    return str(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, teacher: str) -> Path:
    """A folder with two finished distillations of one teacher, large and small."""
    folder = tmp_path_factory.mktemp("made") / "runs"
    sizes: dict[str, dict[str, Any]] = {
        "large": {},
        "small": {"training.lora_rank": 1, "training.target_modules": "o_proj"},
    }
    for name, changes in sizes.items():
        plan = plan_distillation(
            ModelSpec(),
            teacher,
            demo_training_problems(),
            demo_problems()[::100],
            changed(recipe_of("demo"), SMALL | changes),
            teacher_from=folder / "large" if name == "small" else None,
        )
        run = Run.create(folder, TASK, plan, name=f"**{name}**", folder=folder / name)
        assert carry_out(run, DISTIL.carry_out, bar=False) == DONE, run.log_tail()
    return folder


@pytest.fixture
def runs(made: Path, user_folder: Path) -> Path:
    shutil.copytree(made, user_folder / "runs")
    return user_folder / "runs"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Runs that would have been started: no process is."""
    found: list[Run] = []
    monkeypatch.setattr(jobs, "start", lambda run, **_: found.append(run))
    return found


def opened(teacher: str = "") -> AppTest:
    app = AppTest.from_string(PAGE, default_timeout=60).run()
    if teacher:
        app.text_input[0].set_value(teacher).run()
    assert not app.exception
    return app


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)


def said(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.caption, *app.info))


def test_without_a_teacher_there_is_nothing_to_press(teacher: str) -> None:
    app = opened()
    assert button(app, "Distil").disabled
    app = opened(teacher)
    assert not button(app, "Distil").disabled
    assert "Choose a rank and the layers" in said(app)
    app.multiselect[0].set_value([]).run()
    assert button(app, "Distil").disabled
    assert "target_modules" in app.error[0].value.replace("\\", "")


def test_a_click_prepares_a_run_of_the_form_s_size(teacher: str, started: list[Run]) -> None:
    app = opened(teacher)
    app.number_input[0].set_value(8)
    app.multiselect[0].set_value(["o_proj"]).run()
    button(app, "Distil").click().run()
    assert not app.exception
    assert not app.error
    (run,) = started
    size = {"training.lora_rank": 8, "training.target_modules": "o_proj"}
    assert distillation_recipe(run) == changed(recipe_of("demo"), size)
    assert run.config.teachers == (teacher,)
    assert run.config.name == "Rank 8 on o_proj"
    assert teacher_source(run) is None
    assert "not started" in said(app)
    assert button(app, "Start")


def test_what_can_t_be_distilled_is_said(tmp_path: Path, started: list[Run]) -> None:
    app = opened(str(tmp_path / "nothing"))
    button(app, "Distil").click().run()
    assert "no model folder" in app.error[0].value
    assert started == []


def test_finished_sizes_stand_on_one_picture_with_n_and_intervals(runs: Path, teacher: str) -> None:
    app = opened(teacher)
    (study,) = size_studies(RunsFolder(runs), DEMO, teacher)
    assert [each.run_id for each in study.points] == ["small", "large"]
    assert study.points[0].trained_parameters == 4 * (256 + 256)
    (chart,) = app.get("plotly_chart")
    spec = str(chart.proto)
    for label in ("r1 o", "r4 q,k,v,o", "teacher", "base", "n = 4"):
        assert label in spec
    (table,) = app.dataframe
    assert table.value[""].tolist() == [
        "rank 1 on o_proj", "rank 4 on q_proj, k_proj, v_proj, o_proj", "teacher", "base",
    ]  # fmt: skip
    assert table.value["share"][0] == f"{study.points[0].trained_share:.2%}"
    assert all("[" in value for value in table.value["accuracy"])
    text = said(app)
    assert r"**\*\*small\*\***" in text
    assert "of 4 problems that were not learned from" in text
    assert DEMO_NOTICE in text


def test_sizes_that_were_measured_in_another_way_don_t_share_a_picture(
    runs: Path, teacher: str
) -> None:
    plan = plan_distillation(
        ModelSpec(),
        teacher,
        demo_training_problems(),
        demo_problems()[1::100],
        changed(recipe_of("demo"), SMALL),
    )
    other = Run.create(runs, TASK, plan)
    assert carry_out(other, DISTIL.carry_out, bar=False) == DONE
    studies = size_studies(RunsFolder(runs), DEMO, teacher)
    assert [[each.run_id for each in study.points] for study in studies] == [
        [other.id], ["small", "large"],
    ]  # fmt: skip
    assert size_studies(RunsFolder(runs), DEMO, "another") == []
    assert "1 more study of this teacher" in said(opened(teacher))


def test_a_damaged_run_is_said_and_the_others_stay(runs: Path, teacher: str) -> None:
    (runs / "small" / "results.json").write_text("{}")
    app = opened(teacher)
    assert any("not a results file" in each.value for each in app.error)
    (study,) = size_studies(RunsFolder(runs), DEMO, teacher)
    assert [each.run_id for each in study.points] == ["large"]
    shutil.rmtree(runs / "large" / ADAPTER)
    app = opened(teacher)
    button(app, "Load into Explore").click().run()
    assert not app.exception
    assert any("no adapter in" in each.value for each in app.error)


def test_an_adapter_goes_into_explore(runs: Path, teacher: str) -> None:
    app = opened(teacher)
    button(app, "Load into Explore").click().run()
    assert not app.exception
    assert not app.error
    state = app.session_state["browser_state"]
    if state.opened.task is not None:
        state.opened.task.wait(60)
    assert state.opened.spec == ModelSpec(adapter=str((runs / "small" / ADAPTER).resolve()))
