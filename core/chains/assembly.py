"""Assemble chains from token ids and statistics, while they grow and when they are complete."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from core.chains.run_on import answer_ends
from core.decoding.scoring import score
from core.records import (
    DEFAULT_ALTERNATIVES,
    Chain,
    Problem,
    Sampler,
    StopReason,
    TokenStatistics,
)
from core.system.environment import versions
from core.tokens.stop_strings import run_on
from core.tokens.thinking import thinking_length
from core.tokens.token_text import PieceStream

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel
    from core.models.prefix_store import PrefixStore


class GrowingChain:
    """A chain being generated; `snapshot` may be called at any time, from any thread."""

    def __init__(self, lm: LanguageModel, blank: Chain, forced: Mapping[int, int]) -> None:
        """Start from `blank`, which has the prompt, the tokens kept and the chain's settings."""
        self._lm = lm
        self._blank = blank
        self._forced = forced
        self._pieces = PieceStream(lm.text, blank.prompt_ids)
        for token_id in blank.token_ids:
            self._pieces.push(token_id)
        self._ids = list(blank.token_ids)
        self._statistics = [blank.statistics]
        self._joined = (1, blank.statistics)  # number of parts joined so far, and their join

    def push(self, token_id: int, statistics: TokenStatistics) -> None:
        """Add one token."""
        self._statistics.append(statistics)
        self._pieces.push(token_id)
        self._ids.append(token_id)

    def snapshot(self, stop_reason: StopReason = StopReason.CANCELLED) -> Chain:
        """The chain so far."""
        length = len(self._ids)
        parts = length - len(self._blank) + 1
        done, joined = self._joined
        joined = TokenStatistics.concatenate([joined, *self._statistics[done:parts]])
        if parts > done:
            self._joined = (parts, joined)
        return assemble(
            self._lm,
            self._blank,
            self._ids[:length],
            joined[:length],
            self._pieces.pieces[:length],
            self._forced,
            stop_reason,
        )


def blank_chain(
    lm: LanguageModel,
    problem: Problem,
    prompt_ids: Sequence[int],
    sampler: Sampler,
    seed: int,
    style: str,
    prompt_date: date | None,
    k: int,
) -> Chain:
    """An empty chain with model, sampler, seed and prompt set."""
    return Chain(
        prompt_ids=tuple(prompt_ids),
        token_ids=(),
        tokens=(),
        top_tokens=(),
        statistics=TokenStatistics.empty(min(k, lm.vocab_size)),
        forced=(),
        stop_reason=StopReason.CANCELLED,
        model=lm.spec.model,
        adapter=lm.spec.adapter,
        revision=lm.spec.revision,
        quantization=lm.spec.quantization,
        dtype=lm.dtype,
        prompt_style=style,
        prompt_date=None if prompt_date is None else prompt_date.isoformat(),
        problem=problem,
        sampler=sampler,
        seed=seed,
        versions=versions(),
    )


def assemble(
    lm: LanguageModel,
    blank: Chain,
    ids: Sequence[int],
    statistics: TokenStatistics,
    pieces: Sequence[str],
    forced: Collection[int],
    stop_reason: StopReason,
) -> Chain:
    """Fill a blank chain with its tokens.

    Args:
        ids: (T,) all completion tokens, including those of `blank`.
        statistics: (T,).
        pieces: (T,) display text.
        forced: positions of forced tokens.
    """
    start = len(blank)
    top_tokens = tuple(
        tuple(lm.text.display(int(i)) for i in row) for row in statistics.top_ids[start:]
    )
    return replace(
        blank,
        token_ids=tuple(ids),
        tokens=tuple(pieces),
        top_tokens=blank.top_tokens + top_tokens,
        statistics=statistics,
        forced=blank.forced + tuple(i in forced for i in range(start, len(ids))),
        stop_reason=stop_reason,
        thinking=thinking_length(lm.text, blank.prompt_ids, ids),
        run_on=_run_on(lm, blank, pieces),
    )


def _run_on(lm: LanguageModel, blank: Chain, pieces: Sequence[str]) -> int | None:
    question, style = blank.problem.question, blank.prompt_style
    ends = answer_ends(lm, blank.prompt_ids, question, style, blank.sampler.stop)
    return run_on(pieces, ends)


def scored_chain(
    lm: LanguageModel,
    problem: Problem,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    *,
    forced: Collection[int],
    sampler: Sampler,
    stop_reason: StopReason,
    seed: int = 0,
    prompt_style: str = "plain",
    prompt_date: date | None = None,
    k: int = DEFAULT_ALTERNATIVES,
    store: PrefixStore | None = None,
) -> Chain:
    """Rebuild a chain from token ids alone, as runs store them, by scoring them.

    Args:
        prompt_ids: of the prompt.
        token_ids: (T,) of the completion.
        forced: completion positions of forced tokens.
        prompt_date: the date given to the chat template, if known.
        store: as of `score`.

    Raises:
        ModelError, PromptError, PositionError: as `score`.
    """
    blank = blank_chain(lm, problem, prompt_ids, sampler, seed, prompt_style, prompt_date, k)
    statistics = score(lm, prompt_ids, token_ids, k, store)
    pieces = lm.text.pieces(token_ids, prompt_ids)
    return assemble(lm, blank, token_ids, statistics, pieces, forced, stop_reason)
