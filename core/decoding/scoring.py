"""Teacher forcing: statistics of given token ids, without sampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import DynamicCache

from core.decoding.loop import check_token_id
from core.decoding.prefill import cache_of, prefill
from core.entropy import packed_statistics, unpack_statistics
from core.errors import PromptError
from core.models.prefix_store import PrefixStore
from core.records import (
    DEFAULT_ALTERNATIVES,
    TokenStatistics,
)

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_LOGITS_BYTES = 16 * 2**20  # float32 logits held at once, before a few temporary copies


def score(
    lm: LanguageModel,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    k: int = DEFAULT_ALTERNATIVES,
    store: PrefixStore | None = None,
) -> TokenStatistics:
    """Statistics of a completion's T tokens, each given the prompt and the tokens before it.

    Logits are computed in chunks of positions through the model's cache and head, so memory grows
    with the number of tokens, never with tokens x vocabulary.

    Args:
        store: prompts that were read before; what this one begins with isn't computed again.

    Raises:
        ModelError: the model's logits are not finite.
        PromptError: an empty prompt, or more tokens than the context holds.
        PositionError: an id outside the vocabulary.
    """
    check_completion(lm, prompt_ids, token_ids)
    k = min(k, lm.vocab_size)
    if not token_ids:
        return TokenStatistics.empty(k)
    with lm.lock, torch.inference_mode():
        lm.use_threads()
        return _score(lm, [*prompt_ids, *token_ids], len(prompt_ids), k, store)


def check_completion(
    lm: LanguageModel, prompt_ids: Sequence[int], token_ids: Sequence[int]
) -> None:
    """Reject tokens that a model can't read in one pass.

    Raises:
        PromptError: an empty prompt, or more tokens than the context holds.
        PositionError: an id outside the vocabulary.
    """
    length = len(prompt_ids) + len(token_ids)
    if not prompt_ids:
        raise PromptError(
            "The prompt is empty.",
            "Give at least one prompt id, such as the BOS token.",
        )
    if length > lm.context_length:
        raise PromptError(
            f"The chain has {length} tokens, and the model's context holds {lm.context_length}.",
            "Score a shorter chain.",
        )
    for token_id in (*prompt_ids, *token_ids):
        check_token_id(token_id, lm.vocab_size)


class CompletionLogits:
    """Logits of one completion, computed in chunks through the model's cache and head.

    The caller holds the model's lock.

    Args:
        ids: prompt and completion.
        prompt_length: tokens of the prompt.
        logits_bytes: limit for the float32 logits held at once.
        store: prompts that were read before.
    """

    def __init__(
        self,
        lm: LanguageModel,
        ids: Sequence[int],
        prompt_length: int,
        logits_bytes: int = _LOGITS_BYTES,
        store: PrefixStore | None = None,
    ) -> None:
        self.chunk = max(1, logits_bytes // (4 * lm.vocab_size))
        """Maximum number of positions per chunk."""
        self._lm = lm
        self._first = prompt_length - 1  # its logits predict the first completion token
        self._ids = torch.tensor([ids], device=lm.device)
        self._cache = DynamicCache() if lm.shares_prefixes else None
        prompt = ids[: self._first]
        if self._cache is not None and store is not None and prompt:
            ((_, key_values),) = prefill(lm, [prompt], store)
            self._cache = cache_of(key_values, self._first)
        elif self._cache is not None and prompt:
            lm.model(
                input_ids=self._ids[:, : self._first],
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )

    def between(self, start: int, end: int) -> torch.Tensor:
        """Logits (end - start, V) that predict the completion positions start .. end-1. Every
        position must be requested once, in order.

        Raises:
            ModelError: the logits are not finite.
        """
        begin, stop = self._first + start, self._first + end
        if self._cache is not None:
            found = self._lm.model(
                input_ids=self._ids[:, begin:stop], past_key_values=self._cache, use_cache=True
            )
        else:
            found = self._lm.model(
                input_ids=self._ids[:, :stop], use_cache=False, logits_to_keep=end - start
            )
        logits: torch.Tensor = found.logits[0, start - end :]  # some models return all
        self._lm.check_finite(logits)
        return logits


def _score(
    lm: LanguageModel, ids: list[int], prompt_length: int, k: int, store: PrefixStore | None
) -> TokenStatistics:
    logits = CompletionLogits(lm, ids, prompt_length, store=store)
    chosen = torch.tensor(ids[prompt_length:], device=lm.device)
    parts = [
        packed_statistics(logits.between(start, end), chosen[start:end], k).cpu().numpy()
        for start in range(0, len(chosen), logits.chunk)
        for end in [min(start + logits.chunk, len(chosen))]
    ]
    return unpack_statistics(np.concatenate(parts))
