"""The sidebar's links to tour, keys and glossary, and their dialogs."""

from __future__ import annotations

import html

import streamlit as st

from explorer.components.help_key import help_key
from explorer.guide.glossary import TERMS
from explorer.guide.keys import KEYS
from explorer.guide.tour import begin_tour
from explorer.state import BrowserState

_OPEN = "guide to open"  # in this tab: "keys" or "glossary"


def help_links(state: BrowserState) -> None:
    """Draw the links, and the dialog that was asked for. `?` opens the keys on every page."""
    with st.container(key="help_links", horizontal=True, gap="small"):
        st.button(
            "Tour",
            key="open tour",
            type="tertiary",
            icon=":material/explore:",
            on_click=begin_tour,
            args=(state,),
        )
        st.button(
            "Keys",
            key="open keys",
            type="tertiary",
            icon=":material/keyboard:",
            help="Also by the key ?",
            on_click=_ask,
            args=("keys",),
        )
        st.button(
            "Glossary",
            key="open glossary",
            type="tertiary",
            icon=":material/menu_book:",
            on_click=_ask,
            args=("glossary",),
        )
    with st.container(key="help_key"):
        help_key(key="question_mark", on_asked=lambda: _ask("keys"))
    wanted = st.session_state.pop(_OPEN, None)
    if wanted == "keys":
        st.dialog("Keys")(_keys)()
    elif wanted == "glossary":
        st.dialog("Glossary", width="medium")(_glossary)()


def _ask(what: str) -> None:
    st.session_state[_OPEN] = what


def _keys() -> None:
    for title, keys in KEYS:
        rows = "".join(
            f"<tr><td>{_caps(names)}</td><td>{html.escape(does)}</td></tr>" for names, does in keys
        )
        st.html(f'<h4>{html.escape(title)}</h4><table class="keys">{rows}</table>')


def _caps(names: str) -> str:
    return " ".join(
        name if name == "–" else f"<kbd>{html.escape(name)}</kbd>" for name in names.split()
    )


def _glossary() -> None:
    wanted = st.text_input("Find", key="glossary search", placeholder="entropy").strip().lower()
    found = [term for term in TERMS if wanted in f"{term.name} {term.meaning}".lower()]
    rows = "".join(
        f"<dt>{html.escape(term.name)}</dt><dd>{html.escape(term.meaning)}</dd>" for term in found
    )
    st.html(f'<dl class="glossary">{rows}</dl>')
    if not found:
        st.caption("No term has these words.")
