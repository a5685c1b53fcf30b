"""Generate chains for problems, and fork a chain by forcing a token."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from core.chains.assembly import GrowingChain, assemble, blank_chain
from core.chains.few_shot import examples_of
from core.decoding.loop import Decoded, Row, check_token_id, decode
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
from core.tokens.prompts import WorkedExample, check_context, default_stop, encode_prompt

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class Fork:
    """A position of a chain and the token to force there, or the tokens of a phrase."""

    position: int
    token_id: int
    then: tuple[int, ...] = ()  # forced after it, in order

    @property
    def token_ids(self) -> tuple[int, ...]:
        """All tokens that are forced, from `position` on."""
        return self.token_id, *self.then

    @staticmethod
    def of(position: int, token_ids: Sequence[int]) -> Fork:
        """The fork that forces these tokens, of which there is one at least."""
        first, *then = token_ids
        return Fork(position, first, tuple(then))


Watch = Callable[[int, GrowingChain], None]
"""Called with the index of a chain and the chain itself after every token."""


def generate(
    lm: LanguageModel,
    problems: Sequence[Problem],
    sampler: Sampler,
    seeds: Sequence[int],
    *,
    prompt_style: str | None = None,
    template: str | None = None,
    prompt_date: date | None = None,
    stop: Sequence[str] | None = None,
    examples: Sequence[WorkedExample] | None = None,
    k: int = DEFAULT_ALTERNATIVES,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_prompts: Callable[[Sequence[int]], None] | None = None,
    watch: Watch | None = None,
    on_chain: Callable[[int, Chain], None] | None = None,
    cancel: Callable[[], bool] = lambda: False,
) -> list[Chain]:
    """Generate one chain per problem and seed.

    Args:
        problems: N problems; repeat one to sample it several times.
        sampler: how tokens are drawn.
        seeds: N seeds, one per chain; a chain depends on its seed, not on its batch.
        prompt_style: a name of `PROMPT_STYLES`; None: the model's default.
        template: the text around {problem} for the style "plain".
        prompt_date: for chat templates that use the date; None: today. Stored in the chain.
        examples: worked examples before every question; None: those of the style, as `examples_of`.
        stop: strings that end a chain; None: the sampler's or, if it has none, the prompt style's.
        k: alternatives stored per token.
        batch_size: maximum number of chains decoded at once.
        on_prompts: called with the lengths of all prompts, in tokens, before they are read.
        watch: called after every token.
        on_chain: called with the index and chain whenever a chain is complete.
        cancel: polled between steps; when true, chains end as they are.

    Returns:
        N chains, in order.

    Raises:
        PromptError: an empty question, or one that does not fit into the context.
        ResourceError: out of memory.
    """
    style = prompt_style or lm.prompt_style
    examples = examples_of(style, examples)
    if stop is not None or not sampler.stop:
        stop = default_stop(style, template) if stop is None else tuple(stop)
        sampler = replace(sampler, stop=stop)
    day = prompt_date or lm.prompt_date or date.today()
    blanks = []
    for problem, seed in zip(problems, seeds, strict=True):
        with lm.text.lock:
            ids = encode_prompt(lm.tokenizer, problem.question, style, template, day, examples)
        check_context(len(ids), sampler.max_new_tokens, lm.context_length)
        blanks.append(blank_chain(lm, problem, ids, sampler, seed, style, day, k))
    if on_prompts is not None:
        on_prompts([len(blank.prompt_ids) for blank in blanks])
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
    """Force a token, or those of a phrase, at a position of a chain and continue from there, once
    per fork.

    Tokens before the position are kept with their statistics. All forks are one batch that shares
    the chain's prefix. A phrase that contains an end-of-sequence token or completes a stop string
    ends there.

    Args:
        forks: N positions and tokens.
        sampler: of the continuations; None: the chain's own.
        seeds: N seeds; None: the chain's own for all.
        batch_size, watch, on_chain, cancel: as for `generate`.

    Returns:
        N chains, in order.

    Raises:
        PositionError: a position outside the chain, a token id the model doesn't have, or a phrase
            that is longer than the chain may become.
        ModelError: the chain was made by another model, adapter, revision or quantization.
        PromptError: no prompt, or more new tokens than the context holds.
    """
    sampler = sampler or chain.sampler
    check_maker(lm, chain, sampler)
    return fork_each(
        lm,
        [(chain, each) for each in forks],
        sampler,
        seeds or [chain.seed] * len(forks),
        batch_size=batch_size,
        watch=watch,
        on_chain=on_chain,
        cancel=cancel,
    )


def check_maker(lm: LanguageModel, chain: Chain, sampler: Sampler) -> None:
    """Reject a chain that the model can't continue.

    Raises:
        ModelError: it was made by another model, adapter, revision or quantization.
        PromptError: no prompt, or more new tokens than the context holds.
        PositionError: a token id the model doesn't have.
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
    check_context(len(chain.prompt_ids), sampler.max_new_tokens, lm.context_length)


def fork_each(
    lm: LanguageModel,
    forks: Sequence[tuple[Chain, Fork]],
    sampler: Sampler,
    seeds: Sequence[int],
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    watch: Watch | None = None,
    on_chain: Callable[[int, Chain], None] | None = None,
    cancel: Callable[[], bool] = lambda: False,
) -> list[Chain]:
    """As `fork`, of several chains in one batch; chains that begin alike share that beginning.

    Args:
        forks: N chains that this model can continue (`check_maker`), each with its fork; all keep
            as many alternatives a token.
        sampler: of the continuations.
        seeds: N seeds.
        batch_size, watch, on_chain, cancel: as for `generate`.

    Returns:
        N chains, in order.

    Raises:
        PositionError: as `fork`.
    """
    blanks = []
    for (chain, each), seed in zip(forks, seeds, strict=True):
        check_fork(lm, chain, each, sampler)
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
    forced = [dict(enumerate(each.token_ids, each.position)) for _, each in forks]
    k = forks[0][0].statistics.top_ids.shape[1] if forks else DEFAULT_ALTERNATIVES
    return _run(lm, blanks, forced, sampler, k, batch_size, watch, on_chain, cancel)


def check_position(chain: Chain, position: int) -> None:
    """Reject a position outside the chain.

    Raises:
        PositionError: naming the valid positions.
    """
    if not 0 <= position < len(chain):
        raise PositionError(
            f"This chain of {len(chain)} tokens has no position {position}.",
            f"Choose a position from 0 to {len(chain) - 1}."
            if len(chain)
            else "Generate a chain first.",
        )


def check_fork(lm: LanguageModel, chain: Chain, fork: Fork, sampler: Sampler) -> None:
    """Reject a fork that the model can't continue from.

    Raises:
        PositionError: a position outside the chain, a token id the model doesn't have, or a phrase
            that is longer than the chain may become.
    """
    check_position(chain, fork.position)
    for token_id in fork.token_ids:
        check_token_id(token_id, lm.vocab_size)
    if fork.then and fork.position + len(fork.token_ids) > sampler.max_new_tokens:
        raise PositionError(
            f"This phrase has {len(fork.token_ids)} tokens, and there is room for "
            f"{max(sampler.max_new_tokens - fork.position, 0)} at position {fork.position}.",
            "Force a shorter phrase, or raise max new tokens and generate again.",
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
        keep_rows=len(rows) <= 2 * k,  # interactive forks, not a sweep
    )
    return [chains[index] for index in range(len(rows))]


def _finished(
    lm: LanguageModel, blank: Chain, decoded: Decoded, forced: Mapping[int, int]
) -> Chain:
    ids = [*blank.token_ids, *decoded.token_ids]
    statistics = TokenStatistics.concatenate([blank.statistics, decoded.statistics])
    pieces = lm.text.pieces(ids, blank.prompt_ids)
    return assemble(lm, blank, ids, statistics, pieces, forced, decoded.stop_reason)


def look_up(
    lm: LanguageModel,
    chain: Chain,
    position: int,
    token_ids: Sequence[int],
    patience: float = math.inf,
) -> TokenStatistics:
    """Statistics of any tokens at a position of a chain, each after those before it.

    Args:
        token_ids: (n,) at least one.
        patience: seconds to wait for the model.

    Returns:
        (n,) statistics; fewer where an end-of-sequence token ends them.

    Raises:
        PositionError: a position outside the chain, or an id outside the vocabulary.
        ResourceError: the model was busy for more than `patience` seconds.
    """
    check_position(chain, position)
    row = Row(chain.prompt_ids, chain.token_ids[:position], dict(enumerate(token_ids, position)))
    only_these = Sampler(max_new_tokens=position + len(token_ids))
    deadline = time.monotonic() + patience
    (decoded,) = decode(
        lm, [row], only_these, k=1, store=lm.prefixes, cancel=lambda: time.monotonic() > deadline
    )
    if decoded.stop_reason is StopReason.CANCELLED:
        raise ResourceError("The model is busy with other work.", "Try again in a moment.")
    return decoded.statistics
