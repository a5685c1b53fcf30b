"""The thinking part and the answer of a reasoning model's chain, with the entropy of each."""

from __future__ import annotations

import streamlit as st

from core.chains.branch import Branch
from core.entropy import nats_to_bits
from core.system.percent import percent
from core.tokens.thinking import Section, sections
from explorer.state import BrowserState


def thinking_panel(state: BrowserState, branch: Branch) -> None:
    """A line per part, and a button that selects the answer; nothing without a thinking part."""
    parts = sections(branch.chain, state.tau)
    if not parts:
        return
    _, answer = parts
    with st.container(key="sections"):
        lines, go = st.columns([4, 1], vertical_alignment="center", gap="small")
    lines.caption("  \n".join(_line(part, state) for part in parts))
    go.button(
        "Go to the answer",
        type="tertiary",
        disabled=not len(answer),
        on_click=state.go_to,
        args=(answer.start,),
        help="Select the first token after the thinking part",
    )


def _line(part: Section, state: BrowserState) -> str:
    if part.mean_entropy is None:
        return "**answer** · none: the chain ends inside its thinking part"
    entropy = part.mean_entropy if state.unit == "nats" else nats_to_bits(part.mean_entropy)
    forks = "fork" if part.forks == 1 else "forks"
    return (
        f"**{part.name}** · \\#{part.start} to \\#{part.end - 1}, {len(part)} tokens · "
        f"mean entropy {entropy:.2f} {state.unit} · "
        f"{part.forks} {forks} above τ ({percent(part.forks / len(part))})"
    )
