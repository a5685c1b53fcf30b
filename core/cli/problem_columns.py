"""The columns that a person names: `--columns`, `--question`, `--answer`, `--choices`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from core.errors import ProblemError

if TYPE_CHECKING:
    from core.problems.table import ColumnMapping, Gold, Join, Rows

GOLDS = ("written", "hashes", "box", "list", "unit", "label", "from0", "from1", "text")
"""Names of the members of `Gold`, in their order."""

JOINS = ("space", "line", "blank")
"""Names of the members of `Join`, in their order."""


def given_columns(
    rows: Rows,
    columns: str | None,
    question: Sequence[str] | None,
    answer: str | None,
    choices: Sequence[str] | None,
) -> ColumnMapping | None:
    """The guessed columns, changed by the given ones; None where none is given.

    `columns` is "ROLE=COLUMN,..."; several columns of the question or the choices stand with +
    between them. The other arguments take names literally.

    Raises:
        ProblemError: a role or a reading that doesn't exist, or a role given twice.
    """
    from core.problems.table import COLUMN_ROLES, Gold, Join

    golds = dict(zip(GOLDS, Gold, strict=True))
    joins = dict(zip(JOINS, Join, strict=True))
    changes: dict[str, tuple[str, ...]] = {}
    gold: Gold | None = None
    join: Join | None = None
    for each in columns.split(",") if columns is not None else ():
        role, _, column = (part.strip() for part in each.partition("="))
        if role == "gold" and column in golds:
            gold = golds[column]
        elif role == "join" and column in joins:
            join = joins[column]
        elif role in COLUMN_ROLES or role == "context":
            _set(changes, role, _split(rows, role, column))
        else:
            raise ProblemError(
                f"--columns does not know {each.strip()!r}.",
                f"Write ROLE=COLUMN, a role being one of {', '.join(COLUMN_ROLES)}, or "
                f"gold={', gold='.join(golds)}, or join={', join='.join(joins)}.",
            )
    for role, names in (
        ("question", question),
        ("answer", (answer,) if answer is not None else None),
        ("choices", choices),
    ):
        if names:
            _set(changes, role, tuple(name for name in names if name))
    if not changes and gold is None and join is None:
        return None
    return _changed(rows, changes, gold, join)


def _changed(
    rows: Rows, changes: dict[str, tuple[str, ...]], gold: Gold | None, join: Join | None
) -> ColumnMapping:
    from core.problems.columns import fitting_join
    from core.problems.conversion import guess
    from core.problems.gold_guess import with_guessed_gold
    from core.problems.table import ColumnMapping, Join

    _, guessed = guess(rows)
    mapping = guessed or ColumnMapping(None)
    context = changes.pop("context", ())
    for role, names in changes.items():
        several = role in ("question", "choices")
        mapping = replace(mapping, **{role: names if several else next(iter(names), None)})  # type: ignore[arg-type]
    if context:  # the older spelling of a first part of the question
        question = tuple(name for name in mapping.question if name not in context)
        mapping = replace(mapping, question=(*context, *question), join=Join.BLANK_LINE)
    elif "question" in changes:
        mapping = replace(mapping, join=fitting_join(rows, mapping.question))
    if join is not None:
        mapping = replace(mapping, join=join)
    if gold is not None:
        return replace(mapping, gold=gold)
    return with_guessed_gold(rows, mapping) if {"answer", "choices"} & set(changes) else mapping


def _split(rows: Rows, role: str, given: str) -> tuple[str, ...]:
    """The names in a value; a + that belongs to a column's name is a part of it."""
    if not given:
        return ()
    if given in rows.columns or role not in ("question", "choices"):
        return (given,)
    return tuple(part.strip() for part in given.split("+") if part.strip())


def _set(changes: dict[str, tuple[str, ...]], role: str, names: tuple[str, ...]) -> None:
    if role in changes:
        raise ProblemError(
            f"The columns for the {role} are given twice.",
            f"Give them once, as in --columns {role}=..., or with an option of its own.",
        )
    changes[role] = names
