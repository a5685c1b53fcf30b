"""Reject logits that are not finite before they are sampled or measured."""

from __future__ import annotations

import torch

from core.errors import ModelError


def check_finite(logits: torch.Tensor, name: str, dtype: str) -> None:
    """Check that the largest logit of every row is finite; -inf elsewhere means probability 0.

    Args:
        logits: (..., V).
        name: the model's name as the user gave it.
        dtype: the precision it runs in.

    Raises:
        ModelError: a row has a NaN or +inf, or nothing but -inf.
    """
    if bool(logits.amax(dim=-1).isfinite().all()):
        return
    remedy = (
        "Load it in float32 or bfloat16, whose range is wider."
        if dtype == "float16"
        else "Its weights are damaged, or its training diverged: get them again, or choose another "
        "model or adapter."
    )
    raise ModelError(
        f"The logits of {name} are not finite numbers (NaN or infinite), in {dtype}.", remedy
    )
