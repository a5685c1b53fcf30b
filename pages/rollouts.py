"""Rollouts: answers that other programs wrote, as the loaded model sees them."""

from __future__ import annotations

from functools import partial

from core.errors import ExplorerError
from core.imports.kept_files import KeptFiles
from explorer.classroom.here import rollouts_here
from explorer.rollouts.fields import chosen_fields, fields_panel
from explorer.rollouts.fine_tune import is_making
from explorer.rollouts.reading import read_kept, scorings
from explorer.rollouts.report import RolloutsView, rollouts_report
from explorer.rollouts.source import rollout_source
from explorer.shared.messages import show_error
from explorer.shared.polling import polled
from explorer.shared.run_page import page_head
from explorer.shared.run_panel import show_notice
from explorer.state import browser_state

state = browser_state()
page_head(
    "rollouts",
    "Open rollouts of an RL run, samples of an evaluation, or a pasted text, and see them token by "
    "token as the model in the sidebar does.",
)
kept = rollout_source(state, KeptFiles(rollouts_here()))
if kept is None:
    show_notice(state)
else:
    fields, table = chosen_fields(state, kept), None
    try:
        table = read_kept(kept.path, fields)
        scoring = scorings().of(kept, table, state.opened.spec)
        view = RolloutsView(state, kept, fields, table, scoring)
        polled(partial(rollouts_report, view), lambda: scoring.running or is_making())
    except ExplorerError as error:
        show_notice(state)
        show_error(error)
    fields_panel(state, kept, table)
