"""Whether two models speak of the same tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import ModelError, examples

if TYPE_CHECKING:
    from core.language_model import LanguageModel


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
