"""The field for another token or a phrase: typed text as rows of the token's table."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.chains.phrases import Phrase, PhraseOdds, odds, readings
from core.errors import ExplorerError, ResourceError
from core.models.language_model import LanguageModel
from explorer.explore.alternatives import Place
from explorer.shared.messages import show_error
from explorer.state import BrowserState
from explorer.work import place_of
from explorer.workbench import workbench

_KNOWN = "odds of typed phrases"
_MOST_KNOWN = 200
_PATIENCE = 2.0  # seconds that a look-up waits for the model


def typed_key(place: Place) -> str:
    """The key of the field at a position."""
    return f"phrase at {place.branch.id} {place.position}"


def phrase_field(place: Place) -> None:
    """The field; its text is read by `typed_phrases`, in the rows above it."""
    st.text_input(
        "Another token or a phrase",
        key=typed_key(place),
        placeholder="Type a word or a phrase, then choose its row",
        help="All its tokens are forced, in order. In most vocabularies a leading space makes "
        "other tokens: both readings become rows of the table.",
    )


def typed_phrases(place: Place) -> Mapping[Phrase, PhraseOdds | None]:
    """The readings of the text that is typed, with how probable each is; None where that can't be
    looked up while the model works."""
    typed = st.session_state.get(typed_key(place)) or ""
    if not typed.strip():
        return {}
    try:
        lm = _model(place.state)
        if lm is None:
            return {}
        return {each: _odds(lm, place, each) for each in readings(lm, typed)}
    except ExplorerError as error:
        show_error(error)
        return {}


def _model(state: BrowserState) -> LanguageModel | None:
    lm = workbench().loaded(state.opened.spec)
    if lm is None and not state.opened.busy:
        with st.spinner("Loading the model"):
            lm = workbench().model(state.opened.spec)
    return lm


def _odds(lm: LanguageModel, place: Place, phrase: Phrase) -> PhraseOdds | None:
    known = st.session_state.setdefault(_KNOWN, {})
    key = place_of(place.chain, place.position), phrase.token_ids
    if key not in known:
        if place.state.opened.busy:
            return None
        try:
            found = odds(lm, place.chain, place.position, phrase, _PATIENCE)
        except ResourceError:  # another session's work holds the model
            return None
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[key] = found
    found_before: PhraseOdds = known[key]
    return found_before
