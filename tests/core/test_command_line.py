"""The command of a run, read back by the command line, plans the same run."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from small_runs import UNIT, distillation_recipe, fine_tune_recipe

from core.cli import app
from core.cli.command_line import run_command
from core.cli.command_problems import PLACEHOLDER
from core.disagreement.task import plan_comparison
from core.distillation.plan import plan_distillation
from core.distillation.recipe import recipe_of as distillation_recipe_of
from core.errors import RunError
from core.evaluation.task import plan_evaluation
from core.interventions.task import plan_interventions
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER_FOLDER, ModelSpec
from core.problems.problem_sets import (
    NAMED_SETS,
    demo_problems,
    demo_training_problems,
    read_problems,
)
from core.reasonmaxxer.plan import plan_rollouts, plan_training
from core.reasonmaxxer.recipe import recipe_of
from core.records import Problem
from core.runs import problem_units
from core.runs.config import RunPlan
from core.runs.run import Run
from core.runs.settings import changed
from core.studies.plan import plan_distillation_study, plan_study
from core.studies.recipe import distillation_study_of, study_of

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], RunPlan]:
    """The plan that a command makes; nothing is started."""
    plans: list[RunPlan] = []

    def catch(_ctx: Any, _task: Any, prepare: Callable[[], RunPlan], **_: Any) -> None:
        plans.append(prepare())

    for name in (
        "compare", "distill_study", "distillation", "evaluation", "interventions", "study",
        "training",
    ):  # fmt: skip
        monkeypatch.setattr(import_module(f"core.cli.{name}"), "long_work", catch)

    def plan_of(command: str) -> RunPlan:
        program, *words = shlex.split(command)
        assert program == "fork-explorer"
        typer.main.get_command(app).main(words, standalone_mode=False)
        return plans.pop()

    return plan_of


def same(plan: RunPlan, run: Run) -> None:
    config = run.config
    assert plan.settings == config.settings
    assert plan.model == config.model
    assert (plan.seed, tuple(plan.teachers)) == (config.seed, config.teachers)
    assert dict(plan.inputs) == config.inputs
    assert list(plan.problems) == run.problems()
    for purpose, problems in plan.more_problems.items():
        assert list(problems) == run.problems(purpose)


TEXT = """It's "50 %" of $HOME; `ls` \\n
{problem}
-> """
ODD: dict[str, Any] = {
    "max_new_tokens": 77,
    "prompt_style": "plain",
    "template": TEXT,
    "stop": ("\nQ: ", "a\\n", "--help", "'"),
    "seed": 3,
    "keep_run_on": True,
}
FEW_SHOT: dict[str, Any] = {"prompt_style": "few_shot", "prompt_date": "2026-03-01"}
THREE: dict[str, Any] = {"examples": "3", "stop": ()}
OWN = [Problem("a b", "It's <b>1</b> + 1?", "2", source="mine"), Problem("c", "1\n2", "3")]


@pytest.mark.parametrize("changes", [{}, ODD, FEW_SHOT, THREE], ids=["", "odd", "few shot", "3"])
def test_of_an_evaluation(
    planned: Callable[[str], RunPlan], tmp_path: Path, changes: dict[str, Any]
) -> None:
    spec = ModelSpec(adapter="demo-teacher", dtype="float32")
    plan = plan_evaluation(spec, demo_problems(), {"samples": 2, "top_p": 0.3, **changes}, sample=7)
    run = Run.create(tmp_path, "evaluate", plan)
    command = run_command(run)
    assert "--problems demo --sample 7" in command.text
    assert command.note == ""
    same(planned(command.text), run)


def test_what_is_the_default_is_not_said(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "evaluate", plan_evaluation(ModelSpec(), demo_problems(), {}))
    assert run_command(run).text == "fork-explorer evaluate --problems demo"


def test_of_an_evaluation_against_an_earlier_one_on_problems_of_one_s_own(
    planned: Callable[[str], RunPlan], tmp_path: Path
) -> None:
    from core.evaluation.task import EVALUATE
    from core.runs.context import DONE, carry_out

    folder = tmp_path / "with a space's"
    earlier = Run.create(
        folder, "evaluate", plan_evaluation(ModelSpec(), OWN, {"max_new_tokens": 4})
    )
    assert carry_out(earlier, EVALUATE.carry_out, bar=False) == DONE
    plan = plan_evaluation(
        ModelSpec(), OWN, {"temperature": 0.0, "samples": 1}, against=earlier.folder
    )
    run = Run.create(folder, "evaluate", plan)
    same(planned(run_command(run).text), run)


@pytest.mark.parametrize("teacher", [None, "demo-teacher"])
def test_of_interventions(
    planned: Callable[[str], RunPlan], tmp_path: Path, teacher: str | None
) -> None:
    chosen = {"arms": ("no_op", "base_only"), "positions": 2, "tau": 0.1 + 0.2, **ODD}
    curves = {"taus": (0.1 + 0.2, 1.0), "budgets": (1, 4)} if teacher else {}
    for settings in ({}, chosen | curves):
        plan = plan_interventions(ModelSpec(), demo_problems(), settings, teacher=teacher, sample=5)
        run = Run.create(tmp_path, "interventions", plan)
        same(planned(run_command(run).text), run)


def test_of_a_comparison_with_two_teachers(
    planned: Callable[[str], RunPlan], tmp_path: Path
) -> None:
    teachers = ["demo-teacher", str(DEMO_FOLDER)]
    words = read_problems(NAMED_SETS["word-problems"])
    plan = plan_comparison(ModelSpec(), words, ODD, teachers=teachers)
    run = Run.create(tmp_path, "compare", plan)
    assert "--problems word-problems " in run_command(run).text
    same(planned(run_command(run).text), run)


RECIPE: dict[str, Any] = {
    **ODD,
    "training.learning_rate": 1e-5,
    "training.target_modules": ("q_proj", "o_proj"),
    "training.lora_alpha": 7,
    "selection.positive_only": True,
    "gate.kind": "random",
    "problems": 20,
    "evaluation.samples": 3,
}


@pytest.mark.parametrize("changes", [{}, RECIPE])
def test_of_rollouts_and_of_a_fine_tune(
    planned: Callable[[str], RunPlan], tmp_path: Path, changes: dict[str, Any]
) -> None:
    recipe = changed(recipe_of("demo"), changes)
    learned = read_problems(NAMED_SETS["demo-train"])
    rolled_out = Run.create(tmp_path, "rollouts", plan_rollouts(ModelSpec(), learned, recipe))
    same(planned(run_command(rolled_out).text), rolled_out)
    plan = plan_training(ModelSpec(), learned, demo_problems(), recipe)
    run = Run.create(tmp_path, "train", plan)
    assert "--problems demo-train --eval-problems demo" in run_command(run).text
    same(planned(run_command(run).text), run)


def test_of_a_fine_tune_on_rollouts_that_are_there(
    planned: Callable[[str], RunPlan],
    tmp_path: Path,
    rollouts_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)
    source = rollouts_folder / "rollouts"
    recipe = changed(fine_tune_recipe(), {"gate.tau": 0.5, "training.epochs": 2.5, "measured": 4})
    plan = plan_training(ModelSpec(), [], demo_problems(), recipe, rollouts=source)
    run = Run.create(tmp_path, "train", plan)
    command = run_command(run)
    assert f"--rollouts {shlex.quote(str(source))}" in command.text
    same(planned(command.text), run)


def test_a_training_set_that_the_run_does_not_keep_is_asked_for(tmp_path: Path) -> None:
    own = [replace(each, id=f"my {each.id}") for each in demo_problems()[:8]]
    plan = plan_training(ModelSpec(), own, demo_problems()[20:], recipe_of("demo"))
    command = run_command(Run.create(tmp_path, "train", plan))
    assert f"--problems {PLACEHOLDER}" in command.text
    assert PLACEHOLDER in command.note


@pytest.mark.parametrize("changes", [{}, {"training.lora_rank": 2, "problems": 9, "top_k": 5}])
def test_of_a_distillation(
    planned: Callable[[str], RunPlan], tmp_path: Path, changes: dict[str, Any]
) -> None:
    recipe = changed(distillation_recipe(), changes)
    learned = read_problems(NAMED_SETS["demo-train"])
    plan = plan_distillation(ModelSpec(), "demo-teacher", learned, demo_problems(), recipe)
    run = Run.create(tmp_path, "distill", plan)
    same(planned(run_command(run).text), run)


def test_of_studies(planned: Callable[[str], RunPlan], tmp_path: Path) -> None:
    vary = ("training.lora_rank=1, 2", "training.target_modules=o_proj,q_proj+v_proj")
    study = study_of(changed(recipe_of("demo"), {"gate.tau": 0.1 + 0.2}), vary, "0,3")
    plan = plan_study(ModelSpec(), demo_training_problems(), demo_problems(), study)
    run = Run.create(tmp_path, "study", plan)
    same(planned(run_command(run).text), run)
    start = changed(distillation_recipe_of("demo"), {"problems": 30, "top_k": 8})
    grid = changed(distillation_study_of(start, vary, "1"), {"held_out.problems": 7})
    plan = plan_distillation_study(
        ModelSpec(), "demo-teacher", demo_training_problems(), demo_problems(), grid
    )
    run = Run.create(tmp_path, "distill-study", plan)
    same(planned(run_command(run).text), run)


@pytest.mark.parametrize("name", sorted(each.name for each in STORED.iterdir()))
def test_every_stored_run_has_a_command(name: str) -> None:
    run = Run.open(STORED / name)
    text = run_command(run).text
    assert shlex.split(text)[:2] == ["fork-explorer", run.config.task]
    words = shlex.split(text)
    said = words[words.index("--stop") + 1] if "--stop" in words else 'stop="none"'
    # Made before there were stop strings; a fine-tune has the settings of its rollouts.
    if name == "train":
        assert words[words.index("--rollouts") + 1] == str(STORED / "rollouts")
        assert not {"--stop", "--set"} & set(words)
    else:
        assert said == "none" or said in words


def test_without_its_rollouts_a_fine_tune_has_none(tmp_path: Path) -> None:
    alone = Path(shutil.copytree(STORED / "train", tmp_path / "train"))
    with pytest.raises(RunError):
        run_command(Run.open(alone))


def test_a_kind_of_a_newer_version_has_none(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "dream", RunPlan({}, {}, 0))
    with pytest.raises(RunError, match="Update"):
        run_command(run)
