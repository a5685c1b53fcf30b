"""A problem becomes chains; a chain and a forced token become a new chain."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from core.decoding.loop import Decoded, Row, check_token_id, decode
from core.decoding.scoring import score
from core.decoding.settings import DEFAULT_BATCH_SIZE
from core.errors import ModelError, PositionError, PromptError, ResourceError
from core.records import (
    DEFAULT_ALTERNATIVES,
    Chain,
    Problem,
    Sampler,
    StopReason,
    TokenStatistics,
)
from core.system.environment import versions
from core.tokens.prompts import check_context, encode_prompt
from core.tokens.thinking import thinking_length
from core.tokens.token_text import PieceStream

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class Fork:
    """A position of a chain and the token to force there."""

    position: int
    token_id: int


class GrowingChain:
    """A chain while its tokens arrive; `snapshot` may be taken at any time, from any thread."""

    def __init__(self, lm: LanguageModel, blank: Chain, forced: Mapping[int, int]) -> None:
        """`blank` holds what is known before the first new token: prompt, kept tokens, origin."""
        self._lm = lm
        self._blank = blank
        self._forced = forced
        self._pieces = PieceStream(lm.text, blank.prompt_ids)
        for token_id in blank.token_ids:
            self._pieces.push(token_id)
        self._ids = list(blank.token_ids)
        self._statistics = [blank.statistics]
        self._joined = (1, blank.statistics)  # how many of these are joined already

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


Watch = Callable[[int, GrowingChain], None]
"""Told the index of a chain and the chain itself after every token."""


def generate(
    lm: LanguageModel,
    problems: Sequence[Problem],
    sampler: Sampler,
    seeds: Sequence[int],
    *,
    prompt_style: str | None = None,
    template: str | None = None,
    prompt_date: date | None = None,
    k: int = DEFAULT_ALTERNATIVES,
    batch_size: int = DEFAULT_BATCH_SIZE,
    watch: Watch | None = None,
    on_chain: Callable[[int, Chain], None] | None = None,
    cancel: Callable[[], bool] = lambda: False,
) -> list[Chain]:
    """One chain a problem and seed.

    Args:
        problems: N problems; one may stand there many times.
        seeds: N seeds, one a chain: the same seed gives the same chain, whatever its batch.
        prompt_style: a name of `PROMPT_STYLES`; the model's own when None.
        template: the text around {problem} for the style "plain".
        prompt_date: for chat templates that ask the date; today if None. The chain records it.

    Raises:
        PromptError: an empty question, or one that does not fit into the context.
        ResourceError: out of memory.
    """
    style = prompt_style or lm.prompt_style
    day = prompt_date or lm.prompt_date or date.today()
    blanks = []
    for problem, seed in zip(problems, seeds, strict=True):
        with lm.text.lock:
            ids = encode_prompt(lm.tokenizer, problem.question, style, template, day)
        check_context(len(ids), sampler.max_new_tokens, lm.context_length)
        blanks.append(blank_chain(lm, problem, ids, sampler, seed, style, day, k))
    return _run(lm, blanks, [{}] * len(blanks), sampler, k, batch_size, watch, on_chain, cancel)


def fork(
    lm: LanguageModel,
    chain: Chain,
    forks: Sequence[Fork],
    *,
    sampler: Sampler | None = None,
    seeds: Sequence[int] | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    watch: Watch | None = None,
    on_chain: Callable[[int, Chain], None] | None = None,
    cancel: Callable[[], bool] = lambda: False,
) -> list[Chain]:
    """Force a token at a position of a chain and let the model continue, once a fork.

    What stands before the position is kept with its statistics. The sampler and seed are the
    chain's own unless given. All forks are one batch that shares the chain's prefix.

    Raises:
        PositionError: a position outside the chain, or a token id the model doesn't have.
        ModelError: the chain was made by another model, adapter, revision or quantization.
        PromptError: no prompt, or more new tokens than the context holds.
    """
    made_by = (chain.model, chain.adapter, chain.revision, chain.quantization)
    if made_by != (lm.spec.model, lm.spec.adapter, lm.spec.revision, lm.spec.quantization):
        raise ModelError(
            f"This chain was made by {chain.model}, adapter {chain.adapter or 'none'}, revision "
            f"{chain.revision or 'main'}, quantization {chain.quantization}.",
            "Load that model to continue it.",
        )
    if not chain.prompt_ids:
        raise PromptError("This chain has no prompt.", "Generate a chain from a question.")
    for token_id in {*chain.prompt_ids, *chain.token_ids}:
        check_token_id(token_id, lm.vocab_size)
    sampler = sampler or chain.sampler
    check_context(len(chain.prompt_ids), sampler.max_new_tokens, lm.context_length)
    seeds = seeds or [chain.seed] * len(forks)
    k = chain.statistics.top_ids.shape[1]
    blanks = []
    for each, seed in zip(forks, seeds, strict=True):
        check_position(chain, each.position)
        check_token_id(each.token_id, lm.vocab_size)
        blanks.append(
            replace(
                chain,
                token_ids=chain.token_ids[: each.position],
                tokens=chain.tokens[: each.position],
                top_tokens=chain.top_tokens[: each.position],
                statistics=chain.statistics[: each.position],
                forced=chain.forced[: each.position],
                dtype=lm.dtype,
                sampler=sampler,
                seed=seed,
                versions=versions(),
            )
        )
    forced = [{each.position: each.token_id} for each in forks]
    return _run(lm, blanks, forced, sampler, k, batch_size, watch, on_chain, cancel)


def check_position(chain: Chain, position: int) -> None:
    """Refuse a position outside the chain.

    Raises:
        PositionError: with the positions there are.
    """
    if not 0 <= position < len(chain):
        raise PositionError(
            f"There is no position {position} in this chain of {len(chain)} tokens.",
            f"Choose a position from 0 to {len(chain) - 1}."
            if len(chain)
            else "Generate a chain first.",
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
    """A chain without tokens yet, which knows who is to make it and how."""
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


def _run(
    lm: LanguageModel,
    blanks: Sequence[Chain],
    forced: Sequence[Mapping[int, int]],
    sampler: Sampler,
    k: int,
    batch_size: int,
    watch: Watch | None,
    on_chain: Callable[[int, Chain], None] | None,
    cancel: Callable[[], bool],
) -> list[Chain]:
    rows = [
        Row(blank.prompt_ids, blank.token_ids, force, blank.seed)
        for blank, force in zip(blanks, forced, strict=True)
    ]
    growing: dict[int, GrowingChain] = {}
    chains: dict[int, Chain] = {}

    def on_step(index: int, token_id: int, statistics: TokenStatistics) -> None:
        if watch is None:
            return
        if index not in growing:
            growing[index] = GrowingChain(lm, blanks[index], forced[index])
        growing[index].push(token_id, statistics)
        watch(index, growing[index])

    def on_row(index: int, decoded: Decoded) -> None:
        chains[index] = _finished(lm, blanks[index], decoded, forced[index])
        if on_chain is not None:
            on_chain(index, chains[index])

    decode(
        lm,
        rows,
        sampler,
        k=k,
        batch_size=batch_size,
        on_step=on_step if watch else None,
        on_row=on_row,
        cancel=cancel,
        store=lm.prefixes,
        keep_rows=len(rows) <= 2 * k,  # a person's chains, not a sweep's
    )
    return [chains[index] for index in range(len(rows))]


def _finished(
    lm: LanguageModel, blank: Chain, decoded: Decoded, forced: Mapping[int, int]
) -> Chain:
    ids = [*blank.token_ids, *decoded.token_ids]
    statistics = TokenStatistics.concatenate([blank.statistics, decoded.statistics])
    pieces = lm.text.pieces(ids, blank.prompt_ids)
    return assemble(lm, blank, ids, statistics, pieces, forced, decoded.stop_reason)


def assemble(
    lm: LanguageModel,
    blank: Chain,
    ids: Sequence[int],
    statistics: TokenStatistics,
    pieces: Sequence[str],
    forced: Collection[int],
    stop_reason: StopReason,
) -> Chain:
    """The chain that a blank one and its tokens make.

    Args:
        ids: (T,) all of them, those that the blank had included.
        statistics: (T,).
        pieces: (T,) display text.
        forced: positions whose tokens were put there by somebody.
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
    )


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
) -> Chain:
    """A chain of which only the token ids are known, such as a run keeps them.

    Args:
        forced: completion positions whose tokens were put there by somebody.
        prompt_date: what the chat template was given, where it is known.

    Raises:
        ModelError, PromptError, PositionError: as `score`.
    """
    blank = blank_chain(lm, problem, prompt_ids, sampler, seed, prompt_style, prompt_date, k)
    statistics = score(lm, prompt_ids, token_ids, k)
    pieces = lm.text.pieces(token_ids, prompt_ids)
    return assemble(lm, blank, token_ids, statistics, pieces, forced, stop_reason)


def look_up(
    lm: LanguageModel, chain: Chain, position: int, token_id: int, patience: float = math.inf
) -> tuple[float, int]:
    """Log-probability (nats) and rank of any token at a position of a chain.

    Raises:
        PositionError: a position outside the chain, or an id outside the vocabulary.
        ResourceError: the model was busy for longer than `patience` seconds.
    """
    check_position(chain, position)
    row = Row(chain.prompt_ids, chain.token_ids[:position], {position: token_id})
    only_this = Sampler(max_new_tokens=position + 1)
    deadline = time.monotonic() + patience
    (decoded,) = decode(
        lm, [row], only_this, k=1, store=lm.prefixes, cancel=lambda: time.monotonic() > deadline
    )
    if not decoded.token_ids:
        raise ResourceError("The model is busy with other work.", "Try again in a moment.")
    return float(decoded.statistics.logprob[0]), int(decoded.statistics.rank[0])
