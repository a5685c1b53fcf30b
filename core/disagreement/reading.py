"""One of a comparison's chains, scored again by base and teacher, since a run keeps no
alternatives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from core.chains.assembly import scored_chain
from core.components.heatmap_view import HeatmapView, OtherModel
from core.disagreement.records import ComparedChain
from core.disagreement.settings import CompareSettings
from core.disagreement.token_classes import Disagreement, disagree
from core.records import Chain, Problem, Sampler
from core.system.short_text import short

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


NAME_LENGTH = 28
"""Characters of a teacher's name beside a chain."""


@dataclass(frozen=True, eq=False)
class ReadChain:
    """A chain with both models' statistics of its T tokens."""

    chain: Chain  # with the base's statistics, whoever wrote it
    found: Disagreement
    teacher_top_tokens: tuple[tuple[str, ...], ...]  # (T, k)
    teacher_chosen: NDArray[np.int64]  # (T,) column of the chain's token; -1 = none
    along: Literal["base", "teacher"] = "base"  # who wrote the chain


def with_teacher(view: HeatmapView, read: ReadChain, name: str) -> HeatmapView:
    """The view of such a chain with the class of each of its tokens as a mark, and what the teacher
    would have written.

    Args:
        view: of `read.chain`.
        name: of the teacher.
    """
    return replace(
        view,
        marks=[str(each) for each in read.found.classes],
        other=OtherModel(
            "base",
            short(name, NAME_LENGTH),
            read.teacher_top_tokens,
            read.found.teacher.top_logprobs,
            read.teacher_chosen,
        ),
    )


def read_chain(
    lm: LanguageModel,
    teacher: LanguageModel,
    problem: Problem,
    record: ComparedChain,
    settings: CompareSettings,
) -> ReadChain:
    """The chain of a record, scored by both models.

    Raises:
        ModelError, PromptError, PositionError: as `disagree`.
    """
    chain = base_chain(lm, problem, record, settings)
    found = disagree(lm, teacher, chain.prompt_ids, chain.token_ids)
    top = found.teacher.top_ids  # (T, k)
    same = top == np.array(chain.token_ids, np.int64).reshape(-1, 1)
    return ReadChain(
        chain,
        found,
        tuple(tuple(lm.text.display(int(i)) for i in row) for row in top),
        np.where(same.any(axis=1), same.argmax(axis=1), -1),
        settings.along,
    )


def base_chain(
    lm: LanguageModel, problem: Problem, record: ComparedChain, settings: CompareSettings
) -> Chain:
    """The chain of a record with the base's statistics. In one that the teacher wrote, the tokens
    that the base's greedy decoding would not have written are forced.

    Raises:
        ModelError, PromptError, PositionError: as `scored_chain`.
    """
    chain = scored_chain(
        lm,
        problem,
        record.prompt_ids,
        record.token_ids,
        forced=(),
        sampler=Sampler(
            max_new_tokens=settings.max_new_tokens,
            stop=settings.stop_strings(lm.prompt_style),
        ),
        stop_reason=record.stop_reason,
        prompt_style=settings.prompt_style or lm.prompt_style,
        prompt_date=settings.prompt_date,
    )
    if settings.along == "base":
        return chain
    return replace(chain, forced=tuple(rank != 1 for rank in chain.statistics.rank.tolist()))
