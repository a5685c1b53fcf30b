"""Reject weights and logits that are not finite before anything is sampled or measured."""

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
    raise _not_finite(f"logits of {name}", dtype)


def check_finite_weights(model: torch.nn.Module, name: str) -> None:
    """Check that all weights are finite.

    Logits don't always show it: where a query is NaN, attention over a few tokens gives zeros on
    some processors (torch 2.13 with AVX-512), and so would be a wrong entropy without a word.

    Args:
        model: its quantised weights are not looked at.
        name: the model's name as the user gave it.

    Raises:
        ModelError: a weight is NaN or infinite.
    """
    for weight in model.parameters():
        if weight.is_floating_point() and not weight.is_meta and weight.numel():
            low, high = torch.aminmax(weight.detach())  # a NaN comes through; no copy is made
            if not (low.isfinite() & high.isfinite()):
                raise _not_finite(f"weights of {name}", str(weight.dtype).removeprefix("torch."))


def _not_finite(what: str, dtype: str) -> ModelError:
    remedy = (
        "Load it in float32 or bfloat16, whose range is wider."
        if dtype == "float16"
        else "Its weights are damaged, or its training diverged: get them again, or choose another "
        "model or adapter."
    )
    return ModelError(f"The {what} are not finite numbers (NaN or infinite), in {dtype}.", remedy)
