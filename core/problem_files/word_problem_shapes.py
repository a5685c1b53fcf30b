"""Published shapes of word problems: SVAMP, ASDiv, MAWPS."""

from __future__ import annotations

from core.problem_files.columns import by_plain_name
from core.problem_files.gold_guess import with_guessed_gold
from core.problem_files.table import ColumnMapping, Gold, Join, Rows


def svamp(rows: Rows) -> ColumnMapping | None:
    """Body and Question; the answer a number, the Type an operation."""
    names = by_plain_name(rows.columns)
    if not {"body", "question", "answer", "equation"} <= set(names):
        return None
    return ColumnMapping(
        (names["body"], names["question"]),
        names["answer"],
        id=names.get("id"),
        family=names.get("type"),
        join=Join.SPACE,
    )


def asdiv(rows: Rows) -> ColumnMapping | None:
    """Body and question; the answer with its unit, as in "9 (apples)"."""
    names = by_plain_name(rows.columns)
    if not {"body", "question", "answer", "formula"} <= set(names):
        return None
    return ColumnMapping(
        (names["body"], names["question"]),
        names["answer"],
        id=names.get("id"),
        family=names.get("solutiontype"),
        gold=Gold.WITHOUT_UNIT,
        join=Join.SPACE,
    )


def mawps(rows: Rows) -> ColumnMapping | None:
    """sQuestion and a list of solutions; a text of one where the file was flattened."""
    names = by_plain_name(rows.columns)
    if not {"squestion", "lsolutions"} <= set(names):
        return None
    mapping = ColumnMapping(names["squestion"], names["lsolutions"], id=names.get("iindex"))
    return with_guessed_gold(rows, mapping)
