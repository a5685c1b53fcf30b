"""Load a second model beside a loaded one, sharing weights that are the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.errors import ModelError, examples
from core.models.language_model import (
    LanguageModel,
    ModelFiles,
    fetch_model,
    load_language_model,
    on_base,
)
from core.models.spec import ModelSpec
from core.models.twin import twin

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


def load_beside(
    lm: LanguageModel, spec: ModelSpec, files: ModelFiles | None = None
) -> LanguageModel:
    """Load the model `spec`. If it differs from `lm` only by its adapter, it is built on the same
    base weights, which are not loaded again.

    The two are independent: no adapter is switched on and off, and each model has its own copy of
    every tensor that its adapter replaces.

    Args:
        files: from `fetch_model`, if it was called to show progress.

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
    return replace(on_base(spec, files, base), folder=lm.folder, dtype_reason=lm.dtype_reason)


def check_vocabularies(lm: LanguageModel, teacher: LanguageModel) -> None:
    """Reject a teacher whose vocabulary differs from the base's.

    Raises:
        ModelError: naming some ids that differ.
    """
    if lm.tokenizer is teacher.tokenizer:
        return
    ours, theirs = lm.tokenizer.get_vocab(), teacher.tokenizer.get_vocab()
    if ours == theirs:
        return
    by_id = [{index: token for token, index in each.items()} for each in (ours, theirs)]
    base, other = by_id
    differing = sorted(i for i in base.keys() | other.keys() if base.get(i) != other.get(i))
    some = examples([f"{i}: {base.get(i)!r} and {other.get(i)!r}" for i in differing])
    raise ModelError(
        f"The teacher {teacher.name} has another vocabulary than {lm.name}; "
        f"token ids that differ: {len(differing)} ({some}).",
        "Choose a teacher that was tuned from this model or shares its tokenizer.",
    )
