"""Base and teacher on the same tokens: where does the teacher prefer another one?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from core.decoding.scoring import CompletionLogits, check_completion
from core.entropy import js_divergence, packed_statistics, unpack_statistics
from core.models.locks import hold
from core.models.prefix_store import PrefixStore
from core.models.teacher import check_vocabularies
from core.records import DEFAULT_ALTERNATIVES, TokenStatistics

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

# Float32 logits of each model in one chunk; about five tensors of that size are needed. The C
# library returns blocks over 32 MiB at once; smaller ones would fragment the heap.
_LOGITS_BYTES = 33 * 2**20


class TokenClass(StrEnum):
    """The class of a position of the base's chain (paper section 3)."""

    UNSHIFTED = "unshifted"  # the argmaxes agree
    RERANKED = "reranked"  # they differ, and the teacher's is in the base's top 5
    SHIFTED = "shifted"  # the teacher's is outside the base's top 5


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Both models' views of one completion's T tokens, on the same prefixes.

    `base` and `teacher` are statistics of each model's raw distribution over its full vocabulary.
    The other arrays are over the ids that both have, so that padding ids never win.
    """

    base: TokenStatistics  # (T,)
    teacher: TokenStatistics  # (T,)
    base_argmax: NDArray[np.int32]  # (T,)
    teacher_argmax: NDArray[np.int32]  # (T,)
    base_rank: NDArray[np.int32]  # (T,) of the teacher's argmax in the base's order; 1 = first
    js_divergence: NDArray[np.float32]  # (T,) nats, between 0 and ln 2

    def __len__(self) -> int:
        return len(self.base_rank)

    @property
    def classes(self) -> list[TokenClass]:
        """One a token."""
        return classes_of(self.base_argmax, self.teacher_argmax, self.base_rank)


def classes_of(
    base_argmax: Sequence[int] | NDArray[np.int32],
    teacher_argmax: Sequence[int] | NDArray[np.int32],
    base_rank: Sequence[int] | NDArray[np.int32],
) -> list[TokenClass]:
    """The class of each of T positions (paper section 3).

    Args:
        base_argmax: (T,) token ids.
        teacher_argmax: (T,) token ids.
        base_rank: (T,) of the teacher's argmax in the base's order.
    """
    return [
        TokenClass.UNSHIFTED
        if ours == theirs
        else TokenClass.RERANKED
        if rank <= DEFAULT_ALTERNATIVES
        else TokenClass.SHIFTED
        for ours, theirs, rank in zip(base_argmax, teacher_argmax, base_rank, strict=True)
    ]


def disagree(
    lm: LanguageModel,
    teacher: LanguageModel,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    k: int = DEFAULT_ALTERNATIVES,
    stores: tuple[PrefixStore, PrefixStore] | None = None,
) -> Disagreement:
    """One teacher-forced pass of each model over a completion of T tokens.

    Only the logits of one chunk of positions are in memory: memory grows with the number of
    tokens, never with tokens x vocabulary.

    Args:
        lm: the base.
        teacher: a model with the same tokens.
        prompt_ids: at least one.
        token_ids: (T,) the completion, of any model.
        k: alternatives to keep of each model.
        stores: prompts that the two have read before; what this one begins with isn't computed
            again.

    Raises:
        ModelError: the models have different vocabularies, or logits that are not finite numbers.
        PromptError: an empty prompt, or more tokens than a model's context holds.
        PositionError: an id outside a vocabulary.
    """
    check_vocabularies(lm, teacher)
    for each in (lm, teacher):
        check_completion(each, prompt_ids, token_ids)
    width = min(lm.vocab_size, teacher.vocab_size)
    ids = [*prompt_ids, *token_ids]
    packed: tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]] = ([], [])
    compared: list[NDArray[np.float32]] = []
    if not token_ids:
        return _nothing(lm, teacher, k)
    with hold((lm, teacher)), torch.inference_mode():
        lm.use_threads()
        passes = [
            CompletionLogits(each, ids, len(prompt_ids), _LOGITS_BYTES, store)
            for each, store in zip((lm, teacher), stores or (None, None), strict=True)
        ]
        size = min(each.chunk for each in passes)
        for start in range(0, len(token_ids), size):
            end = min(start + size, len(token_ids))
            both = [each.between(start, end).float() for each in passes]
            for rows, each, logits in zip(packed, (lm, teacher), both, strict=True):
                chosen = torch.tensor(token_ids[start:end], device=logits.device)
                statistics = packed_statistics(logits, chosen, min(k, each.vocab_size))
                rows.append(statistics.cpu().numpy())
            compared.append(_compared(both, width).cpu().numpy())
    columns = np.concatenate(compared)
    base_argmax, teacher_argmax, base_rank = columns[:, :3].astype(np.int32).T
    return Disagreement(
        unpack_statistics(np.concatenate(packed[0])),
        unpack_statistics(np.concatenate(packed[1])),
        base_argmax,
        teacher_argmax,
        base_rank,
        columns[:, 3].astype(np.float32),
    )


def _nothing(lm: LanguageModel, teacher: LanguageModel, k: int) -> Disagreement:
    ours, theirs = (TokenStatistics.empty(min(k, each.vocab_size)) for each in (lm, teacher))
    ids = np.zeros(0, np.int32)
    return Disagreement(ours, theirs, ids, ids, ids, np.zeros(0, np.float32))


def _compared(both: list[torch.Tensor], width: int) -> torch.Tensor:
    """Base argmax, teacher argmax, its base rank and the JS divergence in nats, (n, 4) float64,
    of two models' logits (n, V). The list is emptied, to free them early."""
    base, teacher = (logits[:, :width] for logits in both)
    teacher = teacher.to(base.device)
    both.clear()
    base_argmax = base.argmax(dim=-1, keepdim=True)
    teacher_argmax = teacher.argmax(dim=-1, keepdim=True)
    rank = (base > base.gather(-1, teacher_argmax)).sum(dim=-1, keepdim=True) + 1
    base = base.softmax(dim=-1)
    teacher = teacher.softmax(dim=-1)
    columns = (base_argmax, teacher_argmax, rank, js_divergence(base, teacher))
    return torch.cat([column.double() for column in columns], dim=-1)
