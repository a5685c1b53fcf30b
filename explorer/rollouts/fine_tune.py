"""From the rollouts on screen to a run of rollouts, where Fine-tune tries gates and trains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.imports.as_run import HowToRead, run_of_rollouts
from core.imports.correctness import are_two
from core.imports.listing import Line
from core.imports.records import RolloutTable
from core.models.spec import ModelSpec
from core.reasonmaxxer.recipe import recipe_of
from core.runs.headline import counted
from core.runs.run import Run
from explorer.classroom.here import runs_here
from explorer.navigation import ask_for
from explorer.rollouts.reading import Fields, Scoring
from explorer.shared.messages import plain, show_error
from explorer.shared.model_chip import model_chip
from explorer.shared.suited_preset import preset_for
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.workbench import workbench

_MAKING = "run of rollouts"  # in Streamlit's session state
_AT_ONCE = 2.0  # seconds after which the page shows the progress


@dataclass(frozen=True, eq=False)
class ToFineTune:
    """A file as it is read, with what the model of the sidebar says of it.

    Attributes:
        place: in the form, of what is set for it.
    """

    state: BrowserState
    place: str
    fields: Fields
    table: RolloutTable
    scoring: Scoring
    lines: Sequence[Line]

    @property
    def spec(self) -> ModelSpec:
        """The model, which scored and is fine-tuned."""
        return self.state.opened.spec


@dataclass(frozen=True, eq=False)
class _Making:
    """A run that is being made, and the run once it is."""

    place: str
    task: Task
    made: list[Run] = field(default_factory=list)


def is_making() -> bool:
    """Whether a run is being made."""
    found = _making()
    return found is not None and found.task.running


def fine_tune_button(row: DeltaGenerator, what: ToFineTune) -> None:
    """A button with the rule that says which rollouts are correct, and what comes of it."""
    with row.popover(
        "Use for a fine-tune",
        icon=":material/tune:",
        help="A run of these rollouts: which tokens a gate would choose, and training from them",
    ):
        _choices(what)


def making_progress(what: ToFineTune) -> None:
    """How far the run of this file is; afterwards the way to it."""
    found = _making()
    if found is None or found.place != what.place:
        return
    if found.task.running:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.progress(found.task.share_done, text=found.task.progress)
        row.button("Cancel", key="cancel making", type="tertiary", on_click=found.task.cancel)
    elif found.task.error is not None:
        show_error(found.task.error)
    elif found.made:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(f"The run **{plain(found.made[0].config.name)}** is made.")
        row.button(
            "Open in Fine-tune",
            key="open made run",
            icon=":material/tune:",
            on_click=_open,
            args=(what.state, found.made[0]),
        )


def _choices(what: ToFineTune) -> None:
    st.markdown(
        f"Makes a run of rollouts, with the entropies of {model_chip(what.spec)}. *Fine-tune* "
        "shows which tokens a gate would choose in them, and trains from them."
    )
    if what.spec.adapter is not None:
        st.caption("A fine-tune starts from a base: choose the model without its adapter.")
        return
    rewards = {line.reward for line in what.lines if line.reward is not None}
    if len(rewards) < 2:
        st.caption(
            "The rewards are all the same, so no rollout is better than another."
            if rewards
            else "The file has no rewards. Choose their field under *How the file was read*."
        )
        return
    lowest = what.state.form.real(
        st.container(),
        "Correct from a reward of",
        f"correct from {what.place}",
        1.0 if are_two(rewards) else max(rewards),
        min(rewards),
        max(rewards),
        help="Rollouts with this reward or a higher one are correct, the others wrong",
    )
    mixed = _contrast(what.lines, lowest)
    missing = sum(number not in what.scoring.scores.found for number in range(len(what.lines)))
    st.button(
        "Make the run",
        key="make rollouts run",
        type="primary",
        disabled=bool(missing) or not mixed or is_making(),
        help=f"{counted(missing, 'rollout')} not scored yet" if missing else None,
        on_click=_make,
        args=(what, lowest, are_two(rewards)),
    )


def _contrast(lines: Sequence[Line], lowest: float) -> int:
    """Say how many rollouts are correct; returns how many problems have correct and wrong ones."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for line in lines:
        if line.reward is not None:
            groups[line.problem].append(line.reward >= lowest)
    every = [each for group in groups.values() for each in group]
    mixed = sum(0 < sum(group) < len(group) for group in groups.values())
    st.caption(
        f"{sum(every):,} correct and {len(every) - sum(every):,} wrong rollouts; **{mixed:,}** of "
        f"{counted(len(groups), 'problem')} {'has' if len(groups) == 1 else 'have'} both, and only "
        "these say which decisions matter."
    )
    return mixed


def _making() -> _Making | None:
    found: _Making | None = st.session_state.get(_MAKING)
    return found


def _make(what: ToFineTune, lowest: float, two: bool) -> None:
    made: list[Run] = []
    recipe = recipe_of(preset_for(what.state))
    how = HowToRead(None if two and lowest == 1 else lowest, dict(what.fields))
    spec, scores, folder = what.spec, dict(what.scoring.scores.found), runs_here()

    def work(task: Task) -> None:
        lm = workbench().model(spec)
        folder.check_writable()
        task.label, task.unit, task.total = "Making the run", "rollouts", len(what.lines)

        def progress(done: int, total: int) -> None:
            task.done, task.total = done, total

        run = run_of_rollouts(
            lm,
            what.table,
            scores,
            recipe,
            folder.folder,
            how=how,
            on_progress=progress,
            cancel=task.cancelled,
        )
        made.extend(() if run is None else (run,))

    task = Task("Loading the model", work)
    st.session_state[_MAKING] = _Making(what.place, task, made)
    if task.wait(_AT_ONCE) and made:
        _open(what.state, made[0])


def _open(state: BrowserState, run: Run) -> None:
    del st.session_state[_MAKING]
    state.run_ids["finetune"] = run.id
    ask_for("finetune", run=run.id)
