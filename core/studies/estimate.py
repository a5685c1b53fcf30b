"""What a study will take: its rollouts, the base's accuracy, then a training a cell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.reasonmaxxer.estimate import estimate_training
from core.runs.config import RunPlan
from core.runs.estimate import RunEstimate, merged
from core.studies.phases import BEFORE, ROLLING_OUT
from core.studies.recipe import StudyRecipe

if TYPE_CHECKING:
    from core.runs.measurements import Meter

_ONCE = {"rollouts": ROLLING_OUT, "accuracy before": BEFORE}
_EACH = {"loading": "", "training": "", "accuracy after": ""}


def estimate_study(meter: Meter, plan: RunPlan, recipe: StudyRecipe) -> RunEstimate:
    """The phases of a study. All cells are taken to last as long as the recipe's own.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `estimate_training`.
    """
    one = estimate_training(meter, plan, recipe.fine_tune)
    cells = len(recipe.cells())
    phases = [replace(each, doing=_ONCE[each.name]) for each in one.phases if each.name in _ONCE]
    phases += [
        replace(
            each,
            seconds=each.seconds * cells,
            low=each.low * cells,
            high=each.high * cells,
            doing="cell" if each.name == "training" else "",
            setting="vary" if each.name == "training" else each.setting,
        )
        for each in one.phases
        if each.name in _EACH
    ]
    return merged(phases)
