"""Prompt settings: how the problems of a set are asked, in every task that decodes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.chains.few_shot import Examples, examples_of
from core.decoding.settings import MaxNewTokens
from core.errors import PromptError, SamplerError
from core.records import Problem, Sampler
from core.system.setting import Lines
from core.tokens.prompts import (
    FEW_SHOT,
    PLACEHOLDER,
    PROMPT_STYLES,
    WorkedExample,
    check_context,
    default_stop,
    encode_prompt,
    prompt_text,
)

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


class PromptSettings(BaseModel):
    """Prompt and maximum length of completions; the base of a task's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_new_tokens: MaxNewTokens = 256
    prompt_style: str | None = Field(
        None,
        title="Prompt style",
        description=f"{', '.join(PROMPT_STYLES)}; by default the one that suits the model",
    )
    template: str | None = Field(
        None,
        title="Template",
        description=f"Text around the question, which replaces {PLACEHOLDER}; for the style plain",
    )
    examples: Examples = Field(
        None,
        title="Worked examples",
        description="Before the question (few-shot): a number of built-in ones, or a file of JSON "
        "lines with question and solution (FILE, FILE:4); by default four for the style few_shot, "
        "else none",
    )
    prompt_date: date | None = Field(
        None,
        title="Date in the prompt",
        description="For chat templates that write the date; by default the day of the chain or "
        "run, which records it",
    )
    stop: Lines = Field(
        None,
        title="Stop strings",
        description="Text that ends a completion, with \\n for a line break; by default what "
        "introduces the next problem in this prompt. none: no stop strings",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_built_in_examples(cls, values: Any) -> Any:
        """They become part of the settings, so that a run records the prompt it used."""
        if not isinstance(values, dict) or values.get("prompt_style") != FEW_SHOT:
            return values
        if values.get("examples") not in (None, ""):
            return values
        return {**values, "examples": examples_of(FEW_SHOT)}

    @model_validator(mode="after")
    def _check_prompt(self) -> PromptSettings:
        if self.prompt_style is not None and self.prompt_style not in PROMPT_STYLES:
            known = ", ".join(PROMPT_STYLES)
            raise ValueError(f"unknown prompt style {self.prompt_style!r}; use {known}")
        if self.template is not None:
            try:
                prompt_text("question", self.prompt_style or "plain", self.template)
            except PromptError as error:
                raise ValueError(str(error)) from error
        try:
            Sampler(stop=self.stop or ())
        except SamplerError as error:
            raise ValueError(str(error)) from error
        return self

    def stop_strings(self, models_style: str) -> tuple[str, ...]:
        """The stop strings: the ones given, or else those of the prompt style.

        Args:
            models_style: the model's own, for settings without a style.
        """
        if self.stop is not None:
            return self.stop
        return default_stop(self.prompt_style or models_style, self.template)


class RunPromptSettings(PromptSettings):
    """The base of the settings of a run over a problem set."""

    keep_run_on: bool = Field(
        False,
        title="Keep what follows the answer",
        description="Where a chain runs on with a next problem, count, search and train on that "
        "part too",
    )

    def answer_ends(self, models_style: str) -> tuple[str, ...]:
        """The strings that end an answer, for `core.chains.run_on`: stop strings, and what
        introduces the next problem; nothing where what follows the answer is kept.

        Args:
            models_style: the model's own, for settings without a style.
        """
        if self.keep_run_on:
            return ()
        own = default_stop(self.prompt_style or models_style, self.template)
        return tuple(dict.fromkeys((*self.stop_strings(models_style), *own)))


def prompt_in_words(settings: PromptSettings, models_style: str) -> str:
    """The prompt style that was used, and the template if any, for a model card.

    Args:
        settings: of the task; its style may be None.
        models_style: the model's default.
    """
    template = "" if settings.template is None else f", template {json.dumps(settings.template)}"
    shots = f", {len(settings.examples)} worked examples" if settings.examples else ""
    return f"prompt style {settings.prompt_style or models_style}{template}{shots}"


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
        ids = encode_prompt(
            lm.tokenizer,
            problem.question,
            style,
            settings.template,
            day,
            settings.examples or (),
        )
    return tuple(ids)


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
    examples: Sequence[WorkedExample] | None = None,
) -> PromptPreview:
    """The prompt for a question, as `generate` would encode it.

    Args:
        style: a name of `PROMPT_STYLES`; None: the model's default.
        template: the text around {problem} for the style "plain".
        prompt_date: for chat templates that use the date; None: today.
        examples: worked examples before the question; None: those of the style, as `examples_of`.

    Raises:
        PromptError: as `encode_prompt`.
    """
    style = style or lm.prompt_style
    with lm.text.lock:
        day = prompt_date or lm.prompt_date
        shown = examples_of(style, examples)
        ids = encode_prompt(lm.tokenizer, question, style, template, day, shown)
    return PromptPreview(style, template, tuple(ids), tuple(lm.text.pieces(ids)))
