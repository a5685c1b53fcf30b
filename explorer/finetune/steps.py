"""Steps 2 to 4 of a fine-tune: the gate, the training, the accuracy before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.errors import ExplorerError
from core.evaluation.headline import rollouts_headline
from core.lora.run_files import EVALUATION, training_history
from core.reasonmaxxer.plan import plan_training
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import TRAIN_TASK, run_recipe, selection_report
from core.reasonmaxxer.rollouts import with_rollouts_of
from core.reasonmaxxer.selection import SelectionReport
from core.reasonmaxxer.settings import GateSettings
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS
from core.runs.config import RunPlan
from core.runs.models import read_model
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState, RunStatus
from core.thresholds.measurement import origins
from explorer.finetune.gate import gate_panel
from explorer.finetune.report import finetune_report
from explorer.finetune.rollouts import measured_in, rollouts_of
from explorer.finetune.setup import (
    FINE_TUNE_ON,
    ROLLOUTS_OF,
    evaluation_problems,
    start_training,
    weights_teacher,
)
from explorer.finetune.study import STUDIES, study_report
from explorer.finetune.training import training_panel
from explorer.shared.figures import percent
from explorer.shared.messages import plain, show_error
from explorer.shared.run_panel import act
from explorer.shared.run_results import cut_chains, show_cautions, show_headline
from explorer.state import BrowserState

_GATE, _TRAIN = "2 · The gate", "3 · Train"


def finetune_steps(
    state: BrowserState,
    run: Run,
    status: RunStatus,
    *,
    folder: RunsFolder,
    form: Sequence[Recipe | None],
) -> None:
    """The steps that a run has reached.

    Args:
        form: the recipe of the form above, None if it is invalid; empty while it is folded, and
            the run's own recipe counts.
    """
    if run.config.task in STUDIES:
        study_report(state, run, status)
    elif run.config.task == TRAIN_TASK:
        _fine_tune(state, folder, run, status)
    else:
        _rollouts(state, folder, run, status, form)


def _fine_tune(state: BrowserState, folder: RunsFolder, run: Run, status: RunStatus) -> None:
    live, done = status.state.is_live, status.state is RunState.DONE
    if done:  # the result first, then how it was made
        finetune_report(state, run)
    report = _selection(run)
    gate = st.expander(
        f"**{_GATE}**{_gated(report)}",
        expanded=report is None,
        key=f"gate {run.id} {report is None}",
        on_change="rerun",
    )
    if gate.open:
        with gate:
            try:
                own = run_recipe(run)
            except ExplorerError as error:
                show_error(error)
            else:
                _other_gate(state, folder, run, own, may_train=not live)
    train = st.expander(
        f"**{_TRAIN}**{'' if live else _trained(run)}",
        expanded=not done,
        key=f"train {run.id} {done}",
        on_change="rerun",
    )
    if train.open:
        with train:
            training_panel(run, live=live)


def _other_gate(
    state: BrowserState, folder: RunsFolder, run: Run, own: Recipe, *, may_train: bool
) -> None:
    """Which tokens another threshold would select, and a button that trains with it."""
    st.caption(
        f"This run's own τ is {own.gate.tau:.2f} nats; the slider shows what another one selects."
    )
    gate = gate_panel(state, run, own)
    st.button(
        "Train again with this τ",
        icon=":material/play_arrow:",
        disabled=gate is None or gate == own.gate or not may_train,
        help="A new run from the same rollouts, with the same recipe except τ.",
        on_click=lambda: act(state, lambda: _train_again(state, folder, run, own, gate)),
    )


def _rollouts(
    state: BrowserState,
    folder: RunsFolder,
    run: Run,
    status: RunStatus,
    forms: Sequence[Recipe | None],
) -> None:
    form, gate = next(iter(forms), None), None
    _rollouts_so_far(run, status)
    with st.container(border=True):
        st.markdown(f"**{_GATE}**")
        try:
            own = run_recipe(run)
            form = form if forms else own
            recipe = own if form is None else with_rollouts_of(run, form)
            gate = gate_panel(state, run, recipe)
        except ExplorerError as error:
            show_error(error)
    with st.container(border=True):
        st.markdown(f"**{_TRAIN}**")
        if status.state is not RunState.DONE:
            st.caption("Training needs finished rollouts.")
            return
        with st.container(key="tuning_train"):
            words, button = st.columns([3, 1.6], vertical_alignment="center")
        if form is not None:
            words.caption(_in_words(form))
        button.button(
            "Train from these rollouts",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=gate is None or form is None or not evaluation_problems(state, form.preset),
            on_click=lambda: act(state, lambda: _train(state, folder, run, form, gate)),
        )


def _rollouts_so_far(run: Run, status: RunStatus) -> None:
    """How many rollouts are correct, once all are sampled."""
    if status.state is not RunState.DONE:
        return
    try:
        results = SAMPLE_ROLLOUTS.results_of(run)
    except ExplorerError as error:
        show_error(error)
        return
    if results is not None:
        show_headline(rollouts_headline(results))
        chains = results.chains
        cut = round(results.truncated.value * chains) if chains else 0
        show_cautions(run, [cut_chains(run, cut, chains)])
    if run.config.imported is not None:
        st.caption("  \n".join(map(plain, run.config.imported.sentences())))


def _in_words(recipe: Recipe) -> str:
    training = recipe.training
    return (
        "With the recipe of these rollouts or, while it is open, of the form (preset "
        f"{plain(recipe.preset)}): learning rate {training.learning_rate:g}, {training.epochs:g} "
        f"epoch{'s' * (training.epochs != 1)}, LoRA rank {training.lora_rank}, "
        f"KL weight {training.kl_weight:g}; it also says how accuracy is measured. "
        "Press *Edit* to change it."
    )


def _train(
    state: BrowserState,
    folder: RunsFolder,
    source: Run,
    recipe: Recipe | None,
    gate: GateSettings | None,
) -> None:
    assert recipe is not None
    assert gate is not None
    plan = plan_training(
        state.opened.spec,
        [],
        evaluation_problems(state, recipe.preset),
        recipe.model_copy(update={"gate": gate}),
        rollouts=source.folder,
        teacher=weights_teacher(state, recipe),
    )
    plan = _with_origin(plan, source, gate)
    about = source.config.name.removeprefix(ROLLOUTS_OF) or source.id
    start_training(state, folder, plan, about)


def _train_again(
    state: BrowserState, folder: RunsFolder, run: Run, own: Recipe, gate: GateSettings | None
) -> None:
    assert gate is not None
    plan = plan_training(
        read_model(run.config.model),
        [],
        run.problems(EVALUATION),
        own.model_copy(update={"gate": gate}),
        rollouts=run.folder,
        teacher=next(iter(run.config.teachers), None),
    )
    plan = _with_origin(plan, run, gate)
    start_training(state, folder, plan, run.config.name.removeprefix(FINE_TUNE_ON) or run.id)


def _with_origin(plan: RunPlan, source: Run, gate: GateSettings) -> RunPlan:
    """The plan, saying which share of the rollouts' tokens the threshold stands for."""
    measured = measured_in(source, rollouts_of(source))
    return replace(plan, thresholds=origins(measured, {"gate.tau": gate.tau}))


def _selection(run: Run) -> SelectionReport | None:
    """What a fine-tune learns from; None until it is known."""
    try:
        return selection_report(run)
    except ExplorerError:  # the report below says what is damaged
        return None


def _gated(report: SelectionReport | None) -> str:
    """Markdown: how many tokens the gate selects."""
    try:
        return (
            ""
            if report is None
            else (
                f" · {report.decisions:,} of {report.tokens:,} tokens are decision points "
                f"({percent(report.gated_share)})"
            )
        )
    except (OverflowError, TypeError, ValueError):  # damaged, which the report says
        return ""


def _trained(run: Run) -> str:
    """Markdown: how many steps were trained."""
    try:
        steps = [each["step"] for each in training_history(run) if "step" in each]
        return f" · {max(steps):,} steps" if steps else ""
    except (ExplorerError, TypeError, ValueError):
        return ""
