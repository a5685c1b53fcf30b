"""What is to know about the model in use."""

from __future__ import annotations

import streamlit as st

from core.byte_sizes import in_bytes
from core.model_facts import ModelFacts
from explorer.panels.messages import plain


def model_facts_panel(facts: ModelFacts) -> None:
    """One line that is always there, and all of it in an expander."""
    size = facts.parameters
    millions = f"{size / 1e9:.2f} B" if size >= 1e9 else f"{size / 1e6:.1f} M"
    st.caption(
        f"{millions} parameters · vocabulary {facts.vocab_size:,} · context "
        f"{facts.context_length:,} · {facts.dtype} on {facts.device} · "
        f"prompt style {plain(facts.prompt_style)}"
    )
    memory = facts.memory
    if memory is not None and memory.is_tight:
        st.warning(
            f"Of {in_bytes(memory.free or 0)} that were free on {memory.device}, work with this "
            f"model may need {in_bytes(memory.needed)}. {plain(memory.remedy)}"
        )
    if facts.adapter_is_of_another:
        st.warning(
            f"The adapter was trained on {plain(facts.adapter_base or '')}. It fits "
            f"{plain(facts.name)} by its shapes; see that it is the same model."
        )
    with st.expander("Model facts"):
        for label, value in facts.rows():
            st.caption(f"**{plain(label)}** · {plain(value)}")
