"""What the papers claim and what they don't, as a check."""

from __future__ import annotations

from core.claims.registry import CLAIMS
from core.lessons.checks import Choice, ChoiceCheck

CLAIMED = ("rm-reranked", "rm-entropy", "8020-fifth", "sbc-sparse")
"""Ids of claims among the sentences."""

NOT_CLAIMED: tuple[tuple[str, str], ...] = (
    (
        "The same few tokens explain gains in programming, law or poetry.",
        "is not claimed: the benchmarks of ReasonMaxxer's table are mathematics with answers that "
        "a program can check. Other domains may differ.",
    ),
    (
        "A model that thinks for thousands of tokens forks exactly as often.",
        "is not claimed: of the eight bases in ReasonMaxxer's table one is distilled from a "
        "thinking model. Long thinking revises itself, so a single token may decide less.",
    ),
    (
        "However long reinforcement learning lasts, it changes at most 4 % of the tokens.",
        "is not claimed: the share was measured on the trained models that there were. Very long "
        "training may change more.",
    ),
    (
        "A token with high entropy always decides the answer.",
        "is not claimed: many forks are a mere choice of words. The next step shows one.",
    ),
)
"""Sentences that a reader may take for claims, and why they are none."""


def claims_check() -> ChoiceCheck:
    """Which sentences the papers claim, claims and others in turn."""
    claimed = [
        Choice(
            each.sentence,
            True,
            f"is claimed by {each.paper.short} (arXiv:{each.paper.arxiv}): {each.stated}.",
        )
        for each in (CLAIMS[name] for name in CLAIMED)
    ]
    others = [Choice(sentence, False, why) for sentence, why in NOT_CLAIMED]
    mixed = [each for pair in zip(claimed, others, strict=True) for each in pair]
    return ChoiceCheck("Which of these do the papers claim?", tuple(mixed), several=True)
