"""Notes and warnings about a table: changes to its texts, and doubts about its mapping."""

from __future__ import annotations

import re
from dataclasses import replace

from core.problems.column_names import NAMES, plain_name
from core.problems.columns import bodies, guess_choices, sample
from core.problems.gold_guess import doubtful_gold, share_of_choices
from core.problems.messages import is_chat
from core.problems.paths import steps
from core.problems.row_reader import RowReader, Seen
from core.problems.table import CHOICE_GOLDS, ColumnMapping, Gold, Rows
from core.records import Problem

_BESIDE = ("image", "images", "picture", "figure", "diagram", "table", "numbers")
"""Names of columns that a question refers to; MWPToolkit stores a question's numbers separately."""

_BLANKS = re.compile(r"\bN_\d{2}\b|\bnumber\d\b|<image>")
_LOOKED_AT = 100  # problems
_MOST = 0.5


def notes(rows: Rows, mapping: ColumnMapping, reader: RowReader) -> tuple[str, ...]:
    """Notes on what was left out or changed, one sentence each."""
    seen = reader.seen
    found: list[str] = []
    chats = [
        column
        for column in rows.columns
        if column not in _used(rows, mapping) and any(map(is_chat, sample(rows, column)))
    ]
    nested = [name for name in mapping.question if name not in rows.columns]
    if chats and nested:
        found.append(
            f"The bare question in {nested[0]} is asked, not the messages in {chats[0]}, which may "
            "carry instructions: the explorer adds its own prompt style."
        )
    if seen[Seen.INSTRUCTION]:
        found.append(
            f"{_prompts(seen[Seen.INSTRUCTION])} lost a known instruction on how to answer: the "
            f"explorer adds its own prompt style. Name the message's text to keep it, as in "
            f"{mapping.question[-1]}[-1].content."
        )
    if seen[Seen.SYSTEM]:
        found.append(
            f"{_prompts(seen[Seen.SYSTEM])} lost a system message: the question is what the user "
            "asks."
        )
    if seen[Seen.NO_ANSWER]:
        count = seen[Seen.NO_ANSWER]
        found.append(
            f'{count:,} answer{"s" * (count != 1)} of "proof" or "notfound" count as no gold '
            "answer."
        )
    if seen[Seen.SHUFFLED]:
        found.append(
            f"The choices are shuffled by a hash of question and choice: {mapping.answer} would "
            "always be one letter. The same file gives the same order."
        )
    return tuple(found)


def warnings(
    rows: Rows, mapping: ColumnMapping, reader: RowReader, problems: list[Problem]
) -> tuple[str, ...]:
    """Warnings to check before results on these problems can be trusted, one sentence each."""
    found = [
        f"The column {column!r} is not used, but looks like a part of the question."
        for column in _unused_parts(rows, mapping)
    ]
    if not mapping.choices:
        unused = _unused_choices(rows, mapping)
        if unused:
            names = ", ".join(unused)
            found.append(f"The choices in {names} are not used: questions may need them.")
    elif mapping.gold not in CHOICE_GOLDS and mapping.answer not in (None, *mapping.choices):
        found.append(f"The correct answer is read {mapping.gold}, and names none of the choices.")
    other = doubtful_gold(rows, mapping)
    if other is not None:
        found.append(
            f"The correct answer is read as {mapping.gold}; read as {other} it fits equally well, "
            "but gives other letters."
        )
    count = reader.seen[Seen.EARLIER]
    if count:
        found.append(
            f"{_prompts(count)} lost earlier turns: only the last message of the user is asked."
        )
    for column, empty in reader.empty_parts.items():
        if empty <= _MOST * len(problems):
            found.append(f"{empty:,} of {len(problems):,} questions have nothing in {column!r}.")
    looked_at = problems[:_LOOKED_AT]
    blanks = sum(bool(_BLANKS.search(problem.question)) for problem in looked_at)
    if blanks > _MOST * len(looked_at):
        found.append(
            "Most questions have blanks (such as N_00, number0 or <image>) where their numbers or "
            "pictures should be."
        )
    return tuple(found)


def _unused_parts(rows: Rows, mapping: ColumnMapping) -> list[str]:
    used = _used(rows, mapping)
    beside = [
        column
        for column in rows.columns
        if plain_name(column) in _BESIDE and _is_filled(rows, column)
    ]
    parts = [*bodies(rows, mapping.question), *beside]
    return [column for column in parts if column not in used]


def _unused_choices(rows: Rows, mapping: ColumnMapping) -> list[str]:
    choices, _ = guess_choices(rows)
    if len(choices) > 1 and all(len(column) == 1 for column in choices):  # a, b, c may be anything
        lettered = replace(mapping, choices=choices, gold=Gold.CHOICE_LABEL)
        choices = choices if share_of_choices(rows, lettered) > _MOST else ()
    named = [column for column in rows.columns if plain_name(column) in NAMES["choices"]]
    choices = choices or tuple(column for column in named if _is_filled(rows, column))
    used = _used(rows, mapping)
    return [] if any(steps(name, rows.columns)[0] in used for name in choices) else list(choices)


def _is_filled(rows: Rows, column: str) -> bool:
    return any(cell not in (None, "", []) for cell in sample(rows, column))


def _used(rows: Rows, mapping: ColumnMapping) -> set[str]:
    """The columns used by the mapping's names and paths."""
    names = (name for names in mapping.columns().values() for name in names)
    return {str(steps(name, rows.columns)[0]) for name in names}


def _prompts(count: int) -> str:
    return f"{count:,} prompt{'s' * (count != 1)}"
