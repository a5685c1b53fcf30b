"""A second model beside a loaded one, on one copy of the weights where they are the same."""

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


def check_vocabularies(lm: LanguageModel, teacher: LanguageModel) -> None:
    """Refuse a teacher whose token ids mean something else than the base's.

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
