"""Convert a row to a problem: join its question, letter its choices, read its gold answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.problems.cells import CellError, gold_of, is_number, text_of
from core.problems.choices import (
    Choice,
    choices_of,
    letter_of,
    letter_of_column,
    shown,
    shuffled,
)
from core.problems.instructions import without_instruction
from core.problems.messages import is_chat, last_message, roles_of
from core.problems.paths import Step, steps, value_at
from core.problems.table import (
    CHOICE_GOLDS,
    MAX_CELL_CHARS,
    ColumnMapping,
    Join,
)
from core.records import Problem

_BETWEEN = {Join.SPACE: " ", Join.LINE: "\n", Join.BLANK_LINE: "\n\n"}
_NO_ANSWER = ("proof", "notfound")  # NuminaMath's words for missing gold answers
_MAX_NAME_CHARS = 1_000  # of an id, a source, a family


class Seen(StrEnum):
    """What was left out of a row, or is missing in it."""

    INSTRUCTION = "instruction"
    SYSTEM = "system message"
    EARLIER = "earlier turns"
    NO_ANSWER = "no answer"
    SHUFFLED = "shuffled"


@dataclass
class RowReader:
    """Converts rows to problems by a mapping, and counts what it leaves out.

    `own`: the rows were written by the explorer, so answers are never changed. `seen` counts rows
    by what was left out; `empty_parts` counts rows by the question column that is empty in them.

    Raises:
        ProblemError: a name in the mapping is neither a column nor a path.
    """

    mapping: ColumnMapping
    columns: tuple[str, ...]
    own: bool = False
    seen: Counter[Seen] = field(default_factory=Counter)
    empty_parts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._paths: dict[str, tuple[Step, ...]] = {
            name: steps(name, self.columns)
            for names in self.mapping.columns().values()
            for name in names
        }

    def problem(self, row: dict[str, Any], default_id: str) -> Problem:
        """The problem in a row.

        Raises:
            CellError: the row is invalid.
        """
        question, left_out, empty = self._question(row)
        choices = self._choices(row)
        if self.mapping.answer in self.mapping.choices:
            choices = shuffled(choices, question)
            left_out.append(Seen.SHUFFLED)
        if choices:
            question = f"{question}\n\n{shown(choices)}"
        if len(question) > MAX_CELL_CHARS:
            raise CellError(
                f"the question has {len(question):,} characters, and {MAX_CELL_CHARS:,} are allowed"
            )
        answer = self._answer(row, choices)
        if not self.own and answer is not None and answer.strip().casefold() in _NO_ANSWER:
            answer = None
            left_out.append(Seen.NO_ANSWER)
        problem = Problem(
            id=self._name(row, "id") or default_id,
            question=question,
            answer=answer,
            source=self._name(row, "source"),
            family=self._name(row, "family"),
        )
        if left_out:
            self.seen.update(left_out)
        if empty:
            self.empty_parts.update(empty)
        return problem

    def _question(self, row: dict[str, Any]) -> tuple[str, list[Seen], list[str]]:
        """The joined text, what was left out of it, and the empty columns."""
        texts: list[str] = []
        left_out: list[Seen] = []
        empty: list[str] = []
        last = self.mapping.question[-1]
        for name in self.mapping.question:
            value = value_at(row, self._paths[name])
            text = self._part(value, left_out)
            if text is None and name == last:
                raise CellError("the question is missing")
            if text is None or not text.strip():
                if name == last:
                    raise CellError("the question is empty or no text")
                empty.append(name)
            elif len(self.mapping.question) > 1:
                texts.append(text.strip())
            elif is_number(value):
                raise CellError("the question is empty or no text")
            else:
                texts.append(text)
        return _BETWEEN[self.mapping.join].join(texts), left_out, empty

    def _part(self, value: Any, left_out: list[Seen]) -> str | None:
        try:
            if not is_chat(value):
                return _plain(text_of(value))
            roles = roles_of(value)
            text = text_of(last_message(value, "user"))
            if text is None:
                raise CellError("has no user message")
        except CellError as error:
            raise CellError(f"the question {error}") from error
        asked = len(roles) - 1 - roles[::-1].index("user")
        if "system" in roles:
            left_out.append(Seen.SYSTEM)
        if any(role in ("user", "assistant", "tool") for role in roles[:asked]):
            left_out.append(Seen.EARLIER)
        bare = without_instruction(text)
        if bare != text:
            left_out.append(Seen.INSTRUCTION)
        return _plain(bare)

    def _choices(self, row: dict[str, Any]) -> list[Choice]:
        if not self.mapping.choices:
            return []
        cells = [(name, value_at(row, self._paths[name])) for name in self.mapping.choices]
        try:
            return choices_of(cells)
        except CellError as error:
            raise CellError(f"the choices {error}") from error

    def _answer(self, row: dict[str, Any], choices: list[Choice]) -> str | None:
        name, gold = self.mapping.answer, self.mapping.gold
        if name is None:
            return None
        value = value_at(row, self._paths[name])
        try:
            if is_chat(value):
                value = last_message(value, "assistant")
            if name in self.mapping.choices:
                return letter_of_column(choices, name)
            if gold not in CHOICE_GOLDS:
                return _plain(gold_of(value, gold))
            if not choices:
                raise CellError("must name a choice, but no column has choices")
            return letter_of(choices, value, gold)
        except CellError as error:
            raise CellError(f"the answer {error}") from error

    def _name(self, row: dict[str, Any], role: str) -> str:
        """An id, source or family; the texts of a list are joined with commas."""
        name = getattr(self.mapping, role)
        if name is None:
            return ""
        value = value_at(row, self._paths[name])
        try:
            if isinstance(value, list):
                found = ", ".join(text for text in map(text_of, value) if text)
            else:
                found = str(text_of(value) or "")
        except CellError as error:
            raise CellError(f"the {role} {error}") from error
        if len(found) > _MAX_NAME_CHARS:
            raise CellError(f"the {role} has more than {_MAX_NAME_CHARS:,} characters")
        return found


def _plain(text: str | None) -> str | None:
    """As a plain str, without the subclass that records how a number was written."""
    return None if text is None else str(text)
