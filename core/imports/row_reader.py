"""A row becomes rollouts: one, or one for each answer that it holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.imports.records import FieldMapping, Messages, Rollout
from core.imports.values import (
    FieldError,
    answers_of,
    column_of,
    ids_of,
    number_of,
    prompt_of,
    stop_of,
    text_of,
    whole_number,
)
from core.problems.paths import Step, steps, value_at

_ROLE_WORDS = {
    "prompt_ids": "list of prompt ids",
    "answer_ids": "list of answer ids",
    "answer_length": "length of the answer",
    "entropy": "entropy",
    "tokens": "list of tokens",
    "gold": "correct answer",
}

Columns = tuple[NDArray[np.int32] | None, NDArray[np.int32] | None, slice, int | None]


class RowReader:
    """Reads rows by a mapping."""

    def __init__(self, mapping: FieldMapping, columns: tuple[str, ...]) -> None:
        self._paths: dict[str, tuple[Step, ...]] = {
            role: steps(name, columns) for role, name in mapping.named()
        }
        self.seen: Counter[str] = Counter()
        """How many rollouts have tokens in the answer that the mask leaves out (`masked`), or a
        chat with earlier turns of the assistant (`turns`)."""

    def rollouts(self, number: int, row: dict[str, Any]) -> list[Rollout]:
        """The rollouts of a row.

        Raises:
            FieldError: a sentence without its end: what is wrong, with which field.
        """
        prompt = self._read("prompt", row, prompt_of)
        answers = self._read("answer", row, answers_of) or []
        prompt, answers = self._of_chat(prompt, answers, row)
        if not answers:
            answers = self._joined(row)
        prompt_ids, answer_ids, part, whole = self._ids(row)
        if answer_ids is None and not any(answers):
            raise FieldError("the answer is missing")
        if prompt_ids is None and not prompt:
            raise FieldError("the prompt is missing")
        if len(answers) > 1 and answer_ids is not None:
            raise FieldError("there are several answers for one list of ids")
        entropy, mean = self._entropy(row, answer_ids, part, whole, len(answers))
        rewards = self._rewards(row, part, whole, max(1, len(answers)))
        base = Rollout(
            row=number,
            prompt=prompt,
            answer=None,
            prompt_ids=prompt_ids,
            answer_ids=answer_ids,
            entropy=entropy,
            mean_entropy=mean,
            gold=self._read("gold", row, _gold),
            group=_label(self._value("group", row)),
            id=_label(self._value("id", row)),
            step=_step(self._value("step", row)),
            stop_reason=stop_of(self._value("stop", row)),
            model=_label(self._value("model", row)),
            temperature=_temperature(self._value("temperature", row)),
        )
        texts: list[str | None] = list(answers) or [None]
        return [
            replace(
                base,
                answer=text,
                reward=reward,
                id=f"{base.id or number}.{n}" if len(texts) > 1 else base.id or str(number),
            )
            for n, (text, reward) in enumerate(zip(texts, rewards, strict=True), start=1)
        ]

    def _value(self, role: str, row: dict[str, Any]) -> Any:
        path = self._paths.get(role)
        return None if path is None else _resolved(value_at(row, path), row)

    def _read(self, role: str, row: dict[str, Any], read: Any) -> Any:
        value = self._value(role, row)
        if value is None:
            return None
        try:
            return read(value)
        except FieldError as error:
            raise FieldError(f"the {_ROLE_WORDS.get(role, role)} {error}") from error

    def _of_chat(
        self, prompt: str | Messages | None, answers: list[str], row: dict[str, Any]
    ) -> tuple[str | Messages | None, list[str]]:
        """Messages that end with the assistant's are what was asked, and the answer where no
        other field has it."""
        if not isinstance(prompt, list) or prompt[-1]["role"] != "assistant":
            return prompt, answers
        asked = prompt[:-1]
        if not asked:
            raise FieldError("the prompt has no message before the assistant's")
        if any(each["role"] == "assistant" for each in asked):
            self.seen["turns"] += 1
        return asked, answers or [prompt[-1]["content"]]

    def _joined(self, row: dict[str, Any]) -> list[str]:
        tokens = self._value("tokens", row)
        if not isinstance(tokens, list) or not all(isinstance(each, str) for each in tokens):
            return []
        return [text_of("".join(tokens))] if tokens else []

    def _ids(self, row: dict[str, Any]) -> Columns:
        """Ids of prompt and answer, the answer's place in columns as long as the whole list, and
        the length of that list."""
        prompt_ids = self._read("prompt_ids", row, ids_of)
        found = self._read("answer_ids", row, ids_of)
        if found is None:
            return prompt_ids, None, slice(None), None
        length = len(found)
        counted = self._value("answer_length", row)
        if counted is not None:
            kept = self._read("answer_length", row, lambda value: whole_number(value, length))
            start, end = length - kept, length
        elif prompt_ids is None and self._value("mask", row) is not None:
            start, end = self._masked(row, length)
        else:
            part = slice(0, length) if prompt_ids is None else slice(len(prompt_ids), None)
            whole = length if prompt_ids is None else length + len(prompt_ids)
            return prompt_ids, _nonempty(found), part, whole
        before = found[:start] if prompt_ids is None else prompt_ids
        return before, _nonempty(found[start:end]), slice(start, end), length

    def _masked(self, row: dict[str, Any], length: int) -> tuple[int, int]:
        mask = self._read("mask", row, column_of)
        if len(mask) != length:
            raise FieldError(f"the mask has {len(mask):,} values for {length:,} token ids")
        inside = np.flatnonzero(mask > 0)
        if not len(inside):
            raise FieldError("the mask leaves no token for the answer")
        start, end = int(inside[0]), int(inside[-1]) + 1
        if not start:
            raise FieldError("the mask leaves no token for the prompt")
        if len(inside) < end - start:
            self.seen["masked"] += 1
        return start, end

    def _entropy(
        self,
        row: dict[str, Any],
        answer_ids: NDArray[np.int32] | None,
        part: slice,
        whole: int | None,
        answers: int,
    ) -> tuple[NDArray[np.float32] | None, float | None]:
        value = self._value("entropy", row)
        if value is None:
            return None, None
        if not isinstance(value, list):
            mean = self._read("entropy", row, number_of)
            if mean is not None and mean < 0:
                raise FieldError("the entropy is below 0")
            return None, mean
        if answers > 1:
            raise FieldError("the entropy is one list for several answers")
        column: NDArray[np.float32] = self._read("entropy", row, column_of)
        if answer_ids is not None and len(column) != len(answer_ids):
            if len(column) != whole:
                raise FieldError(
                    f"the entropy has {len(column):,} values for {len(answer_ids):,} tokens"
                )
            column = column[part]
        if np.any(column < 0):
            raise FieldError("the entropy has values below 0")
        known = column[np.isfinite(column)].astype(np.float64)
        return column, float(known.mean()) if len(known) else None

    def _rewards(
        self, row: dict[str, Any], part: slice, whole: int | None, answers: int
    ) -> list[float | None]:
        value = self._value("reward", row)
        if not isinstance(value, list):
            return [self._read("reward", row, number_of)] * answers
        if answers > 1 and len(value) == answers:
            return list(self._read("reward", row, lambda each: list(map(number_of, each))))
        column = self._read("reward", row, column_of)
        if whole is not None and len(column) == whole:
            column = column[part]
        known = column[np.isfinite(column)]
        if len(np.unique(known)) > 1:
            raise FieldError("the reward differs from token to token")
        return [float(known[0]) if len(known) else None] * answers


def _nonempty(ids: NDArray[np.int32]) -> NDArray[np.int32]:
    if not len(ids):
        raise FieldError("the answer has no tokens")
    return ids


def _resolved(value: Any, row: dict[str, Any]) -> Any:
    """A text that Inspect keeps among a sample's attachments, in its place."""
    if isinstance(value, str) and value.startswith("attachment://"):
        attachments = row.get("attachments")
        if isinstance(attachments, dict):
            return attachments.get(value.removeprefix("attachment://"), value)
    return value


def _gold(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(map(text_of, value)) or None
    if isinstance(value, bool | dict):
        raise FieldError("is not a text")
    return text_of(value).strip() or None


def _label(value: Any) -> str:
    """An id or group as text; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        return " ".join(text_of(value).split())[:200]
    except FieldError:
        return ""


def _temperature(value: Any) -> float | None:
    """A temperature; None for anything else."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return float(value) if is_one else None


def _step(value: Any) -> int | None:
    if isinstance(value, str) and value.isdigit() and len(value) < 16:
        return int(value)
    return value if type(value) is int else None
