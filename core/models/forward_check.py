"""A small forward pass at load time: checks for finite logits and causal attention."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from core.errors import ModelError
from core.models.architecture import unwrapped
from core.models.finite_numbers import check_finite


def check_forward_pass(model: Any, name: str, vocab_size: int) -> None:
    """Reject a model that is not causal or has logits that are not finite.

    Encoders such as BERT load as language models too, but their statistics would be wrong, since a
    token would depend on later ones.

    Args:
        name: the model's name as the user gave it.
        vocab_size: width of its logits.

    Raises:
        ModelError: the model fails to run, is not causal, or its logits are not finite.
    """
    own = unwrapped(model)
    # Two texts that share only their first token.
    ids = torch.tensor([range(0, 9), [0, *range(9, 17)]], device=model.device) % vocab_size
    try:
        with torch.no_grad():
            logits = own(input_ids=ids, use_cache=False).logits.float()
    except (
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        NotImplementedError,
    ) as error:
        # For example an adapter that repeats layers, on a model whose config counts them.
        raise ModelError(
            f"The model {name} can't read a text ({type(error).__name__}: {error}).",
            "Choose another model or adapter, or another version of transformers and peft.",
        ) from error
    check_finite(logits, name, str(model.dtype).removeprefix("torch."))
    if "encoder_hidden_states" not in inspect.signature(own.forward).parameters:
        return
    first = logits[:, 0]
    tolerance = 2 * torch.finfo(model.dtype).eps * float(first.abs().max())
    if not torch.allclose(first[0], first[1], rtol=0, atol=tolerance):
        raise ModelError(
            f"Models of the kind {model.config.model_type} read in both directions, as this one"
            " does: it can't write a text token by token.",
            "Choose a causal language model.",
        )
