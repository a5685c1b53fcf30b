"""The peer: `generate` of transformers, with statistics computed afterwards from its logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel


@dataclass(frozen=True)
class Statistics:
    """What `core.records.TokenStatistics` holds, computed plainly."""

    entropy: Any  # (T,) nats
    logprob: Any  # (T,) nats
    rank: Any  # (T,)
    top_ids: Any  # (T, k)
    top_logprobs: Any  # (T, k) nats


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    limit: int,
    *,
    logits: bool,
    **more: Any,
) -> Any:
    """Greedy `generate` of left-padded prompts, with its raw logits when asked for.

    Args:
        more: further arguments of `generate`, such as `stop_strings`.
    """
    width = max(map(len, prompts))
    ids = torch.zeros((len(prompts), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    return model.generate(
        ids,
        attention_mask=mask,
        do_sample=False,
        temperature=None,
        top_p=None,
        max_new_tokens=limit,
        output_logits=logits,
        return_dict_in_generate=True,
        **more,
    )


def statistics_of(logits: torch.Tensor, chosen: torch.Tensor, k: int) -> Statistics:
    """Statistics of positions with raw logits (..., V), at which `chosen` (...) stand."""
    logprobs = torch.log_softmax(logits.float(), dim=-1)
    entropy = -(logprobs.exp() * logprobs).sum(dim=-1)
    logprob = logprobs.gather(-1, chosen.unsqueeze(-1))
    rank = (logprobs > logprob).sum(dim=-1) + 1
    top = logprobs.topk(k, dim=-1)
    return Statistics(
        entropy.numpy(),
        logprob.squeeze(-1).numpy(),
        rank.numpy(),
        top.indices.numpy(),
        top.values.numpy(),
    )


def new_tokens(sequence: torch.Tensor, prompt_width: int, eos_ids: frozenset[int]) -> list[int]:
    """What `generate` added to one row, without the padding behind its end."""
    ids: list[int] = sequence[prompt_width:].tolist()
    ends = [i for i, token in enumerate(ids) if token in eos_ids]
    return ids[: ends[0] + 1] if ends else ids
