"""What a study will take: what all cells share, then a training and a measurement a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.distillation.estimate import estimate_distillation
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.estimate import estimate_training
from core.reasonmaxxer.results import HELD_OUT
from core.runs.config import RunPlan
from core.runs.estimate import RunEstimate, merged, phase
from core.studies.grid import Cell
from core.studies.phases import (
    BEFORE,
    MEASURING,
    OF_TEACHER,
    READING,
    ROLLING_OUT,
    TEACHERS_ROLLOUTS,
    TRAINING,
    doing,
)
from core.studies.recipe import DistillationStudyRecipe, StudyRecipe

if TYPE_CHECKING:
    from core.runs.measurements import Meter


def estimate_study(meter: Meter, plan: RunPlan, recipe: StudyRecipe) -> RunEstimate:
    """The phases of a study. All cells are taken to last as long as the recipe's own.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `estimate_training`.
    """
    return _over_cells(
        estimate_training(meter, plan, recipe.fine_tune),
        recipe.cells(),
        {"rollouts": ROLLING_OUT, "accuracy before": BEFORE},
        {"training": TRAINING, "accuracy after": MEASURING},
    )


def estimate_distillation_study(
    meter: Meter, plan: RunPlan, recipe: DistillationStudyRecipe
) -> RunEstimate:
    """As `estimate_study`, of distillations. The held-out problems count as more to measure.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `estimate_distillation`.
    """
    one = estimate_distillation(meter, plan, recipe.distillation)
    measured = len(plan.more_problems[EVALUATION]) * recipe.evaluation.samples
    chosen_on = len(plan.more_problems[HELD_OUT]) * recipe.held_out.sampling.samples
    more = 1 + chosen_on / measured
    found = _over_cells(
        one,
        recipe.cells(),
        {
            "rollouts": TEACHERS_ROLLOUTS,
            "reading": READING,
            "accuracy of the teacher": OF_TEACHER,
            "accuracy of the base": BEFORE,
        },
        {"training": TRAINING, "accuracy of the student": MEASURING},
    )
    longer = [
        replace(each, seconds=more * each.seconds, low=more * each.low, high=more * each.high)
        if each.name in ("accuracy of the student", "accuracy of the base")
        else each
        for each in found.phases
    ]
    return merged(longer)


def _over_cells(
    one: RunEstimate,
    cells: Sequence[Cell[Any]],
    once: Mapping[str, str],
    each_cell: Mapping[str, str],
) -> RunEstimate:
    """The phases of a single training, some of them once and some for every cell.

    Args:
        one: of the training.
        once: what the study is doing, by the names of phases that all cells share.
        each_cell: likewise, of those that every cell has.
    """
    phases = [replace(each, doing=once[each.name]) for each in one.phases if each.name in once]
    # The cells are wrong together: their distances add up, where `RunEstimate` adds squares.
    together = len(cells) ** 0.5
    for cell in cells:
        for each in one.phases:
            if each.name in each_cell:
                phases.append(
                    replace(
                        each,
                        low=each.seconds - together * (each.seconds - each.low),
                        high=each.seconds + together * (each.high - each.seconds),
                        doing=doing(cell, len(cells), each_cell[each.name]),
                        setting="vary" if each.name == "training" else each.setting,
                    )
                )
    loading = next((each.seconds for each in one.phases if each.name == "loading"), 0.0)
    return merged([phase("loading", loading * len(cells), 0.5), *phases])
