"""The distillation loss: KL divergence of the student from the teacher.

With q the teacher's distribution on a prefix, renormalised over its k most probable tokens,
and p the student's over the whole vocabulary (paper section 4):

    loss = mean over completion positions of KL(q || p) = sum_v q(v) (log q(v) - log p(v))

It never holds a tensor of positions x vocabulary (core.lora.chunked_loss).
"""

from __future__ import annotations

import torch

from core.lora.chunked_loss import Head, chunked_loss, logprobs


def distillation_loss(
    hidden: torch.Tensor,
    top_ids: torch.Tensor,
    top_logprobs: torch.Tensor,
    head: Head,
    vocab_size: int,
    positions: float,
) -> torch.Tensor:
    """A micro-batch's share of the loss, differentiable in `hidden` only.

    Args:
        hidden: (N, H) of the student, where completion tokens are predicted.
        top_ids: (N, k) the teacher's tokens there.
        top_logprobs: (N, k) nats, of the teacher's full softmax; -inf leaves a token out.
        head: of the student; its weights get no gradient.
        vocab_size: width of the student's logits.
        positions: of the whole optimizer step, the divisor of the mean.

    Returns:
        The loss (), nats.
    """

    def chunk_loss(part: slice, logits: torch.Tensor) -> tuple[float, torch.Tensor]:
        student = logprobs(logits)
        ids = top_ids[part]
        teacher = torch.log_softmax(top_logprobs[part].to(student.dtype), dim=-1)
        weight = teacher.exp()
        # Where q is 0 the term is 0, and not 0 * -inf.
        terms = torch.where(weight > 0, weight * (teacher - student.gather(-1, ids)), 0.0)
        # d/dlogits of KL(q || p) is p - q.
        gradient = student.exp_().scatter_add_(-1, ids, -weight)
        return float(terms.sum()) / positions, gradient.div_(positions)

    return chunked_loss(hidden, head, vocab_size, chunk_loss)
