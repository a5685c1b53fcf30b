"""Studies of fine-tunes: one set of rollouts, a fine-tune a cell, the choice on held-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lora.cost import mark_end
from core.lora.phases import LazyModel, sampled
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import HELD_OUT, STUDY_TASK
from core.reasonmaxxer.rollouts import ROLLOUTS, take_rollouts
from core.runs.models import load_run_model, read_model
from core.studies.cells import finished_cells, work_on
from core.studies.estimate import estimate_study
from core.studies.fine_tunes import base_held_out, fine_tuned_cell
from core.studies.grid import Cell
from core.studies.headline import study_headline
from core.studies.kind import StudyKind, checked_results, shared_cost, study_results
from core.studies.phases import BEFORE, ROLLING_OUT
from core.studies.recipe import StudyRecipe
from core.studies.results import CellResult, StudyResults

if TYPE_CHECKING:
    from core.runs.context import RunContext

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
        on_engine=True,
    )
    mark_end(work, "rollouts")
    measuring = recipe.sampling_settings(recipe.evaluation)
    before = sampled(work, base, run.problems(EVALUATION), measuring, _BEFORE, BEFORE)
    mark_end(work, "before")
    base.release()

    def results() -> StudyResults:
        units = run.units()
        done = finished_cells(units, cells)
        return study_results(
            done,
            cells,
            recipe.seed,
            before,
            base_held_out=base_held_out(units),
            cost=shared_cost(run, recipe.usd_per_hour, [*rollouts, *before], done),
        )

    for cell in cells:

        def make(cell: Cell[Recipe] = cell) -> CellResult:
            return fine_tuned_cell(
                work,
                cell,
                len(cells),
                recipe,
                rollouts,
                before,
                trust_remote_code=trust_remote_code,
            )

        if work_on(work, cell, make):
            STUDY.write_so_far(work, results())
    return checked_results(results())


STUDY = StudyKind(
    name=STUDY_TASK,
    settings=StudyRecipe,
    results=StudyResults,
    phases=_study,
    estimate=estimate_study,
    headline=study_headline,
)
"""Fine-tunes over a grid of settings, chosen on held-out problems."""
