"""The head of a model in a decoding step, by oneDNN: few rows times the whole vocabulary.

torch gives float32 products on a processor to MKL. Of a few rows with so large a matrix, oneDNN
needs about half of its time; only the order of summation differs. The products of the layers take
as long in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

_LARGE = 4_000_000  # weights of a head from which it is worth it
_MOST_ROWS = 256


@contextmanager
def thin_head(model: Any) -> Iterator[None]:
    """Inside, the model's head takes oneDNN where that is faster. The caller holds the model's
    lock, and takes no gradients."""
    head = model.get_output_embeddings()
    if not _can_be_thin(head):
        yield
        return

    def forward(rows: torch.Tensor) -> torch.Tensor:
        # A single row is a matrix-vector product, which torch is as good at.
        if 1 < rows.numel() // rows.shape[-1] <= _MOST_ROWS:
            found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                rows, head.weight, head.bias, "none", [], ""
            )
            return found
        return nn.functional.linear(rows, head.weight, head.bias)

    head.forward = forward
    try:
        yield
    finally:
        del head.forward


def _can_be_thin(head: Any) -> bool:
    """Whether a head is a plain product, of tensors that oneDNN can take."""
    return (
        type(head) is nn.Linear
        and "forward" not in vars(head)
        and head.weight.numel() >= _LARGE
        and head.weight.dtype == torch.float32
        and head.weight.device.type == "cpu"
        and head.weight.is_contiguous()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )
