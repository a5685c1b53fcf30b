"""Attach an adapter, check that training changed it, save it in peft's format."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from core.errors import ModelError, TrainingError
from core.models.language_model import LanguageModel


def attach_adapter(lm: LanguageModel, rank: int, alpha: int, target_modules: Sequence[str]) -> Any:
    """Attach a new adapter to a model; until it is trained it changes nothing.

    Args:
        lm: the base; the adapter's layers go into its own modules.
        rank: of the two matrices of every adapted layer.
        alpha: their product is scaled by alpha / rank.
        target_modules: names of layers, such as q_proj.

    Returns:
        A `PeftModel`.

    Raises:
        ModelError: no layers, some that the model doesn't have, or that can't be adapted.
    """
    from peft import LoraConfig, get_peft_model  # slow to import, and pages never train

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
            f"The model has no layers called {', '.join(lacking)} that can get an adapter."
            if lacking
            else "No layers are named for the adapter.",
            f"Choose among {', '.join(layers)}.",
        )
    config = LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=list(target_modules), task_type="CAUSAL_LM"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of peft's own calls of transformers
        warnings.filterwarnings("ignore", "fan_in_fan_out")  # peft then sets it, as GPT-2 needs
        try:
            return get_peft_model(lm.model, config)
        except ValueError as error:  # such as a layer that a state-space model's kernels read past
            raise ModelError(
                f"These layers of the model can't get an adapter ({error}).",
                f"Choose others among {', '.join(layers)}.",
            ) from error


def check_changed(tuned: LanguageModel, prompt_ids: Sequence[int]) -> None:
    """Refuse an adapter that changes nothing: a comparison with the base would be meaningless.

    Raises:
        TrainingError: the model has the same logits with its adapter and without.
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


def write_adapter(tuned: LanguageModel, partial: Path) -> None:
    """Write an adapter's folder, with the same bytes in every process; `take_adapter` moves it to
    its place.

    Raises:
        OSError: the disk is full or can't be written.
    """
    shutil.rmtree(partial, ignore_errors=True)
    model: Any = tuned.model
    config = model.peft_config["default"]
    config.base_model_name_or_path = tuned.name  # no path of this machine
    config.target_modules = sorted(config.target_modules)  # peft's set has another order each time
    model.save_pretrained(str(partial), save_embedding_layers=False)  # else peft asks the hub


def take_adapter(partial: Path, folder: Path) -> None:
    """Move a complete adapter to its place, in one step.

    Raises:
        OSError: the disk can't be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)


def trained_parameters(model: torch.nn.Module) -> int:
    """How many parameters have a gradient."""
    return sum(each.numel() for each in model.parameters() if each.requires_grad)
