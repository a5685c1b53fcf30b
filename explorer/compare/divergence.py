"""How far base and teacher are apart: over the chain, and at which entropy of the base."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.disagreement.divergence import (
    ABOVE,
    DIVERGENCE_EDGES,
    DIVERGENT,
    NEAR_ZERO,
    TOP_SHARE,
    TOPS,
    DivergenceSummary,
)
from core.disagreement.results import ENTROPY_EDGES, CompareResults
from core.runs.run import Run
from core.statistics import Estimate
from core.system.percent import percent
from explorer.compare.charts import PLACE_NAMES
from explorer.shared.drawing import chart, table
from explorer.shared.figures import amount_and_range, share_and_range
from explorer.shared.messages import plain

_BLUE = "#2d79cf"


def divergence_panel(run: Run, results: CompareResults, names: Sequence[str]) -> None:
    """The first teacher's divergence in two pictures, and all teachers' figures.

    Args:
        names: the teachers' labels, in the run's order.
    """
    shown = results.teachers[0].divergence
    if shown is None:
        st.caption("This run is of an earlier version: run it again for these figures.")
        return
    with st.container(key="divergence_charts"):
        left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Along the chain**")
        chart(
            _profile(shown),
            f"divergence along {run.id}",
            alt="Mean divergence by place in the chain: "
            + ", ".join(
                f"{name} {each.value:.3f} nats"
                for name, each in zip(PLACE_NAMES, shown.profile, strict=True)
                if not math.isnan(each.value)
            ),
        )
        st.caption(f"Of {plain(names[0])}: mean per token, with 95 % intervals over chains.")
    with right:
        st.markdown("**Divergence and entropy**")
        chart(
            _plane(shown),
            f"divergence and entropy of {run.id}",
            alt=f"Tokens by entropy and divergence. Of the tokens more than {DIVERGENT:g} nats "
            f"apart, {_percent(shown.divergent_but_sure)} have an entropy up to "
            f"{results.tau:g} nats.",
        )
        st.caption(
            "Tokens at the upper left change although the base is sure there: a search for forks "
            f"by entropy alone misses them (here {_percent(shown.divergent_but_sure)} of those "
            f"more than {DIVERGENT:g} nats apart, at τ = {results.tau:g})."
        )
    found = [each.divergence for each in results.teachers]
    rows = [
        {
            "measure": label,
            **{
                name: "" if each is None else show(each)
                for name, each in zip(names, found, strict=True)
            },
        }
        for label, show in _MEASURES
    ]
    table(pd.DataFrame(rows), f"divergence of {run.id}")
    st.caption(
        "Jensen-Shannon divergence of the two next-token distributions, in nats. In brackets: "
        "95 % intervals over chains ([arXiv:2603.22446](https://arxiv.org/abs/2603.22446) finds "
        "it near zero at most tokens)."
    )


def _percent(estimate: Estimate | None) -> str:
    return "unknown" if estimate is None else share_and_range(estimate)


def _nats(estimate: Estimate | None) -> str:
    return "unknown" if estimate is None else amount_and_range(estimate, 3)


def _level(found: DivergenceSummary, *, share: float) -> str:
    return next(_nats(each.divergence) for each in found.levels if each.share == share)


def _within(found: DivergenceSummary, *, k: int) -> str:
    return _percent(next((each.share for each in found.within_top if each.k == k), None))


_MEASURES: list[tuple[str, Callable[[DivergenceSummary], str]]] = [
    (f"tokens less than {NEAR_ZERO:g} nats apart", lambda each: _percent(each.near_zero)),
    (f"tokens more than {DIVERGENT:g} nats apart", lambda each: _percent(each.divergent)),
    (
        "of these, where the base is sure (entropy up to τ)",
        lambda each: _percent(each.divergent_but_sure),
    ),
    *(
        (f"divergence that {100 * share:g} % of tokens exceed", partial(_level, share=share))
        for share in ABOVE
    ),
    *((f"changes within the base's top {k}", partial(_within, k=k)) for k in TOPS),
    ("top-5 tokens that both have", lambda each: _percent(each.overlap)),
    ("the teacher's entropy (nats)", lambda each: _nats(each.entropy_teacher)),
    (
        f"of the base's top {percent(TOP_SHARE, 0)} by entropy, also in the teacher's",
        lambda each: _percent(each.top_entropy_overlap),
    ),
]


def _profile(found: DivergenceSummary) -> go.Figure:
    values = [each.value for each in found.profile]
    figure = go.Figure()
    figure.add_scatter(
        x=PLACE_NAMES,
        y=values,
        mode="lines+markers",
        line={"color": _BLUE},
        error_y={
            "array": [each.high - each.value for each in found.profile],
            "arrayminus": [each.value - each.low for each in found.profile],
        },
    )
    figure.update_layout(
        height=260,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"title": "place in the chain"},
        yaxis={"title": "nats", "rangemode": "tozero"},
    )
    return figure


def _plane(found: DivergenceSummary) -> go.Figure:
    rows = [list(column) for column in zip(*found.plane, strict=True)]  # by divergence, by entropy
    figure = go.Figure()
    figure.add_heatmap(
        x=[f"{edge:g}" for edge in ENTROPY_EDGES],
        y=[f"{edge:g}" for edge in DIVERGENCE_EDGES],
        z=[[math.log10(n) if n else None for n in row] for row in rows],
        customdata=rows,
        hovertemplate="entropy from %{x} nats, divergence from %{y}: "
        "%{customdata} tokens<extra></extra>",
        colorscale="Blues",
        showscale=False,
        xgap=1,
        ygap=1,
    )
    figure.update_layout(
        height=260,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"title": "base entropy from, nats", "type": "category"},
        yaxis={"title": "divergence from, nats", "type": "category"},
    )
    return figure
