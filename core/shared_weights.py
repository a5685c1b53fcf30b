"""A second model beside a loaded one, on one copy of the weights where they are the same."""

from __future__ import annotations

from dataclasses import replace

from core.language_model import (
    LanguageModel,
    ModelFiles,
    ModelSpec,
    fetch_model,
    load_language_model,
    on_base,
)
from core.twin import twin


def load_beside(
    lm: LanguageModel, spec: ModelSpec, files: ModelFiles | None = None
) -> LanguageModel:
    """The model that `spec` names. Where only its adapter is another one than that of `lm`, it is
    built on the weights of their base, which are not loaded a second time.

    The two are independent: neither is switched to make the other, and each has its own copy of
    whatever an adapter replaces.

    Args:
        files: from `fetch_model`, where progress is shown.

    Raises:
        ModelError, ResourceError: as `load_language_model`.
    """
    if spec == lm.spec:
        return lm
    if replace(spec, adapter=lm.spec.adapter) != lm.spec:
        return load_language_model(spec, files)
    files = files or fetch_model(spec)
    base = lm.bare
    if files.adapter is None:
        base = replace(base, model=twin(base.model))
    return replace(on_base(spec, files, base), folder=lm.folder)
