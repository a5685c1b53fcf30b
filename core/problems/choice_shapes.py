"""Published shapes of multiple-choice questions: AQuA-RAT, MMLU, ARC, GPQA."""

from __future__ import annotations

from core.problems.columns import by_plain_name, sample
from core.problems.table import ColumnMapping, Gold, Rows


def aqua(rows: Rows) -> ColumnMapping | None:
    """Options such as "A)21", and the letter of the correct one."""
    if not {"question", "options", "correct", "rationale"} <= set(rows.columns):
        return None
    names = by_plain_name(rows.columns)
    return ColumnMapping(
        "question",
        "correct",
        id=names.get("id"),
        choices="options",
        gold=Gold.CHOICE_LABEL,
    )


def mmlu(rows: Rows) -> ColumnMapping | None:
    """A list of choices, and the index of the correct one from 0 (in some copies its letter)."""
    if not {"question", "choices", "answer", "subject"} <= set(rows.columns):
        return None
    answers = [str(cell).strip() for cell in sample(rows, "answer") if cell is not None]
    numbers = all(answer in ("0", "1", "2", "3") for answer in answers)
    letters = all(answer in ("A", "B", "C", "D") for answer in answers)
    if not numbers and not letters:
        return None
    return ColumnMapping(
        "question",
        "answer",
        family="subject",
        choices="choices",
        gold=Gold.CHOICE_FROM_0 if numbers else Gold.CHOICE_LABEL,
    )


def arc(rows: Rows) -> ColumnMapping | None:
    """The choices beside the question, or both nested in it, as AI2 publishes them."""
    columns = set(rows.columns)
    if "answerKey" not in columns or "question" not in columns:
        return None
    inside = any(isinstance(cell, dict) and "stem" in cell for cell in sample(rows, "question"))
    if not inside and "choices" not in columns:
        return None
    return ColumnMapping(
        "question.stem" if inside else "question",
        "answerKey",
        id="id" if "id" in columns else None,
        choices="question.choices" if inside else "choices",
        gold=Gold.CHOICE_LABEL,
    )


def gpqa(rows: Rows) -> ColumnMapping | None:
    """The correct answer and three incorrect ones in separate columns."""
    names = by_plain_name(rows.columns)
    wrong = [names.get(f"incorrectanswer{n}") for n in (1, 2, 3)]
    right = names.get("correctanswer")
    if "question" not in names or right is None or None in wrong:
        return None
    return ColumnMapping(
        names["question"],
        right,
        id=names.get("recordid") or names.get("id"),
        family=names.get("subdomain") or names.get("highleveldomain"),
        choices=[right, *(column for column in wrong if column is not None)],
        gold=Gold.CHOICE_TEXT,
    )
