"""Guess the columns of question, choices and answer from their names and contents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from core.problems.cells import is_number
from core.problems.choices import looks_like_choices
from core.problems.column_names import NAMES, plain_name
from core.problems.gold_guess import share_of_choices, with_guessed_gold
from core.problems.messages import is_chat, roles_of
from core.problems.paths import offered, steps, value_at
from core.problems.table import ColumnMapping, Gold, Join, Rows

_WRONG = ("incorrectanswer", "distractor", "wronganswer")
_SAMPLE = 100  # rows examined
_MOST = 0.5  # share of them
_LONG = 600  # characters from which a part of a question is set apart


def guess_columns(rows: Rows) -> ColumnMapping | None:
    """The most likely mapping by names and contents; None if no column looks like a question."""
    question = _question(rows)
    if question is None:
        return None
    parts = (*bodies(rows, (question,)), question)
    choices, answer = guess_choices(rows)
    mapping = _with_others(
        rows, parts, choices, answer or _answer(rows, question, {*parts, *choices})
    )
    share = share_of_choices(rows, mapping)
    letters = all(len(column) == 1 for column in choices) and mapping.gold is not Gold.CHOICE_LABEL
    if len(choices) > 1 and share < (1 if letters else _MOST):  # a, b, c may be anything
        mapping = _with_others(rows, parts, (), _answer(rows, question, set(parts)))
    return mapping


def _with_others(
    rows: Rows, parts: tuple[str, ...], choices: tuple[str, ...], answer: str | None
) -> ColumnMapping:
    taken = {*parts, *choices, answer}
    others: dict[str, Any] = {}
    for role in ("id", "family", "source"):
        column = _first(rows, NAMES[role], taken | set(others.values()))
        if column is not None and (role != "id" or serves_as_id(rows, column)):
            others[role] = column
    joint = fitting_join(rows, parts)
    mapping = ColumnMapping(parts, answer, choices=choices, join=joint)
    return with_guessed_gold(rows, replace(mapping, **others))


def by_plain_name(columns: Iterable[str]) -> dict[str, str]:
    """Columns by their plain names; of several with the same plain name, the first."""
    names: dict[str, str] = {}
    for column in columns:
        names.setdefault(plain_name(column), column)
    return names


def sample(rows: Rows, name: str) -> list[Any]:
    """The values of a column or path in the first rows."""
    path = steps(name, rows.columns)
    return [value_at(row, path) for _, row in islice(rows.rows, _SAMPLE)]


def bodies(rows: Rows, question: tuple[str, ...]) -> list[str]:
    """Columns that look like the text before the question: by name, and with text in some rows
    that the question doesn't repeat."""
    found: list[str] = []
    for column in rows.columns:
        if column in question or plain_name(column) not in NAMES["body"]:
            continue
        paths = [steps(name, rows.columns) for name in question]
        for _, row in rows.rows:
            text = row.get(column)
            asked = [value_at(row, path) for path in paths]
            if (
                isinstance(text, str)
                and text.strip()
                and not any(isinstance(each, str) and text.strip() in each for each in asked)
            ):
                found.append(column)
                break
    return found


def fitting_join(rows: Rows, parts: tuple[str, ...]) -> Join:
    """A space if all parts are short and on one line, else a blank line."""
    for name in parts[:-1]:
        for cell in sample(rows, name):
            if isinstance(cell, str) and ("\n" in cell.strip() or len(cell) > _LONG):
                return Join.BLANK_LINE
    return Join.SPACE


def guess_choices(rows: Rows) -> tuple[tuple[str, ...], str | None]:
    """The columns with choices, and the one with the correct choice if it is among them."""
    names = by_plain_name(rows.columns)
    wrong = [c for plain, c in names.items() if plain.startswith(_WRONG)]
    right = names.get("correctanswer")
    if right is not None and wrong:
        return (right, *wrong), right
    for paths in (rows.columns, _nested(rows)):
        for path in paths:
            if _last_name(path) in NAMES["choices"] and _mostly(rows, path, looks_like_choices):
                return (path,), None
    for series in _series():
        found = [names[name] for name in series if name in names]
        if len(found) >= (3 if len(series[0]) == 1 else 2) and [*map(plain_name, found)] == list(
            series[: len(found)]
        ):
            return tuple(found), None
    return (), None


def serves_as_id(rows: Rows, name: str) -> bool:
    """Whether a column can be the id: it is named id, or its values are unique."""
    if name.casefold() == "id":
        return True
    path = steps(name, rows.columns)
    cells = [value_at(row, path) for _, row in rows.rows]
    if any(isinstance(cell, list | dict) for cell in cells):
        return False
    return len(set(map(str, cells))) == len(cells)


def holds_texts(rows: Rows, name: str) -> bool:
    """Whether a column is mostly text or numbers, or empty."""
    return _mostly(rows, name, _is_scalar)


def _question(rows: Rows) -> str | None:
    found = _named(rows, NAMES["question"], _can_ask, NAMES["nested question"], set())
    strong = [name for name in NAMES["nested question"] if name in NAMES["certain question"]]
    found = found or _of_nested(rows, strong, _is_scalar)
    return found or _first(rows, NAMES["question"], set())


def _answer(rows: Rows, question: str, taken: set[str]) -> str | None:
    inner = NAMES["nested answer"]
    found = _named(rows, NAMES["answer"], _can_answer, inner, taken)
    if found is None:
        found = _of_nested(rows, inner[:-2], _can_answer)
        found = None if found in taken else found
    found = found or _named(rows, NAMES["long answer"], _can_answer, inner, taken)
    if found is not None:
        return found
    names = by_plain_name(rows.columns)
    chats = [question, *(names[name] for name in ("messages", "conversations") if name in names)]
    for chat in chats:
        if _mostly(rows, chat, lambda cell: "assistant" in roles_of(cell)):
            return chat
    return _first(rows, (*NAMES["answer"], *NAMES["long answer"]), {*taken})


def _named(
    rows: Rows,
    names: Sequence[str],
    is_so: Callable[[Any], bool],
    inner_names: Sequence[str],
    taken: set[str],
) -> str | None:
    """The first column with one of these names whose cells satisfy `is_so`, or that contains such
    a value."""
    columns = by_plain_name(rows.columns)
    for column in (columns[name] for name in names if name in columns):
        if column in taken:
            continue
        if _mostly(rows, column, is_so):
            return column
        inner = _inside(rows, column, inner_names, is_so)
        if inner is not None:
            return inner
    return None


def _nested(rows: Rows) -> tuple[str, ...]:
    return tuple(path for path in offered(rows) if path not in rows.columns)


def _inside(
    rows: Rows, column: str, names: Sequence[str], is_so: Callable[[Any], bool]
) -> str | None:
    """The path of a value with one of the names inside an object."""
    inner = [path for path in _nested(rows) if steps(path, rows.columns)[0] == column]
    return _best(rows, inner, names, is_so)


def _of_nested(rows: Rows, names: Sequence[str], is_so: Callable[[Any], bool]) -> str | None:
    objects = [path for path in _nested(rows) if not any(map(_is_index, steps(path, rows.columns)))]
    return _best(rows, objects, names, is_so)


def _best(
    rows: Rows, paths: list[str], names: Sequence[str], is_so: Callable[[Any], bool]
) -> str | None:
    by_name: dict[str, str] = {}
    for path in paths:
        by_name.setdefault(_last_name(path), path)
    found = (by_name[name] for name in names if name in by_name)
    return next((path for path in found if _mostly(rows, path, is_so)), None)


def _mostly(rows: Rows, name: str, is_so: Callable[[Any], bool]) -> bool:
    """Whether most values satisfy `is_so`; true for an empty column."""
    cells = [cell for cell in sample(rows, name) if cell is not None]
    return sum(map(is_so, cells)) > _MOST * len(cells) or not cells


def _can_ask(cell: Any) -> bool:
    return _is_scalar(cell) or "user" in roles_of(cell)


def _can_answer(cell: Any) -> bool:
    if isinstance(cell, list) and not is_chat(cell):
        return all(map(_is_scalar, cell))
    return _is_scalar(cell) or "assistant" in roles_of(cell)


def _is_scalar(cell: Any) -> bool:
    return isinstance(cell, str) or (is_number(cell) and not isinstance(cell, bool))


def _is_index(step: str | int) -> bool:
    return isinstance(step, int)


def _last_name(path: str) -> str:
    return plain_name(re.split(r"[.\[]", path)[-1])


def _series() -> Iterator[tuple[str, ...]]:
    """Series of names for columns with one choice each: a b c..., option1 option2..., opa opb..."""
    letters, digits = "abcdefghij", "123456789"
    for prefix in ("", "option", "choice", "op", "opt", "answeroption", "answer"):
        yield tuple(prefix + letter for letter in letters)
        if prefix not in ("", "answer"):
            yield tuple(prefix + digit for digit in digits)
            yield tuple(prefix + digit for digit in "0" + digits)


def _first(rows: Rows, names: Sequence[str], taken: set[str | None]) -> str | None:
    columns = by_plain_name(rows.columns)
    return next((columns[n] for n in names if n in columns and columns[n] not in taken), None)
