"""A run on a page: state, progress, cause of failure, cancel and resume."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import ExplorerError
from core.models.spec import ModelSpec, absolute_name
from core.runs import jobs
from core.runs.estimate import duration
from core.runs.pace import time_left
from core.runs.run import Run
from core.runs.status import RunState, RunStatus
from explorer.classroom.account import check_run_here
from explorer.shared.messages import plain, show_error
from explorer.state import BrowserState

_BADGES = {
    RunState.NEW: ":gray-badge[not started]",
    RunState.STARTING: ":blue-badge[▶ starting]",
    RunState.RUNNING: ":blue-badge[▶ running]",
    RunState.DONE: ":green-badge[✓ done]",
    RunState.CANCELLED: ":gray-badge[■ cancelled]",
    RunState.FAILED: ":red-badge[✗ failed]",
    RunState.INTERRUPTED: ":orange-badge[! interrupted]",
}
_RESUMABLE = (RunState.CANCELLED, RunState.FAILED, RunState.INTERRUPTED)


def run_badge(status: RunStatus) -> str:
    """Markdown: the state, never by colour alone."""
    return _BADGES[status.state]


def any_live(runs: Iterable[Run]) -> bool:
    """Whether one of these runs is working."""
    return any(run.status().state.is_live for run in runs)


def run_state(run: Run, status: RunStatus) -> str:
    """Markdown: the state of a run, when it was made, and how long it took."""
    parts = [run_badge(status), plain(when(run.config.created))]
    if status.elapsed and not status.state.is_live:
        parts.append(f"took {duration(status.elapsed)}")
    return f"{parts[0]} :small[{' · '.join(parts[1:])}]"


def status_line(state: BrowserState, run: Run, status: RunStatus) -> None:
    """The state of a run in one line, with its progress or what became of it."""
    if status.error is not None:
        show_error(status.error)
    row = st.container(horizontal=True, vertical_alignment="center", key="run_status")
    row.markdown(run_state(run, status), width="content")
    _progress(row, state, run, status)


def run_progress(state: BrowserState, run: Run, status: RunStatus) -> None:
    """The progress, with a button to cancel or resume."""
    if status.error is not None:
        show_error(status.error)
    if status.state is not RunState.DONE:
        row = st.container(horizontal=True, vertical_alignment="center")
        _progress(row, state, run, status)


def _progress(row: DeltaGenerator, state: BrowserState, run: Run, status: RunStatus) -> None:
    if status.state.is_live:
        share = min(status.done / status.total, 1.0) if status.total else 0.0
        row.progress(share, text=_words(status))
        row.button(
            "Cancel",
            key=f"cancel {run.id}",
            help="Stops within seconds; finished work is kept, and Resume continues from there",
            on_click=act,
            args=(state, lambda: jobs.cancel(run)),
        )
    elif status.state in _RESUMABLE or status.state is RunState.NEW:
        fresh = status.state is RunState.NEW
        row.button(
            "Start" if fresh else "Resume",
            key=f"resume {run.id}",
            icon=":material/play_arrow:",
            help=None if fresh else "Continues after the last finished unit of work",
            on_click=act,
            args=(state, lambda: start(state, run, resume=not fresh)),
        )


def start(state: BrowserState, run: Run, *, resume: bool = False) -> None:
    """Start a run in its own process.

    Raises:
        ExplorerError: it can't be started, or isn't what a student of a class may start.
    """
    check_run_here(run)
    trusted = _trusts(state, run.config.model.get("model"))
    jobs.start(run, resume=resume, trust_remote_code=trusted)


def with_consent(state: BrowserState, spec: ModelSpec) -> ModelSpec:
    """The model of a run, for this server to load."""
    return replace(spec, trust_remote_code=_trusts(state, spec.model))


def _trusts(state: BrowserState, model: object) -> bool:
    """Whether a model's own Python code may run: only if this session allows it for that model. A
    run's folder, which may come from another machine, can't allow it."""
    chosen = state.opened.spec
    return chosen.trust_remote_code and absolute_name(chosen.model) == model


def act(state: BrowserState, action: Callable[[], object]) -> None:
    """Do something to a run; errors are shown on the page."""
    state.notice = None
    try:
        action()
    except ExplorerError as error:
        state.notice = error


def start_button(
    state: BrowserState,
    place: DeltaGenerator,
    label: str,
    action: Callable[[], object],
    *,
    disabled: bool,
    **looks: Any,
) -> None:
    """A button that starts something with the values of the form above it.

    A click right after typing arrives before the page is drawn again: a callback would still
    have the old values. So the click is only noted, and carried out by the next draw, which has
    the new values.
    """
    wish = f"asked for {label}"
    place.button(
        label,
        disabled=disabled,
        width="stretch",
        on_click=lambda: st.session_state.update({wish: True}),
        **looks,
    )
    if st.session_state.pop(wish, False) and not disabled:
        act(state, action)


def show_notice(state: BrowserState) -> None:
    """The error of the last action on a run of this page."""
    if state.notice is not None:
        show_error(state.notice)


def when(created: str) -> str:
    """The time a run was made, in local time: 2026-05-01 14:30."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return created


def _words(status: RunStatus) -> str:
    parts = [plain(status.what or "Starting")]
    if status.total:
        parts.append(f"{status.done:.0f} of {status.total:.0f} {plain(status.unit)}")
    parts.append(f"{duration(status.elapsed)} so far")
    if status.seconds_left is not None:
        parts.append(time_left(status.seconds_left))
    return " · ".join(parts)
