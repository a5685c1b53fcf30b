"""The cost of a fine-tune, beside the paper's whole table for large models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from core.errors import ExplorerError
from core.evaluation.benchmarks import BENCHMARKS
from core.reasonmaxxer.paper_table import PAPER_RATES, PaperRow, paper_base, paper_rows
from core.reasonmaxxer.results import TrainingResults
from core.runs.estimate import duration
from core.runs.models import read_model
from core.runs.result_files import spreadsheet_safe
from core.runs.run import Run
from core.system.percent import percent
from explorer.shared.drawing import table
from explorer.shared.figures import share_and_range
from explorer.shared.messages import show_error
from explorer.state import BrowserState

_PHASES = {
    "rollouts": "rollouts",
    "weights": "weights of decisions",
    "before": "accuracy before",
    "training": "training",
    "after": "accuracy after",
}
_OWN = "your problems"
_TABLE_HEIGHT = 420  # pixels


def cost_panel(state: BrowserState, run: Run, results: TrainingResults) -> None:
    """Seconds, tokens, memory and price; the paper's whole table below, beside this run."""
    cost = results.cost
    with st.container(key="tuning_cost"):
        rate, own = st.columns([2, 3], gap="medium")
    usd_per_hour = state.form.real(
        rate,
        "Machine cost (US$/h)",
        f"rate of {run.id}",
        cost.usd_per_hour,
        0.0,
        max(1e6, cost.usd_per_hour),
        0.1,
    )
    cost = replace(cost, usd_per_hour=usd_per_hour)
    rate.markdown(
        f"**{_dollars(cost.usd)}** for {duration(cost.total_seconds)} of work on this machine"
    )
    rows = [
        *(
            (name, f"{cost.seconds[key]:.0f} s")
            for key, name in _PHASES.items()
            if key in cost.seconds
        ),
        ("tokens sampled", f"{cost.sampled_tokens:,}"),
        ("tokens trained on", f"{cost.trained_tokens:,}"),
        ("peak memory", f"{cost.peak_memory_bytes / 2**20:,.0f} MiB"),
    ]
    with own:
        table(pd.DataFrame(rows, columns=["what", "how much"]), f"cost of {run.id}")
    st.markdown("**Beside the paper's Table 3: large models, rented GPUs**")
    try:
        _paper_table(run, replace(results, cost=cost))
    except ExplorerError as error:
        show_error(error)


def _paper_table(run: Run, own: TrainingResults) -> None:
    """This run's accuracy and cost above the paper's rows."""
    spec = read_model(run.config.model)
    base, found = spec.model.rstrip("/").rsplit("/", 1)[-1], own.comparison
    price = f"${own.cost.usd:,.4f}" if own.cost.usd < 0.1 else f"${own.cost.usd:,.2f}"
    mine = [
        {
            "base": spreadsheet_safe(base),
            "method": name,
            _OWN: share_and_range(each),
            "training": usd,
        }
        for name, each, usd in (
            ("this run, before", found.before, ""),
            ("this run, after", found.after, price),
        )
    ]
    reported = [
        {
            "base": row.base,
            "method": row.method,
            **{each.title: percent(row.accuracy[key]) for key, each in BENCHMARKS.items()},
            "average": percent(row.average),
            "training": "" if row.usd is None else f"${row.usd:,.0f}",
        }
        for row in _with_own_base_first(paper_rows(), paper_base(spec.model))
    ]
    columns = ["base", "method", _OWN, *(each.title for each in BENCHMARKS.values())]
    rows = pd.DataFrame([*mine, *reported], columns=[*columns, "average", "training"]).fillna("")
    st.dataframe(rows, hide_index=True, width="stretch", height=_TABLE_HEIGHT, key="paper table")
    st.caption(
        "Figures of [arXiv:2605.06241](https://arxiv.org/abs/2605.06241), Table 3: pass@1, and "
        "avg@8 for AIME24 and AMC23; none was measured here, and other models and problems can't "
        f"be compared with yours (n = {found.n:,}). At {PAPER_RATES.replace('$', chr(92) + '$')}."
    )


def _with_own_base_first(rows: Sequence[PaperRow], base: str | None) -> list[PaperRow]:
    return sorted(rows, key=lambda row: row.base != base)  # stable


def _dollars(amount: float) -> str:
    """Markdown: an amount of dollars; small ones with fractions of a cent."""
    return f"\\${amount:,.4f}" if 0 < amount < 0.1 else f"\\${amount:,.2f}"
