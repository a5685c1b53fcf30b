"""Which words of a run are forks and which a teacher changes: a table and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.errors import ExplorerError
from core.models.spec import ModelSpec
from core.runs.models import read_model
from core.runs.result_files import spreadsheet_safe
from core.runs.run import Run
from core.system.percent import percent
from core.words.of_run import own_tau, words_of_run
from core.words.settings import WordSettings
from core.words.table import PRIOR, WordRow, WordTable
from explorer.shared.drawing import chart
from explorer.shared.figures import changed_at, percent_range, plotly_text
from explorer.shared.folding import folded
from explorer.shared.messages import plain, show_error
from explorer.shared.run_panel import with_consent
from explorer.shared.setting_fields import SettingFields
from explorer.shared.stored_chain_view import text_of
from explorer.state import BrowserState

_HIGHEST, _LOWEST, _CHANGED, _EVERY = "highest entropy", "lowest entropy", "changed most", "all"
_ENDS = 25  # words
_PICTURED = 40  # words
_HEIGHT = 420  # pixels


def words_panel(state: BrowserState, run: Run, names: Sequence[str] = ()) -> None:
    """A folded part with the words of a run.

    Args:
        names: the labels of a comparison's teachers, in the run's order.
    """
    title = "Words that fork, and words that change" if names else "Words that fork"
    folded(title, f"words of {run.id}", partial(_words, state, run, names))


def _words(state: BrowserState, run: Run, names: Sequence[str]) -> None:
    with st.container(key="evaluation_words"):
        which, least, whose, space = st.columns([2, 2, 2, 2], vertical_alignment="bottom")
    parts = [_HIGHEST, _LOWEST, *([_CHANGED] if names else []), _EVERY]
    teacher, name = 0, next(iter(names), "")
    if len(names) > 1:
        key, numbers = f"teacher of words of {run.id}", range(len(names))
        teacher = state.form.choice(whose, "Teacher", key, numbers, format_func=names.__getitem__)
        name = names[teacher]
    shown = state.form.choice(which, "Words", f"words of {run.id}", parts)
    fields = SettingFields(state.form, WordSettings, f"words of {run.id}")
    min_count = fields.draw(least, "min_count")
    try:
        spec = with_consent(state, read_model(run.config.model))
        found = _table(
            str(run.folder), changed_at(run.units_path), spec, own_tau(run), min_count, teacher
        )
    except ExplorerError as error:
        show_error(error)
        return
    rows = {
        _HIGHEST: found.highest(_ENDS),
        _LOWEST: found.lowest(_ENDS),
        _CHANGED: found.most_changed(_ENDS),
    }.get(shown, found.rows)
    space.download_button(
        "CSV",
        lambda: pd.DataFrame(found.to_rows()).to_csv(index=False),
        file_name=f"{run.id}-words.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    if not rows:
        st.info("No word to show. Lower *At least so often*, or show *all* words.")
        return
    left, right = st.columns([5, 3], gap="medium")
    with left:
        _list(run, found, rows)
    with right:
        _picture(run, found)
    st.caption(_how_to_read(found, name))


@st.cache_resource(show_spinner="Counting words", max_entries=8)
def _table(
    folder: str, changed: int, spec: ModelSpec, tau: float, min_count: int, teacher: int
) -> WordTable:
    """A run's words, until it has more chains."""
    run = Run.open(Path(folder))
    return words_of_run(run, text_of(spec), tau=tau, min_count=min_count, teacher=teacher)


def _list(run: Run, found: WordTable, rows: tuple[WordRow, ...]) -> None:
    above = f"above {found.tau:g} nats"
    columns: dict[str, Any] = {
        "entropy": st.column_config.NumberColumn(
            "mean entropy (nats)", format="%.3f", help="Of the distribution at the word"
        ),
        "share": st.column_config.NumberColumn(above, format="percent"),
        "changed": st.column_config.NumberColumn("changed", format="percent"),
    }
    data = [
        {
            "word": spreadsheet_safe(each.text),  # Streamlit's export doesn't escape cells
            "count": each.count,
            "entropy": each.entropy.value,
            "95 % interval": _range(each),
            "share": each.above.value,
            **_changes(each),
        }
        for each in rows
    ]
    st.dataframe(
        pd.DataFrame(data),
        hide_index=True,
        width="stretch",
        height=min(_HEIGHT, 36 * (len(data) + 1)),
        column_config=columns,
        key=f"words table of {run.id}",
    )


def _range(each: WordRow) -> str:
    found = each.entropy
    return "unknown" if isnan(found.low) else f"{found.low:.3f}–{found.high:.3f}"


def _changes(each: WordRow) -> dict[str, Any]:
    if each.changed is None:
        return {}
    other = each.replacement
    return {
        "changed": each.changed.value,
        "interval of changed": percent_range(each.changed),
        "most often to": ""
        if other is None
        else spreadsheet_safe(f"{other.text} ({other.count:,}×)"),
    }


def _picture(run: Run, found: WordTable) -> None:
    """The most frequent words at their count and mean entropy."""
    rows = sorted(found.rows, key=lambda each: -each.count)[:_PICTURED]
    rows += [each for each in found.highest(_ENDS) if each not in rows]
    figure = go.Figure()
    figure.add_scatter(
        x=[each.count for each in rows],
        y=[each.entropy.value for each in rows],
        text=[plotly_text(each.text) for each in rows],
        mode="text",
        textfont={"size": 11},
        hovertemplate="%{text}: %{x:,} times, %{y:.3f} nats<extra></extra>",
    )
    figure.add_hline(y=found.tau, line={"color": "#8a8a8a", "width": 1, "dash": "dash"})
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"title": "how often", "type": "log"},
        yaxis={"title": "mean entropy (nats)", "rangemode": "tozero"},
    )
    high = ", ".join(each.text for each in found.highest(5))
    chart(
        figure,
        f"words picture of {run.id}",
        alt=f"Words by how often they occur and their mean entropy. Highest: {high}.",
    )


def _how_to_read(found: WordTable, name: str) -> str:
    """Markdown: what was counted, and how words are ordered."""
    counted = (
        f"{found.tokens:,} tokens of {found.problems:,} problems, mean entropy "
        f"{found.mean_entropy:.3f} nats; {found.left_out:,} of {found.words:,} words occur fewer "
        f"than {found.min_count:,} times and are left out. A word is a token of the vocabulary, ␣ "
        "a space at its start or end. In order of their mean entropy, with "
        f"{PRIOR} more occurrences at that of all tokens: a few occurrences make no extreme. "
        "Intervals: 95 %, over problems."
    )
    if found.changed_share is None:
        return counted
    return (
        f"{counted} {plain(name)} changes {percent(found.changed_share, 2)} of all tokens; the "
        "words are the base's first choices."
    )
