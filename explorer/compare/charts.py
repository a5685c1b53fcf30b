"""Plotly figures of a comparison: pure functions of its results."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from core.disagreement.results import ENTROPY_EDGES, PLACES, RANKS, TeacherSummary
from explorer.shared.figures import plotly_text

COLOURS = ("#2d79cf", "#c98a2b", "#5b9e7a", "#9a6fb0", "#8a8a8a", "#b5544c", "#3fa7a7", "#7a7a2e")
_PATTERNS = ("", "/", "x", ".", "-", "+", "|", "\\")  # so that bars don't differ by colour alone


RANK_NAMES = [*(str(rank) for rank in range(1, RANKS + 1)), f">{RANKS}"]
PLACE_NAMES = [f"{10 * i}–{10 * i + 10} %" for i in range(PLACES)]


def rank_chart(teachers: Sequence[TeacherSummary], names: Sequence[str]) -> go.Figure:
    """Share of each teacher's changed tokens by their rank in the base's order."""
    figure = _bars(RANK_NAMES, [_shares(each.rank_counts) for each in teachers], names)
    figure.add_vline(x=4.5, line={"color": "#8a8a8a", "width": 1, "dash": "dash"})
    figure.update_layout(xaxis_title="base rank of the teacher's token", yaxis_title="of changes")
    return figure


def place_chart(teachers: Sequence[TeacherSummary], names: Sequence[str]) -> go.Figure:
    """Share of each teacher's changed tokens by their place in the chain."""
    figure = _bars(PLACE_NAMES, [_shares(each.place_counts) for each in teachers], names)
    figure.update_layout(xaxis_title="place in the chain", yaxis_title="of changes")
    return figure


def entropy_chart(teacher: TeacherSummary) -> go.Figure:
    """Base entropy at the positions that a teacher changes, and at the others."""
    labels = [f"{edge:g}" for edge in ENTROPY_EDGES]
    figure = _bars(
        labels,
        [_shares(teacher.entropy_counts_unshifted), _shares(teacher.entropy_counts_changed)],
        ["unshifted", "changed"],
        ("#8a8a8a", COLOURS[0]),
    )
    figure.update_layout(
        xaxis_title="base entropy from, nats",
        yaxis_title="of the positions of a kind",
        yaxis_type="log",
        yaxis_tickformat="~%",
    )
    return figure


def _shares(counts: Sequence[int]) -> list[float | None]:
    total = sum(counts)
    return [count / total if total and count else None for count in counts]


def _bars(
    labels: Sequence[str],
    series: Sequence[Sequence[float | None]],
    names: Sequence[str],
    colours: Sequence[str] = COLOURS,
) -> go.Figure:
    figure = go.Figure()
    for number, (values, name) in enumerate(zip(series, names, strict=True)):
        figure.add_bar(
            x=list(labels),
            y=list(values),
            name=plotly_text(name),
            marker={
                "color": colours[number % len(colours)],
                "pattern": {"shape": _PATTERNS[number % len(_PATTERNS)], "fillmode": "overlay"},
            },
            opacity=0.75,
            hovertemplate=f"{plotly_text(name)}: %{{y:.1%}}<extra></extra>",
        )
    figure.update_layout(
        height=260,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        bargap=0.25,
        showlegend=len(names) > 1,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"type": "category"},
        yaxis={"tickformat": ".0%", "zeroline": False},
    )
    return figure
