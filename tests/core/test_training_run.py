"""A fine-tune as a run: cancelled at any moment it ends with the same adapter.

That it does so when it is killed, too, is a case of test_kills.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from small_runs import (
    UNIT,
    fine_tune_recipe,
    finish,
    prepare_fine_tune,
    prepare_rollouts,
    training_problems,
)
from transformers import AutoModelForCausalLM

from core.chains.generation import generate
from core.chains.prompting import RunPromptSettings
from core.errors import ModelError, ProblemError, RunError
from core.evaluation.task import plan_evaluation
from core.lora.run_files import ADAPTER, CHECKPOINTS, EVALUATION, SUMMARY, training_history
from core.models.language_model import load_language_model
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems, demo_training_problems
from core.reasonmaxxer.plan import plan_training
from core.reasonmaxxer.recipe import PRESETS, Recipe, recipe_of
from core.reasonmaxxer.results import (
    HELD_OUT,
    TRAIN_TASK,
    chains_side_by_side,
    run_recipe,
    selection_report,
)
from core.reasonmaxxer.rollouts import OF_ROLLOUTS, rollout_records
from core.reasonmaxxer.task import TRAIN
from core.records import Problem, Sampler
from core.runs import problem_units
from core.runs.context import CANCELLED, DONE, STOPPED, RunContext, carry_out
from core.runs.kind import RESULTS
from core.runs.run import Run
from core.runs.settings import changed
from core.runs.status import RunState

pytestmark = [
    pytest.mark.training,
    pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built"),
]
FEW = {"selection.max_problems": 1, "training.epochs": 2, "held_out.problems": 0}
"""For trainings of which only the end counts: two steps."""
SAMPLED = ("rollouts/", "before/")
"""Units that a run has before it trains."""


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)


@pytest.fixture
def whole(fine_tune_folder: Path) -> Run:
    """A fine-tune that was never interrupted."""
    return Run.open(fine_tune_folder / "train")


def copy_of(folder: Path, to: Path, *without: str) -> Run:
    """A copy of a run, without some of its files."""
    shutil.copytree(folder, to)
    for name in without:
        (to / name).unlink()
    return Run.open(to)


def what_came_of(run: Run) -> tuple[bytes, Any, Any]:
    """Adapter, results and history, less what it cost."""
    results = run.read_json(RESULTS)
    del results["cost"]
    return (
        (run.folder / ADAPTER / "adapter_model.safetensors").read_bytes(),
        results,
        training_history(run),
    )


def test_a_training_cancelled_twice_goes_on_where_it_stopped(whole: Run, tmp_path: Path) -> None:
    """At a step after which nothing is measured, and at one after which something is. It begins
    after the rollouts, as a run does whose training has to be done again."""
    run = copy_of(whole.folder, tmp_path / "cancelled", RESULTS, SUMMARY)
    for step in (3, 4):

        def stop_at(work: RunContext, step: int = step) -> None:
            report = work.report

            def report_and_stop(
                done: float, total: float | None, what: str, unit: str = ""
            ) -> None:
                report(done, total, what, unit)
                if unit == "steps" and done == step:
                    work.stop.request()

            work.report = report_and_stop  # type: ignore[method-assign]
            TRAIN.carry_out(work)

        assert carry_out(run, stop_at, bar=False) == CANCELLED
        assert run.status().state is RunState.CANCELLED
        if step % 2:  # not while it is measured: who cancels doesn't wait for the end of that
            assert (run.folder / CHECKPOINTS / f"checkpoint-{step}" / "whole").is_file()
        assert TRAIN.results_of(run) is None
    finish(run, TRAIN.carry_out)
    assert what_came_of(run) == what_came_of(whole)
    assert not (run.folder / CHECKPOINTS).exists()


def test_a_run_leaves_everything_that_a_page_shows(whole: Run) -> None:
    run = whole
    results = TRAIN.results_of(run)
    assert results is not None
    assert json.loads(json.dumps(results.to_json())) == run.read_json(RESULTS)
    assert results.selection == selection_report(run)
    assert results.comparison.n == len(run.problems(EVALUATION)) == 6
    assert list(results.cost.seconds) == ["rollouts", "before", "training", "after"]
    assert all(seconds > 0 for seconds in results.cost.seconds.values())
    assert results.cost.total_seconds == pytest.approx(sum(results.cost.seconds.values()))
    assert results.cost.total_seconds <= run.status().elapsed
    assert results.cost.peak_memory_bytes > 2**26
    records = rollout_records(run)
    assert [len(record.samples) for record in records] == [4] * 8
    for record in records:
        for sample in record.samples:
            assert sample.entropy is not None
            assert len(sample.entropy) == len(sample.token_ids)
    history = training_history(run)
    assert history[0]["eval_n"] == len(run.problems(HELD_OUT)) == 2, (
        "measured before the first step"
    )
    assert [entry["step"] for entry in history if "loss" in entry] == list(
        range(1, results.training.steps + 1)
    )
    assert results.training.best_step in {e["step"] for e in history if "eval_accuracy" in e}
    ids = {problem.id for problem in run.problems()}
    assert ids.isdisjoint(problem.id for problem in run.problems(HELD_OUT))


def test_the_adapter_folder_is_plain_peft_and_says_the_same(whole: Run) -> None:
    run = whole
    folder = run.folder / ADAPTER
    assert sorted(file.name for file in folder.iterdir()) == [
        "README.md", "adapter_config.json", "adapter_model.safetensors",
    ]  # fmt: skip
    modules = json.loads((folder / "adapter_config.json").read_text())["target_modules"]
    assert modules == sorted(modules), "the same bytes, whatever process writes them"
    card = (folder / "README.md").read_text()
    results = TRAIN.results_of(run)
    assert results is not None
    assert f"{results.comparison.after.value:.3f}" in card
    assert '"preset": "demo"' in card
    assert "prompt style llama_abel" in card
    assert "teaching model" in card

    pair = chains_side_by_side(run)[0]
    tuned = load_language_model(ModelSpec(adapter=str(folder)))
    (ours,) = generate(tuned, [pair.after.problem], Sampler(max_new_tokens=120), [0])
    assert ours.token_ids == pair.after.token_ids
    plain = AutoModelForCausalLM.from_pretrained(DEMO_FOLDER, dtype="float32")
    plain = PeftModel.from_pretrained(plain, str(folder))
    for model in (plain, plain.merge_and_unload()):
        prompt = torch.tensor([pair.after.prompt_ids])
        ids = model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=120,
            do_sample=False, pad_token_id=0,
        )  # fmt: skip
        assert tuple(ids[0, prompt.shape[1] :].tolist()) == pair.after.token_ids


def test_chains_side_by_side_know_where_the_models_part(whole: Run) -> None:
    for pair in chains_side_by_side(whole):
        differing = [
            i
            for i, ids in enumerate(zip(pair.before.token_ids, pair.after.token_ids, strict=False))
            if ids[0] != ids[1]
        ]
        if differing:
            assert pair.changed[0] == differing[0]
            assert next(i for i, rank in enumerate(pair.before_ranks) if rank > 1) == differing[0]
        else:
            assert pair.changed == []


def test_rollouts_of_a_run_are_learned_from_and_become_the_run_s_own(
    whole: Run, rollouts_folder: Path, tmp_path: Path
) -> None:
    source = copy_of(rollouts_folder / "rollouts", tmp_path / "rollouts")
    evaluation = plan_evaluation(ModelSpec(), demo_problems()[:1], {})
    other = Run.create(tmp_path / "runs", "evaluate", evaluation)
    with pytest.raises(RunError, match="has no rollouts"):
        prepare_fine_tune(tmp_path / "other", rollouts=other.folder)
    assert prepare_fine_tune(tmp_path, rollouts=whole.folder).problems() == source.problems()
    run = prepare_fine_tune(
        tmp_path / "train", fine_tune_recipe(**{"seed": 99}), rollouts=source.folder
    )
    assert run.config.seed == 0, "the rollouts' own"

    taken_over, last = (
        [key for key in whole.units() if key.startswith(phase)][-1] for phase in SAMPLED
    )

    def after_keeping(wanted: str, then: Callable[[RunContext], object]) -> Any:
        def task(work: RunContext) -> None:
            def keep(key: str, result: Any, keep: Any = work.keep) -> None:
                keep(key, result)
                if key == wanted:
                    then(work)

            work.keep = keep  # type: ignore[method-assign]
            TRAIN.carry_out(work)

        return task

    finish(run, after_keeping(taken_over, lambda work: shutil.rmtree(source.folder)))
    assert not source.folder.exists()
    assert what_came_of(run) == what_came_of(whole)
    results = TRAIN.results_of(run)
    assert results is not None
    assert "rollouts, in an earlier run" in results.cost.seconds

    again = run.repeat(tmp_path / "again")  # the rollouts' own run is gone
    assert again.problems(EVALUATION) == run.problems(EVALUATION)
    assert again.problems(HELD_OUT) == run.problems(HELD_OUT)
    stopping = after_keeping(last, lambda work: work.stop.request())
    assert carry_out(again, stopping, bar=False) == CANCELLED
    one, other = (
        {key: unit for key, unit in each.units().items() if key.startswith(SAMPLED)}
        for each in (again, run)
    )
    assert one == other, "all that its training depends on"


def test_a_fine_tune_asks_its_problems_as_its_rollouts_were_asked(
    rollouts_folder: Path, tmp_path: Path
) -> None:
    assert set(RunPromptSettings.model_fields) <= set(OF_ROLLOUTS)
    changes = {"examples": 2, "stop": ["\n"], "keep_run_on": True, "prompt_style": "plain"}
    run = prepare_fine_tune(
        tmp_path, fine_tune_recipe(**changes), rollouts=rollouts_folder / "rollouts"
    )
    own, theirs = run_recipe(run), run_recipe(Run.open(rollouts_folder / "rollouts"))
    for name in changes:
        assert getattr(own, name) == getattr(theirs, name), name


def test_rollouts_that_are_not_finished_are_not_learned_from(tmp_path: Path) -> None:
    source = prepare_rollouts(tmp_path / "runs")
    with pytest.raises(RunError, match="not finished"):
        prepare_fine_tune(tmp_path / "early", rollouts=source.folder)


def test_units_that_are_lost_after_the_training_are_sampled_again(
    whole: Run, tmp_path: Path
) -> None:
    shutil.copytree(whole.folder, tmp_path / "damaged")
    run = Run.open(tmp_path / "damaged")
    lines = run.units_path.read_text().splitlines()
    kept = [line for line in lines if not line.startswith('{"unit": "rollouts/000000"')]
    kept = [line for line in kept if not line.startswith('{"unit": "before/000000"')]
    assert len(kept) == len(lines) - 2
    run.units_path.write_text("\n".join(kept) + "\n")
    (run.folder / RESULTS).unlink()
    assert carry_out(run, TRAIN.carry_out, bar=False) == DONE
    assert what_came_of(run) == what_came_of(whole)

    (run.folder / SUMMARY).write_text("[]")
    (run.folder / RESULTS).unlink()
    assert carry_out(run, TRAIN.carry_out, bar=False) == STOPPED
    # It does: the test of a training that is cancelled begins with a run without a summary.
    assert "trains again" in str(run.status().error)


def test_a_cancel_in_the_last_phase_leaves_no_cut_chains(whole: Run, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path / "cancelled")
    run = Run.open(tmp_path / "cancelled")
    (run.folder / RESULTS).unlink()

    def stop_at_the_last(work: RunContext) -> None:
        report = work.report

        def report_and_stop(done: float, total: float | None, what: str, unit: str = "") -> None:
            report(done, total, what, unit)
            if "the same problems" in what:
                work.stop.request()
                work.stop.overdue = lambda: True  # type: ignore[method-assign]

        work.report = report_and_stop  # type: ignore[method-assign]
        TRAIN.carry_out(work)

    assert carry_out(run, stop_at_the_last, bar=False) == CANCELLED
    assert TRAIN.results_of(run) is None
    assert carry_out(run, TRAIN.carry_out, bar=False) == DONE
    assert what_came_of(run) == what_came_of(whole)


def test_checkpoints_that_are_a_link_are_not_touched(whole: Run, tmp_path: Path) -> None:
    run = copy_of(whole.folder, tmp_path / "linked", RESULTS, SUMMARY)
    elsewhere = tmp_path / "elsewhere" / "checkpoint-7"
    elsewhere.mkdir(parents=True)
    (run.folder / CHECKPOINTS).symlink_to(elsewhere.parent)
    assert carry_out(run, TRAIN.carry_out, bar=False) == STOPPED
    assert "is a link" in str(run.status().error)
    assert elsewhere.is_dir()


def test_what_can_t_be_trained_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    demo, problems, evaluation = ModelSpec(), demo_training_problems(), demo_problems()
    with pytest.raises(ProblemError, match="evaluated on, too: 336 of 336"):
        plan_training(demo, problems, problems, Recipe(problems=None))
    with pytest.raises(ProblemError, match="no problems to train on"):
        plan_training(demo, [], evaluation, Recipe())
    with pytest.raises(ProblemError, match="no problems to evaluate on"):
        plan_training(demo, problems, [], Recipe())
    folder = tmp_path / "adapter"
    folder.mkdir()
    with pytest.raises(ModelError, match="has an adapter already"):
        plan_training(ModelSpec(adapter=str(folder)), problems, evaluation, Recipe())


def test_bad_luck_is_told_with_what_to_change(tmp_path: Path, rollouts_folder: Path) -> None:
    def said(run: Run) -> str:
        assert carry_out(run, TRAIN.carry_out, bar=False) == STOPPED, run.log_tail()
        return str(run.status().error)

    def sampled(recipe: Recipe, problems: list[Problem]) -> str:
        plan = plan_training(ModelSpec(), problems, demo_problems()[:2], recipe)
        return said(Run.create(tmp_path, TRAIN_TASK, plan))

    impossible = [Problem(f"p{i}", f"What is {i} and {i}?", "-7") for i in range(5)]
    recipe = fine_tune_recipe()
    assert "0 of 4 are always correct and 4 always wrong" in sampled(recipe, impossible)
    short = fine_tune_recipe(**{"max_new_tokens": 3})
    assert "cut off at the limit of new tokens" in sampled(short, training_problems()[::2])

    def trained(**changes: Any) -> str:
        source = rollouts_folder / "rollouts"
        return said(prepare_fine_tune(tmp_path, fine_tune_recipe(**changes), rollouts=source))

    assert "highest entropy is" in trained(**{"gate.tau": 50})
    assert "takes every token" in trained(**{"gate.kind": "top-fraction", "gate.fraction": 1})
    assert "Choose among" in trained(**{"training.target_modules": ["query"]})
    assert "equals its base" in trained(**FEW, **{"training.learning_rate": 1e-30})
    assert "is NaN or infinite" in trained(
        **FEW | {"training.epochs": 4, "training.learning_rate": 1e30}
    )


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
    ],
    ids=["torch", "driver"],
)
def test_out_of_memory_names_the_setting_to_lower(
    tmp_path: Path, rollouts_folder: Path, monkeypatch: pytest.MonkeyPatch, error: RuntimeError
) -> None:
    from core.reasonmaxxer import trainer

    def full(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(trainer, "gated_loss", full)
    run = prepare_fine_tune(
        tmp_path, fine_tune_recipe(**FEW), rollouts=rollouts_folder / "rollouts"
    )
    assert carry_out(run, TRAIN.carry_out, bar=False) == STOPPED
    assert "Lower the training batch size" in str(run.status().error)


def test_a_small_model_of_another_kind_is_prepared_with_its_own_layers(tiny_model: str) -> None:
    plan = plan_training(
        ModelSpec(tiny_model), demo_training_problems(), demo_problems(), recipe_of("paper")
    )
    assert len(plan.problems) == 200
    assert len(plan.more_problems[HELD_OUT]) == 50


def test_presets_are_recipes_and_every_setting_can_be_changed_by_its_name() -> None:
    assert {name: recipe.preset for name, recipe in PRESETS.items()} == {
        name: name for name in PRESETS
    }
    recipe = changed(recipe_of("paper"), {"gate.kind": "random", "held_out.sampling.samples": 3})
    assert (recipe.gate.kind, recipe.held_out.sampling.samples) == ("random", 3)
    assert Recipe(**json.loads(recipe.model_dump_json())) == recipe
    for wrong in ("preset", "gate.tao", "gate", "nothing.at.all", "gate.tau.deeper"):
        with pytest.raises(RunError, match="no setting"):
            changed(recipe, {wrong: 1})
    with pytest.raises(RunError, match=r"gate\.tau"):
        changed(recipe, {"gate.tau": -1})
    with pytest.raises(RunError, match="is unknown"):
        recipe_of("magic")
