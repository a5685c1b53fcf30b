"""A step of a training that takes long: its micro-batches are reported, and a stop can't wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_runs import UNIT, fine_tune_recipe, prepare_fine_tune

from core.lora import trainer
from core.lora.callbacks import last_whole_checkpoint
from core.lora.run_files import ADAPTER, CHECKPOINTS, training_history
from core.models.spec import DEMO_FOLDER
from core.reasonmaxxer.phases import TRAINING
from core.reasonmaxxer.task import TRAIN
from core.runs import problem_units
from core.runs.context import CANCELLED, DONE, RunContext, carry_out
from core.runs.run import Run

pytestmark = [
    pytest.mark.training,
    pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built"),
]
A_STEP = 4  # micro-batches, of one rollout each
Reports = list[tuple[float, float | None]]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)
    monkeypatch.setattr(trainer, "ROW_TOKENS", 1)  # else all rollouts of a step are one row


def prepared(folder: Path, rollouts: Path) -> Run:
    recipe = fine_tune_recipe(
        **{"training.batch_size": 1, "training.accumulation": A_STEP, "held_out.problems": 0,
           "training.epochs": 1, "selection.max_problems": 3}
    )  # fmt: skip
    return prepare_fine_tune(folder, recipe, rollouts=rollouts)


def training(run: Run, stop_at: float | None = None) -> tuple[int, Reports]:
    """Carry a run out; a stop that is overdue comes with the report of so many steps."""
    reports: Reports = []

    def work(context: RunContext) -> None:
        report = context.report

        def noted(done: float, total: float | None, what: str, *unit: Any) -> None:
            report(done, total, what, *unit)
            if what.startswith(TRAINING):
                reports.append((done, total))
                if done == stop_at:
                    context.stop.request()
                    context.stop.request()

        context.report = noted  # type: ignore[method-assign]
        TRAIN.carry_out(context)

    return carry_out(run, work, bar=False), reports


def weights(run: Run) -> bytes:
    return (run.folder / ADAPTER / "adapter_model.safetensors").read_bytes()


def test_a_stop_in_a_step_keeps_the_steps_before_it_and_nothing_else_changes(
    tmp_path: Path, rollouts_folder: Path
) -> None:
    rollouts = rollouts_folder / "rollouts"
    whole = prepared(tmp_path / "whole", rollouts)
    code, reports = training(whole)
    assert code == DONE
    steps = reports[-1][1]
    assert steps is not None
    assert steps >= 3
    parts = [done for done, _ in reports if done < 1]
    assert parts == [0, 1 / A_STEP, 2 / A_STEP, 3 / A_STEP]
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)

    run = prepared(tmp_path / "stopped", rollouts)
    code, reports = training(run, stop_at=2 + 2 / A_STEP)
    assert (code, reports[-1][0]) == (CANCELLED, 2 + 2 / A_STEP)
    checkpoint = last_whole_checkpoint(run.folder / CHECKPOINTS)
    assert checkpoint is not None
    assert checkpoint.name == "checkpoint-2", "no step is lost"
    code, reports = training(run)
    assert (code, reports[0][0]) == (DONE, 2)
    assert weights(run) == weights(whole)
    assert training_history(run) == training_history(whole)


def test_a_stop_in_the_first_step_has_nothing_to_keep(
    tmp_path: Path, rollouts_folder: Path
) -> None:
    run = prepared(tmp_path, rollouts_folder / "rollouts")
    assert training(run, stop_at=1 / A_STEP)[0] == CANCELLED
    assert last_whole_checkpoint(run.folder / CHECKPOINTS) is None
