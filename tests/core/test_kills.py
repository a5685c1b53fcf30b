"""A run that is killed, whenever and however often, ends with the same bytes after a resume.

The moments are taken one by one with the toy kind, whose run layer is that of all kinds; each of
the others is killed once, in the middle of its work.
"""

from __future__ import annotations

import json
import shutil
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import peft
import pytest
from killable import TASKS, Moment, exit_code_of, exit_code_of_command
from killable import fork_server as new_fork_server
from models import tiny_language_model
from small_runs import (
    LESS,
    UNIT,
    distillation_recipe,
    finish,
    prepare_distillation,
    prepare_rollouts,
)
from toy_kind import LENGTHS

from core.disagreement.task import plan_comparison
from core.evaluation.task import AGAINST, EVALUATE, plan_evaluation
from core.interventions.task import plan_interventions
from core.lora.run_files import ADAPTER, CHECKPOINTS, SUMMARY, training_history
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems, write_problems
from core.reasonmaxxer.rollouts import rollout_records
from core.records import Problem
from core.runs import problem_units
from core.runs.config import RunPlan
from core.runs.context import DONE
from core.runs.kind import RESULTS, SO_FAR, TABLE
from core.runs.models import model_fields
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState

KILLED = -9
UNITS = "units.jsonl"
PROBLEMS = [
    Problem(f"p{i}", f"How many cuts make {i} pieces?", str(i)) for i in range(3 * UNIT - 1)
]
NEVER: Moment = ("never", 0)


@pytest.fixture(scope="session")
def fork_server() -> ForkServerContext:
    return new_fork_server()


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)


def lengths(folder: Path, model: str) -> Run:
    fields = model_fields(ModelSpec(model))
    return Run.create(folder, LENGTHS.name, RunPlan({}, fields, 0, problems=PROBLEMS))


def bytes_of(run: Run, *names: str) -> dict[str, bytes]:
    return {name: (run.folder / name).read_bytes() for name in names}


def assert_as_if_never_killed(run: Run, whole: Run, *names: str) -> None:
    assert run.status().state is RunState.DONE
    assert bytes_of(run, *names) == bytes_of(whole, *names)
    left = {path.name for path in run.folder.iterdir()} - {p.name for p in whole.folder.iterdir()}
    assert {name for name in left if not name.endswith(".partial")} == set()


def test_killed_at_any_change_of_the_disk_a_run_ends_with_the_same_bytes(
    tmp_path: Path, tiny_model: str, fork_server: ForkServerContext
) -> None:
    """Every moment at which an undisturbed run writes, syncs or replaces a file."""
    whole = finish(lengths(tmp_path, tiny_model), LENGTHS.carry_out)
    kept: set[int] = set()
    number, code = 0, KILLED
    while code == KILLED:
        number += 1
        run = lengths(tmp_path, tiny_model)
        code = exit_code_of(fork_server, run, ("disk", number))
        if code == KILLED:
            assert run.status().state in (RunState.NEW, RunState.INTERRUPTED, RunState.DONE)
            units = len(run.units())
            assert len(LENGTHS.records_of(run)) == min(units * UNIT, len(PROBLEMS))
            kept.add(units)
            finish(run, LENGTHS.carry_out)
        assert_as_if_never_killed(run, whole, RESULTS, TABLE, UNITS)
    assert code == DONE
    assert kept == {0, 1, 2, 3}, "before, between and after all units"
    assert number > 15


def test_killed_over_and_over_a_run_ends_with_the_same_bytes(
    tmp_path: Path, tiny_model: str, fork_server: ForkServerContext
) -> None:
    """Every start but the last is killed, a little later than the one before."""
    whole = finish(lengths(tmp_path, tiny_model), LENGTHS.carry_out)
    run = lengths(tmp_path, tiny_model)
    starts, units = 1, 0
    while exit_code_of(fork_server, run, ("disk", starts)) == KILLED:
        assert len(run.units()) >= units, "what is finished stays"
        starts, units = starts + 1, len(run.units())
    assert starts > 5
    assert_as_if_never_killed(run, whole, RESULTS, TABLE, UNITS)


# ---- each of the real kinds


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A LoRA adapter for the tiny model that changes what it says."""
    folder = tmp_path_factory.mktemp("adapter")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    peft.get_peft_model(tiny_language_model().model, config).save_pretrained(folder)
    return str(folder)


def killed_and_resumed(run: Run, server: ForkServerContext, at: Moment) -> Run:
    assert exit_code_of(server, run, at) == KILLED
    assert run.status().state is RunState.INTERRUPTED
    assert run.units()
    return finish(run, TASKS[run.config.task])


def both(folder: Path, task: str, plan: Any) -> tuple[Run, Run]:
    """Two runs of a plan."""
    one, other = (Run.create(folder / name, task, plan) for name in ("whole", "killed"))
    return one, other


def test_a_killed_evaluation(
    tmp_path: Path, tiny_model: str, fork_server: ForkServerContext
) -> None:
    settings = {"samples": 3, "max_new_tokens": 8}
    spec = ModelSpec(tiny_model)
    plan = plan_evaluation(spec, PROBLEMS, settings | {"seed": 1})
    earlier = finish(Run.create(tmp_path, "evaluate", plan), EVALUATE.carry_out)
    plan = plan_evaluation(spec, PROBLEMS, settings, against=earlier.folder)
    whole, run = both(tmp_path, "evaluate", plan)
    finish(whole, EVALUATE.carry_out)
    killed_and_resumed(run, fork_server, ("unit", 2))
    assert_as_if_never_killed(run, whole, RESULTS, TABLE, UNITS, AGAINST)
    assert not (run.folder / SO_FAR).exists()


@pytest.mark.parametrize("task", ["interventions", "compare"])
def test_a_killed_run_with_a_teacher(
    task: str, tmp_path: Path, tiny_model: str, adapter: str, fork_server: ForkServerContext
) -> None:
    spec = ModelSpec(tiny_model)
    if task == "compare":
        plan = plan_comparison(spec, PROBLEMS, {"max_new_tokens": 8}, teachers=[adapter])
    else:
        settings = {"max_new_tokens": 8, "positions": 2}
        plan = plan_interventions(spec, PROBLEMS, settings, teacher=adapter)
    whole, run = both(tmp_path, task, plan)
    finish(whole, TASKS[task])
    killed_and_resumed(run, fork_server, ("unit", 2))
    assert_as_if_never_killed(run, whole, RESULTS, TABLE, UNITS)


needs_demo = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")


def without_cost(run: Run, *names: str) -> list[Any]:
    """Results less what they cost, which no two runs have in common, and other files."""
    results = run.read_json(RESULTS)
    results.pop("cost", None)
    return [results, *bytes_of(run, *names).values()]


@needs_demo
def test_killed_rollouts(
    tmp_path: Path, rollouts_folder: Path, fork_server: ForkServerContext
) -> None:
    run = killed_and_resumed(prepare_rollouts(tmp_path), fork_server, ("unit", 2))
    whole = Run.open(rollouts_folder / "rollouts")
    assert without_cost(run) == without_cost(whole)
    assert rollout_records(run) == rollout_records(whole)


@needs_demo
def test_a_killed_fine_tune(
    tmp_path: Path, fine_tune_folder: Path, fork_server: ForkServerContext
) -> None:
    """Its rollouts and its accuracy before are there already."""
    whole = Run.open(fine_tune_folder / "train")
    shutil.copytree(whole.folder, tmp_path / "killed")
    for name in (RESULTS, SUMMARY):
        (tmp_path / "killed" / name).unlink()
    run = Run.open(tmp_path / "killed")
    assert exit_code_of(fork_server, run, ("step", 5)) == KILLED
    assert run.status().state is RunState.INTERRUPTED
    assert [path.name for path in (run.folder / CHECKPOINTS).glob("*/whole")], "it began"
    finish(run, TASKS["train"])
    adapter = f"{ADAPTER}/adapter_model.safetensors"
    assert without_cost(run, adapter) == without_cost(whole, adapter)
    assert training_history(run) == training_history(whole)
    assert not (run.folder / CHECKPOINTS).exists()


@needs_demo
def test_a_killed_distillation(
    tmp_path: Path,
    random_teacher: str,
    distillations_folder: Path,
    fork_server: ForkServerContext,
) -> None:
    run = prepare_distillation(
        tmp_path,
        random_teacher,
        distillation_recipe(**LESS),
        teacher_from=distillations_folder / "large",
    )
    killed_and_resumed(run, fork_server, ("step", 5))
    whole = Run.open(distillations_folder / "small")
    adapter = f"{ADAPTER}/adapter_model.safetensors"
    assert without_cost(run, adapter) == without_cost(whole, adapter)


@needs_demo
def test_killed_while_claims_are_measured_no_unit_is_made_twice(
    tmp_path: Path, fork_server: ForkServerContext
) -> None:
    """The second start continues the run that the first one began."""
    problems, runs, kept = tmp_path / "six.jsonl", tmp_path / "runs", tmp_path / "kept.txt"
    write_problems(problems, demo_problems()[: 2 * UNIT])
    words = [
        "claims", "demo", "--problems", str(problems), "--rows", "rm-rank,rm-entropy",
        "--runs-dir", str(runs), "--measure", "--json", "--out", str(tmp_path / "table.json"),
    ]  # fmt: skip
    assert exit_code_of_command(fork_server, words, kept, 1) == KILLED
    (begun,) = RunsFolder(runs).list()
    assert begun.status().state is RunState.INTERRUPTED
    assert exit_code_of_command(fork_server, words, kept, None) == 0
    (run,) = RunsFolder(runs).list()
    assert run.id == begun.id
    assert run.status().state is RunState.DONE
    keys = kept.read_text().split()
    assert keys == ["000000", "000001"]
    assert list(run.units()) == keys
    table = json.loads((tmp_path / "table.json").read_text())
    assert [each["id"] for each in table["claims"]] == ["rm-rank", "rm-entropy"]
    assert {tuple(each["runs"].values()) for each in table["claims"]} == {(run.id,)}
    assert table["missing"] == []
