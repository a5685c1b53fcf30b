"""Grow a tree of endings from a chain, in batches, in an order that no batch changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from core.chains.expansion.candidates import AtForks, AtRandom, Node, Order
from core.chains.expansion.growing_tree import GrowingTree, OnEnding, continued_by
from core.chains.expansion.records import Expansion, Growth
from core.chains.expansion.summary import answer_shares, differing_share, group_of, weights
from core.chains.generation import check_maker
from core.chains.settings import ExpansionSettings
from core.decoding.settings import DEFAULT_BATCH_SIZE
from core.errors import PositionError
from core.records import Chain, Outcome

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

OnWave = Callable[[Sequence[int], int], None]
"""Called before each wave of chains, with the positions from which they are continued and the
number of further branches that are known to wait."""


def grow(
    lm: LanguageModel,
    chain: Chain,
    outcome: Outcome,
    settings: ExpansionSettings | None = None,
    *,
    known: Growth | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_part: Callable[[Literal["forks", "random"]], None] | None = None,
    on_wave: OnWave | None = None,
    on_ending: OnEnding | None = None,
    cancel: Callable[[], bool] = lambda: False,
) -> Growth:
    """Grow a tree at the forks of a chain and, as its control, one with as many branches at random
    positions that are not forks.

    Args:
        known: of the same chain, such as one that was cancelled: its endings are not decoded again.
        on_part: called before each of the two.
        settings, batch_size, on_wave, on_ending, cancel: as of `expand`.

    Returns:
        What grew; when cancelled, what had grown until then.

    Raises:
        As `expand`.
    """
    settings = settings or ExpansionSettings()
    found = Growth()
    levels = None
    for at in ("forks", "random"):
        if settings.at not in (at, "both"):
            continue
        earlier = None if known is None else getattr(known, at)
        if cancel():
            if earlier is not None and earlier.settings == settings:
                found = replace(found, **{at: earlier})
            continue
        if on_part is not None:
            on_part(at)
        tree = expand(
            lm,
            chain,
            outcome,
            settings,
            at=at,
            levels=levels,
            known=earlier,
            batch_size=batch_size,
            on_wave=on_wave,
            on_ending=on_ending,
            cancel=cancel,
        )
        found = replace(found, **{at: tree})
        levels = tree.levels
    return found


def expand(
    lm: LanguageModel,
    chain: Chain,
    outcome: Outcome,
    settings: ExpansionSettings | None = None,
    *,
    at: Literal["forks", "random"] = "forks",
    levels: Sequence[int] | None = None,
    known: Expansion | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_wave: OnWave | None = None,
    on_ending: OnEnding | None = None,
    cancel: Callable[[], bool] = lambda: False,
) -> Expansion:
    """Force other tokens at the forks of a chain, continue each to its end, and so on at the forks
    of the new chains behind their forced token.

    The most probable path grows first (`AtForks`). Chains are decoded in batches, ahead of this
    order; those that the order doesn't reach within the budget are dropped, so that the tree
    depends on neither batches nor interruptions.

    Args:
        outcome: of the chain.
        settings: depth, width, threshold, budget, floor, temperature.
        at: forks, or random positions that are not forks.
        levels: at random: number of endings at each depth, from 1 on; None: as many positions as
            there are forks in each chain.
        known: endings of the same chain are taken from here instead of decoded, where their
            temperature is the same. Chains that grow on are scored again.
        batch_size: most chains decoded at once.
        on_wave, on_ending: see there.
        cancel: polled between tokens.

    Returns:
        The tree; when cancelled, with every ending that was complete.

    Raises:
        PositionError: no position to force a token at.
        ModelError, PromptError, ResourceError: as `fork`.
    """
    settings = settings or ExpansionSettings()
    sampler = continued_by(chain, settings.temperature)
    check_maker(lm, chain, sampler)
    order: Order = AtForks(settings) if at == "forks" else AtRandom(settings, levels)
    tree = GrowingTree(lm, chain, settings, sampler, order)
    if known is not None and known.settings.temperature == settings.temperature:
        tree.known = dict(zip(known.paths, known.endings, strict=True))
    tree.open(Node(chain, (), 1.0, group_of(tree.groups, outcome)))
    if tree.nothing and levels is None:
        what = f"token above {settings.tau:g} nats" if at == "forks" else "position to draw from"
        raise PositionError(
            f"This chain has no {what} before its answer's end.",
            "Lower the threshold." if at == "forks" else "Choose a longer chain.",
        )
    ended = tree.accept()
    while ended is None:
        wave = tree.wave(batch_size)
        if on_wave is not None:
            on_wave([each.position for each in wave], tree.waiting - len(wave))
        if not tree.decode(wave, batch_size, on_ending, cancel):
            tree.accept_all()
            ended = "cancelled"
        else:
            ended = tree.accept()
    return Expansion(
        at=at,
        settings=settings,
        endings=tuple(tree.endings),
        grown=len(tree.endings),
        tokens=tree.tokens,
        pruned=tree.pruned,
        ended=ended,
        answers=answer_shares(outcome, tree.endings, tree.groups),
        differing=differing_share(tree.endings, chain.seed),
        differing_endings=sum(each.differs for each in tree.endings),
        explored=sum(weights(tree.endings)),
    )
