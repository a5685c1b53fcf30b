"""A study over tau and the signs, whole, on a model so small that 20 fine-tunes take seconds.

Its answers are never right, so the rollouts are judged by turns; everything else is as it is.
FORK_EXPLORER_DEMO_STUDY=1 also does the study of docs/studies.md, twice some ten minutes.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from killable import exit_code_of, fork_server
from small_runs import UNIT, finish

from core.evaluation import sampling
from core.lora import phases as lora_phases
from core.lora.run_files import HISTORY
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.reasonmaxxer.plan import plan_rollouts
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import ROLLOUTS_TASK, STUDY_TASK
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS
from core.records import Outcome, Problem, Verdict
from core.runs import problem_units
from core.runs.kind import RESULTS, TABLE
from core.runs.run import Run
from core.runs.settings import changed, checked_settings
from core.runs.status import RunState
from core.studies.cells import CELLS
from core.studies.plan import plan_study
from core.studies.recipe import StudyRecipe
from core.studies.task import STUDY

pytestmark = [pytest.mark.training, pytest.mark.kill]

TAUS, SIGNS, SEEDS = (3.0, 3.6, 4.0, 4.2, 4.4), ("true", "false"), (0, 1)
GRID = {
    "vary": (f"gate.tau={','.join(map(str, TAUS))}", f"selection.positive_only={','.join(SIGNS)}"),
    "training_seeds": SEEDS,
}
RECIPE = {
    "max_new_tokens": 12,
    "stop": "e\na\n0",  # so that some end by themselves
    "prompt_style": "plain",
    "rollouts.samples": 4,
    "rollouts.temperature": 1.0,
    "rollouts.top_p": 1.0,
    "selection.max_problems": None,
    "selection.drop_longest": 0,
    "training.lora_rank": 1,
    "training.batch_size": 16,
    "training.accumulation": 1,
    "training.warmup_steps": 0,
    "training.learning_rate": 1e-2,
    "held_out.problems": 1,
}
ROOT = Path(__file__).resolve().parents[2]
ON_DEMO = (sys.executable, "sample_data/build/study.py")
LEARNED = [Problem(f"l{i}", f"How many cuts make {i} pieces?", "8") for i in range(2 * UNIT + 1)]
MEASURED = [Problem(f"m{i}", f"How many pieces do {i} cuts make?", "8") for i in range(2)]


@pytest.fixture(scope="module", autouse=True)
def small_units() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)
        gc.freeze()  # every cell collects garbage, and would look through all libraries
        yield
        gc.unfreeze()


@pytest.fixture(scope="module")
def rollouts(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = changed(Recipe(), RECIPE)
    plan = plan_rollouts(ModelSpec(tiny_model), LEARNED, recipe)
    run = Run.create(tmp_path_factory.mktemp("rollouts"), ROLLOUTS_TASK, plan)
    judge, verdicts = sampling.judge_completions, (Verdict.CORRECT, Verdict.WRONG)

    def by_turns(*rows: Any) -> list[Outcome]:
        return [replace(each, verdict=verdicts[i % 2]) for i, each in enumerate(judge(*rows))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "judge_completions", by_turns)
        return finish(run, SAMPLE_ROLLOUTS.carry_out)


def prepared(folder: Path, rollouts: Run) -> Run:
    recipe = changed(Recipe(), RECIPE).model_dump(mode="json")
    study = checked_settings(StudyRecipe, {**recipe, **GRID})
    plan = plan_study(ModelSpec(), [], MEASURED, study, rollouts=rollouts.folder)
    return Run.create(folder, STUDY_TASK, plan)


@pytest.fixture(scope="module")
def whole(rollouts: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[list[str]]]:
    """The study without an interruption, and the problems of every call of the model."""
    calls: list[list[str]] = []
    own = sampling.evaluate

    def counted(lm: Any, problems: Sequence[Problem], *others: Any, **named: Any) -> Any:
        calls.append([each.id for each in problems])
        return own(lm, problems, *others, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lora_phases, "evaluate", counted)
        run = finish(prepared(tmp_path_factory.mktemp("whole"), rollouts), STUDY.carry_out)
    return run, calls


def test_twenty_cells_sample_no_rollout(whole: tuple[Run, list[list[str]]]) -> None:
    run, calls = whole
    results = STUDY.results_of(run)
    assert results is not None
    assert [each.failure for each in results.cells] == [None] * 20
    assert calls == [[each.id for each in MEASURED]] * 21, "the base and every cell, once"
    shares = [each.gated_share or 0.0 for each in results.cells]
    assert shares[::4] == sorted(shares[::4], reverse=True), "a higher tau gates less"
    assert len({*shares[::4]}) == len(TAUS)
    assert shares[::2] == shares[1::2], "which the seed doesn't change"


def test_killed_at_three_moments_it_ends_with_the_same_bytes(
    whole: tuple[Run, list[list[str]]], rollouts: Run, tmp_path: Path
) -> None:
    run, server = prepared(tmp_path, rollouts), fork_server()
    done = []
    for moment in (("step", 1), ("unit", 11), ("unit", 14)):
        assert exit_code_of(server, run, moment) == -9
        assert run.status().state is RunState.INTERRUPTED
        done.append(cells_done(run))
    assert done[0] == 0 < done[1] < done[2] < 20, "in the first training, then in later cells"
    lines = run.units_path.read_bytes()
    run.units_path.write_bytes(lines[: len(lines) // 2])  # of the cells some are forgotten, too
    finish(run, STUDY.carry_out)
    first, _ = whole
    check_same(run, first)


@pytest.mark.slow
@pytest.mark.skipif(
    "FORK_EXPLORER_DEMO_STUDY" not in os.environ or not DEMO_FOLDER.exists(),
    reason="takes twenty minutes: FORK_EXPLORER_DEMO_STUDY=1 runs it, with the demo built",
)
def test_killed_at_three_moments_on_the_demo_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*ON_DEMO, str(whole)], cwd=ROOT, check=True)
    done = []
    for moment in (
        lambda: (killed / HISTORY).exists(),
        lambda: cells_done(Run.open(killed)) >= 7,
        lambda: cells_done(Run.open(killed)) >= 14,
    ):
        kill_at(moment, killed)
        done.append(cells_done(Run.open(killed)))
    assert done[0] == 0 < done[1] < done[2] < 20, "in the first training, then in later cells"
    subprocess.run([*ON_DEMO, str(killed)], cwd=ROOT, check=True)
    run = Run.open(killed)
    check_same(run, Run.open(whole))
    results = STUDY.results_of(run)
    assert results is not None
    trained = {each.values["gate.tau"] for each in results.cells if each.failure is None}
    assert trained == {"0.6", "1.0", "1.4"}, "no token of the demo is above 1.8 nats"


def kill_at(moment: Callable[[], bool], folder: Path) -> None:
    """Begin or continue the demo's study, and kill it with all its processes at a moment."""
    process = subprocess.Popen([*ON_DEMO, str(folder)], cwd=ROOT, start_new_session=True)
    while not moment():
        assert process.poll() is None, "it ended before that"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def cells_done(run: Run) -> int:
    """The number of cells that are finished."""
    return sum(key.startswith("done/") for key in run.units())


def check_same(run: Run, first: Run) -> None:
    """Assert that two studies ended with the same bytes, and the same results but for the cost."""
    assert bytes_of(run) == bytes_of(first)
    found, wanted = ({**each.read_json(RESULTS), "cost": None} for each in (run, first))
    assert found == wanted


def bytes_of(run: Run) -> dict[str, bytes]:
    """The table and the adapters of all cells."""
    paths = [run.folder / TABLE, *sorted((run.folder / CELLS).glob("*/adapter/*"))]
    return {str(path.relative_to(run.folder)): path.read_bytes() for path in paths}
