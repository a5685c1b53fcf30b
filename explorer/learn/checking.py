"""The check below a step: its question, its options, and the verdict on what was given."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.lessons.checks import ChoiceCheck, Feedback
from core.lessons.outline import Step
from explorer.learn.progress import Progress
from explorer.shared.messages import plain, plain_lines


def choice_check(progress: Progress, step: Step, check: ChoiceCheck) -> None:
    """Draw a question with options, a button, and the verdict on what was chosen."""
    given = progress.given(step)
    with st.container(border=True, key=f"learn_check_{step.key}"):
        st.markdown(f"**{plain(check.question)}**")
        keys = (
            _several(progress, step, check, given)
            if check.several
            else [_one(progress, step, check, given)]
        )
        st.button(
            "Check",
            key=f"learn check {step.key}",
            type="primary",
            on_click=_take,
            args=(progress, step, check, keys),
        )
        feedback = check.feedback(given)
        if given and feedback is not None:
            verdict(progress, step, feedback)


def verdict(progress: Progress, step: Step, feedback: Feedback) -> None:
    """Draw a verdict with its reason, or the button that shows it to a class. A correct answer
    whose verdict is shown completes the step."""
    if progress.verdicts_hidden:
        st.button(
            "Show the verdict",
            key=f"learn show {step.key}",
            icon=":material/visibility:",
            on_click=progress.show_verdicts,
        )
        return
    said = plain_lines(feedback.why)
    if feedback.correct:
        progress.done(step)
        st.success(f"**Correct.** {said}", icon=":material/check:")
    else:
        st.error(f"**Wrong.** {said}", icon=":material/close:")


def given_token(progress: Progress, step: Step, read: Callable[[], int | None]) -> None:
    """Keep the token that was clicked as the answer; for a callback."""
    position = read()
    if position is not None:
        progress.keep(step, [str(position)])


def _one(progress: Progress, step: Step, check: ChoiceCheck, given: list[str]) -> str:
    key = f"learn choice {step.key} {progress.name}"
    options = list(check.options)
    index = options.index(given[0]) if given and given[0] in options else None
    st.radio(
        check.question,
        options,
        index=index,
        format_func=plain,
        key=key,
        label_visibility="collapsed",
    )
    return key


def _several(progress: Progress, step: Step, check: ChoiceCheck, given: list[str]) -> list[str]:
    keys = []
    for number, option in enumerate(check.options):
        key = f"learn choice {step.key} {progress.name} {number}"
        st.checkbox(plain(option), value=option in given, key=key)
        keys.append(key)
    return keys


def _take(progress: Progress, step: Step, check: ChoiceCheck, keys: list[str]) -> None:
    if check.several:
        chosen = [
            option
            for option, key in zip(check.options, keys, strict=True)
            if st.session_state.get(key)
        ]
    else:
        one = st.session_state.get(keys[0])
        chosen = [] if one is None else [one]
    if chosen:
        progress.keep(step, chosen)
