"""Plotly figures of an intervention run: pure functions of its results."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from core.interventions.arms import ARMS
from core.interventions.results import ArmSummary
from core.runs.headline import short_percent
from core.statistics import Estimate
from core.system.percent import percent_span

_BASE, _ARM, _CONTROL = "#8a8a8a", "#2d79cf", "#c98a2b"
_ROW_HEIGHT = 34  # pixels


def accuracy_chart(arms: Sequence[ArmSummary]) -> go.Figure:
    """Accuracy of every arm with its 95 % interval, and a line at the base's; controls are
    hatched. A sweep, which counts as correct when any attempt is, is shown by `rescue_chart`."""
    rows = [(ARMS[each.arm].label, each.accuracy, each) for each in arms if each.sweep is None]
    figure = _bars(rows, "accuracy")
    base = next((each.accuracy.value for each in arms if each.arm == "base"), None)
    if base is not None:
        figure.add_vline(x=base, line={"color": _BASE, "width": 1, "dash": "dash"})
    return figure


def rescue_chart(arms: Sequence[ArmSummary]) -> go.Figure:
    """Share of single forced tokens that rescue a wrong chain, and of chains with any rescue."""
    sweeps = [(each, each.sweep) for each in arms if each.sweep is not None]
    rows = [
        (f"per replacement: {ARMS[each.arm].label}", sweep.rescues, each) for each, sweep in sweeps
    ]
    rows += [
        (f"per chain: {ARMS[each.arm].label}", sweep.recovered, each) for each, sweep in sweeps
    ]
    return _bars(rows, "success rate")


def _bars(rows: Sequence[tuple[str, Estimate, ArmSummary]], title: str) -> go.Figure:
    estimates = [estimate for _, estimate, _ in rows]
    figure = go.Figure()
    for label, estimate, arm in rows:
        color = _color(arm)
        figure.add_bar(
            x=[estimate.value],
            y=[label],
            orientation="h",
            marker={
                "color": color,
                "opacity": 0.5,
                "pattern": {
                    "shape": "/" if ARMS[arm.arm].is_control else "",
                    "fillmode": "overlay",
                },
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [estimate.high - estimate.value],
                "arrayminus": [estimate.value - estimate.low],
                "color": color,
                "thickness": 2.5,
                "width": 5,
            },
            hovertemplate=(
                f"%{{y}}: %{{x:.1%}}<br>95 % interval {percent_span(estimate.low, estimate.high)}, "
                f"n = {estimate.n}<extra></extra>"
            ),
        )
        figure.add_annotation(
            x=max(estimate.high, estimate.value),
            y=label,
            text=short_percent(estimate.value),
            showarrow=False,
            xanchor="left",
            xshift=6,
        )
    figure.update_layout(
        height=70 + _ROW_HEIGHT * len(estimates),
        margin={"l": 8, "r": 56, "t": 8, "b": 8},  # right: room for the figure of a full bar
        bargap=0.28,
        barmode="overlay",
        showlegend=False,
        xaxis={
            "title": title,
            "range": [0, 1],
            "tickformat": ".0%",
            "zeroline": False,
        },
        yaxis={"autorange": "reversed", "automargin": True},
    )
    return figure


def _color(summary: ArmSummary) -> str:
    if summary.arm == "base":
        return _BASE
    return _CONTROL if ARMS[summary.arm].is_control else _ARM
