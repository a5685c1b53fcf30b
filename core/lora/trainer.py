"""A transformers Trainer for LoRA adapters whose loss is made of hidden states, not of logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

from core.errors import ModelError, TrainingError
from core.lora.adapter import put_adapter_on
from core.lora.two_models import TwoModels
from core.models.language_model import LanguageModel
from core.models.prefix_store import PrefixStore


@dataclass
class LoraArguments(TrainingArguments):
    """TrainingArguments with an adapter's shape."""

    logging_steps: float = field(default=1, metadata={"help": "Steps between two log entries."})
    report_to: str = field(default="none", metadata={"help": "Where logs go besides."})
    remove_unused_columns: bool = field(default=False, metadata={"help": "Keep all of a batch."})
    logging_nan_inf_filter: bool = field(default=False, metadata={"help": "A NaN is told."})
    disable_tqdm: bool | None = field(default=True, metadata={"help": "No bar of its own."})

    lora_rank: int = field(default=32, metadata={"help": "Rank of the adapter."})
    lora_alpha: int = field(default=64, metadata={"help": "Its scale times the rank."})
    target_modules: tuple[str, ...] = field(
        default=("q_proj", "k_proj", "v_proj", "o_proj"), metadata={"help": "Adapted layers."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        # One process a device (accelerate launch), never copies of the model in threads of one.
        self._n_gpu = min(self.n_gpu, 1)


class LoraTrainer(Trainer):
    """Trains an adapter; what it learns from and its loss are a subclass's.

    `_two` cuts the model at its head, and `_lm` is the model with its adapter, to decode with.

    Args:
        lm: the base; an adapter is put onto it, so load it anew for other uses.
        args: the recipe.
        collator: makes a micro-batch of examples.
        train_dataset: the examples.
        eval_dataset: None unless the subclass can evaluate.
        callbacks: transformers' own kind.

    Raises:
        ModelError: target modules that the model doesn't have, a head that can't be cut off, or
            float16.
    """

    def __init__(
        self,
        lm: LanguageModel,
        args: LoraArguments,
        collator: Any,
        train_dataset: Sequence[Any],
        eval_dataset: Sequence[Any] | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        if lm.dtype == "float16":
            raise ModelError(
                "In float16 the gradient of small losses is lost: it is below the smallest number.",
                "Load the model in float32 or bfloat16 to fine-tune it.",
            )
        set_seed(args.seed)  # the adapter's first weights are drawn
        adapted = put_adapter_on(lm, args.lora_rank, args.lora_alpha, args.target_modules)
        self._lm = replace(lm, model=adapted, prefixes=PrefixStore())
        self._two = TwoModels(adapted)
        super().__init__(
            model=adapted,
            args=args,
            data_collator=collator,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            processing_class=lm.tokenizer,
            callbacks=[_StopAtNoNumber(), *callbacks],
        )
        self._lm.device = self.args.device  # the Trainer has moved the model there
        self.remove_callback(PrinterCallback)  # what is logged is read from the state
        self.model_accepts_loss_kwargs = True  # the loss divides by the totals of the whole step

    @property
    def tuned(self) -> LanguageModel:
        """The model with its adapter, to decode with."""
        return self._lm

    def check_number(self, loss: torch.Tensor) -> None:
        """Refuse a loss before its gradient is taken.

        Raises:
            TrainingError: it is no number any more.
        """
        if not torch.isfinite(loss):
            raise _no_number(self.state.global_step)

    def over_processes(self, sums: torch.Tensor) -> torch.Tensor:
        """Sums (n,) of all processes, on the CPU where there is but one."""
        if self.args.world_size == 1:
            return sums
        gathered: torch.Tensor = self.accelerator.gather(sums[None].to(self.args.device))
        return gathered.sum(0)


def pad_id(lm: LanguageModel) -> int:
    """What stands in padding, which nobody sees."""
    found = lm.tokenizer.pad_token_id
    return 0 if found is None else int(found)


class _StopAtNoNumber(TrainerCallback):
    """Ends the training before a gradient that is no number reaches the adapter."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        gradients = [p.grad for p in kwargs["model"].parameters() if p.grad is not None]
        if not args.fp16 and not all(torch.isfinite(each).all() for each in gradients):
            raise _no_number(state.global_step)  # in float16 the scaler skips such a step


def _no_number(step: int) -> TrainingError:
    return TrainingError(
        f"The loss or its gradient is no number any more at step {step + 1}.",
        "Lower the learning rate. The checkpoints from before it are kept.",
    )
