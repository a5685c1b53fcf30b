"""Twins: a second set of modules on the weights of a loaded model, at almost no memory."""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any

import torch


def twin(model: Any) -> Any:
    """Copy a model's modules, config and small attributes, sharing the weights.

    Parameters and buffers are new tensors on the same memory, so attributes such as requires_grad
    or data belong to the twin alone. Writing into the memory would change the original: call
    `own_copy` first. Tied weights stay tied.
    """
    tensors = chain(model.parameters(), model.buffers())
    return copy.deepcopy(model, {id(tensor): _alias(tensor) for tensor in tensors})


def own_copy(tensor: torch.Tensor) -> None:
    """Give a tensor its own memory with the same values; weights tied to it stay tied."""
    tensor.data = tensor.data.clone()


def _alias(tensor: torch.Tensor) -> torch.Tensor:
    """A new tensor on the same memory; quantized weights, which are never written, as they are."""
    if type(tensor) is torch.nn.Parameter:
        alias: torch.Tensor = torch.nn.Parameter(tensor.detach(), requires_grad=False)
    elif type(tensor) is torch.Tensor:
        alias = tensor.detach()
    else:
        return tensor
    alias.__dict__.update(tensor.__dict__)
    return alias
