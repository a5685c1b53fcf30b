"""Puts a LoRA adapter onto its base model, and refuses one that was trained on another."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from safetensors import safe_open
from transformers import PreTrainedModel

from core.errors import ModelError
from core.hub_files import ADAPTER_WEIGHTS
from core.model_files import adapter_facts


def with_adapter(model: PreTrainedModel, folder: Path, name: str) -> Any:
    """The model with the adapter's layers in it.

    Args:
        name: the adapter as the person named it.

    Raises:
        ModelError: it is no LoRA adapter, or one of another model: layers that are not there, other
            shapes, weights that nothing takes.
    """
    from peft import PeftModel

    base = adapter_facts(folder).get("base_model_name_or_path")
    remedy = (
        f"It was trained on {base}: load that model with it."
        if isinstance(base, str) and base
        else "Choose an adapter that was trained on this model."
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            adapted = PeftModel.from_pretrained(model, str(folder), use_safetensors=True)
        except (RuntimeError, ValueError, KeyError, TypeError, OSError) as error:
            first_line = str(error).strip().splitlines()[0]
            raise ModelError(
                f"The adapter in {name} does not fit this model ({first_line}).", remedy
            ) from error
    if any("missing adapter keys" in str(w.message) for w in caught):
        raise ModelError(f"The adapter in {name} has no weights for this model's layers.", remedy)
    own = {key.replace(".default", "") for key in adapted.state_dict() if "lora_" in key}
    with safe_open(folder / ADAPTER_WEIGHTS, framework="pt") as file:
        unknown = sorted(key for key in file.keys() if "lora_" in key and key not in own)  # noqa: SIM118
    if unknown:
        raise ModelError(
            f"The adapter in {name} does not fit this model (it has {unknown[0]}).", remedy
        )
    return adapted
