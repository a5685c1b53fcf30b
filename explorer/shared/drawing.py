"""Charts, tables, cards and questions, drawn alike on every page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_HIDDEN = (
    "position:absolute;width:1px;height:1px;margin:-1px;padding:0;overflow:hidden;"
    "clip-path:inset(50%);white-space:nowrap"
)


def chart(figure: Any, key: str, *, alt: str) -> None:
    """A plotly figure over the whole width, without plotly's own buttons.

    Args:
        figure: of plotly.
        key: of the chart.
        alt: what the chart shows, in a sentence, for a person who can't see it.
    """
    with described(alt):
        st.plotly_chart(figure, width="stretch", key=key, config={"displayModeBar": False})


def described(alt: str) -> DeltaGenerator:
    """A container for a chart, with a text for screen readers that takes no room."""
    place = st.container(gap=None)
    place.html(f'<p class="alt" style="{_HIDDEN}">Chart: {html.escape(alt)}</p>')
    return place


def table(rows: pd.DataFrame, key: str) -> None:
    """A table over the whole width, as high as its rows."""
    st.dataframe(rows, hide_index=True, width="stretch", height="content", key=key)


def card(column: DeltaGenerator, label: str, value: str, interval: str, about: str) -> None:
    """One figure with its interval below it; `about` is shown when it is pointed at."""
    column.metric(
        label, value, interval, delta_color="off", delta_arrow="off", border=True, help=about
    )


def questions(answers: Sequence[str]) -> None:
    """Answers to what a reader will ask, each of them markdown that begins with its question."""
    with st.expander("How to read these results"):
        st.markdown("\n\n".join(answers))
