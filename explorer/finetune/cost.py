"""The cost of a fine-tune, beside the paper's figures for large models."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pandas as pd
import streamlit as st

from core.lora.cost import Cost
from core.runs.estimate import duration
from core.runs.run import Run
from core.system.percent import percent
from explorer.shared.drawing import table
from explorer.state import BrowserState

_PHASES = {
    "rollouts": "rollouts",
    "before": "accuracy before",
    "training": "training",
    "after": "accuracy after",
}


def cost_panel(state: BrowserState, run: Run, cost: Cost) -> None:
    """Seconds, tokens, memory and price; the paper's main table beside them."""
    with st.container(key="tuning_cost"):
        own, paper = st.columns([2, 3], gap="medium")
    with own:
        st.markdown("**What this run cost**")
        rate = state.form.real(
            st.container(),
            "Machine cost (US$/h)",
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
        table(pd.DataFrame(rows, columns=["what", "how much"]), f"cost of {run.id}")
    with paper:
        st.markdown("**What the paper reports: large models, rented GPUs**")
        reported = [
            (
                row.base,
                row.method,
                percent(row.math_500),
                percent(row.gsm8k),
                "" if row.usd is None else f"${row.usd:,.0f}",
            )
            for row in PAPER_ROWS
        ]
        columns = ["base", "method", "MATH-500", "GSM8K", "training"]
        table(pd.DataFrame(reported, columns=columns), "paper table")
        st.caption(
            "Figures of arXiv:2605.06241, pass@1; none was measured here, and other models and "
            f"problems can't be compared with yours. At {PAPER_RATES.replace('$', chr(92) + '$')}."
        )


def _dollars(amount: float) -> str:
    """Markdown: an amount of dollars; small ones with fractions of a cent."""
    return f"\\${amount:,.4f}" if 0 < amount < 0.1 else f"\\${amount:,.2f}"


class PaperRow(NamedTuple):
    """A method on a base, as arXiv:2605.06241 reports it."""

    base: str
    method: str
    math_500: float  # pass@1
    gsm8k: float  # pass@1
    usd: float | None  # of the training; None: nothing was trained


PAPER_ROWS = (
    PaperRow("Qwen2.5-1.5B", "base", 0.298, 0.561, None),
    PaperRow("Qwen2.5-1.5B", "SimpleRL-Zoo (RL)", 0.496, 0.733, 200),
    PaperRow("Qwen2.5-1.5B", "ReasonMaxxer", 0.502, 0.710, 4),
    PaperRow("Qwen2.5-7B", "base", 0.586, 0.751, None),
    PaperRow("Qwen2.5-7B", "Open-Reasoner-Zero (RL)", 0.732, 0.924, 6300),
    PaperRow("Qwen2.5-7B", "ReasonMaxxer", 0.706, 0.918, 5),
)


PAPER_RATES = "$1.89 per hour of an RTX Pro 6000, $2.49 of an H100"
