"""The verdict on a chain: its text without special tokens, against the problem's gold answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.answers import default_checker
from core.records import Chain, Outcome

if TYPE_CHECKING:
    from core.language_model import LanguageModel


def judge(lm: LanguageModel, chains: Sequence[Chain]) -> list[Outcome]:
    """One outcome a chain, in order."""
    return judge_completions(
        lm, [chain.token_ids for chain in chains], [chain.problem.answer for chain in chains]
    )


def judge_completions(
    lm: LanguageModel, completions: Sequence[Sequence[int]], golds: Sequence[str | None]
) -> list[Outcome]:
    """One outcome a completion, given as token ids, against its gold answer."""
    texts = [lm.tokenizer.decode(list(ids), skip_special_tokens=True) for ids in completions]
    return default_checker().judge_many(zip(texts, golds, strict=True))
