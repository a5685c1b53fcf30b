"""The panel for the selected token: its alternatives, any other token, and their outcomes."""

from __future__ import annotations

import math

import streamlit as st

from core.chains.generation import look_up
from core.chains.tree import Branch
from core.entropy import nats_to_bits
from core.errors import ExplorerError
from core.models.architecture import why_recomputed
from core.models.language_model import LanguageModel
from core.records import Chain, Sampler
from explorer.shared.messages import VERDICT_SIGNS, plain, short, show_error, token_label, visible
from explorer.shared.verdict import verdict_reason
from explorer.state import BrowserState
from explorer.workbench import workbench

_PATIENCE = 1.0  # seconds a click waits for a short continuation before the page shows progress


def inspector(state: BrowserState, branch: Branch, position: int | None) -> None:
    """The panel beside the chain."""
    if position is None:
        st.markdown("**Select a token**")
        st.caption(
            "An underlined token is a fork: the model was uncertain there. "
            "Click one, then force another token."
        )
        return
    chain = branch.chain
    entropy = float(chain.entropy[position])
    shown = entropy if state.unit == "nats" else nats_to_bits(entropy)
    st.markdown(
        f"**\\#{position} {plain(token_label(chain, position))}**  \n"
        f"{shown:.2f} {state.unit}, rank {int(chain.statistics.rank[position])}, "
        f"probability {math.exp(chain.statistics.logprob[position]):.1%}"
    )
    if not same_model(state, chain):
        st.info(
            f"This chain was made by {plain(chain.model)}"
            + (f" with the adapter {plain(chain.adapter)}" if chain.adapter else "")
            + ". Choose that model in the sidebar to force tokens here.",
            icon=":material/info:",
        )
        return
    _alternatives(state, branch, position)
    _endings(state, branch, position)
    _recomputed(state)
    _free_token(state, branch, position)


def force(
    state: BrowserState,
    branch: Branch,
    position: int,
    token_id: int,
    sampler: Sampler | None = None,
) -> None:
    """Force a token, and wait briefly, since most continuations are short."""
    if not same_model(state, branch.chain):
        return
    state.opened.force(state.opened.spec, branch, position, token_id, sampler)
    wait(state)


def _try_all(state: BrowserState, branch: Branch, position: int) -> None:
    state.opened.try_all(state.opened.spec, branch.chain, position)
    wait(state)


def wait(state: BrowserState) -> None:
    """Wait briefly for the work just started."""
    if state.opened.task is not None:
        state.opened.task.wait(_PATIENCE)


def same_model(state: BrowserState, chain: Chain) -> bool:
    """Whether the chain was made by the current model, so that it can be continued."""
    return (chain.model, chain.adapter) == (state.opened.spec.model, state.opened.spec.adapter)


def _alternatives(state: BrowserState, branch: Branch, position: int) -> None:
    chain = branch.chain
    chosen = chain.token_ids[position]
    top_ids = [int(i) for i in chain.statistics.top_ids[position]]
    logprobs = chain.statistics.top_logprobs[position]
    with st.container(gap="xxsmall", key="alternatives"):
        for rank, (token_id, logprob) in enumerate(zip(top_ids, logprobs, strict=True), 1):
            text = plain(visible(chain.top_tokens[position][rank - 1]))
            name, bar, button = st.columns([4, 3, 3], vertical_alignment="center", gap="small")
            probability = math.exp(float(logprob))
            name.markdown(f"{rank} · **{text}**")
            bar.progress(min(probability, 1.0), text=f"{probability:.1%}")
            if token_id == chosen:
                button.caption("forced" if chain.forced[position] else "model's pick")
            else:
                button.button(
                    "Use this",
                    key=f"force {rank}",
                    width="stretch",
                    disabled=state.opened.busy,
                    help=f"Continue with this token instead (key {rank} on the chain)",
                    on_click=force,
                    args=(state, branch, position, token_id),
                )


def _endings(state: BrowserState, branch: Branch, position: int) -> None:
    count = branch.chain.statistics.top_ids.shape[1]
    words = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
    st.button(
        f"Try all {words.get(count, count)}",
        width="stretch",
        disabled=state.opened.busy,
        help="Continue every alternative in one batch and show where each one ends",
        on_click=_try_all,
        args=(state, branch, position),
    )
    endings = state.opened.endings(branch.chain, position)
    if not endings:
        return
    with st.container(border=True, gap="xxsmall", key="endings"):
        for rank, ending in enumerate(endings, 1):
            text = plain(visible(branch.chain.top_tokens[position][rank - 1]))
            sign = VERDICT_SIGNS[ending.outcome.verdict]
            answer = plain(short(ending.outcome.answer or "no answer", 20))
            color = {"correct": "green", "wrong": "red"}.get(ending.outcome.verdict, "gray")
            line, button = st.columns([4, 3], vertical_alignment="center", gap="small")
            line.markdown(
                f"{text} → :{color}[{sign} {answer}]  \n:small[{len(ending.chain)} tokens]",
                help=verdict_reason(ending.outcome, branch.chain.problem.answer),
            )
            button.button(
                "Go to branch",
                key=f"open ending {rank}",
                width="stretch",
                disabled=state.opened.busy,
                on_click=force,
                args=(state, branch, position, ending.token_id),
            )


def _recomputed(state: BrowserState) -> None:
    lm = workbench().loaded(state.opened.spec)
    if lm is not None and (why := why_recomputed(lm.model)):
        st.caption(
            f"Branches of this model can't share a cache: {plain(why)}. Every chain is recomputed "
            "from the start at each token, which is slower but gives the same chains."
        )


def _free_token(state: BrowserState, branch: Branch, position: int) -> None:
    typed = st.text_input(
        "Another token",
        key=f"other token at {branch.id} {position}",
        placeholder="Type a word, then pick a token",
        help="In most vocabularies a leading space makes a different token: both are offered.",
    )
    if not typed:
        return
    lm = workbench().loaded(state.opened.spec)
    if lm is None:
        with st.spinner("Loading the model"):
            lm = _load(state)
    if lm is None:
        return
    candidates = _candidates(lm, typed)
    token_id = st.radio(
        "Which token",
        list(candidates),
        format_func=lambda each: plain(f"{visible(lm.text.display(each))} ({candidates[each]})"),
        key=f"which token at {branch.id} {position}",
    )
    try:
        logprob, rank = look_up(lm, branch.chain, position, token_id, patience=2)
    except ExplorerError as error:
        show_error(error)
        return
    st.caption(f"probability {math.exp(logprob):.3g}, rank {rank:,}, id {token_id}")
    st.button(
        f"Force {plain(visible(lm.text.display(token_id)))}",
        width="stretch",
        disabled=state.opened.busy,
        on_click=force,
        args=(state, branch, position, token_id),
    )


def _load(state: BrowserState) -> LanguageModel | None:
    try:
        return workbench().model(state.opened.spec)
    except ExplorerError as error:
        show_error(error)
        return None


def _candidates(lm: LanguageModel, typed: str) -> dict[int, str]:
    """Tokens that typed text may stand for: with and without a leading space, one or several."""
    readings = [lm.text.tokenise(text) for text in (f" {typed.lstrip()}", typed)]
    found: dict[int, str] = {}
    for ids in sorted(readings, key=len):
        for n, token_id in enumerate(ids, 1):
            place = "one token" if len(ids) == 1 else f"token {n} of {len(ids)}"
            found.setdefault(token_id, place)
    return found
