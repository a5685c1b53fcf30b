"""Work of the lesson: the button that starts it, its progress, what went wrong."""

from __future__ import annotations

import streamlit as st

from core.lessons.preparing import Part
from explorer.learn.material import Material
from explorer.shared.messages import plain, show_error


def work_button(material: Material, part: Part, label: str, teacher: str = "") -> None:
    """The button that begins a part, or the part's progress."""
    if material.busy:
        working(material)
        return
    if material.doing == part and material.error is not None:
        show_error(material.error)
    st.button(
        label,
        key=f"learn start {part}",
        type="primary",
        icon=":material/play_arrow:",
        on_click=material.start,
        args=(part, teacher),
    )


def working(material: Material) -> None:
    """The progress of what is being made, and a button that stops it."""
    task = material.task
    if task is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="learn_working"):
        st.progress(task.share_done, text=plain(task.progress))
        st.button("Cancel", key="learn cancel", type="tertiary", on_click=material.cancel)
