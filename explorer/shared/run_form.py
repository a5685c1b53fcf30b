"""The form of a page of runs: folded while a run is on screen, open for a new run or for the
settings of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

from core.errors import ExplorerError
from core.models.spec import ModelSpec
from core.runs.models import read_model
from core.runs.run import Run
from explorer.shared.messages import plain
from explorer.shared.model_chip import model_chip
from explorer.shared.polling import polled
from explorer.shared.run_panel import with_consent
from explorer.state import BrowserState
from explorer.tasks import Task

Shown = Literal["new", "edit"]
_NOTHING = object()  # of a field that had no value of its own
FillForm = Callable[[BrowserState, Run], None]
"""Puts the settings of a run into the fields of a form."""


def form_shown(page: str) -> Shown | None:
    """Whether the form of a page is open, and with what; None: it is folded."""
    found: Shown | None = st.session_state.get(_key(page))
    return found


def fold(page: str) -> None:
    """Fold the form of a page."""
    st.session_state[_key(page)] = None


def form_was_used(page: str) -> None:
    """Fold the form of a page that has started a run: what it was filled with is now its own."""
    st.session_state.pop(_before(page), None)
    fold(page)


def show_new(state: BrowserState, page: str) -> None:
    """Open the form of a page as the person left it: without what a run's settings have changed."""
    before: dict[str, Any] = st.session_state.pop(_before(page), {})
    with state.opened.saved_once():
        for key, value in before.items():
            if value is _NOTHING:
                state.form.forget(key)
            else:
                state.form.put(key, value)
    st.session_state[_key(page)] = "new"


def show_edit(state: BrowserState, page: str, run: Run, fill: FillForm) -> None:
    """Open the form of a page with the settings of a run."""
    state.notice = None
    own = dict(state.opened.session.form)
    try:
        with state.opened.saved_once():
            fill(state, run)
    except ExplorerError as error:
        state.notice = error
        return
    form = state.opened.session.form
    changed = {key: own.get(key, _NOTHING) for key in form if own.get(key, _NOTHING) != form[key]}
    # Of two runs in turn, the person's own values are those before the first one.
    st.session_state[_before(page)] = changed | st.session_state.get(_before(page), {})
    st.session_state[_key(page)] = "edit"


def fill_from_link(state: BrowserState, prefix: str, run: Run, fill: FillForm) -> None:
    """Give the form the settings of a run that a link has opened, unless the person has filled it
    in before.

    Args:
        prefix: begins the keys of the form's fields.
    """
    if any(key.startswith(prefix) for key in state.opened.session.form):
        return
    try:
        with state.opened.saved_once():
            fill(state, run)
    except ExplorerError:  # the run's page says what is damaged
        return


def form_head(state: BrowserState, page: str, run: Run | None) -> None:
    """The first line of the open form: what it is filled with, and a button that folds it."""
    if run is None:
        return
    edited = form_shown(page) == "edit"
    row = st.container(horizontal=True, horizontal_alignment="distribute", key="form_head")
    name = plain(run.config.name or run.id)
    row.markdown(f"**Settings of {name}**" if edited else "**New run**")
    row.button(
        "Close", key=f"fold {page}", icon=":material/close:", type="tertiary",
        on_click=fold, args=(page,),
    )  # fmt: skip
    if edited:
        _other_model(state, run)


def _other_model(state: BrowserState, run: Run) -> None:
    """Say so if the run's model isn't the one that the form uses, and offer to load it."""
    try:
        spec = with_consent(state, read_model(run.config.model))
    except ExplorerError:  # the run's page says what is damaged
        return
    here = state.opened.spec
    if (spec.model, spec.adapter) == (here.model, here.adapter):
        return

    def draw() -> None:
        row = st.container(horizontal=True, vertical_alignment="center", key="form_model")
        row.markdown(f"This run used {model_chip(spec)}, the form uses {model_chip(here)}.")
        task = state.opened.task
        if state.opened.busy and task is not None:
            row.caption(f"{task.label}, {task.elapsed:.0f} s …")
            return
        row.button(
            "Load the run's model", icon=":material/memory:", on_click=_use, args=(state, spec)
        )

    polled(draw, lambda: state.opened.busy)


def _use(state: BrowserState, spec: ModelSpec) -> None:
    """Make a run's model the session's."""
    opened = state.opened

    def work(task: Task) -> None:
        opened.load(spec)
        opened.spec = spec  # set once loaded

    opened.start("Loading the model", work, None)
    if opened.task is not None:
        opened.task.wait(2)


def _key(page: str) -> str:
    return f"form on {page}"


def _before(page: str) -> str:
    return f"form before a run's settings on {page}"
