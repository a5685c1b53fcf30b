"""How a file was read: its form, the fields of each role, what was left out."""

from __future__ import annotations

import streamlit as st

from core.errors import ExplorerError
from core.imports.kept_files import KeptFile
from core.imports.reading import columns_of
from core.imports.records import ROLES, RolloutTable
from core.imports.shapes import described
from core.problems.paths import steps
from core.runs.headline import counted
from explorer.form import is_texts
from explorer.rollouts.reading import Fields
from explorer.shared.messages import plain, show_error
from explorer.state import BrowserState

_NONE = "none"
_COLUMNS = 4
_NAMED = 50  # rows that are left out
_ROLES = {
    "prompt": "Prompt",
    "answer": "Answer",
    "reward": "Reward",
    "gold": "Correct answer",
    "group": "Problem",
    "id": "Id",
    "step": "Training step",
    "stop": "How it ended",
    "prompt_ids": "Token ids of the prompt",
    "answer_ids": "Token ids of the answer",
    "mask": "Mask of the answer",
    "answer_length": "Length of the answer",
    "tokens": "Tokens as text",
    "entropy": "Entropies",
    "model": "Model that wrote it",
    "temperature": "Temperature",
}


def chosen_fields(state: BrowserState, kept: KeptFile) -> Fields:
    """The fields that a person has chosen for roles, instead of the guessed ones."""
    found, none = [], list[str]()
    for text in state.form.value(_key(kept), none, is_texts):
        role, _, name = text.partition("=")
        if role in ROLES:
            found.append((role, name or None))
    return tuple(found)


def fields_panel(state: BrowserState, kept: KeptFile, table: RolloutTable | None) -> None:
    """Choose the fields of the roles; say what was not read.

    Args:
        table: as it is read; None where it can't be.
    """
    chosen = dict(chosen_fields(state, kept))
    with st.expander("How the file was read", expanded=table is None):
        try:
            columns = columns_of(kept.path) if table is None else table.columns
        except ExplorerError as error:
            show_error(error)
            return
        places = st.columns(_COLUMNS)
        for number, (role, label) in enumerate(_ROLES.items()):
            guessed = None if table is None else getattr(table.mapping, role)
            name = chosen.get(role, guessed) or _NONE
            options = list(dict.fromkeys((_NONE, *columns, name)))
            places[number % _COLUMNS].selectbox(
                label,
                options,
                index=options.index(name),
                accept_new_options=True,
                key=f"{_key(kept)} {role}",
                on_change=_choose,
                args=(state, kept, role),
            )
        row = st.container(horizontal=True, vertical_alignment="center")
        row.caption(
            "A value inside a field can be typed: reward\\_model.ground\\_truth, "
            "output.choices\\[0\\].text."
        )
        if chosen:
            row.button(
                "Guess again",
                key=f"{_key(kept)} again",
                icon=":material/undo:",
                on_click=_guess_again,
                args=(state, kept),
            )
        if table is not None:
            _left_out(table)


def fields_option(fields: Fields) -> list[str]:
    """The words of the command's option that reads these fields; none without changes."""
    return ["--fields", ",".join(f"{role}={name or ''}" for role, name in fields)] * bool(fields)


def file_line(table: RolloutTable) -> str:
    """Markdown: what the file is, in a line."""
    shape = f", in the form of {plain(described(table.shape))}" if table.shape else ""
    return (
        f"{plain(table.kind)} with **{counted(len(table.rollouts), 'rollout')}** of "
        f"{counted(table.groups, 'problem')}{shape}"
    )


def _left_out(table: RolloutTable) -> None:
    used = {steps(name, table.columns)[0] for _, name in table.mapping.named()}
    others = [name for name in table.columns if name not in used]
    if others:
        st.caption(f"Not used: {plain(', '.join(others))}")
    for note in (*table.notes, *table.warnings):
        st.caption(plain(note))
    if table.refused:
        st.markdown(f"**{counted(len(table.refused), table.noun)} not read**")
        for refusal in table.refused[:_NAMED]:
            st.caption(f"{plain(table.noun)} {refusal.row}: {plain(refusal.reason)}")
        if len(table.refused) > _NAMED:
            st.caption(f"and {len(table.refused) - _NAMED:,} more")


def _key(kept: KeptFile) -> str:
    return f"fields of {kept.id}"


def _choose(state: BrowserState, kept: KeptFile, role: str) -> None:
    name = st.session_state.get(f"{_key(kept)} {role}") or _NONE
    chosen = dict(chosen_fields(state, kept))
    chosen[role] = None if name == _NONE else str(name).strip()
    state.form.keep(_key(kept), [f"{each}={name or ''}" for each, name in chosen.items()])


def _guess_again(state: BrowserState, kept: KeptFile) -> None:
    state.form.keep(_key(kept), [])
    for role in ROLES:
        st.session_state.pop(f"{_key(kept)} {role}", None)
