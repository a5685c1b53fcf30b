"""Accuracy over thresholds and budgets, with the random controls: pictures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.interventions.curves import CURVES
from core.interventions.headline import comparison_word
from core.interventions.results import ArmSummary, Comparison, Curve, InterventionResults
from core.runs.headline import short_percent
from core.runs.run import Run
from core.statistics import Estimate
from explorer.shared.drawing import chart, table
from explorer.shared.figures import points as in_points
from explorer.shared.figures import share_and_range
from explorer.shared.messages import teaching_notice

_ARM, _CONTROL, _BASE, _TEACHER = "#2d79cf", "#c98a2b", "#8a8a8a", "#5b8c5a"
_HEIGHT = 300


def curves_section(run: Run, results: InterventionResults) -> None:
    """Every curve of a run: accuracy, tokens replaced, and both as a table."""
    whole = {each.arm: each for each in results.arms}
    for curve in results.curves:
        entry = CURVES[curve.key]
        st.markdown(f"**{entry.title}**")
        left, right = st.columns(2)
        with left:
            chart(
                accuracy_curve(curve, whole.get("base"), whole.get("teacher")),
                f"{curve.key} accuracy of {run.id}",
                alt=_alt(curve, results.n),
            )
        with right:
            chart(
                touched_curve(curve),
                f"{curve.key} replaced of {run.id}",
                alt=f"Share of tokens replaced over {entry.axis}: "
                + ", ".join(
                    f"{each.value:g}: {short_percent(each.arm.put.touched_share.value)}"
                    for each in curve.points
                    if each.arm.put is not None
                )
                + ".",
            )
        rows = [_row(each.value, each.arm, each.control, entry.axis) for each in curve.points]
        table(pd.DataFrame(rows), f"{curve.key} table of {run.id}")
    st.caption(
        f"n = {results.n:,} problems, the same for every point; 95 % intervals. Dotted: the "
        "control, which puts as many tokens at random positions. A control whose chain ends before "
        "its positions replaces fewer. All points were looked at: a τ or k that is chosen here has "
        "to be confirmed on other problems."
    )
    teaching_notice(str(run.config.model.get("model", "")))


def accuracy_curve(
    curve: Curve, base: ArmSummary | None, teacher: ArmSummary | None = None
) -> go.Figure:
    """Accuracy of a curve's points and of their controls, with lines at base and teacher."""
    figure = go.Figure()
    _line(figure, curve, [each.arm.accuracy for each in curve.points], _ARM, "teacher's tokens")
    controls = [each.control.accuracy for each in curve.points]
    _line(figure, curve, controls, _CONTROL, "random control", dash="dot")
    for name, whole, color in (("base", base, _BASE), ("teacher", teacher, _TEACHER)):
        if whole is not None:
            figure.add_hline(
                y=whole.accuracy.value,
                line={"dash": "dash", "width": 1, "color": color},
                annotation={"text": name, "font": {"size": 11, "color": color}},
                annotation_position="top left" if name == "teacher" else "bottom left",
            )
    return _laid_out(figure, curve, {"title": "correct", "range": [0, 1.02], "tickformat": ".0%"})


def touched_curve(curve: Curve) -> go.Figure:
    """Share of the chains' tokens that are replaced, by the arm and by its control."""
    figure = go.Figure()
    for name, color, dash, arms in (
        ("teacher's tokens", _ARM, "solid", [each.arm for each in curve.points]),
        ("random control", _CONTROL, "dot", [each.control for each in curve.points]),
    ):
        shares = [each.put.touched_share for each in arms if each.put is not None]
        _line(figure, curve, shares, color, name, dash=dash)
    looks = {"title": "tokens replaced", "rangemode": "tozero", "tickformat": ".1%"}
    return _laid_out(figure, curve, looks)


def _line(
    figure: go.Figure,
    curve: Curve,
    estimates: Sequence[Estimate],
    color: str,
    name: str,
    dash: str = "solid",
) -> None:
    figure.add_scatter(
        x=[each.value for each in curve.points],
        y=[each.value for each in estimates],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [each.high - each.value for each in estimates],
            "arrayminus": [each.value - each.low for each in estimates],
            "color": color,
            "thickness": 1.5,
            "width": 4,
        },
        mode="lines+markers",
        line={"color": color, "width": 2.5, "dash": dash},
        marker={"size": 8, "symbol": "circle" if dash == "solid" else "diamond"},
        name=name,
        customdata=[f"{share_and_range(each)}, n = {each.n:,}" for each in estimates],
        hovertemplate="%{x:g}: %{customdata}<extra>" + name + "</extra>",
    )


def _laid_out(figure: go.Figure, curve: Curve, y: dict[str, Any]) -> go.Figure:
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={
            "title": CURVES[curve.key].axis,
            "zeroline": False,
            "automargin": True,
            "tickvals": [each.value for each in curve.points],
        },
        yaxis={"zeroline": False, "automargin": True, **y},
    )
    return figure


def _alt(curve: Curve, n: int) -> str:
    entry = CURVES[curve.key]
    said = ", ".join(
        f"{each.value:g}: {short_percent(each.arm.accuracy.value)} "
        f"(control {short_percent(each.control.accuracy.value)})"
        for each in curve.points
    )
    return f"Share of {n:,} problems correct over {entry.axis}: {said}."


def _row(value: float, arm: ArmSummary, control: ArmSummary, axis: str) -> dict[str, str]:
    return {
        axis: f"{value:g}",
        "correct": share_and_range(arm.accuracy),
        "control": share_and_range(control.accuracy),
        "less base (points)": _compared(arm.comparison),
        "less control (points)": _compared(arm.against_control),
        "replaced": _replaced(arm),
        "replaced by the control": _replaced(control),
        "changed": "" if arm.put is None else short_percent(arm.put.changed_share.value),
        "n": f"{arm.n:,}",
    }


def _compared(found: Comparison | None) -> str:
    return "" if found is None else f"{in_points(found.difference)}, {comparison_word(found)}"


def _replaced(arm: ArmSummary) -> str:
    put = arm.put
    return (
        ""
        if put is None
        else f"{short_percent(put.touched_share.value)} ({put.touched_per_chain:.2f} a chain)"
    )
