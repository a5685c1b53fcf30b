"""A second set of modules on the weights of a loaded model: it costs next to no memory."""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any

import torch


def twin(model: Any) -> Any:
    """A copy of a model's modules, config and small attributes over the same weights.

    Parameters and buffers are new objects on the old memory: what is set on them (a gradient flag,
    other data) stays the twin's own. Only writing into the memory would reach the first model;
    `own_copy` comes before that. Weights that are tied in the model are tied in the twin.
    """
    tensors = chain(model.parameters(), model.buffers())
    return copy.deepcopy(model, {id(tensor): _alias(tensor) for tensor in tensors})


def own_copy(tensor: torch.Tensor) -> None:
    """Give a tensor memory of its own, holding what it holds; ties to it stay."""
    tensor.data = tensor.data.clone()


def _alias(tensor: torch.Tensor) -> torch.Tensor:
    """Another tensor on the same memory; quantized weights, which nothing writes to, themselves."""
    if type(tensor) is torch.nn.Parameter:
        alias: torch.Tensor = torch.nn.Parameter(tensor.detach(), requires_grad=False)
    elif type(tensor) is torch.Tensor:
        alias = tensor.detach()
    else:
        return tensor
    alias.__dict__.update(tensor.__dict__)
    return alias
