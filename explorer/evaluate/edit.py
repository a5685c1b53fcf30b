"""The settings of an evaluation, back in the form."""

from __future__ import annotations

from pathlib import PurePath

from core.evaluation.task import AGAINST_RUN, EVALUATE
from core.runs.run import Run
from explorer.evaluate.protocol import put_protocol
from explorer.shared.edit_run import put_asked, put_choice, put_settings
from explorer.shared.problem_sets import problem_sets
from explorer.state import BrowserState


def fill_evaluation(state: BrowserState, run: Run) -> None:
    """Put the settings of a run into the form.

    Raises:
        ExplorerError: they can't be read.
    """
    settings = EVALUATE.settings_of(run)
    put_settings(state.form, "evaluation", settings)
    put_protocol(settings.protocol)
    put_asked(state.form, "evaluation", settings)
    put_choice(state, run, "evaluation", problem_sets(state))
    state.form.put("evaluation against", PurePath(run.config.inputs.get(AGAINST_RUN, "")).name)
