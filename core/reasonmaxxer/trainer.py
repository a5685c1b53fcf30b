"""ReasonMaxxer as a transformers Trainer: a LoRA adapter, pushed at decision points only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from core.errors import TrainingError
from core.lora.examples import token_count
from core.lora.prefix_tree import TokenRows
from core.lora.trainer import SPARE, LoraArguments, LoraTrainer, no_loss, pad_id
from core.models.language_model import LanguageModel
from core.reasonmaxxer.examples import Collator, Example
from core.reasonmaxxer.loss import (
    LossParts,
    LossSettings,
    Positions,
    Totals,
    gated_loss,
    position_weights,
)
from core.reasonmaxxer.settings import Averaging

HeldOutEvaluation = Callable[[LanguageModel], dict[str, float]]
"""Measures a tuned model on held-out problems; "accuracy" selects the best checkpoint."""


@dataclass
class ReasonMaxxerConfig(LoraArguments):
    """TrainingArguments and the paper's recipe (section 5, appendix B) as their defaults.

    The paper's means are over one rollout at a time (batch 1, accumulated): "sequence".
    """

    learning_rate: float = field(default=1e-4, metadata={"help": "Of AdamW (0.9, 0.999)."})
    warmup_steps: float = field(default=50, metadata={"help": "Linear warmup, in steps."})
    per_device_train_batch_size: int = field(default=1, metadata={"help": "Rollouts at once."})
    gradient_accumulation_steps: int = field(
        default=8, metadata={"help": "Micro-batches per step."}
    )
    num_train_epochs: float = field(default=1, metadata={"help": "Passes over the rollouts."})
    train_sampling_strategy: str = field(
        default="sequential", metadata={"help": "sequential: in the order of the examples."}
    )

    kl_weight: float = field(default=0.2, metadata={"help": "Weight of the anchor."})
    averaging: Averaging = field(default="sequence", metadata={"help": "token or sequence."})
    probability_floor: float = field(
        default=0.0, metadata={"help": "Tokens aren't pushed down below it."}
    )
    relative_probability_floor: float = field(
        default=0.0, metadata={"help": "The same, as a share of the base's probability."}
    )

    @property
    def loss_settings(self) -> LossSettings:
        """The settings of the loss."""
        return LossSettings(
            self.kl_weight,
            self.averaging,
            self.probability_floor,
            self.relative_probability_floor,
        )


class ReasonMaxxerTrainer(LoraTrainer):
    """Trains a LoRA adapter on rollouts of the base itself.

        lm = load_language_model(ModelSpec("Qwen/Qwen2.5-1.5B"))
        problems = read_problems("problems.jsonl")
        settings = EvaluationSettings(samples=20, max_new_tokens=2048)
        rollouts = evaluate(lm, problems, settings, keep_entropy=True)
        selection = select_examples(rollouts, SelectionSettings(), GateSettings())
        trainer = ReasonMaxxerTrainer(lm, ReasonMaxxerConfig("out"), selection.examples)
        trainer.train()
        trainer.model.save_pretrained("adapter")

    It runs under `accelerate launch` as any Trainer does.

    Args:
        lm: the base; an adapter is attached to it, so load it again for other uses.
        args: the recipe.
        train_dataset: rollouts with their advantages and gates, in training order.
        held_out: measures the model every `eval_steps` steps.
        callbacks: of transformers.

    Raises:
        ModelError: target modules that the model doesn't have, a head that can't be cut off, or
            float16.
        TrainingError: no example has a decision point.
    """

    def __init__(
        self,
        lm: LanguageModel,
        args: ReasonMaxxerConfig,
        train_dataset: Sequence[Example],
        held_out: HeldOutEvaluation | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        if not any(any(each.gate) for each in train_dataset):
            raise TrainingError(
                "No token of the rollouts is a decision point, so there is nothing to push.",
                "Lower tau, or choose another gate.",
            )
        self._held_out = held_out
        self._parts = LossParts()
        self._parts_steps = 0  # number of steps summed in `_parts`
        super().__init__(
            lm,
            args,
            train_dataset,
            None if held_out is None else [],
            callbacks,
        )

    def collator(self, *, share: bool) -> Collator:
        """Makes micro-batches."""
        return Collator(pad_id(self._lm), share)

    def counts(self, examples: Sequence[Example]) -> torch.Tensor:
        """Decisions, anchors and sequences of a step (3,). A rollout's first token isn't predicted,
        be it of the prompt or, without one, of the completion."""
        self._parts_steps += 1
        decisions = sum(sum(each.gate[not each.prompt_ids :]) for each in examples)
        predicted = token_count(examples) - len(examples)
        return torch.tensor([decisions, predicted - decisions, len(examples)], dtype=torch.float)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The gated loss of a micro-batch: its share of the step's."""
        if inputs["rows"] is None:
            return no_loss(model)
        rows = inputs["rows"].to(self.args.device)
        settings, totals = self.args.loss_settings, Totals(*num_items_in_batch.tolist())
        predicted = _at_places(rows, inputs, totals, settings.averaging)
        with self.accelerator.autocast():
            model.eval()  # without dropout, as the rollouts were sampled
            base = self._two.base(rows).flatten(0, 1)
            if self.args.gradient_checkpointing:
                model.train()  # gradient checkpointing needs training mode
            hidden = self._two.tuned(model, rows).flatten(0, 1)
            before = rows.before[predicted.places]
            positions = Positions(
                hidden=hidden[before],
                base_hidden=base[before],
                token_ids=rows.input_ids.flatten()[predicted.places],
                decision=predicted.decision,
                advantage=predicted.advantage,
                decision_weight=predicted.decision_weight,
                anchor_weight=predicted.anchor_weight,
            )
            loss, parts = gated_loss(positions, self._two.head, self._lm.vocab_size, settings)
        self.check_number(loss)
        if SPARE not in inputs:
            self._parts.add(parts)
        return self.share_of(loss, inputs)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Measure the model on the held-out problems."""
        measure = self._held_out
        assert measure is not None
        self.model.eval()
        found = self.evaluated(lambda: measure(self._lm))
        metrics = {f"eval_{key}": value for key, value in found.items()}
        self.log(metrics)
        control: Any = self.control
        self.control = self.callback_handler.on_evaluate(self.args, self.state, control, metrics)
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log transformers' entries, and the parts of the loss since the last entry."""
        if "loss" in logs:
            parts = LossParts(*self.over_processes(torch.tensor(astuple(self._parts))).tolist())
            logs = {**logs, **_means(parts, self._parts_steps)}
            self._parts, self._parts_steps = LossParts(), 0
        super().log(logs, start_time)

    def _load_best_model(self) -> None:
        if not self.is_world_process_zero():
            return  # the checkpoints are the main process's
        # By its step: the run's folder may have been moved since.
        best = Path(self.args.output_dir) / f"checkpoint-{self.state.best_global_step}"
        self.state.best_model_checkpoint = str(best)
        super()._load_best_model()


@dataclass(frozen=True)
class _Predicted:
    """The N places of a micro-batch whose tokens are predicted, and what each counts."""

    places: torch.Tensor  # (N,)
    decision: torch.Tensor  # (N,) True in D
    advantage: torch.Tensor  # (N,) of the rollout, times the decision's weight; 0 outside D
    decision_weight: torch.Tensor  # (N,)
    anchor_weight: torch.Tensor  # (N,) where rollouts share a place, the sum of their weights


def _at_places(
    rows: TokenRows, inputs: dict[str, Any], totals: Totals, averaging: Averaging
) -> _Predicted:
    """The weights of a micro-batch's positions, by their places in its rows.

    Only places of prompts are shared, and no decision stands there.
    """
    predicted, decision = inputs["predicted"], inputs["decision"]  # (B, L - 1)
    weights = position_weights(decision, predicted, totals, averaging)
    places = rows.places[:, 1:]
    size = len(rows.before)

    def summed(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        whole = values.new_zeros(size)
        return whole.index_add(0, places[where], values[where])

    here = torch.zeros(size, dtype=torch.bool, device=places.device)
    here[places[predicted]] = True
    decided = torch.zeros_like(here)
    decided[places[decision]] = True
    advantage = inputs["advantage"][:, None] * inputs["weight"]
    return _Predicted(
        here.nonzero().squeeze(-1),
        decided[here],
        summed(advantage, decision)[here],
        summed(weights[0], predicted)[here],
        summed(weights[1], predicted)[here],
    )


def _means(parts: LossParts, steps: int) -> dict[str, float]:
    """The figures of a log entry; those without any tokens in these steps are left out."""
    steps = max(steps, 1)
    push = parts.push_up + parts.push_down
    shares = {
        "right_delta_logprob": (parts.raised, parts.raised_count),
        "wrong_delta_logprob": (parts.lowered, parts.lowered_count),
        "negative_pressure": (parts.push_down, push),
        "floored": (parts.floored, parts.lowered_count),
    }
    means = {key: value / whole for key, (value, whole) in shares.items() if whole}
    gated = parts.raised_count + parts.lowered_count
    return {
        "decision": parts.decision / steps,
        "kl": parts.anchor / steps,
        "gated_tokens": gated / steps,
        **means,
    }
