"""Find the records in a JSON document: the object itself, a list inside it, or records by key.

The interpretation that gives problems wins: an object with a question and an answer of its own is
one record, whatever lists it contains. Lists of chat messages or choices are never records.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.errors import ProblemError
from core.problems.cells import is_proper_text
from core.problems.choices import looks_like_choices
from core.problems.column_names import NAMES, plain_name
from core.problems.columns import guess_columns
from core.problems.messages import is_chat
from core.problems.table import MAX_COLUMNS, ColumnMapping, Rows

_KEY = "key"  # name of the column of keys, for records by key
_LOOKED_AT = 20  # records examined


def records_of(document: Any, name: str) -> list[Any] | None:
    """The records of a document; None if it has none.

    Raises:
        ProblemError: several lists of records.
    """
    if isinstance(document, list):
        return document
    if not isinstance(document, dict) or not document:
        return None
    lists = {key: value for key, value in document.items() if _may_be_records(value)}
    if lists:
        return _of_lists(document, lists, name)
    if _is_keyed(document):
        return [{_KEY: key, **value} for key, value in document.items()]
    return [document]


def columns_of(records: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Every key of the records that can be shown, in order of appearance."""
    columns: dict[str, None] = {}
    for record in records:
        for key in record:
            if len(columns) < MAX_COLUMNS and is_proper_text(key):
                columns[key] = None
    return tuple(columns)


def _of_lists(
    document: dict[str, Any], lists: dict[str, list[dict[str, Any]]], name: str
) -> list[Any]:
    rest = {key: value for key, value in document.items() if key not in lists}
    problems = {key: value for key, value in lists.items() if _is_set(key, value)}
    own = _guess([rest])
    if own is not None and (_is_strong(own) or own.answer is not None):
        certain = _is_strong(own) and own.answer is not None
        if certain or not problems:
            return [document]
    found = problems or lists
    if len(found) > 1:
        raise ProblemError(
            f"{name} holds several lists of records ({', '.join(list(found)[:5])}).",
            "Save the one you want in a separate file.",
        )
    (records,) = found.values()
    shared = {
        key: value
        for key, value in rest.items()
        if plain_name(key) in NAMES["body"] and isinstance(value, str)
    }  # such as a passage shared by all questions
    return [{**shared, **record} for record in records] if shared else records


def _may_be_records(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) for each in value)
        and not is_chat(value)
        and not looks_like_choices(value)
    )


def _is_set(key: str, records: list[dict[str, Any]]) -> bool:
    """Whether a list has a typical name of a set, and its records are questions with answers."""
    found = _guess(records)
    return (
        plain_name(key) in NAMES["container"]
        and found is not None
        and found.answer is not None
        and _is_strong(found)
    )


def _is_keyed(document: dict[str, Any]) -> bool:
    """Whether the values are objects of the same kind, none of them the question itself."""
    values = list(document.values())
    if not all(isinstance(value, dict) for value in values):
        return False
    if any(plain_name(key) in NAMES["certain question"] for key in document):
        return False
    shared = set(values[0])
    for value in values[1:_LOOKED_AT]:
        shared &= set(value)
    return bool(shared)


def _guess(records: list[dict[str, Any]]) -> ColumnMapping | None:
    some = records[:_LOOKED_AT]
    rows = Rows("", "", "", columns_of(some), tuple(enumerate(some, start=1)))
    return guess_columns(rows)


def _is_strong(mapping: ColumnMapping) -> bool:
    return plain_name(mapping.question[-1]) in NAMES["certain question"]
