"""The decode loop: rows are stepped as a batch, each with its own statistics and randomness.

Rows join when a slot is free and leave when they end, which keeps the batch full. Rows that share
a prefix (a chain and its forks) share its prefill. A teacher may read along, and rules may
substitute tokens (core/decoding/guidance.py). Where threads share a model, their rows are one batch
(core/decoding/shared_batch.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from core.decoding.batch import Batch, OnRow, OnStep, Request, out_of_memory
from core.decoding.guidance import Guidance, Guide
from core.decoding.rows import Decoded, Row
from core.decoding.settings import DEFAULT_BATCH_SIZE
from core.decoding.shared_batch import SharedBatch
from core.errors import PositionError, SamplerError
from core.models.locks import hold
from core.models.memory import is_out_of_memory
from core.models.prefix_store import PrefixStore
from core.records import DEFAULT_ALTERNATIVES, Sampler

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

__all__ = ["Decoded", "OnStep", "Row", "check_token_id", "decode"]


def decode(
    lm: LanguageModel,
    rows: Sequence[Row],
    sampler: Sampler,
    *,
    k: int = DEFAULT_ALTERNATIVES,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_step: OnStep | None = None,
    on_row: OnRow | None = None,
    cancel: Callable[[], bool] = lambda: False,
    store: PrefixStore | None = None,
    keep_rows: bool = False,
    guide: Guide | None = None,
) -> list[Decoded]:
    """Continue every row until it ends.

    Args:
        lm: the model; its lock and that of the guide's teacher are held throughout, but for a
            model that is shared (`share`), whose rows join those of other threads.
        rows: to continue. A row ends at an end-of-sequence token, when its completion (including
            the tokens kept) has `sampler.max_new_tokens` tokens, or at the end of the context.
        sampler: how tokens that are not forced are drawn.
        k: alternatives stored per position.
        batch_size: maximum number of rows at once.
        on_step: called with every token as it is drawn (streaming).
        on_row: called with every row when it ends.
        cancel: polled between steps; when true, all rows end as "cancelled".
        store: prefixes to reuse; None: a private store.
        keep_rows: also store finished rows, for later forks.
        guide: a teacher and one rule per row; greedy decoding only. Tokens forced by a row take
            precedence over its rule.

    Returns:
        One result per row, in order.

    Raises:
        PositionError: a forced position or token that does not exist.
        ModelError: the model's or the teacher's logits are not finite.
        SamplerError: a guide with a sampler that is not greedy.
        ResourceError: the device ran out of memory.
        ValueError: the number of rules differs from the number of rows.
    """
    if guide is not None:
        _check_guide(guide, rows, sampler)
    for row in rows:
        _check_forced(row, lm.vocab_size)
    if not rows:
        return []
    results: dict[int, Decoded] = {}

    def ended(index: int, decoded: Decoded) -> None:
        results[index] = decoded
        if on_row is not None:
            on_row(index, decoded)

    store = PrefixStore() if store is None else store
    request = Request(rows, sampler, min(k, lm.vocab_size), store, keep_rows, on_step, ended)
    size = min(batch_size, len(rows))
    if isinstance(lm.joint, SharedBatch) and guide is None and not lm.lock.is_mine:
        lm.joint.carry_out(lm, request, size, cancel)
    else:
        _alone(lm, request, size, guide, cancel)
    return [results[index] for index in range(len(rows))]


def _alone(
    lm: LanguageModel,
    request: Request,
    size: int,
    guide: Guide | None,
    cancel: Callable[[], bool],
) -> None:
    """Decode one request in this thread, with the models to itself."""
    models = [lm] if guide is None else [lm, guide.teacher]
    guidance = None if guide is None else Guidance(lm, guide, size, request.capacity)
    context = min(model.context_length for model in models)
    batch = Batch(lm, size, request.capacity, guidance, context)
    with hold(models, cancel) as held:
        if not held:
            batch.cancel(request)  # all rows end at once
            return
        max(models, key=lambda model: model.threads).use_threads()
        try:
            with torch.inference_mode():
                while not cancel():
                    batch.admit(request, size - len(batch.slots))
                    if not batch.slots:
                        return
                    batch.step()
                batch.cancel(request)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            for model in models:
                model.prefixes.clear()
            raise out_of_memory(size) from error


def _check_guide(guide: Guide, rows: Sequence[Row], sampler: Sampler) -> None:
    if len(guide.rules) != len(rows):
        raise ValueError(f"{len(guide.rules)} rules for {len(rows)} rows")
    if not sampler.greedy:
        raise SamplerError("A teacher can only guide greedy decoding.", "Set the temperature to 0.")


def _check_forced(row: Row, vocab_size: int) -> None:
    for position, token_id in row.forced.items():
        if position < len(row.completion_ids):
            raise PositionError(
                f"Position {position} lies inside the kept part of the chain.",
                f"Force at position {len(row.completion_ids)} or later.",
            )
        check_token_id(token_id, vocab_size)


def check_token_id(token_id: int, vocab_size: int) -> None:
    """Reject a token id outside the model's vocabulary.

    Raises:
        PositionError: naming the valid ids.
    """
    if not 0 <= token_id < vocab_size:
        raise PositionError(
            f"Token id {token_id} is not in the model's vocabulary.",
            f"Use an id from 0 to {vocab_size - 1}.",
        )
