"""The columns of an uploaded file: a guess, to be confirmed or changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import ExplorerError
from core.problems.columns import fitting_join
from core.problems.conversion import guess, make_table, shown
from core.problems.gold_guess import with_guessed_gold
from core.problems.paths import offered, steps, value_at
from core.problems.shapes import described
from core.problems.table import (
    CHOICE_GOLDS,
    ColumnMapping,
    Gold,
    Join,
    ProblemTable,
    Rows,
)
from core.records import Problem
from explorer.shared.messages import before_gold, plain, plain_lines, short, show_error

T = TypeVar("T")

_OTHERS = {"id": "Id", "family": "Family", "source": "Source"}
_PREVIEWED = 3  # problems
_PREVIEWED_CHARS = 3_000  # of a question
_NAMED = 8  # rows that are left out


def confirm_columns(
    rows: Rows, key: str, take: Callable[[list[Problem]], None], dismiss: Callable[[], None]
) -> None:
    """Open a dialog with the guessed columns and their first problems.

    Args:
        rows: of the file.
        key: begins the keys of the dialog's fields.
        take: called with the problems when they are accepted.
        dismiss: called when the dialog is closed.
    """
    title = f"Columns of {plain(short(rows.name))}"
    st.dialog(title, width="medium", on_dismiss=dismiss)(_confirm)(rows, key, take)


def _confirm(rows: Rows, key: str, take: Callable[[list[Problem]], None]) -> None:
    shape, guessed = guess(rows)
    if shape:
        st.markdown(f"{rows.kind} in {plain(described(shape))}. Check the columns we guessed.")
    else:
        st.markdown(f"{rows.kind}. Check the columns we guessed.")
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
    """The chosen columns; the fields start with the guess."""
    paths = offered(rows)
    label = _labels(rows, paths)

    def several(name: str, role: str, placeholder: str, about: str) -> list[str]:
        chosen = getattr(guessed, role)
        return st.multiselect(
            name,
            _with(paths, chosen),
            default=chosen,
            format_func=label,
            accept_new_options=True,
            placeholder=placeholder,
            help=about,
            key=f"{key} {role}",
        )

    def one(name: str, role: str, place: DeltaGenerator) -> str | None:
        chosen = getattr(guessed, role)
        options = [None, *_with(paths, () if chosen is None else (chosen,))]
        found = place.selectbox(
            name,
            options,
            index=options.index(chosen),
            format_func=label,
            accept_new_options=True,
            key=f"{key} {role}",
        )
        return None if found is None else str(found)

    question = several(
        "Question",
        "question",
        "Choose one column, or several to be joined in this order",
        "Several columns are joined in the order in which they are chosen. A value inside a "
        "column can be typed: reward_model.ground_truth, prompt[0].content.",
    )
    mapping = ColumnMapping(question)
    if len(question) > 1:
        mapping = replace(mapping, join=_join(rows, mapping, guessed, key))
    choices = several(
        "Choices",
        "choices",
        "none",
        "A column with a list of choices, or the columns with one each. They are shown below the "
        "question with letters, and the correct answer becomes a letter.",
    )
    left, right = st.columns(2)
    mapping = replace(mapping, choices=tuple(choices), answer=one("Correct answer", "answer", left))
    if mapping.answer is not None and mapping.answer not in choices:
        mapping = replace(mapping, gold=_gold(right, rows, mapping, guessed, key))
    others: dict[str, Any] = {
        role: one(name, role, place)
        for (role, name), place in zip(_OTHERS.items(), st.columns(3), strict=True)
    }
    return replace(mapping, **others)


def _join(rows: Rows, mapping: ColumnMapping, guessed: ColumnMapping, key: str) -> Join:
    fitting = guessed.join
    if mapping.question != guessed.question:
        fitting = _or(Join.SPACE, lambda: fitting_join(rows, mapping.question))
    joins = list(Join)
    return st.selectbox(
        "Joined by",
        joins,
        index=joins.index(fitting),
        format_func=str,
        key=f"{key} join of {mapping.question}",
    )


def _gold(
    place: DeltaGenerator, rows: Rows, mapping: ColumnMapping, guessed: ColumnMapping, key: str
) -> Gold:
    fitting = guessed.gold
    if (mapping.answer, mapping.choices) != (guessed.answer, guessed.choices):
        fitting = _or(Gold.AS_WRITTEN, lambda: with_guessed_gold(rows, mapping).gold)
    golds = [gold for gold in Gold if mapping.choices or gold not in CHOICE_GOLDS]
    return place.selectbox(
        "The correct answer is",
        golds,
        index=golds.index(fitting),
        format_func=str,
        key=f"{key} gold of {mapping.answer} in {mapping.choices}",
    )


def _labels(rows: Rows, paths: tuple[str, ...]) -> Callable[[str | None], str]:
    """Labels of columns: the name with its value in the first row; a typed path as it is."""
    first = rows.rows[0][1] if rows.rows else {}

    def label(name: str | None) -> str:
        if name is None:
            return "none"
        if name not in paths:
            return name
        value = value_at(first, steps(name, rows.columns))
        example = short(" ".join(shown(value).split()), 30)
        return f"{short(name, 60)} · {example}" if example else short(name, 60)

    return label


def _with(paths: tuple[str, ...], chosen: tuple[str, ...]) -> list[str]:
    """The offered paths, and the chosen ones that are not among them."""
    return [*paths, *(path for path in chosen if path not in paths)]


def _or(default: T, find: Callable[[], T]) -> T:
    """What `find` returns; the default where a typed path is wrong, which the table reports."""
    try:
        return find()
    except ExplorerError:
        return default


def _show(found: ProblemTable) -> None:
    """Show the first problems, the rows that are left out, and warnings."""
    for warning in found.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    for note in found.notes:
        st.caption(plain(note))
    for problem in found.problems[:_PREVIEWED]:
        answer = "none" if problem.answer is None else plain(short(problem.answer, 60))
        gold = f":gray-badge[Correct answer: {answer}]"
        question = short(problem.question, _PREVIEWED_CHARS)
        with st.container(border=True):
            st.markdown(f"{plain_lines(question)}{before_gold(question)}{gold}")
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
