"""How small can the correction be, without a browser: the form, the picture, what is damaged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from small_runs import distillation_recipe as small_recipe
from small_runs import finish, prepare_distillation
from streamlit.testing.v1 import AppTest

from core.distillation.recipe import recipe_of
from core.distillation.results import distillation_recipe, teacher_source
from core.distillation.sizes import size_studies
from core.distillation.task import DISTIL
from core.lora.run_files import ADAPTER
from core.models.spec import DEMO, DEMO_FOLDER, DEMO_NOTICE, ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs import jobs
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


@pytest.fixture
def runs(distillations_folder: Path, user_folder: Path) -> Path:
    """A folder with two finished distillations of one teacher, large and small."""
    shutil.copytree(distillations_folder, user_folder / "runs")
    return user_folder / "runs"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Runs that would have been started: no process is."""
    found: list[Run] = []
    monkeypatch.setattr(jobs, "start", lambda run, **_: found.append(run))
    return found


def opened(teacher: str = "") -> AppTest:
    app = AppTest.from_string(PAGE, default_timeout=300).run()
    if teacher:
        app.text_input[0].set_value(teacher).run()
    assert not app.exception
    return app


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)


def said(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.caption, *app.info))


def test_without_a_teacher_there_is_nothing_to_press(random_teacher: str) -> None:
    app = opened()
    assert button(app, "Distil").disabled
    app = opened(random_teacher)
    assert not button(app, "Distil").disabled
    assert "Choose a rank and the layers" in said(app)
    app.multiselect[0].set_value([]).run()
    assert button(app, "Distil").disabled
    assert "target_modules" in app.error[0].value.replace("\\", "")


def test_a_click_prepares_a_run_of_the_form_s_size(random_teacher: str, started: list[Run]) -> None:
    app = opened(random_teacher)
    app.number_input[0].set_value(8)
    app.multiselect[0].set_value(["o_proj"]).run()
    button(app, "Distil").click().run()
    assert not app.exception
    assert not app.error
    (run,) = started
    size = {"training.lora_rank": 8, "training.target_modules": "o_proj"}
    assert distillation_recipe(run) == changed(recipe_of("demo"), size)
    assert run.config.teachers == (random_teacher,)
    assert run.config.name == "Rank 8 on o_proj"
    assert teacher_source(run) is None
    assert "not started" in said(app)
    assert button(app, "Start")


def test_what_can_t_be_distilled_is_said(tmp_path: Path, started: list[Run]) -> None:
    app = opened(str(tmp_path / "nothing"))
    button(app, "Distil").click().run()
    assert "no model folder" in app.error[0].value
    assert started == []


def test_finished_sizes_stand_on_one_picture_with_n_and_intervals(
    runs: Path, random_teacher: str
) -> None:
    app = opened(random_teacher)
    (study,) = size_studies(RunsFolder(runs), DEMO, random_teacher)
    assert [each.run_id for each in study.points] == ["small", "large"]
    assert study.points[0].trained_parameters == 4 * (256 + 256)
    (chart,) = app.get("plotly_chart")
    spec = str(chart.proto)
    for label in ("r1 o", "r4 q,k,v,o", "teacher", "base", "n = 5"):
        assert label in spec
    (table,) = app.dataframe
    assert table.value[""].tolist() == [
        "rank 1 on o_proj", "rank 4 on q_proj, k_proj, v_proj, o_proj", "teacher", "base",
    ]  # fmt: skip
    assert table.value["share"][0] == f"{100 * study.points[0].trained_share:.2f} %"
    assert all("[" in value for value in table.value["accuracy"])
    text = said(app)
    assert r"**\*\*rank 1\*\***" in text
    assert "of 5 problems that were not learned from" in text
    assert DEMO_NOTICE in text


def test_sizes_that_were_measured_in_another_way_don_t_share_a_picture(
    runs: Path, random_teacher: str
) -> None:
    less = {"problems": 2, "rollouts.samples": 1, "training.epochs": 1, "training.batch_size": 1}
    recipe = small_recipe(**less)
    other = prepare_distillation(runs, random_teacher, recipe, demo_problems()[1::100])
    finish(other, DISTIL.carry_out)
    studies = size_studies(RunsFolder(runs), DEMO, random_teacher)
    assert [[each.run_id for each in study.points] for study in studies] == [
        [other.id], ["small", "large"],
    ]  # fmt: skip
    assert size_studies(RunsFolder(runs), DEMO, "another") == []
    assert "2 more students of this teacher were measured differently" in said(
        opened(random_teacher)
    )


def test_a_damaged_run_is_said_and_the_others_stay(runs: Path, random_teacher: str) -> None:
    (runs / "small" / "results.json").write_text("{}")
    app = opened(random_teacher)
    assert any("not a results file" in each.value for each in app.error)
    (study,) = size_studies(RunsFolder(runs), DEMO, random_teacher)
    assert [each.run_id for each in study.points] == ["large"]
    shutil.rmtree(runs / "large" / ADAPTER)
    app = opened(random_teacher)
    button(app, "Load into Explore").click().run()
    assert not app.exception
    assert any("no adapter in" in each.value for each in app.error)


def test_an_adapter_goes_into_explore(runs: Path, random_teacher: str) -> None:
    app = opened(random_teacher)
    button(app, "Load into Explore").click().run()
    assert not app.exception
    assert not app.error
    state = app.session_state["browser_state"]
    if state.opened.task is not None:
        state.opened.task.wait(300)
    assert state.opened.spec == ModelSpec(adapter=str((runs / "small" / ADAPTER).resolve()))
