"""Attention of rows that begin alike: the keys and values that they share are kept once.

The queries of all rows read the shared keys in one matrix product, where each row would read a copy
of its own (Hydragen, arXiv:2402.05099); the two parts of attention are then put together by the
logarithms of their sums. The examples of a few-shot prompt, the prompt of K rollouts and a chain
before its forks are such beginnings. On a processor only, whose attention returns these logarithms.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from core.models.architecture import has_plain_attention, unwrapped

SHARED_AT_LEAST = 32
"""Tokens; a shorter beginning is kept and read with each row."""

_NAME = "sdpa"  # transformers' name of the attention that is taken over
_KERNEL = "_scaled_dot_product_flash_attention_for_cpu"


class _Announced(threading.local):
    """The beginning that this thread's next attention reads first."""

    beginning: tuple[torch.Tensor, torch.Tensor] | None = None


_announced = _Announced()


def can_share_beginnings(model: Any) -> bool:
    """Whether rows of a model can share the keys and values of a beginning: it runs on a processor,
    is one of transformers' own, takes its attention from their interface, and every token attends
    to all before it."""
    own = unwrapped(model)
    config = own.config.get_text_config(decoder=True)
    widths = (getattr(config, name, None) for name in ("kv_lora_rank", "v_head_dim"))
    return (
        model.device.type == "cpu"
        and type(own).__module__.startswith("transformers.models.")
        and getattr(own, "_supports_attention_backend", False)
        and has_plain_attention(model)
        and not any(widths)  # the kernel takes keys and values of one width
        and hasattr(torch.ops.aten, _KERNEL)
    )


def announce(keys: torch.Tensor, values: torch.Tensor) -> None:
    """Let this thread's next attention read these, (heads, length, head_dim), before its own."""
    assert _announced.beginning is None, "the attention of the layer before has not read its own"
    _announced.beginning = keys, values


@contextmanager
def announcements() -> Iterator[None]:
    """A forward pass that may announce beginnings: all of them are read, and none is left behind if
    it fails."""
    try:
        yield
    finally:
        left, _announced.beginning = _announced.beginning, None
    assert left is None, "a layer's attention is not the interface's"


def attend(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    beginning: tuple[torch.Tensor, torch.Tensor],
    mask: torch.Tensor | None,
    scaling: float,
) -> torch.Tensor:
    """Softmax attention of n rows to a beginning that they share, and to their own positions.

    Args:
        query: (n, query heads, 1, head_dim).
        keys: of each row, (n, heads, length, head_dim), like `values`.
        beginning: keys and values, (heads, shared length, head_dim).
        mask: what is added to the scores of the rows' own positions, (n, 1, 1, length).
        scaling: factor of the scores.

    Returns:
        (n, 1, query heads, head_dim).
    """
    n, heads = keys.shape[:2]
    grouped = query.reshape(n, heads, -1, query.shape[-1])  # the query heads of each key head
    own, own_sums = _attention_with_sums(grouped, keys, values, mask, scaling)
    together = grouped.transpose(0, 1).reshape(1, heads, -1, query.shape[-1])
    shared_keys, shared_values = (each.unsqueeze(0) for each in beginning)
    shared, sums = _attention_with_sums(together, shared_keys, shared_values, None, scaling)
    shape = (heads, n, grouped.shape[2])
    shared, sums = shared.view(*shape, -1).transpose(0, 1), sums.view(shape).transpose(0, 1)
    weight = torch.sigmoid(sums - own_sums).unsqueeze(-1).to(own.dtype)
    return torch.lerp(own, shared, weight).reshape(n, 1, query.shape[1], -1)


def _attention_with_sums(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention, (n, heads, L, head_dim), and the logarithm of the sum of the exponentials of its
    scores, (n, heads, L) float32."""
    kernel = getattr(torch.ops.aten, _KERNEL)
    found, sums = kernel(query, keys, values, 0.0, False, attn_mask=mask, scale=scaling)
    return found, sums.view(found.shape[:3])


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' own attention, except where a beginning was announced."""
    beginning, _announced.beginning = _announced.beginning, None
    if beginning is None:
        found: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **others
        )
        return found
    assert others.get("position_bias") is None
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return attend(query, key, value, beginning, attention_mask, scaling), None


AttentionInterface.register(_NAME, _attention)
