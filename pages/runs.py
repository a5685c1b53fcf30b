"""Runs: everything that runs or ran, to open, compare, repeat, tag, delete or resume."""

from __future__ import annotations

from functools import partial

from explorer.classroom.here import runs_here
from explorer.runs.run_dialogs import run_dialog
from explorer.runs.run_list import RunsNow, runs_list
from explorer.runs.side_by_side import runs_side_by_side
from explorer.shared.messages import plain
from explorer.shared.polling import polled
from explorer.shared.run_page import page_head
from explorer.state import browser_state

state, folder = browser_state(), runs_here()
page_head("runs", f"Stored in {plain(str(folder.folder))}")
now = RunsNow(folder)
polled(partial(runs_list, state, now), now.changing)
runs_side_by_side(state, folder)
run_dialog(state, folder)
