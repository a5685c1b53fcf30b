"""ReasonMaxxer as a transformers Trainer: a LoRA adapter, pushed at decision points only."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.pytorch_utils import Conv1D

from core.errors import ModelError, TrainingError
from core.kv_cache import PrefixStore
from core.language_model import LanguageModel
from core.reasonmaxxer.examples import Collator, Example
from core.reasonmaxxer.loss import (
    Averaging,
    LossParts,
    LossSettings,
    Positions,
    Totals,
    gated_loss,
    position_weights,
)
from core.reasonmaxxer.two_models import TwoModels

HeldOut = Callable[[LanguageModel], dict[str, float]]
"""Measures a tuned model on problems that are not trained on; "accuracy" chooses the best."""


@dataclass
class ReasonMaxxerConfig(TrainingArguments):
    """TrainingArguments and the paper's recipe (section 5, appendix B) as their defaults.

    Its means are over one rollout at a time (batch 1, accumulated), which is "sequence".
    """

    learning_rate: float = field(default=1e-4, metadata={"help": "Of AdamW (0.9, 0.999)."})
    warmup_steps: float = field(default=50, metadata={"help": "Linear warmup, in steps."})
    per_device_train_batch_size: int = field(default=1, metadata={"help": "Rollouts at once."})
    gradient_accumulation_steps: int = field(default=8, metadata={"help": "Micro-batches a step."})
    num_train_epochs: float = field(default=1, metadata={"help": "Passes over the rollouts."})
    train_sampling_strategy: str = field(
        default="sequential", metadata={"help": "sequential: in the order of the examples."}
    )
    logging_steps: float = field(default=1, metadata={"help": "Steps between two log entries."})
    report_to: str = field(default="none", metadata={"help": "Where logs go besides."})
    remove_unused_columns: bool = field(default=False, metadata={"help": "Keep the gate."})
    logging_nan_inf_filter: bool = field(default=False, metadata={"help": "A NaN is told."})
    disable_tqdm: bool | None = field(default=True, metadata={"help": "No bar of its own."})

    lora_rank: int = field(default=32, metadata={"help": "Rank of the adapter."})
    lora_alpha: int = field(default=64, metadata={"help": "Its scale times the rank."})
    target_modules: tuple[str, ...] = field(
        default=("q_proj", "k_proj", "v_proj", "o_proj"), metadata={"help": "Adapted layers."}
    )
    kl_weight: float = field(default=0.2, metadata={"help": "Weight of the anchor."})
    averaging: Averaging = field(default="sequence", metadata={"help": "token or sequence."})
    probability_floor: float = field(
        default=0.0, metadata={"help": "Tokens below it are pushed down no further."}
    )
    relative_probability_floor: float = field(
        default=0.0, metadata={"help": "The same, as a share of the base's probability."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        # One process a device (accelerate launch), never copies of the model in threads of one.
        self._n_gpu = min(self.n_gpu, 1)

    @property
    def loss_settings(self) -> LossSettings:
        """What the loss needs of these."""
        return LossSettings(
            self.kl_weight,
            self.averaging,
            self.probability_floor,
            self.relative_probability_floor,
        )


class ReasonMaxxerTrainer(Trainer):
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
        lm: the base; an adapter is put onto it, so load it anew for other uses.
        args: the recipe.
        train_dataset: rollouts with their advantages and gates, in the order to see them.
        held_out: measures a tuned model; asked every `eval_steps` steps.
        callbacks: transformers' own kind.

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
        held_out: HeldOut | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        if not any(any(each.gate) for each in train_dataset):
            raise TrainingError(
                "No token of the rollouts is a decision point, so there is nothing to push.",
                "Lower tau, or choose another gate.",
            )
        if lm.dtype == "float16":
            raise ModelError(
                "In float16 the gradient of the anchor is lost: it is below the smallest number.",
                "Load the model in float32 or bfloat16 to fine-tune it.",
            )
        set_seed(args.seed)  # the adapter's first weights are drawn
        self._lm = replace(lm, model=_with_adapter(lm, args), prefixes=PrefixStore())
        self._two = TwoModels(self._lm.model)
        self._held_out = held_out
        self._parts = LossParts()
        self._parts_steps = 0  # that the parts are summed over
        pad = lm.tokenizer.pad_token_id
        super().__init__(
            model=self._lm.model,
            args=args,
            data_collator=Collator(0 if pad is None else pad),
            train_dataset=train_dataset,
            eval_dataset=None if held_out is None else [],
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

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """The micro-batches of a step, and its counts (3,): decisions, anchors, sequences."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._parts_steps += 1
        counts = torch.zeros(3)
        for batch in batches:
            decisions, predicted = batch["decision"].sum().cpu(), batch["predicted"].sum().cpu()
            sequences = torch.tensor(len(batch["advantage"]))
            counts += torch.stack([decisions, predicted - decisions, sequences])
        return batches, self._over_processes(counts)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The gated loss of a micro-batch: its share of the step's."""
        ids, mask, predicted = inputs["input_ids"], inputs["attention_mask"], inputs["predicted"]
        settings = self.args.loss_settings
        decision_weight, anchor_weight = position_weights(
            inputs["decision"], predicted, Totals(*num_items_in_batch.tolist()), settings.averaging
        )
        with self.accelerator.autocast():
            model.eval()  # the rollouts were sampled without dropout, too
            base = self._two.base(ids, mask)
            if self.args.gradient_checkpointing:
                model.train()  # it works in no other mode
            hidden = self._two.tuned(model, ids, mask)
            positions = Positions(
                hidden=hidden[:, :-1][predicted],
                base_hidden=base[:, :-1][predicted],
                token_ids=ids[:, 1:][predicted],
                decision=inputs["decision"][predicted],
                advantage=inputs["advantage"][:, None].expand_as(predicted)[predicted],
                decision_weight=decision_weight[predicted],
                anchor_weight=anchor_weight[predicted],
            )
            loss, parts = gated_loss(positions, self._two.head, self._lm.vocab_size, settings)
        if not torch.isfinite(loss):
            raise _no_number(self.state.global_step)
        self._parts.add(parts)
        return loss * self.accelerator.num_processes  # their gradients are averaged

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Measure the model on the held-out problems."""
        assert self._held_out is not None
        self.model.eval()
        metrics = {f"eval_{key}": value for key, value in self._held_out(self._lm).items()}
        self.log(metrics)
        control: Any = self.control  # type: ignore[has-type]
        self.control = self.callback_handler.on_evaluate(self.args, self.state, control, metrics)
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log what transformers does, and what the loss was made of since the last time."""
        if "loss" in logs:
            parts = LossParts(*self._over_processes(torch.tensor(astuple(self._parts))).tolist())
            logs = {**logs, **_means(parts, self._parts_steps)}
            self._parts, self._parts_steps = LossParts(), 0
        super().log(logs, start_time)

    def _over_processes(self, sums: torch.Tensor) -> torch.Tensor:
        if self.args.world_size == 1:
            return sums
        gathered: torch.Tensor = self.accelerator.gather(sums[None].to(self.args.device))
        return gathered.sum(0)

    def _load_best_model(self) -> None:
        # By its step: the run's folder may have moved since its path was noted.
        best = Path(self.args.output_dir) / f"checkpoint-{self.state.best_global_step}"
        self.state.best_model_checkpoint = str(best)
        super()._load_best_model()


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


def _with_adapter(lm: LanguageModel, args: ReasonMaxxerConfig) -> Any:
    layers = sorted(
        {
            name.rpartition(".")[2]
            for name, module in lm.model.named_modules()
            if isinstance(module, torch.nn.Linear | Conv1D)
            and module is not lm.model.get_output_embeddings()
        }
    )
    lacking = [name for name in args.target_modules if name not in layers]
    if lacking or not args.target_modules:
        raise ModelError(
            f"The model has no layers called {', '.join(lacking)} that an adapter can be put on."
            if lacking
            else "No layers are named that an adapter is to be put on.",
            f"Choose among {', '.join(layers)}.",
        )
    config = LoraConfig(
        r=args.lora_rank,
        lora_alpha=args.lora_alpha,
        target_modules=list(args.target_modules),
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of peft's own calls of transformers
        warnings.filterwarnings("ignore", "fan_in_fan_out")  # it then does what GPT-2 needs
        try:
            return get_peft_model(lm.model, config)
        except ValueError as error:  # such as a layer that a state-space model's kernels read past
            raise ModelError(
                f"An adapter can't be put on these layers of the model ({error}).",
                f"Choose others among {', '.join(layers)}.",
            ) from error


def _means(parts: LossParts, steps: int) -> dict[str, float]:
    """What a log entry says; what there was none of in these steps is left out."""
    steps = max(steps, 1)
    push = parts.push_up + parts.push_down
    shares = {
        "right_delta_logprob": (parts.raised, parts.raised_count),
        "wrong_delta_logprob": (parts.lowered, parts.lowered_count),
        "negative_pressure": (parts.push_down, push),
        "floored": (parts.floored, parts.lowered_count),
    }
    means = {key: value / whole for key, (value, whole) in shares.items() if whole}
    return {"decision": parts.decision / steps, "kl": parts.anchor / steps, **means}
