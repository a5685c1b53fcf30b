"""Published shapes of training sets: NuminaMath, OpenR1-Math, DAPO-Math, DeepScaleR, Big-Math,
verl's Parquet files, and plain chat messages."""

from __future__ import annotations

from core.problems.columns import by_plain_name, sample, serves_as_id
from core.problems.gold_guess import with_guessed_gold
from core.problems.messages import is_chat, last_message, roles_of
from core.problems.table import ColumnMapping, Gold, Rows

_CHATS = ("messages", "conversations", "conversation", "dialogue")
_DAPO = "Solve the following math problem step by step. The last line of your response"
_BARE = ("extra_info.question", "extra_info.raw_problem")


def openr1(rows: Rows) -> ColumnMapping | None:
    """Problem and answer beside generations of a teacher."""
    columns = set(rows.columns)
    if not {"problem", "answer", "solution", "generations"} <= columns:
        return None
    return _problem_and_answer(rows, "problem_type")


def numina(rows: Rows) -> ColumnMapping | None:
    """Version 1.5 has an answer; in earlier ones it is in the last box of the solution."""
    columns = set(rows.columns)
    if not {"problem", "solution", "source"} <= columns:
        return None
    if {"answer", "problem_type", "question_type"} <= columns:
        return _problem_and_answer(rows, "problem_type")
    if "messages" not in columns or "answer" in columns:
        return None
    return ColumnMapping("problem", "solution", source="source", gold=Gold.LAST_BOX)


def big_math(rows: Rows) -> ColumnMapping | None:
    """Problem and answer with their source, domain and the solve rate of an 8B Llama."""
    if not {"problem", "answer", "source", "llama8b_solve_rate"} <= set(rows.columns):
        return None
    return _problem_and_answer(rows, "domain")


def deepscaler(rows: Rows) -> ColumnMapping | None:
    """Problem, answer and solution, and nothing else."""
    if set(rows.columns) != {"problem", "answer", "solution"}:
        return None
    return ColumnMapping("problem", "answer")


def dapo(rows: Rows) -> ColumnMapping | None:
    """verl's form, whose prompts carry DAPO's instruction."""
    mapping = verl(rows)
    if mapping is None or mapping.question != ("prompt",):
        return None
    prompts = [last_message(cell, "user") for cell in sample(rows, "prompt") if is_chat(cell)]
    return mapping if all(str(prompt).startswith(_DAPO) for prompt in prompts) else None


def verl(rows: Rows) -> ColumnMapping | None:
    """A prompt of messages (or the bare question in extra_info), and the gold answer in
    reward_model.ground_truth."""
    if not {"prompt", "reward_model"} <= set(rows.columns):
        return None
    if not any("user" in roles_of(cell) for cell in sample(rows, "prompt")):
        return None
    if not any(sample(rows, "reward_model.ground_truth")):
        return None
    bare = (name for name in _BARE if _all_texts(rows, name))
    index = "extra_info.index"
    has_ids = any(cell is not None for cell in sample(rows, index)) and serves_as_id(rows, index)
    mapping = ColumnMapping(
        next(bare, "prompt"),
        "reward_model.ground_truth",
        id=index if has_ids else None,
        source="data_source" if "data_source" in rows.columns else None,
        family="ability" if "ability" in rows.columns else None,
    )
    return with_guessed_gold(rows, mapping)


def chat(rows: Rows) -> ColumnMapping | None:
    """Only messages: the user's last one is the question, the assistant's last one the answer."""
    names = by_plain_name(rows.columns)
    column = next((names[name] for name in _CHATS if name in names), None)
    if column is None or {"question", "problem", "prompt", "query"} & set(names):
        return None
    cells = [cell for cell in sample(rows, column) if is_chat(cell)]
    if not any("user" in roles_of(cell) for cell in cells):
        return None
    if any(
        name in names for name in ("answer", "gold", "groundtruth", "finalanswer", "rewardmodel")
    ):
        return None
    answered = any("assistant" in roles_of(cell) for cell in cells)
    mapping = ColumnMapping(column, column if answered else None, id=names.get("id"))
    return with_guessed_gold(rows, mapping)


def _problem_and_answer(rows: Rows, family: str) -> ColumnMapping:
    columns = set(rows.columns)
    return ColumnMapping(
        "problem",
        "answer",
        id="uuid" if "uuid" in columns and serves_as_id(rows, "uuid") else None,
        source="source" if "source" in columns else None,
        family=family if family in columns else None,
    )


def _all_texts(rows: Rows, name: str) -> bool:
    cells = sample(rows, name)
    return bool(cells) and all(isinstance(cell, str) and cell.strip() for cell in cells)
