"""The published forms of rollouts and evaluation logs: how each is recognised, and what its fields
mean. A form that isn't here is guessed (`guessing`), field by field.

Sources, read in November 2026: verl's `RayPPOTrainer._dump_generations`, TRL's `GRPOTrainer.log`
(completions_*.parquet), prime-rl's `trainer/rl/token_export.py` (schema 1), slime's
`utils/types.Sample.to_dict`, lm-evaluation-harness's `EvaluationTracker.save_results_samples`,
Inspect's `EvalSample` (log version 2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.imports.guessing import FieldRows, guess, is_ids, is_number
from core.imports.records import FieldMapping
from core.problems.messages import is_chat, roles_of

_OF_TRL = {"step", "prompt", "completion", "advantage", "advantages", "mode", "image", "images"}


@dataclass(frozen=True)
class Found:
    """A recognised form's mapping, and what to know of these rows, in sentences."""

    mapping: FieldMapping
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    once: str | None = None
    """A field whose first value is the only one kept: rows with another repeat the same answers."""


@dataclass(frozen=True)
class Shape:
    """A published form."""

    name: str
    about: str
    find: Callable[[set[str], FieldRows], Found | None]  # None: not this form


def recognised(columns: Sequence[str], rows: FieldRows) -> tuple[str, Found] | None:
    """The name and mapping of the rows' form; None if unknown."""
    for shape in SHAPES:
        found = shape.find(set(columns), rows)
        if found is not None:
            return shape.name, found
    return None


def described(name: str) -> str:
    """A known form in words, to follow "in the form of"."""
    return f"{name}: {next(shape.about for shape in SHAPES if shape.name == name)}"


def _own(columns: set[str], rows: FieldRows) -> Found | None:
    if not {"schema_version", "prompt_ids", "token_ids", "entropy_nats"} <= columns:
        return None
    is_chain = "problem" in columns
    return Found(
        FieldMapping(
            prompt="problem.question" if is_chain else None,
            reward="verdict" if "verdict" in columns else None,
            gold="problem.answer" if is_chain and _has(rows, "problem", "answer") else None,
            group="problem.id" if is_chain else None,
            stop="stop_reason" if "stop_reason" in columns else None,
            prompt_ids="prompt_ids",
            answer_ids="token_ids",
            tokens="tokens" if "tokens" in columns else None,
            entropy="entropy_nats",
            model="model" if _has(rows, "model") else None,
            temperature="sampler.temperature" if _has(rows, "sampler", "temperature") else None,
        ),
        notes=("The reward is the checker's verdict: 1 is correct.",) * ("verdict" in columns),
    )


def _prime_rl(columns: set[str], rows: FieldRows) -> Found | None:
    if not {"token_ids", "loss_mask", "trainer_logprobs"} <= columns:
        return None
    return Found(
        FieldMapping(
            reward="rewards" if "rewards" in columns else None,
            id="export_sequence_idx" if "export_sequence_idx" in columns else None,
            step="step" if "step" in columns else None,
            answer_ids="token_ids",
            mask="loss_mask",
            entropy="entropy" if "entropy" in columns else None,
        ),
        notes=("prime-rl takes entropies at the sampling temperature; ours are at temperature 1.",)
        * ("entropy" in columns),
    )


def _slime(columns: set[str], rows: FieldRows) -> Found | None:
    if not {"tokens", "response", "response_length"} <= columns:
        return None
    warnings: tuple[str, ...] = ()
    reward = "reward" if "reward" in columns else None
    kinds = _first(rows, "reward", dict)
    if kinds:
        names = [key for key, value in kinds.items() if is_number(value)]
        reward = f"reward.{names[0]}" if names else None
        warnings = _which("reward", [f"reward.{name}" for name in names])
    return Found(
        FieldMapping(
            prompt="prompt" if "prompt" in columns else None,
            answer="response",
            reward=reward,
            gold="label" if "label" in columns else None,
            group="group_index" if _has(rows, "group_index") else None,
            id="index" if _has(rows, "index") else None,
            stop="status" if "status" in columns else None,
            answer_ids="tokens",
            answer_length="response_length",
        ),
        warnings=warnings,
    )


def _harness(columns: set[str], rows: FieldRows) -> Found | None:
    if not {"doc_id", "resps", "arguments"} <= columns:
        return None
    first = next((row["arguments"] for row in rows if row.get("arguments")), None)
    prompt = "arguments.gen_args_0.arg_0" if isinstance(first, dict) else "arguments[0][0]"
    listed: list[Any] = next(
        (row["metrics"] for row in rows if isinstance(row.get("metrics"), list)), []
    )
    metrics = [
        name
        for name in (listed or ("exact_match", "acc"))
        if isinstance(name, str) and any(is_number(row.get(name)) for row in rows)
    ]
    return Found(
        FieldMapping(
            prompt=prompt,
            answer="resps",
            reward=metrics[0] if metrics else None,
            gold="target" if "target" in columns else None,
            group="doc_id",
        ),
        warnings=_which("reward", metrics),
        once="filter" if "filter" in columns else None,
    )


def _inspect(columns: set[str], rows: FieldRows) -> Found | None:
    if not {"input", "messages", "output"} <= columns or not _has(rows, "output", "choices"):
        return None
    scores: dict[str, Any] = next(
        (row["scores"] for row in rows if isinstance(row.get("scores"), dict)), {}
    )
    scorers = [f'scores["{name}"].value' if _odd(name) else f"scores.{name}.value"
               for name in scores]  # fmt: skip
    return Found(
        FieldMapping(
            prompt="messages",
            answer="output.choices[0].message.content",
            reward=scorers[0] if scorers else None,
            gold="target" if "target" in columns else None,
            group="id" if "id" in columns else None,
            stop="output.choices[0].stop_reason",
            model="output.model" if _has(rows, "output", "model") else None,
        ),
        notes=("Grades in letters are numbers: C is 1, P is 0.5, I and N are 0.",)
        * any(
            isinstance(score, dict) and isinstance(score.get("value"), str)
            for score in scores.values()
        ),
        warnings=_which("reward", scorers),
    )


def _verl(columns: set[str], rows: FieldRows) -> Found | None:
    if not {"input", "output", "score", "step"} <= columns:
        return None
    return Found(
        FieldMapping(
            prompt="input",
            answer="output",
            reward="score",
            gold="gts" if _has(rows, "gts") else None,
            step="step",
        ),
        notes=(
            "verl leaves special tokens out of its texts, so a prompt lacks the marks of its chat "
            "template.",
        ),
    )


def _verl_generation(columns: set[str], rows: FieldRows) -> Found | None:
    if not {"prompt", "responses", "reward_model"} <= columns:
        return None
    return Found(
        FieldMapping(
            prompt="prompt",
            answer="responses",
            gold="reward_model.ground_truth"
            if _has(rows, "reward_model", "ground_truth")
            else None,
        )
    )


def _trl(columns: set[str], rows: FieldRows) -> Found | None:
    if not {"step", "prompt", "completion"} <= columns:
        return None
    named = [column for row in rows[:1] for column in row if column in columns - _OF_TRL]
    rewards = [
        name for name in named if any(is_number(row.get(name)) for row in rows) and name != "id"
    ]
    rewards.sort(key=lambda name: (name != "reward", "accuracy" not in name, "correct" not in name))
    return Found(
        FieldMapping(
            prompt="prompt",
            answer="completion",
            reward=rewards[0] if rewards else None,
            step="step",
        ),
        warnings=_which("reward", rewards),
    )


def _chat(columns: set[str], rows: FieldRows) -> Found | None:
    for column in ("messages", "conversations"):
        chats = [row.get(column) for row in rows]
        if column in columns and chats and all(map(is_chat, chats)):
            if not all(roles_of(chat)[-1] == "assistant" for chat in chats):
                return None
            names = ("reward", "score")
            reward = next((name for name in names if _is_numeric(rows, name)), None)
            return Found(FieldMapping(prompt=column, reward=reward))
    return None


def _token_ids(columns: set[str], rows: FieldRows) -> Found | None:
    pairs = (
        ("prompt_ids", "completion_ids"),
        ("prompt_ids", "token_ids"),
        ("prompt_token_ids", "token_ids"),
        ("prompt_token_ids", "response_token_ids"),
        ("prompt_token_ids", "completion_token_ids"),
    )
    for prompt, answer in pairs:
        if {prompt, answer} <= columns and all(is_ids(row.get(answer)) for row in rows):
            others = [column for row in rows[:1] for column in row if column in columns]
            return Found(replace(guess(others, rows), prompt_ids=prompt, answer_ids=answer))
    return None


def _first(rows: FieldRows, column: str, kind: type) -> Any:
    """The first value of a kind in a field; None if there is none."""
    return next((row[column] for row in rows if isinstance(row.get(column), kind)), None)


def _which(role: str, names: Sequence[str]) -> tuple[str, ...]:
    if len(names) < 2:
        return ()
    return (f"The {role} is {names[0]}; the file also has {', '.join(names[1:6])}.",)


def _has(rows: FieldRows, column: str, key: str | None = None) -> bool:
    """Whether a field, or a key of it, has a value in some row."""
    values = [row.get(column) for row in rows]
    if key is None:
        return any(value is not None for value in values)
    return any(isinstance(value, dict) and value.get(key) is not None for value in values)


def _is_numeric(rows: FieldRows, column: str) -> bool:
    return any(is_number(row.get(column)) for row in rows)


def _odd(name: str) -> bool:
    return any(sign in name for sign in '.[]"')


SHAPES: tuple[Shape, ...] = (
    Shape("the explorer", "chains of fork-explorer generate, one a line", _own),
    Shape("prime-rl's token export", "ids, masks and entropies of the trainer", _prime_rl),
    Shape("slime", "samples with the tokens of prompt and response", _slime),
    Shape("lm-evaluation-harness", "samples logged with --log_samples", _harness),
    Shape("Inspect", "the samples of an evaluation log", _inspect),
    Shape("verl", "rollouts of trainer.rollout_data_dir", _verl),
    Shape("verl's generation", "responses beside the prompts of a data set", _verl_generation),
    Shape("TRL", "completions logged with log_completions", _trl),
    Shape("token ids", "ids of prompt and completion", _token_ids),
    Shape("chat messages", "the assistant's last message is the answer", _chat),
)
"""Most telling first."""
