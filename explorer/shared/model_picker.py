"""The sidebar's model picker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.models.catalogue import MODELS, PAIRS, model_named, pair_named
from core.models.facts import ModelFacts
from core.models.placement import ALL_GPUS, device_choices, quantization_named
from core.models.spec import DEMO, DEMO_TEACHER, ModelSpec
from core.models.worker_reports import DOWNLOADING, DownloadCancelledError
from core.runs.estimate import duration
from core.system.terminal_text import in_bytes
from explorer.classroom.here import classroom
from explorer.shared.messages import plain, show_error, teaching_notice
from explorer.shared.model_chip import model_chip
from explorer.shared.polling import polled
from explorer.shared.teachers import offer_pair
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.workbench import workbench

_PAIR, _OTHER = "a base and its RL-trained checkpoint", "Load another model…"
_TASK = "model_task"
_ASKED = "model_asked_for"
_DTYPES = ("auto", "float32", "bfloat16", "float16")
_QUANTIZATIONS = ("none", "4bit", "8bit")


def model_picker(state: BrowserState) -> None:
    """Choose model, adapter, device and precision."""
    st.markdown(model_chip(state.opened.spec))
    found = classroom()
    spec, place = _chosen_spec(state) if found is None else _spec_of_class(state, found.room.models)
    if spec == state.opened.spec:
        _forget_failure()
    else:
        place.button("Load", type="primary", width="stretch", on_click=_ask)
    # Streamlit may abandon a draw and with it the click that a button returned.
    if st.session_state.pop(_ASKED, False) and spec != state.opened.spec:
        _load(spec)
    _follow(state)
    facts = workbench().facts(state.opened.spec)
    if facts is not None:
        model_facts_panel(facts)
    teaching_notice(state.opened.spec.model)


def _ask() -> None:
    st.session_state[_ASKED] = True


def _chosen_spec(state: BrowserState) -> tuple[ModelSpec, DeltaGenerator]:
    """The model that is chosen, and the place of a button: above the folded fields, so that it is
    seen when it appears."""
    current = state.opened.spec
    kinds = [DEMO, *(each.model for each in MODELS), _PAIR, _OTHER]
    listed = current.model in kinds and current.revision is None
    kind = st.selectbox(
        "Model",
        kinds,
        index=kinds.index(current.model if listed else _OTHER),
        format_func=_kind_label,
    )
    model, revision = kind, ""
    entry = model_named(kind)
    if entry is not None:
        st.caption(
            f"{plain(entry.licence)}. Good for {plain(entry.good_for)}. "
            f"{in_bytes(entry.download)} to download, {in_bytes(entry.stored)} on the disk."
        )
    if kind == _PAIR:
        model = _base_of_pair(state)
    if kind == _OTHER:
        known = "" if listed else current.model
        model = st.text_input(
            "Folder or Hugging Face ID",
            known,
            placeholder="Qwen/Qwen2.5-1.5B or /path/to/model",
            help="Or a .gguf file: its path, or owner/model:file.gguf on the Hugging Face hub.",
        ).strip()
    # An adapter belongs to its model: with another one the field starts empty.
    adapter_before = current.adapter if (model or current.model) == current.model else None
    place = st.container()
    with st.expander("Adapter, device, precision"):
        if kind == _OTHER:
            revision = st.text_input(
                "Revision",
                current.revision or "",
                placeholder="main",
                help="Branch, tag or commit of a model on the hub.",
            ).strip()
        adapter = st.text_input(
            "LoRA adapter folder, or its Hugging Face ID",
            adapter_before or "",
            placeholder=f"none, or {DEMO_TEACHER}" if kind == DEMO else "none",
        ).strip()
        devices = device_choices()
        device = st.selectbox(
            "Device",
            devices,
            index=_place(devices, current.device),
            format_func=_device_name,
        )
        dtype = st.selectbox(
            "Precision",
            _DTYPES,
            index=_place(_DTYPES, current.dtype),
            help="auto: as the weights are stored; on a CPU float32, or bfloat16 where it is "
            "measured to be faster.",
        )
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
    spec = ModelSpec(
        model or current.model,
        adapter or None,
        device,
        dtype,
        remote,
        revision or None,
        quantization_named(quantization),
    )
    return spec, place


def _spec_of_class(state: BrowserState, models: Sequence[str]) -> tuple[ModelSpec, DeltaGenerator]:
    """Choose among the models of a class; device and precision are the server's."""
    current = state.opened.spec
    chosen = st.selectbox("Model", models, index=_place(models, current.model))
    return current if chosen == current.model else ModelSpec(chosen), st.container()


def _kind_label(kind: str) -> str:
    entry = model_named(kind)
    if entry is None:
        return kind
    return f"{entry.title} · {in_bytes(entry.download)} · {entry.licence}"


def _base_of_pair(state: BrowserState) -> str:
    """Choose a pair: its base is loaded, its checkpoint becomes the teacher on the pages that ask
    for one."""
    pairs = [each.name for each in PAIRS]
    pair = pair_named(st.selectbox("Pair", pairs, format_func=_pair_label))
    assert pair is not None
    st.caption(
        f"{plain(pair.teacher)} was made of {plain(pair.base)} by {plain(pair.algorithm)}. About "
        f"{in_bytes(pair.download)} to download, the teacher when a run first asks for it. Their "
        "model cards name the licences."
    )
    offer_pair(state, pair)
    return pair.base


def _pair_label(name: str) -> str:
    pair = pair_named(name)
    return name if pair is None else pair.title


def _place(options: Sequence[str], value: str) -> int:
    """Index of a value among options; 0 for one that is not offered, as a run's model may have."""
    return options.index(value) if value in options else 0


def _device_name(device: str) -> str:
    return "all GPUs" if device == ALL_GPUS else device


def _load(spec: ModelSpec) -> None:
    def work(task: Task) -> None:
        task.unit = "bytes"

        def report(done: int, total: int, what: str = DOWNLOADING) -> None:
            if (task.step, task.total) != (what, total):  # the model after its adapter, say
                task.before, task.started = done, time.monotonic()
            task.step = what
            task.done, task.total = done, total

        workbench().model(spec, report=report, cancelled=task.cancelled)

    if _TASK in st.session_state:
        wanted, before = st.session_state[_TASK]
        if before.running and wanted == spec:
            return
        before.cancel()  # another model was chosen
    task = Task("Loading the model", work)
    st.session_state[_TASK] = (spec, task)
    task.wait(3)


def _forget_failure() -> None:
    """Forget a model that could not be loaded."""
    if _TASK in st.session_state and st.session_state[_TASK][1].error is not None:
        del st.session_state[_TASK]


def _follow(state: BrowserState) -> None:
    """Wait for a model that is being loaded; the old one stays until then and after a failure."""
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
        text = f"{task.step.capitalize()}: {in_bytes(done)} of {in_bytes(total)}{remaining}"
        st.progress(task.share_done, text=text)
        st.button("Cancel", on_click=task.cancel, disabled=task.cancelled(), width="stretch")
    else:
        st.caption(f"{task.label}, {task.elapsed:.0f} s …")


def model_facts_panel(facts: ModelFacts) -> None:
    """Warnings, and all facts in an expander."""
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
    size = facts.parameters
    millions = f"{size / 1e9:.2f} B" if size >= 1e9 else f"{size / 1e6:.1f} M"
    with st.expander(f"Facts: {millions} parameters"):
        for label, value in facts.rows():
            st.caption(f"**{plain(label)}** · {plain(value)}")
