"""Where a learner is in the lesson, and what was answered: kept with the session's form."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import streamlit as st

from core.chains.session import is_text
from core.lessons.outline import STEPS, Step
from explorer.state import BrowserState

_BEGINS = "learn "
_STEP, PROJECTOR, ON_OWN = "learn step", "learn projector", "learn on own model"
_SHOWN = "learn verdicts shown"  # in this tab
_LONGEST = 200  # values of one step


class Progress:
    """A learner's progress on one model.

    Args:
        name: of the model and its adapter; answers on another model are other answers.
    """

    def __init__(self, state: BrowserState, name: str) -> None:
        self._state, self.name = state, name

    @property
    def step(self) -> Step:
        """The step on screen."""
        keys = [each.key for each in STEPS]
        kept = self._state.form.value(_STEP, keys[0], lambda value: value in keys)
        return STEPS[keys.index(kept)]

    def go_to(self, step: Step) -> None:
        """Show a step; its verdicts are hidden again from a class."""
        self._state.form.keep(_STEP, step.key)
        st.session_state.pop(_SHOWN, None)

    def given(self, step: Step, what: str = "answer") -> list[str]:
        """What was given in a step; empty before that."""
        return self._state.form.value(self._key(step, what), [], _is_kept)

    def keep(self, step: Step, values: Collection[str], what: str = "answer") -> None:
        """Keep what was given in a step."""
        self._state.form.keep(self._key(step, what), list(values))

    def forget(self, step: Step, what: str = "answer") -> None:
        """Forget it."""
        self._state.form.forget(self._key(step, what))

    def is_done(self, step: Step) -> bool:
        """Whether the step's check was answered correctly on this model."""
        return self.given(step, "done") == ["yes"]

    def done(self, step: Step) -> None:
        """Mark a step as done, which it stays."""
        if not self.is_done(step):
            self.keep(step, ["yes"], "done")

    @property
    def projector(self) -> bool:
        """Whether the page is shown to a class."""
        return self._state.form.value(PROJECTOR, False, lambda value: isinstance(value, bool))

    @property
    def verdicts_hidden(self) -> bool:
        """Whether verdicts wait for the teacher to show them."""
        return self.projector and not st.session_state.get(_SHOWN, False)

    def show_verdicts(self) -> None:
        """Show the verdicts of the step on screen."""
        st.session_state[_SHOWN] = True

    def _key(self, step: Step, what: str) -> str:
        return f"{_BEGINS}{what} {step.key} {self.name}"


def reset(state: BrowserState) -> None:
    """Forget all answers and return to the first step, on every model; the projector, the model
    and its problems stay."""
    for key in [each for each in state.opened.session.form if _is_progress(each)]:
        state.form.forget(key)
    for key in [str(each) for each in st.session_state if _is_progress(str(each))]:
        del st.session_state[key]


def _is_progress(key: str) -> bool:
    """Whether a key is of what was done in a step, and not of how the lesson is set up."""
    words = key.split(" ")
    of_step = key.startswith(_BEGINS) and any(each.key in words[2:3] for each in STEPS)
    return of_step or key in (_STEP, _SHOWN)


def as_numbers(values: Sequence[str]) -> list[int] | None:
    """Kept values as whole numbers; None where one is not."""
    try:
        return [int(each[:9]) for each in values]
    except ValueError:
        return None


def _is_kept(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _LONGEST and all(map(is_text, value))
