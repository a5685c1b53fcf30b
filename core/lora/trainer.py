"""A transformers Trainer for LoRA adapters whose loss takes hidden states instead of logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.distributed as dist
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

from core.errors import ModelError, TrainingError
from core.lora.adapter import attach_adapter
from core.lora.callbacks import StepCallback
from core.lora.examples import grouped
from core.lora.prefix_tree import can_share
from core.lora.two_models import TwoModels
from core.models.language_model import LanguageModel
from core.models.prefix_store import PrefixStore

ROW_TOKENS = 1024
"""Tokens that a micro-batch of shared beginnings may have, whatever the batch size."""

SPARE = "spare"
"""In a micro-batch of a process that has none of its own in a step: it counts for nothing."""


@dataclass
class LoraArguments(TrainingArguments):
    """TrainingArguments with the shape of the adapter."""

    logging_steps: float = field(default=1, metadata={"help": "Steps between two log entries."})
    report_to: str = field(default="none", metadata={"help": "Where logs go besides."})
    remove_unused_columns: bool = field(default=False, metadata={"help": "Keep all of a batch."})
    logging_nan_inf_filter: bool = field(default=False, metadata={"help": "Log NaNs as they are."})
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
    """Trains an adapter; a subclass brings the examples and the loss.

    `_two` is the model cut at its head, and `_lm` the model with its adapter, to decode with.

    Args:
        lm: the base; an adapter is attached to it, so load it again for other uses.
        args: the recipe.
        train_dataset: the examples.
        eval_dataset: None unless the subclass can evaluate.
        callbacks: of transformers.

    Raises:
        ModelError: target modules that the model doesn't have, a head that can't be cut off, or
            float16.
    """

    def __init__(
        self,
        lm: LanguageModel,
        args: LoraArguments,
        train_dataset: Sequence[Any],
        eval_dataset: Sequence[Any] | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        if lm.dtype == "float16":
            raise ModelError(
                "In float16 the gradients of small losses underflow to 0.",
                "Load the model in float32 or bfloat16 to fine-tune it.",
            )
        set_seed(args.seed)  # the adapter's first weights are drawn
        adapted = attach_adapter(lm, args.lora_rank, args.lora_alpha, args.target_modules)
        self._lm = replace(lm, model=adapted, prefixes=PrefixStore())
        self._two = TwoModels(adapted)
        super().__init__(
            model=adapted,
            args=args,
            data_collator=list,  # micro-batches are made for a whole step
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            processing_class=lm.tokenizer,
            callbacks=[_StopAtNaN(), *callbacks],
        )
        if self.args.world_size > 1:
            self.add_callback(_AsTheMainProcess())  # the last one
        longest = max((len(e.prompt_ids) + len(e.token_ids) for e in train_dataset), default=0)
        self._row_tokens = max(longest * self.args.per_device_train_batch_size, ROW_TOKENS)
        self._share = can_share(adapted)
        self._in_step = (0, 1)  # micro-batches of the step at work: done, in all
        self._lm.device = self.args.device  # the Trainer has moved the model there
        self.remove_callback(PrinterCallback)  # what is logged is read from the state
        self.model_accepts_loss_kwargs = True  # the loss divides by the totals of the whole step

    @property
    def tuned(self) -> LanguageModel:
        """The model with its adapter, to decode with."""
        return self._lm

    @property
    def shares(self) -> bool:
        """Whether equal beginnings of prompts are computed once."""
        return self._share

    def accumulate(self, examples: Sequence[Any]) -> None:
        """Add the gradients of one micro-batch, as in a step that has no others, and wait for
        them."""
        batch = self._prepare_inputs(self.collator(share=self._share)(list(examples)))
        counts = self.counts(examples)
        loss = self.compute_loss(self.model, batch, num_items_in_batch=counts)
        loss.backward()
        if self.args.device.type == "cuda":
            torch.cuda.synchronize(self.args.device)

    def collator(self, *, share: bool) -> Callable[[list[Any]], dict[str, Any]]:
        """Makes a micro-batch of examples, with its token rows under "rows".

        Args:
            share: equal beginnings of prompts stand once.
        """
        raise NotImplementedError

    def counts(self, examples: Sequence[Any]) -> torch.Tensor:
        """What the loss of an optimizer step divides by (n,), of its examples."""
        raise NotImplementedError

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The examples in their order. Every process reads all of them, `world_size` micro-batches
        at a time, and takes its own out of each step: so a step has the same examples whoever
        shares it, and its counts are known without asking."""
        if self.args.world_size == 1:
            whole: DataLoader[Any] = super().get_train_dataloader()
            return whole
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,
            batch_size=self._train_batch_size * self.args.world_size,
            sampler=self._get_train_sampler(self.train_dataset),
            collate_fn=list,
        )
        loader = prepare_data_loader(
            loader, num_processes=1, process_index=0, use_seedable_sampler=True
        )
        return loader

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """This process's micro-batches of a step, and the step's counts over all processes.

        Where the model allows it, rollouts that begin alike share what they begin with. Then there
        are fewer micro-batches, and empty ones in the place of the others: transformers counts
        them.
        """
        asked, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        examples = [each for group in asked for each in group]
        each_has = -(-len(examples) // self.args.world_size)
        mine = examples[each_has * self.args.process_index :][:each_has]
        if self._share:
            groups = grouped(mine, self._row_tokens)
        else:
            size = self._train_batch_size
            groups = [mine[i : i + size] for i in range(0, len(mine), size)]
        collate = self.collator(share=self._share)
        own = [collate(each) for each in groups]
        if not own:  # it must be there when gradients are summed
            own = [{**collate(examples[:1]), SPARE: True}]
        self._in_step = (0, len(own))
        nothing = {"rows": None, "input_ids": torch.zeros(0, dtype=torch.long)}
        return [*[nothing] * (len(asked) - len(own)), *own], self.counts(examples)

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any) -> torch.Tensor:
        """A micro-batch: its loss, and its gradients added to the step's. A `StepCallback` is
        called after each but the last, which ends the step."""
        loss: torch.Tensor = super().training_step(model, inputs, *args)
        if inputs["rows"] is not None:
            done, whole = self._in_step
            self._in_step = done + 1, whole
            if done + 1 < whole:
                for each in self.callback_handler.callbacks:
                    if isinstance(each, StepCallback):
                        each.on_micro_batch(self, done + 1, whole)
        return loss

    def keep_last_step(self) -> None:
        """Write a checkpoint of the last complete step, in the middle of the next one: until that
        ends, weights and optimizer are what they were."""
        if self.state.global_step > 0:
            self._save_checkpoint(self.model, None)
            control: Any = self.control  # type: ignore[has-type]
            self.control = self.callback_handler.on_save(self.args, self.state, control)

    def evaluated(self, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Figures that the main process measures, while the others wait for them."""
        found = [measure() if self.is_world_process_zero() else None]
        if self.args.world_size > 1:
            dist.broadcast_object_list(found, src=0)
        assert found[0] is not None
        return found[0]

    def share_of(self, loss: torch.Tensor, inputs: Mapping[str, Any]) -> torch.Tensor:
        """A micro-batch's loss as transformers takes it, which averages over processes."""
        return loss * (0 if SPARE in inputs else self.accelerator.num_processes)

    def check_number(self, loss: torch.Tensor) -> None:
        """Check a loss before its gradient is taken.

        Raises:
            TrainingError: it is NaN or infinite.
        """
        if not torch.isfinite(loss):
            raise _nan_error(self.state.global_step)

    def over_processes(self, sums: torch.Tensor) -> torch.Tensor:
        """Sums (n,) over all processes; with a single process they stay on the CPU. All of them
        have to call it."""
        if self.args.world_size == 1:
            return sums
        gathered: torch.Tensor = self.accelerator.gather(sums[None].to(self.args.device))
        return gathered.sum(0)


def no_loss(model: Any) -> torch.Tensor:
    """The loss of an empty micro-batch: 0, with gradients of 0."""
    trained: torch.Tensor = next(each for each in model.parameters() if each.requires_grad)
    return trained.sum() * 0.0


def pad_id(lm: LanguageModel) -> int:
    """The token id of padding, which no position attends to."""
    found = lm.tokenizer.pad_token_id
    return 0 if found is None else int(found)


class _StopAtNaN(TrainerCallback):
    """Ends the training before a NaN or infinite gradient reaches the adapter."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        gradients = [p.grad for p in kwargs["model"].parameters() if p.grad is not None]
        if not args.fp16 and not all(torch.isfinite(each).all() for each in gradients):
            raise _nan_error(state.global_step)  # in float16 the scaler skips such a step


class _AsTheMainProcess(TrainerCallback):
    """What is done after a step is decided by the main process, which a person can stop."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        names = ("should_log", "should_evaluate", "should_save", "should_training_stop")
        flags = torch.tensor([getattr(control, name) for name in names], device=args.device)
        dist.broadcast(flags, src=0)
        for name, flag in zip(names, flags.tolist(), strict=True):
            setattr(control, name, bool(flag))


def _nan_error(step: int) -> TrainingError:
    return TrainingError(
        f"The loss or its gradient is NaN or infinite at step {step + 1}.",
        "Lower the learning rate. The checkpoints before this step are kept.",
    )
