"""Refuses models that read ahead: what a token is would depend on the tokens after it."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from core.errors import ModelError


def check_causal(model: Any) -> None:
    """Let a causal model pass. Encoders load as language models too (BERT and its kin), and would
    write chains whose every number is wrong.

    Only models that may belong to an encoder are asked; it costs them one small forward pass.

    Raises:
        ModelError: the model reads ahead.
    """
    own = model.get_base_model() if hasattr(model, "get_base_model") else model
    if "encoder_hidden_states" not in inspect.signature(own.forward).parameters:
        return
    width = own.get_input_embeddings().weight.shape[0]
    # Two texts with only their first token in common.
    ids = torch.tensor([range(0, 9), [0, *range(9, 17)]], device=model.device) % width
    with torch.no_grad():
        logits = own(input_ids=ids, use_cache=False).logits[:, 0].float()
    tolerance = 2 * torch.finfo(model.dtype).eps * float(logits.abs().max())
    if not torch.allclose(logits[0], logits[1], rtol=0, atol=tolerance):
        raise ModelError(
            f"Models of the kind {model.config.model_type} read in both directions, as this one"
            " does: it can't write a text token by token.",
            "Choose a causal language model.",
        )
