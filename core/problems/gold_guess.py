"""Guess how gold answers are written in their cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

from core.problems.cells import WITH_UNIT, CellError, is_number, is_written_list
from core.problems.choices import Choice, choices_of, letter_of
from core.problems.messages import is_chat, last_message
from core.problems.paths import steps, value_at
from core.problems.table import CHOICE_GOLDS, ColumnMapping, Gold, Rows

_SAMPLE = 100  # rows examined
_MOST = 0.5  # share of them


def with_guessed_gold(rows: Rows, mapping: ColumnMapping) -> ColumnMapping:
    """The mapping with the reading of gold answers that fits most of them."""
    if mapping.answer is None:
        return replace(mapping, gold=Gold.AS_WRITTEN)
    if mapping.choices:
        return replace(mapping, gold=_choice_gold(rows, mapping)[0])
    path = steps(mapping.answer, rows.columns)
    values = (value_at(row, path) for _, row in islice(rows.rows, _SAMPLE))
    cells = [cell for cell in map(answer_cell, values) if cell is not None]
    for gold, is_so in _KINDS:
        if cells and sum(map(is_so, cells)) > _MOST * len(cells):
            return replace(mapping, gold=gold)
    return replace(mapping, gold=Gold.AS_WRITTEN)


def doubtful_gold(rows: Rows, mapping: ColumnMapping) -> Gold | None:
    """Another reading of gold choices that fits the first rows equally well but gives other
    letters; None if unambiguous."""
    if not mapping.choices or mapping.answer is None or mapping.answer in mapping.choices:
        return None
    if mapping.gold is Gold.CHOICE_LABEL:  # written in the file itself
        return None
    _, letters = _choice_gold(rows, mapping)
    mine = letters.get(mapping.gold, [])
    for gold, others in letters.items():
        if mine and gold is not mapping.gold and None not in others and others != mine:
            return gold
    return None


def share_of_choices(rows: Rows, mapping: ColumnMapping) -> float:
    """The share of the first rows whose gold answer names a choice, read by the mapping."""
    if mapping.answer is None or mapping.answer in mapping.choices:
        return 1.0
    letters = _choice_gold(rows, mapping)[1].get(mapping.gold, [])
    return 1 - letters.count(None) / len(letters) if letters else 0.0


def answer_cell(value: Any) -> Any:
    """The value that holds the gold answer: for chat messages, the assistant's last text."""
    if not is_chat(value):
        return value
    try:
        return last_message(value, "assistant")
    except CellError:
        return None


def _choice_gold(rows: Rows, mapping: ColumnMapping) -> tuple[Gold, dict[Gold, list[str | None]]]:
    """The reading that fits most rows, and every reading's letters for the sampled rows with
    choices and a gold answer (None: it doesn't fit)."""
    paths = [(name, steps(name, rows.columns)) for name in mapping.choices]
    answer = steps(mapping.answer or "", rows.columns)
    if mapping.answer in mapping.choices:
        return Gold.CHOICE_TEXT, {}
    read: list[tuple[list[Choice], Any]] = []
    for _, row in islice(rows.rows, _SAMPLE):
        value = value_at(row, answer)
        try:
            choices = choices_of([(name, value_at(row, path)) for name, path in paths])
        except CellError:
            continue
        if value is not None:
            read.append((choices, value))
    if not read:
        return Gold.CHOICE_LABEL, {}
    letters = {
        gold: [_letter(choices, value, gold) for choices, value in read] for gold in _in_order(read)
    }
    best = max(letters, key=lambda gold: len(letters[gold]) - letters[gold].count(None))
    if letters[best].count(None) == len(read):
        return Gold.AS_WRITTEN, letters
    return best, letters


def _in_order(read: list[tuple[list[Choice], Any]]) -> tuple[Gold, ...]:
    """Readings, most likely first: a number beside choices that are texts is an index."""
    numbers = all(is_number(value) for _, value in read)
    texts = not all(each.number for choices, _ in read for each in choices)
    label, from_0, from_1, text = CHOICE_GOLDS
    return (label, from_0, from_1, text) if numbers and texts else (label, text, from_0, from_1)


def _letter(choices: list[Choice], value: Any, gold: Gold) -> str | None:
    try:
        return letter_of(choices, value, gold)
    except CellError:
        return None


_KINDS: tuple[tuple[Gold, Callable[[Any], bool]], ...] = (
    (Gold.LIST, lambda cell: isinstance(cell, list) or is_written_list(cell)),
    (Gold.AFTER_HASHES, lambda cell: isinstance(cell, str) and "####" in cell),
    (Gold.LAST_BOX, lambda cell: isinstance(cell, str) and "\\boxed" in cell),
    (
        Gold.WITHOUT_UNIT,
        lambda cell: isinstance(cell, str) and WITH_UNIT.fullmatch(cell.strip()) is not None,
    ),
)
