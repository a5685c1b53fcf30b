"""A problem's text above its chain: two lines of a long one, the rest on demand."""

from __future__ import annotations

import html
import re

import streamlit as st

from core.records import Problem

_LONG = 220  # characters; more than two lines at 1280 px
_LINES = 2
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")


def problem_text(problem: Problem) -> None:
    """Draw the question and, where it is known, the correct answer."""
    st.html(problem_html(problem))


def problem_html(problem: Problem) -> str:
    """HTML: everything that came from a file is escaped, line breaks are kept."""
    text = _BOXED.sub(
        lambda found: f'<span class="boxed">{found[1]}</span>',
        html.escape(problem.question.strip()),
    )
    gold = ""
    if problem.answer is not None:
        gold = f'<span class="gold">Correct answer: {html.escape(problem.answer)}</span>'
    question = problem.question.strip()
    if len(question) <= _LONG and question.count("\n") < _LINES:
        return f'<div class="problem"><span class="question">{text}</span> {gold}</div>'
    return (
        f'<div class="problem"><details><summary><span class="question">{text}</span></summary>'
        f"</details>{gold}</div>"
    )
