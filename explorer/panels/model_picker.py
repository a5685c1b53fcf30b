"""The sidebar's model picker."""

from __future__ import annotations

import streamlit as st

from core.language_model import DEMO, LanguageModel, ModelSpec
from explorer.panels.messages import plain, show_error, teaching_notice
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.workbench import workbench

_OTHER = "another model"
_TASK = "model_task"


def model_picker(state: BrowserState) -> None:
    """Choose what generates: model, adapter, device, precision."""
    spec = _chosen_spec(state.opened.spec)
    if spec == state.opened.spec:
        _forget_failure()
    elif st.button("Load", type="primary", width="stretch"):
        _load(spec)
    _follow(state)
    lm = workbench().loaded(state.opened.spec)
    if lm is not None:
        _facts(lm)
    teaching_notice(state.opened.spec.model)


def _chosen_spec(current: ModelSpec) -> ModelSpec:
    kind = st.selectbox("Model", [DEMO, _OTHER], index=0 if current.model == DEMO else 1)
    model = DEMO
    if kind == _OTHER:
        known = "" if current.model == DEMO else current.model
        model = st.text_input(
            "Folder or hub id", known, placeholder="Qwen/Qwen2.5-1.5B or /path/to/model"
        ).strip()
    with st.expander("Adapter, device, precision"):
        adapter = st.text_input(
            "LoRA adapter folder", current.adapter or "", placeholder="none"
        ).strip()
        device = st.selectbox("Device", ["auto", "cpu", "cuda", "mps"])
        dtype = st.selectbox("Precision", ["auto", "float32", "bfloat16", "float16"])
        remote = kind == _OTHER and st.checkbox("Run the model's own Python code")
        if remote:
            st.warning("Code from the model's authors will run on this machine. Trust them first.")
    return ModelSpec(model or current.model, adapter or None, device, dtype, remote)


def _load(spec: ModelSpec) -> None:
    def work(task: Task) -> None:
        workbench().model(spec)

    task = Task("Loading the model", work)
    st.session_state[_TASK] = (spec, task)
    task.wait(3)


def _forget_failure() -> None:
    """A model that could not be loaded is no longer wanted."""
    if _TASK in st.session_state and st.session_state[_TASK][1].error is not None:
        del st.session_state[_TASK]


def _follow(state: BrowserState) -> None:
    """Wait for a model that is being loaded; take it when it is there, keep the old one if not."""
    if _TASK not in st.session_state:
        return
    spec, task = st.session_state[_TASK]
    if task.running:
        _waiting(task)
        return
    if task.error is not None:
        show_error(task.error)
        return
    del st.session_state[_TASK]
    state.opened.spec = spec
    st.rerun()


@st.fragment(run_every=0.5)
def _waiting(task: Task) -> None:
    st.caption(f"{task.label}, {task.elapsed:.0f} s …")
    if not task.running:
        st.rerun()


def _facts(lm: LanguageModel) -> None:
    size = lm.parameters
    millions = f"{size / 1e9:.2f} B" if size >= 1e9 else f"{size / 1e6:.1f} M"
    st.caption(
        f"{millions} parameters · vocabulary {lm.vocab_size:,} · context {lm.context_length:,} · "
        f"{lm.dtype} on {lm.device.type} · prompt style {plain(lm.prompt_style)}"
    )
