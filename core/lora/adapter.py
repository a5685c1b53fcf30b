"""A LoRA adapter: put onto a model, told from nothing, and saved as plain peft has it."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers.pytorch_utils import Conv1D

from core.errors import ModelError, TrainingError
from core.models.language_model import LanguageModel


def put_adapter_on(lm: LanguageModel, rank: int, alpha: int, target_modules: Sequence[str]) -> Any:
    """A new adapter on a model, which still changes nothing.

    Args:
        lm: the base; the adapter's layers go into its own modules.
        rank: of the two matrices of every adapted layer.
        alpha: what they are scaled by is alpha / rank.
        target_modules: names of layers, such as q_proj.

    Returns:
        A `PeftModel`.

    Raises:
        ModelError: no layers, some that the model doesn't have, or that can't be adapted.
    """
    layers = sorted(
        {
            name.rpartition(".")[2]
            for name, module in lm.model.named_modules()
            if isinstance(module, torch.nn.Linear | Conv1D)
            and module is not lm.model.get_output_embeddings()
        }
    )
    lacking = [name for name in target_modules if name not in layers]
    if lacking or not target_modules:
        raise ModelError(
            f"The model has no layers called {', '.join(lacking)} that an adapter can be put on."
            if lacking
            else "No layers are named that an adapter is to be put on.",
            f"Choose among {', '.join(layers)}.",
        )
    config = LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=list(target_modules), task_type="CAUSAL_LM"
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


def check_changed(tuned: LanguageModel, prompt_ids: Sequence[int]) -> None:
    """A before and after of one and the same model would mean nothing.

    Raises:
        TrainingError: with its adapter the model says what it says without.
    """
    model: Any = tuned.model
    ids = torch.tensor([list(prompt_ids)], device=tuned.device)
    with tuned.lock, torch.inference_mode():
        after = model(input_ids=ids).logits
        with model.disable_adapter():
            before = model(input_ids=ids).logits
    if torch.equal(before, after):
        raise TrainingError(
            "The tuned model equals its base: the training changed nothing.",
            "Raise the learning rate or the epochs, or lower the warmup steps.",
        )


def write_adapter(tuned: LanguageModel, partly: Path) -> None:
    """Write an adapter's folder; `take_adapter` puts it in its place.

    Raises:
        OSError: the disk is full or can't be written.
    """
    shutil.rmtree(partly, ignore_errors=True)
    model: Any = tuned.model
    model.peft_config["default"].base_model_name_or_path = tuned.name  # no path of this machine
    model.save_pretrained(str(partly), save_embedding_layers=False)  # else peft looks it up there


def take_adapter(partly: Path, folder: Path) -> None:
    """Put a whole adapter in its place, in one step.

    Raises:
        OSError: the disk can't be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partly, folder)


def trained_parameters(model: torch.nn.Module) -> int:
    """How many parameters have a gradient."""
    return sum(each.numel() for each in model.parameters() if each.requires_grad)
