"""The greedy chains of a problem before and after: the base's beside the tuned model's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from core.chain_json import chain_from_json, chain_to_json
from core.chains.generation import generate
from core.chains.judging import judge
from core.chains.prompting import PromptSettings
from core.decoding.scoring import score
from core.errors import FileError
from core.models.language_model import LanguageModel
from core.models.prefix_store import PrefixStore
from core.records import (
    SCHEMA_VERSION,
    Chain,
    Outcome,
    Problem,
    Sampler,
    StopReason,
    check_schema_version,
)


@dataclass(frozen=True)
class SideBySide:
    """One problem's greedy chains, each with its tokens' ranks in the other model."""

    before: Chain
    before_outcome: Outcome
    before_ranks: tuple[int, ...]  # (T,) of the base's tokens, in the tuned model's order
    after: Chain
    after_outcome: Outcome
    after_ranks: tuple[int, ...]  # (T',) of the tuned model's tokens, in the base's order

    @property
    def changed(self) -> list[int]:
        """Positions of the chain after where the base prefers another token."""
        return [i for i, rank in enumerate(self.after_ranks) if rank > 1]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "schema_version": SCHEMA_VERSION,
            "before": chain_to_json(self.before, self.before_outcome),
            "before_ranks": list(self.before_ranks),
            "after": chain_to_json(self.after, self.after_outcome),
            "after_ranks": list(self.after_ranks),
        }

    @staticmethod
    def from_json(data: Any) -> SideBySide:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or damaged.
            SessionError: one of the two chains is.
        """
        check_schema_version(data, "comparison of two chains", FileError)
        try:
            before, before_outcome = chain_from_json(data["before"])
            after, after_outcome = chain_from_json(data["after"])
            ranks = [_RANKS.validate_python(data[f"{each}_ranks"]) for each in ("before", "after")]
        except (KeyError, ValueError) as error:  # pydantic's ValidationError is a ValueError
            raise _damaged() from error
        ids = (*before.prompt_ids, *before.token_ids, *after.prompt_ids, *after.token_ids)
        lengths = [len(each) for each in ranks]
        whole = lengths == [len(before), len(after)] and max(ids, default=0) <= _INT32
        if before_outcome is None or after_outcome is None or not whole:
            raise _damaged()
        return SideBySide(before, before_outcome, ranks[0], after, after_outcome, ranks[1])


def side_by_side(
    tuned: LanguageModel,
    problems: Sequence[Problem],
    settings: PromptSettings,
    *,
    cancel: Callable[[], bool] = lambda: False,
) -> list[SideBySide] | None:
    """Decode problems greedily by both models.

    Args:
        tuned: a model with an adapter; with the adapter switched off it is the base.
        problems: at least one.
        settings: of the prompts.
        cancel: asked between tokens.

    Returns:
        One a problem, in order; None when cancelled.

    Raises:
        PromptError, ResourceError: as `generate`.
    """
    base = replace(tuned, spec=replace(tuned.spec, adapter=None), prefixes=PrefixStore())
    sampler = Sampler(max_new_tokens=settings.max_new_tokens)

    def chains(lm: LanguageModel) -> list[Chain]:
        return generate(
            lm,
            problems,
            sampler,
            [0] * len(problems),
            prompt_style=settings.prompt_style,
            template=settings.template,
            prompt_date=settings.prompt_date,
            stop=settings.stop,
            examples=settings.examples,
            cancel=cancel,
        )

    read = {id(base): PrefixStore(), id(tuned): PrefixStore()}  # beginnings that prompts share

    def ranks(lm: LanguageModel, chain: Chain) -> tuple[int, ...]:
        found = score(lm, chain.prompt_ids, chain.token_ids, store=read[id(lm)])
        return tuple(found.rank.tolist())

    after = chains(tuned)
    disabled: Any = tuned.model
    with disabled.disable_adapter():
        before = chains(base)
        after_ranks = [ranks(base, chain) for chain in after]
    if any(chain.stop_reason is StopReason.CANCELLED for chain in (*before, *after)):
        return None
    before_ranks = [ranks(tuned, chain) for chain in before]
    return [
        SideBySide(*each)
        for each in zip(
            before,
            judge(base, before),
            before_ranks,
            after,
            judge(tuned, after),
            after_ranks,
            strict=True,
        )
    ]


def _damaged() -> FileError:
    return FileError(
        "The chains before and after can't be read.", "Resume the run, which decodes them again."
    )


_INT32 = 2**31 - 1  # token ids and ranks are stored as 32-bit integers
_RANKS = TypeAdapter(tuple[Annotated[int, Field(strict=True, ge=1, le=_INT32)], ...])
