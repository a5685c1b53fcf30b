"""Tuned model and base in one set of weights, cut at the head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.utils import ModelOutput

from core.errors import ModelError
from core.lora.prefix_tree import TokenRows


class TwoModels:
    """A model with a LoRA adapter: switched on, the tuned model; switched off, the base.

    Args:
        model: a `PeftModel` whose adapter doesn't change the head.

    Raises:
        ModelError: the model can't be cut at its head.
    """

    def __init__(self, model: Any) -> None:
        self._peft = model
        self._model = model.get_base_model()
        self._decoder = self._model.get_decoder()
        self._captured: torch.Tensor | None = None
        self._output_kind: type[ModelOutput] = BaseModelOutputWithPast  # of the decoder
        if self._decoder is None or self._decoder is self._model:
            raise _no_head(self._model)
        self._decoder.register_forward_hook(self._capture)
        self._check()

    def tuned(self, model: Any, rows: TokenRows) -> torch.Tensor:
        """Hidden states (R, C, H) of the tuned model, with gradients.

        Args:
            model: this model, or its wrapper for several processes: its forward pass is called.
            rows: (R, C) what it reads.
        """
        model(**rows.arguments, use_cache=False, logits_to_keep=1)
        return self._take()

    def base(self, rows: TokenRows) -> torch.Tensor:
        """Hidden states (R, C, H) of the base, without gradients."""
        with torch.no_grad(), self._peft.disable_adapter():
            self._model(**rows.arguments, use_cache=False, logits_to_keep=1)
        return self._take()

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (n, V) of hidden states (n, H), by the model's own code, which may scale or cap
        them."""
        ids = torch.zeros(1, len(hidden), dtype=torch.long, device=hidden.device)
        with self._decoder_gives(hidden[None]):
            logits: torch.Tensor = self._model(input_ids=ids, use_cache=False).logits
        return logits.squeeze(0)  # a view, in the backward pass as well

    @contextmanager
    def _decoder_gives(self, hidden: torch.Tensor) -> Iterator[None]:
        # The model may read further fields of the output, such as a router's logits.
        output = self._output_kind(last_hidden_state=hidden)
        self._decoder.forward = lambda *_, **__: output
        try:
            yield
        finally:
            del self._decoder.forward
            self._captured = None

    def _capture(self, module: Any, inputs: Any, output: Any) -> None:
        self._captured = output[0]
        if isinstance(output, ModelOutput):
            self._output_kind = type(output)

    def _take(self) -> torch.Tensor:
        hidden, self._captured = self._captured, None
        assert hidden is not None
        return hidden

    @torch.no_grad()
    def _check(self) -> None:
        ids = torch.tensor([[0, 1, 0, 1]], device=self._model.device)
        try:
            logits = self._model(input_ids=ids, use_cache=False, logits_to_keep=0).logits[0]
            same = torch.equal(self.head(self._take()[0]), logits)
        except (AttributeError, TypeError, IndexError, AssertionError) as error:
            raise _no_head(self._model) from error
        if not same:
            raise _no_head(self._model)


def _no_head(model: Any) -> ModelError:
    return ModelError(
        f"Models of the kind {model.config.model_type} can't be tuned here: their logits can't be"
        " computed from their last hidden states alone.",
        "Choose another model.",
    )
