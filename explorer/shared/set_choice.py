"""A field that chooses a problem set; its last entry takes a file of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.records import Problem
from explorer.shared.messages import plain
from explorer.shared.problem_sets import upload_problems
from explorer.state import BrowserState

UPLOAD = "Upload…"
_UPLOADED = "uploaded set to choose"  # in this tab: key of a field, and the set that it gets


def choose_set(
    state: BrowserState,
    place: DeltaGenerator,
    label: str,
    key: str,
    sets: Mapping[str, Sequence[Problem]],
    default: str | None = None,
    *,
    others: Sequence[str] = (),
    **looks: Any,
) -> str:
    """Draw the field; returns the name of a set, one of `others`, or UPLOAD.

    Args:
        key: of the field in the form.
        default: the set until a person chooses another one.
        others: further entries, after the sets.
        looks: further arguments of the widget.
    """
    wanted = st.session_state.get(_UPLOADED)
    if wanted is not None and wanted[0] == key:
        del st.session_state[_UPLOADED]
        name = wanted[1]
        if name in sets:
            state.form.put(key, name)
            count = len(sets[name])
            word = "problem" if count == 1 else "problems"
            st.toast(f"Added and selected: {count:,} {word} of {plain(name)}", icon="✅")
    return state.form.choice(place, label, key, [*sets, *others, UPLOAD], default, **looks)


def upload_place(
    state: BrowserState,
    chosen: Mapping[str, str],
    uploader: str,
    place: DeltaGenerator | None = None,
) -> None:
    """The uploader, where one of the fields says UPLOAD; the set that it makes is selected there.

    Args:
        chosen: what `choose_set` returned, by the key of the field.
        uploader: key of the uploader.
        place: where it stands; else below where this is called.
    """
    for key, name in chosen.items():
        if name == UPLOAD:
            with (place or st.container()).container(border=True):
                upload_problems(state, uploader, on_taken=partial(_select, key))
            return


def _select(key: str, name: str) -> None:
    st.session_state[_UPLOADED] = (key, name)
