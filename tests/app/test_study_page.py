"""A study on its page: the chosen settings first, every cell as exploration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from drawn_app import APP, needs_demo
from small_runs import fine_tune_recipe, held_out_problems, training_problems
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from core.cli.command_line import run_command
from core.lora.cost import Cost
from core.models.spec import DEMO_NOTICE, ModelSpec
from core.reasonmaxxer.recipe import recipe_of
from core.reasonmaxxer.results import STUDY_TASK
from core.runs import jobs
from core.runs.kind import RESULTS
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.settings import checked_settings
from core.statistics import mean_over_problems, paired_difference
from core.studies.plan import plan_study
from core.studies.recipe import StudyRecipe
from core.studies.results import CellResult, StudyResults, choose
from core.studies.task import STUDY

pytestmark = needs_demo
BASE = (0.0, 0.5, 0.5, 0.0)


def cell(number: int, rates: tuple[float, ...], failure: str | None = None) -> CellResult:
    values = {"gate.tau": str(number + 1)}
    if failure is not None:
        return CellResult(number, number, values, 0, failure)
    return CellResult(
        number,
        number,
        values,
        0,
        None,
        held_out=mean_over_problems(rates),
        test=mean_over_problems(rates),
        difference=paired_difference(rates, BASE),
        gated_share=0.05,
        signal_mass=0.06,
        decisions=40,
        examples=8,
        trained_tokens=900,
        sampled_tokens=200,
        steps=4,
        best_step=3,
        pass_rates=rates,
    )


def on_screen(folder: Path, cells: list[CellResult]) -> AppTest:
    recipe = {**fine_tune_recipe().model_dump(mode="json"), "vary": ("gate.tau=1,2,3",)}
    plan = plan_study(
        ModelSpec(),
        training_problems(),
        held_out_problems(),
        checked_settings(StudyRecipe, recipe),
    )
    run = Run.create(folder / "runs", STUDY_TASK, plan, name="a study")
    chosen = choose(cells, BASE) if len(cells) == 3 else None
    results = StudyResults(
        settings=3,
        seeds=1,
        base_test=mean_over_problems(BASE),
        base_held_out=0.25,
        cells=tuple(cells),
        chosen=chosen,
        cost=Cost({"rollouts": 3.0, "cell 1": 9.0}, 1200, 1800, 0, 1.89),
    )
    (run.folder / RESULTS).write_text(json.dumps(results.to_json()))
    app = AppTest.from_file(APP, default_timeout=300)
    app.query_params["run"] = run.id
    app.switch_page("../pages/finetune.py").run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    parts = [each.value for each in (*app.markdown, *app.caption, *app.warning)]
    return "\n".join(parts).replace("\\", "")


def test_the_chosen_settings_are_quoted_and_every_cell_is_exploration(user_folder: Path) -> None:
    failure = "The gate takes no token, so there is nothing to push."
    cells = [cell(0, (0.5,) * 4), cell(1, (1.0,) * 4), cell(2, (), failure)]
    app = on_screen(user_folder, cells)
    text = said(app)
    assert "25.0 % → 100 %" in text
    assert "the one with the highest accuracy on held-out problems is gate.tau = 2" in text
    assert "Every cell's test accuracy is exploration" in text
    assert f"Cell 3 was not trained: {failure}" in text
    assert DEMO_NOTICE in text
    table = app.dataframe[0].value
    assert list(table[""]) == ["", "chosen", ""]
    assert list(table["gate.tau"]) == ["1", "2", "3"]
    assert list(table["test"])[2] == "not trained"


def test_while_cells_are_missing_nothing_is_chosen(user_folder: Path) -> None:
    text = said(on_screen(user_folder, [cell(0, (0.5,) * 4)]))
    assert "1 of 3 cells" in text
    assert "The settings are chosen when all of them are" in text


# The form.


def form_of(folder: Path) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=300)
    app.switch_page("../pages/finetune.py").run()
    app.selectbox(key="tuning what").set_value("a study over several settings").run()
    assert not app.exception
    return app


def value_field(app: AppTest, name: str) -> TextInput:
    return app.text_input(key=f"tuning study values of {name}")


def test_a_study_is_set_up_started_and_opened_again_in_the_form(
    user_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "start", lambda run, **_: None)
    app = form_of(user_folder)
    app.multiselect(key="tuning study varies").set_value(
        ["gate.tau", "selection.positive_only"]
    ).run()
    assert value_field(app, "gate.tau").value == "1.0", "the preset's"
    assert value_field(app, "selection.positive_only").value == "false,true"
    value_field(app, "gate.tau").set_value("0.6, 1.0,1.4").run()
    app.text_input(key="tuning study seeds").set_value("0,1").run()
    assert "**12 cells**: 6 settings × 2 seeds" in said(app)
    next(each for each in app.button if each.label == "Run the study").click().run()
    assert not app.exception
    (run,) = RunsFolder().list()
    assert run.config.task == STUDY_TASK
    recipe = STUDY.settings_of(run)
    assert recipe.vary == ("gate.tau=0.6, 1.0,1.4", "selection.positive_only=false,true")
    assert recipe.training_seeds == (0, 1)
    assert recipe.fine_tune == recipe_of("demo")
    command = run_command(run).text
    assert "--vary 'gate.tau=0.6, 1.0,1.4' --vary selection.positive_only=false,true" in command
    assert command.endswith("--training-seeds 0,1")
    again = AppTest.from_file(APP, default_timeout=300)
    again.query_params["run"] = run.id
    again.switch_page("../pages/finetune.py").run()
    next(each for each in again.button if each.label == "Edit").click().run()
    assert not again.exception
    assert again.selectbox(key="tuning what").value == "a study over several settings"
    assert value_field(again, "gate.tau").value == "0.6, 1.0,1.4"
    assert again.text_input(key="tuning study seeds").value == "0,1"
    assert "**12 cells**" in said(again)


def test_a_grid_that_can_t_be_made_is_said_and_not_started(user_folder: Path) -> None:
    app = form_of(user_folder)
    value_field(app, "gate.tau").set_value("1.0,high").run()
    assert any("gate.tau" in each.value.replace("\\", "") for each in app.error)
    assert next(each for each in app.button if each.label == "Run the study").disabled
