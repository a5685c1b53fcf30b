"""Which model made a chain, a tree or a result: the model and its adapter, in few words."""

from __future__ import annotations

import streamlit as st

from core.models.spec import ModelSpec
from core.records import Chain
from core.runs import model_names
from explorer.shared.messages import plain


def model_chip(made_by: Chain | ModelSpec) -> str:
    """Markdown: a badge that names the model and its adapter."""
    words = model_words(made_by.model, made_by.adapter)
    return f":violet-badge[:material/memory: {plain(words)}]"


def model_words(model: str, adapter: str | None) -> str:
    """A model and its adapter in words: "demo", "smollm2 + adapter train-x1y2"."""
    return model_names.model_words(model, adapter, _run_name)


@st.cache_data(show_spinner=False, max_entries=100, ttl=60)
def _run_name(folder: str) -> str:
    return model_names.run_name(folder)
