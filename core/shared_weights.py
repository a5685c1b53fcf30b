"""A second model beside a loaded one, on one copy of the weights where they are the same."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import chain
from typing import Any

from peft import PeftModel

from core.adapter_loading import with_adapter
from core.language_model import (
    LanguageModel,
    ModelFiles,
    ModelSpec,
    fetch_model,
    load_language_model,
    wrap,
)


def load_beside(
    lm: LanguageModel, spec: ModelSpec, files: ModelFiles | None = None
) -> LanguageModel:
    """The model that `spec` names; where only its adapter is another one, it stands on the
    weights of `lm`, which are not loaded a second time.

    The two are used like any two models, also at the same time: neither is switched to make the
    other.

    Args:
        files: what `fetch_model` found, where progress is to be seen.

    Raises:
        ModelError, ResourceError: as `load_language_model`.
    """
    if spec == lm.spec:
        return lm
    if replace(spec, adapter=lm.spec.adapter) != lm.spec:
        return load_language_model(spec, files)
    files = files or fetch_model(spec)
    model = _twin(lm.model)
    if files.adapter is not None:
        model = with_adapter(model, files.adapter, spec.adapter or "")
    model.eval()
    return replace(wrap(spec, model, lm.tokenizer), folder=lm.folder)


def _twin(model: Any) -> Any:
    """A model of its own modules, without the adapter, made of the very tensors of another."""
    tensors = chain(model.parameters(), model.buffers())
    twin = copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})
    return twin.unload() if isinstance(twin, PeftModel) else twin
