"""Rows of JSON lines and JSON documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from core.errors import ProblemError
from core.problems.cells import JsonNumber, NotANumber, is_proper_text
from core.problems.containers import columns_of, records_of
from core.problems.table import MAX_ROWS, RowRefusal, Rows, decoded, number_of_rows_error

REMEDY = 'Write one JSON object a line: {"question": "...", "answer": "..."}.'
_DECODER = json.JSONDecoder(parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=NotANumber)


class _RowError(ValueError):
    """A line can't be read; the message says why."""


def json_rows(data: bytes, name: str, lines: bool) -> Rows:
    """The rows of a JSON file. `lines`: its name suggests JSON lines; the content decides.

    A document may be a list of records, an object with such a list under one key, an object whose
    values are all records (its keys become the column "key"), or a single record.

    Raises:
        ProblemError: invalid JSON, no records, or too many rows or values.
    """
    text = decoded(data, name)
    try:
        document = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        if not lines and error.msg != "Extra data":  # a complete first value: JSON lines
            raise ProblemError(
                f"{name}, line {error.lineno}: the JSON is broken at column {error.colno} "
                f"({error.msg}).",
                "Correct it there, or write a list of records.",
            ) from error
    except (ValueError, RecursionError) as error:
        if not lines:
            raise ProblemError(
                f"{name}: the JSON can't be read ({_reason(error)}).", "Write a list of records."
            ) from error
    else:
        found = records_of(document, name)
        if found is not None and not (lines and isinstance(document, dict) and found == [document]):
            return _rows_of_records(found, name)
    return _rows_of_lines(text, name)


def _rows_of_lines(text: str, name: str) -> Rows:
    rows: list[tuple[int, dict[str, Any]]] = []
    refused: list[RowRefusal] = []
    # Not splitlines(), which also splits at characters that are allowed in JSON strings.
    for number, line in enumerate(_lines(text), start=1):
        if not line.strip():
            continue
        if len(rows) + len(refused) >= MAX_ROWS:
            raise number_of_rows_error(name)
        try:
            rows.append((number, _object(line)))
        except _RowError as error:
            refused.append(RowRefusal(number, str(error)))
    columns = columns_of(record for _, record in rows)
    return Rows(name, "JSON lines", "line", columns, tuple(rows), tuple(refused))


def _rows_of_records(records: list[Any], name: str) -> Rows:
    if len(records) > MAX_ROWS:
        raise number_of_rows_error(name)
    rows: list[tuple[int, dict[str, Any]]] = []
    refused: list[RowRefusal] = []
    for number, record in enumerate(records, start=1):
        if isinstance(record, dict):
            rows.append((number, record))
        else:
            refused.append(RowRefusal(number, "this is not a JSON object"))
    columns = columns_of(record for _, record in rows)
    return Rows(name, "JSON", "record", columns, tuple(rows), tuple(refused))


def _object(line: str) -> dict[str, Any]:
    if not is_proper_text(line):
        raise _RowError("this is not UTF-8 text")
    try:
        row = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise _RowError(f"the JSON is broken at column {error.colno} ({error.msg})") from error
    except (ValueError, RecursionError) as error:
        raise _RowError(f"the JSON can't be read ({_reason(error)})") from error
    if not isinstance(row, dict):
        raise _RowError("this is not a JSON object")
    return row


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _lines(text: str) -> Iterator[str]:
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]
