"""What a study will take: its rollouts, the base's accuracy, then a training a cell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.reasonmaxxer.estimate import estimate_training
from core.runs.config import RunPlan
from core.runs.estimate import RunEstimate, merged, phase
from core.studies.phases import BEFORE, MEASURING, ROLLING_OUT, TRAINING, doing
from core.studies.recipe import StudyRecipe

if TYPE_CHECKING:
    from core.runs.measurements import Meter

_ONCE = {"rollouts": ROLLING_OUT, "accuracy before": BEFORE}
_EACH = {"training": TRAINING, "accuracy after": MEASURING}


def estimate_study(meter: Meter, plan: RunPlan, recipe: StudyRecipe) -> RunEstimate:
    """The phases of a study. All cells are taken to last as long as the recipe's own.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `estimate_training`.
    """
    one, cells = estimate_training(meter, plan, recipe.fine_tune), recipe.cells()
    phases = [replace(each, doing=_ONCE[each.name]) for each in one.phases if each.name in _ONCE]
    # The cells are wrong together: their distances add up, where `RunEstimate` adds squares.
    together = len(cells) ** 0.5
    for cell in cells:
        for each in one.phases:
            if each.name in _EACH:
                phases.append(
                    replace(
                        each,
                        low=each.seconds - together * (each.seconds - each.low),
                        high=each.seconds + together * (each.high - each.seconds),
                        doing=doing(cell, len(cells), _EACH[each.name]),
                        setting="vary" if each.name == "training" else each.setting,
                    )
                )
    loading = next((each.seconds for each in one.phases if each.name == "loading"), 0.0)
    return merged([phase("loading", loading * len(cells), 0.5), *phases])
