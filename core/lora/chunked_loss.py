"""A loss of logits that never holds a tensor of positions x vocabulary.

Head and loss run on chunks of positions. The gradient of each chunk is computed in the forward
pass, while its logits are in memory, so no logits are kept for the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

# Logits of one chunk; a few copies are needed. Smaller chunks make the head slower.
_LOGITS_BYTES = 112 * 2**20

Head = Callable[[torch.Tensor], torch.Tensor]
"""From hidden states (n, H) to logits (n, V)."""

ChunkLoss = Callable[[slice, torch.Tensor], tuple[float, torch.Tensor]]
"""From a chunk of positions and its logits (n, V) to its share of the loss and the gradient (n, V)
of that share at the logits."""


def chunked_loss(
    hidden: torch.Tensor, head: Head, vocab_size: int, chunk_loss: ChunkLoss
) -> torch.Tensor:
    """A sum over positions, differentiable in `hidden` only.

    Args:
        hidden: (N, H) where tokens are predicted.
        head: its weights get no gradient.
        vocab_size: width V of the logits.
        chunk_loss: called once a chunk, in order.

    Returns:
        The loss (), in float32 or wider.
    """
    loss: torch.Tensor = _ChunkedLoss.apply(  # type: ignore[no-untyped-call]
        hidden, head, vocab_size, chunk_loss
    )
    return loss


def logprobs(logits: torch.Tensor) -> torch.Tensor:
    """Log-probabilities in float32, or in float64 for a float64 model."""
    return torch.log_softmax(logits, dim=-1, dtype=exact(logits.dtype))


def exact(dtype: torch.dtype) -> torch.dtype:
    """The dtype of losses: float32, or float64 for a float64 model."""
    return torch.promote_types(dtype, torch.float32)


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, head: Head, vocab_size: int, chunk_loss: ChunkLoss
    ) -> torch.Tensor:
        gradient = torch.empty_like(hidden)
        chunk = max(1, _LOGITS_BYTES // (4 * vocab_size))
        total = 0.0
        for start in range(0, len(hidden), chunk):
            part = slice(start, start + chunk)
            with torch.enable_grad():
                leaf = hidden[part].detach().requires_grad_()
                logits = head(leaf)
            share, at_logits = chunk_loss(part, logits.detach())
            total += share
            (gradient[part],) = torch.autograd.grad(logits, leaf, at_logits.to(logits.dtype))
        ctx.save_for_backward(gradient)
        return hidden.new_tensor(total, dtype=exact(hidden.dtype))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return (gradient * grad_outputs[0]).to(gradient.dtype), None, None, None
