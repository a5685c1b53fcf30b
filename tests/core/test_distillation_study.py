"""A study of distillations: the teacher works once, a student a cell, the choice on held-out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import peft
import pytest
from killable import exit_code_of, fork_server
from models import tiny_language_model
from small_runs import UNIT, finish

from core.cli.command_line import run_command
from core.distillation import teacher_top_k
from core.distillation.recipe import DistillationRecipe
from core.errors import ProblemError, RunError
from core.evaluation import sampling
from core.lora import phases as lora_phases
from core.models.spec import ModelSpec
from core.records import Problem
from core.runs import problem_units
from core.runs.kind import RESULTS, TABLE
from core.runs.run import Run
from core.runs.settings import changed
from core.runs.status import RunState
from core.studies.cells import CELLS
from core.studies.distillations import DISTILL_STUDY, DISTILL_STUDY_TASK
from core.studies.plan import plan_distillation_study
from core.studies.recipe import DistillationStudyRecipe, distillation_study_of
from core.studies.results import StudyResults

VARY = ("training.lora_rank=1,2", "training.target_modules=o_proj,q_proj+o_proj")
SMALL = {
    "max_new_tokens": 8,
    "prompt_style": "plain",
    "rollouts.samples": 2,
    "top_k": 4,
    "training.epochs": 1,
    "training.batch_size": 6,
    "training.accumulation": 1,
    "training.learning_rate": 1e-2,
    "evaluation.samples": 1,
}
SOLVED = [Problem(f"s{i}", f"How many cuts make {i} pieces?", "8") for i in range(8)]
MEASURED = [Problem(f"m{i}", f"How many pieces do {i} cuts make?", "8") for i in range(2)]


def recipe(*vary: str, seeds: str = "0") -> DistillationStudyRecipe:
    return distillation_study_of(changed(DistillationRecipe(), SMALL), vary, seeds)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A LoRA adapter for the tiny model that changes what it says."""
    folder = tmp_path_factory.mktemp("teacher")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    peft.get_peft_model(tiny_language_model().model, config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", autouse=True)
def small_units() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)
        yield


def prepared(folder: Path, model: str, teacher: str) -> Run:
    plan = plan_distillation_study(ModelSpec(model), teacher, SOLVED, MEASURED, recipe(*VARY))
    return Run.create(folder, DISTILL_STUDY_TASK, plan)


@pytest.fixture(scope="module")
def whole(
    tiny_model: str, teacher: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, list[int], list[int]]:
    """A finished study, the number of chains of every sampling, and the positions of every reading
    of the teacher."""
    sampled: list[int] = []
    read: list[int] = []
    own, own_top_k = sampling.evaluate, teacher_top_k.top_k

    def counted(lm: Any, problems: Sequence[Problem], settings: Any, **others: Any) -> Any:
        sampled.append(len(problems) * settings.samples)
        return own(lm, problems, settings, **others)

    def counted_top_k(lm: Any, prompt: Any, token_ids: Sequence[int], *others: Any) -> Any:
        read.append(len(token_ids))
        return own_top_k(lm, prompt, token_ids, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lora_phases, "evaluate", counted)
        patch.setattr(teacher_top_k, "top_k", counted_top_k)
        run = prepared(tmp_path_factory.mktemp("whole"), tiny_model, teacher)
        return finish(run, DISTILL_STUDY.carry_out), sampled, read


@pytest.mark.training
def test_the_teacher_works_once_and_every_student_is_measured(
    whole: tuple[Run, list[int], list[int]],
) -> None:
    run, sampled, read = whole
    assert len(run.problems()) == 6
    assert [each.id for each in run.problems("held_out")] == ["s2", "s4"]
    rollouts, test, held_out = 6 * 2, 2, 2 * 2
    assert sum(sampled) == rollouts + test + (test + held_out) * 5  # teacher; base and 4 students
    assert len(read) == rollouts
    results = DISTILL_STUDY.results_of(run)
    assert results is not None
    # Two layers of width 32; a matrix of 32 x 32 gets (32 + 32) parameters a rank.
    assert [each.trained_parameters for each in results.cells] == [128, 256, 256, 512]
    assert [each.values["training.target_modules"] for each in results.cells[:2]] == [
        "o_proj", "q_proj+o_proj",
    ]  # fmt: skip
    assert results.teacher_test is not None
    assert results.teacher_test.n == 2
    assert results.chosen is not None
    assert results.chosen.setting == 0, "of equal ones the first"
    assert all(each.held_out is not None and each.held_out.n == 2 for each in results.cells)
    assert StudyResults.from_json(results.to_json()) == results


@pytest.mark.training
@pytest.mark.kill
def test_killed_it_ends_with_the_same_bytes(
    whole: tuple[Run, list[int], list[int]], tiny_model: str, teacher: str, tmp_path: Path
) -> None:
    first, _, _ = whole
    run, server = prepared(tmp_path, tiny_model, teacher), fork_server()
    for moment in (("step", 1), ("unit", 9)):
        assert exit_code_of(server, run, moment) == -9
        assert run.status().state is RunState.INTERRUPTED
    finish(run, DISTILL_STUDY.carry_out)
    for each in (
        TABLE,
        *(f"{CELLS}/cell-00{n}/adapter/adapter_model.safetensors" for n in range(4)),
    ):
        assert (run.folder / each).read_bytes() == (first.folder / each).read_bytes()
    found, wanted = ({**each.read_json(RESULTS), "cost": None} for each in (run, first))
    assert found == wanted


def test_only_the_training_varies_and_something_is_held_out(tiny_model: str, teacher: str) -> None:
    with pytest.raises(RunError, match=r"'rollouts\.samples' can't vary"):
        recipe("rollouts.samples=1,2")
    with pytest.raises(ProblemError, match="No problem is left to choose the settings on"):
        plan_distillation_study(ModelSpec(tiny_model), teacher, SOLVED[:3], MEASURED, recipe())


def test_its_command_makes_it_again(tiny_model: str, teacher: str, tmp_path: Path) -> None:
    command = run_command(prepared(tmp_path, tiny_model, teacher)).text
    assert command.startswith("fork-explorer distill-study --model ")
    assert "--vary training.lora_rank=1,2" in command
    assert "--vary training.target_modules=o_proj,q_proj+o_proj" in command
    assert command.endswith("--training-seeds 0")
    assert "--set vary" not in command
