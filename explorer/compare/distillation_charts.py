"""Plotly figures of distillations: pure functions of their results."""

from __future__ import annotations

from math import log10

import plotly.graph_objects as go

from core.distillation.sizes import SizePoint, SizeStudy
from core.statistics import Estimate
from core.system.percent import percent, percent_span
from explorer.shared.figures import plotly_text

_STUDENT, _BASE, _TEACHER = "#2d79cf", "#8a8a8a", "#c98a2b"
_BANDS = {_BASE: "rgba(138,138,138,0.15)", _TEACHER: "rgba(201,138,43,0.15)"}
_ROOM = 3.0  # factor by which the axis extends beyond the smallest and the largest adapter


def size_chart(study: SizeStudy) -> go.Figure:
    """Accuracy of every student over its share of trained parameters, with 95 % intervals; lines
    and bands for base and teacher."""
    shares = [each.trained_share for each in study.points]
    left, right = min(shares) / _ROOM, min(max(shares) * _ROOM, 1.0)
    figure = go.Figure()
    for name, estimate, color, dash in (
        ("teacher", study.teacher, _TEACHER, "dash"),
        ("base", study.base, _BASE, "dot"),
    ):
        _line(figure, name, estimate, color, dash, (left, right))
    accuracies = [each.accuracy for each in study.points]
    figure.add_scatter(
        x=shares,
        y=[each.value for each in accuracies],
        mode="markers+text",
        marker={"color": _STUDENT, "size": 11, "symbol": "diamond"},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [each.high - each.value for each in accuracies],
            "arrayminus": [each.value - each.low for each in accuracies],
            "color": _STUDENT,
            "thickness": 2,
            "width": 5,
        },
        text=[_short(each) for each in study.points],
        textposition="bottom right",
        customdata=[[plotly_text(each.label), _hover(each)] for each in study.points],
        hovertemplate="%{customdata[0]}<br>%{x:.2%} of the parameters<br>"
        "%{customdata[1]}<extra></extra>",
        name="student",
    )
    figure.update_layout(
        height=340,
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={
            "title": "trained parameters, share of the base's (log scale)",
            "type": "log",
            "tickformat": ".2~%",
            "range": [log10(left), log10(right)],
            "zeroline": False,
        },
        yaxis={
            "title": "pass@1",
            "tickformat": ".0%",
            "zeroline": False,
            "range": _heights(study),
        },
    )
    return figure


def _line(
    figure: go.Figure,
    name: str,
    estimate: Estimate,
    color: str,
    dash: str,
    ends: tuple[float, float],
) -> None:
    left, right = ends
    figure.add_scatter(
        x=[left, right, right, left],
        y=[estimate.low, estimate.low, estimate.high, estimate.high],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=_BANDS[color],
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=[left, right],
        y=[estimate.value, estimate.value],
        mode="lines",
        line={"color": color, "width": 2, "dash": dash},
        name=name,
        hovertemplate=f"{name}: {_interval(estimate)}<extra></extra>",
    )


def _heights(study: SizeStudy) -> list[float]:
    everything = [study.base, study.teacher, *(each.accuracy for each in study.points)]
    low, high = min(each.low for each in everything), max(each.high for each in everything)
    room = 0.1 * max(high - low, 0.1)
    return [max(low - room, -0.02), min(high + room, 1.02)]


def _short(point: SizePoint) -> str:
    """Rank and layers as a label beside a point."""
    layers = [name.removesuffix("_proj") for name in point.target_modules]
    return plotly_text(f"r{point.rank} {','.join(layers)}")


def _hover(point: SizePoint) -> str:
    gap = point.against_teacher
    return (
        f"{_interval(point.accuracy)}<br>less teacher: {100 * gap.value:+.1f} points "
        f"[{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
    )


def _interval(estimate: Estimate) -> str:
    interval = percent_span(estimate.low, estimate.high)
    return f"{percent(estimate.value)} (95 % interval {interval}), n = {estimate.n}"
