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
    pairs = [
        (lm.tokenizer.decode(list(chain.token_ids), skip_special_tokens=True), chain.problem.answer)
        for chain in chains
    ]
    return default_checker().judge_many(pairs)
