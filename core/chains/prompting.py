"""Prompt settings: how the problems of a set are asked, in every task that decodes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.errors import PromptError
from core.records import Problem
from core.tokens.prompts import PROMPT_STYLES, check_context, encode_prompt, prompt_text

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


class PromptSettings(BaseModel):
    """Prompt and maximum length of completions; the base of a task's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_new_tokens: int = Field(256, ge=1)
    prompt_style: str | None = None  # None: the model's default
    template: str | None = None  # around {problem}, for the style "plain"
    prompt_date: date | None = None  # for templates that use the date; None: the day of the run

    @model_validator(mode="after")
    def _check_prompt(self) -> PromptSettings:
        if self.prompt_style is not None and self.prompt_style not in PROMPT_STYLES:
            known = ", ".join(PROMPT_STYLES)
            raise ValueError(f"no prompt style {self.prompt_style!r}; choose one of {known}")
        if self.template is not None:
            try:
                prompt_text("question", self.prompt_style or "plain", self.template)
            except PromptError as error:
                raise ValueError(str(error)) from error
        return self


def prompt_in_words(settings: PromptSettings, models_style: str) -> str:
    """The prompt style that was used, and the template if any, for a model card.

    Args:
        settings: of the task; its style may be None.
        models_style: the model's default.
    """
    template = "" if settings.template is None else f", template {json.dumps(settings.template)}"
    return f"prompt style {settings.prompt_style or models_style}{template}"


def problem_prompt(
    lm: LanguageModel, problem: Problem, settings: PromptSettings
) -> tuple[int, ...]:
    """The token ids of a problem's prompt.

    Raises:
        PromptError: as `encode_prompt`.
    """
    style = settings.prompt_style or lm.prompt_style
    with lm.text.lock:
        day = settings.prompt_date or lm.prompt_date
        return tuple(encode_prompt(lm.tokenizer, problem.question, style, settings.template, day))


def check_prompts(
    lm: LanguageModel, problems: Sequence[Problem], settings: PromptSettings, context_length: int
) -> None:
    """Reject problems that can't be encoded, or whose chains don't fit into the context.

    Args:
        context_length: in tokens; the shortest of all models that will read the chains.

    Raises:
        PromptError: naming the problem.
    """
    for problem in problems:
        try:
            length = len(problem_prompt(lm, problem, settings))
            check_context(length, settings.max_new_tokens, context_length)
        except PromptError as error:
            raise PromptError(f"Problem {problem.id}: {error.what}", error.remedy) from error


@dataclass(frozen=True)
class PromptPreview:
    """The prompt of a question, including special tokens."""

    style: str
    template: str | None
    ids: tuple[int, ...]
    pieces: tuple[str, ...]  # one per id; joined, the text

    @property
    def text(self) -> str:
        """The prompt's text, decoded from its ids."""
        return "".join(self.pieces)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "prompt_style": self.style,
            "template": self.template,
            "text": self.text,
            "prompt_ids": list(self.ids),
            "tokens": list(self.pieces),
        }


def preview_prompt(
    lm: LanguageModel,
    question: str,
    style: str | None = None,
    template: str | None = None,
    prompt_date: date | None = None,
) -> PromptPreview:
    """The prompt for a question, as `generate` would encode it.

    Args:
        style: a name of `PROMPT_STYLES`; None: the model's default.
        template: the text around {problem} for the style "plain".
        prompt_date: for chat templates that use the date; None: today.

    Raises:
        PromptError: as `encode_prompt`.
    """
    style = style or lm.prompt_style
    with lm.text.lock:
        ids = encode_prompt(lm.tokenizer, question, style, template, prompt_date or lm.prompt_date)
    return PromptPreview(style, template, tuple(ids), tuple(lm.text.pieces(ids)))
