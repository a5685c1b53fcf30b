"""Rollouts of a file, the roles of its fields, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.problems.table import RowRefusal
from core.records import StopReason

Messages = list[dict[str, Any]]
"""A chat: messages with role and content."""


@dataclass(frozen=True)
class FieldMapping:
    """The roles of a file's fields: names, or paths such as `output.choices[0].message.content`.

    Attributes:
        prompt: a text, or chat messages; messages that end with the assistant's are prompt and
            answer.
        answer: a text, the assistant's messages, or a list of texts, each a rollout.
        reward: a number, true or false, or one value for every token.
        gold: the correct answer.
        group: what rollouts of the same problem share; without it, those of the same prompt are
            together.
        stop: how the rollout ended.
        prompt_ids: token ids of the prompt.
        answer_ids: token ids of the answer, or of prompt and answer with a `mask` or an
            `answer_length`.
        mask: for each of `answer_ids`, whether it belongs to the answer.
        answer_length: how many of `answer_ids` are the answer's, counted from the end.
        tokens: a list of the answer's tokens as text.
        entropy: an entropy for each token, nats, or one mean.
        model: the name of the model that wrote it.
        temperature: at which it was sampled.
    """

    prompt: str | None = None
    answer: str | None = None
    reward: str | None = None
    gold: str | None = None
    group: str | None = None
    id: str | None = None
    step: str | None = None
    stop: str | None = None
    prompt_ids: str | None = None
    answer_ids: str | None = None
    mask: str | None = None
    answer_length: str | None = None
    tokens: str | None = None
    entropy: str | None = None
    model: str | None = None
    temperature: str | None = None

    def named(self) -> Iterator[tuple[str, str]]:
        """Role and field, for the roles that have one."""
        for role in ROLES:
            name = getattr(self, role)
            if name is not None:
                yield role, name


ROLES = tuple(each.name for each in fields(FieldMapping))
"""The roles of fields, in the order in which they are shown."""


@dataclass(frozen=True, eq=False)
class Rollout:
    """One answer of a file. What the file doesn't say is None."""

    row: int  # its number in the file
    prompt: str | Messages | None
    answer: str | None
    prompt_ids: NDArray[np.int32] | None = None  # (P,)
    answer_ids: NDArray[np.int32] | None = None  # (T,)
    entropy: NDArray[np.float32] | None = None  # (T,) nats, of the file; NaN: unknown
    mean_entropy: float | None = None  # nats, of the file
    reward: float | None = None
    gold: str | None = None
    group: str = ""
    id: str = ""
    step: int | None = None
    stop_reason: StopReason | None = None
    model: str = ""
    temperature: float | None = None

    @property
    def length(self) -> int | None:
        """Tokens of the answer; None where the file has only text."""
        for column in (self.answer_ids, self.entropy):
            if column is not None:
                return len(column)
        return None

    @property
    def question(self) -> str:
        """The prompt's text: of a chat, the last message that isn't the assistant's."""
        if isinstance(self.prompt, list):
            asked = [each["content"] for each in self.prompt if each["role"] != "assistant"]
            return str(asked[-1]) if asked else ""
        return self.prompt or ""


@dataclass(frozen=True)
class RolloutTable:
    """The rollouts of a file, and how they were found.

    `shape` is the name of the published form, or ""; `kind` the file's format and `noun` its word
    for a row. `unread`: the file goes on after the last rollout, since a limit was given.
    """

    name: str
    kind: str
    noun: str
    rollouts: tuple[Rollout, ...]
    refused: tuple[RowRefusal, ...]
    mapping: FieldMapping
    shape: str
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    unread: bool = False

    @property
    def groups(self) -> int:
        """How many problems the rollouts answer."""
        return len({rollout.group for rollout in self.rollouts})
