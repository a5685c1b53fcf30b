"""Entropies of chains that a server sampled, by teacher forcing of the model in hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.decoding.loop import Decoded, Row
from core.decoding.scoring import score
from core.engines.served import Score
from core.models.prefix_store import PrefixStore
from core.records import floats

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


def wanted(which: Score, correct: Sequence[bool], samples: int) -> list[bool]:
    """Which chains are scored, (N,).

    Args:
        which: "gated" takes those of problems that have both correct and wrong ones.
        correct: (N,) whether each chain's answer is right, problem by problem.
        samples: chains of a problem.
    """
    if which is not Score.GATED:
        return [which is Score.ALL] * len(correct)
    found: list[bool] = []
    for start in range(0, len(correct), samples):
        own = correct[start : start + samples]
        found += [0 < sum(own) < len(own)] * len(own)
    return found


def entropies_of(
    lm: LanguageModel,
    rows: Sequence[Row],
    chains: Sequence[Decoded],
    scored: Sequence[bool],
    *,
    cancel: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[list[float] | None] | None:
    """The entropy of every token's distribution, nats, of the chains that are scored.

    Args:
        rows: N rows with their prompts. A prompt that several share is read once.
        chains: N chains.
        scored: (N,) which of them; the others are None.
        cancel: asked between chains.
        on_progress: called with (chains sampled and scored, both in all).

    Returns:
        N lists, each as long as its chain, or None; None for all when cancelled.

    Raises:
        ModelError: the model's logits are not finite.
    """
    store, found = PrefixStore(), list[list[float] | None]()
    done, total = len(chains), len(chains) + sum(scored)
    for row, chain, is_scored in zip(rows, chains, scored, strict=True):
        if not is_scored:
            found.append(None)
            continue
        if cancel():
            return None
        statistics = score(lm, row.prompt_ids, chain.token_ids, 1, store)
        found.append(floats(statistics.entropy))
        done += 1
        on_progress(done, total)
    return found
