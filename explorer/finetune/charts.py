"""Plotly figures of a fine-tune: pure functions of its rollouts, history and results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.entropy import NATS_PER_BIT
from core.evaluation.results import FamilySummary
from core.system.percent import percent_span
from explorer.shared.figures import family_label

_QUIET, _FORK = "#4c86c6", "#d9822b"  # blue and orange: distinct in every colour vision
BEFORE, AFTER, THIRD = "#8a8a8a", "#2d79cf", "#c98a2b"
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_BIN = 0.05  # in the unit of the axis
_ROW_HEIGHT = 38  # pixels


def pass_rate_chart(pass_rates: Sequence[float]) -> go.Figure:
    """Histogram of problems by their share of correct rollouts; only mixed ones are trained on."""
    counts = sorted(Counter(round(rate, 4) for rate in pass_rates).items())
    figure = go.Figure()
    figure.add_bar(
        x=[rate for rate, _ in counts],
        y=[count for _, count in counts],
        width=0.8 / max((len(counts) - 1), 8),
        marker={"color": [BEFORE if rate in (0, 1) else AFTER for rate, _ in counts]},
        hovertemplate="%{y} problems with %{x:.0%} correct<extra></extra>",
    )
    figure.update_layout(
        height=220,
        margin=_MARGIN,
        showlegend=False,
        xaxis={"title": "correct rollouts", "tickformat": ".0%", "range": [-0.08, 1.08]},
        yaxis={"title": "problems", "zeroline": False},
    )
    return figure


def entropy_histogram(entropy: NDArray[np.float32], tau: float, unit: str, top: float) -> go.Figure:
    """Entropies of all sampled tokens, those above the threshold in another colour.

    Args:
        entropy: nats.
        tau: nats.
        unit: "nats" or "bits", of the axis.
        top: the end of the axis, in that unit.
    """
    scale = 1.0 if unit == "nats" else 1 / NATS_PER_BIT
    values = entropy * scale
    counts, edges = np.histogram(values, bins=np.arange(0.0, top + _BIN, _BIN))
    centres = (edges[:-1] + edges[1:]) / 2
    figure = go.Figure()
    figure.add_bar(
        x=centres,
        y=counts,
        width=_BIN * 0.9,
        marker={"color": np.where(centres > tau * scale, _FORK, _QUIET), "line": {"width": 0}},
        hovertemplate=f"%{{y:,}} tokens about %{{x:.2f}} {unit}<extra></extra>",
    )
    figure.add_vline(
        x=tau * scale,
        line={"color": _FORK, "width": 1.5, "dash": "dash"},
        annotation_text=f"τ {tau * scale:.2f} {unit}",
        annotation_position="top right",
    )
    figure.update_layout(
        height=220,
        margin=_MARGIN,
        showlegend=False,
        xaxis={"title": f"entropy ({unit})", "zeroline": False, "range": [0, top]},
        yaxis={"title": "tokens (log scale)", "type": "log", "dtick": 1},
    )
    return figure


def history_chart(
    rows: Sequence[Mapping[str, Any]],
    lines: Mapping[str, tuple[str, str]],
    title: str,
    *,
    percent: bool = False,
    band: tuple[str, str] | None = None,
) -> go.Figure:
    """Logged values of a training, over its steps.

    Args:
        rows: entries with "step".
        lines: name and colour of each key to draw.
        title: of the vertical axis.
        percent: shares, from 0 to 100 %.
        band: keys of the lower and upper end of the first line's interval.
    """
    figure = go.Figure()
    for number, (key, (name, color)) in enumerate(lines.items()):
        known = [each for each in rows if key in each]
        ends: dict[str, Any] = {}
        if band is not None and number == 0:
            low, high = band
            ends["error_y"] = {
                "type": "data",
                "symmetric": False,
                "array": [each[high] - each[key] for each in known],
                "arrayminus": [each[key] - each[low] for each in known],
                "color": color,
                "thickness": 1.5,
                "width": 4,
            }
        figure.add_scatter(
            x=[each["step"] for each in known],
            y=[each[key] for each in known],
            mode="lines+markers" if percent and len(known) <= 40 else "lines",
            line={"color": color, "width": 2, "dash": "dot" if number == 2 else "solid"},
            marker={"size": 6},
            name=name,
            hovertemplate=f"step %{{x}}: %{{y:{'.1%' if percent else '.3f'}}}",
            **ends,
        )
    figure.update_layout(
        height=230,
        margin=_MARGIN,
        showlegend=len(lines) > 1,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
        xaxis={"title": "step", "zeroline": False},
        yaxis={"title": title, "zeroline": not percent}
        | ({"range": [0, 1.04], "tickformat": ".0%"} if percent else {}),
    )
    return figure


def families_chart(before: Sequence[FamilySummary], after: Sequence[FamilySummary]) -> go.Figure:
    """pass@1 of every family before and after, each with its 95 % interval."""
    later = {each.family: each for each in after}
    pairs = sorted(
        ((each, later[each.family]) for each in before if each.family in later),
        key=lambda pair: pair[0].pass_at_1.value - pair[1].pass_at_1.value,
    )
    figure = go.Figure()
    for number, (name, color) in enumerate((("before", BEFORE), ("after", AFTER))):
        estimates = [pair[number].pass_at_1 for pair in pairs]
        figure.add_bar(
            x=[each.value for each in estimates],
            y=[family_label(old) for old, _ in pairs],
            orientation="h",
            name=name,
            marker={"color": color, "opacity": 0.55},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [max(0.0, each.high - each.value) for each in estimates],
                "arrayminus": [max(0.0, each.value - each.low) for each in estimates],
                "color": color,
                "thickness": 2,
                "width": 3,
            },
            customdata=[f"{percent_span(each.low, each.high)}, n = {each.n}" for each in estimates],
            hovertemplate=(
                f"%{{y}}, {name}: %{{x:.1%}}<br>95 % interval %{{customdata}}<extra></extra>"
            ),
        )
    figure.update_layout(
        height=90 + _ROW_HEIGHT * len(pairs),
        margin=_MARGIN | {"r": 16},
        bargap=0.25,
        bargroupgap=0.05,
        barmode="group",
        legend={"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0},
        xaxis={"title": "pass@1", "range": [0, 1.02], "tickformat": ".0%", "zeroline": False},
        yaxis={"autorange": "reversed", "automargin": True},
    )
    return figure
