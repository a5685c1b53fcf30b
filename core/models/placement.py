"""Placement of a model: device, dtype, quantization."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch

from core.errors import ModelError
from core.models.precision import Precision, auto_on_processor
from core.models.spec import Quantization

ALL_GPUS = "balanced"
"""The device name for all GPUs of this machine, with the layers spread over them."""

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Placement:
    """How to load a model's weights onto a device."""

    device: torch.device  # of the first layer
    dtype: torch.dtype
    quantization: Quantization
    spread: bool  # over all GPUs
    packed: bool = False  # the weights are stored quantized, according to the config
    reason: str | None = None  # why `auto` took this dtype; None: a person chose it

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments for `from_pretrained`."""
        arguments: dict[str, Any] = {"dtype": self.dtype}
        if self.quantization != "none":
            arguments["quantization_config"] = _bitsandbytes(self.quantization, self.dtype)
        if self.spread:
            arguments["device_map"] = ALL_GPUS
        elif self.quantization != "none" or self.packed:  # can't be moved after loading
            arguments["device_map"] = {"": self.device}
        return arguments


def device_choices() -> list[str]:
    """The devices to offer; "all GPUs" only if there are several."""
    return ["auto", "cpu", "cuda", "mps"] + [ALL_GPUS] * (torch.cuda.device_count() > 1)


def has_accelerator() -> bool:
    """Whether the device "auto" is another than the processor."""
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def quantization_named(name: str) -> Quantization:
    """Validate a quantization's name.

    Raises:
        ModelError: unknown.
    """
    match name:
        case "none" | "4bit" | "8bit":
            return name
    raise ModelError(f"Models have no quantization {name!r}.", "Use none, 4bit or 8bit.")


def place(device: str, dtype: str, quantization: str, config: Any) -> Placement:
    """Resolve device, dtype and quantization for this machine.

    Args:
        config: the model's, which has the dtype of its weights.

    Raises:
        ModelError: a device, dtype or quantization that this machine lacks.
    """
    spread = device == ALL_GPUS
    if spread and torch.cuda.device_count() < 2:
        raise ModelError(
            "This machine doesn't have several GPUs to spread a model over.",
            "Use auto, cpu, cuda or mps.",
        )
    where = device_named("cuda" if spread else device)
    packing = quantization_named(quantization)
    if packing != "none":
        _check_quantization(packing, where)
    packed = getattr(config, "quantization_config", None) is not None
    if dtype == "auto":
        taken = _auto(where, config)
        return Placement(where, taken.dtype, packing, spread, packed, taken.reason)
    return Placement(where, dtype_named(dtype), packing, spread, packed)


def _check_quantization(name: str, device: torch.device) -> None:
    if device.type != "cuda":
        raise ModelError(
            f"Weights in {name} need a CUDA GPU, and the model would run on {device.type}.",
            "Choose quantization none, or a machine with a GPU.",
        )
    if find_spec("bitsandbytes") is None:
        raise ModelError(
            f"Weights in {name} need the package bitsandbytes, which is not installed.",
            "Install it (pip install bitsandbytes), or choose quantization none.",
        )


def _bitsandbytes(quantization: Quantization, dtype: torch.dtype) -> Any:
    from transformers import BitsAndBytesConfig

    if quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )


def device_named(name: str) -> torch.device:
    """Resolve the name of a device.

    Raises:
        ModelError: this machine lacks it.
    """
    if name != "auto":
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            raise ModelError(
                f"This machine has no device {name!r}.", "Use auto, cpu, cuda or mps."
            ) from error
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def dtype_named(name: str) -> torch.dtype:
    """Validate a dtype's name.

    Raises:
        ModelError: unknown.
    """
    if name not in DTYPES:
        raise ModelError(
            f"Models have no dtype {name!r}.", "Use auto, float32, bfloat16 or float16."
        )
    return DTYPES[name]


def _auto(device: torch.device, config: Any) -> Precision:
    """On a CPU the measured choice, elsewhere the dtype of the stored weights."""
    if device.type == "cpu":
        return auto_on_processor(config)
    stored: torch.dtype | None = getattr(config, "dtype", None)
    if stored is None:
        return Precision(torch.float32, "the model's config names none")
    return Precision(stored, "the weights are stored in it")
