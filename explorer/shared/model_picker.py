"""The sidebar's model picker."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.models.facts import ModelFacts
from core.models.hub_download import DownloadCancelledError
from core.models.placement import ALL_GPUS, device_choices, quantization_named
from core.models.spec import DEMO, ModelSpec
from core.system.terminal_text import in_bytes
from explorer.shared.messages import plain, show_error, teaching_notice
from explorer.shared.polling import polled
from explorer.shared.run_panel import duration
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.workbench import workbench

_OTHER = "another model"
_TASK = "model_task"
_ASKED = "model_asked_for"
_DTYPES = ("auto", "float32", "bfloat16", "float16")
_QUANTIZATIONS = ("none", "4bit", "8bit")


def model_picker(state: BrowserState) -> None:
    """Choose what generates: model, adapter, device, precision."""
    spec = _chosen_spec(state.opened.spec)
    if spec == state.opened.spec:
        _forget_failure()
    else:
        st.button("Load", type="primary", width="stretch", on_click=_ask)
    # A draw may be given up for the next one, and a button's returned click with it: it is noted.
    if st.session_state.pop(_ASKED, False) and spec != state.opened.spec:
        _load(spec)
    _follow(state)
    facts = workbench().facts(state.opened.spec)
    if facts is not None:
        model_facts_panel(facts)
    teaching_notice(state.opened.spec.model)


def _ask() -> None:
    st.session_state[_ASKED] = True


def _chosen_spec(current: ModelSpec) -> ModelSpec:
    kind = st.selectbox("Model", [DEMO, _OTHER], index=0 if current.model == DEMO else 1)
    model, revision = DEMO, ""
    if kind == _OTHER:
        known = "" if current.model == DEMO else current.model
        model = st.text_input(
            "Folder or hub id", known, placeholder="Qwen/Qwen2.5-1.5B or /path/to/model"
        ).strip()
    with st.expander("Adapter, device, precision"):
        if kind == _OTHER:
            revision = st.text_input(
                "Revision",
                current.revision or "",
                placeholder="main",
                help="Branch, tag or commit of a model on the hub.",
            ).strip()
        adapter = st.text_input(
            "LoRA adapter folder, or its hub id", current.adapter or "", placeholder="none"
        ).strip()
        devices = device_choices()
        device = st.selectbox(
            "Device",
            devices,
            index=_place(devices, current.device),
            format_func=_device_name,
        )
        dtype = st.selectbox("Precision", _DTYPES, index=_place(_DTYPES, current.dtype))
        quantization = st.selectbox(
            "Quantization",
            _QUANTIZATIONS,
            index=_QUANTIZATIONS.index(current.quantization),
            help="Weights of 4 or 8 bits take less memory; needs bitsandbytes and a CUDA GPU.",
        )
        remote = kind == _OTHER and st.checkbox(
            "Run the model's own Python code", current.trust_remote_code
        )
        if remote:
            st.warning("Code from the model's authors will run on this machine. Trust them first.")
    return ModelSpec(
        model or current.model,
        adapter or None,
        device,
        dtype,
        remote,
        revision or None,
        quantization_named(quantization),
    )


def _place(options: Sequence[str], value: str) -> int:
    """Where a value is among options; a run's model may have one that is not offered here."""
    return options.index(value) if value in options else 0


def _device_name(device: str) -> str:
    return "all GPUs" if device == ALL_GPUS else device


def _load(spec: ModelSpec) -> None:
    def work(task: Task) -> None:
        task.unit = "bytes"

        def report(done: int, total: int) -> None:
            if task.total != total:  # the next download: the model after its adapter
                task.before = done
            task.done, task.total = done, total

        workbench().model(spec, report=report, cancelled=task.cancelled)

    if _TASK in st.session_state:
        wanted, before = st.session_state[_TASK]
        if before.running and wanted == spec:
            return
        before.cancel()  # another model is wanted now
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
        polled(partial(_waiting, task), lambda: task.running, seconds=0.5)
        return
    if isinstance(task.error, DownloadCancelledError):
        st.info(plain(str(task.error)))
        return
    if task.error is not None:
        show_error(task.error)
        return
    del st.session_state[_TASK]
    state.opened.spec = spec
    st.rerun()


def _waiting(task: Task) -> None:
    done, total, left = task.done, task.total, task.seconds_left
    if total is not None and done < total:
        remaining = "" if left is None else f", about {duration(left)} left"
        text = f"Downloading: {in_bytes(done)} of {in_bytes(total)}{remaining}"
        st.progress(task.share_done, text=text)
        st.button("Cancel", on_click=task.cancel, disabled=task.cancelled(), width="stretch")
    else:
        st.caption(f"{task.label}, {task.elapsed:.0f} s …")


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
