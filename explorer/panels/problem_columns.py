"""Which column of an uploaded file is what: the guess, to be confirmed or changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.errors import ExplorerError
from core.problem_files.columns import with_guessed_gold
from core.problem_files.conversion import guess, make_table, preview
from core.problem_files.shapes import described
from core.problem_files.table import ColumnMapping, Gold, ProblemTable, Rows
from core.records import Problem
from explorer.panels.messages import plain, short, show_error

_ROLES = {
    "question": "Question",
    "answer": "Right answer",
    "id": "Id",
    "family": "Family",
    "source": "Source",
    "context": "Text before the question",
}
_PREVIEWED = 3  # problems
_NAMED = 8  # rows that are left out


def confirm_columns(
    rows: Rows, key: str, take: Callable[[list[Problem]], None], dismiss: Callable[[], None]
) -> None:
    """A dialog with the guess and what comes of it; its button takes the problems."""
    title = f"Columns of {plain(short(rows.name))}"
    st.dialog(title, width="medium", on_dismiss=dismiss)(_confirm)(rows, key, take)


def _confirm(rows: Rows, key: str, take: Callable[[list[Problem]], None]) -> None:
    shape, guessed = guess(rows)
    if shape:
        st.markdown(f"{rows.kind} in {plain(described(shape))}. Are these the right columns?")
    else:
        st.markdown(f"{rows.kind}. Are these the right columns?")
    mapping = _choices(rows, guessed or ColumnMapping(None), key)
    try:
        found = make_table(rows, mapping)
    except ExplorerError as error:
        show_error(error)
        return
    _show(found)
    count = len(found.problems)
    if st.button(
        f"Use {count:,} problem{'s' * (count != 1)}",
        key=f"{key} use",
        type="primary",
        icon=":material/check:",
        on_click=take,
        args=(found.problems,),
    ):
        st.rerun()  # closes the dialog


def _choices(rows: Rows, guessed: ColumnMapping, key: str) -> ColumnMapping:
    """What the person says the columns are, beginning with the guess."""
    examples = (preview(rows) or [{}])[0]

    def label(column: str | None) -> str:
        if column is None:
            return "none"
        example = short(" ".join(examples.get(column, "").split()), 30)
        return f"{short(column)} · {example}" if example else short(column)

    chosen: dict[str, Any] = {}
    for (role, name), place in zip(_ROLES.items(), st.columns(2) * 3, strict=True):
        column = getattr(guessed, role)
        options = [None, *rows.columns]
        chosen[role] = place.selectbox(
            name,
            options,
            index=options.index(column),
            format_func=label,
            key=f"{key} {role}",
        )
    mapping = ColumnMapping(**chosen)
    if mapping.answer is None:
        return mapping
    gold = guessed.gold
    if mapping.answer != guessed.answer:
        gold = with_guessed_gold(rows, mapping).gold
    golds = list(Gold)
    chosen_gold = st.selectbox(
        "The right answer stands",
        golds,
        index=golds.index(gold),
        format_func=str,
        key=f"{key} gold of {mapping.answer}",
    )
    return ColumnMapping(**chosen, gold=chosen_gold)


def _show(found: ProblemTable) -> None:
    """The first problems as they are read, and the rows that are left out."""
    for problem in found.problems[:_PREVIEWED]:
        gold = "no answer" if problem.answer is None else f"gold {short(problem.answer, 60)}"
        st.markdown(f"{plain(short(problem.question, 160))} :gray-badge[{plain(gold)}]")
    if found.refused:
        lines = [
            f"{found.noun} {refusal.row}: {plain(short(refusal.reason, 160))}"
            for refusal in found.refused[:_NAMED]
        ]
        if len(found.refused) > _NAMED:
            lines.append(f"and {len(found.refused) - _NAMED:,} more")
        count = len(found.refused)
        st.warning(
            f"{count:,} {found.noun}{'s' * (count != 1)} left out:  \n" + "  \n".join(lines),
            icon=":material/warning:",
        )
