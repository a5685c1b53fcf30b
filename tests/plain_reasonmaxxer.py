"""A ReasonMaxxer step written out plainly: whole logits, autograd, no padding, no chunks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from models import byte_level_tokenizer
from transformers import PreTrainedModel

from core.models.language_model import wrap
from core.models.spec import ModelSpec
from core.reasonmaxxer.examples import Example
from core.reasonmaxxer.loss import LossSettings
from core.reasonmaxxer.trainer import ReasonMaxxerConfig, ReasonMaxxerTrainer

# The paper's formulas, one sequence and one position at a time.


@dataclass(frozen=True)
class Distributions:
    """One rollout's distributions: of the token at position t given what stands before it."""

    logprobs: torch.Tensor  # (L - 1, V) of the tuned model
    base_logprobs: torch.Tensor  # (L - 1, V)
    example: Example


def plain_loss(sequences: Sequence[Distributions], chosen: LossSettings) -> torch.Tensor:
    """L = mean over D of A_i * -log p(o_t) + w * mean over the rest of sum_v q log(q / p)."""
    all_decisions, all_anchors = [], []
    for each in sequences:
        ids = [*each.example.prompt_ids, *each.example.token_ids]
        gate = [False] * len(each.example.prompt_ids) + list(each.example.gate)
        decisions, anchors = [], []
        for position in range(1, len(ids)):  # nothing predicts the first token
            p, q = each.logprobs[position - 1], each.base_logprobs[position - 1]
            if gate[position]:
                own = p[ids[position]]
                floor = max(
                    chosen.probability_floor,
                    chosen.relative_probability_floor * math.exp(q[ids[position]].item()),
                )
                if each.example.advantage < 0 and math.exp(own.item()) < floor:
                    own = torch.tensor(math.log(floor), dtype=torch.float64)
                weights = each.example.weights
                weight = 1.0 if weights is None else weights[position - len(ids)]
                decisions.append(weight * each.example.advantage * -own)
            else:
                anchors.append((q.exp() * (q - p)).sum())
        all_decisions.append(decisions)
        all_anchors.append(anchors)
    return _mean(all_decisions, chosen) + chosen.kl_weight * _mean(all_anchors, chosen)


def _mean(groups: list[list[torch.Tensor]], chosen: LossSettings) -> torch.Tensor:
    zero = torch.zeros((), dtype=torch.float64)
    if chosen.averaging == "sequence":
        own = [torch.stack(group).mean() if group else zero for group in groups]
        return torch.stack(own).mean()
    everything = [each for group in groups for each in group]
    return torch.stack(everything).mean() if everything else zero


# At the adapter of a model.


@cache
def tokenizer() -> Any:
    """Ids are all that matters here, but a LanguageModel has one."""
    return byte_level_tokenizer()


def tiny_trainer(
    model: PreTrainedModel,
    examples: Sequence[Example],
    folder: Path,
    chosen: LossSettings,
    target_modules: tuple[str, ...] = ("q_proj", "v_proj", "o_proj"),
) -> ReasonMaxxerTrainer:
    """A trainer whose adapter is no longer at zero."""
    trainer = ReasonMaxxerTrainer(
        wrap(ModelSpec("tiny"), model, tokenizer()),
        ReasonMaxxerConfig(
            str(folder),
            use_cpu=True,
            lora_rank=4,
            lora_alpha=8,
            target_modules=target_modules,
            kl_weight=chosen.kl_weight,
            averaging=chosen.averaging,
            probability_floor=chosen.probability_floor,
            relative_probability_floor=chosen.relative_probability_floor,
        ),
        examples,
    )
    torch.manual_seed(2)
    for name, parameter in trainer.model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    trainer.model.to(model.dtype)
    return trainer


def step(
    trainer: ReasonMaxxerTrainer, micro_batches: Sequence[Sequence[Example]]
) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss of an optimizer step, and its gradient at the adapter."""
    trainer.model.zero_grad()
    batches = iter([trainer.data_collator(each) for each in micro_batches])
    collected, counts = trainer.get_batch_samples(batches, len(micro_batches), torch.device("cpu"))
    value = 0.0
    for batch in collected:
        loss = trainer.compute_loss(trainer.model, batch, num_items_in_batch=counts)
        loss.backward()
        value += loss.item()
    return value, gradients(trainer.model)


def plain_step(
    tuned: Any, base: PreTrainedModel, examples: Sequence[Example], chosen: LossSettings
) -> tuple[float, dict[str, torch.Tensor]]:
    """The same by a second copy of the base, whole logits, autograd, and no padding."""
    tuned.zero_grad()
    sequences = []
    for each in examples:
        ids = torch.tensor([[*each.prompt_ids, *each.token_ids]])
        with torch.no_grad():
            q = torch.log_softmax(base(ids, use_cache=False).logits[0, :-1], -1)
        p = torch.log_softmax(tuned(ids, use_cache=False).logits[0, :-1], -1)
        sequences.append(Distributions(p, q, each))
    loss = plain_loss(sequences, chosen)
    loss.backward()
    return loss.item(), gradients(tuned)


def gradients(model: Any) -> dict[str, torch.Tensor]:
    """By parameter; only the adapter's may have one."""
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    assert found
    assert all("lora_" in name for name in found)
    return found


def rollout(prompt: str, completion: str, gated: Sequence[int], advantage: float) -> Example:
    """Letters are token ids; `gated` are positions of the completion."""
    ids = [tuple(ord(letter) - ord("a") for letter in text) for text in (prompt, completion)]
    gate = tuple(i in gated for i in range(len(completion)))
    return Example("problem", ids[0], ids[1], gate, advantage)


def assert_gradients_close(
    found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float = 1e-6
) -> None:
    """Equal for every parameter, each on the scale of its largest entry; none may vanish."""
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        scale = float(gradient.abs().max())
        assert scale > 0, name
        torch.testing.assert_close(
            found[name], gradient, rtol=tolerance, atol=tolerance * scale, msg=name
        )
