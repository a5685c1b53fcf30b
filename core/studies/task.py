"""Studies as a kind of run: one set of rollouts, a fine-tune a cell, the choice on held-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from core.errors import TrainingError
from core.evaluation.records import ProblemSamples
from core.lora.cost import Cost, cost_of, mark_end
from core.lora.kind import TrainingKind
from core.lora.phases import LazyModel, sampled
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.results import HELD_OUT, STUDY_TASK
from core.reasonmaxxer.rollouts import ROLLOUTS, take_rollouts
from core.runs.kind import write_table
from core.runs.models import load_run_model, read_model
from core.statistics import mean_over_problems
from core.studies.cells import base_held_out, finished_cells, work_on
from core.studies.estimate import estimate_study
from core.studies.headline import study_headline
from core.studies.phases import BEFORE, ROLLING_OUT
from core.studies.recipe import Cell, StudyRecipe
from core.studies.results import CellResult, StudyResults, choose

if TYPE_CHECKING:
    from core.runs.context import RunContext
    from core.runs.run import Run

_BEFORE = "before/"


def _study(work: RunContext, recipe: StudyRecipe, trust_remote_code: bool) -> StudyResults:
    """Rollouts, the base's accuracy, then cell after cell.

    Raises:
        Cancelled: when a stop is requested.
        TrainingError: no cell could be trained.
        ExplorerError: model, problems or settings that don't go together; memory or disk full.
    """
    run, cells = work.run, recipe.cells()
    spec = read_model(run.config.model)
    base = LazyModel(lambda: load_run_model(work, spec, trust_remote_code=trust_remote_code))
    take_rollouts(work)
    work.report(0, None, "loading the model")
    rollouts = sampled(
        work,
        base,
        run.problems(),
        recipe.sampling_settings(recipe.rollouts),
        ROLLOUTS,
        ROLLING_OUT,
        run.problems(HELD_OUT),
        keep_entropy=True,
    )
    mark_end(work, "rollouts")
    measuring = recipe.sampling_settings(recipe.evaluation)
    before = sampled(work, base, run.problems(EVALUATION), measuring, _BEFORE, BEFORE)
    mark_end(work, "before")
    base.release()
    for cell in cells:
        is_new = work_on(
            work, cell, len(cells), recipe, rollouts, before, trust_remote_code=trust_remote_code
        )
        if is_new:
            STUDY.write_so_far(work, _results(run, recipe, cells, rollouts, before))
    results = _results(run, recipe, cells, rollouts, before)
    if results.chosen is None and all(each.failure for each in results.cells):
        raise TrainingError(
            f"No cell could be trained. The first one: {results.cells[0].failure}",
            "Change what varies, or the recipe.",
        )
    return results


def _results(
    run: Run,
    recipe: StudyRecipe,
    cells: Sequence[Cell],
    rollouts: Sequence[ProblemSamples],
    before: Sequence[ProblemSamples],
) -> StudyResults:
    units = run.units()
    done = finished_cells(units, cells)
    base = [each.pass_rate for each in before]
    return StudyResults(
        settings=len({cell.setting for cell in cells}),
        seeds=len(recipe.training_seeds),
        base_test=mean_over_problems(base, recipe.seed),
        base_held_out=base_held_out(units),
        cells=tuple(done),
        chosen=choose(done, base, recipe.seed) if len(done) == len(cells) else None,
        cost=_cost(run, recipe, rollouts, before, done),
    )


def _cost(
    run: Run,
    recipe: StudyRecipe,
    rollouts: Sequence[ProblemSamples],
    before: Sequence[ProblemSamples],
    cells: Sequence[CellResult],
) -> Cost:
    """Of the rollouts, of all cells and of the choice."""
    device, rate = torch.device("cpu"), recipe.usd_per_hour
    shared = cost_of(run, [*rollouts, *before], (), epochs=0, device=device, usd_per_hour=rate)
    return replace(
        shared,
        sampled_tokens=shared.sampled_tokens + sum(each.sampled_tokens or 0 for each in cells),
        trained_tokens=sum(each.trained_tokens or 0 for each in cells),
    )


@dataclass(frozen=True, kw_only=True)
class StudyKind(TrainingKind[StudyRecipe, StudyResults]):
    """A training kind whose results, a table of cells, grow while it works."""

    def carry_out(self, work: RunContext, *, trust_remote_code: bool = False) -> None:
        """Go through the phases, then write results and table; as `TrainingKind`."""
        TrainingKind.carry_out(self, work, trust_remote_code=trust_remote_code)
        results = self.results_of(work.run)
        assert results is not None
        write_table(work, results)


STUDY = StudyKind(
    name=STUDY_TASK,
    settings=StudyRecipe,
    results=StudyResults,
    phases=_study,
    estimate=estimate_study,
    headline=study_headline,
)
"""Fine-tunes over a grid of settings, chosen on held-out problems."""
