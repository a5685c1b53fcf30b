"""Published shapes of word problems: SVAMP, ASDiv, MAWPS."""

from __future__ import annotations

from core.problems.columns import by_plain_name
from core.problems.gold_guess import with_guessed_gold
from core.problems.table import ColumnMapping, Gold, Join, Rows


def svamp(rows: Rows) -> ColumnMapping | None:
    """Body and Question; the answer a number, the Type an operation."""
    return _body_and_question(rows, "equation", "type", Gold.AS_WRITTEN)


def asdiv(rows: Rows) -> ColumnMapping | None:
    """Body and question; the answer with its unit, as in "9 (apples)"."""
    return _body_and_question(rows, "formula", "solutiontype", Gold.WITHOUT_UNIT)


def mawps(rows: Rows) -> ColumnMapping | None:
    """sQuestion and a list of solutions, or a single one in flattened files."""
    names = by_plain_name(rows.columns)
    if not {"squestion", "lsolutions"} <= set(names):
        return None
    mapping = ColumnMapping(names["squestion"], names["lsolutions"], id=names.get("iindex"))
    return with_guessed_gold(rows, mapping)


def _body_and_question(
    rows: Rows, calculation: str, family: str, gold: Gold
) -> ColumnMapping | None:
    """Body, question and answer, beside a column of calculations whose name identifies the set."""
    names = by_plain_name(rows.columns)
    if not {"body", "question", "answer", calculation} <= set(names):
        return None
    return ColumnMapping(
        (names["body"], names["question"]),
        names["answer"],
        id=names.get("id"),
        family=names.get(family),
        gold=gold,
        join=Join.SPACE,
    )
