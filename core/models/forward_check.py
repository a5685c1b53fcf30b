"""One small forward pass at loading: does the model give numbers, and does it read ahead?"""

from __future__ import annotations

import inspect
from typing import Any

import torch

from core.errors import ModelError
from core.models.finite_logits import check_finite


def check_forward_pass(model: Any, name: str, vocab_size: int) -> None:
    """Let a causal model with finite logits pass.

    Encoders load as language models too (BERT and its kin), and would write chains whose every
    number is wrong, since a token would depend on those after it.

    Args:
        name: the model as the person named it.
        vocab_size: width of its logits.

    Raises:
        ModelError: the model can't run, reads ahead, or its logits are not finite numbers.
    """
    own = model.get_base_model() if hasattr(model, "get_base_model") else model
    # Two texts with only their first token in common.
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
        # Such as an adapter that repeats layers of a model whose config counts them.
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
