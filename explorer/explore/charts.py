"""Plotly figures of core's results; pure functions without widgets."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.chains.forks import fork_positions
from core.entropy import NATS_PER_BIT
from core.records import Chain
from explorer.shared.figures import plotly_text
from explorer.shared.messages import visible

_CURVE = "#4c86c6"
_FORK = "#d9822b"  # orange against blue is distinguishable in all kinds of colour vision


def entropy_curve(chain: Chain, tau: float, selected: int | None, unit: str) -> go.Figure:
    """Entropy over completion positions, with the threshold line and the forks above it.

    Args:
        tau: threshold in nats.
        selected: position to mark, or None.
        unit: of the axis, "nats" or "bits".
    """
    scale = 1.0 if unit == "nats" else 1 / NATS_PER_BIT
    entropy = chain.entropy * scale  # (T,)
    positions = np.arange(len(chain))
    labels = [_visible(token) for token in chain.tokens]
    figure = go.Figure()
    figure.add_scatter(
        x=positions,
        y=entropy,
        mode="lines",
        line={"color": _CURVE, "width": 1.5},
        fill="tozeroy",
        fillcolor="rgba(76,134,198,0.15)",
        customdata=labels,
        hovertemplate=f"#%{{x}} %{{customdata}}<br>%{{y:.2f}} {unit}<extra></extra>",
        name="entropy",
    )
    forks = fork_positions(chain, tau)
    figure.add_scatter(
        x=forks,
        y=entropy[forks],
        mode="markers",
        marker={"color": _FORK, "size": 9, "symbol": "diamond"},
        customdata=[labels[i] for i in forks],
        hovertemplate=f"#%{{x}} %{{customdata}}<br>%{{y:.2f}} {unit}, a fork<extra></extra>",
        name="fork",
    )
    figure.add_hline(
        y=tau * scale,
        line={"color": _FORK, "width": 1, "dash": "dash"},
        annotation_text=f"τ {tau * scale:.2f} {unit}",
        annotation_position="top right",
    )
    if selected is not None:
        figure.add_vline(x=selected, line={"color": "gray", "width": 1})
    figure.update_layout(
        height=190,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        xaxis={"title": "position", "zeroline": False, "range": [-0.5, max(len(chain) - 0.5, 1)]},
        yaxis={"title": unit, "rangemode": "tozero", "zeroline": False},
    )
    return figure


def _visible(token: str) -> str:
    """A token's text for a plotly label."""
    return plotly_text(visible(token))
