"""Weights of decisions by a teacher's divergence: by hand, at the gradient, and in a run."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from models import tiny_language_model
from plain_reasonmaxxer import assert_gradients_close, plain_step, rollout, step, tiny_trainer
from small_runs import UNIT, fine_tune_recipe, finish, prepare_fine_tune
from test_gated_loss import exact_model
from tiny_training import examples

from core.cli.command_line import run_command
from core.disagreement.token_classes import disagree
from core.errors import RunError, TrainingError
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER, DEMO_TEACHER_FOLDER
from core.reasonmaxxer.examples import Collator
from core.reasonmaxxer.loss import LossSettings
from core.reasonmaxxer.plan import check_weighting
from core.reasonmaxxer.results import ROLLOUTS_FROM, WEIGHTS
from core.reasonmaxxer.settings import Weighting
from core.reasonmaxxer.task import TRAIN
from core.reasonmaxxer.weights import decision_divergences, run_weights, weight_report, weighted
from core.runs import problem_units
from core.runs.settings import changed

ROLLOUTS = [rollout("ab", "cdef", [0, 2], 1.0), rollout("ab", "cd", [1], -1.0)]
DIVERGENCES = [[0.1, 0.3], [0.2]]


def weights(found: list) -> list[list[float]]:
    return [
        [weight for weight, gated in zip(each.weights, each.gate, strict=True) if gated]
        for each in found
    ]


def test_a_decisions_weight_is_its_divergence_over_the_mean_of_all_decisions() -> None:
    found = weighted(ROLLOUTS, DIVERGENCES, Weighting.DIVERGENCE)
    assert weights(found) == [pytest.approx([0.5, 1.5]), pytest.approx([1.0])]
    assert np.mean([w for each in weights(found) for w in each]) == pytest.approx(1.0)
    assert [len(each.weights or ()) for each in found] == [4, 2]
    assert [each.advantage for each in found] == [1.0, -1.0]


def test_the_control_has_the_same_weights_on_other_decisions() -> None:
    many = [rollout("ab", "cdefghij", range(8), 1.0)] * 3
    apart = [list(np.linspace(0.01, 0.5, 8) + i) for i in range(3)]
    own = weighted(many, apart, Weighting.DIVERGENCE)
    control = weighted(many, apart, Weighting.PERMUTED, seed=3)
    flat, other = ([w for row in weights(each) for w in row] for each in (own, control))
    assert sorted(flat) == pytest.approx(sorted(other))
    assert flat != other
    assert control == weighted(many, apart, Weighting.PERMUTED, seed=3)
    assert control != weighted(many, apart, Weighting.PERMUTED, seed=4)


def test_a_teacher_that_equals_the_base_has_nothing_to_weight() -> None:
    with pytest.raises(TrainingError, match="equals the base at every decision"):
        weighted(ROLLOUTS, [[0.0, 0.0], [0.0]], Weighting.DIVERGENCE)


def test_the_report_by_hand() -> None:
    found = weight_report(DIVERGENCES, Weighting.DIVERGENCE, "t")
    assert (found.decisions, found.mean_divergence) == (3, pytest.approx(0.2))
    assert found.largest == pytest.approx(1.5)
    assert found.effective == pytest.approx(0.6**2 / (0.01 + 0.09 + 0.04))
    assert "3 of them count as 3 of equal weight, the largest is 1.5 times" in found.in_words


def test_the_divergence_is_that_of_both_models_at_the_decisions() -> None:
    base, teacher = tiny_language_model(), tiny_language_model(seed=1)
    teacher = replace(teacher, tokenizer=base.tokenizer)
    found = decision_divergences(base, teacher, examples()[:6])
    assert found is not None
    for each, nats in zip(examples()[:6], found, strict=True):
        apart = disagree(base, teacher, each.prompt_ids, each.token_ids)
        assert nats == pytest.approx(apart.js_divergence[np.array(each.gate, bool)], abs=1e-5)
    assert any(found)
    assert decision_divergences(base, teacher, examples(), cancel=lambda: True) is None


def test_without_weights_every_weight_is_exactly_1() -> None:
    batch = Collator(0)(ROLLOUTS)
    assert (batch["weight"] == 1).all()
    assert batch["weight"].shape == batch["decision"].shape


@pytest.mark.training
@pytest.mark.parametrize("averaging", ["token", "sequence"])
def test_the_gradient_is_that_of_the_plain_formula_with_each_advantage_times_its_weight(
    averaging: str, tmp_path: Path
) -> None:
    """The rollouts begin alike, so that they share places."""
    chosen = LossSettings(averaging=averaging, relative_probability_floor=0.1)  # type: ignore[arg-type]
    base = exact_model()
    learned = weighted(ROLLOUTS, DIVERGENCES, Weighting.DIVERGENCE)
    trainer = tiny_trainer(deepcopy(base), learned, tmp_path, chosen)
    found, gradient = step(trainer, [learned])
    tuned = deepcopy(trainer.model)
    expected, plain = plain_step(tuned, base, learned, chosen)
    assert found == pytest.approx(expected, rel=1e-6)
    assert_gradients_close(gradient, plain)
    without, _ = step(trainer, [ROLLOUTS])
    assert without != pytest.approx(found, rel=1e-3), "the weights count"


@pytest.mark.training
def test_weights_of_1_are_no_weights_bit_for_bit(tmp_path: Path) -> None:
    ones = [replace(each, weights=(1.0,) * len(each.token_ids)) for each in ROLLOUTS]
    trainer = tiny_trainer(exact_model(), ROLLOUTS, tmp_path, LossSettings())
    (loss, gradient), (other, same) = step(trainer, [ROLLOUTS]), step(trainer, [ones])
    assert loss == other
    assert all(torch.equal(gradient[name], same[name]) for name in gradient)


def test_weights_need_a_teacher_and_a_teacher_needs_weights() -> None:
    with_weights = fine_tune_recipe(**{"training.weighting": "divergence"})
    with pytest.raises(RunError, match="no teacher is named"):
        check_weighting(with_weights, None)
    with pytest.raises(RunError, match="no weights of decisions"):
        check_weighting(fine_tune_recipe(), "t")
    check_weighting(with_weights, "t")
    check_weighting(fine_tune_recipe(), None)
    with pytest.raises(RunError, match="weighting"):
        changed(fine_tune_recipe(), {"training.weighting": "other"})


@pytest.mark.training
@pytest.mark.skipif(
    not DEMO_FOLDER.is_dir() or not DEMO_TEACHER_FOLDER.is_dir(), reason="no demo model built"
)
def test_a_fine_tune_with_weights_records_them_and_its_teacher(
    tmp_path: Path, rollouts_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)
    recipe = fine_tune_recipe(**{"training.weighting": "divergence"})
    run = prepare_fine_tune(
        tmp_path, recipe, rollouts=rollouts_folder / "rollouts", teacher=DEMO_TEACHER
    )
    assert run.config.teachers == (DEMO_TEACHER,)
    assert ROLLOUTS_FROM in run.config.inputs
    command = run_command(run).text
    assert f"--teacher {DEMO_TEACHER}" in command
    assert "weighting" in command
    finish(run, TRAIN.carry_out)
    found = json.loads((run.folder / WEIGHTS).read_text())
    kept = run.units()["divergences"]
    results = TRAIN.results_of(run)
    assert results is not None
    every = [nats for each in kept for nats in each]
    assert len(every) == found["decisions"] == results.selection.decisions
    assert found["mean_divergence"] == pytest.approx(np.mean(every))
    assert 1 < found["effective"] < found["decisions"]
    assert run_weights(run) == weight_report(kept, Weighting.DIVERGENCE, DEMO_TEACHER)
    (run.folder / WEIGHTS).write_text("{}")
    with pytest.raises(RunError, match="weights of decisions can't be read"):
        run_weights(run)
    assert "weights" in results.cost.seconds
