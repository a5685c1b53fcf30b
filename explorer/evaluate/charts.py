"""Plotly figures of an evaluation: pure functions of its results."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from core.evaluation.results import FamilySummary, PassAtK
from core.statistics import Estimate
from core.system.percent import percent_span
from explorer.shared.figures import family_label

_MODEL, _BAND = "#2d79cf", "rgba(45,121,207,0.18)"
_OVERALL = "#8a8a8a"
_ROW_HEIGHT = 26  # pixels
_SHORT_CURVE = 12  # points up to which each one has a marker


def pass_at_k_chart(points: Sequence[PassAtK]) -> go.Figure:
    """Share of problems that k samples solve, with the band of its 95 % intervals."""
    ks = [each.k for each in points]
    estimates = [each.estimate for each in points]
    figure = go.Figure()
    figure.add_scatter(
        x=[*ks, *reversed(ks)],
        y=[*(each.high for each in estimates), *(each.low for each in reversed(estimates))],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=_BAND,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=ks,
        y=[each.value for each in estimates],
        mode="lines+markers" if len(ks) <= _SHORT_CURVE else "lines",
        line={"color": _MODEL, "width": 2.5},
        marker={"size": 8},
        customdata=[_interval(each) for each in estimates],
        hovertemplate="pass@%{x}: %{y:.1%}<br>%{customdata}<extra></extra>",
    )
    figure.update_layout(
        height=300,
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        showlegend=False,
        xaxis={"title": "samples k", "zeroline": False, "tickvals": _ticks(ks)},
        yaxis={
            "title": "problems solved by one of k",
            "range": [0, 1.02],
            "tickformat": ".0%",
            "zeroline": False,
        },
    )
    return figure


def family_chart(families: Sequence[FamilySummary], overall: Estimate) -> go.Figure:
    """pass@1 of every family with its 95 % interval, best first, and a line at that of all
    problems."""
    figure = go.Figure()
    for each in sorted(families, key=lambda family: -family.pass_at_1.value):
        estimate = each.pass_at_1
        figure.add_bar(
            x=[estimate.value],
            y=[family_label(each)],
            orientation="h",
            marker={"color": _MODEL, "opacity": 0.5},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [max(0.0, estimate.high - estimate.value)],
                "arrayminus": [max(0.0, estimate.value - estimate.low)],
                "color": _MODEL,
                "thickness": 2,
                "width": 4,
            },
            hovertemplate=f"%{{y}}: %{{x:.1%}}<br>{_interval(estimate)}<extra></extra>",
        )
    figure.add_vline(x=overall.value, line={"color": _OVERALL, "width": 1, "dash": "dash"})
    figure.update_layout(
        height=max(300, 70 + _ROW_HEIGHT * len(families)),
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        bargap=0.3,
        barmode="overlay",
        showlegend=False,
        xaxis={"title": "pass@1", "range": [0, 1.02], "tickformat": ".0%", "zeroline": False},
        yaxis={"autorange": "reversed", "automargin": True},
    )
    return figure


def _interval(estimate: Estimate) -> str:
    return f"95 % interval {percent_span(estimate.low, estimate.high)}, n = {estimate.n}"


def _ticks(ks: Sequence[int]) -> list[int]:
    """Ticks at whole numbers of samples, few enough to be readable."""
    step = max(1, -(-ks[-1] // 8)) if ks else 1
    return [1, *range(step if step > 1 else 2, (ks[-1] if ks else 1) + 1, step)]
