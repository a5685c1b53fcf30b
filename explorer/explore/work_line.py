"""The thin line in the chain's card: what works, how far it is, and a button to cancel it."""

from __future__ import annotations

import streamlit as st

from core.runs.estimate import duration
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.work import Growing, Work


def work_line(state: BrowserState) -> None:
    """The progress of the work that is running, and Cancel."""
    task = state.opened.task
    assert task is not None
    st.progress(task.share_done, text=progress_words(task, state.opened.work))
    st.button(
        "Cancel",
        key="cancel",
        disabled=task.cancelled(),
        on_click=state.opened.cancel,
    )


def progress_words(task: Task, work: Work) -> str:
    """The progress: what is done, steps or tokens, tokens a second, about the time left."""
    progress = work.progress
    if work.growing is not None and progress is not None:
        return _growth_words(task, work.growing)
    if progress is None:
        return f"{task.label}, {task.elapsed:.0f} s"
    if progress.reading:
        tokens = f" ({progress.reads:,} tokens)" if progress.reads else ""
        return f"{task.label}: reading the prompt{tokens}"
    parts = [task.label]
    if progress.rows == 1:
        parts.append(f"{progress.step} / {progress.total} tokens")
    else:
        parts.append(f"{progress.finished} of {progress.rows} done")
        parts.append(f"step {progress.step} of {progress.total}")
    pace = progress.tokens_a_second
    if pace is not None:
        parts.append(f"{pace:.1f} tokens/s" if pace < 10 else f"{pace:.0f} tokens/s")
    left = task.seconds_left
    if left is not None and progress.step > 1:
        parts.append(f"about {duration(max(left, 1))} left")
    return " · ".join(parts)


def _growth_words(task: Task, growing: Growing) -> str:
    """Of a tree: its endings so far, tokens, of which about how many, and the time left."""
    parts = [task.label, f"{growing.endings:,} endings"]
    if growing.part == "random":
        parts[0] += ", the control"
    if task.total and task.done:
        parts.append(f"{task.done:,} of about {task.total:,} tokens")
    if task.per_second is not None:
        parts.append(f"{task.per_second:.0f} tokens/s")
    if task.seconds_left is not None:
        parts.append(f"about {duration(max(task.seconds_left, 1))} left")
    return " · ".join(parts)
