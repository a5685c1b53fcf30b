"""What a class gets on paper: the worksheet, and the teacher's copy with the answers."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.lessons.lesson import Lesson
from core.lessons.worksheet import worksheet
from explorer.learn.material import Material
from explorer.learn.progress import reset
from explorer.state import BrowserState, Unit


def handouts(state: BrowserState, material: Material) -> None:
    """Draw the popover with both files."""
    with st.popover("Worksheet", icon=":material/print:", help="The lesson on paper"):
        st.caption(
            "One HTML file that needs nothing else and prints well. It has what was measured so "
            "far; the other steps say what is missing."
        )
        for label, answers in (("Worksheet", False), ("With answers, for the teacher", True)):
            st.download_button(
                label,
                partial(_file, material.lesson, state.unit, answers),
                file_name="lesson-answers.html" if answers else "lesson-worksheet.html",
                mime="text/html",
                on_click="ignore",
                key=f"learn worksheet {answers}",
                disabled=material.lesson.chains is None,
                help="As soon as the chains are there" if material.lesson.chains is None else None,
                width="stretch",
            )
        st.button(
            "Start the lesson again",
            key="learn reset",
            type="tertiary",
            icon=":material/restart_alt:",
            help="Forget all answers",
            on_click=reset,
            args=(state,),
        )


def _file(lesson: Lesson, unit: Unit, answers: bool) -> bytes:
    return worksheet(lesson, answers=answers, unit=unit).encode("utf-8")
