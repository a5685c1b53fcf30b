"""What a fine-tune cost, beside what the paper reports for large models."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from core.lora_training.cost import Cost
from core.runs.run import Run
from explorer.panels.run_panel import duration
from explorer.paper_table import PAPER_RATES, PAPER_ROWS
from explorer.state import BrowserState

_PHASES = {
    "rollouts": "rollouts",
    "before": "accuracy before",
    "training": "training",
    "after": "accuracy after",
}


def cost_panel(state: BrowserState, run: Run, cost: Cost) -> None:
    """Seconds, tokens, memory and dollars; the paper's main table beside them."""
    with st.container(key="tuning_cost"):
        own, paper = st.columns([2, 3], gap="medium")
    with own:
        st.markdown("**What this run cost**")
        rate = state.form.real(
            st.container(),
            "Dollars an hour of this machine",
            f"rate of {run.id}",
            cost.usd_per_hour,
            0.0,
            max(1e6, cost.usd_per_hour),
            0.1,
        )
        cost = replace(cost, usd_per_hour=rate)
        st.markdown(
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
        st.dataframe(
            pd.DataFrame(rows, columns=["what", "how much"]),
            hide_index=True,
            width="stretch",
            height="content",
            key=f"cost of {run.id}",
        )
    with paper:
        st.markdown("**What the paper reports: large models, rented GPUs**")
        table = pd.DataFrame(
            [
                (
                    row.base,
                    row.method,
                    f"{row.math_500:.1%}",
                    f"{row.gsm8k:.1%}",
                    "" if row.usd is None else f"${row.usd:,.0f}",
                )
                for row in PAPER_ROWS
            ],
            columns=["base", "method", "MATH-500", "GSM8K", "training"],
        )
        st.dataframe(table, hide_index=True, width="stretch", height="content", key="paper table")
        st.caption(
            "Figures of arXiv:2605.06241, pass@1; none was measured here, and other models and "
            f"problems can't be compared with yours. At {PAPER_RATES.replace('$', chr(92) + '$')}."
        )


def _dollars(amount: float) -> str:
    """Markdown: small sums with their cents and their parts."""
    return f"\\${amount:,.4f}" if 0 < amount < 0.1 else f"\\${amount:,.2f}"
