"""Teacher forcing: statistics of given token ids, without drawing anything."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import DynamicCache

from core.decoding import Row, check_token_id, decode
from core.entropy import packed_statistics, unpack_statistics
from core.errors import PromptError, ResourceError
from core.generation import assemble, blank_chain, check_position
from core.records import (
    DEFAULT_ALTERNATIVES,
    Chain,
    Problem,
    Sampler,
    StopReason,
    TokenStatistics,
)

if TYPE_CHECKING:
    from core.language_model import LanguageModel

_LOGITS_BYTES = 16 * 2**20  # float32 logits held at once; a few copies of it are needed


def score(
    lm: LanguageModel,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    k: int = DEFAULT_ALTERNATIVES,
) -> TokenStatistics:
    """Statistics of a completion's T tokens, given the prompt and the tokens before each.

    The logits are made in chunks of positions through the model's own cache and head, so memory
    follows the number of tokens, never tokens x vocabulary.

    Raises:
        PromptError: an empty prompt, or more tokens than the context holds.
        PositionError: an id outside the vocabulary.
    """
    ids = [*prompt_ids, *token_ids]
    if not prompt_ids:
        raise PromptError(
            "There is no prompt token before the first scored token.",
            "Give at least one prompt id (the BOS token will do).",
        )
    if len(ids) > lm.context_length:
        raise PromptError(
            f"The chain has {len(ids)} tokens, and the model's context holds {lm.context_length}.",
            "Score a shorter chain.",
        )
    for token_id in ids:
        check_token_id(token_id, lm.vocab_size)
    k = min(k, lm.vocab_size)
    if not token_ids:
        return TokenStatistics.empty(k)
    with lm.lock, torch.inference_mode():
        lm.use_threads()
        return _score(lm, ids, len(prompt_ids), k)


def scored_chain(
    lm: LanguageModel,
    problem: Problem,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    *,
    forced: Collection[int],
    sampler: Sampler,
    stop_reason: StopReason,
    seed: int = 0,
    prompt_style: str = "plain",
    k: int = DEFAULT_ALTERNATIVES,
) -> Chain:
    """A chain of which only the token ids are known, such as a run keeps them.

    Args:
        forced: completion positions whose tokens were put there by somebody.

    Raises:
        PromptError, PositionError: as `score`.
    """
    blank = blank_chain(lm, problem, prompt_ids, sampler, seed, prompt_style, k)
    statistics = score(lm, prompt_ids, token_ids, k)
    pieces = lm.text.pieces(token_ids, prompt_ids)
    return assemble(lm, blank, token_ids, statistics, pieces, forced, stop_reason)


def look_up(
    lm: LanguageModel, chain: Chain, position: int, token_id: int, patience: float = math.inf
) -> tuple[float, int]:
    """Log-probability (nats) and rank of any token at a position of a chain.

    Raises:
        PositionError: a position outside the chain, or an id outside the vocabulary.
        ResourceError: the model was busy for longer than `patience` seconds.
    """
    check_position(chain, position)
    row = Row(chain.prompt_ids, chain.token_ids[:position], {position: token_id})
    only_this = Sampler(max_new_tokens=position + 1)
    deadline = time.monotonic() + patience
    (decoded,) = decode(
        lm, [row], only_this, k=1, store=lm.prefixes, cancel=lambda: time.monotonic() > deadline
    )
    if not decoded.token_ids:
        raise ResourceError("The model is busy with other work.", "Try again in a moment.")
    return float(decoded.statistics.logprob[0]), int(decoded.statistics.rank[0])


def _score(lm: LanguageModel, ids: list[int], prompt_length: int, k: int) -> TokenStatistics:
    chunk = max(1, _LOGITS_BYTES // (4 * lm.vocab_size))
    first = prompt_length - 1  # its logits predict the first completion token
    inputs = torch.tensor([ids], device=lm.device)
    cache = DynamicCache() if lm.shares_prefixes else None
    if cache is not None and first > 0:
        lm.model(
            input_ids=inputs[:, :first], past_key_values=cache, use_cache=True, logits_to_keep=1
        )
    parts = []
    for start in range(first, len(ids) - 1, chunk):
        end = min(start + chunk, len(ids) - 1)
        if cache is not None:
            logits = lm.model(
                input_ids=inputs[:, start:end], past_key_values=cache, use_cache=True
            ).logits[0]
        else:
            logits = lm.model(
                input_ids=inputs[:, :end], use_cache=False, logits_to_keep=end - start
            ).logits[0, start - end :]  # some models keep them all
        parts.append(packed_statistics(logits, inputs[0, start + 1 : end + 1], k).cpu().numpy())
    return unpack_statistics(np.concatenate(parts))
