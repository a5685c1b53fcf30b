"""Products of few rows with large weights, by oneDNN.

A decoding step multiplies every weight with a few dozen rows. torch gives float32 products on a
processor to MKL, whose kernels are made for square ones; oneDNN takes half the time for the head
of a model and two thirds for its layers. Only the order of summation differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_NARROW = 512  # hidden size below which a product costs less than finding out what it is
_MOST_ROWS = 256  # beyond, MKL is as fast; a single row is a matrix-vector product


class ThinProducts(TorchFunctionMode):
    """Linear layers of few rows in float32 on a processor are computed by oneDNN."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is functional.linear and not kwargs and _is_thin(*args[:2]):
            bias = args[2] if len(args) > 2 else None
            return torch.ops.mkldnn._linear_pointwise(args[0], args[1], bias, "none", [], "")
        return func(*args, **(kwargs or {}))


def _is_thin(rows: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether a product is one that oneDNN is better at, of tensors that it can take."""
    return (
        rows.dtype == weight.dtype == torch.float32
        and rows.device.type == "cpu"
        and rows.dim() > 1
        and 1 < rows.numel() // rows.shape[-1] <= _MOST_ROWS
        and weight.is_contiguous()
    )


def thin_products(model: Any, device: torch.device) -> AbstractContextManager[Any]:
    """A context for the decoding steps of a model, without gradients."""
    width = getattr(model.config.get_text_config(decoder=True), "hidden_size", 0)
    there = hasattr(torch.ops.mkldnn, "_linear_pointwise")
    if device.type != "cpu" or width < _NARROW or not there:
        return nullcontext()
    return ThinProducts() if model.dtype == torch.float32 else nullcontext()
