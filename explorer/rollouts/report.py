"""The rollouts of a file: what it is, what the model says of them, a table and the rollout of the
row that is selected."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.chains.session import is_text
from core.cli.command_line import PROGRAM
from core.errors import ExplorerError
from core.export.document import Handout
from core.export.of_rollouts import rollouts_handout
from core.imports.kept_files import KeptFile
from core.imports.listing import Line
from core.imports.records import RolloutTable
from core.models.spec import ModelSpec
from core.runs.headline import counted
from explorer.components.row_table import RowTable, read_action, read_selection, row_table
from explorer.form import one_of
from explorer.rollouts.fields import fields_option, file_line
from explorer.rollouts.fine_tune import ToFineTune, fine_tune_button, making_progress
from explorer.rollouts.panel import ShownRollout, rollout_panel
from explorer.rollouts.reading import (
    Fields,
    ReadRollouts,
    Scoring,
    read_scored,
    scorings,
)
from explorer.rollouts.tables import MOST
from explorer.shared.figures import share_and_range
from explorer.shared.messages import plain, short, show_error, teaching_notice
from explorer.shared.model_chip import model_chip
from explorer.shared.polling import redrawn_alone
from explorer.shared.run_panel import show_notice
from explorer.shared.share import share
from explorer.shared.thresholds import in_unit
from explorer.state import BrowserState

_ROLLOUTS, _PROBLEMS = "Rollouts", "Problems"
_VIEW = "rollouts by"
_HEIGHT = 540  # pixels of the panel beside the table


@dataclass(frozen=True)
class RolloutsView:
    """A file as it is read, and what the session's model says of it."""

    state: BrowserState
    kept: KeptFile
    fields: Fields
    table: RolloutTable
    scoring: Scoring

    @property
    def spec(self) -> ModelSpec:
        """The model of the sidebar, which scores."""
        return self.state.opened.spec

    @property
    def version(self) -> str:
        """Of the reading: another one where other fields are chosen."""
        return " ".join(f"{role}={name}" for role, name in self.fields)

    def to_fine_tune(self, read: ReadRollouts) -> ToFineTune:
        """What a run of rollouts is made of."""
        place = f"{self.kept.id} {self.version}".strip()
        return ToFineTune(self.state, place, self.fields, self.table, self.scoring, read.lines)

    def read(self) -> ReadRollouts:
        """Of all rollouts, with the scores that the table shows."""
        count = len(self.table.rollouts)
        return read_scored(
            self.kept.path,
            self.fields,
            self.state.tau,
            self.spec,
            self.scoring.version(count),
            self.scoring,
        )


def rollouts_report(view: RolloutsView) -> None:
    """Draw it; while rollouts are scored the table fills."""
    show_notice(view.state)
    try:
        read = view.read()
    except ExplorerError as error:  # the file was removed in another tab
        show_error(error)
        return
    lines = read.lines
    _head(view, read)
    _progress(view)
    making_progress(view.to_fine_tune(read))
    chosen = st.segmented_control(
        "A row is",
        [_ROLLOUTS, _PROBLEMS],
        default=view.state.form.value(_VIEW, _ROLLOUTS, one_of((_ROLLOUTS, _PROBLEMS))),
        key=f"{_VIEW} chosen",
        required=True,
        label_visibility="collapsed",
    )
    view.state.form.keep(_VIEW, chosen or _ROLLOUTS)
    by_problem = chosen == _PROBLEMS
    name = f"{chosen} {view.kept.id} {view.version}"
    made = read.table(name, view.state.unit, by_problem)
    if len(lines) > MOST and not by_problem:
        st.caption(f"The table shows the first {MOST:,} of {len(lines):,} rollouts.")
    redrawn_alone(lambda: _browse(view, read, made, by_problem))


def _head(view: RolloutsView, read: ReadRollouts) -> None:
    count, known = len(read.lines), len(view.scoring.scores.found)
    with st.container(border=True, key="rollouts_summary"):
        st.markdown(f"{file_line(view.table)} · {model_chip(view.spec)}")
        scored = sum(line.entropy is not None for line in read.lines)
        if scored:
            above, correct = read.above_tau, read.correct
            parts = [
                f"{counted(scored, 'rollout')} of {counted(above.n, 'problem')} scored",
                f"**{share_and_range(above)}** of tokens above τ "
                f"{in_unit(view.state.tau, view.state)}",
            ]
            if correct is not None:
                parts.append(f"**{share_and_range(correct)}** checked correct")
            st.markdown(" · ".join(parts))
        row = st.container(horizontal=True, vertical_alignment="center")
        if known < count:
            row.button(
                f"Score the other {count - known:,}" if known else "Score all",
                key="score rollouts",
                type="secondary" if known else "primary",
                icon=":material/play_arrow:",
                disabled=view.scoring.running,
                help="The loaded model reads every rollout: the entropy of each token, and "
                "whether the answer is correct",
                on_click=scorings().start,
                args=(view.scoring, view.table, view.spec),
            )
        fine_tune_button(row, view.to_fine_tune(read))
        with row:
            share(
                {"file": lambda: _handout(view, read)},
                name=Path(view.kept.name).stem,
                key=f"share {view.kept.id}",
                link={"session": view.state.opened.id},
                has_picture=bool(scored),
            )
        with row.popover("CLI", icon=":material/terminal:", help="The same in a terminal"):
            st.code(_command(view), language=None)
    teaching_notice(view.spec.model)
    _doubts(view)


def _handout(view: RolloutsView, read: ReadRollouts) -> Handout:
    return rollouts_handout(view.table, read.lines, view.state.tau, view.spec)


def _doubts(view: RolloutsView) -> None:
    found = list(view.scoring.scores.found.values())
    unread = sum(not len(each.entropy) for each in found)
    unlikely = sum(each.unlikely for each in found)
    name = plain(short(view.spec.model, 40))
    if unread:
        st.warning(f"{name} can't read {counted(unread, 'rollout')}: select one to see why.")
    if unlikely:
        st.warning(
            f"{counted(unlikely, 'rollout')} less likely than chance under {name}: its entropies "
            "say little about the model that wrote them, or the ids are of another tokenizer."
        )


def _progress(view: RolloutsView) -> None:
    task = view.scoring.task
    if task is None:
        return
    if task.running:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.progress(task.share_done, text=task.progress)
        row.button(
            "Cancel",
            key="cancel scoring",
            type="tertiary",
            disabled=task.cancelled(),
            on_click=task.cancel,
        )
    elif task.error is not None:
        show_error(task.error)


def _browse(view: RolloutsView, read: ReadRollouts, made: RowTable, by_problem: bool) -> None:
    key = f"rollouts {view.kept.id}"
    state, lines = view.state, read.lines
    kept = state.form.value(made.id, "", is_text)
    selected = kept if kept in made.numbers else made.rows[0].id
    with st.container(key="problem_browser_rollouts"):
        left, right = st.columns([3, 2], gap="small")
    with left:
        row_table(
            made,
            key=key,
            selected=selected,
            on_select=lambda: _select(view, made, key),
            on_act=lambda: _select(view, made, key),
        )
    numbers = [int(selected)]
    if by_problem:
        numbers = [n for n, line in enumerate(lines) if line.problem == selected]
    with right, st.container(border=True, height=_HEIGHT, key="rollout_panel"):
        number = numbers[0]
        if by_problem and len(numbers) > 1:
            number = st.selectbox(
                "Rollout",
                numbers,
                format_func=lambda n: _label(lines[n]),
                key=f"rollout of {made.id} {selected}",
            )
        score = view.scoring.scores.found.get(number)
        shown = ShownRollout(
            view.kept, view.version, number, lines[number], score, read.common_start
        )
        rollout_panel(state, shown)


def _select(view: RolloutsView, made: RowTable, key: str) -> None:
    found, act = read_selection(key), read_action(key)
    row = act.rows[0] if act is not None and act.rows else "" if found is None else found.row
    if row in made.numbers:
        view.state.form.keep(made.id, row)


def _label(line: Line) -> str:
    reward = "" if line.reward is None else f" · reward {line.reward:g}"
    tokens = "" if line.tokens is None else f" · {line.tokens:,} tokens"
    return f"row {line.rollout.row}{reward}{tokens}"


def _command(view: RolloutsView) -> str:
    spec = view.spec
    words = [PROGRAM, "import", view.kept.name, *fields_option(view.fields)]
    words += ["--score", spec.model]
    for name in ("adapter", "revision", "dtype", "quantization"):
        value = getattr(spec, name)
        words += [] if value == getattr(ModelSpec, name) else [f"--{name}", value]
    words += ["--trust-remote-code"] * spec.trust_remote_code
    return shlex.join([*words, "--tau", f"{view.state.tau:g}"])
