"""The prompt as the model reads it: its exact text, its token ids and the piece of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from core.prompts import encode_prompt

if TYPE_CHECKING:
    from core.language_model import LanguageModel


@dataclass(frozen=True)
class PromptPreview:
    """What a question becomes, special tokens included."""

    style: str
    template: str | None
    ids: tuple[int, ...]
    pieces: tuple[str, ...]  # one an id; joined they are the text

    @property
    def text(self) -> str:
        """The prompt's text as the ids spell it."""
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
    """The prompt that a chain of this question would begin with.

    Args:
        style: a name of `PROMPT_STYLES`; the model's own when None.
        template: the text around {problem} for the style "plain".
        prompt_date: for chat templates that ask the date; today if None.

    Raises:
        PromptError: as `encode_prompt`.
    """
    style = style or lm.prompt_style
    with lm.text.lock:
        ids = encode_prompt(lm.tokenizer, question, style, template, prompt_date or lm.prompt_date)
    return PromptPreview(style, template, tuple(ids), tuple(lm.text.pieces(ids)))
