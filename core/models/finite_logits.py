"""Refuse logits that are not numbers, before anything is drawn from them or computed of them."""

from __future__ import annotations

import torch

from core.errors import ModelError


def check_finite(logits: torch.Tensor, name: str, dtype: str) -> None:
    """A distribution needs a finite largest logit in every row; -inf elsewhere means probability 0.

    Args:
        logits: (..., V).
        name: the model as the person named it.
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
