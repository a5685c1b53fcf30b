"""A fingerprint of a loaded model: two models with equal ones give equal distributions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from transformers import PreTrainedModel

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_SAMPLED = 256  # elements of every tensor

_known: WeakKeyDictionary[PreTrainedModel, str] = WeakKeyDictionary()


def weights_fingerprint(lm: LanguageModel) -> str:
    """A hash of a model's weights and an adapter's, whatever they are called and wherever they are.

    Hashed are the name, shape, type and up to 256 evenly spaced elements of every tensor: training
    changes some of them, and reading them takes milliseconds. What the tokenizer makes of a text is
    not part of it.

    Returns:
        64 hexadecimal digits.
    """
    model = lm.model
    if model not in _known:
        _known[model] = _hashed(model)
    return _known[model]


def _hashed(model: PreTrainedModel) -> str:
    found = hashlib.sha256(type(model).__name__.encode())
    with torch.no_grad():
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            found.update(f"\0{name}\0{tuple(tensor.shape)}\0{tensor.dtype}\0".encode())
            if tensor.is_meta or not tensor.numel():  # spread over devices, and not here now
                continue
            flat = tensor.detach().reshape(-1)
            some = flat[:: max(1, len(flat) // _SAMPLED)][:_SAMPLED]
            found.update(some.cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
