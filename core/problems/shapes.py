"""The shapes of published problem sets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.problems import choice_shapes, training_shapes, word_problem_shapes
from core.problems.columns import by_plain_name, holds_texts, sample
from core.problems.gold_guess import with_guessed_gold
from core.problems.table import ColumnMapping, Gold, Join, Rows

OWN = "own"
"""The form written by the explorer itself, which needs no guessing."""

_OWN_COLUMNS = ("id", "question", "answer", "source", "family")


@dataclass(frozen=True)
class Shape:
    """A published shape: its name, and a function that recognises it and maps its columns."""

    name: str
    about: str
    mapping: Callable[[Rows], ColumnMapping | None]  # None: not this shape


def recognised(rows: Rows) -> tuple[str, ColumnMapping] | None:
    """The name and mapping of the rows' shape; None if unknown."""
    for shape in SHAPES:
        mapping = shape.mapping(rows)
        if mapping is not None:
            return shape.name, mapping
    return None


def described(name: str) -> str:
    """A known shape in words, to follow "problems in"."""
    about = next(shape.about for shape in SHAPES if shape.name == name)
    return f"the explorer's own form: {about}" if name == OWN else f"the form of {name}: {about}"


def _own(rows: Rows) -> ColumnMapping | None:
    columns = set(rows.columns)
    question = "question" if "question" in columns else "problem"
    if question not in columns or not columns <= {*_OWN_COLUMNS, question}:
        return None
    if not all(holds_texts(rows, column) for column in rows.columns):
        return None
    others: dict[str, Any] = {name: name for name in columns if name != question}
    mapping = ColumnMapping(question, **others)
    if {"source", "family"} <= columns:  # written by the explorer, whatever its answers look like
        return mapping
    return mapping if with_guessed_gold(rows, mapping) == mapping else None


def _gsm8k(rows: Rows) -> ColumnMapping | None:
    if not {"question", "answer"} <= set(rows.columns):
        return None
    mapping = with_guessed_gold(rows, ColumnMapping("question", "answer", id=_id(rows)))
    return mapping if mapping.gold is Gold.AFTER_HASHES else None


def _reference_records(rows: Rows) -> ColumnMapping | None:
    if not {"problem_text", "ground_truth"} <= set(rows.columns):
        return None
    return ColumnMapping(
        "problem_text",
        "ground_truth",
        id=_one_of(rows, "problem_id"),
        family=_one_of(rows, "category", "subject"),
    )


def _olympiad_bench(rows: Rows) -> ColumnMapping | None:
    columns = set(rows.columns)
    if (
        not {"question", "final_answer"} <= columns
        or not {
            "is_multiple_answer",
            "answer_type",
        }
        & columns
    ):
        return None
    return ColumnMapping(
        ("context", "question") if "context" in columns else "question",
        "final_answer",
        id=_id(rows),
        family=_one_of(rows, "subfield", "subject"),
        gold=Gold.LIST,
        join=Join.BLANK_LINE,
    )


def _math500(rows: Rows) -> ColumnMapping | None:
    if not {"problem", "solution", "answer", "subject", "level"} <= set(rows.columns):
        return None
    return ColumnMapping("problem", "answer", id=_one_of(rows, "unique_id", "id"), family="subject")


def _math(rows: Rows) -> ColumnMapping | None:
    columns = set(rows.columns)
    if not {"problem", "solution", "level", "type"} <= columns or "answer" in columns:
        return None
    return ColumnMapping("problem", "solution", id=_id(rows), family="type", gold=Gold.LAST_BOX)


def _minerva(rows: Rows) -> ColumnMapping | None:
    columns = set(rows.columns)
    named = "minerva" in rows.name.casefold()
    published = {"problem", "solution", "type", "idx"} <= columns and "level" not in columns
    return _competition(rows) if named or published else None


_AIME = re.compile(r"_AIME(?:_I{1,2})?_Problems|\d{4}-I{0,2}-?\d{1,2}")


def _aime(rows: Rows) -> ColumnMapping | None:
    names = by_plain_name(rows.columns)
    if "aime" in rows.name.casefold() or {"year", "problemnumber", "question"} <= set(names):
        return _competition(rows)
    return _competition(rows) if _mentions(rows, _AIME) else None


_AMC = re.compile(r"_AMC_\d+[AB]?(?:_[A-Za-z]+)?_Problems")


def _amc(rows: Rows) -> ColumnMapping | None:
    named = re.search(r"(?<![a-z])amc", rows.name.casefold())
    return _competition(rows) if named or _mentions(rows, _AMC) else None


def _competition(rows: Rows) -> ColumnMapping | None:
    """A question, and an answer or a solution with a boxed answer; column names in any case."""
    names = by_plain_name(rows.columns)
    question = names.get("question") or names.get("problem")
    answer = names.get("answer") or names.get("solution")
    if question is None or answer is None:
        return None
    mapping = ColumnMapping(
        question, answer, id=_id(rows), family=names.get("type") or names.get("year")
    )
    return with_guessed_gold(rows, mapping)


def _mentions(rows: Rows, pattern: re.Pattern[str]) -> bool:
    """Whether the URLs or ids of the rows name the competition."""
    names = by_plain_name(rows.columns)
    for column in ("url", "id"):
        cells = [str(cell) for cell in sample(rows, names[column])] if column in names else []
        if cells and all(map(pattern.search if column == "url" else pattern.fullmatch, cells)):
            return True
    return False


def _id(rows: Rows) -> str | None:
    names = by_plain_name(rows.columns)
    return names.get("id") or names.get("idx")


def _one_of(rows: Rows, *columns: str) -> str | None:
    return next((column for column in columns if column in rows.columns), None)


SHAPES: tuple[Shape, ...] = (
    Shape(OWN, "question, answer, id, source and family as the explorer writes them", _own),
    Shape("GSM8K", "the gold answer follows #### in the solution", _gsm8k),
    Shape("reference code records", "problem_text and ground_truth", _reference_records),
    Shape("OlympiadBench", "one or more final answers in a list", _olympiad_bench),
    Shape("SVAMP", "the question is a Body and a Question", word_problem_shapes.svamp),
    Shape("ASDiv", "a body and a question, the answer before its unit", word_problem_shapes.asdiv),
    Shape("MAWPS", "sQuestion and the list lSolutions", word_problem_shapes.mawps),
    Shape("AQuA-RAT", "options, and the letter of the correct one", choice_shapes.aqua),
    Shape("MMLU", "choices, and the number of the correct one from 0", choice_shapes.mmlu),
    Shape("ARC", "choices with labels, and the label of the correct one", choice_shapes.arc),
    Shape("GPQA", "a correct and three incorrect answers, shuffled", choice_shapes.gpqa),
    Shape("OpenR1-Math", "an answer beside generations", training_shapes.openr1),
    Shape("Big-Math", "an answer beside a solve rate", training_shapes.big_math),
    Shape("NuminaMath", "an answer, or the last \\boxed{} of the solution", training_shapes.numina),
    Shape(
        "DAPO-Math",
        "the prompt without its instruction, the gold in reward_model.ground_truth",
        training_shapes.dapo,
    ),
    Shape(
        "verl",
        "the question of extra_info or the prompt, the gold in reward_model.ground_truth",
        training_shapes.verl,
    ),
    Shape(
        "chat messages",
        "the user's last message asks, the assistant's answers",
        training_shapes.chat,
    ),
    Shape("MATH-500", "a LaTeX answer beside the solution", _math500),
    Shape("MATH", "the gold answer is in the last \\boxed{} of the solution", _math),
    Shape("Minerva Math", "the gold answer is in the last \\boxed{}, or alone", _minerva),
    Shape("AIME", "whole numbers from 0 to 999", _aime),
    Shape("AMC", "a number, or the letter of a choice", _amc),
    Shape("DeepScaleR", "problem, answer and solution", training_shapes.deepscaler),
)
"""Most telling first."""
