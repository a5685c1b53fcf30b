"""Which model made a chain, a tree or a result: the model and its adapter, in few words."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import ExplorerError
from core.models.spec import ModelSpec
from core.records import Chain
from core.runs.run import Run
from explorer.shared.messages import plain, short

_LONGEST = 40  # characters of a name


def model_chip(made_by: Chain | ModelSpec) -> str:
    """Markdown: a badge that names the model and its adapter."""
    words = model_words(made_by.model, made_by.adapter)
    return f":violet-badge[:material/memory: {plain(words)}]"


def model_words(model: str, adapter: str | None) -> str:
    """A model and its adapter in words: "demo", "smollm2 + adapter train-x1y2"."""
    name = short(_last_part(model), _LONGEST)
    if adapter is None:
        return name
    return f"{name} + adapter {short(_adapter_words(adapter), _LONGEST)}"


def _adapter_words(adapter: str) -> str:
    """The name of the run that made an adapter; else the last part of the adapter's own name."""
    folder = Path(adapter)
    if folder.is_absolute() and (folder.parent / "config.json").is_file():
        return _run_name(str(folder.parent))
    return _last_part(adapter)


@st.cache_data(show_spinner=False, max_entries=100, ttl=60)
def _run_name(folder: str) -> str:
    try:
        run = Run.open(Path(folder))
    except ExplorerError:
        return Path(folder).name
    return run.config.name or run.id


def _last_part(name: str) -> str:
    """Of a folder, its last part; a hub id stays as it is."""
    return Path(name).name if Path(name).is_absolute() else name
