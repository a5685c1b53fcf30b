"""The gated contrastive loss: push decisions by their advantage, keep everything else at the base.

With p the tuned model's and q the base's distribution on the same prefix, o_t the token
at position t, D the decision points and R all other predicted positions, those of the prompt too
(paper section 5, equations 5 to 7):

    decision = mean over D of A_i * -log p(o_t)
    anchor   = mean over R of KL(q || p) = sum_v q(v) (log q(v) - log p(v))
    loss     = decision + kl_weight * anchor

Where decisions have weights (core.reasonmaxxer.weights), A_i is multiplied by that of the token.

It never holds a tensor of positions x vocabulary (core.lora.chunked_loss).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.lora.chunked_loss import Head, chunked_loss, exact
from core.reasonmaxxer.settings import Averaging

# Logits that go through all steps of the loss together: they fit into a processor's cache.
_BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True)
class LossSettings:
    """Weights and guards of the loss."""

    kl_weight: float = 0.2
    averaging: Averaging = "token"
    # A token of a wrong rollout is not pushed down below the larger of both floors. 0: no floor.
    probability_floor: float = 0.0
    relative_probability_floor: float = 0.0  # as a share of the base's probability


@dataclass(frozen=True)
class Totals:
    """Divisors of the means of one optimizer step, over all its micro-batches and processes."""

    decisions: float  # tokens in D
    anchors: float  # positions in R
    sequences: float


@dataclass(frozen=True)
class Positions:
    """The N predicted positions of a micro-batch, prompt included, without padding."""

    hidden: torch.Tensor  # (N, H) of the tuned model, where the token is predicted
    base_hidden: torch.Tensor  # (N, H) of the base
    token_ids: torch.Tensor  # (N,) the token there
    decision: torch.Tensor  # (N,) True in D
    advantage: torch.Tensor  # (N,) of the rollout, times the decision's weight if it has one
    decision_weight: torch.Tensor  # (N,) share in the mean over D; 0 outside
    anchor_weight: torch.Tensor  # (N,) share in the mean over R; 0 outside


@dataclass
class LossParts:
    """Sums over a micro-batch: the parts of the loss, and its diagnostics."""

    decision: float = 0.0  # its share of the step's decision part
    anchor: float = 0.0  # its share of the step's anchor part, in nats
    raised: float = 0.0  # sum of log p - log q over decisions of right rollouts, in nats
    raised_count: float = 0.0
    lowered: float = 0.0  # the same, of wrong rollouts
    lowered_count: float = 0.0
    push_up: float = 0.0  # sum of |A| (1 - p), the pull on the token's own logit
    push_down: float = 0.0  # the same where A < 0 and the floor is not reached
    floored: float = 0.0  # decisions at their floor

    def add(self, other: LossParts) -> None:
        """Add another micro-batch's sums."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def position_weights(
    decision: torch.Tensor, predicted: torch.Tensor, totals: Totals, averaging: Averaging
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each position's share in the means over D and over R.

    A sequence without decision points adds 0 to the mean over sequences.

    Args:
        decision: (B, T) True in D.
        predicted: (B, T) True at every predicted position.
        totals: of the optimizer step.
        averaging: over tokens, or over sequences.

    Returns:
        Two tensors (B, T), 0 outside D and outside R.
    """
    weights = []
    for mask, count in ((decision, totals.decisions), (predicted & ~decision, totals.anchors)):
        if averaging == "token":
            weights.append(mask / max(count, 1.0))
        else:
            own = mask.sum(dim=-1, keepdim=True).clamp_min(1)
            weights.append(mask / own / max(totals.sequences, 1.0))
    return weights[0], weights[1]


def gated_loss(
    positions: Positions, head: Head, vocab_size: int, settings: LossSettings
) -> tuple[torch.Tensor, LossParts]:
    """The loss of a micro-batch, differentiable in `positions.hidden` only.

    Args:
        positions: of the micro-batch.
        head: of both models; its weights get no gradient, and its output is overwritten.
        vocab_size: width of the logits.
        settings: weights and guards.

    Returns:
        The loss (), its share of the optimizer step's; its parts.
    """
    parts = LossParts()
    room: torch.Tensor | None = None  # (3, n, V), scratch buffer, allocated once

    def chunk_loss(part: slice, logits: torch.Tensor) -> tuple[float, torch.Tensor]:
        nonlocal room
        if room is None:
            shape = (3, _rows_at_once(logits), logits.shape[-1])
            room = logits.new_empty(shape, dtype=exact(logits.dtype))
        base_logits = head(positions.base_hidden[part])
        own = LossParts()
        for start in range(0, len(logits), room.shape[1]):
            block = slice(start, min(start + room.shape[1], len(logits)))
            there = slice(part.start + block.start, part.start + block.stop)
            found, gradient = _block(
                logits[block], base_logits[block], positions, there, settings, room
            )
            own.add(found)
            base_logits[block] = gradient  # overwrites logits that are no longer needed
        parts.add(own)
        return own.decision + settings.kl_weight * own.anchor, base_logits

    return chunked_loss(positions.hidden, head, vocab_size, chunk_loss), parts


def _rows_at_once(logits: torch.Tensor) -> int:
    """Rows of a chunk that go through all steps of the loss together."""
    if logits.device.type != "cpu":
        return len(logits)
    return min(len(logits), max(1, _BLOCK_BYTES // (4 * logits.shape[-1])))


def _block(
    logits: torch.Tensor,
    base_logits: torch.Tensor,
    positions: Positions,
    part: slice,
    settings: LossSettings,
    room: torch.Tensor,
) -> tuple[LossParts, torch.Tensor]:
    """The parts of the loss of some positions, and its gradient at their logits (n, V)."""
    token_ids = positions.token_ids[part].unsqueeze(-1)
    advantage = positions.advantage[part]
    decision = positions.decision[part]
    own_logprobs, base_logprobs, base = room[:, : len(logits)]
    torch.log_softmax(logits, dim=-1, dtype=room.dtype, out=own_logprobs)
    torch.log_softmax(base_logits, dim=-1, dtype=room.dtype, out=base_logprobs)
    own, base_own = (x.gather(-1, token_ids).squeeze(-1) for x in (own_logprobs, base_logprobs))

    torch.exp(base_logprobs, out=base)
    # nansum: an id that both models mask out of their logits adds 0 * (-inf + inf), which is 0.
    divergence = base_logprobs.sub_(own_logprobs).mul_(base).nansum(dim=-1)
    # Log-probability below which a token isn't pushed down any further. -inf: no floor.
    floor = torch.maximum(
        own.new_tensor(settings.probability_floor).log(),
        own.new_tensor(settings.relative_probability_floor).log() + base_own,
    )
    floored = decision & (advantage < 0) & (own < floor)
    decision_weight = positions.decision_weight[part] * advantage
    anchor_weight = positions.anchor_weight[part] * settings.kl_weight
    counted = torch.where(floored, floor, own)
    parts = _parts(positions, part, own, base_own, counted, divergence, floored)

    # d/dlogits of w * -log p(o) is w (p - onehot); of w * KL(q || p) it is w (p - q).
    push = torch.where(floored, 0.0, decision_weight).to(own.dtype)
    gradient = own_logprobs.exp_().mul_((push + anchor_weight).unsqueeze(-1))
    gradient.sub_(base.mul_(anchor_weight.unsqueeze(-1)))
    gradient.scatter_add_(-1, token_ids, -push.unsqueeze(-1))
    return parts, gradient


def _parts(
    positions: Positions,
    part: slice,
    own: torch.Tensor,
    base_own: torch.Tensor,
    counted: torch.Tensor,
    divergence: torch.Tensor,
    floored: torch.Tensor,
) -> LossParts:
    """A chunk's sums, transferred from the device together."""
    advantage, decision = positions.advantage[part], positions.decision[part]
    right, wrong = decision & (advantage > 0), decision & (advantage < 0)
    pull = advantage.abs() * (1 - own.exp())
    change = own - base_own
    sums = (
        (positions.decision_weight[part] * advantage * -counted).sum(),
        (positions.anchor_weight[part] * divergence).sum(),
        change[right].sum(),
        right.sum(),
        change[wrong].sum(),
        wrong.sum(),
        pull[right].sum(),
        pull[wrong & ~floored].sum(),
        floored.sum(),
    )
    values = torch.stack([each.to(own.dtype) for each in sums]).tolist()
    return LossParts(*values)
