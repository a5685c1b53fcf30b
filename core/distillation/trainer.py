"""Distillation as a transformers Trainer: a LoRA adapter learns a teacher's distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import TrainerCallback

from core.distillation.examples import DistillationCollator, DistillationExample
from core.distillation.loss import distillation_loss
from core.errors import TrainingError
from core.lora.trainer import LoraArguments, LoraTrainer, no_loss, pad_id
from core.models.language_model import LanguageModel


@dataclass
class DistillationConfig(LoraArguments):
    """TrainingArguments and the paper's recipe (section 4) as their defaults."""

    learning_rate: float = field(default=1e-4, metadata={"help": "Of AdamW (0.9, 0.999)."})
    weight_decay: float = field(default=1e-2, metadata={"help": "Of AdamW."})
    warmup_steps: float = field(default=0.1, metadata={"help": "Below 1: share of the steps."})
    num_train_epochs: float = field(default=3, metadata={"help": "Passes over the rollouts."})
    per_device_train_batch_size: int = field(default=2, metadata={"help": "Rollouts at once."})
    gradient_accumulation_steps: int = field(
        default=8, metadata={"help": "Micro-batches per step."}
    )


class DistillationTrainer(LoraTrainer):
    """Trains a LoRA adapter on a teacher's rollouts and distributions.

        base = load_language_model(ModelSpec("Qwen/Qwen2.5-1.5B"))
        teacher = load_language_model(ModelSpec("hkust-nlp/Qwen-2.5-1.5B-SimpleRL-Zoo"))
        problems = read_problems("problems.jsonl")
        records = evaluate(teacher, problems, EvaluationSettings(samples=1, max_new_tokens=2048))
        examples = teacher_examples(teacher, records, k=64, vocab_size=base.vocab_size)
        trainer = DistillationTrainer(base, DistillationConfig("out"), examples)
        trainer.train()
        trainer.model.save_pretrained("adapter")

    It runs under `accelerate launch` as any Trainer does.

    Args:
        lm: the base; an adapter is attached to it, so load it again for other uses.
        args: the recipe.
        train_dataset: the teacher's rollouts.
        callbacks: of transformers.

    Raises:
        ModelError: target modules that the model doesn't have, a head that can't be cut off, or
            float16.
        TrainingError: there are no examples.
    """

    def __init__(
        self,
        lm: LanguageModel,
        args: DistillationConfig,
        train_dataset: Sequence[DistillationExample],
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        if not train_dataset:
            raise TrainingError(
                "The teacher has no rollouts, so there is nothing to learn.",
                "Give problems for it to solve.",
            )
        super().__init__(lm, args, train_dataset, callbacks=callbacks)

    def collator(self, *, share: bool) -> DistillationCollator:
        """Makes micro-batches."""
        return DistillationCollator(pad_id(self._lm), share)

    def counts(self, examples: Sequence[DistillationExample]) -> torch.Tensor:
        """How many completion positions a step has (1,)."""
        positions = sum(len(each.token_ids) - (not each.prompt_ids) for each in examples)
        return torch.tensor([float(positions)])

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The distillation loss of a micro-batch: its share of the step's."""
        if inputs["rows"] is None:
            return no_loss(model)
        rows, completion = inputs["rows"].to(self.args.device), inputs["completion"]
        with self.accelerator.autocast():
            model.eval()  # without dropout, as the teacher's distributions were computed
            if self.args.gradient_checkpointing:
                model.train()  # gradient checkpointing needs training mode
            hidden = self._two.tuned(model, rows).flatten(0, 1)
            loss = distillation_loss(
                hidden[rows.before[rows.places[:, 1:][completion]]],
                inputs["top_ids"],
                inputs["top_logprobs"],
                self._two.head,
                self._lm.vocab_size,
                max(float(num_items_in_batch.sum()), 1.0),
            )
        self.check_number(loss)
        return self.share_of(loss, inputs)
