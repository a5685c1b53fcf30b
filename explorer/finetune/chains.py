"""The same problem before and after a fine-tune, and the adapter to load or download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.chains.branch import first_difference
from core.errors import ExplorerError
from core.evaluation.comparison import EvaluationComparison
from core.lora.run_files import ADAPTER
from core.reasonmaxxer.results import SIDE_BY_SIDE, chains_side_by_side, run_recipe
from core.reasonmaxxer.side_by_side import SideBySide
from core.records import DEFAULT_ALTERNATIVES, Outcome
from core.runs.models import read_model
from core.runs.run import Run
from explorer.components.token_heatmap import token_heatmap
from explorer.shared.chain_view import chain_view
from explorer.shared.figures import changed_at
from explorer.shared.messages import VERDICT_SIGNS, plain, short, show_error, verdict_badge
from explorer.shared.opening import open_with_adapter
from explorer.shared.result_downloads import zipped
from explorer.shared.verdict import verdict_reason
from explorer.state import BrowserState


def chains_before_and_after(
    state: BrowserState, run: Run, comparison: EvaluationComparison
) -> None:
    """Choose a problem to see its greedy chains side by side; load or download the adapter."""
    try:
        pairs = _ordered(_read(str(run.folder), changed_at(run.folder / SIDE_BY_SIDE)), comparison)
        tau = run_recipe(run).gate.tau
    except ExplorerError as error:
        show_error(error)
        pairs, tau = [], state.tau
    st.markdown("**The same problem, before and after**")
    shown = None
    with st.container(key="tuning_chains"):
        choice, load, download = st.columns([4, 1.9, 2.1], vertical_alignment="bottom")
    if pairs:
        number = state.form.choice(
            choice,
            "Problem",
            f"chains of {run.id}",
            range(len(pairs)),
            format_func=lambda i: _label(pairs[i], comparison),
        )
        shown = pairs[number]
    _adapter_buttons(state, run, shown, load, download)
    if shown is not None:
        _pair(state, run, shown, tau)


def _pair(state: BrowserState, run: Run, pair: SideBySide, tau: float) -> None:
    difference = first_difference(pair.before, pair.after)
    st.caption(plain(pair.after.problem.question))
    with st.container(key="tuning_pair"):
        left, right = st.columns(2, gap="small")
    for column, name, chain, outcome, marks in (
        (left, "before", pair.before, pair.before_outcome, None),
        (right, "after", pair.after, pair.after_outcome, _marks(pair.after_ranks)),
    ):
        with column, st.container(border=True):
            badge = verdict_badge(outcome)
            st.markdown(
                f"**{name.capitalize()}** · {badge} · {len(chain)} tokens · greedy",
                help=verdict_reason(outcome, chain.problem.answer),
            )
            view = chain_view(chain, f"{run.id} {chain.problem.id} {name}", tau, state.unit)
            view = replace(
                view,
                shared_prefix=len(chain) if difference is None else difference,
                first_difference=difference
                if difference is not None and difference < len(chain)
                else None,
                marks=marks,
            )
            token_heatmap(view, key=f"chain {name}")
    changed = len(pair.changed)
    if difference is None:
        st.caption("Both models write the same chain here.")
    else:
        st.caption(
            f"The chains diverge at token {difference}; the shared start is dimmed. At {changed} "
            f"of {len(pair.after)} tokens of the chain after, the base would choose another: "
            "a line above the token (reranked) means one of its top "
            f"{DEFAULT_ALTERNATIVES}, a frame (shifted) one outside them."
        )


def _marks(ranks: Sequence[int]) -> list[str]:
    """The tuned model's tokens by their rank in the base's order (method of the paper's section
    3: outside the top 5 they are shifted)."""
    return [
        "" if rank == 1 else "reranked" if rank <= DEFAULT_ALTERNATIVES else "shifted"
        for rank in ranks
    ]


def _adapter_buttons(
    state: BrowserState,
    run: Run,
    shown: SideBySide | None,
    load: st.delta_generator.DeltaGenerator,
    download: st.delta_generator.DeltaGenerator,
) -> None:
    folder = run.folder / ADAPTER
    there = (folder / "adapter_config.json").is_file() and not folder.is_symlink()
    load.button(
        "Load the adapter into Explore",
        type="primary",
        width="stretch",
        disabled=not there or state.opened.busy,
        help="The sidebar's model becomes this base with this adapter, and Explore opens with the "
        "chain after",
        on_click=_load,
        args=(state, run, folder, shown),
    )
    name = f"{run.id}-adapter"
    download.download_button(
        "Download the adapter",
        lambda: zipped(folder, name),
        file_name=f"{name}.zip",
        mime="application/zip",
        icon=":material/download:",
        width="stretch",
        disabled=not there,
        help="A zip of the PEFT folder, with a README of its recipe and figures",
        on_click="ignore",
    )
    if not there:
        st.caption("This run's folder has no adapter.")


def _load(state: BrowserState, run: Run, folder: Path, shown: SideBySide | None) -> None:
    try:
        base = read_model(run.config.model)
    except ExplorerError as error:
        state.notice = error
        return
    open_with_adapter(state, base, folder, shown)


def _ordered(pairs: Sequence[SideBySide], comparison: EvaluationComparison) -> list[SideBySide]:
    """Gained problems first, then lost ones; among them, those whose chains show it come first."""
    gained, lost = set(comparison.gained), set(comparison.lost)

    def place(pair: SideBySide) -> tuple[int, int]:
        name = pair.after.problem.id
        group = 0 if name in gained else 1 if name in lost else 2
        changed = _is_right(pair.after_outcome) - _is_right(pair.before_outcome)
        return group, changed if group == 1 else -changed

    return sorted(pairs, key=place)


def _is_right(outcome: Outcome) -> int:
    return int(outcome.verdict.value == "correct")


def _label(pair: SideBySide, comparison: EvaluationComparison) -> str:
    problem = pair.after.problem
    before, after = (
        VERDICT_SIGNS[each.verdict] for each in (pair.before_outcome, pair.after_outcome)
    )
    group = (
        "gained"
        if problem.id in comparison.gained
        else "lost"
        if problem.id in comparison.lost
        else "unchanged"
    )
    return f"{before} → {after} · {group} · {problem.id} · {short(problem.question, 60)}"


@st.cache_resource(show_spinner=False, max_entries=4)
def _read(folder: str, changed: int) -> list[SideBySide]:
    return chains_side_by_side(Run.open(Path(folder)))
