"""The settings of an intervention study, back in the form."""

from __future__ import annotations

from core.interventions.task import INTERVENTIONS, run_models
from core.runs.run import Run
from explorer.shared.edit_run import put_asked, put_choice, put_settings
from explorer.shared.problem_sets import problem_sets
from explorer.shared.teachers import interventions_key
from explorer.state import BrowserState


def fill_interventions(state: BrowserState, run: Run) -> None:
    """Put the settings of a run into the form.

    Raises:
        ExplorerError: they can't be read.
    """
    settings, (base, teacher) = INTERVENTIONS.settings_of(run), run_models(run)
    arms = [each.key for each in settings.arms_with(teacher is not None)]
    put_settings(state.form, "study", settings, leave={"arms"})
    put_asked(state.form, "study", settings)
    put_choice(state, run, "study", problem_sets(state))
    state.form.put(f"study arms {teacher is not None}", arms)
    state.form.put(interventions_key(base.model), teacher or "")
