"""A correct and a wrong rollout of one problem, with the tokens that a gate takes."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.entropy import Gate
from core.errors import ExplorerError
from core.evaluation.records import ProblemSamples, Sample
from core.models.language_model import LanguageModel
from core.models.spec import DEMO, ModelSpec
from core.reasonmaxxer.gates import entropies_seen, gate_rollout
from core.reasonmaxxer.settings import THRESHOLD, GateSettings
from core.runs.models import read_model
from core.runs.run import Run
from explorer.components.token_heatmap import HeatmapView, token_heatmap
from explorer.finetune.rollouts import Rollouts
from explorer.shared.messages import plain, short, show_error
from explorer.shared.run_panel import with_consent
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.workbench import workbench

_LOADING = "model of the gate"


def example_rollouts(
    state: BrowserState, run: Run, rollouts: Rollouts, gate: GateSettings, seed: int
) -> None:
    """Show both, and which of their tokens the gate takes.

    Args:
        state: of the session.
        run: whose rollouts they are.
        rollouts: of the run.
        gate: whose tokens are marked.
        seed: of the recipe, which a random gate draws by.
    """
    if not rollouts.mixed:
        return
    try:
        spec = with_consent(state, read_model(run.config.model))
        questions = {problem.id: problem.question for problem in run.problems()}
    except ExplorerError as error:
        show_error(error)
        return
    st.markdown("**A correct and a wrong rollout of one problem**")
    lm = _loaded(spec)
    if lm is None:
        return
    mixed = {record.problem_id: record for record in rollouts.mixed}
    chosen = state.form.choice(
        st.container(),
        "Problem",
        f"example of {run.id}",
        list(mixed),
        format_func=lambda key: _label(mixed[key], questions.get(key, "")),
    )
    record = mixed[chosen]
    st.caption(plain(questions.get(chosen, "")))
    numbers = [
        next(i for i, each in enumerate(record.samples) if each.correct is correct)
        for correct in (True, False)
    ]
    with st.container(key="tuning_examples"):
        columns = st.columns(2, gap="small")
    for column, number in zip(columns, numbers, strict=True):
        with column, st.container(border=True):
            mask = _mask(rollouts, record, number, gate, seed)
            _rollout(state, lm, run, record, number, gate, mask)


def _loaded(spec: ModelSpec) -> LanguageModel | None:
    """The run's model, whose tokenizer the tokens' text needs, or None while it is not loaded.
    The demo is loaded at once, others at the press of a button."""
    lm = workbench().loaded(spec)
    if lm is not None:
        st.session_state.pop(_LOADING, None)
        return lm
    if spec.model == DEMO and st.session_state.get(_LOADING, (None,))[0] != spec:
        _load(spec)
    wanted, task = st.session_state.get(_LOADING, (None, None))
    if wanted != spec:
        st.caption(
            "The model of this run is not loaded, so its tokens can't be read here; the figures "
            "above are of all its rollouts."
        )
        st.button("Load it to see where the gate falls", on_click=_load, args=(spec,))
        return None
    if task.error is not None:
        show_error(task.error)
    else:
        st.caption(f"{task.label}, {task.elapsed:.0f} s …")
    return None


def _load(spec: ModelSpec) -> None:
    def work(_: Task) -> None:
        workbench().model(spec)

    st.session_state[_LOADING] = (spec, Task("Loading the model", work))


def model_is_loading() -> bool:
    """Whether the model whose rollouts are on screen is still being loaded."""
    _, task = st.session_state.get(_LOADING, (None, None))
    return task is not None and task.running


def _rollout(
    state: BrowserState,
    lm: LanguageModel,
    run: Run,
    record: ProblemSamples,
    number: int,
    gate: GateSettings,
    mask: Gate | None,
) -> None:
    sample = record.samples[number]
    badge = ":green-badge[✓ correct]" if sample.correct else ":red-badge[✗ wrong]"
    answer = "no answer" if sample.answer is None else f"answer {plain(short(sample.answer))}"
    st.markdown(f"{badge} rollout {number + 1} · {answer} · {len(sample.token_ids)} tokens")
    token_heatmap(
        _view(state, lm, run, record, sample, number, gate, mask),
        key=f"rollout {'correct' if sample.correct else 'wrong'}",
    )


def _view(
    state: BrowserState,
    lm: LanguageModel,
    run: Run,
    record: ProblemSamples,
    sample: Sample,
    number: int,
    gate: GateSettings,
    mask: Gate | None,
) -> HeatmapView:
    """A rollout for the heatmap: tokens and entropies; a run keeps no alternatives."""
    entropy = np.asarray(sample.entropy or (), np.float32)
    size = len(entropy)
    return HeatmapView(
        chain_id=f"{run.id} {record.problem_id} {number}",
        tokens=lm.text.pieces(sample.token_ids[:size], record.prompt_ids),
        token_ids=np.array(sample.token_ids[:size], np.int64),
        entropy=entropy,
        logprob=np.full(size, np.nan),
        rank=np.zeros(size, np.int32),
        top_ids=np.zeros((size, 0), np.int32),
        top_tokens=[()] * size,
        top_logprobs=np.zeros((size, 0)),
        forced=np.zeros(size, np.bool_),
        tau=gate.tau,
        unit=state.unit,
        gated=mask,
        max_height=300,
    )


def _mask(
    rollouts: Rollouts, record: ProblemSamples, number: int, gate: GateSettings, seed: int
) -> Gate | None:
    """The gated tokens of a rollout; None where they are those above the threshold."""
    if gate.kind == THRESHOLD:
        return None
    entropy = np.asarray(record.samples[number].entropy or (), np.float32)
    everywhere = entropies_seen(gate, rollouts.records)
    return gate_rollout(entropy, gate, seed, record.problem_id, number, everywhere)


def _label(record: ProblemSamples, question: str) -> str:
    return f"{record.correct}/{record.n} correct · {record.problem_id} · {short(question, 60)}"
