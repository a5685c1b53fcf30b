"""A distillation as a run: interrupted at any moment it ends with the same adapter."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.numpy import load_file, save_file
from small_runs import LESS, UNIT, distillation_recipe, finish, prepare_distillation
from transformers import AutoModelForCausalLM

from core.decoding.scoring import score
from core.distillation.plan import plan_distillation
from core.distillation.recipe import PRESETS, recipe_of
from core.distillation.results import ROLLOUTS, TOP_K, DistillationResults
from core.distillation.results import distillation_recipe as run_recipe
from core.distillation.task import DISTIL
from core.errors import FileError, ModelError, ProblemError, RunError
from core.evaluation.records import ProblemSamples, has_samples
from core.lora.run_files import ADAPTER, CHECKPOINTS, EVALUATION, SUMMARY, training_history
from core.models.language_model import load_language_model
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems, demo_training_problems
from core.runs import problem_units
from core.runs.context import CANCELLED, DONE, STOPPED, RunContext, carry_out
from core.runs.kind import RESULTS
from core.runs.problem_units import kept_records, unit_reader
from core.runs.run import Run
from core.runs.settings import changed
from core.runs.status import RunState

pytestmark = [
    pytest.mark.training,
    pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built"),
]
TIMES = ("clock/", "earlier/")  # units that say how long something took
STEPS = 9  # 12 rollouts, 4 a step, 3 epochs


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)


@pytest.fixture
def whole(distillations_folder: Path) -> Run:
    """A distillation that was never interrupted."""
    return Run.open(distillations_folder / "large")


def what_came_of(run: Run) -> tuple[bytes, Any, Any]:
    """Adapter, results and history, less what it cost."""
    results = run.read_json(RESULTS)
    del results["cost"]
    adapter = (run.folder / ADAPTER / "adapter_model.safetensors").read_bytes()
    return adapter, results, training_history(run)


def without_clocks(run: Run) -> dict[str, Any]:
    return {key: unit for key, unit in run.units().items() if not key.startswith(TIMES)}


def stopping(when: Callable[[float, str, str], bool]) -> Callable[[RunContext], None]:
    """The task, with a cancel at the first report of which `when` says so."""

    def task(work: RunContext) -> None:
        report = work.report

        def report_and_stop(done: float, total: float | None, what: str, unit: str = "") -> None:
            report(done, total, what, unit)
            if when(done, what, unit):
                work.stop.request()

        work.report = report_and_stop  # type: ignore[method-assign]
        DISTIL.carry_out(work)

    return task


MOMENTS: dict[str, Callable[[float, str, str], bool]] = {
    "rollouts": lambda done, what, unit: what.startswith("1") and done >= 4,
    "distributions": lambda done, what, unit: what.startswith("2") and done >= 5,
    "second epoch": lambda done, what, unit: unit == "steps" and done == 5,
    "end of an epoch": lambda done, what, unit: unit == "steps" and done == 6,
    "accuracy of the student": lambda done, what, unit: what.startswith("5") and done >= 1,
}


def test_a_distillation_cancelled_in_every_phase_ends_with_the_same_adapter(
    whole: Run, random_teacher: str, tmp_path: Path
) -> None:
    run = prepare_distillation(tmp_path, random_teacher)
    for moment, when in MOMENTS.items():
        assert carry_out(run, stopping(when), bar=False) == CANCELLED, (moment, run.log_tail())
        assert run.status().state is RunState.CANCELLED, moment
        assert DISTIL.results_of(run) is None, moment
    finish(run, DISTIL.carry_out)
    assert what_came_of(run) == what_came_of(whole)
    assert not (run.folder / CHECKPOINTS).exists()


def test_a_run_leaves_everything_that_a_page_shows(whole: Run) -> None:
    results = DISTIL.results_of(whole)
    assert results is not None
    assert json.loads(json.dumps(results.to_json())) == whole.read_json(RESULTS)
    measured = len(whole.problems(EVALUATION))
    assert [each.n for each in (results.base, results.teacher, results.student)] == [measured] * 3
    assert results.against_teacher.before.value == results.teacher.pass_at_1.value
    assert results.against_base.before.value == results.base.pass_at_1.value
    assert results.against_teacher.after.value == results.student.pass_at_1.value
    gap = results.student.pass_at_1.value - results.teacher.pass_at_1.value
    assert results.against_teacher.difference.value == pytest.approx(gap)
    assert list(results.cost.seconds) == ["teacher", "base", "training", "student"]
    assert (results.rollouts.problems, results.rollouts.rollouts) == (6, 12)
    training = results.training
    assert training.steps == STEPS
    # Rank 4 on four projections of 4 layers: r * (in + out) each.
    assert training.trained_parameters == 4 * 4 * (512 + 384 + 384 + 512)
    assert training.trained_share == training.trained_parameters / 3_197_696
    history = training_history(whole)
    assert [entry["step"] for entry in history] == list(range(1, STEPS + 1))
    assert training.first_kl == history[0]["loss"]
    assert training.last_kl == pytest.approx(np.mean([each["loss"] for each in history[-10:]]))


def test_the_cache_is_the_teacher_s_distribution_at_every_completion_position(
    whole: Run, random_teacher: str
) -> None:
    read = unit_reader(ProblemSamples, has_samples(2))
    records = kept_records(whole.problems(), whole.units(), read, ROLLOUTS)
    lm = load_language_model(ModelSpec(adapter=random_teacher))
    files = sorted((whole.folder / TOP_K).iterdir())
    assert [file.name for file in files] == [f"{i:06d}.safetensors" for i in range(2)]
    arrays = [load_file(file) for file in files]
    ids, logprobs = (
        np.concatenate([each[name] for each in arrays]) for name in ("ids", "logprobs")
    )
    expected = [
        score(lm, record.prompt_ids, each.token_ids, 64)
        for record in records
        for each in record.samples
    ]
    assert ids.shape == (sum(map(len, expected)), 64)
    assert (ids.dtype, logprobs.dtype) == (np.int32, np.float32)
    assert np.array_equal(ids, np.concatenate([each.top_ids for each in expected]))
    assert np.array_equal(logprobs, np.concatenate([each.top_logprobs for each in expected]))


@pytest.mark.parametrize("damage", ["cut", "nan", "short", "gone"])
def test_a_damaged_cache_is_made_again(whole: Run, tmp_path: Path, damage: str) -> None:
    shutil.copytree(whole.folder, tmp_path / "damaged")
    run = Run.open(tmp_path / "damaged")
    (run.folder / RESULTS).unlink()
    file = run.folder / TOP_K / "000001.safetensors"
    kept, arrays = file.read_bytes(), load_file(file)
    if damage == "cut":
        file.write_bytes(kept[:-100])
    elif damage == "gone":
        file.unlink()
    else:
        if damage == "nan":
            arrays["logprobs"][3, 5] = np.nan
        rows = slice(None, -1) if damage == "short" else slice(None)
        save_file({name: each[rows].copy() for name, each in arrays.items()}, file)
    assert carry_out(run, DISTIL.carry_out, bar=False) == DONE, run.log_tail()
    assert file.read_bytes() == kept
    assert what_came_of(run) == what_came_of(whole)
    assert ("computed again" in str(run.status().error)) == (damage != "gone")


def test_the_adapter_folder_is_plain_peft_and_says_the_same(whole: Run) -> None:
    folder = whole.folder / ADAPTER
    assert sorted(file.name for file in folder.iterdir()) == [
        "README.md", "adapter_config.json", "adapter_model.safetensors",
    ]  # fmt: skip
    results = DISTIL.results_of(whole)
    assert results is not None
    card = (folder / "README.md").read_text()
    assert f"{results.student.pass_at_1.value:.3f}" in card
    assert "teaching model" in card
    assert "prompt style llama_abel" in card
    assert str(whole.folder.parents[1]) not in card + (folder / "adapter_config.json").read_text()
    ours = load_language_model(ModelSpec(adapter=str(folder)))
    plain = AutoModelForCausalLM.from_pretrained(DEMO_FOLDER, dtype="float32")
    plain = PeftModel.from_pretrained(plain, str(folder))
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        torch.testing.assert_close(plain(ids).logits, ours.model(ids).logits)


def test_another_rank_takes_the_teacher_s_work_over(
    distillations_folder: Path, random_teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Run.open(distillations_folder / "small")
    results = DISTIL.results_of(small)
    assert results is not None
    assert results.cost.seconds["teacher and base, in an earlier run"] > 0

    def never(base: ModelSpec, teacher: str) -> ModelSpec:
        raise AssertionError("the teacher's work is done")

    monkeypatch.setattr("core.distillation.models.teacher_spec", never)
    run = prepare_distillation(
        tmp_path,
        random_teacher,
        distillation_recipe(**LESS),
        teacher_from=distillations_folder / "large",
    )
    task = stopping(lambda done, what, unit: unit == "steps" and done >= 1)
    assert carry_out(run, task, bar=False) == CANCELLED, run.log_tail()
    taken = without_clocks(run)
    assert taken
    assert taken == {key: unit for key, unit in small.units().items() if key in taken}


def test_without_an_earlier_run_the_teacher_s_work_is_done_to_the_same_end(
    distillations_folder: Path, random_teacher: str, tmp_path: Path
) -> None:
    """All that a training depends on is the same as of the run that took it over, whose own
    training is a case of the next test."""
    small = Run.open(distillations_folder / "small")
    run = prepare_distillation(tmp_path, random_teacher, distillation_recipe(**LESS))
    task = stopping(lambda done, what, unit: unit == "steps" and done >= 1)
    assert carry_out(run, task, bar=False) == CANCELLED, run.log_tail()
    mine = without_clocks(run)
    assert mine
    assert mine == {key: unit for key, unit in small.units().items() if key in mine}
    caches = [
        {file.name: file.read_bytes() for file in (each.folder / TOP_K).iterdir()}
        for each in (run, small)
    ]
    assert caches[0] == caches[1]


def test_when_the_earlier_run_is_gone_the_teacher_s_work_is_done_to_the_same_end(
    distillations_folder: Path, random_teacher: str, tmp_path: Path
) -> None:
    source = tmp_path / "gone"
    shutil.copytree(distillations_folder / "large", source)
    run = prepare_distillation(
        tmp_path, random_teacher, distillation_recipe(**LESS), teacher_from=source
    )
    shutil.rmtree(source)
    finish(run, DISTIL.carry_out)
    assert what_came_of(run) == what_came_of(Run.open(distillations_folder / "small"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 1}, "problem sets, seed|seed, .*problem sets"),
        ({"rollouts.temperature": 0.5}, "rollouts"),
        ({"top_k": 8}, "top_k"),
    ],
)
def test_another_teacher_s_work_is_not_taken_over(
    whole: Run, random_teacher: str, tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(RunError, match=f"is of another kind: .*({told})"):
        prepare_distillation(
            tmp_path, random_teacher, distillation_recipe(**change), teacher_from=whole.folder
        )
    unfinished = prepare_distillation(tmp_path, random_teacher)
    with pytest.raises(RunError, match="not finished"):
        prepare_distillation(tmp_path, random_teacher, teacher_from=unfinished.folder)


def test_a_teacher_of_another_vocabulary_is_refused(tmp_path: Path, tiny_model: str) -> None:
    run = prepare_distillation(tmp_path, tiny_model)
    assert carry_out(run, DISTIL.carry_out, bar=False) == STOPPED
    assert "has another vocabulary than demo" in str(run.status().error)


def test_a_second_model_teaches_as_an_adapter_does(
    whole: Run, random_teacher: str, tmp_path: Path
) -> None:
    """The same teacher with its adapter merged in, as a model of its own: float32 rounds the
    merged weights, so the accuracies are the same and the last bits are not."""
    model = AutoModelForCausalLM.from_pretrained(DEMO_FOLDER, dtype="float32")
    merged = PeftModel.from_pretrained(model, random_teacher).merge_and_unload()
    folder = tmp_path / "merged"
    shutil.copytree(DEMO_FOLDER, folder)
    for file in folder.glob("*.safetensors"):
        file.unlink()
    merged.save_pretrained(folder)
    run = prepare_distillation(tmp_path, str(folder), distillation_recipe(**{"training.epochs": 1}))
    assert carry_out(run, DISTIL.carry_out, bar=False) == DONE, run.log_tail()
    ours, theirs = DISTIL.results_of(run), DISTIL.results_of(whole)
    assert ours is not None
    assert theirs is not None
    assert ours.base == theirs.base
    assert ours.rollouts.tokens == theirs.rollouts.tokens
    assert ours.teacher.pass_at_1 == theirs.teacher.pass_at_1
    assert ours.training.first_kl == pytest.approx(theirs.training.first_kl, rel=1e-2)


def test_what_can_t_be_distilled_is_refused_before_anything_is_made(
    random_teacher: str, tmp_path: Path
) -> None:
    problems, measured, recipe = demo_training_problems(), demo_problems(), recipe_of("demo")
    with pytest.raises(ProblemError, match="evaluated on, too"):
        plan_distillation(ModelSpec(), random_teacher, problems, problems, recipe)
    with pytest.raises(ProblemError, match="no problems to train on"):
        plan_distillation(ModelSpec(), random_teacher, [], measured, recipe)
    with pytest.raises(ProblemError, match="no problems to evaluate on"):
        plan_distillation(ModelSpec(), random_teacher, problems, [], recipe)
    with pytest.raises(ModelError, match="has an adapter already"):
        plan_distillation(
            ModelSpec(adapter=random_teacher), random_teacher, problems, measured, recipe
        )
    with pytest.raises(ModelError, match="no model folder"):
        plan_distillation(ModelSpec(), str(tmp_path / "a/b/c"), problems, measured, recipe)


def test_bad_luck_is_told_with_what_to_change(
    random_teacher: str,
    distillations_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told(**changes: Any) -> str:
        run = prepare_distillation(
            tmp_path,
            random_teacher,
            distillation_recipe(**{"training.epochs": 1} | changes),
            teacher_from=distillations_folder / "large",
        )
        assert carry_out(run, DISTIL.carry_out, bar=False) == STOPPED, run.log_tail()
        return str(run.status().error)

    assert "Choose among" in told(**{"training.target_modules": "query"})
    assert "equals its base" in told(**{"training.learning_rate": 1e-30})
    assert "is NaN or infinite" in told(**{"training.learning_rate": 1e30})

    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("core.distillation.trainer.distillation_loss", full)
    assert "Lower the training batch size" in told()


def test_checkpoints_or_a_cache_that_are_a_link_are_not_touched(
    random_teacher: str, tmp_path: Path
) -> None:
    for name in (CHECKPOINTS, TOP_K):
        run = prepare_distillation(tmp_path, random_teacher, distillation_recipe(**{"problems": 2}))
        elsewhere = tmp_path / f"elsewhere {name}" / "checkpoint-7"
        elsewhere.mkdir(parents=True)
        (run.folder / name).symlink_to(elsewhere.parent)
        assert carry_out(run, DISTIL.carry_out, bar=False) == STOPPED
        assert "is a link" in str(run.status().error)
        assert list(elsewhere.parent.iterdir()) == [elsewhere]


def test_damaged_results_are_told(whole: Run, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path / "damaged")
    run = Run.open(tmp_path / "damaged")
    good = run.read_json(RESULTS)
    for name, value in {
        "cost": {},
        "training": {**good["training"], "parameters": 0},
        "rollouts": {**good["rollouts"], "right": 10_000},
        "student": {**good["student"], "n": -1},
    }.items():
        (run.folder / RESULTS).write_text(json.dumps({**good, name: value}))
        with pytest.raises(FileError, match="damaged"):
            DISTIL.results_of(run)
    with pytest.raises(FileError, match="Update the explorer"):
        DistillationResults.from_json({**good, "schema_version": 99})
    (run.folder / RESULTS).unlink()
    (run.folder / SUMMARY).write_text("[]")
    assert carry_out(run, DISTIL.carry_out, bar=False) == STOPPED
    assert "trains again" in str(run.status().error)


def test_the_paper_s_preset_is_the_paper_s() -> None:
    recipe = recipe_of("paper")
    assert (recipe.problems, recipe.top_k) == (100, 64)
    rollouts, training = recipe.rollouts, recipe.training
    assert (rollouts.samples, rollouts.temperature, rollouts.top_p) == (1, 0.6, 0.95)
    assert (training.epochs, training.batch_size, training.accumulation) == (3, 2, 8)
    assert (training.learning_rate, training.weight_decay, training.warmup) == (1e-4, 1e-2, 0.1)
    assert (training.lora_rank, training.alpha) == (32, 64)
    assert training.target_modules == ("q_proj", "k_proj", "v_proj", "o_proj")
    eight = changed(recipe, {"training.lora_rank": 8, "training.target_modules": "o_proj"})
    assert (eight.training.alpha, eight.training.target_modules) == (16, ("o_proj",))
    assert {name: each.preset for name, each in PRESETS.items()} == {name: name for name in PRESETS}
    with pytest.raises(RunError, match="is unknown"):
        recipe_of("magic")


def test_a_run_s_recipe_is_read_back(whole: Run) -> None:
    assert run_recipe(whole) == distillation_recipe()
