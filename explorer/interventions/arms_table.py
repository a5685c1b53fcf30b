"""The arms of a study in a table: where each replaces tokens, with what, and what that tells."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.interventions.arm import GROUPS, Arm
from core.interventions.arms import ARMS
from explorer.interventions.arm_pictures import arm_picture

_STYLE = Path(__file__).resolve().parents[1] / "arms.css"
_TITLES = {"teacher": "With a teacher", "base alone": "The base alone", "controls": "Controls"}


def arms_table(keys: Sequence[str]) -> None:
    """Draw the arms with these keys, by group.

    Args:
        keys: of `core.interventions.arms.ARMS`.
    """
    st.html(_STYLE)
    st.html(arms_html(keys))


def arms_html(keys: Sequence[str]) -> str:
    """The table; every text is escaped."""
    groups = []
    for group in GROUPS:
        arms = [ARMS[key] for key in keys if ARMS[key].group == group]
        if arms:
            title = html.escape(_TITLES.get(group, group))
            rows = "".join(map(_row, arms))
            groups.append(f'<tbody><tr><th class="arm-group" colspan="5">{title}</th></tr>{rows}')
    heads = ("Arm", "Chain", "Where", "What is put there", "What it tells")
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    return (
        f'<table class="arms"><thead><tr>{head}</tr></thead>{"</tbody>".join(groups)}</tbody>'
        '</table><p class="arms-key">Underlined: a fork, where the base is uncertain. '
        "Filled: the teacher's token. ?: a random token. ±: other tokens, one at a time. "
        "=: the same token.</p>"
    )


def _row(arm: Arm) -> str:
    cells = ((arm.where, "Where"), (arm.what, "What is put there"), (arm.tells, "What it tells"))
    rest = "".join(
        f'<td data-label="{label}">{html.escape(_sentence(text))}</td>' for text, label in cells
    )
    return (
        f'<tr><th scope="row">{html.escape(arm.label)}</th><td>{arm_picture(arm.key)}</td>'
        f"{rest}</tr>"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
