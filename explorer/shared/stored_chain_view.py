"""One stored chain on a page: its text from the tokenizer alone, or scored and coloured."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import ExplorerError
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.models.tokenizer_text import load_token_text
from core.records import Chain, StopReason
from core.stored_chains import StoredProblem
from core.tokens.token_text import TokenText
from explorer.components.token_heatmap import token_heatmap
from explorer.shared.chain_view import chain_view
from explorer.shared.messages import plain_lines, show_error
from explorer.shared.model_chip import model_words
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.workbench import workbench

Score = Callable[[LanguageModel], Chain]
"""Scores a stored chain: one forward pass of its model."""

_KEPT = 64  # scored chains, on the whole server
_TASK = "scoring a stored chain"  # in Streamlit's session state: (chain id, Task)
_HEIGHT = 300  # pixels of a coloured chain


class ScoredChains:
    """Chains that were scored for a table, the least recently shown dropped first."""

    def __init__(self) -> None:
        self._chains: OrderedDict[str, Chain] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, chain_id: str) -> Chain | None:
        """A chain, if it was scored."""
        with self._lock:
            if chain_id in self._chains:
                self._chains.move_to_end(chain_id)
            return self._chains.get(chain_id)

    def put(self, chain_id: str, chain: Chain) -> None:
        """Keep a scored chain."""
        with self._lock:
            self._chains[chain_id] = chain
            while len(self._chains) > _KEPT:
                self._chains.popitem(last=False)


@st.cache_resource(show_spinner=False)
def scored_chains() -> ScoredChains:
    """The server's scored chains."""
    return ScoredChains()


def stored_chain(
    state: BrowserState,
    spec: ModelSpec,
    found: StoredProblem,
    number: int,
    *,
    chain_id: str,
    score: Score | None,
) -> None:
    """The text of a chain, with a switch that colours it by entropy.

    Args:
        spec: the chain's model; only colouring loads it.
        found: the problem of the chain.
        number: of the chain, from 0.
        chain_id: unique on this server, for as long as its run's files are the same.
        score: None: this chain can't be coloured.
    """
    chain_or_text(state, spec, chain_id, score, lambda: _plain_text(spec, found, number))


def chain_or_text(
    state: BrowserState,
    spec: ModelSpec,
    chain_id: str,
    score: Score | None,
    draw_text: Callable[[], None],
) -> Chain | None:
    """A text, with a switch that shows the chain of it instead, coloured by entropy; returns that
    chain where it is shown.

    Args:
        spec: the model that scores it.
        chain_id, score: as of `stored_chain`.
        draw_text: draws the text.
    """
    coloured = False
    if score is not None:
        name = model_words(spec.model, spec.adapter)
        coloured = state.form.switch(
            st.container(),
            "Colour by entropy",
            "colour stored chains",
            workbench().loaded(spec) is not None,
            help=f"Scores the chain with {name}, which is loaded first if it isn't in memory",
        )
    progress, place = st.empty(), st.empty()
    chain = scored_chains().get(chain_id) if coloured else None
    if chain is None:
        with place.container():
            draw_text()
    if coloured and chain is None and score is not None:
        chain = _score(progress, spec, chain_id, score)
    if chain is not None:
        with place.container():
            view = chain_view(chain, chain_id, state.tau, state.unit)
            token_heatmap(replace(view, max_height=_HEIGHT), key="stored chain")
    return chain


def _plain_text(spec: ModelSpec, found: StoredProblem, number: int) -> None:
    chain = found.chains[number]
    ids = chain.token_ids.tolist()
    if chain.stop_reason is StopReason.EOS:
        ids = ids[:-1]
    try:
        text = "".join(text_of(spec).pieces(ids, found.prompt_ids.tolist()))
    except ExplorerError as error:
        show_error(error)
        return
    st.markdown(plain_lines(text) if text.strip() else "*no text*")


def text_of(spec: ModelSpec) -> TokenText:
    """Display text of a model's tokens, of the loaded model or of its tokenizer alone.

    Raises:
        ModelError, ResourceError: as `load_token_text`.
    """
    lm = workbench().loaded(spec)
    return _tokenizer_text(spec) if lm is None else lm.text


@st.cache_resource(show_spinner=False, max_entries=4)
def _tokenizer_text(spec: ModelSpec) -> TokenText:
    return load_token_text(spec)


def _score(place: DeltaGenerator, spec: ModelSpec, chain_id: str, score: Score) -> Chain | None:
    """Score a chain and wait for it; None if that failed, which is shown. A click elsewhere ends
    the waiting, not the work."""
    known = st.session_state.get(_TASK)
    if known is None or known[0] != chain_id or not known[1].running:

        def work(task: Task) -> None:
            lm = workbench().model(spec)
            task.label = "Scoring the chain"
            scored_chains().put(chain_id, score(lm))

        known = st.session_state[_TASK] = (chain_id, Task(_loading(spec), work))
    task: Task = known[1]
    while not task.wait(0.3):
        place.caption(f"{task.label}, {task.elapsed:.0f} s")
    place.empty()
    if task.error is not None:
        show_error(task.error)
    return scored_chains().get(chain_id)


def _loading(spec: ModelSpec) -> str:
    here = workbench().loaded(spec) is not None
    return "Scoring the chain" if here else f"Loading {model_words(spec.model, spec.adapter)}"
